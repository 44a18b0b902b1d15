"""One connection's way to the Profile API: what Unify knows of one person or account of one space.

An identifier is personal data. It stands in no log and no error: a log names a profile by a digest, which only who
has the token could make again.
"""

import base64
import hmac
import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any
from urllib.parse import quote

from segment_mcp.adapter import answers, pages, requests
from segment_mcp.adapter.exchange import Exchange, Sender
from segment_mcp.adapter.gate import Gate
from segment_mcp.adapter.hosts import PROFILE_API, Region, host_of
from segment_mcp.adapter.http import Answer, Http
from segment_mcp.config import Connection
from segment_mcp.errors import InvalidArguments, InvalidResponse, NotConfigured, NotFound, Unauthorized, UpstreamError
from segment_mcp.operations import Operation
from segment_mcp.operations.arguments import path_problem
from segment_mcp.ports import Bounds, Walk
from segment_mcp.timing import SYSTEM, Timing

logger = logging.getLogger(__name__)

WHOLE_LISTS = Bounds()

_SLOT = re.compile(r"\{(\w+)\}")
_TYPE = re.compile(r"\w[\w.-]{0,99}", re.ASCII)
_SEGMENT_ID = re.compile(r"/profiles/([A-Za-z0-9_-]+)/")
_DIGEST = 12
_REQUEST_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")
_LOWER_IS_ASCII = ("\N{KELVIN SIGN}", "\N{LATIN CAPITAL LETTER I WITH DOT ABOVE}")
"""All characters outside ASCII whose lower case has an ASCII letter."""
_BY_THOSE = re.compile(f"([{''.join(_LOWER_IS_ASCII)}])")


@dataclass(frozen=True, slots=True)
class Identifier:
    """What leads to a profile.

    Attributes:
        type: such as `user_id`.
        value: as it goes out.
    """

    type: str
    value: str = field(repr=False)

    @property
    def segment(self) -> str:
        """As it stands in a path: nothing but the colon between the two stays as it is."""
        return f"{quote(self.type, safe='')}:{quote(self.value, safe='')}"


def identifier_of(text: Any, *, exact: bool = False) -> Identifier:
    """The identifier that `user_id:u-1` spells.

    Segment finds identifiers by lower case only (segment-docs, pull request 7780), so that is how they go out.

    Args:
        text: type and value.
        exact: leave the value as it is.

    Raises:
        InvalidArguments: it is of another form, or can't stand in a path. What was given is not repeated.
    """
    kind, colon, value = text.partition(":") if isinstance(text, str) else ("", "", "")
    if not colon or not _TYPE.fullmatch(kind):
        raise InvalidArguments([{"field": "identifier", "message": "must be an ID's type and value, as user_id:u-1"}])
    problem = path_problem(value)
    if problem is not None:
        raise InvalidArguments([{"field": "identifier", "message": problem}])
    return Identifier(kind.lower(), value if exact else _lower(value))


def target_of(operation: Operation, space_id: str, identifier: Identifier, arguments: Mapping[str, Any]) -> str:
    """Path and query of a request, percent-encoded throughout: what is not may be a 500 (unify/profile-api).

    Args:
        operation: the row.
        space_id: of the connection.
        identifier: of the profile.
        arguments: the others, by Segment's names; None counts as absent, a list goes out with commas.

    Raises:
        InvalidArguments: one of them can't be sent.
    """
    in_path = {"spaceId": space_id, "collection": arguments.get("collection")}
    path = _SLOT.sub(
        lambda slot: (
            identifier.segment if slot[1] == "identifier" else requests.path_segment(slot[1], in_path[slot[1]])
        ),
        operation.path,
    )
    asked = ((name, arguments.get(name)) for name in operation.query)
    query = "&".join(f"{name}={_parameter(name, value)}" for name, value in asked if value is not None)
    return f"{path}?{query}" if query else path


