"""Two sets of rules: what differs, what that does to events seen lately, and calls that reach the target exactly."""

import json
from collections.abc import Iterable
from typing import Any

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from segment_mcp.errors import Forbidden, InvalidArguments, NotFound
from segment_mcp.operations import get
from segment_mcp.operations.arguments import problems_of
from segment_mcp.questions import diff
from segment_mcp.questions.diff import LONGEST_QUERY, MOST_RULES, calls_of, compare, written
from segment_mcp.questions.reading import Reading
from tests.leaping import LeapingLoop
from tests.questions.asking import LEAPING, World, rule, track, world
from tests.questions.counting import Filled

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> Any:
    return LEAPING


Data = dict[str, Any]

NUMBER, TEXT = {"type": "number"}, {"type": "string"}


def order(*, version: int = 1, required: bool = False, **members: Any) -> Data:
    """A rule of Order Completed, whose properties are these."""
    of_properties = {"type": "object", "properties": members, **({"required": ["total"]} if required else {})}
    return rule("TRACK", "Order Completed", version=version, properties={"properties": of_properties})


SIGNED = rule("TRACK", "Signed Up")
COMMON = rule("COMMON", required=["userId"])


async def about(here: World, plan_id: str, *, other: str | None = None, rules: list[Data] | None = None) -> Data:
    return await diff.ask(here.reading(), tracking_plan_id=plan_id, other_plan_id=other, rules=rules)


async def applied(here: World, answer: Data) -> None:
    for call in answer["calls"]:
        assert "problems" not in call
        await here.call(call["operation"], **call["arguments"])


async def rules_of(here: World, plan_id: str) -> list[str]:
    walk = await here.segment.walk(get("listRulesFromTrackingPlan"), {"trackingPlanId": plan_id})
    return as_set(written(one) for one in walk.items)


def as_set(rules: Iterable[Data]) -> list[str]:
    """Rules in no order, as JSON: true is not 1."""
    return sorted(json.dumps(one, sort_keys=True) for one in rules)


async def test_two_plans_differ_by_rules_that_are_added_removed_and_changed() -> None:
    async with world() as here:
        mine = await here.plan([order(total=NUMBER), SIGNED, COMMON], name="Mine")
        other = await here.plan([order(total=TEXT), COMMON, rule("TRACK", "New")], name="Other")
        answer = await about(here, mine, other=other)
    assert answer["counts"] == {"added": 1, "changed": 1, "removed": 1, "unchanged": 1}
    assert (answer["added"], answer["removed"]) == (["TRACK New v1"], ["TRACK Signed Up v1"])
    [changed] = answer["changed"]
    assert changed == {
        "rule": "TRACK Order Completed v1",
        "effect": "either",
        "changes": [
            {"field": "properties.total", "what": "type", "effect": "either", "before": "number", "after": "string"}
        ],
    }
    assert answer["otherPlan"]["name"] == "Other"
    assert answer["summary"].startswith(
        "Mine differs from Other: 1 rules to add, 1 to change and 1 to remove, by 2 calls."
    )


async def test_the_calls_reach_the_target_and_leave_what_stays_alone() -> None:
    async with world() as here:
        mine = await here.plan([order(total=NUMBER), SIGNED, COMMON])
        target = [order(total=TEXT), order(version=2), COMMON, rule("PAGE"), rule("PAGE", "Home")]
        await anyio.sleep(60)
        answer = await about(here, mine, rules=target)
        await applied(here, answer)
        assert await rules_of(here, mine) == as_set(target)
        kept = await here.call("listRulesFromTrackingPlan", trackingPlanId=mine, pagination={"count": 200})
        again = await about(here, mine, rules=target)
    times = {one["type"]: one["updatedAt"] for one in kept["rules"] if one["type"] in {"COMMON", "PAGE"}}
    assert times["COMMON"] < times["PAGE"]
    assert [call["operation"] for call in answer["calls"]] == [
        "updateRulesInTrackingPlan",
        "removeRulesFromTrackingPlan",
    ]
    assert again["calls"] == []
    assert "same rules" in again["summary"]


