"""What Segment would drop: each of its codes, and the limits at their edges."""

import json
import math
import tracemalloc
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segment_mcp.events.checks import (
    CONSENT_EVENT,
    KINDS,
    LARGEST_EVENT,
    LARGEST_INTEGER,
    LARGEST_REQUEST,
    LONGEST_MESSAGE_ID,
    MOST_EVENTS,
    Problem,
    named,
    problems_of,
    size_problems,
)
from segment_mcp.events.wire import encode
from segment_mcp.sandbox import ingest, windows
from segment_mcp.timing import is_moment
from tests.events.documents import DOCUMENTS, VALID, VALUES

SEGMENTS_CODES = frozenset(
    {
        "no_user_anon_id", "id_required", "id_not_string", "event_not_defined", "event_not_string",
        "properties_not_object", "traits_not_object", "name_not_string", "category_not_string", "empty_batch",
        "empty_batch_result", "multi_user_error", "source_disabled", "unknown_source", "locked_workspace",
        "bad_request", "too_many_requests", "device_advertisingid_should_be_string",
        "consent_version_should_be_number", "consent_categorypreferences_should_exist",
        "consent_categorypreferences_fields_should_be_object", "consent_categorypreferences_fields_should_be_bool",
        "missing_type", "invalid_type",
    }
)  # fmt: skip
"""What Segment's delivery overview lists as failed on ingest."""
TRACK: dict[str, Any] = {"type": "track", **VALID["track"]}


def codes(event: Any) -> list[tuple[str, str]]:
    return [(problem.code, problem.field) for problem in problems_of(event)]


def of_each_kind(more: dict[str, Any]) -> dict[str, list[tuple[str, str]]]:
    """What is told of an event of each kind that has this, and is right otherwise."""
    return {kind: codes({"type": kind, **VALID[kind], **more}) for kind in KINDS}


def test_every_kind_has_an_example() -> None:
    assert set(VALID) == set(KINDS)


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"anonymousId": "a"},
        {"context": {}, "integrations": {"All": False}},
        {"messageId": "m", "timestamp": "2026-05-20T12:00:00Z"},
        {"traits": {}, "properties": {}},
        {"context": None, "integrations": None, "messageId": None, "anonymousId": None, "traits": None,
         "properties": None},
        {"somethingElse": [1]},
    ],
    ids=["bare", "both-ids", "objects", "meta", "empty-objects", "nulls", "unknown"],
)  # fmt: skip
def test_what_segment_takes_has_no_problem(more: dict[str, Any]) -> None:
    assert of_each_kind(more) == {kind: [] for kind in KINDS}


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "alias"])
def test_an_anonymous_id_is_identity_enough(kind: str) -> None:
    event = {"type": kind, **VALID[kind], "anonymousId": "a"}
    del event["userId"]
    assert problems_of(event) == []


@pytest.mark.parametrize("kind", [None, "", "Track", "import", "batch", 1, True, [], {"track": 1}], ids=repr)
def test_another_type_is_told_with_the_types_that_exist(kind: Any) -> None:
    (problem,) = problems_of({"type": kind, **VALID["track"]})
    assert (problem.code, problem.field) == ("missing_type" if kind is None else "invalid_type", "type")
    assert all(kind in problem.message for kind in KINDS)


def test_a_type_that_is_missing() -> None:
    assert codes(dict(VALID["track"])) == [("missing_type", "type")]


NOT_TEXT = pytest.mark.parametrize("value", ["", 0, 1.5, False, ["a"], {"a": 1}], ids=repr)
NOT_OBJECT = pytest.mark.parametrize("value", ["", "text", 0, False, [{"a": 1}]], ids=repr)


@pytest.mark.parametrize("nothing", [{}, {"userId": None}, {"userId": None, "anonymousId": None}], ids=repr)
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "alias"])
def test_an_event_of_nobody(kind: str, nothing: dict[str, Any]) -> None:
    event = {name: value for name, value in VALID[kind].items() if name != "userId"}
    assert codes({"type": kind, **event, **nothing}) == [("no_user_anon_id", "userId")]


