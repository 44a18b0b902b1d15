"""Attacks on consent, by every way in which it is given: how many requests that change something reach Segment.

None, but for the honest call: one.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

import anyio
import mcp_types as types
import pytest
from mcp import Client, MCPError

from segment_mcp.callers import ANSWER
from segment_mcp.config import Confirm, Mode
from segment_mcp.operations import OPERATIONS, examples
from segment_mcp.redact import mask_write_key
from segment_mcp.sandbox import API_TOKEN, WRITE_KEYS, create_app
from segment_mcp.server import build_server
from tests.consent.parties import (
    AGENT,
    ELSEWHERE,
    MODERN,
    Clock,
    Form,
    Frozen,
    Person,
    Says,
    Server,
    agrees,
    cancels,
    decide,
    declines,
    form_of,
    said,
    serving,
    typing,
    working,
)
from tests.workbench import ERAS, QUIET, QUIET_DESTINATION, QUIET_KEY, WEBSITE, refused

INTERCOM = "HVvJ4tiFHQ5uyoy5Zu6cG9"
CONNECTIONS = f"""
[connections.here]
region = "us"
api_token = "{API_TOKEN}"

[connections.there]
region = "us"
api_token = "{API_TOKEN}"
"""


@dataclass(frozen=True, slots=True)
class Act:
    """Something that destroys.

    Attributes:
        tool: the tool.
        arguments: the call's.
        altered: others, which stand for something else that exists.
        change: what somebody else does meanwhile, so that it is not what it was.
        sent: what goes to Segment in the end.
    """

    tool: str
    arguments: dict[str, Any]
    altered: dict[str, Any]
    change: tuple[str, str, Any]
    sent: tuple[str, str]


def by_api(operation: str, arguments: dict[str, Any], altered: dict[str, Any], change: Any, sent: Any) -> Act:
    tool = "segment_api_destroy"
    return Act(
        tool,
        {"operation": operation, "arguments": arguments},
        {"operation": operation, "arguments": arguments | altered},
        change,
        sent,
    )


def renamed(kind: str, thing: str) -> tuple[str, str, Any]:
    return "PATCH", f"/{kind}/{thing}", {"name": "Not what it was"}


PROD, DEV = {"key": "environment", "value": "prod"}, {"key": "environment", "value": "dev"}
GROWTH = {"key": "team", "value": "growth"}
ACTS = {
    "delete a source": Act(
        "segment_delete_source",
        {"sourceId": QUIET},
        {"sourceId": WEBSITE},
        renamed("sources", QUIET),
        ("DELETE", f"/sources/{QUIET}"),
    ),
    "remove a write key": Act(
        "segment_remove_source_write_key",
        {"sourceId": QUIET, "writeKey": mask_write_key(QUIET_KEY)},
        {"sourceId": WEBSITE, "writeKey": WRITE_KEYS["web"]},
        renamed("sources", QUIET),
        ("DELETE", f"/sources/{QUIET}/writekey/{QUIET_KEY}"),
    ),
    "DELETE by the API": by_api(
        "deleteDestination",
        {"destinationId": QUIET_DESTINATION},
        {"destinationId": INTERCOM},
        renamed("destinations", QUIET_DESTINATION),
        ("DELETE", f"/destinations/{QUIET_DESTINATION}"),
    ),
    "PUT by the API": by_api(
        "replaceLabelsInSource",
        {"sourceId": WEBSITE, "labels": [PROD]},
        {"labels": [DEV]},
        ("POST", f"/sources/{WEBSITE}/labels", {"labels": [{"key": "team", "value": "platform"}]}),
        ("PUT", f"/sources/{WEBSITE}/labels"),
    ),
    "PATCH by the API": by_api(
        "updateSchemaSettingsInSource",
        {"sourceId": WEBSITE, "track": {"allowUnplannedEvents": False}},
        {"track": {"allowUnplannedEvents": True}},
        renamed("sources", WEBSITE),
        ("PATCH", f"/sources/{WEBSITE}/settings"),
    ),
    "POST by the API": by_api(
        "createFilterForDestination",
        {
            "destinationId": QUIET_DESTINATION, "sourceId": QUIET, "if": "all", "title": "Nothing", "enabled": True,
            "actions": [{"type": "DROP"}],
        },
        {"enabled": False},
        renamed("destinations", QUIET_DESTINATION),
        ("POST", f"/destination/{QUIET_DESTINATION}/filters"),
    ),
    "two words by the API": by_api(
        "deleteLabel",
        GROWTH,
        {"value": "platform"},
        ("POST", f"/sources/{QUIET}/labels", {"labels": [GROWTH]}),
        ("DELETE", "/labels/team/growth"),
    ),
}  # fmt: skip
DELETE_SOURCE, PUT = ACTS["delete a source"], ACTS["PUT by the API"]


# The ways


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as the client got it."""

    code: str
    phrase: str


@dataclass(frozen=True, slots=True)
class Way:
    """How consent is given; what the ways have in common.

    Attributes:
        settings: the operator's.
        forms: whether the client shows forms.
    """

    settings: Mapping[str, str]
    forms: bool

    async def ask(self, client: Client, tool: str, arguments: dict[str, Any]) -> Asked:
        """Make the call for the first time."""
        data = refused(await client.call_tool(tool, arguments))
        assert data["code"] == "confirmation_required", data
        return Asked(self.code_of(data), data["preview"]["toAgreeType"])

    def code_of(self, data: Mapping[str, Any]) -> str:
        raise NotImplementedError

    def agree(self, stage: "Stage", asked: Asked) -> None:
        """The person agrees, as far as they do so outside of the call."""

    async def go(self, client: Client, tool: str, arguments: dict[str, Any], asked: Asked) -> Any:
        """Make the call once more, with what the question takes."""
        raise NotImplementedError


