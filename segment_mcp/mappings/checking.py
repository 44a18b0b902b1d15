"""What is wrong with a mapping itself, before any event comes.

Segment checks a mapping before it renders it, but not everywhere: what stands in a list or in a literal object, and
some arguments, it first meets when it renders. Both are problems here; `refusal` knows which ones Segment checks.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from segment_mcp.mappings.javascript import length_of, truthy, type_of
from segment_mcp.mappings.limits import DEEPEST_MAPPING, named
from segment_mcp.mappings.templates import LONGEST_LIQUID

LONGEST_PATTERN = 10
"""UTF-16 units of a pattern of `@replace`, and of a replacement."""
MOST_PROBLEMS = 100
"""Problems of one mapping that are named."""
METADATA = "_metadata"
"""The one key that may stand beside a directive."""
ROOT_DIRECTIVE = "__segment_internal_directive"
"""The key whose directive works on the whole mapping: the fields beside it become that directive's `mapping`."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a mapping.

    Attributes:
        field: where, in dots, directives included: `traits.@if.then`; empty for the mapping itself.
        message: what to mend.
    """

    field: str
    message: str


@dataclass(frozen=True, slots=True)
class _Finding:
    problem: Problem
    refused: bool


@dataclass(frozen=True, slots=True)
class _Spot:
    """Where the check is, and whether Segment checks there."""

    field: str = ""
    checked: bool = True

    def under(self, key: str | int) -> "_Spot":
        name = named(str(key))
        return replace(self, field=f"{self.field}.{name}" if self.field else name)

    def unchecked(self) -> "_Spot":
        return replace(self, checked=False)

    def finding(self, message: str) -> _Finding:
        return _Finding(Problem(self.field, message), refused=self.checked)


_Findings = Iterator[_Finding]
_Check = Callable[[Any, _Spot], _Findings]


def problems(mapping: Any) -> list[Problem]:
    """What is wrong with a mapping, at most 100; empty where nothing is.

    It says what Segment refuses, and also what Segment would first meet while rendering: an argument that a
    directive needs, a directive in a list that it does not know or copies as a plain key. Liquid templates are not
    parsed. To Segment's checks a mapping that is no object is a plain value.
    """
    try:
        whole = whole_mapping(mapping)
    except ValueError as error:
        return [Problem(ROOT_DIRECTIVE, str(error))]
    if is_too_deep(whole):
        return [Problem("", f"is nested more than {DEEPEST_MAPPING} deep; make it flatter")]
    return [finding.problem for finding in islice(_anything(whole, _Spot()), MOST_PROBLEMS)]


def refusal(mapping: Any) -> Problem | None:
    """The first reason for which Segment renders nothing of a mapping; None if it has none."""
    return next((finding.problem for finding in _anything(mapping, _Spot()) if finding.refused), None)


def is_too_deep(mapping: Any) -> bool:
    """Whether objects and lists stand within each other more than 64 deep."""
    level = [mapping]
    for _ in range(DEEPEST_MAPPING + 1):
        level = [item for value in level for item in _items(value)]
    return bool(level)


def _items(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def whole_mapping(mapping: Any) -> Any:
    """The mapping as Segment renders it: a directive for the whole of it has taken the other fields in.

    Raises:
        ValueError: the directive for the whole can't do that.
    """
    if not isinstance(mapping, dict) or ROOT_DIRECTIVE not in mapping:
        return mapping
    fields = {key: value for key, value in mapping.items() if key != ROOT_DIRECTIVE}
    match mapping[ROOT_DIRECTIVE]:
        case dict() as root if len(root) == 1 and all(isinstance(arguments, dict) for arguments in root.values()):
            return {name: {**arguments, "mapping": fields} for name, arguments in root.items()}
        case _:
            raise ValueError("must be an object with one directive, whose arguments are an object, and nothing else")


def is_directive(value: Any) -> bool:
    """Whether an object is rendered as a directive, which it is if nothing but metadata stands beside one."""
    names = value.keys() if isinstance(value, dict) else ()
    return any(name.startswith("@") for name in names) and all(
        name.startswith("@") or name == METADATA for name in names
    )


def _kind_of(value: Any) -> str:
    names_directive = isinstance(value, dict) and any(key.startswith("@") for key in value)
    return "directive" if names_directive else type_of(value)


def _anything(value: Any, spot: _Spot) -> _Findings:
    if isinstance(value, list):
        for at, item in enumerate(value):
            yield from _anything(item, spot.under(at).unchecked())
    elif _kind_of(value) == "directive":
        yield from _directive(value, spot)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _anything(item, spot.under(key))


def _directive(value: dict[str, Any], spot: _Spot) -> _Findings:
    first, *others = [key for key in value if key.startswith("@")]
    beside = [key for key in value if not key.startswith("@") and key != METADATA]
    if others:
        yield spot.finding(
            f"holds two directives, {named(first)} and {named(others[0])}; put each under a key of its own"
        )
    elif beside:
        yield spot.finding(f"holds {named(beside[0])} beside the directive {named(first)}; a directive stands alone")
    elif first not in _CHECKS:
        known = ", ".join(sorted(_CHECKS))
        yield spot.finding(f"holds {named(first)}, which is no directive; the directives are {known}")
    else:
        yield from _CHECKS[first](value[first], spot.under(first))


def _kinds(*kinds: str) -> _Check:
    def check(value: Any, spot: _Spot) -> _Findings:
        kind = _kind_of(value)
        if kind in kinds:
            yield from _anything(value, spot)
        else:
            yield spot.finding(f"must be {' or '.join(kinds)}, and is {kind}")

    return check


def _one_of(*choices: str) -> _Check:
    def check(value: Any, spot: _Spot) -> _Findings:
        if not isinstance(value, str) or value.lower() not in choices:
            yield spot.finding(f"must be {' or '.join(choices)}")
        elif value not in choices:
            yield spot.unchecked().finding(f"must be {' or '.join(choices)}, in lower case; Segment ignores it else")

    return check


def _string(shortest: int, longest: int) -> _Check:
    def check(value: Any, spot: _Spot) -> _Findings:
        if not isinstance(value, str) or not shortest <= length_of(value) <= longest:
            yield spot.finding(f"must be a string of {shortest} to {longest} characters")

    return check


_TEXT = _kinds("string", "directive")
_STRING = _kinds("string")
_FLAG = _kinds("boolean")
_OBJECT = _kinds("object", "directive")


def _objects(value: Any, spot: _Spot) -> _Findings:
    if not isinstance(value, list):
        yield spot.finding(f"must be array, and is {_kind_of(value)}")
        return
    for at, item in enumerate(value):
        yield from _OBJECT(item, spot.under(at))


def _literal(value: Any, spot: _Spot) -> _Findings:
    yield from _anything(value, spot if _kind_of(value) == "directive" else spot.unchecked())


def _array_path(value: Any, spot: _Spot) -> _Findings:
    if not isinstance(value, list) or not value:
        yield spot.finding("must be a list: a path, and the shape of an item if it is to have one")
        return
    yield from _TEXT(value[0], spot.under(0))
    for shape in value[1:2]:
        yield from _anything(shape, spot.under(1))


def _liquid(value: Any, spot: _Spot) -> _Findings:
    yield from _STRING(value, spot)
    if isinstance(value, str) and length_of(value) > LONGEST_LIQUID:
        yield spot.unchecked().finding(f"must be a template of at most {LONGEST_LIQUID} characters")


@dataclass(frozen=True, slots=True)
class _Arguments:
    """An object of arguments.

    Attributes:
        required: missing, Segment refuses the mapping.
        optional: checked where they are there.
        unmet: what the rendering needs besides, and Segment's check doesn't ask for.
    """

    required: dict[str, _Check]
    optional: dict[str, _Check]
    unmet: Callable[[dict[str, Any]], str | None] | None = None

    def __call__(self, value: Any, spot: _Spot) -> _Findings:
        if _kind_of(value) != "object":
            yield spot.finding(f"must be object, and is {_kind_of(value)}")
            return
        checks = {**self.required, **self.optional}
        for key, item in value.items():
            yield from checks.get(key, _anything)(item, spot.under(key))
        for key in self.required:
            if key not in value:
                yield spot.under(key).finding("is missing; add it")
        unmet = self.unmet(value) if self.unmet is not None else None
        if unmet is not None:
            yield spot.unchecked().finding(unmet)


def _if_unmet(arguments: dict[str, Any]) -> str | None:
    if not truthy(arguments.get("exists")) and not truthy(arguments.get("blank")):
        return "needs exists or blank, with what is to be looked at"
    return None if "then" in arguments or "else" in arguments else "needs then or else; without them it gives nothing"


def _case_unmet(arguments: dict[str, Any]) -> str | None:
    return None if arguments.get("operator") in ("lower", "upper") else "needs operator, lower or upper"


def _needs(key: str, what: str) -> Callable[[dict[str, Any]], str | None]:
    def unmet(arguments: dict[str, Any]) -> str | None:
        return None if truthy(arguments.get(key)) else f"needs {key}, {what}"

    return unmet


def _second(value: Any, spot: _Spot) -> _Findings:
    yield from _anything(value, spot)
    if truthy(value):
        yield from _string(0, LONGEST_PATTERN)(value, spot.unchecked())


_CHECKS: dict[str, _Check] = {
    "@arrayPath": _array_path,
    "@case": _Arguments({}, {"operator": _STRING, "value": _TEXT}, _case_unmet),
    "@excludeWhenNull": _literal,
    "@flatten": _Arguments(
        {"value": _anything}, {"separator": _STRING}, _needs("separator", "the string between the names")
    ),
    "@if": _Arguments({}, {}, _if_unmet),
    "@json": _Arguments(
        {"mode": _one_of("encode", "decode"), "value": _anything}, {}, _needs("value", "which must not be empty")
    ),
    "@liquid": _liquid,
    "@literal": _literal,
    "@merge": _Arguments(
        {"objects": _objects}, {"direction": _one_of("left", "right")}, _needs("direction", "left or right")
    ),
    "@path": _TEXT,
    "@replace": _Arguments(
        {"pattern": _string(1, LONGEST_PATTERN), "value": _TEXT},
        {
            "replacement": _string(0, LONGEST_PATTERN),
            "ignorecase": _FLAG,
            "global": _FLAG,
            "pattern2": _second,
            "replacement2": _second,
        },
    ),
    "@template": _TEXT,
    "@transform": _Arguments({"apply": _OBJECT, "mapping": _OBJECT}, {}),
}
