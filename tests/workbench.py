"""What tests of tools share: a toolbox or an MCP client over the embedded Segment, and what went out to it."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx2
from mcp import Client

from segment_mcp.app import open_app
from segment_mcp.config import load
from segment_mcp.sandbox import WRITE_KEYS, create_app
from segment_mcp.server import build_server
from segment_mcp.timing import Timing
from segment_mcp.tools.invoke import Toolbox

NOW = datetime(2026, 3, 14, 9, 26, 53, tzinfo=UTC)
MONTH = "2026-03-01"
ERAS = ("legacy", "2026-07-28")
"""The SDK client's modes: the handshake of 2025-11-25 and before, and the revision without one."""

SANDBOX = {"SEGMENT_MCP_SANDBOX": "1"}
WEBSITE = "GFIYTOxHfOu2H5ySDDAXac"
BACKEND = "EOxa2ax67HUhmSOZPCLWRL"
QUIET = "zkVjMbYaWxMhIAo9gRFfFP"
"""The source that never sent anything; its key is WRITE_KEYS["http"]."""
QUIET_DESTINATION = "UAMRwzwtnTTE4XKNwuAqbn"
QUIET_KEY = WRITE_KEYS["http"]


@dataclass(slots=True)
class Wire(httpx2.AsyncBaseTransport):
    """The way to the sandbox, which keeps what was sent.

    Attributes:
        requests: everything that went out, in order.
    """

    requests: list[httpx2.Request] = field(default_factory=list)
    _sandbox: httpx2.ASGITransport = field(
        default_factory=lambda: httpx2.ASGITransport(app=create_app(now=lambda: NOW))
    )

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Keep the request and let the sandbox answer."""
        self.requests.append(request)
        return await self._sandbox.handle_async_request(request)

    def sent(self) -> list[tuple[str, str]]:
        """Method and raw target of each request but those that ask for the region."""
        pairs = [(request.method, request.url.raw_path.decode()) for request in self.requests]
        return [pair for pair in pairs if pair != ("GET", "/")]


@asynccontextmanager
async def toolbox(
    environment: Mapping[str, str] | None = None, wire: httpx2.AsyncBaseTransport | None = None
) -> AsyncIterator[Toolbox]:
    """Every tool over a fresh sandbox."""
    way = wire or Wire()
    async with open_app(
        load({**SANDBOX, **(environment or {})}), transport=lambda: way, timing=Timing(now=lambda: NOW)
    ) as opened:
        yield opened


@asynccontextmanager
async def client(
    environment: Mapping[str, str] | None = None,
    wire: httpx2.AsyncBaseTransport | None = None,
    era: str = ERAS[1],
) -> AsyncIterator[Client]:
    """An MCP client, in this process, of a server over a fresh sandbox."""
    async with toolbox(environment, wire) as opened, Client(build_server(opened), mode=era) as connected:
        yield connected


def data_of(result: Any) -> dict[str, Any]:
    """The `data` of a call that was successful."""
    envelope = result.structured_content
    assert envelope["successful"], envelope
    assert not result.is_error
    data: dict[str, Any] = envelope["data"]
    return data


def refused(result: Any) -> dict[str, Any]:
    """The `data` of a call that was not."""
    envelope = result.structured_content
    assert not envelope["successful"], envelope
    assert result.is_error
    assert envelope["error"]
    data: dict[str, Any] = envelope["data"]
    return data


def fields(problems: Sequence[Mapping[str, str]]) -> list[str]:
    """The fields that an `invalid_arguments` names."""
    return [problem["field"] for problem in problems]
