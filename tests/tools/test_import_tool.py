"""segment_import_historical_data through an MCP client on the sandbox: events, files, ids, progress, stop."""

import gzip
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from mcp import Client

from segment_mcp.redact import mask_write_key
from segment_mcp.sandbox import WRITE_KEYS
from tests.workbench import ERAS, QUIET_KEY, Wire, client, data_of, fields, refused

TOOL = "segment_import_historical_data"
EVENTS: list[dict[str, Any]] = [
    {"type": "track", "userId": f"u{number % 3}", "event": "Imported", "messageId": f"import-tool-{number}",
     "timestamp": "2026-01-31T08:00:00Z"}
    for number in range(10)
]  # fmt: skip
INVALID = {"type": "track", "userId": "u"}


@dataclass(slots=True)
class Gate(Wire):
    """A way to the sandbox on which batches wait until they are let through; `status` answers them instead."""

    reached: anyio.Event = field(default_factory=anyio.Event)
    opened: anyio.Event = field(default_factory=anyio.Event)
    closed: bool = False
    status: int | None = None

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if request.url.path == "/v1/batch":
            self.reached.set()
            if self.closed:
                await self.opened.wait()
            if self.status is not None:
                return httpx2.Response(self.status, json={"code": "x", "message": "Not now."})
        return await Wire.handle_async_request(self, request)

    def let_through(self) -> None:
        self.closed = False
        self.opened.set()

    def batches(self) -> list[dict[str, Any]]:
        """The bodies of the batches that went out."""
        found = []
        for request in self.requests:
            if request.url.path == "/v1/batch":
                body = request.content
                found.append(json.loads(gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body))
        return found

    def ids(self) -> list[str]:
        return sorted(event["messageId"] for body in self.batches() for event in body["batch"])


@dataclass(frozen=True, slots=True)
class Place:
    """A client, the way to its sandbox, and the import folder."""

    client: Client
    wire: Gate
    folder: Path

    async def call(self, arguments: Mapping[str, Any], **more: Any) -> Any:
        with anyio.fail_after(20):
            return await self.client.call_tool(TOOL, dict(arguments), **more)

    async def ended(self, import_id: str) -> dict[str, Any]:
        """What is told of an import as soon as it doesn't run any more."""
        while True:
            data = data_of(await self.call({"importId": import_id}))
            if data["state"] != "running":
                return data
            await anyio.sleep(0.01)


@asynccontextmanager
async def place(
    tmp_path: Path, environment: Mapping[str, str] | None = None, *, closed: bool = False, era: str = ERAS[1]
) -> AsyncIterator[Place]:
    folder = tmp_path / "imports"
    folder.mkdir(exist_ok=True)
    wire = Gate(closed=closed)
    given = {"SEGMENT_MCP_IMPORT_DIR": str(folder), "SEGMENT_MCP_STATE_DIR": str(tmp_path / "state")}
    async with client({**given, **(environment or {})}, wire, era=era) as connected:
        yield Place(connected, wire, folder)


def ndjson(*events: Any) -> bytes:
    return b"".join(json.dumps(event).encode() + b"\n" for event in events)


@pytest.mark.parametrize("era", ERAS)
async def test_events_of_a_call_are_imported_and_counted(tmp_path: Path, era: str) -> None:
    async with place(tmp_path, era=era) as here:
        result = await here.call({"events": EVENTS, "writeKey": "http"})
    data = data_of(result)
    assert data["state"] == "finished"
    assert (data["read"], data["accepted"], data["invalid"], data["refused"]) == (10, 10, 0, 0)
    assert here.wire.ids() == sorted(event["messageId"] for event in EVENTS)
    assert {body["writeKey"] for body in here.wire.batches()} == {QUIET_KEY}
    assert not [key for key in WRITE_KEYS.values() if key in str(result)]