async def test_rules_as_segment_lists_them_can_be_proposed() -> None:
    async with world() as here:
        mine = await here.plan([SIGNED, COMMON])
        listed = await here.call("listRulesFromTrackingPlan", trackingPlanId=mine, pagination={"count": 200})
        answer = await about(here, mine, rules=listed["rules"])
    assert answer["counts"]["unchanged"] == 2
    assert answer["calls"] == []


async def test_an_event_that_was_seen_and_loses_its_rule_is_told_with_its_count() -> None:
    async with world() as here:
        source_id, key = await here.source("shop")
        other_id, other_key = await here.source("elsewhere")
        mine = await here.plan([order(), SIGNED], source_id)
        await here.plan([order()], other_id, name="Another")
        await here.send(key, *[track("Order Completed")] * 3, track("Signed Up"))
        await here.send(other_key, track("Order Completed"))
        answer = await about(here, mine, rules=[SIGNED])
    assert answer["effects"]["events"] == [
        {"event": "Order Completed", "type": "TRACK", "events": 3, "effect": "loses its rule"}
    ]
    assert "Order Completed, 3 events in 7 days, loses its rule." in answer["summary"]


EFFECTS: list[tuple[str, list[Data], list[Data], str]] = [
    ("a new rule", [SIGNED], [SIGNED, order()], "gains a rule"),
    ("another version", [order()], [order(), order(version=2)], "gains a version of its rule"),
    ("a version less", [order(), order(version=2)], [order()], "loses a version of its rule"),
    ("stricter", [order(total=NUMBER)], [order(total=NUMBER, required=True)], "is checked more strictly"),
    ("looser", [order(total=NUMBER)], [order(total={"type": ["number", "null"]})], "is checked less strictly"),
    ("other", [order(total=NUMBER)], [order(total=TEXT)], "is checked differently"),
]


@pytest.mark.parametrize(("before", "after", "effect"), [row[1:] for row in EFFECTS], ids=[row[0] for row in EFFECTS])
async def test_the_effect_on_a_seen_event(before: list[Data], after: list[Data], effect: str) -> None:
    async with world() as here:
        source_id, key = await here.source("shop")
        mine = await here.plan(before, source_id)
        await here.send(key, track("Order Completed"))
        answer = await about(here, mine, rules=after)
    [entry] = answer["effects"]["events"]
    assert (entry["event"], entry["events"], entry["effect"]) == ("Order Completed", 1, effect)


async def test_a_change_of_words_affects_no_event() -> None:
    described = {**SIGNED, "jsonSchema": {**SIGNED["jsonSchema"], "description": "Somebody signed up."}}
    async with world() as here:
        mine = await here.plan([SIGNED])
        answer = await about(here, mine, rules=[described])
    assert answer["changed"][0]["effect"] == "neither"
    assert answer["effects"]["events"] == []


async def test_what_would_be_blocked_is_counted_by_the_settings_of_each_source() -> None:
    async with world() as here:
        (web, web_key), (ios, ios_key) = await here.source("web"), await here.source("ios")
        mine = await here.plan([order(total=NUMBER), SIGNED], web, ios)
        await here.settings(web, track={"allowUnplannedEvents": False})
        await here.settings(ios, track={"allowEventOnViolations": False})
        await here.send(web_key, *[track("Signed Up")] * 2)
        await here.send(ios_key, *[track("Order Completed")] * 4, track("Signed Up"))
        answer = await about(here, mine, rules=[order(total=NUMBER, required=True)])
    stricter, lost = answer["effects"]["events"]
    assert (stricter["event"], stricter["mayBeBlocked"]) == ("Order Completed", 4)
    assert (lost["event"], lost["events"], lost["wouldBeBlocked"]) == ("Signed Up", 3, 2)
    assert answer["effects"]["settingsKnown"] is True


