"""The commands, typed as a person types them."""

import json
import re
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from segment_mcp.sandbox import API_TOKEN
from segment_mcp.tools.catalog import TOOLS, input_schemas
from tests.transports.process import environment


def run(*arguments: str, stdin: str | None = None, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "segment_mcp", *arguments],
        input=stdin, capture_output=True, text=True, env=environment(settings), check=False, timeout=60,
    )  # fmt: skip


def read(form: str, tool: Any) -> tuple[str, str, Any]:
    """Name, description and schema of a printed tool, which has nothing else in it."""
    if form == "json":
        return tool["name"], tool["description"], tool["inputSchema"]
    schema = "parameters" if form == "openai" else "input_schema"
    if form == "openai":
        assert tool == {"type": "function", "function": tool["function"]}
        tool = tool["function"]
    assert set(tool) == {"name", "description", schema}
    return tool["name"], tool["description"], tool[schema]


def printed(form: str, **settings: str) -> dict[str, tuple[str, Any]]:
    """Description and schema by the tool's name."""
    ended = run("tools", "--format", form, **settings)
    assert (ended.returncode, ended.stderr) == (0, "")
    return {
        name: (description, schema)
        for name, description, schema in (read(form, one) for one in json.loads(ended.stdout))
    }


def test_call_prints_the_envelope_and_ends_with_zero() -> None:
    ended = run("call", "segment_connection_status")
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)["data"]["workspace"]["id"]
    assert ended.stderr == ""


def test_call_reads_arguments_from_standard_input_and_ends_with_one_on_a_failure() -> None:
    ended = run("call", "segment_get_destination", "-", stdin='{"destinationId": "nowhere"}')
    assert ended.returncode == 1
    assert json.loads(ended.stdout)["data"]["code"] == "not_found"


def test_call_refuses_arguments_that_are_no_object() -> None:
    for wrong in ("[1]", "{", '"text"'):
        ended = run("call", "segment_get_destination", wrong)
        assert ended.returncode == 2
        assert "JSON object" in ended.stderr
        assert ended.stdout == ""


def test_call_uses_the_sandbox_when_told_to() -> None:
    ended = run("call", "--sandbox", "segment_connection_status", SEGMENT_MCP_SANDBOX="0")
    assert json.loads(ended.stdout)["data"]["sandbox"] is True


def test_tools_are_listed_for_people_and_as_json() -> None:
    table = run("tools", COLUMNS="200")
    listed = json.loads(run("tools", "--format", "json", SEGMENT_MCP_MODE="read").stdout)
    assert "segment_update_source" in table.stdout
    assert all(tool["annotations"]["readOnlyHint"] for tool in listed)


@pytest.mark.parametrize("form", ["openai", "anthropic", "json"])
def test_tools_are_printed_for_use_without_mcp(form: str) -> None:
    tools = printed(form)
    assert list(tools) == [tool.name for tool in TOOLS]
    for tool in TOOLS:
        description, schema = tools[tool.name]
        Draft202012Validator.check_schema(schema)
        assert re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", tool.name)
        assert description == tool.description
        assert len(description) <= 1_024
        assert schema == input_schemas()[tool.name]


@pytest.mark.parametrize("form", ["openai", "anthropic"])
def test_printed_tools_are_those_that_the_settings_offer(form: str, tmp_path: Path) -> None:
    several = tmp_path / "segment.toml"
    several.write_text("[connections.one]\n[connections.two]\n", encoding="utf-8")
    reading = printed(form, SEGMENT_MCP_MODE="read", SEGMENT_MCP_TOOLSETS="api")
    tools = printed(
        form, SEGMENT_MCP_SANDBOX="0", SEGMENT_MCP_CONFIRM="token", SEGMENT_MCP_CONFIG=str(several)
    )  # fmt: skip
    assert list(reading) == [
        "segment_connection_status", "segment_api_search", "segment_api_describe", "segment_api_read",
    ]  # fmt: skip
    assert all(schema["properties"]["connection"]["enum"] == ["one", "two"] for _, schema in tools.values())
    assert [name for name, (_, schema) in tools.items() if "confirmation" in schema["properties"]] == [
        tool.name for tool in TOOLS if tool.safety == "destroy"
    ]


@pytest.mark.parametrize("form", ["openai", "anthropic"])
def test_what_is_printed_stays_small_too(form: str) -> None:
    characters = sum(
        len(name) + len(description) + len(json.dumps(schema, separators=(",", ":")))
        for name, (description, schema) in printed(form).items()
    )
    assert characters / 4 < 5_000


def test_an_unknown_format_is_refused_with_the_known_ones() -> None:
    ended = run("tools", "--format", "gemini")
    assert ended.returncode == 2
    assert all(form in ended.stderr for form in ("table", "json", "openai", "anthropic"))


def test_call_prints_the_whole_answer_since_nobody_can_read_its_resource() -> None:
    ended = run("call", "segment_api_read", '{"operation": "getDestinationsCatalog"}')
    data = json.loads(ended.stdout)["data"]
    assert "shortened" not in data


def test_a_wrong_setting_is_named_by_every_command() -> None:
    for command in (("tools",), ("call", "segment_connection_status"), ("serve", "--transport", "http")):
        ended = run(*command, SEGMENT_REGION="mars")
        assert ended.returncode == 2
        assert ended.stderr.startswith("segment-mcp: SEGMENT_REGION")
        assert len(ended.stderr.splitlines()) == 1


def test_the_demo_walks_through_the_tools_and_ends_well() -> None:
    ended = run("demo", SEGMENT_MCP_MODE="read", SEGMENT_API_TOKEN="ignored-by-the-demo")
    assert ended.returncode == 0, ended.stdout
    assert "All 21 calls went as told." in ended.stdout
    assert API_TOKEN not in ended.stdout


def test_help_names_every_command() -> None:
    ended = run("--help")
    assert ended.returncode == 0
    for command in ("serve", "demo", "sandbox", "tools", "call"):
        assert command in ended.stdout


def test_a_taken_port_is_said_in_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ended = run("serve", "--transport", "http", "--port", str(taken.getsockname()[1]))
    assert ended.returncode == 1
    assert "can't listen on 127.0.0.1" in ended.stderr
    assert "Traceback" not in ended.stderr
