"""What an operation takes, as one schema, and what is wrong with given arguments before anything is sent.

Arguments are one flat mapping of Segment's names, as `adapter.requests` takes them: path slots, query
parameters and members of the body side by side; no operation uses a name twice. The reference spells objects
of the query out (`pagination.count`); here they are objects again.

The rule of closed objects: a schema that names `properties` and says nothing of others allows no others. Segment
ignores or refuses what it does not know, and either way the caller did not get what they asked for.

A problem names a field and says what is wrong with it, never what was given: arguments hold secrets.
"""

import difflib
import math
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from functools import cache
from itertools import islice
from typing import Any

from segment_mcp.operations.catalog import area_of, schemas
from segment_mcp.operations.operation import Operation

Problem = dict[str, str]
"""`{"field": "rules.0.type", "message": "must be one of ..."}`."""

Schema = Mapping[str, Any]

MOST_PROBLEMS = 20
PATH_FORMAT = "path-segment"
"""The format of a path parameter, beside the reference's `date-time` and `date`."""

_WHOLE = "arguments"
_DEFINITION = "#/$defs/"
_LONGEST_NAME = 60
_NAMES_LISTED = 12
_SHOWABLE_NAME = re.compile(rf"[A-Za-z_$][\w.$ -]{{0,{_LONGEST_NAME - 1}}}", re.ASCII)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d(:?\d\d)?)", re.ASCII)
_SEPARATORS = re.compile(r"[_\W]+")
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)

_TYPES: Mapping[str, str] = {
    "string": "a string",
    "integer": "an integer",
    "number": "a number",
    "boolean": "true or false",
    "array": "an array",
    "object": "an object",
    "null": "null",
}


@cache
def schema_of(operation: Operation) -> Schema:
    """What an operation takes, as one closed object schema without references.

    Returns:
        `{"type": "object", "properties": {name: schema}, "required": [name]}`: parameters in the reference's
        order, then the members of the body. Path parameters have the format `path-segment`, required lists of
        the query `minItems`: an empty one would not be sent at all.

    Raises:
        FileNotFoundError: the operation is one of the Tracking API, for which Segment publishes no schemas.
    """
    area = schemas(area_of(operation))
    entry = area["operations"][operation.name]
    whole: dict[str, Any] = {"type": "object", "properties": {}, "required": []}
    for parameter in entry["parameters"]:
        outer, _, inner = parameter["name"].rpartition(".")
        place = whole["properties"].setdefault(outer, {"type": "object", "properties": {}}) if outer else whole
        place["properties"][inner] = _parameter(parameter, area["$defs"])
        if parameter["required"]:
            whole["required"].append(outer or inner)
    body = resolved(entry["body"] or {}, area["$defs"])
    whole["properties"].update(body.get("properties", {}))
    whole["required"].extend(body.get("required", ()))
    return whole


def _parameter(parameter: Mapping[str, Any], definitions: Mapping[str, Any]) -> Schema:
    schema = resolved(parameter["schema"], definitions)
    if parameter["in"] == "path":
        return {**schema, "format": PATH_FORMAT}
    if parameter["required"] and schema.get("type") == "array":
        return {**schema, "minItems": 1}
    return schema


def resolved(schema: Schema, definitions: Mapping[str, Any], within: tuple[str, ...] = ()) -> dict[str, Any]:
    """The schema with its references replaced by what they point to, and with nested `anyOf` as one.

    Args:
        schema: JSON Schema whose references are `#/$defs/NAME`.
        definitions: by name.
        within: the definitions that this one is part of; one that holds itself becomes `{}`, which is anything.
    """
    if "$ref" in schema:
        name = schema["$ref"].removeprefix(_DEFINITION)
        return {} if name in within else resolved(definitions[name], definitions, (*within, name))
    copy = dict(schema)
    if "properties" in schema:
        copy["properties"] = {
            name: resolved(member, definitions, within) for name, member in schema["properties"].items()
        }
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), Mapping):
            copy[key] = resolved(schema[key], definitions, within)
    if "anyOf" in schema:
        branches = [resolved(branch, definitions, within) for branch in schema["anyOf"]]
        copy["anyOf"] = [one for branch in branches for one in branch.get("anyOf", [branch])]
    return copy


