"""What Segment's own mapping-kit answered, recorded in vectors.json: ours must answer the same."""

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from segment_mcp.mappings import MappingError, problems, resolve

RECORD: dict[str, Any] = json.loads(Path(__file__).with_name("vectors.json").read_text(encoding="utf-8"))
SUBJECTS: dict[str, list[dict[str, Any]]] = defaultdict(list)
for recorded in RECORD["cases"]:
    SUBJECTS[recorded["about"]].append(recorded)
LEAST = 400
"""Cases that there must be, so that a record that was cut short is seen."""


def answer(case: dict[str, Any]) -> dict[str, Any]:
    try:
        return {"payload": resolve(case["mapping"], case.get("event", RECORD["event"]))}
    except MappingError as error:
        return {"fails": error.certain}


def expected(case: dict[str, Any]) -> dict[str, Any]:
    return {key: case[key] for key in ("payload", "fails") if key in case}


@pytest.mark.parametrize("subject", SUBJECTS)
def test_mappings_render_as_segment_rendered_them(subject: str) -> None:
    wrong = [(case, answer(case)) for case in SUBJECTS[subject] if answer(case) != expected(case)]
    assert wrong == []


@pytest.mark.parametrize("subject", SUBJECTS)
def test_what_segment_refuses_has_a_problem(subject: str) -> None:
    missed = [case for case in SUBJECTS[subject] if case.get("refused") and not problems(case["mapping"])]
    assert missed == []


def test_the_record_is_whole() -> None:
    directives = {"@arrayPath", "@case", "@excludeWhenNull", "@flatten", "@if", "@json", "@liquid", "@literal"}
    assert directives | {"@merge", "@path", "@replace", "@template", "@transform", "whole", "random"} == set(SUBJECTS)
    assert len(RECORD["cases"]) > LEAST
