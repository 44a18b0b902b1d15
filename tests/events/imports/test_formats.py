"""The records of a file: the same however it is read, in bounded memory, and none lost that stands before a damage."""

import csv
import gzip
import io
import json
import tracemalloc
import zlib
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segment_mcp.events.imports import formats
from segment_mcp.events.imports.formats import CHUNK, LONGEST_RECORD, SLICE, UnreadableError
from segment_mcp.events.imports.preparing import Broken, Record

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
READS = st.lists(st.integers(1, 9), min_size=1, max_size=5)


class Dripping(io.RawIOBase):
    """Gives a few bytes at a time, as a pipe may."""

    def __init__(self, content: bytes, sizes: list[int]) -> None:
        self._content = io.BytesIO(content)
        self._sizes = sizes
        self._turn = 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        self._turn += 1
        most = self._sizes[self._turn % len(self._sizes)]
        return self._content.read(most if size < 0 else min(size, most))


class Endless(io.RawIOBase):
    """So many bytes without the end of a line, of which there is never more than a piece."""

    def __init__(self, begin: bytes, size: int, end: bytes) -> None:
        self._begin, self._left, self._end = begin, size, end

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        if self._begin:
            found, self._begin = self._begin[:size], self._begin[size:]
        elif self._left:
            found = b"x" * min(size, self._left)
            self._left -= len(found)
        else:
            found, self._end = self._end[:size], self._end[size:]
        return found


def everything(records: formats.Records) -> tuple[list[Record], str | None]:
    """The records, and why there are no more."""
    found: list[Record] = []
    try:
        for piece in records.slices:
            found += piece
    except UnreadableError as error:
        return found, str(error)
    return found, None


def opened(file: Any, name: str, form: formats.Format | None = None) -> formats.Records:
    return formats.read(cast("io.BytesIO", file), name, form)


def read(
    content: bytes, name: str = "events.ndjson", form: formats.Format | None = None, sizes: list[int] | None = None
) -> tuple[list[Record], str | None]:
    file = io.BytesIO(content) if sizes is None else Dripping(content, sizes)
    return everything(opened(file, name, form))


def whole(content: bytes, name: str = "events.ndjson", form: formats.Format | None = None) -> list[Record]:
    """The records of a file without damage."""
    found, damage = read(content, name, form)
    assert damage is None
    return found


def parsed(records: list[Record]) -> list[Any]:
    return [json.loads(record) for record in records if isinstance(record, bytes)]


# NDJSON


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", []),
        (b"\n", [b""]),
        (b"\xef\xbb\xbf", []),
        (b'{"a":1}', [b'{"a":1}']),
        (b'{"a":1}\n', [b'{"a":1}']),
        (b'{"a":1}\r\n{"b":2}\r\n', [b'{"a":1}', b'{"b":2}']),
        (b'\xef\xbb\xbf{"a":1}\n{"b":2}', [b'{"a":1}', b'{"b":2}']),
        (b'\n\n  \t{"a":1}  \n \t\n{"b":2}\n\n', [b"", b"", b'{"a":1}', b"", b'{"b":2}', b""]),
        (b'{"a":"\xc3\xbc\xe2\x80\xa8"}\n{"b":"\xc2\x85"}\n', [b'{"a":"\xc3\xbc\xe2\x80\xa8"}', b'{"b":"\xc2\x85"}']),
        (b'{"a":\n\xff\xfe\n', [b'{"a":', b"\xff\xfe"]),
    ],
)
def test_every_line_is_a_record_without_its_blanks_and_line_ends(content: bytes, expected: list[bytes]) -> None:
    assert whole(content) == expected
    assert whole(gzip.compress(content), "events.ndjson.gz") == expected


@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(max_size=12), max_size=8), READS)
def test_lines_are_the_same_wherever_reads_end(texts: list[bytes], sizes: list[int]) -> None:
    content = b"{\n" + b"\n".join(texts)
    assert read(content, form="ndjson", sizes=sizes) == read(content, form="ndjson")
    packed = gzip.compress(content, mtime=0)
    assert read(packed, form="ndjson", sizes=sizes) == read(content, form="ndjson")


