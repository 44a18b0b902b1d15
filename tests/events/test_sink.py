"""The sink: events are completed, refused before anything is sent, or sent whole; what can't be taken is kept."""

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest

from segment_mcp.envelope import Envelope
from segment_mcp.errors import (
    Conflict,
    EventInvalid,
    Forbidden,
    InvalidArguments,
    InvalidResponse,
    NetworkFailed,
    NotConfigured,
    NotFound,
    RateLimited,
    Rejected,
    StoreError,
    TimedOut,
    Unauthorized,
    Unavailable,
    UpstreamError,
)
from segment_mcp.events.checks import LARGEST_EVENT, LARGEST_REQUEST, MOST_EVENTS
from segment_mcp.events.outbox import Held, Outbox, Store
from segment_mcp.events.sink import LIBRARY, Route, Sink, complete
from segment_mcp.events.wire import FRAME
from segment_mcp.ports import Data
from segment_mcp.stores.outbox import SqliteOutbox

HOST = "api.segment.io"
ROUTE = "a-route"
NOW = datetime(2026, 5, 20, 12, 0, tzinfo=UTC)
LATER = NOW.timestamp() + 3_600
"""Seconds: when every lane is due, whatever Segment said of waiting."""
NOW_TEXT = "2026-05-20T12:00:00.000Z"
TRACK: dict[str, Any] = {"type": "track", "userId": "u", "event": "E"}
MADE: dict[str, Any] = {"context": {"library": LIBRARY}, "timestamp": NOW_TEXT}
"""What an event gets that says nothing of it, its messageId apart."""


@dataclass(frozen=True, slots=True)
class Request:
    """What was sent at once."""

    operation: str
    bodies: list[bytes]
    write_key: str
    seconds: float | None


class Tracking:
    """Keeps Segment's limits, and remembers what came; takes it, or fails with what it is given, one by one."""

    def __init__(self, *failures: UpstreamError | None) -> None:
        self._failures = list(failures)
        self.sent: list[Request] = []

    async def send(
        self, operation: str, events: Sequence[bytes], write_key: str, *, seconds: float | None = None
    ) -> str:
        frame = json.dumps({"writeKey": write_key, "sentAt": NOW_TEXT, "batch": []}, separators=(",", ":"))
        assert len(frame) + len(b",".join(events)) <= LARGEST_REQUEST
        assert 1 <= len(events) <= (MOST_EVENTS if operation == "batch" else 1)
        assert max(map(len, events)) <= LARGEST_EVENT
        self.sent.append(Request(operation, list(events), write_key, seconds))
        if self._failures and (failure := self._failures.pop(0)) is not None:
            raise failure
        return HOST

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(body) for request in self.sent for body in request.bodies]


class WriteKeys:
    """Knows one key; remembers what was asked for."""

    def __init__(self, key: str | None = "the-key") -> None:
        self._key = key
        self.asked: list[str | None] = []

    def names(self) -> Sequence[str]:
        return ("default",)

    async def resolve(self, given: str | None, *, source_id: str | None = None) -> str:
        assert source_id is None
        self.asked.append(given)
        if self._key is None:
            raise NotConfigured("SEGMENT_WRITE_KEY", "sending an event")
        return self._key if given is None else f"resolved {given}"

    async def owners(self) -> Mapping[str, Data | None]:
        return {}


class Full(SqliteOutbox):
    """A disk that takes so many requests' events, and no more."""

    def __init__(self, room: int = 0) -> None:
        super().__init__(":memory:")
        self._room = room

    def put(  # noqa: PLR0913 - the store's own
        self, route: str, write_key: str, events: Sequence[Held], failure: str, now: float, *, due: float = 0.0
    ) -> None:
        if self._room == 0:
            raise StoreError("/state/outbox.db: database or disk is full")
        self._room -= 1
        super().put(route, write_key, events, failure, now, due=due)


@pytest.fixture
def store() -> Iterator[SqliteOutbox]:
    kept = SqliteOutbox(":memory:")
    yield kept
    kept.close()


def unwanted() -> Store:
    raise AssertionError("nothing is to be kept here")


