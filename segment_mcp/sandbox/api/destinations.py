"""Destinations, the subscriptions of their actions to events, and how well events arrive there."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from segment_mcp import operations
from segment_mcp.sandbox import checks, delivery, refusals, windows
from segment_mcp.sandbox.api.frame import (
    Call,
    Data,
    Handler,
    State,
    destination_of,
    metadata_of,
    moment,
    page,
    source_of,
)
from segment_mcp.sandbox.bodies import only
from segment_mcp.sandbox.settings import merged
from segment_mcp.sandbox.workspace import Destination

_CONFIGS = MappingProxyType(
    {
        "CRON": "ReverseEtlCronScheduleConfig",
        "DBT_CLOUD": "ReverseEtlDbtCloudScheduleConfig",
        "PERIODIC": "ReverseEtlPeriodicScheduleConfig",
        "SPECIFIC_DAYS": "ReverseEtlSpecificTimeScheduleConfig",
    }
)
"""The schema of a Reverse ETL schedule's configuration by the schedule's strategy; MANUAL has none."""


def _list_destinations(state: State, call: Call) -> Data:
    return page("destinations", [each.answer for each in state.workspace.destinations.values()], call)


def _get_destination(state: State, call: Call) -> Data:
    return {"destination": destination_of(state, call).answer}


def _create_destination(state: State, call: Call) -> Data:
    """Make a destination, enabled unless the body says otherwise, and without subscriptions: presets stay presets.

    An unknown `sourceId` or `metadataId` is a value of the body that is not valid: 422. Settings are taken as they
    are, so one that the catalog requires can follow.
    """
    metadata = metadata_of("destinations", call)
    if call.body["sourceId"] not in state.workspace.sources:
        raise refusals.invalid([refusals.problem("sourceId", "is not the ID of a source")])
    destination = Destination(
        id=state.new_id(),
        name=call.body.get("name"),
        enabled=call.body.get("enabled", True),
        metadata=metadata,
        source_id=call.body["sourceId"],
        settings=merged({}, call.body["settings"]),
    )
    state.workspace.destinations[destination.id] = destination
    _note(call, "Integration Created", destination)
    return {"destination": destination.answer}


def _update_destination(state: State, call: Call) -> Data:
    """Change what the body names. `settings` are merged key by key; null takes a setting, or the name, away.

    A body without a property that can be changed is 400 as documented; beside one that can, the others are ignored.
    """
    destination, body = destination_of(state, call), call.body
    if body and body.keys().isdisjoint({"name", "enabled", "settings"}):
        raise refusals.read_only()
    changed = replace(
        destination,
        name=body.get("name", destination.name),
        enabled=body.get("enabled", destination.enabled),
        settings=merged(destination.settings, body.get("settings", {})),
        refuses="" if "settings" in body else destination.refuses,
    )
    state.workspace.destinations[destination.id] = changed
    if destination.enabled and not changed.enabled:
        _note(call, "Integration Disabled", changed)
    return {"destination": changed.answer}


def _delete_destination(state: State, call: Call) -> Data:
    """Remove a destination with its subscriptions and filters."""
    destination = destination_of(state, call)
    state.workspace.delete_destination(destination.id)
    _note(call, "Integration Deleted", destination)
    return {"status": "SUCCESS"}


def _note(call: Call, type_: str, destination: Destination) -> None:
    call.note(type_, "destination", destination.id, destination.name or destination.names[0])


def _delivery_metrics(state: State, call: Call) -> Data:
    """Count deliveries. A source other than the destination's own is not found there: 404."""
    destination = destination_of(state, call)
    if source_of(state, call).id != destination.source_id:
        raise refusals.not_found("Source of this destination")
    asked = call.arguments
    since, until = windows.delivery_span(
        asked.get("granularity", "MINUTE"), moment(asked, "startTime"), moment(asked, "endTime"), call.now
    )
    minutes = windows.minutes_between(since, until)
    return {
        "deliveryMetricsSummary": {
            "sourceId": destination.source_id,
            "destinationMetadataId": destination.metadata["id"],
            "metrics": delivery.metrics(state.ledger.delivered, destination, minutes),
        }
    }


