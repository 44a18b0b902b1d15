"""Delivery health: silent failures first, honest windows, and nothing called healthy that could not be read."""

import re
from datetime import timedelta
from typing import Any

import anyio
import pytest

from segment_mcp.errors import Forbidden, NotFound
from segment_mcp.questions import delivery
from segment_mcp.questions.delivery import Share, Status, status_of, trend_of
from tests.questions.asking import LEAPING, World, track, world

pytestmark = pytest.mark.anyio
BROWSER_ONLY = "638f843c4520d424f63c9e51"
ON_EITHER = "54521fd725e721e32a72eec6"
"""Of the classic Intercom, which a browser can run as well as Segment's servers."""
WEBHOOK = "614a3c7d791c91c41bae7599"
WEBHOOK_ORDERS = "IO9xpPBAXWjbcurMVNGL3z"
"""A seeded destination whose history has failures."""
STAGES = (
    "getEgressSuccessMetricsFromDeliveryOverview",
    "getEgressFailedMetricsFromDeliveryOverview",
    "getFilteredAtDestinationMetricsFromDeliveryOverview",
)


@pytest.fixture
def anyio_backend() -> Any:
    return LEAPING


@pytest.mark.parametrize(
    ("share", "status"),
    [
        (Share(100, 0, 0), "healthy"),
        (Share(96, 4, 0), "healthy"),
        (Share(95, 5, 0), "degraded"),
        (Share(50, 50, 0), "failing"),
        (Share(0, 1, 0), "failing"),
        (Share(0, 0, 9), "all_filtered"),
        (Share(1, 0, 9), "healthy"),
        (Share(0, 0, 0), "idle"),
        (Share(None, 9, 0), "unknown"),
        (Share(9, None, 0), "unknown"),
        (Share(0, 0, None), "unknown"),
        (Share(9, 0, None), "healthy"),  # what was delivered was delivered, whatever was kept back
    ],
)
def test_a_destinations_status_follows_from_its_counters(share: Share, status: Status) -> None:
    assert status_of(share) == status


@pytest.mark.parametrize(
    ("now", "before", "trend"),
    [
        (Share(90, 10, 0), Share(100, 0, 0), "worse"),
        (Share(100, 0, 0), Share(90, 10, 0), "better"),
        (Share(96, 4, 0), Share(99, 1, 0), "steady"),
        (Share(0, 0, 5), Share(99, 1, 0), "unknown"),
        (Share(9, 1, 0), Share(None, 1, 0), "unknown"),
    ],
)
def test_a_trend_is_a_change_in_the_share_of_failures(now: Share, before: Share, trend: str) -> None:
    assert trend_of(now, before) == trend


async def ask(to: World, **about: Any) -> dict[str, Any]:
    asked = {"source_id": None, "destination_id": None, "hours": 24, "after": None}
    return await delivery.ask(to.reading(), **{**asked, **about})


async def made(to: World, metadata: str, *, enabled: bool = True) -> tuple[str, str, str]:
    """A source with one destination: the IDs of both, and the write key."""
    source_id, key = await to.source("shop")
    created = await to.call(
        "createDestination", sourceId=source_id, metadataId=metadata, enabled=enabled, settings={}, name="Shop hook"
    )
    return source_id, created["destination"]["id"], key


async def one(to: World, destination_id: str, **about: Any) -> dict[str, Any]:
    (entry,) = (await ask(to, destination_id=destination_id, **about))["destinations"]
    return dict(entry)


async def test_a_destination_that_got_nothing_is_idle_and_not_healthy() -> None:
    async with world() as to:
        _, destination_id, _ = await made(to, WEBHOOK)
        assert (await one(to, destination_id))["status"] == "idle"


async def test_a_disabled_destination_is_said_to_be_that() -> None:
    async with world() as to:
        _, destination_id, key = await made(to, WEBHOOK, enabled=False)
        await to.send(key, track("Order Completed"))
        assert (await one(to, destination_id))["status"] == "disabled"


