"""All of Segment's Public API through five tools: each operation is found, read about, and called by its tool."""

import json
import re
import statistics
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp import Client

from segment_mcp.app import open_app
from segment_mcp.config import load
from segment_mcp.envelope import Envelope
from segment_mcp.operations import OPERATIONS, Operation, area_of, get
from segment_mcp.operations.arguments import problems_of, schema_of
from segment_mcp.operations.catalog import AREAS, PUBLIC_AREAS
from segment_mcp.redact import MASK, SEGMENT_MASK, mask_write_key
from segment_mcp.sandbox import WRITE_KEYS
from segment_mcp.server import build_server
from tests.consent.parties import Person
from tests.transports.process import environment
from tests.workbench import (
    ERAS,
    QUIET,
    QUIET_DESTINATION,
    QUIET_KEY,
    SANDBOX,
    WEBSITE,
    Wire,
    client,
    data_of,
    fields,
    refused,
    toolbox,
)

UNATTENDED = {"SEGMENT_MCP_MODE": "unattended"}
READ_MODE = {"SEGMENT_MCP_MODE": "read"}
TOOL_OF = {"read": "segment_api_read", "write": "segment_api_write", "destroy": "segment_api_destroy"}
PUBLIC = [row for row in OPERATIONS.values() if row.api == "public"]
INTENTS = Path(__file__).parent.parent / "operations" / "intents"

each_row = pytest.mark.parametrize("row", [pytest.param(row, id=row.name) for row in PUBLIC])


def tokens(envelope: Envelope) -> float:
    return len(envelope.as_json()) / 4


async def call(
    tool: str, settings: Mapping[str, str] | None = None, wire: httpx2.AsyncBaseTransport | None = None, **given: Any
) -> Envelope:
    """The answer of one call, on a fresh sandbox."""
    async with toolbox(settings, wire) as opened:
        return await opened.invoke(tool, given)


def problems(envelope: Envelope) -> list[dict[str, str]]:
    """What is wrong with the arguments."""
    assert envelope.data["code"] == "invalid_arguments", envelope
    found: list[dict[str, str]] = envelope.data["problems"]
    return found


# Every operation


@asynccontextmanager
async def agreeing() -> AsyncIterator[Client]:
    """A client whose user agrees to every form, of a server that an operator lets do everything on the sandbox."""
    settings = load({**SANDBOX, **UNATTENDED, "SEGMENT_MCP_REGULATIONS": "on"})
    async with (
        open_app(settings) as opened,
        Client(build_server(opened), mode=ERAS[1], elicitation_callback=Person()) as connected,
    ):
        yield connected


async def described(connected: Client, name: str) -> dict[str, Any]:
    return data_of(await connected.call_tool("segment_api_describe", {"operation": name}))


async def carried_out(connected: Client, told: Mapping[str, Any]) -> dict[str, Any]:
    """The answer to a described example; a code that is asked for is passed back."""
    result: Any = await connected.call_tool(told["tool"], told["example"])
    code = result.structured_content["data"].get("confirmation")
    if code is not None:
        assert not result.structured_content["successful"]
        result = await connected.call_tool(told["tool"], {**told["example"], "confirmation": code})
    return data_of(result)


@each_row
async def test_an_example_works_as_it_was_described(row: Operation) -> None:
    async with agreeing() as connected:
        told = await described(connected, row.name)
        assert told["tool"] == TOOL_OF[row.safety]
        assert problems_of(row, told["example"]["arguments"]) == []
        data = await carried_out(connected, told)
    cut = {each["path"] for each in data.get("shortened", {}).get("lists", [])}
    assert set(row.answer) <= set(data)
    assert cut <= set(row.answer)


async def test_what_is_described_is_complete_and_short() -> None:
    sizes = {}
    async with toolbox() as opened:
        for row in PUBLIC:
            envelope = await opened.invoke("segment_api_describe", {"operation": row.name})
            sizes[row.name] = tokens(envelope)
            told = envelope.data
            assert told["operation"] == told["example"]["operation"] == row.name
            assert (told["area"], told["stability"]) == (area_of(row), row.stability)
            assert told["summary"]
            assert told["answer"]
            assert bool(told.get("harm")) is (row.safety == "destroy")
            assert told.get("limits", {}).get("perMinute") == row.per_minute
            assert all(name in told["parameters"] for name in schema_of(row)["properties"]), row.name
            assert all(re.search(rf"(?m)^{name}\??:", told["answer"]) for name in row.answer), row.name
            assert not [name for name, value in told.items() if value in (None, "", [], {})]
    assert len(sizes) == 201
    assert statistics.median(sizes.values()) < 800
    assert {name: size for name, size in sizes.items() if size >= 800} == {}


