"""What a plan and schema settings do with an event: tables of Segment's documented rules, and of where it is silent."""

from typing import Any

import pytest

from segment_mcp.questions.governance import (
    Verdict,
    blocks,
    forwarded_to,
    lets_everything_through,
    loses_blocked,
    rule_for,
    verdict,
)
from tests.questions.asking import rule, track

NUMBER = {"type": "number"}
ORDER = rule(
    "TRACK",
    "Order Completed",
    properties={"properties": {"type": "object", "properties": {"total": NUMBER}, "required": ["total"]}},
)
ORDER_2 = rule("TRACK", "Order Completed", version=2, properties={"properties": {"properties": {"sum": NUMBER}}})
USER = rule("IDENTIFY", properties={"traits": {"type": "object", "properties": {"age": NUMBER}}})
COMMON = rule("COMMON", properties={"context": {"type": "object", "required": ["app"]}}, required=["context"])
APP = {"context": {"app": {"name": "shop"}}}
FORWARD = {"forwardingBlockedEventsTo": "src2"}

GOOD = track("Order Completed", properties={"total": 1})
WRONG = track("Order Completed", properties={"total": "a lot"})
SHORT = track("Order Completed", properties={})
MORE = track("Order Completed", properties={"total": 1, "note": "x", "card": "y"})
OTHER = track("order completed", properties={"total": 1})


def settings(kind: str = "track", **controls: Any) -> dict[str, Any]:
    return {kind: controls}


def shown(found: Verdict) -> tuple[str, str | None, list[str], tuple[str, ...]]:
    return found.outcome, found.code, [violation.field for violation in found.violations], found.omitted


LET: tuple[str, str | None, list[str], tuple[str, ...]] = ("passes", None, [], ())
BROKEN = ["properties.total"]

TRACKED: list[tuple[str, dict[str, Any], list[dict[str, Any]], dict[str, Any] | None, Any]] = [
    ("as planned", GOOD, [ORDER], settings(allowEventOnViolations=False), LET),
    ("no settings: everything passes", WRONG, [ORDER], None, ("passes", None, BROKEN, ())),
    ("a missing setting allows", WRONG, [ORDER], settings(), ("passes", None, BROKEN, ())),
    (
        "a wrong value blocks",
        WRONG,
        [ORDER],
        settings(allowEventOnViolations=False),
        ("blocked_lost", "schema_violation", BROKEN, ()),
    ),
    (
        "a missing value blocks",
        SHORT,
        [ORDER],
        settings(allowEventOnViolations=False),
        ("blocked_lost", "schema_violation", BROKEN, ()),
    ),
    (
        "blocked and forwarded",
        WRONG,
        [ORDER],
        settings(allowEventOnViolations=False) | FORWARD,
        ("blocked_forwarded", "schema_violation", BROKEN, ()),
    ),
    (
        "an empty target is none",
        WRONG,
        [ORDER],
        settings(allowEventOnViolations=False) | {"forwardingBlockedEventsTo": ""},
        ("blocked_lost", "schema_violation", BROKEN, ()),
    ),
    (
        "a wrong value is omitted",
        WRONG,
        [ORDER],
        settings(allowPropertiesOnViolations=False),
        ("omitted", None, BROKEN, ("properties.total",)),
    ),
    (
        "what is missing can't be omitted",
        SHORT,
        [ORDER],
        settings(allowPropertiesOnViolations=False),
        ("passes", None, BROKEN, ()),
    ),
    (
        "to block goes before to omit",
        WRONG,
        [ORDER],
        settings(allowEventOnViolations=False, allowPropertiesOnViolations=False),
        ("blocked_lost", "schema_violation", BROKEN, ()),
    ),
    (
        "unplanned properties are omitted",
        MORE,
        [ORDER],
        settings(allowUnplannedEventProperties=False),
        ("omitted", None, [], ("properties.note", "properties.card")),
    ),
    (
        "unplanned properties are no violation",
        MORE,
        [ORDER],
        settings(allowEventOnViolations=False),
        LET,
    ),
    (
        "names count with their case",
        OTHER,
        [ORDER],
        settings(allowUnplannedEvents=False),
        ("blocked_lost", "unplanned", [], ()),
    ),
    ("unplanned and let through", OTHER, [ORDER], settings(allowUnplannedEvents=True), LET),
    (
        "unplanned, and it breaks the common schema",
        OTHER,
        [ORDER, COMMON],
        settings(allowUnplannedEvents=False),
        ("blocked_lost", "unplanned_and_schema_violation", ["context"], ()),
    ),
    (
        "unplanned and let through: no property is planned",
        OTHER,
        [ORDER],
        settings(allowUnplannedEventProperties=False),
        ("omitted", None, [], ("properties.total",)),
    ),
    (
        "the common schema blocks",
        GOOD,
        [ORDER, COMMON],
        settings(commonEventOnViolations="BLOCK"),
        ("blocked_lost", "common_schema_violation", ["context"], ()),
    ),
    (
        "the common schema is met",
        GOOD | APP,
        [ORDER, COMMON],
        settings(commonEventOnViolations="BLOCK"),
        LET,
    ),
    (
        "the common schema lets pass",
        GOOD,
        [ORDER, COMMON],
        settings(commonEventOnViolations="ALLOW"),
        ("passes", None, ["context"], ()),
    ),
    (
        "the common schema omits properties, never context",
        GOOD,
        [ORDER, COMMON],
        settings(commonEventOnViolations="OMIT_PROPERTIES"),
        ("passes", None, ["context"], ()),
    ),
    (
        "the common schema omits a property",
        MORE,
        [ORDER, rule("COMMON", properties={"properties": {"properties": {"note": NUMBER}}})],
        settings(commonEventOnViolations="OMIT_PROPERTIES"),
        ("omitted", None, ["properties.note"], ("properties.note",)),
    ),
    (
        "the standard controls come first",
        WRONG,
        [ORDER, COMMON],
        settings(allowEventOnViolations=False, commonEventOnViolations="BLOCK"),
        ("blocked_lost", "schema_violation", [*BROKEN, "context"], ()),
    ),
    (
        "the common schema sees what is left",
        MORE,
        [ORDER, rule("COMMON", properties={"properties": {"properties": {"note": NUMBER}}})],
        settings(allowUnplannedEventProperties=False, commonEventOnViolations="BLOCK"),
        ("omitted", None, [], ("properties.note", "properties.card")),
    ),
    ("settings of identify are not those of track", WRONG, [ORDER], settings("identify", allowTraitsOnViolations=False),
     ("passes", None, BROKEN, ())),
]  # fmt: skip


