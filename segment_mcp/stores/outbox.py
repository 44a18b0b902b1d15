"""The outbox in SQLite: lanes, their events in the order in which they came, and the dead letters."""

from collections.abc import Sequence
from pathlib import Path
from sqlite3 import Connection, Row
from typing import Any

from segment_mcp.events.checks import MOST_EVENTS
from segment_mcp.events.outbox import LONGEST_WAIT, Held, Lease, Refusal, moment, most_of
from segment_mcp.events.wire import decode
from segment_mcp.ports import Data
from segment_mcp.redact import mask_write_key
from segment_mcp.stores.database import Database

FURTHEST = 2 * LONGEST_WAIT
"""Seconds from now: a lease or a wait that ends later was written by a clock that was wrong, and counts as over."""

VERSION = 1
SCHEMA = """
CREATE TABLE IF NOT EXISTS lanes (
    id INTEGER PRIMARY KEY,
    route TEXT NOT NULL,
    write_key TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    due REAL NOT NULL DEFAULT 0,
    failure TEXT,
    owner TEXT,
    lease_until REAL NOT NULL DEFAULT 0,
    UNIQUE (route, write_key)
);
CREATE TABLE IF NOT EXISTS events (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    lane INTEGER NOT NULL REFERENCES lanes,
    message_id TEXT NOT NULL,
    body BLOB NOT NULL,
    kept REAL NOT NULL,
    UNIQUE (lane, message_id)
);
CREATE INDEX IF NOT EXISTS events_by_lane ON events (lane, id);
CREATE TABLE IF NOT EXISTS dead_letters (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    lane INTEGER NOT NULL REFERENCES lanes,
    message_id TEXT NOT NULL,
    body BLOB NOT NULL,
    kept REAL NOT NULL,
    buried REAL NOT NULL,
    code TEXT NOT NULL,
    status INTEGER,
    reason TEXT NOT NULL
)
"""


