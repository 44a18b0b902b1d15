"""The matrix of events and destinations: one true cell each, nothing called unreachable that is only unknown."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import pytest

from segment_mcp.errors import NotFound, SegmentMcpError
from segment_mcp.questions import routing
from segment_mcp.questions.reading import Reading
from tests.questions.asking import LEAPING, World, rule, track, world
from tests.questions.connecting import (
    COMMANDBAR,
    IDENTIFY_USER,
    INTERCOM,
    MIXPANEL,
    MIXPANEL_TRACK,
    PartOf,
    SmallPages,
    add_filter,
    destination,
    subscribe,
)

pytestmark = pytest.mark.anyio
ORDERS = 'type = "track" and event = "Order Completed"'


@pytest.fixture
def anyio_backend() -> Any:
    return LEAPING


async def ask(to: World, source_id: str | None, **about: Any) -> dict[str, Any]:
    return await routing.ask(to.reading(), **{"source_id": source_id, "days": 7, "after": None, **about})


def cells(answer: Mapping[str, Any]) -> dict[str, list[str]]:
    """The cells of each event of the one source, by name or type."""
    (source,) = answer["sources"]
    return {
        name: row["to"]
        for row in source["rows"]
        for name in (row["events"] if isinstance(row["events"], dict) else [row["type"]])
    }


def unreached(answer: Mapping[str, Any]) -> set[str]:
    return {entry.get("event", entry["type"]) for entry in answer["unreachable"]["events"]["items"]}


def idle(answer: Mapping[str, Any], what: str) -> list[str]:
    return [entry["id"] for entry in answer["unreachable"][what]["items"]]


Build = Callable[[World, str, str], Awaitable[None]]
SCENARIOS: list[tuple[Build, dict[str, list[str]], set[str]]] = []


def scenario(expected: dict[str, list[str]], unreachable: set[str]) -> Callable[[Build], Build]:
    def note(build: Build) -> Build:
        SCENARIOS.append((build, expected, unreachable))
        return build

    return note


@scenario({"Order Completed": ["sent"], "Cart Viewed": ["kept:mapping"]}, {"Cart Viewed"})
async def one_of_two_events_is_mapped(to: World, source_id: str, key: str) -> None:
    await subscribe(to, await destination(to, source_id), ORDERS)
    await to.send(key, track("Order Completed"), track("Cart Viewed"))


@scenario({"Order Completed": [], "identify": []}, {"Order Completed", "identify"})
async def no_destination_is_connected(to: World, source_id: str, key: str) -> None:
    await to.send(key, track("Order Completed"), {"type": "identify", "userId": "u-1"})
    assert source_id


@scenario({"Order Completed": ["sent"], "group": ["kept:mapping"]}, {"group"})
async def planned_events_are_rows_too(to: World, source_id: str, key: str) -> None:
    await subscribe(to, await destination(to, source_id), ORDERS)
    await to.plan([rule("TRACK", "Order Completed"), rule("GROUP"), rule("COMMON")], source_id)
    assert key


@scenario({"page": ["sent"], "screen": ["kept:mapping"]}, {"screen"})
async def a_plan_has_pages_and_screens_as_track_events(to: World, source_id: str, key: str) -> None:
    await subscribe(to, await destination(to, source_id), 'type = "page"')
    await to.plan([rule("TRACK", "Page Viewed"), rule("TRACK", "Screen Viewed")], source_id)
    await to.send(key, {"type": "page", "userId": "u-1"})


@scenario({"Order Completed": ["sent"], "Coupon Used": ["kept:source"]}, {"Coupon Used"})
async def unplanned_events_are_blocked(to: World, source_id: str, key: str) -> None:
    await subscribe(to, await destination(to, source_id), 'type = "track"')
    await to.plan([rule("TRACK", "Order Completed")], source_id)
    await to.send(key, track("Coupon Used"))
    await to.settings(source_id, track={"allowUnplannedEvents": False})


@scenario({"Order Completed": ["sent"], "Violation Generated": ["sent"]}, set())
async def forwarded_violations_bypass_the_plan(to: World, source_id: str, key: str) -> None:
    await unplanned_events_are_blocked(to, source_id, "")
    await to.settings(source_id, track={"allowUnplannedEvents": True})
    await to.send(key, track("Violation Generated"))
    await to.settings(source_id, track={"allowUnplannedEvents": False})


@scenario({"Order Completed": ["kept:off"]}, {"Order Completed"})
async def the_destination_is_off(to: World, source_id: str, key: str) -> None:
    await subscribe(to, await destination(to, source_id, enabled=False), ORDERS)
    await to.send(key, track("Order Completed"))


@scenario({"Order Completed": ["kept:source"]}, {"Order Completed"})
async def the_source_is_off(to: World, source_id: str, key: str) -> None:
    await subscribe(to, await destination(to, source_id), ORDERS)
    await to.send(key, track("Order Completed"))
    await to.call("updateSource", sourceId=source_id, enabled=False)


@scenario({"identify": ["unseen"], "Order Completed": ["kept:mapping"]}, {"Order Completed"})
async def the_browser_delivers(to: World, source_id: str, key: str) -> None:
    destination_id = await destination(to, source_id, COMMANDBAR)
    mapping = {"userId": {"@path": "$.userId"}}
    await subscribe(to, destination_id, 'type = "identify"', actionId=IDENTIFY_USER, settings=mapping)
    await to.send(key, {"type": "identify", "userId": "u-1"}, track("Order Completed"))


@scenario({"Order Completed": ["depends"], "Cart Viewed": ["kept:mapping"]}, {"Cart Viewed"})
async def a_trigger_hangs_on_a_property(to: World, source_id: str, key: str) -> None:
    await subscribe(to, await destination(to, source_id), f"{ORDERS} and properties.total > 100")
    await to.send(key, track("Order Completed"), track("Cart Viewed"))


@scenario({"Order Completed": ["kept:filter"], "Cart Viewed": ["sent"]}, {"Order Completed"})
async def a_filter_drops_one_event(to: World, source_id: str, key: str) -> None:
    destination_id = await destination(to, source_id)
    await subscribe(to, destination_id, 'type = "track"')
    await add_filter(to, source_id, destination_id, 'event = "Order Completed"')
    await to.send(key, track("Order Completed"), track("Cart Viewed"))


@scenario({"Order Completed": ["depends"]}, set())
async def a_filter_takes_a_sample(to: World, source_id: str, key: str) -> None:
    destination_id = await destination(to, source_id)
    await subscribe(to, destination_id, ORDERS)
    await add_filter(to, source_id, destination_id, 'type = "track"', type="SAMPLE", percent=0.1)
    await to.send(key, track("Order Completed"))


@scenario({"Order Completed": ["kept:field"]}, {"Order Completed"})
async def a_required_field_is_not_mapped(to: World, source_id: str, key: str) -> None:
    destination_id = await destination(to, source_id, MIXPANEL)
    await subscribe(to, destination_id, ORDERS, actionId=MIXPANEL_TRACK, settings={"user_id": {"@path": "$.userId"}})
    await to.send(key, track("Order Completed"))


@scenario({"Order Completed": ["sent"], "alias": ["kept:type"]}, {"alias"})
async def a_classic_destination_takes_some_types(to: World, source_id: str, key: str) -> None:
    await destination(to, source_id, INTERCOM)
    await to.send(key, track("Order Completed"), {"type": "alias", "userId": "u-1", "previousId": "a-1"})


@pytest.mark.parametrize(
    ("build", "expected", "unreachable"), SCENARIOS, ids=lambda each: getattr(each, "__name__", "")
)
async def test_each_cell_says_what_segment_does(
    build: Build, expected: dict[str, list[str]], unreachable: set[str]
) -> None:
    async with world() as to:
        source_id, key = await to.source("shop")
        await build(to, source_id, key)
        answer = await ask(to, source_id)
        assert cells(answer) == expected
        assert unreached(answer) == unreachable
        assert set(answer["legend"]) == {cell for row in expected.values() for cell in row}
        assert not answer["gaps"]
        assert not answer["unknown"]["items"]
        assert answer["summary"].count(". ") < 3


async def test_events_that_go_the_same_ways_stand_together_with_their_counts() -> None:
    async with world() as to:
        source_id, key = await to.source("shop")
        await subscribe(to, await destination(to, source_id), 'type = "track"')
        await to.plan([rule("TRACK", "Cart Viewed")], source_id)
        await to.send(key, track("Order Completed"), track("Order Completed"), track("Coupon Used"))
        (row,) = (await ask(to, source_id))["sources"][0]["rows"]
        assert row == {
            "type": "track",
            "events": {"Order Completed": 2, "Coupon Used": 1, "Cart Viewed": 0},
            "to": ["sent"],
        }


async def test_columns_are_the_destinations_by_id() -> None:
    async with world() as to:
        source_id, key = await to.source("shop")
        made = sorted([await destination(to, source_id, name="One"), await destination(to, source_id, INTERCOM)])
        await to.send(key, track("Order Completed"))
        (source,) = (await ask(to, source_id))["sources"]
        assert [each["id"] for each in source["destinations"]] == made
        kinds = [each["type"] for each in source["destinations"]]
        assert source["rows"][0]["to"] == ["sent" if kind == "Intercom" else "kept:mapping" for kind in kinds]


async def test_what_nothing_triggers_is_named() -> None:
    async with world() as to:
        source_id, key = await to.source("shop")
        used, unused = await destination(to, source_id), await destination(to, source_id, name="Unused")
        off = await destination(to, source_id, name="Off", enabled=False)
        await subscribe(to, used, ORDERS)
        dead = await subscribe(to, used, 'event = "Never Sent"')
        silent = await subscribe(to, unused, 'event = "Never Sent"')
        await subscribe(to, unused, 'event = "Nor This"', enabled=False)
        await to.send(key, track("Order Completed"))
        answer = await ask(to, source_id)
        assert set(idle(answer, "destinations")) == {unused, off}
        assert set(idle(answer, "subscriptions")) == {dead, silent}
        assert "Destinations that get none of them: 2" in answer["summary"]


async def test_a_subscription_that_may_be_triggered_is_not_called_idle() -> None:
    async with world() as to:
        source_id, key = await to.source("shop")
        await subscribe(to, await destination(to, source_id), "properties.total > 100")
        await to.send(key, track("Order Completed"))
        answer = await ask(to, source_id)
        assert idle(answer, "subscriptions") == []
        assert idle(answer, "destinations") == []


async def test_a_source_without_events_makes_nothing_idle() -> None:
    async with world() as to:
        source_id, _ = await to.source("shop")
        await subscribe(to, await destination(to, source_id), ORDERS)
        answer = await ask(to, source_id)
        assert answer["sources"][0]["rows"] == []
        assert idle(answer, "destinations") == idle(answer, "subscriptions") == []


async def test_all_sources_come_in_parts_each_once() -> None:
    async with world() as to:
        for number in range(routing.MOST_SOURCES):
            await to.source(f"shop-{number}")
        listed = await to.call("listSources", pagination={"count": 200})
        wanted = sorted(each["id"] for each in listed["sources"])
        found: list[str] = []
        after: str | None = None
        while True:
            answer = await ask(to, None, after=after)
            found += [each["id"] for each in answer["sources"]]
            after = answer.get("next")
            if after is None:
                break
            assert answer["truncated"]
            assert "go on with next" in answer["summary"]
        assert found == wanted
        assert len(wanted) > routing.MOST_SOURCES


async def test_events_beyond_the_bound_are_counted() -> None:
    async with world() as to:
        source_id, key = await to.source("shop")
        await destination(to, source_id, INTERCOM)
        names = [f"Event {number}" for number in range(routing.MOST_EVENTS + 5)]
        await to.send(key, *(track(name) for name in names))
        everyone = await ask(to, None)
        (shop,) = [each for each in everyone["sources"] if each["id"] == source_id]
        assert shop["moreEvents"] == 5
        assert len(cells(await ask(to, source_id))) == len(names)


async def test_the_example_workspace_has_a_mapping_that_matches_nothing() -> None:
    async with world() as to:
        answer = await ask(to, None)
        assert "M6wJqTz9RcYk3XvFhN8sLb" in idle(answer, "destinations")
        assert not answer["unknown"]["items"]


async def test_an_unknown_source_is_not_found() -> None:
    async with world() as to:
        with pytest.raises(NotFound):
            await ask(to, "nowhere")


@pytest.mark.parametrize(("operation", "of_one"), [("getSource", True), ("listSources", False)])
async def test_without_the_source_there_is_no_answer(operation: str, of_one: bool) -> None:  # noqa: FBT001
    async with world() as to:
        source_id, _ = await to.source("shop")
        await to.fault(operation, status=403)
        with pytest.raises(SegmentMcpError):
            await ask(to, source_id if of_one else None)


FAULTS: Mapping[str, Mapping[str, Any]] = {
    "fails": {"status": 500},
    "forbidden": {"status": 403},
    "html": {"body": "html"},
    "slow": {"delaySeconds": 60},
}
UNKNOWN: Mapping[str, tuple[dict[str, list[str]], str]] = {
    "getEventsVolumeFromWorkspace": ({"Order Completed": ["sent", "kept:mapping"]}, "events that were seen"),
    "listRulesFromTrackingPlan": (
        {"Order Completed": ["unknown", "kept:mapping"], "Coupon Used": ["kept:mapping", "kept:mapping"]},
        "events that are planned",
    ),
    "listSchemaSettingsInSource": (
        {"Order Completed": ["sent", "kept:mapping"], "Coupon Used": ["kept:mapping", "kept:mapping"]},
        "schema settings: whether it blocks unplanned events",
    ),
    "listConnectedDestinationsFromSource": ({"Order Completed": [], "Coupon Used": ["kept:source"]}, "destinations"),
    "listSubscriptionsFromDestination": (
        {"Order Completed": ["unknown", "unknown"], "Coupon Used": ["kept:source", "kept:source"]},
        "subscriptions",
    ),
    "listFiltersFromDestination": (
        {"Order Completed": ["unknown", "kept:mapping"], "Coupon Used": ["kept:source", "kept:source"]},
        "filters",
    ),
}
"""What is told where an operation can't be read, and what is named as unknown."""


