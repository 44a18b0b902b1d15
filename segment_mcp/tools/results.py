"""Whole answers that were too long for a call: kept for a while, in pages, for the client that asked."""

import json
import secrets
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from segment_mcp.ports import Data
from segment_mcp.tools import fitting

LIFETIME = 900.0
"""Seconds for which an answer is kept."""
MOST_CHARACTERS = 64 * 1024 * 1024
"""Of all kept answers together; the oldest go first."""
URI = "segment://results/"
_ENVELOPE = 60
_NOTE = 420
"""Characters of what is told beside the cuts."""


@dataclass(frozen=True, slots=True)
class _Kept:
    caller: str
    pages: tuple[str, ...]
    characters: int
    until: float


class Results:
    """The answers that are kept; they are gone with the process.

    Args:
        monotonic: seconds that never go back.
        limit: characters of one page.
    """

    def __init__(self, monotonic: Callable[[], float], limit: int) -> None:
        self._monotonic = monotonic
        self._limit = limit
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._characters = 0

    def fitted(self, data: Mapping[str, Any], caller: str) -> Data:
        """The data if it fits an answer; otherwise what fits of it, and where the whole is.

        Returns:
            The data; what was cut has `shortened: {lists: [{path, shown, of}], resource, pages, hint}` beside it.
        """
        if fitting.size(data) <= self._limit - _ENVELOPE:
            return dict(data)
        shown, cuts = fitting.fit(data, self._limit - _ENVELOPE - _NOTE)
        name, count = self._keep(data, caller)
        return {
            **shown,
            "shortened": {
                "lists": cuts,
                "resource": f"{URI}{name}",
                "pages": count,
                "hint": "Only a part is shown. Read the resource (then ?page=2 and so on), or ask for less with "
                "pagination.count, or with select of segment_api_read. A cursor in pagination goes on after the whole "
                "page, not after what is shown.",
            },
        }

    def page(self, name: str, page: int, caller: str) -> str | None:
        """One page of a kept answer as JSON, `{page, pages, next?, entries}`; None: there is none for this caller.

        Entries are what `fitting.pages` makes.
        """
        self._forget_old()
        kept = self._kept.get(name)
        if kept is None or kept.caller != caller or not 1 <= page <= len(kept.pages):
            return None
        following = {"next": f"{URI}{name}?page={page + 1}"} if page < len(kept.pages) else {}
        head = json.dumps({"page": page, "pages": len(kept.pages), **following}, separators=(",", ":"))
        return f"{head[:-1]},{kept.pages[page - 1][1:]}"

    def _keep(self, data: Mapping[str, Any], caller: str) -> tuple[str, int]:
        self._forget_old()
        name = secrets.token_urlsafe(18)
        made = tuple(fitting.pages(data, self._limit))
        kept = _Kept(caller, made, sum(map(len, made)), self._monotonic() + LIFETIME)
        self._kept[name] = kept
        self._characters += kept.characters
        while self._characters > MOST_CHARACTERS and len(self._kept) > 1:
            self._drop(next(iter(self._kept)))
        return name, len(made)

    def _forget_old(self) -> None:
        now = self._monotonic()
        for name in [name for name, kept in self._kept.items() if kept.until <= now]:
            self._drop(name)

    def _drop(self, name: str) -> None:
        self._characters -= self._kept.pop(name).characters
