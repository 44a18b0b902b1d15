"""What one client changed travels to those that listen: over every transport, in each revision that it serves."""

import sys
from contextlib import ExitStack

import anyio
import mcp_types as types
import pytest
from mcp import Client, ClientSession, StdioServerParameters
from mcp.client.sse import sse_client
from mcp.client.subscriptions import ResourceUpdated

from tests.resources.test_listening import MERCY, Inbox, heard, rename, subscribe
from tests.transports.process import MODERN_META, environment, server
from tests.transports.test_web import serving
from tests.workbench import ERAS, WEBSITE, data_of

MODERN = ERAS[1]
SITE = f"segment://sources/{WEBSITE}"


async def test_over_http_a_change_by_one_client_reaches_the_streams_of_others() -> None:
    with serving("http") as url:
        async with (
            Client(url, mode=MODERN) as one,
            Client(url, mode=MODERN) as two,
            two.listen(resource_subscriptions=[SITE]) as subscription,
        ):
            await rename(one)
            assert await heard(subscription, 1) == [ResourceUpdated(SITE)]


async def test_over_http_a_change_by_one_client_reaches_the_sessions_of_older_revisions() -> None:
    inbox = Inbox()
    with serving("http") as url:
        async with Client(url, mode=MODERN) as one, Client(url, mode="legacy", message_handler=inbox) as two:
            await subscribe(two, SITE)
            with anyio.fail_after(MERCY):
                while not inbox.messages:  # its stream may not be open yet, and nothing is repeated
                    await rename(one)
                    with anyio.move_on_after(0.5):
                        await inbox.until(1)
            assert set(inbox.messages) == {SITE}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
async def test_over_sse_a_change_by_one_client_reaches_another() -> None:
    inbox = Inbox()
    with serving("sse") as url:
        async with (
            sse_client(url) as (one_reader, one_writer),
            ClientSession(one_reader, one_writer) as one,
            sse_client(url) as (reader, writer),
            ClientSession(reader, writer, message_handler=inbox) as two,
        ):
            await one.initialize()
            await two.initialize()
            request = types.SubscribeRequest(params=types.SubscribeRequestParams(uri=SITE))
            await two.send_request(request, types.EmptyResult)
            data_of(await one.call_tool("segment_update_source", {"sourceId": WEBSITE, "name": "New"}))
            assert await inbox.until(1) == [SITE]


@pytest.mark.parametrize("era", ERAS)
async def test_over_stdio_a_client_is_told_of_its_own_changes(era: str) -> None:
    inbox = Inbox()
    parameters = StdioServerParameters(command=sys.executable, args=["-m", "segment_mcp"], env=environment())
    async with Client(parameters, mode=era, message_handler=inbox) as connected:
        if era == MODERN:
            async with connected.listen(resource_subscriptions=[SITE]) as subscription:
                await rename(connected)
                assert await heard(subscription, 1) == [ResourceUpdated(SITE)]
        else:
            await subscribe(connected, SITE)
            await rename(connected)
            assert await inbox.until(1) == [SITE]


def test_over_stdio_every_frame_of_a_stream_names_it_and_the_end_of_input_ends_it() -> None:
    asked = {"resourceSubscriptions": [SITE, "segment://workspace"]}
    with server() as wire:
        wire.request(7, "subscriptions/listen", {"_meta": MODERN_META, "notifications": asked})
        acknowledged = wire.read()
        arguments = {"sourceId": WEBSITE, "name": "New"}
        wire.request(8, "tools/call", {"_meta": MODERN_META, "name": "segment_update_source", "arguments": arguments})
        told = [wire.read(), wire.read()]
        rest, log = wire.finish()
        assert wire.process.returncode == 0
    assert acknowledged["method"] == "notifications/subscriptions/acknowledged"
    assert acknowledged["params"]["notifications"] == {"resourceSubscriptions": [SITE]}
    (update,) = [message for message in told if "method" in message]
    assert (update["method"], update["params"]["uri"]) == ("notifications/resources/updated", SITE)
    for message in (acknowledged, update):
        assert message["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"] == 7
    assert [message["id"] for message in rest] == [7]
    assert log == ""


async def test_a_server_that_ends_ends_its_streams_on_purpose_and_says_nothing() -> None:
    with ExitStack() as running:
        url = running.enter_context(serving("http"))
        async with (
            Client(url, mode=MODERN) as connected,
            connected.listen(resource_subscriptions=[SITE]) as subscription,
        ):
            await anyio.to_thread.run_sync(running.close)  # which looks at what it said
            with anyio.fail_after(MERCY):
                assert [event async for event in subscription] == []
