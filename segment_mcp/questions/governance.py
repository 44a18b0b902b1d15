"""What a tracking plan and the schema settings of its source do with an event. Pure.

From Segment's documentation (protocols/enforce/schema-configuration, forward-blocked-events,
protocols/tracking-plan/create, the discards of the delivery overview):

- The standard controls come first: a track event that no rule plans, or that breaks its rule, may be blocked; of track,
  identify and group calls, members that are unplanned or break the rule may be omitted. What is left then meets the
  common JSON schema, with settings of its own. Other calls are checked, and always pass.
- `context.protocols.event_version`, a whole number, selects the version of a rule; without one, or with one that the
  rule does not have, it is the oldest.
- Blocked events that are not forwarded to a source are gone for good; events with omitted members are never forwarded.

Where it is silent: a setting that is not there allows; members are omitted by name at the top of `properties` or
`traits`, or where a nested one breaks the rule, and never elsewhere; what a rule requires and the event lacks can't be
omitted; of an unplanned event that may pass, no member is planned.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from segment_mcp.questions.conformance import Breach, check, unplanned
from segment_mcp.redact import clean

Outcome = Literal["passes", "omitted", "blocked_forwarded", "blocked_lost"]
Code = Literal["unplanned", "schema_violation", "unplanned_and_schema_violation", "common_schema_violation"]
"""Segment's codes of events that are filtered at source.

