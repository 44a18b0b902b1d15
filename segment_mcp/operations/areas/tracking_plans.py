"""Tracking plans: which events are meant to exist, and how they should look."""

from segment_mcp.operations.operation import DELETE, GET, PATCH, POST, PUT, Operation

OPERATIONS = (
    Operation(
        "listTrackingPlans",
        GET,
        "/tracking-plans",
        safety="read",
        summary="List the workspace's tracking plans.",
        words=(
            "protocols schemas specs data governance libraries templates all event which taxonomy spec exist hold "
            "events against plans agreed"
        ),
        answer=("trackingPlans", "pagination"),
        query=("type", "pagination"),
        pagination="cursor",
        feature="protocols",
    ),
    Operation(
        "createTrackingPlan",
        POST,
        "/tracking-plans",
        safety="write",
        summary="Make a new tracking plan, still without rules.",
        words=(
            "add protocols spec schema governance taxonomy library template start empty project programme team begin "
            "draft product blank"
        ),
        answer=("trackingPlan",),
        body=True,
        feature="protocols",
    ),
    Operation(
        "getTrackingPlan",
        GET,
        "/tracking-plans/{trackingPlanId}",
        safety="read",
        summary="Read one tracking plan: its name, description and type, without its rules.",
        words=(
            "protocols spec details show governance slug updated metadata description live template maintains last "
            "owner purpose type"
        ),
        answer=("trackingPlan",),
        feature="protocols",
    ),
    Operation(
        "updateTrackingPlan",
        PATCH,
        "/tracking-plans/{trackingPlanId}",
        safety="write",
        summary="Change a tracking plan's name or description.",
        words=(
            "rename edit protocols spec retitle metadata reword title typo description called wording wrong better "
            "clearer name proper"
        ),
        answer=("status",),
        body=True,
        feature="protocols",
    ),
    Operation(
        "deleteTrackingPlan",
        DELETE,
        "/tracking-plans/{trackingPlanId}",
        safety="destroy",
        summary="Delete a tracking plan and all its rules.",
        words="remove drop protocols spec schema erase retire governance old campaign plan merged",
        harm="The plan and its rules are gone and Segment can't recover them; connected sources are no longer checked.",
        answer=("status",),
        feature="protocols",
    ),
    Operation(
        "listRulesFromTrackingPlan",
        GET,
        "/tracking-plans/{trackingPlanId}/rules",
        safety="read",
        summary="List the rules of a tracking plan.",
        words=(
            "planned events json schema properties required protocols expected definitions spec contents defined plan "
            "export dictionary schemas allowed agreed documented expect"
        ),
        answer=("rules", "pagination"),
        query=("pagination",),
        pagination="cursor",
        per_minute=200,
        feature="protocols",
    ),
    Operation(
        "replaceRulesInTrackingPlan",
        PUT,
        "/tracking-plans/{trackingPlanId}/rules",
        safety="destroy",
        summary="Set the whole list of a tracking plan's rules; those not sent are dropped.",
        words=(
            "overwrite all import planned events json schema protocols reset bulk upload spec file complete match git "
            "copy scratch contents exactly place full discard rewrite spreadsheet export forget consist start push"
        ),
        harm="Rules not sent are gone for good, and their events may be flagged or blocked on connected sources.",
        answer=("status",),
        body=True,
        feature="protocols",
    ),
    Operation(
        "updateRulesInTrackingPlan",
        PATCH,
        "/tracking-plans/{trackingPlanId}/rules",
        safety="destroy",
        summary="Add rules to a tracking plan, or replace or rename the ones it already has.",
        words=(
            "upsert edit event property json schema protocols planned required new define spec change mandatory "
            "optional called renamed include type declare field number string tighten positive mark"
        ),
        harm=(
            "Overwrites each rule sent that exists, keeping no copy; live events may be flagged or blocked by the new "
            "schema."
        ),
        answer=("status",),
        body=True,
        feature="protocols",
    ),
    Operation(
        "removeRulesFromTrackingPlan",
        DELETE,
        "/tracking-plans/{trackingPlanId}/rules",
        safety="destroy",
        summary="Delete chosen rules of a tracking plan.",
        words="planned event drop protocols unplan schema spec erase prune plan strike kick",
        harm=(
            "The rules are gone for good; their events become unplanned and may be flagged or blocked on connected "
            "sources."
        ),
        answer=("status",),
        query=("rules",),
        feature="protocols",
    ),
    Operation(
        "listSourcesFromTrackingPlan",
        GET,
        "/tracking-plans/{trackingPlanId}/sources",
        safety="read",
        summary="List the sources that a tracking plan is applied to.",
        words=(
            "connected attached protocols validated enforced which governed checked websites apps against follow held "
            "apply obey applied"
        ),
        answer=("sources", "pagination"),
        query=("pagination",),
        pagination="cursor",
        feature="protocols",
        roles=("Source Read-only", "Tracking Plan Read-only"),
    ),
    Operation(
        "addSourceToTrackingPlan",
        POST,
        "/tracking-plans/{trackingPlanId}/sources",
        safety="write",
        summary="Connect a source to a tracking plan, so that its events are checked against the rules.",
        words=(
            "attach apply validate enforce protocols spec assign link govern schema hold check against follow app "
            "obey comply checked"
        ),
        answer=("status",),
        body=True,
        feature="protocols",
        audit=("Source Modified",),
    ),
    Operation(
        "removeSourceFromTrackingPlan",
        DELETE,
        "/tracking-plans/{trackingPlanId}/sources",
        safety="destroy",
        summary="Disconnect a source from a tracking plan, so that its events are no longer checked.",
        words=(
            "detach unlink stop validation enforcement protocols spec unassign follow checked validated free app "
            "exempt check against"
        ),
        harm=(
            "Faulty or unplanned events pass unchecked from then on; the source can be connected again, but those "
            "events stay."
        ),
        answer=("status",),
        query=("sourceId",),
        feature="protocols",
        audit=("Source Modified",),
    ),
)
