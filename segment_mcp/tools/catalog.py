"""Every tool, in the order in which clients see them, and the schemas they publish.

The schemas stand ready in `input_schemas.json`, written from the arguments' models by
`scripts/generate.py`: deriving them would cost each start more than all of the server's own code.
"""

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from segment_mcp.tools.api import (
    segment_api_describe,
    segment_api_destroy,
    segment_api_read,
    segment_api_search,
    segment_api_write,
)
from segment_mcp.tools.connection import segment_connection_status
from segment_mcp.tools.destinations import (
    segment_get_destination,
    segment_list_delivery_metrics_summary_from_destination,
    segment_list_destinations,
)
from segment_mcp.tools.imports import segment_import_historical_data
from segment_mcp.tools.profiles import segment_lookup_profile
from segment_mcp.tools.questions import (
    segment_audit_event_routing,
    segment_check_delivery_health,
    segment_diff_tracking_plan,
    segment_find_stale_sources,
    segment_find_ungoverned_sources,
    segment_preview_mapping,
    segment_send_test_event,
    segment_trace_event,
    segment_validate_event,
)
from segment_mcp.tools.sources import (
    segment_add_labels_to_source,
    segment_delete_source,
    segment_list_connected_warehouses_from_source,
    segment_list_schema_settings_in_source,
    segment_list_sources,
    segment_remove_source_write_key,
    segment_update_source,
)
from segment_mcp.tools.tool import Tool
from segment_mcp.tools.tracking import (
    segment_alias,
    segment_batch,
    segment_group,
    segment_identify,
    segment_page,
    segment_screen,
    segment_track,
)
from segment_mcp.tools.usage import segment_get_daily_per_source_api_calls_usage

TOOLS: tuple[Tool[Any], ...] = (
    segment_connection_status,
    segment_list_sources,
    segment_update_source,
    segment_add_labels_to_source,
    segment_list_connected_warehouses_from_source,
    segment_list_schema_settings_in_source,
    segment_delete_source,
    segment_remove_source_write_key,
    segment_list_destinations,
    segment_get_destination,
    segment_list_delivery_metrics_summary_from_destination,
    segment_get_daily_per_source_api_calls_usage,
    segment_identify,
    segment_track,
    segment_page,
    segment_screen,
    segment_group,
    segment_alias,
    segment_batch,
    segment_import_historical_data,
    segment_api_search,
    segment_api_describe,
    segment_api_read,
    segment_api_write,
    segment_api_destroy,
    segment_validate_event,
    segment_send_test_event,
    segment_trace_event,
    segment_audit_event_routing,
    segment_check_delivery_health,
    segment_find_stale_sources,
    segment_find_ungoverned_sources,
    segment_diff_tracking_plan,
    segment_preview_mapping,
    segment_lookup_profile,
)


@cache
def input_schemas() -> Mapping[str, dict[str, Any]]:
    """Each tool's input schema by the tool's name."""
    text = files("segment_mcp.tools").joinpath("input_schemas.json").read_text(encoding="utf-8")
    loaded: Mapping[str, dict[str, Any]] = json.loads(text)
    return loaded
