"""What the tools need of the world outside, as protocols. `app` decides who fulfils them."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from segment_mcp.config import Mode
from segment_mcp.operations import Operation
from segment_mcp.timing import Timing

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
        beside: what else the first page said, such as a total.
    """

    items: list[Any]
    pagination: Mapping[str, Any]
    truncated: bool
    beside: Mapping[str, Any] = field(default_factory=dict)


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
        arguments: Mapping[str, Any] | None = None,
        *,
        keep: Callable[[Any], bool] = ...,
        bounds: Bounds = ...,
    ) -> Walk:
        """Everything of a list that is wanted, page by page, within bounds.

        Args:
            operation: a row with pages, of one list; its items are what its answers are named for.
            arguments: by Segment's names; `pagination` among them says where to begin and how large a page is.
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

    async def send(
        self, operation: str, events: Sequence[bytes], write_key: str, *, seconds: float | None = None
    ) -> str:
        """Send events and return when Segment answered 200.

        Args:
            operation: the row's name: `batch`, or the kind of the one event.
            events: JSON objects, serialised; `writeKey` and `sentAt` are added here.
            write_key: goes into the body and, as Segment's older clients do it, into Basic credentials.
            seconds: within which they are sent, repeats included; None: the time of one call.

        Returns:
            The host that took them.

        Raises:
            UpstreamError: Segment, or the way to it, failed.
        """
        ...


class Profiles(Segment, Protocol):
    """Segment's Profile API with one connection's token and space: `Segment` for rows whose API is `profile`.

    Arguments are those of path and query but the space. `identifier` is the ID's type and value, `user_id:u-1`; its
    value goes out in lower case unless `exact` is among the arguments. `include` and `exclude` are lists. An answer of
    `call` is the body; of `walk`, a trait is an item `[name, value]`.

    Both raise `NotConfigured` where the connection has no token or no space.
    """


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
            `{status: "accepted" | "deferred", messageId, host, reason?, warnings?}`. Deferred: it is on disk, for
            the given reason, and will be delivered.

        Raises:
            EventInvalid: Segment would drop it; nothing was sent.
            NotConfigured: no write key.
            UpstreamError: Segment refuses it; or could not take it, and it could not be kept either.
        """
        ...

    async def send_batch(self, events: Sequence[Any], shared: Mapping[str, Any], write_key: str | None) -> Data:
        """Send several events, in as many requests as Segment's limits ask for; none while one of them is invalid.

        Args:
            events: each with its `type`.
            shared: `context` and `integrations` that all of them get.
            write_key: as `WriteKeys.resolve` takes it.

        Returns:
            `{accepted, deferred, events: [{index, messageId, status}], host, reason?, warnings?}`.

        Raises:
            EventInvalid: Segment would drop one of them; nothing was sent.
            NotConfigured: no write key.
            UpstreamError: some were refused, or could neither be sent nor kept; its data has what became of each.
        """
        ...


class Outbox(Protocol):
    """Events that Segment could not take yet."""

    async def summary(self) -> Data:
        """`{pending, deadLetters, oldest?, lastFailure?}`, or `{works: False, reason}`."""
        ...


Progress = Callable[[float, float | None, str], Awaitable[None]]
"""Tells whoever waits how far something is: how much is done, of how much if that is known, and in words."""


@dataclass(frozen=True, slots=True)
class ImportOrder:
    """What somebody wants imported, and how.

    Attributes:
        events: the events themselves; None: they are in a file.
        file: its name in the import folder.
        write_key: as `WriteKeys.resolve` takes it.
        format: `ndjson`, `json`, `csv` or `parquet`; None: what it looks like.
        map: fields of the event, in dots, by the names of columns.
        type: of events that have none.
        integrations: in place of the events' own.
        message_ids: `keep`, or `derive` new ones from the old, always the same.
        rate: events a second; 0: as fast as they can.
        connections: requests under way at a time.
        limit: records after which it stops; the next call goes on there.
        dry_run: check everything, send nothing.
        again: from the beginning, although it was done.
    """

    events: Sequence[Any] | None = None
    file: str | None = None
    write_key: str | None = field(default=None, repr=False)
    format: Literal["ndjson", "json", "csv", "parquet"] | None = None
    map: Mapping[str, str] | None = None
    type: str | None = None
    integrations: Mapping[str, Any] | None = None
    message_ids: Literal["keep", "derive"] = "keep"
    rate: float = 1_000.0
    connections: int = 8
    limit: int | None = None
    dry_run: bool = False
    again: bool = False


