"""The rules of a tracking plan as things that look at messages: which rule is a message's, and what it breaks.

Facts are of Segment's docs (protocols/tracking-plan/create, protocols/validate/forward-violations, protocols/faq):
a rule's JSON schema is held against the whole message; `context.protocols.event_version` chooses among the versions of
a rule, and without it, or with one that the plan lacks, the oldest holds; how violations are called.

Choices of ours where the docs are silent: COMMON rules have no versions to choose from, the oldest holds; a page or
screen has the rule with its name as the key, or else the one without a key; rules of identify and group are known by
their type alone. A schema is someone else's text, and read with care: nothing is ever fetched for a `$ref`, and what
can't be evaluated (a `$ref` that leads nowhere or in circles) finds nothing. A `pattern` is not checked if Python can't
read it, or if it could take longer than anyone waits: if it repeats a group that holds a repetition or a choice, has
comments, or has too many repetitions for the text. (RE2, which Segment uses, has no such trouble.) A schema that is
too much work for one message, with all its patterns, finds nothing in it either.
"""

import json
import re
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from jsonschema import Draft7Validator, FormatChecker
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend
from referencing import Registry
from referencing.exceptions import Unresolvable

from segment_mcp.sandbox import checks, tracking_plans

MOST_VIOLATIONS: Final = 100
"""Of one message against one rule; more are not looked for."""

ROOT: Final = "(root)"
"""How Segment calls the message itself as a violation's field."""

MOST_WORK: Final = 50_000
"""For one message and one rule: schemas held against values, and what takes about as long."""


class _TooMuchWorkError(Exception):
    """A schema would take too long on a message."""


_UNCHECKABLE = (_TooMuchWorkError, ArithmeticError, RecursionError, TypeError, Unresolvable, ValueError, re.error)
_FORMATS = FormatChecker(formats=("email", "ipv4", "ipv6"))
_FORMATS.checks("date-time")(checks.is_date_time)
_FORMATS.checks("date")(checks.is_date)
_NOTHING_FETCHED: Final[Registry[Any]] = Registry()
_KEYED = frozenset({"PAGE", "SCREEN", "TRACK"})
_LONGEST_DETAIL = 100
_MOST_STEPS = 10_000_000
_STEPS_AT_ONCE = 2_000
_SMALL = 32
_TYPES: Mapping[type, str] = MappingProxyType(
    {bool: "boolean", dict: "object", float: "number", int: "integer", list: "array", str: "string"}
)

_Message = Mapping[str, Any]


class Violation(NamedTuple):
    """What a message breaks.

    Attributes:
        type: such as `Required` or `Invalid Type`.
        field: dotted, such as `properties.products`.
        description: a sentence; it repeats nothing of the message but names.
    """

    type: str
    field: str
    description: str


class Finding(NamedTuple):
    """What one error of the schema's validator is about.

    Attributes:
        path: where in the message it is; of what is missing or too much, too.
    """

    violation: Violation
    path: tuple[str, ...]
    missing: bool


@dataclass(frozen=True, slots=True)
class Check:
    """A rule's schema, ready to look at messages.

    Attributes:
        names: of properties or traits that the rule plans, by the part of the message.
        patterns: of names that it plans, likewise.
    """

    validator: Any
    names: Mapping[str, frozenset[str]]
    patterns: Mapping[str, tuple[str, ...]]

    def findings(self, message: _Message) -> tuple[Finding, ...]:
        """What the message breaks; no more than `MOST_VIOLATIONS`, each once."""
        started = _WORK.set([0])
        try:
            errors = list(islice(self.validator.iter_errors(message), MOST_VIOLATIONS))
            return tuple({each.violation: each for error in errors for each in _findings(error)}.values())
        except _UNCHECKABLE:
            return ()
        finally:
            _WORK.reset(started)

    def plans(self, part: str, name: str) -> bool:
        """Whether a property or trait of that name is in the rule."""
        return name in self.names[part] or any(_meets(each, name) for each in self.patterns[part])


