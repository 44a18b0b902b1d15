"""Which sources no tracking plan governs, or one that does nothing; which blocked events are lost; plan against events.

Only plans of type LIVE govern sources, and a source has at most one. Whether a planned event was ever seen is a matter
of all sources of its plan; whether an event is planned, of its own source.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from math import ceil
from typing import Any, Literal

import anyio

from segment_mcp.ports import Data
from segment_mcp.questions import counters, governance
from segment_mcp.questions.counters import Counted, Scope, Window
from segment_mcp.questions.reading import Gap, Reading, called
from segment_mcp.redact import clean

MOST_ENTRIES = 25
"""Sources or plans under one finding; more are counted."""
MOST_NAMES = 8
"""Event names of one of them; more are counted."""

_ASKED_TOGETHER = 50
"""Sources whose events volume is asked for in one question."""
_QUESTIONS = 20
"""Such questions at most, of the 60 calls a minute that Segment allows."""
_FOR_SOURCES = 3.0
"""Seconds in which a plan may tell its sources: only which events nobody sent hangs on them."""
_FOR_PLANS = 0.4
"""The part of the time in which plans may tell their sources; after it, each source tells its plan."""
_UNPLANNED = frozenset({"unplanned", "unplanned_and_schema_violation"})
_BLOCKED = _UNPLANNED | {"schema_violation", "common_schema_violation"}

Certainty = Literal["proven", "likely", "unknown"]


@dataclass(slots=True)
class _Plan:
    """A plan; its rules are read when the first of its sources is looked at.

    Attributes:
        source_ids: None where they could not be read.
        rules: how many; None where not all could be read.
        names: of the planned track events.
    """

    id: str
    name: str
    source_ids: frozenset[str] | None
    rules: int | None = None
    names: frozenset[str] = frozenset()
    asked: bool = False
    gaps: Sequence[Gap] = ()
    turn: anyio.Lock = field(default_factory=anyio.Lock)


@dataclass(slots=True)
class _Workspace:
    """What the sources have in common.

    Attributes:
        sources: by ID.
        plans: LIVE ones, by ID.
        plan_of: the plan's ID by the source's.
        all_plans: whether a source that is not in `plan_of` has no plan.
        seen: track events and how many of them, by source.
        viewed: names by which track rules govern the page and screen calls that were seen, by source.
        all_counted: sources of whose events volume all could be read.
    """

    window: Window
    sources: Mapping[str, Data] = field(default_factory=dict)
    plans: dict[str, _Plan] = field(default_factory=dict)
    plan_of: dict[str, str] = field(default_factory=dict)
    all_plans: bool = False
    seen: dict[str, Counter[str]] = field(default_factory=dict)
    viewed: dict[str, set[str]] = field(default_factory=dict)
    all_counted: set[str] = field(default_factory=set)


@dataclass(slots=True)
class _Source:
    """What was found about one source.

    Attributes:
        plan: None where there is none, or `governed` is None.
        governed: None where it is not known.
        settings: schema settings; None where they could not be read, or don't matter.
        asked: whether blocked events were asked for: where none can be blocked, there are none.
        blocked: how many events, by reason and name; None where it could not be read.
    """

    id: str
    name: str
    enabled: bool
    plan: _Plan | None = None
    governed: bool | None = False
    settings: Mapping[str, Any] | None = None
    asked: bool = False
    blocked: Mapping[tuple[str, str], int] | None = None

    def lost(self) -> bool:
        """Whether blocked events are lost."""
        return self.settings is not None and governance.loses_blocked(self.settings)

    def blocked_names(self, reasons: Iterable[str]) -> Counter[str]:
        """How many events were blocked for one of the reasons, by name."""
        names = Counter[str]()
        for (reason, name), count in (self.blocked or {}).items():
            if reason in reasons:
                names[name] += count
        return names


async def ask(reading: Reading, *, source_id: str | None, days: int, after: str | None) -> Data:
    """Find what is not governed, in the workspace or of one source.

    Args:
        reading: the question's.
        source_id: only this source.
        days: how far back events count, up to 29.
        after: the ID of the source to go on after.

    Raises:
        SegmentMcpError: the source, or the list of sources, could not be read.
    """
    now = reading.timing.now()
    workspace = _Workspace(Window(now - timedelta(days=days), now, "DAY"))
    anchor: Data = {}
    if source_id is None:
        listed = await reading.everything("listSources")
        workspace.sources = {str(source["id"]): source for source in listed.items}
    else:
        anchor = await reading.need("getSource", {"sourceId": source_id})
        workspace.sources = {source_id: anchor["source"]}
    ids = [each for each in sorted(workspace.sources) if after is None or each > after]
    async with anyio.create_task_group() as group:
        if source_id is None:
            group.start_soon(_read_volume, reading, workspace, sorted(workspace.sources))
            with anyio.move_on_after(reading.remaining() * _FOR_PLANS) as plans:
                await _read_plans(reading, workspace)
            if plans.cancelled_caught:
                reading.note(Gap("listTrackingPlans", "time", "It took too long: each source was asked for its plan."))
        else:
            await _read_plan(reading, workspace, source_id, anchor.get("trackingPlanId"))
            of_plan = [plan.source_ids or () for plan in workspace.plans.values()]
            group.start_soon(_read_volume, reading, workspace, sorted({source_id}.union(*of_plan)))
        looked = await reading.each(ids, lambda part, each: _look(part, workspace, each), "Looking at sources")
    found = [source for _, source in looked.found]
    body = _body(workspace, found, days)
    left = looked.left if found else 0
    unread = {what for source in found for what in _unknown(workspace, source)}
    return reading.answer(_summary(body, found, left, days, unread), body, after=found[-1].id if left else None)


async def _read_plan(reading: Reading, workspace: _Workspace, source_id: str, plan_id: str | None) -> None:
    workspace.all_plans = True
    if plan_id:
        await _meet_plan(reading, workspace, source_id, plan_id)


async def _read_plans(reading: Reading, workspace: _Workspace) -> None:
    """All LIVE plans, and which sources they govern: a call for each plan, where each source's would be more."""
    listed = await reading.list("listTrackingPlans", {"type": governance.LIVE})
    plans = sorted(() if listed is None else listed.items, key=lambda plan: str(plan["id"]))

    async def look(part: Reading, plan: Data) -> bool:
        return (await _add_plan(part, workspace, plan)).source_ids is not None

    looked = await reading.each(plans, look, "Looking at tracking plans")
    whole = listed is not None and listed.complete and not looked.left
    workspace.all_plans = whole and all(known for _, known in looked.found)


