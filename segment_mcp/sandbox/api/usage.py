"""Usage and volume: what was counted."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from types import MappingProxyType

from segment_mcp.sandbox import refusals, users, volume, windows
from segment_mcp.sandbox.api.frame import Call, Data, Handler, State, moment, page


def _usage_by_source(state: State, call: Call) -> Data:
    """One row for each source and day with calls: that day's calls so far, at the day's start in UTC.

    Segment calls the counts daily and cumulative, which can be read as adding up over the day or over the
    month; here they add up over the day.
    """
    found = [
        {"sourceId": source_id, "apiCalls": str(calls), "timestamp": windows.iso(_midnight(day))}
        for day in _days(state, call)
        for source_id, calls in sorted(state.ledger.daily[day].items())
    ]
    return page("dailyPerSourceAPICallsUsage", found, call)


def _usage_of_workspace(state: State, call: Call) -> Data:
    """One row for each day with calls, read as `_usage_by_source` reads it."""
    found = [
        {"apiCalls": str(sum(state.ledger.daily[day].values())), "timestamp": windows.iso(_midnight(day))}
        for day in _days(state, call)
    ]
    return page("dailyWorkspaceAPICallsUsage", found, call)


def _tracked_users_by_source(state: State, call: Call) -> Data:
    """One row for each source and day with calls: the people whom the source saw in the month up to that day."""
    found = [
        {"sourceId": source_id, **_snapshot(day, state.ledger.users.until(day, source_id))}
        for day in _days(state, call)
        for source_id in sorted(state.ledger.daily[day])
    ]
    return page("dailyPerSourceMTUUsage", found, call)


def _tracked_users_of_workspace(state: State, call: Call) -> Data:
    """One row for each day with calls, read as `_tracked_users_by_source` reads it."""
    found = [_snapshot(day, state.ledger.users.until(day, users.WORKSPACE)) for day in _days(state, call)]
    return page("dailyWorkspaceMTUUsage", found, call)


def _snapshot(day: date, people: users.Counted) -> Data:
    """The period in seconds since 1970; it ends where the next month starts."""
    start = _midnight(day.replace(day=1))
    end = _midnight((day.replace(day=1) + timedelta(days=31)).replace(day=1))
    return {
        "periodStart": int(start.timestamp()),
        "periodEnd": int(end.timestamp()),
        "anonymous": str(people.anonymous),
        "anonymousIdentified": str(people.anonymous_identified),
        "identified": str(people.identified),
        "neverIdentified": str(people.never_identified),
        "timestamp": windows.iso(_midnight(day)),
    }


def _events_volume(state: State, call: Call) -> Data:
    """Count accepted events. `groupBy` also comes comma-delimited, as its description has it."""
    asked = call.arguments
    group_by = list(dict.fromkeys(part for text in asked.get("groupBy", ()) for part in text.split(",")))
    if not set(group_by) <= set(volume.GROUPS):
        raise refusals.invalid([refusals.problem("groupBy", f"must be one of [{', '.join(volume.GROUPS)}]")])
    since, until = moment(asked, "startTime"), moment(asked, "endTime")
    if since is None or until is None or until <= since:  # both are required: only the order is in question
        raise refusals.invalid([refusals.problem("endTime", "must be after startTime")])
    filters = {name: asked[name] for name in ("sourceId", "eventName", "eventType", "appVersion") if name in asked}
    question = volume.Question(windows.minutes_between(since, until), asked["granularity"], group_by, filters)
    sources = {
        source.id: {"id": source.id, "name": source.name, "slug": source.slug}
        for source in state.workspace.sources.values()
    }
    query = {
        "workspaceId": state.workspace.info["id"],
        "granularity": asked["granularity"],
        "startTime": windows.iso(since),
        "endTime": windows.iso(until),
        **({"groupBy": group_by} if group_by else {}),
        **filters,
    }
    result = page("result", volume.rows(state.ledger.accepted, question, sources), call)
    return {"path": "/events/volume", "query": query, **result}


def _days(state: State, call: Call) -> list[date]:
    first = date.fromisoformat(call.arguments["period"])
    if first.day != 1:
        raise refusals.invalid([refusals.problem("period", "must be the first day of a month")])
    return sorted(day for day in state.ledger.daily if (day.year, day.month) == (first.year, first.month))


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=windows.EPOCH.tzinfo)


HANDLERS: Mapping[str, Handler] = MappingProxyType(
    {
        "getDailyPerSourceAPICallsUsage": _usage_by_source,
        "getDailyWorkspaceAPICallsUsage": _usage_of_workspace,
        "getDailyPerSourceMTUUsage": _tracked_users_by_source,
        "getDailyWorkspaceMTUUsage": _tracked_users_of_workspace,
        "getEventsVolumeFromWorkspace": _events_volume,
    }
)
