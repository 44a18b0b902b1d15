"""The steps that recipes are made of.

    one, found, every, beside    read the thing itself
    names, named, events         read what hangs on it

Parameters of what they read come from the arguments of the operation or from the thing, by the same name; those that
are called something else there are given as `its("name")` or `given("name")`.
"""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar

from segment_mcp.consent.diffs import listing
from segment_mcp.consent.reading import SLOT, Arguments, Look, Part, Reader, Step, Thing
from segment_mcp.errors import InvalidArguments, NotFound
from segment_mcp.operations import Operation, get
from segment_mcp.ports import Data
from segment_mcp.redact import clean
from segment_mcp.timing import timestamp_of

WEEK = timedelta(days=7)
"""How far back traffic is looked for."""
EVENTS = "eventsInLastWeek"

T = TypeVar("T")
Given = Callable[[Thing, Arguments], Any]
"""Where a parameter comes from: what was read, or the arguments of the operation."""


def its(name: str) -> Given:
    """A member of what was read."""
    return lambda thing, _: thing.get(name)


def given(name: str) -> Given:
    """An argument of the operation."""
    return lambda _, arguments: arguments.get(name)


def one(name: str, member: str, **parameters: Given) -> Look:
    """Read a thing; what else the answer says stands among its members.

    Raises:
        InvalidArguments: Segment answers that there is none.
    """

    async def look(reader: Reader) -> Data:
        answer = await reader.call(name, _arguments(get(name), {}, reader.arguments, parameters))
        thing = answer[member]
        if not isinstance(thing, dict):
            raise absent(SLOT.findall(get(name).path)[-1])
        return {**{other: value for other, value in answer.items() if other != member}, **thing}

    return look


def found(what: str, name: str, argument: str, fits: Callable[[Any, Arguments], bool]) -> Look:
    """Find a thing in a list.

    Args:
        what: what the list is of.
        name: lists them.
        argument: the argument that names the thing.
        fits: whether an item is it.

    Raises:
        InvalidArguments: it is not in the list.
    """

    async def look(reader: Reader) -> Data:
        row = get(name)
        arguments = _arguments(row, {}, reader.arguments, {})
        if row.pagination is None:
            items = (await reader.call(name, arguments))[row.answer[0]]
        else:
            items = (await reader.walk(name, arguments, lambda item: fits(item, reader.arguments))).items
        for item in items:
            if fits(item, reader.arguments):
                return dict(item)
        raise absent(argument, f"is not among the {what} that can be read")

    return look


def every(what: str, name: str, **parameters: Given) -> Callable[[Reader], Awaitable[list[Any]]]:
    """Read a whole list."""

    async def read(reader: Reader) -> list[Any]:
        return await reader.whole(what, name, _arguments(get(name), {}, reader.arguments, parameters))

    return read


def beside(look: Look, **others: Callable[[Reader], Awaitable[Any]]) -> Look:
    """Read a thing, and what the operation would change of it, as further members."""

    async def read(reader: Reader) -> Data:
        looks: list[Callable[[], Awaitable[Any]]] = [partial(each, reader) for each in (look, *others.values())]
        thing, *found = await reader.together(looks)
        return {**thing, **dict(zip(others, found, strict=True))}

    return read


def maybe(what: str, look: Callable[[Reader], Awaitable[T]]) -> Callable[[Reader], Awaitable[T | None]]:
    """Read something without which the rest still says enough: None, and a gap, where it can't be read."""

    async def read(reader: Reader) -> T | None:
        return await reader.attempt(what, partial(look, reader))

    return read


def absent(argument: str, message: str = "names nothing that exists") -> InvalidArguments:
    """What an argument names is not there."""
    return InvalidArguments([{"field": argument, "message": message}])


