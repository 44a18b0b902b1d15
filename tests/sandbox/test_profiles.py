"""Profiles: what the Profile API answers of events that came in by the Tracking API's public door."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from jsonschema import Draft202012Validator
from starlette.applications import Starlette

from segment_mcp.sandbox import PROFILE_SPACE_ID, PROFILE_TOKEN
from segment_mcp.sandbox.profiles import MAX_EVENTS, MAX_PROFILES, Arrival, Profiles

from .conftest import Clock
from .world import send

HOST = "https://profiles.segment.com"
BASE = f"/v1/spaces/{PROFILE_SPACE_ID}/collections"
JANE = "users/profiles/user_id:u-1001"
PARTS = ("traits", "external_ids", "events", "metadata", "links")


def closed(**properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


TEXT = {"type": "string", "minLength": 1}
MOMENT = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z$"}
CURSOR = closed(url=TEXT, has_more={"type": "boolean"}, next={"type": "string"}, limit={"type": "integer"})
ID = {"id": TEXT, "type": TEXT, "source_id": TEXT, "collection": {"enum": ["users", "accounts"]}, "created_at": MOMENT}
ENCODING = {"const": "none"}
OBJECT = {"type": "object"}


def of_list(item: Any) -> dict[str, Any]:
    return {"type": "array", "items": item}


ANSWERS = {
    "traits": closed(traits=OBJECT, cursor=CURSOR),
    "external_ids": closed(data=of_list(closed(**ID, encoding=ENCODING, first_message_id=TEXT)), cursor=CURSOR),
    "events": closed(
        data=of_list(
            closed(
                external_ids=of_list(
                    closed(collection={"const": "users"}, type=TEXT, id=TEXT, encoding=ENCODING)
                ),
                context=OBJECT, type={"const": "track"}, message_id=TEXT, source_id=TEXT, timestamp=MOMENT,
                properties=OBJECT, event=TEXT, related=closed(users=TEXT),
            )
        ),
        cursor=CURSOR,
    ),
    "metadata": closed(
        metadata=closed(
            created_at=MOMENT, updated_at=MOMENT, expires_at={"type": "null"}, first_message_id=TEXT,
            first_source_id=TEXT, last_message_id=TEXT, last_source_id=TEXT,
        )
    ),
    "links": closed(data=of_list(closed(to_collection=TEXT, external_ids=of_list(closed(**ID, encoding=ENCODING))))),
}  # fmt: skip
"""The answers as Segment's documentation shows them (unify/profile-api); `limit` of a cursor is in one of its two."""
REFUSAL = closed(error=closed(code=TEXT, message=TEXT))


async def hold(response: httpx2.Response) -> None:
    """Fails the test in which an answer is not the Profile API's."""
    await response.aread()
    assert response.headers["request-id"]
    part = response.request.url.path.rpartition("/")[2]
    Draft202012Validator(ANSWERS[part] if response.is_success else REFUSAL).validate(response.json())


@pytest.fixture
async def api(app: Starlette) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=app),
        base_url=HOST,
        auth=httpx2.BasicAuth(PROFILE_TOKEN, ""),
        event_hooks={"response": [hold]},
    ) as opened:
        yield opened


async def read(api: httpx2.AsyncClient, who: str, part: str, **asked: Any) -> Any:
    answer = await api.get(f"{BASE}/{who}/{part}", params=asked or None)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def traits_of(api: httpx2.AsyncClient, who: str) -> dict[str, Any]:
    traits: dict[str, Any] = (await read(api, who, "traits", limit=200))["traits"]
    return traits


async def ids_of(api: httpx2.AsyncClient, who: str) -> set[tuple[str, str]]:
    return {(each["type"], each["id"]) for each in (await read(api, who, "external_ids", limit=100))["data"]}


async def names_of(api: httpx2.AsyncClient, who: str, **asked: Any) -> list[str]:
    return [each["event"] for each in (await read(api, who, "events", limit=100, **asked))["data"]]


async def refused(api: httpx2.AsyncClient, path: str, **more: Any) -> tuple[int, str]:
    answer = await api.get(path, **more)
    return answer.status_code, answer.json()["error"]["code"]


