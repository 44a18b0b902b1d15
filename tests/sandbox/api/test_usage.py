"""Tracked users of the sandbox: how many different people the events of a month came from."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx2
import pytest

from segment_mcp.sandbox.users import WORKSPACE, Counted, Users
from tests.sandbox.conftest import Clock
from tests.sandbox.world import PERIOD, TODAY, send, source_id

from .asking import data, refused

COUNTS = ("identified", "anonymous", "anonymousIdentified", "neverIdentified")


async def of_source(client: httpx2.AsyncClient, slug: str, day: str = TODAY) -> dict[str, int] | None:
    wanted = await source_id(client, slug)
    answer = await client.get("/usage/mtu/sources/daily", params={"period": PERIOD, "pagination.count": "1000"})
    rows = data(answer)["dailyPerSourceMTUUsage"]
    found = [row for row in rows if (row["sourceId"], row["timestamp"]) == (wanted, day)]
    return {name: int(found[0][name]) for name in COUNTS} if found else None


async def of_workspace(client: httpx2.AsyncClient) -> list[dict[str, Any]]:
    answer = await client.get("/usage/mtu/daily", params={"period": PERIOD})
    rows: list[dict[str, Any]] = data(answer)["dailyWorkspaceMTUUsage"]
    return rows


@pytest.mark.parametrize("path", ["/usage/mtu/daily", "/usage/mtu/sources/daily"])
@pytest.mark.parametrize("asked", [{}, {"period": "2026-05"}, {"period": "2026-05-02"}])
async def test_a_period_is_the_first_day_of_a_month(
    client: httpx2.AsyncClient, path: str, asked: dict[str, str]
) -> None:
    assert refused(await client.get(path, params=asked)) == (422, ["period"])


async def test_a_month_without_events_has_no_rows(client: httpx2.AsyncClient) -> None:
    answer = data(await client.get("/usage/mtu/daily", params={"period": "2027-01-01"}))
    assert (answer["dailyWorkspaceMTUUsage"], answer["pagination"]["totalEntries"]) == ([], 0)


async def test_everybody_counts_once_a_month(client: httpx2.AsyncClient, clock: Clock) -> None:
    assert await of_source(client, "agent-events") is None
    people: list[dict[str, str]] = [
        {"userId": "u1"},
        {"userId": "u1"},
        {"userId": "u2"},
        {"anonymousId": "a1"},
        {"anonymousId": "a2"},
        {"userId": "u2", "anonymousId": "a2"},
    ]
    for person in people:
        await send(client, "track", {"event": "Seen", **person})
    seen = {"identified": 2, "anonymous": 2, "anonymousIdentified": 1, "neverIdentified": 1}
    assert await of_source(client, "agent-events") == seen
    clock.pass_by(timedelta(days=1))
    await send(client, "track", {"event": "Seen", "userId": "u1"})
    await send(client, "track", {"event": "Seen", "userId": "u3"})
    assert await of_source(client, "agent-events") == seen
    assert await of_source(client, "agent-events", "2026-05-21T00:00:00.000Z") == {**seen, "identified": 3}


async def test_whom_two_sources_saw_is_one_person_of_the_workspace(client: httpx2.AsyncClient) -> None:
    before = (await of_workspace(client))[-1]
    for key in ("http", "server"):
        await send(client, "track", {"event": "Seen", "userId": "everywhere"}, key=key)
    after = (await of_workspace(client))[-1]
    assert int(after["identified"]) == int(before["identified"]) + 1


async def test_nobody_counts_by_an_event_that_was_refused(client: httpx2.AsyncClient) -> None:
    await send(client, "track", {"userId": "u"})
    assert await of_source(client, "agent-events") is None


async def test_numbers_are_of_the_month_so_far(client: httpx2.AsyncClient) -> None:
    rows = await of_workspace(client)
    assert [row["timestamp"] for row in rows][-1] == TODAY
    for name in COUNTS:
        counts = [int(row[name]) for row in rows]
        assert counts == sorted(counts)
        assert counts[-1] > 0
    for row in rows:
        assert datetime.fromtimestamp(row["periodStart"], UTC) == datetime(2026, 5, 1, tzinfo=UTC)
        assert datetime.fromtimestamp(row["periodEnd"], UTC) == datetime(2026, 6, 1, tzinfo=UTC)
        assert int(row["anonymous"]) == int(row["anonymousIdentified"]) + int(row["neverIdentified"])


def test_a_new_month_forgets_whom_the_last_one_saw() -> None:
    users = Users()
    for day in (date(2026, 5, 31), date(2026, 6, 1)):
        users.see(day, "s", "u", None)
        assert users.until(day, "s") == users.until(day, WORKSPACE) == Counted(identified=1)
    assert users.until(date(2026, 5, 31), "s") == Counted(identified=1)


def test_beyond_so_many_marks_nobody_new_counts() -> None:
    users, day = Users(most=4), date(2026, 5, 20)  # each person leaves two marks: of the source and of the workspace
    for number in range(9):
        users.see(day, "s", f"u{number}", None)
    assert users.until(day, WORKSPACE) == Counted(identified=2)
