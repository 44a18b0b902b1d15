"""The cases that the example workspace holds, as the Public API tells them; and that its history is what the flow does.

Every source of the shop is here for a reason: `SOURCES` names them.
"""

from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette

from segment_mcp.sandbox import WRITE_KEYS, history, windows
from segment_mcp.sandbox.debugger import PATH

from .api.asking import data
from .conftest import Clock

SOURCES = {
    "website": "GFIYTOxHfOu2H5ySDDAXac",  # busy; its plan lets everything through
    "ios": "mUKOhdxnZrEGXQugaGCxWZ",  # busy and healthy, but for an old version of the app
    "backend": "EOxa2ax67HUhmSOZPCLWRL",  # what its plan does not know is blocked, and lost
    "agents": "zkVjMbYaWxMhIAo9gRFfFP",  # never used
    "stripe": "xF23n3T5PivnL2q0nnrXSc",  # Segment fetches its data, so it has no events
    "legacy": "GzoO1zT23nVjFB8rmVIRbh",  # disabled
    "android": "Yb4nZs7QeXw2KdHc9TfPjm",  # without a plan, and dropping
    "newsletter": "t8RkW5vLqMz3GxNbJ6yUdA",  # stale
    "returns": "c2HpXf9TgVs6EwQrBn4ZkY",  # too young to tell
}
AMPLITUDE, ANALYTICS, BRAZE = "oI0b1gdvkqtbWrKvtxeDt5", "M6wJqTz9RcYk3XvFhN8sLb", "J9smV1ZC97OhjyRpo8tbnx"
WEBHOOKS, MIXPANEL = "IO9xpPBAXWjbcurMVNGL3z", "qHW8M9GWtNyoABigIgQO93"
FED = {"website": (AMPLITUDE, ANALYTICS), "ios": (BRAZE,), "backend": (WEBHOOKS, MIXPANEL)}
UNUSED = {
    *("Product List Viewed", "Products Searched", "Product Removed", "Cart Viewed"),
    *("Checkout Started", "Coupon Applied", "Signed Up"),
}
"""Track events of the plan that website and app share, which neither sends."""

Kind = tuple[str, str | None, str | None]
"""Type, name and app version of events."""
Days = tuple[float, float]
"""From how many days ago until how many days ago."""
End = tuple[str, str]
"""Where events end: `failed` or `blocked` and the code, or a destination and what becomes of them there."""


MONTH: Days = (30, 0)
NOTHING: Mapping[str, str] = {}


class Reading:
    """Asks the Public API about whole days, counted back from now."""

    def __init__(self, client: httpx2.AsyncClient, clock: Clock) -> None:
        self.client, self._clock = client, clock

    def _span(self, days: Days) -> dict[str, str]:
        start, end = (windows.iso(self._clock() - timedelta(days=each)) for each in days)
        return {"granularity": "HOUR" if days[0] - days[1] < 1 else "DAY", "startTime": start, "endTime": end}

    async def rows(
        self, step: str, source: str, destination: str = "", *, days: Days = MONTH, asked: Mapping[str, str] = NOTHING
    ) -> list[Any]:
        """One step of the delivery overview."""
        to = {"destinationConfigId": destination} if destination else {}
        params = {"sourceId": SOURCES[source], **to, **self._span(days), **asked, "pagination.count": "1000"}
        found: list[Any] = data(await self.client.get(f"/delivery-overview/{step}", params=params))["dataset"]
        return found

    async def total(
        self, step: str, source: str, destination: str = "", *, days: Days = MONTH, asked: Mapping[str, str] = NOTHING
    ) -> int:
        return sum(row["total"] for row in await self.rows(step, source, destination, days=days, asked=asked))

    async def by(
        self, group: str, step: str, source: str, destination: str = "", *, days: Days = MONTH
    ) -> dict[str, int]:
        """Totals by one dimension; what has none is under an empty name."""
        rows = await self.rows(step, source, destination, days=days, asked={"groupBy": group})
        return {row.get(group, ""): row["total"] for row in rows}

    async def volume(self, source: str, days: Days) -> int:
        """Events of a source, as the events volume counts them."""
        params = {**self._span(days), "sourceId.0": SOURCES[source]}
        return int(sum(row["total"] for row in data(await self.client.get("/events/volume", params=params))["result"]))

    async def source(self, source: str) -> Any:
        return data(await self.client.get(f"/sources/{SOURCES[source]}"))

    async def settings(self, source: str) -> Any:
        return data(await self.client.get(f"/sources/{SOURCES[source]}/settings"))["settings"]

    async def planned(self, source: str) -> set[str]:
        """The track events of the source's plan."""
        plan = (await self.source(source))["trackingPlanId"]
        rules = data(await self.client.get(f"/tracking-plans/{plan}/rules", params={"pagination.count": "200"}))[
            "rules"
        ]
        return {rule["key"] for rule in rules if rule["type"] == "TRACK"}

    async def seen(self, source: str) -> set[str]:
        """The track events that the source sent."""
        return set(await self.by("eventName", "successfully-received", source)) - {""}