class Imports(Protocol):
    """Backfills of any size."""

    async def start(self, order: ImportOrder, progress: Progress) -> Data:
        """Import, and answer when it is done or a call's time is up; it then goes on in the background.

        Returns:
            `{importId, file, state, read, accepted, invalid, refused, codes?, problems?, deadLetters?, ...}`.

        Raises:
            InvalidArguments: it can't begin.
            NotAllowed: files can't be imported here.
            NotConfigured: no write key.
            ImportStopped: it ended before its end.
        """
        ...

    async def status(self, import_id: str, *, stop: bool) -> Data:
        """How far an import is, as `start` tells it.

        Args:
            import_id: as `start` gave it.
            stop: end it; it can be started again, and goes on there.

        Raises:
            InvalidArguments: no import has that id.
            ImportStopped: its progress can't be read.
        """
        ...

    async def listed(self) -> list[Data]:
        """The newest imports, each as `status` tells it, the newest first.

        Raises:
            ImportStopped: they can't be read.
        """
        ...


@dataclass(frozen=True, slots=True)
class Question:
    """What a person is asked before harm is done.

    Attributes:
        text: what would happen, in lines.
        phrase: what they type to agree.
        state: names the question; comes back with the answer.
    """

    text: str
    phrase: str
    state: str


@dataclass(frozen=True, slots=True)
class Reply:
    """What the client says that the person said.

    Attributes:
        state: names the question, as the client gave it back.
        action: `accept`, `decline` or `cancel`.
        typed: what they typed.
    """

    state: str
    action: str
    typed: str | None = None


class AnswerNeeded(Exception):
    """The call can go on once the client comes again with the answer to a question."""

    def __init__(self, question: Question) -> None:
        super().__init__("the client has to come again with an answer")
        self.question = question


class Caller(Protocol):
    """Who makes a call: one client, and where it has one, one session of it."""

    @property
    def id(self) -> str:
        """Stands for it; what was given to one caller is of no use to another."""
        ...

    @property
    def can_be_asked(self) -> bool:
        """Whether it can show its user a form."""
        ...

    def reply(self) -> Reply | None:
        """The answer that the call brings along, if it does."""
        ...

    async def ask(self, question: Question) -> Reply:
        """Show a form, and wait for what the person says.

        Raises:
            AnswerNeeded: the client asks on its own, and comes again.
        """
        ...


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a tool, as far as consent is concerned.

    Attributes:
        caller: who calls.
        confirmation: the code that the call passed back.
    """

    caller: Caller
    confirmation: str | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """What the operator configured, without secrets.

    Attributes:
        connection: the connection's name.
        connections: names of all connections.
        region: the region setting: `us`, `eu` or `auto`.
        has_api_token: whether a Public API token is configured.
        has_profiles: whether a Profile API token and its space are.
        reveal_pii: whether the personal data of profiles is shown unmasked.
        mode: what may be done.
        regulations: whether the data of people may be deleted or suppressed.
        toolsets: which families of tools are on.
        sandbox: whether this is the embedded Segment.
    """

    connection: str
    connections: tuple[str, ...]
    region: str
    has_api_token: bool
    has_profiles: bool
    reveal_pii: bool
    mode: Mode
    regulations: bool
    toolsets: tuple[str, ...]
    sandbox: bool


@dataclass(frozen=True, slots=True)
class Reader:
    """What a question reads with.

    Attributes:
        segment: the guarded way to Segment.
        timing: the clock.
        progress: tells whoever waits how far it is.
    """

    segment: Segment
    timing: Timing
    progress: Progress


@dataclass(frozen=True, slots=True)
class Ports:
    """One connection's ports; a tool's handler names those that it needs as its parameters.

    Attributes:
        guard: makes the way to Segment for one call: within the operator's policy, and with a person's consent.
    """

    guard: Callable[[Call], Segment]
    profiles: Profiles
    events: EventSink
    outbox: Outbox
    imports: Imports
    write_keys: WriteKeys
    facts: Facts
    timing: Timing

    def of(self, call: Call, progress: Progress) -> Mapping[str, Any]:
        """The ports of one call, by the names under which handlers ask for them."""
        segment = self.guard(call)
        return {
            "segment": segment,
            "reader": Reader(segment, self.timing, progress),
            "profiles": self.profiles,
            "events": self.events,
            "outbox": self.outbox,
            "imports": self.imports,
            "write_keys": self.write_keys,
            "facts": self.facts,
            "progress": progress,
        }
