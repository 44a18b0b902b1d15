"""The Tracking API: reads a request, hands its events to the flow, and says 200 to nearly everything.

Segment answers 200 to unknown write keys, disabled sources, the wrong region and invalid events; only JSON
that does not parse and bodies that are too large are 400. The text of a 400 is not documented: `code` and
`message` are what the official libraries look for. Segment's 429 has no documented threshold and occurs
here only as a fault.

What webhooks send is sent after the answer, as the last part of the request: whoever calls the app in the same process
has waited for it, and any other client has not. What a webhook of a sandbox sent here is counted like everything else,
and nothing is sent for it: a webhook that leads back here would multiply without end.
"""

import json
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from pydantic_core import to_json
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from segment_mcp.sandbox import incoming, ingest, webhooks
from segment_mcp.sandbox.flow import Flow, Parcel, Receipt

EU_HOST = "events.eu1.segmentapis.com"

Sleep = Callable[[float], Awaitable[None]]

_ACCEPTED = b'{\n  "success": true\n}'


def endpoint(
    kind: str, flow: Flow, now: Callable[[], datetime], sleep: Sleep
) -> Callable[[Request], Awaitable[Response]]:
    """What answers `/v1/{kind}`.

    Args:
        kind: a kind of event, or `batch`.
        flow: takes the events.
        now: the clock.
        sleep: waits the seconds between a webhook's attempts.
    """
    limit = ingest.MAX_BATCH_BYTES if kind == "batch" else ingest.MAX_CALL_BYTES

    async def receive(request: Request) -> Response:
        try:
            body = _checked(await incoming.read(request, limit))
        except incoming.TooLargeError:
            return _bad_request("the body or one of its events is too large")
        except incoming.UnreadableError:
            return _bad_request("malformed JSON")
        parcels: list[Parcel] = []
        if incoming.host_of(request) != EU_HOST:  # data sent to the wrong region is lost behind a 200
            returned = webhooks.MARKER in request.headers
            receipt = Receipt(now(), incoming.write_key(request, body), body.get("sentAt"), returned)
            if kind == "batch":
                parcels = _take_batch(flow, receipt, body)
            else:
                parcels = flow.take(receipt, [{**body, "type": kind}])
        sending = BackgroundTask(flow.send, parcels, sleep) if parcels else None
        return Response(_ACCEPTED, media_type="application/json", background=sending)

    return receive


def _take_batch(flow: Flow, receipt: Receipt, body: dict[str, Any]) -> list[Parcel]:
    events = body.get("batch")
    if not isinstance(events, list) or not events:
        flow.fail(receipt, "empty_batch")
    elif len(events) > ingest.MAX_BATCH_EVENTS:
        for event in events:
            flow.fail(receipt, "bad_request", event)
    else:
        context, integrations = body.get("context"), body.get("integrations")
        return flow.take(receipt, (ingest.merged(event, context, integrations) for event in events))
    return []


def _checked(raw: bytes) -> dict[str, Any]:
    """The body, whose events are each of an allowed size; a small body can't hold one that is not."""
    body = incoming.parse(raw)
    if not isinstance(body, dict):
        raise incoming.UnreadableError
    events = body.get("batch")
    if len(raw) > ingest.MAX_CALL_BYTES and isinstance(events, list):
        try:
            oversize = any(_size(event) > ingest.MAX_CALL_BYTES for event in events)
        except RecursionError as error:
            raise incoming.UnreadableError from error
        if oversize:
            raise incoming.TooLargeError
    return body


def _size(event: Any) -> int:
    """Bytes of an event as compact JSON."""
    try:
        return len(to_json(event))  # three times as fast as the standard library, which takes what it does not
    except ValueError:  # half a surrogate pair, or deep nesting
        return len(json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace"))


def _bad_request(message: str) -> Response:
    return JSONResponse({"code": "invalid_request", "message": message}, status_code=400)
