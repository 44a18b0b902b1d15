"""Which events go to which destinations? A matrix by source, with what reaches nothing, and what is unknown.

Rows are the events that were seen, or that a tracking plan has; columns are the source's destinations. An event is
known by type and name, so a cell can hang on fields that only a sample has. Warehouses are no part of it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType
from typing import Any, NamedTuple

import anyio

from segment_mcp.ports import Data
from segment_mcp.questions import counters, routes
from segment_mcp.questions.counters import Counted
from segment_mcp.questions.governance import Rule
from segment_mcp.questions.reading import Reading, called
from segment_mcp.questions.routes import METHODS, Fate, Truth
from segment_mcp.questions.wiring import Governed, Wired, wired
from segment_mcp.redact import clean

MOST_SOURCES = 20
"""Sources of one answer."""
MOST_EVENTS = 30
"""Events of one source that are shown, where several sources are asked about."""
MOST_EVENTS_OF_ONE = 400
"""Events that are shown of the one source that is asked about."""
MOST_LISTED = 30
"""Things that reach nothing, or are unknown, of each kind."""

SENT, DEPENDS, UNSEEN, UNKNOWN, AT_SOURCE = "sent", "depends", "unseen", "unknown", "kept:source"
LEGEND: Mapping[str, str] = MappingProxyType(
    {
        SENT: "A mapping takes it, if the event has what that requires; its own integrations object, or consent, may "
        "still exclude the destination.",
        DEPENDS: "It hangs on fields of the event, or on a sample that a filter takes.",
        UNSEEN: "Device mode: the browser or app delivers it, which Segment's servers don't see.",
        UNKNOWN: "What decides it could not be read.",
        AT_SOURCE: "Its source is off, or blocks it because the plan does not have it; what was forwarded from another "
        "source passes all the same.",
        "kept:off": "The destination is off.",
        "kept:mapping": "No enabled subscription's trigger fits (NO_MATCHING_MAPPING).",
        "kept:field": "The mapping lacks a field that the action requires (FILTERED_AT_MAPPING).",
        "kept:filter": "A destination filter stops it, or its condition is no FQL (FILTERED_BY_RULES).",
        "kept:type": "The destination takes no events of this type (UNSUPPORTED_EVENT_TYPE).",
    }
)
"""What a cell says."""
_KEPT: Mapping[str, str] = MappingProxyType(
    {
        "DISABLED": "kept:off",
        "NO_MATCHING_MAPPING": "kept:mapping",
        "FILTERED_AT_MAPPING": "kept:field",
        "FILTERED_BY_RULES": "kept:filter",
        "UNSUPPORTED_EVENT_TYPE": "kept:type",
    }
)


class Event(NamedTuple):
    """A row: a type and, of track events, a name."""

    kind: str
    name: str | None

    @property
    def shown(self) -> Data:
        """As the answer has it."""
        return {"type": self.kind, **({} if self.name is None else {"event": clean(self.name, 120)})}


@dataclass(slots=True)
class _Source:
    """One source, as far as it was read.

    Attributes:
        destinations: None: could not be listed.
        complete: whether that is all of them.
    """

    thing: Mapping[str, Any]
    plan_id: str | None = None
    by_plan: bool | None = None
    settings: Mapping[str, Any] | None = None
    destinations: list[Wired] | None = None
    complete: bool = True


@dataclass(frozen=True, slots=True)
class _Routed:
    """A source's part of the matrix.

    Attributes:
        seen: how many of each event were seen; 0: it is planned only. None: it is planned, and what was seen could not
            all be read.
        leaves: whether each leaves its source.
        fates: by event, in the order of the destinations, of one that leaves.
        all_seen: whether all events that were seen are known.
        all_planned: whether all events that are planned are known.
    """

    source: _Source
    seen: Mapping[Event, int | None]
    leaves: Mapping[Event, Truth]
    fates: Mapping[Event, Sequence[Fate]]
    all_seen: bool
    all_planned: bool

    @property
    def whole(self) -> bool:
        return self.all_seen and self.all_planned

    @property
    def id(self) -> str:
        return str(self.source.thing.get("id"))

    @property
    def wired(self) -> Sequence[Wired]:
        return self.source.destinations or ()

    def cells(self, event: Event) -> tuple[str, ...]:
        return tuple(cell_of(each, self.leaves[event]) for each in self.fates[event])

    def reach(self, event: Event) -> str:
        """`reached`, `unreached`, or `open`."""
        cells = self.cells(event)
        if SENT in cells or UNSEEN in cells:
            return "reached"
        if self.leaves[event] is False:
            return "unreached"
        known = self.source.destinations is not None and self.source.complete
        return "unreached" if known and not {DEPENDS, UNKNOWN}.intersection(cells) else "open"


class _Plans:
    """The rules of plans, each read once, whichever source asks first; what can't be read is a gap of the whole.

    Attributes:
        rules: by the plan's ID; None: could not be read.
    """

    def __init__(self, reading: Reading) -> None:
        self.rules: dict[str, Sequence[Rule] | None] = {}
        self._reading = reading
        self._asked: set[str] = set()

    async def read(self, plan_id: str) -> None:
        """Have a plan's rules read; who comes second does not wait."""
        if plan_id in self._asked:
            return
        self._asked.add(plan_id)
        listed = await self._reading.list("listRulesFromTrackingPlan", {"trackingPlanId": plan_id})
        self.rules[plan_id] = listed.items if listed is not None and listed.complete else None


