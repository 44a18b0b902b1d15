"""Bad input: an envelope that names the field, or a request whose path is that operation's own."""

from typing import Any
from urllib.parse import unquote

import pytest

from segment_mcp.tools.catalog import TOOLS, input_schemas
from tests.workbench import Wire, fields, toolbox

SECRET = "canary-of-a-person-who-pasted-a-secret"

VALID: dict[str, dict[str, Any]] = {
    "segment_connection_status": {},
    "segment_list_sources": {},
    "segment_update_source": {"sourceId": "s"},
    "segment_add_labels_to_source": {"sourceId": "s", "labels": [{"key": "k", "value": "v"}]},
    "segment_list_connected_warehouses_from_source": {"sourceId": "s", "pagination": {"count": 1}},
    "segment_list_schema_settings_in_source": {"sourceId": "s"},
    "segment_delete_source": {"sourceId": "s"},
    "segment_remove_source_write_key": {"sourceId": "s", "writeKey": "w"},
    "segment_list_destinations": {},
    "segment_get_destination": {"destinationId": "d"},
    "segment_list_delivery_metrics_summary_from_destination": {"destinationId": "d", "sourceId": "s"},
    "segment_get_daily_per_source_api_calls_usage": {"period": "2026-03-01"},
    "segment_identify": {"userId": "u"},
    "segment_track": {"userId": "u", "event": "e"},
    "segment_page": {"userId": "u"},
    "segment_screen": {"userId": "u"},
    "segment_group": {"userId": "u", "groupId": "g"},
    "segment_alias": {"userId": "u", "previousId": "p"},
    "segment_batch": {"batch": [{"type": "track", "userId": "u", "event": "e"}]},
    "segment_import_historical_data": {"events": [{"type": "track", "userId": "u", "event": "e"}]},
    "segment_api_search": {"query": "delete a source"},
    "segment_api_describe": {"operation": "deleteSource"},
    "segment_api_read": {"operation": "listSources"},
    "segment_api_write": {"operation": "updateSource", "arguments": {"sourceId": "s"}},
    "segment_api_destroy": {"operation": "deleteSource", "arguments": {"sourceId": "s"}},
    "segment_validate_event": {"sourceId": "s", "event": {"type": "track"}},
    "segment_send_test_event": {"sourceId": "s"},
    "segment_trace_event": {"event": "e"},
    "segment_audit_event_routing": {},
    "segment_check_delivery_health": {},
    "segment_find_stale_sources": {},
    "segment_find_ungoverned_sources": {},
    "segment_diff_tracking_plan": {"trackingPlanId": "p", "otherPlanId": "o"},
    "segment_preview_mapping": {"event": {"type": "track"}, "destinationId": "d"},
    "segment_lookup_profile": {"id": "u"},
}
IN_PATHS = [
    ("segment_update_source", "sourceId"),
    ("segment_add_labels_to_source", "sourceId"),
    ("segment_list_connected_warehouses_from_source", "sourceId"),
    ("segment_list_schema_settings_in_source", "sourceId"),
    ("segment_delete_source", "sourceId"),
    ("segment_remove_source_write_key", "sourceId"),
    ("segment_remove_source_write_key", "writeKey"),
    ("segment_get_destination", "destinationId"),
    ("segment_list_delivery_metrics_summary_from_destination", "destinationId"),
    ("segment_validate_event", "sourceId"),
    ("segment_send_test_event", "sourceId"),
]
IN_PATHS_OF_SEVERAL = [
    ("segment_trace_event", "sourceId"),
    ("segment_audit_event_routing", "sourceId"),
    ("segment_check_delivery_health", "destinationId"),
    ("segment_find_ungoverned_sources", "sourceId"),
    ("segment_diff_tracking_plan", "trackingPlanId"),
    ("segment_diff_tracking_plan", "otherPlanId"),
    ("segment_preview_mapping", "destinationId"),
]
"""Of tools that make several requests."""


async def call(tool: str, arguments: dict[str, Any]) -> tuple[dict[str, Any], Wire]:
    wire = Wire()
    async with toolbox({"SEGMENT_MCP_MODE": "unattended"}, wire) as opened:
        envelope = await opened.invoke(tool, arguments)
    assert SECRET not in envelope.as_json()
    return envelope.as_dict(), wire


def problem_fields(envelope: dict[str, Any]) -> list[str]:
    assert envelope["data"]["code"] == "invalid_arguments", envelope
    return fields(envelope["data"]["problems"])


def test_the_table_has_every_tool() -> None:
    assert sorted(VALID) == sorted(tool.name for tool in TOOLS)


@pytest.mark.parametrize(
    ("tool", "missing"),
    [(tool.name, name) for tool in TOOLS for name in input_schemas()[tool.name].get("required", [])
     if (tool.name, name) != ("segment_list_connected_warehouses_from_source", "pagination")],
)  # fmt: skip
async def test_a_missing_argument_is_named(tool: str, missing: str) -> None:
    for absent in ({}, {missing: None}):
        arguments = {name: value for name, value in VALID[tool].items() if name != missing} | absent
        envelope, wire = await call(tool, arguments)
        assert problem_fields(envelope) == [missing]
        assert wire.requests == []


@pytest.mark.parametrize("tool", VALID)
async def test_an_unknown_argument_is_named_and_nothing_is_sent(tool: str) -> None:
    envelope, wire = await call(tool, {**VALID[tool], "sourceID": SECRET})
    assert problem_fields(envelope) == ["sourceID"]
    assert wire.requests == []


