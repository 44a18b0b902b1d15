"""MCP over two file descriptors, one JSON message a line, on the event loop itself: no worker threads.

The SDK's own stdio transport hands each read, write and flush to a thread; on pipes the loop can wait for
them. What it keeps of the SDK's: while it serves, descriptor 0 reads as empty and descriptor 1 is stderr,
so that nothing else in the process can garble the wire. What it adds: a bound on the length of a line,
an answer to a line that is no message, and at the end of input a short grace in which the requests that
were read are still answered.
"""

import json
import os
import stat
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager, suppress
from types import TracebackType
from typing import Any, Self

import anyio
import mcp_types as types
from mcp.shared.message import SessionMessage
from pydantic import ValidationError

LONGEST_LINE = 4 * 1024 * 1024
"""Bytes of one message, as the SDK bounds a body over HTTP."""

GRACE_SECONDS = 0.6
"""How long the requests that were read may still take once the input ended."""

_CHUNK = 256 * 1024


class Unanswered:
    """Which requests were read and not answered yet."""

    def __init__(self) -> None:
        self._ids: set[str | int] = set()
        self._none_left = anyio.Event()
        self._none_left.set()

    def note_read(self, message: types.JSONRPCMessage) -> None:
        """A request waits for its answer; a cancelled one never gets any."""
        if isinstance(message, types.JSONRPCRequest):
            if not self._ids:
                self._none_left = anyio.Event()
            self._ids.add(message.id)
        elif isinstance(message, types.JSONRPCNotification) and message.method == "notifications/cancelled":
            self._settle((message.params or {}).get("requestId"))

    def note_written(self, message: types.JSONRPCMessage) -> None:
        """A response or an error settles its request."""
        if isinstance(message, types.JSONRPCResponse | types.JSONRPCError):
            self._settle(message.id)

    async def wait(self) -> None:
        """Return when every request is answered."""
        await self._none_left.wait()

    def _settle(self, request_id: Any) -> None:
        if isinstance(request_id, str | int):
            self._ids.discard(request_id)
        if not self._ids:
            self._none_left.set()


