"""Time and chance, as arguments: what tests turn into a script; and moments as Segment writes them."""

import random
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import anyio

_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d(:?\d\d)?)", re.ASCII)


def utc_now() -> datetime:
    """The present moment, in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Timing:
    """Where a part of the server gets its time from.

    Attributes:
        now: the wall clock, for `sentAt`, for dates in headers, and for what processes share.
        monotonic: seconds of a clock that never goes back, for waits and budgets.
        sleep: waits that many seconds.
        chance: a number from 0 up to 1, so that callers who failed together don't return together.
    """

    now: Callable[[], datetime] = utc_now
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = anyio.sleep
    chance: Callable[[], float] = random.random


SYSTEM = Timing()


def timestamp_of(moment: datetime) -> str:
    """A moment in UTC as Segment's libraries write it: `2026-01-31T08:00:00.000Z`."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def is_moment(text: str) -> bool:
    """Whether a text is an ISO 8601 date and time with a zone, such as `2026-01-31T08:00:00.000Z`."""
    if _MOMENT.fullmatch(text) is None:
        return False
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True
