"""Does an event arrive? Sends one that carries a mark, and watches Segment's counters for that mark.

The mark is the event's `context.app.version`: the one thing of an event's own that the delivery overview and events
volume both count by. So the counters speak of this event alone, whatever else the source sends.
"""

import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import anyio

from segment_mcp.errors import InvalidArguments
from segment_mcp.ports import Data, EventSink, WriteKeys
from segment_mcp.questions import counters
from segment_mcp.questions.counters import Counted, Scope, Stage, Window
from segment_mcp.questions.delivery import seen_by_servers
from segment_mcp.questions.reading import Reading, called
from segment_mcp.questions.reasons import explain
from segment_mcp.redact import mask_write_key
from segment_mcp.timing import timestamp_of

EVENT: Mapping[str, Any] = {"type": "track", "event": "Segment MCP Test", "userId": "segment-mcp-test"}
"""What is sent where the caller gives no event."""
MARK = "segment-mcp-test-"
WAITS: Sequence[float] = (2, 3, 5, 5)
"""Seconds between looks at the counters; then always the last. They are some thirty seconds behind."""

_BEFORE = timedelta(minutes=2)
"""How long before the sending the window begins: clocks differ, and buckets begin on the minute."""


@dataclass(frozen=True, slots=True)
class TestOrder:
    """What is to be sent, and how long to watch.

    Attributes:
        event: an event with its type; None: a track event of ours.
        write_key: one of the source's; None: the first that the source has.
        deliver: whether destinations are to get it.
        seconds: how long to watch; 0: only to send.
    """

    source_id: str
    event: Mapping[str, Any] | None = None
    write_key: str | None = field(default=None, repr=False)
    deliver: bool = False
    seconds: float = 60


@dataclass(slots=True)
class _Seen:
    """What the counters showed so far; None where they could not be read."""

    received: int | None = None
    failed: Mapping[str, int] | None = None
    blocked: Mapping[str, int] | None = None
    destinations: dict[str, Mapping[Stage, Counted]] = field(default_factory=dict)


async def ask(reading: Reading, events: EventSink, write_keys: WriteKeys, order: TestOrder) -> Data:
    """Send the event, and tell what the counters say of it.

    Args:
        reading: the question's; its time is for watching, too.
        events: takes the event.
        write_keys: knows the source's keys.
        order: what to send.

    Returns:
        `{summary, outcome, marker, messageId, host, sentAt, watchedSeconds, reasons?, destinations?, ...}`. The outcome
        is `received`, `blocked`, `failed_on_ingest`, `not_seen`, `unknown` where no counter could be read, `deferred`
        where the event is still on its way, or `source_disabled`, where nothing was sent. `destinations` is None where
        they could not be listed.

    Raises:
        EventInvalid: Segment would drop the event; nothing was sent.
        InvalidArguments: the write key is another source's; or none was given, and the token sees none of the source.
        UpstreamError: the source could not be read, or the event not be sent.
    """
    source = (await reading.need("getSource", {"sourceId": order.source_id}))["source"]
    about: Data = {"source": {"id": source["id"], "name": called(source)}}
    if not source["enabled"]:
        said = f"{called(source)} is disabled, so Segment drops whatever is sent to it; nothing was sent."
        return reading.answer(said, {**about, "outcome": "source_disabled"})
    marker = MARK + secrets.token_hex(4)
    kind, fields = _marked(order, marker)
    key = await _key(source, write_keys, order.write_key)
    sent_at = reading.timing.now()
    sent = await events.send(kind, fields, key)
    about |= {"marker": marker, "sentAt": timestamp_of(sent_at), **sent}
    if sent["status"] != "accepted":
        said = (
            "Segment could not take the event now; it is kept and will be delivered, so there is nothing to watch yet."
        )
        return reading.answer(said, {**about, "outcome": "deferred"})
    destinations = await _destinations(reading, order)
    seen, watched = await _watch(reading, order, (marker, sent_at), destinations or ())
    outcome = _outcome(seen)
    body = {**about, "outcome": outcome, "watchedSeconds": round(watched)}
    reasons = [
        {"code": reason.code, "meaning": reason.meaning, "remedy": reason.remedy}
        for reason in map(explain, [*(seen.failed or ()), *(seen.blocked or ())])
    ]
    if reasons:
        body["reasons"] = reasons
    if order.deliver:
        body["destinations"] = None if destinations is None else [_at(one, seen) for one in destinations]
    else:
        body["note"] = "Its integrations keep it from destinations, but not from warehouses; deliver lets it through."
    return reading.answer(_summary(outcome, called(source), body, seen), body)


