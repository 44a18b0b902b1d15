"""How a preview is read, and what a recipe for one consists of.

    Reader    sends what only reads, four reads at a time at most, and notes what could not be read
    Recipe    how the preview of one operation is made: the thing is read and shown, then what hangs on it is read
    Sight     what a person is shown of the thing
    Part      what one step adds to it

What reads the thing itself may fail, and there is nothing to agree to then; a step that fails leaves a gap.
"""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

import anyio

from segment_mcp.errors import SegmentMcpError
from segment_mcp.operations import Operation, get
from segment_mcp.ports import Data, Segment, Walk
from segment_mcp.redact import clean

PATIENCE = 8.0
"""Seconds within which all that hangs on a thing is read; what is not read by then is a gap."""
AT_A_TIME = 4

ANOTHER_SHAPE = (AttributeError, KeyError, TypeError)
"""What reading an answer raises that is not of Segment's shape."""

T = TypeVar("T")
Arguments = Mapping[str, Any]
Thing = Mapping[str, Any]

SLOT = re.compile(r"\{(\w+)\}")
"""A step of a row's path that an argument fills."""


class Reader:
    """Reads for one preview.

    Args:
        segment: the connection.
        operation: the operation that is previewed.
        arguments: its arguments.
        now: the time, aware.

    Attributes:
        gaps: what could not be read, and why, by what it is.
    """

    def __init__(self, segment: Segment, operation: Operation, arguments: Arguments, now: datetime) -> None:
        self.arguments = arguments
        self.said = {name: value for name, value in arguments.items() if name not in SLOT.findall(operation.path)}
        self.now = now.astimezone(UTC)
        self.gaps: dict[str, str] = {}
        self._segment = segment
        self._places = anyio.Semaphore(AT_A_TIME)
        self._until = anyio.current_time() + PATIENCE

    async def call(self, name: str, arguments: Arguments) -> Data:
        """The answer of an operation that reads.

        Raises:
            SegmentMcpError: it could not be read.
        """
        async with self._places:
            return await self._segment.call(_reading(name), arguments)

    async def walk(self, name: str, arguments: Arguments, keep: Callable[[Any], bool] = lambda _: True) -> Walk:
        """All that is wanted of a list, within bounds.

        Raises:
            SegmentMcpError: it could not be read.
        """
        async with self._places:
            return await self._segment.walk(_reading(name), arguments, keep=keep)

    async def whole(self, what: str, name: str, arguments: Arguments) -> list[Any]:
        """A list; where it is longer than what is read of it, that is a gap."""
        walk = await self.walk(name, arguments)
        if walk.truncated:
            self.cut(what)
        return walk.items

    def cut(self, what: str) -> None:
        """Note that a list is longer than what was read of it."""
        self.gaps[what] = "truncated (the list is longer than what was read of it)"

    async def attempt(self, what: str, read: Callable[[], Awaitable[T]]) -> T | None:
        """What was read; None, and a gap, where that failed or took too long."""
        with anyio.CancelScope(deadline=self._until) as scope:
            try:
                return await read()
            except SegmentMcpError as error:
                self.gaps[what] = f"{error.code} ({clean(error.message, 160)})"
            except ANOTHER_SHAPE:
                self.gaps[what] = "invalid_response (Segment answered in another shape)"
        if scope.cancelled_caught:
            self.gaps[what] = f"timeout (not read within {PATIENCE:g} seconds)"
        return None

    async def together(self, reads: Sequence[Callable[[], Awaitable[T]]]) -> list[T]:
        """What each of them reads, in their order.

        Raises:
            SegmentMcpError: the first one that failed, in their order.
        """
        results: dict[int, T] = {}
        failures: dict[int, Exception] = {}

        async def run(index: int) -> None:
            try:
                results[index] = await reads[index]()
            except (SegmentMcpError, *ANOTHER_SHAPE) as error:
                failures[index] = error

        async with anyio.create_task_group() as group:
            for index in range(len(reads)):
                group.start_soon(run, index)
        if failures:
            raise failures[min(failures)]
        return [results[index] for index in range(len(reads))]

    def be_patient(self) -> None:
        """Begin to count the time anew."""
        self._until = anyio.current_time() + PATIENCE


def _reading(name: str) -> Operation:
    row = get(name)
    if row.safety != "read":
        raise RuntimeError(f"{name} is no way to look at something")
    return row


@dataclass(frozen=True, slots=True)
class Sight:
    """The thing itself, as a person is shown it.

    Attributes:
        phrase: what the person types to agree.
        facts: as `Preview.facts`.
        counts: as `Preview.counts`.
        removes: as `Preview.removes`.
        basis: what the facts were made of, where they show a part of it only.
    """

    phrase: str
    facts: Data
    counts: Data = field(default_factory=dict)
    removes: int = 0
    basis: Any = None


@dataclass(frozen=True, slots=True)
class Part:
    """What one step found; as the attributes of `Sight`."""

    facts: Data = field(default_factory=dict)
    counts: Data = field(default_factory=dict)
    basis: Any = None


@dataclass(frozen=True, slots=True)
class Step:
    """Reads something that hangs on the thing.

    Attributes:
        what: what it is, as a gap calls it.
        read: given the thing.
    """

    what: str
    read: Callable[[Reader, Thing], Awaitable[Part]]


Look = Callable[[Reader], Awaitable[Data]]
Show = Callable[[Thing, Arguments], Sight]
"""Given the thing, and those arguments that are not steps of the path."""


@dataclass(frozen=True, slots=True, init=False)
class Recipe:
    """How the preview of one operation is made.

    Attributes:
        look: reads the thing itself.
        show: says what a person is shown of it.
        steps: read what hangs on it.
    """

    look: Look
    show: Show
    steps: tuple[Step, ...]

    def __init__(self, look: Look, show: Show, *steps: Step) -> None:
        object.__setattr__(self, "look", look)
        object.__setattr__(self, "show", show)
        object.__setattr__(self, "steps", steps)
