"""What Segment would do with an event: its ingest rules, then the tracking plan of its source and its schema settings.

`outcome` in the answer is an `Outcome`.
"""

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

import anyio

from segment_mcp.events import checks, wire
from segment_mcp.events.advice import advice_on
from segment_mcp.ports import Data
from segment_mcp.questions import governance
from segment_mcp.questions.governance import Verdict, Violation
from segment_mcp.questions.reading import Gap, Listed, Reading, called
from segment_mcp.redact import clean

Outcome = Literal[
    "fails_on_ingest", "passes", "passes_with_violations", "omitted", "blocked_forwarded", "blocked_lost", "unknown"
]
"""What Segment would do with the event; `unknown` where what decides it could not be read."""
MOST_LISTED = 30
"""Violations, fields or problems in an answer; more are counted."""
MOST_NEAR = 3
"""Names in a row of a sentence."""

STRICTEST: Mapping[str, Any] = MappingProxyType(
    {
        "track": {
            "allowUnplannedEvents": False,
            "allowUnplannedEventProperties": False,
            "allowEventOnViolations": False,
            "allowPropertiesOnViolations": False,
            "commonEventOnViolations": "BLOCK",
        },
        **{
            kind: {
                "allowUnplannedTraits": False,
                "allowTraitsOnViolations": False,
                "commonEventOnViolations": "BLOCK",
            }
            for kind in ("identify", "group")
        },
    }
)
"""Settings under which an event that passes would pass under any."""

_NOT_LETTERS = re.compile(r"[\W_]+")
_ALIKE = 0.85
_CLOUD_MODE_ONLY = (
    "Device-mode destinations get the event whole all the same: Segment omits members, and blocks by JSON schema, for"
    " cloud-mode destinations only."
)
_SAID: Mapping[str, str] = MappingProxyType(
    {
        "passes": "Segment would take this event and let it pass",
        "passes_with_violations": "Segment would take this event and let it pass, though it breaks the tracking plan",
        "omitted": "Segment would take this event and leave out {fields}",
        "blocked_forwarded": "Segment would block this event ({code}) and forward it to {target}",
        "blocked_lost": "Segment would block this event ({code}), and it would be lost",
        "unknown": "Segment would take this event; whether it then passes its tracking plan is unknown",
    }
)


@dataclass(slots=True)
class _Read:
    """What was read about the source's plan."""

    plan: Data | None = None
    rules: Listed | None = None
    settings: Data | None = None
    has_settings: bool = False


@dataclass(slots=True)
class _Judged:
    """What becomes of the event once Segment took it.

    Attributes:
        outcome: an `Outcome`.
        verdict: None where rules could not be read.
    """

    outcome: Outcome
    because: str
    verdict: Verdict | None = None
    forwarded_to: Data | None = None
    warnings: list[Data] = field(default_factory=list)


async def ask(reading: Reading, *, source_id: str, event: dict[str, Any]) -> Data:
    """Tell what becomes of an event of this source.

    Args:
        reading: the question's.
        source_id: the event's source.
        event: as it would be sent, with its `type`.

    Raises:
        SegmentMcpError: the source could not be read.
    """
    found = await reading.need("getSource", {"sourceId": source_id})
    source, plan_id = found["source"], found.get("trackingPlanId")
    problems = [*checks.problems_of(event), *wire.encode(event)[1]]
    warnings = [] if problems else _advice(event, reading)
    read = await _plan(reading, source_id, plan_id) if plan_id else _Read()
    judged = await _judge(reading, event, read, governed=bool(plan_id))
    if not source.get("enabled", True):
        problems.append(checks.Problem("source_disabled", "", "The source is disabled: Segment drops what it gets"))
        warnings.append({"code": "source_disabled", "message": "Enable the source before it is to receive anything."})
    if not plan_id:
        reading.note(
            Gap("", "no_api", "No operation tells which events are switched off in a source's schema (event_setting).")
        )
    outcome = "fails_on_ingest" if problems else judged.outcome
    body = {
        "outcome": outcome,
        **({"otherwise": judged.outcome} if problems else {}),
        "because": _drops(problems) if problems else judged.because,
        "source": {"id": source_id, "name": called(source), "enabled": bool(source.get("enabled", True))},
        "trackingPlan": _shown_plan(plan_id, read),
        "problems": _limited([_shown_problem(problem) for problem in problems]),
        **_shown_verdict(judged),
        "warnings": [*warnings, *judged.warnings],
    }
    summary = _summary(outcome, judged, problems, called(source), governed=bool(plan_id))
    return reading.answer(summary, {name: value for name, value in body.items() if value is not None})