def _marked(order: TestOrder, marker: str) -> tuple[str, dict[str, Any]]:
    """The event's type, and its fields with the mark."""
    event = dict(order.event or EVENT)
    kind = event.pop("type", "track")
    context = event.get("context")
    app = context.get("app") if isinstance(context, Mapping) else None
    event["context"] = {
        **(context if isinstance(context, Mapping) else {}),
        "app": {**(app if isinstance(app, Mapping) else {}), "version": marker},
    }
    if not order.deliver:
        event["integrations"] = {"All": False}
    return str(kind), event


async def _key(source: Mapping[str, Any], write_keys: WriteKeys, given: str | None) -> str:
    """The key to send with, which belongs to the source as far as the token can see."""
    shown = [str(key) for key in source.get("writeKeys") or ()]
    if given is not None:
        key = await write_keys.resolve(given, source_id=source["id"])
        if shown and not {key, mask_write_key(key)} & set(shown):
            raise InvalidArguments([{"field": "writeKey", "message": "is not a write key of this source"}], read=True)
        return key
    if not shown:
        message = "is needed: the token, which lacks the role source admin, sees no write key of this source"
        raise InvalidArguments([{"field": "writeKey", "message": message}], read=True)
    return await write_keys.resolve(shown[0], source_id=source["id"])


async def _destinations(reading: Reading, order: TestOrder) -> list[Mapping[str, Any]] | None:
    """The destinations at which the event can be seen; None: they could not be listed."""
    if not order.deliver:
        return []
    listed = await reading.list("listDestinations", keep=lambda one: one.get("sourceId") == order.source_id)
    return None if listed is None else [one for one in listed.items if one["enabled"] and seen_by_servers(one)]


async def _watch(
    reading: Reading, order: TestOrder, mark: tuple[str, datetime], destinations: Sequence[Mapping[str, Any]]
) -> tuple[_Seen, float]:
    """Look until everything is known or time is over; how long that took comes with it."""
    marker, sent_at = mark
    begun = reading.timing.monotonic()
    seen = _Seen()
    looks = 0
    while True:
        left = order.seconds - (reading.timing.monotonic() - begun)
        if left <= 0 or _is_settled(seen, destinations):
            return seen, reading.timing.monotonic() - begun
        await reading.timing.sleep(min(left, WAITS[min(looks, len(WAITS) - 1)]))
        looks += 1
        await reading.report(order.seconds - max(0.0, left), order.seconds, "Watching the counters")
        window = Window(sent_at - _BEFORE, reading.timing.now(), "MINUTE")
        only = {"appVersion": (marker,)}
        scope = Scope(window, order.source_id, only=only)
        async with anyio.create_task_group() as group:
            group.start_soon(_look_at_source, reading, scope, seen)
            for one in destinations if seen.received else ():
                group.start_soon(_look_at_destination, reading, Scope(window, order.source_id, one["id"], only), seen)


async def _look_at_source(reading: Reading, scope: Scope, seen: _Seen) -> None:
    received = await counters.stage(reading, "successfullyReceived", scope)
    failed = await counters.stage(reading, "failedOnIngest", scope, ("discardReason",))
    blocked = await counters.stage(reading, "filteredAtSource", scope, ("discardReason",))
    if received is None:  # the overview is in beta; events volume counts by the same mark
        received = await counters.volume(reading, scope.window, only={**scope.only, "sourceId": (scope.source_id,)})
    if received is not None:
        seen.received = received.total
    if failed is not None:
        seen.failed = _by_reason(failed)
    if blocked is not None:
        seen.blocked = _by_reason(blocked)


