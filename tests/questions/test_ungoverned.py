"""What is not governed, told beforehand: on workspaces built event by event through the sandbox's door."""

from typing import Any

import anyio
import pytest

from segment_mcp.errors import Forbidden, NotFound
from segment_mcp.questions import ungoverned
from segment_mcp.questions.reading import Reading
from tests.questions.asking import LEAPING, World, rule, track, world
from tests.questions.counting import Filled

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> Any:
    return LEAPING


Data = dict[str, Any]

PLANNED = [rule("TRACK", "Order Completed", required=["properties"]), rule("TRACK", "Signed Up"), rule("IDENTIFY")]
BLOCKS = {"track": {"allowUnplannedEvents": False}}
ORDER = track("Order Completed", properties={})


async def about(here: World, source_id: str | None = None, *, days: int = 7, after: str | None = None) -> Data:
    return await ungoverned.ask(here.reading(), source_id=source_id, days=days, after=after)


def ids(entries: list[Data]) -> list[str]:
    return [entry["id"] for entry in entries]


def events(entries: list[Data]) -> dict[str, int]:
    return {event["event"]: event["count"] for entry in entries for event in entry["events"]}


async def test_a_source_without_a_plan() -> None:
    async with world() as here:
        source_id, key = await here.source("shop")
        await here.send(key, ORDER, ORDER)
        answer = await about(here, source_id)
    [entry] = answer["noPlan"]
    assert (entry["id"], entry["trackEvents"], entry["certainty"]) == (source_id, 2, "proven")
    assert answer["summary"] == "shop has no tracking plan."
    assert answer["gaps"] == []


async def test_a_plan_of_another_type_is_none() -> None:
    async with world() as here:
        source_id, _ = await here.source("shop")
        await here.plan(PLANNED, source_id, kind="ENGAGE")
        one, all_of_them = await about(here, source_id), await about(here)
    assert ids(one["noPlan"]) == [source_id]
    assert source_id in ids(all_of_them["noPlan"])


async def test_a_plan_that_lets_everything_through() -> None:
    async with world() as here:
        source_id, _ = await here.source("shop")
        await here.plan(PLANNED, source_id)
        answer = await about(here, source_id)
    assert ids(answer["letsEverythingThrough"]) == [source_id]
    assert (answer["noPlan"], answer["blockedLost"]) == ([], [])


@pytest.mark.parametrize(
    "settings",
    [
        BLOCKS,
        {"track": {"allowPropertiesOnViolations": False}},
        {"identify": {"allowUnplannedTraits": False}},
        {"group": {"commonEventOnViolations": "BLOCK"}},
    ],
)
async def test_a_plan_that_holds_anything_back_does_not_let_everything_through(settings: Data) -> None:
    async with world() as here:
        source_id, _ = await here.source("shop")
        await here.plan(PLANNED, source_id)
        await here.settings(source_id, **settings)
        answer = await about(here, source_id)
    assert answer["letsEverythingThrough"] == []


async def test_blocked_events_that_go_nowhere_are_counted_with_their_reasons() -> None:
    async with world() as here:
        source_id, key = await here.source("shop")
        await here.plan(PLANNED, source_id)
        await here.settings(source_id, track={"allowUnplannedEvents": False, "allowEventOnViolations": False})
        await here.send(key, track("order completed"), track("order completed"), track("Order Completed"), ORDER)
        answer = await about(here, source_id)
    [entry] = answer["blockedLost"]
    assert (entry["lost"], entry["certainty"]) == (3, "proven")
    assert entry["reasons"] == {"unplanned": 2, "schema_violation": 1}
    assert "lost: 3 in 7 days" in answer["summary"]


async def test_settings_that_would_lose_blocked_events_are_told_before_any_is_lost() -> None:
    async with world() as here:
        source_id, key = await here.source("shop")
        await here.plan(PLANNED, source_id)
        await here.settings(source_id, **BLOCKS)
        await here.send(key, ORDER)
        answer = await about(here, source_id)
    [entry] = answer["blockedLost"]
    assert (entry["lost"], entry["certainty"]) == (0, "likely")


