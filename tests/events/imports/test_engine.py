"""The engine: whatever fails and whenever it is killed, every record is settled once, and what it says is true."""

import gc
import gzip
import io
import itertools
import json
import logging
import random
import tempfile
import tracemalloc
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from segment_mcp.errors import NetworkFailed, RateLimited, Rejected, UpstreamError
from segment_mcp.events.imports import sources
from segment_mcp.events.imports.engine import MOST_NAMED, PATIENCE, Import, ImportRefusedError, Means, Plan
from segment_mcp.events.imports.lanes import Lanes
from segment_mcp.events.imports.preparing import Shape
from tests.events.imports.workshop import (
    HOST,
    KEY,
    Answer,
    Bench,
    Journal,
    Segment,
    Time,
    down,
    event,
    failing,
    large,
    lines,
    refused,
    refusing,
    repeated,
    unauthorized,
)

INVALID = {"type": "track", "userId": "u"}
TEN = [event(f"m{number}", f"u{number % 3}") for number in range(1, 11)]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path, lines(TEN))


def files_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def bytes_of(path: Path) -> bytes:
    return path.read_bytes()


def ids(events: Sequence[dict[str, Any]]) -> list[str]:
    return [one["messageId"] for one in events]


def many(count: int, users: int = 5) -> list[dict[str, Any]]:
    """Events of which 16 of a lane fill a request."""
    return [large(f"m{number}", f"u{number % users}") for number in range(1, count + 1)]


# Everything goes well


async def test_every_event_is_delivered_once_and_told(bench: Bench) -> None:
    work = await bench.run()
    assert sorted(bench.segment.ids()) == sorted(ids(TEN))
    assert bench.segment.keys == {KEY}
    assert work.report() == {
        "importId": work.id, "file": "events.ndjson", "state": "finished",
        "read": 10, "accepted": 10, "invalid": 0, "refused": 0,
    }  # fmt: skip
    assert not bench.path.exists()
    assert bench.journal.last()["state"] == "finished"


@pytest.mark.parametrize("connections", [1, 3, 8, 64])
async def test_a_users_events_stay_in_order(tmp_path: Path, connections: int) -> None:
    bench = Bench(tmp_path, lines(many(150, users=7)))
    dice = random.Random(4)  # noqa: S311 - not for secrets
    bench.segment.answer = lambda _: down() if dice.random() < 0.2 else None
    bench.segment.seconds = 1
    await bench.run(connections=connections)
    for user in range(7):
        numbers = [int(one["messageId"][1:]) for one in bench.segment.events() if one["userId"] == f"u{user}"]
        assert numbers == sorted(numbers)
    assert len(bench.segment.ids()) == 150


async def test_requests_are_under_way_at_a_time_and_not_more_than_was_asked_for(tmp_path: Path) -> None:
    bench = Bench(tmp_path, lines(many(400, users=50)))
    bench.segment.seconds = 1
    await bench.run(connections=4)
    at = [moment for moment, _ in bench.segment.asked]
    most = max(at.count(moment) for moment in set(at))
    assert 2 <= most <= 4


@pytest.mark.parametrize("form", ["json", "csv", "parquet", "ndjson.gz"])
async def test_every_form_is_imported_and_resumed(tmp_path: Path, form: str) -> None:
    rows = [
        {"type": "track", "userId": f"u{number % 5}", "event": "Bought", "messageId": f"m{number}",
         "properties.text": "x" * 20_000}
        for number in range(60)
    ]  # fmt: skip
    nested = [{**{k: v for k, v in row.items() if "." not in k}, "properties": {"text": "x" * 20_000}} for row in rows]
    if form == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), tmp_path / "t", row_group_size=7)
        content = bytes_of(tmp_path / "t")
    elif form == "csv":
        header = list(rows[0])
        content = "\n".join([",".join(header), *(",".join(row.values()) for row in rows)]).encode()
    else:
        content = json.dumps(nested).encode() if form == "json" else gzip.compress(lines(nested))
    bench = Bench(tmp_path, content, f"events.{form}")
    first = await bench.run(limit=20)
    assert first.state == "limited"
    bench.segment.answer = failing(None, unauthorized())
    second = await bench.run(connections=2)
    assert second.state == "stopped"
    bench.segment.answer = lambda _: None
    third = await bench.run()
    assert third.state == "finished"
    assert sorted(bench.segment.ids()) == sorted(row["messageId"] for row in rows)
    assert all(one["properties"] == {"text": "x" * 20_000} for one in bench.segment.events())


async def test_an_empty_file_is_imported_at_once(tmp_path: Path) -> None:
    work = await Bench(tmp_path, b"").run()
    assert (work.state, work.tally.read, work.tally.accepted) == ("finished", 0, 0)


async def test_blank_lines_count_as_lines_and_as_nothing_else(tmp_path: Path) -> None:
    bench = Bench(tmp_path, b"\n\n" + lines([INVALID]) + b"\r\n" + lines(TEN[:1]))
    work = await bench.run()
    assert (work.tally.read, work.tally.accepted, work.tally.invalid) == (5, 1, 1)
    assert bench.refused_lines() == [3]


async def test_made_ids_are_the_same_when_it_is_imported_again(tmp_path: Path) -> None:
    bench = Bench(tmp_path, lines([{"type": "identify", "userId": "u"}] * 3))
    await bench.run()
    first = bench.segment.ids()
    assert len(set(first)) == 3
    await bench.run(again=True, connections=3)
    assert bench.segment.ids()[3:] == first


