"""Which paths of an event a mapping reads."""

from typing import Any

import pytest

from segment_mcp.mappings import paths


@pytest.mark.parametrize(
    ("mapping", "read"),
    [
        ({"a": 1, "b": ["$.c", "{{d}}"]}, set()),
        ({"@path": "$.properties.plan"}, {"properties.plan"}),
        ({"@path": "properties['plan'][0].x y"}, {"properties.plan.0.x y"}),
        ({"@path": "$."}, {""}),
        ({"a": {"b": [{"@path": "$.c"}, {"@path": "$.d"}]}}, {"c", "d"}),
        ({"@path": {"@template": "properties.{{event}}"}}, {"event"}),
        ({"@template": "{{a.b}} {{{ c }}} {{d} {{{e}}} {{"}, {"a.b", "c", "e"}),
        ({"@literal": {"a": {"@path": "b"}}}, {"b"}),
        ({"@excludeWhenNull": {"@path": "b"}}, {"b"}),
        (
            {
                "@if": {
                    "exists": {"@path": "a"},
                    "blank": {"@path": "b"},
                    "then": {"@path": "c"},
                    "else": {"@path": "d"},
                }
            },
            {"a", "b", "c", "d"},
        ),
        ({"@case": {"operator": "lower", "value": {"@path": "a"}}}, {"a"}),
        ({"@replace": {"pattern": "$.x", "value": {"@path": "a"}}}, {"a"}),
        ({"@flatten": {"separator": ".", "value": {"@path": "a"}}}, {"a"}),
        ({"@json": {"mode": "encode", "value": {"@path": "a"}}}, {"a"}),
        ({"@merge": {"direction": "left", "objects": [{"@path": "a"}, {"b": {"@path": "c"}}]}}, {"a", "c"}),
        ({"@arrayPath": ["$.a.b"]}, {"a.b"}),
        ({"@arrayPath": ["$.a", {"x": {"@path": "$.b"}, "y": {"@template": "{{c}}"}}]}, {"a", "a.b", "a.c"}),
        ({"@arrayPath": [{"@path": "$.a"}, {"x": {"@path": "b"}}]}, {"a", "a.b"}),
        ({"@arrayPath": ["$.a", {"x": {"@arrayPath": ["b", {"y": {"@path": "c"}}]}}]}, {"a", "a.b", "a.b.c"}),
        ({"@arrayPath": [{"@if": {"exists": {"@path": "a"}, "then": 1}}, {"x": {"@path": "b"}}]}, {"a"}),
        ({"@transform": {"apply": {"x": {"@path": "a"}}, "mapping": {"y": {"@path": "x"}}}}, {"a"}),
        (
            {"__segment_internal_directive": {"@transform": {"apply": {"x": {"@path": "a"}}}}, "y": {"@path": "x"}},
            {"a"},
        ),
        ({"__segment_internal_directive": 5}, set()),
        ({"@path": 5}, set()),
        ({"@nope": {"@path": "a"}}, set()),
        ({"@liquid": "{{ userId }}"}, set()),
        ("plain", set()),
    ],
)
def test_the_paths_are_those_that_the_mapping_reads(mapping: Any, read: set[str]) -> None:
    assert paths(mapping) == read


def test_a_mapping_of_any_depth_is_read() -> None:
    mapping: Any = {"@path": "a"}
    for _ in range(100_000):
        mapping = [mapping]
    assert paths(mapping) == {"a"}
