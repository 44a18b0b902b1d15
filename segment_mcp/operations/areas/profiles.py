"""The Profile API: what Unify knows of one person or account. Segment publishes no names for its calls: these are ours.

Paths, parameters and limits are from Segment's documentation (unify/profile-api, unify/profile-api-limits).
"""

from segment_mcp.operations.operation import GET, Operation

_PROFILE = "/v1/spaces/{spaceId}/collections/{collection}/profiles/{identifier}"
_PER_SECOND = 100

OPERATIONS = (
    Operation(
        "getProfileTraits",
        GET,
        f"{_PROFILE}/traits",
        "read",
        "Read a profile's traits, audiences and computed traits among them.",
        words="unify engage personas person customer user account group attributes",
        api="profile",
        answer=("traits",),
        query=("class", "include", "limit", "next", "verbose"),
        pagination="next",
        per_page=200,
        per_second=_PER_SECOND,
    ),
    Operation(
        "getProfileExternalIds",
        GET,
        f"{_PROFILE}/external_ids",
        "read",
        "Read the identifiers that lead to a profile.",
        words="unify engage personas person customer identity graph resolution emails devices anonymous",
        api="profile",
        answer=("data",),
        query=("include", "limit", "next", "verbose"),
        pagination="next",
        per_page=100,
        per_second=_PER_SECOND,
    ),
    Operation(
        "getProfileEvents",
        GET,
        f"{_PROFILE}/events",
        "read",
        "Read a profile's track events of the last 14 days.",
        words="unify engage personas person customer user history timeline did",
        api="profile",
        answer=("data",),
        query=("start", "end", "include", "exclude", "limit", "next", "sort"),
        pagination="next",
        per_page=100,
        per_second=_PER_SECOND,
    ),
    Operation(
        "getProfileMetadata",
        GET,
        f"{_PROFILE}/metadata",
        "read",
        "Read when a profile was made and changed, and by which source.",
        words="unify engage personas person customer user created updated first last seen",
        api="profile",
        answer=("metadata",),
        query=("verbose",),
        per_second=_PER_SECOND,
    ),
    Operation(
        "getProfileLinks",
        GET,
        f"{_PROFILE}/links",
        "read",
        "Read the accounts of a user, or the users of an account.",
        words="unify engage personas person customer company members group belongs",
        api="profile",
        answer=("data",),
        query=("limit", "next"),
        pagination="next",
        per_page=20,
        per_second=_PER_SECOND,
    ),
)
