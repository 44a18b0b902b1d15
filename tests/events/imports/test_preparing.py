"""Records to events: what Segment added is taken out, ids are stable, and nothing leaves that Segment would drop."""

import json
import math
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from segment_mcp.events.checks import LARGEST_EVENT, LONGEST_MESSAGE_ID, problems_of
from segment_mcp.events.imports.mapping import Columns
from segment_mcp.events.imports.preparing import Broken, Preparer, Ready, Record, Shape
from tests.events.documents import DOCUMENTS, VALID, VALUES

KEY = "wKeyOfThePreparingTests"
ARCHIVED = {
    "anonymousId": "a1",
    "channel": "server",
    "context": {"library": {"name": "analytics-node", "version": "3.1.0"}, "ip": "10.0.0.1"},
    "event": "Order Completed",
    "integrations": {"All": True},
    "messageId": "node-next-1700000000000-4f8e",
    "originalTimestamp": "2023-11-14T22:13:20.123Z",
    "projectId": "abcDEF123",
    "properties": {"version": 3, "sentAt": "kept", "writeKey": "kept too"},
    "receivedAt": "2023-11-14T22:13:21.500Z",
    "sentAt": "2023-11-14T22:13:21.000Z",
    "timestamp": "2023-11-14T22:13:20.623Z",
    "type": "track",
    "userId": "u1",
    "version": 2,
    "writeKey": "anOldWriteKey",
}
OWN = {
    "anonymousId": "a1",
    "channel": "server",
    "context": ARCHIVED["context"],
    "event": "Order Completed",
    "integrations": {"All": True},
    "messageId": "node-next-1700000000000-4f8e",
    "properties": ARCHIVED["properties"],
    "timestamp": "2023-11-14T22:13:20.123Z",
    "type": "track",
    "userId": "u1",
}


def line(event: Any) -> bytes:
    return json.dumps(event, separators=(",", ":"), ensure_ascii=False).encode()


def prepared(record: Record, number: int = 1, key: str = KEY, **shape: Any) -> Ready | list[Any]:
    return Preparer(Shape(key, **shape)).prepare(number, record)


def ready(record: Record, number: int = 1, key: str = KEY, **shape: Any) -> dict[str, Any]:
    """The event that is sent for a record."""
    found = prepared(record, number, key, **shape)
    assert isinstance(found, Ready), found
    event: dict[str, Any] = json.loads(found.body)
    assert problems_of(event) == []
    assert len(found.body) <= LARGEST_EVENT
    return event


def codes(record: Record, **shape: Any) -> list[str]:
    found = prepared(record, **shape)
    assert isinstance(found, list), found
    return [problem.code for problem in found]


# What leaves as it came


@pytest.mark.parametrize("kind", list(VALID))
def test_an_event_that_is_right_leaves_byte_for_byte(kind: str) -> None:
    own = {"type": kind, **VALID[kind], "messageId": "m1", "timestamp": "2026-01-31T08:00:00+01:00"}
    for text in (line(own), json.dumps(own, indent=1).encode().replace(b"\n", b" "), line({**own, "x": "\u4f60"})):
        found = prepared(text)
        assert isinstance(found, Ready)
        assert found.body == text
        assert found.user == VALID[kind]["userId"]


def test_numbers_and_spelling_are_not_touched() -> None:
    text = b'{"type":"track","userId":"u","event":"\\u00fc","messageId":"m","properties":{"a":1.10,"b":1E5,"c":-0.0}}'
    found = prepared(text)
    assert isinstance(found, Ready)
    assert found.body == text


@pytest.mark.parametrize(
    ("fields", "user"),
    [
        ({"userId": "u"}, "u"),
        ({"anonymousId": "a"}, "a"),
        ({"userId": "u", "anonymousId": "a"}, "u"),
        ({"userId": None, "anonymousId": "a"}, "a"),
    ],
)
def test_an_event_is_its_users(fields: dict[str, Any], user: str) -> None:
    for record in (line({"type": "identify", "messageId": "m", **fields}), {"type": "identify", **fields}):
        found = prepared(record)
        assert isinstance(found, Ready)
        assert found.user == user


# What Segment added


def test_what_segment_added_to_an_archived_event_is_taken_out() -> None:
    assert ready(line(ARCHIVED)) == OWN
    assert ready(ARCHIVED) == OWN