async def test_a_change_of_the_common_schema_is_about_all_events() -> None:
    async with world() as here:
        source_id, key = await here.source("shop")
        mine = await here.plan([COMMON], source_id)
        await here.send(key, track("A"), {"type": "page", "userId": "u"}, {"type": "identify", "userId": "u"})
        answer = await about(here, mine, rules=[rule("COMMON", required=["userId", "context"])])
    assert [(entry["event"], entry["events"]) for entry in answer["effects"]["events"]] == [("every event", 3)]


async def test_counters_dont_name_pages_so_how_many_is_unknown() -> None:
    async with world() as here:
        source_id, _ = await here.source("shop")
        mine = await here.plan([rule("PAGE", "Home")], source_id)
        answer = await about(here, mine, rules=[])
    assert [entry["events"] for entry in answer["effects"]["events"]] == [None]
    assert "unknown" in answer["summary"]


VIEWS = [rule("TRACK", "Page Viewed"), rule("TRACK", "Screen Viewed")]
PAGE: Data = {"type": "page", "userId": "u"}


async def test_a_track_rule_of_page_or_screen_calls_is_about_these_and_none_of_them_is_blocked() -> None:
    async with world() as here:
        source_id, key = await here.source("shop")
        mine = await here.plan(VIEWS, source_id)
        await here.settings(source_id, track={"allowUnplannedEvents": False})
        await here.send(key, PAGE, {**PAGE, "name": "Home"}, {**PAGE, "type": "screen"}, track("Page Viewed"))
        answer = await about(here, mine, rules=[])
    assert answer["effects"]["events"] == [
        {"event": "Page Viewed", "type": "TRACK", "events": 3, "effect": "loses its rule", "wouldBeBlocked": 1},
        {"event": "Screen Viewed", "type": "TRACK", "events": 1, "effect": "loses its rule"},
    ]


async def test_which_page_calls_a_track_rule_is_about_is_unknown_where_others_have_rules_of_their_own() -> None:
    async with world() as here:
        source_id, key = await here.source("shop")
        home = rule("PAGE", "Home")
        mine = await here.plan([*VIEWS, home], source_id)
        await here.send(key, PAGE, {**PAGE, "type": "screen"})
        answer = await about(here, mine, rules=[home])
    counts = {entry["event"]: entry["events"] for entry in answer["effects"]["events"]}
    assert counts == {"Page Viewed": None, "Screen Viewed": 1}


async def test_none_among_a_part_of_the_events_is_unknown_and_not_zero() -> None:
    async with world() as here:
        source_id, key = await here.source("shop")
        mine = await here.plan([order(), SIGNED], source_id)
        await here.send(key, track("Order Completed"))
        segment = Filled(here.segment, 5_000)
        some, none = [
            await diff.ask(
                Reading(segment, here.clock.timing()), tracking_plan_id=mine, other_plan_id=None, rules=[stays]
            )
            for stays in (SIGNED, order())
        ]
    assert some["effects"]["events"] == [
        {"event": "Order Completed", "type": "TRACK", "events": 1, "atLeast": True, "effect": "loses its rule"}
    ]
    assert "Order Completed, at least 1 events in 7 days, loses its rule." in some["summary"]
    assert none["effects"]["events"] == [
        {"event": "Signed Up", "type": "TRACK", "events": None, "effect": "loses its rule"}
    ]
    assert "How many events that affects is unknown." in none["summary"]
    assert ("getEventsVolumeFromWorkspace", "bound") in [(gap["operation"], gap["code"]) for gap in none["gaps"]]


async def test_a_plan_without_sources_affects_nothing() -> None:
    async with world() as here:
        answer = await about(here, await here.plan([SIGNED]), rules=[])
    assert answer["effects"]["sources"] == 0
    assert "No source has this plan" in answer["summary"]


async def test_a_plan_that_is_not_live_governs_nothing() -> None:
    async with world() as here:
        answer = await about(here, await here.plan([SIGNED], kind="RULE_LIBRARY"), rules=[])
    assert "not LIVE" in answer["summary"]


