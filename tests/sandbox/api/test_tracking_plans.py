"""Tracking plans, their rules and their sources. Each answer is also held against the reference."""

from datetime import timedelta
from typing import Any

import httpx2
import pytest

from tests.sandbox.api.asking import data, refused, trail
from tests.sandbox.conftest import Clock

STOREFRONT = "tp_plndQ9upUles0BZknTNGVvg9BJj"
BACKEND = "tp_SzuqA77Vk99psLamzC1QMBDkchI"
LIBRARY = "tp_k3VnYw8RzDq1TcUhE5mXsJ7aLfG"
WEBSITE, IOS, AGENT = "GFIYTOxHfOu2H5ySDDAXac", "mUKOhdxnZrEGXQugaGCxWZ", "zkVjMbYaWxMhIAo9gRFfFP"
DONE = {"status": "SUCCESS"}
NOW = "2026-05-20T12:00:30.000Z"
SCHEMA = {"$schema": "http://json-schema.org/draft-07/schema#", "type": "object"}


def rule(key: str | None = "Gift Wrapped", **more: Any) -> dict[str, Any]:
    named = {} if key is None else {"key": key}
    return {"type": "TRACK", "version": 1, "jsonSchema": SCHEMA, **named, **more}


async def plan(client: httpx2.AsyncClient, plan_id: str = BACKEND) -> dict[str, Any]:
    found: dict[str, Any] = data(await client.get(f"/tracking-plans/{plan_id}"))["trackingPlan"]
    return found


async def rules(client: httpx2.AsyncClient, plan_id: str = BACKEND) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = data(await client.get(f"/tracking-plans/{plan_id}/rules"))["rules"]
    return found


async def sources(client: httpx2.AsyncClient, plan_id: str = STOREFRONT) -> list[str]:
    answer = await client.get(f"/tracking-plans/{plan_id}/sources")
    return [each["id"] for each in data(answer)["sources"]]


def known_by(rule: dict[str, Any]) -> tuple[str, str | None, float]:
    return rule["type"], rule.get("key"), rule["version"]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "", None),
        ("PATCH", "", {"name": "X"}),
        ("DELETE", "", None),
        ("GET", "/rules", None),
        ("PUT", "/rules", {"rules": []}),
        ("PATCH", "/rules", {"rules": []}),
        ("DELETE", "/rules?rules.0.type=COMMON&rules.0.version=1", None),
        ("GET", "/sources", None),
        ("POST", "/sources", {"sourceId": WEBSITE}),
        ("DELETE", f"/sources?sourceId={WEBSITE}", None),
    ],
)
async def test_a_plan_that_does_not_exist_is_404(client: httpx2.AsyncClient, method: str, path: str, body: Any) -> None:
    answer = await client.request(method, f"/tracking-plans/tp_unknown{path}", json=body)
    assert answer.status_code == 404


