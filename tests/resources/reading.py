"""What tests of resources share: reading one through a client, as data or as a refusal; and a server over HTTP."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import mcp_types as types
import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError

from segment_mcp.app import open_app
from segment_mcp.config import load
from segment_mcp.server import build_server
from segment_mcp.timing import Timing
from tests.workbench import ERAS, SANDBOX

MODERN = ERAS[1]
UNATTENDED = {"SEGMENT_MCP_MODE": "unattended"}
ABSENT = {"legacy": -32002, MODERN: types.INVALID_PARAMS}
"""What each revision answers of a resource that isn't there."""


async def read(connected: Client, uri: str) -> dict[str, Any]:
    """The data of a resource, past any cache of the client's."""
    data: dict[str, Any] = json.loads(await text_of(connected, uri))
    return data


async def text_of(connected: Client, uri: str) -> str:
    """The text of a resource."""
    (content,) = (await connected.read_resource(uri, cache_mode="bypass")).contents
    assert isinstance(content, types.TextResourceContents)
    assert (content.uri, content.mime_type) == (uri, "application/json")
    return content.text


async def refusal(connected: Client, uri: str) -> MCPError:
    """The error of a resource that can't be read."""
    with pytest.raises(MCPError) as caught:
        await connected.read_resource(uri)
    return caught.value


@asynccontextmanager
async def timed(
    timing: Timing, way: httpx2.AsyncBaseTransport, environment: dict[str, str] | None = None, era: str = MODERN
) -> AsyncIterator[Client]:
    """A client of a server that has its time from the given clock."""
    async with (
        open_app(load({**SANDBOX, **(environment or {})}), transport=lambda: way, timing=timing) as opened,
        Client(build_server(opened), mode=era, raise_exceptions=False) as connected,
    ):
        yield connected
