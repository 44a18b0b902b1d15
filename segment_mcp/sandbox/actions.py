"""Subscriptions of a destination's actions at work: which of them an event triggers, and the payload each makes of it.

Facts are of Segment's docs (connections/delivery-overview: triggers that nothing matches, mappings that are off) and
of segmentio/action-destinations: an invalid trigger matches nothing; null where a field does not allow it, and an empty
text, are nothing; a required field that has nothing stops the event. Only actions of the platform `CLOUD` run on
Segment's servers, and a subscription to a Reverse ETL model is about its rows, not about events.

Choices of ours: what a mapping leaves out is not filled in with the field's default, which is there for whoever makes a
mapping in the app; types of values are not checked.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from segment_mcp import fql, mappings

Message = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Subscription:
    """One that is enabled and can be triggered.

    Attributes:
        action_id: of its action.
        mapping: as the Public API has it.
        required: keys of the fields that the action can't do without.
        nullable: those of them that may be null.
    """

    id: str
    action_id: str
    trigger: fql.Query
    mapping: Mapping[str, Any]
    required: frozenset[str]
    nullable: frozenset[str]

    def payload(self, message: Message) -> Mapping[str, Any] | None:
        """The payload that leaves; None if the mapping can't be rendered, or a required field has nothing."""
        try:
            made = mappings.resolve(self.mapping, message)
        except mappings.MappingError:
            return None
        return made if isinstance(made, dict) and all(self._has(made, name) for name in self.required) else None

    def _has(self, made: Mapping[str, Any], name: str) -> bool:
        value = made.get(name, "")
        return value != "" and (value is not None or name in self.nullable)


def compiled(entry: Mapping[str, Any], action: Mapping[str, Any]) -> Subscription | None:
    """A subscription to an action, both as the Public API has them; None if no event can trigger it."""
    if not entry["enabled"] or "modelId" in entry or action["platform"] != "CLOUD":
        return None
    try:
        trigger = fql.parse(entry["trigger"])
    except fql.FqlError:
        return None
    required = [field for field in action["fields"] if field["required"]]
    return Subscription(
        entry["id"],
        action["id"],
        trigger,
        entry["settings"],
        frozenset(field["fieldKey"] for field in required),
        frozenset(field["fieldKey"] for field in required if field["allowNull"]),
    )
