"""What is sent on a bad day, so that it can be asked for afterwards: lines of files, and events of calls."""

import gzip
import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

IMPORT = "Import "
CALL = "Call "
"""How the names of events begin."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a file.

    Attributes:
        number: from 1.
        text: without the line's end.
        name: the event's, that no other line has.
        user: whose event it is.
        message_id: the event's own.
        code: why it must become a dead letter; None: it must arrive.
        happened: what Segment must take for its time; None: of no event that has none.
    """

    number: int
    text: bytes
    name: str
    user: str
    message_id: str | None
    code: str | None = None
    happened: datetime | None = None

    def may_be(self, message_id: str) -> bool:
        """Whether the event may arrive under that messageId: its own, or one that was made for it."""
        return message_id.startswith("import-") if self.message_id is None else message_id == self.message_id


@dataclass(slots=True)
class File:
    """A file that is imported.

    Attributes:
        path: where it is.
        lines: all that aren't blank.
        said: what the importer that finished it said.
    """

    path: Path
    lines: Sequence[Line]
    said: str = ""

    def valid(self) -> list[Line]:
        return [line for line in self.lines if line.code is None]

    def invalid(self) -> list[Line]:
        return [line for line in self.lines if line.code is not None]

    def letters(self) -> list[dict[str, Any]]:
        """The dead letters, of however many files."""
        return [json.loads(line) for path in self._beside() for line in path.read_bytes().splitlines()]

    def letters_size(self) -> int:
        """Bytes of the dead letters. A new run may delete what an earlier one had not confirmed."""
        size = 0
        for path in self._beside():
            with suppress(FileNotFoundError):
                size += path.stat().st_size
        return size

    def _beside(self) -> list[Path]:
        return sorted(self.path.parent.glob(f"{self.path.name}.*.dead.ndjson"))


@dataclass(slots=True)
class Call:
    """An event that a caller asked the server to send.

    Attributes:
        name: the event's, that no other call has.
        called: when.
        message_id: the caller's own, or the one that the server answered with.
        told: `accepted`, `deferred`, the code of a failure; None: the server was killed before it said anything.
        answered: when.
        repeated: when it was called for the last time, where the first answer never came.
    """

    name: str
    called: datetime
    message_id: str | None = None
    told: str | None = None
    answered: datetime | None = None
    repeated: datetime | None = None

    def fields(self) -> dict[str, Any]:
        """The event, as a tool takes it."""
        own = {} if self.message_id is None else {"messageId": self.message_id}
        return {"event": self.name, "userId": "caller", **own}


_INVALID: Sequence[tuple[str, Callable[[dict[str, Any]], Any]]] = (
    ("no_user_anon_id", lambda event: {**event, "userId": None}),
    ("event_not_defined", lambda event: {name: value for name, value in event.items() if name != "event"}),
    ("missing_type", lambda event: {name: value for name, value in event.items() if name != "type"}),
    ("properties_not_object", lambda event: {**event, "properties": ["a", "list"]}),
    ("bad_request", lambda event: {**event, "timestamp": "yesterday at noon"}),
    ("bad_request", lambda event: {**event, "properties": {"text": "z" * 33_000}}),
    ("bad_request", lambda event: {**event, "properties": {"number": 2**60}}),
    ("bad_request", lambda event: _compact(event)[:-20]),
    ("bad_request", lambda event: _compact(event).replace(b'"type"', b'"\xff\xfe":1,"type"')),
    ("bad_request", lambda event: [event]),
)
"""Segment's code, and how to spoil an event for it."""


def a_line(chance: Random, number: int, name: str) -> Line:
    """A line: valid with or without a messageId and a time, out of Segment's archive, or spoiled."""
    user = f"heavy-{chance.randrange(3)}" if chance.random() < 0.3 else f"user-{chance.randrange(60)}"
    event: dict[str, Any] = {
        "type": "track",
        "event": name,
        "userId": user,
        "properties": {"text": chance.choice("éx") + "y" * chance.randrange(10_000, 13_000)},
    }
    sort = chance.random()
    if sort < 0.05 or chance.random() < 0.6:
        event["messageId"] = f"{name.replace(' ', '-')}-{chance.getrandbits(40):x}"
    if sort < 0.05:
        code, spoil = chance.choice(_INVALID)
        spoiled = spoil(event)
        text = spoiled if isinstance(spoiled, bytes) else _compact(spoiled)
        return Line(number, text, name, user, event["messageId"], code)
    happened = datetime(2024, 5, 1, tzinfo=UTC) + timedelta(seconds=number) if sort < 0.5 else None
    if happened is not None:
        event["timestamp"] = happened.isoformat()
    if happened is not None and sort < 0.25:
        event["originalTimestamp"] = event["timestamp"]
        event["timestamp"] = event["sentAt"] = event["receivedAt"] = "2024-06-01T00:00:00.000Z"
        event["projectId"], event["version"] = "archived", 2
    return Line(number, _compact(event), name, user, event.get("messageId"), None, happened)


def a_file(path: Path, chance: Random, count: int) -> File:
    """A file of so many lines, and some blank ones between them; gzipped if its name says so."""
    number = 0
    lines: list[Line] = []
    with gzip.open(path, "wb", compresslevel=1) if path.suffix == ".gz" else path.open("wb") as out:
        while len(lines) < count:
            number += 1
            if chance.random() < 0.02:
                out.write(b"\n")
                continue
            line = a_line(chance, number, f"{IMPORT}{path.name.partition('.')[0]} {number}")
            out.write(line.text + b"\n")
            lines.append(line)
    return File(path, lines)


def _compact(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
