"""One connection's way to Segment: its region, its credentials, the Public and the Tracking API."""

import base64
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import anyio

from segment_mcp.adapter import answers, requests
from segment_mcp.adapter.hosts import PUBLIC_API, REGIONS, TRACKING_API, Region, host_of
from segment_mcp.adapter.http import Http
from segment_mcp.config import Connection
from segment_mcp.errors import InvalidResponse, NotConfigured, Unauthorized, UpstreamError
from segment_mcp.operations import Operation, get

PAGE_SIZE = 200
MOST_PAGES = 25

_WHO_AM_I = get("getWorkspace")
_NOT_ASKED = object()


def utc_now() -> datetime:
    """The present moment, in UTC."""
    return datetime.now(UTC)


class SegmentClient:
    """Sends operations with one connection's credentials, to one connection's region.

    Args:
        connection: region and credentials.
        http: the process's HTTP client.
        now: the clock, for `sentAt` and for dates in `Retry-After`.
    """

    def __init__(self, connection: Connection, http: Http, *, now: Callable[[], datetime] = utc_now) -> None:
        self._connection = connection
        self._http = http
        self._now = now
        self._found: Region | None = None if connection.region == "auto" else connection.region
        self._finding = anyio.Lock()

    async def call(self, operation: Operation, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Send a Public API operation; see `ports.Segment.call`."""
        request = requests.build(operation, arguments)
        token = self._token(f"{operation.name} of the Public API")
        origin = self._connection.public_api_url or PUBLIC_API[await self._find_region() or "us"]
        data = await self._ask(origin, request, token)
        for member in operation.answer:
            if member not in data:
                raise InvalidResponse(f"{self.host} answered {operation.name} without {member}.", host=self.host)
        return data

    async def pages(
        self, operation: Operation, arguments: Mapping[str, Any], *, most: int = MOST_PAGES
    ) -> AsyncIterator[dict[str, Any]]:
        """The pages of a paginated operation; see `ports.Segment.pages`."""
        pagination: dict[str, Any] = {"count": PAGE_SIZE} | dict(arguments.get("pagination") or {})
        seen: set[str] = set()
        for _ in range(most):
            page = await self.call(operation, {**arguments, "pagination": pagination})
            yield page
            cursor = self._next_cursor(page)
            if cursor is None:
                return
            if cursor in seen:
                raise InvalidResponse(f"{self.host} gave the same page cursor twice.", host=self.host)
            seen.add(cursor)
            pagination = {**pagination, "cursor": cursor}

    async def region(self) -> Region | None:
        """The region in use; see `ports.Segment.region`."""
        return await self._find_region()

    async def send(self, operation: str, events: Sequence[bytes], write_key: str) -> str:
        """Send events to the Tracking API; see `ports.Tracking.send`."""
        row = get(operation)
        origin = self._connection.tracking_url or TRACKING_API[await self._find_region() or "us"]
        host = host_of(origin)
        credentials = base64.b64encode(f"{write_key}:".encode()).decode()
        headers = {"Authorization": f"Basic {credentials}", "Content-Type": "application/json"}
        body = _tracking_body(row, events, write_key, self._now())
        response = await self._http.send(row.method, origin + row.path, headers, body)
        answer = answers.body_of(response.status_code, response.headers, response.content, host=host, now=self._now())
        if answer.get("success") is not True:
            raise InvalidResponse(
                f"{host} answered {response.status_code} without saying that it took the event.",
                host=host, status=response.status_code,
            )  # fmt: skip
        return host

    @property
    def host(self) -> str:
        """The Public API's host, as far as it is known."""
        return host_of(self._connection.public_api_url or PUBLIC_API[self._found or "us"])

    def _token(self, purpose: str) -> str:
        if self._connection.api_token is None:
            raise NotConfigured("SEGMENT_API_TOKEN", purpose)
        return self._connection.api_token.get_secret_value()

    async def _ask(self, origin: str, request: requests.Request, token: str) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {token}"}
        if request.content_type is not None:
            headers["Content-Type"] = request.content_type
        response = await self._http.send(request.method, origin + request.target, headers, request.body)
        return answers.data_of(
            response.status_code, response.headers, response.content, host=host_of(origin), now=self._now()
        )

    async def _find_region(self) -> Region | None:
        """The region that knows the token, asked for once.

        None where nothing says it: no token, or hosts that the operator set. Segment's default, the US,
        is then meant.
        """
        if self._found is not None or self._connection.api_token is None or self._connection.public_api_url:
            return self._found
        async with self._finding:
            if self._found is None:
                self._found = await self._ask_regions(self._connection.api_token.get_secret_value())
        return self._found

    async def _ask_regions(self, token: str) -> Region:
        outcomes: dict[Region, UpstreamError | None] = {}

        async def ask(region: Region) -> None:
            try:
                await self._ask(PUBLIC_API[region], requests.build(_WHO_AM_I, {}), token)
            except UpstreamError as error:
                outcomes[region] = error
            else:
                outcomes[region] = None
                group.cancel_scope.cancel()  # a token belongs to one workspace: the other region need not answer

        async with anyio.create_task_group() as group:
            for region in REGIONS:
                group.start_soon(ask, region)
        for region in REGIONS:
            if outcomes.get(region, _NOT_ASKED) is None:
                return region
        for outcome in outcomes.values():
            if outcome is not None and not isinstance(outcome, Unauthorized):
                raise outcome
        tried = " and ".join(PUBLIC_API[region] for region in REGIONS)
        raise Unauthorized(f"Neither {tried} knows the API token.", host=host_of(PUBLIC_API["us"]), status=401)

    def _next_cursor(self, page: Mapping[str, Any]) -> str | None:
        """Where the next page begins; None after the last one.

        Raises:
            InvalidResponse: the pagination is not of Segment's shape.
        """
        pagination = page.get("pagination", {})
        cursor = pagination.get("next") if isinstance(pagination, dict) else pagination
        if not isinstance(pagination, dict) or not (cursor is None or isinstance(cursor, str)):
            raise InvalidResponse(f"{self.host} answered a pagination of another shape.", host=self.host)
        return cursor or None


def _tracking_body(operation: Operation, events: Sequence[bytes], write_key: str, now: datetime) -> bytes:
    """Events that are serialised already, framed with `writeKey` and `sentAt`."""
    sent_at = now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    frame = json.dumps({"writeKey": write_key, "sentAt": sent_at}).encode()
    if operation.name == "batch":
        return frame[:-1] + b',"batch":[' + b",".join(events) + b"]}"
    (event,) = events
    return frame[:-1] + b"," + event[1:]
