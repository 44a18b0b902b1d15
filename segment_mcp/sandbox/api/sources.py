"""Sources, their write keys, labels, schema settings and connections."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from segment_mcp.sandbox import catalog, refusals
from segment_mcp.sandbox.api.frame import Call, Data, Handler, State, metadata_of, page, source_of
from segment_mcp.sandbox.bodies import only
from segment_mcp.sandbox.settings import merged
from segment_mcp.sandbox.workspace import LabelKey, Source, Workspace

_TRAITS = {"allowUnplannedTraits": True, "allowTraitsOnViolations": True, "commonEventOnViolations": "ALLOW"}
_SCHEMA_SETTINGS = MappingProxyType(
    {
        "track": {
            "allowUnplannedEvents": True,
            "allowUnplannedEventProperties": True,
            "allowEventOnViolations": True,
            "allowPropertiesOnViolations": True,
            "commonEventOnViolations": "ALLOW",
        },
        "identify": _TRAITS,
        "group": _TRAITS,
    }
)
"""What a new source does with what no plan knows: it lets everything through."""
_FORWARDS = ("forwardingViolationsTo", "forwardingBlockedEventsTo")


def _list_sources(state: State, call: Call) -> Data:
    sources = [state.workspace.source_answer(source) for source in state.workspace.sources.values()]
    return page("sources", sources, call)


def _get_source(state: State, call: Call) -> Data:
    source = source_of(state, call)
    return {"source": state.workspace.source_answer(source), "trackingPlanId": source.tracking_plan_id}


def _create_source(state: State, call: Call) -> Data:
    """Make a source: its name is its slug until an update gives it one.

    It feeds every warehouse unless `disconnectAllWarehouses` is said. Kinds that send events have a first write key.
    An unknown `metadataId` is a value of the body that is not valid: 422.
    """
    metadata = metadata_of("sources", call)
    slug = _free_slug(state.workspace, call.body["slug"])
    keyed = catalog.keyed(metadata)
    source = Source(
        id=state.new_id(),
        slug=slug,
        name=slug,
        metadata=metadata,
        enabled=call.body["enabled"],
        keyed=keyed,
        write_keys=(state.new_write_key(),) if keyed else (),
        settings=merged({}, call.body.get("settings", {})),
        labels=(),
        tracking_plan_id=None,
        schema_settings=dict(_SCHEMA_SETTINGS),
    )
    state.workspace.put_source(source)
    if not call.body.get("disconnectAllWarehouses", False):
        state.workspace.connections.update(
            {(source.id, warehouse_id): call.now for warehouse_id in state.workspace.warehouses}
        )
    _note(call, "Source Created", source)
    return {"source": state.workspace.source_answer(source)}


def _update_source(state: State, call: Call) -> Data:
    """Change what the body names. `settings` are merged key by key, and null takes one away."""
    source = source_of(state, call)
    changed = replace(
        source,
        name=call.body.get("name", source.name),
        slug=_free_slug(state.workspace, call.body.get("slug", source.slug), source.id),
        enabled=call.body.get("enabled", source.enabled),
        settings=merged(source.settings, call.body.get("settings", {})),
    )
    state.workspace.put_source(changed)
    if (changed.name, changed.slug) != (source.name, source.slug):
        _note(call, "Source Modified", changed)
    if changed.enabled != source.enabled:
        _note(call, "Source Enabled" if changed.enabled else "Source Disabled", changed)
    if changed.settings != source.settings:
        _note(call, "Source Settings Modified", changed)
    return {"source": state.workspace.source_answer(changed)}


def _free_slug(workspace: Workspace, slug: str, own_id: str | None = None) -> str:
    if any(other.slug == slug for other in workspace.sources.values() if other.id != own_id):
        raise refusals.conflict(f'A source with the slug "{slug}" already exists', "slug")
    return slug


def _delete_source(state: State, call: Call) -> Data:
    source = source_of(state, call)
    state.workspace.delete_source(source.id)
    _note(call, "Source Deleted", source)
    return {"status": "SUCCESS"}


def _add_labels(state: State, call: Call) -> Data:
    """Add labels that exist in the workspace; an unknown one is 422, and then none is added."""
    source = source_of(state, call)
    changed = replace(source, labels=tuple(dict.fromkeys((*source.labels, *_existing_labels(state, call)))))
    _put_modified(state, call, source, changed)
    return {"labels": state.workspace.labels_of(changed)}


def _replace_labels(state: State, call: Call) -> Data:
    """Have exactly these labels, all of which exist in the workspace; an unknown one is 422, and nothing changes."""
    changed = replace(source_of(state, call), labels=tuple(dict.fromkeys(_existing_labels(state, call))))
    state.workspace.put_source(changed)
    return {"labels": state.workspace.labels_of(changed)}


def _existing_labels(state: State, call: Call) -> list[LabelKey]:
    keys: list[LabelKey] = [(label["key"], label["value"]) for label in call.body["labels"]]
    unknown = [index for index, key in enumerate(keys) if key not in state.workspace.labels]
    if unknown:
        raise refusals.invalid(refusals.problem(f"labels.{index}", "is not an existing label") for index in unknown)
    return keys


def _create_write_key(state: State, call: Call) -> Data:
    """Add a key. A source that Segment itself fetches from another cloud has none, and gets none: 422."""
    source = source_of(state, call)
    if not source.keyed:
        raise refusals.invalid([refusals.problem("sourceId", "is a source that has no write keys")])
    changed = replace(source, write_keys=(*source.write_keys, state.new_write_key()))
    _put_modified(state, call, source, changed)
    return {"source": state.workspace.source_answer(changed)}


def _remove_write_key(state: State, call: Call) -> Data:
    source, write_key = source_of(state, call), call.arguments["writeKey"]
    if write_key not in source.write_keys:
        raise refusals.not_found("Write key")
    changed = replace(source, write_keys=tuple(key for key in source.write_keys if key != write_key))
    _put_modified(state, call, source, changed)
    return {"status": "SUCCESS"}


def _put_modified(state: State, call: Call, source: Source, changed: Source) -> None:
    state.workspace.put_source(changed)
    if changed != source:
        _note(call, "Source Modified", changed)


def _list_connected_destinations(state: State, call: Call) -> Data:
    source = source_of(state, call)
    found = [each.answer for each in state.workspace.destinations.values() if each.source_id == source.id]
    return page("destinations", found, call)


def _list_connected_warehouses(state: State, call: Call) -> Data:
    source = source_of(state, call)
    found = [
        state.workspace.warehouse_answer(warehouse)
        for warehouse in state.workspace.warehouses.values()
        if (source.id, warehouse.id) in state.workspace.connections
    ]
    return page("warehouses", found, call)


def _list_schema_settings(state: State, call: Call) -> Data:
    source = source_of(state, call)
    return {"sourceId": source.id, "settings": source.schema_settings}


def _update_schema_settings(state: State, call: Call) -> Data:
    """Change what the body names, member by member of `track`, `identify` and `group`.

    What is forwarded goes to a source that exists, or else 422; nothing in place of its ID ends the forwarding.
    """
    source, settings = source_of(state, call), dict(source_of(state, call).schema_settings)
    for kind, defaults in _SCHEMA_SETTINGS.items():
        settings[kind] = {**settings[kind], **only(call.body.get(kind, {}), defaults)}
    unknown = [name for name in _FORWARDS if call.body.get(name, "") not in {"", *state.workspace.sources}]
    if unknown:
        raise refusals.invalid(refusals.problem(name, "is not the ID of a source") for name in unknown)
    settings.update(only(call.body, _FORWARDS))
    changed = replace(source, schema_settings={name: value for name, value in settings.items() if value})
    state.workspace.put_source(changed)
    return {"sourceId": source.id, "settings": changed.schema_settings}


def _note(call: Call, type_: str, source: Source) -> None:
    call.note(type_, "source", source.id, source.name)


HANDLERS: Mapping[str, Handler] = MappingProxyType(
    {
        "listSources": _list_sources,
        "createSource": _create_source,
        "getSource": _get_source,
        "updateSource": _update_source,
        "deleteSource": _delete_source,
        "addLabelsToSource": _add_labels,
        "replaceLabelsInSource": _replace_labels,
        "createWriteKeyForSource": _create_write_key,
        "removeWriteKeyFromSource": _remove_write_key,
        "listConnectedDestinationsFromSource": _list_connected_destinations,
        "listConnectedWarehousesFromSource": _list_connected_warehouses,
        "listSchemaSettingsInSource": _list_schema_settings,
        "updateSchemaSettingsInSource": _update_schema_settings,
    }
)
