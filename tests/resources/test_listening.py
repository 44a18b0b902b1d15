"""What clients are told when this server changed something: those that asked, of what they asked for, and only then."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import httpx2
import mcp_types as types
import pytest
from mcp import Client
from mcp.client.subscriptions import ResourcesListChanged, ResourceUpdated, Subscription
from mcp.shared.exceptions import MCPError

from segment_mcp.app import open_app
from segment_mcp.config import load
from segment_mcp.listeners import MOST_SUBSCRIPTIONS
from segment_mcp.resources.library import LONGEST_URI
from segment_mcp.server import build_server
from segment_mcp.timing import Timing
from tests.adapter.clockwork import Clockwork
from tests.consent.parties import Person
from tests.resources.reading import ABSENT, MODERN, UNATTENDED, read, timed
from tests.workbench import ERAS, NOW, QUIET, SANDBOX, WEBSITE, Wire, client, data_of, refused, toolbox

SOURCES, SITE = "segment://sources", f"segment://sources/{WEBSITE}"
MERCY = 60.0
"""Seconds after which something will never come."""
EVENT = {"event": "Paid", "userId": "u"}


async def rename(connected: Client, source: str = WEBSITE, **arguments: Any) -> None:
    """Change a source."""
    data_of(await connected.call_tool("segment_update_source", {"sourceId": source, "name": "New", **arguments}))


async def write(connected: Client, operation: str, **arguments: Any) -> dict[str, Any]:
    """Run an operation that changes something."""
    call = {"operation": operation, "arguments": arguments}
    return data_of(await connected.call_tool("segment_api_write", call))


async def destroy(connected: Client, operation: str, **arguments: Any) -> dict[str, Any]:
    """Run an operation that destroys, where nobody is asked."""
    call = {"operation": operation, "arguments": arguments}
    return data_of(await connected.call_tool("segment_api_destroy", call))


async def subscribe(connected: Client, uri: str) -> None:
    """Subscribe as older revisions do."""
    request = types.SubscribeRequest(params=types.SubscribeRequestParams(uri=uri))
    await connected.session.send_request(request, types.EmptyResult)


async def unsubscribe(connected: Client, uri: str) -> None:
    """Take that back."""
    request = types.UnsubscribeRequest(params=types.UnsubscribeRequestParams(uri=uri))
    await connected.session.send_request(request, types.EmptyResult)


async def heard(subscription: Subscription, count: int) -> list[Any]:
    """The next events of a stream."""
    with anyio.fail_after(MERCY):
        return [await anext(subscription) for _ in range(count)]


async def news_of(subscription: Subscription) -> list[Any]:
    """Everything that a stream has heard so far; nobody else may be at work."""
    events: list[Any] = []
    while True:
        await anyio.wait_all_tasks_blocked()
        with anyio.move_on_after(0) as scope:
            events.append(await anext(subscription))
        if scope.cancelled_caught:
            return events


@dataclass(slots=True)
class Inbox:
    """What a client of an older revision is told.

    Attributes:
        messages: in the order of their coming.
        news: a message came.
    """

    messages: list[Any] = field(default_factory=list)
    news: anyio.Event = field(default_factory=anyio.Event)

    async def __call__(self, message: Any) -> None:
        """Keep a notification."""
        if isinstance(message, types.ResourceUpdatedNotification):
            self.messages.append(message.params.uri)
        elif isinstance(message, types.ResourceListChangedNotification):
            self.messages.append("list")
        self.news.set()

    async def until(self, count: int) -> list[Any]:
        """What came, once there is so much."""
        with anyio.fail_after(MERCY):
            while len(self.messages) < count:
                self.news = anyio.Event()
                await self.news.wait()
        return self.messages


@asynccontextmanager
async def older(
    inbox: Inbox, environment: dict[str, str] | None = None, wire: httpx2.AsyncBaseTransport | None = None
) -> AsyncIterator[Client]:
    """A client of an older revision, which keeps what it is told."""
    async with (
        toolbox({**UNATTENDED, **(environment or {})}, wire) as opened,
        Client(build_server(opened), mode="legacy", message_handler=inbox) as connected,
    ):
        yield connected


# What is promised


async def test_only_changes_of_resources_are_promised() -> None:
    async with client(era="auto") as connected:
        assert connected.protocol_version == MODERN
        modern = connected.server_capabilities
    async with client(era="legacy") as connected:
        legacy = connected.server_capabilities
    for told in (modern, legacy):
        assert told.resources == types.ResourcesCapability(subscribe=True, list_changed=True)
        assert told.tools is not None
        assert not told.tools.list_changed
        assert told.prompts is not None
        assert not told.prompts.list_changed
        assert told.completions is not None


async def test_a_stream_is_acknowledged_for_what_this_server_can_change_only() -> None:
    asked = [
        SOURCES, SITE, "segment://workspace", "segment://operations", "segment://reasons", "segment://nothing",
        "segment://results/x", "segment://sources/", "SEGMENT://sources", "segment://sources/%61", "segment://outbox",
        "segment://sources?connection=nope", "segment://sources?connection=sandbox", "segment://imports/abc",
        "https://example.com/", "",
    ]  # fmt: skip
    async with (
        client() as connected,
        connected.listen(
            tools_list_changed=True,
            prompts_list_changed=True,
            resources_list_changed=True,
            resource_subscriptions=asked,
        ) as subscription,
    ):
        honored = subscription.honored
    assert honored == types.SubscriptionFilter(
        resources_list_changed=True,
        resource_subscriptions=[
            SOURCES, SITE, "segment://outbox", "segment://sources?connection=sandbox", "segment://imports/abc",
        ],
    )  # fmt: skip


async def test_a_stream_has_no_more_subscriptions_than_its_bound() -> None:
    asked = [f"segment://sources/s{number}" for number in range(MOST_SUBSCRIPTIONS + 5)]
    async with client() as connected, connected.listen(resource_subscriptions=asked) as subscription:
        assert subscription.honored.resource_subscriptions == asked[:MOST_SUBSCRIPTIONS]


async def test_no_more_uris_of_a_request_are_looked_at_than_a_stream_may_have() -> None:
    asked = ["segment://nothing"] * (MOST_SUBSCRIPTIONS - 1) + [SOURCES, SITE]
    async with client() as connected, connected.listen(resource_subscriptions=asked) as subscription:
        assert subscription.honored.resource_subscriptions == [SOURCES]


async def test_a_stream_is_not_acknowledged_for_what_is_too_long() -> None:
    longest = SOURCES + "/".ljust(LONGEST_URI - len(SOURCES), "s")
    async with (
        client() as connected,
        connected.listen(resource_subscriptions=[longest + "s", longest]) as subscription,
    ):
        assert subscription.honored.resource_subscriptions == [longest]


# What is told


CHANGES: dict[str, tuple[str, dict[str, Any], list[str], bool]] = {
    "rename": ("updateSource", {"sourceId": QUIET, "name": "New"}, ["sources", f"sources/{QUIET}"], False),
    "create": ("createSource", {"slug": "new", "enabled": True, "metadataId": "IqDTy1TpoU"}, ["sources"], True),
    "delete": ("deleteSource", {"sourceId": QUIET}, ["sources", f"sources/{QUIET}", "destinations"], True),
    "label": (
        "addLabelsToSource",
        {"sourceId": QUIET, "labels": [{"key": "environment", "value": "prod"}]},
        ["sources", f"sources/{QUIET}"],
        False,
    ),
    "write key": ("createWriteKeyForSource", {"sourceId": QUIET}, [f"sources/{QUIET}"], False),
    "create a plan": ("createTrackingPlan", {"name": "P", "type": "LIVE"}, ["tracking-plans"], True),
}


@pytest.mark.parametrize("name", CHANGES)
async def test_a_stream_hears_of_each_change_that_it_asked_for(name: str) -> None:
    operation, arguments, paths, listed = CHANGES[name]
    everything = ["sources", f"sources/{QUIET}", f"sources/{WEBSITE}", "destinations", "tracking-plans", "warehouses"]
    asked = [f"segment://{path}" for path in everything]
    async with (
        client(UNATTENDED) as connected,
        connected.listen(resources_list_changed=True, resource_subscriptions=asked) as subscription,
    ):
        await (destroy if operation == "deleteSource" else write)(connected, operation, **arguments)
        events = await news_of(subscription)
    expected: list[Any] = [ResourceUpdated(f"segment://{path}") for path in paths]
    assert events == expected + ([ResourcesListChanged()] if listed else [])


async def test_a_change_of_a_plans_rules_is_told_of_the_plan_and_its_rules() -> None:
    async with client(UNATTENDED) as connected:
        plan = (await read(connected, "segment://tracking-plans"))["trackingPlans"][0]["id"]
        asked = [f"segment://tracking-plans/{plan}/rules", f"segment://tracking-plans/{plan}"]
        async with connected.listen(resource_subscriptions=asked) as subscription:
            schema = {"type": "object", "properties": {}}
            rule = {"type": "TRACK", "key": "New", "version": 1, "jsonSchema": schema}
            await destroy(connected, "updateRulesInTrackingPlan", trackingPlanId=plan, rules=[rule])
            events = await news_of(subscription)
    assert sorted(event.uri for event in events) == sorted(asked)


@pytest.mark.parametrize("era", ERAS)
async def test_nobody_is_told_of_what_they_did_not_ask_for(era: str) -> None:
    inbox = Inbox()
    async with toolbox(UNATTENDED) as opened, Client(build_server(opened), mode=era, message_handler=inbox) as one:
        if era == MODERN:
            async with one.listen(resource_subscriptions=["segment://warehouses"]) as subscription:
                await rename(one)
                assert await news_of(subscription) == []
        else:
            await subscribe(one, "segment://warehouses")
            await rename(one)
            await anyio.wait_all_tasks_blocked()
            assert inbox.messages == []


async def test_reading_tells_nobody_anything() -> None:
    async with (
        client() as connected,
        connected.listen(resources_list_changed=True, resource_subscriptions=[SOURCES, SITE]) as subscription,
    ):
        await read(connected, SOURCES)
        await read(connected, SITE)
        data_of(await connected.call_tool("segment_api_read", {"operation": "listSources", "all": True}))
        assert await news_of(subscription) == []


async def test_what_failed_or_was_refused_is_not_told() -> None:
    async with (
        client() as connected,
        connected.listen(resources_list_changed=True, resource_subscriptions=[SOURCES, SITE]) as subscription,
    ):
        refused(await connected.call_tool("segment_update_source", {"sourceId": "nope", "name": "x"}))
        refused(await connected.call_tool("segment_update_source", {"sourceId": WEBSITE, "nothing": 1}))
        refused(await connected.call_tool("segment_delete_source", {"sourceId": WEBSITE}))
        assert await news_of(subscription) == []


async def test_a_destruction_is_told_once_a_person_agreed() -> None:
    way = Wire()
    async with (
        open_app(load(SANDBOX), transport=lambda: way, timing=Timing(now=lambda: NOW)) as opened,
        Client(build_server(opened), mode=MODERN, elicitation_callback=Person()) as connected,
        connected.listen(resource_subscriptions=[SOURCES]) as subscription,
    ):
        data_of(await connected.call_tool("segment_delete_source", {"sourceId": QUIET}))
        assert await heard(subscription, 1) == [ResourceUpdated(SOURCES)]


async def test_every_client_that_asked_is_told_and_a_stream_that_ended_is_not() -> None:
    async with toolbox(UNATTENDED) as opened:
        server = build_server(opened)
        async with Client(server, mode=MODERN) as one, Client(server, mode=MODERN) as two:
            async with (
                one.listen(resource_subscriptions=[SOURCES]) as first,
                two.listen(resource_subscriptions=[SITE]) as second,
            ):
                await rename(one)
                assert await news_of(first) == [ResourceUpdated(SOURCES)]
                assert await news_of(second) == [ResourceUpdated(SITE)]
            async with two.listen(resource_subscriptions=[SITE]) as third:
                await rename(two, name="Newer")
                assert await news_of(third) == [ResourceUpdated(SITE)]


async def test_what_a_client_kept_of_a_resource_is_read_anew_after_its_change() -> None:
    async with client(UNATTENDED) as connected, connected.listen(resource_subscriptions=[SITE]) as subscription:
        before = await connected.read_resource(SITE)
        await rename(connected, name="Renamed")
        await heard(subscription, 1)
        after = await connected.read_resource(SITE)
    assert isinstance(after.contents[0], types.TextResourceContents)
    assert before.contents != after.contents
    assert '"name":"Renamed"' in after.contents[0].text


# Older revisions


async def test_an_older_client_is_told_of_what_it_subscribed_to_until_it_unsubscribes() -> None:
    inbox = Inbox()
    async with older(inbox) as connected:
        await subscribe(connected, SITE)
        await subscribe(connected, SITE)
        await rename(connected)
        await rename(connected, QUIET)
        assert await inbox.until(1) == [SITE]
        await rename(connected, name="Newer")
        assert await inbox.until(2) == [SITE, SITE]
        await unsubscribe(connected, SITE)
        await unsubscribe(connected, "segment://never-subscribed")
        await rename(connected, name="Newest")
        await anyio.wait_all_tasks_blocked()
    assert inbox.messages == [SITE, SITE]


async def test_an_older_client_is_told_when_resources_come_and_go_without_asking() -> None:
    inbox = Inbox()
    async with older(inbox) as connected:
        await write(connected, "createTrackingPlan", name="P", type="LIVE")
        await rename(connected)
        assert await inbox.until(1) == ["list"]
        await destroy(connected, "deleteSource", sourceId=QUIET)
        assert await inbox.until(2) == ["list", "list"]


@pytest.mark.parametrize(
    "uri",
    [
        "segment://workspace",
        "segment://nothing",
        "segment://sources/%61",
        "segment://results/x",
        "",
        "x" * 10_000,
        f"{SOURCES}/{'s' * LONGEST_URI}",
    ],
)
async def test_what_never_changes_cannot_be_subscribed_to(uri: str) -> None:
    async with older(Inbox()) as connected:
        with pytest.raises(MCPError) as caught:
            await subscribe(connected, uri)
    assert caught.value.code == ABSENT["legacy"]


async def test_a_session_has_no_more_subscriptions_than_its_bound() -> None:
    async with older(Inbox()) as connected:
        for number in range(MOST_SUBSCRIPTIONS):
            await subscribe(connected, f"segment://sources/s{number}")
        with pytest.raises(MCPError) as caught:
            await subscribe(connected, "segment://sources/one-more")
    assert str(MOST_SUBSCRIPTIONS) in caught.value.message


async def test_two_older_clients_are_each_told_of_their_own() -> None:
    one, two = Inbox(), Inbox()
    async with toolbox(UNATTENDED) as opened:
        server = build_server(opened)
        async with Client(server, mode="legacy", message_handler=one) as first:
            await subscribe(first, SITE)
            async with Client(server, mode="legacy", message_handler=two) as second:
                await subscribe(second, SOURCES)
                await rename(second)
                assert (await one.until(1), await two.until(1)) == ([SITE], [SOURCES])
            await rename(first, name="Newer")
            assert await one.until(2) == [SITE, SITE]
    assert two.messages == [SOURCES]


# The server's own


async def test_imports_are_told_when_they_begin_and_end() -> None:
    event = {"type": "track", **EVENT, "messageId": "m", "timestamp": "2026-03-01T00:00:00Z"}
    async with (
        client() as connected,
        connected.listen(resource_subscriptions=["segment://imports"]) as subscription,
    ):
        made = data_of(await connected.call_tool("segment_import_historical_data", {"events": [event]}))
        assert await heard(subscription, 1) == [ResourceUpdated("segment://imports")]
        uri = f"segment://imports/{made['importId']}"
        await news_of(subscription)
        async with connected.listen(resource_subscriptions=[uri]) as again:
            order = {"events": [event], "again": True}
            data_of(await connected.call_tool("segment_import_historical_data", order))
            assert await heard(again, 1) == [ResourceUpdated(uri)]


@dataclass(slots=True)
class Stormy(httpx2.AsyncBaseTransport):
    """The way to a sandbox, which is broken while it storms."""

    calm: Wire = field(default_factory=Wire)
    storms: bool = True

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if self.storms:
            raise httpx2.ConnectError("no route to host", request=request)
        return await self.calm.handle_async_request(request)


async def test_the_outbox_is_told_of_what_is_put_in() -> None:
    async with (
        timed(Clockwork().timing(), Stormy()) as connected,
        connected.listen(resource_subscriptions=["segment://outbox"]) as subscription,
    ):
        sent = data_of(await connected.call_tool("segment_track", EVENT))
        assert sent["status"] == "deferred"
        assert await heard(subscription, 1) == [ResourceUpdated("segment://outbox")]
        assert (await read(connected, "segment://outbox"))["pending"] == 1


# Several connections


FILE = """
[connections.production]
region = "us"
api_token = "production-token"

