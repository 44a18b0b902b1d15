"""What a mapping makes of an event: how it fails, what it may cost, and where it is ours and not mapping-kit's."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segment_mcp.mappings import MappingError, resolve
from segment_mcp.mappings.limits import DEEPEST_MAPPING, DEEPEST_VALUE, LONGEST_NAME

EVENT: dict[str, Any] = {
    "type": "track",
    "event": "extension installed",
    "userId": "u-1",
    "properties": {"plan": "pro", "list": [1, [2]], "none": None},
}
LARGE = "a" * 32_000


def nested(times: int, wrap: Callable[[Any], Any], inner: Any) -> Any:
    for _ in range(times):
        inner = wrap(inner)
    return inner


def chain(times: int, apply: dict[str, Any]) -> Any:
    """Transformations, each of what the one before it made."""
    return nested(times, lambda inner: {"@transform": {"apply": apply, "mapping": inner}}, {"@path": "$."})


@pytest.mark.parametrize(
    ("mapping", "field", "says"),
    [
        ({"a": {"@nope": 1}}, "a", "holds @nope, which is no directive"),
        ({"a": {"b": {"@path": 5}}}, "a.b.@path", "must be string or directive, and is number"),
        ({"a": [{"@nope": 1}]}, "a.0", "holds @nope, which is no directive"),
        ({"a": {"@path": "x", "b": 1}}, "a", "holds b beside the directive @path"),
        ({"a": {"@path": "x", "@template": "y"}}, "a", "holds two directives, @path and @template"),
        ({"a": {"@path": {"@path": "$.properties.list"}}}, "a.@path", "needs a string, and is given array"),
        ({"a": {"@if": {"then": 1}}}, "a.@if", "needs exists or blank"),
        ({"a": {"@case": {"operator": "title", "value": "x"}}}, "a.@case.operator", "must be lower or upper"),
        (
            {"a": [{"@merge": {"direction": "left", "objects": 5}}]},
            "a.0.@merge.objects",
            "must be a list, and is number",
        ),
        ({"a": {"@merge": {"objects": []}}}, "a.@merge", "needs direction; it is missing or empty"),
        ({"a": [{"@transform": {"mapping": {}, "apply": "x"}}]}, "a.0.@transform.apply", "must be an object"),
        ({"a": {"@liquid": "x" * 1_001}}, "a.@liquid", "may have a template of at most 1000 characters"),
        (
            {"a": {"@arrayPath": [{"@literal": ["x"]}, {"b": {"@transform": {"apply": {}, "mapping": {}}}}]}},
            "a.@arrayPath.1.b.@transform.apply",
            "works on an object, and is given string",
        ),
        ({"__segment_internal_directive": {}, "a": 1}, "", "its directive for the whole mapping must be an object"),
    ],
)
def test_a_mapping_that_segment_would_fail_on_fails_where_it_is_wrong(mapping: Any, field: str, says: str) -> None:
    with pytest.raises(MappingError) as raised:
        resolve(mapping, EVENT)
    assert raised.value.field == field
    assert says in raised.value.message
    assert raised.value.certain
    assert str(raised.value) == (f"{field}: {raised.value.message}" if field else raised.value.message)


@pytest.mark.parametrize(
    ("mapping", "event", "says"),
    [
        (nested(100_000, lambda inner: {"a": inner}, 1), {}, "is nested more than 64 deep"),
        (nested(100_000, lambda inner: [inner], 1), {}, "is nested more than 64 deep"),
        (nested(DEEPEST_MAPPING + 1, lambda inner: {"@path": inner}, "a"), {}, "is nested more than 64 deep"),
        ({"@path": "$."}, nested(100_000, lambda inner: {"a": inner}, {}), "nested 100 deep"),
        ({"@flatten": {"separator": ".", "value": {"@path": "$."}}}, nested(101, lambda i: {"a": i}, {}), "100 deep"),
        ({"@json": {"mode": "encode", "value": {"@path": "$."}}}, nested(101, lambda i: {"a": i}, {}), "100 deep"),
        ({"@json": {"mode": "decode", "value": {"@path": "$.a"}}}, {"a": "[" * 100_000}, "nested 100 deep"),
        ({"@json": {"mode": "decode", "value": {"@path": "$.a"}}}, {"a": "[" * 500 + "]" * 500}, "nested 100 deep"),
        ({"@template": "{{a}}"}, {"a": nested(101, lambda inner: [inner], 1)}, "nested 100 deep"),
        ({"@excludeWhenNull": {"@path": "$."}}, nested(101, lambda i: {"a": i}, {}), "nested 100 deep"),
        (chain(20, {"a": {"@path": "$."}, "b": {"@path": "$."}}), {"a": 1}, "more than 100000 steps"),
        (chain(20, {"a": {"@template": "{{a}}" * 9}}), {"a": "x" * 99}, "more than 2000000 characters"),
        ({"@template": "{{a}}" * 100}, {"a": LARGE}, "more than 2000000 characters"),
        (
            {"@replace": {"pattern": "a", "replacement": "$'$'$'", "value": {"@path": "$.a"}}},
            {"a": LARGE},
            "more than 2000000 characters",
        ),
        (
            {"@flatten": {"separator": "x" * 100_000, "value": {"@path": "$.a"}}},
            {"a": {str(at): {"b": 1} for at in range(30)}},
            "more than 2000000 characters",
        ),
        ({"@merge": {"direction": "left", "objects": [{"@path": "$.a"}] * 9}}, {"a": LARGE}, "more than 100000 steps"),
        ({"@path": "a." * 1_500_000}, {}, "more than 2000000 characters"),
        ({"@liquid": "Hello {{ userId }}"}, {}, "is rendered by Segment with LiquidJS"),
        ({"@template": "{{s.0}}" * 200}, {"s": "é" * 15_000}, "more than 2000000 characters"),
        ({"@template": "{{s.20000}}" * 200}, {"s": "é" * 15_000}, "more than 2000000 characters"),
        ({"@template": "{{s.length}}" * 200}, {"s": "é" * 15_000}, "more than 2000000 characters"),
        ([{"@path": "$.s"}] * 200, {"s": "é" * 15_000}, "more than 2000000 characters"),
        ({"@template": "{{x}}" * 100_001}, {}, "more than 100000 steps"),
    ],
    ids=range(23),
)
def test_what_costs_too_much_or_cannot_be_told_is_refused_without_a_verdict_on_segment(
    mapping: Any, event: dict[str, Any], says: str
) -> None:
    with pytest.raises(MappingError, match=says) as raised:
        resolve(mapping, event)
    assert not raised.value.certain


def test_what_is_as_deep_as_allowed_renders() -> None:
    deep = nested(DEEPEST_VALUE, lambda inner: {"a": inner}, 1)
    assert resolve({"@path": "$."}, deep) == deep
    assert resolve(nested(DEEPEST_MAPPING, lambda inner: {"@path": inner}, "userId"), {**EVENT, "u-1": "u-1"}) == "u-1"


@pytest.mark.parametrize("text", ["{" * 400_000, "}" * 400_000, "{{a}" * 100_000, "{{}" * 100_000, "{{{a}} " * 50_000])
def test_a_template_of_braces_that_close_nothing_is_read_once(text: str) -> None:
    assert resolve({"@template": text}, EVENT) == text.replace("{{{a}}", "")


def test_a_long_name_in_a_mapping_is_not_repeated_whole() -> None:
    with pytest.raises(MappingError) as raised:
        resolve({"k\u202e" + "x" * 10_000: {"@" + "y" * 10_000: 1}}, EVENT)
    assert len(str(raised.value)) < 10 * LONGEST_NAME
    assert "\u202e" not in str(raised.value)


def test_the_payload_shares_nothing_with_the_event_or_the_mapping() -> None:
    mapping = {"all": {"@path": "$."}, "raw": {"list": [1]}}
    before = json.dumps([mapping, EVENT])
    payload = resolve(mapping, EVENT)
    payload["all"]["properties"]["list"][1].append(3)
    payload["raw"]["list"].append(2)
    assert json.dumps([mapping, EVENT]) == before


def test_keys_are_copied_as_they_stand() -> None:
    mapping = {"user_property.plan": {"@path": "$.properties.plan"}, "a.b[0]": 1}
    assert resolve(mapping, EVENT) == {"user_property.plan": "pro", "a.b[0]": 1}


@pytest.mark.parametrize("path", ["$.constructor", "$.properties.toString", "$.properties.list.map", "$.userId.trim"])
def test_what_javascript_values_inherit_is_not_found(path: str) -> None:
    assert resolve({"found": {"@if": {"exists": {"@path": path}, "then": 1}}}, EVENT) == {}


def test_half_a_character_is_replaced_so_that_the_payload_can_be_sent() -> None:
    payload = resolve({"half": {"@path": "$.s[0]"}, "whole": {"@template": "{{s[0]}}{{s[1]}}"}}, {"s": "😀"})
    assert payload == {"half": "\ufffd", "whole": "😀"}
    json.dumps(payload, ensure_ascii=False).encode()


@pytest.mark.parametrize("text", ["é😀z", "a😀z"])
def test_a_string_is_read_by_its_units(text: str) -> None:
    mapping = {str(at): {"@path": f"$.s[{at}]"} for at in (0, 3, 4, 5, 7, 99_999)}
    assert resolve({**mapping, "length": {"@path": "$.s.length"}, "no": {"@path": "$.s.first"}}, {"s": text}) == {
        "0": text[0],
        "3": "z",
        "length": 4,
    }


def test_a_position_that_no_text_of_that_length_has_costs_no_reading_of_it() -> None:
    assert resolve({"@template": "{{s.99999}}" * 200}, {"s": "é" * 15_000}) == ""


def test_numbers_are_those_that_are_left_of_them_in_doubles() -> None:
    event = {"n": [2**53 + 1, 10**400, float("nan"), 1.0, 12e20]}
    assert resolve({"@path": "$.n"}, event) == [2**53, None, None, 1, 12e20]
    assert resolve({"@json": {"mode": "encode", "value": {"@path": "$.n"}}}, event) == (
        "[9007199254740992,null,null,1,1.2e+21]"
    )


def test_a_directive_that_is_never_reached_never_fails() -> None:
    assert resolve({"a": {"@if": {"exists": {"@path": "$.nope"}, "then": [{"@nope": 1}], "else": 2}}}, EVENT) == {
        "a": 2
    }


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(mapping=JSON, event=st.dictionaries(st.text(), JSON, max_size=3))
def test_any_mapping_renders_or_fails_with_a_mapping_error(mapping: Any, event: dict[str, Any]) -> None:
    try:
        payload = resolve(mapping, event)
    except MappingError:
        return
    json.dumps(payload, allow_nan=False, ensure_ascii=False).encode()
