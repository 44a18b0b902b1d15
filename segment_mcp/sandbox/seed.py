"""The workspace that every sandbox starts with, from `workspace.json`, and a little history before now."""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any

from segment_mcp.sandbox import windows
from segment_mcp.sandbox.credentials import WRITE_KEYS
from segment_mcp.sandbox.ledger import Delivery, Ledger, Outcome, Series
from segment_mcp.sandbox.workspace import Destination, Source, TrackingPlan, Workspace

_HOURS = 35 * 24  # reaches into the month before
_DENSE_HOURS = 48  # counted hour by hour; before that in blocks, which is enough for days
_BLOCK = 12
_LATEST_MINUTES_AGO = 7  # inside every default window, and never the present minute


@cache
def _data() -> Mapping[str, Any]:
    text = files("segment_mcp.sandbox").joinpath("workspace.json").read_text(encoding="utf-8")
    loaded: Mapping[str, Any] = json.loads(text)
    return loaded


def workspace() -> Workspace:
    """A new workspace with the seeded entries."""
    data = _data()
    info = data["workspace"]
    return Workspace(
        info=info,
        labels={(label["key"], label["value"]): label for label in data["labels"]},
        sources={entry["id"]: _source(entry, data) for entry in data["sources"]},
        destinations={entry["id"]: _destination(entry, data) for entry in data["destinations"]},
        warehouses={entry["id"]: _warehouse(entry, data) for entry in data["warehouses"]},
        connections=frozenset(
            (source_id, entry["id"]) for entry in data["warehouses"] for source_id in entry["sourceIds"]
        ),
        tracking_plans={
            entry["id"]: TrackingPlan(
                {key: value for key, value in entry.items() if key != "rules"}, tuple(entry["rules"])
            )
            for entry in data["trackingPlans"]
        },
    )


def ledger(now: datetime) -> Ledger:
    """The history of the seeded sources up to shortly before `now`: the same for the same clock."""
    counted = Ledger()
    for entry in _data()["sources"]:
        history = entry.get("history")
        if history is None:
            continue
        fed = [each for each in _data()["destinations"] if each["sourceId"] == entry["id"] and "history" in each]
        for minute, hours, hour in _blocks(windows.minute_of(now), history["stoppedHoursAgo"]):
            day = (windows.EPOCH + minute * windows.MINUTE).date()
            total = 0
            for type_, name, rate in history["perHour"]:
                count = hours * (rate + hour % (1 + rate // 4))
                counted.accept(minute, day, Series(entry["id"], type_, name, history.get("appVersion")), count)
                total += count
            for destination in fed:
                _deliver(counted, minute, destination, total)
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


def _deliver(counted: Ledger, minute: int, destination: Mapping[str, Any], total: int) -> None:
    shares: dict[Outcome, int] = {
        "after_retry": destination["history"]["afterRetryPerMille"],
        "discarded": destination["history"]["discardedPerMille"],
        "expired": destination["history"]["expiredPerMille"],
    }
    left = total
    for outcome, per_mille in shares.items():
        count = total * per_mille // 1000
        left -= count
        if count:
            counted.delivered.add(minute, Delivery(destination["id"], outcome), count)
    counted.delivered.add(minute, Delivery(destination["id"], "first_attempt"), left)


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
    metadata = data["metadata"]["destinations"][entry["metadata"]]
    answer = {key: entry[key] for key in ("id", "name", "enabled", "sourceId", "settings")}
    return Destination(
        answer={**answer, "metadata": metadata},
        source_id=entry["sourceId"],
        enabled=entry["enabled"],
        cloud=metadata["supportedPlatforms"]["server"],
        names=(metadata["name"], *metadata["previousNames"]),
    )


def _warehouse(entry: Mapping[str, Any], data: Mapping[str, Any]) -> Mapping[str, Any]:
    return {
        "id": entry["id"],
        "metadata": data["metadata"]["warehouses"][entry["metadata"]],
        "workspaceId": data["workspace"]["id"],
        "enabled": entry["enabled"],
        "settings": entry["settings"],
    }