@pytest.mark.parametrize("missing", [{}, {"event": None}, {"event": ""}], ids=repr)
def test_a_track_without_an_event(missing: dict[str, Any]) -> None:
    assert codes({"type": "track", "userId": "u", **missing}) == [("event_not_defined", "event")]


@pytest.mark.parametrize("value", [0, 7, True, False, [], ["a"], {}, {"a": 1}], ids=repr)
def test_a_track_whose_event_is_no_text(value: Any) -> None:
    assert codes({"type": "track", "userId": "u", "event": value}) == [("event_not_string", "event")]


@NOT_OBJECT
@pytest.mark.parametrize("kind", ["track", "page", "screen"])
def test_properties_that_are_no_object(kind: str, value: Any) -> None:
    assert codes({"type": kind, **VALID[kind], "properties": value}) == [("properties_not_object", "properties")]


@NOT_OBJECT
@pytest.mark.parametrize("kind", ["identify", "group"])
def test_traits_that_are_no_object(kind: str, value: Any) -> None:
    assert codes({"type": kind, **VALID[kind], "traits": value}) == [("traits_not_object", "traits")]


@NOT_TEXT
@pytest.mark.parametrize("name", ["name", "category"])
@pytest.mark.parametrize("kind", ["page", "screen"])
def test_a_views_name_or_category_that_is_no_text(kind: str, name: str, value: Any) -> None:
    assert codes({"type": kind, "userId": "u", name: value}) == [(f"{name}_not_string", name)]


@pytest.mark.parametrize(("kind", "name"), [("group", "groupId"), ("alias", "previousId"), ("alias", "userId")])
@pytest.mark.parametrize("present", [True, False], ids=["null", "absent"])
def test_a_required_id_that_is_missing(kind: str, name: str, *, present: bool) -> None:
    event = {member: value for member, value in VALID[kind].items() if member != name}
    assert codes({"type": kind, **event, **({name: None} if present else {})}) == [("id_required", name)]


def test_an_anonymous_id_does_not_stand_in_for_an_aliass_user() -> None:
    assert codes({"type": "alias", "anonymousId": "a", "previousId": "p"}) == [("id_required", "userId")]


@NOT_OBJECT
@pytest.mark.parametrize("name", ["context", "integrations"])
def test_a_common_object_that_is_none(name: str, value: Any) -> None:
    assert of_each_kind({name: value}) == {kind: [("bad_request", name)] for kind in KINDS}


@pytest.mark.parametrize(
    ("message_id", "right"),
    [("m", True), ("x" * LONGEST_MESSAGE_ID, True), ("x" * (LONGEST_MESSAGE_ID + 1), False), ("", False), (7, False),
     (["m"], False)],
    ids=["short", "longest", "too-long", "empty", "number", "list"],
)  # fmt: skip
def test_a_message_id_is_a_text_of_fewer_than_100_characters(message_id: Any, *, right: bool) -> None:
    event = {"type": "track", **VALID["track"], "messageId": message_id}
    assert codes(event) == ([] if right else [("bad_request", "messageId")])


def test_every_problem_of_an_event_is_told_at_once() -> None:
    event = {"type": "track", "properties": [], "context": "x", "messageId": ""}
    assert codes(event) == [
        ("no_user_anon_id", "userId"),
        ("event_not_defined", "event"),
        ("properties_not_object", "properties"),
        ("bad_request", "context"),
        ("bad_request", "messageId"),
    ]


@pytest.mark.parametrize("document", [None, True, 0, 1.5, "", "text", [], [TRACK]], ids=repr)
def test_what_is_no_object_is_no_event(document: Any) -> None:
    assert codes(document) == [("bad_request", "")]


@pytest.mark.parametrize("value", ["", 7, False, ["g"], {}], ids=repr)
@pytest.mark.parametrize("name", ["userId", "anonymousId", "groupId", "previousId"])
def test_an_id_is_text_whether_the_kind_needs_it_or_not(name: str, value: Any) -> None:
    assert of_each_kind({name: value}) == {kind: [("id_not_string", name)] for kind in KINDS}


@pytest.mark.parametrize("kind", ["page", "screen", "identify", "group", "alias"])
def test_an_event_name_of_another_kind_than_track_is_not_looked_at(kind: str) -> None:
    assert codes({"type": kind, **VALID[kind], "event": 7}) == []


