"""Each tool through an MCP client on the sandbox: what it answers when it works, and when it can't."""

import json
from typing import Any

import pytest
from mcp import Client

from segment_mcp.redact import mask_write_key
from segment_mcp.sandbox import API_TOKEN, WRITE_KEYS
from segment_mcp.tools.catalog import TOOLS
from tests.workbench import (
    BACKEND,
    ERAS,
    MONTH,
    QUIET,
    QUIET_DESTINATION,
    QUIET_KEY,
    WEBSITE,
    Wire,
    client,
    data_of,
    refused,
)

UNATTENDED = {"SEGMENT_MCP_MODE": "unattended"}


async def usage_of(connected: Client, source_id: str) -> int:
    answer = data_of(await connected.call_tool("segment_get_daily_per_source_api_calls_usage", {"period": MONTH}))
    days = answer["dailyPerSourceAPICallsUsage"]
    return sum(int(day["apiCalls"]) for day in days if day["sourceId"] == source_id)


@pytest.mark.parametrize("era", ERAS)
async def test_both_protocol_eras_list_and_call_the_same_tools(era: str) -> None:
    async with client(era=era) as connected:
        listed = await connected.list_tools()
        status = await connected.call_tool("segment_connection_status", {})
    assert len(listed.tools) == len(TOOLS)
    assert data_of(status)["sandbox"] is True
    assert json.loads(status.content[0].text) == status.structured_content  # type: ignore[union-attr]


async def test_status_names_workspace_region_and_credentials_without_showing_one() -> None:
    async with client() as connected:
        result = await connected.call_tool("segment_connection_status", {})
    data = data_of(result)
    assert data["connection"] == "sandbox"
    assert data["region"] == {"setting": "auto", "answered": "us"}
    assert set(data["workspace"]) == {"id", "slug", "name"}
    assert data["credentials"]["apiToken"] == {"present": True, "works": True}
    keys = data["credentials"]["writeKeys"]["keys"]
    assert keys["http"]["works"] is True
    assert keys["http"]["source"]["id"] == QUIET
    assert keys["android"]["works"] is False
    assert "disabled" in keys["android"]["reason"]
    assert not [secret for secret in (API_TOKEN, *WRITE_KEYS.values()) if secret in str(result)]


async def test_status_without_credentials_names_the_variables_to_set() -> None:
    async with client({"SEGMENT_MCP_SANDBOX": "0"}) as connected:
        data = data_of(await connected.call_tool("segment_connection_status", {}))
    assert data["workspace"] is None
    assert data["credentials"]["apiToken"] == {"present": False, "setting": "SEGMENT_API_TOKEN"}
    assert data["credentials"]["writeKeys"] == {"present": False, "setting": "SEGMENT_WRITE_KEY"}


async def test_status_with_a_wrong_token_says_what_was_tried() -> None:
    environment = {"SEGMENT_MCP_SANDBOX": "0", "SEGMENT_API_TOKEN": "not-the-token", "SEGMENT_WRITE_KEY": QUIET_KEY}
    async with client(environment) as connected:
        data = data_of(await connected.call_tool("segment_connection_status", {}))
    token = data["credentials"]["apiToken"]
    assert token["works"] is False
    assert "https://api.segmentapis.com" in token["reason"]
    assert "https://eu1.api.segmentapis.com" in token["reason"]
    assert data["credentials"]["writeKeys"]["keys"]["default"]["works"] is None


async def test_sources_are_listed_with_masked_keys_and_a_page_can_be_asked_for() -> None:
    async with client() as connected:
        everything = data_of(await connected.call_tool("segment_list_sources", {}))
        page = data_of(await connected.call_tool("segment_list_sources", {"pagination": {"count": 2}}))
        rest = data_of(
            await connected.call_tool(
                "segment_list_sources", {"pagination": {"count": 200, "cursor": page["pagination"]["next"]}}
            )
        )
    assert len(everything["sources"]) >= 6
    assert [source["id"] for source in page["sources"] + rest["sources"]] == [
        source["id"] for source in everything["sources"]
    ]
    assert mask_write_key(QUIET_KEY) in [key for source in everything["sources"] for key in source["writeKeys"]]
    assert QUIET_KEY not in str(everything)


