"""What clients are shown: the toolkit's contract, complete hints, small and clean schemas, files up to date."""

import json
from typing import Any

import jsonschema
import pytest

from scripts import generate
from segment_mcp.envelope import ENVELOPE_SCHEMA
from segment_mcp.ports import Ports
from segment_mcp.server import INSTRUCTIONS
from segment_mcp.tools.catalog import TOOLS, input_schemas
from tests.workbench import SANDBOX, client

CONTRACT: dict[str, tuple[set[str], set[str]]] = {
    "segment_add_labels_to_source": ({"sourceId", "labels"}, set()),
    "segment_alias": (
        {"previousId"},
        {"userId", "anonymousId", "context", "integrations", "timestamp", "writeKey", "messageId"},
    ),
    "segment_batch": ({"batch"}, {"context", "integrations", "writeKey"}),
    "segment_delete_source": ({"sourceId"}, set()),
    "segment_get_daily_per_source_api_calls_usage": ({"period"}, {"pagination"}),
    "segment_get_destination": ({"destinationId"}, set()),
    "segment_group": (
        {"groupId"},
        {"userId", "anonymousId", "traits", "context", "integrations", "timestamp", "writeKey", "messageId"},
    ),
    "segment_identify": (
        set(),
        {"userId", "anonymousId", "traits", "context", "integrations", "timestamp", "messageId", "writeKey"},
    ),
    "segment_list_connected_warehouses_from_source": ({"sourceId", "pagination"}, set()),
    "segment_list_delivery_metrics_summary_from_destination": (
        {"destinationId", "sourceId"},
        {"startTime", "endTime", "granularity"},
    ),
    "segment_list_schema_settings_in_source": ({"sourceId"}, set()),
    "segment_page": (
        set(),
        {"userId", "anonymousId", "name", "category", "properties", "context", "integrations", "timestamp", "messageId",
         "writeKey"},
    ),
    "segment_remove_source_write_key": ({"sourceId", "writeKey"}, set()),
    "segment_screen": (
        set(),
        {"userId", "anonymousId", "name", "category", "properties", "context", "integrations", "timestamp", "writeKey",
         "messageId"},
    ),
    "segment_track": (
        {"event"},
        {"userId", "anonymousId", "properties", "context", "integrations", "timestamp", "writeKey", "messageId"},
    ),
    "segment_update_source": ({"sourceId"}, {"name", "slug", "enabled", "settings"}),
}  # fmt: skip
"""The toolkit page's tools with their required and optional parameters."""


@pytest.mark.parametrize("name", CONTRACT)
def test_the_toolkits_parameters_are_kept_to_the_letter(name: str) -> None:
    schema = input_schemas()[name]
    required, optional = CONTRACT[name]
    assert set(schema.get("required", [])) == required
    assert set(schema["properties"]) == required | optional


async def test_only_these_tools_are_ours() -> None:
    async with client(SANDBOX) as connected:
        names = [tool.name for tool in (await connected.list_tools()).tools]
    assert set(names) - set(CONTRACT) == {
        "segment_list_sources", "segment_list_destinations", "segment_connection_status",
        "segment_import_historical_data", "segment_api_search", "segment_api_describe", "segment_api_read",
        "segment_api_write", "segment_api_destroy", "segment_validate_event", "segment_send_test_event",
        "segment_trace_event", "segment_audit_event_routing", "segment_check_delivery_health",
        "segment_find_stale_sources", "segment_find_ungoverned_sources", "segment_diff_tracking_plan",
        "segment_preview_mapping", "segment_lookup_profile",
    }  # fmt: skip
    assert set(CONTRACT) <= set(names)


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
def test_a_tool_is_complete(tool: Any) -> None:
    assert tool.title
    assert " Use this when " in tool.description
    assert len(tool.description) < 300
    assert set(tool.annotations()) == {"readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint"}
    assert set(tool.needs) <= {*Ports.__dataclass_fields__, "segment", "progress", "reader"} - {"guard", "timing"}


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
def test_a_published_schema_is_valid_described_and_without_noise(tool: Any) -> None:
    schema = input_schemas()[tool.name]
    jsonschema.Draft202012Validator.check_schema(schema)
    assert len(json.dumps(schema)) < 16_384
    assert not {"title", "$defs", "anyOf", "oneOf", "allOf"} & set(schema)
    assert schema["additionalProperties"] is False
    undescribed = [path for path, field in _fields(schema, "") if not field.get("description")]
    assert undescribed == []
    assert "$ref" not in json.dumps(schema)


def test_the_derived_files_say_what_the_code_says() -> None:
    stale = [
        str(path.name)
        for path, text in generate.derived()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    assert stale == []


def test_every_tool_has_a_snapshot_and_every_snapshot_a_tool() -> None:
    assert sorted(path.stem for path in generate.SNAPSHOTS.glob("*.json")) == sorted(tool.name for tool in TOOLS)


async def test_the_list_is_stable_cacheable_and_says_the_envelope() -> None:
    async with client(SANDBOX) as connected:
        listed = await connected.list_tools()
        again = await connected.list_tools()
    assert [tool.name for tool in listed.tools] == [tool.name for tool in again.tools] == [tool.name for tool in TOOLS]
    assert listed.ttl_ms
    assert listed.cache_scope == "public"
    assert all(tool.output_schema == ENVELOPE_SCHEMA for tool in listed.tools)


def test_what_a_model_must_read_stays_small() -> None:
    characters = sum(
        len(tool.name) + len(tool.description) + len(json.dumps(input_schemas()[tool.name], separators=(",", ":")))
        for tool in TOOLS
    )
    assert characters / 4 < 5_000
    assert len(INSTRUCTIONS) < 1_500


async def test_a_choice_of_connections_is_offered_only_where_there_is_one() -> None:
    async with client(SANDBOX) as connected:
        single = await connected.list_tools()
    assert not [tool.name for tool in single.tools if "connection" in tool.input_schema["properties"]]


def _fields(schema: Any, path: str) -> list[tuple[str, Any]]:
    found = []
    for name, field in schema.get("properties", {}).items():
        found.append((f"{path}{name}", field))
        found += _fields(field, f"{path}{name}.")
        found += _fields(field.get("items", {}), f"{path}{name}[].")
    return found
