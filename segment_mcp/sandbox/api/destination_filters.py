"""Destination filters: which events, and which of their properties, do not reach a destination."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from segment_mcp.sandbox import refusals, windows
from segment_mcp.sandbox.api.frame import Call, Data, Handler, State, destination_of, page
from segment_mcp.sandbox.bodies import only

MOST = 10  # for one destination, as documented

_MEMBERS = ("if", "title", "description", "enabled")
_NEEDS = MappingProxyType(
    {"ALLOW_PROPERTIES": "fields", "DROP": None, "DROP_PROPERTIES": "fields", "SAMPLE": "percent"}
)
"""Without what an action, by its type, could do nothing."""


def _list_filters(state: State, call: Call) -> Data:
    return page("filters", _filters_of(state, destination_of(state, call).id), call)


def _get_filter(state: State, call: Call) -> Data:
    return {"filter": _filter_of(state, call)}


def _create_filter(state: State, call: Call) -> Data:
    """Add a filter for the source that feeds the destination; another `sourceId`, or an eleventh filter, is 422.

    Its condition is taken as it is: one that is no query keeps every event from the destination, as documented.
    """
    destination, body = destination_of(state, call), call.body
    if body["sourceId"] != destination.source_id:
        raise refusals.invalid([refusals.problem("sourceId", "is not the source of this destination")])
    if len(_filters_of(state, destination.id)) >= MOST:
        raise refusals.invalid([refusals.problem("destinationId", f"has {MOST} filters already")])
    now = windows.iso(call.now)
    made = {
        "id": state.new_id(),
        "sourceId": destination.source_id,
        "destinationId": destination.id,
        **only(body, _MEMBERS),
        "actions": _actions(body),
        "createdAt": now,
        "updatedAt": now,
    }
    state.workspace.filters[made["id"]] = made
    _note(call, "Destination Filter Created", made)
    return {"filter": made}


def _update_filter(state: State, call: Call) -> Data:
    """Change what the body names; `actions` as a whole, and null takes the description away."""
    before, body = _filter_of(state, call), call.body
    given = only(body, _MEMBERS)
    if "actions" in body:
        given["actions"] = _actions(body)
    changed = {name: value for name, value in {**before, **given}.items() if value is not None}
    if changed != before:
        changed["updatedAt"] = windows.iso(call.now)
    state.workspace.filters[changed["id"]] = changed
    if changed["enabled"] != before["enabled"]:
        _note(call, f"Destination Filter {'Enabled' if changed['enabled'] else 'Disabled'}", changed)
    return {"filter": changed}


def _remove_filter(state: State, call: Call) -> Data:
    gone = _filter_of(state, call)
    del state.workspace.filters[gone["id"]]
    _note(call, "Destination Filter Deleted", gone)
    return {"status": "SUCCESS"}


def _preview_filter(_: State, call: Call) -> Data:
    """What a filter leaves of a payload: null if it would not be sent; a condition that is no query is 422.

    A share of events that hangs on chance lets a payload pass, unless it is none at all.
    """
    from segment_mcp.sandbox import filters  # noqa: PLC0415 - it brings FQL, which is slow to import

    given, payload = call.body["filter"], call.body["payload"]
    actions = _actions(given, "filter.")
    try:
        result = filters.passed([filters.compiled(given["if"], actions)], payload, lambda: 0)
    except filters.FqlError as error:
        raise refusals.invalid([refusals.problem("filter.if", f"must be a valid FQL statement: {error}")]) from None
    return {"inputPayload": payload, "result": result}


def _filters_of(state: State, destination_id: str) -> list[Mapping[str, Any]]:
    return [each for each in state.workspace.filters.values() if each["destinationId"] == destination_id]


def _filter_of(state: State, call: Call) -> Mapping[str, Any]:
    destination = destination_of(state, call)
    found = state.workspace.filters.get(call.arguments["filterId"])
    if found is None or found["destinationId"] != destination.id:
        raise refusals.not_found("Filter")
    return found


def _actions(body: Mapping[str, Any], where: str = "") -> list[dict[str, Any]]:
    """The actions as the reference has them; one without what its type needs is 422."""
    wrong = [problem for at, action in enumerate(body["actions"]) for problem in _wrong(action, f"{where}actions.{at}")]
    if wrong:
        raise refusals.invalid(wrong)
    return [only(action, ("type", "fields", "percent", "path")) for action in body["actions"]]


def _wrong(action: Mapping[str, Any], where: str) -> Iterator[refusals.Problem]:
    needed = _NEEDS[action["type"]]
    if needed is not None and needed not in action:
        yield refusals.problem(f"{where}.{needed}", "is required")
    for path, names in action.get("fields", {}).items():
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            yield refusals.problem(f"{where}.fields.{path}", "must be an array of strings")


def _note(call: Call, type_: str, found: Mapping[str, Any]) -> None:
    call.note(type_, "destination_filter", found["id"], found["title"])


HANDLERS: Mapping[str, Handler] = MappingProxyType(
    {
        "listFiltersFromDestination": _list_filters,
        "createFilterForDestination": _create_filter,
        "getFilterInDestination": _get_filter,
        "updateFilterForDestination": _update_filter,
        "removeFilterFromDestination": _remove_filter,
        "previewDestinationFilter": _preview_filter,
    }
)