async def ask(reading: Reading, *, source_id: str | None, days: int, after: str | None) -> Data:
    """Which events of a source, or of the workspace, go where.

    Args:
        reading: the question's.
        source_id: only this source; None: all of them, by ID, in parts.
        days: how far back events are looked for.
        after: go on after this source, as `next` named it.

    Returns:
        `{summary, window, legend, sources: [{id, name?, destinations: [{id, name?, type}], rows: [{type, events:
        {name: seen} or seen, to: [code]}]}], unreachable: {events, destinations, subscriptions}, unknown, next?, ...}`.

    Raises:
        NotFound: there is no such source.
        UpstreamError: the source, or the list of sources, could not be read.
    """
    within = counters.window(reading.timing.now(), timedelta(days=days))
    things, left = await _subjects(reading, source_id, after)
    plans = _Plans(reading)
    seen: list[Counted | None] = []

    async def count() -> None:
        ids = [str(each["id"]) for each in things]
        by = ("source", "eventName", "eventType")
        seen.append(await counters.volume(reading, within, by, {"sourceId": ids}) if ids else None)

    async with anyio.create_task_group() as group:
        group.start_soon(count)
        looked = await reading.each(things, lambda part, thing: _read(part, thing, plans), "Reading routes")
    routed = [_route(found, seen[0], plans.rules) for _, found in looked.found]
    most = MOST_EVENTS if source_id is None else MOST_EVENTS_OF_ONE
    shown = [_shown(each, most) for each in routed]
    used = {code for each in shown for row in each["rows"] for code in row["to"]}
    body = {
        "window": within.shown,
        "legend": {code: meaning for code, meaning in LEGEND.items() if code in used},
        "sources": shown,
        "unreachable": _unreachable(routed),
        "unknown": _bounded([entry for each in routed for entry in _unknown(each)]),
    }
    left += looked.left
    last = routed[-1].id if left and routed else None
    return reading.answer(_summary(reading, routed, days, left), body, after=last)


async def _subjects(
    reading: Reading, source_id: str | None, after: str | None
) -> tuple[Sequence[Mapping[str, Any]], int]:
    """The sources of this part, and how many are left for others."""
    if source_id is not None:
        return [(await reading.need("getSource", {"sourceId": source_id}))["source"]], 0
    listed = await reading.everything("listSources")
    wanted = sorted(
        (each for each in listed.items if after is None or str(each["id"]) > after), key=lambda each: str(each["id"])
    )
    return wanted[:MOST_SOURCES], max(0, len(wanted) - MOST_SOURCES)


