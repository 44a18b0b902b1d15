"""Every operation of the Public API is answered; what has no state here says so."""

from typing import Any

import httpx2
import pytest

from segment_mcp.operations import OPERATIONS
from segment_mcp.sandbox import API_TOKEN, create_app
from segment_mcp.sandbox.api.handlers import HANDLERS

from .examples import request

# Taken off when an operation becomes real: then it has a handler, and answers no longer carry the header.
MADE = {
    "listSupportedDestinationsFromAudience",
    "listPropertiesFromEntity",
    "listSampleValuesFromEntityProperty",
    "listEntityPaths",
    "listEvents",
    "listPropertiesFromEvent",
    "listSampleValuesFromEventProperty",
    "listTraits",
    "listSampleValuesFromTrait",
    "listFiltersForSpace",
    "createFilterForSpace",
    "getFilterById",
    "updateFilterById",
    "deleteFilterById",
    "listProfilesWarehouseInSpace",
    "createProfilesWarehouse",
    "updateProfilesWarehouseForSpaceWarehouse",
    "removeProfilesWarehouseFromSpace",
    "listSelectiveSyncsFromWarehouseAndSpace",
    "updateSelectiveSyncForWarehouseAndSpace",
    "listReverseEtlModels",
    "createReverseEtlModel",
    "getReverseEtlModel",
    "updateReverseEtlModel",
    "deleteReverseEtlModel",
    "listReverseETLSyncStatusesFromModelAndSubscriptionId",
    "getReverseETLSyncStatus",
    "cancelReverseETLSyncForModel",
    "createReverseETLManualSync",
    "listCredentials",
    "createCredential",
    "getCredential",
    "updateCredential",
    "deleteCredential",
    "listCredentialConsumers",
    "createDbtModelSyncTrigger",
    "createLivePlugin",
    "deleteLivePluginCode",
    "getLatestFromLivePlugins",
    "createDownload",
}
PUBLIC = [name for name, row in OPERATIONS.items() if row.api == "public"]
MARK = "X-Segment-Sandbox"


async def ask(client: httpx2.AsyncClient, name: str, **slots: str) -> Any:
    answer = await client.request(**request(OPERATIONS[name], **slots))
    assert answer.is_success, answer.text
    return answer.json()["data"]


def test_every_operation_is_real_or_listed_as_made() -> None:
    assert set(PUBLIC) - set(HANDLERS) == MADE


async def test_each_route_leads_to_its_own_operation(client: httpx2.AsyncClient) -> None:
    """What is asked is valid, and yet may name nothing that exists: 404 then speaks of a thing, not of a path."""
    for name in PUBLIC:
        answer = await client.request(**request(OPERATIONS[name]))
        if answer.status_code == 404:
            assert answer.json()["errors"][0]["message"] != "Resource not found", name
        else:
            assert answer.status_code in {200, 201, 400, 409, 422}, (name, answer.text)
        assert (MARK in answer.headers) == (name in MADE and answer.is_success), name


@pytest.mark.parametrize("name", sorted(MADE))
async def test_a_made_answer_is_marked_and_always_the_same(client: httpx2.AsyncClient, name: str) -> None:
    first, again = [await client.request(**request(OPERATIONS[name])) for _ in range(2)]
    assert first.is_success, first.text
    assert first.headers[MARK] == "made"
    assert again.json() == first.json()


async def test_a_real_answer_has_no_mark(client: httpx2.AsyncClient) -> None:
    for answer in (await client.get("/sources"), await client.get("/sources/unknown")):
        assert MARK not in answer.headers


