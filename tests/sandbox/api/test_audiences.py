"""Audiences, their previews and runs in the sandbox. Each answer is also held against the reference."""

from datetime import timedelta
from typing import Any

import httpx2
import pytest

from tests.sandbox.api.asking import data, refused, trail
from tests.sandbox.conftest import Clock

SPACE = "/spaces/spa_bAmBVqBZlvdBOMAZIJBDdK"
FREQUENT, LAPSED, OPEN_ORDERS = (
    f"{SPACE}/audiences/aud_BgoaJSgMLDKjDhkMEfQLJa1sJcf",
    f"{SPACE}/audiences/aud_0namNCdvebHHA3prUlaTuXVtqqo",
    f"{SPACE}/audiences/aud_Lv0R84AnYH4yVL6Yz7zbzQbUFSo",
)
BOUGHT = {"query": "event('Order Completed').count() >= 1"}
USERS: dict[str, Any] = {"name": "Buyers", "definition": BOUGHT, "audienceType": "USERS"}
LINKED: dict[str, Any] = {
    "name": "Orders",
    "definition": {"query": "entity('orders').count() >= 1"},
    "audienceType": "LINKED",
}


async def create(client: httpx2.AsyncClient, body: dict[str, Any]) -> Any:
    return data(await client.post(f"{SPACE}/audiences", json=body))["audience"]


async def keys(client: httpx2.AsyncClient, path: str = f"{SPACE}/audiences", **query: str) -> list[str]:
    return [each["key"] for each in data(await client.get(path, params=query))["audiences"]]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/spaces/unknown/audiences"),
        ("POST", "/spaces/unknown/audiences"),
        ("POST", "/spaces/unknown/audiences/previews"),
        ("GET", "/spaces/unknown/audiences/previews/x"),
        ("GET", f"{SPACE}/audiences/previews/unknown"),
        ("GET", f"{SPACE}/audiences/unknown"),
        ("PATCH", f"{SPACE}/audiences/unknown"),
        ("DELETE", f"{SPACE}/audiences/unknown"),
        ("POST", f"{SPACE}/audiences/unknown/runs"),
        ("GET", f"{SPACE}/audiences/unknown/audience-references"),
        ("GET", FREQUENT.replace("spa_", "other_")),
    ],
)
async def test_what_does_not_exist_is_404(client: httpx2.AsyncClient, method: str, path: str) -> None:
    body = USERS if method in {"POST", "PATCH"} else None
    assert (await client.request(method, path, json=body)).status_code == 404


class TestListing:
    async def test_comes_in_pages(self, client: httpx2.AsyncClient) -> None:
        first = data(await client.get(f"{SPACE}/audiences?pagination.count=2"))
        assert (len(first["audiences"]), first["pagination"]["totalEntries"]) == (2, 3)
        rest = await keys(client, **{"pagination.cursor": first["pagination"]["next"]})
        assert rest == ["open_orders"]
        answer = await client.get(f"{SPACE}/audiences?pagination.count=201")
        assert refused(answer) == (422, ["pagination.count"])

    @pytest.mark.parametrize(
        ("kind", "text", "found"),
        [
            ("KEY", "open", ["open_orders"]),
            ("KEY", "orders", []),
            ("NAME", "BUYERS", ["frequent_buyers", "lapsed_frequent_buyers"]),
            ("DEFINITION", "order completed", ["frequent_buyers", "lapsed_frequent_buyers"]),
            ("NAME", "nobody", []),
        ],
    )
    async def test_can_be_searched(self, client: httpx2.AsyncClient, kind: str, text: str, found: list[str]) -> None:
        assert await keys(client, **{"search.type": kind, "search.query": text}) == found

    @pytest.mark.parametrize(
        ("path", "query", "field"),
        [
            (f"{SPACE}/audiences", "search.type=NAME", "search.query"),
            (f"{SPACE}/audiences", "search.query=x", "search.type"),
            (f"{FREQUENT}/audience-references", "sort.field=NAME", "sort.direction"),
            (f"{FREQUENT}/audience-references", "sort.direction=ASC", "sort.field"),
        ],
    )
    async def test_takes_search_and_sort_whole(
        self, client: httpx2.AsyncClient, path: str, query: str, field: str
    ) -> None:
        assert refused(await client.get(f"{path}?{query}")) == (422, [field])

    async def test_shows_schedules_where_they_are_asked_for(self, client: httpx2.AsyncClient) -> None:
        for path, count in [(FREQUENT, 0), (OPEN_ORDERS, 1)]:
            assert "schedules" not in data(await client.get(path))["audience"]
            assert len(data(await client.get(f"{path}?include=schedules"))["audience"]["schedules"]) == count
        listed = data(await client.get(f"{SPACE}/audiences?include=schedules"))["audiences"]
        assert [len(each["schedules"]) for each in listed] == [0, 0, 1]


