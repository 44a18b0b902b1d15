"""The worker: what is kept is delivered as it was, when Segment takes it again, whatever happens meanwhile."""

import json
import logging
import shutil
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segment_mcp.errors import (
    Conflict,
    Forbidden,
    InvalidResponse,
    NetworkFailed,
    NotFound,
    RateLimited,
    Rejected,
    StoreError,
    TimedOut,
    Unauthorized,
    Unavailable,
    UpstreamError,
)
from segment_mcp.events.outbox import Held, Outbox, Store, pause
from segment_mcp.ports import Data
from segment_mcp.stores.outbox import SqliteOutbox
from tests.leaping import LEAPING, Clock, until

US, EU = "https://api.segment.io", "https://events.eu1.segmentapis.com"
HOST = "api.segment.io"
KEY, OTHER_KEY = "wK4nArY0" * 4, "oTh3rK3y" * 4
SECONDS = 25.0
NOTHING = {"pending": 0, "deadLetters": 0}
DOWN = Unavailable(f"{HOST} answered 503.", host=HOST, status=503)


@pytest.fixture(scope="module")
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return LEAPING


def down(status: int | None = 503) -> UpstreamError:
    return Unavailable(f"{HOST} answered {status}.", host=HOST, status=status)


def busy(wait: float | None) -> UpstreamError:
    return RateLimited(f"{HOST} answered 429.", host=HOST, status=429, wait=wait)


def too_much(status: int = 400) -> UpstreamError:
    return Rejected(f"{HOST} answered {status}. Segment says: no.", host=HOST, status=status)


def held(*names: str) -> list[Held]:
    return [
        Held(
            name,
            json.dumps({"type": "track", "messageId": name, "timestamp": "2026-05-20T11:59:00.000Z"}).encode() + b" ",
        )
        for name in names
    ]


@dataclass
class Sent:
    """A request to Segment: when, what, and whether it was taken."""

    at: float
    operation: str
    bodies: list[bytes]
    key: str
    seconds: float | None
    taken: bool = False

    def ids(self) -> list[str]:
        return [json.loads(body)["messageId"] for body in self.bodies]


@dataclass
class Segment:
    """The Tracking API: what is scripted first, then what `judge` says; and else it takes everything.

    Attributes:
        script: of each request, in order: how it fails, or None.
        judge: how a request fails.
        takes: seconds that a request takes.
        requests: all of them.
    """

    clock: Clock
    script: list[Exception | None] = field(default_factory=list)
    judge: Callable[[Sent], Exception | None] = lambda _: None
    takes: float = 0.0
    requests: list[Sent] = field(default_factory=list)

    async def send(
        self, operation: str, events: Sequence[bytes], write_key: str, *, seconds: float | None = None
    ) -> str:
        request = Sent(self.clock.passed(), operation, list(events), write_key, seconds)
        self.requests.append(request)
        await anyio.sleep(self.takes)
        failure = self.script.pop(0) if self.script else self.judge(request)
        if failure is not None:
            raise failure
        request.taken = True
        return HOST

    def times(self) -> list[float]:
        return [round(request.at, 3) for request in self.requests]

    def taken(self, key: str = KEY) -> list[str]:
        return [name for request in self.requests if request.taken and request.key == key for name in request.ids()]


class Watched:
    """The store, some of whose calls fail.

    Args:
        store: the real one.
        failures: of each method's calls, in order: how one fails, or None.
    """

    def __init__(self, store: SqliteOutbox, failures: dict[str, list[Exception | None]]) -> None:
        self._store = store
        self._failures = failures
        self.calls: Counter[str] = Counter()

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)

        def called(*arguments: Any, **named: Any) -> Any:
            self.calls[name] += 1
            if (failures := self._failures.get(name)) and (failure := failures.pop(0)) is not None:
                raise failure
            return method(*arguments, **named)

        return called