@pytest.mark.parametrize(
    "name",
    ["sentAt", "receivedAt", "projectId", "version", "writeKey", "sent_at", "received_at", "project_id",
     "originalTimestamp", "original_timestamp"],
)  # fmt: skip
@pytest.mark.parametrize("value", ["x", None, 3, {"a": "b"}, [], False])
def test_each_of_its_members_alone_is_taken_out_whatever_it_is(name: str, value: Any) -> None:
    own = {"type": "track", "userId": "u", "event": "e", "messageId": "m"}
    assert ready(line({**own, name: value})) == own
    assert ready({**own, name: value}) == own


def test_a_members_name_that_is_spelled_with_an_escape_is_taken_out_too() -> None:
    text = b'{"type":"track","userId":"u","event":"e","messageId":"m","sent\\u0041t":"x","\\u0077riteKey":"k"}'
    assert ready(text) == {"type": "track", "userId": "u", "event": "e", "messageId": "m"}


@pytest.mark.parametrize("name", ["originalTimestamp", "original_timestamp"])
@pytest.mark.parametrize("timestamp", ["2023-11-14T22:13:20.623Z", "yesterday", 12, None])
def test_the_original_timestamp_becomes_the_timestamp(name: str, timestamp: Any) -> None:
    event = {"type": "track", "userId": "u", "event": "e", "timestamp": timestamp, name: "2020-01-01T00:00:00Z"}
    assert ready(line(event))["timestamp"] == "2020-01-01T00:00:00Z"


@pytest.mark.parametrize("original", ["yesterday", "2020-01-01T00:00:00", "2020-01-01", "", 12, None, {"a": 1}])
def test_an_original_timestamp_that_is_no_moment_gives_way_to_the_timestamp(original: Any) -> None:
    event = {"type": "track", "userId": "u", "event": "e", "originalTimestamp": original}
    assert ready(line({**event, "timestamp": "2023-11-14T22:13:20Z"}))["timestamp"] == "2023-11-14T22:13:20Z"
    assert "timestamp" not in ready(line(event))


def test_members_that_are_null_are_left_out_where_the_event_is_changed() -> None:
    event = {"type": "track", "userId": "u", "event": "e", "anonymousId": None, "messageId": None, "projectId": "p"}
    assert set(ready(line(event))) == {"type", "userId", "event", "messageId"}


# Message ids


def test_message_ids_are_kept() -> None:
    assert ready(line({"type": "track", "userId": "u", "event": "e", "messageId": "m"}))["messageId"] == "m"
    assert ready(line(ARCHIVED))["messageId"] == ARCHIVED["messageId"]


NO_ID = {"type": "track", "userId": "u", "event": "e"}


def test_a_made_id_is_the_same_on_repetition_and_differs_by_position_content_and_write_key() -> None:
    made = {
        ready(line(NO_ID))["messageId"],
        ready(line(NO_ID), number=2)["messageId"],
        ready(line(NO_ID), number=11)["messageId"],
        ready(line({**NO_ID, "event": "f"}))["messageId"],
        ready(line(NO_ID), key="another")["messageId"],
        ready(line({**NO_ID, "projectId": "p"}))["messageId"],
    }
    assert len(made) >= 5
    assert ready(line(NO_ID))["messageId"] == ready(line(NO_ID))["messageId"] in made
    assert all(len(one) <= LONGEST_MESSAGE_ID for one in made)
    assert not [one for one in made if KEY in one]


def test_a_made_id_hangs_on_what_is_sent_for_rows_and_archives_too() -> None:
    archived = {name: value for name, value in ARCHIVED.items() if name != "messageId"}
    for record in (line(archived), archived):
        first = ready(record, number=7)
        assert first["messageId"].startswith("import-")
        assert first == ready(record, number=7)
        assert first["messageId"] != ready(record, number=8)["messageId"]


def test_number_and_content_can_not_be_mistaken_for_each_other() -> None:
    rows = {"a": "1:2"}
    assert ready({**NO_ID, **rows}, number=1)["messageId"] != ready({**NO_ID, **rows}, number=11)["messageId"]


def test_derived_ids_are_stable_and_new_and_differ_by_old_id_and_write_key() -> None:
    event = {**NO_ID, "messageId": "m1"}
    derived = ready(line(event), message_ids="derive")["messageId"]
    assert derived == ready(line(event), number=9, message_ids="derive")["messageId"]
    assert derived == ready(event, message_ids="derive")["messageId"]
    others = {
        "m1",
        ready(line({**event, "messageId": "m2"}), message_ids="derive")["messageId"],
        ready(line(event), message_ids="derive", key="another")["messageId"],
    }
    assert derived not in others
    assert len(others) == 3
    assert len(derived) <= LONGEST_MESSAGE_ID


