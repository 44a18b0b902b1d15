"""Events volume: valid, accepted events over time, as getEventsVolumeFromWorkspace groups them.

Counted by receipt, in UTC. Choices of ours where the reference is silent: a series holds only the buckets
that have events; page, screen, identify, group and alias events have no `eventName`; without groups there
is one row, even when it is zero.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from segment_mcp.sandbox import windows
from segment_mcp.sandbox.ledger import MinuteCounts, Series

GROUPS = ("eventName", "eventType", "source")


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked.

    Attributes:
        minutes: the span, in minutes since 1970.
        granularity: `MINUTE`, `HOUR` or `DAY`.
        group_by: some of `GROUPS`.
        filters: allowed values by `sourceId`, `eventName`, `eventType` or `appVersion`; no key, no filter.
    """

    minutes: range
    granularity: str
    group_by: Sequence[str]
    filters: Mapping[str, Sequence[str]]


def rows(counts: MinuteCounts[Series], asked: Question, sources: Mapping[str, Mapping[str, str]]) -> list[Any]:
    """The groups, each `{source?, eventName?, eventType?, total, series: [{time, count}]}`, biggest first.

    Args:
        counts: accepted events.
        asked: the span, the groups and the filters.
        sources: `{id, name, slug}` by ID; a source that is gone is shown by its ID alone.
    """
    step = windows.MINUTES[asked.granularity]
    groups: dict[tuple[str | None, ...], dict[int, int]] = {} if asked.group_by else {(): {}}
    for minute, key, count in counts.within(asked.minutes):
        fields = {
            "sourceId": key.source_id,
            "source": key.source_id,
            "eventName": key.name,
            "eventType": key.type,
            "appVersion": key.app_version,
        }
        if all(fields[name] in allowed for name, allowed in asked.filters.items()):
            buckets = groups.setdefault(tuple(fields[name] for name in asked.group_by), {})
            bucket = minute - minute % step
            buckets[bucket] = buckets.get(bucket, 0) + count
    found = [
        {
            **_dimensions(dict(zip(asked.group_by, group, strict=True)), sources),
            "total": sum(buckets.values()),
            "series": [{"time": windows.iso_minute(at), "count": count} for at, count in buckets.items()],
        }
        for group, buckets in groups.items()
    ]
    return sorted(found, key=lambda row: -row["total"])


def _dimensions(group: Mapping[str, str | None], sources: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    return {
        name: sources.get(value, {"id": value}) if name == "source" else value
        for name, value in group.items()
        if value is not None
    }
