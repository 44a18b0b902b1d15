"""Computed traits in the sandbox. Each answer is also held against the reference."""

from datetime import timedelta
from typing import Any

import httpx2
import pytest

from tests.sandbox.api.asking import data, refused, trail
from tests.sandbox.conftest import Clock

TRAITS = "/spaces/spa_bAmBVqBZlvdBOMAZIJBDdK/computed-traits"
SPENT = f"{TRAITS}/tra_5SC10rjuJMLP0aPfnP2t5DR2u03"
ORDERS: dict[str, Any] = {
    "name": "Orders (30 days)",
    "definition": {"query": "event('Order Completed').within(30 days).count()", "type": "USERS"},
}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/spaces/unknown/computed-traits"),
        ("POST", "/spaces/unknown/computed-traits"),
        ("GET", f"{TRAITS}/unknown"),
        ("PATCH", f"{TRAITS}/unknown"),
        ("DELETE", f"{TRAITS}/unknown"),
        ("GET", SPENT.replace("spa_", "other_")),
    ],
)
async def test_what_does_not_exist_is_404(client: httpx2.AsyncClient, method: str, path: str) -> None:
    body = ORDERS if method in {"POST", "PATCH"} else None
    assert (await client.request(method, path, json=body)).status_code == 404


@pytest.mark.parametrize(
    ("changes", "status", "field"),
    [
        ({"name": "Total spent"}, 409, "name"),
        ({"name": "frequent buyers"}, 409, "name"),  # the key of an audience
        ({"name": ""}, 422, "name"),
        ({"definition": {"query": "", "type": "USERS"}}, 422, "definition.query"),
    ],
)
async def test_a_trait_is_refused(client: httpx2.AsyncClient, changes: dict[str, Any], status: int, field: str) -> None:
    assert refused(await client.post(TRAITS, json={**ORDERS, **changes})) == (status, [field])
    if status == 422:
        assert refused(await client.patch(SPENT, json=changes)) == (422, [field])
    assert data(await client.get(TRAITS))["pagination"]["totalEntries"] == 1
    assert await trail(client) == []


async def test_traits_are_made_changed_and_removed(client: httpx2.AsyncClient, clock: Clock) -> None:
    options = {"includeHistoricalData": True, "extra": 1}
    made = data(await client.post(TRAITS, json={**ORDERS, "enabled": False, "options": options}))["computedTrait"]
    assert (made["key"], made["status"], made["options"]) == (
        "orders_30_days",
        "Disabled",
        {"includeHistoricalData": True},
    )
    path = f"{TRAITS}/{made['id']}"
    clock.pass_by(timedelta(hours=1))
    assert data(await client.patch(path, json={"name": made["name"]}))["computedTrait"] == made
    changed = data(await client.patch(path, json={"name": "Orders", "enabled": True}))["computedTrait"]
    assert changed == {**made, "name": "Orders", "enabled": True, "status": "Live", "updatedAt": changed["updatedAt"]}
    assert changed["updatedAt"] > made["updatedAt"]
    assert data(await client.get(path))["computedTrait"] == changed
    assert [each["key"] for each in data(await client.get(TRAITS))["computedTraits"]] == ["total_spent", made["key"]]
    assert data(await client.delete(path)) == {"status": "SUCCESS"}
    assert (await client.get(path)).status_code == 404
    assert await trail(client) == [
        ("Computed Trait Created", "computed_trait", "Orders (30 days)"),
        ("Computed Trait Modified", "computed_trait", "Orders"),
        ("Computed Trait Deleted", "computed_trait", "Orders"),
    ]


async def test_traits_come_in_pages(client: httpx2.AsyncClient) -> None:
    await client.post(TRAITS, json=ORDERS)
    first = data(await client.get(f"{TRAITS}?pagination.count=1"))
    rest = data(await client.get(TRAITS, params={"pagination.cursor": first["pagination"]["next"]}))
    assert [each["name"] for each in first["computedTraits"] + rest["computedTraits"]] == [
        "Total spent",
        "Orders (30 days)",
    ]
