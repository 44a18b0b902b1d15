"""What is wrong with arguments, said before anything is sent: the field, what is allowed, never what was given."""

import json
from typing import Any

import pytest

from segment_mcp.operations import OPERATIONS, Operation, get
from segment_mcp.operations.arguments import MOST_PROBLEMS, problems_of, resolved, schema_of, types_of

PUBLIC = [pytest.param(row, id=name) for name, row in OPERATIONS.items() if row.api == "public"]

MOMENT = "must be a date, a time and a zone in ISO 8601, such as 2026-01-31T08:00:00Z"
DAY = "must be a date, such as 2026-01-01"
RULE_TYPES = "must be one of COMMON, GROUP, IDENTIFY, PAGE, SCREEN, TRACK"
GRANULARITIES = "must be one of DAY, HOUR, MINUTE"
NO_ARGUMENT = "is no argument of updateSource; known are sourceId, name, enabled, slug, settings"
NO_ARGUMENT_OF_MANY = (
    "is no argument of updateTransformation; known are transformationId, name, sourceId, destinationMetadataId, "
    "enabled, if, drop, newEventName, propertyRenames, propertyValueTransformations, fqlDefinedProperties, "
    "allowProperties, ..."
)
REGULATION_TYPES = (
    "must be one of DELETE_INTERNAL, DELETE_ONLY, SUPPRESS_ONLY, SUPPRESS_WITH_DELETE, SUPPRESS_WITH_DELETE_INTERNAL, "
    "UNSUPPRESS"
)

RULE = {"type": "TRACK", "key": "Order Completed", "version": 1, "jsonSchema": {}}
SCHEDULE = {"spaceId": "s", "id": "a", "strategy": "PERIODIC"}
SPAN = {"granularity": "DAY", "startTime": "2026-05-01T00:00:00Z", "endTime": "2026-05-02T00:00:00Z"}
AUDIENCE = {"spaceId": "s", "audienceId": "a"}
ACTIVATION = {
    **AUDIENCE,
    "connectionId": "c",
    "activationName": "n",
    "activationType": "t",
    "performResync": False,
}


def invited(resource: Any) -> dict[str, Any]:
    return {"email": "a@shop.example", "permissions": [{"roleId": "r", "resources": [resource]}]}


def rules(*rules: Any) -> dict[str, Any]:
    return {"trackingPlanId": "tp", "rules": list(rules)}


def filtered(*actions: Any) -> dict[str, Any]:
    return {"filter": {"if": "type = 'track'", "actions": list(actions)}, "payload": {}}


