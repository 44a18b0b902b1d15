"""The composition root: opens every tool over the operator's connections. What they are wired to stands in `wiring`."""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING

import anyio

from segment_mcp.background import background
from segment_mcp.config import Connection, Settings, hidden_in_results
from segment_mcp.ports import Ports
from segment_mcp.redact import Scrubber
from segment_mcp.state import outbox_file
from segment_mcp.tools.catalog import TOOLS
from segment_mcp.tools.invoke import Toolbox
from segment_mcp.tools.policy import policy_of
from segment_mcp.tools.results import Results

if TYPE_CHECKING:
    from segment_mcp.adapter.http import Transport
    from segment_mcp.timing import Timing
    from segment_mcp.wiring import Wiring

SANDBOX = "sandbox"
"""The name of the connection to the embedded Segment."""

UNHURRIED_SECONDS = 1.0
"""After how long a new server looks for events that another one left: clients wait for its tools first."""
IDLE_SECONDS = 30.0
"""How often a server that nobody calls looks again."""
CLOSING_SECONDS = 5.0
"""Within which what is open is closed, even where everything else is to end at once."""


class Connections(Mapping[str, Ports]):
    """Ports by the connection's name, each made at its first use.

    Args:
        names: in their order, the default one first.
        wire: makes what all of them are wired to, once.
    """

    def __init__(self, names: tuple[str, ...], wire: Callable[[], "Wiring"]) -> None:
        self._names = names
        self._wire = wire
        self._wiring: Wiring | None = None
        self._made: dict[str, Ports] = {}

    def __getitem__(self, name: str) -> Ports:
        if name not in self._made:
            self._made[name] = self.open().ports(name)
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def open(self) -> "Wiring":
        """What the ports are wired to."""
        if self._wiring is None:
            self._wiring = self._wire()
        return self._wiring

    async def aclose(self) -> None:
        """Close what was opened."""
        if self._wiring is not None:
            await self._wiring.aclose()


@asynccontextmanager
async def open_app(
    settings: Settings, *, transport: "Callable[[], Transport] | None" = None, timing: "Timing | None" = None
) -> AsyncIterator[Toolbox]:
    """Every tool, ready to be invoked; connections to Segment are closed at the end.

    Args:
        settings: what the operator decided.
        transport: makes the way to Segment on first need: the seam for tests. None: the network, or the
            embedded Segment where the settings say so.
        timing: clock, waits and chance; None: the system's.
    """
    configured = _configured(settings)
    may_send = settings.mcp_mode != "read"
    connections: Connections | None = None
    try:
        async with background() as spawn:

            def wire() -> "Wiring":
                from segment_mcp.wiring import Wiring

                wiring = Wiring(configured, settings, transport, timing, spawn)
                wiring.changes.follow(toolbox.changes.tell)
                if may_send:
                    spawn(wiring.outbox.run)
                return wiring

            connections = Connections(tuple(configured), wire)
            toolbox = Toolbox(
                TOOLS,
                connections,
                policy_of(settings),
                Scrubber(hidden_in_results(configured, reveal_write_keys=settings.mcp_reveal_write_keys)),
                Results(monotonic if timing is None else timing.monotonic, settings.mcp_answer_chars),
            )
            if may_send:
                spawn(partial(_deliver_what_was_left, settings, connections))
            yield toolbox
    finally:
        if connections is not None:
            with anyio.move_on_after(CLOSING_SECONDS, shield=True):
                await connections.aclose()


@asynccontextmanager
async def open_wiring(settings: Settings) -> AsyncIterator["Wiring"]:
    """What the tools are wired to, for commands that work without them; no worker runs beside it."""
    from segment_mcp.wiring import Wiring

    wiring: Wiring | None = None
    try:
        async with background() as spawn:
            wiring = Wiring(_configured(settings), settings, None, None, spawn)
            yield wiring
    finally:
        if wiring is not None:
            with anyio.move_on_after(CLOSING_SECONDS, shield=True):
                await wiring.aclose()


async def _deliver_what_was_left(settings: Settings, connections: Connections) -> None:
    """Start the worker although nobody called a tool, where another process left events."""
    await anyio.sleep(UNHURRIED_SECONDS)
    kept = outbox_file(settings)
    if kept is None:
        return
    with suppress(OSError):  # it can't even be looked for: whoever defers an event is told
        while not await anyio.Path(kept).exists():  # noqa: ASYNC110 - another process makes it
            await anyio.sleep(IDLE_SECONDS)
        connections.open()


def _configured(settings: Settings) -> Mapping[str, Connection]:
    return sandbox_connections() if settings.mcp_sandbox else settings.connections


def sandbox_connections() -> dict[str, Connection]:
    """The one connection to the embedded Segment, with the credentials that it knows."""
    from segment_mcp.sandbox import API_TOKEN, PROFILE_SPACE_ID, PROFILE_TOKEN, WRITE_KEYS

    default = next(iter(WRITE_KEYS.values()))
    credentials = {
        "api_token": API_TOKEN,
        "write_key": default,
        "write_keys": dict(WRITE_KEYS),
        "profile_token": PROFILE_TOKEN,
        "profile_space_id": PROFILE_SPACE_ID,
    }
    return {SANDBOX: Connection.model_validate(credentials)}


def log_scrubber(settings: Settings) -> Scrubber:
    """Takes every configured credential out of logs."""
    return Scrubber(secret for connection in settings.connections.values() for secret in connection.secrets())
