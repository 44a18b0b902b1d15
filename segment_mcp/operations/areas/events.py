"""Events volume: how many valid events Segment counted."""

from segment_mcp.operations.operation import GET, Operation

OPERATIONS = (
    Operation(
        "getEventsVolumeFromWorkspace",
        GET,
        "/events/volume",
        safety="read",
        summary="Count the workspace's valid events over time, by source, event or type.",
        words=(
            "how many traffic trend spike drop top busiest statistics tracked arrive total week weekend day "
            "altogether count hour name plot numbers last days compare counts graph chart curve number often sent"
        ),
        answer=("result",),
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
        pagination="cursor",
        per_minute=60,
    ),
)
