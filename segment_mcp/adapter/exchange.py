"""Sends a request, and sends it again where that helps and does no harm, until the call is over."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import ceil
from typing import TypeVar

from segment_mcp.adapter import retry
from segment_mcp.adapter.gate import Gate
from segment_mcp.adapter.http import Answer, Http
from segment_mcp.errors import RateLimited, UpstreamError
from segment_mcp.operations import Operation
from segment_mcp.timing import Timing

MOST_ATTEMPTS = 10

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Exchange:
    """What is sent.

    Attributes:
        operation: the row.
        host: named in errors.
        url: absolute.
        headers: those of an attempt, counted from 0; credentials among them.
        body: made anew for each attempt.
    """

    operation: Operation
    host: str
    url: str = field(repr=False)
    headers: Callable[[int], Mapping[str, str]]
    body: Callable[[], bytes | None]


class Sender:
    """One connection's way out.

    Args:
        http: sends one request.
        gate: holds calls back before a limit bites.
        timing: clock, waits and chance.
    """

    def __init__(self, http: Http, gate: Gate, timing: Timing) -> None:
        self._http = http
        self._gate = gate
        self._timing = timing

    async def run(self, exchange: Exchange, read: Callable[[Answer], T], until: float) -> T:
        """What the answer means.

        Args:
            exchange: what is sent.
            read: makes of an answer what it means, or raises what it says.
            until: the moment of the clock at which the call is over.

        Raises:
            UpstreamError: the last failure; a rate limit says how long to wait in `retryAfterSeconds`.
        """
        operation, host = exchange.operation, exchange.host
        attempt = 0
        failure: UpstreamError | None = None
        may_have_acted = False
        while True:
            try:
                await self._gate.enter(operation, host, until=until)
            except RateLimited as refusal:
                raise failure or refusal from None
            try:
                return read(await self._once(exchange, attempt, until))
            except UpstreamError as error:
                failure = error
            finally:
                self._gate.leave()
            wait = retry.pause(attempt, failure, self._timing.chance())
            if isinstance(failure, RateLimited):
                self._gate.close(operation, host, wait)
                failure.details.setdefault("retryAfterSeconds", ceil(wait))
            attempt += 1
            over = attempt == MOST_ATTEMPTS or self._timing.monotonic() + wait >= until
            if over or not retry.may_repeat(operation, failure):
                raise _with_the_past(operation, failure, may_have_acted=may_have_acted)
            may_have_acted = may_have_acted or (failure.acted and not failure.turned_away)
            await self._timing.sleep(wait)

    async def _once(self, exchange: Exchange, attempt: int, until: float) -> Answer:
        operation = exchange.operation
        left = until - self._timing.monotonic()
        headers, body = exchange.headers(attempt), exchange.body()
        answer = await self._http.send(operation.method, exchange.url, headers, body, seconds=left)
        reset = retry.reset_of(answer.headers, self._timing.now())
        if reset is not None:
            self._gate.close(operation, exchange.host, reset)
        return answer


def _with_the_past(operation: Operation, failure: UpstreamError, *, may_have_acted: bool) -> UpstreamError:
    """The failure, and of a refused event that an attempt before it may have been taken."""
    if may_have_acted and failure.is_final() and operation.api == "tracking":
        failure.adding("An attempt before this one may have been taken all the same.", mayHaveArrived=True)
    return failure