async def _read(reading: Reading, thing: Mapping[str, Any], plans: _Plans) -> _Source:
    found = _Source(thing)
    asked = {"sourceId": thing["id"]}

    async def plan() -> None:
        data = await reading.call("getSource", asked)
        if data is not None:
            found.plan_id = data.get("trackingPlanId")
            found.by_plan = found.plan_id is not None
            if found.plan_id is not None:
                await plans.read(found.plan_id)

    async def settings() -> None:
        data = await reading.call("listSchemaSettingsInSource", asked)
        found.settings = None if data is None else data["settings"]

    async def destinations() -> None:
        listed = await reading.list("listConnectedDestinationsFromSource", asked)
        if listed is None:
            return
        known = sorted(listed.items, key=lambda each: str(each["id"]))
        connected: dict[str, Wired] = {}

        async def connect(destination: Mapping[str, Any]) -> None:
            connected[str(destination["id"])] = await wired(reading, destination)

        async with anyio.create_task_group() as group:
            for each in known:
                group.start_soon(connect, each)
        found.destinations = [connected[str(each["id"])] for each in known]
        found.complete = listed.complete

    async with anyio.create_task_group() as group:
        for each in (plan, settings, destinations):
            group.start_soon(each)
    return found


def cell_of(fate: Fate, leaves: Truth) -> str:
    """What a cell says of the fate of an event that leaves its source, or does not; see `LEGEND`."""
    if leaves is False:
        return AT_SOURCE
    if fate.outcome == "kept":
        return _KEPT[str(fate.code)]
    return UNKNOWN if leaves is None else fate.outcome


def _route(source: _Source, seen: Counted | None, rules: Mapping[str, Sequence[Rule] | None]) -> _Routed:
    of_plan = rules.get(source.plan_id) if source.plan_id is not None else None
    all_seen = seen is not None and seen.complete
    counted: dict[Event, int | None] = dict.fromkeys(_planned(of_plan or ()), 0 if all_seen else None)
    for row in seen.rows if seen is not None else ():
        kind = row.by.get("eventType", "track")
        if row.by.get("sourceId") == source.thing["id"] and kind in METHODS and row.total:
            event = Event(kind, row.by.get("eventName") if kind == "track" else None)
            counted[event] = (counted.get(event) or 0) + row.total
    governed = Governed(source.by_plan, of_plan, source.settings)
    off = source.thing.get("enabled") is False
    known = {event: routes.named(event.kind, event.name) for event in counted}
    return _Routed(
        source,
        counted,
        {event: False if off else governed.lets_out(known[event]) for event in counted},
        {event: [each.fate(known[event]) for each in source.destinations or ()] for event in counted},
        all_seen=all_seen,
        all_planned=source.by_plan is False or of_plan is not None,
    )


def _planned(rules: Sequence[Rule]) -> Iterator[Event]:
    """The events that rules are about; those of page and screen calls may stand as track events."""
    for rule in rules:
        kind = str(rule.get("type")).lower()
        key = rule.get("key")
        if kind == "track" and isinstance(key, str):
            viewed = routes.SHOWN_AS.get(key)
            yield Event(kind, key) if viewed is None else Event(viewed, None)
        elif kind in METHODS and kind != "track":
            yield Event(kind, None)


def _shown(routed: _Routed, most: int) -> Data:
    """A source as the answer has it; events that go the same ways stand together."""
    ordered = sorted(routed.seen, key=lambda each: (-(routed.seen[each] or 0), each.kind, each.name or ""))
    groups: dict[tuple[str, tuple[str, ...]], list[Event]] = {}
    for event in ordered[:most]:
        groups.setdefault((event.kind, routed.cells(event)), []).append(event)
    thing = routed.source.thing
    return {
        "id": routed.id,
        **({"name": called(thing)} if thing.get("name") else {}),
        **({"enabled": False} if thing.get("enabled") is False else {}),
        "destinations": None if routed.source.destinations is None else [_column(each) for each in routed.wired],
        "rows": [
            {
                "type": kind,
                "events": {clean(str(each.name), 120): routed.seen[each] for each in events}
                if kind == "track"
                else routed.seen[events[0]],
                "to": list(cells),
            }
            for (kind, cells), events in groups.items()
        ],
        **({"moreEvents": len(ordered) - most} if len(ordered) > most else {}),
    }


def _column(wired_: Wired) -> Data:
    thing = wired_.destination
    return {
        "id": wired_.id,
        **({"name": called(thing)} if thing.get("name") else {}),
        "type": called(thing.get("metadata") or {}),
    }