def sink(
    tracking: Tracking,
    write_keys: WriteKeys | None = None,
    opened: Callable[[], Store] = unwanted,
    monotonic: Callable[[], float] = lambda: 0.0,
) -> Sink:
    numbers = count(1)
    outbox = Outbox(opened, {ROUTE: tracking}, exists=lambda: True, now=lambda: NOW, chance=lambda: 0.5, seconds=10.0)
    return Sink(
        Route(ROUTE, tracking), write_keys or WriteKeys(), outbox,
        now=lambda: NOW, new_id=lambda: f"made-{next(numbers)}", monotonic=monotonic, seconds=20.0,
    )  # fmt: skip


def lanes(store: Store) -> list[tuple[str, str, list[dict[str, Any]]]]:
    """What is kept: route, write key and the events, in order."""
    found: dict[tuple[str, str], list[dict[str, Any]]] = {}
    while (lease := store.claim((ROUTE,), "test", LATER, LATER + 60)) is not None:
        found.setdefault((lease.route, lease.write_key), []).extend(json.loads(event.body) for event in lease.events)
        store.delivered(lease.events)
        store.release(lease, None, None)
    return [(*lane, events) for lane, events in found.items()]


async def told(tracking: Tracking, events: list[Any], shared: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    """What a refused batch is told, while nothing is sent."""
    with pytest.raises(EventInvalid) as caught:
        await sink(tracking).send_batch(events, shared or {}, None)
    assert tracking.sent == []
    listed: list[dict[str, Any]] = caught.value.data()["events"]
    return listed


# One event


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("identify", {"anonymousId": "a", "traits": {"plan": "pro"}}),
        ("track", {"userId": "u", "event": "Gr\u00fc\u00dfe \u4f60"}),
        ("page", {"userId": "u", "name": "Home", "category": "c"}),
        ("screen", {"userId": "u", "properties": {"n": 1.5, "b": None}}),
        ("group", {"userId": "u", "groupId": "g"}),
        ("alias", {"userId": "u", "previousId": "p"}),
    ],
)
async def test_an_event_is_sent_as_given_and_completed(kind: str, fields: dict[str, Any]) -> None:
    tracking = Tracking()
    receipt = await sink(tracking).send(kind, fields, None)
    assert receipt == {"status": "accepted", "messageId": "made-1", "host": HOST}
    assert [(request.operation, request.write_key) for request in tracking.sent] == [(kind, "the-key")]
    assert tracking.events() == [{"type": kind, **fields, "messageId": "made-1", **MADE}]


async def test_an_event_is_one_compact_json_object_in_utf_8() -> None:
    tracking = Tracking()
    await sink(tracking).send("track", {"userId": "u", "event": "\u4f60"}, None)
    (body,) = tracking.sent[0].bodies
    assert body.startswith(b'{"type":"track","userId":"u","event":"\xe4\xbd\xa0",')


async def test_the_callers_message_id_is_kept() -> None:
    tracking = Tracking()
    receipt = await sink(tracking).send("track", {"userId": "u", "event": "E", "messageId": "mine"}, None)
    assert receipt["messageId"] == "mine"
    assert tracking.events()[0]["messageId"] == "mine"


async def test_null_is_left_out() -> None:
    tracking = Tracking()
    await sink(tracking).send(
        "track",
        {"userId": "u", "event": "E", "messageId": None, "context": None, "timestamp": None, "x": None},
        None,
    )
    assert tracking.events() == [{**TRACK, "messageId": "made-1", **MADE}]


async def test_the_named_write_key_is_resolved() -> None:
    tracking, write_keys = Tracking(), WriteKeys()
    await sink(tracking, write_keys).send("track", {"userId": "u", "event": "E"}, "web")
    assert write_keys.asked == ["web"]
    assert tracking.sent[0].write_key == "resolved web"


async def test_the_kind_that_is_sent_is_the_kind_that_was_called() -> None:
    tracking = Tracking()
    await sink(tracking).send("track", {"userId": "u", "event": "E", "type": "identify"}, None)
    assert tracking.events()[0]["type"] == "track"


async def test_without_a_write_key_nothing_is_sent() -> None:
    tracking = Tracking()
    with pytest.raises(NotConfigured):
        await sink(tracking, WriteKeys(None)).send("track", {"userId": "u", "event": "E"}, None)
    assert tracking.sent == []


async def test_an_invalid_event_is_told_before_a_missing_write_key() -> None:
    with pytest.raises(EventInvalid):
        await sink(Tracking(), WriteKeys(None)).send("track", {"userId": "u"}, None)


