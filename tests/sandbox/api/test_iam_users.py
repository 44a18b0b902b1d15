"""Users, their permissions and invitations in the sandbox. Each answer is also held against the reference."""

from typing import Any

import httpx2
import pytest

from tests.sandbox.api.asking import data, refused, trail

WORKSPACE = "PxklHl0o5vLl9MDBHDeoij"
ANA, BEN, CHIARA = "bO9Boiy9wEAra0KbhWVED4", "oHYYY6k5Yiccu1W3SG0Zbo", "Am5aOK7fi581zf8sqGlke3"
OWNER, SOURCE_ADMIN, READ_ONLY = (
    "1WDUuRLxv84rrfCNUwvkrRtkxnS",
    "jGtLthhNCBjNZOslzTt3c0YQGsm",
    "EiekvgHVR5sara6757LyS4Asx4o",
)
WEBSITE, IOS, BACKEND = "GFIYTOxHfOu2H5ySDDAXac", "mUKOhdxnZrEGXQugaGCxWZ", "EOxa2ax67HUhmSOZPCLWRL"
GROWTH = "HbPlP87lLANc4eguboFM4i"
EVERYTHING = {"id": WORKSPACE, "type": "WORKSPACE"}


def on(*resources: dict[str, Any], role: str = READ_ONLY) -> dict[str, Any]:
    return {"roleId": role, "resources": list(resources)}


def source(source_id: str) -> dict[str, Any]:
    return {"id": source_id, "type": "SOURCE"}


async def held(client: httpx2.AsyncClient, user_id: str) -> list[tuple[str, list[str]]]:
    """Role names with the IDs of their resources."""
    permissions = data(await client.get(f"/users/{user_id}"))["user"]["permissions"]
    return [(each["roleName"], [resource["id"] for resource in each["resources"]]) for each in permissions]


async def emails(client: httpx2.AsyncClient) -> list[str]:
    return [each["email"] for each in data(await client.get("/users"))["users"]]


class TestUsers:
    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("GET", "/users/unknown"),
            ("GET", "/users/unknown/groups"),
            ("POST", "/users/unknown/permissions"),
            ("PUT", "/users/unknown/permissions"),
            ("DELETE", "/users?userIds.0=unknown"),
            ("DELETE", "/invites?emails.0=nobody@shop.example"),
            ("DELETE", "/invites?emails.0=ana@shop.example"),
        ],
    )
    async def test_that_do_not_exist_are_404(self, client: httpx2.AsyncClient, method: str, path: str) -> None:
        body: Any = {"permissions": []} if method in {"POST", "PUT"} else None
        assert (await client.request(method, path, json=body)).status_code == 404

    async def test_come_in_pages(self, client: httpx2.AsyncClient) -> None:
        first = data(await client.get("/users?pagination.count=4"))
        rest = data(await client.get("/users", params={"pagination.cursor": first["pagination"]["next"]}))
        assert [each["email"] for each in first["users"] + rest["users"]] == await emails(client)
        assert "next" not in rest["pagination"]
        assert len(await emails(client)) == 6

    async def test_hold_roles_that_exist(self, client: httpx2.AsyncClient) -> None:
        roles = {each["id"]: each["name"] for each in data(await client.get("/roles"))["roles"]}
        assert {"Workspace Owner", "Source Admin", "Source Read-only"} <= set(roles.values())
        for user in data(await client.get("/users"))["users"]:
            assert data(await client.get(f"/users/{user['id']}"))["user"] == user
            for permission in user["permissions"]:
                assert permission["roleName"] == roles[permission["roleId"]]

    async def test_leave_with_their_group_memberships(self, client: httpx2.AsyncClient) -> None:
        query = {"userIds.0": CHIARA, "userIds.1": ANA, "userIds.2": CHIARA}
        assert data(await client.delete("/users", params=query)) == {"status": "SUCCESS"}
        assert (await client.get(f"/users/{CHIARA}")).status_code == 404
        assert len(await emails(client)) == 4
        group = data(await client.get(f"/groups/{GROWTH}"))["userGroup"]
        members = data(await client.get(f"/groups/{GROWTH}/users"))["users"]
        assert (group["memberCount"], [each["email"] for each in members]) == (2, ["farid@shop.example"])
        assert await trail(client) == [("Group Memberships Deleted", "user", "Chiara Rossi")]

    async def test_leave_all_or_none(self, client: httpx2.AsyncClient) -> None:
        before = await emails(client)
        answer = await client.delete("/users", params={"userIds.0": ANA, "userIds.1": "unknown"})
        assert answer.status_code == 404
        assert refused(await client.delete("/users")) == (422, ["userIds"])
        assert await emails(client) == before

    async def test_know_their_groups(self, client: httpx2.AsyncClient) -> None:
        groups = data(await client.get(f"/users/{CHIARA}/groups"))["groups"]
        assert groups == [{"id": GROWTH, "name": "Growth"}]
        assert data(await client.get(f"/users/{ANA}/groups"))["groups"] == []


