"""User groups in the sandbox. Each answer is also held against the reference."""

import httpx2
import pytest

from tests.sandbox.api.asking import data, refused, trail

WORKSPACE = "PxklHl0o5vLl9MDBHDeoij"
GROWTH, CONTRACTORS = "HbPlP87lLANc4eguboFM4i", "5NiymmpuhuyPQKgAxk0m2c"
FARID = "Pyh1XV7Uvz4ZMrYyI0IF6r"
SOURCE_ADMIN, READ_ONLY = "jGtLthhNCBjNZOslzTt3c0YQGsm", "EiekvgHVR5sara6757LyS4Asx4o"


async def members(client: httpx2.AsyncClient, group_id: str) -> tuple[list[str], list[str]]:
    """Emails of users, and of people who are invited."""
    users = data(await client.get(f"/groups/{group_id}/users"))["users"]
    invites = data(await client.get(f"/groups/{group_id}/invites"))["emails"]
    count = data(await client.get(f"/groups/{group_id}"))["userGroup"]["memberCount"]
    assert count == len(users) + len(invites)
    return [each["email"] for each in users], invites


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/groups/unknown"),
        ("PATCH", "/groups/unknown"),
        ("DELETE", "/groups/unknown"),
        ("GET", "/groups/unknown/users"),
        ("GET", "/groups/unknown/invites"),
        ("POST", "/groups/unknown/users"),
        ("PUT", "/group/unknown/users"),
        ("DELETE", "/group/unknown/users?emails.0=ana@shop.example"),
        ("POST", "/groups/unknown/permissions"),
        ("PUT", "/groups/unknown/permissions"),
        ("PUT", f"/groups/{GROWTH}/users"),
        ("DELETE", f"/groups/{GROWTH}/users"),
        ("DELETE", f"/group/{GROWTH}/users?emails.0=ana@shop.example"),
    ],
)
async def test_what_does_not_exist_is_404(client: httpx2.AsyncClient, method: str, path: str) -> None:
    body = {"name": "x", "emails": [], "permissions": []} if method in {"PATCH", "POST", "PUT"} else None
    assert (await client.request(method, path, json=body)).status_code == 404


class TestGroups:
    async def test_are_made_renamed_and_removed(self, client: httpx2.AsyncClient) -> None:
        made = data(await client.post("/groups", json={"name": "Support"}))["userGroup"]
        assert made == {"id": made["id"], "name": "Support", "memberCount": 0, "permissions": []}
        path = f"/groups/{made['id']}"
        await client.post(f"{path}/users", json={"emails": ["farid@shop.example"]})
        renamed = data(await client.patch(path, json={"name": "Care"}))["userGroup"]
        assert renamed == {**made, "name": "Care", "memberCount": 1}
        await client.patch(path, json={"name": "Care"})
        assert renamed in data(await client.get("/groups"))["userGroups"]
        assert data(await client.delete(path)) == {"status": "SUCCESS"}
        assert (await client.get(path)).status_code == 404
        assert (await client.get(f"/users/{FARID}")).status_code == 200
        assert [each["name"] for each in data(await client.get(f"/users/{FARID}/groups"))["groups"]] == ["Growth"]
        noted = [type_ for type_, kind, _ in await trail(client) if kind == "user_group"]
        assert noted == ["User Group Created", "Subjects Added to Group", "User Group Updated", "User Group Deleted"]

    async def test_share_no_name_and_have_one(self, client: httpx2.AsyncClient) -> None:
        assert refused(await client.post("/groups", json={"name": "Growth"})) == (409, ["name"])
        assert refused(await client.patch(f"/groups/{CONTRACTORS}", json={"name": "Growth"})) == (409, ["name"])
        assert refused(await client.post("/groups", json={"name": ""})) == (422, ["name"])
        assert len(data(await client.get("/groups"))["userGroups"]) == 3

    async def test_come_in_pages(self, client: httpx2.AsyncClient) -> None:
        first = data(await client.get("/groups?pagination.count=2"))
        assert ([each["name"] for each in first["userGroups"]], first["pagination"]["totalEntries"]) == (
            ["Growth", "Data platform"],
            3,
        )
        users = data(await client.get(f"/groups/{GROWTH}/users?pagination.count=1"))
        assert (len(users["users"]), users["pagination"]["totalEntries"]) == (1, 2)