@pytest.mark.parametrize(
    ("fields", "code", "field"),
    [
        ({"event": "E"}, "no_user_anon_id", "userId"),
        ({"userId": "u"}, "event_not_defined", "event"),
        ({"userId": "u", "event": "E", "properties": {"n": math.nan}}, "bad_request", "properties.n"),
        ({"userId": "u", "event": "E", "properties": {"n": [math.inf]}}, "bad_request", "properties.n.0"),
        ({"userId": "u", "event": "E", "properties": {"n": -math.inf}}, "bad_request", "properties.n"),
        ({"userId": "u", "event": "E", "properties": {"t": "\ud800"}}, "bad_request", "properties.t"),
        ({"userId": "u", "event": "E", "properties": {"\udfff": 1}}, "bad_request", "properties"),
        ({"userId": "\ud800", "event": "E"}, "bad_request", "userId"),
    ],
    ids=["nobody", "no-event", "nan", "infinity", "minus-infinity", "surrogate", "surrogate-name", "surrogate-id"],
)
async def test_an_event_that_segment_would_drop_is_not_sent(fields: dict[str, Any], code: str, field: str) -> None:
    tracking = Tracking()
    with pytest.raises(EventInvalid) as caught:
        await sink(tracking).send("track", fields, None)
    assert tracking.sent == []
    (listed,) = caught.value.data()["events"]
    assert {name: listed[name] for name in ("index", "messageId", "code", "field")} == {
        "index": 0, "messageId": "made-1", "code": code, "field": field
    }  # fmt: skip


async def test_a_deeply_nested_event_is_sent_whole_or_told_and_not_sent() -> None:
    """Where the interpreter's JSON gives up is its own affair; half an event is none."""
    deep: dict[str, Any] = {}
    for _ in range(5_000):
        deep = {"a": deep}
    tracking = Tracking()
    try:
        await sink(tracking).send("track", {"userId": "u", "event": "E", "properties": deep}, None)
    except EventInvalid:
        assert tracking.sent == []
    else:
        (body,) = tracking.sent[0].bodies
        assert body.count(b'{"a":') == 5_000


@pytest.mark.parametrize("message_id", ["\ud800", "x" * 1_000_000], ids=["surrogate", "huge"])
async def test_a_wrong_message_id_is_not_echoed_whole(message_id: str) -> None:
    with pytest.raises(EventInvalid) as caught:
        await sink(Tracking()).send("track", {"userId": "u", "event": "E", "messageId": message_id}, None)
    assert len(Envelope.failure(caught.value).as_json()) < 2_000


@pytest.mark.parametrize("name", ["writeKey", "sentAt"])
async def test_what_the_frame_carries_is_not_sent_a_second_time(name: str) -> None:
    tracking = Tracking()
    with pytest.raises(EventInvalid, match=name):
        await sink(tracking).send("track", {"userId": "u", "event": "E", name: "other"}, None)
    assert tracking.sent == []


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ({}, NOW_TEXT),
        ({"timestamp": None}, NOW_TEXT),
        ({"timestamp": "2020-01-31T08:00:00+01:00"}, "2020-01-31T08:00:00+01:00"),
        ({"timestamp": "2026-05-20T12:00:00.123456789Z"}, "2026-05-20T12:00:00.123456789Z"),
    ],
)
async def test_a_timestamp_that_is_given_is_kept_and_a_missing_one_is_now(given: dict[str, Any], sent: str) -> None:
    tracking = Tracking()
    await sink(tracking).send("track", {"userId": "u", "event": "E", **given}, None)
    await sink(tracking).send_batch([{**TRACK, **given}, {**TRACK, **given}], {}, None)
    assert [event["timestamp"] for event in tracking.events()] == [sent] * 3


async def test_a_timestamp_of_no_moment_is_told_and_not_replaced() -> None:
    for given in ("", "2026-01-31", 0, False):
        with pytest.raises(EventInvalid, match="timestamp must have a date"):
            await sink(Tracking()).send("track", {"userId": "u", "event": "E", "timestamp": given}, None)


# What Segment can't take now

