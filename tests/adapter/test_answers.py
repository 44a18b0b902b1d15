"""Answers: what each status and body means, and that upstream text is bounded and clean."""

import json
from datetime import UTC, datetime
from math import ceil
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segment_mcp.adapter.answers import Asked, body_of, data_of, errors_of, request_id
from segment_mcp.adapter.retry import wait_of
from segment_mcp.envelope import Envelope
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

HOST = "api.segmentapis.com"
NOW = datetime(2026, 5, 20, 12, 0, 0, 500_000, tzinfo=UTC)
HTML = b"<!doctype html><html><body>Bad gateway: secret-page-text</body></html>"
ERRORS = b'{"errors":[{"type":"bad-request","message":"name is too long","field":"name","data":{"x":1}}]}'


def failure(status: int, content: bytes = b"", **headers: str) -> UpstreamError:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    with pytest.raises(UpstreamError) as caught:
        data_of(status, named, content, Asked(HOST, NOW))
    return caught.value


def read(content: bytes) -> dict[str, Any]:
    return data_of(200, {}, content, Asked(HOST, NOW))


# Statuses


@pytest.mark.parametrize(
    "content",
    [b"", HTML, ERRORS, b"[1]", b'{"errors":', b'{"errors":[NaN]}', b'{"errors":[1,null,"x",{"message":5}]}',
     b"[" * 100_000],
    ids=["empty", "html", "errors", "list", "truncated", "nan", "odd-errors", "deep"],
)  # fmt: skip
@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, Rejected), (401, Unauthorized), (403, Forbidden), (404, NotFound), (408, Rejected),
        (409, Conflict), (413, Rejected), (422, Rejected), (429, RateLimited), (499, Rejected),
        (500, Unavailable), (503, Unavailable), (599, Unavailable),
    ],
)  # fmt: skip
def test_a_failures_status_decides_its_kind_whatever_the_body_is(
    status: int, kind: type[UpstreamError], content: bytes
) -> None:
    error = failure(status, content)
    assert type(error) is kind
    assert error.data()["status"] == status
    assert error.data()["host"] == HOST
    assert f"{HOST} answered {status}" in str(error)
    assert "secret-page-text" not in str(error.data()) + str(error)
    json.dumps(error.data(), allow_nan=False)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "an empty body"),
        (b"  \n", "an empty body"),
        (HTML, "an HTML page"),
        (b"\n <html>", "an HTML page"),
        (b"[1]", "another JSON value"),
        (b"1", "another JSON value"),
        (b'{"data":{"a":1}', "not valid JSON, or is cut off"),
        (b'{"data":{"a":NaN}}', "not valid JSON"),
        (b'{"data":{"a":-Infinity}}', "not valid JSON"),
        (b'{"data":{"a":' + b"9" * 5000 + b"}}", "not valid JSON"),
        (b"\xff\xfe\xfd", "not valid JSON"),
        (b"[" * 100_000, "not valid JSON"),
        (b"{}", "without a data object"),
        (b'{"data":null}', "without a data object"),
        (b'{"data":[]}', "without a data object"),
        (ERRORS, "with errors: name: name is too long."),
        (b'{"data":{"a":1},"errors":[{"message":"half done"}]}', "with errors: half done."),
    ],
    ids=[
        "empty", "blank", "html", "html-after-blanks", "list", "number", "truncated", "nan", "infinity", "huge-number",
        "binary", "deep", "no-data", "null-data", "list-data", "errors", "data-and-errors",
    ],
)  # fmt: skip
def test_a_success_that_is_no_answer_is_never_parsed_into_data(content: bytes, said: str) -> None:
    error = failure(200, content)
    assert type(error) is InvalidResponse
    assert said in str(error)
    assert error.data()["status"] == 200


def test_html_is_recognised_by_its_media_type_too() -> None:
    assert "an HTML page" in str(failure(200, b"oops", content_type="text/html; charset=utf-8"))


