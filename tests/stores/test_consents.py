"""The ledger of consents: each counts once among all processes, and a failure wherever that can't be kept."""

import os
import shutil
import signal
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from dataclasses import replace
from pathlib import Path
from stat import S_IMODE
from typing import get_args

import pytest

from segment_mcp.consent.ledger import Asked, State, Subject, Way
from segment_mcp.errors import StoreError
from segment_mcp.stores.consents import FORGOTTEN_AFTER, SqliteLedger
from tests.stores.processes import elsewhere, process

SUBJECT = Subject("agent", "default", "deleteSource", "0123")
ASKED = Asked(
    "ABCD-EFGH", "terminal", SUBJECT, "seen", "Agent events", "deleteSource: \u2026\n  Name: Gr\u00fc\u00dfe", 1_600.0
)
BEGAN, ENDS = 1_000.0, 1_600.0
STATES: tuple[State, ...] = get_args(State)
CANDIDATES: list[tuple[dict[str, object], float, bool]] = [
    ({}, BEGAN, True),
    ({"state": "agreed"}, BEGAN, True),
    ({"state": "declined"}, BEGAN, True),
    ({"state": "used"}, BEGAN, False),
    ({}, ENDS - 0.001, True),
    ({}, ENDS, False),
    ({}, ENDS + 1, False),
    ({"way": "token"}, BEGAN, False),
    ({"subject": replace(SUBJECT, caller="somebody")}, BEGAN, False),
    ({"subject": replace(SUBJECT, connection="staging")}, BEGAN, False),
    ({"subject": replace(SUBJECT, operation="deleteSources")}, BEGAN, False),
    ({"subject": replace(SUBJECT, arguments="0124")}, BEGAN, False),
    ({"subject": Subject("AGENT", "DEFAULT", "DELETESOURCE", "0123")}, BEGAN, False),
]
PRELUDE = """
from segment_mcp.consent.ledger import Asked, Subject
from segment_mcp.stores.consents import SqliteLedger
ledger = SqliteLedger(path)
def asked(code):
    return Asked(code, "terminal", Subject("agent", "default", "deleteSource", "0123"), "seen", "x", "x" * 50, 1600.0)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "consents.sqlite3"


@pytest.fixture
def ledger(path: Path) -> Iterator[SqliteLedger]:
    with closing(SqliteLedger(path)) as opened:
        yield opened


@pytest.fixture
def another(path: Path) -> Iterator[SqliteLedger]:
    with closing(SqliteLedger(path)) as opened:
        yield opened


# What is kept


@pytest.mark.parametrize("way", get_args(Way))
@pytest.mark.parametrize("state", STATES)
def test_a_question_comes_back_as_it_was(ledger: SqliteLedger, another: SqliteLedger, way: Way, state: State) -> None:
    asked = replace(ASKED, way=way, state=state)
    assert ledger.get(asked.code) is None
    ledger.add(asked, BEGAN)
    assert ledger.get(asked.code) == another.get(asked.code) == asked


def test_a_code_names_one_question(ledger: SqliteLedger) -> None:
    ledger.add(ASKED, BEGAN)
    with pytest.raises(StoreError):
        ledger.add(replace(ASKED, subject=replace(SUBJECT, operation="deleteLabel")), BEGAN)
    assert ledger.get(ASKED.code) == ASKED


@pytest.mark.parametrize("code", ["", "abcd-efgh", "ABCD-EFG", "ABCD-EFGH ", "%", "\x00", "\U0001f9e8", "' OR 1=1 --"])
def test_no_other_code_finds_it(ledger: SqliteLedger, code: str) -> None:
    ledger.add(ASKED, BEGAN)
    assert ledger.get(code) is None
    assert not ledger.settle(code, "asked", "used", BEGAN)


@pytest.mark.parametrize(("change", "now", "found"), CANDIDATES)
def test_only_what_lives_and_fits_is_found(
    ledger: SqliteLedger, change: dict[str, object], now: float, *, found: bool
) -> None:
    asked = replace(ASKED, **change)  # type: ignore[arg-type]
    ledger.add(asked, BEGAN)
    assert ledger.newest(SUBJECT, "terminal", now) == (asked if found else None)


def test_the_newest_question_is_found_first(ledger: SqliteLedger) -> None:
    for code, expires in (("first", 1_600.0), ("last", 1_601.0), ("between", 1_600.5)):
        ledger.add(replace(ASKED, code=code, expires=expires), BEGAN)
    ledger.add(replace(ASKED, code="same moment", expires=1_601.0), BEGAN)
    for code in ("same moment", "last", "between", "first"):
        newest = ledger.newest(SUBJECT, "terminal", BEGAN)
        assert newest is not None
        assert newest.code == code
        assert ledger.settle(code, "asked", "used", BEGAN)
    assert ledger.newest(SUBJECT, "terminal", BEGAN) is None


# What becomes of it


@pytest.mark.parametrize("is_", STATES)
@pytest.mark.parametrize("before", STATES)
@pytest.mark.parametrize("after", STATES)
def test_a_question_goes_on_from_the_state_that_it_is_in(
    ledger: SqliteLedger, is_: State, before: State, after: State
) -> None:
    ledger.add(replace(ASKED, state=is_), BEGAN)
    assert ledger.settle(ASKED.code, before, after, BEGAN) is (is_ == before)
    found = ledger.get(ASKED.code)
    assert found is not None
    assert found.state == (after if is_ == before else is_)


@pytest.mark.parametrize(("now", "settled"), [(ENDS - 0.001, True), (ENDS, False), (ENDS + 1, False)])
def test_a_question_that_is_over_stays_as_it_is(ledger: SqliteLedger, now: float, *, settled: bool) -> None:
    ledger.add(ASKED, BEGAN)
    assert ledger.settle(ASKED.code, "asked", "agreed", now) is settled
    assert ledger.get(ASKED.code) == replace(ASKED, state="agreed" if settled else "asked")


def test_one_of_many_threads_settles_it(ledger: SqliteLedger, another: SqliteLedger) -> None:
    for number in range(20):
        code = f"code {number}"
        ledger.add(replace(ASKED, code=code), BEGAN)
        with ThreadPoolExecutor(8) as threads:
            outcomes = list(
                threads.map(lambda way, code=code: way.settle(code, "asked", "used", BEGAN), [ledger, another] * 4)
            )
        assert outcomes.count(True) == 1


def test_one_of_many_processes_settles_it(path: Path, ledger: SqliteLedger) -> None:
    script = """