async def test_write_keys_are_shown_where_the_operator_reveals_them() -> None:
    async with client({"SEGMENT_MCP_REVEAL_WRITE_KEYS": "1"}) as connected:
        data = data_of(await connected.call_tool("segment_list_sources", {"name": "agent"}))
    assert [source["writeKeys"] for source in data["sources"]] == [[QUIET_KEY]]


async def test_a_name_filter_finds_on_every_page_whatever_the_case_of_letters() -> None:
    async with client() as connected:
        sources = data_of(
            await connected.call_tool("segment_list_sources", {"name": "AGENT ev", "pagination": {"count": 1}})
        )
        destinations = data_of(await connected.call_tool("segment_list_destinations", {"name": "customer.io"}))
        nothing = data_of(await connected.call_tool("segment_list_destinations", {"name": "no such thing"}))
    assert [source["id"] for source in sources["sources"]] == [QUIET]
    assert sources["truncated"] is False
    assert [destination["id"] for destination in destinations["destinations"]] == [QUIET_DESTINATION]
    assert nothing["destinations"] == []


async def test_an_updated_source_is_read_back_as_updated() -> None:
    async with client() as connected:
        changed = data_of(
            await connected.call_tool(
                "segment_update_source", {"sourceId": QUIET, "name": "Reports", "enabled": False, "settings": "{}"}
            )
        )
        again = data_of(await connected.call_tool("segment_list_sources", {"name": "reports"}))
    assert changed["source"]["enabled"] is False
    assert [source["id"] for source in again["sources"]] == [QUIET]


async def test_labels_that_exist_are_added_and_the_whole_set_is_answered() -> None:
    async with client() as connected:
        data = data_of(
            await connected.call_tool(
                "segment_add_labels_to_source",
                {"sourceId": QUIET, "labels": json.dumps([{"key": "team", "value": "growth"}])},
            )
        )
    pairs = {(label["key"], label["value"]) for label in data["labels"]}
    assert pairs == {("environment", "dev"), ("team", "growth")}


async def test_a_label_that_does_not_exist_is_rejected_with_segments_reason() -> None:
    async with client() as connected:
        result = await connected.call_tool(
            "segment_add_labels_to_source", {"sourceId": QUIET, "labels": [{"key": "no", "value": "such"}]}
        )
    data = refused(result)
    assert data["code"] == "rejected"
    assert data["status"] == 422
    assert data["host"] == "api.segmentapis.com"
    assert data["errors"][0]["message"]


async def test_a_deleted_source_is_gone_from_the_list_and_counts_no_more() -> None:
    async with client(UNATTENDED) as connected:
        assert data_of(await connected.call_tool("segment_delete_source", {"sourceId": QUIET})) == {"status": "SUCCESS"}
        listed = data_of(await connected.call_tool("segment_list_sources", {}))
        sent = await connected.call_tool("segment_track", {"event": "Late", "userId": "u", "writeKey": QUIET_KEY})
        assert refused(await connected.call_tool("segment_delete_source", {"sourceId": QUIET}))["code"] == "not_found"
        assert await usage_of(connected, QUIET) == 0
    assert QUIET not in [source["id"] for source in listed["sources"]]
    assert data_of(sent)["status"] == "accepted"


@pytest.mark.parametrize("tool", ["segment_delete_source", "segment_remove_source_write_key"])
async def test_what_destroys_waits_for_a_person_and_only_reads_meanwhile(tool: str) -> None:
    wire = Wire()
    arguments = {"sourceId": QUIET} | ({"writeKey": QUIET_KEY} if "write_key" in tool else {})
    async with client(wire=wire) as connected:
        data = refused(await connected.call_tool(tool, arguments))
    assert data["code"] == "confirmation_required"
    assert {request.method for request in wire.requests} == {"GET"}


async def test_a_write_key_is_removed_by_its_masked_form_and_then_counts_nothing() -> None:
    wire = Wire()
    async with client(UNATTENDED, wire) as connected:
        arguments = {"sourceId": QUIET, "writeKey": mask_write_key(QUIET_KEY)}
        assert data_of(await connected.call_tool("segment_remove_source_write_key", arguments)) == {"status": "SUCCESS"}
        assert ("DELETE", f"/sources/{QUIET}/writekey/{QUIET_KEY}") in wire.sent()
        sent = await connected.call_tool("segment_track", {"event": "Late", "userId": "u", "writeKey": QUIET_KEY})
        assert data_of(sent)["status"] == "accepted"
        assert await usage_of(connected, QUIET) == 0
        again = refused(await connected.call_tool("segment_remove_source_write_key", arguments))
    assert again["code"] == "invalid_arguments"