def names(
    what: str,
    name: str,
    *,
    label: Callable[[Any], str] | None = None,
    keep: Callable[[Any, Thing, Arguments], bool] | None = None,
    **parameters: Given,
) -> Step:
    """Read a list and show its names: `{what: {count, names}}`.

    Args:
        what: the heading.
        name: lists them.
        label: names an item.
        keep: whether an item is wanted, given the thing and the arguments.
        parameters: those that are neither arguments nor members of the thing by the same name.
    """
    label = label or name_of

    async def read(reader: Reader, thing: Thing) -> Part:
        arguments = _arguments(get(name), thing, reader.arguments, parameters)
        if None in arguments.values():
            return Part({what: listing(())})
        walk = await reader.walk(name, arguments, lambda item: keep is None or keep(item, thing, reader.arguments))
        if walk.truncated:
            reader.cut(in_words(what))
        return Part({what: listing(map(label, walk.items))}, basis=sorted(map(identity_of, walk.items)))

    return Step(in_words(what), read)


def named(what: str, name: str, member: str, **parameters: Given) -> Step:
    """Read another thing and show what it is called: `{what: "name (id)"}`."""

    async def read(reader: Reader, thing: Thing) -> Part:
        arguments = _arguments(get(name), thing, reader.arguments, parameters)
        if None in arguments.values():
            return Part({what: None})
        thing = await one_of(reader, name, member, arguments)
        return Part({what: name_and_id(thing) if thing else None})

    return Step(in_words(what), read)


def events(source_id: Given | None = None) -> Step:
    """Read whether a source got events lately: `hasRecentEvents`, and how many.

    Args:
        source_id: the source; None: the one that the arguments name.
    """
    of = source_id or given("sourceId")

    async def read(reader: Reader, thing: Thing) -> Part:
        counted = await volume(reader, sourceId=[of(thing, reader.arguments)])
        total = sum(numbers(row.get("total") for row in counted))
        return Part({"hasRecentEvents": total > 0}, {EVENTS: total})

    return Step("recent events", read)


async def volume(reader: Reader, **filters: Any) -> list[Data]:
    """The rows of the events volume of the last days."""
    span = {"startTime": timestamp_of(reader.now - WEEK), "endTime": timestamp_of(reader.now)}
    answer = await reader.call("getEventsVolumeFromWorkspace", {"granularity": "DAY", **span, **filters})
    return list(answer["result"])


async def one_of(reader: Reader, name: str, member: str, arguments: Arguments) -> Data:
    """A thing; an empty one where Segment answers that there is none."""
    thing = (await reader.call(name, arguments))[member]
    return thing if isinstance(thing, dict) else {}


async def first_of(*reads: Callable[[], Awaitable[T]]) -> T:
    """What the first of them reads that finds something.

    Raises:
        NotFound: none of them does.
        SegmentMcpError: one of them fails in another way.
    """
    for read in reads[:-1]:
        with suppress(NotFound):
            return await read()
    return await reads[-1]()


def numbers(values: Any) -> list[float]:
    """Those of the values that are numbers."""
    return [value for value in values if isinstance(value, int | float) and not isinstance(value, bool)]


def name_of(thing: Any) -> str:
    """What a thing is called, as well as it says; a text is its own name."""
    if isinstance(thing, str):
        return thing
    settings, metadata = thing.get("settings"), thing.get("metadata")
    said = (
        *(thing.get(member) for member in ("name", "displayName", "activationName", "title")),
        settings.get("name") if isinstance(settings, Mapping) else None,
        *(thing.get(member) for member in ("slug", "key", "email")),
        metadata.get("name") if isinstance(metadata, Mapping) else None,
        thing.get("id"),
    )
    return next((text for text in said if isinstance(text, str) and clean(text)), "unnamed")


def name_and_id(thing: Any) -> str:
    """`Name (id)`."""
    return f"{name_of(thing)} ({thing['id']})" if isinstance(thing, Mapping) and "id" in thing else name_of(thing)


def identity_of(thing: Any) -> str:
    """Tells one item of a list from every other."""
    return name_and_id(thing) if not isinstance(thing, Mapping) or "id" in thing else repr(sorted(thing.items()))


def in_words(heading: str) -> str:
    """`connectedWarehouses` as `connected warehouses`."""
    return "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in heading)


def _arguments(row: Operation, thing: Thing, arguments: Arguments, parameters: Mapping[str, Given]) -> Data:
    slots = {name: arguments.get(name, thing.get(name)) for name in SLOT.findall(row.path) if name not in parameters}
    return {**slots, **{name: value(thing, arguments) for name, value in parameters.items()}}
