"""What the tests know of the seeded workspace, and the questions they ask most."""

from typing import Any

import httpx2

from segment_mcp.sandbox import WRITE_KEYS

TRACKING = "https://api.segment.io"
PERIOD = "2026-05-01"  # the month of the tests' clock
TODAY = "2026-05-20T00:00:00.000Z"


async def source(client: httpx2.AsyncClient, slug: str) -> dict[str, Any]:
    answer = await client.get("/sources")
    found: dict[str, Any] = next(each for each in answer.json()["data"]["sources"] if each["slug"] == slug)
    return found


async def source_id(client: httpx2.AsyncClient, slug: str) -> str:
    return str((await source(client, slug))["id"])


async def destination(client: httpx2.AsyncClient, metadata_slug: str) -> dict[str, Any]:
    answer = await client.get("/destinations")
    found: dict[str, Any] = next(
        each for each in answer.json()["data"]["destinations"] if each["metadata"]["slug"] == metadata_slug
    )
    return found


async def send(client: httpx2.AsyncClient, kind: str, body: Any, *, key: str = "http") -> httpx2.Response:
    return await client.post(f"{TRACKING}/v1/{kind}", json=body, auth=httpx2.BasicAuth(WRITE_KEYS[key], ""))


async def calls_today(client: httpx2.AsyncClient, slug: str) -> int:
    wanted = await source_id(client, slug)
    answer = await client.get("/usage/api-calls/sources/daily", params={"period": PERIOD, "pagination.count": "1000"})
    rows = answer.json()["data"]["dailyPerSourceAPICallsUsage"]
    return sum(int(row["apiCalls"]) for row in rows if (row["sourceId"], row["timestamp"]) == (wanted, TODAY))


async def metrics(client: httpx2.AsyncClient, metadata_slug: str, **asked: str) -> dict[str, Any]:
    wanted = await destination(client, metadata_slug)
    answer = await client.get(
        f"/destinations/{wanted['id']}/delivery-metrics", params={"sourceId": wanted["sourceId"], **asked}
    )
    summary = answer.json()["data"]["deliveryMetricsSummary"]
    return {metric["metricName"]: metric for metric in summary["metrics"]}