for line in sys.stdin:
    say(*(code for code in line.split() if ledger.settle(code, "asked", "used", 1000.0)))
"""
    codes = [f"code{number}" for number in range(60)]
    for code in codes:
        ledger.add(replace(ASKED, code=code), BEGAN)
    with ExitStack() as stack:
        others = [stack.enter_context(process(PRELUDE + script, path)) for _ in range(3)]
        for other in others:
            assert other.process.stdin is not None
            other.process.stdin.write(" ".join(codes) + "\n")
        for other in others:
            assert other.process.stdin is not None
            other.process.stdin.flush()
        settled = [code for other in others for code in other.line().split()]
    assert sorted(settled) == sorted(codes)


def test_what_one_process_agreed_to_is_used_by_another(path: Path, ledger: SqliteLedger) -> None:
    ledger.add(ASKED, BEGAN)
    assert elsewhere(PRELUDE + 'say(ledger.settle("ABCD-EFGH", "asked", "agreed", 1000.0))', path) == ["True"]
    assert ledger.newest(SUBJECT, "terminal", BEGAN) == replace(ASKED, state="agreed")
    assert ledger.settle(ASKED.code, "agreed", "used", BEGAN)
    assert elsewhere(PRELUDE + 'say(ledger.settle("ABCD-EFGH", "agreed", "used", 1000.0))', path) == ["False"]


def test_what_was_used_stays_so_although_the_process_is_killed(path: Path, ledger: SqliteLedger) -> None:
    ledger.add(ASKED, BEGAN)
    script = """