FAULTS: list[tuple[str, dict[Any, Any], list[tuple[str, str]]]] = [
    # missing
    ("getSource", {}, [("sourceId", "is required")]),
    ("getSource", {"sourceId": None}, [("sourceId", "is required")]),
    ("createSource", {"slug": "a"}, [("enabled", "is required"), ("metadataId", "is required")]),
    ("createLabel", {"label": {"key": "a"}}, [("label.value", "is required")]),
    ("updateRulesInTrackingPlan", rules({"type": "TRACK", "version": 1}), [("rules.0.jsonSchema", "is required")]),
    ("getEventsVolumeFromWorkspace", {}, [(name, "is required") for name in SPAN]),
    ("deleteUsers", {"userIds": []}, [("userIds", "must have at least 1 item")]),
    ("addAudienceScheduleToAudience", SCHEDULE, [("config", "is required")]),
    # misspelt, at depth 1, 2 and 3
    (
        "updateSource",
        {"sourceId": "s", "enable": True},
        [("enable", "is no argument of updateSource; is enabled meant?")],
    ),
    (
        "getSource",
        {"source_id": "s"},
        [("sourceId", "is required"), ("source_id", "is no argument of getSource; is sourceId meant?")],
    ),
    ("listSources", {"pagination": {"counts": 5}}, [("pagination.counts", "is not known here; is count meant?")]),
    (
        "updateRulesInTrackingPlan",
        rules({**RULE, "jsonschema": {}}),
        [("rules.0.jsonschema", "is not known here; is jsonSchema meant?")],
    ),
    (
        "previewDestinationFilter",
        filtered({"type": "SAMPLE", "percentage": 0.5}),
        [("filter.actions.0.percentage", "is not known here; is percent meant?")],
    ),
    (
        "createLabel",
        {"key": "a", "label": {"key": "a", "value": "b"}},
        [("key", "is no argument of createLabel; is label.key meant?")],
    ),
    (
        "listSources",
        {"pagination.cursor": "MA=="},
        [("pagination.cursor", "is no argument of listSources; write it as pagination: {cursor: ...}")],
    ),
    # unknown in a closed object
    ("updateSource", {"sourceId": "s", "colour": 1}, [("colour", NO_ARGUMENT)]),
    ("updateSource", {"sourceId": "s", "body": {}}, [("body", NO_ARGUMENT)]),
    ("getWorkspace", {"workspaceId": "w"}, [("workspaceId", "is no argument of getWorkspace; there are none")]),
    (
        "createInvites",
        {"invites": [invited({"id": "w", "type": "WORKSPACE", "x": 1})]},
        [("invites.0.permissions.0.resources.0.x", "is not known here; known are id, type")],
    ),
    (
        "updateTransformation",
        {"transformationId": "t", "qqqq": 1},
        [("qqqq", NO_ARGUMENT_OF_MANY)],
    ),
    # wrong type
    ("getSource", {"sourceId": 7}, [("sourceId", "must be a string")]),
    ("updateSource", {"sourceId": "s", "enabled": "yes"}, [("enabled", "must be true or false")]),
    ("updateSource", {"sourceId": "s", "enabled": 1}, [("enabled", "must be true or false")]),
    ("updateSource", {"sourceId": "s", "settings": "{}"}, [("settings", "must be an object")]),
    ("deleteUsers", {"userIds": "u"}, [("userIds", "must be an array")]),
    ("deleteUsers", {"userIds": ["u", 2]}, [("userIds.1", "must be a string")]),
    ("listSources", {"pagination": 5}, [("pagination", "must be an object")]),
    ("listSources", {"pagination": {"count": "5"}}, [("pagination.count", "must be an integer")]),
    ("listSources", {"pagination": {"count": True}}, [("pagination.count", "must be an integer")]),
    ("listSources", {"pagination": {"count": 5.0}}, [("pagination.count", "must be an integer")]),
    ("updateRulesInTrackingPlan", rules("Order Completed"), [("rules.0", "must be an object")]),
    ("updateRulesInTrackingPlan", rules({**RULE, "version": float("nan")}), [("rules.0.version", "must be a number")]),
    ("updateRulesInTrackingPlan", rules({**RULE, "key": None}), [("rules.0.key", "must be a string")]),
    ("updateDestination", {"destinationId": "d", "name": 3}, [("name", "must be a string or null")]),
    (
        "addActivationToAudience",
        {
            **ACTIVATION,
            "personalization": {"profile": {"mapping": {"a": "b", "c": 3}}},
        },
        [("personalization.profile.mapping.c", "must be a string")],
    ),
    # values that are not among the allowed ones
    (
        "getEventsVolumeFromWorkspace",
        {**SPAN, "granularity": "hourly"},
        [("granularity", f"{GRANULARITIES}; is HOUR meant?")],
    ),
    (
        "getEventsVolumeFromWorkspace",
        {**SPAN, "granularity": "day"},
        [("granularity", f"{GRANULARITIES}; is DAY meant?")],
    ),
    ("getEventsVolumeFromWorkspace", {**SPAN, "granularity": "zzz"}, [("granularity", GRANULARITIES)]),
    ("getEventsVolumeFromWorkspace", {**SPAN, "granularity": "hour" * 1000}, [("granularity", GRANULARITIES)]),
    (
        "updateRulesInTrackingPlan",
        rules(RULE, {**RULE, "type": "tracks"}),
        [("rules.1.type", f"{RULE_TYPES}; is TRACK meant?")],
    ),
    (
        "listWorkspaceRegulations",
        {"regulationTypes": ["SUPPRESS"]},
        [("regulationTypes.0", f"{REGULATION_TYPES}; is UNSUPPRESS meant?")],
    ),
    (
        "listSampleValuesFromEventProperty",
        {"spaceId": "s", "eventName": "e", "propertyName": "p", "propertyType": "Property"},
        [("propertyType", "must be one of CONTEXT, PROPERTY; is PROPERTY meant?")],
    ),
    # limits
    ("getSource", {"sourceId": ""}, [("sourceId", "must be a non-empty string")]),
    ("getSource", {"sourceId": "s" * 256}, [("sourceId", "must have at most 255 characters")]),
    ("getSource", {"sourceId": ".."}, [("sourceId", "is no ID")]),
    ("getSource", {"sourceId": "a\nb"}, [("sourceId", "has control or other unprintable characters")]),
    ("listSources", {"pagination": {"count": 0}}, [("pagination.count", "must be at least 1")]),
    ("listSources", {"pagination": {"count": 5000}}, [("pagination.count", "must be at most 1000")]),
    (
        "previewDestinationFilter",
        filtered({"type": "SAMPLE", "percent": 50}),
        [("filter.actions.0.percent", "must be at most 1")],
    ),
    (
        "updateDestinationForAudience",
        {
            **AUDIENCE,
            "destinationId": "d",
            "idSyncConfiguration": [{"externalId": "email", "strategy": "all"}] * 6,
        },
        [("idSyncConfiguration", "must have at most 5 items")],
    ),
    (
        "listAudiences",
        {"spaceId": "s", "search": {"query": "q" * 256}},
        [("search.query", "must have at most 255 characters")],
    ),
    # dates and times
    ("getDailyWorkspaceMTUUsage", {"period": "2026-5-1"}, [("period", DAY)]),
    ("getDailyWorkspaceMTUUsage", {"period": "2026-02-30"}, [("period", DAY)]),
    ("getDailyWorkspaceMTUUsage", {"period": "2026-05-01T00:00:00Z"}, [("period", DAY)]),
    ("getEventsVolumeFromWorkspace", {**SPAN, "startTime": "2026-05-01"}, [("startTime", MOMENT)]),
    ("getEventsVolumeFromWorkspace", {**SPAN, "startTime": "2026-05-01T00:00:00"}, [("startTime", MOMENT)]),
    ("getEventsVolumeFromWorkspace", {**SPAN, "endTime": "2026-13-01T00:00:00Z"}, [("endTime", MOMENT)]),
    ("getEventsVolumeFromWorkspace", {**SPAN, "endTime": 1_777_593_600}, [("endTime", "must be a string")]),
    ("createDownload", {"collectionId": "c", "hour": "yesterday"}, [("hour", MOMENT)]),
    # one of several shapes
    ("addAudienceScheduleToAudience", {**SCHEDULE, "config": "1d"}, [("config", "must be an object or null")]),
    (
        "addAudienceScheduleToAudience",
        {**SCHEDULE, "config": {"interval": 1}},
        [("config.interval", "must be a string")],
    ),
    (
        "addAudienceScheduleToAudience",
        {**SCHEDULE, "config": {"hours": [9], "timezone": "UTC"}},
        [("config.days", "is required")],
    ),
    (
        "addAudienceScheduleToAudience",
        {**SCHEDULE, "config": {"days": ["Monday"], "hours": [9], "timezon": "UTC"}},
        [
            ("config.timezone", "is required"),
            ("config.days.0", "must be a number"),
            ("config.timezon", "is not known here; is timezone meant?"),
        ],
    ),
    # names that are none
    ("updateSource", {"sourceId": "s", 1: 2}, [("arguments", "has a name that is no text")]),
    ("createLabel", {"label": {"key": "a", "value": "b", 1: 2}}, [("label", "has a name that is no text")]),
    (
        "updateSource",
        {"sourceId": "s", "\u202eevil\n": 1},
        [("arguments", f"has a name that {NO_ARGUMENT}")],
    ),
    (
        "createLabel",
        {"label": {"key": "a", "value": "b", "x" * 61: 1}},
        [("label", "has a name that is not known here; known are key, value, description")],
    ),
]