async def test_a_browsers_destination_cant_be_seen_and_is_not_called_idle() -> None:
    async with world() as to:
        _, destination_id, key = await made(to, BROWSER_ONLY)
        await to.send(key, track("Order Completed"))
        entry = await one(to, destination_id)
        assert entry["status"] == "unseen"
        assert "delivered" not in entry


async def test_where_the_browser_may_deliver_instead_nothing_counted_is_not_called_idle() -> None:
    async with world() as to:
        _, destination_id, key = await made(to, ON_EITHER)
        answer = await ask(to, destination_id=destination_id)
        assert [entry["status"] for entry in answer["destinations"]] == ["unseen"]
        assert [gap["code"] for gap in answer["gaps"]] == ["no_api"]
        await to.send(key, track("Order Completed"))
        assert (await one(to, destination_id))["status"] == "healthy"


async def test_what_is_filtered_entirely_is_told_with_its_reason() -> None:
    async with world() as to:
        _, destination_id, key = await made(to, WEBHOOK)
        await to.send(key, *(track("Order Completed", integrations={"All": False}) for _ in range(3)))
        entry = await one(to, destination_id)
        assert (entry["status"], entry["delivered"], entry["filtered"]) == ("all_filtered", 0, 3)
        assert entry["filteredFor"][0]["code"] == "FILTERED_BY_INTEGRATIONS_OBJECT"


async def test_failures_are_told_with_reasons_remedies_and_latency() -> None:
    async with world() as to:
        entry = await one(to, WEBHOOK_ORDERS)
        assert entry["failed"] > 0
        assert entry["failureRate"] == pytest.approx(entry["failed"] / (entry["failed"] + entry["delivered"]), abs=1e-4)
        assert entry["reasons"][0]["remedy"]
        assert entry["latency"]["average"] > 0


@pytest.mark.parametrize("hours", [1, 2, 3, 24, 100, 168, 336, 720])
async def test_every_window_is_one_that_segment_allows_and_counts_no_bucket_twice(hours: int) -> None:
    async with world() as to:
        await anyio.sleep(17 * 60 + 31)  # the middle of a bucket
        answer = await ask(to, destination_id=WEBHOOK_ORDERS, hours=hours)
        assert answer["gaps"] == []
        window = answer["window"]
        before = window["comparedWith"]
        assert before is None or before["to"] == window["from"]
        assert (before is None) == (hours > 480)


async def test_a_worsening_destination_shows_in_its_trend() -> None:
    async with world() as to:
        source_id, destination_id, key = await made(to, WEBHOOK)
        await to.send(key, *(track("Order Completed") for _ in range(4)))
        await anyio.sleep(timedelta(hours=5).total_seconds())
        entry = await one(to, destination_id, hours=4)
        assert entry["trend"] == "unknown"  # nothing reached it lately
        assert source_id == entry["sourceId"]


async def test_worst_comes_first_and_every_status_is_counted() -> None:
    async with world() as to:
        answer = await ask(to)
        ranks = [delivery.ORDER.index(entry["status"]) for entry in answer["destinations"]]
        assert ranks == sorted(ranks)
        assert sum(answer["counts"].values()) == len(answer["destinations"])


async def test_only_a_sources_destinations_are_looked_at_when_it_is_named() -> None:
    async with world() as to:
        source_id, destination_id, _ = await made(to, WEBHOOK)
        answer = await ask(to, source_id=source_id)
        assert [entry["id"] for entry in answer["destinations"]] == [destination_id]


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("status", [403, 404, 500])
async def test_a_stage_that_cant_be_read_is_a_gap_and_never_counts_as_zero(stage: str, status: int) -> None:
    async with world() as to:
        await to.fault(stage, status=status)
        answer = await ask(to, destination_id=WEBHOOK_ORDERS)
        (entry,) = answer["destinations"]
        member = {"Success": "delivered", "Failed": "failed", "At": "filtered"}
        missing = next(
            name for part, name in member.items() if f"{part}Metrics" in stage or f"{part}Destination" in stage
        )
        assert missing not in entry
        assert entry["status"] == ("unknown" if missing != "filtered" else "degraded")
        assert stage in {gap["operation"] for gap in answer["gaps"]}