def _parameter(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    several = isinstance(value, list | tuple)
    parts = [str(part) for part in (value if several else [value])]
    for part in parts:
        if not part.isprintable() or (several and "," in part):
            raise InvalidArguments([{"field": name, "message": "has a comma, or characters that no name has"}])
    return ",".join(quote(part, safe="") for part in parts)


class ProfileClient:
    """Reads profiles with one connection's token; see `ports.Profiles`.

    Args:
        connection: token, space and region.
        http: the process's HTTP client.
        region: finds out which region has the workspace, where that is not configured; None: nothing says it, and
            Segment's default, the US, is meant.
        timing: clock, waits and chance.
        call_seconds: within which a call is answered.
    """

    def __init__(
        self,
        connection: Connection,
        http: Http,
        region: Callable[[], Awaitable[Region | None]],
        *,
        timing: Timing = SYSTEM,
        call_seconds: float,
    ) -> None:
        self._connection = connection
        self._region = region
        self._timing = timing
        self._call_seconds = call_seconds
        self._sender = Sender(http, Gate(timing), timing)

    async def call(self, operation: Operation, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """One answer of Segment's: the body as it is; see `ports.Profiles`."""
        return await self._call(operation, arguments, self._timing.monotonic() + self._call_seconds)

    async def walk(
        self,
        operation: Operation,
        arguments: Mapping[str, Any] | None = None,
        *,
        keep: Callable[[Any], bool] = lambda _: True,
        bounds: Bounds = WHOLE_LISTS,
    ) -> Walk:
        """A list, page by page; `beside` has the profile's `segmentId` where Segment told it. See `ports.Profiles`."""
        until = self._timing.monotonic() + self._call_seconds
        given = dict(arguments or {})
        size = min(given.pop("limit", operation.per_page), max(1, bounds.items))
        is_cut = False
        host = "Segment"

        async def fetch(asked: Mapping[str, Any]) -> dict[str, Any]:
            nonlocal is_cut, host
            host = host_of(await self._origin())
            page = {"limit": asked["count"], "next": asked.get("cursor")}
            body = await self._call(operation, {**given, **page}, until)
            items, cursor = _items_of(body, operation, host), body.get("cursor")
            is_cut = cursor is None and len(items) >= asked["count"]
            return {"items": items, "pagination": _next_of(cursor, host), **_segment_id(cursor)}

        walked = await pages.walk(
            pages.Listing(fetch, "items", self._timing.monotonic, lambda: host), {"count": size}, bounds, keep
        )
        # Links are documented without a cursor, and as no more than twenty: a full page may not be all of them.
        return replace(walked, truncated=walked.truncated or is_cut)

    async def region(self) -> Region | None:
        """The region in use; None where nothing says it."""
        setting = self._connection.region
        return await self._region() if setting == "auto" else setting

    async def _call(self, operation: Operation, arguments: Mapping[str, Any], until: float) -> dict[str, Any]:
        token, space_id = self._credentials()
        who = identifier_of(arguments.get("identifier"), exact=arguments.get("exact") is True)
        target = target_of(operation, space_id, who, arguments)
        origin = await self._origin()
        host = host_of(origin)
        logger.debug("%s of profile %s at %s", operation.name, _digest(token, who), host)
        credentials = base64.b64encode(f"{token}:".encode()).decode()
        headers = {"Authorization": f"Basic {credentials}"}

        def body_of(answer: Answer) -> dict[str, Any]:
            secrets = self._connection.secrets()
            told = answers.Asked(host, self._timing.now(), lambda: secrets)
            body = answers.body_of(answer.status, answer.headers, answer.content, told)
            for member in operation.answer:
                if member not in body:
                    raise InvalidResponse(
                        f"{host} answered {operation.name} without {member}.",
                        host=host, status=answer.status, kind="incomplete",
                    )  # fmt: skip
            return body

        exchange = Exchange(operation, host, origin + target, lambda _: headers, lambda: None)
        try:
            return await self._sender.run(exchange, body_of, until)
        except UpstreamError as error:
            raise _told(error, who) from None

    def _credentials(self) -> tuple[str, str]:
        """The token, and the space that it is for.

        Raises:
            NotConfigured: one of them is missing.
        """
        token, space_id = self._connection.profile_token, self._connection.profile_space_id
        if token is None:
            raise NotConfigured("SEGMENT_PROFILE_TOKEN", "looking up a profile (like SEGMENT_PROFILE_SPACE_ID)")
        if space_id is None:
            raise NotConfigured("SEGMENT_PROFILE_SPACE_ID", "looking up a profile (like SEGMENT_PROFILE_TOKEN)")
        return token.get_secret_value(), space_id

    async def _origin(self) -> str:
        """Where profiles are. A region that can't be found out is not guessed: whose data it is hangs on it."""
        return self._connection.profile_url or PROFILE_API[await self.region() or "us"]


def _digest(token: str, who: Identifier) -> str:
    return hmac.new(token.encode(), f"{who.type}:{who.value}".encode(), sha256).hexdigest()[:_DIGEST]


def _told(error: UpstreamError, who: Identifier) -> UpstreamError:
    """The failure in our own words only, with what may be wrong.

    Segment's words may repeat the identifier, in any spelling: they are dropped, not searched.
    """
    if "errors" in error.details:
        error.message = f"{error.host} answered {error.status}, and why is not repeated, as it may name the person."
        error.args = (error.message,)
        del error.details["errors"]
    request_id = error.details.get("requestId")
    if request_id is not None and not _is_request_id(request_id, who):
        del error.details["requestId"]
    if isinstance(error, Unauthorized):
        return error.adding("SEGMENT_PROFILE_TOKEN, SEGMENT_PROFILE_SPACE_ID and the region have to belong together.")
    if isinstance(error, NotFound):
        return error.adding("The space knows no such profile; the type of the ID matters, too.")
    return error


def _is_request_id(text: str, who: Identifier) -> bool:
    """Whether a request's ID looks like one, and has nothing of the person in it."""
    person = re.compile(rf"(?<![^\W_]){re.escape(who.value)}(?![^\W_])", re.IGNORECASE)
    return _REQUEST_ID.fullmatch(text) is not None and person.search(text) is None


def _lower(text: str) -> str:
    """In lower case; a sign that would become an ASCII letter stays, as that would be another's ID."""
    return "".join(part if part in _LOWER_IS_ASCII else part.lower() for part in _BY_THOSE.split(text))


def _items_of(body: Mapping[str, Any], operation: Operation, host: str) -> list[Any]:
    """The items of a page; traits as `[name, value]`.

    Raises:
        InvalidResponse: there is no list, or no map of traits.
    """
    listed = body[operation.answer[0]]
    if isinstance(listed, dict):
        return [[name, value] for name, value in listed.items()]
    if isinstance(listed, list):
        return listed
    raise _another_shape(host)


def _next_of(cursor: Any, host: str) -> dict[str, Any]:
    """Where the next page begins: `{next}`; `{}` after the last one, and where the answer has no cursor.

    Raises:
        InvalidResponse: the cursor is not of Segment's shape, or says that there is more and not where.
    """
    if cursor is None:
        return {}
    if not isinstance(cursor, dict) or not isinstance(cursor.get("next", ""), str):
        raise _another_shape(host)
    following = cursor.get("next", "")
    if cursor.get("has_more", bool(following)) is not True:
        return {}
    if not following:
        raise _another_shape(host)
    return {"next": following}


def _segment_id(cursor: Any) -> dict[str, str]:
    """Segment's own ID of the profile, where the cursor's URL has it in place of the identifier that was asked for."""
    url = cursor.get("url") if isinstance(cursor, dict) else None
    found = _SEGMENT_ID.search(url) if isinstance(url, str) else None
    return {} if found is None else {"segmentId": found[1]}


def _another_shape(host: str) -> InvalidResponse:
    return InvalidResponse(f"{host} answered a list of another shape.", host=host, kind="another_shape")