@pytest.mark.parametrize(
    ("rules", "fields"),
    [
        ([{**SIGNED, "type": "TRICK"}], ["rules.0.type"]),
        ([SIGNED, {"type": "TRACK", "key": "E", "jsonSchema": {}}], ["rules.1.version"]),
        ([{**SIGNED, "version": "1"}], ["rules.0.version"]),
        ([{**SIGNED, "color": "red"}], ["rules.0.color"]),
        ([COMMON, {**SIGNED, "key": ""}], ["rules.1.key"]),
        ([SIGNED, COMMON, SIGNED], ["rules.2"]),
        ([COMMON, {**COMMON, "key": ""}], ["rules.1"]),
        ([{**SIGNED, "jsonSchema": {"type": "text"}}], ["rules.0.jsonSchema"]),
        ([SIGNED, {**COMMON, "jsonSchema": "{}"}], ["rules.1.jsonSchema"]),
        ([{**COMMON, "jsonSchema": []}, {**SIGNED, "key": ""}], ["rules.1.key", "rules.0.jsonSchema"]),
        ([rule("TRACK", str(number)) for number in range(2_001)], ["rules"]),
    ],
)
async def test_problems_of_proposed_rules_are_named_by_index_and_field(rules: list[Data], fields: list[str]) -> None:
    async with world() as here:
        with pytest.raises(InvalidArguments) as refused:
            await about(here, "tp_any", rules=rules)
        assert here.asked == []
    assert [problem["field"] for problem in refused.value.data()["problems"]] == fields


async def test_problems_have_an_end() -> None:
    async with world() as here:
        with pytest.raises(InvalidArguments) as refused:
            await about(here, "tp_any", rules=[{**COMMON, "jsonSchema": 1, "version": one} for one in range(50)])
    assert len(refused.value.data()["problems"]) == 20


async def test_large_changes_go_in_parts_and_small_lists_are_shown() -> None:
    before = [rule("TRACK", f"Old event with a long name, number {number}") for number in range(450)]
    target = [rule("TRACK", f"New event {number}") for number in range(450)]
    async with world() as here:
        mine = await here.plan(before)
        answer = await about(here, mine, rules=target)
        await applied(here, answer)
        assert await rules_of(here, mine) == as_set(target)
    updates = [call for call in answer["calls"] if call["operation"] == "updateRulesInTrackingPlan"]
    assert [len(call["arguments"]["rules"]) for call in updates] == [200, 200, 50]
    assert (len(answer["added"]), answer["added"][-1]) == (31, {"more": 420})


def test_removals_fit_a_url_and_updates_a_request() -> None:
    removed = [rule("TRACK", f"{number} " + "é" * 200) for number in range(10)]
    calls = calls_of("tp", [], [], removed)
    assert all(len(str(call["arguments"]["rules"])) < LONGEST_QUERY for call in calls)
    assert [one for call in calls for one in call["arguments"]["rules"]] == [
        {"type": "TRACK", "key": one["key"], "version": 1} for one in removed
    ]
    many = calls_of("tp", [], [], [rule("TRACK", str(number)) for number in range(500)])
    assert max(len(call["arguments"]["rules"]) for call in many) <= MOST_RULES


def test_a_rule_of_segment_that_its_own_operation_would_refuse_is_told() -> None:
    [call] = calls_of("tp", [{"type": "TRACK", "key": "E", "version": None, "jsonSchema": {}}], [], [])
    assert [problem["field"] for problem in call["problems"]] == ["rules.0.version"]


@pytest.mark.parametrize(("error", "plan", "other"), [(NotFound, "tp_nosuch", None), (NotFound, None, "tp_nosuch")])
async def test_a_plan_that_is_not_there_is_an_error(
    error: type[Exception], plan: str | None, other: str | None
) -> None:
    async with world() as here:
        mine = await here.plan([SIGNED])
        with pytest.raises(error):
            await about(here, plan or mine, other=other, rules=None if other else [])