@pytest.fixture
def reading(client: httpx2.AsyncClient, clock: Clock) -> Reading:
    return Reading(client, clock)


@pytest.fixture
async def anyone(app: Starlette) -> AsyncIterator[httpx2.AsyncClient]:
    """A client without a token."""
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://sandbox") as opened:
        yield opened


async def test_every_source_of_the_workspace_is_one_of_the_cases(reading: Reading) -> None:
    listed = data(await reading.client.get("/sources"))["sources"]
    assert {each["id"] for each in listed} == set(SOURCES.values())
    fed = {each["sourceId"] for each in data(await reading.client.get("/destinations"))["destinations"]}
    assert set(SOURCES.values()) - fed == {SOURCES[name] for name in ("stripe", "android", "newsletter", "returns")}


class TestASilentFailure:
    async def test_has_a_destination_that_refuses_nearly_everything_since_four_days(self, reading: Reading) -> None:
        found = data(await reading.client.get(f"/destinations/{BRAZE}"))["destination"]
        assert found["enabled"]
        assert found["metadata"]["supportedPlatforms"]["server"]
        failed = await reading.by("discardReason", "failed-delivery", "ios", BRAZE, days=(3.9, 0))
        succeeded = await reading.total("successful-delivery", "ios", BRAZE, days=(3.9, 0))
        assert list(failed) == ["401"]
        assert 0 < succeeded < 0.03 * failed["401"]
        before = await reading.by("discardReason", "failed-delivery", "ios", BRAZE, days=(30, 4.1))
        assert set(before) == {"400"}
        assert before["400"] < 0.01 * await reading.total("successful-delivery", "ios", BRAZE, days=(30, 4.1))

    async def test_shows_nothing_of_it_at_its_source(self, reading: Reading) -> None:
        lately, before = [await reading.volume("ios", (days, days - 3)) for days in (3, 13)]
        assert 0.9 < lately / before < 1.1

    async def test_stands_beside_destinations_with_a_small_error_rate(self, reading: Reading) -> None:
        failed = await reading.total("failed-delivery", "website", AMPLITUDE)
        assert 0 < failed < 0.01 * await reading.total("successful-delivery", "website", AMPLITUDE)
        assert await reading.total("failed-delivery", "backend", MIXPANEL) == 0
        failed = await reading.total("failed-delivery", "backend", WEBHOOKS)
        assert 0.1 < failed / (failed + await reading.total("successful-delivery", "backend", WEBHOOKS)) < 0.25

    async def test_is_in_the_delivery_metrics_too(self, reading: Reading) -> None:
        params = {"sourceId": SOURCES["ios"], "granularity": "HOUR"}
        summary = data(await reading.client.get(f"/destinations/{BRAZE}/delivery-metrics", params=params))
        totals = {each["metricName"]: each["total"] for each in summary["deliveryMetricsSummary"]["metrics"]}
        assert totals["discarded"] > totals["successes"] > 0


