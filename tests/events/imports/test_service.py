"""Imports by their ids: answered in time, asked after, stopped, joined and resumed; none of them ends the server."""

import json
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from segment_mcp.background import background
from segment_mcp.errors import ImportStopped, InvalidArguments, NotAllowed, NotConfigured
from segment_mcp.events.imports.engine import Means
from segment_mcp.events.imports.service import Importer
from segment_mcp.events.sink import Route
from segment_mcp.ports import Data, ImportOrder
from segment_mcp.stores.imports import SqliteJournal
from tests.events.imports.workshop import KEY, Segment, Time, event, large, lines, refusing, unauthorized

TEN = [event(f"m{number}", f"u{number % 3}") for number in range(1, 11)]
INVALID = {"type": "track", "userId": "u"}


def text_of(path: str) -> str:
    assert Path(path).stat().st_mode & 0o077 == 0
    return Path(path).read_text(encoding="utf-8")


def files_with(folder: Path, text: bytes) -> list[str]:
    return [path.name for path in folder.rglob("*") if path.is_file() and text in path.read_bytes()]


class WriteKeys:
    """Knows one key, or none."""

    def __init__(self, key: str | None = KEY) -> None:
        self._key = key

    def names(self) -> Sequence[str]:
        return ("default",)

    async def resolve(self, given: str | None, *, source_id: str | None = None) -> str:
        assert source_id is None
        await anyio.lowlevel.checkpoint()
        if self._key is None:
            raise NotConfigured("SEGMENT_WRITE_KEY", "sending an event")
        return given or self._key

    async def owners(self) -> Mapping[str, Data | None]:
        return {}


@dataclass
class Gated(Segment):
    """Takes nothing until it is opened.

    Attributes:
        reached: somebody waits to be let in.
        closed: whether it lets nobody in.
    """

    reached: anyio.Event = field(default_factory=anyio.Event)
    opened: anyio.Event = field(default_factory=anyio.Event)
    closed: bool = True

    async def send(
        self, operation: str, events: Sequence[bytes], write_key: str, *, seconds: float | None = None
    ) -> str:
        if self.closed:
            self.reached.set()
            await self.opened.wait()
        return await super().send(operation, events, write_key, seconds=seconds)

    def let_in(self) -> None:
        self.closed = False
        self.opened.set()

    def close(self) -> None:
        self.closed = True
        self.reached, self.opened = anyio.Event(), anyio.Event()


@dataclass
class House:
    """An importer and what it is wired to.

    Attributes:
        state: the state folder.
        folder: the import folder.
        told: progress that was told: how much, of how much, in words.
        changed: the ids of imports that began or ended.
    """

    importer: Importer
    segment: Gated
    state: Path
    folder: Path
    told: list[tuple[float, float | None, str]] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)

    async def progress(self, done: float, total: float | None, message: str) -> None:
        self.told.append((done, total, message))

    async def start(self, **order: Any) -> Data:
        with anyio.fail_after(10):
            return await self.importer.start(ImportOrder(**{"rate": 0, **order}), self.progress)

    async def ended(self, import_id: str) -> Data:
        """How an import in the background ended."""
        with anyio.fail_after(10):
            while True:
                found = await self.importer.status(import_id, stop=False)
                if found["state"] != "running":
                    return found
                await anyio.sleep(0.01)


@asynccontextmanager
async def house(
    tmp_path: Path, *, patience: float = 5.0, segment: Gated | None = None, key: str | None = KEY, closed: bool = False
) -> AsyncIterator[House]:
    state, folder = tmp_path / "state", tmp_path / "imports"
    folder.mkdir(exist_ok=True)
    state.mkdir(exist_ok=True)
    segment = segment or Gated(closed=closed)
    journal = SqliteJournal(state)
    changed: list[str] = []
    async with background() as spawn:
        importer = Importer(
            Route("route", segment),
            WriteKeys(key),
            lambda: Means(segment, journal, Time().timing(), 25.0),
            folder=folder,
            state=lambda: state,
            spawn=spawn,
            patience=patience,
            changed=changed.append,
        )
        yield House(importer, segment, state, folder, changed=changed)
    journal.close()


