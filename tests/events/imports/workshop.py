"""What tests of imports share: a Segment that does as told, a journal to look into, and a clock that jumps."""

import io
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import anyio

from segment_mcp.errors import Rejected, StoreError, Unauthorized, Unavailable, UpstreamError
from segment_mcp.events.imports import sources
from segment_mcp.events.imports.engine import Import, Means, Plan
from segment_mcp.events.imports.mapping import Columns
from segment_mcp.events.imports.preparing import Shape
from segment_mcp.ports import Data
from segment_mcp.timing import Timing

HOST = "api.segment.io"
KEY = "wKeyOfTheImportsTests0123456789ab"
START = datetime(2026, 5, 20, 12, 0, tzinfo=UTC)
_TURNS = 12
"""Rounds of the event loop within which whoever can go on has gone on."""

Answer = Callable[[Sequence[dict[str, Any]]], UpstreamError | None]


def down(wait: float | None = None) -> UpstreamError:
    return Unavailable(f"{HOST} answered 503.", host=HOST, status=503, wait=wait)


def refused() -> UpstreamError:
    return Rejected(f"{HOST} answered 400: malformed.", host=HOST, status=400)


def unauthorized() -> UpstreamError:
    return Unauthorized(f"{HOST} answered 401.", host=HOST, status=401)


class Time:
    """A clock that jumps to whoever wakes up first, as soon as nobody has anything else to do.

    Attributes:
        passed: seconds since the start.
        waits: each wait, in order.
    """

    def __init__(self) -> None:
        self.passed = 0.0
        self.waits: list[float] = []
        self._sleeping: list[float] = []

    def now(self) -> datetime:
        return START + timedelta(seconds=self.passed)

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        until = self.passed + seconds
        self._sleeping.append(until)
        try:
            await anyio.lowlevel.checkpoint()
            while self.passed < until:
                for _ in range(_TURNS):
                    await anyio.lowlevel.checkpoint()
                if until == min(self._sleeping):
                    self.passed = max(self.passed, until)
        finally:
            self._sleeping.remove(until)

    def timing(self) -> Timing:
        return Timing(self.now, lambda: self.passed, self.sleep, lambda: 1.0)


@dataclass
class Segment:
    """Takes events, or fails as `answer` says.

    Attributes:
        answer: looks at a request's events; None: it takes them.
        seconds: how long a request takes.
        taken: the events of each request that was taken.
        asked: when each request came, and how many events it had.
        keys: write keys that came.
    """

    answer: Answer = lambda _: None
    time: Time = field(default_factory=Time)
    seconds: float = 0.0
    taken: list[list[dict[str, Any]]] = field(default_factory=list)
    asked: list[tuple[float, int]] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)

    async def send(
        self, operation: str, events: Sequence[bytes], write_key: str, *, seconds: float | None = None
    ) -> str:
        assert operation == "batch"
        assert seconds
        assert events
        parsed = [json.loads(event) for event in events]
        self.asked.append((self.time.passed, len(events)))
        self.keys.add(write_key)
        if self.seconds:
            await self.time.sleep(self.seconds)
        else:
            await anyio.lowlevel.checkpoint()
        failure = self.answer(parsed)
        if failure is not None:
            raise failure
        self.taken.append(parsed)
        return HOST

    def events(self) -> list[dict[str, Any]]:
        return [event for request in self.taken for event in request]

    def ids(self) -> list[str]:
        return [event["messageId"] for event in self.events()]


def failing(*failures: UpstreamError | None) -> Answer:
    """Fails with each in turn, then takes everything."""
    rest = list(failures)
    return lambda _: rest.pop(0) if rest else None


def refusing(*message_ids: str) -> Answer:
    """Refuses a request that has one of these in it."""
    bad = set(message_ids)
    return lambda events: refused() if bad.intersection(event["messageId"] for event in events) else None


