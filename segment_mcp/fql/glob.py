r"""Glob patterns as `match` knows them, in one pass over the string however the pattern is made.

The rules are those of Go's path.Match without its special slash, as Segment has them (github.com/segmentio/glob):
`*` any characters, `?` one character, `[abc]`, `[a-z]` and `[^a-z]` one character in or out of a class, `\x` the
character x. A class that is empty or has a bare `-` or `]` where a character should stand is a mistake, and so is a
backslash at the end; a mistaken pattern matches nothing.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from operator import xor

MOST_CHARACTERS = 2_000_000
"""Characters of texts and patterns that one evaluation matches."""
_HEAVY = 1_000
"""Characters of a pattern with each of which every other character takes as long again, or longer."""
_LONGEST_KEPT = 200
"""Characters of a pattern that is kept ready; a long one can need much memory."""

_Ranges = tuple[tuple[int, int], ...]


class TooMuchToMatch(Exception):
    """An evaluation would match more characters than it may."""


class _Mistaken(Exception):
    """The pattern is malformed."""


@dataclass(frozen=True, slots=True)
class _Token:
    """One character of the string: inside the ranges of code points, or outside them."""

    ranges: _Ranges
    negated: bool = False


@dataclass(frozen=True, slots=True)
class _Automaton:
    """A pattern as sets of places in it, each set the bits of one integer.

    Place n: the first n tokens have matched. `end` is the last place, `stars` are the places that any character
    leaves standing. From the code point `starts[i]` on, the tokens in `fitting[i]` match (bit n: token n).
    """

    end: int
    stars: int
    starts: tuple[int, ...]
    fitting: tuple[int, ...]

    def accepts(self, text: str) -> bool:
        places = 1
        for character in text:
            fitting = self.fitting[bisect_right(self.starts, ord(character)) - 1]
            places = (places & fitting) << 1 | places & self.stars
            if not places:
                return False
        return bool(places & self.end)


def _member(pattern: str, at: int) -> tuple[int, int]:
    """The code point of a class's character at this index, and the index behind it, which is in the pattern too."""
    if pattern[at : at + 1] in ("-", "]"):
        raise _Mistaken
    at += pattern.startswith("\\", at)
    if at + 1 >= len(pattern):
        raise _Mistaken
    return ord(pattern[at]), at + 1


def _class(pattern: str, at: int) -> tuple[_Token, int]:
    """The class whose first character is at this index, and the index behind its `]`."""
    negated = pattern.startswith("^", at)
    at += negated
    ranges: list[tuple[int, int]] = []
    while not (ranges and pattern[at] == "]"):
        low, at = _member(pattern, at)
        high = low
        if pattern[at] == "-":
            high, at = _member(pattern, at + 1)
        ranges.append((low, high))
    return _Token(tuple(ranges), negated), at + 1


def _tokens(pattern: str) -> tuple[list[_Token], int]:
    """The tokens of a pattern, and the places (as bits) where a `*` stands."""
    tokens: list[_Token] = []
    stars = at = 0
    while at < len(pattern):
        character = pattern[at]
        at += 1
        if character == "*":
            stars |= 1 << len(tokens)
        elif character == "?":
            tokens.append(_Token((), negated=True))
        elif character == "[":
            token, at = _class(pattern, at)
            tokens.append(token)
        else:
            if character == "\\":
                if at == len(pattern):
                    raise _Mistaken
                character = pattern[at]
                at += 1
            tokens.append(_Token(((ord(character), ord(character)),)))
    return tokens, stars


def _merged(ranges: _Ranges) -> Iterable[tuple[int, int]]:
    """The same code points in ranges that neither overlap nor are empty."""
    end = -1
    for low, high in sorted(ranges):
        if high > end and high >= low:
            yield max(low, end + 1), high
            end = high


def _automaton(pattern: str) -> _Automaton | None:
    try:
        tokens, stars = _tokens(pattern)
    except _Mistaken:
        return None
    changes: defaultdict[int, int] = defaultdict(int, {0: 0})
    for place, token in enumerate(tokens):
        changes[0] ^= token.negated << place
        for low, high in _merged(token.ranges):
            changes[low] ^= 1 << place
            changes[high + 1] ^= 1 << place
    starts = tuple(sorted(changes))
    return _Automaton(1 << len(tokens), stars, starts, tuple(accumulate((changes[start] for start in starts), xor)))


_kept = lru_cache(maxsize=256)(_automaton)


def glob_matches(text: str, pattern: str) -> bool:
    """Whether the whole text fits the pattern; time grows with the text's length, for every pattern."""
    automaton = _kept(pattern) if len(pattern) <= _LONGEST_KEPT else _automaton(pattern)
    return automaton is not None and automaton.accepts(text)


class Globs:
    """The globs of one evaluation: each pair of a text and a pattern is matched once, and all of them within a bound.

    Args:
        most: characters of the texts and patterns that are matched; a long pattern multiplies them.
    """

    def __init__(self, most: int = MOST_CHARACTERS) -> None:
        self._left = most
        self._known: dict[tuple[str, str], bool] = {}

    def match(self, text: str, pattern: str) -> bool:
        """Whether the whole text fits the pattern.

        Raises:
            TooMuchToMatch: the bound is reached.
        """
        pair = text, pattern
        if pair not in self._known:
            self._left -= (len(text) + len(pattern)) * (1 + len(pattern) // _HEAVY)
            if self._left < 0:
                raise TooMuchToMatch
            self._known[pair] = glob_matches(text, pattern)
        return self._known[pair]
