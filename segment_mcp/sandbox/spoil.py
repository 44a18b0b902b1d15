"""What a client is sent when a fault strikes: the answer that it is, and the pieces in which it comes.

Errors have Segment's own shapes: the Public API's envelope, the Tracking API's `{code, message}`, the Profile API's
`{error: {code, message}}`. Where Segment documents no wording for a status, the wording is ours.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from json import dumps
from types import MappingProxyType
from typing import Any

from segment_mcp.operations import Api, Operation
from segment_mcp.sandbox import checks, refusals
from segment_mcp.sandbox.faults import WITHOUT_BODY, Body, Fault

DRIPS = 10
"""Pieces in which a dripping body comes, so that the whole takes nine pauses, however long it is."""

DOCUMENTED_WAIT = 57_647  # milliseconds, in Segment's own example of a 429; as is CONSUMED
CONSUMED = 21

HTML = b"<!DOCTYPE html>\n<html><head><title>Bad day</title></head><body><h1>Bad day</h1></body></html>\n"

Headers = tuple[tuple[bytes, bytes], ...]
_JSON: Headers = ((b"content-type", b"application/json"),)
_HTML: Headers = ((b"content-type", b"text/html; charset=utf-8"),)


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer, whole. `headers` have lower-case names and say nothing of the body's length."""

    status: int
    headers: Headers
    body: bytes


def needs_the_sandbox(fault: Fault, row: Operation) -> bool:
    """Whether the sandbox gets the request at all.

    It does when it shall act; and when it is only asked for what it has, and something of that shows: half
    of a list is half of the real list.
    """
    return fault.act or (row.safety == "read" and fault.shows_the_answer)


def spoiled(fault: Fault, row: Operation, own: Answer | None) -> Answer:
    """The answer of a fault.

    Args:
        fault: what goes wrong; not a reset before the answer, which leaves none.
        row: the operation that was called.
        own: what the sandbox answered; None if it did not get the request.
    """
    answer = _with_status(fault, row, own or _success(row))
    if fault.body is not None:
        answer = _BODIES[fault.body](answer)
    named = tuple((name.lower().encode(), value.encode()) for name, value in fault.headers)
    replaced = {name for name, _ in named}
    return replace(answer, headers=(*(each for each in answer.headers if each[0] not in replaced), *named))


def head(answer: Answer) -> Headers:
    """The answer's headers with the length of its whole body, where its status may have one."""
    if answer.status in {HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED}:
        return answer.headers
    return (*answer.headers, (b"content-length", str(len(answer.body)).encode()))


def pieces(fault: Fault, answer: Answer) -> Iterator[bytes]:
    """What is sent of the body, one piece at a time: half of it before a reset, and in drips or at once."""
    sent = answer.body[: len(answer.body) // 2] if fault.reset == "middle" else answer.body
    size = max(1, -(-len(answer.body) // DRIPS) if fault.drip_seconds else len(sent))
    return (sent[start : start + size] for start in range(0, len(sent), size))


def _with_status(fault: Fault, row: Operation, answer: Answer) -> Answer:
    if fault.status is None:
        return answer
    if fault.status in WITHOUT_BODY:
        return Answer(fault.status, (), b"")
    if fault.status < HTTPStatus.MULTIPLE_CHOICES:
        return replace(answer, status=fault.status)
    return Answer(fault.status, _JSON, _compact(_REFUSAL_OF[row.api](fault.status, fault.headers)))


def _success(row: Operation) -> Answer:
    """What stands for an answer of the sandbox where it was not asked: success, and nothing in it."""
    if row.api == "tracking":
        return Answer(HTTPStatus.OK, _JSON, b'{\n  "success": true\n}')
    status = checks.contract(row.name).status if row.api == "public" else HTTPStatus.OK
    return Answer(status, _JSON, _compact({"data": {}}))


def _public_refusal(status: int, headers: tuple[tuple[str, str], ...]) -> Any:
    return {"errors": list(_problems(status, headers))}


def _problems(status: int, headers: tuple[tuple[str, str], ...]) -> tuple[refusals.Problem, ...]:
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return refusals.too_many(CONSUMED, _milliseconds(headers)).problems
    if status == HTTPStatus.UNPROCESSABLE_ENTITY:
        return ({"type": "input-validation", "message": "The request is not valid"},)
    known = _REFUSALS.get(status)
    return known().problems if known else ({"type": _title(status), "message": _phrase(status)},)


def _tracking_refusal(status: int, _: tuple[tuple[str, str], ...]) -> Any:
    code = "invalid_request" if status == HTTPStatus.BAD_REQUEST else _phrase(status).lower().replace(" ", "_")
    return {"code": code, "message": _phrase(status)}


def _profile_refusal(status: int, _: tuple[tuple[str, str], ...]) -> Any:
    code = _PROFILE_CODES.get(status, "invalid_request_error" if status < _LOWEST_SERVER_ERROR else "internal_error")
    return {"error": {"code": code, "message": _phrase(status)}}


def _milliseconds(headers: tuple[tuple[str, str], ...]) -> int:
    """What the 429's body says of the wait: the same as a `Retry-After` in seconds, if the fault has one."""
    said = next((value for name, value in headers if name.lower() == "retry-after"), "")
    return int(said) * 1000 if said.isascii() and said.isdecimal() and len(said) < 10 else DOCUMENTED_WAIT  # noqa: PLR2004 - digits of a sane wait


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return f"Status {status}"


def _title(status: int) -> str:
    return _phrase(status).replace(" ", "")


def _compact(value: Any) -> bytes:
    return dumps(value, separators=(",", ":")).encode()


_LOWEST_SERVER_ERROR = 500
_PROFILE_CODES: Mapping[int, str] = MappingProxyType(
    {401: "authentication_error", 403: "authentication_error", 404: "not_found", 429: "rate_limit_error"}
)
_REFUSAL_OF: Mapping[Api, Callable[[int, tuple[tuple[str, str], ...]], Any]] = MappingProxyType(
    {"public": _public_refusal, "tracking": _tracking_refusal, "profile": _profile_refusal}
)

_REFUSALS: Mapping[int, Callable[[], refusals.RefusalError]] = MappingProxyType(
    {
        401: refusals.unauthorized,
        404: refusals.not_found,
        413: refusals.too_large,
    }
)

_BODIES: Mapping[Body, Callable[[Answer], Answer]] = MappingProxyType(
    {
        "html": lambda answer: Answer(answer.status, _HTML, HTML),
        "truncated": lambda answer: replace(answer, body=answer.body[: len(answer.body) // 2]),
        "empty": lambda answer: Answer(answer.status, _JSON, b""),
        "json-list": lambda answer: Answer(answer.status, _JSON, b'["a list, where an object belongs"]'),
        "not-json": lambda answer: Answer(answer.status, _JSON, b"upstream connect error"),
    }
)
