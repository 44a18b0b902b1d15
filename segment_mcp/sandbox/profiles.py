"""What Unify makes of events: profiles of users and accounts, found by their identifiers and merged where these meet.

Every accepted event names identifiers; a profile that has any of them is the event's own, several such profiles become
one, and where there is none one is made. Documented rules (unify/identity-resolution, unify/profile-api-limits): one
`user_id` and five identifiers of any other type for a profile; what would break that is tried again without the
identifier of the lowest priority (`user_id`, `email`, then by the alphabet); suggested values are blocked; identifiers
are kept in lower case; at most 100 merges and 1,000 identifiers a profile; 14 days of track events.

Choices where Segment's documentation is silent: `alias` merges whatever the limits say, and an unknown `previousId`
becomes an `anonymous_id`; a trait that is null goes away; traits come from identify and group calls only; no audience
and no computed trait is worked out, the seeded ones stay as they are.

Memory is bounded: the 5,000 profiles that were touched last, each with no more than 1,000 traits, and the 5,000 newest
track events, of a profile or not.
"""

import json
import re
from base64 import b64encode
from bisect import insort
from collections import Counter, OrderedDict, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from hashlib import blake2b
from importlib.resources import files
from itertools import chain, count
from typing import Any, Literal, NamedTuple

Collection = Literal["users", "accounts"]
Kind = Literal["custom", "audience", "computed_trait"]
Key = tuple[str, str]
"""Type and value of an identifier, in lower case."""

MAX_PROFILES = 5_000
MAX_EVENTS = 5_000
MAX_TRAITS = 1_000
MAX_MERGES = 100
MAX_IDENTIFIERS = 1_000
LOOKBACK = timedelta(days=14)

_TOO_MANY_MEMBERS = 300
_LONGEST_GROUP_ID = 500
_LONGEST_MESSAGE_ID = 100
_LIMITS = {"user_id": 1}
_LIMIT = 5
_FIRST = {"user_id": 0, "email": 1}
_BLOCKED = re.compile(r"[0-]*|-1|null|anonymous", re.IGNORECASE)
_PREFIX: Mapping[Collection, str] = {"users": "use_", "accounts": "acc_"}
_DEVICES = frozenset({"android", "ios"})


class Arrival(NamedTuple):
    """How an event came: its source, its message, when it was received, and when it happened."""

    source_id: str
    message_id: str
    received: datetime
    timestamp: datetime


class ExternalId(NamedTuple):
    """An identifier of a profile.

    Attributes:
        mapping: names that it belongs to the profile.
        created: when an event first had it, as `message_id` and `source_id` tell which.
    """

    mapping: str
    type: str
    id: str
    collection: Collection
    source_id: str
    created: datetime
    message_id: str


class Trait(NamedTuple):
    """A trait's value, and where it comes from."""

    value: Any
    source_id: str
    updated: datetime
    kind: Kind = "custom"


class TrackEvent(NamedTuple):
    """A track event of a profile; `identifiers` are those that it named."""

    timestamp: datetime
    message_id: str
    profile_id: str
    source_id: str
    event: str
    properties: Mapping[str, Any]
    context: Mapping[str, Any]
    identifiers: tuple[Key, ...]


@dataclass(slots=True)
class Profile:
    """One user, or one account.

    Attributes:
        id: Segment's own.
        first, last: the events that made it and changed it last.
        external_ids: by type and value, the oldest first.
        links: when it was linked with each profile of the other collection, by that one's ID.
        former: IDs of the profiles that were merged into it.
    """

    id: str
    collection: Collection
    first: Arrival
    last: Arrival
    traits: dict[str, Trait] = field(default_factory=dict)
    external_ids: dict[Key, ExternalId] = field(default_factory=dict)
    links: dict[str, datetime] = field(default_factory=dict)
    former: set[str] = field(default_factory=set)


