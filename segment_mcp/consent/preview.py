"""What a person is shown before they agree. Names in it are somebody else's words: cleaned, never followed."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from segment_mcp.operations import Operation
from segment_mcp.ports import Data
from segment_mcp.redact import clean

LONGEST_PHRASE = 120
_NAMED = 20
_LISTING = {"count", "names"}
_CHANGE = {"before", "after"}


@dataclass(frozen=True, slots=True)
class Preview:
    """What an operation would do, as far as reading tells.

    Attributes:
        operation: the row.
        phrase: what the person types to agree: the thing's name where it has one.
        facts: what was found, by heading; if any of it changes, a consent to it is void.
        counts: what was found too, and changes by itself, such as events in the last days.
        gaps: what could not be read, and why.
        removes: how many entries go, where the operation replaces a list.
        basis: stands for all that the facts tell of, also where they show a part of it only.
    """

    operation: Operation
    phrase: str
    facts: Mapping[str, Any]
    counts: Mapping[str, Any] = field(default_factory=dict)
    gaps: tuple[str, ...] = ()
    removes: int = 0
    basis: str = ""

    def shown(self) -> Data:
        """`{operation, harm, toAgreeType, ...facts, ...counts, couldNotRead?}` as JSON values."""
        gaps = {"couldNotRead": list(self.gaps)} if self.gaps else {}
        return {
            "operation": self.operation.name,
            "harm": self.operation.harm,
            "toAgreeType": self.phrase,
            **self.facts,
            **self.counts,
            **gaps,
        }

    def text(self) -> str:
        """The same in lines, for a form or a terminal."""
        lines = [f"{self.operation.name}: {self.operation.summary}", self.operation.harm, ""]
        for name, value in {**self.facts, **self.counts}.items():
            lines.extend(_lines(name, value))
        lines.extend(f"Could not be read: {gap}" for gap in self.gaps)
        return "\n".join(lines)

    def digest(self) -> str:
        """Stands for what was seen: the same as long as the facts are, and what could not be read."""
        unread = [gap.partition(" (")[0] for gap in self.gaps]  # in brackets: an answer's words, which may vary
        return digest_of([self.operation.name, self.phrase, self.facts, unread, self.basis])


def digest_of(value: Any) -> str:
    """Stands for a JSON value, however its members are ordered."""
    return sha256(json.dumps(value, sort_keys=True, default=str).encode("utf-8", "surrogatepass")).hexdigest()


def phrase_of(name: str | None, fallback: str) -> str:
    """What a person can type for a thing: its name on one line, or the fallback where it has none."""
    return clean(name or "", LONGEST_PHRASE) or fallback


def _lines(name: str, value: Any, indent: str = "") -> list[str]:
    label = f"{indent}{_words(name)}:"
    if isinstance(value, Mapping) and value.keys() == _LISTING:
        return [f"{label} {_named(value['names'], value['count'])}"]
    if isinstance(value, Mapping) and value.keys() == _CHANGE:
        return [f"{label} {_one(value['before'])} -> {_one(value['after'])}"]
    if isinstance(value, Mapping):
        return [label, *(line for key, inner in value.items() for line in _lines(str(key), inner, indent + "  "))]
    if isinstance(value, list | tuple):
        return [f"{label} {_named(value, len(value))}"]
    return [f"{label} {_one(value)}"]


def _named(names: Sequence[Any], count: int) -> str:
    shown = [_one(name) for name in names[:_NAMED]]
    more = [f"and {count - len(shown)} more"] if count > len(shown) else []
    return ", ".join([*shown, *more]) or "none"


def _one(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_one(inner)}" for key, inner in value.items())
    if value is None:
        return "none"
    return clean(value if isinstance(value, str) else json.dumps(value, default=str), 200)


def _words(name: str) -> str:
    """`connectedWarehouses` as `Connected warehouses`."""
    spaced = "".join(f" {each.lower()}" if each.isupper() else each for each in clean(name, 80))
    return spaced[:1].upper() + spaced[1:]