class Rules:
    """The rules of a plan. Each is made ready when a message first needs it.

    Args:
        plan: the tracking plan, whose rules never change: a changed plan is another one.
    """

    def __init__(self, plan: tracking_plans.TrackingPlan) -> None:
        self.plan = plan
        self._versions: dict[tuple[str, str | None], list[tracking_plans.Rule]] = {}
        for rule in sorted(plan.rules, key=lambda each: each["version"]):
            self._versions.setdefault(_key(rule["type"], rule.get("key")), []).append(rule)
        self._ready: dict[tracking_plans.RuleKey, Check] = {}

    def of(self, message: _Message) -> Check | None:
        """The rule for messages like this one; None if they are not planned."""
        kind = message["type"].upper()
        name = message.get("event" if kind == "TRACK" else "name")
        found = self._versions.get(_key(kind, name if isinstance(name, str) else None))
        if found is None and kind != "TRACK":
            found = self._versions.get((kind, None))
        return self._check(_chosen(found, message)) if found else None

    def common(self) -> Check | None:
        """The rule for all messages."""
        found = self._versions.get(("COMMON", None))
        return self._check(found[0]) if found else None

    def _check(self, rule: tracking_plans.Rule) -> Check:
        key = tracking_plans.rule_key(rule)
        if key not in self._ready:
            self._ready[key] = check(rule["jsonSchema"])
        return self._ready[key]


def check(schema: Any) -> Check:
    """A rule's JSON schema made ready."""
    names, patterns = {}, {}
    for part in ("properties", "traits"):
        planned = _member(_member(schema, "properties"), part)
        names[part] = frozenset(_member(planned, "properties"))
        patterns[part] = tuple(_member(planned, "patternProperties"))
    return Check(_BOUNDED(schema, registry=_NOTHING_FETCHED, format_checker=_FORMATS), names, patterns)


def _key(kind: str, key: str | None) -> tuple[str, str | None]:
    return kind, (key or None) if kind in _KEYED else None


def _chosen(versions: Sequence[tracking_plans.Rule], message: _Message) -> tracking_plans.Rule:
    asked = _member(_member(message, "context"), "protocols").get("event_version")
    if isinstance(asked, bool) or not isinstance(asked, int | float):
        return versions[0]
    return next((rule for rule in versions if rule["version"] == asked), versions[0])


def _member(value: Any, name: str) -> Mapping[str, Any]:
    """A member that is an object; an empty one if it is nothing of the kind."""
    found = value.get(name) if isinstance(value, Mapping) else None
    return found if isinstance(found, Mapping) else {}


_WORK: ContextVar[list[int]] = ContextVar("work")
"""How much was done for the message at hand."""


def _work(amount: int) -> None:
    done = _WORK.get([0])
    done[0] += amount
    if done[0] > MOST_WORK:
        raise _TooMuchWorkError


def _meets(pattern: str, text: str) -> bool | None:
    """Whether a text has what a pattern looks for; None if that is not checked."""
    repeats = _repeats(pattern)
    steps = None if repeats is None else max(len(text), 2) ** min(repeats + 1, 64)
    if steps is None or steps > _MOST_STEPS:
        return None
    _work(1 + steps // _STEPS_AT_ONCE)
    return re.search(pattern, text) is not None


@lru_cache(maxsize=512)
def _repeats(pattern: str) -> int | None:
    """How many repetitions a pattern has; None if Python can't read it, or may never be done with it."""
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError):
        return None
    words: list[str] = _WORD.findall(pattern)
    if any(_comments(word) for word in words) or _nests(words):
        return None
    return sum(_is_open(word) for word in words)


_WORD = re.compile(
    r"""
    \\. | \[\^?\]?(?:\\.|[^\]\\])*\]                 # an escape, or a class: taken as one
    | \((?:\?(?:P?<[^>=!]+>|<?[:=!>]|[a-zA-Z-]+:?|\#))?  # a group, of whatever kind, or a comment
    | [)|]
    | (?:[*+?]|\{\d*,?\d*\})[?+]?                    # a repetition
    """,
    re.DOTALL | re.VERBOSE,
)


def _comments(word: str) -> bool:
    """Whether this begins a comment, or lets later text be one: then no count of the rest is right."""
    return word == "(?#" or (word.startswith("(?") and "<" not in word and "x" in word)


def _is_open(word: str) -> bool:
    """Whether this is a repetition without an exact number: `{3}` leaves nothing open."""
    return word[0] in "*+?" or (word[0] == "{" and "," in word)


def _nests(words: Sequence[str]) -> bool:
    """Whether a group that repeats holds a repetition or a choice: `(a+)+`, `(a|ab)*`. `(a+)?` does not repeat."""
    holds, closed = [False], False
    for word in words:
        if closed and word[0] in "*+{":
            return True
        closed = False
        if word[0] == "(":
            holds.append(False)
        elif word == ")":
            closed = holds.pop() if len(holds) > 1 else False
            holds[-1] = holds[-1] or closed
        elif word == "|" or _is_open(word):
            holds[-1] = True
    return False