@dataclass
class World:
    """A state folder, a clock, Segment, and outboxes as processes have them.

    Attributes:
        path: of the store.
        failures: of the store's methods, for each process.
        stores: those that were opened, in order.
    """

    path: Path
    clock: Clock
    segment: Segment
    failures: dict[str, list[Exception | None]] = field(default_factory=dict)
    stores: list[Watched] = field(default_factory=list)

    def outbox(self, *, chance: float = 1.0, routes: dict[str, Segment] | None = None, **more: Any) -> Outbox:
        def opened() -> Store:
            store = Watched(SqliteOutbox(self.path), self.failures)
            self.stores.append(store)
            return cast("Store", store)

        return Outbox(
            opened,
            {US: self.segment} if routes is None else routes,
            exists=self.path.exists,
            now=self.clock.now,
            chance=lambda: chance,
            seconds=SECONDS,
            **more,
        )

    async def keep(self, *names: str, key: str = KEY, route: str = US) -> None:
        """Keep events, as a process that then ends."""
        outbox = self.outbox()
        await outbox.keep(route, key, held(*names), DOWN)
        await outbox.aclose()

    def look(self) -> Data:
        if not self.path.exists():
            return dict(NOTHING)
        with closing(SqliteOutbox(self.path)) as store:
            return store.summary()

    def left(self) -> tuple[int, int]:
        summary = self.look()
        return summary["pending"], summary["deadLetters"]

    def pending(self) -> list[str]:
        with closing(SqliteOutbox(self.path)) as store:
            return [event["messageId"] for event in store.listed(dead=False, limit=10_000)]

    def dead(self) -> dict[str, tuple[str, int | None, str]]:
        with closing(SqliteOutbox(self.path)) as store:
            return {
                event["messageId"]: (event["code"], event.get("status"), event["reason"])
                for event in store.listed(dead=True, limit=10_000)
            }

    async def settled(self, within: float = 3600.0, look: float = 20.0) -> None:
        """Let time pass until nothing waits any more."""
        await until(lambda: self.left()[0] == 0, within=within, look=look)


@pytest.fixture
async def world(tmp_path: Path) -> World:
    clock = Clock()
    return World(tmp_path / "state" / "outbox.sqlite3", clock, Segment(clock))


@asynccontextmanager
async def running(*outboxes: Outbox) -> AsyncIterator[None]:
    """Workers, ended at the end as a process ends them."""
    async with anyio.create_task_group() as group:
        for outbox in outboxes:
            group.start_soon(outbox.run)
        yield
        group.cancel_scope.cancel()
    for outbox in outboxes:
        await outbox.aclose()


# What is told


async def test_whoever_follows_is_told_when_something_is_put_in_and_when_it_is_gone(world: World) -> None:
    seen: list[tuple[int, int]] = []
    outbox = world.outbox(changed=lambda: seen.append(world.left()))
    await outbox.keep(US, KEY, held("m1", "m2"), DOWN)
    assert seen == [(2, 0)]
    world.segment.judge = lambda request: too_much() if "m2" in request.ids() else None
    async with running(outbox):
        await world.settled()
    assert (seen[0], seen[-1]) == ((2, 0), (0, 1))
    assert len(set(seen)) == len(seen)


async def test_nothing_is_told_of_what_could_not_be_kept_or_delivered(world: World) -> None:
    told: list[None] = []
    outbox = world.outbox(changed=lambda: told.append(None))
    world.failures["put"] = [StoreError("the disk is full")]
    with pytest.raises(StoreError):
        await outbox.keep(US, KEY, held("m1"), DOWN)
    assert told == []
    await outbox.keep(US, KEY, held("m1"), DOWN)
    world.segment.judge = lambda _: down()
    async with running(outbox):
        await anyio.sleep(60)
    assert world.segment.requests
    assert told == [None]


# What may be tried again, and when


@pytest.mark.parametrize(
    ("failure", "passing"),
    [
        (down(), True),
        (down(500), True),
        (down(501), True),
        (busy(None), True),
        (TimedOut("", host=HOST), True),
        (NetworkFailed("", host=HOST), True),
        (InvalidResponse("", host=HOST, status=200), True),
        (InvalidResponse("", host=HOST, status=302), True),
        *((too_much(status), True) for status in (408, 410, 460)),
        *((too_much(status), False) for status in (400, 402, 405, 413, 415, 422, 451)),
        (Unauthorized("", host=HOST, status=401), False),
        (Forbidden("", host=HOST, status=403), False),
        (NotFound("", host=HOST, status=404), False),
        (Conflict("", host=HOST, status=409), False),
    ],
    ids=lambda value: f"{type(value).__name__} {value.status}" if isinstance(value, UpstreamError) else "",
)
def test_what_passes_by_itself_is_tried_again(failure: UpstreamError, *, passing: bool) -> None:
    assert failure.is_final() is not passing


