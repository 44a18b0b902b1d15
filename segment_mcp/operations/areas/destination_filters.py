"""Destination filters: which events and fields don't reach a destination."""

from segment_mcp.operations.operation import DELETE, GET, PATCH, POST, Operation

OPERATIONS = (
    Operation(
        "previewDestinationFilter",
        POST,
        "/destination/filters/preview",
        safety="read",
        summary="Show what a filter would leave of a sample event, without saving anything.",
        words=(
            "test simulate try dry run fql condition check before payload saving match drop sample event attached "
            "left mind dry-run applied example correct here's"
        ),
        answer=("inputPayload", "result"),
        body=True,
    ),
    Operation(
        "listFiltersFromDestination",
        GET,
        "/destination/{destinationId}/filters",
        safety="read",
        summary="List the filters of a destination: which events or fields they hold back, and which are on.",
        words=(
            "fql rules blocked dropped sampled allowlist blocklist integration held events excluded sampling decide "
            "place hold sent"
        ),
        answer=("filters", "pagination"),
        query=("pagination",),
        pagination="cursor",
    ),
    Operation(
        "createFilterForDestination",
        POST,
        "/destination/{destinationId}/filters",
        safety="destroy",
        summary="Keep events or fields from a destination, or pass only a sample of them.",
        words=(
            "add new drop block exclude allowlist blocklist fql pii strip condition integration percent sample send "
            "reach field email forward ip event type phone numbers mustn't leave lawyers privacy staff employees "
            "orders mask dropping internal noisy cheap expensive save volume"
        ),
        harm=(
            "Matching events or fields no longer reach the destination; switching the filter off later does not bring "
            "them back."
        ),
        answer=("filter",),
        body=True,
        audit=("Destination Filter Created",),
    ),
    Operation(
        "getFilterInDestination",
        GET,
        "/destination/{destinationId}/filters/{filterId}",
        safety="read",
        summary="Read one filter of a destination: its condition, its actions, and whether it is on.",
        words="fql details rule drop sample blocked single condition pass sampling explain",
        answer=("filter",),
    ),
    Operation(
        "updateFilterForDestination",
        PATCH,
        "/destination/{destinationId}/filters/{filterId}",
        safety="destroy",
        summary="Change a destination filter's condition, actions or title, or switch it on or off.",
        words=(
            "edit fql rule enable disable pause drop allowlist sample rename loosen tighten percent sampling "
            "condition different pass strip turned day broaden narrow ignore another relax strict"
        ),
        harm=(
            "Live events are kept back or let through the new way; what was dropped or sent meanwhile can't be "
            "brought back."
        ),
        answer=("filter",),
        body=True,
        audit=("Destination Filter Enabled", "Destination Filter Disabled"),
    ),
    Operation(
        "removeFilterFromDestination",
        DELETE,
        "/destination/{destinationId}/filters/{filterId}",
        safety="destroy",
        summary="Delete a filter, so that the destination receives what it held back.",
        words="drop unblock fql rule allow through stop filtering lift sampling full",
        harm=(
            "Events and fields that it held back now go to the destination, maybe personal data; what was sent can't "
            "be called back."
        ),
        answer=("status",),
        audit=("Destination Filter Deleted",),
    ),
)
