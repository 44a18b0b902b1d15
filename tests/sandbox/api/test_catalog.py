"""The catalog of the sandbox."""

from typing import Any

import httpx2
import pytest

from .asking import data

KINDS = ("sources", "destinations", "warehouses")


async def listed(client: httpx2.AsyncClient, kind: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = data(await client.get(f"/catalog/{kind}"))[f"{kind}Catalog"]
    return found


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("wanted", ["unknown", "actions-webhook", "javascript", "QHndBw5kGO%2F"])
async def test_what_is_no_id_is_not_found(client: httpx2.AsyncClient, kind: str, wanted: str) -> None:
    assert (await client.get(f"/catalog/{kind}/{wanted}")).status_code == 404


@pytest.mark.parametrize("kind", KINDS)
async def test_each_entry_is_found_by_its_id(client: httpx2.AsyncClient, kind: str) -> None:
    entries = await listed(client, kind)
    assert len({each["id"] for each in entries}) == len({each["slug"] for each in entries}) == len(entries)
    for entry in entries:
        answer = data(await client.get(f"/catalog/{kind}/{entry['id']}"))
        assert answer == {f"{kind[:-1]}Metadata": entry}


@pytest.mark.parametrize("kind", KINDS)
async def test_it_comes_in_pages(client: httpx2.AsyncClient, kind: str) -> None:
    entries, seen = await listed(client, kind), []
    asked = {"pagination.count": "3"}
    while True:
        answer = data(await client.get(f"/catalog/{kind}", params=asked))
        seen += answer[f"{kind}Catalog"]
        assert answer["pagination"]["totalEntries"] == len(entries)
        if "next" not in answer["pagination"]:
            break
        asked["pagination.cursor"] = answer["pagination"]["next"]
    assert seen == entries


@pytest.mark.parametrize("kind", KINDS)
async def test_everything_in_the_workspace_is_of_a_kind_in_it(client: httpx2.AsyncClient, kind: str) -> None:
    entries = await listed(client, kind)
    for thing in data(await client.get(f"/{kind}"))[kind]:
        assert thing["metadata"] in entries


@pytest.mark.parametrize(
    ("kind", "slugs"),
    [
        ("sources", {"javascript", "http-api", "apple", "kotlin-android", "node-js", "python", "stripe", "commandbar"}),
        (
            "destinations",
            {
                "actions-google-analytics-4", "actions-mixpanel", "actions-amplitude", "actions-slack",
                "actions-webhook", "actions-commandbar", "actions-hubspot-cloud",
            },
        ),
        ("warehouses", {"postgres", "snowflake", "bigquery", "redshift"}),
    ],
)  # fmt: skip
async def test_what_people_ask_for_most_is_in_it(client: httpx2.AsyncClient, kind: str, slugs: set[str]) -> None:
    assert slugs <= {each["slug"] for each in await listed(client, kind)}


async def test_commandbar_is_a_source_and_a_destination(client: httpx2.AsyncClient) -> None:
    source = data(await client.get("/catalog/sources/QHndBw5kGO"))["sourceMetadata"]
    assert (source["slug"], source["isCloudEventSource"], source["partnerOwned"]) == ("commandbar", True, True)
    found = data(await client.get("/catalog/destinations/638f843c4520d424f63c9e51"))["destinationMetadata"]
    assert {name for name, value in found["supportedPlatforms"].items() if value} >= {"browser"}
    assert found["supportedPlatforms"]["server"] is False
    assert [each["name"] for each in found["actions"]] == ["Identify User", "Track Event"]
    assert {each["actionId"] for each in found["presets"]} == {each["id"] for each in found["actions"]}


async def test_webhooks_have_one_action_and_no_presets(client: httpx2.AsyncClient) -> None:
    found = data(await client.get("/catalog/destinations/614a3c7d791c91c41bae7599"))["destinationMetadata"]
    assert (found["slug"], found["presets"]) == ("actions-webhook", [])
    assert found["supportedPlatforms"]["server"] is True
    (send,) = found["actions"]
    fields = {field["fieldKey"]: field for field in send["fields"]}
    assert {name for name, field in fields.items() if field["required"]} == {"url", "method"}
    assert [choice["value"] for choice in fields["method"]["choices"]] == ["POST", "PUT", "PATCH"]
    assert fields["data"]["defaultValue"] == {"@path": "$."}
    assert {"headers", "batch_size"} < set(fields)


async def test_presets_are_of_actions_and_fill_their_fields(client: httpx2.AsyncClient) -> None:
    for entry in await listed(client, "destinations"):
        keys = {action["id"]: {field["fieldKey"] for field in action["fields"]} for action in entry["actions"]}
        for preset in entry["presets"]:
            assert set(preset["fields"]) <= keys[preset["actionId"]], entry["slug"]
