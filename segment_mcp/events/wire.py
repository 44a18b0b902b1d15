"""Events as bytes: serialised once, and read without being taken apart where that is enough.

A line of a large import mostly is an event that Segment takes as it stands. `screen` finds that out from the
bytes, a third of the cost of parsing them: it reads what the checks ask for and only skips, strictly, over
the rest. What it doesn't vouch for gets the whole of `checks.problems_of`.
"""

import json
import secrets
from typing import Annotated, Any, Literal, NoReturn

import msgspec
from msgspec import UNSET, Meta, Raw, Struct, UnsetType
from pydantic_core import to_json

from segment_mcp.events.checks import (
    CONSENT_EVENT,
    LARGEST_EVENT,
    LONGEST_MESSAGE_ID,
    Problem,
    size_problems,
)
from segment_mcp.timing import is_moment

FRAME = 512
"""Bytes set aside for what stands around the events of a request: write key and `sentAt`."""


def new_message_id() -> str:
    """A messageId that no other event has: Segment deduplicates by it across all of its customers."""
    return secrets.token_hex(16)


def encode(event: Any, frame: int = 0) -> tuple[bytes, list[Problem]]:
    """An event that `checks.problems_of` found nothing against, as JSON; and whether it is too large.

    Args:
        event: JSON values.
        frame: bytes that will stand around it and count as its own.
    """
    try:
        body = _ENCODER.encode(event)
    except (ValueError, TypeError, RecursionError):  # a value that is none of JSON's, or too deep
        return b"", [Problem("bad_request", "", "has a value or a depth that JSON can't carry")]
    return body, size_problems(len(body), frame)


def vouch(event: Any, frame: int = 0) -> bytes | None:
    """The event as JSON, where `screen` vouches for it; None where it takes a closer look to know.

    Args:
        event: JSON values.
        frame: bytes that will stand around it and count as its own.
    """
    try:
        body = to_json(event, inf_nan_mode="constants")  # which are no JSON, and so not vouched for
    except (ValueError, TypeError, RecursionError):
        return None
    if len(body) + frame > LARGEST_EVENT:
        return None
    line = screen(body)
    return body if line is not None and line.writeKey is UNSET and line.sentAt is UNSET else None


def decode(text: bytes) -> Any:
    """The JSON value that the bytes spell, every number exact.

    Raises:
        ValueError: they spell none; says where.
    """
    try:
        return _EXACT.decode(text.decode("utf-8"))
    except RecursionError:
        raise ValueError("is nested too deep") from None
    except UnicodeDecodeError as error:
        raise ValueError(f"is not UTF-8 (byte {error.start + 1})") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"is no valid JSON: {error.msg.lower()} (character {error.pos + 1})") from None
    except _NoNumberError:
        raise
    except ValueError:
        raise ValueError("has a number of too many digits") from None


def decode_screened(line: bytes) -> dict[str, Any]:
    """The event of a line that `screen` vouched for: quicker than `decode`, and the same for such lines."""
    event: dict[str, Any] = _QUICK.decode(line)
    return event


class _NoNumberError(ValueError):
    """NaN or infinity, which Python's own reader takes for numbers."""


def _no_number(text: str) -> NoReturn:
    raise _NoNumberError(f"is no valid JSON: {text} is no number")


_ENCODER = msgspec.json.Encoder()
_QUICK = msgspec.json.Decoder()
_EXACT = json.JSONDecoder(parse_constant=_no_number)


class _Object(Struct, gc=False):
    """Any JSON object; its members are skipped."""


class _Device(Struct, gc=False):
    advertisingId: str | None = None


class _Consent(Struct, gc=False):
    version: float | None = None


class _Context(Struct, gc=False):
    device: _Device | None = None
    consent: _Consent | None = None


_Text = Annotated[str, Meta(min_length=1)]