async def test_blocked_events_that_are_forwarded_are_not_lost() -> None:
    async with world() as here:
        source_id, key = await here.source("shop")
        target, _ = await here.source("blocked")
        await here.plan(PLANNED, source_id)
        await here.settings(source_id, **BLOCKS, forwardingBlockedEventsTo=target)
        await here.send(key, track("order completed"))
        answer = await about(here, source_id)
    assert answer["blockedLost"] == []
    assert events(answer["unplannedEvents"]) == {"order completed": 1}


async def test_seen_events_that_are_not_planned_most_frequent_first() -> None:
    async with world() as here:
        source_id, key = await here.source("shop")
        await here.plan(PLANNED, source_id)
        await here.send(key, ORDER, track("A"), track("B"), track("B"), {"type": "page", "userId": "u", "name": "P"})
        answer = await about(here, source_id)
    assert list(events(answer["unplannedEvents"]).items()) == [("B", 2), ("A", 1)]


async def test_events_before_the_window_are_not_seen() -> None:
    async with world() as here:
        source_id, key = await here.source("shop")
        await here.plan(PLANNED, source_id)
        await here.send(key, track("A"))
        await anyio.sleep(3 * 86_400)
        answer = await about(here, source_id, days=1)
    assert answer["unplannedEvents"] == []
    assert answer["unseenEvents"][0]["events"] == ["Order Completed", "Signed Up"]


async def test_a_planned_event_is_unseen_if_no_source_of_the_plan_sent_it() -> None:
    async with world() as here:
        (web, key), (ios, _) = await here.source("web"), await here.source("ios")
        plan_id = await here.plan(PLANNED, web, ios)
        await here.send(key, ORDER)
        of_all, of_ios = await about(here), await about(here, ios)
    [entry] = [entry for entry in of_all["unseenEvents"] if entry["trackingPlan"]["id"] == plan_id]
    assert (entry["events"], entry["sources"], entry["certainty"]) == (["Signed Up"], 2, "proven")
    [entry] = of_ios["unseenEvents"]
    assert (entry["events"], entry["certainty"]) == (["Signed Up"], "likely")


@pytest.mark.parametrize(("kind", "left"), [("page", "Screen Viewed"), ("screen", "Page Viewed")])
async def test_a_track_rule_of_page_or_screen_calls_was_seen_with_one(kind: str, left: str) -> None:
    async with world() as here:
        source_id, key = await here.source("shop")
        await here.plan([rule("TRACK", "Page Viewed"), rule("TRACK", "Screen Viewed")], source_id)
        await here.send(key, {"type": kind, "userId": "u", "name": "Home"})
        answer = await about(here, source_id)
    [entry] = answer["unseenEvents"]
    assert entry["events"] == [left]
    assert answer["unplannedEvents"] == []


async def test_of_a_part_of_the_events_volume_nothing_counts_as_unseen_or_as_zero() -> None:
    async with world() as here:
        (web, _), (ios, key) = await here.source("web"), await here.source("ios")
        (planned, planned_key) = await here.source("shop")
        await here.plan(PLANNED, planned)
        await here.send(key, ORDER)
        await here.send(planned_key, ORDER)
        reading = Reading(Filled(here.segment, 5_000), here.clock.timing())
        answer = await ungoverned.ask(reading, source_id=None, days=7, after=None)
    entries = {entry["id"]: entry for name in ("noPlan", "letsEverythingThrough") for entry in answer[name]}
    told = {source_id: (entries[source_id]["trackEvents"], entries[source_id].get("atLeast")) for source_id in entries}
    assert (told[web], told[ios], told[planned]) == ((None, None), (1, True), (1, True))
    assert answer["unseenEvents"] == []
    assert {"id": planned, "name": "shop", "what": ["volume"]} in answer["unknown"]
    assert ("getEventsVolumeFromWorkspace", "bound") in [(gap["operation"], gap["code"]) for gap in answer["gaps"]]


