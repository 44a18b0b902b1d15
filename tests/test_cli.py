"""The commands, typed as a person types them."""

import json
import socket
import subprocess
import sys

from segment_mcp.sandbox import API_TOKEN
from tests.transports.process import environment


def run(*arguments: str, stdin: str | None = None, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "segment_mcp", *arguments],
        input=stdin, capture_output=True, text=True, env=environment(settings), check=False, timeout=60,
    )  # fmt: skip


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


def test_a_wrong_setting_is_named_by_every_command() -> None:
    for command in (("tools",), ("call", "segment_connection_status"), ("serve", "--transport", "http")):
        ended = run(*command, SEGMENT_REGION="mars")
        assert ended.returncode == 2
        assert ended.stderr.startswith("segment-mcp: SEGMENT_REGION")
        assert len(ended.stderr.splitlines()) == 1


def test_the_demo_walks_through_the_tools_and_ends_well() -> None:
    ended = run("demo", SEGMENT_MCP_MODE="read", SEGMENT_API_TOKEN="ignored-by-the-demo")
    assert ended.returncode == 0, ended.stdout
    assert "All 15 calls went as told." in ended.stdout
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
