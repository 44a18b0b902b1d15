"""Events volume: how many valid events Segment counted."""

from segment_mcp.operations.operation import GET, Operation

OPERATIONS = (
    Operation(
        "getEventsVolumeFromWorkspace",
        GET,
        "/events/volume",
        safety="read",
        answer=("result",),
        per_minute=60,
        query=(
            "granularity",
            "startTime",
            "endTime",
            "groupBy",
            "sourceId",
            "eventName",
            "eventType",
            "appVersion",
            "pagination",
        ),
        summary="Count the workspace's valid events over time, by source, event or type.",
    ),
)