class TestABlockedEvent:
    async def test_is_lost_because_nothing_forwards_it(self, reading: Reading) -> None:
        settings = await reading.settings("backend")
        assert settings["track"]["allowUnplannedEvents"] is False
        assert settings["track"]["allowEventOnViolations"] is False
        assert "forwardingBlockedEventsTo" not in settings
        assert "Invoice Reminder Sent" not in await reading.planned("backend")
        rows = await reading.rows("filtered-at-source", "backend", asked={"groupBy": "eventName,discardReason"})
        assert {(row["eventName"], row["discardReason"]) for row in rows} == {
            ("Invoice Reminder Sent", "unplanned"),
            ("Invoice Paid", "schema_violation"),
        }
        assert all(row["total"] > 1000 for row in rows)

    async def test_was_received_and_reached_no_destination(self, reading: Reading) -> None:
        name = "Invoice Reminder Sent"
        received = await reading.total("successfully-received", "backend", asked={"filter.eventName.0": name})
        assert received == await reading.total("filtered-at-source", "backend", asked={"filter.eventName.0": name})
        for step in ("filtered-at-destination", "failed-delivery", "successful-delivery"):
            for destination in FED["backend"]:
                assert await reading.total(step, "backend", destination, asked={"filter.eventName.0": name}) == 0

    async def test_is_no_api_call(self, reading: Reading, clock: Clock) -> None:
        today = clock().replace(hour=0, minute=0, second=0)
        since = (clock() - today) / timedelta(days=1)
        params = {"period": f"{today:%Y-%m}-01", "pagination.count": "1000"}
        rows = data(await reading.client.get("/usage/api-calls/sources/daily", params=params))
        (calls,) = (
            int(row["apiCalls"])
            for row in rows["dailyPerSourceAPICallsUsage"]
            if (row["sourceId"], row["timestamp"]) == (SOURCES["backend"], windows.iso(today))
        )
        blocked = await reading.total("filtered-at-source", "backend", days=(since, 0))
        assert calls == await reading.total("successfully-received", "backend", days=(since, 0)) - blocked
        assert blocked > 0


async def test_a_mapping_matches_nothing_because_its_event_is_misspelt(reading: Reading) -> None:
    listed = data(await reading.client.get(f"/destinations/{ANALYTICS}/subscriptions"))["subscriptions"]
    (only,) = (each for each in listed if each["enabled"])
    assert only["trigger"] == 'type = "track" and event = "Order Complete"'
    seen = await reading.seen("website")
    assert "Order Completed" in seen
    assert "Order Complete" not in seen
    received = await reading.total("successfully-received", "website")
    assert await reading.by("discardReason", "filtered-at-destination", "website", ANALYTICS) == {
        "NO_MATCHING_MAPPING": received
    }
    assert await reading.total("successful-delivery", "website", ANALYTICS) == 0
    assert await reading.total("failed-delivery", "website", ANALYTICS) == 0


class TestSourcesThatSendLittle:
    @pytest.mark.parametrize(
        ("source", "enabled", "silent", "age"),
        [
            ("newsletter", True, 21, 30),
            ("legacy", False, 13, 30),
            ("agents", True, 30, None),
            ("stripe", True, 30, None),
        ],
    )
    async def test_are_silent_for_so_many_days_and_sent_before_or_never(
        self, reading: Reading, source: str, enabled: object, silent: int, age: int | None
    ) -> None:
        assert (await reading.source(source))["source"]["enabled"] is enabled
        assert await reading.volume(source, (silent, 0)) == 0
        if age is not None:
            assert await reading.volume(source, (silent + 1, silent)) > 100
            assert await reading.total("successfully-received", source, days=(age, 0)) > 1000
        else:
            assert await reading.volume(source, (400, 0)) == 0

    async def test_can_have_dropped(self, reading: Reading) -> None:
        lately = await reading.volume("android", (4, 0))
        before = await reading.volume("android", (24, 20))
        assert 0.1 < lately / before < 0.15

    async def test_can_be_too_young_to_tell(self, reading: Reading) -> None:
        assert (await reading.source("returns"))["source"]["enabled"]
        assert await reading.volume("returns", (400, 1 / 24)) == 0
        assert await reading.volume("returns", (1 / 24, 0)) > 0


