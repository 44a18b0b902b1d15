"""The tool for backfills: many events, from the call or from a file."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from segment_mcp.errors import InvalidArguments
from segment_mcp.ports import Data, ImportOrder, Imports, Progress
from segment_mcp.tools.args import Args, JsonObject, Line, decoded
from segment_mcp.tools.tool import tool
from segment_mcp.tools.tracking import WriteKey


class ImportHistoricalData(Args):
    """Arguments of `segment_import_historical_data`."""

    events: (
        Annotated[
            list[dict[str, Any]],
            BeforeValidator(decoded),
            Field(description="As segment_batch takes them."),
        ]
        | None
    ) = None
    file: Annotated[str, Field(min_length=1, description="Or a file in the import folder.")] | None = None
    import_id: Annotated[str, Field(min_length=1, max_length=64, description="Or how far that import is.")] | None = (
        None
    )
    stop: bool = Field(default=False, description="Stop that import.")
    format: Literal["ndjson", "json", "csv", "parquet"] | None = Field(None, description="Default: what it looks like.")
    map: (
        Annotated[
            dict[str, Line],
            BeforeValidator(decoded),
            Field(description='Column to field, e.g. {"price": "properties.price:number"}.'),
        ]
        | None
    ) = None
    type: Literal["identify", "track", "page", "screen", "group", "alias"] | None = Field(
        None, description="Of events without one."
    )
    integrations: (
        Annotated[JsonObject, Field(description="Replaces the events' own. Else it reaches every destination.")] | None
    ) = None
    message_ids: Literal["keep", "derive"] = Field(
        default="keep", description="derive: new ones, for events that Segment saw."
    )
    rate: float = Field(default=1000, ge=0, allow_inf_nan=False, description="Events a second.")
    limit: int | None = Field(None, ge=1, description="Stop after so many.")
    dry_run: bool = Field(default=False, description="Check all, send nothing.")
    again: bool = Field(default=False, description="Start over.")
    write_key: WriteKey | None = None


@tool(title="Import historical data", safety="write", toolset="tracking", idempotent=True, open_world=True)
async def segment_import_historical_data(args: ImportHistoricalData, imports: Imports, progress: Progress) -> Data:
    """Import a backfill (NDJSON, JSON, CSV, Parquet, Segment archives), in the background if it takes long.

    Use this when events are old or many: dryRun, import, then ask with importId until it is finished.
    """
    if sum(given is not None for given in (args.events, args.file, args.import_id)) != 1:
        raise InvalidArguments([{"field": "arguments", "message": "pass one of events, file and importId"}])
    if args.import_id is not None:
        return await imports.status(args.import_id, stop=args.stop)
    order = ImportOrder(
        events=args.events,
        file=args.file,
        write_key=args.write_key,
        format=args.format,
        map=args.map,
        type=args.type,
        integrations=args.integrations,
        message_ids=args.message_ids,
        rate=args.rate,
        limit=args.limit,
        dry_run=args.dry_run,
        again=args.again,
    )
    return await imports.start(order, progress)