# What is invalid


async def test_invalid_records_go_to_the_dead_letters_each_with_its_line_and_code(tmp_path: Path) -> None:
    bad = [b"no json", b"\xff", lines([INVALID]).strip(), b'{"type":"track","userId":"\\ud800","event":"e"}', b"7"]
    bench = Bench(tmp_path, lines([TEN[0], *bad, TEN[1]]))
    work = await bench.run()
    assert work.state == "finished"
    assert work.report()["codes"] == {"bad_request": 4, "event_not_defined": 1}
    assert work.report()["deadLetters"] == str(bench.path)
    assert (work.tally.invalid, work.tally.accepted) == (5, 2)
    assert bench.refused_lines() == [2, 3, 4, 5, 6]
    assert all(letter["problems"][0]["code"] for letter in bench.letters())
    assert next(letter for letter in bench.letters() if letter["line"] == 4)["event"] == INVALID


async def test_a_report_names_the_first_problems_each_with_its_place(tmp_path: Path) -> None:
    bench = Bench(tmp_path, lines([*TEN[:2], *[INVALID] * (MOST_NAMED + 5)]))
    bench.segment.answer = refusing("m2")
    named = (await bench.run(connections=1)).report()["problems"]
    assert len(named) == MOST_NAMED
    assert named[0] == {"line": 3, "code": "event_not_defined", "field": "event", "message": "is required"}
    bench.content = lines(TEN[:2])
    (only,) = (await bench.run(connections=1, again=True)).report()["problems"]
    assert (only["line"], only["code"]) == (2, "bad_request")
    bench.content = lines(TEN)
    bench.segment.answer = lambda _: None
    assert "problems" not in (await bench.run(again=True)).report()


async def test_rows_are_refused_by_row(tmp_path: Path) -> None:
    content = b"uid,price\nu,1\nv,dear\nw\n\nx,2\n"
    mapping = {"uid": "userId", "price": "traits.price:number"}
    bench = Bench(tmp_path, content, "events.csv", map=mapping, shape={"type": "identify"})
    work = await bench.run()
    assert work.tally.accepted == 2
    assert [letter["row"] for letter in bench.letters()] == [2, 3]
    assert "dear" in json.dumps(bench.letters()[0])


async def test_columns_that_are_not_used_may_be_what_they_like(tmp_path: Path) -> None:
    table = pa.table({"uid": ["u", "v"], "raw": [b"\x00", b"\xff"]})
    pq.write_table(table, tmp_path / "t")
    bench = Bench(tmp_path, bytes_of(tmp_path / "t"), "t.parquet", map={"uid": "userId"}, shape={"type": "identify"})
    work = await bench.run()
    assert (work.tally.accepted, work.tally.invalid) == (2, 0)


@pytest.mark.parametrize(
    ("name", "content", "mapping", "said"),
    [
        ("x.csv", b"a,a\n1,2\n", None, "header"),
        ("x.csv", b"a,a.b\n1,2\n", None, "a can't be a value"),
        ("x.csv", b"uid,b\n1,2\n", {"uid": "userId", "price": "p"}, "has no column price"),
        ("x.csv", b"", None, "header"),
        ("x.ndjson", "\ufeff{}".encode("utf-16-le"), None, "UTF-16"),
        ("x.parquet", b"PAR1 and no more", None, "Parquet"),
        ("x.gz", gzip.compress(b"{}")[:5], None, "gzip"),
    ],
    ids=range(7),
)
async def test_what_can_not_begin_says_why_and_leaves_nothing(
    tmp_path: Path, name: str, content: bytes, mapping: dict[str, str] | None, said: str
) -> None:
    bench = Bench(tmp_path, content, name, map=mapping)
    for dry_run in (True, False):
        work = bench.begun(dry_run=dry_run)
        with pytest.raises(ImportRefusedError, match=said) as caught:
            await work.run()
        assert str(caught.value).startswith(name)
    assert bench.segment.asked == []
    assert bench.journal.history == []
    assert files_in(tmp_path) == []


# Failures that pass


async def test_what_passes_is_repeated_after_pauses_that_grow(bench: Bench) -> None:
    failures = [down(), NetworkFailed("broken", host=HOST), RateLimited("busy", host=HOST, status=429), down()]
    bench.segment.answer = failing(*failures)
    work = await bench.run(connections=1)
    assert work.state == "finished"
    assert work.reason is None
    assert bench.segment.ids() == ids(TEN)
    moments = [moment for moment, _ in bench.segment.asked]
    pauses = [after - before for before, after in itertools.pairwise(moments)]
    assert len(pauses) == 4
    assert pauses == sorted(pauses)
    assert pauses[0] >= 1
    assert pauses[3] > pauses[0]


async def test_segments_word_on_waiting_is_kept(bench: Bench) -> None:
    bench.segment.answer = failing(down(wait=70.0))
    await bench.run(connections=1)
    first, second = (moment for moment, _ in bench.segment.asked)
    assert second - first >= 70


async def test_while_it_waits_the_report_says_for_what(bench: Bench) -> None:
    seen = []

    def answer(_: Any) -> UpstreamError | None:
        seen.append(work.report())
        return down() if len(seen) == 1 else None

    bench.segment.answer = answer
    work = bench.begun(connections=1)
    await work.run()
    assert "503" in seen[1]["reason"]
    assert seen[1]["state"] == "running"
    assert "reason" not in work.report()


