"""Unify spaces, and their users' messaging subscriptions."""

from segment_mcp.operations.operation import GET, POST, PUT, Operation

OPERATIONS = (
    Operation(
        "listSpaces",
        GET,
        "/spaces",
        safety="read",
        summary="List the workspace's spaces.",
        words="unify personas engage profiles environments all ids which separate dev prod share environment",
        answer=("spaces", "pagination"),
        query=("pagination",),
        pagination="cursor",
        stability="alpha",
        feature="spaces",
    ),
    Operation(
        "getSpace",
        GET,
        "/spaces/{spaceId}",
        safety="read",
        summary="Read one space: its name and slug.",
        words="unify personas engage profiles details show id environment name behind slug called",
        answer=("space",),
        stability="alpha",
        feature="spaces",
    ),
    Operation(
        "replaceMessagingSubscriptionsInSpaces",
        PUT,
        "/spaces/{spaceId}/messaging-subscriptions",
        safety="destroy",
        summary="Set whether contacts are opted in to messages; Segment ends this call after 2025-12-15.",
        words=(
            "consent unsubscribe opt-out marketing email sms push whatsapp engage preferences stop texted message "
            "number mail newsletter phone customer contact record opted unsubscribed clicked mailing opt subscribers"
        ),
        harm="Overwrites people's recorded consent, so they may get or miss messages; earlier choices aren't kept.",
        answer=("successes", "failures"),
        body=True,
        per_minute=60,
        stability="alpha",
        feature="spaces",
        sunset="2025-12-15",
    ),
    Operation(
        "batchQueryMessagingSubscriptionsForSpace",
        POST,
        "/spaces/{spaceId}/messaging-subscriptions/batch",
        safety="read",
        summary="Look up which contacts are opted in to messages; Segment ends this call after 2025-12-15.",
        words=(
            "consent unsubscribed opt-out marketing email sms push whatsapp engage status preferences check text "
            "message customers allowed opted phone newsletter contact subscribed send numbers agreed mail"
        ),
        answer=("successes", "failures", "errors"),
        body=True,
        stability="alpha",
        feature="spaces",
        sunset="2025-12-15",
    ),
)
