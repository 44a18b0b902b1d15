"""Delivery overview: how many events passed or failed at each stage of their way."""

from segment_mcp.operations.operation import GET, Operation

OPERATIONS = (
    Operation(
        "getEgressFailedMetricsFromDeliveryOverview",
        GET,
        "/delivery-overview/failed-delivery",
        safety="read",
        summary="Count events that a destination couldn't be given, over time and by reason.",
        words=(
            "errors undelivered rejected failing broken integration discard outbound why missing bouncing refuses "
            "reason codes arriving tool doesn't accept wrong stopped taking reasons complain trouble"
        ),
        answer=("dataset", "total", "pagination"),
        query=(
            "sourceId",
            "destinationConfigId",
            "startTime",
            "endTime",
            "groupBy",
            "granularity",
            "filter",
            "pagination",
        ),
        pagination="cursor",
        stability="beta",
    ),
    Operation(
        "getIngressFailedMetricsFromDeliveryOverview",
        GET,
        "/delivery-overview/failed-on-ingest",
        safety="read",
        summary="Count a source's events that Segment refused as invalid, over time and by reason.",
        words=(
            "rejected ingest errors validation dropped malformed incoming discard pipeline missing why broken invalid "
            "refuse backend sends bad lost payloads hit calls junk won't didn't pass checks often couldn't"
        ),
        answer=("dataset", "total", "pagination"),
        query=("sourceId", "startTime", "endTime", "groupBy", "granularity", "filter", "pagination"),
        pagination="cursor",
        stability="beta",
    ),
    Operation(
        "getFilteredAtDestinationMetricsFromDeliveryOverview",
        GET,
        "/delivery-overview/filtered-at-destination",
        safety="read",
        summary="Count events kept from a destination by filters, triggers or consent, over time and by reason.",
        words=(
            "blocked dropped discard mapping insert function skipped missing integration pipeline excluded reach "
            "filtered sent held filters reason count"
        ),
        answer=("dataset", "total", "pagination"),
        query=(
            "sourceId",
            "destinationConfigId",
            "startTime",
            "endTime",
            "groupBy",
            "granularity",
            "filter",
            "pagination",
        ),
        pagination="cursor",
        stability="beta",
    ),
    Operation(
        "getFilteredAtSourceMetricsFromDeliveryOverview",
        GET,
        "/delivery-overview/filtered-at-source",
        safety="read",
        summary="Count a source's events that its schema settings or tracking plan kept out, and why.",
        words=(
            "blocked dropped protocols violations unplanned discard reason missing pipeline discarded plan unknown "
            "spec blocking block led often left schema rules lost enforcement count lose"
        ),
        answer=("dataset", "total", "pagination"),
        query=("sourceId", "startTime", "endTime", "groupBy", "granularity", "filter", "pagination"),
        pagination="cursor",
        stability="beta",
    ),
    Operation(
        "getEgressSuccessMetricsFromDeliveryOverview",
        GET,
        "/delivery-overview/successful-delivery",
        safety="read",
        summary="Count events that reached a destination, over time, by event, type, mapping or audience.",
        words=(
            "delivered sent arrived working integration outbound rate successfully arrive reached tool purchases "
            "morning received orders signups"
        ),
        answer=("dataset", "total", "pagination"),
        query=(
            "sourceId",
            "destinationConfigId",
            "startTime",
            "endTime",
            "groupBy",
            "granularity",
            "filter",
            "pagination",
        ),
        pagination="cursor",
        stability="beta",
    ),
    Operation(
        "getIngressSuccessMetricsFromDeliveryOverview",
        GET,
        "/delivery-overview/successfully-received",
        safety="read",
        summary="Count a source's events that Segment took in, over time, by event, type or app version.",
        words=(
            "received ingested arrived accepted incoming pipeline debugger volume are coming arrive test event "
            "receive release app version fired alive hour last silent sends data heard"
        ),
        answer=("dataset", "total", "pagination"),
        query=("sourceId", "startTime", "endTime", "groupBy", "granularity", "filter", "pagination"),
        pagination="cursor",
        stability="beta",
    ),
)
