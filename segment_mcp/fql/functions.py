"""The functions of the language. They take whatever an event holds, and answer null (or false) to what they can't use.

From the docs (api/public-api/fql.md): names, arguments, the answers to null, and that `length` counts bytes.
From Segment's evaluator for browsers (@segment/tsub): `semver`, `lowercase` of what is no text is null, and `length`
of what has none is no number.
Ours, where both are silent: `bool` of a text is false for "", "0", "f" and "false" in any case, else true, and for the
rest what is empty, zero or null is false; `string` of null is "", of a number its shortest digits, of a list or object
its JSON; `number` of a text that is no decimal number is null; `titlecase` leaves all but first letters as they are.
"""

import json
import math
import re
from collections.abc import Callable
from typing import Any

from segment_mcp.fql.glob import Globs
from segment_mcp.fql.values import type_of

_DECIMAL = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_LEADING_INTEGER = re.compile(r"\s*([+-]?[0-9]{1,18})")
_MOST_VERSION_PARTS = 3
_FALSE_WORDS = frozenset({"", "0", "f", "false"})


def _contains(text: Any, part: Any) -> bool:
    return isinstance(text, str) and isinstance(part, str) and part in text


def _match(globs: Globs, text: Any, pattern: Any) -> bool:
    return isinstance(text, str) and isinstance(pattern, str) and globs.match(text, pattern)


def _length(value: Any) -> float:
    match type_of(value):
        case "null":
            return 0
        case "string":
            return len(value.encode("utf-8", "surrogatepass"))
        case "list":
            return len(value)
        case _:
            return math.nan


def _on_text(change: Callable[[str], str]) -> Callable[[Any], str | None]:
    return lambda value: change(value) if isinstance(value, str) else None


def _titled(text: str) -> str:
    return " ".join(word[:1].upper() + word[1:] for word in text.split(" "))


def _bool(value: Any) -> bool:
    return value.lower() not in _FALSE_WORDS if isinstance(value, str) else bool(value)


def _string(value: Any) -> str | None:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    except (RecursionError, TypeError, ValueError):
        return None


def _number(value: Any) -> float | None:
    if isinstance(value, str):
        return float(value) if _DECIMAL.fullmatch(value) else None
    return value if type_of(value) == "number" else None


def _version(text: Any) -> tuple[int, ...] | None:
    """Major, minor and patch; what is left out is 0."""
    if not isinstance(text, str):
        return None
    parts = [_LEADING_INTEGER.match(part) for part in text.split(".", _MOST_VERSION_PARTS)]
    numbers = [int(part[1]) for part in parts if part]
    if len(numbers) < len(parts) or len(parts) > _MOST_VERSION_PARTS:
        return None
    return tuple(numbers) + (0,) * (_MOST_VERSION_PARTS - len(numbers))


def _semver(version: Any, operator: Any, wanted: Any) -> bool:
    one, other = _version(version), _version(wanted)
    if one is None or other is None:
        return False
    outcomes = {
        "=": one == other,
        "!=": one != other,
        "<": one < other,
        "<=": one <= other,
        ">": one > other,
        ">=": one >= other,
    }
    return isinstance(operator, str) and outcomes.get(operator, False)


_FUNCTIONS: dict[str, tuple[int, Callable[..., Any]]] = {
    "contains": (2, _contains),
    "length": (1, _length),
    "lowercase": (1, _on_text(str.lower)),
    "uppercase": (1, _on_text(str.upper)),
    "snakecase": (1, _on_text(lambda text: text.replace(" ", "_"))),
    "kebabcase": (1, _on_text(lambda text: text.replace(" ", "-"))),
    "titlecase": (1, _on_text(_titled)),
    "typeof": (1, type_of),
    "bool": (1, _bool),
    "string": (1, _string),
    "number": (1, _number),
    "semver": (3, _semver),
}

ARITY = {"match": 2, **{name: arguments for name, (arguments, _) in _FUNCTIONS.items()}}
"""Each function, and how many arguments it takes."""


def call(name: str, arguments: list[Any], globs: Globs) -> Any:
    """What a function answers. The name and the number of arguments must be those of `ARITY`.

    Raises:
        TooMuchToMatch: as the globs of this evaluation do.
    """
    if name == "match":
        return _match(globs, *arguments)
    return _FUNCTIONS[name][1](*arguments)
