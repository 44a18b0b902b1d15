"""What tools take: the base model, the fields that several tools share, and the published schema.

Published names are Segment's (camelCase). Unknown arguments are refused. An object or array that a client
sent as a JSON-encoded string is read as what it encodes; null counts as left out.
"""

import difflib
import json
from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
)
from pydantic.alias_generators import to_camel

from segment_mcp.errors import InvalidArguments
from segment_mcp.redact import clean
from segment_mcp.timing import is_moment

_PROBLEMS_SHOWN = 20
_DROPPED_KEYS = ("title", "default", "additionalProperties")
_SAYS_NOTHING = (("minLength", 1), ("minItems", 1))
_GENEROUS_LENGTH = 100
"""Characters; a longer `maxLength` is checked, and nothing that a caller has to plan for."""


class Args(BaseModel):
    """Base of every tool's arguments. Its validators are built on first use: a server may never need them."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=to_camel, defer_build=True, hide_input_in_errors=True
    )

    @classmethod
    def check(cls, arguments: Mapping[str, Any]) -> Self:
        """The arguments, checked.

        Raises:
            InvalidArguments: names each field and its problem, never its value.
        """
        given = {name: value for name, value in arguments.items() if value is not None}
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            raise InvalidArguments(cls._problems(error)) from None

    def given(self) -> dict[str, Any]:
        """What the caller gave, by Segment's names, as plain JSON values."""
        return self.model_dump(by_alias=True, exclude_none=True)

    @classmethod
    def input_schema(cls) -> dict[str, Any]:
        """The published JSON Schema: no generated titles, no `$defs`, optional fields without null."""
        schema = cls.model_json_schema()
        definitions = schema.pop("$defs", {})
        schema.pop("description", None)
        compact: dict[str, Any] = _compact(schema, definitions)
        return {"type": "object", "properties": {}, **compact, "additionalProperties": False}

    @classmethod
    def _problems(cls, error: ValidationError) -> list[dict[str, str]]:
        known = [field.alias or name for name, field in cls.model_fields.items()]
        problems = []
        for found in error.errors(include_input=False, include_url=False)[:_PROBLEMS_SHOWN]:
            field = clean(".".join(str(part) for part in found["loc"]), 100)
            problems.append({"field": field or "arguments", "message": _message(found, field, known)})
        return problems


def _message(found: Any, field: str, known: list[str]) -> str:
    match found["type"]:
        case "missing":
            return "is required"
        case "extra_forbidden" if "." not in field:
            nearest = difflib.get_close_matches(field, known, n=1)
            return f"is no argument of this tool{f'; is {nearest[0]} meant?' if nearest else ''}"
        case "extra_forbidden":
            return "is not known here"
        case "value_error":
            return str(found["ctx"]["error"])
        case _:
            text = str(found["msg"])
            return text[:1].lower() + text[1:]


def _compact(schema: Any, definitions: Mapping[str, Any]) -> Any:
    if isinstance(schema, list):
        return [_compact(item, definitions) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        target = {k: v for k, v in definitions[schema["$ref"].rpartition("/")[2]].items() if k != "description"}
        schema = {**target, **{k: v for k, v in schema.items() if k != "$ref"}}
    if "anyOf" in schema:
        alternatives = [one for one in schema["anyOf"] if one != {"type": "null"}]
        if len(alternatives) == 1:
            rest = {name: value for name, value in schema.items() if name != "anyOf"}
            return _compact({**alternatives[0], **rest}, definitions)
    compact = {
        name: _compact(value, definitions)
        for name, value in schema.items()
        if name not in {*_DROPPED_KEYS, "properties"}
        and (name, value) not in _SAYS_NOTHING
        and not (name == "maxLength" and value >= _GENEROUS_LENGTH)
    }
    if "properties" in schema:
        compact["properties"] = {name: _compact(value, definitions) for name, value in schema["properties"].items()}
    return compact


def decoded(value: Any) -> Any:
    """A JSON-encoded object or array as what it encodes; anything else unchanged."""
    if isinstance(value, str) and value.lstrip()[:1] in {"{", "["}:
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            raise ValueError("is a string that looks like JSON but is not valid JSON") from None
    return value


def _one_line(value: str) -> str:
    """Refuse what has no place in an ID, a name or a header.

    Raises:
        ValueError: control or other unprintable characters.
    """
    if not value.isprintable():
        raise ValueError("has control or other unprintable characters")
    return value


def _id(value: str) -> str:
    """Refuse what a URL would take for a step in its path.

    Raises:
        ValueError: `.` or `..`.
    """
    if value in {".", ".."}:
        raise ValueError("is no ID")
    return _one_line(value)


def _moment(value: str) -> str:
    """Refuse what is no moment in time.

    Raises:
        ValueError: no ISO 8601 date and time, or none with a zone.
    """
    if not is_moment(value):
        raise ValueError("must be a date, a time and a zone in ISO 8601, such as 2026-01-31T08:00:00Z")
    return value


Id = Annotated[str, Field(min_length=1, max_length=255), AfterValidator(_id)]
Line = Annotated[str, Field(min_length=1, max_length=255), AfterValidator(_one_line)]
Moment = Annotated[str, Field(json_schema_extra={"format": "date-time"}), AfterValidator(_moment)]
JsonObject = Annotated[dict[str, Any], BeforeValidator(decoded)]

SourceId = Annotated[Id, Field(description="The source's ID.")]
DestinationId = Annotated[Id, Field(description="The destination's ID.")]


class Pagination(BaseModel):
    """Which page of a list."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    count: int = Field(200, ge=1, le=1000, description="Items a page.")
    cursor: str | None = Field(None, max_length=4096, description="pagination.next.")


Page = Annotated[Pagination, BeforeValidator(decoded), Field(description="Which page.")]
FIRST_PAGE = Pagination.model_construct(count=200, cursor=None)
