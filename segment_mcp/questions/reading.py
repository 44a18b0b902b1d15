"""What one question reads of Segment: every call leaves evidence, every failure a gap, and all of it ends in time."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf
from types import MappingProxyType
from typing import Any, Generic, Literal, TypeVar

import anyio

from segment_mcp.errors import (
    Conflict,
    Forbidden,
    InvalidArguments,
    NotConfigured,
    NotFound,
    RateLimited,
    Rejected,
    SegmentMcpError,
    TimedOut,
    Unauthorized,
)
from segment_mcp.operations import Operation, get
from segment_mcp.ports import Bounds, Data, Progress, Segment, Walk
from segment_mcp.redact import clean
from segment_mcp.timing import Timing, timestamp_of

SECONDS = 8.0
"""Within which a question has read what it will read: an answer within ten is what callers are promised."""
UNDER_WAY = 16
"""Subjects that are looked at side by side."""
NOTHING: Mapping[str, Any] = MappingProxyType({})
NAMED = 5
"""How many of the things that a gap is about are named; the rest is counted."""

Code = Literal[
    "permission", "plan", "alpha_access", "limit", "time", "not_found", "bound", "rejected", "unavailable", "no_api"
]
"""Why something is unknown.

permission: the token may not read it. plan: the workspace's plan lacks a feature. alpha_access: Segment opens the
operation to chosen workspaces. limit: Segment's rate limit. time: the question's own, or what one call may take of it.
not_found: it is not there, or not for this token. bound: more of it than is read at once. rejected: Segment refuses the
request. unavailable: no usable answer of Segment. no_api: no operation tells it.
"""

_PATIENCE = 6.0
"""Seconds after which a read that an answer can do without is given up, so that others still have time. It is more than
a call may queue for Segment's limits."""
_ANSWERED_WHILE = 0.4
"""Seconds that an answer itself may take, at the end."""

_WHOLE = Bounds()


def _everything(_: Any) -> bool:
    return True


S = TypeVar("S")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Gap:
    """Something that is unknown.

    Attributes:
        operation: what would have told it; empty where nothing does.
        about: the ID or name that it is about; empty for all of it.
    """

    operation: str
    code: Code
    reason: str
    about: str = ""


@dataclass(frozen=True, slots=True)
class Listed:
    """A list as far as it was read.

    Attributes:
        complete: whether that is all of it; what is not in an incomplete list may well exist.
    """

    items: Sequence[Any]
    complete: bool
    beside: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Looked(Generic[S, R]):
    """What was found about subjects, in their order.

    Attributes:
        found: each subject that was looked at to the end, with what was found.
        left: how many were not reached.
    """

    found: Sequence[tuple[S, R]]
    left: int


@dataclass(slots=True)
class _Evidence:
    first: str
    last: str
    reads: int = 0


@dataclass(slots=True)
class _Notes:
    """What was noted while reading.

    Attributes:
        is_over: whether the question's time was over for something that failed.
    """

    gaps: list[Gap] = field(default_factory=list)
    evidence: dict[str, _Evidence] = field(default_factory=dict)
    cut_short: bool = False
    is_over: bool = False

    def see(self, name: str, seen: _Evidence) -> None:
        mine = self.evidence.setdefault(name, _Evidence(seen.first, seen.last))
        mine.first, mine.last = min(mine.first, seen.first), max(mine.last, seen.last)
        mine.reads += seen.reads

    def stopped(self) -> bool:
        return self.is_over or any(gap.code == "limit" for gap in self.gaps)


