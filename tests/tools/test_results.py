"""Whole answers as resources: for the client that asked, page by page, for a time, and for nobody else."""

import json
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx2
import mcp_types as types
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError
from starlette.applications import Starlette

from segment_mcp.app import open_app
from segment_mcp.config import load
from segment_mcp.server import build_server
from segment_mcp.timing import Timing
from segment_mcp.tools.fitting import size
from segment_mcp.tools.results import LIFETIME, MOST_CHARACTERS, URI, Results
from segment_mcp.transports import web
from tests.tools.rebuilding import rebuilt
from tests.workbench import ERAS, NOW, QUIET_KEY, SANDBOX, Wire, client, data_of

LIMIT = 24_000
MODERN = ERAS[1]
CATALOG = {"operation": "getDestinationsCatalog"}
UNCUT = {"SEGMENT_MCP_ANSWER_CHARS": "1000000"}
UNATTENDED = {"SEGMENT_MCP_MODE": "unattended"}
LONG: dict[str, Any] = {"sources": [{"id": f"s{number:04}", "enabled": True} for number in range(3_000)]}
NOT_THERE = {types.INVALID_PARAMS, -32002}
"""What MCP answers of a resource that isn't there: since 2026-07-28, and before."""


@dataclass(slots=True)
class Clock:
    """Seconds that pass when they are told to."""

    seconds: float = 1_000.0

    def __call__(self) -> float:
        return self.seconds


def name_of(shown: dict[str, Any]) -> str:
    resource: str = shown["shortened"]["resource"]
    assert resource.startswith(URI)
    return resource.removeprefix(URI)


# What is kept


def test_what_fits_is_answered_as_it_is_and_not_kept() -> None:
    results = Results(Clock(), LIMIT)
    assert results.fitted({"sources": []}, "one") == {"sources": []}


def test_a_long_answer_says_what_it_left_out_and_how_to_get_it() -> None:
    shown = Results(Clock(), LIMIT).fitted(LONG, "one")
    told = shown["shortened"]
    assert told["lists"] == [{"path": "sources", "shown": len(shown["sources"]), "of": 3_000}]
    assert shown["sources"] == LONG["sources"][: len(shown["sources"])]
    assert "select" in told["hint"]
    assert "cursor" in told["hint"]
    assert size(shown) <= LIMIT


@pytest.mark.parametrize("count", [1, 5, 20, 40])
def test_an_answer_fits_with_all_that_is_said_of_its_cuts(count: int) -> None:
    answer = {f"list{number}": [{"id": each} for each in range(4_000)] for number in range(count)}
    assert size(Results(Clock(), LIMIT).fitted(answer, "one")) <= LIMIT - len('{"successful":true,"data":}')


def test_the_pages_lead_from_one_to_the_next_and_are_the_whole_answer() -> None:
    results = Results(Clock(), LIMIT)
    shown = results.fitted(LONG, "one")
    name, count = name_of(shown), shown["shortened"]["pages"]
    pages = [json.loads(results.page(name, number, "one") or "{}") for number in range(1, count + 1)]
    assert [page["page"] for page in pages] == list(range(1, count + 1))
    assert {page["pages"] for page in pages} == {count}
    assert [page.get("next") for page in pages] == [
        *(f"{URI}{name}?page={number}" for number in range(2, count + 1)), None,
    ]  # fmt: skip
    assert rebuilt(pages) == LONG
    assert max(size(page) for page in pages) <= LIMIT


@pytest.mark.parametrize("page", [0, -1, 99_999, 10**9])
def test_there_is_no_page_outside_of_the_answer(page: int) -> None:
    results = Results(Clock(), LIMIT)
    assert results.page(name_of(results.fitted(LONG, "one")), page, "one") is None


def test_nobody_else_gets_it() -> None:
    results = Results(Clock(), LIMIT)
    name = name_of(results.fitted(LONG, "one"))
    assert results.page(name, 1, "other") is None
    assert results.page(name, 1, "one")


def test_names_are_long_and_never_come_twice() -> None:
    results = Results(Clock(), LIMIT)
    names = {name_of(results.fitted(LONG, "one")) for _ in range(20)}
    assert len(names) == 20
    assert min(map(len, names)) >= 22


def test_it_is_kept_for_its_time_and_not_longer() -> None:
    clock = Clock()
    results = Results(clock, LIMIT)
    name = name_of(results.fitted(LONG, "one"))
    clock.seconds += LIFETIME - 1
    assert results.page(name, 1, "one")
    clock.seconds += 1
    assert results.page(name, 1, "one") is None
    clock.seconds -= LIFETIME
    assert results.page(name, 1, "one") is None


