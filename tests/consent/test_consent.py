"""Consent by itself: what a question goes through until it counted, and that a ledger which fails lets nothing pass."""

import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from segment_mcp.config import load
from segment_mcp.consent.consent import Consent
from segment_mcp.consent.ledger import Asked, State, Subject, Way
from segment_mcp.consent.preview import Preview
from segment_mcp.errors import ConfirmationDeclined, ConfirmationRequired, StoreError
from segment_mcp.operations import get
from segment_mcp.ports import AnswerNeeded, Question, Reply
from segment_mcp.sandbox import WRITE_KEYS
from segment_mcp.state import ledger_file
from segment_mcp.stores.consents import SqliteLedger
from tests.consent.parties import Clock, Frozen, working
from tests.workbench import QUIET, SANDBOX

SUBJECT = Subject("agent", "default", "deleteSource", "digest-of-arguments")
OTHERS = [
    replace(SUBJECT, caller="somebody"),
    replace(SUBJECT, connection="staging"),
    replace(SUBJECT, operation="deleteDestination"),
    replace(SUBJECT, arguments="digest-of-others"),
]
CODES: list[Way] = ["terminal", "token"]


@dataclass
class Somebody:
    """A caller that is asked on its own, and comes again; see `ports.Caller`."""

    brings: Reply | None = None
    id: str = "agent"
    can_be_asked: bool = True

    def reply(self) -> Reply | None:
        return self.brings

    async def ask(self, question: Question) -> Reply:
        raise AnswerNeeded(question)


@dataclass
class Scene:
    """A ledger, the time, and what a preview sees just now."""

    ledger: SqliteLedger
    clock: Clock = field(default_factory=Clock)
    preview: Preview = field(default_factory=lambda: Preview(get("deleteSource"), "Agent events", {"slug": "agent"}))
    looks: int = 0

    def consent(self) -> Consent:
        return Consent(self.ledger, self.clock.now)

    async def look(self) -> Preview:
        self.looks += 1
        return self.preview

    def changes(self, **facts: Any) -> None:
        self.preview = replace(self.preview, facts=facts)

    async def by_code(self, way: Way, given: str | None = None, subject: Subject = SUBJECT) -> str:
        """What came of it: `through`, the code that is asked for, or why it is declined."""
        try:
            await self.consent().by_code(subject, await self.look(), way, given)
        except ConfirmationRequired as error:
            return code_of(error)
        except ConfirmationDeclined as error:
            return str(error.details["reason"])
        return "through"

    async def required(self, way: Way) -> ConfirmationRequired:
        with pytest.raises(ConfirmationRequired) as caught:
            await self.consent().by_code(SUBJECT, await self.look(), way, None)
        return caught.value

    async def asked_by_form(self, subject: Subject = SUBJECT) -> Question:
        with pytest.raises(AnswerNeeded) as caught:
            await self.consent().by_form(subject, self.look, Somebody())
        return caught.value.question

    async def by_form(self, reply: Reply, subject: Subject = SUBJECT) -> str:
        try:
            await self.consent().by_form(subject, self.look, Somebody(reply))
        except ConfirmationDeclined as error:
            return str(error.details["reason"])
        except AnswerNeeded:
            return "asked"
        return "through"

    def decide(self, code: str, decision: State) -> bool:
        return self.ledger.settle(code, "asked", decision, self.clock.now().timestamp())


def code_of(error: ConfirmationRequired) -> str:
    said = error.details.get("confirmation") or error.details["approve"].removeprefix("segment-mcp approve ")
    return str(said)


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with closing(SqliteLedger(tmp_path / "state" / "consents.sqlite3")) as ledger:
        yield Scene(ledger)


# Codes


async def test_what_waits_is_asked_for_by_the_same_code(scene: Scene) -> None:
    codes = [await scene.by_code(way) for _ in range(3) for way in CODES]
    assert codes == codes[:2] * 3
    assert len(set(codes)) == 2


async def test_an_approved_code_lets_one_call_through_and_then_another_code_is_asked_for(scene: Scene) -> None:
    code = await scene.by_code("terminal")
    assert scene.decide(code, "agreed")
    assert await scene.by_code("terminal") == "through"
    assert await scene.by_code("terminal") not in {"through", code}


