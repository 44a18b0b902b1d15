"""What the tools need of the world outside, as protocols. `app` decides who fulfils them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from segment_mcp.config import Mode
from segment_mcp.operations import Operation

Data = dict[str, Any]
"""JSON object: Segment's `data`, or what a tool answers."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """When a walk over pages stops, at the latest.

    Attributes:
        items: wanted items found.
        pages: pages read.
        seconds: since it began.
    """

    items: int = 5_000
    pages: int = 50
    seconds: float = 20.0


@dataclass(frozen=True, slots=True)
class Walk:
    """What a walk over pages found.

    Attributes:
        items: those that were wanted.
        pagination: the last page's, as Segment gave it.
        truncated: whether the list goes on; `pagination["next"]` is then where.
    """

    items: list[Any]
    pagination: Mapping[str, Any]
    truncated: bool


class Segment(Protocol):
    """Segment's Public API with one connection's credentials."""

    async def call(self, operation: Operation, arguments: Mapping[str, Any]) -> Data:
        """Send one operation and return Segment's `data`.

        Args:
            operation: the row.
            arguments: by Segment's names; path and query parameters are taken out, the rest is the body.

        Raises:
            NotConfigured: the connection has no API token.
            InvalidArguments: a path parameter can't stand in a path.
            UpstreamError: Segment, or the way to it, failed.
        """
        ...

    async def walk(
        self,
        operation: Operation,
        pagination: Mapping[str, Any] | None = None,
        *,
        keep: Callable[[Any], bool] = ...,
        bounds: Bounds = ...,
    ) -> Walk:
        """Everything of a list that is wanted, page by page, within bounds.

        Args:
            operation: a paginated row; its items are what its answers are named for.
            pagination: where to begin and how large a page is.
            keep: whether an item is wanted.
            bounds: when to stop; the time of one call bounds it too.

        Raises:
            InvalidResponse: a page is none of Segment's, or a cursor comes a second time.
            SegmentMcpError: as for `call`.
        """
        ...

    async def region(self) -> str | None:
        """`us` or `eu`: the region that knows the token; None where no token says it.

        Raises:
            UpstreamError: no region knows the token, or it could not be asked.
        """
        ...


class Tracking(Protocol):
    """Segment's Tracking API with one connection's region."""

    async def send(self, operation: str, events: Sequence[bytes], write_key: str) -> str:
        """Send events and return when Segment answered 200.

        Args:
            operation: the row's name: `batch`, or the kind of the one event.
            events: JSON objects, serialised; `writeKey` and `sentAt` are added here.
            write_key: goes into the body and, as Segment's older clients do it, into Basic credentials.

        Returns:
            The host that took them.

        Raises:
            UpstreamError: Segment, or the way to it, failed.
        """
        ...


class WriteKeys(Protocol):
    """The write keys that this connection knows: configured ones, and those that answers showed."""

    def names(self) -> Sequence[str]:
        """Names of the configured keys; the default one is called `default`."""
        ...

    async def resolve(self, given: str | None, *, source_id: str | None = None) -> str:
        """The key that is meant.

        Args:
            given: a key, a configured name, or a masked key as a tool showed it; None: the default key.
            source_id: look a masked key up in this source only.

        Raises:
            NotConfigured: None was given and no default key is configured.
            InvalidArguments: a masked key fits no key, or several.
            UpstreamError: the keys had to be looked up, and that failed.
        """
        ...

    async def owners(self) -> Mapping[str, Data | None]:
        """Which source (`{id, slug, name?, enabled}`) each configured key belongs to; None: to none that is visible.

        Raises:
            NotConfigured: the connection has no API token.
            UpstreamError: the sources could not be read.
        """
        ...


class EventSink(Protocol):
    """Takes events, and tells truly what became of them."""

    async def send(self, kind: str, fields: Mapping[str, Any], write_key: str | None) -> Data:
        """Send one event.

        Args:
            kind: `identify`, `track`, `page`, `screen`, `group` or `alias`.
            fields: the event's own fields by Segment's names.
            write_key: as `WriteKeys.resolve` takes it.

        Returns:
            `{status: "accepted", messageId, host}`.

        Raises:
            EventInvalid: Segment would drop it; nothing was sent.
            NotConfigured: no write key.
            UpstreamError: Segment, or the way to it, failed.
        """
        ...

    async def send_batch(self, events: Sequence[Any], shared: Mapping[str, Any], write_key: str | None) -> Data:
        """Send several events in one request, all or none.

        Args:
            events: each with its `type`.
            shared: `context` and `integrations` that all of them get.
            write_key: as `WriteKeys.resolve` takes it.

        Returns:
            `{accepted, deferred, events: [{index, messageId, status}], host}`.

        Raises:
            EventInvalid: Segment would drop one of them; nothing was sent.
            NotConfigured: no write key.
            UpstreamError: Segment, or the way to it, failed.
        """
        ...


@dataclass(frozen=True, slots=True)
class Facts:
    """What the operator configured, without secrets.

    Attributes:
        connection: the connection's name.
        connections: names of all connections.
        region: the region setting: `us`, `eu` or `auto`.
        has_api_token: whether a Public API token is configured.
        mode: what may be done.
        toolsets: which families of tools are on.
        sandbox: whether this is the embedded Segment.
    """

    connection: str
    connections: tuple[str, ...]
    region: str
    has_api_token: bool
    mode: Mode
    toolsets: tuple[str, ...]
    sandbox: bool


@dataclass(frozen=True, slots=True)
class Ports:
    """One connection's ports; a tool's handler names those that it needs as its parameters."""

    segment: Segment
    events: EventSink
    write_keys: WriteKeys
    facts: Facts