@pytest.mark.parametrize("name", ["writeKey", "sentAt"])
@pytest.mark.parametrize("value", ["text", None, 7], ids=repr)
def test_what_belongs_to_the_request_is_no_part_of_an_event(name: str, value: Any) -> None:
    assert codes({**TRACK, name: value}) == [("bad_request", name)]


# Context


@pytest.mark.parametrize(
    ("device", "right"),
    [
        ({}, True), ({"advertisingId": "a"}, True), ({"advertisingId": None}, True), ({"advertisingId": ""}, True),
        ("text", True), (None, True), ([{"advertisingId": 7}], True),
        ({"advertisingId": 7}, False), ({"advertisingId": True}, False), ({"advertisingId": ["a"]}, False),
        ({"advertisingId": {}}, False),
    ],
)  # fmt: skip
def test_a_devices_advertising_id_is_text(device: Any, *, right: bool) -> None:
    told = [] if right else [("device_advertisingid_should_be_string", "context.device.advertisingId")]
    assert of_each_kind({"context": {"device": device}}) == dict.fromkeys(KINDS, told)


@pytest.mark.parametrize(
    ("version", "right"),
    [(2, True), (2.5, True), (None, True), ("2", False), (True, False), (False, False), ([2], False), ({}, False)],
    ids=repr,
)
def test_a_consents_version_is_a_number(version: Any, *, right: bool) -> None:
    told = [] if right else [("consent_version_should_be_number", "context.consent.version")]
    assert of_each_kind({"context": {"consent": {"version": version}}}) == dict.fromkeys(KINDS, told)


@pytest.mark.parametrize(
    ("context", "code"),
    [
        ({"consent": {"categoryPreferences": {"ads": True, "analytics": False}}}, None),
        ({"consent": {"categoryPreferences": {}}}, None),
        ({"consent": {"categoryPreferences": {"ads": "yes"}}}, "fields_should_be_bool"),
        ({"consent": {"categoryPreferences": {"ads": True, "analytics": 0}}}, "fields_should_be_bool"),
        ({"consent": {"categoryPreferences": {"ads": None}}}, "fields_should_be_bool"),
        ({"consent": {"categoryPreferences": ["ads"]}}, "fields_should_be_object"),
        ({"consent": {"categoryPreferences": "all"}}, "fields_should_be_object"),
        ({"consent": {"categoryPreferences": False}}, "fields_should_be_object"),
        ({"consent": {"categoryPreferences": None}}, "should_exist"),
        ({"consent": {}}, "should_exist"),
        ({"consent": None}, "should_exist"),
        ({"consent": "yes"}, "should_exist"),
        ({}, "should_exist"),
        (None, "should_exist"),
    ],
)
def test_the_event_of_a_consent_says_what_was_consented_to(context: Any, code: str | None) -> None:
    told = [(f"consent_categorypreferences_{code}", "context.consent.categoryPreferences")]
    assert codes({**TRACK, "event": CONSENT_EVENT, "context": context}) == (told if code else [])


def test_other_events_may_say_what_they_like_of_a_consent() -> None:
    context = {"consent": {"categoryPreferences": {"ads": "yes"}}}
    assert codes({**TRACK, "context": context}) == []
    assert codes({"type": "page", "userId": "u", "event": CONSENT_EVENT, "context": context}) == []


# Timestamps

