"""Completes events, refuses those that Segment would drop, and sends the rest; what can't be taken now is kept.

All of a call or nothing: while one event is invalid, none is sent.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any

from segment_mcp import __version__
from segment_mcp.errors import EventInvalid, StoreError, UpstreamError
from segment_mcp.events import advice, batches, checks, wire
from segment_mcp.events.outbox import Held, Outbox
from segment_mcp.ports import Data, Tracking, WriteKeys
from segment_mcp.timing import timestamp_of

LIBRARY = {"name": "segment-mcp", "version": __version__}
"""What `context.library` says where the caller says nothing."""

SHORTEST_SECONDS = 0.5
"""Of the last request of a call: what is not sent by then is kept."""


@dataclass(frozen=True, slots=True)
class Route:
    """Where a connection's events go.

    Attributes:
        name: stands for where they go, as long as that isn't known: the same wherever the same credentials decide it.
        tracking: the Tracking API.
        origin: the host in the end, where that is known by now.
        write_keys: that are configured here; where their events go is decided wherever they are configured.
    """

    name: str
    tracking: Tracking
    origin: Callable[[], str | None] = lambda: None
    write_keys: tuple[str, ...] = field(default=(), repr=False)

    def known_as(self, write_key: str) -> str:
        """The name that outlives most: the host, then what stands for the write key, then for the credentials."""
        return self.origin() or (of_key(write_key) if write_key in self.write_keys else self.name)


def of_key(write_key: str) -> str:
    """What stands for the host of a write key's events."""
    return f"key:{sha256(write_key.encode()).hexdigest()[:16]}"


