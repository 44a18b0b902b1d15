"""What tests of counters share: events volume with more rows than a sandbox is worth filling with."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from segment_mcp.operations import Operation
from segment_mcp.ports import Bounds, Data, Segment, Walk


class Filled:
    """A way to Segment on which events volume has at least so many rows: those it has, then others' events."""

    def __init__(self, segment: Segment, rows: int) -> None:
        self._segment = segment
        self._rows = rows

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
        walk = await self._segment.walk(operation, arguments, keep=keep, bounds=bounds or Bounds())
        if operation.name != "getEventsVolumeFromWorkspace":
            return walk
        filled = [_row(number) for number in range(len(walk.items), self._rows)]
        return replace(walk, items=[*walk.items, *filled])


def _row(number: int) -> Data:
    return {
        "source": {"id": "filler", "name": "filler", "slug": "filler"},
        "eventName": f"Filler {number}",
        "eventType": "track",
        "total": 1,
        "series": [],
    }
