"""The workspace that every sandbox starts with; what it counted before now is `history`.

Its things stand in `workspace.json`; what hangs between them, such as subscriptions and filters, in `connections.json`.
"""

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from segment_mcp.sandbox import windows
from segment_mcp.sandbox.credentials import WRITE_KEYS
from segment_mcp.sandbox.workspace import Destination, Selection, Source, Warehouse, Workspace


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
        refuses=entry.get("refuses", ""),
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
