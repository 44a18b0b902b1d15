"""Users, invitations, groups and permissions; and the regulations that delete or suppress people's data."""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from segment_mcp.consent import diffs
from segment_mcp.consent.families.connections import DESTINATIONS_OF_SOURCE, SOURCE, label_of, of_source
from segment_mcp.consent.families.showing import described, phrase
from segment_mcp.consent.preview import phrase_of
from segment_mcp.consent.reading import Arguments, Part, Reader, Recipe, Show, Sight, Step, Thing
from segment_mcp.consent.steps import absent, beside, every, maybe, name_of, names, one, one_of
from segment_mcp.ports import Data

WORKSPACE = one("getWorkspace", "workspace")
USER = one("getUser", "user")
GROUP = one("getUserGroup", "userGroup")
ROLES = maybe("roles", every("roles", "listRoles"))
MEMBERS = every("members", "listUsersFromUserGroup")
INVITED = every("invited members", "listInvitesFromUserGroup")
INVITES = every("invites", "listInvites")
USERS = every("users", "listUsers")

OWNER = "Workspace Owner"
"""The role that can do everything, by Segment's name."""
MOST_LOOKED_UP = 10
"""People, or resources, that are looked up one by one."""

_RESOURCES = {
    "SOURCE": ("getSource", "sourceId", "source"),
    "WAREHOUSE": ("getWarehouse", "warehouseId", "warehouse"),
    "SPACE": ("getSpace", "spaceId", "space"),
    "FUNCTION": ("getFunction", "functionId", "function"),
}
_SUBJECTS = {"USER_ID": "user", "ANONYMOUS_ID": "anonymous user", "OBJECT_ID": "object"}
_ALSO_IN_DESTINATIONS = frozenset({"DELETE_ONLY", "SUPPRESS_WITH_DELETE"})
"""Regulations that Segment passes on; it counts all others as its own alone (Public API 73.2.0, rate limits)."""


def person(user: Mapping[str, Any]) -> str:
    """`Name (email)`."""
    email = user.get("email")
    return f"{name_of(user)} ({email})" if email and email != name_of(user) else name_of(user)


def grants(permissions: Iterable[Mapping[str, Any]], roles: Iterable[Mapping[str, Any]] | None) -> diffs.Entries:
    """Every role on every resource, by `Source Admin on SOURCE <id>`."""
    called = {role.get("id"): role.get("name") for role in roles or ()}
    found: dict[Any, tuple[str, Any]] = {}
    for permission in permissions:
        role = permission.get("roleId")
        name = permission.get("roleName") or called.get(role) or f"role {role}"
        for resource in permission.get("resources") or [{"type": "WORKSPACE"}]:
            labels = sorted(map(label_of, resource.get("labels") or permission.get("labels") or ()))
            limited = f" with {', '.join(labels)}" if labels else ""
            key = (role, resource.get("type"), resource.get("id"), *labels)
            found[key] = (f"{name} on {_resource(resource)}{limited}", None)
    return found


def _resource(resource: Mapping[str, Any]) -> str:
    kind, id_ = str(resource.get("type")).lower(), resource.get("id")
    return "the workspace" if kind == "workspace" else f"{kind} {id_}"


def granted(permissions: Iterable[Mapping[str, Any]], roles: Iterable[Mapping[str, Any]] | None = None) -> list[str]:
    """The names of `grants`."""
    return sorted(name for name, _ in grants(permissions, roles).values())


def _permissions(heading: str) -> Show:
    def show(thing: Thing, arguments: Arguments) -> Sight:
        before = grants(thing.get("permissions") or (), thing["roles"])
        after = grants(arguments["permissions"], thing["roles"] or _roles_of(thing))
        diff = diffs.lists(before, after)
        return Sight(
            phrase(thing, heading),
            {
                **diffs.warning(len(before), len(after), len(diff.removed), "permission"),
                heading: described(thing, "email", "memberCount"),
                "permissions": diff.shown(),
            },
            removes=len(diff.removed),
            basis=sorted(map(str, before)),
        )

    return show


def _roles_of(thing: Thing) -> list[Data]:
    """The roles that a thing's own permissions name."""
    return [{"id": each.get("roleId"), "name": each.get("roleName")} for each in thing.get("permissions") or ()]


