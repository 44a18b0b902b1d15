"""Functions: code of the workspace that runs as a source, a destination or before one."""

from segment_mcp.operations.operation import DELETE, GET, PATCH, POST, Operation

OPERATIONS = (
    Operation(
        "listFunctions",
        GET,
        "/functions",
        safety="read",
        summary="List the workspace's functions of one kind: source, destination or insert.",
        words="custom code javascript scripts serverless lambda webhook run inside written running wrote",
        answer=("functions", "pagination"),
        query=("pagination", "resourceType"),
        pagination="cursor",
        feature="functions",
    ),
    Operation(
        "createFunction",
        POST,
        "/functions",
        safety="write",
        summary="Add a function with your own code, as a source, a destination or a step before one.",
        words=(
            "new custom javascript script serverless webhook write build lambda wrote code receiver post internal "
            "attached handler turns events receives emits wrap api connect in-house erp system"
        ),
        answer=("function",),
        body=True,
        feature="functions",
    ),
    Operation(
        "getFunction",
        GET,
        "/functions/{functionId}",
        safety="read",
        summary="Read one function: its code, its settings, and when it was last deployed.",
        words="custom source javascript script show view details webhook code settings deployed open includes print",
        answer=("function",),
        feature="functions",
    ),
    Operation(
        "updateFunction",
        PATCH,
        "/functions/{functionId}",
        safety="write",
        summary="Change a function's code, settings, name, logo or description.",
        words=(
            "edit modify custom javascript script save rename fix patch swap code replace logic bug rewrite error "
            "line fixed version setting throws corrected"
        ),
        answer=("function",),
        body=True,
        feature="functions",
    ),
    Operation(
        "deleteFunction",
        DELETE,
        "/functions/{functionId}",
        safety="destroy",
        summary="Delete a function and its code from the workspace.",
        words="remove custom javascript script erase drop serverless old code dead unused",
        harm="The function and its code are gone and can't be restored; events are no longer handled by it.",
        answer=("status",),
        feature="functions",
    ),
    Operation(
        "createFunctionDeployment",
        POST,
        "/functions/{functionId}/deploy",
        safety="destroy",
        summary="Put a source function's latest code live in the sources that run it.",
        words=(
            "deploy release publish push ship production rollout javascript custom live effect latest code active "
            "saved running old activate fix newest undeployed"
        ),
        harm=(
            "Live events are handled by the new code at once; what it drops or changes can't be recovered, even if "
            "older code is deployed."
        ),
        answer=("functionDeployment",),
        feature="functions",
    ),
    Operation(
        "listFunctionVersions",
        GET,
        "/functions/{functionId}/versions",
        safety="read",
        summary="List a function's earlier and present code, and which is deployed.",
        words="history revisions versioning changelog author compare previous code edited",
        answer=("versions", "pagination"),
        query=("pagination",),
        pagination="cursor",
        stability="alpha",
        feature="functions",
    ),
    Operation(
        "restoreFunctionVersion",
        POST,
        "/functions/{functionId}/versions",
        safety="write",
        summary="Make an earlier version of a function its latest code, without deploying it.",
        words=(
            "rollback revert undo previous old history back versioning roll last week version earlier script mistake "
            "broken yesterday's fails wrong"
        ),
        answer=("version",),
        body=True,
        stability="alpha",
        feature="functions",
    ),
    Operation(
        "getFunctionVersion",
        GET,
        "/functions/{functionId}/versions/{versionId}",
        safety="read",
        summary="Read one version of a function: its code, its author, and whether it's deployed.",
        words="revision history old previous show compare diff code earlier",
        answer=("version",),
        stability="alpha",
        feature="functions",
    ),
    Operation(
        "listInsertFunctionInstances",
        GET,
        "/insert-function-instances",
        safety="read",
        summary="List where an insert function is attached, and with which settings.",
        words=(
            "connected destinations used middleware enrichment attachments enabled pipeline front tools runs hooked "
            "script enriched attached anywhere sit"
        ),
        answer=("instances", "pagination"),
        query=("pagination", "functionId"),
        pagination="cursor",
        stability="alpha",
        feature="functions",
    ),
    Operation(
        "createInsertFunctionInstance",
        POST,
        "/insert-function-instances",
        safety="write",
        summary="Attach an insert function to a source or destination.",
        words=(
            "connect add middleware enrich transform before hook apply enable front run destination snippet script "
            "connector masking attach between ahead cleaner detector"
        ),
        answer=("insertFunctionInstance",),
        body=True,
        stability="alpha",
        feature="functions",
    ),
    Operation(
        "getInsertFunctionInstance",
        GET,
        "/insert-function-instances/{instanceId}",
        safety="read",
        summary="Read one attachment of an insert function: where it is, its settings, whether it's on.",
        words=(
            "middleware details enabled connected destination configuration instances configured front settings "
            "script attached active"
        ),
        answer=("insertFunctionInstance",),
        stability="alpha",
        feature="functions",
    ),
    Operation(
        "updateInsertFunctionInstance",
        PATCH,
        "/insert-function-instances/{instanceId}",
        safety="write",
        summary="Change an attached insert function's settings or name, or switch it on or off.",
        words=(
            "edit enable disable pause middleware configure rename rotate api key front settings another salt "
            "parameter script switch turn"
        ),
        answer=("insertFunctionInstance",),
        body=True,
        stability="alpha",
        feature="functions",
    ),
    Operation(
        "deleteInsertFunctionInstance",
        DELETE,
        "/insert-function-instances/{instanceId}",
        safety="destroy",
        summary="Detach an insert function from its source or destination.",
        words=(
            "remove disconnect unlink middleware stop drop attachment front raw between script run doesn't unhook "
            "detach"
        ),
        harm=(
            "Events pass without its code from now on, maybe with data that it took out; its settings are gone and "
            "must be given anew."
        ),
        answer=("status",),
        stability="alpha",
        feature="functions",
    ),
)
