"""Batches: nothing lost, order kept, each request as full as Segment's limits allow."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segment_mcp.events.batches import ROOM, split
from segment_mcp.events.checks import LARGEST_EVENT, LARGEST_REQUEST, MOST_EVENTS
from segment_mcp.events.wire import FRAME


def taken(sizes: list[int]) -> int:
    """Bytes of a request with these events, as it is sent: framed, and with a comma between two."""
    return FRAME + sum(sizes) + max(0, len(sizes) - 1)


def pieces(sizes: list[int]) -> list[list[int]]:
    return [sizes[piece.start : piece.stop] for piece in split(sizes)]


SIZES = st.lists(st.integers(2, LARGEST_EVENT) | st.sampled_from([2, 200, LARGEST_EVENT]), max_size=60)
MANY = st.builds(
    lambda size, number, end: [size] * number + end,
    st.integers(2, 400),
    st.integers(0, 3 * MOST_EVENTS),
    SIZES,
)


@settings(max_examples=100, deadline=None)
@given(SIZES | MANY)
def test_however_large_events_are_none_is_lost_none_changes_places_and_no_limit_is_passed(sizes: list[int]) -> None:
    ranges = split(sizes)
    assert [index for piece in ranges for index in piece] == list(range(len(sizes)))
    for piece in pieces(sizes):
        assert 1 <= len(piece) <= MOST_EVENTS
        assert taken(piece) <= LARGEST_REQUEST


@settings(max_examples=100, deadline=None)
@given(SIZES | MANY)
def test_no_request_leaves_out_what_it_could_have_taken(sizes: list[int]) -> None:
    for piece, following in pairwise(pieces(sizes)):
        # The comma behind the last event is counted too: one byte of half a megabyte.
        assert len(piece) == MOST_EVENTS or taken([*piece, following[0]]) + 1 > LARGEST_REQUEST


def test_no_events_make_no_request() -> None:
    assert split([]) == []
    assert split(()) == []


@pytest.mark.parametrize(
    ("sizes", "lengths"),
    [
        ([100], [1]),
        ([100] * MOST_EVENTS, [MOST_EVENTS]),
        ([100] * (MOST_EVENTS + 1), [MOST_EVENTS, 1]),
        ([2] * (2 * MOST_EVENTS), [MOST_EVENTS, MOST_EVENTS]),
        ([ROOM - 1], [1]),
        ([LARGEST_EVENT] * 15, [15]),
        ([LARGEST_EVENT] * 16, [15, 1]),
        ([LARGEST_EVENT] * 15 + [ROOM - 15 * (LARGEST_EVENT + 1) - 1], [16]),
        ([LARGEST_EVENT] * 15 + [ROOM - 15 * (LARGEST_EVENT + 1)], [15, 1]),
        ([LARGEST_EVENT] * 15 + [20_000, 10, 10], [15, 3]),
    ],
    ids=["one", "full", "one-over", "twice-full", "as-large-as-a-request", "15-largest", "16-largest", "to-the-byte",
         "a-byte-over", "order-before-fullness"],
)  # fmt: skip
def test_a_request_is_filled_up_to_the_limits_and_no_further(sizes: list[int], lengths: list[int]) -> None:
    assert list(map(len, split(sizes))) == lengths


def test_the_frame_has_room_for_a_write_key_and_a_date() -> None:
    frame = '{"writeKey":"","sentAt":"2026-01-31T08:00:00.000Z","batch":[]}'
    assert len(frame) + 255 < FRAME  # the longest key that a call may name
    assert ROOM + FRAME == LARGEST_REQUEST