# Search


async def test_a_search_answers_the_best_matches_and_the_tool_for_each() -> None:
    envelope = await call("segment_api_search", query="delete a source")
    matches = envelope.data["matches"]
    best = matches[0]
    assert len(matches) == 5
    assert best["call"].startswith("deleteSource(sourceId)")
    assert best["tool"] == "segment_api_destroy"
    assert best["summary"] == get("deleteSource").summary
    assert all("\n" not in match["call"] for match in matches)


@pytest.mark.parametrize("safety", TOOL_OF)
@pytest.mark.parametrize("area", ["sources", "audiences", None])
async def test_a_search_keeps_to_an_area_and_a_safety(area: str | None, safety: str) -> None:
    envelope = await call(
        "segment_api_search", query="change or read an audience or a source", area=area, safety=safety
    )
    rows = [get(match["call"].partition("(")[0]) for match in envelope.data["matches"]]
    assert rows
    assert {row.safety for row in rows} == {safety}
    assert area is None or {area_of(row) for row in rows} == {area}


async def test_search_answers_stay_short_whatever_is_asked() -> None:
    intents = [
        each["intent"] for file in sorted(INTENTS.glob("*.json")) for each in json.loads(file.read_text("utf-8"))
    ]
    asked = [*intents, *OPERATIONS, *AREAS, "x", " ", "delete " * 140, "update a", "the"]
    async with toolbox() as opened:
        sizes = [tokens(await opened.invoke("segment_api_search", {"query": query})) for query in asked]
        refusal = await opened.invoke("segment_api_search", {"query": "x", "area": "nowhere"})
    assert len(intents) > 100
    assert max(sizes) < 600
    assert statistics.median(sizes) < 300
    assert tokens(refusal) < 600


async def test_a_search_that_finds_nothing_names_the_areas() -> None:
    envelope = await call("segment_api_search", query="zzzzzz")
    assert envelope.data["matches"] == []
    assert set(envelope.data["areas"]) == set(PUBLIC_AREAS)


@pytest.mark.parametrize("area", ["nowhere", "tracking", "profiles", "Sources", "source", ""])
async def test_an_unknown_area_is_answered_with_the_known_ones(area: str) -> None:
    (problem,) = problems(await call("segment_api_search", query="list", area=area))
    assert problem["field"] == "area"
    assert all(known in problem["message"] for known in PUBLIC_AREAS)


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"query": ""}, "query"),
        ({"query": "x" * 1_001}, "query"),
        ({"query": ["list"]}, "query"),
        ({}, "query"),
        ({"query": "list", "safety": "any"}, "safety"),
        ({"query": "list", "limit": 50}, "limit"),
    ],
)
async def test_a_search_that_can_not_be_made_names_the_field(arguments: dict[str, Any], field: str) -> None:
    assert fields(problems(await call("segment_api_search", **arguments))) == [field]


async def test_what_the_operator_keeps_off_is_said_in_a_match() -> None:
    query = "createWorkspaceRegulation"
    off = await call("segment_api_search", query=query)
    on = await call("segment_api_search", {"SEGMENT_MCP_REGULATIONS": "on"}, query=query)
    assert off.data["matches"][0]["excluded"] == "SEGMENT_MCP_REGULATIONS is off"
    assert "excluded" not in on.data["matches"][0]


# The right tool for each operation


async def test_each_tool_refuses_the_operations_of_another_and_names_it() -> None:
    wire = Wire()
    async with toolbox(UNATTENDED, wire) as opened:
        for row in PUBLIC:
            for safety, tool in TOOL_OF.items():
                if safety == row.safety:
                    continue
                (problem,) = problems(await opened.invoke(tool, {"operation": row.name}))
                assert problem["field"] == "operation"
                assert TOOL_OF[row.safety] in problem["message"]
                assert len([one for one in TOOL_OF.values() if one in problem["message"]]) == 1
    assert wire.requests == []


@pytest.mark.parametrize("tool", ["segment_api_describe", *TOOL_OF.values()])
@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("listSource", "listSources"),
        ("list_sources", "listSources"),
        ("ListSources", "listSources"),
        ("LISTSOURCES", "listSources"),
        ("DELETE_SOURCE", "deleteSource"),
        ("delete source", "deleteSource"),
        ("getsource", "getSource"),
        ("segment_list_sources", "listSources"),
        (" listSources ", "listSources"),
    ],
)
async def test_an_unknown_operation_is_answered_with_the_nearest(tool: str, name: str, nearest: str) -> None:
    wire = Wire()
    envelope = await call(tool, UNATTENDED, wire, operation=name)
    assert envelope.data["code"] == "unknown_operation"
    assert nearest in envelope.data["nearest"]
    assert "segment_api_search" in (envelope.error or "")
    assert wire.requests == []


