"""One person looked up: what is told, what is masked, and what is said of the rest when a part can't be read."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest

from segment_mcp.adapter.http import Http, in_process
from segment_mcp.adapter.profiles import ProfileClient
from segment_mcp.config import Connection
from segment_mcp.errors import (
    InvalidArguments,
    NetworkFailed,
    NotConfigured,
    NotFound,
    RateLimited,
    SegmentMcpError,
    TimedOut,
    Unauthorized,
    Unavailable,
)
from segment_mcp.questions import profile
from segment_mcp.questions.profile import ProfileOrder
from segment_mcp.questions.reading import Reading
from segment_mcp.redact import MASK
from segment_mcp.sandbox import PROFILE_SPACE_ID, PROFILE_TOKEN, WRITE_KEYS, create_app
from tests.leaping import LEAPING, Clock

pytestmark = pytest.mark.anyio

CONNECTION = {"region": "us", "profile_token": PROFILE_TOKEN, "profile_space_id": PROFILE_SPACE_ID}
PARTS = {
    "metadata": "getProfileMetadata",
    "traits": "getProfileTraits",
    "externalIds": "getProfileExternalIds",
    "links": "getProfileLinks",
    "events": "getProfileEvents",
}
IVY: dict[str, Any] = {
    "email": "Ivy.Lang@customer.example",
    "firstName": "Ivy",
    "plan": "plus",
    "note": "call +49 30 901820",
    "referrer": "https://shop.example/?by=ivy-77",
    "seats": 3,
}


ANONYMOUS = "5f0c8e1a-7d42-4b19-9c55-2a6e1f3b8d70"
"""An ID of the person u-1001."""


@pytest.fixture
def anyio_backend() -> Any:
    return LEAPING


@dataclass(slots=True)
class Shop(httpx2.AsyncBaseTransport):
    """A sandbox, the way to it, and what went there to the Profile API."""

    clock: Clock
    asked: list[str] = field(default_factory=list)
    _sandbox: Any = None

    def __post_init__(self) -> None:
        self._sandbox = in_process(create_app(now=self.clock.now))

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Note what the Profile API is asked."""
        if request.url.host.startswith("profiles."):
            self.asked.append(request.url.raw_path.decode())
        response: httpx2.Response = await self._sandbox.handle_async_request(request)
        return response

    async def post(self, url: str, body: Mapping[str, Any]) -> None:
        async with httpx2.AsyncClient(transport=self) as client:
            assert (await client.post(url, json=dict(body))).status_code in {200, 201}

    async def send(self, *events: Mapping[str, Any]) -> None:
        """Through the Tracking API's public door."""
        await self.post("https://api.segment.io/v1/batch", {"writeKey": WRITE_KEYS["http"], "batch": list(events)})

    async def fault(self, part: str, **what: Any) -> None:
        """Let the call for a part go wrong."""
        await self.post("https://api.segment.io/_sandbox/faults", {"operation": PARTS[part], **what})

    async def ask(self, id: str, id_type: str = "user_id", *, seconds: float = 9.0, **more: Any) -> dict[str, Any]:  # noqa: A002 - the tool's argument
        """The answer."""
        connection = Connection.model_validate(CONNECTION)
        client = ProfileClient(connection, Http(lambda: self), nowhere, timing=self.clock.timing(), call_seconds=25)
        reading = Reading(client, self.clock.timing(), seconds=seconds)
        return await profile.ask(reading, ProfileOrder(id_type, id, **more))


async def nowhere() -> None:
    return None


@asynccontextmanager
async def shop() -> AsyncIterator[Shop]:
    """A sandbox in which Ivy did something."""
    opened = Shop(Clock())
    await opened.send(
        {"type": "identify", "userId": "ivy-77", "anonymousId": "anon-1", "traits": IVY},
        {"type": "group", "userId": "ivy-77", "groupId": "firm", "traits": {"seats": 9}},
        {"type": "track", "userId": "ivy-77", "event": "Order Completed", "properties": {"total": 3, "name": "Kettle"}},
        {"type": "track", "userId": "ivy-77", "event": "Refunded", "properties": {"receipt_email": "x@y.example"}},
    )
    yield opened


