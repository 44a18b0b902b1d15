"""Sources: made, changed, and gone from whatever referred to them."""

from typing import Any

import httpx2
import pytest

from segment_mcp.sandbox import WRITE_KEYS
from tests.sandbox.api.asking import data, refused, trail
from tests.sandbox.world import calls_today, source, source_id

COMMANDBAR, HTTP_API, STRIPE = "QHndBw5kGO", "iUM16Md8P2", "1bow82lmk"


def new(**more: Any) -> dict[str, Any]:
    return {"slug": "checkout", "enabled": True, "metadataId": HTTP_API, **more}


class TestCreating:
    @pytest.mark.parametrize(
        ("body", "answer"),
        [
            (new(slug="website"), (409, ["slug"])),
            (new(metadataId="nothing"), (422, ["metadataId"])),
            ({"slug": "checkout"}, (422, ["enabled", "metadataId"])),
        ],
    )
    async def test_is_refused_and_makes_nothing(
        self, client: httpx2.AsyncClient, body: dict[str, Any], answer: tuple[int, list[str]]
    ) -> None:
        before = data(await client.get("/sources"))
        assert refused(await client.post("/sources", json=body)) == answer
        assert data(await client.get("/sources")) == before
        assert await trail(client) == []

    async def test_makes_a_source_that_takes_events_and_feeds_every_warehouse(self, client: httpx2.AsyncClient) -> None:
        made = data(await client.post("/sources", json=new(settings={"a": 1, "b": None})))["source"]
        assert data(await client.get(f"/sources/{made['id']}")) == {"source": made, "trackingPlanId": None}
        assert (made["name"], made["settings"], made["labels"]) == ("checkout", {"a": 1}, [])
        (key,) = made["writeKeys"]
        await client.post("/v1/track", json={"writeKey": key, "userId": "u", "event": "Bought"})
        assert await calls_today(client, "checkout") == 1
        fed = data(await client.get(f"/sources/{made['id']}/connected-warehouses"))["warehouses"]
        assert len(fed) == len(data(await client.get("/warehouses"))["warehouses"]) == 2
        settings = data(await client.get(f"/sources/{made['id']}/settings"))["settings"]
        assert settings["track"]["allowUnplannedEvents"] is True
        assert await trail(client) == [("Source Created", "source", "checkout")]

    async def test_leaves_warehouses_alone_where_the_body_says_so(self, client: httpx2.AsyncClient) -> None:
        made = data(await client.post("/sources", json=new(disconnectAllWarehouses=True)))["source"]
        assert data(await client.get(f"/sources/{made['id']}/connected-warehouses"))["warehouses"] == []

    @pytest.mark.parametrize(("metadata_id", "keys"), [(COMMANDBAR, 1), (HTTP_API, 1), (STRIPE, 0)])
    async def test_gives_a_write_key_to_what_sends_and_none_to_what_is_fetched(
        self, client: httpx2.AsyncClient, metadata_id: str, keys: int
    ) -> None:
        made = data(await client.post("/sources", json=new(metadataId=metadata_id)))["source"]
        assert len(made["writeKeys"]) == keys
        again = await client.post(f"/sources/{made['id']}/writekey")
        assert again.status_code == (200 if keys else 422)


class TestUpdating:
    @pytest.mark.parametrize(
        ("body", "events"),
        [
            ({}, []),
            ({"name": "Website", "enabled": True, "settings": {"website_url": "https://shop.example"}}, []),
            ({"name": "Shop"}, ["Source Modified"]),
            ({"enabled": False}, ["Source Disabled"]),
            (
                {"slug": "shop", "enabled": False, "settings": {"x": 1}},
                ["Source Modified", "Source Disabled", "Source Settings Modified"],
            ),
        ],
    )
    async def test_is_noted_as_what_truly_changed(
        self, client: httpx2.AsyncClient, body: dict[str, Any], events: list[str]
    ) -> None:
        data(await client.patch(f"/sources/{await source_id(client, 'website')}", json=body))
        assert [event[0] for event in await trail(client)] == events

    async def test_notes_that_a_source_was_switched_on(self, client: httpx2.AsyncClient) -> None:
        data(await client.patch(f"/sources/{await source_id(client, 'android-legacy')}", json={"enabled": True}))
        assert await trail(client) == [("Source Enabled", "source", "Android (legacy)")]

    async def test_takes_a_setting_away_by_null(self, client: httpx2.AsyncClient) -> None:
        path = f"/sources/{await source_id(client, 'website')}"
        answer = data(await client.patch(path, json={"settings": {"website_url": None, "x": 1}}))
        assert answer["source"]["settings"] == {"x": 1}