@pytest.mark.parametrize("name", ["track", "batch", "identify", "__class__", "zzz", "\u202elistSources", "a" * 100])
async def test_nothing_else_than_the_public_api_is_an_operation(name: str) -> None:
    envelope = await call("segment_api_read", operation=name)
    assert envelope.data["code"] == "unknown_operation"
    assert not set(envelope.data["nearest"]) - {row.name for row in PUBLIC}
    assert "\u202e" not in envelope.as_json()


# Arguments are checked before anything is sent


@pytest.mark.parametrize(
    ("operation", "arguments", "field", "says"),
    [
        ("listSources", {"pgination": {}}, "pgination", "is pagination meant?"),
        ("listSources", {"pagination": {"cout": 1}}, "pagination.cout", "is count meant?"),
        ("listSources", {"count": 1}, "count", "pagination.count"),
        ("listSources", {"pagination.count": 1}, "pagination.count", "pagination: {count: ...}"),
        ("listSources", {"pagination": {"count": "2"}}, "pagination.count", "integer"),
        ("listSources", {"pagination": '{"count": 2}'}, "pagination", "object"),
        ("getSource", {}, "sourceId", "required"),
        ("getSource", {"sourceId": None}, "sourceId", "required"),
        ("getSource", {"sourceid": QUIET}, "sourceid", "is sourceId meant?"),
        ("getSource", {"sourceId": "../iam/users"}, None, ""),
        ("getSource", {"sourceId": ".."}, "sourceId", "no ID"),
        ("createSource", {"slug": "s", "enabled": True}, "metadataId", "required"),
        ("createLabel", {"label": {"key": "k"}}, "label.value", "required"),
        ("updateSource", {"sourceId": QUIET, "enabld": False}, "enabld", "is enabled meant?"),
        ("deleteLabel", {"key": "k", "value": 7}, "value", "string"),
        ("createDownload", {"sourceId": QUIET, "hour": "noon"}, "hour", ""),
        ("replaceLabelsInSource", {"sourceId": QUIET, "labels": [{"key": "k", "valu": "v"}]}, "labels.0.valu", "value"),
    ],
)
async def test_an_error_names_the_path_and_the_nearest_valid_name(
    operation: str, arguments: dict[str, Any], field: str | None, says: str
) -> None:
    wire = Wire()
    envelope = await call(
        TOOL_OF[get(operation).safety], UNATTENDED, wire, operation=operation, arguments=arguments
    )  # fmt: skip
    if field is None:
        assert wire.sent() == [("GET", "/sources/..%2Fiam%2Fusers")]
        return
    found = {problem["field"]: problem["message"] for problem in problems(envelope)}
    assert says in found[field]
    assert wire.requests == []


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ("[]", "arguments"),
        ("{not json", "arguments"),
        ("no object", "arguments"),
        ('"text"', "arguments"),
        ([], "arguments"),
        ('{"slug": "s"' * 3, "arguments"),
        ('{"a":' * 60_000, "arguments"),
    ],
    ids=["list", "broken", "words", "text", "real-list", "three", "endless"],
)  # fmt: skip
async def test_arguments_that_are_no_object_of_json_are_named(arguments: Any, field: str) -> None:
    wire = Wire()
    envelope = await call("segment_api_write", wire=wire, operation="createSource", arguments=arguments)
    assert problems(envelope)[0]["field"].startswith(field)
    assert wire.requests == []


async def test_arguments_may_be_a_string_of_json() -> None:
    wire = Wire()
    envelope = await call(
        "segment_api_read", wire=wire, operation="listSources", arguments='{"pagination": {"count": 2}}'
    )  # fmt: skip
    assert len(envelope.data["sources"]) == 2
    assert wire.sent() == [("GET", "/sources?pagination.count=2")]


async def test_null_is_left_out_unless_it_says_something() -> None:
    wire = Wire()
    async with toolbox(UNATTENDED, wire) as opened:
        listed = await opened.invoke(
            "segment_api_read",
            {"operation": "listSources", "arguments": {"pagination": {"count": 1, "cursor": None}}, "select": None},
        )
        nothing = await opened.invoke(
            "segment_api_read", {"operation": "listSources", "arguments": {"pagination": None}, "all": None}
        )
        renamed = await opened.invoke(
            "segment_api_write",
            {
                "operation": "updateDestination",
                "arguments": {"destinationId": QUIET_DESTINATION, "name": None, "enabled": None},
            },
        )
    assert listed.successful
    assert nothing.successful
    assert renamed.successful
    assert wire.sent()[:2] == [("GET", "/sources?pagination.count=1"), ("GET", "/sources")]
    assert json.loads(wire.requests[-1].content) == {"name": None}