async def _plan(reading: Reading, source_id: str, plan_id: str) -> _Read:
    read = _Read()

    async def plan() -> None:
        answer = await reading.call("getTrackingPlan", {"trackingPlanId": plan_id})
        read.plan = None if answer is None else answer["trackingPlan"]

    async def rules() -> None:
        read.rules = await reading.list("listRulesFromTrackingPlan", {"trackingPlanId": plan_id})

    async def settings() -> None:
        answer = await reading.call("listSchemaSettingsInSource", {"sourceId": source_id})
        read.has_settings = answer is not None
        read.settings = None if answer is None else answer["settings"]

    async with anyio.create_task_group() as group:
        for each in (plan, rules, settings):
            group.start_soon(each)
    return read


async def _judge(reading: Reading, event: Any, read: _Read, *, governed: bool) -> _Judged:
    if event.get("type") not in checks.KINDS:
        return _Judged("unknown", "Without a type there is no telling which rules are about the event.")
    if governed and read.plan is not None and read.plan.get("type", governance.LIVE) != governance.LIVE:
        judged = _of_verdict(governance.verdict(event, None, None))
        kind = clean(str(read.plan["type"]), 30)
        judged.warnings.append(
            {"code": "plan_not_live", "message": f"The source's plan is of type {kind}, and only LIVE plans govern."}
        )
        return judged
    if not governed:
        return _of_verdict(governance.verdict(event, None, None))
    if read.rules is None or not read.rules.complete:
        return _Judged("unknown", "Not all rules of the source's tracking plan could be read.")
    judged = _under(event, read.rules.items, read)
    if judged.verdict is not None and judged.verdict.planned is False:
        judged.warnings += _unplanned(event, read.rules.items)
    if judged.outcome == "blocked_forwarded":
        await _follow(reading, judged, str(governance.forwarded_to(read.settings)))
    return judged


def _under(event: Mapping[str, Any], rules: Sequence[Data], read: _Read) -> _Judged:
    """What the plan does with the event, as far as its settings are known."""
    judged = _of_verdict(governance.verdict(event, rules, read.settings))
    strictest = _of_verdict(governance.verdict(event, rules, STRICTEST))
    if read.has_settings or judged.outcome == strictest.outcome:
        return judged
    return _Judged(
        "unknown", "The source's schema settings could not be read, and here they make the difference.", judged.verdict
    )


def _of_verdict(verdict: Verdict) -> _Judged:
    if not verdict.certain:
        return _Judged("unknown", "A rule that is about this event can't be applied here.", verdict)
    outcome: Outcome = verdict.outcome
    if outcome == "passes" and verdict.violations:
        outcome = "passes_with_violations"
    judged = _Judged(outcome, verdict.because, verdict)
    if outcome == "omitted" or verdict.code in {"schema_violation", "common_schema_violation"}:
        judged.warnings.append({"code": "cloud_mode_only", "message": _CLOUD_MODE_ONLY})
    return judged


async def _follow(reading: Reading, judged: _Judged, target_id: str) -> None:
    """See whether the source to which blocked events go would take them."""
    judged.forwarded_to = {"id": target_id}
    answer = await reading.call("getSource", {"sourceId": target_id})
    if answer is None:
        return
    target = answer["source"]
    judged.forwarded_to["name"] = called(target)
    if not target.get("enabled", True):
        judged.forwarded_to["enabled"] = False
        judged.warnings.append(
            {
                "code": "forwarded_to_disabled",
                "message": "The source that gets blocked events is disabled: it drops them.",
            }
        )


