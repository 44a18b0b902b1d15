"""From an operation's row and its arguments to method, target and body. Pure: nothing is sent here.

No argument decides where a request goes: what stands in a path is percent-encoded whole, and what a URL
library would take for a step in the path is refused.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from segment_mcp.errors import InvalidArguments
from segment_mcp.operations import Operation
from segment_mcp.operations.arguments import path_problem

_SLOT = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Request:
    """What goes to Segment, without the host and without credentials.

    Attributes:
        method: HTTP method.
        target: path and query string, percent-encoded.
        body: JSON, or None.
        content_type: the body's media type, or None.
    """

    method: str
    target: str
    body: bytes | None = None
    content_type: str | None = None


def build(operation: Operation, arguments: Mapping[str, Any]) -> Request:
    """The request of a Public API operation.

    Args:
        operation: the row.
        arguments: by Segment's names. Path and query parameters are taken out, where None counts as absent; the
            rest is the body, where it is null.

    Raises:
        InvalidArguments: a path parameter is missing or can't stand in a path, or a value can't be sent.
    """
    given = dict(arguments)
    path = _SLOT.sub(lambda slot: path_segment(slot[1], given.pop(slot[1], None)), operation.path)
    query = "&".join(_query(name, given.pop(name)) for name in operation.query if given.get(name) is not None)
    target = f"{path}?{query}" if query else path
    if not operation.body:
        return Request(operation.method, target)
    body = ", ".join(f"{json.dumps(name)}: {_json(name, value)}" for name, value in given.items())
    return Request(operation.method, target, f"{{{body}}}".encode(), operation.content_type)


def path_segment(name: str, value: Any) -> str:
    """A path parameter, percent-encoded.

    Raises:
        InvalidArguments: it is no string, empty, too long, `.` or `..`, or has control characters.
    """
    problem = path_problem(value)
    if problem is not None:
        raise InvalidArguments([{"field": name, "message": problem}])
    return quote(value, safe="")


def _query(name: str, value: Any) -> str:
    try:
        return urlencode(list(query_pairs(name, value)))
    except UnicodeEncodeError:
        raise InvalidArguments([{"field": name, "message": "has text that no URL can carry"}]) from None


def _json(name: str, value: Any) -> str:
    try:
        return json.dumps(value, allow_nan=False)
    except (ValueError, RecursionError):
        raise InvalidArguments([{"field": name, "message": "has a number or a depth that JSON can't carry"}]) from None


def query_pairs(name: str, value: Any) -> Iterator[tuple[str, str]]:
    """A query parameter in Segment's dot form: `pagination.count=10`, `groupBy.0=eventName`."""
    if isinstance(value, Mapping):
        for member, inner in value.items():
            if inner is not None:
                yield from query_pairs(f"{name}.{member}", inner)
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(inner for inner in value if inner is not None):
            yield from query_pairs(f"{name}.{index}", inner)
    elif isinstance(value, bool):
        yield name, "true" if value else "false"
    else:
        yield name, str(value)
