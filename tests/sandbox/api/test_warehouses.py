"""Warehouses, their connections, and whether Segment reaches them."""

from typing import Any

import httpx2
import pytest

from tests.sandbox.api.asking import data, refused, trail
from tests.sandbox.world import source_id

BIGQUERY, POSTGRES = "EaYlYxz38FfCHWrgk2xGU9", "jNPVRAFIMYsTwMgXJhvzVy"
POSTGRES_METADATA = "55d3d3aea3c"
MASK = "••••••••••"
SETTINGS = {"hostname": "db.example", "database": "d", "username": "u", "password": "p"}


async def feeding(client: httpx2.AsyncClient, warehouse: str) -> list[str]:
    return [each["slug"] for each in data(await client.get(f"/warehouses/{warehouse}/connected-sources"))["sources"]]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""),
        ("PATCH", ""),
        ("DELETE", ""),
        ("GET", "/connected-sources"),
        ("POST", "/connected-sources/GFIYTOxHfOu2H5ySDDAXac"),
        ("DELETE", "/connected-sources/GFIYTOxHfOu2H5ySDDAXac"),
        ("GET", "/connection-state"),
    ],
)
async def test_an_unknown_warehouse_is_404(client: httpx2.AsyncClient, method: str, path: str) -> None:
    body: dict[str, Any] | None = {"settings": {}} if method == "PATCH" else None
    assert (await client.request(method, f"/warehouses/unknown{path}", json=body)).status_code == 404


class TestCreating:
    async def test_needs_a_kind_that_exists(self, client: httpx2.AsyncClient) -> None:
        body = {"metadataId": "nothing", "settings": {}}
        assert refused(await client.post("/warehouses", json=body)) == (422, ["metadataId"])
        assert refused(await client.post("/warehouses/validation", json=body)) == (422, ["metadataId"])
        assert await trail(client) == []

    async def test_makes_one_that_every_source_feeds(self, client: httpx2.AsyncClient) -> None:
        body = {"metadataId": POSTGRES_METADATA, "name": "Archive", "settings": SETTINGS}
        made = data(await client.post("/warehouses", json=body))["warehouse"]
        assert made["settings"] == {**SETTINGS, "password": MASK, "name": "Archive"}
        assert made["enabled"] is True
        assert data(await client.get(f"/warehouses/{made['id']}")) == {"warehouse": made}
        assert made in data(await client.get("/warehouses"))["warehouses"]
        assert len(await feeding(client, made["id"])) == len(data(await client.get("/sources"))["sources"])
        assert await trail(client) == [("Storage Destination Created", "warehouse", "Archive")]

    async def test_leaves_sources_alone_where_the_body_says_so(self, client: httpx2.AsyncClient) -> None:
        body = {"metadataId": POSTGRES_METADATA, "enabled": False, "settings": {}, "disconnectAllSources": True}
        made = data(await client.post("/warehouses", json=body))["warehouse"]
        assert (made["enabled"], made["settings"], await feeding(client, made["id"])) == (False, {}, [])


class TestUpdating:
    async def test_merges_settings_and_takes_away_by_null(self, client: httpx2.AsyncClient) -> None:
        before = data(await client.get(f"/warehouses/{POSTGRES}"))["warehouse"]
        body = {"name": None, "settings": {"port": None, "database": "d"}}
        answer = data(await client.patch(f"/warehouses/{POSTGRES}", json=body))["warehouse"]
        kept = {name: value for name, value in before["settings"].items() if name not in {"name", "port"}}
        assert answer == {**before, "settings": {**kept, "database": "d"}}
        assert data(await client.get(f"/warehouses/{POSTGRES}"))["warehouse"] == answer

    @pytest.mark.parametrize(
        ("bodies", "events"),
        [
            ([{"settings": {}}, {"settings": {}, "enabled": True, "name": "Reporting"}], []),
            ([{"settings": {}, "name": "R"}], ["Modified"]),
            ([{"settings": {}, "enabled": False}, {"settings": {}, "enabled": True}], ["Modified", "Enabled"]),
            (
                [{"settings": {}, "enabled": False}, {"settings": {"port": "1"}, "enabled": True}],
                ["Modified", "Enabled", "Modified"],
            ),
        ],
    )
    async def test_is_noted_as_what_truly_changed(
        self, client: httpx2.AsyncClient, bodies: list[dict[str, Any]], events: list[str]
    ) -> None:
        for body in bodies:
            data(await client.patch(f"/warehouses/{POSTGRES}", json=body))
        assert [event[0] for event in await trail(client)] == [f"Storage Destination {each}" for each in events]


