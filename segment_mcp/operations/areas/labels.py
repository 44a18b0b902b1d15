"""Labels: the workspace's own key and value pairs, put on sources."""

from segment_mcp.operations.operation import DELETE, GET, POST, Operation

OPERATIONS = (
    Operation(
        "listLabels",
        GET,
        "/labels",
        safety="read",
        summary="List the workspace's labels.",
        words="tags key value pairs environment dev prod available which categories choose",
        answer=("labels",),
    ),
    Operation(
        "createLabel",
        POST,
        "/labels",
        safety="write",
        summary="Make a label that sources can then carry.",
        words="new tag key value pair environment add define brand category introduce able mark exist first",
        answer=("label",),
        body=True,
        per_minute=60,
        audit=("Label Created",),
    ),
    Operation(
        "deleteLabel",
        DELETE,
        "/labels/{key}/{value}",
        safety="destroy",
        summary="Delete a label from the workspace by its key and value.",
        words="remove tag drop erase unused environment clean up retire carries everywhere clear typo",
        harm="The label is gone from the workspace; this can't be undone, only a new label of the same name made.",
        answer=("status",),
        per_minute=60,
        audit=("Label Deleted",),
    ),
)
