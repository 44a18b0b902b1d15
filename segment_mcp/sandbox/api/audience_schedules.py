"""Schedules of linked audiences. One audience may have several: the reference speaks of a list."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from segment_mcp.sandbox import refusals, schedules
from segment_mcp.sandbox.api.audiences import audience_of, linked_audience_of, schedule_answer
from segment_mcp.sandbox.api.frame import Call, Data, Handler, State
from segment_mcp.sandbox.engage import Audience, Schedule


def _list_schedules(state: State, call: Call) -> Data:
    audience = audience_of(state, call)
    return {"audienceSchedules": [schedule_answer(audience, each, call) for each in audience.schedules]}


def _get_schedule(state: State, call: Call) -> Data:
    audience = audience_of(state, call)
    return {"audienceSchedule": schedule_answer(audience, _schedule(audience, call), call)}


def _add_schedule(state: State, call: Call) -> Data:
    audience = linked_audience_of(state, call)
    added = _read(f"sch_{state.new_id()}", call)
    state.engage.audiences[audience.id] = replace(audience, schedules=(*audience.schedules, added))
    return {"audienceSchedule": schedule_answer(audience, added, call)}


def _update_schedule(state: State, call: Call) -> Data:
    audience = linked_audience_of(state, call)
    changed = _read(_schedule(audience, call).id, call)
    held = tuple(changed if each.id == changed.id else each for each in audience.schedules)
    state.engage.audiences[audience.id] = replace(audience, schedules=held)
    return {"audienceSchedule": schedule_answer(audience, changed, call)}


def _remove_schedule(state: State, call: Call) -> Data:
    audience = linked_audience_of(state, call)
    gone = _schedule(audience, call)
    left = tuple(each for each in audience.schedules if each.id != gone.id)
    state.engage.audiences[audience.id] = replace(audience, schedules=left)
    return {"status": "SUCCESS"}


def _read(schedule_id: str, call: Call) -> Schedule:
    return Schedule(schedule_id, call.body["strategy"], schedules.config_of(call.body))


def _schedule(audience: Audience, call: Call) -> Schedule:
    found = next((each for each in audience.schedules if each.id == call.arguments["scheduleId"]), None)
    if found is None:
        raise refusals.not_found("Audience schedule")
    return found


HANDLERS: Mapping[str, Handler] = MappingProxyType(
    {
        "listAudienceSchedulesFromSpaceAndAudience": _list_schedules,
        "addAudienceScheduleToAudience": _add_schedule,
        "getAudienceScheduleFromSpaceAndAudience": _get_schedule,
        "updateAudienceScheduleForAudience": _update_schedule,
        "removeAudienceScheduleFromAudience": _remove_schedule,
    }
)