# Done in time


async def test_a_short_import_is_answered_when_it_is_done(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        data = await home.start(events=TEN)
    assert data["state"] == "finished"
    assert (data["read"], data["accepted"], data["invalid"], data["refused"]) == (10, 10, 0, 0)
    assert data["importId"]
    assert home.segment.ids()
    assert home.segment.keys == {KEY}


async def test_progress_is_told_to_its_end(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        await home.start(events=TEN)
    done, _, message = home.told[-1]
    assert done == 10
    assert "10 events accepted" in message
    assert [told[0] for told in home.told] == sorted(told[0] for told in home.told)


async def test_the_same_events_are_not_imported_twice(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        first = await home.start(events=TEN)
        second = await home.start(events=[dict(one) for one in TEN])
    assert first["importId"] == second["importId"]
    assert second["state"] == "finished"
    assert "already" in second["reason"]
    assert len(home.segment.ids()) == 10


async def test_what_is_invalid_is_found_in_the_dead_letters(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        data = await home.start(events=[*TEN, INVALID])
        (home.folder / "events.ndjson").write_bytes(lines([INVALID, *TEN]))
        of_file = await home.start(file="events.ndjson")
    assert data["invalid"] == 1
    assert Path(data["deadLetters"]).parent == home.state
    assert json.loads(text_of(data["deadLetters"]))["item"] == 11
    assert json.loads(text_of(of_file["deadLetters"]))["line"] == 1
    beside = Path(of_file["deadLetters"])
    assert beside.parent == home.folder
    assert beside.name.startswith("events.ndjson.")


async def test_orders_say_how(tmp_path: Path) -> None:
    rows = b"uid,plan\nu,pro\n"
    async with house(tmp_path) as home:
        (home.folder / "rows.txt").write_bytes(rows)
        await home.start(
            file="rows.txt",
            format="csv",
            map={"uid": "userId", "plan": "traits.plan"},
            type="identify",
            integrations={"All": False},
            write_key="other-key",
        )
        await home.start(events=[event("m1")], message_ids="derive")
        data = await home.start(events=TEN[:4], dry_run=True)
        limited = await home.start(events=TEN[:4], limit=2)
    first, second, *rest = home.segment.events()
    assert first.pop("messageId").startswith("import-")
    assert first == {"type": "identify", "userId": "u", "traits": {"plan": "pro"}, "integrations": {"All": False}}
    assert second["messageId"].startswith("import-")
    assert (data["state"], data["valid"]) == ("checked", 4)
    assert limited["state"] == "limited"
    assert len(rest) == 2
    assert home.segment.keys == {KEY, "other-key"}


async def test_parquet_is_imported_from_the_folder(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        pq.write_table(pa.table({"uid": ["u", "v"]}), home.folder / "t.parquet")
        data = await home.start(file="t.parquet", map={"uid": "userId"}, type="identify")
    assert data["accepted"] == 2
    assert home.told[-1][1] in {2, None}


# What can't begin


@pytest.mark.parametrize(
    ("order", "said"),
    [
        ({"map": {"a": "x", "b": "x"}}, "two columns"),
        ({"map": {"a": "x:integer"}}, "type"),
        ({"file": "../outside"}, "inside"),
        ({"file": "missing"}, "no such file"),
        ({"file": "empty.csv"}, "header"),
        ({"file": "table.csv", "map": {"nothing": "userId"}}, "no column nothing"),
    ],
)
async def test_what_can_not_begin_says_why_and_can_be_mended(tmp_path: Path, order: dict[str, Any], said: str) -> None:
    async with house(tmp_path) as home:
        (home.folder / "empty.csv").write_bytes(b"")
        (home.folder / "table.csv").write_bytes(b"userId,type\nu,identify\n")
        for _ in range(2):
            with pytest.raises(InvalidArguments, match=said):
                await home.start(**{"events": None if "file" in order else TEN, **order})
        assert home.segment.asked == []
        assert (await home.start(file="table.csv"))["accepted"] == 1


async def test_without_a_write_key_or_a_folder_nothing_begins(tmp_path: Path) -> None:
    async with house(tmp_path, key=None) as home:
        with pytest.raises(NotConfigured):
            await home.start(events=TEN)
    importer = Importer(
        Route("route", home.segment), WriteKeys(), lambda: pytest.fail("no means are needed"),
        folder=None, state=lambda: tmp_path, spawn=lambda _: None, patience=1,
    )  # fmt: skip
    with pytest.raises(NotAllowed):
        await importer.start(ImportOrder(file="events.ndjson"), home.progress)


async def test_an_import_that_stops_is_a_failure_with_the_report(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        home.segment.answer = lambda _: unauthorized()
        for _ in range(2):
            with pytest.raises(ImportStopped, match="401") as caught:
                await home.start(events=[INVALID, *TEN])
            data = caught.value.data()
            assert data["code"] == "import_stopped"
            assert data["state"] == "stopped"
            assert (data["accepted"], data["invalid"]) == (0, 1)
            assert data["deadLetters"]
            assert KEY not in json.dumps(data)
        home.segment.answer = lambda _: None
        assert (await home.start(events=[INVALID, *TEN]))["accepted"] == 10


# In the background


async def test_an_import_that_takes_longer_than_a_call_goes_on_in_the_background(tmp_path: Path) -> None:
    async with house(tmp_path, patience=0.05, closed=True) as home:
        data = await home.start(events=TEN)
        assert data["state"] == "running"
        running = await home.importer.status(data["importId"], stop=False)
        assert (running["state"], running["accepted"]) == ("running", 0)
        home.segment.let_in()
        ended = await home.ended(data["importId"])
        assert (ended["state"], ended["accepted"]) == ("finished", 10)
    async with house(tmp_path) as home:
        remembered = await home.importer.status(data["importId"], stop=False)
    assert {name: ended[name] for name in ended} == {name: remembered[name] for name in ended}
    assert remembered["at"]


async def test_the_same_call_joins_the_running_one(tmp_path: Path) -> None:
    async with house(tmp_path, patience=0.05, closed=True) as home:
        first = await home.start(events=TEN)
        second = await home.start(events=TEN)
        assert second["importId"] == first["importId"]
        assert second["state"] == "running"
        home.segment.let_in()
        third = await home.start(events=TEN)
    assert third["state"] == "finished"
    assert len(home.segment.ids()) == 10


async def test_two_imports_run_beside_each_other(tmp_path: Path) -> None:
    async with house(tmp_path, patience=0.02, closed=True) as home:
        started = []
        for number in range(6):
            records = [INVALID] * 200 + [large(f"{number}-{n}", f"u{n % 9}") for n in range(150)]
            (home.folder / f"{number}.ndjson").write_bytes(lines(records))
            started.append(await home.start(file=f"{number}.ndjson"))
        home.segment.let_in()
        ended = [await home.ended(data["importId"]) for data in started]
    assert [data["state"] for data in ended] == ["finished"] * 6, [data.get("reason") for data in ended]
    assert [data["accepted"] for data in ended] == [150] * 6
    assert len(set(home.segment.ids())) == len(home.segment.ids()) == 900


async def test_an_import_is_stopped_and_goes_on_with_the_same_call(tmp_path: Path) -> None:
    async with house(tmp_path, patience=0.05, closed=True) as home:
        data = await home.start(events=TEN)
        with anyio.fail_after(5):
            stopped = await home.importer.status(data["importId"], stop=True)
        assert stopped["state"] == "interrupted"
        assert (await home.importer.status(data["importId"], stop=False))["state"] == "interrupted"
        assert home.segment.ids() == []
        home.segment.let_in()
        again = await home.start(events=TEN)
        ended = await home.ended(again["importId"])
    assert ended["state"] == "finished"
    assert sorted(home.segment.ids()) == sorted(one["messageId"] for one in TEN)


async def test_one_that_stopped_in_the_background_goes_on_with_the_same_call(tmp_path: Path) -> None:
    async with house(tmp_path, patience=0.05, closed=True) as home:
        home.segment.answer = lambda _: unauthorized()
        data = await home.start(events=TEN)
        home.segment.let_in()
        ended = await home.ended(data["importId"])
        assert ended["state"] == "stopped"
        assert "401" in ended["reason"]
        home.segment.answer = lambda _: None
        again = await home.start(events=TEN)
        assert again["state"] in {"running", "finished"}
        assert (await home.ended(data["importId"]))["state"] == "finished"
    assert len(home.segment.ids()) == 10


async def test_again_after_one_that_ended_in_the_background_begins_anew(tmp_path: Path) -> None:
    async with house(tmp_path, patience=0.05, closed=True) as home:
        data = await home.start(events=TEN)
        home.segment.let_in()
        await home.ended(data["importId"])
        await home.start(events=TEN, again=True)
        await home.ended(data["importId"])
    assert len(home.segment.ids()) == 20


async def test_two_calls_that_begin_anew_at_once_are_one_import(tmp_path: Path) -> None:
    async with house(tmp_path, patience=0.05, closed=True) as home:
        data = await home.start(events=TEN)
        home.segment.let_in()
        await home.ended(data["importId"])
        answers: list[Data] = []

        async def again() -> None:
            answers.append(await home.start(events=TEN, again=True))

        async with anyio.create_task_group() as group:
            group.start_soon(again)
            group.start_soon(again)
        assert [answer["importId"] for answer in answers] == [data["importId"]] * 2
        assert (await home.ended(data["importId"]))["state"] == "finished"
    assert len(home.segment.ids()) == 20


async def test_a_caller_who_hears_late_does_not_make_a_newer_run_forgotten(tmp_path: Path) -> None:
    async with house(tmp_path, closed=True) as home:
        told, late = anyio.Event(), anyio.Event()

        async def slowly(*_: Any) -> None:
            if home.segment.taken:
                told.set()
                await late.wait()

        with anyio.fail_after(10):
            async with anyio.create_task_group() as group:
                group.start_soon(home.importer.start, ImportOrder(events=TEN, rate=0), slowly)
                await home.segment.reached.wait()
                home.segment.let_in()
                await told.wait()
                home.segment.close()
                group.start_soon(home.importer.start, ImportOrder(events=TEN, rate=0, again=True), home.progress)
                await home.segment.reached.wait()
                late.set()
                await anyio.sleep(0.05)
                with anyio.move_on_after(0.1):
                    await home.start(events=TEN, again=True)  # joins, and is not refused
                home.segment.let_in()
    assert len(home.segment.ids()) == 20


async def test_asking_after_an_import_lets_no_other_process_run_it(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path)
    program = (
        "import sys; from pathlib import Path; from segment_mcp.stores.imports import SqliteJournal\n"
        "with SqliteJournal(Path(sys.argv[1])).hold('ab') as held: print(held)"
    )

    async def elsewhere() -> bytes:
        ended = await anyio.run_process([sys.executable, "-c", program, str(tmp_path)])
        return ended.stdout.strip()

    with journal.hold("ab") as held:
        assert held
        with journal.hold("ab") as twice:
            assert not twice
        assert await elsewhere() == b"False"
    assert await elsewhere() == b"True"
    journal.close()


async def test_a_dry_run_is_no_import_to_join(tmp_path: Path) -> None:
    async with house(tmp_path, patience=0.05, closed=True) as home:
        running = await home.start(events=TEN)
        checked = await home.start(events=TEN, dry_run=True)
        assert checked["state"] == "checked"
        assert checked["valid"] == 10
        home.segment.let_in()
        assert (await home.ended(running["importId"]))["state"] == "finished"
    assert len(home.segment.ids()) == 10


async def test_a_long_dry_run_is_stopped_and_says_so(tmp_path: Path) -> None:
    async with house(tmp_path, patience=0.02) as home:
        (home.folder / "events.ndjson").write_bytes(lines(TEN) * 20_000)
        data = await home.start(file="events.ndjson", dry_run=True)
        assert data["state"] == "running"
        with anyio.fail_after(5):
            stopped = await home.importer.status(data["importId"], stop=True)
    assert stopped["state"] == "interrupted"
    assert stopped["read"] < 200_000


async def test_stopping_what_is_over_changes_nothing(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        data = await home.start(events=TEN)
        assert (await home.importer.status(data["importId"], stop=True))["state"] == "finished"


@pytest.mark.parametrize("import_id", ["0" * 16, "../../etc/passwd", "x" * 64, "", "\0"])
async def test_an_id_of_no_import_is_refused(tmp_path: Path, import_id: str) -> None:
    async with house(tmp_path) as home:
        for stop in (True, False):
            with pytest.raises(InvalidArguments, match="importId"):
                await home.importer.status(import_id, stop=stop)


async def test_imports_are_listed_as_status_tells_them_the_newest_first(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        assert await home.importer.listed() == []
        made = [(await home.start(events=[event(f"m{number}")]))["importId"] for number in range(3)]
        again = await home.start(events=[event("m0")])
        listed = await home.importer.listed()
        told = [await home.importer.status(each["importId"], stop=False) for each in listed]
    assert [each["importId"] for each in listed] == [*reversed(made)]
    assert again["importId"] == made[0]
    assert listed == told


async def test_a_running_import_is_listed_with_how_far_it_is_and_a_killed_ones_as_interrupted(tmp_path: Path) -> None:
    async with house(tmp_path, patience=0.05, closed=True) as home:
        data = await home.start(events=TEN)
        (running,) = await home.importer.listed()
        home.segment.let_in()
        await home.ended(data["importId"])
    assert (running["importId"], running["state"], running["accepted"]) == (data["importId"], "running", 0)
    journal = SqliteJournal(tmp_path / "state")
    found = journal.load(data["importId"])
    assert found is not None
    journal.save(data["importId"], {**found, "state": "running"})
    journal.close()
    async with house(tmp_path) as home:
        (left,) = await home.importer.listed()
    assert (left["importId"], left["state"]) == (data["importId"], "interrupted")


async def test_imports_that_can_not_be_read_are_a_failure_that_says_so(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        (home.state / "imports.sqlite3").write_bytes(b"not a database, and long enough to be one " * 100)
        with pytest.raises(ImportStopped, match="can't be read"):
            await home.importer.listed()


async def test_whoever_follows_is_told_when_an_import_begins_and_when_it_ends(tmp_path: Path) -> None:
    async with house(tmp_path, patience=0.05, closed=True) as home:
        data = await home.start(events=TEN)
        assert home.changed == [data["importId"]]
        await home.start(events=TEN)  # joins
        assert home.changed == [data["importId"]]
        home.segment.let_in()
        await home.ended(data["importId"])
    assert home.changed == [data["importId"]] * 2


async def test_cancelling_the_call_stops_the_import_and_the_next_call_goes_on(tmp_path: Path) -> None:
    async with house(tmp_path, closed=True) as home:
        async with anyio.create_task_group() as group:
            group.start_soon(lambda: home.start(events=TEN))
            await home.segment.reached.wait()
            group.cancel_scope.cancel()
        home.segment.let_in()
        await anyio.sleep(0.05)
        assert home.segment.ids() == []
        data = await home.start(events=TEN)
        assert data["state"] == "finished"
    assert sorted(home.segment.ids()) == sorted(one["messageId"] for one in TEN)


async def test_cancelling_a_call_that_joined_stops_nothing(tmp_path: Path) -> None:
    async with house(tmp_path, patience=0.05, closed=True) as home:
        data = await home.start(events=TEN)
        with anyio.move_on_after(0.01):
            await home.start(events=TEN)
        home.segment.let_in()
        assert (await home.ended(data["importId"]))["state"] == "finished"


async def test_what_a_killed_server_left_is_interrupted_and_goes_on(tmp_path: Path) -> None:
    """Its checkpoint says that it runs, and nobody has it."""
    records = lines(large(f"m{number}") for number in range(60))
    async with house(tmp_path) as home:
        (home.folder / "events.ndjson").write_bytes(records)
        home.segment.answer = lambda _: None if len(home.segment.asked) < 3 else unauthorized()
        with pytest.raises(ImportStopped) as caught:
            await home.start(file="events.ndjson")
        import_id = caught.value.details["importId"]
    journal = SqliteJournal(tmp_path / "state")
    found = journal.load(import_id)
    assert found is not None
    journal.save(import_id, {**found, "state": "running", "reason": None})
    journal.close()
    async with house(tmp_path) as home:
        status = await home.importer.status(import_id, stop=False)
        assert status["state"] == "interrupted"
        assert 0 < status["accepted"] < 60
        assert "already" not in str(status)
        data = await home.start(file="events.ndjson")
    assert (data["state"], data["accepted"]) == ("finished", 60)
    assert len(home.segment.ids()) == 60 - status["accepted"]


async def test_another_servers_import_is_running_and_is_not_run_beside_it(tmp_path: Path) -> None:
    async with house(tmp_path, patience=0.05, closed=True) as first:
        (first.folder / "events.ndjson").write_bytes(lines(TEN) + lines([INVALID]))
        data = await first.start(file="events.ndjson")
        with anyio.fail_after(5):
            while True:
                async with house(tmp_path) as second:
                    try:
                        status = await second.importer.status(data["importId"], stop=False)
                        break
                    except InvalidArguments:
                        await anyio.sleep(0.01)
        assert status["state"] == "running"
        async with house(tmp_path) as second:
            with pytest.raises(InvalidArguments, match="running already"):
                await second.start(file="events.ndjson")
        assert second.segment.asked == []
        first.segment.let_in()
        assert (await first.ended(data["importId"]))["state"] == "finished"


async def test_a_server_that_ends_writes_down_how_far_its_imports_are(tmp_path: Path) -> None:
    async with house(tmp_path, patience=0.05, closed=True) as home:
        data = await home.start(events=TEN)
    async with house(tmp_path) as home:
        assert (await home.importer.status(data["importId"], stop=False))["state"] == "interrupted"
        assert (await home.start(events=TEN))["accepted"] == 10


async def test_a_defect_in_one_import_ends_no_other_and_is_told(tmp_path: Path) -> None:
    def answer(_: Any) -> None:
        if not home.segment.taken:
            raise RuntimeError("a defect")

    async with house(tmp_path) as home:
        home.segment.answer = answer
        with pytest.raises(Exception, match=r".") as caught:
            await home.start(events=TEN)
        assert not isinstance(caught.value, TimeoutError)
        home.segment.answer = lambda _: None
        assert (await home.start(events=TEN[:3]))["state"] == "finished"
        assert (await home.start(events=TEN))["state"] == "finished"


async def test_a_state_folder_that_can_not_be_used_stops_it_before_anything_is_sent(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        (home.state / "imports.sqlite3").write_bytes(b"no database" * 100)
        with pytest.raises(ImportStopped, match="progress"):
            await home.start(events=TEN)
        with pytest.raises(ImportStopped, match="progress"):
            await home.importer.status("0" * 16, stop=False)
    assert home.segment.asked == []


async def test_refused_events_are_told_by_status_too(tmp_path: Path) -> None:
    async with house(tmp_path, patience=0.05, closed=True) as home:
        home.segment.answer = refusing("m3")
        data = await home.start(events=TEN)
        home.segment.let_in()
        ended = await home.ended(data["importId"])
    async with house(tmp_path) as home:
        remembered = await home.importer.status(data["importId"], stop=False)
    for found in (ended, remembered):
        assert (found["refused"], found["accepted"], found["codes"]) == (1, 9, {"bad_request": 1})
        assert "m3" in text_of(found["deadLetters"])


async def test_the_write_key_is_in_no_file_and_no_answer(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        home.segment.answer = refusing("m3")
        data = await home.start(events=[*TEN, INVALID])
        status = await home.importer.status(data["importId"], stop=False)
        in_files = files_with(tmp_path, KEY.encode())
    assert in_files == []
    assert KEY not in json.dumps([data, status, home.told])
    assert KEY not in repr(ImportOrder(write_key=KEY))
