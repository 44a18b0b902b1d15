"""Which sources have no use? Those without data, never used, dropping, disabled or too young to tell; and the cost."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any, Literal

import anyio

from segment_mcp.errors import InvalidArguments
from segment_mcp.ports import Bounds, Data
from segment_mcp.questions import counters
from segment_mcp.questions.counters import Counted, Window
from segment_mcp.questions.reading import Gap, Reading, called
from segment_mcp.timing import timestamp_of

Status = Literal["stale", "never_used", "dropping", "disabled", "too_young", "unknown", "active"]
"""What is known of a source.

stale: it had data, and none in the quiet days asked about. never_used: no counter that Segment still keeps has any.
dropping: less than half of what came in weeks before. disabled: it is switched off. too_young: made within the quiet
days asked about. unknown: what would tell could not be read, or counts no such source. active: it has data.
"""

ORDER: Sequence[Status] = ("stale", "never_used", "dropping", "disabled", "unknown", "too_young", "active")
MOST_LISTED = 60
DROPPED_TO = 0.5
"""Of what came a day before: less than that is dropping."""
FEWEST_A_DAY = 10
"""Events a day before; with fewer, chance alone makes such a drop."""
BACK = timedelta(days=29)
"""How far back events volume is read, in days."""
MONTHS = 3
"""Months of usage in which a source without events is looked for, the present one among them."""

UNCOUNTED = "It seems to sync objects, which events volume does not count."
"""Why nothing is known of some sources."""

_CALLS = ("getDailyPerSourceAPICallsUsage", ("apiCalls",))
_MTU = ("getDailyPerSourceMTUUsage", ("identified", "neverIdentified"))
"""Operation and members that add up; a tracked user is one that was identified, or one that never was."""
_USAGE = Bounds(items=60_000, pages=60)
_DAY = timedelta(days=1)
_A_WEEK = 7
_LIBRARIES = frozenset({"Website", "Mobile", "Server"})
"""Categories of sources that clients send events to; others may sync objects, which events volume does not count."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of one source's data.

    Attributes:
        enabled: whether it takes data.
        days: events by day within the last four weeks; None: could not be read.
        created: when it was made, where the audit trail says it.
        used_before: whether usage of earlier days or months shows anything; None: could not be read.
        counted: whether events volume counts such sources at all.
    """

    enabled: bool
    days: Mapping[date, int] | None
    created: datetime | None = None
    used_before: bool | None = None
    counted: bool = True


def status_of(seen: Seen, now: datetime, quiet: int) -> Status:
    """What is known of a source; see `Status`.

    Args:
        seen: its data.
        now: the present.
        quiet: days without data that make it stale.
    """
    if not seen.enabled:
        return "disabled"
    if seen.days is None:
        return "unknown"
    since = now - quiet * _DAY
    if any(count for day, count in seen.days.items() if day >= since.date()):
        return "dropping" if is_dropping(seen.days, now.date()) else "active"
    if any(seen.days.values()) or seen.used_before:
        return "stale"
    return _status_without_data(seen, since)


def _status_without_data(seen: Seen, since: datetime) -> Status:
    if not seen.counted:
        return "unknown"
    if seen.created is not None and seen.created >= since:
        return "too_young"
    return "unknown" if seen.used_before is None else "never_used"


def is_dropping(days: Mapping[date, int], today: date) -> bool:
    """Whether the last seven whole days had less than half of what the days before them had, by the day."""
    week = sum(days.get(today - step * _DAY, 0) for step in range(1, _A_WEEK + 1)) / _A_WEEK
    first = min((day for day, count in days.items() if count), default=today)
    earlier = [
        days.get(today - step * _DAY, 0) for step in range(_A_WEEK + 1, BACK.days) if today - step * _DAY >= first
    ]
    usual = sum(earlier) / len(earlier) if len(earlier) >= _A_WEEK else 0.0
    return usual >= FEWEST_A_DAY and week < DROPPED_TO * usual


@dataclass(slots=True)
class _Read:
    """What was read; None: could not be. API calls of each month stand by how many months ago it was.

    Attributes:
        made: when sources were made, of those that were within the quiet days.
    """

    volume: Counted | None = None
    made: Mapping[str, datetime] | None = None
    calls: Mapping[str, int] | None = None
    mtu: Mapping[str, int] | None = None
    earlier: dict[int, Mapping[str, int] | None] = field(default_factory=dict)


async def ask(reading: Reading, *, days: int, after: str | None) -> Data:
    """Which sources have no data, or less than before.

    Args:
        reading: the question's.
        days: how many quiet days make a source stale.
        after: go on after this place, as `next` named it.

    Returns:
        `{summary, sources: [{id, name, slug, status, lastDay?, events?, eventsBefore?, apiCalls?, mtu?, why?}], counts,
        cost: {month, apiCalls?, mtu?}, next?, ...}`; those without use first, active ones only counted.

    Raises:
        InvalidArguments: `after` is no `next` of this question.
        UpstreamError: the sources could not be listed.
    """
    now = reading.timing.now()
    listed = await reading.everything("listSources")
    sources = sorted(listed.items, key=lambda one: str(one["id"]))
    read = await _read(reading, now, days, [one["id"] for one in sources if one["enabled"]])
    shows_keys = any(one.get("writeKeys") for one in sources)
    entries = [_entry(one, read, (now, days), shows_keys=shows_keys) for one in sources]
    counts: dict[str, int] = {status: sum(entry["status"] == status for entry in entries) for status in ORDER}
    _note_uncounted(reading, entries)
    shown = sorted((entry for entry in entries if entry["status"] != "active"), key=_place)
    left = shown if after is None else [entry for entry in shown if _place(entry) > _place_of(after)]
    part = left[:MOST_LISTED]
    cost = {"month": now.strftime("%Y-%m"), **_sum("apiCalls", read.calls), **_sum("mtu", read.mtu)}
    body = {
        "quietDays": days,
        "sources": part,
        "counts": {status: count for status, count in counts.items() if count},
        "cost": cost,
    }
    whole = "" if listed.complete else "at least "
    last = f"{part[-1]['status']}:{part[-1]['id']}" if len(part) < len(left) else None
    summary = _summary(counts, days, f"{whole}{len(sources)}", ages_known=read.made is not None)
    return reading.answer(summary, body, after=last)


def _place(entry: Data) -> tuple[int, str]:
    """Where a source stands in the answer, whatever other sources there are."""
    return ORDER.index(entry["status"]), str(entry["id"])


def _place_of(after: str) -> tuple[int, str]:
    """The place that `next` named.

    Raises:
        InvalidArguments: no answer of this question named it.
    """
    status, _, source_id = after.partition(":")
    if status not in ORDER or not source_id:
        raise InvalidArguments([{"field": "after", "message": "must be next of an answer of this tool"}], read=True)
    return ORDER.index(status), source_id


async def _read(reading: Reading, now: datetime, quiet: int, enabled: Sequence[str]) -> _Read:
    """Everything side by side; usage of the months before only if a source's events are older than events volume."""
    read = _Read()
    month = _month(now, 0)

    async def volume() -> None:
        start = (now - BACK).replace(hour=0, minute=0, second=0, microsecond=0)
        read.volume = await counters.volume(reading, Window(start, now, "DAY"), ("source",))
        if read.volume is not None and not all(_days_of(read.volume, source_id) for source_id in enabled):
            for back in range(1, MONTHS):
                group.start_soon(before, back)

    async def before(back: int) -> None:
        read.earlier[back] = await _usage(reading, _CALLS, _month(now, back))

    async def made() -> None:
        asked = {"startTime": timestamp_of(now - quiet * _DAY), "pagination": {"count": 1_000}}
        listed = await reading.list("listAuditEvents", asked, keep=lambda one: one.get("type") == "Source Created")
        if listed is not None and listed.complete:
            read.made = {one["resourceId"]: counters.moment(one["timestamp"]) for one in listed.items}

    async def calls() -> None:
        read.calls = read.earlier[0] = await _usage(reading, _CALLS, month)

    async def mtu() -> None:
        read.mtu = await _usage(reading, _MTU, month)

    async with anyio.create_task_group() as group:
        for each in (volume, made, calls, mtu):
            group.start_soon(each)
    return read