async def test_connected_warehouses_need_no_pagination_though_the_schema_asks_for_it() -> None:
    wire = Wire()
    async with client(wire=wire) as connected:
        tools = {tool.name: tool for tool in (await connected.list_tools()).tools}
        data = data_of(
            await connected.call_tool("segment_list_connected_warehouses_from_source", {"sourceId": WEBSITE})
        )
        given = data_of(
            await connected.call_tool(
                "segment_list_connected_warehouses_from_source",
                {"sourceId": WEBSITE, "pagination": '{"count": 1}'},
            )
        )
    assert tools["segment_list_connected_warehouses_from_source"].input_schema["required"] == ["sourceId", "pagination"]
    assert data["warehouses"]
    assert len(given["warehouses"]) == 1
    targets = [target for _, target in wire.sent()]
    assert targets == [
        f"/sources/{WEBSITE}/connected-warehouses?pagination.count=200",
        f"/sources/{WEBSITE}/connected-warehouses?pagination.count=1",
    ]


async def test_schema_settings_are_segments_own() -> None:
    async with client() as connected:
        data = data_of(await connected.call_tool("segment_list_schema_settings_in_source", {"sourceId": BACKEND}))
    assert data["sourceId"] == BACKEND
    assert data["settings"]["track"]["allowUnplannedEvents"] is False


async def test_a_destination_is_read_with_segments_masks_left_as_they_are() -> None:
    async with client() as connected:
        data = data_of(await connected.call_tool("segment_get_destination", {"destinationId": QUIET_DESTINATION}))
    destination = data["destination"]
    assert destination["sourceId"] == QUIET
    assert destination["settings"]["apiKey"] == "\u2022" * 10
    assert destination["settings"]["accountRegion"] == "US"


async def test_an_unknown_destination_is_not_found() -> None:
    async with client() as connected:
        data = refused(await connected.call_tool("segment_get_destination", {"destinationId": "nowhere"}))
    assert data["code"] == "not_found"
    assert data["status"] == 404


async def test_delivery_metrics_count_the_events_that_a_destination_was_sent() -> None:
    arguments = {"destinationId": QUIET_DESTINATION, "sourceId": QUIET}
    async with client() as connected:
        for number in range(3):
            event = {"event": "Seen", "userId": str(number), "writeKey": QUIET_KEY}
            data_of(await connected.call_tool("segment_track", event))
        data = data_of(await connected.call_tool("segment_list_delivery_metrics_summary_from_destination", arguments))
        wide = await connected.call_tool(
            "segment_list_delivery_metrics_summary_from_destination",
            {**arguments, "granularity": "MINUTE", "startTime": "2026-03-01T00:00:00Z"},
        )
    metrics = {metric["metricName"]: metric["total"] for metric in data["deliveryMetricsSummary"]["metrics"]}
    assert metrics["successes"] == 3
    assert refused(wide)["code"] == "rejected"


EVENTS: dict[str, dict[str, Any]] = {
    "segment_identify": {"userId": "u", "traits": {"plan": "team"}},
    "segment_track": {"anonymousId": "a", "event": "Opened", "properties": '{"report": "weekly"}'},
    "segment_page": {"userId": "u", "name": "Home", "category": "Docs"},
    "segment_screen": {"userId": "u", "name": "Home", "timestamp": "2026-03-14T08:00:00+01:00"},
    "segment_group": {"userId": "u", "groupId": "g", "traits": {"seats": 5}},
    "segment_alias": {"userId": "u", "previousId": "a"},
}


