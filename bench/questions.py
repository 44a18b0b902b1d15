"""How long questions take on a large workspace, and how many calls they make: within Segment's documented limits.

    python -m bench.questions                    the embedded Segment as fast as it is
    python -m bench.questions --latency 0.1      each of its answers a tenth of a second later

The workspace has 200 sources, 400 destinations with a subscription each, 50 tracking plans with 200 rules each, and
five events in every source. Each question goes through the toolbox as a client's call does, in a minute of its own, so
that limits of calls a minute are whole. A part is an honest partial answer: it says how to go on.
"""

import argparse
import json
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import anyio
import httpx2

from segment_mcp.app import open_app
from segment_mcp.config import load
from segment_mcp.sandbox import API_TOKEN, create_app
from segment_mcp.timing import Timing
from segment_mcp.tools.invoke import Toolbox

SOURCES, DESTINATIONS, PLANS, RULES, EVENTS = 200, 400, 50, 200, 5
HTTP_API, WEBHOOKS, SEND = "iUM16Md8P2", "614a3c7d791c91c41bae7599", "nFPnRozhz1mh4Gbx4MLvT5"
PROMISED = 10.0


@dataclass(slots=True)
class Clock:
    """The real clock, moved on where a minute of its own is wanted."""

    ahead: timedelta = timedelta()

    def now(self) -> datetime:
        """The moment that the sandbox and the server agree on."""
        return datetime.now(UTC) + self.ahead

    def monotonic(self) -> float:
        """Seconds that move on with it."""
        return time.monotonic() + self.ahead.total_seconds()

    def next_minute(self) -> None:
        """Begin a new minute: limits start anew."""
        self.ahead += timedelta(seconds=61)


@dataclass(slots=True)
class Way(httpx2.AsyncBaseTransport):
    """The way to the sandbox; counts calls by path, and can be slow."""

    clock: Clock
    latency: float
    counted: Counter[str] = field(default_factory=Counter)
    limited: int = 0
    _app: httpx2.ASGITransport = field(init=False)

    def __post_init__(self) -> None:
        self._app = httpx2.ASGITransport(app=create_app(now=self.clock.now))

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Count the call, and let the sandbox answer."""
        if self.latency:
            await anyio.sleep(self.latency)
        response = await self._app.handle_async_request(request)
        self.counted[request.url.path.split("/")[1]] += 1
        self.limited += response.status_code == httpx2.codes.TOO_MANY_REQUESTS
        return response


@dataclass(slots=True)
class Workspace:
    """IDs of what was made."""

    sources: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    destinations: list[str] = field(default_factory=list)
    plans: list[str] = field(default_factory=list)


async def make(client: httpx2.AsyncClient, clock: Clock) -> Workspace:
    """The large workspace, made through the sandbox's public door."""
    made = Workspace()

    async def call(method: str, path: str, body: Mapping[str, Any], kind: str = "application/json") -> Any:
        headers = {"Authorization": f"Bearer {API_TOKEN}", "Content-Type": kind}
        answer = await client.request(
            method, f"https://api.segmentapis.com{path}", content=json.dumps(body), headers=headers
        )
        if answer.is_error:
            raise SystemExit(f"{method} {path}: {answer.status_code} {answer.text[:300]}")
        return answer.json()["data"]

    for number in range(SOURCES):
        body = {"slug": f"source-{number}", "enabled": True, "metadataId": HTTP_API}
        source = (await call("POST", "/sources", body))["source"]
        made.sources.append(source["id"])
        made.keys.append(source["writeKeys"][0])
    for number in range(DESTINATIONS):
        source_id = made.sources[number % SOURCES]
        body = {
            "sourceId": source_id,
            "metadataId": WEBHOOKS,
            "name": f"Hook {number}",
            "enabled": True,
            "settings": {},
        }
        destination = (await call("POST", "/destinations", body))["destination"]["id"]
        made.destinations.append(destination)
        if number % 5 == 0:
            clock.next_minute()
        wanted = f'type = "track" and event = "Event {number % EVENTS}"'
        settings = {"url": "https://hooks.shop.example/x", "method": "POST", "data": {"@path": "$.properties"}}
        subscription = {
            "name": "Send", "actionId": SEND, "trigger": wanted, "enabled": True, "settings": settings,
        }  # fmt: skip
        alpha = "application/vnd.segment.v1alpha+json"
        await call("POST", f"/destinations/{destination}/subscriptions", subscription, alpha)
    for number in range(PLANS):
        plan = (await call("POST", "/tracking-plans", {"name": f"Plan {number}", "type": "LIVE"}))["trackingPlan"]["id"]
        made.plans.append(plan)
        rules = [_rule(f"Event {index}") for index in range(RULES)]
        await call("PATCH", f"/tracking-plans/{plan}/rules", {"rules": rules})
        for source_id in made.sources[number * 2 : number * 2 + 2]:
            await call("POST", f"/tracking-plans/{plan}/sources", {"sourceId": source_id})
    for number, key in enumerate(made.keys):
        batch = [
            {"type": "track", "event": f"Event {index}", "userId": f"u-{number}", "properties": {"total": index}}
            for index in range(EVENTS)
        ]
        await client.post("https://api.segment.io/v1/batch", content=json.dumps({"writeKey": key, "batch": batch}))
    clock.next_minute()
    return made


