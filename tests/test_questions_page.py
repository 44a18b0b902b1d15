"""The page of questions, and the README's words on questions, resources and prompts: complete, and fit to be typed."""

import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from segment_mcp.app import open_app
from segment_mcp.config import load
from segment_mcp.prompts.catalog import PROMPTS
from segment_mcp.resources.catalog import RESOURCES
from segment_mcp.resources.resource import SCHEME
from segment_mcp.tools.catalog import TOOLS

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGE = (ROOT / "docs" / "questions.md").read_text(encoding="utf-8")
TYPED = "segment-mcp call --sandbox "


def calls(text: str) -> list[tuple[str, dict[str, Any]]]:
    """Tools and arguments as they would be typed."""
    typed = [shlex.split(line[len(TYPED) :]) for line in text.splitlines() if line.startswith(TYPED)]
    return [(tool, json.loads(given[0]) if given else {}) for tool, *given in typed]


def answers() -> Mapping[str, Sequence[dict[str, Any]]]:
    """The page's answers by tool, in their order."""
    shown = [json.loads(block) for block in re.findall(r"```json\n(.*?)\n```", PAGE, re.DOTALL)]
    found: dict[str, list[dict[str, Any]]] = {}
    for (tool, _), answer in zip(calls(PAGE), shown, strict=True):
        found.setdefault(tool, []).append(answer)
    return found


def test_every_question_is_on_the_page() -> None:
    assert set(answers()) == {tool.name for tool in TOOLS if tool.toolset in {"questions", "profiles"}}


@pytest.mark.parametrize(("tool", "arguments"), calls(PAGE))
def test_a_call_on_the_page_is_one_that_its_tool_takes(tool: str, arguments: dict[str, Any]) -> None:
    (meant,) = (each for each in TOOLS if each.name == tool)
    meant.args.check(arguments)


async def test_the_readmes_calls_on_the_sandbox_succeed() -> None:
    async with open_app(load({"SEGMENT_MCP_SANDBOX": "1"})) as toolbox:
        for tool, arguments in calls(README):
            assert (await toolbox.invoke(tool, arguments)).successful


def leaves(value: Any) -> Iterator[Any]:
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from leaves(item)
    if not isinstance(value, dict | list):
        yield value


@pytest.mark.parametrize("answer", [answer for each in answers().values() for answer in each])
def test_an_answer_on_the_page_has_what_each_has(answer: dict[str, Any]) -> None:
    assert {"summary", "evidence", "gaps", "truncated"} <= answer.keys()
    assert not [each for each in leaves(answer) if isinstance(each, str) and re.search(r"[0-9a-f]{32}", each)]


def test_the_page_shows_what_the_example_workspace_is_there_for() -> None:
    shown = answers()
    health, unread = shown["segment_check_delivery_health"]
    statuses = {each["name"]: each["status"] for each in health["destinations"] if isinstance(each, dict)}
    assert statuses["Braze"] == "failing"  # the silent failure
    assert unread["destinations"][0]["status"] == "unknown"
    (validation,) = shown["segment_validate_event"]
    assert validation["outcome"] == "blocked_lost"  # the blocked event that is lost
    (trace,) = shown["segment_trace_event"]
    assert "Order Complete" in trace["stopsAt"][0]["causes"][0]["what"]  # the mapping that matches nothing
    (stale,) = shown["segment_find_stale_sources"]
    found = {each["status"] for each in stale["sources"] if isinstance(each, dict)}
    assert {"stale", "never_used"} <= found
    (ungoverned,) = shown["segment_find_ungoverned_sources"]
    assert ungoverned["noPlan"][0]["trackEvents"] > 0  # the ungoverned one
    assert ungoverned["blockedLost"]
    assert ungoverned["unseenEvents"]  # rules that nobody triggers
    assert shown["segment_send_test_event"][0]["outcome"] == "received"


def test_the_readme_names_every_resource_and_every_prompt_and_no_other() -> None:
    assert set(re.findall(rf"`{SCHEME}([^`?]*)`", README)) - {"results/..."} == {each.path for each in RESOURCES}
    assert [each.name for each in PROMPTS if f"`{each.name}`" not in README] == []


def test_the_readme_leads_to_the_page() -> None:
    assert "(docs/questions.md)" in README
