"""Destinations and the subscriptions of their actions."""

from datetime import timedelta
from typing import Any

import httpx2
import pytest

from tests.sandbox.api.asking import data, refused, trail
from tests.sandbox.conftest import Clock
from tests.sandbox.world import destination, metrics, send, source_id

MASK = "••••••••••"
WEBHOOK, COMMANDBAR = "614a3c7d791c91c41bae7599", "638f843c4520d424f63c9e51"
SEND, TRACK_EVENT = "nFPnRozhz1mh4Gbx4MLvT5", "5cVhYfBJYs4sCSvLLoahGc"
EVENT = {"userId": "u", "event": "Bought"}


def new(source: str, **more: Any) -> dict[str, Any]:
    return {"sourceId": source, "metadataId": WEBHOOK, "settings": {}, **more}


class TestCreating:
    @pytest.mark.parametrize(
        ("more", "field"), [({"sourceId": "nothing"}, "sourceId"), ({"metadataId": "nothing"}, "metadataId")]
    )
    async def test_needs_a_source_and_a_kind_that_exist(
        self, client: httpx2.AsyncClient, more: dict[str, str], field: str
    ) -> None:
        body = {**new(await source_id(client, "website")), **more}
        assert refused(await client.post("/destinations", json=body)) == (422, [field])
        assert await trail(client) == []

    async def test_makes_one_that_takes_events_and_has_no_subscriptions(self, client: httpx2.AsyncClient) -> None:
        source = await source_id(client, "agent-events")
        body = new(source, settings={"sharedSecret": "s3cret", "note": "x"})
        made = data(await client.post("/destinations", json=body))["destination"]
        assert data(await client.get(f"/destinations/{made['id']}"))["destination"] == made
        assert made["settings"] == {"sharedSecret": MASK, "note": "x"}
        assert (made["enabled"], "name" in made, made["metadata"]["slug"]) == (True, False, "actions-webhook")
        assert data(await client.get(f"/destinations/{made['id']}/subscriptions"))["subscriptions"] == []
        fed = data(await client.get(f"/sources/{source}/connected-destinations"))["destinations"]
        assert made in fed
        subscription = {"name": "S", "actionId": SEND, "enabled": True, "trigger": 'type = "track"'}
        mapping = {"settings": {"url": "https://hooks.example", "method": "POST"}}
        for taken in (0, 1):  # without a subscription, and with one
            await send(client, "track", EVENT)
            summary = data(await client.get(f"/destinations/{made['id']}/delivery-metrics?sourceId={source}"))
            assert summary["deliveryMetricsSummary"]["metrics"][0]["total"] == taken
            data(await client.post(f"/destinations/{made['id']}/subscriptions", json={**subscription, **mapping}))
        assert await trail(client) == [("Integration Created", "destination", "Webhooks (Actions)")]


class TestUpdating:
    @pytest.mark.parametrize("body", [{"sourceId": "x"}, {"id": "x", "metadata": {}}])
    async def test_of_nothing_but_read_only_properties_is_400(
        self, client: httpx2.AsyncClient, body: dict[str, Any]
    ) -> None:
        before = await destination(client, "actions-webhook")
        assert (await client.patch(f"/destinations/{before['id']}", json=body)).status_code == 400
        assert await destination(client, "actions-webhook") == before

    async def test_ignores_read_only_properties_beside_others(self, client: httpx2.AsyncClient) -> None:
        before = await destination(client, "actions-webhook")
        body = {"name": "Hooks", "sourceId": "x"}
        answer = data(await client.patch(f"/destinations/{before['id']}", json=body))["destination"]
        assert answer == {**before, "name": "Hooks"} == await destination(client, "actions-webhook")
        assert data(await client.patch(f"/destinations/{before['id']}", json={}))["destination"] == answer

    async def test_merges_settings_and_takes_away_by_null(self, client: httpx2.AsyncClient) -> None:
        before = await destination(client, "actions-commandbar")
        body = {"name": None, "settings": {"deploy": None, "token": "t", "empty_secret": ""}}
        answer = data(await client.patch(f"/destinations/{before['id']}", json=body))["destination"]
        assert answer["settings"] == {"orgId": "a1b2c3d4", "token": MASK, "empty_secret": ""}
        assert "name" not in answer

    async def test_that_disables_stops_deliveries_and_alone_is_noted(self, client: httpx2.AsyncClient) -> None:
        made = data(await client.post("/destinations", json=new(await source_id(client, "agent-events"))))
        path = f"/destinations/{made['destination']['id']}"
        for enabled in (True, False, False, True, False):
            data(await client.patch(path, json={"enabled": enabled}))
        await send(client, "track", EVENT)
        params = {"sourceId": made["destination"]["sourceId"]}
        summary = data(await client.get(f"{path}/delivery-metrics", params=params))["deliveryMetricsSummary"]
        assert summary["metrics"][0]["total"] == 0
        assert [event[0] for event in await trail(client)] == ["Integration Created", *["Integration Disabled"] * 2]


