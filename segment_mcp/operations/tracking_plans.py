"""Tracking plans: which events are meant to exist, and how they should look."""

from segment_mcp.operations.operation import GET, Operation

OPERATIONS = (
    Operation(
        "listTrackingPlans",
        GET,
        "/tracking-plans",
        safety="read",
        answer=("trackingPlans", "pagination"),
        query=("type", "pagination"),
        summary="List the workspace's tracking plans.",
    ),
    Operation(
        "getTrackingPlan",
        GET,
        "/tracking-plans/{trackingPlanId}",
        safety="read",
        answer=("trackingPlan",),
        summary="Read one tracking plan.",
    ),
    Operation(
        "listRulesFromTrackingPlan",
        GET,
        "/tracking-plans/{trackingPlanId}/rules",
        safety="read",
        answer=("rules", "pagination"),
        query=("pagination",),
        per_minute=200,
        summary="List the rules of a tracking plan.",
    ),
)