def gaps_of(answer: Mapping[str, Any]) -> dict[str, str]:
    return {gap["operation"]: gap["code"] for gap in answer["gaps"]}


# What can't be read


@pytest.mark.parametrize("value", ["nobody", "Nobody", "ivy 77"])
async def test_a_profile_that_is_not_there_is_not_found(value: str) -> None:
    async with shop() as to:
        with pytest.raises(NotFound) as caught:
            await to.ask(value)
        assert value not in str(caught.value)
        assert value.lower() not in str(caught.value)


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize(
    ("what", "code"),
    [
        ({"status": 503}, "unavailable"),
        ({"status": 403}, "permission"),
        ({"status": 401}, "permission"),
        ({"status": 400}, "rejected"),
        ({"body": "html"}, "unavailable"),
        ({"body": "truncated"}, "unavailable"),
        ({"body": "json-list"}, "unavailable"),
        ({"reset": "before"}, "unavailable"),
        ({"reset": "middle"}, "unavailable"),
        ({"delaySeconds": 60}, "time"),
    ],
    ids=["unavailable", "forbidden", "unauthorized", "rejected", "html", "truncated", "list", "reset",
         "reset-in-the-body", "slow"],
)  # fmt: skip
async def test_a_part_that_fails_is_a_gap_and_all_else_stays_right(part: str, what: Any, code: str) -> None:
    async with shop() as to:
        whole = await to.ask("ivy-77")
        began = to.clock.passed()
        await to.fault(part, **what)
        answer = await to.ask("ivy-77")
        assert to.clock.passed() - began < 10
        assert answer[part] is None
        assert gaps_of(answer) in ({PARTS[part]: code}, {PARTS[part]: "time"})
        for other in set(PARTS) - {part}:
            expected = without_texts(whole[other], other) if part == "externalIds" else whole[other]
            assert answer[other] == expected, other
        assert "unknown number" in answer["summary"] or "could not be read" in answer["summary"] or part == "metadata"
        assert [each["operation"] for each in answer["evidence"]].count(PARTS[part]) == 0


def without_texts(shown: Any, part: str) -> Any:
    """A part without its texts and numbers, any of which may be an ID as long as not every ID is known."""
    if part == "traits":
        return covered(shown)
    if part == "events":
        return [{**event, "properties": covered(event["properties"])} for event in shown]
    return shown


def covered(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: covered(member) for name, member in value.items()}
    if isinstance(value, list):
        return [covered(item) for item in value]
    return MASK if value and not isinstance(value, bool) else value


@pytest.mark.parametrize("value", [ANONYMOUS, f"guest of {ANONYMOUS}"])
@pytest.mark.parametrize("known", [True, False])
async def test_an_id_within_an_event_is_masked_whether_the_ids_could_be_read_or_not(value: str, *, known: bool) -> None:
    async with shop() as to:
        await to.send({"type": "track", "userId": "u-1001", "event": "Chat Opened", "properties": {"visitor": value}})
        if not known:
            await to.fault("externalIds", status=403)
        answer = await to.ask("u-1001")
        assert MASK in answer["events"][0]["properties"]["visitor"]
        assert ANONYMOUS not in json.dumps(answer)
        assert answer["events"][0]["event"] == "Chat Opened"


@pytest.mark.parametrize("part", ["traits", "externalIds", "links", "events"])
async def test_a_limit_is_the_whole_spaces_and_whatever_it_keeps_back_is_a_gap(part: str) -> None:
    async with shop() as to:
        whole = await to.ask("ivy-77")
        await to.fault(part, status=429)
        answer = await to.ask("ivy-77")
        told = gaps_of(answer)
        assert answer[part] is None
        assert told[PARTS[part]] in {"limit", "time"}
        for other in set(PARTS) - {part}:
            expected = without_texts(whole[other], other) if answer["externalIds"] is None else whole[other]
            assert answer[other] == expected or (answer[other] is None and told[PARTS[other]] in {"limit", "time"})


async def test_a_limit_that_passes_costs_no_part() -> None:
    async with shop() as to:
        await to.fault("traits", status=429, times=2)
        answer = await to.ask("ivy-77")
    assert (answer["gaps"], answer["traits"]["plan"], len(answer["events"])) == ([], "plus", 2)


