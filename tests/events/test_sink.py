"""The sink: events are completed, refused before anything is sent, or sent whole."""

import json
import math
from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any

import pytest

from segment_mcp.envelope import Envelope
from segment_mcp.errors import EventInvalid, InvalidArguments, NotConfigured, SegmentMcpError, Unavailable
from segment_mcp.events.checks import LARGEST_EVENT, LARGEST_REQUEST
from segment_mcp.events.sink import FRAME, LIBRARY, DirectSink, complete, new_message_id
from segment_mcp.ports import Data

HOST = "api.segment.io"
TRACK: dict[str, Any] = {"type": "track", "userId": "u", "event": "E"}


class Tracking:
    """Takes everything, or fails with what it is given; remembers what came."""

    def __init__(self, failure: SegmentMcpError | None = None) -> None:
        self.failure = failure
        self.sent: list[tuple[str, list[bytes], str]] = []

    async def send(self, operation: str, events: Sequence[bytes], write_key: str) -> str:
        self.sent.append((operation, list(events), write_key))
        if self.failure is not None:
            raise self.failure
        return HOST

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(event) for _, events, _ in self.sent for event in events]


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


def sink(tracking: Tracking, write_keys: WriteKeys | None = None) -> DirectSink:
    numbers = count(1)
    return DirectSink(tracking, write_keys or WriteKeys(), new_id=lambda: f"made-{next(numbers)}")


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
    assert [(operation, key) for operation, _, key in tracking.sent] == [(kind, "the-key")]
    assert tracking.events() == [{"type": kind, **fields, "messageId": "made-1", "context": {"library": LIBRARY}}]


async def test_an_event_is_one_compact_json_object_in_utf_8() -> None:
    tracking = Tracking()
    await sink(tracking).send("track", {"userId": "u", "event": "\u4f60"}, None)
    (body,) = tracking.sent[0][1]
    assert body.startswith(b'{"type":"track","userId":"u","event":"\xe4\xbd\xa0",')


async def test_the_callers_message_id_is_kept() -> None:
    tracking = Tracking()
    receipt = await sink(tracking).send("track", {"userId": "u", "event": "E", "messageId": "mine"}, None)
    assert receipt["messageId"] == "mine"
    assert tracking.events()[0]["messageId"] == "mine"


async def test_null_is_left_out() -> None:
    tracking = Tracking()
    await sink(tracking).send(
        "track", {"userId": "u", "event": "E", "messageId": None, "context": None, "x": None}, None
    )
    assert tracking.events() == [{**TRACK, "messageId": "made-1", "context": {"library": LIBRARY}}]


async def test_the_named_write_key_is_resolved() -> None:
    tracking, write_keys = Tracking(), WriteKeys()
    await sink(tracking, write_keys).send("track", {"userId": "u", "event": "E"}, "web")
    assert write_keys.asked == ["web"]
    assert tracking.sent[0][2] == "resolved web"


async def test_the_kind_that_is_sent_is_the_kind_that_was_called() -> None:
    tracking = Tracking()
    await sink(tracking).send("track", {"userId": "u", "event": "E", "type": "identify"}, None)
    assert tracking.events()[0]["type"] == "track"


async def test_a_failure_of_segment_is_passed_on_and_is_no_receipt() -> None:
    failure = Unavailable("It failed.", host=HOST, status=503)
    with pytest.raises(Unavailable) as caught:
        await sink(Tracking(failure)).send("track", {"userId": "u", "event": "E"}, None)
    assert caught.value is failure


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
        ({"userId": "u", "event": "E", "properties": {"n": math.nan}}, "bad_request", ""),
        ({"userId": "u", "event": "E", "properties": {"n": [math.inf]}}, "bad_request", ""),
        ({"userId": "u", "event": "E", "properties": {"n": -math.inf}}, "bad_request", ""),
        ({"userId": "u", "event": "E", "properties": {"t": "\ud800"}}, "bad_request", ""),
        ({"userId": "u", "event": "E", "properties": {"\udfff": 1}}, "bad_request", ""),
        ({"userId": "\ud800", "event": "E"}, "bad_request", ""),
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
        ((_, (body,), _),) = tracking.sent
        assert body.count(b'{"a":') == 5_000


