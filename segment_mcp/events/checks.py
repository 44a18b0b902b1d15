"""What Segment would drop after answering 200, known before anything is sent. Pure.

The codes are Segment's own failed-on-ingest codes, from its documentation of the delivery overview
(_includes/content/delivery-overview-discards); what each kind of call requires is from its spec pages and
its official libraries; the limits from the HTTP API page. What breaks a limit, or would not arrive as it
was meant, is `bad_request`: a payload that can't be decoded.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from math import isfinite
from typing import Any

from segment_mcp.redact import clean
from segment_mcp.timing import is_moment

KINDS = ("identify", "track", "page", "screen", "group", "alias")

LARGEST_EVENT = 32 * 1024
"""Bytes of one event, serialised. It also keeps Segment's limit of 10,000 properties: so many need more bytes."""
LARGEST_REQUEST = 500 * 1024
"""Bytes of one request."""
MOST_EVENTS = 2_500
"""Events in one request; Segment answers 200 above it and drops them."""
LONGEST_MESSAGE_ID = 99
"""Characters; Segment asks for fewer than 100."""
LARGEST_INTEGER = 2**53
"""Beyond it neighbouring integers are the same to whoever reads JSON numbers as doubles; a fraction or an exponent is
written for such readers."""
MOST_UNFIT = 20
"""Values that JSON can't carry, of one event, that are named."""
CONSENT_EVENT = "Segment Consent Preference Updated"
"""The track event whose consent preferences Segment checks."""

_NOT_AN_EVENTS_OWN = {
    "writeKey": "belongs to the call, not to an event in it; send events of another source in a call of their own",
    "sentAt": "is set when the event is sent; say in timestamp when it happened",
}
_LONGEST_NAME = 100
_DEEPEST = 20
_SURROGATES = ("\ud800", "\udfff")


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with an event, or odd about it.

    Attributes:
        code: Segment's ingest code; of an oddity ours.
        field: where, in dots.
        message: what to mend.
    """

    code: str
    field: str
    message: str


_Path = tuple[()] | tuple["_Path", str]
"""Where a value stands: the path of what it stands in, and its name there."""


def problems_of(event: Any) -> list[Problem]:
    """Everything for which Segment would drop the event, its size apart; empty where it would take it."""
    if not isinstance(event, dict):
        return [Problem("bad_request", "", "must be an object")]
    kind = event.get("type")
    if kind not in KINDS:
        code = "missing_type" if kind is None else "invalid_type"
        return [Problem(code, "type", f"must be one of {', '.join(KINDS)}")]
    unfit = [] if _is_fit(event) else islice(_unfit_values(event), MOST_UNFIT)
    return [*_identity(event), *_BY_KIND[kind](event), *_common(event), *unfit]


def size_problems(size: int, frame: int = 0) -> list[Problem]:
    """Whether an event of that many bytes, serialised, is too large.

    Args:
        size: of the event.
        frame: bytes that go around it and count too.
    """
    if size + frame <= LARGEST_EVENT:
        return []
    return [Problem("bad_request", "", f"has {size} bytes; Segment takes {LARGEST_EVENT - frame}")]


def _identity(event: Mapping[str, Any]) -> Iterator[Problem]:
    for name in ("userId", "anonymousId", "groupId", "previousId"):
        if event.get(name) is not None and not _is_text(event[name]):
            yield Problem("id_not_string", name, "must be a non-empty string")
    if event["type"] != "alias" and event.get("userId") is None and event.get("anonymousId") is None:
        yield Problem("no_user_anon_id", "userId", "is required where anonymousId is absent")


def _common(event: Mapping[str, Any]) -> Iterator[Problem]:
    for name in ("context", "integrations"):
        if event.get(name) is not None and not isinstance(event[name], dict):
            yield Problem("bad_request", name, "must be an object")
    yield from _context(event)
    for name, reason in _NOT_AN_EVENTS_OWN.items():
        if name in event:
            yield Problem("bad_request", name, reason)
    message_id = event.get("messageId")
    if message_id is not None and not (_is_text(message_id) and len(message_id) <= LONGEST_MESSAGE_ID):
        yield Problem("bad_request", "messageId", f"must be a string of 1 to {LONGEST_MESSAGE_ID} characters")
    timestamp = event.get("timestamp")
    if timestamp is not None and not (isinstance(timestamp, str) and is_moment(timestamp)):
        yield Problem("bad_request", "timestamp", "must have a date, a time and a zone, such as 2026-01-31T08:00:00Z")


def _context(event: Mapping[str, Any]) -> Iterator[Problem]:
    context = event.get("context")
    device, consent = (
        (context.get(name) for name in ("device", "consent")) if isinstance(context, dict) else (None,) * 2
    )
    if isinstance(device, dict) and not isinstance(device.get("advertisingId", ""), str | None):
        yield Problem("device_advertisingid_should_be_string", "context.device.advertisingId", "must be a string")
    if isinstance(consent, dict):
        version = consent.get("version")
        if version is not None and (isinstance(version, bool) or not isinstance(version, int | float)):
            yield Problem("consent_version_should_be_number", "context.consent.version", "must be a number")
    if event["type"] == "track" and event.get("event") == CONSENT_EVENT:
        yield from _preferences(consent)


def _preferences(consent: Any) -> Iterator[Problem]:
    where, code = "context.consent.categoryPreferences", "consent_categorypreferences"
    preferences = consent.get("categoryPreferences") if isinstance(consent, dict) else None
    if preferences is None:
        yield Problem(f"{code}_should_exist", where, f"is required of {CONSENT_EVENT}")
    elif not isinstance(preferences, dict):
        yield Problem(f"{code}_fields_should_be_object", where, "must be an object")
    elif not all(isinstance(choice, bool) for choice in preferences.values()):
        yield Problem(f"{code}_fields_should_be_bool", where, "must have true or false for each category")


def _is_fit(event: Mapping[str, Any]) -> bool:
    """Whether JSON, and whoever reads it, can carry every value: what `_unfit_values` finds, in a tenth of its time."""
    todo: list[Any] = [event]
    while todo:
        value = todo.pop()
        names: Iterable[str] = value if isinstance(value, dict) else ()
        for text in names:
            if not (text.isascii() or _is_unicode(text)):
                return False
        for member in value.values() if isinstance(value, dict) else value:
            kind = type(member)
            if kind is str:
                if not (member.isascii() or _is_unicode(member)):
                    return False
            elif kind is dict or kind is list:
                todo.append(member)
            elif (kind is int and not -LARGEST_INTEGER <= member <= LARGEST_INTEGER) or (
                kind is float and not isfinite(member)
            ):
                return False
    return True


def _unfit_values(event: Mapping[str, Any]) -> Iterator[Problem]:
    """Values that JSON, or whoever reads it, can't carry, and where they are."""
    todo: list[tuple[_Path, Any]] = [((), event)]
    while todo:
        path, value = todo.pop()
        if isinstance(value, dict):
            todo += [((path, name), member) for name, member in reversed(value.items())]
            if not all(map(_is_unicode, value)):
                yield Problem("bad_request", _dotted(path), "has a name with a lone surrogate, which is no character")
        elif isinstance(value, list):
            todo += [((path, str(index)), value[index]) for index in range(len(value) - 1, -1, -1)]
        elif (reason := _unfit(value)) is not None:
            yield Problem("bad_request", _dotted(path), reason)


