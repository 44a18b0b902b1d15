"""Faults that a person sets in the sandbox: what each does to an answer, whom it strikes, how often, and how set."""

import gzip
import json
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from jsonschema import Draft202012Validator
from starlette.applications import Starlette
from starlette.types import Message

from segment_mcp.operations import OPERATIONS
from segment_mcp.sandbox import API_TOKEN, WRITE_KEYS, create_app
from segment_mcp.sandbox.faults import SCHEMA, Fault, parse
from segment_mcp.sandbox.injector import ABORT
from segment_mcp.sandbox.spoil import DRIPS, Answer, pieces, spoiled

from .conftest import Clock
from .reference import REFUSAL
from .world import TRACKING, calls_today, send

FAULTS = "/_sandbox/faults"
README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
BAD_DAY = README.partition("### A bad day")[2].partition("\n## ")[0]
PAID = {"userId": "u1", "event": "Paid"}
KEY = WRITE_KEYS["http"]

Show = Callable[[httpx2.Response], bool]


@dataclass
class Day:
    """A sandbox whose sleeps are recorded and whose dice are scripted, and a client that expects anything."""

    clock: Clock
    app: Starlette = field(init=False)
    client: httpx2.AsyncClient = field(init=False)
    slept: list[float] = field(default_factory=list)
    dice: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.app = create_app(now=self.clock, random=lambda: self.dice.pop(0), sleep=self.sleep)
        self.client = httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app=self.app),
            base_url="https://api.segmentapis.com",
            headers={"Authorization": f"Bearer {API_TOKEN}"},
        )

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    async def set(self, **fault: Any) -> Any:
        answer = await self.client.post(FAULTS, json=fault)
        assert answer.status_code == 201, answer.text
        return answer.json()["data"]["fault"]

    async def used(self) -> list[int]:
        return [fault["used"] for fault in (await self.client.get(FAULTS)).json()["data"]["faults"]]

    async def sources(self) -> httpx2.Response:
        return await self.client.get("/sources")

    async def track(self, key: str = "http") -> httpx2.Response:
        return await send(self.client, "track", PAID, key=key)

    async def label(self) -> httpx2.Response:
        return await self.client.post("/labels", json={"label": {"key": "mood", "value": "bad"}})

    async def labelled(self) -> bool:
        return "mood" in (await self.client.get("/labels")).text

    async def fates(self, count: int = 1) -> list[int]:
        return [(await self.track()).status_code for _ in range(count)]


@pytest.fixture
async def day(clock: Clock) -> AsyncIterator[Day]:
    made = Day(clock)
    async with made.client:
        yield made


def is_json(answer: httpx2.Response) -> bool:
    try:
        answer.json()
    except ValueError:
        return False
    return True


def media_type(answer: httpx2.Response) -> str:
    return str(answer.headers["content-type"])


WAYS: dict[str, tuple[dict[str, Any], int | None, Show]] = {
    "html": ({"body": "html"}, None, lambda a: a.text.startswith("<!DOCTYPE") and "text/html" in media_type(a)),
    "html 502": ({"body": "html", "status": 502}, 502, lambda a: "<html>" in a.text),
    "empty": ({"body": "empty"}, None, lambda a: a.content == b"" and a.headers["content-length"] == "0"),
    "list": ({"body": "json-list"}, None, lambda a: isinstance(a.json(), list) and "json" in media_type(a)),
    "not json": ({"body": "not-json"}, None, lambda a: not is_json(a) and "json" in media_type(a)),
    "truncated": ({"body": "truncated"}, None, lambda a: not is_json(a) and a.text.startswith("{")),
    "truncated 503": ({"body": "truncated", "status": 503}, 503, lambda a: not is_json(a) and a.text[0] == "{"),
    "202": ({"status": 202}, 202, is_json),
    "204": ({"status": 204}, 204, lambda a: a.content == b"" and "content-length" not in a.headers),
    "205": ({"status": 205}, 205, lambda a: a.content == b"" and a.headers["content-length"] == "0"),
    "302": ({"status": 302, "headers": {"Location": "/"}}, 302, lambda a: a.headers["location"] == "/"),
    "304": ({"status": 304}, 304, lambda a: a.content == b""),
    "599": ({"status": 599}, 599, lambda a: "Status 599" in a.text),
}


