"""Functions, their versions, and instances of insert functions. Each answer is also held against the reference."""

from datetime import timedelta
from typing import Any

import httpx2
import pytest

from tests.sandbox.api.asking import data, refused
from tests.sandbox.conftest import Clock

SOURCE, DESTINATION = "sfnc_u8jzPde0IgxLd6GncfBAep", "dfnc_fJBd0Kh8oOOL8dKLzdocJ2"
HASH, DROP = "f86bebb2737f6a6f0fb23c6f", "6608697a8d41bed440e50454"  # as instances know them
HASH_ID, DROP_ID = f"ifnd_{HASH}", f"ifns_{DROP}"
AT_WEBHOOKS, AT_BACKEND = "67c58f0e4d3cea27d26934b4", "67f3c1a2575dcad6ba2b0aee"
WEBHOOKS, MIXPANEL, COMMANDBAR = "IO9xpPBAXWjbcurMVNGL3z", "qHW8M9GWtNyoABigIgQO93", "PuNQ7sMuSaLueh2s2X5IjV"
BACKEND, WEBSITE = "EOxa2ax67HUhmSOZPCLWRL", "GFIYTOxHfOu2H5ySDDAXac"
DONE = {"status": "SUCCESS"}
NOW, LATER = "2026-05-20T12:00:30.000Z", "2026-05-20T13:00:30.000Z"
MASK = "••••••••••"
SETTING = {
    "name": "apiKey",
    "label": "API key",
    "description": "",
    "type": "STRING",
    "required": False,
    "sensitive": True,
}
BODY = {"code": "// one", "displayName": "Refunds", "resourceType": "SOURCE"}
AT_MIXPANEL = {"functionId": HASH, "integrationId": MIXPANEL, "name": "Hash", "settings": {"salt": "s"}}


async def function(client: httpx2.AsyncClient, function_id: str) -> dict[str, Any]:
    found: dict[str, Any] = data(await client.get(f"/functions/{function_id}"))["function"]
    return found


async def made(client: httpx2.AsyncClient, **more: Any) -> dict[str, Any]:
    found: dict[str, Any] = data(await client.post("/functions", json={**BODY, **more}))["function"]
    return found


async def versions(client: httpx2.AsyncClient, function_id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = data(await client.get(f"/functions/{function_id}/versions"))["versions"]
    return found


async def instance(client: httpx2.AsyncClient, instance_id: str) -> dict[str, Any]:
    answer = await client.get(f"/insert-function-instances/{instance_id}")
    found: dict[str, Any] = data(answer)["insertFunctionInstance"]
    return found


async def instances(client: httpx2.AsyncClient, function_id: str) -> list[str]:
    answer = await client.get("/insert-function-instances", params={"functionId": function_id})
    return [each["id"] for each in data(answer)["instances"]]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/functions/unknown", None),
        ("GET", f"/functions/{HASH}", None),
        ("PATCH", "/functions/unknown", {}),
        ("DELETE", "/functions/unknown", None),
        ("POST", "/functions/unknown/deploy", None),
        ("GET", "/functions/unknown/versions", None),
        ("POST", "/functions/unknown/versions", {"versionId": "x"}),
        ("GET", f"/functions/{SOURCE}/versions/unknown", None),
        ("GET", f"/functions/{SOURCE}/versions/2Qk9WzNyCe4rJh1BvXs6TdLpMf0", None),
        ("GET", "/insert-function-instances?functionId=unknown", None),
        ("GET", f"/insert-function-instances?functionId={HASH_ID}", None),
        ("GET", "/insert-function-instances/unknown", None),
        ("PATCH", "/insert-function-instances/unknown", {"settings": {}}),
        ("DELETE", "/insert-function-instances/unknown", None),
    ],
)
async def test_what_does_not_exist_is_404(client: httpx2.AsyncClient, method: str, path: str, body: Any) -> None:
    assert (await client.request(method, path, json=body)).status_code == 404


