"""Which events go together in a request, in which order, and how far an import is. Pure.

Every user belongs to one lane, and a lane's requests go one after the other: a user's events stay in order
while several requests are under way. How far a lane is, is the number of the last record before its first
unsettled one: from there a second run goes on.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from zlib import crc32

from segment_mcp.events.batches import ROOM
from segment_mcp.events.checks import MOST_EVENTS


@dataclass(slots=True)
class Batch:
    """Events of one lane for one request.

    Attributes:
        lane: its number.
        numbers: of the records, growing.
        bodies: the events, serialised.
        size: bytes that they take in a request.
    """

    lane: int
    numbers: list[int] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    size: int = 0


class Lanes:
    """The lanes of one import.

    Args:
        done: how far each lane was when the import stopped; zeros for a new one.
        most: events of a request.
    """

    def __init__(self, done: Sequence[int], most: int = MOST_EVENTS) -> None:
        self._most = most
        self._done = list(done)
        self._open = [Batch(lane) for lane in range(len(done))]
        self._unsettled: list[deque[int]] = [deque() for _ in done]

    def __len__(self) -> int:
        return len(self._done)

    def add(self, user: str, number: int, body: bytes) -> Batch | None:
        """Put an event into its user's lane, unless it was settled in an earlier run.

        Args:
            user: whose event it is.
            number: of its record, greater than any before.
            body: the event, serialised.

        Returns:
            The lane's events before this one, where there is no more room with them.
        """
        lane = crc32(user.encode()) % len(self._done)
        if number <= self._done[lane]:
            return None
        batch, full = self._open[lane], None
        if batch.size + len(body) + 1 > ROOM or len(batch.bodies) == self._most:
            full, batch = batch, Batch(lane)
            self._open[lane] = batch
        if not batch.bodies:
            self._unsettled[lane].append(number)
        batch.numbers.append(number)
        batch.bodies.append(body)
        batch.size += len(body) + 1
        return full

    def rest(self) -> list[Batch]:
        """The events that wait for more of their lane, to go without."""
        waiting = [batch for batch in self._open if batch.bodies]
        self._open = [Batch(lane) for lane in range(len(self._done))]
        return waiting

    def settled(self, batch: Batch) -> None:
        """Every event of a lane's oldest batch is settled."""
        self._unsettled[batch.lane].popleft()

    def done(self, read: int) -> list[int]:
        """How far each lane is.

        Args:
            read: the number of the last record that was read.
        """
        return [
            max(done, unsettled[0] - 1 if unsettled else read)
            for done, unsettled in zip(self._done, self._unsettled, strict=True)
        ]
