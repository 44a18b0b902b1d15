"""The Public API: what each operation does to the workspace, and the `data` it answers.

A handler takes the sandbox's state and a call that already kept the operation's schema. Shapes come from
the reference; where it is silent about behaviour, the choice is named at the handler.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from types import MappingProxyType
from typing import Any

from segment_mcp.sandbox import delivery, pages, refusals, volume, windows
from segment_mcp.sandbox.ledger import Ledger
from segment_mcp.sandbox.workspace import Destination, LabelKey, Source, TrackingPlan, Workspace

Data = dict[str, Any]


@dataclass(frozen=True, slots=True)
class State:
    """What handlers read and change.

    Attributes:
        new_write_key: makes the 32 characters of a new key.
    """

    workspace: Workspace
    ledger: Ledger
    new_write_key: Callable[[], str]


@dataclass(frozen=True, slots=True)
class Call:
    """One call: its parameters by Segment's names, such as `pagination.count`; its body; the clock."""

    arguments: Mapping[str, Any]
    body: Any
    now: datetime


Handler = Callable[[State, Call], Data]


def _get_workspace(state: State, _: Call) -> Data:
    return {"workspace": state.workspace.info}


def _list_sources(state: State, call: Call) -> Data:
    sources = [state.workspace.source_answer(source) for source in state.workspace.sources.values()]
    return _page("sources", sources, call)


def _get_source(state: State, call: Call) -> Data:
    source = _source(state, call)
    return {"source": state.workspace.source_answer(source), "trackingPlanId": source.tracking_plan_id}


def _update_source(state: State, call: Call) -> Data:
    """Change what the body names. `settings` are merged key by key: the reference does not say replaced."""
    source = _source(state, call)
    slug = call.body.get("slug", source.slug)
    if any(other.slug == slug for other in state.workspace.sources.values() if other.id != source.id):
        raise refusals.conflict(f'A source with the slug "{slug}" already exists', "slug")
    changed = replace(
        source,
        name=call.body.get("name", source.name),
        slug=slug,
        enabled=call.body.get("enabled", source.enabled),
        settings={**source.settings, **call.body.get("settings", {})},
    )
    state.workspace.put_source(changed)
    return {"source": state.workspace.source_answer(changed)}


def _delete_source(state: State, call: Call) -> Data:
    state.workspace.delete_source(_source(state, call).id)
    return {"status": "SUCCESS"}


def _add_labels(state: State, call: Call) -> Data:
    """Add labels that exist in the workspace; an unknown one is 422, and then none is added."""
    source = _source(state, call)
    keys: list[LabelKey] = [(label["key"], label["value"]) for label in call.body["labels"]]
    unknown = [index for index, key in enumerate(keys) if key not in state.workspace.labels]
    if unknown:
        raise refusals.invalid(refusals.problem(f"labels.{index}", "is not an existing label") for index in unknown)
    changed = replace(source, labels=tuple(dict.fromkeys((*source.labels, *keys))))
    state.workspace.put_source(changed)
    return {"labels": state.workspace.labels_of(changed)}


def _create_write_key(state: State, call: Call) -> Data:
    """Add a key. A source that Segment itself fetches from another cloud has none, and gets none: 422."""
    source = _source(state, call)
    if not source.keyed:
        raise refusals.invalid([refusals.problem("sourceId", "is a source that has no write keys")])
    changed = replace(source, write_keys=(*source.write_keys, state.new_write_key()))
    state.workspace.put_source(changed)
    return {"source": state.workspace.source_answer(changed)}


def _remove_write_key(state: State, call: Call) -> Data:
    source, write_key = _source(state, call), call.arguments["writeKey"]
    if write_key not in source.write_keys:
        raise refusals.not_found("Write key")
    state.workspace.put_source(replace(source, write_keys=tuple(key for key in source.write_keys if key != write_key)))
    return {"status": "SUCCESS"}


