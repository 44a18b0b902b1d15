"""The Profile API's client: the URL that goes out, what comes back, and that nobody's identifier is told to others."""

import base64
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import quote

import httpx2
import pytest

from segment_mcp.adapter.hosts import Region
from segment_mcp.adapter.http import Http
from segment_mcp.adapter.profiles import ProfileClient
from segment_mcp.config import Connection
from segment_mcp.errors import (
    Forbidden,
    InvalidArguments,
    InvalidResponse,
    NotConfigured,
    NotFound,
    RateLimited,
    Rejected,
    SegmentMcpError,
    TimedOut,
    Unauthorized,
    Unavailable,
    UpstreamError,
)
from segment_mcp.operations import get
from segment_mcp.ports import Bounds
from tests.adapter.clockwork import Clockwork
from tests.adapter.faults import FAULTS, Faulty

pytestmark = pytest.mark.anyio

US, EU = "profiles.segment.com", "profiles.euw1.segment.com"
TOKEN = "pRoFiLeCaNaRy9f8e7d6c"
SPACE = "spa_jx5TXF1X"
JANE = "jane.doe@customer.example"
PERSON = {"collection": "users", "identifier": f"email:{JANE}"}
TRAITS, EVENTS, LINKS, METADATA = map(
    get, ("getProfileTraits", "getProfileEvents", "getProfileLinks", "getProfileMetadata")
)
IDS = get("getProfileExternalIds")

Handler = Callable[[httpx2.Request], httpx2.Response]


class Segment:
    """Answers as told, one after the other, the last one again; and remembers what it was asked."""

    def __init__(self, *answers: httpx2.Response) -> None:
        self._answers = list(answers)
        self.requests: list[httpx2.Request] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        told = self._answers[min(len(self.requests), len(self._answers)) - 1]
        return httpx2.Response(told.status_code, headers=told.headers, content=told.content)

    def targets(self) -> list[str]:
        return [request.url.raw_path.decode() for request in self.requests]


def said(body: Mapping[str, Any], status: int = 200, **headers: str) -> httpx2.Response:
    return httpx2.Response(status, json=body, headers=headers)


def refusal(status: int, code: str = "validation_error", message: str = "No.", **headers: str) -> httpx2.Response:
    return said({"error": {"code": code, "message": message}}, status, **headers)


def page(items: Any, following: str = "", key: str = "data") -> httpx2.Response:
    url = f"/v1/spaces/{SPACE}/collections/users/profiles/use_RkjG0kW53ig/x"
    return said({key: items, "cursor": {"url": url, "has_more": bool(following), "next": following}})


EVERYTHING = said({"traits": {}, "data": [], "metadata": {}, "cursor": {"has_more": False, "next": ""}})


async def nowhere() -> Region | None:
    return None


def over(
    transport: httpx2.AsyncBaseTransport,
    clock: Clockwork | None = None,
    find: Callable[[], Awaitable[Region | None]] = nowhere,
    **connection: Any,
) -> ProfileClient:
    settings = {"profile_token": TOKEN, "profile_space_id": SPACE, **connection}
    given = Connection.model_validate({name: value for name, value in settings.items() if value})
    timing = (clock or Clockwork()).timing()
    return ProfileClient(given, Http(lambda: transport), find, timing=timing, call_seconds=25)


def client(segment: Handler, clock: Clockwork | None = None, **connection: Any) -> ProfileClient:
    return over(httpx2.MockTransport(segment), clock, **connection)


async def refused(segment: Handler, arguments: Mapping[str, Any] = PERSON, **connection: Any) -> SegmentMcpError:
    with pytest.raises(SegmentMcpError) as caught:
        await client(segment, **connection).call(METADATA, arguments)
    return caught.value


# The request


