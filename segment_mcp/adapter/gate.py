"""Rate limits respected before they bite: one gate a connection, one lane an operation.

A lane knows the operation's documented limit of calls a minute, and until when Segment said that nothing
is left. A call takes the next free place in its lane, in the order of asking; if that place is too far
off, it is told at once, instead of hanging. Besides, only so many requests are under way at a time.
"""

from collections import deque
from dataclasses import dataclass, field
from math import ceil

import anyio

from segment_mcp.adapter.timing import Timing
from segment_mcp.errors import RateLimited
from segment_mcp.operations import Operation

MINUTE = 60.0
QUEUE_SECONDS = 5.0
"""How long a call may queue before it is told to come back."""
MOST_UNDER_WAY = 64
"""Requests of one connection at a time."""


@dataclass(slots=True)
class Lane:
    """One operation's places in time.

    Attributes:
        per_minute: the documented limit; None: none is documented.
        taken: when the places of the last minute were, oldest first.
        closed_until: nothing goes before that moment.
    """

    per_minute: int | None
    taken: deque[float] = field(default_factory=deque)
    closed_until: float = 0.0

    def next_place(self, now: float) -> float:
        """The first moment, now or later, at which one more call keeps the limit."""
        place = max(now, self.closed_until)
        if self.per_minute is None:
            return place
        while self.taken and self.taken[0] <= now - MINUTE:
            self.taken.popleft()
        if len(self.taken) < self.per_minute:
            return place
        return max(place, self.taken[-self.per_minute] + MINUTE)

    def take(self, place: float) -> None:
        """Take a place that `next_place` gave."""
        if self.per_minute is not None:
            self.taken.append(place)


class Gate:
    """Lets the requests of one connection out.

    Args:
        timing: the clock.
        queue_seconds: how long a call may queue.
        most_under_way: requests at a time.
    """

    def __init__(
        self, timing: Timing, *, queue_seconds: float = QUEUE_SECONDS, most_under_way: int = MOST_UNDER_WAY
    ) -> None:
        self._timing = timing
        self._queue_seconds = queue_seconds
        self._under_way = anyio.CapacityLimiter(most_under_way)
        self._lanes: dict[str, Lane] = {}

    async def enter(self, operation: Operation, host: str) -> None:
        """Wait for a place, and hold it until `leave`.

        Raises:
            RateLimited: the next place is too far off; nothing was sent.
        """
        lane = self._lane(operation)
        now = self._timing.monotonic()
        place = lane.next_place(now)
        if place - now > self._queue_seconds:
            raise self._too_many(operation, host, place - now)
        lane.take(place)
        if place > now:
            await self._timing.sleep(place - now)
        try:
            self._under_way.acquire_nowait()
        except anyio.WouldBlock:
            await self._queue(operation, host)

    def leave(self) -> None:
        """Give the place back."""
        self._under_way.release()

    def close(self, operation: Operation, seconds: float) -> None:
        """Let nothing of the operation out for so long: Segment said that nothing is left, or refused a call."""
        lane = self._lane(operation)
        lane.closed_until = max(lane.closed_until, self._timing.monotonic() + seconds)

    async def _queue(self, operation: Operation, host: str) -> None:
        with anyio.move_on_after(self._queue_seconds) as scope:
            await self._under_way.acquire()
        if scope.cancelled_caught:
            raise self._too_many(operation, host, self._queue_seconds)

    def _lane(self, operation: Operation) -> Lane:
        lane = self._lanes.get(operation.name)
        if lane is None:
            lane = self._lanes[operation.name] = Lane(operation.per_minute)
        return lane

    @staticmethod
    def _too_many(operation: Operation, host: str, seconds: float) -> RateLimited:
        return RateLimited(
            f"{operation.name} is at its rate limit, so it was not sent.",
            host=host, acted=False, wait=seconds, retryAfterSeconds=ceil(seconds),
        )  # fmt: skip
