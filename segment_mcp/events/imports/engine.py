"""One import: reads, prepares, sends and accounts for every record, from where it stopped to the end.

How far it is, is a checkpoint: how far each lane is, how far the dead letters are, and the counts that belong
to them. It is taken as a whole, then written, so what a killed import repeats are requests that no checkpoint
confirmed, under the same messageIds.
"""

from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import asdict, dataclass, field
from datetime import datetime
from hashlib import blake2b
from math import ceil
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol
from zlib import crc32

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from segment_mcp.errors import StoreError, UpstreamError
from segment_mcp.events import advice, outbox, wire
from segment_mcp.events.checks import MOST_EVENTS, Problem
from segment_mcp.events.imports import formats, sources
from segment_mcp.events.imports.lanes import Batch, Lanes
from segment_mcp.events.imports.letters import DeadLetters
from segment_mcp.events.imports.mapping import Columns, MappingError
from segment_mcp.events.imports.pace import Pace
from segment_mcp.events.imports.preparing import Preparer, Ready, Record, Shape
from segment_mcp.ports import Data, Tracking
from segment_mcp.redact import clean
from segment_mcp.timing import Timing, timestamp_of

_ANEW = "import it from the beginning with again"

CONNECTIONS = 8
"""Requests under way at a time."""
RATE = 1_000.0
"""Events a second: what Segment asks for, by the workspace."""
LONGEST_WAIT = 5.0
"""Seconds that an event waits for others to go with it, as long as there is something to read."""
PATIENCE = 900.0
"""Seconds without any success after which an import stops; it can be started again."""

MOST_NAMED = 20
"""Problems that a report names; the dead letters have them all."""
MOST_REFUSED = 50
"""Events that Segment refuses one after the other before it is not the events that are to blame."""


class _Mark(NamedTuple):
    """A place between two records.

    Attributes:
        number: of the record before it.
        digest: of all records before it.
    """

    number: int
    digest: int

    def behind(self, piece: Sequence[Record]) -> "_Mark":
        """The place behind some more records."""
        text = b"".join(
            record if isinstance(record, bytes) else repr(record).encode("utf-8", "replace") for record in piece
        )
        return _Mark(self.number + len(piece), crc32(text, self.digest))


_Refused = tuple[int, bytes, Problem]
"""An event that Segment refused: its record's number, its body, and why."""

State = Literal["running", "finished", "limited", "stopped", "interrupted", "checked"]


class ImportRefusedError(Exception):
    """An import can't begin; says why, and what to do."""


class Journal(Protocol):
    """Where checkpoints are kept; every method raises `StoreError` where it can't be used."""

    def load(self, import_id: str) -> Data | None:
        """The last checkpoint of an import; None where there is none."""
        ...

    def latest(self, most: int) -> list[tuple[str, Data]]:
        """The newest imports, the newest first: each one's id and last checkpoint. Makes no store to look into."""
        ...

    def save(self, import_id: str, checkpoint: Data) -> None:
        """Keep a checkpoint: it survives the process, and the machine's, end once this returns."""
        ...

    def hold(self, import_id: str) -> AbstractContextManager[bool]:
        """The right to run an import, for as long as the context and the process last; False where another has it."""
        ...


@dataclass(frozen=True, slots=True)
class Plan:
    """What is imported, and how.

    Attributes:
        source: where the records are.
        shape: what becomes of each.
        form: what the file is, whatever it looks like.
        rate: events a second; 0: as fast as they can.
        connections: requests under way at a time.
        limit: records after which it stops; the next run goes on there.
        dry_run: check everything, send nothing.
        again: from the beginning, although it was done.
    """

    source: sources.Source
    shape: Shape
    form: formats.Format | None = None
    rate: float = RATE
    connections: int = CONNECTIONS
    limit: int | None = None
    dry_run: bool = False
    again: bool = False

    def id(self, route: str) -> str:
        """The same whenever the same is imported in the same way to the same place."""
        shape = self.shape
        parts = (route, self.dry_run, self.source.identity, self.form, shape.write_key, shape.columns, shape.type,
                 shape.integrations, shape.message_ids)  # fmt: skip
        return blake2b(repr(parts).encode(), digest_size=8).hexdigest()


