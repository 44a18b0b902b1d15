"""Everything that can go wrong, as one tree. Each error knows its code and says what to do next.

    SegmentMcpError
    ├── InvalidArguments        invalid_arguments       the call's arguments don't fit the tool
    ├── UnknownTool             unknown_tool            no tool has that name
    ├── UnknownOperation        unknown_operation       no operation has that name
    ├── UnknownConnection       unknown_connection      no connection has that name
    ├── NotConfigured           not_configured          a credential is missing from the configuration
    ├── NotAllowed              not_allowed             the operator's mode or toolsets exclude it
    ├── ConfirmationRequired    confirmation_required   a person has to agree first
    ├── ConfirmationDeclined    confirmation_declined   nobody agreed, or not to this
    ├── EventInvalid            event_invalid           Segment would drop the event
    ├── ImportStopped           import_stopped          an import ended before its end
    ├── Internal                internal                a defect of this server
    └── UpstreamError                                   Segment, or the way to it, failed; carries the host
        ├── Unauthorized        unauthorized            401
        ├── Forbidden           forbidden               403
        ├── NotFound            not_found               404
        ├── Conflict            conflict                409
        ├── Rejected            rejected                422 and every other 4xx
        ├── RateLimited         rate_limited            429
        ├── Unavailable         unavailable             5xx
        ├── InvalidResponse     invalid_response        an answer that is no JSON object of Segment's
        ├── TimedOut            timeout                 no answer in time
        └── NetworkFailed       network                 the connection failed
    SettingsError                                       the configuration is wrong; ends the start
    StoreError                                          what is kept on disk can't be read or written
    └── StoreGoneError                                  its file was taken away

`code` is what an agent branches on, `str(error)` what it reads, `data()` what the envelope carries.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self


class SegmentMcpError(Exception):
    """A failure that a caller is told about.

    Args:
        message: what happened, as a sentence without the remedy.
        details: JSON values that go into the envelope's `data` beside the code.
    """

    code: ClassVar[str]
    remedy: ClassVar[str] = ""

    def __init__(self, message: str, /, **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.details = details

    def __str__(self) -> str:
        return f"{self.message} {self._advice()}".strip()

    def _advice(self) -> str:
        return self.remedy

    def data(self) -> dict[str, Any]:
        """The code and what else is known, as JSON values."""
        return {"code": self.code, **self.details}


class InvalidArguments(SegmentMcpError):
    """The arguments don't fit the tool's schema; `data.problems` is `[{field, message}]`.

    Args:
        problems: each field and what is wrong with it, never its value.
        read: whether Segment was read from before the problem showed.
    """

    code = "invalid_arguments"
    remedy = "Nothing was sent. Correct the named fields and call again."

    def __init__(self, problems: Sequence[Mapping[str, str]], *, read: bool = False) -> None:
        said = "; ".join(f"{problem['field']}: {problem['message']}" for problem in problems)
        super().__init__(f"The arguments are not valid: {said}.", problems=[dict(problem) for problem in problems])
        self._read = read

    def _advice(self) -> str:
        return "Nothing was changed. Correct the named fields and call again." if self._read else self.remedy


class UnknownTool(SegmentMcpError):
    """No tool has the called name; `data.nearest` names similar ones."""

    code = "unknown_tool"
    remedy = "List the tools and call one of them."


class UnknownOperation(SegmentMcpError):
    """No operation has the given name; `data.nearest` names similar ones."""

    code = "unknown_operation"
    remedy = "Find the right one with segment_api_search."


class UnknownConnection(SegmentMcpError):
    """No connection has the given name; `data.connections` names those that exist."""

    code = "unknown_connection"
    remedy = "Pass one of the configured names as connection."


class NotConfigured(SegmentMcpError):
    """A credential is missing; `data.setting` names the variable that holds it."""

    code = "not_configured"

    def __init__(self, setting: str, purpose: str) -> None:
        super().__init__(
            f"{setting} is not set, and {purpose} needs it. "
            "Set it in the MCP server's configuration and restart the server.",
            setting=setting,
        )


class NotAllowed(SegmentMcpError):
    """The operator's settings exclude the call; `data.setting` names which."""

    code = "not_allowed"
    remedy = "Only the operator of this server can change that, in its configuration."


class ConfirmationRequired(SegmentMcpError):
    """A person has to agree before this happens; `data.preview` says to what, `data.approve` how."""

    code = "confirmation_required"
    remedy = "Nothing was sent."


class ConfirmationDeclined(SegmentMcpError):
    """Nobody agreed, or not to this; `data.reason` is one word for why."""

    code = "confirmation_declined"
    remedy = "Nothing was sent. Ask the user how to go on; don't try to get around a refusal."


class EventInvalid(SegmentMcpError):
    """Segment would take the event and then drop it, so it was not sent.

    `data.events` is `[{index, messageId, code, field, message}]`, with Segment's own ingest code; what is wrong
    with a batch as a whole has no index.
    """

    code = "event_invalid"
    remedy = "Nothing was sent. Correct the named events and call again."

    def __init__(self, events: Sequence[Mapping[str, Any]]) -> None:
        shown = "; ".join(f"{event['message']} ({_which(event)}, {event['code']})" for event in events[:3])
        more = f"; and {len(events) - 3} more" if len(events) > 3 else ""  # noqa: PLR2004 - three fit a sentence
        super().__init__(f"Segment would drop this: {shown}{more}.", events=[dict(event) for event in events])