say(ledger.settle("ABCD-EFGH", "asked", "used", 1000.0))
os.kill(os.getpid(), signal.SIGKILL)
"""
    with process(PRELUDE + script, path) as killed:
        assert killed.line() == "True"
        assert killed.process.wait(10) == -signal.SIGKILL
    assert not ledger.settle(ASKED.code, "asked", "used", BEGAN)
    assert ledger.get(ASKED.code) == replace(ASKED, state="used")


# How long


def test_what_is_long_past_is_forgotten_and_nothing_else(ledger: SqliteLedger) -> None:
    for code, expires in (("past", 1_600.0), ("later", 1_700.0)):
        ledger.add(replace(ASKED, code=code, expires=expires, state="used"), BEGAN)
    ledger.add(replace(ASKED, code="x", expires=10**6), 1_600.0 + FORGOTTEN_AFTER)
    assert ledger.get("past") is not None
    ledger.add(replace(ASKED, code="y", expires=10**6), 1_600.1 + FORGOTTEN_AFTER)
    assert [ledger.get(code) is not None for code in ("past", "later", "x", "y")] == [False, True, True, True]


def test_what_was_forgotten_is_on_the_disk_no_more(path: Path) -> None:
    with closing(SqliteLedger(path)) as ledger:
        ledger.add(replace(ASKED, text="whose-data-it-was"), BEGAN)
        ledger.add(replace(ASKED, code="x", expires=10**6), 10**5)
    kept = b"".join(file.read_bytes() for file in path.parent.iterdir())
    assert b"whose-data-it-was" not in kept


# The file


def test_nothing_is_made_before_it_is_needed(path: Path) -> None:
    SqliteLedger(path).close()
    assert not path.parent.exists()


def test_a_closed_ledger_opens_again(ledger: SqliteLedger) -> None:
    ledger.add(ASKED, BEGAN)
    ledger.close()
    ledger.close()
    assert ledger.get(ASKED.code) == ASKED


def test_only_the_owner_may_read_it(path: Path, ledger: SqliteLedger) -> None:
    before = os.umask(0)
    try:
        ledger.add(ASKED, BEGAN)
        modes = {file.name: S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    finally:
        os.umask(before)
    assert S_IMODE(path.parent.stat().st_mode) == 0o700
    assert set(modes.values()) == {0o600}, modes


def a_folder_in_its_place(path: Path) -> Path:
    path.mkdir(parents=True)
    return path


def a_file_in_its_folders_place(path: Path) -> Path:
    path.parent.write_bytes(b"")
    return path


def no_database(path: Path) -> Path:
    path.parent.mkdir()
    path.write_bytes(b"not a database, and long enough to be one " * 100)
    return path


def a_database_of_something_else(path: Path) -> Path:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as theirs:
        theirs.execute("CREATE TABLE photos (id INTEGER)")
        theirs.commit()
    return path


def of_another_version(path: Path) -> Path:
    with closing(SqliteLedger(path)) as ledger:
        ledger.add(ASKED, BEGAN)
    with closing(sqlite3.connect(path)) as newer:
        newer.execute("PRAGMA user_version=7")
    return path


PLACES: dict[str, Callable[[Path], Path]] = {
    "folder": a_folder_in_its_place,
    "folder is a file": a_file_in_its_folders_place,
    "folder that can't be made": lambda _: Path("/proc/none/consents.sqlite3"),
    "too long a name": lambda path: path.parent / ("x" * 300),
    "no database": no_database,
    "of something else": a_database_of_something_else,
    "another version": of_another_version,
}
USES: dict[str, Callable[[SqliteLedger], object]] = {
    "add": lambda ledger: ledger.add(replace(ASKED, code="new"), BEGAN),
    "get": lambda ledger: ledger.get(ASKED.code),
    "newest": lambda ledger: ledger.newest(SUBJECT, "terminal", BEGAN),
    "settle": lambda ledger: ledger.settle(ASKED.code, "asked", "used", BEGAN),
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("use", USES)
def test_a_ledger_that_can_not_be_used_is_told_with_its_path(path: Path, place: str, use: str) -> None:
    where = PLACES[place](path)
    with closing(SqliteLedger(where)) as ledger:
        for _ in range(2):
            with pytest.raises(StoreError) as caught:
                USES[use](ledger)
            assert str(where) in str(caught.value)


def test_damage_that_is_met_later_is_told(path: Path) -> None:
    with closing(SqliteLedger(path)) as ledger:
        for number in range(100):
            ledger.add(replace(ASKED, code=f"code {number}", text="x" * 500), BEGAN)
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (path.stat().st_size - 4096))
    with closing(SqliteLedger(path)) as damaged:
        for use in USES.values():
            with pytest.raises(StoreError):
                use(damaged)


@pytest.mark.parametrize("again", [False, True], ids=["gone", "another in its place"])
def test_what_was_settled_in_a_ledger_that_was_taken_away_does_not_count(
    path: Path, ledger: SqliteLedger, *, again: bool
) -> None:
    ledger.add(ASKED, BEGAN)
    shutil.rmtree(path.parent)
    if again:
        with closing(SqliteLedger(path)) as other:
            other.add(replace(ASKED, code="other"), BEGAN)
    with pytest.raises(StoreError):
        ledger.settle(ASKED.code, "asked", "used", BEGAN)
    assert ledger.get(ASKED.code) is None
    assert (ledger.get("other") is not None) is again
    ledger.add(ASKED, BEGAN)
    with closing(SqliteLedger(path)) as other:
        assert other.get(ASKED.code) == ASKED


FULL = """
import resource
ledger.add(asked("ABCD-EFGH"), 1000.0)
def limit(size):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
limit(path.with_name(path.name + "-wal").stat().st_size)
uses = {
    "settle": lambda: ledger.settle("ABCD-EFGH", "asked", "used", 1000.0),
    "add": lambda: ledger.add(asked("other"), 1000.0),
}
for name, use in uses.items():
    try:
        use()
    except StoreError as error:
        say(name, str(path) in str(error))
    else:
        say(name, "done")
