"""Everybody around a consent: servers over one state folder, their clients, a person who is asked, somebody else."""

import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

import anyio
import httpx2
import mcp_types as types
from mcp import Client
from mcp.client import ClientRequestContext
from mcp.client.streamable_http import streamable_http_client
from starlette.applications import Starlette
from starlette.types import ASGIApp

from segment_mcp.app import open_app
from segment_mcp.callers import ANSWER
from segment_mcp.config import load
from segment_mcp.consent.consent import LIFETIME
from segment_mcp.consent.ledger import State
from segment_mcp.operations import OPERATIONS
from segment_mcp.sandbox import API_TOKEN, create_app
from segment_mcp.server import build_server
from segment_mcp.state import ledger_file
from segment_mcp.stores.consents import SqliteLedger
from segment_mcp.timing import Timing
from segment_mcp.tools.invoke import Toolbox
from segment_mcp.transports import web
from tests.workbench import ERAS, NOW, SANDBOX

MODERN = ERAS[1]
AGENT, ELSEWHERE = "192.0.2.1", "192.0.2.2"
NO_HEADERS: Mapping[str, str] = MappingProxyType({})


@dataclass(slots=True)
class Clock:
    """The time, which passes when it is told to."""

    moment: datetime = NOW

    def now(self) -> datetime:
        return self.moment

    def pass_by(self, seconds: float = LIFETIME) -> None:
        self.moment += timedelta(seconds=seconds)

    async def sleep(self, seconds: float) -> None:
        self.pass_by(seconds)
        await anyio.lowlevel.checkpoint()

    def timing(self) -> Timing:
        """Waits take no time of ours."""
        return Timing(self.now, lambda: self.now().timestamp(), self.sleep, lambda: 0.5)


@dataclass(slots=True)
class Frozen(httpx2.AsyncBaseTransport):
    """The way to a workspace that stays as it is: what would change it goes to another one just like it.

    Whatever is refused the second time is refused by the server, then, and not because the thing is gone.

    Attributes:
        requests: everything that went out, in order.
        app: the workspace.
        status: is answered in place of Segment's answer to what changes something.
        together: so many reads are let through at once only.
        token: what this workspace takes for credentials.
    """

    requests: list[httpx2.Request] = field(default_factory=list)
    app: ASGIApp = field(default_factory=lambda: create_app(now=lambda: NOW))
    status: int | None = None
    together: int = 1
    token: str = API_TOKEN
    _waiting: int = 0
    _met: anyio.Event = field(default_factory=anyio.Event)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        app = self.app
        if request.headers["authorization"] == f"Bearer {self.token}":
            request.headers["authorization"] = f"Bearer {API_TOKEN}"
        if _changes(request):
            if self.status is not None:
                return httpx2.Response(self.status, json={"errors": [{"type": "x", "message": "Not now."}]})
            app = create_app(now=lambda: NOW)
        elif self.together > 1 and request.url.path != "/":
            await self._meet()
        return await httpx2.ASGITransport(app=app).handle_async_request(request)

    async def change(self, method: str, path: str, body: Any = None) -> None:
        """Do something in the workspace as somebody else, who is not counted."""
        headers = {"Authorization": f"Bearer {API_TOKEN}"}
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=self.app), base_url="http://segment") as other:
            answer = await other.request(method, path, json=body, headers=headers)
        assert answer.is_success, answer.text

    def mutations(self) -> list[tuple[str, str]]:
        """Method and path of each request that changes something, as far as it got to the sandbox."""
        return [(each.method, each.url.path) for each in self.requests if _changes(each)]

    async def _meet(self) -> None:
        self._waiting += 1
        if self._waiting >= self.together:
            self._met.set()
        with anyio.fail_after(10):
            await self._met.wait()


def _changes(request: httpx2.Request) -> bool:
    """Whether it is none of the rows that read, some of which are no GET."""
    return request.method != "GET" and not any(
        row.method == request.method and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", row.path), request.url.path)
        for row in OPERATIONS.values()
        if row.safety == "read"
    )


Says = Callable[["Form"], "types.ElicitResult | types.ErrorData"]


