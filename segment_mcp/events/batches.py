"""How many events go into a request: Segment's limits kept, order kept, nothing left out. Pure."""

from collections.abc import Sequence

from segment_mcp.events.checks import LARGEST_REQUEST, MOST_EVENTS
from segment_mcp.events.wire import FRAME

ROOM = LARGEST_REQUEST - FRAME
"""Bytes of a request that its events may take, the comma behind each counted."""


def split(sizes: Sequence[int]) -> list[range]:
    """The events of each request, as ranges of their indexes: each as full as the limits allow.

    Args:
        sizes: bytes of each event, serialised; none is larger than Segment takes.
    """
    pieces: list[range] = []
    start = taken = 0
    for index, size in enumerate(sizes):
        if index > start and (taken + size + 1 > ROOM or index - start == MOST_EVENTS):
            pieces.append(range(start, index))
            start, taken = index, 0
        taken += size + 1
    return [*pieces, range(start, len(sizes))] if sizes else []
