"""Stale sources: what is known of each, and never more than the counters say."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import anyio
import pytest

from segment_mcp.errors import Forbidden, InvalidArguments
from segment_mcp.questions import stale
from segment_mcp.questions.stale import Seen, Status, is_dropping, month_of, status_of
from tests.questions.asking import LEAPING, World, track, world

pytestmark = pytest.mark.anyio
NOW = datetime(2026, 5, 20, 12, tzinfo=UTC)
DAY = 86_400.0


@pytest.fixture
def anyio_backend() -> Any:
    return LEAPING


def days(**counts: int) -> dict[date, int]:
    """Events by how many days ago: `d3=5` are five, three days ago."""
    return {(NOW - timedelta(days=int(ago[1:]))).date(): count for ago, count in counts.items()}


def steady(before: int, lately: int) -> dict[date, int]:
    """Four weeks at one rate a day, the last one at another."""
    return {(NOW - timedelta(days=ago)).date(): (lately if ago <= 7 else before) for ago in range(1, 29)}


@pytest.mark.parametrize(
    ("seen", "status"),
    [
        (Seen(enabled=False, days=days(d0=5)), "disabled"),
        (Seen(enabled=False, days=None), "disabled"),
        (Seen(enabled=True, days=None), "unknown"),
        (Seen(enabled=True, days=days(d0=1)), "active"),
        (Seen(enabled=True, days=days(d7=1)), "active"),
        (Seen(enabled=True, days=days(d8=1)), "stale"),
        (Seen(enabled=True, days={}, used_before=True), "stale"),
        (Seen(enabled=True, days={}, used_before=False), "never_used"),
        (Seen(enabled=True, days={}, used_before=None), "unknown"),
        (Seen(enabled=True, days={}, used_before=False, created=NOW - timedelta(days=2)), "too_young"),
        (Seen(enabled=True, days={}, used_before=None, created=NOW - timedelta(days=2)), "too_young"),
        (Seen(enabled=True, days={}, used_before=False, created=NOW - timedelta(days=20)), "never_used"),
        (Seen(enabled=True, days={}, used_before=False, counted=False), "unknown"),
        (Seen(enabled=True, days=steady(100, 40)), "dropping"),
        (Seen(enabled=True, days=steady(100, 60)), "active"),
    ],
)
def test_a_sources_status_follows_from_its_data(seen: Seen, status: Status) -> None:
    assert status_of(seen, NOW, 7) == status


@pytest.mark.parametrize(
    ("counts", "drops"),
    [
        (steady(100, 49), True),
        (steady(100, 51), False),
        (steady(9, 1), False),  # so few that chance alone does it
        ({key: count for key, count in steady(100, 10).items() if (NOW.date() - key).days < 12}, False),  # no history
        ({}, False),
    ],
)
def test_less_than_half_of_the_usual_is_dropping(counts: dict[date, int], *, drops: bool) -> None:
    assert is_dropping(counts, NOW.date()) is drops


@pytest.mark.parametrize(
    ("counts", "total"),
    [
        ({"a": {"1": 5, "2": 5, "3": 9}}, {"a": 9}),
        ({"a": {"1": 5, "2": 4}}, {"a": 9}),
        ({"a": {"1": 5, "2": 4}, "b": {"1": 1, "2": 2}}, {"a": 9, "b": 3}),
        ({}, {}),
    ],
)
def test_counts_by_day_add_up_as_they_were_counted(counts: dict[str, dict[str, int]], total: dict[str, int]) -> None:
    assert month_of(counts) == total


async def ask(to: World, quiet: int = 7, after: str | None = None) -> dict[str, Any]:
    return await stale.ask(to.reading(), days=quiet, after=after)


def status_in(answer: dict[str, Any], source_id: str) -> str:
    """`active` where it is not listed: only those are left out."""
    return next((one["status"] for one in answer["sources"] if one["id"] == source_id), "active")


async def test_a_source_that_fell_silent_is_stale_and_says_when() -> None:
    async with world() as to:
        source_id, key = await to.source("silent")
        await to.send(key, track("Seen"), track("Seen"))
        await anyio.sleep(10 * DAY)
        found = next(one for one in (await ask(to))["sources"] if one["id"] == source_id)
        assert (found["status"], found["lastDay"], found["events"], found["eventsBefore"]) == (
            "stale", "2026-05-20", 0, 2,
        )  # fmt: skip


async def test_a_new_source_without_data_is_too_young_and_an_old_one_was_never_used() -> None:
    async with world() as to:
        old, _ = await to.source("old")
        await anyio.sleep(20 * DAY)
        young, _ = await to.source("young")
        answer = await ask(to)
        assert (status_in(answer, old), status_in(answer, young)) == ("never_used", "too_young")


async def test_a_source_with_data_today_is_active_and_only_counted() -> None:
    async with world() as to:
        source_id, key = await to.source("busy")
        await to.send(key, track("Seen"))
        answer = await ask(to)
        assert source_id not in {one["id"] for one in answer["sources"]}
        assert answer["counts"]["active"] >= 1


async def test_a_source_without_events_for_more_than_four_weeks_is_stale_by_its_usage() -> None:
    async with world() as to:
        source_id, key = await to.source("forgotten")
        await to.send(key, track("Seen"))
        await anyio.sleep(35 * DAY)
        assert status_in(await ask(to), source_id) == "stale"


async def test_cost_is_told_by_source_and_in_all() -> None:
    async with world() as to:
        source_id, key = await to.source("costly", enabled=True)
        await to.send(key, track("Seen"), track("Seen", userId="u-2"))
        await to.call("updateSource", sourceId=source_id, enabled=False)
        answer = await ask(to)
        found = next(one for one in answer["sources"] if one["id"] == source_id)
        assert (found["apiCalls"], found["mtu"]) == (2, 2)
        assert answer["cost"]["apiCalls"] >= 2


@pytest.mark.parametrize(
    ("operation", "unknown"),
    [
        ("getEventsVolumeFromWorkspace", "unknown"),
        ("getDailyPerSourceAPICallsUsage", "unknown"),
        ("getDailyPerSourceMTUUsage", "never_used"),
        ("listAuditEvents", "never_used"),
    ],
)
@pytest.mark.parametrize("status", [403, 500, 429])
async def test_what_could_not_be_read_is_named_and_not_guessed(operation: str, unknown: str, status: int) -> None:
    async with world() as to:
        source_id, _ = await to.source("old")
        await anyio.sleep(20 * DAY)
        await to.fault(operation, status=status)
        answer = await ask(to)
        assert status_in(answer, source_id) == unknown
        assert operation in {gap["operation"] for gap in answer["gaps"] if "operation" in gap}


async def test_without_the_audit_trail_a_young_source_is_not_called_never_used_before_its_usage_says_so() -> None:
    async with world() as to:
        source_id, _ = await to.source("young")
        await to.fault("listAuditEvents", status=403)
        await to.fault("getDailyPerSourceAPICallsUsage", status=500)
        assert status_in(await ask(to), source_id) == "unknown"


async def test_many_sources_come_in_parts_that_go_on() -> None:
    async with world() as to:
        for number in range(70):
            await to.source(f"s-{number}", enabled=False)
        first = await ask(to)
        assert first["truncated"]
        second = await ask(to, after=first["next"])
        listed = [one["id"] for one in (*first["sources"], *second["sources"])]
        assert len(listed) == len(set(listed)) >= 70
        assert "next" not in second


async def test_going_on_neither_repeats_nor_skips_when_the_last_source_was_cleaned_up_meanwhile() -> None:
    async with world() as to:
        for number in range(70):
            await to.source(f"s-{number}", enabled=False)
        first = await ask(to)
        last = first["sources"][-1]["id"]
        await to.call("deleteSource", sourceId=last)
        second = await ask(to, after=first["next"])
        before, later = ({one["id"] for one in part["sources"]} for part in (first, second))
        assert not before & later
        every = {one["id"] for one in (await to.call("listSources"))["sources"]} | {last}
        assert len(before | later) + second["counts"].get("active", 0) == len(every)


async def test_a_place_that_no_answer_named_is_refused() -> None:
    async with world() as to:
        with pytest.raises(InvalidArguments):
            await ask(to, after="GFIYTOxHfOu2H5ySDDAXac")


async def test_the_sources_are_needed_for_an_answer() -> None:
    async with world() as to:
        await to.fault("listSources", status=403)
        with pytest.raises(Forbidden):
            await ask(to)
