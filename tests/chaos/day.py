"""A bad day: the sandbox, its weather, the processes that work and are killed, and the evening, when all is calm."""

# ruff: noqa: S311 - chance, not secrets

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random
from signal import SIGKILL
from typing import Any

import anyio
import httpx2
from anyio.abc import Process
from anyio.streams.buffered import BufferedByteReceiveStream

from tests.chaos import weather
from tests.chaos.arrivals import Arrival, Sandbox
from tests.chaos.client import Client
from tests.chaos.events import CALL, IMPORT, Call, File, a_file
from tests.transports.process import environment

LANES = 4
SIGN_SECONDS = 20.0
"""How long a process that is to be killed at a sign may take to give it."""
LONG_FILE = 2_000
MOST_LISTED = 10_000
LONGEST_PAUSE = 5.0
"""Seconds between two `outbox flush`."""
SLOW_SECONDS = 2.0
"""How long a delivery takes in the evening."""
EVENING_SECONDS = 20.0
"""`SEGMENT_MCP_CALL_SECONDS` when all is calm: nobody gives up a request that is under way."""

Signs = Mapping[str, anyio.Event]
"""What a client saw of its server, by name."""
Moment = Callable[[Signs], Awaitable[None]]
"""Waits until it is time to kill."""


@dataclass(frozen=True, slots=True)
class Script:
    """What a day is to be.

    Attributes:
        kills: how many processes are killed at least.
        seed: of all chance.
        events: lines of each file.
        call_seconds: `SEGMENT_MCP_CALL_SECONDS` while the faults last; a lease lasts ten more.
    """

    kills: int
    seed: int
    events: int
    call_seconds: float

    def quotas(self) -> dict[str, int]:
        """How many of the kills fall to whom."""
        flush = max(1, self.kills // 8)
        server = (self.kills - flush) // 2
        return {"import": self.kills - flush - server, "server": server, "flush": flush}

    @property
    def has_dusk(self) -> bool:
        """Whether files are long enough for more of one to be confirmed than may be repeated."""
        return self.events >= LONG_FILE

    def chance(self, what: str) -> Random:
        """Chance of its own, so that one actor's haste changes nothing for the others."""
        return Random(f"{self.seed} {what}")


@dataclass(slots=True)
class Evening:
    """What the outbox held after the last kill, and what came of it.

    Attributes:
        pending: messageIds that waited.
        dead: messageIds of dead letters, with their codes.
        there: those of both that Segment had already.
        left: what `outbox flush` said in the end.
        repeats: how many of calls' events came again in the evening.
        imported_again: how many of imports' events did.
    """

    pending: list[str] = field(default_factory=list)
    dead: dict[str, str] = field(default_factory=dict)
    there: set[str] = field(default_factory=set)
    left: Mapping[str, Any] = field(default_factory=dict)
    repeats: int = 0
    imported_again: int = 0


@dataclass(slots=True)
class Day:
    """A day, and all that happened on it.

    Attributes:
        script: what it is to be.
        folder: of files, state and logs.
        files: that were imported.
        calls: events that callers asked to be sent.
        arrivals: what the sandbox had in the end, oldest first.
        kills: by whom.
        strikes: what the faults did.
        evening: how the outbox was emptied.
        seconds: that it took.
    """

    script: Script
    folder: Path
    files: list[File] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    arrivals: list[Arrival] = field(default_factory=list)
    kills: Counter[str] = field(default_factory=Counter)
    strikes: weather.Strikes = field(default_factory=weather.Strikes)
    evening: Evening = field(default_factory=Evening)
    seconds: float = 0.0
    _over: anyio.Event = field(default_factory=anyio.Event)
    _origin: str = ""
    _started: int = 0

    async def live(self) -> None:
        """Live through it."""
        began = time.monotonic()
        async with self._sandbox() as sandbox:
            with anyio.fail_after(120 + 15 * self.script.kills):
                async with anyio.create_task_group() as sky:
                    sky.start_soon(self._weather, sandbox)
                    async with anyio.create_task_group() as work:
                        for actor in (self._import, self._serve, self._flush):
                            work.start_soon(actor)
                    sky.cancel_scope.cancel()
                await sandbox.change(weather.calm(SLOW_SECONDS), self.strikes)
                if self.script.has_dusk:
                    await self._dusk(sandbox)
                await self._finish(sandbox)
            self.arrivals = await sandbox.arrivals()
        self.seconds = time.monotonic() - began

    def repeats(self, prefix: str) -> int:
        """How many repeats the sandbox dropped, of events whose names begin so."""
        return _repeats(self.arrivals, prefix)

    def tracebacks(self) -> list[str]:
        """What processes wrote in their logs of defects of their own; the sandbox is none of those that are tested."""
        logs = ((log.name, log.read_text()) for log in sorted(self.folder.glob("[1-9]*.log")))
        return [f"{name}: {text[-600:]}" for name, text in logs if "Traceback" in text]

    async def _weather(self, sandbox: Sandbox) -> None:
        chance = self.script.chance("weather")
        while True:
            with anyio.CancelScope(shield=True):  # half a change would leave the day without weather
                await sandbox.change(weather.faults(chance, self.script.call_seconds), self.strikes)
            await anyio.sleep(chance.uniform(0.5, weather.LONGEST_ERA))

    # Who works, and is killed

    async def _import(self) -> None:
        """Import a file, again and again until it is done; then the next."""
        chance = self.script.chance("import")
        moments = self._moments("import", chance)
        while not self._over.is_set():
            file = await self._new_file(chance)
            while not self._over.is_set() and not file.said:
                async with self._running("import", *_import_of(file)) as process:
                    said = await self._until_killed("import", process, next(moments))
                if said is not None and ": finished, " in said:
                    file.said = said
                else:  # a 401 stops it, and the same command goes on
                    assert said is None or "The import stopped: " in said, (said, self.tracebacks())

    async def _new_file(self, chance: Random) -> File:
        name = f"{len(self.files)}.ndjson{'.gz' if len(self.files) % 2 else ''}"
        file = await anyio.to_thread.run_sync(a_file, self.folder / name, chance, self.script.events)
        self.files.append(file)
        return file

    async def _serve(self) -> None:
        """Serve callers."""
        chance = self.script.chance("server")
        moments = self._moments("server", chance)
        while not self._over.is_set():
            async with self._running("server") as process, anyio.create_task_group() as group:
                client = Client(process, self.calls, chance)
                group.start_soon(self._kill_at, process, partial(next(moments), client.signs))
                await client.run()
                await process.wait()
                group.cancel_scope.cancel()
            self._count("server", process)
            assert process.returncode == -SIGKILL, f"a server ended by itself, with {process.returncode}"

    async def _flush(self) -> None:
        """Deliver beside the server's own worker, now and then."""
        chance = self.script.chance("flush")
        moments = self._moments("flush", chance)
        while not self._over.is_set():
            with anyio.move_on_after(chance.uniform(0, LONGEST_PAUSE)):
                await self._over.wait()
            async with self._running("flush", "outbox", "flush") as process:
                await self._until_killed("flush", process, next(moments))

    async def _until_killed(self, who: str, process: Process, moment: Moment) -> str | None:
        """What a process said that ended by itself; None if it was killed before."""
        async with anyio.create_task_group() as group:
            group.start_soon(self._kill_at, process, partial(moment, {}))
            said = await _said(process)
            group.cancel_scope.cancel()
        self._count(who, process)
        return None if process.returncode == -SIGKILL else said

    async def _kill_at(self, process: Process, moment: Callable[[], Awaitable[None]]) -> None:
        """Kill at that moment, or when the day is over."""
        async with anyio.create_task_group() as group:

            async def wait(one: Callable[[], Awaitable[object]]) -> None:
                await one()
                group.cancel_scope.cancel()

            group.start_soon(wait, moment)
            group.start_soon(wait, self._over.wait)
        _kill(process)

    def _count(self, who: str, process: Process) -> None:
        self.kills[who] += process.returncode == -SIGKILL
        if all(self.kills[each] >= quota for each, quota in self.script.quotas().items()):
            self._over.set()

    def _moments(self, who: str, chance: Random) -> Iterator[Moment]:
        """When to kill: each of the ways in turn, in an order that changes after every round."""

        async def at_start(_: Signs) -> None:
            await anyio.sleep(chance.uniform(0, 1.2))

        def after(sign: str, longest: float) -> Moment:
            async def moment(signs: Signs) -> None:
                with anyio.move_on_after(SIGN_SECONDS):
                    await (signs[sign].wait() if sign in signs else _change_of(looks[sign]))
                await anyio.sleep(chance.uniform(0, longest))

            return moment

        state = self.folder / "state"
        looks: dict[str, Callable[[], object]] = {
            "kept": partial(_stamp, state / "outbox.sqlite3-wal"),
            "saved": partial(_stamp, state / "imports" / "imports.sqlite3-wal"),
            "buried": lambda: self.files[-1].letters_size(),  # noqa: PLW0108 - the file is another one by then
        }
        ways = {
            "import": [
                after("buried", 0), after("saved", 0.3), at_start, after("saved", 3), after("buried", 0.004),
                after("saved", 8),
            ],
            "server": [
                after("accepted", 0.5), after("deferred", 0), after("kept", 0.002), at_start, after("sent", 0.03),
                after("accepted", 0), after("deferred", 0.02), after("greeted", 4), after("greeted", 12),
            ],
            "flush": [at_start, after("kept", 0.05), after("kept", 1)],
        }[who]  # fmt: skip
        while True:
            yield from ways
            chance.shuffle(ways)

    # The evening

    async def _dusk(self, sandbox: Sandbox) -> None:
        """One more kill, of an import that nothing disturbs and that has come far: it must not begin anew."""
        file = await self._new_file(self.script.chance("dusk"))
        enough = await sandbox.accepted() + len(file.valid()) * 3 // 4
        async with self._running("dusk", *_import_of(file), seconds=EVENING_SECONDS) as process:
            while process.returncode is None and await sandbox.accepted() < enough:  # noqa: ASYNC110 - it tells nobody
                await anyio.sleep(0.01)
            _kill(process)
        self._count("import", process)

    async def _finish(self, sandbox: Sandbox) -> None:
        """No more faults, no more kills: the same commands end the work."""
        evening = self.evening
        async with anyio.create_task_group() as together:
            together.start_soon(self._look_at_the_outbox)
            together.start_soon(self._look_at_the_dead)
        before = await sandbox.arrivals()
        evening.there = {arrival.message_id for arrival in before} & {*evening.pending, *evening.dead}
        async with anyio.create_task_group() as together:
            together.start_soon(self._empty_the_outbox)
            for file in self.files[-3:]:  # by day and at dusk one was left undone; the one before is done and stays so
                together.start_soon(self._import_calmly, file)
        after = await sandbox.arrivals()
        evening.repeats = _repeats(after, CALL) - _repeats(before, CALL)
        evening.imported_again = _repeats(after, IMPORT) - _repeats(before, IMPORT)

    async def _look_at_the_outbox(self) -> None:
        kept = await self._outbox("list", "--limit", str(MOST_LISTED))
        assert len(kept) < MOST_LISTED, "more events wait than can be listed"
        self.evening.pending = [event["messageId"] for event in kept]

    async def _look_at_the_dead(self) -> None:
        letters = await self._outbox("list", "--dead", "--limit", str(MOST_LISTED))
        assert len(letters) < MOST_LISTED, "there are more dead letters than can be listed"
        self.evening.dead = {letter["messageId"]: letter["code"] for letter in letters}

    async def _empty_the_outbox(self) -> None:
        """By two processes at once, and again until all of it went out: a killed one's lease has to end first."""
        if self.evening.dead:
            await self._outbox("retry")
        while not self.evening.left or self.evening.left["pending"]:
            async with anyio.create_task_group() as together:
                for _ in range(2):
                    together.start_soon(self._flush_calmly)

    async def _flush_calmly(self) -> None:
        self.evening.left = await self._outbox("flush")

    async def _import_calmly(self, file: File) -> None:
        async with self._running("evening", *_import_of(file), seconds=EVENING_SECONDS) as process:
            file.said = await _said(process)

    async def _outbox(self, *arguments: str) -> Any:
        async with self._running("evening", "outbox", *arguments, seconds=EVENING_SECONDS) as process:
            said = await _said(process)
        return json.loads(said)

    # Processes

    @asynccontextmanager
    async def _running(self, who: str, *arguments: str, seconds: float | None = None) -> AsyncIterator[Process]:
        """A `segment-mcp` on the sandbox and the one state folder."""
        settings = {
            "SEGMENT_MCP_SANDBOX": "0",
            "SEGMENT_TRACKING_URL": self._origin,
            "SEGMENT_WRITE_KEY": weather.CALLS_KEY,
            "SEGMENT_WRITE_KEYS": f"imports={weather.IMPORTS_KEY}",
            "SEGMENT_MCP_STATE_DIR": str(self.folder / "state"),
            "SEGMENT_MCP_CALL_SECONDS": str(seconds or self.script.call_seconds),
        }
        self._started += 1
        path = self.folder / f"{self._started}-{who}.log"
        with path.open("wb") as log:
            process = await anyio.open_process(_command(*arguments), stderr=log, env=environment(settings))
        async with _ending(process):
            yield process
        assert process.returncode in {0, 1, -SIGKILL}, (arguments, process.returncode, path.read_text())

    @asynccontextmanager
    async def _sandbox(self) -> AsyncIterator[Sandbox]:
        """`segment-mcp sandbox` on a free port."""
        process = await anyio.open_process(
            _command("sandbox", "--port", "0"), stdout=subprocess.DEVNULL, env=environment()
        )
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(_ending(process))
            assert process.stderr is not None
            log = BufferedByteReceiveStream(process.stderr)
            while not self._origin:
                line = await log.receive_until(b"\n", 1_000)
                self._origin = line.decode().partition("listening on ")[2]
            copying = await stack.enter_async_context(anyio.create_task_group())
            copying.start_soon(_copied, log, self.folder / "0-sandbox.log")
            client = httpx2.AsyncClient(base_url=self._origin, trust_env=False, timeout=30.0)
            yield Sandbox(await stack.enter_async_context(client))
            process.terminate()
            with anyio.move_on_after(10):
                await process.wait()
            copying.cancel_scope.cancel()


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "segment_mcp", *arguments]


