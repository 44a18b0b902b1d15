"""The one HTTP client of a process, made on first need: its TLS context costs more than many a call."""

from collections.abc import Callable, Mapping
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

import anyio
import httpx2

from segment_mcp import __version__
from segment_mcp.errors import NetworkFailed, TimedOut, UpstreamError

CONNECT_SECONDS = 5.0
READ_SECONDS = 20.0
CALL_SECONDS = 25.0
USER_AGENT = f"segment-mcp/{__version__}"

_FAILURES: tuple[tuple[type[Exception], type[UpstreamError], str], ...] = (
    (httpx2.TimeoutException, TimedOut, "did not answer in time"),
    (httpx2.ProxyError, NetworkFailed, "could not be reached through the proxy"),
    (httpx2.ConnectError, NetworkFailed, "could not be reached"),
    (httpx2.TransportError, NetworkFailed, "broke the connection"),
    (httpx2.DecodingError, NetworkFailed, "sent a body that can't be decompressed"),
)
"""What the client raises and what it means, the most specific first."""


Transport = httpx2.AsyncBaseTransport


def in_process(app: Any) -> Transport:
    """A way to an ASGI app in this process, under any host name, without a port."""
    return httpx2.ASGITransport(app=app)


class Http:
    """Sends requests for every connection; keeps no cookies, so nothing of one reaches another.

    Args:
        transport: makes the way out on first need: the seam for tests and the sandbox; None: the network.
    """

    def __init__(self, transport: Callable[[], Transport] | None = None) -> None:
        self._transport = transport
        self._client: httpx2.AsyncClient | None = None

    async def send(self, method: str, url: str, headers: Mapping[str, str], content: bytes | None) -> httpx2.Response:
        """Send a request and read the whole answer.

        Raises:
            TimedOut: no answer in time.
            NetworkFailed: the connection failed.
        """
        if self._client is None:
            self._client = self._open()
        request = self._client.build_request(method, url, headers=dict(headers), content=content)
        host = request.url.netloc.decode()
        try:
            with anyio.fail_after(CALL_SECONDS):
                return await self._client.send(request)
        except TimeoutError:
            raise _failure(httpx2.ReadTimeout(""), host) from None
        except (httpx2.TransportError, httpx2.DecodingError) as error:
            raise _failure(error, host) from error

    async def aclose(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.aclose()

    def _open(self) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(
            transport=None if self._transport is None else self._transport(),
            headers={"User-Agent": USER_AGENT, "Accept": "application/json"},
            timeout=httpx2.Timeout(READ_SECONDS, connect=CONNECT_SECONDS),
            follow_redirects=False,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
        )


def _failure(error: Exception, host: str) -> UpstreamError:
    for kind, failure, said in _FAILURES:
        if isinstance(error, kind):
            return failure(f"{host} {said}.", host=host)
    raise error
