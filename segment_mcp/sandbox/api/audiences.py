"""Audiences: found, made, changed, removed, run, and which others build on them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from segment_mcp.sandbox import refusals, schedules, windows
from segment_mcp.sandbox.api.computations import free_key, name_of, says_something, status_of
from segment_mcp.sandbox.api.frame import Call, Data, Handler, State, page
from segment_mcp.sandbox.api.spaces import space_of
from segment_mcp.sandbox.bodies import only
from segment_mcp.sandbox.engage import EXTERNAL_IDS, Audience, Schedule, Space

LINKED = "LINKED"
PROFILE = "profile"  # what a linked audience holds unless its definition names an entity

_OPTIONS = ("includeHistoricalData", "filterByExternalIds", "backfillEventDataDays")


def audience_of(state: State, call: Call, name: str = "id") -> Audience:
    """The audience that the call names, in the space that it names.

    Raises:
        RefusalError: 404.
    """
    space = space_of(state, call)
    found = state.engage.audiences.get(call.arguments[name])
    if found is None or found.space_id != space.id:
        raise refusals.not_found("Audience")
    return found


def linked_audience_of(state: State, call: Call, name: str = "id") -> Audience:
    """The linked audience that the call names; documented as the only kind that has runs and schedules.

    Raises:
        RefusalError: 404; or 422, it is an audience of another kind.
    """
    found = audience_of(state, call, name)
    if found.type != LINKED:
        raise refusals.invalid([refusals.problem(name, "must be a linked audience")])
    return found


def schedule_answer(audience: Audience, schedule: Schedule, call: Call) -> Data:
    """A schedule as the Public API shows it; that of a disabled audience is never due."""
    answer = {"id": schedule.id, "strategy": schedule.strategy, "config": schedule.config}
    if audience.enabled:
        answer["nextExecution"] = windows.iso(schedules.next_execution(schedule.config, call.now))
    return answer


def definition_of(space: Space, kind: str, given: Mapping[str, Any]) -> Data:
    """The definition in a body: `{query}`, of a linked audience with the target that it has or defaults to.

    A target is documented for linked audiences only. That another kind's is refused, and that it must be an entity of
    the space, is our choice.

    Raises:
        RefusalError: 422.
    """
    query, target = given["query"], given.get("targetEntity")
    says_something(query)
    if kind != LINKED and target is not None:
        raise refusals.invalid([refusals.problem("definition.targetEntity", "is only for linked audiences")])
    if target not in {None, PROFILE, *space.entities}:
        raise refusals.invalid([refusals.problem("definition.targetEntity", "is not an entity of the space")])
    return {"query": query, "targetEntity": target or PROFILE} if kind == LINKED else {"query": query}


def _list_audiences(state: State, call: Call) -> Data:
    found = _searched(state.engage.audiences_of(space_of(state, call).id), call)
    return page("audiences", [_answer(each, call) for each in found], call)


def _get_audience(state: State, call: Call) -> Data:
    return {"audience": _answer(audience_of(state, call), call)}


def _create_audience(state: State, call: Call) -> Data:
    """Add an audience, which is live or disabled at once.

    Unless the body says so, a linked audience is disabled, as in Segment's app, and any other enabled.
    """
    space, given = space_of(state, call), call.body
    kind, moment = given["audienceType"], windows.iso(call.now)
    audience_id = f"aud_{state.new_id()}"
    made = Audience(
        id=audience_id,
        space_id=space.id,
        key=free_key(state, space, given["name"], audience_id),
        name=name_of(given),
        description=given.get("description"),
        enabled=given.get("enabled", kind != LINKED),
        type=kind,
        definition=definition_of(space, kind, given["definition"]),
        options=_options(given, {"filterByExternalIds": list(EXTERNAL_IDS)}),
        created_by=state.engage.author,
        updated_by=state.engage.author,
        created_at=moment,
        updated_at=moment,
    )
    _no_circle(state, made)
    state.engage.audiences[made.id] = made
    call.note("Audience Created", "audience", made.id, made.name)
    return {"audience": _summary(made)}


def _update_audience(state: State, call: Call) -> Data:
    """Change what the body names. Options are merged one by one; its key, and a linked audience's target, stay.

    Segment locks an audience until a change is worked in; here that takes no time. An audience whose definition
    changed has no size.
    """
    before, given = audience_of(state, call), call.body
    definition = before.definition
    if "definition" in given:
        asked = {**given["definition"], "targetEntity": before.definition.get("targetEntity")}
        definition = definition_of(space_of(state, call), before.type, asked)
    changed = replace(
        before,
        name=name_of(given) if "name" in given else before.name,
        description=given.get("description", before.description),
        enabled=given.get("enabled", before.enabled),
        definition=definition,
        options=_options(given, before.options),
        size=before.size if definition == before.definition else None,
    )
    _no_circle(state, changed)
    if changed != before:
        changed = replace(changed, updated_by=state.engage.author, updated_at=windows.iso(call.now))
        state.engage.audiences[changed.id] = changed
        call.note("Audience Modified", "audience", changed.id, changed.name)
    return {"audience": _summary(changed)}


def _remove_audience(state: State, call: Call) -> Data:
    """Remove an audience with its schedules, connections and activations. Others that build on it stay as they are."""
    audience = audience_of(state, call)
    state.engage.delete_audience(audience)
    call.note("Audience Deleted", "audience", audience.id, audience.name)
    return {"status": "SUCCESS"}


def _force_run(state: State, call: Call) -> Data:
    """Start a run of a linked audience, which leaves nothing behind. That a disabled one is refused is our choice."""
    audience = linked_audience_of(state, call, "audienceId")
    if not audience.enabled:
        raise refusals.invalid([refusals.problem("audienceId", "must be an enabled audience")])
    call.note("Audience Run Forced", "audience", audience.id, audience.name)
    return {"run": {"id": state.new_id()}}


def _list_consumers(state: State, call: Call) -> Data:
    """List the audiences of the space whose definition names this one's key as a trait."""
    audience = audience_of(state, call)
    found = [each for each in state.engage.audiences_of(audience.space_id) if audience.key in each.references]
    return page("audiences", [_summary(each) for each in _sorted(_searched(found, call), call)], call)


