"""`segment-mcp outbox`, typed as a person types it, against the sandbox on a port of this machine."""

import json
import logging
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest
from click.testing import CliRunner, Result

from segment_mcp.commands import cli
from segment_mcp.events.outbox import Held, Refusal
from segment_mcp.sandbox import API_TOKEN, WRITE_KEYS
from segment_mcp.stores.outbox import SqliteOutbox
from tests.test_sandbox_command import serving
from tests.transports.process import environment

KEY, OTHER_KEY = WRITE_KEYS["http"], next(iter(WRITE_KEYS.values()))
NO = Refusal("unauthorized", 401, "localhost answered 401.")
COMMANDS: list[list[str]] = [
    ["status"],
    ["list"],
    ["list", "--dead"],
    ["flush"],
    ["retry"],
    ["retry", "1"],
    ["drop", "--yes"],
    ["drop", "--yes", "--dead", "1"],
]


@pytest.fixture(scope="module")
def origin() -> Iterator[str]:
    with serving() as address:
        yield address


@pytest.fixture
def segment(origin: str) -> Iterator[httpx2.Client]:
    """The sandbox, as nobody has used it yet: no faults, no events."""
    with httpx2.Client(base_url=origin, trust_env=False) as client:
        client.delete("/_sandbox/events")
        client.delete("/_sandbox/faults")
        yield client
        client.delete("/_sandbox/faults")


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@dataclass
class Shell:
    """Where a person types.

    Attributes:
        state: the state folder.
        settings: the environment.
        tag: of this test's messageIds: the sandbox drops what it had before.
    """

    state: Path
    settings: dict[str, str]
    tag: str = field(default_factory=lambda: uuid.uuid4().hex)

    def type(self, *words: str, answer: str | None = None, **settings: str) -> Result:
        typed = CliRunner(env={name: None for name in os.environ if name.startswith("SEGMENT_")})
        ended = typed.invoke(cli, ["outbox", *words], input=answer, env={**self.settings, **settings})
        assert ended.exception is None or isinstance(ended.exception, SystemExit), ended.exc_info
        assert KEY not in ended.output
        assert OTHER_KEY not in ended.output
        return ended

    def said(self, *words: str, code: int = 0, **settings: str) -> Any:
        """The JSON that a command printed."""
        ended = self.type(*words, **settings)
        assert ended.exit_code == code, ended.output
        return json.loads(ended.stdout)

    def start(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "segment_mcp", *words],
            env=environment(self.settings), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def store(self) -> SqliteOutbox:
        return SqliteOutbox(self.state / "outbox.sqlite3")

    def message_id(self, name: str) -> str:
        return f"{name}~{self.tag}"

    def keep(self, names: Sequence[str], *, key: str = KEY, route: str | None = None) -> None:
        paid = {"type": "track", "userId": "u1", "event": "Paid", "timestamp": "2026-03-14T09:26:53.000Z"}
        events = [Held(each, json.dumps({**paid, "messageId": each}).encode()) for each in map(self.message_id, names)]
        with closing(self.store()) as store:
            store.put(route or self.settings["SEGMENT_TRACKING_URL"], key, events, "unavailable: Down.", time.time())

    def bury(self, *names: str) -> None:
        self.keep(names)
        with closing(self.store()) as store:
            lease = store.claim([self.settings["SEGMENT_TRACKING_URL"]], "me", time.time(), time.time() + 60)
            assert lease is not None
            store.bury(lease.events, NO, time.time())
            store.release(lease, None, None)


@pytest.fixture
def shell(origin: str, tmp_path: Path) -> Shell:
    state = tmp_path / "own" / "state"
    return Shell(
        state,
        {
            "SEGMENT_MCP_SANDBOX": "0",
            "SEGMENT_MCP_STATE_DIR": str(state),
            "SEGMENT_MCP_CALL_SECONDS": "1",
            "SEGMENT_PUBLIC_API_URL": origin,
            "SEGMENT_TRACKING_URL": origin,
            "SEGMENT_API_TOKEN": API_TOKEN,
            "SEGMENT_WRITE_KEY": KEY,
        },
    )


def arrived(segment: httpx2.Client) -> list[dict[str, Any]]:
    answer: dict[str, Any] = segment.get("/_sandbox/events?count=1000").json()
    events: list[dict[str, Any]] = answer["events"]
    return events


def names(events: Sequence[dict[str, Any]]) -> list[str]:
    """The messageIds without their tags."""
    return [event["messageId"].partition("~")[0] for event in events]


# From a call to Segment