async def test_a_deleted_warehouse_takes_its_connections_along(client: httpx2.AsyncClient) -> None:
    assert data(await client.delete(f"/warehouses/{BIGQUERY}")) == {"status": "SUCCESS"}
    assert (await client.get(f"/warehouses/{BIGQUERY}")).status_code == 404
    stores = data(await client.get(f"/sources/{await source_id(client, 'backend')}/connected-warehouses"))
    assert [each["id"] for each in stores["warehouses"]] == [POSTGRES]
    assert await trail(client) == [("Storage Destination Deleted", "warehouse", "Analytics lake")]


class TestConnections:
    async def test_of_an_unknown_source_are_404(self, client: httpx2.AsyncClient) -> None:
        for method in ("POST", "DELETE"):
            answer = await client.request(method, f"/warehouses/{POSTGRES}/connected-sources/unknown")
            assert answer.status_code == 404

    async def test_are_made_once_and_seen_from_both_ends(self, client: httpx2.AsyncClient) -> None:
        website = await source_id(client, "website")
        for _ in range(2):
            answer = await client.post(f"/warehouses/{POSTGRES}/connected-sources/{website}")
            assert data(answer) == {"status": "CONNECTED"}
        assert await feeding(client, POSTGRES) == ["website", "backend", "android-legacy"]
        stores = data(await client.get(f"/sources/{website}/connected-warehouses"))["warehouses"]
        assert [each["id"] for each in stores] == [BIGQUERY, POSTGRES]
        assert await trail(client) == [("Storage Destination Modified", "warehouse", "Reporting")]

    async def test_that_are_removed_are_not_found_again(self, client: httpx2.AsyncClient) -> None:
        path = f"/warehouses/{POSTGRES}/connected-sources/{await source_id(client, 'backend')}"
        assert data(await client.delete(path)) == {"status": "SUCCESS"}
        assert (await client.delete(path)).status_code == 404
        assert await feeding(client, POSTGRES) == ["android-legacy"]
        assert len(await feeding(client, BIGQUERY)) == 4
        assert await trail(client) == []

    async def test_come_in_pages(self, client: httpx2.AsyncClient) -> None:
        path = f"/warehouses/{BIGQUERY}/connected-sources"
        page = data(await client.get(path, params={"pagination.count": "3"}))
        rest = data(await client.get(path, params={"pagination.cursor": page["pagination"]["next"]}))
        assert [len(page["sources"]), len(rest["sources"])] == [3, 1]


class TestReaching:
    @pytest.mark.parametrize(
        ("change", "state"),
        [
            ({}, "CONNECTED"),
            ({"port": None}, "CONNECTED"),
            ({"hostname": ""}, "FAILED"),
            ({"password": None}, "FAILED"),
        ],
    )
    async def test_fails_where_a_required_setting_is_missing(
        self, client: httpx2.AsyncClient, change: dict[str, Any], state: str
    ) -> None:
        data(await client.patch(f"/warehouses/{POSTGRES}", json={"settings": change}))
        assert data(await client.get(f"/warehouses/{POSTGRES}/connection-state")) == {"connectionState": state}
        body = {"metadataId": POSTGRES_METADATA, "settings": {**SETTINGS, **change}}
        assert data(await client.post("/warehouses/validation", json=body)) == {"status": state}

    async def test_fails_once_somebody_wrote_back_the_bullets_that_were_shown(self, client: httpx2.AsyncClient) -> None:
        shown = data(await client.get(f"/warehouses/{POSTGRES}"))["warehouse"]["settings"]
        answer = data(await client.patch(f"/warehouses/{POSTGRES}", json={"settings": shown}))
        assert answer["warehouse"]["settings"] == shown
        assert data(await client.get(f"/warehouses/{POSTGRES}/connection-state")) == {"connectionState": "FAILED"}

    async def test_is_tried_without_making_anything(self, client: httpx2.AsyncClient) -> None:
        body = {"metadataId": POSTGRES_METADATA, "settings": SETTINGS}
        assert data(await client.post("/warehouses/validation", json=body)) == {"status": "CONNECTED"}
        assert len(data(await client.get("/warehouses"))["warehouses"]) == 2
        assert await trail(client) == [("Storage Destination Settings Validation", "warehouse", "Postgres")]