@pytest.mark.parametrize(
    ("event", "rules", "given", "wanted"), [row[1:] for row in TRACKED], ids=[row[0] for row in TRACKED]
)
def test_a_track_event_meets_the_standard_controls_and_then_the_common_schema(
    event: dict[str, Any], rules: list[dict[str, Any]], given: dict[str, Any] | None, wanted: Any
) -> None:
    assert shown(verdict(event, rules, given)) == wanted


IDENTIFIED = {"type": "identify", "userId": "u", "traits": {"age": "old", "pet": "cat"}}


@pytest.mark.parametrize(
    ("controls", "wanted"),
    [
        ({}, ("passes", None, ["traits.age"], ())),
        ({"allowTraitsOnViolations": False}, ("omitted", None, ["traits.age"], ("traits.age",))),
        ({"allowUnplannedTraits": False}, ("omitted", None, ["traits.age"], ("traits.pet",))),
        ({"commonEventOnViolations": "BLOCK"}, ("passes", None, ["traits.age"], ())),
    ],
    ids=["allowed", "violations", "unplanned", "the common schema is another"],
)
def test_traits_of_identify_calls_are_omitted_and_never_block_by_their_own_rule(
    controls: dict[str, Any], wanted: Any
) -> None:
    assert shown(verdict(IDENTIFIED, [USER], settings("identify", **controls))) == wanted


def test_an_identify_call_is_blocked_by_the_common_schema() -> None:
    found = verdict(IDENTIFIED, [COMMON], settings("identify", commonEventOnViolations="BLOCK"))
    assert (found.outcome, found.code, found.planned) == ("blocked_lost", "common_schema_violation", False)


@pytest.mark.parametrize("kind", ["page", "screen", "alias"])
def test_other_calls_are_checked_and_always_pass(kind: str) -> None:
    strict = {name: {"allowUnplannedEvents": False, "commonEventOnViolations": "BLOCK"} for name in (kind, "track")}
    found = verdict({"type": kind, "userId": "u", "previousId": "p"}, [COMMON], strict)
    assert (found.outcome, [one.field for one in found.violations]) == ("passes", ["context"])
    assert found.planned is (None if kind == "alias" else False)


def test_without_a_plan_nothing_is_checked() -> None:
    found = verdict(WRONG, None, settings(allowUnplannedEvents=False, allowEventOnViolations=False))
    assert (found.outcome, found.planned, found.violations) == ("passes", None, ())
    assert "No tracking plan" in found.because


def test_an_empty_plan_plans_nothing() -> None:
    assert verdict(GOOD, [], settings(allowUnplannedEvents=False)).code == "unplanned"


@pytest.mark.parametrize(
    ("version", "wanted"),
    [(None, 1), (1, 1), (2, 2), (3, 1), (2.0, 1), ("2", 1), (True, 1)],
    ids=["none", "the first", "the second", "unheard of", "no whole number", "a text", "no number"],
)
def test_the_version_is_the_wanted_one_or_the_oldest(version: Any, wanted: int) -> None:
    event = GOOD | {"context": {"protocols": {"event_version": version}}}
    assert verdict(event, [ORDER_2, ORDER], None).rule == f"TRACK Order Completed v{wanted}"


