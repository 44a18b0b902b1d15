"""The Profile API: reads a request, and answers as Segment documents it (unify/profile-api).

Errors are `{"error": {code, message}}`; every answer has a `Request-Id`. A space takes a hundred calls a second.

Choices where the documentation is silent: a token for another space is as good as none; a wrong parameter is a 400
`invalid_request_error`, an unknown one is ignored; lists have ten items unless `limit` is given; a cursor names the
first item of the page to come; `+` in a path means a blank, as the documented need to write `%2B` suggests.
"""

import base64
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from secrets import compare_digest
from types import MappingProxyType
from typing import Any, Literal, TypeVar, get_args
from urllib.parse import unquote_plus

from starlette.requests import Request
from starlette.responses import Response

from segment_mcp.sandbox import incoming, windows
from segment_mcp.sandbox.credentials import PROFILE_SPACE_ID, PROFILE_TOKEN
from segment_mcp.sandbox.limits import Standing, after_call
from segment_mcp.sandbox.outgoing import Json
from segment_mcp.sandbox.profiles import Collection, ExternalId, Profile, Profiles, TrackEvent

EU_HOST = "profiles.euw1.segment.com"
PREFIX = "/v1/spaces/"
PER_SECOND = 100
DEFAULT_LIMIT = 10

Data = dict[str, Any]
Code = Literal["authentication_error", "invalid_request_error", "rate_limit_error", "validation_error", "not_found"]
T = TypeVar("T")

_SECOND = timedelta(seconds=1)
_NAME = re.compile(r"[a-z_]+")
_MOST: Mapping[str, int] = MappingProxyType({"traits": 200, "external_ids": 100, "events": 100, "links": 20})
_CLASSES = frozenset({"audience", "computed_trait"})


