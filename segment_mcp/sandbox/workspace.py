"""What a workspace holds: sources, destinations, warehouses, labels, tracking plans; and how it changes.

Entries are frozen and replaced as a whole. Their `answer` is what the Public API shows of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

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
        answer: the entry as the Public API shows it.
        source_id: the one source that feeds it.
        enabled: whether it takes events.
        cloud: whether Segment's servers deliver to it; otherwise only the browser does, unseen by Segment.
        names: what an event's `integrations` may call it, spelled exactly so; today's name first.
        latency: milliseconds that a delivery takes; the sandbox's deliveries all take as long.
    """

    answer: Mapping[str, Any]
    source_id: str
    enabled: bool
    cloud: bool
    names: tuple[str, ...]
    latency: int = 180

    @property
    def id(self) -> str:
        """The instance's ID, not its metadata's."""
        return str(self.answer["id"])


@dataclass(frozen=True, slots=True)
class TrackingPlan:
    """A plan as the Public API shows it, and its rules."""

    answer: Mapping[str, Any]
    rules: tuple[Mapping[str, Any], ...]


@dataclass(slots=True)
class Workspace:
    """One workspace, and every change that the sandbox makes to it.

    Attributes:
        info: `{id, slug, name}`.
        connections: which source feeds which warehouse, as pairs of IDs.
    """

    info: Mapping[str, str]
    labels: dict[LabelKey, Mapping[str, str]]
    sources: dict[str, Source]
    destinations: dict[str, Destination]
    warehouses: dict[str, Mapping[str, Any]]
    connections: frozenset[tuple[str, str]]
    tracking_plans: dict[str, TrackingPlan]
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
        """Take the place of the source with that ID."""
        for key in self.sources[source.id].write_keys:
            del self._owners[key]
        self.sources[source.id] = source
        self._owners.update(dict.fromkeys(source.write_keys, source.id))

    def delete_source(self, source_id: str) -> None:
        """Remove a source with its write keys, its destinations and its warehouse connections.

        A destination names exactly one source and is nothing without it, so it goes too; warehouses and
        tracking plans stand on their own and stay. Segment's reference does not spell this out.
        """
        self.put_source(replace(self.sources[source_id], write_keys=()))
        del self.sources[source_id]
        self.destinations = {key: each for key, each in self.destinations.items() if each.source_id != source_id}
        self.connections = frozenset(pair for pair in self.connections if pair[0] != source_id)

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
