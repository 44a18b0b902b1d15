"""Write `segment_mcp/operations/schemas/AREA.json` from the reference; `scripts.drift` says what differs.

    python scripts/extract_schemas.py REFERENCE.json

The reference is Segment's Public API as OpenAPI. The written files are never edited by hand.
"""

import argparse
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from segment_mcp.operations import OPERATIONS, area_of

TARGET = Path(__file__).parent.parent / "segment_mcp" / "operations" / "schemas"
_REFERENCE_PREFIX = "#/components/schemas/"
_DOCUMENTED = {"x-documented-values": "examples"}


def main() -> None:
    """Write the files."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("reference", type=Path)
    reference = json.loads(parser.parse_args().reference.read_text(encoding="utf-8"))
    for area, text in render(reference).items():
        (TARGET / f"{area}.json").write_text(text, encoding="utf-8")


def render(reference: Mapping[str, Any]) -> dict[str, str]:
    """The text of each area's file.

    Raises:
        KeyError: a row names an operation, method or path that the reference does not have.
    """
    areas: dict[str, dict[str, Any]] = {}
    for row in OPERATIONS.values():
        if row.api != "public":
            continue
        declared = reference["paths"][row.path][row.method.lower()]
        if declared["operationId"] != row.name:
            raise KeyError(f"{row.method} {row.path} is {declared['operationId']}, not {row.name}")
        area = areas.setdefault(area_of(row), {"operations": {}, "$defs": {}})
        area["operations"][row.name] = entry_of(declared)
    for area in areas.values():
        area["$defs"] = dict(sorted(_definitions(area["operations"], reference).items()))
    return {name: json.dumps(area, indent=1) + "\n" for name, area in areas.items()}


def entry_of(declared: Mapping[str, Any]) -> dict[str, Any]:
    """An operation as the schema files have it, with references into `$defs`."""
    status = next(code for code in declared["responses"] if code.startswith("2"))
    return {
        "parameters": [
            {key: _local(parameter[key]) for key in ("name", "in", "required", "schema")}
            for parameter in declared.get("parameters", [])
        ],
        "body": _local(_json_schema(declared["requestBody"])) if "requestBody" in declared else None,
        "example": _media(declared["requestBody"]).get("example") if "requestBody" in declared else None,
        "status": int(status),
        "answer": _local(_json_schema(declared["responses"][status])),
    }


def _json_schema(carrier: Mapping[str, Any]) -> Any:
    return _media(carrier)["schema"]


def _media(carrier: Mapping[str, Any]) -> Any:
    content = carrier["content"]
    return content.get("application/json") or next(iter(content.values()))


def _local(schema: Any) -> Any:
    """The schema with references into `$defs`, and without the reference's own `x-` notes.

    Values that Segment documents without holding to them become `examples`, which check nothing.
    """
    if isinstance(schema, dict):
        return {
            _DOCUMENTED.get(key, key): value.replace(_REFERENCE_PREFIX, "#/$defs/") if key == "$ref" else _local(value)
            for key, value in schema.items()
            if key in _DOCUMENTED or not key.startswith("x-")
        }
    if isinstance(schema, list):
        return [_local(item) for item in schema]
    return schema


def _definitions(operations: Any, reference: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    waiting = list(_names(operations))
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = _local(reference["components"]["schemas"][name])
            waiting.extend(_names(found[name]))
    return found


def _names(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        for key, value in schema.items():
            if key == "$ref":
                yield value.removeprefix("#/$defs/")
            else:
                yield from _names(value)
    elif isinstance(schema, list):
        for item in schema:
            yield from _names(item)


if __name__ == "__main__":
    main()
