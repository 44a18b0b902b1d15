"""Tools around destinations: find one, read it, see how well events arrive."""

from typing import Annotated, Literal

from pydantic import Field

from segment_mcp.operations import get
from segment_mcp.ports import Data, Segment
from segment_mcp.tools.args import Args, DestinationId, Moment, Page, SourceId
from segment_mcp.tools.listing import NameFilter, list_page
from segment_mcp.tools.tool import tool


class ListDestinations(Args):
    """Arguments of `segment_list_destinations`."""

    name: NameFilter | None = None
    pagination: Page | None = None


class OneDestination(Args):
    """Arguments of `segment_get_destination`."""

    destination_id: DestinationId


class DeliveryMetrics(Args):
    """Arguments of `segment_list_delivery_metrics_summary_from_destination`."""

    destination_id: DestinationId
    source_id: Annotated[SourceId, Field(description="The source that feeds it.")]
    start_time: Annotated[Moment, Field(description="Default: by granularity.")] | None = None
    end_time: Annotated[Moment, Field(description="Default: now.")] | None = None
    granularity: (
        Annotated[
            Literal["MINUTE", "HOUR", "DAY"],
            Field(description="MINUTE (default): up to 4 hours of the last 48; HOUR: 7 days; DAY: 14 days."),
        ]
        | None
    ) = None


@tool(title="List destinations", safety="read", toolset="destinations", idempotent=True, open_world=False)
async def segment_list_destinations(args: ListDestinations, segment: Segment) -> Data:
    """List destinations with ID, name, type, source, masked settings and whether they are enabled.

    Use this when a destination's ID is needed.
    """
    return await list_page(segment, get("listDestinations"), args.name, args.pagination)


@tool(title="Get destination", safety="read", toolset="destinations", idempotent=True, open_world=False)
async def segment_get_destination(args: OneDestination, segment: Segment) -> Data:
    """Read one destination: masked settings, source, catalog metadata.

    Use this when its full configuration is needed.
    """
    return await segment.call(get("getDestination"), args.given())


@tool(title="Delivery metrics", safety="read", toolset="destinations", idempotent=True, open_world=False)
async def segment_list_delivery_metrics_summary_from_destination(args: DeliveryMetrics, segment: Segment) -> Data:
    """Count what a destination was sent from a source: successes, retries, discards, expiries and latency.

    Use this when checking one cloud-mode destination.
    """
    return await segment.call(get("listDeliveryMetricsSummaryFromDestination"), args.given())
