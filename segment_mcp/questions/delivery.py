"""Is a destination failing, and does anybody notice? Counts, reasons, latency and trend of each destination."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import anyio

from segment_mcp.ports import Data
from segment_mcp.questions import counters
from segment_mcp.questions.counters import Counted, Scope, Window
from segment_mcp.questions.reading import Gap, Reading, called
from segment_mcp.questions.reasons import explain
from segment_mcp.questions.routes import on_either
from segment_mcp.timing import timestamp_of

Status = Literal["failing", "all_filtered", "degraded", "unknown", "idle", "healthy", "unseen", "disabled"]
"""What a destination's counters say.

failing: half of what it was sent failed, or more. all_filtered: events came, and none was let through. degraded: one
event in twenty failed. unknown: counters that would tell could not be read. idle: no event came to it. unseen: device
mode, which Segment's counters don't see. disabled: it is switched off.
"""

ORDER: Sequence[Status] = (
    "failing", "all_filtered", "degraded", "unknown", "idle", "unseen", "disabled", "healthy",
)  # fmt: skip
"""In which answers list them: what nobody notices comes first."""
FAILING = 0.5
DEGRADED = 0.05
CHANGED = 0.05
"""By how much the share of failures has to move to be a trend."""
REASONS_SHOWN = 5
MOST_SHOWN = 40

_QUIET: frozenset[Status] = frozenset({"idle", "unseen", "disabled", "healthy"})
_HOUR = timedelta(hours=1)
_SUMMARY_SPANS: Sequence[tuple[timedelta, counters.Granularity]] = (
    (4 * _HOUR, "MINUTE"),
    (timedelta(days=7), "HOUR"),
    (timedelta(days=14), "DAY"),
)
"""The longest span of the delivery metrics by granularity; they reach no further back than that."""
_MARGIN = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Share:
    """What became of the events of a span that reached a destination.

    Attributes:
        delivered: None: could not be read; so for the others.
    """

    delivered: int | None
    failed: int | None
    filtered: int | None

    @property
    def failure_rate(self) -> float | None:
        """Failures among deliveries that were tried; None if none was, or it is unknown."""
        if self.delivered is None or self.failed is None or not self.delivered + self.failed:
            return None
        return self.failed / (self.delivered + self.failed)


def status_of(share: Share) -> Status:
    """What the counters of an enabled cloud destination say; see `Status`."""
    rate = share.failure_rate
    if share.delivered is None or share.failed is None:
        return "unknown"
    if rate is not None:
        return "failing" if rate >= FAILING else "degraded" if rate >= DEGRADED else "healthy"
    if share.filtered is None:
        return "unknown"
    return "all_filtered" if share.filtered else "idle"


def trend_of(now: Share, before: Share) -> str:
    """Whether failures became more or fewer: `worse`, `better`, `steady`; `unknown` where a span tells nothing."""
    new, old = now.failure_rate, before.failure_rate
    if new is None or old is None:
        return "unknown"
    return "worse" if new - old > CHANGED else "better" if old - new > CHANGED else "steady"


async def ask(
    reading: Reading, *, source_id: str | None, destination_id: str | None, hours: int, after: str | None
) -> Data:
    """How well each destination is delivered to.

    Args:
        reading: the question's.
        source_id: only destinations of this source.
        destination_id: only this one.
        hours: how far back; as long a span before it is what the trend compares with.
        after: go on after this destination's ID.

    Returns:
        `{summary, window, destinations: [{id, name?, type, sourceId, status, delivered?, failed?, filtered?,
        failureRate?, reasons?, filteredFor?, retried?, latency?, trend?}], more?, counts: {status: n}, next?, ...}`,
        worst first. Of many, those that work or have nothing to do are only counted.

    Raises:
        NotFound: there is no such destination.
        UpstreamError: the destinations could not be listed.
    """
    now = reading.timing.now()
    windows = _windows(now, timedelta(hours=hours))
    found, complete = await _destinations(reading, source_id, destination_id)
    wanted = sorted((one for one in found if after is None or one["id"] > after), key=lambda one: str(one["id"]))
    looked = await reading.each(wanted, lambda part, one: _look(part, one, windows), "Reading counters")
    entries = [entry for _, entry in looked.found]
    entries.sort(key=lambda entry: (ORDER.index(entry["status"]), -entry.get("failed", 0), entry["id"]))
    counts = {status: sum(entry["status"] == status for entry in entries) for status in ORDER}
    shown = _shown(entries)
    last = looked.found[-1][0]["id"] if looked.left and looked.found else None
    body = {
        "window": windows.now.shown | {"comparedWith": windows.before.shown if windows.before else None},
        "destinations": shown,
        **({"more": len(entries) - len(shown)} if len(shown) < len(entries) else {}),
        "counts": {status: count for status, count in counts.items() if count},
    }
    return reading.answer(
        _summary(entries, windows.now, left=looked.left, whole=complete and after is None), body, after=last
    )


def _shown(entries: Sequence[Data]) -> list[Data]:
    """All of a few; of many those that somebody should look at."""
    if len(entries) <= MOST_SHOWN:
        return list(entries)
    return [entry for entry in entries if entry["status"] not in _QUIET][:MOST_SHOWN]


@dataclass(frozen=True, slots=True)
class _Windows:
    """The span that is asked about, the one before it, and both in one.

    Attributes:
        before: None: the counters don't reach that far back.
    """

    now: Window
    before: Window | None
    both: Window


def _windows(now: datetime, back: timedelta) -> _Windows:
    """Spans that begin where a bucket does, so that none is counted twice or in part."""
    both = counters.window(now, 2 * back)
    length = counters.LENGTHS[both.granularity]
    cut = _floor(now - back, length)
    start = _floor(both.start, length)
    if start < both.start:  # a whole bucket more is longer, or older, than Segment allows
        start += length
    if cut - start < back / 2:  # what is left before is no fair comparison
        alone = Window(max(cut, start), now, both.granularity)
        return _Windows(alone, None, alone)
    granularity = both.granularity
    return _Windows(Window(cut, now, granularity), Window(start, cut, granularity), Window(start, now, granularity))


def _floor(moment: datetime, length: timedelta) -> datetime:
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + (moment - midnight) // length * length


async def _destinations(
    reading: Reading, source_id: str | None, destination_id: str | None
) -> tuple[list[Mapping[str, Any]], bool]:
    if destination_id is not None:
        data = await reading.need("getDestination", {"destinationId": destination_id})
        return [data["destination"]], True
    listed = await reading.everything("listDestinations")
    return [one for one in listed.items if source_id in {None, one.get("sourceId")}], listed.complete


async def _look(reading: Reading, destination: Mapping[str, Any], windows: _Windows) -> Data:
    about = {
        "id": destination["id"],
        **({"name": called(destination)} if destination.get("name") else {}),
        "type": called(destination.get("metadata") or {}),
        "sourceId": destination["sourceId"],
    }
    if not destination["enabled"]:
        return {**about, "status": "disabled"}
    if not seen_by_servers(destination):
        return {**about, "status": "unseen", "why": "Device mode: the browser or app delivers, and nothing counts it."}
    scope = Scope(windows.both, destination["sourceId"], destination["id"])
    counted: dict[str, Counted | None] = {}
    latency: Data = {}

    async def count(stage: counters.Stage, by: Sequence[str]) -> None:
        counted[stage] = await counters.stage(reading, stage, scope, by)

    async def time() -> None:
        latency.update(await _latency(reading, destination, windows.now))

    async with anyio.create_task_group() as group:
        group.start_soon(count, "successfulDelivery", ())
        group.start_soon(count, "failedDelivery", ("discardReason",))
        group.start_soon(count, "filteredAtDestination", ("discardReason",))
        group.start_soon(time)
    share = _share(counted, windows.now)
    if status_of(share) == "idle" and on_either(destination):
        reading.note(Gap("", "no_api", "No operation tells whether it runs in device mode.", destination["id"]))
        return {
            **about,
            "status": "unseen",
            "why": "Segment's servers sent it nothing; the browser or app may deliver.",
        }
    before = _share(counted, windows.before) if windows.before else Share(None, None, None)
    rate = share.failure_rate
    known = {"delivered": share.delivered, "failed": share.failed, "filtered": share.filtered}
    return {
        **about,
        "status": status_of(share),
        **{name: value for name, value in known.items() if value is not None},
        **({} if rate is None else {"failureRate": round(rate, 4)}),
        **_reasons("reasons", counted.get("failedDelivery"), windows.now),
        **_reasons("filteredFor", counted.get("filteredAtDestination"), windows.now),
        **{name: told for name, told in latency.items() if name != "latency" or share.delivered},
        "trend": trend_of(share, before),
    }


def seen_by_servers(destination: Mapping[str, Any]) -> bool:
    """Whether Segment's servers can deliver to it: by the platforms that its catalog entry supports."""
    platforms = (destination.get("metadata") or {}).get("supportedPlatforms") or {}
    return bool(platforms.get("server", True))


