"""Completes events, refuses those that Segment would drop, and sends the rest: all of a call or nothing."""

import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from segment_mcp import __version__
from segment_mcp.errors import EventInvalid
from segment_mcp.events import checks
from segment_mcp.ports import Data, Tracking, WriteKeys

LIBRARY = {"name": "segment-mcp", "version": __version__}
"""What `context.library` says where the caller says nothing."""

FRAME = 512
"""Bytes set aside for what stands around the events of a request: write key and `sentAt`."""


def new_message_id() -> str:
    """A messageId that no other event has: Segment deduplicates by it across all of its customers."""
    return str(uuid.uuid4())


class DirectSink:
    """Sends each call's events to Segment at once; keeps nothing.

    Args:
        tracking: the Tracking API.
        write_keys: resolves the key that a call names.
        new_id: makes a messageId where the caller gave none.
    """

    def __init__(
        self, tracking: Tracking, write_keys: WriteKeys, *, new_id: Callable[[], str] = new_message_id
    ) -> None:
        self._tracking = tracking
        self._write_keys = write_keys
        self._new_id = new_id

    async def send(self, kind: str, fields: Mapping[str, Any], write_key: str | None) -> Data:
        """See `ports.EventSink.send`."""
        event = complete({"type": kind, **fields} | {"type": kind}, {}, self._new_id)
        body, problems = serialise(event, FRAME)
        if problems:
            raise EventInvalid(checks.named(0, event, problems))
        host = await self._tracking.send(kind, [body], await self._write_keys.resolve(write_key))
        return {"status": "accepted", "messageId": event["messageId"], "host": host}

    async def send_batch(self, events: Sequence[Any], shared: Mapping[str, Any], write_key: str | None) -> Data:
        """See `ports.EventSink.send_batch`."""
        completed = [complete(event, shared, self._new_id) if isinstance(event, dict) else event for event in events]
        bodies: list[bytes] = []
        found: list[dict[str, Any]] = []
        first_with: dict[Any, int] = {}
        for index, event in enumerate(completed):
            body, problems = serialise(event)
            bodies.append(body)
            if not problems and (first := first_with.setdefault(event["messageId"], index)) != index:
                problems = [
                    checks.Problem("bad_request", "messageId", f"is that of event {first}; Segment drops repeats")
                ]
            found += checks.named(index, event, problems)
        whole = checks.batch_problem(len(bodies), sum(map(len, bodies)) + len(bodies) + FRAME)
        if whole is not None:
            found.insert(0, {"code": whole.code, "field": whole.field, "message": f"{whole.field} {whole.message}"})
        if found:
            raise EventInvalid(found)
        host = await self._tracking.send("batch", bodies, await self._write_keys.resolve(write_key))
        statuses = [
            {"index": index, "messageId": event["messageId"], "status": "accepted"}
            for index, event in enumerate(completed)
        ]
        return {"accepted": len(statuses), "deferred": 0, "events": statuses, "host": host}


def complete(event: Mapping[str, Any], shared: Mapping[str, Any], new_id: Callable[[], str]) -> dict[str, Any]:
    """The event with a messageId, a library, and what its batch shares.

    An event's own context and integrations win over the shared ones, member by member: Segment merges a
    batch's into its items, and here each item is whole by itself.
    """
    completed = {name: value for name, value in event.items() if value is not None}
    if "messageId" not in completed:
        completed["messageId"] = new_id()
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
    if not isinstance(event, dict):
        return b"", [checks.Problem("bad_request", "", "must be an object")]
    problems = checks.problems_of(event)
    try:
        body = json.dumps(event, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except (ValueError, RecursionError):  # NaN, infinity, a lone surrogate; or too deep
        return b"", [*problems, checks.Problem("bad_request", "", "has a number, text or depth that JSON can't carry")]
    return body, [*problems, *checks.size_problems(len(body), frame)]
