"""Lanes: a user's events in order, requests within Segment's limits, and every event in the end, whenever it stops."""

from collections import deque
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segment_mcp.events.batches import ROOM
from segment_mcp.events.checks import LARGEST_EVENT, MOST_EVENTS
from segment_mcp.events.imports.lanes import Batch, Lanes

BODIES = {size: b"x" * size for size in (1, 20_000, 30_000, LARGEST_EVENT)}
EVENTS = st.lists(st.tuples(st.sampled_from("abcdefgh"), st.sampled_from(list(BODIES))), max_size=120)


@dataclass
class Run:
    """What a run handed out, lane by lane, and what was settled of it."""

    lanes: Lanes
    waiting: dict[int, deque[Batch]] = field(default_factory=dict)
    sent: list[int] = field(default_factory=list)

    def take(self, batch: Batch | None) -> None:
        if batch is None:
            return
        assert batch.numbers == sorted(set(batch.numbers))
        assert len(batch.numbers) == len(batch.bodies) <= MOST_EVENTS
        assert sum(map(len, batch.bodies)) + len(batch.bodies) == batch.size <= ROOM
        self.waiting.setdefault(batch.lane, deque()).append(batch)
        self.sent += batch.numbers

    def settle(self, lane: int) -> list[int]:
        """Settle a lane's oldest request, if it has one."""
        if not self.waiting.get(lane):
            return []
        batch = self.waiting[lane].popleft()
        self.lanes.settled(batch)
        return batch.numbers


def drive(done: list[int], events: list[tuple[str, int]], choices: Any, stop: int | None) -> tuple[Run, Any]:
    """Run over the events, up to some point; what was settled, and how far each lane then says that it is."""
    run, settled = Run(Lanes(done)), set[int]()
    until = len(events) if stop is None else min(stop, len(events))
    for number, (user, size) in enumerate(events[:until], 1):
        run.take(run.lanes.add(user, number, BODIES[size]))
        if choices(2) == 0:
            settled.update(run.settle(choices(len(done))))
    if stop is None:
        for batch in run.lanes.rest():
            run.take(batch)
        while any(run.waiting.values()):
            settled.update(run.settle(choices(len(done))))
    return run, (settled, run.lanes.done(until))


@settings(max_examples=120, deadline=None)
@given(EVENTS, st.integers(1, 5), st.lists(st.integers(0, 130), max_size=3), st.randoms(use_true_random=False))
def test_whenever_it_stops_the_next_run_sends_all_that_is_not_settled_and_nothing_that_is(
    events: list[tuple[str, int]], lanes: int, stops: list[int], chance: Any
) -> None:
    done, ever_settled = [0] * lanes, set[int]()
    for stop in [*stops, None]:
        run, (settled, done) = drive(done, events, chance.randrange, stop)
        assert len(run.sent) == len(set(run.sent))
        assert not ever_settled & set(run.sent)
        assert not ever_settled & settled
        ever_settled |= settled
    assert ever_settled == set(range(1, len(events) + 1))


@settings(max_examples=80, deadline=None)
@given(EVENTS, st.integers(1, 5), st.randoms(use_true_random=False))
def test_a_users_events_stay_in_order_in_one_lane(events: list[tuple[str, int]], lanes: int, chance: Any) -> None:
    run = Run(Lanes([0] * lanes))
    order: dict[str, list[tuple[int, int]]] = {}

    def note(batch: Batch | None) -> None:
        run.take(batch)
        for number in batch.numbers if batch else ():
            order.setdefault(events[number - 1][0], []).append((batch.lane if batch else 0, number))

    for number, (user, size) in enumerate(events, 1):
        note(run.lanes.add(user, number, BODIES[size]))
        run.settle(chance.randrange(lanes))
    for batch in run.lanes.rest():
        note(batch)
    assert sorted(run.sent) == list(range(1, len(events) + 1))
    for way in order.values():
        assert len({lane for lane, _ in way}) == 1
        assert [number for _, number in way] == sorted(number for _, number in way)


@settings(max_examples=80, deadline=None)
@given(EVENTS, st.integers(1, 4), st.randoms(use_true_random=False))
def test_a_lane_is_never_further_than_its_first_unsettled_event(
    events: list[tuple[str, int]], lanes: int, chance: Any
) -> None:
    run, settled, seen = Run(Lanes([0] * lanes)), set[int](), [0] * lanes
    lane_of: dict[int, int] = {}
    for number, (user, size) in enumerate(events, 1):
        run.take(run.lanes.add(user, number, BODIES[size]))
        if chance.randrange(2):
            settled.update(run.settle(chance.randrange(lanes)))
        for lane, batches in run.waiting.items():
            lane_of.update(dict.fromkeys((n for batch in batches for n in batch.numbers), lane))
        done = run.lanes.done(number)
        assert all(now >= before for now, before in zip(done, seen, strict=True))
        seen = done
        for waiting, lane in lane_of.items():
            assert waiting in settled or done[lane] < waiting


def test_a_request_is_as_full_as_the_limits_allow() -> None:
    lanes = Lanes([0])
    batches = [lanes.add("u", number, b"x") for number in range(1, 2 * MOST_EVENTS + 2)]
    assert [len(batch.numbers) for batch in batches if batch] == [MOST_EVENTS, MOST_EVENTS]
    size = 10_000
    lanes, body = Lanes([0]), b"x" * size
    full = next(batch for number in range(1, 100) if (batch := lanes.add("u", number, body)))
    assert len(full.numbers) == ROOM // (size + 1)


def test_events_of_one_lane_do_not_wait_for_another() -> None:
    lanes = Lanes([0, 0])
    users = {_lane_of(user): user for user in "abcdefgh"}
    assert set(users) == {0, 1}
    lanes.add(users[0], 1, b"x")
    lanes.add(users[1], 2, b"x")
    first, second = lanes.rest()
    lanes.settled(second if second.lane == 1 else first)
    assert lanes.done(10) == [0, 10]


def _lane_of(user: str) -> int:
    lanes = Lanes([0, 0])
    lanes.add(user, 1, b"x")
    return lanes.rest()[0].lane


@pytest.mark.parametrize("count", [1, 8, 64])
def test_a_lane_without_events_is_as_far_as_was_read(count: int) -> None:
    lanes = Lanes([0] * count)
    assert len(lanes) == count
    assert lanes.rest() == []
    assert lanes.done(0) == [0] * count
    assert lanes.done(17) == [17] * count
    assert Lanes([20] * count).done(3) == [20] * count
