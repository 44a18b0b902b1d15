"""Ports meet their implementations: imported at the first call of a tool, since listing them needs none of it."""

from collections.abc import Callable, Mapping

from segment_mcp.adapter.client import SYSTEM, SegmentClient
from segment_mcp.adapter.http import Http, Transport, in_process
from segment_mcp.adapter.timing import Timing
from segment_mcp.adapter.write_keys import KnownWriteKeys
from segment_mcp.config import Connection, Settings
from segment_mcp.events.sink import DirectSink
from segment_mcp.ports import Facts, Ports


class Wiring:
    """Every connection's ports over one HTTP client.

    Args:
        connections: by name.
        settings: what the operator decided.
        transport: makes the way to Segment on first need; None: the network, or the embedded Segment where the
            settings say so.
        timing: clock, waits and chance; None: the system's.
    """

    def __init__(
        self,
        connections: Mapping[str, Connection],
        settings: Settings,
        transport: Callable[[], Transport] | None,
        timing: Timing | None,
    ) -> None:
        self._connections = connections
        self._settings = settings
        self._timing = timing or SYSTEM
        if transport is None and settings.mcp_sandbox:
            transport = self._embedded
        self._http = Http(transport, largest_answer=settings.mcp_largest_answer)

    def ports(self, name: str) -> Ports:
        """The ports of one connection.

        Raises:
            KeyError: no connection has that name.
        """
        connection, settings = self._connections[name], self._settings
        client = SegmentClient(connection, self._http, timing=self._timing, call_seconds=settings.mcp_call_seconds)
        write_keys = KnownWriteKeys(connection.named_write_keys(), client)
        facts = Facts(
            connection=name,
            connections=tuple(self._connections),
            region=connection.region,
            has_api_token=connection.api_token is not None,
            mode=settings.mcp_mode,
            toolsets=settings.mcp_toolsets,
            sandbox=settings.mcp_sandbox,
        )
        return Ports(segment=client, events=DirectSink(client, write_keys), write_keys=write_keys, facts=facts)

    async def aclose(self) -> None:
        """Close the connections to Segment."""
        await self._http.aclose()

    def _embedded(self) -> Transport:
        from segment_mcp.sandbox import create_app

        return in_process(create_app(now=self._timing.now))