@pytest.mark.parametrize("message_id", ["\ud800", "x" * 1_000_000], ids=["surrogate", "huge"])
async def test_a_wrong_message_id_is_not_echoed_whole(message_id: str) -> None:
    with pytest.raises(EventInvalid) as caught:
        await sink(Tracking()).send("track", {"userId": "u", "event": "E", "messageId": message_id}, None)
    assert len(Envelope.failure(caught.value).as_json()) < 2_000


@pytest.mark.parametrize("name", ["writeKey", "sentAt"])
async def test_what_the_frame_carries_is_not_sent_a_second_time(name: str) -> None:
    tracking = Tracking()
    try:
        await sink(tracking).send("track", {"userId": "u", "event": "E", name: "other"}, None)
    except EventInvalid:
        return
    assert name not in tracking.events()[0]


# Size


def sized(size: int, message_id: str = "m") -> dict[str, Any]:
    """A track event of that many bytes once it is complete."""
    event = {**TRACK, "messageId": message_id, "context": {"library": LIBRARY}, "properties": {"p": ""}}
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
        assert len(tracking.sent[0][1][0]) == size
    else:
        with pytest.raises(EventInvalid, match=f"has {size} bytes"):
            await sink(tracking).send("track", fields, None)
        assert tracking.sent == []


async def test_bytes_are_counted_and_not_characters() -> None:
    with pytest.raises(EventInvalid, match="bytes"):
        await sink(Tracking()).send("track", {"userId": "u", "event": "\u4f60" * 11_000}, None)


@pytest.mark.parametrize(("number", "right"), [(2_500, True), (2_501, False)])
async def test_a_batch_is_counted(number: int, *, right: bool) -> None:
    tracking = Tracking()
    if right:
        receipt = await sink(tracking).send_batch([TRACK] * number, {}, None)
        assert receipt["accepted"] == len(receipt["events"]) == len(tracking.events()) == number
    else:
        (listed,) = await told(tracking, [TRACK] * number)
        assert (listed["code"], listed["field"]) == ("bad_request", "batch")
        assert "index" not in listed


@pytest.mark.parametrize(("more", "right"), [(0, True), (1, False)], ids=["fits", "over"])
async def test_a_batch_is_measured_to_the_byte_with_its_frame(more: int, *, right: bool) -> None:
    rest = LARGEST_REQUEST - FRAME - 16 - 15 * 32_000 + more
    events = [sized(32_000, chr(97 + index)) for index in range(15)] + [sized(rest, "z")]
    tracking = Tracking()
    if right:
        await sink(tracking).send_batch(events, {}, None)
        assert sum(map(len, tracking.sent[0][1])) + FRAME + 16 == LARGEST_REQUEST
    else:
        (listed,) = await told(tracking, events)
        assert listed["field"] == "batch"


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
    assert [(operation, len(bodies), key) for operation, bodies, key in tracking.sent] == [("batch", 3, "resolved web")]
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


async def test_a_batch_that_segment_refuses_is_a_failure_as_a_whole() -> None:
    with pytest.raises(Unavailable):
        await sink(Tracking(Unavailable("It failed.", host=HOST, status=503))).send_batch([TRACK], {}, None)


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
    assert tracking.events() == [{**TRACK, **merged, "messageId": name} for name in "mn"]


async def test_a_repeated_message_id_is_told_because_segment_drops_the_repeat() -> None:
    events = [{**TRACK, "messageId": name} for name in "mnm"]
    (listed,) = await told(Tracking(), events)
    assert (listed["index"], listed["messageId"], listed["field"]) == (2, "m", "messageId")


@pytest.mark.parametrize("name", ["context", "integrations"])
async def test_an_events_own_object_of_a_wrong_form_is_told_and_not_replaced(name: str) -> None:
    (listed,) = await told(Tracking(), [{**TRACK, name: "text"}], {name: {"a": 1}})
    assert (listed["code"], listed["field"]) == ("bad_request", name)


def test_completing_leaves_the_callers_objects_alone() -> None:
    event = {**TRACK, "context": {"ip": "1"}, "integrations": {"A": True}}
    shared = {"context": {"locale": "de"}, "integrations": {"All": False}}
    before = json.dumps([event, shared])
    complete(event, shared, lambda: "m")
    assert json.dumps([event, shared]) == before


def test_message_ids_are_unlike_each_other_and_short_enough() -> None:
    made = {new_message_id() for _ in range(1_000)}
    assert len(made) == 1_000
    assert max(map(len, made)) < 100
