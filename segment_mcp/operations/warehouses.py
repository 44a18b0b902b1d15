"""Warehouses: where Segment keeps what the sources sent."""

from segment_mcp.operations.operation import GET, Operation

OPERATIONS = (
    Operation(
        "listWarehouses",
        GET,
        "/warehouses",
        safety="read",
        answer=("warehouses", "pagination"),
        query=("pagination",),
        summary="List the workspace's warehouses.",
    ),
)
