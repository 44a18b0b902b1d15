"""Every prompt: its steps are calls that this server really takes, and each ends with what proves it."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from segment_mcp.fql import parse
from segment_mcp.operations import OPERATIONS
from segment_mcp.operations.arguments import problems_of
from segment_mcp.prompts.catalog import PROMPTS
from segment_mcp.prompts.prompt import Prompt, PromptArguments
from segment_mcp.tools.api import TOOL_OF
from segment_mcp.tools.catalog import TOOLS, input_schemas
from tests.workbench import client

FILLED = {
    "sourceId": "GFIYTOxHfOu2H5ySDDAXac",
    "trackingPlanId": "tp_plndQ9upUles0BZknTNGVvg9BJj",
    "orgId": "a1b2c3d4",
    "url": "https://hooks.example/command-ai",
    "event": "Extension Installed",
    "file": "2025.ndjson",
    "name": "Command AI",
    "change": "Order Completed needs a currency",
}
_CALL = re.compile(r"^   (segment_\w+) (\{.*\})$", re.MULTILINE)
_EARLIER = re.compile(r"<(\d+)\.")


def texts(prompt: Prompt) -> Iterator[str]:
    """The prompt with all of its arguments, and with only those that it needs."""
    yield prompt.render({argument.name: FILLED[argument.name] for argument in prompt.arguments})
    yield prompt.render({argument.name: FILLED[argument.name] for argument in prompt.arguments if argument.required})


def calls(text: str) -> list[tuple[str, dict[str, Any]]]:
    return [(tool, json.loads(arguments)) for tool, arguments in _CALL.findall(text)]


@pytest.mark.parametrize("prompt", PROMPTS, ids=lambda prompt: prompt.name)
def test_every_step_names_a_tool_and_arguments_that_exist(prompt: Prompt) -> None:
    tools = {tool.name: tool for tool in TOOLS}
    for text in texts(prompt):
        found = calls(text)
        assert found
        for name, arguments in found:
            assert set(arguments) <= set(input_schemas()[name]["properties"])
            assert name in prompt.tools
        assert prompt.tools <= set(tools)


@pytest.mark.parametrize("prompt", PROMPTS, ids=lambda prompt: prompt.name)
def test_every_operation_goes_to_the_tool_of_its_safety_with_arguments_that_fit_its_schema(prompt: Prompt) -> None:
    for text in texts(prompt):
        for name, arguments in calls(text):
            if "operation" in arguments:
                row = OPERATIONS[arguments["operation"]]
                assert TOOL_OF[row.safety] == name
                assert problems_of(row, arguments["arguments"]) == []


@pytest.mark.parametrize("prompt", PROMPTS, ids=lambda prompt: prompt.name)
def test_a_step_takes_values_only_from_steps_before_it_and_those_are_calls(prompt: Prompt) -> None:
    for text in texts(prompt):
        numbered = re.findall(r"^(\d+)\. (Ask the user to do this, no tool can)?", text, re.MULTILINE)
        people = {int(number) for number, asked in numbered if asked}
        current = 0
        for line in text.splitlines():
            step = re.match(r"(\d+)\. ", line)
            current = int(step[1]) if step else current
            for earlier in map(int, _EARLIER.findall(line) if line.startswith("   segment_") else ()):
                assert earlier < current
                assert earlier not in people


@pytest.mark.parametrize("prompt", PROMPTS, ids=lambda prompt: prompt.name)
def test_every_step_that_the_proof_names_exists_and_the_proof_comes_last(prompt: Prompt) -> None:
    for text in texts(prompt):
        proof = text.rpartition("\n\nProof: ")[2]
        steps = len(re.findall(r"^\d+\. ", text, re.MULTILINE))
        assert "\n" not in proof
        assert all(int(number) <= steps for number in re.findall(r"step (\d+)", proof))


@pytest.mark.parametrize("prompt", PROMPTS, ids=lambda prompt: prompt.name)
@pytest.mark.parametrize("mode", ["read", "unattended"])
async def test_a_prompt_is_listed_where_every_tool_is_that_it_names(mode: str, prompt: Prompt) -> None:
    async with client({"SEGMENT_MCP_MODE": mode}) as connected:
        shown = {each.name for each in (await connected.list_prompts()).prompts}
        there = {tool.name for tool in (await connected.list_tools()).tools}
    named = {name for text in texts(prompt) for name in re.findall(r"segment_\w+", text)}
    assert (prompt.name in shown) is (named <= there)


@pytest.mark.parametrize(
    ("mode", "names"), [("read", ["audit_workspace"]), ("confirm", [each.name for each in PROMPTS])]
)
async def test_what_changes_something_is_not_guided_where_nothing_can_be_changed(mode: str, names: list[str]) -> None:
    async with client({"SEGMENT_MCP_MODE": mode}) as connected:
        assert [prompt.name for prompt in (await connected.list_prompts()).prompts] == names


def test_what_segment_cant_prove_is_said_to_be_that() -> None:
    (destination,) = (prompt for prompt in PROMPTS if prompt.name == "set_up_command_ai_destination")
    assert "Segment can't prove this set-up" in next(texts(destination))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, "sourceId is required; orgId is required."),
        ({"sourceId": " ", "orgId": "x"}, "sourceId is required."),
        ({"sourceId": "x", "orgId": "x", "colour": "red"}, "'colour' is no argument"),
    ],
)
def test_arguments_that_dont_fit_are_refused_by_name(arguments: dict[str, str], said: str) -> None:
    (destination,) = (prompt for prompt in PROMPTS if prompt.name == "set_up_command_ai_destination")
    with pytest.raises(PromptArguments, match=said):
        destination.render(arguments)


def test_an_event_name_cant_break_out_of_its_trigger_or_its_json() -> None:
    (webhook,) = (prompt for prompt in PROMPTS if prompt.name == "set_up_command_ai_webhook")
    nasty = 'x" or true or "\\'
    found = calls(webhook.render({"sourceId": "s", "url": "https://h.example", "event": nasty}))
    (made,) = (arguments for _, arguments in found if arguments.get("operation") == "createDestinationSubscription")
    assert parse(made["arguments"]["trigger"]).matches({"type": "track", "event": nasty})
    assert not parse(made["arguments"]["trigger"]).matches({"type": "track", "event": "x"})