def test_the_oldest_answers_make_room_for_new_ones() -> None:
    results = Results(Clock(), 1_000_000)
    quarter = {"text": "x" * (MOST_CHARACTERS // 4 - 5_000)}
    names = [name_of(results.fitted(quarter, "one")) for _ in range(6)]
    assert [name for name in names if results.page(name, 1, "one")] == names[-4:]


def test_one_answer_is_kept_however_large_it_is() -> None:
    results = Results(Clock(), 1_000_000)
    first = name_of(results.fitted({"text": "x" * 2_000_000}, "one"))
    huge = name_of(results.fitted({"text": "x" * (MOST_CHARACTERS + 1)}, "one"))
    assert results.page(first, 1, "one") is None
    assert results.page(huge, 2, "one")


@pytest.mark.parametrize("answer", [{"numbers": [1] * 100_000}, LONG], ids=["numbers", "items"])
def test_what_is_kept_takes_memory_in_proportion_to_its_characters(answer: dict[str, Any]) -> None:
    results = Results(Clock(), LIMIT)
    tracemalloc.start()
    try:
        name_of(results.fitted(answer, "one"))
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert taken < 20 * size(answer)


# What clients read


async def whole_of(connected: Client, shown: dict[str, Any]) -> Any:
    """The answer, from all pages of its resource."""
    pages: list[Any] = []
    uri: str | None = shown["shortened"]["resource"]
    while uri is not None:
        pages.append(await page_of(connected, uri))
        uri = pages[-1].get("next")
    assert len(pages) == shown["shortened"]["pages"] == pages[0]["pages"]
    return rebuilt(pages)


async def page_of(connected: Client, uri: str) -> Any:
    read = await connected.read_resource(uri)
    (content,) = read.contents
    assert isinstance(content, types.TextResourceContents)
    assert (content.uri, content.mime_type) == (uri, "application/json")
    assert len(content.text) <= LIMIT
    return json.loads(content.text)


async def code_of(connected: Client, uri: str) -> int | None:
    """The code of the protocol's error; None where the resource can be read."""
    try:
        await connected.read_resource(uri)
    except MCPError as error:
        return error.code
    return None


async def refusal_of(connected: Client, uri: str) -> MCPError:
    with pytest.raises(MCPError) as caught:
        await connected.read_resource(uri)
    return caught.value


@asynccontextmanager
async def listening(settings: dict[str, str] | None = None, wire: Wire | None = None) -> AsyncIterator[Any]:
    """A server of Streamable HTTP in this process; the answer is its app."""
    way = wire or Wire()
    async with open_app(
        load({**SANDBOX, **(settings or {})}), transport=lambda: way, timing=Timing(now=lambda: NOW)
    ) as opened:
        app = web.streamable_http_app(build_server(opened), web.security_for("127.0.0.1", []))
        assert isinstance(app, Starlette)
        async with app.router.lifespan_context(app):
            yield app


@asynccontextmanager
async def visitor(
    app: Any, era: str = ERAS[1], *, name: str = "agent", address: str = "192.0.2.1", authorization: str = "Bearer a"
) -> AsyncIterator[Client]:
    """A client of that server."""
    way = httpx2.ASGITransport(app=app, client=(address, 1))
    info = types.Implementation(name=name, version="1")
    async with (
        httpx2.AsyncClient(transport=way, headers={"Authorization": authorization}) as http,
        Client(
            streamable_http_client("http://localhost/mcp", http_client=http),
            mode=era,
            client_info=info,
            raise_exceptions=False,
        ) as connected,
    ):
        yield connected


@pytest.mark.parametrize("era", ERAS)
async def test_a_client_reads_the_whole_answer_page_by_page(era: str) -> None:
    async with client(UNCUT, era=era) as connected:
        whole = data_of(await connected.call_tool("segment_api_read", CATALOG))
    async with client(era=era) as connected:
        result = await connected.call_tool("segment_api_read", CATALOG)
        shown = data_of(result)
        assert await whole_of(connected, shown) == whole
        assert await whole_of(connected, shown) == whole
    assert len(result.content[0].text) <= LIMIT  # type: ignore[union-attr]
    (cut,) = shown["shortened"]["lists"]
    assert (cut["path"], cut["of"]) == ("destinationsCatalog", len(whole["destinationsCatalog"]))
    assert shown["destinationsCatalog"] == whole["destinationsCatalog"][: cut["shown"]]
    assert shown["pagination"] == whole["pagination"]


@pytest.mark.parametrize("era", ERAS)
async def test_a_client_over_http_reads_the_whole_answer_too(era: str) -> None:
    async with listening() as app, visitor(app, era) as connected:
        shown = data_of(await connected.call_tool("segment_api_read", CATALOG))
        whole = await whole_of(connected, shown)
    assert len(whole["destinationsCatalog"]) == shown["shortened"]["lists"][0]["of"]


async def test_the_operator_says_how_long_an_answer_may_be() -> None:
    async with client({"SEGMENT_MCP_ANSWER_CHARS": "2000"}) as connected:
        result = await connected.call_tool("segment_list_sources", {})
        assert len(result.content[0].text) <= 2_000  # type: ignore[union-attr]
        whole = await whole_of(connected, data_of(result))
    async with client() as connected:
        assert data_of(await connected.call_tool("segment_list_sources", {})) == whole


async def test_a_selection_that_is_too_long_is_cut_and_kept_as_well() -> None:
    arguments = {**CATALOG, "select": "destinationsCatalog[].options[]"}
    async with client(UNCUT) as connected:
        selected = data_of(await connected.call_tool("segment_api_read", arguments))
    async with client({"SEGMENT_MCP_ANSWER_CHARS": "2000"}) as connected:
        shown = data_of(await connected.call_tool("segment_api_read", arguments))
        assert await whole_of(connected, shown) == selected
    assert shown["shortened"]["lists"][-1]["path"] == "selected"
    assert shown["pagination"] == selected["pagination"]


async def test_it_can_be_read_until_its_time_is_over() -> None:
    clock, way = Clock(), Wire()
    async with (
        open_app(
            load(SANDBOX), transport=lambda: way, timing=Timing(now=lambda: NOW, monotonic=clock)
        ) as opened,
        Client(build_server(opened), raise_exceptions=False) as connected,
    ):  # fmt: skip
        shown = data_of(await connected.call_tool("segment_api_read", CATALOG))
        clock.seconds += LIFETIME - 1
        assert await whole_of(connected, shown)
        clock.seconds += 2
        refused = await refusal_of(connected, shown["shortened"]["resource"])
    assert refused.code in NOT_THERE


OTHERS: dict[str, tuple[str, dict[str, str]]] = {
    "another client": (ERAS[1], {"name": "another"}),
    "another address": (ERAS[1], {"address": "192.0.2.2"}),
    "other credentials": (ERAS[1], {"authorization": "Bearer b"}),
    "another session": (ERAS[0], {}),
    "another client in a session": (ERAS[0], {"name": "another"}),
}


@pytest.mark.parametrize("other", OTHERS)
async def test_nobody_else_reads_it_over_http(other: str) -> None:
    era, who = OTHERS[other]
    async with listening() as app, visitor(app, era) as asked, visitor(app, era, **who) as stranger:
        shown = data_of(await asked.call_tool("segment_api_read", CATALOG))
        refused = await refusal_of(stranger, shown["shortened"]["resource"])
        assert await whole_of(asked, shown)
    assert refused.code in NOT_THERE
    assert name_of(shown) not in f"{refused.message}{refused.data}"


async def test_another_server_does_not_have_it() -> None:
    async with client() as connected, client() as elsewhere:
        shown = data_of(await connected.call_tool("segment_api_read", CATALOG))
        refused = await refusal_of(elsewhere, shown["shortened"]["resource"])
    assert refused.code in NOT_THERE


GARBAGE = [
    "{uri}?page=0", "{uri}?page=-1", "{uri}?page=4", "{uri}?page=1000000000", "{uri}?page=" + "9" * 5_000,
    "{uri}?page=", "{uri}?page=one", "{uri}?page=1.0", "{uri}?page=1&page=2", "{uri}?page=²", "{uri}?2", "{uri}?page",
    "{uri}/", "{uri}/..", "{uri}#1", "{uri}%00", "{uri} ", " {uri}", "{URI}", "x{uri}",
    "segment://results", "segment://results/", "segment://results/?page=1", "segment://results/" + "A" * 24,
    "segment://results/../results/x", "segment://other/x", "segment://", "file:///etc/passwd", "https://example.com/",
    "", " ", "\u202e", "a" * 100_000,
]  # fmt: skip


@pytest.mark.parametrize("era", ERAS)
async def test_what_names_no_page_is_an_error_of_the_protocol_and_nothing_else(era: str) -> None:
    async with client(era=era) as connected:
        shown = data_of(await connected.call_tool("segment_api_read", CATALOG))
        uri: str = shown["shortened"]["resource"]
        assert shown["shortened"]["pages"] == 3
        wrong = [form.replace("{uri}", uri).replace("{URI}", uri.upper()) for form in GARBAGE]
        answers = {form: await code_of(connected, each) for form, each in zip(GARBAGE, wrong, strict=True)}
        assert await whole_of(connected, shown)
    assert {form: code for form, code in answers.items() if code not in NOT_THERE} == {}


@pytest.mark.parametrize("era", ERAS)
async def test_the_template_tells_how_pages_are_named(era: str) -> None:
    async with client(era=era) as connected:
        template = (await connected.list_resource_templates()).resource_templates[0]
        told = connected.server_capabilities
    if era != MODERN:  # a client that is pinned to 2026-07-28 did not ask
        assert told is not None
        assert told.resources is not None
    assert template.uri_template == "segment://results/{id}{?page}"
    assert template.mime_type == "application/json"
    assert template.description


async def test_a_configured_secret_is_masked_in_the_pages_as_it_is_in_the_answer() -> None:
    code = f"const key = '{QUIET_KEY}';\n" + "// nothing\n" * 4_000
    made = {"code": code, "displayName": "Keeps a key", "resourceType": "SOURCE"}
    async with client(UNATTENDED) as connected:
        created = data_of(await connected.call_tool(
            "segment_api_write", {"operation": "createFunction", "arguments": made, "select": "function.id"}
        ))  # fmt: skip
        read = {"operation": "getFunction", "arguments": {"functionId": created["selected"]}}
        shown = data_of(await connected.call_tool("segment_api_read", read))
        whole = await whole_of(connected, shown)
    assert QUIET_KEY not in json.dumps(shown)
    assert QUIET_KEY not in json.dumps(whole)
