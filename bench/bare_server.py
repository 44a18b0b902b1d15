"""The bare low-level server that the benchmarks compare with: one tool, the SDK's own stdio transport.

With an argument, the tool asks that URL and answers what it said, as text and as structured content.
"""

import json
import sys
from typing import Any

import anyio
import httpx2
import mcp_types as types
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server

UPSTREAM = sys.argv[1] if len(sys.argv) > 1 else None
client: httpx2.AsyncClient | None = None


async def list_tools(_: ServerRequestContext[Any], __: types.PaginatedRequestParams | None) -> types.ListToolsResult:
    """One tool."""
    schema = {"type": "object", "properties": {"destinationId": {"type": "string"}}, "required": ["destinationId"]}
    return types.ListToolsResult(
        tools=[types.Tool(name="get_destination", description="Read a destination.", input_schema=schema)]
    )


async def call_tool(_: ServerRequestContext[Any], params: types.CallToolRequestParams) -> types.CallToolResult:
    """One request upstream, with a client that is made once."""
    global client  # noqa: PLW0603 - the shortest way that a bare server has
    if client is None:
        client = httpx2.AsyncClient(headers={"Authorization": "Bearer token"})
    response = await client.get(f"{UPSTREAM}/destinations/{(params.arguments or {})['destinationId']}")
    return types.CallToolResult(
        content=[types.TextContent(type="text", text=response.text)], structured_content=json.loads(response.content)
    )


async def main() -> None:
    """Serve stdio as the SDK's documentation shows it."""
    server: Server[Any] = Server("bare", on_list_tools=list_tools, on_call_tool=call_tool)
    async with stdio_server() as (reader, writer):
        await server.run(reader, writer, server.create_initialization_options())


anyio.run(main)