def _dotted(path: _Path) -> str:
    names: list[str] = []
    while path:
        path, name = path
        names.append(name[:_LONGEST_NAME])
    return ".".join(reversed(names[-_DEEPEST:]))


def _unfit(value: Any) -> str | None:
    if isinstance(value, str):
        return None if _is_unicode(value) else "has a lone surrogate, which is no character"
    if isinstance(value, float):
        return None if isfinite(value) else "must be a finite number"
    if isinstance(value, int) and not -LARGEST_INTEGER <= value <= LARGEST_INTEGER:
        return "is beyond 2^53, where integers lose digits; send it as a string"
    return None


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


def _object(event: Mapping[str, Any], name: str, code: str) -> Iterator[Problem]:
    if event.get(name) is not None and not isinstance(event[name], dict):
        yield Problem(code, name, "must be an object")


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _is_unicode(text: str) -> bool:
    return not any(_SURROGATES[0] <= character <= _SURROGATES[1] for character in text)


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
    if isinstance(message_id, str) and not (message_id.isprintable() and len(message_id) <= LONGEST_MESSAGE_ID):
        message_id = clean(message_id, LONGEST_MESSAGE_ID)
    identity = {"index": index, **({"messageId": message_id} if isinstance(message_id, str) else {})}
    return [
        {
            **identity,
            "code": problem.code,
            "field": clean(problem.field, 100),
            "message": f"{clean(problem.field, 100)} {problem.message}".strip(),
        }
        for problem in problems
    ]
