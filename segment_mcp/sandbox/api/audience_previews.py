"""Previews of audiences: who would belong, without an audience being made."""

from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType

from segment_mcp.sandbox import refusals
from segment_mcp.sandbox.api.audiences import LINKED, PROFILE, definition_of
from segment_mcp.sandbox.api.frame import Call, Data, Handler, State
from segment_mcp.sandbox.api.spaces import space_of
from segment_mcp.sandbox.bodies import only
from segment_mcp.sandbox.engage import EXTERNAL_IDS, Preview

RUNNING_FOR = timedelta(seconds=5)

_OPTIONS = ("filterByExternalIds", "backfillEventDataDays")
_JOINT = "-compute_preview_execution"


def _create_preview(state: State, call: Call) -> Data:
    space, given = space_of(state, call), call.body
    kind = given["audienceType"]
    preview = Preview(
        id=f"{state.new_id()}{_JOINT}-{space.id}{_JOINT}",
        space_id=space.id,
        type=kind,
        definition=definition_of(space, kind, given["definition"]),
        options={"filterByExternalIds": list(EXTERNAL_IDS), **only(given.get("options", {}), _OPTIONS)},
        created_at=call.now,
    )
    state.engage.previews[preview.id] = preview
    call.note("Audience Preview Created", "audience_preview", preview.id, preview.definition["query"])
    return {"audiencePreview": {"id": preview.id}}


def _get_preview(state: State, call: Call) -> Data:
    """Answer a preview, which runs for five seconds. Then it shows the space's sample: no query is really run."""
    space = space_of(state, call)
    preview = state.engage.previews.get(call.arguments["id"])
    if preview is None or preview.space_id != space.id:
        raise refusals.not_found("Audience preview")
    answer = {
        "id": preview.id,
        "audienceType": preview.type,
        "definition": preview.definition,
        "options": preview.options,
        "status": "RUNNING",
    }
    if call.now - preview.created_at >= RUNNING_FOR:
        unit = _unit(preview)
        sample = space.samples[unit]
        size = {"type": unit, "count": sample["count"]}
        answer |= {"status": "COMPLETED", "results": sample["results"], "size": size}
    return {"audiencePreview": answer}


def _unit(preview: Preview) -> str:
    if preview.type != LINKED:
        return preview.type
    return "USERS" if preview.definition["targetEntity"] == PROFILE else "ENTITIES"


HANDLERS: Mapping[str, Handler] = MappingProxyType(
    {
        "createAudiencePreview": _create_preview,
        "getAudiencePreview": _get_preview,
    }
)