@pytest.mark.parametrize("shift", range(-4, 5))
def test_a_line_that_crosses_the_border_of_a_chunk_is_one_record(shift: int) -> None:
    first = b'{"a":"' + b"x" * (CHUNK - 20 + shift) + b'"}'
    second = '{"b":"\u4f60\u00fc\U0001f600"}'.encode()
    assert whole(first + b"\r\n" + second + b"\n" + second) == [first, second, second]


def test_a_line_of_over_a_megabyte_is_broken_in_bounded_memory_and_the_rest_goes_on() -> None:
    file = Endless(b'{"a":1}\n{"long":"', 32 * LONGEST_RECORD, b'"}\n{"b":2}\n')
    tracemalloc.start()
    found, damage = everything(opened(file, "events.ndjson"))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert damage is None
    assert found[0] == b'{"a":1}'
    assert isinstance(found[1], Broken)
    assert "longer than" in found[1].reason
    assert found[1].text.startswith('{"long":"xxx')
    assert len(found[1].text) < 300
    assert found[2:] == [b'{"b":2}']
    assert peak < 5 * LONGEST_RECORD


@pytest.mark.parametrize("end", [b"", b"\n", b"\n\n"])
def test_a_last_line_of_over_a_megabyte_is_broken_too(end: bytes) -> None:
    found, damage = everything(opened(Endless(b"", 2 * LONGEST_RECORD, end), "events.ndjson"))
    assert damage is None
    assert [type(record) for record in found[:1]] == [Broken]
    assert found[1:] in ([], [b""])


@pytest.mark.parametrize("sizes", [None, [CHUNK // 4], [CHUNK - 1, CHUNK]])
@pytest.mark.parametrize("more", [1, 1000, CHUNK // 2])
def test_whether_a_line_is_too_long_hangs_on_nothing_but_its_length(sizes: list[int] | None, more: int) -> None:
    edge = b"x" * LONGEST_RECORD
    content = edge + b"\n" + edge + b"x" * more + b"\n{}\n"
    found, damage = read(content, form="ndjson", sizes=sizes)
    assert damage is None
    assert [type(record) for record in found] == [bytes, Broken, bytes]


def test_utf_16_is_refused_with_the_way_out() -> None:
    for encoding in ("utf-16-le", "utf-16-be"):
        content = ("\ufeff" + '{"a":1}\n').encode(encoding)
        for name in ("events.ndjson", "events.json", "events.csv"):
            with pytest.raises(UnreadableError, match="UTF-8"):
                opened(io.BytesIO(content), name)


# JSON arrays


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"[]", []),
        (b" [ ] \n", []),
        (b"\xef\xbb\xbf[1]", [1]),
        (b"[1,23,-4.5e3,true,null]", [1, 23, -4500.0, True, None]),
        (b'\n[\n  {"a": [1, [2]]},\n  {"b": {"c": "]}],{"}}\n]\n', [{"a": [1, [2]]}, {"b": {"c": "]}],{"}}]),
        (b'[{"a":"\\"]"},"\\\\",{"\\u005d":"\\ud83d\\ude00"}]', [{"a": '"]'}, "\\", {"]": "\U0001f600"}]),
    ],
)
def test_the_items_of_an_array_are_records_as_they_stand(content: bytes, expected: list[Any]) -> None:
    assert parsed(whole(content, "events.json")) == expected
    assert parsed(whole(gzip.compress(content), "events.json.gz")) == expected


def test_an_items_bytes_are_those_of_the_file() -> None:
    assert whole(b'[ {"a" :1.0,  "\\u0062": 1E5} ,\n{"b":"\xc3\xbc"}]', "x.json") == [
        b'{"a" :1.0,  "\\u0062": 1E5}',
        b'{"b":"\xc3\xbc"}',
    ]


@settings(max_examples=60, deadline=None)
@given(st.lists(VALUES, max_size=6), READS, st.sampled_from([None, 1]), st.sampled_from([True, False]))
def test_items_are_the_same_wherever_reads_end(
    values: list[Any],
    sizes: list[int],
    indent: int | None,
    ascii_only: bool,  # noqa: FBT001 - hypothesis gives it
) -> None:
    content = json.dumps(values, indent=indent, ensure_ascii=ascii_only).encode()
    found, damage = read(content, form="json", sizes=sizes)
    assert damage is None
    assert parsed(found) == values


@pytest.mark.parametrize("shift", range(-8, 9))
def test_numbers_and_characters_at_the_border_of_a_chunk_stay_whole(shift: int) -> None:
    before = json.dumps("x" * (CHUNK - 20 + shift))
    values = f'[{before},1234567,"\u4f60\U0001f600",{{"n":-0.125e2}},99]'
    assert parsed(whole(values.encode(), "x.json"))[1:] == [1234567, "\u4f60\U0001f600", {"n": -12.5}, 99]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.dictionaries(TEXTS, VALUES, max_size=3), min_size=1, max_size=5), st.data())