async def test_a_lane_that_fails_holds_up_no_other(tmp_path: Path) -> None:
    bench = Bench(tmp_path, lines([event("a", "u0"), event("b", "u1"), event("c", "u2"), event("d", "u3")]))
    bench.segment.answer = lambda events: down() if "a" in ids(list(events)) and bench.time.passed < 100 else None
    await bench.run(connections=8)
    assert bench.segment.ids()[-1] == "a"
    assert sorted(bench.segment.ids()) == ["a", "b", "c", "d"]


async def test_segment_that_is_down_for_long_stops_it_and_it_goes_on_later(bench: Bench) -> None:
    bench.segment.answer = lambda _: down()
    work = await bench.run()
    assert work.state == "stopped"
    assert work.reason is not None
    assert "503" in work.reason
    assert PATIENCE < bench.time.passed < PATIENCE + 1_000
    assert bench.journal.last()["state"] == "stopped"
    bench.segment.answer = lambda _: None
    again = await bench.run()
    assert again.state == "finished"
    assert sorted(bench.segment.ids()) == sorted(ids(TEN))


async def test_segment_that_is_down_for_less_is_waited_for(bench: Bench) -> None:
    bench.segment.answer = lambda _: down() if bench.time.passed < PATIENCE - 100 else None
    work = await bench.run()
    assert work.state == "finished"
    assert len(bench.segment.ids()) == 10


async def test_a_slow_rate_is_no_impatience(tmp_path: Path) -> None:
    bench = Bench(tmp_path, lines(TEN[:3]))
    bench.segment.answer = lambda _: down() if len(bench.segment.asked) == 2 else None
    work = await bench.run(connections=1, rate=0.5 / PATIENCE)
    assert bench.time.passed > PATIENCE
    assert work.reason is None
    assert work.state == "finished"
    assert len(bench.segment.ids()) == 3


async def test_what_was_waited_for_is_no_reason_of_an_import_that_ended_well(tmp_path: Path) -> None:
    bench = Bench(tmp_path, lines(TEN[:1]))
    bench.segment.answer = failing(down(), refused())
    work = await bench.run()
    assert (work.state, work.tally.refused) == ("finished", 1)
    assert "reason" not in work.report()


# Failures that don't


@pytest.mark.parametrize("status", [400, 413])
async def test_the_one_event_that_is_refused_is_found_and_the_others_are_delivered(tmp_path: Path, status: int) -> None:
    events = [event(f"m{number}") for number in range(1, 101)]
    bench = Bench(tmp_path, lines(events))
    bad = {"m17", "m64", "m65"}
    failure = Rejected(f"{HOST} answered {status}: too odd.", host=HOST, status=status)
    bench.segment.answer = lambda found: failure if bad & {one["messageId"] for one in found} else None
    work = await bench.run()
    assert work.state == "finished"
    assert bench.segment.ids() == [one["messageId"] for one in events if one["messageId"] not in bad]
    assert (work.tally.accepted, work.tally.refused, work.tally.invalid) == (97, 3, 0)
    assert work.tally.codes == {"bad_request": 3}
    letters = {letter["line"]: letter for letter in bench.letters()}
    assert sorted(letters) == [17, 64, 65]
    assert letters[17]["event"] == events[16]
    assert "too odd" in letters[17]["problems"][0]["message"]
    assert len(bench.segment.asked) < 60


async def test_while_parts_of_a_request_fail_they_are_repeated_alone(bench: Bench) -> None:
    bench.segment.answer = lambda found: (
        refused() if len(found) > 5 else down() if len(bench.segment.asked) == 2 else None
    )
    work = await bench.run(connections=1)
    assert work.state == "finished"
    assert bench.segment.ids() == ids(TEN)


@pytest.mark.parametrize(
    "failure", [unauthorized(), Rejected("no", host=HOST, status=422), Rejected("no", host=HOST, status=404)]
)
async def test_another_refusal_stops_it_with_the_reason_and_it_goes_on_later(
    tmp_path: Path, failure: UpstreamError
) -> None:
    bench = Bench(tmp_path, lines(many(80)))
    bench.segment.answer = failing(None, None, failure, failure, failure, failure)
    work = await bench.run(connections=4)
    assert work.state == "stopped"
    assert work.reason is not None
    assert failure.message[:-1] in work.reason
    assert bench.journal.last()["reason"] == work.reason
    taken = len(bench.segment.ids())
    assert work.tally.accepted == taken > 0
    bench.segment.answer = lambda _: None
    again = await bench.run(connections=4)
    assert again.state == "finished"
    assert again.tally.accepted == 80
    assert sorted(bench.segment.ids()) == sorted(ids(many(80)))
    assert bench.letters() == []


# Pace


@pytest.mark.parametrize(("rate", "connections"), [(50, 1), (50, 8), (7.5, 3)])
async def test_the_rate_is_kept(tmp_path: Path, rate: float, connections: int) -> None:
    events = many(200, users=20)
    bench = Bench(tmp_path, lines(events))
    await bench.run(rate=rate, connections=connections)
    sent, largest = 0, max(count for _, count in bench.segment.asked)
    for moment, count in bench.segment.asked:
        sent += count
        assert sent <= rate * moment + largest + 1e-6
    assert bench.time.passed <= 200 / rate + 1
    assert sent == 200


async def test_without_a_rate_nobody_waits(tmp_path: Path) -> None:
    bench = Bench(tmp_path, lines(many(100)))
    await bench.run(rate=0)
    assert bench.time.passed == 0


