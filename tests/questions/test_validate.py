"""What becomes of an event, told beforehand: on scenarios of the sandbox, whose own counters then have to agree."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from segment_mcp.adapter.client import SegmentClient
from segment_mcp.errors import Forbidden, NotFound
from segment_mcp.operations import Operation
from segment_mcp.questions import validate
from segment_mcp.questions.reading import Reading
from segment_mcp.questions.validate import near_names
from tests.questions.asking import LEAPING, World, rule, track, world

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> Any:
    return LEAPING


NUMBER = {"type": "number"}
ORDER = rule(
    "TRACK",
    "Order Completed",
    properties={"properties": {"type": "object", "properties": {"total": NUMBER}, "required": ["total"]}},
)
ORDER_2 = rule("TRACK", "Order Completed", version=2, properties={"properties": {"properties": {"total": {}}}})
USER = rule("IDENTIFY", properties={"traits": {"type": "object", "properties": {"age": NUMBER}}})
COMMON = rule("COMMON", required=["anonymousId"])
GOOD, WRONG = (track("Order Completed", properties={"total": total}) for total in (1, "a lot"))
MORE = track("Order Completed", properties={"total": 1, "note": "x"})
OTHER = track("order completed", properties={"total": 1})
PERSON = {"type": "identify", "userId": "u", "traits": {"age": "old", "pet": "cat"}}
VERSION_2 = {"context": {"protocols": {"event_version": 2}}}
FORWARDED = "forwarded"


@dataclass(frozen=True)
class Case:
    """A source with a plan, an event, and the one true answer."""

    says: str
    event: dict[str, Any]
    outcome: str
    rules: tuple[dict[str, Any], ...] | None = (ORDER,)
    settings: dict[str, Any] | None = None
    code: str | None = None
    omitted: tuple[str, ...] = ()
    forwards: bool = False


def on_track(**controls: Any) -> dict[str, Any]:
    return {"track": controls}


CASES = (
    Case("no plan", WRONG, "passes", rules=None),
    Case("as planned", GOOD, "passes", settings=on_track(allowEventOnViolations=False, allowUnplannedEvents=False)),
    Case("a violation that is let through", WRONG, "passes_with_violations"),
    Case(
        "a violation that blocks",
        WRONG,
        "blocked_lost",
        settings=on_track(allowEventOnViolations=False),
        code="schema_violation",
    ),
    Case(
        "a violation that blocks and is forwarded",
        WRONG,
        "blocked_forwarded",
        settings=on_track(allowEventOnViolations=False),
        code="schema_violation",
        forwards=True,
    ),
    Case(
        "a violation whose property is omitted",
        WRONG,
        "omitted",
        settings=on_track(allowPropertiesOnViolations=False),
        omitted=("properties.total",),
    ),
    Case(
        "an unplanned property",
        MORE,
        "omitted",
        settings=on_track(allowUnplannedEventProperties=False),
        omitted=("properties.note",),
    ),
    Case(
        "an unplanned event",
        OTHER,
        "blocked_lost",
        settings=on_track(allowUnplannedEvents=False),
        code="unplanned",
    ),
    Case(
        "an unplanned event that is forwarded",
        OTHER,
        "blocked_forwarded",
        settings=on_track(allowUnplannedEvents=False),
        code="unplanned",
        forwards=True,
    ),
    Case("an unplanned event that is let through", OTHER, "passes"),
    Case(
        "the common JSON schema blocks",
        GOOD,
        "blocked_lost",
        rules=(ORDER, COMMON),
        settings=on_track(commonEventOnViolations="BLOCK"),
        code="common_schema_violation",
    ),
    Case(
        "the common JSON schema lets through",
        GOOD,
        "passes_with_violations",
        rules=(ORDER, COMMON),
        settings=on_track(commonEventOnViolations="ALLOW"),
    ),
    Case(
        "the oldest version, where none is named",
        WRONG,
        "blocked_lost",
        rules=(ORDER_2, ORDER),
        settings=on_track(allowEventOnViolations=False),
        code="schema_violation",
    ),
    Case(
        "the named version",
        WRONG | VERSION_2,
        "passes",
        rules=(ORDER, ORDER_2),
        settings=on_track(allowEventOnViolations=False),
    ),
    Case(
        "a wrong trait",
        PERSON,
        "omitted",
        rules=(USER,),
        settings={"identify": {"allowTraitsOnViolations": False, "allowUnplannedTraits": False}},
        omitted=("traits.age", "traits.pet"),
    ),
    Case(
        "an identify call that the common JSON schema blocks",
        PERSON,
        "blocked_lost",
        rules=(COMMON,),
        settings={"identify": {"commonEventOnViolations": "BLOCK"}},
        code="common_schema_violation",
    ),
    Case(
        "a page, which nothing blocks",
        {"type": "page", "userId": "u"},
        "passes_with_violations",
        rules=(COMMON,),
        settings=on_track(allowUnplannedEvents=False, commonEventOnViolations="BLOCK"),
    ),
)


async def build(here: World, case: Case) -> tuple[str, str]:
    """The source and its write key."""
    source_id, key = await here.source("shop")
    if case.rules is not None:
        await here.plan(case.rules, source_id)
    settings = dict(case.settings or {})
    if case.forwards:
        settings["forwardingBlockedEventsTo"] = (await here.source(FORWARDED))[0]
    if settings:
        await here.settings(source_id, **settings)
    return source_id, key


async def blocked_reasons(here: World, source_id: str) -> list[str]:
    """Why the sandbox itself blocked events of a source."""
    answer = await here.call(
        "getFilteredAtSourceMetricsFromDeliveryOverview",
        sourceId=source_id,
        startTime="2026-05-20T11:30:00Z",
        endTime="2026-05-20T13:00:00Z",
        granularity="MINUTE",
        groupBy=["discardReason"],
    )
    return [row["discardReason"] for row in answer["dataset"] if row["total"]]


@pytest.mark.parametrize("case", CASES, ids=[case.says for case in CASES])
async def test_the_answer_is_what_then_happens(case: Case) -> None:
    async with world() as here:
        source_id, key = await build(here, case)
        answer = await validate.ask(here.reading(), source_id=source_id, event=case.event)
        assert (answer["outcome"], answer.get("code")) == (case.outcome, case.code)
        assert sorted(answer.get("omitted", ())) == sorted(case.omitted)
        assert answer.get("forwardedTo", {}).get("name") == (FORWARDED if case.forwards else None)
        await here.send(key, case.event)
        assert await blocked_reasons(here, source_id) == ([] if case.code is None else [case.code])


@pytest.mark.parametrize(
    ("event", "codes"),
    [
        ({"type": "track", "userId": "u"}, ["event_not_defined"]),
        ({"type": "track", "event": "E"}, ["no_user_anon_id"]),
        ({"type": "sing", "userId": "u"}, ["invalid_type"]),
        ({"event": "E", "userId": "u"}, ["missing_type"]),
        (track("E", properties=[1]), ["properties_not_object"]),
        (track("E", properties={"text": "x" * 33_000}), ["bad_request"]),
    ],
)
async def test_what_fails_on_ingest_is_told_by_segments_code(event: dict[str, Any], codes: list[str]) -> None:
    async with world() as here:
        source_id, _ = await here.source("shop")
        answer = await validate.ask(here.reading(), source_id=source_id, event=event)
    assert answer["outcome"] == "fails_on_ingest"
    assert [problem["code"] for problem in answer["problems"]] == codes
    assert "drop" in answer["summary"]


async def test_an_event_that_fails_on_ingest_is_held_against_the_plan_all_the_same() -> None:
    async with world() as here:
        source_id, _ = await build(here, CASES[3])
        event = {name: value for name, value in WRONG.items() if name != "userId"}
        answer = await validate.ask(here.reading(), source_id=source_id, event=event)
    assert (answer["outcome"], answer["otherwise"]) == ("fails_on_ingest", "blocked_lost")
    assert answer["violations"][0]["field"] == "properties.total"


async def test_a_disabled_source_drops_everything_and_the_answer_says_what_it_would_do_otherwise() -> None:
    async with world() as here:
        source_id, _ = await here.source("shop", enabled=False)
        answer = await validate.ask(here.reading(), source_id=source_id, event=GOOD)
    assert (answer["outcome"], answer["otherwise"]) == ("fails_on_ingest", "passes")
    assert [problem["code"] for problem in answer["problems"]] == ["source_disabled"]
    assert "source_disabled" in [warning["code"] for warning in answer["warnings"]]


async def test_a_disabled_source_that_gets_blocked_events_is_warned_of() -> None:
    async with world() as here:
        source_id, _ = await build(here, CASES[4])
        target = (await validate.ask(here.reading(), source_id=source_id, event=WRONG))["forwardedTo"]["id"]
        await here.call("updateSource", sourceId=target, enabled=False)
        answer = await validate.ask(here.reading(), source_id=source_id, event=WRONG)
    assert answer["forwardedTo"]["enabled"] is False
    assert "forwarded_to_disabled" in [warning["code"] for warning in answer["warnings"]]


async def test_a_near_name_is_suggested() -> None:
    async with world() as here:
        source_id, _ = await build(here, CASES[7])
        answer = await validate.ask(here.reading(), source_id=source_id, event=OTHER)
    assert [warning.get("near") for warning in answer["warnings"]] == [["Order Completed"]]


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("order_completed", ["Order Completed"]),
        ("Order  Completed", ["Order Completed"]),
        ("Order Complete", ["Order Completed"]),
        ("Order Completed", []),
        ("Song Played", []),
        ("", []),
    ],
)
def test_names_are_near_by_case_spacing_and_a_letter(name: str, near: list[str]) -> None:
    assert near_names(name, [ORDER, ORDER_2, USER, rule("TRACK", "Song Paused")]) == near


async def test_a_plan_of_another_type_governs_nothing() -> None:
    async with world() as here:
        source_id, _ = await here.source("shop")
        await here.plan([ORDER], source_id, kind="ENGAGE")
        await here.settings(source_id, **on_track(allowEventOnViolations=False))
        answer = await validate.ask(here.reading(), source_id=source_id, event=WRONG)
    assert answer["outcome"] == "passes"
    assert [warning["code"] for warning in answer["warnings"]] == ["plan_not_live"]


async def test_rules_behind_many_pages_are_found() -> None:
    rules = [rule("TRACK", f"Event {number}", required=["traits"]) for number in range(450)]
    async with world() as here:
        source_id, _ = await here.source("shop")
        await here.plan(rules, source_id)
        answer = await validate.ask(here.reading(), source_id=source_id, event=track("Event 449"))
    assert answer["outcome"] == "passes_with_violations"
    assert answer["trackingPlan"]["rules"] == 450


async def test_a_source_that_is_not_there_is_an_error() -> None:
    async with world() as here:
        with pytest.raises(NotFound):
            await validate.ask(here.reading(), source_id="nosuch", event=GOOD)


@pytest.mark.parametrize("fault", [{"status": 403}, {"status": 500}, {"body": "html"}, {"delaySeconds": 60}])
@pytest.mark.parametrize(
    ("operation", "case", "outcome"),
    [
        ("listRulesFromTrackingPlan", CASES[3], "unknown"),
        ("listRulesFromTrackingPlan", CASES[1], "unknown"),
        ("listSchemaSettingsInSource", CASES[3], "unknown"),
        ("listSchemaSettingsInSource", CASES[7], "unknown"),
        ("listSchemaSettingsInSource", CASES[6], "unknown"),
        ("listSchemaSettingsInSource", CASES[1], "passes"),
        ("getTrackingPlan", CASES[3], "blocked_lost"),
    ],
)
async def test_what_hangs_on_a_failed_call_is_unknown_and_nothing_else(
    operation: str, case: Case, outcome: str, fault: dict[str, Any]
) -> None:
    async with world() as here:
        source_id, _ = await build(here, case)
        await here.fault(operation, **fault)
        answer = await validate.ask(here.reading(), source_id=source_id, event=case.event)
    assert answer["outcome"] == outcome
    assert [gap["operation"] for gap in answer["gaps"]] == [operation]


class Hiding:
    """A Segment that does not show one source."""

    def __init__(self, segment: SegmentClient, source_id: str) -> None:
        self._segment = segment
        self._source_id = source_id
        self.walk, self.region = segment.walk, segment.region

    async def call(self, operation: Operation, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """As the other does, but for that source."""
        if arguments == {"sourceId": self._source_id}:
            raise Forbidden("No.", host="Segment")
        return await self._segment.call(operation, arguments)


async def test_the_target_of_blocked_events_is_named_by_its_id_where_it_cant_be_read() -> None:
    async with world() as here:
        source_id, _ = await build(here, CASES[8])
        settings = (await here.call("listSchemaSettingsInSource", sourceId=source_id))["settings"]
        target = settings["forwardingBlockedEventsTo"]
        reading = Reading(Hiding(here.segment, target), here.clock.timing())
        answer = await validate.ask(reading, source_id=source_id, event=OTHER)
    assert (answer["outcome"], answer["forwardedTo"]) == ("blocked_forwarded", {"id": target})
    assert [gap["operation"] for gap in answer["gaps"]] == ["getSource"]


async def test_a_rule_that_cant_be_applied_leaves_the_outcome_unknown() -> None:
    async with world() as here:
        source_id, _ = await here.source("shop")
        odd = rule("TRACK", "E", properties={"properties": {"$ref": "https://schemas.example/e"}})
        await here.plan([odd], source_id)
        answer = await validate.ask(here.reading(), source_id=source_id, event=track("E", properties={}))
    assert answer["outcome"] == "unknown"
    assert answer["notApplied"] == ["TRACK E v1: it refers to a schema that is not part of it"]


async def test_what_no_operation_tells_is_a_gap_where_there_is_no_plan() -> None:
    async with world() as here:
        source_id, _ = await here.source("shop")
        answer = await validate.ask(here.reading(), source_id=source_id, event=GOOD)
    assert [gap["code"] for gap in answer["gaps"]] == ["no_api"]
