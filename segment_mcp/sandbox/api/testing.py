"""The echo: an operation with which a client tests itself."""

from collections.abc import Mapping
from types import MappingProxyType

from segment_mcp.sandbox import refusals
from segment_mcp.sandbox.api.frame import Call, Data, Handler, State
from segment_mcp.sandbox.refusals import RefusalError

LONGEST_DELAY = 60_000  # milliseconds; ours

_HTTP_ERRORS = range(400, 600)
_CLIENT_ERRORS = range(400, 500)
_STATUSES = frozenset({200, 201, 202, 203, *_HTTP_ERRORS})
_SECRETS = frozenset({"authorization", "cookie"})


def _echo(_: State, call: Call) -> Data:
    """Answer what was sent, late or with an error if asked to.

    The triggers go before one another as documented; 4xx is `statusCode` where that is one, and else 400. Without a
    trigger, a `statusCode` of an error answers one, with the message. Choices of ours: a status that no answer with
    a body can have is refused, and the token is not repeated among the headers.
    """
    asked, message = call.arguments, call.arguments["message"]
    status, delay = asked.get("statusCode", 200), asked.get("delay", 0)
    if status not in _STATUSES:
        raise refusals.invalid([refusals.problem("statusCode", "must be a success with a body, or an error")])
    if not 0 <= delay <= LONGEST_DELAY:
        raise refusals.invalid([refusals.problem("delay", f"must be between 0 and {LONGEST_DELAY}")])
    call.wishes.delay = delay / 1000
    error = {"type": "RequestError", "message": message}
    if asked.get("triggerError") or asked.get("triggerMultipleErrors"):
        errors = [error] if asked.get("triggerError") else [error, error]
        raise RefusalError(int(status) if status in _CLIENT_ERRORS else 400, errors)
    if asked.get("triggerUnexpectedError"):
        raise RefusalError(500, [{"type": "InternalServerError", "message": "An unexpected error happened"}])
    if status in _HTTP_ERRORS:
        raise RefusalError(int(status), [error])
    call.wishes.status = int(status)
    headers = {name: value for name, value in call.headers.items() if name not in _SECRETS}
    return {"method": call.operation.method.lower(), "message": message, "headers": headers}


HANDLERS: Mapping[str, Handler] = MappingProxyType({"echo": _echo})