@pytest.mark.parametrize(
    ("attempts", "wait", "chance", "seconds"),
    [
        (1, None, 1.0, 2.0),
        (1, None, 0.0, 1.0),
        (1, None, 0.5, 1.5),
        (2, None, 1.0, 4.0),
        (3, None, 1.0, 8.0),
        (8, None, 1.0, 256.0),
        (9, None, 1.0, 300.0),
        (9, None, 0.0, 150.0),
        (10_000, None, 1.0, 300.0),
        (1, 0.0, 1.0, 2.0),
        (1, 60.0, 1.0, 60.0),
        (9, 60.0, 1.0, 300.0),
        (1, 3600.0, 1.0, 3600.0),
        (1, 86_400.0, 1.0, 3600.0),
        (1, float("inf"), 1.0, 3600.0),
    ],
)
def test_a_pause_doubles_up_to_five_minutes_and_segments_word_goes_first_up_to_an_hour(
    attempts: int, wait: float | None, chance: float, seconds: float
) -> None:
    assert pause(attempts, busy(wait), chance) == pytest.approx(seconds)


@given(attempts=st.integers(1, 2**40), chance=st.floats(0, 1), wait=st.none() | st.floats(0, allow_nan=False))
def test_a_pause_is_never_none_and_never_more_than_an_hour(attempts: int, chance: float, wait: float | None) -> None:
    assert 1.0 <= pause(attempts, busy(wait), chance) <= 3600.0


# Delivery


async def test_an_event_is_delivered_as_it_was_kept(world: World) -> None:
    outbox = world.outbox()
    async with running(outbox):
        await outbox.keep(US, KEY, held("m1", "m2"), DOWN)
        await world.settled()
    (request,) = world.segment.requests
    assert request.bodies == [event.body for event in held("m1", "m2")]
    assert (request.operation, request.key, request.seconds) == ("batch", KEY, SECONDS)


async def test_what_an_earlier_process_left_is_delivered_at_once_and_in_order(world: World) -> None:
    await world.keep("m1", "m2")
    await world.keep("o1", key=OTHER_KEY)
    await world.keep("m3")
    async with running(world.outbox()):
        await world.settled(within=10, look=1)
    assert world.segment.taken() == ["m1", "m2", "m3"]
    assert world.segment.taken(OTHER_KEY) == ["o1"]


async def test_a_backlog_goes_in_requests_of_2500_events_in_order(world: World) -> None:
    names = [f"m{number}" for number in range(6_000)]
    await world.keep(*names)
    async with running(world.outbox()):
        await world.settled(within=10, look=1)
    assert [len(request.bodies) for request in world.segment.requests] == [2_500, 2_500, 1_000]
    assert world.segment.taken() == names


async def test_events_of_a_route_that_is_not_known_here_stay(world: World) -> None:
    await world.keep("m1", route=EU)
    async with running(world.outbox()):
        await anyio.sleep(600)
        assert world.segment.requests == []
    assert await world.outbox().flush() == {**world.look()}
    assert world.pending() == ["m1"]


async def test_a_route_may_become_known(world: World) -> None:
    await world.keep("m1", route=EU)
    routes = {US: world.segment}
    learned: list[float] = []

    async def learn() -> None:
        learned.append(world.clock.passed())
        if len(learned) == 3:
            routes[EU] = world.segment

    async with running(world.outbox(routes=routes, learn=learn)):
        await world.settled()
        await anyio.sleep(300)
    assert world.segment.taken() == ["m1"]
    assert len(learned) == 3, "nobody asks while every route is known"


# Failures that pass


