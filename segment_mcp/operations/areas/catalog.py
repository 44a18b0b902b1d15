"""The catalog: every kind of source, destination and warehouse that Segment offers."""

from segment_mcp.operations.operation import GET, Operation

OPERATIONS = (
    Operation(
        "getDestinationsCatalog",
        GET,
        "/catalog/destinations",
        safety="read",
        summary="List every kind of destination that Segment offers, with settings and actions.",
        words=(
            "integrations available supported connectors marketplace browse metadataid all tools partners support "
            "integrate offer exist talk looking connect hand advertising platforms analytics tool partner"
        ),
        answer=("destinationsCatalog", "pagination"),
        query=("pagination",),
        pagination="cursor",
    ),
    Operation(
        "getDestinationMetadata",
        GET,
        "/catalog/destinations/{destinationMetadataId}",
        safety="read",
        summary="Read one kind of destination: its settings, actions, fields, presets and platforms.",
        words=(
            "catalog integration type required options mapping supported features connector definition fill settings "
            "fields actions offers supports support work platforms mandatory parameters offered"
        ),
        answer=("destinationMetadata",),
    ),
    Operation(
        "getSourcesCatalog",
        GET,
        "/catalog/sources",
        safety="read",
        summary="List every kind of source that Segment offers, with its settings.",
        words=(
            "available supported connectors libraries sdks marketplace browse metadataid all categories kinds apps "
            "saas pull offer support exist data fetch imports connect input import cms crm"
        ),
        answer=("sourcesCatalog", "pagination"),
        query=("pagination",),
        pagination="cursor",
    ),
    Operation(
        "getSourceMetadata",
        GET,
        "/catalog/sources/{sourceMetadataId}",
        safety="read",
        summary="Read one kind of source: its settings, categories and status.",
        words=(
            "catalog type required options connector library definition slug cloud fill settings beta kind configure "
            "configured offers"
        ),
        answer=("sourceMetadata",),
    ),
    Operation(
        "getWarehousesCatalog",
        GET,
        "/catalog/warehouses",
        safety="read",
        summary="List every kind of warehouse that Segment can load, with its settings.",
        words=(
            "available supported storage connectors metadataid kinds support offer databases store systems able fill "
            "among write work"
        ),
        answer=("warehousesCatalog", "pagination"),
        query=("pagination",),
        pagination="cursor",
    ),
    Operation(
        "getWarehouseMetadata",
        GET,
        "/catalog/warehouses/{warehouseMetadataId}",
        safety="read",
        summary="Read one kind of warehouse: which settings it takes, and which are required.",
        words=(
            "catalog type options connection definition fill settings required fields ask connect asked credentials "
            "entered parameters port user requires hand hooking"
        ),
        answer=("warehouseMetadata",),
    ),
)