async def _add_plan(reading: Reading, workspace: _Workspace, plan: Data) -> _Plan:
    plan_id = str(plan["id"])
    sources = None
    with anyio.move_on_after(_FOR_SOURCES) as asked:
        sources = await reading.list("listSourcesFromTrackingPlan", {"trackingPlanId": plan_id})
    if asked.cancelled_caught:
        reading.note(Gap("listSourcesFromTrackingPlan", "time", "It did not answer in time; ask again.", plan_id))
    ids = None if sources is None else frozenset(str(source["id"]) for source in sources.items)
    known = ids if sources is not None and sources.complete else None
    added = workspace.plans.setdefault(plan_id, _Plan(plan_id, called(plan), known))
    workspace.plan_of.update(dict.fromkeys(ids or (), plan_id))
    return added


async def _meet_plan(reading: Reading, workspace: _Workspace, source_id: str, plan_id: str) -> None:
    """Learn of a plan from one of its sources. A plan whose type can't be read is taken for one that governs."""
    if plan_id not in workspace.plans:
        answer = await reading.call("getTrackingPlan", {"trackingPlanId": plan_id})
        plan = {"id": plan_id} if answer is None else answer["trackingPlan"]
        if plan.get("type", governance.LIVE) != governance.LIVE:
            return
        await _add_plan(reading, workspace, plan)
    workspace.plan_of[source_id] = plan_id


async def _read_volume(reading: Reading, workspace: _Workspace, source_ids: Sequence[str]) -> None:
    """Events volume of these sources: in one question, or where they are many, in a few."""
    step = max(_ASKED_TOGETHER, ceil(len(source_ids) / _QUESTIONS))
    async with anyio.create_task_group() as group:
        for start in range(0, len(source_ids), step):
            group.start_soon(_read_volume_of, reading, workspace, source_ids[start : start + step])


