"""Walks the pages of a list, within bounds, and says when it stopped before the list did."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from segment_mcp.errors import InvalidResponse
from segment_mcp.ports import Bounds, Walk


@dataclass(frozen=True, slots=True)
class Listing:
    """A list at Segment.

    Attributes:
        fetch: gets one page, given the `count` and `cursor` to ask with: Segment's `data`.
        key: under which a page has its items.
        clock: seconds that never go back.
        host: who is asked, for errors.
    """

    fetch: Callable[[Mapping[str, Any]], Awaitable[Mapping[str, Any]]]
    key: str
    clock: Callable[[], float]
    host: Callable[[], str]


async def walk(listing: Listing, start: Mapping[str, Any], bounds: Bounds, keep: Callable[[Any], bool]) -> Walk:
    """Everything of a list that is wanted, page by page.

    Args:
        listing: the list.
        start: the first `count` and `cursor`.
        bounds: when to stop; at least one page is read.
        keep: whether an item is wanted.

    Raises:
        InvalidResponse: a page is none of Segment's, or a cursor comes a second time.
        SegmentMcpError: a page could not be got.
    """
    begin = listing.clock()
    items: list[Any] = []
    asked = dict(start)
    seen = {asked.get("cursor")}
    read = 0
    beside: dict[str, Any] = {}
    while True:
        page = await listing.fetch(asked)
        if not read:
            beside = {name: value for name, value in page.items() if name not in {listing.key, "pagination"}}
        read += 1
        listed = page[listing.key]
        if not isinstance(listed, list):
            raise _another_shape(listing)
        items += [item for item in listed if keep(item)]
        cursor = _next_cursor(page, listing)
        if cursor is None:
            return Walk(items, page.get("pagination", {}), truncated=False, beside=beside)
        if cursor in seen:
            host = listing.host()
            raise InvalidResponse(f"{host} gave the same page cursor twice.", host=host, kind="repeated_cursor")
        seen.add(cursor)
        if len(items) >= bounds.items or read >= bounds.pages or listing.clock() - begin >= bounds.seconds:
            return Walk(items, page["pagination"], truncated=True, beside=beside)
        asked = {**asked, "cursor": cursor}


def _next_cursor(page: Mapping[str, Any], listing: Listing) -> str | int | None:
    """Where the next page begins; None after the last one.

    Raises:
        InvalidResponse: the pagination is not of Segment's shape.
    """
    pagination = page.get("pagination", {})
    cursor = pagination.get("next") if isinstance(pagination, dict) else pagination
    if not isinstance(pagination, dict) or not (cursor is None or isinstance(cursor, str | int)):
        raise _another_shape(listing)
    return cursor or None


def _another_shape(listing: Listing) -> InvalidResponse:
    host = listing.host()
    return InvalidResponse(f"{host} answered a list of another shape.", host=host, kind="another_shape")
