"""The audit trail: who changed what in the workspace."""

from segment_mcp.operations.operation import GET, Operation

OPERATIONS = (
    Operation(
        "listAuditEvents",
        GET,
        "/audit-events",
        safety="read",
        summary="List who changed what in the workspace, and when.",
        words=(
            "log trail history changes activity actor compliance blame deleted modified security turned person left "
            "responsible rights recent switched settings recently touched edited"
        ),
        answer=("events",),
        query=("startTime", "endTime", "resourceId", "resourceType", "pagination"),
        pagination="cursor",
    ),
)
