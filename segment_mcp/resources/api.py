"""Segment's Public API as this server knows it: which operations there are, and each one as it is called."""

from segment_mcp.operations import OPERATIONS, area_of
from segment_mcp.ports import Data, Facts
from segment_mcp.resources.resource import resource
from segment_mcp.tools.api import Describe, segment_api_describe

UNCHANGING = 3_600.0
"""Seconds; it changes with this server's version only."""


@resource("operations", title="Operations", toolset="api", lifetime=UNCHANGING, public=True)
async def operations() -> Data:
    """All operations of Segment's Public API: each one's name, area and safety (read, write or destroy)."""
    rows = [row for row in OPERATIONS.values() if row.api == "public"]
    return {"operations": [{"operation": row.name, "area": area_of(row), "safety": row.safety} for row in rows]}


@resource("operations/{operation}", title="An operation", toolset="api", lifetime=UNCHANGING, public=True)
async def operation(args: Describe, facts: Facts) -> Data:
    """One operation of Segment's Public API: its parameters, an example, limits, harm and the shape of its answer."""
    return await segment_api_describe.run(args, {"facts": facts})
