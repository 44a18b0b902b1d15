"""Deletion and suppression: what a person may ask under GDPR and CCPA."""

from segment_mcp.operations.operation import GET, POST, Operation

OPERATIONS = (
    Operation(
        "listWorkspaceRegulations",
        GET,
        "/regulations",
        safety="read",
        summary="List deletion and suppression requests for the whole workspace, from the last 90 days.",
        words=(
            "gdpr ccpa privacy erasure forget me rtbf pending status opt out history requests deletion weeks stand "
            "open asked lately forgotten filed"
        ),
        answer=("regulations", "pagination"),
        query=("status", "regulationTypes", "pagination"),
        pagination="cursor",
    ),
    Operation(
        "createWorkspaceRegulation",
        POST,
        "/regulations",
        safety="destroy",
        summary="Delete or suppress people's data across the workspace, or stop suppressing it.",
        words=(
            "gdpr ccpa privacy erase erasure forget me forgotten opt out unsuppress purge user customer everywhere "
            "consent objected suppress collect withdrew stop collecting systems"
        ),
        harm=(
            "Deletion erases their data for good, with some types in connected tools too; what suppression blocks "
            "meanwhile is lost."
        ),
        answer=("regulateId",),
        body=True,
        per_minute=600,
        regulates=True,
    ),
    Operation(
        "createCloudSourceRegulation",
        POST,
        "/regulations/cloudsources/{sourceId}",
        safety="destroy",
        summary="Delete or suppress objects in one collection of a cloud source, or stop suppressing them.",
        words=(
            "gdpr ccpa privacy erase erasure object id crm record purge unsuppress pulled lead contact ticket stored "
            "wipe contains sensitive health imported customer"
        ),
        harm=(
            "Deletion erases the objects for good, with some types in connected tools too; what suppression blocks "
            "meanwhile is lost."
        ),
        answer=("regulateId",),
        body=True,
        per_minute=600,
        regulates=True,
    ),
    Operation(
        "listRegulationsFromSource",
        GET,
        "/regulations/sources/{sourceId}",
        safety="read",
        summary="List one source's deletion and suppression requests, from the last 90 days.",
        words=(
            "gdpr ccpa privacy erasure forget me pending status opt out history scoped requests source app alone "
            "asked deletion concern limited"
        ),
        answer=("regulations",),
        query=("status", "regulationTypes", "pagination"),
        pagination="cursor",
    ),
    Operation(
        "createSourceRegulation",
        POST,
        "/regulations/sources/{sourceId}",
        safety="destroy",
        summary="Delete or suppress people's data in one source only, or stop suppressing it.",
        words=(
            "gdpr ccpa privacy erase erasure forget me single archive anonymous unsuppress opt out purge source app "
            "snippet alone visitor wipe suppress knows"
        ),
        harm=(
            "Deletion erases their data for good, with some types in connected tools too; what suppression blocks "
            "meanwhile is lost."
        ),
        answer=("regulateId",),
        body=True,
        per_minute=600,
        regulates=True,
    ),
    Operation(
        "getRegulation",
        GET,
        "/regulations/{regulateId}",
        safety="read",
        summary="Read how far a deletion or suppression request is, overall and at each destination.",
        words=(
            "gdpr ccpa privacy progress done finished failed status erasure check receipt proof completed far request "
            "tools destination state carry"
        ),
        answer=("regulation",),
    ),
    Operation(
        "listSuppressions",
        GET,
        "/suppressions",
        safety="read",
        summary="List the people whose data the workspace is suppressing.",
        words=(
            "suppressed blocked users opted out blocklist gdpr ccpa privacy do not track consent refusing collect "
            "objected customers ignored recorded tracked"
        ),
        answer=("suppressed", "pagination"),
        query=("pagination",),
        pagination="cursor",
    ),
)