class TestFunctions:
    @pytest.mark.parametrize(
        ("wrong", "field"),
        [
            ({"code": ""}, "code"),
            ({"displayName": ""}, "displayName"),
            ({"resourceType": "WAREHOUSE"}, "resourceType"),
            ({"resourceType": "INSERT_SOURCE", "displayName": "x" * 121}, "displayName"),
            ({"settings": [{**SETTING, "type": "NUMBER"}]}, "settings.0.type"),
            ({"settings": [{"name": "apiKey", "label": "", "description": ""}]}, None),
        ],
    )
    async def test_that_are_not_valid_are_422(self, client: httpx2.AsyncClient, wrong: Any, field: str | None) -> None:
        status, fields = refused(await client.post("/functions", json={**BODY, **wrong}))
        assert status == 422
        assert fields == ([field] if field else ["settings.0.type", "settings.0.required", "settings.0.sensitive"])

    async def test_are_listed_by_what_they_do(self, client: httpx2.AsyncClient) -> None:
        assert refused(await client.get("/functions")) == (422, ["resourceType"])
        for type_, listed in [
            ("SOURCE", [SOURCE]),
            ("DESTINATION", [DESTINATION]),
            ("INSERT_SOURCE", [DROP_ID]),
            ("INSERT_DESTINATION", [HASH_ID]),
            ("INSERT_TRANSFORMATION", []),
        ]:
            answer = await client.get("/functions", params={"resourceType": type_})
            assert [each["id"] for each in data(answer)["functions"]] == listed
        another = await made(client)
        asked = {"resourceType": "SOURCE", "pagination.count": "1", "pagination.cursor": "MQ=="}
        page = data(await client.get("/functions", params=asked))
        assert [each["id"] for each in page["functions"]] == [another["id"]]

    @pytest.mark.parametrize(
        ("type_", "shown"),
        [
            ("SOURCE", "Refunds"),
            ("DESTINATION", "Refunds (Sandbox)"),
            ("INSERT_SOURCE", "Refunds (Sandbox)"),
            ("INSERT_DESTINATION", "Refunds (Sandbox)"),
            ("INSERT_TRANSFORMATION", "Refunds"),
        ],
    )
    async def test_begin_with_one_version_that_does_not_run(
        self, client: httpx2.AsyncClient, type_: str, shown: str
    ) -> None:
        settings = [{**SETTING, "extra": 1}]
        answer = await made(client, resourceType=type_, settings=settings, logoUrl="https://x.example", id="mine")
        given = {"code": "// one", "resourceType": type_, "settings": [SETTING], "logoUrl": "https://x.example"}
        assert {name: answer[name] for name in given} == given
        assert (answer["displayName"], answer["deployedAt"], answer["isLatestVersion"]) == (shown, None, False)
        assert (answer["createdAt"], "description" in answer) == (NOW, False)
        assert answer["previewWebhookUrl"].startswith("https://fn.segmentapis.com/") == (type_ == "SOURCE")
        assert await function(client, answer["id"]) == answer
        (version,) = await versions(client, answer["id"])
        assert (version["code"], version["isDeployed"], "deployedAt" in version) == ("// one", False, False)

    async def test_change_only_where_the_body_says(self, client: httpx2.AsyncClient) -> None:
        before = await function(client, SOURCE)
        assert data(await client.patch(f"/functions/{SOURCE}", json={}))["function"] == before
        assert data(await client.patch(f"/functions/{SOURCE}", json={"code": before["code"]}))["function"] == before
        body = {"displayName": "Parcels", "description": "", "settings": [SETTING]}
        answer = data(await client.patch(f"/functions/{SOURCE}", json=body))["function"]
        assert answer == {**before, **body}
        assert await function(client, SOURCE) == answer
        assert len(await versions(client, SOURCE)) == 3
        answer = await client.patch(f"/functions/{DROP_ID}", json={"displayName": "x" * 121})
        assert refused(answer) == (422, ["displayName"])

    async def test_take_their_versions_and_instances_with_them(self, client: httpx2.AsyncClient) -> None:
        assert data(await client.delete(f"/functions/{HASH_ID}")) == DONE
        assert (await client.get(f"/functions/{HASH_ID}/versions")).status_code == 404
        assert (await client.get(f"/insert-function-instances/{AT_WEBHOOKS}")).status_code == 404
        assert await instances(client, DROP) == [AT_BACKEND]


