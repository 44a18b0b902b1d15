"""A stand-in for Segment's Tracking API that counts: it parses every body and knows every messageId.

    python bench/sink.py

Listens on a free port of this machine, says which, and answers every POST `{"success": true}`. `GET /count`
says what came since `DELETE /count`; `PUT /count` starts the clock, which the first request does otherwise.
What Segment would not take, a larger body or one that is no batch and no event, gets the connection closed.
"""

import asyncio
import re
import subprocess
import sys
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from math import inf
from time import perf_counter, process_time

import msgspec

ROOM = (500 + 4) * 1024
"""Bytes of the largest request that Segment takes, and of its head."""
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


def moment() -> tuple[float, float]:
    """Seconds of the clock, and of this process's CPU."""
    return perf_counter(), process_time()


class Event(msgspec.Struct, rename="camel", gc=False):
    """What is looked at; the rest of an event is parsed and dropped."""

    message_id: str


class Batch(msgspec.Struct):
    """A body of `/v1/batch`."""

    batch: list[Event]


class Count(msgspec.Struct):
    """What came since the last reset.

    Attributes:
        events: as often as they came.
        distinct: by messageId.
        seconds: from the start of the clock to the last answer.
        cpu_seconds: the sink's own.
    """

    events: int
    distinct: int
    seconds: float
    cpu_seconds: float


@dataclass(slots=True)
class Tally:
    """What `Count` is made of.

    Attributes:
        message_ids: their hashes, 8 bytes each, made into a set only when somebody asks.
        begun, answered: first and last moment.
    """

    message_ids: "array[int]" = field(default_factory=lambda: array("q"))
    begun: tuple[float, float] = (inf, 0.0)
    answered: tuple[float, float] = (0.0, 0.0)

    def count(self) -> Count:
        """The figures."""
        seconds, cpu_seconds = (now - then for now, then in zip(self.answered, self.begun, strict=True))
        return Count(len(self.message_ids), len(set(self.message_ids)), seconds, cpu_seconds)


class Server:
    """Answers requests; its connections share one tally."""

    def __init__(self) -> None:
        self._tally = Tally()
        self._batch = msgspec.json.Decoder(Batch)
        self._event = msgspec.json.Decoder(Event)

    def answer(self, target: bytes, body: memoryview) -> bytes:
        """The answer's body.

        Args:
            target: method and path.
            body: the request's.
        """
        match target:
            case b"GET /count":
                return msgspec.json.encode(self._tally.count())
            case b"DELETE /count":
                self._tally = Tally()
            case b"PUT /count":
                self._tally.begun = moment()
            case b"POST /v1/batch":
                self._add(self._batch.decode(body).batch)
            case _:
                self._add([self._event.decode(body)])
        return b'{"success": true}'

    def note(self, begun: tuple[float, float]) -> None:
        """Note that a request that began then has its answer."""
        self._tally.begun = min(self._tally.begun, begun)
        self._tally.answered = moment()

    def _add(self, events: list[Event]) -> None:
        self._tally.message_ids.extend(hash(event.message_id) for event in events)


class Connection(asyncio.BufferedProtocol):
    """One request after the other, received in place."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._buffer = bytearray(ROOM)
        self._filled = self._body_at = self._end = 0
        self._begun = moment()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def get_buffer(self, _: int) -> memoryview:
        """Room for what comes next."""
        return memoryview(self._buffer)[self._filled :]

    def buffer_updated(self, count: int) -> None:
        """A part of a request, perhaps its last."""
        if self._filled == 0:
            self._begun = moment()
        self._filled += count
        if self._end == 0:
            head_end = self._buffer.find(b"\r\n\r\n", 0, self._filled)
            if head_end < 0:
                return
            length = _LENGTH.search(self._buffer, 0, head_end)
            self._body_at = head_end + 4
            self._end = self._body_at + (int(length[1]) if length else 0)
        if self._filled >= self._end:
            self._answer()
            self._filled = self._end = 0

    def _answer(self) -> None:
        target = bytes(self._buffer[: self._buffer.find(b" HTTP/1.1\r\n")])
        body = self._server.answer(target, memoryview(self._buffer)[self._body_at : self._end])
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        self._transport.write(head.encode() + body)
        if target.startswith(b"POST"):
            self._server.note(self._begun)


@dataclass(frozen=True, slots=True)
class Sink:
    """A sink that runs, asked from outside.

    Attributes:
        origin: where it listens on this machine.
    """

    origin: str

    def reset(self) -> None:
        """Count from zero."""
        self._ask("DELETE")

    def start(self) -> None:
        """Start the clock."""
        self._ask("PUT")

    def count(self) -> Count:
        """What came since."""
        return msgspec.json.decode(self._ask("GET"), type=Count)

    def _ask(self, method: str) -> bytes:
        connection = HTTPConnection(self.origin.removeprefix("http://"))
        try:
            connection.request(method, "/count")
            return connection.getresponse().read()
        finally:
            connection.close()


@contextmanager
def running() -> Iterator[Sink]:
    """A sink in a process of its own."""
    process = subprocess.Popen([sys.executable, __file__], stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        yield Sink(f"http://127.0.0.1:{int(process.stdout.readline())}")
    finally:
        process.terminate()
        process.communicate()


async def main() -> None:
    """Listen on a free port of this machine and say which."""
    server = Server()
    listener = await asyncio.get_running_loop().create_server(lambda: Connection(server), "127.0.0.1", 0)
    sys.stdout.write(f"{listener.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await listener.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
