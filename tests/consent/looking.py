"""What tests of previews share: a connection to a fresh sandbox that notes what goes out, and a scripted port."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import anyio
import httpx2

from segment_mcp.adapter.client import SegmentClient
from segment_mcp.adapter.http import Http
from segment_mcp.config import Connection
from segment_mcp.consent.preview import Preview
from segment_mcp.consent.recipes import preview
from segment_mcp.operations import Operation, get
from segment_mcp.ports import Bounds, Data, Walk
from segment_mcp.sandbox import API_TOKEN
from segment_mcp.timing import Timing
from tests.workbench import NOW, Wire

HOST = "https://api.segmentapis.com"


@dataclass(slots=True)
class World:
    """A sandbox, and one connection to it.

    Attributes:
        wire: keeps what the connection sends.
    """

    wire: Wire = field(default_factory=Wire)
    connection: SegmentClient = field(init=False)

    def __post_init__(self) -> None:
        settings = Connection.model_validate({"region": "us", "api_token": API_TOKEN})
        timing = Timing(now=lambda: NOW)
        self.connection = SegmentClient(settings, Http(lambda: self.wire), timing=timing, call_seconds=25)

    async def look(self, name: str, /, **arguments: Any) -> Preview:
        """The preview of an operation."""
        return await preview(get(name), arguments, self.connection, NOW)

    async def do(self, name: str, /, **arguments: Any) -> Data:
        """Carry an operation out."""
        return await self.connection.call(get(name), arguments)

    async def fail(self, operation: str, **fault: Any) -> None:
        """Have an operation fail from now on."""
        async with httpx2.AsyncClient(transport=self.wire, base_url=HOST) as client:
            answer = await client.post("/_sandbox/faults", json={"operation": operation, **fault})
            assert answer.is_success, answer.text
            self.wire.requests.clear()


@dataclass(slots=True)
class Script:
    """A port whose answers are given by the operation's name: data, the items of a list, or a failure.

    Attributes:
        answers: a function is called with the arguments.
        pace: seconds that each answer takes.
        truncated: lists that go on.
        asked: names of what was called.
        most: how many calls were under way at once, at most.
    """

    answers: Mapping[str, Any]
    pace: float = 0.0
    truncated: frozenset[str] = frozenset()
    asked: list[str] = field(default_factory=list)
    most: int = 0
    _under_way: int = 0

    async def call(self, operation: Operation, arguments: Mapping[str, Any]) -> Data:
        """See `ports.Segment.call`."""
        data: Data = await self._answer(operation, arguments)
        return data

    async def walk(
        self,
        operation: Operation,
        arguments: Mapping[str, Any] | None = None,
        *,
        keep: Callable[[Any], bool] = lambda _: True,
        bounds: Bounds = Bounds(),  # noqa: ARG002, B008 - a port's signature
    ) -> Walk:
        """See `ports.Segment.walk`."""
        items = await self._answer(operation, arguments or {})
        return Walk([item for item in items if keep(item)], {}, truncated=operation.name in self.truncated)

    async def region(self) -> str | None:
        """See `ports.Segment.region`."""
        raise NotImplementedError

    async def look(self, name: str, /, **arguments: Any) -> Preview:
        """The preview of an operation."""
        return await preview(get(name), arguments, self, NOW)

    async def _answer(self, operation: Operation, arguments: Mapping[str, Any]) -> Any:
        self.asked.append(operation.name)
        self._under_way += 1
        self.most = max(self.most, self._under_way)
        try:
            await anyio.sleep(self.pace)
        finally:
            self._under_way -= 1
        answer = self.answers[operation.name]
        if isinstance(answer, Exception):
            raise answer
        return answer(arguments) if callable(answer) else answer