async def test_latency_that_cant_be_read_leaves_the_rest_of_the_answer() -> None:
    async with world() as to:
        await to.fault("listDeliveryMetricsSummaryFromDestination", status=403)
        answer = await ask(to, destination_id=WEBHOOK_ORDERS)
        assert "latency" not in answer["destinations"][0]
        assert answer["destinations"][0]["delivered"] > 0
        assert answer["gaps"][0]["operation"] == "listDeliveryMetricsSummaryFromDestination"


async def test_a_slow_segment_gives_a_part_that_goes_on() -> None:
    async with world() as to:
        source_id, _ = await to.source("wide")
        for _ in range(30):
            await to.call("createDestination", sourceId=source_id, metadataId=WEBHOOK, enabled=True, settings={})
        for stage in STAGES:
            await to.fault(stage, delaySeconds=5)
        found: list[str] = []
        after = None
        for _ in range(9):
            answer = await ask(to, source_id=source_id, after=after)
            assert answer["truncated"] == ("next" in answer)
            found += [entry["id"] for entry in answer["destinations"]]
            after = answer.get("next")
            if after is None:
                break
        assert len(found) == len(set(found)) == 30


async def test_of_many_destinations_those_that_have_nothing_to_do_are_only_counted() -> None:
    async with world() as to:
        source_id, key = await to.source("wide")
        for _ in range(45):
            await to.call("createDestination", sourceId=source_id, metadataId=WEBHOOK, enabled=True, settings={})
        answer = await ask(to, source_id=source_id)
        assert (answer["destinations"], answer["more"], answer["counts"]) == ([], 45, {"idle": 45})
        await to.send(key, track("Order Completed", integrations={"All": False}))
        answer = await ask(to, source_id=source_id)
        assert (len(answer["destinations"]), answer["more"], answer["counts"]) == (40, 5, {"all_filtered": 45})


async def test_an_unknown_destination_and_a_forbidden_list_are_errors() -> None:
    async with world() as to:
        with pytest.raises(NotFound):
            await ask(to, destination_id="nobody")
        await to.fault("listDestinations", status=403)
        with pytest.raises(Forbidden):
            await ask(to)


async def test_the_summary_names_the_worst_and_says_what_can_not_be_judged() -> None:
    async with world() as to:
        await to.fault(STAGES[0], status=403)
        said = (await ask(to))["summary"]
        assert "could not be judged" in said


@pytest.mark.parametrize(
    ("destination_id", "said"),
    [
        (
            "J9smV1ZC97OhjyRpo8tbnx",
            r"Braze failed \d+ of \d+ deliveries since 2026-05-19 12:00 UTC, most of them for 401\.",
        ),
        ("qHW8M9GWtNyoABigIgQO93", r"Mixpanel failed 0 of \d+ deliveries since 2026-05-19 12:00 UTC\."),
        ("M6wJqTz9RcYk3XvFhN8sLb", r"None of the \d+ events that came to Google Analytics .* was let through\."),
        ("UAMRwzwtnTTE4XKNwuAqbn", r"No event came to Customer\.io since 2026-05-19 12:00 UTC\."),
        ("PuNQ7sMuSaLueh2s2X5IjV", r"Segment's counters don't tell what reaches CommandBar.*"),
        ("c5ly9A5bNKqOGHuRqZ0cjq", r"Sales channel is disabled.*"),
    ],
)
async def test_one_destination_is_summed_up_by_itself(destination_id: str, said: str) -> None:
    async with world() as to:
        assert re.fullmatch(said, (await ask(to, destination_id=destination_id))["summary"])
