"""The checkpoints of imports in SQLite, and the right to run one, which ends with the process."""

import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Lock

from segment_mcp.errors import StoreError, StoreGoneError
from segment_mcp.ports import Data
from segment_mcp.stores.database import Database, is_busy, make_file

VERSION = 1
SCHEMA = "CREATE TABLE IF NOT EXISTS imports (id TEXT PRIMARY KEY, checkpoint TEXT NOT NULL)"

_ID = re.compile(r"[0-9a-f]{1,64}")


class SqliteJournal:
    """See `events.imports.engine.Journal`.

    Args:
        folder: where the checkpoints and the locks are; made if it is missing.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / "imports.sqlite3"
        self._database: Database | None = None
        self._opening = Lock()

    def load(self, import_id: str) -> Data | None:
        """See `Journal.load`."""
        with self._opened() as database, database.reading() as connection:
            row = connection.execute("SELECT checkpoint FROM imports WHERE id = ?", (import_id,)).fetchone()
        if row is None:
            return None
        checkpoint: Data = json.loads(row[0])
        return checkpoint

    def latest(self, most: int) -> list[tuple[str, Data]]:
        """See `Journal.latest`."""
        if not self._has_begun():
            return []
        with self._opened() as database, database.reading() as connection:
            rows = connection.execute("SELECT id, checkpoint FROM imports ORDER BY rowid DESC LIMIT ?", (most,))
            return [(import_id, json.loads(checkpoint)) for import_id, checkpoint in rows]

    def save(self, import_id: str, checkpoint: Data) -> None:
        """See `Journal.save`."""
        with self._opened() as database, database.writing() as connection:
            connection.execute(
                "INSERT INTO imports VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET checkpoint = excluded.checkpoint",
                (import_id, json.dumps(checkpoint)),
            )

    @contextmanager
    def hold(self, import_id: str) -> Iterator[bool]:
        """See `Journal.hold`. An open transaction holds a lock of the system's, which ends with the process."""
        if not _ID.fullmatch(import_id):
            yield False
            return
        path = self._folder / f"{import_id}.lock"
        with self._opened():
            pass  # who can't keep how far an import is must not begin it
        try:
            make_file(path)
            lock = sqlite3.connect(path, timeout=0, isolation_level=None)
        except (OSError, sqlite3.Error) as error:
            raise StoreError(f"{path}: {error}") from None
        with closing(lock):
            try:
                lock.execute("BEGIN EXCLUSIVE")
            except sqlite3.Error as error:
                if not is_busy(error):
                    raise StoreError(f"{path}: {error}") from None
                held = False
            else:
                held = True
            yield held

    def close(self) -> None:
        """Close the file."""
        with self._opening:
            if self._database is not None:
                self._database.close()
                self._database = None

    def _has_begun(self) -> bool:
        """Whether there is a file; opening it would make one."""
        try:
            return self._path.exists()
        except OSError:  # it can't even be looked for; opening it says why
            return True

    @contextmanager
    def _opened(self) -> Iterator[Database]:
        """The file; one that was taken away is opened anew the next time."""
        with self._opening:
            if self._database is None:
                self._database = Database(self._path, SCHEMA, VERSION)
            database = self._database
        try:
            yield database
        except StoreGoneError:
            self.close()
            raise
