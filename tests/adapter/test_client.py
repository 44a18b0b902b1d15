"""The client, through its seam: a transport in place of the network, and a clock that stands still."""

import base64
import gzip
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import anyio
import httpx2
import pytest

from segment_mcp.adapter.client import SegmentClient
from segment_mcp.adapter.http import Http, Transport
from segment_mcp.config import Connection
from segment_mcp.errors import (
    InvalidArguments,
    InvalidResponse,
    NetworkFailed,
    NotConfigured,
    NotFound,
    RateLimited,
    TimedOut,
    Unauthorized,
    Unavailable,
    UpstreamError,
)
from segment_mcp.operations import get
from segment_mcp.ports import Bounds, Walk
from tests.adapter.clockwork import Clockwork

US, EU = "api.segmentapis.com", "eu1.api.segmentapis.com"
TOKEN = "sgp_cAnArY9f8e7d"
WRITE_KEY = "wK" * 16
ANY_ANSWER = {"workspace": {"id": "w"}, "labels": [], "source": {}}
"""Has what the answer of each operation that is called here has."""
EVENT = b'{"type":"track","userId":"u","event":"E"}'

Handler = Callable[[httpx2.Request], httpx2.Response]


def answer(data: dict[str, Any] | None = None, **more: Any) -> httpx2.Response:
    return httpx2.Response(200, json={"data": ANY_ANSWER if data is None else data}, **more)


def refusal(status: int, message: str = "No.", **headers: str) -> httpx2.Response:
    return httpx2.Response(status, json={"errors": [{"type": "x", "message": message}]}, headers=headers)


def accepted(request: httpx2.Request) -> httpx2.Response:  # noqa: ARG001 - a handler
    return httpx2.Response(200, json={"success": True})


class Segment:
    """Answers as told, by host where a mapping is given, and remembers what it was asked."""

    def __init__(self, answers: Handler | dict[str, Handler]) -> None:
        self._answers = answers
        self.requests: list[httpx2.Request] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        return (self._answers[request.url.host] if isinstance(self._answers, dict) else self._answers)(request)

    def hosts(self) -> list[str]:
        return [request.url.host for request in self.requests]


class Silent(httpx2.AsyncBaseTransport):
    """Never answers some hosts, and notes when a request is given up."""

    def __init__(self, *answering: str) -> None:
        self._answering = answering
        self.asked = anyio.Event()
        self.given_up: list[str] = []

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if request.url.host in self._answering:
            return answer()
        self.asked.set()
        try:
            await anyio.sleep_forever()
        finally:
            self.given_up.append(request.url.host)
        raise AssertionError


def over(transport: Transport, **connection: str) -> SegmentClient:
    timing = Clockwork().timing()
    return SegmentClient(Connection.model_validate(connection), Http(lambda: transport), timing=timing, call_seconds=25)


def client(segment: Handler, **connection: str) -> SegmentClient:
    return over(httpx2.MockTransport(segment), **connection)


def known(request: httpx2.Request) -> httpx2.Response:  # noqa: ARG001 - a handler
    return answer()


def unknown(request: httpx2.Request) -> httpx2.Response:  # noqa: ARG001 - a handler
    return refusal(401)


def down(request: httpx2.Request) -> httpx2.Response:
    raise httpx2.ConnectError("no route", request=request)


# Regions


@pytest.mark.parametrize(
    ("us", "eu", "region"),
    [(known, unknown, "us"), (unknown, known, "eu"), (down, known, "eu"), (known, down, "us"), (known, known, "us")],
    ids=["us", "eu", "us-down", "eu-down", "both"],
)
async def test_auto_is_the_region_that_knows_the_token(us: Handler, eu: Handler, region: str) -> None:
    segment = Segment({US: us, EU: eu})
    assert await client(segment, api_token=TOKEN).region() == region
    assert sorted(segment.hosts()) == [US, EU]
    assert {request.url.raw_path for request in segment.requests} == {b"/"}


async def test_neither_region_knowing_the_token_names_both_hosts() -> None:
    with pytest.raises(Unauthorized) as caught:
        await client(Segment(unknown), api_token=TOKEN).region()
    assert US in str(caught.value)
    assert EU in str(caught.value)
    assert caught.value.status == 401


