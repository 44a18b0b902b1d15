"""What Unify knows of one person or account: traits, external IDs, track events, links, and how old the profile is.

Events are those of the last 14 days, without their context. Segment never tells consent preferences here. Traits are
read whole, or by name: without a limit Segment answers ten of them and says nothing of the others.
Source: unify/profile-api and unify/profile-api-limits of Segment's documentation.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import anyio

from segment_mcp.errors import InvalidArguments, NotConfigured, NotFound, SegmentMcpError
from segment_mcp.operations import get
from segment_mcp.ports import Bounds, Data
from segment_mcp.questions.personal import Mask
from segment_mcp.questions.reading import Listed, Reading, gap_of
from segment_mcp.redact import MASK, clean

ACCOUNT_ID = "group_id"
"""The type of ID that leads to an account; all others lead to a user."""

_METADATA = "getProfileMetadata"
_FINAL = (NotFound, NotConfigured, InvalidArguments)
"""Failures after which nothing else is worth telling."""
_SPELLING_SECONDS = 3.0
_TRAITS = Bounds(items=2_000, pages=10)
_IDS = Bounds(items=1_000, pages=10)
"""Segment keeps no more identifiers of one profile than these."""
_LINKS = Bounds(items=200, pages=10)
_OF_AN_EVENT = ("event", "type", "timestamp", "message_id", "source_id", "properties")
_TYPES_TOLD = 5


@dataclass(frozen=True, slots=True)
class ProfileOrder:
    """Whose profile is wanted, and how much of it.

    Attributes:
        id_type: such as `user_id`.
        id: the ID.
        include: names of traits; empty: all.
        events: how many of the newest.
        reveal: show personal data unmasked.
    """

    id_type: str
    id: str = field(repr=False)
    include: Sequence[str] = ()
    events: int = 20
    reveal: bool = False


@dataclass(slots=True)
class _Found:
    """What was read, and the failures that are more than a gap, the metadata's first.

    Attributes:
        metadata: None if it could not be read.
        lists: `traits`, `externalIds`, `links` and `events`, as far as they could be.
    """

    metadata: Data | None = None
    lists: dict[str, Listed] = field(default_factory=dict)
    failures: list[SegmentMcpError] = field(default_factory=list)


async def ask(reading: Reading, order: ProfileOrder) -> Data:
    """The profile.

    Args:
        reading: over the Profile API.
        order: whose.

    Returns:
        `{summary, profile: {collection, idType, id, segmentId?}, metadata, traits, absent?, externalIds, links,
        events?}` and what every question answers. What could not be read is None.

    Raises:
        NotFound: the space has no such profile.
        NotConfigured: no token, or no space.
        InvalidArguments: the ID can't be asked for.
        SegmentMcpError: nothing of it could be read; why, as the first call told it.
    """
    lowered: dict[str, Any] = {
        "collection": "accounts" if order.id_type.lower() == ACCOUNT_ID else "users",
        "identifier": f"{order.id_type}:{order.id}",
    }
    who = await _spelled(reading, lowered, order)
    found = await _read(reading, who, order)
    final = next((each for each in found.failures if isinstance(each, _FINAL)), None)
    if final is not None:
        raise final
    if found.failures and not found.lists:
        if any(gap.code == "not_found" for gap in reading.gaps):
            raise NotFound("The space knows no such profile.", host="Segment", status=404)
        raise found.failures[0]
    return _answer(reading, order, lowered["collection"], found)


async def _spelled(reading: Reading, who: dict[str, Any], order: ProfileOrder) -> dict[str, Any]:
    """The arguments that lead to the profile.

    Segment says that only lower case is found, and shows IDs with capitals in its own examples: one that is not found
    in lower case is asked for as it is spelled.
    """
    if order.id == order.id.lower():
        return who
    with anyio.move_on_after(_SPELLING_SECONDS):
        try:
            await reading.need(_METADATA, who)
        except NotFound:
            return {**who, "exact": True}
        except SegmentMcpError:
            return who  # the reading itself tells why
    return who


async def _read(reading: Reading, who: Mapping[str, Any], order: ProfileOrder) -> _Found:
    """Everything, side by side."""
    found = _Found()
    lists: list[tuple[str, str, Mapping[str, Any], Bounds]] = [
        ("traits", "getProfileTraits", {**who, "include": list(order.include) or None}, _TRAITS),
        ("externalIds", "getProfileExternalIds", who, _IDS),
        ("links", "getProfileLinks", who, _LINKS),
    ]
    if order.events:
        lists.append(("events", "getProfileEvents", {**who, "sort": "desc"}, Bounds(items=order.events)))

    async def metadata() -> None:
        try:
            found.metadata = (await reading.need(_METADATA, who))["metadata"]
        except SegmentMcpError as error:
            found.failures.insert(0, error)
            reading.note(gap_of(get(_METADATA), error, "", in_time=bool(reading.remaining())))

    async def listed(part: str, operation: str, asked: Mapping[str, Any], bounds: Bounds) -> None:
        try:
            read = await reading.list(operation, asked, bounds=bounds)
        except SegmentMcpError as error:
            found.failures.append(error)
        else:
            found.lists |= {} if read is None else {part: read}

    async with anyio.create_task_group() as group:
        group.start_soon(metadata)
        for each in lists:
            group.start_soon(listed, *each)
    return found


def _answer(reading: Reading, order: ProfileOrder, collection: str, found: _Found) -> Data:
    traits, ids, links, newest = map(found.lists.get, ("traits", "externalIds", "links", "events"))
    knows_ids = ids is not None and ids.complete
    mask = None if order.reveal else Mask([order.id, *_identifiers(found.lists)], are_all=knows_ids)
    segment_id = next((part.beside["segmentId"] for part in found.lists.values() if "segmentId" in part.beside), None)
    events = None if newest is None else _events(newest.items[: order.events], mask)
    body: Data = {
        "profile": {
            "collection": collection,
            "idType": order.id_type,
            "id": order.id if mask is None else MASK,
            **({} if segment_id is None else {"segmentId": segment_id}),
        },
        "metadata": found.metadata,
        "traits": None if traits is None else _traits(traits.items, mask),
        **_absent(traits, order.include),
        "externalIds": None if ids is None else _ids(ids.items, mask),
        "links": None if links is None else _links(links.items, mask),
        **({"events": events} if order.events else {}),
    }
    told = [_summary(order, collection, found.lists)]
    if order.events:
        told.append(_newest(events))
    if mask is not None:
        also = "" if knows_ids else ", and so is every text and number, as any may be an ID that could not be read"
        told.append(f"Personal data is masked{also}.")
    return reading.answer(" ".join(told), body)


def _identifiers(lists: Mapping[str, Listed]) -> list[str]:
    """Every value that is known to lead to this profile, or to one that is linked with it."""
    named = [*(lists["externalIds"].items if "externalIds" in lists else ())]
    for link in _objects(lists["links"].items) if "links" in lists else ():
        named += _objects(link.get("external_ids"))
    return [str(each["id"]) for each in _objects(named) if isinstance(each.get("id"), str | int)]


def _objects(listed: Any) -> list[Data]:
    return [each for each in listed if isinstance(each, dict)] if isinstance(listed, list | tuple) else []


def _traits(listed: Sequence[Any], mask: Mask | None) -> Data:
    traits = dict(listed)
    return traits if mask is None else mask.traits(traits)


def _absent(listed: Listed | None, include: Sequence[str]) -> Data:
    """`{absent}`: traits that were asked for by name and are not there."""
    if listed is None or not listed.complete:
        return {}
    there = dict(listed.items)
    names = [name for name in include if name not in there]
    return {"absent": names} if names else {}


def _ids(listed: Any, mask: Mask | None) -> list[Data]:
    return [each if mask is None else {**each, "id": MASK} for each in _objects(listed)]


def _links(listed: Any, mask: Mask | None) -> list[Data]:
    return [{**link, "external_ids": _ids(link.get("external_ids"), mask)} for link in _objects(listed)]


def _events(listed: Any, mask: Mask | None) -> list[Data]:
    told = [{name: event[name] for name in _OF_AN_EVENT if name in event} for event in _objects(listed)]
    return told if mask is None else [_masked(event, mask) for event in told]


def _masked(event: Data, mask: Mask) -> Data:
    """An event without personal data; what Segment itself says of it stays, unless it is a known ID."""
    return {
        name: mask.text(value) if isinstance(value, str) else mask.data({name: value})[name]
        for name, value in event.items()
    }


def _summary(order: ProfileOrder, collection: str, lists: Mapping[str, Listed]) -> str:
    subject = "account" if collection == "accounts" else "user"
    traits = _counted(lists.get("traits"), "trait")
    if order.include:
        traits = f"{traits} of the {len(order.include)} that were asked for"
    ids = _counted(lists.get("externalIds"), "external ID") + _types(lists.get("externalIds"))
    return f"The {subject}'s profile has {traits}, {ids} and {_counted(lists.get('links'), 'link')}."


def _counted(listed: Listed | None, what: str) -> str:
    """How many, as far as it is known."""
    if listed is None:
        return f"an unknown number of {what}s"
    count = len(listed.items)
    return f"{'' if listed.complete else 'at least '}{count} {what}{'' if count == 1 else 's'}"


def _types(listed: Listed | None) -> str:
    """What types of ID there are, the most frequent first."""
    counts = Counter(clean(str(each.get("type")), 40) for each in _objects(listed.items if listed else []))
    told = [kind if count == 1 else f"{count} {kind}" for kind, count in counts.most_common(_TYPES_TOLD)]
    return f" ({', '.join([*told, '...'] if len(counts) > _TYPES_TOLD else told)})" if told else ""


def _newest(events: Sequence[Data] | None) -> str:
    if events is None:
        return "Its events could not be read."
    if not events:
        return "It has no track event of the last 14 days."
    name, at = (clean(str(events[0].get(member)), 80) for member in ("event", "timestamp"))
    return f"Its newest track event is {name}, at {at}."
