"""What may be sent again, and when. Pure: nothing is sent and nobody waits here.

Which statuses pass by themselves is what Segment's own libraries take for it (analytics-node 3.1.0); how
long to wait is what Segment says, in the order in which it can be trusted, and else grows at random.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

from segment_mcp.errors import COME_AGAIN, NetworkFailed, TimedOut, UpstreamError
from segment_mcp.operations import Operation

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 8.0
"""Seconds: between these the pauses grow where Segment names none."""

RETRY_COUNT = "X-Retry-Count"
"""The header with which Segment's libraries mark a tracking call that is sent again."""

_PASSING = frozenset({408}) | (frozenset(range(500, 600)) - {501, 505, 511})
_PASSING_FOR_EVENTS = _PASSING | COME_AGAIN
_LONGEST_NUMBER = 18
_MOST = 10**15
_EPOCH_SECONDS = 1_000_000_000


def may_repeat(operation: Operation, failure: UpstreamError) -> bool:
    """Whether the operation may be sent again after that failure.

    What Segment certainly did not act on may always be sent again. Otherwise it must be a failure that
    passes, and an operation that does no more the second time: reads, PUT and DELETE by their meaning,
    tracking calls because their messageId makes Segment drop the repeat.
    """
    if not failure.acted:
        return True
    harmless = operation.safety == "read" or operation.method in {"PUT", "DELETE"} or operation.api == "tracking"
    return harmless and _passes(operation, failure)


def pause(attempt: int, failure: UpstreamError, chance: float) -> float:
    """Seconds to wait before the next attempt.

    Args:
        attempt: how many attempts failed before this one.
        failure: the last failure; what Segment said of waiting goes first, unless its time is past already.
        chance: from 0 up to 1.
    """
    if failure.wait:
        return failure.wait
    ceiling: float = min(LONGEST_PAUSE, FIRST_PAUSE * 2**attempt)
    return chance * ceiling


def wait_of(status: int, headers: Mapping[str, str], body: Any, now: datetime) -> float | None:
    """Seconds that an answer asks to wait; None where it says nothing that can be read.

    `Retry-After` in seconds or as a date; after a 429 also `errors[0].data.msBeforeNext` of the body, and
    `X-RateLimit-Reset` as a date (Public API) or in seconds (Tracking API).
    """
    wait = _moment(headers.get("retry-after", ""), now)
    if wait is not None or status != HTTPStatus.TOO_MANY_REQUESTS:
        return wait
    match body:
        case {"errors": [{"data": {"msBeforeNext": int() | float() as said}}, *_]} if -_MOST < said < _MOST:
            return max(0.0, said / 1000)
        case _:
            return _moment(headers.get("x-ratelimit-reset", ""), now)


def reset_of(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds until the limit of a successful answer is fresh again, where nothing remains of it; else None."""
    if headers.get("x-ratelimit-remaining") != "0":
        return None
    return _moment(headers.get("x-ratelimit-reset", ""), now)


def _passes(operation: Operation, failure: UpstreamError) -> bool:
    if failure.status is None:
        return isinstance(failure, TimedOut | NetworkFailed)
    return failure.status in (_PASSING_FOR_EVENTS if operation.api == "tracking" else _PASSING)


def _moment(said: str, now: datetime) -> float | None:
    """Seconds from now: of a number of seconds, of seconds since 1970, or of an RFC 5322 date."""
    text = said.strip()
    if text.isascii() and text.isdigit():
        if len(text) > _LONGEST_NUMBER:
            return None
        number = int(text)
        return float(number) if number < _EPOCH_SECONDS else max(0.0, number - now.timestamp())
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (aware - now).total_seconds())
