"""Opens a SQLite file that several processes share, that nobody else may read, and that keeps what it was told."""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

from segment_mcp.errors import StoreError, StoreGoneError

BUSY_SECONDS = 5.0
"""How long one waits for another process."""

_LOOK_SECONDS = 0.02
_OWNER_ONLY = 0o600
_FOLDER = 0o700
_PRIMARY_CODE = 0xFF


class Database:
    """A SQLite file with write-ahead log; a commit is on the disk once it returns.

    Args:
        path: of the file; made, with its folder, if it is missing. `:memory:` keeps it in this process.
        schema: statements that make the tables where they are missing.
        version: of the schema; a file of another one is refused.

    Raises:
        StoreError: it can't be opened.
    """

    def __init__(self, path: Path | str, schema: str, version: int) -> None:
        self._path = path
        self._one_at_a_time = Lock()
        with self._told():
            if path != ":memory:":
                make_file(Path(path))
            self._connection = sqlite3.connect(
                path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            try:
                self._prepare(schema, version)
                self._identity = self._found()
            except BaseException:
                self._connection.close()
                raise

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """The connection, for statements that change nothing.

        Raises:
            StoreError: the file can't be read.
        """
        with self._one_at_a_time, self._told():
            yield self._connection

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """The connection in a transaction that is on the disk at the end, or undone.

        Raises:
            StoreError: it could not be written; nothing was changed.
        """
        with self._one_at_a_time, self._told():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._check_that_it_is_there()
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:  # a full disk ends the transaction by itself
                    self._connection.execute("ROLLBACK")
                raise

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def _prepare(self, schema: str, version: int) -> None:
        # In one statement: another process may be making the tables just now.
        found, tables = self._connection.execute(
            "SELECT user_version, (SELECT count(*) FROM sqlite_master) FROM pragma_user_version"
        ).fetchone()
        if found not in (0, version):
            raise StoreError(f"{self._path} is of version {found}, and this server knows version {version}")
        if found == 0 and tables:
            raise StoreError(f"{self._path} is a database of something else")
        self._write_ahead()
        self._connection.execute("PRAGMA synchronous=FULL")
        self._connection.execute("PRAGMA fullfsync=ON")  # without it macOS leaves a commit in the disk's own memory
        self._connection.execute("PRAGMA secure_delete=ON")  # what is dropped is gone
        if found == 0:
            self._connection.executescript(f"BEGIN IMMEDIATE; {schema}; PRAGMA user_version={version}; COMMIT")

    def _write_ahead(self) -> None:
        """Switch to the log; SQLite itself does not wait for that where another process has the file."""
        until = time.monotonic() + BUSY_SECONDS
        while True:
            try:
                self._connection.execute("PRAGMA journal_mode=WAL")
            except sqlite3.OperationalError as error:
                if not is_busy(error) or time.monotonic() > until:
                    raise
                time.sleep(_LOOK_SECONDS)
            else:
                return

    def _found(self) -> tuple[int, int] | None:
        """Which file stands under the path; None: none."""
        if self._path == ":memory:":
            return None
        try:
            state = Path(self._path).stat()
        except FileNotFoundError:
            return None
        return state.st_dev, state.st_ino

    def _check_that_it_is_there(self) -> None:
        """Raise `StoreGoneError` where the file has no name any more: what is written into it is gone with it."""
        if self._found() != self._identity:
            raise StoreGoneError(f"{self._path} was taken away")

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise StoreError(f"{self._path}: {error}") from error
        except OSError as error:
            raise StoreError(f"{self._path}: {error.strerror or error}") from error


def make_file(path: Path) -> None:
    """An empty file that its owner alone may read, where there is none.

    One that exists is not opened: closing it again would take this process's locks on it away.

    Raises:
        OSError: it can't be made.
    """
    missing = [folder for folder in path.parents if not folder.exists()]
    for folder in reversed(missing):
        folder.mkdir(mode=_FOLDER, exist_ok=True)
    if not path.exists():
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, _OWNER_ONLY))


def is_busy(error: sqlite3.Error) -> bool:
    """Whether another process has the file just now."""
    return (error.sqlite_errorcode & _PRIMARY_CODE) == sqlite3.SQLITE_BUSY