[connections.staging]
region = "us"
api_token = "staging-token"
"""


class Renaming(httpx2.AsyncBaseTransport):
    """Takes every change of a source."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        source = {"id": "s", "slug": "s", "enabled": True, "writeKeys": [], "labels": [], "metadata": {}}
        assert request.method == "PATCH"
        return httpx2.Response(200, json={"data": {"source": source}})


@pytest.mark.parametrize(
    ("connection", "told"),
    [
        ("production", ["segment://sources/s", "segment://sources/s?connection=production"]),
        ("staging", ["segment://sources/s?connection=staging"]),
    ],
)
async def test_only_who_reads_that_connections_resources_is_told(
    tmp_path: Path, connection: str, told: list[str]
) -> None:
    path = tmp_path / "segment.toml"
    path.write_text(FILE, encoding="utf-8")
    settings = {"SEGMENT_MCP_SANDBOX": "0", "SEGMENT_MCP_CONFIG": str(path)}
    asked = [f"segment://sources/s{query}" for query in ("", "?connection=production", "?connection=staging")]
    async with (
        client(settings, Renaming()) as connected,
        connected.listen(resource_subscriptions=asked) as subscription,
    ):
        assert subscription.honored.resource_subscriptions == asked
        await rename(connected, "s", connection=connection)
        events = await news_of(subscription)
    assert [event.uri for event in events] == told


async def test_a_toolset_that_is_off_tells_nothing() -> None:
    settings = {**UNATTENDED, "SEGMENT_MCP_TOOLSETS": "api"}
    async with (
        client(settings) as connected,
        connected.listen(
            resources_list_changed=True, resource_subscriptions=[SOURCES, "segment://tracking-plans"]
        ) as subscription,
    ):
        assert subscription.honored.resource_subscriptions == ["segment://tracking-plans"]
        await write(connected, "updateSource", sourceId=WEBSITE, name="x")
        await write(connected, "createSource", slug="new", enabled=True, metadataId="IqDTy1TpoU")
        assert await news_of(subscription) == []
