"""How an operation is called and what it answers, in few characters: for a model to read, not for a parser.

The notation is TypeScript's, with limits behind the type and defaults behind `=`:

    sourceId: string
    granularity: "DAY"|"HOUR"|"MINUTE"
    pagination?: {cursor?: string, count?: int 1..1000}
    settings?: {[key]: any}
    subjectIds: string[]
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache

from segment_mcp.operations.arguments import PATH_FORMAT, Schema, resolved, schema_of, types_of
from segment_mcp.operations.catalog import area_of, schemas
from segment_mcp.operations.operation import Operation

LONGEST_LINE = 160
LONGEST_ANSWER = 900
SHUT = "{...}"

_WIDTH = 100  # of a line beyond which an object has a line for each of its members
_SHORTENED = f"\n({SHUT}: left out for length)"
_METADATA = "metadata"  # the catalog's entry within a source, a destination or a warehouse: big, seldom needed
_TYPES = {"integer": "int", "boolean": "bool"}


@dataclass(frozen=True, slots=True)
class _Object:
    """An object that is not written out yet, as the member of that name."""

    name: str
    schema: Schema


Part = str | _Object


def one_line(operation: Operation) -> str:
    """Name and arguments, such as `updateSource(sourceId, enabled?, name?, settings?, slug?)`.

    Returns:
        At most 160 characters unless what is required takes more: `...` stands for optional arguments only.

    Raises:
        FileNotFoundError: the operation is one of the Tracking API, for which Segment publishes no schemas.
    """
    shown = [head for head, _, _ in _members(schema_of(operation))]
    line = f"{operation.name}({', '.join(shown)})"
    while len(line) > LONGEST_LINE and shown[-1].endswith("?"):
        shown.pop()
        line = f"{operation.name}({', '.join([*shown, '...'])})"
    return line


@cache
def parameters(operation: Operation) -> str:
    """The arguments with their types and limits, one a line, what is required first.

    Raises:
        FileNotFoundError: the operation is one of the Tracking API, for which Segment publishes no schemas.
    """
    return "\n".join(_lines(schema_of(operation), "")) or "(no arguments)"


@cache
def answer(operation: Operation) -> str:
    """The members of the answer's `data`, one a line.

    Returns:
        At most 900 characters. Objects that would take more are `{...}`, the catalog's and the deeper ones first;
        a last line then says so.

    Raises:
        FileNotFoundError: the operation is one of the Tracking API, for which Segment publishes no schemas.
    """
    area = schemas(area_of(operation))
    whole = resolved(area["operations"][operation.name]["answer"], area["$defs"])
    text = _opened(list(_joined(_members(whole["properties"]["data"]), "\n")), LONGEST_ANSWER - len(_SHORTENED))
    return text + _SHORTENED if SHUT in text else text


def _opened(parts: list[Part], longest: int) -> str:
    """The text with its objects written out level by level, as far as there is room."""
    room = longest - _length(parts)
    while any(isinstance(part, _Object) for part in parts):
        wider: list[Part] = []
        for part in parts:
            inner = [part] if isinstance(part, str) else list(_of_object(part))
            growth = _length(inner) - _length([part])
            if growth > room or (isinstance(part, _Object) and part.name == _METADATA):
                wider.append(SHUT)
            else:
                wider.extend(inner)
                room -= growth
        parts = wider
    return _text(parts)


def _length(parts: Iterable[Part]) -> int:
    return sum(len(part) if isinstance(part, str) else len(SHUT) for part in parts)


def _text(parts: Iterable[Part]) -> str:
    """The text with all its objects written out."""
    return "".join(part if isinstance(part, str) else _text(_of_object(part)) for part in parts)


def _lines(schema: Schema, indent: str) -> Iterator[str]:
    """A line for each member, or several for an object that is too long for one."""
    for head, name, member in _members(schema):
        line = f"{indent}{head}: {_text(_of_type(name, member))}"
        inner, tail = _within_lists(member)
        if len(line) > _WIDTH and "properties" in inner:
            yield f"{indent}{head}: {{"
            yield from _lines(inner, indent + " ")
            yield f"{indent}}}{tail}"
        else:
            yield line


def _within_lists(schema: Schema) -> tuple[Schema, str]:
    if schema.get("type") != "array":
        return schema, ""
    inner, tail = _within_lists(schema["items"])
    return inner, f"{tail}[]{_limits(schema)}"


def _members(schema: Schema) -> list[tuple[str, str, Schema]]:
    """Name with `?` where it may be left out, name, and schema; what is required first, in its order."""
    known = schema.get("properties", {})
    required = [name for name in schema.get("required", ()) if name in known]
    optional = [name for name in known if name not in required]
    return [(name, name, known[name]) for name in required] + [(f"{name}?", name, known[name]) for name in optional]


def _joined(members: Iterable[tuple[str, str, Schema]], separator: str) -> Iterator[Part]:
    for index, (head, name, schema) in enumerate(members):
        yield f"{separator if index else ''}{head}: "
        yield from _of_type(name, schema)


def _of_object(part: _Object) -> Iterator[Part]:
    yield "{"
    yield from _joined(_members(part.schema), ", ")
    yield "}"


def _of_type(name: str, schema: Schema) -> Iterator[Part]:
    """The type of a member, its limits and its default."""
    if "enum" in schema:
        yield "|".join(json.dumps(choice) for choice in schema["enum"])
    elif "anyOf" in schema:
        for index, branch in enumerate(schema["anyOf"]):
            yield "|" if index else ""
            yield from _of_type(name, branch)
    else:
        for index, type_ in enumerate(types_of(schema) or ("any",)):
            yield "|" if index else ""
            yield from _of_single(name, type_, schema)
    yield _limits(schema)
    if "default" in schema:
        yield f" = {json.dumps(schema['default'])}"


def _of_single(name: str, type_: str, schema: Schema) -> Iterator[Part]:
    others = schema.get("additionalProperties", True)
    if type_ == "array":
        yield from _of_list(name, schema["items"])
    elif type_ == "object" and "properties" in schema:
        yield _Object(name, schema)
    elif type_ == "object":
        yield "{[key]: "
        yield from _of_type(name, others if isinstance(others, dict) else {})
        yield "}"
    elif type_ == "string" and schema.get("format", PATH_FORMAT) != PATH_FORMAT:
        yield schema["format"]
    else:
        yield _TYPES.get(type_, type_)


def _of_list(name: str, items: Schema) -> Iterator[Part]:
    if "examples" in items:
        yield f"({'|'.join(map(json.dumps, items['examples']))})[]"
        return
    united = len(items.get("enum", types_of(items))) > 1
    yield "(" if united else ""
    yield from _of_type(name, items)
    yield ")[]" if united else "[]"


def _limits(schema: Schema) -> str:
    least, most = schema.get("minimum"), schema.get("maximum")
    if least is not None or most is not None:
        return f" {'' if least is None else least}..{'' if most is None else most}"
    longest = schema.get("maxLength") if schema.get("format") != PATH_FORMAT else None
    longest = schema.get("maxItems", longest)
    return "" if longest is None else f" up to {longest}"
