"""Over stdio, as a process: both eras, every request answered, bad lines survived, a clean end."""

import json
import socket
import subprocess
import sys
import threading
from pathlib import Path
from time import monotonic

import pytest
from mcp import Client, StdioServerParameters

from segment_mcp.tools.catalog import TOOLS
from segment_mcp.transports.pipes import GRACE_SECONDS, LONGEST_LINE
from tests.transports.process import HANDSHAKE, MODERN_META, environment, server
from tests.workbench import ERAS, QUIET, data_of, refused


@pytest.mark.parametrize("era", ERAS)
async def test_a_client_lists_and_calls_tools(era: str) -> None:
    parameters = StdioServerParameters(command=sys.executable, args=["-m", "segment_mcp"], env=environment())
    async with Client(parameters, mode=era) as client:
        listed = await client.list_tools()
        found = data_of(await client.call_tool("segment_list_sources", {"name": "agent"}))
        failed = refused(await client.call_tool("segment_delete_source", {"sourceId": QUIET}))
    assert len(listed.tools) == len(TOOLS)
    assert [source["id"] for source in found["sources"]] == [QUIET]
    assert failed["code"] == "confirmation_required"


def test_what_was_read_before_the_input_closed_is_answered_and_the_end_is_quick_and_silent() -> None:
    with server() as wire:
        wire.greet()
        for number in range(1, 41):
            wire.call(number, "segment_track", {"event": "Opened", "userId": str(number)})
        begin = monotonic()
        answers, log = wire.finish()
        took = monotonic() - begin
        assert wire.process.returncode == 0
    assert sorted(answer["id"] for answer in answers) == list(range(1, 41))
    assert all(answer["result"]["structuredContent"]["data"]["status"] == "accepted" for answer in answers)
    assert log == ""
    assert took < 1 + GRACE_SECONDS  # a loaded machine: the bound itself is what the next test is about


def test_a_call_that_hangs_when_the_input_closes_is_answered_with_an_error_within_the_grace() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        origin = f"http://127.0.0.1:{silent.getsockname()[1]}"
        settings = {"SEGMENT_MCP_SANDBOX": "0", "SEGMENT_API_TOKEN": "token", "SEGMENT_PUBLIC_API_URL": origin}
        with server(settings) as wire:
            wire.greet()
            wire.call(1, "segment_list_sources", {})
            connection, _ = silent.accept()
            with connection:
                begin = monotonic()
                answers, log = wire.finish()
                took = monotonic() - begin
    assert [answer["id"] for answer in answers] == [1]
    assert "error" in answers[0]
    assert log == ""
    assert GRACE_SECONDS * 0.9 < took < GRACE_SECONDS + 1