async def _usage(reading: Reading, usage: tuple[str, Sequence[str]], period: str) -> Mapping[str, int] | None:
    """The count of each source in a month; None: could not all be read."""
    operation, members = usage
    listed = await reading.list(operation, {"period": period, "pagination": {"count": 1_000}}, bounds=_USAGE)
    if listed is None or not listed.complete:
        return None
    days: dict[str, dict[str, int]] = {}
    for row in listed.items:
        texts = [str(row.get(member, "")) for member in members]
        if all(text.isdecimal() for text in texts):
            days.setdefault(str(row.get("sourceId")), {})[str(row.get("timestamp"))] = sum(map(int, texts))
    return month_of(days)


def month_of(days: Mapping[str, Mapping[str, int]]) -> dict[str, int]:
    """The month's count of each source, of its counts by day.

    Segment calls them daily and cumulative, which can mean that they add up over the day or over the month. Counts
    that add up over the month never fall, so one that falls tells that all of them are days' counts.

    Args:
        days: counts by source and time.
    """
    in_order = {source: [counts[time] for time in sorted(counts)] for source, counts in days.items()}
    falls = any(later < sooner for counts in in_order.values() for sooner, later in pairwise(counts))
    return {source: sum(counts) if falls else counts[-1] for source, counts in in_order.items()}


