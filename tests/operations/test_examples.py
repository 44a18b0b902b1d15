"""Each operation's example: valid by our check and by the reference, and carried out by the sandbox."""

import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import httpx2
import pytest
from jsonschema import Draft202012Validator

from segment_mcp.adapter.client import SegmentClient
from segment_mcp.adapter.http import Http
from segment_mcp.config import Connection
from segment_mcp.operations import OPERATIONS, Operation, area_of, get, schemas
from segment_mcp.operations.arguments import problems_of
from segment_mcp.operations.examples import example
from segment_mcp.redact import SEGMENT_MASK
from segment_mcp.sandbox import API_TOKEN, WRITE_KEYS, create_app
from segment_mcp.timing import Timing
from tests.sandbox.reference import FORMATS, answer_validator, closed

NOW = datetime(2026, 3, 14, 9, 26, 53, tzinfo=UTC)
PUBLIC = [pytest.param(row, id=name) for name, row in OPERATIONS.items() if row.api == "public"]
SECRET = re.compile(r"\b(sk|pk|xox[abp]|gh[ps]|sgp|AKIA)[-_]?\w{8,}|BEGIN [A-Z ]*PRIVATE KEY|\b[0-9a-f]{32,}\b")


@dataclass(slots=True)
class Wire(httpx2.AsyncBaseTransport):
    """The way to a fresh sandbox, which keeps the answers.

    Attributes:
        answers: in order.
    """

    answers: list[httpx2.Response] = field(default_factory=list)
    _sandbox: httpx2.ASGITransport = field(
        default_factory=lambda: httpx2.ASGITransport(app=create_app(now=lambda: NOW))
    )

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Keep the answer, read."""
        answer = await self._sandbox.handle_async_request(request)
        await answer.aread()
        self.answers.append(answer)
        return answer


def client(wire: Wire) -> SegmentClient:
    connection = Connection.model_validate({"region": "us", "api_token": API_TOKEN})
    return SegmentClient(connection, Http(lambda: wire), timing=Timing(now=lambda: NOW), call_seconds=25)


@pytest.mark.parametrize("row", PUBLIC)
def test_an_example_has_no_problem(row: Operation) -> None:
    assert problems_of(row, example(row)) == []


@pytest.mark.parametrize("row", PUBLIC)
def test_an_example_keeps_the_reference(row: Operation) -> None:
    area = schemas(area_of(row))
    entry, given = area["operations"][row.name], example(row, NOW)
    for parameter in entry["parameters"]:
        outer, _, inner = parameter["name"].partition(".")
        value = given.pop(outer, None)
        if inner or value is None:
            assert value is None
            assert not parameter["required"]
            continue
        schema = closed({**parameter["schema"], "$defs": area["$defs"]})
        Draft202012Validator(schema, format_checker=FORMATS).validate(value)
    assert bool(given) <= row.body
    if entry["body"] is not None:
        schema = closed({**entry["body"], "$defs": area["$defs"]})
        Draft202012Validator(schema, format_checker=FORMATS).validate(given)


@pytest.mark.parametrize("row", PUBLIC)
def test_an_example_shows_no_secret(row: Operation) -> None:
    text = json.dumps(example(row), ensure_ascii=False)
    assert SEGMENT_MASK not in text
    assert not SECRET.search(text)


@pytest.mark.parametrize("row", PUBLIC)
async def test_the_sandbox_carries_an_example_out(row: Operation) -> None:
    wire, given = Wire(), example(row, NOW)
    segment = client(wire)
    assert await segment.call(row, given)
    answer = wire.answers[-1]
    assert answer.status_code == schemas(area_of(row))["operations"][row.name]["status"]
    answer_validator(row.name).validate(answer.json())


@pytest.mark.parametrize("row", PUBLIC)
def test_an_example_is_not_shared(row: Operation) -> None:
    first = json.dumps(example(row, NOW))
    for value in (taken := example(row, NOW)).values():
        if isinstance(value, dict | list):
            value.clear()
    taken.clear()
    assert json.dumps(example(row, NOW)) == first


def test_times_are_those_of_the_last_day() -> None:
    late = NOW.astimezone(timezone(timedelta(hours=-12)))
    given: dict[str, Any] = example(get("getEventsVolumeFromWorkspace"), late)
    assert (given["startTime"], given["endTime"]) == ("2026-03-13T09:00:00.000Z", "2026-03-14T09:00:00.000Z")
    assert example(get("createDownload"), NOW)["hour"] == "2026-03-14T08:00:00.000Z"
    assert example(get("getDailyWorkspaceMTUUsage"), NOW) == {"period": "2026-03-01"}


def test_the_key_to_be_revoked_is_the_sandbox_s() -> None:
    assert example(get("removeWriteKeyFromSource"))["writeKey"] == WRITE_KEYS["http"]
