"""The sandbox's door: routes from the rows, the token, the rate limits, and refusals as Segment words them.

The order in which a Public API request is judged: token, rate limit, parameters, body, handler. A path or
method that no row has is 404, once the token is known; the Tracking API's needs none.
"""

import re
import secrets
import string
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import cache
from types import MappingProxyType
from urllib.parse import unquote

import anyio
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, compile_path
from starlette.types import ASGIApp, Receive, Scope, Send

from segment_mcp.operations import OPERATIONS, Operation
from segment_mcp.sandbox import (
    checks,
    debugger,
    history,
    incoming,
    injector,
    made,
    profile_api,
    profiles,
    refusals,
    regulations,
    seed,
    tracking_api,
)
from segment_mcp.sandbox.api.frame import Call, State
from segment_mcp.sandbox.api.handlers import HANDLERS
from segment_mcp.sandbox.credentials import API_TOKEN
from segment_mcp.sandbox.faults import Faults
from segment_mcp.sandbox.flow import Flow
from segment_mcp.sandbox.limits import RateLimits, Standing
from segment_mcp.sandbox.outgoing import Json

EU_HOST = "eu1.api.segmentapis.com"
WRITE_KEY_LENGTH = 32
ID_LENGTH = 22

_VENDOR = "application/vnd.segment."
_VERSIONS = MappingProxyType(
    {
        "ga": ("v1+json", "v1beta+json", "v1alpha+json"),
        "beta": ("v1beta+json", "v1alpha+json"),
        "alpha": ("v1alpha+json",),
    }
)


