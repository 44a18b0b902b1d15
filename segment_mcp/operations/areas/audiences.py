"""Audiences: groups of profiles in a Unify space, their runs, schedules and previews."""

from segment_mcp.operations.operation import DELETE, GET, PATCH, POST, Operation

OPERATIONS = (
    Operation(
        "listAudiences",
        GET,
        "/spaces/{spaceId}/audiences",
        safety="read",
        summary="List or search a space's audiences by name, key or definition.",
        words=(
            "segments cohorts groups lists engage personas find lookup size schedules exist named called search "
            "people churned"
        ),
        answer=("audiences", "pagination"),
        query=("search", "pagination", "include"),
        pagination="cursor",
        per_minute=60,
        feature="audience",
    ),
    Operation(
        "createAudience",
        POST,
        "/spaces/{spaceId}/audiences",
        safety="write",
        summary="Make an audience of users, accounts or entities in a space, from a query.",
        words=(
            "new build segment cohort group list engage personas define linked people bought last days customers "
            "condition visitors users abandoned target opened players collect looked basket ordered"
        ),
        answer=("audience",),
        body=True,
        per_minute=50,
        feature="audience",
        audit=("Audience Created",),
    ),
    Operation(
        "createAudiencePreview",
        POST,
        "/spaces/{spaceId}/audiences/previews",
        safety="write",
        summary="Try an audience's query and estimate its size; uses up one of 700 previews a month.",
        words=(
            "test dry run simulate draft segment cohort how many would match guess before saving people estimate "
            "roughly condition asked large save size head count"
        ),
        answer=("audiencePreview",),
        body=True,
        per_minute=5,
        quota="700 a month for each space",
        feature="audience",
        audit=("Audience Preview Created",),
    ),
    Operation(
        "getAudiencePreview",
        GET,
        "/spaces/{spaceId}/audiences/previews/{id}",
        safety="read",
        summary="Read whether an audience preview has finished, how many it found, and some of them.",
        words=(
            "result status poll estimate size count sample members matched segment cohort started ready found far "
            "head worked"
        ),
        answer=("audiencePreview",),
        per_minute=300,
        feature="audience",
    ),
    Operation(
        "forceExecuteAudienceRun",
        POST,
        "/spaces/{spaceId}/audiences/{audienceId}/runs",
        safety="destroy",
        summary="Run a linked audience now instead of waiting for its schedule.",
        words="trigger immediately refresh recompute manual start kick rerun compute on demand wait stale date minute",
        harm=(
            "Changes since the last run are sent to connected destinations at once; what was sent can't be called back."
        ),
        answer=("run",),
        feature="audience",
        only_for="audienceType:LINKED",
        audit=("Audience Run Forced",),
    ),
    Operation(
        "getAudience",
        GET,
        "/spaces/{spaceId}/audiences/{id}",
        safety="read",
        summary="Read one audience: its definition, size, status and, if asked for, its schedules.",
        words=(
            "segment cohort details how many members count people engage personas computing big defined definition "
            "size users"
        ),
        answer=("audience",),
        query=("include",),
        per_minute=100,
        feature="audience",
    ),
    Operation(
        "updateAudienceForSpace",
        PATCH,
        "/spaces/{spaceId}/audiences/{id}",
        safety="destroy",
        summary="Change an audience's name, definition or options, or switch it on or off.",
        words=(
            "edit rename redefine segment cohort enable disable pause condition recompute engage start threshold "
            "include exclude switch days stricter loosen"
        ),
        harm=(
            "Who belongs is worked out anew, under a lock; those who enter or leave are passed to connected tools, "
            "which can't be undone."
        ),
        answer=("audience",),
        body=True,
        per_minute=50,
        feature="audience",
        audit=("Audience Modified",),
    ),
    Operation(
        "removeAudienceFromSpace",
        DELETE,
        "/spaces/{spaceId}/audiences/{id}",
        safety="destroy",
        summary="Delete an audience from its space.",
        words="drop erase segment cohort group list engage personas trash campaign old day",
        harm=(
            "The audience and its definition are gone and can't be restored, only built anew; nothing can be "
            "activated from it any more."
        ),
        answer=("status",),
        per_minute=50,
        feature="audience",
        audit=("Audience Deleted",),
    ),
    Operation(
        "listAudienceConsumersFromSpaceAndAudience",
        GET,
        "/spaces/{spaceId}/audiences/{id}/audience-references",
        safety="read",
        summary="List the other audiences whose definitions refer to this one.",
        words=(
            "references dependents used by depends impact lineage nested downstream which segments before deleting "
            "built break cohorts I depend"
        ),
        answer=("audiences", "pagination"),
        query=("pagination", "search", "sort"),
        pagination="cursor",
        per_minute=25,
        stability="alpha",
        feature="audience",
    ),
    Operation(
        "listAudienceSchedulesFromSpaceAndAudience",
        GET,
        "/spaces/{spaceId}/audiences/{id}/schedules",
        safety="read",
        summary="List when an audience is set to run, and when it runs next.",
        words=(
            "cadence frequency timetable refresh interval times cron recompute often refreshed computed next "
            "recalculated due rhythm"
        ),
        answer=("audienceSchedules",),
        feature="audience",
    ),
    Operation(
        "addAudienceScheduleToAudience",
        POST,
        "/spaces/{spaceId}/audiences/{id}/schedules",
        safety="write",
        summary="Set when a linked audience runs: at an interval, or on days and hours.",
        words=(
            "create cadence frequency timetable refresh periodic cron automatic weekly daily six hours monday compute "
            "recalculated day run morning date"
        ),
        answer=("audienceSchedule",),
        body=True,
        per_minute=50,
        feature="audience",
        only_for="audienceType:LINKED",
    ),
    Operation(
        "getAudienceScheduleFromSpaceAndAudience",
        GET,
        "/spaces/{spaceId}/audiences/{id}/schedules/{scheduleId}",
        safety="read",
        summary="Read one schedule of an audience: its interval or days, and when it runs next.",
        words="cadence frequency timetable refresh single execution timezone days schedule cover",
        answer=("audienceSchedule",),
        feature="audience",
    ),
    Operation(
        "updateAudienceScheduleForAudience",
        PATCH,
        "/spaces/{spaceId}/audiences/{id}/schedules/{scheduleId}",
        safety="write",
        summary="Change the interval, or the days and hours, at which a linked audience runs.",
        words=(
            "edit reschedule cadence frequency timetable refresh periodic move timing weekly daily hourly different "
            "hours often enough weekdays"
        ),
        answer=("audienceSchedule",),
        body=True,
        per_minute=50,
        feature="audience",
        only_for="audienceType:LINKED",
    ),
    Operation(
        "removeAudienceScheduleFromAudience",
        DELETE,
        "/spaces/{spaceId}/audiences/{id}/schedules/{scheduleId}",
        safety="destroy",
        summary="Delete a schedule of a linked audience, so that it no longer runs by it.",
        words=(
            "stop automatic refresh unschedule cadence cancel frequency timetable refreshed automatically recompute "
            "hand run"
        ),
        harm="The audience no longer runs by itself at those times; the schedule can't be restored, only made anew.",
        answer=("status",),
        per_minute=50,
        feature="audience",
        only_for="audienceType:LINKED",
    ),
)
