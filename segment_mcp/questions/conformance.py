"""Whether an event is as the JSON schema of a tracking plan's rule says, and where it is not. Pure.

Rules are draft-07 (protocols/tracking-plan/create) and were written by others: what one of them refers to is never
fetched, and no pattern of theirs runs that could take forever.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
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

_CHOICES_SHOWN = 5
_LONGEST_NAME = 60
_DEEPEST = 12
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
    """A pattern could take too long."""


def check(schema: Any, value: Any) -> Checked:
    """Where a value is not as a schema of draft-07 says."""
    unread = problem_of(schema)
    if unread is not None:
        return Checked((), unread)
    try:
        errors = _validator(schema).iter_errors(value)
        found = dict.fromkeys(islice((one for error in errors for one in _breaches(error)), MOST_BREACHES))
    except _TooCostlyError:
        return Checked((), "it has a pattern that could take too long on this event")
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
    return [name for name in names if name not in planned and not any(_matches(one, name) for one in patterns)]


def is_cheap(pattern: str, text: str) -> bool:
    """Whether a pattern surely ends soon on a text.

    Each repetition multiplies the ways to match a text by its length, and one within another makes them exponential:
    an estimate from above, which spares a parser and refuses little that is in use.
    """
    repeats, nested = _repetitions(pattern)
    starts = 0 if pattern.startswith("^") else 1
    steps: int = 2 ** min(len(text), 64) if nested else max(len(text), 2) ** min(repeats + starts, 64)
    return steps <= MOST_STEPS


def _repetitions(pattern: str) -> tuple[int, bool]:
    """How many repetitions a pattern has, and whether one of a group holds another or alternatives."""
    plain = re.sub(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]", "x", pattern, flags=re.DOTALL)
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


def _matches(pattern: Any, name: str) -> bool:
    try:
        return is_cheap(pattern, name) and re.search(pattern, name) is not None
    except re.error:
        return False


def _guard(patterns: Iterable[str], texts: Iterable[Any]) -> None:
    given = [text for text in texts if isinstance(text, str)]
    if not all(is_cheap(pattern, text) for pattern in patterns for text in given):
        raise _TooCostlyError


def _pattern(validator: Any, pattern: str, instance: Any, schema: Any) -> Iterator[ValidationError]:
    _guard([pattern], [instance])
    yield from _DRAFT_7["pattern"](validator, pattern, instance, schema)


def _pattern_properties(validator: Any, patterns: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    _guard(patterns, instance if isinstance(instance, Mapping) else ())
    yield from _DRAFT_7["patternProperties"](validator, patterns, instance, schema)


def _additional_properties(validator: Any, allowed: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    _guard(_mapping(schema.get("patternProperties")), instance if isinstance(instance, Mapping) else ())
    yield from _DRAFT_7["additionalProperties"](validator, allowed, instance, schema)


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
    return _EXTEND(
        Draft7Validator,
        {
            "properties": _properties,
            "pattern": _pattern,
            "patternProperties": _pattern_properties,
            "additionalProperties": _additional_properties,
        },
    )


@cache
def _formats() -> FormatChecker:
    """The formats that Segment's editor offers and the usual others; of moments any with a zone."""
    checker = FormatChecker(("date", "email", "ipv4", "ipv6", "uuid"))
    checker.checks("date-time")(lambda value: not isinstance(value, str) or is_moment(value))
    return checker


def _validator(schema: Mapping[str, Any]) -> Any:
    return _guarded()(schema, registry=Registry(), format_checker=_formats())


def _breaches(error: ValidationError) -> Iterator[Breach]:
    path, instance = tuple(error.absolute_path), _mapping(error.instance)
    of = error.schema if isinstance(error.schema, Mapping) else {}
    match error.validator:
        case "required" if isinstance(error.validator_value, list):
            for name in error.validator_value:
                if name not in instance:
                    yield Breach((*path, name), "is required", present=False)
        case "additionalProperties" if error.validator_value is False:
            patterns = _mapping(of.get("patternProperties"))
            known = _mapping(of.get("properties"))
            for name in instance:
                if name not in known and not any(_matches(pattern, name) for pattern in patterns):
                    yield Breach((*path, name), "is not allowed by the rule")
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
