"""Rate limits of the Public API, counted in windows of a minute that start with the first call.

Segment documents lower limits for some operations (`per_minute` in their rows) and publishes no default.
Ours is 60,000 a minute: far above what a person or an agent does, so that only documented limits show.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from segment_mcp.operations import Operation

DEFAULT_PER_MINUTE = 60_000
_WINDOW = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a caller stands in its window, after a call.

    Attributes:
        consumed: calls in the window, refused ones included.
        limit: calls that the window allows.
        reset: when the window ends.
    """

    consumed: int
    limit: int
    reset: datetime

    @property
    def remaining(self) -> int:
        """Calls left."""
        return max(0, self.limit - self.consumed)

    @property
    def exceeded(self) -> bool:
        """Whether this call is beyond the limit."""
        return self.consumed > self.limit


def after_call(previous: Standing | None, limit: int, now: datetime) -> Standing:
    """The standing after one more call: in the same window, or as the first of a new one."""
    if previous is None or now >= previous.reset:
        return Standing(1, limit, now + _WINDOW)
    return Standing(previous.consumed + 1, limit, previous.reset)


class RateLimits:
    """One window for each operation that has a documented limit, and one for all others together."""

    def __init__(self) -> None:
        self._standings: dict[str, Standing] = {}

    def count(self, operation: Operation, now: datetime) -> Standing:
        """Count one call, and say where that leaves the caller."""
        key = operation.name if operation.per_minute else ""
        standing = after_call(self._standings.get(key), operation.per_minute or DEFAULT_PER_MINUTE, now)
        self._standings[key] = standing
        return standing
