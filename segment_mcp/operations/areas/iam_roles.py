"""Roles: what permissions can be given."""

from segment_mcp.operations.operation import GET, Operation

OPERATIONS = (
    Operation(
        "listRoles",
        GET,
        "/roles",
        safety="read",
        summary="List the roles that can be granted to users and groups.",
        words=(
            "permission types access levels admin read-only owner available role ids policies iam rbac hand kinds "
            "rights exist reader"
        ),
        answer=("roles", "pagination"),
        query=("pagination",),
        pagination="cursor",
    ),
)
