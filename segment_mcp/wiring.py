"""Ports meet their implementations: imported at the first call of a tool, since listing them needs none of it."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from segment_mcp.adapter.client import SegmentClient
from segment_mcp.adapter.http import Http, Transport, in_process
from segment_mcp.adapter.profiles import ProfileClient
from segment_mcp.adapter.write_keys import KnownWriteKeys
from segment_mcp.background import Spawn
from segment_mcp.config import Connection, Settings, hidden_in_results
from segment_mcp.consent.consent import Consent
from segment_mcp.consent.ledger import CREDENTIALS
from segment_mcp.errors import SegmentMcpError
from segment_mcp.events.imports.engine import Means
from segment_mcp.events.imports.service import Importer
from segment_mcp.events.outbox import Outbox, Store
from segment_mcp.events.sink import Route, Sink, of_key
from segment_mcp.operations import Operation
from segment_mcp.ports import Call, Facts, Ports, Segment, Tracking
from segment_mcp.redact import Scrubber
from segment_mcp.state import IN_MEMORY, ledger_file, outbox_file, state_folder
from segment_mcp.stores.consents import SqliteLedger
from segment_mcp.stores.imports import SqliteJournal
from segment_mcp.stores.outbox import SqliteOutbox
from segment_mcp.timing import SYSTEM, Timing
from segment_mcp.tools.changes import IMPORT, OUTBOX, Change, Changes
from segment_mcp.tools.guard import GuardedSegment, Rules
from segment_mcp.tools.policy import policy_of

SANDBOX = "sandbox"
"""The route to the embedded Segment."""
SEGMENT = "segment"
"""Stands for Segment's own hosts in the ids of imports: a write key belongs to one region only."""
ANSWERED_BEFORE = 5.0
"""Seconds by which an import's call is answered before a call's time is up."""