class TestPlans:
    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({"type": "LIVE"}, "name"),
            ({"name": "", "type": "LIVE"}, "name"),
            ({"name": "X"}, "type"),
            ({"name": "X", "type": "OTHER"}, "type"),
        ],
    )
    async def test_need_a_name_and_a_type(self, client: httpx2.AsyncClient, body: Any, field: str) -> None:
        assert refused(await client.post("/tracking-plans", json=body)) == (422, [field])

    async def test_are_listed_by_type(self, client: httpx2.AsyncClient) -> None:
        async def listed(**asked: str) -> list[str]:
            return [each["id"] for each in data(await client.get("/tracking-plans", params=asked))["trackingPlans"]]

        assert await listed() == [STOREFRONT, BACKEND, LIBRARY]
        assert await listed(type="LIVE") == [STOREFRONT, BACKEND]
        assert await listed(type="RULE_LIBRARY") == [LIBRARY]
        assert await listed(type="TEMPLATE") == []
        assert await listed(**{"pagination.count": "2", "pagination.cursor": "Mg=="}) == [LIBRARY]

    async def test_begin_without_rules_and_sources(self, client: httpx2.AsyncClient) -> None:
        body = {"name": "Kiosk & Till", "description": "In shops.", "type": "LIVE", "slug": "mine", "rules": [rule()]}
        made = data(await client.post("/tracking-plans", json=body))["trackingPlan"]
        assert made["id"].startswith("tp_")
        assert made == {
            "id": made["id"],
            "name": "Kiosk & Till",
            "slug": "kiosk-till",
            "description": "In shops.",
            "type": "LIVE",
            "createdAt": NOW,
            "updatedAt": NOW,
        }
        assert await plan(client, made["id"]) == made
        assert await rules(client, made["id"]) == []
        assert await sources(client, made["id"]) == []

    async def test_share_a_name_but_no_slug(self, client: httpx2.AsyncClient) -> None:
        bodies = [{"name": name, "type": "LIVE"} for name in ("Backend", "backend!", "計画", "計画")]
        slugs = [data(await client.post("/tracking-plans", json=body))["trackingPlan"]["slug"] for body in bodies]
        assert slugs == ["backend-2", "backend-3", "tracking-plan", "tracking-plan-2"]

    async def test_change_only_where_the_body_says(self, client: httpx2.AsyncClient) -> None:
        before = await plan(client)
        path = f"/tracking-plans/{BACKEND}"
        assert data(await client.patch(path, json={})) == DONE
        assert data(await client.patch(path, json={"name": before["name"]})) == DONE
        assert await plan(client) == before
        assert refused(await client.patch(path, json={"name": ""})) == (422, ["name"])
        assert data(await client.patch(path, json={"name": "Services", "type": "TEMPLATE"})) == DONE
        assert await plan(client) == {**before, "name": "Services", "updatedAt": NOW}

    async def test_leave_their_sources_without_a_plan_when_deleted(self, client: httpx2.AsyncClient) -> None:
        assert data(await client.delete(f"/tracking-plans/{STOREFRONT}")) == DONE
        assert (await client.delete(f"/tracking-plans/{STOREFRONT}")).status_code == 404
        for source_id in (WEBSITE, IOS):
            assert data(await client.get(f"/sources/{source_id}"))["trackingPlanId"] is None
        assert [each["id"] for each in data(await client.get("/tracking-plans"))["trackingPlans"]] == [BACKEND, LIBRARY]
        assert await trail(client) == []


