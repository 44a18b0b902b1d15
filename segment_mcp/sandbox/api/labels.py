"""Labels of the workspace."""

from collections.abc import Mapping
from types import MappingProxyType

from segment_mcp.sandbox import refusals
from segment_mcp.sandbox.api.frame import Call, Data, Handler, State
from segment_mcp.sandbox.workspace import LabelKey


def _list_labels(state: State, _: Call) -> Data:
    return {"labels": list(state.workspace.labels.values())}


def _create_label(state: State, call: Call) -> Data:
    given = call.body["label"]
    key: LabelKey = (given["key"], given["value"])
    if key in state.workspace.labels:
        raise refusals.conflict(f'The label "{key[0]}:{key[1]}" already exists', "label")
    label = {name: given[name] for name in ("key", "value", "description") if name in given}
    state.workspace.labels[key] = label
    _note(call, "Label Created", key)
    return {"label": label}


def _delete_label(state: State, call: Call) -> Data:
    """Remove a label from the workspace, and so from every source that carries it."""
    key: LabelKey = (call.arguments["key"], call.arguments["value"])
    if key not in state.workspace.labels:
        raise refusals.not_found("Label")
    state.workspace.delete_label(key)
    _note(call, "Label Deleted", key)
    return {"status": "SUCCESS"}


def _note(call: Call, type_: str, key: LabelKey) -> None:
    name = ":".join(key)  # a label has no ID
    call.note(type_, "label", name, name)


HANDLERS: Mapping[str, Handler] = MappingProxyType(
    {
        "listLabels": _list_labels,
        "createLabel": _create_label,
        "deleteLabel": _delete_label,
    }
)
