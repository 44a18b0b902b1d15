"""The composition root: the one place where ports meet implementations."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

from segment_mcp.adapter.client import SYSTEM, SegmentClient
from segment_mcp.adapter.http import Http, Transport, in_process
from segment_mcp.adapter.timing import Timing
from segment_mcp.adapter.write_keys import KnownWriteKeys
from segment_mcp.config import Connection, Settings
from segment_mcp.events.sink import DirectSink
from segment_mcp.ports import Facts, Ports
from segment_mcp.redact import Scrubber
from segment_mcp.tools.catalog import TOOLS
from segment_mcp.tools.invoke import Toolbox
from segment_mcp.tools.policy import Policy

SANDBOX = "sandbox"
"""The name of the connection to the embedded Segment."""


@asynccontextmanager
async def open_app(
    settings: Settings, *, transport: Callable[[], Transport] | None = None, timing: Timing = SYSTEM
) -> AsyncIterator[Toolbox]:
    """Every tool, ready to be invoked; connections to Segment are closed at the end.

    Args:
        settings: what the operator decided.
        transport: makes the way to Segment on first need: the seam for tests. None: the network, or the
            embedded Segment where the settings say so.
        timing: clock, waits and chance.
    """
    connections = sandbox_connections() if settings.mcp_sandbox else settings.connections
    if transport is None and settings.mcp_sandbox:
        transport = _embedded(timing)
    http = Http(transport, largest_answer=settings.mcp_largest_answer)
    try:
        yield Toolbox(
            TOOLS,
            {name: _ports(name, connections, settings, http, timing) for name in connections},
            Policy(settings.mcp_mode, settings.mcp_toolsets),
            result_scrubber(connections, reveal_write_keys=settings.mcp_reveal_write_keys),
            reveal_write_keys=settings.mcp_reveal_write_keys,
        )
    finally:
        await http.aclose()


def sandbox_connections() -> dict[str, Connection]:
    """The one connection to the embedded Segment, with the credentials that it knows."""
    from segment_mcp.sandbox import API_TOKEN, WRITE_KEYS

    default = next(iter(WRITE_KEYS.values()))
    credentials = {"api_token": API_TOKEN, "write_key": default, "write_keys": dict(WRITE_KEYS)}
    return {SANDBOX: Connection.model_validate(credentials)}


def log_scrubber(settings: Settings) -> Scrubber:
    """Takes every configured credential out of logs."""
    return Scrubber(secret for connection in settings.connections.values() for secret in connection.secrets())


def result_scrubber(connections: Mapping[str, Connection], *, reveal_write_keys: bool) -> Scrubber:
    """Takes every configured credential out of results; write keys only where they are not to be revealed."""
    return Scrubber(
        secret
        for connection in connections.values()
        for secret in connection.secrets()
        if not (reveal_write_keys and secret in connection.named_write_keys().values())
    )


def _embedded(timing: Timing) -> Callable[[], Transport]:
    def make() -> Transport:
        from segment_mcp.sandbox import create_app

        return in_process(create_app(now=timing.now))

    return make


def _ports(name: str, connections: Mapping[str, Connection], settings: Settings, http: Http, timing: Timing) -> Ports:
    connection = connections[name]
    client = SegmentClient(connection, http, timing=timing, call_seconds=settings.mcp_call_seconds)
    write_keys = KnownWriteKeys(connection.named_write_keys(), client)
    facts = Facts(
        connection=name,
        connections=tuple(connections),
        region=connection.region,
        has_api_token=connection.api_token is not None,
        mode=settings.mcp_mode,
        toolsets=settings.mcp_toolsets,
        sandbox=settings.mcp_sandbox,
    )
    return Ports(segment=client, events=DirectSink(client, write_keys), write_keys=write_keys, facts=facts)
