"""The file: on the disk once a commit returns, nobody else's to read, and a failure wherever that can't be."""

import os
import shutil
import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from stat import S_IMODE

import pytest

from segment_mcp.errors import StoreError
from segment_mcp.events.outbox import Held
from segment_mcp.stores.database import Database
from segment_mcp.stores.outbox import SqliteOutbox
from tests.stores.conftest import Open
from tests.stores.processes import elsewhere, process

SCHEMA = "CREATE TABLE IF NOT EXISTS notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL)"
ROUTE, KEY = "route", "wK" * 16


def noted(database: Database) -> list[str]:
    with database.reading() as connection:
        return [text for (text,) in connection.execute("SELECT text FROM notes ORDER BY id")]


def note(database: Database, *texts: str | None) -> None:
    with database.writing() as connection:
        connection.executemany("INSERT INTO notes (text) VALUES (?)", [(text,) for text in texts])


def keep(store: SqliteOutbox, *names: str, size: int = 2) -> None:
    store.put(ROUTE, KEY, [Held(name, b"{}".ljust(size)) for name in names], "why", 1.0)


def listed(store: SqliteOutbox) -> list[str]:
    return [event["messageId"] for event in store.listed(dead=False, limit=10_000)]


# The promise


def test_a_commit_waits_for_the_disk(path: Path) -> None:
    with closing(Database(path, SCHEMA, 1)) as database, database.reading() as connection:
        (journal,) = connection.execute("PRAGMA journal_mode").fetchone()
        (synchronous,) = connection.execute("PRAGMA synchronous").fetchone()
    assert (journal, synchronous) == ("wal", 2)


def test_what_is_written_is_there_for_whoever_opens_the_file(path: Path) -> None:
    with closing(Database(path, SCHEMA, 1)) as first:
        note(first, "a", "b")
        with closing(Database(path, SCHEMA, 1)) as second:
            assert noted(second) == ["a", "b"]
    with closing(Database(path, SCHEMA, 1)) as third:
        assert noted(third) == ["a", "b"]


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077], ids=oct)
def test_only_the_owner_may_read_it(path: Path, mask: int) -> None:
    before = os.umask(mask)
    try:
        with closing(Database(path, SCHEMA, 1)) as database:
            note(database, "a")
            found = {file.name: S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    finally:
        os.umask(before)
    assert S_IMODE(path.parent.stat().st_mode) == 0o700
    assert found == dict.fromkeys(("kept.sqlite3", "kept.sqlite3-wal", "kept.sqlite3-shm"), 0o600)


def test_a_file_in_memory_is_none_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with closing(Database(":memory:", SCHEMA, 1)) as database:
        note(database, "a")
        assert noted(database) == ["a"]
    assert list(tmp_path.iterdir()) == []


def test_a_transaction_is_all_or_nothing(path: Path) -> None:
    with closing(Database(path, SCHEMA, 1)) as database:
        with pytest.raises(StoreError, match=r"kept\.sqlite3: NOT NULL"):
            note(database, "a", None, "c")
        with suppress(ZeroDivisionError), database.writing() as connection:
            connection.execute("INSERT INTO notes (text) VALUES ('d')")
            _ = 1 / 0
        note(database, "e")
        assert noted(database) == ["e"]


# Where it can't be


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


def a_page_of_nothing(path: Path) -> Path:
    path.parent.mkdir()
    path.write_bytes(b"SQLite format 3\0" + bytes(4080))
    return path


def of_another_version(path: Path) -> Path:
    Database(path, SCHEMA, 7).close()
    return path


def a_link_to_itself(path: Path) -> Path:
    path.parent.mkdir()
    path.symlink_to(path)
    return path


PLACES: dict[str, Callable[[Path], Path]] = {
    "folder": a_folder_in_its_place,
    "folder is a file": a_file_in_its_folders_place,
    "folder that can't be made": lambda _: Path("/proc/none/kept.sqlite3"),
    "below a device": lambda _: Path("/dev/null/state/kept.sqlite3"),
    "too long a name": lambda path: path.parent / ("x" * 300),
    "no database": no_database,
    "damaged": a_page_of_nothing,
    "another version": of_another_version,
    "link to itself": a_link_to_itself,
}


@pytest.mark.parametrize("place", PLACES)
def test_a_file_that_can_not_be_used_is_told_with_its_path(path: Path, place: str) -> None:
    where = PLACES[place](path)
    with pytest.raises(StoreError) as caught:
        SqliteOutbox(where)
    assert str(where) in str(caught.value)


def test_a_file_of_another_version_is_told_by_its_version_and_left_as_it_is(path: Path) -> None:
    with closing(Database(path, SCHEMA, 7)) as newer:
        note(newer, "theirs")
    before = path.read_bytes()
    with pytest.raises(StoreError, match="version 7, and this server knows version 1"):
        Database(path, "CREATE TABLE IF NOT EXISTS ours (id INTEGER)", 1)
    assert path.read_bytes() == before


def test_somebody_elses_database_is_left_alone(path: Path) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as theirs:
        theirs.execute("CREATE TABLE photos (id INTEGER)")
        theirs.commit()
    before = path.read_bytes()
    with pytest.raises(StoreError):
        SqliteOutbox(path).close()
    assert path.read_bytes() == before


def test_damage_that_is_met_later_is_told(path: Path, open_store: Open) -> None:
    store = SqliteOutbox(path)
    keep(store, *(f"m{number}" for number in range(200)), size=2_000)
    store.close()
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (path.stat().st_size - 4096))
    damaged = open_store()
    for use in (
        lambda: keep(damaged, "one more"),
        lambda: damaged.claim([ROUTE], "me", 2.0, 3.0),
        lambda: damaged.listed(dead=False, limit=10),
        damaged.summary,
    ):
        with pytest.raises(StoreError, match=r"kept\.sqlite3"):
            use()