def _entry(source: Mapping[str, Any], read: _Read, asked: tuple[datetime, int], *, shows_keys: bool) -> Data:
    now, quiet = asked
    days = _days_of(read.volume, source["id"])
    known = [usage.get(source["id"], 0) for usage in read.earlier.values() if usage is not None]
    used = any(known) or (False if len(known) == MONTHS else None)
    created = None if read.made is None else read.made.get(source["id"])
    seen = Seen(source["enabled"], days, created, used, _is_counted(source, shows_keys=shows_keys))
    status = status_of(seen, now, quiet)
    told: Data = {"id": source["id"], "name": called(source), "slug": source["slug"], "status": status}
    if days:
        week = sum(count for day, count in days.items() if day >= (now - quiet * _DAY).date())
        told |= {"lastDay": max(days).isoformat(), "events": week, "eventsBefore": sum(days.values()) - week}
    if seen.created is not None:
        told["created"] = seen.created.date().isoformat()
    for name, usage in (("apiCalls", read.calls), ("mtu", read.mtu)):
        if usage is not None:
            told[name] = usage.get(source["id"], 0)
    if status == "unknown" and not seen.counted:
        told["why"] = UNCOUNTED
    if status == "never_used" and read.made is None:
        told["why"] = "It may be too young to tell: when it was made could not be read."
    return told


def _is_counted(source: Mapping[str, Any], *, shows_keys: bool) -> bool:
    """Whether events volume counts it: of a kind that clients send to, or with a write key."""
    metadata = source.get("metadata") or {}
    of_clients = bool(_LIBRARIES & set(metadata.get("categories") or ())) or bool(metadata.get("isCloudEventSource"))
    return of_clients or bool(source.get("writeKeys")) or not shows_keys


def _days_of(volume: Counted | None, source_id: str) -> dict[date, int] | None:
    """Events of a source by day; None where they could not be read: where not all could, nothing may be missing."""
    if volume is None:
        return None
    days: dict[date, int] = {}
    for row in volume.rows:
        if row.by.get("sourceId") == source_id:
            for time, count in row.series.items():
                if count:
                    day = counters.moment(time).date()
                    days[day] = days.get(day, 0) + count
    return days if days or volume.complete else None


def _note_uncounted(reading: Reading, entries: Sequence[Data]) -> None:
    for entry in entries:
        if entry.get("why") == UNCOUNTED:
            reading.note(Gap("", "no_api", "No operation counts what a source of objects syncs.", entry["id"]))


def _sum(name: str, usage: Mapping[str, int] | None) -> Data:
    return {} if usage is None else {name: sum(usage.values())}


def _month(now: datetime, back: int) -> str:
    """The first day of a month so many months ago."""
    months = now.year * 12 + now.month - 1 - back
    return date(months // 12, months % 12 + 1, 1).isoformat()


def _summary(counts: Mapping[str, int], days: int, of: str, *, ages_known: bool) -> str:
    new = "" if ages_known else ", or too young to tell"
    words = {
        "stale": f"stale (data before, none in the last {days} days)",
        "never_used": f"never used (no data as far as Segment's counters reach back{new})",
        "dropping": "dropping (less than half of the usual)",
        "disabled": "disabled",
        "unknown": "unknown",
        "too_young": "too young to tell",
    }
    said = [f"{counts[status]} {text}" for status, text in words.items() if counts[status]]
    active = f"{counts['active']} with data"
    return f"Of {of} sources: {', '.join([*said, active])}."
