"""Deferred is true: through the whole app, on a network that fails and comes back, over ends and restarts."""

import json
import logging
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest

from segment_mcp.app import open_app
from segment_mcp.config import check, load, merge, parse_environment, parse_toml
from segment_mcp.errors import SettingsError
from segment_mcp.events.outbox import Refusal
from segment_mcp.sandbox import API_TOKEN, WRITE_KEYS, create_app
from segment_mcp.stores.outbox import SqliteOutbox
from segment_mcp.tools.invoke import Toolbox
from tests.leaping import LEAPING, Clock, until

KEY, OTHER_KEY = WRITE_KEYS["http"], next(iter(WRITE_KEYS.values()))
PAID = {"userId": "u1", "event": "Paid", "messageId": "m1"}
REAL = {"SEGMENT_API_TOKEN": API_TOKEN, "SEGMENT_WRITE_KEY": KEY, "SEGMENT_REGION": "us"}
SANDBOX = {"SEGMENT_MCP_SANDBOX": "1", "SEGMENT_WRITE_KEY": KEY}

Weather = Callable[[httpx2.Request], httpx2.Response | Exception | None]


@pytest.fixture(scope="module")
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return LEAPING


def fine(_: httpx2.Request) -> None:
    return None


def no_network(request: httpx2.Request) -> Exception:
    return httpx2.ConnectError("no route to host", request=request)


def answering(status: int, **headers: str) -> Weather:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _: httpx2.Response(status, json={"code": "x", "message": "Bad day."}, headers=named)


def html(_: httpx2.Request) -> httpx2.Response:
    return httpx2.Response(200, html="<h1>Please log in</h1>")