class Reading:
    """Reads for one question.

    Args:
        segment: the guarded way to Segment.
        timing: the clock.
        progress: tells the caller how far it is.
        seconds: within which everything is read.

    Attributes:
        timing: the clock.
        notes: evidence and gaps so far.
    """

    def __init__(
        self, segment: Segment, timing: Timing, progress: Progress | None = None, seconds: float = SECONDS
    ) -> None:
        self.timing = timing
        self._segment = segment
        self._progress = progress
        self._until = timing.monotonic() + seconds
        self.notes = _Notes()

    def remaining(self) -> float:
        """Seconds that are left; never less than 0."""
        return max(0.0, self._until - self.timing.monotonic())

    async def need(self, name: str, arguments: Mapping[str, Any] = NOTHING) -> Data:
        """The `data` of an operation without which there is no answer.

        Args:
            name: the operation's.
            arguments: by Segment's names; None means not given.

        Raises:
            SegmentMcpError: it could not be read.
        """
        operation = get(name)
        return await self._timed(operation, lambda: self._segment.call(operation, _given(arguments)))

    async def call(self, name: str, arguments: Mapping[str, Any] = NOTHING) -> Data | None:
        """The `data` of an operation; None where it could not be read, which leaves a gap.

        Raises:
            NotConfigured: there is no token.
            InvalidArguments: an argument is one of the caller's, and not valid.
        """
        operation = get(name)
        try:
            return await self._timed(
                operation, lambda: self._segment.call(operation, _given(arguments)), patience=_PATIENCE
            )
        except SegmentMcpError as error:
            self._miss(operation, error, arguments)
            return None

    async def everything(self, name: str, arguments: Mapping[str, Any] = NOTHING) -> Listed:
        """A whole list without which there is no answer.

        Raises:
            SegmentMcpError: it could not be read.
        """
        operation = get(name)
        within = replace(_WHOLE, seconds=self.remaining())
        return self._listed(
            await self._timed(
                operation, lambda: self._segment.walk(operation, _given(arguments), keep=_everything, bounds=within)
            ),
            name,
            arguments,
        )

    async def list(
        self,
        name: str,
        arguments: Mapping[str, Any] = NOTHING,
        *,
        keep: Callable[[Any], bool] | None = None,
        bounds: Bounds | None = None,
    ) -> Listed | None:
        """A whole list, page by page; None where none of it could be read, which leaves a gap, as a bound does.

        Args:
            name: the operation's.
            arguments: by Segment's names; None means not given.
            keep: whether an item is wanted.
            bounds: when to stop; None: what a walk has, and the question's time.

        Raises:
            NotConfigured: there is no token.
            InvalidArguments: an argument is one of the caller's, and not valid.
        """
        operation = get(name)
        within = replace(bounds or _WHOLE, seconds=min(self.remaining(), _PATIENCE - 1))
        try:
            walk = await self._timed(
                operation,
                lambda: self._segment.walk(operation, _given(arguments), keep=keep or _everything, bounds=within),
                patience=_PATIENCE,
            )
        except SegmentMcpError as error:
            self._miss(operation, error, arguments)
            return None
        return self._listed(walk, name, arguments)

    async def report(self, done: float, of: float, doing: str) -> None:
        """Tell whoever waits how far it is."""
        if self._progress is not None:
            await self._progress(done, of, doing)

    def note(self, gap: Gap) -> None:
        """Say that something is unknown for a reason that no failed call tells; a bound leaves something out."""
        self.notes.gaps.append(gap)
        self.notes.cut_short |= gap.code == "bound"

    @property
    def gaps(self) -> Sequence[Gap]:
        """What is unknown so far."""
        return tuple(self.notes.gaps)

    async def each(
        self, subjects: Sequence[S], look: "Callable[[Reading, S], Awaitable[R]]", doing: str = "Reading"
    ) -> Looked[S, R]:
        """Look at many things side by side, in their order, as far as time and Segment's limits allow.

        What was not looked at to the end, because time was over or Segment's limit reached, counts as not reached:
        the answer is then a part, to go on with after the last subject found. The first is always reached, if with
        gaps, so that a caller who goes on gets on.

        Args:
            subjects: in an order that the next call will find again.
            look: reads with the `Reading` that it is given.
            doing: what is done, for progress.
        """
        found: dict[int, tuple[R, Reading]] = {}
        waiting = iter(range(len(subjects)))
        stopped = False

        async def work() -> None:
            nonlocal stopped
            for index in waiting:
                if stopped or (index and not self.remaining()):
                    stopped = True
                    return
                part = self._part()
                result = await look(part, subjects[index])
                for name, seen in part.notes.evidence.items():
                    self.notes.see(name, seen)
                if index and part.notes.stopped():
                    stopped = True
                    return
                found[index] = result, part
                await self.report(len(found), len(subjects), doing)

        async with anyio.create_task_group() as group:
            for _ in range(min(UNDER_WAY, len(subjects))):
                group.start_soon(work)
        reached = next((index for index in range(len(subjects)) if index not in found), len(subjects))
        for index in range(reached):
            notes = found[index][1].notes
            self.notes.gaps.extend(notes.gaps)
            self.notes.cut_short |= notes.cut_short
        self.notes.cut_short |= reached < len(subjects)
        return Looked([(subjects[index], found[index][0]) for index in range(reached)], len(subjects) - reached)

    def answer(self, summary: str, body: Mapping[str, Any], *, after: str | None = None) -> Data:
        """The question's `data`, with what it rests on.

        Args:
            summary: one to three sentences.
            body: what the question is about.
            after: the last subject of a part, where one goes on; None: there is no more to go on with.
        """
        return {
            "summary": summary,
            **body,
            **({} if after is None else {"next": after}),
            "truncated": self.notes.cut_short or after is not None,
            "gaps": _together(self.notes.gaps),
            "evidence": [
                {"operation": name, "reads": seen.reads, "at": seen.first}
                | ({"until": seen.last} if seen.last != seen.first else {})
                for name, seen in self.notes.evidence.items()
            ],
        }

    def _listed(self, walk: Walk, name: str, arguments: Mapping[str, Any]) -> Listed:
        if walk.truncated:
            self.notes.cut_short = True
            reason = f"More of it than the {len(walk.items)} items that were read."
            self.notes.gaps.append(Gap(name, "bound", reason, _about(arguments)))
        return Listed(walk.items, not walk.truncated, walk.beside)

    def _part(self) -> "Reading":
        part = Reading(self._segment, self.timing, None, self.remaining())
        part._until = self._until
        return part

    async def _timed(self, operation: Operation, read: Callable[[], Awaitable[R]], patience: float = inf) -> R:
        at = timestamp_of(self.timing.now())
        remaining = self.remaining()
        if remaining:
            with anyio.move_on_after(min(remaining + _ANSWERED_WHILE, patience)):
                result = await read()
                self.notes.see(operation.name, _Evidence(at, at, 1))
                return result
        raise TimedOut(f"{operation.name} did not come back within the time of this question.", host="Segment")

    def _miss(self, operation: Operation, error: SegmentMcpError, arguments: Mapping[str, Any]) -> None:
        if isinstance(error, NotConfigured | InvalidArguments):
            raise error
        in_time = bool(self.remaining())
        gap = gap_of(operation, error, _about(arguments), in_time=in_time)
        if isinstance(error, TimedOut) and in_time:
            gap = replace(gap, code="time", reason="It did not answer in time; ask again.")
        self.notes.is_over |= not in_time
        self.notes.gaps.append(gap)


