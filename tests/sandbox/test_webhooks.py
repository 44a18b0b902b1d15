"""The Webhooks destination: what is sent, to whom, how it is signed, and how its end is counted."""

import hashlib
import hmac
import json
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette

from segment_mcp.sandbox import API_TOKEN, create_app, posting, webhooks
from segment_mcp.sandbox.webhooks import Request, Result, is_loopback, judged, request

from .conftest import Clock
from .scenery import Scenery


@dataclass(frozen=True)
class Got:
    method: str
    path: str
    headers: Message
    body: bytes


@dataclass
class Receiver:
    """A server on loopback: what it got, and the statuses that it answers with, 200 when there are no more."""

    url: str = ""
    got: list[Got] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    here = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            here.got.append(Got(self.command, self.path, self.headers, body))
            status = here.statuses.pop(0) if here.statuses else 200
            if status == 0:  # hangs up without a word
                self.close_connection = True
                return
            self.send_response(status)
            self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        do_GET = do_POST = do_PUT = do_PATCH = answer  # noqa: N815 - as the server calls them

        def log_message(self, *_: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        here.url = f"http://127.0.0.1:{server.server_port}"
        running = threading.Thread(target=server.serve_forever, args=(0.01,))
        running.start()
        yield here
        server.shutdown()
        running.join()


@pytest.fixture
def pauses() -> list[float]:
    """The seconds that the sandbox would have slept."""
    return []


@pytest.fixture
def app(clock: Clock, pauses: list[float]) -> Starlette:
    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    return create_app(now=clock, sleep=sleep)


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


class TestWhereTo:
    @pytest.mark.parametrize(
        "url",
        [
            "http://127.0.0.1",
            "https://127.0.0.1:8443/in?x=1#y",
            "http://127.1.2.3:80/",
            "http://localhost:3000/in",
            "HTTP://LocalHost/",
            "http://[::1]:9/in",
            "http://127.0.0.1?x",
        ],
    )
    def test_loopback_by_its_own_letters(self, url: str) -> None:
        assert is_loopback(url)

    @pytest.mark.parametrize(
        "url",
        [
            "",
            "127.0.0.1",
            "//127.0.0.1/",
            "ftp://127.0.0.1/",
            "file:///etc/passwd",
            "http://example.com/",
            "http://10.0.0.1/",
            "http://192.168.0.1/",
            "http://169.254.169.254/",
            "http://0.0.0.0/",
            "http://127.0.0.256/",
            "http://127.0.0.1.example.com/",
            "http://127.0.0.1@example.com/",
            "http://user:127.0.0.1@example.com/",
            "http://localhost@example.com/",
            "http://user@127.0.0.1/",
            "http://localhost.example.com/",
            "http://localhost.",
            "http://mylocalhost/",
            "http://127.0.0.1\\@example.com/",
            "http://example.com\\@127.0.0.1/",
            "http://127.1/",
            "http://2130706433/",
            "http://0x7f.0.0.1/",
            "http://0177.0.0.1/",
            "http://[::ffff:127.0.0.1]/",
            "http://[::]/",
            "http://[::1%25eth0]/",
            "http://127.0.0.1\n.example.com/",
            "http://127.0.0.1:80\t/",
            " http://127.0.0.1/",
            "http://127.0.0.1/\r\nHost: example.com",
            "http://\uff11\uff12\uff17.0.0.1/",
            "http://127.0.0.1:port/",
            "http://127.0.0.1:65536/",
            "http://127.0.0.1/é",
        ],
    )
    def test_anything_else(self, url: str) -> None:
        assert not is_loopback(url)

    async def test_nothing_is_sent_elsewhere_whoever_asks(self, pauses: list[float]) -> None:
        ended: dict[int, Result] = {}

        async def sleep(seconds: float) -> None:
            pauses.append(seconds)

        await posting.send([Request("POST", "http://0.0.0.0:1/", {}, b"")], ended.__setitem__, sleep)
        assert ended == {0: webhooks.NOT_SENT}

    async def test_redirects_are_not_followed_and_no_proxy_is_used(
        self, scenery: Scenery, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
        receiver.statuses = [307]
        hook = await scenery.destination()
        await scenery.subscribe(hook, url=f"{receiver.url}/in")
        await scenery.send()
        assert [got.path for got in receiver.got] == ["/in"]
        assert await scenery.ended(hook) == {"307": 1}


PAYLOAD = {"url": "http://localhost/", "method": "PUT", "data": {"é": [1, None]}}
BODY = '{"é":[1,null]}'.encode()


class TestRequests:
    def test_carry_the_data_as_json_signed_with_the_secret(self) -> None:
        made = request(PAYLOAD, "s3cret")
        assert made == Request(
            "PUT",
            "http://localhost/",
            {
                "User-Agent": "Segment (Actions)",
                "X-Signature": hmac.new(b"s3cret", BODY, hashlib.sha1).hexdigest(),
                "Content-Type": "application/json",
            },
            BODY,
        )

    @pytest.mark.parametrize("secret", [None, "", 5])
    def test_are_not_signed_without_a_secret(self, secret: Any) -> None:
        made = request(PAYLOAD, secret)
        assert made is not None
        assert "X-Signature" not in made.headers

    def test_without_data_have_neither_body_nor_signature(self) -> None:
        made = request({"url": "http://localhost/", "method": "POST"}, "s3cret")
        assert made is not None
        assert (made.body, set(made.headers)) == (None, {"User-Agent"})

    @pytest.mark.parametrize(("data", "body"), [(None, b"null"), ("\ud800", b'"\\ud800"'), (5, b"5"), ({}, b"{}")])
    def test_write_data_as_javascript_does(self, data: Any, body: bytes) -> None:
        made = request({**PAYLOAD, "data": data}, None)
        assert made is not None
        assert made.body == body

    def test_take_headers_of_the_mapping_but_not_those_of_the_connection(self) -> None:
        headers = {
            "Authorization": "Bearer x", "X-Number": 5, "X-Yes": True, "user-agent": "mine", "x-signature": "mine",
            "content-type": "text/plain", "Host": "example.com", "Content-Length": "1", "Transfer-Encoding": "chunked",
            "x-segment-sandbox": "mine",
        }  # fmt: skip
        made = request({**PAYLOAD, "headers": headers}, "s3cret")
        assert made is not None
        assert made.headers == {
            "Authorization": "Bearer x", "X-Number": "5", "X-Yes": "true", "user-agent": "mine", "x-signature": "mine",
            "Content-Type": "application/json",
        }  # fmt: skip

    @pytest.mark.parametrize(
        "wrong",
        [
            {"method": "DELETE"},
            {"method": "post"},
            {"method": None},
            {"headers": {"X": "é"}},
            {"headers": {"X": "a\r\nY: b"}},
            {"headers": {"X\n": "a"}},
            {"headers": {"": "a"}},
            {"url": "localhost"},
            {"url": "http://"},
            {"url": "http://localhost:99999/"},
            {"url": "http://localhost:port/"},
            {"url": 5},
            {"url": "ftp://localhost/"},
        ],
    )
    def test_that_http_can_not_carry_are_not_made(self, wrong: dict[str, Any]) -> None:
        assert request({**PAYLOAD, **wrong}, None) is None

    @pytest.mark.parametrize("headers", [None, "text", ["X"]])
    def test_take_no_headers_from_what_is_no_object(self, headers: Any) -> None:
        made = request({**PAYLOAD, "headers": headers}, None)
        assert made is not None
        assert set(made.headers) == {"User-Agent", "Content-Type"}


@pytest.mark.parametrize(
    ("status", "attempt", "result"),
    [
        (200, 1, Result("first_attempt", 1, "successes.attempt.1")),
        (204, 3, Result("after_retry", 3, "successes.attempt.3")),
        *((status, 1, None) for status in (408, 423, 429, 500, 502, 503, 504, 599)),
        *((status, 3, Result("expired", 3, str(status))) for status in (408, 429, 503)),
        *((status, 1, Result("discarded", 1, str(status))) for status in (300, 304, 400, 401, 404, 410, 422, 501)),
    ],
)
def test_a_status_ends_a_delivery_or_is_worth_another_attempt(status: int, attempt: int, result: Result | None) -> None:
    assert judged(status, attempt) == result


class TestDeliveries:
    @pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
    async def test_arrive_as_the_mapping_has_them(self, scenery: Scenery, receiver: Receiver, method: str) -> None:
        hook = await scenery.destination(settings={"sharedSecret": "s3cret"})
        data = {"user_property.plan": {"@path": "$.properties.plan"}, "userId": {"@path": "$.userId"}}
        headers = {"X-Shop": {"@path": "$.event"}, "X-SEGMENT-Sandbox": ""}
        await scenery.subscribe(hook, url=f"{receiver.url}/in?x=1", method=method, headers=headers, data=data)
        await scenery.send(properties={"plan": "prö"})
        (got,) = receiver.got
        assert (got.method, got.path, json.loads(got.body)) == (
            method,
            "/in?x=1",
            {"user_property.plan": "prö", "userId": "u"},
        )
        assert got.headers["X-Signature"] == hmac.new(b"s3cret", got.body, hashlib.sha1).hexdigest()
        assert got.headers.get_all("X-Segment-Sandbox") == ["webhook"]
        assert (got.headers["Content-Type"], got.headers["X-Shop"]) == ("application/json", "Paid")
        assert await scenery.ended(hook) == {"successes.attempt.1": 1}

    @pytest.mark.parametrize(
        ("statuses", "reason", "attempts"),
        [
            ([204], "successes.attempt.1", 1),
            ([503], "successes.attempt.2", 2),
            ([429, 500], "successes.attempt.3", 3),
            ([500, 502, 503], "503", 3),
            ([404], "404", 1),
            ([501], "501", 1),
            ([503, 400], "400", 2),
            ([0], "successes.attempt.2", 2),
            ([0, 0, 0], "ECONNRESET", 3),
        ],
    )
    async def test_are_counted_as_they_ended(
        self, scenery: Scenery, receiver: Receiver, statuses: list[int], reason: str, attempts: int
    ) -> None:
        receiver.statuses = list(statuses)
        hook = await scenery.destination()
        subscription = await scenery.subscribe(hook, url=receiver.url)
        await scenery.send()
        assert await scenery.ended(hook, **{"filter.subscriptionId": subscription}) == {reason: 1}
        assert len(receiver.got) == attempts
        (delivery,) = (await scenery.events())[0]["deliveries"]
        assert (delivery["attempts"], delivery["discardReason"]) == (attempts, reason)

    async def test_wait_between_attempts(self, scenery: Scenery, receiver: Receiver, pauses: list[float]) -> None:
        receiver.statuses = [500, 500, 500]
        hook = await scenery.destination()
        await scenery.subscribe(hook, url=receiver.url)
        await scenery.send()
        assert pauses == list(webhooks.PAUSES)

    async def test_that_reach_nobody_expire(self, scenery: Scenery) -> None:
        hook = await scenery.destination()
        await scenery.subscribe(hook, url=f"http://127.0.0.1:{free_port()}/")
        await scenery.send()
        assert await scenery.ended(hook) == {"EREFUSED": 1}

    async def test_of_which_no_request_can_be_made_are_discarded(self, scenery: Scenery, receiver: Receiver) -> None:
        hook = await scenery.destination()
        await scenery.subscribe(hook, url=receiver.url, headers={"X": "é"})
        await scenery.subscribe(hook, url=receiver.url, headers={"X Y": "z"})
        await scenery.subscribe(hook, url="http://127.0.0.1:99999/")
        await scenery.send()
        assert await scenery.ended(hook) == {"PAYLOAD_VALIDATION_FAILED": 3}
        assert receiver.got == []

    async def test_to_elsewhere_count_and_nothing_leaves(self, scenery: Scenery) -> None:
        hook = await scenery.destination()
        await scenery.subscribe(hook, url="https://hooks.example/in")
        await scenery.send()
        assert await scenery.ended(hook) == {"successes.attempt.1": 1}

    async def test_of_a_batch_arrive_in_its_order(
        self, client: httpx2.AsyncClient, scenery: Scenery, receiver: Receiver
    ) -> None:
        hook = await scenery.destination()
        await scenery.subscribe(hook, url=receiver.url, data={"@path": "$.event"})
        events = [{"type": "track", "event": f"e{number}", "userId": "u"} for number in range(5)]
        await client.post("https://api.segment.io/v1/batch", json={"batch": events, "writeKey": scenery.key})
        assert [json.loads(got.body) for got in receiver.got] == [f"e{number}" for number in range(5)]

    async def test_of_forwarded_events_arrive_too(self, scenery: Scenery, receiver: Receiver) -> None:
        other, _ = await scenery.add_source("quarantine")
        await scenery.plan()
        await scenery.settings(track={"allowUnplannedEvents": False}, forwardingBlockedEventsTo=other)
        hook = await scenery.destination(source=other)
        await scenery.subscribe(hook, url=receiver.url)
        await scenery.send(event="Lost")
        assert len(receiver.got) == 1

    async def test_of_what_a_webhook_brought_here_are_not_tried_and_it_counts(
        self, client: httpx2.AsyncClient, scenery: Scenery, receiver: Receiver
    ) -> None:
        hook = await scenery.destination()
        data = {"type": "track", "event": "Again", "userId": "u", "writeKey": scenery.key}
        await scenery.subscribe(hook, url=f"{receiver.url}/v1/track", data=data)
        away = await scenery.destination()
        await scenery.subscribe(away)
        await scenery.send()
        (got,) = receiver.got
        for kind, body in (("track", got.body), ("batch", json.dumps({"batch": [data], "writeKey": scenery.key}))):
            url = f"https://api.segment.io/v1/{kind}"
            answer = await client.post(url, content=body, headers=dict(got.headers) | {"Host": "api.segment.io"})
            assert answer.is_success
        assert len(receiver.got) == 1
        assert [event["event"] for event in await scenery.events()] == ["Paid", "Again", "Again"]
        assert await scenery.ended(hook) == {"successes.attempt.1": 1, "PAYLOAD_VALIDATION_FAILED": 2}
        assert await scenery.ended(away) == {"successes.attempt.1": 3}

    async def test_of_what_is_blocked_or_filtered_do_not_happen(self, scenery: Scenery, receiver: Receiver) -> None:
        hook = await scenery.destination()
        await scenery.subscribe(hook, 'event = "Other"', url=receiver.url)
        await scenery.filter(hook, 'userId = "internal"', {"type": "DROP"})
        await scenery.send()
        await scenery.send(event="Other", userId="internal")
        assert receiver.got == []


@pytest.fixture
async def silent() -> AsyncIterator[str]:
    """The address of a server that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/"


async def test_whoever_never_answers_is_not_waited_for(silent: str, pauses: list[float]) -> None:
    ended: list[tuple[int, Result]] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    requests = [Request("POST", silent, {}, b"{}")] * 2
    await posting.send(requests, lambda index, result: ended.append((index, result)), sleep, timeout=0.01)
    assert ended == [(index, Result("expired", 3, "ETIMEDOUT")) for index in (0, 1)]
    ended.clear()
    await posting.send(requests, lambda index, result: ended.append((index, result)), sleep, patience=0.01)
    assert ended == [(index, Result("expired", 0, "ETIMEDOUT")) for index in (0, 1)]


async def test_the_answer_comes_before_anything_is_sent(clock: Clock, receiver: Receiver) -> None:
    """By what an ASGI server sees: the whole answer is given to it, and only then the receiver hears something."""
    app = create_app(now=clock)
    headers = {"Authorization": f"Bearer {API_TOKEN}"}
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://sandbox", headers=headers) as client:
        scenery = await Scenery(client, app, clock).build()
        hook = await scenery.destination()
        await scenery.subscribe(hook, url=receiver.url)
    body = json.dumps({"userId": "u", "event": "Paid", "writeKey": scenery.key}).encode()
    heard: list[int] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.body":
            heard.append(len(receiver.got))

    scope = {
        "type": "http", "method": "POST", "path": "/v1/track", "raw_path": b"/v1/track", "query_string": b"",
        "headers": [(b"host", b"api.segment.io")], "scheme": "https", "http_version": "1.1", "root_path": "",
    }  # fmt: skip
    await app(scope, receive, send)
    assert (heard, len(receiver.got)) == ([0], 1)
