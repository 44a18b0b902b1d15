"""Requests: no argument decides where a request goes, and nothing that was given is lost."""

import json
import math
import re
from typing import Any
from urllib.parse import parse_qsl, unquote

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segment_mcp.adapter.hosts import PUBLIC_API
from segment_mcp.adapter.requests import Request, build
from segment_mcp.errors import InvalidArguments
from segment_mcp.operations import OPERATIONS, Operation, get
from segment_mcp.operations.arguments import path_problem

WITH_PATH_PARAMETERS = [row for row in OPERATIONS.values() if row.api == "public" and "{" in row.path]

ANYTHING = (
    st.text(max_size=300)
    | st.text(st.characters(), max_size=20)
    | st.text("./\\%?#&;:@ 2eEfF", max_size=12)
    | st.sampled_from([".", "..", "../..", "a/../b", "%2e%2e", "//evil.example", "a?b=c", "a#b", "a\\..\\b", "x" * 256])
)


def slots(row: Operation) -> list[str]:
    return re.findall(r"\{(\w+)\}", row.path)


def fields(error: InvalidArguments) -> list[str]:
    return [problem["field"] for problem in error.data()["problems"]]


# Paths


@pytest.mark.parametrize("row", WITH_PATH_PARAMETERS, ids=lambda row: row.name)
@settings(max_examples=8, deadline=None)
@given(data=st.data())
def test_a_path_keeps_its_shape_whatever_its_parameters_are(row: Operation, data: st.DataObject) -> None:
    given_values = {name: data.draw(ANYTHING, name) for name in slots(row)}
    try:
        request = build(row, given_values)
    except InvalidArguments as error:
        (field,) = fields(error)
        assert path_problem(given_values[field]) is not None
        return
    template, parts = row.path.split("/"), request.target.split("/")
    assert len(parts) == len(template)
    for wanted, part in zip(template, parts, strict=True):
        assert unquote(part) == (given_values[wanted[1:-1]] if wanted.startswith("{") else wanted)
    for region_origin in PUBLIC_API.values():
        sent = httpx2.Request(row.method, region_origin + request.target)
        assert sent.url.host == httpx2.URL(region_origin).host
        assert sent.url.raw_path == request.target.encode()
        assert not sent.url.query
        assert not sent.url.fragment


@pytest.mark.parametrize(
    "value",
    [None, "", ".", "..", "a\nb", "a\x00b", "\u202e", "a\u200bb", "\ud800", "x" * 256, 7, True, ["a"], {"a": 1}],
    ids=repr,
)
@pytest.mark.parametrize("field", ["sourceId", "writeKey"])
def test_what_can_not_stand_in_a_path_is_refused_by_name(field: str, value: Any) -> None:
    arguments = {"sourceId": "s", "writeKey": "k", field: value}
    with pytest.raises(InvalidArguments) as caught:
        build(get("removeWriteKeyFromSource"), arguments)
    assert fields(caught.value) == [field]


@pytest.mark.parametrize(
    ("value", "target"),
    [
        ("qQEHquLrjRDN9j1ByrChyn", "/sources/qQEHquLrjRDN9j1ByrChyn"),
        ("a b", "/sources/a%20b"),
        ("a/b", "/sources/a%2Fb"),
        ("../labels", "/sources/..%2Flabels"),
        ("%2e%2e", "/sources/%252e%252e"),
        ("...", "/sources/..."),
        ("a?b=c#d", "/sources/a%3Fb%3Dc%23d"),
        ("a+b&c;d", "/sources/a%2Bb%26c%3Bd"),
        ("\u00fc\u4f60", "/sources/%C3%BC%E4%BD%A0"),
        ("x" * 255, "/sources/" + "x" * 255),
    ],
)
def test_a_dot_segment_never_reaches_the_path_and_all_else_is_encoded(value: str, target: str) -> None:
    assert build(get("getSource"), {"sourceId": value}) == Request("GET", target)


# Queries


