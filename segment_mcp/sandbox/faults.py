"""Faults: what a person asks to go wrong, for which requests, and how often. Data, its check, its choice.

A fault is set as JSON at `/_sandbox/faults`:

    which requests   operation, writeKey    of every operation, with any key, unless named
    how often        times or share         always, unless one is given
    what goes wrong  status, headers, delaySeconds, body, reset, dripSeconds: at least one of them
    and Segment      act                    whether the sandbox still does what was asked

The first fault that was set, fits the request and has uses left is the one that strikes; a `share` throws
its dice each time it is asked, and the next fault is asked when they say no.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from segment_mcp.operations import OPERATIONS, Operation
from segment_mcp.sandbox import checks, refusals

Body = Literal["html", "truncated", "empty", "json-list", "not-json"]
Reset = Literal["before", "middle"]

MAX_SECONDS = 3_600
WITHOUT_BODY = frozenset({204, 205, 304})
"""Statuses whose answers have no body."""

SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "operation": {"enum": list(OPERATIONS)},
        "writeKey": {"type": "string", "minLength": 1},
        "times": {"type": "integer", "minimum": 1},
        "share": {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
        "status": {"type": "integer", "minimum": 200, "maximum": 599},
        "headers": {"type": "object", "additionalProperties": {"type": "string"}},
        "delaySeconds": {"type": "number", "exclusiveMinimum": 0, "maximum": MAX_SECONDS},
        "body": {"enum": ["html", "truncated", "empty", "json-list", "not-json"]},
        "reset": {"enum": ["before", "middle"]},
        "dripSeconds": {"type": "number", "exclusiveMinimum": 0, "maximum": MAX_SECONDS},
        "act": {"type": "boolean"},
    },
}

_CHECK = checks.validator(SCHEMA, {})
_EFFECTS = ("status", "headers", "delaySeconds", "body", "reset", "dripSeconds")
_SPOILING = ("status", "body", "reset")
_OF_A_BODY = frozenset({"body", "dripSeconds"})
_OF_AN_ANSWER = _OF_A_BODY | {"status", "headers"}
_HEADER_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_HEADER_VALUE = re.compile(r"([!-~]([ -~]*[!-~])?)?")
_FRAMING = frozenset({"content-length", "transfer-encoding"})


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that goes wrong.

    Attributes:
        operation: the operation it is for; None: every one.
        write_key: the key of the requests it is for; None: any, and the Public API's, which carry none.
        times: how many answers it spoils; None: any number.
        share: the part of all answers it spoils, above 0 and at most 1; None: each.
        status: of the answer; None: the sandbox's own.
        headers: added to the answer, or taking the place of its own.
        delay_seconds: before the answer begins; 0: none.
        body: what the answer has in place of its body; None: its body.
        reset: the connection ends before the answer, or in the middle of its body.
        drip_seconds: between the pieces of the body; 0: it comes at once.
        act: whether the sandbox does what was asked.
    """

    operation: str | None = None
    write_key: str | None = None
    times: int | None = None
    share: float | None = None
    status: int | None = None
    headers: tuple[tuple[str, str], ...] = ()
    delay_seconds: float = 0
    body: Body | None = None
    reset: Reset | None = None
    drip_seconds: float = 0
    act: bool = False

    @property
    def shows_the_answer(self) -> bool:
        """Whether the client is to see something of what the sandbox itself answers."""
        return (
            (self.status is None or (self.status < 300 and self.status not in WITHOUT_BODY))  # noqa: PLR2004 - HTTP
            and self.body in {None, "truncated"}
            and self.reset != "before"
        )

    def fits(self, row: Operation, write_key: str) -> bool:
        """Whether it is for a request of that operation, with that key or, if empty, none."""
        return self.operation in {None, row.name} and self.write_key in {None, write_key}


def parse(given: Any) -> Fault:
    """The fault that a JSON value describes.

    Raises:
        RefusalError: 422 with an error for each member that is unknown, wrong or contradicts another.
    """
    checks.value(_CHECK, given)
    problems = [refusals.problem(name, predicate) for name, predicate in _contradictions(given)]
    if problems:
        raise refusals.invalid(problems)
    return Fault(
        operation=given.get("operation"),
        write_key=given.get("writeKey"),
        times=given.get("times"),
        share=given.get("share"),
        status=None if "status" not in given else int(given["status"]),  # 503.0 is a JSON integer, too
        headers=tuple(given.get("headers", {}).items()),
        delay_seconds=given.get("delaySeconds", 0),
        body=given.get("body"),
        reset=given.get("reset"),
        drip_seconds=given.get("dripSeconds", 0),
        act=given.get("act", given.keys().isdisjoint(_SPOILING)),
    )