class TestGovernance:
    @pytest.mark.parametrize("source", ["android", "newsletter", "returns", "agents", "legacy"])
    async def test_some_sources_have_no_plan(self, reading: Reading, source: str) -> None:
        assert (await reading.source(source))["trackingPlanId"] is None

    async def test_one_of_them_has_real_traffic(self, reading: Reading) -> None:
        assert await reading.volume("android", (1, 0)) > 100

    async def test_a_plan_lets_everything_through(self, reading: Reading) -> None:
        settings = await reading.settings("website")
        assert all(
            value is True or value == "ALLOW"
            for kind in ("track", "identify", "group")
            for value in settings[kind].values()
        )
        assert await reading.seen("website") - await reading.planned("website") == {"Wishlist Viewed"}
        assert await reading.total("filtered-at-source", "website") == 0
        asked = {"filter.eventName.0": "Wishlist Viewed"}
        assert await reading.total("successful-delivery", "website", AMPLITUDE, asked=asked) > 1000

    @pytest.mark.parametrize(
        ("source", "never"),
        [
            ("website", UNUSED),
            ("ios", UNUSED | {"Product Added"}),
            (
                "backend",
                {
                    *("Invoice Payment Failed", "Subscription Started", "Subscription Cancelled"),
                    *("Order Shipped", "Order Refunded", "Stock Level Changed"),
                },
            ),
        ],
    )
    async def test_rules_are_there_that_nobody_triggers(self, reading: Reading, source: str, never: set[str]) -> None:
        assert await reading.planned(source) - await reading.seen(source) == never


async def test_an_old_version_of_the_app_fails_on_ingest(reading: Reading) -> None:
    rows = await reading.rows("failed-on-ingest", "ios", asked={"groupBy": "eventName,appVersion,discardReason"})
    assert [(row["eventName"], row["appVersion"], row["discardReason"]) for row in rows] == [
        ("Product Viewed", "3.8.1", "no_user_anon_id")
    ]
    assert set(await reading.by("appVersion", "successfully-received", "ios")) == {"4.12.0"}


@pytest.mark.parametrize("days", [30, 2, 1 / 24])
@pytest.mark.parametrize(("source", "destination"), [(name, each) for name, all_ in FED.items() for each in all_])
async def test_what_was_received_ends_somewhere_and_once(
    reading: Reading, source: str, destination: str, days: float
) -> None:
    received = await reading.total("successfully-received", source, days=(days, 0))
    blocked = await reading.total("filtered-at-source", source, days=(days, 0))
    ended = [
        await reading.total(step, source, destination, days=(days, 0))
        for step in ("filtered-at-destination", "failed-delivery", "successful-delivery")
    ]
    assert received == blocked + sum(ended) > 0


@pytest.mark.parametrize("source", ["website", "ios", "backend", "android", "newsletter", "returns"])
async def test_the_flow_does_with_each_seeded_event_what_the_history_says(
    reading: Reading, anyone: httpx2.AsyncClient, source: str
) -> None:
    told = await _told(reading, source)
    done: dict[tuple[Kind, End], int] = {}
    (key,) = (await reading.source(source))["source"]["writeKeys"]
    assert key in WRITE_KEYS.values()
    for number, line in enumerate(history.lines()[SOURCES[source]]):
        message = {**line["event"], "messageId": f"seeded-{number}"}
        await anyone.post(f"/v1/{message['type']}", json={**message, "writeKey": key})
        (shown,) = (await anyone.get(PATH, params={"messageId": message["messageId"]})).json()["events"]
        version = message.get("context", {}).get("app", {}).get("version")
        for end in _ends(shown):
            place = (message["type"], message.get("event"), version), end
            done[place] = done.get(place, 0) + line["perHour"]
    assert set(done) == set(told)
    shares = _shares(done)
    for place, share in _shares(told).items():
        assert 0.8 < share / shares[place] < 1.25, place  # an hour brings up to a quarter more of what it brings