class TestMaking:
    @pytest.mark.parametrize(
        ("changes", "status", "field"),
        [
            ({"name": "Frequent buyers!"}, 409, "name"),
            ({"name": " "}, 422, "name"),
            ({"definition": {"query": " "}}, 422, "definition.query"),
            ({"definition": {**BOUGHT, "targetEntity": "orders"}}, 422, "definition.targetEntity"),
            ({"options": {"backfillEventDataDays": 7}}, 422, "options.backfillEventDataDays"),
            (
                {"options": {"backfillEventDataDays": 7, "includeHistoricalData": False}},
                422,
                "options.backfillEventDataDays",
            ),
            ({"definition": {"query": "trait('buyers') = true"}}, 422, "definition.query"),
            (
                {"audienceType": "LINKED", "definition": {**BOUGHT, "targetEntity": "unknown"}},
                422,
                "definition.targetEntity",
            ),
        ],
    )
    async def test_is_refused(
        self, client: httpx2.AsyncClient, changes: dict[str, Any], status: int, field: str
    ) -> None:
        answer = await client.post(f"{SPACE}/audiences", json={**USERS, **changes})
        assert refused(answer) == (status, [field])
        assert len(await keys(client)) == 3
        assert await trail(client) == []

    async def test_shows_what_was_made(self, client: httpx2.AsyncClient, clock: Clock) -> None:
        made = await create(client, {**USERS, "description": "Bought once"})
        assert made == {
            **USERS,
            "id": made["id"],
            "spaceId": SPACE.rpartition("/")[2],
            "key": "buyers",
            "description": "Bought once",
            "enabled": True,
            "status": "Live",
            "createdBy": made["createdBy"],
            "updatedBy": made["createdBy"],
            "createdAt": "2026-05-20T12:00:30.000Z",
            "updatedAt": "2026-05-20T12:00:30.000Z",
            "options": {"filterByExternalIds": ["user_id", "email", "android.idfa", "ios.idfa"]},
        }
        assert (await client.get(f"/users/{made['createdBy']}")).status_code == 200
        clock.pass_by(timedelta(days=1))
        read = data(await client.get(f"{SPACE}/audiences/{made['id']}"))["audience"]
        assert read == {**made, "computeCadence": {"type": "REALTIME"}}
        assert await keys(client) == ["frequent_buyers", "lapsed_frequent_buyers", "open_orders", "buyers"]
        assert await trail(client) == [("Audience Created", "audience", "Buyers")]

    @pytest.mark.parametrize("target", [{}, {"targetEntity": None}, {"targetEntity": "profile"}])
    async def test_of_a_linked_audience_starts_disabled_and_with_profiles(
        self, client: httpx2.AsyncClient, target: dict[str, Any]
    ) -> None:
        made = await create(client, {**LINKED, "definition": {**LINKED["definition"], **target}})
        assert (made["enabled"], made["status"]) == (False, "Disabled")
        assert made["definition"] == {**LINKED["definition"], "targetEntity": "profile"}
        read = data(await client.get(f"{SPACE}/audiences/{made['id']}"))["audience"]
        assert read["computeCadence"] == {"type": "BATCH"}

    @pytest.mark.parametrize("name", ["日本の顧客", "!!!"])
    async def test_finds_a_key_for_any_name(self, client: httpx2.AsyncClient, name: str) -> None:
        assert (await create(client, {**USERS, "name": name}))["key"]

    async def test_keeps_only_what_the_reference_knows(self, client: httpx2.AsyncClient) -> None:
        body = {**USERS, "extra": 1, "definition": {**BOUGHT, "extra": 1}, "options": {"extra": 1}}
        made = await create(client, body)
        await client.patch(f"{SPACE}/audiences/{made['id']}", json={"options": {"extra": 2}, "extra": 2})
        assert data(await client.get(f"{SPACE}/audiences/{made['id']}"))["audience"]["definition"] == BOUGHT