def _contradictions(given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Members, and what is wrong with them beside the others."""
    if given.keys().isdisjoint(_EFFECTS):
        yield "value", f"must have at least one of [{', '.join(_EFFECTS)}]"
    if "times" in given and "share" in given:
        yield "share", "is not allowed beside times"
    if "writeKey" in given and "operation" in given and OPERATIONS[given["operation"]].api != "tracking":
        yield "writeKey", "is only for operations of the Tracking API"
    if given.get("act") is False and given.keys().isdisjoint(_SPOILING):
        yield "act", f"must be true unless one of [{', '.join(_SPOILING)}] is given"
    yield from _invisible(given)
    for name, value in given.get("headers", {}).items():
        yield from ((f"headers.{name}", predicate) for predicate in _of_header(name, value))


def _invisible(given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Members that no client would see anything of, for what another one does to the answer."""
    reset, status = given.get("reset"), given.get("status")
    if reset == "before":
        for name in _OF_AN_ANSWER & given.keys():
            yield name, "is not allowed when reset is before: nothing is answered"
    if reset == "middle" and given.get("body") == "empty":
        yield "body", "must have a middle when reset is middle"
    if status in WITHOUT_BODY:
        members = _OF_A_BODY | {"reset"} if reset == "middle" else _OF_A_BODY
        for name in members & given.keys():
            yield name, f"is not allowed with status {status}, which has no body"


def _of_header(name: str, value: str) -> Iterator[str]:
    if not _HEADER_NAME.fullmatch(name):
        yield "is no name of a header"
    elif name.lower() in _FRAMING:
        yield "is for the sandbox to set"
    elif not _HEADER_VALUE.fullmatch(value):
        yield "must be printable ASCII without spaces around it"


@dataclass(slots=True)
class _Set:
    """A fault that was set, as it was given, and how often it struck."""

    fault: Fault
    given: Mapping[str, Any]
    used: int = field(default=0)

    @property
    def spent(self) -> bool:
        return self.fault.times is not None and self.used >= self.fault.times


class Faults:
    """The faults that are set, in the order in which they were.

    Args:
        random: a number from 0 up to but not including 1, for `share`.
    """

    def __init__(self, random: Callable[[], float]) -> None:
        self._random = random
        self._set: list[_Set] = []
        self._live: list[_Set] = []  # those with uses left: all that a request has to look at

    def __bool__(self) -> bool:
        """Whether any has uses left."""
        return bool(self._live)

    def add(self, given: Mapping[str, Any]) -> Mapping[str, Any]:
        """Set a fault after those that are set.

        Returns:
            The fault as `listed` has it.

        Raises:
            RefusalError: as `parse`.
        """
        entry = _Set(parse(given), given)
        self._set.append(entry)
        self._live.append(entry)
        return _shown(entry)

    def clear(self) -> None:
        """Forget them all."""
        self._set, self._live = [], []

    def listed(self) -> list[Mapping[str, Any]]:
        """Each fault as it was given, with `act` as it is meant and `used`, the answers it struck; spent ones, too."""
        return [_shown(entry) for entry in self._set]

    def ask_for_the_key_of(self, row: Operation) -> bool:
        """Whether the choice for a request of this operation depends on its write key."""
        return row.api == "tracking" and any(
            entry.fault.write_key is not None and entry.fault.operation in {None, row.name} for entry in self._live
        )

    def strike(self, row: Operation, write_key: str) -> Fault | None:
        """The fault for a request, counted as used; None if there is none.

        Args:
            row: the request's operation.
            write_key: its write key; empty if it has none, or `ask_for_the_key_of` says it doesn't matter.
        """
        for entry in self._live:
            fault = entry.fault
            if fault.fits(row, write_key) and (fault.share is None or self._random() < fault.share):
                entry.used += 1
                if entry.spent:
                    self._live = [each for each in self._live if each is not entry]
                return fault
        return None


def _shown(entry: _Set) -> Mapping[str, Any]:
    return {**entry.given, "act": entry.fault.act, "used": entry.used}