async def _look_at_destination(reading: Reading, scope: Scope, seen: _Seen) -> None:
    found: dict[Stage, Counted] = {}
    for stage in counters.OF_DESTINATION:
        counted = await counters.stage(
            reading, stage, scope, () if stage == "successfulDelivery" else ("discardReason",)
        )
        if counted is not None:
            found[stage] = counted
    seen.destinations[str(scope.destination_id)] = found


def _by_reason(counted: Counted | None) -> dict[str, int]:
    return {row.by.get("discardReason", ""): row.total for row in (counted.rows if counted else ()) if row.total}


def _is_settled(seen: _Seen, destinations: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the counters have said all that is waited for."""
    if seen.failed or seen.blocked:
        return True
    return bool(seen.received) and all(
        any(counted.total for counted in seen.destinations.get(one["id"], {}).values()) for one in destinations
    )


def _outcome(seen: _Seen) -> str:
    if seen.failed:
        return "failed_on_ingest"
    if seen.blocked:
        return "blocked"
    if seen.received is None:
        return "unknown"
    return "received" if seen.received else "not_seen"


def _at(destination: Mapping[str, Any], seen: _Seen) -> Data:
    """What a destination's counters showed: `{id, name, delivered, failed?, filtered?}`; `seen` says if they did."""
    found = seen.destinations.get(destination["id"], {})
    delivered = found.get("successfulDelivery")
    told = {
        "id": destination["id"],
        "name": called(destination),
        "delivered": delivered.total if delivered else None,
        "failed": _explained(found.get("failedDelivery")),
        "filtered": _explained(found.get("filteredAtDestination")),
    }
    return {name: value for name, value in told.items() if value is not None}


def _explained(counted: Counted | None) -> list[Data] | None:
    found = _by_reason(counted)
    return [{"code": explain(code).code, "remedy": explain(code).remedy} for code in found] or None


def _summary(outcome: str, source: str, body: Mapping[str, Any], seen: _Seen) -> str:
    seconds = body["watchedSeconds"]
    codes = ", ".join(reason["code"] for reason in body.get("reasons", ()))
    match outcome:
        case "received":
            said = f"Segment's counters show the event as received by {source}."
        case "blocked":
            said = f"Segment took the event and blocked it at {source}: {codes}."
        case "failed_on_ingest":
            said = f"Segment's counters show that the event failed on ingest: {codes}."
        case "not_seen":
            said = (
                f"Segment accepted the event, but no counter of {source} showed it within {seconds} seconds. That does "
                "not prove that it is lost: counters can be late; trace the event in some minutes."
            )
        case _ if not seconds:
            said = "Segment accepted the event; nobody watched the counters, so whether it was received is not known."
        case _:
            said = "Segment accepted the event; no counter could be read, so whether it was received is not known."
    return " ".join([said, *_unread(outcome, seen), *_arrived(body)])


def _unread(outcome: str, seen: _Seen) -> Iterator[str]:
    """What else may have become of the event where a counter that would tell could not be read."""
    fates = {
        "failed on ingest": outcome == "not_seen" and seen.failed is None,
        "was blocked": outcome in {"received", "not_seen"} and seen.blocked is None,
    }
    possible = [fate for fate, is_open in fates.items() if is_open]
    if possible:
        yield f"Whether it {' or '.join(possible)} could not be read."


def _arrived(body: Mapping[str, Any]) -> Iterator[str]:
    """At how many destinations the event is seen."""
    if "destinations" not in body:
        return
    if body["destinations"] is None:
        yield "Which destinations it has could not be read."
    elif body["destinations"]:
        told = [one["delivered"] for one in body["destinations"] if "delivered" in one]
        unknown = len(body["destinations"]) - len(told)
        least = f"; {unknown} could not be read" if unknown else ""
        yield f"{sum(map(bool, told))} of {len(body['destinations'])} destinations show it as delivered{least}."
