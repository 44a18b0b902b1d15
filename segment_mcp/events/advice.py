"""What Segment takes, and somebody will regret: warnings that come beside a success. Pure.

Reserved traits and their types are from Segment's spec pages (connections/spec/identify, group, track, page), the
limits of Unify from unify/profile-api-limits. A warning's code is ours: Segment has none for these.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from segment_mcp.events.checks import Problem

MOST_TRAITS = 300
"""Traits or properties of one event; Unify silently drops events with more."""
LONGEST_GROUP_ID = 500
"""Characters; Unify silently drops group calls with more."""
CLOCK_SKEW = timedelta(minutes=10)
"""How far ahead a clock may be before a timestamp counts as future."""

_E_MAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")

_TEXT, _NUMBER, _OBJECT, _LIST, _DATE, _COUNT = "a string", "a number", "an object", "an array", "a date", "a count"
_USER = dict.fromkeys(
    ("avatar", "description", "email", "firstName", "gender", "id", "lastName", "name", "phone", "title", "username",
     "website"),
    _TEXT,
) | {"address": _OBJECT, "age": _NUMBER, "birthday": _DATE, "company": _OBJECT, "createdAt": _DATE}  # fmt: skip
_GROUP = dict.fromkeys(
    ("avatar", "description", "email", "id", "industry", "name", "phone", "website", "plan"), _TEXT
) | {"address": _OBJECT, "createdAt": _DATE, "employees": _COUNT}
_TRACK = {"revenue": _NUMBER, "value": _NUMBER, "currency": _TEXT}
_PAGE = dict.fromkeys(("name", "path", "referrer", "search", "title", "url"), _TEXT) | {"keywords": _LIST}
_RESERVED: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "identify": ("traits", _USER),
    "group": ("traits", _GROUP),
    "track": ("properties", _TRACK),
    "page": ("properties", _PAGE),
    "screen": ("properties", {"name": _TEXT}),
    "alias": ("traits", {}),
}


def advice_on(event: Mapping[str, Any], now: datetime) -> list[Problem]:
    """Every oddity of an event that has no problem.

    Args:
        event: as it will be sent.
        now: with a zone; timestamps after it are in the future.
    """
    return [*_reserved(event), *_ids(event), *_moment(event, now)]


def _reserved(event: Mapping[str, Any]) -> Iterator[Problem]:
    where, types = _RESERVED[event["type"]]
    members = event.get(where)
    if not isinstance(members, dict):
        return
    if len(members) > MOST_TRAITS:
        yield Problem("too_many_traits", where, f"has {len(members)} members; Unify drops events of over {MOST_TRAITS}")
    for name, expected in types.items():
        value = members.get(name)
        if value is not None and not _IS[expected](value):
            yield Problem("reserved_type", f"{where}.{name}", f"is reserved by Segment's spec, which wants {expected}")


def _ids(event: Mapping[str, Any]) -> Iterator[Problem]:
    message_id = event.get("messageId") or ""
    if "@" in message_id and _E_MAIL.fullmatch(message_id):
        yield Problem(
            "email_message_id", "messageId",
            "is an e-mail address: Segment drops every further event with it within a day, from any source",
        )  # fmt: skip
    if event["type"] == "group" and len(event["groupId"]) > LONGEST_GROUP_ID:
        yield Problem("long_group_id", "groupId", f"is over {LONGEST_GROUP_ID} characters; Unify drops the call")


def _moment(event: Mapping[str, Any], now: datetime) -> Iterator[Problem]:
    timestamp = event.get("timestamp")
    if timestamp is not None and datetime.fromisoformat(timestamp) > now + CLOCK_SKEW:
        yield Problem("future_timestamp", "timestamp", "is in the future; leave it out for what happens now")


def _is_date(value: Any) -> bool:
    try:
        datetime.fromisoformat(value)
    except (ValueError, TypeError):
        return False
    return True


_IS: Mapping[str, Callable[[Any], bool]] = {
    _TEXT: lambda value: isinstance(value, str),
    _NUMBER: lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    _OBJECT: lambda value: isinstance(value, dict),
    _LIST: lambda value: isinstance(value, list),
    _DATE: _is_date,
    _COUNT: lambda value: isinstance(value, int | float | str) and not isinstance(value, bool),
}
