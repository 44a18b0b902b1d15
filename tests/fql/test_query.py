"""How a text becomes a query, what it can't be, and what a query says when only part of an event is known."""

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segment_mcp.fql import FqlError, Query, parse
from segment_mcp.fql.functions import ARITY

EXPECTED_VALUE = "expected a field, a value, a function or ("


@pytest.mark.parametrize(
    ("text", "position", "message"),
    [
        ("", 0, EXPECTED_VALUE),
        (" \n ", 3, EXPECTED_VALUE),
        ("event = ", 8, EXPECTED_VALUE),
        ("event = 'a' and", 15, EXPECTED_VALUE),
        ("type = 'x", 7, "no quote closes this text"),
        ('userId = oops"', 13, "no quote closes this text"),
        ("event == 'A'", 7, "equality is one ="),
        ("a = b = c", 6, "expected and, or, the end"),
        ("a && b", 2, "write and"),
        ("a || b", 2, "write or"),
        ("event 'A'", 6, "expected a comparison (= != > >= < <= in), and, or, the end"),
        ("type = 'track', event = 'A'", 14, "expected and, or, the end"),
        ("(type = 'track'", 15, "expected and, or, )"),
        ("type = 'track')", 14, "expected and, or, the end"),
        ("type in ['a' 'b']", 13, "a comma, ]"),
        ("type in [", 9, "]"),
        ("length(event", 12, "a comma, )"),
        ("length(a, b)", 0, "length takes 1 argument(s), not 2"),
        ("contains(a)", 0, "contains takes 2 argument(s), not 1"),
        ("length()", 0, "length takes 1 argument(s), not 0"),
        ("x = 1 and size(y)", 10, "no function is called 'size'"),
        ("Contains(a, 'b')", 0, "no function is called 'Contains'"),
        ("properties. = 1", 12, "the next part of the field's path"),
        (".a", 0, EXPECTED_VALUE),
        ("9a = 1", 1, "expected a comparison"),
        ("a = 5.", 5, "expected and, or, the end"),
        ("a = 1e5", 5, "expected and, or, the end"),
        ("a = -", 4, EXPECTED_VALUE),
        ("a = !b", 4, EXPECTED_VALUE),
        ("a not in ['b']", 2, "expected a comparison"),
        ("größe = 1", 2, "found '\\xf6\\xdfe = 1'"),
        ("a = $b", 4, "found '$b'"),
        ("a\\", 1, "a backslash escapes one character"),
        ("!", 1, EXPECTED_VALUE),
    ],
)
def test_what_is_no_query_is_refused_where_it_goes_wrong(text: str, position: int, message: str) -> None:
    with pytest.raises(FqlError) as refused:
        parse(text)
    assert refused.value.position == position
    assert message in str(refused.value)
    assert isinstance(refused.value, ValueError)


def outcome(text: str) -> Query | FqlError:
    try:
        return parse(text)
    except FqlError as refused:
        return refused


NESTINGS = [
    ("(", "a", ")"),
    ("!", "a", ""),
    ("[", "a", "]"),
    ("lowercase(", "a", ")"),
    ("((x) = 1 and b or ", "a", ") = 1 and b or c"),
    ("length([(a = ", "a", ")])"),
    ("(", "all", ")"),
]


@pytest.mark.parametrize(("opening", "core", "closing"), NESTINGS)
def test_nesting_is_read_up_to_a_bound_and_refused_beyond(opening: str, core: str, closing: str) -> None:
    outcomes = [outcome(opening * depth + core + closing * depth) for depth in range(1, 32)]
    deep = [query for query in outcomes if isinstance(query, Query)][-1]
    assert isinstance(deep.matches({"a": "x"}), bool)
    assert deep.decide({}) in (True, False, None)
    assert deep.fields() <= {"a", "b", "c", "x"}
    with pytest.raises(FqlError, match="nested more than 30 deep at character"):
        parse(opening * 500 + core + closing * 500)


def test_a_text_is_read_up_to_a_length_and_refused_beyond() -> None:
    longest = "a = '" + "x" * 19_994 + "'"
    assert not parse(longest).matches({})
    with pytest.raises(FqlError, match="at most 20000 are read") as refused:
        parse(longest + " ")
    assert refused.value.position == 20_000


def test_many_alternatives_are_no_nesting() -> None:
    text = " or ".join(f"event = 'E{number}'" for number in range(1_000))
    assert parse(text).matches({"event": "E999"})
    assert not parse(text).matches({"event": "E1000"})


def test_equal_texts_are_parsed_once() -> None:
    assert parse("event = 'once'") is parse("event = " + repr("once"))
    assert repr(parse("event = 'once'")) == """Query(text="event = 'once'")"""


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("true", set()),
        ("all", set()),
        ("event = 'A' or event = 'B'", {"event"}),
        ("!contains(lowercase(properties.title), traits.name)", {"properties.title", "traits.name"}),
        ("type in [event, 'x'] and (a.b or !c)", {"type", "event", "a.b", "c"}),
        (r"properties.product\ 1.pri\ce = a\.b.1st", {r"properties.product\ 1.price", r"a\.b.1st"}),
    ],
)
def test_a_query_names_the_fields_that_it_reads(text: str, fields: set[str]) -> None:
    assert parse(text).fields() == fields
    for field in fields:
        assert parse(field).fields() == {field}


KNOWN = {"type": "track", "event": "Order Completed", "name": None, "properties": {"total": 5}}