@dataclass
class Journal:
    """Checkpoints in memory.

    Attributes:
        kept: the last checkpoint of each import, as JSON.
        history: every checkpoint that was saved, in order.
        before: is called before each is saved.
        broken: how many saves fail from now on; negative: all.
        held: imports that somebody runs.
    """

    kept: dict[str, str] = field(default_factory=dict)
    history: list[Data] = field(default_factory=list)
    before: Callable[[Data], None] = lambda _: None
    broken: int = 0
    held: set[str] = field(default_factory=set)
    _one: threading.Lock = field(default_factory=threading.Lock)

    def load(self, import_id: str) -> Data | None:
        text = self.kept.get(import_id)
        return None if text is None else json.loads(text)

    def latest(self, most: int) -> list[tuple[str, Data]]:
        return [(import_id, json.loads(text)) for import_id, text in reversed(self.kept.items())][:most]

    def save(self, import_id: str, checkpoint: Data) -> None:
        assert self._one.acquire(blocking=False), "two at a time"
        try:
            self.before(checkpoint)
            if self.broken:
                self.broken -= 1
                raise StoreError("the disk is full")
            self.kept[import_id] = json.dumps(checkpoint)
            self.history.append(json.loads(self.kept[import_id]))
        finally:
            self._one.release()

    @contextmanager
    def hold(self, import_id: str) -> Iterator[bool]:
        if import_id in self.held:
            yield False
            return
        self.held.add(import_id)
        try:
            yield True
        finally:
            self.held.remove(import_id)

    def last(self) -> Data:
        return self.history[-1]


@dataclass
class Bench:
    """Everything around the import of one file, which stays as it is when the import is run again.

    Attributes:
        folder: where the dead letters go.
        content: of the file.
        name: of the file.
    """

    folder: Path
    content: bytes
    name: str = "events.ndjson"
    segment: Segment = field(default_factory=Segment)
    journal: Journal = field(default_factory=Journal)
    map: dict[str, str] | None = None
    shape: dict[str, Any] = field(default_factory=dict)

    @property
    def time(self) -> Time:
        return self.segment.time

    def plan(self, **plan: Any) -> Plan:
        identity = str(self.folder / self.name)
        source = sources.Source(self.name, identity, io.BytesIO(self.content), len(self.content), None)
        columns = None if self.map is None else Columns.parse(self.map)
        return Plan(source, Shape(KEY, columns, **self.shape), **{"rate": 0, **plan})

    def begun(self, **plan: Any) -> Import:
        planned = self.plan(**plan)
        means = Means(self.segment, self.journal, self.time.timing(), 25.0)
        return Import(planned.id("route"), planned, means, self.path)

    async def run(self, **plan: Any) -> Import:
        work = self.begun(**plan)
        await work.run()
        return work

    @property
    def path(self) -> Path:
        return self.folder / "dead.ndjson"

    def letters(self) -> list[dict[str, Any]]:
        """The dead letters, each of them a JSON object."""
        if not self.path.exists():
            return []
        text = self.path.read_bytes()
        assert text.endswith(b"\n")
        return [json.loads(line) for line in text.splitlines()]

    def refused_lines(self) -> list[int]:
        return sorted(letter["line"] for letter in self.letters())


def event(message_id: str, user: str = "u", **more: Any) -> dict[str, Any]:
    return {"type": "track", "userId": user, "event": "Imported", "messageId": message_id, **more}


def lines(events: Iterable[Any]) -> bytes:
    """Events as NDJSON; bytes stay as they are."""
    return b"".join(
        (one if isinstance(one, bytes) else json.dumps(one, separators=(",", ":")).encode()) + b"\n" for one in events
    )


def large(message_id: str, user: str = "u") -> dict[str, Any]:
    """An event of which 16 fill a request."""
    return event(message_id, user, properties={"text": "x" * 30_000})


def repeated(ids: Iterable[str]) -> list[str]:
    return [message_id for message_id, times in Counter(ids).items() if times > 1]
