"""Where an event stops, and why: scenarios built event by event, each with its one true answer; and honest gaps."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import anyio
import pytest

from segment_mcp.errors import InvalidArguments, NotFound, SegmentMcpError
from segment_mcp.questions import trace
from segment_mcp.questions.reading import Reading
from segment_mcp.questions.reasons import explain
from segment_mcp.questions.stops import alike
from tests.questions.asking import COUNTED, LEAPING, World, rule, track, world
from tests.questions.connecting import (
    COMMANDBAR,
    IDENTIFY_USER,
    INTERCOM,
    MIXPANEL,
    MIXPANEL_TRACK,
    SmallPages,
    add_filter,
    destination,
    subscribe,
)

pytestmark = pytest.mark.anyio
ORDERS = 'type = "track" and event = "Order Completed"'
DAY = 86_400
LARGE = f"{ORDERS} and properties.total > 100"
IOS = "mUKOhdxnZrEGXQugaGCxWZ"
"""A seeded source whose one destination refuses its credentials."""


@pytest.fixture
def anyio_backend() -> Any:
    return LEAPING


@dataclass(frozen=True, slots=True)
class Shop:
    """A source of one's own in a fresh sandbox."""

    to: World
    id: str
    key: str

    async def orders(self, count: int = 3, **more: Any) -> None:
        await self.to.send(self.key, *(track("Order Completed", **more) for _ in range(count)))


async def ask(shop: Shop, event: str = "Order Completed", **about: Any) -> dict[str, Any]:
    asked = {"source_id": shop.id, "hours": 24, "sample": None}
    return await trace.ask(shop.to.reading(), event=event, **{**asked, **about})


@dataclass(frozen=True, slots=True)
class Truth:
    """The one true answer.

    Attributes:
        stops: stage, how many, certainty of the first cause, and what that says, in the order of the way.
        delivered: by the one destination; None where it is none of Segment's servers' business.
    """

    stops: list[tuple[str, int, str, str]] = field(default_factory=list)
    delivered: int | None = None
    event: str = "Order Completed"
    sample: Mapping[str, Any] | None = None


Build = Callable[[Shop], Awaitable[None]]
SCENARIOS: list[tuple[Build, Truth]] = []


def scenario(truth: Truth) -> Callable[[Build], Build]:
    def note(build: Build) -> Build:
        SCENARIOS.append((build, truth))
        return build

    return note


@scenario(Truth(delivered=3))
async def everything_arrives(shop: Shop) -> None:
    await subscribe(shop.to, await destination(shop.to, shop.id), ORDERS)
    await shop.orders()


@scenario(Truth([("failedOnIngest", 2, "proven", "names no user")], delivered=3))
async def some_fail_on_ingest(shop: Shop) -> None:
    await subscribe(shop.to, await destination(shop.to, shop.id), ORDERS)
    await shop.to.send(shop.key, *({"type": "track", "event": "Order Completed"} for _ in range(2)))
    await shop.orders()


@scenario(Truth([("failedOnIngest", 3, "proven", "switched off")], delivered=0))
async def the_source_is_off(shop: Shop) -> None:
    await subscribe(shop.to, await destination(shop.to, shop.id), ORDERS)
    await shop.to.call("updateSource", sourceId=shop.id, enabled=False)
    await shop.orders()


@scenario(Truth([("failedOnIngest", 0, "proven", "switched off")]))
async def the_source_is_off_and_nothing_was_sent(shop: Shop) -> None:
    await shop.to.call("updateSource", sourceId=shop.id, enabled=False)


@scenario(Truth([("notReceived", 0, "unknown", "This source received no such event")]))
async def nothing_was_sent(shop: Shop) -> None:
    await shop.to.send(shop.key, track("Cart Viewed"))


@scenario(Truth([("notReceived", 0, "likely", '"order_completed"')]))
async def another_spelling_was_sent(shop: Shop) -> None:
    await shop.to.send(shop.key, track("order_completed"))


@scenario(Truth([("filteredAtSource", 3, "proven", "does not have this event")]))
async def it_is_unplanned_and_lost(shop: Shop) -> None:
    await shop.to.plan([rule("TRACK", "Cart Viewed")], shop.id)
    await shop.to.settings(shop.id, track={"allowUnplannedEvents": False})
    await shop.orders()


