"""What audiences and computed traits have in common: names, the keys made of them, queries and statuses."""

import re
from collections.abc import Mapping
from typing import Any

from segment_mcp.sandbox import refusals
from segment_mcp.sandbox.api.frame import State
from segment_mcp.sandbox.engage import Space

_NOT_A_WORD = re.compile(r"\W+")


def name_of(given: Mapping[str, Any]) -> str:
    """The name in a body.

    Raises:
        RefusalError: 422, it is empty: our choice.
    """
    name: str = given["name"]
    if not name.strip():
        raise refusals.invalid([refusals.problem("name", "is not allowed to be empty")])
    return name


def says_something(query: str) -> None:
    """Refuse a query that is empty, which is our choice; the sandbox does not read it otherwise.

    Raises:
        RefusalError: 422.
    """
    if not query.strip():
        raise refusals.invalid([refusals.problem("definition.query", "is not allowed to be empty")])


def free_key(state: State, space: Space, name: str, fallback: str) -> str:
    """The key that a new audience or computed trait has as a trait of profiles: its name in words and underscores.

    Args:
        state: what else there is.
        space: where the key has to be the only one of its kind.
        name: as a person wrote it.
        fallback: for a name without a letter or digit.

    Raises:
        RefusalError: 409, another audience or computed trait has it: the reference does not say so.
    """
    key = _NOT_A_WORD.sub("_", name.lower()).strip("_") or fallback
    audiences, traits = state.engage.audiences_of(space.id), state.engage.traits_of(space.id)
    if key in {each.key for each in audiences} | {each.key for each in traits}:
        raise refusals.conflict(f'The key "{key}" is taken already', "name")
    return key


def status_of(*, enabled: bool) -> str:
    """One of the documented statuses; the sandbox computes at once."""
    return "Live" if enabled else "Disabled"
