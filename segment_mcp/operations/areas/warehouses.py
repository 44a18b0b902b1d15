"""Warehouses: where Segment keeps what the sources sent."""

from segment_mcp.operations.operation import DELETE, GET, PATCH, POST, Operation

OPERATIONS = (
    Operation(
        "listWarehouses",
        GET,
        "/warehouses",
        safety="read",
        summary="List the workspace's warehouses.",
        words=(
            "storage destinations databases all data lake store raw database connected stopped writes active name "
            "stored write connections"
        ),
        answer=("warehouses", "pagination"),
        query=("pagination",),
        pagination="cursor",
    ),
    Operation(
        "createWarehouse",
        POST,
        "/warehouses",
        safety="write",
        summary="Connect a new data warehouse with its settings and credentials.",
        words=(
            "add storage destination database set up hook load land cluster project account event data stored start "
            "loading loaded store raw analysis"
        ),
        answer=("warehouse",),
        body=True,
        audit=("Storage Destination Created",),
    ),
    Operation(
        "createValidationInWarehouse",
        POST,
        "/warehouses/validation",
        safety="read",
        summary="Test warehouse settings and credentials before saving them.",
        words=(
            "validate check try login password database host dry-run verify work details credentials correct saving "
            "port sent future typed valid able probe"
        ),
        answer=("status",),
        body=True,
        audit=("Storage Destination Settings Validation",),
    ),
    Operation(
        "getWarehouse",
        GET,
        "/warehouses/{warehouseId}",
        safety="read",
        summary="Read one warehouse: its kind, its settings and whether it is on.",
        words="storage destination database details show enabled host port settings configured schema write prefix",
        answer=("warehouse",),
    ),
    Operation(
        "updateWarehouse",
        PATCH,
        "/warehouses/{warehouseId}",
        safety="write",
        summary="Rename a warehouse, switch it on or off, or change its settings and credentials.",
        words=(
            "edit storage destination database enable disable pause password rotate host modify moved project point "
            "rotated switch loading migrated settings stop filling rename"
        ),
        answer=("warehouse",),
        body=True,
        audit=("Storage Destination Modified", "Storage Destination Enabled"),
    ),
    Operation(
        "deleteWarehouse",
        DELETE,
        "/warehouses/{warehouseId}",
        safety="destroy",
        summary="Delete a warehouse connection from the workspace.",
        words=(
            "remove drop storage destination database erase decommission left shut cut migrated disconnect replaced "
            "forget dismantle side target"
        ),
        harm=(
            "Segment loads nothing more into it and forgets the connection, which has to be set up anew; can't be "
            "restored."
        ),
        answer=("status",),
        audit=("Storage Destination Deleted",),
    ),
    Operation(
        "listConnectedSourcesFromWarehouse",
        GET,
        "/warehouses/{warehouseId}/connected-sources",
        safety="read",
        summary="List the sources whose data is loaded into a warehouse.",
        words=(
            "feeding inputs upstream storage attached syncing which loaded data filled lands fed fill write rows apps "
            "pump flowing inside contents"
        ),
        answer=("sources", "pagination"),
        query=("pagination",),
        pagination="cursor",
    ),
    Operation(
        "addConnectionFromSourceToWarehouse",
        POST,
        "/warehouses/{warehouseId}/connected-sources/{sourceId}",
        safety="write",
        summary="Start loading a source's data into a warehouse.",
        words="connect attach link storage sync pipe hook up load land store data additionally stored copy",
        answer=("status",),
        audit=("Storage Destination Modified",),
    ),
    Operation(
        "removeSourceConnectionFromWarehouse",
        DELETE,
        "/warehouses/{warehouseId}/connected-sources/{sourceId}",
        safety="destroy",
        summary="Stop loading a source's data into a warehouse.",
        words="disconnect detach unlink storage sync unhook stop loading data stored fill quit storing",
        harm="No more of the source's rows arrive until it is connected again, so tables and reports there go stale.",
        answer=("status",),
    ),
    Operation(
        "getConnectionStateFromWarehouse",
        GET,
        "/warehouses/{warehouseId}/connection-state",
        safety="read",
        summary="Check whether Segment can connect to a warehouse with its saved settings.",
        words=(
            "test verify health status reachable credentials working broken failed login log reach alive connection "
            "stopped break broke access accepted password saved works locked healthy authentication wrong"
        ),
        answer=("connectionState",),
        per_minute=200,
    ),
)
