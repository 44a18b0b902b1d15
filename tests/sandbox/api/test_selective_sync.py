"""Selective sync, schedules, and the runs of warehouse syncs."""

from datetime import timedelta
from typing import Any

import httpx2
import pytest

from tests.sandbox.api.asking import data, refused, trail
from tests.sandbox.conftest import Clock
from tests.sandbox.world import send, source_id

BIGQUERY, POSTGRES = "EaYlYxz38FfCHWrgk2xGU9", "jNPVRAFIMYsTwMgXJhvzVy"
WEBSITE, BACKEND, STRIPE = "GFIYTOxHfOu2H5ySDDAXac", "EOxa2ax67HUhmSOZPCLWRL", "xF23n3T5PivnL2q0nnrXSc"
AGENT = "zkVjMbYaWxMhIAo9gRFfFP"
SCHEDULE = {"times": [{"hourOfDay": 7, "enabled": True}], "timezone": "America/Vancouver"}


async def items(client: httpx2.AsyncClient, clock: Clock, warehouse: str, source: str) -> dict[str, Any]:
    clock.pass_by(timedelta(minutes=1))  # two calls a minute are allowed
    answer = await client.get(f"/warehouses/{warehouse}/connected-sources/{source}/selective-syncs")
    return {each["collection"]: each for each in data(answer)["items"]}


async def choose(client: httpx2.AsyncClient, clock: Clock, *overrides: dict[str, Any]) -> httpx2.Response:
    clock.pass_by(timedelta(minutes=1))
    return await client.patch(f"/warehouses/{BIGQUERY}/selective-sync", json={"syncOverrides": list(overrides)})


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/warehouses/unknown/advanced-sync-schedule", None),
        ("PUT", "/warehouses/unknown/advanced-sync-schedule", {"enabled": False}),
        ("PATCH", "/warehouses/unknown/selective-sync", {"syncOverrides": []}),
        ("GET", "/warehouses/unknown/syncs", None),
        ("GET", f"/warehouses/unknown/connected-sources/{WEBSITE}/syncs", None),
        ("GET", f"/warehouses/{BIGQUERY}/connected-sources/unknown/syncs", None),
        ("GET", f"/warehouses/{POSTGRES}/connected-sources/{WEBSITE}/syncs", None),
        ("GET", f"/warehouses/{BIGQUERY}/connected-sources/unknown/selective-syncs", None),
        ("GET", f"/warehouses/{POSTGRES}/connected-sources/{WEBSITE}/selective-syncs", None),
    ],
)
async def test_what_does_not_exist_or_is_not_connected_is_404(
    client: httpx2.AsyncClient, method: str, path: str, body: Any
) -> None:
    assert (await client.request(method, path, json=body)).status_code == 404


class TestSchedules:
    @pytest.mark.parametrize(
        ("body", "named"),
        [
            ({"enabled": True}, ["schedule"]),
            ({"enabled": True, "schedule": {"times": []}}, ["schedule.timezone"]),
            (
                {"enabled": True, "schedule": {"times": [{"hourOfDay": 7.5, "enabled": True}], "timezone": "UTC"}},
                ["schedule.times.0.hourOfDay"],
            ),
            (
                {"enabled": True, "schedule": {"times": [{"hourOfDay": 24, "enabled": True}], "timezone": "UTC"}},
                ["schedule.times.0.hourOfDay"],
            ),
        ],
    )
    async def test_that_say_no_hour_are_refused(
        self, client: httpx2.AsyncClient, body: dict[str, Any], named: list[str]
    ) -> None:
        path = f"/warehouses/{BIGQUERY}/advanced-sync-schedule"
        before = data(await client.get(path))
        assert refused(await client.put(path, json=body)) == (422, named)
        assert data(await client.get(path)) == before

    async def test_are_replaced_as_a_whole(self, client: httpx2.AsyncClient, clock: Clock) -> None:
        path = f"/warehouses/{BIGQUERY}/advanced-sync-schedule"
        assert len(data(await client.get(path))["schedule"]["times"]) == 4
        answer = data(await client.put(path, json={"enabled": True, "schedule": {**SCHEDULE, "else": 1}}))
        assert answer == {"enabled": True, "schedule": SCHEDULE} == data(await client.get(path))
        clock.pass_by(timedelta(minutes=1))
        assert data(await client.put(path, json={"enabled": False})) == {"enabled": False}
        assert data(await client.get(path)) == {"enabled": False}

    async def test_are_disabled_where_there_never_was_one(self, client: httpx2.AsyncClient) -> None:
        assert data(await client.get(f"/warehouses/{POSTGRES}/advanced-sync-schedule")) == {"enabled": False}


