"""dbt: models that are built before Reverse ETL reads them."""

from segment_mcp.operations.operation import POST, Operation

OPERATIONS = (
    Operation(
        "createDbtModelSyncTrigger",
        POST,
        "/dbt-model-syncs/trigger",
        safety="destroy",
        summary="Start a dbt model sync for a source now.",
        words=(
            "run pull git repository refresh reload import models reverse etl manual project merged newest pick rebuilt"
        ),
        harm=(
            "The source's dbt models change to what the sync loads, and with them what Reverse ETL sends; no call "
            "stops or reverses it."
        ),
        answer=("dbtModelSyncTrigger",),
        body=True,
        per_minute=10,
        stability="beta",
    ),
)
