"""What could stand in a template's variable or a prompt's argument: IDs found by their beginning, or by a name."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import anyio

from segment_mcp.errors import SegmentMcpError
from segment_mcp.operations import OPERATIONS, get
from segment_mcp.ports import Bounds, Data, Imports, Reader, Segment

MOST_VALUES = 100
"""In one answer, as MCP allows."""
LIFETIME = 15.0
"""Seconds for which a list serves whoever types."""
BOUNDS = Bounds(seconds=4.0)
"""Of a walk that somebody who types waits for; what it found by then is offered."""
PATIENCE = 6.0
"""Seconds after which nothing is offered, whatever it waits for."""

LISTS: Mapping[str, str] = {
    "sourceId": "listSources",
    "destinationId": "listDestinations",
    "trackingPlanId": "listTrackingPlans",
}
"""The operation that lists what a variable names."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Something that could stand there.

    Attributes:
        value: what is filled in.
        names: by which a person may look for it, in lower case.
    """

    value: str
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Choices:
    """All that could stand there.

    Attributes:
        all: in the order of their list.
        more: whether there are others, which could not be read in time.
    """

    all: Sequence[Choice] = ()
    more: bool = False


@dataclass(frozen=True, slots=True)
class Completion:
    """What fits so far.

    Attributes:
        values: the best first, no more than `MOST_VALUES`.
        total: how many fit; None where that isn't known.
        more: whether others fit.
    """

    values: Sequence[str]
    total: int | None
    more: bool


def completion(choices: Choices, typed: str) -> Completion:
    """What fits what was typed: IDs that begin so, then names that do, then names that contain it.

    Args:
        choices: what there is.
        typed: so far, in any case of letters; nothing: everything fits.
    """
    wanted = typed.casefold()
    ranked = [(rank, choice.value) for choice in choices.all if (rank := _rank(choice, wanted)) is not None]
    fitting = [value for _, value in sorted(ranked, key=lambda pair: pair[0])]
    total = None if choices.more else len(fitting)
    return Completion(fitting[:MOST_VALUES], total, choices.more or len(fitting) > MOST_VALUES)


def _rank(choice: Choice, wanted: str) -> int | None:
    if choice.value.casefold().startswith(wanted):
        return 0
    if any(name.startswith(wanted) for name in choice.names):
        return 1
    return 2 if any(wanted in name for name in choice.names) else None


def choices_of(items: Iterable[Any]) -> list[Choice]:
    """The items of one of Segment's lists, found by name, slug or, where they have no name, by their type's."""
    return [
        Choice(item["id"], tuple(_names(item)))
        for item in items
        if isinstance(item, dict) and isinstance(item.get("id"), str)
    ]


def _names(item: Data) -> Iterable[str]:
    metadata = item.get("metadata")
    catalog = metadata.get("name") if isinstance(metadata, dict) else None
    return (name.casefold() for name in (item.get("name"), item.get("slug"), catalog) if isinstance(name, str))


@dataclass(slots=True)
class _Remembered:
    """A list, for a while.

    Attributes:
        one_at_a_time: who reads it; others wait for what they find.
        choices: what was found.
        until: when it is too old.
    """

    one_at_a_time: anyio.Lock
    choices: Choices
    until: float


class Completer:
    """Reads the lists behind completions, and keeps each for some seconds, per connection."""

    def __init__(self) -> None:
        self._remembered: dict[tuple[str, str], _Remembered] = {}

    def forget(self) -> None:
        """Something was changed: what is kept, and what is being read now, serves nobody from here on."""
        self._remembered.clear()

    async def choices(self, variable: str, connection: str, ports: Callable[[], Mapping[str, Any]]) -> Choices:
        """All that could stand in a variable; none where it is none of ours, or its list can't be read.

        Args:
            variable: its name, as in templates and tools.
            connection: in whose workspace.
            ports: makes the ports of this call, by name.
        """
        if variable == "operation":
            return Choices([_operation(name) for name, row in OPERATIONS.items() if row.api == "public"])
        if variable == "importId":
            return await _tried(_imports(ports()["imports"]))
        if variable not in LISTS:
            return Choices()
        reader: Reader = ports()["reader"]
        monotonic = reader.timing.monotonic
        key = (connection, variable)
        kept = self._remembered.setdefault(key, _Remembered(anyio.Lock(), Choices(), monotonic()))
        async with kept.one_at_a_time:
            if kept.until <= monotonic():
                kept.choices = await _tried(_listed(reader.segment, LISTS[variable]))
                kept.until = monotonic() + LIFETIME
            return kept.choices


def _operation(name: str) -> Choice:
    return Choice(name, (name.casefold(),))


async def _listed(segment: Segment, operation: str) -> Choices:
    walk = await segment.walk(get(operation), bounds=BOUNDS)
    return Choices(choices_of(walk.items), walk.truncated)


async def _imports(imports: Imports) -> Choices:
    listed = await imports.listed()
    return Choices([Choice(each["importId"], (str(each["file"]).casefold(),)) for each in listed])


async def _tried(reading: Awaitable[Choices]) -> Choices:
    """What was found; nothing where it can't be read, or not soon: whoever types can do without."""
    with anyio.move_on_after(PATIENCE), suppress(SegmentMcpError):
        return await reading
    return Choices()