class TestSelections:
    async def test_are_seeded_for_what_the_source_sent(self, client: httpx2.AsyncClient, clock: Clock) -> None:
        found = await items(client, clock, BIGQUERY, WEBSITE)
        assert set(found) == {
            *("identifies", "users", "pages", "tracks"),
            *("product_viewed", "product_added", "order_completed", "wishlist_viewed"),
        }
        assert all(each["enabled"] for each in found.values())
        assert found["product_viewed"]["properties"]["context_ip"] is False
        assert found["tracks"]["properties"]["context_ip"] is True
        assert (await items(client, clock, POSTGRES, BACKEND))["aliases"]["enabled"] is False
        assert set(await items(client, clock, BIGQUERY, STRIPE)) == {"charges", "customers", "invoices"}

    async def test_list_a_table_once_its_first_event_came(self, client: httpx2.AsyncClient, clock: Clock) -> None:
        await client.post(f"/warehouses/{POSTGRES}/connected-sources/{AGENT}")
        assert await items(client, clock, POSTGRES, AGENT) == {}
        await send(client, "track", {"userId": "u", "event": "cartOpened: Again!"})
        assert set(await items(client, clock, POSTGRES, AGENT)) == {"tracks", "cart_opened_again"}

    async def test_come_in_pages(self, client: httpx2.AsyncClient) -> None:
        path = f"/warehouses/{BIGQUERY}/connected-sources/{WEBSITE}/selective-syncs"
        page = data(await client.get(path, params={"pagination.count": "5"}))
        rest = data(await client.get(path, params={"pagination.cursor": page["pagination"]["next"]}))
        assert [len(page["items"]), len(rest["items"])] == [5, 3]

    @pytest.mark.parametrize(
        ("override", "field"),
        [
            ({"sourceId": "unknown", "enabled": False}, "sourceId"),
            ({"sourceId": AGENT, "enabled": False}, "sourceId"),
            ({"sourceId": WEBSITE, "enabled": False, "property": "context_ip"}, "collection"),
        ],
    )
    async def test_that_name_nothing_change_nothing(
        self, client: httpx2.AsyncClient, clock: Clock, override: dict[str, Any], field: str
    ) -> None:
        before = await items(client, clock, BIGQUERY, WEBSITE)
        answer = await choose(client, clock, {"sourceId": WEBSITE, "enabled": False}, override)
        assert refused(answer) == (422, [f"syncOverrides.1.{field}"])
        assert await items(client, clock, BIGQUERY, WEBSITE) == before
        assert await trail(client) == []

    async def test_hold_for_a_property_a_collection_or_a_source(self, client: httpx2.AsyncClient, clock: Clock) -> None:
        pages = {"sourceId": WEBSITE, "collection": "pages"}
        answer = await choose(
            client, clock, {**pages, "enabled": False}, {**pages, "property": "context_ip", "enabled": False}
        )
        assert data(answer) == {"status": "UPDATED", "warnings": []}
        found = await items(client, clock, BIGQUERY, WEBSITE)
        assert [name for name, each in found.items() if not each["enabled"]] == ["pages"]
        assert found["pages"]["properties"]["context_ip"] is False
        data(await choose(client, clock, {"sourceId": WEBSITE, "enabled": False}, {**pages, "enabled": True}))
        found = await items(client, clock, BIGQUERY, WEBSITE)
        assert [name for name, each in found.items() if each["enabled"]] == ["pages"]
        assert all(all(each["properties"].values()) for each in found.values())
        assert [event[0] for event in await trail(client)] == ["Storage Destination Modified"] * 2

    async def test_without_effect_are_unchanged(self, client: httpx2.AsyncClient, clock: Clock) -> None:
        same = {"sourceId": WEBSITE, "collection": "product_viewed", "property": "context_ip", "enabled": False}
        for overrides in ([], [same], [{"sourceId": WEBSITE, "collection": "pages", "enabled": True}]):
            assert data(await choose(client, clock, *overrides)) == {"status": "UNCHANGED", "warnings": []}
        assert await trail(client) == []

    async def test_that_help_nobody_are_warned_of(self, client: httpx2.AsyncClient, clock: Clock) -> None:
        answer = data(
            await choose(
                client,
                clock,
                {"sourceId": WEBSITE, "collection": "nothing", "enabled": False},
                {"sourceId": WEBSITE, "collection": "pages", "property": "received_at", "enabled": False},
            )
        )
        assert answer["status"] == "UPDATED"
        assert [("nothing" in each, "received_at" in each) for each in answer["warnings"]] == [
            (True, False),
            (False, True),
        ]

    async def test_are_forgotten_with_their_connection(self, client: httpx2.AsyncClient, clock: Clock) -> None:
        path = f"/warehouses/{BIGQUERY}/connected-sources/{WEBSITE}"
        await client.delete(path)
        await client.post(path)
        found = await items(client, clock, BIGQUERY, WEBSITE)
        assert found["product_viewed"]["properties"]["context_ip"] is True