def test_an_array_that_is_cut_short_gives_every_whole_item_and_says_so(values: list[Any], data: st.DataObject) -> None:
    pieces = [json.dumps(value, ensure_ascii=False).encode() for value in values]
    content = b"[" + b",".join(pieces) + b"]"
    cut = data.draw(st.integers(1, len(content) - 1))
    found, damage = read(content[:cut], form="json")
    complete = sum(1 for count in range(1, len(pieces) + 1) if len(b"[" + b",".join(pieces[:count])) <= cut)
    assert parsed(found) == values[:complete]
    assert damage is not None
    assert "no JSON array" in damage or "UTF-8" in damage


@pytest.mark.parametrize(
    ("content", "count", "said"),
    [
        (b'[{"a":1}] x', 1, "behind"),
        (b'[{"a":1}][{"b":2}]', 1, "behind"),
        (b'[{"a":1},]', 1, "item 2"),
        (b'[{"a":1} {"b":2}]', 1, ","),
        (b'[{"a":1}{"b":2},{"c":3},{"d":4}]', 1, ","),
        (b'[{"a":1},{"b":2}"x",{"c":3},{"d":4}]', 2, ","),
        (b'[{"a":1},{"b":tru}]', 1, "item 2"),
        (b'[{"a":1},{"b":"\n"}]', 1, "item 2"),
        (b'{"a":1}', 0, "["),
        (b"", 0, "["),
        (b'[{"a":1},' + b"[" * 200_000, 1, "item 2"),
    ],
)
def test_what_stands_before_a_damage_in_an_array_is_read(content: bytes, count: int, said: str) -> None:
    found, damage = read(content, "events.json", "json")
    assert len(parsed(found)) == count
    assert damage is not None
    assert said in damage


def test_items_before_one_that_is_no_utf_8_are_read() -> None:
    content = b'[{"a":1},{"b":2},{"c":"\xff"},{"d":4}]'
    found, _ = read(content, "events.json")
    assert found[:2] == [b'{"a":1}', b'{"b":2}']


def test_an_item_of_over_a_megabyte_ends_an_array_in_bounded_memory_and_what_came_before_is_read() -> None:
    file = Endless(b'[{"a":1},{"long":"', 16 * LONGEST_RECORD, b'"},{"b":2}]')
    tracemalloc.start()
    found, damage = everything(opened(file, "events.json"))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found[0] == b'{"a":1}'
    assert damage is not None or any(isinstance(record, Broken) for record in found)
    assert peak < 16 * LONGEST_RECORD


def test_a_damaged_item_behind_many_slices_loses_none_before_it() -> None:
    count = 2 * SLICE + 3
    content = b"[" + b'{"a":1},' * count + b"?]"
    found, damage = read(content, "events.json")
    assert len(found) == count
    assert damage is not None
    assert f"item {count + 1}" in damage


# CSV


