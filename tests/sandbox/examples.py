"""A valid request for every operation of the Public API: its example body, and parameters that keep their schemas."""

from typing import Any

from segment_mcp.operations import Operation, area_of, schemas
from segment_mcp.sandbox.references import resolved

_TEXTS = {"date": "2026-05-01", "date-time": "2026-05-01T00:00:00Z"}


def request(row: Operation, **slots: str) -> dict[str, Any]:
    """What an HTTP client's `request` takes; a path parameter that is not given is named after itself."""
    area = schemas(area_of(row))
    declared = area["operations"][row.name]
    path, params = row.path, {}
    for each in declared["parameters"]:
        schema = resolved(each["schema"], area["$defs"])
        if each["in"] == "path":
            path = path.replace(f"{{{each['name']}}}", slots.get(each["name"], f"the-{each['name']}"))
        elif each["required"] and schema["type"] == "array":
            item = resolved(schema["items"], area["$defs"])
            for name, value in _values(item, area["$defs"]).items():
                params[f"{each['name']}.0{name}"] = value
        elif each["required"]:
            params[each["name"]] = slots.get(each["name"], _value(schema))
    asked: dict[str, Any] = {"method": row.method, "url": path, "params": params}
    return asked if declared["body"] is None else {**asked, "json": declared["example"]}


def _values(item: Any, definitions: Any) -> dict[str, str]:
    if "properties" not in item:
        return {"": _value(item)}
    return {f".{name}": _value(resolved(each, definitions)) for name, each in item["properties"].items()}


def _value(schema: Any) -> str:
    if "enum" in schema:
        return str(schema["enum"][0])
    return "1" if schema["type"] in {"integer", "number"} else _TEXTS.get(schema.get("format"), "x")