@pytest.mark.parametrize("name", WAYS)
async def test_each_way_to_spoil_an_answer_is_whole_http_in_both_apis(day: Day, name: str) -> None:
    fault, status, shows = WAYS[name]
    await day.set(**fault)
    for answer in (await day.sources(), await day.label(), await day.track()):
        assert answer.status_code == (status or (201 if "labels" in str(answer.url) else 200))
        assert shows(answer)
        assert int(answer.headers.get("content-length", 0)) == len(answer.content)
    assert await day.used() == [3]


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 409, 413, 422, 429, 500, 501, 502, 503, 504, 520])
async def test_a_status_comes_in_the_shape_of_its_api(day: Day, status: int) -> None:
    await day.set(status=status)
    public, tracking = await day.sources(), await day.track()
    assert (public.status_code, tracking.status_code) == (status, status)
    Draft202012Validator(REFUSAL).validate(public.json())
    assert set(tracking.json()) == {"code", "message"}
    assert "retry-after" not in {*public.headers, *tracking.headers}


@pytest.mark.parametrize(
    ("headers", "milliseconds"),
    [({}, 57_647), ({"Retry-After": "2"}, 2_000), ({"retry-after": "Wed, 20 May 2026 12:01:00 GMT"}, 57_647),
     ({"Retry-After": "9" * 5_000}, 57_647)],
    ids=["documented", "seconds", "date", "too long"],
)  # fmt: skip
async def test_a_429_has_the_documented_body_and_says_of_the_wait_what_its_header_says(
    day: Day, headers: dict[str, str], milliseconds: int
) -> None:
    await day.set(status=429, headers=headers)
    data = {"remainingPoints": 0, "msBeforeNext": milliseconds, "consumedPoints": 21}
    answer = await day.sources()
    assert answer.json() == {"errors": [{"type": "RequestError", "message": "Too many requests", "data": data}]}
    assert answer.headers.get("retry-after") == next(iter(headers.values()), None)


async def test_headers_are_added_or_take_the_place_of_the_answers_own(day: Day) -> None:
    await day.set(headers={"x-ratelimit-REMAINING": "0", "Content-Type": "text/plain", "X-Own": ""})
    answer = await day.sources()
    assert answer.json()["data"]["sources"]
    assert answer.headers.get_list("x-ratelimit-remaining") == ["0"]
    assert answer.headers.get_list("content-type") == ["text/plain"]
    assert answer.headers["x-own"] == ""


async def test_a_delay_comes_after_the_deed_and_before_the_answer(clock: Clock) -> None:
    seen: list[tuple[float, int]] = []

    async def look(seconds: float) -> None:
        seen.append((seconds, await calls_today(client, "agent-events")))

    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=create_app(now=clock, sleep=look)),
        base_url="https://api.segmentapis.com",
        headers={"Authorization": f"Bearer {API_TOKEN}"},
    ) as client:
        await client.post(FAULTS, json={"operation": "track", "delaySeconds": 1.5})
        assert (await send(client, "track", PAID)).json() == {"success": True}
    assert seen == [(1.5, 1)]


async def test_a_drip_pauses_between_the_pieces_of_the_same_body(day: Day) -> None:
    whole = (await day.sources()).content
    await day.set(dripSeconds=0.1, delaySeconds=2)
    assert (await day.sources()).content == whole
    assert day.slept == [2, *[0.1] * (DRIPS - 1)]


