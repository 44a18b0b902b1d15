"""What is imported: a file that a person named, standard input, events of a call, or a file in the import folder."""

import io
import json
import os
import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO, cast

from segment_mcp.errors import InvalidArguments, NotAllowed

HEAD = 64 * 1024
"""Bytes by which a file is known again."""


@dataclass(frozen=True, slots=True)
class Source:
    """Something to import.

    Attributes:
        name: for people, and for what its ending says.
        identity: the same whenever the same thing is imported.
        file: opened, at its beginning; whoever imports it closes it.
        size: bytes, where that is known.
        dead_letters: where refused records go, without the import's id; None: into the state folder.
    """

    name: str
    identity: str
    file: BinaryIO
    size: int | None
    dead_letters: Path | None


def from_path(path: Path) -> Source:
    """A file that a person named.

    Raises:
        OSError: it can't be opened, or is a folder.
    """
    file = path.open("rb")
    state = os.fstat(file.fileno())
    if not stat.S_ISREG(state.st_mode):
        return _of_stream(path.name, file, _Continued)
    real = Path(os.path.realpath(path))
    return Source(path.name, str(real), file, state.st_size, real)


def from_stream(stream: BinaryIO) -> Source:
    """Standard input. It is known again by its beginning."""
    return _of_stream("standard input", stream, _Lent)


def from_events(events: Sequence[Any]) -> Source:
    """Events of a call, known again by what they are."""
    text = json.dumps(events, separators=(",", ":")).encode()
    return Source("events.json", f"events:{sha256(text).hexdigest()}", io.BytesIO(text), len(text), None)


def from_folder(folder: Path | None, name: str) -> Source:
    """A file in the folder from which may be imported. No link is followed and no step leads out of it.

    Args:
        folder: the operator's; None: there is none.
        name: relative to it.

    Raises:
        NotAllowed: there is no such folder.
        InvalidArguments: the name leads out, or to something that is no file.
    """
    if folder is None:
        raise NotAllowed(
            "Files can't be imported here: SEGMENT_MCP_IMPORT_DIR is not set.", setting="SEGMENT_MCP_IMPORT_DIR"
        )
    parts = Path(name).parts
    if not parts or Path(name).is_absolute() or ".." in parts or "\0" in name or Path(name).drive:
        raise _refused("must be a path inside the import folder, relative to it")
    try:
        descriptor = _open_inside(folder, parts)
    except UnicodeEncodeError:
        raise _refused("has a character that no file's name has") from None
    except OSError as error:
        raise _refused(f"can't be opened ({_reason(error)}); links are not followed") from None
    state = os.fstat(descriptor)
    if not stat.S_ISREG(state.st_mode):
        os.close(descriptor)
        raise _refused("is no ordinary file")
    real = Path(os.path.realpath(folder), *parts)
    return Source(parts[-1], str(real), os.fdopen(descriptor, "rb"), state.st_size, real)


def _open_inside(folder: Path, parts: Sequence[str]) -> int:
    """Open a file step by step, so that nothing is followed that was a link or became one meanwhile.

    Raises:
        OSError: a step is a link, is missing, or may not be read.
    """
    if os.open not in os.supports_dir_fd:  # Windows
        path = Path(folder, *parts)
        if Path(os.path.realpath(path)) != Path(os.path.realpath(folder), *parts):
            raise OSError(None, "it is a link")
        return os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    at = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for step in parts[:-1]:
            inner = os.open(step, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=at)
            os.close(at)
            at = inner
        return os.open(parts[-1], os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=at)
    finally:
        os.close(at)


def _reason(error: OSError) -> str:
    return (error.strerror or "it can't be read").lower()


def _refused(message: str) -> InvalidArguments:
    return InvalidArguments([{"field": "file", "message": message}])


def _of_stream(name: str, stream: BinaryIO, kind: "type[_Continued]") -> Source:
    head = _head_of(stream)
    identity = f"-:{sha256(head).hexdigest()}"
    return Source(name, identity, cast("BinaryIO", kind(head, stream)), None, None)


def _head_of(stream: BinaryIO) -> bytes:
    head = b""
    while len(head) < HEAD and (more := stream.read(HEAD - len(head))):
        head += more
    return head


class _Continued(io.RawIOBase):
    """A stream with the bytes before it that were read already."""

    def __init__(self, head: bytes, stream: BinaryIO) -> None:
        self._head = io.BytesIO(head)
        self._stream = stream
        self._some: Callable[[int], bytes] = getattr(stream, "read1", stream.read)  # what there is, without waiting

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        """Close the stream, too."""
        self._stream.close()
        super().close()

    def read(self, size: int = -1) -> bytes:
        """The next bytes, at most so many; none at the end."""
        return self._head.read(size) or self._some(size)


class _Lent(_Continued):
    """A stream that stays open: it is the process's."""

    def close(self) -> None:
        """Leave the stream alone."""
