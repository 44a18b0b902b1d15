"""The three Command AI set-ups, run from their prompts through an MCP client, to their proof.

The receiver of the webhook is a server of the test's own. It derives user properties from what it gets by the words of
Command AI's page, without any of this project's code.
"""

import json
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import anyio
import anyio.lowlevel
import httpx2
import pytest
from mcp import Client

from segment_mcp.app import open_app
from segment_mcp.config import load
from segment_mcp.sandbox import create_app
from segment_mcp.server import build_server
from segment_mcp.timing import Timing
from tests.prompts.following import Followed, follow
from tests.workbench import ERAS, WEBSITE

pytestmark = pytest.mark.anyio
BACKEND = "EOxa2ax67HUhmSOZPCLWRL"
PREFIX = "user_property."


async def at_once(_: float) -> None:
    """Waiting takes no time here: the sandbox counts at once."""
    await anyio.lowlevel.checkpoint()


@dataclass(slots=True)
class Setting:
    """A server over a sandbox, its client, and the way that others send to the same sandbox."""

    client: Client
    way: httpx2.AsyncClient

    async def send(self, key: str, **event: Any) -> None:
        """What another program sends to Segment with a write key."""
        answer = await self.way.post("https://api.segment.io/v1/track", json={"writeKey": key, **event})
        assert answer.status_code == httpx2.codes.OK


@asynccontextmanager
async def setting(era: str) -> AsyncIterator[Setting]:
    app = httpx2.ASGITransport(app=create_app())
    settings = load({"SEGMENT_MCP_SANDBOX": "1", "SEGMENT_MCP_REVEAL_WRITE_KEYS": "1"})
    timing = Timing(now=lambda: datetime.now(UTC), sleep=at_once)
    async with (
        open_app(settings, transport=lambda: app, timing=timing) as toolbox,
        Client(build_server(toolbox), mode=era) as client,
        httpx2.AsyncClient(transport=app) as way,
    ):
        yield Setting(client, way)


@dataclass(slots=True)
class CommandAi:
    """Command AI's side of the webhook, by its page.

    Attributes:
        url: where it listens.
        users: the user properties that it recorded, by userId.
        ignored: what it got without a userId.
    """

    url: str = ""
    users: dict[str, dict[str, Any]] = field(default_factory=dict)
    ignored: list[Any] = field(default_factory=list)

    def record(self, payload: dict[str, Any]) -> None:
        """Fields of traits, fields that begin with the prefix, and the event's name as one that is true."""
        user_id = payload.get("userId")
        if not user_id:
            self.ignored.append(payload)
            return
        properties = dict(payload.get("traits") or {})
        properties |= {name[len(PREFIX) :]: value for name, value in payload.items() if name.startswith(PREFIX)}
        if "user_property_event" in payload:
            properties[payload["user_property_event"]] = True
        self.users.setdefault(user_id, {}).update(properties)


