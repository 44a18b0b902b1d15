"""The records of a file: NDJSON, a JSON array, CSV or Parquet, each also gzipped, in bounded memory.

What a file is, its name and its first bytes say. Records come in slices, so that whoever reads them can do
something else between two.
"""

import codecs
import csv
import io
import json
import zlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import PurePath
from typing import Any, BinaryIO, Literal, Self

from segment_mcp.events.imports.preparing import Broken, Record

Format = Literal["ndjson", "json", "csv", "parquet"]
FORMATS: tuple[Format, ...] = ("ndjson", "json", "csv", "parquet")

CHUNK = 256 * 1024
"""Bytes that are read at a time."""
LONGEST_RECORD = 1024 * 1024
"""Bytes of one line or array item; what is longer is no event."""
SLICE = 256
"""Records of a slice of rows or items."""

_SHOWN = 200
_GZIP = b"\x1f\x8b"
_GZIP_SUFFIX = ".gz"
_PARQUET = b"PAR1"
_UTF_8_MARK = b"\xef\xbb\xbf"
_UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_DELIMITERS = ",;\t|"
_BLANK = b" \t\r\n"
_BEHIND_AN_ITEM = tuple(",] \t\r\n")


class UnreadableError(Exception):
    """A file, or the rest of it, can't be read; says why."""


@dataclass(frozen=True, slots=True)
class Records:
    """What a file has in it.

    Attributes:
        unit: what a record's number counts: `line`, `item` or `row`.
        header: names of the columns; None where records are lines of JSON.
        total: how many records there are, where the file says it.
        slices: the records in order; a blank line is `b""`. Raises `UnreadableError` where the rest can't be read.
    """

    unit: str
    header: tuple[str, ...] | None
    slices: Iterator[list[Record]]
    total: int | None = None


def read(file: BinaryIO, name: str, form: Format | None = None, used: Collection[str] | None = None) -> Records:
    """The records of a file.

    Args:
        file: at its beginning; Parquet must be seekable.
        name: its name, for what its ending says.
        form: what it is, whatever it looks like.
        used: the columns that are needed, as far as the file lets others be left out; None: all.

    Raises:
        UnreadableError: it has no records of a known form.
    """
    head = _Peeking(file)
    if head.peek(len(_GZIP)) == _GZIP:
        name = name[: -len(_GZIP_SUFFIX)] if name.lower().endswith(_GZIP_SUFFIX) else name
        head = _Peeking(_Unzipped(head))
    form = form or _form_of(head, name)
    match form:
        case "ndjson":
            return Records("line", None, _lines(_marked(head)))
        case "json":
            return Records("item", None, _items(_marked(head)))
        case "csv":
            return _table(_marked(head))
        case "parquet":
            return _parquet(file, used)


class _Peeking(io.RawIOBase):
    """A file whose first bytes can be looked at."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self._ahead = b""

    def peek(self, size: int) -> bytes:
        """The next bytes, which stay where they are."""
        while len(self._ahead) < size and (more := self._file.read(size - len(self._ahead))):
            self._ahead += more
        return self._ahead[:size]

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        found = self.read(len(buffer))
        buffer[: len(found)] = found
        return len(found)

    def read(self, size: int = -1) -> bytes:
        """The next bytes, at most so many; none at the end."""
        found, self._ahead = self._ahead[:size], self._ahead[size:]
        more: bytes = found or self._file.read(size) or b""
        return more


class _Unzipped:
    """What a gzipped file unpacks to: of a damaged one everything before the damage.

    Args:
        file: packed, in one part or several.
    """

    def __init__(self, file: Any) -> None:
        self._file = file
        self._part = _unpacker()
        self._packed = b""
        self._damage: UnreadableError | None = None

    def read(self, size: int) -> bytes:
        """The next bytes, at most so many; none at the end.

        Raises:
            UnreadableError: the rest is damaged, or missing.
        """
        while self._damage is None:
            if self._part.eof and not self._goes_on():
                return b""
            found = self._unpack(size)
            if found:
                return found
            if not (self._part.eof or self._packed):
                self._packed = self._file.read(CHUNK)
                if not self._packed:
                    self._damage = UnreadableError("is gzip that is cut short")
        raise self._damage

    def _unpack(self, size: int) -> bytes:
        before, packed = self._part.copy(), self._packed
        found: bytes
        try:
            found = self._part.decompress(packed, size)
        except zlib.error:
            return self._before_the_damage(before, packed)
        self._packed = self._part.unused_data or self._part.unconsumed_tail
        return found

    def _before_the_damage(self, part: Any, packed: bytes) -> bytes:
        """Byte by byte, what a piece unpacks to that can't be unpacked as a whole."""
        found = bytearray()
        self._damage = UnreadableError("is gzip that is damaged")
        for byte in packed:
            try:
                found += part.decompress(bytes((byte,)))
            except zlib.error:
                break
        return bytes(found)

    def _goes_on(self) -> bool:
        """Whether another part follows; zeros behind the last are filling."""
        while not (rest := self._packed.lstrip(b"\0")):
            self._packed = self._file.read(CHUNK)
            if not self._packed:
                return False
        self._packed, self._part = rest, _unpacker()
        return True