def rows(content: bytes, name: str = "events.csv") -> list[Any]:
    return list(whole(content, name))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"a,b\n1,2\n", [{"a": "1", "b": "2"}]),
        (b"a,b", []),
        (b"a,b\r\n1,2\r\n3,4", [{"a": "1", "b": "2"}, {"a": "3", "b": "4"}]),
        (b"\xef\xbb\xbfa,b\n1,2\n", [{"a": "1", "b": "2"}]),
        (b"a;b\n1;2,5\n", [{"a": "1", "b": "2,5"}]),
        (b"a\tb\n1\t2\n", [{"a": "1", "b": "2"}]),
        (b"a|b\n1|2\n", [{"a": "1", "b": "2"}]),
        (b"a\n1\n", [{"a": "1"}]),
        (b'a,b\n"x\r\ny\nz","say ""hi"", you"\n', [{"a": "x\r\ny\nz", "b": 'say "hi", you'}]),
        (b'"a\nb",c\n1,2\n', [{"a\nb": "1", "c": "2"}]),
        (b" a , b \n1, 2\n", [{"a": "1", "b": " 2"}]),
        (b"a,b\n\n1,2\n\n", [b"", {"a": "1", "b": "2"}, b""]),
        ("a,b\n\u00fc,\U0001f600\n".encode(), [{"a": "\u00fc", "b": "\U0001f600"}]),
        (b"a,b\n,\n", [{"a": "", "b": ""}]),
    ],
)
def test_the_rows_of_a_table_are_records_by_column(content: bytes, expected: list[Any]) -> None:
    assert rows(content) == expected
    assert rows(gzip.compress(content), "events.csv.gz") == expected


CELLS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=5).filter(str.strip)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(CELLS, CELLS), max_size=6), READS)
def test_rows_are_what_was_written_wherever_reads_end(written: list[tuple[str, str]], sizes: list[int]) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows([("a", "b"), *written])
    found, damage = read(text.getvalue().encode(), form="csv", sizes=sizes)
    assert damage is None
    assert found == [{"a": a, "b": b} for a, b in written]


@pytest.mark.parametrize("content", [b"", b"\n1,2\n", b"a,,c\n1,2,3\n", b"a,b,a\n1,2,3\n", b"a,b,\n1,2,3\n", b'a,"b\n'])
def test_a_table_without_a_plain_header_is_refused(content: bytes) -> None:
    with pytest.raises(UnreadableError, match="header"):
        opened(io.BytesIO(content), "events.csv")


def test_rows_that_do_not_fit_the_header_are_broken_and_shown_and_the_rest_goes_on() -> None:
    found = rows(b"a,b\n1\n1,2,3\n1,2\n")
    assert [type(record) for record in found] == [Broken, Broken, dict]
    assert "1 cell" in found[0].reason
    assert "3 cells" in found[1].reason
    assert found[1].text == "1 2 3"


def test_bad_quotes_break_their_row_and_the_rest_goes_on() -> None:
    found = rows(b'a,b\n1,"x"y\n3,4\n"5"6,7\n8,9\n')
    assert isinstance(found[0], Broken)
    assert found[1] == {"a": "3", "b": "4"}
    assert isinstance(found[2], Broken)
    assert found[3] == {"a": "8", "b": "9"}


def test_a_quote_that_is_never_closed_loses_nothing_before_it_and_is_told() -> None:
    found = rows(b'a,b\n1,2\n3,"4\n5,6\n')
    assert found[0] == {"a": "1", "b": "2"}
    assert isinstance(found[1], Broken)


def test_a_huge_cell_breaks_its_row_and_the_rest_goes_on() -> None:
    found = rows(b"a,b\n1," + b"x" * 200_000 + b"\n3,4\n")
    assert [type(record) for record in found] == [Broken, dict]


def test_a_row_without_an_end_is_read_in_bounded_memory() -> None:
    file = Endless(b"a,b\n1,2\n3,", 24 * LONGEST_RECORD, b"\n5,6\n")
    tracemalloc.start()
    found, _ = everything(opened(file, "events.csv"))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found[0] == {"a": "1", "b": "2"}
    assert peak < 8 * LONGEST_RECORD


def test_a_header_without_an_end_is_refused_in_bounded_memory() -> None:
    tracemalloc.start()
    with pytest.raises(UnreadableError):
        opened(Endless(b"a,b", 24 * LONGEST_RECORD, b""), "events.csv")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * LONGEST_RECORD


def test_bytes_that_are_no_utf_8_stay_in_their_row() -> None:
    found = rows(b"a,b\n\xff\xfe,2\n3,4\n")
    assert found[1] == {"a": "3", "b": "4"}
    assert found[0] != {"a": "", "b": "2"}


# gzip


def many_lines(count: int) -> bytes:
    """Lines that don't pack well."""
    return b"".join(b'{"n":%d,"r":"%08x"}\n' % (number, zlib.crc32(b"%d" % number)) for number in range(count))


