"""No secret leaves: one canary per kind of credential, and every place where it could turn up, on every bad day."""

import base64
import json
import subprocess
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import httpx2
import pytest

from segment_mcp.adapter.client import SegmentClient
from segment_mcp.adapter.http import Http
from segment_mcp.app import open_app
from segment_mcp.config import load
from segment_mcp.envelope import Envelope
from segment_mcp.errors import SegmentMcpError
from segment_mcp.operations import get
from segment_mcp.ports import Call as PortCall
from segment_mcp.redact import MASK, mask_write_key
from segment_mcp.tools.invoke import TERMINAL
from tests.adapter.clockwork import Clockwork
from tests.adapter.faults import FAULTS, Fault, Faulty, Incident
from tests.canaries import (
    ARGUMENT_KEY,
    BY_MASK,
    CALLS,
    CANARIES,
    DEFAULT_KEY,
    ENVIRONMENT,
    EVENT,
    LISTED_KEY,
    NAMED_KEY,
    SAID_BY_THE_CALLER,
    SECRET,
    SPOKEN,
    TOKEN,
    Call,
    crash,
    leaks,
    lines_of,
    masked_first,
    workspace,
)
from tests.transports.process import environment

ROOT = Path(__file__).parent.parent
BAD_DAYS: Mapping[str, Fault] = {**FAULTS, "no fault": workspace, "crash": crash}


async def told(fault: Fault, call: Call, **settings: str) -> tuple[Envelope, Faulty]:
    """What a caller reads of a call that meets the fault, and what went out."""
    clock = Clockwork()
    way = Faulty(fault, clock)
    async with open_app(
        load({**ENVIRONMENT, **settings}), transport=lambda: way, timing=clock.timing()
    ) as toolbox:  # fmt: skip
        return await toolbox.invoke(call.tool, call.arguments), way


def test_a_canary_is_recognised_in_every_form() -> None:
    assert leaks("nothing") == []
    for name, canary in CANARIES.items():
        basic = base64.b64encode(f"{canary}:".encode()).decode()
        url = str(httpx2.URL("https://x", params={"key": canary}))
        for text in (canary, f"-{canary}-", canary[5:20], url, f"Basic {basic}", json.dumps([canary])):
            assert leaks(text) == [name]
        assert leaks(mask_write_key(canary)) == []


# What a caller reads


@pytest.mark.parametrize("fault", BAD_DAYS)
async def test_no_secret_stands_in_an_envelope(fault: str) -> None:
    found = {}
    for name, call in CALLS.items():
        envelope, way = await told(BAD_DAYS[fault], call)
        assert leaks(Incident(way.requests[0], 0, way.clock).echo()), "the call carries none"
        found[name] = leaks(f"{envelope.as_json()} {envelope!r}")
    assert {name: kinds for name, kinds in found.items() if kinds} == {}


@pytest.mark.parametrize("fault", BAD_DAYS)
async def test_a_key_that_only_its_mask_was_known_of_stays_masked(fault: str) -> None:
    envelope, way = await told(masked_first(BAD_DAYS[fault]), BY_MASK)
    assert any(LISTED_KEY in str(request.url) for request in way.requests)
    assert leaks(envelope.as_json()) == []


@pytest.mark.parametrize("name", ["list", "event", "event with a given key"])
async def test_a_text_that_is_shortened_is_not_shortened_to_a_piece_of_a_secret(name: str) -> None:
    for length in range(200, 560, 15):

        def fault(incident: Incident, padding: str = "x" * length) -> httpx2.Response:
            said = f"{padding} {incident.request.headers['authorization']}"
            return httpx2.Response(422, json={"errors": [{"type": "x", "message": said}]})

        envelope, _ = await told(fault, CALLS[name])
        assert leaks(envelope.as_json()) == []