class ByForm(Way):
    async def ask(self, client: Client, tool: str, arguments: dict[str, Any]) -> Asked:
        result = await client.session.call_tool(tool, arguments, allow_input_required=True)
        assert isinstance(result, types.InputRequiredResult), result
        assert result.input_requests is not None
        assert result.request_state is not None
        (question,) = result.input_requests.values()
        return Asked(result.request_state, form_of(question.params).phrase)

    async def go(self, client: Client, tool: str, arguments: dict[str, Any], asked: Asked) -> Any:
        return await answer(client, tool, arguments, asked.code, typing(asked.phrase))


class ByTerminal(Way):
    def code_of(self, data: Mapping[str, Any]) -> str:
        assert "confirmation" not in data
        words: str = data["approve"]
        return words.removeprefix("segment-mcp approve ")

    def agree(self, stage: "Stage", asked: Asked) -> None:
        decide(stage.settings, stage.clock, asked.code)

    async def go(self, client: Client, tool: str, arguments: dict[str, Any], asked: Asked) -> Any:
        del asked
        return await client.call_tool(tool, arguments)


class ByToken(Way):
    def code_of(self, data: Mapping[str, Any]) -> str:
        assert "approve" not in data
        code: str = data["confirmation"]
        return code

    async def go(self, client: Client, tool: str, arguments: dict[str, Any], asked: Asked) -> Any:
        return await client.call_tool(tool, {**arguments, "confirmation": asked.code})


async def answer(
    client: Client, tool: str, arguments: dict[str, Any], state: str | None, said_: types.InputResponse | None
) -> Any:
    """Make the call as a client that comes again with an answer."""
    responses = None if said_ is None else {ANSWER: said_}
    return await client.session.call_tool(
        tool, arguments, request_state=state, input_responses=responses, allow_input_required=True
    )


FORM = ByForm({}, forms=True)
TERMINAL = ByTerminal({}, forms=False)
TOKEN = ByToken({"SEGMENT_MCP_CONFIRM": "token"}, forms=False)
WAYS = {"form": FORM, "terminal": TERMINAL, "token": TOKEN}


# The stage


@dataclass(slots=True)
class Stage:
    """Where an attack happens: one workspace, one state folder, and a server over both.

    Attributes:
        way: how consent is given.
        act: what destroys.
        settings: the operator's.
        server: the one that asks.
        wire: its way to Segment.
        clock: everybody's time.
    """

    way: Way
    act: Act
    settings: dict[str, str]
    server: Server
    wire: Frozen
    clock: Clock = field(default_factory=Clock)

    def client(self, server: Server | None = None, **who: Any) -> AbstractAsyncContextManager[Client]:
        return (server or self.server).client(Person() if self.way.forms else None, **who)

    async def agreed(self, client: Client) -> Asked:
        """Ask, and have a person agree."""
        asked = await self.way.ask(client, self.act.tool, self.act.arguments)
        self.way.agree(self, asked)
        return asked

    async def go(self, client: Client, asked: Asked, **altered: Any) -> str:
        """What the second call comes to."""
        arguments = {**self.act.arguments, **altered}
        return said(await self.way.go(client, self.act.tool, arguments, asked))


@pytest.fixture
def connections(tmp_path: Path) -> dict[str, str]:
    path = tmp_path / "segment.toml"
    path.write_text(CONNECTIONS, encoding="utf-8")
    return {"SEGMENT_MCP_SANDBOX": "0", "SEGMENT_MCP_CONFIG": str(path)}


@asynccontextmanager
async def staged(way: Way, act: Act, settings: Mapping[str, str]) -> AsyncIterator[Stage]:
    both, wire, clock = {**settings, **way.settings}, Frozen(), Clock()
    async with serving(wire, clock, both) as server:
        yield Stage(way, act, both, server, wire, clock)


# The table


async def honest(stage: Stage) -> str:
    async with stage.client() as agent:
        return await stage.go(agent, await stage.agreed(agent))


async def at_the_last_moment(stage: Stage) -> str:
    async with stage.client() as agent:
        asked = await stage.agreed(agent)
        stage.clock.pass_by(599.999)
        return await stage.go(agent, asked)


async def no_consent(stage: Stage) -> str:
    async with stage.client() as agent:
        first = await stage.way.ask(agent, stage.act.tool, stage.act.arguments)
        again = await stage.way.ask(agent, stage.act.tool, stage.act.arguments)
    assert first.phrase == again.phrase
    return "asked"


async def altered_arguments(stage: Stage) -> str:
    async with stage.client() as agent:
        asked = await stage.agreed(agent)
        return said(await stage.way.go(agent, stage.act.tool, stage.act.altered, asked))


async def replay(stage: Stage) -> str:
    async with stage.client() as agent:
        asked = await stage.agreed(agent)
        assert await stage.go(agent, asked) == "done"
        stage.wire.requests.clear()
        return await stage.go(agent, asked)


async def replay_in_another_process(stage: Stage) -> str:
    async with stage.client() as agent:
        asked = await stage.agreed(agent)
        assert await stage.go(agent, asked) == "done"
    stage.wire.requests.clear()
    async with serving(stage.wire, stage.clock, stage.settings) as other, stage.client(other) as agent:
        return await stage.go(agent, asked)


