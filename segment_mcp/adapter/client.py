"""One connection's way to Segment: its region, its credentials, its limits; the Public and the Tracking API."""

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from segment_mcp.adapter import answers, pages, requests, retry
from segment_mcp.adapter.exchange import Exchange, Sender
from segment_mcp.adapter.gate import Gate
from segment_mcp.adapter.hosts import PUBLIC_API, TRACKING_API, Region, host_of, other_region
from segment_mcp.adapter.http import Answer, Http
from segment_mcp.adapter.regions import RegionFinder
from segment_mcp.config import Connection
from segment_mcp.errors import (
    Forbidden,
    InvalidResponse,
    NotConfigured,
    NotFound,
    Unauthorized,
    UpstreamError,
)
from segment_mcp.operations import Operation, get
from segment_mcp.ports import Bounds, Walk
from segment_mcp.timing import SYSTEM, Timing, timestamp_of

WHOLE_LISTS = Bounds()

_WHO_AM_I = get("getWorkspace")
_ELSEWHERE = (Unauthorized, Forbidden, NotFound)


@dataclass(frozen=True, slots=True)
class _Asked:
    """A Public API operation that is asked for.

    Attributes:
        operation: the row.
        request: without host and credentials.
        token: the credential.
        write_key: the one among the arguments, if any.
        until: the moment of the adapter's clock at which the call is over.
    """

    operation: Operation
    request: requests.Request
    token: str = field(repr=False)
    write_key: str | None = field(repr=False)
    until: float


