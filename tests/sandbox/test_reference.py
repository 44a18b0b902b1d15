"""The kept schemas, against the reference that they were taken from, where that lies beside the checkout."""

import importlib.util
import json
from pathlib import Path

import pytest
from jsonschema import ValidationError

from .reference import answer_validator

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT.parent / "shared" / "reference" / "segment-public-api.openapi.json"


@pytest.mark.skipif(not REFERENCE.exists(), reason="the reference is not beside this checkout")
def test_the_kept_schemas_are_those_of_the_reference() -> None:
    spec = importlib.util.spec_from_file_location("extract_schemas", ROOT / "scripts" / "extract_schemas.py")
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    rendered = script.render(json.loads(REFERENCE.read_text(encoding="utf-8")))
    kept = {path.stem: path.read_text(encoding="utf-8") for path in script.TARGET.glob("*.json")}
    assert rendered == kept


@pytest.mark.parametrize(
    ("operation", "answer"),
    [
        ("getWorkspace", {}),
        ("getWorkspace", {"data": {"workspace": {"id": "w", "slug": "s"}}}),
        ("getWorkspace", {"data": {"workspace": {"id": "w", "slug": "s", "name": "n", "plan": "team"}}}),
        ("listLabels", {"data": {"labels": [], "pagination": {"current": "MA=="}}}),
        (
            "getDailyWorkspaceAPICallsUsage",
            {
                "data": {
                    "dailyWorkspaceAPICallsUsage": [{"apiCalls": "1", "timestamp": "yesterday"}],
                    "pagination": {"current": "MA=="},
                }
            },
        ),
    ],
    ids=["no data", "missing", "invented", "invented beside", "format"],
)
def test_an_answer_that_the_reference_does_not_name_is_noticed(operation: str, answer: object) -> None:
    with pytest.raises(ValidationError):
        answer_validator(operation).validate(answer)