def _list_connected_destinations(state: State, call: Call) -> Data:
    source = _source(state, call)
    found = [each.answer for each in state.workspace.destinations.values() if each.source_id == source.id]
    return _page("destinations", found, call)


def _list_connected_warehouses(state: State, call: Call) -> Data:
    source = _source(state, call)
    found = [
        warehouse
        for warehouse_id, warehouse in state.workspace.warehouses.items()
        if (source.id, warehouse_id) in state.workspace.connections
    ]
    return _page("warehouses", found, call)


def _list_schema_settings(state: State, call: Call) -> Data:
    source = _source(state, call)
    return {"sourceId": source.id, "settings": source.schema_settings}


def _list_destinations(state: State, call: Call) -> Data:
    return _page("destinations", [each.answer for each in state.workspace.destinations.values()], call)


def _get_destination(state: State, call: Call) -> Data:
    return {"destination": _destination(state, call).answer}


def _delivery_metrics(state: State, call: Call) -> Data:
    """Count deliveries. A source other than the destination's own is not found there: 404."""
    destination = _destination(state, call)
    if _source(state, call).id != destination.source_id:
        raise refusals.not_found("Source of this destination")
    asked = call.arguments
    since, until = windows.delivery_span(
        asked.get("granularity", "MINUTE"), _moment(asked, "startTime"), _moment(asked, "endTime"), call.now
    )
    minutes = windows.minutes_between(since, until)
    return {
        "deliveryMetricsSummary": {
            "sourceId": destination.source_id,
            "destinationMetadataId": destination.answer["metadata"]["id"],
            "metrics": delivery.metrics(state.ledger.delivered, destination, minutes),
        }
    }


def _list_labels(state: State, _: Call) -> Data:
    return {"labels": list(state.workspace.labels.values())}


def _create_label(state: State, call: Call) -> Data:
    given = call.body["label"]
    key: LabelKey = (given["key"], given["value"])
    if key in state.workspace.labels:
        raise refusals.conflict(f'The label "{key[0]}:{key[1]}" already exists', "label")
    label = {name: given[name] for name in ("key", "value", "description") if name in given}
    state.workspace.labels[key] = label
    return {"label": label}


def _list_warehouses(state: State, call: Call) -> Data:
    return _page("warehouses", list(state.workspace.warehouses.values()), call)


def _list_tracking_plans(state: State, call: Call) -> Data:
    asked = call.arguments.get("type")
    plans = [plan.answer for plan in state.workspace.tracking_plans.values() if asked in {None, plan.answer["type"]}]
    return _page("trackingPlans", plans, call)


def _get_tracking_plan(state: State, call: Call) -> Data:
    return {"trackingPlan": _tracking_plan(state, call).answer}


def _list_rules(state: State, call: Call) -> Data:
    return _page("rules", _tracking_plan(state, call).rules, call)


def _usage_by_source(state: State, call: Call) -> Data:
    """One row for each source and day with calls: that day's calls so far, at the day's start in UTC.

    Segment calls the counts daily and cumulative, which can be read as adding up over the day or over the
    month; here they add up over the day.
    """
    found = [
        {"sourceId": source_id, "apiCalls": str(calls), "timestamp": windows.iso(_midnight(day))}
        for day in _days(state, call)
        for source_id, calls in sorted(state.ledger.daily[day].items())
    ]
    return _page("dailyPerSourceAPICallsUsage", found, call)


def _usage_of_workspace(state: State, call: Call) -> Data:
    """One row for each day with calls, read as `_usage_by_source` reads it."""
    found = [
        {"apiCalls": str(sum(state.ledger.daily[day].values())), "timestamp": windows.iso(_midnight(day))}
        for day in _days(state, call)
    ]
    return _page("dailyWorkspaceAPICallsUsage", found, call)


