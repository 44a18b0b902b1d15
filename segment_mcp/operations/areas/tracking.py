"""The Tracking API: the six kinds of event, and many of them at once."""

from segment_mcp.operations.operation import POST, Operation

OPERATIONS = (
    Operation(
        "identify",
        POST,
        "/v1/identify",
        "write",
        "Tie a user to their traits.",
        words=(
            "save store note who person email name plan profile attribute property customer called signed changed "
            "upsert contact phone number"
        ),
        api="tracking",
    ),
    Operation(
        "track",
        POST,
        "/v1/track",
        "write",
        "Record what a user did.",
        words=(
            "event action happened bought paid ordered clicked signed finished completed log note customer send "
            "report downloaded"
        ),
        api="tracking",
    ),
    Operation(
        "page",
        POST,
        "/v1/page",
        "write",
        "Record a page view.",
        words="viewed visited opened looked website browser url visitor contact log report send",
        api="tracking",
    ),
    Operation(
        "screen",
        POST,
        "/v1/screen",
        "write",
        "Record a mobile screen view.",
        words="viewed opened shown looked app phone log report send",
        api="tracking",
    ),
    Operation(
        "group",
        POST,
        "/v1/group",
        "write",
        "Tie a user to a group and its traits.",
        words="company account organization team works belongs member connect under log record assign put",
        api="tracking",
    ),
    Operation(
        "alias",
        POST,
        "/v1/alias",
        "write",
        "Merge a previous identity into a user.",
        words="join combine link anonymous visitor same person turned out really logged known id",
        api="tracking",
    ),
    Operation(
        "batch",
        POST,
        "/v1/batch",
        "write",
        "Send many events in one request.",
        words="bulk together upload pile collected several lot hand over post call at once import bunch past",
        api="tracking",
    ),
)