async def test_a_code_passed_back_lets_one_call_through(scene: Scene) -> None:
    code = await scene.by_code("token")
    assert await scene.by_code("token", code) == "through"
    assert await scene.by_code("token", code) == "used"
    assert await scene.by_code("token") not in {"through", code}


async def test_what_was_declined_in_a_terminal_is_told_once(scene: Scene) -> None:
    code = await scene.by_code("terminal")
    assert scene.decide(code, "declined")
    assert await scene.by_code("terminal") == "declined"
    again = await scene.by_code("terminal")
    assert again not in {"declined", "through", code}
    assert scene.decide(again, "agreed")
    assert await scene.by_code("terminal") == "through"


@pytest.mark.parametrize("way", CODES)
@pytest.mark.parametrize("agreed", [False, True])
async def test_what_changed_is_asked_for_by_another_code_and_that_is_said(
    scene: Scene, way: Way, *, agreed: bool
) -> None:
    first = await scene.required(way)
    code = code_of(first)
    if agreed:
        assert scene.decide(code, "agreed")
    scene.changes(slug="another")
    second = await (scene.required(way) if way == "terminal" else asked_again(scene, code))
    assert code_of(second) != code
    assert "not what it was" in str(second)
    assert "not what it was" not in str(first)
    assert second.details["preview"]["slug"] == "another"
    assert not scene.decide(code, "agreed"), "the first one can't be approved any more"
    third = await scene.required(way)
    assert code_of(third) == code_of(second)
    assert "not what it was" not in str(third)


async def asked_again(scene: Scene, given: str) -> ConfirmationRequired:
    with pytest.raises(ConfirmationRequired) as caught:
        await scene.consent().by_code(SUBJECT, await scene.look(), "token", given)
    return caught.value


@pytest.mark.parametrize("way", CODES)
async def test_what_changes_by_itself_is_the_same_thing(scene: Scene, way: Way) -> None:
    code = await scene.by_code(way)
    scene.preview = replace(scene.preview, counts={"eventsLast7Days": 12})
    assert await scene.by_code(way) == code


@pytest.mark.parametrize(
    "change",
    [
        {"phrase": "Another name"},
        {"facts": {"slug": "another"}},
        {"facts": {}},
        {"basis": "all that the facts show a part of"},
        {"gaps": ("destinations: forbidden (no)",)},
        {"operation": get("deleteDestination")},
    ],
    ids=lambda change: next(iter(change)),
)
async def test_what_a_person_saw_is_what_they_agreed_to(scene: Scene, change: dict[str, Any]) -> None:
    code = await scene.by_code("terminal")
    assert scene.decide(code, "agreed")
    scene.preview = replace(scene.preview, **change)
    assert await scene.by_code("terminal") not in {"through", code}


async def test_what_can_be_read_again_has_changed(scene: Scene) -> None:
    scene.preview = replace(scene.preview, gaps=("destinations: forbidden (no)",))
    code = await scene.by_code("terminal")
    scene.preview = replace(scene.preview, gaps=("destinations: forbidden (not so, either)",))
    assert await scene.by_code("terminal") == code, "in other words it is the same gap"
    assert scene.decide(code, "agreed")
    scene.preview = replace(scene.preview, gaps=())
    assert await scene.by_code("terminal") != "through"


@pytest.mark.parametrize("way", CODES)
@pytest.mark.parametrize("other", OTHERS, ids=["caller", "connection", "operation", "arguments"])
async def test_a_code_counts_for_its_own_call_alone(scene: Scene, way: Way, other: Subject) -> None:
    code = await scene.by_code(way)
    scene.decide(code, "agreed")
    if way == "terminal":
        assert await scene.by_code(way, subject=other) not in {"through", code}
    else:
        assert await scene.by_code(way, code, other) == "other"
    assert await scene.by_code(way, code if way == "token" else None) == "through"