@pytest.mark.parametrize("value", [MASK, f"{MASK}a1B2", SEGMENT_MASK * 10])
async def test_a_mask_is_never_written_over_a_secret(value: str) -> None:
    wire = Wire()
    given = {"destinationId": QUIET_DESTINATION, "settings": {"apiKey": value}}
    envelope = await call("segment_api_write", wire=wire, operation="updateDestination", arguments=given)
    assert fields(problems(envelope)) == ["settings.apiKey"]
    assert wire.requests == []


# Select


def selecting(expression: Any, operation: str = "getWorkspace", **more: Any) -> dict[str, Any]:
    return {"operation": operation, "select": expression, **more}


@pytest.mark.parametrize(
    ("expression", "selected"),
    [
        ("workspace.name", "Sandbox"),
        ("workspace.[slug, name]", ["sandbox", "Sandbox"]),
        ("workspace.{title: name}", {"title": "Sandbox"}),
        ("length(workspace.name)", 7),
        ("keys(@)", ["workspace"]),
        ("workspace.nothing", None),
        ("`[]`", []),
        ("@", {"workspace": {"id": "PxklHl0o5vLl9MDBHDeoij", "slug": "sandbox", "name": "Sandbox"}}),
    ],
)
async def test_a_selection_is_what_the_expression_picks(expression: str, selected: Any) -> None:
    envelope = await call("segment_api_read", **selecting(expression))
    assert envelope.data == {"selected": selected}


@pytest.mark.parametrize(
    "expression",
    [
        "", "[", "workspace[", "a.$", "{", "a..b", "'open", "`{", "foo(", "x" * 1_001, "(" * 500, "!" * 1_000,
        "[" * 499 + "@" + "]" * 499, 7, ["workspace"],
    ],
    ids=lambda expression: str(expression)[:12],
)  # fmt: skip
@pytest.mark.parametrize("tool", TOOL_OF.values())
async def test_a_selection_that_is_none_is_refused_before_anything_is_sent(tool: str, expression: Any) -> None:
    wire = Wire()
    operation = {"segment_api_read": "getWorkspace", "segment_api_write": "createLabel"}.get(tool, "deleteLabel")
    given = {"label": {"key": "k", "value": "v"}} if operation == "createLabel" else {"key": "team", "value": "growth"}
    arguments = None if operation == "getWorkspace" else given
    envelope = await call(tool, UNATTENDED, wire, **selecting(expression, operation, arguments=arguments))
    assert fields(problems(envelope)) == ["select"]
    assert wire.requests == []


@pytest.mark.parametrize(
    "expression",
    [
        "abs(workspace.name)", "foo(@)", "length()", "join(',', workspace)", "`[1,2]`[::0]", "ceil(`1e999`)",
        "max_by(@, &x)", "&workspace", "[&workspace]", "workspace.{a: &id}", '`"\\ud800"`',
        "[" * 300 + "@" + "]" * 300, "|".join(["[@]"] * 249), "`" + "[" * 400 + "]" * 400 + "`",
    ],
    ids=lambda expression: ascii(expression)[:24],
)  # fmt: skip
async def test_a_selection_that_does_not_work_on_the_data_is_said(expression: str) -> None:
    envelope = await call("segment_api_read", **selecting(expression))
    assert fields(problems(envelope)) == ["select"]
    assert len(envelope.as_json()) < 2_000


@pytest.mark.parametrize(
    "expression",
    ["to_number('nan')", "to_number('inf')", "`NaN`", "`-Infinity`", "[`1e999`]", "sum([`1e308`, `1e308`])"],
)
async def test_an_answer_is_json_whatever_is_selected(expression: str) -> None:
    def no_constant(name: str) -> None:
        pytest.fail(f"{name} is no JSON")

    async with client() as connected:
        result: Any = await connected.call_tool("segment_api_read", selecting(expression))
    told = json.loads(result.content[0].text, parse_constant=no_constant)
    assert told == result.structured_content
    assert not isinstance(selected := told["data"].get("selected"), float) or isfinite(selected)


@pytest.mark.parametrize(
    ("tool", "operation", "arguments"),
    [
        ("segment_api_write", "createLabel", {"label": {"key": "region", "value": "emea"}}),
        ("segment_api_destroy", "deleteLabel", {"key": "team", "value": "growth"}),
    ],
)
@pytest.mark.parametrize("expression", ["abs(@)", "no_such_function(@)", "&label"])
async def test_what_was_done_is_not_called_unsent_because_of_a_selection(
    tool: str, operation: str, arguments: dict[str, Any], expression: str
) -> None:
    wire = Wire()
    envelope = await call(tool, UNATTENDED, wire, **selecting(expression, operation, arguments=arguments))
    changes = [method for method, _ in wire.sent() if method != "GET"]
    told = envelope.error or ""
    assert envelope.successful or changes == [] or "Nothing was sent" not in told
    assert envelope.data.get("code") != "internal"