class Line(Struct, gc=False):
    """What the checks and the import look at in a line; a member that is absent is UNSET or None.

    Attributes:
        messageId: UNSET where absent; null is not vouched for.
        sentAt, receivedAt, projectId, originalTimestamp, version, sent_at, received_at, project_id,
            original_timestamp: what Segment added to an archived event; present or not.
    """

    type: Literal["identify", "track", "page", "screen", "group", "alias"]
    userId: _Text | None = None
    anonymousId: _Text | None = None
    messageId: Annotated[str, Meta(min_length=1, max_length=LONGEST_MESSAGE_ID)] | UnsetType = UNSET
    event: _Text | None = None
    name: _Text | None = None
    category: _Text | None = None
    groupId: _Text | None = None
    previousId: _Text | None = None
    timestamp: str | None = None
    properties: _Object | None = None
    traits: _Object | None = None
    context: _Context | None = None
    integrations: _Object | None = None
    writeKey: Raw | UnsetType = UNSET
    sentAt: Raw | UnsetType = UNSET
    receivedAt: Raw | UnsetType = UNSET
    projectId: Raw | UnsetType = UNSET
    originalTimestamp: Raw | UnsetType = UNSET
    version: Raw | UnsetType = UNSET
    sent_at: Raw | UnsetType = UNSET
    received_at: Raw | UnsetType = UNSET
    project_id: Raw | UnsetType = UNSET
    original_timestamp: Raw | UnsetType = UNSET


_LINES = msgspec.json.Decoder(Line)
_SHAPE = bytes.maketrans(b"123456789E[", b"000000000e{")
"""Makes every digit a 0, every exponent an e, and whatever opens something a brace: three things to look for."""
_MANY_DIGITS = b"0" * 16
_LARGE_EXPONENT = b"0e000"
_BEFORE_A_NUMBER = b":,{ \t\r\n"
_LONGEST_NUMBER = 64
_MOST_OPENED = 400
"""Objects and arrays of a line, which could stand in one another deeper than a reader can follow."""


def screen(line: bytes) -> Line | None:
    """What stands in a line whose event Segment takes as it is; None where it takes a closer look to know.

    Members that only archived events have are no obstacle: whoever sends the event takes them out.

    Args:
        line: one JSON object, without blanks around it.
    """
    if len(line) > LARGEST_EVENT:
        return None
    try:
        found = _LINES.decode(line)
        if not line.isascii():
            line.decode()
    except (ValueError, RecursionError):
        return None
    if _may_be_huge_or_deep(line):
        return None
    if found.timestamp is not None and not is_moment(found.timestamp):
        return None
    return found if _has_what_its_kind_needs(found) else None


def _may_be_huge_or_deep(line: bytes) -> bool:
    """Whether there is an integer of 16 digits, an exponent of three, or much in one another, or text that looks so."""
    digits = line.translate(_SHAPE, b"+")
    if digits.count(b"{") > _MOST_OPENED:
        return True
    at = digits.find(_MANY_DIGITS)
    while at >= 0:
        if _may_begin_a_number(digits[at - 2 : at]):
            return True
        at = digits.find(_MANY_DIGITS, at + len(_MANY_DIGITS))
    at = digits.find(_LARGE_EXPONENT)
    while at >= 0:
        before = digits[max(0, at - _LONGEST_NUMBER) : at].rstrip(b"0.")
        if not before or _may_begin_a_number(before[-2:]):
            return True
        at = digits.find(_LARGE_EXPONENT, at + len(_LARGE_EXPONENT))
    return False


def _may_begin_a_number(before: bytes) -> bool:
    """Whether a number may stand behind these characters, a minus sign among them."""
    return before.removesuffix(b"-")[-1:] in _BEFORE_A_NUMBER


def _has_what_its_kind_needs(line: Line) -> bool:
    if line.type == "alias":
        return line.previousId is not None and line.userId is not None
    if line.userId is None and line.anonymousId is None:
        return False
    if line.type == "track":
        return line.event is not None and line.event != CONSENT_EVENT
    return line.type != "group" or line.groupId is not None
