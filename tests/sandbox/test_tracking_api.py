"""The Tracking API of the sandbox: what it answers, and what is counted behind the answer."""

import base64
import gzip
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from segment_mcp.sandbox import WRITE_KEYS

from .conftest import Clock
from .world import TRACKING, calls_today, metrics, send, source_id

KINDS: dict[str, dict[str, Any]] = {
    "identify": {"userId": "u1", "traits": {"plan": "pro"}},
    "track": {"userId": "u1", "event": "Paid", "properties": {"amount": 5}},
    "page": {"anonymousId": "a1", "name": "Home"},
    "screen": {"anonymousId": "a1", "name": "Home"},
    "group": {"userId": "u1", "groupId": "g1"},
    "alias": {"previousId": "a1", "userId": "u1"},
}
PAID = KINDS["track"]


async def volume(client: httpx2.AsyncClient, **asked: str | list[str]) -> list[Any]:
    span = {"granularity": "MINUTE", "startTime": "2026-05-20T12:00:00Z", "endTime": "2026-05-20T12:10:00Z"}
    answer = await client.get("/events/volume", params={**span, **asked})
    assert answer.is_success, answer.text
    found: list[Any] = answer.json()["data"]["result"]
    return found


@pytest.mark.parametrize("kind", KINDS)
async def test_each_kind_of_event_is_counted_at_once(client: httpx2.AsyncClient, kind: str) -> None:
    assert (await send(client, kind, KINDS[kind])).json() == {"success": True}
    assert await calls_today(client, "agent-events") == 1
    assert (await volume(client, **{"groupBy.0": "eventType"}))[0]["eventType"] == kind


async def test_a_batch_counts_its_items(client: httpx2.AsyncClient) -> None:
    await send(client, "batch", {"batch": [{"type": kind, **body} for kind, body in KINDS.items()]})
    assert await calls_today(client, "agent-events") == 6


@pytest.mark.parametrize(
    "carry",
    [
        lambda key: {"json": {**PAID, "writeKey": key}},
        lambda key: {
            "json": PAID,
            "headers": {"Authorization": f"Basic {base64.b64encode(f'{key}:'.encode()).decode()}"},
        },
        lambda key: {"json": {**PAID, "writeKey": key}, "headers": {"Authorization": "Bearer an-oauth-token"}},
        lambda key: {"json": {**PAID, "writeKey": key}, "headers": {"Authorization": "Basic !"}},
    ],
)
async def test_the_write_key_comes_in_the_body_or_as_basic_user(
    client: httpx2.AsyncClient, carry: Callable[[str], dict[str, Any]]
) -> None:
    await client.post(f"{TRACKING}/v1/track", **carry(WRITE_KEYS["http"]))
    assert await calls_today(client, "agent-events") == 1


async def test_a_200_proves_nothing(client: httpx2.AsyncClient, clock: Clock) -> None:
    before = (await client.get("/usage/api-calls/daily", params={"period": "2026-05-01"})).json()
    await client.post("/v1/track", json=PAID, headers={"Authorization": "Basic !"})
    await client.post("/v1/track", json={**PAID, "writeKey": "x" * 32})
    await client.post("/v1/track", json={**PAID, "writeKey": 5})
    await send(client, "track", PAID, key="android")
    await send(client, "track", {"event": "Nobody"})
    await send(client, "batch", {"batch": []})
    await send(client, "batch", {"batch": [None, 5, {"type": "odd"}]})
    await send(client, "batch", {})
    await send(client, "batch", {"batch": [{"type": "page", "userId": "u"}] * 2501})
    clock.pass_by(timedelta(seconds=1))
    assert (await client.get("/usage/api-calls/daily", params={"period": "2026-05-01"})).json() == before


async def test_data_sent_to_the_wrong_region_is_lost(client: httpx2.AsyncClient) -> None:
    body = {**PAID, "writeKey": WRITE_KEYS["http"]}
    await client.post("https://events.eu1.segmentapis.com/v1/track", json=body)
    assert await calls_today(client, "agent-events") == 0