@dataclass(slots=True)
class Tally:
    """What became of the records.

    Attributes:
        read: records read, the blank ones included.
        accepted: events that Segment answered 200 for.
        valid: events that could be sent; counted by a dry run only.
        invalid: records that Segment would drop, not sent.
        refused: events that Segment refused.
        codes: how many invalid and refused ones by code.
        warnings: how many oddities by code; counted by a dry run only.
    """

    read: int = 0
    accepted: int = 0
    valid: int = 0
    invalid: int = 0
    refused: int = 0
    codes: dict[str, int] = field(default_factory=dict)
    warnings: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Means:
    """What an import works with.

    Attributes:
        tracking: the Tracking API.
        journal: where the checkpoints are.
        timing: clock, waits and chance.
        seconds: of one request, its repeats included.
    """

    tracking: Tracking
    journal: Journal
    timing: Timing
    seconds: float


class Import:
    """One run of an import.

    Args:
        import_id: its id.
        plan: what is imported, and how.
        means: what it works with.
        letters: where dead letters go.
    """

    def __init__(self, import_id: str, plan: Plan, means: Means, letters: Path) -> None:
        self.id = import_id
        self.tally = Tally()
        self.state: State = "running"
        self.reason: str | None = None
        self._plan = plan
        self._tracking = means.tracking
        self._journal = means.journal
        self._timing = means.timing
        self._seconds = means.seconds
        self._letters = DeadLetters(letters)
        self._letters_through = 0
        self._lanes = Lanes([0] * plan.connections, _most_of(plan.rate))
        self._pace = Pace(plan.rate)
        self._unit = "line"
        self._total: int | None = None
        self._behind = self._furthest = _Mark(0, 0)
        self._marks: deque[_Mark] = deque()
        self._ahead: list[Record] = []
        self._began = self._timing.monotonic()
        self._last_success = self._began
        self._news = anyio.Event()
        self._stopping: anyio.CancelScope | None = None
        self._disk = anyio.CapacityLimiter(1)
        self._waiting_for: str | None = None
        self._unreadable: str | None = None
        self._before: Data | None = None
        self._limited = False
        self._refused_in_a_row = 0
        self._problems: list[Data] = []
        self._keeps = True

    async def run(self) -> None:
        """Import, until the end, the limit, or what stops it; `state` and `reason` then say which.

        Raises:
            ImportRefusedError: it can't begin.
        """
        try:
            if self._plan.dry_run:
                await self._check(*self._open())
                return
            with self._journal.hold(self.id) as held:
                if not held:
                    raise ImportRefusedError(f"import {self.id} is running already")
                self._resume()
                records, preparer = self._open()
                if self._is_done(goes_on=await self._verify(records)):
                    return
                await self._import(records, preparer)
        except StoreError as error:
            self._stop(f"its progress can't be kept: {error}")
        except anyio.get_cancelled_exc_class():
            self.state = "interrupted"
            raise
        finally:
            if self._plan.source.size is not None or self.state in {"finished", "limited", "checked"}:
                self._plan.source.file.close()  # a pipe that a thread still reads can't be closed
            self._letters.close()

    def report(self) -> Data:
        """What is known: `{importId, file, state, read, accepted, invalid, refused, codes?, problems?, ...}`."""
        return {
            "importId": self.id,
            "file": self._plan.source.name,
            **told(
                self.state,
                self.reason or (self._waiting_for if self.state == "running" else None),
                self.tally,
                self._letters,
            ),
            **({"problems": list(self._problems)} if self._problems else {}),
            **self._speed(),
        }

    def progress(self) -> float | None:
        """The part that was read, from 0 to 1; None where that isn't known."""
        if self._total:
            return min(1.0, self.tally.read / self._total)
        size, file = self._plan.source.size, self._plan.source.file
        return None if not size or file.closed else min(1.0, file.tell() / size)

    def _speed(self) -> Data:
        if self.state != "running":
            return {}
        passed, done = self._timing.monotonic() - self._began, self.progress()
        before = 0 if self._before is None else self._before["tally"]["accepted"]
        left = {"remainingSeconds": round(passed * (1 - done) / done)} if done else {}
        return left | ({"eventsPerSecond": round((self.tally.accepted - before) / passed)} if passed else {})

    def _open(self) -> tuple[formats.Records, Preparer]:
        plan = self._plan
        try:
            columns = plan.shape.columns
            used = None if columns is None else [column.name for column in columns.columns]
            records = formats.read(plan.source.file, plan.source.name, plan.form, used)
            if records.header is not None:
                columns = columns or Columns.of(records.header)
                if missing := columns.missing(frozenset(records.header)):
                    raise ImportRefusedError(f"{plan.source.name} has no column {', '.join(missing)}")
        except (formats.UnreadableError, MappingError) as error:
            raise ImportRefusedError(f"{plan.source.name} {error}") from None
        except OSError as error:
            raise ImportRefusedError(f"{plan.source.name} can't be read: {error.strerror}") from None
        self._unit, self._total = records.unit, records.total
        shape = plan.shape
        return records, Preparer(Shape(shape.write_key, columns, shape.type, shape.integrations, shape.message_ids))

    def _resume(self) -> None:
        """Go back to where the import stopped, or to the beginning.

        Raises:
            ImportRefusedError: the dead letters can't be brought to where they were.
        """
        found = None if self._plan.again else self._journal.load(self.id)
        if found is not None:
            self._lanes = Lanes(found["lanes"], _most_of(self._plan.rate))
            self._letters_through = found["lettersThrough"]
            self._behind, self._furthest = _Mark(*found["behind"]), _Mark(*found["furthest"])
            self.tally, self._before = Tally(**found["tally"]), found
        try:
            self._letters.rewind(0 if found is None else found["lettersSize"])
        except OSError as error:
            raise ImportRefusedError(f"{self._letters.path} can't be changed: {error.strerror}") from None

    async def _verify(self, records: formats.Records) -> bool:
        """Read what is settled, and whether it is what it was; True where something comes behind it.

        Raises:
            ImportRefusedError: it is not.
        """
        mark, expected = _Mark(0, 0), self._behind
        try:
            while mark.number < expected.number and (piece := await self._next(records)) is not None:
                settled = piece[: expected.number - mark.number]
                mark, self._ahead = mark.behind(settled), piece[len(settled) :]
                await anyio.lowlevel.checkpoint()
            if mark != expected:
                raise ImportRefusedError(
                    f"{self._plan.source.name} is not what it was up to {self._unit} {expected.number}; {_ANEW}"
                )
            while not self._ahead and (piece := await self._next(records)) is not None:
                self._ahead = piece
        except formats.UnreadableError as error:
            if mark != expected:
                raise ImportRefusedError(f"{self._plan.source.name} {error}") from None
            self._unreadable = str(error)
        self.tally.read = mark.number
        return bool(self._ahead) or self._unreadable is not None

    def _is_done(self, *, goes_on: bool) -> bool:
        if goes_on or self._before is None or self._before["state"] != "finished":
            return False
        self.state = "finished"
        self.reason = f"it was imported already, on {self._before['at']}; import it once more with again"
        return True

    async def _check(self, records: formats.Records, preparer: Preparer) -> None:
        """A dry run: counts what would be sent, and what would not."""
        now = self._timing.now()
        async for first, piece in self._pieces(records):
            for number, record in enumerate(piece, first):
                if not record:
                    continue
                found = preparer.prepare(number, record)
                if isinstance(found, Ready):
                    self._approve(found, now)
                else:
                    self._refuse(number, record, found)
        if self.state == "running":
            self.state = "checked"

    def _approve(self, ready: Ready, now: datetime) -> None:
        """Count an event that could be sent, and what is odd about it."""
        self.tally.valid += 1
        event = wire.decode_screened(ready.body)
        for oddity in advice.advice_on(event, now):
            _count(self.tally.warnings, oddity.code)
        if event.get("timestamp") is None:
            _count(self.tally.warnings, "no_timestamp")

    async def _import(self, records: formats.Records, preparer: Preparer) -> None:
        sides = [anyio.create_memory_object_stream[Batch](1) for _ in range(len(self._lanes))]
        try:
            with ExitStack() as open_ones:
                for side in sides:
                    open_ones.enter_context(side[0])
                    open_ones.enter_context(side[1])
                async with anyio.create_task_group() as keeping:
                    keeping.start_soon(self._keep)
                    async with anyio.create_task_group() as sending:
                        self._stopping = sending.cancel_scope
                        for _, receiving in sides:
                            sending.start_soon(self._send_lane, receiving)
                        await self._read(records, preparer, [lane for lane, _ in sides])
                    keeping.cancel_scope.cancel()
            if self.state == "running":
                self.state = "limited" if self._limited else "finished"
        except anyio.get_cancelled_exc_class():
            self.state = "interrupted"
            raise
        finally:
            with anyio.CancelScope(shield=True):
                await self._save()

    async def _read(
        self, records: formats.Records, preparer: Preparer, lanes: Sequence[MemoryObjectSendStream[Batch]]
    ) -> None:
        """Hand every event that is not settled yet to its lane."""
        settled, sent_at = self._settled(), self._timing.monotonic()
        async for first, piece in self._pieces(records):
            for number, record in enumerate(piece, first):
                if number <= settled or not record:
                    continue
                found = preparer.prepare(number, record)
                if isinstance(found, Ready):
                    batch = self._lanes.add(found.user, number, found.body)
                    if batch is not None:
                        self.tally.read = number
                        await lanes[batch.lane].send(batch)
                elif number > self._letters_through:
                    self._refuse(number, record, found)
            if self._timing.monotonic() - sent_at > LONGEST_WAIT:
                sent_at, self.tally.read = self._timing.monotonic(), first + len(piece) - 1
                await self._hand_over(lanes)
        await self._hand_over(lanes)
        for lane in lanes:
            lane.close()

    async def _hand_over(self, lanes: Sequence[MemoryObjectSendStream[Batch]]) -> None:
        """Let what waits for more of its lane go."""
        for batch in self._lanes.rest():
            await lanes[batch.lane].send(batch)

    async def _pieces(self, records: formats.Records) -> AsyncIterator[tuple[int, list[Record]]]:
        """The records in pieces, each with its first one's number, up to the limit or to where they can't be read.

        A blank record is false.
        """
        mark = self._behind
        last = None if self._plan.limit is None else self._settled() + self._plan.limit
        try:
            while (piece := self._ahead or await self._next(records)) is not None:
                self._ahead = []
                taken = piece if last is None else piece[: last - mark.number]
                if self._is_another(mark, taken):
                    self._stop_for(f"is not what it was up to {self._unit} {self._furthest.number}; {_ANEW}")
                    return
                yield mark.number + 1, taken
                mark = mark.behind(taken)
                self._marks.append(mark)
                self._furthest = max(self._furthest, mark)
                self.tally.read = mark.number
                await anyio.lowlevel.checkpoint()
                if mark.number == last:
                    self._limited = True
                    return
            if self._unreadable is not None:
                self._stop_for(f"{self._unreadable} (behind {self._unit} {mark.number})")
            elif mark.number < self._furthest.number:
                self._stop_for(f"is shorter than it was; {_ANEW}")
        except formats.UnreadableError as error:
            self._stop_for(f"{error} (behind {self._unit} {mark.number})")

    def _is_another(self, mark: "_Mark", piece: Sequence[Record]) -> bool:
        """Whether the file is another one than it was, as far as that shows with this piece."""
        known = self._furthest.number - mark.number
        return 0 < known <= len(piece) and mark.behind(piece[:known]) != self._furthest

    def _stop_for(self, reason: str) -> None:
        """Read no further; what was read still goes its way."""
        self.state, self.reason = "stopped", f"{self._plan.source.name} {reason}"

    async def _next(self, records: formats.Records) -> list[Record] | None:
        """The next piece; of what may keep its reader waiting, in a thread.

        Raises:
            UnreadableError: there is more that can't be read.
        """
        try:
            if self._plan.source.size is not None:
                return next(records.slices, None)
            return await anyio.to_thread.run_sync(next, records.slices, None, abandon_on_cancel=True)
        except OSError as error:
            raise formats.UnreadableError(f"can't be read: {error.strerror}") from None

    def _settled(self) -> int:
        """The number of the last record before which every one is settled."""
        return min([self._letters_through, *self._lanes.done(0)])

    async def _send_lane(self, batches: MemoryObjectReceiveStream[Batch]) -> None:
        async for batch in batches:
            await self._timing.sleep(self._pace.wait(len(batch.bodies), self._timing.monotonic()))
            refused = await self._send(batch.numbers, batch.bodies)
            if refused is None:
                return
            self.tally.accepted += len(batch.bodies) - len(refused)
            for number, body, problem in refused:
                self.tally.refused += 1
                _count(self.tally.codes, problem.code)
                self._name(number, [problem])
                self._letters.add(self._unit, number, body, [problem])
            self._lanes.settled(batch)
            self._news.set()

    async def _send(self, numbers: Sequence[int], bodies: Sequence[bytes]) -> list[_Refused] | None:
        """Send events until Segment took each of them, or refused it by itself.

        Returns:
            Those that it refused; None where the import has to stop.
        """
        failures, began = 0, self._timing.monotonic()
        while True:
            try:
                await self._tracking.send("batch", bodies, self._plan.shape.write_key, seconds=self._seconds)
            except UpstreamError as error:
                failures += 1
                if error.is_final():
                    return await self._send_parts(numbers, bodies, error)
                if self._timing.monotonic() - max(began, self._last_success) > PATIENCE:
                    self._stop(f"Segment took no event for long: {clean(error.message)}")
                    return None
                self._waiting_for = clean(error.message)
                await self._timing.sleep(outbox.pause(failures, error, self._timing.chance()))
            else:
                self._last_success, self._waiting_for = self._timing.monotonic(), None
                self._refused_in_a_row = 0
                return []

    async def _send_parts(
        self, numbers: Sequence[int], bodies: Sequence[bytes], error: UpstreamError
    ) -> list[_Refused] | None:
        """What Segment refused as a whole, in halves, to find the event that is to blame."""
        if not outbox.may_blame_one(error):
            self._stop(clean(str(error)))
            return None
        if len(bodies) == 1:
            self._refused_in_a_row += 1
            if self._refused_in_a_row > MOST_REFUSED:
                self._stop(f"Segment refused {MOST_REFUSED} events in a row: {clean(str(error))}")
                return None
            return [(numbers[0], bodies[0], Problem("bad_request", "", clean(error.message)))]
        middle = len(bodies) // 2
        refused: list[_Refused] = []
        for half in (slice(None, middle), slice(middle, None)):
            found = await self._send(numbers[half], bodies[half])
            if found is None:
                return None
            refused += found
        return refused

    def _refuse(self, number: int, record: Record, problems: Sequence[Problem]) -> None:
        self.tally.invalid += 1
        self._name(number, problems)
        for code in {problem.code for problem in problems}:
            _count(self.tally.codes, code)
        if not self._plan.dry_run:
            self._letters.add(self._unit, number, record, problems)
            self._news.set()

    def _name(self, number: int, problems: Sequence[Problem]) -> None:
        """Remember some of the problems, for whoever can't read the dead letters."""
        room = MOST_NAMED - len(self._problems)
        self._problems += [
            {self._unit: number, "code": each.code, "field": clean(each.field, 100), "message": clean(each.message)}
            for each in problems[:room]
        ]

    def _stop(self, reason: str) -> None:
        self.state, self.reason = "stopped", reason
        if self._stopping is not None:
            self._stopping.cancel()

    async def _keep(self) -> None:
        """Write a checkpoint whenever there is news."""
        while True:
            await self._news.wait()
            self._news = anyio.Event()
            with anyio.CancelScope(shield=True):
                await self._save()

    async def _save(self) -> None:
        """Write a checkpoint: the dead letters first, since it says how long they are.

        Where one can't be written, the last one before it stays: what came since is done once more.
        """
        if not self._keeps:
            return
        letters = self._letters.take()
        lanes, letters_through = self._lanes.done(self.tally.read), max(self._letters_through, self.tally.read)
        while self._marks and self._marks[0].number <= min([letters_through, *lanes]):
            self._behind = self._marks.popleft()
        checkpoint: dict[str, Any] = {
            "state": self.state,
            "reason": self.reason,
            "file": self._plan.source.name,
            "behind": tuple(self._behind),
            "furthest": tuple(self._furthest),
            "at": timestamp_of(self._timing.now()),
            "lanes": lanes,
            "lettersThrough": letters_through,
            "lettersPath": str(self._letters.path),
            "tally": asdict(self.tally),
        }

        def write() -> None:
            self._letters.write(letters)
            self._journal.save(self.id, {**checkpoint, "lettersSize": self._letters.size})

        try:
            await anyio.to_thread.run_sync(write, limiter=self._disk)
        except OSError as error:
            self._keeps = False
            self._stop(f"{self._letters.path} can't be written: {error.strerror}")
        except StoreError as error:
            self._keeps = False
            self._stop(f"its progress can't be kept: {error}")


def _most_of(rate: float) -> int:
    """Events of a request: about a second's, so that a slow import is slow all the time."""
    return max(1, ceil(min(rate, MOST_EVENTS))) if rate else MOST_EVENTS


def told(state: State, reason: str | None, tally: Tally, letters: DeadLetters | None) -> Data:
    """What became of an import, in the words of an answer."""
    counts = asdict(tally)
    unneeded = ("accepted", "refused") if state == "checked" else ("valid", "warnings")
    shown = {name: value for name, value in counts.items() if name not in unneeded and value != {}}
    where = {"deadLetters": str(letters.path)} if letters is not None and letters.size else {}
    return {"state": state, **shown, **where, **({} if reason is None else {"reason": reason})}


def _count(counts: dict[str, int], code: str) -> None:
    counts[code] = counts.get(code, 0) + 1
