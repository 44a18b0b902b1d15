"""The rows: consistent in themselves, with their schemas, and with Segment's reference where it is at hand."""

import importlib
import json
import re
from pathlib import Path
from typing import Any

import pytest

from scripts import drift
from segment_mcp.operations import OPERATIONS, Operation, area_of, get, schemas
from segment_mcp.operations.catalog import AREAS

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT.parent / "shared" / "reference" / "segment-public-api.openapi.json"
SCHEMAS = ROOT / "segment_mcp" / "operations" / "schemas"

ROWS = [pytest.param(row, id=name) for name, row in OPERATIONS.items()]
PUBLIC = [pytest.param(row, id=name) for name, row in OPERATIONS.items() if row.api == "public"]
TRACKING = [pytest.param(row, id=name) for name, row in OPERATIONS.items() if row.api == "tracking"]
PROFILE = [pytest.param(row, id=name) for name, row in OPERATIONS.items() if row.api == "profile"]


def reference() -> dict[str, Any]:
    """The reference, or nothing where the repository stands alone; tests over it then have nothing to compare."""
    if not REFERENCE.exists():
        return {"paths": {}}
    loaded: dict[str, Any] = json.loads(REFERENCE.read_text(encoding="utf-8"))
    return loaded


def test_an_unknown_name_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        get("deleteWorkspace")


def test_no_row_is_lost_to_another_of_its_name() -> None:
    modules = [importlib.import_module(f"segment_mcp.operations.areas.{area}") for area in AREAS]
    assert sorted(row.name for module in modules for row in module.OPERATIONS) == sorted(OPERATIONS)
    assert len([row for row in OPERATIONS.values() if row.api == "public"]) == 201


def test_no_two_rows_are_the_same_request() -> None:
    assert len({(row.api, row.method, row.path) for row in OPERATIONS.values()}) == len(OPERATIONS)


@pytest.mark.parametrize("row", ROWS)
def test_a_row_is_found_by_its_name(row: Operation) -> None:
    assert get(row.name) is row


@pytest.mark.parametrize("row", ROWS)
def test_a_path_is_absolute_and_holds_nothing_but_names_and_slots(row: Operation) -> None:
    assert row.path == "/" or re.fullmatch(r"(/([a-zA-Z0-9_-]+|\{[a-z]\w*\}))+", row.path)


@pytest.mark.parametrize("row", ROWS)
def test_a_summary_is_one_sentence(row: Operation) -> None:
    assert re.fullmatch(r"[A-Z][^\n]*\.", row.summary)


READING_POSTS = {
    "previewDestinationFilter",
    "batchQueryMessagingSubscriptionsForSpace",
    "createValidationInWarehouse",
    "createDownload",
}


@pytest.mark.parametrize("row", ROWS)
def test_safety_goes_with_the_effect(row: Operation) -> None:
    assert (row.safety == "read") == (row.method == "GET" or row.name in READING_POSTS)
    if row.method in {"DELETE", "PUT"} or row.name.startswith(("delete", "remove", "replace")):
        assert row.safety == "destroy"


@pytest.mark.parametrize("row", ROWS)
def test_what_destroys_says_what_happens_and_nothing_else_does(row: Operation) -> None:
    assert (row.safety == "destroy") == bool(re.fullmatch(r"[A-Z][^\n]*\.", row.harm))


@pytest.mark.parametrize("row", PUBLIC)
def test_the_search_has_words_that_name_and_summary_lack(row: Operation) -> None:
    known = set(re.findall(r"[a-z]+", row.summary.lower()))
    assert len(set(row.words.split()) - known) >= 3


@pytest.mark.parametrize("row", ROWS)
def test_only_what_has_no_body_says_everything_in_path_and_query(row: Operation) -> None:
    assert not row.query or not row.body


@pytest.mark.parametrize("row", PUBLIC)
def test_path_parameters_are_those_of_the_schema(row: Operation) -> None:
    declared = schemas(area_of(row))["operations"][row.name]["parameters"]
    assert set(re.findall(r"\{(\w+)\}", row.path)) == {one["name"] for one in declared if one["in"] == "path"}


@pytest.mark.parametrize("row", PUBLIC)
def test_query_parameters_are_those_of_the_schema(row: Operation) -> None:
    declared = schemas(area_of(row))["operations"][row.name]["parameters"]
    # The reference spells the members of an object out: pagination.count, pagination.cursor.
    assert set(row.query) == {one["name"].partition(".")[0] for one in declared if one["in"] == "query"}
    assert len(set(row.query)) == len(row.query)


def _resolved(schema: dict[str, Any], area: Any) -> dict[str, Any]:
    while "$ref" in schema:
        schema = area["$defs"][schema["$ref"].removeprefix("#/$defs/")]
    return schema


OPTIONAL_LISTS = {"listFiltersForSpace"}
"""Answers that, as the reference has it, may leave their list out."""


