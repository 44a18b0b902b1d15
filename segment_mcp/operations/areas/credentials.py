"""Credentials: access to warehouses, kept once and used by several things."""

from segment_mcp.operations.operation import DELETE, GET, PATCH, POST, Operation

OPERATIONS = (
    Operation(
        "listCredentials",
        GET,
        "/credentials",
        safety="read",
        summary="List the stored warehouse logins that several warehouses and sources can share.",
        words="connection secrets saved credential database keys vault reusable logins shared passwords stored sharing",
        answer=("credentials", "pagination"),
        query=("pagination",),
        pagination="cursor",
        roles=("Workspace Owner", "Warehouse Admin", "Source Admin", "Entities Admin", "Unify and Engage Admin"),
    ),
    Operation(
        "createCredential",
        POST,
        "/credentials",
        safety="write",
        summary="Store a login once, for warehouses and sources to share.",
        words=(
            "new add save keypair username password secret database connection reusable login place connections "
            "remember keys vault type"
        ),
        answer=("credential",),
        body=True,
        roles=("Workspace Owner", "Warehouse Admin", "Source Admin", "Entities Admin", "Unify and Engage Admin"),
        audit=("Warehouse Credential Created",),
    ),
    Operation(
        "getCredential",
        GET,
        "/credentials/{credentialId}",
        safety="read",
        summary="Read one stored warehouse login, with its name and settings.",
        words="details username account connection database who user name saved login",
        answer=("credential",),
        roles=("Workspace Owner", "Warehouse Admin", "Source Admin", "Entities Admin", "Unify and Engage Admin"),
    ),
    Operation(
        "updateCredential",
        PATCH,
        "/credentials/{credentialId}",
        safety="destroy",
        summary="Change a stored login's name or settings, for everything that uses it at once.",
        words="rotate password secret key rename edit replace expired login new username shared private dba swap fresh",
        harm=(
            "Every warehouse and source that uses it is affected at once; the old secret can't be read back to "
            "restore it."
        ),
        answer=("credential",),
        body=True,
        roles=("Workspace Owner",),
        audit=("Warehouse Credential Modified",),
    ),
    Operation(
        "deleteCredential",
        DELETE,
        "/credentials/{credentialId}",
        safety="destroy",
        summary="Delete a stored login; refused while a warehouse or source uses it.",
        words=(
            "remove erase credentials drop unused secret database access cleanup saved login clear old compromised "
            "destroy purpose"
        ),
        harm=(
            "The login is gone and its secret can't be read back; what starts to use it at that same moment is left "
            "without one."
        ),
        answer=("status",),
        roles=("Workspace Owner",),
        audit=("Warehouse Credential Deleted",),
    ),
    Operation(
        "listCredentialConsumers",
        GET,
        "/credentials/{credentialId}/consumers",
        safety="read",
        summary="List the warehouses and sources that use a stored login.",
        words=(
            "used by depends impact usage where references before rotating deleting shared break dropped login notice "
            "rely"
        ),
        answer=("warehouses", "warehousesPagination", "sources", "sourcesPagination"),
        query=("warehousesPagination", "sourcesPagination"),
        pagination="two",
        roles=("Workspace Owner", "Warehouse Admin", "Source Admin", "Entities Admin", "Unify and Engage Admin"),
    ),
)
