"""The one HTTP client of a process, made on first need: its TLS context costs more than many a call."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

import anyio
import httpx2

from segment_mcp import __version__
from segment_mcp.adapter import bodies
from segment_mcp.adapter.hosts import host_of
from segment_mcp.errors import InvalidResponse, NetworkFailed, TimedOut, UpstreamError

CONNECT_SECONDS = 5.0
READ_SECONDS = 20.0
MOST_CONNECTIONS = 100
USER_AGENT = f"segment-mcp/{__version__}"

Transport = httpx2.AsyncBaseTransport


@dataclass(frozen=True, slots=True)
class _Meaning:
    """What an exception of the client means.

    Attributes:
        failure: the error that a caller gets.
        said: what happened to the host, in words.
        acted: whether the request may have reached it.
    """

    failure: type[UpstreamError]
    said: str
    acted: bool = True


_MEANINGS: tuple[tuple[type[Exception], _Meaning], ...] = (
    (httpx2.ConnectTimeout, _Meaning(TimedOut, "could not be reached in time", acted=False)),
    (httpx2.PoolTimeout, _Meaning(TimedOut, "has all its connections busy", acted=False)),
    (httpx2.TimeoutException, _Meaning(TimedOut, "did not answer in time")),
    (httpx2.ProxyError, _Meaning(NetworkFailed, "could not be reached through the proxy", acted=False)),
    (httpx2.ConnectError, _Meaning(NetworkFailed, "could not be reached", acted=False)),
    (httpx2.TransportError, _Meaning(NetworkFailed, "broke the connection")),
)
"""What the client raises, the most specific first."""

_BODY_SAID = {
    "too_large": "answered with more than {largest} bytes",
    "wrong_encoding": "answered with a body that is not packed as its header says",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back.

    Attributes:
        status: the HTTP status.
        headers: names in any case of letters.
        content: the body, unpacked.
    """

    status: int
    headers: Mapping[str, str]
    content: bytes


class Http:
    """Sends requests for every connection; keeps no cookies, so nothing of one reaches another.

    Args:
        transport: makes the way out on first need: the seam for tests and the sandbox; None: the network.
        largest_answer: bytes of one answer.
    """

    def __init__(
        self, transport: Callable[[], Transport] | None = None, *, largest_answer: int = bodies.LARGEST
    ) -> None:
        self._transport = transport
        self._largest = largest_answer
        self._client: httpx2.AsyncClient | None = None

    async def send(
        self, method: str, url: str, headers: Mapping[str, str], content: bytes | None, *, seconds: float
    ) -> Answer:
        """Send one request, once, and read the whole answer.

        Args:
            method: HTTP method.
            url: absolute.
            headers: credentials among them.
            content: the body, if any.
            seconds: within which all of it has to be done.

        Raises:
            TimedOut: no answer in time.
            NetworkFailed: the connection failed.
            InvalidResponse: the body is too large, or packed otherwise than it says.
        """
        if self._client is None:
            self._client = self._open(host_of(url))
        request = self._client.build_request(method, url, headers=dict(headers), content=content)
        host = request.url.netloc.decode()
        with anyio.CancelScope(deadline=anyio.current_time() + seconds):
            try:
                return await self._exchange(self._client, request, host)
            except httpx2.TransportError as error:
                raise _failure(error, host) from error
        raise TimedOut(f"{host} did not answer in time.", host=host)

    async def aclose(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.aclose()

    async def _exchange(self, client: httpx2.AsyncClient, request: httpx2.Request, host: str) -> Answer:
        response = await client.send(request, stream=True)
        try:
            if response.is_stream_consumed:  # a transport that makes answers up has read them for us
                content = bodies.bounded(response.content, self._largest)
            else:
                encoding = response.headers.get("content-encoding", "")
                content = await bodies.read(response.aiter_raw(), encoding, self._largest)
        except bodies.UnreadableBody as error:
            said = _BODY_SAID[error.kind].format(largest=self._largest)
            status = response.status_code
            raise InvalidResponse(f"{host} {said}.", host=host, status=status, kind=error.kind) from None
        finally:
            if not response.is_closed:
                await response.aclose()
        return Answer(response.status_code, response.headers, content)

    def _open(self, host: str) -> httpx2.AsyncClient:
        """The client.

        Raises:
            NetworkFailed: certificates or proxy settings of the environment can't be used. Their values, which
                may have a password in them, are not shown.
        """
        try:
            context = httpx2.create_ssl_context() if self._transport is None else True
        except OSError:
            said = "The certificates that SSL_CERT_FILE or SSL_CERT_DIR name can't be read"
            raise NetworkFailed(f"{said}, so {host} was not asked.", host=host, acted=False) from None
        try:
            return httpx2.AsyncClient(
                transport=None if self._transport is None else self._transport(),
                verify=context,
                headers={"User-Agent": USER_AGENT, "Accept": "application/json", "Accept-Encoding": "gzip"},
                timeout=httpx2.Timeout(READ_SECONDS, connect=CONNECT_SECONDS),
                limits=httpx2.Limits(max_connections=MOST_CONNECTIONS, max_keepalive_connections=MOST_CONNECTIONS),
                follow_redirects=False,
                cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
            )
        except (ValueError, ImportError, httpx2.InvalidURL):
            said = "The proxy that HTTP_PROXY, HTTPS_PROXY or ALL_PROXY names can't be used"
            raise NetworkFailed(f"{said}, so {host} was not asked.", host=host, acted=False) from None


def in_process(app: Any) -> Transport:
    """A way to an ASGI app in this process, under any host name, without a port."""
    return _InProcess(httpx2.ASGITransport(app=app))


class _InProcess(httpx2.AsyncBaseTransport):
    """Says of an app that hangs up what a network would say."""

    def __init__(self, way: httpx2.ASGITransport) -> None:
        self._way = way

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        try:
            return await self._way.handle_async_request(request)
        except ConnectionResetError as error:
            raise httpx2.ReadError("connection reset", request=request) from error


def _failure(error: Exception, host: str) -> UpstreamError:
    for kind, meaning in _MEANINGS:
        if isinstance(error, kind):
            return meaning.failure(f"{host} {meaning.said}.", host=host, acted=meaning.acted)
    raise error