async def test_events_leave_as_they_are(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        data_of(await here.call({"events": EVENTS[:1], "writeKey": mask_write_key(QUIET_KEY)}))
    (body,) = here.wire.batches()
    assert body["batch"] == EVENTS[:1]
    assert body["writeKey"] == QUIET_KEY


async def test_a_json_encoded_array_is_read_as_what_it_encodes(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        assert data_of(await here.call({"events": json.dumps(EVENTS)}))["accepted"] == 10


@pytest.mark.parametrize(
    ("name", "content", "more"),
    [
        ("events.ndjson", ndjson(*EVENTS), {}),
        ("sub/events.json", json.dumps(EVENTS, indent=1).encode(), {}),
        ("events.ndjson.gz", gzip.compress(ndjson(*EVENTS)), {}),
        ("events.csv", b"uid,id,n\n" + b"".join(b"u,i%d,%d\n" % (n, n) for n in range(10)),
         {"map": {"uid": "userId", "id": "messageId", "n": "traits.n:number"}, "type": "identify"}),
    ],
    ids=["ndjson", "json", "gzip", "csv"],
)  # fmt: skip
async def test_a_file_of_the_import_folder_is_imported(
    tmp_path: Path, name: str, content: bytes, more: dict[str, Any]
) -> None:
    async with place(tmp_path) as here:
        write(here.folder / name, content)
        data = data_of(await here.call({"file": name, **more}))
        again = data_of(await here.call({"file": name, **more}))
    assert (data["state"], data["accepted"], data["file"]) == ("finished", 10, Path(name).name)
    assert again["importId"] == data["importId"]
    assert "already" in again["reason"]
    assert len(here.wire.ids()) == 10


def write(path: Path, content: bytes) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)


def text_of(path: str) -> str:
    return Path(path).read_text(encoding="utf-8")


async def test_an_archive_is_imported_as_its_sender_meant_it(tmp_path: Path) -> None:
    archived = {
        **EVENTS[0], "sentAt": "2026-01-31T08:00:02Z", "receivedAt": "2026-01-31T08:00:03Z", "projectId": "p",
        "originalTimestamp": "2026-01-31T07:59:59Z", "version": 2, "writeKey": "old",
    }  # fmt: skip
    async with place(tmp_path) as here:
        data_of(await here.call({"events": [archived], "integrations": {"All": False}, "messageIds": "derive"}))
    ((event,),) = (body["batch"] for body in here.wire.batches())
    assert event.pop("messageId") != EVENTS[0]["messageId"]
    own = {name: value for name, value in EVENTS[0].items() if name != "messageId"}
    assert event == {**own, "timestamp": "2026-01-31T07:59:59Z", "integrations": {"All": False}}


async def test_a_dry_run_reports_by_code_and_sends_nothing(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        write(here.folder / "events.ndjson", ndjson(*EVENTS, INVALID) + b"no json\n")
        data = data_of(await here.call({"file": "events.ndjson", "dryRun": True}))
    assert (data["state"], data["valid"], data["invalid"]) == ("checked", 10, 2)
    assert data["codes"] == {"bad_request": 1, "event_not_defined": 1}
    assert here.wire.batches() == []
    assert [path.name for path in files_below(tmp_path)] == ["events.ndjson"]


def files_below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".sqlite3"]


async def test_invalid_records_are_in_the_dead_letters_that_it_names(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        write(here.folder / "events.ndjson", ndjson(EVENTS[0], INVALID, EVENTS[1]))
        data = data_of(await here.call({"file": "events.ndjson"}))
    assert (data["accepted"], data["invalid"], data["codes"]) == (2, 1, {"event_not_defined": 1})
    letter = json.loads(text_of(data["deadLetters"]))
    assert letter["line"] == 2
    assert letter["event"] == INVALID
    assert letter["problems"][0]["code"] == "event_not_defined"


async def test_a_limit_and_again(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        limited = data_of(await here.call({"events": EVENTS, "limit": 4}))
        rest = data_of(await here.call({"events": EVENTS}))
        again = data_of(await here.call({"events": EVENTS, "again": True, "rate": 0}))
    assert (limited["state"], limited["accepted"]) == ("limited", 4)
    assert (rest["state"], rest["accepted"]) == ("finished", 10)
    assert (again["state"], again["accepted"]) == ("finished", 10)
    assert len(here.wire.ids()) == 20


# In the background


QUICKLY = {"SEGMENT_MCP_CALL_SECONDS": "1"}
"""A call is answered after a second."""


async def test_what_takes_long_is_answered_and_goes_on_and_can_be_asked_after(tmp_path: Path) -> None:
    told: list[tuple[float, float | None, str | None]] = []

    async def progress(done: float, total: float | None, message: str | None) -> None:
        told.append((done, total, message))

    async with place(tmp_path, QUICKLY, closed=True) as here:
        data = data_of(await here.call({"events": EVENTS}, progress_callback=progress))
        assert data["state"] == "running"
        joined = data_of(await here.call({"importId": data["importId"]}))
        assert (joined["state"], joined["accepted"]) == ("running", 0)
        assert told
        assert told[-1][0] == 10
        assert "accepted" in str(told[-1][2])
        here.wire.let_through()
        ended = await here.ended(data["importId"])
    assert (ended["state"], ended["accepted"]) == ("finished", 10)
    assert here.wire.ids() == sorted(event["messageId"] for event in EVENTS)


async def test_an_import_is_stopped_and_the_same_call_goes_on(tmp_path: Path) -> None:
    async with place(tmp_path, QUICKLY, closed=True) as here:
        data = data_of(await here.call({"events": EVENTS}))
        stopped = data_of(await here.call({"importId": data["importId"], "stop": True}))
        assert stopped["state"] == "interrupted"
        here.wire.let_through()
        again = data_of(await here.call({"events": EVENTS}))
        assert again["importId"] == data["importId"]
        ended = await here.ended(data["importId"])
    assert (ended["state"], ended["accepted"]) == ("finished", 10)


async def test_a_call_that_is_given_up_stops_its_import(tmp_path: Path) -> None:
    async with place(tmp_path, closed=True) as here:
        async with anyio.create_task_group() as group:
            group.start_soon(here.call, {"events": EVENTS})
            await here.wire.reached.wait()
            group.cancel_scope.cancel()
        data: dict[str, Any] = {}
        with anyio.fail_after(5):
            here.wire.let_through()
            data = data_of(await here.call({"events": EVENTS}))
    assert (data["state"], data["accepted"]) == ("finished", 10)


async def test_a_server_that_ends_keeps_its_imports_for_the_next_one(tmp_path: Path) -> None:
    async with place(tmp_path, QUICKLY, closed=True) as here:
        data = data_of(await here.call({"events": EVENTS}))
    async with place(tmp_path) as here:
        status = data_of(await here.call({"importId": data["importId"]}))
        assert status["state"] == "interrupted"
        assert data_of(await here.call({"events": EVENTS}))["accepted"] == 10


async def test_a_refusal_for_good_is_a_failure_that_says_how_far_it_came(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        here.wire.status = 401
        result = await here.call({"events": [*EVENTS, INVALID]})
        data = refused(result)
        assert data["code"] == "import_stopped"
        assert (data["state"], data["accepted"], data["invalid"]) == ("stopped", 0, 1)
        assert "401" in result.structured_content["error"]
        assert "again" in result.structured_content["error"]
        here.wire.status = None
        assert data_of(await here.call({"events": [*EVENTS, INVALID]}))["accepted"] == 10


# What is refused


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({}, ["arguments"]),
        ({"events": [], "file": "x"}, ["arguments"]),
        ({"file": "x", "importId": "y"}, ["arguments"]),
        ({"events": [1]}, ["events.0"]),
        ({"events": "[1"}, ["events"]),
        ({"events": {}}, ["events"]),
        ({"file": ""}, ["file"]),
        ({"file": "../outside.ndjson"}, ["file"]),
        ({"file": "/etc/passwd"}, ["file"]),
        ({"file": "link"}, ["file"]),
        ({"file": "missing"}, ["file"]),
        ({"file": "a\u0000b"}, ["file"]),
        ({"events": EVENTS, "format": "xml"}, ["format"]),
        ({"events": EVENTS, "rate": -1}, ["rate"]),
        ({"events": EVENTS, "rate": "inf"}, ["rate"]),
        ({"events": EVENTS, "limit": 0}, ["limit"]),
        ({"events": EVENTS, "type": "import"}, ["type"]),
        ({"events": EVENTS, "map": {"a": "x", "b": "x"}}, ["map"]),
        ({"events": EVENTS, "messageIds": "make"}, ["messageIds"]),
        ({"events": EVENTS, "connections": 3}, ["connections"]),
        ({"importId": "0123456789abcdef"}, ["importId"]),
        ({"importId": "x" * 65}, ["importId"]),
    ],
    ids=range(22),
)
async def test_what_can_not_be_meant_is_refused_by_name_and_nothing_is_sent(
    tmp_path: Path, arguments: dict[str, Any], named: list[str]
) -> None:
    (tmp_path / "outside.ndjson").write_bytes(ndjson(*EVENTS))
    async with place(tmp_path) as here:
        (here.folder / "link").symlink_to(tmp_path / "outside.ndjson")
        data = refused(await here.call(arguments))
    assert data["code"] == "invalid_arguments"
    assert fields(data["problems"]) == named
    assert here.wire.batches() == []


async def test_without_an_import_folder_files_are_not_allowed(tmp_path: Path) -> None:
    async with place(tmp_path, {"SEGMENT_MCP_IMPORT_DIR": ""}) as here:
        data = refused(await here.call({"file": "events.ndjson"}))
        assert data["code"] == "not_allowed"
        assert data["setting"] == "SEGMENT_MCP_IMPORT_DIR"
        assert data_of(await here.call({"events": EVENTS}))["accepted"] == 10


async def test_where_only_reading_is_allowed_nothing_is_imported(tmp_path: Path) -> None:
    async with place(tmp_path, {"SEGMENT_MCP_MODE": "read"}) as here:
        assert TOOL not in [tool.name for tool in (await here.client.list_tools()).tools]
        assert refused(await here.call({"events": EVENTS}))["code"] == "not_allowed"
    assert here.wire.requests == []


async def test_a_damaged_file_is_imported_up_to_the_damage_and_that_is_told(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        write(here.folder / "events.json", json.dumps(EVENTS).encode()[:-20])
        result = await here.call({"file": "events.json"})
    data = refused(result)
    assert (data["code"], data["accepted"]) == ("import_stopped", 9)
    assert "item 9" in result.structured_content["error"]


async def test_an_import_with_a_hostile_file_ends_by_itself_and_the_server_goes_on(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        write(here.folder / "deep.csv", b"uid,j\nu," + b"[" * 100_000 + b"\nv,1\n")
        columns = {"uid": "userId", "j": "traits.j:json"}
        data = data_of(await here.call({"file": "deep.csv", "map": columns, "type": "identify"}))
        assert (data["accepted"], data["invalid"]) == (1, 1)
        write(here.folder / "wide.ndjson", b'{"a":' * 50_000 + b"\n" + ndjson(EVENTS[0]))
        assert data_of(await here.call({"file": "wide.ndjson"}))["accepted"] == 1
        data_of(await here.client.call_tool("segment_connection_status", {}))


@pytest.mark.parametrize("reveal", ["0", "1"])
async def test_write_keys_are_in_no_answer_and_in_no_file(tmp_path: Path, reveal: str) -> None:
    async with place(tmp_path, {"SEGMENT_MCP_REVEAL_WRITE_KEYS": reveal}) as here:
        archived = {**INVALID, "writeKey": QUIET_KEY}
        result = await here.call({"events": [*EVENTS, INVALID, archived], "writeKey": QUIET_KEY})
        data = data_of(result)
        status = await here.call({"importId": data["importId"]})
    assert QUIET_KEY not in str(result)
    assert QUIET_KEY not in str(status)
    assert files_with_a_key(tmp_path) == []


def files_with_a_key(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob("*") if path.is_file() and QUIET_KEY.encode() in path.read_bytes()]
