"""What JavaScript makes of JSON values, where mapping-kit leans on it. Pure.

Left out on purpose: members that JavaScript's values inherit (`toString`, `constructor`). A path to one finds
nothing here; there it finds a function, which no payload can carry.
"""

import json
import math
import re
from decimal import Decimal
from enum import Enum
from types import NoneType
from typing import Any, Final

from segment_mcp.mappings.limits import Place


class Undefined(Enum):
    """JavaScript's `undefined`: nothing there, which `null` is not."""

    UNDEFINED = "undefined"


UNDEFINED: Final = Undefined.UNDEFINED

_WHITESPACE = (
    "\t\n\v\f\r \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000\ufeff"
)
_TYPES: dict[type, str] = {
    NoneType: "null",
    bool: "boolean",
    int: "number",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
}
_LARGEST_INTEGER = 2**53
_MOST_WHOLE_DIGITS = 21
_MOST_LEADING_ZEROS = 5
_MOST_POSITIONS = 2**32 - 1
_MOST_UNITS = 2
"""Of one character."""
_LAST_OF_ONE_UNIT = "\uffff"
_NEVER_COPIED = "__proto__"
_BETWEEN_STEPS = re.compile(r"""\[(?=["'\d])|\.|(?<=["'\d])\]+""", re.ASCII)
_QUOTE = re.compile("['\"]")
_POSITION = re.compile(r"0|[1-9]\d{0,9}", re.ASCII)
_SURROGATE = re.compile("[\ud800-\udfff]")


def type_of(value: Any) -> str:
    """A value's type in JSON's words, or `undefined`."""
    return _TYPES.get(type(value), "undefined")


def truthy(value: Any) -> bool:
    """Whether a condition takes a value for true: empty objects and lists too, but no NaN."""
    if isinstance(value, dict | list):
        return True
    return value is not UNDEFINED and bool(value) and not (isinstance(value, float) and math.isnan(value))


def trimmed(text: str) -> str:
    """A string without white space at its ends."""
    return text.strip(_WHITESPACE)


def _units(text: str) -> list[str]:
    """A string's UTF-16 units, each a string."""
    if text.isascii():
        return list(text)
    encoded = text.encode("utf-16-le", "surrogatepass")
    return [encoded[at : at + 2].decode("utf-16-le", "surrogatepass") for at in range(0, len(encoded), 2)]


def length_of(text: str) -> int:
    """A string's length in UTF-16 units."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def steps_of(path: str) -> list[str]:
    """The keys and positions that a path names, one after the other."""
    return [_QUOTE.sub("", step) for step in _BETWEEN_STEPS.split(path) if step]


def read(value: Any, path: str, place: Place) -> Any:
    """What stands at a path.

    A value that is not true to a condition ends the way: below `null`, `0`, `false` and the empty string stands
    that value itself.

    Raises:
        MappingError: the budget is spent.
    """
    if path in {"", "."}:
        return value
    for step in steps_of(path):
        if not truthy(value):
            break
        value = _member(value, step, place)
    return value


def _member(value: Any, key: str, place: Place) -> Any:
    if isinstance(value, dict):
        return value.get(key, UNDEFINED)
    if isinstance(value, str) and not value.isascii():
        return _of_units(value, key, place)
    if isinstance(value, str | list):
        return len(value) if key == "length" else _item(value, key)
    return UNDEFINED


def _item(items: str | list[Any], key: str) -> Any:
    return items[int(key)] if _POSITION.fullmatch(key) and int(key) < len(items) else UNDEFINED


def _of_units(text: str, key: str, place: Place) -> Any:
    """The length of a string in UTF-16 units, or one of them. Either is counted as the whole string, which is read."""
    if key == "length":
        place.text(len(text))
        return length_of(text)
    if not _POSITION.fullmatch(key) or int(key) >= _MOST_UNITS * len(text):
        return UNDEFINED
    place.text(len(text))
    at = 2 * int(key)
    unit = text.encode("utf-16-le", "surrogatepass")[at : at + 2]
    return unit.decode("utf-16-le", "surrogatepass") if unit else UNDEFINED


def entries_of(value: Any) -> list[tuple[str, Any]]:
    """Keys and values of an object, a list or a string, in JavaScript's order: keys that are positions come first."""
    if isinstance(value, dict):
        positions = [key for key in value if _POSITION.fullmatch(key) and int(key) < _MOST_POSITIONS]
        order = {**dict.fromkeys(sorted(positions, key=int)), **value} if positions else value
        return [(key, value[key]) for key in order]
    items = _units(value) if isinstance(value, str) else value
    return [(str(at), item) for at, item in enumerate(items)] if isinstance(items, list) else []


def number_text(number: float) -> str:
    """A number as JavaScript writes it, to which all numbers are doubles."""
    if isinstance(number, int) and abs(number) <= _LARGEST_INTEGER:
        return str(number)
    double = _double(number)
    if not math.isfinite(double):
        return {math.inf: "Infinity", -math.inf: "-Infinity"}.get(double, "NaN")
    _, ones, exponent = Decimal(repr(abs(double))).normalize().as_tuple()
    digits = "".join(map(str, ones))
    assert isinstance(exponent, int)
    return ("-" if double < 0 else "") + _with_point(digits, len(digits) + exponent)