class Profiles:
    """The profiles of one space.

    Args:
        ids: of the first profiles, in the order in which they are made.
    """

    def __init__(self, ids: Iterable[str] = ()) -> None:
        self._ids = chain(ids, (None for _ in count()))
        self._number = count(1)
        self._profiles: OrderedDict[str, Profile] = OrderedDict()
        self._owners: dict[tuple[Collection, Key], Profile] = {}
        self._events: deque[TrackEvent] = deque(maxlen=MAX_EVENTS)

    def take(self, event: Mapping[str, Any], arrival: Arrival) -> None:
        """Make of an accepted event what Unify makes of it; what Unify drops silently is dropped."""
        if _is_dropped(event, arrival):
            return
        if event["type"] == "alias":
            self._alias(event, arrival)
            return
        keys = identifiers_of(event)
        if not keys:
            return
        user = self._resolve("users", keys, arrival)
        match event["type"]:
            case "identify":
                _set_traits(user, event.get("traits"), arrival)
            case "track":
                self._keep(event, arrival, user, keys)
            case "group":
                self._group(user, event, arrival)

    def mark(self, profile: Profile, traits: Mapping[str, Any], kind: Kind, source_id: str) -> None:
        """Give a profile audiences or computed traits."""
        updated = profile.last.received
        profile.traits.update({name: Trait(value, source_id, updated, kind) for name, value in traits.items()})

    def find(self, collection: Collection, identifier: str) -> Profile | None:
        """The profile that `user_id:u-1`, or Segment's own ID, names. Capitals of an identifier are never found."""
        own = self._profiles.get(identifier)
        if own is not None:
            return own if own.collection == collection else None
        kind, _, value = identifier.partition(":")
        return self._owners.get((collection, (kind, value)))

    def of_id(self, profile_id: str) -> Profile | None:
        """The profile with Segment's own ID."""
        return self._profiles.get(profile_id)

    def events(self, profile: Profile, now: datetime) -> list[TrackEvent]:
        """Its track events of the last 14 days, the oldest first."""
        own = {profile.id, *profile.former}
        found: list[TrackEvent] = []
        for event in self._events:
            if event.profile_id in own and event.timestamp >= now - LOOKBACK:
                insort(found, event, key=lambda each: (each.timestamp, each.message_id))
        return found

    def _keep(self, event: Mapping[str, Any], arrival: Arrival, user: Profile, keys: Sequence[Key]) -> None:
        properties, context = (event.get(name) for name in ("properties", "context"))
        self._events.append(
            TrackEvent(
                arrival.timestamp,
                arrival.message_id,
                user.id,
                arrival.source_id,
                event["event"],
                properties if isinstance(properties, dict) else {},
                context if isinstance(context, dict) else {},
                tuple(keys),
            )
        )

    def _group(self, user: Profile, event: Mapping[str, Any], arrival: Arrival) -> None:
        group_id = event["groupId"].lower()
        if len(group_id) > _LONGEST_GROUP_ID or _BLOCKED.fullmatch(group_id):
            return
        account = self._resolve("accounts", [("group_id", group_id)], arrival)
        _set_traits(account, event.get("traits"), arrival)
        user.links.setdefault(account.id, arrival.received)
        account.links.setdefault(user.id, arrival.received)

    def _alias(self, event: Mapping[str, Any], arrival: Arrival) -> None:
        current, previous = (event[name].lower() for name in ("userId", "previousId"))
        if _BLOCKED.fullmatch(current) or _BLOCKED.fullmatch(previous):
            return
        user = self._resolve("users", [("user_id", current)], arrival)
        keys: list[Key] = [("user_id", previous), ("anonymous_id", previous)]
        owners = [self._owners[("users", key)] for key in keys if ("users", key) in self._owners]
        if not owners:
            self._add(user, [keys[1]], arrival)
        for other in owners:
            if other is not user:
                user = self._merge([user, other])

    def _resolve(self, collection: Collection, keys: Sequence[Key], arrival: Arrival) -> Profile:
        """The profile that the identifiers lead to: found, merged or made."""
        usable = list(keys)
        owners = self._owners_of(collection, usable)
        while not _fit(owners, usable):
            usable.pop()
            owners = self._owners_of(collection, usable)
        profile = self._merge(owners) if owners else self._make(collection, arrival)
        self._add(profile, usable, arrival)
        profile.last = arrival
        self._profiles.move_to_end(profile.id)  # the last one touched is the last one forgotten
        return profile

    def _owners_of(self, collection: Collection, keys: Iterable[Key]) -> list[Profile]:
        owned = (self._owners.get((collection, key)) for key in keys)
        return list({each.id: each for each in owned if each is not None}.values())

    def _make(self, collection: Collection, arrival: Arrival) -> Profile:
        made = Profile(next(self._ids) or self._new_id(_PREFIX[collection]), collection, arrival, arrival)
        self._profiles[made.id] = made
        if len(self._profiles) > MAX_PROFILES:
            self._forget(next(iter(self._profiles.values())))
        return made

    def _add(self, profile: Profile, keys: Iterable[Key], arrival: Arrival) -> None:
        for key in keys:
            if key not in profile.external_ids and len(profile.external_ids) < MAX_IDENTIFIERS:
                mapping = self._new_id("map_")
                profile.external_ids[key] = ExternalId(
                    mapping, *key, profile.collection, arrival.source_id, arrival.received, arrival.message_id
                )
                self._owners[(profile.collection, key)] = profile

    def _merge(self, profiles: Sequence[Profile]) -> Profile:
        """One profile of several: the oldest stays, and of each trait the newest value."""
        stays, *others = sorted(profiles, key=lambda each: each.first.received)
        for other in others:
            for name, trait in other.traits.items():
                if name not in stays.traits or stays.traits[name].updated < trait.updated:
                    stays.traits[name] = trait
            for key, external_id in other.external_ids.items():
                stays.external_ids.setdefault(key, external_id)
                self._owners[(stays.collection, key)] = stays
            for linked, moment in other.links.items():
                stays.links.setdefault(linked, moment)
                self._profiles[linked].links.pop(other.id)
                self._profiles[linked].links.setdefault(stays.id, moment)
            stays.last = max(stays.last, other.last, key=lambda each: each.received)
            stays.former |= {other.id, *other.former}
            del self._profiles[other.id]
        return stays

    def _forget(self, profile: Profile) -> None:
        del self._profiles[profile.id]
        for key in profile.external_ids:
            del self._owners[(profile.collection, key)]
        for linked in profile.links:
            self._profiles[linked].links.pop(profile.id)

    def _new_id(self, prefix: str) -> str:
        """An ID that looks like Segment's, and is the same in every run."""
        digest = blake2b(str(next(self._number)).encode(), digest_size=20).digest()
        return prefix + b64encode(digest, altchars=b"Zz").decode().rstrip("=")