class _ExactPaths:
    """Routes by the path as it was sent: an encoded slash is part of an ID, not a step to another operation."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope = {**scope, "path": scope["raw_path"].decode("ascii", "replace")}
        await self._app(scope, receive, send)


Endpoint = Callable[[Request], Awaitable[Response]]


def build(
    *,
    now: Callable[[], datetime],
    new_write_key: Callable[[], str] | None,
    random: Callable[[], float] | None,
    sleep: injector.Sleep | None,
) -> Starlette:
    """An app around a freshly seeded workspace; `segment_mcp.sandbox.create_app` is its public name."""

    def clock() -> datetime:
        return now().astimezone(UTC)  # days and answers are UTC, whatever zone the clock is in

    state = State(
        seed.workspace(),
        history.ledger(clock()),
        new_write_key or _random_write_key,
        _random_id,
        regulations=regulations.seeded(clock()),
        profiles=profiles.seeded(clock()),
    )
    profile_calls = profile_api.ProfileApi(state.profiles, clock, state.new_id)
    dice = random or secrets.SystemRandom().random
    flow, limits = Flow(state.workspace, state.ledger, state.tracking_plans, dice, state.profiles), RateLimits()
    faults = Faults(dice)
    wait = anyio.sleep if sleep is None else sleep

    def route(row: Operation) -> Route:
        if row.api == "tracking":
            endpoint = tracking_api.endpoint(row.name, flow, clock, wait)
        elif row.api == "profile":
            endpoint = profile_calls.endpoint(row.name)
        else:
            endpoint = _endpoint(row, state, limits, clock, wait)
        spoiling = Middleware(injector.Injector, row=row, faults=faults, sleep=wait)
        return Route(row.path, endpoint, methods=[row.method], middleware=[spoiling])

    app = Starlette(
        routes=[
            Route(injector.PATH, injector.administration(faults), methods=["GET", "POST", "DELETE"]),
            Route(debugger.PATH, debugger.endpoint(state.ledger), methods=["GET", "DELETE"]),
        ],
        middleware=[Middleware(_ExactPaths)],
        exception_handlers={refusals.RefusalError: _refused, 404: _no_such_operation, 405: _no_such_operation},
    )
    app.router.redirect_slashes = False  # Segment's paths are exact
    app.router.default = _Operations(route)
    return app


class _Operations:
    """Leads a request to its operation. An operation's route is made when it is first asked for: there are many.

    Args:
        route: makes it.
    """

    def __init__(self, route: Callable[[Operation], Route]) -> None:
        self._route = route
        self._routes: dict[str, Route] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        for row, path in _paths():
            if row.method == scope["method"] and path.match(scope["path"]):
                if row.name not in self._routes:
                    self._routes[row.name] = self._route(row)
                route = self._routes[row.name]
                _, found = route.matches(scope)
                await route.handle({**scope, **found}, receive, send)
                return
        raise HTTPException(404)


@cache
def _paths() -> tuple[tuple[Operation, re.Pattern[str]], ...]:
    """Each operation with what its path looks like, the one that is meant first."""
    return tuple((row, compile_path(row.path)[0]) for row in sorted(OPERATIONS.values(), key=_precedence))


def _precedence(row: Operation) -> tuple[bool, list[bool]]:
    """The Tracking API first: it is where the traffic is. Then literal steps of a path before slots."""
    return row.api != "tracking", [step.startswith("{") for step in row.path.split("/")]


def _endpoint(
    row: Operation, state: State, limits: RateLimits, now: Callable[[], datetime], wait: injector.Sleep
) -> Endpoint:
    handler = HANDLERS.get(row.name, made.answer)
    marks = made.HEADER if handler is made.answer else {}

    async def answer(request: Request) -> Response:
        _authorize(request)
        moment = now()
        in_path = {name: unquote(value) for name, value in request.path_params.items()}
        standing = limits.count(row, moment, in_path)
        if standing.exceeded:
            left = standing.reset - moment
            raise refusals.too_many(standing.consumed, max(1, round(left.total_seconds() * 1000)))
        agreed = checks.contract(row.name)
        arguments = checks.arguments(agreed, in_path, request.query_params.multi_items())
        body = checks.body(agreed, await incoming.json_of(request)) if agreed.body is not None else None
        call = Call(row, arguments, body, moment, dict(request.headers))
        try:
            data = handler(state, call)
        finally:
            if call.wishes.delay:
                await wait(call.wishes.delay)
        for note in call.notes:
            state.audit.add(note, state.new_id(), moment)
        return Json(
            {"data": data},
            status_code=call.wishes.status or agreed.status,
            headers={**_rate_headers(standing), **marks},
            media_type=_media_type(request, row),
        )

    return answer


def _authorize(request: Request) -> None:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    known = scheme.lower() == "bearer" and secrets.compare_digest(token.encode(), API_TOKEN.encode())
    if not known or incoming.host_of(request) == EU_HOST:
        raise refusals.unauthorized()


def _media_type(request: Request, row: Operation) -> str:
    """The vendor type that `Accept` asks for, if the operation has that version; plain JSON otherwise."""
    accepted = [part.partition(";")[0].strip() for part in request.headers.get("accept", "").split(",")]
    offered = {f"{_VENDOR}{version}" for version in _VERSIONS[row.stability]}
    return next((each for each in accepted if each in offered or each == "application/json"), "application/json")


def _rate_headers(standing: Standing) -> dict[str, str]:
    return {
        "X-RateLimit-Consumed": str(standing.consumed),
        "X-RateLimit-Remaining": str(standing.remaining),
        "X-RateLimit-Reset": format_datetime(standing.reset),
    }


async def _refused(_: Request, error: Exception) -> Response:
    if not isinstance(error, refusals.RefusalError):  # registered for nothing else
        raise error
    return Json({"errors": list(error.problems)}, status_code=error.status, headers=error.headers)


async def _no_such_operation(request: Request, _: Exception) -> Response:
    if request.scope["path"].startswith(profile_api.PREFIX):
        return profile_api.refused(profile_api.unknown_route(), _random_id())
    # The Tracking API's and the sandbox's own need no token; the Public API has neither of these beginnings.
    if request.scope["path"].startswith(("/v1/", "/_sandbox/")):
        return await _refused(request, refusals.not_found())
    try:
        _authorize(request)
    except refusals.RefusalError as refusal:
        return await _refused(request, refusal)
    return await _refused(request, refusals.not_found())


def _random_write_key() -> str:
    return "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(WRITE_KEY_LENGTH))


def _random_id() -> str:
    return "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(ID_LENGTH))
