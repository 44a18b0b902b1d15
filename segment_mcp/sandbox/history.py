"""What the seeded workspace counted before now: traffic, what stopped it, and how its deliveries ended.

`history.json` tells it by source. A line is a kind of event: one such event, how many of it an hour brings, and where
it stops unless it goes on: `failed` on ingest, `blocked` at the source, or `filtered` at a destination, each with
Segment's code. A source's phases say from how many hours ago on which percentage of that came; a destination's, how
many of a thousand deliveries did not succeed at once, and why. A destination takes events by type and name through a
subscription, a classic one through none; what it does not take matched no mapping.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any, NamedTuple

from segment_mcp.sandbox import windows
from segment_mcp.sandbox.ledger import Delivery, Failure, Filtered, Ledger, Outcome, Series
from segment_mcp.sandbox.users import Counted

_HOURS = 35 * 24  # reaches into the month before
_DENSE_HOURS = 48  # counted hour by hour; before that in blocks, which is enough for days
_BLOCK = 12
_LATEST_MINUTES_AGO = 7  # inside every default window, and never the present minute
_NO_MAPPING = "NO_MATCHING_MAPPING"
_NOWHERE: Mapping[str, str] = {}

Line = Mapping[str, Any]
Trouble = Mapping[Outcome, tuple[str | None, int]]
"""Segment's code, and how many of a thousand deliveries end so, by outcome."""
Phases = Sequence[tuple[int, Any]]
"""From how many hours ago on what was so, oldest first."""


def lines() -> Mapping[str, Sequence[Line]]:
    """What each source sent, by its ID: `{perHour, event, failed?, blocked?, filtered?}`."""
    return {source_id: told["lines"] for source_id, told in _data().items()}


def ledger(now: datetime) -> Ledger:
    """The history up to shortly before `now`: the same for the same clock."""
    return _ledger(windows.minute_of(now)).copy()


class _Span(NamedTuple):
    """Some hours, counted in one minute; `hour` is how many hours ago they end."""

    minute: int
    day: date
    hours: int
    hour: int


class _Way(NamedTuple):
    """One way of a kind of event to a destination.

    Attributes:
        filtered: Segment's code for why it ends there; empty if it leads to deliveries.
        trouble: phases of how they ended.
    """

    destination_id: str
    subscription_id: str | None
    filtered: str
    trouble: Phases


@dataclass(frozen=True, slots=True)
class _Kind:
    """A line, ready to be counted."""

    series: Series
    per_hour: int
    phases: Phases
    failed: str | None
    blocked: str | None
    ways: tuple[_Way, ...]


@dataclass(slots=True)
class _Shares:
    """Shares in whole numbers; what is left of one goes to the next, so that they add up."""

    left: dict[object, int] = field(default_factory=dict)

    def of(self, key: object, parts: int, per: int) -> int:
        """`parts / per`, as far as that is whole together with what was left under that key."""
        whole, self.left[key] = divmod(parts + self.left.get(key, 0), per)
        return whole


@cache
def _data() -> Mapping[str, Mapping[str, Any]]:
    text = files("segment_mcp.sandbox").joinpath("history.json").read_text(encoding="utf-8")
    loaded: Mapping[str, Mapping[str, Any]] = json.loads(text)
    return loaded


@lru_cache(maxsize=4)
def _ledger(now: int) -> Ledger:
    """The ledger of a minute; whoever counts on has a copy of it."""
    counted, shares = Ledger(), _Shares()
    spans = list(_spans(now))
    for source_id, told in _data().items():
        kinds = [_kind(source_id, told, line) for line in told["lines"]]
        for span in spans:
            sent: dict[str, int] = {}
            for number, kind in enumerate(kinds):
                rate = kind.per_hour + span.hour % (1 + kind.per_hour // 4)
                percent = _phase(kind.phases, span.hour, 100)
                events = shares.of((source_id, number), span.hours * rate * percent, 100)
                if events and _accepted(counted, span, kind, events):
                    sent[kind.series.type] = sent.get(kind.series.type, 0) + events
                    for way in kind.ways:
                        _deliver(counted, shares, span, (kind.series, way), events)
            if sent:
                counted.users.add(span.day, source_id, _people(sent))
    return counted


def _spans(now: int) -> Iterator[_Span]:
    """The whole history, oldest first."""
    hours = [
        *((hour, _BLOCK) for hour in range(_DENSE_HOURS, _HOURS, _BLOCK)),
        *((hour, 1) for hour in range(_DENSE_HOURS)),
    ]
    for hour, length in sorted(hours, reverse=True):
        minute = now - _LATEST_MINUTES_AGO - 60 * hour
        yield _Span(minute, (windows.EPOCH + minute * windows.MINUTE).date(), length, hour)


def _phase(phases: Phases, hour: int, otherwise: Any) -> Any:
    """What the last phase says that had begun by then."""
    return next((said for since, said in reversed(phases) if hour < since), otherwise)


def _kind(source_id: str, told: Mapping[str, Any], line: Line) -> _Kind:
    event = line["event"]
    version = event.get("context", {}).get("app", {}).get("version")
    series = Series(source_id, event["type"], event.get("event"), version)
    ways = (way for found in told.get("destinations", {}).items() for way in _ways(series, line, *found))
    return _Kind(series, line["perHour"], told.get("phases", ()), line.get("failed"), line.get("blocked"), tuple(ways))


def _ways(series: Series, line: Line, destination_id: str, told: Mapping[str, Any]) -> Iterator[_Way]:
    takers = [taker for type_, name, taker in told["takes"] if type_ == series.type and name in {None, series.name}]
    code = line.get("filtered", _NOWHERE).get(destination_id) or ("" if takers else _NO_MAPPING)
    for taker in [None] if code else takers:
        yield _Way(destination_id, taker, code, told.get("phases", ()))


def _accepted(counted: Ledger, span: _Span, kind: _Kind, events: int) -> bool:
    """Count events where they came in; whether they go on to destinations."""
    series = kind.series
    if kind.failed:
        failure = Failure(series.source_id, series.type, series.name, kind.failed, series.app_version)
        counted.failed.add(span.minute, failure, events)
        return False
    if kind.blocked:
        counted.block(span.minute, series, kind.blocked, events)
        return False
    counted.accept(span.minute, span.day, series, events)
    return True


def _deliver(counted: Ledger, shares: _Shares, span: _Span, taken: tuple[Series, _Way], events: int) -> None:
    """Count events at a destination: as filtered there, or as however their deliveries ended."""
    series, way = taken
    if way.filtered:
        counted.filtered.add(span.minute, Filtered(way.destination_id, way.filtered, series), events)
        return
    trouble: Trouble = _phase(way.trouble, span.hour, {})
    first = events
    for outcome, (reason, per_mille) in trouble.items():
        ended = Delivery(way.destination_id, outcome, series, way.subscription_id, reason)
        share = shares.of(ended, events * per_mille, 1000)
        if share:
            counted.delivered.add(span.minute, ended, share)
            first -= share
    if first:
        ended = Delivery(way.destination_id, "first_attempt", series, way.subscription_id)
        counted.delivered.add(span.minute, ended, first)


def _people(sent: Mapping[str, int]) -> Counted:
    """Who sent so many events of each type: everybody looks at some pages and is identified now and then."""
    identify = sent.get("identify", 0)
    anonymous = (sent.get("page", 0) + sent.get("screen", 0)) // 9
    return Counted(identify // 3, anonymous, min(identify // 4, anonymous))