def test_cancelling_a_call_closes_its_request_to_segment() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        origin = f"http://127.0.0.1:{silent.getsockname()[1]}"
        settings = {"SEGMENT_MCP_SANDBOX": "0", "SEGMENT_API_TOKEN": "token", "SEGMENT_PUBLIC_API_URL": origin}
        with server(settings) as wire:
            wire.greet()
            wire.call(1, "segment_list_sources", {})
            connection, _ = silent.accept()
            with connection:
                connection.settimeout(10)
                assert connection.recv(65_536).startswith(b"GET /sources")
                cancelled = {"requestId": 1, "reason": "changed my mind"}
                wire.write({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": cancelled})
                assert connection.recv(65_536) == b""
            wire.request(2, "ping")
            assert wire.read()["id"] == 2
            answers, log = wire.finish()
    assert answers == []
    assert log == ""


@pytest.mark.parametrize(
    ("line", "code", "request_id"),
    [
        (b"garbage", -32700, None),
        (b'{"jsonrpc": "2.0", "id": 7, "method"', -32700, None),
        (b"\xff\xfe\x00", -32700, None),
        (b"[1, 2]", -32600, None),
        (b'"text"', -32600, None),
        (b'{"jsonrpc": "2.0", "id": 7, "method": 5}', -32600, 7),
        (b'{"jsonrpc": "1.0", "id": "a", "method": "ping"}', -32600, "a"),
        (b'{"jsonrpc": "2.0", "id": 7}', -32600, None),
        (b"[" * 100_000, -32700, None),
        (b" " * (LONGEST_LINE + 1), -32600, None),
    ],
    ids=["text", "cut off", "not utf-8", "array", "string", "bad method", "old version", "no method", "deep", "long"],
)
def test_a_line_that_is_no_message_is_answered_and_the_server_goes_on(
    line: bytes, code: int, request_id: int | str | None
) -> None:
    with server() as wire:
        wire.greet()
        wire.write(line)
        refusal = wire.read()
        wire.request(8, "ping")
        assert wire.read()["id"] == 8
        _, log = wire.finish()
    assert refusal["error"]["code"] == code
    assert refusal["id"] == request_id
    assert "Traceback" not in log


def test_empty_lines_are_skipped_and_a_last_line_without_an_end_is_read() -> None:
    with server() as wire:
        wire.greet()
        wire.write(b"")
        wire.write(b"\r")
        assert wire.process.stdin is not None
        wire.process.stdin.write(json.dumps({"jsonrpc": "2.0", "id": 5, "method": "ping"}).encode())
        answers, _ = wire.finish()
    assert [answer["id"] for answer in answers] == [5]


def test_a_message_of_almost_the_longest_line_is_read_whole() -> None:
    with server() as wire:
        wire.greet()
        filler = "x" * (LONGEST_LINE - 1_000)
        wire.call(1, "segment_track", {"event": "Opened", "userId": "u", "properties": {"filler": filler}})
        answer = wire.read()
        wire.finish()
    assert answer["result"]["structuredContent"]["data"]["code"] == "event_invalid"


def test_a_slow_reader_gets_every_byte_of_a_large_answer() -> None:
    with server() as wire:
        wire.greet()
        for number in range(1, 31):
            wire.call(number, "segment_list_destinations", {})
        seen = [wire.read() for _ in range(30)]
        wire.finish()
    assert sorted(answer["id"] for answer in seen) == list(range(1, 31))
    listed = [answer["result"]["structuredContent"]["data"]["destinations"] for answer in seen]
    assert all(len(each) == len(listed[0]) > 0 for each in listed)


def test_files_serve_as_input_and_output(tmp_path: Path) -> None:
    questions, answers = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    modern = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": MODERN_META}}
    questions.write_text(json.dumps(modern) + "\n", encoding="utf-8")
    with questions.open("rb") as source, answers.open("wb") as target:
        run = subprocess.run(
            [sys.executable, "-m", "segment_mcp"],
            stdin=source, stdout=target, stderr=subprocess.PIPE, env=environment(), check=True, timeout=20,
        )  # fmt: skip
    (line,) = answers.read_text(encoding="utf-8").splitlines()
    assert len(json.loads(line)["result"]["tools"]) == len(TOOLS)
    assert run.stderr == b""


def test_a_client_that_goes_away_ends_the_server_without_a_traceback() -> None:
    with server() as wire:
        wire.greet()
        for number in range(1, 20):
            wire.call(number, "segment_list_destinations", {})
        assert wire.process.stdout is not None
        assert wire.process.stdin is not None
        assert wire.process.stderr is not None
        wire.process.stdout.close()
        wire.process.stdin.close()
        log = wire.process.stderr.read().decode()
        assert wire.process.wait(timeout=10) == 0
    assert log == ""


def test_two_calls_run_at_the_same_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as upstream:
        origin = f"http://127.0.0.1:{upstream.getsockname()[1]}"
        settings = {"SEGMENT_MCP_SANDBOX": "0", "SEGMENT_API_TOKEN": "token", "SEGMENT_PUBLIC_API_URL": origin}
        both = threading.Barrier(2, timeout=10)

        def answer() -> None:
            connection, _ = upstream.accept()
            with connection:
                connection.recv(65_536)
                both.wait()
                body = b'{"data": {"sources": [], "pagination": {"current": "MA=="}}}'
                head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"
                connection.sendall(head + b"Content-Length: %d\r\n\r\n" % len(body) + body)

        threads = [threading.Thread(target=answer) for _ in range(2)]
        for thread in threads:
            thread.start()
        with server(settings) as wire:
            wire.greet()
            wire.call(1, "segment_list_sources", {})
            wire.call(2, "segment_list_sources", {})
            answers = [wire.read(), wire.read()]
            wire.finish()
        for thread in threads:
            thread.join()
    assert sorted(one["id"] for one in answers) == [1, 2]
    assert not [one for one in answers if one["result"]["isError"]]


def test_a_wrong_setting_ends_the_start_with_one_line_and_code_two() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "segment_mcp"],
        input=json.dumps({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": HANDSHAKE}).encode(),
        capture_output=True, env=environment({"SEGMENT_MCP_MODE": "yolo"}), check=False, timeout=20,
    )  # fmt: skip
    assert run.returncode == 2
    assert run.stdout == b""
    assert run.stderr.decode().splitlines() == [
        "segment-mcp: SEGMENT_MCP_MODE: must be 'read', 'confirm' or 'unattended'"
    ]


def test_a_misspelt_setting_is_told_on_stderr() -> None:
    with server({"SEGMENT_MCP_MODES": "read"}) as wire:
        wire.greet()
        _, log = wire.finish()
    assert log == "segment-mcp: SEGMENT_MCP_MODES is no setting; is SEGMENT_MCP_MODE meant?\n"