async def expired(stage: Stage) -> str:
    async with stage.client() as agent:
        asked = await stage.agreed(agent)
        stage.clock.pass_by(600)
        return await stage.go(agent, asked)


async def another_client(stage: Stage) -> str:
    async with stage.client() as agent, stage.client(name="somebody") as other:
        return await stage.go(other, await stage.agreed(agent))


async def another_address(stage: Stage) -> str:
    async with stage.client() as agent, stage.client(address=ELSEWHERE) as other:
        return await stage.go(other, await stage.agreed(agent))


async def other_credentials(stage: Stage) -> str:
    first, second = {"Authorization": "Bearer a"}, {"Authorization": "Bearer b"}
    async with stage.client(headers=first) as agent, stage.client(headers=second) as other:
        return await stage.go(other, await stage.agreed(agent))


async def another_connection(stage: Stage) -> str:
    async with stage.client() as agent:
        return await stage.go(agent, await stage.agreed(agent), connection="there")


async def another_workspace(stage: Stage) -> str:
    """Of the same names, by the same name of the connection, over the same state folder."""
    theirs = Path(stage.settings["SEGMENT_MCP_CONFIG"]).with_name("theirs.toml")
    theirs.write_text(CONNECTIONS.replace(API_TOKEN, "the-token-of-theirs"), encoding="utf-8")
    settings = {**stage.settings, "SEGMENT_MCP_CONFIG": str(theirs)}
    async with stage.client() as agent:
        asked = await stage.agreed(agent)
    stage.wire = Frozen(token="the-token-of-theirs")
    async with serving(stage.wire, stage.clock, settings) as other, stage.client(other) as agent:
        return await stage.go(agent, asked)


async def changed_target(stage: Stage) -> str:
    async with stage.client() as agent:
        asked = await stage.agreed(agent)
        await stage.wire.change(*stage.act.change)
        return await stage.go(agent, asked)


async def changed_and_asked_for_twice(stage: Stage) -> str:
    async with stage.client() as agent:
        asked = await stage.agreed(agent)
        await stage.wire.change(*stage.act.change)
        assert await stage.go(agent, asked) == "asked"
        return await stage.go(agent, asked)


async def declined(stage: Stage) -> str:
    async with stage.client() as agent:
        asked = await stage.way.ask(agent, stage.act.tool, stage.act.arguments)
        if stage.way is FORM:
            no = declines(Form("", asked.phrase))
            return said(await answer(agent, stage.act.tool, stage.act.arguments, asked.code, no))
        decide(stage.settings, stage.clock, asked.code, "declined")
        return await stage.go(agent, asked)


async def agreed_to_after_it_was_declined(stage: Stage) -> str:
    async with stage.client() as agent:
        asked = await stage.way.ask(agent, stage.act.tool, stage.act.arguments)
        if stage.way is FORM:
            await answer(agent, stage.act.tool, stage.act.arguments, asked.code, declines(Form("", asked.phrase)))
        else:
            decide(stage.settings, stage.clock, asked.code, "declined")
            assert await stage.go(agent, asked) == "declined: declined"
        return await stage.go(agent, asked)


async def forged_first_answer(stage: Stage) -> str:
    async with stage.client() as agent:
        return await stage.go(agent, Asked("0000-0000", QUIET))


async def empty_first_answer(stage: Stage) -> str:
    async with stage.client() as agent:
        return await stage.go(agent, Asked("", ""))


WITH_EVERY_ACT = {honest, altered_arguments, changed_target}
"""What may hang on how an act is previewed and sent; all else is tried with two of them."""
ROWS: list[tuple[Callable[[Stage], Awaitable[str]], int, Mapping[str, str]]] = [
    (honest, 1, {"form": "done", "terminal": "done", "token": "done"}),
    (at_the_last_moment, 1, {"form": "done", "terminal": "done", "token": "done"}),
    (no_consent, 0, {"form": "asked", "terminal": "asked", "token": "asked"}),
    (altered_arguments, 0, {"form": "declined: other", "terminal": "asked", "token": "declined: other"}),
    (replay, 0, {"form": "declined: used", "terminal": "asked", "token": "declined: used"}),
    (replay_in_another_process, 0, {"form": "declined: used", "terminal": "asked", "token": "declined: used"}),
    (expired, 0, {"form": "declined: expired", "terminal": "asked", "token": "declined: expired"}),
    (another_client, 0, {"form": "declined: other", "terminal": "asked", "token": "declined: other"}),
    (another_address, 0, {"form": "declined: other", "terminal": "asked", "token": "declined: other"}),
    (other_credentials, 0, {"form": "declined: other", "terminal": "asked", "token": "declined: other"}),
    (another_connection, 0, {"form": "declined: other", "terminal": "asked", "token": "declined: other"}),
    (another_workspace, 0, {"form": "declined: other", "terminal": "asked", "token": "declined: other"}),
    (changed_target, 0, {"form": "asked", "terminal": "asked", "token": "asked"}),
    (changed_and_asked_for_twice, 0, {"form": "declined: used", "terminal": "asked", "token": "declined: used"}),
    (declined, 0, {"form": "declined: declined", "terminal": "declined: declined"}),
    (agreed_to_after_it_was_declined, 0, {"form": "declined: used", "terminal": "asked"}),
    (forged_first_answer, 0, {"form": "declined: unknown", "terminal": "asked", "token": "declined: unknown"}),
    (empty_first_answer, 0, {"form": "declined: unknown", "terminal": "asked", "token": "declined: unknown"}),
]
TABLE = [(attack, way, count, outcomes[way]) for attack, count, outcomes in ROWS for way in outcomes]


