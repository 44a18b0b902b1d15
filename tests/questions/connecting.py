"""What tests of routes share: destinations with subscriptions and filters, made through the sandbox's public door."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import anyio

from segment_mcp.adapter.client import SegmentClient
from segment_mcp.errors import RateLimited
from segment_mcp.operations import Operation
from segment_mcp.ports import Bounds, Data, Walk
from tests.questions.asking import World

WEBHOOK = "614a3c7d791c91c41bae7599"
SEND = "nFPnRozhz1mh4Gbx4MLvT5"
COMMANDBAR = "638f843c4520d424f63c9e51"
IDENTIFY_USER = "pvLKevrkEtiUZX3ej5FX8j"
INTERCOM = "54521fd725e721e32a72eec6"
"""A classic destination, which takes no alias calls."""
MIXPANEL = "615c7438d93d9b61b1e9e192"
MIXPANEL_TRACK = "etDoZEKaPvjgeXw6c84cvi"
"""An action that requires `event`."""

POST: Mapping[str, Any] = {"url": "https://hooks.shop.example/in", "method": "POST", "data": {"@path": "$."}}


async def destination(
    to: World, source_id: str, metadata: str = WEBHOOK, *, enabled: bool = True, name: str = "Hook"
) -> str:
    """The ID of a new destination."""
    asked = {"sourceId": source_id, "metadataId": metadata, "enabled": enabled, "settings": {}, "name": name}
    return str((await to.call("createDestination", **asked))["destination"]["id"])


async def subscribe(to: World, destination_id: str, trigger: str, **more: Any) -> str:
    """The ID of a new subscription; a minute later where five were made in this one."""
    asked = {"name": "All", "actionId": SEND, "enabled": True, "settings": dict(POST), "trigger": trigger, **more}
    try:
        made = await to.call("createDestinationSubscription", destinationId=destination_id, **asked)
    except RateLimited:
        await anyio.sleep(60)
        made = await to.call("createDestinationSubscription", destinationId=destination_id, **asked)
    return str(made["destinationSubscription"]["id"])


async def add_filter(to: World, source_id: str, destination_id: str, condition: str, **action: Any) -> str:
    """The ID of a new filter with one action, a drop unless another is given."""
    made = await to.call(
        "createFilterForDestination",
        destinationId=destination_id,
        sourceId=source_id,
        title="Not these",
        enabled=True,
        actions=[{"type": "DROP", **action}],
        **{"if": condition},
    )
    return str(made["filter"]["id"])


class SmallPages:
    """A way to Segment on which every list comes an item a page."""

    def __init__(self, segment: SegmentClient) -> None:
        self._segment = segment

    async def call(self, operation: Operation, arguments: Mapping[str, Any]) -> Data:
        return await self._segment.call(operation, arguments)

    async def region(self) -> str | None:
        return await self._segment.region()

    async def walk(
        self,
        operation: Operation,
        arguments: Mapping[str, Any] | None = None,
        *,
        keep: Callable[[Any], bool] = lambda _: True,
        bounds: Bounds | None = None,
    ) -> Walk:
        asked = {**(arguments or {}), "pagination": {"count": 1}}
        return await self._segment.walk(operation, asked, keep=keep, bounds=bounds or Bounds())


class PartOf(SmallPages):
    """A way to Segment on which the list of one operation goes on behind what was read."""

    def __init__(self, segment: SegmentClient, operation: str) -> None:
        super().__init__(segment)
        self._operation = operation

    async def walk(
        self,
        operation: Operation,
        arguments: Mapping[str, Any] | None = None,
        *,
        keep: Callable[[Any], bool] = lambda _: True,
        bounds: Bounds | None = None,
    ) -> Walk:
        walk = await self._segment.walk(operation, arguments or {}, keep=keep, bounds=bounds or Bounds())
        return replace(walk, truncated=walk.truncated or operation.name == self._operation)
