"""A call of each operation that really works: on the sandbox, whose seeded IDs stand here.

A body is the reference's own example, with what it names replaced by what the sandbox has. `{id}` means something
else in each area, so there are three tables, and the narrower one wins: of the operation, of its area, of all. What
is deleted in an example is what would be missed least: examples are copied.

Segment's metrics reach back for hours or days only, so times are computed and never old.
"""

from collections.abc import Mapping
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

from segment_mcp.operations.arguments import schema_of
from segment_mcp.operations.catalog import area_of, schemas
from segment_mcp.operations.operation import Operation

_WORKSPACE = "PxklHl0o5vLl9MDBHDeoij"

_WEBSITE = "GFIYTOxHfOu2H5ySDDAXac"
_BACKEND = "EOxa2ax67HUhmSOZPCLWRL"
_STRIPE = "xF23n3T5PivnL2q0nnrXSc"
_AGENT_EVENTS = "zkVjMbYaWxMhIAo9gRFfFP"
_OLD_ANDROID_APP = "GzoO1zT23nVjFB8rmVIRbh"
_AGENT_EVENTS_KEY = "sandboxhttp22ycs9a52F0c9zLwbZ8YQ"

_AMPLITUDE = "oI0b1gdvkqtbWrKvtxeDt5"
_ORDER_WEBHOOKS = "IO9xpPBAXWjbcurMVNGL3z"
_SEND_WEBHOOK = "nFPnRozhz1mh4Gbx4MLvT5"
_OLD_ANDROID_INTERCOM = "HVvJ4tiFHQ5uyoy5Zu6cG9"
_OFFICE_FILTER = "8OoIW0c3q4rvzWDYkqJ0g9"
_MIXPANEL = "qHW8M9GWtNyoABigIgQO93"
_MIXPANEL_FILTER_OFF = "VPNjHoKAHeUCI80Qc59sHZ"
_PAID_INVOICES = "2G1MIPgkA1GuYMpZ0xjneF"
_BRAZE = "J9smV1ZC97OhjyRpo8tbnx"
_COMMAND_BAR = "PuNQ7sMuSaLueh2s2X5IjV"
_COMMAND_BAR_TRACK_OFF = "xcOeRmH50p24092KIgqmIR"
_MIXPANEL_METADATA = "615c7438d93d9b61b1e9e192"
_TAG_MANAGER_METADATA = "54521fd625e721e32a72eeb9"

_LAKE = "EaYlYxz38FfCHWrgk2xGU9"
_REPORTING = "jNPVRAFIMYsTwMgXJhvzVy"
_SNOWFLAKE_METADATA = "CCIl4HLQPz"

_STOREFRONT = "tp_plndQ9upUles0BZknTNGVvg9BJj"
_RULE_LIBRARY = "tp_k3VnYw8RzDq1TcUhE5mXsJ7aLfG"

_PARCELS = "sfnc_u8jzPde0IgxLd6GncfBAep"
_PARCELS_FIRST = "2Ra1CpUeVx8oHf3WnBt7KyZmDg5"
_HASH_EMAILS = "f86bebb2737f6a6f0fb23c6f"
_HASH_EMAILS_INSTANCE = "67c58f0e4d3cea27d26934b4"
_NO_TEST_ORDERS = "ifns_6608697a8d41bed440e50454"
_NO_TEST_ORDERS_INSTANCE_OFF = "67f3c1a2575dcad6ba2b0aee"

_BEN = "oHYYY6k5Yiccu1W3SG0Zbo"
_FARID = "Pyh1XV7Uvz4ZMrYyI0IF6r"
_GROWTH = "HbPlP87lLANc4eguboFM4i"
_CONTRACTORS = "5NiymmpuhuyPQKgAxk0m2c"
_SOURCE_READ_ONLY = "EiekvgHVR5sara6757LyS4Asx4o"

_SHOP = "spa_bAmBVqBZlvdBOMAZIJBDdK"
_FREQUENT_BUYERS = "aud_BgoaJSgMLDKjDhkMEfQLJa1sJcf"
_LAPSED_BUYERS = "aud_0namNCdvebHHA3prUlaTuXVtqqo"
_OPEN_ORDERS = "aud_Lv0R84AnYH4yVL6Yz7zbzQbUFSo"
_PREVIEW_RUN = "2zLo8QeUvYt5BhCx0RgDwSa4JnK-compute_preview_execution"
_HOURLY = "sch_Ah3DbSOBXUwh8gdFoWBqkfESqWf"