class TestVersions:
    async def test_are_one_for_each_code_newest_first(self, client: httpx2.AsyncClient, clock: Clock) -> None:
        function_id = (await made(client))["id"]
        clock.pass_by(timedelta(hours=1))
        answer = data(await client.patch(f"/functions/{function_id}", json={"code": "// two"}))["function"]
        assert (answer["code"], answer["isLatestVersion"], answer["createdAt"]) == ("// two", False, NOW)
        newer, older = await versions(client, function_id)
        assert (newer["code"], newer["createdAt"]) == ("// two", LATER)
        assert (older["code"], older["createdAt"]) == ("// one", NOW)
        asked = {"pagination.count": "1", "pagination.cursor": "MQ=="}
        page = data(await client.get(f"/functions/{function_id}/versions", params=asked))
        assert page["versions"] == [older]
        for each in (newer, older):
            assert data(await client.get(f"/functions/{function_id}/versions/{each['id']}"))["version"] == each

    async def test_run_once_deployed(self, client: httpx2.AsyncClient, clock: Clock) -> None:
        running = next(each for each in await versions(client, SOURCE) if each["isDeployed"])
        before = await function(client, SOURCE)
        assert (before["isLatestVersion"], before["deployedAt"]) == (False, running["deployedAt"])
        assert data(await client.post(f"/functions/{SOURCE}/deploy")) == {"functionDeployment": DONE}
        after = await function(client, SOURCE)
        assert after == {**before, "isLatestVersion": True, "deployedAt": NOW}
        latest, *older = await versions(client, SOURCE)
        assert (latest["isDeployed"], latest["deployedAt"], latest["updatedAt"]) == (True, NOW, NOW)
        assert [each["isDeployed"] for each in older] == [False, False]
        assert older[0]["deployedAt"] == running["deployedAt"]
        clock.pass_by(timedelta(hours=1))
        await client.post(f"/functions/{SOURCE}/deploy")
        assert (await function(client, SOURCE))["deployedAt"] == LATER

    @pytest.mark.parametrize("function_id", [DESTINATION, HASH_ID, DROP_ID])
    async def test_of_other_than_source_functions_are_not_deployed(
        self, client: httpx2.AsyncClient, function_id: str
    ) -> None:
        before = await function(client, function_id)
        assert refused(await client.post(f"/functions/{function_id}/deploy")) == (422, ["functionId"])
        assert await function(client, function_id) == before

    async def test_come_back_as_new_ones(self, client: httpx2.AsyncClient) -> None:
        before = await function(client, SOURCE)
        first = (await versions(client, SOURCE))[-1]
        path = f"/functions/{SOURCE}/versions"
        restored = data(await client.post(path, json={"versionId": first["id"]}))["version"]
        assert restored["id"] != first["id"]
        assert (restored["code"], restored["createdAt"], restored["isDeployed"]) == (first["code"], NOW, False)
        assert (await versions(client, SOURCE))[0] == restored
        assert await function(client, SOURCE) == {**before, "code": first["code"]}
        foreign = (await versions(client, DESTINATION))[0]["id"]
        assert refused(await client.post(path, json={"versionId": foreign})) == (422, ["versionId"])