@dataclass
class Network(httpx2.AsyncBaseTransport):
    """The way to a Segment that outlives the apps that use it.

    Attributes:
        weather: what becomes of a request; None: Segment answers.
        hangs: seconds before anything comes of a request.
        loses: whether answers are lost after Segment acted.
        requests: the Tracking API's, with their times.
    """

    clock: Clock
    weather: Weather = fine
    hangs: float = 0.0
    loses: bool = False
    requests: list[tuple[float, httpx2.Request]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._segment = httpx2.ASGITransport(app=create_app(now=self.clock.now))

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if request.url.path.startswith("/v1/"):
            self.requests.append((self.clock.passed(), request))
        await anyio.sleep(self.hangs)
        outcome = self.weather(request)
        if isinstance(outcome, Exception):
            raise outcome
        if outcome is not None:
            return outcome
        response = await self._segment.handle_async_request(request)
        if self.loses and request.url.path.startswith("/v1/"):
            raise httpx2.ReadError("connection reset", request=request)
        return response

    async def arrived(self) -> list[dict[str, Any]]:
        """What Segment has, once each, in the order of its coming."""
        async with httpx2.AsyncClient(transport=self._segment, base_url="https://api.segment.io") as client:
            answer: dict[str, Any] = (await client.get("/_sandbox/events?count=1000")).json()
        events: list[dict[str, Any]] = answer["events"]
        return events

    async def arrives(self, *message_ids: str, within: float = 3600.0, look: float = 10.0) -> list[dict[str, Any]]:
        """Let time pass until exactly these are there."""
        with anyio.fail_after(within):
            while [event["messageId"] for event in await self.arrived()] != list(message_ids):  # noqa: ASYNC110 - as `until`
                await anyio.sleep(look)
        return await self.arrived()


@pytest.fixture
async def network() -> Network:
    return Network(Clock())


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "own" / "state"


@asynccontextmanager
async def app(network: Network, state: Path | None, **settings: str) -> AsyncIterator[Toolbox]:
    folder = {} if state is None else {"SEGMENT_MCP_STATE_DIR": str(state)}
    environment = {**(REAL if "SEGMENT_MCP_SANDBOX" not in settings else {}), **folder, **settings}
    async with open_app(load(environment), transport=lambda: network, timing=network.clock.timing()) as toolbox:
        yield toolbox


async def done(toolbox: Toolbox, tool: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    envelope = await toolbox.invoke(tool, arguments)
    assert envelope.successful, envelope
    return dict(envelope.data)


async def failed(toolbox: Toolbox, tool: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    envelope = await toolbox.invoke(tool, arguments)
    assert not envelope.successful, envelope
    return {**envelope.data, "error": envelope.error}


def counted(state: Path) -> tuple[int, int]:
    with closing(SqliteOutbox(state / "outbox.sqlite3")) as store:
        summary = store.summary()
    return summary["pending"], summary["deadLetters"]


def on_disk(folder: Path) -> list[Path]:
    return list(folder.rglob("*"))


# Deferred, then delivered


BAD_DAYS: dict[str, Weather] = {
    "no network": no_network,
    "500": answering(500),
    "503": answering(503),
    "429": answering(429),
    "429 for an hour": answering(429, retry_after="3600"),
    "html": html,
    "redirect": lambda _: httpx2.Response(302, headers={"location": "https://login.example"}),
}


@pytest.mark.parametrize("day", BAD_DAYS)
async def test_an_event_that_segment_can_not_take_is_deferred_and_arrives_once_as_it_happened(
    network: Network, state: Path, day: str
) -> None:
    async with app(network, state) as toolbox:
        network.weather = BAD_DAYS[day]
        happened = network.clock.now()
        answer = await done(toolbox, "segment_track", PAID)
        assert (answer["status"], answer["messageId"], answer["host"]) == ("deferred", "m1", "api.segment.io")
        assert answer["reason"]
        assert counted(state) == (1, 0)
        await anyio.sleep(100)
        assert await network.arrived() == []
        network.weather = fine
        (event,) = await network.arrives("m1", within=4_000, look=100)
        await until(lambda: counted(state) == (0, 0), look=10)
    assert event["timestamp"] == happened.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    assert event["repeats"] == 0
    assert "code" not in event


async def test_an_event_whose_answer_was_lost_is_there_once(network: Network, state: Path) -> None:
    async with app(network, state) as toolbox:
        network.loses = True
        assert (await done(toolbox, "segment_track", PAID))["status"] == "deferred"
        network.loses = False
        await until(lambda: counted(state) == (0, 0), look=10)
    (event,) = await network.arrives("m1")
    assert event["repeats"] > 0


async def test_a_segment_that_hangs_costs_a_call_its_time_and_no_event(network: Network, state: Path) -> None:
    async with app(network, state) as toolbox:
        network.hangs = 1_000.0
        began = network.clock.passed()
        assert (await done(toolbox, "segment_track", PAID))["status"] == "deferred"
        assert network.clock.passed() - began <= 26
        network.hangs = 0.0
        await network.arrives("m1")


async def test_a_batch_is_deferred_event_by_event_and_arrives_in_order(network: Network, state: Path) -> None:
    names = [f"m{number}" for number in range(60)]
    batch = [{"type": "track", **PAID, "messageId": name, "properties": {"p": "x" * 30_000}} for name in names]
    requests = 0

    def second_fails(request: httpx2.Request) -> httpx2.Response | None:
        nonlocal requests
        requests += request.url.path == "/v1/batch"
        return httpx2.Response(503) if requests > 1 and network.clock.passed() < 300 else None

    async with app(network, state) as toolbox:
        network.weather = second_fails
        answer = await done(toolbox, "segment_batch", {"batch": batch})
        statuses = [event["status"] for event in answer["events"]]
        first = answer["accepted"]
        assert 0 < first < 60
        assert statuses == ["accepted"] * first + ["deferred"] * (60 - first)
        assert counted(state) == (60 - first, 0)
        await network.arrives(*names)


async def test_what_segment_refuses_at_once_is_a_failure_and_is_not_kept(network: Network, state: Path) -> None:
    async with app(network, state) as toolbox:
        network.weather = answering(401)
        assert (await failed(toolbox, "segment_track", PAID))["code"] == "unauthorized"
    assert on_disk(state.parent) == []


async def test_what_segment_refuses_later_becomes_a_dead_letter_that_the_status_counts(
    network: Network, state: Path
) -> None:
    async with app(network, state) as toolbox:
        network.weather = no_network
        await done(toolbox, "segment_track", PAID)
        network.weather = answering(401)
        await until(lambda: counted(state) == (0, 1), look=20)
        network.weather = fine
        status = await done(toolbox, "segment_connection_status", {})
        assert status["outbox"]["deadLetters"] == 1
        await anyio.sleep(600)
    assert await network.arrived() == []


async def test_nothing_goes_out_before_segment_wants_to_hear_again(network: Network, state: Path) -> None:
    """A single event is refused at /v1/track and delivered later at /v1/batch: it is one Segment that said wait."""
    async with app(network, state) as toolbox:
        network.weather = answering(429, retry_after="120")
        await done(toolbox, "segment_track", PAID)
        network.weather = fine
        refused = len(network.requests)
        await network.arrives("m1")
    assert network.requests[refused][0] >= 119


@pytest.fixture
def failed_disk(state: Path) -> None:
    (state / "outbox.sqlite3").mkdir(parents=True)


@pytest.mark.usefixtures("failed_disk")
async def test_a_failed_disk_makes_no_promise(network: Network, state: Path) -> None:
    async with app(network, state) as toolbox:
        network.weather = no_network
        told = await failed(toolbox, "segment_track", PAID)
        assert (told["code"], told["messageId"]) == ("network", "m1")
        assert "could not be kept" in told["error"]
        assert "same messageId" in told["error"]
        network.weather = fine
        status = await done(toolbox, "segment_connection_status", {})
        assert status["outbox"]["works"] is False
        assert "outbox.sqlite3" in status["outbox"]["reason"]
        assert (await done(toolbox, "segment_track", PAID))["status"] == "accepted"


async def test_a_state_folder_that_can_not_even_be_looked_for_ends_no_server(network: Network, tmp_path: Path) -> None:
    async with app(network, tmp_path / ("x" * 300)) as toolbox:
        await anyio.sleep(60)
        status = await done(toolbox, "segment_connection_status", {})
        assert status["outbox"]["works"] is False
        assert (await done(toolbox, "segment_track", PAID))["status"] == "accepted"
        network.weather = no_network
        assert "kept" in (await failed(toolbox, "segment_track", {**PAID, "messageId": "m2"}))["error"]
        await anyio.sleep(60)
        network.weather = fine
        assert (await done(toolbox, "segment_track", {**PAID, "messageId": "m3"}))["status"] == "accepted"


# Over ends and restarts


async def left_behind(network: Network, state: Path, **settings: str) -> None:
    """An app that defers an event and ends."""
    network.weather, weather = no_network, network.weather
    async with app(network, state, **settings) as toolbox:
        assert (await done(toolbox, "segment_track", PAID))["status"] == "deferred"
    network.weather = weather


async def test_the_next_server_delivers_what_the_last_one_left_without_being_asked(
    network: Network, state: Path
) -> None:
    await left_behind(network, state)
    assert counted(state) == (1, 0)
    async with app(network, state):
        await network.arrives("m1", within=60, look=5)


async def test_servers_beside_each_other_deliver_each_event_once(network: Network, state: Path) -> None:
    async with app(network, state) as first, app(network, state) as second, app(network, state) as third:
        network.weather = answering(503)
        async with anyio.create_task_group() as group:
            for number, toolbox in enumerate([first, second, third] * 3):
                group.start_soon(done, toolbox, "segment_track", {**PAID, "messageId": f"m{number}"})
        assert counted(state) == (9, 0)
        network.weather = fine
        await until(lambda: counted(state) == (0, 0), look=10)
        await anyio.sleep(120)
    arrived = await network.arrived()
    assert sorted(event["messageId"] for event in arrived) == [f"m{number}" for number in range(9)]
    assert {event["repeats"] for event in arrived} == {0}


async def test_a_server_that_nobody_calls_delivers_what_another_one_leaves(network: Network, state: Path) -> None:
    """It began when there was nothing to deliver."""
    async with app(network, state):
        await anyio.sleep(30)
        await left_behind(network, state)
        await network.arrives("m1", within=300)


async def test_a_server_that_ends_while_it_delivers_leaves_the_lane_to_the_next(network: Network, state: Path) -> None:
    await left_behind(network, state)
    network.hangs = 10.0
    async with app(network, state):
        await until(lambda: network.requests[-1][1].url.path == "/v1/batch", look=1)
    network.hangs = 0.0
    at = network.clock.passed()
    async with app(network, state):
        await network.arrives("m1", look=1)
    assert network.clock.passed() - at < 10


async def test_a_server_that_is_cancelled_closes_its_files(network: Network, state: Path) -> None:
    network.weather = no_network
    with anyio.CancelScope() as scope:
        async with app(network, state) as toolbox:
            await done(toolbox, "segment_track", PAID)
            scope.cancel()
            await anyio.sleep(1)
    assert [file.name for file in on_disk(state)] == ["outbox.sqlite3"], "the last to close takes the others away"


async def test_a_server_that_may_only_read_sends_nothing(network: Network, state: Path) -> None:
    await left_behind(network, state)
    sent = len(network.requests)
    async with app(network, state, SEGMENT_MCP_MODE="read") as toolbox:
        status = await done(toolbox, "segment_connection_status", {})
        await anyio.sleep(600)
    assert status["outbox"]["pending"] == 1
    assert len(network.requests) == sent
    assert counted(state) == (1, 0)


# Which way


async def test_each_event_goes_to_its_own_connections_host(network: Network, state: Path, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text(
        f'[connections.europe]\nregion = "eu"\nwrite_key = "{KEY}"\n'
        f'[connections.america]\nregion = "us"\nwrite_key = "{OTHER_KEY}"\n'
    )
    settings = load({"SEGMENT_MCP_STATE_DIR": str(state)}, config)
    timing = network.clock.timing()
    async with open_app(settings, transport=lambda: network, timing=timing) as toolbox:
        network.weather = no_network
        for name in ("europe", "america"):
            await done(toolbox, "segment_track", {**PAID, "messageId": name, "connection": name})
        network.weather = fine
        network.requests.clear()
        await until(lambda: counted(state) == (0, 0), look=20)
    went = {
        (request.url.host, body["writeKey"], *(event["messageId"] for event in body["batch"]))
        for _, request in network.requests
        for body in [json.loads(request.content)]
    }
    assert went == {("events.eu1.segmentapis.com", KEY, "europe"), ("api.segment.io", OTHER_KEY, "america")}


async def test_the_region_may_be_found_later(network: Network, state: Path) -> None:
    await left_behind(network, state, SEGMENT_REGION="auto")
    async with app(network, state, SEGMENT_REGION="auto"):
        await network.arrives("m1")


async def test_an_event_outlives_the_token_with_which_its_region_was_to_be_found(network: Network, state: Path) -> None:
    """A token that is replaced changes nothing about where its write key's events go."""
    await left_behind(network, state, SEGMENT_REGION="auto", SEGMENT_API_TOKEN="sgp_before")
    async with app(network, state, SEGMENT_REGION="auto"):
        await network.arrives("m1")


async def test_a_token_that_nobody_knows_makes_no_dead_letters(network: Network, state: Path) -> None:
    """Segment refused to say the region; it never refused the event."""
    wrong = {"SEGMENT_REGION": "auto", "SEGMENT_API_TOKEN": "sgp_revoked"}
    await left_behind(network, state, **wrong)
    async with app(network, state, **wrong):
        await anyio.sleep(600)
    assert counted(state) == (1, 0)


async def test_the_embedded_segment_is_never_a_real_one(network: Network, state: Path) -> None:
    await left_behind(network, state, SEGMENT_MCP_SANDBOX="1")
    sent = len(network.requests)
    async with app(network, state, SEGMENT_API_TOKEN=API_TOKEN, SEGMENT_REGION="auto"):
        await anyio.sleep(600)
    assert len(network.requests) == sent
    assert counted(state) == (1, 0)


# What is on the disk


async def test_the_embedded_segment_leaves_nothing_on_the_disk(
    network: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    async with app(network, None, SEGMENT_MCP_SANDBOX="1") as toolbox:
        network.weather = answering(503)
        assert (await done(toolbox, "segment_track", PAID))["status"] == "deferred"
        assert (await done(toolbox, "segment_connection_status", {}))["outbox"]["pending"] == 1
        network.weather = fine
        await network.arrives("m1")
    assert on_disk(tmp_path) == [temporary]


async def test_a_server_that_deferred_nothing_leaves_nothing_on_the_disk(network: Network, state: Path) -> None:
    async with app(network, state) as toolbox:
        await done(toolbox, "segment_track", PAID)
        status = await done(toolbox, "segment_connection_status", {})
        await anyio.sleep(120)
    assert status["outbox"] == {"pending": 0, "deadLetters": 0}
    assert on_disk(state.parent) == []


async def test_without_settings_the_state_is_where_the_system_keeps_it(network: Network, tmp_path: Path) -> None:
    async with app(network, None) as toolbox:
        network.weather = no_network
        await done(toolbox, "segment_track", PAID)
    (file,) = (file for file in on_disk(tmp_path) if file.name == "outbox.sqlite3")
    assert file.is_relative_to(tmp_path / "state")


async def test_the_outbox_may_be_elsewhere(network: Network, state: Path, tmp_path: Path) -> None:
    file = tmp_path / "shared" / "events.db"
    async with app(network, state, SEGMENT_MCP_OUTBOX=f"sqlite://{file}") as toolbox:
        network.weather = no_network
        await done(toolbox, "segment_track", PAID)
    assert file.is_file()
    assert on_disk(state.parent) == []


WRONG = {
    "SEGMENT_MCP_STATE_DIR": ["state", "./state", "../state", "~nobody-at-all/state"],
    "SEGMENT_MCP_OUTBOX": [
        "redis://localhost:6379/0",
        "redis://:hunter22@localhost",
        "postgres://me:hunter22@localhost/outbox",
        "file:///var/lib/outbox.db",
        "/var/lib/outbox.db",
        "sqlite:",
        "sqlite:/var/lib/outbox.db",
        "sqlite://outbox.db",
        "sqlite://./outbox.db",
        "sqlite3",
        "SQLITE",
        "memory",
    ],
}


@pytest.mark.parametrize(("variable", "value"), [(name, value) for name, values in WRONG.items() for value in values])
def test_a_wrong_place_is_refused_by_its_variable_and_without_its_secrets(variable: str, value: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load({**SANDBOX, variable: value})
    assert str(caught.value).startswith(f"{variable}: ")
    assert "hunter22" not in str(caught.value)


@pytest.mark.parametrize(
    "line",
    ["mcp_state_dir = 7", 'mcp_state_dir = "/a\\u0000b"', "mcp_outbox = 7", 'mcp_outbox = "sqlite:///a\\u0000b"'],
)
def test_a_wrong_place_in_the_file_is_refused_too(line: str) -> None:
    with pytest.raises(SettingsError, match=f"SEGMENT_{line.partition(' ')[0].upper()}: "):
        check(merge(parse_toml(line), parse_environment({})))


# Secrets


def echo(request: httpx2.Request) -> httpx2.Response | None:
    """Segment says back what it was told."""
    if not request.url.path.startswith("/v1/"):
        return None
    said = f"{json.loads(request.content)['writeKey']} {request.headers['authorization']}"
    return httpx2.Response(422, json={"code": "no", "message": said}, headers={"x-request-id": said})


async def test_write_keys_are_in_no_answer_and_no_log(
    network: Network, state: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    told: list[Any] = []
    foreign = "f0rE1gNk" * 4
    async with app(network, state) as toolbox:
        for weather in (no_network, answering(503), answering(429, retry_after="60"), html):
            network.weather = weather
            for key in (None, foreign):
                arguments = {"userId": "u1", "event": "Paid"} | ({} if key is None else {"writeKey": key})
                told.append((await toolbox.invoke("segment_track", arguments)).as_json())
        network.weather = echo
        await until(lambda: counted(state)[0] == 0, look=100, within=20_000)
        told.append((await toolbox.invoke("segment_connection_status", {})).as_json())
    with closing(SqliteOutbox(state / "outbox.sqlite3")) as store:
        letters = store.listed(dead=True, limit=100)
        told += [letters, store.summary(), Refusal("a", None, "b")]
    text = repr(told) + "".join(
        record.getMessage() for record in caplog.records if record.name.startswith("segment_mcp")
    )
    assert len(letters) == 8
    assert "deferred" in text
    for secret in (KEY, foreign, API_TOKEN):
        assert secret not in text