class TestPermissions:
    @pytest.mark.parametrize("method", ["POST", "PUT"])
    @pytest.mark.parametrize(
        ("permission", "field"),
        [
            (on(EVERYTHING, role="unknown"), "permissions.1.roleId"),
            (on(), "permissions.1.resources"),
            (on(source("unknown")), "permissions.1.resources.0.id"),
            (on(EVERYTHING, {"id": "other", "type": "WORKSPACE"}), "permissions.1.resources.1.id"),
            (on({"id": WEBSITE, "type": "WAREHOUSE"}), "permissions.1.resources.0.id"),
            (on({"id": "unknown", "type": "SPACE"}), "permissions.1.resources.0.id"),
            (on({"id": "unknown", "type": "FUNCTION"}), "permissions.1.resources.0.id"),
            (
                on({**source(WEBSITE), "labels": [{"key": "team", "value": "growth"}]}),
                "permissions.1.resources.0.labels",
            ),
            (
                on({**EVERYTHING, "labels": [{"key": "team", "value": "none"}]}),
                "permissions.1.resources.0.labels.0",
            ),
        ],
    )
    async def test_must_name_what_there_is(
        self, client: httpx2.AsyncClient, method: str, permission: dict[str, Any], field: str
    ) -> None:
        before = await held(client, BEN)
        body = {"permissions": [on(EVERYTHING), permission]}
        assert refused(await client.request(method, f"/users/{BEN}/permissions", json=body)) == (422, [field])
        assert await held(client, BEN) == before
        assert await trail(client) == []

    async def test_are_added_to_those_that_are_there(self, client: httpx2.AsyncClient) -> None:
        body = {"permissions": [on(source(WEBSITE), source(BACKEND), role=SOURCE_ADMIN), on(EVERYTHING)]}
        answer = data(await client.post(f"/users/{BEN}/permissions", json=body))["permissions"]
        expected = [
            ("Source Admin", [WEBSITE, IOS, BACKEND]),
            ("Tracking Plan Admin", [WORKSPACE]),
            ("Source Read-only", [WORKSPACE]),
        ]
        assert await held(client, BEN) == expected
        assert [each["roleName"] for each in answer] == [name for name, _ in expected]
        noted = [("User Policy Updated", "user", "Ben Okafor"), ("Policy Created", "user", "Ben Okafor")]
        assert await trail(client) == noted
        await client.post(f"/users/{BEN}/permissions", json=body)
        assert (await held(client, BEN), await trail(client)) == (expected, noted)

    async def test_take_the_place_of_all_others(self, client: httpx2.AsyncClient) -> None:
        body = {"permissions": [on(source(WEBSITE), source(IOS), role=SOURCE_ADMIN)]}
        answer = data(await client.put(f"/users/{BEN}/permissions", json=body))["permissions"]
        assert await held(client, BEN) == [("Source Admin", [WEBSITE, IOS])]
        assert answer == data(await client.get(f"/users/{BEN}"))["user"]["permissions"]
        assert await trail(client) == [("Policy Deleted", "user", "Ben Okafor")]
        assert data(await client.put(f"/users/{BEN}/permissions", json={"permissions": []})) == {"permissions": []}
        assert await held(client, BEN) == []

    async def test_can_be_written_back_as_they_were_read(self, client: httpx2.AsyncClient) -> None:
        for user in data(await client.get("/users"))["users"]:
            body = {"permissions": user["permissions"]}
            answer = data(await client.put(f"/users/{user['id']}/permissions", json=body))
            assert answer["permissions"] == user["permissions"]
        assert await trail(client) == []

    async def test_reach_every_kind_of_resource(self, client: httpx2.AsyncClient) -> None:
        resources = [
            EVERYTHING,
            source(WEBSITE),
            {"type": "WAREHOUSE", "id": data(await client.get("/warehouses"))["warehouses"][0]["id"]},
            {"type": "SPACE", "id": data(await client.get("/spaces"))["spaces"][0]["id"]},
            {
                "type": "FUNCTION",
                "id": data(await client.get("/functions?resourceType=SOURCE"))["functions"][0]["id"],
            },
        ]
        body = {"permissions": [on(*resources, role=OWNER)]}
        await client.put(f"/users/{BEN}/permissions", json=body)
        assert await held(client, BEN) == [("Workspace Owner", [each["id"] for each in resources])]

    async def test_forget_what_was_deleted(self, client: httpx2.AsyncClient) -> None:
        await client.delete(f"/sources/{IOS}")
        assert (await held(client, BEN))[0] == ("Source Admin", [WEBSITE])
        await client.delete(f"/sources/{WEBSITE}")
        assert [name for name, _ in await held(client, BEN)] == ["Tracking Plan Admin"]