def _unpacker() -> Any:
    return zlib.decompressobj(wbits=zlib.MAX_WBITS + 16)


def _form_of(head: _Peeking, name: str) -> Format:
    suffix = PurePath(name).suffix.lower()
    if head.peek(len(_PARQUET)) == _PARQUET:
        return "parquet"
    if suffix in {".csv", ".tsv"}:
        return "csv"
    size = 64
    while not (text := head.peek(size).removeprefix(_UTF_8_MARK).lstrip(_BLANK)) and len(head.peek(size)) == size:
        if size > LONGEST_RECORD:
            break
        size *= 2
    return "json" if text[:1] == b"[" else "ndjson"


def _marked(head: _Peeking) -> _Peeking:
    """The file behind its byte order mark.

    Raises:
        UnreadableError: it is UTF-16.
    """
    if head.peek(2) in _UTF_16_MARKS:
        raise UnreadableError("is UTF-16; save it as UTF-8")
    if head.peek(len(_UTF_8_MARK)) == _UTF_8_MARK:
        head.read(len(_UTF_8_MARK))
    return head


def _lines(file: _Peeking) -> Iterator[list[Record]]:
    rest, too_long = b"", False
    while chunk := file.read(CHUNK):
        found = (rest + chunk).split(b"\n")
        rest = found.pop()
        parts: list[Record] = [*map(bytes.strip, found)]
        if found and (too_long or len(found[0]) > LONGEST_RECORD):
            parts[0], too_long = _too_long(found[0]), False
        if len(rest) > LONGEST_RECORD:
            rest, too_long = rest[:_SHOWN], True
        yield parts
    if rest.strip() or too_long:
        yield [_too_long(rest) if too_long else rest.strip()]


def _too_long(beginning: bytes) -> Broken:
    return Broken(f"is longer than {LONGEST_RECORD} bytes", beginning[:_SHOWN].decode("utf-8", "replace"))


def _items(file: _Peeking) -> Iterator[list[Record]]:
    """The items of an array, each as the JSON that it is."""
    text = _Text(file)
    text.skip("[")
    yield from _sliced(_each_item(text))


def _each_item(text: "_Text") -> Iterator[Record]:
    first = True
    while not text.ends("]"):
        if not first:
            text.skip(",")
        first = False
        yield text.value()
    text.finish()


class _Text:
    """Text that is read as it is needed, one JSON value at a time."""

    def __init__(self, file: _Peeking) -> None:
        self._file = file
        self._decode = codecs.getincrementaldecoder("utf-8")("surrogateescape").decode
        self._scan = json.JSONDecoder().raw_decode
        self._text = ""
        self._at = 0
        self._item = 0
        self._over = False

    def ends(self, mark: str) -> bool:
        """Whether the next character is the mark."""
        return self._next() == mark

    def skip(self, mark: str) -> None:
        """Go over the mark.

        Raises:
            UnreadableError: something else stands there.
        """
        if self._next() != mark:
            raise UnreadableError(f"is no JSON array: {mark} is missing behind item {self._item}")
        self._at += 1

    def value(self) -> bytes:
        """The next value's JSON.

        Raises:
            UnreadableError: there is none.
        """
        self._next()
        self._item += 1
        while True:
            try:
                _, end = self._scan(self._text, self._at)
            except (json.JSONDecodeError, RecursionError) as error:
                if isinstance(error, RecursionError) or not self._more():
                    raise UnreadableError(f"is no JSON array: item {self._item} is no valid JSON") from None
                continue
            found = self._text[self._at : end]
            if self._text[end : end + 1] in _BEHIND_AN_ITEM or not self._more():  # a number could go on
                self._at += len(found)
                return found.encode("utf-8", "surrogateescape")

    def finish(self) -> None:
        """Raise `UnreadableError` where something stands behind the array."""
        self._at += 1
        if self._next():
            raise UnreadableError("has something behind its JSON array")

    def _next(self) -> str:
        while True:
            while self._at < len(self._text):
                if not self._text[self._at].isspace():
                    return self._text[self._at]
                self._at += 1
            if not self._more():
                return ""

    def _more(self) -> bool:
        """Read on, and forget what is behind.

        Raises:
            UnreadableError: the item is longer than any event.
        """
        if self._over:
            return False
        if len(self._text) - self._at > LONGEST_RECORD:
            raise UnreadableError(f"has an item of over {LONGEST_RECORD} bytes, or no valid JSON (item {self._item})")
        chunk = self._file.read(CHUNK)
        self._over = not chunk
        more = self._decode(chunk, final=self._over)
        self._text, self._at = self._text[self._at :] + more, 0
        return bool(more) or not self._over


