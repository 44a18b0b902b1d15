"""Warnings: what Segment takes, and somebody will regret."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings

from segment_mcp.events.advice import CLOCK_SKEW, LONGEST_GROUP_ID, MOST_TRAITS, advice_on
from segment_mcp.events.checks import KINDS, named, problems_of
from segment_mcp.timing import timestamp_of
from tests.events.documents import DOCUMENTS, VALID

NOW = datetime(2026, 5, 20, 12, 0, tzinfo=UTC)
MEMBERS = {
    "identify": "traits", "group": "traits", "alias": "traits",
    "track": "properties", "page": "properties", "screen": "properties",
}  # fmt: skip


def warnings(kind: str, more: dict[str, Any]) -> list[tuple[str, str]]:
    event = {"type": kind, **VALID[kind], **more}
    assert problems_of(event) == []
    return [(problem.code, problem.field) for problem in advice_on(event, NOW)]


@pytest.mark.parametrize("kind", KINDS)
def test_an_ordinary_event_gives_no_warning(kind: str) -> None:
    assert warnings(kind, {}) == []
    assert warnings(kind, {"messageId": "m", "timestamp": timestamp_of(NOW), "traits": {}, "properties": {}}) == []
    assert warnings(kind, {"traits": None, "properties": None, "timestamp": None, "messageId": None}) == []


# Reserved traits and properties

USER = {
    "address": {}, "age": 7, "avatar": "a", "birthday": "2000-02-29", "company": {"name": "c"},
    "createdAt": "2026-01-31T08:00:00Z", "description": "d", "email": "e", "firstName": "f", "gender": "g", "id": "i",
    "lastName": "l", "name": "n", "phone": "p", "title": "t", "username": "u", "website": "w",
}  # fmt: skip
GROUP = {
    "address": {}, "avatar": "a", "createdAt": "2026-01-31", "description": "d", "email": "e", "employees": 7,
    "id": "i", "industry": "i", "name": "n", "phone": "p", "website": "w", "plan": "p",
}  # fmt: skip
RESERVED: list[tuple[str, dict[str, Any]]] = [
    ("identify", USER),
    ("group", GROUP),
    ("track", {"revenue": 9.99, "value": 1, "currency": "EUR"}),
    ("page", {"name": "n", "path": "/", "referrer": "r", "search": "s", "title": "t", "url": "u", "keywords": ["k"]}),
]
ONE_BY_ONE = [(kind, name, value) for kind, members in RESERVED for name, value in members.items()]


@pytest.mark.parametrize(("kind", "members"), RESERVED, ids=[kind for kind, _ in RESERVED])
def test_reserved_members_of_their_own_types_give_no_warning(kind: str, members: dict[str, Any]) -> None:
    assert warnings(kind, {MEMBERS[kind]: members}) == []
    assert warnings(kind, {MEMBERS[kind]: dict.fromkeys(members)}) == []


@pytest.mark.parametrize(("kind", "name", "right"), ONE_BY_ONE, ids=[f"{kind}-{name}" for kind, name, _ in ONE_BY_ONE])
def test_a_reserved_member_of_another_type_is_warned_of(kind: str, name: str, right: Any) -> None:
    others: list[Any] = ["text", True, 7, {"a": 1}, ["a"]]
    types: dict[str, list[type]] = {
        "address": [dict], "company": [dict], "keywords": [list], "age": [int], "revenue": [int], "value": [int],
        "employees": [int, str], "birthday": [], "createdAt": [],
    }  # fmt: skip
    accepted = types.get(name, [str])
    assert warnings(kind, {MEMBERS[kind]: {name: right}}) == []
    for value in others:
        told = [] if type(value) in accepted else [("reserved_type", f"{MEMBERS[kind]}.{name}")]
        assert warnings(kind, {MEMBERS[kind]: {name: value}}) == told, value


@pytest.mark.parametrize(
    ("value", "right"),
    [
        ("2026-01-31T08:00:00Z", True), ("2026-01-31T08:00:00.123+01:00", True), ("2026-01-31", True),
        ("2026-01-31T08:00:00", True), ("31/01/2026", False), ("yesterday", False), ("", False),
        ("2026-02-30", False), (1_767_859_200, False), (1_767_859_200_000.5, False), (["2026-01-31"], False),
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    ("kind", "name"), [("identify", "createdAt"), ("identify", "birthday"), ("group", "createdAt")]
)
def test_a_reserved_date_is_iso_8601(kind: str, name: str, value: Any, *, right: bool) -> None:
    assert warnings(kind, {"traits": {name: value}}) == ([] if right else [("reserved_type", f"traits.{name}")])


def test_what_is_reserved_elsewhere_is_free() -> None:
    assert warnings("track", {"properties": {"email": 7, "name": {}, "createdAt": 0}}) == []
    assert warnings("identify", {"traits": {"revenue": "much", "plan": 7}, "properties": {"email": 7}}) == []
    assert warnings("alias", {"traits": {"email": 7}}) == []


def test_every_reserved_member_is_told_at_once() -> None:
    assert warnings("track", {"properties": {"revenue": "9", "value": "1", "currency": 978}}) == [
        ("reserved_type", "properties.revenue"),
        ("reserved_type", "properties.value"),
        ("reserved_type", "properties.currency"),
    ]


# Limits of Unify


@pytest.mark.parametrize(("number", "right"), [(MOST_TRAITS, True), (MOST_TRAITS + 1, False)])
@pytest.mark.parametrize("kind", KINDS)
def test_more_than_300_traits_or_properties_are_warned_of(kind: str, number: int, *, right: bool) -> None:
    where = MEMBERS[kind]
    told = warnings(kind, {where: {f"t{index}": index for index in range(number)}})
    assert told == ([] if right else [("too_many_traits", where)])


@pytest.mark.parametrize(("length", "right"), [(LONGEST_GROUP_ID, True), (LONGEST_GROUP_ID + 1, False)])
def test_a_group_id_of_over_500_characters_is_warned_of(length: int, *, right: bool) -> None:
    told = warnings("group", {"groupId": "\u4f60" * length})
    assert told == ([] if right else [("long_group_id", "groupId")])


def test_the_limits_are_those_of_unify() -> None:
    assert (MOST_TRAITS, LONGEST_GROUP_ID) == (300, 500)


# Message ids and times


@pytest.mark.parametrize(
    ("message_id", "right"),
    [
        ("m", True), ("5b1d1f0e-3c53-4d2b-9f0a-0e8f3a3f6a11", True), ("@", True), ("a@b", True), ("a b@c.de", True),
        ("me@example.com", False), ("me+tag@mail.example.co.uk", False), ("M\u00fcller@b\u00fccher.example", False),
    ],
)  # fmt: skip
def test_an_e_mail_address_as_message_id_is_warned_of(message_id: str, *, right: bool) -> None:
    assert warnings("track", {"messageId": message_id}) == ([] if right else [("email_message_id", "messageId")])


@pytest.mark.parametrize(
    ("moment", "right"),
    [
        (NOW, True),
        (NOW - timedelta(days=10_000), True),
        (NOW + CLOCK_SKEW, True),
        (NOW + CLOCK_SKEW + timedelta(milliseconds=1), False),
        (NOW + timedelta(days=1), False),
        ((NOW - timedelta(hours=1)).astimezone(timezone(timedelta(hours=14))), True),
        ((NOW + timedelta(hours=1)).astimezone(timezone(timedelta(hours=-12))), False),
        (datetime.max.replace(tzinfo=timezone(timedelta(hours=-23))), False),
        (datetime.min.replace(tzinfo=timezone(timedelta(hours=23))), True),
    ],
)
def test_a_timestamp_further_ahead_than_clocks_differ_is_warned_of(moment: datetime, *, right: bool) -> None:
    told = warnings("track", {"timestamp": moment.isoformat(timespec="milliseconds")})
    assert told == ([] if right else [("future_timestamp", "timestamp")])


def test_a_clock_in_another_zone_says_the_same() -> None:
    event = {"type": "page", "userId": "u", "timestamp": "2026-05-20T13:00:00Z"}
    here = NOW.astimezone(timezone(timedelta(hours=5, minutes=30)))
    assert [problem.code for problem in advice_on(event, here)] == ["future_timestamp"]


def test_a_warning_says_what_to_do() -> None:
    event = {"type": "identify", "userId": "u", "messageId": "me@example.com", "traits": {"age": "7"}}
    assert [(told["field"], told["message"]) for told in named(0, event, advice_on(event, NOW))] == [
        ("traits.age", "traits.age is reserved by Segment's spec, which wants a number"),
        (
            "messageId",
            "messageId is an e-mail address: Segment drops every further event with it within a day, from any source",
        ),
    ]


@settings(max_examples=100, deadline=None)
@given(DOCUMENTS)
def test_there_is_advice_on_every_event_that_has_no_problem(document: Any) -> None:
    if not problems_of(document):
        for problem in advice_on(document, NOW):
            assert problem.code in {
                "reserved_type", "too_many_traits", "email_message_id", "long_group_id", "future_timestamp"
            }  # fmt: skip
