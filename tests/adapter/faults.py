"""Segment's bad days, one function each: what Segment, or the way to it, does to a request.

Each fault repeats the whole request in what it says, credentials and all, as a careless proxy would: whoever
passes a fault on shows whether they pass secrets on with it.
"""

import base64
import json
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

import anyio
import httpx2

from tests.adapter.clockwork import Clockwork

LARGEST_ANSWER = 64 * 1024
CONNECT_SECONDS, READ_SECONDS = 5.0, 20.0
"""What the client allows for a connection, and for silence."""


@dataclass(frozen=True, slots=True)
class Incident:
    """A request that meets a fault.

    Attributes:
        request: as it went out.
        number: how many requests went before it.
        clock: the injected clock.
    """

    request: httpx2.Request
    number: int
    clock: Clockwork

    def echo(self) -> str:
        """The request, with everything that it knows."""
        headers = " ".join(f"{name}={value}" for name, value in self.request.headers.items())
        basic = self.request.headers.get("authorization", "").partition("Basic ")[2]
        return f"{self.request.url} {headers} {base64.b64decode(basic).decode()} {self.request.content.decode()}"

    def silence(self, seconds: float) -> None:
        """Let the clock go on for as long as the client waits: so many seconds, or what the call has left."""
        left = anyio.current_effective_deadline() - anyio.current_time()
        self.clock.passed += min(seconds, left)


Fault = Callable[[Incident], httpx2.Response]


@dataclass(slots=True)
class Faulty(httpx2.AsyncBaseTransport):
    """A way to Segment on which every request meets the same fault.

    Attributes:
        requests: what went out, in order.
        moments: when, in seconds of the injected clock.
    """

    fault: Fault
    clock: Clockwork
    requests: list[httpx2.Request] = field(default_factory=list)
    moments: list[float] = field(default_factory=list)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Keep the request and let the fault happen."""
        await request.aread()
        await anyio.lowlevel.checkpoint()
        incident = Incident(request, len(self.requests), self.clock)
        self.requests.append(request)
        self.moments.append(self.clock.passed)
        return self.fault(incident)


def success(_: Incident) -> httpx2.Response:
    """An answer to any operation of either API."""
    page = {"sources": [], "destinations": [], "warehouses": [], "pagination": {"current": "MA=="}}
    data = {"source": {"id": "s"}, "destination": {"id": "d"}, "workspace": {"id": "w"}, "labels": [], "settings": {}}
    return httpx2.Response(200, json={"data": {**page, **data, "status": "SUCCESS"}, "success": True})


def status(code: int, **headers: str) -> Fault:
    """Refuses, in Segment's words."""

    def fault(incident: Incident) -> httpx2.Response:
        error = {"type": "error", "message": f"No: {incident.echo()}", "field": "name"}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return httpx2.Response(code, json={"errors": [error]}, headers={**named, "x-request-id": "req-1"})

    return fault


def limited_until(seconds: float, header: str) -> Fault:
    """429 that names, in a header, the moment at which the limit is over."""

    def fault(incident: Incident) -> httpx2.Response:
        moment = format_datetime(incident.clock.now() + timedelta(seconds=seconds), usegmt=True)
        return status(429, **{header: moment})(incident)

    return fault


def limited_for(milliseconds: int) -> Fault:
    """429 as the Public API words it."""

    def fault(incident: Incident) -> httpx2.Response:
        data = {"remainingPoints": 0, "msBeforeNext": milliseconds, "consumedPoints": 21}
        error = {"type": "RequestError", "message": f"Too many requests: {incident.echo()}", "data": data}
        return httpx2.Response(429, json={"errors": [error]})

    return fault


def raising(kind: type[httpx2.TransportError]) -> Fault:
    """The way fails at once."""

    def fault(incident: Incident) -> httpx2.Response:
        raise kind(incident.echo(), request=incident.request)

    return fault


def silent(kind: type[httpx2.TimeoutException], seconds: float) -> Fault:
    """Nothing comes until the client stops waiting."""

    def fault(incident: Incident) -> httpx2.Response:
        incident.silence(seconds)
        return raising(kind)(incident)

    return fault


def saying(content: Callable[[Incident], str], content_type: str = "application/json", code: int = 200) -> Fault:
    """Answers a text."""
    return lambda incident: httpx2.Response(code, text=content(incident), headers={"content-type": content_type})


