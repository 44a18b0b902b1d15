"""Where does an event stop on its way from source to destination, and why? What was counted, and what is set up.

Segment's Schema shows page and screen calls as `Page Viewed` and `Screen Viewed`; its counters know them by their type
only. What follows from what was read stands in `stops`.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, Literal

import anyio

from segment_mcp.errors import InvalidArguments
from segment_mcp.ports import Data
from segment_mcp.questions import counters, governance, routes
from segment_mcp.questions.counters import OF_DESTINATION, OF_SOURCE, Counted, Scope, Stage, Window
from segment_mcp.questions.governance import Verdict
from segment_mcp.questions.reading import Code, Gap, Reading, called
from segment_mcp.questions.routes import METHODS, SHOWN_AS, Triggered
from segment_mcp.questions.stops import (
    MOST_SHOWN,
    NEVER_CAME,
    AtDestination,
    AtSource,
    Found,
    Stop,
    Traced,
    alike,
    reasons_of,
    stops_of,
)
from segment_mcp.questions.wiring import Governed, Wired, wired
from segment_mcp.redact import clean
from segment_mcp.timing import timestamp_of

MOST_SOURCES = 5
"""Sources of one answer that are followed to their destinations."""
MOST_DESTINATIONS = 20
"""Destinations of one source that are looked at."""
MOST_SEARCHED = 64
"""Sources that are asked for failures of an event that no source was seen to send."""
_MOST_TOLD = 3
"""Destinations that the summary names."""


async def ask(
    reading: Reading, *, event: str, source_id: str | None, hours: int, sample: Mapping[str, Any] | None
) -> Data:
    """Follow an event from its sources to their destinations.

    Args:
        reading: the question's.
        event: the name of a track event, or a type such as `identify`; `Page Viewed` and `Screen Viewed` are the page
            and screen calls, unless a track event has that name. The type of a sample decides; without one, what was
            counted does.
        source_id: only from this source; None: from each that sends it.
        hours: how far back counters are read.
        sample: one such event, whole: conditions and the plan's rules are then decided, and not only by name.

    Returns:
        `{summary, event, window, stopsAt: [{stage, sourceId?, destinationId?, events, causes: [{what, certainty, why,
        fix}]}], sources: [{id, name?, enabled, received, failedOnIngest, filteredAtSource, plan, verdict?,
        destinations}], otherSources?, moreSources?, similar?, alsoCalledSo?, ...}`.

    Raises:
        InvalidArguments: the sample is another event than the one asked about.
        NotFound: there is no such source.
        UpstreamError: the source could not be read.
    """
    within = counters.window(reading.timing.now(), timedelta(hours=hours))
    if source_id is not None:
        source = await reading.need("getSource", {"sourceId": source_id})
        traced = await _traced(reading, event, sample, within, [source_id])
        sources, senders, all_senders, left = [await _read_source(reading, source, traced, within)], None, True, 0
    else:
        traced = await _traced(reading, event, sample, within, [])
        senders, all_senders = await _senders(reading, traced, within)
        sources, left = await _follow(reading, traced, within, senders)
    similar = await _similar(reading, traced, within, sources, source_id)
    found = Found(sources, senders, similar, within.start, all_senders=all_senders, left=left)
    stops = stops_of(traced, found)
    body = {
        "event": {"type": traced.kind, **({} if traced.name is None else {"name": traced.name})},
        "window": within.shown,
        "stopsAt": [each.shown for each in stops],
        "sources": [_shown(traced, each) for each in sources],
        **({"similar": found.similar} if found.similar else {}),
        **_unfollowed(senders, sources),
        **({} if traced.namesake is None else {"alsoCalledSo": traced.namesake}),
    }
    return reading.answer(_summary(reading, traced, found, stops, hours), body)


async def _traced(
    reading: Reading, event: str, given: Mapping[str, Any] | None, within: Window, source_ids: Sequence[str]
) -> Traced:
    """What is asked about."""
    if given is None:
        kind, name, namesake = await _counted_as(reading, event, within, source_ids)
        return Traced(kind, name, routes.named(kind, name), namesake)
    kind, name = _sampled_as(event, given)
    whole = {"type": kind, **({} if name is None else {"event": name}), **given}
    for member, value in (("type", kind), ("event", name)):
        if value is not None and whole[member] != value:
            message = f"is another than the event that is asked about, {clean(value, 80)}"
            raise InvalidArguments([{"field": f"sample.{member}", "message": message}])
    return Traced(kind, name, routes.sample(whole, timestamp_of(within.end)))


def _sampled_as(event: str, given: Mapping[str, Any]) -> tuple[str, str | None]:
    """The type and, of a track event, the name of what is asked about, of which there is a sample."""
    if event in SHOWN_AS:
        return (SHOWN_AS[event], None) if given.get("type") == SHOWN_AS[event] else ("track", event)
    is_name = given.get("type") == "track" and (event != "track" or given.get("event") == event)
    return (event, None) if event in METHODS and not is_name else ("track", event)


async def _counted_as(
    reading: Reading, event: str, within: Window, source_ids: Sequence[str]
) -> tuple[str, str | None, Data | None]:
    """The same, as was counted, and what else is called so.

    A word that is a type means the type where both were counted, and a name of Segment's Schema the track event.
    """
    kind = SHOWN_AS.get(event, event)
    if kind not in METHODS:
        return "track", event, None
    only = {"eventName": [event], "eventType": ["track"], "sourceId": source_ids}
    named = await counters.volume(reading, within, (), only)
    if named is None or not named.total:
        return kind, None, None
    calls = await counters.volume(reading, within, (), {"eventType": [kind], "sourceId": source_ids})
    if calls is None or not calls.total:
        return "track", event, None
    if event in SHOWN_AS:
        how = f"Give a sample whose type is {kind} to trace {kind} calls."
        return "track", event, {"type": kind, "events": calls.total, "ask": how}
    how = f"Give a sample whose type is track, and its event {event}, to trace that track event."
    return kind, None, {"type": "track", "event": event, "events": named.total, "ask": how}


async def _senders(reading: Reading, traced: Traced, within: Window) -> tuple[dict[str, int] | None, bool]:
    """How many of the event each source sent, most first, and whether these are all; None: could not be read."""
    found = await counters.volume(reading, within, ("source",), traced.only)
    if found is None or not (found.complete or found.total):
        return None, False
    totals: dict[str, int] = {}
    for row in found.rows:
        if row.total and "sourceId" in row.by:
            totals[row.by["sourceId"]] = row.total
    return dict(sorted(totals.items(), key=lambda pair: (-pair[1], pair[0]))), found.complete


async def _follow(
    reading: Reading, traced: Traced, within: Window, senders: Mapping[str, int] | None
) -> tuple[list[AtSource], int]:
    """The sources that send the event most; where none was counted, those in which it fails on ingest.

    Also how many of those that have it were not followed, as far as that is known.
    """
    wanted = list(senders or ())[:MOST_SOURCES]
    more = len(senders or ()) - len(wanted)
    if senders is not None and len(senders) > MOST_SOURCES:
        reason = f"Only the {MOST_SOURCES} sources that sent most, of {len(senders)}, were followed; name a sourceId."
        reading.note(Gap("getSource", "bound", reason))
    if not wanted:
        stages: Sequence[Stage] = (
            ("failedOnIngest",) if senders is not None else ("successfullyReceived", "failedOnIngest")
        )
        seen = await _searched(reading, traced, within, stages)
        wanted, more = seen[:MOST_SOURCES], max(0, len(seen) - MOST_SOURCES)
        if more:
            reason = f"Only the first {MOST_SOURCES} of {len(seen)} sources were followed; name a sourceId."
            reading.note(Gap("getSource", "bound", reason))

    async def look(part: Reading, source_id: str) -> AtSource:
        data = await part.call("getSource", {"sourceId": source_id})
        return await _read_source(part, data or {"source": {"id": source_id}}, traced, within)

    looked = await reading.each(wanted, look, "Following the event")
    for source_id in wanted[len(looked.found) :]:
        reason = "Its way could not be followed to the end; name this sourceId, or ask again in a minute."
        reading.note(Gap("getSource", _ended_by(reading), reason, source_id))
    return [found for _, found in looked.found], more + looked.left


def _ended_by(reading: Reading) -> Literal["limit", "time"]:
    """What ends a look at many things before the last: the question's time, else Segment's limit."""
    return "limit" if reading.remaining() else "time"


async def _searched(reading: Reading, traced: Traced, within: Window, stages: Sequence[Stage]) -> list[str]:
    """The sources in which one of some stages counted the event, among the first by ID."""
    listed = await reading.list("listSources")
    ids = sorted(str(each["id"]) for each in listed.items) if listed is not None else []

    async def counts(part: Reading, source_id: str) -> bool:
        scope = Scope(within, source_id, only=traced.only)
        found = [await counters.stage(part, stage, scope) for stage in stages]
        return any(each is not None and each.total for each in found)

    looked = await reading.each(ids[:MOST_SEARCHED], counts, "Looking for the event")
    if len(looked.found) < len(ids):
        reason = f"Only {len(looked.found)} of {len(ids)} sources were searched for it; name a sourceId."
        code: Code = _ended_by(reading) if looked.left else "bound"
        reading.note(Gap(counters.OPERATIONS[stages[0]], code, reason))
    return [source_id for source_id, seen in looked.found if seen]


async def _read_source(reading: Reading, data: Mapping[str, Any], traced: Traced, within: Window) -> AtSource:
    source = data.get("source") or {}
    plan_id = data.get("trackingPlanId")
    found = AtSource(source, plan_id)
    governing: dict[str, Any] = {"rules": None, "settings": None}
    scope = Scope(within, str(source["id"]), only=traced.only)

    async def settings() -> None:
        answer = await reading.call("listSchemaSettingsInSource", {"sourceId": source["id"]})
        governing["settings"] = None if answer is None else answer["settings"]

    async def rules() -> None:
        listed = await reading.list("listRulesFromTrackingPlan", {"trackingPlanId": plan_id})
        governing["rules"] = listed.items if listed is not None and listed.complete else None

    async def count(stage: Stage) -> None:
        by = () if stage == "successfullyReceived" else ("discardReason",)
        found.counted[stage] = await counters.stage(reading, stage, scope, by)

    async def destinations() -> None:
        listed = await reading.list("listConnectedDestinationsFromSource", {"sourceId": source["id"]})
        if listed is None:
            return
        known = sorted(listed.items, key=lambda one: str(one["id"]))
        if len(known) > MOST_DESTINATIONS:
            reason = f"Only the first {MOST_DESTINATIONS} of {len(known)} destinations were looked at."
            reading.note(Gap("listConnectedDestinationsFromSource", "bound", reason, str(source["id"])))
        found.destinations = await _read_destinations(reading, known[:MOST_DESTINATIONS], scope)

    async with anyio.create_task_group() as group:
        group.start_soon(settings)
        group.start_soon(destinations)
        for stage in OF_SOURCE:
            group.start_soon(count, stage)
        if plan_id is not None:
            group.start_soon(rules)
    found.governed = Governed(None if "trackingPlanId" not in data else plan_id is not None, **governing)
    return found


async def _read_destinations(
    reading: Reading, destinations: Sequence[Mapping[str, Any]], scope: Scope
) -> list[AtDestination]:
    found = [AtDestination(Wired(each)) for each in destinations]

    async def connections(at: AtDestination) -> None:
        at.wired = await wired(reading, at.thing)

    async def count(at: AtDestination, stage: Stage) -> None:
        by = () if stage == "successfulDelivery" else ("discardReason",)
        at.counted[stage] = await counters.stage(reading, stage, replace(scope, destination_id=at.wired.id), by)

    async with anyio.create_task_group() as group:
        for at in found:
            group.start_soon(connections, at)
            for stage in () if routes.on_device(at.thing) else OF_DESTINATION:
                group.start_soon(count, at, stage)
    return found


async def _similar(
    reading: Reading, traced: Traced, within: Window, sources: Sequence[AtSource], source_id: str | None
) -> list[Data]:
    """Track events that were seen and are called almost alike, where the event itself was not seen."""
    if traced.name is None or any(each.total("successfullyReceived") != 0 for each in sources):
        return []
    only = {} if source_id is None else {"sourceId": [source_id]}
    found = await counters.volume(reading, within, ("source", "eventName"), only)
    close = [
        {"name": row.by["eventName"], "sourceId": row.by.get("sourceId"), "events": row.total}
        for row in (found.rows if found is not None else ())
        if alike(row.by.get("eventName", traced.name), traced.name)
    ]
    return close[:MOST_SHOWN]


def _shown(traced: Traced, source: AtSource) -> Data:
    """A source as the answer has it; what could not be read is null."""
    verdict = source.governed.verdict(traced.known)
    rules = source.governed.rules
    rule = None if rules is None else governance.rule_for(rules, traced.kind, traced.name)
    thing = source.thing
    return {
        "id": thing.get("id"),
        **({"name": called(thing)} if thing.get("name") else {}),
        "enabled": thing.get("enabled"),
        "received": source.total("successfullyReceived"),
        "failedOnIngest": _tally(source.counted.get("failedOnIngest")),
        "filteredAtSource": _tally(source.counted.get("filteredAtSource")),
        "plan": {
            "governed": source.governed.by_plan,
            **({} if source.plan_id is None else {"id": source.plan_id}),
            **({} if rules is None else {"planned": rule is not None}),
            **({} if rule is None else {"rule": governance.describe(rule)}),
        },
        **({} if verdict is None else {"verdict": _shown_verdict(verdict)}),
        "destinations": None
        if source.destinations is None
        else [_shown_destination(traced, each) for each in source.destinations],
    }


def _shown_verdict(verdict: Verdict) -> Data:
    violations = [{"field": each.field, "message": each.message} for each in verdict.violations]
    return {
        "outcome": verdict.outcome,
        **({} if verdict.code is None else {"code": verdict.code}),
        "because": verdict.because,
        **({"violations": violations[:MOST_SHOWN]} if violations else {}),
        **({"omitted": list(verdict.omitted[:MOST_SHOWN])} if verdict.omitted else {}),
        **({} if verdict.certain else {"unread": list(verdict.unread[:MOST_SHOWN])}),
    }


def _tally(counted: Counted | None) -> Data | None:
    return None if counted is None else dict(reasons_of(counted)[:MOST_SHOWN])


def _shown_destination(traced: Traced, at: AtDestination) -> Data:
    found = at.wired.fate(traced.known)
    thing = at.thing
    told = [each for each in found.subscriptions if each.fires is not False]
    silent = len(found.subscriptions) - len(told)
    filters = [each for each in found.filters if each.applies is not False]
    delivered = at.counted.get("successfulDelivery")
    return {
        "id": thing.get("id"),
        **({"name": called(thing)} if thing.get("name") else {}),
        "type": called(thing.get("metadata") or {}),
        "outcome": found.outcome,
        **({} if found.code is None else {"code": found.code}),
        "because": found.because,
        **({"dependsOn": list(found.fields[:MOST_SHOWN])} if found.fields else {}),
        **({"alsoOnDevice": True} if found.on_either else {}),
        **({} if routes.on_device(thing) else {
            "delivered": None if delivered is None else delivered.total,
            "filteredAtDestination": _tally(at.counted.get("filteredAtDestination")),
            "failedDelivery": _tally(at.counted.get("failedDelivery")),
        }),
        **({"subscriptions": [_shown_subscription(each) for each in told[:MOST_SHOWN]]} if told else {}),
        **({"otherSubscriptions": silent} if silent else {}),
        **({"filters": [each.because for each in filters[:MOST_SHOWN]]} if filters else {}),
    }  # fmt: skip


def _shown_subscription(triggered: Triggered) -> Data:
    return {
        "id": triggered.subscription.get("id"),
        "name": called(triggered.subscription),
        "fires": "yes" if triggered.fires else "depends",
        "because": triggered.because,
        **({"missing": list(triggered.missing[:MOST_SHOWN])} if triggered.missing else {}),
        **({"needs": list(triggered.needs[:MOST_SHOWN])} if triggered.needs else {}),
        **({} if triggered.failure is None else {"failure": triggered.failure}),
    }


def _unfollowed(senders: Mapping[str, int] | None, sources: Sequence[AtSource]) -> Data:
    """The sources that send the event too, and were not followed."""
    followed = {each.thing.get("id") for each in sources}
    others = [{"id": each, "events": events} for each, events in (senders or {}).items() if each not in followed]
    more = len(others) - MOST_SHOWN
    return {
        **({"otherSources": others[:MOST_SHOWN]} if others else {}),
        **({"moreSources": more} if more > 0 else {}),
    }


def _summary(reading: Reading, traced: Traced, found: Found, stops: Sequence[Stop], hours: int) -> str:
    shared = "; something else is called so too, see alsoCalledSo" if traced.namesake else ""
    span = "hour" if hours == 1 else f"{hours} hours"
    said = [
        f"In the last {span} Segment received {traced.title} {_how_often(found)}{shared}",
        _where_it_stops(stops, found),
    ]
    if reading.gaps:
        said.append("Some of it could not be read; gaps say what")
    return ". ".join(said) + "."


def _how_often(found: Found) -> str:
    names = [called(each.thing) for each in found.sources[:2]]
    received = [each.total("successfullyReceived") for each in found.sources]
    counts = list(found.senders.values()) if found.senders else [each for each in received if each is not None]
    others = (len(found.senders) if found.senders else len(found.sources)) - len(names)
    is_whole = found.all_senders if found.senders else not found.left and None not in received
    if found.senders is None and not (counts and (is_whole or sum(counts))):
        often = "an unknown number of times"
    else:
        often = f"{'' if is_whole else 'at least '}{_times(sum(counts))}"
    more = f" and {others} more" if others else ""
    return often + (f" from {' and '.join(names)}{more}" if names else "")


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _delivered(sources: Sequence[AtSource]) -> str:
    """Where it is delivered most, with the source where destinations have the same name."""
    delivered = sorted(
        (
            (counted.total, at.wired.id, called(at.thing), called(source.thing))
            for source in sources
            for at in source.destinations or ()
            if (counted := at.counted.get("successfulDelivery")) is not None and counted.total
        ),
        key=lambda each: (-each[0], each[1]),
    )
    names = Counter(name for _, _, name, _ in delivered)
    told = ", ".join(
        f"{total} at {name}" + (f" of {source}" if names[name] > 1 else "")
        for total, _, name, source in delivered[:_MOST_TOLD]
    )
    more = f", and {len(delivered) - _MOST_TOLD} more" if len(delivered) > _MOST_TOLD else ""
    return f"; delivered: {told}{more}" if told else ""


def _where_it_stops(stops: Sequence[Stop], found: Found) -> str:
    arrives = _delivered(found.sources) + (f"; {found.left} not followed" if found.left else "")
    if not stops:
        return f"{'Of the sources followed, no' if found.left else 'No'} stop was found{arrives}"
    first = max(stops, key=lambda each: each.events or 0)
    cause = first.causes[0]
    what = cause.what.rstrip(".")
    left = len(stops) - 1
    others = f", and {left} more {'stop' if left == 1 else 'stops'}" if left else ""
    if first.stage == NEVER_CAME:
        why = f"Likely: {what}" if cause.certainty == "likely" else "Why not, Segment can't know"
        return f"{why}{others}{arrives}"
    times = f" ({_times(first.events)})" if first.events else ""
    return f"It stops at {first.stage} of {first.place}{times}, {cause.certainty}: {what}{others}{arrives}"