def _share(counted: Mapping[str, Counted | None], within: Window) -> Share:
    def total(stage: str) -> int | None:
        found = counted.get(stage)
        return None if found is None else sum(found.within(within).values())

    return Share(total("successfulDelivery"), total("failedDelivery"), total("filteredAtDestination"))


def _reasons(name: str, counted: Counted | None, within: Window) -> Data:
    """The biggest reasons of a span: `[{code, events, meaning, remedy}]`."""
    if counted is None:
        return {}
    found = sorted(counted.within(within, "discardReason").items(), key=lambda pair: -pair[1])
    shown = [
        {"code": reason.code, "events": events, "meaning": reason.meaning, "remedy": reason.remedy}
        for reason, events in ((explain(code), events) for code, events in found[:REASONS_SHOWN] if events)
    ]
    return {name: shown} if shown else {}


async def _latency(reading: Reading, destination: Mapping[str, Any], within: Window) -> Data:
    """`{retried?, latency?: {average?, p95?, from}}` by the delivery metrics, in Segment's unit: it documents none."""
    span = within.end - within.start
    longest, granularity = next(
        ((longest, name) for longest, name in _SUMMARY_SPANS if span <= longest), _SUMMARY_SPANS[-1]
    )
    start = max(within.start, within.end - longest + _MARGIN)
    asked = {
        "destinationId": destination["id"],
        "sourceId": destination["sourceId"],
        **Window(start, within.end, granularity).arguments,
    }
    data = await reading.call("listDeliveryMetricsSummaryFromDestination", asked)
    if data is None:
        return {}
    metrics = {each.get("metricName"): each for each in data["deliveryMetricsSummary"].get("metrics") or ()}
    times = {part["metricName"]: part["value"] for part in metrics.get("time_to_success", {}).get("breakdown") or ()}
    latency = {name: times.get(f"time_to_success_{name}") for name in ("average", "p95")}
    told = {name: value for name, value in latency.items() if value is not None}
    retried = metrics.get("retried", {}).get("total")
    return {
        **({} if retried is None else {"retried": retried}),
        **({"latency": {**told, "from": timestamp_of(start)}} if told else {}),
    }


