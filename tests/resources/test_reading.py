"""Resources as clients read them: complete, fresh, masked, within bounds, and refused in the words of the revision."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import mcp_types as types
import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError

from segment_mcp.app import open_app
from segment_mcp.config import load
from segment_mcp.operations import OPERATIONS, get
from segment_mcp.redact import mask_write_key
from segment_mcp.sandbox import WRITE_KEYS
from segment_mcp.server import build_server
from tests.adapter.clockwork import Clockwork
from tests.adapter.faults import FAULTS, Faulty
from tests.canaries import ENVIRONMENT, LISTED_KEY, TOKEN, crash, leaks, workspace
from tests.resources.reading import ABSENT, MODERN, read, refusal, text_of
from tests.tools.rebuilding import rebuilt
from tests.workbench import ERAS, QUIET, WEBSITE, Wire, client, data_of

FIXED = [
    "segment://workspace", "segment://sources", "segment://destinations", "segment://tracking-plans",
    "segment://warehouses", "segment://operations", "segment://reasons", "segment://outbox", "segment://imports",
]  # fmt: skip
TEMPLATES = [
    "segment://results/{id}{?page}", "segment://sources/{sourceId}", "segment://destinations/{destinationId}",
    "segment://tracking-plans/{trackingPlanId}", "segment://tracking-plans/{trackingPlanId}/rules",
    "segment://operations/{operation}", "segment://imports/{importId}",
]  # fmt: skip
TOOLSETS: dict[str, set[str]] = {
    "tracking": {"segment://outbox", "segment://imports", "segment://imports/{importId}"},
    "sources": {"segment://sources", "segment://sources/{sourceId}"},
    "destinations": {"segment://destinations", "segment://destinations/{destinationId}", "segment://reasons"},
    "usage": set(),
    "api": {
        "segment://tracking-plans", "segment://tracking-plans/{trackingPlanId}", "segment://warehouses",
        "segment://tracking-plans/{trackingPlanId}/rules", "segment://operations", "segment://operations/{operation}",
    },
}  # fmt: skip
BAD_DAYS = {**FAULTS, "no fault": workspace, "crash": crash}
ALWAYS = {"segment://workspace", "segment://results/{id}{?page}"}


# What is listed


@pytest.mark.parametrize("era", ERAS)
async def test_every_resource_and_template_is_listed_with_what_it_is(era: str) -> None:
    async with client(era=era) as connected:
        listed = (await connected.list_resources()).resources
        templates = (await connected.list_resource_templates()).resource_templates
    assert [each.uri for each in listed] == FIXED
    assert [each.uri_template for each in templates] == TEMPLATES
    everything: list[types.Resource | types.ResourceTemplate] = [*listed, *templates]
    for shown in everything:
        assert shown.name
        assert shown.title
        assert shown.description
        assert shown.mime_type == "application/json"


@pytest.mark.parametrize("toolset", TOOLSETS)
async def test_a_resource_is_there_only_where_its_toolset_is_on(toolset: str) -> None:
    async with client({"SEGMENT_MCP_TOOLSETS": toolset}) as connected:
        listed = [each.uri for each in (await connected.list_resources()).resources]
        templates = [each.uri_template for each in (await connected.list_resource_templates()).resource_templates]
        hidden = [uri for uri in FIXED if uri not in listed]
        codes = {uri: (await refusal(connected, uri)).code for uri in hidden}
    assert {*listed, *templates} == ALWAYS | TOOLSETS[toolset]
    assert hidden
    assert set(codes.values()) == {ABSENT[MODERN]}


async def test_listing_asks_segment_nothing() -> None:
    wire = Wire()
    async with client(wire=wire) as connected:
        await connected.list_resources()
        await connected.list_resource_templates()
    assert wire.requests == []


# What is read


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(
    ("uri", "operation"),
    [
        ("segment://sources", "listSources"),
        ("segment://destinations", "listDestinations"),
        ("segment://tracking-plans", "listTrackingPlans"),
        ("segment://warehouses", "listWarehouses"),
    ],
)
async def test_a_list_is_whole_and_shows_what_tells_its_items_apart(uri: str, operation: str, era: str) -> None:
    async with client({"SEGMENT_MCP_ANSWER_CHARS": "1000000"}, era=era) as connected:
        whole = data_of(await connected.call_tool("segment_api_read", {"operation": operation, "all": True}))
        shown = await read(connected, uri)
    (name,) = (member for member in shown if member != "truncated")
    assert name == get(operation).answer[0]
    assert shown["truncated"] is False
    assert [item["id"] for item in shown[name]] == [item["id"] for item in whole[name]]
    for brief, item in zip(shown[name], whole[name], strict=True):
        assert not {"writeKeys", "settings"} & set(brief)
        assert {**item, **brief, "metadata": None} == {**item, "metadata": None}
        assert set(brief.get("metadata", {})) <= {"id", "name", "slug"}
    assert {"enabled"} <= set(shown[name][0]) or operation == "listTrackingPlans"


@pytest.mark.parametrize("era", ERAS)
async def test_one_of_them_is_what_its_operation_answers(era: str) -> None:
    async with client(era=era) as connected:
        ids = {
            "sourceId": WEBSITE,
            "destinationId": (await read(connected, "segment://destinations"))["destinations"][0]["id"],
            "trackingPlanId": (await read(connected, "segment://tracking-plans"))["trackingPlans"][0]["id"],
        }
        found = {}
        for path, operation, variable in (
            ("sources", "getSource", "sourceId"),
            ("destinations", "getDestination", "destinationId"),
            ("tracking-plans", "getTrackingPlan", "trackingPlanId"),
        ):
            arguments = {variable: ids[variable]}
            answer = await connected.call_tool("segment_api_read", {"operation": operation, "arguments": arguments})
            found[path] = (await read(connected, f"segment://{path}/{ids[variable]}"), data_of(answer))
        workspace = await read(connected, "segment://workspace")
        status = data_of(await connected.call_tool("segment_connection_status", {}))
    for shown, answered in found.values():
        assert shown == answered
    assert workspace == {"workspace": status["workspace"]}


async def test_a_tracking_plans_rules_are_all_of_them_with_their_schemas() -> None:
    wire = Wire()
    async with client(wire=wire) as connected:
        plans = (await read(connected, "segment://tracking-plans"))["trackingPlans"]
        shown = await read(connected, f"segment://tracking-plans/{plans[0]['id']}/rules")
    assert shown["truncated"] is False
    assert shown["rules"]
    assert all({"type", "version", "jsonSchema"} <= set(rule) for rule in shown["rules"])
    assert {method for method, _ in wire.sent()} == {"GET"}


async def test_an_operation_is_described_as_the_tool_describes_it() -> None:
    async with client() as connected:
        shown = await read(connected, "segment://operations/deleteSource")
        told = data_of(await connected.call_tool("segment_api_describe", {"operation": "deleteSource"}))
        listed = (await read(connected, "segment://operations"))["operations"]
    assert shown == told
    public = [row for row in OPERATIONS.values() if row.api == "public"]
    assert [(row["operation"], row["safety"]) for row in listed] == [(row.name, row.safety) for row in public]


async def test_the_reasons_for_discards_are_explained() -> None:
    async with client() as connected:
        shown = (await read(connected, "segment://reasons"))["reasons"]
    assert len({reason["code"] for reason in shown}) == len(shown) > 10
    assert all(reason["meaning"] and reason["remedy"] for reason in shown)


async def test_the_outbox_is_what_the_status_tells_of_it() -> None:
    async with client() as connected:
        shown = await read(connected, "segment://outbox")
        status = data_of(await connected.call_tool("segment_connection_status", {}))
    assert shown == status["outbox"] == {"pending": 0, "deadLetters": 0}


async def test_an_import_can_be_read_and_is_among_the_newest() -> None:
    event = {"type": "track", "event": "Paid", "userId": "u", "messageId": "m", "timestamp": "2026-03-01T00:00:00Z"}
    async with client() as connected:
        assert await read(connected, "segment://imports") == {"imports": []}
        made = []
        for number in range(2):
            order = {"events": [{**event, "messageId": f"m{number}"}]}
            made.append(data_of(await connected.call_tool("segment_import_historical_data", order))["importId"])
        listed = (await read(connected, "segment://imports"))["imports"]
        shown = await read(connected, f"segment://imports/{made[0]}")
        told = data_of(await connected.call_tool("segment_import_historical_data", {"importId": made[0]}))
    assert [each["importId"] for each in listed] == [*reversed(made)]
    assert shown == told == listed[1]
    assert (shown["state"], shown["accepted"]) == ("finished", 1)


async def test_reading_the_imports_makes_no_file(tmp_path: Path) -> None:
    async with client({"SEGMENT_MCP_STATE_DIR": str(tmp_path / "own")}) as connected:
        await read(connected, "segment://imports")
    assert not list((tmp_path / "own").rglob("imports.sqlite3"))


# For how long


@pytest.mark.parametrize("uri", FIXED)
async def test_a_read_says_how_long_it_is_fresh_and_for_whom(uri: str) -> None:
    unchanging = {"segment://operations", "segment://reasons"}
    own = {"segment://outbox", "segment://imports"}
    async with client() as connected:
        result = await connected.read_resource(uri)
    expected = (3_600_000, "public") if uri in unchanging else (0 if uri in own else 30_000, "private")
    assert (result.ttl_ms, result.cache_scope) == expected


async def test_lists_are_the_same_for_everybody_and_for_long() -> None:
    async with client() as connected:
        results: list[types.CacheableResult] = [
            await connected.list_resources(),
            await connected.list_resource_templates(),
            await connected.list_prompts(),
        ]
    assert {(result.ttl_ms, result.cache_scope) for result in results} == {(3_600_000, "public")}


# Long ones


@pytest.mark.parametrize("era", ERAS)
async def test_what_is_too_long_is_cut_and_kept_in_pages_for_who_read_it(era: str) -> None:
    async with client(era=era) as connected:
        whole = await read(connected, "segment://sources")
    async with client({"SEGMENT_MCP_ANSWER_CHARS": "2000"}, era=era) as connected:
        result = await connected.read_resource("segment://sources")
        text = await text_of(connected, "segment://sources")
        shown = json.loads(text)
        pages = []
        uri: str | None = shown["shortened"]["resource"]
        while uri is not None:
            pages.append(await read(connected, uri))
            uri = pages[-1].get("next")
    assert len(text) <= 2_000
    assert rebuilt(pages) == whole
    assert len(shown["sources"]) < len(whole["sources"])
    assert (result.ttl_ms, result.cache_scope) == (0, "private")


async def test_a_public_one_that_is_cut_is_nobody_elses() -> None:
    async with client({"SEGMENT_MCP_ANSWER_CHARS": "2000"}) as connected:
        result = await connected.read_resource("segment://operations")
    assert (result.ttl_ms, result.cache_scope) == (0, "private")


@dataclass(slots=True)
class Endless(httpx2.AsyncBaseTransport):
    """A workspace whose list of sources goes on and on."""

    pages: int = 0

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        assert request.url.path == "/sources"
        self.pages += 1
        items = [{"id": f"s{self.pages}-{number}", "slug": "s", "enabled": True} for number in range(200)]
        pagination = {"current": f"c{self.pages}", "next": f"c{self.pages + 1}"}
        return httpx2.Response(200, json={"data": {"sources": items, "pagination": pagination}})


async def test_a_list_without_end_is_bounded_and_says_so() -> None:
    way = Endless()
    real = {**ENVIRONMENT, "SEGMENT_MCP_SANDBOX": "0", "SEGMENT_MCP_ANSWER_CHARS": "1000000"}
    async with client(real, way) as connected:
        shown = await read(connected, "segment://sources")
    assert shown["truncated"] is True
    assert len(shown["sources"]) == 5_000
    assert shown["pagination"]["next"]
    assert way.pages <= 50


# What is refused


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(
    "uri",
    [
        "segment://sources/nope", "segment://destinations/nope", "segment://tracking-plans/nope",
        "segment://tracking-plans/nope/rules", "segment://operations/nope", "segment://imports/nope",
        "segment://operations/track", "segment://sources?connection=nope", "segment://sources/..",
        "segment://sources/%2e%2e", "segment://sources/%2E%2E%2Fdestinations", "segment://sources/a%00b",
        "segment://nothing", "segment://sources/", "https://api.segmentapis.com/sources",
    ],
)  # fmt: skip
async def test_what_is_not_there_is_said_to_be_that_in_the_words_of_the_revision(uri: str, era: str) -> None:
    async with client(era=era) as connected:
        error = await refusal(connected, uri)
    assert error.code == ABSENT[era]
    assert error.message


@pytest.mark.parametrize("uri", ["segment://sources/..", "segment://sources/%2e%2e", "segment://sources/a%0Ab"])
async def test_an_identifier_that_is_none_is_refused_before_anything_is_sent(uri: str) -> None:
    wire = Wire()
    async with client(wire=wire) as connected:
        error = await refusal(connected, uri)
    assert "sourceId" in error.message
    assert wire.requests == []


@pytest.mark.parametrize(
    ("identifier", "target"),
    [
        ("a%2F..%2F..%2Fiam", "/sources/a%2F..%2F..%2Fiam"),
        ("%252e%252e", "/sources/%252e%252e"),
        ("a%3Fb=c", "/sources/a%3Fb%3Dc"),
        ("a%23b", "/sources/a%23b"),
        ("%2F%2Fexample.com", "/sources/%2F%2Fexample.com"),
        ("http:%2F%2Fexample.com", "/sources/http%3A%2F%2Fexample.com"),
        ("a@b", "/sources/a%40b"),
        ("{sourceId}", "/sources/%7BsourceId%7D"),
    ],
)
async def test_an_identifier_never_decides_where_a_request_goes(identifier: str, target: str) -> None:
    wire = Wire()
    async with client(wire=wire) as connected:
        await refusal(connected, f"segment://sources/{identifier}")
    (request,) = [one for one in wire.requests if one.url.path != "/"]
    assert request.url.host == "api.segmentapis.com"
    assert request.url.raw_path.decode() == target


def without(*settings: str) -> dict[str, str]:
    return {**ENVIRONMENT, "SEGMENT_MCP_SANDBOX": "0", **dict.fromkeys(settings, "")}


@pytest.mark.parametrize("era", ERAS)
async def test_a_missing_token_is_named(era: str) -> None:
    async with client(without("SEGMENT_API_TOKEN"), Wire(), era) as connected:
        error = await refusal(connected, "segment://sources")
        own = await read(connected, "segment://outbox")
    assert error.code == types.INTERNAL_ERROR
    assert "SEGMENT_API_TOKEN" in error.message
    assert error.data == {"code": "not_configured", "setting": "SEGMENT_API_TOKEN"}
    assert own["pending"] == 0


@dataclass(slots=True)
class Answering(httpx2.AsyncBaseTransport):
    """Answers everything alike."""

    status: int
    body: Mapping[str, Any] = field(default_factory=dict)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        assert request.method == "GET"
        return httpx2.Response(self.status, json=self.body)


@pytest.mark.parametrize(
    ("status", "code"), [(401, "unauthorized"), (403, "forbidden"), (422, "rejected"), (200, "invalid_response")]
)
@pytest.mark.parametrize("era", ERAS)
async def test_a_failure_tells_its_code_and_what_to_do(status: int, code: str, era: str) -> None:
    async with client(without(), Answering(status), era) as connected:
        error = await refusal(connected, "segment://sources/s")
    assert error.code == types.INTERNAL_ERROR
    assert error.data["code"] == code
    assert len(error.message) > 20


# What stays secret


@pytest.mark.parametrize("fault", BAD_DAYS)
async def test_no_secret_stands_in_what_is_read_or_refused(fault: str) -> None:
    clock = Clockwork()
    way = Faulty(BAD_DAYS[fault], clock)
    said = []
    async with (
        open_app(load(ENVIRONMENT), transport=lambda: way, timing=clock.timing()) as opened,
        Client(build_server(opened), mode=MODERN, raise_exceptions=False) as connected,
    ):
        for uri in ("segment://sources", "segment://sources/s", "segment://destinations/d", "segment://warehouses"):
            try:
                said.append(await text_of(connected, uri))
            except MCPError as error:
                said.append(f"{error.message} {error.data}")
    assert way.requests
    assert all(said)
    assert [leaks(text) for text in said] == [[]] * 4


async def test_write_keys_and_settings_are_masked_as_a_tools_are() -> None:
    async with client(without(), Faulty(workspace, Clockwork())) as connected:
        text = await text_of(connected, "segment://sources/s")
        listed = await text_of(connected, "segment://sources")
    assert leaks(text) == []
    assert mask_write_key(LISTED_KEY) in text
    assert '"trackingId":"UA-1"' in text
    assert mask_write_key(LISTED_KEY) not in listed


async def test_write_keys_are_whole_where_the_operator_reveals_them_and_the_token_never_is() -> None:
    settings = {**without(), "SEGMENT_MCP_REVEAL_WRITE_KEYS": "1"}
    async with client(settings, Faulty(workspace, Clockwork())) as connected:
        text = await text_of(connected, "segment://sources/s")
    assert LISTED_KEY in text
    assert TOKEN not in text


async def test_no_write_key_of_the_sandbox_stands_in_any_resource() -> None:
    async with client() as connected:
        uris = [*FIXED, *(f"segment://sources/{source}" for source in (WEBSITE, QUIET))]
        texts = [await text_of(connected, uri) for uri in uris]
    assert [key for key in WRITE_KEYS.values() for text in texts if key in text] == []


# Reading goes the way of tools


async def test_reading_changes_nothing_in_any_mode() -> None:
    wire = Wire()
    for mode in ("read", "confirm", "unattended"):
        async with client({"SEGMENT_MCP_MODE": mode}, wire) as connected:
            for uri in FIXED:
                await text_of(connected, uri)
    assert {method for method, _ in wire.sent()} == {"GET"}


async def test_a_client_that_keeps_what_it_read_asks_segment_once() -> None:
    wire = Wire()
    async with client(wire=wire) as connected:
        for _ in range(3):
            await connected.read_resource("segment://workspace")
            await connected.read_resource("segment://sources")
    assert len([target for _, target in wire.sent() if target.startswith("/sources")]) == 1


# Several connections


FILE = """
[connections.production]
region = "eu"
api_token = "production-token"

