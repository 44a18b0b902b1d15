"""What queries mean, by the docs (api/public-api/fql.md) and by what Segment's own packages answered."""

import json
from pathlib import Path
from typing import Any

import pytest

from segment_mcp.fql import parse

RECORDED: dict[str, Any] = json.loads((Path(__file__).parent / "vectors.json").read_text(encoding="utf-8"))
"""Expected results; its own first sentence says where they were recorded."""

ORDER = {
    "type": "track",
    "event": "Order Completed",
    "userId": "u-17",
    "context": {"library": {"name": "analytics-node", "version": "2.4.1"}, "a.b": {"c d": 1}},
    "properties": {
        "total": 19.5,
        "items": 3,
        "gift": True,
        "refunded": False,
        "coupon": None,
        "tags": ["new", 7, None, True, ["deep"]],
        "address": {"city": "Zürich", "zip": "8000"},
        "same address": {"city": "Zürich", "zip": "8000"},
        "turned": {"zip": "8000", "city": "Zürich"},
        "1st": "yes",
        "in": "kw",
        "empty": "",
    },
}

TRUE = [
    "event = 'Order Completed'",
    'event = "Order Completed"',
    'event="Order Completed"',
    "event = 'Order Shipped' or type = 'track'",
    "type = 'page' or type = 'screen' or type = 'track'",
    "type = 'track' and properties.total > 10 and properties.items <= 3",
    "type='track'AND event = 'Order Completed'",
    "(type = 'track') AND (event = '' OR event != null)",
    "properties.gift",
    "!properties.refunded",
    "! properties.refunded",
    "!!properties.gift",
    "!(type in ['page', 'screen'])",
    "! type = 'page'",
    "true",
    "all",
    " ( all ) ",
    "properties.total = 19.5",
    "properties.items = 3.0",
    "properties.items > -1",
    "properties.items < +3.5",
    "19 < properties.total",
    "'new' in properties.tags",
    "7 in properties.tags",
    "null in properties.tags",
    "properties.items in [1, 2, 3]",
    "properties.items in [ length('abc') ]",
    "type in [event, type]",
    "properties.coupon = null",
    "properties.missing = null",
    "missing.at.all = null",
    "type.of.text = null",
    "properties.tags.0 = null",
    "properties.tags = ['new', 7, null, true, ['deep']]",
    "properties.address = properties.same\\ address",
    "properties.address != properties.turned",
    "context.a\\.b.c\\ d = 1",
    "properties.1st = 'yes' and properties.in = 'kw'",
    "properties\n .\n total > 1",
    "contains(event, 'Comp')",
    "contains ( event , 'Comp' )",
    "!contains(properties.missing, 'x')",
    "match(event, 'Order *')",
    "match(context.library.version, '2.*.?')",
    "match(lowercase(event), 'order c[a-z]mpleted')",
    "lowercase(event) = 'order completed'",
    "uppercase(type) = 'TRACK'",
    "snakecase(event) = 'Order_Completed'",
    "kebabcase('two  words') = 'two--words'",
    "titlecase('ab cd') = 'Ab Cd'",
    "length(event) = 15",
    "length(properties.address.city) = 7",
    "length('ア') = 3",
    "length(properties.tags) = 5",
    "typeof(event) = 'string' and typeof(properties.total) = 'number' and typeof(properties.tags) = 'list'",
    "typeof(properties.gift) = 'bool' and typeof(nothing) = 'null' and typeof(properties) = 'object'",
    "(typeof(properties.gift) = 'bool') = true",
    "bool('yes') and bool(1) and bool([0])",
    "!bool('') and !bool('False') and !bool(0) and !bool([]) and !bool(null)",
    "string(19.50) = '19.5' and string(2.0) = '2' and string(true) = 'true' and string(null) = ''",
    "string([1, 'é', null]) = '[1,\"é\",null]'",
    "number('12.5') = 12.5 and number(4) = 4 and number('-1e3') = -1000",
    "number('twelve') = null and number('') = null and number(null) = null and number(true) = null",
    "semver(context.library.version, '>=', '2.4') and !semver(context.library.version, '<', '2.4.1')",
    "!semver('2.4.1.0', '>', '1') and !semver('x', '!=', '1')",
    "!semver(nothing, '=', '0') and !semver('1', '~', '1')",
    "userId != 'it\\'s'",
    "match = null and in = null and or = null and contains.x = null",
    "null.x = null and true.y = null and nullify = null",
]
FALSE = [
    "false",
    "null",
    "'true'",
    "1",
    "event",
    "Event = 'Order Completed'",
    "type = track",
    "type = 'identify' or 'page'",
    "event = 'order completed'",
    "type = 'page' and type = 'track'",
    "properties.total",
    "properties.total or properties.items",
    "properties.gift = 'true'",
    "properties.gift = 1",
    "properties.items = '3'",
    "properties.total > '1'",
    "event > 'A'",
    "null < 1",
    "properties.gift >= 0",
    "'track' in type",
    "'x' in nothing",
    "1 in [true, '1']",
    "contains(properties.tags, 'new')",
    "contains('1', 1)",
    "match(nothing, '*')",
    "match(event, 'Order')",
    "match(event, 'order*')",
    "lowercase(properties.total) != null",
    "lowercase(null) != null",
    "length(nothing) != 0",
    "length(properties.total) = 0",
    "length(properties.address) = 2",
    "length(properties.address) >= 0",
    "[1, 2] = [2, 1]",
    "[1] = [1, 1]",
    "[true] = [1]",
]