@scenario(Truth([("filteredAtSource", 3, "proven", "breaks its rule")], delivered=2))
async def it_breaks_its_rule(shop: Shop) -> None:
    await subscribe(shop.to, await destination(shop.to, shop.id), ORDERS)
    await shop.to.plan([rule("TRACK", "Order Completed", properties={"properties": {"required": ["total"]}})], shop.id)
    await shop.to.settings(shop.id, track={"allowEventOnViolations": False})
    await shop.orders(properties={})
    await shop.orders(2, properties={"total": 1})


@scenario(
    Truth(
        [("notReceived", 0, "unknown", ""), ("filteredAtSource", 0, "proven", "does not have this event")],
        event="Coupon Used",
    )
)
async def it_would_be_blocked(shop: Shop) -> None:
    await shop.to.plan([rule("TRACK", "Cart Viewed")], shop.id)
    await shop.to.settings(shop.id, track={"allowUnplannedEvents": False})


@scenario(Truth([("filteredAtDestination", 3, "proven", "No enabled mapping")], delivered=0))
async def no_subscription_is_there(shop: Shop) -> None:
    await destination(shop.to, shop.id)
    await shop.orders()


@scenario(Truth([("filteredAtDestination", 3, "likely", '"Orders" fits, and is switched off')], delivered=0))
async def the_subscription_is_off(shop: Shop) -> None:
    await subscribe(shop.to, await destination(shop.to, shop.id), ORDERS, name="Orders", enabled=False)
    await shop.orders()


@scenario(Truth([("filteredAtDestination", 3, "likely", "names a similar event")], delivered=0))
async def the_trigger_is_misspelled(shop: Shop) -> None:
    await subscribe(shop.to, await destination(shop.to, shop.id), 'event = "Order Complete"')
    await shop.orders()


@scenario(Truth([("filteredAtDestination", 3, "likely", "did not match")], delivered=0))
async def the_trigger_wants_a_larger_order(shop: Shop) -> None:
    await subscribe(shop.to, await destination(shop.to, shop.id), LARGE)
    await shop.orders(properties={"total": 5})


@scenario(
    Truth(
        [("filteredAtDestination", 3, "proven", "No enabled mapping")],
        delivered=0,
        sample=track("Order Completed", properties={"total": 5}),
    )
)
async def the_trigger_wants_a_larger_order_than_the_sample(shop: Shop) -> None:
    await subscribe(shop.to, await destination(shop.to, shop.id), LARGE)
    await shop.orders(properties={"total": 5})


@scenario(Truth([("filteredAtDestination", 3, "proven", 'Filter "Not these" drops it')], delivered=0))
async def a_filter_drops_it(shop: Shop) -> None:
    destination_id = await destination(shop.to, shop.id)
    await subscribe(shop.to, destination_id, ORDERS)
    await add_filter(shop.to, shop.id, destination_id, ORDERS)
    await anyio.sleep(2 * DAY)
    await shop.orders()


@scenario(Truth([("filteredAtDestination", 3, "likely", 'Filter "Later" drops it')], delivered=0))
async def a_filter_that_drops_it_came_after_another_that_is_gone(shop: Shop) -> None:
    destination_id = await destination(shop.to, shop.id)
    await subscribe(shop.to, destination_id, ORDERS)
    about = {"destinationId": destination_id, "filterId": await add_filter(shop.to, shop.id, destination_id, ORDERS)}
    await shop.orders()
    await shop.to.call("removeFilterFromDestination", **about)
    about["filterId"] = await add_filter(shop.to, shop.id, destination_id, ORDERS)
    await shop.to.call("updateFilterForDestination", **about, title="Later")


@scenario(Truth([("filteredAtDestination", 3, "likely", 'Filter "Not these" drops it')], delivered=0))
async def a_filter_that_drops_it_was_changed_since(shop: Shop) -> None:
    destination_id = await destination(shop.to, shop.id)
    await subscribe(shop.to, destination_id, ORDERS)
    filter_id = await add_filter(shop.to, shop.id, destination_id, 'type = "track"')
    await anyio.sleep(2 * DAY)
    await shop.orders()
    about = {"destinationId": destination_id, "filterId": filter_id}
    await shop.to.call("updateFilterForDestination", **about, **{"if": ORDERS})