async def test_a_disabled_source_takes_nothing_until_it_is_enabled(client: httpx2.AsyncClient) -> None:
    path = f"/sources/{await source_id(client, 'agent-events')}"
    await client.patch(path, json={"enabled": False})
    await send(client, "track", PAID)
    await client.patch(path, json={"enabled": True})
    await send(client, "track", PAID)
    assert await calls_today(client, "agent-events") == 1


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("track", b"{"),
        ("track", b""),
        ("track", b"[]"),
        ("batch", b"null"),
        ("track", b"\xff"),
        ("track", b"[" * 30_000),
        ("track", b'{"userId": NaN}'),
        ("track", json.dumps({**PAID, "properties": {"x": "y" * 33_000}}).encode()),
        ("batch", json.dumps({"batch": [{**PAID, "type": "track", "properties": {"x": "y" * 33_000}}]}).encode()),
        ("batch", json.dumps({"batch": [{**PAID, "type": "track", "properties": {"x": "y" * 30_000}}] * 18}).encode()),
    ],
    ids=["cut", "empty", "list", "null", "not UTF-8", "deep", "NaN", "32 KB", "32 KB in a batch", "500 KB"],
)
async def test_only_malformed_and_oversize_are_400(client: httpx2.AsyncClient, kind: str, content: bytes) -> None:
    answer = await client.post(f"{TRACKING}/v1/{kind}", content=content, auth=(WRITE_KEYS["http"], ""))
    assert answer.status_code == 400
    assert await calls_today(client, "agent-events") == 0


LARGE = " " * 33_000
SIZES: dict[str, tuple[str, int]] = {
    "fits": ('{"x":"%s"}' % ("y" * 32_760), 200),
    "a byte more": ('{"x":"%s"}' % ("y" * 32_761), 400),
    "two bytes each, however spelled": ('{"x":"%s"}' % (r"\u00fc" * 16_380), 200),
    "two bytes more": ('{"x":"%s"}' % (r"\u00fc" * 16_381), 400),
    "half pairs": ('{"x":"%s"}' % (r"\ud800" * 32_760), 200),
    "half a pair more": ('{"x":"%s"}' % (r"\ud800" * 32_761), 400),
    "space inside": (f'{{"x":{LARGE}1}}', 200),
    "deep": (f"{'[' * 500}{LARGE}{']' * 500}", 200),
    "deep and large": (f"{'[' * 500}{json.dumps(LARGE)}{']' * 500}", 400),
}


@pytest.mark.parametrize("name", SIZES)
async def test_an_event_of_a_batch_may_have_32_kb_as_compact_json(client: httpx2.AsyncClient, name: str) -> None:
    event, status = SIZES[name]
    content = f'{{"batch":[{event},{{"type":"page","userId":"u"}}]}}'.encode()
    answer = await client.post(f"{TRACKING}/v1/batch", content=content, auth=(WRITE_KEYS["http"], ""))
    assert answer.status_code == status
    assert await calls_today(client, "agent-events") == (status == 200)


async def test_a_full_batch_is_taken(client: httpx2.AsyncClient) -> None:
    await send(client, "batch", {"batch": [{"type": "page", "userId": "u"}] * 2500})
    assert await calls_today(client, "agent-events") == 2500


@pytest.mark.parametrize(
    ("packed", "status"),
    [
        (gzip.compress(json.dumps(PAID).encode()), 200),
        (gzip.compress(json.dumps(PAID).encode())[:-12], 400),
        (json.dumps(PAID).encode(), 400),
        (gzip.compress(b" " * 50_000_000), 400),
    ],
    ids=["whole", "cut", "not gzip", "bomb"],
)
async def test_a_body_may_come_as_gzip(client: httpx2.AsyncClient, packed: bytes, status: int) -> None:
    answer = await client.post(
        f"{TRACKING}/v1/track", content=packed, auth=(WRITE_KEYS["http"], ""), headers={"Content-Encoding": "gzip"}
    )
    assert answer.status_code == status
    assert await calls_today(client, "agent-events") == (status == 200)


async def test_the_same_message_counts_once_in_any_source_for_a_day(client: httpx2.AsyncClient, clock: Clock) -> None:
    for key in ("http", "http", "web"):
        await send(client, "track", {**PAID, "messageId": "m1"}, key=key)
    await send(client, "track", PAID)
    await send(client, "track", PAID)
    assert await calls_today(client, "agent-events") == 3
    clock.pass_by(timedelta(hours=11))
    await send(client, "track", {**PAID, "messageId": "m1"})
    assert await calls_today(client, "agent-events") == 3


async def test_an_invalid_message_may_be_sent_again_corrected(client: httpx2.AsyncClient) -> None:
    await send(client, "track", {"event": "Paid", "messageId": "m1"})
    await send(client, "track", {**PAID, "messageId": "m1"})
    assert await calls_today(client, "agent-events") == 1


