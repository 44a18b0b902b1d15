"""The workspace that a token belongs to."""

from segment_mcp.operations.operation import GET, Operation

OPERATIONS = (
    Operation(
        "getWorkspace",
        GET,
        "/",
        safety="read",
        summary="Tell which workspace the token belongs to.",
        words=(
            "account whoami organization slug id name current check credentials pat logged tenant organisation "
            "company belong sandbox real login working environment"
        ),
        answer=("workspace",),
    ),
)
