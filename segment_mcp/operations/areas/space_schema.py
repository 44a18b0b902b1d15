"""The schema of a Unify space: events, properties, traits and entities that it has seen."""

from segment_mcp.operations.operation import GET, Operation

OPERATIONS = (
    Operation(
        "listPropertiesFromEntity",
        GET,
        "/spaces/{spaceId}/entities/{entitySlug}/properties",
        safety="read",
        summary="List the properties of an entity in a space: type, key and, if wanted, sample values.",
        words="data graph columns fields attributes linked warehouse table object schema hold",
        answer=("entityProperties", "pagination"),
        query=("pagination", "includeSampleValues", "samplesCount"),
        pagination="forward",
        per_minute=25,
        stability="alpha",
    ),
    Operation(
        "listSampleValuesFromEntityProperty",
        GET,
        "/spaces/{spaceId}/entities/{entitySlug}/properties/{propertyName}/sample-values",
        safety="read",
        summary="Show example values of one property of an entity in a space.",
        words=(
            "data graph column contents field attribute linked warehouse table distinct preview examples typical "
            "values stands found among occur"
        ),
        answer=("sampleValues",),
        per_minute=25,
        stability="alpha",
    ),
    Operation(
        "listEntityPaths",
        GET,
        "/spaces/{spaceId}/entity-paths",
        safety="read",
        summary="List the entities of a space and the relationships by which they are reached.",
        words=(
            "data graph linked joins hierarchy objects tables parent child connections model related hang entities "
            "relationship household relate structure belong"
        ),
        answer=("entityPaths", "pagination"),
        query=("pagination", "search"),
        pagination="cursor",
        per_minute=25,
        stability="alpha",
    ),
    Operation(
        "listEvents",
        GET,
        "/spaces/{spaceId}/events",
        safety="read",
        summary="List the events seen in a space, with their type and when each last came in.",
        words=(
            "track page screen names observed tracked inventory recent unify personas engage which event seen lately "
            "building collected turn condition people"
        ),
        answer=("events", "pagination"),
        query=("pagination", "sortBy", "sortDir", "search"),
        pagination="cursor",
        per_minute=25,
        stability="alpha",
    ),
    Operation(
        "listPropertiesFromEvent",
        GET,
        "/spaces/{spaceId}/events/{eventName}/properties",
        safety="read",
        summary="List the properties seen on one event in a space, with type and last sighting.",
        words=(
            "fields attributes track context schema payload keys unify personas engage parameters carry event "
            "includes attached seen data tracked details"
        ),
        answer=("eventProperties", "pagination"),
        query=("pagination", "sortBy", "sortDir", "search", "includeSampleValues", "samplesCount"),
        pagination="cursor",
        per_minute=25,
        stability="alpha",
    ),
    Operation(
        "listSampleValuesFromEventProperty",
        GET,
        "/spaces/{spaceId}/events/{eventName}/properties/{propertyName}/sample-values",
        safety="read",
        summary="Show example values of one property, or context field, of an event in a space.",
        words=(
            "track payload contents distinct preview look attribute parameter unify personas examples values typical "
            "people typically reasons titles usually"
        ),
        answer=("sampleValues",),
        query=("propertyType",),
        per_minute=25,
        stability="alpha",
    ),
    Operation(
        "listTraits",
        GET,
        "/spaces/{spaceId}/traits",
        safety="read",
        summary="List the traits seen on a space's users or accounts, with type and last sighting.",
        words=(
            "attributes user profile fields characteristics unify personas engage identify group properties people "
            "email plan store users contain person"
        ),
        answer=("traits", "pagination"),
        query=("pagination", "sortBy", "sortDir", "search", "collection", "includeSampleValues", "samplesCount"),
        pagination="forward",
        per_minute=25,
        stability="alpha",
    ),
    Operation(
        "listSampleValuesFromTrait",
        GET,
        "/spaces/{spaceId}/traits/{traitKey}/sample-values",
        safety="read",
        summary="Show example values of one trait of a space's users or accounts.",
        words=(
            "attribute profile field contents distinct preview unify personas engage characteristic typical values "
            "examples actual"
        ),
        answer=("sampleValues",),
        query=("collection",),
        per_minute=25,
        stability="alpha",
    ),
)