# Refusals


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize(
    ("who", "status", "code"),
    [
        ("users/profiles/user_id:nobody", 404, "not_found"),
        ("users/profiles/u-1001", 404, "not_found"),
        ("users/profiles/email:u-1001", 404, "not_found"),
        ("users/profiles/user_id:U-1001", 404, "not_found"),
        ("accounts/profiles/user_id:u-1001", 404, "not_found"),
        ("accounts/profiles/use_ZkJHqRxHDXs4zEj5Ewg9Sd6Lilp", 404, "not_found"),
        ("people/profiles/user_id:u-1001", 404, "not_found"),
        ("use!rs/profiles/user_id:u-1001", 400, "validation_error"),
    ],
)
async def test_who_is_not_there_is_not_found(
    api: httpx2.AsyncClient, part: str, who: str, status: int, code: str
) -> None:
    assert await refused(api, f"{BASE}/{who}/{part}") == (status, code)


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize(
    "auth",
    [None, httpx2.BasicAuth("wrong", ""), httpx2.BasicAuth("", PROFILE_TOKEN)],
    ids=["none", "wrong", "as-password"],
)
async def test_without_the_token_nobody_is_told_anything(
    api: httpx2.AsyncClient, part: str, auth: httpx2.BasicAuth | None
) -> None:
    api.auth = auth  # type: ignore[assignment]
    for who in (JANE, "users/profiles/user_id:nobody"):
        assert await refused(api, f"{BASE}/{who}/{part}") == (401, "authentication_error")


async def test_a_token_is_for_one_space_and_one_region(api: httpx2.AsyncClient) -> None:
    path = f"{BASE}/{JANE}/traits"
    assert await refused(api, path.replace(PROFILE_SPACE_ID, "spa_other")) == (401, "authentication_error")
    assert await refused(api, f"https://profiles.euw1.segment.com{path}") == (401, "authentication_error")


@pytest.mark.parametrize("path", [f"{BASE}/{JANE}/moons", f"{BASE}/{JANE}", f"{BASE}/users/profiles", "/v1/spaces/x"])
async def test_a_path_that_leads_nowhere_is_not_found(api: httpx2.AsyncClient, path: str) -> None:
    assert await refused(api, path) == (404, "not_found")
    assert (await api.post(path)).status_code == 404


@pytest.mark.parametrize(
    ("part", "asked"),
    [
        ("traits", {"limit": 0}), ("traits", {"limit": 201}), ("traits", {"limit": "ten"}),
        ("traits", {"limit": "1.5"}),
        ("traits", {"class": "moons"}), ("traits", {"next": "nowhere"}), ("traits", {"verbose": "yes"}),
        ("external_ids", {"limit": 101}), ("external_ids", {"next": "map_x"}),
        ("events", {"limit": 101}), ("events", {"sort": "up"}), ("events", {"start": "yesterday"}),
        ("events", {"end": "13.4.2026"}), ("events", {"next": "MTUx"}), ("links", {"limit": 21}),
        ("metadata", {"verbose": "1"}),
    ],
)  # fmt: skip
async def test_a_wrong_parameter_is_refused(api: httpx2.AsyncClient, part: str, asked: dict[str, Any]) -> None:
    assert await refused(api, f"{BASE}/{JANE}/{part}", params=asked) == (400, "invalid_request_error")


async def test_a_space_takes_a_hundred_calls_a_second(api: httpx2.AsyncClient, clock: Clock) -> None:
    for _ in range(100):
        await read(api, JANE, "metadata")
    assert await refused(api, f"{BASE}/{JANE}/traits") == (429, "rate_limit_error")
    clock.pass_by(timedelta(seconds=1))
    await read(api, JANE, "traits")


# The seeded people


async def test_the_example_shop_knows_people_and_accounts(api: httpx2.AsyncClient) -> None:
    assert (await traits_of(api, JANE))["email"] == "jane@customer.example"
    for who in ("users/profiles/email:jane%40customer.example", "users/profiles/use_ZkJHqRxHDXs4zEj5Ewg9Sd6Lilp"):
        assert await ids_of(api, who) == await ids_of(api, JANE)
    assert (await traits_of(api, "accounts/profiles/group_id:acme-offices"))["employees"] == 230
    assert await ids_of(api, "users/profiles/use_oyPzAy0ZWobqVM3jmSXoZXaYcbS") == {
        ("anonymous_id", "e81f5b70-6a2d-4d93-9e4c-b05c7f1a3d66")
    }