def _which(event: Mapping[str, Any]) -> str:
    return f"event {event['index']}" if "index" in event else "the batch"


class ImportStopped(SegmentMcpError):
    """An import ended before its end; `data` says how far it came, as an import's answer does."""

    code = "import_stopped"
    remedy = (
        "What was accepted stays accepted. Mend the cause and make the same call again: it goes on where it stopped."
    )


class Internal(SegmentMcpError):
    """A defect of this server; what went wrong stands in its log, never in the answer."""

    code = "internal"
    remedy = "Whether anything was sent is not known: look before you repeat the call."


_UNKNOWN = "If it was a change, whether Segment made it is not known: read the state before you repeat it."


COME_AGAIN = frozenset({408, 410, 460})
"""Statuses that pass by themselves, as Segment's own libraries take them (analytics-node 3.1.0)."""


class UpstreamError(SegmentMcpError):
    """Segment, or the way to it, failed.

    Args:
        message: what happened, with Segment's own words already cleaned.
        host: the host that was asked.
        status: the HTTP status, where there was an answer.
        acted: whether Segment may have acted; False where it certainly did not, as the request never reached
            it or was turned away.
        wait: seconds that Segment asks to wait, where it said so.
        details: further JSON values for `data`, such as `requestId`; None is left out.
    """

    remedy_unsent: ClassVar[str] = ""
    turned_away: ClassVar[bool] = False
    """Whether Segment understood the request, and did nothing."""

    def __init__(
        self,
        message: str,
        /,
        *,
        host: str,
        status: int | None = None,
        acted: bool = True,
        wait: float | None = None,
        **details: Any,
    ) -> None:
        self.host = host
        self.status = status
        self.acted = acted
        self.wait = wait
        known = {"host": host, "status": status, **details}
        super().__init__(message, **{name: value for name, value in known.items() if value is not None})

    def is_final(self) -> bool:
        """Whether the same request would be turned away again, whenever it comes."""
        return self.turned_away and self.status not in COME_AGAIN

    def adding(self, sentence: str = "", **details: Any) -> Self:
        """The same failure, with more to say.

        Args:
            sentence: goes behind what it says already.
            details: further JSON values for `data`.
        """
        self.message = f"{self.message} {sentence}".strip()
        self.details |= details
        return self

    def _advice(self) -> str:
        return self.remedy if self.acted else self.remedy_unsent or self.remedy


class Unauthorized(UpstreamError):
    """401: the credential is missing, wrong, of another region, or lacks the permission."""

    code = "unauthorized"
    turned_away = True
    remedy = (
        "Check the token in the server's configuration, its permissions and its region "
        "(segment_connection_status tells what works)."
    )


class Forbidden(UpstreamError):
    """403: the credential is known, and may not do this."""

    code = "forbidden"
    turned_away = True
    remedy = "The workspace's plan or the token's permissions exclude this; a Workspace Owner can change that."


class NotFound(UpstreamError):
    """404: no such thing in this workspace."""

    code = "not_found"
    turned_away = True
    remedy = "List what exists to find the right ID; it may also belong to another workspace or region."


class Conflict(UpstreamError):
    """409: it clashes with what exists."""

    code = "conflict"
    turned_away = True
    remedy = "Read the current state, then change the request."


class Rejected(UpstreamError):
    """Another 4xx: Segment understood the request and refused it; `data.errors` names fields."""

    code = "rejected"
    turned_away = True
    remedy = "Correct what Segment names and call again."


class RateLimited(UpstreamError):
    """429: too many requests; `data.retryAfterSeconds` says how long to wait, where Segment said it."""

    code = "rate_limited"
    remedy = "Wait, then call again."


class Unavailable(UpstreamError):
    """5xx: Segment failed."""

    code = "unavailable"
    remedy = "Segment had a problem of its own; try again in a moment."


class InvalidResponse(UpstreamError):
    """The answer is not a JSON object of Segment's: HTML, a redirect, a truncated body."""

    code = "invalid_response"
    remedy = _UNKNOWN


class TimedOut(UpstreamError):
    """No answer in time."""

    code = "timeout"
    remedy = _UNKNOWN
    remedy_unsent = "Nothing was sent. Check the network and the proxy settings; then try again."


class NetworkFailed(UpstreamError):
    """The connection could not be made, or broke."""

    code = "network"
    remedy = _UNKNOWN
    remedy_unsent = "Nothing was sent. Check the network, the proxy settings and the region; then try again."


class SettingsError(Exception):
    """The configuration is wrong: names the variable, the problem and the allowed values, never a secret."""


class StoreError(Exception):
    """What is kept can't be written or read: the disk is full, read-only, locked or corrupt."""


class StoreGoneError(StoreError):
    """What was opened is no longer what stands in its place; opening it anew may help."""
