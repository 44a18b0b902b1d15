"""Spaces and what Engage keeps in them: audiences and where they go, computed traits, who gets messages.

Entries are frozen and replaced as a whole. The sandbox has no profiles and runs no queries: sizes and samples are
those of `engage.json`, and an audience that was made here has no size.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from typing import Any, NamedTuple

EXTERNAL_IDS = ("user_id", "email", "android.idfa", "ios.idfa")  # documented as the default of audiences

_TRAIT = re.compile(r"""trait\(\s*(?:'([^']*)'|"([^"]*)")\s*\)""")

Contact = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Space:
    """A Unify space.

    Attributes:
        subscription_groups: their IDs by name.
        entities: slugs of what its data graph holds besides profiles.
        samples: what a preview shows: `{count, results}` by the type of what it counts.
    """

    id: str
    slug: str
    name: str
    subscription_groups: Mapping[str, str]
    entities: tuple[str, ...]
    samples: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a linked audience runs by itself; `schedules` reads the configuration."""

    id: str
    strategy: str
    config: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Audience:
    """A group of profiles, accounts or entities.

    Attributes:
        key: its name as a trait; it stays when the audience is renamed.
        type: `USERS`, `ACCOUNTS` or `LINKED`.
        definition: `{query, targetEntity?}`.
        created_by: ID of a user, as is `updated_by`.
        created_at: ISO 8601, as is `updated_at`.
        size: as getAudience answers it; None where it is not known.
    """

    id: str
    space_id: str
    key: str
    name: str
    description: str | None
    enabled: bool
    type: str
    definition: Mapping[str, Any]
    options: Mapping[str, Any]
    created_by: str
    updated_by: str
    created_at: str
    updated_at: str
    size: Mapping[str, Any] | None = None
    schedules: tuple[Schedule, ...] = ()

    @property
    def references(self) -> set[str]:
        """Keys of the traits, and so of the audiences, that its definition names."""
        return {single or double for single, double in _TRAIT.findall(self.definition["query"])}


@dataclass(frozen=True, slots=True)
class ComputedTrait:
    """What Unify works out about each profile or account; its attributes are those of an audience.

    Attributes:
        definition: `{query, type}`.
    """

    id: str
    space_id: str
    key: str
    name: str
    description: str | None
    enabled: bool
    definition: Mapping[str, Any]
    options: Mapping[str, Any]
    created_by: str
    updated_by: str
    created_at: str
    updated_at: str


@dataclass(frozen=True, slots=True)
class Connection:
    """That an audience can send to a destination.

    Attributes:
        id_sync: which identifiers it sends, as `idSyncConfiguration` spells them.
        settings: what the destination needs besides; None where nothing was said.
        created_at: ISO 8601, as is `updated_at`.
    """

    id: str
    audience_id: str
    destination_id: str
    id_sync: Sequence[Mapping[str, str]]
    settings: Any
    created_at: str
    updated_at: str


@dataclass(frozen=True, slots=True)
class Activation:
    """What an audience sends by a connection, and on which change.

    Attributes:
        personalization: as it is answered: at least `{profile: {properties}}`.
        mapping: `{actionId, settings?}`; None where nothing was said.
        resynced_at: when everybody was last sent again; None if they never were.
    """

    id: str
    connection_id: str
    type: str
    name: str
    enabled: bool
    personalization: Mapping[str, Any]
    mapping: Mapping[str, Any] | None
    resynced_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Preview:
    """A question who would belong to an audience, as it was asked."""

    id: str
    space_id: str
    type: str
    definition: Mapping[str, Any]
    options: Mapping[str, Any]
    created_at: datetime


class Standing(NamedTuple):
    """Whether somebody wants messages, and since when, in ISO 8601."""

    status: str
    since: str


@dataclass(frozen=True, slots=True)
class Subscription:
    """What somebody wants at one address or number: altogether, which may be unknown, and by group name."""

    overall: Standing | None
    groups: Mapping[str, Standing]


@dataclass(slots=True)
class Engage:
    """All spaces, and what is in them.

    Attributes:
        author: ID of the user whose token the sandbox's is: who makes and changes audiences.
        spaces: by ID, as is all that is in them.
        subscriptions: by space ID, type, and address in lower case or number.
    """

    author: str
    spaces: dict[str, Space]
    audiences: dict[str, Audience]
    traits: dict[str, ComputedTrait]
    connections: dict[str, Connection]
    activations: dict[str, Activation]
    subscriptions: dict[Contact, Subscription]
    previews: dict[str, Preview]

    def audiences_of(self, space_id: str) -> list[Audience]:
        """The audiences of a space, oldest first."""
        return [each for each in self.audiences.values() if each.space_id == space_id]

    def traits_of(self, space_id: str) -> list[ComputedTrait]:
        """The computed traits of a space, oldest first."""
        return [each for each in self.traits.values() if each.space_id == space_id]

    def activations_of(self, connection_id: str) -> list[Activation]:
        """The activations of a connection, oldest first."""
        return [each for each in self.activations.values() if each.connection_id == connection_id]

    def delete_audience(self, audience: Audience) -> None:
        """Remove an audience with its connections and their activations."""
        gone = {each.id for each in self.connections.values() if each.audience_id == audience.id}
        self.activations = {key: each for key, each in self.activations.items() if each.connection_id not in gone}
        self.connections = {key: each for key, each in self.connections.items() if key not in gone}
        del self.audiences[audience.id]

    def leads_back(self, audience: Audience) -> bool:
        """Whether its definition names the audience itself, or others that in the end do."""
        others = {each.key: each for each in self.audiences_of(audience.space_id) if each.id != audience.id}
        seen: set[str] = set()
        waiting = list(audience.references)
        while waiting:
            key = waiting.pop()
            if key == audience.key:
                return True
            if key in others and key not in seen:
                seen.add(key)
                waiting += others[key].references
        return False


def seeded() -> Engage:
    """The spaces that every sandbox starts with, from `engage.json`."""
    data = json.loads(files("segment_mcp.sandbox").joinpath("engage.json").read_text(encoding="utf-8"))
    return Engage(
        author=data["author"],
        spaces={each["id"]: _space(each) for each in data["spaces"]},
        audiences={each["id"]: _audience(each) for each in data["audiences"]},
        traits={each["id"]: _trait(each) for each in data["computedTraits"]},
        connections={each["id"]: _connection(each) for each in data["connections"]},
        activations={each["id"]: _activation(each) for each in data["activations"]},
        subscriptions={
            (each["spaceId"], each["type"], each["key"]): _subscription(each) for each in data["subscriptions"]
        },
        previews={each["id"]: _preview(each) for each in data["previews"]},
    )


def _preview(entry: Mapping[str, Any]) -> Preview:
    return Preview(
        id=entry["id"],
        space_id=entry["spaceId"],
        type=entry["audienceType"],
        definition=entry["definition"],
        options=entry["options"],
        created_at=datetime.fromisoformat(entry["createdAt"]),
    )


def _space(entry: Mapping[str, Any]) -> Space:
    return Space(
        id=entry["id"],
        slug=entry["slug"],
        name=entry["name"],
        subscription_groups=entry["subscriptionGroups"],
        entities=tuple(entry["entities"]),
        samples=entry["samples"],
    )


def _audience(entry: Mapping[str, Any]) -> Audience:
    return Audience(
        id=entry["id"],
        space_id=entry["spaceId"],
        key=entry["key"],
        name=entry["name"],
        description=entry.get("description"),
        enabled=entry["enabled"],
        type=entry["audienceType"],
        definition=entry["definition"],
        options=entry["options"],
        created_by=entry["createdBy"],
        updated_by=entry["createdBy"],
        created_at=entry["createdAt"],
        updated_at=entry["createdAt"],
        size=entry["size"],
        schedules=tuple(Schedule(each["id"], each["strategy"], each["config"]) for each in entry.get("schedules", ())),
    )


def _trait(entry: Mapping[str, Any]) -> ComputedTrait:
    return ComputedTrait(
        id=entry["id"],
        space_id=entry["spaceId"],
        key=entry["key"],
        name=entry["name"],
        description=entry["description"],
        enabled=entry["enabled"],
        definition=entry["definition"],
        options=entry["options"],
        created_by=entry["createdBy"],
        updated_by=entry["createdBy"],
        created_at=entry["createdAt"],
        updated_at=entry["createdAt"],
    )


def _connection(entry: Mapping[str, Any]) -> Connection:
    return Connection(
        id=entry["id"],
        audience_id=entry["audienceId"],
        destination_id=entry["destinationId"],
        id_sync=entry["idSyncConfiguration"],
        settings=None,
        created_at=entry["createdAt"],
        updated_at=entry["createdAt"],
    )


def _activation(entry: Mapping[str, Any]) -> Activation:
    return Activation(
        id=entry["id"],
        connection_id=entry["connectionId"],
        type=entry["activationType"],
        name=entry["activationName"],
        enabled=entry["enabled"],
        personalization=entry["personalization"],
        mapping=entry["destinationMapping"],
    )


def _subscription(entry: Mapping[str, Any]) -> Subscription:
    since = entry["updatedAt"]
    groups = {name: Standing(status, since) for name, status in entry["groups"].items()}
    return Subscription(Standing(entry["status"], since), groups)
