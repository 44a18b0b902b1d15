"""The journal of imports: checkpoints that last, and the right to run one, which ends with its process."""

import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from stat import S_IMODE
from typing import Any

import pytest

from segment_mcp.errors import StoreError
from segment_mcp.stores.imports import SqliteJournal
from tests.stores.processes import process

IMPORT, OTHER = "0123456789abcdef", "fedcba9876543210"
CHECKPOINT: dict[str, Any] = {
    "state": "running",
    "reason": None,
    "file": "Gr\u00fc\u00dfe \ud800.ndjson",
    "head": ["ab" * 16, 4096],
    "lanes": [1, 2, 3],
    "tally": {"read": 2**60, "codes": {"event_not_defined": 1}},
}
NO_IDS = ["", "../escaped", "/escaped", "a/b", "A" * 16, "0" * 65, "0123\n", "0123.", "%2e%2e", "\u0661"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state" / "imports"


@pytest.fixture
def journal(folder: Path) -> Iterator[SqliteJournal]:
    with closing(SqliteJournal(folder)) as opened:
        yield opened


@pytest.fixture
def another(folder: Path) -> Iterator[SqliteJournal]:
    with closing(SqliteJournal(folder)) as opened:
        yield opened


# Checkpoints


def test_a_checkpoint_comes_back_as_it_was_saved(journal: SqliteJournal, another: SqliteJournal) -> None:
    assert journal.load(IMPORT) is None
    journal.save(IMPORT, CHECKPOINT)
    journal.save(OTHER, {"state": "finished"})
    assert journal.load(IMPORT) == another.load(IMPORT) == CHECKPOINT
    another.save(IMPORT, {**CHECKPOINT, "state": "finished"})
    assert journal.load(IMPORT) == {**CHECKPOINT, "state": "finished"}
    assert journal.load(OTHER) == {"state": "finished"}


def test_a_checkpoint_outlives_a_process_that_is_killed(folder: Path, journal: SqliteJournal) -> None:
    script = """
SqliteJournal(path).save("0123456789abcdef", {"n": 1})
say("saved")
os.kill(os.getpid(), signal.SIGKILL)
"""
    with process(script, folder) as killed:
        assert killed.line() == "saved"
        assert killed.process.wait(10) == -signal.SIGKILL
    assert journal.load(IMPORT) == {"n": 1}


def test_the_newest_imports_come_first_and_no_more_than_asked_for(
    journal: SqliteJournal, another: SqliteJournal
) -> None:
    for number in range(5):
        journal.save(f"{number:016x}", {"n": number})
    another.save(f"{1:016x}", {"n": "saved again"})
    assert [checkpoint["n"] for _, checkpoint in journal.latest(10)] == [4, 3, 2, "saved again", 0]
    assert journal.latest(2) == [(f"{4:016x}", {"n": 4}), (f"{3:016x}", {"n": 3})]


def test_looking_for_imports_makes_no_file(folder: Path, journal: SqliteJournal) -> None:
    assert journal.latest(10) == []
    assert not folder.exists()


class Slow(dict[str, Any]):
    """A checkpoint that takes its time to be written."""

    def items(self) -> Any:
        time.sleep(0.05)
        return super().items()


def test_imports_that_run_beside_each_other_save_beside_each_other(journal: SqliteJournal) -> None:
    """A server has one journal, and each of its imports saves from a thread of its own."""

    def run(name: str) -> None:
        for number in range(3):
            journal.save(name, Slow(n=number))
            assert journal.load(name) == {"n": number}

    journal.save(IMPORT, CHECKPOINT)
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(run, ("a1", "b2", "c3", "d4")))


def test_a_closed_journal_opens_again(journal: SqliteJournal) -> None:
    journal.save(IMPORT, CHECKPOINT)
    journal.close()
    journal.close()
    assert journal.load(IMPORT) == CHECKPOINT


def test_only_the_owner_may_read_what_is_there(folder: Path, journal: SqliteJournal) -> None:
    before = os.umask(0)
    try:
        journal.save(IMPORT, CHECKPOINT)
        with journal.hold(IMPORT) as held:
            assert held
            modes = {file.name: S_IMODE(file.stat().st_mode) for file in folder.iterdir()}
    finally:
        os.umask(before)
    assert S_IMODE(folder.stat().st_mode) == 0o700
    assert set(modes.values()) == {0o600}, modes


def test_nothing_is_made_before_it_is_needed(folder: Path) -> None:
    SqliteJournal(folder).close()
    assert not folder.parent.exists()


