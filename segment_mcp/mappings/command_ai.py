"""What Command AI's webhook records from a payload that Segment's Webhooks destination sends it.

The one source is Command AI's help page on its Segment integration (section on the Webhook destination). Command AI
is called CommandBar in Segment's catalogue.
"""

from dataclasses import dataclass, field
from typing import Any

PREFIX = "user_property."
"""A key that begins so, at the top of the payload of any event, makes a user property of the rest of its name."""
EVENT_FIELD = "user_property_event"
"""The key whose value, an event's name, becomes a user property that is true."""


@dataclass(frozen=True, slots=True)
class UserProperties:
    """What one payload leaves behind.

    Attributes:
        ignored: why nothing at all is recorded, in a sentence; None if the payload is taken.
        properties: the user properties by name; empty for a payload that is taken and holds none.
    """

    ignored: str | None = None
    properties: dict[str, Any] = field(default_factory=dict)


def user_properties(payload: Any) -> UserProperties:
    """The user properties that Command AI records from one payload of its webhook.

    The page says: all fields within `traits` of an identify event are recorded; a `user_property.` field of any
    event makes a user property; `user_property_event` makes one that is true, named as the field's value; and what
    includes no `userId` is ignored. Where it is silent, nothing is claimed:

    - an event is an identify only if the payload says so in its `type`: a mapping that drops `type` loses `traits`;
    - `userId` is included if it is a number or a string that is not blank, at the payload's top;
    - prefixes are looked for at the payload's top only, and a prefix with no name after it makes nothing;
    - an event's name is a string that is not blank; anything else makes nothing;
    - values are recorded as they come, `null` and objects too;
    - of one name twice, the prefixed field goes before the trait, and the event's name before both;
    - a list of payloads, as a batching subscription sends them, is no payload.
    """
    if not isinstance(payload, dict):
        return UserProperties("The payload is no object, so it has no userId; map each event to an object with one.")
    if not _identifies(payload.get("userId")):
        return UserProperties("The payload has no userId, so Command AI ignores it; map userId to $.userId.")
    traits = payload.get("traits") if payload.get("type") == "identify" else None
    properties = dict(traits) if isinstance(traits, dict) else {}
    for key, value in payload.items():
        if key.startswith(PREFIX) and key != PREFIX:
            properties[key.removeprefix(PREFIX)] = value
    name = payload.get(EVENT_FIELD)
    if isinstance(name, str) and name.strip():
        properties[name] = True
    return UserProperties(properties=properties)


def _identifies(user_id: Any) -> bool:
    if isinstance(user_id, str):
        return bool(user_id.strip())
    return isinstance(user_id, int | float) and not isinstance(user_id, bool)
