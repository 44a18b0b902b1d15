"""The Tracking API's tools: six kinds of event, and many at once."""

from functools import cache
from typing import Annotated, Any

from pydantic import BeforeValidator, Field
from pydantic.alias_generators import to_camel

from segment_mcp.ports import Data, EventSink
from segment_mcp.tools.args import Args, JsonObject, Line, Moment, decoded
from segment_mcp.tools.tool import tool

UserId = Annotated[str, Field(min_length=1, description="This or anonymousId.")]
AnonymousId = Annotated[str, Field(min_length=1, description="Of an unknown user.")]
WriteKey = Annotated[Line, Field(description="Key, its name, or masked.")]
MessageId = Annotated[str, Field(min_length=1, max_length=99, description="Deduplicates.")]
Context = Annotated[JsonObject, Field(description="ip, page, device and so on.")]
Integrations = Annotated[JsonObject, Field(description='E.g. {"All": false}.')]


class Event(Args):
    """What every kind of event has."""

    user_id: UserId | None = None
    anonymous_id: AnonymousId | None = None
    context: Context | None = None
    integrations: Integrations | None = None
    timestamp: Annotated[Moment, Field(description="Default: now.")] | None = None
    message_id: MessageId | None = None
    write_key: WriteKey | None = None


class Identify(Event):
    """Arguments of `segment_identify`."""

    traits: Annotated[JsonObject, Field(description="E.g. email, plan.")] | None = None


class Track(Event):
    """Arguments of `segment_track`."""

    event: Annotated[str, Field(min_length=1, description="Its name, e.g. Order Completed.")]
    properties: Annotated[JsonObject, Field(description="Details of the event.")] | None = None


class View(Event):
    """Arguments of `segment_page` and `segment_screen`."""

    name: Annotated[str, Field(min_length=1, description="Its name.")] | None = None
    category: Annotated[str, Field(min_length=1, description="Its category.")] | None = None
    properties: Annotated[JsonObject, Field(description="E.g. url, title.")] | None = None


class Group(Event):
    """Arguments of `segment_group`."""

    group_id: Annotated[str, Field(min_length=1, description="ID of the account or organisation.")]
    traits: Annotated[JsonObject, Field(description="E.g. name, employees.")] | None = None


class Alias(Event):
    """Arguments of `segment_alias`."""

    previous_id: Annotated[str, Field(min_length=1, description="The identity that is merged.")]
    user_id: Annotated[str, Field(min_length=1, description="The identity that stays. Segment needs it.")] | None = None


class Batch(Args):
    """Arguments of `segment_batch`."""

    batch: Annotated[
        list[dict[str, Any]],
        BeforeValidator(decoded),
        Field(description="Events as the single tools take them, each with its type."),
    ]
    context: Annotated[JsonObject, Field(description="Given to every event.")] | None = None
    integrations: Annotated[JsonObject, Field(description="Given to every event.")] | None = None
    write_key: WriteKey | None = None


_published = cache(to_camel)


def _fields(args: Event) -> dict[str, Any]:
    """The event's own fields by Segment's names; they are JSON values already, so nothing is left to convert."""
    return {_published(name): value for name, value in args if value is not None and name != "write_key"}


@tool(title="Identify user", safety="write", toolset="tracking", idempotent=False, open_world=True)
async def segment_identify(args: Identify, events: EventSink) -> Data:
    """Tie a user to traits (identify call).

    Use this when you learn who a user is or a trait changes.
    """
    return await events.send("identify", _fields(args), args.write_key)


@tool(title="Track event", safety="write", toolset="tracking", idempotent=False, open_world=True)
async def segment_track(args: Track, events: EventSink) -> Data:
    """Record what a user did (track call).

    Use this when one event is to be sent; segment_batch sends many.
    """
    return await events.send("track", _fields(args), args.write_key)


@tool(title="Page view", safety="write", toolset="tracking", idempotent=False, open_world=True)
async def segment_page(args: View, events: EventSink) -> Data:
    """Record a view of a web page (page call).

    Use this when a user saw a page.
    """
    return await events.send("page", _fields(args), args.write_key)


@tool(title="Screen view", safety="write", toolset="tracking", idempotent=False, open_world=True)
async def segment_screen(args: View, events: EventSink) -> Data:
    """Record a view of a mobile app screen (screen call).

    Use this when a user saw a screen.
    """
    return await events.send("screen", _fields(args), args.write_key)


@tool(title="Group user", safety="write", toolset="tracking", idempotent=False, open_world=True)
async def segment_group(args: Group, events: EventSink) -> Data:
    """Tie a user to a group such as a company, with the group's traits (group call).

    Use this when a user joins a group or its traits change.
    """
    return await events.send("group", _fields(args), args.write_key)


@tool(title="Alias user", safety="write", toolset="tracking", idempotent=False, open_world=True)
async def segment_alias(args: Alias, events: EventSink) -> Data:
    """Merge a previous or anonymous identity into a user ID (alias call).

    Use this when two IDs turn out to be the same user.
    """
    return await events.send("alias", _fields(args), args.write_key)


@tool(title="Send batch of events", safety="write", toolset="tracking", idempotent=False, open_world=True)
async def segment_batch(args: Batch, events: EventSink) -> Data:
    """Send many events; nothing is sent while any is invalid. Each answers accepted or deferred.

    Use this when there are several events; old ones: segment_import_historical_data.
    """
    shared = {"context": args.context, "integrations": args.integrations}
    return await events.send_batch(args.batch, shared, args.write_key)
