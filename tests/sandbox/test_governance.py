"""Tracking plans and schema settings: what passes, what is omitted, what is blocked, and where it goes then."""

import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from segment_mcp.sandbox.governance import Governor, Verdict, controls_of
from segment_mcp.sandbox.rules import ROOT, Rules, check
from segment_mcp.sandbox.tracking_plans import TrackingPlan

from .scenery import DRAFT, Scenery, names, rule
from .world import calls_today, source_id

PLANNED = rule("TRACK", "Paid", properties=names("total", total="number", coupon="string"))
COMMON = rule("COMMON", context=names("locale", locale="string"))
FINE = {"total": 1}
WRONG = {"total": "1"}
LOCALE = {"locale": "de"}


def judge(settings: Mapping[str, Any], message: Mapping[str, Any], *rules: Mapping[str, Any]) -> Verdict:
    plan = TrackingPlan({"id": "tp_1", "name": "P"}, tuple(rules))
    return Governor("src", Rules(plan), controls_of(settings)).judge({"messageId": "m", "context": {}, **message})


def track(properties: Mapping[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return {"type": "track", "event": "Paid", "properties": FINE if properties is None else properties, **more}


class TestBlocking:
    @pytest.mark.parametrize(
        ("settings", "message", "code"),
        [
            ({}, track(WRONG), None),
            ({"allowEventOnViolations": False}, track(WRONG, context=LOCALE), "schema_violation"),
            ({"allowEventOnViolations": False}, track({}, context=LOCALE), "schema_violation"),
            ({"allowEventOnViolations": False}, track(), None),  # the COMMON rule has a control of its own
            ({"allowUnplannedEvents": False}, track(context=LOCALE), None),
            ({"allowUnplannedEvents": False}, track(WRONG, context=LOCALE), None),
            ({"allowUnplannedEvents": False}, track(event="paid", context=LOCALE), "unplanned"),
            ({"allowUnplannedEvents": False}, track(event="Paid ", context=LOCALE), "unplanned"),
            ({"allowUnplannedEvents": False}, track(event="paid"), "unplanned_and_schema_violation"),
            ({"commonEventOnViolations": "BLOCK"}, track(), "common_schema_violation"),
            ({"commonEventOnViolations": "BLOCK"}, track(event="Other"), "common_schema_violation"),
            ({"commonEventOnViolations": "BLOCK"}, track(context=LOCALE), None),
            ({"commonEventOnViolations": "BLOCK", "allowEventOnViolations": False}, track(WRONG), "schema_violation"),
            ({"commonEventOnViolations": "ALLOW"}, track(), None),
        ],
    )
    def test_of_track_events_has_segments_reasons(
        self, settings: dict[str, Any], message: dict[str, Any], code: str | None
    ) -> None:
        assert judge({"track": settings}, message, PLANNED, COMMON).blocked == code

    @pytest.mark.parametrize("kind", ["identify", "group"])
    def test_of_traits_is_for_the_common_rule_alone(self, kind: str) -> None:
        planned = rule(kind.upper(), traits=names("email", email="string"))
        everything = {"allowUnplannedTraits": False, "allowTraitsOnViolations": False}
        message = {"type": kind, "traits": {"email": 1, "age": 4}}
        assert judge({kind: everything}, message, planned, COMMON).blocked is None
        blocking = {kind: {**everything, "commonEventOnViolations": "BLOCK"}}
        assert judge(blocking, message, planned, COMMON).blocked == "common_schema_violation"

    @pytest.mark.parametrize("kind", ["page", "screen", "alias"])
    def test_is_not_for_other_messages(self, kind: str) -> None:
        strict = {"allowUnplannedEvents": False, "allowEventOnViolations": False, "commonEventOnViolations": "BLOCK"}
        traits = {"allowUnplannedTraits": False, "commonEventOnViolations": "BLOCK"}
        settings = {"track": strict, "identify": traits, "group": traits}
        planned = rule(kind.upper(), properties=names("path", path="string"))
        found = judge(settings, {"type": kind, "properties": {"path": 1, "else": 2}}, planned, COMMON)
        assert found.blocked is None
        assert found.message["properties"] == {"path": 1, "else": 2}
        assert {"context.locale"} <= {violation.field for violation in found.violations}


class TestOmitting:
    @pytest.mark.parametrize(
        ("settings", "properties", "left", "omitted", "violating"),
        [
            ({}, {"total": 1, "x": 2}, {"total": 1, "x": 2}, [], []),
            ({"allowUnplannedEventProperties": False}, {"total": 1, "x": 2}, {"total": 1}, ["x"], []),
            ({"allowUnplannedEventProperties": False}, {"total": "1", "x": 2}, {"total": "1"}, ["x"], []),
            ({"allowPropertiesOnViolations": False}, {"total": "1", "x": 2}, {"x": 2}, [], ["total"]),
            ({"allowPropertiesOnViolations": False}, {"x": 2}, {"x": 2}, [], []),  # what is missing takes nothing
            (
                {"allowPropertiesOnViolations": False, "allowUnplannedEventProperties": False},
                {"total": "1", "coupon": "c", "x": 2},
                {"coupon": "c"},
                ["x"],
                ["total"],
            ),
        ],
    )
    def test_leaves_what_the_controls_allow_and_says_what_went(
        self,
        settings: dict[str, Any],
        properties: dict[str, Any],
        left: dict[str, Any],
        omitted: list[str],
        violating: list[str],
    ) -> None:
        found = judge({"track": settings}, track(properties), PLANNED)
        assert (found.blocked, found.message["properties"]) == (None, left)
        told = found.message["context"].get("protocols", {"omitted": [], "omitted_on_violation": []})
        assert (told["omitted"], told["omitted_on_violation"]) == (omitted, violating)

    def test_takes_every_property_of_an_event_that_no_rule_is_for(self) -> None:
        settings = {"track": {"allowUnplannedEventProperties": False}}
        assert judge(settings, track(event="Other"), PLANNED).message["properties"] == {}
        assert (
            judge({"identify": {"allowUnplannedTraits": False}}, {"type": "identify", "traits": {"a": 1}}).message[
                "traits"
            ]
            == {}
        )

    def test_on_a_common_violation_comes_after_the_rule_and_sees_what_that_left(self) -> None:
        common = rule("COMMON", properties=names(total="string", coupon="string"))
        settings = {"track": {"commonEventOnViolations": "OMIT_PROPERTIES", "allowPropertiesOnViolations": False}}
        found = judge(settings, track({"total": "1", "coupon": 5}), PLANNED, common)
        assert found.message["properties"] == {}
        assert [each.field for each in found.violations] == ["properties.total", "properties.coupon"]
        traits = rule("COMMON", traits=names(age="number"))
        omitting = {"group": {"commonEventOnViolations": "OMIT_TRAITS"}}
        left = judge(omitting, {"type": "group", "traits": {"age": "4", "name": "n"}}, traits).message
        assert left["traits"] == {"name": "n"}

    def test_of_something_deeper_takes_the_property_that_holds_it(self) -> None:
        cart = {"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]}
        deep = rule("TRACK", "Paid", properties={"properties": {"cart": cart, "n": {"additionalProperties": False}}})
        settings = {"track": {"allowPropertiesOnViolations": False}}
        found = judge(settings, track({"cart": {}, "n": {"x": 1}, "total": 1}), deep)
        assert found.message["properties"] == {"total": 1}

    def test_does_not_change_the_message_that_came(self) -> None:
        message = track({"total": "1", "x": 1}, context={"locale": "de", "protocols": {"event_version": 1}})
        strict = {"allowPropertiesOnViolations": False, "allowUnplannedEventProperties": False}
        found = judge({"track": strict}, message, PLANNED)
        assert message["properties"] == {"total": "1", "x": 1}
        assert message["context"] == {"locale": "de", "protocols": {"event_version": 1}}
        assert found.message["context"]["protocols"]["event_version"] == 1


class TestViolations:
    def test_are_told_in_the_message_that_passes(self) -> None:
        found = judge({}, track({"total": "1"}), PLANNED, COMMON)
        told = [
            {
                "type": "Invalid Type",
                "field": "properties.total",
                "description": "Invalid type. Expected: number, given: string",
            },
            {"type": "Required", "field": "context.locale", "description": "context.locale is required"},
        ]
        assert found.message["context"] == {
            "protocols": {"sourceId": "src", "omitted": [], "omitted_on_violation": [], "violations": told},
            "violations": told,
        }

    def test_are_told_of_nothing_where_there_are_none(self) -> None:
        message = {"messageId": "m", "context": {}, **track()}
        assert judge({}, track(), PLANNED).message == message

    @pytest.mark.parametrize("context", ["text", ["list"]])
    def test_are_not_told_in_a_context_that_is_no_object(self, context: Any) -> None:
        found = judge({}, track({"total": "1"}, context=context), PLANNED)
        assert (len(found.violations), found.message["context"]) == (1, context)

    @pytest.mark.parametrize(
        ("schema", "message", "found"),
        [
            ({"required": ["userId"]}, {}, ("Required", "userId")),
            ({"properties": {"n": {"minimum": 3}}}, {"n": 1}, ("Minimum", "n")),
            ({"properties": {"n": {"maxLength": 1}}}, {"n": "ab"}, ("Max Length", "n")),
            ({"properties": {"n": {"enum": ["a"]}}}, {"n": "b"}, ("Enum", "n")),
            ({"properties": {"n": {"format": "date-time"}}}, {"n": "today"}, ("Format", "n")),
            ({"properties": {"n": {"items": {"type": ["string", "null"]}}}}, {"n": [1]}, ("Invalid Type", "n.0")),
            ({"properties": {"n": {"additionalProperties": False}}}, {"n": {"x": 1}}, ("Additional Property", "n.x")),
            ({"not": {"required": ["n"]}}, {"n": 1}, ("Not", ROOT)),
            (False, {}, ("Not", ROOT)),
        ],
    )
    def test_have_a_type_and_a_field(self, schema: Any, message: Any, found: tuple[str, str]) -> None:
        (finding,) = check(schema).findings(message)
        assert finding.violation[:2] == found

    def test_repeat_no_value_of_the_message(self) -> None:
        schema = {"properties": {"card": {"pattern": "^x", "maxLength": 1, "enum": ["a"], "format": "email"}}}
        for finding in check(schema).findings({"card": "4111111111111111"}):
            assert "4111" not in finding.violation.description


class TestVersions:
    OLD = rule("TRACK", "Paid", 1, properties=names("old", old="number"))
    NEW = rule("TRACK", "Paid", 2, properties=names("new", new="number"))

    @pytest.mark.parametrize(
        ("context", "missing"),
        [
            ({}, "properties.old"),  # the oldest, as Segment documents it
            ({"protocols": {"event_version": 2}}, "properties.new"),
            ({"protocols": {"event_version": 2.0}}, "properties.new"),
            ({"protocols": {"event_version": 1}}, "properties.old"),
            ({"protocols": {"event_version": 3.2}}, "properties.old"),
            ({"protocols": {"event_version": 7}}, "properties.old"),
            ({"protocols": {"event_version": "2"}}, "properties.old"),
            ({"protocols": {"event_version": True}}, "properties.old"),
            ({"protocols": 2}, "properties.old"),
            ("text", "properties.old"),
        ],
    )
    def test_are_chosen_by_the_event_and_else_the_oldest_holds(self, context: Any, missing: str) -> None:
        for rules in ((self.OLD, self.NEW), (self.NEW, self.OLD)):
            (violation,) = judge({}, track({}, context=context), *rules).violations
            assert violation.field == missing

    @pytest.mark.parametrize(
        ("name", "missing"), [("Cart", "properties.cart"), ("Home", "properties.any"), (None, "properties.any")]
    )
    def test_pages_have_the_rule_of_their_name_or_the_one_without(self, name: str | None, missing: str) -> None:
        rules = rule("PAGE", properties=names("any")), rule("PAGE", "Cart", properties=names("cart"))
        (violation,) = judge({}, {"type": "page", "name": name, "properties": {}}, *rules).violations
        assert violation.field == missing

    def test_rules_of_other_types_are_not_for_this_message(self) -> None:
        others = [rule(kind, "Paid", properties=names("x")) for kind in ("PAGE", "SCREEN", "IDENTIFY", "GROUP")]
        assert judge({}, track(), *others).violations == ()


@pytest.fixture
def asked() -> Iterator[tuple[str, list[str]]]:
    """The address of a server on loopback, and the paths that it was asked for."""
    paths: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            paths.append(self.path)
            self.send_error(404)

        def log_message(self, *_: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        running = threading.Thread(target=server.serve_forever, args=(0.01,))
        running.start()
        yield f"http://127.0.0.1:{server.server_port}", paths
        server.shutdown()
        running.join()


class TestHostileSchemas:
    def test_fetch_nothing(self, asked: tuple[str, list[str]]) -> None:
        address, paths = asked
        for schema in (
            {"$ref": f"{address}/a"},
            {"$id": f"{address}/b/", "properties": {"n": {"$ref": "c.json"}}},
            {"properties": {"n": {"$ref": f"{address}/d#/definitions/x"}}},
        ):
            assert check(schema).findings({"n": 1}) == ()
        assert paths == []

    @pytest.mark.parametrize(
        "schema",
        [
            {"$ref": "#"},
            {"$ref": "#/nowhere"},
            {"$ref": "file:///etc/passwd"},
            {"$ref": "http://["},
            {"$id": "http://[", "properties": {"n": {"$ref": "x"}}},
            {
                "definitions": {"a": {"$ref": "#/definitions/b"}, "b": {"$ref": "#/definitions/a"}},
                "$ref": "#/definitions/a",
            },
            {"properties": {"n": {"multipleOf": 0.1}}},
        ],
    )
    def test_that_can_not_be_evaluated_find_nothing(self, schema: Any) -> None:
        assert check(schema).findings({"n": 10**400}) == ()

    @pytest.mark.parametrize(
        "pattern",
        [
            "(a+)+$",
            "^(a|a)*$",
            "(?:a*)*b",
            "(?P<x>(a{1,})*)+$",
            "(a?){40}a{40}",
            r"(\w+\s?)*$",
            r"\p{L}+",
            "(?<=a+)b",
            "(",
            "(" * 3_000,
            "a{99999999999}",
            "(?#[)^(a|a)*b(?#])",
            "(?x)^(a|a #[\n)*b#]\n",
            "(?ix:^(a|a #[\n)*b#]\n)",
            "a?" * 40 + "a" * 70,
        ],
    )
    def test_patterns_that_explode_or_that_python_can_not_read_are_not_checked(self, pattern: str) -> None:
        text = {"n": "a" * 60 + "!"}
        for schema in (
            {"properties": {"n": {"pattern": pattern}}},
            {"properties": {"n": {"allOf": [{"pattern": pattern}]}}},
            {"properties": {"n": {"$ref": "#/elsewhere"}}, "elsewhere": {"pattern": pattern}},
            {"properties": {"n": {"$ref": "#/default"}}, "default": {"pattern": pattern}},
            {"properties": {"n": {"$schema": DRAFT, "pattern": pattern}}},
            {"patternProperties": {pattern: False}, "additionalProperties": {"type": "string"}},
        ):
            assert check(schema).findings({**text, "a" * 60: "x"}) == ()

    @pytest.mark.parametrize(
        "pattern", ["^[a-z]{2}(-[A-Z]{2})?$", "^(fall|winter|spring)$", r"^(\d{3})+$", "^[(a+)+]$", r"^\(a+\)+$"]
    )
    def test_harmless_patterns_are_checked(self, pattern: str) -> None:
        assert len(check({"properties": {"n": {"pattern": pattern}}}).findings({"n": "summer time"})) == 1

    def test_patterns_are_not_joined(self) -> None:
        schema = {"additionalProperties": False, "patternProperties": {"^(a": True, "a)*b": True}}
        assert len(check(schema).findings({"a" * 60: 1})) == 1

    @pytest.mark.parametrize("pattern", ["(" * 3_000, "a{99999999999}"])
    def test_a_pattern_that_can_not_be_read_plans_no_name(self, pattern: str) -> None:
        planned = rule("TRACK", "Paid", properties={"patternProperties": {pattern: True, "^b": True}})
        settings = {"track": {"allowUnplannedEventProperties": False}}
        assert judge(settings, track({"a": 1, "b": 1}), planned).message["properties"] == {"b": 1}

    @pytest.mark.parametrize("last", [{"type": "object"}, {"$schema": DRAFT, "type": "object"}])
    def test_that_double_themselves_find_nothing(self, last: Any) -> None:
        twice = {f"d{n}": {"allOf": [{"$ref": f"#/definitions/d{n + 1}"}] * 2} for n in range(30)}
        schema = {"$schema": DRAFT, "definitions": {**twice, "d30": last}, "allOf": [{"$ref": "#/definitions/d0"}]}
        assert check({**schema, "required": ["n"]}).findings({"a": 1}) == ()

    @pytest.mark.parametrize(
        ("items", "found"),
        [
            ([{"id": number} for number in range(3_000)], 0),
            ([{"id": number, "x": [1]} for number in range(100)] + [{"x": [1.0], "id": 7}], 1),
            ([1, True, 0, False, "1", None, [], {}], 0),
            ([1, 1.0], 1),
        ],
    )
    def test_items_are_unique_where_no_two_are_equal(self, items: list[Any], found: int) -> None:
        assert len(check({"properties": {"n": {"uniqueItems": True}}}).findings({"n": items})) == found

    def test_names_that_are_words_of_json_schema_are_names(self) -> None:
        schema = {
            "properties": {"pattern": {"type": "string"}, "default": {"type": "string"}, "enum": {"type": "string"}}
        }
        findings = check(schema).findings({"pattern": 1, "default": 1, "enum": 1})
        assert len(findings) == len(schema["properties"])

    def test_a_message_has_no_more_than_a_hundred_violations(self) -> None:
        schema = {"properties": {"n": {"items": {"type": "string"}}}}
        assert len(check(schema).findings({"n": [1] * 5_000})) == 100


class TestThroughTheSandbox:
    async def test_a_blocked_event_is_received_filtered_and_gone(self, scenery: Scenery) -> None:
        await scenery.plan(PLANNED)
        await scenery.settings(track={"allowUnplannedEvents": False, "allowEventOnViolations": False})
        hook = await scenery.destination()
        await scenery.subscribe(hook)
        await scenery.send(properties=FINE)
        await scenery.send(event="Lost", context={"app": {"version": "7"}})
        await scenery.send(properties=WRONG)
        assert await scenery.count("successfully-received") == 3
        assert await scenery.reasons("filtered-at-source") == {"unplanned": 1, "schema_violation": 1}
        lost = {"filter.eventName": "Lost", "filter.appVersion": "7", "filter.eventType": "track"}
        assert await scenery.reasons("filtered-at-source", **lost) == {"unplanned": 1}
        assert await scenery.ended(hook) == {"successes.attempt.1": 1}
        events = await scenery.events()
        assert [each.get("blocked") for each in events] == [None, "unplanned", "schema_violation"]
        assert [each["destinations"] for each in events] == [[hook], [], []]

    async def test_a_blocked_event_is_no_api_call_and_no_user(self, client: Any, scenery: Scenery) -> None:
        await scenery.plan(PLANNED)
        await scenery.settings(track={"allowUnplannedEvents": False})
        await scenery.send(event="Lost")
        assert await calls_today(client, "scenery") == 0
        await scenery.send(properties=FINE)
        assert await calls_today(client, "scenery") == 1

    async def test_a_repeat_of_a_blocked_event_is_a_repeat(self, scenery: Scenery) -> None:
        await scenery.plan(PLANNED)
        await scenery.settings(track={"allowUnplannedEvents": False})
        for _ in range(2):
            await scenery.send(event="Lost", messageId="m1")
        assert await scenery.reasons("filtered-at-source") == {"unplanned": 1}
        assert [each["repeats"] for each in await scenery.events()] == [1]

    async def test_blocked_events_are_forwarded_past_the_other_sources_plan(
        self, client: Any, scenery: Scenery
    ) -> None:
        other, _ = await scenery.add_source("quarantine")
        await scenery.plan(PLANNED)
        strict = {"allowUnplannedEvents": False}
        await scenery.settings(track=strict, forwardingBlockedEventsTo=other)
        await client.patch(f"/sources/{other}/settings", json={"track": strict, "forwardingBlockedEventsTo": other})
        hook = await scenery.destination(source=other)
        await scenery.subscribe(hook)
        await scenery.send(event="Lost", messageId="m1", properties={"a": 1}, timestamp="2026-05-20T11:00:00Z")
        (forwarded,) = await scenery.events(other)
        assert (forwarded["messageId"], forwarded["event"]) == ("m1", "Lost")
        assert (forwarded["forwardedFrom"], forwarded["destinations"]) == (scenery.source, [hook])
        assert forwarded["timestamp"] == "2026-05-20T11:00:00.000Z"
        assert forwarded["deliveries"][0]["payload"]["data"] == {"a": 1}
        assert await scenery.count("successfully-received", source=other) == 1
        assert await scenery.count("filtered-at-source", source=other) == 0
        assert await calls_today(client, "quarantine") == 1

    @pytest.mark.parametrize("setting", ["forwardingBlockedEventsTo", "forwardingViolationsTo"])
    async def test_forwarding_to_itself_ends(self, scenery: Scenery, setting: str) -> None:
        await scenery.plan(PLANNED)
        await scenery.settings(track={"allowEventOnViolations": False}, **{setting: scenery.source})
        await scenery.send(properties=WRONG)
        assert await scenery.count("successfully-received") == 2

    async def test_what_is_forwarded_to_a_disabled_source_fails_there(self, client: Any, scenery: Scenery) -> None:
        disabled = await source_id(client, "android-legacy")
        await scenery.plan(PLANNED)
        await scenery.settings(track={"allowUnplannedEvents": False}, forwardingBlockedEventsTo=disabled)
        await scenery.send(event="Lost")
        assert await scenery.reasons("failed-on-ingest", source=disabled) == {"source_disabled": 1}

    async def test_each_violation_is_forwarded_as_segment_documents_it(self, scenery: Scenery) -> None:
        other, _ = await scenery.add_source("violations")
        plan = await scenery.plan(PLANNED, COMMON)
        await scenery.settings(forwardingViolationsTo=other)
        hook = await scenery.destination(source=other)
        await scenery.subscribe(hook, data={"@path": "$."})
        app = {"app": {"version": "7"}, "library": {"name": "mine", "version": "1"}}
        times = {"sentAt": "2026-05-20T12:00:00Z", "timestamp": "2026-05-20T11:00:00Z"}
        await scenery.send(messageId="m1", properties=WRONG, context=app, **times)
        assert await scenery.count("filtered-at-source") == 0
        first, second = await scenery.events(other)
        told = first["deliveries"][0]["payload"]["data"]
        assert {**told["properties"]} == {
            "appVersion": "7",
            "eventMessageID": "m1",
            "eventName": "Paid",
            "eventSentAt": "2026-05-20T12:00:00Z",
            "eventTimestamp": "2026-05-20T11:00:00Z",
            "eventType": "track",
            "sourceID": scenery.source,
            "sourceName": "scenery",
            "sourceSlug": "scenery",
            "trackingPlanID": plan,
            "trackingPlanName": "Scenery",
            "violationDescription": "Invalid type. Expected: number, given: string",
            "violationField": "properties.total",
            "violationType": "Invalid Type",
        }
        assert {name: told[name] for name in ("type", "event", "userId", "context", "integrations")} == {
            "type": "track",
            "event": "Violation Generated",
            "userId": "schema-violations",
            "context": app,
            "integrations": {},
        }
        assert told["forwardedFromProject"] == scenery.source
        assert told["timestamp"] == told["receivedAt"] == first["receivedAt"]
        assert first["messageId"].startswith("sch-")
        assert first["messageId"] != second["messageId"]

    async def test_a_plan_governs_from_when_it_changes(self, client: Any, scenery: Scenery) -> None:
        await scenery.settings(track={"allowUnplannedEvents": False, "allowEventOnViolations": False})
        await scenery.send(event="Lost")
        assert await scenery.count("filtered-at-source") == 0  # without a plan nothing is governed
        plan = await scenery.plan()
        await scenery.send(properties=WRONG)
        await scenery.rules(plan, PLANNED)
        await scenery.send(properties=WRONG)
        assert await scenery.reasons("filtered-at-source") == {"unplanned": 1, "schema_violation": 1}
        await scenery.settings(track={"allowEventOnViolations": True})
        await scenery.send(properties=WRONG)
        await client.delete(f"/tracking-plans/{plan}")
        await scenery.send(event="Lost")
        assert await scenery.count("filtered-at-source") == 2

    async def test_destinations_see_what_was_left_and_what_was_taken(self, scenery: Scenery) -> None:
        await scenery.plan(PLANNED)
        await scenery.settings(track={"allowUnplannedEventProperties": False})
        hook = await scenery.destination()
        await scenery.subscribe(
            hook, "context.protocols.sourceId != null and context.violations != null", data={"@path": "$."}
        )
        await scenery.send(properties={**FINE, "secretSauce": 1})
        (payload,) = await scenery.payloads()
        assert payload["data"]["properties"] == FINE
        assert payload["data"]["context"]["protocols"]["omitted"] == ["secretSauce"]
