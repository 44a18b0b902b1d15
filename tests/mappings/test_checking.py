"""What is wrong with a mapping before any event comes."""

from typing import Any

import pytest

from segment_mcp.mappings import Problem, problems
from segment_mcp.mappings.checking import MOST_PROBLEMS

P = {"@path": "$.a"}


@pytest.mark.parametrize(
    "mapping",
    [
        {},
        {"a": 1, "b": None, "c": [1, {"d": "e"}], "user_property.plan": P},
        P,
        {"a": {"@path": "$.a", "_metadata": {"label": "A"}}},
        {"_metadata": {"a": P}},
        {"a": {"@if": {"exists": P, "then": {"b": P}, "else": [P]}}},
        {"a": {"@if": {"blank": P, "else": 1}}},
        {"a": {"@case": {"operator": "upper", "value": P}}},
        {"a": {"@replace": {"pattern": "-", "value": P, "pattern2": "_", "replacement2": None, "global": False}}},
        {"a": {"@arrayPath": ["$.a", {"b": P}]}, "c": {"@arrayPath": [P]}},
        {"a": {"@flatten": {"value": P, "separator": ".", "omitArrays": True}}},
        {"a": {"@json": {"mode": "encode", "value": P}}},
        {"a": {"@merge": {"direction": "left", "objects": [P, {"b": 1}]}}},
        {"a": {"@transform": {"apply": {"b": P}, "mapping": {"c": P}}}},
        {"a": {"@excludeWhenNull": P}, "b": {"@literal": True}, "c": {"@template": "{{a}}"}, "d": {"@liquid": "{{a}}"}},
        {"__segment_internal_directive": {"@transform": {"apply": {"b": P}}}, "a": P},
        "a plain value",
    ],
)
def test_a_mapping_that_is_right_has_no_problem(mapping: Any) -> None:
    assert problems(mapping) == []


@pytest.mark.parametrize(
    ("mapping", "field", "says"),
    [
        ({"a": {"@pat": 1}}, "a", "holds @pat, which is no directive; the directives are @arrayPath, @case,"),
        ({"a": {"@path": "x", "b": 1}}, "a", "holds b beside the directive @path"),
        ({"@path": "x", "@literal": 1}, "", "holds two directives, @path and @literal"),
        ({"a": {"@path": 1}}, "a.@path", "must be string or directive, and is number"),
        ({"a": {"@template": [P]}}, "a.@template", "and is array"),
        ({"a": {"@if": "x"}}, "a.@if", "must be object, and is string"),
        ({"a": {"@if": P}}, "a.@if", "must be object, and is directive"),
        ({"a": {"@if": {"then": 1}}}, "a.@if", "needs exists or blank"),
        ({"a": {"@if": {"exists": P}}}, "a.@if", "needs then or else"),
        ({"a": {"@if": {"exists": P, "then": {"@case": 1}}}}, "a.@if.then.@case", "must be object"),
        ({"a": {"@case": {"value": P}}}, "a.@case", "needs operator, lower or upper"),
        ({"a": {"@case": {"operator": "UPPER", "value": P}}}, "a.@case", "needs operator, lower or upper"),
        ({"a": {"@replace": {"value": P}}}, "a.@replace.pattern", "is missing"),
        ({"a": {"@replace": {"pattern": "", "value": P}}}, "a.@replace.pattern", "a string of 1 to 10"),
        ({"a": {"@replace": {"pattern": "x" * 11, "value": P}}}, "a.@replace.pattern", "a string of 1 to 10"),
        ({"a": {"@replace": {"pattern": "😀" * 6, "value": P}}}, "a.@replace.pattern", "a string of 1 to 10"),
        ({"a": {"@replace": {"pattern": "x", "replacement": None, "value": P}}}, "a.@replace.replacement", "0 to 10"),
        ({"a": {"@replace": {"pattern": "x", "pattern2": 5, "value": P}}}, "a.@replace.pattern2", "0 to 10"),
        (
            {"a": {"@replace": {"pattern": "x", "ignorecase": 1, "value": P}}},
            "a.@replace.ignorecase",
            "must be boolean",
        ),
        ({"a": {"@arrayPath": "$.a"}}, "a.@arrayPath", "must be a list"),
        ({"a": {"@arrayPath": []}}, "a.@arrayPath", "must be a list"),
        ({"a": {"@arrayPath": [1]}}, "a.@arrayPath.0", "and is number"),
        ({"a": {"@arrayPath": ["$.a", {"b": {"@path": None}}]}}, "a.@arrayPath.1.b.@path", "and is null"),
        ({"a": {"@flatten": {"value": P}}}, "a.@flatten", "needs separator"),
        ({"a": {"@flatten": {"separator": "."}}}, "a.@flatten.value", "is missing"),
        ({"a": {"@json": {"mode": "x", "value": P}}}, "a.@json.mode", "must be encode or decode"),
        ({"a": {"@json": {"mode": "Encode", "value": P}}}, "a.@json.mode", "in lower case"),
        ({"a": {"@json": {"mode": "encode", "value": ""}}}, "a.@json", "needs value"),
        ({"a": {"@merge": {"objects": []}}}, "a.@merge", "needs direction"),
        ({"a": {"@merge": {"direction": "left", "objects": P}}}, "a.@merge.objects", "must be array, and is directive"),
        (
            {"a": {"@merge": {"direction": "left", "objects": [P, 1]}}},
            "a.@merge.objects.1",
            "must be object or directive",
        ),
        ({"a": {"@transform": {"apply": {}}}}, "a.@transform.mapping", "is missing"),
        ({"a": {"@liquid": {"@path": "x"}}}, "a.@liquid", "must be string, and is directive"),
        ({"a": {"@liquid": "x" * 1_001}}, "a.@liquid", "at most 1000 characters"),
        ({"__segment_internal_directive": P, "a": 1}, "__segment_internal_directive", "an object with one directive"),
    ],
)
def test_a_mistake_is_named_where_it_stands(mapping: Any, field: str, says: str) -> None:
    [problem] = problems(mapping)
    assert problem.field == field
    assert says in problem.message


@pytest.mark.parametrize("inside", [lambda item: [item], lambda item: {"@literal": {"b": item}}])
@pytest.mark.parametrize("mistake", [{"@nope": 1}, {"@path": "x", "b": 1}, {"@path": 1}, {"@path": "x", "@if": {}}])
def test_a_mistake_where_segment_does_not_look_before_it_renders_is_named_too(inside: Any, mistake: Any) -> None:
    assert len(problems({"a": inside(mistake)})) == 1


def test_all_mistakes_are_named_up_to_a_bound() -> None:
    assert problems({"a": {"@x": 1}, "b": {"@path": 1}})[1] == Problem(
        "b.@path", "must be string or directive, and is number"
    )
    assert len(problems({str(at): {"@x": 1} for at in range(2 * MOST_PROBLEMS)})) == MOST_PROBLEMS


def test_a_mapping_that_is_too_deep_is_one_problem() -> None:
    mapping: Any = 1
    for _ in range(100_000):
        mapping = {"@path": mapping}
    assert problems(mapping) == [Problem("", "is nested more than 64 deep; make it flatter")]
