"""Transformations: rename or rewrite events on their way."""

from segment_mcp.operations.operation import DELETE, GET, PATCH, POST, Operation

OPERATIONS = (
    Operation(
        "listTransformations",
        GET,
        "/transformations",
        safety="read",
        summary="List the workspace's transformations: what renames, rewrites or drops events in transit.",
        words=(
            "protocols rules fixes hash mask fql cleanup modify which active renaming passed rewriting alter correct "
            "rewritten sent"
        ),
        answer=("transformations", "pagination"),
        query=("pagination",),
        pagination="cursor",
        feature="protocols",
    ),
    Operation(
        "createTransformation",
        POST,
        "/transformations",
        safety="destroy",
        summary="Make a rule that renames, rewrites, hashes or drops a source's events in transit.",
        words=(
            "new add protocols fix bad data event property mask pii fql modify map clean rename correct wrong name "
            "destinations release typo rewrite convert arrive lower-case hash same everywhere touching code turn drop "
            "centrally tools casing wrongly spelled value type called wherever"
        ),
        harm=(
            "Once on, it rewrites or drops live events; the originals can't easily be recovered after it is switched "
            "off."
        ),
        answer=("transformation",),
        body=True,
        feature="protocols",
        audit=("Transformation Created",),
    ),
    Operation(
        "getTransformation",
        GET,
        "/transformations/{transformationId}",
        safety="read",
        summary="Read one transformation: what it matches and how it changes events.",
        words="protocols rule details show rename hash drop mask fql property fix exactly touch event apply settings",
        answer=("transformation",),
        feature="protocols",
    ),
    Operation(
        "updateTransformation",
        PATCH,
        "/transformations/{transformationId}",
        safety="destroy",
        summary="Change what a transformation matches or does to events, or switch it on or off.",
        words=(
            "edit enable disable protocols rule rename property hash drop mask fql modify toggle rewrite cover extend "
            "different pause work switched map name apply"
        ),
        harm="Live events are rewritten or dropped the new way from then on; the originals can't easily be recovered.",
        answer=("transformation",),
        body=True,
        feature="protocols",
        audit=("Transformation Updated",),
    ),
    Operation(
        "deleteTransformation",
        DELETE,
        "/transformations/{transformationId}",
        safety="destroy",
        summary="Delete a transformation, so that events pass unchanged by it.",
        words="remove protocols rule undo rename hash mask fql erase rewrite fix drop stop misspelt app fixed job",
        harm="The rule is gone for good; new events pass unchanged, with whatever it hid or dropped before.",
        answer=("status",),
        feature="protocols",
        audit=("Transformation Deleted",),
    ),
)