BOUNDED = """
import resource, runpy
resource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30))
resource.setrlimit(resource.RLIMIT_CPU, (20, 20))
runpy.run_module("segment_mcp", run_name="__main__")
"""
"""The command, with a gigabyte and twenty seconds to live in."""


@pytest.mark.parametrize(
    "expression",
    ["`1`" + "|[@,@]" * 160, '`"xxxxxxxx"`' + "|join('',[@,@])" * 60, '`"\\\\\\\\"`' + "|to_string([@])" * 60],
    ids=["lists", "texts", "escapes"],
)  # fmt: skip
def test_a_selection_that_multiplies_the_answer_is_refused(expression: str) -> None:
    pytest.importorskip("resource")
    assert len(expression) <= 1_000
    ended = subprocess.run(
        [sys.executable, "-c", BOUNDED, "call", "segment_api_read", json.dumps(selecting(expression))],
        capture_output=True, text=True, env=environment(), check=False, timeout=60,
    )  # fmt: skip
    assert ended.returncode == 1, ended.stderr[-300:]
    assert json.loads(ended.stdout)["data"]["code"] == "invalid_arguments"


# Lists, in pages and as a whole


async def test_a_selection_leaves_beside_it_what_says_that_there_is_more() -> None:
    given = {"pagination": {"count": 2}}
    envelope = await call("segment_api_read", **selecting("sources[].name", "listSources", arguments=given))
    assert len(envelope.data["selected"]) == 2
    assert envelope.data["pagination"]["next"]
    assert set(envelope.data) == {"selected", "pagination"}


@pytest.mark.parametrize("expression", [None, "sources"])
async def test_all_walks_every_page(expression: str | None) -> None:
    wire = Wire()
    async with toolbox(wire=wire) as opened:
        whole = await opened.invoke("segment_api_read", {"operation": "listSources"})
        envelope = await opened.invoke(
            "segment_api_read",
            {"operation": "listSources", "arguments": {"pagination": {"count": 2}}, "all": True, "select": expression},
        )
    assert envelope.data["sources" if expression is None else "selected"] == whole.data["sources"]
    assert envelope.data["truncated"] is False
    assert not envelope.data["pagination"].get("next")
    targets = [target for _, target in wire.sent()][1:]
    assert len(targets) == (len(whole.data["sources"]) + 1) // 2
    assert all(target.startswith("/sources?pagination.count=2") for target in targets)


@pytest.mark.parametrize("row", [pytest.param(row, id=row.name) for row in PUBLIC if row.pagination])
async def test_all_answers_what_a_page_answers(row: Operation) -> None:
    async with agreeing() as connected:
        example = (await described(connected, row.name))["example"]
        page = data_of(await connected.call_tool("segment_api_read", example))
        result: Any = await connected.call_tool("segment_api_read", {**example, "all": True})
    if row.pagination == "two":
        assert fields(refused(result)["problems"]) == ["all"]
        return
    whole = data_of(result)
    assert set(page) - {"shortened"} <= set(whole)
    assert whole["truncated"] is False
    if "shortened" not in page:
        assert whole[row.answer[0]] == page[row.answer[0]]


@pytest.mark.parametrize("name", ["getWorkspace", "getSource", "getFunction"])
async def test_all_is_refused_of_what_is_no_list(name: str) -> None:
    wire = Wire()
    async with toolbox(wire=wire) as opened:
        told = await opened.invoke("segment_api_describe", {"operation": name})
        envelope = await opened.invoke("segment_api_read", {**told.data["example"], "all": True})
    assert fields(problems(envelope)) == ["all"]
    assert wire.requests == []


@pytest.mark.parametrize("tool", ["segment_api_write", "segment_api_destroy"])
async def test_only_what_is_read_can_be_walked(tool: str) -> None:
    assert "all" in fields(problems(await call(tool, UNATTENDED, operation="updateSource", all=True)))