async def test_an_event_that_is_blocked_was_seen() -> None:
    async with world() as here:
        source_id, key = await here.source("shop")
        await here.plan(PLANNED, source_id)
        await here.settings(source_id, track={"allowEventOnViolations": False})
        await here.send(key, track("Order Completed"))
        answer = await about(here, source_id)
    assert answer["unseenEvents"][0]["events"] == ["Signed Up"]


async def test_a_governed_source_whose_events_are_all_planned_has_no_finding() -> None:
    async with world() as here:
        source_id, key = await here.source("shop")
        target, _ = await here.source("blocked")
        await here.plan(PLANNED, source_id)
        await here.settings(source_id, **BLOCKS, forwardingBlockedEventsTo=target)
        await here.send(key, ORDER, track("Signed Up"))
        answer = await about(here, source_id)
    assert [name for name, value in answer.items() if isinstance(value, list) and value] == ["evidence"]
    assert answer["counts"]["governed"] == 1
    assert answer["summary"] == "shop has the tracking plan Shop."


async def test_every_source_of_the_workspace_is_looked_at_and_few_calls_do_it() -> None:
    async with world() as here:
        before = len(here.asked)
        answer = await about(here)
        sources = (await here.call("listSources", pagination={"count": 200}))["sources"]
        asked = here.asked[before:]
    counts = answer["counts"]
    assert counts["lookedAt"] == counts["sources"] == len(sources) == counts["governed"] + counts["noPlan"]
    assert asked.count("GET /events/volume") == 1
    assert not any(path.removeprefix("GET /sources/").isalnum() for path in asked if path.startswith("GET /sources/"))
    assert "next" not in answer


async def test_one_goes_on_after_a_source() -> None:
    async with world() as here:
        everything = await about(here)
        sources = sorted(one["id"] for one in (await here.call("listSources", pagination={"count": 200}))["sources"])
        rest = await about(here, after=sources[3])
    assert rest["counts"]["lookedAt"] == len(sources) - 4
    assert set(ids(rest["noPlan"])) == set(ids(everything["noPlan"])) & set(sources[4:])


async def test_what_the_limit_cuts_off_is_left_for_the_next_call_and_nothing_is_lost_in_between() -> None:
    async with world() as here:
        made = [(await here.source(f"s{number}"))[0] for number in range(24)]
        await here.plan(PLANNED, *made)
        await here.fault("listSchemaSettingsInSource", status=429, share=0.5, headers={"retry-after": "3600"})
        parts = [await about(here)]
        while "next" in parts[-1]:
            parts.append(await about(here, after=parts[-1]["next"]))
    assert sum(part["counts"]["lookedAt"] for part in parts) == parts[0]["counts"]["sources"]
    assert all(part["truncated"] for part in parts[:-1])
    known = [source_id for part in parts for source_id in ids(part["letsEverythingThrough"])]
    unknown = [source_id for part in parts for source_id in ids(part["unknown"])]
    assert set(made) <= {*known, *unknown}


async def governed_source(here: World) -> str:
    """A source whose plan has an event that was seen, one that was not, and that loses one that is not planned."""
    source_id, key = await here.source("shop")
    await here.plan(PLANNED, source_id)
    await here.settings(source_id, **BLOCKS)
    await here.send(key, ORDER, track("order completed"))
    return source_id


UNKNOWN = {
    "listSchemaSettingsInSource": ["settings"],
    "getFilteredAtSourceMetricsFromDeliveryOverview": ["blocked"],
    "listRulesFromTrackingPlan": ["rules"],
    "getEventsVolumeFromWorkspace": ["volume"],
}