class TestLabels:
    async def test_are_replaced_as_a_whole(self, client: httpx2.AsyncClient) -> None:
        path = f"/sources/{await source_id(client, 'website')}/labels"
        label = {"key": "team", "value": "platform"}
        full = {**label, "description": "Services and data"}
        assert data(await client.put(path, json={"labels": [label, label]})) == {"labels": [full]}
        assert (await source(client, "website"))["labels"] == [full]
        assert data(await client.put(path, json={"labels": []})) == {"labels": []}

    async def test_that_do_not_exist_replace_nothing(self, client: httpx2.AsyncClient) -> None:
        before = await source(client, "website")
        body = {"labels": [{"key": "team", "value": "platform"}, {"key": "team", "value": "none"}]}
        assert refused(await client.put(f"/sources/{before['id']}/labels", json=body)) == (422, ["labels.1"])
        assert await source(client, "website") == before

    async def test_are_noted_only_when_they_are_new(self, client: httpx2.AsyncClient) -> None:
        path = f"/sources/{await source_id(client, 'website')}/labels"
        for value in ("prod", "dev"):
            data(await client.post(path, json={"labels": [{"key": "environment", "value": value}]}))
        assert await trail(client) == [("Source Modified", "source", "Website")]


async def test_write_keys_coming_and_going_are_noted(client: httpx2.AsyncClient) -> None:
    path = f"/sources/{await source_id(client, 'website')}/writekey"
    data(await client.post(path))
    data(await client.delete(f"{path}/{WRITE_KEYS['web']}"))
    assert await trail(client) == [("Source Modified", "source", "Website")] * 2


class TestSchemaSettings:
    async def test_change_member_by_member(self, client: httpx2.AsyncClient) -> None:
        path = f"/sources/{await source_id(client, 'website')}/settings"
        before = data(await client.get(path))["settings"]
        answer = data(
            await client.patch(path, json={"track": {"allowUnplannedEvents": False, "else": 1}, "identify": {}})
        )
        assert answer["settings"] == {**before, "track": {**before["track"], "allowUnplannedEvents": False}}
        assert data(await client.get(path)) == answer

    async def test_forward_to_a_source_that_exists_and_end_by_nothing(self, client: httpx2.AsyncClient) -> None:
        path = f"/sources/{await source_id(client, 'website')}/settings"
        before = data(await client.get(path))
        body = {"track": {"commonEventOnViolations": "BLOCK"}, "forwardingBlockedEventsTo": "nowhere"}
        assert refused(await client.patch(path, json=body)) == (422, ["forwardingBlockedEventsTo"])
        assert data(await client.get(path)) == before
        answer = data(await client.patch(path, json={"forwardingViolationsTo": ""}))
        assert "forwardingViolationsTo" not in answer["settings"]

    async def test_of_no_source_are_404(self, client: httpx2.AsyncClient) -> None:
        assert (await client.patch("/sources/unknown/settings", json={})).status_code == 404
        assert (await client.put("/sources/unknown/labels", json={"labels": []})).status_code == 404


async def test_a_deleted_source_is_gone_from_whatever_referred_to_it(client: httpx2.AsyncClient) -> None:
    gone, website = await source_id(client, "backend"), await source_id(client, "website")
    fed = data(await client.get(f"/sources/{gone}/connected-destinations"))["destinations"]
    stores = data(await client.get(f"/sources/{gone}/connected-warehouses"))["warehouses"]
    assert data(await client.get(f"/sources/{website}/settings"))["settings"]["forwardingViolationsTo"] == gone
    data(await client.delete(f"/sources/{gone}"))
    assert "forwardingViolationsTo" not in data(await client.get(f"/sources/{website}/settings"))["settings"]
    for destination in fed:
        assert (await client.get(f"/destinations/{destination['id']}/subscriptions")).status_code == 404
        assert (await client.get(f"/destination/{destination['id']}/filters")).status_code == 404
    for warehouse in stores:
        left = data(await client.get(f"/warehouses/{warehouse['id']}/connected-sources"))["sources"]
        assert gone not in [each["id"] for each in left]
    assert await trail(client) == [("Source Deleted", "source", "Backend")]
    assert data(await client.post("/sources", json=new(slug="backend")))["source"]["id"] != gone