[connections.staging]
region = "us"
api_token = "staging-token"
"""


@dataclass(slots=True)
class Regions(httpx2.AsyncBaseTransport):
    """Stands for both regions: answers a source that is named for the connection."""

    requests: list[httpx2.Request] = field(default_factory=list)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        owner = request.headers["authorization"].removeprefix("Bearer ").removesuffix("-token")
        source = {"id": owner, "slug": owner, "name": owner, "enabled": True, "writeKeys": [], "labels": []}
        data = {"source": source, "sources": [source], "pagination": {"current": "MA=="}}
        return httpx2.Response(200, json={"data": data})


@pytest.fixture
def two(tmp_path: Path) -> dict[str, str]:
    path = tmp_path / "segment.toml"
    path.write_text(FILE, encoding="utf-8")
    return {"SEGMENT_MCP_SANDBOX": "0", "SEGMENT_MCP_CONFIG": str(path)}


async def test_each_connection_has_its_resources_and_the_templates_select_one(two: dict[str, str]) -> None:
    async with client(two, Regions()) as connected:
        listed = (await connected.list_resources()).resources
        templates = (await connected.list_resource_templates()).resource_templates
    uris = [each.uri for each in listed]
    assert len(set(uris)) == len(uris) == len({each.name for each in listed})
    assert {"segment://sources", "segment://sources?connection=staging", "segment://workspace"} <= set(uris)
    assert not {"segment://sources?connection=production", "segment://outbox?connection=staging"} & set(uris)
    shown = {each.uri_template for each in templates}
    assert "segment://sources/{sourceId}{?connection}" in shown
    assert "segment://operations/{operation}" in shown


async def test_a_read_goes_to_the_connection_that_its_uri_names(two: dict[str, str]) -> None:
    way = Regions()
    async with client(two, way) as connected:
        found = {
            uri: (await read(connected, uri))["sources"][0]["id"]
            for uri in (
                "segment://sources", "segment://sources?connection=staging", "segment://sources?connection=production"
            )
        }  # fmt: skip
        one = (await read(connected, "segment://sources/s?connection=staging"))["source"]["id"]
        error = await refusal(connected, "segment://sources/s?connection=nope")
    assert list(found.values()) == ["production", "staging", "production"]
    assert one == "staging"
    assert [request.url.host for request in way.requests] == [
        "eu1.api.segmentapis.com", "api.segmentapis.com", "eu1.api.segmentapis.com", "api.segmentapis.com",
    ]  # fmt: skip
    assert "nope" in error.message
