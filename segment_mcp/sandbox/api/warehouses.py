"""Warehouses, what feeds them, and whether Segment reaches them."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from segment_mcp.sandbox import refusals
from segment_mcp.sandbox.api.frame import Call, Data, Handler, State, metadata_of, page, source_of, warehouse_of
from segment_mcp.sandbox.settings import Settings, lacks, merged
from segment_mcp.sandbox.workspace import Warehouse


def _list_warehouses(state: State, call: Call) -> Data:
    found = [state.workspace.warehouse_answer(each) for each in state.workspace.warehouses.values()]
    return page("warehouses", found, call)


def _get_warehouse(state: State, call: Call) -> Data:
    return {"warehouse": state.workspace.warehouse_answer(warehouse_of(state, call))}


def _create_warehouse(state: State, call: Call) -> Data:
    """Make a warehouse, enabled unless the body says otherwise; its name stands among its settings.

    Every source feeds it unless `disconnectAllSources` is said. Settings are not tried: its connection state tells.
    """
    warehouse = Warehouse(
        id=state.new_id(),
        enabled=call.body.get("enabled", True),
        metadata=metadata_of("warehouses", call),
        settings=_settings({}, call),
    )
    state.workspace.warehouses[warehouse.id] = warehouse
    if not call.body.get("disconnectAllSources", False):
        state.workspace.connections.update(
            {(source_id, warehouse.id): call.now for source_id in state.workspace.sources}
        )
    _note(call, "Storage Destination Created", warehouse)
    return {"warehouse": state.workspace.warehouse_answer(warehouse)}


def _update_warehouse(state: State, call: Call) -> Data:
    """Change what the body names. `settings` are merged key by key; null takes a setting, or the name, away."""
    warehouse = warehouse_of(state, call)
    changed = replace(
        warehouse,
        enabled=call.body.get("enabled", warehouse.enabled),
        settings=_settings(warehouse.settings, call),
    )
    state.workspace.warehouses[warehouse.id] = changed
    if changed.enabled and not warehouse.enabled:
        _note(call, "Storage Destination Enabled", changed)
    if replace(changed, enabled=changed.enabled and warehouse.enabled) != warehouse:
        _note(call, "Storage Destination Modified", changed)
    return {"warehouse": state.workspace.warehouse_answer(changed)}


def _settings(before: Settings, call: Call) -> Settings:
    named = {"name": call.body["name"]} if "name" in call.body else {}
    return merged(before, {**call.body["settings"], **named})


def _delete_warehouse(state: State, call: Call) -> Data:
    warehouse = warehouse_of(state, call)
    state.workspace.delete_warehouse(warehouse.id)
    _note(call, "Storage Destination Deleted", warehouse)
    return {"status": "SUCCESS"}


def _list_connected_sources(state: State, call: Call) -> Data:
    warehouse = warehouse_of(state, call)
    found = [
        state.workspace.source_answer(source)
        for source in state.workspace.sources.values()
        if (source.id, warehouse.id) in state.workspace.connections
    ]
    return page("sources", found, call)


def _add_connection(state: State, call: Call) -> Data:
    """Connect. The answer is a state, so what is connected already stays so, with the same answer."""
    warehouse, source = warehouse_of(state, call), source_of(state, call)
    if (source.id, warehouse.id) not in state.workspace.connections:
        state.workspace.connections[source.id, warehouse.id] = call.now
        _note(call, "Storage Destination Modified", warehouse)
    return {"status": "CONNECTED"}


def _remove_connection(state: State, call: Call) -> Data:
    """Disconnect. A source that does not feed this warehouse is not found there: 404."""
    warehouse, source = warehouse_of(state, call), source_of(state, call)
    if (source.id, warehouse.id) not in state.workspace.connections:
        raise refusals.not_found("Connection")
    state.workspace.disconnect(source.id, warehouse.id)
    return {"status": "SUCCESS"}


def _connection_state(state: State, call: Call) -> Data:
    """Tell whether Segment reaches the warehouse: here, whether no required setting is empty or only bullets."""
    warehouse = warehouse_of(state, call)
    return {"connectionState": "FAILED" if lacks(warehouse.settings, warehouse.metadata) else "CONNECTED"}


def _create_validation(_: State, call: Call) -> Data:
    """Tell whether Segment could reach a warehouse with such settings, by the same measure as the connection state."""
    metadata = metadata_of("warehouses", call)
    call.note("Storage Destination Settings Validation", "warehouse", metadata["id"], metadata["name"])
    return {"status": "FAILED" if lacks(merged({}, call.body["settings"]), metadata) else "CONNECTED"}


def _note(call: Call, type_: str, warehouse: Warehouse) -> None:
    call.note(type_, "warehouse", warehouse.id, warehouse.name)


HANDLERS: Mapping[str, Handler] = MappingProxyType(
    {
        "listWarehouses": _list_warehouses,
        "createWarehouse": _create_warehouse,
        "createValidationInWarehouse": _create_validation,
        "getWarehouse": _get_warehouse,
        "updateWarehouse": _update_warehouse,
        "deleteWarehouse": _delete_warehouse,
        "listConnectedSourcesFromWarehouse": _list_connected_sources,
        "addConnectionFromSourceToWarehouse": _add_connection,
        "removeSourceConnectionFromWarehouse": _remove_connection,
        "getConnectionStateFromWarehouse": _connection_state,
    }
)
