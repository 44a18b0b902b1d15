"""Builds what a test of the flow needs, through the sandbox's own doors, and asks what became of events."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import httpx2
from starlette.applications import Starlette

from segment_mcp.sandbox import windows
from segment_mcp.sandbox.debugger import PATH

from .world import TRACKING

HTTP_API = "iUM16Md8P2"
INTERCOM = "54521fd725e721e32a72eec6"
WEBHOOKS = "614a3c7d791c91c41bae7599"
SEND = "nFPnRozhz1mh4Gbx4MLvT5"
NOWHERE = "https://hooks.example/in"
DRAFT = "http://json-schema.org/draft-07/schema#"
DESTINATION_STEPS = ("filtered-at-destination", "failed-delivery", "successful-delivery")


def rule(kind: str, key: str | None = None, version: int = 1, **parts: Any) -> dict[str, Any]:
    """A rule whose schema has these parts of the message."""
    named = {} if key is None else {"key": key}
    schema = {"$schema": DRAFT, "type": "object", "properties": parts}
    return {"type": kind, **named, "version": version, "jsonSchema": schema}


def names(*required: str, **types: str) -> dict[str, Any]:
    """A schema of properties or traits with names, by their types."""
    return {
        "type": "object",
        "properties": {name: {"type": each} for name, each in types.items()},
        "required": required,
    }


class Scenery:
    """One source of its own, and whatever a test hangs on it."""

    def __init__(self, client: httpx2.AsyncClient, app: Starlette, clock: Callable[[], datetime]) -> None:
        self._client, self._app, self._clock = client, app, clock
        self.source = self.key = ""

    async def build(self) -> "Scenery":
        self.source, self.key = await self.add_source("scenery")
        return self

    async def add_source(self, slug: str) -> tuple[str, str]:
        made = await self._data("POST", "/sources", {"slug": slug, "enabled": True, "metadataId": HTTP_API})
        return made["source"]["id"], made["source"]["writeKeys"][0]

    async def plan(self, *rules: Mapping[str, Any]) -> str:
        made = await self._data("POST", "/tracking-plans", {"name": "Scenery", "type": "LIVE"})
        plan = str(made["trackingPlan"]["id"])
        await self.rules(plan, *rules)
        await self._data("POST", f"/tracking-plans/{plan}/sources", {"sourceId": self.source})
        return plan

    async def rules(self, plan: str, *rules: Mapping[str, Any]) -> None:
        await self._data("PUT", f"/tracking-plans/{plan}/rules", {"rules": rules})

    async def settings(self, **settings: Any) -> None:
        await self._data("PATCH", f"/sources/{self.source}/settings", settings)

    async def destination(self, metadata: str = WEBHOOKS, source: str = "", **more: Any) -> str:
        body = {"sourceId": source or self.source, "metadataId": metadata, "settings": {}, **more}
        return str((await self._data("POST", "/destinations", body))["destination"]["id"])

    async def update(self, destination: str, **body: Any) -> None:
        await self._data("PATCH", f"/destinations/{destination}", body)

    async def subscribe(
        self, destination: str, trigger: str = 'type = "track"', *, enabled: bool = True, **mapping: Any
    ) -> str:
        """Subscribe the webhook's one action: to nowhere, and to send the event's properties, unless said otherwise."""
        body = {
            "name": "S",
            "actionId": SEND,
            "trigger": trigger,
            "enabled": enabled,
            "settings": {"url": NOWHERE, "method": "POST", "data": {"@path": "$.properties"}, **mapping},
        }
        made = await self._data("POST", f"/destinations/{destination}/subscriptions", body)
        return str(made["destinationSubscription"]["id"])

    async def retrigger(self, destination: str, subscription: str, **changes: Any) -> None:
        await self._data("PATCH", f"/destinations/{destination}/subscriptions/{subscription}", {"input": changes})

    async def filter(self, destination: str, condition: str, *actions: Mapping[str, Any], enabled: bool = True) -> str:
        body = {"sourceId": self.source, "if": condition, "actions": actions, "title": "F", "enabled": enabled}
        return str((await self._data("POST", f"/destination/{destination}/filters", body))["filter"]["id"])

    async def send(self, kind: str = "track", **event: Any) -> None:
        """Send one event; a track event is called `Paid` unless it says otherwise."""
        named = {"event": "Paid"} if kind == "track" else {}
        answer = await self._client.post(
            f"{TRACKING}/v1/{kind}", json={"userId": "u", **named, **event, "writeKey": self.key}
        )
        assert answer.is_success

    async def count(self, step: str, destination: str = "", source: str = "", **asked: str) -> int:
        return int((await self._overview(step, destination, source, asked))["total"])

    async def reasons(self, step: str, destination: str = "", source: str = "", **asked: str) -> dict[str, int]:
        found = await self._overview(step, destination, source, {**asked, "groupBy": "discardReason"})
        return {row["discardReason"]: row["total"] for row in found["dataset"]}

    async def ended(self, destination: str, **asked: str) -> dict[str, int]:
        """All reasons of the three steps at a destination together: each event, or delivery, ends in one of them."""
        found = [await self.reasons(step, destination, **asked) for step in DESTINATION_STEPS]
        return {reason: count for each in found for reason, count in each.items()}

    async def events(self, source: str = "") -> list[dict[str, Any]]:
        """What the debugger shows of the source's events, oldest first."""
        async with httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app=self._app), base_url="http://sandbox"
        ) as anyone:
            answer = await anyone.get(PATH, params={"sourceId": source or self.source})
        found: list[dict[str, Any]] = answer.json()["events"]
        return found

    async def payloads(self) -> list[Any]:
        """What left for destinations, in the order in which it arrived there."""
        return [each["payload"] for event in await self.events() for each in event.get("deliveries", ())]

    async def _overview(self, step: str, destination: str, source: str, asked: Mapping[str, str]) -> Any:
        now = self._clock()
        params = {
            "sourceId": source or self.source,
            **({"destinationConfigId": destination} if destination else {}),
            "granularity": "MINUTE",
            "startTime": windows.iso(now - timedelta(hours=1)),
            "endTime": windows.iso(now + timedelta(minutes=1)),
            **asked,
        }
        answer = await self._client.get(f"/delivery-overview/{step}", params=params)
        assert answer.is_success, answer.text
        return answer.json()["data"]

    async def _data(self, method: str, path: str, body: Mapping[str, Any]) -> Any:
        answer = await self._client.request(method, path, json=body)
        assert answer.is_success, answer.text
        return answer.json()["data"]