def gap_of(operation: Operation, error: SegmentMcpError, about: str, *, in_time: bool = True) -> Gap:
    """Why an operation could not be read, as far as its failure and its row tell.

    Args:
        operation: the row.
        error: what went wrong.
        about: what was asked about.
        in_time: whether the question had time left.
    """
    code: Code = "unavailable"
    reason = f"Segment gave no usable answer ({error.code})."
    match error:
        case Unauthorized() | Forbidden() if operation.stability == "alpha":
            code, reason = "alpha_access", "The operation is in alpha: Segment opens it to chosen workspaces."
        case Unauthorized() | Forbidden() if operation.feature:
            code, reason = (
                "plan",
                f"It needs {operation.feature} in the plan, and a token that may read it.",
            )
        case Unauthorized() | Forbidden():
            code, reason = "permission", "The token may not read it."
        case RateLimited():
            code, reason = "limit", "Segment's rate limit is used up for now; ask again in a minute."
        case TimedOut() if not in_time:
            code, reason = "time", "There was no time left for it; ask again, or ask for less."
        case NotFound():
            code, reason = "not_found", "Segment does not know it, or does not show it to this token."
        case Rejected() | Conflict():
            code, reason = "rejected", "Segment refuses this request."
    return Gap(operation.name, code, reason, about)


def called(item: Mapping[str, Any]) -> str:
    """What a thing of the workspace is called, fit to stand in a sentence: its name, else its slug, else its ID."""
    return clean(str(item.get("name") or item.get("slug") or item.get("id") or "unnamed"), 60)


def _given(arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in arguments.items() if value is not None}


def _about(arguments: Mapping[str, Any]) -> str:
    """The most special ID among the arguments."""
    named = [value for name, value in arguments.items() if name.endswith("Id") and isinstance(value, str)]
    return named[-1] if named else ""


def _together(gaps: Sequence[Gap]) -> list[Data]:
    """Gaps of one operation and cause in one entry: `{operation?, code, reason, about?, more?}`."""
    groups: dict[tuple[str, str, str], dict[str, None]] = {}
    for gap in gaps:
        groups.setdefault((gap.operation, gap.code, gap.reason), {}).update({gap.about: None} if gap.about else {})
    return [
        {
            **({"operation": operation} if operation else {}),
            "code": code,
            "reason": reason,
            **({"about": list(about)[:NAMED]} if about else {}),
            **({"more": len(about) - NAMED} if len(about) > NAMED else {}),
        }
        for (operation, code, reason), about in groups.items()
    ]