class TestChanging:
    async def test_changes_only_what_the_body_names(self, client: httpx2.AsyncClient, clock: Clock) -> None:
        before = data(await client.get(FREQUENT))["audience"]
        assert data(await client.patch(FREQUENT, json={"name": before["name"]}))["audience"] == {
            name: value for name, value in before.items() if name not in {"computeCadence", "size"}
        }
        assert await trail(client) == []
        body = {"name": "Regulars", "enabled": False, "options": {"backfillEventDataDays": 30}}
        changed = data(await client.patch(FREQUENT, json=body))["audience"]
        assert (changed["key"], changed["status"], changed["updatedAt"]) == (
            "frequent_buyers",
            "Disabled",
            clock().isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        )
        assert changed["options"] == {**before["options"], "backfillEventDataDays": 30}
        after = data(await client.get(FREQUENT))["audience"]
        assert (after["size"], after["createdAt"]) == (before["size"], before["createdAt"])
        changed = data(await client.patch(FREQUENT, json={"options": {"includeHistoricalData": False}}))["audience"]
        assert changed["options"] == {**before["options"], "includeHistoricalData": False}
        assert await trail(client) == [("Audience Modified", "audience", "Regulars")] * 2

    async def test_of_a_definition_keeps_the_target_and_forgets_the_size(self, client: httpx2.AsyncClient) -> None:
        query = {"query": "entity('orders').count() >= 5"}
        changed = data(await client.patch(OPEN_ORDERS, json={"definition": query}))["audience"]
        assert changed["definition"] == {**query, "targetEntity": "orders"}
        assert "size" not in data(await client.get(OPEN_ORDERS))["audience"]

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({"name": ""}, "name"),
            ({"definition": {"query": ""}}, "definition.query"),
            ({"definition": {"query": "trait( 'lapsed_frequent_buyers' ) = true"}}, "definition.query"),
            ({"definition": {"query": 'trait("frequent_buyers") = true'}}, "definition.query"),
        ],
    )
    async def test_is_refused(self, client: httpx2.AsyncClient, body: dict[str, Any], field: str) -> None:
        before = data(await client.get(FREQUENT))
        assert refused(await client.patch(FREQUENT, json=body)) == (422, [field])
        assert data(await client.get(FREQUENT)) == before

    async def test_finds_a_circle_of_many(self, client: httpx2.AsyncClient) -> None:
        await create(client, {**USERS, "definition": {"query": "trait('lapsed_frequent_buyers') = true"}})
        answer = await client.patch(FREQUENT, json={"definition": {"query": "trait('buyers') = true"}})
        assert refused(answer) == (422, ["definition.query"])

    async def test_ends_with_removal(self, client: httpx2.AsyncClient) -> None:
        assert data(await client.delete(FREQUENT)) == {"status": "SUCCESS"}
        assert (await client.get(FREQUENT)).status_code == 404
        assert (await client.delete(FREQUENT)).status_code == 404
        assert (await client.get(LAPSED)).status_code == 200
        assert (await create(client, {**USERS, "name": "Frequent buyers"}))["key"] == "frequent_buyers"
        removed, made = await trail(client)
        assert (removed[0], made[0]) == ("Audience Deleted", "Audience Created")