async def _resource_names(reader: Reader, thing: Thing) -> Part:
    """What the sources, warehouses, spaces and functions are called that permissions name."""
    ids = sorted(
        {
            (resource["type"], resource["id"])
            for permission in [*(thing.get("permissions") or ()), *reader.arguments["permissions"]]
            for resource in permission.get("resources") or ()
            if resource.get("type") in _RESOURCES
        }
    )
    if len(ids) > MOST_LOOKED_UP:
        reader.gaps["names of the resources"] = f"too_many ({len(ids)} of them)"
        return Part()

    async def read(kind: str, id_: str) -> str:
        operation, argument, member = _RESOURCES[kind]
        return f"{kind.lower()} {id_}: {name_of(await one_of(reader, operation, member, {argument: id_}))}"

    found_ = await reader.together([partial(read, kind, id_) for kind, id_ in ids])
    return Part({"resources": diffs.listing(found_)}) if found_ else Part()


RESOURCE_NAMES = Step("names of the resources", _resource_names)


def _members(group: Thing) -> dict[str, tuple[str, Any]]:
    """Those in a group and those invited to it, by their email address in small letters."""
    users = {str(user.get("email")).lower(): (person(user), None) for user in group["members"]}
    return {**{str(email).lower(): (f"{email} (invited)", None) for email in group["invited"]}, **users}


def _new_members(group: Thing, arguments: Arguments) -> Sight:
    before = _members(group)
    after = {email.lower(): (email, None) for email in arguments["emails"]}
    diff = diffs.lists(before, after)
    return Sight(
        phrase(group, "group"),
        {
            **diffs.warning(len(before), len(after), len(diff.removed), "member"),
            **_group_facts(group),
            "members": diff.shown(),
        },
        removes=len(diff.removed),
        basis=sorted(before),
    )


def _group(group: Thing, _: Arguments) -> Sight:
    members = sorted(name for name, _ in _members(group).values())
    return Sight(phrase(group, "group"), {**_group_facts(group), "members": diffs.listing(members)}, basis=members)


def _group_facts(group: Thing) -> Data:
    permissions = diffs.listing(granted(group.get("permissions") or ()))
    return {"group": described(group), "permissions": permissions}


async def _group_and_leavers(reader: Reader) -> Data:
    group = await _GROUP_AND_MEMBERS(reader)
    _all_known("emails", reader, set(_members(group)), {"members", "invited members"}, "is not in the group")
    return group


def _leavers(group: Thing, arguments: Arguments) -> Sight:
    members = _members(group)
    leaving = dict.fromkeys(email.lower() for email in arguments["emails"])
    shown = [members.get(email, (email, None))[0] for email in leaving]
    return Sight(
        phrase_of(next(iter(leaving), ""), "member") if len(leaving) == 1 else diffs.counted(len(leaving), "member"),
        {
            **_group_facts(group),
            "leaving": diffs.listing(shown),
            "membersLeft": len(members.keys() - leaving.keys()),
        },
        basis=sorted(members),
    )


def _all_known(argument: str, reader: Reader, known: set[str], lists: set[str], message: str) -> None:
    """Refuse what is not there, unless a list could not be read to its end.

    Raises:
        InvalidArguments: names the first.
    """
    if lists & reader.gaps.keys():
        return
    for index, value in enumerate(reader.arguments[argument]):
        if value.lower() not in known:
            raise absent(f"{argument}.{index}", message)


_GROUP_AND_MEMBERS = beside(GROUP, members=MEMBERS, invited=INVITED)


async def _users(reader: Reader) -> Data:
    users = await USERS(reader)
    by_id = {user.get("id"): user for user in users}
    wanted = list(dict.fromkeys(reader.arguments["userIds"]))
    if "users" not in reader.gaps:
        for index, user_id in enumerate(reader.arguments["userIds"]):
            if user_id not in by_id:
                raise absent(f"userIds.{index}", "is no user of the workspace")
    leaving = [by_id.get(user_id, {"id": user_id}) for user_id in wanted]
    return {"leaving": leaving, "staying": [user for user in users if user.get("id") not in wanted]}


def _deleted_users(found_: Thing, _: Arguments) -> Sight:
    leaving: Sequence[Data] = found_["leaving"]
    facts: Data = {
        "users": diffs.listing(map(person, leaving)),
        "permissions": diffs.listing(
            f"{person(user)}: {grant}" for user in leaving for grant in granted(user.get("permissions") or ())
        ),
    }
    if any(map(_owns, leaving)) and not any(map(_owns, found_["staying"])):
        facts = {"warning": f"No user would be left with the role {OWNER} of their own.", **facts}
    name = phrase(leaving[0], "user") if len(leaving) == 1 else diffs.counted(len(leaving), "user")
    return Sight(name, facts, basis=sorted(str(user.get("id")) for user in leaving))


def _owns(user: Mapping[str, Any]) -> bool:
    return any(permission.get("roleName") == OWNER for permission in user.get("permissions") or ())