@pytest.mark.parametrize(
    ("identifier", "sent"),
    [
        ("user_id:u-1", "user_id:u-1"),
        ("user_id:U-1", "user_id:u-1"),
        ("User_ID:u1", "user_id:u1"),
        ("anonymous_id:1D1CD931-bc7d", "anonymous_id:1d1cd931-bc7d"),
        ("email:Jane.Doe@Customer.example", "email:jane.doe%40customer.example"),
        ("phone_number:+5555550123", "phone_number:%2B5555550123"),
        ("user_id:a b", "user_id:a%20b"),
        ("user_id:a/b", "user_id:a%2Fb"),
        ("user_id:../../x", "user_id:..%2F..%2Fx"),
        ("user_id:a:b", "user_id:a%3Ab"),
        ("user_id:100%", "user_id:100%25"),
        ("user_id:%2e%2e", "user_id:%252e%252e"),
        ("user_id:a?limit=1#x", "user_id:a%3Flimit%3D1%23x"),
        ("user_id:a&b=c;d", "user_id:a%26b%3Dc%3Bd"),
        ("user_id:ÜBER", "user_id:%C3%BCber"),
        ("android.idfa:AB", "android.idfa:ab"),
        ("user_id:\N{KELVIN SIGN}1\N{KELVIN SIGN}A", "user_id:%E2%84%AA1%E2%84%AAa"),
        ("user_id:\N{LATIN CAPITAL LETTER I WITH DOT ABOVE}X", "user_id:%C4%B0x"),
    ],
)
async def test_an_identifier_goes_out_in_lower_case_with_nothing_unescaped(identifier: str, sent: str) -> None:
    segment = Segment(EVERYTHING)
    await client(segment).call(METADATA, {"collection": "users", "identifier": identifier})
    assert segment.targets() == [f"/v1/spaces/{SPACE}/collections/users/profiles/{sent}/metadata"]


async def test_an_identifier_goes_out_as_it_is_spelled_where_that_is_asked_for() -> None:
    segment = Segment(EVERYTHING)
    await client(segment).call(METADATA, {"collection": "users", "identifier": "User_ID:c0HN02", "exact": True})
    assert segment.targets() == [f"/v1/spaces/{SPACE}/collections/users/profiles/user_id:c0HN02/metadata"]


@pytest.mark.parametrize(
    "identifier",
    ["", "u-1", ":u-1", "user_id:", "user id:x", "user/id:x", "..:x", "user_id:.", "user_id:..", "user_id:a\nb",
     "user_id:a\u200bb", "user_id:\ud800", "user_id:" + "x" * 300, None, 7],
)  # fmt: skip
async def test_what_is_no_identifier_is_not_sent(identifier: Any) -> None:
    segment = Segment(EVERYTHING)
    error = await refused(segment, {"collection": "users", "identifier": identifier})
    assert isinstance(error, InvalidArguments)
    assert [problem["field"] for problem in error.details["problems"]] == ["identifier"]
    assert segment.requests == []
    assert not isinstance(identifier, str) or len(identifier) < 5 or identifier not in str(error)


@pytest.mark.parametrize(
    ("operation", "arguments", "query"),
    [
        ("getProfileTraits", {"include": ["first_name", "Campaign Name"]}, "include=first_name,Campaign%20Name"),
        ("getProfileTraits", {"class": "audience", "limit": 200, "verbose": True},
         "class=audience&limit=200&verbose=true"),
        ("getProfileEvents", {"limit": 5, "next": "MTUx+/==", "sort": "asc", "exclude": ["A&B"]},
         "exclude=A%26B&limit=5&next=MTUx%2B%2F%3D%3D&sort=asc"),
        ("getProfileMetadata", {"verbose": None, "limit": 3, "evil": "x"}, ""),
    ],
)  # fmt: skip
async def test_only_what_the_row_names_is_in_the_query(
    operation: str, arguments: Mapping[str, Any], query: str
) -> None:
    segment = Segment(EVERYTHING)
    await client(segment).call(get(operation), {**PERSON, **arguments})
    assert segment.targets()[0].partition("?")[2] == query


@pytest.mark.parametrize("name", ["a,b", "a\nb", "\ud800"])
async def test_a_name_that_no_list_with_commas_can_carry_is_refused(name: str) -> None:
    segment = Segment(EVERYTHING)
    with pytest.raises(InvalidArguments):
        await client(segment).call(TRAITS, {**PERSON, "include": ["plan", name]})
    assert segment.requests == []


