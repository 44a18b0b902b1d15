"""Tools around usage: what the workspace is billed for."""

from datetime import date
from typing import Annotated

from pydantic import AfterValidator, Field

from segment_mcp.operations import get
from segment_mcp.ports import Data, Segment
from segment_mcp.tools.args import Args, Page
from segment_mcp.tools.tool import tool


def _month(value: str) -> str:
    """Refuse what is no first day of a month.

    Raises:
        ValueError: no date, or another day.
    """
    try:
        day = date.fromisoformat(value)
    except ValueError:
        raise ValueError("must be the first day of a month such as 2026-01-01") from None
    if day.day != 1 or value != day.isoformat():
        raise ValueError("must be the first day of a month such as 2026-01-01")
    return value


Period = Annotated[
    str,
    AfterValidator(_month),
    Field(description="First day of the month, e.g. 2026-01-01.", json_schema_extra={"format": "date"}),
]


class DailyPerSource(Args):
    """Arguments of `segment_get_daily_per_source_api_calls_usage`."""

    period: Period
    pagination: Page | None = None


@tool(title="Daily API calls per source", safety="read", toolset="usage", idempotent=True, open_world=False)
async def segment_get_daily_per_source_api_calls_usage(args: DailyPerSource, segment: Segment) -> Data:
    """Count each source's API calls by day of a month; counts are strings and cumulative.

    Use this when asking what a source sends or costs.
    """
    return await segment.call(get("getDailyPerSourceAPICallsUsage"), args.given())
