"""A record to the bytes of the event that will be sent, or to what is wrong with it. Pure.

Segment's archives are understood: what Segment added to an event is taken out, and `originalTimestamp`, the
sender's own, becomes `timestamp`. An event that is right as it stands leaves as it came, byte by byte.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from operator import attrgetter
from typing import Any, Literal

from msgspec import UNSET, Struct

from segment_mcp.events import checks, wire
from segment_mcp.events.checks import Problem
from segment_mcp.events.imports.mapping import Columns
from segment_mcp.timing import is_moment

MessageIds = Literal["keep", "derive"]

_ADDED = ("sentAt", "receivedAt", "projectId", "version", "writeKey", "sent_at", "received_at", "project_id")
"""What Segment added to an archived event, in its own spelling and as warehouses have it."""
_ORIGINAL = ("originalTimestamp", "original_timestamp")
_added_to = attrgetter(*_ADDED, *_ORIGINAL)
_NOTHING_ADDED = (UNSET,) * len(_ADDED + _ORIGINAL)


@dataclass(frozen=True, slots=True)
class Broken:
    """A record that could not be read.

    Attributes:
        reason: what is wrong with it.
        text: the beginning of it, where there is text.
    """

    reason: str
    text: str = ""


Record = bytes | Mapping[str, Any] | Broken
"""A line of JSON, a row of a table, or neither."""


class Ready(Struct, frozen=True, gc=False):
    """An event that can be sent.

    Attributes:
        user: whose event it is; their events stay in order.
        body: the event, serialised, with a messageId.
    """

    user: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Shape:
    """What the operator decided about every event of an import.

    Attributes:
        write_key: the source; events of one file sent to two sources need different messageIds.
        columns: makes events of rows; None: rows have fields for names, in dots, and lines are events.
        type: of events that have none.
        integrations: in place of the event's own.
        message_ids: `keep` those that are there; or `derive` new ones from them, always the same.
    """

    write_key: str = field(repr=False)
    columns: Columns | None = None
    type: str | None = None
    integrations: Mapping[str, Any] | None = None
    message_ids: MessageIds = "keep"


class Preparer:
    """Makes events of records.

    Args:
        shape: what the operator decided.
    """

    __slots__ = ("_as_they_stand", "_scope", "_shape")

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        self._scope = blake2b(shape.write_key.encode(), digest_size=16, person=b"segment-mcp")
        self._as_they_stand = shape.integrations is None and shape.message_ids == "keep"

    def prepare(self, number: int, record: Record) -> Ready | list[Problem]:
        """The event of a record, or why Segment would drop it.

        Args:
            number: the record's place, from 1; goes into the messageId of an event without one.
            record: not blank.
        """
        if isinstance(record, Broken):
            return [Problem("bad_request", "", record.reason)]
        if isinstance(record, bytes) and self._shape.columns is None:
            line = wire.screen(record)
            if line is not None:
                return self._screened(number, record, line)
        try:
            return self._changed(number, self._event(record), checked=False)
        except ValueError as error:
            return [Problem("bad_request", "", str(error))]

    def _screened(self, number: int, text: bytes, line: wire.Line) -> Ready | list[Problem]:
        if not self._as_they_stand or _added_to(line) != _NOTHING_ADDED:
            return self._changed(number, wire.decode_screened(text), checked=True)
        user = line.userId or line.anonymousId or ""
        return Ready(user, text) if line.messageId is not UNSET else self._identified(number, user, text)

    def _event(self, record: bytes | Mapping[str, Any]) -> Any:
        """The event that a record says.

        Raises:
            ValueError: it says none.
        """
        row = wire.decode(record) if isinstance(record, bytes) else record
        if self._shape.columns is None or not isinstance(row, Mapping):
            return row
        return self._shape.columns.event(row)

    def _changed(self, number: int, event: Any, *, checked: bool) -> Ready | list[Problem]:
        """The event as the operator wants it.

        Args:
            number: the record's place.
            event: any JSON value.
            checked: whether there is no more to find than in the fields that are changed here.
        """
        if not isinstance(event, dict):
            return [Problem("bad_request", "", "must be an object")]
        event = _without_what_segment_added(event)
        if event.get("type") is None and self._shape.type is not None:
            event["type"] = self._shape.type
        if self._shape.integrations is not None:
            event["integrations"] = dict(self._shape.integrations)
        problems = [] if checked else checks.problems_of(event)
        if problems:
            return problems
        own = event.get("messageId")
        if own is not None and self._shape.message_ids == "derive":
            event["messageId"] = self._digest(b"derive:", own.encode())
        user = event.get("userId") or event.get("anonymousId") or ""
        body, problems = wire.encode(event)
        if problems:
            return problems
        return Ready(user, body) if own is not None else self._identified(number, user, body)

    def _identified(self, number: int, user: str, body: bytes) -> Ready | list[Problem]:
        """An event without a messageId, with one of what it says and where."""
        body = b'{"messageId":"%s",%s' % (self._digest(b"%d:" % number, body).encode(), body[1:])
        return checks.size_problems(len(body)) or Ready(user, body)

    def _digest(self, *parts: bytes) -> str:
        digest = self._scope.copy()
        for part in parts:
            digest.update(part)
        return f"import-{digest.hexdigest()}"


def _without_what_segment_added(event: Mapping[str, Any]) -> dict[str, Any]:
    """The event as its sender meant it; members that are null are left out."""
    own = {name: value for name, value in event.items() if value is not None and name not in _ADDED}
    for name in _ORIGINAL:
        original = own.pop(name, None)
        if isinstance(original, str) and is_moment(original):
            own["timestamp"] = original
    return own
