"""The fault table: each fault, met by each kind of operation; what went out, what the caller reads, how long it took.

The clock is injected and chance always says a half, so that pauses are 0.25, 0.5, 1, 2, 4, 4, ... seconds.
"""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest

from segment_mcp.adapter.client import SegmentClient
from segment_mcp.adapter.http import Http
from segment_mcp.config import Connection
from segment_mcp.errors import InvalidResponse, NetworkFailed, NotFound, Unauthorized, UpstreamError
from segment_mcp.operations import get
from tests.adapter.clockwork import Clockwork
from tests.adapter.faults import FAULTS, LARGEST_ANSWER, Fault, Faulty, Incident, silent, status, success

TOKEN, WRITE_KEY = "sgp_cAnArY9f8e7d", "wK" * 16
BUDGET = 25.0
PUBLIC, TRACKING = "public.example", "tracking.example"
EVENTS = [b'{"type":"track","userId":"u","event":"E","messageId":"m-1"}', b'{"type":"page","messageId":"m-2"}']

Call = Callable[[SegmentClient], Awaitable[Any]]

CALLS: Mapping[str, Call] = {
    "read": lambda client: client.call(get("getSource"), {"sourceId": "s"}),
    "DELETE": lambda client: client.call(get("deleteSource"), {"sourceId": "s"}),
    "PATCH": lambda client: client.call(get("updateSource"), {"sourceId": "s", "name": "Web"}),
    "POST": lambda client: client.call(get("addLabelsToSource"), {"sourceId": "s", "labels": []}),
    "event": lambda client: client.send("track", EVENTS[:1], WRITE_KEY),
    "batch": lambda client: client.send("batch", EVENTS, WRITE_KEY),
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What comes of a call.

    Attributes:
        requests: how many went out.
        code: what the caller reads; "success" where it worked.
        seconds: of the injected clock, from asking to being answered.
        details: what else the error's data say.
    """

    requests: int
    code: str
    seconds: float = 0.0
    details: Mapping[str, Any] | None = None


def repeated(code: str, **details: Any) -> Outcome:
    """Sent ten times, with growing pauses."""
    return Outcome(10, code, 23.75, details)


def once(code: str, **details: Any) -> Outcome:
    return Outcome(1, code, 0.0, details)


def passes(requests: int = 1, seconds: float = 0.0) -> Outcome:
    return Outcome(requests, "success", seconds)


def waited(code: str, seconds: float = 21.0, **details: Any) -> Outcome:
    """Sent again each time that the seven seconds that Segment asked for were over."""
    return Outcome(4, code, seconds, details)


def unreadable(kind: str, status: int = 200) -> tuple[Outcome]:
    return (once("invalid_response", kind=kind, status=status),)


LIMITED = {"status": 429, "retryAfterSeconds": 7}

# fault: (whoever meets it)
#     or (what does no more the second time: read, DELETE, events; what does: PATCH, POST)
#     or (read, DELETE; PATCH, POST; events)
TABLE: Mapping[str, Sequence[Outcome]] = {
    "no fault": (passes(),),
    # Refused before Segment acted: sent again whatever it is, when Segment says so
    "429 with seconds": (waited("rate_limited", **LIMITED),),
    "429 with a date": (waited("rate_limited", 20.88, **LIMITED),),
    "429 with milliseconds": (waited("rate_limited", **LIMITED),),
    "429 with a reset in seconds": (waited("rate_limited", **LIMITED),),
    "429 with a reset date": (waited("rate_limited", 20.88, **LIMITED),),
    "429 with nothing": (repeated("rate_limited", status=429, retryAfterSeconds=4),),
    "429 with a time that is past": (repeated("rate_limited", status=429),),
    "429 beyond the budget": (once("rate_limited", status=429, retryAfterSeconds=60),),
    "429 twice": (passes(3, 14),),
    "connection refused": (repeated("network"),),
    "connection refused twice": (passes(3, 0.75),),
    "proxy refused": (repeated("network"),),
    "connection never opens": (Outcome(5, "timeout", BUDGET),),
    # Segment may have acted: sent again where that does no more than the first time
    "500": (repeated("unavailable", status=500), once("unavailable", status=500)),
    "502": (repeated("unavailable", status=502), once("unavailable", status=502)),
    "503 with seconds": (waited("unavailable", status=503), once("unavailable", status=503)),
    "503 beyond the budget": (once("unavailable", status=503),),
    "503 twice": (passes(3, 0.75), once("unavailable", status=503)),
    "503 page": (repeated("unavailable", status=503), once("unavailable", status=503)),
    "408": (repeated("rejected", status=408), once("rejected", status=408)),
    "silence": (Outcome(2, "timeout", BUDGET), Outcome(1, "timeout", 20)),
    "silence once": (passes(2, 20.25), Outcome(1, "timeout", 20)),
    "reset before an answer": (repeated("network"), once("network")),
    "reset twice": (passes(3, 0.75), once("network")),
    "reset in the body": (repeated("network"), once("network")),
    # What doesn't pass by itself
    "501": (once("unavailable", status=501),),
    "505": (once("unavailable", status=505),),
    "511": (once("unavailable", status=511),),
    "400": (once("rejected", status=400),),
    "401": (once("unauthorized", status=401),),
    "403": (once("forbidden", status=403),),
    "404": (once("not_found", status=404),),
    "409": (once("conflict", status=409),),
    "422": (once("rejected", status=422),),
    "410": (once("rejected", status=410), once("rejected", status=410), repeated("rejected", status=410)),
    "460": (once("rejected", status=460), once("rejected", status=460), repeated("rejected", status=460)),
    # Answers that are none
    "HTML": unreadable("html"),
    "HTML called JSON": unreadable("html"),
    "cut off": unreadable("not_json"),
    "a list": unreadable("not_an_object"),
    "empty": unreadable("empty"),
    "plain text": unreadable("wrong_content_type"),
    "another object": (
        once("invalid_response", kind="no_data"), once("invalid_response", kind="no_data"),
        once("invalid_response", kind="not_taken"),
    ),
    "errors beside a success": unreadable("errors_in_success"),
    "redirect elsewhere": unreadable("redirect", 307),
    "redirect to plain http": unreadable("redirect", 307),
    "endless": unreadable("too_large"),
    "packed otherwise": unreadable("wrong_encoding"),
}  # fmt: skip

_COLUMN = {"read": 0, "DELETE": 0, "PATCH": 1, "POST": 1, "event": 2, "batch": 2}
_WIDTHS = {1: (0, 0, 0), 2: (0, 1, 0), 3: (0, 1, 2)}


def expected(fault: str, kind: str) -> Outcome:
    outcomes = TABLE[fault]
    return outcomes[_WIDTHS[len(outcomes)][_COLUMN[kind]]]


def over(transport: httpx2.AsyncBaseTransport, clock: Clockwork, **connection: str) -> SegmentClient:
    http = Http(lambda: transport, largest_answer=LARGEST_ANSWER)
    settings = Connection.model_validate({"api_token": TOKEN, **connection})
    return SegmentClient(settings, http, timing=clock.timing(), call_seconds=BUDGET)


HOSTS = {"public_api_url": f"https://{PUBLIC}", "tracking_url": f"https://{TRACKING}"}


async def meet(fault: Fault, call: Call) -> tuple[Faulty, UpstreamError | None]:
    """A call that meets a fault: what went out, and what was raised."""
    clock = Clockwork()
    way = Faulty(fault, clock)
    try:
        await call(over(way, clock, **HOSTS))
    except UpstreamError as error:
        return way, error
    return way, None


def test_every_fault_has_its_row() -> None:
    assert TABLE.keys() == FAULTS.keys()


def test_no_row_is_longer_than_the_budget() -> None:
    assert all(outcome.seconds <= BUDGET for outcomes in TABLE.values() for outcome in outcomes)


@pytest.mark.parametrize("kind", CALLS)
@pytest.mark.parametrize("fault", TABLE)
async def test_a_fault_has_its_outcome(fault: str, kind: str) -> None:
    wanted = expected(fault, kind)
    way, error = await meet(FAULTS[fault], CALLS[kind])
    told = {"code": "success"} if error is None else error.data()
    assert (len(way.requests), told["code"]) == (wanted.requests, wanted.code)
    assert way.clock.passed == pytest.approx(wanted.seconds, abs=0.05)
    assert told.items() >= (wanted.details or {}).items()
    host = TRACKING if kind in {"event", "batch"} else PUBLIC
    assert error is None or error.data()["host"] == host
    assert {request.url.host for request in way.requests} == {host}
    assert {request.url.scheme for request in way.requests} == {"https"}


@pytest.mark.parametrize("kind", ["event", "batch"])
@pytest.mark.parametrize("fault", [fault for fault in TABLE if expected(fault, "event").requests > 1])
async def test_a_repeated_event_is_the_same_event_and_says_that_it_is_repeated(fault: str, kind: str) -> None:
    way, _ = await meet(FAULTS[fault], CALLS[kind])
    bodies = [json.loads(request.content) for request in way.requests]
    counts = [request.headers.get("x-retry-count") for request in way.requests]
    assert counts == [None, *map(str, range(1, len(counts)))]
    for body in bodies:
        assert body.pop("sentAt").startswith("2026-05-20T12:00:")
        assert body == bodies[0]
    events = bodies[0].pop("batch", [bodies[0]])
    assert [event["messageId"] for event in events] == ["m-1", "m-2"][: len(events)]
    assert {request.headers["authorization"] for request in way.requests} == {way.requests[0].headers["authorization"]}


@pytest.mark.parametrize("kind", ["read", "DELETE", "PATCH", "POST"])
async def test_a_repeated_call_of_the_public_api_is_the_same_call(kind: str) -> None:
    way, _ = await meet(FAULTS["429 with seconds"], CALLS[kind])
    sent = {(request.method, str(request.url), request.content) for request in way.requests}
    assert len(sent) == 1
    assert not any("x-retry-count" in request.headers for request in way.requests)


@pytest.mark.parametrize("fault", [fault for fault in TABLE if fault != "no fault"])
async def test_no_two_attempts_follow_each_other_without_a_pause(fault: str) -> None:
    way, _ = await meet(FAULTS[fault], CALLS["read"])
    assert all(late > early for early, late in zip(way.moments, way.moments[1:], strict=False))


@pytest.mark.parametrize("kind", ["PATCH", "POST"])
@pytest.mark.parametrize("fault", ["silence", "reset before an answer", "reset in the body", "HTML", "cut off", "500"])
async def test_after_a_change_of_unknown_fate_nobody_is_told_that_nothing_was_sent(fault: str, kind: str) -> None:
    _, error = await meet(FAULTS[fault], CALLS[kind])
    assert error is not None
    assert "Nothing was sent" not in str(error)
    assert "not sent" not in str(error)


@pytest.mark.parametrize("fault", ["connection refused", "connection never opens"])
async def test_a_change_that_never_left_is_said_to_be_unsent(fault: str) -> None:
    _, error = await meet(FAULTS[fault], CALLS["POST"])
    assert "Nothing was sent" in str(error)


@pytest.mark.parametrize("kind", ["DELETE", "event"])
async def test_what_was_sent_once_is_not_called_unsent_because_its_repeat_met_the_limit(kind: str) -> None:
    def fault(incident: Incident) -> httpx2.Response:
        response = status(503)(incident)
        response.headers.update({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "20"})
        return response

    way, error = await meet(fault, CALLS[kind])
    assert len(way.requests) == 1
    assert error is not None
    assert "not sent" not in str(error)


async def test_an_absurd_number_of_milliseconds_is_a_rate_limit_like_any_other() -> None:
    way, error = await meet(
        lambda _: httpx2.Response(429, text='{"errors": [{"data": {"msBeforeNext": 1' + "0" * 400 + "}}]}"),
        CALLS["read"],
    )
    assert error is not None
    assert error.data()["code"] == "rate_limited"
    assert len(way.requests) == 10


async def test_chance_that_says_nothing_still_ends() -> None:
    clock = Clockwork(chance=0.0)
    way = Faulty(FAULTS["500"], clock)
    with pytest.raises(UpstreamError):
        await CALLS["read"](over(way, clock, **HOSTS))
    assert len(way.requests) == 10


# The budget of a call that takes more than one request


def slow(seconds: float, fault: Fault = success) -> Fault:
    """Answers, but late."""

    def late(incident: Incident) -> httpx2.Response:
        incident.clock.passed += seconds
        return fault(incident)

    return late


async def test_finding_the_region_counts_towards_the_calls_budget() -> None:
    def segment(incident: Incident) -> httpx2.Response:
        asks_who = incident.request.url.path == "/"
        if asks_who and incident.request.url.host == EU:
            return status(401)(incident)
        return (slow(15) if asks_who else silent(httpx2.ReadTimeout, 20))(incident)

    clock = Clockwork()
    with pytest.raises(UpstreamError):
        await CALLS["read"](over(Faulty(segment, clock), clock))
    assert clock.passed <= BUDGET + 0.05


async def test_asking_the_other_region_counts_towards_the_calls_budget() -> None:
    def segment(incident: Incident) -> httpx2.Response:
        if incident.request.url.path == "/":
            return (success if incident.request.url.host == US else status(401))(incident)
        return (slow(15, status(404)) if incident.request.url.host == US else silent(httpx2.ReadTimeout, 20))(incident)

    clock = Clockwork()
    with pytest.raises(UpstreamError):
        await ELSEWHERE["getDestination"](over(Faulty(segment, clock), clock))
    assert clock.passed <= BUDGET + 0.05


# The two operations that ask elsewhere

US, EU, LEGACY = "api.segmentapis.com", "eu1.api.segmentapis.com", "legacy.example"

ELSEWHERE: Mapping[str, Call] = {
    "getDestination": lambda client: client.call(get("getDestination"), {"destinationId": "d"}),
    "metrics": lambda client: client.call(
        get("listDeliveryMetricsSummaryFromDestination"), {"destinationId": "d", "sourceId": "s"}
    ),
}
DATA = {"destination": {"id": "d"}, "deliveryMetricsSummary": {}}


def found(_: Incident) -> httpx2.Response:
    return httpx2.Response(200, json={"data": DATA})


HTML, DOWN = FAULTS["HTML"], FAULTS["connection refused"]


@dataclass(frozen=True, slots=True)
class Hop:
    """What one host says, and how `data.attempts` tells it."""

    host: str
    fault: Fault
    kind: str
    status: int | None = None

    def told(self) -> dict[str, Any]:
        known = {"host": self.host, "status": self.status, "kind": self.kind}
        return {name: value for name, value in known.items() if value is not None}


def hop(host: str, answer: int | str) -> Hop:
    if answer == "found":
        return Hop(host, found, "data", 200)
    if answer == "html":
        return Hop(host, HTML, "html", 200)
    if answer == "down":
        return Hop(host, DOWN, "network")
    assert isinstance(answer, int)
    kinds = {401: "unauthorized", 403: "forbidden", 404: "not_found", 422: "rejected", 501: "unavailable"}
    return Hop(host, status(answer), kinds[answer], answer)


# what each host says -> the code that the caller reads
HOPS: Mapping[str, tuple[Mapping[str, str], Sequence[Hop], str]] = {
    "found at once": ({}, [hop(US, "found")], "success"),
    "404, then found": ({}, [hop(US, 404), hop(EU, "found")], "success"),
    "401, then found": ({}, [hop(US, 401), hop(EU, "found")], "success"),
    "403, then found": ({}, [hop(US, 403), hop(EU, "found")], "success"),
    "404, then 404": ({}, [hop(US, 404), hop(EU, 404)], "not_found"),
    "404, then 401": ({}, [hop(US, 404), hop(EU, 401)], "not_found"),
    "403, then 404": ({}, [hop(US, 403), hop(EU, 404)], "forbidden"),
    "404, then HTML": ({}, [hop(US, 404), hop(EU, "html")], "not_found"),
    "404, then down": ({}, [hop(US, 404), hop(EU, "down")], "not_found"),
    "HTML is the last word": ({}, [hop(US, "html")], "invalid_response"),
    "down is the last word": ({}, [hop(US, "down")], "network"),
    "501 is the last word": ({}, [hop(US, 501)], "unavailable"),
    "422 is the last word": ({}, [hop(US, 422)], "rejected"),
    "EU first where EU knows the token": ({"knows": EU}, [hop(EU, 404), hop(US, "found")], "success"),
    "legacy host asked last": (
        {"legacy_url": f"https://{LEGACY}"}, [hop(US, 404), hop(EU, 401), hop(LEGACY, "found")], "success",
    ),
    "legacy host with HTML": (
        {"legacy_url": f"https://{LEGACY}"}, [hop(US, 404), hop(EU, 401), hop(LEGACY, "html")], "not_found",
    ),
    "legacy host down": (
        {"legacy_url": f"https://{LEGACY}"}, [hop(US, 404), hop(EU, 401), hop(LEGACY, "down")], "not_found",
    ),
    "explicit region": ({"region": "us"}, [hop(US, 404)], "not_found"),
    "explicit region with a legacy host": (
        {"region": "us", "legacy_url": f"https://{LEGACY}"}, [hop(US, 404), hop(LEGACY, "found")], "success",
    ),
    "operator's own host": ({"public_api_url": f"https://{PUBLIC}"}, [hop(PUBLIC, 404)], "not_found"),
}  # fmt: skip


@pytest.mark.parametrize("name", ELSEWHERE)
@pytest.mark.parametrize("way", HOPS)
async def test_who_does_not_have_it_is_asked_in_turn_and_each_answer_is_told(way: str, name: str) -> None:
    given, hops, code = HOPS[way]
    connection = dict(given)
    knows = connection.pop("knows", US)
    says = {one.host: one.fault for one in hops}
    asked: list[str] = []

    def segment(incident: Incident) -> httpx2.Response:
        host = incident.request.url.host
        if incident.request.url.path == "/":
            return (success if host == knows else status(401))(incident)
        if asked[-1:] != [host]:
            asked.append(host)
        return says[host](incident)

    clock = Clockwork()
    client = over(Faulty(segment, clock), clock, **connection)
    attempts = [one.told() for one in hops]
    if code == "success":
        answer = await ELSEWHERE[name](client)
        assert answer == (DATA if len(hops) == 1 else {**DATA, "attempts": attempts})
    else:
        with pytest.raises(UpstreamError) as caught:
            await ELSEWHERE[name](client)
        assert caught.value.data()["code"] == code
        assert caught.value.data()["attempts"] == attempts
        assert caught.value.data()["host"] == hops[0].host
    assert asked == [one.host for one in hops]


async def test_no_other_operation_asks_elsewhere() -> None:
    def segment(incident: Incident) -> httpx2.Response:
        return (success if incident.request.url.path == "/" else status(404))(incident)

    clock = Clockwork()
    way = Faulty(segment, clock)
    with pytest.raises(NotFound) as caught:
        await CALLS["read"](over(way, clock))
    assert "attempts" not in caught.value.data()
    assert len([request for request in way.requests if request.url.path != "/"]) == 1


async def test_what_the_error_is_called_is_what_it_is() -> None:
    kinds = {"401": Unauthorized, "HTML": InvalidResponse, "connection refused": NetworkFailed}
    for fault, kind in kinds.items():
        _, error = await meet(FAULTS[fault], CALLS["read"])
        assert type(error) is kind