PASSING = {
    "rate limited": RateLimited("Too many requests.", host=HOST, status=429, wait=60.0, retryAfterSeconds=60),
    "down": Unavailable("It failed.", host=HOST, status=503),
    "slow": TimedOut("No answer.", host=HOST),
    "never reached in time": TimedOut("No connection.", host=HOST, acted=False),
    "broken off": NetworkFailed("The connection broke.", host=HOST),
    "never reached": NetworkFailed("No connection.", host=HOST, acted=False),
    "a page": InvalidResponse("It answered an HTML page.", host=HOST, status=200, kind="html"),
    "request timeout": Rejected("It answered 408.", host=HOST, status=408),
    "gone for now": Rejected("It answered 410.", host=HOST, status=410),
    "460": Rejected("It answered 460.", host=HOST, status=460),
}
FINAL = {
    "malformed": Rejected("It answered 400.", host=HOST, status=400),
    "unauthorized": Unauthorized("It answered 401.", host=HOST, status=401),
    "forbidden": Forbidden("It answered 403.", host=HOST, status=403),
    "not found": NotFound("It answered 404.", host=HOST, status=404),
    "conflict": Conflict("It answered 409.", host=HOST, status=409),
    "too large": Rejected("It answered 413.", host=HOST, status=413),
    "unprocessable": Rejected("It answered 422.", host=HOST, status=422),
}


def anew(failure: UpstreamError) -> UpstreamError:
    """The same failure, which one test may add to without another seeing it."""
    more = {name: value for name, value in failure.details.items() if name not in {"host", "status"}}
    return type(failure)(
        failure.message, host=failure.host, status=failure.status, acted=failure.acted, wait=failure.wait, **more
    )


@pytest.mark.parametrize("failure", PASSING.values(), ids=PASSING)
async def test_an_event_that_segment_cannot_take_now_is_kept_as_it_would_have_been_sent(
    failure: UpstreamError, store: SqliteOutbox
) -> None:
    tracking = Tracking(anew(failure))
    receipt = await sink(tracking, opened=lambda: store).send("track", {"userId": "u", "event": "E"}, "web")
    assert receipt == {"status": "deferred", "messageId": "made-1", "host": HOST, "reason": failure.message}
    kept = {**TRACK, "messageId": "made-1", **MADE}
    assert tracking.events() == [kept]
    assert lanes(store) == [(ROUTE, "resolved web", [kept])]


@pytest.mark.parametrize("failure", FINAL.values(), ids=FINAL)
async def test_an_event_that_segment_refuses_is_a_failure_and_is_not_kept(failure: UpstreamError) -> None:
    with pytest.raises(type(failure)) as caught:
        await sink(Tracking(anew(failure))).send("track", {"userId": "u", "event": "E"}, None)
    assert caught.value.data() == {**failure.data(), "messageId": "made-1"}
    with pytest.raises(type(failure)) as caught:
        await sink(Tracking(anew(failure))).send_batch([TRACK], {}, None)
    assert caught.value.data() == {
        **failure.data(),
        "accepted": 0,
        "deferred": 0,
        "events": [{"index": 0, "messageId": "made-1", "status": "failed"}],
    }


async def test_an_event_of_another_route_is_kept_for_that_one(store: SqliteOutbox) -> None:
    tracking = Tracking(anew(PASSING["down"]))
    outbox = Outbox(lambda: store, {}, exists=lambda: True, now=lambda: NOW, chance=lambda: 0.5, seconds=10.0)
    route = Route("by-its-credentials", tracking, lambda: ROUTE)
    await Sink(route, WriteKeys(), outbox, now=lambda: NOW).send("page", {"userId": "u"}, None)
    assert [where for where, _, _ in lanes(store)] == [ROUTE]


def unopened() -> Store:
    raise StoreError("/state/outbox.db: unable to open database file")


@pytest.mark.parametrize("broken", [Full, unopened], ids=["full", "unopened"])
@pytest.mark.parametrize("failure", PASSING.values(), ids=PASSING)
async def test_what_can_neither_be_sent_nor_kept_is_a_failure_and_no_promise(
    failure: UpstreamError, broken: Callable[[], Store]
) -> None:
    opened: list[Store] = []

    def opening() -> Store:
        opened.append(broken())
        return opened[-1]

    with pytest.raises(type(failure), match="same messageId") as caught:
        await sink(Tracking(anew(failure)), opened=opening).send("track", {"userId": "u", "event": "E"}, None)
    assert str(caught.value).startswith(failure.message)
    assert "could not be kept" in str(caught.value)
    data = caught.value.data()
    assert data["messageId"] == "made-1"
    assert "/state/outbox.db" in data["outbox"]
    assert data["outbox"] in str(caught.value)
    assert "status" not in data or data["status"] == failure.status  # of HTTP, where there was one
    for store in opened:
        store.close()


