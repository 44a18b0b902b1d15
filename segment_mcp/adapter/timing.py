"""Time and chance, as arguments: what tests turn into a script."""

import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import anyio


def utc_now() -> datetime:
    """The present moment, in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Timing:
    """Where the adapter gets its time from.

    Attributes:
        now: the wall clock, for `sentAt` and for dates in headers.
        monotonic: seconds of a clock that never goes back, for waits and budgets.
        sleep: waits that many seconds.
        chance: a number from 0 up to 1, so that callers who failed together don't return together.
    """

    now: Callable[[], datetime] = utc_now
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = anyio.sleep
    chance: Callable[[], float] = random.random
