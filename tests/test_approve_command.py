"""`segment-mcp approve`, as a child process at a pseudo terminal: what a person sees, types, and what then counts."""

import json
import os
import pty
import re
import select
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx2
import pytest

from segment_mcp.consent.ledger import Asked, State, Subject
from segment_mcp.sandbox import API_TOKEN
from segment_mcp.stores.consents import SqliteLedger
from tests.test_sandbox_command import serving
from tests.transports.process import environment
from tests.workbench import QUIET, WEBSITE

CODE = "ABCD-EFGH"
TEXT = (
    "deleteSource: Delete a source.\nIt can't be recovered.\n\nSource:\n  Name: Agent events\n  Labels: environment:dev"
)
DELETE: tuple[str, dict[str, Any]] = ("segment_delete_source", {"sourceId": QUIET})
SECONDS = 30.0


def asked_now(**more: Any) -> Asked:
    subject = Subject("terminal", "default", "deleteSource", "digest-of-arguments")
    expires = more.pop("lives", 600.0) + time.time()
    return replace(Asked(CODE, "terminal", subject, "seen", "Agent events", TEXT, expires), **more)


@dataclass(slots=True)
class Terminal:
    """A person's terminal with a command in it.

    Attributes:
        process: the command.
        seen: all that stood on the screen so far.
    """

    process: subprocess.Popen[bytes]
    _master: int
    seen: str = ""
    _until: float = field(default_factory=lambda: time.monotonic() + SECONDS)

    def read_until(self, words: str) -> str:
        """Wait until something stands there, or the command has ended; all that stood there so far."""
        while words not in self.seen and self._more():
            pass
        assert words in self.seen, self.seen
        return self.seen

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())

    def end(self) -> tuple[int, str]:
        """Wait for the end: the exit code, and all that stood there."""
        while self._more():
            pass
        return self.process.wait(SECONDS), self.seen

    def _more(self) -> bool:
        left = self._until - time.monotonic()
        assert left > 0, self.seen
        if not select.select([self._master], [], [], left)[0]:
            return True
        try:
            read = os.read(self._master, 65_536)
        except OSError:  # how Linux says that nobody has the other end any more
            read = b""
        self.seen += read.decode(errors="replace").replace("\r\n", "\n")
        return read != b""


@contextmanager
def terminal(settings: Mapping[str, str], *words: str, **streams: Any) -> Iterator[Terminal]:
    """A command at a pseudo terminal; streams that are given go elsewhere."""
    master, slave = pty.openpty()
    ends: dict[str, Any] = {"stdin": slave, "stdout": slave, "stderr": slave, **streams}
    process = subprocess.Popen([sys.executable, "-m", "segment_mcp", *words], env=environment(settings), **ends)
    os.close(slave)
    with process:
        try:
            yield Terminal(process, master)
        finally:
            process.kill()
            os.close(master)