class Wiring:
    """Every connection's ports over one HTTP client, one outbox and one journal of imports.

    Args:
        connections: by name.
        settings: what the operator decided.
        transport: makes the way to Segment on first need; None: the network, or the embedded Segment where the
            settings say so.
        timing: clock, waits and chance; None: the system's.
        spawn: runs something in the background.

    Attributes:
        changes: tells whoever follows what was changed, in whichever workspace.
    """

    def __init__(
        self,
        connections: Mapping[str, Connection],
        settings: Settings,
        transport: Callable[[], Transport] | None,
        timing: Timing | None,
        spawn: Spawn,
    ) -> None:
        self._connections = connections
        self._settings = settings
        self._timing = timing or SYSTEM
        self._spawn = spawn
        self.changes = Changes()
        if transport is None and settings.mcp_sandbox:
            transport = self._embedded
        self._http = Http(transport, largest_answer=settings.mcp_largest_answer)
        self._clients: dict[str, SegmentClient] = {}
        self._forgotten: TemporaryDirectory[str] | None = None
        self._journal: SqliteJournal | None = None
        self._ledger = SqliteLedger(ledger_file(settings))
        self._rules = Rules(
            policy_of(settings),
            Consent(self._ledger, self._timing.now),
            self._timing.now,
            Scrubber(hidden_in_results(connections, reveal_write_keys=settings.mcp_reveal_write_keys)),
            settings.mcp_reveal_write_keys,
        )
        self._outbox_file = outbox_file(settings)
        routes = _Routes({self._route(name).name: self._route(name) for name in connections})
        self.outbox = Outbox(
            self._open_outbox,
            routes,
            exists=self._keeps_something,
            learn=self._learn_regions,
            now=self._timing.now,
            chance=self._timing.chance,
            seconds=settings.mcp_call_seconds,
            changed=lambda: self.changes.tell(Change("", "PATCH", OUTBOX, {})),
        )

    @property
    def names(self) -> tuple[str, ...]:
        """The connections, the default one first."""
        return tuple(self._connections)

    def ports(self, name: str) -> Ports:
        """The ports of one connection.

        Raises:
            KeyError: no connection has that name.
        """
        connection, settings = self._connections[name], self._settings
        client = self._client(name)
        write_keys = KnownWriteKeys(connection.named_write_keys(), client)
        facts = Facts(
            connection=name,
            connections=tuple(self._connections),
            region=connection.region,
            has_api_token=connection.api_token is not None,
            has_profiles=connection.has_profiles(),
            reveal_pii=settings.mcp_reveal_pii,
            mode=settings.mcp_mode,
            regulations=settings.mcp_regulations,
            toolsets=settings.mcp_toolsets,
            sandbox=settings.mcp_sandbox,
        )
        return Ports(
            guard=self._guard(name, client),
            profiles=ProfileClient(
                connection,
                self._http,
                client.region,
                timing=self._timing,
                call_seconds=settings.mcp_call_seconds,
            ),
            events=Sink(
                self._route(name),
                write_keys,
                self.outbox,
                now=self._timing.now,
                monotonic=self._timing.monotonic,
                seconds=settings.mcp_call_seconds,
            ),
            outbox=self.outbox,
            imports=self.importer(name),
            write_keys=write_keys,
            facts=facts,
            timing=self._timing,
        )

    def importer(self, name: str) -> Importer:
        """The imports of one connection.

        Raises:
            KeyError: no connection has that name.
        """
        connection, client = self._connections[name], self._client(name)
        return Importer(
            Route(SANDBOX if self._settings.mcp_sandbox else connection.tracking_url or SEGMENT, client),
            KnownWriteKeys(connection.named_write_keys(), client),
            lambda: self._means(client),
            folder=self._settings.mcp_import_dir,
            state=self._imports_folder,
            spawn=self._spawn,
            patience=max(1.0, self._settings.mcp_call_seconds - ANSWERED_BEFORE),
            changed=lambda known: self.changes.tell(Change("", "PATCH", IMPORT, {"importId": known})),
        )

    async def aclose(self) -> None:
        """Close the connections to Segment, and what is on disk."""
        await self.outbox.aclose()
        await self._http.aclose()
        self._ledger.close()
        if self._journal is not None:
            self._journal.close()
        if self._forgotten is not None:
            self._forgotten.cleanup()

    def _guard(self, name: str, client: SegmentClient) -> Callable[[Call], Segment]:
        """Makes the way to Segment for one call; what goes through it and changes something is told."""
        credentials = f"{name}{CREDENTIALS}{self._connections[name].route()}"

        def changed(operation: Operation, arguments: Mapping[str, Any]) -> None:
            self.changes.tell(Change(name, operation.method, operation.path, arguments))

        return lambda call: GuardedSegment(self._rules, credentials, client, call, changed)

    def _route(self, name: str) -> Route:
        """Where a connection's events go. The embedded Segment is no host: what is meant for one never gets there."""
        client = self._client(name)
        if self._settings.mcp_sandbox:
            return Route(SANDBOX, client, lambda: SANDBOX)
        connection = self._connections[name]
        keys = tuple(connection.named_write_keys().values())
        return Route(connection.route(), client, lambda: client.known_origin, keys)

    async def _learn_regions(self) -> None:
        """Find out the regions that aren't known yet; those that can't be found out stay unknown."""
        for name in self._connections:
            with suppress(SegmentMcpError):
                await self._client(name).region()

    def _means(self, tracking: Tracking) -> Means:
        if self._journal is None:
            self._journal = SqliteJournal(self._imports_folder())
        return Means(tracking, self._journal, self._timing, self._settings.mcp_call_seconds)

    def _imports_folder(self) -> Path:
        """Where the progress of imports is: with the embedded Segment, which forgets, in a folder that goes with it."""
        if self._settings.mcp_sandbox and self._settings.mcp_state_dir is None:
            if self._forgotten is None:
                self._forgotten = TemporaryDirectory(prefix="segment-mcp-")
            return Path(self._forgotten.name)
        return state_folder(self._settings) / "imports"

    def _keeps_something(self) -> bool:
        """Whether there is an outbox on disk, which may have something in it."""
        try:
            return self._outbox_file is not None and self._outbox_file.exists()
        except OSError:  # it can't even be looked for; opening it says why
            return True

    def _open_outbox(self) -> Store:
        return SqliteOutbox(self._outbox_file or IN_MEMORY)

    def _client(self, name: str) -> SegmentClient:
        if name not in self._clients:
            self._clients[name] = SegmentClient(
                self._connections[name], self._http, timing=self._timing, call_seconds=self._settings.mcp_call_seconds
            )
        return self._clients[name]

    def _embedded(self) -> Transport:
        from segment_mcp.sandbox import create_app

        return in_process(create_app(now=self._timing.now))


class _Routes(Mapping[str, Tracking]):
    """The Tracking API by route: by the host, and by what stands for it; without those whose host isn't known.

    Args:
        routes: by their names.
    """

    def __init__(self, routes: Mapping[str, Route]) -> None:
        self._routes = routes

    def __getitem__(self, name: str) -> Tracking:
        return self._known()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._known())

    def __len__(self) -> int:
        return len(self._known())

    def _known(self) -> dict[str, Tracking]:
        known: dict[str, Tracking] = {}
        for route in self._routes.values():
            origin = route.origin()
            if origin is not None:
                for name in (route.name, origin, *map(of_key, route.write_keys)):
                    known.setdefault(name, route.tracking)
        return known