class TestInvites:
    @pytest.mark.parametrize(
        ("invites", "status", "field"),
        [
            ([{"email": "ana@shop.example"}], 409, "invites.0.email"),
            ([{"email": "new@shop.example"}, {"email": "Grace@Shop.example"}], 409, "invites.1.email"),
            ([{"email": "new@shop.example"}, {"email": "New@shop.example"}], 409, "invites.1.email"),
            ([{"email": "new@shop.example"}, {"email": "nobody"}], 422, "invites.1.email"),
            (
                [{"email": "new@shop.example", "permissions": [{"roleId": "unknown"}]}],
                422,
                "invites.0.permissions.0.roleId",
            ),
            (
                [{"email": "new@shop.example", "permissions": [on(source("unknown"))]}],
                422,
                "invites.0.permissions.0.resources.0.id",
            ),
        ],
    )
    async def test_are_sent_all_or_none(
        self, client: httpx2.AsyncClient, invites: list[dict[str, Any]], status: int, field: str
    ) -> None:
        before = data(await client.get("/invites"))
        assert refused(await client.post("/invites", json={"invites": invites})) == (status, [field])
        assert data(await client.get("/invites")) == before
        assert await trail(client) == []

    async def test_are_sent_and_taken_back(self, client: httpx2.AsyncClient) -> None:
        labelled = {"roleId": READ_ONLY, "labels": [{"key": "team", "value": "growth"}]}
        body = {
            "invites": [
                {"email": "iris@shop.example", "permissions": [{"roleId": OWNER}, labelled, on(source(WEBSITE))]},
                {"email": "jon@shop.example"},
            ]
        }
        sent = await client.post("/invites", json=body)
        assert (sent.status_code, data(sent)) == (201, {"emails": ["iris@shop.example", "jon@shop.example"]})
        before = ["grace@shop.example", "henry@agency.example"]
        assert data(await client.get("/invites"))["invites"] == [*before, "iris@shop.example", "jon@shop.example"]
        assert "iris@shop.example" not in await emails(client)
        query = {"emails.0": "IRIS@shop.example", "emails.1": "jon@shop.example", "emails.2": "iris@shop.example"}
        assert data(await client.delete("/invites", params=query)) == {"status": "SUCCESS"}
        assert data(await client.get("/invites"))["invites"] == before
        assert [type_ for type_, _, _ in await trail(client)] == [
            "Non-Segment User Invited to Workspace",
            "Policy Created",
            "Policy Created",
            "Non-Segment User Invited to Workspace",
            "Invite Deleted",
            "Invite Deleted",
        ]

    async def test_are_taken_back_with_their_group_memberships(self, client: httpx2.AsyncClient) -> None:
        partly = {"emails.0": "grace@shop.example", "emails.1": "unknown@shop.example"}
        assert (await client.delete("/invites", params=partly)).status_code == 404
        assert data(await client.get(f"/groups/{GROWTH}/invites"))["emails"] == ["grace@shop.example"]
        assert data(await client.delete("/invites?emails.0=grace@shop.example")) == {"status": "SUCCESS"}
        assert data(await client.get(f"/groups/{GROWTH}/invites"))["emails"] == []
        assert data(await client.get(f"/groups/{GROWTH}"))["userGroup"]["memberCount"] == 2
        assert [type_ for type_, _, _ in await trail(client)] == ["Invite Deleted", "Group Memberships Deleted"]

    async def test_come_in_pages(self, client: httpx2.AsyncClient) -> None:
        first = data(await client.get("/invites?pagination.count=1"))
        assert (first["invites"], first["pagination"]["totalEntries"]) == (["grace@shop.example"], 2)