@scenario(Truth([("filteredAtDestination", 0, "proven", 'Filter "Not these" drops it')], delivered=3))
async def a_filter_would_drop_it_now(shop: Shop) -> None:
    destination_id = await destination(shop.to, shop.id)
    await subscribe(shop.to, destination_id, ORDERS)
    await shop.orders()
    await add_filter(shop.to, shop.id, destination_id, ORDERS)


@scenario(Truth([("filteredAtDestination", 3, "likely", "depends on properties.test")], delivered=1))
async def a_filter_drops_some(shop: Shop) -> None:
    destination_id = await destination(shop.to, shop.id)
    await subscribe(shop.to, destination_id, ORDERS)
    await add_filter(shop.to, shop.id, destination_id, "properties.test = true")
    await shop.orders(properties={"test": True})
    await shop.orders(1)


@scenario(
    Truth(
        [("filteredAtDestination", 3, "likely", 'Filter "Not these" drops it')],
        delivered=1,
        sample=track("Order Completed", properties={"test": True}),
    )
)
async def a_filter_drops_the_sample(shop: Shop) -> None:
    await a_filter_drops_some(shop)


@scenario(Truth([("filteredAtDestination", 3, "likely", "may lack what its action requires")], delivered=0))
async def a_required_field_is_empty(shop: Shop) -> None:
    destination_id = await destination(shop.to, shop.id, MIXPANEL)
    mapping = {"event": {"@path": "$.properties.label"}}
    await subscribe(shop.to, destination_id, ORDERS, actionId=MIXPANEL_TRACK, settings=mapping)
    await shop.orders()


@scenario(
    Truth(
        [("filteredAtDestination", 3, "likely", "gives nothing for event")],
        delivered=0,
        sample=track("Order Completed"),
    )
)
async def a_required_field_is_empty_in_the_sample(shop: Shop) -> None:
    await a_required_field_is_empty(shop)


@scenario(Truth([("filteredAtDestination", 3, "proven", "own integrations object")], delivered=0))
async def its_integrations_exclude_the_destination(shop: Shop) -> None:
    await subscribe(shop.to, await destination(shop.to, shop.id), ORDERS)
    await shop.orders(integrations={"All": False})


@scenario(Truth([("filteredAtDestination", 0, "proven", "switched off")], delivered=0))
async def the_destination_is_off(shop: Shop) -> None:
    await subscribe(shop.to, await destination(shop.to, shop.id, enabled=False), ORDERS)
    await shop.orders()


@scenario(Truth(event="identify", delivered=None))
async def only_the_browser_delivers(shop: Shop) -> None:
    destination_id = await destination(shop.to, shop.id, COMMANDBAR)
    mapping = {"userId": {"@path": "$.userId"}}
    await subscribe(shop.to, destination_id, 'type = "identify"', actionId=IDENTIFY_USER, settings=mapping)
    await shop.to.send(shop.key, {"type": "identify", "userId": "u-1"})


@scenario(Truth([("filteredAtDestination", 1, "proven", "no events of this type")], delivered=0, event="alias"))
async def the_destination_takes_no_such_type(shop: Shop) -> None:
    await destination(shop.to, shop.id, INTERCOM)
    await shop.to.send(shop.key, {"type": "alias", "userId": "u-1", "previousId": "a-1"})


@scenario(Truth(delivered=2, event="Page Viewed"))
async def the_schema_calls_pages_so(shop: Shop) -> None:
    await subscribe(shop.to, await destination(shop.to, shop.id), 'type = "page"')
    await shop.to.send(shop.key, *({"type": "page", "userId": "u-1"} for _ in range(2)), track("Cart Viewed"))


@scenario(Truth(delivered=1, event="Page Viewed"))
async def a_track_event_is_called_so(shop: Shop) -> None:
    await subscribe(shop.to, await destination(shop.to, shop.id), 'event = "Page Viewed"')
    await shop.to.send(shop.key, {"type": "page", "userId": "u-1"}, track("Page Viewed"))


