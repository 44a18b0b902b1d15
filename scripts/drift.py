"""Say how Segment's reference differs from the rows and the kept schemas: what is new, gone or changed.

python -m scripts.drift REFERENCE.json

Exit code 0: nothing differs; 1: something does, and each difference stands on a line of its own.
"""

import argparse
import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from scripts.extract_schemas import TARGET, entry_of, render
from segment_mcp.operations import OPERATIONS, Operation

Facts = dict[str, Any]


def main() -> int:
    """Print the differences."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("reference", type=Path)
    reference = json.loads(parser.parse_args().reference.read_text(encoding="utf-8"))
    kept = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in TARGET.glob("*.json")}
    found = [*differing_rows(reference), *differing_schemas(reference, kept)]
    print("\n".join(found) or "Rows, schemas and reference agree.")
    return 1 if found else 0


def differing_rows(reference: Mapping[str, Any]) -> Iterator[str]:
    """Each operation that only one side has, and each fact in which the two sides differ."""
    declared = dict(_declared(reference))
    rows = {row.name: row for row in OPERATIONS.values() if row.api == "public"}
    for name in sorted(declared.keys() - rows.keys()):
        yield f"new: {name} ({declared[name]['method']} {declared[name]['path']})"
    for name in sorted(rows.keys() - declared.keys()):
        yield f"gone: {name} ({rows[name].method} {rows[name].path})"
    for name in sorted(rows.keys() & declared.keys()):
        ours = facts_of(rows[name])
        for fact, theirs in declared[name].items():
            if ours[fact] != theirs:
                yield f"changed: {name}.{fact}: {ours[fact]!r} here, {theirs!r} in the reference"


def differing_schemas(reference: Mapping[str, Any], kept: Mapping[str, Any]) -> Iterator[str]:
    """Each operation whose kept schemas are not those of the reference.

    Args:
        reference: the reference.
        kept: what the schema files hold, by area.
    """
    if {name for name, _ in _declared(reference)} != {row.name for row in OPERATIONS.values() if row.api == "public"}:
        return  # the rows come first: the schemas follow them
    rendered = {area: json.loads(text) for area, text in render(reference).items()}
    for area in sorted(rendered.keys() | kept.keys()):
        fresh, old = rendered.get(area, {}), kept.get(area, {})
        for part in ("operations", "$defs"):
            before, after = old.get(part, {}), fresh.get(part, {})
            for name in sorted(before.keys() | after.keys()):
                if before.get(name) != after.get(name):
                    yield f"schema: {area}.json: {name} differs"


def facts_of(row: Operation) -> Facts:
    """What a row says that the reference says too."""
    return {
        "method": row.method,
        "path": row.path,
        "stability": row.stability,
        "query": row.query,
        "pagination": row.pagination,
        "body": row.body,
        "per_minute": row.per_minute,
        "quota": row.quota,
        "feature": row.feature,
        "only_for": row.only_for,
        "roles": row.roles,
        "audit": row.audit,
        "sunset": row.sunset,
    }


def _declared(reference: Mapping[str, Any]) -> Iterator[tuple[str, Facts]]:
    for path, methods in reference["paths"].items():
        for method, declared in methods.items():
            query = [each["name"] for each in declared.get("parameters", []) if each["in"] == "query"]
            yield (
                declared["operationId"],
                {
                    "method": method.upper(),
                    "path": path,
                    "stability": declared["x-stability"],
                    "query": tuple(dict.fromkeys(name.partition(".")[0] for name in query)),
                    "pagination": _pagination(query, declared),
                    "body": entry_of(declared)["body"] is not None,
                    "per_minute": declared.get("x-rate-limit-per-minute"),
                    "quota": "; ".join(map(_quota, declared.get("x-rate-limit-other", []))),
                    "feature": declared.get("x-requires", "").removeprefix("feature:"),
                    "only_for": declared.get("x-requires-resource", ""),
                    "roles": tuple(declared.get("x-required-roles", ())),
                    "audit": tuple(declared.get("x-audit-event", ())),
                    "sunset": declared.get("x-sunset", ""),
                },
            )


def _pagination(query: list[str], declared: Mapping[str, Any]) -> str | None:
    if "pagination.cursor" in query:
        return "forward" if declared.get("x-forward-only-pagination") else "cursor"
    if "cursor" in query:
        return "flat"
    return "two" if any(name.endswith("Pagination.cursor") for name in query) else None


def _quota(limit: Mapping[str, Any]) -> str:
    return f"{limit['limit']} a {limit['per']} for each {re.sub('Id$', '', limit['scope'])}"


if __name__ == "__main__":
    sys.exit(main())