class SqliteOutbox:
    """See `events.outbox.Store`.

    Args:
        path: of the file; `:memory:` keeps it in this process.

    Raises:
        StoreError: it can't be opened.
    """

    def __init__(self, path: Path | str) -> None:
        self._database = Database(path, SCHEMA, VERSION)

    def put(  # noqa: PLR0913 - what a lane is kept with
        self, route: str, write_key: str, events: Sequence[Held], failure: str, now: float, *, due: float = 0.0
    ) -> None:
        """See `Store.put`. An event whose messageId is kept in the lane already is there already."""
        with self._database.writing() as connection:
            connection.execute(
                "INSERT INTO lanes (route, write_key) VALUES (?, ?) ON CONFLICT DO NOTHING", (route, write_key)
            )
            (lane,) = connection.execute(
                "SELECT id FROM lanes WHERE route = ? AND write_key = ?", (route, write_key)
            ).fetchone()
            connection.execute("UPDATE lanes SET failure = ?, due = max(due, ?) WHERE id = ?", (failure, due, lane))
            connection.executemany(
                "INSERT INTO events (lane, message_id, body, kept) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
                [(lane, event.message_id, event.body, now) for event in events],
            )

    def claim(
        self, routes: Sequence[str], owner: str, now: float, until: float, due_by: float | None = None
    ) -> Lease | None:
        """See `Store.claim`."""
        due = now if due_by is None else due_by
        with self._database.writing() as connection:
            row = connection.execute(
                f"SELECT id, route, write_key, attempts FROM lanes WHERE {_of(routes)} "  # noqa: S608 - only question marks are put in
                "AND NOT (due > ? AND due < ?) AND NOT (lease_until > ? AND lease_until < ?) "
                "AND EXISTS (SELECT 1 FROM events WHERE lane = lanes.id) ORDER BY due, id LIMIT 1",
                (*routes, due, now + FURTHEST, now, now + FURTHEST),
            ).fetchone()
            if row is None:
                return None
            lane, route, write_key, attempts = row
            connection.execute("UPDATE lanes SET owner = ?, lease_until = ? WHERE id = ?", (owner, until, lane))
            sizes = connection.execute(
                "SELECT length(body) FROM events WHERE lane = ? ORDER BY id LIMIT ?", (lane, MOST_EVENTS)
            ).fetchall()
            events = [
                Held(message_id, body, number)
                for message_id, body, number in connection.execute(
                    "SELECT message_id, body, id FROM events WHERE lane = ? ORDER BY id LIMIT ?",
                    (lane, most_of([size for (size,) in sizes])),
                )
            ]
        return Lease(lane, owner, route, write_key, attempts, events)

    def hasten(self) -> None:
        """See `Store.hasten`."""
        with self._database.writing() as connection:
            connection.execute("UPDATE lanes SET due = 0")

    def routes(self) -> set[str]:
        """See `Store.routes`."""
        with self._database.reading() as connection:
            return {
                route
                for (route,) in connection.execute(
                    "SELECT DISTINCT route FROM lanes WHERE EXISTS (SELECT 1 FROM events WHERE lane = lanes.id)"
                )
            }

    def renew(self, lease: Lease, until: float) -> bool:
        """See `Store.renew`."""
        with self._database.writing() as connection:
            renewed = connection.execute(
                "UPDATE lanes SET lease_until = ? WHERE id = ? AND owner = ?", (until, lease.lane, lease.owner)
            )
        return renewed.rowcount == 1

    def delivered(self, events: Sequence[Held]) -> None:
        """See `Store.delivered`."""
        with self._database.writing() as connection:
            connection.executemany("DELETE FROM events WHERE id = ?", [(event.id,) for event in events])

    def bury(self, events: Sequence[Held], refusal: Refusal, now: float) -> None:
        """See `Store.bury`."""
        with self._database.writing() as connection:
            connection.executemany(
                "INSERT INTO dead_letters (lane, message_id, body, kept, buried, code, status, reason) "
                "SELECT lane, message_id, body, kept, ?, ?, ?, ? FROM events WHERE id = ?",
                [(now, refusal.code, refusal.status, refusal.reason, event.id) for event in events],
            )
            connection.executemany("DELETE FROM events WHERE id = ?", [(event.id,) for event in events])

    def release(self, lease: Lease, due: float | None, failure: str | None) -> None:
        """See `Store.release`."""
        with self._database.writing() as connection:
            connection.execute(
                "UPDATE lanes SET owner = NULL, lease_until = 0, due = ?, attempts = ?, failure = coalesce(?, failure) "
                "WHERE id = ? AND owner = ?",
                (due or 0.0, 0 if due is None else lease.attempts + 1, failure, lease.lane, lease.owner),
            )

    def next_due(self, routes: Sequence[str], now: float) -> float | None:
        """See `Store.next_due`."""
        with self._database.reading() as connection:
            (due,) = connection.execute(
                f"SELECT min(max(due, lease_until)) FROM lanes WHERE {_of(routes)} "  # noqa: S608 - as above
                "AND EXISTS (SELECT 1 FROM events WHERE lane = lanes.id)",
                tuple(routes),
            ).fetchone()
        return None if due is None else max(now, due)

    def summary(self) -> Data:
        """See `Store.summary`."""
        with self._database.reading() as connection:
            pending, oldest = connection.execute("SELECT count(*), min(kept) FROM events").fetchone()
            (dead,) = connection.execute("SELECT count(*) FROM dead_letters").fetchone()
            failure = connection.execute(
                "SELECT failure FROM lanes WHERE EXISTS (SELECT 1 FROM events WHERE lane = lanes.id) "
                "ORDER BY due DESC LIMIT 1"
            ).fetchone()
            waiting = dict(
                connection.execute(
                    "SELECT route, count(*) FROM events JOIN lanes ON lanes.id = lane GROUP BY route ORDER BY route"
                )
            )
        known = {
            "waitingFor": waiting,
            "oldest": None if oldest is None else moment(oldest),
            "lastFailure": failure and failure[0],
        }
        return {"pending": pending, "deadLetters": dead, **{name: value for name, value in known.items() if value}}

    def listed(self, *, dead: bool, limit: int) -> list[Data]:
        """See `Store.listed`."""
        table, more = ("dead_letters", ", buried, code, status, reason") if dead else ("events", "")
        with self._database.reading() as connection:
            connection.row_factory = Row
            try:
                rows = connection.execute(
                    f"SELECT {table}.id, message_id, write_key, kept, body{more} FROM {table} "  # noqa: S608 - constants
                    f"JOIN lanes ON lanes.id = lane ORDER BY {table}.id LIMIT ?",
                    (limit,),
                ).fetchall()
            finally:
                connection.row_factory = None
        return [_shown(row, dead=dead) for row in rows]

    def retry(self, ids: Sequence[int] | None) -> int:
        """See `Store.retry`."""
        with self._database.writing() as connection:
            chosen = _chosen(connection, "dead_letters", ids)
            connection.executemany(
                "UPDATE lanes SET due = 0, attempts = 0 WHERE id = (SELECT lane FROM dead_letters WHERE id = ?)", chosen
            )
            connection.executemany(
                "INSERT INTO events (lane, message_id, body, kept) SELECT lane, message_id, body, kept "
                "FROM dead_letters WHERE id = ? ON CONFLICT DO NOTHING",
                chosen,
            )
            connection.executemany("DELETE FROM dead_letters WHERE id = ?", chosen)
        return len(chosen)

    def drop(self, ids: Sequence[int] | None, *, dead: bool) -> int:
        """See `Store.drop`."""
        table = "dead_letters" if dead else "events"
        with self._database.writing() as connection:
            chosen = _chosen(connection, table, ids)
            connection.executemany(f"DELETE FROM {table} WHERE id = ?", chosen)  # noqa: S608 - a constant
        return len(chosen)

    def close(self) -> None:
        """See `Store.close`."""
        self._database.close()


def _of(routes: Sequence[str]) -> str:
    return f"route IN ({', '.join('?' * len(routes))})"


def _chosen(connection: Connection, table: str, ids: Sequence[int] | None) -> list[tuple[int]]:
    """The given rows, or all of them, that exist."""
    found: list[tuple[int]] = connection.execute(f"SELECT id FROM {table}").fetchall()  # noqa: S608 - a constant
    return found if ids is None else [row for row in found if row[0] in set(ids)]


def _shown(row: Any, *, dead: bool) -> Data:
    event = decode(row["body"])
    shown = {
        "id": row["id"],
        "messageId": row["message_id"],
        **{name: event[name] for name in ("type", "event") if name in event},
        "writeKey": mask_write_key(row["write_key"]),
        "keptAt": moment(row["kept"]),
    }
    if not dead:
        return shown
    status = {} if row["status"] is None else {"status": row["status"]}
    return {**shown, "buriedAt": moment(row["buried"]), "code": row["code"], **status, "reason": row["reason"]}
