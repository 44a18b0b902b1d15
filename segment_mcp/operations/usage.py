"""Usage: how many API calls were counted, by day."""

from segment_mcp.operations.operation import GET, Operation

OPERATIONS = (
    Operation(
        "getDailyPerSourceAPICallsUsage",
        GET,
        "/usage/api-calls/sources/daily",
        safety="read",
        answer=("dailyPerSourceAPICallsUsage", "pagination"),
        query=("period", "pagination"),
        summary="Count each source's API calls by day.",
    ),
    Operation(
        "getDailyWorkspaceAPICallsUsage",
        GET,
        "/usage/api-calls/daily",
        safety="read",
        answer=("dailyWorkspaceAPICallsUsage", "pagination"),
        query=("period", "pagination"),
        summary="Count the workspace's API calls by day.",
    ),
)
