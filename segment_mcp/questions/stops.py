"""Where an event stops on its way, and why, from what was counted and what is set up. Pure.

A cause is proven where Segment's counters name it, or where what is set up leaves nothing else; it is likely where it
fits what was counted and hangs on fields that nobody told, or may be newer than that; else it is unknown.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from difflib import SequenceMatcher
from typing import Any, Literal

from segment_mcp.errors import InvalidResponse
from segment_mcp.events.checks import problems_of
from segment_mcp.ports import Data
from segment_mcp.questions import governance, routes
from segment_mcp.questions.counters import OF_DESTINATION, OF_SOURCE, Counted, Stage, moment
from segment_mcp.questions.governance import Verdict
from segment_mcp.questions.reading import called
from segment_mcp.questions.reasons import explain
from segment_mcp.questions.routes import Fate, Filtered, Known, Triggered
from segment_mcp.questions.wiring import UNREAD, Governed, Wired
from segment_mcp.redact import clean

Certainty = Literal["proven", "likely", "unknown"]

MOST_SHOWN = 10
"""Reasons, subscriptions, filters or violations that are shown of one place."""
ALIKE = 0.9
"""From which share of common letters on two names are alike."""
NEVER_CAME = "notReceived"
"""The stage before all others."""
UNCOUNTED = "notCounted"
"""Behind the last stage: nothing was counted where something should have been."""

_ORDER: Sequence[str] = (NEVER_CAME, *OF_SOURCE, *OF_DESTINATION, UNCOUNTED)
_NOT_LETTERS = re.compile(r"[^a-z0-9]+")
_NUMBERS = re.compile(r"\d+")
_QUOTED = re.compile(r'"([^"]*)"')
_WIDEN = "Compare the trigger with a sample event, and widen it if such events are meant."


@dataclass(frozen=True, slots=True)
class Traced:
    """The event that is asked about.

    Attributes:
        kind: such as `track`.
        name: of a track event.
        known: all of it, or its type and name.
        namesake: what else was counted that is called so, and how to ask about that.
    """

    kind: str
    name: str | None
    known: Known
    namesake: Data | None = None

    @property
    def only(self) -> Mapping[str, Sequence[str]]:
        """As the counters filter by it."""
        return {"eventType": [self.kind]} if self.name is None else {"eventName": [self.name]}

    @property
    def title(self) -> str:
        """As it stands in a sentence."""
        return f'"{clean(self.name, 80)}"' if self.name is not None else f"{self.kind} calls"


@dataclass(frozen=True, slots=True)
class Cause:
    """Why an event stops somewhere.

    Attributes:
        what: what stops it.
        why: how that is known.
        fix: what to do.
    """

    what: str
    certainty: Certainty
    why: str
    fix: str

    @property
    def shown(self) -> Data:
        """As the answer has it."""
        return {"what": self.what, "certainty": self.certainty, "why": self.why, "fix": self.fix}


@dataclass(frozen=True, slots=True)
class Stop:
    """A place where the event stops, or some of it does.

    Attributes:
        stage: of the delivery overview; `notReceived` before, `notCounted` behind them.
        events: how many stopped there; 0: none was counted, and it would. None: the counter could not be read, or there
            is none.
    """

    stage: str
    source: Mapping[str, Any]
    destination: Mapping[str, Any] | None
    events: int | None
    causes: Sequence[Cause]

    @property
    def shown(self) -> Data:
        """As the answer has it."""
        return {
            "stage": self.stage,
            **({"sourceId": self.source["id"]} if self.source.get("id") else {}),
            **({} if self.destination is None else {"destinationId": self.destination.get("id")}),
            "events": self.events,
            "causes": [each.shown for each in self.causes[:MOST_SHOWN]],
        }

    @property
    def place(self) -> str:
        """As it stands in a sentence."""
        return called(self.source if self.destination is None else self.destination)


@dataclass(slots=True)
class AtDestination:
    """One destination, as far as it was read."""

    wired: Wired
    counted: dict[Stage, Counted | None] = field(default_factory=dict)

    @property
    def thing(self) -> Mapping[str, Any]:
        """The destination as Segment shows it."""
        return self.wired.destination

    @property
    def total(self) -> int | None:
        """Everything that was counted here; None where some of it could not be read."""
        found = [self.counted.get(each) for each in OF_DESTINATION]
        return None if None in found else sum(each.total for each in found if each is not None)


@dataclass(slots=True)
class AtSource:
    """One source, as far as it was read.

    Attributes:
        plan_id: of the plan that governs it, as far as that could be read.
        destinations: the first by ID; None: could not be listed.
    """

    thing: Mapping[str, Any]
    plan_id: str | None = None
    governed: Governed = UNREAD
    counted: dict[Stage, Counted | None] = field(default_factory=dict)
    destinations: list[AtDestination] | None = None

    def total(self, stage: Stage) -> int | None:
        """How many a stage counted; None where that could not be read."""
        counted = self.counted.get(stage)
        return None if counted is None else counted.total

    @property
    def left(self) -> int | None:
        """How many events left the source for its destinations; None where that could not be read."""
        received, blocked = self.total("successfullyReceived"), self.total("filteredAtSource")
        return None if received is None or blocked is None else max(0, received - blocked)


@dataclass(frozen=True, slots=True)
class Found:
    """What was found.

    Attributes:
        sources: those that are followed.
        senders: how many of the event each source sent; None: could not be read, or one source was asked about.
        similar: track events that are called almost alike, where it was not seen.
        since: when what was counted begins.
        all_senders: whether those are all sources that sent it.
        left: how many sources that have it were not followed.
    """

    sources: Sequence[AtSource]
    senders: Mapping[str, int] | None
    similar: Sequence[Data]
    since: datetime
    all_senders: bool = True
    left: int = 0


def stops_of(traced: Traced, found: Found) -> list[Stop]:
    """Every place where the event stops, or would, in the order of its way."""
    return sorted(_stops(traced, found), key=lambda each: _ORDER.index(each.stage))


def _stops(traced: Traced, found: Found) -> Iterator[Stop]:
    if not found.sources and found.senders is not None:
        yield Stop(NEVER_CAME, {}, None, 0, _never_came("The workspace", found))
    for source in found.sources:
        yield from _stops_at_source(traced, source, found)
        for at in source.destinations or ():
            yield from _stops_at_destination(traced, source, at, found.since)


def _never_came(where: str, found: Found) -> list[Cause]:
    instead = [
        Cause(
            f'Segment gets "{clean(each["name"], 80)}", which is spelled almost alike.',
            "likely",
            f"{each['events']} of them were received in this time.",
            "Spell the event alike where it is sent and where it is expected.",
        )
        for each in found.similar[:1]
    ]
    unsent = Cause(
        f"{where} received no such event in this time.",
        "unknown",
        "Whether it was sent, Segment can't know.",
        "Check that the code that sends it runs, its write key and region, and the name letter by letter.",
    )
    return [*instead, unsent]


def _stops_at_source(traced: Traced, source: AtSource, found: Found) -> Iterator[Stop]:
    thing = source.thing
    failed, blocked = source.counted.get("failedOnIngest"), source.counted.get("filteredAtSource")
    verdict = source.governed.verdict(traced.known)
    received = source.total("successfullyReceived")
    if failed is not None and failed.total:
        yield Stop("failedOnIngest", thing, None, failed.total, [_counted_cause(*each) for each in reasons_of(failed)])
    elif thing.get("enabled") is False:
        yield Stop("failedOnIngest", thing, None, _none_of(failed), [_source_is_off()])
    elif received == 0 and failed is not None:
        yield Stop(NEVER_CAME, thing, None, 0, _never_came("This source", found))
    problems = problems_of(dict(traced.known.fields)) if traced.known.whole else []
    if problems:
        causes = [_invalid(problem.code, problem.field) for problem in problems[:MOST_SHOWN]]
        yield Stop("failedOnIngest", thing, None, _none_of(failed), causes)
    if blocked is not None and blocked.total:
        causes = [_blocked_cause(code, events, verdict, source) for code, events in reasons_of(blocked)]
        yield Stop("filteredAtSource", thing, None, blocked.total, causes)
    elif verdict is not None and verdict.code is not None:
        counted = received if blocked is not None else None
        yield Stop("filteredAtSource", thing, None, _none_of(blocked), [_would_block(verdict, source, counted)])


def _none_of(counted: Counted | None) -> int | None:
    """That none was counted, where that is known."""
    return None if counted is None else 0


def _source_is_off() -> Cause:
    reason = explain("source_disabled")
    return Cause(reason.meaning, "proven", "The source's own setting says so.", reason.remedy)


def _invalid(code: str, name: str) -> Cause:
    reason = explain(code)
    return Cause(reason.meaning, "proven", f"The sample breaks it at {name or 'its root'} ({code}).", reason.remedy)


def _counted_cause(code: str, events: int) -> Cause:
    reason = explain(code)
    return Cause(reason.meaning, "proven", _counted_as(reason.code, events), reason.remedy)


def _counted_as(code: str, events: int) -> str:
    return f"Segment counted {events} as {code}."


def _blocked_cause(code: str, events: int, verdict: Verdict | None, source: AtSource) -> Cause:
    base = _counted_cause(code, events)
    why = [base.why]
    if verdict is not None and verdict.code == code and verdict.violations:
        broken = [f"{each.field} {each.message}" for each in verdict.violations[:3]]
        why.append(f"The sample breaks the rule: {'; '.join(broken)}.")
    if source.governed.settings is not None:
        why.append(_forwarding(source.governed.settings))
    return replace(base, why=" ".join(why))


def _would_block(verdict: Verdict, source: AtSource, received: int | None) -> Cause:
    """A verdict against which the counters say nothing is certain; one that they contradict may be newer than them.

    Args:
        verdict: that blocks the event.
        source: that it is about.
        received: of which none was counted as blocked; None: that could not be read.
    """
    code = str(verdict.code)
    certainty: Certainty = "likely" if received else "proven"
    why = f"{verdict.because} {_forwarding(source.governed.settings or {})}"
    if received:
        why = f"{why} None of the {received} received was counted as blocked: the setting may be newer."
    return Cause(explain(code).meaning, certainty, why, explain(code).remedy)


def _forwarding(settings: Mapping[str, Any]) -> str:
    target = governance.forwarded_to(settings)
    return "Blocked events are not forwarded: they are lost." if target is None else f"Blocked events go to {target}."


@dataclass(frozen=True, slots=True)
class _Kept:
    """Events that a destination keeps for one reason.

    Attributes:
        events: how many were counted; 0: none was, and it would be kept.
        since: when what was counted begins.
        why: how it is known that they are kept.
    """

    code: str
    events: int
    since: datetime
    why: str

    def proves(self, thing: Mapping[str, Any]) -> Certainty:
        """How certain it is that something stops events which it would surely stop now.

        Those that were counted met what was set up then: that is the same only if the thing is older, and tells so.
        """
        dates = (_moment(thing.get(name)) for name in ("createdAt", "updatedAt"))
        return "proven" if not self.events or all(at is not None and at < self.since for at in dates) else "likely"


def _moment(time: Any) -> datetime | None:
    try:
        return moment(time) if isinstance(time, str) else None
    except InvalidResponse:
        return None


def _stops_at_destination(traced: Traced, source: AtSource, at: AtDestination, since: datetime) -> Iterator[Stop]:
    found = at.wired.fate(traced.known)
    filtered, failed = at.counted.get("filteredAtDestination"), at.counted.get("failedDelivery")
    if filtered is not None and filtered.total:
        kept = [_Kept(code, events, since, _counted_as(code, events)) for code, events in reasons_of(filtered)]
        causes = [cause for each in kept for cause in _filtered_causes(each, traced, found, at)]
        yield Stop("filteredAtDestination", source.thing, at.thing, filtered.total, causes)
    elif found.outcome == "kept":
        causes = _kept_causes(traced, found, at, since)
        yield Stop("filteredAtDestination", source.thing, at.thing, _none_of(filtered), causes)
    if failed is not None and failed.total:
        causes = [_counted_cause(*each) for each in reasons_of(failed)]
        yield Stop("failedDelivery", source.thing, at.thing, failed.total, causes)
    if found.outcome in {"sent", "depends", "unknown"} and at.total == 0 and source.left:
        yield Stop(UNCOUNTED, source.thing, at.thing, source.left, [_uncounted(found)])


def _uncounted(found: Fate) -> Cause:
    return Cause(
        "Nothing was counted for this destination, neither delivered nor kept nor failed.",
        "unknown",
        f"{found.because} Counters come after half a minute, and Segment repeats a delivery for up to four hours.",
        "Ask again in some minutes; then look at the destination itself.",
    )


def _kept_causes(traced: Traced, found: Fate, at: AtDestination, since: datetime) -> list[Cause]:
    """Why an event would be kept, of which none was counted."""
    if found.code == "DISABLED":
        return [Cause(found.because, "proven", "The destination's own setting says so.", "Enable the destination.")]
    base = Cause(found.because, "proven", _set_up(at), explain(str(found.code)).remedy)
    return _candidates(_Kept(str(found.code), 0, since, _set_up(at)), traced, found, at) or [base]


def _set_up(at: AtDestination) -> str:
    delivered = at.counted.get("successfulDelivery")
    newer = f" It is newer than the {delivered.total} deliveries in this time." if delivered and delivered.total else ""
    return f"What is set up now says so.{newer}"


def _filtered_causes(kept: _Kept, traced: Traced, found: Fate, at: AtDestination) -> list[Cause]:
    """What would stop such events now and, unless that is proven, the reason that Segment counted."""
    causes = _candidates(kept, traced, found, at)
    if any(each.certainty == "proven" for each in causes):
        return causes
    return [*causes, _counted_cause(kept.code, kept.events)]


def _candidates(kept: _Kept, traced: Traced, found: Fate, at: AtDestination) -> list[Cause]:
    """What of the destination is behind a code; empty where the code says all that is known."""
    if kept.code == "FILTERED_BY_RULES":
        return [cause for each in found.filters for cause in _filter_cause(each, kept)]
    if kept.code == "FILTERED_AT_MAPPING":
        return [cause for each in found.subscriptions for cause in _mapping_cause(each, kept)]
    if kept.code == "NO_MATCHING_MAPPING":
        causes = [cause for each in found.subscriptions for cause in _trigger_cause(each, traced, kept, at)]
        reason = explain(kept.code)
        why = f"{kept.why} {_triggers(at)}"
        return causes or [Cause(reason.meaning, "proven" if kept.events else _certain(at), why, reason.remedy)]
    return []


def _certain(at: AtDestination) -> Certainty:
    return "unknown" if at.wired.subscriptions is None else "proven"


def _triggers(at: AtDestination) -> str:
    """What the destination listens to."""
    if at.wired.subscriptions is None:
        return "Its subscriptions could not be read."
    enabled = [each for each in at.wired.subscriptions if each.get("enabled")]
    shown = "; ".join(f'"{called(each)}": {clean(str(each.get("trigger")), 120)}' for each in enabled[:3])
    more = f"; and {len(enabled) - 3} more" if len(enabled) > 3 else ""  # noqa: PLR2004 - three fit a sentence
    return f"What it takes: {shown}{more}." if shown else "It has no enabled subscription."


def _filter_cause(filtered: Filtered, kept: _Kept) -> Iterator[Cause]:
    if filtered.stops is False:
        return
    certainty: Certainty = kept.proves(filtered.filter) if filtered.stops else "likely"
    yield Cause(filtered.because, certainty, kept.why, "Narrow or disable this filter.")


def _mapping_cause(triggered: Triggered, kept: _Kept) -> Iterator[Cause]:
    name = called(triggered.subscription)
    if triggered.fires is False:
        return
    certainty: Certainty = kept.proves(triggered.subscription) if triggered.fires else "likely"
    if triggered.failure is not None and not triggered.certain:
        what = f'Whether the mapping "{name}" delivers can\'t be told here.'
        yield Cause(what, "unknown", triggered.failure, "Test it with an event in Segment's app.")
    elif triggered.failure is not None:
        yield Cause(f'The mapping "{name}" can\'t be rendered.', certainty, triggered.failure, "Mend the mapping.")
    elif triggered.missing:
        fields = ", ".join(triggered.missing[:5])
        what = f'The mapping "{name}" gives nothing for {fields}, which its action requires.'
        yield Cause(what, certainty, kept.why, f"Map {fields} to something that the event has.")
    elif triggered.needs:
        what = f'The mapping "{name}" may lack what its action requires: it is made from {", ".join(triggered.needs)}.'
        yield Cause(what, "likely", kept.why, "Give a sample event to see which field is empty.")


def _trigger_cause(triggered: Triggered, traced: Traced, kept: _Kept, at: AtDestination) -> Iterator[Cause]:
    """Subscriptions that would have fitted: switched off, or a trigger that names the event in other letters."""
    subscription, name = triggered.subscription, called(triggered.subscription)
    sure = kept.proves(subscription)
    if triggered.fires is not False and triggered.on_device:
        what = f'The mapping "{name}" is run by the browser or the app, which Segment does not see.'
        yield Cause(what, sure if triggered.fires else "likely", kept.why, "Look at the destination for proof.")
        return
    if triggered.fires is not False:
        yield Cause(f'The trigger of "{name}" did not match.', "likely", f"{kept.why} {triggered.because}", _WIDEN)
        return
    trigger = subscription.get("trigger")
    if not isinstance(trigger, str) or subscription.get("modelId"):
        return
    if isinstance(routes.condition(trigger), str):
        yield Cause(f'The trigger of "{name}" is no FQL.', sure, f"{kept.why} {triggered.because}", "Mend the trigger.")
        return
    if not subscription.get("enabled"):
        enabled = {**subscription, "enabled": True}
        (fits,) = routes.triggers(traced.known, at.thing, [enabled])
        if fits.fires is not False:
            certainty: Certainty = sure if fits.fires else "likely"
            what = f'The subscription "{name}" {"fits" if fits.fires else "may fit"}, and is switched off.'
            yield Cause(what, certainty, kept.why, "Enable that subscription.")
        return
    if traced.name is not None and any(alike(word, traced.name) for word in _QUOTED.findall(trigger)):
        what = f'The trigger of "{name}" names a similar event: {clean(trigger, 160)}'
        yield Cause(what, "likely", kept.why, "Spell the event in the trigger as it is sent; case and spaces count.")


def reasons_of(counted: Counted) -> list[tuple[str, int]]:
    """Codes and how many events, most first."""
    totals: dict[str, int] = {}
    for row in counted.rows:
        code = row.by.get("discardReason", "no reason given")
        totals[code] = totals.get(code, 0) + row.total
    return sorted(((code, events) for code, events in totals.items() if events), key=lambda pair: -pair[1])


def alike(one: str, other: str) -> bool:
    """Whether two names differ, and that little that one may be meant for the other; numbers have to be the same."""
    if one == other:
        return False
    first, second = (_NOT_LETTERS.sub("", text.casefold()) for text in (one, other))
    if first == second:
        return True
    if _NUMBERS.findall(first) != _NUMBERS.findall(second):
        return False
    letters = SequenceMatcher(None, first, second)
    return all(ratio() >= ALIKE for ratio in (letters.real_quick_ratio, letters.quick_ratio, letters.ratio))
