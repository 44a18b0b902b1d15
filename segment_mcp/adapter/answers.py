"""From an HTTP answer to Segment's data, or to the error that it means. Pure: nothing is sent here."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import ceil, isfinite
from typing import Any, NoReturn

from segment_mcp.adapter import retry
from segment_mcp.errors import (
    Conflict,
    Forbidden,
    InvalidResponse,
    NotFound,
    RateLimited,
    Rejected,
    Unauthorized,
    Unavailable,
    UpstreamError,
)
from segment_mcp.redact import Scrubber, clean

_FAILURES: Mapping[int, type[UpstreamError]] = {
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    429: RateLimited,
}
_ERRORS_SHOWN = 10
_LOWEST_ERROR, _LOWEST_SERVER_ERROR = 400, 500
_DEEPEST = 100
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_KINDS = {
    "empty": "an empty body",
    "html": "an HTML page",
    "wrong_content_type": "a body that is not declared as JSON",
    "not_json": "a body that is not valid JSON, or is cut off",
    "not_an_object": "another JSON value",
}
_ESCAPED_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


@dataclass(frozen=True, slots=True)
class Asked:
    """Who was asked, and with what.

    Attributes:
        host: named in errors.
        now: against which dates in headers are read.
        secrets: gives the credentials of the request, which the answer may echo.
    """

    host: str
    now: datetime
    secrets: Callable[[], Sequence[str]] = tuple


def data_of(status: int, headers: Mapping[str, str], content: bytes, asked: Asked) -> dict[str, Any]:
    """The `data` object of a Public API answer.

    Raises:
        UpstreamError: the answer is no success, or no answer of Segment's.
    """
    body = body_of(status, headers, content, asked)
    host = asked.host
    data = body.get("data")
    if not isinstance(data, dict):
        raise InvalidResponse(
            f"{host} answered {status} without a data object.", host=host, status=status, kind="no_data"
        )
    return data


def body_of(status: int, headers: Mapping[str, str], content: bytes, asked: Asked) -> dict[str, Any]:
    """The JSON object of a successful answer.

    Args:
        status: the HTTP status.
        headers: with lower-case names, or case-insensitive.
        content: the body.
        asked: who was asked, and with what.

    Raises:
        UpstreamError: the status is no success, or the body is no JSON object: an `InvalidResponse` then says in
            `kind` what it is.
    """
    host = asked.host
    if status >= _LOWEST_ERROR:
        _fail(status, headers, content, asked)
    if not 200 <= status < 300:  # noqa: PLR2004 - the success range of HTTP
        raise InvalidResponse(
            f"{host} answered {status}, which is no answer of Segment's; redirects are not followed.",
            host=host, status=status, kind="redirect" if status in _REDIRECTS else "unexpected_status",
        )  # fmt: skip
    body = _parse(content) if _says_json(headers) else None
    if isinstance(body, dict):
        if body.get("errors"):
            errors = errors_of(body, asked.secrets())
            raise InvalidResponse(
                f"{host} answered {status} with errors: {_sentence(errors)}",
                host=host,
                status=status,
                kind="errors_in_success",
                errors=errors,
                requestId=request_id(headers, asked.secrets()),
            )
        return body
    kind = _kind(headers, content, body)
    raise InvalidResponse(
        f"{host} answered {status} with {_KINDS[kind]} instead of a JSON object.", host=host, status=status, kind=kind
    )


def errors_of(body: Any, secrets: Sequence[str] = ()) -> list[dict[str, str]]:
    """Segment's `errors`, cleaned: `[{type?, message?, field?}]`, at most ten.

    The Tracking API's `{code, message}` is read as one error, and so is the Profile API's `{error: {code, message}}`.

    Args:
        body: the JSON value.
        secrets: what must not be echoed.
    """
    scrubber = Scrubber(secrets)
    listed = body.get("errors") if isinstance(body, dict) else None
    if isinstance(body, dict) and not isinstance(listed, list):
        inner = body.get("error")
        single = inner if isinstance(inner, dict) else body
        if isinstance(single.get("message"), str):
            listed = [{"type": single.get("code"), "message": single["message"]}]
    if not isinstance(listed, list):
        return []
    shown = [
        {
            name: clean(scrubber.text(error[name]))
            for name in ("type", "message", "field")
            if isinstance(error.get(name), str)
        }
        for error in listed[:_ERRORS_SHOWN]
        if isinstance(error, dict)
    ]
    return [error for error in shown if error]


def request_id(headers: Mapping[str, str], secrets: Sequence[str] = ()) -> str | None:
    """Segment's id of the request, where the answer has one."""
    said = headers.get("x-request-id") or headers.get("request-id")
    return clean(Scrubber(secrets).text(said), 100) if said else None


def _fail(status: int, headers: Mapping[str, str], content: bytes, asked: Asked) -> NoReturn:
    failure = _FAILURES.get(status, Rejected if status < _LOWEST_SERVER_ERROR else Unavailable)
    body = _parse(content)
    errors = errors_of(body, asked.secrets())
    host = asked.host
    said = f" Segment says: {_sentence(errors)}" if errors else ""
    details: dict[str, Any] = {"errors": errors} if errors else {}
    wait = retry.wait_of(status, headers, body, asked.now)
    if failure is RateLimited and wait is not None:
        details["retryAfterSeconds"] = ceil(wait)
    raise failure(
        f"{host} answered {status}.{said}",
        host=host,
        status=status,
        acted=failure is not RateLimited,
        wait=wait,
        requestId=request_id(headers, asked.secrets()),
        **details,
    )


def _sentence(errors: list[dict[str, str]]) -> str:
    said = "; ".join(
        f"{error['field']}: {error.get('message', error.get('type', ''))}" if "field" in error
        else error.get("message", error.get("type", "no message"))
        for error in errors
    )  # fmt: skip
    return clean(said, 500).rstrip(".") + "."


def _parse(content: bytes) -> Any:
    """The JSON value, or None where it is none that an answer of ours could carry on.

    That is: text in UTF-8, finite numbers, at most a hundred levels. Lone surrogates, which Segment's
    JSON can spell and ours can't, become U+FFFD.
    """
    try:
        text = content.decode("utf-8-sig")
        value = _DECODER.decode(text)
    except (ValueError, RecursionError):
        return None
    if text.count("[") + text.count("{") > _DEEPEST and _is_deeper(value, _DEEPEST):
        return None
    return _without_surrogates(value) if _ESCAPED_SURROGATE.search(text) else value


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    return number if isfinite(number) else _no_number(text)


_DECODER = json.JSONDecoder(parse_constant=_no_number, parse_float=_finite)


def _is_deeper(value: Any, levels: int) -> bool:
    layer = [value] if isinstance(value, dict | list) else []
    for _ in range(levels):
        layer = [
            inner
            for outer in layer
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
        if not layer:
            return False
    return True


def _without_surrogates(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if isinstance(value, list):
        return [_without_surrogates(item) for item in value]
    if isinstance(value, dict):
        return {_without_surrogates(name): _without_surrogates(member) for name, member in value.items()}
    return value


def _says_json(headers: Mapping[str, str]) -> bool:
    """Whether the body is declared as JSON; one that is not declared at all gets the benefit of the doubt."""
    said = headers.get("content-type", "")
    return not said or "json" in said.lower()


def _kind(headers: Mapping[str, str], content: bytes, body: Any) -> str:
    if not content.strip():
        return "empty"
    if "html" in headers.get("content-type", "").lower() or content.lstrip()[:1] == b"<":
        return "html"
    if not _says_json(headers):
        return "wrong_content_type"
    return "not_json" if body is None else "not_an_object"