@pytest.mark.parametrize("collection", ["..", "a/b", None])
async def test_a_collection_leads_nowhere_else(collection: str | None) -> None:
    segment = Segment(EVERYTHING)
    arguments = {**PERSON, "collection": collection}
    if collection == "a/b":
        await client(segment).call(METADATA, arguments)
        assert "/collections/a%2Fb/profiles/" in segment.targets()[0]
    else:
        assert isinstance(await refused(segment, arguments), InvalidArguments)
        assert segment.requests == []


async def test_the_token_is_the_user_of_basic_credentials_without_a_password() -> None:
    segment = Segment(EVERYTHING)
    await client(segment).call(METADATA, PERSON)
    (request,) = segment.requests
    scheme, _, encoded = request.headers["authorization"].partition(" ")
    assert (scheme, base64.b64decode(encoded)) == ("Basic", f"{TOKEN}:".encode())
    assert (request.method, request.content) == ("GET", b"")


@pytest.mark.parametrize("missing", ["profile_token", "profile_space_id"])
async def test_without_token_or_space_nothing_is_sent_and_both_are_named(missing: str) -> None:
    segment = Segment(EVERYTHING)
    error = await refused(segment, PERSON, **{missing: ""})
    assert isinstance(error, NotConfigured)
    assert error.details["setting"] == f"SEGMENT_{missing.upper()}"
    assert "SEGMENT_PROFILE_TOKEN" in str(error)
    assert "SEGMENT_PROFILE_SPACE_ID" in str(error)
    assert segment.requests == []


# Regions


@pytest.mark.parametrize(
    ("connection", "found", "host"),
    [
        ({"region": "us"}, "eu", US),
        ({"region": "eu"}, "us", EU),
        ({"region": "auto"}, "eu", EU),
        ({"region": "auto"}, "us", US),
        ({"region": "auto"}, None, US),
        ({"region": "eu", "profile_url": "https://profiles.proxy.example"}, "us", "profiles.proxy.example"),
    ],
)
async def test_the_host_is_that_of_the_region(connection: dict[str, Any], found: Region | None, host: str) -> None:
    async def region() -> Region | None:
        return found

    segment = Segment(EVERYTHING)
    await over(httpx2.MockTransport(segment), find=region, **connection).call(METADATA, PERSON)
    assert [request.url.host for request in segment.requests] == [host]


async def test_whose_data_it_is_is_not_told_to_a_region_that_is_only_guessed() -> None:
    async def region() -> Region | None:
        raise Unavailable("api.segmentapis.com answered 503.", host="api.segmentapis.com", status=503)

    segment = Segment(EVERYTHING)
    with pytest.raises(Unavailable):
        await over(httpx2.MockTransport(segment), find=region).call(METADATA, PERSON)
    assert segment.requests == []


# Failures


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "invalid_request_error", Rejected),
        (400, "validation_error", Rejected),
        (401, "authentication_error", Unauthorized),
        (403, "authentication_error", Forbidden),
        (404, "not_found", NotFound),
        (429, "rate_limit_error", RateLimited),
        (500, "internal_error", Unavailable),
    ],
)
async def test_a_refusal_is_the_error_that_it_means(status: int, code: str, kind: type[UpstreamError]) -> None:
    said_so = "The parameter `collection` has invalid character(s) `!`"
    error = await refused(Segment(refusal(status, code, said_so, **{"Request-Id": "1111-2222-3333-4444"})))
    assert isinstance(error, kind)
    assert error.details["requestId"] == "1111-2222-3333-4444"
    assert (error.details["host"], error.details["status"]) == (US, status)
    assert str(error).startswith(f"{US} answered {status}, ")


