"""Transformations. One is there as long as the source that it belongs to."""

from collections.abc import Mapping
from types import MappingProxyType

from segment_mcp.sandbox import catalog, refusals, transformations
from segment_mcp.sandbox.api.frame import Call, Data, Handler, State, page
from segment_mcp.sandbox.transformations import Transformation


def _list_transformations(state: State, call: Call) -> Data:
    found = [each for each in state.transformations.values() if each["sourceId"] in state.workspace.sources]
    return page("transformations", found, call)


def _create_transformation(state: State, call: Call) -> Data:
    """Add a transformation; one that names a source or a kind of destination that does not exist is 422."""
    made: Transformation = {"id": state.new_id(), **transformations.written(call.body)}
    _refuse_problems(state, made)
    state.transformations[made["id"]] = made
    _note(call, "Transformation Created", made)
    return {"transformation": made}


def _get_transformation(state: State, call: Call) -> Data:
    return {"transformation": _transformation_of(state, call)}


def _update_transformation(state: State, call: Call) -> Data:
    """Change what the body names; a list takes the place of the whole list before."""
    before = _transformation_of(state, call)
    changed = {**before, **transformations.written(call.body)}
    _refuse_problems(state, changed)
    if changed != before:
        state.transformations[before["id"]] = changed
        _note(call, "Transformation Updated", changed)
    return {"transformation": changed}


def _delete_transformation(state: State, call: Call) -> Data:
    gone = _transformation_of(state, call)
    del state.transformations[gone["id"]]
    _note(call, "Transformation Deleted", gone)
    return {"status": "SUCCESS"}


def _transformation_of(state: State, call: Call) -> Transformation:
    found = state.transformations.get(call.arguments["transformationId"])
    if found is None or found["sourceId"] not in state.workspace.sources:
        raise refusals.not_found("Transformation")
    return found


def _refuse_problems(state: State, made: Transformation) -> None:
    found = list(transformations.problems(made))
    if made["sourceId"] not in state.workspace.sources:
        found.append(refusals.problem("sourceId", "is not an existing source"))
    if "destinationMetadataId" in made and catalog.metadata("destinations", made["destinationMetadataId"]) is None:
        found.append(refusals.problem("destinationMetadataId", "is not in the catalog"))
    if found:
        raise refusals.invalid(found)


def _note(call: Call, type_: str, transformation: Transformation) -> None:
    call.note(type_, "transformation", transformation["id"], transformation["name"])


HANDLERS: Mapping[str, Handler] = MappingProxyType(
    {
        "listTransformations": _list_transformations,
        "createTransformation": _create_transformation,
        "getTransformation": _get_transformation,
        "updateTransformation": _update_transformation,
        "deleteTransformation": _delete_transformation,
    }
)