@pytest.mark.parametrize("row", PUBLIC)
def test_what_a_row_says_of_its_answers_is_in_all_of_them(row: Operation) -> None:
    area = schemas(area_of(row))
    answer = _resolved(area["operations"][row.name]["answer"], area)
    data = _resolved(answer["properties"]["data"], area)
    assert row.answer
    if row.name not in OPTIONAL_LISTS:
        assert set(row.answer) <= set(data["required"])
        assert ("pagination" in row.answer) is ("pagination" in data["required"])


PAGED = [row for row in OPERATIONS.values() if row.pagination in {"cursor", "forward", "flat"}]


@pytest.mark.parametrize("row", PAGED, ids=lambda row: row.name)
def test_the_first_member_of_a_paged_answer_is_its_list(row: Operation) -> None:
    area = schemas(area_of(row))
    data = _resolved(_resolved(area["operations"][row.name]["answer"], area)["properties"]["data"], area)
    assert _resolved(data["properties"][row.answer[0]], area)["type"] == "array"


@pytest.mark.parametrize("row", PUBLIC)
def test_a_public_operation_has_schemas_whose_references_resolve(row: Operation) -> None:
    area = schemas(area_of(row))
    entry = area["operations"][row.name]
    assert 200 <= entry["status"] < 300
    assert "data" in _resolved(entry["answer"], area)["properties"]
    assert set(re.findall(r'"#/\$defs/([^"]+)"', json.dumps(area))) <= set(area["$defs"])


@pytest.mark.parametrize("row", PUBLIC)
def test_only_what_may_have_a_body_has_a_schema_of_one(row: Operation) -> None:
    entry = schemas(area_of(row))["operations"][row.name]
    assert entry["body"] is None or row.method in {"POST", "PUT", "PATCH"}


@pytest.mark.parametrize("row", TRACKING)
def test_a_tracking_call_goes_where_its_name_says(row: Operation) -> None:
    assert (row.method, row.path, row.safety, row.answer) == ("POST", f"/v1/{row.name}", "write", ())


@pytest.mark.parametrize("row", PROFILE)
def test_a_profile_call_reads_one_profile_of_a_space_within_the_documented_limit(row: Operation) -> None:
    assert (row.method, row.safety, row.per_second) == ("GET", "read", 100)
    assert re.findall(r"\{(\w+)\}", row.path) == ["spaceId", "collection", "identifier"]
    assert ("limit" in row.query) == (row.pagination == "next")


@pytest.mark.parametrize("area", ["tracking", "profiles"])
def test_an_area_of_another_api_has_no_published_schemas(area: str) -> None:
    with pytest.raises(FileNotFoundError):
        schemas(area)


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("updateSource", "application/json"),
        ("listDeliveryMetricsSummaryFromDestination", "application/vnd.segment.v1beta+json"),
        ("createWriteKeyForSource", "application/vnd.segment.v1alpha+json"),
    ],
)
def test_a_body_is_declared_in_the_version_that_offers_the_call(name: str, media_type: str) -> None:
    assert get(name).content_type == media_type


def _kept() -> dict[str, Any]:
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in SCHEMAS.glob("*.json")}


@pytest.mark.skipif(not REFERENCE.exists(), reason="the reference is not beside this checkout")
def test_rows_and_schemas_say_what_the_reference_says() -> None:
    read = reference()
    assert [*drift.differing_rows(read), *drift.differing_schemas(read, _kept())] == []


def _drifted(change: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(json.dumps(reference()))
    sources = read["paths"]["/sources"]
    match change:
        case "new":
            read["paths"]["/moons"] = {"get": {**sources["get"], "operationId": "listMoons"}}
        case "gone":
            del sources["post"]
        case "moved":
            read["paths"]["/inputs"] = {"get": sources.pop("get")}
        case "slower":
            sources["get"]["x-rate-limit-per-minute"] = 7
        case "shape":
            read["components"]["schemas"]["SourceV1"]["properties"]["moon"] = {"type": "string"}
    return read


@pytest.mark.skipif(not REFERENCE.exists(), reason="the reference is not beside this checkout")
@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("new", ["new: listMoons (GET /moons)"]),
        ("gone", ["gone: createSource (POST /sources)"]),
        ("moved", ["changed: listSources.path: '/sources' here, '/inputs' in the reference"]),
        ("slower", ["changed: listSources.per_minute: None here, 7 in the reference"]),
    ],
)
def test_a_drift_is_named(change: str, said: list[str]) -> None:
    assert list(drift.differing_rows(_drifted(change))) == said


@pytest.mark.skipif(not REFERENCE.exists(), reason="the reference is not beside this checkout")
def test_a_drift_of_a_shape_is_named() -> None:
    said = list(drift.differing_schemas(_drifted("shape"), _kept()))
    assert "schema: sources.json: SourceV1 differs" in said


def test_there_is_a_schema_file_for_every_public_area_and_no_other() -> None:
    areas = {area_of(row) for row in OPERATIONS.values() if row.api == "public"}
    assert {path.stem for path in SCHEMAS.glob("*.json")} == areas
