"""What Segment would drop after answering 200, known before anything is sent. Pure.

The codes are Segment's own failed-on-ingest codes, from its documentation of the delivery overview
(_includes/content/delivery-overview-discards); what each kind of call requires is from its spec pages and
its official libraries; the limits from the HTTP API page.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from segment_mcp.redact import clean

KINDS = ("identify", "track", "page", "screen", "group", "alias")

LARGEST_EVENT = 32 * 1024
"""Bytes of one event, serialised."""
LARGEST_REQUEST = 500 * 1024
"""Bytes of one request."""
MOST_EVENTS = 2_500
"""Events in one request; Segment answers 200 above it and drops them."""
LONGEST_MESSAGE_ID = 99
"""Characters; Segment asks for fewer than 100."""

_NOT_AN_EVENTS_OWN = {
    "writeKey": "belongs to the call, not to an event in it; send events of another source in a call of their own",
    "sentAt": "is set when the event is sent; say in timestamp when it happened",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """Why Segment would drop an event.

    Attributes:
        code: Segment's ingest code.
        field: where, in dots.
        message: what to mend.
    """

    code: str
    field: str
    message: str


def problems_of(event: Mapping[str, Any]) -> list[Problem]:
    """Everything for which Segment would drop the event; empty where it would take it."""
    kind = event.get("type")
    if kind not in KINDS:
        code = "missing_type" if kind is None else "invalid_type"
        return [Problem(code, "type", f"must be one of {', '.join(KINDS)}")]
    return [*_identity(event), *_BY_KIND[kind](event), *_common(event)]


def size_problems(size: int, frame: int = 0) -> list[Problem]:
    """Whether an event of that many bytes, serialised, is too large.

    Args:
        size: of the event.
        frame: bytes that go around it and count too.
    """
    if size + frame <= LARGEST_EVENT:
        return []
    return [Problem("bad_request", "", f"has {size} bytes; Segment takes {LARGEST_EVENT - frame}")]


def batch_problem(count: int, size: int) -> Problem | None:
    """Why a whole batch can't go in one request; None where it can."""
    if count == 0:
        return Problem("empty_batch", "batch", "has no event")
    if count > MOST_EVENTS:
        return Problem("bad_request", "batch", f"has {count} events; Segment takes {MOST_EVENTS} a request")
    if size > LARGEST_REQUEST:
        return Problem("bad_request", "batch", f"has {size} bytes; Segment takes {LARGEST_REQUEST} a request")
    return None


def _identity(event: Mapping[str, Any]) -> Iterator[Problem]:
    for name in ("userId", "anonymousId"):
        if event.get(name) is not None and not _is_text(event[name]):
            yield Problem("id_not_string", name, "must be a non-empty string")
    if event["type"] != "alias" and event.get("userId") is None and event.get("anonymousId") is None:
        yield Problem("no_user_anon_id", "userId", "is required where anonymousId is absent")


def _common(event: Mapping[str, Any]) -> Iterator[Problem]:
    for name in ("context", "integrations"):
        if event.get(name) is not None and not isinstance(event[name], dict):
            yield Problem("bad_request", name, "must be an object")
    for name, reason in _NOT_AN_EVENTS_OWN.items():
        if name in event:
            yield Problem("bad_request", name, reason)
    message_id = event.get("messageId")
    if message_id is not None and not (_is_text(message_id) and len(message_id) <= LONGEST_MESSAGE_ID):
        yield Problem("bad_request", "messageId", f"must be a string of 1 to {LONGEST_MESSAGE_ID} characters")


def _track(event: Mapping[str, Any]) -> Iterator[Problem]:
    name = event.get("event")
    if name is None or name == "":
        yield Problem("event_not_defined", "event", "is required")
    elif not isinstance(name, str):
        yield Problem("event_not_string", "event", "must be a string")
    yield from _object(event, "properties", "properties_not_object")


def _view(event: Mapping[str, Any]) -> Iterator[Problem]:
    for name in ("name", "category"):
        if event.get(name) is not None and not _is_text(event[name]):
            yield Problem(f"{name}_not_string", name, "must be a non-empty string")
    yield from _object(event, "properties", "properties_not_object")


def _identify(event: Mapping[str, Any]) -> Iterator[Problem]:
    yield from _object(event, "traits", "traits_not_object")


def _group(event: Mapping[str, Any]) -> Iterator[Problem]:
    yield from _required_id(event, "groupId")
    yield from _object(event, "traits", "traits_not_object")


def _alias(event: Mapping[str, Any]) -> Iterator[Problem]:
    yield from _required_id(event, "previousId")
    if event.get("userId") is None:
        yield Problem("id_required", "userId", "is required: alias merges previousId into userId")


def _required_id(event: Mapping[str, Any], name: str) -> Iterator[Problem]:
    if event.get(name) is None:
        yield Problem("id_required", name, "is required")
    elif not _is_text(event[name]):
        yield Problem("id_not_string", name, "must be a non-empty string")


def _object(event: Mapping[str, Any], name: str, code: str) -> Iterator[Problem]:
    if event.get(name) is not None and not isinstance(event[name], dict):
        yield Problem(code, name, "must be an object")


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


_BY_KIND: Mapping[str, Callable[[Mapping[str, Any]], Iterator[Problem]]] = {
    "identify": _identify,
    "track": _track,
    "page": _view,
    "screen": _view,
    "group": _group,
    "alias": _alias,
}


def named(index: int, event: Any, problems: Sequence[Problem]) -> list[dict[str, Any]]:
    """Problems as `data.events` of `event_invalid` lists them: `[{index, messageId?, code, field, message}]`."""
    message_id = event.get("messageId") if isinstance(event, Mapping) else None
    identity = {"index": index, **({"messageId": clean(message_id, 100)} if isinstance(message_id, str) else {})}
    return [
        {
            **identity,
            "code": problem.code,
            "field": problem.field,
            "message": f"{problem.field} {problem.message}".strip(),
        }
        for problem in problems
    ]