@pytest.mark.parametrize(
    ("rules", "event", "wanted"),
    [
        ([rule("PAGE")], {"type": "page", "name": "Home"}, "PAGE"),
        ([rule("PAGE"), rule("PAGE", "Home")], {"type": "page", "name": "Home"}, "PAGE Home v1"),
        ([rule("PAGE", "Home")], {"type": "page", "name": "home"}, None),
        ([rule("TRACK", "Page Viewed")], {"type": "page", "name": "Home"}, "TRACK Page Viewed v1"),
        ([rule("TRACK", "Screen Viewed")], {"type": "page", "name": "Home"}, None),
        ([rule("TRACK", "Screen Viewed")], {"type": "screen"}, "TRACK Screen Viewed v1"),
        ([rule("GROUP"), rule("IDENTIFY")], {"type": "group", "groupId": "g"}, "GROUP"),
    ],
)
def test_other_kinds_find_their_rule_by_kind_and_pages_by_name(
    rules: list[dict[str, Any]], event: dict[str, Any], wanted: str | None
) -> None:
    found = verdict(event | {"userId": "u"}, rules, None)
    assert (found.rule, found.planned) == (wanted, wanted is not None)


def test_a_rule_of_another_kind_is_about_nothing_else() -> None:
    assert rule_for([ORDER], "identify", "Order Completed") is None


def test_what_segment_adds_on_ingest_is_not_missing() -> None:
    strict = rule("COMMON", required=["messageId", "timestamp", "receivedAt", "sentAt", "originalTimestamp", "type"])
    assert verdict(GOOD, [strict], None).violations == ()


def test_a_nested_member_is_omitted_alone_and_an_item_with_its_array() -> None:
    deep = {"type": "object", "properties": {"zip": NUMBER}}
    strict = rule(
        "TRACK",
        "Order Completed",
        properties={"properties": {"properties": {"address": deep, "lines": {"type": "array", "items": deep}}}},
    )
    event = track("Order Completed", properties={"address": {"zip": "x"}, "lines": [{"zip": 1}, {"zip": "y"}]})
    found = verdict(event, [strict], settings(allowPropertiesOnViolations=False))
    assert found.omitted == ("properties.address.zip", "properties.lines")


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ("text", "no JSON schema"),
        ({"type": "text"}, "draft-07"),
        ({"$ref": "https://schemas.example/order"}, "not part of it"),
        ({"properties": {"event": {"pattern": "(a+)+$"}}}, "too long"),
        ({"properties": {"event": {"pattern": "\\p{Lu}"}}}, "can't be read"),
        ({"$ref": "#"}, "can't be applied"),
    ],
)
def test_a_rule_that_cant_be_applied_makes_an_outcome_uncertain(schema: Any, said: str) -> None:
    event = track("a" * 40)
    found = verdict(event, [{"type": "TRACK", "key": "a" * 40, "version": 1, "jsonSchema": schema}], None)
    assert (found.outcome, found.certain) == ("passes", False)
    assert said in found.unread[0]


def test_what_is_blocked_for_another_reason_is_certain_all_the_same() -> None:
    odd = {"type": "COMMON", "version": 1, "jsonSchema": {"$ref": "other.json"}}
    found = verdict(OTHER, [odd], settings(allowUnplannedEvents=False))
    assert (found.code, found.certain) == ("unplanned", True)


def test_long_values_of_the_event_are_not_repeated() -> None:
    secret = "s3cr3t" * 20
    found = verdict(track("Order Completed", properties={"total": secret}), [ORDER], None)
    assert secret not in repr(found)


@pytest.mark.parametrize(
    ("given", "lets", "blocking", "loses"),
    [
        (None, True, False, False),
        ({}, True, False, False),
        (settings(allowUnplannedEvents=True, commonEventOnViolations="ALLOW"), True, False, False),
        (settings(allowUnplannedEvents=False), False, True, True),
        (settings(allowUnplannedEvents=False) | FORWARD, False, True, False),
        (settings(allowEventOnViolations=False), False, True, True),
        (settings(allowUnplannedEventProperties=False), False, False, False),
        (settings("identify", allowUnplannedTraits=False), False, False, False),
        (settings("identify", commonEventOnViolations="BLOCK"), False, True, True),
        (settings("group", commonEventOnViolations="OMIT_TRAITS"), False, False, False),
        (settings("group", commonEventOnViolations="Block"), False, True, True),
        ({"track": None, "forwardingViolationsTo": "src3"}, True, False, False),
    ],
)
def test_settings_let_through_block_or_lose(
    given: dict[str, Any] | None, *, lets: bool, blocking: bool, loses: bool
) -> None:
    assert (lets_everything_through(given), blocks(given), loses_blocked(given)) == (lets, blocking, loses)


def test_blocked_events_go_to_the_source_that_the_settings_name() -> None:
    assert forwarded_to(FORWARD) == "src2"
    assert forwarded_to({}) is None
