"""What tests of questions share: a fresh sandbox, moved through its public door, and a `Reading` of it.

Time is the leaping loop's: a test module takes `LEAPING` as its `anyio_backend`, and then waits, delays and timeouts
are real to everyone and take no time.
"""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import anyio
import httpx2

from segment_mcp.adapter.client import SegmentClient
from segment_mcp.adapter.http import Http
from segment_mcp.config import Connection
from segment_mcp.operations import get
from segment_mcp.questions.reading import Reading
from segment_mcp.sandbox import API_TOKEN, create_app
from tests.leaping import LEAPING, Clock

__all__ = ["LEAPING", "World", "rule", "track", "world"]

COUNTED = 120.0
"""Seconds after which counters show an event."""
CALL_SECONDS = 30.0


@dataclass(slots=True)
class World:
    """A sandbox of one's own.

    Attributes:
        clock: the sandbox's and the reader's.
        segment: the way to its Public API.
        asked: the operations' paths that were requested, `METHOD /path`, in order.
    """

    clock: Clock
    segment: SegmentClient
    way: httpx2.AsyncClient
    asked: list[str] = field(default_factory=list)

    def reading(self, **how: Any) -> Reading:
        """A new reading, as a tool gets one for each call."""
        return Reading(self.segment, self.clock.timing(), **how)

    async def call(self, operation: str, **arguments: Any) -> dict[str, Any]:
        """The `data` of an operation of the Public API, by Segment's names."""
        return await self.segment.call(get(operation), arguments)

    async def source(self, slug: str, *, enabled: bool = True, metadata: str = "iUM16Md8P2") -> tuple[str, str]:
        """A new source: its ID and its write key; named as its slug."""
        made = await self.call("createSource", slug=slug, enabled=enabled, metadataId=metadata)
        await self.call("updateSource", sourceId=made["source"]["id"], name=slug)
        return made["source"]["id"], made["source"]["writeKeys"][0]

    async def plan(
        self, rules: Sequence[Mapping[str, Any]], *source_ids: str, name: str = "Shop", kind: str = "LIVE"
    ) -> str:
        """The ID of a new plan with these rules, which governs these sources."""
        plan_id = str((await self.call("createTrackingPlan", name=name, type=kind))["trackingPlan"]["id"])
        for start in range(0, len(rules), 200):
            part = list(rules[start : start + 200])
            await self.call("updateRulesInTrackingPlan", trackingPlanId=plan_id, rules=part)
        for source_id in source_ids:
            await self.call("addSourceToTrackingPlan", trackingPlanId=plan_id, sourceId=source_id)
        return plan_id

    async def settings(self, source_id: str, **settings: Any) -> None:
        """Set schema settings of a source: `track`, `identify`, `group`, `forwardingBlockedEventsTo`."""
        await self.call("updateSchemaSettingsInSource", sourceId=source_id, **settings)

    async def send(self, write_key: str, *events: Mapping[str, Any], counted: bool = True) -> None:
        """Send events through the Tracking API; then wait until counters show them, if wanted."""
        for start in range(0, len(events), 100):
            body = {"writeKey": write_key, "batch": list(events[start : start + 100])}
            answer = await self.way.post("https://api.segment.io/v1/batch", json=body)
            assert answer.status_code == httpx2.codes.OK, answer.text
        if counted:
            await anyio.sleep(COUNTED)

    async def fault(self, operation: str, **what: Any) -> None:
        """Let an operation go wrong; see `segment_mcp.sandbox.faults`."""
        content = json.dumps({"operation": operation, **what})
        answer = await self.way.post("https://api.segmentapis.com/_sandbox/faults", content=content)
        assert answer.status_code == httpx2.codes.CREATED, answer.text

    async def healed(self) -> None:
        """End all faults."""
        await self.way.delete("https://api.segmentapis.com/_sandbox/faults")


class _Way(httpx2.AsyncBaseTransport):
    """The way to the sandbox, which notes what is asked."""

    def __init__(self, clock: Clock, asked: list[str]) -> None:
        self._sandbox = httpx2.ASGITransport(app=create_app(now=clock.now))
        self._asked = asked

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self._asked.append(f"{request.method} {request.url.path}")
        return await self._sandbox.handle_async_request(request)


@asynccontextmanager
async def world() -> AsyncIterator[World]:
    """A fresh sandbox with its example workspace."""
    clock, asked = Clock(), list[str]()
    way = _Way(clock, asked)
    connection = Connection.model_validate({"region": "us", "api_token": API_TOKEN})
    http = Http(lambda: way)
    segment = SegmentClient(connection, http, timing=clock.timing(), call_seconds=CALL_SECONDS)
    async with httpx2.AsyncClient(transport=way) as client:
        yield World(clock, segment, client, asked)


def track(name: str, **more: Any) -> dict[str, Any]:
    """A valid track event; more of its members by name."""
    return {"type": "track", "event": name, "userId": "u-1", **more}


def rule(kind: str, key: str | None = None, *, version: int = 1, **schema: Any) -> dict[str, Any]:
    """A rule whose JSON schema has these members beside `type: object`."""
    return {
        "type": kind,
        **({"key": key} if key is not None else {}),
        "version": version,
        "jsonSchema": {"$schema": "http://json-schema.org/draft-07/schema#", "type": "object", **schema},
    }
