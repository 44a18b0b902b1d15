"""Segment's mapping directives: the payload that a destination's subscription makes of an event.

A mapping is JSON in which an object with one key that begins with `@` is a directive: it reads the event or
works on a value. All else is copied as it stands, keys too: `user_property.plan` stays one key with a dot in it.
The reference is mapping-kit in segmentio/action-destinations (packages/core/src/mapping-kit), which runs in
JavaScript; `tests/mappings/vectors.json` holds what it answered. Only the mapping is rendered: what an action does
with the payload afterwards (its fields' types, their defaults, `null` where a field forbids it) is not.

`@liquid` is checked and not rendered: Segment renders it with LiquidJS, which has no equal here.

A mapping is someone else's text, so it may cost only so much: see `limits`. Pure; nothing is kept.
"""

from segment_mcp.mappings.checking import Problem, problems
from segment_mcp.mappings.limits import MappingError
from segment_mcp.mappings.reading import paths
from segment_mcp.mappings.rendering import resolve

__all__ = ["MappingError", "Problem", "paths", "problems", "resolve"]
