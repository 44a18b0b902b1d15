"""One row per operation: what a Segment API call is named, where it goes, and what it can do.

Names, paths and parameters are spelled as Segment spells them. Facts come from Segment's Public API
73.2.0 (the official SDKs) and, for the Tracking API, from Segment's HTTP API documentation.
"""

from dataclasses import dataclass
from typing import Literal

Api = Literal["public", "tracking"]
Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
Safety = Literal["read", "write", "destroy"]
Stability = Literal["ga", "beta", "alpha"]

GET: Method = "GET"
POST: Method = "POST"
PATCH: Method = "PATCH"
DELETE: Method = "DELETE"

_REQUEST_TYPES: dict[Stability, str] = {
    "ga": "application/json",
    "beta": "application/vnd.segment.v1beta+json",
    "alpha": "application/vnd.segment.v1alpha+json",
}


@dataclass(frozen=True, slots=True)
class Operation:
    """A call of one of Segment's APIs.

    Attributes:
        name: Segment's operationId, such as `updateSource`.
        method: HTTP method.
        path: path template below the API's host; `{sourceId}` stands for the argument of that name.
        safety: `read`, `write` or `destroy`: decided by what the call does, not by its method.
        summary: one sentence of our own.
        api: which of Segment's APIs serves it.
        answer: members of `data` without which an answer is none: what was asked for and, where the
            reference requires it, `pagination`.
        query: arguments that travel in the query string; `pagination` among them says that the answer comes in
            pages. What is in neither path nor query is the body.
        per_minute: Segment's documented limit of calls a minute, where it documents one.
        stability: the most stable version that Segment offers.
        asks_elsewhere: whether a region that does not have it is not the last to be asked: the toolkit's page
            promises that of two operations.
    """

    name: str
    method: Method
    path: str
    safety: Safety
    summary: str
    api: Api = "public"
    answer: tuple[str, ...] = ()
    query: tuple[str, ...] = ()
    per_minute: int | None = None
    stability: Stability = "ga"
    asks_elsewhere: bool = False

    @property
    def content_type(self) -> str:
        """The media type of the request body: beta and alpha bodies do not all declare plain JSON."""
        return _REQUEST_TYPES[self.stability]
