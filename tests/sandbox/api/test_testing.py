"""The echo of the sandbox."""

from collections.abc import AsyncIterator

import httpx2
import pytest

from segment_mcp.sandbox import API_TOKEN, create_app

from .asking import data, refused


class Waits(list[float]):
    """Waits that were asked for; none is waited."""

    async def __call__(self, seconds: float) -> None:
        self.append(seconds)


@pytest.fixture
def waits() -> Waits:
    return Waits()


@pytest.fixture
async def free(waits: Waits) -> AsyncIterator[httpx2.AsyncClient]:
    """A client that takes whatever status the echo was asked for."""
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=create_app(sleep=waits)),
        base_url="https://api.segmentapis.com",
        headers={"Authorization": f"Bearer {API_TOKEN}"},
    ) as opened:
        yield opened


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({}, "message"),
        ({"message": "x", "delay": "soon"}, "delay"),
        ({"message": "x", "delay": "-1"}, "delay"),
        ({"message": "x", "delay": "60001"}, "delay"),
        ({"message": "x", "statusCode": "304"}, "statusCode"),
        ({"message": "x", "statusCode": "200.5"}, "statusCode"),
        ({"message": "x", "statusCode": "999"}, "statusCode"),
        ({"message": "x", "triggerError": "yes"}, "triggerError"),
    ],
)
async def test_what_it_can_not_do_is_refused(client: httpx2.AsyncClient, asked: dict[str, str], field: str) -> None:
    assert refused(await client.get("/echo", params=asked)) == (422, [field])


async def test_it_answers_what_was_sent_but_the_token(client: httpx2.AsyncClient) -> None:
    answer = data(await client.get("/echo", params={"message": "hello"}, headers={"X-Mine": "1"}))
    assert (answer["method"], answer["message"], answer["headers"]["x-mine"]) == ("get", "hello", "1")
    assert API_TOKEN not in str(answer)


async def test_it_answers_as_late_as_asked(free: httpx2.AsyncClient, waits: Waits) -> None:
    assert (await free.get("/echo", params={"message": "x", "delay": "1500"})).is_success
    assert (
        await free.get("/echo", params={"message": "x", "delay": "250.5", "triggerError": "true"})
    ).status_code == 400
    assert (await free.get("/echo", params={"message": "x"})).is_success
    assert waits == [1.5, 0.2505]


@pytest.mark.parametrize(
    ("asked", "status", "errors"),
    [
        ({"triggerError": "true"}, 400, 1),
        ({"triggerError": "true", "statusCode": "409"}, 409, 1),
        ({"triggerError": "true", "statusCode": "503"}, 400, 1),
        ({"triggerError": "true", "triggerMultipleErrors": "true"}, 400, 1),
        ({"triggerMultipleErrors": "true", "triggerUnexpectedError": "true"}, 400, 2),
        ({"triggerUnexpectedError": "true", "statusCode": "404"}, 500, 1),
        ({"statusCode": "503"}, 503, 1),
        ({"statusCode": "404"}, 404, 1),
        ({"statusCode": "201"}, 201, 0),
        ({"triggerError": "false", "statusCode": "200"}, 200, 0),
    ],
)
async def test_it_fails_as_asked(free: httpx2.AsyncClient, asked: dict[str, str], status: int, errors: int) -> None:
    answer = await free.get("/echo", params={"message": "the message", **asked})
    assert (answer.status_code, len(answer.json().get("errors", []))) == (status, errors)
    assert ("the message" in answer.text) is (status != 500)