async def test_a_batch_whose_end_can_neither_be_sent_nor_kept_tells_what_became_of_each_event() -> None:
    store = Full(room=1)
    tracking = Tracking(None, anew(PASSING["down"]))
    with pytest.raises(Unavailable, match="could not be kept") as caught:
        await sink(tracking, opened=lambda: store).send_batch([TRACK] * (3 * MOST_EVENTS + 1), {}, None)
    data = caught.value.data()
    assert (data["accepted"], data["deferred"]) == (MOST_EVENTS, MOST_EVENTS)
    assert [event["status"] for event in data["events"]] == [
        *["accepted"] * MOST_EVENTS, *["deferred"] * MOST_EVENTS, *["failed"] * (MOST_EVENTS + 1)
    ]  # fmt: skip
    assert len(tracking.sent) == 2
    ((_, _, kept),) = lanes(store)
    assert [event["messageId"] for event in kept] == [
        event["messageId"] for event in data["events"] if event["status"] == "deferred"
    ]
    store.close()


async def test_what_comes_behind_a_request_that_was_kept_is_kept_untried_and_in_order(store: SqliteOutbox) -> None:
    tracking = Tracking(None, anew(PASSING["rate limited"]))
    events = [{**TRACK, "messageId": f"m{number}"} for number in range(3 * MOST_EVENTS + 1)]
    receipt = await sink(tracking, opened=lambda: store).send_batch(events, {}, None)
    assert len(tracking.sent) == 2
    assert (receipt["accepted"], receipt["deferred"]) == (MOST_EVENTS, 2 * MOST_EVENTS + 1)
    assert receipt["host"] == HOST
    assert receipt["reason"] == "Too many requests."
    assert [(event["index"], event["messageId"]) for event in receipt["events"]] == [
        (number, f"m{number}") for number in range(len(events))
    ]
    ((route, key, kept),) = lanes(store)
    assert (route, key) == (ROUTE, "the-key")
    assert kept == [{**event, **MADE} for event in events[MOST_EVENTS:]]


async def test_a_batch_that_is_refused_in_the_middle_tells_what_became_of_each_event() -> None:
    tracking = Tracking(None, anew(FINAL["unauthorized"]))
    with pytest.raises(Unauthorized) as caught:
        await sink(tracking).send_batch([TRACK] * (2 * MOST_EVENTS + 1), {}, None)
    assert len(tracking.sent) == 2
    data = caught.value.data()
    assert (data["accepted"], data["deferred"]) == (MOST_EVENTS, 0)
    assert [event["status"] for event in data["events"]] == ["accepted"] * MOST_EVENTS + ["failed"] * (MOST_EVENTS + 1)
    assert [event["messageId"] for event in data["events"]] == [
        f"made-{number}" for number in range(1, 2 * MOST_EVENTS + 2)
    ]


async def test_a_failure_behind_a_success_says_what_not_to_repeat() -> None:
    with pytest.raises(Rejected) as caught:
        await sink(Tracking(None, anew(FINAL["malformed"]))).send_batch([TRACK] * (MOST_EVENTS + 1), {}, None)
    assert f"{MOST_EVENTS} events were accepted" in str(caught.value)
    assert "messageId" in str(caught.value)


async def test_a_batch_is_kept_in_one_place_though_its_host_becomes_known_meanwhile(store: SqliteOutbox) -> None:
    tracking, origins = (
        Tracking(anew(PASSING["down"])),
        iter([None, "https://api.segment.io", "https://api.segment.io"]),
    )
    outbox = Outbox(lambda: store, {}, exists=lambda: True, now=lambda: NOW, chance=lambda: 0.5, seconds=10.0)
    route = Route("by-its-credentials", tracking, lambda: next(origins))
    await Sink(route, WriteKeys(), outbox, now=lambda: NOW).send_batch([TRACK] * (MOST_EVENTS + 1), {}, None)
    assert len(store.routes()) == 1  # or the order of a user's events hangs on which place is emptied first


async def test_the_requests_of_a_batch_share_a_calls_time(store: SqliteOutbox) -> None:
    clock = iter([0.0, 1.0, 15.0, 40.0])
    tracking = Tracking()
    sending = sink(tracking, opened=lambda: store, monotonic=lambda: next(clock))
    await sending.send_batch([TRACK] * (3 * MOST_EVENTS), {}, None)
    assert [request.seconds for request in tracking.sent] == [19.0, 5.0, 0.5]