class TestEventsVolume:
    async def test_groups_and_filters(self, client: httpx2.AsyncClient, clock: Clock) -> None:
        await send(client, "track", {**PAID, "context": {"app": {"version": "1.2"}}})
        clock.pass_by(timedelta(minutes=2))
        await send(client, "track", PAID)
        await send(client, "track", {**PAID, "event": "Refunded"})
        await send(client, "identify", KINDS["identify"])
        await send(client, "track", {"event": "Invalid"})
        mine = await source_id(client, "agent-events")
        later = [{"time": "2026-05-20T12:02:00.000Z", "count": 1}]
        found = await volume(client, **{"groupBy.0": "eventName", "groupBy.1": "eventType"}, **{"sourceId.0": mine})
        assert found == [
            {
                "eventName": "Paid",
                "eventType": "track",
                "total": 2,
                "series": [
                    {"time": "2026-05-20T12:00:00.000Z", "count": 1},
                    {"time": "2026-05-20T12:02:00.000Z", "count": 1},
                ],
            },
            {"eventName": "Refunded", "eventType": "track", "total": 1, "series": later},
            {"eventType": "identify", "total": 1, "series": later},
        ]
        for asked, total in [
            ({"eventName": "Paid"}, 2),
            ({"eventName[0]": "Paid", "eventName[1]": "Refunded"}, 3),
            ({"eventType": "identify"}, 1),
            ({"appVersion": "1.2"}, 1),
            ({"eventName": "Invalid"}, 0),
            ({"sourceId": "unknown"}, 0),
            ({"granularity": "DAY"}, 4),
            ({"endTime": "2026-05-20T12:02:00Z"}, 1),
        ]:
            assert [row["total"] for row in await volume(client, **asked)] == [total]

    async def test_names_sources_as_objects_and_deleted_ones_by_id(self, client: httpx2.AsyncClient) -> None:
        await send(client, "track", PAID)
        mine = await source_id(client, "agent-events")
        named = {"id": mine, "name": "Agent events", "slug": "agent-events"}
        assert [row["source"] for row in await volume(client, groupBy="source,eventType")] == [named]
        await client.delete(f"/sources/{mine}")
        assert [row["source"] for row in await volume(client, groupBy="source")] == [{"id": mine}]

    async def test_comes_in_pages(self, client: httpx2.AsyncClient) -> None:
        span = {"granularity": "DAY", "startTime": "2026-05-01T00:00:00Z", "endTime": "2026-05-20T12:00:00Z"}
        answer = await client.get("/events/volume", params={**span, "groupBy": "eventName", "pagination.count": "2"})
        page = answer.json()["data"]
        assert len(page["result"]) == 2
        assert page["pagination"]["next"]
        assert page["query"]["groupBy"] == ["eventName"]


class TestDelivery:
    async def test_reaches_the_destinations_of_the_source(self, client: httpx2.AsyncClient) -> None:
        await send(client, "batch", {"batch": [{"type": kind, **body} for kind, body in KINDS.items()]})
        found = await metrics(client, "actions-customerio")
        assert {name: metric["total"] for name, metric in found.items() if not name.startswith("time")} == {
            "successes": 2,  # identify and track: it subscribes to nothing else
            "expired": 0,
            "discarded": 0,
            "retried": 0,
        }
        assert found["time_to_success"]["breakdown"][0]["value"] > 0

    @pytest.mark.parametrize(
        ("integrations", "delivered"),
        [
            ({"All": False}, 0),
            ({"All": False, "Customer.io (Actions)": True}, 1),
            ({"Customer.io (Actions)": False}, 0),
            ({"customer.io (actions)": False}, 1),
        ],
    )
    async def test_respects_integrations_also_of_the_batch(
        self, client: httpx2.AsyncClient, integrations: Any, delivered: int
    ) -> None:
        await send(client, "batch", {"batch": [{"type": "track", **PAID}], "integrations": integrations})
        assert (await metrics(client, "actions-customerio"))["successes"]["total"] == delivered
        assert await calls_today(client, "agent-events") == 1

    async def test_skips_device_mode_and_disabled_destinations(self, client: httpx2.AsyncClient) -> None:
        before = (await metrics(client, "actions-amplitude"))["successes"]["total"]
        await send(client, "track", PAID, key="web")
        assert (await metrics(client, "actions-amplitude"))["successes"]["total"] == before + 1
        for slug in ("actions-commandbar", "actions-slack"):
            assert (await metrics(client, slug))["successes"]["total"] == 0