@pytest.mark.parametrize(
    ("attack", "way", "count", "outcome"), TABLE, ids=[f"{attack.__name__}-{way}" for attack, way, *_ in TABLE]
)
async def test_what_reaches_segment(
    attack: Callable[[Stage], Awaitable[str]], way: str, count: int, outcome: str, connections: dict[str, str]
) -> None:
    acts = ACTS if attack in WITH_EVERY_ACT else {"delete": DELETE_SOURCE, "put": PUT}
    for name, act in acts.items():
        async with staged(WAYS[way], act, connections) as stage:
            found = await attack(stage)
        assert (name, found, stage.wire.mutations()) == (name, outcome, [act.sent] * count)


async def test_a_null_is_an_argument_as_any_other(connections: dict[str, str]) -> None:
    act = by_api(
        "updateFilterForDestination",
        {"destinationId": "oI0b1gdvkqtbWrKvtxeDt5", "filterId": "8OoIW0c3q4rvzWDYkqJ0g9", "enabled": True},
        {"description": None},
        (),
        (),
    )
    async with staged(FORM, act, connections) as stage:
        assert await altered_arguments(stage) == "declined: other"
        assert stage.wire.mutations() == []


# Forms, as a person fills them in


def says_nothing(form: Form) -> types.ElicitResult:
    del form
    return types.ElicitResult(action="accept")


def types_it_into_another_field(form: Form) -> types.ElicitResult:
    return typing(form.phrase, "name")


def in_capitals(form: Form) -> types.ElicitResult:
    return typing(form.phrase.upper())


def a_part_of_it(form: Form) -> types.ElicitResult:
    return typing(form.phrase[:-1])


def what_it_is_called_here(form: Form) -> types.ElicitResult:
    del form
    return typing("deleteSource")


def with_spaces_around_it(form: Form) -> types.ElicitResult:
    return typing(f" {form.phrase}\n")


def as_a_list(form: Form) -> types.ElicitResult:
    return typing([form.phrase])


def as_a_truth(form: Form) -> types.ElicitResult:
    del form
    return typing(True)  # noqa: FBT003 - what a client sends


PERSONS: list[tuple[Says, str, int]] = [
    (agrees, "done", 1),
    (with_spaces_around_it, "done", 1),
    (declines, "declined: declined", 0),
    (cancels, "declined: cancelled", 0),
    (says_nothing, "declined: name", 0),
    (in_capitals, "declined: name", 0),
    (a_part_of_it, "declined: name", 0),
    (what_it_is_called_here, "declined: name", 0),
    (types_it_into_another_field, "declined: name", 0),
    (as_a_list, "declined: name", 0),
    (as_a_truth, "declined: name", 0),
]


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(("says", "outcome", "count"), PERSONS, ids=[row[0].__name__ for row in PERSONS])
async def test_only_who_types_the_name_agrees(era: str, says: Says, outcome: str, count: int) -> None:
    person, wire, clock = Person([says, declines]), Frozen(), Clock()
    async with (
        working(wire, clock, {}) as opened,
        Client(build_server(opened), mode=era, elicitation_callback=person) as agent,
    ):
        assert said(await agent.call_tool(DELETE_SOURCE.tool, DELETE_SOURCE.arguments)) == outcome
        (form,) = person.asked
        assert form.phrase == "Agent events"
        assert "Agent events" in form.text
        assert "can't be recovered" in form.text
        assert wire.mutations() == [DELETE_SOURCE.sent] * count
        wire.requests.clear()
        assert said(await agent.call_tool(DELETE_SOURCE.tool, DELETE_SOURCE.arguments)) == "declined: declined"
    assert len(person.asked) == 2, "each call is asked for"
    assert wire.mutations() == []


@pytest.mark.parametrize("era", ERAS)
async def test_an_answer_after_ten_minutes_counts_for_nothing(era: str) -> None:
    wire, clock = Frozen(), Clock()

    def thinks_about_it(form: Form) -> types.ElicitResult:
        clock.pass_by(600)
        return agrees(form)

    async with (
        working(wire, clock, {}) as opened,
        Client(build_server(opened), mode=era, elicitation_callback=Person([thinks_about_it])) as agent,
    ):
        assert said(await agent.call_tool(DELETE_SOURCE.tool, DELETE_SOURCE.arguments)) == "declined: expired"
    assert wire.mutations() == []


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(("then", "count"), [(agrees, 1), (declines, 0)], ids=["agrees again", "declines"])
async def test_what_changed_while_a_person_read_is_asked_for_again(era: str, then: Says, count: int) -> None:
    wire, person = Frozen(), Person([agrees, then])

    class Slow(Person):
        async def __call__(self, context: Any, params: Any) -> Any:
            if not person.asked:
                await wire.change(*DELETE_SOURCE.change)
            return await person(context, params)

    async with (
        working(wire, Clock(), {}) as opened,
        Client(build_server(opened), mode=era, elicitation_callback=Slow()) as agent,
    ):
        outcome = said(await agent.call_tool(DELETE_SOURCE.tool, DELETE_SOURCE.arguments))
    assert outcome == ("done" if count else "declined: declined")
    assert [form.phrase for form in person.asked] == ["Agent events", "Not what it was"]
    assert wire.mutations() == [DELETE_SOURCE.sent] * count


