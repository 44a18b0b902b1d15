"""Permissions of users, invitations and user groups: read from requests, and shown in answers."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from segment_mcp.sandbox import refusals
from segment_mcp.sandbox.api.frame import Call, Data, State
from segment_mcp.sandbox.people import Group, Permission, Resource, User, resources, together

Given = Sequence[Mapping[str, Any]]


def granted(state: State, given: Given, field: str = "permissions") -> tuple[Permission, ...]:
    """The permissions that a request gives: one for each role.

    A policy is documented as a role and at least one resource, and labels as going with the workspace alone. That
    role, resource and labels must exist is our choice.

    Args:
        state: what roles, resources and labels there are.
        given: permissions as a body has them.
        field: where in the body they stand.

    Raises:
        RefusalError: 422 naming each field that is wrong.
    """
    problems = list(_problems(state, given, field))
    if problems:
        raise refusals.invalid(problems)
    return together((), (Permission(each["roleId"], resources(each["resources"])) for each in given))


def added(state: State, call: Call, holder: User | Group, kind: str, updated: str) -> tuple[Permission, ...]:
    """What a user or a group has once the body's permissions are added; a role that they have gets new resources too.

    Args:
        state: what roles, resources and labels there are.
        call: the call, whose notes say what is new.
        holder: who had what.
        kind: the holder's resource type in the audit trail.
        updated: the type of the note where a role got new resources.

    Raises:
        RefusalError: 422 naming each field that is wrong.
    """
    after = together(holder.permissions, granted(state, call.body["permissions"]))
    before = {each.role_id: each for each in holder.permissions}
    for each in after:
        if each.role_id not in before:
            call.note("Policy Created", kind, holder.id, holder.name)
        elif each != before[each.role_id]:
            call.note(updated, kind, holder.id, holder.name)
    return after


def replaced(state: State, call: Call, holder: User | Group, kind: str) -> tuple[Permission, ...]:
    """The body's permissions, which take the place of all that a user or a group had; none at all is fine.

    Raises:
        RefusalError: 422 naming each field that is wrong.
    """
    after = granted(state, call.body["permissions"])
    for each in holder.permissions:
        if each not in after:
            call.note("Policy Deleted", kind, holder.id, holder.name)
    return after


def answer(state: State, permissions: Sequence[Permission]) -> list[Data]:
    """Permissions as the Public API shows them, without resources that were deleted meanwhile."""
    return [
        {"roleId": each.role_id, "roleName": state.people.roles[each.role_id]["name"], "resources": left}
        for each in permissions
        if (left := [_resource_answer(resource) for resource in each.resources if _exists(state, resource)])
    ]


def _resource_answer(resource: Resource) -> Data:
    labels = [{"key": key, "value": value} for key, value in resource.labels]
    return {"id": resource.id, "type": resource.type, "labels": labels}


def _problems(state: State, given: Given, field: str) -> Iterator[refusals.Problem]:
    for index, each in enumerate(given):
        place = f"{field}.{index}"
        if each["roleId"] not in state.people.roles:
            yield refusals.problem(f"{place}.roleId", "is not an existing role")
        if not each["resources"]:
            yield refusals.problem(f"{place}.resources", "must contain at least 1 items")
        for number, resource in enumerate(resources(each["resources"])):
            yield from _problems_of_resource(state, resource, f"{place}.resources.{number}")


def _problems_of_resource(state: State, resource: Resource, place: str) -> Iterator[refusals.Problem]:
    if not _exists(state, resource):
        yield refusals.problem(f"{place}.id", f"is not an existing {resource.type.lower()}")
    if resource.labels and resource.type != "WORKSPACE":
        yield refusals.problem(f"{place}.labels", "is only allowed for a workspace")
    for index, label in enumerate(resource.labels):
        if label not in state.workspace.labels:
            yield refusals.problem(f"{place}.labels.{index}", "is not an existing label")


def _exists(state: State, resource: Resource) -> bool:
    known: Mapping[str, Any] = {
        "WORKSPACE": {state.workspace.info["id"]},
        "SOURCE": state.workspace.sources,
        "WAREHOUSE": state.workspace.warehouses,
        "SPACE": state.engage.spaces,
        "FUNCTION": state.functions.by_id,
    }
    return resource.id in known[resource.type]
