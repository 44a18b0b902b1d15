"""Rate limits respected before they bite: one gate a connection, one lane an operation and host.

A lane knows the operation's documented limit of calls a minute, and until when Segment said that nothing
is left. Where the limit is one of calls a second, all operations of that API share a lane. A call takes the
next free place in its lane, in the order of asking; if that place is too far off, it is told at once, instead
of hanging. Besides, only so many requests are under way at a time.
"""

from bisect import bisect_right, insort
from dataclasses import dataclass, field
from math import ceil, inf

import anyio

from segment_mcp.errors import RateLimited
from segment_mcp.operations import Operation
from segment_mcp.timing import Timing

MINUTE = 60.0
SECOND = 1.0
QUEUE_SECONDS = 5.0
"""How long a call may queue before it is told to come back."""
LONGEST_CLOSED = 3600.0
"""How long Segment's word closes a lane, in seconds: an absurd one must not close it for good."""
MOST_UNDER_WAY = 64
"""Requests of one connection at a time."""


@dataclass(slots=True)
class Lane:
    """One operation's places in time.

    Attributes:
        limit: calls that are documented as allowed in the window; None: nothing is documented.
        taken: when the places of the last window were or will be, in order.
        closed_until: nothing goes before that moment.
        window: in seconds.
    """

    limit: int | None
    taken: list[float] = field(default_factory=list)
    closed_until: float = 0.0
    window: float = MINUTE

    def next_place(self, now: float) -> float:
        """The first moment, now or later, at which one more call keeps the limit."""
        place = max(now, self.closed_until)
        if self.limit is None:
            return place
        del self.taken[: bisect_right(self.taken, now - self.window)]
        if len(self.taken) < self.limit:
            return place
        return max(place, self.taken[-self.limit] + self.window)

    def take(self, place: float) -> None:
        """Take a place that `next_place` gave."""
        if self.limit is not None:
            insort(self.taken, place)

    def give_back(self, place: float) -> None:
        """Leave a place that was taken and not used to others."""
        if place in self.taken:
            self.taken.remove(place)


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
        self._lanes: dict[tuple[str, str], Lane] = {}

    async def enter(self, operation: Operation, host: str, *, until: float = inf) -> None:
        """Wait for a place, and hold it until `leave`.

        Args:
            operation: the row.
            host: named in the error.
            until: the moment of the clock at which the call is over.

        Raises:
            RateLimited: the next place is too far off; nothing was sent.
        """
        lane = self._lane(operation, host)
        latest = min(self._timing.monotonic() + self._queue_seconds, until)
        place = await self._wait_in(lane, operation, host, latest)
        try:
            self._under_way.acquire_nowait()
        except anyio.WouldBlock:
            try:
                await self._queue(operation, host)
            except BaseException:
                lane.give_back(place)
                raise

    def leave(self) -> None:
        """Give the place back."""
        self._under_way.release()

    def close(self, operation: Operation, host: str, seconds: float) -> None:
        """Let nothing of the operation out for so long, at most an hour.

        Segment said that nothing is left, or refused a call.
        """
        lane = self._lane(operation, host)
        lane.closed_until = max(lane.closed_until, self._timing.monotonic() + min(seconds, LONGEST_CLOSED))

    async def _wait_in(self, lane: Lane, operation: Operation, host: str, latest: float) -> float:
        """Take a place in the lane and wait until it comes; where the lane closes meanwhile, take another."""
        now = self._timing.monotonic()
        while True:
            place = lane.next_place(now)
            if place > latest:
                wait = place - now
                raise RateLimited(
                    f"{operation.name} is at its rate limit, so it was not sent.",
                    host=host, acted=False, wait=wait, retryAfterSeconds=ceil(wait),
                )  # fmt: skip
            lane.take(place)
            if place <= now:
                return place
            try:
                await self._timing.sleep(place - now)
            except BaseException:
                lane.give_back(place)
                raise
            now = self._timing.monotonic()
            if lane.closed_until <= now:
                return place
            lane.give_back(place)

    async def _queue(self, operation: Operation, host: str) -> None:
        with anyio.move_on_after(self._queue_seconds) as scope:
            await self._under_way.acquire()
        if scope.cancelled_caught:
            raise RateLimited(
                f"{self._under_way.borrowed_tokens:.0f} requests are under way, so {operation.name} was not sent.",
                host=host, acted=False, wait=self._queue_seconds, retryAfterSeconds=ceil(self._queue_seconds),
            )  # fmt: skip

    def _lane(self, operation: Operation, host: str) -> Lane:
        shared = operation.per_second is not None
        key = (operation.api if shared else operation.name, host)
        lane = self._lanes.get(key)
        if lane is None:
            limit, window = (operation.per_second, SECOND) if shared else (operation.per_minute, MINUTE)
            lane = self._lanes[key] = Lane(limit, window=window)
        return lane