def given_of(operation: Operation, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments without nulls that only say that something was left out: a null that Segment takes stays.

    Raises:
        FileNotFoundError: the operation is one of the Tracking API, for which Segment publishes no schemas.
    """
    known = schema_of(operation)["properties"]
    return {
        name: _without_nulls(value) if name in operation.query else value
        for name, value in arguments.items()
        if value is not None or "null" in types_of(known.get(name, {}))
    }


def problems_of(operation: Operation, arguments: Mapping[str, Any]) -> list[Problem]:
    """What is wrong with an operation's arguments; nothing where they can be sent.

    Args:
        operation: a row of the Public API.
        arguments: by Segment's names. None counts as left out, but where the schema allows null.

    Returns:
        At most 20 problems, what is missing first. `field` is a dotted path; a name that could be something
        else than a name is not repeated.

    Raises:
        FileNotFoundError: the operation is one of the Tracking API, for which Segment publishes no schemas.
    """
    schema = schema_of(operation)
    given = given_of(operation, arguments)
    found = _of_object(schema, given, "", f"is no argument of {operation.name}")
    return list(islice(found, MOST_PROBLEMS))


def types_of(schema: Schema) -> tuple[str, ...]:
    """JSON Schema's names of the types that a schema allows; empty where it allows any."""
    if "anyOf" in schema:
        branches = [types_of(branch) for branch in schema["anyOf"]]
        return tuple(dict.fromkeys(name for names in branches for name in names)) if all(branches) else ()
    named = schema.get("type", ())
    return (named,) if isinstance(named, str) else tuple(named)


def _problem(field: str, message: str) -> Problem:
    return {"field": field or _WHOLE, "message": message}


def _below(field: str, name: str | int) -> str:
    """The path of a member; that of the whole where its name is nothing to be shown."""
    if isinstance(name, str) and not _SHOWABLE_NAME.fullmatch(name):
        return field
    return f"{field}.{name}" if field else str(name)


def _without_nulls(value: Any, levels: int = 2) -> Any:
    """What a query string carries of a value: it has no null."""
    if levels and isinstance(value, Mapping):
        return {name: _without_nulls(member, levels - 1) for name, member in value.items() if member is not None}
    if levels and isinstance(value, list | tuple):
        return [_without_nulls(item, levels - 1) for item in value if item is not None]
    return value


def _is(value: Any, name: str) -> bool:
    """Whether a value is of the type that JSON Schema calls so; what JSON can't carry is of none."""
    match name:
        case "integer":
            return isinstance(value, int) and not isinstance(value, bool)
        case "number":
            return _is(value, "integer") or (isinstance(value, float) and math.isfinite(value))
        case "object":
            return isinstance(value, Mapping)
        case "array":
            return isinstance(value, list | tuple)
        case "null":
            return value is None
        case _:
            return isinstance(value, str if name == "string" else bool)


def _has_type(schema: Schema, value: Any) -> bool:
    types = types_of(schema)
    return not types or any(_is(value, name) for name in types)


def _of_value(schema: Schema, value: Any, field: str) -> Iterator[Problem]:
    """The problems of one value. Looks as deep as the schema goes, however deep the value is."""
    if not _has_type(schema, value):
        yield _problem(field, f"must be {' or '.join(_TYPES[name] for name in types_of(schema))}")
    elif "anyOf" in schema:
        yield from _of_nearest(schema["anyOf"], value, field)
    elif "enum" in schema and value is not None:
        if value not in schema["enum"]:
            yield _problem(field, f"must be one of {', '.join(schema['enum'])}{_nearest_choice(value, schema['enum'])}")
    elif isinstance(value, str):
        yield from _of_text(schema, value, field)
    elif isinstance(value, Mapping):
        yield from _of_object(schema, value, field, "is not known here")
    elif isinstance(value, list | tuple):
        yield from _of_list(schema, value, field)
    elif isinstance(value, int | float):
        yield from _of_number(schema, value, field)


def _of_nearest(branches: list[Schema], value: Any, field: str) -> Iterator[Problem]:
    """The problems with the branch that the value comes nearest to: the fewest, then the most names in common."""

    def distance(branch: Schema) -> tuple[int, int]:
        shared = branch.get("properties", {}).keys() & set(value) if isinstance(value, Mapping) else ()
        return sum(1 for _ in islice(_of_value(branch, value, field), MOST_PROBLEMS)), -len(shared)

    fitting = [branch for branch in branches if _has_type(branch, value)]
    yield from _of_value(min(fitting, key=distance), value, field)


def _of_object(schema: Schema, value: Mapping[Any, Any], field: str, not_known: str) -> Iterator[Problem]:
    known = schema.get("properties", {})
    others = schema.get("additionalProperties", "properties" not in schema)
    for name in schema.get("required", ()):
        if name not in value:
            yield _problem(_below(field, name), "is required")
    for name, member in value.items():
        if not isinstance(name, str):
            yield _problem(field, "has a name that is no text")
        elif name in known:
            yield from _of_value(known[name], member, _below(field, name))
        elif isinstance(others, Mapping):
            yield from _of_value(others, member, _below(field, name))
        elif not others:
            below = _below(field, name)
            unknown = not_known if below != field else f"has a name that {not_known}"
            yield _problem(below, unknown + _meant(name, schema))


def _of_list(schema: Schema, value: list[Any] | tuple[Any, ...], field: str) -> Iterator[Problem]:
    if len(value) < schema.get("minItems", 0):
        yield _problem(field, f"must have at least {_counted(schema['minItems'], 'item')}")
    if len(value) > schema.get("maxItems", len(value)):
        yield _problem(field, f"must have at most {_counted(schema['maxItems'], 'item')}")
    for index, item in enumerate(value if schema.get("items") else ()):
        yield from _of_value(schema["items"], item, _below(field, index))


def _of_text(schema: Schema, value: str, field: str) -> Iterator[Problem]:
    problem = _FORMATS[schema["format"]](value) if "format" in schema else None
    if len(value) < schema.get("minLength", 0):
        yield _problem(field, "must be a non-empty string")
    elif len(value) > schema.get("maxLength", len(value)):
        yield _problem(field, f"must have at most {_counted(schema['maxLength'], 'character')}")
    elif problem is not None:
        yield _problem(field, problem)


def _of_number(schema: Schema, value: float, field: str) -> Iterator[Problem]:
    if value < schema.get("minimum", value):
        yield _problem(field, f"must be at least {schema['minimum']}")
    elif value > schema.get("maximum", value):
        yield _problem(field, f"must be at most {schema['maximum']}")


def _counted(count: int, thing: str) -> str:
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"


LONGEST_ID = 255
"""Characters of a path parameter, from the Public API's reference."""


def path_problem(value: Any) -> str | None:
    """Why a value can't stand in a path; None where it can."""
    if not isinstance(value, str) or not value:
        return "must be a non-empty string"
    if len(value) > LONGEST_ID:
        return f"must have at most {LONGEST_ID} characters"
    if value in {".", ".."}:
        return "is no ID"
    return None if value.isprintable() else "has control or other unprintable characters"


def _moment_problem(value: str) -> str | None:
    if _MOMENT.fullmatch(value) and _parses(value, datetime):
        return None
    return "must be a date, a time and a zone in ISO 8601, such as 2026-01-31T08:00:00Z"


def _day_problem(value: str) -> str | None:
    return None if _DAY.fullmatch(value) and _parses(value, date) else "must be a date, such as 2026-01-01"


def _parses(value: str, kind: type[date]) -> bool:
    try:
        kind.fromisoformat(value)
    except ValueError:
        return False
    return True


_FORMATS: Mapping[str, Callable[[str], str | None]] = {
    PATH_FORMAT: path_problem,
    "date-time": _moment_problem,
    "date": _day_problem,
}


def _nearest_choice(value: Any, choices: list[str]) -> str:
    if not isinstance(value, str) or len(value) > _LONGEST_NAME:
        return ""
    return _is_meant(_nearest(value, choices))


def _meant(name: str, schema: Schema) -> str:
    """What may have been meant by a name that an object does not have."""
    known = schema.get("properties", {})
    outer, _, inner = name.partition(".")
    if inner and inner in known.get(outer, {}).get("properties", {}):
        return f"; write it as {outer}: {{{inner}: ...}}"
    within = [f"{outer}.{name}" for outer, one in known.items() if name in one.get("properties", {})]
    if len(within) == 1:
        return _is_meant(within[0])
    nearest = _nearest(name, list(known)) if len(name) <= _LONGEST_NAME else None
    return _is_meant(nearest) or _known(list(known))


def _known(names: list[str]) -> str:
    if not names:
        return "; there are none"
    more = ", ..." if len(names) > _NAMES_LISTED else ""
    return f"; known are {', '.join(names[:_NAMES_LISTED])}{more}"


def _is_meant(name: str | None) -> str:
    return "" if name is None else f"; is {name} meant?"


def _nearest(name: str, names: list[str]) -> str | None:
    """The one of the names that is spelled most like it, whatever its case and its separators."""
    plain = {_plain(one): one for one in names}
    found = difflib.get_close_matches(_plain(name), plain, n=1)
    return plain[found[0]] if found else None


def _plain(name: str) -> str:
    return _SEPARATORS.sub("", name).lower()