def _rule(name: str) -> dict[str, Any]:
    properties = {"type": "object", "properties": {"total": {"type": "number"}}, "required": ["total"]}
    schema = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "object",
        "properties": {"context": {}, "traits": {}, "properties": properties},
    }
    return {"type": "TRACK", "key": name, "version": 1, "jsonSchema": schema}


def questions(made: Workspace) -> list[tuple[str, dict[str, Any]]]:
    """Each question, asked as widely as it can be."""
    sample = {"type": "track", "event": "Event 1", "userId": "u-1", "properties": {"total": 1}}
    return [
        ("segment_validate_event", {"sourceId": made.sources[0], "event": sample}),
        ("segment_send_test_event", {"sourceId": made.sources[0], "seconds": 5}),
        ("segment_trace_event", {"event": "Event 1"}),
        ("segment_trace_event", {"event": "Event 1", "sourceId": made.sources[0], "sample": sample}),
        ("segment_audit_event_routing", {}),
        ("segment_check_delivery_health", {}),
        ("segment_find_stale_sources", {}),
        ("segment_find_ungoverned_sources", {}),
        ("segment_diff_tracking_plan", {"trackingPlanId": made.plans[0], "otherPlanId": made.plans[1]}),
        ("segment_preview_mapping", {"destinationId": made.destinations[1], "event": sample}),
    ]


async def ask(toolbox: Toolbox, way: Way, clock: Clock, question: tuple[str, dict[str, Any]]) -> None:
    """Ask one question to its end, and print what each part took."""
    name, arguments = question
    parts = 0
    while True:
        clock.next_minute()
        way.counted.clear()
        way.limited = 0
        begun = time.perf_counter()
        envelope = await toolbox.invoke(name, arguments)
        seconds = time.perf_counter() - begun
        parts += 1
        data = envelope.data
        codes = Counter(gap["code"] for gap in data.get("gaps", ()))
        what = "part" if "next" in data else "whole" if envelope.successful else data["code"]
        late = "  TOO LATE" if seconds > PROMISED else ""
        print(
            f"{name:34}{sum(way.counted.values()):6} calls{seconds:8.2f} s{way.limited:4} limited  {what:6}"
            f"{len(envelope.as_json()):8} characters  gaps {dict(codes)}{late}"
        )
        if what != "part" or parts == 1 + DESTINATIONS:
            break
        arguments = {**arguments, "after": data["next"]}
    if parts > 1:
        print(f"{'':34}whole in {parts} parts")


async def main(latency: float) -> None:
    """Make the workspace, and ask everything."""
    clock = Clock()
    way = Way(clock, 0.0)
    timing = Timing(now=clock.now, monotonic=clock.monotonic)
    settings = load({"SEGMENT_MCP_SANDBOX": "1", "SEGMENT_MCP_ANSWER_CHARS": "100000"})
    async with (
        httpx2.AsyncClient(transport=way) as client,
        open_app(settings, transport=lambda: way, timing=timing) as toolbox,
    ):
        made = await make(client, clock)
        way.latency = latency
        for question in questions(made):
            await ask(toolbox, way, clock, question)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--latency", type=float, default=0.0, help="seconds that each answer of Segment is later")
    anyio.run(main, parser.parse_args().latency)