def _list_subscriptions(state: State, call: Call) -> Data:
    destination = destination_of(state, call)
    found = [each for each in state.workspace.subscriptions.values() if each["destinationId"] == destination.id]
    return page("subscriptions", found, call)


def _get_subscription(state: State, call: Call) -> Data:
    return {"subscription": _subscription_of(state, call)}


def _create_subscription(state: State, call: Call) -> Data:
    """Subscribe one of the destination's own actions to events; another's, or an unknown one, is 422.

    Trigger and mapping are taken as they are: a trigger that is no query is matched by nothing, and a mapping that
    can't be rendered stops every event.
    """
    destination, body = destination_of(state, call), call.body
    action = next((each for each in destination.metadata["actions"] if each["id"] == body["actionId"]), None)
    if action is None:
        raise refusals.invalid([refusals.problem("actionId", "is not the ID of an action of this destination")])
    subscription = {
        "id": state.new_id(),
        "actionSlug": action["slug"],
        "destinationId": destination.id,
        "settings": {},
        **only(body, ("name", "actionId", "enabled", "settings", "trigger", "modelId")),
    }
    state.workspace.subscriptions[subscription["id"]] = subscription
    return {"destinationSubscription": subscription}


def _update_subscription(state: State, call: Call) -> Data:
    """Change what the body names. `settings` are replaced: they are one mapping, in which null can be a value."""
    subscription, given = _subscription_of(state, call), call.body["input"]
    changed = {
        **subscription,
        **only(given, ("name", "trigger", "enabled", "settings")),
        **({"modelId": given["reverseETLModelId"]} if "reverseETLModelId" in given else {}),
        **({"reverseETLSchedule": _schedule(call)} if "reverseETLSchedule" in given else {}),
    }
    state.workspace.subscriptions[changed["id"]] = changed
    return {"subscription": changed}


def _schedule(call: Call) -> Data:
    """The schedule with the configuration that its strategy has; another, or one that is incomplete, is 422."""
    given = call.body["input"]["reverseETLSchedule"]
    name = _CONFIGS.get(given["strategy"])
    if name is None:
        return {"strategy": given["strategy"]}
    definitions = operations.schemas(operations.area_of(call.operation))["$defs"]
    due = {"properties": {"config": {"$ref": f"#/$defs/{name}"}}, "required": ["config"]}
    whole = {"properties": {"input": {"properties": {"reverseETLSchedule": due}}}}
    checks.value(checks.validator(whole, definitions), call.body)
    return {"strategy": given["strategy"], "config": only(given["config"], definitions[name]["properties"])}


def _remove_subscription(state: State, call: Call) -> Data:
    del state.workspace.subscriptions[_subscription_of(state, call)["id"]]
    return {"status": "SUCCESS"}


def _subscription_of(state: State, call: Call) -> Mapping[str, Any]:
    destination = destination_of(state, call)
    found = state.workspace.subscriptions.get(call.arguments["id"])
    if found is None or found["destinationId"] != destination.id:
        raise refusals.not_found("Subscription")
    return found


HANDLERS: Mapping[str, Handler] = MappingProxyType(
    {
        "listDestinations": _list_destinations,
        "createDestination": _create_destination,
        "getDestination": _get_destination,
        "updateDestination": _update_destination,
        "deleteDestination": _delete_destination,
        "listDeliveryMetricsSummaryFromDestination": _delivery_metrics,
        "listSubscriptionsFromDestination": _list_subscriptions,
        "createDestinationSubscription": _create_subscription,
        "getSubscriptionFromDestination": _get_subscription,
        "updateSubscriptionForDestination": _update_subscription,
        "removeSubscriptionFromDestination": _remove_subscription,
    }
)
