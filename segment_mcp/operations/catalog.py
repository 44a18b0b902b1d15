"""The rows of all areas in one mapping, and the schemas of an area on first use."""

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from segment_mcp.operations import (
    destinations,
    events,
    labels,
    sources,
    tracking,
    tracking_plans,
    usage,
    warehouses,
    workspaces,
)
from segment_mcp.operations.operation import Operation

_AREAS: Mapping[str, tuple[Operation, ...]] = MappingProxyType(
    {
        "workspaces": workspaces.OPERATIONS,
        "sources": sources.OPERATIONS,
        "destinations": destinations.OPERATIONS,
        "labels": labels.OPERATIONS,
        "warehouses": warehouses.OPERATIONS,
        "tracking_plans": tracking_plans.OPERATIONS,
        "usage": usage.OPERATIONS,
        "events": events.OPERATIONS,
        "tracking": tracking.OPERATIONS,
    }
)

OPERATIONS: Mapping[str, Operation] = MappingProxyType({row.name: row for rows in _AREAS.values() for row in rows})
_AREA_OF: Mapping[str, str] = MappingProxyType({row.name: area for area, rows in _AREAS.items() for row in rows})


def get(name: str) -> Operation:
    """The row of that name.

    Raises:
        KeyError: no row has that name.
    """
    return OPERATIONS[name]


def area_of(operation: Operation) -> str:
    """The API area whose module holds the row, such as `sources`."""
    return _AREA_OF[operation.name]


@cache
def schemas(area: str) -> Mapping[str, Any]:
    """What an area's Public API operations accept and answer, as Segment's Public API 73.2.0 states it.

    Returns:
        `{"operations": {name: {"parameters": [{name, in, required, schema}], "body": schema or None,
        "status": int, "answer": schema}}, "$defs": {...}}`. `answer` includes the `data` wrapper;
        references point into `$defs`. The tracking area has none: Segment publishes none for it.

    Raises:
        FileNotFoundError: the area has no published schemas.
    """
    text = files("segment_mcp.operations").joinpath("schemas", f"{area}.json").read_text(encoding="utf-8")
    loaded: Mapping[str, Any] = json.loads(text)
    return loaded
