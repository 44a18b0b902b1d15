"""The callers of one server, until it is killed."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from random import Random
from typing import Any

import anyio
from anyio.abc import Process, TaskGroup
from anyio.streams.buffered import BufferedByteReceiveStream

from tests.chaos.events import CALL, Call
from tests.transports.process import HANDSHAKE

CALLERS = 5
LONGEST_ANSWER = 4 * 1024 * 1024

_GONE = (anyio.BrokenResourceError, anyio.ClosedResourceError)


class Client:
    """Calls a server's tools, several at a time, and notes what it is told.

    Args:
        process: the server.
        calls: the calls of all servers' lives; what is called here is added.
        chance: decides what is called.

    Attributes:
        signs: what was seen of the server, by name.
    """

    def __init__(self, process: Process, calls: list[Call], chance: Random) -> None:
        self.signs = {name: anyio.Event() for name in ("greeted", "sent", "accepted", "deferred")}
        self._process = process
        self._calls = calls
        self._chance = chance
        self._unanswered = [call for call in calls if call.told is None and call.message_id is not None]
        self._asked: dict[int, tuple[Sequence[Call], anyio.Event]] = {}
        self._number = 0

    async def run(self) -> None:
        """Greet the server and call it until it is gone."""
        async with anyio.create_task_group() as group:
            group.start_soon(self._begin, group)
            await self._listen()
            group.cancel_scope.cancel()

    async def _begin(self, group: TaskGroup) -> None:
        with suppress(*_GONE):
            await self._ask("initialize", HANDSHAKE)
            await self._write({"jsonrpc": "2.0", "method": "notifications/initialized"})
            self.signs["greeted"].set()
            for _ in range(CALLERS):
                group.start_soon(self._call_on)

    async def _call_on(self) -> None:
        with suppress(*_GONE):
            while True:
                if self._chance.random() < 0.15:
                    await self._batch()
                else:
                    await self._track()
                await anyio.sleep(self._chance.uniform(0, 0.2))  # the pace of a caller

    async def _track(self) -> None:
        """One event; maybe one of which a killed server said nothing, as its caller would try it again."""
        if self._unanswered and self._chance.random() < 0.3:
            call = self._unanswered.pop()
            call.repeated = datetime.now(UTC)
        else:
            call = self._new_call()
        await self._call("segment_track", call.fields(), [call])

    async def _batch(self) -> None:
        """Some events, or so many bytes that it takes two requests."""
        large = self._chance.random() < 0.2
        calls = [self._new_call() for _ in range(24 if large else self._chance.randint(2, 30))]
        more = {"type": "track", **({"properties": {"text": "x" * 28_000}} if large else {})}
        await self._call("segment_batch", {"batch": [{**call.fields(), **more} for call in calls]}, calls)

    def _new_call(self) -> Call:
        own = f"call-{self._chance.getrandbits(64):x}" if self._chance.random() < 0.8 else None
        call = Call(f"{CALL}{len(self._calls)}", datetime.now(UTC), own)
        self._calls.append(call)
        return call

    async def _call(self, tool: str, arguments: Mapping[str, Any], calls: Sequence[Call]) -> None:
        await self._ask("tools/call", {"name": tool, "arguments": arguments}, calls)

    async def _ask(self, method: str, params: Mapping[str, Any], calls: Sequence[Call] = ()) -> None:
        """Send a request and wait for its answer."""
        self._number += 1
        number, answered = self._number, anyio.Event()
        self._asked[number] = calls, answered
        await self._write({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
        if calls:
            self.signs["sent"].set()
        await answered.wait()

    async def _write(self, message: Mapping[str, Any]) -> None:
        assert self._process.stdin is not None
        await self._process.stdin.send(json.dumps(message).encode() + b"\n")

    async def _listen(self) -> None:
        """Take in every answer, to the last whole line that the server wrote."""
        assert self._process.stdout is not None
        lines = BufferedByteReceiveStream(self._process.stdout)
        with suppress(anyio.EndOfStream, anyio.IncompleteRead, *_GONE):
            while True:
                answer = json.loads(await lines.receive_until(b"\n", LONGEST_ANSWER))
                calls, answered = self._asked.pop(answer["id"])
                if calls:
                    self._note(calls, answer["result"]["structuredContent"])
                answered.set()

    def _note(self, calls: Sequence[Call], envelope: Mapping[str, Any]) -> None:
        """What the callers were told; a batch that failed in the middle tells it of each event."""
        now, data = datetime.now(UTC), envelope["data"]
        told: Sequence[Mapping[str, Any]] = data.get("events", [data] * len(calls))
        for call, one in zip(calls, told, strict=True):
            promise = one.get("status")
            call.answered = now
            call.told = promise if promise in {"accepted", "deferred"} else data["code"]
            call.message_id = one.get("messageId", call.message_id)
            if call.told in self.signs:
                self.signs[call.told].set()
