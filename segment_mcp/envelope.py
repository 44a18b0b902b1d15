"""The one shape that every tool answers: `successful`, `data` and, on a failure, `error`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic_core import to_json

from segment_mcp.errors import SegmentMcpError

ENVELOPE_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "successful": {"type": "boolean", "description": "Whether the call did what it was asked to do."},
        "data": {"type": "object", "description": "Segment's own data; after a failure, its code and what is known."},
        "error": {"type": "string", "description": "What happened and what to do next; only after a failure."},
    },
    "required": ["successful", "data"],
}
"""The envelope as JSON Schema: every tool's output schema."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """What a tool answers.

    Attributes:
        successful: whether the call did what it was asked to do.
        data: Segment's own `data` object; after a failure `{"code": ..., ...}`.
        error: what happened and what to do next; None on success.
    """

    successful: bool
    data: Mapping[str, Any]
    error: str | None = None

    @classmethod
    def success(cls, data: Mapping[str, Any]) -> "Envelope":
        """The answer of a call that did what it was asked to do."""
        return cls(successful=True, data=data)

    @classmethod
    def failure(cls, error: SegmentMcpError) -> "Envelope":
        """The answer of a call that did not."""
        return cls(successful=False, data=error.data(), error=str(error))

    def as_dict(self) -> dict[str, Any]:
        """`{successful, data}` and, after a failure, `error`: plain JSON values."""
        if self.error is None:
            return {"successful": self.successful, "data": self.data}
        return {"successful": self.successful, "data": self.data, "error": self.error}

    def as_json(self) -> str:
        """`as_dict` as one line of JSON."""
        return to_json(self.as_dict()).decode()
