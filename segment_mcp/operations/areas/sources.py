"""Sources: where events come from, their write keys, labels, schema settings and connections."""

from segment_mcp.operations.operation import DELETE, GET, PATCH, POST, PUT, Operation

OPERATIONS = (
    Operation(
        "listSources",
        GET,
        "/sources",
        safety="read",
        summary="List the workspace's sources.",
        words=(
            "all inputs connectors websites apps servers feeds origins inventory upstream sending data collecting "
            "feeding website app server input count types exist backend names report properties installed producers "
            "sends reporting instrumented tracked"
        ),
        answer=("sources", "pagination"),
        query=("pagination",),
        pagination="cursor",
    ),
    Operation(
        "createSource",
        POST,
        "/sources",
        safety="write",
        summary="Make a source of a type from the catalog, with or without the warehouses attached.",
        words=(
            "new add connector website app server javascript ios android set up input feed launch introduce platform "
            "place post collect install begin site property landing page putting tv kiosk build clicks react "
            "extension next receive store able there's report game onboard producer dashboard instrument portal "
            "launching launched collecting deliver prepare entry"
        ),
        answer=("source",),
        body=True,
        audit=("Source Created",),
    ),
    Operation(
        "getSource",
        GET,
        "/sources/{sourceId}",
        safety="read",
        summary="Read one source: its type, settings, labels, write keys and tracking plan id.",
        words=(
            "details show connector website app enabled which slug status write key type labels attached plan "
            "connected metadata name"
        ),
        answer=("source",),
    ),
    Operation(
        "updateSource",
        PATCH,
        "/sources/{sourceId}",
        safety="write",
        summary="Rename a source, switch it on or off, or change its settings.",
        words=(
            "edit enable disable pause resume slug modify website app toggle stop rename called name switch "
            "collecting halt temporarily site freeze weekend mute block old input accepting named hold shut holidays "
            "stream quiet silence reactivate"
        ),
        answer=("source",),
        body=True,
        audit=("Source Modified", "Source Enabled", "Source Settings Modified", "Source Disabled"),
    ),
    Operation(
        "deleteSource",
        DELETE,
        "/sources/{sourceId}",
        safety="destroy",
        summary="Delete a source; its write keys stop working and it can't be restored.",
        words=(
            "remove drop decommission retire erase connector website app forever site discontinued shut sunset "
            "retired key market import clean completely sold disappear run sent purge prototype final permanently "
            "abandoned entry exists"
        ),
        harm=(
            "The source takes no more data and whatever still sends to it is lost; a deleted source can't be recovered."
        ),
        answer=("status",),
        audit=("Source Deleted",),
    ),
    Operation(
        "listConnectedDestinationsFromSource",
        GET,
        "/sources/{sourceId}/connected-destinations",
        safety="read",
        summary="List the destinations that a source feeds.",
        words=(
            "integrations downstream tools outputs receivers data goes flows sends attached reaches fans affected "
            "stop break impact forwarded passes sent click behind silent notice sees hears consumers vendors hit drop"
        ),
        answer=("destinations", "pagination"),
        query=("pagination",),
        pagination="cursor",
    ),
    Operation(
        "listConnectedWarehousesFromSource",
        GET,
        "/sources/{sourceId}/connected-warehouses",
        safety="read",
        summary="List the warehouses that a source feeds.",
        words=(
            "storage downstream loads attached stored land database written saved warehouse elsewhere lands copied "
            "holds rows"
        ),
        answer=("warehouses", "pagination"),
        query=("pagination",),
        pagination="cursor",
    ),
    Operation(
        "addLabelsToSource",
        POST,
        "/sources/{sourceId}/labels",
        safety="write",
        summary="Put labels that the workspace already has on a source.",
        words=(
            "tag mark categorize assign attach environment prod dev apply additionally top key value brand team "
            "besides critical extra classify"
        ),
        answer=("labels",),
        body=True,
        audit=("Source Modified",),
    ),
    Operation(
        "replaceLabelsInSource",
        PUT,
        "/sources/{sourceId}/labels",
        safety="destroy",
        summary="Set the whole list of labels that a source carries.",
        words=(
            "tags overwrite reset swap retag clear remove untag exact environment prod dev exactly tag carry drop "
            "alone wipe"
        ),
        harm=(
            "Labels not on the new list come off the source, which can change who has access to it; the old list "
            "isn't kept."
        ),
        answer=("labels",),
        body=True,
    ),
    Operation(
        "listSchemaSettingsInSource",
        GET,
        "/sources/{sourceId}/settings",
        safety="read",
        summary="Read what a source does with events, properties and traits that its tracking plan lacks.",
        words=(
            "blocking unplanned violations protocols enforcement omit allow controls forwarding configuration unknown "
            "refused blocked allowed violation plan strict accept lacks planned reaction unexpected forgiving reject"
        ),
        answer=("settings",),
    ),
    Operation(
        "updateSchemaSettingsInSource",
        PATCH,
        "/sources/{sourceId}/settings",
        safety="destroy",
        summary="Set whether a source allows, strips or blocks unplanned or faulty events, properties and traits.",
        words=(
            "enforcement violations protocols omit drop tracking plan forwarding governance strict controls "
            "configuration refuse reject unplanned unknown allow block violating start stop events planned stripped "
            "strip traits lock part accept outside violate unexpected forgiving stricter looser cut silently"
        ),
        harm="Can block live events or strip fields from them; blocked events that aren't forwarded are lost for good.",
        answer=("sourceId", "settings"),
        body=True,
    ),
    Operation(
        "createWriteKeyForSource",
        POST,
        "/sources/{sourceId}/writekey",
        safety="write",
        summary="Give a source one more write key.",
        words=(
            "new generate add rotate credential ingestion secret second api issue another additional agency key "
            "separate extra fresh downtime parallel partner work hand rotation phase spare"
        ),
        answer=("source",),
        stability="alpha",
        audit=("Source Modified",),
    ),
    Operation(
        "removeWriteKeyFromSource",
        DELETE,
        "/sources/{sourceId}/writekey/{writeKey}",
        safety="destroy",
        summary="Revoke a write key; whatever still sends with it is lost.",
        words=(
            "delete rotate leaked compromised credential invalidate secret disable old api exposed public repo "
            "useless invalid committed stolen writes sends shut posted retire service leak burned burnt first"
        ),
        harm="Events still sent with the key are lost from then on; the key can't be brought back.",
        answer=("status",),
        stability="alpha",
        audit=("Source Modified",),
    ),
)
