"""Serves a client that started this process: the wire is standard input and output, logs go to stderr."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from mcp.server.lowlevel import Server


async def serve_stdio(server: Server[Any]) -> None:
    """Serve until the client closes standard input."""
    async with _streams() as (reader, writer):
        await server.run(reader, writer, server.create_initialization_options())


@asynccontextmanager
async def _streams() -> AsyncIterator[tuple[Any, Any]]:
    """Our own transport where the event loop can wait for pipes; the SDK's on Windows, where it can't."""
    if os.name == "nt":
        from mcp.server.stdio import stdio_server

        async with stdio_server() as streams:
            yield streams
    else:
        from segment_mcp.transports.pipes import claim_standard_streams, open_pipes

        async with claim_standard_streams() as (source, target), open_pipes(source, target) as streams:
            yield streams
