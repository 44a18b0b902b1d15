"""An event against the JSON schema of a rule: where it differs in words of ours, and schemas that are not to be run."""

from typing import Any

import pytest

from segment_mcp.questions.conformance import MOST_BREACHES, ROOT, check, is_cheap, problem_of, unplanned

HOSTILE = "(a+)+$"
DRAFT = "http://json-schema.org/draft-07/schema#"
HIDDEN = {"(?#[)^(a|a)*b(?#])", "(?x)^(a|a #[\n)*b#]\n", "(?ix)^(a|a #[\n)*b#]\n", "(?x:^(a|a #[\n)*b#]\n)"}
"""Patterns that explode behind comments."""


def doubling(last: Any) -> dict[str, Any]:
    """A schema that is small, and refers to its last part a thousand million times."""
    twice = {f"d{level}": {"allOf": [{"$ref": f"#/definitions/d{level + 1}"}] * 2} for level in range(30)}
    return {"$schema": DRAFT, "definitions": {**twice, "d30": last}, "$ref": "#/definitions/d0"}


def found(schema: dict[str, Any], value: Any) -> list[tuple[str, str]]:
    checked = check(schema, value)
    assert checked.unread is None
    return [(breach.field, breach.message) for breach in checked.breaches]


@pytest.mark.parametrize(
    ("schema", "value", "wanted"),
    [
        ({"type": "string"}, 1, "must be a string"),
        ({"type": ["string", "null"]}, 1, "must be a string or null"),
        ({"enum": ["a", "b"]}, "c", "must be one of a, b"),
        ({"enum": list("abcdefg")}, "x", "must be one of the 7 permitted values"),
        ({"const": 3}, 4, "must be one of 3"),
        ({"pattern": "^spring|fall$"}, "winter", "must match the pattern ^spring|fall$"),
        ({"format": "date-time"}, "yesterday", "must be a valid date-time"),
        ({"format": "email"}, "nobody", "must be a valid email"),
        ({"minimum": 3}, 2, "must be at least 3"),
        ({"maxLength": 2}, "abc", "must have at most 2 characters"),
        ({"multipleOf": 2}, 3, "must be a multiple of 2"),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, 1, "does not meet the rule's anyOf"),
        ({"not": {"type": "number"}}, 1, "does not meet the rule's not"),
        (False, 1, "is not allowed by the rule"),
    ],
)
def test_a_breach_says_what_should_be_there(schema: Any, value: Any, wanted: str) -> None:
    assert found({"properties": {"x": schema}}, {"x": value}) == [("x", wanted)]


def test_every_missing_and_every_surplus_name_is_a_breach_of_its_own() -> None:
    schema = {"required": ["a", "b", "c"], "properties": {"a": {}}, "additionalProperties": False}
    assert found(schema, {"a": 1, "x": 1, "y": 1}) == [
        ("b", "is required"),
        ("c", "is required"),
        ("x", "is not allowed by the rule"),
        ("y", "is not allowed by the rule"),
    ]


def test_the_branch_of_a_condition_is_followed() -> None:
    schema = {"if": {"properties": {"type": {"const": "track"}}}, "then": {"required": ["event"]}}
    assert found(schema, {"type": "track"}) == [("event", "is required")]
    assert found(schema, {"type": "page"}) == []


def test_a_breach_of_the_whole_event_has_segments_name_for_it() -> None:
    assert found({"minProperties": 2}, {"a": 1}) == [(ROOT, "must have at least 2 members")]


@pytest.mark.parametrize("value", ["2026-01-31T08:00:00Z", "2026-01-31T08:00:00.5+01:00"])
def test_a_moment_with_a_zone_is_a_date_time(value: str) -> None:
    assert found({"properties": {"at": {"format": "date-time"}}}, {"at": value}) == []


def test_breaches_have_an_end() -> None:
    checked = check({"additionalProperties": {"type": "string"}}, {str(number): number for number in range(1_000)})
    assert len(checked.breaches) == MOST_BREACHES


def test_names_of_others_are_shown_in_one_line_and_short() -> None:
    [(field, _)] = found({"additionalProperties": False}, {"x\n\u202e" + "y" * 1_000: 1})
    assert field.isprintable()
    assert len(field) <= 60


