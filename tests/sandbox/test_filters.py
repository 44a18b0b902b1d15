"""Destination filters: what they leave of a message, in which order, and what a preview says of that."""

import copy
from typing import Any

import httpx2
import pytest

from segment_mcp.sandbox.filters import FqlError, compiled, passed

from .api.asking import data, refused
from .scenery import Scenery

PREVIEW = "/destination/filters/preview"
DROP = {"type": "DROP"}
PAID: dict[str, Any] = {
    "type": "track",
    "event": "Paid",
    "userId": "u",
    "properties": {"total": 5, "email": "e", "products": [{"id": 1, "price": 2}, {"id": 2, "price": 3}, "x"]},
    "context": {"ip": "i", "page": {"url": "/", "title": "t"}},
}


def drop(**fields: list[str]) -> dict[str, Any]:
    return {"type": "DROP_PROPERTIES", "fields": {path.replace("__", "."): names for path, names in fields.items()}}


def allow(**fields: list[str]) -> dict[str, Any]:
    return {**drop(**fields), "type": "ALLOW_PROPERTIES"}


def sample(percent: float, path: str | None = None) -> dict[str, Any]:
    return {"type": "SAMPLE", "percent": percent, **({} if path is None else {"path": path})}


def left(message: Any, *filters: tuple[str, *tuple[dict[str, Any], ...]], chance: float = 0.5) -> Any:
    return passed([compiled(condition, actions) for condition, *actions in filters], message, lambda: chance)


class TestOne:
    @pytest.mark.parametrize(
        ("condition", "sent"),
        [
            ('event = "Paid"', False),
            ('event = "paid"', True),
            ("all", False),
            (" all ", False),
            ("properties.total > 4 and length(userId) = 1", False),
            ("missing = null", False),
            ("!(event = 'Paid')", True),
        ],
    )
    def test_concerns_what_its_condition_holds_for(self, condition: str, *, sent: bool) -> None:
        assert (left(PAID, (condition, DROP)) is not None) is sent

    @pytest.mark.parametrize("condition", ["event =", "event == 'Paid'", "", "  ", "everything("])
    def test_that_is_no_query_can_not_be_read(self, condition: str) -> None:
        with pytest.raises(FqlError):
            compiled(condition, [DROP])

    @pytest.mark.parametrize(
        ("action", "expected"),
        [
            (
                drop(properties=["email", "else"]),
                {"properties": {"total": 5, "products": PAID["properties"]["products"]}},
            ),
            (drop(**{"": ["userId", "context"]}), {"userId": ..., "context": ...}),
            (drop(context__page=["url"]), {"context": {"ip": "i", "page": {"title": "t"}}}),
            (
                drop(properties__products=["price"]),
                {"properties": {"total": 5, "email": "e", "products": [{"id": 1}, {"id": 2}, "x"]}},
            ),
            (drop(nowhere=["x"], properties__total=["x"], context__page__url=["x"]), {}),
            (allow(properties=["total"]), {"properties": {"total": 5}}),
            (allow(properties=[]), {"properties": {}}),
            (allow(context__page=["url"]), {"context": {"ip": "i", "page": {"url": "/"}}}),
            (
                allow(**{"": ["event", "properties"]}),
                {name: ... for name in PAID if name not in {"event", "properties"}},
            ),
            (allow(nowhere=["x"]), {}),
            (drop(), {}),
        ],
    )
    def test_takes_properties_away_where_its_paths_lead(self, action: Any, expected: dict[str, Any]) -> None:
        """Three dots stand for a name that is gone."""
        message = copy.deepcopy(PAID)
        wanted = {name: value for name, value in {**PAID, **expected}.items() if value is not ...}
        assert left(message, ("all", action)) == wanted
        assert message == PAID

    @pytest.mark.parametrize(
        ("percent", "chance", "sent"),
        [(0, 0.0, False), (0.3, 0.29, True), (0.3, 0.3, False), (1, 0.999, True)],
    )
    def test_lets_a_share_through_by_chance(self, percent: float, chance: float, *, sent: bool) -> None:
        assert (left(PAID, ("all", sample(percent)), chance=chance) is not None) is sent

    def test_lets_a_share_through_by_a_value_and_always_the_same(self) -> None:
        users = [{**PAID, "userId": f"u{number}"} for number in range(1_000)]
        chosen = [
            [left(user, ("all", sample(0.3, "userId")), chance=chance) for user in users] for chance in (0.0, 0.9)
        ]
        assert chosen[0] == chosen[1]
        assert 250 < sum(user is not None for user in chosen[0]) < 350
        both = [left(user, ("all", sample(0.3, "$.userId"))) for user in users]
        assert both == chosen[0]

    @pytest.mark.parametrize(
        ("value", "share"),
        [  # the first eight bytes of the MD5 of the value's JSON, as md5sum says them
            ("u", 0xB474699F74B0ECAE / 2**64),
            (5, 0xE4DA3B7FBBCE2345 / 2**64),
            (None, 0x37A6259CC0C1DAE2 / 2**64),
        ],
    )
    def test_takes_the_share_of_a_value_as_segments_own_evaluator_does(self, value: Any, share: float) -> None:
        message = {**PAID, "userId": value}
        assert left(message, ("all", sample(share * 1.001, "userId"))) is not None
        assert left(message, ("all", sample(share * 0.999, "userId"))) is None