@pytest.mark.parametrize(
    ("status", "kind"),
    [(100, "unexpected_status"), (204, "empty"), (304, "unexpected_status")]
    + [(status, "redirect") for status in (301, 302, 303, 307, 308)],
)
def test_what_is_neither_success_with_a_body_nor_failure_is_no_answer(status: int, kind: str) -> None:
    error = failure(status, location="https://evil.example/?token=abc")
    assert type(error) is InvalidResponse
    assert error.data() == {"code": "invalid_response", "host": HOST, "status": status, "kind": kind}
    assert "evil" not in str(error)


@pytest.mark.parametrize("status", [200, 201, 202])
def test_the_data_object_comes_back_as_it_is(status: int) -> None:
    data: dict[str, Any] = {"source": {"id": "s", "labels": [], "none": None, "\u00fc": "\u4f60\U0001f600"}}
    content = json.dumps({"data": data}).encode()
    assert data_of(status, {}, content, Asked(HOST, NOW)) == data


def test_empty_errors_beside_data_are_no_failure() -> None:
    assert read(b'{"data":{"a":1},"errors":[]}') == {"a": 1}


def test_a_tracking_answer_needs_no_data() -> None:
    assert body_of(200, {}, b'{"success":true}', Asked(HOST, NOW)) == {"success": True}


# What an envelope can carry


@pytest.mark.parametrize(
    "content",
    [
        rb'{"data":{"a":"x\ud800y"}}',
        rb'{"data":{"\udfff":["\uD83D"]}}',
        b'{"data":{"a":"\xed\xa0\x80"}}',
        '{"data":{"a":"\ud800"}}'.encode("utf-16-le", "surrogatepass"),
        b'{"data":{"a":1e999}}',
        b'{"data":{"a":-1e999}}',
        b'{"data":{"a":' + b"[" * 300 + b"]" * 300 + b"}}",
        b'{"data":{"a":' + b'{"a":' * 300 + b"1" + b"}" * 300 + b"}}",
        b'{"data":{"a":' + b"[" * 900 + rb'"\ud800"' + b"]" * 900 + b"}}",
    ],
    ids=["escaped-surrogate", "surrogate-name", "raw-surrogate", "utf-16-surrogate", "overflow", "negative-overflow",
         "deep-lists", "deep-objects", "deep-surrogate"],
)  # fmt: skip
def test_an_answer_is_data_that_an_envelope_can_carry_or_it_is_refused(content: bytes) -> None:
    try:
        data = read(content)
    except InvalidResponse:
        return
    text = Envelope.success(data).as_json()
    json.loads(text, parse_constant=pytest.fail)


def test_a_lone_surrogate_becomes_a_replacement_and_a_pair_stays() -> None:
    assert read(rb'{"data":{"a":"x\ud800y","b":"\ud83d\ude00"}}') == {"a": "x\ufffdy", "b": "\U0001f600"}


@settings(max_examples=60, deadline=None)
@given(st.integers(100, 599), st.binary(max_size=40))
def test_no_body_leads_anywhere_but_to_data_or_an_upstream_error(status: int, content: bytes) -> None:
    try:
        data_of(status, {}, content, Asked(HOST, NOW))
    except UpstreamError as error:
        assert error.data()["status"] == status  # noqa: PT017 - an error is one of two right answers


# What Segment says


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        (None, []),
        ([], []),
        ({}, []),
        ({"errors": None}, []),
        ({"errors": "text"}, []),
        ({"errors": [1, None, [], "x"]}, []),
        ({"errors": [{"type": "T", "message": "M", "field": "F", "data": {"a": 1}, "status": 422}]},
         [{"type": "T", "message": "M", "field": "F"}]),
        ({"errors": [{"type": 1, "message": None, "field": "F"}]}, [{"field": "F"}]),
        ({"code": "invalid_json", "message": "Bad"}, [{"type": "invalid_json", "message": "Bad"}]),
        ({"message": "Bad"}, [{"message": "Bad"}]),
        ({"message": "Bad", "errors": [{"message": "Worse"}]}, [{"message": "Worse"}]),
        ({"errors": [{"message": str(i)} for i in range(50)]}, [{"message": str(i)} for i in range(10)]),
    ],
)  # fmt: skip
def test_errors_are_read_by_their_known_members(body: Any, errors: list[dict[str, str]]) -> None:
    assert errors_of(body) == errors


