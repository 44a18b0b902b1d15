"""Profiles Sync: which warehouses get the profiles of a Unify space."""

from segment_mcp.operations.operation import DELETE, GET, PATCH, POST, Operation

OPERATIONS = (
    Operation(
        "listProfilesWarehouseInSpace",
        GET,
        "/spaces/{spaceId}/profiles-warehouses",
        safety="read",
        summary="List the warehouses that a space's profiles are copied to.",
        words="unify personas engage identity graph storage export connected databases receive copied golden",
        answer=("profilesWarehouses",),
        query=("pagination",),
        pagination="cursor",
        stability="alpha",
        audit=("Profiles Sync Warehouse Retrieved",),
    ),
    Operation(
        "createProfilesWarehouse",
        POST,
        "/spaces/{spaceId}/profiles-warehouses",
        safety="write",
        summary="Connect a warehouse to a space, so that its unified profiles are copied there.",
        words=(
            "sync personas engage unify identity graph export set up new add copied start syncing profiles database "
            "query unified scientists"
        ),
        answer=("profilesWarehouse",),
        body=True,
        stability="alpha",
        audit=("Profiles Sync Warehouse Created",),
    ),
    Operation(
        "updateProfilesWarehouseForSpaceWarehouse",
        PATCH,
        "/spaces/{spaceId}/profiles-warehouses/{warehouseId}",
        safety="write",
        summary="Rename, switch on or off, or reconfigure a space's profiles warehouse or its schema name.",
        words=(
            "edit credentials settings pause resume disable enable personas unify password rotate database profiles "
            "host moved copying another schema writes"
        ),
        answer=("profilesWarehouse",),
        body=True,
        stability="alpha",
        audit=("Profiles Sync Warehouse Updated",),
    ),
    Operation(
        "removeProfilesWarehouseFromSpace",
        DELETE,
        "/spaces/{spaceId}/profiles-warehouses/{warehouseId}",
        safety="destroy",
        summary="Disconnect a space from the warehouse that its profiles are copied to.",
        words="delete stop sync personas unify identity graph export detach copied profiles database cut link",
        harm="Profiles stop arriving in the warehouse and its saved credentials are dropped; it has to be set up anew.",
        answer=("status",),
        stability="alpha",
        audit=("Profiles Sync Warehouse Deleted",),
    ),
    Operation(
        "listSelectiveSyncsFromWarehouseAndSpace",
        GET,
        "/spaces/{spaceId}/profiles-warehouses/{warehouseId}/selective-syncs",
        safety="read",
        summary="Show which profile tables and columns of a space are copied to its warehouse.",
        words=(
            "profiles collections properties enabled excluded event personas unify identity traits schema parts "
            "copying tables columns left"
        ),
        answer=("items", "pagination"),
        query=("pagination",),
        pagination="cursor",
        stability="alpha",
    ),
    Operation(
        "updateSelectiveSyncForWarehouseAndSpace",
        PATCH,
        "/spaces/{spaceId}/profiles-warehouses/{warehouseId}/selective-syncs",
        safety="destroy",
        summary="Choose which profile tables and columns of a space are copied to its warehouse.",
        words=(
            "profiles enable disable exclude include collections properties personas unify event identity skip stop "
            "leave trait column table copied copy"
        ),
        harm=(
            "Tables or columns switched off get no new rows, and the gap isn't filled when they are switched on again."
        ),
        answer=("status",),
        body=True,
        stability="alpha",
        audit=("Profiles Sync Warehouse Modified",),
    ),
)
