"""Computed traits: what Unify works out about a profile from its events."""

from segment_mcp.operations.operation import DELETE, GET, PATCH, POST, Operation

OPERATIONS = (
    Operation(
        "listComputedTraits",
        GET,
        "/spaces/{spaceId}/computed-traits",
        safety="read",
        summary="List what a space works out about its users and accounts from their events.",
        words=(
            "calculated attributes computations aggregations sql engage personas unify metrics fields maintain "
            "profile calculates"
        ),
        answer=("computedTraits", "pagination"),
        query=("pagination",),
        pagination="cursor",
        per_minute=25,
        stability="alpha",
        feature="computed-trait",
    ),
    Operation(
        "createComputedTrait",
        POST,
        "/spaces/{spaceId}/computed-traits",
        safety="write",
        summary="Have a space work out a trait from events, by a query; the app can't edit that query later.",
        words=(
            "new calculated attribute aggregation define build count sum engage personas unify total user average "
            "last first frequent summed work number orders favourite user's worked date often customer profile"
        ),
        answer=("computedTrait",),
        body=True,
        per_minute=10,
        stability="alpha",
        feature="computed-trait",
        audit=("Computed Trait Created",),
    ),
    Operation(
        "getComputedTrait",
        GET,
        "/spaces/{spaceId}/computed-traits/{id}",
        safety="read",
        summary="Read one computed trait: its query, its status, and whether it is on.",
        words=(
            "calculated attribute definition details formula aggregation engage personas enabled behind switched "
            "derived"
        ),
        answer=("computedTrait",),
        per_minute=100,
        stability="alpha",
        feature="computed-trait",
    ),
    Operation(
        "updateComputedTraitForSpace",
        PATCH,
        "/spaces/{spaceId}/computed-traits/{id}",
        safety="destroy",
        summary="Change a computed trait's name or query, or switch it on or off.",
        words=(
            "edit rename redefine calculated attribute enable disable pause formula recompute ignore worked calculate "
            "differently derived"
        ),
        harm=(
            "Its values are worked out anew, under a lock, and reach connected tools; the app can't edit its "
            "definition any more."
        ),
        answer=("computedTrait",),
        body=True,
        per_minute=10,
        stability="alpha",
        feature="computed-trait",
        audit=("Computed Trait Modified",),
    ),
    Operation(
        "removeComputedTraitFromSpace",
        DELETE,
        "/spaces/{spaceId}/computed-traits/{id}",
        safety="destroy",
        summary="Delete a computed trait from its space.",
        words="drop erase calculated attribute stop computing aggregation engage personas calculating field profile",
        harm=(
            "The trait and its query are gone and it's no longer worked out; audiences that use it may break. It "
            "can't be restored."
        ),
        answer=("status",),
        per_minute=20,
        stability="alpha",
        feature="computed-trait",
        audit=("Computed Trait Deleted",),
    ),
)
