"""The sandbox's decisions, as tables."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from segment_mcp.operations import OPERATIONS, Operation
from segment_mcp.sandbox import checks, ingest, limits, pages, query, windows
from segment_mcp.sandbox.ledger import MAX_CELLS, MinuteCounts
from segment_mcp.sandbox.refusals import RefusalError

WHO = {"userId": "u1"}
NOW = datetime(2026, 5, 20, 12, 0, 30, tzinfo=UTC)


def from_device(advertising_id: object) -> dict[str, Any]:
    return {"type": "identify", "context": {"device": {"advertisingId": advertising_id}}}


def with_consent(version: object) -> dict[str, Any]:
    return {"type": "identify", "context": {"consent": {"version": version}}}


def consenting(context: object) -> dict[str, Any]:
    return {"type": "track", "event": "Segment Consent Preference Updated", **WHO, "context": context}


def preferring(preferences: object) -> dict[str, Any]:
    return consenting({"consent": {"categoryPreferences": preferences}})


@pytest.mark.parametrize(
    ("event", "code"),
    [
        ({"type": "track", "event": "Paid", **WHO}, None),
        ({"type": "track", "event": "Paid", "anonymousId": "a1", "properties": {}}, None),
        ({"type": "identify", **WHO, "traits": None}, None),
        ({"type": "page", **WHO}, None),
        ({"type": "screen", **WHO, "name": "Home", "category": "Main"}, None),
        ({"type": "group", **WHO, "groupId": "g1"}, None),
        ({"type": "alias", "previousId": "a1", "userId": "u1"}, None),
        ("track", "bad_request"),
        ({**WHO}, "missing_type"),
        ({"type": "purchase", **WHO}, "invalid_type"),
        ({"type": ["track"], **WHO}, "invalid_type"),
        ({"type": "track", "event": "Paid"}, "no_user_anon_id"),
        ({"type": "identify", "userId": None, "anonymousId": None}, "no_user_anon_id"),
        ({"type": "identify", "userId": 7}, "id_not_string"),
        ({"type": "identify", "userId": ""}, "id_not_string"),
        ({"type": "identify", "userId": "u1", "anonymousId": ""}, "id_not_string"),
        ({"type": "group", **WHO}, "id_required"),
        ({"type": "group", **WHO, "groupId": 7}, "id_not_string"),
        ({"type": "alias", "previousId": "a1"}, "id_required"),
        ({"type": "alias", "userId": "u1"}, "id_required"),
        ({"type": "alias", "previousId": "", "userId": "u1"}, "id_not_string"),
        ({"type": "track", **WHO}, "event_not_defined"),
        ({"type": "track", "event": "", **WHO}, "event_not_defined"),
        ({"type": "track", "event": 7, **WHO}, "event_not_string"),
        ({"type": "track", "event": "Paid", "properties": [], **WHO}, "properties_not_object"),
        ({"type": "page", "properties": "x", **WHO}, "properties_not_object"),
        ({"type": "screen", "properties": 1, **WHO}, "properties_not_object"),
        ({"type": "identify", "traits": "x", **WHO}, "traits_not_object"),
        ({"type": "group", "groupId": "g1", "traits": [], **WHO}, "traits_not_object"),
        ({"type": "page", "name": "", **WHO}, "name_not_string"),
        ({"type": "screen", "name": 7, **WHO}, "name_not_string"),
        ({"type": "page", "category": "", **WHO}, "category_not_string"),
        ({**WHO, **from_device(7)}, "device_advertisingid_should_be_string"),
        ({**WHO, **from_device("x")}, None),
        ({**WHO, **with_consent("2")}, "consent_version_should_be_number"),
        ({**WHO, **with_consent(2)}, None),
        (preferring({"Advertising": True, "Analytics": False}), None),
        (preferring({}), None),
        (consenting(None), "consent_categorypreferences_should_exist"),
        (consenting("odd"), "consent_categorypreferences_should_exist"),
        (consenting({"consent": []}), "consent_categorypreferences_should_exist"),
        (consenting({"consent": {"version": 2}}), "consent_categorypreferences_should_exist"),
        (preferring(None), "consent_categorypreferences_should_exist"),
        (preferring(["Advertising"]), "consent_categorypreferences_fields_should_be_object"),
        (preferring("all"), "consent_categorypreferences_fields_should_be_object"),
        (preferring({"Advertising": True, "Analytics": "true"}), "consent_categorypreferences_fields_should_be_bool"),
        (preferring({"Advertising": 1}), "consent_categorypreferences_fields_should_be_bool"),
        (preferring({"Advertising": None}), "consent_categorypreferences_fields_should_be_bool"),
        (consenting({"consent": {"version": "2"}}), "consent_version_should_be_number"),
        (consenting({"device": {"advertisingId": 7}}), "device_advertisingid_should_be_string"),
        ({**preferring(5), "event": "Paid"}, None),
        ({**preferring(5), "type": "page"}, None),
    ],
)  # fmt: skip
def test_an_event_fails_on_ingest_with_segments_code(event: Any, code: str | None) -> None:
    assert ingest.failure(event) == code


@pytest.mark.parametrize(
    ("own", "shared", "together"),
    [
        ({}, {"context": {"ip": "1"}}, {"context": {"ip": "1"}}),
        ({"context": {"ip": "2"}}, {"context": {"ip": "1", "app": {}}}, {"context": {"ip": "2", "app": {}}}),
        ({"integrations": {"All": True}}, {"integrations": {"All": False}}, {"integrations": {"All": True}}),
        ({"context": "odd"}, {"context": {"ip": "1"}}, {"context": {"ip": "1"}}),
        ({"event": "x"}, {}, {"event": "x"}),
    ],
)
def test_a_batch_lends_its_items_context_and_integrations(
    own: dict[str, Any], shared: dict[str, Any], together: dict[str, Any]
) -> None:
    assert ingest.merged(own, shared.get("context"), shared.get("integrations")) == together


@pytest.mark.parametrize(
    ("sent_at", "timestamp", "happened"),
    [
        (None, None, "2026-05-20T12:00:30+00:00"),
        (None, "2020-01-01T00:00:00Z", "2020-01-01T00:00:00+00:00"),
        ("2026-05-20T12:00:30Z", "2026-05-20T11:59:30Z", "2026-05-20T11:59:30+00:00"),
        ("2026-05-20T10:00:00Z", "2026-05-20T09:59:00Z", "2026-05-20T11:59:30+00:00"),  # a clock two hours slow
        ("2020-01-01T00:01:00Z", "2020-01-01T00:00:00Z", "2026-05-20T11:59:30+00:00"),  # a replay moves to now
        ("nonsense", "2020-01-01T00:00:00Z", "2020-01-01T00:00:00+00:00"),
        ("2026-05-20T12:00:30Z", "nonsense", "2026-05-20T12:00:30+00:00"),
        ("2026-05-20T12:00:30Z", 5, "2026-05-20T12:00:30+00:00"),
        ("9999-12-31T00:00:00Z", "0001-01-01T00:00:00Z", "2026-05-20T12:00:30+00:00"),
    ],
)
def test_a_timestamp_is_corrected_for_the_senders_clock(sent_at: Any, timestamp: Any, happened: str) -> None:
    assert ingest.happened(NOW, sent_at, timestamp).isoformat() == happened


@pytest.mark.parametrize(
    ("integrations", "goes"),
    [
        (None, True),
        ({}, True),
        ({"All": True}, True),
        ({"All": False}, False),
        ({"All": False, "Mixpanel": True}, True),
        ({"All": False, "Mixpanel": {"ip": 0}}, True),
        ({"All": False, "mixpanel": True}, False),
        ({"Mixpanel": False}, False),
        ({"Amplitude": False}, True),
        ("odd", True),
    ],
)
def test_integrations_choose_destinations_by_exact_name(integrations: Any, goes: object) -> None:
    assert ingest.wanted(("Mixpanel", "Mixpanel (Legacy)"), integrations) is goes


@pytest.mark.parametrize(
    ("items", "count", "cursor", "shown", "pagination"),
    [
        ("abc", None, None, "abc", {"current": "MA==", "totalEntries": 3}),
        ("abc", 2, None, "ab", {"current": "MA==", "totalEntries": 3, "next": "Mg=="}),
        ("abc", 2, "Mg==", "c", {"current": "Mg==", "totalEntries": 3, "previous": "MA=="}),
        ("abc", 1, "MQ==", "b", {"current": "MQ==", "totalEntries": 3, "next": "Mg==", "previous": "MA=="}),
        ("", 1, None, "", {"current": "MA==", "totalEntries": 0}),
        ("a", 5, "OQ==", "", {"current": "OQ==", "totalEntries": 1, "previous": "NA=="}),
    ],
)
def test_a_list_comes_in_pages(
    items: str, count: int | None, cursor: str | None, shown: str, pagination: dict[str, Any]
) -> None:
    assert pages.page(items, count, cursor) == (shown, pagination)


@pytest.mark.parametrize("count", [1.5, 200.25])
def test_a_count_that_some_schemas_call_a_number_is_whole(count: float) -> None:
    assert pages.page("abc", 2.0, None) == pages.page("abc", 2, None)
    with pytest.raises(RefusalError) as refusal:
        pages.page("abc", count, None)
    assert (refusal.value.status, refusal.value.problems[0]["field"]) == (422, "pagination.count")


@pytest.mark.parametrize(
    "cursor", ["", "x", "Mg", "LTE=", "MDI=", "eA==", "Mg==\n", "é", "OTk5OTk5OTk5OTk5OTk5OTk5OTk5OQ=="]
)
def test_a_cursor_that_nobody_handed_out_is_refused(cursor: str) -> None:
    with pytest.raises(RefusalError) as refusal:
        pages.page("abc", 1, cursor)
    assert (refusal.value.status, refusal.value.problems[0]["field"]) == (422, "pagination.cursor")


DEFINITIONS: dict[str, Any] = {
    "Kind": {"type": "string", "enum": ["A", "B"]},
    "Rule": {"type": "object", "properties": {"type": {}, "key": {}, "version": {"$ref": "#/$defs/Version"}}},
    "Version": {"type": "number"},
}
RULES = {"type": "array", "items": {"$ref": "#/$defs/Rule"}}


@pytest.mark.parametrize(
    ("name", "schema", "pairs", "value"),
    [
        ("pagination.count", {"type": "integer"}, [("pagination.count", "5")], 5),
        ("pagination.count", {"type": "integer"}, [("pagination[count]", "5")], 5),
        ("pagination.count", {"type": "integer"}, [("pagination.count", "-1")], -1),
        ("pagination.count", {"type": "integer"}, [("pagination.count", "five")], "five"),
        ("pagination.count", {"type": "integer"}, [("pagination", '{"count": 5}')], None),
        ("period", {"type": "string"}, [("period", "2026-05-01"), ("period", "x")], "2026-05-01"),
        ("groupBy", {"type": "array"}, [("groupBy", "a"), ("groupBy", "b")], ["a", "b"]),
        ("groupBy", {"type": "array"}, [("groupBy.1", "b"), ("groupBy.0", "a")], ["a", "b"]),
        ("groupBy", {"type": "array"}, [("groupBy[0]", "a"), ("groupBy[1]", "b")], ["a", "b"]),
        ("groupBy", {"type": "array"}, [("groupBy[]", "a"), ("other", "b"), ("groupBy.x", "c")], ["a"]),
        ("groupBy", {"type": "array"}, [], None),
        ("delay", {"type": "number"}, [("delay", "1.5")], 1.5),
        ("delay", {"type": "number"}, [("delay", "1e3")], 1000.0),
        ("delay", {"type": "number"}, [("delay", "7")], 7),
        ("delay", {"type": "number"}, [("delay", "1e999")], "1e999"),
        ("delay", {"type": "number"}, [("delay", "NaN")], "NaN"),
        ("count", {"type": "integer"}, [("count", "1.5")], "1.5"),
        ("count", {"type": "integer"}, [("count", "٣")], "٣"),
        ("on", {"type": "boolean"}, [("on", "true")], True),
        ("on", {"type": "boolean"}, [("on", "false")], False),
        ("on", {"type": "boolean"}, [("on", "yes")], "yes"),
        ("propertyType", {"$ref": "#/$defs/Kind"}, [("propertyType", "A")], "A"),
        ("search.type", {"type": "string"}, [("search", "x"), ("search.type", "KEY")], "KEY"),
        ("filter.name", {"type": "array"}, [("filter.name.1", "b"), ("filter[name][0]", "a")], ["a", "b"]),
        ("filter.name", {"type": "array"}, [("filter.names", "x"), ("filter.name", "a")], ["a"]),
        ("n", {"type": "array", "items": {"type": "number"}}, [("n.0", "1"), ("n.1", "x")], [1, "x"]),
        ("rules", RULES, [("rules.0.type", "TRACK"), ("rules.0.version", "1")], [{"type": "TRACK", "version": 1}]),
        ("rules", RULES, [("rules[1][key]", "b"), ("rules.0[key]", "a")], [{"key": "a"}, {"key": "b"}]),
        ("rules", RULES, [("rules[0].key", "a b.c"), ("rules.0.other", "1")], [{"key": "a b.c", "other": "1"}]),
        ("rules", RULES, [("rules", "TRACK")], ["TRACK"]),
    ],
)
def test_a_query_is_read_in_every_documented_encoding(
    name: str, schema: dict[str, Any], pairs: list[tuple[str, str]], value: Any
) -> None:
    found = query.value_of(name, schema, pairs, DEFINITIONS)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("granularity", "start", "end", "field"),
    [
        ("MINUTE", None, None, None),
        ("HOUR", None, None, None),
        ("DAY", None, None, None),
        ("MINUTE", timedelta(hours=4), None, None),
        ("MINUTE", timedelta(hours=5), None, "startTime"),
        ("MINUTE", timedelta(hours=48), timedelta(hours=45), None),
        ("MINUTE", timedelta(hours=49), timedelta(hours=46), "startTime"),
        ("HOUR", timedelta(days=7), None, None),
        ("HOUR", timedelta(days=8), timedelta(days=6), "startTime"),
        ("DAY", timedelta(days=14), None, None),
        ("DAY", timedelta(days=30), None, "startTime"),
        ("DAY", timedelta(days=1), timedelta(days=2), "endTime"),
        ("DAY", timedelta(days=1), timedelta(days=1), "endTime"),
    ],
)
def test_delivery_metrics_reach_as_far_as_documented(
    granularity: str, start: timedelta | None, end: timedelta | None, field: str | None
) -> None:
    since = None if start is None else NOW - start
    until = None if end is None else NOW - end
    if field is None:
        found = windows.delivery_span(granularity, since, until, NOW)
        assert found == (since or NOW - windows.DELIVERY[granularity].default, until or NOW)
        return
    with pytest.raises(RefusalError) as refusal:
        windows.delivery_span(granularity, since, until, NOW)
    assert (refusal.value.status, refusal.value.problems[0]["field"]) == (422, field)


@pytest.mark.parametrize(
    ("start", "end", "minutes"),
    [
        ("12:00:00", "12:02:00", 2),
        ("12:00:30", "12:02:00", 2),  # a started minute counts whole
        ("12:00:00", "12:02:01", 3),
        ("12:00:00", "12:00:30", 1),
    ],
)
def test_a_span_includes_its_start_and_not_its_end(start: str, end: str, minutes: int) -> None:
    moments = [datetime.fromisoformat(f"2026-05-20T{clock}+00:00") for clock in (start, end)]
    assert len(windows.minutes_between(*moments)) == minutes


@pytest.mark.parametrize(
    ("text", "valid"),
    [
        ("2006-01-02T15:04:05.000Z", True),
        ("2006-01-02T15:04:05+02:00", True),
        ("2006-01-02t15:04:05z", True),
        ("2006-01-02T15:04:05", False),
        ("2006-01-02", False),
        ("2006-13-02T15:04:05Z", False),
        ("2006-01-02T15:04:05 00:00", False),  # a plus that was not percent-encoded
        ("yesterday", False),
    ],
)
def test_a_time_is_rfc_3339(text: str, valid: object) -> None:
    assert checks.is_date_time(text) is valid


def test_a_window_of_calls_starts_with_its_first_call() -> None:
    first = limits.after_call(None, 2, NOW)
    second = limits.after_call(first, 2, NOW + timedelta(seconds=59))
    third = limits.after_call(second, 2, NOW + timedelta(seconds=59))
    assert [(each.consumed, each.remaining, each.exceeded) for each in (first, second, third)] == [
        (1, 1, False),
        (2, 0, False),
        (3, 0, True),
    ]
    assert limits.after_call(third, 2, first.reset).consumed == 1


@pytest.mark.parametrize("row", [row for row in OPERATIONS.values() if row.quota], ids=lambda row: row.name)
def test_each_quota_of_the_rows_holds_in_numbers(row: Operation) -> None:
    quota = limits.QUOTAS[row.name]
    assert row.quota.startswith(f"{quota.limit} a {'day' if quota.window == timedelta(days=1) else 'month'} for each")
    counted, now = limits.RateLimits(), NOW
    here, there = [{quota.each: each} if quota.each else {} for each in ("here", "there")]
    for _ in range(quota.limit):
        now += timedelta(seconds=30)
        assert not counted.count(row, now, here).exceeded
    refused = counted.count(row, now, here)
    assert (refused.exceeded, refused.reset) == (True, NOW + timedelta(seconds=30) + quota.window)
    assert counted.count(row, now, there).exceeded is (not quota.each)
    assert not counted.count(row, refused.reset, here).exceeded


def test_what_a_minute_refuses_does_not_use_up_the_quota() -> None:
    row, counted, space = OPERATIONS["createAudiencePreview"], limits.RateLimits(), {"spaceId": "s"}
    for _ in range(limits.QUOTAS[row.name].limit + 1):
        counted.count(row, NOW, space)
    refused = counted.count(row, NOW, space)
    assert (refused.exceeded, refused.limit) == (True, row.per_minute)
    assert not counted.count(row, refused.reset, space).exceeded


def test_counters_forget_the_oldest_minute_before_they_grow_without_bound() -> None:
    counts: MinuteCounts[int] = MinuteCounts()
    for minute in range(3):
        for key in range(MAX_CELLS // 2):
            counts.add(minute, key)
    assert {minute for minute, _, _ in counts.within(range(10))} == {1, 2}