@pytest.mark.parametrize("tool", EVENTS)
async def test_each_kind_of_event_is_accepted_and_counted(tool: str) -> None:
    wire = Wire()
    async with client(wire=wire) as connected:
        data = data_of(await connected.call_tool(tool, {**EVENTS[tool], "writeKey": "http"}))
        assert await usage_of(connected, QUIET) == 1
    assert data["status"] == "accepted"
    assert data["host"] == "api.segment.io"
    assert len(bytes.fromhex(data["messageId"])) == 16
    request = next(request for request in wire.requests if request.url.host == "api.segment.io")
    body = json.loads(request.content)
    assert request.url.path == f"/v1/{tool.removeprefix('segment_')}"
    assert request.headers["authorization"].startswith("Basic ")
    assert body["writeKey"] == QUIET_KEY
    assert body["messageId"] == data["messageId"]
    assert body["sentAt"] == "2026-03-14T09:26:53.000Z"
    assert body["context"]["library"]["name"] == "segment-mcp"


@pytest.mark.parametrize(
    ("tool", "arguments", "code"),
    [
        ("segment_track", {"event": "Opened"}, "no_user_anon_id"),
        ("segment_identify", {"traits": {}}, "no_user_anon_id"),
        ("segment_group", {"groupId": "g"}, "no_user_anon_id"),
        ("segment_alias", {"previousId": "a"}, "id_required"),
        ("segment_track", {"event": "Big", "userId": "u", "properties": {"x": "y" * 33_000}}, "bad_request"),
        ("segment_batch", {"batch": []}, "empty_batch"),
        ("segment_batch", {"batch": [{"type": "track", "userId": "u"}]}, "event_not_defined"),
        ("segment_batch", {"batch": [{"userId": "u"}]}, "missing_type"),
        ("segment_batch", {"batch": [{"type": "view", "userId": "u"}]}, "invalid_type"),
    ],
)
async def test_what_segment_would_drop_is_refused_with_its_code(
    tool: str, arguments: dict[str, Any], code: str
) -> None:
    wire = Wire()
    async with client(wire=wire) as connected:
        data = refused(await connected.call_tool(tool, arguments))
    assert data["code"] == "event_invalid"
    assert data["events"][0]["code"] == code
    assert wire.requests == []


async def test_a_batch_is_counted_item_by_item_and_answers_a_receipt_for_each() -> None:
    batch = [
        {"type": "track", "userId": "u", "event": "One", "messageId": "m-1"},
        {"type": "identify", "anonymousId": "a", "traits": {"plan": "team"}},
    ]
    async with client() as connected:
        data = data_of(
            await connected.call_tool(
                "segment_batch", {"batch": json.dumps(batch), "writeKey": "http", "context": {"ip": "192.0.2.1"}}
            )
        )
        assert await usage_of(connected, QUIET) == 2
        repeated = data_of(await connected.call_tool("segment_batch", {"batch": batch[:1], "writeKey": "http"}))
        assert await usage_of(connected, QUIET) == 2
    assert (data["accepted"], data["deferred"]) == (2, 0)
    assert [(one["index"], one["status"]) for one in data["events"]] == [(0, "accepted"), (1, "accepted")]
    assert data["events"][0]["messageId"] == "m-1"
    assert repeated["accepted"] == 1


async def test_one_invalid_event_keeps_the_whole_batch_back() -> None:
    wire = Wire()
    batch = [{"type": "track", "userId": "u", "event": "One"}, {"type": "track", "userId": 7, "event": "Two"}]
    async with client(wire=wire) as connected:
        data = refused(await connected.call_tool("segment_batch", {"batch": batch}))
    assert [(problem["index"], problem["code"]) for problem in data["events"]] == [(1, "id_not_string")]
    assert wire.requests == []


async def test_without_a_write_key_nothing_is_sent_and_the_variable_is_named() -> None:
    wire = Wire()
    async with client({"SEGMENT_MCP_SANDBOX": "0"}, wire) as connected:
        event = refused(await connected.call_tool("segment_track", {"event": "Opened", "userId": "u"}))
        listed = refused(await connected.call_tool("segment_list_sources", {}))
    assert (event["code"], event["setting"]) == ("not_configured", "SEGMENT_WRITE_KEY")
    assert (listed["code"], listed["setting"]) == ("not_configured", "SEGMENT_API_TOKEN")
    assert wire.requests == []


async def test_an_unknown_tool_is_answered_with_the_nearest_names() -> None:
    async with client() as connected:
        data = refused(await connected.call_tool("segment_trak", {}))
    assert data["code"] == "unknown_tool"
    assert "segment_track" in data["nearest"]
