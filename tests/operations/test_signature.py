"""How operations are called and what they answer, in few characters."""

import json
import re
from statistics import median
from typing import Any

import pytest

from segment_mcp.operations import OPERATIONS, Operation, area_of, get, schemas
from segment_mcp.operations.arguments import resolved, schema_of
from segment_mcp.operations.examples import example
from segment_mcp.operations.signature import LONGEST_ANSWER, LONGEST_LINE, SHUT, answer, one_line, parameters

ROWS = [row for row in OPERATIONS.values() if row.api == "public"]
PUBLIC = [pytest.param(row, id=row.name) for row in ROWS]

ONE_LINE = [
    ("getWorkspace", "getWorkspace()"),
    ("listSources", "listSources(pagination?)"),
    ("updateSource", "updateSource(sourceId, name?, enabled?, slug?, settings?)"),
    ("createSource", "createSource(slug, enabled, metadataId, settings?, disconnectAllWarehouses?)"),
    ("removeRulesFromTrackingPlan", "removeRulesFromTrackingPlan(trackingPlanId, rules)"),
    (
        "updateTransformation",
        (
            "updateTransformation(transformationId, name?, sourceId?, destinationMetadataId?, enabled?, if?, drop?, "
            "newEventName?, propertyRenames?, ...)"
        ),
    ),
]

PARAMETERS = [
    ("getWorkspace", "(no arguments)"),
    ("listSources", "pagination?: {cursor?: string, count?: int 1..1000}"),
    ("deleteUsers", "userIds: string[]"),
    ("getEventsVolumeFromWorkspace", 'groupBy?: ("eventName"|"eventType"|"source")[]'),
    ("listTraits", 'collection?: "accounts"|"users" = "users"'),
    ("listTraits", "samplesCount?: number 1..100 = 20"),
    ("listAudiences", 'search?: {type?: "DEFINITION"|"KEY"|"NAME", query?: string up to 255}'),
    ("getDailyWorkspaceMTUUsage", "period: date"),
    ("createDownload", "hour: date-time"),
    ("updateSource", "settings?: {[key]: any}"),
    ("updateDestination", "name?: string|null"),
    ("addDestinationToAudience", "connectionSettings?: any"),
    (
        "addDestinationToAudience",
        "idSyncConfiguration?: {externalId: string, strategy: string, mapTo?: string}[] up to 5",
    ),
    (
        "addAudienceScheduleToAudience",
        "config: {interval: string}|{days: number[], hours: number[], timezone: string}|null",
    ),
    ("addActivationToAudience", " profile?: {properties?: string[], mapping?: {[key]: string}}"),
    ("listWorkspaceRegulations", '"SUPPRESS_WITH_DELETE_INTERNAL"|"UNSUPPRESS")[]'),
    ("createFunction", 'settings?: {\n name: string\n label: string\n description: string\n type: "ARRAY"'),
    ("createFunction", " sensitive: bool\n}[]"),
]

ANSWERS = [
    ("deleteSource", 'status: "SUCCESS"'),
    ("getWorkspace", "workspace: {id: string, slug: string, name: string}"),
    (
        "listLabels",
        "labels: {key: string, value: string, description?: string}[]",
    ),
    (
        "listDestinations",
        (
            "destinations: {id: string, enabled: bool, metadata: {...}, sourceId: string, settings: {[key]: any}, "
            "name?: string}[]\n"
            "pagination: {current: string, next?: string|null, previous?: string|null, totalEntries?: number}\n"
            "({...}: left out for length)"
        ),
    ),
]


@pytest.mark.parametrize(("name", "line"), ONE_LINE)
def test_a_call_is_one_line(name: str, line: str) -> None:
    assert one_line(get(name)) == line


@pytest.mark.parametrize(("name", "text"), PARAMETERS)
def test_types_are_written_as_in_typescript(name: str, text: str) -> None:
    assert f"\n{text}" in f"\n{parameters(get(name))}\n" or text in parameters(get(name)).split("|", 5)[-1]


@pytest.mark.parametrize(("name", "text"), ANSWERS)
def test_an_answer_is_the_shape_of_its_data(name: str, text: str) -> None:
    assert answer(get(name)) == text


@pytest.mark.parametrize("row", PUBLIC)
def test_the_line_names_what_is_required_and_leaves_out_only_what_is_not(row: Operation) -> None:
    schema, line = schema_of(row), one_line(row)
    match = re.fullmatch(rf"{row.name}\((.*)\)", line)
    assert match is not None
    shown = match[1].split(", ") if match[1] else []
    assert shown[: len(schema["required"])] == schema["required"]
    optional = [name for name in schema["properties"] if name not in schema["required"]]
    rest = shown[len(schema["required"]) :]
    if rest[-1:] == ["..."]:
        assert rest[:-1] == [f"{name}?" for name in optional[: len(rest) - 1]]
        assert len(rest) - 1 < len(optional)
    else:
        assert rest == [f"{name}?" for name in optional]
    assert len(line) <= LONGEST_LINE


@pytest.mark.parametrize("row", PUBLIC)
def test_every_argument_begins_a_line(row: Operation) -> None:
    schema, lines = schema_of(row), parameters(row).splitlines()
    begun = [line.partition(":")[0] for line in lines if not line.startswith((" ", "}", "("))]
    optional = [f"{name}?" for name in schema["properties"] if name not in schema["required"]]
    assert begun == schema["required"] + optional


def names_of(schema: Any) -> set[str]:
    inner = [*schema.get("properties", {}).values(), *schema.get("anyOf", ())]
    inner += [schema[key] for key in ("items", "additionalProperties") if isinstance(schema.get(key), dict)]
    return set(schema.get("properties", ())).union(*map(names_of, inner))


@pytest.mark.parametrize("row", PUBLIC)
def test_every_member_of_an_argument_at_any_depth_is_named(row: Operation) -> None:
    text = parameters(row)
    assert [name for name in names_of(schema_of(row)) if not re.search(rf"\b{re.escape(name)}\??: ", text)] == []


@pytest.mark.parametrize("row", PUBLIC)
def test_an_answer_names_the_members_of_its_data_and_is_cut_only_between_tokens(row: Operation) -> None:
    text = answer(row)
    assert len(text) <= LONGEST_ANSWER
    area = schemas(area_of(row))
    data = resolved(area["operations"][row.name]["answer"], area["$defs"])["properties"]["data"]
    begun = [line.partition(":")[0].rstrip("?") for line in text.splitlines() if not line.startswith("(")]
    assert sorted(begun) == sorted(data["properties"])
    assert (SHUT in text) == text.endswith("left out for length)")
    if SHUT not in text:
        assert [name for name in names_of(data) if not re.search(rf"\b{re.escape(name)}\??: ", text)] == []


@pytest.mark.parametrize("row", PUBLIC)
def test_brackets_and_quotes_are_closed(row: Operation) -> None:
    for text in (parameters(row), answer(row)):
        bare = re.sub(r'"[\w]*"', "x", text)
        assert '"' not in bare
        while bare != (bare := re.sub(r"\([^()\[\]{}]*\)|\[[^()\[\]{}]*\]|\{[^()\[\]{}]*\}", "", bare)):
            pass
        assert not re.search(r"[()\[\]{}]", bare)


def test_what_describes_an_operation_is_short() -> None:
    sizes = {
        row.name: len(parameters(row)) + len(answer(row)) + len(json.dumps(example(row), indent=1)) for row in ROWS
    }
    assert median(sizes.values()) < 700
    assert [name for name, size in sizes.items() if size > 2200] == []