async def _shop(to: World) -> str:
    """A source with a planned event that is mapped, an unplanned one that is blocked, and a second destination."""
    source_id, key = await to.source("shop")
    destinations = sorted([await destination(to, source_id), await destination(to, source_id, name="Second")])
    await subscribe(to, destinations[0], ORDERS)
    await to.plan([rule("TRACK", "Order Completed")], source_id)
    await to.send(key, track("Order Completed"), track("Coupon Used"))
    await to.settings(source_id, track={"allowUnplannedEvents": False})
    return source_id


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("operation", UNKNOWN)
async def test_what_cant_be_read_is_unknown_and_never_unreachable(operation: str, fault: str) -> None:
    expected, what = UNKNOWN[operation]
    async with world() as to:
        source_id = await _shop(to)
        await to.fault(operation, **FAULTS[fault])
        answer = await ask(to, source_id)
        assert {each["operation"] for each in answer["gaps"]} == {operation}
        assert what in {each["what"] for each in answer["unknown"]["items"]}
        shown = cells(answer)
        if operation == "listConnectedDestinationsFromSource":
            assert answer["sources"][0]["destinations"] is None
            assert unreached(answer) == {"Coupon Used"}  # it is blocked, wherever it would have gone
        else:
            assert shown == expected
            assert "Order Completed" not in unreached(answer)
        if operation in {"getEventsVolumeFromWorkspace", "listRulesFromTrackingPlan"}:
            assert idle(answer, "destinations") == idle(answer, "subscriptions") == []
        assert "could not be read" in answer["summary"]


