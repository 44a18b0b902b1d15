"""Tools around sources: find, change, label, delete, and what hangs on them."""

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from segment_mcp.operations import get
from segment_mcp.ports import Data, Segment, WriteKeys
from segment_mcp.tools.args import FIRST_PAGE, Args, JsonObject, Line, Page, SourceId, decoded
from segment_mcp.tools.listing import NameFilter, list_page
from segment_mcp.tools.tool import tool


class ListSources(Args):
    """Arguments of `segment_list_sources`."""

    name: NameFilter | None = None
    pagination: Page | None = None


class OneSource(Args):
    """Arguments of tools that only need to know which source."""

    source_id: SourceId


class UpdateSource(Args):
    """Arguments of `segment_update_source`."""

    source_id: SourceId
    name: Annotated[str, Field(description="New display name.")] | None = None
    slug: Annotated[Line, Field(description="New slug, unique in the workspace.")] | None = None
    enabled: Annotated[bool, Field(description="False stops the source's data.")] | None = None
    settings: Annotated[JsonObject, Field(description="New settings of the source.")] | None = None


class Label(BaseModel):
    """A label that the workspace has."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    key: str = Field(min_length=1, description="Its key.")
    value: str = Field(min_length=1, description="Its value.")
    description: str | None = Field(None, description="Its description.")


class AddLabels(Args):
    """Arguments of `segment_add_labels_to_source`."""

    source_id: SourceId
    labels: Annotated[
        list[Label], BeforeValidator(decoded), Field(min_length=1, description="Labels that exist in the workspace.")
    ]


class ConnectedWarehouses(Args):
    """Arguments of `segment_list_connected_warehouses_from_source`; a missing pagination means the first page."""

    source_id: SourceId
    pagination: Page = FIRST_PAGE

    @classmethod
    def input_schema(cls) -> dict[str, object]:
        """The published schema: the toolkit's page lists pagination as required."""
        return {**super().input_schema(), "required": ["sourceId", "pagination"]}


class RemoveWriteKey(Args):
    """Arguments of `segment_remove_source_write_key`."""

    source_id: SourceId
    write_key: Annotated[Line, Field(description="Key, its name, or masked.")]


@tool(title="List sources", safety="read", toolset="sources", idempotent=True, open_world=False)
async def segment_list_sources(args: ListSources, segment: Segment) -> Data:
    """List sources with ID, slug, name, type, labels, masked write keys and whether they are enabled.

    Use this when a source's ID is needed.
    """
    return await list_page(segment, get("listSources"), args.name, args.pagination)


@tool(title="Update source", safety="write", toolset="sources", idempotent=True, open_world=False)
async def segment_update_source(args: UpdateSource, segment: Segment) -> Data:
    """Change a source's name, slug, settings or whether it is enabled.

    Use this when a source's ID is known.
    """
    return await segment.call(get("updateSource"), args.given())


@tool(title="Add labels to source", safety="write", toolset="sources", idempotent=True, open_world=False)
async def segment_add_labels_to_source(args: AddLabels, segment: Segment) -> Data:
    """Put labels that exist in the workspace on a source; answers all labels that it then has.

    Use this when a source is to be tagged.
    """
    return await segment.call(get("addLabelsToSource"), args.given())


@tool(title="Delete source", safety="destroy", toolset="sources", idempotent=True, open_world=False)
async def segment_delete_source(args: OneSource, segment: Segment) -> Data:
    """Delete a source for good: its write keys and its data stop.

    Use this when a person wants it gone; to pause it, set enabled to false.
    """
    return await segment.call(get("deleteSource"), args.given())


@tool(title="Remove write key", safety="destroy", toolset="sources", idempotent=True, open_world=False)
async def segment_remove_source_write_key(args: RemoveWriteKey, segment: Segment, write_keys: WriteKeys) -> Data:
    """Revoke a source's write key: what is still sent with it is lost without an error.

    Use this when a key leaked or was replaced.
    """
    key = await write_keys.resolve(args.write_key, source_id=args.source_id)
    return await segment.call(get("removeWriteKeyFromSource"), {"sourceId": args.source_id, "writeKey": key})


@tool(title="List connected warehouses", safety="read", toolset="sources", idempotent=True, open_world=False)
async def segment_list_connected_warehouses_from_source(args: ConnectedWarehouses, segment: Segment) -> Data:
    """List the warehouses that store a source's data.

    Use this when asked where a source's data is stored.
    """
    return await segment.call(get("listConnectedWarehousesFromSource"), args.given())


@tool(title="List schema settings", safety="read", toolset="sources", idempotent=True, open_world=False)
async def segment_list_schema_settings_in_source(args: OneSource, segment: Segment) -> Data:
    """Read what a source does with events, properties and traits that its tracking plan doesn't have.

    Use this when events are blocked or properties go missing.
    """
    return await segment.call(get("listSchemaSettingsInSource"), args.given())