@pytest.mark.parametrize("given", ["", "0000-0000", "x" * 10_000, "\x00", "%", "' OR 1=1 --"], ids=ascii)
async def test_a_code_that_was_never_given_is_not_known(scene: Scene, given: str) -> None:
    await scene.by_code("token")
    assert await scene.by_code("token", given) == "unknown"


@pytest.mark.parametrize("way", CODES)
async def test_codes_are_easily_typed_and_hardly_guessed(scene: Scene, way: Way) -> None:
    codes = set()
    for number in range(200):
        code = await scene.by_code(way, subject=replace(SUBJECT, arguments=str(number)))
        assert re.fullmatch(r"[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}", code)
        codes.add(code)
    assert len(codes) == 200


# Ten minutes


PASSED = [(0, True), (599.999, True), (600, False), (600.001, False), (86_400 * 30, False)]


@pytest.mark.parametrize(("seconds", "counts"), PASSED)
async def test_an_approved_code_counts_for_ten_minutes(scene: Scene, seconds: float, *, counts: bool) -> None:
    code = await scene.by_code("terminal")
    assert scene.decide(code, "agreed")
    scene.clock.pass_by(seconds)
    outcome = await scene.by_code("terminal")
    assert (outcome == "through") is counts
    assert outcome != code


@pytest.mark.parametrize(("seconds", "counts"), PASSED)
async def test_a_code_can_be_approved_for_ten_minutes(scene: Scene, seconds: float, *, counts: bool) -> None:
    code = await scene.by_code("terminal")
    scene.clock.pass_by(seconds)
    assert scene.decide(code, "agreed") is counts


@pytest.mark.parametrize(("seconds", "counts"), PASSED)
async def test_a_code_can_be_passed_back_for_ten_minutes(scene: Scene, seconds: float, *, counts: bool) -> None:
    code = await scene.by_code("token")
    scene.clock.pass_by(seconds)
    assert await scene.by_code("token", code) == ("through" if counts else "expired")


@pytest.mark.parametrize(("seconds", "counts"), PASSED)
async def test_a_form_can_be_answered_for_ten_minutes(scene: Scene, seconds: float, *, counts: bool) -> None:
    question = await scene.asked_by_form()
    scene.clock.pass_by(seconds)
    reply = Reply(question.state, "accept", question.phrase)
    assert await scene.by_form(reply) == ("through" if counts else "expired")


async def test_approving_or_asking_again_makes_it_no_longer(scene: Scene) -> None:
    first = await scene.required("terminal")
    assert first.details["expires"] == "2026-03-14T09:36:53.000Z"
    scene.clock.pass_by(300)
    again = await scene.required("terminal")
    assert again.details == first.details
    assert scene.decide(code_of(first), "agreed")
    scene.clock.pass_by(300)
    assert await scene.by_code("terminal") not in {"through", code_of(first)}


async def test_what_was_used_is_told_from_what_never_was_although_it_is_long_past(scene: Scene) -> None:
    code = await scene.by_code("token")
    assert await scene.by_code("token", code) == "through"
    scene.clock.pass_by(3_600)
    await scene.by_code("token", subject=OTHERS[0])
    assert await scene.by_code("token", code) == "used"


# Forms


async def test_a_question_shows_the_preview_and_what_to_type(scene: Scene) -> None:
    question = await scene.asked_by_form()
    assert (question.text, question.phrase) == (scene.preview.text(), "Agent events")
    assert len(question.state) >= 22
    assert question.state != (await scene.asked_by_form()).state


@pytest.mark.parametrize(
    ("action", "typed", "outcome"),
    [
        ("accept", "Agent events", "through"),
        ("accept", "  Agent events\n", "through"),
        ("accept", "agent events", "name"),
        ("accept", "Agent  events", "name"),
        ("accept", "Agent events.", "name"),
        ("accept", "", "name"),
        ("accept", None, "name"),
        ("decline", "Agent events", "declined"),
        ("decline", None, "declined"),
        ("cancel", "Agent events", "cancelled"),
        ("cancel", None, "cancelled"),
        ("", "Agent events", "cancelled"),
        ("perhaps", "", "cancelled"),
    ],
)
async def test_an_answer_is_taken_at_its_word_and_once(
    scene: Scene, action: str, typed: str | None, outcome: str
) -> None:
    state = (await scene.asked_by_form()).state
    assert await scene.by_form(Reply(state, action, typed)) == outcome
    assert await scene.by_form(Reply(state, "accept", "Agent events")) == "used"