@pytest.mark.parametrize(
    ("us", "eu", "kind"),
    [
        (down, unknown, NetworkFailed),
        (unknown, down, NetworkFailed),
        (lambda _: refusal(429, retry_after="9"), unknown, RateLimited),
        (unknown, lambda _: refusal(503), Unavailable),
        (unknown, lambda _: httpx2.Response(200, text="<html>"), InvalidResponse),
    ],
    ids=["us-down", "eu-down", "us-limited", "eu-unavailable", "eu-html"],
)
async def test_a_region_that_could_not_be_asked_is_not_taken_for_one_that_does_not_know(
    us: Handler, eu: Handler, kind: type[UpstreamError]
) -> None:
    with pytest.raises(kind):
        await client(Segment({US: us, EU: eu}), api_token=TOKEN).region()


async def test_both_regions_are_asked_at_the_same_time_and_once_for_many_calls() -> None:
    waiting: set[str] = set()
    both = anyio.Event()
    asked: list[str] = []

    async def handler(request: httpx2.Request) -> httpx2.Response:
        asked.append(f"{request.url.host}{request.url.path}")
        if request.url.path == "/":
            waiting.add(request.url.host)
            if len(waiting) == 2:
                both.set()
            await both.wait()
            return answer() if request.url.host == EU else refusal(401)
        return answer()

    asker = over(httpx2.MockTransport(handler), api_token=TOKEN)
    with anyio.fail_after(5):
        async with anyio.create_task_group() as group:
            for _ in range(5):
                group.start_soon(asker.call, get("listLabels"), {})
    assert sorted(asked) == [f"{US}/", *[f"{EU}/"], *[f"{EU}/labels"] * 5]


async def test_a_region_that_knows_the_token_is_used_without_waiting_for_one_that_is_silent() -> None:
    transport = Silent(US)
    with anyio.move_on_after(0.3) as scope:
        assert await over(transport, api_token=TOKEN).region() == "us"
    assert not scope.cancelled_caught


async def test_a_failed_search_for_the_region_is_made_anew_by_the_next_call() -> None:
    segment = Segment(down)
    asker = client(segment, api_token=TOKEN)
    counts = []
    for _ in range(2):
        with pytest.raises(NetworkFailed):
            await asker.region()
        counts.append(len(segment.requests))
    assert set(segment.hosts()) == {US, EU}
    assert counts[1] == 2 * counts[0]


@pytest.mark.parametrize(("region", "host"), [("us", US), ("eu", EU)])
async def test_a_region_that_is_set_asks_nobody(region: str, host: str) -> None:
    segment = Segment(known)
    asker = client(segment, api_token=TOKEN, region=region)
    assert await asker.region() == region
    await asker.call(get("listLabels"), {})
    assert segment.hosts() == [host]


async def test_a_set_public_host_is_the_only_one_that_sees_the_token() -> None:
    segment = Segment(known)
    asker = client(segment, api_token=TOKEN, public_api_url="http://127.0.0.1:8080/base")
    await asker.call(get("getSource"), {"sourceId": "a/b"})
    assert [str(request.url) for request in segment.requests] == ["http://127.0.0.1:8080/base/sources/a%2Fb"]


@pytest.mark.parametrize(
    ("connection", "url"),
    [
        ({}, "https://api.segment.io/v1/track"),
        ({"region": "us"}, "https://api.segment.io/v1/track"),
        ({"region": "eu"}, "https://events.eu1.segmentapis.com/v1/track"),
        ({"region": "eu", "tracking_url": "https://in.example.com"}, "https://in.example.com/v1/track"),
        ({"api_token": TOKEN, "tracking_url": "https://in.example.com"}, "https://in.example.com/v1/track"),
    ],
    ids=["nothing-set", "us", "eu", "set-host", "set-host-with-token"],
)
async def test_events_go_to_the_regions_host_and_ask_nobody_else(connection: dict[str, str], url: str) -> None:
    segment = Segment(accepted)
    assert await client(segment, **connection).send("track", [EVENT], WRITE_KEY) == url.split("/")[2]
    assert [str(request.url) for request in segment.requests] == [url]


