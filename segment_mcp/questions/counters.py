"""Segment's own counters: the six stages of the delivery overview, and events volume, in windows that Segment allows.

Counters come some 30 seconds (stages) to a minute (volume) after the event, and the stages know cloud-mode destinations
only: what a browser or an app delivers itself is counted nowhere. Source: docs.segmentapis.com, Delivery Overview.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, Literal

from segment_mcp.errors import InvalidResponse
from segment_mcp.ports import Bounds
from segment_mcp.questions.reading import Gap, Reading
from segment_mcp.timing import timestamp_of

Granularity = Literal["MINUTE", "HOUR", "DAY"]
Stage = Literal[
    "successfullyReceived",
    "failedOnIngest",
    "filteredAtSource",
    "filteredAtDestination",
    "failedDelivery",
    "successfulDelivery",
]

OPERATIONS: Mapping[Stage, str] = MappingProxyType(
    {
        "successfullyReceived": "getIngressSuccessMetricsFromDeliveryOverview",
        "failedOnIngest": "getIngressFailedMetricsFromDeliveryOverview",
        "filteredAtSource": "getFilteredAtSourceMetricsFromDeliveryOverview",
        "filteredAtDestination": "getFilteredAtDestinationMetricsFromDeliveryOverview",
        "failedDelivery": "getEgressFailedMetricsFromDeliveryOverview",
        "successfulDelivery": "getEgressSuccessMetricsFromDeliveryOverview",
    }
)
"""Each stage of an event's way, in its order, with the operation that counts it."""
OF_SOURCE: tuple[Stage, ...] = ("successfullyReceived", "failedOnIngest", "filteredAtSource")
OF_DESTINATION: tuple[Stage, ...] = ("filteredAtDestination", "failedDelivery", "successfulDelivery")

LENGTHS: Mapping[Granularity, timedelta] = MappingProxyType(
    {"MINUTE": timedelta(minutes=1), "HOUR": timedelta(hours=1), "DAY": timedelta(days=1)}
)
SPANS: Mapping[Granularity, timedelta] = MappingProxyType(
    {"MINUTE": timedelta(hours=4), "HOUR": timedelta(days=14), "DAY": timedelta(days=30)}
)
"""The longest window of one call, by granularity."""
OLDEST: Mapping[Granularity, timedelta] = MappingProxyType(
    {"MINUTE": timedelta(hours=48), "HOUR": timedelta(days=30), "DAY": timedelta(days=30)}
)
"""How far back the overview counts, by granularity."""
MOST_SERIES = 5_000
"""Rows of events volume that Segment counts for one question; as many may mean that there are more."""

_VOLUME = "getEventsVolumeFromWorkspace"
_ALL: Mapping[str, Sequence[str]] = MappingProxyType({})
_SERIES = Bounds(items=10_000, pages=25)
_MOST_A_PAGE = 1_000
"""Rows of events volume that one call may ask for: it is called 60 times a minute at most."""
_MARGIN = timedelta(minutes=1)
"""Kept from the oldest moment, which moves on while a question is asked."""


@dataclass(frozen=True, slots=True)
class Window:
    """A span of time as one call may ask for it.

    Attributes:
        start: inclusive, aware.
        end: exclusive, aware.
    """

    start: datetime
    end: datetime
    granularity: Granularity

    @property
    def arguments(self) -> dict[str, str]:
        """As the operations take it."""
        return {
            "startTime": timestamp_of(self.start),
            "endTime": timestamp_of(self.end),
            "granularity": self.granularity,
        }

    @property
    def shown(self) -> dict[str, str]:
        """As an answer tells it."""
        return {"from": timestamp_of(self.start), "to": timestamp_of(self.end), "granularity": self.granularity}


@dataclass(frozen=True, slots=True)
class Scope:
    """What a stage is asked about.

    Attributes:
        destination_id: for the stages of a destination.
        only: allowed values by `eventName`, `eventType`, `discardReason`, `appVersion` or `subscriptionId`.
    """

    window: Window
    source_id: str
    destination_id: str | None = None
    only: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Row:
    """Some events that are counted together.

    Attributes:
        by: what they have in common, such as `eventName` or `discardReason`; of volume also `sourceId`.
        total: how many.
        series: how many by the beginning of each bucket, as Segment writes the time.
    """

    by: Mapping[str, str]
    total: int
    series: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Counted:
    """What was counted.

    Attributes:
        total: of all rows.
        complete: whether every row was read.
    """

    total: int
    rows: Sequence[Row]
    complete: bool

    def within(self, window: Window, by: str = "") -> dict[str, int]:
        """How many events in the buckets that begin within a part of what was asked, by one dimension, or in all.

        Args:
            window: begins where a bucket does.
            by: such as `discardReason`; rows without it count under the empty name.
        """
        counts: dict[str, int] = {}
        for row in self.rows:
            inside = sum(count for time, count in row.series.items() if window.start <= moment(time) < window.end)
            key = row.by.get(by, "")
            counts[key] = counts.get(key, 0) + inside
        return counts


