"""What the sweep over the questions shares: a world in which any one call goes wrong, and what an answer claims.

A claim is one thing that an answer says, by what it is about: `{"DESTINATION.status": "failing"}`. Nobody knows a
claim that is absent, None or `unknown`; and one that is `likely` says less than one that is `proven`.
"""

import json
import re
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2

from segment_mcp.app import open_app
from segment_mcp.config import load
from segment_mcp.envelope import Envelope
from segment_mcp.operations import OPERATIONS
from segment_mcp.sandbox import API_TOKEN, create_app
from segment_mcp.tools.invoke import Toolbox
from tests.leaping import Clock

Claims = dict[str, Any]
SETTINGS = load({"SEGMENT_MCP_SANDBOX": "1", "SEGMENT_REGION": "us"})

_PAGE_SIZES = ("pagination.count", "count", "limit")
_CURSORS = ("pagination.cursor", "cursor", "next")
_SURE = {"likely": 1, "proven": 2}
_PATHS = {
    name: (row.method, re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(row.path))))
    for name, row in OPERATIONS.items()
}


@dataclass(slots=True)
class Way(httpx2.AsyncBaseTransport):
    """The way to the sandbox.

    Attributes:
        page_size: as many items are on a page, however many were asked for.
        paged: only of this operation.
        without_second: the operation of which only first pages come; all others are refused.
        emptied: the operation whose list has nothing in it.
        refused: how many pages were.
        bent: how many lists were emptied, or came in pages of that size.
    """

    clock: Clock
    page_size: int | None = None
    paged: str | None = None
    without_second: str | None = None
    emptied: str | None = None
    refused: int = 0
    bent: int = 0
    sandbox: httpx2.ASGITransport = field(init=False)

    def __post_init__(self) -> None:
        self.sandbox = httpx2.ASGITransport(app=create_app(now=self.clock.now))

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Let the sandbox answer, and bend what it is asked or answers."""
        asked = request.url.params
        if self.without_second and _is(request, self.without_second) and any(name in asked for name in _CURSORS):
            self.refused += 1
            return httpx2.Response(403, json={"errors": [{"type": "forbidden", "message": "no"}]})
        size = next((name for name in _PAGE_SIZES if name in asked), None)
        if self.page_size is not None and size is not None and (self.paged is None or _is(request, self.paged)):
            self.bent += 1
            url = request.url.copy_set_param(size, str(self.page_size))
            request = httpx2.Request(request.method, url, headers=request.headers)
        response = await self.sandbox.handle_async_request(request)
        if self.emptied is None or not _is(request, self.emptied):
            return response
        self.bent += 1
        body = json.loads(await response.aread())
        return httpx2.Response(response.status_code, json=_emptied(body, self.emptied))


def _is(request: httpx2.Request, operation: str) -> bool:
    method, path = _PATHS[operation]
    return request.method == method and path.fullmatch(request.url.path) is not None


def _emptied(body: dict[str, Any], operation: str) -> dict[str, Any]:
    if OPERATIONS[operation].api == "profile":
        name = OPERATIONS[operation].answer[0]
        return {**body, name: type(body[name])(), "cursor": {**body.get("cursor", {}), "has_more": False, "next": ""}}
    if operation == "listDeliveryMetricsSummaryFromDestination":
        return {"data": {"deliveryMetricsSummary": {**body["data"]["deliveryMetricsSummary"], "metrics": []}}}
    empty = {OPERATIONS[operation].answer[0]: [], "pagination": {"current": "MA==", "totalEntries": 0}}
    return {"data": {**body["data"], **empty}}


@dataclass(frozen=True, slots=True)
class World:
    """A fresh embedded Segment behind the toolbox's door."""

    toolbox: Toolbox
    way: Way
    clock: Clock

    async def api(self, method: str, path: str, body: Mapping[str, Any]) -> Any:
        """The `data` of a call of the Public API."""
        return await self._send(method, f"https://api.segmentapis.com{path}", body)

    async def fault(self, operation: str, **what: Any) -> None:
        """Let an operation go wrong; see `segment_mcp.sandbox.faults`."""
        await self.api("POST", "/_sandbox/faults", {"operation": operation, **what})

    async def ask(self, question: "Question") -> tuple[Envelope, float]:
        """The question's answer, and how many seconds it took by the clock."""
        begun = self.clock.passed()
        envelope = await self.toolbox.invoke(question.tool, dict(question.arguments))
        return envelope, self.clock.passed() - begun

    async def _send(self, method: str, url: str, body: Mapping[str, Any]) -> Any:
        async with httpx2.AsyncClient(transport=self.way.sandbox) as client:
            headers = {"Authorization": f"Bearer {API_TOKEN}"}
            answer = await client.request(method, url, json=body, headers=headers)
        assert answer.is_success, answer.text
        return answer.json()["data"]


@asynccontextmanager
async def world(question: "Question") -> AsyncIterator[World]:
    """A world in which a question's premise holds."""
    clock = Clock()
    way = Way(clock)
    async with open_app(SETTINGS, transport=lambda: way, timing=clock.timing()) as toolbox:
        opened = World(toolbox, way, clock)
        for method, path, body in question.premise:
            await opened.api(method, path, body)
        yield opened


@dataclass(frozen=True, slots=True)
class Question:
    """A question, and what its answer rests on.

    Attributes:
        anchors: operations without which there is no answer.
        rests: each other operation that it reads, and the claims (by a pattern of what they are about) that nobody
            knows without it.
        claims: of an answer.
        headline: what the summary is about, by a pattern.
        moves: where a list with nothing in it changes other claims than those that nobody knows without it.
        gone: operations that end the question where what they ask for is not there.
        seconds: it has, beside the ten of every question.
        page_size: small, but not so small that there are more pages than are read.
        premise: calls of the Public API, or of the fault injector, that come before.
    """

    name: str
    tool: str
    arguments: Mapping[str, Any]
    anchors: Sequence[str]
    rests: Mapping[str, str]
    claims: Callable[[Mapping[str, Any]], Claims]
    headline: str = ".*"
    moves: Mapping[str, str] = field(default_factory=dict)
    gone: Sequence[str] = ()
    seconds: float = 0
    page_size: int = 2
    premise: Sequence[tuple[str, str, Mapping[str, Any]]] = ()

    def __str__(self) -> str:
        return self.name


def is_known(claim: Any) -> bool:
    """Whether a claim says anything."""
    return claim is not None and claim != "unknown"


def contradictions(claimed: Mapping[str, Any], truth: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Claims that say something else, or more, than the truth; each with what is true."""
    return {
        about: (claim, truth.get(about))
        for about, claim in claimed.items()
        if is_known(claim) and claim != truth.get(about) and not _says_less(claim, truth.get(about))
    }


def _says_less(claim: Any, truth: Any) -> bool:
    return _SURE.get(str(claim), 0) < _SURE.get(str(truth), 0) and str(claim) in _SURE


def leaves(about: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Every claim in a JSON value."""
    if isinstance(value, Mapping):
        for name, member in value.items():
            yield from leaves(f"{about}.{name}", member)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from leaves(f"{about}.{index}", item)
    else:
        yield about, value
