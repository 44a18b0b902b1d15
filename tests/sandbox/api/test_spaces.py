"""Spaces and messaging subscriptions in the sandbox. Each answer is also held against the reference."""

from datetime import timedelta
from typing import Any

import httpx2
import pytest

from tests.sandbox.api.asking import data
from tests.sandbox.conftest import Clock

SPACE = "/spaces/spa_bAmBVqBZlvdBOMAZIJBDdK"
NEW = {"key": "kim@customer.example", "type": "EMAIL"}


async def said(client: httpx2.AsyncClient, *subscriptions: dict[str, Any]) -> Any:
    return data(await client.put(f"{SPACE}/messaging-subscriptions", json={"subscriptions": list(subscriptions)}))


async def asked(client: httpx2.AsyncClient, *contacts: dict[str, Any]) -> Any:
    return data(await client.post(f"{SPACE}/messaging-subscriptions/batch", json={"subscriptions": list(contacts)}))


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/spaces/unknown"),
        ("PUT", "/spaces/unknown/messaging-subscriptions"),
        ("POST", "/spaces/unknown/messaging-subscriptions/batch"),
    ],
)
async def test_a_space_that_does_not_exist_is_404(client: httpx2.AsyncClient, method: str, path: str) -> None:
    body: Any = None if method == "GET" else {"subscriptions": []}
    assert (await client.request(method, path, json=body)).status_code == 404


async def test_a_space_is_listed_and_read(client: httpx2.AsyncClient) -> None:
    spaces = data(await client.get("/spaces"))["spaces"]
    assert [each["slug"] for each in spaces] == ["shop"]
    assert data(await client.get(f"/spaces/{spaces[0]['id']}"))["space"] == spaces[0]


class TestSubscriptions:
    @pytest.mark.parametrize(
        ("subscription", "code"),
        [
            ({"key": "pgibbonsexample.com", "type": "EMAIL", "status": "UNSUBSCRIBED"}, "INVALID_KEY"),
            ({"key": "5550123", "type": "SMS", "status": "SUBSCRIBED"}, "INVALID_KEY"),
            ({"key": "", "type": "WHATSAPP"}, "INVALID_KEY"),
            ({**NEW, "groups": [{"name": "none", "status": "SUBSCRIBED"}]}, "GROUP_NOT_FOUND"),
        ],
    )
    async def test_that_are_wrong_fail_alone(
        self, client: httpx2.AsyncClient, subscription: dict[str, Any], code: str
    ) -> None:
        right = {"key": "+12162226233", "type": "SMS", "status": "DID_NOT_SUBSCRIBE"}
        answer = await said(client, subscription, right)
        assert answer["successes"] == [right]
        assert [(each["key"], each["errors"][0]["code"]) for each in answer["failures"]] == [
            (subscription["key"], code)
        ]
        if code == "INVALID_KEY":
            answer = await asked(client, {"key": subscription["key"], "type": subscription["type"]})
            assert [each["errors"][0]["code"] for each in answer["failures"]] == [code]
        else:
            assert (await asked(client, NEW))["successes"] == [NEW]

    async def test_of_somebody_unknown_have_no_status(self, client: httpx2.AsyncClient) -> None:
        answer = await asked(client, NEW, {"key": "any-token", "type": "IOS_PUSH"})
        assert answer == {"successes": [NEW, {"key": "any-token", "type": "IOS_PUSH"}], "failures": [], "errors": []}

    async def test_are_kept_by_address_and_type(self, client: httpx2.AsyncClient) -> None:
        await said(client, {"key": "+12025550123", "type": "WHATSAPP", "status": "SUBSCRIBED"})
        answer = await asked(
            client,
            {"key": "Jane@Customer.example", "type": "EMAIL"},
            {"key": "+12025550123", "type": "SMS"},
            {"key": "+12025550123", "type": "WHATSAPP"},
        )
        assert [each["status"] for each in answer["successes"]] == ["SUBSCRIBED", "UNSUBSCRIBED", "SUBSCRIBED"]

    async def test_are_replaced_as_a_whole(self, client: httpx2.AsyncClient, clock: Clock) -> None:
        promotions = {"name": "promotions", "status": "SUBSCRIBED"}
        first = await said(client, {**NEW, "status": "SUBSCRIBED", "groups": [promotions]})
        group = first["successes"][0]["groups"][0]
        assert group == {**promotions, "id": group["id"]}
        before = (await asked(client, NEW))["successes"][0]
        assert before["groups"] == [{**group, "updatedAt": before["updatedAt"]}]
        clock.pass_by(timedelta(hours=1))
        await said(client, {**NEW, "groups": [promotions, {"name": "product-news", "status": "UNSUBSCRIBED"}]})
        after = (await asked(client, NEW))["successes"][0]
        assert "status" not in after
        assert after["groups"][0] == before["groups"][0]
        assert after["groups"][1]["updatedAt"] > before["updatedAt"]
        await said(client, {**NEW, "status": "UNSUBSCRIBED"})
        assert set((await asked(client, NEW))["successes"][0]) == {"key", "type", "status", "updatedAt"}
