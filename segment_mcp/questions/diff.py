"""What would change if a tracking plan became like another, or like proposed rules; and the calls that get there.

A rule is known by its type, key and version. The calls write what is new or different and remove what is gone, at most
200 rules each (protocols/faq); they never replace a plan's rules, so what stays keeps its history.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import islice
from typing import Any
from urllib.parse import quote

import anyio.lowlevel

from segment_mcp.errors import InvalidArguments
from segment_mcp.operations import get
from segment_mcp.operations.arguments import problems_of
from segment_mcp.ports import Data
from segment_mcp.questions import conformance, counters, governance
from segment_mcp.questions.counters import Counted, Row, Window
from segment_mcp.questions.governance import describe
from segment_mcp.questions.reading import Reading, called
from segment_mcp.questions.rule_changes import Change, Effect, changes, same, together
from segment_mcp.redact import clean

DAYS = 7
"""Within which events count as seen lately."""
MOST_RULES = 200
"""Rules that one request may name."""
MOST_IN_PLAN = 2_000
"""Rules that a plan may have (Segment's Terraform provider, 1.5.0)."""
LONGEST_QUERY = 6_000
"""Characters of one removal's rules, which stand in its URL."""
MOST_LISTED = 30
"""Rules or events in one list of the answer; more are counted."""
MOST_CHANGES = 15
"""Changes of one rule; more are counted."""
MOST_PROBLEMS = 20
MOST_SOURCES = 50
"""Sources of the plan whose schema settings are read."""

UPDATE, REMOVE = "updateRulesInTrackingPlan", "removeRulesFromTrackingPlan"

_SEGMENTS_OWN = frozenset({"createdAt", "updatedAt", "deprecatedAt"})
_EFFECTS: Mapping[Effect, str] = {
    "stricter": "is checked more strictly",
    "looser": "is checked less strictly",
    "either": "is checked differently",
    "neither": "is checked as before",
}

Rule = Mapping[str, Any]
_Key = tuple[str, str, float]


@dataclass(frozen=True, slots=True)
class _Diff:
    """Two sets of rules, compared; each rule as it is written."""

    added: Sequence[Rule]
    removed: Sequence[Rule]
    changed: Sequence[tuple[Rule, Sequence[Change]]]
    before: Sequence[Rule]
    after: Sequence[Rule]


@dataclass(slots=True)
class _Lately:
    """What the plan's sources sent lately, and what their settings block.

    Attributes:
        sources: how many the plan has; None where that could not be read.
        counted: by source, event name and type; None where events volume could not be read.
        unplanned: sources that block unplanned events.
        violations: sources that block events that break their rule.
        settings_known: whether all sources' settings could be read.
        own_rules: `PAGE` and `SCREEN`, if some such calls have rules of their own, and not a track event's.
    """

    sources: int | None = None
    counted: Counted | None = None
    unplanned: set[str] = field(default_factory=set)
    violations: set[str] = field(default_factory=set)
    settings_known: bool = False
    own_rules: set[str] = field(default_factory=set)


async def ask(
    reading: Reading, *, tracking_plan_id: str, other_plan_id: str | None, rules: list[dict[str, Any]] | None
) -> Data:
    """Compare a plan with another one, or with proposed rules.

    Args:
        reading: the question's.
        tracking_plan_id: the plan that would change.
        other_plan_id: the plan that it would become like.
        rules: or all rules that it would have.

    Raises:
        InvalidArguments: a proposed rule is not valid; the problems name its index and field.
        SegmentMcpError: a plan or its rules could not be read.
    """
    proposed = await _proposed(rules or [])
    found = (await reading.need("getTrackingPlan", {"trackingPlanId": tracking_plan_id}))["trackingPlan"]
    current = await reading.everything("listRulesFromTrackingPlan", {"trackingPlanId": tracking_plan_id})
    target, complete, becomes = proposed, current.complete, "the proposed rules"
    plan = {"id": tracking_plan_id, "name": called(found), "type": found.get("type")}
    body: Data = {"trackingPlan": plan}
    if other_plan_id is not None:
        other = (await reading.need("getTrackingPlan", {"trackingPlanId": other_plan_id}))["trackingPlan"]
        listed = await reading.everything("listRulesFromTrackingPlan", {"trackingPlanId": other_plan_id})
        target, complete = [written(rule) for rule in listed.items], complete and listed.complete
        becomes = called(other)
        body["otherPlan"] = {"id": other_plan_id, "name": becomes}
    if not complete:
        summary = f"Not all rules could be read, so what changes from {called(found)} to {becomes} is unknown."
        return reading.answer(summary, body)
    diff = compare([written(rule) for rule in current.items], target)
    lately = await _lately(reading, found, tracking_plan_id)
    lately.own_rules = {
        kind for kind, _ in map(_about, (*diff.before, *diff.after)) if kind.lower() in governance.VIEWED
    }
    effects = list(_effects(diff, lately))
    calls = calls_of(tracking_plan_id, diff.added, [rule for rule, _ in diff.changed], diff.removed)
    body |= {
        "counts": {
            "added": len(diff.added),
            "changed": len(diff.changed),
            "removed": len(diff.removed),
            "unchanged": len(diff.before) - len(diff.changed) - len(diff.removed),
        },
        "added": _limited([describe(rule) for rule in diff.added]),
        "changed": _limited([_shown(rule, of_rule) for rule, of_rule in diff.changed]),
        "removed": _limited([describe(rule) for rule in diff.removed]),
        "effects": {
            "days": DAYS,
            "sources": lately.sources,
            "settingsKnown": lately.settings_known,
            "events": _limited(effects),
        },
        "calls": calls,
    }
    return reading.answer(_summary(body, effects, becomes), body)


def written(rule: Rule) -> dict[str, Any]:
    """A rule as it is written: without what is Segment's own, and without an empty key."""
    own = {name: value for name, value in rule.items() if name not in _SEGMENTS_OWN}
    return {name: value for name, value in own.items() if name != "key" or value}


def compare(before: Sequence[Rule], after: Sequence[Rule]) -> _Diff:
    """What is to be added, removed and changed, in the order of their sets."""
    old, new = {_key(rule): rule for rule in before}, {_key(rule): rule for rule in after}
    return _Diff(
        [rule for key, rule in new.items() if key not in old],
        [rule for key, rule in old.items() if key not in new],
        [
            (rule, changes(old[key].get("jsonSchema"), rule.get("jsonSchema")))
            for key, rule in new.items()
            if key in old and not same(old[key].get("jsonSchema"), rule.get("jsonSchema"))
        ],
        list(old.values()),
        list(new.values()),
    )


def calls_of(plan_id: str, added: Sequence[Rule], changed: Sequence[Rule], removed: Sequence[Rule]) -> list[Data]:
    """The calls that make one set of rules of another: `[{operation, arguments, problems?}]`.

    Updates come first, so that no event is without a rule in between that has one before and after. `problems` are
    those of the arguments, where what a plan has does not fit what Segment takes.
    """
    upserts = [*changed, *added]
    chunks = [upserts[start : start + MOST_RULES] for start in range(0, len(upserts), MOST_RULES)]
    calls = [(UPDATE, chunk) for chunk in chunks]
    calls += [(REMOVE, chunk) for chunk in _removals([_named(rule) for rule in removed])]
    found = []
    for operation, rules in calls:
        arguments = {"trackingPlanId": plan_id, "rules": rules}
        problems = problems_of(get(operation), arguments)
        call = {"operation": operation, "arguments": arguments}
        found.append({**call, "problems": problems} if problems else call)
    return found


def _removals(rules: Sequence[Rule]) -> Iterator[list[Rule]]:
    chunk: list[Rule] = []
    length = 0
    for rule in rules:
        added = sum(len(quote(str(value), safe="")) + 20 for value in rule.values())
        if chunk and (len(chunk) == MOST_RULES or length + added > LONGEST_QUERY):
            yield chunk
            chunk, length = [], 0
        chunk.append(rule)
        length += added
    if chunk:
        yield chunk


def _named(rule: Rule) -> Rule:
    return {name: rule[name] for name in ("type", "key", "version") if name in rule}


def _key(rule: Rule) -> _Key:
    return str(rule.get("type")), str(rule.get("key") or ""), rule.get("version", 1)


async def _proposed(rules: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The rules as they are written.

    Raises:
        InvalidArguments: at most `MOST_PROBLEMS` problems.
    """
    if len(rules) > MOST_IN_PLAN:
        raise InvalidArguments([{"field": "rules", "message": f"must have at most {MOST_IN_PLAN} items"}])
    own = [written(rule) for rule in rules]
    problems = problems_of(get("replaceRulesInTrackingPlan"), {"trackingPlanId": "tp", "rules": own})
    if not problems:
        problems = list(islice(_beyond_shape(own), MOST_PROBLEMS))
    for index, rule in enumerate(own):
        if len(problems) >= MOST_PROBLEMS or "jsonSchema" not in rule:
            continue
        problem = conformance.problem_of(rule["jsonSchema"])
        if problem is not None:
            problems.append({"field": f"rules.{index}.jsonSchema", "message": f"is not usable: {problem}"})
        await anyio.lowlevel.checkpoint()
    if problems:
        raise InvalidArguments(problems)
    return own


def _beyond_shape(rules: Sequence[Rule]) -> Iterator[dict[str, str]]:
    """What is wrong with rules that are well formed: two that are the same, and events without a name."""
    first: dict[_Key, int] = {}
    for index, rule in enumerate(rules):
        if rule["type"] == "TRACK" and "key" not in rule:
            yield {"field": f"rules.{index}.key", "message": "is required of a TRACK rule: the event's name"}
        if _key(rule) in first:
            same_as = first[_key(rule)]
            yield {"field": f"rules.{index}", "message": f"has the type, key and version of rules.{same_as}"}
        first.setdefault(_key(rule), index)


async def _lately(reading: Reading, plan: Data, plan_id: str) -> _Lately:
    lately = _Lately()
    if plan.get("type") != governance.LIVE:
        return lately
    listed = await reading.list("listSourcesFromTrackingPlan", {"trackingPlanId": plan_id})
    if listed is None or not listed.complete:
        return lately
    ids = sorted(str(source["id"]) for source in listed.items)
    lately.sources = len(ids)
    lately.settings_known = len(ids) <= MOST_SOURCES
    if not ids:
        return lately

    async def volume() -> None:
        now = reading.timing.now()
        window = Window(now - timedelta(days=DAYS), now, "DAY")
        by = ("source", "eventName", "eventType")
        lately.counted = await counters.volume(reading, window, by, {"sourceId": ids})

    async def settings() -> None:
        async def look(part: Reading, source_id: str) -> None:
            answer = await part.call("listSchemaSettingsInSource", {"sourceId": source_id})
            if answer is None:
                lately.settings_known = False
                return
            track = answer["settings"].get("track") or {}
            if track.get("allowUnplannedEvents") is False:
                lately.unplanned.add(source_id)
            if track.get("allowEventOnViolations") is False:
                lately.violations.add(source_id)

        looked = await reading.each(ids[:MOST_SOURCES], look, "Reading schema settings")
        lately.settings_known = lately.settings_known and not looked.left

    async with anyio.create_task_group() as group:
        group.start_soon(volume)
        group.start_soon(settings)
    return lately


def _effects(diff: _Diff, lately: _Lately) -> Iterator[Data]:
    """What the change does to events, those seen most first."""
    entries = [*_by_presence(diff, lately), *_by_change(diff, lately)]
    yield from sorted(entries, key=lambda entry: -(entry["events"] or 0))


def _by_presence(diff: _Diff, lately: _Lately) -> Iterator[Data]:
    """Events that lose or gain their only rule, or a version of it."""
    before, after = ({_about(rule) for rule in rules} for rules in (diff.before, diff.after))
    lost = dict.fromkeys(_about(rule) for rule in diff.removed)
    for about in lost:
        effect = "loses a version of its rule" if about in after else "loses its rule"
        yield _entry(about, effect, lately, lately.unplanned if about not in after else set())
    for about in dict.fromkeys(_about(rule) for rule in diff.added):
        if about not in lost:
            effect = "gains a version of its rule" if about in before else "gains a rule"
            yield _entry(about, effect, lately, set() if about in before else lately.violations, may=True)


def _by_change(diff: _Diff, lately: _Lately) -> Iterator[Data]:
    for rule, of_rule in diff.changed:
        effect = together(change.effect for change in of_rule)
        if effect != "neither":
            stricter = lately.violations if effect != "looser" else set()
            yield _entry(_about(rule), _EFFECTS[effect], lately, stricter, may=True)


def _about(rule: Rule) -> tuple[str, str]:
    return str(rule.get("type")), str(rule.get("key") or "")


def _entry(about: tuple[str, str], effect: str, lately: _Lately, blocking: set[str], *, may: bool = False) -> Data:
    kind, key = about
    rows = _seen(lately, kind, key)
    events = None if rows is None else sum(row.total for row in rows)
    blocked = sum(row.total for row in rows or () if row.by.get("sourceId") in blocking and _kind(row) == "TRACK")
    named = clean(key, 80) or ("every event" if kind == "COMMON" else f"{kind.lower()} calls")
    entry: Data = {"event": named, "type": kind, "events": events, "effect": effect}
    if rows is not None and lately.counted is not None and not lately.counted.complete:
        entry["atLeast"] = True
    if kind == "TRACK" and blocked:
        entry["mayBeBlocked" if may else "wouldBeBlocked"] = blocked
    return entry


def _seen(lately: _Lately, kind: str, key: str) -> list[Row] | None:
    """The events that a rule is about; None where counters don't tell: they don't name pages.

    A track rule may be about page or screen calls; about which ones is not told where others have rules of their own.
    That there is none among a part of the rows tells nothing.
    """
    if lately.counted is None or (kind in {"PAGE", "SCREEN"} and key):
        return None
    rows = [row for row in lately.counted.rows if row.total]
    found = [row for row in rows if kind == "COMMON" or (_kind(row) == kind and _is_named(row, kind, key))]
    views = [row for row in rows if kind == "TRACK" and governance.VIEWED.get(_kind(row).lower()) == key]
    if any(_kind(row) in lately.own_rules for row in views):
        return None
    found += views
    return found if found or lately.counted.complete else None


def _is_named(row: Row, kind: str, key: str) -> bool:
    return kind != "TRACK" or row.by.get("eventName") == key


def _kind(row: Row) -> str:
    return row.by.get("eventType", "").upper()


def _shown(rule: Rule, of_rule: Sequence[Change]) -> Data:
    shown = [
        {
            "field": change.field,
            "what": change.what,
            "effect": change.effect,
            **({} if change.before is None else {"before": change.before}),
            **({} if change.after is None else {"after": change.after}),
        }
        for change in of_rule[:MOST_CHANGES]
    ]
    more = len(of_rule) - MOST_CHANGES
    effect = together(change.effect for change in of_rule)
    return {"rule": describe(rule), "effect": effect, "changes": shown, **({"more": more} if more > 0 else {})}


def _limited(items: Sequence[Any]) -> list[Any]:
    more = len(items) - MOST_LISTED
    return [*items[:MOST_LISTED], {"more": more}] if more > 0 else list(items)


def _summary(body: Data, effects: Sequence[Data], becomes: str) -> str:
    plan, counts = body["trackingPlan"], body["counts"]
    if not body["calls"]:
        return f"{plan['name']} has the same rules as {becomes} already: nothing is to be called."
    calls = len(body["calls"])
    return (
        f"{plan['name']} differs from {becomes}: {counts['added']} rules to add, {counts['changed']} to change and"
        f" {counts['removed']} to remove, by {calls} {'call' if calls == 1 else 'calls'}. {_effect_said(body, effects)}"
    )


def _effect_said(body: Data, effects: Sequence[Data]) -> str:
    if body["trackingPlan"]["type"] != governance.LIVE:
        return "The plan is not LIVE, so it governs no source."
    if body["effects"]["sources"] == 0:
        return "No source has this plan, so no event is affected."
    known = [entry for entry in effects if entry["events"]]
    if not known:
        unknown = any(entry["events"] is None for entry in effects)
        return (
            "How many events that affects is unknown." if unknown else f"No event of the last {DAYS} days is affected."
        )
    first = known[0]
    count = f"{'at least ' if first.get('atLeast') else ''}{first['events']:,}"
    said = f"{first['event']}, {count} events in {DAYS} days, {first['effect']}"
    others = f", and {len(known) - 1} more that were seen" if len(known) > 1 else ""
    return f"Affected most: {said}{others}."
