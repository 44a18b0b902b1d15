"""Makes the requests of webhooks: the only part of the sandbox that speaks to anybody.

`httpx2` comes in here, so this module is imported when there is something to send.
"""

import ssl
from collections.abc import Awaitable, Callable, Sequence
from functools import cache
from itertools import count
from typing import Final

import anyio
import httpx2

from segment_mcp.sandbox.webhooks import (
    ATTEMPTS,
    MARKER,
    NOT_SENT,
    PATIENCE,
    PAUSES,
    REFUSED,
    TIMEOUT,
    Request,
    Result,
    is_loopback,
    judged,
)

Sleep = Callable[[float], Awaitable[None]]
Told = Callable[[int, Result], None]

_LATE: Final = Result("expired", 0, "ETIMEDOUT")
_MOST_READ: Final = 64 * 1024
"""Bytes of an answer's body, of which nothing is wanted but that its connection can be used again."""


async def send(
    requests: Sequence[Request],
    told: Told,
    sleep: Sleep,
    *,
    timeout: float = TIMEOUT,  # noqa: ASYNC109 - of one attempt, not of the call
    patience: float = PATIENCE,
) -> None:
    """Make the requests one after the other, and tell how each ended, whatever happens.

    Args:
        requests: to loopback; one that leads elsewhere is not made, and counts as discarded.
        told: is called once for each, with its index.
        sleep: waits the seconds between attempts.
        timeout: seconds of one attempt.
        patience: seconds of all of them.
    """
    done = 0
    try:
        with anyio.move_on_after(patience):
            async with httpx2.AsyncClient(
                verify=_tls(), trust_env=False, follow_redirects=False, timeout=timeout
            ) as client:
                for request in requests:
                    result = await _sent(client, request, sleep, timeout)
                    told(done, result)
                    done += 1
    finally:
        for index in range(done, len(requests)):
            told(index, _LATE)


async def _sent(client: httpx2.AsyncClient, request: Request, sleep: Sleep, seconds: float) -> Result:
    if not is_loopback(request.url):
        return NOT_SENT
    for attempt in count(1):
        try:
            result = judged(await _status(client, request, seconds), attempt)
        except (httpx2.InvalidURL, httpx2.LocalProtocolError, httpx2.UnsupportedProtocol):
            return Result("discarded", attempt, REFUSED)
        except httpx2.TransportError as error:
            result = None if attempt < ATTEMPTS else Result("expired", attempt, _reason(error))
        except TimeoutError:
            result = None if attempt < ATTEMPTS else Result("expired", attempt, _LATE.reason)
        if result is not None:
            return result
        await sleep(PAUSES[attempt - 1])
    raise AssertionError  # the last attempt has a result


async def _status(client: httpx2.AsyncClient, request: Request, seconds: float) -> int:
    with anyio.fail_after(seconds):
        async with client.stream(
            request.method, request.url, headers={**request.headers, MARKER: "webhook"}, content=request.body
        ) as answer:
            read = 0
            async for chunk in answer.aiter_raw():
                read += len(chunk)
                if read > _MOST_READ:
                    break
            return answer.status_code


def _reason(error: httpx2.TransportError) -> str:
    match error:
        case httpx2.TimeoutException():
            return _LATE.reason
        case httpx2.ConnectError():
            return "EREFUSED"
        case _:
            return "ECONNRESET"


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()
