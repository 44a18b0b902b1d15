"""Prompts: rendered with what was filled in, refused with what is wrong, and listed where their tools are."""

import mcp_types as types
import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError

from segment_mcp.prompts.prompt import Argument, Prompt, PromptArguments
from segment_mcp.server import build_server
from tests.workbench import ERAS, toolbox

FIND = Prompt(
    "find",
    "Find an event",
    "Finds where an event stops.",
    (Argument("event", "Its name.", required=True), Argument("sourceId", "The source's ID.", required=False)),
    lambda given: f"Find {given['event']} in {given.get('sourceId', 'every source')}.",
)
AUDIT = Prompt("audit", "Audit", "Audits the workspace.", (), lambda _: "Audit everything.")
RENAME = Prompt(
    "rename",
    "Rename",
    "Renames a source.",
    (Argument("name", "The new one.", required=False),),
    lambda given: f"segment_update_source, then {'segment_list_destinations' if given else 'segment_list_sources'}.",
)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"event": "Paid"}, "Find Paid in every source."),
        ({"event": "Paid", "sourceId": "s"}, "Find Paid in s."),
        ({"event": "Paid", "sourceId": " "}, "Find Paid in every source."),
        ({"event": "Paid", "nothing": ""}, "Find Paid in every source."),
    ],
)
def test_a_prompt_is_rendered_with_what_was_filled_in(arguments: dict[str, str], text: str) -> None:
    assert FIND.render(arguments) == text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, "event is required."),
        ({"event": ""}, "event is required."),
        ({"event": " \n"}, "event is required."),
        ({"sourceId": "secret"}, "event is required."),
        ({"event": "secret", "sourceid": "secret"}, "'sourceid' is no argument of find."),
        ({"x" * 100: "secret"}, f"event is required; '{'x' * 40}' is no argument of find."),
    ],
)
def test_what_is_missing_or_unknown_is_named_and_no_value_is(arguments: dict[str, str], said: str) -> None:
    with pytest.raises(PromptArguments) as caught:
        FIND.render(arguments)
    assert str(caught.value) == said


@pytest.mark.parametrize("era", ERAS)
async def test_a_client_lists_prompts_and_gets_one(era: str) -> None:
    async with toolbox() as opened, Client(build_server(opened, [FIND, AUDIT]), mode=era) as connected:
        listed = (await connected.list_prompts()).prompts
        found = await connected.get_prompt("find", {"event": "Paid"})
        plain = await connected.get_prompt("audit")
    assert [prompt.name for prompt in listed] == ["find", "audit"]
    assert (listed[0].title, listed[0].description) == (FIND.title, FIND.description)
    assert [(each.name, each.description, each.required) for each in listed[0].arguments or []] == [
        ("event", "Its name.", True),
        ("sourceId", "The source's ID.", False),
    ]
    (message,) = found.messages
    assert message.role == "user"
    assert message.content == types.TextContent(text="Find Paid in every source.")
    assert plain.messages[0].content == types.TextContent(text="Audit everything.")


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(
    ("name", "arguments"), [("nothing", {}), ("find", {}), ("find", {"event": "Paid", "other": "x"}), ("", {})]
)
async def test_a_prompt_that_cannot_be_rendered_is_an_error_of_its_parameters(
    name: str, arguments: dict[str, str], era: str
) -> None:
    async with (
        toolbox() as opened,
        Client(build_server(opened, [FIND]), mode=era, raise_exceptions=False) as connected,
    ):
        with pytest.raises(MCPError) as caught:
            await connected.get_prompt(name, arguments)
    assert caught.value.code == types.INVALID_PARAMS


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        ({}, ["rename", "audit"]),
        ({"SEGMENT_MCP_TOOLSETS": "sources"}, ["audit"]),
        ({"SEGMENT_MCP_TOOLSETS": "destinations,sources"}, ["rename", "audit"]),
        ({"SEGMENT_MCP_MODE": "read"}, ["audit"]),
    ],
)
async def test_a_prompt_is_there_only_where_all_tools_are_that_it_names(
    settings: dict[str, str], names: list[str]
) -> None:
    async with (
        toolbox(settings) as opened,
        Client(build_server(opened, [RENAME, AUDIT]), raise_exceptions=False) as connected,
    ):
        assert [prompt.name for prompt in (await connected.list_prompts()).prompts] == names
        if "rename" not in names:
            with pytest.raises(MCPError):
                await connected.get_prompt("rename")


def test_a_prompt_names_tools_with_all_of_its_arguments_and_with_few() -> None:
    assert RENAME.tools == {"segment_list_sources", "segment_list_destinations", "segment_update_source"}
    assert (FIND.tools, AUDIT.tools) == (frozenset(), frozenset())