@dataclass(frozen=True, slots=True)
class Form:
    """What a person sees: the preview, and what they would have to type."""

    text: str
    phrase: str


def form_of(params: Any) -> Form:
    """The form of an elicitation, as the person reads it."""
    assert params.mode == "form"
    description: str = params.requested_schema["properties"][ANSWER]["description"]
    assert description.startswith("Type exactly: ")
    return Form(params.message, description.removeprefix("Type exactly: "))


def typing(text: Any, key: str = ANSWER) -> types.ElicitResult:
    return types.ElicitResult(action="accept", content={key: text})


def agrees(form: Form) -> types.ElicitResult:
    return typing(form.phrase)


def declines(form: Form) -> types.ElicitResult:
    return types.ElicitResult(action="decline", content={ANSWER: form.phrase})


def cancels(form: Form) -> types.ElicitResult:
    return types.ElicitResult(action="cancel", content={ANSWER: form.phrase})


@dataclass(slots=True)
class Person:
    """Who sits before a client.

    Attributes:
        says: their answers in turn; the last one stays.
        asked: what they were asked so far.
    """

    says: Sequence[Says] = (agrees,)
    asked: list[Form] = field(default_factory=list)

    async def __call__(
        self, context: ClientRequestContext, params: types.ElicitRequestParams
    ) -> types.ElicitResult | types.ErrorData:
        del context
        form = form_of(params)
        self.asked.append(form)
        return self.says[min(len(self.asked), len(self.says)) - 1](form)


@dataclass(frozen=True, slots=True)
class Server:
    """A server that listens for clients of 2026-07-28, who have no session: each is known by what it says of itself."""

    app: Any
    toolbox: Toolbox

    @asynccontextmanager
    async def client(
        self,
        person: Person | None = None,
        *,
        name: str = "agent",
        address: str = AGENT,
        query: str = "",
        headers: Mapping[str, str] = NO_HEADERS,
    ) -> AsyncIterator[Client]:
        """A client that shows forms to the person, if there is one."""
        way = httpx2.ASGITransport(app=self.app, client=(address, 1))
        info = types.Implementation(name=name, version="1")
        async with (
            httpx2.AsyncClient(transport=way, headers=dict(headers)) as http,
            Client(
                streamable_http_client(f"http://localhost/mcp{query}", http_client=http),
                mode=MODERN,
                elicitation_callback=person,
                client_info=info,
            ) as connected,
        ):
            yield connected


@asynccontextmanager
async def working(wire: httpx2.AsyncBaseTransport, clock: Clock, settings: Mapping[str, str]) -> AsyncIterator[Toolbox]:
    """Every tool, on the given way to Segment."""
    async with open_app(load({**SANDBOX, **settings}), transport=lambda: wire, timing=clock.timing()) as opened:
        yield opened


@asynccontextmanager
async def serving(wire: httpx2.AsyncBaseTransport, clock: Clock, settings: Mapping[str, str]) -> AsyncIterator[Server]:
    """A server on the given way to Segment; a second one stands for another process."""
    async with working(wire, clock, settings) as opened:
        app = web.streamable_http_app(build_server(opened), web.security_for("127.0.0.1", []))
        assert isinstance(app, Starlette)
        async with app.router.lifespan_context(app):
            yield Server(app, opened)


def decide(settings: Mapping[str, str], clock: Clock, code: str, decision: State = "agreed") -> None:
    """What `segment-mcp approve` does once the person has typed; see `tests/test_approve_command.py`."""
    ledger = SqliteLedger(ledger_file(load({**SANDBOX, **settings})))
    try:
        assert ledger.settle(code, "asked", decision, clock.now().timestamp())
    finally:
        ledger.close()


def said(result: Any) -> str:
    """What a call came to, in a word: `done`, `asked`, `declined: why` or the failure's code."""
    if isinstance(result, types.InputRequiredResult):
        return "asked"
    envelope = result.structured_content
    if envelope["successful"]:
        return "done"
    data = envelope["data"]
    if data["code"] == "confirmation_required":
        return "asked"
    return f"declined: {data['reason']}" if data["code"] == "confirmation_declined" else str(data["code"])