@dataclass
class Shell:
    """Where a person, and an agent, type.

    Attributes:
        settings: the environment.
        path: the ledger's file.
    """

    settings: dict[str, str]
    path: Path

    def keep(self, asked: Asked) -> None:
        with closing(SqliteLedger(self.path)) as ledger:
            ledger.add(asked, time.time())

    def state(self, code: str = CODE) -> State | None:
        with closing(SqliteLedger(self.path)) as ledger:
            asked = ledger.get(code)
        return None if asked is None else asked.state

    def approve(self, typed: str | None, code: str = CODE, **settings: str) -> tuple[int, str]:
        """Run the command as a person does: exit code, and all that stood there. None: nothing is typed."""
        with terminal({**self.settings, **settings}, "approve", code) as at:
            if typed is not None:
                at.read_until("\n> ")
                at.type(typed)
            return at.end()

    def refused(self, code: str = CODE, **settings: str) -> str:
        """The line with which it is refused before anything is asked."""
        exit_code, seen = self.approve(None, code, **settings)
        assert exit_code == 1, seen
        (line,) = seen.splitlines()
        assert line.startswith("segment-mcp: ")
        return line

    def call(self, tool: str, arguments: Mapping[str, Any]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "segment_mcp", "call", tool, json.dumps(arguments)],
            env=environment(self.settings), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def called(self, tool: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """What a call in a process of its own comes to."""
        return envelope_of(self.call(tool, arguments))


def envelope_of(process: subprocess.Popen[bytes]) -> dict[str, Any]:
    with process:
        printed, complaints = process.communicate(timeout=SECONDS)
    assert complaints == b""
    envelope: dict[str, Any] = json.loads(printed)
    assert process.returncode == (0 if envelope["successful"] else 1)
    return envelope


def code_in(envelope: Mapping[str, Any]) -> str:
    assert envelope["data"]["code"] == "confirmation_required", envelope
    assert "confirmation" not in envelope["data"]
    words: str = envelope["data"]["approve"]
    assert re.fullmatch(r"segment-mcp approve [0-9A-Z]{4}-[0-9A-Z]{4}", words)
    return words.rsplit(maxsplit=1)[-1]


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    state = tmp_path / "own" / "state"
    return Shell({"SEGMENT_MCP_STATE_DIR": str(state)}, state / "consents.sqlite3")


# What a person does


def test_a_person_sees_the_preview_and_agrees_by_typing_the_name(shell: Shell) -> None:
    shell.keep(asked_now())
    exit_code, seen = shell.approve("Agent events\n")
    assert exit_code == 0
    before, _, after = seen.partition("\n> ")
    for line in ("Connection: default", *TEXT.splitlines(), "To agree, type: Agent events"):
        assert line in before.splitlines()
    assert "once" in after
    assert shell.state() == "agreed"


@pytest.mark.parametrize(
    "typed",
    ["\n", "yes\n", "agent events\n", "Agent  events\n", "deleteSource\n", "\x04", "Agent events\x1b[A\n",
     "\u0410gent events\n", "Agent events\u200b\n"],
    ids=ascii,
)  # fmt: skip
def test_anything_else_declines(shell: Shell, typed: str) -> None:
    shell.keep(asked_now())
    exit_code, seen = shell.approve(typed)
    assert exit_code == 1
    assert "declined" in seen
    assert shell.state() == "declined"


def test_who_leaves_has_not_agreed(shell: Shell) -> None:
    shell.keep(asked_now())
    with terminal(shell.settings, "approve", CODE) as at:
        at.read_until("\n> ")
        at.process.send_signal(signal.SIGINT)
        exit_code, seen = at.end()
    assert exit_code != 0
    assert "Traceback" not in seen
    assert shell.state() in {"asked", "declined"}


@pytest.mark.parametrize("code", ["abcd-efgh", " ABCD-EFGH "])
def test_a_code_may_be_typed_as_people_type(shell: Shell, code: str) -> None:
    shell.keep(asked_now())
    assert shell.approve("Agent events\n", code)[0] == 0


def test_the_settings_may_come_from_a_file(shell: Shell, tmp_path: Path) -> None:
    shell.keep(asked_now())
    config = tmp_path / "config.toml"
    config.write_text(f'mcp_state_dir = "{shell.path.parent}"\n')
    with terminal({}, "approve", CODE, "--config", str(config)) as at:
        at.read_until("\n> ")
        at.type("Agent events\n")
        assert at.end()[0] == 0


def test_of_two_people_who_answer_at_once_one_is_heard(shell: Shell) -> None:
    shell.keep(asked_now())
    with terminal(shell.settings, "approve", CODE) as one, terminal(shell.settings, "approve", CODE) as other:
        for at in (one, other):
            at.read_until("\n> ")
        one.type("no\n")
        assert one.end()[0] == 1
        other.type("Agent events\n")
        exit_code, seen = other.end()
    assert exit_code == 1
    assert "already" in seen
    assert shell.state() == "declined"


# What is no terminal


def elsewhere(*streams: str) -> dict[str, Any]:
    there = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    return {stream: there[stream] for stream in streams}


@pytest.mark.parametrize(
    "streams", [("stdin",), ("stdout",), ("stdin", "stdout")], ids=["piped in", "piped out", "piped in and out"]
)
def test_a_script_can_not_agree(shell: Shell, streams: Sequence[str]) -> None:
    shell.keep(asked_now())
    with terminal(shell.settings, "approve", CODE, **elsewhere(*streams)) as at:
        if at.process.stdin is not None:
            at.process.stdin.write(b"Agent events\n")
            at.process.stdin.close()
        else:
            at.type("Agent events\n")
        printed = b"" if at.process.stdout is None else at.process.stdout.read()
        exit_code, seen = at.end()
    assert exit_code == 1
    assert "needs a person at a terminal" in seen
    assert (TEXT.splitlines()[0] in seen, printed) == (False, b"")
    assert shell.state() == "asked"


@pytest.mark.parametrize("stream", [subprocess.DEVNULL, subprocess.PIPE], ids=["nothing", "a pipe"])
def test_nobody_can_not_agree(shell: Shell, stream: int) -> None:
    shell.keep(asked_now())
    run = subprocess.run(
        [sys.executable, "-m", "segment_mcp", "approve", CODE],
        stdin=stream, capture_output=True, env=environment(shell.settings), check=False, timeout=SECONDS,
    )  # fmt: skip
    assert (run.returncode, run.stdout) == (1, b"")
    assert len(run.stderr.splitlines()) == 1
    assert shell.state() == "asked"


# Codes that are none


@pytest.mark.parametrize("code", ["0000-0000", "", "%", "x" * 2000, "' OR 1=1 --"], ids=ascii)
def test_a_code_that_nobody_gave_is_refused(shell: Shell, code: str) -> None:
    shell.keep(asked_now())
    assert "no such code" in shell.refused(code)
    assert shell.state() == "asked"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"way": "token"}, "no such code"),
        ({"way": "form"}, "no such code"),
        ({"state": "used"}, "answered already"),
        ({"state": "agreed"}, "answered already"),
        ({"state": "declined"}, "answered already"),
        ({"lives": -1.0}, "older than ten minutes"),
        ({"lives": -1.0, "state": "used"}, "answered already"),
    ],
    ids=str,
)
def test_a_code_that_counts_no_more_is_refused(shell: Shell, change: dict[str, Any], why: str) -> None:
    asked = asked_now(**change)
    shell.keep(asked)
    assert why in shell.refused()
    assert shell.state() == asked.state