@scenario(Truth(delivered=1, event="identify"))
async def a_track_event_is_called_like_a_type_that_nobody_sends(shop: Shop) -> None:
    await subscribe(shop.to, await destination(shop.to, shop.id), 'event = "identify"')
    await shop.to.send(shop.key, track("identify"), track("Cart Viewed"))


@scenario(Truth(delivered=1, event="identify", sample=track("identify")))
async def a_sample_decides_that_the_track_event_is_meant(shop: Shop) -> None:
    await subscribe(shop.to, await destination(shop.to, shop.id), 'event = "identify"')
    await shop.to.send(shop.key, track("identify"), {"type": "identify", "userId": "u-1"})


@scenario(Truth(delivered=3, event="track", sample=track("Order Completed")))
async def all_track_calls_are_asked_about_with_one_of_them(shop: Shop) -> None:
    await everything_arrives(shop)


@pytest.mark.parametrize(("build", "truth"), SCENARIOS, ids=lambda each: getattr(each, "__name__", ""))
async def test_an_event_stops_where_it_does_for_the_reason_that_it_has(build: Build, truth: Truth) -> None:
    async with world() as to:
        shop = Shop(to, *await to.source("shop"))
        await build(shop)
        answer = await ask(shop, truth.event, sample=truth.sample)
        stops = [
            (each["stage"], each["events"], each["causes"][0]["certainty"], each["causes"][0]["what"])
            for each in answer["stopsAt"]
        ]
        assert [stop[:3] for stop in stops] == [stop[:3] for stop in truth.stops], answer
        assert all(expected[3] in stop[3] for stop, expected in zip(stops, truth.stops, strict=True)), stops
        (source,) = answer["sources"]
        if source["destinations"]:
            assert source["destinations"][0].get("delivered") == truth.delivered
        assert not answer["gaps"]
        assert answer["summary"].count(". ") < 3


@pytest.mark.parametrize(
    ("event", "meant", "other"),
    [
        ("identify", {"type": "identify"}, {"type": "track", "event": "identify", "events": 2}),
        ("Page Viewed", {"type": "track", "name": "Page Viewed"}, {"type": "page", "events": 1}),
    ],
)
async def test_where_a_type_and_a_track_event_have_one_name_the_answer_says_how_to_ask_for_the_other(
    event: str, meant: dict[str, str], other: dict[str, Any]
) -> None:
    async with world() as to:
        shop = Shop(to, *await to.source("shop"))
        calls = [{"type": kind, "userId": "u-1"} for kind in ("identify", "page")]
        await to.send(shop.key, track(event), track(event), *calls)
        answer = await ask(shop, event)
        assert answer["event"] == meant
        how = answer["alsoCalledSo"].pop("ask")
        assert answer["alsoCalledSo"] == other
        assert f"sample whose type is {other['type']}" in how
        assert "alsoCalledSo" in answer["summary"]
        sample = {"userId": "u-1", **{name: value for name, value in other.items() if name != "events"}}
        asked = await ask(shop, event, sample=sample)
        assert asked["event"]["type"] == other["type"]
        assert asked["sources"][0]["received"] == other["events"]
        assert "alsoCalledSo" not in asked


async def test_a_reason_that_was_counted_is_proven_where_what_is_behind_it_is_only_likely() -> None:
    async with world() as to:
        shop = Shop(to, *await to.source("shop"))
        await a_filter_that_drops_it_was_changed_since(shop)
        (stop,) = (await ask(shop))["stopsAt"]
        assert [each["certainty"] for each in stop["causes"]] == ["likely", "proven"]
        assert stop["causes"][1]["what"] == explain("FILTERED_BY_RULES").meaning


async def test_the_summary_tells_the_most_deliveries_apart_and_counts_the_rest() -> None:
    async with world() as to:
        for number in range(4):
            shop = Shop(to, *await to.source(f"shop-{number}"))
            destination_id = await destination(to, shop.id, name="Hook" if number else "Other")
            await subscribe(to, destination_id, 'type = "track"')
            await to.send(shop.key, *(track("Rare Thing") for _ in range(2 + number)), counted=False)
        await anyio.sleep(COUNTED)
        summary = (await ask(shop, "Rare Thing", source_id=None))["summary"]
        assert "5 at Hook of shop-3, 4 at Hook of shop-2, 3 at Hook of shop-1, and 1 more" in summary