def test_a_file_that_was_taken_away_holds_no_promise(path: Path, store: SqliteOutbox, open_store: Open) -> None:
    """Who writes on into a file that has no name any more keeps nothing."""
    keep(store, "before")
    shutil.rmtree(path.parent)
    try:
        keep(store, "after")
    except StoreError:
        return
    assert listed(open_store()) == ["after"]


# A full disk

FULL = """
import resource
store = SqliteOutbox(path)
store.put("route", "k" * 32, [Held(f"m{n}", b"{}".ljust(1000)) for n in range(20)], "why", 1.0)
lease = store.claim(["route"], "me", 2.0, 600.0)
full = path.with_name(path.name + "-wal").stat().st_size

def limit(size):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

uses = {
    "put": lambda: store.put("route", "k" * 32, [Held(f"n{n}", b"{}".ljust(9000)) for n in range(50)], "why", 1.0),
    "put elsewhere": lambda: store.put("other", "k" * 32, [Held("m1", b"{}".ljust(99_000))], "why", 1.0),
    "put a little": lambda: store.put("route", "k" * 32, [Held("small", b"{}")], "why", 1.0),
    "bury": lambda: store.bury(lease.events, Refusal("rejected", 400, "no"), 2.0),
    "delivered": lambda: store.delivered(lease.events),
    "renew": lambda: store.renew(lease, 900.0),
    "release": lambda: store.release(lease, 900.0, "busy"),
    "claim": lambda: store.claim(["route"], "you", 700.0, 800.0),
    "drop": lambda: store.drop(None, dead=False),
}
limit(full)
for name, use in uses.items():
    try:
        use()
    except StoreError as error:
        say(name, "StoreError", str(path) in str(error))
    else:
        say(name, "done")
say(store.summary()["pending"], store.summary()["deadLetters"])
limit(resource.RLIM_INFINITY)
store.put("route", "k" * 32, [Held("later", b"{}")], "why", 1.0)
say(*(event["messageId"] for event in store.listed(dead=False, limit=100)))
limit(1000)
try:
    SqliteOutbox(path.with_name("new.sqlite3"))
except StoreError as error:
    say(error)
"""


def test_a_full_disk_is_told_and_nothing_is_half_done(path: Path, open_store: Open) -> None:
    *uses, counts, later, new = elsewhere(FULL, path)
    assert len(uses) == 9
    assert {said.partition(" StoreError ")[2] for said in uses} == {"True"}, uses
    assert counts == "20 0"
    assert str(path.with_name("new.sqlite3")) in new
    assert later.split() == listed(open_store()) == [*(f"m{number}" for number in range(20)), "later"]


# Files that others own


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
for name in sys.argv[2:]:
    try:
        SqliteOutbox(path / name / "kept.sqlite3").put("route", "k" * 32, [Held("m1", b"{}")], "why", 1.0)
    except StoreError as error:
        say(error)
    else:
        say("kept")
