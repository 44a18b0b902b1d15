"""Selective sync: what of a source goes into a warehouse, when, and what came of it."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

from segment_mcp.sandbox import refusals, syncs
from segment_mcp.sandbox.api.frame import Call, Data, Handler, State, page, source_of, warehouse_of
from segment_mcp.sandbox.bodies import only
from segment_mcp.sandbox.workspace import Selection, Warehouse


def _get_schedule(state: State, call: Call) -> Data:
    """Tell the schedule; a warehouse that never had one has it disabled."""
    return dict(state.workspace.schedules.get(warehouse_of(state, call).id, {"enabled": False}))


def _replace_schedule(state: State, call: Call) -> Data:
    """Replace the whole schedule. Without any, it can only be disabled, and hours are whole: else 422."""
    warehouse, schedule = warehouse_of(state, call), call.body.get("schedule")
    if schedule is None and call.body["enabled"]:
        raise refusals.invalid([refusals.problem("schedule", "is required")])
    replaced: dict[str, Any] = {"enabled": call.body["enabled"]}
    if schedule is not None:
        odd = [index for index, time in enumerate(schedule["times"]) if time["hourOfDay"] % 1]
        if odd:
            fields = [f"schedule.times.{index}.hourOfDay" for index in odd]
            raise refusals.invalid(refusals.problem(field, "must be an integer") for field in fields)
        times = [only(time, ("hourOfDay", "enabled")) for time in schedule["times"]]
        replaced["schedule"] = {"times": times, "timezone": schedule["timezone"]}
    state.workspace.schedules[warehouse.id] = replaced
    return dict(replaced)


def _list_selective_syncs(state: State, call: Call) -> Data:
    """List what goes. A source that does not feed this warehouse is not found there: 404."""
    warehouse, source = warehouse_of(state, call), source_of(state, call)
    _connected_at(state, source.id, warehouse)
    tables = syncs.collections(state.ledger.stored(), source)
    return page("items", syncs.items(tables, state.workspace.selections, Selection(warehouse.id, source.id)), call)


def _update_selective_sync(state: State, call: Call) -> Data:
    """Choose what goes: a property, a collection, or without either a whole source, in the order given.

    A source that does not feed this warehouse, or a property without its collection, is 422, and nothing changes.
    A collection that the source never had is passed over with a warning.
    """
    warehouse, overrides = warehouse_of(state, call), call.body["syncOverrides"]
    problems = [
        refusals.problem(f"syncOverrides.{index}.{field}", predicate)
        for index, override in enumerate(overrides)
        for field, predicate in _problems(state, warehouse, override)
    ]
    if problems:
        raise refusals.invalid(problems)
    sources = {each["sourceId"]: state.workspace.sources[each["sourceId"]] for each in overrides}
    tables = {key: syncs.collections(state.ledger.stored(), source) for key, source in sources.items()}
    selections, warnings = state.workspace.selections, []
    for override in overrides:
        collection, column = override.get("collection"), override.get("property")
        if collection is not None and collection not in tables[override["sourceId"]]:
            warnings.append(f'The source has no collection "{collection}"')
            continue
        if column == syncs.SORT_KEY and not override["enabled"]:
            warnings.append(f'Syncs fail without "{syncs.SORT_KEY}"')
        what = Selection(warehouse.id, override["sourceId"], collection, column)
        selections = syncs.choose(selections, what, enabled=override["enabled"])
    updated = selections != state.workspace.selections
    if updated:
        state.workspace.selections = dict(selections)
        call.note("Storage Destination Modified", "warehouse", warehouse.id, warehouse.name)
    return {"status": "UPDATED" if updated else "UNCHANGED", "warnings": warnings}


def _problems(state: State, warehouse: Warehouse, override: Mapping[str, Any]) -> list[tuple[str, str]]:
    found = []
    if (override["sourceId"], warehouse.id) not in state.workspace.connections:
        found.append(("sourceId", "is not the ID of a source connected to this warehouse"))
    if "property" in override and "collection" not in override:
        found.append(("collection", "is required"))
    return found


def _list_syncs_of_source(state: State, call: Call) -> Data:
    """List one connection's runs, newest first. A source that does not feed this warehouse is not found there: 404."""
    return page("reports", _reports(state, call, source_of(state, call).id, warehouse_of(state, call)), call)


def _list_syncs(state: State, call: Call) -> Data:
    warehouse = warehouse_of(state, call)
    feeding = [source_id for source_id, fed in state.workspace.connections if fed == warehouse.id]
    runs = [run for source_id in feeding for run in _reports(state, call, source_id, warehouse)]
    return page("reports", syncs.newest_first(runs), call)


def _reports(state: State, call: Call, source_id: str, warehouse: Warehouse) -> list[Data]:
    connected = _connected_at(state, source_id, warehouse)
    return syncs.reports(state.ledger.stored(), source_id, warehouse.id, connected, call.now)


def _connected_at(state: State, source_id: str, warehouse: Warehouse) -> datetime:
    found = state.workspace.connections.get((source_id, warehouse.id))
    if found is None:
        raise refusals.not_found("Connection")
    return found


HANDLERS: Mapping[str, Handler] = MappingProxyType(
    {
        "getAdvancedSyncScheduleFromWarehouse": _get_schedule,
        "replaceAdvancedSyncScheduleForWarehouse": _replace_schedule,
        "listSelectiveSyncsFromWarehouseAndSource": _list_selective_syncs,
        "updateSelectiveSyncForWarehouse": _update_selective_sync,
        "listSyncsFromWarehouseAndSource": _list_syncs_of_source,
        "listSyncsFromWarehouse": _list_syncs,
    }
)