@pytest.mark.parametrize(
    ("fault", "code"),
    [({"status": 429, "headers": {"retry-after": "3600"}}, "limit"), ({"delaySeconds": 60}, "time")],
)
async def test_sources_that_were_not_followed_to_the_end_are_named_and_not_called_fine(
    fault: dict[str, Any], code: str
) -> None:
    async with world() as to:
        ids = []
        for number in range(3):
            shop = Shop(to, *await to.source(f"shop-{number}"))
            await to.send(shop.key, *(track("Rare Thing") for _ in range(3 - number)), counted=False)
            ids.append(shop.id)
        await anyio.sleep(COUNTED)
        await to.fault("getSource", **fault)
        seconds = 3.0 if code == "time" else 8.0
        answer = await trace.ask(to.reading(seconds=seconds), event="Rare Thing", source_id=None, hours=24, sample=None)
        assert [each["id"] for each in answer["sources"]] == ids[:1]
        (gap,) = [each for each in answer["gaps"] if each.get("about") == ids[1:]]
        assert (gap["operation"], gap["code"]) == ("getSource", code)
        assert "Of the sources followed, no stop was found; 2 not followed" in answer["summary"]


async def test_what_a_rule_wants_is_told_with_a_sample() -> None:
    async with world() as to:
        shop = Shop(to, *await to.source("shop"))
        await it_breaks_its_rule(shop)
        answer = await ask(shop, sample=track("Order Completed", properties={}))
        (stop,) = answer["stopsAt"]
        assert "properties.total is required" in stop["causes"][0]["why"]
        assert "lost" in stop["causes"][0]["why"]
        assert answer["sources"][0]["verdict"]["outcome"] == "blocked_lost"


async def test_blocked_events_that_are_forwarded_are_not_called_lost() -> None:
    async with world() as to:
        shop = Shop(to, *await to.source("shop"))
        graveyard, _ = await to.source("graveyard")
        await to.plan([rule("TRACK", "Cart Viewed")], shop.id)
        await to.settings(shop.id, track={"allowUnplannedEvents": False}, forwardingBlockedEventsTo=graveyard)
        await shop.orders()
        why = (await ask(shop))["stopsAt"][0]["causes"][0]["why"]
        assert graveyard in why
        assert "lost" not in why


async def test_a_destination_that_only_the_browser_serves_is_unseen_and_not_zero() -> None:
    async with world() as to:
        shop = Shop(to, *await to.source("shop"))
        await only_the_browser_delivers(shop)
        answer = await ask(shop, "identify")
        (seen,) = answer["sources"][0]["destinations"]
        assert seen["outcome"] == "unseen"
        assert "delivered" not in seen
        assert seen["subscriptions"][0]["fires"] == "yes"


async def test_without_a_source_everyone_who_sends_it_is_followed_most_first() -> None:
    async with world() as to:
        first, second = Shop(to, *await to.source("one")), Shop(to, *await to.source("two"))
        await to.send(first.key, track("Rare Thing"))
        await to.send(second.key, track("Rare Thing"), track("Rare Thing"))
        answer = await ask(first, "Rare Thing", source_id=None)
        assert [(each["id"], each["received"]) for each in answer["sources"]] == [(second.id, 2), (first.id, 1)]
        assert "3 times" in answer["summary"]


async def test_without_a_source_those_are_found_in_which_it_fails() -> None:
    async with world() as to:
        shop = Shop(to, *await to.source("shop"))
        await to.send(shop.key, {"type": "track", "event": "Rare Thing"})
        answer = await ask(shop, "Rare Thing", source_id=None)
        assert [each["id"] for each in answer["sources"]] == [shop.id]
        assert answer["stopsAt"][0]["stage"] == "failedOnIngest"


async def test_an_event_that_nobody_sent_stops_nowhere_in_particular() -> None:
    async with world() as to:
        shop = Shop(to, *await to.source("shop"))
        answer = await ask(shop, "Never Thought Of", source_id=None)
        assert answer["sources"] == []
        assert [each["stage"] for each in answer["stopsAt"]] == ["notReceived"]


