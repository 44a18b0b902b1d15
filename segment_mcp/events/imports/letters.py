"""The dead letters of an import: each refused record with its reason, one JSON object a line."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from segment_mcp.events import wire
from segment_mcp.events.checks import LARGEST_EVENT, Problem
from segment_mcp.events.imports.preparing import Broken, Record
from segment_mcp.redact import clean, mask_write_key

_OWNER_ONLY = 0o600
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_SHOWN = 2_000


class DeadLetters:
    """A file that is made when the first record is refused.

    Args:
        path: of the file.
        size: bytes of it that count.
    """

    def __init__(self, path: Path, size: int = 0) -> None:
        self.path = path
        self.size = size
        self._waiting: list[bytes] = []
        self._file: int | None = None

    def rewind(self, size: int) -> None:
        """Let the file be as long as a checkpoint says; what was written behind that is written again.

        Raises:
            OSError: it can't be changed.
        """
        try:
            file = os.open(self.path, os.O_RDWR | _NO_LINK)
        except FileNotFoundError:
            self.size = 0
            return
        try:
            self.size = min(size, os.fstat(file).st_size)
            os.ftruncate(file, self.size)
        finally:
            os.close(file)
        if not self.size:
            self.path.unlink()

    def add(self, unit: str, number: int, record: Record | None, problems: Sequence[Problem]) -> None:
        """Refuse a record; it is on the disk once `take` and `write` were called.

        Args:
            unit: what the number counts.
            number: the record's place.
            record: as it was read; a text that is no JSON is shortened.
            problems: why it is refused.
        """
        letter = {
            unit: number,
            "problems": [
                {"code": each.code, "field": clean(each.field, _SHOWN), "message": clean(each.message, _SHOWN)}
                for each in problems
            ],
        }
        body, unfit = wire.encode({**letter, **_shown(record)})
        if unfit:
            body, _ = wire.encode({**letter, **_text(record)})
        self._waiting.append(body + b"\n")

    def take(self) -> bytes:
        """What was refused since the last time; `write` puts it on the disk."""
        taken, self._waiting = b"".join(self._waiting), []
        return taken

    def write(self, text: bytes) -> None:
        """Put on the disk what `take` gave.

        Raises:
            OSError: it can't be written.
        """
        if not text:
            return
        if self._file is None:
            self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | _NO_LINK, _OWNER_ONLY)
            os.ftruncate(self._file, min(self.size, os.fstat(self._file).st_size))
            os.lseek(self._file, 0, os.SEEK_END)
        while text:
            text = text[os.write(self._file, text) :]
        os.fsync(self._file)
        self.size = os.lseek(self._file, 0, os.SEEK_END)

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


def _shown(record: Record | None) -> dict[str, Any]:
    """The record as JSON where it is JSON, as text where it is not; without a write key of its own."""
    match record:
        case None:
            return {}
        case Broken():
            return _text(record)
        case bytes():
            try:
                return {"event": _masked(wire.decode(record))} if len(record) <= LARGEST_EVENT else _text(record)
            except ValueError:
                return _text(record)
        case _:
            return {"values": _masked(record)}


def _text(record: Record | None) -> dict[str, Any]:
    match record:
        case Broken():
            return {"text": clean(record.text, _SHOWN)} if record.text else {}
        case bytes():
            return {"text": clean(record.decode("utf-8", "replace"), _SHOWN)}
        case _:
            return {"text": clean(str(record), _SHOWN)}


def _masked(event: Any) -> Any:
    key = event.get("writeKey") if isinstance(event, Mapping) else None
    return {**event, "writeKey": mask_write_key(key)} if isinstance(key, str) else event
