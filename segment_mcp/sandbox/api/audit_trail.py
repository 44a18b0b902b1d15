"""The audit trail: what the handlers noted."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from segment_mcp.sandbox import refusals, windows
from segment_mcp.sandbox.api.frame import Call, Data, Handler, State, moment, page


def _list_audit_events(state: State, call: Call) -> Data:
    """Events from `startTime` up to but not including `endTime`, newest first; filters are exact."""
    since, until = moment(call.arguments, "startTime"), moment(call.arguments, "endTime")
    if since is not None and until is not None and until <= since:
        raise refusals.invalid([refusals.problem("endTime", "must be after startTime")])

    def wanted(event: Mapping[str, Any]) -> bool:
        happened = windows.parse(event["timestamp"])
        return (
            happened is not None
            and (since is None or happened >= since)
            and (until is None or happened < until)
            and all(call.arguments.get(name) in {None, event[name]} for name in ("resourceId", "resourceType"))
        )

    return page("events", [event for event in state.audit.newest_first() if wanted(event)], call)


HANDLERS: Mapping[str, Handler] = MappingProxyType({"listAuditEvents": _list_audit_events})