@pytest.mark.parametrize("fault", [{"status": 403}, {"status": 500}, {"body": "truncated"}, {"delaySeconds": 60}])
@pytest.mark.parametrize("operation", UNKNOWN)
async def test_what_hangs_on_a_failed_call_is_unknown(operation: str, fault: Data) -> None:
    async with world() as here:
        source_id = await governed_source(here)
        await here.fault(operation, **fault)
        answer = await about(here, source_id)
    [unknown] = answer["unknown"]
    assert (unknown["id"], unknown["what"][0]) == (source_id, UNKNOWN[operation][0])
    assert operation in [gap["operation"] for gap in answer["gaps"]]
    if operation == "listSchemaSettingsInSource":
        assert (answer["letsEverythingThrough"], answer["blockedLost"]) == ([], [])
    if operation == "listRulesFromTrackingPlan":
        assert (answer["unplannedEvents"], answer["unseenEvents"]) == ([], [])
    if operation == "getEventsVolumeFromWorkspace":
        assert answer["unseenEvents"] == []
    if operation == "getFilteredAtSourceMetricsFromDeliveryOverview":
        assert [entry["lost"] for entry in answer["blockedLost"]] == [None]
        assert [entry["certainty"] for entry in answer["unseenEvents"]] == ["likely"]


@pytest.mark.parametrize("operation", ["listTrackingPlans", "listSourcesFromTrackingPlan"])
async def test_where_plans_dont_tell_their_sources_each_source_tells_its_plan(operation: str) -> None:
    async with world() as here:
        source_id = await governed_source(here)
        await here.fault(operation, status=403)
        answer = await about(here)
    assert source_id in ids(answer["blockedLost"])
    assert source_id not in ids(answer["noPlan"])
    assert operation in [gap["operation"] for gap in answer["gaps"]]


async def test_one_slow_plan_holds_up_no_source() -> None:
    async with world() as here:
        source_id = await governed_source(here)
        await here.fault("listSourcesFromTrackingPlan", delaySeconds=60, times=1)
        answer = await about(here)
    assert "next" not in answer
    assert source_id in ids(answer["blockedLost"])


async def test_a_source_whose_plan_nothing_tells_is_unknown_and_not_without_a_plan() -> None:
    async with world() as here:
        source_id = await governed_source(here)
        await here.fault("listTrackingPlans", status=403)
        await here.fault("getSource", status=403)
        answer = await about(here)
    assert answer["noPlan"] == []
    assert {"id": source_id, "name": "shop", "what": ["governed"]} in answer["unknown"]


async def test_without_events_volume_the_plans_are_known_all_the_same() -> None:
    async with world() as here:
        await here.fault("getEventsVolumeFromWorkspace", status=403)
        answer = await about(here)
    assert answer["counts"]["noPlan"]
    assert {entry["trackEvents"] for entry in answer["noPlan"]} == {None}


async def test_sources_that_cant_be_read_are_an_error() -> None:
    async with world() as here:
        await here.fault("listSources", status=403)
        with pytest.raises(Forbidden):
            await about(here)
        with pytest.raises(NotFound):
            await about(here, "nosuch")


async def test_a_workspace_without_sources_has_no_finding() -> None:
    async with world() as here:
        for source in (await here.call("listSources", pagination={"count": 200}))["sources"]:
            await here.call("deleteSource", sourceId=source["id"])
        answer = await about(here)
    assert answer["counts"]["sources"] == 0
    assert answer["summary"].startswith("Of 0 sources: 0 without a tracking plan")
    assert "next" not in answer


async def test_long_lists_are_cut_and_the_rest_is_counted() -> None:
    async with world() as here:
        source_id, key = await here.source("shop")
        await here.plan([rule("TRACK", f"Planned {number}") for number in range(30)], source_id)
        await here.send(key, *(track(f"Odd {number}") for number in range(30)))
        answer = await about(here, source_id)
    [unplanned], [unseen] = answer["unplannedEvents"], answer["unseenEvents"]
    assert (len(unplanned["events"]), unplanned["more"]) == (8, 22)
    assert (len(unseen["events"]), unseen["more"]) == (8, 22)