async def test_sources_beyond_the_bound_are_counted_and_not_followed() -> None:
    async with world() as to:
        for number in range(trace.MOST_SOURCES + 2):
            _, key = await to.source(f"shop-{number}")
            await to.send(key, track("Common Thing"), counted=False)
        shop = Shop(to, *await to.source("last"))
        await to.send(shop.key, track("Cart Viewed"))
        answer = await ask(shop, "Common Thing", source_id=None)
        assert len(answer["sources"]) == trace.MOST_SOURCES
        assert len(answer["otherSources"]) == 2
        assert "moreSources" not in answer
        assert answer["truncated"]
        assert f"{trace.MOST_SOURCES + 2} times" in answer["summary"]


async def test_refused_credentials_of_the_example_workspace_are_proven() -> None:
    async with world() as to:
        answer = await ask(Shop(to, IOS, ""))
        stop = next(each for each in answer["stopsAt"] if each["stage"] == "failedDelivery")
        assert stop["causes"][0]["certainty"] == "proven"
        assert "401" in stop["causes"][0]["why"]


@pytest.mark.parametrize(
    ("event", "sample", "name"),
    [
        ("Order Completed", {"type": "track", "event": "Cart Viewed"}, "sample.event"),
        ("Order Completed", {"type": "identify"}, "sample.type"),
        ("identify", {"type": "page"}, "sample.type"),
        ("identify", {"type": "track", "event": "Cart Viewed"}, "sample.event"),
        ("Page Viewed", {"type": "group"}, "sample.type"),
    ],
)
async def test_a_sample_of_another_event_is_refused(event: str, sample: dict[str, Any], name: str) -> None:
    async with world() as to:
        shop = Shop(to, *await to.source("shop"))
        with pytest.raises(InvalidArguments) as refused:
            await ask(shop, event, sample=sample)
        assert refused.value.details["problems"][0]["field"] == name


async def test_a_sample_that_segment_would_drop_is_said_to_be_one() -> None:
    async with world() as to:
        shop = Shop(to, *await to.source("shop"))
        await everything_arrives(shop)
        answer = await ask(shop, sample={"type": "track", "event": "Order Completed"})
        assert [(each["stage"], each["events"]) for each in answer["stopsAt"]] == [("failedOnIngest", 0)]


async def test_an_unknown_source_is_not_found() -> None:
    async with world() as to:
        with pytest.raises(NotFound):
            await ask(Shop(to, "nowhere", ""))


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Order Completed", "order_completed", True),
        ("Order Completed", "Order Complete", True),
        ("Item Added", "Items Added", True),
        ("Order Completed", "Order Completed", False),
        ("Step 1 Viewed", "Step 2 Viewed", False),
        ("Product Added", "Product Viewed", False),
    ],
)
def test_names_are_alike_where_one_may_be_meant_for_the_other(one: str, other: str, same: bool) -> None:  # noqa: FBT001
    assert alike(one, other) is same


READ = {
    "listSchemaSettingsInSource": "shop",
    "listRulesFromTrackingPlan": "",
    "listConnectedDestinationsFromSource": "shop",
    "listSubscriptionsFromDestination": "hook",
    "listFiltersFromDestination": "hook",
    "getIngressSuccessMetricsFromDeliveryOverview": "shop",
    "getIngressFailedMetricsFromDeliveryOverview": "shop",
    "getFilteredAtSourceMetricsFromDeliveryOverview": "shop",
    "getFilteredAtDestinationMetricsFromDeliveryOverview": "hook",
    "getEgressFailedMetricsFromDeliveryOverview": "hook",
    "getEgressSuccessMetricsFromDeliveryOverview": "hook",
}
"""Everything that is read about an event of one source, but the source itself."""
FAULTS: Mapping[str, Mapping[str, Any]] = {
    "fails": {"status": 500},
    "forbidden": {"status": 403},
    "gone": {"status": 404},
    "html": {"body": "html"},
    "slow": {"delaySeconds": 60},
}