def _shares(counts: Mapping[tuple[Kind, End], int]) -> dict[tuple[Kind, End], float]:
    """Of all that came to the same place: to the source, or to one destination."""
    places: dict[str, int] = {}
    for (_, (place, _)), count in counts.items():
        places[place] = places.get(place, 0) + count
    return {key: count / places[key[1][0]] for key, count in counts.items()}


def _ends(shown: Mapping[str, Any]) -> list[End]:
    """Where an event ended, as `/_sandbox/events` shows it."""
    if "code" in shown:
        return [("source", f"failed: {shown['code']}")]
    if "blocked" in shown:
        return [("source", f"blocked: {shown['blocked']}")]
    stops = [(each["destinationId"], f"filtered: {each['discardReason']}") for each in shown.get("filtered", [])]
    left = [(each["destinationId"], f"left: {each['subscriptionId']}") for each in shown.get("deliveries", [])]
    return [("source", "passed"), *stops, *left]


async def _told(reading: Reading, source: str) -> dict[tuple[Kind, End], int]:
    """Where events ended, as the delivery overview counts the history."""
    told: dict[tuple[Kind, End], int] = {}

    async def add(end: str, step: str, destination: str = "", asked: Mapping[str, str] = NOTHING) -> None:
        group_by = ["eventType", "eventName", "appVersion", *([] if end else ["discardReason"])]
        rows = await reading.rows(step, source, destination, asked={"groupBy": ",".join(group_by), **asked})
        for row in rows:
            kind = (row["eventType"], row.get("eventName"), row.get("appVersion"))
            stop = {"failed-on-ingest": "failed", "filtered-at-source": "blocked"}.get(step, "filtered")
            place = kind, (destination or "source", end or f"{stop}: {row['discardReason']}")
            told[place] = told.get(place, 0) + row["total"]

    await add("passed", "successfully-received")
    await add("", "failed-on-ingest")
    await add("", "filtered-at-source")
    for (kind, (place, end)), count in list(told.items()):
        if place == "source" and end.startswith("blocked"):
            told[kind, ("source", "passed")] -= count
    for destination in FED.get(source, ()):
        await add("", "filtered-at-destination", destination)
        listed = data(await reading.client.get(f"/destinations/{destination}/subscriptions"))["subscriptions"]
        for each in listed:
            for step in ("failed-delivery", "successful-delivery"):
                await add(f"left: {each['id']}", step, destination, {"filter.subscriptionId.0": each["id"]})
    return {place: count for place, count in told.items() if count}


async def test_a_destination_that_refuses_goes_on_refusing_until_its_settings_change(
    reading: Reading, client: httpx2.AsyncClient, anyone: httpx2.AsyncClient
) -> None:
    (key,) = (await reading.source("ios"))["source"]["writeKeys"]

    async def outcome(message_id: str) -> list[Any]:
        event = {"writeKey": key, "userId": "u-1", "event": "Product Viewed", "messageId": message_id}
        await anyone.post("/v1/track", json=event)
        (shown,) = (await anyone.get(PATH, params={"messageId": message_id})).json()["events"]
        return [each["outcome"] for each in shown["deliveries"] if each["destinationId"] == BRAZE]

    assert await outcome("refused") == ["discarded"]
    await client.patch(f"/destinations/{BRAZE}", json={"settings": {"api_key": "a-new-key"}})
    assert await outcome("taken") == ["first_attempt"]
