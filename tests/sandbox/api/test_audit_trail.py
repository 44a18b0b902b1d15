"""The audit trail of the sandbox."""

from datetime import timedelta
from typing import Any

import httpx2
import pytest

from segment_mcp.sandbox import windows
from tests.sandbox.conftest import Clock

from .asking import data, refused


async def listed(client: httpx2.AsyncClient, **asked: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = data(await client.get("/audit-events", params=asked))["events"]
    return found


@pytest.fixture
async def labels(client: httpx2.AsyncClient, clock: Clock) -> list[str]:
    """When each of three labels was created, an hour apart."""
    moments = []
    for value in ("one", "two", "three"):
        await client.post("/labels", json={"label": {"key": "audit", "value": value}})
        moments.append(windows.iso(clock()))
        clock.pass_by(timedelta(hours=1))
    return moments


async def test_it_starts_empty(client: httpx2.AsyncClient) -> None:
    assert await listed(client) == []


async def test_what_was_refused_did_not_happen(client: httpx2.AsyncClient, labels: list[str]) -> None:
    assert (await client.post("/labels", json={"label": {"key": "audit", "value": "one"}})).status_code == 409
    assert len(await listed(client)) == len(labels)


async def test_the_newest_comes_first(client: httpx2.AsyncClient, labels: list[str]) -> None:
    found = await listed(client)
    assert [each["timestamp"] for each in found] == labels[::-1]
    assert {each["type"] for each in found} == {"Label Created"}
    assert len({each["id"] for each in found}) == 3


async def test_times_and_things_narrow_it(client: httpx2.AsyncClient, labels: list[str]) -> None:
    first, second, third = labels
    newest = (await listed(client))[0]
    for asked, expected in [
        ({"startTime": second}, [third, second]),
        ({"endTime": second}, [first]),
        ({"startTime": first, "endTime": third}, [second, first]),
        ({"resourceId": newest["resourceId"]}, [third]),
        ({"resourceType": newest["resourceType"]}, [third, second, first]),
        ({"resourceType": "nothing"}, []),
        ({"resourceId": newest["resourceId"], "endTime": third}, []),
    ]:
        assert [each["timestamp"] for each in await listed(client, **asked)] == expected, asked


async def test_it_comes_in_pages(client: httpx2.AsyncClient, labels: list[str]) -> None:
    answer = data(await client.get("/audit-events", params={"pagination.count": "2"}))
    assert [each["timestamp"] for each in answer["events"]] == labels[:0:-1]
    rest = await listed(client, **{"pagination.count": "2", "pagination.cursor": answer["pagination"]["next"]})
    assert [each["timestamp"] for each in rest] == labels[:1]


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"startTime": "yesterday"}, "startTime"),
        ({"startTime": "2026-05-20T12:00:00Z", "endTime": "2026-05-20T12:00:00Z"}, "endTime"),
    ],
)
async def test_a_span_must_be_one(client: httpx2.AsyncClient, asked: dict[str, str], field: str) -> None:
    assert refused(await client.get("/audit-events", params=asked)) == (422, [field])
