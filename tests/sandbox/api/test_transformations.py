"""Transformations of events on their way. Each answer is also held against the reference."""

from typing import Any

import httpx2
import pytest

from tests.sandbox.api.asking import data, refused, trail

RENAME, CAPITALS = "2kQ8vTfBz1hWnYx5LcJr7PdMaGs", "2mD4sXoKe9uRbVi6NqHt3ZwCyFj"
WEBSITE, BACKEND = "GFIYTOxHfOu2H5ySDDAXac", "EOxa2ax67HUhmSOZPCLWRL"
MIXPANEL = "615c7438d93d9b61b1e9e192"
BODY = {"name": "Tidy", "sourceId": WEBSITE, "enabled": False, "if": "event = 'Tidy'"}


async def transformation(client: httpx2.AsyncClient, which: str) -> dict[str, Any]:
    found: dict[str, Any] = data(await client.get(f"/transformations/{which}"))["transformation"]
    return found


async def listed(client: httpx2.AsyncClient, **asked: str) -> list[str]:
    return [each["id"] for each in data(await client.get("/transformations", params=asked))["transformations"]]


def values(*paths: str) -> dict[str, Any]:
    return {"propertyPaths": list(paths), "propertyValue": "x"}


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
async def test_one_that_does_not_exist_is_404(client: httpx2.AsyncClient, method: str) -> None:
    answer = await client.request(method, "/transformations/unknown", json={} if method == "PATCH" else None)
    assert answer.status_code == 404


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"name": ""}, "name"),
        ({"if": ""}, "if"),
        ({"enabled": "yes"}, "enabled"),
        ({"sourceId": "unknown"}, "sourceId"),
        ({"destinationMetadataId": "unknown"}, "destinationMetadataId"),
        (
            {"propertyValueTransformations": [values(f"properties.{number}") for number in range(11)]},
            "propertyValueTransformations",
        ),
        (
            {"propertyValueTransformations": [values(*(f"properties.{number}" for number in range(11)))]},
            "propertyValueTransformations.0.propertyPaths",
        ),
        (
            {"propertyValueTransformations": [values("properties.a"), values("properties.b", "properties.a")]},
            "propertyValueTransformations.1.propertyPaths.1",
        ),
        (
            {
                "propertyValueTransformations": [values("properties.b")],
                "propertyRenames": [{"oldName": "a", "newName": "b"}],
            },
            "propertyValueTransformations.0.propertyPaths.0",
        ),
        ({"fqlDefinedProperties": [{"fql": "type", "propertyName": name} for name in "ab"]}, "fqlDefinedProperties"),
        (
            {"fqlDefinedProperties": [{"fql": "type", "propertyName": "a"}], "newEventName": "B"},
            "fqlDefinedProperties",
        ),
        (
            {"hashPropertiesConfiguration": {"algorithm": "sha256", "paths": ["traits.email"], "encoding": "BASE8"}},
            "hashPropertiesConfiguration.encoding",
        ),
    ],
)
async def test_what_segment_would_not_take_is_422(client: httpx2.AsyncClient, wrong: Any, field: str) -> None:
    assert refused(await client.post("/transformations", json={**BODY, **wrong})) == (422, [field])
    made = data(await client.post("/transformations", json=BODY))["transformation"]
    assert refused(await client.patch(f"/transformations/{made['id']}", json=wrong)) == (422, [field])
    assert await transformation(client, made["id"]) == made


async def test_are_seeded_and_paged(client: httpx2.AsyncClient) -> None:
    assert await listed(client) == [RENAME, CAPITALS]
    assert await listed(client, **{"pagination.count": "1", "pagination.cursor": "MQ=="}) == [CAPITALS]
    assert (await transformation(client, CAPITALS))["destinationMetadataId"] == MIXPANEL


async def test_are_made_of_what_the_body_says(client: httpx2.AsyncClient) -> None:
    body = {
        **BODY,
        "destinationMetadataId": MIXPANEL,
        "drop": False,
        "newEventName": "Tidied",
        "propertyRenames": [{"oldName": "a", "newName": "b"}],
        "propertyValueTransformations": [values("properties.c", "context.c")],
        "fqlDefinedProperties": [],
        "allowProperties": ["b", "c"],
        "hashPropertiesConfiguration": {"algorithm": "sha256", "paths": ["traits.email"], "encoding": "HEX"},
    }
    unknown = {
        **body,
        "id": "mine",
        "propertyRenames": [{"oldName": "a", "newName": "b", "extra": 1}],
        "hashPropertiesConfiguration": {**body["hashPropertiesConfiguration"], "extra": 1},  # type: ignore[dict-item]
    }
    made = data(await client.post("/transformations", json=unknown))["transformation"]
    assert made == {**body, "id": made["id"]}
    assert made["id"] != "mine"
    assert await transformation(client, made["id"]) == made
    assert await listed(client) == [RENAME, CAPITALS, made["id"]]
    assert await trail(client) == [("Transformation Created", "transformation", "Tidy")]


async def test_change_only_where_the_body_says(client: httpx2.AsyncClient) -> None:
    before = await transformation(client, RENAME)
    path = f"/transformations/{RENAME}"
    assert data(await client.patch(path, json={"name": before["name"]}))["transformation"] == before
    body = {"enabled": False, "propertyRenames": [{"oldName": "order", "newName": "orderId"}], "sourceId": BACKEND}
    answer = data(await client.patch(path, json=body))["transformation"]
    assert answer == {**before, **body}
    assert await transformation(client, RENAME) == answer
    assert await trail(client) == [("Transformation Updated", "transformation", before["name"])]


async def test_are_held_as_a_whole_against_what_they_were(client: httpx2.AsyncClient) -> None:
    body = {"fqlDefinedProperties": [{"fql": "type", "propertyName": "properties.type"}]}
    assert refused(await client.patch(f"/transformations/{RENAME}", json=body)) == (422, ["fqlDefinedProperties"])


async def test_are_gone_once_deleted(client: httpx2.AsyncClient) -> None:
    name = (await transformation(client, RENAME))["name"]
    assert data(await client.delete(f"/transformations/{RENAME}")) == {"status": "SUCCESS"}
    assert (await client.get(f"/transformations/{RENAME}")).status_code == 404
    assert await listed(client) == [CAPITALS]
    assert await trail(client) == [("Transformation Deleted", "transformation", name)]


async def test_are_gone_with_their_source(client: httpx2.AsyncClient) -> None:
    await client.delete(f"/sources/{WEBSITE}")
    assert await listed(client) == [CAPITALS]
    assert (await client.get(f"/transformations/{RENAME}")).status_code == 404
    assert (await client.patch(f"/transformations/{RENAME}", json={"sourceId": BACKEND})).status_code == 404