async def test_what_keeps_changing_is_not_asked_for_for_ever() -> None:
    wire, person = Frozen(), Person()

    class Slow(Person):
        async def __call__(self, context: Any, params: Any) -> Any:
            await wire.change("PATCH", f"/sources/{QUIET}", {"name": f"Name {len(person.asked)}"})
            return await person(context, params)

    async with (
        working(wire, Clock(), {}) as opened,
        Client(build_server(opened), mode="legacy", elicitation_callback=Slow()) as agent,
    ):
        assert said(await agent.call_tool(DELETE_SOURCE.tool, DELETE_SOURCE.arguments)).startswith("declined: ")
    assert 1 < len(person.asked) < 6
    assert wire.mutations() == []


async def test_a_client_that_can_not_show_the_form_after_all_did_not_agree() -> None:
    wire = Frozen()

    def fails(form: Form) -> types.ErrorData:
        del form
        return types.ErrorData(code=types.INTERNAL_ERROR, message="No window could be opened.")

    async with working(wire, Clock(), {}) as opened:
        server = build_server(opened)
        async with Client(server, mode="legacy", elicitation_callback=Person([fails])) as agent:
            outcome = said(await agent.call_tool(DELETE_SOURCE.tool, DELETE_SOURCE.arguments))
        async with Client(server, mode=MODERN, elicitation_callback=Person([fails])) as agent:
            with pytest.raises(MCPError):
                await agent.call_tool(DELETE_SOURCE.tool, DELETE_SOURCE.arguments)
    assert wire.mutations() == []
    assert outcome.startswith("declined: ")


@pytest.mark.parametrize("era", ERAS)
async def test_no_configured_credential_is_in_a_form(era: str) -> None:
    """Everything else that a client gets is scrubbed of them."""
    wire, person = Frozen(), Person([declines])
    await wire.change("PATCH", f"/sources/{QUIET}", {"name": f"Key {QUIET_KEY}"})
    async with (
        working(wire, Clock(), {}) as opened,
        Client(build_server(opened), mode=era, elicitation_callback=person) as agent,
    ):
        listed = await agent.call_tool("segment_list_sources", {"name": "key"})
        await agent.call_tool(DELETE_SOURCE.tool, DELETE_SOURCE.arguments)
    assert QUIET in str(listed)
    assert QUIET_KEY not in str(listed)
    assert QUIET_KEY not in str(person.asked)


# Answers that no form gave


def accepted(text: str) -> types.ElicitResult:
    return typing(text)


FORGED: list[tuple[str | None, types.InputResponse | None]] = [
    (None, accepted("Agent events")),
    ("", accepted("Agent events")),
    ("x" * 100_000, accepted("Agent events")),
    ("\x00", accepted("Agent events")),
    ("' OR 1=1 --", accepted("Agent events")),
    ("%", accepted("Agent events")),
    ("x", None),
    ("", None),
    (None, types.ElicitResult(action="accept")),
    (None, types.ListRootsResult(roots=[])),
]


@pytest.mark.parametrize(("state", "response"), FORGED, ids=lambda value: str(value)[:40])
@pytest.mark.parametrize("era", ERAS)
async def test_a_forged_answer_sends_nothing(era: str, state: str | None, response: types.InputResponse | None) -> None:
    wire, person = Frozen(), Person([declines])
    async with (
        working(wire, Clock(), {}) as opened,
        Client(build_server(opened), mode=era, elicitation_callback=person) as agent,
    ):
        outcome = said(await answer(agent, DELETE_SOURCE.tool, DELETE_SOURCE.arguments, state, response))
    assert outcome.startswith("declined: ")
    assert wire.mutations() == []


@pytest.mark.parametrize("text", ["agent events", "", "deleteSource", QUIET])
async def test_a_wrong_name_can_not_be_tried_again(text: str, connections: dict[str, str]) -> None:
    async with staged(FORM, DELETE_SOURCE, connections) as stage, stage.client() as agent:
        asked = await stage.agreed(agent)
        assert await stage.go(agent, Asked(asked.code, text)) == "declined: name"
        assert await stage.go(agent, asked) == "declined: used"
        assert stage.wire.mutations() == []


async def test_an_answer_to_no_question_uses_it_up(connections: dict[str, str]) -> None:
    act = DELETE_SOURCE
    async with staged(FORM, act, connections) as stage, stage.client() as agent:
        asked = await stage.agreed(agent)
        roots = types.ListRootsResult(roots=[])
        assert said(await answer(agent, act.tool, act.arguments, asked.code, roots)) == "declined: cancelled"
        assert await stage.go(agent, asked) == "declined: used"
        assert stage.wire.mutations() == []


# One way in place of another


async def test_who_shows_no_forms_can_not_answer_one(connections: dict[str, str]) -> None:
    act = DELETE_SOURCE
    async with staged(TERMINAL, act, connections) as stage, stage.client() as agent:
        pending = await stage.way.ask(agent, act.tool, act.arguments)
        for state in (None, "", pending.code):
            result = await answer(agent, act.tool, act.arguments, state, typing(pending.phrase))
            assert refused(result)["approve"] == f"segment-mcp approve {pending.code}"
        async with stage.server.client(Person()) as same_with_forms:
            result = await answer(same_with_forms, act.tool, act.arguments, pending.code, typing(pending.phrase))
            assert said(result) == "declined: unknown"
        assert stage.wire.mutations() == []


