"""For each operation that destroys, how its preview is read from Segment; the recipes stand in `families`."""

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from types import MappingProxyType
from typing import Any

from segment_mcp.consent.families import connections, outflows, people, protocols, spaces
from segment_mcp.consent.preview import Preview, digest_of
from segment_mcp.consent.reading import Part, Reader, Recipe, Sight, Step, Thing
from segment_mcp.operations import Operation
from segment_mcp.ports import Segment
from segment_mcp.redact import clean

RECIPES: Mapping[str, Recipe] = MappingProxyType(
    {**connections.RECIPES, **protocols.RECIPES, **people.RECIPES, **spaces.RECIPES, **outflows.RECIPES}
)

_LONGEST_TEXT = 300
_LONGEST_HEADING = 120


async def preview(operation: Operation, arguments: Mapping[str, Any], segment: Segment, now: datetime) -> Preview:
    """What the operation would do with these arguments, as far as reading tells.

    Args:
        operation: one that destroys.
        arguments: by Segment's names, checked.
        segment: the connection; it is only read from.
        now: the time, aware.

    Raises:
        UpstreamError: the thing itself is not there or can't be read: there is nothing to agree to. What hangs on it
            and can't be read is a gap of the preview instead.
        InvalidArguments: likewise, where it should stand in a list and does not.
    """
    recipe = RECIPES[operation.name]
    reader = Reader(segment, operation, arguments, now)
    thing = await recipe.look(reader)
    sight = recipe.show(thing, reader.said)
    parts = await _parts(reader, recipe.steps, thing)
    everything: list[Sight | Part] = [sight, *parts]
    facts = {heading: fact for each in everything for heading, fact in each.facts.items()}
    counts = {heading: count for each in everything for heading, count in each.counts.items()}
    return Preview(
        operation,
        sight.phrase,
        tidy(facts),
        tidy(counts),
        tuple(f"{what}: {why}" for what, why in sorted(reader.gaps.items())),
        sight.removes,
        digest_of([each.basis for each in everything]),
    )


async def _parts(reader: Reader, steps: tuple[Step, ...], thing: Thing) -> list[Part]:
    reader.be_patient()
    parts = await reader.together(
        [partial(reader.attempt, step.what, partial(step.read, reader, thing)) for step in steps]
    )
    return [part or Part() for part in parts]


def tidy(value: Any) -> Any:
    """A JSON value whose texts are somebody else's words: cleaned, in names as in values."""
    if isinstance(value, str):
        return clean(value, _LONGEST_TEXT)
    if isinstance(value, Mapping):
        return {clean(str(name), _LONGEST_HEADING): tidy(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [tidy(item) for item in value]
    return value