FINE: list[tuple[str, dict[str, Any]]] = [
    ("getWorkspace", {}),
    ("listSources", {}),
    ("listSources", {"pagination": {"count": 1000, "cursor": "MA=="}}),
    ("listSources", {"pagination": None}),
    ("listSources", {"pagination": {"count": None, "cursor": "MA=="}}),
    ("deleteUsers", {"userIds": ["u", None]}),
    ("getSource", {"sourceId": "s" * 255}),
    ("updateSource", {"sourceId": "s", "name": None, "settings": {"anything": {"at": ["all", None, float("inf")]}}}),
    ("updateDestination", {"destinationId": "d", "name": None}),
    ("updateRulesInTrackingPlan", rules({**RULE, "jsonSchema": [{"any": "thing"}]}, {**RULE, "version": 1.5})),
    ("previewDestinationFilter", filtered({"type": "ALLOW_PROPERTIES", "fields": {"product": ["event"]}})),
    ("addAudienceScheduleToAudience", {**SCHEDULE, "config": None}),
    ("addAudienceScheduleToAudience", {**SCHEDULE, "config": {"interval": "1d"}}),
    ("addAudienceScheduleToAudience", {**SCHEDULE, "config": {"days": [1], "hours": (9,), "timezone": "UTC"}}),
    ("getEventsVolumeFromWorkspace", {**SPAN, "endTime": "2026-05-01T02:00:00.123+02:00", "eventName": ["a"]}),
    ("removeRulesFromTrackingPlan", rules({"type": "TRACK", "key": "k", "version": 1})),
    ("deleteLabel", {"key": "a/b", "value": "..."}),
]