There is a fifth, `event_setting`: the event is switched off in its source's schema, which no operation of the Public
API tells.
"""
Rule = Mapping[str, Any]

LIVE = "LIVE"
"""The only type of plan that governs sources."""

_MEMBERS: Mapping[str, str] = {"track": "properties", "identify": "traits", "group": "traits"}
"""Of each call that schema settings know: where its members stand."""
VIEWED: Mapping[str, str] = {"page": "Page Viewed", "screen": "Screen Viewed"}
"""The track events as which a source's schema shows these calls, and plans may have them (protocols/faq)."""
_ADDED: Mapping[str, str] = {
    "messageId": "added-on-ingest",
    **dict.fromkeys(("timestamp", "originalTimestamp", "receivedAt", "sentAt"), "1970-01-01T00:00:00.000Z"),
}
"""What Segment gives an event that lacks it, before a plan sees it: a rule that requires it is met."""
_ALLOW = "ALLOW"
_BLOCK = "BLOCK"
_OMIT = "OMIT"
_FIELDS_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Violation:
    """One way in which an event is not as the plan says.

    Attributes:
        rule: such as `TRACK Order Completed v1` or `COMMON`.
        field: in dots.
        message: what the rule wants.
    """

    rule: str
    field: str
    message: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of an event at its source.

    Attributes:
        outcome: where `unread` is not empty, what it is as far as the other rules tell.
        planned: whether a rule is about this event; None where there is no plan, or none could have one.
        violations: of its rule, then of the common JSON schema, as far as the event gets.
        code: why it is blocked, as Segment counts it.
        omitted: the fields that would be left out.
        because: why, in a sentence.
        rule: the rule that was applied; None where there is none.
        unread: rules that could not be applied, and why; if the event is not blocked, its outcome is not certain.
    """

    outcome: Outcome
    planned: bool | None
    violations: tuple[Violation, ...]
    code: Code | None
    omitted: tuple[str, ...]
    because: str
    rule: str | None = None
    unread: tuple[str, ...] = ()

    @property
    def certain(self) -> bool:
        """Whether the outcome hangs on nothing that could not be applied."""
        return self.code is not None or not self.unread


def verdict(event: Mapping[str, Any], rules: Sequence[Rule] | None, settings: Mapping[str, Any] | None) -> Verdict:
    """What the plan and the settings do with an event that Segment takes.

    Args:
        event: valid on ingest.
        rules: all rules of the plan; None where no plan governs the source.
        settings: as listSchemaSettingsInSource has them under `settings`; None where none are set. Where they could
            not be read, the violations are right and the outcome is not.
    """
    if rules is None:
        return Verdict("passes", None, (), None, (), "No tracking plan governs this source, so nothing is checked.")
    event = {**_ADDED, **event}
    kind = str(event.get("type"))
    controls, members = _controls(settings, kind), _MEMBERS.get(kind)
    rule = rule_for(rules, kind, _name_of(event), _version_of(event))
    common = rule_for(rules, "common", None)
    own, unread = _apply(rule, event)
    refused = _refused(kind, rule, own, controls)
    omitted = [] if refused or members is None else list(_omitted_first(event, members, rule, own, controls))
    also, unread_common = _apply(common, _without(event, omitted))
    if members is not None and _on_common(controls).startswith(_OMIT):
        omitted += _offending(also, members)
    found = Verdict(
        "passes",
        rule is not None if kind in {*_MEMBERS, *VIEWED} else None,
        (*_violations(rule, own), *_violations(common, also)),
        None,
        (),
        "",
        None if rule is None else describe(rule),
        tuple(one for one in (unread, unread_common) if one is not None),
    )
    code = _code(refused, also, controls)
    if code is not None:
        return replace(found, outcome=_blocked(settings), code=code, because=_BLOCKED[code])
    fields = tuple(dict.fromkeys(Breach(path, "").field for path in omitted))
    if fields:
        because = f"The source's settings leave out what the plan does not allow: {_several(fields)}."
        return replace(found, outcome="omitted", omitted=fields, because=because)
    return replace(found, because=_passing(found, kind))


def rule_for(rules: Sequence[Rule], kind: str, name: str | None, version: int | None = None) -> Rule | None:
    """The rule that is about an event; None where the plan has none.

    Args:
        rules: of one plan.
        kind: `track`, `identify`, `group`, `page`, `screen`, or `common`.
        name: of a track event, a page or a screen. Case and spaces count.
        version: the wanted one; where it is missing, or the rule does not have it, it is the oldest.
    """
    found = _candidates(rules, kind, name)
    if not found:
        return None
    wanted = [rule for rule in found if version is not None and rule.get("version") == version]
    return wanted[0] if wanted else min(found, key=_age)


def describe(rule: Rule) -> str:
    """A rule in few words: `TRACK Order Completed v1`, `IDENTIFY`."""
    kind, key, version = clean(str(rule.get("type")), 20), rule.get("key"), rule.get("version")
    if not key:
        return kind
    return f"{kind} {clean(str(key), 80)}" + (f" v{version:g}" if isinstance(version, int | float) else "")


def lets_everything_through(settings: Mapping[str, Any] | None) -> bool:
    """Whether the settings block and omit nothing at all, whatever the plan says."""
    return not any(_holds_back(_controls(settings, kind)) for kind in _MEMBERS)


def blocks(settings: Mapping[str, Any] | None) -> bool:
    """Whether the settings block some events."""
    track = _controls(settings, "track")
    refuses = track.get("allowUnplannedEvents") is False or track.get("allowEventOnViolations") is False
    return refuses or any(_on_common(_controls(settings, kind)) == _BLOCK for kind in _MEMBERS)


def loses_blocked(settings: Mapping[str, Any] | None) -> bool:
    """Whether the settings block some events, and forward none of them: they are gone for good."""
    return blocks(settings) and forwarded_to(settings) is None


def forwarded_to(settings: Mapping[str, Any] | None) -> str | None:
    """The ID of the source to which blocked events go; None where they go nowhere."""
    target = (settings or {}).get("forwardingBlockedEventsTo")
    return target if isinstance(target, str) and target else None


def _blocked(settings: Mapping[str, Any] | None) -> Outcome:
    return "blocked_lost" if forwarded_to(settings) is None else "blocked_forwarded"


def _controls(settings: Mapping[str, Any] | None, kind: str) -> Mapping[str, Any]:
    controls = (settings or {}).get(kind)
    return controls if kind in _MEMBERS and isinstance(controls, Mapping) else {}


def _on_common(controls: Mapping[str, Any]) -> str:
    """ALLOW, BLOCK, or what omits; the documentation's own example has other letters."""
    return str(controls.get("commonEventOnViolations") or _ALLOW).upper()


def _holds_back(controls: Mapping[str, Any]) -> bool:
    return any(value is False for value in controls.values()) or _on_common(controls) != _ALLOW


def _name_of(event: Mapping[str, Any]) -> str | None:
    name = event.get("event" if event.get("type") == "track" else "name")
    return name if isinstance(name, str) else None


def _version_of(event: Mapping[str, Any]) -> int | None:
    context = event.get("context")
    protocols = context.get("protocols") if isinstance(context, Mapping) else None
    version = protocols.get("event_version") if isinstance(protocols, Mapping) else None
    return version if isinstance(version, int) and not isinstance(version, bool) else None