class RefusalError(Exception):
    """The request ends here.

    Attributes:
        status: HTTP status.
        code: Segment's.
        message: for people.
    """

    def __init__(self, status: int, code: Code, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status
        self.code = code
        self.message = message


def refused(error: RefusalError, request_id: str) -> Response:
    """How the Profile API says no."""
    return Json(
        {"error": {"code": error.code, "message": error.message}},
        status_code=error.status,
        headers={"Request-Id": request_id},
    )


def unknown_route() -> RefusalError:
    """404, for a path below `/v1/spaces/` that leads nowhere."""
    return RefusalError(404, "not_found", "Route was not found.")


class ProfileApi:
    """What answers the Profile API's calls.

    Args:
        profiles: of the one space there is.
        now: the clock.
        new_id: makes the ID of a request.
    """

    def __init__(self, profiles: Profiles, now: Callable[[], datetime], new_id: Callable[[], str]) -> None:
        self._profiles = profiles
        self._now = now
        self._new_id = new_id
        self._standing: Standing | None = None

    def endpoint(self, name: str) -> Callable[[Request], Awaitable[Response]]:
        """What answers one operation."""
        answer_of = _ANSWERS[name]

        async def answer(request: Request) -> Response:
            request_id = self._new_id()
            try:
                data = answer_of(self._profiles, self._profile(request), Asked(request, self._now()))
            except RefusalError as refusal:
                return refused(refusal, request_id)
            return Json(data, headers={"Request-Id": request_id})

        return answer

    def _profile(self, request: Request) -> Profile:
        """The profile that a request names.

        Raises:
            RefusalError: it may not ask, asks too often, or there is none.
        """
        in_path = {name: unquote_plus(value) for name, value in request.path_params.items()}
        _authorize(request, in_path["spaceId"])
        self._standing = after_call(self._standing, PER_SECOND, self._now(), _SECOND)
        if self._standing.exceeded:
            raise RefusalError(429, "rate_limit_error", "Too many requests.")
        collection = in_path["collection"]
        if not _NAME.fullmatch(collection):
            odd = "".join(dict.fromkeys(_NAME.sub("", collection)))
            raise RefusalError(400, "validation_error", f"The parameter `collection` has invalid character(s) `{odd}`")
        known: tuple[Collection, ...] = get_args(Collection)
        for each in known:
            found = self._profiles.find(each, in_path["identifier"]) if each == collection else None
            if found is not None:
                return found
        raise RefusalError(404, "not_found", "Profile was not found.")


class Asked:
    """What a request asks for, besides whose profile.

    Args:
        request: whose query it is; of a name that stands twice, the first value counts.
        now: the clock.
    """

    def __init__(self, request: Request, now: datetime) -> None:
        self._query = dict(reversed(request.query_params.multi_items()))
        self.now = now
        self.choice("verbose", {"true", "false"})

    @property
    def is_verbose(self) -> bool:
        """Whether each value is to come with where it is from."""
        return self._query.get("verbose") == "true"

    def choice(self, name: str, allowed: frozenset[str] | set[str]) -> str | None:
        """One of the allowed values, if any is given.

        Raises:
            RefusalError: it is another one.
        """
        value = self._query.get(name)
        if value is not None and value not in allowed:
            raise _wrong(name, f"must be one of {', '.join(sorted(allowed))}")
        return value

    def names(self, name: str) -> frozenset[str] | None:
        """Names with commas between them, if any are given."""
        return frozenset(self._query[name].split(",")) if name in self._query else None

    def moment(self, name: str) -> datetime | None:
        """A moment in ISO 8601, if it is given.

        Raises:
            RefusalError: it is none.
        """
        if name not in self._query:
            return None
        found = windows.parse(self._query[name])
        if found is None:
            raise _wrong(name, "must be in ISO 8601")
        return found

    def limit(self, kind: str) -> int:
        """Items a page.

        Raises:
            RefusalError: fewer than one, or more than are documented.
        """
        text = self._query.get("limit", str(DEFAULT_LIMIT))
        if not text.isascii() or not text.isdecimal() or not 1 <= int(text[:9]) <= _MOST[kind]:
            raise _wrong("limit", f"must be between 1 and {_MOST[kind]}")
        return int(text)

    def page(self, kind: str, items: Sequence[T], name_of: Callable[[T], str]) -> tuple[Sequence[T], Data]:
        """A page of a list, and the cursor that goes with it but for its URL.

        Raises:
            RefusalError: limit or cursor are wrong.
        """
        limit, start = self.limit(kind), 0
        if self._query.get("next"):
            names = [name_of(item) for item in items]
            if self._query["next"] not in names:
                raise _wrong("next", "is no cursor of this list")
            start = names.index(self._query["next"])
        following = items[start + limit : start + limit + 1]
        cursor = {"has_more": bool(following), "next": name_of(following[0]) if following else "", "limit": limit}
        return items[start : start + limit], cursor


def _traits(_: Profiles, profile: Profile, asked: Asked) -> Data:
    wanted, kind = asked.names("include"), asked.choice("class", _CLASSES)
    names = sorted(
        name
        for name, trait in profile.traits.items()
        if (wanted is None or name in wanted) and kind in {None, trait.kind}
    )
    shown, cursor = asked.page("traits", names, str)
    told: Data = {}
    for name in shown:
        trait = profile.traits[name]
        verbose = {"value": trait.value, "source_id": trait.source_id, "updated_at": windows.iso(trait.updated)}
        told[name] = verbose if asked.is_verbose else trait.value
    return {"traits": told, "cursor": _cursor(profile, "traits", cursor)}


def _external_ids(_: Profiles, profile: Profile, asked: Asked) -> Data:
    wanted = asked.names("include")
    listed = [each for each in profile.external_ids.values() if wanted is None or each.type in wanted]
    shown, cursor = asked.page("external_ids", listed, lambda each: each.mapping)
    told = [{**_external_id(each), "first_message_id": each.message_id} for each in shown]
    return {"data": told, "cursor": _cursor(profile, "external_ids", cursor)}


def _events(profiles: Profiles, profile: Profile, asked: Asked) -> Data:
    start, end = asked.moment("start"), asked.moment("end")
    include, exclude = asked.names("include"), asked.names("exclude")
    listed = [
        event
        for event in profiles.events(profile, asked.now)
        if (start is None or event.timestamp > start)
        and (end is None or event.timestamp < end)
        and (include is None or event.event in include)
        and (exclude is None or event.event not in exclude)
    ]
    if asked.choice("sort", {"asc", "desc"}) != "asc":
        listed.reverse()
    shown, cursor = asked.page("events", listed, _event_cursor)
    told = [_event(event, profile) for event in shown]
    return {"data": told, "cursor": _cursor(profile, "events", cursor)}


def _metadata(_: Profiles, profile: Profile, __: Asked) -> Data:
    return {
        "metadata": {
            "created_at": windows.iso(profile.first.received),
            "updated_at": windows.iso(profile.last.received),
            "expires_at": None,
            "first_message_id": profile.first.message_id,
            "first_source_id": profile.first.source_id,
            "last_message_id": profile.last.message_id,
            "last_source_id": profile.last.source_id,
        }
    }


def _links(profiles: Profiles, profile: Profile, asked: Asked) -> Data:
    """Links come without a cursor in the documentation: what is beyond the limit is not told."""
    linked = [found for found in map(profiles.of_id, profile.links) if found is not None]
    return {
        "data": [
            {
                "to_collection": each.collection,
                "external_ids": [_external_id(one) for one in each.external_ids.values()],
            }
            for each in linked[: asked.limit("links")]
        ]
    }


def _authorize(request: Request, space_id: str) -> None:
    token = incoming.write_key(request, {})  # the user of Basic credentials
    known = compare_digest(token.encode(), PROFILE_TOKEN.encode())
    if not known or space_id != PROFILE_SPACE_ID or incoming.host_of(request) == EU_HOST:
        raise RefusalError(401, "authentication_error", "The access token is missing, or not valid for this space.")


def _wrong(name: str, predicate: str) -> RefusalError:
    return RefusalError(400, "invalid_request_error", f"The parameter `{name}` {predicate}.")


def _cursor(profile: Profile, kind: str, cursor: Data) -> Data:
    url = f"{PREFIX}{PROFILE_SPACE_ID}/collections/{profile.collection}/profiles/{profile.id}/{kind}"
    return {"url": url, **cursor}


def _external_id(each: ExternalId) -> Data:
    return {
        "id": each.id,
        "type": each.type,
        "source_id": each.source_id,
        "collection": each.collection,
        "created_at": windows.iso(each.created),
        "encoding": "none",
    }


def _event_cursor(event: TrackEvent) -> str:
    nanoseconds = (event.timestamp - windows.EPOCH) // timedelta(microseconds=1) * 1_000
    return base64.b64encode(f"{nanoseconds}::{event.message_id}".encode()).decode()


def _event(event: TrackEvent, profile: Profile) -> Data:
    return {
        "external_ids": [
            {"collection": "users", "type": kind, "id": value, "encoding": "none"} for kind, value in event.identifiers
        ],
        "context": event.context,
        "type": "track",
        "message_id": event.message_id,
        "source_id": event.source_id,
        "timestamp": windows.iso(event.timestamp),
        "properties": event.properties,
        "event": event.event,
        "related": {"users": profile.id},
    }


_ANSWERS: Mapping[str, Callable[[Profiles, Profile, Asked], Data]] = MappingProxyType(
    {
        "getProfileTraits": _traits,
        "getProfileExternalIds": _external_ids,
        "getProfileEvents": _events,
        "getProfileMetadata": _metadata,
        "getProfileLinks": _links,
    }
)