@dataclass(slots=True)
class Answers(httpx2.AsyncBaseTransport):
    """A Segment that answers what it is told to.

    Attributes:
        data: by the path; other paths are not found.
        requests: everything that came.
    """

    data: Mapping[str, Any]
    requests: list[httpx2.Request] = field(default_factory=list)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Answer."""
        self.requests.append(request)
        if request.url.path == "/":
            return httpx2.Response(200, json={"data": {"workspace": {"id": "w", "slug": "w", "name": "W"}}})
        data = self.data.get(request.url.path)
        if data is None:
            return httpx2.Response(404, json={"errors": [{"type": "not-found", "message": "There is none."}]})
        page = {"pagination": {"current": "x", "next": f"cursor-{len(self.requests)}"}} if "sources" in data else {}
        return httpx2.Response(200, json={"data": {**data, **page}})


@pytest.mark.parametrize("expression", [None, "length(sources)"])
async def test_an_endless_list_is_walked_within_bounds_and_says_where_it_goes_on(expression: str | None) -> None:
    source = {"id": "s", "slug": "s", "enabled": True, "writeKeys": [], "metadata": {}, "settings": {}, "labels": []}
    wire = Answers({"/sources": {"sources": [source]}})
    envelope = await call("segment_api_read", wire=wire, **selecting(expression, "listSources", all=True))
    assert envelope.data["truncated"] is True
    assert envelope.data["pagination"]["next"].startswith("cursor-")
    assert len([request for request in wire.requests if request.url.path == "/sources"]) == 50
    assert envelope.data["selected"] == 50 if expression else len(envelope.data["sources"]) == 50


# Modes and toolsets


async def test_in_mode_read_nothing_that_changes_anything_can_be_called_by_any_tool() -> None:
    wire = Wire()
    async with toolbox({**READ_MODE, "SEGMENT_MCP_REGULATIONS": "on"}, wire) as opened:
        assert {tool.name for tool in opened.listed() if tool.safety != "read"} == set()
        for row in PUBLIC:
            if row.safety == "read":
                continue
            told = (await opened.invoke("segment_api_describe", {"operation": row.name})).data
            example = told.get("example") or {"operation": row.name}
            for tool in TOOL_OF.values():
                envelope = await opened.invoke(tool, example)
                assert not envelope.successful
                assert envelope.data["code"] in {"not_allowed", "invalid_arguments"}
                assert tool == "segment_api_read" or envelope.data["setting"] == "SEGMENT_MCP_MODE"
    assert wire.requests == []


async def test_in_mode_read_only_what_reads_is_found_and_the_rest_is_said_to_be_hidden() -> None:
    async with toolbox(READ_MODE) as opened:
        for query in ("deleteSource", "create an audience", "update", "trigger", "replace labels"):
            envelope = await opened.invoke("segment_api_search", {"query": query})
            assert {match["tool"] for match in envelope.data["matches"]} <= {"segment_api_read"}
            assert "SEGMENT_MCP_MODE" in envelope.data["hidden"]
        for safety in ("write", "destroy"):
            envelope = await opened.invoke("segment_api_search", {"query": "source", "safety": safety})
            assert envelope.data["matches"] == []
            assert "SEGMENT_MCP_MODE" in envelope.data["hidden"]
        reading = await opened.invoke("segment_api_search", {"query": "source", "safety": "read"})
    assert "hidden" not in reading.data


async def test_in_mode_read_nobody_is_sent_to_a_tool_that_is_not_there() -> None:
    async with toolbox(READ_MODE) as opened:
        there = {tool.name for tool in opened.listed()}
        described = await opened.invoke("segment_api_describe", {"operation": "deleteSource"})
        called = await opened.invoke("segment_api_read", {"operation": "deleteSource"})
    named = {name for text in (described.as_json(), called.as_json()) for name in re.findall(r"segment_api_\w+", text)}
    assert named <= there or all("SEGMENT_MCP_MODE" in one.as_json() for one in (described, called))


async def test_a_toolset_of_its_own_has_these_five_tools() -> None:
    async with toolbox({"SEGMENT_MCP_TOOLSETS": "api"}) as opened:
        names = [tool.name for tool in opened.listed()]
        other = await opened.invoke("segment_list_sources", {})
    async with toolbox({"SEGMENT_MCP_TOOLSETS": "sources"}) as opened:
        hidden = [await opened.invoke(tool, {"operation": "listSources"}) for tool in TOOL_OF.values()]
    assert names == ["segment_connection_status", "segment_api_search", "segment_api_describe", *TOOL_OF.values()]
    assert other.data["setting"] == "SEGMENT_MCP_TOOLSETS"
    assert [one.data["setting"] for one in hidden] == ["SEGMENT_MCP_TOOLSETS"] * 3


@pytest.mark.parametrize("row", [pytest.param(row, id=row.name) for row in PUBLIC if row.regulates])
async def test_the_data_of_people_is_left_alone_unless_the_operator_says_otherwise(row: Operation) -> None:
    wire = Wire()
    async with toolbox(UNATTENDED, wire) as opened:
        told = await opened.invoke("segment_api_describe", {"operation": row.name})
        envelope = await opened.invoke("segment_api_destroy", told.data["example"])
    assert envelope.data["setting"] == "SEGMENT_MCP_REGULATIONS"
    assert wire.requests == []


async def test_what_destroys_waits_for_a_person() -> None:
    wire = Wire()
    envelope = await call(
        "segment_api_destroy", wire=wire, operation="deleteSource", arguments={"sourceId": QUIET}
    )  # fmt: skip
    assert envelope.data["code"] == "confirmation_required"
    assert {method for method, _ in wire.sent()} <= {"GET"}


# What goes beyond the one operation

NEW_SOURCE = {"slug": "new-source", "enabled": True, "metadataId": "IqDTy1TpoU"}


@pytest.mark.parametrize("expression", [None, "source.slug"])
async def test_a_new_source_tells_which_warehouses_it_loads_into(expression: str | None) -> None:
    wire = Wire()
    envelope = await call(
        "segment_api_write", wire=wire, **selecting(expression, "createSource", arguments=NEW_SOURCE)
    )  # fmt: skip
    data = envelope.data
    assert data["connectedWarehouses"]
    assert all(set(each) == {"id", "name"} and each["name"] for each in data["connectedWarehouses"])
    assert "already" in data["note"]
    assert data["selected"] == "new-source" if expression else data["source"]["slug"] == "new-source"
    created, read = wire.sent()
    assert created == ("POST", "/sources")
    assert re.fullmatch(r"/sources/\w+/connected-warehouses\?pagination\.count=200", read[1])


@pytest.mark.parametrize(
    ("answers", "warehouses", "note"),
    [
        ({"/sources": {"source": {"id": "new"}}}, None, "could not be read"),
        ({"/sources": {"source": {"id": "new"}}, "/sources/new/connected-warehouses": {"warehouses": []}}, [], "No"),
    ],
    ids=["unknown", "none"],
)
async def test_a_source_was_made_whatever_is_known_of_its_warehouses(
    answers: dict[str, Any], warehouses: Any, note: str
) -> None:
    paged = {path: {"pagination": {"current": "x"}, **data} for path, data in answers.items()}
    envelope = await call(
        "segment_api_write", wire=Answers(paged), operation="createSource", arguments=NEW_SOURCE
    )  # fmt: skip
    assert envelope.successful
    assert envelope.data["source"] == {"id": "new"}
    assert envelope.data["connectedWarehouses"] == warehouses
    assert note in envelope.data["note"]


@pytest.mark.parametrize("source", [{}, {"name": "n"}, None, [], "s"], ids=str)
async def test_a_new_source_of_another_shape_is_an_answer_of_another_shape(source: Any) -> None:
    envelope = await call(
        "segment_api_write", wire=Answers({"/sources": {"source": source}}), operation="createSource",
        arguments=NEW_SOURCE,
    )  # fmt: skip
    assert envelope.successful or envelope.data["code"] == "invalid_response"


@pytest.mark.parametrize("given", [mask_write_key(QUIET_KEY), QUIET_KEY, "http"], ids=["masked", "whole", "name"])
async def test_a_write_key_is_revoked_in_each_form_in_which_it_is_known(given: str) -> None:
    wire = Wire()
    envelope = await call(
        "segment_api_destroy", UNATTENDED, wire, operation="removeWriteKeyFromSource",
        arguments={"sourceId": QUIET, "writeKey": given},
    )  # fmt: skip
    assert envelope.successful
    assert wire.sent()[-1] == ("DELETE", f"/sources/{QUIET}/writekey/{QUIET_KEY}")
    assert QUIET_KEY not in envelope.as_json()


@pytest.mark.parametrize("given", [MASK, f"{MASK}zzzz"])
async def test_a_masked_write_key_that_fits_none_is_not_sent(given: str) -> None:
    wire = Wire()
    envelope = await call(
        "segment_api_destroy", UNATTENDED, wire, operation="removeWriteKeyFromSource",
        arguments={"sourceId": QUIET, "writeKey": given},
    )  # fmt: skip
    assert fields(problems(envelope)) == ["writeKey"]
    assert {method for method, _ in wire.sent()} == {"GET"}


async def test_a_call_that_passes_its_code_back_reads_the_preview_once() -> None:
    wire = Wire()
    async with toolbox(UNATTENDED, wire) as opened:
        told = await opened.invoke("segment_api_describe", {"operation": "replaceAdvancedSyncScheduleForWarehouse"})
        wanted = told.data["example"]
        asked = await opened.invoke("segment_api_destroy", wanted)
        first = wire.sent()
        done = await opened.invoke("segment_api_destroy", {**wanted, "confirmation": asked.data.get("confirmation")})
    assert asked.data["code"] == "confirmation_required"
    assert len(set(first)) == len(first)
    assert done.successful, done


# Secrets

SIGNATURE = "cAnArY0123456789"
LEAKY: dict[str, tuple[dict[str, Any], str, dict[str, Any]]] = {
    "signed URL": (
        {"download": {"urls": [f"https://b.s3.amazonaws.com/a.gz?X-Amz-Date=1&X-Amz-Signature={SIGNATURE}"]}},
        "createDownload", {"collectionId": "c", "hour": "2026-03-14T08:00:00.000Z"},
    ),
    "webhook URL": (
        {"function": {"id": "f", "previewWebhookUrl": f"https://fn.segmentapis.com/?b={SIGNATURE}"}},
        "getFunction", {"functionId": "f"},
    ),
    "encrypted settings": (
        {"insertFunctionInstance": {"id": "i", "encryptedSettings": {"salt": SIGNATURE, "apiKey": SIGNATURE}}},
        "getInsertFunctionInstance", {"instanceId": "i"},
    ),
    "settings": (
        {"destination": {"id": "d", "settings": {"apiKey": SIGNATURE, "hook": f"https://u:{SIGNATURE}@h.example/"}}},
        "getDestination", {"destinationId": "d"},
    ),
    "HMAC key": (
        {"transformation": {"id": "t", "hashPropertiesConfiguration": {"algorithm": "HMAC", "key": SIGNATURE}}},
        "getTransformation", {"transformationId": "t"},
    ),
}  # fmt: skip


@dataclass(slots=True)
class Talkative(httpx2.AsyncBaseTransport):
    """A Segment that answers the same to everything."""

    data: Mapping[str, Any]

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Answer."""
        del request
        return httpx2.Response(200, json={"data": {"workspace": {"id": "w"}, **self.data}})


