"""Schedules of linked audiences in the sandbox. Each answer is also held against the reference."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

from segment_mcp.sandbox.schedules import next_execution
from tests.sandbox.api.asking import data, refused
from tests.sandbox.conftest import Clock

SPACE = "/spaces/spa_bAmBVqBZlvdBOMAZIJBDdK"
USERS = f"{SPACE}/audiences/aud_BgoaJSgMLDKjDhkMEfQLJa1sJcf"
LINKED = f"{SPACE}/audiences/aud_Lv0R84AnYH4yVL6Yz7zbzQbUFSo"
HOURLY: dict[str, Any] = {"strategy": "PERIODIC", "config": {"interval": "1h"}}
MORNINGS: dict[str, Any] = {
    "strategy": "SPECIFIC_DAYS",
    "config": {"days": [1, 3, 5], "hours": [9], "timezone": "America/New_York"},
}


async def schedules(client: httpx2.AsyncClient) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = data(await client.get(f"{LINKED}/schedules"))["audienceSchedules"]
    return found


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", f"{SPACE}/audiences/unknown/schedules"),
        ("POST", f"{SPACE}/audiences/unknown/schedules"),
        ("GET", f"{LINKED}/schedules/unknown"),
        ("GET", f"{USERS}/schedules/unknown"),
        ("PATCH", f"{LINKED}/schedules/unknown"),
        ("DELETE", f"{LINKED}/schedules/unknown"),
    ],
)
async def test_what_does_not_exist_is_404(client: httpx2.AsyncClient, method: str, path: str) -> None:
    body = HOURLY if method in {"POST", "PATCH"} else None
    assert (await client.request(method, path, json=body)).status_code == 404


@pytest.mark.parametrize(("method", "path"), [("POST", ""), ("PATCH", "/unknown"), ("DELETE", "/unknown")])
async def test_only_linked_audiences_have_schedules(client: httpx2.AsyncClient, method: str, path: str) -> None:
    body = HOURLY if method != "DELETE" else None
    assert refused(await client.request(method, f"{USERS}/schedules{path}", json=body)) == (422, ["id"])
    assert data(await client.get(f"{USERS}/schedules")) == {"audienceSchedules": []}


def specific(**changes: Any) -> dict[str, Any]:
    config: dict[str, Any] = {"days": [1], "hours": [9], "timezone": "UTC", **changes}
    return {"strategy": "SPECIFIC_DAYS", "config": config}


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"strategy": "PERIODIC", "config": None}, ["config"]),
        ({"strategy": "SPECIFIC_DAYS", "config": None}, ["config"]),
        ({"strategy": "PERIODIC", "config": {"interval": "5m"}}, ["config.interval"]),
        ({"strategy": "PERIODIC", "config": specific()["config"]}, ["config.interval"]),
        ({"strategy": "PERIODIC", "config": specific(interval=["1h"])["config"]}, ["config.interval"]),
        (
            {"strategy": "SPECIFIC_DAYS", "config": {"interval": "1h"}},
            ["config.days", "config.hours", "config.timezone"],
        ),
        (
            {"strategy": "SPECIFIC_DAYS", "config": {"interval": "1h", "days": 1, "hours": [True], "timezone": 1}},
            ["config.days", "config.hours", "config.timezone"],
        ),
        (specific(days=[7]), ["config.days"]),
        (specific(days=[]), ["config.days"]),
        (specific(hours=[24]), ["config.hours"]),
        (specific(hours=[9.5]), ["config.hours"]),
        (specific(hours=[]), ["config.hours"]),
        (specific(timezone="Mars/Olympus"), ["config.timezone"]),
        (specific(timezone="America"), ["config.timezone"]),
        (specific(timezone="../etc"), ["config.timezone"]),
        (specific(timezone=""), ["config.timezone"]),
        (specific(timezone="a\x00b"), ["config.timezone"]),
    ],
)
async def test_a_configuration_fits_its_strategy(
    client: httpx2.AsyncClient, body: dict[str, Any], fields: list[str]
) -> None:
    before = await schedules(client)
    assert refused(await client.post(f"{LINKED}/schedules", json=body)) == (422, fields)
    assert refused(await client.patch(f"{LINKED}/schedules/{before[0]['id']}", json=body)) == (422, fields)
    assert await schedules(client) == before


async def test_schedules_are_added_changed_and_removed(client: httpx2.AsyncClient) -> None:
    (first,) = await schedules(client)
    body = {**MORNINGS, "config": {**MORNINGS["config"], "interval": "1h", "extra": 1}}
    added = data(await client.post(f"{LINKED}/schedules", json=body))["audienceSchedule"]
    assert added == {"id": added["id"], **MORNINGS, "nextExecution": "2026-05-20T13:00:00.000Z"}
    path = f"{LINKED}/schedules/{added['id']}"
    assert data(await client.get(path))["audienceSchedule"] == added
    changed = data(await client.patch(path, json=HOURLY))["audienceSchedule"]
    assert changed == {"id": added["id"], **HOURLY, "nextExecution": "2026-05-20T13:00:00.000Z"}
    assert await schedules(client) == [first, changed]
    assert data(await client.delete(path)) == {"status": "SUCCESS"}
    assert (await client.get(path)).status_code == 404
    assert await schedules(client) == [first]


async def test_a_disabled_audience_is_never_due(client: httpx2.AsyncClient, clock: Clock) -> None:
    clock.pass_by(timedelta(minutes=59))
    assert (await schedules(client))[0]["nextExecution"] == "2026-05-20T13:00:00.000Z"
    await client.patch(LINKED, json={"enabled": False})
    assert "nextExecution" not in (await schedules(client))[0]


@pytest.mark.parametrize(
    ("config", "now", "expected"),
    [
        ({"interval": "15m"}, "2026-05-20T12:00:00+00:00", "2026-05-20T12:15:00+00:00"),
        ({"interval": "8h"}, "2026-05-20T15:59:59+00:00", "2026-05-20T16:00:00+00:00"),
        ({"interval": "1d"}, "2026-05-20T00:00:00+00:00", "2026-05-21T00:00:00+00:00"),
        # A Wednesday: later today, tomorrow by the zone's own calendar, in a week.
        (specific(days=[3], hours=[1, 20])["config"], "2026-05-20T12:00:00+00:00", "2026-05-20T20:00:00+00:00"),
        (
            specific(days=[4.0], hours=[1.0], timezone="Asia/Tokyo")["config"],
            "2026-05-20T15:30:00+00:00",
            "2026-05-20T16:00:00+00:00",
        ),
        (specific(days=[3], hours=[12])["config"], "2026-05-20T12:00:00+00:00", "2026-05-27T12:00:00+00:00"),
        (specific(days=[0], hours=[0])["config"], "2026-05-20T12:00:00+00:00", "2026-05-24T00:00:00+00:00"),
        # New York's clocks go back on the first of November.
        (
            specific(days=[1], hours=[9], timezone="America/New_York")["config"],
            "2026-10-31T12:00:00+00:00",
            "2026-11-02T14:00:00+00:00",
        ),
    ],
)
def test_the_next_execution_is_the_first_that_is_due(config: dict[str, Any], now: str, expected: str) -> None:
    assert next_execution(config, datetime.fromisoformat(now).astimezone(UTC)) == datetime.fromisoformat(expected)
