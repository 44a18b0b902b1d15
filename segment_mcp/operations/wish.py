"""Reads a wish in plain words: what it speaks of, and what is to be done about it.

What it speaks of comes as stems, each with what else it may stand for and with what it counts for: names of people and
things count for little, ids and numbers only for what they give away. What is to be done comes as a manner: how much
the wish sounds like listing, getting, creating, updating, replacing, deleting or running something.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import cache, lru_cache
from typing import Any, TypeVar

from segment_mcp.operations import vocabulary

Manner = Mapping[str, float]
Terms = list[tuple[str, float]]
"""Stems, each with what it counts for: of several in one list, the best counts."""
Words = tuple[str, ...]

LISTING, GETTING = "list", "get"
CHANGING = ("create", "update", "replace", "delete", "run")

_LONGEST_WISH = 500
_MOST_TERMS = 60
_MOST_MISSPELT = 4
_LONGEST_PHRASE = 5
_SHORTEST_MISSPELT = 4
_SHORTEST_ROOT = 6

_PLAIN = 1.0
_LIKELY = 0.65
_LIKELY_OF_STOP_WORD = 0.4
_PRODUCT = 0.7
_NAME = 0.3
_GUESS = 0.2
_EVENT = 0.7
_PERSON = 0.5
_MISSPELT = 0.6
_AUDIT = 1.5

_SAID = 1.0
_HINTED = 0.4
_SILENT = 0.6
_ANYTHING = 0.35
_BESIDES = 0.75

_QUOTED = re.compile(r'["“”„«»]([^"“”„«»]{1,80})["“”„«»]')
_EMAIL = re.compile(r"\S+@\S+")
_TAG = re.compile(r"\b[a-z]+:[a-z0-9]+\b")
_WORD = re.compile(r"[a-zA-Z0-9_]+(?:\.io\b)?")
_JOINT = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z]{2})")
_CLAUSE = re.compile(r"[,;:.?!]\s|\band\b|\bso\b|\bthen\b")
_POLITE_QUESTION = re.compile(r"\s*(please\s+)?(can|could|would) (you|we)\b")
_TO_BE = re.compile(r"\b(?:should|must|to|can) be (\w+ed)\b")
_MODAL = frozenset({"should", "must", "ought"})
_COMPANY = re.compile(r"\bSegment\b")
"""Written with a capital it is who is asked, otherwise an audience."""
_EVERY = frozenset({"all", "any", "everything"})
_THAT = frozenset({"that", "which", "who", "whose"})
_EVENT_NAME = re.compile(r"\b\w+ed\b|\b(Sent|Paid|Bought|Sold|Won|Seen|Made)\b")
_WHO_DID = re.compile(
    r"\b(who|by whom) (\w+ed|gave|took|made|put|broke|set|did)\b"
    r"|\b(what|everything)\b.{0,20}\b(changed|deleted|edited|did)\b",
    re.IGNORECASE,
)

_Meaning = TypeVar("_Meaning")


def plain(text: str) -> str:
    """A wish without control characters and odd forms of letters, and no longer than a wish need be."""
    kept = unicodedata.normalize("NFKC", text[:_LONGEST_WISH]).replace("\u2019", "'")
    return "".join(char if char.isprintable() else " " for char in kept)


def names_in(text: str) -> Iterator[str]:
    """The words of a text that are spelt as operations are, such as `updateSource`."""
    return (word for word in _WORD.findall(text) if _JOINT.search(word))


def terms(text: str) -> list[str]:
    """The stems of a text: without stop words, and phrases as what they mean."""
    return [stem for stem, _ in _terms(_words(text, _PLAIN))]


def sought(wish: str, known: Collection[str]) -> list[Terms]:
    """What a wish speaks of: for each thing, the stems that may stand for it.

    Args:
        wish: as `plain` answers it.
        known: the stems that can be found. What is not among them is taken for misspelt.
    """
    quoted = _QUOTED.findall(wish)
    unquoted = _QUOTED.sub(" , ", wish)
    tokens = _WORD.findall(_TAG.sub(" , ", _EMAIL.sub(" , ", _COMPANY.sub("Twilio", unquoted))))
    products, tokens = _products(tokens)
    words = [pair for token, weight in _counting(tokens) for pair in _read(token, weight)]
    found = dict.fromkeys(_terms([*words, *(pair for name in quoted for pair in _words(name, _NAME))]))
    guesses = [*_given_away(unquoted, quoted), *(guess for token in tokens for guess in _guesses(token, known))]
    meant = [*products, *_spelt([_alternatives(term, weight) for term, weight in found], known), *_phrases(words)]
    certain = [*meant, *(guess for guess in guesses if guess[0][1] == _PLAIN)]
    fits = any(term in known for alternatives in certain for term, _ in alternatives)
    return [*guesses, *meant][:_MOST_TERMS] if fits else []


def manner(wish: str) -> Manner:
    """What is to be done: each kind of doing with how much the wish sounds like it, from 0 to 1."""
    said = _JOINT.sub(" ", _QUOTED.sub(" x ", _EMAIL.sub(" ", wish))).lower()
    opening, *others = [_spoken(clause) for clause in _CLAUSE.split(said) if _spoken(clause)] or [()]
    opening = _to_the_point(opening)
    heard = _heard(said, [opening, *others])
    loudest = max(heard[kind] for kind in CHANGING)
    if _asks(said, opening):
        return _asking(said, heard, _PLAIN)
    if not loudest:
        return {**_asking(said, heard, _SILENT), **dict.fromkeys(CHANGING, _ANYTHING)}
    quiet = _SILENT * max(1 - loudest, 0)
    return {LISTING: quiet, GETTING: quiet, **{kind: max(heard[kind] / loudest, _ANYTHING) for kind in CHANGING}}


def _words(text: str, weight: float) -> Terms:
    return [(part.lower(), weight) for word in _WORD.findall(text) for part in _JOINT.split(word)]


def _terms(words: Terms) -> Terms:
    stems = [_stem(word) for word, _ in words]
    kept: Terms = []
    at = 0
    while at < len(words):
        size, meant = _longest(stems, at, _means())
        word, weight = words[at]
        if meant:
            kept += [(stem, weight) for stem in meant]
        elif word not in vocabulary.STOP and len(word) > 1:
            kept.append((stems[at], weight))
        at += size
    return kept


def _longest(words: Sequence[str], at: int, table: Mapping[Words, _Meaning]) -> tuple[int, _Meaning | None]:
    """The longest phrase of the table that begins there: its length and meaning."""
    for size in range(_LONGEST_PHRASE, 0, -1):
        phrase = tuple(words[at : at + size])
        if len(phrase) == size and phrase in table:
            return size, table[phrase]
    return 1, None


def _found(words: Sequence[str], table: Mapping[Words, _Meaning]) -> Iterator[tuple[int, int, _Meaning]]:
    """The phrases of the table in the words, the longer first: place, length and meaning of each."""
    at = 0
    while at < len(words):
        size, meaning = _longest(words, at, table)
        if meaning is not None:
            yield at, size, meaning
        at += size


def _products(tokens: list[str]) -> tuple[list[Terms], list[str]]:
    """What the well-known names among the words stand for, and the other words."""
    lower = [token.lower() for token in tokens]
    products: list[Terms] = []
    names: set[int] = set()
    for at, size, kinds in _found(lower, _known_products()):
        products.append([(kind, _PRODUCT) for kind in kinds])
        names |= set(range(at, at + size))
    return products, [token for at, token in enumerate(tokens) if at not in names]


def _counting(tokens: Sequence[str]) -> Terms:
    """What each word counts for: a capital within a sentence makes it a name."""
    capitals = sum(token[0].isupper() for token in tokens)
    shouted = capitals > len(tokens) / 2
    return [
        (
            token,
            _NAME if at and not shouted and _is_capital(token) and token.lower() not in vocabulary.FEATURES else _PLAIN,
        )
        for at, token in enumerate(tokens)
    ]


def _is_capital(token: str) -> bool:
    return token[0].isupper() and token[1:].islower()


def _read(token: str, weight: float) -> Terms:
    if _is_id(token) or token.isdigit():
        return []
    return [(part, _NAME) for part in token.lower().split("_") if part] if "_" in token else _words(token, weight)


def _is_id(token: str) -> bool:
    return any(char.isdigit() for char in token) and not token.isdigit()


def _guesses(token: str, known: Collection[str]) -> Iterator[Terms]:
    """What a single word gives away: an id by how it begins, a capital and an underscore by being there."""
    prefix = re.split(r"[_\d]", token.lower())[0]
    if _is_id(token):
        if prefix in _id_prefixes():
            yield [(_id_prefixes()[prefix], _PLAIN)]
    elif "_" in token:
        yield [(stem, _GUESS) for stem in _stems("trait property column")]
    elif _is_capital(token) and _stem(prefix) not in known and prefix not in vocabulary.STOP:
        yield [(_stem("user"), _PERSON)]


def _given_away(unquoted: str, quoted: Sequence[str]) -> Iterator[Terms]:
    """What a wish gives away by its form: tags, names of events, and who did something."""
    if _TAG.search(unquoted):
        yield [(_stem("label"), _PLAIN)]
    if any(_EVENT_NAME.search(name) for name in quoted):
        yield [(_stem("event"), _EVENT), (_stem("rule"), _EVENT / 2)]
    elif quoted:
        yield [(_stem("audience"), _GUESS)]
    if _WHO_DID.search(unquoted):
        yield [(_stem("audit"), _AUDIT)]


def _phrases(words: Terms) -> Iterator[Terms]:
    """What phrases of several words, and stop words, are likely to mean: each of them once."""
    likely = {meant: _LIKELY for _, size, meant in _found([_stem(word) for word, _ in words], _likely()) if size > 1}
    stop = {_likely()[_stem(word),]: _LIKELY_OF_STOP_WORD for word, _ in words if word in _likely_stop_words()}
    for meant, weight in (stop | likely).items():
        yield [(stem, weight) for stem in meant]


def _alternatives(term: str, weight: float) -> Terms:
    return [(term, weight), *((stem, weight * _LIKELY) for stem in _likely().get((term,), ()))]


def _spelt(meant: list[Terms], known: Collection[str]) -> Iterator[Terms]:
    """The same, and for what is unknown what it resembles."""
    corrected = 0
    for alternatives in meant:
        (term, weight), *others = alternatives
        if others or weight < _PLAIN or term in known or len(term) < _SHORTEST_MISSPELT:
            yield alternatives
        elif corrected < _MOST_MISSPELT:
            corrected += 1
            yield [(other, _MISSPELT) for other in _resembling(term, known)]


def _resembling(term: str, known: Collection[str]) -> list[str]:
    longer = sorted(
        other for other in known if other.startswith(term) or (len(other) >= _SHORTEST_ROOT and term.startswith(other))
    )
    alike = (other for other in known if other[0] == term[0] and abs(len(other) - len(term)) <= 1)
    return longer or get_close_matches(term, alike, n=1, cutoff=0.85)


def _to_the_point(clause: Words) -> Words:
    """A clause without what only leads up to it."""
    for opening in _openings():
        if len(opening) < len(clause) and clause[: len(opening)] == opening:
            return _to_the_point(clause[len(opening) :])
    return clause


def _heard(said: str, clauses: Sequence[Words]) -> dict[str, float]:
    """How often each kind of doing is named, or hinted at."""
    heard = dict.fromkeys((LISTING, GETTING, *CHANGING), 0.0)
    for clause in clauses:
        for _, _, kinds in _found(_command(clause), _cues()):
            for kind, weight in kinds.items():
                heard[kind] += weight
    for participle in _TO_BE.findall(said):
        for kind in _verbs().get(_stem(participle), ()):
            heard[kind] += _SAID
    if clauses[0][:1] in {("a",), ("an",)}:
        heard["create"] += _HINTED
    return heard


def _command(clause: Words) -> Words:
    """A clause without what only says which thing is meant: the source that sends, a tool which reads."""
    return next((clause[:at] for at, word in enumerate(clause) if at and word in _THAT), clause)


@cache
def _verbs() -> Mapping[str, Sequence[str]]:
    verbs: dict[str, list[str]] = defaultdict(list)
    for kind in CHANGING:
        for way in vocabulary.SAID[kind].split(","):
            if len(_spoken(way)) == 1:
                verbs[_stem(way.strip())].append(kind)
    return dict(verbs)


def _asks(said: str, opening: Words) -> bool:
    if said.rstrip().endswith("?") and not _POLITE_QUESTION.match(said):
        return True
    return (
        bool(opening)
        and opening[:2] != ("do", "not")
        and (opening[0] in vocabulary.ASKS or (opening[0] in _EVERY and not _MODAL & {*opening}))
    )


def _asking(said: str, heard: Mapping[str, float], strength: float) -> Manner:
    """Whether one thing or all of a kind is asked for."""
    named = bool(_QUOTED.search(said)) or any(_is_id(token) for token in _WORD.findall(said))
    several = next((word.endswith("s") for word in _spoken(said) if _stem(word) in _things()), None)
    listing = heard.get(LISTING, 0) + (several is True)
    getting = heard.get(GETTING, 0) + (several is False) + named / 2
    return {
        LISTING: strength * (_PLAIN if listing >= getting else _BESIDES),
        GETTING: strength * (_PLAIN if getting >= listing else _BESIDES),
    }


def _spoken(text: str) -> Words:
    return tuple(re.findall(r"[a-z0-9]+", text.lower().replace("'", "")))


@lru_cache(maxsize=8192)
def _stem(word: str) -> str:
    return str(_stemmer().stemWord(word))


@cache
def _stemmer() -> Any:
    import snowballstemmer  # noqa: PLC0415 - only a search needs it: the server starts without it

    return snowballstemmer.stemmer("english")


def _stems(text: str) -> Words:
    return tuple(_stem(word) for word in re.findall(r"[a-z0-9]+", text))


def _by_phrase(table: Mapping[str, str]) -> dict[Words, Words]:
    phrases: dict[Words, Words] = defaultdict(tuple)
    for meant, ways in table.items():
        for way in ways.split(","):
            phrases[_stems(way)] += _stems(meant)
    return dict(phrases)


@cache
def _means() -> Mapping[Words, Words]:
    return _by_phrase(vocabulary.MEANS)


@cache
def _likely() -> Mapping[Words, Words]:
    return _by_phrase(vocabulary.LIKELY)


@cache
def _likely_stop_words() -> frozenset[str]:
    """Those that mean something in just this form: `every`, but not `time` for `times`."""
    return vocabulary.STOP & {way.strip() for ways in vocabulary.LIKELY.values() for way in ways.split(",")}


@cache
def _known_products() -> Mapping[Words, Words]:
    products: dict[Words, Words] = defaultdict(tuple)
    for kind, names in vocabulary.PRODUCTS.items():
        for name in names.split(", "):
            products[tuple(name.split())] += (_stem(kind),)
    return dict(products)


@cache
def _id_prefixes() -> Mapping[str, str]:
    return {prefix: _stem(kind) for kind, prefixes in vocabulary.ID_PREFIXES.items() for prefix in prefixes.split()}


@cache
def _things() -> frozenset[str]:
    return frozenset(_stems(vocabulary.THINGS))


@cache
def _openings() -> Sequence[Words]:
    return sorted((_spoken(opening) for opening in vocabulary.OPENINGS.split(",")), key=len, reverse=True)


@cache
def _cues() -> Mapping[Words, Mapping[str, float]]:
    cues: dict[Words, dict[str, float]] = defaultdict(dict)
    for table, weight in ((vocabulary.HINTED, _HINTED), (vocabulary.SAID, _SAID)):
        for kind, ways in table.items():
            for way in ways.split(","):
                cues[_spoken(way)][kind] = weight
    return dict(cues)
