"""Pages of a list, with opaque cursors as Segment hands them out (base64 text)."""

import base64
import binascii
from collections.abc import Sequence
from typing import Any, TypeVar

from segment_mcp.sandbox import refusals

DEFAULT_COUNT = 200  # documented for a list that is asked for without pagination

T = TypeVar("T")


def encode(offset: int) -> str:
    """The cursor of the page that starts at `offset`."""
    return base64.b64encode(str(offset).encode()).decode()


def decode(cursor: str) -> int | None:
    """The offset that a cursor stands for; None if no page of ours has it."""
    try:
        text = base64.b64decode(cursor, validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        return None
    if not text.isdecimal() or encode(int(text[:18])) != cursor:
        return None
    return int(text)


def page(items: Sequence[T], count: float | None, cursor: str | None) -> tuple[Sequence[T], dict[str, Any]]:
    """One page, and the `pagination` that goes with it.

    Args:
        items: the whole list.
        count: entries a page, 1 to 1000, already checked; None is the documented 200.
        cursor: as an earlier page named it; None is the first page.

    Returns:
        The page's entries, and `{current, next?, previous?, totalEntries}`. `next` is absent on the last
        page. A list that shrank meanwhile gives an empty last page.

    Raises:
        RefusalError: 422, the cursor is not one of ours, or the count, which some schemas call a number, is not whole.
    """
    if count is not None and count != int(count):
        raise refusals.invalid([refusals.problem("pagination.count", "must be an integer")])
    size = int(count or DEFAULT_COUNT)
    start = 0 if cursor is None else decode(cursor)
    if start is None:
        raise refusals.invalid([refusals.problem("pagination.cursor", "is not a valid cursor")])
    pagination: dict[str, Any] = {"current": encode(start), "totalEntries": len(items)}
    if start + size < len(items):
        pagination["next"] = encode(start + size)
    if start > 0:
        pagination["previous"] = encode(max(0, start - size))
    return items[start : start + size], pagination
