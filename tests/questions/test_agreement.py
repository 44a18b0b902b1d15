"""Two readers of the same facts: what `routes` says of an event at a destination is what the sandbox counts there."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from segment_mcp.questions import counters, routes
from segment_mcp.questions.counters import OF_DESTINATION, Scope, Window
from tests.questions.asking import LEAPING, World, world
from tests.questions.connecting import INTERCOM, MIXPANEL, MIXPANEL_TRACK, WEBHOOK, add_filter, destination, subscribe

CONDITIONS = (
    'type = "track"',
    'event = "A"',
    'event != "A"',
    "properties.n > 5",
    "!(properties.n > 5)",
    'contains(event, "A") and userId = "u-1"',
    'match(event, "A*") or type = "identify"',
    'context.ip = "203.0.113.7"',
    "properties.p = null",
    'traits.plan in ["pro", "free"]',
    'length(properties.s) > 3 and type = "track"',
    'type = "page" or type = "screen"',
)
ACTIONS: tuple[Mapping[str, Any] | None, ...] = (
    None,
    {"type": "DROP"},
    {"type": "DROP_PROPERTIES", "fields": {"properties": ["n", "s"]}},
    {"type": "SAMPLE", "percent": 0},
    {"type": "ALLOW_PROPERTIES", "fields": {"properties": ["p"], "traits": ["plan"]}},
)
MAPPINGS: tuple[Mapping[str, Any], ...] = (
    {"event": {"@path": "$.event"}},
    {"event": {"@path": "$.properties.s"}},
    {"event": "fixed", "ip": {"@template": "{{context.ip}}"}},
    {"user_id": {"@path": "$.userId"}},
)
EVENTS: tuple[Mapping[str, Any], ...] = (
    {"type": "track", "event": "A", "properties": {"n": 9, "s": "long enough", "p": 1}},
    {"type": "track", "event": "AB", "properties": {"n": "9", "s": "ab"}},
    {"type": "track", "event": "B"},
    {"type": "track", "event": "A", "properties": {"n": 1, "s": ""}, "integrations": {"All": False}},
    {"type": "track", "event": "A", "integrations": {"All": False, "Webhooks (Actions)": True}},
    {"type": "track", "event": "B", "properties": {"s": "abcdef"}, "integrations": {"Mixpanel (Actions)": False}},
    {"type": "identify", "traits": {"plan": "pro"}},
    {"type": "identify", "traits": {"plan": "other"}, "integrations": {"Intercom": False}},
    {"type": "page", "name": "A", "properties": {"n": 7}},
    {"type": "screen"},
    {"type": "group", "groupId": "g-1", "traits": {"plan": "free"}},
    {"type": "alias", "previousId": "a-1"},
)


def _event(number: int) -> dict[str, Any]:
    """An event that the counters can tell from the others, by its app's version."""
    context = {"app": {"version": str(number)}, **({"ip": "203.0.113.7"} if number % 3 else {})}
    return {"userId": f"u-{1 + number % 2}", "context": context, **EVENTS[number]}


async def _counted(to: World, scope: Scope) -> dict[str, set[str]]:
    """What the sandbox counted of each app version: `sent`, or the code for which the event was kept."""
    found: dict[str, set[str]] = {}
    for stage in OF_DESTINATION:
        counted = await counters.stage(to.reading(), stage, scope, ("appVersion", "discardReason"))
        assert counted is not None
        for row in counted.rows:
            if row.total:
                what = "sent" if stage == "successfulDelivery" else row.by["discardReason"]
                found.setdefault(row.by["appVersion"], set()).add(what)
    return found


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", [LEAPING], ids=["leaping"])
@pytest.mark.parametrize("metadata", [WEBHOOK, MIXPANEL, INTERCOM], ids=["webhook", "mapped", "classic"])
async def test_what_is_said_of_an_event_is_what_is_counted(metadata: str) -> None:
    async with world() as to:
        source_id, key = await to.source("shop")
        ways: list[tuple[dict[str, Any], Any, Any]] = []
        for number, condition in enumerate(CONDITIONS):
            destination_id = await destination(to, source_id, metadata, name=f"Way {number}")
            if metadata != INTERCOM:
                mapped = {"actionId": MIXPANEL_TRACK, "settings": MAPPINGS[number % len(MAPPINGS)]}
                await subscribe(to, destination_id, condition, **(mapped if metadata == MIXPANEL else {}))
            action = ACTIONS[number % len(ACTIONS)]
            if action is not None:
                await add_filter(to, source_id, destination_id, CONDITIONS[-1 - number], **action)
            asked = {"destinationId": destination_id}
            made = (await to.call("getDestination", **asked))["destination"]
            listed = await to.reading().list("listSubscriptionsFromDestination", asked)
            filters = await to.reading().list("listFiltersFromDestination", asked)
            assert listed is not None
            assert filters is not None
            ways.append((made, listed.items, filters.items))
        await to.send(key, *(_event(number) for number in range(len(EVENTS))))
        now = to.clock.now()
        within = Window(now - timedelta(hours=1), now, "MINUTE")
        outcomes = set()
        for made, subscriptions, filters_of in ways:
            counted = await _counted(to, Scope(within, source_id, made["id"]))
            for number in range(len(EVENTS)):
                event = _event(number)
                whole = routes.fate(routes.sample(event, "2026-05-20T12:00:00.000Z"), made, subscriptions, filters_of)
                said = whole.code or whole.outcome
                assert counted[str(number)] == {said}, (made["name"], event, whole)
                by_name = routes.fate(routes.named(event["type"], event.get("event")), made, subscriptions, filters_of)
                surprised = {"FILTERED_BY_INTEGRATIONS_OBJECT", "FILTERED_AT_MAPPING"}  # a name tells nothing of these
                assert by_name.outcome in {"depends", whole.outcome} or said in surprised, (event, by_name)
                outcomes.add(said)
        assert {"sent", "FILTERED_BY_RULES", "FILTERED_BY_INTEGRATIONS_OBJECT"} <= outcomes
