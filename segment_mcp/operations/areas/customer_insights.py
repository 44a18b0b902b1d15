"""Customer Insights: files to download."""

from segment_mcp.operations.operation import POST, Operation

OPERATIONS = (
    Operation(
        "createDownload",
        POST,
        "/customer-insights/download",
        safety="read",
        summary="Get links to the files that Customer Insights keeps for one hour of a collection.",
        words="presigned urls export fetch retrieve data hourly dump files hour download links last night",
        answer=("download",),
        body=True,
        quota="120 a day for each workspace",
        stability="alpha",
    ),
)