async def test_events_reach_fourteen_days_back(api: httpx2.AsyncClient, clock: Clock) -> None:
    before = await names_of(api, JANE)
    assert before == ["Product Viewed", "Order Completed", "Product Added", "Product Viewed"]
    clock.pass_by(timedelta(days=14) - timedelta(hours=30))
    assert await names_of(api, JANE) == ["Product Viewed"]
    clock.pass_by(timedelta(seconds=1))
    assert await names_of(api, JANE) == []


# Traits


async def test_ten_traits_are_told_unless_more_are_asked_for(api: httpx2.AsyncClient) -> None:
    few = await read(api, JANE, "traits")
    assert (len(few["traits"]), few["cursor"]["has_more"], few["cursor"]["limit"]) == (10, True, 10)
    found, following = dict(few["traits"]), few["cursor"]["next"]
    rest = await read(api, JANE, "traits", limit=200, next=following)
    assert next(iter(rest["traits"])) == following
    assert found | rest["traits"] == await traits_of(api, JANE)
    assert (rest["cursor"]["has_more"], rest["cursor"]["next"]) == (False, "")


async def test_traits_are_picked_by_name_and_by_class(api: httpx2.AsyncClient) -> None:
    picked = await read(api, JANE, "traits", include="plan,nothing,loyalty_points")
    assert picked["traits"] == {"plan": "plus", "loyalty_points": 420}
    audiences = await read(api, JANE, "traits", **{"class": "audience"})
    assert audiences["traits"] == {"frequent_buyers": True, "lapsed_frequent_buyers": False}
    computed = await read(api, JANE, "traits", **{"class": "computed_trait"})
    assert computed["traits"] == {"total_spent": 143.4}


async def test_a_verbose_trait_tells_its_source_and_age(api: httpx2.AsyncClient) -> None:
    (told,) = (await read(api, JANE, "traits", include="plan", verbose="true"))["traits"].values()
    assert told["value"] == "plus"
    assert told["source_id"] == "mUKOhdxnZrEGXQugaGCxWZ"
    assert datetime.fromisoformat(told["updated_at"]).tzinfo is not None


async def test_an_identify_makes_a_profile_and_the_last_value_of_a_trait_counts(
    client: httpx2.AsyncClient, api: httpx2.AsyncClient
) -> None:
    await send(client, "identify", {"userId": "New-1", "traits": {"plan": "a", "color": "red", "Age of Cat": 3}})
    await send(client, "identify", {"userId": "new-1", "traits": {"plan": "b", "color": None}})
    assert await traits_of(api, "users/profiles/user_id:new-1") == {"plan": "b", "Age of Cat": 3}


@pytest.mark.parametrize(
    "event",
    [
        {"userId": "odd", "traits": {f"t{number}": 1 for number in range(300)}},
        {"userId": "odd", "messageId": "m" * 101},
        {"anonymousId": "null", "traits": {"a": 1}},
        {"anonymousId": "00-000", "traits": {"a": 1}},
        {"userId": "-1", "anonymousId": "Anonymous", "traits": {"a": 1}},
        {"userId": "", "traits": {"a": 1}},
    ],
    ids=["too-many-traits", "long-message-id", "null", "zeroes", "minus-one", "failed-on-ingest"],
)
async def test_what_unify_drops_makes_no_profile(
    client: httpx2.AsyncClient, api: httpx2.AsyncClient, event: dict[str, Any]
) -> None:
    await send(client, "identify", event)
    for who in ("user_id:odd", "anonymous_id:null", "anonymous_id:00-000", "user_id:-1", "anonymous_id:anonymous"):
        assert (await api.get(f"{BASE}/users/profiles/{who}/metadata")).status_code == 404


# Identity


async def test_identifiers_come_from_the_places_that_are_documented(
    client: httpx2.AsyncClient, api: httpx2.AsyncClient
) -> None:
    context = {
        "traits": {"email": "Ada@X.example"},
        "device": {"type": "ios", "id": "DEV", "token": "TOK", "advertisingId": "IDFA", "adTrackingEnabled": True},
        "externalIds": [
            {"id": "123-456", "type": "phone", "collection": "users", "encoding": "none"},
            {"id": "g", "type": "shop", "collection": "accounts", "encoding": "none"},
            {"id": "without-encoding", "type": "phone", "collection": "users"},
        ],
    }
    await send(client, "track", {"event": "E", "userId": "ADA", "anonymousId": "Anon", "context": context})
    assert await ids_of(api, "users/profiles/user_id:ada") == {
        ("user_id", "ada"), ("anonymous_id", "anon"), ("email", "ada@x.example"), ("ios.id", "dev"),
        ("ios.push_token", "tok"), ("ios.idfa", "idfa"), ("phone", "123-456"),
    }  # fmt: skip


