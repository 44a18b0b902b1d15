"""Destinations and their subscriptions: where events go, and how well they arrive."""

from segment_mcp.operations.operation import DELETE, GET, PATCH, POST, Operation

OPERATIONS = (
    Operation(
        "listDestinations",
        GET,
        "/destinations",
        safety="read",
        summary="List the workspace's destinations.",
        words=(
            "integrations tools connected connectors downstream enabled overview inventory sending running turned "
            "receive data pass forward vendors currently third-party plugged state active fed inactive partners"
        ),
        answer=("destinations", "pagination"),
        query=("pagination",),
        pagination="cursor",
    ),
    Operation(
        "createDestination",
        POST,
        "/destinations",
        safety="write",
        summary="Connect a source to a new destination, switched on or off as asked.",
        words=(
            "add integration set up tool connector forward enable install downstream bought hook wire start sending "
            "connect send data vendor purchases backend contract signed events pipe purchased let's trial evaluate "
            "try adopt"
        ),
        answer=("destination",),
        body=True,
        audit=("Integration Created",),
    ),
    Operation(
        "getDestination",
        GET,
        "/destinations/{destinationId}",
        safety="read",
        summary="Read one destination.",
        words=(
            "integration settings config details enabled connector tool api key configured turned data centre region "
            "endpoint"
        ),
        answer=("destination",),
        asks_elsewhere=True,
    ),
    Operation(
        "updateDestination",
        PATCH,
        "/destinations/{destinationId}",
        safety="write",
        summary="Rename a destination, switch it on or off, or change its settings.",
        words=(
            "edit integration enable disable pause resume stop turn api key configure token region endpoint "
            "temporarily halt setting data centre swap project recreated mute stays flip points wrong subdomain host "
            "eu credentials expired"
        ),
        answer=("destination",),
        body=True,
        audit=("Integration Disabled",),
    ),
    Operation(
        "deleteDestination",
        DELETE,
        "/destinations/{destinationId}",
        safety="destroy",
        summary="Delete a destination; nothing is sent to it any more.",
        words=(
            "remove integration disconnect uninstall drop tool connector cancelled left contract ended stop ran "
            "expired replaced setup altogether history unplug stopped quit terminated anymore clean"
        ),
        harm="Events no longer reach that tool, and the settings are gone; it can't be restored, only set up anew.",
        answer=("status",),
        audit=("Integration Deleted",),
    ),
    Operation(
        "listDeliveryMetricsSummaryFromDestination",
        GET,
        "/destinations/{destinationId}/delivery-metrics",
        safety="read",
        summary="Count what a destination received from a source: delivered, retried, discarded, expired.",
        words=(
            "integration health success rate latency errors event failing performance how well slow p95 retries "
            "discarded receiving reliability healthy retry discard numbers lag percentile trouble"
        ),
        answer=("deliveryMetricsSummary",),
        query=("sourceId", "startTime", "endTime", "granularity"),
        stability="beta",
        asks_elsewhere=True,
    ),
    Operation(
        "listSubscriptionsFromDestination",
        GET,
        "/destinations/{destinationId}/subscriptions",
        safety="read",
        summary="List a destination's mappings: which events trigger which action.",
        words=(
            "mapping actions enabled fql fields configured integration triggers mapped fires sending exactly active "
            "fire event"
        ),
        answer=("subscriptions",),
        query=("pagination",),
        pagination="cursor",
        stability="alpha",
        feature="destination-subscriptions",
    ),
    Operation(
        "createDestinationSubscription",
        POST,
        "/destinations/{destinationId}/subscriptions",
        safety="write",
        summary="Add a mapping to a destination: on which events it does which action.",
        words=(
            "new subscribe mappings fql trigger field integration reverse etl enable map translate action event fire "
            "contact purchase conversion carry call lead post message deal signup translates custom"
        ),
        answer=("destinationSubscription",),
        body=True,
        per_minute=5,
        stability="alpha",
        feature="destination-subscriptions",
    ),
    Operation(
        "getSubscriptionFromDestination",
        GET,
        "/destinations/{destinationId}/subscriptions/{id}",
        safety="read",
        summary="Read one mapping of a destination: its trigger, action and fields.",
        words="mappings details fql enabled configuration integration schedule fires trigger condition fill open fire",
        answer=("subscription",),
        stability="alpha",
        feature="destination-subscriptions",
    ),
    Operation(
        "updateSubscriptionForDestination",
        PATCH,
        "/destinations/{destinationId}/subscriptions/{id}",
        safety="write",
        summary="Change a mapping's trigger, fields or Reverse ETL schedule, or switch it on or off.",
        words=(
            "edit mappings enable disable pause fql rename integration cron fix wrong value correct field condition "
            "fire trigger different carry fill country name fills hourly daily run pass lacks complete"
        ),
        answer=("subscription",),
        body=True,
        per_minute=5,
        stability="alpha",
        feature="destination-subscriptions",
    ),
    Operation(
        "removeSubscriptionFromDestination",
        DELETE,
        "/destinations/{destinationId}/subscriptions/{id}",
        safety="destroy",
        summary="Delete a mapping, so that the destination no longer does that action.",
        words="mappings unsubscribe stop trigger drop unmap integration sending event action told mapped",
        harm=(
            "Matching events no longer trigger the action, and the mapping is gone; it can't be restored, only made "
            "anew."
        ),
        answer=("status",),
        per_minute=5,
        stability="alpha",
        feature="destination-subscriptions",
    ),
)