@pytest.mark.parametrize("approved", [False, True])
async def test_a_terminals_code_is_no_token(connections: dict[str, str], *, approved: bool) -> None:
    act = DELETE_SOURCE
    async with staged(TERMINAL, act, connections) as stage:
        async with stage.client() as agent:
            asked = await (stage.agreed(agent) if approved else stage.way.ask(agent, act.tool, act.arguments))
            assert await stage.go(agent, asked, confirmation=asked.code) == "invalid_arguments"
        async with (
            serving(stage.wire, stage.clock, {**stage.settings, **TOKEN.settings}) as lenient,
            stage.client(lenient) as agent,
        ):
            assert await stage.go(agent, asked, confirmation=asked.code) == "declined: unknown"
        assert stage.wire.mutations() == []


async def test_a_token_is_not_approved_in_a_terminal_nor_by_a_form(connections: dict[str, str]) -> None:
    act = DELETE_SOURCE
    async with staged(TOKEN, act, connections) as stage, stage.client() as agent:
        asked = await stage.way.ask(agent, act.tool, act.arguments)
        async with stage.server.client(Person([declines])) as with_forms:
            form = await answer(with_forms, act.tool, act.arguments, asked.code, typing(asked.phrase))
            token = await with_forms.call_tool(act.tool, {**act.arguments, "confirmation": asked.code})
        assert (said(form), said(token)) == ("declined: unknown", "declined: declined")
        async with (
            serving(stage.wire, stage.clock, {**stage.settings, "SEGMENT_MCP_CONFIRM": "terminal"}) as strict,
            stage.client(strict) as agent_of_strict,
        ):
            decide(stage.settings, stage.clock, asked.code)
            assert said(await agent_of_strict.call_tool(act.tool, act.arguments)) == "asked"
        assert stage.wire.mutations() == []


@pytest.mark.parametrize(
    "confirmation",
    ["", " ", "0000-0000", "\x00", "\ud800", "x" * 100_000, "%", "' OR 1=1 --"],
    ids=lambda text: ascii(text)[:20],
)
async def test_a_token_that_nobody_gave_sends_nothing(confirmation: str) -> None:
    wire = Frozen()
    async with working(wire, Clock(), TOKEN.settings) as opened:
        envelope = await opened.invoke(DELETE_SOURCE.tool, {**DELETE_SOURCE.arguments, "confirmation": confirmation})
    assert (envelope.data["code"], envelope.data["reason"]) == ("confirmation_declined", "unknown")
    assert wire.mutations() == []


@pytest.mark.parametrize("confirmation", [1, True, ["x"], {"code": "x"}], ids=repr)
async def test_a_token_that_is_no_text_is_named(confirmation: Any) -> None:
    wire = Frozen()
    async with working(wire, Clock(), TOKEN.settings) as opened:
        envelope = await opened.invoke(DELETE_SOURCE.tool, {**DELETE_SOURCE.arguments, "confirmation": confirmation})
    assert envelope.data["problems"] == [{"field": "confirmation", "message": "must be a string"}]
    assert wire.requests == []


# Clients that are not who they seem