async def test_a_lane_waits_longer_after_each_failure(world: World) -> None:
    world.segment.script = [down() for _ in range(10)]
    await world.keep("m1")
    async with running(world.outbox(chance=1.0)):
        await world.settled(look=100)
    gaps = [2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 300.0, 300.0]
    assert world.segment.times() == pytest.approx([sum(gaps[:number]) for number in range(11)], abs=0.2)
    assert world.segment.taken() == ["m1"]


async def test_a_success_begins_the_waits_anew(world: World) -> None:
    outbox = world.outbox()
    world.segment.script = [down(), down(), None, down()]
    async with running(outbox):
        await outbox.keep(US, KEY, held("m1"), DOWN)
        await world.settled()
        at = world.clock.passed()
        await outbox.keep(US, KEY, held("m2"), DOWN)
        await world.settled()
    assert world.segment.times()[-2:] == pytest.approx([at, at + 2.0], abs=0.2)


async def test_a_lane_waits_as_long_as_segment_says(world: World) -> None:
    world.segment.script = [busy(60.0), busy(400.0)]
    await world.keep("m1")
    async with running(world.outbox()):
        await world.settled(look=100)
    assert world.segment.times() == pytest.approx([0.0, 60.0, 460.0], abs=0.2)


async def test_a_lane_begins_to_wait_with_the_failure_for_which_it_is_kept(world: World) -> None:
    """Whoever shares the store keeps to what Segment said to the one that asked."""
    outbox, others = world.outbox(), world.outbox()
    async with running(outbox, others):
        await outbox.keep(US, KEY, held("m1"), busy(120.0))
        await world.settled(look=40)
    assert world.segment.times() == pytest.approx([120.0], abs=0.2)


async def test_a_failing_lane_holds_no_other_up(world: World) -> None:
    def judge(request: Sent) -> Exception | None:
        return down() if request.key == KEY and world.clock.passed() < 500 else None

    world.segment.judge = judge
    await world.keep("m1")
    await world.keep("o1", key=OTHER_KEY)
    async with running(world.outbox()):
        await until(lambda: world.left() == (1, 0), within=10, look=1)
        assert world.segment.taken(OTHER_KEY) == ["o1"]
        await world.settled(look=100)
    assert world.segment.taken() == ["m1"]


async def test_order_is_kept_over_failures(world: World) -> None:
    names = [f"m{number}" for number in range(40)]
    outbox = world.outbox()
    world.segment.judge = lambda _: down() if len(world.segment.requests) % 3 else None
    async with running(outbox):
        for name in names:
            await outbox.keep(US, KEY, held(name), DOWN)
            await anyio.sleep(3)
        await world.settled(look=100)
    assert world.segment.taken() == names


async def test_the_summary_says_what_waits_since_when_and_why(world: World) -> None:
    outbox = world.outbox()
    world.segment.judge = lambda _: busy(900.0)
    await world.keep("m1")
    await anyio.sleep(60)
    await world.keep("m2")
    async with running(outbox):
        await anyio.sleep(60)
        summary = await outbox.summary()
    assert (summary["pending"], summary["deadLetters"], summary["oldest"]) == (2, 0, "2026-05-20T12:00:00.123Z")
    assert summary["lastFailure"] == f"rate_limited: {HOST} answered 429."


# Failures that don't pass