def _unplanned(event: Mapping[str, Any], rules: Sequence[Data]) -> list[Data]:
    near = near_names(str(event.get("event", "")), rules) if event.get("type") == "track" else []
    if not near:
        return []
    names = ", ".join(f'"{name}"' for name in near)
    return [{"code": "near_name", "message": f"The plan has {names}: names count with case and spaces.", "near": near}]


def near_names(name: str, rules: Sequence[Mapping[str, Any]]) -> list[str]:
    """Planned track events whose names differ from this one by case, spacing or a letter or two; the nearest first."""
    keys = dict.fromkeys(str(rule["key"]) for rule in rules if rule.get("type") == "TRACK" and rule.get("key"))
    plain: dict[str, list[str]] = {}
    for key in keys:
        plain.setdefault(_plain(key), []).append(key)
    matches = difflib.get_close_matches(_plain(name), plain, n=MOST_NEAR, cutoff=_ALIKE)
    return [clean(key, 80) for match in matches for key in plain[match] if key != name][:MOST_NEAR]


def _plain(name: str) -> str:
    return _NOT_LETTERS.sub("", name[:200]).casefold()


def _advice(event: Mapping[str, Any], reading: Reading) -> list[Data]:
    return [_shown_problem(one) for one in advice_on(event, reading.timing.now())][:MOST_LISTED]


def _shown_problem(problem: checks.Problem) -> Data:
    where = clean(problem.field, 100)
    return {
        "code": problem.code,
        **({"field": where} if where else {}),
        "message": f"{where} {problem.message}".strip(),
    }


def _shown_violation(violation: Violation) -> Data:
    return {"rule": violation.rule, "field": violation.field, "message": violation.message}


def _shown_plan(plan_id: str | None, read: _Read) -> Data | None:
    if not plan_id:
        return None
    rules = {} if read.rules is None or not read.rules.complete else {"rules": len(read.rules.items)}
    return {"id": plan_id, **({} if read.plan is None else {"name": called(read.plan)}), **rules}


def _shown_verdict(judged: _Judged) -> Data:
    verdict = judged.verdict
    if verdict is None:
        return {}
    return {
        "planned": verdict.planned,
        "rule": verdict.rule,
        "code": verdict.code if judged.outcome.startswith("blocked") else None,
        "violations": _limited([_shown_violation(one) for one in verdict.violations]),
        "omitted": _limited(list(verdict.omitted)) if judged.outcome == "omitted" else None,
        "forwardedTo": judged.forwarded_to,
        "notApplied": list(verdict.unread) or None,
    }


def _limited(items: Sequence[Any]) -> list[Any] | None:
    if not items:
        return None
    more = len(items) - MOST_LISTED
    return [*items[:MOST_LISTED], {"more": more}] if more > 0 else list(items)


def _drops(problems: Sequence[checks.Problem]) -> str:
    codes = ", ".join(dict.fromkeys(problem.code for problem in problems))
    return f"Segment answers 200 and then drops it: {codes}."


def _summary(
    outcome: Outcome, judged: _Judged, problems: Sequence[checks.Problem], source: str, *, governed: bool
) -> str:
    if problems:
        found = "one problem" if len(problems) == 1 else f"{len(problems)} problems"
        first = _shown_problem(problems[0])
        return (
            f"Segment would drop this event of {source} on ingest, for {found}: {first['message']} ({first['code']})."
        )
    verdict = judged.verdict
    target = judged.forwarded_to or {}
    fields = _few([] if verdict is None else verdict.omitted)
    said = _SAID[outcome].format(
        fields=fields, code=None if verdict is None else verdict.code, target=target.get("name") or target.get("id")
    )
    parts = [f"{said}.", judged.because if governed or outcome != "passes" else f"No tracking plan governs {source}."]
    if verdict is not None and verdict.violations:
        first_broken = verdict.violations[0]
        parts.append(
            f"Violations: {len(verdict.violations)}, the first of {first_broken.field}, which {first_broken.message}."
        )
    return " ".join(parts)


def _few(fields: Sequence[str]) -> str:
    more = len(fields) - MOST_NEAR
    shown = ", ".join(fields[:MOST_NEAR])
    return f"{shown} and {more} more" if more > 0 else shown