def _events_volume(state: State, call: Call) -> Data:
    """Count accepted events. `groupBy` also comes comma-delimited, as its description has it."""
    asked = call.arguments
    group_by = list(dict.fromkeys(part for text in asked.get("groupBy", ()) for part in text.split(",")))
    if not set(group_by) <= set(volume.GROUPS):
        raise refusals.invalid([refusals.problem("groupBy", f"must be one of [{', '.join(volume.GROUPS)}]")])
    since, until = _moment(asked, "startTime"), _moment(asked, "endTime")
    if since is None or until is None or until <= since:  # both are required: only the order is in question
        raise refusals.invalid([refusals.problem("endTime", "must be after startTime")])
    filters = {name: asked[name] for name in ("sourceId", "eventName", "eventType", "appVersion") if name in asked}
    question = volume.Question(windows.minutes_between(since, until), asked["granularity"], group_by, filters)
    sources = {
        source.id: {"id": source.id, "name": source.name, "slug": source.slug}
        for source in state.workspace.sources.values()
    }
    query = {
        "workspaceId": state.workspace.info["id"],
        "granularity": asked["granularity"],
        "startTime": windows.iso(since),
        "endTime": windows.iso(until),
        **({"groupBy": group_by} if group_by else {}),
        **filters,
    }
    result = _page("result", volume.rows(state.ledger.accepted, question, sources), call)
    return {"path": "/events/volume", "query": query, **result}


HANDLERS: Mapping[str, Handler] = MappingProxyType(
    {
        "getWorkspace": _get_workspace,
        "listSources": _list_sources,
        "getSource": _get_source,
        "updateSource": _update_source,
        "deleteSource": _delete_source,
        "addLabelsToSource": _add_labels,
        "createWriteKeyForSource": _create_write_key,
        "removeWriteKeyFromSource": _remove_write_key,
        "listConnectedDestinationsFromSource": _list_connected_destinations,
        "listConnectedWarehousesFromSource": _list_connected_warehouses,
        "listSchemaSettingsInSource": _list_schema_settings,
        "listDestinations": _list_destinations,
        "getDestination": _get_destination,
        "listDeliveryMetricsSummaryFromDestination": _delivery_metrics,
        "listLabels": _list_labels,
        "createLabel": _create_label,
        "listWarehouses": _list_warehouses,
        "listTrackingPlans": _list_tracking_plans,
        "getTrackingPlan": _get_tracking_plan,
        "listRulesFromTrackingPlan": _list_rules,
        "getDailyPerSourceAPICallsUsage": _usage_by_source,
        "getDailyWorkspaceAPICallsUsage": _usage_of_workspace,
        "getEventsVolumeFromWorkspace": _events_volume,
    }
)
"""By operation. Every row of the Public API has one: a test says so."""


def _page(key: str, items: Sequence[Any], call: Call) -> Data:
    shown, pagination = pages.page(
        items, call.arguments.get("pagination.count"), call.arguments.get("pagination.cursor")
    )
    return {key: list(shown), "pagination": pagination}


def _source(state: State, call: Call) -> Source:
    found = state.workspace.sources.get(call.arguments["sourceId"])
    if found is None:
        raise refusals.not_found("Source")
    return found


def _destination(state: State, call: Call) -> Destination:
    found = state.workspace.destinations.get(call.arguments["destinationId"])
    if found is None:
        raise refusals.not_found("Destination")
    return found


def _tracking_plan(state: State, call: Call) -> TrackingPlan:
    found = state.workspace.tracking_plans.get(call.arguments["trackingPlanId"])
    if found is None:
        raise refusals.not_found("Tracking plan")
    return found


def _moment(arguments: Mapping[str, Any], name: str) -> datetime | None:
    return windows.parse(arguments[name].upper()) if name in arguments else None


def _days(state: State, call: Call) -> list[date]:
    first = date.fromisoformat(call.arguments["period"])
    if first.day != 1:
        raise refusals.invalid([refusals.problem("period", "must be the first day of a month")])
    return sorted(day for day in state.ledger.daily if (day.year, day.month) == (first.year, first.month))


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=windows.EPOCH.tzinfo)
