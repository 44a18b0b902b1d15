"""Several connections side by side: each call uses one, and nothing of one is used for another."""

from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import pytest

from tests.workbench import client, data_of, refused, toolbox

FILE = """
[connections.production]
region = "eu"
api_token = "production-token"
write_key = "production-write-key"

[connections.staging]
region = "us"
api_token = "staging-token"
write_keys = { web = "staging-web-key" }
"""


@dataclass(slots=True)
class Segment(httpx2.AsyncBaseTransport):
    """Stands for both regions: answers an empty list, or that it took the event, and sets a cookie."""

    requests: list[httpx2.Request] = field(default_factory=list)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        body = {"data": {"sources": [], "pagination": {"current": "MA=="}}, "success": True}
        return httpx2.Response(200, json=body, headers={"Set-Cookie": "session=of-one; Path=/"})

    def seen(self) -> list[tuple[str, str]]:
        """Host and credentials of each request."""
        return [(request.url.host, request.headers["authorization"]) for request in self.requests]


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, str]:
    path = tmp_path / "segment.toml"
    path.write_text(FILE, encoding="utf-8")
    return {"SEGMENT_MCP_SANDBOX": "0", "SEGMENT_MCP_CONFIG": str(path)}


async def test_the_schema_names_the_choices(settings: dict[str, str]) -> None:
    async with client(settings) as connected:
        tools = (await connected.list_tools()).tools
    for tool in tools:
        choice = tool.input_schema["properties"]["connection"]
        assert choice["enum"] == ["production", "staging"]
        assert "connection" not in tool.input_schema.get("required", [])


async def test_each_call_goes_to_its_connections_region_with_its_credentials_and_no_cookies(
    settings: dict[str, str],
) -> None:
    wire = Segment()
    async with client(settings, wire) as connected:
        for arguments in ({}, {"connection": "staging"}, {"connection": "production"}):
            data_of(await connected.call_tool("segment_list_sources", arguments))
        event = {"event": "Opened", "userId": "u"}
        data_of(await connected.call_tool("segment_track", event))
        data_of(await connected.call_tool("segment_track", {**event, "connection": "staging", "writeKey": "web"}))
    assert wire.seen() == [
        ("eu1.api.segmentapis.com", "Bearer production-token"),
        ("api.segmentapis.com", "Bearer staging-token"),
        ("eu1.api.segmentapis.com", "Bearer production-token"),
        ("events.eu1.segmentapis.com", "Basic cHJvZHVjdGlvbi13cml0ZS1rZXk6"),
        ("api.segment.io", "Basic c3RhZ2luZy13ZWIta2V5Og=="),
    ]
    assert not [request for request in wire.requests if "cookie" in request.headers]


async def test_a_key_of_one_connection_is_not_found_by_name_or_mask_in_another(settings: dict[str, str]) -> None:
    wire = Segment()
    async with toolbox(settings, wire) as opened:
        event = {"event": "Opened", "userId": "u", "connection": "production"}
        masked = await opened.invoke("segment_track", {**event, "writeKey": "****-key"})
        await opened.invoke("segment_track", {**event, "writeKey": "web"})
    assert masked.successful
    assert wire.seen()[-1] == ("events.eu1.segmentapis.com", "Basic d2ViOg==")
    assert not [credentials for _, credentials in wire.seen() if "staging" in credentials]


@pytest.mark.parametrize(
    ("connection", "code"), [("nowhere", "unknown_connection"), (["staging"], "invalid_arguments")]
)
async def test_a_connection_that_does_not_exist_sends_nothing(
    settings: dict[str, str], connection: object, code: str
) -> None:
    wire = Segment()
    async with client(settings, wire) as connected:
        data = refused(await connected.call_tool("segment_list_sources", {"connection": connection}))
    assert data["code"] == code
    assert wire.requests == []


async def test_no_secret_of_any_connection_is_in_the_status(settings: dict[str, str]) -> None:
    async with toolbox(settings, Segment()) as opened:
        for connection in ("production", "staging"):
            text = (await opened.invoke("segment_connection_status", {"connection": connection})).as_json()
            assert f'"connection":"{connection}"' in text
            for secret in ("production-token", "staging-token", "production-write-key", "staging-web-key"):
                assert secret not in text


async def test_an_answer_without_what_every_answer_has_is_a_failure_and_not_an_empty_success(
    settings: dict[str, str],
) -> None:
    async with toolbox(settings, Segment()) as opened:
        single = await opened.invoke("segment_get_destination", {"destinationId": "d"})
        walked = await opened.invoke("segment_list_destinations", {"name": "x"})
    for envelope in (single, walked):
        assert envelope.data["code"] == "invalid_response"
        assert envelope.data["host"] == "eu1.api.segmentapis.com"
