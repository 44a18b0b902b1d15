r"""Checks of requests against the operations' own schemas, answered in the documented style.

{"type": "input-validation", "message": "\"metadataId\" is required", "field": "warehouse.metadataId"}
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import ValidationError

from segment_mcp import operations
from segment_mcp.sandbox import query, refusals, windows

_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_TYPES = {
    "array": "must be an array",
    "boolean": "must be a boolean",
    "integer": "must be an integer",
    "number": "must be a number",
    "object": "must be of type object",
    "string": "must be a string",
}
_PREDICATES = {
    "minimum": "must be greater than or equal to {}",
    "exclusiveMinimum": "must be greater than {}",
    "maximum": "must be less than or equal to {}",
    "minLength": "is not allowed to be empty",
    "maxLength": "length must be less than or equal to {} characters long",
    "maxItems": "must contain less than or equal to {} items",
    "anyOf": "does not match any of the allowed types",
    "format": "must be in ISO 8601 date format",
}
_FORMATS = FormatChecker(formats=())


@_FORMATS.checks("date-time")
def is_date_time(value: object) -> bool:
    """Whether the text names a moment as RFC 3339 has it. What is no text is not for a format to judge."""
    return not isinstance(value, str) or bool(_DATE_TIME.fullmatch(value) and windows.parse(value.upper()))


@_FORMATS.checks("date")
def is_date(value: object) -> bool:
    """Whether the text names a day."""
    if not isinstance(value, str):
        return True
    if not _DATE.fullmatch(value):
        return False
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return True


def validator(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> Draft202012Validator:
    """A validator of a schema whose references point into `definitions`, with its formats checked."""
    return Draft202012Validator({**schema, "$defs": definitions}, format_checker=_FORMATS)


@dataclass(frozen=True, slots=True)
class Parameter:
    """A declared parameter and its check; what its schema refers to is in `definitions`."""

    name: str
    place: str
    required: bool
    schema: Mapping[str, Any]
    definitions: Mapping[str, Any]
    validator: Draft202012Validator


@dataclass(frozen=True, slots=True)
class Contract:
    """What an operation takes and the status it answers.

    Attributes:
        parameters: of path and query.
        body: the body's check; None where the operation takes none.
        status: of a success.
    """

    parameters: tuple[Parameter, ...]
    body: Draft202012Validator | None
    status: int


@cache
def contract(name: str) -> Contract:
    """The contract of a Public API operation, read from its area's schemas on first use.

    Raises:
        KeyError: no such operation.
    """
    area = operations.schemas(operations.area_of(operations.get(name)))
    declared, definitions = area["operations"][name], area["$defs"]
    return Contract(
        tuple(
            Parameter(
                name=each["name"],
                place=each["in"],
                required=each["required"],
                schema=each["schema"],
                definitions=definitions,
                validator=validator(each["schema"], definitions),
            )
            for each in declared["parameters"]
        ),
        validator(declared["body"], definitions) if declared["body"] is not None else None,
        declared["status"],
    )


def arguments(agreed: Contract, path: Mapping[str, str], pairs: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """The declared parameters of path and query that the request names, converted.

    A parameter that the operation does not declare is ignored.

    Raises:
        RefusalError: 422 with an error for each parameter that is missing or breaks its schema.
    """
    found: dict[str, Any] = {}
    problems: list[refusals.Problem] = []
    for each in agreed.parameters:
        value = (
            path[each.name] if each.place == "path" else query.value_of(each.name, each.schema, pairs, each.definitions)
        )
        if value is None:
            if each.required:
                problems.append(refusals.problem(each.name, "is required"))
            continue
        problems.extend(_problems(each.validator, value, each.name))
        found[each.name] = value
    if problems:
        raise refusals.invalid(problems)
    return found


def value(check: Draft202012Validator, given: Any) -> None:
    """Hold a JSON value against a schema.

    Raises:
        RefusalError: 422 with an error for each field that breaks it.
    """
    problems = list(_problems(check, given, ""))
    if problems:
        raise refusals.invalid(problems)


def body(agreed: Contract, given: Any) -> Any:
    """The body, if it keeps the operation's schema.

    Raises:
        RefusalError: 422 with an error for each field that breaks it.
    """
    if agreed.body is not None:
        value(agreed.body, given)
    return given


def _problems(check: Draft202012Validator, value: Any, root: str) -> Iterator[refusals.Problem]:
    seen: set[tuple[str, str]] = set()
    for error in check.iter_errors(value):
        path = [root] if root else []
        path += [str(step) for step in error.absolute_path]
        for field, predicate in _findings(error, ".".join(path) or "value"):
            if (field, predicate) not in seen:
                seen.add((field, predicate))
                yield refusals.problem(field, predicate)


def _findings(error: ValidationError, field: str) -> Iterator[tuple[str, str]]:
    limit: Any = error.validator_value
    prefix = "" if field == "value" else f"{field}."
    present: Any = error.instance
    if error.validator == "additionalProperties":
        schema: Any = error.schema
        for name in present:
            if name not in schema["properties"]:
                yield f"{prefix}{name}", "is not allowed"
    elif error.validator == "required":
        for name in limit:
            if name not in present:
                yield f"{prefix}{name}", "is required"
    elif error.validator == "type":
        due = limit if isinstance(limit, str) else next(each for each in limit if each != "null")
        yield field, _TYPES.get(due, "is not valid")
    elif error.validator == "enum":
        yield field, f"must be one of [{', '.join(map(str, limit))}]"
    else:
        yield field, _PREDICATES.get(str(error.validator), "is not valid").format(limit)
