"""The workspace that every sandbox starts with, and a little history before now.

Its things stand in `workspace.json`; what hangs between them, such as subscriptions and filters, in `connections.json`.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

from segment_mcp.sandbox import windows
from segment_mcp.sandbox.credentials import WRITE_KEYS
from segment_mcp.sandbox.ledger import Delivery, Ledger, Outcome, Series
from segment_mcp.sandbox.users import Counted
from segment_mcp.sandbox.workspace import Destination, Selection, Source, Warehouse, Workspace

_HOURS = 35 * 24  # reaches into the month before
_DENSE_HOURS = 48  # counted hour by hour; before that in blocks, which is enough for days
_BLOCK = 12
_LATEST_MINUTES_AGO = 7  # inside every default window, and never the present minute


@cache
def _data(name: str = "workspace.json") -> Mapping[str, Any]:
    text = files("segment_mcp.sandbox").joinpath(name).read_text(encoding="utf-8")
    loaded: Mapping[str, Any] = json.loads(text)
    return loaded


def workspace() -> Workspace:
    """A new workspace with the seeded entries."""
    data, hanging = _data(), _data("connections.json")
    return Workspace(
        info=data["workspace"],
        labels={(label["key"], label["value"]): label for label in data["labels"]},
        sources={entry["id"]: _source(entry, data) for entry in data["sources"]},
        destinations={entry["id"]: _destination(entry, data) for entry in data["destinations"]},
        subscriptions={entry["id"]: entry for entry in hanging["subscriptions"]},
        filters={entry["id"]: entry for entry in hanging["filters"]},
        warehouses={entry["id"]: _warehouse(entry, data) for entry in data["warehouses"]},
        connections={
            (source_id, entry["id"]): windows.EPOCH for entry in data["warehouses"] for source_id in entry["sourceIds"]
        },
        schedules=dict(hanging["schedules"]),
        selections={_selection(entry): entry["enabled"] for entry in hanging["selections"]},
    )


def ledger(now: datetime) -> Ledger:
    """The history of the seeded sources up to shortly before `now`: the same for the same clock."""
    return _history(windows.minute_of(now)).copy()


@lru_cache(maxsize=4)
def _history(now: int) -> Ledger:
    """The ledger of a minute; whoever counts on has a copy of it."""
    counted = Ledger()
    for entry in _data()["sources"]:
        history = entry.get("history")
        if history is None:
            continue
        fed = [each for each in _data()["destinations"] if each["sourceId"] == entry["id"] and "history" in each]
        for minute, hours, hour in _blocks(now, history["stoppedHoursAgo"]):
            day = (windows.EPOCH + minute * windows.MINUTE).date()
            counts: dict[Series, int] = {}
            for type_, name, rate in history["perHour"]:
                series = Series(entry["id"], type_, name, history.get("appVersion"))
                counts[series] = hours * (rate + hour % (1 + rate // 4))
                counted.accept(minute, day, series, counts[series])
            counted.users.add(day, entry["id"], _counted(counts))
            for destination in fed:
                _deliver(counted, minute, destination, counts)
    return counted


def _blocks(now: int, stopped_hours_ago: int) -> Iterator[tuple[int, int, int]]:
    """Minute, hours that it stands for, and its number, oldest first."""
    hours = [
        *((hour, _BLOCK) for hour in range(_DENSE_HOURS, _HOURS, _BLOCK)),
        *((hour, 1) for hour in range(_DENSE_HOURS)),
    ]
    for hour, length in sorted(hours, reverse=True):
        if hour >= stopped_hours_ago:
            yield now - _LATEST_MINUTES_AGO - 60 * hour, length, hour


def _counted(counts: Mapping[Series, int]) -> Counted:
    """Who sent so many events: everybody looks at some pages and is identified now and then."""
    identify = sum(count for series, count in counts.items() if series.type == "identify")
    views = sum(count for series, count in counts.items() if series.type in {"page", "screen"})
    anonymous = views // 9
    return Counted(identify // 3, anonymous, min(identify // 4, anonymous))


def _deliver(counted: Ledger, minute: int, destination: Mapping[str, Any], counts: Mapping[Series, int]) -> None:
    """Deliver every event; what went wrong is taken from the series in their order."""
    history, total = destination["history"], sum(counts.values())
    shares: list[tuple[Outcome, int]] = [
        ("discarded", total * history["discardedPerMille"] // 1000),
        ("expired", total * history["expiredPerMille"] // 1000),
        ("after_retry", total * history["afterRetryPerMille"] // 1000),
        ("first_attempt", total),
    ]
    left = dict(counts)
    for outcome, share in shares:
        due = share
        for series, count in left.items():
            taken = min(due, count)
            if taken:
                counted.delivered.add(minute, Delivery(destination["id"], outcome, series), taken)
                left[series] -= taken
                due -= taken


def _source(entry: Mapping[str, Any], data: Mapping[str, Any]) -> Source:
    return Source(
        id=entry["id"],
        slug=entry["slug"],
        name=entry["name"],
        metadata=data["metadata"]["sources"][entry["metadata"]],
        enabled=entry["enabled"],
        keyed=bool(entry["writeKeys"]),
        write_keys=tuple(WRITE_KEYS[name] for name in entry["writeKeys"]),
        settings=entry["settings"],
        labels=tuple((key, value) for key, value in entry["labels"]),
        tracking_plan_id=entry["trackingPlanId"],
        schema_settings=entry["schemaSettings"],
    )


def _destination(entry: Mapping[str, Any], data: Mapping[str, Any]) -> Destination:
    return Destination(
        id=entry["id"],
        name=entry["name"],
        enabled=entry["enabled"],
        metadata=data["metadata"]["destinations"][entry["metadata"]],
        source_id=entry["sourceId"],
        settings=entry["settings"],
    )


def _warehouse(entry: Mapping[str, Any], data: Mapping[str, Any]) -> Warehouse:
    return Warehouse(
        id=entry["id"],
        enabled=entry["enabled"],
        metadata=data["metadata"]["warehouses"][entry["metadata"]],
        settings=entry["settings"],
    )


def _selection(entry: Mapping[str, Any]) -> Selection:
    return Selection(entry["warehouseId"], entry["sourceId"], entry.get("collection"), entry.get("property"))
