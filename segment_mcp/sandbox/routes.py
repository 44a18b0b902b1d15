"""Where the events of a source go: its destinations, each with its filters and subscriptions made ready.

The order is that of Segment's docs: the event's own `integrations`; for a destination without actions the type of event
(connections/destinations/destination-filters: that comes before any filter); filters; then, with actions, triggers and
mappings. Only enabled destinations that Segment's servers deliver to are here at all: what a browser or a phone
delivers is unseen by Segment.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from segment_mcp.sandbox import actions, ingest
from segment_mcp.sandbox.arrivals import Stop
from segment_mcp.sandbox.filters import Dice, Filter, FqlError, compiled, passed
from segment_mcp.sandbox.workspace import Destination, Workspace

NOT_WANTED: Final = "FILTERED_BY_INTEGRATIONS_OBJECT"
UNSUPPORTED: Final = "UNSUPPORTED_EVENT_TYPE"
FILTERED: Final = "FILTERED_BY_RULES"
NO_MAPPING: Final = "NO_MATCHING_MAPPING"
NOT_MAPPED: Final = "FILTERED_AT_MAPPING"

_METHODS: Mapping[str, str] = MappingProxyType({"page": "pageview", "screen": "pageview"})
"""What the catalog calls a type of event, where that is not the type itself."""

Message = Mapping[str, Any]
Entries = tuple[list[Destination], list[Mapping[str, Any]], list[Mapping[str, Any]]]


class Departure(NamedTuple):
    """A payload leaves for a destination.

    Attributes:
        subscription: None for a destination without actions, to which the message itself is sent.
    """

    destination: Destination
    subscription: actions.Subscription | None
    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Route:
    """The way to one destination.

    Attributes:
        filters: those that are enabled; None if one of them can't be read, and so nothing is sent.
        subscriptions: those that an event can trigger; None if the destination has no actions.
    """

    destination: Destination
    filters: tuple[Filter, ...] | None
    subscriptions: tuple[actions.Subscription, ...] | None

    def steps(self, message: Message, dice: Dice) -> Iterator[Stop | Departure]:
        """Where the message stops, and what leaves: one departure for each subscription that it triggers."""
        own = self.destination.id
        if not ingest.wanted(self.destination.names, message.get("integrations")):
            yield Stop(own, NOT_WANTED)
            return
        if self.subscriptions is None and not self._supports(message["type"]):
            yield Stop(own, UNSUPPORTED)
            return
        left = None if self.filters is None else passed(self.filters, message, dice)
        if left is None:
            yield Stop(own, FILTERED)
        elif self.subscriptions is None:
            yield Departure(self.destination, None, left)
        else:
            yield from self._triggered(self.subscriptions, left)

    def _triggered(self, known: Sequence[actions.Subscription], message: Message) -> Iterator[Stop | Departure]:
        triggered = [each for each in known if each.trigger.matches(message)]
        if not triggered:
            yield Stop(self.destination.id, NO_MAPPING)
        for each in triggered:
            payload = each.payload(message)
            if payload is None:
                yield Stop(self.destination.id, NOT_MAPPED, each.id)
            else:
                yield Departure(self.destination, each, payload)

    def _supports(self, kind: str) -> bool:
        return bool(self.destination.metadata["supportedMethods"].get(_METHODS.get(kind, kind)))


class Routes:
    """The routes of every source, made ready when a source first needs them, and again when something changed.

    Entries of a workspace are replaced as a whole, so what has not changed is known by being the same object.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._entries: Entries = ([], [], [])
        self._ready: dict[str, tuple[Route, ...]] = {}

    def of(self, source_id: str) -> tuple[Route, ...]:
        """The routes of a source's events."""
        workspace = self._workspace
        entries: Entries = (
            [*workspace.destinations.values()],
            [*workspace.filters.values()],
            [*workspace.subscriptions.values()],
        )
        if entries != self._entries:
            self._entries, self._ready = entries, {}
        if source_id not in self._ready:
            self._ready[source_id] = tuple(self._route(each) for each in workspace.cloud_destinations(source_id))
        return self._ready[source_id]

    def _route(self, destination: Destination) -> Route:
        _, all_filters, all_subscriptions = self._entries
        own = [each for each in all_filters if each["destinationId"] == destination.id and each["enabled"]]
        known = {action["id"]: action for action in destination.metadata["actions"]}
        if not known:
            return Route(destination, _filters(own), None)
        subscribed = (
            actions.compiled(each, known[each["actionId"]])
            for each in all_subscriptions
            if each["destinationId"] == destination.id and each["actionId"] in known
        )
        return Route(destination, _filters(own), tuple(each for each in subscribed if each is not None))


def _filters(entries: Sequence[Mapping[str, Any]]) -> tuple[Filter, ...] | None:
    try:
        return tuple(compiled(each["if"], each["actions"]) for each in entries)
    except FqlError:
        return None