async def test_events_follow_the_region_that_the_token_tells() -> None:
    segment = Segment({US: unknown, EU: known, "events.eu1.segmentapis.com": accepted})
    assert await client(segment, api_token=TOKEN).send("track", [EVENT], WRITE_KEY) == "events.eu1.segmentapis.com"


# Credentials


async def test_without_a_token_nothing_is_sent() -> None:
    segment = Segment(known)
    asker = client(segment, write_key=WRITE_KEY)
    with pytest.raises(NotConfigured, match="SEGMENT_API_TOKEN"):
        await asker.call(get("listSources"), {})
    assert await asker.region() is None
    assert segment.requests == []


async def test_a_wrong_path_parameter_is_told_before_a_missing_token() -> None:
    with pytest.raises(InvalidArguments):
        await client(Segment(known)).call(get("getSource"), {"sourceId": ".."})


async def test_the_public_api_sees_the_token_and_no_write_key() -> None:
    segment = Segment(known)
    await client(segment, api_token=TOKEN, write_key=WRITE_KEY, region="us").call(
        get("updateSource"), {"sourceId": "s", "name": "Web"}
    )
    (request,) = segment.requests
    assert request.headers["authorization"] == f"Bearer {TOKEN}"
    assert request.headers["content-type"] == "application/json"
    assert json.loads(request.content) == {"name": "Web"}
    assert request.headers["user-agent"].startswith("segment-mcp/")
    assert TOKEN not in str(request.url)


async def test_the_tracking_api_sees_the_write_key_and_no_token() -> None:
    segment = Segment(accepted)
    await client(segment, api_token=TOKEN, region="us").send("track", [EVENT], WRITE_KEY)
    (request,) = segment.requests
    assert request.headers["authorization"] == "Basic " + base64.b64encode(f"{WRITE_KEY}:".encode()).decode()
    assert request.headers["content-type"] == "application/json"
    assert TOKEN.encode() not in request.content
    assert json.loads(request.content) == {
        "writeKey": WRITE_KEY,
        "sentAt": "2026-05-20T12:00:00.123Z",
        **json.loads(EVENT),
    }
    assert WRITE_KEY not in str(request.url)


@pytest.mark.parametrize("count", [1, 3])
async def test_a_batch_is_framed_once_around_its_events(count: int) -> None:
    segment = Segment(accepted)
    await client(segment, region="us").send("batch", [EVENT] * count, WRITE_KEY)
    (request,) = segment.requests
    assert request.url.path == "/v1/batch"
    assert json.loads(request.content) == {
        "writeKey": WRITE_KEY,
        "sentAt": "2026-05-20T12:00:00.123Z",
        "batch": [json.loads(EVENT)] * count,
    }


async def test_a_servers_cookies_are_not_sent_back() -> None:
    def handler(request: httpx2.Request) -> httpx2.Response:
        return answer(headers={"set-cookie": f"session={request.url.host}; Path=/"})

    segment = Segment(handler)
    asker = client(segment, api_token=TOKEN, region="us")
    for _ in range(2):
        await asker.call(get("listLabels"), {})
    assert ["cookie" in request.headers for request in segment.requests] == [False, False]


# Answers


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(status: int) -> None:
    segment = Segment(lambda _: httpx2.Response(status, headers={"location": "https://evil.example/"}))
    asker = client(segment, api_token=TOKEN, region="us")
    with pytest.raises(InvalidResponse):
        await asker.call(get("listLabels"), {})
    with pytest.raises(InvalidResponse):
        await asker.send("track", [EVENT], WRITE_KEY)
    assert segment.hosts() == [US, "api.segment.io"]


@pytest.mark.parametrize(
    "content",
    [b"", b"<html>", b"{}", b"[]", b"true", b'{"success":false}', b'{"success":"true"}', b'{"success":1}',
     b'{"data":{"success":true}}'],
)  # fmt: skip
async def test_a_200_that_does_not_say_success_is_a_failure(content: bytes) -> None:
    with pytest.raises(InvalidResponse) as caught:
        await client(lambda _: httpx2.Response(200, content=content), region="us").send("track", [EVENT], WRITE_KEY)
    assert caught.value.data()["host"] == "api.segment.io"


