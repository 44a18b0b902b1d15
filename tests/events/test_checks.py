"""What Segment would drop: each of its codes, and the limits at their edges."""

from typing import Any

import pytest

from segment_mcp.events.checks import (
    KINDS,
    LARGEST_EVENT,
    LARGEST_REQUEST,
    LONGEST_MESSAGE_ID,
    MOST_EVENTS,
    Problem,
    batch_problem,
    named,
    problems_of,
    size_problems,
)

VALID: dict[str, dict[str, Any]] = {
    "identify": {"userId": "u"},
    "track": {"userId": "u", "event": "Order Completed"},
    "page": {"userId": "u"},
    "screen": {"userId": "u"},
    "group": {"userId": "u", "groupId": "g"},
    "alias": {"userId": "u", "previousId": "p"},
}


def codes(event: dict[str, Any]) -> list[tuple[str, str]]:
    return [(problem.code, problem.field) for problem in problems_of(event)]


def test_every_kind_has_an_example() -> None:
    assert set(VALID) == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
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
def test_what_segment_takes_has_no_problem(kind: str, more: dict[str, Any]) -> None:
    assert problems_of({"type": kind, **VALID[kind], **more}) == []


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


@NOT_TEXT
@pytest.mark.parametrize("name", ["userId", "anonymousId"])
@pytest.mark.parametrize("kind", KINDS)
def test_an_id_that_is_no_text(kind: str, name: str, value: Any) -> None:
    assert codes({"type": kind, **VALID[kind], name: value}) == [("id_not_string", name)]


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


@NOT_TEXT
@pytest.mark.parametrize(("kind", "name"), [("group", "groupId"), ("alias", "previousId")])
def test_a_required_id_that_is_no_text(kind: str, name: str, value: Any) -> None:
    assert codes({"type": kind, **VALID[kind], name: value}) == [("id_not_string", name)]


def test_an_anonymous_id_does_not_stand_in_for_an_aliass_user() -> None:
    assert codes({"type": "alias", "anonymousId": "a", "previousId": "p"}) == [("id_required", "userId")]


@NOT_OBJECT
@pytest.mark.parametrize("name", ["context", "integrations"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_common_object_that_is_none(kind: str, name: str, value: Any) -> None:
    assert codes({"type": kind, **VALID[kind], name: value}) == [("bad_request", name)]


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


# Limits


@pytest.mark.parametrize(("size", "right"), [(0, True), (LARGEST_EVENT, True), (LARGEST_EVENT + 1, False)])
def test_an_event_has_at_most_32_kilobytes(size: int, *, right: bool) -> None:
    assert LARGEST_EVENT == 32_768
    assert [problem.code for problem in size_problems(size)] == ([] if right else ["bad_request"])


@pytest.mark.parametrize(
    ("count", "size", "code"),
    [
        (0, 0, "empty_batch"),
        (1, 100, None),
        (MOST_EVENTS, 100, None),
        (MOST_EVENTS + 1, 100, "bad_request"),
        (1, LARGEST_REQUEST, None),
        (1, LARGEST_REQUEST + 1, "bad_request"),
    ],
)
def test_a_batch_has_at_most_2500_events_and_500_kilobytes(count: int, size: int, code: str | None) -> None:
    assert (MOST_EVENTS, LARGEST_REQUEST) == (2_500, 512_000)
    problem = batch_problem(count, size)
    assert (problem and problem.code) == code


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