async def test_a_phone_number_is_found_by_its_encoded_plus_only(
    client: httpx2.AsyncClient, api: httpx2.AsyncClient
) -> None:
    phone = {"id": "+5555550123", "type": "phone_number", "collection": "users", "encoding": "none"}
    await send(client, "track", {"event": "E", "userId": "caller", "context": {"externalIds": [phone]}})
    answer = await api.get(f"{BASE}/users/profiles/phone_number:%2B5555550123/metadata")
    assert answer.status_code == 200
    assert (await api.get(f"{BASE}/users/profiles/phone_number:+5555550123/metadata")).status_code == 404


async def test_a_common_identifier_makes_one_profile_of_two(
    client: httpx2.AsyncClient, api: httpx2.AsyncClient, clock: Clock
) -> None:
    await send(client, "identify", {"anonymousId": "phone", "traits": {"color": "red", "size": 1}})
    clock.pass_by(timedelta(minutes=1))
    await send(client, "track", {"event": "Seen", "anonymousId": "phone"})
    await send(client, "identify", {"userId": "ida", "traits": {"color": "blue"}})
    await send(client, "track", {"event": "Bought", "userId": "ida"})
    assert (await api.get(f"{BASE}/users/profiles/anonymous_id:phone/metadata")).json() != (
        await api.get(f"{BASE}/users/profiles/user_id:ida/metadata")
    ).json()
    clock.pass_by(timedelta(minutes=1))
    await send(client, "track", {"event": "Logged In", "userId": "ida", "anonymousId": "phone"})
    for who in ("users/profiles/user_id:ida", "users/profiles/anonymous_id:phone"):
        assert await traits_of(api, who) == {"color": "blue", "size": 1}
        assert sorted(await names_of(api, who)) == ["Bought", "Logged In", "Seen"]
        assert await ids_of(api, who) == {("user_id", "ida"), ("anonymous_id", "phone")}


async def test_two_users_of_one_device_stay_two(client: httpx2.AsyncClient, api: httpx2.AsyncClient) -> None:
    for user in ("first", "second"):
        await send(client, "identify", {"userId": user, "anonymousId": "tablet", "traits": {"name": user}})
    assert await ids_of(api, "users/profiles/user_id:first") == {("user_id", "first"), ("anonymous_id", "tablet")}
    assert await ids_of(api, "users/profiles/user_id:second") == {("user_id", "second")}
    assert await traits_of(api, "users/profiles/anonymous_id:tablet") == {"name": "first"}


async def test_a_sixth_device_is_left_out(client: httpx2.AsyncClient, api: httpx2.AsyncClient) -> None:
    for number in range(6):
        await send(client, "track", {"event": f"E{number}", "userId": "u", "anonymousId": f"device-{number}"})
    ids = await ids_of(api, "users/profiles/user_id:u")
    assert ids == {("user_id", "u")} | {("anonymous_id", f"device-{number}") for number in range(5)}
    assert "E5" in await names_of(api, "users/profiles/user_id:u")


@pytest.mark.parametrize("known_as", ["anonymousId", "userId"])
async def test_an_alias_makes_one_of_both(client: httpx2.AsyncClient, api: httpx2.AsyncClient, known_as: str) -> None:
    await send(client, "track", {"event": "Before", known_as: "old"})
    await send(client, "track", {"event": "After", "userId": "new"})
    await send(client, "alias", {"previousId": "OLD", "userId": "new"})
    assert sorted(await names_of(api, "users/profiles/user_id:new")) == ["After", "Before"]
    await send(client, "track", {"event": "Later", known_as: "old"})
    assert len(await names_of(api, "users/profiles/user_id:new")) == 3


async def test_an_alias_of_somebody_unknown_leads_to_the_user(
    client: httpx2.AsyncClient, api: httpx2.AsyncClient
) -> None:
    await send(client, "alias", {"previousId": "ghost", "userId": "new"})
    assert await ids_of(api, "users/profiles/anonymous_id:ghost") == {("user_id", "new"), ("anonymous_id", "ghost")}


