"""The Webhooks destination, which really sends: to this machine, and to nowhere else.

Facts are of segmentio/action-destinations (destinations/webhook, its request client and errors): the body is `data` as
JSON, with `Content-Type: application/json` and the user agent `Segment (Actions)`; `X-Signature` is the HMAC-SHA1 of
that JSON in hexadecimal, with `sharedSecret` as the key; headers of the mapping take the place of those but the type;
without `data` there is neither body nor signature; 408, 423, 429 and what begins with 5, except 501, are tried again,
and other failures are not.

Choices of ours. A URL that does not literally name loopback counts as delivered, and nothing leaves the machine;
Segment does the opposite and refuses private networks. Requests are made after the Tracking API has answered, one
after the other; whoever calls the app in its own process has waited for them when the call returns. Redirects are not
followed, no proxy is used, and batches are not made. After `ATTEMPTS`, with short pauses instead of Segment's four
hours, a delivery has expired; those of one request to the Tracking API have `PATIENCE` seconds together, and what was
not delivered by then has expired, too. Every request carries `MARKER`; what the sandbox gets with it triggers no
further requests, so that a webhook which leads back to it does not multiply without end.
"""

import hmac
import ipaddress
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urlsplit

from segment_mcp.sandbox.ledger import Outcome

METADATA_ID: Final = "614a3c7d791c91c41bae7599"
ACTION_ID: Final = "nFPnRozhz1mh4Gbx4MLvT5"

ATTEMPTS: Final = 3
PAUSES: Final = (0.1, 0.3)
"""Seconds before each attempt but the first."""
TIMEOUT: Final = 2.0
"""Seconds of one attempt; Segment waits for ten."""
PATIENCE: Final = 20.0
MARKER: Final = "X-Segment-Sandbox"
"""The header of every request that is made, which no mapping can set or take away; its value is `webhook`."""
REFUSED: Final = "PAYLOAD_VALIDATION_FAILED"
"""The reason of a delivery of which no request could be made."""

_METHODS = frozenset({"PATCH", "POST", "PUT"})
_LOOPBACK = re.compile(
    r"https?://(localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::(\d{1,5}))?(?:[/?#][!-~]*)?", re.ASCII | re.IGNORECASE
)
_OURS = frozenset({"connection", "content-length", "content-type", "host", "transfer-encoding", MARKER.lower()})
_RETRIED = frozenset({408, 423, 429})
_LAST_PORT = 65_535
_NOT_IMPLEMENTED = 501
_SERVER_ERRORS = range(500, 600)
_SUCCESSES = range(200, 300)


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be sent.

    Attributes:
        body: None if there is none.
    """

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None


@dataclass(frozen=True, slots=True)
class Result:
    """How a delivery ended.

    Attributes:
        reason: Segment's code for it.
    """

    outcome: Outcome
    attempts: int
    reason: str


NOT_SENT: Final = Result("discarded", 0, REFUSED)
"""How a delivery ended that was not even tried."""


def is_webhook(metadata_id: str, action_id: str) -> bool:
    """Whether deliveries of that action of that kind of destination are requests of its user's making."""
    return (metadata_id, action_id) == (METADATA_ID, ACTION_ID)


def is_loopback(url: str) -> bool:
    """Whether a URL, by its own letters, leads to this machine: 127.0.0.0/8, ::1 or localhost, by http or https."""
    found = _LOOPBACK.fullmatch(url)
    if found is None or int(found[2] or 0) > _LAST_PORT:
        return False
    host = found[1]
    return not host[0].isdigit() or _is_address(host)


def request(payload: Mapping[str, Any], shared_secret: Any) -> Request | None:
    """The request that a rendered mapping means; None if no request can be made of it.

    Args:
        payload: with `url`, `method`, `headers` and `data`.
        shared_secret: of the destination's settings; nothing is signed without one.
    """
    headers = _headers(payload.get("headers"))
    method, url = payload.get("method"), payload.get("url")
    if headers is None or method not in _METHODS or not isinstance(url, str) or not _is_url(url):
        return None
    own = {"User-Agent": "Segment (Actions)"}
    body = None
    if "data" in payload:
        try:
            # Half a surrogate pair is written as JavaScript writes it.
            body = json.dumps(payload["data"], ensure_ascii=False, separators=(",", ":")).encode(
                "utf-8", "backslashreplace"
            )
        except RecursionError:
            return None
        if isinstance(shared_secret, str) and shared_secret:
            key = shared_secret.encode("utf-8", "replace")
            own["X-Signature"] = hmac.new(key, body, "sha1").hexdigest()
    replaced = {name.lower() for name in headers}
    kept = {name: value for name, value in own.items() if name.lower() not in replaced}
    typed = {} if body is None else {"Content-Type": "application/json"}
    return Request(str(method), url, MappingProxyType({**kept, **headers, **typed}), body)


def judged(status: int, attempt: int) -> Result | None:
    """How a delivery ended with the status of an answer; None if it is worth another attempt.

    Args:
        status: of HTTP.
        attempt: which it was, beginning with 1.
    """
    if status in _SUCCESSES:
        return succeeded(attempt)
    if status in _RETRIED or (status in _SERVER_ERRORS and status != _NOT_IMPLEMENTED):
        return None if attempt < ATTEMPTS else Result("expired", attempt, str(status))
    return Result("discarded", attempt, str(status))


def succeeded(attempt: int) -> Result:
    """A delivery that succeeded with that attempt."""
    return Result("first_attempt" if attempt == 1 else "after_retry", attempt, f"successes.attempt.{attempt}")


def _is_address(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is none
        return False


def _headers(given: Any) -> dict[str, str] | None:
    """Headers as HTTP can carry them, but for those that are not the mapping's to say; None if one can't be carried."""
    if not isinstance(given, dict):
        return {}
    found: dict[str, str] = {}
    for name, value in given.items():
        text = value if isinstance(value, str) else json.dumps(value)
        if not (name + text).isascii() or not (name + text).isprintable() or not name:
            return None
        if name.lower() not in _OURS:
            found[name] = text
    return found
