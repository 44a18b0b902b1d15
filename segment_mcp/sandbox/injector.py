"""Puts faults between the sandbox and its clients: around each operation's endpoint, and where they are set.

`Injector` is the middleware of a route, so it knows its operation without looking. While no fault is set it
hands the request on and does nothing else. `administration` answers `/_sandbox/faults`.

A reset is what ASGI has no word for. A server that can do it says so with a callable in
`scope["extensions"]["segment_mcp.abort"]`; where there is none, as in the same process, it is raised as
`ConnectionResetError`.
"""

import errno
from collections.abc import Awaitable, Callable
from http import HTTPStatus

import anyio
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from segment_mcp.operations import Operation
from segment_mcp.sandbox import incoming, ingest, spoil
from segment_mcp.sandbox.faults import Fault, Faults
from segment_mcp.sandbox.outgoing import Json

ABORT = "segment_mcp.abort"
PATH = "/_sandbox/faults"

Sleep = Callable[[float], Awaitable[None]]


class Injector:
    """The endpoint of one operation, and the faults that strike it.

    Args:
        app: the endpoint.
        row: its operation.
        faults: those that are set.
        sleep: waits some seconds.
    """

    def __init__(self, app: ASGIApp, *, row: Operation, faults: Faults, sleep: Sleep) -> None:
        self._app = app
        self._row = row
        self._faults = faults
        self._sleep = sleep

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if not self._faults:
            await self._app(scope, receive, send)
            return
        key = ""
        if self._faults.ask_for_the_key_of(self._row):
            key, receive = await _write_key(scope, receive)
        fault = self._faults.strike(self._row, key)
        if fault is None:
            await self._app(scope, receive, send)
        else:
            await self._spoil(fault, scope, receive, send)

    async def _spoil(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        own = None
        if spoil.needs_the_sandbox(fault, self._row):
            own = await _answer_of(self._app, scope, receive)
        else:
            await _end_of_request(receive)  # whoever still writes would see a broken pipe, not the fault
        if fault.delay_seconds:
            await self._pause(fault.delay_seconds, receive)
        if fault.reset == "before":
            await _reset(scope, receive)
            return
        answer = spoil.spoiled(fault, self._row, own)
        await send({"type": "http.response.start", "status": answer.status, "headers": list(spoil.head(answer))})
        for index, piece in enumerate(spoil.pieces(fault, answer)):
            if index:
                await self._pause(fault.drip_seconds, receive)
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        if fault.reset:
            await _reset(scope, receive)
        else:
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _pause(self, seconds: float, receive: Receive) -> None:
        """Sleep, for as long as the client is there: one that gave up holds up nothing."""
        async with anyio.create_task_group() as waiting:

            async def until_gone() -> None:
                await _disconnected(receive)
                waiting.cancel_scope.cancel()

            waiting.start_soon(until_gone)
            await self._sleep(seconds)
            waiting.cancel_scope.cancel()


def administration(faults: Faults) -> Callable[[Request], Awaitable[Response]]:
    """What answers `/_sandbox/faults`: POST sets one, GET lists them, DELETE clears all. It needs no token."""

    async def answer(request: Request) -> Response:
        if request.method == "POST":
            fault = faults.add(await incoming.json_of(request))
            return Json({"data": {"fault": fault}}, status_code=HTTPStatus.CREATED)
        if request.method == "DELETE":
            faults.clear()
        return Json({"data": {"faults": faults.listed()}})

    return answer


async def _write_key(scope: Scope, receive: Receive) -> tuple[str, Receive]:
    """The request's write key, and a `receive` that tells the request from its beginning."""
    kept: list[Message] = []

    async def keep() -> Message:
        kept.append(await receive())
        return kept[-1]

    async def replay() -> Message:
        return kept.pop(0) if kept else await receive()

    request = Request(scope, keep)
    try:
        body = incoming.parse(await incoming.read(request, ingest.MAX_BATCH_BYTES))
    except (incoming.TooLargeError, incoming.UnreadableError, ClientDisconnect):
        body = None  # the endpoint will say so
    return incoming.write_key(request, body if isinstance(body, dict) else {}), replay


async def _answer_of(app: ASGIApp, scope: Scope, receive: Receive) -> spoil.Answer:
    """What the app answers, kept from the client."""
    told: list[Message] = []

    async def keep(message: Message) -> None:
        told.append(message)

    await app(scope, receive, keep)
    start = told[0]
    headers = tuple((name.lower(), value) for name, value in start["headers"] if name.lower() != b"content-length")
    return spoil.Answer(start["status"], headers, b"".join(message.get("body", b"") for message in told[1:]))


async def _end_of_request(receive: Receive) -> None:
    while (await receive()).get("more_body", False):
        pass


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _reset(scope: Scope, receive: Receive) -> None:
    abort = (scope.get("extensions") or {}).get(ABORT)
    if abort is None:
        raise ConnectionResetError(errno.ECONNRESET, "a fault of the sandbox reset the connection")
    abort()
    await _disconnected(receive)  # the server knows only now that no answer is to come