POSES: dict[str, dict[str, Any]] = {
    "the first one's address as a session": {"query": f"?session_id={AGENT}%20"},
    "its address as a session in a header": {"headers": {"Mcp-Session-Id": AGENT}},
    "its address and nothing else": {"query": f"?session_id={AGENT}"},
    "no session": {"query": "?session_id="},
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("pose", POSES)
async def test_nobody_poses_as_another_client(way: str, pose: str, connections: dict[str, str]) -> None:
    async with (
        staged(WAYS[way], DELETE_SOURCE, connections) as stage,
        stage.client() as agent,
        stage.client(address=ELSEWHERE, **POSES[pose]) as other,
    ):
        outcome = await stage.go(other, await stage.agreed(agent))
    assert (outcome, stage.wire.mutations()) == ("asked" if way == "terminal" else "declined: other", [])


@pytest.mark.parametrize("way", ["terminal", "token"])
async def test_a_consent_over_a_pipe_ends_with_the_server(way: str) -> None:
    wire, clock, given = Frozen(), Clock(), WAYS[way]
    async with working(wire, clock, given.settings) as opened:
        async with Client(build_server(opened)) as agent:
            asked = await given.ask(agent, DELETE_SOURCE.tool, DELETE_SOURCE.arguments)
        if way == "terminal":
            decide(given.settings, clock, asked.code)
        async with Client(build_server(opened)) as agent:
            outcome = said(await given.go(agent, DELETE_SOURCE.tool, DELETE_SOURCE.arguments, asked))
    assert outcome == ("asked" if way == "terminal" else "declined: other")
    assert wire.mutations() == []


# Two at once


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("servers", [1, 2])
async def test_of_two_calls_with_one_consent_one_goes_through(
    way: str, servers: int, connections: dict[str, str]
) -> None:
    async with (
        staged(WAYS[way], DELETE_SOURCE, connections) as stage,
        serving(stage.wire, stage.clock, stage.settings) as second,
        stage.client() as agent,
        stage.client(second if servers == 2 else None) as twin,
    ):
        asked = await stage.agreed(agent)
        stage.wire.together = 2
        outcomes: list[str] = []

        async def go(client: Client) -> None:
            outcomes.append(await stage.go(client, asked))

        async with anyio.create_task_group() as group:
            for client in (agent, twin):
                group.start_soon(go, client)
        assert stage.wire.mutations() == [DELETE_SOURCE.sent]
        assert "done" in outcomes
        outcomes.remove("done")
        assert outcomes[0] in {"declined: used", "asked"}


async def asked_at_once(stage: Stage) -> list[str]:
    """The codes with which two calls at once are asked for, in their order."""
    codes: list[str] = []

    async def ask(client: Client) -> None:
        codes.append((await stage.way.ask(client, stage.act.tool, stage.act.arguments)).code)

    async with stage.client() as agent, stage.client() as twin, anyio.create_task_group() as group:
        stage.wire.together = 2
        for client in (agent, twin):
            group.start_soon(ask, client)
    return sorted(set(codes), key=codes.index)


@pytest.mark.parametrize("approved", [0, -1], ids=["first", "last"])
async def test_two_calls_at_once_go_through_by_whichever_code_is_approved(
    approved: int, connections: dict[str, str]
) -> None:
    async with staged(TERMINAL, DELETE_SOURCE, connections) as stage:
        codes = await asked_at_once(stage)
        decide(stage.settings, stage.clock, codes[approved])
        async with stage.client() as agent:
            outcomes = [said(await agent.call_tool(DELETE_SOURCE.tool, DELETE_SOURCE.arguments)) for _ in range(2)]
    assert (outcomes, stage.wire.mutations()) == (["done", "asked"], [DELETE_SOURCE.sent])


async def test_who_declines_last_has_declined(connections: dict[str, str]) -> None:
    async with staged(TERMINAL, DELETE_SOURCE, connections) as stage:
        *others, last = await asked_at_once(stage)
        for code in others:
            decide(stage.settings, stage.clock, code)
        decide(stage.settings, stage.clock, last, "declined")
        async with stage.client() as agent:
            outcomes = [said(await agent.call_tool(DELETE_SOURCE.tool, DELETE_SOURCE.arguments)) for _ in range(3)]
    assert (outcomes, stage.wire.mutations()) == (["declined: declined", "asked", "asked"], [])


# Where Segment fails


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("act", ["delete a source", "POST by the API"])
async def test_a_consent_is_spent_although_segment_failed(way: str, act: str, connections: dict[str, str]) -> None:
    async with staged(WAYS[way], ACTS[act], connections) as stage, stage.client() as agent:
        asked = await stage.agreed(agent)
        stage.wire.status = 500
        failed = await stage.go(agent, asked)
        repeats = stage.wire.mutations()
        stage.wire.status = None
        again = await stage.go(agent, asked)
    assert (failed, again) == ("unavailable", "asked" if way == "terminal" else "declined: used")
    assert set(repeats) == {ACTS[act].sent}
    assert len(repeats) == 1 or ACTS[act].sent[0] == "DELETE", "within its call it may be repeated if that does no more"
    assert stage.wire.mutations() == repeats


@pytest.mark.parametrize("way", WAYS)
async def test_what_is_not_there_is_not_asked_for(way: str, connections: dict[str, str]) -> None:
    act = Act("segment_delete_source", {"sourceId": "nothing"}, {}, ("", "", None), ("", ""))
    async with staged(WAYS[way], act, connections) as stage, stage.client() as agent:
        result = await agent.call_tool(act.tool, act.arguments)
    assert refused(result)["code"] == "not_found"
    assert stage.wire.mutations() == []


# The data of people


REGULATIONS = {row.name: examples.example(row) for row in OPERATIONS.values() if row.regulates}
ON = {"SEGMENT_MCP_REGULATIONS": "on"}


def regulation(operation: str) -> Act:
    path = OPERATIONS[operation].path.format(**REGULATIONS[operation])
    arguments = {"operation": operation, "arguments": REGULATIONS[operation]}
    return Act("segment_api_destroy", arguments, {}, ("", "", None), ("POST", path))


@pytest.mark.parametrize("mode", get_args(Mode))
async def test_the_data_of_people_is_out_of_reach_unless_it_is_on(mode: Mode) -> None:
    wire = Frozen()
    async with working(wire, Clock(), {"SEGMENT_MCP_MODE": mode, **TOKEN.settings}) as opened:
        for operation in REGULATIONS:
            act = regulation(operation)
            envelope = await opened.invoke(act.tool, act.arguments)
            assert envelope.data["code"] == "not_allowed", operation
    assert wire.requests == []
    assert len(REGULATIONS) == 3


@pytest.mark.parametrize("operation", REGULATIONS)
@pytest.mark.parametrize("mode", ["confirm", "unattended"])
@pytest.mark.parametrize("confirm", get_args(Confirm))
async def test_the_data_of_people_takes_a_person_always(
    operation: str, mode: str, confirm: str, connections: dict[str, str]
) -> None:
    act = regulation(operation)
    settings = {**connections, **ON, "SEGMENT_MCP_MODE": mode, "SEGMENT_MCP_CONFIRM": confirm}
    takes_codes = mode == "unattended" or confirm == "token"
    async with staged(TERMINAL, act, settings) as stage:
        async with stage.server.client(Person([declines])) as with_forms:
            assert said(await with_forms.call_tool(act.tool, act.arguments)) == "declined: declined"
        async with stage.client() as agent:
            asked = await stage.way.ask(agent, act.tool, act.arguments)
            by_token = await stage.go(agent, asked, confirmation=asked.code)
            assert by_token == ("asked" if takes_codes else "invalid_arguments")
            assert stage.wire.mutations() == []
            decide(stage.settings, stage.clock, asked.code)
            assert [await stage.go(agent, asked), await stage.go(agent, asked)] == ["done", "asked"]
    assert stage.wire.mutations() == [act.sent]


# Where nobody is asked


UNATTENDED = ByToken({"SEGMENT_MCP_MODE": "unattended"}, forms=False)
SHORTER = by_api(
    "replaceLabelsInSource", {"sourceId": WEBSITE, "labels": [PROD]}, {"labels": [DEV]},
    ("POST", f"/sources/{WEBSITE}/labels", {"labels": [{"key": "team", "value": "platform"}]}),
    ("PUT", f"/sources/{WEBSITE}/labels"),
)  # fmt: skip
NOT_ASKED = [
    DELETE_SOURCE,
    by_api("replaceLabelsInSource", {"sourceId": WEBSITE, "labels": [PROD, GROWTH]}, {}, (), SHORTER.sent),
    by_api("replaceLabelsInSource", {"sourceId": WEBSITE, "labels": [PROD, GROWTH, DEV]}, {}, (), SHORTER.sent),
]


@pytest.mark.parametrize("act", NOT_ASKED, ids=["delete", "the same labels", "more labels"])
@pytest.mark.parametrize("forms", [False, True])
async def test_unattended_means_that_nobody_is_asked(act: Act, connections: dict[str, str], *, forms: bool) -> None:
    person = Person([declines])
    async with (
        staged(UNATTENDED, act, connections) as stage,
        stage.server.client(person if forms else None) as agent,
    ):
        outcome = said(await agent.call_tool(act.tool, act.arguments))
    assert (outcome, stage.wire.mutations(), person.asked) == ("done", [act.sent], [])


@pytest.mark.parametrize("forms", [False, True])
async def test_a_shorter_list_is_told_first_although_nobody_is_asked(
    connections: dict[str, str], *, forms: bool
) -> None:
    person = Person([declines])
    async with (
        staged(UNATTENDED, SHORTER, connections) as stage,
        stage.server.client(person if forms else None) as agent,
    ):
        data = refused(await agent.call_tool(SHORTER.tool, SHORTER.arguments))
        outcome = await stage.go(agent, Asked(data["confirmation"], ""))
    assert "team:growth" in str(data["preview"])
    assert (outcome, stage.wire.mutations(), person.asked) == ("done", [SHORTER.sent], [])


REPLACEMENTS = [row.name for row in OPERATIONS.values() if row.method == "PUT" and row.api == "public"]


@pytest.mark.parametrize("operation", REPLACEMENTS)
async def test_every_replacement_that_drops_something_is_told_first(
    operation: str, connections: dict[str, str]
) -> None:
    """Each example drops something of the sandbox's; Segment refuses them here."""
    act = by_api(operation, examples.example(OPERATIONS[operation]), {}, (), ())
    async with staged(UNATTENDED, act, connections) as stage, stage.client() as agent:
        stage.wire.app = create_app(now=stage.clock.now)
        asked = await stage.way.ask(agent, act.tool, act.arguments)
        stage.clock.pass_by(61)  # some of what is previewed may be read twice a minute
        before = stage.wire.mutations()
        stage.wire.status = 422
        outcome = await stage.go(agent, asked)
    assert (before, outcome) == ([], "rejected")
    assert [method for method, _ in stage.wire.mutations()] == ["PUT"]


UNATTENDED_ROWS = [
    (attack, count, outcomes["token"])
    for attack, count, outcomes in ROWS
    if "token" in outcomes and attack is not honest
]


@pytest.mark.parametrize(
    ("attack", "count", "outcome"), UNATTENDED_ROWS, ids=[attack.__name__ for attack, *_ in UNATTENDED_ROWS]
)
async def test_a_shorter_lists_code_is_held_to_the_same(
    attack: Callable[[Stage], Awaitable[str]], count: int, outcome: str, connections: dict[str, str]
) -> None:
    async with staged(UNATTENDED, SHORTER, connections) as stage:
        found = await attack(stage)
    assert (found, stage.wire.mutations()) == (outcome, [SHORTER.sent] * count)


# Where only reading is allowed


@pytest.mark.parametrize("confirm", get_args(Confirm))
async def test_nothing_that_writes_is_called_by_any_path_where_only_reading_is_allowed(confirm: str) -> None:
    wire = Frozen()
    settings = {"SEGMENT_MCP_MODE": "read", "SEGMENT_MCP_CONFIRM": confirm, **ON}
    async with (
        working(wire, Clock(), settings) as opened,
        Client(build_server(opened), elicitation_callback=Person()) as agent,
    ):
        codes = set()
        for row in OPERATIONS.values():
            if row.api != "public" or row.safety == "read":
                continue
            given = {"operation": row.name, "arguments": examples.example(row)}
            for tool in ("segment_api_read", "segment_api_write", "segment_api_destroy"):
                for more in ({}, {"confirmation": "0000-0000"}):
                    result = await agent.session.call_tool(tool, {**given, **more}, allow_input_required=True)
                    codes.add((tool, said(result)))
        for act in ACTS.values():
            assert said(await agent.call_tool(act.tool, act.arguments)) == "not_allowed"
        listed = [tool.name for tool in opened.listed() if tool.safety != "read"]
    assert codes == {
        ("segment_api_read", "invalid_arguments"),
        ("segment_api_write", "not_allowed"),
        ("segment_api_destroy", "not_allowed"),
    }
    assert listed == []
    assert wire.requests == []
