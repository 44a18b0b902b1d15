"""A test event: sent once, marked, watched; and the answer never says more than the counters do."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest

from segment_mcp.app import open_app
from segment_mcp.config import load
from segment_mcp.sandbox import WRITE_KEYS, create_app
from segment_mcp.tools.invoke import Toolbox
from tests.leaping import LEAPING, Clock

pytestmark = pytest.mark.anyio
QUIET = "zkVjMbYaWxMhIAo9gRFfFP"
BACKEND = "EOxa2ax67HUhmSOZPCLWRL"
LEGACY = "GzoO1zT23nVjFB8rmVIRbh"
OVERVIEW = (
    "getIngressSuccessMetricsFromDeliveryOverview",
    "getIngressFailedMetricsFromDeliveryOverview",
    "getFilteredAtSourceMetricsFromDeliveryOverview",
)


@pytest.fixture
def anyio_backend() -> Any:
    return LEAPING


@dataclass(slots=True)
class Watched(httpx2.AsyncBaseTransport):
    """The way to the sandbox, which keeps what was sent, and can count late."""

    clock: Clock
    sent: list[dict[str, Any]] = field(default_factory=list)
    progress: list[float] = field(default_factory=list)
    app: httpx2.ASGITransport = field(init=False)

    def __post_init__(self) -> None:
        self.app = httpx2.ASGITransport(app=create_app(now=self.clock.now))

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if request.url.path.startswith("/v1/"):
            self.sent.append(json.loads(request.content))
        return await self.app.handle_async_request(request)

    async def fault(self, **what: Any) -> None:
        async with httpx2.AsyncClient(transport=self.app) as client:
            answer = await client.post("https://api.segmentapis.com/_sandbox/faults", content=json.dumps(what))
            assert answer.status_code == httpx2.codes.CREATED, answer.text


@asynccontextmanager
async def opened(environment: Mapping[str, str] | None = None) -> AsyncIterator[tuple[Toolbox, Watched]]:
    clock = Clock()
    way = Watched(clock)
    settings = load({"SEGMENT_MCP_SANDBOX": "1", **(environment or {})})
    async with open_app(settings, transport=lambda: way, timing=clock.timing()) as toolbox:
        yield toolbox, way


async def ask(toolbox: Toolbox, way: Watched, **arguments: Any) -> dict[str, Any]:
    async def progress(done: float, _: float | None, __: str) -> None:
        way.progress.append(done)

    envelope = await toolbox.invoke("segment_send_test_event", {"sourceId": QUIET, **arguments}, progress)
    return {"successful": envelope.successful, **envelope.data}


async def test_a_received_event_is_told_by_segments_counters_and_was_sent_once_with_its_mark() -> None:
    async with opened() as (toolbox, way):
        answer = await ask(toolbox, way)
        assert answer["outcome"] == "received"
        (event,) = way.sent
        assert event["context"]["app"]["version"] == answer["marker"]
        assert event["integrations"] == {"All": False}
        assert "received" in answer["summary"]
        assert answer["evidence"]


async def test_an_event_of_the_callers_keeps_its_own_fields() -> None:
    async with opened() as (toolbox, way):
        event = {"type": "identify", "userId": "u-9", "traits": {"plan": "pro"}, "context": {"ip": "203.0.113.9"}}
        answer = await ask(toolbox, way, event=event, deliver=True)
        (sent,) = way.sent
        assert (sent["userId"], sent["traits"], sent["context"]["ip"]) == ("u-9", {"plan": "pro"}, "203.0.113.9")
        assert "integrations" not in sent
        assert answer["outcome"] == "received"


async def test_where_it_is_to_be_delivered_each_destination_is_watched_too() -> None:
    async with opened() as (toolbox, way):
        event = {"type": "identify", "userId": "u-9", "traits": {"email": "u9@example.com"}}
        answer = await ask(toolbox, way, event=event, deliver=True)
        (destination,) = answer["destinations"]
        assert (destination["name"], destination["delivered"]) == ("Customer.io", 1)
        assert "1 of 1 destinations" in answer["summary"]


async def test_an_event_that_segment_would_drop_is_not_sent() -> None:
    async with opened() as (toolbox, way):
        answer = await ask(toolbox, way, event={"type": "track", "userId": "u-9"})
        assert (answer["successful"], answer["code"]) == (False, "event_invalid")
        assert way.sent == []


async def test_a_disabled_source_is_told_before_anything_is_sent() -> None:
    async with opened() as (toolbox, way):
        answer = await ask(toolbox, way, sourceId=LEGACY)
        assert answer["outcome"] == "source_disabled"
        assert way.sent == []


async def test_an_event_that_the_source_blocks_is_told_with_the_reason() -> None:
    async with opened() as (toolbox, way):
        answer = await ask(
            toolbox, way, sourceId=BACKEND, event={"type": "track", "event": "Nobody Plans This", "userId": "u"}
        )
        assert answer["outcome"] == "blocked"
        assert answer["reasons"][0]["code"] == "unplanned"


async def test_counters_that_say_nothing_leave_the_answer_at_not_seen() -> None:
    async with opened() as (toolbox, way):
        for operation in OVERVIEW:
            await way.fault(operation=operation, status=200, body="empty")
        await way.fault(operation="getEventsVolumeFromWorkspace", status=403)
        answer = await ask(toolbox, way, seconds=20)
        assert answer["outcome"] == "unknown"
        assert "not known" in answer["summary"]
        assert {gap["operation"] for gap in answer["gaps"]} >= {OVERVIEW[0], "getEventsVolumeFromWorkspace"}


async def test_without_the_delivery_overview_events_volume_tells_of_the_receipt() -> None:
    async with opened() as (toolbox, way):
        for operation in OVERVIEW:
            await way.fault(operation=operation, status=403)
        answer = await ask(toolbox, way)
        assert answer["outcome"] == "received"
        assert {gap["code"] for gap in answer["gaps"]} == {"permission"}


async def test_nobody_watches_where_no_time_is_given() -> None:
    async with opened() as (toolbox, way):
        answer = await ask(toolbox, way, seconds=0)
        assert "nobody watched" in answer["summary"]
        assert len(way.sent) == 1


async def test_an_event_that_could_not_be_sent_now_is_deferred_and_not_called_missing() -> None:
    async with opened() as (toolbox, way):
        await way.fault(operation="track", status=503)
        answer = await ask(toolbox, way)
        assert (answer["outcome"], answer["status"]) == ("deferred", "deferred")


async def test_watching_lasts_as_long_as_it_was_asked_and_reports_progress() -> None:
    async with opened() as (toolbox, way):
        for operation in OVERVIEW[:1]:
            await way.fault(operation=operation, status=403)
        await way.fault(operation="getEventsVolumeFromWorkspace", status=403)
        begun = way.clock.now()
        answer = await ask(toolbox, way, seconds=30)
        assert answer["watchedSeconds"] >= 30
        assert (way.clock.now() - begun).total_seconds() < 60
        assert len(way.progress) > 2


async def test_a_write_key_of_another_source_is_refused() -> None:
    async with opened() as (toolbox, way):
        answer = await ask(toolbox, way, writeKey=WRITE_KEYS["web"])
        assert (answer["successful"], answer["code"]) == (False, "invalid_arguments")
        assert way.sent == []


async def test_an_unknown_source_is_not_found() -> None:
    async with opened() as (toolbox, way):
        answer = await ask(toolbox, way, sourceId="nobody")
        assert (answer["successful"], answer["code"]) == (False, "not_found")


async def test_it_counts_as_writing_so_a_server_that_only_reads_does_not_send() -> None:
    async with opened({"SEGMENT_MCP_MODE": "read"}) as (toolbox, way):
        answer = await ask(toolbox, way)
        assert answer["code"] == "not_allowed"
        assert way.sent == []


async def test_the_write_key_is_nowhere_in_the_answer() -> None:
    async with opened() as (toolbox, way):
        assert WRITE_KEYS["http"] not in json.dumps(await ask(toolbox, way))
