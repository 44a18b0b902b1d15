"""Mode and toolsets decide what is listed, and what runs although it is not listed."""

from typing import get_args

import pytest

from segment_mcp.config import TOOLSETS, Mode
from segment_mcp.tools.catalog import TOOLS
from segment_mcp.tools.policy import Policy
from tests.workbench import Wire, client, refused, toolbox

READING = {tool.name for tool in TOOLS if tool.safety == "read"}
DESTROYING = {"segment_delete_source", "segment_remove_source_write_key"}


@pytest.mark.parametrize(
    ("mode", "safety", "excluded", "asks"),
    [
        ("read", "read", False, False),
        ("read", "write", True, False),
        ("read", "destroy", True, False),
        ("confirm", "read", False, False),
        ("confirm", "write", False, False),
        ("confirm", "destroy", False, True),
        ("unattended", "read", False, False),
        ("unattended", "write", False, False),
        ("unattended", "destroy", False, False),
    ],
)
def test_mode_and_safety_decide(mode: Mode, safety: str, excluded: bool, asks: bool) -> None:  # noqa: FBT001
    policy = Policy(mode, TOOLSETS)
    tools = [tool for tool in TOOLS if tool.safety == safety]
    assert tools
    for tool in tools:
        assert (policy.exclusion(tool) is not None) is excluded
        assert policy.lists(tool) is not excluded
        assert (policy.objection(tool) is not None) is asks


def test_every_mode_is_in_the_table() -> None:
    assert get_args(Mode) == ("read", "confirm", "unattended")


def test_the_tools_that_destroy_are_the_two_of_the_toolkit() -> None:
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