def identifiers_of(event: Mapping[str, Any]) -> list[Key]:
    """The identifiers of a user that an event names, the one of the highest priority first."""
    found = {
        (kind, value.lower()): None
        for kind, value in _named(event)
        if isinstance(value, str) and value and not _BLOCKED.fullmatch(value)
    }
    return sorted(found, key=lambda key: (_FIRST.get(key[0], len(_FIRST)), key))


def _named(event: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    yield "user_id", event.get("userId")
    yield "anonymous_id", event.get("anonymousId")
    context = _object(event.get("context"))
    if event["type"] == "identify":
        yield "email", _object(event.get("traits")).get("email")
    if not context:
        return
    yield "email", _object(context.get("traits")).get("email")
    device = _object(context.get("device"))
    kind = device.get("type")
    if kind in _DEVICES:
        yield f"{kind}.id", device.get("id")
        yield f"{kind}.push_token", device.get("token")
        if device.get("adTrackingEnabled") is True:
            yield f"{kind}.idfa", device.get("advertisingId")
    listed = context.get("externalIds")
    for each in listed if isinstance(listed, list) else []:
        match each:
            case {"type": str(named), "id": value, "collection": "users", "encoding": "none"}:
                yield named.lower(), value


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _is_dropped(event: Mapping[str, Any], arrival: Arrival) -> bool:
    members = max(len(_object(event.get(name))) for name in ("traits", "properties"))
    return members >= _TOO_MANY_MEMBERS or len(arrival.message_id) > _LONGEST_MESSAGE_ID


def _fit(owners: Sequence[Profile], keys: Sequence[Key]) -> bool:
    """Whether one profile may have all that these have, and the identifiers besides."""
    if len(owners) == 1 and all(key in owners[0].external_ids for key in keys):
        return True
    if not owners and len({kind for kind, _ in keys}) == len(keys):
        return True
    together = Counter(kind for kind, _ in {*keys, *chain.from_iterable(each.external_ids for each in owners)})
    before = [Counter(kind for kind, _ in each.external_ids) for each in owners]
    merges = sum(len(each.former) for each in owners) + len(owners) - 1
    return merges <= MAX_MERGES and all(
        number <= max(_LIMITS.get(kind, _LIMIT), *(counted[kind] for counted in before), 0)
        for kind, number in together.items()
    )


def _set_traits(profile: Profile, traits: Any, arrival: Arrival) -> None:
    for name, value in _object(traits).items():
        if value is None:
            profile.traits.pop(name, None)
        elif name in profile.traits or len(profile.traits) < MAX_TRAITS:
            profile.traits[name] = Trait(value, arrival.source_id, arrival.received)


@cache
def _seeds() -> Mapping[str, Any]:
    text = files("segment_mcp.sandbox").joinpath("profiles.json").read_text(encoding="utf-8")
    loaded: Mapping[str, Any] = json.loads(text)
    return loaded


def seeded(now: datetime) -> Profiles:
    """The profiles that the events of `profiles.json` make: some people and accounts of the example shop."""
    seeds = _seeds()
    profiles = Profiles(seeds["ids"])
    for number, (hours_ago, source_id, event) in enumerate(seeds["events"]):
        moment = now - timedelta(hours=hours_ago)
        profiles.take(event, Arrival(source_id, f"seed-{number:04}", moment, moment))
    for each in seeds["marks"]:
        marked = profiles.of_id(each["profile"])
        assert marked is not None, each
        profiles.mark(marked, each["traits"], each["kind"], each["sourceId"])
    return profiles
