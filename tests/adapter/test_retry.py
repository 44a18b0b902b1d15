"""What may be sent again, and when: the decisions as tables."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segment_mcp.adapter.retry import FIRST_PAUSE, LONGEST_PAUSE, may_repeat, pause, reset_of, wait_of
from segment_mcp.errors import (
    Conflict,
    Forbidden,
    InvalidResponse,
    NetworkFailed,
    NotFound,
    RateLimited,
    Rejected,
    TimedOut,
    Unauthorized,
    Unavailable,
    UpstreamError,
)
from segment_mcp.operations import Operation, get

NOW = datetime(2026, 5, 20, 12, 0, 0, tzinfo=UTC)
HOST = "api.segmentapis.com"

OPERATIONS: Mapping[str, Operation] = {
    "read": get("getSource"),
    "read by POST": Operation("previewFilter", "POST", "/destination/filters/preview", "read", "Try a filter."),
    "PUT": Operation("replaceLabelsInSource", "PUT", "/sources/{sourceId}/labels", "write", "Replace labels."),
    "DELETE": get("deleteSource"),
    "PATCH": get("updateSource"),
    "POST": get("addLabelsToSource"),
    "event": get("track"),
    "batch": get("batch"),
}
HARMLESS = {"read", "read by POST", "PUT", "DELETE", "event", "batch"}
EVENTS = {"event", "batch"}
ALL = set(OPERATIONS)
NONE: set[str] = set()


def failed(kind: type[UpstreamError], status: int | None = None, *, acted: bool = True) -> UpstreamError:
    return kind("It failed.", host=HOST, status=status, acted=acted)


MAY_REPEAT: Mapping[str, tuple[UpstreamError, set[str]]] = {
    "refused by the rate limit": (failed(RateLimited, 429, acted=False), ALL),
    "connection never opened": (failed(NetworkFailed, acted=False), ALL),
    "connecting took too long": (failed(TimedOut, acted=False), ALL),
    "connection broke": (failed(NetworkFailed), HARMLESS),
    "no answer in time": (failed(TimedOut), HARMLESS),
    "500": (failed(Unavailable, 500), HARMLESS),
    "502": (failed(Unavailable, 502), HARMLESS),
    "503": (failed(Unavailable, 503), HARMLESS),
    "504": (failed(Unavailable, 504), HARMLESS),
    "599": (failed(Unavailable, 599), HARMLESS),
    "501": (failed(Unavailable, 501), NONE),
    "505": (failed(Unavailable, 505), NONE),
    "511": (failed(Unavailable, 511), NONE),
    "408": (failed(Rejected, 408), HARMLESS),
    "410": (failed(Rejected, 410), EVENTS),
    "460": (failed(Rejected, 460), EVENTS),
    "400": (failed(Rejected, 400), NONE),
    "401": (failed(Unauthorized, 401), NONE),
    "403": (failed(Forbidden, 403), NONE),
    "404": (failed(NotFound, 404), NONE),
    "409": (failed(Conflict, 409), NONE),
    "413": (failed(Rejected, 413), NONE),
    "422": (failed(Rejected, 422), NONE),
    "an unreadable answer": (failed(InvalidResponse, 200), NONE),
    "a redirect": (failed(InvalidResponse, 302), NONE),
    "an unreadable answer of nobody": (failed(InvalidResponse), NONE),
}


@pytest.mark.parametrize("kind", OPERATIONS)
@pytest.mark.parametrize("fault", MAY_REPEAT)
def test_only_what_does_no_harm_a_second_time_is_repeated(fault: str, kind: str) -> None:
    failure, repeated = MAY_REPEAT[fault]
    assert may_repeat(OPERATIONS[kind], failure) is (kind in repeated)


# How long to pause


@pytest.mark.parametrize(
    ("attempt", "chance", "seconds"),
    [
        (0, 0.0, 0.0),
        (0, 0.5, 0.25),
        (0, 0.999, 0.4995),
        (1, 0.5, 0.5),
        (2, 0.5, 1.0),
        (3, 0.5, 2.0),
        (4, 0.5, 4.0),
        (4, 0.999, 7.992),
        (5, 0.5, 4.0),
        (9, 0.5, 4.0),
        (9, 0.0, 0.0),
        (9, 0.999, 7.992),
    ],
)
def test_pauses_grow_to_a_bound_with_full_jitter(attempt: int, chance: float, seconds: float) -> None:
    assert pause(attempt, failed(Unavailable, 503), chance) == pytest.approx(seconds)


@settings(deadline=None)
@given(st.integers(0, 100), st.floats(0, 1, exclude_max=True))
def test_a_pause_is_never_longer_than_the_longest(attempt: int, chance: float) -> None:
    assert 0 <= pause(attempt, failed(Unavailable, 503), chance) <= min(LONGEST_PAUSE, FIRST_PAUSE * 2**attempt)


@pytest.mark.parametrize("attempt", [0, 9])
@pytest.mark.parametrize("chance", [0.0, 0.999])
@pytest.mark.parametrize("wait", [0.2, 7.0, 3600.0])
def test_segments_word_goes_before_our_own_pauses(wait: float, chance: float, attempt: int) -> None:
    told = RateLimited("Too many.", host=HOST, status=429, acted=False, wait=wait)
    assert pause(attempt, told, chance) == wait


# How long Segment asks to wait


def date(seconds: float) -> str:
    return format_datetime(NOW + timedelta(seconds=seconds), usegmt=True)


def body(milliseconds: Any) -> dict[str, Any]:
    return {"errors": [{"type": "RequestError", "message": "Too many", "data": {"msBeforeNext": milliseconds}}]}


WAITS: Mapping[str, tuple[int, dict[str, str], Any, float | None]] = {
    "nothing": (429, {}, None, None),
    "seconds": (429, {"retry-after": "7"}, None, 7.0),
    "seconds with blanks": (429, {"retry-after": " 7 "}, None, 7.0),
    "date": (429, {"retry-after": date(31)}, None, 31.0),
    "date that is past": (429, {"retry-after": date(-31)}, None, 0.0),
    "date without a zone": (429, {"retry-after": "Wed, 20 May 2026 12:00:09 -0000"}, None, 9.0),
    "date of another zone": (429, {"retry-after": "Wed, 20 May 2026 14:00:09 +0200"}, None, 9.0),
    "words": (429, {"retry-after": "soon"}, None, None),
    "negative": (429, {"retry-after": "-5"}, None, None),
    "no decimal number": (429, {"retry-after": "0x10"}, None, None),
    "other digits": (429, {"retry-after": "\u0667"}, None, None),
    "more digits than any time has": (429, {"retry-after": "9" * 400}, None, None),
    "a day that does not exist": (429, {"retry-after": "Wed, 41 May 2026 12:00:00 GMT"}, None, None),
    "a year that does not exist": (429, {"retry-after": "Wed, 20 May 99999 12:00:00 GMT"}, None, None),
    "milliseconds": (429, {}, body(57_647), 57.647),
    "broken milliseconds": (429, {}, body(500.5), 0.5005),
    "negative milliseconds": (429, {}, body(-1), 0.0),
    "milliseconds as text": (429, {}, body("57647"), None),
    "milliseconds that are no number": (429, {}, body(math.nan), None),
    "endless milliseconds": (429, {}, body(math.inf), None),
    "no list of errors": (429, {}, {"errors": {"data": {"msBeforeNext": 1}}}, None),
    "no errors": (429, {}, {"errors": []}, None),
    "no object": (429, {}, [1], None),
    "reset as a date": (429, {"x-ratelimit-reset": date(12)}, None, 12.0),
    "reset in seconds": (429, {"x-ratelimit-reset": "12"}, None, 12.0),
    "reset as seconds since 1970": (429, {"x-ratelimit-reset": str(int(NOW.timestamp()) + 12)}, None, 12.0),
    "reset that is past": (429, {"x-ratelimit-reset": str(int(NOW.timestamp()) - 12)}, None, 0.0),
    "header before body": (429, {"retry-after": "7"}, body(3_000), 7.0),
    "body before reset": (429, {"x-ratelimit-reset": "12"}, body(3_000), 3.0),
    "header before reset": (429, {"retry-after": "7", "x-ratelimit-reset": "12"}, None, 7.0),
    "body where the header is garbage": (429, {"retry-after": "soon"}, body(3_000), 3.0),
    "reset where the rest is garbage": (429, {"retry-after": "soon", "x-ratelimit-reset": "12"}, body(None), 12.0),
    "503 with a header": (503, {"retry-after": "7"}, None, 7.0),
    "503 knows no rate limit": (503, {"x-ratelimit-reset": "12"}, body(3_000), None),
}


@pytest.mark.parametrize("said", WAITS)
def test_the_wait_is_the_first_word_that_can_be_read(said: str) -> None:
    status, headers, content, seconds = WAITS[said]
    assert wait_of(status, headers, content, NOW) == (None if seconds is None else pytest.approx(seconds))


def test_milliseconds_beyond_any_number_are_no_word_of_segments() -> None:
    assert wait_of(429, {}, body(10**400), NOW) is None


@pytest.mark.parametrize(
    "said",
    ["Wed, 20 May 99999999999999999999 12:00:00 GMT", "Wed, 20 May 2026 12:00:00 +99999999999999999999",
     "Wed, 99999999999999999999 May 2026 12:00:00 GMT", "20 May 2026 99999999999999999999:00:00 GMT",
     "Mon, 01 Jan 0001 00:00:00 +2359", "Fri, 31 Dec 9999 23:59:59 -2359"],
)  # fmt: skip
def test_no_date_is_too_absurd_to_be_read_or_passed_over(said: str) -> None:
    wait = wait_of(429, {"retry-after": said}, None, NOW)
    assert wait is None or (wait >= 0 and math.isfinite(wait))


HEADER_TEXT = (
    st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=40)
    | st.text("0123456789+-:, GMTWedMayJan.", max_size=40)
    | st.integers().map(str)
)


@settings(deadline=None)
@given(HEADER_TEXT, HEADER_TEXT, st.none() | st.integers() | st.floats() | st.text())
def test_whatever_an_answer_says_of_waiting_a_wait_is_finite_and_not_negative(
    header: str, reset: str, milliseconds: Any
) -> None:
    wait = wait_of(429, {"retry-after": header, "x-ratelimit-reset": reset}, body(milliseconds), NOW)
    assert wait is None or (wait >= 0 and math.isfinite(wait))


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"x-ratelimit-remaining": "0"}, None),
        ({"x-ratelimit-reset": "12"}, None),
        ({"x-ratelimit-remaining": "1", "x-ratelimit-reset": "12"}, None),
        ({"x-ratelimit-remaining": "none", "x-ratelimit-reset": "12"}, None),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "12"}, 12.0),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": date(12)}, 12.0),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": date(-12)}, 0.0),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(NOW.timestamp()) + 12)}, 12.0),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "soon"}, None),
    ],
    ids=str,
)
def test_a_limit_is_used_up_only_where_nothing_remains_and_the_reset_is_known(
    headers: dict[str, str], seconds: float | None
) -> None:
    assert reset_of(headers, NOW) == seconds