def _import_of(file: File) -> list[str]:
    return ["import", str(file.path), "--write-key", "imports", "--rate", "0", "--connections-open", str(LANES)]


def _repeats(arrivals: Sequence[Arrival], prefix: str) -> int:
    return sum(arrival.repeats for arrival in arrivals if arrival.name.startswith(prefix))


@asynccontextmanager
async def _ending(process: Process) -> AsyncIterator[None]:
    """The process has ended at the end, however that comes."""
    try:
        yield
    finally:
        with anyio.CancelScope(shield=True):
            _kill(process)
            await process.wait()
            await process.aclose()


def _kill(process: Process) -> None:
    """SIGKILL. Not by the process's own method, which may take the exit code from whoever waits for it."""
    if process.returncode is None:
        with suppress(ProcessLookupError):
            os.kill(process.pid, SIGKILL)


async def _said(process: Process) -> str:
    """All that a process said until its end."""
    assert process.stdout is not None
    text = b"".join([chunk async for chunk in process.stdout])
    await process.wait()
    return text.decode()


async def _copied(log: BufferedByteReceiveStream, path: Path) -> None:
    with path.open("wb") as copy, suppress(anyio.EndOfStream, anyio.ClosedResourceError):
        while True:
            copy.write(await log.receive())


async def _change_of(look: Callable[[], object]) -> None:
    """Wait until what is seen changes. It is looked at again and again, since the disk tells nobody."""
    before = look()
    while look() == before:  # noqa: ASYNC110 - see above
        await anyio.sleep(0.001)


def _stamp(path: Path) -> tuple[int, int]:
    """What changes when a file is written."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return 0, 0
    return found.st_mtime_ns, found.st_size
