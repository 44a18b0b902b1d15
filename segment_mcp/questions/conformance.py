"""Whether an event is as the JSON schema of a tracking plan's rule says, and where it is not. Pure.

Rules are draft-07 (protocols/tracking-plan/create) and were written by others: what one of them refers to is never
fetched, and nothing of theirs runs that could take forever: no pattern, and no schema as a whole.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import islice
from typing import Any

from jsonschema import Draft7Validator, FormatChecker, ValidationError
from jsonschema.validators import extend
from referencing import Registry
from referencing.exceptions import Unresolvable

from segment_mcp.redact import clean
from segment_mcp.timing import is_moment

ROOT = "(root)"
"""The field of what is about the event as a whole; Segment's violations call it so (protocols/faq)."""
MOST_BREACHES = 200
MOST_STEPS = 10_000_000
"""Steps that a pattern may take on a text, by a rough estimate."""
MOST_VISITS = 50_000
"""What one check may cost; a schema that is held against a small part of the event once costs one or two."""

_CHOICES_SHOWN = 5
_LONGEST_NAME = 60
_DEEPEST = 12
_STEPS_OF_A_VISIT = 2_000
_CHOICES_OF_A_VISIT = 20
_MEMBERS_OF_A_VISIT = 50
_VISITS_OF_A_REFERENCE = 5
"""To follow a `$ref` can mean to look through the whole schema."""
_TYPES = {
    "string": "a string",
    "integer": "an integer",
    "number": "a number",
    "boolean": "true or false",
    "array": "an array",
    "object": "an object",
    "null": "null",
}
_FORBIDDEN = "None"
"""The keyword of errors of a schema that is just `false`."""
_LIMITS = {
    "minimum": "must be at least {}",
    "maximum": "must be at most {}",
    "exclusiveMinimum": "must be more than {}",
    "exclusiveMaximum": "must be less than {}",
    "minLength": "must have at least {} characters",
    "maxLength": "must have at most {} characters",
    "minItems": "must have at least {} items",
    "maxItems": "must have at most {} items",
    "minProperties": "must have at least {} members",
    "maxProperties": "must have at most {} members",
    "multipleOf": "must be a multiple of {}",
}

_Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Breach:
    """One way in which a value is not as its schema says.

    Attributes:
        path: where, in names and indexes.
        message: what should be there, without what is.
        present: whether there is a value at the path, which could be left out.
    """

    path: _Path
    message: str
    present: bool = True

    @property
    def field(self) -> str:
        """The path in dots."""
        return ".".join(clean(str(name), _LONGEST_NAME) for name in self.path[-_DEEPEST:]) or ROOT


@dataclass(frozen=True, slots=True)
class Checked:
    """What came of a check.

    Attributes:
        breaches: at most `MOST_BREACHES`.
        unread: why the schema could not be applied; None where it was.
    """

    breaches: Sequence[Breach]
    unread: str | None = None


class _TooCostlyError(Exception):
    """A pattern, or the whole schema, could take too long."""