@pytest.mark.parametrize("expression", [None, "@", "to_string(@)", "*.[values(@)]", "values(@)[].values(@)"])
@pytest.mark.parametrize("kind", LEAKY)
async def test_no_secret_of_an_answer_can_be_selected(kind: str, expression: str | None) -> None:
    data, operation, arguments = LEAKY[kind]
    told = {name: data.get(name, []) for name in get(operation).answer} | data
    envelope = await call(
        "segment_api_read", wire=Talkative(told), **selecting(expression, operation, arguments=arguments)
    )  # fmt: skip
    assert envelope.successful
    assert "cAnArY" not in envelope.as_json()


@pytest.mark.parametrize(
    "expression", [None, "sources[].writeKeys[]", "to_string(@)", "sources[].writeKeys[].reverse(@)"]
)
@pytest.mark.parametrize("every", [False, True])
async def test_write_keys_are_masked_in_selections_and_walks(expression: str | None, *, every: bool) -> None:
    envelope = await call("segment_api_read", **selecting(expression, "listSources", all=every))
    text = envelope.as_json()
    assert envelope.successful
    assert not [key for key in WRITE_KEYS.values() if key in text or key[::-1] in text]


async def test_a_configured_secret_can_not_be_selected_in_disguise() -> None:
    data = {"function": {"id": "f", "code": f"send('{QUIET_KEY}')"}}
    for expression in (None, "function.code", "reverse(function.code)", "to_string(function)"):
        envelope = await call(
            "segment_api_read", wire=Talkative(data),
            **selecting(expression, "getFunction", arguments={"functionId": "f"}),
        )  # fmt: skip
        assert envelope.successful
        assert QUIET_KEY not in envelope.as_json()
        assert QUIET_KEY[::-1] not in envelope.as_json()