class TestConsumers:
    async def test_are_the_audiences_that_name_the_key(self, client: httpx2.AsyncClient) -> None:
        path = f"{FREQUENT}/audience-references"
        assert await keys(client, path) == ["lapsed_frequent_buyers"]
        await create(client, {**USERS, "definition": {"query": "trait('frequent_buyers') = true"}})
        await create(client, {**USERS, "name": "No", "definition": {"query": "trait('frequent_buyers_2') = true"}})
        assert await keys(client, path, **{"sort.field": "NAME", "sort.direction": "ASC"}) == [
            "buyers",
            "lapsed_frequent_buyers",
        ]
        newest = {"sort.field": "CREATED_AT", "sort.direction": "DESC", "pagination.count": "1"}
        assert await keys(client, path, **newest) == ["buyers"]
        assert await keys(client, path, **{"search.type": "KEY", "search.query": "lapsed"}) == [
            "lapsed_frequent_buyers"
        ]
        assert await keys(client, f"{LAPSED}/audience-references") == []


class TestRuns:
    async def test_are_for_linked_audiences_that_are_enabled(self, client: httpx2.AsyncClient) -> None:
        assert refused(await client.post(f"{FREQUENT}/runs")) == (422, ["audienceId"])
        run = data(await client.post(f"{OPEN_ORDERS}/runs"))["run"]
        assert run["id"] != data(await client.post(f"{OPEN_ORDERS}/runs"))["run"]["id"]
        await client.patch(OPEN_ORDERS, json={"enabled": False})
        assert refused(await client.post(f"{OPEN_ORDERS}/runs")) == (422, ["audienceId"])
        forced = ("Audience Run Forced", "audience", "Open orders")
        assert await trail(client) == [forced, forced, ("Audience Modified", "audience", "Open orders")]


class TestPreviews:
    @pytest.mark.parametrize(
        ("kind", "target", "unit"),
        [
            ("USERS", {}, "USERS"),
            ("ACCOUNTS", {}, "ACCOUNTS"),
            ("LINKED", {}, "USERS"),
            ("LINKED", {"targetEntity": "orders"}, "ENTITIES"),
        ],
    )
    async def test_run_and_are_completed(
        self, client: httpx2.AsyncClient, clock: Clock, kind: str, target: dict[str, Any], unit: str
    ) -> None:
        body = {
            "audienceType": kind,
            "definition": {**BOUGHT, **target},
            "options": {"backfillEventDataDays": 7, "includeHistoricalData": "ignored"},
        }
        made = data(await client.post(f"{SPACE}/audiences/previews", json=body))["audiencePreview"]
        path = f"{SPACE}/audiences/previews/{made['id']}"
        running = data(await client.get(path))["audiencePreview"]
        assert (running["id"], running["status"]) == (made["id"], "RUNNING")
        assert running["options"]["backfillEventDataDays"] == 7
        clock.pass_by(timedelta(seconds=5))
        preview = data(await client.get(path))["audiencePreview"]
        assert (preview["status"], preview["size"]["type"]) == ("COMPLETED", unit)
        assert preview["size"]["count"] >= len(preview["results"]) > 0
        assert len(await keys(client)) == 3
        assert [type_ for type_, _, _ in await trail(client)] == ["Audience Preview Created"]

    async def test_are_refused(self, client: httpx2.AsyncClient) -> None:
        body = {"audienceType": "USERS", "definition": {**BOUGHT, "targetEntity": "orders"}}
        answer = await client.post(f"{SPACE}/audiences/previews", json=body)
        assert refused(answer) == (422, ["definition.targetEntity"])
