"""What a query string says, in the encodings that Segment's own clients use.

Objects come as `pagination.count=2` (documentation) or `pagination[count]=2` (Go and TypeScript SDKs);
lists as `groupBy.0=a`, `groupBy[0]=a`, `groupBy[]=a` or a repeated `groupBy=a`. The Python SDK's JSON in
`pagination` is not understood: Segment does not document it.
"""

import re
from collections.abc import Iterable
from typing import Any

_BRACKETS = re.compile(r"\[([^\]]*)\]")
_INTEGER = re.compile(r"-?\d{1,18}")


def dotted(name: str) -> str:
    """`a[b]` as `a.b`."""
    return _BRACKETS.sub(r".\1", name)


def value_of(name: str, schema: Any, pairs: Iterable[tuple[str, str]]) -> Any:
    """What the query says for one declared parameter; None if it says nothing.

    Args:
        name: the parameter in dot form, such as `pagination.count`.
        schema: its schema; `type` decides between a list, an integer and text.
        pairs: the query's decoded names and values, in order.

    Returns:
        A list of texts, an integer, or text: also text where an integer was due but not given, so that
        the check of the schema can say so.
    """
    if schema.get("type") == "array":
        return _texts(name, pairs) or None
    text = next((value for key, value in pairs if dotted(key) == name), None)
    if text is not None and schema.get("type") == "integer" and _INTEGER.fullmatch(text):
        return int(text)
    return text


def _texts(name: str, pairs: Iterable[tuple[str, str]]) -> list[str]:
    found: list[tuple[int, str]] = []
    for position, (key, value) in enumerate(pairs):
        head, _, index = dotted(key).partition(".")
        if head == name and (not index or index.isdecimal()):
            found.append((int(index) if index else position, value))
    return [value for _, value in sorted(found, key=lambda pair: pair[0])]
