"""Destination filters: made, changed, removed, and no more than ten."""

from datetime import timedelta
from typing import Any

import httpx2
import pytest

from tests.sandbox.api.asking import data, refused, trail
from tests.sandbox.conftest import Clock
from tests.sandbox.world import destination, source_id

DROP = {"type": "DROP"}


async def path_of(client: httpx2.AsyncClient, slug: str = "actions-amplitude") -> str:
    return f"/destination/{(await destination(client, slug))['id']}/filters"


async def new(client: httpx2.AsyncClient, slug: str = "website", **more: Any) -> dict[str, Any]:
    source = await source_id(client, slug)
    return {"sourceId": source, "if": 'type = "page"', "actions": [DROP], "title": "F", "enabled": True, **more}


async def test_what_is_not_the_destinations_is_404(client: httpx2.AsyncClient) -> None:
    path, other = await path_of(client), await path_of(client, "actions-webhook")
    known = data(await client.get(path))["filters"][0]
    for each in (f"{other}/{known['id']}", f"{path}/unknown", f"/destination/unknown/filters/{known['id']}"):
        assert (await client.get(each)).status_code == 404
        assert (await client.patch(each, json={"enabled": False})).status_code == 404
        assert (await client.delete(each)).status_code == 404
    assert (await client.get("/destination/unknown/filters")).status_code == 404
    assert (await client.post("/destination/unknown/filters", json=await new(client))).status_code == 404
    assert data(await client.get(f"{path}/{known['id']}")) == {"filter": known}


@pytest.mark.parametrize(
    ("slug", "actions", "named"),
    [
        ("backend", [DROP], ["sourceId"]),
        ("website", [DROP, {"type": "SAMPLE"}], ["actions.1.percent"]),
        ("website", [{"type": "SAMPLE", "percent": 2}], ["actions.0.percent"]),
        (
            "website",
            [{"type": "DROP_PROPERTIES"}, {"type": "ALLOW_PROPERTIES"}],
            ["actions.0.fields", "actions.1.fields"],
        ),
        ("website", [{"type": "REPLACE"}], ["actions.0.type"]),
    ],
)
async def test_a_filter_that_could_not_work_is_422(
    client: httpx2.AsyncClient, slug: str, actions: list[dict[str, Any]], named: list[str]
) -> None:
    path = await path_of(client)
    before = data(await client.get(path))
    assert refused(await client.post(path, json=await new(client, slug, actions=actions))) == (422, named)
    assert data(await client.get(path)) == before


async def test_an_eleventh_filter_is_422_until_one_goes(client: httpx2.AsyncClient) -> None:
    path, body = await path_of(client, "actions-commandbar"), await new(client)
    made = [data(await client.post(path, json=body))["filter"]["id"] for _ in range(10)]
    assert refused(await client.post(path, json=body)) == (422, ["destinationId"])
    page = data(await client.get(path, params={"pagination.count": "4"}))
    assert [each["id"] for each in page["filters"]] == made[:4]
    assert page["pagination"]["totalEntries"] == 10
    data(await client.delete(f"{path}/{made[0]}"))
    assert (await client.post(path, json=body)).status_code == 200


async def test_a_filter_is_made_changed_and_removed(client: httpx2.AsyncClient, clock: Clock) -> None:
    path = await path_of(client)
    body = await new(client, description="Why", actions=[{"type": "SAMPLE", "percent": 0.5, "else": 1}])
    made = data(await client.post(path, json=body))["filter"]
    assert made["actions"] == [{"type": "SAMPLE", "percent": 0.5}]
    assert made["createdAt"] == made["updatedAt"] == "2026-05-20T12:00:30.000Z"
    clock.pass_by(timedelta(hours=1))
    assert data(await client.patch(f"{path}/{made['id']}", json={"title": "F", "else": 1}))["filter"] == made
    change = {"actions": [DROP], "description": None, "enabled": False}
    changed = data(await client.patch(f"{path}/{made['id']}", json=change))["filter"]
    kept = {name: value for name, value in made.items() if name != "description"}
    assert changed == {**kept, "actions": [DROP], "enabled": False, "updatedAt": "2026-05-20T13:00:30.000Z"}
    assert changed in data(await client.get(path))["filters"]
    broken = await client.patch(f"{path}/{made['id']}", json={"actions": [{"type": "SAMPLE"}], "title": "G"})
    assert refused(broken) == (422, ["actions.0.percent"])
    data(await client.patch(f"{path}/{made['id']}", json={"enabled": True}))
    assert data(await client.delete(f"{path}/{made['id']}")) == {"status": "SUCCESS"}
    assert (await client.get(f"{path}/{made['id']}")).status_code == 404
    happened = ["Created", "Disabled", "Enabled", "Deleted"]
    assert await trail(client) == [(f"Destination Filter {each}", "destination_filter", "F") for each in happened]