async def test_a_rate_that_is_hardly_one_still_lets_the_first_events_go(bench: Bench) -> None:
    await bench.run(rate=0.01, connections=1)
    assert bench.segment.asked[0][0] == 0
    assert bench.segment.ids() == ids(TEN)


# Limit, again, finished, grown, changed


async def test_a_limit_stops_it_and_the_next_run_goes_on_there(bench: Bench) -> None:
    first = await bench.run(limit=3)
    assert (first.state, first.tally.read, first.tally.accepted) == ("limited", 3, 3)
    assert bench.segment.ids() == ["m1", "m2", "m3"] or sorted(bench.segment.ids()) == ["m1", "m2", "m3"]
    second = await bench.run()
    assert (second.state, second.tally.read, second.tally.accepted) == ("finished", 10, 10)
    assert sorted(bench.segment.ids()) == sorted(ids(TEN))


async def test_the_same_limit_again_takes_as_many_more(bench: Bench) -> None:
    for expected in (3, 6, 9, 10):
        work = await bench.run(limit=3)
        assert len(bench.segment.ids()) == expected
    assert work.state == "finished"
    assert repeated(bench.segment.ids()) == []


async def test_a_limit_beyond_the_end_is_none(bench: Bench) -> None:
    assert (await bench.run(limit=11)).state == "finished"


async def test_what_is_finished_is_not_imported_twice(bench: Bench) -> None:
    first = await bench.run()
    saves = len(bench.journal.history)
    second = await bench.run(connections=2, rate=5, limit=1)
    assert second.id == first.id
    assert second.state == "finished"
    assert second.tally == first.tally
    assert "already" in str(second.reason)
    assert len(bench.segment.ids()) == 10
    assert len(bench.journal.history) == saves


async def test_finding_out_whether_a_file_goes_on_holds_up_nobody(tmp_path: Path) -> None:
    bench = Bench(tmp_path, lines(many(300)))
    await bench.run()
    turns = 0

    async def turn() -> None:
        nonlocal turns
        while True:
            turns += 1
            await anyio.lowlevel.checkpoint()

    async with anyio.create_task_group() as group:
        group.start_soon(turn)
        work = await bench.run()
        group.cancel_scope.cancel()
    assert work.tally.accepted == 300
    assert turns > len(bench.content) / 1_000_000


async def test_again_imports_it_once_more(tmp_path: Path) -> None:
    bench = Bench(tmp_path, lines([*TEN, INVALID]))
    await bench.run()
    work = await bench.run(again=True)
    assert work.state == "finished"
    assert work.tally.accepted == 10
    assert sorted(bench.segment.ids()) == sorted(ids(TEN) * 2)
    assert bench.refused_lines() == [11]


async def test_after_again_the_dead_letters_are_those_of_the_last_run(tmp_path: Path) -> None:
    bench = Bench(tmp_path, lines([*TEN, INVALID]))
    bench.segment.answer = refusing("m3")
    await bench.run()
    assert bench.refused_lines() == [3, 11]
    bench.content = lines([*TEN, event("m11")])
    bench.segment.answer = lambda _: None
    work = await bench.run(again=True)
    assert (work.tally.accepted, work.tally.invalid, work.tally.refused) == (11, 0, 0)
    assert bench.refused_lines() == []


async def test_another_way_of_importing_a_file_is_another_import(bench: Bench) -> None:
    seen = {bench.begun().id}
    for shape in ({"type": "track"}, {"message_ids": "derive"}, {"integrations": {"All": False}}):
        bench.shape = shape
        seen.add(bench.begun().id)
    bench.shape = {}
    seen |= {bench.begun(form="ndjson").id, bench.plan().id("another route")}
    bench.map = {"a": "userId"}
    seen.add(bench.begun().id)
    bench.name = "others.ndjson"
    seen.add(bench.begun().id)
    assert len(seen) == 8
    assert not [one for one in seen if not one.isalnum()]


async def test_a_file_that_grew_goes_on_behind_what_was_imported(tmp_path: Path) -> None:
    bench = Bench(tmp_path, b"")
    for begin, end in ((0, 4), (4, 4), (4, 8), (8, 10)):
        bench.content += lines([*TEN[begin:end], INVALID])
        work = await bench.run()
        assert work.state == "finished"
        assert work.tally.accepted == end
    assert sorted(bench.segment.ids()) == sorted(ids(TEN))
    assert bench.refused_lines() == [5, 6, 11, 14]


async def test_a_last_line_without_an_end_is_not_lost_when_the_file_grows(tmp_path: Path) -> None:
    bench = Bench(tmp_path, lines(TEN[:2]).rstrip(b"\n"))
    await bench.run()
    bench.content = lines(TEN)
    await bench.run()
    assert sorted(bench.segment.ids()) == sorted(ids(TEN))


async def test_a_large_file_that_grew_goes_on_too(tmp_path: Path) -> None:
    events = many(40)
    bench = Bench(tmp_path, lines(events[:20]))
    await bench.run()
    bench.content = lines(events)
    await bench.run()
    assert sorted(bench.segment.ids()) == sorted(ids(events))