async def _groups_of_leavers(reader: Reader, found_: Thing) -> Part:
    leaving = found_["leaving"]
    if len(leaving) > MOST_LOOKED_UP:
        reader.gaps["groups"] = f"too_many ({len(leaving)} users)"
        return Part()

    async def read(user: Data) -> list[Any]:
        return await reader.whole("groups", "listUserGroupsFromUser", {"userId": user["id"]})

    groups = await reader.together([partial(read, user) for user in leaving])
    pairs = [(user, group) for user, listed in zip(leaving, groups, strict=True) for group in listed]
    return Part({"groups": diffs.listing(f"{name_of(group)}: {person(user)}" for user, group in pairs)})


def _new_invites(workspace: Thing, arguments: Arguments) -> Sight:
    invites = arguments["invites"]
    roles = workspace["roles"]
    shown = {invite["email"]: granted(invite.get("permissions") or (), roles) for invite in invites}
    emails = {str(email).lower() for email in shown}
    here = {str(user.get("email")).lower() for user in workspace["users"] or ()}
    asked = {str(email).lower() for email in workspace["invites"] or ()}
    return Sight(
        phrase_of(invites[0]["email"], "invite") if len(shown) == 1 else diffs.counted(len(shown), "invite"),
        {
            "workspace": described(workspace),
            "invited": diffs.listing(shown),
            "permissions": diffs.listing(f"{email}: {grant}" for email, grants_ in shown.items() for grant in grants_),
            "areUsersAlready": diffs.listing(emails & here),
            "areInvitedAlready": diffs.listing(emails & asked),
        },
    )


async def _withdrawn(reader: Reader) -> Data:
    invites = await INVITES(reader)
    _all_known("emails", reader, {str(email).lower() for email in invites}, {"invites"}, "was not invited")
    return {}


def _lost_invites(_: Thing, arguments: Arguments) -> Sight:
    emails = list(dict.fromkeys(arguments["emails"]))
    return Sight(
        phrase_of(emails[0], "invite") if len(emails) == 1 else diffs.counted(len(emails), "invite"),
        {"invites": diffs.listing(emails)},
    )


def _regulation(heading: str) -> Show:
    def show(thing: Thing, arguments: Arguments) -> Sight:
        kind, subjects = str(arguments["regulationType"]), list(dict.fromkeys(arguments["subjectIds"]))
        noun = _SUBJECTS.get(str(arguments["subjectType"]), "subject")
        where = of_source()(thing, {}).facts if heading == "source" else {heading: described(thing)}
        facts: Data = {
            "regulationType": kind,
            "subjectType": arguments["subjectType"],
            "subjects": diffs.listing(subjects),
            "deletes": "DELETE" in kind,
            "suppresses": kind.startswith("SUPPRESS"),
            "passedOnToDestinations": kind in _ALSO_IN_DESTINATIONS,
            **where,
        }
        if "collection" in arguments:
            facts["collection"] = arguments["collection"]
        return Sight(f"{kind} {diffs.counted(len(subjects), noun)}", facts)

    return show


RECIPES: Mapping[str, Recipe] = {
    "createInvites": Recipe(
        beside(WORKSPACE, roles=ROLES, users=maybe("users", USERS), invites=maybe("invites", INVITES)), _new_invites
    ),
    "deleteInvites": Recipe(_withdrawn, _lost_invites),
    "deleteUsers": Recipe(_users, _deleted_users, Step("groups", _groups_of_leavers)),
    "replacePermissionsForUser": Recipe(
        beside(USER, roles=ROLES),
        _permissions("user"),
        names("groups", "listUserGroupsFromUser"),
        RESOURCE_NAMES,
    ),
    "replaceUsersInUserGroup": Recipe(_GROUP_AND_MEMBERS, _new_members),
    "removeUsersFromUserGroup": Recipe(_group_and_leavers, _leavers),
    "deleteUserGroup": Recipe(_GROUP_AND_MEMBERS, _group),
    "replacePermissionsForUserGroup": Recipe(
        beside(GROUP, roles=ROLES),
        _permissions("group"),
        names("members", "listUsersFromUserGroup", label=person),
        RESOURCE_NAMES,
    ),
    "createWorkspaceRegulation": Recipe(
        WORKSPACE, _regulation("workspace"), names("sources", "listSources"), names("destinations", "listDestinations")
    ),
    "createSourceRegulation": Recipe(SOURCE, _regulation("source"), DESTINATIONS_OF_SOURCE),
    "createCloudSourceRegulation": Recipe(SOURCE, _regulation("source"), DESTINATIONS_OF_SOURCE),
}