# Objects


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault != "no fault"])
async def test_no_secret_stands_in_an_error(fault: str) -> None:
    removed = {"sourceId": "s", "writeKey": ARGUMENT_KEY}
    sends: Mapping[str, Callable[[SegmentClient], Awaitable[Any]]] = {
        "token": lambda client: client.call(get("listSources"), {}),
        "key in a path": lambda client: client.call(get("removeWriteKeyFromSource"), removed),
        "key of an event": lambda client: client.send("track", [b'{"messageId":"m"}'], ARGUMENT_KEY),
    }
    found = {}
    for name, send in sends.items():
        clock = Clockwork()
        way = Faulty(FAULTS[fault], clock)
        http = Http(lambda way=way: way)  # type: ignore[misc]
        connection = load(ENVIRONMENT).connections["default"]
        try:
            await send(SegmentClient(connection, http, timing=clock.timing(), call_seconds=25))
        except SegmentMcpError as error:
            shown = [str(error), repr(error), repr(error.args), repr(error.data()), repr(vars(error))]
            found[name] = leaks("\n".join(shown))
    assert {name: kinds for name, kinds in found.items() if kinds} == {}


async def test_no_object_shows_a_secret() -> None:
    settings = load(ENVIRONMENT)
    clock = Clockwork()
    way = Faulty(workspace, clock)
    async with open_app(settings, transport=lambda: way, timing=clock.timing()) as toolbox:
        assert (await toolbox.invoke("segment_list_sources", {})).successful
        (ports,) = toolbox._connections.values()
        guarded: Any = ports.guard(PortCall(TERMINAL))
        client = guarded._segment
        objects = [settings, *settings.connections.values(), toolbox, toolbox._scrubber, ports, guarded, ports.events,
                   ports.write_keys, ports.facts, client, *vars(client).values(), ports.profiles,
                   *vars(ports.profiles).values()]  # fmt: skip
        for shown in objects:
            for text in (repr(shown), str(shown), f"{shown}", repr([shown])):
                assert leaks(text) == [], type(shown)
    for connection in settings.connections.values():
        assert leaks(connection.model_dump_json()) == []
        assert leaks(repr(connection.model_dump())) == []
        assert leaks(repr(connection.__dict__)) == []


# Logs, spans and crashes


