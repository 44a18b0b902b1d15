"""Segment's catalog: what kinds of sources, destinations and warehouses there are.

The kinds that the seeded workspace uses stand beside it in `workspace.json`; `catalog.json` adds others.
"""

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Literal

_LIBRARIES = frozenset({"Website", "Mobile", "Server", "Ott"})  # the categories of Segment's own libraries

Kind = Literal["sources", "destinations", "warehouses"]
Metadata = Mapping[str, Any]


@cache
def entries(kind: Kind) -> Mapping[str, Metadata]:
    """Every entry of a kind by its ID, as the Public API answers it; those of the seeded workspace first."""
    tables = (_table("workspace.json")["metadata"], _table("catalog.json"))
    return MappingProxyType({each["id"]: each for table in tables for each in table.get(kind, {}).values()})


def metadata(kind: Kind, metadata_id: str) -> Metadata | None:
    """The entry with that ID; None if the catalog has none."""
    return entries(kind).get(metadata_id)


def keyed(source: Metadata) -> bool:
    """Whether sources of that kind have write keys: libraries, and clouds that send events to Segment by themselves.

    The rest are clouds whose data Segment fetches.
    """
    return source["isCloudEventSource"] or not _LIBRARIES.isdisjoint(source["categories"])


def _table(name: str) -> Mapping[str, Any]:
    text = files("segment_mcp.sandbox").joinpath(name).read_text(encoding="utf-8")
    loaded: Mapping[str, Any] = json.loads(text)
    return loaded
