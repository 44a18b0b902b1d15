"""One row per operation: what a Segment API call is named, where it goes, and what it can do.

Names, paths and parameters are spelled as Segment spells them. Facts come from Segment's Public API
73.2.0 (the official SDKs) and, for the Tracking API and the Profile API, from Segment's documentation.
"""

from dataclasses import dataclass
from typing import Literal

Api = Literal["public", "tracking", "profile"]
Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
Safety = Literal["read", "write", "destroy"]
Stability = Literal["ga", "beta", "alpha"]
Pages = Literal["cursor", "forward", "flat", "two", "next"]

GET: Method = "GET"
POST: Method = "POST"
PUT: Method = "PUT"
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
        safety: `read`: changes nothing; `write`: can be changed back, and reaches nobody; `destroy`: can't be taken
            back, reaches people or other systems, or replaces what is there as a whole. Decided by what the call
            does, not by its method.
        summary: one sentence of our own.
        words: what else people call it, for the search.
        harm: of what destroys: what happens then, in one sentence.
        api: which of Segment's APIs serves it.
        answer: members of `data`, in the Profile API of the body, without which an answer is none: what was asked
            for and, where the reference requires it, `pagination`.
        query: arguments that travel in the query string. What is in neither path nor query is the body.
        pagination: how its answer comes in pages: `cursor`: by the argument `pagination`; `forward`: likewise, but
            never back; `flat`: by `count` and `cursor`; `two`: two lists, each by an argument of its own; `next`: by
            `limit` and `next`, as the Profile API has it.
        per_page: items a page to ask for, where one wants all of them.
        body: whether the request has one.
        per_minute: Segment's documented limit of calls a minute, where it documents one.
        per_second: its documented limit of calls a second, which all operations of its API share.
        quota: another limit that Segment documents, in words.
        stability: the most stable version that Segment offers.
        feature: what the workspace's plan must include, by Segment's name for it.
        only_for: the kind of thing that it works on, where it does not work on all.
        roles: those that the token must have, any of them.
        audit: types of the events that it causes in the audit trail.
        sunset: the day after which Segment promises nothing of it.
        asks_elsewhere: whether a region that does not have it is not the last to be asked: the toolkit's page
            promises that of two operations.
        regulates: whether it deletes or suppresses the data of people.
    """

    name: str
    method: Method
    path: str
    safety: Safety
    summary: str
    words: str = ""
    harm: str = ""
    api: Api = "public"
    answer: tuple[str, ...] = ()
    query: tuple[str, ...] = ()
    pagination: Pages | None = None
    per_page: int = 200
    body: bool = False
    per_minute: int | None = None
    per_second: int | None = None
    quota: str = ""
    stability: Stability = "ga"
    feature: str = ""
    only_for: str = ""
    roles: tuple[str, ...] = ()
    audit: tuple[str, ...] = ()
    sunset: str = ""
    asks_elsewhere: bool = False
    regulates: bool = False

    @property
    def content_type(self) -> str:
        """The media type of the request body: beta and alpha bodies do not all declare plain JSON."""
        return _REQUEST_TYPES[self.stability]
