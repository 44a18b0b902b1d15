"""Events that Segment could not take yet: on disk before anybody is told so, delivered later, never dropped.

A lane is the events of one write key over one route; a route is a host, or stands for one that isn't known
yet. Lanes are delivered in the order in which their events came, by one process at a time: who delivers holds
a lease, and a killed process's lease expires. Where events are kept stands behind `Store`.
"""

import logging
import os
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

import anyio

from segment_mcp.errors import StoreError, StoreGoneError, UpstreamError
from segment_mcp.events import batches
from segment_mcp.events.checks import MOST_EVENTS
from segment_mcp.ports import Data, Tracking
from segment_mcp.redact import clean
from segment_mcp.timing import timestamp_of

logger = logging.getLogger(__name__)

FIRST_PAUSE = 2.0
LONGEST_PAUSE = 300.0
"""Seconds between two attempts to deliver a lane: between these, doubling."""
LONGEST_WAIT = 3600.0
"""Seconds that Segment's word makes a lane wait, at most."""
IDLE_SECONDS = 30.0
"""How often an idle worker looks for lanes that a killed process left behind."""
SHORTEST_LOOK = 0.05
"""Seconds between two looks at the store, at least."""
SPARE_SECONDS = 10.0
"""By how much a lease outlives the request that it is for."""

_ONES_FAULT = frozenset({400, 413})


@dataclass(frozen=True, slots=True)
class Held:
    """An event that is kept.

    Attributes:
        message_id: by which Segment drops a repeat.
        body: the event, serialised, with its messageId and timestamp.
        id: the store's own; 0 before it is kept.
    """

    message_id: str
    body: bytes = field(repr=False)
    id: int = 0


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to deliver the oldest events of a lane, for a time.

    Attributes:
        lane: the store's own name of the lane.
        owner: who holds it.
        route: where the lane goes.
        write_key: the source that the events are for.
        attempts: how often in a row delivering the lane failed.
        events: the oldest ones, in order.
    """

    lane: int
    owner: str
    route: str
    write_key: str = field(repr=False)
    attempts: int
    events: Sequence[Held]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an event will never be delivered as it is.

    Attributes:
        code: an error's code, such as `unauthorized`.
        status: the HTTP status, where there was one.
        reason: in words.
    """

    code: str
    status: int | None
    reason: str


class Store(Protocol):
    """Where events are kept. Every method raises `StoreError` where the store can't be used; times are seconds."""

    def put(  # noqa: PLR0913 - what a lane is kept with
        self, route: str, write_key: str, events: Sequence[Held], failure: str, now: float, *, due: float = 0.0
    ) -> None:
        """Keep the events, all or none: they survive the process, and the machine's, end once this returns.

        Args:
            route: where they go.
            write_key: the source.
            events: in their order.
            failure: why they are kept.
            now: since when.
            due: their lane waits at least until then.
        """
        ...

    def claim(
        self, routes: Sequence[str], owner: str, now: float, until: float, due_by: float | None = None
    ) -> Lease | None:
        """Take the lease on the lane whose time came first, and its oldest events, as many as a request takes.

        Args:
            routes: that the caller can reach.
            owner: who will hold the lease.
            now: leases that ended before are over.
            until: when the lease ends.
            due_by: lanes that are to wait longer are left alone; None: now.
        """
        ...

    def hasten(self) -> None:
        """Let no lane wait any longer."""
        ...

    def routes(self) -> set[str]:
        """The routes that events wait for."""
        ...

    def renew(self, lease: Lease, until: float) -> bool:
        """Hold on to a lease; False where it was lost."""
        ...

    def delivered(self, events: Sequence[Held]) -> None:
        """Segment took these."""
        ...

    def bury(self, events: Sequence[Held], refusal: Refusal, now: float) -> None:
        """Segment will never take these: move them to the dead letters."""
        ...

    def release(self, lease: Lease, due: float | None, failure: str | None) -> None:
        """Give the lease back; with `due` the lane failed, and waits until then."""
        ...

    def next_due(self, routes: Sequence[str], now: float) -> float | None:
        """When the next lane's time comes, or a lease on one ends; None where no lane has an event."""
        ...

    def summary(self) -> Data:
        """`{pending, deadLetters, oldest?, lastFailure?, waitingFor?}`: how many, since when, why, and by route."""
        ...

    def listed(self, *, dead: bool, limit: int) -> list[Data]:
        """The oldest events that are kept, or dead letters: `[{id, messageId, type, event?, writeKey, ...}]`."""
        ...

    def retry(self, ids: Sequence[int] | None) -> int:
        """Move dead letters back to their lanes, those or all of them; how many."""
        ...

    def drop(self, ids: Sequence[int] | None, *, dead: bool) -> int:
        """Delete events or dead letters for good, those or all of them; how many."""
        ...

    def close(self) -> None:
        """Close the store."""
        ...