_KNOWN: Mapping[str, Any] = MappingProxyType(
    {
        "sourceId": _WEBSITE,
        "sourceMetadataId": "IqDTy1TpoU",
        "forwardingBlockedEventsTo": _BACKEND,
        "forwardingViolationsTo": _BACKEND,
        "destinationId": _AMPLITUDE,
        "destinationConfigId": _AMPLITUDE,
        "destinationMetadataId": _MIXPANEL_METADATA,
        "subscriptionId": _PAID_INVOICES,
        "warehouseId": _LAKE,
        "warehouseMetadataId": _SNOWFLAKE_METADATA,
        "trackingPlanId": _STOREFRONT,
        "transformationId": "2kQ8vTfBz1hWnYx5LcJr7PdMaGs",
        "functionId": _PARCELS,
        "versionId": _PARCELS_FIRST,
        "instanceId": _HASH_EMAILS_INSTANCE,
        "resourceType": "SOURCE",
        "granularity": "HOUR",
        "regulateId": "2rGkq8sVbNn4x1hY0cWzTfPmLdA",
        "userId": _BEN,
        "userGroupId": _GROWTH,
        "permissions": [{"roleId": _SOURCE_READ_ONLY, "resources": [{"id": _WORKSPACE, "type": "WORKSPACE"}]}],
        "spaceId": _SHOP,
        "audienceId": _FREQUENT_BUYERS,
        "audienceType": "USERS",
        "message": "hello",
        # Of what has no state in the sandbox, which answers for any ID.
        "credentialId": "2vGj4LaQrUp8XdYt7McZsNw6EhF",
        "modelId": "qQEHquLrjRDN9j1ByrChyn",
        "syncId": "91482",
        "entitySlug": "orders",
        "eventName": "Order Completed",
        "propertyName": "total",
        "propertyType": "PROPERTY",
        "traitKey": "plan",
    }
)
"""What a parameter, or a member of a body at any depth, of that name is."""

_BY_AREA: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "activations": {
            "id": "act_aKkv5aK7dVpIuGhEa5q5Vc",
            "connectionId": "ii_glQjPrH8WB8zJXIkX0IAfi",
            "destinationId": _BRAZE,
            "destination": {"id": _AMPLITUDE, "type": "destination"},
            "personalization": {"profile": {"properties": ["total_spent"]}},
            "destinationMapping": {
                "actionId": "2P24zUSAL8BUpyGYNGmD7M",
                "settings": {"external_id": "$.userId"},
            },
        },
        "audiences": {"id": _FREQUENT_BUYERS, "scheduleId": _HOURLY},
        "computed_traits": {"id": "tra_5SC10rjuJMLP0aPfnP2t5DR2u03"},
        "destination_filters": {"filterId": _OFFICE_FILTER},
        "destinations": {"id": _PAID_INVOICES},
        "profiles_sync": {"warehouseId": "3HI0OgifL34KsBCiVWrdqR"},
        "space_filters": {"id": "2yKn7PdTuXs4AgBw8QfCvRz2HmJ", "integrationId": _SHOP},
    }
)

_RULE = {
    "type": "TRACK",
    "key": "Gift Card Redeemed",
    "version": 1,
    "jsonSchema": {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "object",
        "properties": {
            "properties": {
                "type": "object",
                "properties": {"orderId": {"type": "string"}, "value": {"type": "number"}},
                "required": ["orderId"],
            }
        },
    },
}

