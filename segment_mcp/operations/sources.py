"""Sources: where events come from, their write keys, labels, schema settings and connections."""

from segment_mcp.operations.operation import DELETE, GET, PATCH, POST, Operation

OPERATIONS = (
    Operation(
        "listSources", GET, "/sources", safety="read", query=("pagination",),
        summary="List the workspace's sources.",
    ),
    Operation("getSource", GET, "/sources/{sourceId}", safety="read", summary="Read one source."),
    Operation(
        "updateSource", PATCH, "/sources/{sourceId}", safety="write",
        summary="Rename a source, switch it on or off, or change its settings.",
    ),
    Operation(
        "deleteSource", DELETE, "/sources/{sourceId}", safety="destroy",
        summary="Delete a source; its write keys stop working and it can't be restored.",
    ),
    Operation(
        "addLabelsToSource", POST, "/sources/{sourceId}/labels", safety="write",
        summary="Put labels that the workspace already has on a source.",
    ),
    Operation(
        "createWriteKeyForSource", POST, "/sources/{sourceId}/writekey", safety="write", stability="alpha",
        summary="Give a source one more write key.",
    ),
    Operation(
        "removeWriteKeyFromSource", DELETE, "/sources/{sourceId}/writekey/{writeKey}", safety="destroy",
        stability="alpha", summary="Revoke a write key; whatever still sends with it is lost.",
    ),
    Operation(
        "listConnectedDestinationsFromSource", GET, "/sources/{sourceId}/connected-destinations", safety="read",
        query=("pagination",), summary="List the destinations that a source feeds.",
    ),
    Operation(
        "listConnectedWarehousesFromSource", GET, "/sources/{sourceId}/connected-warehouses", safety="read",
        query=("pagination",), summary="List the warehouses that a source feeds.",
    ),
    Operation(
        "listSchemaSettingsInSource", GET, "/sources/{sourceId}/settings", safety="read",
        summary="Read what a source does with events, properties and traits that its tracking plan lacks.",
    ),
)  # fmt: skip