@pytest.mark.parametrize(
    ("tool", "name"), [(tool, name) for tool in VALID for name in input_schemas()[tool]["properties"]]
)
async def test_a_wrong_type_is_named_and_its_value_is_not_echoed(tool: str, name: str) -> None:
    kind = input_schemas()[tool]["properties"][name]["type"]
    wrong: Any = SECRET if kind in {"object", "array", "integer", "boolean"} else [SECRET]
    envelope, wire = await call(tool, {**VALID[tool], name: wrong})
    assert problem_fields(envelope)[0].split(".")[0] == name
    assert wire.requests == []


@pytest.mark.parametrize(("tool", "name"), [*IN_PATHS, *IN_PATHS_OF_SEVERAL])
@pytest.mark.parametrize(
    "value", ["", ".", "..", "x" * 10_000, "a\r\nHost: evil", "a\x00b", "a\x1bb", "\u202ea"], ids=ascii
)
async def test_an_id_that_can_stand_in_no_path_is_refused(tool: str, name: str, value: str) -> None:
    envelope, wire = await call(tool, {**VALID[tool], name: value})
    assert problem_fields(envelope) == [name]
    assert wire.requests == []


@pytest.mark.parametrize(("tool", "name"), IN_PATHS)
@pytest.mark.parametrize(
    "value",
    [
        "../x",
        "../../iam/users",
        "a/b",
        "a?b",
        "a#b",
        "https://h",
        "//h",
        "%2e%2e",
        "a b",
        "a@b:1",
        "\\..\\x",
        "ü",
        ";x=1",
    ],
)
async def test_any_other_id_stays_one_segment_of_the_operations_own_path(tool: str, name: str, value: str) -> None:
    _, baseline_wire = await call(tool, VALID[tool])
    envelope, wire = await call(tool, {**VALID[tool], name: value})
    assert not envelope["successful"]
    # An operation that asks elsewhere asks the same of both regions.
    ((method, target),), ((wanted_method, wanted_target),) = set(wire.sent()), set(baseline_wire.sent())
    segments = target.partition("?")[0].split("/")
    wanted = wanted_target.partition("?")[0].split("/")
    assert method == wanted_method
    assert len(segments) == len(wanted)
    changed = [unquote(one) for one, other in zip(segments, wanted, strict=True) if one != other]
    assert changed == [value]
    assert {request.url.host for request in wire.requests} <= {"api.segmentapis.com", "eu1.api.segmentapis.com"}


@pytest.mark.parametrize("tool", [tool for tool in VALID if "writeKey" in input_schemas()[tool]["properties"]])
@pytest.mark.parametrize("value", ["", "a\r\nX: y", "a\x00", "k" * 10_000], ids=["empty", "crlf", "nul", "long"])
async def test_a_write_key_that_could_break_a_header_is_refused(tool: str, value: str) -> None:
    envelope, wire = await call(tool, {**VALID[tool], "writeKey": value})
    assert problem_fields(envelope) == ["writeKey"]
    assert wire.requests == []


@pytest.mark.parametrize(
    ("tool", "arguments", "field"),
    [
        ("segment_track", {"properties": "{not json"}, "properties"),
        ("segment_track", {"timestamp": "yesterday"}, "timestamp"),
        ("segment_track", {"timestamp": "2026-03-14"}, "timestamp"),
        ("segment_track", {"timestamp": "2026-03-14T08:00:00"}, "timestamp"),
        ("segment_track", {"messageId": "m" * 100}, "messageId"),
        ("segment_batch", {"batch": ["track"]}, "batch.0"),
        ("segment_add_labels_to_source", {"labels": []}, "labels"),
        ("segment_add_labels_to_source", {"labels": [{"key": "k"}]}, "labels.0.value"),
        ("segment_add_labels_to_source", {"labels": [{"key": "k", "value": "v", "x": 1}]}, "labels.0.x"),
        ("segment_list_sources", {"pagination": {"count": 0}}, "pagination.count"),
        ("segment_list_sources", {"pagination": {"count": 1001}}, "pagination.count"),
        ("segment_list_sources", {"pagination": {"page": 2}}, "pagination.page"),
        ("segment_get_daily_per_source_api_calls_usage", {"period": "2026-03-02"}, "period"),
        ("segment_get_daily_per_source_api_calls_usage", {"period": "March"}, "period"),
        (
            "segment_list_delivery_metrics_summary_from_destination",
            {"granularity": "SECOND"},
            "granularity",
        ),
    ],
)
async def test_a_value_out_of_bounds_is_named(tool: str, arguments: dict[str, Any], field: str) -> None:
    envelope, wire = await call(tool, {**VALID[tool], **arguments})
    assert problem_fields(envelope) == [field]
    assert wire.requests == []


async def test_a_configured_secret_in_an_unknown_argument_or_tool_is_not_echoed() -> None:
    environment = {"SEGMENT_MCP_SANDBOX": "0", "SEGMENT_API_TOKEN": SECRET}
    async with toolbox(environment) as opened:
        for envelope in (
            await opened.invoke("segment_list_sources", {SECRET: 1}),
            await opened.invoke(SECRET, {}),
        ):
            assert not envelope.successful
            assert SECRET not in envelope.as_json()