def _summary(entries: Sequence[Data], within: Window, *, left: int, whole: bool) -> str:
    """What stands out; a part is said to be one, and a number that may be greater too."""
    since = f"{within.start:%Y-%m-%d %H:%M} UTC"
    if len(entries) == 1 and not left:
        return _said_of(entries[0], since)
    of = f"{len(entries)} destinations" if whole and not left else f"the {len(entries)} destinations looked at"
    kinds = (
        ("all_filtered", "let nothing through"),
        ("degraded", "failed one event in twenty or more"),
        ("unknown", "could not be judged"),
        ("unseen", "can't be seen, as a browser or an app delivers, or may deliver"),
    )
    counts = {status: sum(entry["status"] == status for entry in entries) for status, _ in kinds}
    failing = [entry for entry in entries if entry["status"] == "failing"]
    count = f"{'at least ' if counts['unknown'] else ''}{len(failing)}"
    said = [f"Since {since} {count} of {of} failed at least half of their deliveries"]
    if failing:
        worst = failing[0]
        said[0] += (
            f", first {called(worst)} ({worst['failed']} failed, {worst['delivered']} delivered, {_first(worst)})"
        )
    more = [f"{counts[status]} {words}" for status, words in kinds if counts[status]]
    if more:
        said.append("; ".join(more))
    if left:
        said.append(f"{left} destinations were not reached; go on with next")
    return ". ".join(said) + "."


def _said_of(entry: Data, since: str) -> str:
    """One destination in words."""
    name, span = called(entry), f"since {since}"
    match entry["status"]:
        case "disabled":
            return f"{name} is disabled, so Segment sends it nothing."
        case "unseen":
            return f"Segment's counters don't tell what reaches {name}: a browser or an app delivers, or may deliver."
        case "unknown":
            return f"How well {name} was delivered to {span} is unknown: see the gaps."
        case "idle":
            return f"No event came to {name} {span}."
        case "all_filtered":
            return f"None of the {entry['filtered']} events that came to {name} {span} was let through."
    reason = f", most of them for {_first(entry)}" if entry["failed"] else ""
    return f"{name} failed {entry['failed']} of {entry['failed'] + entry['delivered']} deliveries {span}{reason}."


def _first(entry: Data) -> str:
    """The code of the biggest reason for failures."""
    return str(entry["reasons"][0]["code"]) if entry.get("reasons") else "no reason given"
