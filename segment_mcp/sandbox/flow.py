"""An event's way through Segment: find its source, check it, count it, deliver it.

Stations that later steps add have their place here: tracking plans and schema settings between check and
count (filtered at source), destination filters and mappings before a delivery counts (filtered at
destination).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from typing import Any

from segment_mcp.sandbox import ingest, windows
from segment_mcp.sandbox.ledger import Delivery, Event, Failure, Ledger, Series
from segment_mcp.sandbox.workspace import Source, Workspace


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the events of one request share: when they came, with which key, and the batch's `sentAt`."""

    received: datetime
    write_key: str
    sent_at: Any = None


class Flow:
    """Takes events into one workspace and its ledger."""

    def __init__(self, workspace: Workspace, ledger: Ledger) -> None:
        self._workspace = workspace
        self._ledger = ledger
        self._assigned = count(1)

    def take(self, receipt: Receipt, events: Iterable[Any]) -> None:
        """Accept, count and deliver each event, or count why it failed on ingest. Nothing is answered."""
        source = self._workspace.source_of(receipt.write_key)
        minute = windows.minute_of(receipt.received)
        for event in events:
            code = _source_failure(source) or ingest.failure(event)
            if code is None and source is not None:
                self._accept(receipt, minute, source, event)
            else:
                self.fail(receipt, code or "unknown_source", event)

    def fail(self, receipt: Receipt, code: str, event: Any = None) -> None:
        """Count an event, or a request that held none, as failed on ingest."""
        source = self._workspace.source_of(receipt.write_key)
        fields = event if isinstance(event, dict) else {}
        kind, name, message_id = _text(fields.get("type")), _text(fields.get("event")), _text(fields.get("messageId"))
        source_id = source.id if source else ""
        minute = windows.minute_of(receipt.received)
        self._ledger.failed.add(minute, Failure(source_id, kind or "", name, code))
        self._ledger.recent.append(
            Event(message_id or "", source_id, kind or "", name, receipt.received, receipt.received, code)
        )

    def _accept(self, receipt: Receipt, minute: int, source: Source, event: dict[str, Any]) -> None:
        message_id = _text(event.get("messageId")) or f"sandbox-api-{next(self._assigned)}"
        if not self._ledger.first_seen(message_id, receipt.received):
            return
        kind: str = event["type"]
        name: str | None = event["event"] if kind == "track" else None
        self._ledger.accept(
            minute, receipt.received.date(), Series(source.id, kind, name, _app_version(event.get("context")))
        )
        self._ledger.recent.append(
            Event(
                message_id=message_id,
                source_id=source.id,
                type=kind,
                name=name,
                received=receipt.received,
                timestamp=ingest.happened(
                    receipt.received, event.get("sentAt") or receipt.sent_at, event.get("timestamp")
                ),
                code=None,
                destinations=self._deliver(minute, source, event.get("integrations")),
            )
        )

    def _deliver(self, minute: int, source: Source, integrations: Any) -> tuple[str, ...]:
        reached = tuple(
            destination.id
            for destination in self._workspace.cloud_destinations(source.id)
            if ingest.wanted(destination.names, integrations)
        )
        for destination_id in reached:
            self._ledger.delivered.add(minute, Delivery(destination_id, "first_attempt"))
        return reached


def _source_failure(source: Source | None) -> str | None:
    if source is None:
        return "unknown_source"
    return None if source.enabled else "source_disabled"


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _app_version(context: Any) -> str | None:
    app = context.get("app") if isinstance(context, dict) else None
    return _text(app.get("version")) if isinstance(app, dict) else None