say(ledger.get("ABCD-EFGH").state, ledger.get("other"))
limit(resource.RLIM_INFINITY)
say(ledger.settle("ABCD-EFGH", "asked", "used", 1000.0), ledger.settle("ABCD-EFGH", "asked", "used", 1000.0))
"""


def test_a_full_disk_is_told_and_nothing_is_settled(path: Path) -> None:
    assert elsewhere(PRELUDE + FULL, path) == ["settle True", "add True", "asked None", "True False"]


@pytest.fixture
def shared() -> Iterator[Path]:
    """A folder that every user may enter."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:  # pytest's own may be entered by its owner alone
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


UNPRIVILEGED = """
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
for name in ("folder", "file"):
    ledger = SqliteLedger(path / name / "consents.sqlite3")
    for use in (
        lambda: ledger.settle("ABCD-EFGH", "asked", "used", 1000.0),
        lambda: ledger.add(asked("other"), 1000.0),
    ):
        try:
            say(use())
        except StoreError as error:
            say(error)
"""


def test_what_may_not_be_written_is_told(shared: Path) -> None:
    for name, folder_mode, file_mode in (("folder", 0o555, 0o644), ("file", 0o755, 0o444)):
        path = shared / name / "consents.sqlite3"
        with closing(SqliteLedger(path)) as ledger:
            ledger.add(ASKED, BEGAN)
        path.chmod(file_mode)
        path.parent.chmod(folder_mode)
    said = elsewhere(PRELUDE + UNPRIVILEGED, shared)
    for name in ("folder", "file"):
        with suppress(PermissionError):
            (shared / name).chmod(0o700)
        with closing(SqliteLedger(shared / name / "consents.sqlite3")) as ledger:
            assert ledger.get(ASKED.code) == ASKED
    assert [line.partition(": ")[0] for line in said] == [
        str(shared / name / "consents.sqlite3") for name in ("folder", "folder", "file", "file")
    ]
