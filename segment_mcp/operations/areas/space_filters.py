"""Space filters: which events of an integration a Unify space leaves out."""

from segment_mcp.operations.operation import DELETE, GET, PATCH, POST, Operation

OPERATIONS = (
    Operation(
        "listFiltersForSpace",
        GET,
        "/filters",
        safety="read",
        summary="List the filters that decide which events are kept out of a space.",
        words="unify personas engage drop block exclude rules fql profiles blocking protect",
        answer=("filters",),
        query=("integrationId", "pagination"),
        pagination="cursor",
        per_page=10,
        stability="beta",
        feature="space-filters",
    ),
    Operation(
        "createFilterForSpace",
        POST,
        "/filters",
        safety="destroy",
        summary="Add a filter that keeps matching events, from any connected source, out of a space.",
        words=(
            "unify personas engage drop block exclude new noise rule fql identity resolution profiles bot traffic "
            "test internal build mess employees crawler ignore office turn health-check"
        ),
        harm=(
            "Events that match never reach the space's profiles; switching the filter off later doesn't bring them "
            "back."
        ),
        answer=("filter",),
        body=True,
        stability="beta",
        feature="space-filters",
        audit=("Filter Created",),
    ),
    Operation(
        "getFilterById",
        GET,
        "/filters/{id}",
        safety="read",
        summary="Read one space filter: its condition, and whether it is on and drops events.",
        words="unify personas engage details show rule fql block exclude condition",
        answer=("filter",),
        stability="beta",
        feature="space-filters",
    ),
    Operation(
        "updateFilterById",
        PATCH,
        "/filters/{id}",
        safety="destroy",
        summary="Replace a space filter's condition, name or state.",
        words=(
            "unify personas engage edit change fql enable disable rule drop modify toggle cover switch condition "
            "different pause"
        ),
        harm=(
            "Overwrites the former filter, which isn't kept; events dropped by the new condition never reach the space."
        ),
        answer=("filter",),
        body=True,
        stability="beta",
        feature="space-filters",
        audit=("Filter Updated",),
    ),
    Operation(
        "deleteFilterById",
        DELETE,
        "/filters/{id}",
        safety="destroy",
        summary="Delete a space filter, so that events of that kind come in from then on.",
        words="unify personas engage remove unblock drop rule fql erase stop keeping allow welcome",
        harm=(
            "The filter is gone for good, and events like those it kept out flow into the space's profiles from then "
            "on."
        ),
        answer=("deleted",),
        stability="beta",
        feature="space-filters",
        audit=("Filter Deleted",),
    ),
)
