"""Which column of a row becomes which field of an event. Pure.

A field is written with dots: `properties.plan`; a backslash keeps a dot or a colon that belongs to a name. Behind a
colon stands its type: `properties.price:number`.
"""

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

STRING = "string"

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)


class MappingError(ValueError):
    """The mapping contradicts itself, or a value doesn't fit its type; says what."""


@dataclass(frozen=True, slots=True)
class Column:
    """Where a column's values go.

    Attributes:
        name: of the column.
        path: the names of the field, outermost first.
        type: a key of `TYPES`; None: values stay as they are.
    """

    name: str
    path: tuple[str, ...]
    type: str | None


@dataclass(frozen=True, slots=True)
class Columns:
    """A mapping.

    Attributes:
        columns: those that are used; all others are left out.
    """

    columns: tuple[Column, ...]

    @classmethod
    def parse(cls, mapping: Mapping[str, str]) -> "Columns":
        """A mapping of column names to fields.

        Raises:
            MappingError: a type is unknown, a name is empty, or two columns go to the same field or into one another.
        """
        columns = tuple(_column(name, field) for name, field in mapping.items())
        taken: set[tuple[str, ...]] = set()
        for column in columns:
            if column.path in taken:
                raise MappingError(f"two columns go to {'.'.join(column.path)}")
            taken.add(column.path)
        for path in taken:
            for length in range(1, len(path)):
                if path[:length] in taken:
                    raise MappingError(f"{'.'.join(path[:length])} can't be a value and have {path[length]} in it")
        return cls(columns)

    @classmethod
    def of(cls, header: Iterable[str]) -> "Columns":
        """The columns of a table whose names are fields already, in dots.

        Raises:
            MappingError: as for `parse`.
        """
        return cls.parse({name: name.replace(":", "\\:") for name in header})

    def event(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """A row as an event; empty cells and null are left out.

        Raises:
            MappingError: a value doesn't fit its type.
        """
        event: dict[str, Any] = {}
        for column in self.columns:
            value = row.get(column.name)
            if value is None or value == "":
                continue
            target = event
            for name in column.path[:-1]:
                target = target.setdefault(name, {})
            target[column.path[-1]] = value if column.type is None else _typed(column, value)
        return event

    def missing(self, header: frozenset[str]) -> list[str]:
        """The columns of the mapping that a header doesn't have."""
        return [column.name for column in self.columns if column.name not in header]


def _column(name: str, field: str) -> Column:
    where, colon, kind = field.replace("\\:", "\1").partition(":")
    if colon and kind not in TYPES:
        raise MappingError(f"{field}: the type must be one of {', '.join(TYPES)}")
    path = tuple(part.replace("\0", ".").replace("\1", ":") for part in where.replace("\\.", "\0").split("."))
    if not name or not all(path):
        raise MappingError(f"{name}={field}: must be COLUMN=FIELD, such as plan=traits.plan")
    return Column(name, path, kind or None)


def _typed(column: Column, value: Any) -> Any:
    try:
        return TYPES[column.type or STRING](value)
    except (ValueError, TypeError, KeyError, RecursionError):
        raise MappingError(f"column {column.name} has a value that is no {column.type}") from None


def _string(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():  # a table's integers with gaps come as floats
        return str(int(value))
    return value if isinstance(value, str) else json.dumps(value, allow_nan=False)


def _number(value: Any) -> int | float:
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        text = value.strip()
        value = int(text) if text.lstrip("+-").isdigit() else float(text)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise TypeError
    return value


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    return _BOOLEANS[str(value).strip().lower()]


def _json(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


_BOOLEANS = {"true": True, "t": True, "1": True, "yes": True, "false": False, "f": False, "0": False, "no": False}
TYPES: Mapping[str, Callable[[Any], Any]] = {
    STRING: _string,
    "number": _number,
    "boolean": _boolean,
    "json": _json,
}
"""How a value becomes what its type says; each raises ValueError, KeyError or TypeError where it can't."""