MOMENTS = [
    "2026-01-31T08:00:00Z",
    "2026-01-31T08:00:00.000Z",
    "2026-01-31T08:00:00.123456Z",
    "2026-01-31T08:00:00.123456789Z",
    "2026-01-31T08:00:00+01:00",
    "2026-01-31T08:00:00-0330",
    "2026-01-31T08:00:00.5+23:59",
    "2026-01-31T08:00Z",
    "2024-02-29T00:00:00Z",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999Z",
]
NO_MOMENTS = {
    "no zone": "2026-01-31T08:00:00",
    "date only": "2026-01-31",
    "date and zone": "2026-01-31Z",
    "no time": "2026-01-31TZ",
    "week date": "2026-W05-6T08:00:00Z",
    "short week date": "2026-W05T08:00:00Z",
    "ordinal date": "2026-031T08:00:00Z",
    "basic format": "20260131T080000Z",
    "basic time": "2026-01-31T080000Z",
    "hour only": "2026-01-31T08Z",
    "hour and minute together": "2026-01-31T0800Z",
    "decimal hour": "2026-01-31T08.5Z",
    "decimal minute": "2026-01-31T08:00.5Z",
    "fraction without digits": "2026-01-31T08:00:00.Z",
    "comma": "2026-01-31T08:00:00,5Z",
    "offset with seconds": "2026-01-31T08:00:00+01:00:30",
    "offset of a day": "2026-01-31T08:00:00+24:00",
    "zone by name": "2026-01-31T08:00:00 UTC",
    "two zones": "2026-01-31T08:00:00Z+01:00",
    "lower-case t": "2026-01-31t08:00:00Z",
    "lower-case z": "2026-01-31T08:00:00z",
    "blank for T": "2026-01-31 08:00:00Z",
    "blank before the zone": "2026-01-31T08:00:00 Z",
    "blank in front": " 2026-01-31T08:00:00Z",
    "blank behind": "2026-01-31T08:00:00Z ",
    "line behind": "2026-01-31T08:00:00Z\n",
    "leap second": "2016-12-31T23:59:60Z",
    "hour 24": "2026-01-31T25:00:00Z",
    "year 0": "0000-01-01T00:00:00Z",
    "five-digit year": "+12026-01-31T08:00:00Z",
    "30 February": "2026-02-30T08:00:00Z",
    "short fields": "2026-1-31T8:00:00Z",
    "wide digits": "\uff12026-01-31T08:00:00Z",
    "Arabic digits": "2026-01-31T0\u0668:00:00Z",
    "a minus that is none": "2026-01-31T08:00:00\u221201:00",
    "lone surrogate": "2026-01-31T08:00:00Z\ud800",
    "seconds since 1970, as text": "1767859200",
    "words": "yesterday",
    "nothing": "",
}


@pytest.mark.parametrize("text", MOMENTS)
def test_a_timestamp_is_a_date_a_time_and_a_zone(text: str) -> None:
    assert is_moment(text)
    assert codes({**TRACK, "timestamp": text}) == []
    assert windows.parse(text) is not None


@pytest.mark.parametrize("text", NO_MOMENTS.values(), ids=NO_MOMENTS)
def test_a_timestamp_that_readers_may_take_for_another_or_for_none_is_told(text: str) -> None:
    assert not is_moment(text)
    assert ("bad_request", "timestamp") in codes({**TRACK, "timestamp": text})


@pytest.mark.parametrize("value", [0, 1_767_859_200, 1_767_859_200.5, True, [], {}, ["2026-01-31T08:00:00Z"]], ids=repr)
def test_a_timestamp_that_is_no_text_is_told(value: Any) -> None:
    assert codes({**TRACK, "timestamp": value}) == [("bad_request", "timestamp")]


@settings(deadline=None)
@given(st.text("0123456789-:.,+TZWtz \u0661\ud800", max_size=35) | st.text(st.characters()))
def test_no_text_breaks_the_reading_of_timestamps(text: str) -> None:
    assert isinstance(is_moment(text), bool)


@settings(deadline=None)
@given(st.datetimes(), st.sampled_from(["seconds", "milliseconds", "microseconds"]))
def test_every_moment_as_libraries_write_it_is_one(moment: Any, precision: str) -> None:
    assert is_moment(moment.isoformat(timespec=precision) + "Z")
    assert is_moment(moment.isoformat(timespec=precision) + "+00:00")
    assert not is_moment(moment.isoformat(timespec=precision))


# Numbers and texts

