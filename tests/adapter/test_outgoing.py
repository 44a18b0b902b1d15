"""Where a request really goes, whatever stands in its path: the URL as it leaves the client."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

import anyio
import httpx2
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from segment_mcp.adapter.client import SegmentClient
from segment_mcp.adapter.http import Http
from segment_mcp.config import Connection
from segment_mcp.errors import InvalidArguments, NotFound
from segment_mcp.operations import OPERATIONS, Operation
from segment_mcp.operations.arguments import path_problem
from tests.adapter.clockwork import Clockwork

TOKEN = "sgp_cAnArY9f8e7d"
US, EU = "api.segmentapis.com", "eu1.api.segmentapis.com"
ROWS = [row for row in OPERATIONS.values() if row.api == "public" and "{" in row.path]

HOSTILE = st.sampled_from(
    ["..", ".", "...", "../..", "..\\..", "a/../b", "/", "//evil.example/", "https://evil.example/", "@evil.example",
     "%2e%2e", "%2E%2E%2f", "%", "%00", "a?b=c", "a#b", "a;b", "a:b", "a b", "a+b", "\u2024\u2024", "\uff0e\uff0e",
     "\u2215", "\uff0f", "xn--", "\u00fc", "e\u0301", "\U0001f600", "x" * 255, "\u00fc" * 255]
)  # fmt: skip
ANY_TEXT = HOSTILE | st.text(max_size=40) | st.text("./\\%?#&;:@ 2eEfF", max_size=12) | st.text(max_size=300)


def slots(row: Operation) -> list[str]:
    return re.findall(r"\{(\w+)\}", row.path)


def sent(row: Operation, arguments: Mapping[str, Any], region: str, status: int = 200) -> list[httpx2.Request]:
    """The requests that go out for a call, but those that ask for the region."""
    requests: list[httpx2.Request] = []
    data: dict[str, Any] = {member: {} for member in (*row.answer, "workspace")}

    def segment(request: httpx2.Request) -> httpx2.Response:
        if request.url.path == "/":
            return httpx2.Response(200 if request.url.host == US else 401, json={"data": data})
        requests.append(request)
        return httpx2.Response(status, json={"data": data})

    async def call() -> None:
        http = Http(lambda: httpx2.MockTransport(segment))
        connection = Connection.model_validate({"api_token": TOKEN, "region": region})
        client = SegmentClient(connection, http, timing=Clockwork().timing(), call_seconds=25)
        try:
            await client.call(row, arguments)
        finally:
            await http.aclose()

    try:
        anyio.run(call)
    except NotFound:
        assert status == 404
    return requests


def check(row: Operation, values: Mapping[str, str], request: httpx2.Request, host: str) -> None:
    """The request goes to that host and to the row's own path, with these values and nothing else in it."""
    url = request.url
    assert (url.scheme, url.host, url.port, url.userinfo) == ("https", host, None, b"")
    assert request.headers["host"] == host
    assert (url.query, url.fragment) == (b"", "")
    template, parts = row.path.split("/"), url.raw_path.decode("ascii").split("/")
    assert len(parts) == len(template)
    for wanted, part in zip(template, parts, strict=True):
        assert unquote(part, errors="strict") == (values[wanted[1:-1]] if wanted.startswith("{") else wanted)
        assert part not in {".", ".."}
    assert request.method == row.method


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
@settings(max_examples=8, deadline=None)
@given(data=st.data(), region=st.sampled_from(["us", "eu"]))
def test_no_argument_decides_where_a_request_goes(row: Operation, data: st.DataObject, region: str) -> None:
    values = {name: data.draw(ANY_TEXT, name) for name in slots(row)}
    try:
        (request,) = sent(row, values, region)
    except InvalidArguments as error:
        (problem,) = error.data()["problems"]
        assert path_problem(values[problem["field"]]) is not None
        return
    assert not any(path_problem(value) for value in values.values())
    check(row, values, request, US if region == "us" else EU)


@pytest.mark.parametrize("row", [row for row in ROWS if row.asks_elsewhere], ids=lambda row: row.name)
@settings(max_examples=25, deadline=None)
@given(value=ANY_TEXT.filter(lambda text: path_problem(text) is None))
@example("//evil.example/")
def test_who_is_asked_in_turn_is_asked_for_the_same_path(row: Operation, value: str) -> None:
    values = dict.fromkeys(slots(row), value)
    first, second = sent(row, values, "auto", status=404)
    check(row, values, first, US)
    check(row, values, second, EU)