async def test_an_unknown_profile_is_not_found_although_its_metadata_can_not_be_read() -> None:
    async with shop() as to:
        await to.fault("metadata", status=400)
        with pytest.raises(NotFound):
            await to.ask("nobody")


@pytest.mark.parametrize(
    ("what", "error"),
    [
        ({"status": 503}, (Unavailable, TimedOut)),
        ({"status": 401}, Unauthorized),
        ({"status": 429}, (RateLimited, TimedOut)),
        ({"reset": "before"}, (NetworkFailed, TimedOut)),
        ({"delaySeconds": 60}, TimedOut),
    ],
)
async def test_where_nothing_can_be_read_there_is_no_answer(what: Any, error: type[SegmentMcpError]) -> None:
    async with shop() as to:
        for part in PARTS:
            await to.fault(part, **what)
        began = to.clock.passed()
        with pytest.raises(error):
            await to.ask("ivy-77")
        assert to.clock.passed() - began < 10


async def test_without_a_token_or_a_space_there_is_no_answer() -> None:
    for missing in ("profile_token", "profile_space_id"):
        given = {name: value for name, value in CONNECTION.items() if name != missing}
        client = ProfileClient(Connection.model_validate(given), Http(None), nowhere, call_seconds=1)
        with pytest.raises(NotConfigured):
            await profile.ask(Reading(client, Clock().timing()), ProfileOrder("user_id", "u"))


@pytest.mark.parametrize(("value", "more"), [("..", {}), ("a\nb", {}), ("ivy-77", {"include": ["a,b"]})])
async def test_what_can_not_be_asked_for_is_the_callers(value: str, more: Any) -> None:
    async with shop() as to:
        with pytest.raises(InvalidArguments):
            await to.ask(value, **more)


# What is told


async def test_a_person_is_told_with_everything_and_without_personal_data() -> None:
    async with shop() as to:
        answer = await to.ask("ivy-77")
    assert answer["traits"] == {
        "email": MASK, "firstName": MASK, "plan": "plus", "note": MASK, "referrer": MASK, "seats": 3,
    }  # fmt: skip
    assert [(each["type"], each["id"]) for each in answer["externalIds"]] == [
        ("user_id", MASK), ("email", MASK), ("anonymous_id", MASK),
    ]  # fmt: skip
    assert [(link["to_collection"], link["external_ids"][0]["id"]) for link in answer["links"]] == [("accounts", MASK)]
    assert {each["event"]: each["properties"] for each in answer["events"]} == {
        "Refunded": {"receipt_email": MASK},
        "Order Completed": {"total": 3, "name": "Kettle"},
    }
    assert answer["metadata"]["created_at"] == "2026-05-20T12:00:00.123Z"
    assert answer["profile"] == {
        "collection": "users", "idType": "user_id", "id": MASK, "segmentId": answer["profile"]["segmentId"],
    }  # fmt: skip
    assert (answer["gaps"], answer["truncated"]) == ([], False)
    assert sorted(each["operation"] for each in answer["evidence"]) == sorted(PARTS.values())
    told = json.dumps(answer).lower()
    for known in ("ivy", "anon-1", "firm", "x@y.example", "customer.example"):
        assert known not in told


async def test_personal_data_is_told_where_the_operator_reveals_it() -> None:
    async with shop() as to:
        answer = await to.ask("Ivy-77", reveal=True)
    assert answer["traits"] == IVY
    assert answer["profile"]["id"] == "Ivy-77"
    assert ("email", "ivy.lang@customer.example") in {(each["type"], each["id"]) for each in answer["externalIds"]}
    assert answer["links"][0]["external_ids"][0]["id"] == "firm"
    assert "masked" not in answer["summary"]


@pytest.mark.parametrize(
    ("value", "id_type"),
    [("ivy-77", "user_id"), ("IVY-77", "User_ID"), ("Anon-1", "anonymous_id"), ("IVY.Lang@Customer.example", "email")],
)
async def test_each_of_a_persons_ids_leads_to_them(value: str, id_type: str) -> None:
    async with shop() as to:
        assert (await to.ask(value, id_type))["traits"]["plan"] == "plus"