FIT: list[Any] = [
    0, -0.0, 1.5, True, LARGEST_INTEGER, -LARGEST_INTEGER, float(LARGEST_INTEGER) + 2, 1e300, 5e-324, 1e15, "", "text",
    "\u4f60 \U0001f600", "\x00\x1f\x7f\u2028", "12345678901234567890", None, [], {},
]  # fmt: skip
UNFIT: dict[str, Any] = {
    "NaN": math.nan,
    "infinity": math.inf,
    "minus infinity": -math.inf,
    "beyond 2^53": LARGEST_INTEGER + 1,
    "below -2^53": -LARGEST_INTEGER - 1,
    "very long": 10**5_000,
    "high surrogate": "\ud800",
    "low surrogate in text": "a\udfffb",
    "pair the wrong way round": "\udc00\ud800",
}
PLACES: dict[str, Any] = {
    "properties.x": lambda value: {"properties": {"x": value}},
    "properties.x.y.1": lambda value: {"properties": {"x": {"y": [0, value, 0]}}},
    "properties.x.0.0": lambda value: {"properties": {"x": [[value]]}},
    "context.a.b": lambda value: {"context": {"a": {"b": value}}},
    "integrations.Some.options": lambda value: {"integrations": {"Some": {"options": value}}},
    "somethingElse": lambda value: {"somethingElse": value},
}


@pytest.mark.parametrize("value", FIT, ids=repr)
def test_a_value_that_json_carries_is_no_problem(value: Any) -> None:
    told = {place: codes({**TRACK, **put(value)}) for place, put in PLACES.items()}
    assert told == {place: [] for place in PLACES}


@pytest.mark.parametrize("value", UNFIT.values(), ids=UNFIT)
def test_a_value_that_json_or_its_readers_cannot_carry_is_told_with_its_place(value: Any) -> None:
    told = {place: codes({**TRACK, **put(value)}) for place, put in PLACES.items()}
    assert told == {place: [("bad_request", place)] for place in PLACES}


def test_a_required_text_with_a_lone_surrogate_is_told_too() -> None:
    told = codes({"type": "track", "userId": "\ud800", "event": "E\udfff", "messageId": "\udc00"})
    assert sorted(told) == [("bad_request", "event"), ("bad_request", "messageId"), ("bad_request", "userId")]


@pytest.mark.parametrize(
    ("event", "place"),
    [
        ({"\ud800": 1}, ""),
        ({"properties": {"\udfff": 1}}, "properties"),
        ({"properties": {"a": [{"b\udc00": {}}]}}, "properties.a.0"),
        ({"context": {"\u4f60": {"\ud800": None}}}, "context.\u4f60"),
    ],
    ids=["event", "properties", "in-a-list", "in-a-context"],
)
def test_a_name_with_a_lone_surrogate_is_told_with_its_object(event: dict[str, Any], place: str) -> None:
    assert codes({**TRACK, **event}) == [("bad_request", place)]


def test_values_are_told_in_the_order_in_which_they_stand() -> None:
    event = {**TRACK, "properties": {"a": [math.nan, math.inf], "b": 10**16}}
    assert [field for _, field in codes(event)] == ["properties.a.0", "properties.a.1", "properties.b"]


@pytest.mark.parametrize("depth", [100, 1_000, 30_000])
@pytest.mark.parametrize("shape", ["object", "list"])
def test_however_deep_a_value_is_it_is_looked_at(depth: int, shape: str) -> None:
    deep: Any = math.nan
    for _ in range(depth):
        deep = {"a": deep} if shape == "object" else [deep]
    (problem,) = problems_of({**TRACK, "properties": {"x": deep}})
    assert problem.code == "bad_request"
    assert "finite" in problem.message


@pytest.mark.parametrize("wrong", ["one", "all"])
def test_long_names_above_many_members_do_not_fill_the_memory(wrong: str) -> None:
    members = {str(number): math.nan if wrong == "all" else number for number in range(2_000)} | {"last": math.nan}
    event = {**TRACK, "properties": {"n" * 50_000: members}}  # of some 75 KB
    tracemalloc.start()  # what is taken at most, which no measure of the process tells
    try:
        assert {code for code, _ in codes(event)} == {"bad_request"}
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 10_000_000


@settings(max_examples=100, deadline=None)
@given(VALUES)
def test_values_are_told_exactly_where_they_do_not_fit(value: Any) -> None:
    assert bool(problems_of({**TRACK, "properties": {"x": value}})) is not fits(value)