async def _read_volume_of(reading: Reading, workspace: _Workspace, source_ids: Sequence[str]) -> None:
    by = ("source", "eventName", "eventType")
    counted = await counters.volume(reading, workspace.window, by, {"sourceId": source_ids})
    if counted is None:
        return
    if counted.complete:
        workspace.all_counted.update(source_ids)
    for row in counted.rows:
        name, kind = row.by.get("eventName"), row.by.get("eventType", "track").casefold()
        source_id = row.by.get("sourceId", "")
        if name is not None and kind == "track" and row.total:
            workspace.seen.setdefault(source_id, Counter())[name] += row.total
        if kind in governance.VIEWED and row.total:
            workspace.viewed.setdefault(source_id, set()).add(governance.VIEWED[kind])


async def _look(reading: Reading, workspace: _Workspace, source_id: str) -> _Source:
    given = workspace.sources[source_id]
    source = _Source(source_id, called(given), bool(given.get("enabled", True)))
    if source_id not in workspace.plan_of and not workspace.all_plans:
        answer = await reading.call("getSource", {"sourceId": source_id})
        if answer is None:
            source.governed = None
            return source
        if answer.get("trackingPlanId"):
            await _meet_plan(reading, workspace, source_id, answer["trackingPlanId"])
    source.plan = workspace.plans.get(workspace.plan_of.get(source_id, ""))
    source.governed = source.plan is not None
    if source.plan is None:
        return source
    async with anyio.create_task_group() as group:
        group.start_soon(_read_rules, reading, source.plan)
        group.start_soon(_read_blocked, reading, workspace, source)
    return source


async def _read_blocked(reading: Reading, workspace: _Workspace, source: _Source) -> None:
    answer = await reading.call("listSchemaSettingsInSource", {"sourceId": source.id})
    source.settings = None if answer is None else answer["settings"]
    source.asked = source.settings is None or governance.blocks(source.settings)
    if source.asked:
        scope = Scope(workspace.window, source.id)
        counted = await counters.stage(reading, "filteredAtSource", scope, ("eventName", "discardReason"))
        source.blocked = None if counted is None else _by_reason(counted)


async def _read_rules(reading: Reading, plan: _Plan) -> None:
    """Read a plan's rules once, for all of its sources; what is missing is a gap of each."""
    async with plan.turn:
        if plan.asked:
            for gap in plan.gaps:
                reading.note(gap)
            return
        before = len(reading.gaps)
        listed = await reading.list("listRulesFromTrackingPlan", {"trackingPlanId": plan.id})
        plan.asked, plan.gaps = True, reading.gaps[before:]
        if listed is not None and listed.complete:
            plan.rules = len(listed.items)
            plan.names = frozenset(
                str(rule["key"]) for rule in listed.items if rule.get("type") == "TRACK" and rule.get("key")
            )


def _by_reason(counted: Counted) -> Mapping[tuple[str, str], int]:
    found = Counter[tuple[str, str]]()
    for row in counted.rows:
        reason = row.by.get("discardReason", "")
        if reason in _BLOCKED:
            found[reason, row.by.get("eventName", "")] += row.total
    return found


