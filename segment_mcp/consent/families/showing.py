"""What is shown of a thing before a person agrees. Pure."""

from collections.abc import Mapping
from typing import Any

from segment_mcp.consent import diffs
from segment_mcp.consent.preview import phrase_of
from segment_mcp.consent.reading import Arguments, Show, Sight, Thing
from segment_mcp.consent.steps import name_of
from segment_mcp.ports import Data


def described(thing: Thing, *members: str) -> Data:
    """`{name, id, ...members}`: of the members those that the thing has."""
    name = {"name": name_of(thing)}
    return {**name, **{member: thing[member] for member in ("id", *members) if thing.get(member) is not None}}


def phrase(thing: Thing, fallback: str) -> str:
    """What a person types: the thing's name."""
    return phrase_of(name_of(thing), fallback)


def showing(heading: str, *members: str, said: str | None = None) -> Show:
    """Show a thing.

    Args:
        heading: what kind of thing it is.
        members: its telling ones.
        said: the heading of what the call says beside; None: nothing that it says decides anything.
    """

    def show(thing: Thing, arguments: Arguments) -> Sight:
        facts: Data = {heading: described(thing, *members)}
        if said is not None:
            facts[said] = told(arguments)
        return Sight(phrase(thing, heading), facts)

    return show


def changing(heading: str, *members: str, whole: tuple[str, ...] = ()) -> Show:
    """Show a thing, and each of its fields that would be something else.

    Args:
        heading: what kind of thing it is.
        members: its telling ones.
        whole: those of its members that are replaced as a whole.
    """

    def show(thing: Thing, arguments: Arguments) -> Sight:
        changes = diffs.fields(thing, arguments, whole)
        facts = {heading: described(thing, *members), "changes": changes or None}
        before = {name: thing.get(name) for name in arguments}
        return Sight(phrase(thing, heading), facts, removes=diffs.removed_from(changes), basis=before)

    return show


def told(arguments: Arguments) -> Data:
    """What a call says, without its secrets, by the path of each member."""
    return {name: _told(change) for name, change in diffs.fields({}, arguments).items()}


def type_of(thing: Mapping[str, Any]) -> str | None:
    """What the catalog calls a source, destination or warehouse of that kind."""
    metadata = thing.get("metadata")
    return name_of(metadata) if isinstance(metadata, Mapping) else None


def _told(change: Mapping[str, Any]) -> Any:
    return change["added"] if "added" in change else change["after"]