@settings(max_examples=25, deadline=None)
@given(st.floats(0.02, 0.99))
def test_gzip_that_is_cut_short_gives_every_line_that_was_packed_whole(part: float) -> None:
    packed = gzip.compress(many_lines(3_000), mtime=0)
    cut = packed[: int(len(packed) * part)]
    plain = zlib.decompressobj(wbits=31).decompress(cut)
    found, damage = read(cut, "events.ndjson.gz")
    assert len(found) == plain.count(b"\n")
    assert found == plain.split(b"\n")[:-1]
    assert damage is not None
    assert "gzip" in damage


@pytest.mark.parametrize("name", ["events.json.gz", "events.csv.gz"])
def test_tables_and_arrays_in_gzip_that_is_cut_short_give_what_came_before(name: str) -> None:
    content = (
        b"[" + b",".join(many_lines(3_000).splitlines()) + b"]"
        if "json" in name
        else b"n,r\n" + b"".join(b"%d,%08x\n" % (number, zlib.crc32(b"%d" % number)) for number in range(3_000))
    )
    packed = gzip.compress(content, mtime=0)
    found, damage = read(packed[: len(packed) // 2], name)
    assert len(found) > 1_000
    assert damage is not None


def test_gzip_with_a_wrong_checksum_gives_every_line_and_is_told() -> None:
    packed = bytearray(gzip.compress(many_lines(100)))
    packed[-6] ^= 1
    found, damage = read(bytes(packed), "events.ndjson.gz")
    assert len(found) == 100
    assert damage is not None


def test_gzip_with_something_behind_it_gives_every_line_and_is_told() -> None:
    found, damage = read(gzip.compress(many_lines(100)) + b"no more gzip", "events.ndjson.gz")
    assert len(found) == 100
    assert damage is not None


def test_gzip_that_is_corrupt_gives_what_came_long_before() -> None:
    content = many_lines(60_000)
    packed = bytearray(gzip.compress(content, mtime=0))
    at = len(packed) * 3 // 4
    packed[at : at + 40] = b"\xff" * 40
    found, damage = read(bytes(packed), "events.ndjson.gz")
    assert len(found) > 30_000
    assert found[:30_000] == content.split(b"\n")[:30_000]
    assert damage is not None


@pytest.mark.parametrize("form", ["csv", "json", "ndjson"])
def test_gzip_that_unpacks_to_much_and_is_corrupt_is_no_trouble_for_any_form(form: formats.Format) -> None:
    begin, line = {"csv": (b"a,b\n", b"1,2\n"), "json": (b"[1", b",123"), "ndjson": (b"", b'{"a":1}\n')}[form]
    various = b"".join(line.replace(b"1", b"%d" % zlib.crc32(b"%d" % number)) for number in range(40_000))
    packed = bytearray(gzip.compress(begin + various + line * 60_000, mtime=0))
    packed[-60:-30] = b"\xff" * 30
    found, damage = read(bytes(packed), f"events.{form}.gz", form)
    assert damage is not None
    assert 40_000 <= len(found) <= 100_001


def test_several_gzip_members_are_one_file() -> None:
    assert whole(gzip.compress(b'{"a":1}\n') + gzip.compress(b'{"b":2}\n'), "x.gz") == [b'{"a":1}', b'{"b":2}']


def test_gzip_that_ends_in_its_header_is_refused() -> None:
    with pytest.raises(UnreadableError, match="gzip"):
        opened(io.BytesIO(gzip.compress(b"{}")[:6]), "events.ndjson.gz")


def test_a_gzip_bomb_of_one_line_is_unpacked_in_bounded_memory() -> None:
    packed = gzip.compress(b'{"a":1}\n' + b" " * (64 * LONGEST_RECORD) + b"x\n{}\n")
    assert len(packed) < LONGEST_RECORD
    tracemalloc.start()
    found, damage = read(packed, "events.ndjson.gz")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert damage is None
    assert [type(record) for record in found] == [bytes, Broken, bytes]
    assert peak < 6 * LONGEST_RECORD


# Parquet


def parquet(path: Path, table: Any, **more: Any) -> tuple[formats.Records, list[Any], str | None]:
    pq.write_table(table, path, **more)
    with path.open("rb") as file:
        records = formats.read(file, "events.bin")
        found, damage = everything(records)
    return records, found, damage


def test_parquets_values_are_what_json_makes_of_them(tmp_path: Path) -> None:
    moment = datetime(2026, 1, 31, 8, 0, 0, 123_000, tzinfo=UTC)
    table = pa.table(
        {
            "timestamp": pa.array([moment, None], pa.timestamp("us", "UTC")),
            "millis": pa.array([moment, None], pa.timestamp("ms", "+05:30")),
            "nanos": pa.array([1_700_000_000_123_456_000, None], pa.timestamp("ns", "UTC")),
            "int": pa.array([2**53, None]),
            "float": pa.array([0.1, None]),
            "bool": pa.array([True, None]),
            "decimal": pa.array([Decimal("1.50"), Decimal("2.00")]),
            "date": pa.array([date(2026, 1, 31), None]),
            "time": pa.array([time(8, 30), None]),
            "traits": pa.array([{"a": {"b": [1, None]}, "c": "d"}, None]),
            "list": pa.array([[{"x": 1}], []], pa.list_(pa.struct({"x": pa.int64()}))),
            "category": pa.array(["x", None]).dictionary_encode(),
        }
    )
    records, found, damage = parquet(tmp_path / "x", table)
    assert damage is None
    assert (records.unit, records.total) == ("row", 2)
    assert records.header == tuple(table.column_names)
    assert found[0] == {
        "timestamp": "2026-01-31T08:00:00.123000+00:00",
        "millis": "2026-01-31T13:30:00.123000+05:30",
        "nanos": "2023-11-14T22:13:20.123456+00:00",
        "int": 2**53,
        "float": 0.1,
        "bool": True,
        "decimal": 1.5,
        "date": "2026-01-31",
        "time": "08:30:00",
        "traits": {"a": {"b": [1, None]}, "c": "d"},
        "list": [{"x": 1}],
        "category": "x",
    }
    assert isinstance(found[1]["decimal"], int)
    assert found[1]["list"] == []
    assert found[1]["traits"] is None


def test_parquets_maps_are_objects_empty_ones_too(tmp_path: Path) -> None:
    column = pa.array([[("a", 1)], [], None], pa.map_(pa.string(), pa.int64()))
    _, found, _ = parquet(tmp_path / "x", pa.table({"traits": column}))
    assert [row["traits"] for row in found] == [{"a": 1}, {}, None]


def test_parquets_nanoseconds_end_no_import(tmp_path: Path) -> None:
    column = pa.array([1_700_000_000_123_456_000, 1_700_000_000_123_456_789], pa.timestamp("ns", "UTC"))
    _, found, _ = parquet(tmp_path / "x", pa.table({"timestamp": column}))
    assert len(found) == 2
    assert found[0] == {"timestamp": "2023-11-14T22:13:20.123456+00:00"}
    second = found[1]
    assert isinstance(second, Broken) or second["timestamp"].startswith("2023-11-14T22:13:20.123456")


def test_parquets_moments_beyond_every_calendar_end_no_import(tmp_path: Path) -> None:
    column = pa.array([10**15, 0], pa.timestamp("ms", "UTC"))
    _, found, damage = parquet(tmp_path / "x", pa.table({"timestamp": column}))
    assert damage is not None or isinstance(found[0], Broken)


@pytest.mark.parametrize(
    "column", [pa.array([b"\x00\xff", None]), pa.array([timedelta(seconds=1), None])], ids=["binary", "duration"]
)
def test_a_value_that_json_does_not_have_breaks_its_row_alone(tmp_path: Path, column: Any) -> None:
    _, found, damage = parquet(tmp_path / "x", pa.table({"x": column, "userId": ["u", "v"]}))
    assert damage is None
    assert isinstance(found[0], Broken)
    assert "JSON" in found[0].reason
    assert found[1] == {"x": None, "userId": "v"}


def test_only_the_columns_that_are_used_are_read(tmp_path: Path) -> None:
    table = pa.table({"a": [1], "a.b": [2], "c": [{"d": 3, "e": 4}], "raw": [b"\xff"]})
    pq.write_table(table, tmp_path / "x")
    for used, expected in ((["a.b"], {"a.b": 2}), (["c", "missing"], {"c": {"d": 3, "e": 4}})):
        with (tmp_path / "x").open("rb") as file:
            records = formats.read(file, "x", None, used)
            ((row,),) = list(records.slices)
        assert records.header == ("a", "a.b", "c", "raw")
        assert isinstance(row, dict)
        assert expected.items() <= row.items()


def test_parquets_unknown_zones_end_no_import(tmp_path: Path) -> None:
    column = pa.array([1_700_000_000, None], pa.timestamp("s", "Nowhere/Land"))
    _, found, damage = parquet(tmp_path / "x", pa.table({"timestamp": column}))
    assert damage is not None or isinstance(found[0], Broken)


def test_parquet_is_read_slice_by_slice(tmp_path: Path) -> None:
    pq.write_table(pa.table({"n": list(range(1_000))}), tmp_path / "x", row_group_size=100)
    with (tmp_path / "x").open("rb") as file:
        pieces: Iterator[list[Record]] = formats.read(file, "x").slices
        sizes = [len(piece) for piece in pieces]
    assert sum(sizes) == 1_000
    assert max(sizes) <= SLICE


@pytest.mark.parametrize("content", [b"PAR1", b"PAR1" + b"\x00" * 100 + b"PAR1", b"PAR1 is not all that it takes"])
def test_what_only_begins_like_parquet_is_refused(content: bytes) -> None:
    with pytest.raises(UnreadableError, match="Parquet"):
        opened(io.BytesIO(content), "x.parquet")


def test_parquet_with_damaged_pages_ends_with_a_reason(tmp_path: Path) -> None:
    pq.write_table(pa.table({"n": [f"{n}" * 9 for n in range(5_000)]}), tmp_path / "x", compression="none")
    content = bytearray((tmp_path / "x").read_bytes())
    content[4:40] = b"\xff" * 36
    try:
        found, damage = read(bytes(content), "x.parquet")
    except UnreadableError:
        return
    assert damage is not None
    assert found == []


def test_parquet_through_a_pipe_is_refused_with_the_way_out() -> None:
    with pytest.raises(UnreadableError, match="name the file"):
        opened(Dripping(b"PAR1....PAR1", [3]), "-")


# What a file is


@pytest.mark.parametrize(
    ("name", "content", "unit"),
    [
        ("events", b'{"a":1}\n', "line"),
        ("events", b'  \n\t[{"a":1}]', "item"),
        ("events", b"\xef\xbb\xbf[1]", "item"),
        ("events", b" " * 5_000 + b"[1]", "item"),
        ("events.json", b'{"a":1}\n{"b":2}\n', "line"),
        ("events.ndjson", b'[{"a":1}]', "item"),
        ("events.CSV", b"a,b\n", "row"),
        ("events.tsv", b"a\tb\n", "row"),
        ("events.csv.gz", gzip.compress(b"a,b\n"), "row"),
        ("EVENTS.CSV.GZ", gzip.compress(b"a,b\n"), "row"),
        ("events.csv", gzip.compress(b"a,b\n"), "row"),
        ("events.gz", gzip.compress(b"[1]"), "item"),
        ("events.gz", b'{"a":1}\n', "line"),
        ("standard input", b"", "line"),
    ],
    ids=range(14),
)
def test_name_and_content_say_what_a_file_is(name: str, content: bytes, unit: str) -> None:
    assert opened(io.BytesIO(content), name).unit == unit


@pytest.mark.parametrize(("form", "unit"), [("ndjson", "line"), ("json", "item"), ("csv", "row")])
def test_what_the_operator_says_it_is_overrules(form: formats.Format, unit: str) -> None:
    for name in ("x.csv", "x.json", "x.parquet"):
        assert opened(io.BytesIO(b"[a,b]\n"), name, form).unit == unit


def test_only_a_table_has_a_header() -> None:
    assert opened(io.BytesIO(b"a,b\n"), "x.csv").header == ("a", "b")
    assert opened(io.BytesIO(b"{}"), "x").header is None
    assert opened(io.BytesIO(b"[]"), "x").header is None
