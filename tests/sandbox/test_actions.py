"""Subscriptions: which an event triggers, what each makes of it, and how that is counted."""

from typing import Any

import pytest

from segment_mcp.sandbox import webhooks
from segment_mcp.sandbox.actions import compiled

from .scenery import INTERCOM, NOWHERE, SEND, Scenery

FIELD = {"fieldKey": "to", "required": True, "allowNull": False}
ACTION = {"id": "act", "platform": "CLOUD", "fields": [FIELD, {**FIELD, "fieldKey": "cc", "required": False}]}
ENTRY = {"id": "sub", "enabled": True, "trigger": 'type = "track"', "settings": {"to": {"@path": "$.userId"}}}


class TestOne:
    @pytest.mark.parametrize(
        ("entry", "action"),
        [
            ({"enabled": False}, {}),
            ({"trigger": "type =="}, {}),
            ({"trigger": ""}, {}),
            ({"modelId": "mod"}, {}),
            ({}, {"platform": "WEB"}),
            ({}, {"platform": "MOBILE"}),
        ],
    )
    def test_that_no_event_can_trigger(self, entry: dict[str, Any], action: dict[str, Any]) -> None:
        found = compiled({**ENTRY, **entry}, {**ACTION, **action})
        assert found is None or not found.trigger.matches({"type": "track"})

    @pytest.mark.parametrize(
        ("mapping", "payload"),
        [
            ({"to": {"@path": "$.userId"}}, {"to": "u"}),
            ({"to": "x", "cc": None}, {"to": "x", "cc": None}),
            ({"to": 0}, {"to": 0}),
            ({"to": False}, {"to": False}),
            ({"to": {"@path": "$.missing"}}, None),
            ({"to": None}, None),
            ({"to": ""}, None),
            ({"cc": "x"}, None),
            ({}, None),
            ({"to": {"@unknown": 1}}, None),
            ({"@path": "$.properties"}, {"to": "p"}),
            ({"@path": "$.event"}, None),
        ],
    )
    def test_renders_its_mapping_or_lacks_what_the_action_requires(self, mapping: Any, payload: Any) -> None:
        found = compiled({**ENTRY, "settings": mapping}, ACTION)
        assert found is not None
        assert found.payload({"type": "track", "userId": "u", "event": "e", "properties": {"to": "p"}}) == payload

    def test_may_have_null_where_the_field_allows_it(self) -> None:
        found = compiled({**ENTRY, "settings": {"to": None}}, {**ACTION, "fields": [{**FIELD, "allowNull": True}]})
        assert found is not None
        assert found.payload({}) == {"to": None}