class _Budget:
    """What is left to spend in one check, in visits."""

    def __init__(self) -> None:
        self._left = MOST_VISITS

    def spend(self, visits: int) -> None:
        """Take this many.

        Raises:
            _TooCostlyError: so many are not left.
        """
        self._left -= visits
        if self._left < 0:
            raise _TooCostlyError

    def finds(self, pattern: str, text: str) -> bool:
        """Whether a pattern is in a text.

        Raises:
            _TooCostlyError: it could take too long.
        """
        steps = _steps(pattern, len(text))
        if steps > MOST_STEPS:
            raise _TooCostlyError
        self.spend(1 + steps // _STEPS_OF_A_VISIT)
        return re.search(pattern, text) is not None


def check(schema: Any, value: Any) -> Checked:
    """Where a value is not as a schema of draft-07 says."""
    unread = problem_of(schema)
    if unread is not None:
        return Checked((), unread)
    try:
        errors = _validator(schema).iter_errors(value)
        found = dict.fromkeys(islice((one for error in errors for one in _breaches(error)), MOST_BREACHES))
    except _TooCostlyError:
        return Checked((), "it could take too long to apply to this event")
    except re.error:
        return Checked((), "it has a pattern that can't be read here")
    except Unresolvable:
        return Checked((), "it refers to a schema that is not part of it")
    except (RecursionError, ArithmeticError, ValueError):
        return Checked((), "it can't be applied to this event")
    return Checked(tuple(found))


def problem_of(schema: Any) -> str | None:
    """Why something is no JSON schema of draft-07; None where it is one."""
    if not isinstance(schema, Mapping):
        return "it has no JSON schema that is an object"
    try:
        return None if _META.is_valid(schema) else "its JSON schema is not a valid one of draft-07"
    except (RecursionError, ValueError):
        return "its JSON schema is nested too deep"


def unplanned(schema: Any, part: str, names: Iterable[str]) -> list[str]:
    """The names that a rule does not have in a part of the event: by name or by pattern, and at its top only.

    Args:
        schema: of a whole event.
        part: `properties` or `traits`.
        names: of the part's members.
    """
    of_part = _mapping(_mapping(_mapping(schema).get("properties")).get(part))
    planned, patterns = _mapping(of_part.get("properties")), _mapping(of_part.get("patternProperties"))
    budget = _Budget()
    return [name for name in names if name not in planned and not any(_matches(one, name, budget) for one in patterns)]


def is_cheap(pattern: str, text: str) -> bool:
    """Whether a pattern surely ends soon on a text.

    Each repetition multiplies the ways to match a text by its length, and one within another makes them exponential:
    an estimate from above, which spares a parser and refuses little that is in use.
    """
    return _steps(pattern, len(text)) <= MOST_STEPS


def _steps(pattern: str, length: int) -> int:
    """How many steps a pattern takes on a text at most; more than `MOST_STEPS` where that can't be told."""
    plain = _plain(pattern)
    if _UNCOUNTED.search(plain):
        return MOST_STEPS + 1
    repeats, nested = _repetitions(plain)
    if nested:
        ways = max(2, repeats * (1 + plain.count("|")))
        return int(ways ** min(length, 64))
    starts = 0 if pattern.startswith("^") else 1
    return int(max(length, 2) ** min(repeats + starts, 64))


_UNCOUNTED = re.compile(r"\(\?(?:#|[a-zA-Z-]*x[a-zA-Z-]*[:)])")
"""Comments, and flags that allow them: what they hide would be counted, and hides what should be."""


def _plain(pattern: str) -> str:
    """A pattern with a letter for each escape and each class."""
    return re.sub(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]", "x", pattern, flags=re.DOTALL)


@lru_cache(maxsize=256)
def _repetitions(plain: str) -> tuple[int, bool]:
    """How many repetitions a pattern has, and whether one of a group holds another or alternatives."""
    repeats, nested, ended = 0, False, False
    holds = [False]
    for index, character in enumerate(plain):
        if character == "(":
            holds.append(False)
            ended = False
        elif character == ")" and len(holds) > 1:
            ended = holds.pop()
            holds[-1] |= ended
        elif character in "*+{" or (character == "?" and plain[index - 1 : index] not in {"(", "*", "+", "}", "?"}):
            repeats += 1
            nested |= ended and character != "?"
            holds[-1], ended = True, False
        elif character == "|":
            holds[-1], ended = True, False
        else:
            ended = False
    return repeats, nested


def _matches(pattern: str, name: str, budget: _Budget) -> bool:
    try:
        return budget.finds(pattern, name)
    except (re.error, OverflowError, RecursionError, _TooCostlyError):
        return False


def _budget(validator: Any) -> _Budget:
    checker: _Formats = validator.format_checker
    return checker.budget


def _pattern(validator: Any, pattern: str, instance: Any, _: Any) -> Iterator[ValidationError]:
    if isinstance(instance, str) and not _budget(validator).finds(pattern, instance):
        yield ValidationError("")


def _pattern_properties(
    validator: Any, patterns: Mapping[str, Any], instance: Any, _: Any
) -> Iterator[ValidationError]:
    for pattern, of_pattern in patterns.items():
        for name, value in _mapping(instance).items():
            if _budget(validator).finds(pattern, name):
                yield from validator.descend(value, of_pattern, path=name, schema_path=pattern)


def _additional_properties(validator: Any, allowed: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    """As the library has it, which joins the patterns to one: two that are harmless or broken can make one that is not.

    Each name that is not allowed is an error of its own.
    """
    known, patterns = _mapping(schema.get("properties")), _mapping(schema.get("patternProperties"))
    for name, value in _mapping(instance).items():
        if name in known or any(_budget(validator).finds(pattern, name) for pattern in patterns):
            continue
        if allowed is False:
            yield ValidationError("", validator=_FORBIDDEN, path=(name,))
        else:
            yield from validator.descend(value, allowed, path=name)


def _unique_items(validator: Any, wanted: Any, instance: Any, _: Any) -> Iterator[ValidationError]:
    """As the library has it, which compares each item with each other."""
    if not wanted or not isinstance(instance, list):
        return
    texts = [json.dumps(_canonical(item), sort_keys=True) for item in instance]
    _budget(validator).spend(sum(map(len, texts)) // _MEMBERS_OF_A_VISIT)
    if len(set(texts)) < len(texts):
        yield ValidationError("")


def _canonical(value: Any) -> Any:
    """A value of JSON in which equal numbers are the same: 1 and 1.0."""
    match value:
        case list():
            return [_canonical(item) for item in value]
        case dict():
            return {name: _canonical(member) for name, member in value.items()}
        case float() if value.is_integer():
            return int(value)
        case _:
            return value


def _properties(validator: Any, properties: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    """As the library has it, which does not say where a property is that its schema, `false`, forbids."""
    forbidden = [name for name, of_name in properties.items() if of_name is False and name in _mapping(instance)]
    yield from (ValidationError("", validator=_FORBIDDEN, path=(name,)) for name in forbidden)
    others = {name: of_name for name, of_name in properties.items() if name not in forbidden}
    yield from _DRAFT_7["properties"](validator, others, instance, schema)


_DRAFT_7: Mapping[str, Any] = Draft7Validator.VALIDATORS
_EXTEND: Callable[..., Any] = extend
_META = Draft7Validator(Draft7Validator.META_SCHEMA)


@cache
def _guarded() -> Any:
    guarded = _EXTEND(
        Draft7Validator,
        {
            "properties": _properties,
            "pattern": _pattern,
            "patternProperties": _pattern_properties,
            "additionalProperties": _additional_properties,
            "uniqueItems": _unique_items,
        },
    )
    evolve, descend = guarded.evolve, guarded.descend

    def evolve_here(validator: Any, **changes: Any) -> Any:
        schema = changes.get("schema", validator.schema)
        _budget(validator).spend(_cost_of(schema))
        if "$schema" in _mapping(schema):  # the library would go on with a validator of that draft, without guards
            schema = {name: value for name, value in schema.items() if name != "$schema"}
        return evolve(validator, **{**changes, "schema": schema})

    def descend_here(validator: Any, instance: Any, schema: Any, **at: Any) -> Iterator[ValidationError]:
        size = len(instance) if isinstance(instance, str | list | dict) else 0
        _budget(validator).spend(1 + size // _MEMBERS_OF_A_VISIT)
        found: Iterator[ValidationError] = descend(validator, instance, schema, **at)
        return found

    guarded.evolve, guarded.descend = evolve_here, descend_here
    return guarded


def _cost_of(schema: Any) -> int:
    """What it costs to hold a schema against a value, without the schemas within."""
    choices = sum(len(value) for value in _mapping(schema).values() if isinstance(value, list | dict))
    return 1 + choices // _CHOICES_OF_A_VISIT + (_VISITS_OF_A_REFERENCE if "$ref" in _mapping(schema) else 0)


class _Formats(FormatChecker):
    """The formats that Segment's editor offers and the usual others; of moments any with a zone.

    It is what the library hands on to each schema within a schema, and so carries the budget of the check.
    """

    def __init__(self) -> None:
        super().__init__(("date", "email", "ipv4", "ipv6", "uuid"))
        self.checks("date-time")(lambda value: not isinstance(value, str) or is_moment(value))
        self.budget = _Budget()


def _validator(schema: Mapping[str, Any]) -> Any:
    return _guarded()(schema, registry=Registry(), format_checker=_Formats())


def _breaches(error: ValidationError) -> Iterator[Breach]:
    path, instance = tuple(error.absolute_path), _mapping(error.instance)
    match error.validator:
        case "required" if isinstance(error.validator_value, list):
            for name in error.validator_value:
                if name not in instance:
                    yield Breach((*path, name), "is required", present=False)
        case _:
            yield Breach(path, _message(str(error.validator), error.validator_value))


def _message(keyword: str, wanted: Any) -> str:
    if keyword in _LIMITS:
        return _LIMITS[keyword].format(clean(str(wanted), 30))
    worded = _WORDED.get(keyword)
    return f"does not meet the rule's {clean(keyword, 30)}" if worded is None else worded(wanted)


def _of_type(wanted: Any) -> str:
    names = wanted if isinstance(wanted, list) else [wanted]
    return f"must be {' or '.join(_TYPES[name] for name in names)}"


def _one_of(wanted: Sequence[Any]) -> str:
    if len(wanted) > _CHOICES_SHOWN:
        return f"must be one of the {len(wanted)} permitted values"
    return f"must be one of {', '.join(clean(str(choice), 40) for choice in wanted)}"


_WORDED: Mapping[str, Callable[[Any], str]] = {
    "type": _of_type,
    "enum": _one_of,
    "const": lambda wanted: _one_of([wanted]),
    "pattern": lambda wanted: f"must match the pattern {clean(str(wanted), 80)}",
    "format": lambda wanted: f"must be a valid {clean(str(wanted), 30)}",
    _FORBIDDEN: lambda _: "is not allowed by the rule",
}
"""By keyword of draft-07."""


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