async def test_more_properties_than_segment_keeps_are_more_bytes_than_it_takes() -> None:
    """Beyond 10,000 Segment drops properties; an event with so many, however short, is too large already."""
    crowded = {**TRACK, "properties": dict.fromkeys((f"{number:x}" for number in range(10_001)), 1)}
    (listed,) = await told(Tracking(), [crowded])
    assert listed["code"] == "bad_request"
    assert "bytes" in listed["message"]


# Warnings


async def test_warnings_come_beside_a_success() -> None:
    tracking = Tracking()
    receipt = await sink(tracking).send(
        "identify",
        {"userId": "u", "messageId": "me@example.com", "timestamp": "2026-05-21T12:00:00Z", "traits": {"age": "7"}},
        None,
    )
    assert receipt["status"] == "accepted"
    assert [(told["index"], told["messageId"], told["code"], told["field"]) for told in receipt["warnings"]] == [
        (0, "me@example.com", "reserved_type", "traits.age"),
        (0, "me@example.com", "email_message_id", "messageId"),
        (0, "me@example.com", "future_timestamp", "timestamp"),
    ]
    assert all(told["message"].startswith(told["field"]) for told in receipt["warnings"])
    assert len(tracking.sent) == 1


async def test_warnings_of_a_batch_name_their_events() -> None:
    events = [TRACK, {**TRACK, "properties": {"revenue": "9"}}, TRACK, {**TRACK, "properties": {"currency": 978}}]
    receipt = await sink(Tracking()).send_batch(events, {}, None)
    assert receipt["accepted"] == 4
    assert [(told["index"], told["messageId"], told["field"]) for told in receipt["warnings"]] == [
        (1, "made-2", "properties.revenue"),
        (3, "made-4", "properties.currency"),
    ]


async def test_warnings_come_beside_a_promise_too(store: SqliteOutbox) -> None:
    tracking = Tracking(anew(PASSING["down"]))
    receipt = await sink(tracking, opened=lambda: store).send_batch([{**TRACK, "properties": {"value": "1"}}], {}, None)
    assert (receipt["deferred"], receipt["warnings"][0]["code"]) == (1, "reserved_type")


async def test_an_event_without_oddities_has_no_warnings() -> None:
    assert "warnings" not in await sink(Tracking()).send("track", {"userId": "u", "event": "E"}, None)
    assert "warnings" not in await sink(Tracking()).send_batch([TRACK], {}, None)


async def test_an_event_that_is_refused_has_no_warnings() -> None:
    with pytest.raises(EventInvalid) as caught:
        await sink(Tracking()).send("track", {"userId": "u", "properties": {"revenue": "9"}}, None)
    assert "warnings" not in caught.value.data()


# Size


def sized(size: int, message_id: str = "m") -> dict[str, Any]:
    """A track event of that many bytes once it is complete."""
    event = {**TRACK, "messageId": message_id, **MADE, "properties": {"p": ""}}
    event["properties"] = {"p": "x" * (size - len(json.dumps(event, separators=(",", ":"))))}
    return event


@pytest.mark.parametrize(
    ("size", "right"), [(LARGEST_EVENT - FRAME, True), (LARGEST_EVENT - FRAME + 1, False)], ids=["fits", "over"]
)
async def test_an_event_is_measured_to_the_byte_with_its_frame(size: int, *, right: bool) -> None:
    tracking = Tracking()
    fields = {name: value for name, value in sized(size).items() if name != "type"}
    if right:
        await sink(tracking).send("track", fields, None)
        assert [len(body) for body in tracking.sent[0].bodies] == [size]
    else:
        with pytest.raises(EventInvalid, match=f"has {size} bytes"):
            await sink(tracking).send("track", fields, None)
        assert tracking.sent == []


async def test_bytes_are_counted_and_not_characters() -> None:
    with pytest.raises(EventInvalid, match="bytes"):
        await sink(Tracking()).send("track", {"userId": "u", "event": "\u4f60" * 11_000}, None)


@pytest.mark.parametrize(("size", "right"), [(LARGEST_EVENT, True), (LARGEST_EVENT + 1, False)], ids=["fits", "over"])
async def test_an_event_of_a_batch_is_measured_by_itself(size: int, *, right: bool) -> None:
    tracking = Tracking()
    if right:
        await sink(tracking).send_batch([TRACK, sized(size)], {}, None)
        assert len(tracking.sent[0].bodies[1]) == size
    else:
        (listed,) = await told(tracking, [TRACK, sized(size), TRACK])
        assert (listed["index"], listed["code"]) == (1, "bad_request")
        assert f"has {size} bytes" in listed["message"]


