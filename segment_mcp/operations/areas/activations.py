"""Activations: what an audience sends on to destinations, and how."""

from segment_mcp.operations.operation import DELETE, GET, PATCH, POST, Operation

OPERATIONS = (
    Operation(
        "listSupportedDestinationsFromAudience",
        GET,
        "/spaces/{spaceId}/audienceType/{audienceType}/supported-destinations",
        safety="read",
        summary="List the destinations that an audience type can be activated to, with their actions and fields.",
        words=(
            "possible available compatible eligible allowed integrations which reviewed mappable pushed tools support "
            "linked sent activate cohorts accounts"
        ),
        answer=("destinations",),
        query=("slug", "actionId"),
        per_minute=60,
        stability="alpha",
        feature="audience",
    ),
    Operation(
        "listActivationsFromAudience",
        GET,
        "/spaces/{spaceId}/audiences/{audienceId}/activations",
        safety="read",
        summary="List what an audience sends to its destinations, on which change, and with which fields.",
        words=(
            "enabled triggers entered exited syncs mappings outbound personalization tools joins enters sends fires "
            "defined entering leaving triggered motion joining"
        ),
        answer=("activations",),
        query=("pagination",),
        pagination="cursor",
        per_minute=60,
        stability="alpha",
    ),
    Operation(
        "getActivationFromAudience",
        GET,
        "/spaces/{spaceId}/audiences/{audienceId}/activations/{id}",
        safety="read",
        summary="Read one activation: its trigger, its enrichment, its field mapping, and whether it is on.",
        words=(
            "details enabled personalization entered exited status sync configuration triggers fields send entry exit"
        ),
        answer=("activation",),
        per_minute=60,
        stability="alpha",
    ),
    Operation(
        "updateActivationForAudience",
        PATCH,
        "/spaces/{spaceId}/audiences/{audienceId}/activations/{id}",
        safety="destroy",
        summary="Change what an activation sends, switch it on or off, or send the whole audience again.",
        words=(
            "edit resync backfill enable disable pause mapping personalization traits resend send different field "
            "phone carry company include"
        ),
        harm=(
            "Given profile and entity fields replace the old ones; a resync sends everyone again, and what was sent "
            "can't be called back."
        ),
        answer=("activation",),
        body=True,
        per_minute=50,
        stability="alpha",
    ),
    Operation(
        "removeActivationFromAudience",
        DELETE,
        "/spaces/{spaceId}/audiences/{audienceId}/activations/{id}",
        safety="destroy",
        summary="Delete an activation, so that the audience no longer sends by it.",
        words="stop deactivate sync outbound unlink turn off cancel cut fires notified hear",
        harm=(
            "The sync stops, and its mapping and enrichment are gone; it must be built anew. What was sent can't be "
            "called back."
        ),
        answer=("status",),
        per_minute=50,
        stability="alpha",
    ),
    Operation(
        "listDestinationsFromAudience",
        GET,
        "/spaces/{spaceId}/audiences/{audienceId}/destination-connections",
        safety="read",
        summary="List the destinations that an audience is connected to, with their identifier settings.",
        words=(
            "where goes synced ad platforms linked integrations connections tools available places connected sent "
            "members"
        ),
        answer=("connections",),
        query=("pagination",),
        pagination="cursor",
        per_minute=50,
        stability="alpha",
        feature="audience",
    ),
    Operation(
        "addDestinationToAudience",
        POST,
        "/spaces/{spaceId}/audiences/{audienceId}/destination-connections",
        safety="destroy",
        summary="Connect an audience to a destination, so that activations can then send to it.",
        words=(
            "link attach sync ad platform integration identifiers external connection available connect usable hook "
            "advertise allow"
        ),
        harm=(
            "Opens a way for people's data to an outside tool; whatever is sent by it can't be called back, even once "
            "disconnected."
        ),
        answer=("idSyncConfiguration", "connection"),
        body=True,
        per_minute=50,
        stability="alpha",
        feature="audience",
    ),
    Operation(
        "addActivationToAudience",
        POST,
        "/spaces/{spaceId}/audiences/{audienceId}/destination-connections/{connectionId}/activations",
        safety="destroy",
        summary="Start sending an audience's people or entities to a connected destination.",
        words=(
            "create activate sync push export outbound trigger entered exited enrich resync campaign enters joins "
            "leaves falls send event start drop become"
        ),
        harm=(
            "Data of the audience's people goes to an outside tool, with a resync all of them at once; what was sent "
            "can't be called back."
        ),
        answer=("activation",),
        body=True,
        per_minute=50,
        stability="alpha",
        feature="audience",
    ),
    Operation(
        "updateDestinationForAudience",
        PATCH,
        "/spaces/{spaceId}/audiences/{audienceId}/destination-connections/{destinationId}",
        safety="destroy",
        summary="Replace which identifiers an audience sends to a destination, or its connection settings.",
        words=(
            "id sync external ids email strategy edit mapto change match keys identify hashed phone identifiers "
            "matched mobile ad recognise"
        ),
        harm=(
            "The given identifiers or settings replace the old ones as a whole: what is left out is lost and is no "
            "longer used to sync."
        ),
        answer=("destination",),
        body=True,
        stability="alpha",
        feature="audience",
    ),
    Operation(
        "removeDestinationFromAudience",
        DELETE,
        "/spaces/{spaceId}/audiences/{audienceId}/destination-connections/{destinationId}",
        safety="destroy",
        summary="Disconnect an audience from a destination; refused while activations still use it.",
        words=(
            "unlink detach stop sync integration ad platform disconnected delete syncing altogether disconnect cut "
            "lose access"
        ),
        harm=(
            "The connection and its identifier settings are gone and must be set up anew; what was sent can't be "
            "called back."
        ),
        answer=("status",),
        stability="alpha",
        feature="audience",
    ),
)
