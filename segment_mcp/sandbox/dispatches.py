"""What was sent to destinations, delivery by delivery: what left, and how it ended.

The newest `MOST` are remembered, so memory does not grow with traffic. What is shown of one has no secrets: see
`shown`.
"""

import json
import re
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from segment_mcp.sandbox.settings import MASK, masked

MOST = 1_000
LONGEST: Final = 64 * 1024
"""Bytes of a payload that is shown."""

_OPEN_HEADERS = frozenset({"accept", "content-type", "user-agent"})
_SECRET = re.compile(r"auth(?!or(?!iz))|bearer", re.IGNORECASE)
"""Names of secrets beyond those of settings; an author is none."""
_GIVEN = re.compile(r"""(?<![\w-])([\w-]++)[\\"']*+\s*+[:=]""")
"""A name that a text gives a value to, as JSON, a form or a header does."""
_HOST = re.compile(r"[\w.:-]+")


@dataclass(frozen=True, slots=True)
class Dispatch:
    """One delivery.

    Attributes:
        number: the event's, as `arrivals` counts them.
        subscription_id: None for a destination without actions.
        outcome: as the ledger counts it.
        attempts: how often it was tried.
        reason: Segment's code for how it ended.
        payload: the rendered mapping or, without one, the event.
    """

    number: int
    destination_id: str
    subscription_id: str | None
    outcome: str
    attempts: int
    reason: str
    payload: Mapping[str, Any]


class Dispatches:
    """The memory of the newest deliveries.

    Args:
        most: how many.
    """

    def __init__(self, most: int = MOST) -> None:
        self._kept: deque[Dispatch] = deque(maxlen=most)
        self._of_event: dict[int, list[Dispatch]] = {}

    def add(self, dispatch: Dispatch) -> None:
        """Remember a delivery that came to its end."""
        if len(self._kept) == self._kept.maxlen:
            oldest = self._kept[0]
            together = self._of_event[oldest.number]
            together.remove(oldest)
            if not together:
                del self._of_event[oldest.number]
        self._kept.append(dispatch)
        self._of_event.setdefault(dispatch.number, []).append(dispatch)

    def of(self, number: int) -> tuple[Dispatch, ...]:
        """The remembered deliveries of an event, in the order in which they ended."""
        return tuple(self._of_event.get(number, ()))


def shown(dispatch: Dispatch) -> dict[str, Any]:
    """A delivery as a person sees it: `{destinationId, subscriptionId?, outcome, attempts, discardReason, payload?}`.

    What is named like a secret is bullets, in all depth; so is a whole text that gives such a name a value, as JSON
    does, and so are headers but for the most harmless. Of a URL there is no more than its origin: webhooks have their
    secrets in paths. A text that has one and is not only one is bullets, too. A payload that is too large, or too
    deep to be written, is left out.
    """
    payload = _fitting(dispatch.payload)
    return {
        "destinationId": dispatch.destination_id,
        **({} if dispatch.subscription_id is None else {"subscriptionId": dispatch.subscription_id}),
        "outcome": dispatch.outcome,
        "attempts": dispatch.attempts,
        "discardReason": dispatch.reason,
        **({} if payload is None else {"payload": payload}),
    }


def _fitting(payload: Mapping[str, Any]) -> Mapping[str, Any] | None:
    try:
        clean = {name: _clean(name, value) for name, value in _masked(payload).items()}
        return clean if len(json.dumps(clean)) <= LONGEST else None
    except RecursionError:
        return None


def _clean(name: str, value: Any) -> Any:
    if name == "headers" and isinstance(value, dict):
        return {header: each if header.lower() in _OPEN_HEADERS else MASK for header, each in value.items()}
    if name == "url" and isinstance(value, str):
        return _origin(value)
    return _deep(value)


def _origin(url: str) -> str:
    try:
        parts = urlsplit(url)
        port = "" if parts.port is None else f":{parts.port}"
    except ValueError:
        return MASK
    host = parts.hostname or ""
    shown_host = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown_host}{port}/…" if parts.scheme and _HOST.fullmatch(host) else MASK


def _deep(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _deep(inner) for name, inner in _masked(value).items()}
    if isinstance(value, list):
        return [_deep(inner) for inner in value]
    return _told(value) if isinstance(value, str) else value


def _told(text: str) -> str:
    if "://" in text:
        return _origin(text)
    return MASK if any(_is_secret(name) for name in _GIVEN.findall(text)) else text


def _is_secret(name: str) -> bool:
    return bool(_masked({name: "?"})[name] == MASK)


def _masked(members: Mapping[str, Any]) -> dict[str, Any]:
    more = [{"name": name, "type": "password"} for name in members if _SECRET.search(name)]
    return masked(members, {"options": more})
