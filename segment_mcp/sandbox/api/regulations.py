"""Deletion and suppression: what people asked to have deleted, and whose data is kept out."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from segment_mcp.sandbox import refusals, windows
from segment_mcp.sandbox.api.frame import Call, Data, Handler, State, page, source_of
from segment_mcp.sandbox.regulations import Regulation
from segment_mcp.sandbox.workspace import Source

MOST_SUBJECTS = 5_000  # documented for one request


def _create_in_workspace(state: State, call: Call) -> Data:
    return _create(state, call, None)


def _create_in_source(state: State, call: Call) -> Data:
    return _create(state, call, source_of(state, call))


def _create_in_cloud_source(state: State, call: Call) -> Data:
    """A source that clients send to has no collections of objects, and is refused: 422."""
    source = source_of(state, call)
    if source.keyed:
        raise refusals.invalid([refusals.problem("sourceId", "must be a cloud source")])
    return _create(state, call, source)


def _create(state: State, call: Call, source: Source | None) -> Data:
    """Take the request; nothing is deleted, and no event is kept out.

    To unsuppress somebody in a source whom the workspace suppresses is documented to fail: it is taken, and FAILED.
    """
    body = call.body
    subject_ids = tuple(dict.fromkeys(body["subjectIds"]))
    if not subject_ids:
        raise refusals.invalid([refusals.problem("subjectIds", "must contain at least 1 items")])
    if len(body["subjectIds"]) > MOST_SUBJECTS:
        raise refusals.invalid(
            [refusals.problem("subjectIds", f"must contain less than or equal to {MOST_SUBJECTS} items")]
        )
    fails = (
        source is not None
        and body["regulationType"] == "UNSUPPRESS"
        and any(state.regulations.is_suppressed((body["subjectType"], each)) for each in subject_ids)
    )
    regulation = Regulation(
        id=state.new_id(),
        type=body["regulationType"],
        subject_type=body["subjectType"],
        subject_ids=subject_ids,
        created=call.now,
        source_id=source.id if source is not None else None,
        status="FAILED" if fails else "INITIALIZED",
        finished=call.now if fails else None,
    )
    state.regulations.add(regulation)
    return {"regulateId": regulation.id}


def _get(state: State, call: Call) -> Data:
    found = state.regulations.get(call.arguments["regulateId"], call.now)
    if found is None:
        raise refusals.not_found("Regulation")
    return {
        "regulation": {
            "id": found.id,
            "workspaceId": state.workspace.info["id"],
            "overallStatus": found.status,
            **_times(found),
            "streamStatus": _streams(state, found),
        }
    }


def _streams(state: State, regulation: Regulation) -> list[Data]:
    """The sources that are concerned, each with the destinations that have to delete as well."""
    return [
        {
            "id": source.id,
            "destinationStatus": [
                {
                    "name": destination.name or destination.metadata["name"],
                    "id": destination.id,
                    "status": regulation.status,
                    "errString": "",
                    "finishedAt": _times(regulation).get("finishedAt", ""),
                }
                for destination in state.workspace.destinations.values()
                if destination.source_id == source.id and regulation.reaches_destinations
            ],
        }
        for source in state.workspace.sources.values()
        if regulation.source_id in {None, source.id}
    ]


def _list_of_workspace(state: State, call: Call) -> Data:
    """Newest first; those of single sources are not among them."""
    return page("regulations", _entries(state, call, None), call)


def _list_of_source(state: State, call: Call) -> Data:
    """Newest first. The call takes pages, but the documented answer does not say where the next one starts."""
    entries = _entries(state, call, source_of(state, call).id)
    return {"regulations": page("regulations", entries, call)["regulations"]}


def _entries(state: State, call: Call, source_id: str | None) -> list[Data]:
    status, types = call.arguments.get("status"), call.arguments.get("regulationTypes")
    return [
        {
            "id": each.id,
            "subjectType": each.subject_type,
            "subjects": list(each.subject_ids),
            "status": each.status,
            "regulationType": each.type,
            **_times(each),
        }
        for each in state.regulations.of(source_id, call.now)
        if status in {None, each.status} and (types is None or each.type in types)
    ]


def _times(regulation: Regulation) -> dict[str, Any]:
    created = {"createdAt": windows.iso(regulation.created)}
    return created if regulation.finished is None else {**created, "finishedAt": windows.iso(regulation.finished)}


def _list_suppressions(state: State, call: Call) -> Data:
    """One entry for each subject that a request suppressed and none has released since."""
    found = [{"subjectType": kind, "subjectIds": [subject_id]} for kind, subject_id in state.regulations.suppressed()]
    return page("suppressed", found, call)


HANDLERS: Mapping[str, Handler] = MappingProxyType(
    {
        "listWorkspaceRegulations": _list_of_workspace,
        "createWorkspaceRegulation": _create_in_workspace,
        "createCloudSourceRegulation": _create_in_cloud_source,
        "listRegulationsFromSource": _list_of_source,
        "createSourceRegulation": _create_in_source,
        "getRegulation": _get,
        "listSuppressions": _list_suppressions,
    }
)