async def test_what_a_batch_shares_counts_as_each_events_own() -> None:
    shared = {"context": {"page": "x" * 20_000}}
    listed = await told(Tracking(), [sized(10_000, "a"), sized(20_000, "b"), sized(20_000, "c")], shared)
    assert [event["index"] for event in listed] == [1, 2]


@pytest.mark.parametrize(
    ("number", "lengths"),
    [(1, [1]), (2_500, [2_500]), (2_501, [2_500, 1]), (5_001, [2_500, 2_500, 1])],
)
async def test_a_batch_is_split_by_count(number: int, lengths: list[int]) -> None:
    tracking = Tracking()
    receipt = await sink(tracking).send_batch([TRACK] * number, {}, None)
    assert [len(request.bodies) for request in tracking.sent] == lengths
    assert {request.operation for request in tracking.sent} == {"batch"}
    assert receipt["accepted"] == len(receipt["events"]) == number
    ids = [f"made-{index}" for index in range(1, number + 1)]
    assert [event["messageId"] for event in tracking.events()] == ids
    assert [(event["index"], event["messageId"]) for event in receipt["events"]] == list(enumerate(ids))


@pytest.mark.parametrize(("more", "lengths"), [(0, [16]), (1, [15, 1])], ids=["fits", "over"])
async def test_a_batch_is_split_by_bytes_with_its_frame(more: int, lengths: list[int]) -> None:
    rest = LARGEST_REQUEST - FRAME - 16 - 15 * 32_000 + more
    events = [sized(32_000, chr(97 + index)) for index in range(15)] + [sized(rest, "z")]
    tracking = Tracking()
    receipt = await sink(tracking).send_batch(events, {}, None)
    assert [len(request.bodies) for request in tracking.sent] == lengths
    assert tracking.events() == events
    assert receipt["host"] == HOST


async def test_a_batch_of_the_largest_events_is_split_and_loses_none() -> None:
    tracking = Tracking()
    events = [sized(LARGEST_EVENT, f"m{number:03}") for number in range(40)]
    receipt = await sink(tracking).send_batch(events, {}, None)
    assert [len(request.bodies) for request in tracking.sent] == [15, 15, 10]
    assert tracking.events() == events
    assert receipt["accepted"] == 40


async def test_nothing_is_sent_while_the_last_of_many_events_is_invalid() -> None:
    write_keys, tracking = WriteKeys(), Tracking()
    with pytest.raises(EventInvalid) as caught:
        await sink(tracking, write_keys).send_batch([*[TRACK] * 6_000, {"type": "track"}], {}, None)
    assert tracking.sent == []
    assert write_keys.asked == []
    assert {event["index"] for event in caught.value.data()["events"]} == {6_000}


# Many events


async def test_a_batch_goes_in_one_request_and_gives_a_receipt_for_each() -> None:
    tracking = Tracking()
    events = [TRACK, {"type": "identify", "anonymousId": "a", "messageId": "mine"}, TRACK]
    receipt = await sink(tracking).send_batch(events, {}, "web")
    assert receipt == {
        "accepted": 3,
        "deferred": 0,
        "events": [
            {"index": 0, "messageId": "made-1", "status": "accepted"},
            {"index": 1, "messageId": "mine", "status": "accepted"},
            {"index": 2, "messageId": "made-2", "status": "accepted"},
        ],
        "host": HOST,
    }
    (request,) = tracking.sent
    assert (request.operation, len(request.bodies), request.write_key) == ("batch", 3, "resolved web")
    assert [event["messageId"] for event in tracking.events()] == ["made-1", "mine", "made-2"]


async def test_an_empty_batch_is_refused() -> None:
    assert await told(Tracking(), []) == [{"code": "empty_batch", "field": "batch", "message": "batch has no event"}]


async def test_one_invalid_event_keeps_all_from_being_sent_and_all_invalid_ones_are_told() -> None:
    events = [TRACK, {"type": "track", "userId": "u"}, TRACK, "text", {**TRACK, "messageId": "m", "properties": 1}]
    assert [
        (listed["index"], listed.get("messageId"), listed["code"], listed["field"])
        for listed in await told(Tracking(), events)
    ] == [
        (1, "made-2", "event_not_defined", "event"),
        (3, None, "bad_request", ""),
        (4, "m", "properties_not_object", "properties"),
    ]