@pytest.mark.parametrize(("status", "code"), [(400, "rejected"), (429, "rate_limited"), (503, "unavailable")])
async def test_a_refused_event_is_a_failure_with_its_code(status: int, code: str) -> None:
    with pytest.raises(UpstreamError) as caught:
        await client(lambda _: refusal(status), region="us").send("batch", [EVENT], WRITE_KEY)
    assert caught.value.data()["code"] == code


@pytest.mark.parametrize(("before", "may_have"), [(503, True), (429, False), (408, False)])
async def test_a_refused_event_says_that_an_attempt_before_may_have_been_taken(before: int, *, may_have: bool) -> None:
    answers = iter([refusal(before), refusal(401)])
    with pytest.raises(Unauthorized) as caught:
        await client(lambda _: next(answers), region="us").send("track", [b"{}"], "k" * 32)
    assert caught.value.data().get("mayHaveArrived", False) is may_have
    assert ("may have been taken" in str(caught.value)) is may_have


async def test_a_date_in_retry_after_is_read_against_the_clock() -> None:
    def handler(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(429, headers={"Retry-After": "Wed, 20 May 2026 12:00:31 GMT"})

    with pytest.raises(RateLimited) as caught:
        await client(handler, api_token=TOKEN, region="us").call(get("listLabels"), {})
    assert caught.value.data()["retryAfterSeconds"] == 31


@pytest.mark.parametrize(
    ("name", "data", "member"),
    [("listLabels", {}, "labels"), ("listLabels", {"label": []}, "labels"), ("getWorkspace", {}, "workspace")],
)
async def test_an_answer_that_lacks_what_every_answer_has_is_a_failure(
    name: str, data: dict[str, Any], member: str
) -> None:
    with pytest.raises(InvalidResponse, match=f"{US} answered {name} without {member}"):
        await client(lambda _: answer(data), api_token=TOKEN, region="us").call(get(name), {})


async def test_a_page_without_its_pagination_is_a_failure() -> None:
    with pytest.raises(InvalidResponse, match="without pagination"):
        await walk(paged({"sources": []}))


# Faults of the way


@pytest.mark.parametrize(
    ("raised", "kind", "said"),
    [
        (httpx2.ConnectTimeout, TimedOut, "could not be reached in time"),
        (httpx2.ReadTimeout, TimedOut, "did not answer in time"),
        (httpx2.WriteTimeout, TimedOut, "did not answer in time"),
        (httpx2.PoolTimeout, TimedOut, "all its connections busy"),
        (httpx2.ConnectError, NetworkFailed, "could not be reached."),
        (httpx2.ProxyError, NetworkFailed, "through the proxy"),
        (httpx2.ReadError, NetworkFailed, "broke the connection"),
        (httpx2.WriteError, NetworkFailed, "broke the connection"),
        (httpx2.CloseError, NetworkFailed, "broke the connection"),
        (httpx2.RemoteProtocolError, NetworkFailed, "broke the connection"),
        (httpx2.LocalProtocolError, NetworkFailed, "broke the connection"),
        (httpx2.UnsupportedProtocol, NetworkFailed, "broke the connection"),
    ],
)
async def test_a_fault_of_the_way_has_code_and_host_and_none_of_the_librarys_words(
    raised: type[httpx2.RequestError], kind: type[UpstreamError], said: str
) -> None:
    def handler(request: httpx2.Request) -> httpx2.Response:
        raise raised(f"inner words with {TOKEN}", request=request)

    asker = client(handler, api_token=TOKEN, region="us")
    with pytest.raises(kind, match=said) as caught:
        await asker.call(get("listLabels"), {})
    assert caught.value.data() == {"code": kind.code, "host": US}
    assert "inner words" not in str(caught.value)


class Chunks(httpx2.AsyncByteStream):
    """A body that comes in pieces, and counts how many were taken."""

    def __init__(self, piece: bytes, number: int) -> None:
        self._piece, self._number = piece, number
        self.taken = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for _ in range(self._number):
            self.taken += 1
            yield self._piece


@pytest.mark.parametrize(
    ("encoding", "piece", "number", "kind"),
    [
        ("gzip", b"no gzip", 1, "wrong_encoding"),
        ("gzip", gzip.compress(b"{}")[:-4], 1, "wrong_encoding"),
        ("br", b"{}", 1, "wrong_encoding"),
        ("identity", b"x" * 1024, 1_000_000, "too_large"),
        ("gzip", gzip.compress(b"x" * 10_000_000), 1, "too_large"),
    ],
    ids=["no gzip", "cut off", "not asked for", "endless", "bomb"],
)
async def test_a_body_that_is_too_large_or_packed_otherwise_is_given_up_at_the_bound(
    encoding: str, piece: bytes, number: int, kind: str
) -> None:
    stream = Chunks(piece, number)
    transport = httpx2.MockTransport(
        lambda _: httpx2.Response(200, headers={"content-encoding": encoding}, stream=stream)
    )
    http = Http(lambda: transport, largest_answer=64 * 1024)
    connection = Connection.model_validate({"api_token": TOKEN, "region": "us"})
    asker = SegmentClient(connection, http, timing=Clockwork().timing(), call_seconds=25)
    with pytest.raises(InvalidResponse) as caught:
        await asker.call(get("listLabels"), {})
    assert caught.value.data() == {"code": "invalid_response", "host": US, "status": 200, "kind": kind}
    assert stream.taken <= 66


async def test_a_packed_body_is_unpacked() -> None:
    packed = gzip.compress(json.dumps({"data": ANY_ANSWER}).encode())
    response = httpx2.Response(200, headers={"content-encoding": "gzip"}, stream=Chunks(packed, 1))
    segment = Segment(lambda _: response)
    assert await client(segment, api_token=TOKEN, region="us").call(get("listLabels"), {}) == ANY_ANSWER
    assert segment.requests[0].headers["accept-encoding"] == "gzip"


@pytest.mark.parametrize("region", ["us", "auto"])
async def test_cancelling_a_call_gives_its_requests_up(region: str) -> None:
    transport = Silent()
    asker = over(transport, api_token=TOKEN, region=region)
    with anyio.fail_after(5):
        async with anyio.create_task_group() as group:
            group.start_soon(asker.call, get("listLabels"), {})
            await transport.asked.wait()
            group.cancel_scope.cancel()
    assert sorted(transport.given_up) == ([US] if region == "us" else [US, EU])


async def test_a_cancelled_search_for_the_region_leaves_the_next_call_free() -> None:
    transport = Silent()
    asker = over(transport, api_token=TOKEN)
    with anyio.fail_after(5):
        for _ in range(2):
            async with anyio.create_task_group() as group:
                group.start_soon(asker.region)
                await transport.asked.wait()
                group.cancel_scope.cancel()
            transport.asked = anyio.Event()
    assert len(transport.given_up) == 4


async def test_no_transport_is_made_before_the_first_request() -> None:
    made: list[Transport] = []

    def make() -> Transport:
        made.append(httpx2.MockTransport(known))
        return made[-1]

    http = Http(make)
    connection = Connection.model_validate({"api_token": TOKEN, "region": "us"})
    asker = SegmentClient(connection, http, timing=Clockwork().timing(), call_seconds=25)
    assert made == []
    for _ in range(2):
        await asker.call(get("listLabels"), {})
    await http.aclose()
    assert len(made) == 1


# Pages


def page(pagination: Any, *sources: int) -> dict[str, Any]:
    return {"sources": list(sources), "pagination": pagination}


def paged(*pages: dict[str, Any]) -> Segment:
    """Answers the pages in turn; asked for more, it gives the last one again."""
    left = list(pages)
    return Segment(lambda _: answer(left.pop(0) if len(left) > 1 else left[0]))


async def walk(segment: Segment, pagination: dict[str, Any] | None = None, **bounds: Any) -> Walk:
    asker = client(segment, api_token=TOKEN, region="us")
    return await asker.walk(get("listSources"), {"pagination": pagination}, bounds=Bounds(**bounds))


def asked_for(segment: Segment) -> list[dict[str, str]]:
    return [dict(request.url.params) for request in segment.requests]


@pytest.mark.parametrize("last", [{}, {"current": "x"}, {"current": "x", "next": None}, {"next": ""}], ids=str)
async def test_pages_are_walked_to_the_last(last: dict[str, Any]) -> None:
    segment = paged(page({"next": "b"}, 1), page({"next": "c"}, 2), page(last, 3))
    assert await walk(segment) == Walk([1, 2, 3], last, truncated=False)
    assert asked_for(segment) == [
        {"pagination.count": "200"},
        {"pagination.count": "200", "pagination.cursor": "b"},
        {"pagination.count": "200", "pagination.cursor": "c"},
    ]


async def test_an_operation_whose_answers_need_no_pagination_ends_with_the_page_that_has_none() -> None:
    # The reference requires `pagination` of every paginated answer but this one.
    asker = client(lambda _: answer({"path": "p", "query": {}, "result": [1]}), api_token=TOKEN, region="us")
    found = await asker.walk(get("getEventsVolumeFromWorkspace"))
    assert found == Walk([1], {}, truncated=False, beside={"path": "p", "query": {}})


async def test_the_callers_page_size_and_start_are_kept() -> None:
    segment = paged(page({"next": "c"}), page({}))
    await walk(segment, {"count": 7, "cursor": "b"})
    assert asked_for(segment) == [
        {"pagination.count": "7", "pagination.cursor": "b"},
        {"pagination.count": "7", "pagination.cursor": "c"},
    ]


@pytest.mark.parametrize(
    ("bounds", "pages"),
    [({"pages": 3}, 3), ({"pages": 0}, 1), ({"items": 4}, 2), ({"items": 1}, 1), ({"seconds": 0}, 1)],
    ids=str,
)
async def test_a_walk_ends_at_a_bound_and_says_where_to_go_on(bounds: dict[str, Any], pages: int) -> None:
    segment = paged(*(page({"next": str(number)}, number, number) for number in range(9)))
    found = await walk(segment, **bounds)
    assert len(segment.requests) == pages
    assert found.items == [number for number in range(pages) for _ in range(2)]
    assert found.truncated
    assert found.pagination["next"] == str(pages - 1)


async def test_a_list_that_ends_at_the_bound_is_not_called_truncated() -> None:
    found = await walk(paged(page({"next": "b"}, 1), page({}, 2)), items=2, pages=2)
    assert not found.truncated


async def test_only_what_is_wanted_is_kept_and_counts_towards_the_bound() -> None:
    segment = paged(page({"next": "b"}, 1, 2, 3), page({"next": "c"}, 4), page({}, 5))
    asker = client(segment, api_token=TOKEN, region="us")
    found = await asker.walk(get("listSources"), keep=lambda number: number % 2 == 0, bounds=Bounds(items=2))
    assert (found.items, found.truncated) == ([2, 4], True)


@pytest.mark.parametrize(
    "cursors", [["b", "b"], ["b", "c", "b"], ["b", "c", "c"]], ids=["at-once", "in-a-circle", "at-the-end"]
)
async def test_a_cursor_that_comes_twice_ends_the_walk_as_a_failure(cursors: list[str]) -> None:
    with pytest.raises(InvalidResponse, match="same page cursor twice"):
        await walk(paged(*(page({"next": cursor}) for cursor in cursors)))


@pytest.mark.parametrize("pagination", [None, "text", ["list"], {"next": ["b"]}, {"next": {"b": 1}}, 7], ids=str)
async def test_a_pagination_of_another_form_is_no_answer_of_segments(pagination: Any) -> None:
    with pytest.raises(InvalidResponse):
        await walk(paged(page(pagination)))


async def test_a_list_that_is_none_is_no_answer_of_segments() -> None:
    with pytest.raises(InvalidResponse):
        await walk(Segment(lambda _: answer({"sources": {"a": 1}, "pagination": {}})))


async def test_a_page_that_fails_ends_the_walk_as_that_failure() -> None:
    left = [answer(page({"next": "b"}, 1)), refusal(404)]
    with pytest.raises(NotFound):
        await walk(Segment(lambda _: left.pop(0)))