@pytest.mark.parametrize("text", TRUE)
def test_a_query_that_is_true_of_the_order(text: str) -> None:
    assert parse(text).matches(ORDER)


@pytest.mark.parametrize("text", FALSE)
def test_a_query_that_is_false_of_the_order(text: str) -> None:
    assert not parse(text).matches(ORDER)


@pytest.mark.parametrize("rows", ["triggers", "filters"])
def test_segments_packages_answered_the_same(rows: str) -> None:
    assert len(RECORDED[rows]) > 250
    assert [row for row in RECORDED[rows] if parse(row[0]).matches(row[1]) is not row[2]] == []


@pytest.mark.parametrize(
    ("text", "event", "expected"),
    [
        # @segment/destination-subscriptions answers the opposite to each of these; the docs decide.
        ("!contains(properties.plan, 'free')", {}, True),
        ("!match(properties.plan, 'free*')", {"properties": {"plan": 5}}, True),
        ("properties.seats != 5", {"properties": {"seats": "5"}}, True),
        ("properties.seats != 5", {}, True),
        ("userId = 5", {"userId": "5"}, False),
        ("event = true", {"event": "true"}, False),
        ("type = 'track'", {"type": "track"}, True),
        ("match(event, 'a?*')", {"event": "abc"}, True),
        ("match(event, 'a*c')", {"event": "abc"}, True),
        ("type = 'track' or event = 'A' and name = 'B'", {"type": "track"}, True),
        ("event = 'A' and name = 'B' or type = 'track'", {"event": "A"}, False),
        ("! type = 'track'", {"type": "track"}, False),
        ("((event = 'A' or event = 'B') and type = 'track') or type = 'page'", {"type": "page"}, True),
        ("properties.and = 'x' and properties.1st = null", {"properties": {"and": "x"}}, True),
        # @segment/tsub answers the opposite to each of these, or fails; the docs decide.
        ("properties.x = null", {}, True),
        ("length(properties.x) = 0", {}, True),
        ("length(event) = 2", {"event": "é"}, True),
        ("'a' in properties.list", {"properties": {"list": ["a"]}}, True),
        ("'a' in properties.list", {"properties": {"list": "a"}}, False),
        ("[1] = properties.list", {"properties": {"list": [1]}}, True),
        ("a\\.b = 1", {"a.b": 1}, True),
        ("a\\.b = 1", {"a": {"b": 1}}, False),
        ("typeof(a) = 'bool' and typeof(b) = 'list'", {"a": True, "b": []}, True),
        ("contains(lowercase(event), 'x')", {"event": "X"}, True),
        ("match(event, 'a?b')", {"event": "a\U0001f600b"}, True),
        ("lowercase(event) and type = 'track'", {"event": "A", "type": "track"}, False),
    ],
)
def test_where_segments_packages_differ_the_docs_decide(text: str, event: dict[str, Any], *, expected: bool) -> None:
    assert parse(text).matches(event) is expected


