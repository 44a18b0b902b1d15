"""What a workspace holds: sources, destinations, warehouses, labels; and how it changes.

Entries are frozen and replaced as a whole. Their `answer` is what the Public API shows of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, NamedTuple

from segment_mcp.sandbox.settings import masked

LabelKey = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Source:
    """Where events come from.

    Attributes:
        labels: keys and values of workspace labels.
        keyed: whether clients send to it; Segment fetches the data of others from another cloud, and those
            have no write keys.
        schema_settings: as listSchemaSettingsInSource answers them.
    """

    id: str
    slug: str
    name: str
    metadata: Mapping[str, Any]
    enabled: bool
    keyed: bool
    write_keys: tuple[str, ...]
    settings: Mapping[str, Any]
    labels: tuple[LabelKey, ...]
    tracking_plan_id: str | None
    schema_settings: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Destination:
    """Where events go.

    Attributes:
        id: the instance's, not its metadata's.
        name: None where it was given none.
        enabled: whether it takes events.
        source_id: the one source that feeds it.
        settings: as they were written, secrets included.
        latency: milliseconds that a delivery takes; the sandbox's deliveries all take as long.
        refuses: the code with which it refuses all that it is sent, until its settings change; empty: it takes it.
    """

    id: str
    name: str | None
    enabled: bool
    metadata: Mapping[str, Any]
    source_id: str
    settings: Mapping[str, Any]
    latency: int = 180
    refuses: str = ""

    @property
    def answer(self) -> dict[str, Any]:
        """The entry as the Public API shows it."""
        return {
            "id": self.id,
            **({} if self.name is None else {"name": self.name}),
            "enabled": self.enabled,
            "sourceId": self.source_id,
            "settings": masked(self.settings, self.metadata),
            "metadata": self.metadata,
        }

    @property
    def cloud(self) -> bool:
        """Whether Segment's servers deliver to it; otherwise only the browser does, unseen by Segment."""
        return bool(self.metadata["supportedPlatforms"].get("server"))

    @property
    def names(self) -> tuple[str, ...]:
        """What an event's `integrations` may call it, spelled exactly so; today's name first."""
        return (self.metadata["name"], *self.metadata["previousNames"])


@dataclass(frozen=True, slots=True)
class Warehouse:
    """Where Segment keeps what the sources sent.

    Attributes:
        enabled: whether it takes data.
        settings: as they were written, secrets and the warehouse's own name included.
    """

    id: str
    enabled: bool
    metadata: Mapping[str, Any]
    settings: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Its own, or else its kind's."""
        return str(self.settings.get("name") or self.metadata["name"])


class Selection(NamedTuple):
    """What a choice of selective sync is about: a property of a collection, a collection, or a whole source."""

    warehouse_id: str
    source_id: str
    collection: str | None = None
    property: str | None = None


