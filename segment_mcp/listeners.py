"""Tells clients what this server changed: on the streams of 2026-07-28, and to sessions of the revisions before it.

A client of 2026-07-28 sends `subscriptions/listen`, and the answer is the stream. A session of an older revision is
told by notifications of its own: that the list of resources changed, always, and of those that it subscribed to. Over
stdio and HTTP+SSE these go the way of every message; over Streamable HTTP, by the stream that the client opens by GET.

`resources/list` itself never changes. That it did is told when a source, destination, tracking plan or warehouse came
or went: then there are other resources behind the templates.
"""

from collections.abc import Callable
from typing import Any

import anyio
import mcp_types as types
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.subscriptions import ListenHandler, ResourcesListChanged, ResourceUpdated, ServerEvent
from mcp.shared.exceptions import MCPError
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from segment_mcp.resources.library import Library
from segment_mcp.tools.changes import Change, Changes

MOST_SUBSCRIPTIONS = 200
"""URIs of one stream, or of one session."""
MOST_STREAMS = 1_024
NOT_FOUND_BEFORE = -32002
"""What the revisions before 2026-07-28 answer of a resource that isn't there."""

Listener = Callable[[ServerEvent], None]


class Bus:
    """Tells its subscribers of events at once; see `mcp.server.subscriptions.SubscriptionBus`."""

    def __init__(self) -> None:
        self._listeners: dict[object, Listener] = {}

    async def publish(self, event: ServerEvent) -> None:
        """Tell every subscriber."""
        self.tell(event)

    def tell(self, event: ServerEvent) -> None:
        """Tell every subscriber."""
        for listener in list(self._listeners.values()):
            listener(event)

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Tell it of every event from now on, until the answer is called."""
        token = object()
        self._listeners[token] = listener

        def leave() -> None:
            self._listeners.pop(token, None)

        return leave


class Follower:
    """What one session of an older revision is to be told: each thing once, however often it changed meanwhile.

    Args:
        who: what the client said of itself, which the SDK keeps in one object as long as the session lasts. Kept here
            too, so that no other object gets its `id`.

    Attributes:
        uris: that it subscribed to.
    """

    def __init__(self, who: types.InitializeRequestParams) -> None:
        self._who = who
        self.uris: set[str] = set()
        self._pending: dict[ServerEvent, None] = {}
        self._news = anyio.Event()

    def take(self, event: ServerEvent) -> None:
        """An event, which it may not care for."""
        if not isinstance(event, ResourceUpdated) or event.uri in self.uris:
            self._pending[event] = None
            self._news.set()

    async def next(self) -> ServerEvent:
        """The oldest event that it was not told of."""
        while not self._pending:
            self._news = anyio.Event()
            await self._news.wait()
        event = next(iter(self._pending))
        del self._pending[event]
        return event


class Listeners:
    """Every client of one server that is told of changes.

    Args:
        library: knows which URIs a change is one of.
        changes: tells of changes.
    """

    def __init__(self, library: Library, changes: Changes) -> None:
        self._library = library
        self._bus = Bus()
        self._streams = ListenHandler(self._bus, max_subscriptions=MOST_STREAMS)
        self._followers: dict[int, Follower] = {}
        changes.follow(self._tell)

    def bind(self, server: Server[Any]) -> None:
        """Answer what clients ask of this."""
        server.add_request_handler("subscriptions/listen", types.SubscriptionsListenRequestParams, self._listen)
        server.add_request_handler("resources/subscribe", types.SubscribeRequestParams, self._subscribe)
        server.add_request_handler("resources/unsubscribe", types.UnsubscribeRequestParams, self._unsubscribe)
        server.add_notification_handler("notifications/initialized", types.NotificationParams, self._accompany)

    def close(self) -> None:
        """End every stream, each with its answer; its client sees that it was ended on purpose."""
        self._streams.close()

    def _tell(self, change: Change) -> None:
        news = self._library.news(change)
        for uri in news.uris:
            self._bus.tell(ResourceUpdated(uri))
        if news.listed:
            self._bus.tell(ResourcesListChanged())

    async def _listen(
        self, context: ServerRequestContext[Any], params: types.SubscriptionsListenRequestParams
    ) -> types.SubscriptionsListenResult:
        """Serve a stream; what this server never changes is not acknowledged, so that nobody waits for it.

        Nor is what comes after the first `MOST_SUBSCRIPTIONS` URIs: nobody looks at it.
        """
        asked = params.notifications
        looked_at = (asked.resource_subscriptions or [])[:MOST_SUBSCRIPTIONS]
        honored = types.SubscriptionFilter(
            resources_list_changed=asked.resources_list_changed,
            resource_subscriptions=[uri for uri in looked_at if self._library.can_change(uri)],
        )
        return await self._streams(context, params.model_copy(update={"notifications": honored}))

    async def _subscribe(
        self, context: ServerRequestContext[Any], params: types.SubscribeRequestParams
    ) -> types.EmptyResult:
        follower = self._follower(context)
        if follower is None:
            raise MCPError(types.INVALID_REQUEST, "Send notifications/initialized first, then subscribe.")
        if not self._library.can_change(params.uri):
            raise not_found(context, "This resource does not exist, or this server never changes it.")
        if len(follower.uris) >= MOST_SUBSCRIPTIONS:
            raise MCPError(
                types.INVALID_PARAMS, f"No session may subscribe to more than {MOST_SUBSCRIPTIONS} resources."
            )
        follower.uris.add(params.uri)
        return types.EmptyResult()

    async def _unsubscribe(
        self, context: ServerRequestContext[Any], params: types.UnsubscribeRequestParams
    ) -> types.EmptyResult:
        follower = self._follower(context)
        if follower is not None:
            follower.uris.discard(params.uri)
        return types.EmptyResult()

    async def _accompany(self, context: ServerRequestContext[Any], _: types.NotificationParams) -> None:
        """Tell a session what it is to be told, until it ends: the SDK ends its handlers with it."""
        who = context.session.client_params
        if who is None or self._follower(context) is not None:
            return
        follower = self._followers[id(who)] = Follower(who)
        leave = self._bus.subscribe(follower.take)
        try:
            while True:
                event = await follower.next()
                if isinstance(event, ResourceUpdated):
                    await context.session.send_resource_updated(event.uri)
                else:
                    await context.session.send_resource_list_changed()
        finally:
            leave()
            del self._followers[id(who)]

    def _follower(self, context: ServerRequestContext[Any]) -> Follower | None:
        return self._followers.get(id(context.session.client_params))


def not_found(context: ServerRequestContext[Any], message: str) -> MCPError:
    """The error for a resource that isn't there, in the words of the client's revision."""
    is_modern = context.protocol_version in MODERN_PROTOCOL_VERSIONS
    return MCPError(types.INVALID_PARAMS if is_modern else NOT_FOUND_BEFORE, message)