class TestInstances:
    @pytest.mark.parametrize(
        ("wrong", "fields"),
        [
            ({"name": ""}, ["name"]),
            ({"functionId": "unknown"}, ["functionId"]),
            ({"functionId": HASH_ID}, ["functionId"]),
            ({"functionId": SOURCE.removeprefix("sfnc_")}, ["functionId"]),
            ({"integrationId": "unknown"}, ["integrationId"]),
            ({"integrationId": WEBSITE}, ["integrationId"]),
            ({"integrationId": COMMANDBAR}, ["integrationId"]),
            ({"functionId": DROP, "settings": {"emailDomain": "x"}}, ["integrationId"]),
            ({"settings": {}}, ["settings.salt"]),
            ({"settings": {"salt": None}}, ["settings.salt"]),
            ({"settings": {"salt": 1, "traits": "email"}}, ["settings.salt", "settings.traits"]),
            ({"settings": {"salt": "s", "pepper": "p"}}, ["settings.pepper"]),
        ],
    )
    async def test_that_do_not_fit_their_function_are_422(
        self, client: httpx2.AsyncClient, wrong: Any, fields: list[str]
    ) -> None:
        answer = await client.post("/insert-function-instances", json={**AT_MIXPANEL, **wrong})
        assert refused(answer) == (422, fields)

    async def test_are_one_at_a_place(self, client: httpx2.AsyncClient) -> None:
        taken = await client.post("/insert-function-instances", json={**AT_MIXPANEL, "integrationId": WEBHOOKS})
        assert refused(taken) == (409, ["integrationId"])
        await client.delete(f"/insert-function-instances/{AT_WEBHOOKS}")
        again = await client.post("/insert-function-instances", json={**AT_MIXPANEL, "integrationId": WEBHOOKS})
        assert again.is_success

    async def test_show_secrets_only_as_bullets(self, client: httpx2.AsyncClient) -> None:
        seeded = await instance(client, AT_WEBHOOKS)
        assert (seeded["settings"], seeded["encryptedSettings"]) == ({"traits": ["email", "phone"]}, {"salt": MASK})

    async def test_wait_to_be_enabled(self, client: httpx2.AsyncClient, clock: Clock) -> None:
        answer = data(await client.post("/insert-function-instances", json=AT_MIXPANEL))["insertFunctionInstance"]
        assert answer == {
            "id": answer["id"],
            "name": "Hash",
            "integrationId": MIXPANEL,
            "classId": HASH,
            "enabled": False,
            "createdAt": NOW,
            "updatedAt": NOW,
            "settings": {},
            "encryptedSettings": {"salt": MASK},
        }
        assert await instances(client, HASH) == [AT_WEBHOOKS, answer["id"]]
        clock.pass_by(timedelta(hours=1))
        path = f"/insert-function-instances/{answer['id']}"
        assert data(await client.patch(path, json={"settings": {}}))["insertFunctionInstance"] == answer
        body = {"enabled": True, "name": "Hashed", "settings": {"traits": ["phone"]}}
        changed = data(await client.patch(path, json=body))["insertFunctionInstance"]
        assert changed == {**answer, **body, "updatedAt": LATER}
        assert await instance(client, answer["id"]) == changed

    @pytest.mark.parametrize(
        ("body", "fields"),
        [
            ({"enabled": True}, ["settings"]),
            ({"name": "", "settings": {}}, ["name"]),
            ({"settings": {"emailDomain": None}}, ["settings.emailDomain"]),
            ({"settings": {"logDropped": "yes"}}, ["settings.logDropped"]),
        ],
    )
    async def test_stay_as_they_are_if_a_change_does_not_fit(
        self, client: httpx2.AsyncClient, body: Any, fields: list[str]
    ) -> None:
        before = await instance(client, AT_BACKEND)
        assert refused(await client.patch(f"/insert-function-instances/{AT_BACKEND}", json=body)) == (422, fields)
        assert await instance(client, AT_BACKEND) == before

    async def test_of_source_functions_run_at_sources(self, client: httpx2.AsyncClient) -> None:
        body = {"functionId": DROP, "integrationId": WEBSITE, "name": "X", "enabled": True}
        settings = {"emailDomain": "shop.example", "logDropped": True}
        answer = await client.post("/insert-function-instances", json={**body, "settings": settings})
        assert data(answer)["insertFunctionInstance"]["settings"] == settings

    async def test_are_gone_once_deleted(self, client: httpx2.AsyncClient) -> None:
        path = f"/insert-function-instances/{AT_BACKEND}"
        assert data(await client.delete(path)) == DONE
        assert (await client.delete(path)).status_code == 404
        assert await instances(client, DROP) == []

    async def test_are_gone_with_what_they_run_at(self, client: httpx2.AsyncClient) -> None:
        await client.delete(f"/sources/{BACKEND}")  # and with it the webhooks' destination
        for function_id, instance_id in ((HASH, AT_WEBHOOKS), (DROP, AT_BACKEND)):
            assert await instances(client, function_id) == []
            assert (await client.get(f"/insert-function-instances/{instance_id}")).status_code == 404