def _body(workspace: _Workspace, found: Sequence[_Source], days: int) -> Data:
    no_plan = [source for source in found if source.governed is False]
    governed = [source for source in found if source.plan is not None]
    idle = [
        source
        for source in governed
        if source.settings is not None and governance.lets_everything_through(source.settings)
    ]
    lost = [source for source in governed if source.lost()]
    unplanned = [(source, names) for source in governed if (names := _unplanned(workspace, source))]
    unseen = [entry for plan in _plans_of(governed) if (entry := _unseen(workspace, plan, found)) is not None]
    unknown = [(source, what) for source in found if (what := _unknown(workspace, source))]
    by_volume = _by_volume(workspace)
    return {
        "days": days,
        "counts": {
            "sources": len(workspace.sources),
            "lookedAt": len(found),
            "governed": len(governed),
            "noPlan": len(no_plan),
            "letsEverythingThrough": len(idle),
            "blockedLost": len(lost),
            "eventsLost": None if any(source.blocked is None for source in lost) else _events_lost(found),
            "unplannedEvents": len(unplanned),
            "unseenEvents": len(unseen),
            "unknown": len(unknown),
        },
        "noPlan": _listed([_entry(workspace, source) for source in sorted(no_plan, key=by_volume)]),
        "letsEverythingThrough": _listed([_entry(workspace, source) for source in sorted(idle, key=by_volume)]),
        "blockedLost": _listed([_lost(source) for source in sorted(lost, key=_by_loss)]),
        "unplannedEvents": _listed(
            [_unplanned_entry(source, names) for source, names in sorted(unplanned, key=lambda one: -one[1].total())]
        ),
        "unseenEvents": _listed(unseen),
        "unknown": _listed([{**_named(source), "what": what} for source, what in unknown]),
    }


def _events_lost(found: Sequence[_Source]) -> int:
    """How many blocked events were lost, as far as they could be counted."""
    return sum(sum((source.blocked or {}).values()) for source in found if source.lost())


def _by_volume(workspace: _Workspace) -> Any:
    return lambda source: (-workspace.seen.get(source.id, Counter()).total(), source.id)


def _by_loss(source: _Source) -> tuple[int, str]:
    return -sum((source.blocked or {}).values()), source.id


def _named(source: _Source) -> Data:
    return {"id": source.id, "name": source.name, **({} if source.enabled else {"enabled": False})}


def _entry(workspace: _Workspace, source: _Source) -> Data:
    plan = source.plan
    return {
        **_named(source),
        **({} if plan is None else {"trackingPlan": plan.name, "rules": plan.rules}),
        **_track_events(workspace, source),
        "certainty": "proven",
    }


def _track_events(workspace: _Workspace, source: _Source) -> Data:
    """`{trackEvents, atLeast?}`; None where that is not known, as it is not where none is among a part of the rows."""
    events = workspace.seen.get(source.id, Counter()).total()
    if source.id in workspace.all_counted:
        return {"trackEvents": events}
    return {"trackEvents": events, "atLeast": True} if events else {"trackEvents": None}


def _lost(source: _Source) -> Data:
    """A source that loses blocked events: how many were lost, where counters tell."""
    certainty: Certainty = "unknown" if source.blocked is None else "likely"
    if not source.blocked:
        lost = None if source.blocked is None else 0
        return {**_named(source), "trackingPlan": _plan_name(source), "lost": lost, "certainty": certainty}
    reasons = Counter[str]()
    for (reason, _), count in source.blocked.items():
        reasons[reason] += count
    return {
        **_named(source),
        "trackingPlan": _plan_name(source),
        "lost": reasons.total(),
        "reasons": dict(reasons),
        **_top(source.blocked_names(_BLOCKED)),
        "certainty": "proven",
    }


def _plan_name(source: _Source) -> str | None:
    return None if source.plan is None else source.plan.name


def _unplanned(workspace: _Workspace, source: _Source) -> Counter[str]:
    """Events that were seen and no rule is about; empty where that is not known."""
    if source.plan is None or source.plan.rules is None:
        return Counter()
    seen = workspace.seen.get(source.id, Counter()) | source.blocked_names(_UNPLANNED)
    return Counter({name: count for name, count in seen.items() if name and name not in source.plan.names})


def _unplanned_entry(source: _Source, names: Counter[str]) -> Data:
    return {**_named(source), "trackingPlan": _plan_name(source), **_top(names), "certainty": "proven"}


def _plans_of(governed: Sequence[_Source]) -> list[_Plan]:
    return list({source.plan.id: source.plan for source in governed if source.plan is not None}.values())


