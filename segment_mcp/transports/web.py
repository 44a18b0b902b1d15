"""Serves clients on a port: Streamable HTTP at `/mcp`, or the older HTTP+SSE at `/sse` and `/messages/`."""

import asyncio
import contextlib
import ipaddress
import socket
import sys
from collections.abc import Callable, Sequence
from typing import Any

import uvicorn
from mcp.server.lowlevel import Server
from mcp.server.sse import SseServerTransport
from mcp.server.transport_security import TransportSecuritySettings
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

STREAMABLE_HTTP_PATH = "/mcp"
SSE_PATH = "/sse"
MESSAGES_PATH = "/messages/"
SHUTDOWN_SECONDS = 1


def streamable_http_app(server: Server[Any], security: TransportSecuritySettings) -> ASGIApp:
    """The MCP server as an ASGI app for Streamable HTTP, both protocol eras."""
    return server.streamable_http_app(streamable_http_path=STREAMABLE_HTTP_PATH, transport_security=security)


def sse_app(server: Server[Any], security: TransportSecuritySettings) -> ASGIApp:
    """The MCP server as an ASGI app for HTTP+SSE, which only the older protocol era has."""
    transport = SseServerTransport(MESSAGES_PATH, security_settings=security)

    async def connect(request: Request) -> Response:
        # The SDK raises ValueError after it has answered a request that it refused.
        with contextlib.suppress(ValueError):
            async with transport.connect_sse(request.scope, request.receive, request._send) as (reader, writer):  # noqa: SLF001 - the SDK's documented use
                await server.run(reader, writer, server.create_initialization_options())
        return _Answered()

    return Starlette(
        routes=[Route(SSE_PATH, connect, methods=["GET"]), Mount(MESSAGES_PATH, transport.handle_post_message)]
    )


def security_for(host: str, allowed_hosts: Sequence[str]) -> TransportSecuritySettings:
    """Which Host and Origin headers are let in: this machine's names, and those that the operator allows.

    Without it a web page could reach a server on this machine by rebinding a name of its own to it.
    """
    names = [*(("127.0.0.1", "localhost", "[::1]") if is_loopback(host) else ()), *allowed_hosts]
    hosts = [form for name in names for form in (name, f"{name}:*")]
    origins = [f"{scheme}://{form}" for form in hosts for scheme in ("http", "https")]
    return TransportSecuritySettings(enable_dns_rebinding_protection=True, allowed_hosts=hosts, allowed_origins=origins)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server that listens on the host."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one.

    Raises:
        OSError: the address is taken or not of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
        bound.listen(128)
    except OSError:
        bound.close()
        raise
    return bound


async def serve_app(
    app: ASGIApp,
    bound: socket.socket,
    path: str,
    protocol: type[asyncio.Protocol] | None = None,
    ending: Callable[[], None] = lambda: None,
) -> None:
    """Serve an ASGI app on a listening socket until the process is told to end; says where on stderr.

    Args:
        app: what answers.
        bound: the listening socket.
        path: shown behind the address.
        protocol: speaks HTTP on each connection, as uvicorn's own do; uvicorn's choice unless given.
        ending: ends the answers that would go on for as long as somebody reads them.
    """
    host, port = bound.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    sys.stderr.write(f"segment-mcp: listening on http://{shown}:{port}{path}\n")
    sys.stderr.flush()
    config = uvicorn.Config(
        app,
        http=protocol or "auto",
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
        lifespan="on",
    )
    await _Server(config, ending).serve(sockets=[bound])


class _Server(uvicorn.Server):
    """Ends the answers that have no end of their own before it waits for all of them."""

    def __init__(self, config: uvicorn.Config, ending: Callable[[], None]) -> None:
        super().__init__(config)
        self._ending = ending

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take no more requests, and end."""
        self._ending()
        await super().shutdown(sockets)


class _Answered(Response):
    """Stands for an answer that was sent already: sends nothing."""

    async def __call__(self, *_: Any) -> None:
        """Send nothing."""