async def test_a_deleted_destination_takes_what_hangs_on_it_along(client: httpx2.AsyncClient) -> None:
    gone = await destination(client, "actions-webhook")
    path = f"/destinations/{gone['id']}"
    assert data(await client.delete(path)) == {"status": "SUCCESS"}
    for each in (path, f"{path}/subscriptions", f"/destination/{gone['id']}/filters"):
        assert (await client.get(each)).status_code == 404
    assert (await client.delete(path)).status_code == 404
    fed = data(await client.get(f"/sources/{gone['sourceId']}/connected-destinations"))["destinations"]
    assert [each["metadata"]["slug"] for each in fed] == ["actions-mixpanel"]
    assert (await metrics(client, "actions-mixpanel"))["successes"]["total"] > 0
    assert await trail(client) == [("Integration Deleted", "destination", "Order webhooks")]


class TestSecrets:
    @pytest.mark.parametrize("path", ["/destinations", "/sources/{}/connected-destinations"])
    async def test_never_leave_whichever_way_is_asked(self, client: httpx2.AsyncClient, path: str) -> None:
        for slug in ("website", "backend", "ios-app", "agent-events", "android-legacy"):
            text = (await client.get(path.format(await source_id(client, slug)))).text
            assert MASK in text
            assert "-secret" not in text
            assert "-api-key" not in text

    async def test_are_told_by_the_catalog_or_by_their_names(self, client: httpx2.AsyncClient) -> None:
        hidden = {"api_key": "a", "projectToken": "b", "accessKeyId": "c", "db_password": "d", "clientSecret": {"e": 1}}
        shown = {"keyboard": "x", "useApiKey": True, "apiKey": None, "endpoint": "us"}
        body = new(await source_id(client, "website"), settings={**hidden, **shown})
        settings = data(await client.post("/destinations", json=body))["destination"]["settings"]
        assert settings == {**dict.fromkeys(hidden, MASK), "keyboard": "x", "useApiKey": True, "endpoint": "us"}
        assert (await destination(client, "actions-customerio"))["settings"]["siteId"] == MASK