async def test_a_group_id_leads_to_an_account() -> None:
    async with shop() as to:
        answer = await to.ask("Firm", "group_id")
    assert answer["profile"]["collection"] == "accounts"
    assert answer["traits"] == {"seats": 9}
    assert answer["links"][0]["to_collection"] == "users"
    assert answer["summary"].startswith("The account's profile has 1 trait, 1 external ID (group_id) and 1 link.")


async def test_an_id_with_capitals_is_asked_for_as_it_is_spelled_where_lower_case_is_not_found() -> None:
    async with shop() as to:
        with pytest.raises(NotFound):
            await to.ask("NoBody")
        paths = [path.partition("?")[0].rpartition("/") for path in to.asked]
    assert (paths[0][0].rpartition(":")[2], paths[0][2]) == ("nobody", "metadata")
    assert {(path.rpartition(":")[2], part) for path, _, part in paths[1:]} == {
        ("NoBody", part) for part in ("metadata", "traits", "external_ids", "links", "events")
    }


async def test_only_the_traits_that_are_asked_for_are_read() -> None:
    async with shop() as to:
        names = ["plan", "seats", "email", *(f"missing {number}" for number in range(12))]
        answer = await to.ask("ivy-77", include=names)
        (asked,) = [path for path in to.asked if "/traits?" in path]
    assert answer["traits"] == {"plan": "plus", "seats": 3, "email": MASK}
    assert answer["absent"] == names[3:]
    assert "3 traits of the 15 that were asked for" in answer["summary"]
    assert "limit=200" in asked
    assert "include=plan,seats,email,missing%200" in asked


async def test_more_traits_than_a_page_are_all_told() -> None:
    async with shop() as to:
        for start in (0, 200):
            traits = {f"t{number}": number for number in range(start, start + 200)}
            await to.send({"type": "identify", "userId": "many", "traits": traits})
        answer = await to.ask("many")
    assert answer["traits"] == {f"t{number}": number for number in range(400)}
    assert not answer["truncated"]


@pytest.mark.parametrize(("wanted", "shown", "cut"), [(0, None, False), (1, 1, True), (7, 7, True), (250, 150, False)])
async def test_as_many_events_are_told_as_are_wanted_newest_first(wanted: int, shown: int | None, cut: bool) -> None:  # noqa: FBT001
    async with shop() as to:
        for number in range(150):
            moment = f"2026-05-20T10:{number // 60:02}:{number % 60:02}.000Z"
            await to.send({"type": "track", "userId": "busy", "event": f"E{number}", "timestamp": moment})
        answer = await to.ask("busy", events=wanted)
        asked = [path for path in to.asked if "/events" in path]
    assert ("events" in answer) == (shown is not None)
    if shown is None:
        assert asked == []
        return
    assert [each["event"] for each in answer["events"]] == [f"E{149 - number}" for number in range(shown)]
    assert answer["truncated"] is cut
    assert (gaps_of(answer) == {"getProfileEvents": "bound"}) is cut
    assert "Its newest track event is E149, at 2026-05-20T10:02:29.000Z." in answer["summary"]


async def test_a_person_without_events_or_links_is_told_so() -> None:
    async with shop() as to:
        await to.send({"type": "page", "anonymousId": "visitor"})
        answer = await to.ask("visitor", "anonymous_id")
    assert (answer["traits"], answer["links"], answer["events"]) == ({}, [], [])
    assert answer["summary"] == (
        "The user's profile has 0 traits, 1 external ID (anonymous_id) and 0 links. "
        "It has no track event of the last 14 days. Personal data is masked."
    )


async def test_links_beyond_what_segment_tells_are_known_to_be_missing() -> None:
    async with shop() as to:
        await to.send(*({"type": "group", "userId": f"u{number}", "groupId": "crowd"} for number in range(30)))
        answer = await to.ask("crowd", "group_id")
    assert len(answer["links"]) == 20
    assert answer["truncated"]
    assert gaps_of(answer) == {"getProfileLinks": "bound"}
    assert "at least 20 links" in answer["summary"]