def _candidates(rules: Sequence[Rule], kind: str, name: str | None) -> list[Rule]:
    of_kind = [rule for rule in rules if rule.get("type") == kind.upper()]
    if kind == "track":
        return [rule for rule in of_kind if rule.get("key") == name]
    if kind in VIEWED:
        named = [rule for rule in of_kind if name is not None and rule.get("key") == name]
        return named or [rule for rule in of_kind if not rule.get("key")] or _candidates(rules, "track", VIEWED[kind])
    return of_kind


def _age(rule: Rule) -> float:
    version = rule.get("version")
    return float(version) if isinstance(version, int | float) else 0.0


def _apply(rule: Rule | None, event: Mapping[str, Any]) -> tuple[Sequence[Breach], str | None]:
    """How an event breaks a rule; and the rule and why, if it could not be applied."""
    if rule is None:
        return (), None
    checked = check(rule.get("jsonSchema"), event)
    return checked.breaches, None if checked.unread is None else f"{describe(rule)}: {checked.unread}"


def _violations(rule: Rule | None, breaches: Sequence[Breach]) -> Iterator[Violation]:
    if rule is not None:
        yield from (Violation(describe(rule), breach.field, breach.message) for breach in breaches)


def _omitted_first(
    event: Mapping[str, Any], part: str, rule: Rule | None, breaches: Sequence[Breach], controls: Mapping[str, Any]
) -> Iterator[tuple[str | int, ...]]:
    """The paths that the standard controls leave out."""
    members = event.get(part)
    if controls.get(
        "allowUnplannedEventProperties" if part == "properties" else "allowUnplannedTraits"
    ) is False and isinstance(members, Mapping):
        schema = {} if rule is None else rule.get("jsonSchema")
        yield from ((part, name) for name in unplanned(schema, part, members))
    if controls.get("allowPropertiesOnViolations" if part == "properties" else "allowTraitsOnViolations") is False:
        yield from _offending(breaches, part)


def _offending(breaches: Sequence[Breach], part: str) -> list[tuple[str | int, ...]]:
    """The members that break a rule. Within an array it is the array: an item is no property."""
    found = []
    for breach in breaches:
        names = tuple(breach.path)
        index = next((at for at, name in enumerate(names) if isinstance(name, int)), len(names))
        if breach.present and len(names) > 1 and names[0] == part:
            found.append(names[:index])
    return found


def _without(event: Mapping[str, Any], paths: Sequence[tuple[str | int, ...]]) -> dict[str, Any]:
    left = dict(event)
    for path in paths:
        left = _less(left, path)
    return left


def _less(value: Mapping[str, Any], path: Sequence[str | int]) -> dict[str, Any]:
    name, rest = str(path[0]), path[1:]
    if not rest:
        return {key: member for key, member in value.items() if key != name}
    below = value.get(name)
    return {**value, name: _less(below, rest)} if isinstance(below, Mapping) else dict(value)


def _refused(kind: str, rule: Rule | None, own: Sequence[Breach], controls: Mapping[str, Any]) -> Code | None:
    """Why the standard controls block an event; they block track events only."""
    if kind != "track":
        return None
    if rule is None:
        return "unplanned" if controls.get("allowUnplannedEvents") is False else None
    return "schema_violation" if own and controls.get("allowEventOnViolations") is False else None


def _code(refused: Code | None, also: Sequence[Breach], controls: Mapping[str, Any]) -> Code | None:
    if refused is not None:
        return "unplanned_and_schema_violation" if refused == "unplanned" and also else refused
    return "common_schema_violation" if also and _on_common(controls) == _BLOCK else None


_UNPLANNED = "No rule of the plan has this event's name, and the source's settings block unplanned events"
_BLOCKED: Mapping[Code, str] = {
    "unplanned": f"{_UNPLANNED}.",
    "unplanned_and_schema_violation": f"{_UNPLANNED}; it breaks the common JSON schema too.",
    "schema_violation": "The event breaks its rule, and the source's settings block such events.",
    "common_schema_violation": (
        "The event breaks the plan's common JSON schema, and the source's settings block such events."
    ),
}


def _passing(found: Verdict, kind: str) -> str:
    if found.violations:
        return "The event breaks the plan, and the source's settings let it pass all the same."
    if found.planned is None:
        return f"A plan has no rules for {kind} calls, and its common JSON schema has nothing against this one."
    if not found.planned:
        return "No rule of the plan is about this event, and the source's settings let it pass all the same."
    return "The event is as the plan says."


def _several(fields: Sequence[str]) -> str:
    more = len(fields) - _FIELDS_SHOWN
    shown = ", ".join(fields[:_FIELDS_SHOWN])
    return f"{shown} and {more} more" if more > 0 else shown