@pytest.mark.parametrize("state", ["finished", "limited"])
@pytest.mark.parametrize("other", ["beginning", "shorter", "empty", "middle", "last", "mended"])
async def test_a_file_that_is_another_one_is_refused(tmp_path: Path, state: str, other: str) -> None:
    events = many(60)
    bench = Bench(tmp_path, lines(events))
    assert (await bench.run(limit=50 if state == "limited" else None)).state == state
    took, before = len(bench.segment.ids()), len(bench.content)
    changed = {
        "beginning": [event("new"), *events[1:]],
        "shorter": events[:20],
        "empty": [],
        "middle": [*events[:30], event("new"), *events[31:]],
        "last": [*events[:49], event("new"), *([] if state == "finished" else events[50:])],
        "mended": [*events[:30], event("new"), *events[30:]],
    }
    bench.content = lines(changed[other])
    assert other != "mended" or len(bench.content) > before
    with pytest.raises(ImportRefusedError, match="again"):
        await bench.run()
    assert len(bench.segment.ids()) == took
    assert (await bench.run(again=True)).state == "finished"


async def test_a_change_among_settled_records_is_noticed_although_one_before_them_is_not_settled(
    tmp_path: Path,
) -> None:
    """A rare user's event waits for more of its lane, while the other lane is far ahead."""
    assert lane_of("u0", 2) != lane_of("rare", 2)
    events = [event("rare", "rare"), *(large(f"m{number}", "u0") for number in range(60))]
    bench = Bench(tmp_path, lines(events))
    bench.segment.answer = failing(None, None, *[unauthorized()] * 9)
    assert (await bench.run(connections=2)).state == "stopped"
    settled = set(bench.segment.ids())
    assert "m5" in settled
    assert "rare" not in settled
    events[6] = large("another", "u0")
    bench.content = lines(events)
    bench.segment.answer = lambda _: None
    try:
        work = await bench.run(connections=2)
    except ImportRefusedError:
        return
    assert work.state == "stopped" or "another" in bench.segment.ids()


@dataclass
class Streams:
    """A bench for what comes through a pipe."""

    bench: Bench

    async def run(self, content: bytes) -> Import:
        source = sources.from_stream(io.BytesIO(content))
        plan = Plan(source, Shape(KEY), rate=0)
        means = Means(self.bench.segment, self.bench.journal, self.bench.time.timing(), 25.0)
        work = Import(plan.id("route"), plan, means, self.bench.path)
        await work.run()
        return work


async def test_a_stream_is_resumed_by_its_beginning(tmp_path: Path) -> None:
    bench = Bench(tmp_path, b"")
    content = lines(many(60))
    bench.segment.answer = failing(None, unauthorized(), unauthorized())
    assert (await Streams(bench).run(content)).state == "stopped"
    bench.segment.answer = lambda _: None
    work = await Streams(bench).run(content)
    assert (work.state, work.tally.accepted) == ("finished", 60)
    assert sorted(bench.segment.ids()) == sorted(ids(many(60)))
    assert (await Streams(bench).run(content)).tally.accepted == 60
    assert len(bench.segment.ids()) == 60


async def test_a_stream_that_goes_on_behind_the_same_beginning_is_imported_to_its_end(tmp_path: Path) -> None:
    bench = Bench(tmp_path, b"")
    await Streams(bench).run(lines(many(30)))
    work = await Streams(bench).run(lines(many(50)))
    assert work.tally.accepted == 50
    assert sorted(bench.segment.ids()) == sorted(ids(many(50)))


# A dry run


async def test_a_dry_run_checks_everything_sends_nothing_and_makes_no_file(tmp_path: Path) -> None:
    odd = event("m11", timestamp="2099-01-01T00:00:00Z")
    bench = Bench(tmp_path, lines([*TEN, INVALID, b"no json", odd]))
    work = await bench.run(dry_run=True)
    report = work.report()
    assert report["state"] == "checked"
    assert (report["read"], report["valid"], report["invalid"]) == (13, 11, 2)
    assert report["codes"] == {"bad_request": 1, "event_not_defined": 1}
    assert report["warnings"] == {"no_timestamp": 10, "future_timestamp": 1}
    assert not {"accepted", "refused", "deadLetters"} & set(report)
    assert bench.segment.asked == []
    assert bench.journal.kept == {}
    assert files_in(tmp_path) == []
    assert (await bench.run()).tally.accepted == 11


async def test_a_dry_run_of_what_was_imported_checks_it_all_the_same(bench: Bench) -> None:
    await bench.run()
    work = await bench.run(dry_run=True, limit=4)
    assert (work.state, work.tally.valid) == ("checked", 4)


async def test_a_dry_run_of_a_damaged_file_says_so(tmp_path: Path) -> None:
    bench = Bench(tmp_path, json.dumps(TEN).encode()[:-20], "events.json")
    work = await bench.run(dry_run=True)
    assert work.state == "stopped"
    assert work.tally.valid == 9


