"""A record to the bytes of the event that will be sent, or to what is wrong with it. Pure.

Segment's archives are understood: what Segment added to an event is taken out, and `originalTimestamp`, the
sender's own, becomes `timestamp`. An event that is right as it stands leaves as it came, byte by byte.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Literal

from msgspec import UNSET, Struct

from segment_mcp.events import checks, wire
from segment_mcp.events.checks import LARGEST_EVENT, Problem
from segment_mcp.events.imports.mapping import Columns
from segment_mcp.timing import is_moment

MessageIds = Literal["keep", "derive"]

_ADDED = ("sentAt", "receivedAt", "projectId", "version", "writeKey", "sent_at", "received_at", "project_id")
"""What Segment added to an archived event, in its own spelling and as warehouses have it."""
_ORIGINAL = ("originalTimestamp", "original_timestamp")


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
        if isinstance(record, bytes):
            line = wire.screen(record)
            if line is not None and self._shape.columns is None:
                return self._screened(number, record, line)
        try:
            event = self._event(record)
            return self._changed(number, event, checked=False)
        except ValueError as error:
            return [Problem("bad_request", "", str(error))]

    def _screened(self, number: int, text: bytes, line: wire.Line) -> Ready | list[Problem]:
        if not self._as_they_stand or _is_archived(line):
            return self._changed(number, wire.decode_screened(text), checked=True)
        user = line.userId or line.anonymousId or ""
        if line.messageId is not UNSET:
            return Ready(user, text)
        body = b'{"messageId":"%s",%s' % (self._made(number, text).encode(), text[1:])
        return Ready(user, body) if len(body) <= LARGEST_EVENT else checks.size_problems(len(body))

    def _event(self, record: Record) -> Any:
        """The event that a record says.

        Raises:
            ValueError: it says none.
        """
        if isinstance(record, Broken):
            raise ValueError(record.reason)  # noqa: TRY004 - not a wrong type: a wrong record
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
        self._identify(number, event)
        body, problems = wire.encode(event)
        return problems or Ready(event.get("userId") or event.get("anonymousId") or "", body)

    def _identify(self, number: int, event: dict[str, Any]) -> None:
        own = event.pop("messageId", None)
        if own is None:
            body, _ = wire.encode(event)
            event["messageId"] = self._made(number, body)
        elif self._shape.message_ids == "derive":
            event["messageId"] = self._derived(own)
        else:
            event["messageId"] = own

    def _made(self, number: int, body: bytes) -> str:
        digest = self._scope.copy()
        digest.update(b"%d:" % number)
        digest.update(body)
        return f"import-{digest.hexdigest()}"

    def _derived(self, message_id: str) -> str:
        digest = self._scope.copy()
        digest.update(b"derive:")
        digest.update(message_id.encode())
        return f"import-{digest.hexdigest()}"


def _is_archived(line: wire.Line) -> bool:
    return not (
        line.sentAt is UNSET
        and line.receivedAt is UNSET
        and line.originalTimestamp is UNSET
        and line.projectId is UNSET
        and line.version is UNSET
        and line.writeKey is UNSET
        and line.sent_at is UNSET
        and line.received_at is UNSET
        and line.project_id is UNSET
        and line.original_timestamp is UNSET
    )


def _without_what_segment_added(event: Mapping[str, Any]) -> dict[str, Any]:
    """The event as its sender meant it; members that are null are left out."""
    own = {name: value for name, value in event.items() if value is not None and name not in _ADDED}
    for name in _ORIGINAL:
        original = own.pop(name, None)
        if isinstance(original, str) and is_moment(original):
            own["timestamp"] = original
    return own