class Sink:
    """Sends each call's events to Segment at once, and keeps what it can't take.

    Args:
        route: where the events go.
        write_keys: resolves the key that a call names.
        outbox: keeps events.
        now: the wall clock; an event without a timestamp happened when it was called for.
        new_id: makes a messageId where the caller gave none.
        monotonic: seconds of a clock that never goes back.
        seconds: within which a call is answered; of a batch, what was not sent by then is kept.
    """

    def __init__(  # noqa: PLR0913 - what it is wired to
        self,
        route: Route,
        write_keys: WriteKeys,
        outbox: Outbox,
        *,
        now: Callable[[], datetime],
        new_id: Callable[[], str] = wire.new_message_id,
        monotonic: Callable[[], float] = time.monotonic,
        seconds: float = 25.0,
    ) -> None:
        self._route = route
        self._write_keys = write_keys
        self._outbox = outbox
        self._now = now
        self._new_id = new_id
        self._monotonic = monotonic
        self._seconds = seconds

    async def send(self, kind: str, fields: Mapping[str, Any], write_key: str | None) -> Data:
        """See `ports.EventSink.send`."""
        now = self._now()
        event = complete({"type": kind, **fields} | {"type": kind}, {}, self._new_id, now)
        body, problems = serialise(event, wire.FRAME)
        if problems:
            raise EventInvalid(checks.named(0, event, problems))
        until = self._monotonic() + self._seconds
        key = await self._write_keys.resolve(write_key)
        held = Held(event["messageId"], body)
        try:
            outcome = await self._deliver(kind, [held], key, until)
        except UpstreamError as failure:
            raise failure.adding(messageId=held.message_id) from None
        return {"status": outcome.status, "messageId": held.message_id, **outcome.told(), **_warnings([event], now)}

    async def send_batch(self, events: Sequence[Any], shared: Mapping[str, Any], write_key: str | None) -> Data:
        """See `ports.EventSink.send_batch`."""
        now = self._now()
        completed = [
            complete(event, shared, self._new_id, now) if isinstance(event, dict) else event for event in events
        ]
        held = _checked(completed)
        until = self._monotonic() + self._seconds
        key = await self._write_keys.resolve(write_key)
        statuses: list[str] = []
        outcome: _Outcome | None = None
        failure: UpstreamError | None = None
        for piece in batches.split([len(event.body) for event in held]):
            events = held[piece.start : piece.stop]
            try:
                # What comes behind a request that was kept is kept as well: order stays as it was.
                outcome = (
                    await self._keep(events, key, outcome.failure, outcome.route)
                    if outcome is not None and outcome.failure is not None
                    else await self._deliver("batch", events, key, until)
                )
            except UpstreamError as error:
                failure = error
                break
            statuses += [outcome.status] * len(piece)
        statuses += ["failed"] * (len(held) - len(statuses))
        answer: Data = {
            "accepted": statuses.count("accepted"),
            "deferred": statuses.count("deferred"),
            "events": [
                {"index": index, "messageId": event.message_id, "status": status}
                for index, (event, status) in enumerate(zip(held, statuses, strict=True))
            ],
        }
        if failure is not None or outcome is None:
            assert failure is not None
            raise failure.adding(_what_not_to_repeat(answer), **answer)
        return {**answer, **outcome.told(), **_warnings(completed, now)}

    async def _deliver(self, operation: str, events: Sequence[Held], write_key: str, until: float) -> "_Outcome":
        """Send the events of one request, or keep them where Segment can't take them now.

        Args:
            operation: the row's name.
            events: of one request.
            write_key: the source.
            until: the moment of the clock at which the call is over.

        Raises:
            UpstreamError: Segment refuses them, or they could not be kept either.
        """
        try:
            bodies = [event.body for event in events]
            left = max(SHORTEST_SECONDS, until - self._monotonic())
            host = await self._route.tracking.send(operation, bodies, write_key, seconds=left)
        except UpstreamError as failure:
            if failure.is_final():
                raise
            return await self._keep(events, write_key, failure)
        return _Outcome("accepted", host)

    async def _keep(
        self, events: Sequence[Held], write_key: str, failure: UpstreamError, route: str | None = None
    ) -> "_Outcome":
        """Keep events on disk.

        Args:
            events: in their order.
            write_key: the source.
            failure: why.
            route: with those before them; None: as it is known now.

        Raises:
            UpstreamError: the failure, and that they could not be kept.
        """
        route = route or self._route.known_as(write_key)
        try:
            await self._outbox.keep(route, write_key, events, failure)
        except StoreError as error:
            raise failure.adding(
                f"It could not be kept for later either: {error}. Send it again with the same messageId.",
                outbox=str(error),
            ) from None
        return _Outcome("deferred", failure.host, failure, route)


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What became of the events of one request.

    Attributes:
        status: `accepted` or `deferred`.
        host: that took them, or could not.
        failure: why they were deferred.
        route: under which they are kept.
    """

    status: str
    host: str
    failure: UpstreamError | None = None
    route: str | None = None

    def told(self) -> Data:
        """`{host, reason?}`."""
        return {"host": self.host, **({} if self.failure is None else {"reason": self.failure.message})}


def _what_not_to_repeat(answer: Data) -> str:
    if not answer["accepted"] and not answer["deferred"]:
        return ""
    return (
        f"Before that {answer['accepted']} events were accepted and {answer['deferred']} deferred; "
        "send only those that failed again, each with its messageId."
    )


def complete(
    event: Mapping[str, Any], shared: Mapping[str, Any], new_id: Callable[[], str], now: datetime
) -> dict[str, Any]:
    """The event with a messageId, a timestamp, a library, and what its batch shares.

    An event's own context and integrations win over the shared ones, member by member: Segment merges a
    batch's into its items, and here each item is whole by itself. The timestamp is set, as Segment's own
    libraries do it, so that an event that is sent later still says when it happened.
    """
    completed = {name: value for name, value in event.items() if value is not None}
    if "messageId" not in completed:
        completed["messageId"] = new_id()
    if "timestamp" not in completed:
        completed["timestamp"] = timestamp_of(now)
    context = completed.get("context", {})
    if isinstance(context, dict):
        completed["context"] = {"library": LIBRARY, **(shared.get("context") or {}), **context}
    if shared.get("integrations") and isinstance(completed.get("integrations", {}), dict):
        completed["integrations"] = {**shared["integrations"], **completed.get("integrations", {})}
    return completed


def serialise(event: Any, frame: int = 0) -> tuple[bytes, list[checks.Problem]]:
    """The event as JSON, and everything for which Segment would drop it.

    Args:
        event: a JSON object, if it is right.
        frame: bytes that will stand around it and count as its own.
    """
    body = wire.vouch(event, frame)
    if body is not None:
        return body, []
    problems = checks.problems_of(event)
    return (b"", problems) if problems else wire.encode(event, frame)


def _checked(events: Sequence[Any]) -> list[Held]:
    """The events of a batch, serialised.

    Raises:
        EventInvalid: names every event that Segment would drop, and why.
    """
    if not events:
        raise EventInvalid([{"code": "empty_batch", "field": "batch", "message": "batch has no event"}])
    held: list[Held] = []
    found: list[Data] = []
    first_with: dict[str, int] = {}
    for index, event in enumerate(events):
        body, problems = serialise(event)
        if not problems and (first := first_with.setdefault(event["messageId"], index)) != index:
            problems = [checks.Problem("bad_request", "messageId", f"is that of event {first}; Segment drops repeats")]
        found += checks.named(index, event, problems)
        if not problems:
            held.append(Held(event["messageId"], body))
    if found:
        raise EventInvalid(found)
    return held


def _warnings(events: Sequence[Mapping[str, Any]], now: datetime) -> Data:
    found = [
        warning
        for index, event in enumerate(events)
        if (oddities := advice.advice_on(event, now))
        for warning in checks.named(index, event, oddities)
    ]
    return {"warnings": found} if found else {}