@pytest.mark.parametrize(
    ("fault", "body", "expected"),
    [
        (Fault(), b"0123456789", [b"0123456789"]),
        (Fault(), b"", []),
        (Fault(reset="middle"), b"0123456789", [b"01234"]),
        (Fault(reset="middle"), b"0", []),
        (Fault(drip_seconds=1), b"", []),
        (Fault(drip_seconds=1), b"012", [b"0", b"1", b"2"]),
        (Fault(drip_seconds=1), b"0123456789ab", [b"01", b"23", b"45", b"67", b"89", b"ab"]),
        (Fault(drip_seconds=1, reset="middle"), b"0123456789ab", [b"01", b"23", b"45"]),
    ],
)
def test_pieces(fault: Fault, body: bytes, expected: list[bytes]) -> None:
    assert list(pieces(fault, Answer(200, (), body))) == expected


def test_a_long_body_drips_in_few_pieces() -> None:
    assert len(list(pieces(Fault(drip_seconds=1), Answer(200, (), bytes(100_001))))) == DRIPS


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation_can_have_a_bad_day(name: str) -> None:
    row = OPERATIONS[name]
    for given in ({"status": 503}, {"body": "truncated"}, {"body": "html"}, {"status": 200}):
        assert spoiled(parse({"operation": name, **given}), row, None).status in {200, 201, 503}


# What the client sees of a reset.


@dataclass
class Wire:
    """One request to the app by hand, and what came of it."""

    messages: list[Message] = field(default_factory=list)
    aborted: int = 0

    async def talk(self, app: Starlette, *, path: str = "/sources", extension: bool = True) -> None:
        given: list[Message] = [{"type": "http.request", "body": b"", "more_body": False}]

        async def receive() -> Message:
            return given.pop(0) if given else {"type": "http.disconnect"}

        async def send_(message: Message) -> None:
            self.messages.append(message)

        def abort() -> None:
            self.aborted += 1

        scope = {
            "type": "http", "method": "GET", "path": path, "raw_path": path.encode(), "query_string": b"",
            "headers": [(b"authorization", f"Bearer {API_TOKEN}".encode())],
            "extensions": {ABORT: abort} if extension else None,
        }  # fmt: skip
        await app(scope, receive, send_)

    @property
    def sent(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.messages)


async def test_a_reset_before_the_answer_sends_nothing(day: Day) -> None:
    await day.set(reset="before")
    wire = Wire()
    await wire.talk(day.app)
    assert (wire.messages, wire.aborted) == ([], 1)