@pytest.fixture(scope="module")
def talkative() -> subprocess.CompletedProcess[str]:
    """Every call on every bad day in a process of its own, which logs at debug level and records spans."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "tests.canaries"],
        cwd=ROOT, env=environment({"SEGMENT_MCP_SANDBOX": ""}), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_every_call_is_answered_on_every_bad_day(talkative: subprocess.CompletedProcess[str]) -> None:
    assert talkative.returncode == 0, talkative.stderr[-2000:]
    results = [line for line in lines_of(talkative.stdout) if "result" in line]
    unsaid = [name for name in SPOKEN if name in SAID_BY_THE_CALLER]
    assert len(results) == len(SPOKEN) * (len(BAD_DAYS) + 1) - len(unsaid)


def test_no_secret_stands_in_a_log_at_debug_level(talkative: subprocess.CompletedProcess[str]) -> None:
    assert f"DEBUG __main__: begins with ['{MASK}'" in talkative.stderr
    assert "DEBUG segment_mcp.adapter.profiles: getProfileTraits of profile " in talkative.stderr
    assert [line for line in talkative.stderr.splitlines() if leaks(line)] == []


def test_no_secret_stands_in_what_a_crash_says(talkative: subprocess.CompletedProcess[str]) -> None:
    crashes = talkative.stderr.count("Traceback (most recent call last)")
    assert crashes >= len(SPOKEN)
    assert "RuntimeError: a defect after" in talkative.stderr
    assert leaks(talkative.stderr) == []


def test_no_secret_stands_in_a_span(talkative: subprocess.CompletedProcess[str]) -> None:
    spans = [" ".join(line["span"]) for line in lines_of(talkative.stdout) if "span" in line]
    assert any("tools/call" in span for span in spans)
    assert [span for span in spans if leaks(span)] == []


def test_no_secret_stands_in_what_a_client_is_sent(talkative: subprocess.CompletedProcess[str]) -> None:
    results = [line for line in lines_of(talkative.stdout) if "result" in line]
    found = {(line["fault"], line["call"]): leaks(json.dumps(line)) for line in results}
    assert {where: kinds for where, kinds in found.items() if kinds} == {}


# Masks


def keys_in(data: Mapping[str, Any], *, one: bool) -> list[str]:
    sources = [data["source"]] if one else data["sources"]
    return [key for source in sources for key in source["writeKeys"]]


async def test_a_person_who_is_looked_up_is_not_named_in_the_answer() -> None:
    envelope, way = await told(workspace, CALLS["profile of a given person"])
    assert {request.url.host for request in way.requests} == {"profiles.segment.com"}
    assert envelope.as_dict()["data"]["traits"] == {"note": MASK, "plan": "plus"}


@pytest.mark.parametrize(("name", "count"), [("list", 3), ("update", 2)])
async def test_write_keys_keep_their_last_four_characters(name: str, count: int) -> None:
    envelope, _ = await told(workspace, CALLS[name])
    shown = [mask_write_key(key) for key in (LISTED_KEY, DEFAULT_KEY, NAMED_KEY)]
    assert keys_in(envelope.as_dict()["data"], one=name == "update") == shown[:count]


@pytest.mark.parametrize(("name", "count"), [("list", 3), ("update", 2)])
async def test_write_keys_are_whole_where_the_operator_reveals_them(name: str, count: int) -> None:
    envelope, _ = await told(workspace, CALLS[name], SEGMENT_MCP_REVEAL_WRITE_KEYS="1")
    assert keys_in(envelope.as_dict()["data"], one=name == "update") == [LISTED_KEY, DEFAULT_KEY, NAMED_KEY][:count]
    assert TOKEN not in envelope.as_json()


@pytest.mark.parametrize("reveal", ["", "1"], ids=["masked", "revealed"])
@pytest.mark.parametrize("name", ["list", "update", "destination", "destinations", "warehouses"])
async def test_secrets_in_settings_are_masked_always(name: str, reveal: str) -> None:
    envelope, _ = await told(workspace, CALLS[name], SEGMENT_MCP_REVEAL_WRITE_KEYS=reveal)
    text = envelope.as_json()
    assert SECRET not in text
    assert "secret in settings" not in leaks(text)
    assert "UA-1" in text
    assert "shown" in text


@pytest.mark.parametrize("reveal", ["", "1"], ids=["masked", "revealed"])
@pytest.mark.parametrize("fault", ["422", "429 with milliseconds", "500", "errors beside a success"])
async def test_revealing_write_keys_reveals_no_token(fault: str, reveal: str) -> None:
    envelope, _ = await told(FAULTS[fault], CALLS["list"], SEGMENT_MCP_REVEAL_WRITE_KEYS=reveal)
    assert leaks(envelope.as_json()) == []


@pytest.mark.parametrize("key", [LISTED_KEY, DEFAULT_KEY, NAMED_KEY], ids=["listed", "default", "named"])
async def test_a_masked_key_can_be_passed_back_where_one_key_fits(key: str) -> None:
    envelope, way = await told(workspace, Call("segment_track", {**EVENT, "writeKey": mask_write_key(key)}))
    assert envelope.successful, envelope
    assert json.loads(way.requests[-1].content)["writeKey"] == key


@pytest.mark.parametrize("twins", [0, 2])
async def test_a_masked_key_that_fits_none_or_several_sends_nothing(twins: int) -> None:
    def fault(incident: Incident) -> httpx2.Response:
        response = workspace(incident)
        body = json.loads(response.content)
        body["data"]["sources"][0]["writeKeys"] = [f"{number}" * 28 + "ZZZZ" for number in range(twins)]
        return httpx2.Response(200, json=body)

    envelope, way = await told(fault, Call("segment_track", {**EVENT, "writeKey": "****ZZZZ"}))
    assert envelope.as_dict()["data"]["code"] == "invalid_arguments"
    assert {request.method for request in way.requests} == {"GET"}
    assert "0000000000" not in envelope.as_json()