class TestSeveral:
    def test_sample_then_drop_then_drop_properties_then_allow(self) -> None:
        keep = ("all", allow(properties=["email", "total"]))
        without = ("all", drop(properties=["email"]))
        assert left(PAID, keep, without)["properties"] == {"total": 5}
        assert left(PAID, without, keep)["properties"] == {"total": 5}
        assert left(PAID, keep, without, ('event = "Paid"', DROP)) is None
        assert left(PAID, keep, ("all", sample(0.1))) is None

    def test_none_hides_from_the_next_what_that_one_asks_for(self) -> None:
        without = ("all", drop(properties=["total"]))
        asking = ("properties.total = 5", allow(properties=["email"]))
        assert left(PAID, without, asking)["properties"] == {"email": "e"}

    def test_one_may_have_several_actions(self) -> None:
        assert left(PAID, ("all", allow(properties=["total", "email"]), drop(properties=["email"])))["properties"] == {
            "total": 5
        }

    def test_none_leaves_the_message(self) -> None:
        assert left(PAID) == PAID


class TestAtADestination:
    async def test_what_is_dropped_is_filtered_by_rules(self, scenery: Scenery) -> None:
        hook = await scenery.destination()
        await scenery.subscribe(hook)
        await scenery.filter(hook, 'event = "Paid"', DROP)
        await scenery.filter(hook, "all", DROP, enabled=False)
        await scenery.send()
        await scenery.send(event="Other")
        assert await scenery.ended(hook) == {"FILTERED_BY_RULES": 1, "successes.attempt.1": 1}
        assert (await scenery.events())[0]["filtered"] == [
            {"destinationId": hook, "discardReason": "FILTERED_BY_RULES"}
        ]

    async def test_triggers_and_mappings_see_what_was_left(self, scenery: Scenery) -> None:
        hook = await scenery.destination()
        await scenery.subscribe(hook, "properties.secret = null")
        await scenery.filter(hook, "all", drop(properties=["secret"]))
        await scenery.send(properties={"secret": 1, "total": 2})
        assert [each["data"] for each in await scenery.payloads()] == [{"total": 2}]

    async def test_an_enabled_one_that_can_not_be_read_lets_nothing_through(self, scenery: Scenery) -> None:
        hook = await scenery.destination()
        await scenery.subscribe(hook)
        await scenery.filter(hook, "event ==", drop(properties=["x"]), enabled=False)
        await scenery.send()
        await scenery.filter(hook, "event ==", drop(properties=["x"]))
        await scenery.send()
        assert await scenery.ended(hook) == {"successes.attempt.1": 1, "FILTERED_BY_RULES": 1}

    async def test_one_of_another_destination_is_not_asked(self, scenery: Scenery) -> None:
        hook, other = await scenery.destination(), await scenery.destination()
        for each in (hook, other):
            await scenery.subscribe(each)
        await scenery.filter(other, "all", DROP)
        await scenery.send()
        assert await scenery.ended(hook) == {"successes.attempt.1": 1}
        assert await scenery.ended(other) == {"FILTERED_BY_RULES": 1}

    async def test_the_events_own_integrations_come_first(self, scenery: Scenery) -> None:
        hook = await scenery.destination()
        await scenery.filter(hook, "all", DROP)
        await scenery.send(integrations={"All": False})
        assert await scenery.ended(hook) == {"FILTERED_BY_INTEGRATIONS_OBJECT": 1}

    async def test_one_holds_from_when_it_changes(self, client: httpx2.AsyncClient, scenery: Scenery) -> None:
        hook = await scenery.destination()
        await scenery.subscribe(hook)
        found = await scenery.filter(hook, "all", DROP)
        await scenery.send()
        await client.patch(f"/destination/{hook}/filters/{found}", json={"if": 'event = "Other"'})
        await scenery.send()
        await client.patch(f"/destination/{hook}/filters/{found}", json={"if": "all"})
        await scenery.send()
        await client.delete(f"/destination/{hook}/filters/{found}")
        await scenery.send()
        assert await scenery.ended(hook) == {"FILTERED_BY_RULES": 2, "successes.attempt.1": 2}