@pytest.mark.parametrize(
    ("schema", "value", "said"),
    [
        (None, {}, "no JSON schema"),
        ([], {}, "no JSON schema"),
        ({"required": "x"}, {}, "draft-07"),
        ({"$ref": "http://example.com/x"}, {}, "not part of it"),
        ({"$ref": "#/definitions/none"}, {}, "not part of it"),
        ({"properties": {"x": {"pattern": HOSTILE}}}, {"x": "a" * 50 + "!"}, "too long"),
        ({"patternProperties": {HOSTILE: {}}}, {"a" * 50 + "!": 1}, "too long"),
        ({"additionalProperties": False, "patternProperties": {HOSTILE: {}}}, {"a" * 50 + "!": 1}, "too long"),
        ({"properties": {"x": {"pattern": "\\p{Lu}"}}}, {"x": "A"}, "can't be read"),
        ({"properties": {"x": {"multipleOf": 1e-320}}}, {"x": 10**400}, "can't be applied"),
        ({"$ref": "#"}, {}, "can't be applied"),
        (doubling({}), {}, "too long"),
        (doubling({"$schema": DRAFT}), {}, "too long"),
        ({"properties": {"x": {"$schema": DRAFT, "pattern": HOSTILE}}}, {"x": "a" * 50 + "!"}, "too long"),
        ({"additionalProperties": False, "patternProperties": {"^(a": {}, "a)*b": {}}}, {"a" * 50: 1}, "can't be read"),
        ({"items": {"enum": list(range(10_000))}}, [-1] * 10_000, "too long"),
        ({"patternProperties": {"^a*a*a*b": {}}}, {"a" * (150 + n): 1 for n in range(50)}, "too long"),
        ({"patternProperties": {"a{99999999999}": {}}}, {"a": 1}, "can't be applied"),
    ],
)
def test_what_cant_be_applied_is_said_to_be_that(schema: Any, value: Any, said: str) -> None:
    checked = check(schema, value)
    assert checked.breaches == ()
    assert said in str(checked.unread)


@pytest.mark.parametrize(
    ("items", "wanted"),
    [
        ([{"id": number} for number in range(3_000)], []),
        ([{"id": number, "x": 1} for number in range(100)] + [{"x": 1.0, "id": 7}], ["uniqueItems"]),
        ([1, 1.0], ["uniqueItems"]),
        ([[1], [1.0]], ["uniqueItems"]),
        ([1, True, 0, False, "1", None, "null", [], {}], []),
    ],
)
def test_items_are_unique_where_no_two_are_equal(items: list[Any], wanted: list[str]) -> None:
    breaches = found({"properties": {"x": {"uniqueItems": True}}}, {"x": items})
    assert breaches == [("x", f"does not meet the rule's {keyword}") for keyword in wanted]


def test_an_event_as_large_as_any_is_checked() -> None:
    product = {"properties": {name: {"type": "string", "pattern": "^[a-z]+$"} for name in "abcdefghij"}}
    assert found({"$schema": DRAFT, "items": product}, [dict.fromkeys("abcdefghij", "x")] * 500) == []


@pytest.mark.parametrize("pattern", sorted(HIDDEN))
@pytest.mark.parametrize("length", [1, 60])
def test_a_pattern_with_comments_is_not_run(pattern: str, length: int) -> None:
    assert not is_cheap(pattern, "a" * length)


@pytest.mark.parametrize(
    ("pattern", "length", "cheap"),
    [
        ("^[a-z]+$", 10_000, True),
        (r"^[^@\s]+@[^@\s]+\.[^@\s]+$", 100, True),
        (r"^\d{4}-\d{2}-\d{2}$", 10, True),
        ("^(spring|fall|winter)$", 10_000, True),
        ("^(https?)://", 10_000, True),
        (r"(\*\+)*", 2_000, True),
        ("[*+(]+x", 2_000, True),
        ("^(?:abc)+$", 3_000, True),
        ("(a+)+$", 10, True),
        ("(a+)+$", 40, False),
        ("(a|aa)+$", 40, False),
        ("(a?){30}a{30}", 40, False),
        ("^(([a-z])+.)+[A-Z]([a-z])+$", 40, False),
        (".*.*.*=.*", 3_000, False),
        ("(a|a|a|a|a|a|a|a)*b", 20, False),
        (r"^[(?#]+\(\?x\)$", 10, True),
        ("^(?i:max)(?P<max>x)(?P=max)$", 10, True),
    ],
)
def test_a_pattern_is_run_only_where_it_surely_ends_soon(pattern: str, length: int, *, cheap: bool) -> None:
    assert is_cheap(pattern, "a" * length) is cheap


@pytest.mark.parametrize(
    ("members", "wanted"),
    [
        ({"properties": {"total": {}}}, ["card", "utm_source"]),
        ({"properties": {"total": {}}, "patternProperties": {"^utm_": {}}}, ["card"]),
        ({"properties": {"total": {}}, "patternProperties": {"\\p{L}": {}}}, ["card", "utm_source"]),
        ({"patternProperties": {"a{99999999999}": {}, "^utm_": {}}}, ["total", "card"]),
        ({"patternProperties": {"(" * 3_000: {}, "^utm_": {}}}, ["total", "card"]),
        ({}, ["total", "card", "utm_source"]),
        ("odd", ["total", "card", "utm_source"]),
    ],
)
def test_names_are_planned_by_name_or_by_pattern(members: Any, wanted: list[str]) -> None:
    schema = {"properties": {"properties": members}}
    assert unplanned(schema, "properties", ["total", "card", "utm_source"]) == wanted


def test_a_schema_that_never_ends_is_no_schema() -> None:
    deep: Any = {}
    for _ in range(5_000):
        deep = {"not": deep}
    assert problem_of(deep) == "its JSON schema is nested too deep"
