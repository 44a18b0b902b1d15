"""One page of a list, or the part of a list whose names have something in common: Segment can't filter."""

from typing import Annotated, Any

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
        Segment's `data`, with no more of each item's `metadata` than id, name and slug: the catalog's own entries are
        ten times as long as what is listed. With a name the items that fit, `pagination` and `truncated`, where
        `pagination` is the last page's, and `truncated` says that the walk ended before the list did: go on at
        `pagination.next`.
    """
    asked = {} if pagination is None else {"pagination": pagination.model_dump(exclude_none=True)}
    listed = operation.answer[0]
    if name is None:
        data = await segment.call(operation, asked)
        return {**data, listed: [_brief(item) for item in data[listed]]}
    wanted = name.casefold()
    walk = await segment.walk(operation, asked, keep=lambda item: wanted in _names(item))
    items = [_brief(item) for item in walk.items]
    return {listed: items, "pagination": walk.pagination, "truncated": walk.truncated}


def _brief(item: Any) -> Any:
    """The item with the part of its catalog entry that tells what it is."""
    metadata = item.get("metadata") if isinstance(item, dict) else None
    if not isinstance(metadata, dict):
        return item
    return {**item, "metadata": {name: metadata[name] for name in ("id", "name", "slug") if name in metadata}}


def _names(item: Data) -> str:
    metadata = item.get("metadata") or {}
    return "\n".join(
        str(part) for part in (item.get("name"), item.get("slug"), metadata.get("name")) if part
    ).casefold()
