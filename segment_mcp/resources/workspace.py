"""What a workspace has: its sources, destinations, tracking plans and warehouses, as lists and one by one.

A list is whole, within the bounds of a walk, and shows of each item what tells which one it is.
"""

from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import Field

from segment_mcp.operations import Operation, get
from segment_mcp.ports import Data, Segment
from segment_mcp.resources.resource import resource
from segment_mcp.tools.args import Args, Id
from segment_mcp.tools.destinations import OneDestination
from segment_mcp.tools.sources import OneSource

FRESH = 30.0
"""Seconds: others change a workspace too, and this server isn't told."""

_CATALOG = ("id", "name", "slug")


class OneTrackingPlan(Args):
    """Variables of resources that show a tracking plan."""

    tracking_plan_id: Annotated[Id, Field(description="The tracking plan's ID.")]


@resource("workspace", title="Workspace", toolset=None, lifetime=FRESH)
async def workspace(segment: Segment) -> Data:
    """The workspace that this server works on: ID, slug and name."""
    return await segment.call(get("getWorkspace"), {})


@resource("sources", title="Sources", toolset="sources", lifetime=FRESH)
async def sources(segment: Segment) -> Data:
    """All sources of the workspace with ID, slug, name, type and labels, and whether each is enabled."""
    return await _listed(segment, get("listSources"), ("id", "slug", "name", "enabled", "labels"))


@resource("sources/{sourceId}", title="A source", toolset="sources", lifetime=FRESH)
async def source(args: OneSource, segment: Segment) -> Data:
    """One source: its settings, labels, masked write keys and its tracking plan's ID."""
    return await segment.call(get("getSource"), args.given())


@resource("destinations", title="Destinations", toolset="destinations", lifetime=FRESH)
async def destinations(segment: Segment) -> Data:
    """All destinations of the workspace with ID, name, type and source, and whether each is enabled."""
    return await _listed(segment, get("listDestinations"), ("id", "name", "enabled", "sourceId"))


@resource("destinations/{destinationId}", title="A destination", toolset="destinations", lifetime=FRESH)
async def destination(args: OneDestination, segment: Segment) -> Data:
    """One destination: its settings (secrets masked), its source and its catalog entry."""
    return await segment.call(get("getDestination"), args.given())


@resource("tracking-plans", title="Tracking plans", toolset="api", lifetime=FRESH)
async def tracking_plans(segment: Segment) -> Data:
    """All tracking plans of the workspace with ID, name, slug and type, and when each was last changed."""
    return await _listed(segment, get("listTrackingPlans"), ("id", "name", "slug", "type", "updatedAt"))


@resource("tracking-plans/{trackingPlanId}", title="A tracking plan", toolset="api", lifetime=FRESH)
async def tracking_plan(args: OneTrackingPlan, segment: Segment) -> Data:
    """One tracking plan: its name, description and type, without its rules."""
    return await segment.call(get("getTrackingPlan"), args.given())


@resource("tracking-plans/{trackingPlanId}/rules", title="A tracking plan's rules", toolset="api", lifetime=FRESH)
async def tracking_plan_rules(args: OneTrackingPlan, segment: Segment) -> Data:
    """All rules of a tracking plan, with their JSON Schemas."""
    return await _listed(segment, get("listRulesFromTrackingPlan"), None, args.given())


@resource("warehouses", title="Warehouses", toolset="api", lifetime=FRESH)
async def warehouses(segment: Segment) -> Data:
    """All warehouses of the workspace with ID and type, and whether each is enabled."""
    return await _listed(segment, get("listWarehouses"), ("id", "enabled"))


async def _listed(
    segment: Segment, row: Operation, members: Iterable[str] | None, arguments: Data | None = None
) -> Data:
    """A whole list.

    Args:
        segment: Segment.
        row: the list's operation.
        members: what is shown of each item, beside its kind; None: everything.
        arguments: the list's.

    Returns:
        The items under Segment's name for them, and `truncated`; where it is, `pagination.next` is where to go on.
    """
    walk = await segment.walk(row, arguments)
    items = walk.items if members is None else [_brief(item, members) for item in walk.items]
    rest = {"pagination": walk.pagination} if walk.truncated else {}
    return {row.answer[0]: items, "truncated": walk.truncated, **rest}


def _brief(item: Any, members: Iterable[str]) -> Any:
    if not isinstance(item, dict):
        return item
    metadata = item.get("metadata")
    kind = {"metadata": {name: metadata[name] for name in _CATALOG if name in metadata}} if metadata else {}
    return {**{name: item[name] for name in members if name in item}, **kind}