"""


def test_what_may_not_be_written_is_told(shared: Path) -> None:
    for name, mode in (("read-only", 0o555), ("closed", 0o000), ("read-only-file", 0o755)):
        (shared / name).mkdir()
        if name == "read-only-file":
            SqliteOutbox(shared / name / "kept.sqlite3").close()
            (shared / name / "kept.sqlite3").chmod(0o444)
        (shared / name).chmod(mode)
    names = [folder.name for folder in shared.iterdir()]
    said = elsewhere(UNPRIVILEGED, shared, *names)
    (shared / "closed").chmod(0o700)
    assert [line.partition(": ")[0] for line in said] == [str(shared / name / "kept.sqlite3") for name in names]


def test_a_file_that_can_only_be_read_from_now_on_is_told(store: SqliteOutbox) -> None:
    keep(store, "a")
    with store._database.reading() as connection:  # stands for a file system that was mounted anew, read-only
        connection.execute("PRAGMA query_only=1")
    with pytest.raises(StoreError, match="readonly"):
        keep(store, "b")
    assert listed(store) == ["a"]


# Others at work on it


@pytest.mark.parametrize("hold", ["IMMEDIATE", "EXCLUSIVE"])
@pytest.mark.parametrize("new", [False, True], ids=["known", "new"])
def test_who_opens_it_waits_for_who_has_it_locked(path: Path, open_store: Open, hold: str, *, new: bool) -> None:
    if new:
        path.parent.mkdir()
    else:
        SqliteOutbox(path).close()
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute(f"BEGIN {hold}")
        freeing = threading.Timer(0.2, lambda: other.execute("ROLLBACK"))
        freeing.start()
        try:
            keep(open_store(), "a")
        finally:
            freeing.join()
    assert listed(open_store()) == ["a"]


def test_a_file_that_stays_locked_is_told_in_every_use(path: Path, open_store: Open) -> None:
    keep(open_store(), "a")
    lease = open_store().claim([ROUTE], "me", 2.0, 600.0)
    assert lease is not None
    uses: list[Callable[[SqliteOutbox], object]] = [
        lambda store: keep(store, "b"),
        lambda store: store.claim([ROUTE], "you", 700.0, 800.0),
        lambda store: store.renew(lease, 900.0),
        lambda store: store.release(lease, 5.0, "busy"),
        lambda store: store.delivered(lease.events),
        lambda store: store.hasten(),
        lambda store: store.retry(None),
        lambda store: store.drop(None, dead=False),
    ]
    stores = [open_store() for _ in uses]

    def told(number: int) -> str:
        with pytest.raises(StoreError) as caught:
            uses[number](stores[number])
        return str(caught.value)

    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        with ThreadPoolExecutor(len(uses)) as threads:
            said = set(threads.map(told, range(len(uses))))
        assert time.monotonic() - began < 15
    assert said == {f"{path}: database is locked"}
    assert listed(open_store()) == ["a"]
    assert open_store().claim([ROUTE], "you", 2.0, 3.0) is None, "the lease stands as it was"


def test_many_processes_begin_on_a_new_folder_at_once(path: Path) -> None:
    script = """
for folder in sys.argv[3:]:
    say("ready")
    input()
    try:
        store = SqliteOutbox(path / folder / "kept.sqlite3")
        store.put("route", "k" * 32, [Held(sys.argv[2], b"{}")], "why", 1.0)
        store.close()
    except StoreError as error:
        say(error)
    else:
        say("kept")
"""
    names, folders = ["m0", "m1", "m2"], [f"new{number}" for number in range(25)]
    with ExitStack() as stack:
        others = [stack.enter_context(process(script, path, name, *folders)) for name in names]
        for folder in folders:
            assert [other.line() for other in others] == ["ready"] * len(names)
            for other in others:
                other.go()
            assert [other.line() for other in others] == ["kept"] * len(names)
            with closing(SqliteOutbox(path / folder / "kept.sqlite3")) as store:
                assert sorted(listed(store)) == names


def test_opening_it_twice_in_a_process_takes_nothing_from_the_first(path: Path, store: SqliteOutbox) -> None:
    """The system drops all of a process's locks on a file when the process closes it anywhere."""
    script = """
while True:
    input()
    store = SqliteOutbox(path)
    say(*(event["messageId"] for event in store.listed(dead=False, limit=10)))
    store.close()
"""
    with process(script, path) as other:
        keep(store, "before")
        SqliteOutbox(path).close()
        other.go()
        assert other.line() == "before"
        keep(store, "after")
        other.go()
        assert other.line() == "before after"
