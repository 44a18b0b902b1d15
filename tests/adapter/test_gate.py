"""Rate limits respected before they bite: places in time, lanes that close, and how many are under way."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

import anyio
import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segment_mcp.adapter.client import SegmentClient
from segment_mcp.adapter.gate import MINUTE, MOST_UNDER_WAY, QUEUE_SECONDS, Gate, Lane
from segment_mcp.adapter.http import Http
from segment_mcp.config import Connection
from segment_mcp.errors import NetworkFailed, RateLimited, UpstreamError
from segment_mcp.operations import Operation, get
from segment_mcp.timing import Timing
from tests.adapter.alarms import Alarms, settle
from tests.adapter.clockwork import START, Clockwork

TOKEN = "sgp_cAnArY9f8e7d"
HOST = "api.segmentapis.com"
LIMITED = Operation("limited", "GET", "/limited", "read", "Has a limit.", per_minute=2)
FREE = get("listLabels")
ANSWER = {"data": {"labels": [], "workspace": {}, "source": {}, "status": "SUCCESS", "x": 1}}

Handler = Callable[[httpx2.Request], Any]


def client(
    transport: httpx2.AsyncBaseTransport, timing: Timing, *, seconds: float = 25, http: Http | None = None
) -> SegmentClient:
    connection = Connection.model_validate({"api_token": TOKEN, "region": "us"})
    return SegmentClient(connection, http or Http(lambda: transport), timing=timing, call_seconds=seconds)


# Places in time


@pytest.mark.parametrize(
    ("per_minute", "taken", "closed_until", "now", "place"),
    [
        (None, [], 0, 5, 5),
        (None, [], 9, 5, 9),
        (None, [], 3, 5, 5),
        (2, [], 0, 5, 5),
        (2, [1], 0, 5, 5),
        (2, [1, 2], 0, 5, 61),
        (2, [1, 2, 61], 0, 5, 62),
        (2, [1, 2], 0, 61, 61),
        (2, [1, 2], 0, 60.5, 61),
        (2, [1, 2], 70, 5, 70),
        (2, [1, 2], 9, 5, 61),
        (2, [1], 9, 5, 9),
        (1, [1], 0, 5, 61),
    ],
    ids=["no-limit", "closed", "open-again", "first", "second", "full", "full-and-queued", "a-minute-later",
         "nearly-a-minute-later", "full-and-closed-for-longer", "full-and-closed", "closed-with-room", "one-a-minute"],
)  # fmt: skip
def test_the_next_place_keeps_the_limit_and_the_closing(
    per_minute: int | None, taken: list[float], closed_until: float, now: float, place: float
) -> None:
    lane = Lane(per_minute, closed_until=closed_until)
    for moment in taken:
        lane.take(moment)
    assert lane.next_place(now) == place


def test_a_lane_without_a_limit_keeps_nothing() -> None:
    lane = Lane(None)
    for moment in range(1_000):
        lane.take(lane.next_place(moment))
    assert not lane.taken


def test_a_lane_forgets_what_is_more_than_a_minute_old() -> None:
    lane = Lane(60)
    for moment in range(1_000):
        lane.take(lane.next_place(moment))
    assert len(lane.taken) <= 61


ARRIVALS = st.lists(st.floats(0, 20) | st.sampled_from([0.0, 59.9, 60.0, 60.1]), max_size=60)
CLOSINGS = st.lists(st.none() | st.floats(0, 30), max_size=60)


@settings(deadline=None)
@given(st.integers(1, 8), ARRIVALS, CLOSINGS)
def test_no_minute_has_more_places_than_the_limit_whenever_calls_arrive(
    per_minute: int, pauses: list[float], closings: list[float | None]
) -> None:
    lane, now = Lane(per_minute), 0.0
    asked: list[tuple[float, float]] = []
    for index, pause in enumerate(pauses):
        now += pause
        closing = closings[index] if index < len(closings) else None
        if closing is not None:
            lane.closed_until = max(lane.closed_until, now + closing)
        place = lane.next_place(now)
        if place - now <= QUEUE_SECONDS:
            lane.take(place)
            asked.append((now, place))
        assert place >= max(now, lane.closed_until)
    places = [place for _, place in asked]
    assert places == sorted(places)
    assert all(0 <= place - then <= QUEUE_SECONDS for then, place in asked)
    for first in places:
        assert len([place for place in places if first <= place < first + MINUTE - 1e-6]) <= per_minute


async def test_calls_beyond_the_limit_queue_for_a_short_time_and_then_are_told_to_come_back() -> None:
    clock = Clockwork()
    gate = Gate(clock.timing())
    for _ in range(2):
        await gate.enter(LIMITED, HOST)
        gate.leave()
    clock.passed = 54.0
    with pytest.raises(RateLimited) as caught:
        await gate.enter(LIMITED, HOST)
    assert caught.value.data() == {"code": "rate_limited", "host": HOST, "retryAfterSeconds": 6}
    clock.passed = 56.0
    await gate.enter(LIMITED, HOST)
    assert clock.passed == 60.0


async def test_those_who_queue_go_in_the_order_in_which_they_asked() -> None:
    alarms = Alarms()
    gate = Gate(alarms.timing())
    went: list[tuple[str, float]] = []

    async def go(name: str) -> None:
        await gate.enter(LIMITED, HOST)
        went.append((name, alarms.passed))
        gate.leave()

    async with anyio.create_task_group() as group:
        gate.close(LIMITED, HOST, 3)
        for name in "ab":
            group.start_soon(go, name)
            await settle()
        await alarms.move(5)
    assert went == [("a", 3.0), ("b", 3.0)]


# Closing


def answering(**headers: str) -> httpx2.MockTransport:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx2.MockTransport(lambda _: httpx2.Response(200, json=ANSWER, headers=named))


async def moment_of_call(asker: SegmentClient, clock: Clockwork, operation: Operation = FREE) -> float:
    await asker.call(operation, {"sourceId": "s"})
    return clock.passed


@pytest.mark.parametrize(
    "reset", ["4", format_datetime(START + timedelta(seconds=4), usegmt=True)], ids=["seconds", "date"]
)
async def test_where_nothing_remains_the_next_call_waits_for_the_reset(reset: str) -> None:
    clock = Clockwork()
    asker = client(answering(x_ratelimit_remaining="0", x_ratelimit_reset=reset), clock.timing())
    assert await moment_of_call(asker, clock) == 0
    assert await moment_of_call(asker, clock) == pytest.approx(4, abs=0.2)


async def test_where_something_remains_nobody_waits() -> None:
    clock = Clockwork()
    asker = client(answering(x_ratelimit_remaining="1", x_ratelimit_reset="4"), clock.timing())
    for _ in range(5):
        assert await moment_of_call(asker, clock) == 0


async def test_a_reset_that_is_far_off_is_told_at_once_and_nothing_is_sent() -> None:
    clock = Clockwork()
    sent: list[str] = []

    def handler(request: httpx2.Request) -> httpx2.Response:
        sent.append(request.url.path)
        return httpx2.Response(200, json=ANSWER, headers={"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "57"})

    asker = client(httpx2.MockTransport(handler), clock.timing())
    await asker.call(FREE, {})
    with pytest.raises(RateLimited) as caught:
        await asker.call(FREE, {})
    assert caught.value.data() == {"code": "rate_limited", "host": HOST, "retryAfterSeconds": 57}
    assert (sent, clock.passed) == (["/labels"], 0)
    clock.passed = 57
    await asker.call(FREE, {})


async def test_other_operations_are_not_held_up_by_a_closed_lane() -> None:
    clock = Clockwork()
    asker = client(answering(x_ratelimit_remaining="0", x_ratelimit_reset="57"), clock.timing())
    await asker.call(FREE, {})
    assert await moment_of_call(asker, clock, get("getSource")) == 0


async def test_other_connections_are_not_held_up_by_a_closed_lane() -> None:
    clock = Clockwork()
    http = Http(lambda: answering(x_ratelimit_remaining="0", x_ratelimit_reset="57"))
    first, second = (client(answering(), clock.timing(), http=http) for _ in range(2))
    await first.call(FREE, {})
    assert await moment_of_call(second, clock) == 0
    with pytest.raises(RateLimited):
        await first.call(FREE, {})


@pytest.mark.parametrize("reset", ["999999999", "99999999999999", "Fri, 31 Dec 9999 23:59:59 GMT"])
async def test_an_absurd_reset_does_not_close_a_lane_for_good(reset: str) -> None:
    clock = Clockwork()
    answers = [{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": reset}, {}]
    asker = client(
        httpx2.MockTransport(lambda _: httpx2.Response(200, json=ANSWER, headers=answers.pop(0))), clock.timing()
    )
    await asker.call(FREE, {})
    clock.passed += 3_600
    await asker.call(FREE, {})


class Held(httpx2.AsyncBaseTransport):
    """Answers when it is let, and counts who is under way."""

    def __init__(self, answers: Mapping[int, httpx2.Response] | None = None) -> None:
        self._answers = dict(answers or {})
        self.gone = anyio.Event()
        self.sent = 0
        self.under_way = 0
        self.most = 0

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:  # noqa: ARG002 - its signature
        number = self.sent
        self.sent += 1
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            await self.gone.wait()
        finally:
            self.under_way -= 1
        return self._answers.get(number, httpx2.Response(200, json=ANSWER))


def refused(seconds: int) -> httpx2.Response:
    return httpx2.Response(429, json={"errors": []}, headers={"Retry-After": str(seconds)})


async def test_a_refusal_that_one_call_meets_holds_up_the_others_of_its_lane() -> None:
    alarms = Alarms()
    way = Held({0: refused(4)})
    asker = client(way, alarms.timing())
    went: list[float] = []

    async def go() -> None:
        await asker.call(FREE, {})
        went.append(alarms.passed)

    async with anyio.create_task_group() as group:
        group.start_soon(go)
        await settle()
        way.gone.set()
        await alarms.move(0)
        group.start_soon(go)
        await alarms.move(3.9)
        assert (way.sent, went) == (1, [])
        await alarms.move(0.2)
    assert went == [4.0, 4.0]


async def test_a_refusal_also_holds_up_those_who_wait_already() -> None:
    alarms = Alarms()
    gate = Gate(alarms.timing())
    went: list[float] = []

    async def go() -> None:
        await gate.enter(FREE, HOST)
        went.append(alarms.passed)
        gate.leave()

    gate.close(FREE, HOST, 2)
    async with anyio.create_task_group() as group:
        group.start_soon(go)
        await alarms.move(1)
        gate.close(FREE, HOST, 4)
        await alarms.move(3.9)
        early = list(went)
        await alarms.move(5)
    assert early == []
    assert went == [5.0]


# The call's budget


async def test_queueing_counts_towards_the_calls_budget() -> None:
    clock = Clockwork()
    left: list[float] = []

    async def handler(request: httpx2.Request) -> httpx2.Response:  # noqa: ARG001 - a handler
        left.append(anyio.current_effective_deadline() - anyio.current_time())
        return httpx2.Response(200, json=ANSWER, headers={"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "4"})

    asker = client(httpx2.MockTransport(handler), clock.timing(), seconds=10)
    await asker.call(FREE, {})
    await asker.call(FREE, {})
    assert left == pytest.approx([10, 6], abs=0.3)


async def test_a_call_with_less_time_than_the_queue_needs_is_told_at_once_and_not_sent() -> None:
    clock = Clockwork()
    way = Held()
    way.gone.set()
    gate_closer = httpx2.Response(200, json=ANSWER, headers={"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "4"})
    way._answers[0] = gate_closer
    asker = client(way, clock.timing(), seconds=1)
    await asker.call(FREE, {})
    with pytest.raises(UpstreamError) as caught:
        await asker.call(FREE, {})
    assert (way.sent, clock.passed) == (1, 0)
    assert caught.value.data() == {"code": "rate_limited", "host": HOST, "retryAfterSeconds": 4}


# How many are under way


async def test_only_so_many_requests_of_a_connection_are_under_way_and_all_are_answered() -> None:
    alarms = Alarms()
    way = Held()
    asker = client(way, alarms.timing())
    answered: list[Any] = []

    async def go() -> None:
        answered.append(await asker.call(FREE, {}))

    async with anyio.create_task_group() as group:
        for _ in range(MOST_UNDER_WAY + 20):
            group.start_soon(go)
        await settle()
        assert (way.sent, way.under_way) == (MOST_UNDER_WAY, MOST_UNDER_WAY)
        way.gone.set()
    assert way.most == MOST_UNDER_WAY
    assert len(answered) == MOST_UNDER_WAY + 20


async def test_one_connections_full_house_is_not_anothers() -> None:
    alarms = Alarms()
    way = Held()
    first, second = (client(way, alarms.timing(), http=http) for http in [Http(lambda: way)] for _ in range(2))
    async with anyio.create_task_group() as group:
        for _ in range(MOST_UNDER_WAY):
            group.start_soon(first.call, FREE, {})
        await settle()
        group.start_soon(second.call, FREE, {})
        await settle()
        assert way.under_way == MOST_UNDER_WAY + 1
        group.cancel_scope.cancel()


async def test_a_full_house_refuses_after_the_queue_time() -> None:
    gate = Gate(Clockwork().timing(), queue_seconds=0.02, most_under_way=1)
    refusals: list[RateLimited] = []

    async def queue() -> None:
        with pytest.raises(RateLimited) as caught:
            await gate.enter(FREE, HOST)
        refusals.append(caught.value)

    with anyio.fail_after(5):
        await gate.enter(FREE, HOST)
        async with anyio.create_task_group() as group:
            group.start_soon(queue)
        gate.leave()
        await gate.enter(FREE, HOST)
    assert [refusal.data()["code"] for refusal in refusals] == ["rate_limited"]
    assert not refusals[0].acted


async def test_a_full_house_is_not_called_segments_rate_limit() -> None:
    gate = Gate(Clockwork().timing(), queue_seconds=0.02, most_under_way=1)
    said: list[str] = []

    async def queue() -> None:
        with pytest.raises(RateLimited) as caught:
            await gate.enter(FREE, HOST)
        said.append(str(caught.value))

    await gate.enter(FREE, HOST)
    async with anyio.create_task_group() as group:
        group.start_soon(queue)
    assert "listLabels is at its rate limit" not in said[0]


@pytest.mark.parametrize("who", ["waiting", "under way"])
async def test_a_cancelled_call_leaves_its_place_to_others(who: str) -> None:
    gate = Gate(Clockwork().timing(), most_under_way=1)
    hold = anyio.Event()
    let_go = anyio.Event()

    async def enter_and_stay(scope: anyio.CancelScope) -> None:
        with scope:
            await gate.enter(FREE, HOST)
            try:
                hold.set()
                await let_go.wait()
            finally:
                gate.leave()

    with anyio.fail_after(5):
        async with anyio.create_task_group() as group:
            first, second = anyio.CancelScope(), anyio.CancelScope()
            group.start_soon(enter_and_stay, first)
            await hold.wait()
            group.start_soon(enter_and_stay, second)
            await settle()
            (second if who == "waiting" else first).cancel()
            await settle()
            let_go.set()
        for _ in range(3):
            await gate.enter(FREE, HOST)
            gate.leave()


async def test_a_call_that_fails_gives_its_place_back() -> None:
    def handler(request: httpx2.Request) -> httpx2.Response:
        raise httpx2.ReadError("gone", request=request)

    clock = Clockwork()
    asker = client(httpx2.MockTransport(handler), clock.timing(), seconds=1)
    for _ in range(MOST_UNDER_WAY + 1):
        with pytest.raises(NetworkFailed):
            await asker.call(get("updateSource"), {"sourceId": "s"})


async def test_a_place_that_was_queued_for_in_vain_is_free_for_the_next() -> None:
    alarms = Alarms()
    gate = Gate(alarms.timing())
    went: list[float] = []

    async def go(scope: anyio.CancelScope) -> None:
        with scope:
            await gate.enter(LIMITED, HOST)
            went.append(alarms.passed)
            gate.leave()

    gate.close(LIMITED, HOST, 2)
    impatient = [anyio.CancelScope() for _ in range(2)]
    async with anyio.create_task_group() as group:
        for scope in impatient:
            group.start_soon(go, scope)
        await settle()
        for scope in impatient:
            scope.cancel()
        await settle()
        group.start_soon(go, anyio.CancelScope())
        await alarms.move(3)
    assert went == [2.0]
