"""The audit trail: who changed what, newest first, as listAuditEvents answers it."""

from collections import deque
from datetime import datetime
from typing import Any, NamedTuple

from segment_mcp.sandbox import windows

MOST = 10_000
ACTOR = "sandbox-api-token"


class Note(NamedTuple):
    """What happened to which thing, by Segment's name for such an event."""

    type: str
    resource_type: str
    resource_id: str
    resource_name: str


class AuditTrail:
    """The newest events; older ones than `MOST` are forgotten."""

    def __init__(self) -> None:
        self._events: deque[dict[str, Any]] = deque(maxlen=MOST)

    def add(self, note: Note, event_id: str, now: datetime) -> None:
        """Remember what happened."""
        self._events.append(
            {
                "id": event_id,
                "timestamp": windows.iso(now),
                "type": note.type,
                "actor": ACTOR,
                "resourceId": note.resource_id,
                "resourceType": note.resource_type,
                "resourceName": note.resource_name,
            }
        )

    def newest_first(self) -> list[dict[str, Any]]:
        """Every event that is remembered."""
        return list(reversed(self._events))