class TestSubscriptions:
    async def path(self, client: httpx2.AsyncClient, slug: str = "actions-webhook") -> str:
        return f"/destinations/{(await destination(client, slug))['id']}/subscriptions"

    async def test_belong_to_their_destination(self, client: httpx2.AsyncClient) -> None:
        mine, other = await self.path(client), await self.path(client, "actions-commandbar")
        first, second = data(await client.get(mine))["subscriptions"]
        assert data(await client.get(f"{mine}/{first['id']}")) == {"subscription": first}
        assert first["destinationId"] == second["destinationId"] == mine.split("/")[2]
        for path in (f"{other}/{first['id']}", f"{mine}/unknown", f"/destinations/unknown/subscriptions/{first['id']}"):
            assert (await client.get(path)).status_code == 404
            assert (await client.patch(path, json={"input": {}})).status_code == 404
            assert (await client.delete(path)).status_code == 404

    async def test_come_in_pages(self, client: httpx2.AsyncClient) -> None:
        path = await self.path(client)
        page = data(await client.get(path, params={"pagination.count": "1"}))
        rest = data(await client.get(path, params={"pagination.cursor": page["pagination"]["next"]}))
        assert [*page["subscriptions"], *rest["subscriptions"]] == data(await client.get(path))["subscriptions"]

    @pytest.mark.parametrize("action", ["nothing", TRACK_EVENT])
    async def test_need_an_action_of_that_destination(self, client: httpx2.AsyncClient, action: str) -> None:
        body = {"name": "S", "actionId": action, "trigger": 'type = "track"', "enabled": True}
        assert refused(await client.post(await self.path(client), json=body)) == (422, ["actionId"])

    async def test_are_made_changed_and_removed(self, client: httpx2.AsyncClient) -> None:
        path = await self.path(client)
        body = {"name": "S", "actionId": SEND, "trigger": 'type = "track"', "enabled": False, "else": 1}
        made = data(await client.post(path, json=body))["destinationSubscription"]
        assert (made["actionSlug"], made["settings"]) == ("send", {})
        change = {"name": "T", "settings": {"url": "https://a.example"}, "reverseETLModelId": "m"}
        data(await client.patch(f"{path}/{made['id']}", json={"input": change}))
        answer = data(await client.patch(f"{path}/{made['id']}", json={"input": {"settings": {"method": None}}}))
        assert answer["subscription"] == {**made, "name": "T", "settings": {"method": None}, "modelId": "m"}
        assert data(await client.get(path))["subscriptions"][-1] == answer["subscription"]
        assert data(await client.delete(f"{path}/{made['id']}")) == {"status": "SUCCESS"}
        assert (await client.delete(f"{path}/{made['id']}")).status_code == 404
        assert len(data(await client.get(path))["subscriptions"]) == 2
        assert await trail(client) == []

    @pytest.mark.parametrize(
        ("schedule", "answer"),
        [
            ({"strategy": "MANUAL", "config": {"interval": "1h"}}, {"strategy": "MANUAL"}),
            (
                {"strategy": "PERIODIC", "config": {"interval": "1h", "spec": "x", "timezone": "UTC"}},
                {"strategy": "PERIODIC", "config": {"interval": "1h"}},
            ),
            ({"strategy": "CRON"}, ["input.reverseETLSchedule.config"]),
            ({"strategy": "CRON", "config": None}, ["input.reverseETLSchedule.config"]),
            ({"strategy": "CRON", "config": {"interval": "1h", "spec": "0 * * * *"}}, ["timezone"]),
            (
                {"strategy": "SPECIFIC_DAYS", "config": {"interval": "", "days": 1, "hours": [1], "timezone": "UTC"}},
                ["days"],
            ),
        ],
    )
    async def test_have_a_schedule_as_its_strategy_says(
        self, client: httpx2.AsyncClient, schedule: dict[str, Any], answer: dict[str, Any] | list[str]
    ) -> None:
        path = await self.path(client)
        first = data(await client.get(path))["subscriptions"][0]
        given = await client.patch(f"{path}/{first['id']}", json={"input": {"reverseETLSchedule": schedule}})
        if isinstance(answer, dict):
            assert data(given)["subscription"]["reverseETLSchedule"] == answer
        else:
            status, named = refused(given)
            assert (status, [str(each).rpartition("config.")[2] for each in named]) == (422, answer)
            assert data(await client.get(path))["subscriptions"][0] == first

    async def test_change_five_times_a_minute_as_documented(self, client: httpx2.AsyncClient, clock: Clock) -> None:
        path = await self.path(client)
        first = data(await client.get(path))["subscriptions"][0]
        answers = [await client.patch(f"{path}/{first['id']}", json={"input": {}}) for _ in range(6)]
        assert [answer.status_code for answer in answers] == [200] * 5 + [429]
        clock.pass_by(timedelta(minutes=1))
        assert (await client.patch(f"{path}/{first['id']}", json={"input": {}})).status_code == 200

    async def test_are_seeded_with_actions_that_their_destinations_have(self, client: httpx2.AsyncClient) -> None:
        for each in data(await client.get("/destinations"))["destinations"]:
            actions = {action["id"]: action["slug"] for action in each["metadata"]["actions"]}
            seeded = data(await client.get(f"/destinations/{each['id']}/subscriptions"))["subscriptions"]
            assert bool(seeded) == bool(actions)
            assert all(actions[mapping["actionId"]] == mapping["actionSlug"] for mapping in seeded)