@pytest.mark.parametrize(
    ("literal", "value"),
    [
        ("'plain'", "plain"),
        ('"it\'s"', "it's"),
        ("'say \"hi\"'", 'say "hi"'),
        (r"'it\'s'", "it's"),
        (r'"say \"hi\""', 'say "hi"'),
        (r'"C:\"', "C:\\"),
        (r"'\'", "\\"),
        (r"'ab\*d'", r"ab\*d"),
        (r"'a\\b'", r"a\\b"),
        (r"'a\nb'", r"a\nb"),
        ("'two\nlines'", "two\nlines"),
        ("''", ""),
    ],
)
def test_a_backslash_in_a_text_stays_unless_it_keeps_a_quote_inside(literal: str, value: str) -> None:
    assert parse(f"event = {literal}").matches({"event": value})
    assert parse(f"(event in [{literal},null])").matches({"event": value})
    assert parse(f"{literal} = event and x = 'y'").matches({"event": value, "x": "y"})


def test_numbers_are_exact_however_long() -> None:
    assert parse("n = 9007199254740993").matches({"n": 9007199254740993})
    assert not parse("n = 9007199254740993").matches({"n": 9007199254740992})
    assert parse(f"n < {'9' * 400}").matches({"n": 10**300})
    assert parse("n != n").matches({"n": float("nan")})


def test_globs_match_as_segments_package_does() -> None:
    rows = RECORDED["globs"]
    assert len(rows) > 150
    query = parse("match(text, pattern)")
    assert [row for row in rows if query.matches({"pattern": row[0], "text": row[1]}) is not row[2]] == []


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("*", "", True),
        ("a*d", "abcd", True),
        ("ab", "abc", False),
        ("a??d", "abcd", True),
        ("*d", "abcd", True),
        (r"ab\*d", "ab*d", True),
        (r"ab\*d", "abcd", False),
        ("ab[cC]d", "abCd", True),
        ("ab[a-z]d", "abcd", True),
        ("ab[A-Z]d", "abcd", False),
        ("[^b]", "a", True),
        ("[^b]", "b", False),
        ("[b^]", "^", True),
        ("[a-cb-d]", "b", True),
        ("[z-a]", "m", False),
        (r"[\]]", "]", True),
        ("a/*", "a/b/c", True),
        ("]-", "]-", True),
        ("[]a]", "a", False),
        ("[-a]", "a", False),
        ("[a-]", "a", False),
        ("[a", "a", False),
        ("[", "[", False),
        ("a\\", "a\\", False),
        ("", "", True),
        ("", "a", False),
        ("é?", "é\U0001f600", True),
        ("\ud800*", "\ud800x", True),
    ],
)
def test_a_glob_fits_the_whole_text_or_not(pattern: str, text: str, *, expected: bool) -> None:
    assert parse("match(text, pattern)").matches({"pattern": pattern, "text": text}) is expected


def test_a_glob_of_many_stars_ends() -> None:
    hostile = {"pattern": "*a" * 2_000 + "*b", "text": "a" * 20_000}
    assert not parse("match(text, pattern)").matches(hostile)
    assert parse("match(text, pattern)").matches(hostile | {"text": "a" * 20_000 + "b"})
