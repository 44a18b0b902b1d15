"""The catalog: what kinds of sources, destinations and warehouses there are."""

from collections.abc import Mapping
from types import MappingProxyType

from segment_mcp.sandbox import catalog, refusals
from segment_mcp.sandbox.api.frame import Call, Data, Handler, State, page


def _list_sources(_: State, call: Call) -> Data:
    return page("sourcesCatalog", list(catalog.entries("sources").values()), call)


def _list_destinations(_: State, call: Call) -> Data:
    return page("destinationsCatalog", list(catalog.entries("destinations").values()), call)


def _list_warehouses(_: State, call: Call) -> Data:
    return page("warehousesCatalog", list(catalog.entries("warehouses").values()), call)


def _get_source(_: State, call: Call) -> Data:
    return {"sourceMetadata": _entry("sources", call.arguments["sourceMetadataId"], "Source metadata")}


def _get_destination(_: State, call: Call) -> Data:
    return {
        "destinationMetadata": _entry("destinations", call.arguments["destinationMetadataId"], "Destination metadata")
    }


def _get_warehouse(_: State, call: Call) -> Data:
    return {"warehouseMetadata": _entry("warehouses", call.arguments["warehouseMetadataId"], "Warehouse metadata")}


def _entry(kind: catalog.Kind, metadata_id: str, what: str) -> catalog.Metadata:
    """The catalog's entry; a slug finds none: Segment's own IDs are what the operation takes."""
    found = catalog.metadata(kind, metadata_id)
    if found is None:
        raise refusals.not_found(what)
    return found


HANDLERS: Mapping[str, Handler] = MappingProxyType(
    {
        "getSourcesCatalog": _list_sources,
        "getSourceMetadata": _get_source,
        "getDestinationsCatalog": _list_destinations,
        "getDestinationMetadata": _get_destination,
        "getWarehousesCatalog": _list_warehouses,
        "getWarehouseMetadata": _get_warehouse,
    }
)