def _table(file: _Peeking) -> Records:
    lines = _TableLines(file)
    try:
        first = next(lines, "")
    except _TooLongError:
        first = ""
    if not first.strip():
        raise UnreadableError("is a table without a header")
    delimiter = max(_DELIMITERS, key=first.count)
    lines.put_back(first)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    try:
        header = tuple(name.strip() for name in next(reader))
    except (csv.Error, _TooLongError) as error:
        raise UnreadableError(f"is a table whose header can't be read: {error}") from None
    if not all(header) or len(set(header)) != len(header):
        raise UnreadableError("is a table whose header has a name twice, or none")
    return Records("row", header, _sliced(_rows(reader, header)))


class _TooLongError(Exception):
    """A line is longer than any row that is an event."""


class _TableLines:
    """The lines of a table, in bounded memory.

    Args:
        file: in UTF-8; other bytes become half characters, which no event may have.
    """

    def __init__(self, file: _Peeking) -> None:
        buffer = io.BufferedReader(file, CHUNK)
        self._text = io.TextIOWrapper(buffer, encoding="utf-8", errors="surrogateescape", newline="")
        self._first: str | None = None

    def put_back(self, line: str) -> None:
        """Let the line come once more."""
        self._first = line

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        if self._first is not None:
            line, self._first = self._first, None
            return line
        line = self._text.readline(LONGEST_RECORD)
        if not line:
            raise StopIteration
        if len(line) < LONGEST_RECORD or line.endswith(("\n", "\r")):
            return line
        while (more := self._text.readline(LONGEST_RECORD)) and not more.endswith(("\n", "\r")):
            pass
        raise _TooLongError(f"a line is longer than {LONGEST_RECORD} characters")


def _rows(reader: Any, header: tuple[str, ...]) -> Iterator[Record]:
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except (csv.Error, _TooLongError) as error:
            yield Broken(f"can't be read: {error}")
            continue
        if not cells:
            yield b""
        elif len(cells) != len(header):
            yield Broken(f"has {len(cells)} cells; the header has {len(header)}", " ".join(cells)[:_SHOWN])
        else:
            yield dict(zip(header, cells, strict=True))


def _parquet(file: BinaryIO, used: Collection[str] | None) -> Records:
    try:
        from pyarrow import ArrowException
        from pyarrow.parquet import ParquetFile
    except ImportError:
        raise UnreadableError("is Parquet, which needs an extra: pip install 'segment-mcp[parquet]'") from None
    source: Any = file
    if not file.seekable():
        raise UnreadableError("is Parquet, which can't be read from a pipe; name the file")
    source.seek(0)
    try:
        parquet = ParquetFile(source)
    except (ArrowException, OSError) as error:
        raise UnreadableError("is Parquet that can't be read") from error

    names = parquet.schema_arrow.names
    needed = None if used is None else [name for name in names if name in used]

    def rows() -> Iterator[list[Record]]:
        try:
            for batch in parquet.iter_batches(batch_size=SLICE, columns=needed):
                yield [_parquet_row(batch, number) for number in range(batch.num_rows)]
        except (ArrowException, OSError) as error:
            raise UnreadableError("is Parquet that is damaged") from error

    return Records("row", tuple(names), rows(), parquet.metadata.num_rows)


def _parquet_row(batch: Any, number: int) -> Record:
    """A row; one with a value that Python or JSON doesn't have breaks by itself."""
    try:
        (row,) = batch.slice(number, 1).to_pylist(maps_as_pydicts="lossy")
        return {name: _plain(value) for name, value in row.items()}
    except (TypeError, ValueError, OverflowError) as error:
        return Broken(f"can't be read: {error}"[:_SHOWN])


def _plain(value: Any) -> Any:
    """A value of a table as a value of JSON.

    Raises:
        TypeError: JSON has none for it.
    """
    match value:
        case None | str() | bool() | int() | float():
            return value
        case datetime() | date() | time():
            return value.isoformat()
        case Decimal():
            return int(value) if value == value.to_integral_value() else float(value)
        case dict():
            return {str(name): _plain(member) for name, member in value.items()}
        case list():
            return [_plain(item) for item in value]
        case _:
            raise TypeError(f"a value is of a type that JSON doesn't have: {type(value).__name__}")


def _sliced(records: Iterator[Record]) -> Iterator[list[Record]]:
    piece: list[Record] = []
    try:
        for record in records:
            piece.append(record)
            if len(piece) == SLICE:
                yield piece
                piece = []
    except UnreadableError:
        yield piece  # what came before can be read
        raise
    yield piece