def test_where_there_is_no_id_to_derive_from_one_is_made() -> None:
    made = {ready(line(NO_ID), number=number, message_ids="derive")["messageId"] for number in (1, 2, 1)}
    assert len(made) == 2


def test_a_derived_id_is_no_made_one() -> None:
    assert ready(line({**NO_ID, "messageId": "1:"}), message_ids="derive") != ready(line(NO_ID), message_ids="derive")


# What the operator decides


def test_integrations_replace_the_events_own() -> None:
    chosen = {"All": False, "Webhooks": True}
    for own in ({}, {"integrations": {"All": True}}, {"integrations": None}):
        for record in (line({**NO_ID, "messageId": "m", **own}), {**NO_ID, **own}):
            assert ready(record, integrations=chosen)["integrations"] == chosen
    assert ready(line({**NO_ID, "integrations": "wrong"}), integrations={})["integrations"] == {}


def test_the_default_type_is_for_events_without_one() -> None:
    untyped = {"userId": "u", "messageId": "m"}
    assert ready(line(untyped), type="identify")["type"] == "identify"
    assert ready(line({**untyped, "type": None}), type="identify")["type"] == "identify"
    assert ready(line({**NO_ID, "messageId": "m"}), type="identify")["type"] == "track"
    assert codes(line({**untyped, "type": ""}), type="identify") == ["invalid_type"]
    assert codes(line(untyped)) == ["missing_type"]


def test_columns_make_events_of_rows_and_of_lines() -> None:
    columns = Columns.parse({"uid": "userId", "what": "event", "price": "properties.price:number"})
    row = {"uid": "u", "what": "Bought", "price": "12.5", "type": "ignored", "messageId": "ignored"}
    for record in (row, line(row)):
        event = ready(record, columns=columns, type="track")
        assert event.pop("messageId").startswith("import-")
        assert event == {"type": "track", "userId": "u", "event": "Bought", "properties": {"price": 12.5}}


@pytest.mark.parametrize("value", ["dear", "nan", "[" * 100_000])
def test_a_cell_that_does_not_fit_is_a_problem_of_its_row(value: str) -> None:
    for kind in ("number", "json", "boolean"):
        columns = Columns.parse({"uid": "userId", "price": f"properties.price:{kind}"})
        assert codes({"uid": "u", "price": value}, columns=columns, type="identify") == ["bad_request"]


# What is refused


@pytest.mark.parametrize(
    ("record", "code"),
    [
        (b"not json", "bad_request"),
        (b"[]", "bad_request"),
        (b"null", "bad_request"),
        (b'"text"', "bad_request"),
        (b"\xff\xfe", "bad_request"),
        (b'{"type":"track"', "bad_request"),
        (b'{"type":"track","userId":"u","event":"e","properties":{"n":NaN}}', "bad_request"),
        (b'{"type":"track","userId":"u","event":"e","properties":{"n":12345678901234567890}}', "bad_request"),
        (b'{"type":"track","userId":"u","event":"e","properties":{"n":1e400}}', "bad_request"),
        (b'{"type":"track","userId":"u","event":"\\ud800"}', "bad_request"),
        (b'{"type":"track","userId":"u","event":"e","timestamp":"2026-01-31"}', "bad_request"),
        (b'{"type":"track","userId":"u","event":"e","messageId":"%s"}' % (b"x" * 100), "bad_request"),
        (b'{"type":"track","userId":"u"}', "event_not_defined"),
        (b'{"type":"track","event":"e"}', "no_user_anon_id"),
        (b'{"type":"track","userId":7,"event":"e"}', "id_not_string"),
        (b'{"userId":"u"}', "missing_type"),
        (b"{" * 100_000, "bad_request"),
        (b'{"type":"track","userId":"u","event":"e","properties":' + b"[" * 20_000 + b"]" * 20_000 + b"}",
         "bad_request"),
        (b'{"type":"track","userId":"u","event":"e","properties":' + b'{"a":' * 900 + b"1" + b"}" * 900 + b"}", None),
        (Broken("is torn"), "bad_request"),
    ],
    ids=range(20),
)  # fmt: skip
def test_what_segment_would_drop_is_refused_by_its_code(record: Record, code: str | None) -> None:
    found = prepared(record)
    if code is None:
        assert isinstance(found, Ready) or found[0].code == "bad_request"
    else:
        assert code in codes(record)