class TestRules:
    async def test_of_every_plan_are_draft_seven_schemas(self, client: httpx2.AsyncClient) -> None:
        for plan_id in (STOREFRONT, BACKEND, LIBRARY):
            found = await rules(client, plan_id)
            assert len(found) >= 10
            # What is seeded is also accepted: written back, nothing changes.
            before = await plan(client, plan_id)
            assert data(await client.put(f"/tracking-plans/{plan_id}/rules", json={"rules": found})) == DONE
            assert await rules(client, plan_id) == found
            assert await plan(client, plan_id) == before

    @pytest.mark.parametrize("method", ["PUT", "PATCH"])
    @pytest.mark.parametrize(
        ("given", "field"),
        [
            ([rule(None)], "rules.0.key"),
            ([rule("")], "rules.0.key"),
            ([rule(), rule("Other"), rule()], "rules.2"),
            ([rule(), rule(version=1.0)], "rules.1"),
            ([rule(jsonSchema="none")], "rules.0.jsonSchema"),
            ([rule(jsonSchema={"type": "text"})], "rules.0.jsonSchema"),
            ([rule(jsonSchema={"properties": {"a": {"pattern": "("}}})], "rules.0.jsonSchema"),
            ([rule(str(number)) for number in range(201)], "rules"),
            ([{"type": "TRACK", "key": "X", "jsonSchema": {}}], "rules.0.version"),
            ([rule(type="ALIAS")], "rules.0.type"),
        ],
    )
    async def test_that_are_not_valid_change_nothing(
        self, client: httpx2.AsyncClient, method: str, given: list[Any], field: str
    ) -> None:
        before = await rules(client)
        answer = await client.request(method, f"/tracking-plans/{BACKEND}/rules", json={"rules": given})
        assert refused(answer) == (422, [field])
        assert await rules(client) == before

    async def test_more_than_two_hundred_are_refused_in_the_documented_words(self, client: httpx2.AsyncClient) -> None:
        given = [rule(str(number)) for number in range(201)]
        answer = await client.put(f"/tracking-plans/{BACKEND}/rules", json={"rules": given})
        assert answer.json()["errors"][0]["message"] == '"rules" must contain less than or equal to 200 items'
        assert data(await client.put(f"/tracking-plans/{BACKEND}/rules", json={"rules": given[:200]})) == DONE
        assert data(await client.patch(f"/tracking-plans/{BACKEND}/rules", json={"rules": given[200:]})) == DONE
        asked = {"pagination.count": "150", "pagination.cursor": "MTUw"}
        page = data(await client.get(f"/tracking-plans/{BACKEND}/rules", params=asked))
        assert [each["key"] for each in page["rules"]] == [str(number) for number in range(150, 201)]
        assert page["pagination"] == {"current": "MTUw", "previous": "MA==", "totalEntries": 201}

    async def test_are_replaced_all_by_a_put(self, client: httpx2.AsyncClient, clock: Clock) -> None:
        kept = next(each for each in await rules(client) if each.get("key") == "Invoice Paid")
        clock.pass_by(timedelta(hours=1))
        changed = {**kept, "jsonSchema": SCHEMA}
        answer = await client.put(f"/tracking-plans/{BACKEND}/rules", json={"rules": [rule(extra=1), changed]})
        assert data(answer) == DONE
        later = "2026-05-20T13:00:30.000Z"
        assert await rules(client) == [
            {**rule(), "createdAt": later, "updatedAt": later},
            {**changed, "updatedAt": later},
        ]
        assert (await plan(client))["updatedAt"] == later
        assert data(await client.put(f"/tracking-plans/{BACKEND}/rules", json={"rules": []})) == DONE
        assert await rules(client) == []

    async def test_are_changed_or_added_by_a_patch(self, client: httpx2.AsyncClient) -> None:
        before = await rules(client)
        given = [
            {"type": "COMMON", "version": 1, "jsonSchema": SCHEMA},
            rule("Order Shipped", version=2),
            rule("Invoice Paid", newKey="Invoice Settled"),
            rule("Unheard Of", newKey="Heard Of"),
        ]
        assert data(await client.patch(f"/tracking-plans/{BACKEND}/rules", json={"rules": given})) == DONE
        after = await rules(client)
        assert [known_by(each) for each in after] == [
            ("TRACK", "Invoice Settled", 1) if known_by(each) == ("TRACK", "Invoice Paid", 1) else known_by(each)
            for each in before
        ] + [("TRACK", "Order Shipped", 2), ("TRACK", "Heard Of", 1)]
        written = [each for each in after if each["jsonSchema"] == SCHEMA]
        assert [each["createdAt"] == NOW for each in written] == [False, False, True, True]
        assert {each["updatedAt"] for each in written} == {NOW}
        assert [each for each in after if each not in written] == [
            each for each in before if each["type"] != "COMMON" and each.get("key") != "Invoice Paid"
        ]

    async def test_can_swap_their_keys_but_not_share_one(self, client: httpx2.AsyncClient) -> None:
        path = f"/tracking-plans/{BACKEND}/rules"
        before = await rules(client)
        taken = await client.patch(path, json={"rules": [rule("Order Shipped", newKey="Order Refunded")]})
        assert (taken.status_code, await rules(client)) == (409, before)
        swap = [rule("Order Shipped", newKey="Order Refunded"), rule("Order Refunded", newKey="Order Shipped")]
        assert data(await client.patch(path, json={"rules": swap})) == DONE
        assert {known_by(each) for each in await rules(client)} == {known_by(each) for each in before}

    @pytest.mark.parametrize("style", ["rules.{}.{}", "rules[{}][{}]"])
    async def test_are_removed_by_what_they_are_known_by(self, client: httpx2.AsyncClient, style: str) -> None:
        asked = {
            style.format(0, "type"): "TRACK",
            style.format(0, "key"): "Order Completed",
            style.format(0, "version"): "2",
            style.format(1, "type"): "COMMON",
            style.format(1, "version"): "1",
        }
        before = await rules(client, STOREFRONT)
        path = f"/tracking-plans/{STOREFRONT}/rules"
        assert data(await client.request("DELETE", path, params=asked)) == DONE
        gone = {("TRACK", "Order Completed", 2), ("COMMON", None, 1)}
        assert await rules(client, STOREFRONT) == [each for each in before if known_by(each) not in gone]
        assert (await plan(client, STOREFRONT))["updatedAt"] == NOW
        assert (await client.request("DELETE", path, params=asked)).status_code == 404

    @pytest.mark.parametrize(
        ("query", "status"),
        [
            ("", 422),
            ("rules.0.type=COMMON", 422),
            ("rules.0.type=OTHER&rules.0.version=1", 422),
            ("rules=COMMON", 422),
            ("rules.0.type=COMMON&rules.0.version=2", 404),
            ("rules.0.type=COMMON&rules.0.version=1&rules.1.type=TRACK&rules.1.version=1&rules.1.key=Order", 404),
            ("&".join(f"rules.{number}.type=COMMON&rules.{number}.version=1" for number in range(201)), 422),
        ],
    )
    async def test_are_removed_together_or_not_at_all(
        self, client: httpx2.AsyncClient, query: str, status: int
    ) -> None:
        before = await rules(client)
        answer = await client.request("DELETE", f"/tracking-plans/{BACKEND}/rules?{query}")
        assert (answer.status_code, await rules(client)) == (status, before)


