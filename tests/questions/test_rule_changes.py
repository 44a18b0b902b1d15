"""Two JSON schemas of a rule: every change has its field, and is stricter or looser where that can be told."""

from typing import Any

import pytest

from segment_mcp.questions.rule_changes import Change, changes, same, together

NUMBER, TEXT = {"type": "number"}, {"type": "string"}


def of_member(before: Any, after: Any) -> list[tuple[str, str, str]]:
    def whole(member: Any) -> dict[str, Any]:
        return {"properties": {"properties": {"properties": {"x": member}}}}

    return [(change.field, change.what, change.effect) for change in changes(whole(before), whole(after))]


@pytest.mark.parametrize(
    ("before", "after", "what", "effect"),
    [
        (NUMBER, {"type": "integer"}, "type", "stricter"),
        ({"type": "integer"}, NUMBER, "type", "looser"),
        (NUMBER, TEXT, "type", "either"),
        (TEXT, {"type": ["string", "null"]}, "type", "looser"),
        ({}, TEXT, "type", "stricter"),
        (TEXT, {}, "type", "looser"),
        ({"enum": ["a"]}, {"enum": ["a", "b"]}, "enum", "looser"),
        ({"enum": ["a", "b"]}, {"enum": ["b"]}, "enum", "stricter"),
        ({"enum": ["a"]}, {"enum": ["b"]}, "enum", "either"),
        ({"enum": ["a", "b"]}, {"enum": ["b", "a"]}, "enum", "neither"),
        ({"type": ["string", "null"]}, {"type": ["null", "string"]}, "type", "neither"),
        (NUMBER, {"type": ["number", "integer"]}, "type", "neither"),
        ({}, {"enum": ["a"]}, "enum", "stricter"),
        ({"enum": [1]}, {"enum": [True]}, "enum", "either"),
        ({"minimum": 1}, {"minimum": 2}, "minimum", "stricter"),
        ({"maximum": 1}, {"maximum": 2}, "maximum", "looser"),
        ({"pattern": "a"}, {"pattern": "b"}, "pattern", "either"),
        ({}, {"pattern": "b"}, "pattern", "stricter"),
        ({"format": "email"}, {}, "format", "looser"),
        ({"description": "a"}, {"description": "b"}, "description", "neither"),
        ({}, {"additionalProperties": False}, "additionalProperties", "stricter"),
        ({"additionalProperties": False}, {"additionalProperties": True}, "additionalProperties", "looser"),
        ({}, {"additionalProperties": TEXT}, "additionalProperties", "stricter"),
        ({}, {"additionalProperties": True}, "additionalProperties", "neither"),
        ({"additionalProperties": True}, {}, "additionalProperties", "neither"),
        ({"additionalProperties": TEXT}, {"additionalProperties": NUMBER}, "additionalProperties", "either"),
        ({"$ref": "#/definitions/a"}, {}, "$ref", "either"),
    ],
)
def test_a_keyword_of_a_property(before: Any, after: Any, what: str, effect: str) -> None:
    assert of_member(before, after) == [("properties.x", what, effect)]


def test_properties_come_go_and_become_required() -> None:
    before = {"properties": {"properties": {"properties": {"a": NUMBER, "b": NUMBER}, "required": ["a"]}}}
    after = {"properties": {"properties": {"properties": {"a": NUMBER, "c": TEXT}, "required": ["c"]}}}
    assert changes(before, after) == [
        Change("properties.c", "required", "stricter", "optional", "required"),
        Change("properties.a", "required", "looser", "required", "optional"),
        Change("properties.b", "removed", "looser", '{"type": "number"}'),
        Change("properties.c", "added", "stricter", None, '{"type": "string"}'),
    ]


@pytest.mark.parametrize(
    ("member", "closed", "effect"),
    [(TEXT, False, "stricter"), ({"description": "d"}, False, "neither"), (TEXT, True, "either")],
)
def test_a_new_property_is_stricter_where_others_were_free(member: Any, *, closed: bool, effect: str) -> None:
    frame = {"additionalProperties": False} if closed else {}
    [change] = changes({"properties": {}, **frame}, {"properties": {"x": member}, **frame})
    assert (change.what, change.effect) == ("added", effect)


def test_items_of_arrays_are_looked_at() -> None:
    before, after = ({"properties": {"lines": {"items": {"properties": {"price": one}}}}} for one in (NUMBER, TEXT))
    assert [change.field for change in changes(before, after)] == ["lines[].price"]


def test_schemas_that_are_no_objects_are_just_different() -> None:
    assert changes("odd", {"type": "object"}) == [Change("(root)", "schema", "either", "odd", '{"type": "object"}')]


def test_another_way_to_say_the_same_is_a_change_that_does_nothing() -> None:
    assert changes({"required": ["a", "b"]}, {"required": ["b", "a"], "properties": {}}) == [
        Change("(root)", "schema", "neither")
    ]


def test_equal_schemas_have_no_changes_whatever_their_order() -> None:
    assert changes({"a": 1, "b": [True]}, {"b": [True], "a": 1}) == []


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [({"a": 1}, {"a": True}, False), ({"a": 1, "b": 2}, {"b": 2, "a": 1}, True), ([1, 2], [2, 1], False)],
)
def test_values_are_the_same_as_json(one: Any, other: Any, *, equal: bool) -> None:
    assert same(one, other) is equal


def test_values_in_a_change_are_short_and_in_one_line() -> None:
    [change] = changes({"description": "a\n" * 1_000}, {"description": "\u202eb"})
    assert change.after == "b"
    assert len(str(change.before)) <= 120


@pytest.mark.parametrize(
    ("effects", "wanted"),
    [
        ([], "neither"),
        (["neither", "stricter"], "stricter"),
        (["looser", "looser"], "looser"),
        (["looser", "stricter"], "either"),
        (["either", "neither"], "either"),
    ],
)
def test_several_effects_make_one(effects: Any, wanted: str) -> None:
    assert together(effects) == wanted
