"""The workspace that a token belongs to."""

from segment_mcp.operations.operation import GET, Operation

OPERATIONS = (
    Operation(
        "getWorkspace",
        GET,
        "/",
        safety="read",
        answer=("workspace",),
        summary="Tell which workspace the token belongs to.",
    ),
)
