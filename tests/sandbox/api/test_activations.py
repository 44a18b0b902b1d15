"""Where audiences go in the sandbox. Each answer is also held against the reference."""

from datetime import timedelta
from typing import Any

import httpx2
import pytest

from tests.sandbox.api.asking import data, refused
from tests.sandbox.conftest import Clock

SPACE = "/spaces/spa_bAmBVqBZlvdBOMAZIJBDdK"
USERS, LINKED = (
    f"{SPACE}/audiences/aud_BgoaJSgMLDKjDhkMEfQLJa1sJcf",
    f"{SPACE}/audiences/aud_Lv0R84AnYH4yVL6Yz7zbzQbUFSo",
)
BRAZE, WEBHOOK = "J9smV1ZC97OhjyRpo8tbnx", "IO9xpPBAXWjbcurMVNGL3z"
TO_BRAZE, ACTIVATION = "ii_glQjPrH8WB8zJXIkX0IAfi", "act_aKkv5aK7dVpIuGhEa5q5Vc"
SEND = "nFPnRozhz1mh4Gbx4MLvT5"
ENTERED: dict[str, Any] = {"activationType": "Audience Entered", "activationName": "Hook", "performResync": False}
ORDERS = [{"relationshipSlug": "orders", "properties": ["id"]}]


async def connect(client: httpx2.AsyncClient, audience: str, destination: str = WEBHOOK, **more: Any) -> Any:
    body = {"destination": {"id": destination, "type": "destination"}, **more}
    return await client.post(f"{audience}/destination-connections", json=body)


async def connections(client: httpx2.AsyncClient, audience: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = data(await client.get(f"{audience}/destination-connections"))["connections"]
    return found


async def activations(client: httpx2.AsyncClient, audience: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = data(await client.get(f"{audience}/activations"))["activations"]
    return found


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", f"{SPACE}/audiences/unknown/destination-connections"),
        ("POST", f"{SPACE}/audiences/unknown/destination-connections"),
        ("PATCH", f"{USERS}/destination-connections/unknown"),
        ("DELETE", f"{USERS}/destination-connections/unknown"),
        ("DELETE", f"{LINKED}/destination-connections/{BRAZE}"),
        ("POST", f"{USERS}/destination-connections/unknown/activations"),
        ("POST", f"{LINKED}/destination-connections/{TO_BRAZE}/activations"),
        ("GET", f"{SPACE}/audiences/unknown/activations"),
        ("GET", f"{USERS}/activations/unknown"),
        ("GET", f"{LINKED}/activations/{ACTIVATION}"),
        ("PATCH", f"{USERS}/activations/unknown"),
        ("DELETE", f"{USERS}/activations/unknown"),
    ],
)
async def test_what_does_not_exist_is_404(client: httpx2.AsyncClient, method: str, path: str) -> None:
    body = {**ENTERED, "destination": {"id": WEBHOOK, "type": "destination"}} if method in {"POST", "PATCH"} else None
    assert (await client.request(method, path, json=body)).status_code == 404


class TestConnections:
    async def test_lead_to_destinations_of_the_workspace_once(self, client: httpx2.AsyncClient) -> None:
        assert refused(await connect(client, USERS, "unknown")) == (422, ["destination.id"])
        assert refused(await connect(client, USERS, BRAZE)) == (409, ["destination.id"])
        wrong = [{"externalId": "email", "strategy": "some"}]
        answer = await connect(client, USERS, idSyncConfiguration=wrong)
        assert refused(answer) == (422, ["idSyncConfiguration.0.strategy"])
        assert len(await connections(client, USERS)) == 1

    async def test_are_made_with_documented_defaults(self, client: httpx2.AsyncClient) -> None:
        made = data(await connect(client, USERS))
        assert [each["strategy"] for each in made["idSyncConfiguration"]] == ["last", "last"]
        _, shown = await connections(client, USERS)
        webhook = data(await client.get(f"/destinations/{WEBHOOK}"))["destination"]
        assert (shown["id"], shown["destinationId"]) == (made["connection"]["id"], WEBHOOK)
        assert (shown["sourceId"], shown["settings"]) == (webhook["sourceId"], webhook["settings"])
        assert shown["metadata"]["slug"] == "actions-webhook"

    @pytest.mark.parametrize("name", [BRAZE, TO_BRAZE])
    async def test_are_changed_as_documented(self, client: httpx2.AsyncClient, clock: Clock, name: str) -> None:
        path, (before,) = f"{USERS}/destination-connections/{name}", await connections(client, USERS)
        clock.pass_by(timedelta(hours=1))
        await client.patch(path, json={"idSyncConfiguration": [], "connectionSettings": {}})
        assert await connections(client, USERS) == [before]
        ids = [{"externalId": "email", "strategy": "all", "mapTo": "Email__c"}]
        answer = data(await client.patch(path, json={"idSyncConfiguration": ids, "connectionSettings": {"list": 1}}))
        said = {"idSyncConfiguration": ids, "connectionSettings": {"list": 1}}
        assert answer == {"destination": {"id": BRAZE}, **said}
        (after,) = await connections(client, USERS)
        assert after == {**before, **said, "updatedAt": after["updatedAt"]}
        assert after["updatedAt"] > before["updatedAt"]

    async def test_stay_while_they_have_activations(self, client: httpx2.AsyncClient) -> None:
        path = f"{USERS}/destination-connections/{BRAZE}"
        assert refused(await client.delete(path)) == (409, ["destinationId"])
        assert data(await client.delete(f"{USERS}/activations/{ACTIVATION}"))
        assert data(await client.delete(path)) == {"status": "SUCCESS"}
        assert await connections(client, USERS) == []

    async def test_go_with_their_destination_or_audience(self, client: httpx2.AsyncClient) -> None:
        await client.delete(f"/destinations/{BRAZE}")
        assert (await connections(client, USERS), await activations(client, USERS)) == ([], [])
        hook = data(await connect(client, LINKED))["connection"]["id"]
        await client.post(f"{LINKED}/destination-connections/{hook}/activations", json=ENTERED)
        assert len(await activations(client, LINKED)) == 1
        await client.delete(LINKED)
        assert (await client.get(f"{LINKED}/activations")).status_code == 404