def test_a_broken_record_says_why() -> None:
    found = prepared(Broken("has 3 cells; the header has 2"))
    assert isinstance(found, list)
    assert found[0].message == "has 3 cells; the header has 2"


@pytest.mark.parametrize("change", [{}, {"projectId": "p"}, {"messageId": None}, {"messageId": "m"}])
@pytest.mark.parametrize("more", [*range(-60, -48), -1, 0, 1, 2])
def test_the_size_is_that_of_what_is_sent(change: dict[str, Any], more: int) -> None:
    event = {**NO_ID, **change, "properties": {"text": ""}}
    own = line({name: value for name, value in event.items() if name != "projectId"})
    event["properties"] = {"text": "x" * (LARGEST_EVENT - len(own) + more)}
    found = prepared(line(event))
    if isinstance(found, Ready):
        assert len(found.body) <= LARGEST_EVENT
        assert more <= 0 or change.get("messageId", "") is None
    else:
        assert [problem.code for problem in found] == ["bad_request"]
        assert more > 0 or "messageId" not in event or event["messageId"] is None


# Anything


SHAPES: list[dict[str, Any]] = [
    {},
    {"type": "track"},
    {"integrations": {"All": False}},
    {"message_ids": "derive"},
    {"columns": Columns.parse({"a": "userId", "type": "type", "b": "properties.b:json", "c": "timestamp:string"})},
]
ADDED = st.dictionaries(
    st.sampled_from([name for name in ARCHIVED if name not in OWN] + ["original_timestamp", "sent_at"]),
    st.sampled_from(["2020-01-01T00:00:00Z", "never"]) | VALUES,
    max_size=2,
)


def is_right(found: Ready | list[Any]) -> None:
    if isinstance(found, Ready):
        event = json.loads(found.body)
        assert problems_of(event) == []
        assert isinstance(event["messageId"], str)
        assert len(found.body) <= LARGEST_EVENT
        assert b"\n" not in found.body
        assert found.user == (event.get("userId") or event.get("anonymousId"))
        assert not {name for name in event if name not in OWN and name in ARCHIVED}
    else:
        assert found
        assert all(problem.code and problem.message for problem in found)


@settings(max_examples=200, deadline=None)
@given(DOCUMENTS, ADDED, st.sampled_from(SHAPES), st.sampled_from(["ascii", "utf-8"]))
@example({"type": "track", "userId": "u", "event": "e"}, {"originalTimestamp": "2020-01-01T00:00:00Z"}, {}, "utf-8")
@example({"type": "track", "userId": "u", "event": "e", "timestamp": math.nan}, {}, {}, "ascii")
def test_any_json_becomes_an_event_without_problems_or_a_list_of_them(
    document: Any,
    added: dict[str, Any],
    shape: dict[str, Any],
    encoding: str,
) -> None:
    value = {**document, **added} if isinstance(document, dict) else document
    text = json.dumps(value, ensure_ascii=encoding == "ascii").encode("utf-8", "surrogatepass")
    is_right(prepared(text, **shape))
    if isinstance(value, dict):
        is_right(prepared(value, **shape))
        found = prepared(text, **shape)
        again = prepared(text, **shape)
        assert found == again


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode), st.sampled_from(SHAPES))
@example(b'{"type":"track","userId":"u","event":"e","userId":5}', {})
@example(b'{"type":"track","userId":5,"event":"e","userId":"u"}', {})
@example(b'{"type":"identify","userId":"u","messageId":"m","messageId":""}', {})
@example(b'{"type":"identify","userId":"u","context":{"device":{"advertisingId":5}}}', {})
@example(b'{"type":"track","userId":"u","event":"Segment Consent Preference Updated"}', {})
@example(b'{"type":"identify","userId":"u","traits":{"n":1e999}}', {})
@example(b'{"type":"identify","userId":"u","traits":{"a":"\xed\xa0\x80"}}', {})
def test_any_bytes_become_an_event_without_problems_or_a_list_of_them(text: bytes, shape: dict[str, Any]) -> None:
    is_right(prepared(text.strip() or b"x", **shape))


def test_nothing_shows_the_write_key() -> None:
    shape = Shape(KEY, integrations={"All": False})
    assert KEY not in repr(shape)
    assert KEY not in str(prepared(line(NO_ID)))
