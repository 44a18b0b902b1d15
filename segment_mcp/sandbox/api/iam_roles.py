"""Roles: what permissions can be given."""

from collections.abc import Mapping
from types import MappingProxyType

from segment_mcp.sandbox.api.frame import Call, Data, Handler, State, page


def _list_roles(state: State, call: Call) -> Data:
    return page("roles", list(state.people.roles.values()), call)


HANDLERS: Mapping[str, Handler] = MappingProxyType({"listRoles": _list_roles})