async def test_a_reset_in_the_middle_declares_the_whole_body_and_sends_half(day: Day) -> None:
    whole = (await day.sources()).content
    await day.set(reset="middle", dripSeconds=0.1)
    wire = Wire()
    await wire.talk(day.app)
    headers = dict(wire.messages[0]["headers"])
    assert int(headers[b"content-length"]) == len(whole)
    assert wire.sent == whole[: len(whole) // 2]
    assert wire.messages[-1]["more_body"]
    assert wire.aborted == 1


@pytest.mark.parametrize("where", ["before", "middle"])
async def test_where_the_server_can_reset_nothing_it_is_raised(day: Day, where: str) -> None:
    await day.set(reset=where)
    with pytest.raises(ConnectionResetError):
        await day.sources()
    with pytest.raises(ConnectionResetError):
        await Wire().talk(day.app, extension=False)


async def test_a_client_that_gave_up_ends_the_wait(clock: Clock) -> None:
    async def forever(_: float) -> None:
        await anyio.sleep_forever()

    app = create_app(now=clock, sleep=forever)
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://sandbox") as client:
        await client.post(FAULTS, json={"delaySeconds": 60})
    with anyio.fail_after(5):
        await Wire().talk(app)


# Whether the sandbox acted.

ACTS: list[tuple[dict[str, Any], bool]] = [
    ({"status": 503}, False),
    ({"status": 503, "act": True}, True),
    ({"status": 503, "act": False}, False),
    ({"status": 200}, False),
    ({"body": "html"}, False),
    ({"body": "truncated"}, False),
    ({"body": "truncated", "act": True}, True),
    ({"status": 202, "act": True}, True),
    ({"reset": "before"}, False),
    ({"reset": "before", "act": True}, True),
    ({"reset": "middle"}, False),
    ({"reset": "middle", "act": True}, True),
    ({"delaySeconds": 1}, True),
    ({"dripSeconds": 1}, True),
    ({"headers": {"X-A": "b"}, "act": True}, True),
    ({"delaySeconds": 1, "reset": "before"}, False),
    ({"delaySeconds": 1, "status": 500, "act": True}, True),
]


@pytest.mark.parametrize(("fault", "acts"), ACTS, ids=[json.dumps(fault) for fault, _ in ACTS])
async def test_the_sandbox_does_what_was_asked_only_if_told_or_if_the_answer_stays_its_own(
    day: Day, fault: dict[str, Any], *, acts: bool
) -> None:
    assert (await day.set(times=2, **fault))["act"] is acts
    for ask in (day.track, day.label):
        if fault.get("reset"):
            with pytest.raises(ConnectionResetError):
                await ask()
        else:
            await ask()
    assert await calls_today(day.client, "agent-events") == int(acts)
    assert await day.labelled() is acts


async def test_half_of_a_list_is_half_of_the_real_list(day: Day) -> None:
    whole = (await day.sources()).content
    await day.set(body="truncated")
    assert (await day.sources()).content == whole[: len(whole) // 2]


# Whom it strikes, and how often.


async def test_an_operation_is_struck_alone(day: Day) -> None:
    await day.set(operation="listSources", status=500)
    assert (await day.sources()).status_code == 500
    assert (await day.client.get("/destinations")).status_code == 200
    assert (await day.label()).status_code == 201
    assert await day.fates() == [200]


async def test_what_is_no_operation_is_never_struck(day: Day) -> None:
    await day.set(status=503)
    assert (await day.client.get("/nowhere")).status_code == 404
    assert await day.used() == [0]


CARRIERS: dict[str, dict[str, Any]] = {
    "basic": {"json": PAID, "auth": httpx2.BasicAuth(KEY, "")},
    "body": {"json": {**PAID, "writeKey": KEY}},
    "body before basic": {"json": {**PAID, "writeKey": KEY}, "auth": httpx2.BasicAuth("other", "")},
    "gzip": {
        "content": gzip.compress(json.dumps({**PAID, "writeKey": KEY}).encode()),
        "headers": {"Content-Encoding": "gzip"},
    },
}


@pytest.mark.parametrize("name", CARRIERS)
async def test_a_write_key_is_struck_however_it_comes_and_the_body_arrives_all_the_same(day: Day, name: str) -> None:
    await day.set(writeKey=KEY, status=503, act=True, times=1)
    await day.set(writeKey="nobody's", status=500)
    assert (await day.client.post(f"{TRACKING}/v1/track", **CARRIERS[name])).status_code == 503
    assert (await day.client.post(f"{TRACKING}/v1/track", **CARRIERS[name])).status_code == 200
    assert (await day.track("web")).status_code == 200
    assert (await day.sources()).status_code == 200
    assert await day.used() == [1, 0]
    assert await calls_today(day.client, "agent-events") == 2


@pytest.mark.parametrize("content", [b"{", b"[]", b"", b"\xff", b'{"a":"' + b"x" * 600_000 + b'"}'])
async def test_a_body_without_a_key_is_refused_as_ever(day: Day, content: bytes) -> None:
    url = f"{TRACKING}/v1/track"
    before = await day.client.post(url, content=content)
    await day.set(writeKey=KEY, status=503)
    after = await day.client.post(url, content=content)
    assert (before.status_code, before.content) == (after.status_code, after.content)


async def test_an_operation_and_a_key_must_both_fit(day: Day) -> None:
    await day.set(operation="batch", writeKey=KEY, status=503)
    assert await day.fates() == [200]
    answers = [await send(day.client, "batch", {"batch": [{**PAID, "type": "track"}]}, key=key) for key in WRITE_KEYS]
    assert [answer.status_code for answer in answers].count(503) == 1


async def test_uses_run_out_and_the_next_fault_that_fits_takes_over(day: Day) -> None:
    await day.set(operation="track", status=500, times=2)
    await day.set(status=503, times=1)
    await day.set(operation="track", status=429)
    assert await day.fates(5) == [500, 500, 503, 429, 429]
    assert await day.used() == [2, 1, 2]


async def test_a_share_strikes_as_the_dice_fall_and_leaves_the_rest_to_the_next(day: Day) -> None:
    day.dice = [0.0, 0.24, 0.25, 0.99, 0.1]
    await day.set(operation="track", status=500, share=0.25)
    await day.set(operation="track", status=503, times=1)
    assert await day.fates(5) == [500, 500, 503, 200, 500]
    assert day.dice == []
    assert (await day.sources()).status_code == 200  # and the dice were not thrown


async def test_the_default_dice_are_dice(clock: Clock) -> None:
    app = create_app(now=clock)
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://sandbox") as client:
        await client.post(FAULTS, json={"share": 1, "status": 503})
        assert (await client.post("/v1/track", json=PAID)).status_code == 503


async def test_clearing_ends_the_bad_day(day: Day) -> None:
    await day.set(status=503)
    assert await day.fates() == [503]
    assert (await day.client.delete(FAULTS)).json() == {"data": {"faults": []}}
    assert await day.fates() == [200]
    assert await day.used() == []


async def test_faults_are_listed_as_they_were_set_in_order_and_when_spent(day: Day) -> None:
    given: list[dict[str, Any]] = [
        {"operation": "track", "times": 1, "reset": "middle", "dripSeconds": 0.1, "act": True},
        {"writeKey": KEY, "share": 0.5, "status": 503, "headers": {"Retry-After": "2"}},
        {"delaySeconds": 1.5},
    ]
    for fault in given:
        await day.set(**fault)
    with pytest.raises(ConnectionResetError):
        await day.track()
    answer = await day.client.get(FAULTS)
    acts, used = [True, False, True], [1, 0, 0]
    assert answer.json()["data"]["faults"] == [
        {**fault, "act": act, "used": uses} for fault, act, uses in zip(given, acts, used, strict=True)
    ]


# How it is set.

BAD: list[tuple[Any, set[str]]] = [
    ({}, {"value"}),
    ([], {"value"}),
    (None, {"value"}),
    ({"operation": "track"}, {"value"}),
    ({"act": True}, {"value"}),
    ({"sattus": 503, "Status": 500}, {"sattus", "Status"}),
    ({"status": 503, "operation": "listThings"}, {"operation"}),
    ({"status": 503, "operation": ["track"]}, {"operation"}),
    ({"status": 503, "operation": None}, {"operation"}),
    ({"status": 503, "writeKey": ""}, {"writeKey"}),
    ({"status": 503, "writeKey": 5}, {"writeKey"}),
    ({"status": 503, "writeKey": "k", "operation": "listSources"}, {"writeKey"}),
    ({"status": 503, "times": 0}, {"times"}),
    ({"status": 503, "times": 1.5}, {"times"}),
    ({"status": 503, "times": True}, {"times"}),
    ({"status": 503, "share": 0}, {"share"}),
    ({"status": 503, "share": 1.1}, {"share"}),
    ({"status": 503, "share": 0.5, "times": 2}, {"share"}),
    ({"status": 99}, {"status"}),
    ({"status": 600}, {"status"}),
    ({"status": "503"}, {"status"}),
    ({"headers": []}, {"headers"}),
    ({"headers": {"A": 1, "B": None}}, {"headers.A", "headers.B"}),
    ({"headers": {"A b": "c", "": "d", "Ä": "e"}}, {"headers.A b", "headers.", "headers.Ä"}),
    ({"headers": {"A": "b\r\nC: d", "B": " b", "C": "ä", "D": "\n"}}, {f"headers.{name}" for name in "ABCD"}),
    (
        {"headers": {"content-length": "1", "Transfer-Encoding": "chunked"}},
        {"headers.content-length", "headers.Transfer-Encoding"},
    ),
    ({"delaySeconds": 0}, {"delaySeconds"}),
    ({"delaySeconds": 3601}, {"delaySeconds"}),
    ({"dripSeconds": -1}, {"dripSeconds"}),
    ({"dripSeconds": 10**400}, {"dripSeconds"}),
    ({"body": "xml"}, {"body"}),
    ({"reset": True}, {"reset"}),
    ({"reset": "after", "act": 1}, {"reset", "act"}),
    ({"delaySeconds": 1, "act": False}, {"act"}),
    (
        {"reset": "before", "status": 503, "headers": {"A": "b"}, "body": "html", "dripSeconds": 1},
        {"status", "headers", "body", "dripSeconds"},
    ),
    ({"reset": "middle", "body": "empty"}, {"body"}),
    ({"status": 204, "body": "html", "reset": "middle", "dripSeconds": 1}, {"body", "reset", "dripSeconds"}),
]


@pytest.mark.parametrize(("fault", "fields"), BAD, ids=[repr(fault)[:60] for fault, _ in BAD])
async def test_a_wrong_fault_is_refused_and_its_members_named(day: Day, fault: Any, fields: set[str]) -> None:
    answer = await day.client.post(FAULTS, json=fault)
    assert answer.status_code == 422
    Draft202012Validator(REFUSAL).validate(answer.json())
    assert {error["field"] for error in answer.json()["errors"]} == fields
    assert await day.used() == []


@pytest.mark.parametrize(("status", "content"), [(400, b"{"), (400, b"status=503"), (413, b" " * 2_000_000)])
async def test_what_is_no_json_is_refused(day: Day, status: int, content: bytes) -> None:
    answer = await day.client.post(FAULTS, content=content)
    assert answer.status_code == status
    Draft202012Validator(REFUSAL).validate(answer.json())


async def test_whoever_reaches_the_sandbox_may_set_faults_and_they_never_strike_there(clock: Clock) -> None:
    transport = httpx2.ASGITransport(app=create_app(now=clock))
    async with httpx2.AsyncClient(transport=transport, base_url="http://sandbox") as client:
        assert (await client.post(FAULTS, json={"status": 503})).status_code == 201
        assert (await client.get("/sources")).status_code == 503  # before the token is looked at
        assert (await client.get(FAULTS)).json()["data"]["faults"][0]["used"] == 1
        assert (await client.put(FAULTS)).status_code == 404
        assert (await client.get("/_sandbox/else")).status_code == 404


async def test_text_that_is_no_text_is_listed_all_the_same(day: Day) -> None:
    answer = await day.client.post(FAULTS, content=b'{"writeKey": "\\ud800", "status": 503}')
    assert answer.status_code == 201
    assert (await day.client.get(FAULTS)).json()["data"]["faults"][0]["writeKey"] == "?"


# What the README says of it.


def test_the_readmes_examples_are_faults() -> None:
    examples = [json.loads(text) for text in re.findall(r"-d '(\{.*?\})'", BAD_DAY)]
    assert len(examples) >= 3
    for example in examples:
        parse(example)


def test_the_readmes_table_names_every_member_and_no_other() -> None:
    assert re.findall(r"^\| `(\w+)`", BAD_DAY, re.MULTILINE) == list(SCHEMA["properties"])


def test_the_readmes_table_names_every_choice() -> None:
    for name in ("body", "reset"):
        assert [choice for choice in SCHEMA["properties"][name]["enum"] if f"`{choice}`" not in BAD_DAY] == []
