"""What a body says: those of its members that the API knows, and texts that may not be empty."""

from collections.abc import Iterable, Mapping
from typing import Any

from segment_mcp.sandbox import refusals


def only(given: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """The members with these names that the object has: what else a client sends is ignored, not stored."""
    return {name: given[name] for name in names if name in given}


def blanks(given: Mapping[str, Any], names: Iterable[str]) -> list[refusals.Problem]:
    """An error for each of these members that is an empty text."""
    return [refusals.problem(name, "is not allowed to be empty") for name in names if given.get(name) == ""]
