"""Reverse ETL: queries on a warehouse whose rows become events."""

from segment_mcp.operations.operation import DELETE, GET, PATCH, POST, Operation

OPERATIONS = (
    Operation(
        "listReverseEtlModels",
        GET,
        "/reverse-etl-models",
        safety="read",
        summary="List the reverse ETL models: the queries that pick warehouse rows to send out.",
        words="retl sql activation all data syncs select statements which queries feed warehouse tools pushing rows",
        answer=("models", "pagination"),
        query=("pagination",),
        pagination="cursor",
        stability="alpha",
    ),
    Operation(
        "createReverseEtlModel",
        POST,
        "/reverse-etl-models",
        safety="write",
        summary="Save a SQL query on a warehouse source, whose rows can then go to destinations.",
        words=(
            "retl new add activation primary key column select define extract query picks save send sql turn sync "
            "finds feed"
        ),
        answer=("reverseEtlModel",),
        body=True,
        stability="alpha",
        audit=("Model Created",),
    ),
    Operation(
        "getReverseEtlModel",
        GET,
        "/reverse-etl-models/{modelId}",
        safety="read",
        summary="Read one reverse ETL model: its SQL query, key column and whether it is on.",
        words="retl show details select statement unique identifier warehouse primary sql behind query",
        answer=("reverseEtlModel",),
        stability="alpha",
    ),
    Operation(
        "updateReverseEtlModel",
        PATCH,
        "/reverse-etl-models/{modelId}",
        safety="write",
        summary="Change a reverse ETL model's name, SQL query or key column, or switch it on or off.",
        words=(
            "retl edit pause resume enable disable rename fix select warehouse extract exclude sql query filter "
            "missing clause leave"
        ),
        answer=("reverseEtlModel",),
        body=True,
        stability="alpha",
        audit=("Model Settings Saved", "Model State Change Toggled"),
    ),
    Operation(
        "deleteReverseEtlModel",
        DELETE,
        "/reverse-etl-models/{modelId}",
        safety="destroy",
        summary="Delete a reverse ETL model and its query.",
        words="retl remove drop erase sql stop warehouse activation query export",
        harm=(
            "The model is gone and sends no more rows; rows already sent stay in the destinations, and it can't be "
            "restored."
        ),
        answer=("status",),
        stability="alpha",
        audit=("Model Deleted",),
    ),
    Operation(
        "listReverseETLSyncStatusesFromModelAndSubscriptionId",
        GET,
        "/reverse-etl-models/{modelId}/subscriptionId/{subscriptionId}/syncs",
        safety="read",
        summary="List the runs of one reverse ETL mapping: state, duration, rows and errors.",
        words=(
            "retl history log failed past recent progress report succeeded destination extracted last night runs "
            "query reached succeed lately"
        ),
        answer=("syncStatuses",),
        query=("count", "cursor"),
        pagination="flat",
        per_page=100,
        stability="alpha",
    ),
    Operation(
        "getReverseETLSyncStatus",
        GET,
        "/reverse-etl-models/{modelId}/syncs/{syncId}",
        safety="read",
        summary="Read one reverse ETL run: its state, rows extracted and delivered, and errors.",
        words="retl progress finished succeeded failed counts check poll partial outcome run rows far query became",
        answer=("reverseETLSyncStatus",),
        per_minute=250,
        stability="alpha",
    ),
    Operation(
        "cancelReverseETLSyncForModel",
        POST,
        "/reverse-etl-models/{modelId}/syncs/{syncId}/cancel",
        safety="destroy",
        summary="Stop a reverse ETL sync that is running.",
        words=(
            "retl abort kill halt interrupt wrong mistake job in-progress stuck sending rubbish stop run running "
            "started wild"
        ),
        harm=(
            "Rows sent so far stay in the destination, and rows already processed are left out of later syncs; can't "
            "be resumed."
        ),
        answer=("modelId", "syncId"),
        body=True,
        stability="alpha",
    ),
    Operation(
        "createReverseETLManualSync",
        POST,
        "/reverse-etl-syncs",
        safety="destroy",
        summary="Run a reverse ETL sync now, sending a model's rows to its destination.",
        words=(
            "retl trigger start push immediately force kick off on-demand refresh launch waiting schedule query send "
            "leads hand wait"
        ),
        harm=(
            "Sends warehouse rows to an outside tool right away, which may act on them or reach customers; can't be "
            "recalled."
        ),
        answer=("reverseETLManualSync",),
        body=True,
        per_minute=20,
        stability="alpha",
    ),
)
