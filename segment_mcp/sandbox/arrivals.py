"""The events that came, one by one and without their bodies: what a debugger shows, and what tells a repeat.

Each event has a number, one more than the one before it. The newest `MAX_ACCEPTED` and `MAX_FAILED` are
remembered, so memory does not grow with traffic, and no flood of failures makes a repeat look new. An event
with a UUID and a name takes some 450 bytes, all of them together some 110 MB. What is dropped as a repeat is
no event of its own: it adds to the repeats of the accepted one.
"""

from bisect import bisect_right
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from heapq import merge
from itertools import islice
from operator import attrgetter
from typing import NamedTuple

MAX_ACCEPTED = 200_000
MAX_FAILED = 50_000
DEFAULT_COUNT = 100
DEDUPLICATION = timedelta(hours=24)  # Segment promises at least this long


class Stop(NamedTuple):
    """Where an event went no further on its way to a destination.

    Attributes:
        code: Segment's own.
        subscription_id: the one whose mapping stopped it; None if no single one did.
    """

    destination_id: str
    code: str
    subscription_id: str | None = None


class Event(NamedTuple):
    """What is remembered of one event.

    Attributes:
        message_id: empty if it failed and had none.
        source_id: empty for an unknown write key.
        timestamp: when it happened, corrected for the sender's clock; equal to `received` where unknown.
        code: why it failed on ingest; None if it was accepted.
        destinations: IDs of the destinations that it left for.
        blocked: why its source's plan and schema settings let it go no further; None if they did.
        filtered: where it stopped on the way to destinations.
        forwarded_from: ID of the source that it was sent to first; None if that is this one.
    """

    number: int
    message_id: str
    source_id: str
    type: str
    name: str | None
    received: datetime
    timestamp: datetime
    code: str | None = None
    destinations: tuple[str, ...] = ()
    blocked: str | None = None
    filtered: tuple[Stop, ...] = ()
    forwarded_from: str | None = None


@dataclass(slots=True)
class Totals:
    """How many events were accepted, failed on ingest, and were dropped as repeats."""

    accepted: int = 0
    failed: int = 0
    repeated: int = 0


@dataclass(frozen=True, slots=True)
class Question:
    """Which events to show.

    Attributes:
        after: the number after which to begin; None: where the list begins, and for a message the very first.
        count: how many at most.
        message_id: only those of this message; None: of any.
        source_id: only those of this source; None: of any.
    """

    after: int | None = None
    count: int = DEFAULT_COUNT
    message_id: str | None = None
    source_id: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """The events that a question asked for.

    Attributes:
        shown: oldest first, each with how many repeats of it came.
        after: the number after which it begins.
        until: the number with which it ends, shown or not: the `after` of the question that goes on.
        forgotten: how many events in between, of whatever message and source, can't be shown any more.
    """

    shown: tuple[tuple[Event, int], ...]
    after: int
    until: int
    forgotten: int


class Arrivals:
    """The memory of the newest events.

    Args:
        max_accepted: how many accepted ones.
        max_failed: how many that failed on ingest.

    Attributes:
        newest: the number of the newest event; 0 before the first.
        totals: what came since the beginning, or since `clear`.
    """

    def __init__(self, max_accepted: int = MAX_ACCEPTED, max_failed: int = MAX_FAILED) -> None:
        self.newest = 0
        self.totals = Totals()
        self._accepted: deque[Event] = deque(maxlen=max_accepted)
        self._failed: deque[Event] = deque(maxlen=max_failed)
        self._of_message: dict[str, list[Event]] = {}
        self._repeats: dict[int, int] = {}  # by the event's number; few have any
        self._cleared = 0

    def add(self, event: Event) -> None:
        """Remember an event, whose number is one more than the newest."""
        self.newest = event.number
        if event.code is None:
            self.totals.accepted += 1
            kept = self._accepted
        else:
            self.totals.failed += 1
            kept = self._failed
        if len(kept) == kept.maxlen:
            self._forget(kept[0])
        kept.append(event)
        if event.message_id in self._of_message:
            self._of_message[event.message_id].append(event)
        elif event.message_id:
            self._of_message[event.message_id] = [event]

    def is_repeat(self, message_id: str, received: datetime) -> bool:
        """Whether an event with that messageId was accepted in the last day, in any source; counts it if so."""
        for event in reversed(self._of_message.get(message_id, ())):
            if event.code is None:
                if received - event.received >= DEDUPLICATION:
                    return False
                self._repeats[event.number] = self._repeats.get(event.number, 0) + 1
                self.totals.repeated += 1
                return True
        return False

    def ask(self, question: Question) -> Answer:
        """The events that the question asks for.

        A question for one message reaches behind `clear`: whoever wonders why something was dropped as a
        repeat finds the event that it repeats.
        """
        floor = self._cleared if question.message_id is None else 0
        after = floor if question.after is None else question.after
        begin = max(after, floor)
        found = (
            (event, self._repeats.get(event.number, 0))
            for event in self._since(begin, question.message_id)
            if question.source_id in {None, event.source_id}
        )
        shown = tuple(islice(found, question.count))
        until = shown[-1][0].number if len(shown) == question.count else self.newest
        return Answer(shown, after, until, until - after - self._remembered(begin, until))

    def clear(self) -> None:
        """Begin the list and the totals anew. Numbers go on, and a repeat of an earlier event stays a repeat."""
        self._cleared = self.newest
        self.totals = Totals()

    def _since(self, number: int, message_id: str | None) -> Iterator[Event]:
        if message_id is not None:
            return (event for event in self._of_message.get(message_id, ()) if event.number > number)
        return merge(*(islice(kept, _position(kept, number), None) for kept in (self._accepted, self._failed)))

    def _remembered(self, after: int, until: int) -> int:
        return sum(_position(kept, until) - _position(kept, after) for kept in (self._accepted, self._failed))

    def _forget(self, event: Event) -> None:
        self._repeats.pop(event.number, None)
        if event.message_id:
            together = self._of_message[event.message_id]
            together.remove(event)
            if not together:
                del self._of_message[event.message_id]


def _position(events: deque[Event], number: int) -> int:
    """Where the events after that number begin."""
    return bisect_right(events, number, key=attrgetter("number"))