class TestActivations:
    @pytest.mark.parametrize(
        ("audience", "changes", "status", "field"),
        [
            (USERS, {"activationName": ""}, 422, "activationName"),
            (USERS, {"activationType": "Whenever"}, 422, "activationType"),
            (USERS, {"activationType": "Entity Added"}, 422, "activationType"),
            (USERS, {"personalization": {"entities": ORDERS}}, 400, "personalization.entities"),
            (
                LINKED,
                {"personalization": {"entities": [{"relationshipSlug": "unknown", "properties": []}]}},
                422,
                "personalization.entities.0.relationshipSlug",
            ),
            (
                LINKED,
                {"personalization": {"syncEntityPropertyChanges": True}},
                422,
                "personalization.syncEntityPropertyChanges",
            ),
            (LINKED, {"destinationMapping": {"actionId": "unknown"}}, 422, "destinationMapping.actionId"),
        ],
    )
    async def test_are_refused(
        self, client: httpx2.AsyncClient, audience: str, changes: dict[str, Any], status: int, field: str
    ) -> None:
        hook = data(await connect(client, audience))["connection"]["id"]
        before = await activations(client, audience)
        answer = await client.post(
            f"{audience}/destination-connections/{hook}/activations", json={**ENTERED, **changes}
        )
        assert refused(answer) == (status, [field])
        assert await activations(client, audience) == before

    async def test_are_added_changed_and_removed(self, client: httpx2.AsyncClient, clock: Clock) -> None:
        hook = data(await connect(client, LINKED))["connection"]["id"]
        body = {
            **ENTERED,
            "performResync": True,
            "displayName": "dropped",
            "personalization": {"entities": ORDERS},
            "destinationMapping": {"actionId": SEND, "settings": {"url": "https://hooks.shop.example"}},
        }
        path = f"{LINKED}/destination-connections/{hook}/activations"
        made = data(await client.post(path, json=body))["activation"]
        assert (made["enabled"], made["connectionId"], made["performResync"]) == (True, hook, True)
        assert made["personalization"] == {"entities": ORDERS, "profile": {"properties": []}}
        assert made["destinationMapping"] == body["destinationMapping"]
        clock.pass_by(timedelta(minutes=1))
        path = f"{LINKED}/activations/{made['id']}"
        assert data(await client.get(path))["activation"] == {**made, "performResync": False}
        profile = {"properties": ["total_spent"], "mapping": {"total_spent": "ltv"}}
        change = {"activationName": "", "enabled": False, "personalization": {"profile": profile}}
        changed = data(await client.patch(path, json=change))["activation"]
        assert changed == {
            **made,
            "enabled": False,
            "performResync": False,
            "personalization": {"entities": ORDERS, "profile": profile},
        }
        change = {"activationName": "Again", "performResync": True}
        changed = data(await client.patch(path, json=change))["activation"]
        assert (changed["activationName"], changed["performResync"]) == ("Again", True)
        assert await activations(client, LINKED) == [changed]
        assert data(await client.delete(path)) == {"status": "SUCCESS"}
        assert await activations(client, LINKED) == []

    async def test_are_there_from_the_start(self, client: httpx2.AsyncClient) -> None:
        (only,) = await activations(client, USERS)
        assert only == data(await client.get(f"{USERS}/activations/{only['id']}"))["activation"]
        change = {"personalization": {"syncEntityPropertyChanges": True}}
        changed = data(await client.patch(f"{USERS}/activations/{only['id']}", json=change))["activation"]
        assert changed["personalization"] == {**only["personalization"], "syncEntityPropertyChanges": True}