def _unreachable(routed: Sequence[_Routed]) -> Data:
    events = [
        {"sourceId": each.id, **event.shown, "seen": seen, "why": sorted(set(each.cells(event))) or ["no destination"]}
        for each in routed
        for event, seen in sorted(each.seen.items(), key=lambda pair: -(pair[1] or 0))
        if each.reach(event) == "unreached"
    ]
    return {
        "events": _bounded(events),
        "destinations": _bounded([entry for each in routed for entry in _idle_destinations(each)]),
        "subscriptions": _bounded([entry for each in routed for entry in _idle_subscriptions(each)]),
    }


def _idle_destinations(routed: _Routed) -> Iterator[Data]:
    """Destinations that no event goes to, as far as all events are known."""
    for index, each in enumerate(routed.wired):
        cells = {routed.cells(event)[index] for event in routed.seen}
        if not each.destination.get("enabled"):
            why = ["kept:off"]
        elif routed.whole and routed.seen and all(cell.startswith("kept") for cell in cells):
            why = sorted(cells)
        else:
            continue
        yield {**_column(each), "sourceId": routed.id, "why": why}


def _idle_subscriptions(routed: _Routed) -> Iterator[Data]:
    """Enabled subscriptions that no event triggers, as far as all events are known, and those that never can be."""
    for index, each in enumerate(routed.wired):
        fired = {
            str(triggered.subscription.get("id"))
            for event, fates in routed.fates.items()
            if routed.leaves[event] is not False
            for triggered in fates[index].subscriptions
            if triggered.fires is not False
        }
        for subscription in each.subscriptions or ():
            if not subscription.get("enabled") or subscription.get("modelId"):
                continue
            broken = routes.condition(subscription.get("trigger"))
            silent = routed.whole and routed.seen and str(subscription.get("id")) not in fired
            if isinstance(broken, str) or silent:
                yield {
                    "id": subscription.get("id"),
                    "name": called(subscription),
                    "destinationId": each.id,
                    "trigger": clean(str(subscription.get("trigger")), 200),
                    "why": f"no FQL: {broken}" if isinstance(broken, str) else "no event that was seen or planned fits",
                }


def _unknown(routed: _Routed) -> Iterator[Data]:
    source, about = routed.source, {"sourceId": routed.id}
    if not routed.all_seen:
        yield {**about, "what": "events that were seen"}
    if not routed.all_planned:
        yield {**about, "what": "events that are planned"}
    if source.settings is None:
        yield {**about, "what": "schema settings: whether it blocks unplanned events"}
    if source.destinations is None or not source.complete:
        yield {**about, "what": "destinations"}
    for each in routed.wired:
        for what, read in (("subscriptions", each.subscriptions), ("filters", each.filters)):
            if read is None:
                yield {**about, "destinationId": each.id, "what": what}


def _bounded(entries: Sequence[Data]) -> Data:
    shown = {"items": list(entries[:MOST_LISTED])}
    return shown if len(entries) <= MOST_LISTED else {**shown, "more": len(entries) - MOST_LISTED}


def _summary(reading: Reading, routed: Sequence[_Routed], days: int, left: int) -> str:
    reaches = [each.reach(event) for each in routed for event in each.seen]
    counts = {what: reaches.count(what) for what in ("reached", "unreached", "open")}
    of = "this source" if len(routed) == 1 and not left else f"{len(routed)} sources"
    opened = f", {counts['open']} can't be told by name, or for want of what could be read" if counts["open"] else ""
    least = "" if all(each.all_seen for each in routed) else "at least "
    where = f"Where {least}{len(reaches)} events of {of} go, seen in the last {days} days or planned"
    said = [f"{where}: {counts['reached']} to at least one destination, {counts['unreached']} to none{opened}"]
    idle = sum(1 for each in routed for _ in _idle_destinations(each))
    silent = sum(1 for each in routed for _ in _idle_subscriptions(each))
    if idle or silent:
        said.append(f"Destinations that get none of them: {idle}; enabled subscriptions that none triggers: {silent}")
    if left:
        said.append(f"Sources that are left: {left}, go on with next")
    elif reading.gaps:
        said.append("Some of it could not be read; gaps and unknown say what")
    return ". ".join(said) + "."
