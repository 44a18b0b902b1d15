"""Where a person sees what arrived: `/_sandbox/events`, after Segment's debugger. It needs no token.

GET answers the events, oldest first, and totals since the app began; the seeded history is in neither. An event says
where it stopped: `code` (failed on ingest), `blocked` (at its source), `filtered` (on the way to a destination), and
`deliveries`, of which only the newest are remembered. It takes these parameters:

    after      the number after which to begin: `next` of an earlier answer
    count      how many events, 1 to 1000; 100 unless given
    messageId  only this message, as long as it is remembered
    sourceId   only this source

DELETE begins the list and the totals anew. Messages stay known, so a late repeat is still dropped as one.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from segment_mcp.sandbox import checks, dispatches, query, refusals, windows
from segment_mcp.sandbox.arrivals import DEFAULT_COUNT, Event, Question, Stop
from segment_mcp.sandbox.ledger import Ledger
from segment_mcp.sandbox.outgoing import Json

PATH = "/_sandbox/events"

PARAMETERS: Mapping[str, Any] = {
    "after": {"type": "integer", "minimum": 0},
    "count": {"type": "integer", "minimum": 1, "maximum": 1_000},
    "messageId": {"type": "string", "minLength": 1},
    "sourceId": {"type": "string", "minLength": 1},
}
_CHECK = checks.validator({"type": "object", "additionalProperties": False, "properties": PARAMETERS}, {})
_NOTHING = checks.validator({"type": "object", "additionalProperties": False, "properties": {}}, {})


def endpoint(ledger: Ledger) -> Callable[[Request], Awaitable[Response]]:
    """What answers `/_sandbox/events`."""
    arrivals = ledger.arrivals

    async def answer(request: Request) -> Response:
        pairs = request.query_params.multi_items()
        if request.method == "DELETE":
            checks.value(_NOTHING, dict(pairs))
            arrivals.clear()
        return Json(_answer(ledger, parse(pairs, arrivals.newest)))

    return answer


def parse(pairs: Sequence[tuple[str, str]], newest: int) -> Question:
    """The question that a query asks.

    Args:
        pairs: the query's decoded names and values.
        newest: the number of the newest event, beyond which nobody was ever sent.

    Raises:
        RefusalError: 422 with an error for each parameter that is unknown or wrong.
    """
    given = {name: query.value_of(name, PARAMETERS.get(name, {}), pairs) for name, _ in pairs}
    checks.value(_CHECK, given)
    after = given.get("after")
    if after is not None and after > newest:
        raise refusals.invalid([refusals.problem("after", f"must be less than or equal to {newest}")])
    return Question(after, given.get("count", DEFAULT_COUNT), given.get("messageId"), given.get("sourceId"))


def _answer(ledger: Ledger, question: Question) -> dict[str, Any]:
    """What is answered: `next` unless nothing came, so that whoever asks again with it misses nothing."""
    found, totals = ledger.arrivals.ask(question), ledger.arrivals.totals
    answer: dict[str, Any] = {
        "events": [_event(ledger, event, repeats) for event, repeats in found.shown],
        "accepted": totals.accepted,
        "failed": totals.failed,
        "repeated": totals.repeated,
    }
    if found.until > found.after:
        answer["next"] = str(found.until)
    if found.forgotten:
        answer["forgotten"] = found.forgotten
    return answer


def _event(ledger: Ledger, event: Event, repeats: int) -> dict[str, Any]:
    deliveries = [dispatches.shown(each) for each in ledger.dispatches.of(event.number)]
    return {
        "messageId": event.message_id,
        "sourceId": event.source_id,
        "type": event.type,
        **({} if event.name is None else {"event": event.name}),
        "receivedAt": windows.iso(event.received),
        "timestamp": windows.iso(event.timestamp),
        **({"repeats": repeats} if event.code is None else {"code": event.code}),
        "destinations": list(event.destinations),
        **({} if event.blocked is None else {"blocked": event.blocked}),
        **({"filtered": [_stop(each) for each in event.filtered]} if event.filtered else {}),
        **({"deliveries": deliveries} if deliveries else {}),
        **({} if event.forwarded_from is None else {"forwardedFrom": event.forwarded_from}),
    }


def _stop(stop: Stop) -> dict[str, str]:
    return {
        "destinationId": stop.destination_id,
        "discardReason": stop.code,
        **({} if stop.subscription_id is None else {"subscriptionId": stop.subscription_id}),
    }