@pytest.mark.parametrize("timestamp", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
async def test_a_dry_run_takes_every_moment_there_is(tmp_path: Path, timestamp: str) -> None:
    bench = Bench(tmp_path, lines([event("m", timestamp=timestamp)]))
    assert (await bench.run(dry_run=True)).tally.valid == 1


# What stops it


async def test_what_stands_before_a_damage_is_imported_and_the_reason_is_told(tmp_path: Path) -> None:
    bench = Bench(tmp_path, json.dumps(TEN).encode()[:-20], "events.json")
    for _ in range(2):
        work = await bench.run()
        assert work.state == "stopped"
        assert "events.json is no JSON array" in str(work.reason)
        assert "(behind item 9)" in str(work.reason)
        assert work.tally.accepted == 9
    assert sorted(bench.segment.ids()) == sorted(ids(TEN[:9]))


class Torn(io.BytesIO):
    """A file that can't be read to its end."""

    def read(self, size: int | None = -1, /) -> bytes:
        if self.tell() >= 600_000:
            raise OSError(5, "Input/output error")
        return super().read(size)


async def test_a_disk_that_fails_stops_it_and_what_was_read_is_settled(tmp_path: Path) -> None:
    bench = Bench(tmp_path, lines(many(60)))
    planned = bench.plan()
    source = sources.Source("events.ndjson", "torn", Torn(bench.content), len(bench.content), None)
    plan = Plan(source, planned.shape, rate=0)
    means = Means(bench.segment, bench.journal, bench.time.timing(), 25.0)
    work = Import(plan.id("route"), plan, means, bench.path)
    await work.run()
    assert work.state == "stopped"
    assert "Input/output error" in str(work.reason)
    assert work.tally.accepted == len(bench.segment.ids()) >= 19


async def test_an_import_that_runs_is_not_run_twice(bench: Bench) -> None:
    with bench.journal.hold(bench.begun().id) as held:
        assert held
        with pytest.raises(ImportRefusedError, match="running already"):
            await bench.run()
    assert bench.segment.asked == []
    assert (await bench.run()).state == "finished"


async def test_what_ends_it_from_outside_writes_a_checkpoint(tmp_path: Path) -> None:
    bench = Bench(tmp_path, lines([INVALID, *many(100)]))
    work = bench.begun(connections=2)
    async with anyio.create_task_group() as group:

        def answer(_: Any) -> None:
            if len(bench.segment.asked) == 4:
                group.cancel_scope.cancel()

        bench.segment.answer = answer
        await work.run()
    assert work.state == "interrupted"
    assert bench.journal.last()["state"] == "interrupted"
    assert bench.refused_lines() == [1]
    gc.collect()
    bench.segment.answer = lambda _: None
    again = await bench.run(connections=2)
    assert again.state == "finished"
    assert again.tally.accepted == 100
    assert set(bench.segment.ids()) == set(ids(many(100)))
    assert bench.refused_lines() == [1]


async def test_a_checkpoint_that_can_not_be_written_stops_it(tmp_path: Path) -> None:
    bench = Bench(tmp_path, lines([INVALID, *many(200), INVALID]))
    bench.journal.broken = -1
    work = await bench.run(connections=2)
    assert work.state == "stopped"
    assert "the disk is full" in str(work.reason)
    assert len(bench.segment.ids()) < 200
    bench.journal.broken = 0
    again = await bench.run(connections=2)
    assert again.state == "finished"
    assert again.tally.accepted == 200
    assert bench.refused_lines() == [1, 202]


@pytest.mark.parametrize("saves", range(1, 6))
async def test_a_checkpoint_that_fails_once_loses_no_dead_letter(tmp_path: Path, saves: int) -> None:
    events = [item for one in many(60) for item in (INVALID, one)]
    bench = Bench(tmp_path, lines(events))
    bench.journal.before = lambda _: setattr(
        bench.journal, "broken", 1 if len(bench.journal.history) == saves and not bench.journal.broken else 0
    )
    first = await bench.run(connections=1)
    bench.journal.before = lambda _: None
    bench.journal.broken = 0
    again = await bench.run(connections=1)
    assert {first.state, again.state} <= {"stopped", "finished"}
    assert again.state == "finished"
    assert bench.refused_lines() == list(range(1, 121, 2))
    assert again.tally.accepted == 60
    assert again.tally.invalid == 60


async def test_dead_letters_that_can_not_be_written_stop_it_and_none_is_lost(tmp_path: Path) -> None:
    bench = Bench(tmp_path, lines([*many(40), *[INVALID] * 5, *many(80)[40:], *[INVALID] * 5]))

    def answer(_: Any) -> None:
        bench.path.mkdir(exist_ok=True)

    bench.segment.answer = answer
    work = await bench.run(connections=1)
    assert work.state == "stopped"
    assert str(bench.path) in str(work.reason)
    with pytest.raises(ImportRefusedError, match="directory"):
        await bench.run()
    bench.path.rmdir()
    bench.segment.answer = lambda _: None
    again = await bench.run(connections=1)
    assert again.state == "finished"
    assert bench.refused_lines() == [*range(41, 46), *range(86, 91)]
    assert (again.tally.accepted, again.tally.invalid) == (80, 10)
    assert set(bench.segment.ids()) == set(ids(many(80)))


async def test_dead_letters_that_somebody_took_away_begin_a_new_file(tmp_path: Path) -> None:
    bench = Bench(tmp_path, lines([INVALID, *TEN, INVALID]))
    await bench.run(limit=5)
    bench.path.rename(tmp_path / "looked-at.ndjson")
    await bench.run()
    assert bench.refused_lines() == [12]


async def test_how_fast_it_is_means_this_run(tmp_path: Path) -> None:
    bench = Bench(tmp_path, lines(many(96)))
    await bench.run(limit=90, connections=1)
    seen = []

    def answer(_: Any) -> None:
        seen.append(work.report())

    bench.segment.answer = answer
    bench.segment.seconds = 10
    work = bench.begun(connections=1)
    await work.run()
    assert seen
    assert all(report.get("eventsPerSecond", 0) <= 1 for report in seen)


async def test_progress_is_the_part_that_was_read(tmp_path: Path) -> None:
    bench = Bench(tmp_path, lines(many(100)))
    seen: list[float] = []

    def answer(_: Any) -> None:
        seen.append(work.progress() or 0.0)

    bench.segment.answer = answer
    work = bench.begun(connections=1)
    assert work.progress() == 0
    await work.run()
    assert seen == sorted(seen)
    assert 0 < seen[0] < 1
    assert seen[-1] == 1


# Killed at any moment


@dataclass(frozen=True)
class Death:
    """What a kill leaves behind: the last checkpoint, the dead letters' file, and how many requests were taken."""

    kept: dict[str, str]
    letters: bytes | None
    taken: int


@dataclass
class Life:
    """A bench whose every checkpoint is a moment at which it might have been killed."""

    bench: Bench
    lane_of: dict[str, int]
    valid: dict[int, dict[str, Any]]
    before: list[str] = field(default_factory=list)
    deaths: list[Death] = field(default_factory=list)

    def watch(self, checkpoint: dict[str, Any]) -> None:
        journal, path = self.bench.journal, self.bench.path
        letters = path.read_bytes() if path.exists() else None
        taken = len(self.bench.segment.taken)
        known = {*self.before, *ids([one for request in self.bench.segment.taken[:taken] for one in request])}
        assert self.confirmed(checkpoint) <= known, "it says more than Segment took"
        self.deaths.append(Death(dict(journal.kept), letters, taken))
        self.deaths.append(Death({self.bench.begun().id: json.dumps(checkpoint)}, letters, taken))

    def confirmed(self, checkpoint: dict[str, Any]) -> set[str]:
        lanes = checkpoint["lanes"]
        return {one["messageId"] for number, one in self.valid.items() if number <= lanes[self.lane_of[one["userId"]]]}


def lane_of(user: str, count: int) -> int:
    lanes = Lanes([0] * count)
    lanes.add(user, 1, b"x")
    return lanes.rest()[0].lane


@dataclass
class Moody(Segment):
    """Fails at random; sometimes after it took the events."""

    dice: random.Random = field(default_factory=lambda: random.Random(0))  # noqa: S311 - not for secrets
    bad: frozenset[str] = frozenset()

    async def send(
        self, operation: str, events: Sequence[bytes], write_key: str, *, seconds: float | None = None
    ) -> str:
        fate = self.dice.random()
        await anyio.to_thread.run_sync(int)  # long enough for a checkpoint to be written meanwhile
        if fate < 0.15:
            raise down()
        host = await super().send(operation, events, write_key, seconds=seconds)
        if fate > 0.9:
            raise NetworkFailed("The answer was lost.", host=HOST)
        return host


KINDS = st.sampled_from(["large", "small", "small", "blank", "invalid", "invalid", "refused"])


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.tuples(KINDS, st.sampled_from("abcdef")), min_size=30, max_size=120),
    st.integers(1, 4),
    st.sampled_from([0, 1, 3]),
    st.lists(st.floats(0, 1), min_size=1, max_size=3),
    st.integers(0, 2**32),
)
def test_killed_at_any_checkpoint_and_started_again_it_settles_every_record_once(
    kinds: list[tuple[str, str]], connections: int, rate: float, kills: list[float], seed: int
) -> None:
    how = {"connections": connections, "rate": rate}  # a low rate makes small requests
    with tempfile.TemporaryDirectory() as folder:
        anyio.run(_die_and_go_on, Path(folder), kinds, how, kills, random.Random(seed))  # noqa: S311