async def test_a_group_makes_an_account_and_links_both_ways(
    client: httpx2.AsyncClient, api: httpx2.AsyncClient
) -> None:
    for user in ("ann", "bob"):
        await send(
            client, "group", {"userId": user, "groupId": "Firm", "traits": {"size": 7, "email": "f@firm.example"}}
        )
    assert await traits_of(api, "accounts/profiles/group_id:firm") == {"size": 7, "email": "f@firm.example"}
    assert await ids_of(api, "users/profiles/user_id:ann") == {("user_id", "ann")}
    (link,) = (await read(api, "users/profiles/user_id:ann", "links"))["data"]
    assert link["to_collection"] == "accounts"
    assert [(each["type"], each["id"]) for each in link["external_ids"]] == [("group_id", "firm")]
    back = (await read(api, "accounts/profiles/group_id:firm", "links"))["data"]
    assert [each["external_ids"][0]["id"] for each in back] == ["ann", "bob"]


async def test_links_survive_a_merge(client: httpx2.AsyncClient, api: httpx2.AsyncClient, clock: Clock) -> None:
    await send(client, "group", {"anonymousId": "tab", "groupId": "firm"})
    clock.pass_by(timedelta(minutes=1))
    await send(client, "group", {"userId": "ann", "groupId": "firm"})
    await send(client, "identify", {"userId": "ann", "anonymousId": "tab"})
    (back,) = (await read(api, "accounts/profiles/group_id:firm", "links"))["data"]
    assert {each["id"] for each in back["external_ids"]} == {"ann", "tab"}


async def test_no_more_links_are_told_than_the_limit(client: httpx2.AsyncClient, api: httpx2.AsyncClient) -> None:
    for number in range(21):
        await send(client, "group", {"userId": f"u{number}", "groupId": "firm"})
    for asked, count in (({}, 10), ({"limit": 20}, 20)):
        assert len((await read(api, "accounts/profiles/group_id:firm", "links", **asked))["data"]) == count


# Events


async def test_events_are_told_newest_first_in_pages(
    client: httpx2.AsyncClient, api: httpx2.AsyncClient, clock: Clock
) -> None:
    for number in range(25):
        clock.pass_by(timedelta(seconds=1))
        await send(client, "track", {"event": f"E{number}", "userId": "u", "properties": {"n": number}})
    found: list[str] = []
    asked: dict[str, Any] = {}
    while True:
        page = await read(api, "users/profiles/user_id:u", "events", **asked)
        found += [each["event"] for each in page["data"]]
        if not page["cursor"]["has_more"]:
            break
        asked = {"next": page["cursor"]["next"]}
    assert found == [f"E{number}" for number in reversed(range(25))]
    assert (await names_of(api, "users/profiles/user_id:u", sort="asc"))[0] == "E0"
    assert await names_of(api, "users/profiles/user_id:u", include="E3,E7") == ["E7", "E3"]
    rest = await names_of(api, "users/profiles/user_id:u", exclude="E24")
    assert (len(rest), rest[0]) == (24, "E23")
    between = {"start": "2026-05-20T12:00:40Z", "end": "2026-05-20T12:00:43Z"}
    assert await names_of(api, "users/profiles/user_id:u", **between) == ["E11", "E10"]


async def test_an_event_is_told_as_it_came(client: httpx2.AsyncClient, api: httpx2.AsyncClient) -> None:
    context = {"ip": "203.0.113.9", "traits": {"email": "u@x.example"}}
    sent = {"event": "Paid", "userId": "u", "messageId": "m-1", "properties": {"total": 3}, "context": context}
    await send(client, "track", {**sent, "timestamp": "2026-05-19T08:00:00.000Z"})
    (told,) = (await read(api, "users/profiles/user_id:u", "events"))["data"]
    assert (told["event"], told["message_id"], told["properties"], told["context"]) == (
        "Paid",
        "m-1",
        {"total": 3},
        context,
    )
    assert told["timestamp"] == "2026-05-19T08:00:00.000Z"
    assert {(each["type"], each["id"]) for each in told["external_ids"]} == {("user_id", "u"), ("email", "u@x.example")}