@pytest.mark.parametrize(
    ("text", "decision"),
    [
        ("type = 'track'", True),
        ("type = 'page'", False),
        ("type = 'track' and event = 'Order Completed'", True),
        ("type = 'track' and userId = 'u'", None),
        ("type = 'page' and userId = 'u'", False),
        ("userId = 'u' and type = 'page'", False),
        ("type = 'track' or userId = 'u'", True),
        ("userId = 'u' or type = 'track'", True),
        ("type = 'page' or userId = 'u'", None),
        ("!(type = 'page' and userId = 'u')", True),
        ("!userId", None),
        ("userId", None),
        ("userId = null", None),
        ("userId = userId", None),
        ("context.page.url = 'x'", None),
        ("name = null", True),
        ("properties.total > 4", True),
        ("properties.missing = null", True),
        ("contains(event, 'Order')", True),
        ("contains(userId, 'u')", None),
        ("contains(event, userId)", None),
        ("lowercase(userId) = 'u'", None),
        ("userId in ['u']", None),
        ("userId in []", False),
        ("'u' in userId", None),
        ("event in ['Order Completed', userId]", True),
        ("event in ['Other', userId]", None),
        ("[event, userId] = [event]", None),
        ("length([userId]) = 1", None),
        ("userId > 1", None),
        ("all", True),
        ("'text'", False),
    ],
)
def test_what_is_unknown_leaves_open_only_what_it_decides(text: str, *, decision: bool | None) -> None:
    assert parse(text).decide(KNOWN) is decision


LARGEST = {"s": "x" * 1_000_000, "long": "*" * 1_000}


@pytest.mark.parametrize(
    ("text", "decision"),
    [
        (" or ".join(["match(s, '*a*b*c')"] * 600), False),
        ("match(lowercase(s), 'x*') and match(s, 'x*')", True),
        ("match(s, '*y') or match(s, '*x')", None),
        ("!match(s, '*y') and !match(s, '*z')", None),
        ("match(s, '*x') or match(s, '*y')", True),
        ("match(s, long)", None),
        ("match(s, '*y') and match(s, '*x')", False),
    ],
)
def test_what_is_matched_is_matched_once_and_within_a_bound(text: str, *, decision: bool | None) -> None:
    query = parse(text)
    assert query.decide(LARGEST) is decision
    assert query.matches(LARGEST) is (decision is True)


NAMES = ["type", "event", "a", "b.c", r"b.d\ e", "properties.list"]
TEXTS = ["", "track", "Ab c", "*", "1.2", "true"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats() | st.sampled_from(TEXTS) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["c", "d e", "list"]), inner),
    max_leaves=6,
)
EVENTS = st.dictionaries(st.sampled_from(["type", "event", "a", "b", "properties"]), JSON)
VALUES = st.recursive(
    st.sampled_from([*NAMES, *(repr(text) for text in TEXTS), "1", "-0.5", "null", "true", "false", "[]"]),
    lambda inner: (
        st.builds("[{}, {}]".format, inner, inner)
        | st.builds(
            "{}({})".format,
            st.sampled_from(
                sorted(set(ARITY) - {"contains", "match", "semver"}),
            ),
            inner,
        )
        | st.builds("{}({}, {})".format, st.sampled_from(["contains", "match"]), inner, inner)
        | st.builds("semver({}, {}, {})".format, inner, st.sampled_from(["'>='", "'='", "a"]), inner)
    ),
    max_leaves=4,
)
QUERIES = st.recursive(
    VALUES | st.builds("{} {} {}".format, VALUES, st.sampled_from(["=", "!=", "<", "<=", ">", ">=", "in"]), VALUES),
    lambda inner: (
        st.builds("({} {} {})".format, inner, st.sampled_from(["and", "or", "AND", "OR"]), inner)
        | st.builds("!({})".format, inner)
        | st.builds("({}) = ({})".format, inner, inner)
    ),
    max_leaves=5,
)


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=30) | st.text(alphabet="ab.\\'\"!=<>()[], 1-+nulandtrue\n", max_size=30))
def test_no_text_raises_anything_but_an_fql_error(text: str) -> None:
    result = outcome(text)
    if isinstance(result, FqlError):
        assert 0 <= result.position <= len(text)
    else:
        assert result.matches({}) in (True, False)


@settings(max_examples=100, deadline=None)
@given(QUERIES, EVENTS, st.sets(st.sampled_from(["type", "event", "a", "b", "properties"])))
def test_a_decision_on_part_of_an_event_holds_for_the_whole(text: str, event: dict[str, Any], hidden: set[str]) -> None:
    query = parse(text)
    answer = query.matches(event)
    known = {name: value for name, value in event.items() if name not in hidden}
    assert query.decide(known) in (answer, None)
    assert query.decide(dict.fromkeys(["type", "event", "a", "b", "properties"]) | event) is answer


def test_no_event_is_too_deep_or_too_large() -> None:
    deep: Any = "x"
    twin: Any = "x"
    for _ in range(20_000):
        deep, twin = [deep], [twin]
    event = {"a": deep, "b": twin, "n": 10**5_000, "f": math.inf}
    assert parse("a = b and a in [b]").matches(event)
    assert parse("string(a) = null and string(n) = null and n > 1 and f > 1").matches(event)
    assert parse("string(f) = 'Infinity' and number(n) = n").matches(event)