def test_an_event_is_deferred_counted_listed_and_delivered(shell: Shell, segment: httpx2.Client) -> None:
    segment.post("/_sandbox/faults", json={"status": 503})
    arguments = json.dumps({"userId": "u1", "event": "Paid", "messageId": shell.message_id("m1")})
    called = CliRunner().invoke(cli, ["call", "segment_track", arguments], env=shell.settings)
    assert called.exit_code == 0, called.output
    deferred = json.loads(called.stdout)["data"]
    assert (deferred["status"], deferred["messageId"]) == ("deferred", shell.message_id("m1"))

    status = shell.said("status")
    assert (status["pending"], status["deadLetters"]) == (1, 0)
    assert status["lastFailure"].startswith("unavailable: ")
    (event,) = shell.said("list")
    assert names([event]) == ["m1"]
    assert (event["type"], event["event"], event["writeKey"]) == ("track", "Paid", f"****{KEY[-4:]}")
    assert shell.said("flush", code=1)["pending"] == 1
    assert arrived(segment) == []

    segment.delete("/_sandbox/faults")
    assert shell.said("flush")["pending"] == 0
    assert shell.said("list") == []
    (event,) = arrived(segment)
    assert (event["messageId"], event["repeats"]) == (shell.message_id("m1"), 0)
    assert event["timestamp"][:16] == status["oldest"][:16]


def test_what_happened_when_is_told_to_segment_as_it_was(shell: Shell, segment: httpx2.Client) -> None:
    shell.keep(["m1", "m2"])
    shell.said("flush")
    assert names(arrived(segment)) == ["m1", "m2"]
    assert {event["timestamp"][:19] for event in arrived(segment)} == {"2026-03-14T09:26:53"}


def test_processes_that_flush_at_once_send_nothing_twice(shell: Shell, segment: httpx2.Client) -> None:
    for number, key in enumerate((KEY, OTHER_KEY)):
        shell.keep([f"k{number} {index:03}" for index in range(150)], key=key)
    flushing = [shell.start("outbox", "flush") for _ in range(2)]
    for process in flushing:
        with process:
            _, complaints = process.communicate(timeout=30)
            assert complaints == ""
            assert process.returncode in {0, 1}
    events = arrived(segment)
    assert sorted(names(events)) == [f"k{number} {index:03}" for number in range(2) for index in range(150)]
    assert {event["repeats"] for event in events} == {0}
    assert shell.said("status") == {"pending": 0, "deadLetters": 0}


def test_an_interrupted_flush_leaves_the_events_to_the_next(shell: Shell, segment: httpx2.Client) -> None:
    shell.keep(["m1"])
    shell.settings["SEGMENT_MCP_CALL_SECONDS"] = "20"
    segment.post("/_sandbox/faults", json={"operation": "batch", "delaySeconds": 20, "status": 503})
    with shell.start("outbox", "flush") as flushing:
        while not segment.get("/_sandbox/faults").json()["data"]["faults"][0]["used"]:
            assert flushing.poll() is None
            time.sleep(0.02)
        flushing.send_signal(signal.SIGINT)
        printed, complaints = flushing.communicate(timeout=10)
    assert (flushing.returncode, printed, complaints) == (130, "", "")
    segment.delete("/_sandbox/faults")
    assert shell.said("flush")["pending"] == 0
    assert names(arrived(segment)) == ["m1"]


def test_what_can_not_be_delivered_from_here_is_told_by_its_way(shell: Shell, segment: httpx2.Client) -> None:
    shell.keep(["m1"], route="https://events.eu1.segmentapis.com")
    left = shell.said("flush", code=1)
    assert left["pending"] == 1
    assert "https://events.eu1.segmentapis.com" in json.dumps(left)
    assert arrived(segment) == []


def test_a_flush_sends_nothing_where_only_reading_is_allowed(shell: Shell, segment: httpx2.Client) -> None:
    shell.keep(["m1"])
    ended = shell.type("flush", SEGMENT_MCP_MODE="read")
    assert arrived(segment) == []
    assert ended.exit_code == 2
    assert "SEGMENT_MCP_MODE" in ended.stderr


# Dead letters


def test_a_dead_letter_is_listed_with_its_reason_put_back_and_delivered(shell: Shell, segment: httpx2.Client) -> None:
    shell.keep(["m1", "m2"])
    segment.post("/_sandbox/faults", json={"status": 401})
    left = shell.said("flush")
    assert (left["pending"], left["deadLetters"]) == (0, 2)
    first, second = shell.said("list", "--dead")
    assert (*names([first]), first["code"], first["status"]) == ("m1", "unauthorized", 401)
    assert "401" in first["reason"]
    assert first["buriedAt"] >= first["keptAt"]
    segment.delete("/_sandbox/faults")
    assert shell.said("retry", str(second["id"])) == 1
    assert names(shell.said("list")) == ["m2"]
    assert shell.said("retry") == 1
    assert shell.said("flush") == {"pending": 0, "deadLetters": 0}
    assert sorted(names(arrived(segment))) == ["m1", "m2"]


