"""The workspace itself."""

from collections.abc import Mapping
from types import MappingProxyType

from segment_mcp.sandbox.api.frame import Call, Data, Handler, State


def _get_workspace(state: State, _: Call) -> Data:
    return {"workspace": state.workspace.info}


HANDLERS: Mapping[str, Handler] = MappingProxyType(
    {
        "getWorkspace": _get_workspace,
    }
)