async def _shop(to: World) -> Shop:
    shop = Shop(to, *await to.source("shop"))
    await to.plan([rule("TRACK", "Order Completed")], shop.id)
    await everything_arrives(shop)
    return shop


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("operation", READ)
async def test_what_cant_be_read_is_a_gap_and_never_a_guess(operation: str, fault: str) -> None:
    async with world() as to:
        shop = await _shop(to)
        await to.fault(operation, **FAULTS[fault])
        answer = await ask(shop)
        assert operation in {each.get("operation") for each in answer["gaps"]}
        assert "gaps say what" in answer["summary"]
        assert answer["stopsAt"] == []
        (source,) = answer["sources"]
        unknown = {
            "getIngressSuccessMetricsFromDeliveryOverview": source["received"],
            "getIngressFailedMetricsFromDeliveryOverview": source["failedOnIngest"],
            "getFilteredAtSourceMetricsFromDeliveryOverview": source["filteredAtSource"],
            "listConnectedDestinationsFromSource": source["destinations"],
            "listRulesFromTrackingPlan": source["plan"].get("planned"),
        }
        if operation in unknown:
            assert unknown[operation] is None
        for hook in source["destinations"] or ():
            told = {
                "getFilteredAtDestinationMetricsFromDeliveryOverview": hook["filteredAtDestination"],
                "getEgressFailedMetricsFromDeliveryOverview": hook["failedDelivery"],
                "getEgressSuccessMetricsFromDeliveryOverview": hook["delivered"],
            }
            assert told.get(operation) is None
            decides = operation in {"listSubscriptionsFromDestination", "listFiltersFromDestination"}
            assert hook["outcome"] == ("unknown" if decides else "sent")


async def test_a_source_that_cant_be_read_is_no_answer() -> None:
    async with world() as to:
        shop = await _shop(to)
        await to.fault("getSource", status=403)
        with pytest.raises(SegmentMcpError):
            await ask(shop)


async def test_where_volume_cant_be_read_the_sources_are_searched() -> None:
    async with world() as to:
        shop = Shop(to, *await to.source("shop"))
        await to.send(shop.key, track("Rare Thing"))
        await to.fault("getEventsVolumeFromWorkspace", status=403)
        answer = await ask(shop, "Rare Thing", source_id=None)
        assert [each["id"] for each in answer["sources"]] == [shop.id]
        assert {each["operation"] for each in answer["gaps"]} == {"getEventsVolumeFromWorkspace"}


async def test_where_neither_volume_nor_sources_tell_nothing_is_claimed() -> None:
    async with world() as to:
        shop = Shop(to, *await to.source("shop"))
        await to.send(shop.key, track("Rare Thing"))
        for operation in ("getEventsVolumeFromWorkspace", "getIngressSuccessMetricsFromDeliveryOverview"):
            await to.fault(operation, status=403)
        answer = await ask(shop, "Rare Thing", source_id=None)
        assert answer["stopsAt"] == []
        assert answer["sources"] == []
        assert "gaps say what" in answer["summary"]


async def test_a_followed_source_that_cant_be_read_is_unknown_and_the_rest_is_told() -> None:
    async with world() as to:
        shop = await _shop(to)
        await to.fault("getSource", status=403)
        answer = await ask(shop, source_id=None)
        found = next(each for each in answer["sources"] if each["id"] == shop.id)
        assert (found["enabled"], found["plan"]["governed"], found["received"]) == (None, None, 3)


async def test_pages_of_one_item_make_no_difference() -> None:
    async with world() as to:
        shop = await _shop(to)
        await destination(to, shop.id, INTERCOM, name="Second")
        whole = await ask(shop)
        paged = await trace.ask(
            Reading(SmallPages(to.segment), to.clock.timing()),
            event="Order Completed",
            source_id=shop.id,
            hours=24,
            sample=None,
        )
        assert paged["sources"] == whole["sources"]


async def test_no_secret_and_no_foreign_character_is_in_an_answer() -> None:
    async with world() as to:
        shop = Shop(to, *await to.source("shop"))
        destination_id = await destination(to, shop.id, name="Ignore\u202e this\nand that")
        settings = {"url": "https://u:hunter2@x.example/?key=hunter2", "method": "POST", "headers": {"A": "hunter2"}}
        await subscribe(to, destination_id, ORDERS, settings=settings)
        await shop.orders()
        text = str(await ask(shop, sample=track("Order Completed")))
        assert "hunter2" not in text
        assert shop.key not in text
        assert "\u202e" not in text
