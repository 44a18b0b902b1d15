"""Which paths of an event a mapping reads."""

from typing import Any

from segment_mcp.mappings.checking import is_directive, whole_mapping
from segment_mcp.mappings.javascript import steps_of
from segment_mcp.mappings.limits import DEEPEST_VALUE
from segment_mcp.mappings.templates import DOUBLE, TRIPLE, placeholders

_Steps = tuple[str, ...]
_Inner = list[tuple[Any, _Steps]]
"""Mappings inside a directive, each with where the value stands that it works on."""


def paths(mapping: Any) -> frozenset[str]:
    """The event's paths that a mapping reads, in dots: `properties.products.0.price`; empty for the whole event.

    What the shape of an item reads is named below its list, without a position: `properties.products.price`. A
    path that is itself made by a directive is not known before there is an event, nor are those below it.
    `@transform` maps what it has made; only what it makes that of is read from the event. What `@liquid` reads is not
    told. Mistakes are skipped.
    """
    try:
        pending: _Inner = [(whole_mapping(mapping), ())]
    except ValueError:
        return frozenset()
    found: set[_Steps] = set()
    while pending:
        value, base = pending.pop()
        if is_directive(value):
            name = next(key for key in value if key.startswith("@"))
            reads, inner = _parts(name, value[name])
        else:
            reads, inner = [], _items(value)
        found.update((*base, *steps) for steps in reads if len(steps) <= DEEPEST_VALUE)
        pending += [(item, (*base, *steps)) for item, steps in inner if len(base) + len(steps) <= DEEPEST_VALUE]
    return frozenset(".".join(steps) for steps in found)


def _items(value: Any) -> _Inner:
    if isinstance(value, dict):
        return [(item, ()) for item in value.values()]
    return [(item, ()) for item in value] if isinstance(value, list) else []


def _parts(name: str, arguments: Any) -> tuple[list[_Steps], _Inner]:
    """What a directive reads itself, and the mappings in it."""
    reads: list[_Steps] = []
    inner: _Inner = []
    match name, arguments:
        case "@path", str():
            reads = [_steps(arguments)]
        case "@template", str():
            reads = [tuple(steps_of(path)) for path in _template_paths(arguments)]
        case "@arrayPath", [(str() as path) | {"@path": str() as path}, *shape]:
            reads = [_steps(path)]
            inner = [(item, _steps(path)) for item in shape[:1]]
        case "@arrayPath", [made, *_]:
            inner = [(made, ())]
        case "@transform", {"apply": apply}:
            inner = [(apply, ())]
        case "@path" | "@template" | "@literal" | "@excludeWhenNull", _:
            inner = [(arguments, ())]
        case "@case" | "@flatten" | "@if" | "@json" | "@merge" | "@replace", _:
            inner = _items(arguments)
    return reads, inner


def _steps(path: str) -> _Steps:
    return tuple(steps_of(path.replace("$.", "", 1)))


def _template_paths(template: str) -> list[str]:
    triple = list(placeholders(template, TRIPLE))
    starts = [0, *(placeholder.end for placeholder in triple)]
    ends = [*(placeholder.start for placeholder in triple), len(template)]
    rest = "".join([template[start:end] for start, end in zip(starts, ends, strict=True)])
    return [placeholder.path for placeholder in (*triple, *placeholders(rest, DOUBLE))]
