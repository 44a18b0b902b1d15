"""`segment_lookup_profile`: there where a profile can be looked up, and nobody's data in the clear unless it may be."""

import json
from pathlib import Path
from typing import Any

import pytest

from segment_mcp.app import open_app
from segment_mcp.config import Settings, load
from segment_mcp.errors import NotAllowed
from segment_mcp.redact import MASK
from segment_mcp.sandbox import PROFILE_SPACE_ID, PROFILE_TOKEN
from segment_mcp.server import listing
from segment_mcp.tools.catalog import TOOLS, input_schemas
from segment_mcp.tools.policy import policy_of
from segment_mcp.tools.profiles import segment_lookup_profile
from tests.workbench import ERAS, SANDBOX, Wire, client, data_of, fields, refused, toolbox

NAME = "segment_lookup_profile"
TOKEN, SPACE = {"SEGMENT_PROFILE_TOKEN": PROFILE_TOKEN}, {"SEGMENT_PROFILE_SPACE_ID": PROFILE_SPACE_ID}
JANE = "jane@customer.example"


async def names(settings: Settings) -> set[str]:
    async with open_app(settings) as opened:
        return {tool["name"] for tool in listing(opened)}


# Where it is


@pytest.mark.parametrize(
    ("environment", "there"),
    [
        ({}, False),
        (TOKEN, False),
        (SPACE, False),
        ({**TOKEN, **SPACE}, True),
        ({**TOKEN, **SPACE, "SEGMENT_MCP_MODE": "read"}, True),
        ({**TOKEN, **SPACE, "SEGMENT_MCP_TOOLSETS": "tracking,usage"}, False),
        ({"SEGMENT_MCP_TOOLSETS": "profiles"}, False),
        (SANDBOX, True),
    ],
)
async def test_it_is_shown_only_where_a_profile_can_be_looked_up(environment: dict[str, str], there: bool) -> None:  # noqa: FBT001
    assert (NAME in await names(load(environment))) is there


async def test_one_connection_of_several_is_enough(tmp_path: Path) -> None:
    file = tmp_path / "segment.toml"
    file.write_text(
        '[connections.bare]\napi_token = "t"\n'
        f'[connections.unify]\nprofile_token = "{PROFILE_TOKEN}"\nprofile_space_id = "{PROFILE_SPACE_ID}"\n',
        encoding="utf-8",
    )
    settings = load({}, file)
    assert NAME in await names(settings)
    wire = Wire()
    async with open_app(settings, transport=lambda: wire) as opened:
        found = await opened.invoke(NAME, {"id": "u-1001", "connection": "unify"})
        missing = await opened.invoke(NAME, {"id": "u-1001"})
    assert found.successful, found
    assert missing.data["code"] == "not_configured"


@pytest.mark.parametrize(("environment", "setting"), [({}, "TOKEN"), (SPACE, "TOKEN"), (TOKEN, "SPACE_ID")])
async def test_called_without_what_it_needs_it_names_the_variables(environment: dict[str, str], setting: str) -> None:
    wire = Wire()
    async with open_app(load(environment), transport=lambda: wire) as opened:
        envelope = await opened.invoke(NAME, {"id": "u-1001"})
    assert envelope.data == {"code": "not_configured", "setting": f"SEGMENT_PROFILE_{setting}"}
    assert "SEGMENT_PROFILE_TOKEN" in (envelope.error or "")
    assert "SEGMENT_PROFILE_SPACE_ID" in (envelope.error or "")
    assert wire.requests == []


def test_what_is_not_shown_is_not_forbidden() -> None:
    assert policy_of(load({})).exclusion(segment_lookup_profile) is None
    assert isinstance(policy_of(load({"SEGMENT_MCP_TOOLSETS": "usage"})).exclusion(segment_lookup_profile), NotAllowed)


