"""Labels: the workspace's own key and value pairs, put on sources."""

from segment_mcp.operations.operation import GET, POST, Operation

OPERATIONS = (
    Operation("listLabels", GET, "/labels", safety="read", answer=("labels",), summary="List the workspace's labels."),
    Operation(
        "createLabel",
        POST,
        "/labels",
        safety="write",
        answer=("label",),
        per_minute=60,
        summary="Make a label that sources can then carry.",
    ),
)