def _with_point(digits: str, before: int) -> str:
    """Digits with so many of them before the point."""
    if len(digits) <= before <= _MOST_WHOLE_DIGITS:
        return digits.ljust(before, "0")
    if 0 < before <= _MOST_WHOLE_DIGITS:
        return f"{digits[:before]}.{digits[before:]}"
    if -_MOST_LEADING_ZEROS <= before <= 0:
        return f"0.{'0' * -before}{digits}"
    point = "." if len(digits) > 1 else ""
    return f"{digits[0]}{point}{digits[1:]}e{before - 1:+d}"


def _double(number: float) -> float:
    try:
        return float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf


def same_number(number: float) -> float | None:
    """The number that is left when a JavaScript program has read it and written it; None if it writes `null`."""
    text = number_text(number)
    if text.removeprefix("-").isdigit():
        return int(text)
    return None if text.endswith(("Infinity", "NaN")) else float(text)


def text_of(value: Any, place: Place, depth: int = 0) -> str:
    """A value where JavaScript needs a string.

    Raises:
        MappingError: it is too deep, or the budget is spent.
    """
    place.step(depth)
    match value:
        case str():
            text = value
        case bool():
            text = "true" if value else "false"
        case int() | float():
            text = number_text(value)
        case list():
            text = ",".join(
                ["" if item is None or item is UNDEFINED else text_of(item, place, depth + 1) for item in value]
            )
        case dict():
            text = "[object Object]"
        case _:
            text = "null" if value is None else "undefined"
    place.text(len(text))
    return text


def blank(value: Any, place: Place) -> bool:
    """Whether a value is missing, or loosely equals the empty string: `0`, `false` and lists of nothing do."""
    if isinstance(value, list):
        return not text_of(value, place)
    return value is None or value is UNDEFINED or (not isinstance(value, dict) and not value)


def folded(text: str) -> str:
    """A string in which two characters are the same where a pattern that ignores case takes them for the same."""
    if text.isascii():
        return text.upper()
    return text.translate({ord(character): _folded(character) for character in set(text)})


def _folded(character: str) -> str:
    upper = character.upper()
    if character > _LAST_OF_ONE_UNIT or len(upper) != 1 or (upper.isascii() and not character.isascii()):
        return character
    return upper


def encode(value: Any, place: Place, depth: int = 0) -> str:
    """A value as JSON, as JavaScript writes it: `undefined` is `null` in a list, and not there in an object.

    Raises:
        MappingError: it is too deep, or the budget is spent.
    """
    place.step(depth)
    match value:
        case str():
            text = _quoted(value)
        case bool():
            text = "true" if value else "false"
        case int() | float():
            text = "null" if same_number(value) is None else number_text(value)
        case list():
            text = f"[{','.join([encode(item, place, depth + 1) for item in value])}]"
        case dict():
            fields = [(key, item) for key, item in entries_of(value) if item is not UNDEFINED]
            pairs = [f"{_quoted(key)}:{encode(item, place, depth + 1)}" for key, item in fields]
            text = f"{{{','.join(pairs)}}}"
        case _:
            text = "null"
    place.text(len(text))
    return text


def _quoted(text: str) -> str:
    return _SURROGATE.sub(_escaped, json.dumps(_joined(text), ensure_ascii=False))


def _escaped(lone: re.Match[str]) -> str:
    return f"\\u{ord(lone[0]):04x}"


def _joined(text: str, errors: str = "surrogatepass") -> str:
    """A string whose halves of characters are put together where they meet.

    Args:
        text: with halves in it, or without.
        errors: what happens to a half that stays alone, as `bytes.decode` has it.
    """
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", errors)


def decode(text: str, place: Place) -> Any:
    """What a JSON text says; the text itself where it is none.

    Raises:
        MappingError: it is nested too deep.
    """
    try:
        return json.loads(text, parse_int=float, parse_constant=_refuse)
    except ValueError:
        return text
    except RecursionError:
        raise place.too_deep() from None


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def without_undefined(value: Any, place: Place, depth: int = 0) -> Any:
    """A value's copy, without the keys that hold `undefined`.

    Raises:
        MappingError: it is too deep, or the budget is spent.
    """
    place.step(depth)
    if isinstance(value, dict):
        kept = {}
        for key, item in value.items():
            if item is not UNDEFINED and key != _NEVER_COPIED:
                kept[key] = without_undefined(item, place, depth + 1)
        return kept
    if isinstance(value, list):
        return [without_undefined(item, place, depth + 1) for item in value]
    return value


def as_sent(value: Any) -> Any:
    """A value as it leaves in JSON: what a list holds of `undefined`, and what is no number, is `null`.

    Half a character, which a path into a string may cut off, becomes the replacement character.
    """
    match value:
        case dict():
            return {_joined(key, "replace"): as_sent(item) for key, item in value.items()}
        case list():
            return [as_sent(item) for item in value]
        case str():
            return _joined(value, "replace")
        case bool() | None:
            return value
        case int() | float():
            return same_number(value)
        case _:
            return None
