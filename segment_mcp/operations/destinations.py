"""Destinations: where events go, and how well they arrive."""

from segment_mcp.operations.operation import GET, Operation

OPERATIONS = (
    Operation(
        "listDestinations",
        GET,
        "/destinations",
        safety="read",
        answer=("destinations", "pagination"),
        query=("pagination",),
        summary="List the workspace's destinations.",
    ),
    Operation(
        "getDestination",
        GET,
        "/destinations/{destinationId}",
        safety="read",
        answer=("destination",),
        asks_elsewhere=True,
        summary="Read one destination.",
    ),
    Operation(
        "listDeliveryMetricsSummaryFromDestination",
        GET,
        "/destinations/{destinationId}/delivery-metrics",
        safety="read",
        answer=("deliveryMetricsSummary",),
        stability="beta",
        query=("sourceId", "startTime", "endTime", "granularity"),
        asks_elsewhere=True,
        summary="Count what a destination received from a source: delivered, retried, discarded, expired.",
    ),
)