class TestSources:
    async def test_are_listed_whole(self, client: httpx2.AsyncClient) -> None:
        found = data(await client.get(f"/tracking-plans/{STOREFRONT}/sources"))["sources"]
        assert [each["id"] for each in found] == [WEBSITE, IOS]
        assert found[0] == data(await client.get(f"/sources/{WEBSITE}"))["source"]
        page = data(await client.get(f"/tracking-plans/{STOREFRONT}/sources", params={"pagination.count": "1"}))
        assert (len(page["sources"]), page["pagination"]["totalEntries"]) == (1, 2)

    async def test_have_one_plan_and_move_when_added_to_another(self, client: httpx2.AsyncClient) -> None:
        for source_id in (AGENT, WEBSITE, WEBSITE):
            answer = await client.post(f"/tracking-plans/{BACKEND}/sources", json={"sourceId": source_id})
            assert data(answer) == DONE
            assert data(await client.get(f"/sources/{source_id}"))["trackingPlanId"] == BACKEND
        assert await sources(client, STOREFRONT) == [IOS]
        assert await trail(client) == [("Source Modified", "source", name) for name in ("Agent events", "Website")]

    async def test_must_exist_to_be_added(self, client: httpx2.AsyncClient) -> None:
        answer = await client.post(f"/tracking-plans/{BACKEND}/sources", json={"sourceId": "unknown"})
        assert refused(answer) == (422, ["sourceId"])

    async def test_are_removed_from_the_plan_that_they_have(self, client: httpx2.AsyncClient) -> None:
        path = f"/tracking-plans/{STOREFRONT}/sources"
        assert refused(await client.request("DELETE", path)) == (422, ["sourceId"])
        for source_id in ("unknown", AGENT):
            answer = await client.request("DELETE", path, params={"sourceId": source_id})
            assert answer.status_code == 404
        assert data(await client.request("DELETE", path, params={"sourceId": IOS})) == DONE
        assert (await client.request("DELETE", path, params={"sourceId": IOS})).status_code == 404
        assert data(await client.get(f"/sources/{IOS}"))["trackingPlanId"] is None
        assert await sources(client) == [WEBSITE]
        assert await trail(client) == [("Source Modified", "source", "iOS app")]

    async def test_that_are_deleted_leave_their_plan(self, client: httpx2.AsyncClient) -> None:
        await client.delete(f"/sources/{WEBSITE}")
        assert await sources(client) == [IOS]
