"""Makes an answer fit a model: lists are cut to whole items, and the whole is kept in pages. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic_core import to_json

from segment_mcp.ports import Data

Step = str | int

MOST_CUTS = 12
"""Cuts that are told one by one; of further ones only the number is."""

_SPARE = 1_000
"""Characters for the note on what was cut, at first."""
_ROUNDS = 6
_PAGE_FRAME = 200
_SHORTEST = 200
"""Characters below which no part of an item is shown, and no piece of a text is kept."""
_LONGEST_PATH = 100


@dataclass(slots=True)
class _Cutting:
    """What was cut so far: `{path, shown, of}` of each list, object or text; and how many more."""

    cuts: list[Data] = field(default_factory=list)
    more: int = 0

    def note(self, path: str, shown: int, of: int) -> None:
        if len(self.cuts) < MOST_CUTS:
            self.cuts.append({"path": path[:_LONGEST_PATH], "shown": shown, "of": of})
        else:
            self.more += 1

    def told(self) -> list[Data]:
        return [*self.cuts, {"more": self.more}] if self.more else self.cuts


def size(value: Any) -> int:
    """Characters of a value as compact JSON."""
    return len(to_json(value).decode())


def fit(data: Mapping[str, Any], limit: int) -> tuple[Data, list[Data]]:
    """As much of the data as fits, in whole items, and what was cut.

    Args:
        data: JSON values.
        limit: characters of the data together with what is told of the cuts.

    Returns:
        The data, and `[{path, shown, of}]`: of each list how many items are shown, of each object how many members, of
        each text how many characters; the last one is `{more}` where there are more than `MOST_CUTS`. Nothing was cut
        if it is empty.
    """
    if size(data) <= limit:
        return dict(data), []
    budget = limit - _SPARE
    kept: Data = {}
    told: list[Data] = []
    for _ in range(_ROUNDS):
        cutting = _Cutting()
        kept, told = _object(data, max(2, budget), "", cutting), cutting.told()
        beyond = size(kept) + size(told) - limit
        if beyond <= 0:
            break
        budget -= beyond + _SHORTEST
    return kept, told


def pages(data: Mapping[str, Any], limit: int) -> list[str]:
    """The whole data in pages, each a JSON text of no more than `limit` characters where no single name is longer.

    Returns:
        `{"entries": [...]}` each. An entry is `{path, value}`, a value that stands whole; `{path, from, items}`, items
        of a list one after the other; or `{path, from, text}`, a piece of a text. A path is the names and places that
        lead to it. Everything stands in exactly one entry.
    """
    room = limit - _PAGE_FRAME
    made: list[str] = []
    entries: list[bytes] = []
    used = 0
    for entry in _entries((), data, room):
        text = to_json(entry)
        length = len(text.decode()) + 1
        if entries and used + length > room:
            made.append(_page(entries))
            entries, used = [], 0
        entries.append(text)
        used += length
    return [*made, _page(entries)]


def _page(entries: Sequence[bytes]) -> str:
    return f'{{"entries":[{b",".join(entries).decode()}]}}'


def _cut(value: Any, budget: int, path: str, cutting: _Cutting) -> Any:
    """The value within the budget; a number is never cut."""
    if isinstance(value, Mapping):
        return value if size(value) <= budget else _object(value, budget, path, cutting)
    if isinstance(value, list | tuple):
        return value if size(value) <= budget else _list(value, budget, path, cutting)
    if not isinstance(value, str) or size(value) <= budget:
        return value
    shown = _text_within(value, max(0, budget - 2))
    cutting.note(path, len(shown), len(value))
    return shown


def _object(value: Mapping[str, Any], budget: int, path: str, cutting: _Cutting) -> Data:
    """Its members, the small ones whole; the large ones share what is left. Names that don't fit are left out."""
    names = _names_within(value, budget)
    if len(names) < len(value):
        cutting.note(path, len(names), len(value))
    sizes = {name: size(value[name]) + size(name) + 2 for name in names}
    left, share = budget, dict.fromkeys(sizes, 0)
    for place, (name, need) in enumerate(sorted(sizes.items(), key=lambda item: item[1])):
        share[name] = min(need, max(0, left // (len(sizes) - place)))
        left -= share[name]
    return {
        name: _cut(value[name], share[name] - size(name) - 2, f"{path}.{name}" if path else name, cutting)
        for name in names
    }


def _names_within(value: Mapping[str, Any], budget: int) -> list[str]:
    """The first names that fit the budget, each with the least that can be shown of its value."""
    names: list[str] = []
    for name, member in value.items():
        budget -= size(name) + 2 + (2 if isinstance(member, Mapping | list | tuple | str) else size(member))
        if budget < 0:
            break
        names.append(name)
    return names


def _list(value: Sequence[Any], budget: int, path: str, cutting: _Cutting) -> list[Any]:
    """As many whole items as fit; of one that alone is too large, a part."""
    shown: list[Any] = []
    used = 2
    for item in value:
        used += size(item) + 1
        if used > budget:
            break
        shown.append(item)
    if not shown and value and budget > _SHORTEST and isinstance(value[0], Mapping):
        shown = [_cut(value[0], budget - 3, f"{path}[0]", cutting)]
    cutting.note(path, len(shown), len(value))
    return shown


def _text_within(text: str, budget: int) -> str:
    """The longest beginning of a text whose JSON is within the budget."""
    low, high = 0, min(len(text), budget)
    while low < high:
        middle = (low + high + 1) // 2
        if size(text[:middle]) - 2 <= budget:
            low = middle
        else:
            high = middle - 1
    return text[:low]


def _entries(path: tuple[Step, ...], value: Any, room: int) -> Iterator[Data]:
    frame = size(path) + 40
    if path and frame + size(value) <= room:
        yield {"path": path, "value": value}
    elif isinstance(value, Mapping) and value:
        for name, member in value.items():
            yield from _entries((*path, name), member, room)
    elif isinstance(value, list | tuple) and value:
        yield from _items(path, value, room)
    elif isinstance(value, str):
        begin = 0
        while begin < len(value):
            piece = _text_within(value[begin : begin + room], max(_SHORTEST, room - frame))
            yield {"path": path, "from": begin, "text": piece}
            begin += len(piece)
    else:
        yield {"path": path, "value": value}


def _items(path: tuple[Step, ...], value: Sequence[Any], room: int) -> Iterator[Data]:
    """Items one after the other, as many as fit together; one that is too large alone, in parts."""
    frame = size(path) + 40
    begin, used = 0, frame
    for place, item in enumerate(value):
        length = size(item) + 1
        if used + length > room and place > begin:
            yield {"path": path, "from": begin, "items": value[begin:place]}
            begin, used = place, frame
        if frame + length > room:
            yield from _entries((*path, place), item, room)
            begin = place + 1
        else:
            used += length
    if begin < len(value):
        yield {"path": path, "from": begin, "items": value[begin:]}
