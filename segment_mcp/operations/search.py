"""Finds the operation that a wish in plain words means.

A wish is read twice (see `wish`). What it speaks of is matched with the words of each operation, by BM25F: a word in
the name counts for more than one in the summary, and a word of few areas for more than one of many. What is to be done
is matched with what each operation does.
"""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import chain

from segment_mcp.operations import vocabulary
from segment_mcp.operations.catalog import OPERATIONS, area_of
from segment_mcp.operations.operation import Operation
from segment_mcp.operations.wish import Manner, Terms, manner, names_in, plain, sought, terms

_FIELDS = {"name": 2.5, "area": 0.8, "path": 0.6, "summary": 1.5, "words": 2.0}
"""What a word counts for, by where it stands."""
_SATURATION = 1.6
_LENGTH = 0.4
_RARITY = 0.7
_NAMED = 0.25
_MANNER = 0.9
_SHORTEST_FRAGMENT = 4

_DOES: Mapping[str, Manner] = {
    "GET": {"list": 1.0},
    "POST": {"create": 1.0},
    "PUT": {"replace": 1.0, "update": 0.6},
    "PATCH": {"update": 1.0, "delete": 0.3},
    "DELETE": {"delete": 1.0, "update": 0.3},
}
"""What a wish may ask of a method, and how well it fits."""


@dataclass(frozen=True, slots=True)
class Hit:
    """An operation that fits, and how well: scores compare within one answer only."""

    operation: Operation
    score: float


def find(query: str, rows: Sequence[Operation], *, limit: int = 5) -> list[Hit]:
    """The operations that a wish means, best first.

    Args:
        query: a wish in plain words, an operation's name, or a part of one.
        rows: the operations to choose from.
        limit: how many hits at most.

    Returns:
        At most `limit` hits; none where nothing fits. Equal wishes over equal rows have equal answers.
    """
    wish = plain(query)
    index = _index(tuple(rows))
    wanted = manner(wish)
    things = sought(wish, index.scores.keys())
    spoken = _spoken_of(things)
    scores = {
        place: score
        * (1 + _MANNER * _agreement(index.does[place], wanted))
        * (1 + _NAMED * _covered(index.names[place], spoken))
        for place, score in index.match(things).items()
    }
    if (named := index.named(wish)) is not None:
        scores[named] = max(scores.values(), default=0) + 1
    best = sorted(scores.items(), key=lambda item: (-item[1], item[0]))
    return [Hit(index.rows[place], score) for place, score in best[: max(limit, 0)]]


def _spoken_of(things: Sequence[Terms]) -> Mapping[str, float]:
    """Each term of a wish with the most that it counts for."""
    spoken: dict[str, float] = defaultdict(float)
    for term, weight in chain.from_iterable(things):
        spoken[term] = max(spoken[term], weight)
    return spoken


def _covered(name: Sequence[str], spoken: Mapping[str, float]) -> float:
    """How much of a name a wish speaks of, from 0 to 1."""
    return sum(min(1, spoken.get(term, 0)) for term in name) / (len(name) or 1)


def _agreement(does: Manner, wanted: Manner) -> float:
    return max(wanted.get(kind, 0) * well for kind, well in does.items())


@dataclass(frozen=True, slots=True)
class _Index:
    rows: tuple[Operation, ...]
    does: tuple[Manner, ...]
    names: tuple[Sequence[str], ...]
    scores: Mapping[str, Mapping[int, float]]
    """What a term says for a row, by term and the row's place."""

    def match(self, wanted: Iterable[Terms]) -> Mapping[int, float]:
        """The score of each row that has any of the terms; of alternatives, the best counts."""
        total: dict[int, float] = defaultdict(float)
        for alternatives in wanted:
            best: dict[int, float] = {}
            for term, weight in alternatives:
                for place, score in self.scores.get(term, {}).items():
                    best[place] = max(best.get(place, 0), weight * score)
            for place, score in best.items():
                total[place] += score
        return total

    def named(self, wish: str) -> int | None:
        """The row whose name the wish is, or holds, or is a part of that no other name has."""
        names = {row.name.lower(): place for place, row in enumerate(self.rows)}
        whole = re.sub(r"[\W_]", "", wish).lower()
        for name in (whole, *(name.lower() for name in names_in(wish))):
            if name in names:
                return names[name]
        having = [place for name, place in names.items() if whole in name]
        is_fragment = len(whole) >= _SHORTEST_FRAGMENT and len(wish.split()) == 1
        return having[0] if is_fragment and len(having) == 1 else None


@lru_cache(maxsize=8)
def _index(rows: tuple[Operation, ...]) -> _Index:
    documents = [_document(row) for row in rows]
    usual = {field: sum(len(document[field]) for document in documents) / max(len(rows), 1) for field in _FIELDS}
    found: dict[str, dict[int, float]] = defaultdict(dict)
    for place, document in enumerate(documents):
        for term, weight in _weights(document, usual).items():
            found[term][place] = weight / (_SATURATION + weight)
    rarity = _rarity({term: {_area(rows[place]) for place in having} for term, having in found.items()})
    scores = {term: {place: score * rarity[term] for place, score in having.items()} for term, having in found.items()}
    names = tuple(tuple(dict.fromkeys(document["name"])) for document in documents)
    return _Index(rows, tuple(_does(row) for row in rows), names, scores)


@cache
def _document(row: Operation) -> Mapping[str, Sequence[str]]:
    return {
        "name": terms(row.name),
        "area": terms(_area(row).replace("_", " ")),
        "path": terms(re.sub(r"Id\b|[^a-zA-Z]+", " ", row.path)),
        "summary": terms(row.summary),
        "words": terms(row.words),
    }


def _weights(document: Mapping[str, Sequence[str]], usual: Mapping[str, float]) -> Mapping[str, float]:
    """What each term of an operation counts for, over all fields: less in a field that is longer than usual."""
    weights: dict[str, float] = defaultdict(float)
    for field, worth in _FIELDS.items():
        for term, times in Counter(document[field]).items():
            weights[term] += worth * times / (1 - _LENGTH + _LENGTH * len(document[field]) / usual[field])
    return weights


def _rarity(areas: Mapping[str, set[str]]) -> Mapping[str, float]:
    """What each term counts for by the areas that have it: words of all trades say little."""
    number = len(set[str]().union(*areas.values()))
    return {term: math.log(1 + number / len(having)) ** _RARITY for term, having in areas.items()}


def _area(row: Operation) -> str:
    return area_of(row) if row.name in OPERATIONS else ""


def _does(row: Operation) -> Manner:
    """What an operation does, as far as a wish may ask for it."""
    if row.name in vocabulary.DOES:
        return dict.fromkeys(vocabulary.DOES[row.name].split(), 1.0)
    if row.method == "GET" and row.path.endswith("}"):
        return {"get": 1.0}
    return {**_DOES[row.method], **({"update": 0.6} if row.name.startswith("add") else {})}