async def _die_and_go_on(
    folder: Path, kinds: list[tuple[str, str]], how: dict[str, Any], kills: list[float], dice: random.Random
) -> None:
    records: list[Any] = []
    for number, (kind, user) in enumerate(kinds, 1):
        body = {"large": large, "refused": large, "small": event}.get(kind)
        records.append(body(f"m{number}", user) if body else b"" if kind == "blank" else INVALID)
    accepted = {n: records[n - 1] for n, (kind, _) in enumerate(kinds, 1) if kind in {"large", "small"}}
    dead = [n for n, (kind, _) in enumerate(kinds, 1) if kind in {"invalid", "refused"}]
    bad = frozenset(f"m{n}" for n, (kind, _) in enumerate(kinds, 1) if kind == "refused")
    delivered: list[str] = []
    settled: set[str] = set()
    journal = Journal()
    for kill in [*kills, None]:
        segment = Moody(refusing(*bad), Time(), 0.5, dice=dice)
        bench = Bench(folder, lines(records), segment=segment, journal=journal)
        life = Life(bench, {user: lane_of(user, how["connections"]) for user in "abcdef"}, accepted, list(delivered))
        journal.before = life.watch
        work = await bench.run(**how)
        assert work.state == "finished"
        until = len(segment.taken)
        if kill is not None and life.deaths:
            death = life.deaths[int(kill * (len(life.deaths) - 1))]
            journal.kept, until = dict(death.kept), death.taken
            restore(bench.path, death, journal, work.id, dice)
        now = [message_id for request in segment.taken[:until] for message_id in ids(request)]
        assert not settled & set(now), "what a checkpoint confirmed was sent once more"
        in_order(now, kinds)
        delivered += now
        found = journal.load(work.id)
        settled = set() if found is None else life.confirmed(found)
    assert set(delivered) == {one["messageId"] for one in accepted.values()}
    assert bench.refused_lines() == dead
    assert (work.tally.accepted, work.tally.refused) == (len(accepted), len(bad))
    assert work.tally.invalid == len(dead) - len(bad)