class _Pieces(httpx2.AsyncByteStream):
    def __init__(self, piece: bytes, number: int, last: Exception | None = None) -> None:
        self._piece, self._number, self._last = piece, number, last

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for _ in range(self._number):
            yield self._piece
        if self._last is not None:
            raise self._last


def reset_in_the_body(incident: Incident) -> httpx2.Response:
    """The answer begins, and then the connection is gone."""
    broken = httpx2.ReadError(incident.echo(), request=incident.request)
    return httpx2.Response(200, stream=_Pieces(f'{{"data": "{incident.echo()}'.encode(), 1, broken))


def endless(incident: Incident) -> httpx2.Response:
    """A body that does not end."""
    return httpx2.Response(200, stream=_Pieces(incident.echo().encode() * 20, 1_000_000))


def bad_encoding(incident: Incident) -> httpx2.Response:
    """A body that is not packed as its header says."""
    return httpx2.Response(200, headers={"content-encoding": "gzip"}, stream=_Pieces(incident.echo().encode(), 1))


def errors_beside(incident: Incident) -> httpx2.Response:
    """A success with errors beside its data."""
    body: dict[str, Any] = json.loads(success(incident).content)
    return httpx2.Response(200, json={**body, "errors": [{"type": "x", "message": incident.echo()}]})


def redirect(location: str) -> Fault:
    """Sends the client elsewhere."""
    return lambda incident: httpx2.Response(
        307, headers={"location": f"{location}?{incident.request.url.path}"}, text=incident.echo()
    )


def first(times: int, fault: Fault) -> Fault:
    """A fault that passes."""
    return lambda incident: (fault if incident.number < times else success)(incident)


FAULTS: Mapping[str, Fault] = {
    "no fault": success,
    "429 with seconds": status(429, retry_after="7"),
    "429 with a date": limited_until(7, "retry_after"),
    "429 with milliseconds": limited_for(7_000),
    "429 with a reset in seconds": status(429, x_ratelimit_reset="7"),
    "429 with a reset date": limited_until(7, "x_ratelimit_reset"),
    "429 with nothing": status(429),
    "429 with a time that is past": limited_until(-60, "retry_after"),
    "429 beyond the budget": status(429, retry_after="60"),
    "429 twice": first(2, status(429, retry_after="7")),
    "500": status(500),
    "502": status(502),
    "503 with seconds": status(503, retry_after="7"),
    "503 beyond the budget": status(503, retry_after="60"),
    "503 twice": first(2, status(503)),
    "503 page": saying(lambda incident: f"<html>{incident.echo()}</html>", "text/html", 503),
    "501": status(501),
    "505": status(505),
    "511": status(511),
    "400": status(400),
    "401": status(401),
    "403": status(403),
    "404": status(404),
    "408": status(408),
    "409": status(409),
    "410": status(410),
    "422": status(422),
    "460": status(460),
    "connection refused": raising(httpx2.ConnectError),
    "connection refused twice": first(2, raising(httpx2.ConnectError)),
    "proxy refused": raising(httpx2.ProxyError),
    "connection never opens": silent(httpx2.ConnectTimeout, CONNECT_SECONDS),
    "silence": silent(httpx2.ReadTimeout, READ_SECONDS),
    "silence once": first(1, silent(httpx2.ReadTimeout, READ_SECONDS)),
    "reset before an answer": raising(httpx2.RemoteProtocolError),
    "reset twice": first(2, raising(httpx2.ReadError)),
    "reset in the body": reset_in_the_body,
    "HTML": saying(lambda incident: f"<html>{incident.echo()}</html>", "text/html"),
    "HTML called JSON": saying(lambda incident: f"<html>{incident.echo()}</html>"),
    "cut off": saying(lambda incident: json.dumps({"data": {"source": incident.echo()}})[:-4]),
    "a list": saying(lambda incident: json.dumps([{"data": {"source": incident.echo()}, "success": True}])),
    "empty": saying(lambda _: ""),
    "plain text": saying(lambda incident: json.dumps({"data": {"source": incident.echo()}}), "text/plain"),
    "another object": saying(lambda incident: json.dumps({"message": incident.echo()})),
    "errors beside a success": errors_beside,
    "redirect elsewhere": redirect("https://evil.example/"),
    "redirect to plain http": redirect("http://public.example/"),
    "endless": endless,
    "packed otherwise": bad_encoding,
}
"""Every fault by its name; several faults are named for what becomes of them by the client's budget of 25 s."""
