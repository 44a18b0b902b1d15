"""Usage: API calls and monthly tracked users, by day, of the workspace and of each source."""

from segment_mcp.operations.operation import GET, Operation

OPERATIONS = (
    Operation(
        "getDailyWorkspaceAPICallsUsage",
        GET,
        "/usage/api-calls/daily",
        safety="read",
        summary="Count the workspace's API calls by day.",
        words=(
            "throughput total overall consumption billing plan quota overage month bill exceed limit allowance close "
            "requests counted contract volume consumed burned"
        ),
        answer=("dailyWorkspaceAPICallsUsage", "pagination"),
        query=("period", "pagination"),
        pagination="cursor",
    ),
    Operation(
        "getDailyPerSourceAPICallsUsage",
        GET,
        "/usage/api-calls/sources/daily",
        safety="read",
        summary="Count each source's API calls by day.",
        words=(
            "throughput consumption which noisiest expensive split breakdown billing quota overage month bill day "
            "source biggest burns app break causes traffic"
        ),
        answer=("dailyPerSourceAPICallsUsage", "pagination"),
        query=("period", "pagination"),
        pagination="cursor",
    ),
    Operation(
        "getDailyWorkspaceMTUUsage",
        GET,
        "/usage/mtu/daily",
        safety="read",
        summary="Count the workspace's monthly tracked users by day, anonymous and identified apart.",
        words=(
            "billing cost total overall active quota plan overage visitors unique consumption bill company-wide month "
            "users limit exceed people track number"
        ),
        answer=("dailyWorkspaceMTUUsage", "pagination"),
        query=("period", "pagination"),
        pagination="cursor",
    ),
    Operation(
        "getDailyPerSourceMTUUsage",
        GET,
        "/usage/mtu/sources/daily",
        safety="read",
        summary="Count each source's monthly tracked users by day, anonymous and identified apart.",
        words=(
            "billing cost active quota consumption which expensive visitors unique split breakdown bill source site "
            "drives users biggest jump responsible web mobile costs app separately numbers"
        ),
        answer=("dailyPerSourceMTUUsage", "pagination"),
        query=("period", "pagination"),
        pagination="cursor",
    ),
)