@pytest.mark.parametrize("event", [None, 7, "text", [], True], ids=repr)
async def test_what_is_no_object_is_no_event(event: Any) -> None:
    (listed,) = await told(Tracking(), [event])
    assert listed == {"index": 0, "code": "bad_request", "field": "", "message": "must be an object"}


async def test_an_event_that_names_a_write_key_of_its_own_does_not_go_to_another() -> None:
    tracking = Tracking()
    with pytest.raises((EventInvalid, InvalidArguments)):
        await sink(tracking).send_batch([{**TRACK, "writeKey": "ios"}, TRACK], {}, "web")
    assert tracking.sent == []


@pytest.mark.parametrize(
    ("own", "shared", "merged"),
    [
        ({}, {}, {"context": {"library": LIBRARY}}),
        ({}, {"context": None, "integrations": None}, {"context": {"library": LIBRARY}}),
        ({"context": {"ip": "1"}}, {}, {"context": {"library": LIBRARY, "ip": "1"}}),
        ({}, {"context": {"ip": "2"}}, {"context": {"library": LIBRARY, "ip": "2"}}),
        (
            {"context": {"ip": "1", "page": {"url": "u"}}},
            {"context": {"ip": "2", "locale": "de", "page": {"title": "t"}}},
            {"context": {"library": LIBRARY, "ip": "1", "locale": "de", "page": {"url": "u"}}},
        ),
        ({"context": {"library": {"name": "own"}}}, {}, {"context": {"library": {"name": "own"}}}),
        ({}, {"context": {"library": {"name": "shared"}}}, {"context": {"library": {"name": "shared"}}}),
        (
            {"context": {"library": {"name": "own"}}},
            {"context": {"library": {"name": "shared"}}},
            {"context": {"library": {"name": "own"}}},
        ),
        ({"integrations": {"A": True}}, {}, {"context": {"library": LIBRARY}, "integrations": {"A": True}}),
        ({}, {"integrations": {"All": False}}, {"context": {"library": LIBRARY}, "integrations": {"All": False}}),
        (
            {"integrations": {"A": True}},
            {"integrations": {"All": False, "A": False}},
            {"context": {"library": LIBRARY}, "integrations": {"All": False, "A": True}},
        ),
        ({"integrations": {}}, {}, {"context": {"library": LIBRARY}, "integrations": {}}),
    ],
    ids=[
        "nothing", "nulls", "own-context", "shared-context", "both-contexts", "own-library", "shared-library",
        "both-libraries", "own-integrations", "shared-integrations", "both-integrations", "empty-integrations",
    ],
)  # fmt: skip
async def test_what_is_shared_is_given_to_every_event_and_its_own_wins(
    own: dict[str, Any], shared: dict[str, Any], merged: dict[str, Any]
) -> None:
    tracking = Tracking()
    await sink(tracking).send_batch([{**TRACK, **own, "messageId": name} for name in "mn"], shared, None)
    assert tracking.events() == [{**TRACK, **merged, "messageId": name, "timestamp": NOW_TEXT} for name in "mn"]


async def test_a_repeated_message_id_is_told_because_segment_drops_the_repeat() -> None:
    events = [{**TRACK, "messageId": name} for name in "mnmm"]
    listed = await told(Tracking(), events)
    assert [(event["index"], event["messageId"], event["field"]) for event in listed] == [
        (2, "m", "messageId"), (3, "m", "messageId")
    ]  # fmt: skip
    assert all("event 0" in event["message"] for event in listed)


@pytest.mark.parametrize("name", ["context", "integrations"])
async def test_an_events_own_object_of_a_wrong_form_is_told_and_not_replaced(name: str) -> None:
    (listed,) = await told(Tracking(), [{**TRACK, name: "text"}], {name: {"a": 1}})
    assert (listed["code"], listed["field"]) == ("bad_request", name)


def test_completing_leaves_the_callers_objects_alone() -> None:
    event = {**TRACK, "context": {"ip": "1"}, "integrations": {"A": True}}
    shared = {"context": {"locale": "de"}, "integrations": {"All": False}}
    before = json.dumps([event, shared])
    complete(event, shared, lambda: "m", NOW)
    assert json.dumps([event, shared]) == before