async def test_where_volume_is_only_a_part_nothing_is_idle_and_counts_are_a_least() -> None:
    async with world() as to:
        source_id = await _shop(to)
        reading = Reading(PartOf(to.segment, "getEventsVolumeFromWorkspace"), to.clock.timing())
        answer = await routing.ask(reading, source_id=source_id, days=7, after=None)
        assert {"sourceId": source_id, "what": "events that were seen"} in answer["unknown"]["items"]
        assert idle(answer, "destinations") == idle(answer, "subscriptions") == []
        assert answer["summary"].startswith("Where at least ")


async def test_of_many_sources_one_that_cant_be_read_leaves_the_others_whole() -> None:
    async with world() as to:
        source_id = await _shop(to)
        await to.fault("getSource", status=403)
        answer = await ask(to, None)
        shop = next(each for each in answer["sources"] if each["id"] == source_id)
        assert {"sourceId": source_id, "what": "events that are planned"} in answer["unknown"]["items"]
        assert all(row["to"][0] in {"unknown", "kept:mapping"} for row in shop["rows"])


async def test_pages_of_one_item_make_no_difference() -> None:
    async with world() as to:
        source_id = await _shop(to)
        whole = await ask(to, source_id)
        reading = Reading(SmallPages(to.segment), to.clock.timing())
        paged = await routing.ask(reading, source_id=source_id, days=7, after=None)
        assert paged["sources"] == whole["sources"]


async def test_other_peoples_words_are_shown_harmlessly() -> None:
    async with world() as to:
        source_id, key = await to.source("shop")
        await destination(to, source_id, INTERCOM, name="Ignore\u202e this")
        await to.send(key, track("Say\u202e nothing" + "!" * 500))
        text = str(await ask(to, source_id))
        assert "\u202e" not in text
        assert "!" * 200 not in text