async def test_a_form_is_asked_again_about_what_changed(scene: Scene) -> None:
    first = await scene.asked_by_form()
    scene.preview = replace(scene.preview, phrase="Renamed")
    assert await scene.by_form(Reply(first.state, "accept", "Renamed")) == "name"
    second = await scene.asked_by_form()
    scene.changes(slug="another")
    assert await scene.by_form(Reply(second.state, "accept", "Renamed")) == "asked"
    assert await scene.by_form(Reply(second.state, "accept", "Renamed")) == "used"


@pytest.mark.parametrize("other", OTHERS, ids=["caller", "connection", "operation", "arguments"])
async def test_a_form_counts_for_its_own_call_alone(scene: Scene, other: Subject) -> None:
    question = await scene.asked_by_form()
    reply = Reply(question.state, "accept", question.phrase)
    assert await scene.by_form(reply, other) == "other"
    assert await scene.by_form(reply) == "through"


async def test_a_way_is_not_taken_for_another(scene: Scene) -> None:
    form, terminal, token = (await scene.asked_by_form()).state, *[await scene.by_code(way) for way in CODES]
    for state in (terminal, token):
        assert await scene.by_form(Reply(state, "accept", "Agent events")) == "unknown"
    for code in (form, terminal):
        assert await scene.by_code("token", code) == "unknown"
    for code in (form, token):
        scene.decide(code, "agreed")
    assert await scene.by_code("terminal") == terminal


# A ledger that fails


@dataclass
class Failing:
    """A ledger that does all but one thing; see `consent.ledger.Ledger`."""

    ledger: SqliteLedger
    fails: str = ""

    def add(self, asked: Asked, now: float) -> None:
        self._may("add")
        self.ledger.add(asked, now)

    def get(self, code: str) -> Asked | None:
        self._may("get")
        return self.ledger.get(code)

    def newest(self, subject: Subject, way: Way, now: float) -> Asked | None:
        self._may("newest")
        return self.ledger.newest(subject, way, now)

    def settle(self, code: str, before: State, after: State, now: float) -> bool:
        self._may("settle")
        return self.ledger.settle(code, before, after, now)

    def close_all(self, subject: Subject, way: Way) -> None:
        self._may("close_all")
        self.ledger.close_all(subject, way)

    def _may(self, name: str) -> None:
        if name == self.fails:
            raise StoreError("consents.sqlite3: database or disk is full")


@pytest.mark.parametrize("fails", ["add", "get", "newest", "settle"])
async def test_what_can_not_be_kept_lets_nothing_through(scene: Scene, fails: str) -> None:
    """Everything that would go through now, and every first call."""
    failing = Failing(scene.ledger)
    consent = Consent(failing, scene.clock.now)
    question = await scene.asked_by_form()
    terminal, token = [await scene.by_code(way) for way in CODES]
    assert scene.decide(terminal, "agreed")
    failing.fails = fails
    preview = await scene.look()
    calls: dict[str, Callable[[], Any]] = {
        "agreed form": lambda: consent.by_form(
            SUBJECT, scene.look, Somebody(Reply(question.state, "accept", question.phrase))
        ),
        "approved": lambda: consent.by_code(SUBJECT, preview, "terminal", None),
        "passed back": lambda: consent.by_code(SUBJECT, preview, "token", token),
    }
    first: dict[str, Callable[[], Any]] = {
        "form": lambda: consent.by_form(OTHERS[0], scene.look, Somebody()),
        "terminal": lambda: consent.by_code(OTHERS[0], preview, "terminal", None),
        "token": lambda: consent.by_code(OTHERS[0], preview, "token", None),
    }
    told = {"add": {*first}, "get": {"agreed form", "passed back"}, "newest": {"approved", "terminal", "token"},
            "settle": {*calls}}[fails]  # fmt: skip
    for name, call in {**calls, **first}.items():
        if name in told:
            with pytest.raises(ConfirmationRequired, match="database or disk is full") as caught:
                await call()
            assert caught.value.details == {"setting": "SEGMENT_MCP_STATE_DIR"}