@pytest.mark.parametrize(
    ("name", "arguments", "pairs"),
    [
        ("listSources", {}, []),
        ("listSources", {"pagination": None}, []),
        ("listSources", {"pagination": {}}, []),
        ("listSources", {"pagination": {"count": 3}}, [("pagination.count", "3")]),
        (
            "listSources",
            {"pagination": {"count": 200, "cursor": "Mw=="}},
            [("pagination.count", "200"), ("pagination.cursor", "Mw==")],
        ),
        ("listSources", {"pagination": {"count": 1, "cursor": None}}, [("pagination.count", "1")]),
        (
            "getEventsVolumeFromWorkspace",
            {"granularity": "DAY", "groupBy": ["eventName", "source"], "eventName": ("A&B", "C=D \u00fc")},
            [("granularity", "DAY"), ("groupBy.0", "eventName"), ("groupBy.1", "source"),
             ("eventName.0", "A&B"), ("eventName.1", "C=D \u00fc")],
        ),
        (
            "getDailyPerSourceAPICallsUsage",
            {"period": "2026-02-01", "pagination": {"count": 1}},
            [("period", "2026-02-01"), ("pagination.count", "1")],
        ),
        ("listTrackingPlans", {"type": True}, [("type", "true")]),
        ("listTrackingPlans", {"type": False}, [("type", "false")]),
    ],
)  # fmt: skip
def test_a_query_is_in_dot_form(name: str, arguments: dict[str, Any], pairs: list[tuple[str, str]]) -> None:
    request = build(get(name), arguments)
    path, separator, query = request.target.partition("?")
    assert path == get(name).path
    assert parse_qsl(query, strict_parsing=bool(query)) == pairs
    assert bool(separator) == bool(pairs)


def test_the_references_own_example_comes_out_to_the_letter() -> None:
    request = build(get("listSources"), {"pagination": {"count": 3, "cursor": "Mw=="}})
    assert request.target == "/sources?pagination.count=3&pagination.cursor=Mw%3D%3D"


def test_none_in_a_list_is_left_out_as_anywhere_else() -> None:
    request = build(get("getEventsVolumeFromWorkspace"), {"eventName": [None, "Order Completed"]})
    assert "None" not in request.target


@settings(max_examples=60, deadline=None)
@given(st.text())
def test_a_cursor_arrives_as_it_was_given(cursor: str) -> None:
    request = build(get("listSources"), {"pagination": {"cursor": cursor}})
    sent = httpx2.Request("GET", PUBLIC_API["us"] + request.target)
    assert sent.url.host == "api.segmentapis.com"
    assert parse_qsl(sent.url.query.decode(), keep_blank_values=True) == [("pagination.cursor", cursor)]


def test_a_query_that_no_url_can_carry_is_refused_by_name() -> None:
    with pytest.raises(InvalidArguments, match="pagination"):
        build(get("listSources"), {"pagination": {"cursor": "\ud800"}})


# Bodies


def test_what_is_in_neither_path_nor_query_is_the_body() -> None:
    given_values = {"sourceId": "s", "name": "Web", "enabled": False, "settings": {"a": [1, None]}, "slug": None}
    request = build(get("updateSource"), given_values)
    assert (request.method, request.target, request.content_type) == ("PATCH", "/sources/s", "application/json")
    assert json.loads(request.body or b"") == {
        "name": "Web",
        "enabled": False,
        "settings": {"a": [1, None]},
        "slug": None,
    }


def test_building_leaves_the_arguments_alone() -> None:
    given_values = {"sourceId": "s", "name": "Web"}
    build(get("updateSource"), given_values)
    assert given_values == {"sourceId": "s", "name": "Web"}


@pytest.mark.parametrize("name", ["getSource", "deleteSource"])
def test_a_get_and_a_delete_have_no_body(name: str) -> None:
    request = build(get(name), {"sourceId": "s", "name": "ignored"})
    assert (request.body, request.content_type) == (None, None)


def test_an_alpha_call_declares_its_body_as_alpha() -> None:
    request = build(get("createDestinationSubscription"), {"destinationId": "d", "name": "n"})
    assert (request.body, request.content_type) == (b'{"name": "n"}', "application/vnd.segment.v1alpha+json")


def test_a_call_that_takes_no_body_has_none() -> None:
    request = build(get("createWriteKeyForSource"), {"sourceId": "s"})
    assert (request.body, request.content_type) == (None, None)


def test_a_deletion_says_in_its_query_what_to_delete() -> None:
    rules = [{"type": "TRACK", "key": "Order Completed", "version": 1}]
    request = build(get("removeRulesFromTrackingPlan"), {"trackingPlanId": "p", "rules": rules})
    assert request.target == (
        "/tracking-plans/p/rules?rules.0.type=TRACK&rules.0.key=Order+Completed&rules.0.version=1"
    )


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf], ids=str)
def test_a_number_that_json_does_not_know_is_refused_and_not_sent(number: float) -> None:
    with pytest.raises(InvalidArguments, match="settings"):
        build(get("updateSource"), {"sourceId": "s", "settings": {"rate": number}})
