"""What the sandbox counted: accepted events, events that failed on ingest or were blocked, deliveries, calls by day.

Counters by the minute, not events, so memory does not grow with traffic: beyond `MAX_CELLS` different
counters the oldest minute is forgotten. The newest events one by one are `arrivals`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Generic, Literal, NamedTuple, TypeVar

from segment_mcp.sandbox.arrivals import Arrivals
from segment_mcp.sandbox.dispatches import Dispatches
from segment_mcp.sandbox.users import Users

MAX_CELLS = 200_000
_EVER = range(1 << 40)  # more minutes than the calendar has

Outcome = Literal["first_attempt", "after_retry", "discarded", "expired"]
K = TypeVar("K")


class Series(NamedTuple):
    """What accepted events are counted by. Only track events have a name."""

    source_id: str
    type: str
    name: str | None
    app_version: str | None


Stored = tuple[int, Series, int]
"""A minute, a series, and how many of its events warehouses get."""


class Failure(NamedTuple):
    """What events that failed on ingest are counted by: `source_id` is empty for an unknown write key."""

    source_id: str
    type: str
    name: str | None
    code: str
    app_version: str | None = None


class Blocked(NamedTuple):
    """What events are counted by that their tracking plan or schema settings kept at the source.

    Attributes:
        code: Segment's own, such as `unplanned`; `governance` names them.
    """

    code: str
    series: Series


class Delivery(NamedTuple):
    """What deliveries are counted by.

    Attributes:
        subscription_id: of a destination with actions, whose every delivery is one subscription's.
        reason: Segment's code for how it ended; None: the usual one of its outcome.
    """

    destination_id: str
    outcome: Outcome
    series: Series
    subscription_id: str | None = None
    reason: str | None = None


class Filtered(NamedTuple):
    """What events are counted by that a destination was not sent; the code is Segment's own.

    Attributes:
        subscription_id: the one whose mapping stopped the event; None if no single one did.
    """

    destination_id: str
    code: str
    series: Series
    subscription_id: str | None = None


class MinuteCounts(Generic[K]):
    """Counts of things by minute, for at most `MAX_CELLS` things and minutes."""

    def __init__(self) -> None:
        self._minutes: dict[int, dict[K, int]] = {}
        self._cells = 0

    def add(self, minute: int, key: K, count: int = 1) -> None:
        """Count the thing `count` times in that minute."""
        cell = self._minutes.get(minute)
        if cell is None:
            cell = self._minutes[minute] = {}
        if key in cell:
            cell[key] += count
            return
        cell[key] = count
        self._cells += 1
        while self._cells > MAX_CELLS and len(self._minutes) > 1:
            self._cells -= len(self._minutes.pop(min(self._minutes)))

    def copy(self) -> "MinuteCounts[K]":
        """The same counts, to be counted on by themselves."""
        other: MinuteCounts[K] = MinuteCounts()
        other._minutes = {minute: dict(cell) for minute, cell in self._minutes.items()}
        other._cells = self._cells
        return other

    def within(self, minutes: range) -> Iterator[tuple[int, K, int]]:
        """Each minute, thing and count of a span, oldest minute first."""
        for minute in sorted(minute for minute in self._minutes if minute in minutes):
            for key, count in self._minutes[minute].items():
                yield minute, key, count


@dataclass(slots=True)
class Ledger:
    """Everything that was counted.

    Attributes:
        blocked: accepted events that went no further than their source.
        daily: API calls by day of receipt and source. They are billing history: a deleted source keeps its.
        users: how many different people were seen, by month, day and source. Billing history, too.
        arrivals: the newest events one by one, failed ones included; none of the seeded history.
        dispatches: the newest deliveries one by one; none of the seeded history.
    """

    accepted: MinuteCounts[Series] = field(default_factory=MinuteCounts)
    failed: MinuteCounts[Failure] = field(default_factory=MinuteCounts)
    blocked: MinuteCounts[Blocked] = field(default_factory=MinuteCounts)
    delivered: MinuteCounts[Delivery] = field(default_factory=MinuteCounts)
    filtered: MinuteCounts[Filtered] = field(default_factory=MinuteCounts)
    daily: dict[date, dict[str, int]] = field(default_factory=dict)
    users: Users = field(default_factory=Users)
    arrivals: Arrivals = field(default_factory=Arrivals)
    dispatches: Dispatches = field(default_factory=Dispatches)

    def copy(self) -> "Ledger":
        """The same counts, to be counted on by themselves; arrivals and dispatches begin anew."""
        return Ledger(
            self.accepted.copy(),
            self.failed.copy(),
            self.blocked.copy(),
            self.delivered.copy(),
            self.filtered.copy(),
            {day: dict(calls) for day, calls in self.daily.items()},
            self.users.copy(),
        )

    def accept(self, minute: int, day: date, series: Series, count: int = 1) -> None:
        """Count accepted events, each of which is one API call."""
        self.accepted.add(minute, series, count)
        calls = self.daily.setdefault(day, {})
        calls[series.source_id] = calls.get(series.source_id, 0) + count

    def stored(self) -> Iterator[Stored]:
        """Each minute, series and count of the events that warehouses get: all that were not blocked."""
        lost: dict[tuple[int, Series], int] = {}
        for minute, blocked, count in self.blocked.within(_EVER):
            lost[minute, blocked.series] = lost.get((minute, blocked.series), 0) + count
        for minute, series, count in self.accepted.within(_EVER):
            left = count - lost.get((minute, series), 0)
            if left:
                yield minute, series, left

    def block(self, minute: int, series: Series, code: str, count: int = 1) -> None:
        """Count accepted events that were blocked at their source: received, and yet no API calls.

        Segment bills no blocked events (its docs, Protocols FAQ), and counts as received whatever passed ingest.
        """
        self.accepted.add(minute, series, count)
        self.blocked.add(minute, Blocked(code, series), count)
