"""Why events don't arrive: Segment's codes for it, explained."""

from dataclasses import asdict

from segment_mcp.ports import Data
from segment_mcp.resources.api import UNCHANGING
from segment_mcp.resources.resource import resource


@resource("reasons", title="Reasons for discards", toolset="destinations", lifetime=UNCHANGING, public=True)
async def reasons() -> Data:
    """Segment's codes for events that were discarded or not delivered: at which stage, what each means, what to do."""
    from segment_mcp.questions import reasons as known  # noqa: PLC0415 - a server may never need it

    return {"reasons": [asdict(reason) for reason in known.reasons().values()]}
