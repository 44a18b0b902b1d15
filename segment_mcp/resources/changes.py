"""Which resources a change is one of: a table over the paths of Segment's operations. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from segment_mcp.tools.changes import IMPORT, OUTBOX, Change

_SOURCE, _SOURCES = "sources/{sourceId}", "sources"
_DESTINATION, _DESTINATIONS = "destinations/{destinationId}", "destinations"
_PLAN, _RULES, _PLANS = "tracking-plans/{trackingPlanId}", "tracking-plans/{trackingPlanId}/rules", "tracking-plans"
_WAREHOUSES = "warehouses"

SHOWN_BY: Mapping[str, tuple[str, ...]] = {
    "/sources": (_SOURCES,),
    "/sources/{sourceId}": (_SOURCES, _SOURCE),
    "/sources/{sourceId}/labels": (_SOURCES, _SOURCE),
    "/sources/{sourceId}/writekey": (_SOURCE,),
    "/sources/{sourceId}/writekey/{writeKey}": (_SOURCE,),
    "/labels/{key}/{value}": (_SOURCES,),
    "/destinations": (_DESTINATIONS,),
    "/destinations/{destinationId}": (_DESTINATIONS, _DESTINATION),
    "/tracking-plans": (_PLANS,),
    "/tracking-plans/{trackingPlanId}": (_PLANS, _PLAN),
    "/tracking-plans/{trackingPlanId}/rules": (_PLANS, _PLAN, _RULES),
    "/tracking-plans/{trackingPlanId}/sources": (_SOURCE,),
    "/warehouses": (_WAREHOUSES,),
    "/warehouses/{warehouseId}": (_WAREHOUSES,),
    OUTBOX: ("outbox",),
    IMPORT: ("imports", "imports/{importId}"),
}
"""The resources that show something of what is at a path. A resource shows no more than its operation answers:
filters and subscriptions, schema settings and schedules are in none of them."""

GONE_WITH: Mapping[str, tuple[str, ...]] = {
    "/sources/{sourceId}": (_DESTINATIONS,),
    "/tracking-plans/{trackingPlanId}": (_RULES,),
}
"""What else a deletion takes away: a source's destinations go with it."""

_THINGS = frozenset({"/sources", "/destinations", "/tracking-plans", "/warehouses"})
"""The collections whose items come and go as resources do."""


@dataclass(frozen=True, slots=True)
class Touched:
    """What a change is told as.

    Attributes:
        paths: of the resources that may have to be read again; their variables are among the change's arguments.
        listed: whether a resource came or went.
    """

    paths: tuple[str, ...]
    listed: bool


def touched(change: Change) -> Touched:
    """The resources that a change is one of; none of them, for most operations."""
    gone = GONE_WITH.get(change.path, ()) if change.method == "DELETE" else ()
    collection, _, item = change.path.rpartition("/")
    made = change.method == "POST" and change.path in _THINGS
    deleted = change.method == "DELETE" and collection in _THINGS and item.startswith("{")
    return Touched((*SHOWN_BY.get(change.path, ()), *gone), made or deleted)


def can_change(path: str) -> bool:
    """Whether this server ever changes what the resource shows."""
    return any(path in paths for paths in (*SHOWN_BY.values(), *GONE_WITH.values()))
