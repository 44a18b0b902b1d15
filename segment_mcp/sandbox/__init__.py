"""Segment in a box: an ASGI app that answers as Segment does, with state, and without the network.

It serves people who have no workspace, and every test. One app answers for both of Segment's APIs:

    app            routes from the operations' rows, authentication, rate limits, refusals
    api            the Public API: a module for each family of operations, on what they share in `frame`
    made           answers of operations that have no state here, made from their schemas
    tracking_api   the Tracking API: reads a request, and answers 200 to nearly everything
    profile_api    the Profile API, over what `profiles` makes of events
    flow           an event's way: found its source, checked, counted, delivered; with
                   governance    what its tracking plan (`rules`) and schema settings let through
                   routes        its destinations, by `filters` and `actions`
                   webhooks      what is really sent, by `posting`: to loopback only
    workspace      sources, destinations, labels and the rest; `seed` fills it from `workspace.json`
                   and `connections.json`
    ledger         what was counted: events, failures, deliveries, users; it begins with the seeded `history`
    arrivals       the newest events one by one, which also tell a repeat
    dispatches     the newest deliveries one by one
    audit          what was changed, and when

    injector       faults that a person set at /_sandbox/faults: resets, delays, refusals, broken bodies
    debugger       what arrived, for a person to see at /_sandbox/events

    checks, query, references, pages, windows, limits, ingest, volume, delivery, overview, settings, syncs,
    faults, spoil: the decisions, as functions of data
    catalog, regulations and others: what else the workspace knows, each with its seeded entries in a JSON file
    incoming, outgoing, refusals, credentials: how requests are read and answered, and whom the sandbox knows

The sandbox reads the operations' rows and schemas and nothing else of the package, least of all the
adapter: two readers of the same rows check each other.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from segment_mcp.sandbox.credentials import API_TOKEN, PROFILE_SPACE_ID, PROFILE_TOKEN, WRITE_KEYS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.applications import Starlette

__all__ = ["API_TOKEN", "PROFILE_SPACE_ID", "PROFILE_TOKEN", "WRITE_KEYS", "create_app"]


def _utc_now() -> datetime:
    return datetime.now(UTC)


def create_app(
    *,
    now: Callable[[], datetime] = _utc_now,
    new_write_key: Callable[[], str] | None = None,
    random: Callable[[], float] | None = None,
    sleep: Callable[[float], Awaitable[None]] | None = None,
) -> Starlette:
    """A fresh workspace behind Segment's two APIs, with state of its own.

    Args:
        now: the sandbox's clock; every time it answers is an aware `datetime`.
        new_write_key: makes the 32 characters of a created write key; random unless given.
        random: the dice of faults and filters that concern only a share: from 0 up to but not including 1.
        sleep: waits the seconds that faults delay answers by, and those between a webhook's attempts; the event
            loop's unless given.

    Returns:
        An ASGI app for any host name. The workspace lives in the US region: the EU hosts do not know it.
    """
    from segment_mcp.sandbox.app import build  # here, so that importing the door does not import Starlette

    return build(now=now, new_write_key=new_write_key, random=random, sleep=sleep)
