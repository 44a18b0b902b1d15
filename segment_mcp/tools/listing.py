"""One page of a list, or the part of a list whose names have something in common: Segment can't filter."""

from typing import Annotated

from pydantic import Field

from segment_mcp.operations import Operation
from segment_mcp.ports import Data, Segment
from segment_mcp.tools.args import Pagination

NameFilter = Annotated[str, Field(min_length=1, max_length=255, description="Only items with this in name or slug.")]


async def list_page(segment: Segment, operation: Operation, name: str | None, pagination: Pagination | None) -> Data:
    """A page as Segment gives it; with a name, everything from there on that fits it.

    Args:
        segment: Segment.
        operation: the paginated row.
        name: part of a name or slug, in any case of letters; None: no filter.
        pagination: where to begin.

    Returns:
        Segment's `data`; with a name the items that fit, `pagination` and `truncated`, where `pagination` is the last
        page's, and `truncated` says that the walk ended before the list did: go on at `pagination.next`.
    """
    asked = {} if pagination is None else {"pagination": pagination.model_dump(exclude_none=True)}
    if name is None:
        return await segment.call(operation, asked)
    wanted = name.casefold()
    walk = await segment.walk(operation, asked.get("pagination"), keep=lambda item: wanted in _names(item))
    return {operation.answer[0]: walk.items, "pagination": walk.pagination, "truncated": walk.truncated}


def _names(item: Data) -> str:
    metadata = item.get("metadata") or {}
    return "\n".join(
        str(part) for part in (item.get("name"), item.get("slug"), metadata.get("name")) if part
    ).casefold()