@contextmanager
def listening() -> Iterator[CommandAi]:
    """Command AI on a free port of this machine."""
    receiver = CommandAi()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            receiver.record(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Nothing: a test's output is its result."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    receiver.url = f"http://127.0.0.1:{server.server_port}/segment/webhook"
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


async def nothing(_: Followed) -> None:
    """A person who only looks, outside of what a test can see."""


@pytest.mark.parametrize("era", ERAS)
async def test_the_source_is_set_up_to_an_event_that_command_ai_itself_sent(era: str) -> None:
    async with setting(era) as here:

        async def connects_in_command_ai(followed: Followed) -> None:
            key = followed.value(5, "source.writeKeys[0]")
            await here.send(key, userId="visitor-1", event="Command Execution", properties={"type": "command"})

        followed = await follow(
            here.client, "set_up_command_ai_source", {"name": "Command AI"}, {7: connects_in_command_ai}
        )
        assert followed.failed == {}
        assert followed.data[4]["source"]["name"] == "Command AI"
        assert followed.data[4]["source"]["metadata"]["name"] == "CommandBar"
        assert followed.data[6]["outcome"] == "received"
        assert "Command Execution" in json.dumps(followed.data[8])


@pytest.mark.parametrize("era", ERAS)
async def test_the_destination_is_set_up_and_nobody_claims_that_segment_proves_it(era: str) -> None:
    async with setting(era) as here:
        arguments = {"sourceId": WEBSITE, "orgId": "f3a9c2"}

        def skip(number: int, says: str, followed: Followed) -> bool:
            listed = [one["name"] for one in followed.data.get(5, {}).get("subscriptions", ())]
            return number in {6, 7} and any(name in says for name in listed)

        followed = await follow(here.client, "set_up_command_ai_destination", arguments, {11: nothing}, skip)
        assert followed.failed == {}
        assert followed.data[2]["selected"]["library"] == "javascript"
        assert followed.data[3]["selected"]["platforms"]["server"] is False
        assert followed.data[9]["destination"]["enabled"] is True
        destination_id = followed.value(4, "destination.id")
        assert {one["payload"]["userId"] for one in followed.data[8]["subscriptions"] if one.get("payload")} == {
            "segment-mcp-test"
        }
        listed = await here.client.call_tool(
            "segment_api_read",
            {"operation": "listSubscriptionsFromDestination", "arguments": {"destinationId": destination_id}},
        )
        assert listed.structured_content is not None
        names = [one["name"] for one in listed.structured_content["data"]["subscriptions"]]
        assert sorted(names) == ["Identify User", "Track Event"]
        assert "unseen" in json.dumps(followed.data[10])


@pytest.mark.parametrize("era", ERAS)
async def test_a_webhook_of_identify_calls_records_every_trait(era: str) -> None:
    with listening() as command_ai:
        async with setting(era) as here:
            arguments = {"sourceId": BACKEND, "url": command_ai.url}
            followed = await follow(here.client, "set_up_command_ai_webhook", arguments, {7: nothing})
            assert followed.failed == {}
            assert followed.data[6]["outcome"] == "received"
            made = followed.value(3, "destination.id")
            delivered = {one["id"]: one.get("delivered") for one in followed.data[6]["destinations"]}
            assert delivered[made] == 1
            assert command_ai.users == {"segment-mcp-test": {"plan": "trial", "email": "test@example.com"}}
            assert followed.data[2]["commandAi"]["userProperties"] == command_ai.users["segment-mcp-test"]


@pytest.mark.parametrize("era", ERAS)
async def test_a_webhook_of_one_event_records_the_property_of_the_page(era: str) -> None:
    with listening() as command_ai:
        async with setting(era) as here:
            website = {"sourceId": WEBSITE, "url": command_ai.url, "event": "extension installed"}
            followed = await follow(here.client, "set_up_command_ai_webhook", website, {7: nothing})
            assert followed.failed == {}
            assert followed.data[6]["outcome"] == "received"
            assert command_ai.users == {"segment-mcp-test": {"extension installed": True}}
            assert followed.data[2]["commandAi"]["userProperties"] == {"extension installed": True}


async def test_an_event_without_a_user_reaches_the_webhook_and_is_ignored_there() -> None:
    with listening() as command_ai:
        async with setting(ERAS[1]) as here:
            website = {"sourceId": WEBSITE, "url": command_ai.url, "event": "extension installed"}
            await follow(here.client, "set_up_command_ai_webhook", website, {7: nothing})
            anonymous = {"type": "track", "event": "extension installed", "anonymousId": "a-1", "properties": {}}
            sent = await here.client.call_tool(
                "segment_send_test_event", {"sourceId": WEBSITE, "event": anonymous, "deliver": True}
            )
            assert sent.structured_content is not None
            assert sent.structured_content["data"]["outcome"] == "received"
            assert len(command_ai.ignored) == 1
            assert list(command_ai.users) == ["segment-mcp-test"]