async def test_a_repeat_counts_once_and_only_track_events_are_told(
    client: httpx2.AsyncClient, api: httpx2.AsyncClient
) -> None:
    for _ in range(2):
        await send(client, "track", {"event": "Paid", "userId": "u", "messageId": "m-1"})
    for kind, fields in (
        ("page", {"name": "P"}),
        ("screen", {"name": "S"}),
        ("identify", {}),
        ("group", {"groupId": "g"}),
    ):
        await send(client, kind, {"userId": "u", **fields})
    assert await names_of(api, "users/profiles/user_id:u") == ["Paid"]


async def test_a_page_makes_a_profile_of_somebody_unknown(client: httpx2.AsyncClient, api: httpx2.AsyncClient) -> None:
    await send(client, "page", {"anonymousId": "visitor", "messageId": "m-1"})
    metadata = (await read(api, "users/profiles/anonymous_id:visitor", "metadata"))["metadata"]
    assert (metadata["first_message_id"], metadata["last_message_id"]) == ("m-1", "m-1")
    assert metadata["created_at"] == "2026-05-20T12:00:30.000Z"


async def test_an_event_that_its_source_refuses_is_nobodys(client: httpx2.AsyncClient, api: httpx2.AsyncClient) -> None:
    await client.post("https://api.segment.io/v1/track", json={"event": "E", "userId": "lost", "writeKey": "unknown"})
    assert await refused(api, f"{BASE}/users/profiles/user_id:lost/traits") == (404, "not_found")


async def test_an_event_that_its_tracking_plan_blocks_is_nobodys(
    client: httpx2.AsyncClient, api: httpx2.AsyncClient, app: Starlette
) -> None:
    for key in ("server", "http"):
        await send(
            client, "track", {"event": "Never Planned", "userId": f"by-{key}", "messageId": f"by-{key}"}, key=key
        )
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url=HOST) as plain:
        arrived = (await plain.get("/_sandbox/events", params={"messageId": "by-server"})).json()["events"]
    assert [bool(each.get("blocked")) for each in arrived] == [True], arrived
    assert await refused(api, f"{BASE}/users/profiles/user_id:by-server/traits") == (404, "not_found")
    assert await names_of(api, "users/profiles/user_id:by-http") == ["Never Planned"]


# Faults


@pytest.mark.parametrize(
    ("status", "code"),
    [(401, "authentication_error"), (404, "not_found"), (429, "rate_limit_error"), (400, "invalid_request_error"),
     (503, "internal_error")],
)  # fmt: skip
async def test_a_fault_that_was_set_strikes_in_the_apis_own_words(
    client: httpx2.AsyncClient, app: Starlette, status: int, code: str
) -> None:
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url=HOST) as plain:
        await plain.post("/_sandbox/faults", json={"operation": "getProfileTraits", "status": status})
        answer = await plain.get(f"{BASE}/{JANE}/traits")
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert (await client.get("/sources")).status_code == 200


# Bounds


def _arrival(number: int) -> Arrival:
    moment = datetime(2026, 5, 20, tzinfo=UTC) + timedelta(seconds=number)
    return Arrival("source", f"m{number}", moment, moment)


def test_the_profile_that_nobody_touched_for_longest_is_forgotten_first() -> None:
    profiles = Profiles()
    for number in range(MAX_PROFILES):
        profiles.take({"type": "group", "userId": f"u{number}", "groupId": "g"} if number == 1
                      else {"type": "page", "userId": f"u{number}"}, _arrival(number))  # fmt: skip
    profiles.take({"type": "page", "userId": "u2"}, _arrival(MAX_PROFILES))
    for number in range(3):
        profiles.take({"type": "page", "userId": f"x{number}"}, _arrival(MAX_PROFILES + number))
    assert [profiles.find("users", f"user_id:u{number}") is not None for number in range(6)] == [
        False, False, True, False, True, True,
    ]  # fmt: skip
    account = profiles.find("accounts", "group_id:g")
    assert account is None or not account.links


def test_no_more_events_are_kept_than_the_bound() -> None:
    profiles = Profiles()
    for number in range(MAX_EVENTS + 10):
        profiles.take({"type": "track", "userId": "u", "event": f"E{number}"}, _arrival(number))
    user = profiles.find("users", "user_id:u")
    assert user is not None
    kept = profiles.events(user, _arrival(MAX_EVENTS).received)
    assert (len(kept), kept[0].event) == (MAX_EVENTS, "E10")