def _searched(audiences: Sequence[Audience], call: Call) -> Sequence[Audience]:
    """Those that a search finds: keys by their beginning, names and queries by any part, as documented.

    That letters may be cased in any way is our choice.
    """
    asked = _both(call, "search", ("type", "query"))
    if asked is None:
        return audiences
    field, wanted = asked[0], asked[1].lower()
    if field == "KEY":
        return [each for each in audiences if each.key.lower().startswith(wanted)]
    if field == "NAME":
        return [each for each in audiences if wanted in each.name.lower()]
    return [each for each in audiences if wanted in each.definition["query"].lower()]


def _sorted(audiences: Sequence[Audience], call: Call) -> Sequence[Audience]:
    asked = _both(call, "sort", ("field", "direction"))
    if asked is None:
        return audiences
    keys = {
        "NAME": lambda each: each.name.lower(),
        "CREATED_AT": lambda each: each.created_at,
        "UPDATED_AT": lambda each: each.updated_at,
    }
    return sorted(audiences, key=keys[asked[0]], reverse=asked[1] == "DESC")


def _both(call: Call, name: str, members: tuple[str, str]) -> tuple[str, str] | None:
    given = {each: call.arguments[f"{name}.{each}"] for each in members if f"{name}.{each}" in call.arguments}
    if not given:
        return None
    missing = [each for each in members if each not in given]
    if missing:  # the object is optional as a whole; its members are not
        raise refusals.invalid(refusals.problem(f"{name}.{each}", "is required") for each in missing)
    return given[members[0]], given[members[1]]


def _options(given: Mapping[str, Any], before: Mapping[str, Any]) -> Data:
    """The options that a body has, over those that hold. Days of backfill need historical data, as documented."""
    named = only(given.get("options", {}), _OPTIONS)
    options = {**before, **named}
    if not options.get("includeHistoricalData"):
        if "backfillEventDataDays" in named:
            needs = "is only allowed with includeHistoricalData"
            raise refusals.invalid([refusals.problem("options.backfillEventDataDays", needs)])
        options.pop("backfillEventDataDays", None)
    return options


def _no_circle(state: State, audience: Audience) -> None:
    """Refuse an audience whose definition leads back to it, as Segment documents for its app."""
    if state.engage.leads_back(audience):
        raise refusals.invalid([refusals.problem("definition.query", "must not lead back to this audience")])


def _summary(audience: Audience) -> Data:
    return {
        "id": audience.id,
        "spaceId": audience.space_id,
        "name": audience.name,
        **({} if audience.description is None else {"description": audience.description}),
        "key": audience.key,
        "enabled": audience.enabled,
        "definition": audience.definition,
        "status": status_of(enabled=audience.enabled),
        "createdBy": audience.created_by,
        "updatedBy": audience.updated_by,
        "createdAt": audience.created_at,
        "updatedAt": audience.updated_at,
        "audienceType": audience.type,
        "options": audience.options,
    }


def _answer(audience: Audience, call: Call) -> Data:
    """The audience at length. Linked ones are computed in batches and others in real time: nothing sets it."""
    answer = {
        **_summary(audience),
        "computeCadence": {"type": "BATCH" if audience.type == LINKED else "REALTIME"},
    }
    if audience.size is not None:
        answer["size"] = audience.size
    if call.arguments.get("include") == "schedules":
        answer["schedules"] = [schedule_answer(audience, each, call) for each in audience.schedules]
    return answer


HANDLERS: Mapping[str, Handler] = MappingProxyType(
    {
        "listAudiences": _list_audiences,
        "createAudience": _create_audience,
        "getAudience": _get_audience,
        "updateAudienceForSpace": _update_audience,
        "removeAudienceFromSpace": _remove_audience,
        "forceExecuteAudienceRun": _force_run,
        "listAudienceConsumersFromSpaceAndAudience": _list_consumers,
    }
)