class TestAtADestination:
    async def test_each_that_is_triggered_is_a_delivery_of_its_own(self, scenery: Scenery) -> None:
        hook = await scenery.destination()
        first = await scenery.subscribe(hook, 'event = "Paid"')
        second = await scenery.subscribe(hook, "properties.total > 1", data={"big": True})
        await scenery.subscribe(hook, 'type = "identify"')
        await scenery.subscribe(hook, enabled=False)
        await scenery.send(properties={"total": 2})
        await scenery.send(properties={"total": 1})
        assert await scenery.ended(hook) == {"successes.attempt.1": 3}
        for subscription, deliveries in ((first, 2), (second, 1), ("unknown", 0)):
            asked = {"filter.subscriptionId": subscription}
            assert await scenery.count("successful-delivery", hook, **asked) == deliveries
        (event, _) = await scenery.events()
        assert event["destinations"] == [hook]
        assert [(each["subscriptionId"], each["payload"]["data"]) for each in event["deliveries"]] == [
            (first, {"total": 2}),
            (second, {"big": True}),
        ]

    async def test_the_overview_has_a_row_for_each(self, scenery: Scenery) -> None:
        hook = await scenery.destination()
        for trigger in ('type = "track"', 'event = "Paid"'):
            await scenery.subscribe(hook, trigger)
        for name in ("Paid", "Paid", "Other"):
            await scenery.send(event=name)
        found = await scenery._overview("successful-delivery", hook, "", {"groupBy": "subscriptionId"})
        assert [row["total"] for row in found["dataset"]] == [3, 2]

    async def test_none_that_is_triggered_is_no_matching_mapping_once(self, scenery: Scenery) -> None:
        hook = await scenery.destination()
        await scenery.send()
        for trigger in ('type = "identify"', 'event = "paid"', "type =="):
            await scenery.subscribe(hook, trigger)
        await scenery.send()
        assert await scenery.ended(hook) == {"NO_MATCHING_MAPPING": 2}
        found = await scenery._overview("filtered-at-destination", hook, "", {"filter.subscriptionId": "s"})
        assert found["total"] == 0
        assert [each["filtered"] for each in await scenery.events()] == [
            [{"destinationId": hook, "discardReason": "NO_MATCHING_MAPPING"}]
        ] * 2

    async def test_a_mapping_without_what_is_required_stops_the_event_there(self, scenery: Scenery) -> None:
        hook = await scenery.destination()
        lacking = await scenery.subscribe(hook, url={"@path": "$.properties.url"})
        broken = await scenery.subscribe(hook, data={"@nothing": 1})
        await scenery.subscribe(hook)
        await scenery.send()
        assert await scenery.ended(hook) == {"FILTERED_AT_MAPPING": 2, "successes.attempt.1": 1}
        for subscription in (lacking, broken):
            asked = {"filter.subscriptionId": subscription}
            assert await scenery.ended(hook, **asked) == {"FILTERED_AT_MAPPING": 1}
        assert [each["subscriptionId"] for each in (await scenery.events())[0]["filtered"]] == [lacking, broken]

    async def test_it_triggers_from_when_it_changes(self, scenery: Scenery) -> None:
        hook = await scenery.destination()
        subscription = await scenery.subscribe(hook)
        await scenery.send()
        await scenery.retrigger(hook, subscription, trigger='event = "Other"')
        await scenery.send()
        await scenery.retrigger(hook, subscription, trigger="type != null", settings={"method": "POST"})
        await scenery.send()
        await scenery.retrigger(hook, subscription, enabled=False)
        await scenery.send()
        assert await scenery.ended(hook) == {
            "successes.attempt.1": 1,
            "NO_MATCHING_MAPPING": 2,
            "FILTERED_AT_MAPPING": 1,
        }

    async def test_events_are_mapped_as_segment_hands_them_on(self, scenery: Scenery) -> None:
        hook = await scenery.destination()
        await scenery.subscribe(hook, data={"@path": "$."})
        times = {"sentAt": "2026-05-20T12:00:20Z", "timestamp": "2026-05-20T12:00:00Z"}
        await scenery.send(messageId="m1", properties={"a": 1}, **times)
        assert [each["data"] for each in await scenery.payloads()] == [
            {
                "type": "track",
                "event": "Paid",
                "userId": "u",
                "messageId": "m1",
                "properties": {"a": 1},
                "sentAt": times["sentAt"],
                "originalTimestamp": times["timestamp"],
                "timestamp": "2026-05-20T12:00:10.000Z",
                "receivedAt": "2026-05-20T12:00:30.000Z",
            }
        ]

    async def test_without_actions_the_type_of_event_decides_before_any_filter(self, scenery: Scenery) -> None:
        classic = await scenery.destination(INTERCOM)
        await scenery.filter(classic, 'type = "alias" or type = "group"', {"type": "DROP"})
        await scenery.send()
        await scenery.send("page")
        await scenery.send("screen")
        await scenery.send("alias", previousId="p")
        await scenery.send("group", groupId="g")
        assert await scenery.ended(classic) == {
            "successes.attempt.1": 3,
            "UNSUPPORTED_EVENT_TYPE": 1,
            "FILTERED_BY_RULES": 1,
        }
        (delivery,) = (await scenery.events())[0]["deliveries"]
        assert "subscriptionId" not in delivery
        assert delivery["payload"]["event"] == "Paid"

    @pytest.mark.parametrize("change", [{"enabled": False}, None])
    async def test_a_destination_that_is_off_or_gone_counts_nothing(
        self, client: Any, scenery: Scenery, change: dict[str, Any] | None
    ) -> None:
        hook = await scenery.destination()
        await scenery.subscribe(hook)
        if change is None:
            await client.delete(f"/destinations/{hook}")
        else:
            await scenery.update(hook, **change)
        await scenery.send()
        (event,) = await scenery.events()
        assert (event["destinations"], "filtered" in event) == ([], False)
        if change is not None:
            assert await scenery.ended(hook) == {}


class TestShown:
    async def test_payloads_have_no_secrets(self, scenery: Scenery) -> None:
        hook = await scenery.destination(settings={"sharedSecret": "hush"})
        headers = {"Authorization": "Bearer hush", "X-Whatever": "hush", "Accept": "text/plain"}
        data = {"total": 1, "apiKey": "hush", "list": [{"password": "hush"}]}
        await scenery.subscribe(hook, url="https://u:hush@hooks.example/T0/hush?key=hush", headers=headers, data=data)
        await scenery.send()
        (event,) = await scenery.events()
        assert "hush" not in str(event)
        (payload,) = await scenery.payloads()
        assert payload["url"] == "https://hooks.example/…"
        assert payload["headers"]["Accept"] == "text/plain"
        assert (payload["data"]["total"], payload["method"]) == (1, "POST")

    async def test_a_payload_that_is_too_large_is_left_out(self, scenery: Scenery) -> None:
        hook = await scenery.destination()
        await scenery.subscribe(hook, data={"many": [{"@path": "$.properties.text"}] * 10})
        await scenery.send(properties={"text": "x" * 8_000})
        (delivery,) = (await scenery.events())[0]["deliveries"]
        assert delivery == {
            "destinationId": hook,
            "subscriptionId": delivery["subscriptionId"],
            "outcome": "first_attempt",
            "attempts": 1,
            "discardReason": "successes.attempt.1",
        }

    async def test_only_the_newest_deliveries_are_remembered(self, scenery: Scenery) -> None:
        hook = await scenery.destination()
        await scenery.subscribe(hook)
        await scenery.subscribe(hook)
        for _ in range(501):
            await scenery.send()
        events = await scenery.events()
        assert len(events) == 100
        assert "deliveries" not in events[0]
        assert len(events[1]["deliveries"]) == 2
        assert await scenery.ended(hook) == {"successes.attempt.1": 1_002}


def test_the_action_that_sends_is_the_catalogs() -> None:
    assert webhooks.ACTION_ID == SEND
    assert not webhooks.is_loopback(NOWHERE)