def _pattern(_: Any, pattern: str, instance: Any, __: Any) -> Iterator[ValidationError]:
    if isinstance(instance, str) and _meets(pattern, instance) is False:
        yield ValidationError("")


def _patterned(validator: Any, patterns: Any, instance: Any, _: Any) -> Iterator[ValidationError]:
    fields = instance.items() if isinstance(instance, Mapping) else ()
    for name, value in fields:
        for pattern, inner in patterns.items():
            if _meets(pattern, name):
                yield from validator.descend(value, inner, path=name, schema_path=pattern)


def _additional(validator: Any, allowed: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    """One error for each name; the library's own joins the patterns, and what comes of that nobody has looked at."""
    for name in instance if isinstance(instance, Mapping) else ():
        planned = name in _member(schema, "properties")
        if planned or any(_meets(pattern, name) for pattern in _member(schema, "patternProperties")):
            continue
        if allowed is False:
            yield ValidationError("", path=(name,))
        else:
            yield from validator.descend(instance[name], allowed, path=name)


def _unique(_: Any, asked: Any, instance: Any, __: Any) -> Iterator[ValidationError]:
    """In one pass; the library's own compares each item with each."""
    if asked and isinstance(instance, list) and len({_frozen(item) for item in instance}) < len(instance):
        yield ValidationError("")


def _frozen(value: Any) -> Hashable:
    """Something that equals another of its kind where JSON's values are equal: 1 is 1.0, and not true."""
    _work(1)
    if isinstance(value, dict):
        return "object", frozenset((name, _frozen(inner)) for name, inner in value.items())
    if isinstance(value, list):
        return "array", tuple(_frozen(item) for item in value)
    return ("boolean", value) if isinstance(value, bool) else ("plain", value)


def _bounded() -> Any:
    """Draft-07 whose validators count what they do, and read no pattern that is not checked."""
    make: Callable[..., Any] = extend
    own = {
        "additionalProperties": _additional,
        "pattern": _pattern,
        "patternProperties": _patterned,
        "uniqueItems": _unique,
    }
    bounded = make(Draft7Validator, own)
    library_descend, library_evolve = bounded.descend, bounded.evolve

    def descend(self: Any, instance: Any, schema: Any, **rest: Any) -> Any:
        _work(1 + _extent(instance))
        return library_descend(self, instance, schema, **rest)

    def evolve(self: Any, **changes: Any) -> Any:
        """Never another draft's validator, which a `$schema` further in would ask for."""
        schema = changes.get("schema", self.schema)
        if isinstance(schema, Mapping):
            _work(1 + sum(map(_extent, schema.values())) + 5 * ("$ref" in schema))
            schema = {name: schema[name] for name in schema if name != "$schema"}
        return library_evolve(self, **{**changes, "schema": schema})

    bounded.descend, bounded.evolve = descend, evolve
    return bounded


def _extent(value: Any) -> int:
    return len(value) // _SMALL if isinstance(value, str | list | dict) else 0


_BOUNDED: Final = _bounded()


def _findings(error: ValidationError) -> Iterator[Finding]:
    path, limit = tuple(str(step) for step in error.absolute_path), _limit(error)
    if error.validator == "required":
        present: Any = error.instance
        for name in limit:
            if name not in present:
                inner = (*path, str(name))
                field = ".".join(inner)
                yield Finding(Violation("Required", field, f"{field} is required"), inner, missing=True)
    elif error.validator == "additionalProperties":
        field = ".".join(path)
        yield Finding(Violation("Additional Property", field, f"{field} is not allowed"), path, missing=False)
    else:
        field = ".".join(path) or ROOT
        yield Finding(Violation(_named(error), field, _described(error, field)), path, missing=False)


def _limit(error: ValidationError) -> Any:
    return error.validator_value


def _named(error: ValidationError) -> str:
    if error.validator == "type":
        return "Invalid Type"
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", _keyword(error)).title()


def _keyword(error: ValidationError) -> str:
    return str(error.validator or "not")  # a schema that is `false` has none, and means that


def _described(error: ValidationError, field: str) -> str:
    limit = _limit(error)
    if error.validator == "type":
        expected = limit if isinstance(limit, str) else ", ".join(limit)
        return f"Invalid type. Expected: {expected}, given: {_TYPES.get(type(error.instance), 'null')}"
    if limit is None or isinstance(limit, dict | bool):
        return f"{field} breaks {_keyword(error)}"
    return f"{field} breaks {error.validator} {json.dumps(limit, ensure_ascii=False)[:_LONGEST_DETAIL]}"
