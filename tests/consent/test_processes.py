"""Consent between real processes: servers on ports over one state folder, each with a Segment of its own."""

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import ExitStack, asynccontextmanager, closing
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client, ClientSession
from mcp.client.sse import sse_client

from segment_mcp.stores.consents import SqliteLedger
from tests.consent.parties import Person, agrees, declines, said
from tests.transports.process import HANDSHAKE, Wire, server
from tests.transports.test_web import serving
from tests.workbench import ERAS, QUIET, data_of, refused

DELETE: tuple[str, dict[str, Any]] = ("segment_delete_source", {"sourceId": QUIET})


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The ledger of all processes that are started."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "shared"))
    return tmp_path / "shared" / "segment-mcp" / "consents.sqlite3"


def approve(ledger_file: Path, result: Any) -> None:
    """What `segment-mcp approve` does once the person has typed; see `tests/test_approve_command.py`."""
    code = refused(result)["approve"].removeprefix("segment-mcp approve ")
    with closing(SqliteLedger(ledger_file)) as ledger:
        assert ledger.settle(code, "asked", "agreed", time.time())


async def is_there(client: Any) -> bool:
    found = data_of(await client.call_tool("segment_list_sources", {"name": "agent"}))["sources"]
    return [source["id"] for source in found] == [QUIET]


async def test_one_consent_counts_in_one_of_two_processes(state: Path) -> None:
    with ExitStack() as stack:
        first, second = [stack.enter_context(serving("http")) for _ in range(2)]
        async with Client(first, mode=ERAS[1]) as here, Client(second, mode=ERAS[1]) as there:
            approve(state, await here.call_tool(*DELETE))
            outcomes: list[str] = []

            async def go(client: Client) -> None:
                outcomes.append(said(await client.call_tool(*DELETE)))

            async with anyio.create_task_group() as group:
                for client in (here, there):
                    group.start_soon(go, client)
            left = [await is_there(client) for client in (here, there)]
    assert sorted(left) == [False, True]
    assert "done" in outcomes
    assert outcomes.count("done") == 1


async def test_each_session_needs_a_consent_of_its_own(state: Path) -> None:
    with serving("http") as url:
        async with Client(url, mode="legacy") as one, Client(url, mode="legacy") as other:
            approve(state, await one.call_tool(*DELETE))
            assert said(await other.call_tool(*DELETE)) == "asked"
            assert await is_there(other)
            assert said(await one.call_tool(*DELETE)) == "done"


@pytest.mark.parametrize("era", ERAS)
async def test_a_person_is_asked_over_http(era: str) -> None:
    person = Person([declines, agrees])
    with serving("http") as url:
        async with Client(url, mode=era, elicitation_callback=person) as client:
            assert said(await client.call_tool(*DELETE)) == "declined: declined"
            assert await is_there(client)
            assert said(await client.call_tool(*DELETE)) == "done"
    assert [form.phrase for form in person.asked] == ["Agent events"] * 2


@asynccontextmanager
async def over_sse(url: str, person: Person) -> AsyncIterator[ClientSession]:
    async with (
        sse_client(url) as (reader, writer),
        ClientSession(reader, writer, elicitation_callback=person) as session,
    ):
        await session.initialize()
        yield session


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
async def test_a_person_is_asked_over_sse() -> None:
    person = Person([declines, agrees])
    with serving("sse") as url:
        async with over_sse(url, person) as session:
            assert said(await session.call_tool(*DELETE)) == "declined: declined"
            assert said(await session.call_tool(*DELETE)) == "done"
    assert [form.phrase for form in person.asked] == ["Agent events"] * 2


# Clients that no library made


def greet(wire: Wire, capabilities: Mapping[str, Any]) -> None:
    wire.request(0, "initialize", {**HANDSHAKE, "capabilities": capabilities})
    assert "result" in wire.read()
    wire.write({"jsonrpc": "2.0", "method": "notifications/initialized"})


@pytest.mark.parametrize(
    ("capabilities", "asked"),
    [
        ({}, False),
        ({"elicitation": {}}, True),
        ({"elicitation": {"form": {}}}, True),
        ({"elicitation": {"form": {}, "url": {}}}, True),
        ({"elicitation": {"url": {}}}, False),
        ({"sampling": {}}, False),
    ],
    ids=str,
)
def test_who_declared_forms_is_asked_by_one(capabilities: Mapping[str, Any], *, asked: bool) -> None:
    with server() as wire:
        greet(wire, capabilities)
        wire.call(1, *DELETE)
        answer = wire.read()
    if asked:
        assert answer.get("method") == "elicitation/create", answer
        assert answer["params"].get("mode", "form") == "form"
    else:
        assert "approve" in answer["result"]["structuredContent"]["data"]


CONTENT = {"consent": "Agent events"}
NO_ANSWERS: list[dict[str, Any]] = [
    {"result": {}},
    {"result": {"action": "accept"}},
    {"result": {"action": "accept", "content": None}},
    {"result": {"action": "accept", "content": {}}},
    {"result": {"action": "accept", "content": {"name": "Agent events"}}},
    {"result": {"action": "accept", "content": {"consent": ["Agent events"]}}},
    {"result": {"action": "accept", "content": {"consent": {"consent": "Agent events"}}}},
    {"result": {"action": "accept", "content": "Agent events"}},
    {"result": {"action": "ACCEPT", "content": CONTENT}},
    {"result": {"action": "yes", "content": CONTENT}},
    {"result": {"action": True, "content": CONTENT}},
    {"result": {"content": CONTENT}},
    {"result": CONTENT},
    {"error": {"code": -32603, "message": "No window could be opened."}},
    {"error": {"code": -32601, "message": "Method not found"}},
]


def test_what_is_no_answer_to_a_form_agrees_to_nothing() -> None:
    codes = {}
    with server() as wire:
        greet(wire, {"elicitation": {}})
        for number, answer in enumerate(NO_ANSWERS):
            wire.call(100 + number, *DELETE)
            question = wire.read()
            assert question["method"] == "elicitation/create"
            wire.write({"jsonrpc": "2.0", "id": question["id"], **answer})
            data = wire.read()["result"]["structuredContent"]["data"]
            codes[str(answer)] = data.get("code")
        wire.call(1, "segment_list_sources", {"name": "agent"})
        assert QUIET in str(wire.read())
    assert codes == dict.fromkeys(codes, "confirmation_declined")