class SegmentClient:
    """Sends operations with one connection's credentials, to one connection's region, within its limits.

    Args:
        connection: region and credentials.
        http: the process's HTTP client.
        timing: clock, waits and chance.
        call_seconds: within which a call is answered.
    """

    def __init__(self, connection: Connection, http: Http, *, timing: Timing = SYSTEM, call_seconds: float) -> None:
        self._connection = connection
        self._timing = timing
        self._call_seconds = call_seconds
        self._sender = Sender(http, Gate(timing), timing)
        self._regions = RegionFinder(self._who_am_i)
        self._region: Region | None = None if connection.region == "auto" else connection.region

    async def call(self, operation: Operation, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Send a Public API operation; see `ports.Segment.call`."""
        return await self._call(operation, arguments, self._until())

    async def walk(
        self,
        operation: Operation,
        arguments: Mapping[str, Any] | None = None,
        *,
        keep: Callable[[Any], bool] = lambda _: True,
        bounds: Bounds = WHOLE_LISTS,
    ) -> Walk:
        """Walk over the pages of a list; see `ports.Segment.walk`."""
        until = self._until()
        given = dict(arguments or {})
        start = {"count": operation.per_page, **(given.pop("pagination", None) or {})}

        async def fetch(asked: Mapping[str, Any]) -> dict[str, Any]:
            paged = asked if operation.pagination == "flat" else {"pagination": asked}
            return await self._call(operation, {**given, **paged}, until)

        listing = pages.Listing(fetch, operation.answer[0], self._timing.monotonic, lambda: self.host)
        return await pages.walk(listing, start, bounds, keep)

    async def region(self) -> Region | None:
        """The region in use; see `ports.Segment.region`."""
        return await self._find_region(self._until())

    async def send(
        self, operation: str, events: Sequence[bytes], write_key: str, *, seconds: float | None = None
    ) -> str:
        """Send events to the Tracking API; see `ports.Tracking.send`."""
        row = get(operation)
        until = self._until() if seconds is None else self._timing.monotonic() + seconds
        origin = self.known_origin or TRACKING_API[await self._find_region(until) or "us"]
        host = host_of(origin)
        credentials = base64.b64encode(f"{write_key}:".encode()).decode()
        headers = {"Authorization": f"Basic {credentials}", "Content-Type": "application/json"}

        def taken(answer: Answer) -> str:
            asked = answers.Asked(host, self._timing.now(), lambda: [*self._connection.secrets(), write_key])
            body = answers.body_of(answer.status, answer.headers, answer.content, asked)
            if body.get("success") is not True:
                raise InvalidResponse(
                    f"{host} answered {answer.status} without saying that it took the event.",
                    host=host, status=answer.status, kind="not_taken",
                )  # fmt: skip
            return host

        return await self._sender.run(
            Exchange(
                row,
                host,
                origin + row.path,
                lambda attempt: headers if attempt == 0 else {**headers, retry.RETRY_COUNT: str(attempt)},
                lambda: _tracking_body(row, events, write_key, self._timing.now()),
            ),
            taken,
            until,
        )

    @property
    def known_origin(self) -> str | None:
        """Where events go, as far as it is known; None: it takes asking which region knows the token."""
        if self._connection.tracking_url is not None:
            return self._connection.tracking_url
        if self._region is None and self._asks_for_its_region():
            return None
        return TRACKING_API[self._region or "us"]

    @property
    def host(self) -> str:
        """The Public API's host, as far as it is known."""
        return host_of(self._connection.public_api_url or PUBLIC_API[self._region or "us"])

    async def _call(self, operation: Operation, arguments: Mapping[str, Any], until: float) -> dict[str, Any]:
        request = requests.build(operation, arguments)
        token = self._token(f"{operation.name} of the Public API")
        origin = self._connection.public_api_url or PUBLIC_API[await self._find_region(until) or "us"]
        asked = _Asked(operation, request, token, arguments.get("writeKey"), until)
        if operation.asks_elsewhere:
            return await self._ask_in_turn(asked, origin)
        try:
            return await self._ask(asked, origin)
        except Unauthorized as error:
            raise await self._where_it_is_known(error, until) from None

    def _secrets(self, asked: _Asked) -> list[str]:
        """What an answer must not echo."""
        own = [] if asked.write_key is None else [asked.write_key]
        return self._connection.secrets() + own

    def _token(self, purpose: str) -> str:
        if self._connection.api_token is None:
            raise NotConfigured("SEGMENT_API_TOKEN", purpose)
        return self._connection.api_token.get_secret_value()

    def _until(self) -> float:
        """When a call that begins now is over."""
        return self._timing.monotonic() + self._call_seconds

    async def _find_region(self, until: float) -> Region | None:
        """The region that knows the token, asked for once.

        None where nothing says it: no token, or hosts that the operator set. Segment's default, the US,
        is then meant.
        """
        if self._region is None and self._asks_for_its_region():
            self._region = await self._regions.find(until)
        return self._region

    def _asks_for_its_region(self) -> bool:
        return self._connection.api_token is not None and not self._connection.public_api_url

    async def _who_am_i(self, region: Region, until: float) -> None:
        request, token = requests.build(_WHO_AM_I, {}), self._token("finding its region")
        await self._ask(_Asked(_WHO_AM_I, request, token, None, until), PUBLIC_API[region])

    async def _where_it_is_known(self, error: Unauthorized, until: float) -> Unauthorized:
        """The error, and where the token would be known if the configured region is the wrong one."""
        setting = self._connection.region
        if setting == "auto" or self._connection.public_api_url:
            return error
        other = other_region(setting)
        if not await self._regions.knows(other, until):
            return error
        return Unauthorized(
            f"{error.host} answered 401: the token is known in region {other}, and SEGMENT_REGION is {setting}.",
            host=error.host, status=error.status, knownIn=other,
        )  # fmt: skip

    async def _ask_in_turn(self, asked: _Asked, origin: str) -> dict[str, Any]:
        """Ask the region; where it does not have it, the other one, and then the host that the operator added.

        A success after more than one answer, and every failure, has them all in `attempts`, each
        `{host, status?, kind}`. The first answer decides which error it is.
        """
        attempts: list[dict[str, Any]] = []
        first: UpstreamError | None = None
        for where in self._elsewhere(origin):
            try:
                data = await self._ask(asked, where)
            except UpstreamError as error:
                attempts.append(_attempt(error.host, error.status, error.details.get("kind", error.code)))
                first = first or error
                if not isinstance(error, _ELSEWHERE):
                    break
            else:
                attempts.append(_attempt(host_of(where), 200, "data"))
                return data if first is None else {**data, "attempts": attempts}
        assert first is not None
        told = await self._where_it_is_known(first, asked.until) if isinstance(first, Unauthorized) else first
        told.details["attempts"] = attempts
        raise told

    def _elsewhere(self, origin: str) -> list[str]:
        origins = [origin]
        if self._connection.region == "auto" and not self._connection.public_api_url and self._region is not None:
            origins.append(PUBLIC_API[other_region(self._region)])
        if self._connection.legacy_url:
            origins.append(self._connection.legacy_url)
        return origins

    async def _ask(self, asked: _Asked, origin: str) -> dict[str, Any]:
        operation, request = asked.operation, asked.request
        host = host_of(origin)
        headers = {"Authorization": f"Bearer {asked.token}"}
        if request.content_type is not None:
            headers["Content-Type"] = request.content_type

        def data_of(answer: Answer) -> dict[str, Any]:
            told = answers.Asked(host, self._timing.now(), lambda: self._secrets(asked))
            data = answers.data_of(answer.status, answer.headers, answer.content, told)
            for member in operation.answer:
                if member not in data:
                    raise InvalidResponse(
                        f"{host} answered {operation.name} without {member}.",
                        host=host, status=answer.status, kind="incomplete",
                    )  # fmt: skip
            return data

        exchange = Exchange(operation, host, origin + request.target, lambda _: headers, lambda: request.body)
        return await self._sender.run(exchange, data_of, asked.until)


def _attempt(host: str, status: int | None, kind: str) -> dict[str, Any]:
    return {"host": host, "kind": kind} if status is None else {"host": host, "status": status, "kind": kind}


def _tracking_body(operation: Operation, events: Sequence[bytes], write_key: str, now: datetime) -> bytes:
    """Events that are serialised already, framed with `writeKey` and `sentAt`."""
    frame = json.dumps({"writeKey": write_key, "sentAt": timestamp_of(now)}).encode()
    if operation.name == "batch":
        return frame[:-1] + b',"batch":[' + b",".join(events) + b"]}"
    (event,) = events
    return frame[:-1] + b"," + event[1:]
