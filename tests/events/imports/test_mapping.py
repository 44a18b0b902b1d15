"""Columns to fields: dots, escapes, types, and what contradicts itself."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segment_mcp.events.imports.mapping import TYPES, Columns, MappingError


def mapped(mapping: dict[str, str], row: dict[str, Any]) -> dict[str, Any]:
    return Columns.parse(mapping).event(row)


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("userId", {"userId": "v"}),
        ("properties.plan", {"properties": {"plan": "v"}}),
        ("a.b.c.d", {"a": {"b": {"c": {"d": "v"}}}}),
        (r"properties.a\.b", {"properties": {"a.b": "v"}}),
        (r"properties.a\:b", {"properties": {"a:b": "v"}}),
        (r"properties.a\:b:string", {"properties": {"a:b": "v"}}),
        (r"\.a", {".a": "v"}),
        ("properties.\u4f60 \u00fc", {"properties": {"\u4f60 \u00fc": "v"}}),
    ],
)
def test_dots_nest_and_a_backslash_keeps_them_and_colons(field: str, expected: dict[str, Any]) -> None:
    assert mapped({"c": field}, {"c": "v"}) == expected


def test_columns_that_share_a_way_meet_in_one_object() -> None:
    event = mapped({"a": "p.a", "b": "p.q.b", "c": "p.q.c"}, {"a": 1, "b": 2, "c": 3, "unused": 4})
    assert event == {"p": {"a": 1, "q": {"b": 2, "c": 3}}}


def test_empty_cells_and_null_are_left_out_with_the_objects_around_them() -> None:
    mapping = {"a": "p.a", "b": "p.b", "c": "q.c", "d": "d:number"}
    assert mapped(mapping, {"a": "", "b": "x", "c": None, "d": ""}) == {"p": {"b": "x"}}
    assert mapped(mapping, {}) == {}


def test_zero_and_false_are_no_empty_cells() -> None:
    assert mapped({"a": "a", "b": "b"}, {"a": 0, "b": False}) == {"a": 0, "b": False}


def test_values_without_a_type_stay_as_they_are() -> None:
    value = {"a": [1, None]}
    assert mapped({"a": "a"}, {"a": value}) == {"a": value}
    assert mapped({"a": "a"}, {"a": "007"}) == {"a": "007"}


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("string", "x", "x"),
        ("string", 12, "12"),
        ("string", 12.0, "12"),
        ("string", 1.5, "1.5"),
        ("string", True, "true"),
        ("string", False, "false"),
        ("string", [1, "\u00fc"], '[1, "\\u00fc"]'),
        ("number", "12", 12),
        ("number", "-1.5", -1.5),
        ("number", "1e3", 1000.0),
        ("number", " 7 ", 7),
        ("number", 3, 3),
        ("number", 2.5, 2.5),
        ("boolean", "true", True),
        ("boolean", " TRUE ", True),
        ("boolean", "1", True),
        ("boolean", "yes", True),
        ("boolean", "f", False),
        ("boolean", "No", False),
        ("boolean", 0, False),
        ("boolean", True, True),
        ("json", '{"a": [1]}', {"a": [1]}),
        ("json", "null", None),
        ("json", '"x"', "x"),
        ("json", {"a": 1}, {"a": 1}),
    ],
)
def test_a_type_makes_of_a_value_what_it_says(kind: str, value: Any, expected: Any) -> None:
    found = mapped({"c": f"x:{kind}"}, {"c": value})["x"]
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("number", "twelve"),
        ("number", "nan"),
        ("number", "Infinity"),
        ("number", "1" * 5_000),
        ("number", True),
        ("number", [1]),
        ("number", "1,5"),
        ("boolean", "maybe"),
        ("boolean", 2),
        ("json", "{"),
        ("json", "[" * 100_000),
        ("string", float("nan")),
        ("string", float("inf")),
    ],
)
def test_a_value_that_does_not_fit_its_type_is_refused_by_the_columns_name(kind: str, value: Any) -> None:
    with pytest.raises(MappingError, match=f"column price .*{kind}") as caught:
        mapped({"price": f"properties.price:{kind}"}, {"price": value})
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("value", ["1_000", "\uff11\uff12"])
def test_only_what_others_call_a_number_is_one(value: str) -> None:
    with pytest.raises(MappingError):
        mapped({"c": "x:number"}, {"c": value})


@pytest.mark.parametrize(
    ("mapping", "said"),
    [
        ({"a": "x", "b": "x"}, "two columns go to x"),
        ({"a": "x.y", "b": "x.y:number"}, r"x\.y"),
        ({"a": "x", "b": "x.y"}, "x can't be a value"),
        ({"a": "x.y.z", "b": "x.y"}, r"x\.y can't be a value"),
        ({"a": "x:integer"}, "string, number, boolean, json"),
        ({"a": "x:"}, "type"),
        ({"a": ""}, "COLUMN=FIELD"),
        ({"": "x"}, "COLUMN=FIELD"),
        ({"a": "x..y"}, "COLUMN=FIELD"),
        ({"a": ".x"}, "COLUMN=FIELD"),
        ({"a": "x."}, "COLUMN=FIELD"),
        ({"a": ":number"}, "COLUMN=FIELD"),
    ],
)
def test_a_mapping_that_contradicts_itself_is_refused(mapping: dict[str, str], said: str) -> None:
    with pytest.raises(MappingError, match=said):
        Columns.parse(mapping)


def test_a_header_is_a_mapping_of_its_own_in_which_colons_mean_nothing() -> None:
    columns = Columns.of(["userId", "properties.plan", "properties.at:time", r"properties.a\.b"])
    row = {"userId": "u", "properties.plan": "pro", "properties.at:time": "8", r"properties.a\.b": "c"}
    assert columns.event(row) == {"userId": "u", "properties": {"plan": "pro", "at:time": "8", "a.b": "c"}}


@pytest.mark.parametrize("header", [["a", "a.b"], ["a..b"], ["a."]])
def test_a_header_that_contradicts_itself_is_refused(header: list[str]) -> None:
    with pytest.raises(MappingError):
        Columns.of(header)


def test_columns_that_a_header_does_not_have_are_named() -> None:
    columns = Columns.parse({"uid": "userId", "price": "properties.price:number"})
    assert columns.missing(frozenset({"uid"})) == ["price"]
    assert columns.missing(frozenset({"uid", "price", "more"})) == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(list(TYPES)), JSON | st.text(max_size=20) | st.sampled_from(["[" * 9_999, '{"a":' * 9_999]))
def test_any_value_fits_or_is_refused(kind: str, value: Any) -> None:
    try:
        event = mapped({"c": f"a.b:{kind}"}, {"c": value})
    except MappingError:
        return
    if event:
        json.dumps(event)
