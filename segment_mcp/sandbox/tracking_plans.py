"""Tracking plans: which events are meant to exist, and how each of them has to look.

Within its plan a rule is known by its type, key and version. Rules keep the order in which they came.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from jsonschema import Draft7Validator

from segment_mcp.sandbox import refusals

MOST_RULES = 200
"""Rules that one request may name: documented for the API, not for a plan."""

DRAFT = "http://json-schema.org/draft-07/schema#"

_PARTS = ("context", "traits", "properties")
_DRAFT_7 = Draft7Validator(Draft7Validator.META_SCHEMA, format_checker=Draft7Validator.FORMAT_CHECKER)

Rule = Mapping[str, Any]
RuleKey = tuple[str, str | None, float]


@dataclass(frozen=True, slots=True)
class TrackingPlan:
    """A plan as the Public API shows it, and its rules."""

    answer: Mapping[str, Any]
    rules: tuple[Rule, ...]

    @property
    def id(self) -> str:
        """Begins with `tp_`."""
        return str(self.answer["id"])


def seeded() -> dict[str, TrackingPlan]:
    """The plans that every sandbox starts with, by ID."""
    return {entry["id"]: _plan(entry) for entry in _data()}


def rule_key(rule: Rule) -> RuleKey:
    """What a rule is known by within its plan."""
    return rule["type"], rule.get("key") or None, rule["version"]


def problems(rules: Sequence[Rule]) -> Iterator[refusals.Problem]:
    """Why a request must not write these rules, beyond what its schema says.

    A track rule is about one event and has to name it, each rule may come once, and its JSON schema has to be one of
    draft-07.
    """
    if len(rules) > MOST_RULES:
        yield too_many()
        return
    seen: set[RuleKey] = set()
    for index, rule in enumerate(rules):
        key = rule_key(rule)
        if key[0] == "TRACK" and key[1] is None:
            yield refusals.problem(f"rules.{index}.key", "is required")
        if key in seen:
            yield refusals.problem(f"rules.{index}", "contains a duplicate value")
        seen.add(key)
        if not _is_json_schema(rule["jsonSchema"]):
            yield refusals.problem(f"rules.{index}.jsonSchema", "must be a valid JSON schema of draft-07")


def too_many() -> refusals.Problem:
    """That a request names more than `MOST_RULES`, in the documented words."""
    return refusals.problem("rules", f"must contain less than or equal to {MOST_RULES} items")


def replaced(rules: Sequence[Rule], given: Sequence[Rule], now: str) -> tuple[Rule, ...]:
    """The given rules in the place of all others; one that was there before keeps its `createdAt`."""
    before = {rule_key(rule): rule for rule in rules}
    return tuple(_written(rule, rule.get("key"), before.get(rule_key(rule)), now) for rule in given)


def upserted(rules: Sequence[Rule], given: Sequence[Rule], now: str) -> tuple[Rule, ...]:
    """The rules with the given ones changed where they stand, or added at the end; `newKey` renames.

    A rename can make two rules the same: see `repeated`.
    """
    found = {rule_key(rule): rule for rule in rules}
    for rule in given:
        key = rule_key(rule)
        found[key] = _written(rule, rule.get("newKey") or rule.get("key"), found.get(key), now)
    return tuple(found.values())


def repeated(rules: Sequence[Rule]) -> RuleKey | None:
    """What two of the rules are both known by; None if no two are the same."""
    seen: set[RuleKey] = set()
    for key in map(rule_key, rules):
        if key in seen:
            return key
        seen.add(key)
    return None


def _written(given: Rule, key: str | None, before: Rule | None, now: str) -> Rule:
    content = {"type": given["type"], "version": given["version"], "jsonSchema": given["jsonSchema"]}
    if key:
        content["key"] = key
    if before is None:
        return {**content, "createdAt": now, "updatedAt": now}
    changed = {**before, **content}
    return before if json.dumps(changed) == json.dumps(before) else {**changed, "updatedAt": now}  # 1 is not true


def _is_json_schema(value: Any) -> bool:
    return bool(_DRAFT_7.is_valid(value))


@cache
def _data() -> Sequence[Mapping[str, Any]]:
    text = files("segment_mcp.sandbox").joinpath("tracking_plans.json").read_text(encoding="utf-8")
    loaded: Sequence[Mapping[str, Any]] = json.loads(text)
    return loaded


def _plan(entry: Mapping[str, Any]) -> TrackingPlan:
    answer = {name: value for name, value in entry.items() if name != "rules"}
    return TrackingPlan(answer, tuple(_rule(rule, entry["createdAt"]) for rule in entry["rules"]))


def _rule(entry: Mapping[str, Any], planned: str) -> Rule:
    """A rule, with the schema of whole messages that its parts make, and the plan's time if it has none of its own."""
    parts = {part: entry.get(part, {}) for part in _PARTS}
    rest = {name: value for name, value in entry.items() if name not in parts}
    schema = {"$schema": DRAFT, "type": "object", "properties": parts}
    return {"version": 1, **rest, "jsonSchema": schema, **_times(entry, planned)}


def _times(entry: Mapping[str, Any], planned: str) -> Mapping[str, str]:
    created = entry.get("createdAt", planned)
    return {"createdAt": created, "updatedAt": entry.get("updatedAt", created)}
