"""Write `segment_mcp/operations/schemas/AREA.json` from the reference; `--check` says what differs.

    python scripts/extract_schemas.py REFERENCE.json [--check]

The reference is Segment's Public API as OpenAPI. The written files are never edited by hand.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from segment_mcp.operations import OPERATIONS, area_of

TARGET = Path(__file__).parent.parent / "segment_mcp" / "operations" / "schemas"
_REFERENCE_PREFIX = "#/components/schemas/"


def main() -> int:
    """Write or check the files; 1 when `--check` found a difference."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("reference", type=Path)
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    stale = 0
    for area, text in render(json.loads(arguments.reference.read_text(encoding="utf-8"))).items():
        path = TARGET / f"{area}.json"
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        stale += 1
        if arguments.check:
            print(f"{path.name} differs from the reference")
        else:
            path.write_text(text, encoding="utf-8")
    return 1 if arguments.check and stale else 0


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
        area["operations"][row.name] = _entry(declared)
    for area in areas.values():
        area["$defs"] = dict(sorted(_definitions(area["operations"], reference).items()))
    return {name: json.dumps(area, indent=1, sort_keys=True) + "\n" for name, area in areas.items()}


def _entry(declared: Mapping[str, Any]) -> dict[str, Any]:
    status = next(code for code in declared["responses"] if code.startswith("2"))
    return {
        "parameters": [
            {key: _local(parameter[key]) for key in ("name", "in", "required", "schema")}
            for parameter in declared.get("parameters", [])
        ],
        "body": _local(_json_schema(declared["requestBody"])) if "requestBody" in declared else None,
        "status": int(status),
        "answer": _local(_json_schema(declared["responses"][status])),
    }


def _json_schema(carrier: Mapping[str, Any]) -> Any:
    content = carrier["content"]
    return (content.get("application/json") or next(iter(content.values())))["schema"]


def _local(schema: Any) -> Any:
    """The schema with references into `$defs`, and without the reference's own `x-` notes."""
    if isinstance(schema, dict):
        return {
            key: value.replace(_REFERENCE_PREFIX, "#/$defs/") if key == "$ref" else _local(value)
            for key, value in schema.items()
            if not key.startswith("x-")
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
    sys.exit(main())
