"""What arrived, as `/_sandbox/events` shows it to whoever asks."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from jsonschema import Draft202012Validator
from starlette.applications import Starlette

from segment_mcp.sandbox import WRITE_KEYS
from segment_mcp.sandbox.debugger import PARAMETERS, PATH

from .conftest import Clock
from .reference import REFUSAL
from .world import send, source_id

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
ARRIVED = README.partition("### What arrived")[2].partition("\n#")[0]
PAID = {"userId": "u1", "event": "Paid"}


@pytest.fixture
async def anyone(app: Starlette) -> AsyncIterator[httpx2.AsyncClient]:
    """A client without a token."""
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://sandbox") as opened:
        yield opened


async def ask(anyone: httpx2.AsyncClient, **parameters: str | int) -> Any:
    answer = await anyone.get(PATH, params=parameters)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_nothing_arrived_yet_and_the_seeded_history_does_not_count(anyone: httpx2.AsyncClient) -> None:
    assert await ask(anyone) == {"events": [], "accepted": 0, "failed": 0, "repeated": 0}


async def test_an_event_is_shown_with_what_became_of_it(
    anyone: httpx2.AsyncClient, client: httpx2.AsyncClient, clock: Clock
) -> None:
    web, mine = await source_id(client, "website"), await source_id(client, "agent-events")
    sent = {"timestamp": "2026-05-20T09:00:00Z", "sentAt": "2026-05-20T09:00:10Z"}
    await send(anyone, "track", {**PAID, "messageId": "m1", **sent}, key="web")
    clock.pass_by(timedelta(seconds=1.5))
    await send(anyone, "identify", {"messageId": "m2", "traits": {"email": "a@example.com"}})
    await send(anyone, "track", {**PAID, "messageId": "m1"})
    await anyone.post("/v1/track", json={**PAID, "writeKey": "unknown"})
    await send(anyone, "batch", {"batch": []})
    found = await ask(anyone)
    (destination,) = found["events"][0].pop("destinations")
    assert [each["destinationId"] for each in found["events"][0].pop("deliveries")] == [destination]
    assert {each["discardReason"] for each in found["events"][0].pop("filtered")} == {"NO_MATCHING_MAPPING"}
    assert (await client.get(f"/destinations/{destination}")).json()["data"]["destination"]["sourceId"] == web
    later = {"receivedAt": "2026-05-20T12:00:31.500Z", "timestamp": "2026-05-20T12:00:31.500Z", "destinations": []}
    assert found == {
        "events": [
            {
                "messageId": "m1", "sourceId": web, "type": "track", "event": "Paid", "repeats": 1,
                "receivedAt": "2026-05-20T12:00:30.000Z", "timestamp": "2026-05-20T12:00:20.000Z",
            },
            {"messageId": "m2", "sourceId": mine, "type": "identify", "code": "no_user_anon_id", **later},
            {"messageId": "", "sourceId": "", "type": "track", "event": "Paid", "code": "unknown_source", **later},
            {"messageId": "", "sourceId": mine, "type": "", "code": "empty_batch", **later},
        ],
        "accepted": 1, "failed": 3, "repeated": 1, "next": "4",
    }  # fmt: skip


async def test_next_leads_through_all_pages_and_on_to_what_comes_later(anyone: httpx2.AsyncClient) -> None:
    batch = [{"type": "page", "userId": "u", "messageId": f"m{number}"} for number in range(250)]
    await send(anyone, "batch", {"batch": batch})
    seen: list[str] = []
    page = await ask(anyone)
    while "next" in page:
        seen += [event["messageId"] for event in page["events"]]
        last = page["next"]
        page = await ask(anyone, after=last)
    assert page["events"] == []
    assert seen == [event["messageId"] for event in batch]
    await send(anyone, "track", {**PAID, "messageId": "late"})
    assert [event["messageId"] for event in (await ask(anyone, after=last, count=1))["events"]] == ["late"]


async def test_a_message_or_a_source_is_asked_for_alone(anyone: httpx2.AsyncClient, client: httpx2.AsyncClient) -> None:
    for key, message in [("web", "m1"), ("http", "m2"), ("http", "m1"), ("http", "m 3&é")]:
        await send(anyone, "track", {**PAID, "messageId": message}, key=key)
    web = await source_id(client, "website")
    for asked, messages in [
        ({"messageId": "m1"}, ["m1"]),
        ({"messageId": "m 3&é"}, ["m 3&é"]),
        ({"messageId": "m4"}, []),
        ({"sourceId": web}, ["m1"]),
        ({"sourceId": web, "messageId": "m2"}, []),
        ({"sourceId": "nobody's"}, []),
    ]:
        found = await ask(anyone, **asked)
        assert [event["messageId"] for event in found["events"]] == messages
        assert (found["accepted"], found["repeated"]) == (3, 1)


async def test_delete_begins_anew_and_a_repeat_stays_a_repeat(anyone: httpx2.AsyncClient) -> None:
    await send(anyone, "track", {**PAID, "messageId": "m1"})
    await send(anyone, "track", {"event": "Nobody's"})
    nothing = {"events": [], "accepted": 0, "failed": 0, "repeated": 0}
    assert (await anyone.delete(PATH)).json() == nothing
    await send(anyone, "track", {**PAID, "messageId": "m1"})
    assert await ask(anyone) == {**nothing, "repeated": 1}
    assert (await ask(anyone, messageId="m1"))["events"][0]["repeats"] == 1
    assert (await ask(anyone, after=0))["forgotten"] == 2


async def test_an_event_of_a_deleted_source_is_still_shown(
    anyone: httpx2.AsyncClient, client: httpx2.AsyncClient
) -> None:
    mine = await source_id(client, "agent-events")
    await send(anyone, "track", PAID)
    await client.delete(f"/sources/{mine}")
    assert len((await ask(anyone, sourceId=mine))["events"]) == 1


async def test_text_that_is_no_text_is_shown_all_the_same(anyone: httpx2.AsyncClient) -> None:
    body = b'{"type": "track", "event": "\\ud800", "userId": "u", "messageId": "\\udfff"}'
    await anyone.post("/v1/track", content=body, auth=(WRITE_KEYS["http"], ""))
    (event,) = (await ask(anyone))["events"]
    assert (event["event"], event["messageId"]) == ("?", "?")


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ("count=0", {"count"}),
        ("count=1001", {"count"}),
        ("count=ten", {"count"}),
        ("count=", {"count"}),
        ("after=-1", {"after"}),
        ("after=2", {"after"}),  # nobody was sent there: the one event is number 1
        ("after=x", {"after"}),
        (f"after={'9' * 5_000}", {"after"}),
        ("messageId=", {"messageId"}),
        ("sourceId=", {"sourceId"}),
        ("message_id=m1&writeKey=k", {"message_id", "writeKey"}),
        ("count=0&sourceID=s", {"count", "sourceID"}),
    ],
)
async def test_a_wrong_parameter_is_refused_and_named(anyone: httpx2.AsyncClient, query: str, fields: set[str]) -> None:
    await send(anyone, "track", PAID)
    answer = await anyone.get(f"{PATH}?{query}")
    assert answer.status_code == 422
    Draft202012Validator(REFUSAL).validate(answer.json())
    assert {error["field"] for error in answer.json()["errors"]} == fields


async def test_delete_takes_no_parameter_for_it_deletes_no_part(anyone: httpx2.AsyncClient) -> None:
    await send(anyone, "track", {**PAID, "messageId": "m1"})
    answer = await anyone.delete(f"{PATH}?messageId=m1")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "messageId")
    assert len((await ask(anyone))["events"]) == 1


async def test_no_fault_strikes_here_and_nothing_is_posted(anyone: httpx2.AsyncClient) -> None:
    await anyone.post("/_sandbox/faults", json={"status": 503})
    assert (await anyone.get(PATH)).status_code == 200
    assert (await anyone.post(PATH)).status_code == 404


def test_the_readme_shows_the_way_here_and_every_parameter() -> None:
    assert re.search(rf"curl \S*{PATH}\b", ARRIVED)
    assert [name for name in PARAMETERS if f"`{name}`" not in ARRIVED] == []
