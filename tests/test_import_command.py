"""`segment-mcp import` as a person uses it, against `segment-mcp sandbox` on a port of this machine."""

import gzip
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from segment_mcp.commands import cli
from segment_mcp.sandbox import API_TOKEN, WRITE_KEYS
from tests.transports.process import environment

KEY = WRITE_KEYS["http"]
COMMAND = [sys.executable, "-m", "segment_mcp"]


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended."""

    code: int
    said: str
    errors: str


@dataclass(frozen=True, slots=True)
class Shell:
    """A person's shell, with a sandbox on a port.

    Attributes:
        origin: the sandbox's address.
        folder: where the person is.
    """

    origin: str
    folder: Path

    def environment(self) -> dict[str, str]:
        return environment(
            {
                "SEGMENT_MCP_SANDBOX": "0",
                "SEGMENT_TRACKING_URL": self.origin,
                "SEGMENT_PUBLIC_API_URL": self.origin,
                "SEGMENT_WRITE_KEY": KEY,
                "SEGMENT_MCP_STATE_DIR": str(self.folder / "state"),
            }
        )

    def begin(self, *arguments: str, **more: Any) -> subprocess.Popen[bytes]:
        """The command in a process of its own."""
        return subprocess.Popen(
            [*COMMAND, "import", *arguments], cwd=self.folder, env=self.environment(),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more,
        )  # fmt: skip

    def run(self, *arguments: str, given: bytes | None = None, more: dict[str, str] | None = None) -> Ended:
        """The command in this process, which spares a second each time."""
        chosen: dict[str, str | None] = {**self.environment(), **(more or {})}
        foreign = {name: None for name in os.environ if name not in chosen}
        ended = CliRunner().invoke(cli, ["import", *arguments], input=given, env={**foreign, **chosen})
        assert isinstance(ended.exception, SystemExit | None), ended.exception
        assert KEY not in ended.stdout + ended.stderr
        return Ended(ended.exit_code, ended.stdout, ended.stderr)

    def arrived(self) -> dict[str, dict[str, Any]]:
        """Each event that the sandbox took since it was cleared, by its messageId; none of them twice."""
        found: dict[str, dict[str, Any]] = {}
        after = ""
        while True:
            page = httpx2.get(f"{self.origin}/_sandbox/events?count=1000{after}").json()
            for event in page["events"]:
                assert event["messageId"] not in found
                found[event["messageId"]] = event
            if "next" not in page:
                return found
            after = f"&after={page['next']}"

    def totals(self) -> tuple[int, int]:
        """How many events arrived since it was cleared, and how many repeats of them."""
        page = httpx2.get(f"{self.origin}/_sandbox/events?count=1").json()
        return page["accepted"], page["repeated"]

    def wait_for(self, count: int) -> None:
        """Until so many events arrived."""
        until = time.monotonic() + 20
        while self.totals()[0] < count:
            assert time.monotonic() < until
            time.sleep(0.02)

    def write(self, name: str, content: bytes) -> str:
        (self.folder / name).write_bytes(content)
        return name

    def letters(self) -> list[dict[str, Any]]:
        """The dead letters of the one file of them that there is."""
        (path,) = self.folder.glob("*.dead.ndjson")
        assert path.stat().st_mode & 0o077 == 0
        return [json.loads(line) for line in path.read_bytes().splitlines()]


@pytest.fixture(scope="module")
def origin() -> Iterator[str]:
    """A sandbox for all tests of this module."""
    process = subprocess.Popen([*COMMAND, "sandbox", "--port", "0"], stderr=subprocess.PIPE, env=environment())
    with process:
        try:
            assert process.stderr is not None
            said = [process.stderr.readline().decode() for _ in range(len(WRITE_KEYS) + 3)]
            found = re.search(r"listening on (\S+)", said[-1])
            assert found, said
            yield found[1]
        finally:
            process.kill()


@pytest.fixture
def shell(origin: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    monkeypatch.chdir(tmp_path)
    httpx2.delete(f"{origin}/_sandbox/events")
    httpx2.delete(f"{origin}/_sandbox/faults", headers={"Authorization": f"Bearer {API_TOKEN}"})
    return Shell(origin, tmp_path)


def events(name: str, count: int, **more: Any) -> list[dict[str, Any]]:
    return [
        {"type": "track", "userId": f"u{number % 17}", "event": "Imported", "messageId": f"{name}-{number}",
         "timestamp": "2026-01-31T08:00:00Z", **more}
        for number in range(count)
    ]  # fmt: skip


def ndjson(*records: Any) -> bytes:
    return b"".join((one if isinstance(one, bytes) else json.dumps(one).encode()) + b"\n" for one in records)


INVALID = {"type": "track", "userId": "u"}


def test_a_file_is_imported_and_the_same_command_does_not_import_it_twice(shell: Shell) -> None:
    name = shell.write("events.ndjson", ndjson(*events("plain", 500)))
    first = shell.run(name, "--rate", "0")
    assert first.code == 0, first
    assert "finished, 500 accepted, 0 invalid" in first.said
    assert re.search(r"import [0-9a-f]{16}", first.said)
    assert first.errors == ""
    arrived = shell.arrived()
    assert len(arrived) == 500
    second = shell.run(name)
    assert second.code == 0
    assert "already" in second.said
    third = shell.run(name, "--again", "--message-ids", "derive", "--rate", "0")
    assert third.code == 0
    assert len(shell.arrived()) == 1_000


def test_what_is_invalid_goes_beside_the_file_and_the_rest_is_imported(shell: Shell) -> None:
    name = shell.write("events.ndjson", ndjson(*events("mixed", 5), INVALID, b"no json", b"", b"\xff"))
    ended = shell.run(name)
    assert ended.code == 1
    assert "5 accepted, 3 invalid" in ended.said
    assert "bad_request 2, event_not_defined 1" in ended.said
    assert "dead letters:" in ended.said
    assert [(letter["line"], letter["problems"][0]["code"]) for letter in shell.letters()] == [
        (6, "event_not_defined"), (7, "bad_request"), (9, "bad_request"),
    ]  # fmt: skip


def test_a_dry_run_reports_by_code_and_sends_nothing(shell: Shell) -> None:
    name = shell.write("events.ndjson", ndjson(*events("dry", 5), INVALID, {**events("dry", 1)[0], "timestamp": None}))
    ended = shell.run(name, "--dry-run")
    assert ended.code == 1
    assert "checked, 6 valid, 1 invalid" in ended.said
    assert "codes: event_not_defined 1" in ended.said
    assert "line 6: event_not_defined: event is required" in ended.said
    assert "warnings: no_timestamp 1" in ended.said
    assert shell.arrived() == {}
    assert sorted(path.name for path in shell.folder.iterdir()) == ["events.ndjson"]
    fine = shell.write("fine.ndjson", ndjson(*events("dry", 2)))
    assert shell.run(fine, "--dry-run").code == 0


def test_several_files_of_every_form_are_imported_in_turn(shell: Shell) -> None:
    rows = [{"uid": f"u{n}", "id": f"parquet-{n}", "price": n / 2} for n in range(20)]
    pq.write_table(pa.Table.from_pylist(rows), shell.folder / "p.parquet")
    shell.write("c.csv", b"uid,id,price\n" + b"".join(b"u%d,csv-%d,%d\n" % (n, n, n) for n in range(20)))
    table = [
        "--map", "uid=userId", "--map", "id=messageId", "--map", "price=properties.price:number", "--type", "page",
    ]  # fmt: skip
    assert shell.run("p.parquet", "c.csv", *table, "--integrations", '{"All": false}').code == 0
    shell.write("a.json", json.dumps(events("array", 20)).encode())
    shell.write("z.ndjson.gz", gzip.compress(ndjson(*events("packed", 20))))
    ended = shell.run("a.json", "z.ndjson.gz", "missing.ndjson", "--write-key", "default")
    assert ended.code == 1
    assert "missing.ndjson" in ended.said
    assert "can't be opened" in ended.said
    assert ended.said.count("20 accepted") == 2
    assert len(shell.arrived()) == 80
    assert {event["type"] for event in shell.arrived().values()} == {"page", "track"}


def test_standard_input_is_imported(shell: Shell) -> None:
    content = ndjson(*events("stdin", 50), INVALID)
    ended = shell.run("-", given=content)
    assert ended.code == 1
    assert "50 accepted, 1 invalid" in ended.said
    assert len(shell.arrived()) == 50
    assert len(list((shell.folder / "state").rglob("*.dead.ndjson"))) == 1
    more = shell.run("-", given=gzip.compress(ndjson(*events("stdin-gz", 50))))
    assert more.code == 0
    assert len(shell.arrived()) == 100


def test_standard_input_that_is_named_twice_is_told(shell: Shell) -> None:
    ended = shell.run("-", "-", given=ndjson(*events("stdin-twice", 5)))
    assert "5 accepted" in ended.said
    assert len(shell.arrived()) == 5


def test_a_name_that_leaves_no_room_for_the_dead_letters_is_imported_all_the_same(shell: Shell) -> None:
    name = shell.write("x" * 240 + ".ndjson", ndjson(*events("long", 5), INVALID))
    ended = shell.run(name)
    assert "5 accepted, 1 invalid" in ended.said
    found = re.search(r"dead letters: (.*)", ended.said)
    assert found
    assert json.loads(Path(found[1]).read_bytes())["line"] == 6


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["bad.csv"], 1, "header"),
        (["good.csv", "--map", "nothing=userId"], 1, "no column nothing"),
        (["good.csv", "--map", "uid"], 2, "COLUMN=FIELD"),
        (["good.csv", "--map", "uid=a:integer"], 1, "type"),
        (["good.csv", "--integrations", "[]"], 2, "JSON object"),
        (["good.csv", "--connection", "other"], 2, "default"),
        (["good.csv", "--rate", "-1"], 2, "rate"),
        (["good.csv", "--rate", "nan"], 2, "rate"),
        (["good.csv", "--rate", "inf"], 2, "rate"),
        (["good.csv", "--limit", "0"], 2, "limit"),
        (["good.csv", "--connections-open", "0"], 2, "connections-open"),
        (["good.csv", "--format", "xml"], 2, "format"),
        (["."], 1, "."),
        ([], 2, "FILE"),
    ],
    ids=range(14),
)
def test_what_can_not_be_meant_says_why_without_a_traceback(
    shell: Shell, arguments: list[str], code: int, said: str
) -> None:
    shell.write("bad.csv", b"a,a\n1,2\n")
    shell.write("good.csv", b"uid\nu\n")
    ended = shell.run(*arguments)
    assert ended.code == code
    assert said in ended.said + ended.errors
    assert shell.arrived() == {}


def test_without_a_write_key_it_names_the_setting(shell: Shell) -> None:
    name = shell.write("events.ndjson", ndjson(*events("keyless", 1)))
    ended = shell.run(name, more={"SEGMENT_WRITE_KEY": ""})
    assert ended.code == 1
    assert "SEGMENT_WRITE_KEY" in ended.said


def test_the_embedded_segment_needs_no_settings(shell: Shell) -> None:
    name = shell.write("events.ndjson", ndjson(*events("embedded", 3)))
    bare = {"SEGMENT_TRACKING_URL": "", "SEGMENT_PUBLIC_API_URL": "", "SEGMENT_WRITE_KEY": ""}
    ended = shell.run(name, "--sandbox", more=bare)
    assert ended.code == 0
    assert "3 accepted" in ended.said


def test_segment_that_refuses_stops_it_and_the_same_command_goes_on(shell: Shell) -> None:
    name = shell.write("events.ndjson", ndjson(*events("stopped", 30)))
    fault(shell, {"operation": "batch", "status": 401})
    ended = shell.run(name)
    assert ended.code == 1
    assert "The import stopped" in ended.said
    assert "401" in ended.said
    httpx2.delete(f"{shell.origin}/_sandbox/faults", headers={"Authorization": f"Bearer {API_TOKEN}"})
    assert shell.run(name).code == 0
    assert len(shell.arrived()) == 30


def fault(shell: Shell, what: dict[str, Any]) -> None:
    answer = httpx2.post(f"{shell.origin}/_sandbox/faults", json=what, headers={"Authorization": f"Bearer {API_TOKEN}"})
    assert answer.status_code < 300, answer.text


def test_killed_at_random_moments_it_ends_with_every_event_once(shell: Shell) -> None:
    records: list[Any] = events("killed", 3_000, properties={"text": "x" * 800})
    records[100:100] = [INVALID] * 40
    records += [b"no json"] * 40
    name = shell.write("events.ndjson", ndjson(*records))
    fault(shell, {"operation": "batch", "share": 0.1, "status": 503})
    kills = 0
    for more in (0.05, 0.3):
        before = shell.totals()[0]
        process = shell.begin(name, "--rate", "1500", "--connections-open", "4")
        with process:
            shell.wait_for(before + 1)
            try:
                process.wait(more)
                break
            except subprocess.TimeoutExpired:
                process.kill()
                kills += 1
    assert kills
    ended = shell.run(name, "--rate", "0")
    assert "finished, 3,000 accepted, 80 invalid" in ended.said, ended
    assert len(shell.arrived()) == 3_000
    assert [letter["line"] for letter in shell.letters()] == [*range(101, 141), *range(3_041, 3_081)]


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize("where", ["file", "pipe"])
def test_ctrl_c_ends_it_at_once_and_the_same_command_goes_on(shell: Shell, where: str) -> None:
    content = ndjson(*events(f"ctrl-c-{where}", 2_000, properties={"text": "x" * 2_000}))
    name = shell.write("events.ndjson", content) if where == "file" else "-"
    process = shell.begin(name, "--rate", "100", stdin=subprocess.PIPE)
    with process:
        assert process.stdin is not None
        if where == "pipe":
            process.stdin.write(content[:2_500_000])
            process.stdin.flush()
        shell.wait_for(1)
        time.sleep(0.5)
        os.kill(process.pid, signal.SIGINT)
        try:
            code = process.wait(5)
        finally:
            process.kill()
        assert process.stderr is not None
        assert b"Traceback" not in process.stderr.read()
    assert code == 130
    assert 0 < len(shell.arrived()) < 2_000
    ended = shell.run(name, "--rate", "0", given=content if where == "pipe" else None)
    assert "finished, 2,000 accepted" in ended.said
    assert len(shell.arrived()) == 2_000


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_ctrl_c_ends_it_while_nothing_comes(shell: Shell) -> None:
    process = shell.begin("-", stdin=subprocess.PIPE)
    with process:
        time.sleep(2)
        os.kill(process.pid, signal.SIGINT)
        try:
            assert process.wait(5) == 130
        finally:
            process.kill()


def test_a_pipe_that_stays_open_holds_nothing_up(shell: Shell) -> None:
    fault(shell, {"operation": "batch", "status": 401})
    process = shell.begin("-", "--rate", "1", "--connections-open", "1", stdin=subprocess.PIPE)
    with process:
        assert process.stdin is not None
        process.stdin.write(ndjson(*events("open-pipe", 3, properties={"text": "x" * 30_000})))
        process.stdin.flush()
        try:
            assert process.wait(10) == 1
        finally:
            process.kill()
        assert process.stdout is not None
        assert b"401" in process.stdout.read()


def test_two_of_the_same_command_do_not_send_twice(shell: Shell) -> None:
    name = shell.write("events.ndjson", ndjson(*events("twice", 1_000)))
    processes = [shell.begin(name, "--rate", "1000") for _ in range(2)]
    said = [process.communicate(timeout=30)[0].decode() for process in processes]
    codes = sorted(process.returncode for process in processes)
    assert codes in ([0, 1], [0, 0])
    assert sum("1,000 accepted" in one for one in said) >= 1
    assert codes == [0, 0] or any("running already" in one for one in said)
    assert shell.totals() == (1_000, 0)


def test_a_bar_is_drawn_on_a_terminal_only(shell: Shell) -> None:
    name = shell.write("events.ndjson", ndjson(*events("bar", 100)))
    pty = pytest.importorskip("pty")
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, "import", name, "--rate", "100"], cwd=shell.folder,
        env={**shell.environment(), "TERM": "xterm", "COLUMNS": "100"}, stdout=subprocess.PIPE, stderr=theirs,
    )  # fmt: skip
    os.close(theirs)
    drawn = b""
    try:
        while piece := os.read(ours, 65_536):
            drawn += piece
    except OSError:  # the other side is closed
        pass
    with process:
        assert process.wait(10) == 0
    os.close(ours)
    assert b"events.ndjson" in drawn
    assert b"accepted" in drawn
    assert b"a second" in drawn
