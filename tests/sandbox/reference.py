"""Holds answers against Segment's reference, more strictly than the reference itself.

Every object schema that names its properties is closed, so that nothing invented slips through, and
formats are checked. `hold` is a response hook of the sandbox's test client: no answer escapes it.
"""

import re
from datetime import datetime
from functools import cache
from typing import Any

import httpx2
from jsonschema import Draft202012Validator, FormatChecker

from segment_mcp.operations import OPERATIONS, Operation, area_of, schemas

# RequestErrorEnvelope of the reference; the kept schemas hold successes only.
REFUSAL = {
    "type": "object",
    "properties": {
        "errors": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "properties": {
                    "type": {"type": "string"},
                    "message": {"type": "string"},
                    "field": {"type": "string"},
                    "data": {},
                    "status": {"type": "number"},
                },
                "required": ["type", "message"],
                "additionalProperties": False,
            },
        }
    },
    "required": ["errors"],
    "additionalProperties": False,
}
STATUSES_OF_REFUSALS = {400, 401, 404, 409, 413, 422, 429}
FORMATS = FormatChecker(formats=())


@FORMATS.checks("date-time", raises=ValueError)
def is_moment(value: object) -> bool:
    return isinstance(value, str) and datetime.fromisoformat(value).tzinfo is not None


def closed(schema: Any) -> Any:
    """The schema, with every object that names properties allowed no others and an envelope its `data`."""
    if isinstance(schema, list):
        return [closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    tight = {key: closed(value) for key, value in schema.items()}
    if isinstance(schema.get("properties"), dict):
        tight["properties"] = {key: closed(value) for key, value in schema["properties"].items()}
        tight["additionalProperties"] = False
        if set(schema["properties"]) == {"data"}:
            tight["required"] = ["data"]
    return tight


@cache
def answer_validator(name: str) -> Draft202012Validator:
    area = schemas(area_of(OPERATIONS[name]))
    answer = area["operations"][name]["answer"]
    return Draft202012Validator(closed({**answer, "$defs": area["$defs"]}), format_checker=FORMATS)


def operation_of(method: str, path: str) -> Operation | None:
    for row in OPERATIONS.values():
        pattern = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(row.path))
        if row.method == method and re.fullmatch(pattern, path):
            return row
    return None


async def hold(response: httpx2.Response) -> None:
    """Fails the test in which an answer is not Segment's: wrong status, shape, property, format or header."""
    await response.aread()
    path = response.request.url.path
    row = operation_of(response.request.method, path)
    if path.startswith("/v1/") and row is not None:
        if response.status_code == 400:
            assert set(response.json()) == {"code", "message"}
        else:
            assert (response.status_code, response.json()) == (200, {"success": True})
    elif response.is_success:
        assert row is not None, f"{response.request.method} {path} is no operation, yet it succeeded"
        assert response.status_code == schemas(area_of(row))["operations"][row.name]["status"]
        answer_validator(row.name).validate(response.json())
        for header in ("Consumed", "Remaining", "Reset"):
            assert f"X-RateLimit-{header}" in response.headers
    else:
        assert response.status_code in STATUSES_OF_REFUSALS
        Draft202012Validator(REFUSAL).validate(response.json())
