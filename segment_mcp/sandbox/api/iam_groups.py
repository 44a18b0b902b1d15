"""User groups: people with the same permissions."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from segment_mcp.sandbox import refusals
from segment_mcp.sandbox.api import permissions
from segment_mcp.sandbox.api.frame import Call, Data, Handler, State, page
from segment_mcp.sandbox.people import Group, key_of

USER_GROUP = "user_group"
USER = "user"


def _list_groups(state: State, call: Call) -> Data:
    return page("userGroups", [_answer(state, group) for group in state.people.groups.values()], call)


def _create_group(state: State, call: Call) -> Data:
    """Add a group without members or permissions. No two groups have the same name: 409."""
    group = Group(state.new_id(), _free_name(state, call, None), (), ())
    state.people.groups[group.id] = group
    call.note("User Group Created", USER_GROUP, group.id, group.name)
    return {"userGroup": _answer(state, group)}


def _get_group(state: State, call: Call) -> Data:
    return {"userGroup": _answer(state, _group(state, call))}


def _update_group(state: State, call: Call) -> Data:
    group = _group(state, call)
    changed = replace(group, name=_free_name(state, call, group))
    state.people.groups[group.id] = changed
    if changed != group:
        call.note("User Group Updated", USER_GROUP, changed.id, changed.name)
    return {"userGroup": _answer(state, changed)}


def _delete_group(state: State, call: Call) -> Data:
    """Remove a group. Its members stay, with what they have besides."""
    group = _group(state, call)
    del state.people.groups[group.id]
    call.note("User Group Deleted", USER_GROUP, group.id, group.name)
    return {"status": "SUCCESS"}


def _list_users(state: State, call: Call) -> Data:
    users = state.people.by_key()
    found = [users[member] for member in _group(state, call).members if member in users]
    return page("users", [{"id": each.id, "name": each.name, "email": each.email} for each in found], call)


def _list_invites(state: State, call: Call) -> Data:
    invites = state.people.invites
    return page("emails", [invites[each].email for each in _group(state, call).members if each in invites], call)


def _add_users(state: State, call: Call) -> Data:
    """Add users and people who are invited; anybody else is 422, and then nobody is added."""
    group = _group(state, call)
    return _change_members(state, call, group, (*group.members, *_known(state, call.body["emails"])))


def _replace_users(state: State, call: Call) -> Data:
    """Make users and people who are invited the only members; anybody else is 422, and then nothing changes."""
    return _change_members(state, call, _group(state, call), _known(state, call.body["emails"]))


def _remove_users(state: State, call: Call) -> Data:
    """Remove members, invited ones included. Somebody who is none is 404, and then nobody is removed."""
    group = _group(state, call)
    gone = {key_of(email) for email in call.arguments["emails"]}
    if not gone <= set(group.members):
        raise refusals.not_found("Member")
    users = state.people.by_key()
    left = tuple(member for member in group.members if member not in gone)
    state.people.groups[group.id] = replace(group, members=left)
    call.note("Group Memberships Deleted", USER_GROUP, group.id, group.name)
    for user in [users[member] for member in group.members if member in gone and member in users]:
        call.note("User Removed From User Group", USER, user.id, user.name)
    return {"status": "SUCCESS"}


def _add_permissions(state: State, call: Call) -> Data:
    group = _group(state, call)
    added = permissions.added(state, call, group, USER_GROUP, "User Group Policy Updated")
    state.people.groups[group.id] = replace(group, permissions=added)
    return {"permissions": permissions.answer(state, added)}


def _replace_permissions(state: State, call: Call) -> Data:
    group = _group(state, call)
    replaced = permissions.replaced(state, call, group, USER_GROUP)
    state.people.groups[group.id] = replace(group, permissions=replaced)
    return {"permissions": permissions.answer(state, replaced)}


def _change_members(state: State, call: Call, group: Group, members: Sequence[str]) -> Data:
    changed = replace(group, members=tuple(dict.fromkeys(members)))
    users = state.people.by_key()
    added = [member for member in changed.members if member not in group.members]
    if added:
        call.note("Subjects Added to Group", USER_GROUP, group.id, group.name)
    for user in [users[member] for member in added if member in users]:
        call.note("User Added To User Group", USER, user.id, user.name)
    if not set(group.members) <= set(changed.members):
        call.note("Group Memberships Deleted", USER_GROUP, group.id, group.name)
    state.people.groups[group.id] = changed
    return {"userGroup": _answer(state, changed)}


def _known(state: State, emails: Sequence[str]) -> list[str]:
    known = {*state.people.by_key(), *state.people.invites}
    unknown = [index for index, email in enumerate(emails) if key_of(email) not in known]
    if unknown:
        raise refusals.invalid(
            refusals.problem(f"emails.{index}", "belongs to no user and no invite") for index in unknown
        )
    return [key_of(email) for email in emails]


def _group(state: State, call: Call) -> Group:
    found = state.people.groups.get(call.arguments["userGroupId"])
    if found is None:
        raise refusals.not_found("User group")
    return found


def _free_name(state: State, call: Call, owner: Group | None) -> str:
    name: str = call.body["name"]
    if not name:
        raise refusals.invalid([refusals.problem("name", "is not allowed to be empty")])
    if any(each.name == name for each in state.people.groups.values() if each is not owner):
        raise refusals.conflict(f'A user group with the name "{name}" already exists', "name")
    return name


def _answer(state: State, group: Group) -> Data:
    """The group as the Public API shows it. Invited people count as members: they are added and removed as such."""
    held = permissions.answer(state, group.permissions)
    return {"id": group.id, "name": group.name, "memberCount": len(group.members), "permissions": held}


HANDLERS: Mapping[str, Handler] = MappingProxyType(
    {
        "listUserGroups": _list_groups,
        "createUserGroup": _create_group,
        "getUserGroup": _get_group,
        "updateUserGroup": _update_group,
        "deleteUserGroup": _delete_group,
        "listUsersFromUserGroup": _list_users,
        "listInvitesFromUserGroup": _list_invites,
        "addUsersToUserGroup": _add_users,
        "replaceUsersInUserGroup": _replace_users,
        "removeUsersFromUserGroup": _remove_users,
        "addPermissionsToUserGroup": _add_permissions,
        "replacePermissionsForUserGroup": _replace_permissions,
    }
)
