"""An event's way through Segment: find its source, check it, count it, deliver it.

Stations that later steps add have their place here: tracking plans and schema settings between check and
count (filtered at source), destination filters and mappings before a delivery counts (filtered at
destination).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from sys import intern
from typing import Any

from segment_mcp.sandbox import ingest, windows
from segment_mcp.sandbox.arrivals import Event
from segment_mcp.sandbox.ledger import Delivery, Failure, Filtered, Ledger, Series
from segment_mcp.sandbox.workspace import Destination, Source, Workspace

NOT_WANTED = "FILTERED_BY_INTEGRATIONS_OBJECT"
"""Segment's code for what an event's own `integrations` kept from a destination."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the events of one request share: when they came, with which key, and the batch's `sentAt`."""

    received: datetime
    write_key: str
    sent_at: Any = None


@dataclass(frozen=True, slots=True)
class _Way:
    """What the accepted events of one request share: where they came from, when, and where they can go."""

    source: Source
    receipt: Receipt
    minute: int
    destinations: Sequence[Destination]


class Flow:
    """Takes events into one workspace and its ledger."""

    def __init__(self, workspace: Workspace, ledger: Ledger) -> None:
        self._workspace = workspace
        self._ledger = ledger
        self._assigned = count(1)

    def take(self, receipt: Receipt, events: Iterable[Any]) -> None:
        """Accept, count and deliver each event, or count why it failed on ingest. Nothing is answered."""
        source = self._workspace.source_of(receipt.write_key)
        if source is None or not source.enabled:
            for event in events:
                self.fail(receipt, "unknown_source" if source is None else "source_disabled", event)
            return
        way = _Way(source, receipt, windows.minute_of(receipt.received), self._workspace.cloud_destinations(source.id))
        for event in events:
            code = ingest.failure(event)
            if code is None:
                self._accept(way, event)
            else:
                self.fail(receipt, code, event)

    def fail(self, receipt: Receipt, code: str, event: Any = None) -> None:
        """Count an event, or a request that held none, as failed on ingest."""
        source = self._workspace.source_of(receipt.write_key)
        fields = event if isinstance(event, dict) else {}
        kind, name, message_id = (_text(fields.get(field)) for field in ("type", "event", "messageId"))
        minute = windows.minute_of(receipt.received)
        failure = Failure(
            source.id if source else "",
            intern(kind or ""),
            name and intern(name),
            code,
            _app_version(fields.get("context")),
        )
        self._ledger.failed.add(minute, failure)
        self._ledger.arrivals.add(
            Event(
                number=self._ledger.arrivals.newest + 1,
                message_id=message_id or "",
                source_id=failure.source_id,
                type=failure.type,
                name=failure.name,
                received=receipt.received,
                timestamp=receipt.received,
                code=code,
            )
        )

    def _accept(self, way: _Way, event: dict[str, Any]) -> None:
        received, ledger = way.receipt.received, self._ledger
        message_id = _text(event.get("messageId")) or f"sandbox-api-{next(self._assigned)}"
        if ledger.arrivals.is_repeat(message_id, received):
            return
        kind = intern(event["type"])  # remembered by the hundred thousand, and few are different
        name = intern(event["event"]) if kind == "track" else None
        series = Series(way.source.id, kind, name, _app_version(event.get("context")))
        day = received.date()
        ledger.accept(way.minute, day, series)
        ledger.users.see(day, way.source.id, event.get("userId"), event.get("anonymousId"))
        ledger.arrivals.add(
            Event(
                number=ledger.arrivals.newest + 1,
                message_id=message_id,
                source_id=way.source.id,
                type=kind,
                name=name,
                received=received,
                timestamp=ingest.happened(received, event.get("sentAt") or way.receipt.sent_at, event.get("timestamp")),
                destinations=self._deliver(way, series, event.get("integrations")),
            )
        )

    def _deliver(self, way: _Way, series: Series, integrations: Any) -> tuple[str, ...]:
        reached: list[str] = []
        for destination in way.destinations:
            if ingest.wanted(destination.names, integrations):
                reached.append(destination.id)
                self._ledger.delivered.add(way.minute, Delivery(destination.id, "first_attempt", series))
            else:
                self._ledger.filtered.add(way.minute, Filtered(destination.id, NOT_WANTED, series))
        return tuple(reached)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _app_version(context: Any) -> str | None:
    app = context.get("app") if isinstance(context, dict) else None
    return _text(app.get("version")) if isinstance(app, dict) else None
