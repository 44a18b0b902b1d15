"""A query, and how a text becomes one."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from segment_mcp.fql.evaluation import Scope, truth
from segment_mcp.fql.glob import TooMuchToMatch
from segment_mcp.fql.grammar import read
from segment_mcp.fql.tree import Field, Node, inside

_NEEDS_ESCAPE = re.compile(r"[^a-zA-Z0-9_-]")


def _fields(node: Node) -> Iterator[Field]:
    if isinstance(node, Field):
        yield node
    for below in inside(node):
        yield from _fields(below)


@dataclass(frozen=True, slots=True)
class Query:
    """A parsed query; `text` is what it was parsed from."""

    text: str
    _root: Node = field(repr=False)

    def matches(self, event: Mapping[str, Any]) -> bool:
        """Whether the query is true of an event, of which all is known. Never raises, whatever JSON the event is.

        False, too, where `match` would have to go through more than two million characters; equal pairs of text and
        pattern count once.
        """
        return self._truth(Scope(event, partial=False)) is True

    def decide(self, known: Mapping[str, Any]) -> bool | None:
        """Whether the query is true of every event, or of none, that has these top-level fields.

        A field in `known` is known wholly; any other is unknown. None: it depends on what is unknown, or `match` would
        have to go through more than two million characters; equal pairs of text and pattern count once.
        """
        return self._truth(Scope(known, partial=True))

    def fields(self) -> frozenset[str]:
        r"""The dotted paths that the query reads, escaped as in a query: `properties.product\ 1`."""
        return frozenset(
            ".".join(_NEEDS_ESCAPE.sub(r"\\\g<0>", key) for key in found.keys) for found in _fields(self._root)
        )

    def _truth(self, scope: Scope) -> bool | None:
        try:
            return truth(self._root, scope)
        except TooMuchToMatch:
            return None


@lru_cache(maxsize=512)
def parse(text: str) -> Query:
    """The query that a text means; equal texts give one query.

    Raises:
        FqlError: the text is no query, or longer or deeper than what is read.
    """
    return Query(text, read(text))