@pytest.mark.parametrize("echo", ["user_id%3Au-1", "user_id:u-1", "u%2D1", "%75-1", "U\u20111", "dS0x"])
@pytest.mark.parametrize("status", [200, 400, 403, 404, 500])
async def test_segments_words_are_not_repeated_however_they_spell_the_person(status: int, echo: str) -> None:
    body: dict[str, Any] = {"errors": [{"type": echo, "field": echo, "message": f"No {echo}."}]}
    single: dict[str, Any] = {"error": {"code": echo, "message": f"No {echo}."}}
    for told in (body, *([] if status == 200 else [single])):
        error = await refused(
            Segment(said(told, status, **{"Request-Id": f"{quote(echo)}%"})), {**PERSON, "identifier": "user_id:u-1"}
        )
        shown = f"{error} {error!r} {error.args} {json.dumps(error.data())}"
        assert echo not in shown
        assert quote(echo) not in shown
        assert "No " not in shown
        assert error.details["status"] == status


@pytest.mark.parametrize(("request_id", "is_told"), [("req-u-1", False), ("U-1", False), ("req-u-12", True)])
async def test_a_requests_id_is_told_unless_the_person_is_in_it(request_id: str, *, is_told: bool) -> None:
    answer = refusal(400, **{"Request-Id": request_id})
    error = await refused(Segment(answer), {**PERSON, "identifier": "user_id:u-1"})
    assert ("requestId" in error.details) is is_told


async def test_an_unknown_token_names_what_has_to_belong_together() -> None:
    told = str(await refused(Segment(refusal(401, "authentication_error"))))
    assert "SEGMENT_PROFILE_TOKEN" in told
    assert "SEGMENT_PROFILE_SPACE_ID" in told


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault != "no fault"])
@pytest.mark.parametrize("value", [JANE, "Jane.Doe@CUSTOMER.example", "+5555550123", "u-7", "a/b c"])
async def test_no_failure_tells_whom_it_was_about_or_the_token(fault: str, value: str) -> None:
    clock = Clockwork()
    way = Faulty(FAULTS[fault], clock)
    try:
        await over(way, clock).call(METADATA, {"collection": "users", "identifier": f"user_id:{value}"})
    except UpstreamError as error:
        shown = f"{error} {error!r} {error.args} {json.dumps(error.data())} {error.__cause__!r}"
    sent = way.requests[0].url.raw_path.decode()
    basic = way.requests[0].headers["authorization"].removeprefix("Basic ")
    for secret in (value, value.lower(), sent.split("user_id:")[1].split("/")[0], TOKEN, basic):
        assert secret not in shown


@pytest.mark.parametrize(
    ("body", "kind"),
    [({"data": []}, "incomplete"), ({"errors": [{"message": "x"}]}, "errors_in_success")],
)
async def test_an_answer_without_what_was_asked_for_is_none(body: Any, kind: str) -> None:
    error = await refused(Segment(said(body)))
    assert isinstance(error, InvalidResponse)
    assert error.details["kind"] == kind


# Limits


async def test_a_limit_that_is_reached_is_waited_out_and_asked_again() -> None:
    clock = Clockwork()
    segment = Segment(refusal(429, "rate_limit_error"), refusal(500), EVERYTHING)
    assert await client(segment, clock).call(METADATA, PERSON)
    assert len(segment.requests) == 3
    assert len(clock.waits) == 2


async def test_all_operations_together_keep_the_hundred_calls_a_second_of_a_space() -> None:
    clock = Clockwork()
    segment = Segment(EVERYTHING)
    reader = client(segment, clock)
    for index in range(250):
        await reader.call((TRAITS, METADATA)[index % 2], PERSON)
    assert len(segment.requests) == 250
    assert clock.passed == 2.0


# Pages


async def test_traits_are_walked_page_by_page_with_a_limit_and_named() -> None:
    segment = Segment(page({"age": 3, "a": 1}, "browser", "traits"), page({"browser": "x"}, key="traits"))
    walk = await client(segment).walk(TRAITS, PERSON)
    assert walk.items == [["age", 3], ["a", 1], ["browser", "x"]]
    assert not walk.truncated
    assert walk.beside == {"segmentId": "use_RkjG0kW53ig"}
    assert [target.partition("?")[2] for target in segment.targets()] == ["limit=200", "limit=200&next=browser"]