def test_an_answer_that_comes_too_late_is_told_so(shell: Shell) -> None:
    shell.keep(asked_now())
    with terminal(shell.settings, "approve", CODE) as at:
        at.read_until("\n> ")
        with closing(sqlite3.connect(shell.path, isolation_level=None)) as time_that_passes:
            time_that_passes.execute("UPDATE consents SET expires = expires - 600")
        at.type("Agent events\n")
        exit_code, seen = at.end()
    assert (exit_code, shell.state()) == (1, "asked")
    assert "older than ten minutes" in seen


# Ledgers that are none


def test_where_nothing_waits_nothing_is_made(shell: Shell) -> None:
    assert "nothing waits" in shell.refused()
    assert not shell.path.parent.parent.exists()


@pytest.mark.parametrize("place", ["junk", "a folder", "too long a name", "no folder"])
def test_a_ledger_that_can_not_be_used_is_told_in_one_line(shell: Shell, tmp_path: Path, place: str) -> None:
    more = {}
    if place == "junk":
        shell.path.parent.mkdir(parents=True)
        shell.path.write_bytes(b"not a database, and long enough to be one " * 100)
    elif place == "a folder":
        shell.path.mkdir(parents=True)
    elif place == "too long a name":
        more = {"SEGMENT_MCP_STATE_DIR": str(tmp_path / ("x" * 300))}
    else:
        (tmp_path / "file").write_bytes(b"")
        more = {"SEGMENT_MCP_STATE_DIR": str(tmp_path / "file")}
    shell.refused(**more)


def test_a_wrong_setting_is_named(shell: Shell) -> None:
    exit_code, seen = shell.approve(None, SEGMENT_MCP_CONFIRM="perhaps")
    assert exit_code == 2
    assert seen.startswith("segment-mcp: SEGMENT_MCP_CONFIRM: ")


# From a call to Segment


@pytest.fixture(scope="module")
def origin() -> Iterator[str]:
    with serving() as address:
        yield address


@pytest.fixture
def connected(shell: Shell, origin: str) -> Shell:
    """A shell that is connected to the one sandbox, which remembers."""
    shell.settings |= {"SEGMENT_MCP_SANDBOX": "0", "SEGMENT_PUBLIC_API_URL": origin, "SEGMENT_API_TOKEN": API_TOKEN}
    return shell


@contextmanager
def called_in_segment(origin: str, name: str) -> Iterator[None]:
    """A source has another name for a while."""
    headers = {"Authorization": f"Bearer {API_TOKEN}"}
    with httpx2.Client(base_url=origin, headers=headers, trust_env=False) as segment:
        was = segment.get(f"/sources/{WEBSITE}").json()["data"]["source"]["name"]
        try:
            assert segment.patch(f"/sources/{WEBSITE}", json={"name": name}).is_success
            yield
        finally:
            segment.patch(f"/sources/{WEBSITE}", json={"name": was})


