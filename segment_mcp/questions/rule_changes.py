"""What changes between two JSON schemas of a rule: by field, and whether it makes the rule stricter. Pure.

A rule is stricter if it refuses events that it let pass before, looser the other way round. What can't be told from the
keyword alone is `either`. What only describes, such as a title, is `neither`.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from segment_mcp.questions.conformance import ROOT
from segment_mcp.redact import clean

Effect = Literal["stricter", "looser", "either", "neither"]

_DESCRIBING = frozenset({"$schema", "$id", "$comment", "title", "description", "default", "examples", "labels"})
_WALKED = frozenset({"properties", "required", "items"})
_ELSEWHERE = frozenset({"$ref", "definitions", "if", "then", "else"})
"""What changes the meaning of something else, or has none of its own."""
_UPPER = frozenset({"maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"})
_LOWER = frozenset({"minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"})
_DEEPEST = 20
_LONGEST = 120
_EVERY_TYPE = frozenset({"string", "integer", "number", "boolean", "array", "object", "null"})


@dataclass(frozen=True, slots=True)
class Change:
    """One change.

    Attributes:
        field: in dots; items of an array are `[]`.
        what: `added` or `removed`, of a property; else the keyword, such as `required`, `type`, `enum`.
        before: in short; None where there was nothing.
        after: in short; None where there is nothing any more.
    """

    field: str
    what: str
    effect: Effect
    before: str | None = None
    after: str | None = None


def same(one: Any, other: Any) -> bool:
    """Whether two values are the same JSON: `true` is not `1`, and the order of names does not matter."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def changes(before: Any, after: Any) -> list[Change]:
    """Every change from one JSON schema to another; one at least, unless they are the same."""
    found = list(_changes(before, after, (), 0))
    return found if found or same(before, after) else [Change(ROOT, "schema", "neither")]


def together(effects: Iterable[Effect]) -> Effect:
    """The effect of several changes at once."""
    found = set(effects) - {"neither"}
    if not found:
        return "neither"
    return found.pop() if len(found) == 1 else "either"


def _changes(before: Any, after: Any, path: tuple[str, ...], depth: int) -> Iterator[Change]:
    if same(before, after):
        return
    if not isinstance(before, Mapping) or not isinstance(after, Mapping) or depth > _DEEPEST:
        yield Change(_dotted(path), "schema", "either", _short(before), _short(after))
        return
    yield from _of_required(before, after, path)
    for name in _names(before, after):
        if name not in _WALKED and not same(before.get(name), after.get(name)):
            effect = _effect(name, before, after)
            yield Change(_dotted(path), clean(name, 30), effect, _short(before.get(name)), _short(after.get(name)))
    old, new = _mapping(before.get("properties")), _mapping(after.get("properties"))
    for name in _names(old, new):
        below = (*path, name)
        if name not in old:
            yield Change(_dotted(below), "added", _of_presence(new[name], before), None, _short(new[name]))
        elif name not in new:
            yield Change(_dotted(below), "removed", _opposite(_of_presence(old[name], after)), _short(old[name]), None)
        else:
            yield from _changes(old[name], new[name], below, depth + 1)
    if "items" in before or "items" in after:
        yield from _of_items(before, after, path, depth)


def _of_required(before: Mapping[str, Any], after: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[Change]:
    old, new = _required(before), _required(after)
    for name in [*new, *(name for name in old if name not in new)]:
        if name not in old:
            yield Change(_dotted((*path, name)), "required", "stricter", "optional", "required")
        elif name not in new:
            yield Change(_dotted((*path, name)), "required", "looser", "required", "optional")


def _of_items(
    before: Mapping[str, Any], after: Mapping[str, Any], path: tuple[str, ...], depth: int
) -> Iterator[Change]:
    below = (*path[:-1], f"{path[-1]}[]") if path else ("[]",)
    yield from _changes(before.get("items", {}), after.get("items", {}), below, depth + 1)


def _of_presence(schema: Any, other: Mapping[str, Any]) -> Effect:
    """The effect of saying something about a property, where the other schema says nothing about it by name."""
    if other.get("additionalProperties", True) is not True or "patternProperties" in other:
        return "either"
    constrains = not isinstance(schema, Mapping) or bool(set(schema) - _DESCRIBING)
    return "stricter" if constrains and schema is not True else "neither"


def _effect(keyword: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Effect:
    old, new = before.get(keyword), after.get(keyword)
    if keyword in _DESCRIBING:
        return "neither"
    if keyword in _SETS:
        allowed = _SETS[keyword]
        both_schemas = isinstance(old, Mapping) and isinstance(new, Mapping)
        return "either" if both_schemas else _narrowed(allowed(old), allowed(new))
    if keyword in _ELSEWHERE:
        return "either"
    if keyword not in before or keyword not in after:
        return "stricter" if keyword in after else "looser"
    return _of_limit(keyword, old, new)


def _of_limit(keyword: str, old: Any, new: Any) -> Effect:
    if keyword in _UPPER | _LOWER and isinstance(old, int | float) and isinstance(new, int | float):
        return "stricter" if (new > old) == (keyword in _LOWER) else "looser"
    return "either"


def _narrowed(old: frozenset[str] | None, new: frozenset[str] | None) -> Effect:
    if old == new:
        return "neither"
    if old is None or (new is not None and new < old):
        return "stricter"
    return "looser" if new is None or old < new else "either"


def _types(given: Any) -> frozenset[str] | None:
    names = frozenset([given] if isinstance(given, str) else given or _EVERY_TYPE)
    return names | {"integer"} if "number" in names else names


def _values(given: Any) -> frozenset[str] | None:
    """The permitted values; None where any is."""
    return frozenset(json.dumps(one, sort_keys=True) for one in given) if isinstance(given, list) else None


def _others(given: Any) -> frozenset[str] | None:
    """Whether properties that are not named may be there; as sets, of which the closed one is smaller."""
    if isinstance(given, Mapping):
        return frozenset({"named", "some"})
    return frozenset({"named"}) if given is False else None


_SETS: Mapping[str, Callable[[Any], frozenset[str] | None]] = {
    "type": _types,
    "enum": _values,
    "additionalProperties": _others,
}
"""Keywords that say what is allowed, as a set; None is the set of everything."""


def _opposite(effect: Effect) -> Effect:
    return "looser" if effect == "stricter" else effect


def _names(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    return [*one, *(name for name in other if name not in one)]


def _required(schema: Mapping[str, Any]) -> list[str]:
    names = schema.get("required")
    return [name for name in names if isinstance(name, str)] if isinstance(names, list) else []


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _dotted(path: tuple[str, ...]) -> str:
    return ".".join(clean(name, 60) for name in path) or ROOT


def _short(value: Any) -> str | None:
    return None if value is None else clean(value if isinstance(value, str) else json.dumps(value), _LONGEST)
