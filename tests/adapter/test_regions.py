"""Regions: which one knows a token, what a wrong one is told, and connections that have nothing in common."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest

from segment_mcp.adapter.client import SegmentClient
from segment_mcp.adapter.http import Http
from segment_mcp.app import open_app
from segment_mcp.config import Connection, load
from segment_mcp.errors import RateLimited, Unauthorized, UpstreamError
from segment_mcp.operations import get
from segment_mcp.tools.invoke import Toolbox
from tests.adapter.clockwork import Clockwork
from tests.adapter.faults import Fault, Faulty, Incident, raising, silent, status, success

US, EU = "api.segmentapis.com", "eu1.api.segmentapis.com"
US_EVENTS, EU_EVENTS = "api.segment.io", "events.eu1.segmentapis.com"
US_TOKEN, EU_TOKEN, FOREIGN_TOKEN = "sgp_amErIcAn1234", "sgp_euRoPeAn5678", "sgp_nObOdYs90abc"
HOME = {US_TOKEN: US, EU_TOKEN: EU}
EVENT = b'{"type":"track","userId":"u","event":"E","messageId":"m"}'

down = raising(httpx2.ConnectError)
silence = silent(httpx2.ReadTimeout, 20)


def token_of(request: httpx2.Request) -> str:
    return request.headers["authorization"].removeprefix("Bearer ")


def segment(incident: Incident) -> httpx2.Response:
    """Both regions: each knows its own tokens, and takes any event."""
    request = incident.request
    if request.url.path.startswith("/v1/"):
        return success(incident)
    return (success if HOME.get(token_of(request)) == request.url.host else status(401))(incident)


def but(host: str, fault: Fault) -> Fault:
    """Segment, with one host that has a fault."""
    return lambda incident: (fault if incident.request.url.host == host else segment)(incident)


def over(fault: Fault, **connection: str) -> tuple[SegmentClient, Faulty]:
    clock = Clockwork()
    way = Faulty(fault, clock)
    client = SegmentClient(
        Connection.model_validate(connection), Http(lambda: way), timing=clock.timing(), call_seconds=25
    )
    return client, way


def asked(way: Faulty) -> list[str]:
    return [f"{request.url.host}{request.url.path}" for request in way.requests]


# A region that is set, and wrong


@pytest.mark.parametrize(
    ("region", "token", "host", "other"), [("us", EU_TOKEN, US, "eu"), ("eu", US_TOKEN, EU, "us")], ids=["us", "eu"]
)
async def test_a_wrong_region_is_told_the_right_one(region: str, token: str, host: str, other: str) -> None:
    client, _ = over(segment, api_token=token, region=region)
    with pytest.raises(Unauthorized) as caught:
        await client.call(get("listLabels"), {})
    assert caught.value.data() == {"code": "unauthorized", "host": host, "status": 401, "knownIn": other}
    assert f"known in region {other}, and SEGMENT_REGION is {region}" in str(caught.value)


async def test_the_right_region_is_asked_for_once_and_remembered() -> None:
    client, way = over(segment, api_token=EU_TOKEN, region="us")
    for _ in range(3):
        with pytest.raises(Unauthorized) as caught:
            await client.call(get("listLabels"), {})
        assert caught.value.data()["knownIn"] == "eu"
    assert sorted(asked(way)) == [*[f"{US}/labels"] * 3, f"{EU}/"]


async def test_many_calls_at_once_ask_for_the_right_region_once() -> None:
    client, way = over(segment, api_token=EU_TOKEN, region="us")
    told: list[Any] = []

    async def call() -> None:
        with pytest.raises(Unauthorized) as caught:
            await client.call(get("listLabels"), {})
        told.append(caught.value.data()["knownIn"])

    async with anyio.create_task_group() as group:
        for _ in range(5):
            group.start_soon(call)
    assert told == ["eu"] * 5
    assert asked(way).count(f"{EU}/") == 1


async def test_a_token_that_no_region_knows_is_told_no_region() -> None:
    client, way = over(segment, api_token=FOREIGN_TOKEN, region="us")
    for _ in range(2):
        with pytest.raises(Unauthorized) as caught:
            await client.call(get("listLabels"), {})
        assert caught.value.data().items() >= {"code": "unauthorized", "host": US, "status": 401}.items()
        assert "knownIn" not in caught.value.data()
    assert asked(way).count(f"{EU}/") == 1


@pytest.mark.parametrize("name", ["getDestination", "listDeliveryMetricsSummaryFromDestination"])
async def test_what_may_ask_elsewhere_keeps_to_a_region_that_is_set_and_says_which_is_right(name: str) -> None:
    client, way = over(segment, api_token=EU_TOKEN, region="us")
    with pytest.raises(Unauthorized) as caught:
        await client.call(get(name), {"destinationId": "d", "sourceId": "s"})
    assert caught.value.data()["knownIn"] == "eu"
    assert caught.value.data()["attempts"] == [{"host": US, "status": 401, "kind": "unauthorized"}]
    assert asked(way)[1:] == [f"{EU}/"]


async def test_a_refusal_that_is_not_about_the_token_asks_no_other_region() -> None:
    client, way = over(but(US, status(403)), api_token=EU_TOKEN, region="us")
    with pytest.raises(UpstreamError):
        await client.call(get("listLabels"), {})
    assert asked(way) == [f"{US}/labels"]


async def test_a_host_of_the_operators_is_the_only_one_that_is_asked() -> None:
    client, way = over(status(401), api_token=EU_TOKEN, region="us", public_api_url="https://own.example")
    with pytest.raises(Unauthorized):
        await client.call(get("listLabels"), {})
    assert asked(way) == ["own.example/labels"]


@pytest.mark.parametrize("fault", [down, silence, status(503), status(429, retry_after="60")],
                         ids=["down", "silent", "503", "429"])  # fmt: skip
async def test_a_region_that_cannot_be_asked_does_not_hide_that_the_token_was_refused(fault: Fault) -> None:
    client, way = over(but(EU, fault), api_token=EU_TOKEN, region="us")
    with pytest.raises(Unauthorized) as caught:
        await client.call(get("listLabels"), {})
    assert caught.value.data().items() >= {"code": "unauthorized", "host": US, "status": 401}.items()
    assert way.clock.passed <= 25.05


async def test_a_region_that_could_not_be_asked_is_asked_again_by_a_later_call() -> None:
    weather = [down] * 10
    client, _ = over(
        lambda incident: (weather.pop() if weather and incident.request.url.host == EU else segment)(incident),
        api_token=EU_TOKEN, region="us",
    )  # fmt: skip
    with pytest.raises(Unauthorized) as caught:
        await client.call(get("listLabels"), {})
    assert "knownIn" not in caught.value.data()
    with pytest.raises(Unauthorized) as caught:
        await client.call(get("listLabels"), {})
    assert caught.value.data().get("knownIn") == "eu"


# Auto


@pytest.mark.parametrize(
    ("token", "home", "events"), [(US_TOKEN, US, US_EVENTS), (EU_TOKEN, EU, EU_EVENTS)], ids=["us", "eu"]
)
async def test_auto_sends_calls_and_events_to_the_tokens_region(token: str, home: str, events: str) -> None:
    client, way = over(segment, api_token=token)
    await client.call(get("listLabels"), {})
    await client.call(get("getSource"), {"sourceId": "s"})
    assert await client.send("track", [EVENT], "k" * 32) == events
    searched = [target for target in asked(way) if target.endswith("/")]
    assert f"{home}/" in searched
    assert len(searched) <= 2
    assert asked(way)[len(searched) :] == [f"{home}/labels", f"{home}/sources/s", f"{events}/v1/track"]


async def test_auto_names_both_hosts_where_neither_knows_the_token() -> None:
    client, way = over(segment, api_token=FOREIGN_TOKEN)
    with pytest.raises(Unauthorized) as caught:
        await client.call(get("listLabels"), {})
    assert f"Neither https://{US} and https://{EU} knows" in str(caught.value)
    assert sorted(asked(way)) == [f"{US}/", f"{EU}/"]


async def test_no_event_goes_to_a_guessed_region_where_the_token_is_refused() -> None:
    client, way = over(segment, api_token=FOREIGN_TOKEN)
    with pytest.raises(Unauthorized):
        await client.send("track", [EVENT], "k" * 32)
    assert sorted(asked(way)) == [f"{US}/", f"{EU}/"]


class OneSilentRegion(httpx2.AsyncBaseTransport):
    """Segment, with a host that never answers."""

    def __init__(self, host: str) -> None:
        self._silent = host
        self._others = Faulty(segment, Clockwork())

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if request.url.host == self._silent:
            await anyio.sleep_forever()
        return await self._others.handle_async_request(request)


@pytest.mark.parametrize(("quiet", "token"), [(EU, US_TOKEN), (US, EU_TOKEN)], ids=["eu", "us"])
async def test_a_silent_region_does_not_hold_up_a_token_of_the_other(quiet: str, token: str) -> None:
    way = OneSilentRegion(quiet)
    client = SegmentClient(
        Connection.model_validate({"api_token": token}), Http(lambda: way), timing=Clockwork().timing(), call_seconds=25
    )
    with anyio.fail_after(5):
        await client.call(get("listLabels"), {})
        assert await client.region() == ("us" if token == US_TOKEN else "eu")


async def test_a_limit_that_one_region_sets_does_not_keep_the_other_from_being_asked() -> None:
    def fault(incident: Incident) -> httpx2.Response:
        host, path = incident.request.url.host, incident.request.url.path
        if path == "/":
            return (success if host == US else status(401))(incident)
        if host == EU:
            return success(incident)
        return status(404, x_ratelimit_remaining="0", x_ratelimit_reset="57")(incident)

    client, _ = over(fault, api_token=US_TOKEN)
    answer = await client.call(get("getDestination"), {"destinationId": "d"})
    assert [attempt["kind"] for attempt in answer["attempts"]] == ["not_found", "data"]


# Several connections

FILE = """
[connections.america]
region = "us"
api_token = "{us}"
write_key = "americaamericaamericaamerica1111"

