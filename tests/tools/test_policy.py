"""Mode and toolsets decide what is listed, and what runs although it is not listed."""

from typing import get_args

import pytest

from segment_mcp.config import TOOLSETS, Confirm, Mode
from segment_mcp.operations import OPERATIONS, get
from segment_mcp.tools.catalog import TOOLS
from segment_mcp.tools.policy import Policy
from tests.workbench import Wire, client, refused, toolbox

READING = {tool.name for tool in TOOLS if tool.safety == "read"}
DESTROYING = {"segment_delete_source", "segment_remove_source_write_key", "segment_api_destroy"}


@pytest.mark.parametrize(
    ("mode", "safety", "excluded"),
    [
        ("read", "read", False),
        ("read", "write", True),
        ("read", "destroy", True),
        *((mode, safety, False) for mode in ("confirm", "unattended") for safety in ("read", "write", "destroy")),
    ],
)
def test_mode_and_safety_decide_what_is_there(mode: Mode, safety: str, excluded: bool) -> None:  # noqa: FBT001
    policy = Policy(mode, TOOLSETS, regulations=True, profiles=True)
    things = [tool for tool in TOOLS if tool.safety == safety]
    rows = [row for row in OPERATIONS.values() if row.safety == safety]
    assert things
    assert rows
    for tool in things:
        assert (policy.exclusion(tool) is not None) is excluded
        assert policy.lists(tool) is not excluded
    for row in rows:
        assert (policy.excludes(row) is not None) is excluded


@pytest.mark.parametrize(
    ("mode", "confirm", "operation", "agreement"),
    [
        ("confirm", "terminal", "listSources", None),
        ("confirm", "terminal", "updateSource", None),
        ("confirm", "terminal", "deleteSource", "person"),
        ("confirm", "token", "deleteSource", "token"),
        ("unattended", "terminal", "deleteSource", None),
        ("unattended", "token", "deleteSource", None),
        ("confirm", "token", "createWorkspaceRegulation", "person"),
        ("unattended", "token", "createSourceRegulation", "person"),
        ("unattended", "terminal", "createCloudSourceRegulation", "person"),
    ],
)
def test_who_has_to_agree(mode: Mode, confirm: Confirm, operation: str, agreement: str | None) -> None:
    policy = Policy(mode, TOOLSETS, regulations=True, confirm=confirm)
    assert policy.agreement(get(operation)) == agreement


@pytest.mark.parametrize("mode", get_args(Mode))
def test_the_data_of_people_is_left_alone_unless_the_operator_says_otherwise(mode: Mode) -> None:
    rows = [row for row in OPERATIONS.values() if row.regulates]
    exclusions = [Policy(mode, TOOLSETS).excludes(row) for row in rows]
    assert [each and each.details["setting"] for each in exclusions] == ["SEGMENT_MCP_REGULATIONS"] * 3


def test_every_mode_is_in_the_table() -> None:
    assert get_args(Mode) == ("read", "confirm", "unattended")


def test_the_tools_that_destroy_are_the_two_of_the_toolkit_and_the_one_for_all_else() -> None:
    assert {tool.name for tool in TOOLS if tool.safety == "destroy"} == DESTROYING


async def test_reading_mode_lists_only_what_reads_and_refuses_the_rest_by_name() -> None:
    wire = Wire()
    async with client({"SEGMENT_MCP_MODE": "read"}, wire) as connected:
        listed = {tool.name for tool in (await connected.list_tools()).tools}
        hidden = refused(await connected.call_tool("segment_update_source", {"sourceId": "s", "enabled": False}))
    assert listed == READING
    assert (hidden["code"], hidden["setting"]) == ("not_allowed", "SEGMENT_MCP_MODE")
    assert wire.requests == []


@pytest.mark.parametrize("toolset", TOOLSETS)
async def test_a_toolset_lists_its_own_tools_and_the_status(toolset: str) -> None:
    async with toolbox({"SEGMENT_MCP_TOOLSETS": toolset}) as opened:
        listed = {tool.toolset for tool in opened.listed()}
        hidden = next(tool for tool in TOOLS if tool.toolset not in {toolset, None})
        envelope = await opened.invoke(hidden.name, {})
    assert listed == {toolset, None}
    assert envelope.data["code"] == "not_allowed"
    assert envelope.data["setting"] == "SEGMENT_MCP_TOOLSETS"