class _Closing:
    """The asynchronous context of a stream: closes it at the end."""

    async def aclose(self) -> None:
        """Nothing is held open: the descriptors belong to whoever opened them."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()


class Writer(_Closing):
    """Writes messages to a descriptor, each as one line.

    Args:
        descriptor: where to; non-blocking where it can be waited for.
        unanswered: told of each answer.
    """

    def __init__(self, descriptor: int, unanswered: Unanswered) -> None:
        self._descriptor = descriptor
        self._unanswered = unanswered
        self._one_at_a_time = anyio.Lock()

    async def send(self, item: SessionMessage, /) -> None:
        """Write one message.

        Raises:
            anyio.BrokenResourceError: nobody reads any more.
        """
        line = item.message.model_dump_json(by_alias=True, exclude_unset=True).encode() + b"\n"
        try:
            async with self._one_at_a_time:
                await self._write(line)
        except OSError as error:
            raise anyio.BrokenResourceError from error
        finally:
            self._unanswered.note_written(item.message)

    async def refuse(self, request_id: str | int | None, code: int, reason: str) -> None:
        """Answer what is no message."""
        error = types.ErrorData(code=code, message=f"Not a JSON-RPC message: {reason}")
        with suppress(anyio.BrokenResourceError):
            await self.send(SessionMessage(types.JSONRPCError(jsonrpc="2.0", id=request_id, error=error)))

    async def _write(self, line: bytes) -> None:
        rest = memoryview(line)
        while rest:
            try:
                rest = rest[os.write(self._descriptor, rest) :]
            except BlockingIOError:
                # Half a line on the wire garbles every message behind it, so a cancelled call finishes its own.
                with anyio.CancelScope(shield=len(rest) < len(line)):
                    await anyio.wait_writable(self._descriptor)


class Reader(_Closing):
    """Reads messages from a descriptor; at the end of input waits for the answers, then ends.

    Args:
        descriptor: where from.
        unanswered: told of each request.
        writer: answers lines that are no message.
        waits: whether the descriptor can be waited for.
    """

    def __init__(self, descriptor: int, unanswered: Unanswered, writer: Writer, *, waits: bool) -> None:
        self._descriptor = descriptor
        self._unanswered = unanswered
        self._writer = writer
        self._waits = waits
        self._messages = self._read()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> SessionMessage:
        return await anext(self._messages)

    async def receive(self) -> SessionMessage:
        """The next message.

        Raises:
            anyio.EndOfStream: the input ended.
        """
        try:
            return await anext(self._messages)
        except StopAsyncIteration:
            raise anyio.EndOfStream from None

    async def aclose(self) -> None:
        """End the reading."""
        await self._messages.aclose()

    async def _read(self) -> AsyncGenerator[SessionMessage]:
        async for line in self._lines():
            if line is None:
                await self._writer.refuse(None, types.INVALID_REQUEST, f"a line has more than {LONGEST_LINE} bytes")
                continue
            if not line.strip():
                continue
            try:
                message = types.jsonrpc_message_adapter.validate_json(line, by_name=False)
            except ValidationError:
                await self._writer.refuse(*_diagnosis(line))
                continue
            self._unanswered.note_read(message)
            yield SessionMessage(message)
        with anyio.move_on_after(GRACE_SECONDS):
            await self._unanswered.wait()

    async def _lines(self) -> AsyncIterator[bytes | None]:
        """Each line without its end; None in place of one that is too long. A last line without an end counts."""
        pending = bytearray()
        skipping = False
        while chunk := await self._chunk():
            start = 0
            while (end := chunk.find(b"\n", start)) >= 0:
                if skipping or len(pending) + end - start > LONGEST_LINE:
                    yield None
                else:
                    yield bytes(pending) + chunk[start:end]
                pending.clear()
                skipping = False
                start = end + 1
            if not skipping:
                pending += chunk[start:]
            if len(pending) > LONGEST_LINE:
                pending.clear()
                skipping = True
        if skipping:
            yield None
        elif pending:
            yield bytes(pending)

    async def _chunk(self) -> bytes:
        while True:
            if self._waits:
                await anyio.wait_readable(self._descriptor)
            try:
                return os.read(self._descriptor, _CHUNK)
            except BlockingIOError:  # somebody else read it first, or the kernel woke us for nothing
                continue
            except OSError:
                return b""


def _diagnosis(line: bytes) -> tuple[str | int | None, int, str]:
    """The ID of the request that a line was meant to be, JSON-RPC's code, and why it is no message."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None, types.PARSE_ERROR, "the line is not JSON"
    match value:
        case {"method": _, "id": str() | int() as request_id} if not isinstance(request_id, bool):
            return request_id, types.INVALID_REQUEST, "the request has another shape"
        case _:
            return None, types.INVALID_REQUEST, "the line is JSON of another shape"


@asynccontextmanager
async def open_pipes(source: int, target: int) -> AsyncIterator[tuple[Reader, Writer]]:
    """Serve MCP over two descriptors, which stay open.

    Args:
        source: read from; a pipe, socket, terminal or file.
        target: written to; set to non-blocking meanwhile where it is a pipe or a socket.
    """
    unanswered = Unanswered()
    was_blocking = os.get_blocking(target)
    if _can_wait(target):
        os.set_blocking(target, False)
    try:
        writer = Writer(target, unanswered)
        yield Reader(source, unanswered, writer, waits=_can_wait(source) or os.isatty(source)), writer
    finally:
        with suppress(OSError):
            os.set_blocking(target, was_blocking)


@asynccontextmanager
async def claim_standard_streams() -> AsyncIterator[tuple[int, int]]:
    """The process's standard input and output for the wire alone; whatever else uses them meanwhile misses it."""
    source, target = os.dup(0), os.dup(1)
    empty = os.open(os.devnull, os.O_RDONLY)
    os.dup2(empty, 0)
    os.dup2(2, 1)
    os.close(empty)
    try:
        yield source, target
    finally:
        os.dup2(source, 0)
        os.dup2(target, 1)
        os.close(source)
        os.close(target)


def _can_wait(descriptor: int) -> bool:
    mode = os.fstat(descriptor).st_mode
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)