async def test_rules_that_cant_be_read_are_an_error() -> None:
    async with world() as here:
        mine = await here.plan([SIGNED])
        await here.fault("listRulesFromTrackingPlan", status=403)
        with pytest.raises(Forbidden):
            await about(here, mine, rules=[])


@pytest.mark.parametrize("fault", [{"status": 403}, {"status": 500}, {"body": "json-list"}, {"delaySeconds": 60}])
@pytest.mark.parametrize(
    "operation", ["listSourcesFromTrackingPlan", "getEventsVolumeFromWorkspace", "listSchemaSettingsInSource"]
)
async def test_what_hangs_on_a_failed_call_is_unknown_and_the_calls_are_right_all_the_same(
    operation: str, fault: Data
) -> None:
    async with world() as here:
        source_id, key = await here.source("shop")
        mine = await here.plan([order(), SIGNED], source_id)
        await here.settings(source_id, track={"allowUnplannedEvents": False})
        await here.send(key, track("Order Completed"))
        await here.fault(operation, **fault)
        answer = await about(here, mine, rules=[SIGNED])
        await here.healed()
        await applied(here, answer)
        assert await rules_of(here, mine) == as_set([SIGNED])
    [entry] = answer["effects"]["events"]
    if operation == "listSchemaSettingsInSource":
        assert (entry["events"], answer["effects"]["settingsKnown"]) == (1, False)
    else:
        assert entry["events"] is None
        assert "How many events that affects is unknown." in answer["summary"]
    assert operation in [gap["operation"] for gap in answer["gaps"]]


KEYS = st.sampled_from(["Order Completed", "order completed", "A/B?", "Ünïcode & more", "x" * 60])
SCHEMAS = st.fixed_dictionaries(
    {"type": st.just("object")},
    optional={
        "required": st.lists(st.sampled_from(["userId", "properties", "traits"]), min_size=1, unique=True),
        "properties": st.dictionaries(
            st.sampled_from(["a", "b", "c"]),
            st.sampled_from([{}, NUMBER, TEXT, {"const": 1}, {"enum": [True, "x"]}, {"items": [TEXT]}]),
        ),
        "additionalProperties": st.booleans(),
    },
)
RULES = st.one_of(
    st.builds(
        lambda key, version, schema: {"type": "TRACK", "key": key, "version": version, "jsonSchema": schema},
        KEYS,
        st.integers(1, 3),
        SCHEMAS,
    ),
    st.builds(
        lambda kind, schema: {"type": kind, "version": 1, "jsonSchema": schema},
        st.sampled_from(["COMMON", "IDENTIFY", "GROUP", "PAGE", "SCREEN"]),
        SCHEMAS,
    ),
)
RULE_SETS = st.lists(RULES, max_size=8, unique_by=lambda one: (one["type"], one.get("key"), one["version"]))


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(before=RULE_SETS, target=RULE_SETS)
def test_the_calls_of_any_difference_reach_the_target_exactly(before: list[Data], target: list[Data]) -> None:
    async def reach() -> None:
        async with world() as here:
            mine = await here.plan(before)
            answer = await about(here, mine, rules=target)
            await applied(here, answer)
            assert await rules_of(here, mine) == as_set(target)
            assert (await about(here, mine, rules=target))["calls"] == []

    anyio.run(reach, backend_options={"loop_factory": LeapingLoop})


@settings(max_examples=40, deadline=None)
@given(before=RULE_SETS, target=RULE_SETS)
def test_a_difference_accounts_for_every_rule(before: list[Data], target: list[Data]) -> None:
    found = compare(before, target)
    assert len(before) - len(found.removed) + len(found.added) == len(target)
    assert all(of_rule for _, of_rule in found.changed)
    for call in calls_of("tp", found.added, [one for one, _ in found.changed], found.removed):
        assert problems_of(get(call["operation"]), call["arguments"]) == []