@dataclass(slots=True)
class Workspace:
    """One workspace, and every change that the sandbox makes to it.

    Attributes:
        info: `{id, slug, name}`.
        subscriptions: of destinations to events, by ID, as the Public API shows them.
        filters: of destinations, by ID, as the Public API shows them.
        connections: which source feeds which warehouse, as pairs of IDs, and since when.
        schedules: advanced sync schedules by warehouse, as the Public API shows them.
        selections: what of a source goes into a warehouse, and what does not; what nobody chose goes.
    """

    info: Mapping[str, str]
    labels: dict[LabelKey, Mapping[str, str]]
    sources: dict[str, Source]
    destinations: dict[str, Destination]
    subscriptions: dict[str, Mapping[str, Any]]
    filters: dict[str, Mapping[str, Any]]
    warehouses: dict[str, Warehouse]
    connections: dict[tuple[str, str], datetime]
    schedules: dict[str, Mapping[str, Any]]
    selections: dict[Selection, bool]
    _owners: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self._owners = {key: source.id for source in self.sources.values() for key in source.write_keys}

    def source_of(self, write_key: str) -> Source | None:
        """The source that a write key belongs to."""
        owner = self._owners.get(write_key)
        return None if owner is None else self.sources[owner]

    def cloud_destinations(self, source_id: str) -> list[Destination]:
        """The enabled destinations that Segment's servers deliver a source's events to."""
        return [
            destination
            for destination in self.destinations.values()
            if destination.source_id == source_id and destination.enabled and destination.cloud
        ]

    def put_source(self, source: Source) -> None:
        """Add a source, or take the place of the one with that ID."""
        for key in self.sources[source.id].write_keys if source.id in self.sources else ():
            del self._owners[key]
        self.sources[source.id] = source
        self._owners.update(dict.fromkeys(source.write_keys, source.id))

    def delete_source(self, source_id: str) -> None:
        """Remove a source with its write keys, its destinations and its warehouse connections.

        A destination names exactly one source and is nothing without it, so it goes too; warehouses and
        tracking plans stand on their own and stay. Another source no longer forwards to it. Segment's reference
        does not spell this out.
        """
        self.put_source(replace(self.sources[source_id], write_keys=()))
        del self.sources[source_id]
        for destination in [each for each in self.destinations.values() if each.source_id == source_id]:
            self.delete_destination(destination.id)
        for warehouse_id in self.warehouses:
            self.disconnect(source_id, warehouse_id)
        for source in self.sources.values():
            kept = {name: value for name, value in source.schema_settings.items() if value != source_id}
            if kept != source.schema_settings:
                self.sources[source.id] = replace(source, schema_settings=kept)

    def delete_destination(self, destination_id: str) -> None:
        """Remove a destination with its subscriptions and its filters."""
        del self.destinations[destination_id]
        self.subscriptions = _without(self.subscriptions, destination_id)
        self.filters = _without(self.filters, destination_id)

    def delete_warehouse(self, warehouse_id: str) -> None:
        """Remove a warehouse with its connections and its schedule."""
        for source_id in self.sources:
            self.disconnect(source_id, warehouse_id)
        self.schedules.pop(warehouse_id, None)
        del self.warehouses[warehouse_id]

    def disconnect(self, source_id: str, warehouse_id: str) -> None:
        """Remove a connection, if there is one, with what was chosen for it."""
        self.connections.pop((source_id, warehouse_id), None)
        self.selections = {
            key: chosen
            for key, chosen in self.selections.items()
            if (key.source_id, key.warehouse_id) != (source_id, warehouse_id)
        }

    def delete_label(self, key: LabelKey) -> None:
        """Remove a label, also from the sources that carry it."""
        del self.labels[key]
        for source in self.sources.values():
            if key in source.labels:
                self.sources[source.id] = replace(
                    source, labels=tuple(label for label in source.labels if label != key)
                )

    def source_answer(self, source: Source) -> dict[str, Any]:
        """The source as the Public API shows it, to a token with source admin: write keys included."""
        return {
            "id": source.id,
            "slug": source.slug,
            "name": source.name,
            "metadata": source.metadata,
            "workspaceId": self.info["id"],
            "enabled": source.enabled,
            "writeKeys": list(source.write_keys),
            "settings": source.settings,
            "labels": self.labels_of(source),
        }

    def labels_of(self, source: Source) -> list[Mapping[str, str]]:
        """The labels on a source, with the workspace's descriptions."""
        return [self.labels[key] for key in source.labels]

    def warehouse_answer(self, warehouse: Warehouse) -> dict[str, Any]:
        """The warehouse as the Public API shows it."""
        return {
            "id": warehouse.id,
            "metadata": warehouse.metadata,
            "workspaceId": self.info["id"],
            "enabled": warehouse.enabled,
            "settings": masked(warehouse.settings, warehouse.metadata),
        }


def _without(entries: Mapping[str, Mapping[str, Any]], destination_id: str) -> dict[str, Mapping[str, Any]]:
    return {key: entry for key, entry in entries.items() if entry["destinationId"] != destination_id}
