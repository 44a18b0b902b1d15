"""Rate limits of the Public API, counted in windows that start with the first call.

Segment documents lower limits for some operations (`per_minute` in their rows) and publishes no default.
Ours is 60,000 a minute: far above what a person or an agent does, so that only documented limits show.
What the rows name in words as a `quota` stands here in numbers; a month is 30 days.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType

from segment_mcp.operations import Operation

DEFAULT_PER_MINUTE = 60_000
_WINDOW = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Quota:
    """So many calls in a long window, for each value of a path parameter, or in all where none is named."""

    limit: int
    window: timedelta
    each: str = ""


QUOTAS: Mapping[str, Quota] = MappingProxyType(
    {
        "createAudiencePreview": Quota(700, timedelta(days=30), "spaceId"),
        "createDownload": Quota(120, timedelta(days=1)),
    }
)


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


def after_call(previous: Standing | None, limit: int, now: datetime, window: timedelta = _WINDOW) -> Standing:
    """The standing after one more call: in the same window, or as the first of a new one."""
    if previous is None or now >= previous.reset:
        return Standing(1, limit, now + window)
    return Standing(previous.consumed + 1, limit, previous.reset)


class RateLimits:
    """One window for each operation that has a documented limit, one for all others together, and the quotas."""

    def __init__(self) -> None:
        self._standings: dict[tuple[str, ...], Standing] = {}

    def count(self, operation: Operation, now: datetime, path: Mapping[str, str] | None = None) -> Standing:
        """Count one call, and say where that leaves the caller: by the minute, unless that is fine and a quota is not.

        Args:
            operation: its row.
            now: the clock.
            path: its path's parameters. What the limit of a minute refuses is not counted to the quota.
        """
        minute = self._after((operation.name if operation.per_minute else "",), operation.per_minute, _WINDOW, now)
        quota = QUOTAS.get(operation.name)
        if quota is None or minute.exceeded:
            return minute
        key = (operation.name, "quota", (path or {}).get(quota.each, ""))
        standing = self._after(key, quota.limit, quota.window, now)
        return standing if standing.exceeded else minute

    def _after(self, key: tuple[str, ...], limit: int | None, window: timedelta, now: datetime) -> Standing:
        standing = after_call(self._standings.get(key), limit or DEFAULT_PER_MINUTE, now, window)
        self._standings[key] = standing
        return standing