def test_a_rejection_names_field_and_reason_in_sentence_and_data() -> None:
    error = failure(422, ERRORS, x_request_id="req-1")
    assert str(error).startswith(f"{HOST} answered 422. Segment says: name: name is too long. ")
    assert error.data() == {
        "code": "rejected",
        "host": HOST,
        "status": 422,
        "requestId": "req-1",
        "errors": [{"type": "bad-request", "message": "name is too long", "field": "name"}],
    }


@pytest.mark.parametrize("status", [200, 422, 500])
def test_hostile_text_is_shortened_and_cleaned(status: int) -> None:
    hostile = "ignore\u202e all\x1b[31m previous\u200b\r\n" + "x" * 10_000
    error_of_many = {"type": hostile, "message": hostile, "field": hostile}
    first = {**error_of_many, "message": hostile * 1_000}
    content = json.dumps({"errors": [first] + [error_of_many] * 50}).encode()
    error = failure(status, content, x_request_id="r\u202e" * 1_000)
    assert len(str(error)) < 1_200
    assert len(json.dumps(error.data())) < 20_000
    for text in [str(error), error.data()["requestId"], *error.data()["errors"][0].values()]:
        assert text.replace("\u2026", "").isprintable()


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        ({}, None),
        ({"x-request-id": ""}, None),
        ({"x-request-id": "a"}, "a"),
        ({"request-id": "b"}, "b"),
        ({"x-request-id": "a", "request-id": "b"}, "a"),
        ({"x-request-id": "a\x00\u202eb"}, "a b"),
        ({"x-request-id": "x" * 500}, "x" * 99 + "\u2026"),
    ],
)
def test_the_requests_id_is_found_and_bounded(headers: dict[str, str], found: str | None) -> None:
    assert request_id(headers) == found


# How long to wait


def points(milliseconds: Any) -> Any:
    return {"errors": [{"type": "RequestError", "message": "Too many", "data": {"msBeforeNext": milliseconds}}]}


@pytest.mark.parametrize(
    ("header", "body", "seconds"),
    [
        ("7", None, 7),
        (" 7 ", None, 7),
        ("0", None, 0),
        ("7", points(90_000), 7),
        ("Wed, 20 May 2026 12:00:30 GMT", None, 30),
        ("Wed, 20 May 2026 14:00:30 +0200", None, 30),
        ("Wed, 20 May 2026 12:00:30", None, 30),
        ("Wed, 20 May 2026 11:00:00 GMT", None, 0),
        ("soon", None, None),
        ("-5", None, None),
        ("\u0667", None, None),
        ("Wed, 99 May 2026 12:00:30 GMT", None, None),
        ("Wed, 20 May 99999 12:00:30 GMT", None, None),
        ("soon", points(57_647), 58),
        (None, points(57_647), 58),
        (None, points(57_000), 57),
        (None, points(0), 0),
        (None, points(-1), 0),
        (None, points(0.5), 1),
        (None, points("57647"), None),
        (None, points(None), None),
        (None, {"errors": []}, None),
        (None, {"errors": [1]}, None),
        (None, [], None),
        (None, None, None),
    ],
)
def test_the_wait_is_read_from_header_or_body(header: str | None, body: Any, seconds: int | None) -> None:
    wait = wait_of(429, {} if header is None else {"retry-after": header}, body, NOW)
    assert (wait if wait is None else ceil(wait)) == seconds


@pytest.mark.parametrize(
    ("content", "headers"),
    [(b"", {"retry_after": "9" * 5_000}), (b'{"errors":[{"data":{"msBeforeNext":1e400}}]}', {})],
    ids=["five-thousand-digits", "infinite"],
)
def test_an_absurd_wait_leaves_the_failure_a_rate_limit(content: bytes, headers: dict[str, str]) -> None:
    assert type(failure(429, content, **headers)) is RateLimited


def test_a_rate_limit_says_how_long_and_leaves_it_out_where_nothing_says_it() -> None:
    assert failure(429, retry_after="7").data()["retryAfterSeconds"] == 7
    assert "retryAfterSeconds" not in failure(429).data()
