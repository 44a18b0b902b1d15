"""What a source's tracking plan and schema settings do with a message: let it pass, omit some of it, or block it.

Facts are of Segment's docs (protocols/enforce/schema-configuration and forward-blocked-events, protocols/faq, the table
of discard reasons in connections/delivery-overview) and of the reference's schema settings:

- the standard controls come first: unplanned events, unplanned properties, and what breaks the rule; what is left goes
  on to the COMMON rule and its own control (`commonEventOnViolations`)
- track, identify and group have controls; page, screen and alias have none, and always pass
- omitted names stand in `context.protocols`, with the violations; a copy of those is at `context.violations`
- without a tracking plan nothing is planned and nothing is governed. `event_setting` is for switches of single events,
  which the app has and the Public API has not: nothing here ends with it

Choices of ours where the docs are silent: an event, or an identify or group call, without a rule has nothing but
unplanned properties; only names directly below `properties` and `traits` are planned or not; what breaks a rule further
down takes its topmost property with it when it is omitted, and what is missing takes nothing; COMMON plans no names;
an unplanned event that is blocked, and breaks the COMMON rule, is `unplanned_and_schema_violation`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Literal

from segment_mcp.sandbox.rules import Check, Finding, Rules, Violation

UNPLANNED: Final = "unplanned"
VIOLATION: Final = "schema_violation"
UNPLANNED_VIOLATION: Final = "unplanned_and_schema_violation"
COMMON_VIOLATION: Final = "common_schema_violation"

PARTS: Mapping[str, str] = MappingProxyType(
    {"track": "properties", "page": "properties", "screen": "properties", "identify": "traits", "group": "traits"}
)
"""Where a message of each type has what a plan has names for."""

Message = Mapping[str, Any]
Common = Literal["ALLOW", "BLOCK", "OMIT"]


@dataclass(frozen=True, slots=True)
class Controls:
    """What is not let through, of messages of one type."""

    unplanned: bool = False
    unplanned_names: bool = False
    violating: bool = False
    violating_names: bool = False
    common: Common = "ALLOW"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of a message.

    Attributes:
        message: as it goes on, or as it was blocked.
        blocked: Segment's code for why it goes no further; None if it passes.
        violations: what it breaks.
    """

    message: Message
    blocked: str | None
    violations: tuple[Violation, ...]


@dataclass(frozen=True, slots=True)
class Governor:
    """What governs one source."""

    source_id: str
    rules: Rules
    controls: Mapping[str, Controls]

    def judge(self, message: Message) -> Verdict:
        """What becomes of a message with all that Segment puts into it, such as `messageId`."""
        kind = message["type"]
        part, controls = PARTS.get(kind, ""), self.controls.get(kind, Controls())
        rule, common = self.rules.of(message), self.rules.common()
        findings = rule.findings(message) if rule else ()
        code = None
        if rule is None and controls.unplanned:
            code = UNPLANNED_VIOLATION if common and common.findings(message) else UNPLANNED
        elif findings and controls.violating:
            code = VIOLATION
        if code:
            return self._verdict(message, code, findings, (), ())
        unplanned = _unplanned(rule, message, part) if controls.unplanned_names else ()
        violating = _offending(findings, part) if controls.violating_names else ()
        left = _without(message, part, {*unplanned, *violating})
        shared = common.findings(left) if common else ()
        if shared and controls.common == "BLOCK":
            return self._verdict(left, COMMON_VIOLATION, (*findings, *shared), unplanned, violating)
        if controls.common == "OMIT":
            violating = tuple(dict.fromkeys((*violating, *_offending(shared, part))))
            left = _without(left, part, set(violating))
        return self._verdict(left, None, (*findings, *shared), unplanned, violating)

    def _verdict(
        self,
        message: Message,
        code: str | None,
        findings: Iterable[Finding],
        unplanned: Iterable[str],
        violating: Iterable[str],
    ) -> Verdict:
        violations = tuple(dict.fromkeys(finding.violation for finding in findings))
        told: dict[str, list[Any]] = {
            "omitted": list(unplanned),
            "omitted_on_violation": list(violating),
            "violations": [violation._asdict() for violation in violations],
        }
        return Verdict(_with_protocols(message, self.source_id, told), code, violations)


def controls_of(settings: Mapping[str, Any]) -> Mapping[str, Controls]:
    """The controls that a source's schema settings mean, by type of message; what they leave out is allowed."""
    track = settings.get("track", {})
    return {
        "track": Controls(
            unplanned=not track.get("allowUnplannedEvents", True),
            unplanned_names=not track.get("allowUnplannedEventProperties", True),
            violating=not track.get("allowEventOnViolations", True),
            violating_names=not track.get("allowPropertiesOnViolations", True),
            common=_common(track),
        ),
        **{kind: _of_traits(settings.get(kind, {})) for kind in ("identify", "group")},
    }


def _of_traits(settings: Mapping[str, Any]) -> Controls:
    return Controls(
        unplanned_names=not settings.get("allowUnplannedTraits", True),
        violating_names=not settings.get("allowTraitsOnViolations", True),
        common=_common(settings),
    )


def _common(settings: Mapping[str, Any]) -> Common:
    match settings.get("commonEventOnViolations"):
        case "BLOCK":
            return "BLOCK"
        case "OMIT_PROPERTIES" | "OMIT_TRAITS":
            return "OMIT"
        case _:
            return "ALLOW"


def _unplanned(rule: Check | None, message: Message, part: str) -> tuple[str, ...]:
    names = message.get(part)
    return tuple(name for name in names if not (rule and rule.plans(part, name))) if isinstance(names, dict) else ()


def _offending(findings: Iterable[Finding], part: str) -> tuple[str, ...]:
    """The names directly below a part that something is wrong with."""
    paths = (finding.path[:-1] if finding.missing else finding.path for finding in findings)
    return tuple(dict.fromkeys(path[1] for path in paths if len(path) > 1 and path[0] == part))


def _without(message: Message, part: str, names: set[str]) -> Message:
    fields = message.get(part)
    if not names or not isinstance(fields, dict):
        return message
    return {**message, part: {name: value for name, value in fields.items() if name not in names}}


def _with_protocols(message: Message, source_id: str, told: Mapping[str, list[Any]]) -> Message:
    """The message with what happened to it; as it is if nothing did, or if its context is no object."""
    context = message.get("context") or {}
    if not any(told.values()) or not isinstance(context, dict):
        return message
    own = context.get("protocols")
    protocols = {**(own if isinstance(own, dict) else {}), "sourceId": source_id, **told}
    return {**message, "context": {**context, "protocols": protocols, "violations": told["violations"]}}