def fits(value: Any) -> bool:
    """Said anew, so that the quick way and the thorough way of the checks are held against a third."""
    if isinstance(value, dict):
        return all(fits(name) and fits(member) for name, member in value.items())
    if isinstance(value, list):
        return all(map(fits, value))
    if isinstance(value, str):
        return value.encode("utf-8", "replace") == value.encode("utf-8", "surrogatepass")
    if isinstance(value, float):
        return math.isfinite(value)
    return value is None or abs(value) <= LARGEST_INTEGER  # true and false are numbers to Python, and small ones


# Any document


@settings(max_examples=100, deadline=None)
@given(DOCUMENTS)
def test_any_document_is_refused_with_a_code_of_segments_or_is_sent_as_it_is(document: Any) -> None:
    problems = problems_of(document)
    assert {problem.code for problem in problems} <= SEGMENTS_CODES
    if not problems:
        body, too_large = encode(document)
        assert too_large == []
        assert json.loads(body) == document


@settings(max_examples=100, deadline=None)
@given(DOCUMENTS)
def test_what_the_sandbox_would_drop_is_refused_and_what_is_accepted_it_takes(document: Any) -> None:
    told = [problem.code for problem in problems_of(document)]
    dropped = ingest.failure(document)
    assert dropped is None or dropped in told


# Limits


@pytest.mark.parametrize("frame", [0, 512])
@pytest.mark.parametrize(
    ("size", "right"), [(0, True), (LARGEST_EVENT - 1, True), (LARGEST_EVENT, True), (LARGEST_EVENT + 1, False)]
)
def test_an_event_and_its_frame_have_at_most_32_kilobytes(size: int, frame: int, *, right: bool) -> None:
    told = size_problems(max(0, size - frame), frame)
    assert [problem.code for problem in told] == ([] if right else ["bad_request"])


def test_the_limits_are_segments() -> None:
    assert (LARGEST_EVENT, LARGEST_REQUEST, MOST_EVENTS) == (32 * 1024, 500 * 1024, 2_500)
    assert LONGEST_MESSAGE_ID == 99
    assert LARGEST_INTEGER == 2**53


def test_what_is_too_large_is_told_with_its_size_and_the_limit() -> None:
    (problem,) = size_problems(33_000, 512)
    assert "33000 bytes" in problem.message
    assert str(LARGEST_EVENT - 512) in problem.message


# What is told


@pytest.mark.parametrize(
    ("event", "told"),
    [
        ({"messageId": "m"}, {"index": 4, "messageId": "m"}),
        ({"messageId": 7}, {"index": 4}),
        ({}, {"index": 4}),
        ("no event", {"index": 4}),
        (None, {"index": 4}),
    ],
    ids=["with-id", "odd-id", "without-id", "text", "none"],
)
def test_a_problem_is_told_with_its_event(event: Any, told: dict[str, Any]) -> None:
    assert named(4, event, [Problem("event_not_defined", "event", "is required")]) == [
        {**told, "code": "event_not_defined", "field": "event", "message": "event is required"}
    ]


def test_a_problem_of_the_whole_event_begins_with_no_blank() -> None:
    (told,) = named(0, {}, [Problem("bad_request", "", "must be an object")])
    assert told["message"] == "must be an object"


def test_an_event_without_problems_tells_nothing() -> None:
    assert named(0, {}, []) == []


UNTRUSTED = "evil\u202e\x1b[2J\n\ud800" + "x" * 5_000


def test_a_name_that_somebody_else_made_up_is_told_cleaned_and_shortened() -> None:
    event = {**TRACK, "messageId": UNTRUSTED, "properties": {UNTRUSTED: math.nan}}
    told = named(0, event, problems_of(event))
    assert len(told) >= 2
    text = json.dumps(told, ensure_ascii=False)
    assert len(text) < 2_000
    assert "evil" in text
    text.encode()  # no lone surrogate is left
    assert not any(character in text for character in "\u202e\x1b\n\ud800")


@settings(max_examples=100, deadline=None)
@given(DOCUMENTS)
def test_whatever_is_wrong_can_be_told_as_json(document: Any) -> None:
    told = named(3, document, problems_of(document))
    json.dumps(told, ensure_ascii=False, allow_nan=False).encode()
    for problem in told:
        assert set(problem) - {"messageId"} == {"index", "code", "field", "message"}