def test_ids_that_are_none_do_nothing(shell: Shell) -> None:
    shell.bury("d1")
    shell.keep(["m1"])
    assert shell.said("retry", "999", str(2**80)) == 0
    assert shell.said("drop", "--yes", "999", str(2**80)) == 0
    assert shell.said("drop", "--yes", "--dead", "999") == 0
    assert shell.type("retry", "m1").exit_code == 2
    assert (names(shell.said("list")), names(shell.said("list", "--dead"))) == (["m1"], ["d1"])


# Dropping


@pytest.mark.parametrize("answer", ["n\n", "\n", "", "what\n"], ids=["no", "enter", "nobody there", "gibberish"])
def test_nothing_is_dropped_without_a_yes(shell: Shell, answer: str) -> None:
    shell.keep(["m1"])
    ended = shell.type("drop", answer=answer)
    assert ended.exit_code == 1
    assert "Delete all events that wait for delivery for good?" in ended.output
    assert names(shell.said("list")) == ["m1"]


def test_what_is_dropped_is_asked_for_first(shell: Shell, segment: httpx2.Client) -> None:
    shell.bury("d1", "d2")
    shell.keep(["m1", "m2", "m3"])
    second = shell.said("list")[1]["id"]
    ended = shell.type("drop", str(second), answer="y\n")
    assert ended.exit_code == 0
    assert "Delete 1 events" in ended.output or "Delete 1 event " in ended.output
    assert names(shell.said("list")) == ["m1", "m3"]
    ended = shell.type("drop", "--dead", answer="y\n")
    assert "Delete all dead letters for good?" in ended.output
    assert (names(shell.said("list")), shell.said("list", "--dead")) == (["m1", "m3"], [])
    assert shell.said("drop", "--yes") == 2
    assert shell.said("flush") == {"pending": 0, "deadLetters": 0}
    assert arrived(segment) == []


# Listing


def test_a_listing_has_a_limit(shell: Shell) -> None:
    shell.keep([f"m{number}" for number in range(120)])
    assert len(shell.said("list")) == 100
    assert names(shell.said("list", "--limit", "2")) == ["m0", "m1"]
    assert shell.type("list", "--limit", "0").exit_code == 2
    assert shell.type("list", "--limit", "999999999999999999999").exit_code in {0, 2}


def test_a_listing_can_not_drive_a_terminal(shell: Shell) -> None:
    shell.keep(["m1\x1b[2J\x9b2J\u202e\x07"])
    printed = shell.type("list").stdout
    assert [character for character in printed if not character.isprintable() and character != "\n"] == []


# Where nothing is, and where it can't be used


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_no_command_makes_an_outbox(shell: Shell, words: list[str]) -> None:
    nothing = {"status": {"pending": 0, "deadLetters": 0}, "flush": {"pending": 0, "deadLetters": 0}, "list": []}
    assert shell.said(*words) == nothing.get(words[0], 0)
    assert not shell.state.parent.exists()


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_an_outbox_that_can_not_be_used_is_told_in_one_line(shell: Shell, words: list[str]) -> None:
    shell.state.mkdir(parents=True)
    (shell.state / "outbox.sqlite3").write_bytes(b"not a database, and long enough to be one " * 100)
    ended = shell.type(*words)
    assert ended.exit_code == 1
    (line,) = ended.stderr.splitlines()
    assert line.startswith("segment-mcp: ")
    assert "outbox.sqlite3: file is not a database" in line


@pytest.mark.parametrize("words", [["status"], ["list"], ["flush"]], ids=" ".join)
def test_a_folder_that_can_not_be_looked_into_is_told_in_one_line(
    shell: Shell, tmp_path: Path, words: list[str]
) -> None:
    ended = shell.type(*words, SEGMENT_MCP_STATE_DIR=str(tmp_path / ("x" * 300)))
    assert ended.exit_code == 1
    assert len(ended.stderr.splitlines()) == 1


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_wrong_setting_is_named(shell: Shell, words: list[str]) -> None:
    ended = shell.type(*words, SEGMENT_MCP_OUTBOX="redis://:hunter22@localhost")
    assert ended.exit_code == 2
    assert ended.stderr.startswith("segment-mcp: SEGMENT_MCP_OUTBOX: must be")
    assert "hunter22" not in ended.output


def test_the_settings_may_come_from_a_file(shell: Shell, tmp_path: Path) -> None:
    shell.keep(["m1"])
    config = tmp_path / "config.toml"
    config.write_text(f'mcp_state_dir = "{shell.state}"\nwrite_key = "{KEY}"\n')
    typed = CliRunner().invoke(cli, ["outbox", "list", "--config", str(config)])
    assert names(json.loads(typed.stdout)) == ["m1"]


def test_help_says_what_each_command_does(shell: Shell) -> None:
    ended = shell.type("--help")
    assert ended.exit_code == 0
    for command in ("status", "list", "flush", "retry", "drop"):
        assert f"  {command} " in ended.stdout
