"""A short bad day, and what its proof would notice; `python -m tests.chaos` lives through a long one."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.arrivals import Arrival
from tests.chaos.day import Day, Script
from tests.chaos.events import Call, a_file
from tests.chaos.proof import complaints, most_repeats, summary

NOON = datetime(2026, 5, 20, 12, 0, tzinfo=UTC)
LATE = timedelta(minutes=1)


async def test_no_promise_is_broken_while_segment_fails_and_processes_are_killed(tmp_path: Path) -> None:
    day = Day(Script(kills=6, seed=1, events=500, call_seconds=1.0), tmp_path)
    await day.live()
    found = complaints(day)
    assert not found, "\n".join([summary(day), *found])


def good_day(folder: Path) -> Day:
    """A made-up day without anything to complain of: one file, and four calls whose second one was deferred."""
    script = Script(kills=3, seed=1, events=60, call_seconds=1.0)
    day = Day(script, folder)
    day.kills.update(day.script.quotas())
    file = a_file(folder / "0.ndjson", script.chance("file"), script.events)
    file.said = f"0.ndjson: finished, {len(file.valid())} accepted, {len(file.invalid())} invalid, 0 refused\n"
    letters = [{"line": line.number, "problems": [{"code": line.code}]} for line in file.invalid()]
    write_letters(folder, letters)
    day.files.append(file)
    told = ("accepted", "deferred", None, "unauthorized")
    day.calls += [
        Call(f"Call {index}", NOON, f"call-{index}", what, None if what is None else NOON)
        for index, what in enumerate(told)
    ]
    day.arrivals += [
        Arrival(line.message_id or f"import-{line.number}", line.name, "imports", NOON, line.happened or NOON)
        for line in file.valid()
    ]
    day.arrivals += [Arrival(f"call-{index}", f"Call {index}", "calls", NOON + LATE, NOON) for index in (0, 1)]
    day.evening.pending, day.evening.left = ["call-1"], {"pending": 0, "deadLetters": 0}
    return day


def write_letters(folder: Path, letters: list[dict[str, object]]) -> None:
    (folder / "0.ndjson.1.dead.ndjson").write_text("".join(json.dumps(letter) + "\n" for letter in letters))


def change(which: str, **changed: Any) -> Callable[[Day], None]:
    """Another arrival in place of the one of that name."""

    def spoil(day: Day) -> None:
        day.arrivals = [replace(each, **changed) if each.name == which else each for each in day.arrivals]

    return spoil


def lose(name: str) -> Callable[[Day], None]:
    def spoil(day: Day) -> None:
        day.arrivals = [each for each in day.arrivals if each.name != name]

    return spoil


def again(which: str, **changed: Any) -> Callable[[Day], None]:
    def spoil(day: Day) -> None:
        day.arrivals += [replace(each, **changed) for each in day.arrivals if each.name == which]

    return spoil


def letters(edit: Callable[[list[dict[str, object]]], object]) -> Callable[[Day], None]:
    def spoil(day: Day) -> None:
        found = day.files[0].letters()
        edit(found)
        write_letters(day.folder, found)

    return spoil


def evening(**changed: Any) -> Callable[[Day], None]:
    return lambda day: setattr(day, "evening", replace(day.evening, **changed))


def test_a_good_day_is_not_complained_of(tmp_path: Path) -> None:
    day = good_day(tmp_path)
    assert not complaints(day)
    assert "dead letters: 3" in summary(day)


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (lambda day: day.kills.clear(), "import was killed 0 times"),
        (lambda day: day.calls.pop(0), "nobody was told accepted"),
        (lose("Import 0 2"), "0.ndjson: valid, and never arrived (1): Import 0 2 ("),
        (change("Import 0 2", message_id="other"), "0.ndjson: arrived under another messageId (1): other for"),
        (change("Import 0 2", timestamp=NOON), "0.ndjson: arrived with another time (1): Import 0 2"),
        (change("Import 0 2", source_id="calls"), "events named Import ... arrived in several sources"),
        (change("Import 0 2", code="bad_request"), "failed on ingest (1): Import 0 2 (bad_request)"),
        (change("Import 0 2", repeats=1_000_000), "the imports repeated 1000000 events"),
        (evening(imported_again=1_000), "after the last kill the imports repeated 1000 events; 40"),
        (lambda day: day.arrivals.reverse(), "0.ndjson: came before an earlier event of its user"),
        (again("Import 0 2", message_id="other"), "arrived more than once (1): Import 0 2 (2 times)"),
        (again("Call 0"), "accepted more than once by messageId (1): call-0 (2 times)"),
        (again("Call 0", name="Call 9", message_id="nine"), "arrived, and nobody sent it (1): Call 9"),
        (lambda day: setattr(day.files[0], "said", ""), "0.ndjson: the importer should have said 'finished, 57 acc"),
        (letters(list.pop), "0.ndjson: invalid lines without a dead letter (1): 50"),
        (letters(lambda found: found.append(found[0])), "0.ndjson: lines with several dead letters (1): "),
        (
            letters(lambda found: found.append({**found[0], "line": 2})),
            "0.ndjson: dead letters of lines that are valid",
        ),
        (letters(lambda found: found[0].update(problems=[])), "0.ndjson: dead letters that say something else"),
        (letters(lambda found: found[0].update(event={})), "0.ndjson: dead letters that say something else"),
        (lose("Call 0"), "told accepted, and never arrived (1): Call 0 (call-0)"),
        (lose("Call 1"), "told deferred, and never arrived (1): Call 1 (call-1)"),
        (change("Call 1", timestamp=NOON + LATE), "arrived with another time than that of the call (1): Call 1"),
        (change("Call 1", message_id="other"), "arrived under another messageId than was told (1): Call 1: other for"),
        (change("Call 0", repeats=1_000), "repeated more often than 2 requests went unconfirmed (1): Call 0 (1000"),
        (lambda day: setattr(day.calls[3], "told", "internal"), "failed, and no fault was the reason (1): Call 3"),
        (evening(dead={"call-1": "rejected"}), "dead letters for which no fault was the reason (1): call-1: rejected"),
        (evening(left={"pending": 1}), "the outbox was not emptied"),
        (evening(there={"call-1"}), "the outbox had 1 events, of which Segment had 1"),
        (evening(repeats=1), "the outbox had 1 events, of which Segment had 0"),
    ],
)
def test_the_proof_names_what_is_wrong(tmp_path: Path, spoil: Callable[[Day], object], complaint: str) -> None:
    day = good_day(tmp_path)
    spoil(day)
    assert any(each.startswith(complaint) for each in complaints(day)), complaints(day)


def test_an_event_that_was_only_in_memory_after_the_last_kill_was_not_deferred(tmp_path: Path) -> None:
    day = good_day(tmp_path)
    lose("Call 1")(day)
    day.evening.pending = []
    _, nowhere = complaints(day)
    assert nowhere.startswith("told deferred, and after the last kill neither on disk nor at Segment (1): Call 1")


def test_an_invalid_line_that_was_sent_is_named(tmp_path: Path) -> None:
    day = good_day(tmp_path)
    line = day.files[0].invalid()[0]
    day.arrivals.append(Arrival(str(line.message_id), "", "imports", NOON, NOON))
    assert any(f"invalid, and sent all the same (1): {line.name}" in each for each in complaints(day))


def test_what_a_process_logs_of_its_own_defects_counts(tmp_path: Path) -> None:
    (tmp_path / "3-server.log").write_text("Traceback (most recent call last): ...")
    assert complaints(good_day(tmp_path)) == [
        "a process failed on its own account (1): 3-server.log: Traceback (most recent call last): ..."
    ]


def test_each_kill_and_each_unconfirmed_request_allows_repeats(tmp_path: Path) -> None:
    day = good_day(tmp_path)
    before = most_repeats(day)
    day.kills["import"] += 1
    assert most_repeats(day) > before > 0