def _unseen(workspace: _Workspace, plan: _Plan, found: Sequence[_Source]) -> Data | None:
    """The plan's events that none of its sources sent; None where there are none, or it is not known."""
    if plan.rules is None or plan.source_ids is None or not plan.source_ids <= workspace.all_counted:
        return None
    own = [source for source in found if source.plan is plan]
    sources = plan.source_ids | {source.id for source in own}
    seen = {name for source_id in sources for name in workspace.seen.get(source_id, ())}
    seen.update(name for source_id in sources for name in workspace.viewed.get(source_id, ()))
    seen.update(name for source in own for name in source.blocked_names(_BLOCKED))
    names = sorted(plan.names - seen)
    if not names:
        return None
    counted = all(source.blocked is not None or not source.asked for source in own)
    proven = counted and plan.source_ids <= {source.id for source in own}
    return {
        "trackingPlan": {"id": plan.id, "name": plan.name},
        "sources": len(plan.source_ids),
        "events": [clean(name, 80) for name in names[:MOST_NAMES]],
        **({"more": len(names) - MOST_NAMES} if len(names) > MOST_NAMES else {}),
        "certainty": "proven" if proven else "likely",
    }


def _unknown(workspace: _Workspace, source: _Source) -> list[str]:
    """What could not be found out about a source; the gaps tell why."""
    if source.governed is None:
        return ["governed"]
    if source.plan is None:
        return []
    what = {
        "settings": source.settings is None,
        "blocked": source.asked and source.blocked is None,
        "rules": source.plan.rules is None,
        "sourcesOfPlan": source.plan.source_ids is None,
        "volume": source.id not in workspace.all_counted,
    }
    return [name for name, missing in what.items() if missing]


def _top(names: Counter[str]) -> Data:
    """The most frequent events: `{events: [{event, count}], more?}`."""
    top = [{"event": clean(name, 80), "count": count} for name, count in names.most_common(MOST_NAMES)]
    return {"events": top, **({"more": len(names) - MOST_NAMES} if len(names) > MOST_NAMES else {})}


def _listed(entries: Sequence[Data]) -> list[Data]:
    more = len(entries) - MOST_ENTRIES
    return [*entries[:MOST_ENTRIES], {"more": more}] if more > 0 else list(entries)


def _summary(body: Data, found: Sequence[_Source], left: int, days: int, unread: set[str]) -> str:
    """What was found; where something is unknown of some source, there may be more of what hangs on it."""
    counts = body["counts"]

    def least(number: int, *hangs_on: str) -> str:
        return f"at least {number}" if unread & {"governed", *hangs_on} else str(number)

    lost = f"{least(_events_lost(found), 'settings', 'blocked')} in {_many(days, 'day')}"
    unknown = (
        f" Something is unknown of {_many(counts['unknown'], 'source')}: see the gaps." if counts["unknown"] else ""
    )
    if len(found) == 1 and not left:
        return f"{_said_of(found[0], body, lost)}{unknown}"
    about = f"the first {len(found)} of {counts['sources']} sources" if left else _many(len(found), "source")
    return (
        f"Of {about}: {least(counts['noPlan'])} without a tracking plan,"
        f" {least(counts['letsEverythingThrough'], 'settings')} with one that lets everything through,"
        f" {least(counts['blockedLost'], 'settings')} whose blocked events are lost ({lost})."
        f" Sources that sent events that are not planned: {least(counts['unplannedEvents'], 'rules', 'volume')};"
        " plans with events that were not seen:"
        f" {least(counts['unseenEvents'], 'rules', 'volume', 'sourcesOfPlan')}.{unknown}"
    )


def _said_of(source: _Source, body: Data, lost: str) -> str:
    """One source in words."""
    if source.plan is None:
        known = "has no tracking plan" if source.governed is False else "may or may not have a tracking plan"
        return f"{source.name} {known}."
    if body["blockedLost"]:
        does = f", and what that blocks is lost: {lost}"
    else:
        does = ", which lets everything through" if body["letsEverythingThrough"] else ""
    extra = [
        f"{_many(len(entries[0]['events']) + entries[0].get('more', 0), kind)}"
        for kind, entries in (("unplanned event", body["unplannedEvents"]), ("unseen event", body["unseenEvents"]))
        if entries
    ]
    return f"{source.name} has the tracking plan {source.plan.name}{does}." + (
        f" It has {' and '.join(extra)}." if extra else ""
    )


def _many(count: int, thing: str) -> str:
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"