def junk(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"not a database, and long enough to be one " * 100)


def a_folder_in_its_place(path: Path) -> None:
    path.mkdir(parents=True)


def a_file_in_its_folders_place(path: Path) -> None:
    path.parent.parent.mkdir(parents=True, exist_ok=True)
    path.parent.write_bytes(b"")


def of_something_else(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path)) as theirs:
        theirs.execute("CREATE TABLE photos (id INTEGER)")
        theirs.commit()


SPOILT = [junk, a_folder_in_its_place, a_file_in_its_folders_place, of_something_else]


@pytest.mark.parametrize("spoil", SPOILT, ids=lambda spoil: spoil.__name__)
@pytest.mark.parametrize("confirm", ["terminal", "token"])
async def test_nothing_is_sent_where_no_ledger_can_be_kept(
    tmp_path: Path, spoil: Callable[[Path], None], confirm: str
) -> None:
    settings = {"SEGMENT_MCP_STATE_DIR": str(tmp_path / "own"), "SEGMENT_MCP_CONFIRM": confirm}
    spoil(ledger_file(load({**SANDBOX, **settings})))
    wire = Frozen()
    async with working(wire, Clock(), settings) as opened:
        for more in ({}, {"confirmation": "0000-0000"} if confirm == "token" else {}):
            envelope = await opened.invoke("segment_delete_source", {"sourceId": QUIET, **more})
            assert envelope.data == {"code": "confirmation_required", "setting": "SEGMENT_MCP_STATE_DIR"}
            assert "consents.sqlite3" in str(envelope.error)
    assert wire.mutations() == []


async def test_a_ledger_that_was_taken_away_takes_all_consents_with_it(tmp_path: Path) -> None:
    settings = {"SEGMENT_MCP_STATE_DIR": str(tmp_path / "own")}
    path, clock, wire = ledger_file(load({**SANDBOX, **settings})), Clock(), Frozen()

    async def called() -> dict[str, Any]:
        envelope = await opened.invoke("segment_delete_source", {"sourceId": QUIET})
        assert envelope.data["code"] == "confirmation_required"
        return dict(envelope.data)

    async with working(wire, clock, settings) as opened:
        first = await called()
        with closing(SqliteLedger(path)) as ledger:
            code = first["approve"].removeprefix("segment-mcp approve ")
            assert ledger.settle(code, "asked", "agreed", clock.now().timestamp())
        for file in path.parent.glob("consents.sqlite3*"):
            file.unlink()
        later = [await called() for _ in range(3)]
    assert wire.mutations() == []
    assert "approve" in later[-1], "the next one is kept again"
    assert code not in str(later)


async def test_a_ledger_that_can_only_be_read_from_now_on_lets_nothing_through(scene: Scene) -> None:
    assert scene.decide(await scene.by_code("terminal"), "agreed")
    with scene.ledger._opened() as database, database.reading() as connection:
        connection.execute("PRAGMA query_only=1")  # stands for a file system that was mounted anew, read-only
    with pytest.raises(ConfirmationRequired, match="readonly"):
        await scene.consent().by_code(SUBJECT, await scene.look(), "terminal", None)


async def test_no_secret_is_in_the_ledger_nor_in_what_is_shown(tmp_path: Path) -> None:
    settings = {"SEGMENT_MCP_STATE_DIR": str(tmp_path / "own")}
    key = WRITE_KEYS["http"]
    wire = Frozen()
    async with working(wire, Clock(), settings) as opened:
        envelope = await opened.invoke("segment_remove_source_write_key", {"sourceId": QUIET, "writeKey": key})
    assert envelope.data["code"] == "confirmation_required"
    assert key not in envelope.as_json()
    kept = b"".join(file.read_bytes() for file in (tmp_path / "own").glob("consents.sqlite3*"))
    assert b"Agent events" in kept
    assert key.encode() not in kept
