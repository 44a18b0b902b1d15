"""Selective sync: what of a source goes into a warehouse, and when."""

from segment_mcp.operations.operation import GET, PATCH, PUT, Operation

OPERATIONS = (
    Operation(
        "getAdvancedSyncScheduleFromWarehouse",
        GET,
        "/warehouses/{warehouseId}/advanced-sync-schedule",
        safety="read",
        summary="Read at which hours of the day a warehouse is synced, and in which time zone.",
        words=(
            "when load frequency timetable next times timezone cron daily hourly often hours loading clock data day "
            "land arrive filled night"
        ),
        answer=("enabled",),
        per_minute=2,
    ),
    Operation(
        "replaceAdvancedSyncScheduleForWarehouse",
        PUT,
        "/warehouses/{warehouseId}/advanced-sync-schedule",
        safety="destroy",
        summary="Set the hours of the day at which a warehouse is synced, in place of the old ones.",
        words=(
            "change load frequency timetable timezone cron often times daily hourly update hours night morning "
            "different between fresh noon loaded three"
        ),
        harm="The former timetable is overwritten and not kept; data may reach the warehouse later or less often.",
        answer=("enabled",),
        body=True,
        per_minute=2,
    ),
    Operation(
        "listSelectiveSyncsFromWarehouseAndSource",
        GET,
        "/warehouses/{warehouseId}/connected-sources/{sourceId}/selective-syncs",
        safety="read",
        summary="Show which tables and columns of a source are loaded into a warehouse.",
        words=(
            "collections properties enabled excluded events schema skipped included selected missing fields table "
            "column loaded left tables held"
        ),
        answer=("items", "pagination"),
        query=("pagination",),
        pagination="cursor",
        per_minute=2,
    ),
    Operation(
        "listSyncsFromWarehouseAndSource",
        GET,
        "/warehouses/{warehouseId}/connected-sources/{sourceId}/syncs",
        safety="read",
        summary="Show the load runs of one source into a warehouse: status, duration, rows, notices.",
        words=(
            "history log failed errors report last freshness stale late synced loaded fresh successfully dashboard "
            "old run error finish latest empty missing tables fail load morning"
        ),
        answer=("reports", "pagination"),
        query=("pagination",),
        pagination="cursor",
        per_minute=2,
    ),
    Operation(
        "updateSelectiveSyncForWarehouse",
        PATCH,
        "/warehouses/{warehouseId}/selective-sync",
        safety="destroy",
        summary="Choose which sources, tables and columns are loaded into a warehouse.",
        words=(
            "enable disable exclude include collections properties events stop skip reduce cost fields selected leave "
            "column table load bill high unneeded ignore drop save money useless writing spare transcripts heavy big "
            "loading"
        ),
        harm=(
            "Tables or columns switched off get no new rows, and the gap isn't filled by itself when they are "
            "switched on again."
        ),
        answer=("warnings", "status"),
        body=True,
        per_minute=2,
        audit=("Storage Destination Modified",),
    ),
    Operation(
        "listSyncsFromWarehouse",
        GET,
        "/warehouses/{warehouseId}/syncs",
        safety="read",
        summary="Show the load runs of all sources into a warehouse: status, duration, rows, notices.",
        words=(
            "history log failed errors report last freshness stale health monitor late every night loads finished "
            "stopped loading runs latest long duration slow week succeeding filled"
        ),
        answer=("reports", "pagination"),
        query=("pagination",),
        pagination="cursor",
        per_minute=2,
    ),
)