async def test_the_code_of_a_function_is_answered_whole() -> None:
    code = "// see https://segment.com/docs\nconst plan = event.traits?.plan\nconst apiKey = settings.apiKey\nend()"
    data = {"function": {"id": "f", "code": code}}
    envelope = await call(
        "segment_api_read", wire=Talkative(data), operation="getFunction", arguments={"functionId": "f"}
    )  # fmt: skip
    assert envelope.data["function"]["code"] == code


async def test_the_five_tools_are_reached_over_mcp_in_both_eras() -> None:
    for era in ERAS:
        async with client(UNATTENDED, era=era) as connected:
            found = data_of(await connected.call_tool("segment_api_search", {"query": "rename a source"}))
            told = await described(connected, "updateSource")
            changed = data_of(await connected.call_tool(told["tool"], told["example"]))
            wrong = refused(await connected.call_tool("segment_api_read", {"operation": "updateSource"}))
            gone = await connected.call_tool(
                "segment_api_destroy", {"operation": "deleteSource", "arguments": {"sourceId": WEBSITE}}
            )
        assert "updateSource" in found["matches"][0]["call"]
        assert changed["source"]["id"] == QUIET
        assert wrong["code"] == "invalid_arguments"
        assert data_of(gone) == {"status": "SUCCESS"}