class TestMembers:
    @pytest.mark.parametrize(("method", "path"), [("POST", "/groups/{}/users"), ("PUT", "/group/{}/users")])
    async def test_are_users_or_invited(self, client: httpx2.AsyncClient, method: str, path: str) -> None:
        body = {"emails": ["ana@shop.example", "nobody@shop.example"]}
        answer = await client.request(method, path.format(CONTRACTORS), json=body)
        assert refused(answer) == (422, ["emails.1"])
        assert await members(client, CONTRACTORS) == ([], [])

    async def test_are_added_once(self, client: httpx2.AsyncClient) -> None:
        body = {"emails": ["Ana@shop.example", "henry@agency.example", "chiara@shop.example", "ana@shop.example"]}
        group = data(await client.post(f"/groups/{GROWTH}/users", json=body))["userGroup"]
        assert group == data(await client.get(f"/groups/{GROWTH}"))["userGroup"]
        assert await members(client, GROWTH) == (
            ["chiara@shop.example", "farid@shop.example", "ana@shop.example"],
            ["grace@shop.example", "henry@agency.example"],
        )
        noted = [
            ("Subjects Added to Group", "user_group", "Growth"),
            ("User Added To User Group", "user", "Ana Ferreira"),
        ]
        assert await trail(client) == noted
        await client.post(f"/groups/{GROWTH}/users", json=body)
        assert await trail(client) == noted

    async def test_are_replaced(self, client: httpx2.AsyncClient) -> None:
        body = {"emails": ["ana@shop.example", "grace@shop.example"]}
        assert data(await client.put(f"/group/{GROWTH}/users", json=body))["userGroup"]["memberCount"] == 2
        assert await members(client, GROWTH) == (["ana@shop.example"], ["grace@shop.example"])
        assert [type_ for type_, _, _ in await trail(client)] == [
            "Subjects Added to Group",
            "User Added To User Group",
            "Group Memberships Deleted",
        ]
        await client.put(f"/group/{GROWTH}/users", json={"emails": []})
        assert await members(client, GROWTH) == ([], [])

    async def test_are_removed_all_or_none(self, client: httpx2.AsyncClient) -> None:
        before = await members(client, GROWTH)
        query = {"emails.0": "farid@shop.example", "emails.1": "ana@shop.example"}
        assert (await client.delete(f"/group/{GROWTH}/users", params=query)).status_code == 404
        assert refused(await client.delete(f"/group/{GROWTH}/users")) == (422, ["emails"])
        assert await members(client, GROWTH) == before
        query["emails.1"] = "Grace@shop.example"
        assert data(await client.delete(f"/group/{GROWTH}/users", params=query)) == {"status": "SUCCESS"}
        assert await members(client, GROWTH) == (["chiara@shop.example"], [])
        assert await trail(client) == [
            ("Group Memberships Deleted", "user_group", "Growth"),
            ("User Removed From User Group", "user", "Farid Haddad"),
        ]


class TestPermissions:
    async def test_are_added_and_replaced(self, client: httpx2.AsyncClient) -> None:
        everything = {"id": WORKSPACE, "type": "WORKSPACE"}
        path = f"/groups/{GROWTH}/permissions"
        added = {"permissions": [{"roleId": READ_ONLY, "resources": [everything]}]}
        answer = data(await client.post(path, json=added))["permissions"]
        assert [each["roleName"] for each in answer] == ["Unify and Engage Admin", "Source Read-only"]
        labelled = {**everything, "labels": [{"key": "team", "value": "growth"}]}
        await client.post(path, json={"permissions": [{"roleId": READ_ONLY, "resources": [labelled]}]})
        replaced = {"permissions": [{"roleId": SOURCE_ADMIN, "resources": [labelled]}]}
        answer = data(await client.put(path, json=replaced))["permissions"]
        assert answer == [{"roleId": SOURCE_ADMIN, "roleName": "Source Admin", "resources": [labelled]}]
        assert data(await client.get(f"/groups/{GROWTH}"))["userGroup"]["permissions"] == answer
        assert await trail(client) == [
            ("Policy Created", "user_group", "Growth"),
            ("User Group Policy Updated", "user_group", "Growth"),
            ("Policy Deleted", "user_group", "Growth"),
            ("Policy Deleted", "user_group", "Growth"),
        ]

    @pytest.mark.parametrize("method", ["POST", "PUT"])
    async def test_must_name_what_there_is(self, client: httpx2.AsyncClient, method: str) -> None:
        body = {"permissions": [{"roleId": "unknown", "resources": []}]}
        answer = await client.request(method, f"/groups/{GROWTH}/permissions", json=body)
        assert refused(answer) == (422, ["permissions.0.roleId", "permissions.0.resources"])