def test_it_stays_small_and_comes_last() -> None:
    tool = TOOLS[-1]
    schema = json.dumps(input_schemas()[NAME], separators=(",", ":"))
    assert tool is segment_lookup_profile
    assert len(tool.name) + len(tool.description) + len(schema) <= 480
    assert (tool.safety, tool.toolset) == ("read", "profiles")


# Arguments


@pytest.mark.parametrize(
    ("arguments", "wrong"),
    [
        ({}, ["id"]),
        ({"id": ""}, ["id"]),
        ({"id": ".."}, ["id"]),
        ({"id": "ca\nary"}, ["id"]),
        ({"id": "x" * 256}, ["id"]),
        ({"id": 7}, ["id"]),
        ({"id": "canary", "idType": "user id"}, ["idType"]),
        ({"id": "canary", "idType": "user_id:x"}, ["idType"]),
        ({"id": "canary", "idType": "../accounts"}, ["idType"]),
        ({"id": "canary", "idType": ""}, ["idType"]),
        ({"id": "canary", "include": ["a,b"]}, ["include"]),
        ({"id": "canary", "include": "plan"}, ["include"]),
        ({"id": "canary", "include": ["a\nb"]}, ["include.0"]),
        ({"id": "canary", "events": -1}, ["events"]),
        ({"id": "canary", "events": 1001}, ["events"]),
        ({"id": "canary", "userId": "u"}, ["userId"]),
    ],
)
async def test_wrong_arguments_are_named_and_not_repeated(arguments: dict[str, Any], wrong: list[str]) -> None:
    wire = Wire()
    async with toolbox(wire=wire) as opened:
        envelope = await opened.invoke(NAME, arguments)
    assert envelope.data["code"] == "invalid_arguments"
    assert fields(envelope.data["problems"]) == wrong
    assert "canary" not in envelope.as_json()
    assert wire.requests == []


async def test_a_list_that_came_as_text_is_read_and_null_counts_as_left_out() -> None:
    async with toolbox() as opened:
        envelope = await opened.invoke(NAME, {"id": "u-1001", "include": '["plan"]', "idType": None, "events": 0})
    assert envelope.data["traits"] == {"plan": "plus"}


# The answer


@pytest.mark.parametrize("era", ERAS)
async def test_a_client_is_told_of_a_person_without_personal_data(era: str) -> None:
    async with client(era=era) as connected:
        data = data_of(await connected.call_tool(NAME, {"id": JANE.title(), "idType": "email"}))
    assert data["traits"]["plan"] == "plus"
    assert data["traits"]["firstName"] == MASK
    assert [event["event"] for event in data["events"]][:2] == ["Product Viewed", "Order Completed"]
    told = json.dumps(data).lower()
    for personal in (JANE, "customer.example", "moreau", "u-1001", "5550147", "tanneurs", "1988", "203.0.113.24"):
        assert personal not in told


async def test_the_operator_may_have_personal_data_shown() -> None:
    async with client({"SEGMENT_MCP_REVEAL_PII": "1"}) as connected:
        data = data_of(await connected.call_tool(NAME, {"id": "u-1001"}))
    assert data["traits"]["email"] == JANE
    assert data["profile"]["id"] == "u-1001"


async def test_a_profile_that_is_not_there_is_not_found_and_not_named() -> None:
    async with client() as connected:
        result = await connected.call_tool(NAME, {"id": "somebody-else"})
    data = refused(result)
    assert (data["code"], data["status"]) == ("not_found", 404)
    assert data["requestId"]
    assert "somebody-else" not in json.dumps(result.structured_content)


async def test_an_event_that_was_just_sent_is_in_the_profile() -> None:
    async with client() as connected:
        sent = {"userId": "New-1", "event": "Signed Up", "properties": {"plan": "pro"}, "writeKey": "http"}
        data_of(await connected.call_tool("segment_track", sent))
        data = data_of(await connected.call_tool(NAME, {"id": "New-1"}))
    assert [(event["event"], event["properties"]) for event in data["events"]] == [("Signed Up", {"plan": "pro"})]