class TestPreview:
    async def test_answers_as_the_references_example(self, client: httpx2.AsyncClient) -> None:
        payload = {"type": "track", "event": "Order Completed", "product": {"name": "m", "requestedFrom": "/p"}}
        shown = {
            "if": 'type = "track" AND event = "Order Completed"',
            "actions": [{"type": "ALLOW_PROPERTIES", "fields": {"product": ["event", "requestedFrom"]}}],
        }
        answer = await client.post(PREVIEW, json={"filter": shown, "payload": payload})
        assert "X-Segment-Sandbox" not in answer.headers
        assert data(answer) == {
            "inputPayload": payload,
            "result": {"type": "track", "event": "Order Completed", "product": {"requestedFrom": "/p"}},
        }

    @pytest.mark.parametrize(
        ("condition", "action", "sent"),
        [
            ("all", DROP, False),
            ('event = "Other"', DROP, True),
            ("all", sample(0.01), True),
            ("all", sample(0), False),
        ],
    )
    async def test_answers_null_for_what_is_not_sent(
        self, client: httpx2.AsyncClient, condition: str, action: dict[str, Any], *, sent: bool
    ) -> None:
        body = {"filter": {"if": condition, "actions": [action]}, "payload": PAID}
        assert data(await client.post(PREVIEW, json=body))["result"] == (PAID if sent else None)

    @pytest.mark.parametrize(
        ("condition", "actions", "named"),
        [
            ("event ==", [DROP], ["filter.if"]),
            ("", [DROP], ["filter.if"]),
            ("all", [{"type": "SAMPLE"}], ["filter.actions.0.percent"]),
            ("all", [DROP, {"type": "ALLOW_PROPERTIES"}], ["filter.actions.1.fields"]),
            ("all", [{"type": "DROP_PROPERTIES", "fields": {"a.b": "c"}}], ["filter.actions.0.fields.a.b"]),
            ("all", [{"type": "DROP_PROPERTIES", "fields": {"a": [1]}}], ["filter.actions.0.fields.a"]),
        ],
    )
    async def test_refuses_a_filter_that_can_not_be_read(
        self, client: httpx2.AsyncClient, condition: str, actions: list[Any], named: list[str]
    ) -> None:
        body = {"filter": {"if": condition, "actions": actions}, "payload": PAID}
        assert refused(await client.post(PREVIEW, json=body)) == (422, named)