class TestMadeAnswers:
    async def test_repeat_what_a_write_said_and_no_more(self, client: httpx2.AsyncClient) -> None:
        made = (await ask(client, "createFilterForSpace"))["filter"]
        said = request(OPERATIONS["createFilterForSpace"])["json"]
        assert {name: made[name] for name in said} == said
        assert set(made) == {*said, "id", "workspaceId", "createdAt", "updatedAt"}

    async def test_name_the_thing_that_the_path_ends_with(self, client: httpx2.AsyncClient) -> None:
        filtered = (await ask(client, "getFilterById", id="fil_1"))["filter"]
        assert filtered["id"] == "fil_1"
        assert {"name", "description", "drop"} <= set(filtered)
        warehouse = await ask(client, "updateProfilesWarehouseForSpaceWarehouse", spaceId="spa_1", warehouseId="war_1")
        assert {name: warehouse["profilesWarehouse"][name] for name in ("id", "spaceId")} == {
            "id": "war_1",
            "spaceId": "spa_1",
        }

    async def test_do_not_take_the_id_of_another_thing_for_their_own(self, client: httpx2.AsyncClient) -> None:
        warehouse = (await ask(client, "createProfilesWarehouse", spaceId="spa_1"))["profilesWarehouse"]
        assert warehouse["spaceId"] == "spa_1" != warehouse["id"]
        assert warehouse["workspaceId"] == (await client.get("/")).json()["data"]["workspace"]["id"]

    async def test_have_one_entry_in_a_list(self, client: httpx2.AsyncClient) -> None:
        found = await ask(client, "listReverseEtlModels")
        assert len(found["models"]) == 1
        assert found["pagination"] == {"current": "MA==", "totalEntries": 1}

    async def test_point_at_a_source_that_there_is(self, client: httpx2.AsyncClient) -> None:
        (model,) = (await ask(client, "listReverseEtlModels"))["models"]
        assert (await client.get(f"/sources/{model['sourceId']}")).is_success

    async def test_have_a_number_for_a_cursor_that_is_one(self, client: httpx2.AsyncClient) -> None:
        assert (await ask(client, "listFiltersForSpace"))["pagination"] == {"current": 0, "totalEntries": 1}

    async def test_mask_secrets_in_settings_at_any_depth(self, client: httpx2.AsyncClient) -> None:
        settings = (await ask(client, "createCredential"))["credential"]["settings"]
        assert settings["username"] == "prod_user"
        assert settings["authentication"]["privateKey"] == "••••••••••"

    async def test_are_noted_in_the_audit_trail(self, client: httpx2.AsyncClient) -> None:
        model = (await ask(client, "createReverseEtlModel"))["reverseEtlModel"]
        (event,) = (await client.get("/audit-events")).json()["data"]["events"]
        assert (event["type"], event["resourceType"]) == ("Model Created", "reverse-etl-model")
        assert (event["resourceId"], event["resourceName"]) == (model["id"], model["name"])

    async def test_need_what_real_ones_need(self, client: httpx2.AsyncClient) -> None:
        for refused in (
            await client.get("/filters"),
            await client.post("/credentials", json={}),
            await client.get("/reverse-etl-models", params={"pagination.count": "0"}),
        ):
            assert refused.status_code == 422
            assert MARK not in refused.headers
        assert (await client.get("/reverse-etl-models", headers={"Authorization": "Bearer x"})).status_code == 401


async def test_bodies_of_beta_and_alpha_operations_come_as_vendor_types(client: httpx2.AsyncClient) -> None:
    row = OPERATIONS["createLivePlugin"]
    answer = await client.post(
        row.path.replace("{sourceId}", "GFIYTOxHfOu2H5ySDDAXac"),
        content=b'{"code": "1"}',
        headers={"Content-Type": row.content_type, "Accept": row.content_type},
    )
    assert answer.json()["data"]["livePlugin"]["code"] == "1"
    assert answer.headers["Content-Type"] == row.content_type == "application/vnd.segment.v1alpha+json"


async def test_a_made_answer_needs_no_source_to_point_at() -> None:
    headers = {"Authorization": f"Bearer {API_TOKEN}"}
    transport = httpx2.ASGITransport(app=create_app())
    async with httpx2.AsyncClient(
        transport=transport, base_url="https://api.segmentapis.com", headers=headers
    ) as client:
        for source in (await client.get("/sources")).json()["data"]["sources"]:
            await client.delete(f"/sources/{source['id']}")
        assert (await client.get("/reverse-etl-models")).is_success