[connections.europe]
region = "auto"
api_token = "{eu}"
write_key = "europeeuropeeuropeeuropeeurop2222"
write_keys = {{ web = "webwebwebwebwebwebwebwebwebw3333" }}

[connections.keyless]
region = "eu"
write_key = "keylesskeylesskeylesskeyless4444"
"""
KEYS = {
    "america": "americaamericaamericaamerica1111",
    "europe": "europeeuropeeuropeeuropeeurop2222",
    "keyless": "keylesskeylesskeylesskeyless4444",
}


@asynccontextmanager
async def three_connections(folder: Path, fault: Fault = segment) -> AsyncIterator[tuple[Toolbox, Faulty]]:
    file = folder / "segment.toml"
    file.write_text(FILE.format(us=US_TOKEN, eu=EU_TOKEN), encoding="utf-8")
    clock = Clockwork()
    way = Faulty(fault, clock)
    async with open_app(
        load({"SEGMENT_MCP_CONFIG": str(file)}), transport=lambda: way, timing=clock.timing()
    ) as toolbox:
        yield toolbox, way


def track(connection: str, **more: str) -> Mapping[str, Any]:
    return {"event": "E", "userId": "u", "messageId": "m", "connection": connection, **more}


async def test_each_connection_asks_its_own_region_with_its_own_token(tmp_path: Path) -> None:
    async with three_connections(tmp_path) as (toolbox, way):
        for name in ("europe", "america", "europe"):
            envelope = await toolbox.invoke("segment_list_sources", {"connection": name})
            assert envelope.successful, envelope
    used = [(request.url.host, token_of(request)) for request in way.requests if request.url.path == "/sources"]
    assert used == [(EU, EU_TOKEN), (US, US_TOKEN), (EU, EU_TOKEN)]
    searched = {token_of(request) for request in way.requests if request.url.path == "/"}
    assert searched == {EU_TOKEN}


async def test_each_connection_sends_its_events_with_its_own_key_to_its_own_region(tmp_path: Path) -> None:
    async with three_connections(tmp_path) as (toolbox, way):
        for name in KEYS:
            assert (await toolbox.invoke("segment_track", track(name))).successful
    sent = [request for request in way.requests if request.url.path == "/v1/track"]
    assert [request.url.host for request in sent] == [US_EVENTS, EU_EVENTS, EU_EVENTS]
    for request, key in zip(sent, KEYS.values(), strict=True):
        assert key.encode() in request.content
        assert not any(other.encode() in request.content for other in KEYS.values() if other != key)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("segment_list_sources", {}),
        ("segment_connection_status", {}),
        ("segment_get_destination", {"destinationId": "d"}),
    ],
    ids=["list", "status", "get"],
)
async def test_a_connection_without_a_token_borrows_none(tmp_path: Path, name: str, arguments: dict[str, str]) -> None:
    async with three_connections(tmp_path) as (toolbox, way):
        envelope = await toolbox.invoke(name, {**arguments, "connection": "keyless"})
    assert "SEGMENT_API_TOKEN" in envelope.as_json()
    assert way.requests == []


@pytest.mark.parametrize("given", ["web", "****3333", "****2222"])
async def test_names_and_masks_of_one_connections_keys_mean_nothing_to_another(tmp_path: Path, given: str) -> None:
    async with three_connections(tmp_path) as (toolbox, way):
        await toolbox.invoke("segment_track", track("america", writeKey=given))
        sent = [request.content for request in way.requests if request.url.path == "/v1/track"]
    assert not any(b"3333" in body.replace(given.encode(), b"") or KEYS["europe"].encode() in body for body in sent)


async def test_one_connections_rate_limit_is_not_the_others(tmp_path: Path) -> None:
    def limited(incident: Incident) -> httpx2.Response:
        if token_of(incident.request) == US_TOKEN:
            return status(429, retry_after="60")(incident)
        return segment(incident)

    async with three_connections(tmp_path, limited) as (toolbox, way):
        for _ in range(2):
            envelope = await toolbox.invoke("segment_list_sources", {"connection": "america"})
            assert envelope.as_dict()["data"]["code"] == RateLimited.code
        assert (await toolbox.invoke("segment_list_sources", {"connection": "europe"})).successful
        assert way.clock.passed == 0
    american = [request for request in way.requests if token_of(request) == US_TOKEN]
    assert len(american) == 1


async def test_the_first_connection_is_meant_where_none_is_named(tmp_path: Path) -> None:
    async with three_connections(tmp_path) as (toolbox, way):
        assert (await toolbox.invoke("segment_list_sources", {})).successful
    assert [token_of(request) for request in way.requests] == [US_TOKEN]


async def test_an_unknown_connection_is_told_the_known_ones_and_nothing_is_sent(tmp_path: Path) -> None:
    async with three_connections(tmp_path) as (toolbox, way):
        envelope = await toolbox.invoke("segment_list_sources", {"connection": "asia"})
    data = envelope.as_dict()["data"]
    assert data == {"code": "unknown_connection", "connections": list(KEYS)}
    assert way.requests == []


@pytest.mark.parametrize("names", [("a",), ("a", "b")], ids=["one", "two"])
async def test_tools_take_a_connection_only_where_there_is_a_choice(tmp_path: Path, names: tuple[str, ...]) -> None:
    file = tmp_path / "segment.toml"
    file.write_text("".join(f'[connections.{name}]\napi_token = "t{name}"\n' for name in names), encoding="utf-8")
    async with open_app(load({}, file)) as toolbox:
        offered = toolbox.offered(toolbox.listed()[0], {"properties": {}})
    choices = offered["properties"].get("connection", {}).get("enum")
    assert choices == (None if len(names) == 1 else list(names))