_BY_OPERATION: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "addLabelsToSource": {"sourceId": _BACKEND, "labels": [{"key": "environment", "value": "prod"}]},
        "createWriteKeyForSource": {"sourceId": _AGENT_EVENTS},
        "updateSource": {"sourceId": _AGENT_EVENTS},
        "removeWriteKeyFromSource": {"sourceId": _AGENT_EVENTS, "writeKey": _AGENT_EVENTS_KEY},
        "deleteSource": {"sourceId": _OLD_ANDROID_APP},
        "deleteLabel": {"key": "team", "value": "growth"},
        "createDestination": {
            "metadataId": _TAG_MANAGER_METADATA,
            "name": "Tag manager",
            "settings": {"containerId": "GTM-EXAMPLE"},
        },
        "createDestinationSubscription": {
            "destinationId": _ORDER_WEBHOOKS,
            "actionId": _SEND_WEBHOOK,
            "settings": {"url": "https://hooks.shop.example/orders", "method": "POST"},
        },
        "getSubscriptionFromDestination": {"destinationId": _ORDER_WEBHOOKS},
        "updateSubscriptionForDestination": {"destinationId": _ORDER_WEBHOOKS},
        "removeSubscriptionFromDestination": {"destinationId": _COMMAND_BAR, "id": _COMMAND_BAR_TRACK_OFF},
        "removeFilterFromDestination": {"destinationId": _MIXPANEL, "filterId": _MIXPANEL_FILTER_OFF},
        "deleteDestination": {"destinationId": _OLD_ANDROID_INTERCOM},
        "addConnectionFromSourceToWarehouse": {"sourceId": _AGENT_EVENTS},
        "deleteWarehouse": {"warehouseId": _REPORTING},
        "addSourceToTrackingPlan": {"sourceId": _STRIPE},
        "deleteTrackingPlan": {"trackingPlanId": _RULE_LIBRARY},
        "replaceRulesInTrackingPlan": {"rules": [_RULE]},
        "updateRulesInTrackingPlan": {"rules": [_RULE]},
        "removeRulesFromTrackingPlan": {"rules": [{"type": "TRACK", "key": "Coupon Applied", "version": 1}]},
        "deleteFunction": {"functionId": _NO_TEST_ORDERS},
        "listInsertFunctionInstances": {"functionId": _HASH_EMAILS},
        "createInsertFunctionInstance": {
            "functionId": _HASH_EMAILS,
            "integrationId": _AMPLITUDE,
            "settings": {"salt": "to-taste"},
        },
        "updateInsertFunctionInstance": {"settings": {"traits": ["email"]}},
        "deleteInsertFunctionInstance": {"instanceId": _NO_TEST_ORDERS_INSTANCE_OFF},
        "getEventsVolumeFromWorkspace": {"groupBy": ["eventName"]},
        "createCloudSourceRegulation": {"sourceId": _STRIPE, "collection": "customers"},
        "deleteUsers": {"userIds": [_FARID]},
        "deleteInvites": {"emails": ["henry@agency.example"]},
        "addUsersToUserGroup": {"emails": ["ben@shop.example"]},
        "replaceUsersInUserGroup": {"emails": ["ben@shop.example"]},
        "removeUsersFromUserGroup": {"emails": ["farid@shop.example"]},
        "deleteUserGroup": {"userGroupId": _CONTRACTORS},
        "batchQueryMessagingSubscriptionsForSpace": {
            "subscriptions": [{"key": "jane@customer.example", "type": "EMAIL"}, {"key": "+12025550123", "type": "SMS"}]
        },
        "replaceMessagingSubscriptionsInSpaces": {
            "subscriptions": [
                {
                    "key": "jane@customer.example",
                    "type": "EMAIL",
                    "status": "SUBSCRIBED",
                    "groups": [{"name": "promotions", "status": "UNSUBSCRIBED"}],
                },
                {"key": "+12025550123", "type": "SMS", "status": "DID_NOT_SUBSCRIBE"},
            ]
        },
        "getAudiencePreview": {"id": f"{_PREVIEW_RUN}-{_SHOP}-compute_preview_execution"},
        "removeDestinationFromAudience": {"audienceId": _LAPSED_BUYERS, "destinationId": _MIXPANEL},
        "forceExecuteAudienceRun": {"audienceId": _OPEN_ORDERS},
        "listAudienceSchedulesFromSpaceAndAudience": {"id": _OPEN_ORDERS},
        "addAudienceScheduleToAudience": {"id": _OPEN_ORDERS},
        "getAudienceScheduleFromSpaceAndAudience": {"id": _OPEN_ORDERS},
        "updateAudienceScheduleForAudience": {"id": _OPEN_ORDERS},
        "removeAudienceScheduleFromAudience": {"id": _OPEN_ORDERS},
        "removeAudienceFromSpace": {"id": _LAPSED_BUYERS},
    }
)

_SHOWN = frozenset({"startTime", "endTime", "granularity"})
"""Parameters that an example shows also where they are optional."""


def example(operation: Operation, now: datetime | None = None) -> dict[str, Any]:
    """Arguments of a call that the sandbox carries out.

    Args:
        operation: a row of the Public API.
        now: what times are computed from; the present moment unless given.

    Returns:
        What is required first, then what else the reference's example of the body shows.

    Raises:
        FileNotFoundError: the operation is one of the Tracking API, for which Segment publishes no schemas.
    """
    area = area_of(operation)
    own = _BY_OPERATION.get(operation.name, {})
    known = {**_times(now or datetime.now(UTC)), **_KNOWN, **_BY_AREA.get(area, {}), **own}
    entry, required = schemas(area)["operations"][operation.name], schema_of(operation)["required"]
    shown = [each["name"] for each in entry["parameters"] if each["required"] or each["name"] in _SHOWN]
    body = _with_known(entry["example"] or {}, {name: value for name, value in known.items() if name != "id"})
    given = {**{name: known[name] for name in shown}, **body, **own}
    return deepcopy({**{name: given[name] for name in required}, **given})


def _with_known(value: Any, known: Mapping[str, Any]) -> Any:
    """The example with each member that has a known value given that; `id` says too little for that."""
    if isinstance(value, dict):
        return {name: known[name] if name in known else _with_known(member, known) for name, member in value.items()}
    if isinstance(value, list):
        return [_with_known(item, known) for item in value]
    return value


def _times(now: datetime) -> dict[str, str]:
    """The last day in whole hours, and the month that it is."""
    hour = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    return {
        "startTime": _iso(hour - timedelta(days=1)),
        "endTime": _iso(hour),
        "hour": _iso(hour - timedelta(hours=1)),
        "period": f"{hour:%Y-%m-01}",
    }


def _iso(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S.000Z}"
