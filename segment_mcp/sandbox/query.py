"""What a query string says, in the encodings that Segment's own clients use.

Objects come as `pagination.count=2` (documentation) or `pagination[count]=2` (Go and TypeScript SDKs); lists as
`groupBy.0=a`, `groupBy[0]=a`, `groupBy[]=a` or a repeated `groupBy=a`; lists of objects as `rules.0.type=a` or
`rules.0[type]=a`. The Python SDK's JSON in `pagination` is not understood: Segment does not document it.
"""

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

from segment_mcp.sandbox.references import Schema, resolved

_BRACKETS = re.compile(r"\[([^\]]*)\]")
_INTEGER = re.compile(r"-?[0-9]{1,18}")
_NUMBER = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,18})?([eE][+-]?[0-9]{1,3})?")
_BOOLEANS = {"true": True, "false": False}


def dotted(name: str) -> str:
    """`a[b]` as `a.b`."""
    return _BRACKETS.sub(r".\1", name)


def value_of(
    name: str, schema: Schema, pairs: Iterable[tuple[str, str]], definitions: Mapping[str, Schema] | None = None
) -> Any:
    """What the query says for one declared parameter; None if it says nothing.

    Args:
        name: the parameter in dot form, such as `pagination.count`.
        schema: its schema; `type` decides how its text is read.
        pairs: the query's decoded names and values, in order.
        definitions: what the schema's references name.

    Returns:
        A list, a number, a boolean or text: also text where another type was due but not given, so that the check
        of the schema can say so.
    """
    known = definitions or {}
    agreed = resolved(schema, known)
    said = [(dotted(key), value) for key, value in pairs]
    if agreed.get("type") == "array":
        return _items(name, resolved(agreed.get("items", {}), known), said, known) or None
    text = next((value for key, value in said if key == name), None)
    return None if text is None else _read(text, agreed)


def _read(text: str, schema: Schema) -> Any:
    kind = schema.get("type")
    if kind == "boolean":
        return _BOOLEANS.get(text, text)
    if kind in {"integer", "number"} and _INTEGER.fullmatch(text):
        return int(text)
    if kind == "number" and _NUMBER.fullmatch(text):
        number = float(text)
        return number if math.isfinite(number) else text
    return text


def _items(name: str, schema: Schema, said: list[tuple[str, str]], definitions: Mapping[str, Schema]) -> list[Any]:
    """The list's items by their numbers; what has no number comes where it stands, and is no object."""
    members: Mapping[str, Schema] = schema.get("properties", {})
    whole: list[tuple[int, Any]] = []
    objects: dict[int, dict[str, Any]] = {}
    for position, (key, text) in enumerate(said):
        if key != name and not key.startswith(f"{name}."):
            continue
        index, _, member = key[len(name) + 1 :].partition(".")
        if index.isdecimal() and member:
            fields = objects.setdefault(int(index[:18]), {})
            fields.setdefault(member, _read(text, resolved(members.get(member, {}), definitions)))
        elif not index or index.isdecimal():
            whole.append((int(index[:18]) if index else position, _read(text, schema)))
    found: list[tuple[int, Any]] = [*whole, *objects.items()]
    return [item for _, item in sorted(found, key=lambda pair: pair[0])]
