"""What this server keeps of the events that go through it: those that wait for delivery, and imports."""

from typing import Annotated

from pydantic import Field

from segment_mcp.ports import Data, Imports, Outbox
from segment_mcp.resources.resource import resource
from segment_mcp.tools.args import Args, Id


class OneImport(Args):
    """Variables of the resource that shows an import."""

    import_id: Annotated[Id, Field(description="The import's ID.")]


@resource("outbox", title="Outbox", toolset="tracking", lifetime=0)
async def outbox(outbox: Outbox) -> Data:
    """How many events wait for delivery, since when and why, and how many Segment refused for good."""
    return await outbox.summary()


@resource("imports", title="Imports", toolset="tracking", lifetime=0)
async def imports(imports: Imports) -> Data:
    """The latest imports of historical data: ID, file, state and how far each is."""
    return {"imports": await imports.listed()}


@resource("imports/{importId}", title="An import", toolset="tracking", lifetime=0)
async def historical_import(args: OneImport, imports: Imports) -> Data:
    """How far one import of historical data is."""
    return await imports.status(args.import_id, stop=False)
