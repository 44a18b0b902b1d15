"""The delivery overview: counts of events at one step of their way, over time, as its six operations group them.

Counted by receipt, in UTC. Choices of ours where the reference is silent: a series holds only the buckets that have
events; page, screen, identify, group and alias events have no `eventName`; without groups there is one row, even when
it is zero; what has no subscription groups into a row of its own, and lets no filter by subscriptions pass; nor does
what no event of the sandbox has, such as an activation.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple

from segment_mcp.sandbox import windows
from segment_mcp.sandbox.ledger import Delivery, Failure, Outcome, Series

SHOWN = ("eventName", "eventType", "appVersion", "discardReason")
"""What a row says of its group; other dimensions group, but have no member in the answer."""

FAILED: Mapping[Outcome, str] = MappingProxyType({"discarded": "BAD_REQUEST", "expired": "ETIMEDOUT"})
"""The reason of each kind of failed delivery that has none of its own: one of Segment's for it."""
SUCCEEDED: Mapping[Outcome, str] = MappingProxyType(
    {"first_attempt": "successes.attempt.1", "after_retry": "successes.attempt.2"}
)
"""How Segment spells with which attempt a delivery succeeded; one that does not say needed one retry at most."""


class Count(NamedTuple):
    """Some events of one minute.

    Attributes:
        retried: whether they were delivered by a retry.
    """

    minute: int
    dimensions: Mapping[str, str | None]
    events: int
    retried: bool = False


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked.

    Attributes:
        granularity: `MINUTE`, `HOUR` or `DAY`.
        group_by: dimensions.
        filters: allowed values by dimension; no key, no filter.
        retries: whether rows say how many were delivered by a retry.
    """

    granularity: str
    group_by: Sequence[str]
    filters: Mapping[str, Sequence[str]]
    retries: bool = False


@dataclass(slots=True)
class _Bucket:
    count: int = 0
    retried: int = 0


@dataclass(slots=True)
class _Group:
    buckets: dict[int, _Bucket] = field(default_factory=dict)

    def total(self) -> int:
        return sum(bucket.count for bucket in self.buckets.values())


def dimensions(
    of: Series | Failure, reason: str | None = None, subscription_id: str | None = None
) -> Mapping[str, str | None]:
    """What the overview knows of counted events."""
    return {
        "eventName": of.name,
        "eventType": of.type,
        "appVersion": of.app_version,
        "discardReason": reason,
        "subscriptionId": subscription_id,
    }


def delivered(minute: int, key: Delivery, events: int, reasons: Mapping[Outcome, str]) -> Count:
    """Deliveries of one minute, by their own reason or else by that of their outcome."""
    known = dimensions(key.series, key.reason or reasons[key.outcome], key.subscription_id)
    return Count(minute, known, events, key.outcome == "after_retry")


def rows(counts: Iterable[Count], asked: Question) -> list[dict[str, Any]]:
    """The groups, each `{eventName?, eventType?, appVersion?, discardReason?, total, series, totalRetryCount?}`.

    Returns:
        Biggest first; a series is `[{time, count, retryCount?}]`, oldest first.
    """
    step = windows.MINUTES[asked.granularity]
    groups: dict[tuple[str | None, ...], _Group] = {} if asked.group_by else {(): _Group()}
    for each in counts:
        if all(each.dimensions.get(name) in allowed for name, allowed in asked.filters.items()):
            group = groups.setdefault(tuple(each.dimensions.get(name) for name in asked.group_by), _Group())
            bucket = group.buckets.setdefault(each.minute - each.minute % step, _Bucket())
            bucket.count += each.events
            bucket.retried += each.events if each.retried else 0
    found = [_row(dict(zip(asked.group_by, key, strict=True)), group, asked) for key, group in groups.items()]
    return sorted(found, key=lambda row: -row["total"])


def _row(key: Mapping[str, str | None], group: _Group, asked: Question) -> dict[str, Any]:
    shown = {name: value for name, value in key.items() if name in SHOWN and value is not None}
    series: list[dict[str, Any]] = [
        {
            "time": windows.iso_minute(at),
            "count": bucket.count,
            **({"retryCount": bucket.retried} if asked.retries else {}),
        }
        for at, bucket in sorted(group.buckets.items())
    ]
    row = {**shown, "total": group.total(), "series": series}
    return {**row, "totalRetryCount": sum(each["retryCount"] for each in series)} if asked.retries else row
