"""Who may do what in the workspace: users, invitations, user groups and roles; and how they change.

Entries are frozen and replaced as a whole. An email address means the same person however its letters are cased.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from importlib.resources import files
from typing import Any

from segment_mcp.sandbox.workspace import LabelKey

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")


@dataclass(frozen=True, slots=True)
class Resource:
    """What a permission reaches.

    Attributes:
        type: `WORKSPACE`, `SOURCE`, `WAREHOUSE`, `SPACE` or `FUNCTION`.
        labels: of a workspace: the only labels whose sources and spaces are meant; without any, all are.
    """

    id: str
    type: str
    labels: tuple[LabelKey, ...] = ()


@dataclass(frozen=True, slots=True)
class Permission:
    """A role, and what it is given for."""

    role_id: str
    resources: tuple[Resource, ...]


@dataclass(frozen=True, slots=True)
class User:
    """Somebody with access to the workspace, and what they have besides their groups' permissions."""

    id: str
    name: str
    email: str
    permissions: tuple[Permission, ...]


@dataclass(frozen=True, slots=True)
class Invite:
    """Somebody who was asked to join, and what they will have."""

    email: str
    permissions: tuple[Permission, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """People with the same permissions.

    Attributes:
        members: keys of users and of invitations, in the order in which they joined.
    """

    id: str
    name: str
    members: tuple[str, ...]
    permissions: tuple[Permission, ...]


def is_email(text: str) -> bool:
    """Whether it looks like an email address: something, an at sign, something."""
    return bool(_EMAIL.fullmatch(text))


def key_of(email: str) -> str:
    """What stands for a person: the email address in lower case."""
    return email.lower()


@dataclass(slots=True)
class People:
    """Everybody, and every change that the sandbox makes to them.

    Attributes:
        roles: as listRoles answers them, by ID.
        users: by ID.
        invites: by `key_of` their email.
        groups: by ID.
    """

    roles: dict[str, Mapping[str, str]]
    users: dict[str, User]
    invites: dict[str, Invite]
    groups: dict[str, Group]

    def by_key(self) -> dict[str, User]:
        """The users by `key_of` their email."""
        return {key_of(user.email): user for user in self.users.values()}

    def groups_of(self, email: str) -> list[Group]:
        """The groups that a user, or somebody invited, belongs to."""
        return [group for group in self.groups.values() if key_of(email) in group.members]

    def delete_user(self, user: User) -> None:
        """Remove a user with their group memberships."""
        self._leave_groups(user.email)
        del self.users[user.id]

    def delete_invite(self, invite: Invite) -> None:
        """Remove an invitation with its group memberships."""
        self._leave_groups(invite.email)
        del self.invites[key_of(invite.email)]

    def _leave_groups(self, email: str) -> None:
        for group in self.groups_of(email):
            left = tuple(member for member in group.members if member != key_of(email))
            self.groups[group.id] = replace(group, members=left)


def together(held: Iterable[Permission], added: Iterable[Permission]) -> tuple[Permission, ...]:
    """One permission for each role, for all that either has; the order is that of first mention."""
    found: dict[str, tuple[Resource, ...]] = {}
    for each in (*held, *added):
        found[each.role_id] = tuple(dict.fromkeys((*found.get(each.role_id, ()), *each.resources)))
    return tuple(Permission(role_id, resources) for role_id, resources in found.items())


def seeded() -> People:
    """The people that every sandbox starts with, from `people.json`."""
    data = json.loads(files("segment_mcp.sandbox").joinpath("people.json").read_text(encoding="utf-8"))
    return People(
        roles={each["id"]: each for each in data["roles"]},
        users={each["id"]: User(each["id"], each["name"], each["email"], _permissions(each)) for each in data["users"]},
        invites={key_of(each["email"]): Invite(each["email"], _permissions(each)) for each in data["invites"]},
        groups={
            each["id"]: Group(each["id"], each["name"], tuple(map(key_of, each["emails"])), _permissions(each))
            for each in data["groups"]
        },
    )


def _permissions(entry: Mapping[str, Any]) -> tuple[Permission, ...]:
    return tuple(Permission(each["roleId"], resources(each["resources"])) for each in entry["permissions"])


def resources(given: Iterable[Mapping[str, Any]]) -> tuple[Resource, ...]:
    """Resources as a request or `people.json` spells them."""
    return tuple(
        Resource(
            each["id"],
            each["type"],
            tuple((label["key"], label["value"]) for label in each.get("labels", ())),
        )
        for each in given
    )