@pytest.mark.parametrize(("operation", "limit"), [(TRAITS, 200), (IDS, 100), (EVENTS, 100), (LINKS, 20)])
async def test_a_list_is_asked_for_in_the_largest_pages_that_are_documented(operation: Any, limit: int) -> None:
    segment = Segment(EVERYTHING)
    await client(segment).walk(operation, PERSON)
    assert segment.targets()[0].endswith(f"?limit={limit}")


async def test_no_more_is_asked_for_than_is_wanted() -> None:
    segment = Segment(page([{"n": 1}, {"n": 2}], "MTUx"))
    walk = await client(segment).walk(EVENTS, PERSON, bounds=Bounds(items=2))
    assert (len(walk.items), walk.truncated) == (2, True)
    assert [target.partition("?")[2] for target in segment.targets()] == ["limit=2"]


async def test_a_walk_ends_at_its_bound_of_pages_and_says_so() -> None:
    answers = [page([{"n": number}], f"c{number}") for number in range(9)]
    walk = await client(Segment(*answers)).walk(EVENTS, PERSON, bounds=Bounds(pages=3))
    assert (len(walk.items), walk.truncated) == (3, True)


@pytest.mark.parametrize(("count", "truncated"), [(19, False), (20, True)])
async def test_a_full_page_of_links_has_no_cursor_and_may_not_be_all(count: int, truncated: bool) -> None:  # noqa: FBT001
    walk = await client(Segment(said({"data": [{}] * count}))).walk(LINKS, PERSON)
    assert (len(walk.items), walk.truncated) == (count, truncated)


@pytest.mark.parametrize(
    "body",
    [
        {"data": "x"},
        {"data": 7},
        {"data": [], "cursor": []},
        {"data": [], "cursor": {"has_more": True, "next": ""}},
        {"data": [], "cursor": {"has_more": True, "next": 7}},
    ],
)
async def test_a_page_of_another_shape_is_no_page(body: Any) -> None:
    with pytest.raises(InvalidResponse, match="another shape"):
        await client(Segment(said(body))).walk(EVENTS, PERSON)


async def test_a_cursor_that_comes_twice_ends_the_walk() -> None:
    with pytest.raises(InvalidResponse, match="same page cursor twice"):
        await client(Segment(page([{}], "again"))).walk(EVENTS, PERSON)


@pytest.mark.parametrize("cursor", [{"next": "x", "has_more": False}, {"next": ""}, {}, None])
async def test_a_list_ends_where_segment_says_that_there_is_no_more(cursor: Any) -> None:
    segment = Segment(said({"data": [{}], **({} if cursor is None else {"cursor": cursor})}))
    assert not (await client(segment).walk(EVENTS, PERSON)).truncated
    assert len(segment.requests) == 1


async def test_all_pages_together_end_with_the_calls_time() -> None:
    clock = Clockwork()

    def slow(request: httpx2.Request) -> httpx2.Response:  # noqa: ARG001 - a handler
        clock.passed += 10
        return page([{}], f"c{clock.passed}")

    with pytest.raises((TimedOut, RateLimited)):
        await over(httpx2.MockTransport(slow), clock).walk(EVENTS, PERSON, bounds=Bounds(seconds=100))


# Logs


async def test_a_log_names_a_person_by_a_digest_that_hangs_on_the_token(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="segment_mcp")
    for token in (TOKEN, TOKEN, "another-token-altogether"):
        reader = client(Segment(EVERYTHING), profile_token=token)
        await reader.call(METADATA, {"collection": "users", "identifier": f"email:{JANE.title()}"})
    lines = [record.getMessage() for record in caplog.records if record.name.startswith("segment_mcp")]
    assert len(lines) == 3
    assert lines[0] == lines[1] != lines[2]
    for line in lines:
        assert line.startswith("getProfileMetadata of profile ")
        assert "jane" not in line.lower()
        assert TOKEN not in line


def test_no_object_shows_the_token() -> None:
    reader = client(Segment(EVERYTHING))
    for shown in (reader, *vars(reader).values()):
        assert TOKEN not in f"{shown!r} {shown}"
