"""The rules of a tracking plan as things that look at messages: which rule is a message's, and what it breaks.

Facts are of Segment's docs (protocols/tracking-plan/create, protocols/validate/forward-violations, protocols/faq):
a rule's JSON schema is held against the whole message; `context.protocols.event_version` chooses among the versions of
a rule, and without it, or with one that the plan lacks, the oldest holds; how violations are called.

Choices of ours where the docs are silent: COMMON rules have no versions to choose from, the oldest holds; a page or
screen has the rule with its name as the key, or else the one without a key; rules of identify and group are known by
their type alone. A schema is someone else's text, and read with care: nothing is ever fetched for a `$ref`, and what
can't be evaluated (a `$ref` that leads nowhere or in circles) finds nothing. A `pattern` is not checked if Python can't
read it, or if it repeats a group that holds a repetition or a choice: that can take longer than anyone waits. (RE2,
which Segment uses, has no such trouble.) Schemas that are slow for other reasons are taken as they are.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from jsonschema import Draft7Validator, FormatChecker
from jsonschema.exceptions import ValidationError
from referencing import Registry
from referencing.exceptions import Unresolvable

from segment_mcp.sandbox import checks, tracking_plans

MOST_VIOLATIONS: Final = 100
"""Of one message against one rule; more are not looked for."""

ROOT: Final = "(root)"
"""How Segment calls the message itself as a violation's field."""

_UNCHECKABLE = (ArithmeticError, RecursionError, TypeError, Unresolvable, ValueError, re.error)
_FORMATS = FormatChecker(formats=("email", "ipv4", "ipv6"))
_FORMATS.checks("date-time")(checks.is_date_time)
_FORMATS.checks("date")(checks.is_date)
_NOTHING_FETCHED: Final[Registry[Any]] = Registry()
_KEYED = frozenset({"PAGE", "SCREEN", "TRACK"})
_LONGEST_DETAIL = 100
_MAPS = frozenset({"$defs", "definitions", "dependencies", "patternProperties", "properties"})
_LITERALS = frozenset({"const", "default", "enum", "examples"})
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

    validator: Draft7Validator
    names: Mapping[str, frozenset[str]]
    patterns: Mapping[str, tuple[re.Pattern[str], ...]]

    def findings(self, message: _Message) -> tuple[Finding, ...]:
        """What the message breaks; no more than `MOST_VIOLATIONS`, each once."""
        try:
            errors = list(islice(self.validator.iter_errors(message), MOST_VIOLATIONS))
            return tuple({each.violation: each for error in errors for each in _findings(error)}.values())
        except _UNCHECKABLE:
            return ()

    def plans(self, part: str, name: str) -> bool:
        """Whether a property or trait of that name is in the rule."""
        return name in self.names[part] or any(pattern.search(name) for pattern in self.patterns[part])


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
    safe = _safe(schema)
    names, patterns = {}, {}
    for part in ("properties", "traits"):
        planned = _member(_member(safe, "properties"), part)
        names[part] = frozenset(_member(planned, "properties"))
        patterns[part] = tuple(re.compile(pattern) for pattern in _member(planned, "patternProperties"))
    return Check(Draft7Validator(safe, registry=_NOTHING_FETCHED, format_checker=_FORMATS), names, patterns)


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


def _safe(schema: Any) -> Any:
    """The schema without patterns that are not checked, wherever in it a `$ref` may lead."""
    if isinstance(schema, list):
        return [_safe(inner) for inner in schema]
    if not isinstance(schema, dict):
        return schema
    safe = dict(schema)
    for name, value in schema.items():
        if name in _MAPS and isinstance(value, dict):
            safe[name] = {
                key: _safe(inner) for key, inner in value.items() if name != "patternProperties" or _checkable(key)
            }
        elif name == "pattern" and isinstance(value, str):
            if not _checkable(value):
                del safe[name]
        elif name not in _LITERALS:
            safe[name] = _safe(value)
    return safe


def _checkable(pattern: str) -> bool:
    """Whether Python can read a pattern, and will be done with it."""
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError):
        return False
    return not _nests(pattern)


_WORD = re.compile(
    r"""
    \\. | \[\^?\]?(?:\\.|[^\]\\])*\]                 # an escape, or a class: taken as one
    | \((?:\?(?:P?<[^>=!]+>|<?[:=!>]|[a-zA-Z-]+:?))?  # a group, of whatever kind
    | [)|]
    | (?:[*+?]|\{\d*,?\d*\})[?+]?                    # a repetition
    """,
    re.DOTALL | re.VERBOSE,
)


def _nests(pattern: str) -> bool:
    """Whether a group that repeats holds a repetition or a choice: `(a+)+`, `(a|ab)*`. `(a+)?` does not repeat."""
    holds, closed = [False], False
    for word in _WORD.findall(pattern):
        if closed and word[0] in "*+{":
            return True
        closed = False
        if word[0] == "(":
            holds.append(False)
        elif word == ")":
            closed = holds.pop() if len(holds) > 1 else False
            holds[-1] = holds[-1] or closed
        elif word[0] in "*+?|" or (word[0] == "{" and "," in word):  # `{3}` leaves nothing open
            holds[-1] = True
    return False


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
        for name in _additional(error):
            inner = (*path, name)
            field = ".".join(inner)
            yield Finding(Violation("Additional Property", field, f"{field} is not allowed"), inner, missing=False)
    else:
        field = ".".join(path) or ROOT
        yield Finding(Violation(_named(error), field, _described(error, field)), path, missing=False)


def _limit(error: ValidationError) -> Any:
    return error.validator_value


def _additional(error: ValidationError) -> Iterator[str]:
    planned = _member(error.schema, "properties")
    patterns = [re.compile(pattern) for pattern in _member(error.schema, "patternProperties")]
    instance: Any = error.instance
    return (name for name in instance if name not in planned and not any(each.search(name) for each in patterns))


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
