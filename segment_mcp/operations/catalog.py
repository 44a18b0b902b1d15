"""The rows of all areas in one mapping, and the schemas of an area, both read on first use."""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from importlib.resources import files
from typing import Any

from segment_mcp.operations.operation import Operation

PUBLIC_AREAS = (
    "workspaces",
    "sources",
    "destinations",
    "destination_filters",
    "catalog",
    "labels",
    "warehouses",
    "selective_sync",
    "tracking_plans",
    "transformations",
    "functions",
    "usage",
    "events",
    "delivery_overview",
    "audit_trail",
    "deletion_and_suppression",
    "iam_users",
    "iam_groups",
    "iam_roles",
    "spaces",
    "audiences",
    "activations",
    "computed_traits",
    "space_schema",
    "space_filters",
    "profiles_sync",
    "reverse_etl",
    "credentials",
    "dbt",
    "live_plugins",
    "customer_insights",
    "testing",
)
"""Areas of the Public API. Each area has a module of rows in `areas`."""

AREAS = (*PUBLIC_AREAS, "tracking", "profiles")
"""Likewise with the Tracking API and the Profile API, which are an area each."""


@cache
def _rows() -> Mapping[str, tuple[str, Operation]]:
    """Area and row by the row's name."""
    modules = {area: import_module(f"segment_mcp.operations.areas.{area}") for area in AREAS}
    return {row.name: (area, row) for area, module in modules.items() for row in module.OPERATIONS}


class _Operations(Mapping[str, Operation]):
    """The rows by name. A server that only lists its tools never reads them."""

    def __getitem__(self, name: str) -> Operation:
        return _rows()[name][1]

    def __iter__(self) -> Iterator[str]:
        return iter(_rows())

    def __len__(self) -> int:
        return len(_rows())


OPERATIONS: Mapping[str, Operation] = _Operations()


def get(name: str) -> Operation:
    """The row of that name.

    Raises:
        KeyError: no row has that name.
    """
    return OPERATIONS[name]


def area_of(operation: Operation) -> str:
    """The API area whose module holds the row, such as `sources`."""
    return _rows()[operation.name][0]


@cache
def schemas(area: str) -> Mapping[str, Any]:
    """What an area's Public API operations accept and answer, as Segment's Public API 73.2.0 states it.

    Returns:
        `{"operations": {name: {"parameters": [{name, in, required, schema}], "body": schema or None, "example": body
        or None, "status": int, "answer": schema}}, "$defs": {...}}`. `answer` includes the `data` wrapper;
        references point into `$defs`. Tracking and profiles have none: Segment publishes none for them.

    Raises:
        FileNotFoundError: the area has no published schemas.
    """
    text = files("segment_mcp.operations").joinpath("schemas", f"{area}.json").read_text(encoding="utf-8")
    loaded: Mapping[str, Any] = json.loads(text)
    return loaded