# The right to run


def test_an_import_is_held_once_in_this_process(journal: SqliteJournal, another: SqliteJournal) -> None:
    with journal.hold(IMPORT) as first, journal.hold(IMPORT) as second, another.hold(IMPORT) as third:
        assert (first, second, third) == (True, False, False)
        with another.hold(OTHER) as other:
            assert other
        with another.hold(IMPORT) as again:
            assert not again, "who was refused has freed nothing"
    with another.hold(IMPORT) as free:
        assert free


def test_an_import_that_fails_is_free_again(journal: SqliteJournal) -> None:
    with pytest.raises(ZeroDivisionError), journal.hold(IMPORT):
        _ = 1 / 0
    with journal.hold(IMPORT) as free:
        assert free


def test_an_import_is_held_once_among_processes_and_until_its_end(folder: Path, journal: SqliteJournal) -> None:
    script = """
with SqliteJournal(path).hold("0123456789abcdef") as held:
    say(held)
    input()
say("over")
time.sleep(30)
"""
    with process(script, folder) as killed:
        assert killed.line() == "True"
        with journal.hold(IMPORT) as held:
            assert not held
        killed.process.send_signal(signal.SIGKILL)
        killed.process.wait(10)
        with journal.hold(IMPORT) as held:
            assert held


def test_saving_takes_nothing_from_who_holds(folder: Path, journal: SqliteJournal) -> None:
    script = """
while True:
    input()
    journal = SqliteJournal(path)
    with journal.hold("0123456789abcdef") as held:
        say(held, journal.load("0123456789abcdef"))
    journal.close()
"""
    with process(script, folder) as other, journal.hold(IMPORT) as held:
        assert held
        for number in range(2):
            journal.save(IMPORT, {"n": number})
            with journal.hold(OTHER), journal.hold(IMPORT) as again:
                assert not again
            other.go()
            assert other.line() == f"False {{'n': {number}}}"


@pytest.mark.parametrize("name", NO_IDS, ids=repr)
def test_what_is_no_id_is_no_file(folder: Path, journal: SqliteJournal, name: str) -> None:
    with journal.hold(name) as held:
        assert not held
    assert journal.load(name) is None
    outside = [file for file in folder.parent.parent.rglob("*") if file.is_file() and file.parent != folder]
    assert outside == []
    assert not Path("/escaped.lock").exists()


# Where it can't be used


def a_file_in_the_folders_place(folder: Path) -> None:
    folder.parent.mkdir()
    folder.write_bytes(b"")


def no_database(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "imports.sqlite3").write_bytes(b"not a database, and long enough to be one " * 100)


@pytest.mark.parametrize("spoil", [a_file_in_the_folders_place, no_database])
def test_a_journal_that_can_not_be_used_is_told_in_every_use(
    folder: Path, journal: SqliteJournal, spoil: Callable[[Path], None]
) -> None:
    spoil(folder)
    with pytest.raises(StoreError, match="imports"):
        journal.load(IMPORT)
    with pytest.raises(StoreError, match="imports"):
        journal.save(IMPORT, CHECKPOINT)
    with pytest.raises(StoreError, match="imports"), journal.hold(IMPORT):
        pass


def test_imports_that_can_not_be_read_are_told(folder: Path, journal: SqliteJournal) -> None:
    no_database(folder)
    with pytest.raises(StoreError, match="imports"):
        journal.latest(10)


def test_a_journal_that_was_taken_away_is_told_at_most_once(folder: Path, journal: SqliteJournal) -> None:
    journal.save(IMPORT, {"n": 1})
    shutil.rmtree(folder)
    with suppress(StoreError):
        journal.save(IMPORT, {"n": 2})
    journal.save(IMPORT, {"n": 3})
    with closing(SqliteJournal(folder)) as next_one:
        assert next_one.load(IMPORT) == {"n": 3}


@pytest.mark.parametrize("content", [None, b"not a database, and long enough to be one " * 100], ids=["folder", "junk"])
def test_a_lock_that_can_not_be_taken_is_told_and_not_taken_for_an_others(
    folder: Path, journal: SqliteJournal, content: bytes | None
) -> None:
    journal.save(IMPORT, CHECKPOINT)
    lock = folder / f"{IMPORT}.lock"
    if content is None:
        lock.mkdir()
    else:
        lock.write_bytes(content)
    with pytest.raises(StoreError, match=r"\.lock"), journal.hold(IMPORT):
        pass
