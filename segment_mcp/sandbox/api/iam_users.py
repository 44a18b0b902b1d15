"""Users of the workspace, their permissions, and invitations."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from segment_mcp.sandbox import refusals
from segment_mcp.sandbox.api import permissions
from segment_mcp.sandbox.api.frame import Call, Data, Handler, State, page
from segment_mcp.sandbox.people import Invite, User, is_email, key_of

USER = "user"
INVITE = "invite"


def _list_users(state: State, call: Call) -> Data:
    return page("users", [_answer(state, user) for user in state.people.users.values()], call)


def _get_user(state: State, call: Call) -> Data:
    return {"user": _answer(state, _user(state, call.arguments["userId"]))}


def _delete_users(state: State, call: Call) -> Data:
    """Remove users with their group memberships. An unknown ID is 404, and then nobody is removed."""
    for user in [_user(state, user_id) for user_id in dict.fromkeys(call.arguments["userIds"])]:
        if state.people.groups_of(user.email):
            call.note("Group Memberships Deleted", USER, user.id, user.name)
        state.people.delete_user(user)
    return {"status": "SUCCESS"}


def _list_groups(state: State, call: Call) -> Data:
    user = _user(state, call.arguments["userId"])
    return page("groups", [{"id": each.id, "name": each.name} for each in state.people.groups_of(user.email)], call)


def _add_permissions(state: State, call: Call) -> Data:
    """Add permissions, and answer all that the user now has: "the new permissions" can be read either way."""
    user = _user(state, call.arguments["userId"])
    added = permissions.added(state, call, user, USER, "User Policy Updated")
    state.people.users[user.id] = replace(user, permissions=added)
    return {"permissions": permissions.answer(state, added)}


def _replace_permissions(state: State, call: Call) -> Data:
    user = _user(state, call.arguments["userId"])
    replaced = permissions.replaced(state, call, user, USER)
    state.people.users[user.id] = replace(user, permissions=replaced)
    return {"permissions": permissions.answer(state, replaced)}


def _list_invites(state: State, call: Call) -> Data:
    return page("invites", [each.email for each in state.people.invites.values()], call)


def _create_invites(state: State, call: Call) -> Data:
    """Invite people, all or none. Somebody who is a user, or was invited, is 409, and so is one named twice.

    A permission that names no resources is for the whole workspace, as far as its labels reach. Nobody whom the
    sandbox invites is known to Segment, and nobody ever joins.
    """
    given = call.body["invites"]
    wrong = [index for index, each in enumerate(given) if not is_email(each["email"])]
    if wrong:
        raise refusals.invalid(refusals.problem(f"invites.{index}.email", "must be a valid email") for index in wrong)
    known = {*state.people.by_key(), *state.people.invites}
    for index, each in enumerate(given):
        if key_of(each["email"]) in known:
            raise refusals.conflict(f'"{each["email"]}" is a user or invited already', f"invites.{index}.email")
        known.add(key_of(each["email"]))
    for invite in list(_invites(state, given)):
        state.people.invites[key_of(invite.email)] = invite
        call.note("Non-Segment User Invited to Workspace", INVITE, invite.email, invite.email)
        for _ in invite.permissions:
            call.note("Policy Created", INVITE, invite.email, invite.email)
    return {"emails": [each["email"] for each in given]}


def _invites(state: State, given: list[Any]) -> Iterator[Invite]:
    workspace = {"id": state.workspace.info["id"], "type": "WORKSPACE"}
    for index, each in enumerate(given):
        asked = [
            {
                "roleId": permission["roleId"],
                "resources": [
                    {**resource, "labels": permission.get("labels", ())}
                    for resource in permission.get("resources") or [workspace]
                ],
            }
            for permission in each.get("permissions", ())
        ]
        yield Invite(each["email"], permissions.granted(state, asked, f"invites.{index}.permissions"))


def _delete_invites(state: State, call: Call) -> Data:
    """Take invitations back, with their group memberships. An unknown one is 404, and then none is taken back."""
    keys = list(dict.fromkeys(key_of(email) for email in call.arguments["emails"]))
    if not all(key in state.people.invites for key in keys):
        raise refusals.not_found("Invite")
    for invite in [state.people.invites[key] for key in keys]:
        call.note("Invite Deleted", INVITE, invite.email, invite.email)
        if state.people.groups_of(invite.email):
            call.note("Group Memberships Deleted", INVITE, invite.email, invite.email)
        state.people.delete_invite(invite)
    return {"status": "SUCCESS"}


def _user(state: State, user_id: str) -> User:
    found = state.people.users.get(user_id)
    if found is None:
        raise refusals.not_found("User")
    return found


def _answer(state: State, user: User) -> Data:
    held = permissions.answer(state, user.permissions)
    return {"id": user.id, "name": user.name, "email": user.email, "permissions": held}


HANDLERS: Mapping[str, Handler] = MappingProxyType(
    {
        "listUsers": _list_users,
        "getUser": _get_user,
        "deleteUsers": _delete_users,
        "listUserGroupsFromUser": _list_groups,
        "addPermissionsToUser": _add_permissions,
        "replacePermissionsForUser": _replace_permissions,
        "listInvites": _list_invites,
        "createInvites": _create_invites,
        "deleteInvites": _delete_invites,
    }
)