def test_what_a_person_approved_goes_through_once(connected: Shell) -> None:
    code = code_in(connected.called(*DELETE))
    assert code_in(connected.called(*DELETE)) == code
    exit_code, seen = connected.approve("Agent events\n", code)
    assert exit_code == 0
    assert "Connection: default" in seen
    assert "Agent events" in seen.partition("To agree")[0]
    assert "can't be recovered" in seen
    assert connected.called(*DELETE)["successful"]
    assert connected.called(*DELETE)["data"]["code"] == "not_found"


def test_what_a_person_declined_is_told_once_and_nothing_is_sent(connected: Shell) -> None:
    call = ("segment_delete_source", {"sourceId": WEBSITE})
    code = code_in(connected.called(*call))
    assert connected.approve("no\n", code)[0] == 1
    declined = connected.called(*call)
    assert (declined["data"]["code"], declined["data"]["reason"]) == ("confirmation_declined", "declined")
    assert code_in(connected.called(*call)) != code
    listed = connected.called("segment_list_sources", {"name": "website"})
    assert [source["id"] for source in listed["data"]["sources"]] == [WEBSITE]


def test_of_three_processes_with_one_consent_one_goes_through(shell: Shell) -> None:
    """Each has a sandbox of its own, where the source is still there."""
    code = code_in(shell.called(*DELETE))
    assert shell.approve("Agent events\n", code)[0] == 0
    processes = [shell.call(*DELETE) for _ in range(3)]
    codes = sorted(str(envelope_of(process)["data"].get("code")) for process in processes)
    assert codes.count("None") == 1, codes
    assert set(codes) <= {"None", "confirmation_required", "confirmation_declined"}
    assert code_in(shell.called(*DELETE)) != code


EVIL = (
    "Evil\x1b[2J\x1b[1;1H"
    "Evil\x1b]0;title\x07\x1b]52;c;cm0gLXJm\x07"
    "Evil\x9b2J\x90q\x9c"
    "Evil\r\nConnection: harmless\n> "
    "Evil\u202egnihton\u2066\u200b\ufeff"
    "Evil\x00\x08\x08\x08\x7f"
    "Evil"
)


def looks_as_it_should(seen: str) -> None:
    """Nothing drives the terminal, and nothing stands where this program says something."""
    assert [character for character in seen if not character.isprintable() and character != "\n"] == []
    assert [line for line in seen.splitlines() if line.startswith("Connection:")] == ["Connection: default"]
    assert seen.count("\n> ") == 1


def test_a_name_in_segment_can_not_drive_the_terminal(connected: Shell, origin: str) -> None:
    with called_in_segment(origin, EVIL):
        code = code_in(connected.called("segment_delete_source", {"sourceId": WEBSITE}))
        with terminal(connected.settings, "approve", code) as at:
            seen = at.read_until("\n> ")
            phrase = seen.partition("To agree, type: ")[2].partition("\n")[0]
            at.type(f"{phrase}\n")
            exit_code, seen = at.end()
    assert (phrase.startswith("Evil"), phrase.count("Evil"), phrase.endswith("Evil")) == (True, 7, True)
    looks_as_it_should(seen)
    assert exit_code == 0, "it can be typed as it is shown"


def test_an_argument_can_not_drive_the_terminal(connected: Shell) -> None:
    rules = [{"type": "TRACK", "key": EVIL, "version": 1, "jsonSchema": {EVIL: {EVIL: EVIL}}}]
    arguments = {"trackingPlanId": "tp_plndQ9upUles0BZknTNGVvg9BJj", "rules": rules}
    envelope = connected.called(
        "segment_api_destroy", {"operation": "replaceRulesInTrackingPlan", "arguments": arguments}
    )
    exit_code, seen = connected.approve("no\n", code_in(envelope))
    assert exit_code == 1
    assert "Evil" in seen
    looks_as_it_should(seen)


def test_a_terminal_that_has_not_every_letter_shows_the_rest(shell: Shell) -> None:
    shell.keep(asked_now(text=f"{TEXT}\n  Description: Gr\u00fc\u00dfe \U0001f9e8 \u2026"))
    exit_code, seen = shell.approve("Agent events\n", PYTHONIOENCODING="ascii")
    assert "Traceback" not in seen
    assert (exit_code, shell.state()) == (0, "agreed")
