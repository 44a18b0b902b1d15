"""Transformations: changes to a source's events on their way, and what Segment does not let them be."""

import json
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from typing import Any

from segment_mcp.sandbox import bodies, refusals

MOST_VALUES = 10
"""Value transformations of one transformation, and property paths of one of those."""

MOST_FQL_PROPERTIES = 1

_TEXTS = ("name", "if")
_PLAIN = ("sourceId", "destinationMetadataId", "enabled", "drop", "newEventName", "allowProperties")
_PARTS: Mapping[str, tuple[str, ...]] = {
    "propertyRenames": ("oldName", "newName"),
    "propertyValueTransformations": ("propertyPaths", "propertyValue"),
    "fqlDefinedProperties": ("fql", "propertyName"),
}
_HASH = ("algorithm", "encoding", "key", "paths")
_NOT_WITH_FQL = ("newEventName", "propertyRenames", "propertyValueTransformations")

Transformation = Mapping[str, Any]


def seeded() -> dict[str, Transformation]:
    """The transformations that every sandbox starts with, by ID."""
    text = files("segment_mcp.sandbox").joinpath("transformations.json").read_text(encoding="utf-8")
    return {entry["id"]: entry for entry in json.loads(text)}


def written(body: Mapping[str, Any]) -> dict[str, Any]:
    """What a body says of a transformation, without members that the API does not know."""
    parts = {
        name: [bodies.only(each, members) for each in body[name]] for name, members in _PARTS.items() if name in body
    }
    name = "hashPropertiesConfiguration"
    hashing = {name: bodies.only(body[name], _HASH)} if name in body else {}
    return {**bodies.only(body, (*_TEXTS, *_PLAIN)), **parts, **hashing}


def problems(transformation: Transformation) -> Iterator[refusals.Problem]:
    """Why Segment would not take this, beyond what the schema says.

    That are its documented limits, properties that two parts would change, and FQL beside other changes. Whether `if`
    is valid FQL is not looked at.
    """
    yield from bodies.blanks(transformation, _TEXTS)
    values: Sequence[Mapping[str, Any]] = transformation.get("propertyValueTransformations", ())
    if len(values) > MOST_VALUES:
        yield _too_many("propertyValueTransformations", MOST_VALUES)
    yield from _value_problems(values, _renamed(transformation))
    if len(transformation.get("fqlDefinedProperties", ())) > MOST_FQL_PROPERTIES:
        yield _too_many("fqlDefinedProperties", MOST_FQL_PROPERTIES)
    others = [name for name in _NOT_WITH_FQL if transformation.get(name)]
    if transformation.get("fqlDefinedProperties") and others:
        yield refusals.problem("fqlDefinedProperties", f"is not allowed together with {', '.join(others)}")


def _value_problems(values: Sequence[Mapping[str, Any]], renamed: frozenset[str]) -> Iterator[refusals.Problem]:
    seen: set[str] = set()
    for index, each in enumerate(values):
        field = f"propertyValueTransformations.{index}.propertyPaths"
        if len(each["propertyPaths"]) > MOST_VALUES:
            yield _too_many(field, MOST_VALUES)
        for place, path in enumerate(each["propertyPaths"]):
            if path in seen:
                yield refusals.problem(f"{field}.{place}", "contains a duplicate value")
            if path in renamed:
                yield refusals.problem(f"{field}.{place}", "is also in propertyRenames")
            seen.add(path)


def _renamed(transformation: Transformation) -> frozenset[str]:
    """The paths of what is renamed: renames name a property or a trait without the object that it is in."""
    renames = transformation.get("propertyRenames", ())
    names = {each[side] for each in renames for side in ("oldName", "newName")}
    return frozenset(f"{place}{name}" for name in names for place in ("", "properties.", "traits."))


def _too_many(field: str, most: int) -> refusals.Problem:
    return refusals.problem(field, f"must contain less than or equal to {most} items")