def window(now: datetime, back: timedelta) -> Window:
    """The window from `back` ago until now in the finest granularity that one call allows for it.

    What lies further back than the overview counts is cut off, so read the window rather than what was asked for.
    """
    for granularity in ("MINUTE", "HOUR", "DAY"):
        if back <= SPANS[granularity]:
            return Window(now - min(back, OLDEST[granularity] - _MARGIN), now, granularity)
    return Window(now - OLDEST["DAY"] + _MARGIN, now, "DAY")


def split(start: datetime, end: datetime, granularity: Granularity) -> list[Window]:
    """A span in windows that one call each allows, oldest first."""
    windows: list[Window] = []
    at = start
    while at < end:
        until = min(end, at + SPANS[granularity])
        windows.append(Window(at, until, granularity))
        at = until
    return windows


def moment(time: str) -> datetime:
    """When a bucket begins, as Segment writes it; a time without a zone is UTC.

    Raises:
        InvalidResponse: it is no time.
    """
    try:
        parsed = datetime.fromisoformat(time)
    except ValueError:
        raise InvalidResponse("Segment's counters name a time that is none.", host="Segment", kind="time") from None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


async def stage(reading: Reading, which: Stage, scope: Scope, group_by: Sequence[str] = ()) -> Counted | None:
    """The counts of one stage; None where they could not be read, which leaves a gap.

    Args:
        reading: the question's.
        which: the stage; those of a destination need one in the scope.
        scope: what is counted.
        group_by: such as `eventName`, `eventType`, `discardReason`. Rows tell only these and `appVersion`.
    """
    asked = {
        "sourceId": scope.source_id,
        "destinationConfigId": scope.destination_id if which in OF_DESTINATION else None,
        **scope.window.arguments,
        "groupBy": list(group_by) or None,
        "filter": {name: list(values) for name, values in scope.only.items()} or None,
    }
    listed = await reading.list(OPERATIONS[which], asked, bounds=_SERIES)
    return None if listed is None else _counted(listed.items, complete=listed.complete)


async def volume(
    reading: Reading, within: Window, group_by: Sequence[str] = (), only: Mapping[str, Sequence[str]] = _ALL
) -> Counted | None:
    """Events volume of the workspace; None where it could not be read, which leaves a gap.

    With `MOST_SERIES` rows it is not complete, which leaves a gap too: a row that is not there may be left out.

    Args:
        reading: the question's.
        within: the window.
        group_by: some of `source`, `eventName`, `eventType`.
        only: allowed values by `sourceId`, `eventName`, `eventType` or `appVersion`.
    """
    chosen = {name: list(values) for name, values in only.items() if values}
    asked = {**within.arguments, "groupBy": list(group_by) or None, **chosen, "pagination": {"count": _MOST_A_PAGE}}
    listed = await reading.list(_VOLUME, asked, bounds=_SERIES)
    if listed is None:
        return None
    full = len(listed.items) >= MOST_SERIES
    if full and listed.complete:
        reason = f"Segment counts {MOST_SERIES} kinds of events at most, and there are as many."
        reading.note(Gap(_VOLUME, "bound", reason))
    return _counted(listed.items, complete=listed.complete and not full)


def _counted(items: Sequence[Any], *, complete: bool) -> Counted:
    rows = [_row(item) for item in items if isinstance(item, Mapping)]
    return Counted(sum(row.total for row in rows), rows, complete)


def _row(item: Mapping[str, Any]) -> Row:
    source = item.get("source")
    by = {name: value for name, value in item.items() if isinstance(value, str)}
    if isinstance(source, Mapping):
        by["sourceId"] = str(source.get("id"))
    series = {str(each.get("time")): _whole(each.get("count")) for each in item.get("series") or ()}
    return Row(by, _whole(item.get("total")), series)


def _whole(value: Any) -> int:
    return int(value) if isinstance(value, int | float) else 0