@pytest.mark.parametrize(("name", "arguments", "problems"), FAULTS)
def test_a_fault_is_named_by_its_field(name: str, arguments: dict[str, Any], problems: list[tuple[str, str]]) -> None:
    found = problems_of(get(name), arguments)
    assert [(problem["field"], problem["message"]) for problem in found] == problems


@pytest.mark.parametrize(("name", "arguments"), FINE)
def test_what_can_be_sent_has_no_problem(name: str, arguments: dict[str, Any]) -> None:
    assert problems_of(get(name), arguments) == []


def test_more_problems_than_anybody_reads_are_not_looked_for() -> None:
    many = rules(*[{"typ": "TRACK"}] * 100_000)
    assert len(problems_of(get("updateRulesInTrackingPlan"), many)) == MOST_PROBLEMS


def test_two_hundred_rules_with_big_schemas_can_be_sent() -> None:
    big = {"properties": {f"property{number}": {"type": "string", "enum": ["a"] * 20} for number in range(200)}}
    arguments = rules(*({**RULE, "key": f"Event {number}", "jsonSchema": big} for number in range(200)))
    assert problems_of(get("updateRulesInTrackingPlan"), arguments) == []


def nested(depth: int) -> Any:
    value: Any = "end"
    for _ in range(depth):
        value = {"a": [value]}
    return value


HOSTILE: list[Any] = [
    nested(2000),
    [nested(2000)],
    "x" * 5_000_000,
    "\x00\ud800",
    float("nan"),
    float("-inf"),
    10**400,
    {1: {None: 2}},
    {("a",): 1},
    [[]],
    {"count": nested(2000), "settings": float("nan"), "x" * 5_000_000: "\ud800"},
    {"type": [], "key": {}, "config": {"days": nested(2000)}},
    b"bytes",
    object(),
]


@pytest.mark.parametrize("row", PUBLIC)
def test_no_arguments_whatever_are_an_error_of_ours(row: Operation) -> None:
    names = list(schema_of(row)["properties"])
    for value in HOSTILE:
        for arguments in (dict.fromkeys(names, value), {name: [value] for name in names}):
            for problem in problems_of(row, arguments):
                assert problem.keys() == {"field", "message"}
                assert len(problem["field"]) < 200
                assert len(problem["message"]) < 500
                json.dumps(problem).encode("ascii")


SECRET = "sk_live_d0ntTellAnybody4242"


@pytest.mark.parametrize("row", PUBLIC)
def test_what_was_given_is_never_repeated(row: Operation) -> None:
    for name in schema_of(row)["properties"]:
        for value in (SECRET, [SECRET], {"inner": SECRET}, [{"inner": SECRET}]):
            assert SECRET not in json.dumps(problems_of(row, {name: value}))


@pytest.mark.parametrize("row", PUBLIC)
def test_every_kind_of_schema_that_the_reference_uses_is_understood(row: Operation) -> None:
    known = {"type", "properties", "required", "items", "additionalProperties", "anyOf", "enum", "default", "examples"}
    limits = {"minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "format"}

    def look(schema: Any) -> None:
        assert schema.keys() <= known | limits
        assert all(isinstance(choice, str) for choice in schema.get("enum", ()))
        assert set(types_of(schema)) <= {"string", "integer", "number", "boolean", "array", "object", "null"}
        assert schema.get("format", "date") in {"date", "date-time", "path-segment"}
        assert "items" in schema or "array" not in types_of(schema) or "anyOf" in schema
        inner = [*schema.get("properties", {}).values(), *schema.get("anyOf", ())]
        inner += [schema[key] for key in ("items", "additionalProperties") if isinstance(schema.get(key), dict)]
        for each in inner:
            look(each)

    look(schema_of(row))


@pytest.mark.parametrize("row", PUBLIC)
def test_what_is_required_is_known_and_slots_of_the_path_are_required(row: Operation) -> None:
    schema = schema_of(row)
    assert set(schema["required"]) <= set(schema["properties"])
    slots = [name for name, one in schema["properties"].items() if one.get("format") == "path-segment"]
    assert all(f"{{{name}}}" in row.path and name in schema["required"] for name in slots)


def test_a_definition_that_holds_itself_ends() -> None:
    tree = {"properties": {"next": {"$ref": "#/$defs/Tree"}}}
    assert resolved({"$ref": "#/$defs/Tree"}, {"Tree": tree}) == {"properties": {"next": {}}}
