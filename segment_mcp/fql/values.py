"""Values as the language sees them: their types, and when two are equal."""

from collections.abc import Mapping
from typing import Any


class Unknown:
    """The value of a field that nobody told us; there is one, `UNKNOWN`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN = Unknown()


def type_of(value: Any) -> str:
    """The name of a value's type, as `typeof` says it.

    The docs name five. For an object they have no name; Segment's evaluator for browsers (@segment/tsub) says
    `object`.
    """
    match value:
        case None:
            return "null"
        case bool():
            return "bool"
        case int() | float():
            return "number"
        case str():
            return "string"
        case list() | tuple():
            return "list"
        case _:
            return "object"


def equal(left: Any, right: Any) -> bool:
    """Whether two values have the same type and are the same in all their depth.

    Objects are equal if their members come in the same order too: Segment compares them as JSON text
    (@segment/tsub). Numbers are compared as numbers: 1 is 1.0.
    """
    pairs = [(left, right)]
    while pairs:
        one, other = pairs.pop()
        kind = type_of(one)
        if kind != type_of(other):
            return False
        if isinstance(one, Mapping) and isinstance(other, Mapping):
            if list(one) != list(other):
                return False
            pairs.extend(zip(one.values(), other.values(), strict=True))
        elif kind == "list":
            if len(one) != len(other):
                return False
            pairs.extend(zip(one, other, strict=True))
        elif one != other:
            return False
    return True