def may_blame_one(failure: UpstreamError) -> bool:
    """Whether a request may have been refused for one of its events: malformed, or too large together."""
    return failure.status in _ONES_FAULT


def pause(attempts: int, failure: UpstreamError, chance: float) -> float:
    """Seconds until a lane is tried again.

    Args:
        attempts: how often in a row it failed, this time included.
        failure: the last failure; what Segment said of waiting is the least.
        chance: from 0 up to 1, so that those who failed together don't return together.
    """
    longest = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(attempts - 1, 10))
    return max(longest * (0.5 + chance / 2), min(failure.wait or 0.0, LONGEST_WAIT))


class Outbox:
    """Keeps events, and delivers them when Segment takes them again.

    Args:
        store: opened on first need.
        exists: whether there is one already, which may have something in it.
        learn: finds out which routes there are, as far as that takes asking.
        routes: how to reach Segment, by route; it may come to know more of them.
        now: the wall clock, which processes share.
        chance: from 0 up to 1.
        seconds: of one request to Segment, its repeats included.
        changed: is told whenever this process put something in, or took something out; it must not raise.
    """

    def __init__(  # noqa: PLR0913 - what it is wired to
        self,
        store: Callable[[], Store],
        routes: Mapping[str, Tracking],
        *,
        exists: Callable[[], bool],
        learn: Callable[[], Awaitable[None]] | None = None,
        now: Callable[[], datetime],
        chance: Callable[[], float],
        seconds: float,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self._open = store
        self._exists = exists
        self._learn = learn
        self._store: Store | None = None
        self._routes = routes
        self._now = now
        self._chance = chance
        self._seconds = seconds
        self._changed = changed
        self._owner = f"{os.getpid()}-{uuid.uuid4().hex[:12]}"
        self._threads = anyio.CapacityLimiter(1)
        self._news = anyio.Event()

    async def keep(self, route: str, write_key: str, events: Sequence[Held], failure: UpstreamError) -> None:
        """Commit events to disk; the worker delivers them later.

        Raises:
            StoreError: they are not kept.
        """
        now = self._seconds_now()
        due = now + min(failure.wait, LONGEST_WAIT) if failure.wait else 0.0
        await self._use(lambda store: store.put(route, write_key, events, _said(failure), now, due=due))
        self._changed()
        self._news.set()

    async def summary(self) -> Data:
        """What is kept: `{pending, deadLetters, oldest?, lastFailure?}`, or `{works: False, reason}`."""
        try:
            return await self.counted()
        except StoreError as error:
            return {"works": False, "reason": str(error)}

    async def counted(self) -> Data:
        """What is kept: `{pending, deadLetters, oldest?, lastFailure?, waitingFor?}`.

        Raises:
            StoreError: it can't be read.
        """
        if self._is_empty():
            return {"pending": 0, "deadLetters": 0}
        counts: Data = await self._use(lambda store: store.summary())
        return counts

    async def run(self) -> None:
        """Deliver what is kept, whenever its time comes, until cancelled."""
        while self._is_empty():
            with anyio.move_on_after(IDLE_SECONDS):
                await self._news.wait()
        while True:
            self._news = anyio.Event()
            with anyio.move_on_after(await self._work()):
                await self._news.wait()

    async def flush(self) -> Data:
        """Try to deliver everything now, and tell what is left, as `summary` does.

        Raises:
            StoreError: what is kept can't be read, or what became of it can't be written down.
        """
        if self._is_empty():
            return {"pending": 0, "deadLetters": 0}
        await self._use(lambda store: store.hasten())
        await self._deliver_all(due_by=self._seconds_now())
        return await self.counted()

    async def listed(self, *, dead: bool, limit: int) -> list[Data]:
        """The oldest events that are kept, or dead letters; see `Store.listed`."""
        found: list[Data] = (
            [] if self._is_empty() else await self._use(lambda store: store.listed(dead=dead, limit=limit))
        )
        return found

    async def retry(self, ids: Sequence[int] | None) -> int:
        """Move dead letters back, to be delivered; see `Store.retry`."""
        moved: int = 0 if self._is_empty() else await self._use(lambda store: store.retry(ids))
        return moved

    async def drop(self, ids: Sequence[int] | None, *, dead: bool) -> int:
        """Delete what is kept; see `Store.drop`."""
        dropped: int = 0 if self._is_empty() else await self._use(lambda store: store.drop(ids, dead=dead))
        return dropped

    def _is_empty(self) -> bool:
        """Whether nothing was ever kept; looking further would make a store."""
        return self._store is None and not self._exists()

    async def _work(self) -> float:
        """Deliver what is due; the seconds until there may be more."""
        try:
            await self._deliver_all()
            at = await self._use(lambda store: store.next_due(tuple(self._routes), self._seconds_now()))
        except StoreError as error:
            logger.warning("the outbox can't be used: %s", error)
        except Exception:
            logger.exception("the outbox's worker failed; it goes on")
        else:
            return IDLE_SECONDS if at is None else min(IDLE_SECONDS, max(SHORTEST_LOOK, at - self._seconds_now()))
        return IDLE_SECONDS

    async def _deliver_all(self, due_by: float | None = None) -> None:
        """Try to deliver everything that is due, now or by the given time.

        Raises:
            StoreError: as `_deliver_lane`.
        """
        waiting = await self._use(lambda store: store.routes())
        if self._learn is not None and waiting - set(self._routes):
            await self._learn()
        while await self._deliver_lane(due_by):
            pass

    async def _deliver_lane(self, due_by: float | None) -> bool:
        """Try to deliver the oldest events of the lane whose time came first; False where there is none.

        Raises:
            StoreError: what is kept can't be read, or what became of it can't be written down.
        """
        lease = await self._use(
            lambda store: store.claim(tuple(self._routes), self._owner, self._seconds_now(), self._until(), due_by)
        )
        if lease is None:
            return False
        due: float | None = self._seconds_now() + LONGEST_PAUSE  # should a defect of ours end this
        failure: str | None = None
        try:
            await self._deliver(lease, lease.events)
            due = None
        except UpstreamError as error:
            due = self._seconds_now() + pause(lease.attempts + 1, error, self._chance())
            failure = _said(error)
        except anyio.get_cancelled_exc_class():
            due = None
            raise
        finally:
            with anyio.CancelScope(shield=True):
                await self._use(lambda store: store.release(lease, due, failure))
        return True

    async def aclose(self) -> None:
        """Close the store."""
        if self._store is not None:
            await self._use(lambda store: store.close())
            self._store = None

    async def _deliver(self, lease: Lease, events: Sequence[Held]) -> None:
        """Send the events; those that Segment refuses for good go to the dead letters.

        Where a request is refused as a whole, the event that is to blame is found by sending halves.

        Raises:
            UpstreamError: Segment can't take them now.
        """
        try:
            await self._routes[lease.route].send(
                "batch", [event.body for event in events], lease.write_key, seconds=self._seconds
            )
        except UpstreamError as error:
            if not error.is_final():
                raise
            if may_blame_one(error) and len(events) > 1:
                middle = len(events) // 2
                for half in (events[:middle], events[middle:]):
                    if not await self._use(lambda store: store.renew(lease, self._until())):
                        return  # another process has the lane now
                    await self._deliver(lease, half)
                return
            refusal = Refusal(error.code, error.status, clean(error.message))
            await self._use(lambda store: store.bury(events, refusal, self._seconds_now()))
        else:
            with anyio.CancelScope(shield=True):
                await self._use(lambda store: store.delivered(events))
        self._changed()

    async def _use(self, work: Callable[[Store], Any]) -> Any:
        """Work on the store, in a thread: it waits for the disk and for other processes."""

        def run() -> Any:
            if self._store is None:
                self._store = self._open()
            try:
                return work(self._store)
            except StoreGoneError:
                self._store.close()
                self._store = None  # opened anew the next time
                raise

        return await anyio.to_thread.run_sync(run, limiter=self._threads)

    def _seconds_now(self) -> float:
        return self._now().timestamp()

    def _until(self) -> float:
        return self._seconds_now() + self._seconds + SPARE_SECONDS


def _said(failure: UpstreamError) -> str:
    return f"{failure.code}: {clean(failure.message)}"


def most_of(sizes: Sequence[int]) -> int:
    """How many of the oldest events, by their sizes, one request takes."""
    return len(batches.split(sizes[:MOST_EVENTS])[0]) if sizes else 0


def moment(seconds: float) -> str:
    """Seconds since 1970 as a timestamp."""
    return timestamp_of(datetime.fromtimestamp(seconds, UTC))