def restore(path: Path, death: Death, journal: Journal, import_id: str, dice: random.Random) -> None:
    """The dead letters' file as a kill leaves it: what was written behind the checkpoint may be torn."""
    if death.letters is None:
        path.unlink(missing_ok=True)
        return
    found = journal.load(import_id)
    size = 0 if found is None else found["lettersSize"] if "lettersSize" in found else len(death.letters)
    assert len(death.letters) >= size
    path.write_bytes(death.letters[: dice.randint(size, len(death.letters))])


def in_order(taken: list[str], kinds: list[tuple[str, str]]) -> None:
    """Every user's events came in their order, repeats apart."""
    seen: dict[str, list[int]] = {}
    for number in dict.fromkeys(int(message_id[1:]) for message_id in taken):
        seen.setdefault(kinds[number - 1][1], []).append(number)
    assert all(numbers == sorted(numbers) for numbers in seen.values())


async def test_a_request_that_is_settled_in_parts_counts_when_it_is_settled(tmp_path: Path) -> None:
    """Another lane's checkpoint comes while a request is still halved: of that one it must say nothing yet."""
    slow, quick = [event(f"m{number}", "u0") for number in range(1, 5)], event("quick", "u1")
    bench = Bench(tmp_path, lines([*slow, quick]))
    lanes = {lane_of(user, 8) for user in ("u0", "u1")}
    assert len(lanes) == 2

    def answer(found: Sequence[dict[str, Any]]) -> UpstreamError | None:
        message_ids = ids(list(found))
        if "quick" in message_ids:
            return down() if bench.time.passed < 1 else None
        if "m1" in message_ids:
            return refused()
        return down() if "m4" in message_ids and bench.time.passed < 60 else None

    bench.segment.answer = answer
    work = await bench.run()
    assert (work.tally.accepted, work.tally.refused) == (4, 1)
    amid = next(found for found in bench.journal.history if found["state"] == "running" and found["tally"]["accepted"])
    assert (amid["tally"]["accepted"], amid["tally"]["refused"], amid["lettersSize"]) == (1, 0, 0)
    assert bench.refused_lines() == [1]


async def test_a_refused_event_that_is_taken_after_a_kill_is_no_dead_letter(tmp_path: Path) -> None:
    bench = Bench(tmp_path, lines(many(40)))
    bench.segment.answer = refusing("m40")

    def kill(checkpoint: dict[str, Any]) -> None:
        bench.journal.broken = -1 if checkpoint["tally"]["refused"] else 0

    bench.journal.before = kill
    assert (await bench.run(connections=1)).state == "stopped"
    assert bench.journal.history
    bench.journal.before = lambda _: None
    bench.journal.broken = 0
    bench.segment.answer = lambda _: None
    work = await bench.run(connections=1)
    assert (work.tally.accepted, work.tally.refused) == (40, 0)
    assert bench.letters() == []


# Size and secrets


class Sink:
    """Takes everything and keeps nothing."""

    def __init__(self) -> None:
        self.events = 0

    async def send(
        self, operation: str, events: Sequence[bytes], write_key: str, *, seconds: float | None = None
    ) -> str:
        assert operation
        assert write_key
        assert seconds
        await anyio.lowlevel.checkpoint()
        self.events += len(events)
        return HOST


async def test_memory_stays_small_whatever_the_files_size(tmp_path: Path) -> None:
    line = lines([event("m" * 30, "user", properties={"text": "x" * 900})])
    line_of = [line.replace(b'"user"', b'"u%d"' % number) for number in range(100)]
    with (tmp_path / "events.ndjson").open("wb") as file:
        for _ in range(500):
            file.writelines(line_of)
    source = sources.from_path(tmp_path / "events.ndjson")
    assert source.size
    assert source.size > 50_000_000
    sink, journal = Sink(), Journal()
    plan = Plan(source, Shape(KEY), rate=0)
    work = Import("id", plan, Means(sink, journal, Time().timing(), 25.0), tmp_path / "dead.ndjson")
    tracemalloc.start()
    await work.run()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert work.state == "finished"
    assert sink.events == 50_000
    assert peak < 40_000_000


async def test_memory_stays_small_where_everything_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "events.ndjson").open("wb") as file:
        for _ in range(20):
            file.writelines([b'{"type":"track","x":"%s"}\n' % (b"x" * 30_000)] * 100)
    plan = Plan(sources.from_path(tmp_path / "events.ndjson"), Shape(KEY), rate=0)
    work = Import("id", plan, Means(Sink(), Journal(), Time().timing(), 25.0), tmp_path / "dead.ndjson")
    tracemalloc.start()
    await work.run()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert work.tally.invalid == 2_000
    assert peak < 40_000_000


STOPS: list[Answer] = [lambda _: None, lambda _: unauthorized(), lambda _: refused(), lambda _: down()]


@pytest.mark.parametrize("answer", STOPS, ids=range(4))
async def test_the_write_key_is_shown_nowhere(tmp_path: Path, answer: Answer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    bench = Bench(tmp_path, lines([*TEN, INVALID, {**INVALID, "writeKey": KEY}]))
    bench.segment.answer = answer
    work = await bench.run()
    shown = [
        json.dumps(work.report()), json.dumps(bench.journal.history), json.dumps(bench.letters()), work.id,
        repr(bench.plan()), caplog.text,
    ]  # fmt: skip
    assert not [text for text in shown if KEY in text]
