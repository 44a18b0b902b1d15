"""The ledger of consents in SQLite, shared by every process that has the same state folder."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

from segment_mcp.consent.ledger import Asked, State, Subject, Way
from segment_mcp.errors import StoreGoneError
from segment_mcp.stores.database import Database

VERSION = 1
SCHEMA = """
CREATE TABLE IF NOT EXISTS consents (
  code TEXT PRIMARY KEY, way TEXT NOT NULL, caller TEXT NOT NULL, connection TEXT NOT NULL, operation TEXT NOT NULL,
  arguments TEXT NOT NULL, seen TEXT NOT NULL, phrase TEXT NOT NULL, text TEXT NOT NULL, expires REAL NOT NULL,
  state TEXT NOT NULL, decided INTEGER)
"""
FORGOTTEN_AFTER = 24 * 3600.0
"""Seconds after its end for which a question can still be told from one that never was."""


class SqliteLedger:
    """See `consent.ledger.Ledger`.

    Args:
        path: the file; made, with its folder, on first need.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._database: Database | None = None
        self._opening = Lock()

    def add(self, asked: Asked, now: float) -> None:
        """See `Ledger.add`."""
        subject = asked.subject
        row = (
            asked.code, asked.way, subject.caller, subject.connection, subject.operation, subject.arguments,
            asked.seen, asked.phrase, asked.text, asked.expires, asked.state,
        )  # fmt: skip
        with self._opened() as database, database.writing() as connection:
            connection.execute("DELETE FROM consents WHERE expires < ?", (now - FORGOTTEN_AFTER,))
            connection.execute("INSERT INTO consents VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL)", row)

    def get(self, code: str) -> Asked | None:
        """See `Ledger.get`."""
        with self._opened() as database, database.reading() as connection:
            row = connection.execute("SELECT * FROM consents WHERE code = ?", (code,)).fetchone()
        return None if row is None else _asked(row)

    def newest(self, subject: Subject, way: Way, now: float) -> Asked | None:
        """See `Ledger.newest`."""
        with self._opened() as database, database.reading() as connection:
            row = connection.execute(
                "SELECT * FROM consents WHERE caller = ? AND connection = ? AND operation = ? AND arguments = ?"
                " AND way = ? AND state != 'used' AND expires > ?"
                " ORDER BY decided DESC, expires DESC, rowid DESC LIMIT 1",
                (subject.caller, subject.connection, subject.operation, subject.arguments, way, now),
            ).fetchone()
        return None if row is None else _asked(row)

    def settle(self, code: str, before: State, after: State, now: float) -> bool:
        """See `Ledger.settle`."""
        with self._opened() as database, database.writing() as connection:
            changed = connection.execute(
                "UPDATE consents SET state = ?, decided = (SELECT coalesce(max(decided), 0) + 1 FROM consents)"
                " WHERE code = ? AND state = ? AND expires > ?",
                (after, code, before, now),
            )
            return changed.rowcount == 1

    def close_all(self, subject: Subject, way: Way) -> None:
        """See `Ledger.close_all`."""
        with self._opened() as database, database.writing() as connection:
            connection.execute(
                "UPDATE consents SET state = 'used' WHERE caller = ? AND connection = ? AND operation = ?"
                " AND arguments = ? AND way = ?",
                (subject.caller, subject.connection, subject.operation, subject.arguments, way),
            )

    def close(self) -> None:
        """Close the file."""
        with self._opening:
            if self._database is not None:
                self._database.close()
                self._database = None

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


def _asked(row: tuple[Any, ...]) -> Asked:
    code, way, caller, connection, operation, arguments, seen, phrase, text, expires, state, _ = row
    return Asked(code, way, Subject(caller, connection, operation, arguments), seen, phrase, text, expires, state)
