"""Dead letters: every refused record once, readable, with its reason, and in a file for its owner's eyes only."""

import contextlib
import json
import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segment_mcp.events.checks import LARGEST_EVENT, Problem
from segment_mcp.events.imports.letters import DeadLetters
from segment_mcp.events.imports.preparing import Broken, Record
from tests.events.documents import VALUES

PROBLEM = Problem("bad_request", "properties.a", "is wrong")
SAID = [{"code": "bad_request", "field": "properties.a", "message": "is wrong"}]


def letter(record: Record | None, problem: Problem = PROBLEM) -> dict[str, Any]:
    """What is written of a record."""
    letters = DeadLetters(Path("unused"), 0)
    letters.add("line", 7, record, [problem])
    text = letters.take()
    assert text.count(b"\n") == 1
    assert text.endswith(b"}\n")
    found: dict[str, Any] = json.loads(text)
    return found


@pytest.mark.parametrize(
    ("record", "shown"),
    [
        (b'{"type":"track","n":1.5}', {"event": {"type": "track", "n": 1.5}}),
        (b"[1]", {"event": [1]}),
        (b"not json", {"text": "not json"}),
        (b'{"a":NaN}', {"text": '{"a":NaN}'}),
        (b"\xff\xfe", {"text": "\ufffd\ufffd"}),
        (b"x" * 9_000, {"text": "x" * 1_999 + "\u2026"}),
        ({"a": "1"}, {"values": {"a": "1"}}),
        (Broken("why", "the text"), {"text": "the text"}),
        (Broken("why"), {}),
        (None, {}),
    ],
    ids=range(10),
)
def test_a_letter_says_where_why_and_what(record: Record | None, shown: dict[str, Any]) -> None:
    assert letter(record) == {"line": 7, "problems": SAID, **shown}


def test_an_event_that_is_too_large_is_shown_shortened() -> None:
    assert len(letter(b'{"a":"' + b"x" * LARGEST_EVENT + b'"}')["text"]) <= 2_000


@pytest.mark.parametrize(
    "record",
    [
        b'{"userId":"\\ud800"}',
        b'{"\\udc00":1}',
        {"userId": "\udcff"},
        {"\udcff": "x"},
        b'{"a":' + b"[" * 995 + b"]" * 995 + b"}",
        b"[" * 30_000,
        {"n": 2**70},
        {"n": float("nan")},
    ],
    ids=range(8),
)
def test_a_record_that_json_can_hardly_carry_is_told_all_the_same(record: Record) -> None:
    found = letter(record)
    assert found["line"] == 7
    assert found["problems"] == SAID
    assert set(found) & {"event", "values", "text"}


def test_a_field_that_unicode_does_not_have_is_told_all_the_same() -> None:
    found = letter(b"{}", Problem("bad_request", "properties.\ud800", "has a lone surrogate"))
    assert found["problems"][0]["code"] == "bad_request"


@settings(max_examples=150, deadline=None)
@given(st.one_of(st.binary(max_size=30), VALUES.map(lambda value: json.dumps(value).encode())))
def test_any_record_is_one_letter(record: bytes) -> None:
    assert letter(record)["problems"] == SAID


@pytest.mark.parametrize(
    "record", [b'{"type":"track","writeKey":"anOldWriteKey00000000"}', {"writeKey": "anOldWriteKey00000000"}]
)
def test_a_write_key_in_a_record_is_not_shown(record: Record) -> None:
    assert "anOldWriteKey0" not in json.dumps(letter(record))


def written(path: Path) -> list[Any]:
    return [json.loads(line)["line"] for line in path.read_bytes().splitlines()]


def add(letters: DeadLetters, *numbers: int) -> None:
    for number in numbers:
        letters.add("line", number, b"{}", [PROBLEM])
    letters.write(letters.take())


def test_the_file_is_made_for_the_first_letter_and_is_its_owners(tmp_path: Path) -> None:
    path = tmp_path / "dead.ndjson"
    letters = DeadLetters(path, 0)
    letters.write(letters.take())
    assert not path.exists()
    add(letters, 1)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    add(letters, 2, 3)
    letters.close()
    assert letters.size == path.stat().st_size
    assert written(path) == [1, 2, 3]


def test_what_stands_behind_the_checkpoint_is_written_again(tmp_path: Path) -> None:
    path = tmp_path / "dead.ndjson"
    first = DeadLetters(path, 0)
    add(first, 1)
    size = first.size
    add(first, 2, 3)
    first.close()
    path.write_bytes(path.read_bytes()[:-5])
    second = DeadLetters(path, size)
    add(second, 2)
    add(second, 3, 4)
    second.close()
    assert written(path) == [1, 2, 3, 4]


def test_a_file_that_somebody_took_away_begins_anew_without_a_gap(tmp_path: Path) -> None:
    path = tmp_path / "dead.ndjson"
    letters = DeadLetters(path, 500)
    add(letters, 8)
    letters.close()
    assert b"\0" not in path.read_bytes()
    assert written(path) == [8]
    assert letters.size == path.stat().st_size


def test_a_link_in_the_files_place_is_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious", encoding="utf-8")
    (tmp_path / "dead.ndjson").symlink_to(victim)
    letters = DeadLetters(tmp_path / "dead.ndjson", 0)
    with pytest.raises(OSError, match="symbolic"):
        add(letters, 1)
    assert victim.read_text(encoding="utf-8") == "precious"


def test_a_file_that_can_not_be_made_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such"):
        add(DeadLetters(tmp_path / "missing" / "dead.ndjson", 0), 1)


def test_rewinding_takes_away_what_no_checkpoint_confirmed(tmp_path: Path) -> None:
    path = tmp_path / "dead.ndjson"
    letters = DeadLetters(path, 0)
    add(letters, 1)
    size = letters.size
    add(letters, 2)
    letters.close()
    again = DeadLetters(path, 0)
    again.rewind(size)
    assert again.size == size
    assert written(path) == [1]
    again.rewind(0)
    assert not path.exists()
    again.rewind(500)
    assert again.size == 0


def test_rewinding_follows_no_link(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious", encoding="utf-8")
    (tmp_path / "dead.ndjson").symlink_to(victim)
    with contextlib.suppress(OSError):
        DeadLetters(tmp_path / "dead.ndjson", 0).rewind(3)
    assert victim.read_text(encoding="utf-8") == "precious"