@pytest.mark.parametrize(
    ("failure", "code", "status"),
    [
        (Unauthorized(f"{HOST} answered 401.", host=HOST, status=401), "unauthorized", 401),
        (Forbidden(f"{HOST} answered 403.", host=HOST, status=403), "forbidden", 403),
        (NotFound(f"{HOST} answered 404.", host=HOST, status=404), "not_found", 404),
        (too_much(422), "rejected", 422),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_what_segment_refuses_for_good_becomes_dead_letters_with_the_reason(
    world: World, failure: UpstreamError, code: str, status: int
) -> None:
    world.segment.script = [failure]
    await world.keep("m1", "m2")
    async with running(world.outbox()):
        await until(lambda: world.left() == (0, 2))
        await anyio.sleep(600)
    assert len(world.segment.requests) == 1
    assert world.dead() == dict.fromkeys(["m1", "m2"], (code, status, failure.message))


async def test_a_reason_is_shortened_and_shows_nothing_invisible(world: World) -> None:
    world.segment.script = [too_much(422).adding("\u202e\x1b[31m" + "x" * 5_000)]
    await world.keep("m1")
    async with running(world.outbox()):
        await until(lambda: world.left() == (0, 1))
    ((_, _, reason),) = world.dead().values()
    assert len(reason) <= 300
    assert reason.isprintable()


@pytest.mark.parametrize("status", [400, 413])
@pytest.mark.parametrize("bad", [{0}, {6}, {2, 3}, {0, 1, 2, 3, 4, 5, 6}, {1, 5}], ids=str)
async def test_the_event_that_is_to_blame_is_found_and_the_others_arrive_in_order(
    world: World, status: int, bad: set[int]
) -> None:
    names = [f"m{number}" for number in range(7)]
    blamed = {f"m{number}" for number in bad}
    world.segment.judge = lambda request: too_much(status) if blamed & set(request.ids()) else None
    await world.keep(*names)
    async with running(world.outbox()):
        await until(lambda: world.left() == (0, len(bad)), within=10, look=1)
    assert world.segment.taken() == [name for name in names if name not in blamed]
    assert world.dead() == dict.fromkeys(sorted(blamed), ("rejected", status, too_much(status).message))


async def test_a_failure_in_the_middle_of_the_search_stops_it_and_it_goes_on_later(world: World) -> None:
    def judge(request: Sent) -> Exception | None:
        if world.clock.passed() < 1 and request.ids() == ["m2", "m3"]:
            return down()
        return too_much() if "m3" in request.ids() else None

    world.segment.judge = judge
    await world.keep("m0", "m1", "m2", "m3")
    async with running(world.outbox()):
        await until(lambda: world.left() == (0, 1), look=1)
    assert [request.ids() for request in world.segment.requests] == [
        ["m0", "m1", "m2", "m3"], ["m0", "m1"], ["m2", "m3"], ["m2", "m3"], ["m2"], ["m3"]
    ]  # fmt: skip
    assert world.segment.taken() == ["m0", "m1", "m2"]


async def test_another_final_answer_in_the_search_is_the_reason_of_those_that_got_it(world: World) -> None:
    refused = Unauthorized("Not you.", host=HOST, status=401)
    world.segment.script = [too_much(), None, refused]
    await world.keep("m0", "m1", "m2", "m3")
    async with running(world.outbox()):
        await until(lambda: world.left() == (0, 2), look=1)
    assert world.segment.taken() == ["m0", "m1"]
    assert world.dead() == dict.fromkeys(["m2", "m3"], ("unauthorized", 401, "Not you."))


async def test_a_search_ends_where_the_lane_became_anothers(world: World) -> None:
    """The first half takes so long that the lease is over, and another process has taken the lane."""
    other: list[str] = []

    def judge(request: Sent) -> Exception | None:
        if len(request.bodies) == 2 and not other:
            with closing(SqliteOutbox(world.path)) as store:
                now = world.clock.now().timestamp()
                lease = store.claim([US], "other", now, now + 35)
                assert lease is not None
                other.extend(event.message_id for event in lease.events)
        return too_much() if len(request.bodies) == 4 else None

    world.segment.judge = judge
    world.segment.takes = 40.0
    await world.keep("m0", "m1", "m2", "m3")
    async with running(world.outbox()):
        await anyio.sleep(100)
    assert other == ["m0", "m1", "m2", "m3"]
    assert [request.ids() for request in world.segment.requests] == [["m0", "m1", "m2", "m3"], ["m0", "m1"]]
    assert world.left() == (2, 0)


async def test_dead_letters_that_are_put_back_are_delivered(world: World) -> None:
    outbox = world.outbox()
    world.segment.script = [Unauthorized("No.", host=HOST, status=401)]
    await world.keep("m1", "m2")
    async with running(outbox):
        await until(lambda: world.left() == (0, 2))
        assert await outbox.retry(None) == 2
        await until(lambda: world.left() == (0, 0), within=60)
    assert world.segment.taken() == ["m1", "m2"]
    assert world.segment.requests[-1].bodies == [event.body for event in held("m1", "m2")]


# A store and a server that fail


async def test_a_store_that_fails_for_a_while_ends_nothing_and_is_not_hammered(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    await world.keep("m1")
    world.failures = {"claim": [StoreError("disk I/O error") for _ in range(20)]}
    async with running(world.outbox()):
        await world.settled(look=100)
        store = world.stores[-1]
    assert world.segment.taken() == ["m1"]
    assert world.segment.times()[0] >= 300, "twenty looks in less than five minutes"
    assert store.calls["claim"] < 60
    warnings = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warnings) == 20
    assert all("disk I/O error" in record.getMessage() and record.exc_info is None for record in warnings)


async def test_a_store_that_can_not_be_opened_is_tried_again(world: World) -> None:
    world.path.parent.mkdir()
    world.path.mkdir()
    outbox = world.outbox()
    async with running(outbox):
        await anyio.sleep(100)
        assert "outbox.sqlite3" in (await outbox.summary())["reason"]
        with pytest.raises(StoreError):
            await outbox.keep(US, KEY, held("m1"), DOWN)
        world.path.rmdir()
        await outbox.keep(US, KEY, held("m2"), DOWN)
        await world.settled(within=60)
    assert world.segment.taken() == ["m2"]


@pytest.mark.parametrize("method", ["claim", "routes", "next_due", "release", "delivered"])
async def test_a_defect_of_the_store_ends_nothing_and_loses_nothing(
    world: World, caplog: pytest.LogCaptureFixture, method: str
) -> None:
    await world.keep("m1")
    world.failures = {method: [ValueError("a defect") for _ in range(3)]}
    async with running(world.outbox()):
        await world.settled(look=100)
        await anyio.sleep(600)
        store = world.stores[-1]
    assert set(world.segment.taken()) == {"m1"}
    assert sum(store.calls.values()) < 200
    assert "a defect" in caplog.text


async def test_a_defect_of_the_way_to_segment_loses_nothing_and_does_not_spin(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.segment.script = [ValueError("a defect"), KeyError("another")]
    await world.keep("m1")
    await world.keep("o1", key=OTHER_KEY)
    async with running(world.outbox()):
        await world.settled(within=3600, look=100)
    assert (world.segment.taken(), world.segment.taken(OTHER_KEY)) == (["m1"], ["o1"])
    assert len(world.segment.requests) <= 6
    assert "a defect" in caplog.text
    assert KEY not in caplog.text
    assert OTHER_KEY not in caplog.text


async def test_what_was_taken_and_could_not_be_struck_off_is_sent_again_as_it_was(world: World) -> None:
    await world.keep("m1")
    world.failures = {"delivered": [StoreError("disk full")], "release": [StoreError("disk full")]}
    async with running(world.outbox()):
        await world.settled(look=100)
    first, *_, last = world.segment.requests
    assert first.bodies == last.bodies == [event.body for event in held("m1")]
    assert len(world.segment.requests) == 2
    assert last.at >= SECONDS, "while the lease lasts nobody sends it"


# Ends


async def test_a_worker_that_ends_in_the_middle_of_a_request_gives_its_lease_back(world: World) -> None:
    world.segment.takes = 10.0
    await world.keep("m1")
    async with running(world.outbox()):
        await anyio.sleep(5)
        assert world.segment.times() == [0.0]
    world.segment.takes = 0.0
    async with running(world.outbox()):
        await world.settled(within=3, look=1)
    assert world.segment.times() == pytest.approx([0.0, 5.0], abs=0.2)
    assert world.segment.taken() == ["m1"]


async def test_a_worker_that_ends_as_segment_answers_strikes_off_what_was_taken(world: World) -> None:
    await world.keep("m1")
    outbox = world.outbox()
    async with anyio.create_task_group() as group:
        answering = world.segment.send

        async def last(*arguments: Any, **named: Any) -> str:
            host = await answering(*arguments, **named)
            group.cancel_scope.cancel()
            return host

        world.segment.send = last  # type: ignore[method-assign]
        group.start_soon(outbox.run)
    await outbox.aclose()
    assert world.left() == (0, 0)


async def test_a_killed_workers_lane_is_delivered_when_its_lease_is_over(world: World) -> None:
    await world.keep("m1")
    with closing(SqliteOutbox(world.path)) as killed:
        now = world.clock.now().timestamp()
        assert killed.claim([US], "killed", now, now + 35.0) is not None
    async with running(world.outbox()):
        await world.settled()
    assert world.segment.times() == pytest.approx([35.0], abs=0.2)


async def test_workers_share_a_store_and_send_nothing_twice(world: World) -> None:
    world.segment.takes = 1.0
    world.segment.judge = lambda request: down() if len(request.ids()) % 3 == 0 else None
    outboxes = [world.outbox(chance=chance) for chance in (0.0, 0.3, 0.9)]
    names = [f"m{number}" for number in range(30)]
    async with running(*outboxes):
        for number, name in enumerate(names):
            await outboxes[number % 3].keep(US, KEY, held(name), DOWN)
            await outboxes[number % 2].keep(US, OTHER_KEY, held(f"o{number}"), DOWN)
            await anyio.sleep(0.7)
        await world.settled(look=100)
    assert world.segment.taken() == names
    assert world.segment.taken(OTHER_KEY) == [f"o{number}" for number in range(30)]


async def test_a_worker_that_began_before_there_was_a_store_finds_what_another_process_leaves(world: World) -> None:
    async with running(world.outbox()):
        await anyio.sleep(10)
        await world.keep("m1")
        await world.settled(within=300)
    assert world.segment.taken() == ["m1"]


async def test_an_idle_worker_finds_what_another_process_leaves(world: World) -> None:
    await world.keep("m1")
    async with running(world.outbox()):
        await world.settled()
        await world.keep("m2")
        await world.settled(within=60)
    assert world.segment.taken() == ["m1", "m2"]


# Nothing where nothing is kept


async def test_who_never_kept_anything_makes_nothing(world: World) -> None:
    outbox = world.outbox()
    async with running(outbox):
        await anyio.sleep(120)
        assert await outbox.summary() == NOTHING
        assert await outbox.flush() == NOTHING
        assert await outbox.listed(dead=False, limit=10) == []
        assert await outbox.listed(dead=True, limit=10) == []
        assert await outbox.retry(None) == 0
        assert await outbox.drop(None, dead=True) == 0
    assert not world.path.parent.exists()
    assert world.stores == []


async def test_an_outbox_in_memory_delivers_too(world: World) -> None:
    outbox = Outbox(
        lambda: SqliteOutbox(":memory:"),
        {US: world.segment},
        exists=lambda: False,
        now=world.clock.now,
        chance=lambda: 1.0,
        seconds=SECONDS,
    )
    async with running(outbox):
        await outbox.keep(US, KEY, held("m1"), DOWN)
        await until(lambda: world.segment.taken() == ["m1"])
        assert await outbox.summary() == NOTHING


async def test_keeping_that_fails_keeps_nothing_and_says_so(world: World) -> None:
    outbox = world.outbox()
    world.failures = {"put": [StoreError("database or disk is full")]}
    with pytest.raises(StoreError, match="full"):
        await outbox.keep(US, KEY, held("m1"), DOWN)
    await outbox.keep(US, KEY, held("m2"), DOWN)
    await outbox.aclose()
    assert world.pending() == ["m2"]


async def test_a_wait_that_can_not_be_kept_is_no_event_that_is_kept_after_all(world: World) -> None:
    """Whoever is told that it failed sends it again."""
    outbox = world.outbox()
    world.failures = {"delay": [StoreError("database or disk is full")]}
    told = False
    try:
        await outbox.keep(US, KEY, held("m1"), busy(60.0))
    except StoreError:
        told = True
    await outbox.aclose()
    assert world.pending() == ([] if told else ["m1"])


async def test_a_store_that_was_taken_away_is_told_at_most_once(world: World) -> None:
    outbox = world.outbox()
    async with running(outbox):
        await outbox.keep(US, KEY, held("m1"), busy(3_000.0))
        shutil.rmtree(world.path.parent)
        with suppress(StoreError):
            await outbox.keep(US, KEY, held("m2"), DOWN)
        await outbox.keep(US, KEY, held("m3"), DOWN)
        await until(lambda: "m3" in world.segment.taken(), within=100)
    assert world.left() == (0, 0)


async def test_the_loop_goes_on_while_the_store_waits_for_its_disk(world: World) -> None:
    begun, free = threading.Event(), threading.Event()

    class Hanging(SqliteOutbox):
        def put(self, *arguments: Any, due: float = 0.0) -> None:
            begun.set()
            assert free.wait(10)
            super().put(*arguments, due=due)

    outbox = Outbox(
        lambda: Hanging(world.path), {}, exists=world.path.exists, now=world.clock.now, chance=lambda: 1.0, seconds=1.0
    )
    async with anyio.create_task_group() as group:
        group.start_soon(outbox.keep, US, KEY, held("m1"), DOWN)
        while not begun.is_set():
            await anyio.lowlevel.checkpoint()
        free.set()
    await outbox.aclose()
    assert world.pending() == ["m1"]


# Flush


async def test_a_flush_delivers_everything_without_waiting_and_says_what_is_left(world: World) -> None:
    await world.keep("m1", "m2")
    await world.keep("o1", key=OTHER_KEY)
    with closing(SqliteOutbox(world.path)) as store:
        now = world.clock.now().timestamp()
        lease = store.claim([US], "other", now, now + 35)
        assert lease is not None
        store.release(lease, now + 3_000, "busy")
    outbox = world.outbox()
    assert await outbox.flush() == NOTHING
    await outbox.aclose()
    assert world.clock.passed() < 1
    assert (world.segment.taken(), world.segment.taken(OTHER_KEY)) == (["m1", "m2"], ["o1"])


async def test_a_flush_counts_what_it_could_not_deliver(world: World) -> None:
    await world.keep("m1")
    await world.keep("o1", "o2", key=OTHER_KEY)
    world.segment.judge = lambda request: Forbidden("No.", host=HOST, status=403) if request.key == KEY else down()
    outbox = world.outbox()
    left = await outbox.flush()
    await outbox.aclose()
    assert (left["pending"], left["deadLetters"]) == (2, 1)
    assert left["lastFailure"] == f"unavailable: {HOST} answered 503."


async def test_a_flush_tries_each_lane_once(world: World) -> None:
    """However long the tries take: a lane that failed is not due again before the end."""
    for number in range(6):
        await world.keep(f"m{number}", key=f"k{number}" * 16)
    world.segment.takes = 25.0
    world.segment.judge = lambda _: TimedOut("No answer.", host=HOST)
    outbox = world.outbox()
    left = await outbox.flush()
    await outbox.aclose()
    assert left["pending"] == 6
    assert sorted(request.key[:2] for request in world.segment.requests) == [f"k{number}" for number in range(6)]


async def test_a_flush_leaves_others_what_they_hold(world: World) -> None:
    await world.keep("m1")
    with closing(SqliteOutbox(world.path)) as store:
        now = world.clock.now().timestamp()
        assert store.claim([US], "other", now, now + 35) is not None
    outbox = world.outbox()
    assert (await outbox.flush())["pending"] == 1
    await outbox.aclose()
    assert world.segment.requests == []


async def test_a_flush_of_a_store_that_fails_says_so(world: World) -> None:
    await world.keep("m1")
    world.failures = {"claim": [StoreError("database is locked")]}
    outbox = world.outbox()
    with pytest.raises(StoreError, match="locked"):
        await outbox.flush()
    await outbox.aclose()
    assert world.pending() == ["m1"]


# Secrets


async def test_write_keys_are_in_no_log_and_no_text(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    world.segment.script = [down(), ValueError("a defect"), too_much(422)]
    await world.keep("m1")
    world.failures = {"next_due": [StoreError("disk I/O error")], "routes": [ValueError("another")]}
    outbox = world.outbox()
    async with running(outbox):
        await until(lambda: world.left() == (0, 1), look=100)
        told = [await outbox.summary(), await outbox.listed(dead=True, limit=9)]
        text = repr(told) + repr(outbox) + caplog.text
    assert "disk I/O error" in text
    assert KEY not in text