class TestRuns:
    async def runs(
        self, client: httpx2.AsyncClient, clock: Clock, warehouse: str, source: str = ""
    ) -> list[dict[str, Any]]:
        clock.pass_by(timedelta(minutes=1))
        path = (
            f"/warehouses/{warehouse}/connected-sources/{source}/syncs" if source else f"/warehouses/{warehouse}/syncs"
        )
        found: list[dict[str, Any]] = data(await client.get(path, params={"pagination.count": "1000"}))["reports"]
        return found

    async def test_are_listed_newest_first(self, client: httpx2.AsyncClient, clock: Clock) -> None:
        found = await self.runs(client, clock, BIGQUERY)
        assert {each["sourceId"] for each in found} >= {WEBSITE, BACKEND, STRIPE}
        starts = [each["start"] for each in found]
        assert starts == sorted(starts, reverse=True)
        assert starts[0] == "2026-05-20T12:00:00.000Z"
        of_website = [each for each in found if each["sourceId"] == WEBSITE]
        assert of_website == await self.runs(client, clock, BIGQUERY, WEBSITE)
        assert all(each["count"] > 0 for each in of_website)
        assert {each["status"] for each in found} == {"SUCCESS"}
        assert {each["count"] for each in found if each["sourceId"] == STRIPE} == {0}

    async def test_that_failed_say_why_and_the_next_brings_what_was_missed(
        self, client: httpx2.AsyncClient, clock: Clock
    ) -> None:
        found = await self.runs(client, clock, POSTGRES, BACKEND)
        failed = [number for number, each in enumerate(found) if each["status"] == "FAILURE"]
        assert failed
        for number in failed:
            assert found[number]["count"] == 0
            assert found[number]["notices"][0]["level"] == "error"
            if number:
                assert found[number - 1]["count"] > 1.5 * found[-1]["count"]

    async def test_bring_the_rows_of_new_events_to_new_connections(
        self, client: httpx2.AsyncClient, clock: Clock
    ) -> None:
        await client.post(f"/warehouses/{BIGQUERY}/connected-sources/{AGENT}")
        assert await self.runs(client, clock, BIGQUERY, AGENT) == []
        for kind, more in [("track", {"event": "E"}), ("identify", {}), ("page", {})]:
            await send(client, kind, {"userId": "u", **more})
        clock.pass_by(timedelta(hours=12))
        (run,) = await self.runs(client, clock, BIGQUERY, AGENT)
        assert (run["start"], run["count"], run["notices"]) == ("2026-05-21T00:00:00.000Z", 5, [])
        assert (run["duration"], run["humanDuration"]) == (20, "20 seconds")

    async def test_are_not_listed_while_under_way(self, client: httpx2.AsyncClient, clock: Clock) -> None:
        clock.moment = clock.moment.replace(hour=11, minute=59, second=5)
        assert (await self.runs(client, clock, BIGQUERY))[0]["start"] == "2026-05-20T00:00:00.000Z"

    async def test_end_with_the_source(self, client: httpx2.AsyncClient, clock: Clock) -> None:
        await client.delete(f"/sources/{await source_id(client, 'backend')}")
        assert {each["sourceId"] for each in await self.runs(client, clock, POSTGRES)} == {
            await source_id(client, "android-legacy")
        }
