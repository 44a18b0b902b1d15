"""What leaves for a destination: payloads per subscription, what lets them through, and no secret among them."""

from collections.abc import Mapping
from typing import Any

import pytest

from segment_mcp.errors import InvalidArguments, NotFound, SegmentMcpError
from segment_mcp.questions import mapping
from segment_mcp.questions.mapping import masked_url
from tests.questions.asking import LEAPING, World, track, world
from tests.questions.connecting import (
    COMMANDBAR,
    IDENTIFY_USER,
    INTERCOM,
    MIXPANEL,
    MIXPANEL_TRACK,
    POST,
    add_filter,
    destination,
    subscribe,
)

pytestmark = pytest.mark.anyio
ORDERS = 'type = "track" and event = "Order Completed"'
ORDER = track("Order Completed", properties={"total": 120, "email": "a@shop.example"})
IDENTIFY = {"type": "identify", "userId": "u-1", "traits": {"plan": "pro", "seats": 3}}


@pytest.fixture
def anyio_backend() -> Any:
    return LEAPING


async def ask(to: World, event: Mapping[str, Any] = ORDER, **about: Any) -> dict[str, Any]:
    asked = {"destination_id": None, "subscription_id": None, "mapping": None, "command_ai": False}
    return await mapping.ask(to.reading(), event=event, **{**asked, **about})


async def hook(to: World, metadata: str | None = None, **more: Any) -> str:
    """The ID of a destination of a source of its own."""
    source_id, _ = await to.source("shop")
    return await (
        destination(to, source_id, **more) if metadata is None else destination(to, source_id, metadata, **more)
    )


async def literal(mapping_: Mapping[str, Any], event: Mapping[str, Any] = ORDER, **about: Any) -> dict[str, Any]:
    async with world() as to:
        answer = await ask(to, event, mapping=mapping_, **about)
        assert to.asked == []
        return answer


async def test_a_mapping_of_ones_own_is_rendered_and_nothing_is_read() -> None:
    answer = await literal({"id": {"@path": "$.userId"}, "label": {"@template": "{{event}}!"}, "fixed": 7})
    assert answer["payload"] == {"id": "u-1", "label": "Order Completed!", "fixed": 7}
    assert answer["evidence"] == answer["gaps"] == []


async def test_what_segment_adds_to_an_event_can_be_mapped() -> None:
    payload = (await literal({"at": {"@path": "$.receivedAt"}, "own": {"@path": "$.messageId"}}))["payload"]
    assert payload["at"].startswith("2026-")
    assert payload["own"]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"id": {"@nothing": "$.userId"}}, "id"),
        ({"id": {"@path": 7}}, "id.@path"),
        ({"id": {"@path": "$.a", "@template": "b"}}, "id"),
    ],
)
async def test_what_is_wrong_with_a_mapping_is_named(given: Mapping[str, Any], field: str) -> None:
    answer = await literal(given)
    assert [each["field"] for each in answer["problems"]] == [field]
    assert answer["failure"]
    assert "payload" not in answer
    assert "can't be rendered" in answer["summary"]


async def test_a_subscription_that_fires_sends_its_payload() -> None:
    async with world() as to:
        destination_id = await hook(to, MIXPANEL)
        settings = {"event": {"@path": "$.event"}, "event_properties": {"@path": "$.properties"}}
        await subscribe(to, destination_id, ORDERS, actionId=MIXPANEL_TRACK, settings=settings)
        other = await subscribe(to, destination_id, 'event = "Other"', actionId=MIXPANEL_TRACK, settings=settings)
        answer = await ask(to, destination_id=destination_id)
        (sent,) = answer["subscriptions"]
        assert sent["payload"] == {"event": "Order Completed", "event_properties": ORDER["properties"]}
        assert (answer["outcome"], sent["fires"], sent["leaves"]) == ("sent", "yes", "yes")
        assert [(each["id"], each["fires"]) for each in answer["others"]] == [(other, "no")]
        assert "Of 2 subscriptions 1 would send" in answer["summary"]


async def test_of_webhooks_the_request_is_shown_and_its_data_is_what_leaves() -> None:
    async with world() as to:
        destination_id = await hook(to)
        settings = {
            "url": "https://amy:hunter2@hooks.shop.example/in?key=hunter2#hunter2",
            "method": "PUT",
            "headers": {"X-Any": "hunter2", "X-Shop": {"@path": "$.userId"}},
            "data": {"total": {"@path": "$.properties.total"}},
        }
        await subscribe(to, destination_id, ORDERS, settings=settings)
        answer = await ask(to, destination_id=destination_id)
        assert answer["subscriptions"][0]["request"] == {
            "method": "PUT",
            "url": "https://****@hooks.shop.example/****",
            "headers": {"X-Any": "****", "X-Shop": "****"},
            "body": {"total": 120},
        }
        assert "hunter2" not in str(answer)


async def test_secrets_that_stand_in_a_mapping_are_never_shown() -> None:
    given = {
        "url": "https://hooks.slack.example/services/T1/B2/hunter2",
        "apiKey": "hunter2",
        "auth": {"token": {"@template": "hunter2 {{userId}}"}, "list": [{"secret": "hunter2"}]},
        "link": {"@template": "https://x.example/?token=hunter2&u={{userId}}"},
        "shown": {"id": {"@path": "$.userId"}, "note": "plain"},
    }
    answer = await literal(given)
    assert "hunter2" not in str(answer)
    assert answer["payload"]["shown"] == {"id": "u-1", "note": "plain"}
    assert answer["payload"]["url"] == "https://hooks.slack.example/****"


SECRET = "hunter2hunter2"
HOLDS_SECRET = {"password": SECRET}


@pytest.mark.parametrize(
    "given",
    [
        {"note": {"@template": f"Bearer {SECRET} {{{{userId}}}}"}},
        {"note": f"authorization: basic {SECRET}"},
        {"note": {"@template": f"https://hooks.slack.example/T1/{SECRET}?u={{{{userId}}}}"}},
        {"note": {"@template": f'<a href="https://a:b@{SECRET}@shop.example/in?{SECRET}">{{{{userId}}}}</a>'}},
        {"note": {"@if": {"exists": {"@path": "$.userId"}, "then": f"https://hooks.slack.example/{SECRET}"}}},
        {"note": {"@merge": {"direction": "right", "objects": [{"@path": "$.properties"}, HOLDS_SECRET]}}},
        {"@merge": {"direction": "right", "objects": [{"@path": "$.properties"}, HOLDS_SECRET]}},
        {"note": {"@if": {"exists": {"@path": "$.userId"}, "then": HOLDS_SECRET}}},
        {"note": {"@flatten": {"separator": ".", "value": {"a": HOLDS_SECRET, "b": {"@path": "$.userId"}}}}},
        {"note": {"@transform": {"apply": HOLDS_SECRET, "mapping": {"renamed": {"@path": "$.password"}}}}},
        {"note": {"@excludeWhenNull": {**HOLDS_SECRET, "id": {"@path": "$.userId"}}}},
        {"note": {"@json": {"mode": "encode", "value": {**HOLDS_SECRET, "id": {"@path": "$.userId"}}}}},
        {"note": {"@json": {"mode": "encode", "value": [{"password": "pw-1"}, {"@path": "$.userId"}]}}},
        {"note": {"@json": {"mode": "decode", "value": f'{{"deep": [{{"apiKey": "{SECRET}"}}]}}'}}},
        {"headers": {"X-Any": {"@template": f"{SECRET} {{{{userId}}}}"}}},
        {"url": "https://hooks.example/", "data": {"method": f"Bearer {SECRET}"}, "method": f"Bearer {SECRET}"},
    ],
    ids=range(16),
)
async def test_a_secret_is_hidden_whatever_directive_made_the_value(given: Mapping[str, Any]) -> None:
    answer = await literal(given)
    assert "failure" not in answer
    assert SECRET not in str(answer)
    assert "pw-1" not in str(answer)
    assert "****" in str(answer)


async def test_what_the_event_says_is_masked_by_name_and_else_shown_whole() -> None:
    properties = {
        "page": "https://shop.example/a?b=1",
        "plan": "Basic monthly",
        "raw": '{"a": [1]}',
        "deep": [{"password": SECRET}],
    }
    given = {
        "all": {"@path": "$.properties"},
        "page": {"@template": "{{properties.page}}"},
        "plan": {"@if": {"exists": {"@path": "$.properties.plan"}, "then": {"@path": "$.properties.plan"}}},
    }
    shown = (await literal(given, track("Order Completed", properties=properties)))["payload"]
    assert shown == {
        "all": {**properties, "deep": [{"password": "****"}]},
        "page": properties["page"],
        "plan": properties["plan"],
    }


async def test_a_plain_text_with_a_colon_is_shown_whole() -> None:
    assert (await literal({"note": "Viewed: a/b"}))["payload"] == {"note": "Viewed: a/b"}


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://hooks.example", "https://hooks.example"),
        ("https://hooks.example:8443/", "https://hooks.example:8443/"),
        ("https://hooks.example/a", "https://hooks.example/****"),
        ("https://hooks.example?b=1", "https://hooks.example/****"),
        ("https://hooks.example/#b", "https://hooks.example/****"),
        ("https://me:a@b@hooks.example/a", "https://****@hooks.example/****"),
        ("hunter2", None),
        ("http://[broken", None),
        (7, None),
        (None, None),
    ],
)
def test_a_url_is_shown_without_what_it_may_permit(url: Any, shown: str | None) -> None:
    assert masked_url(url) == shown


@pytest.mark.parametrize("directive", [{"@path": "$."}, {"@path": "$.properties"}])
async def test_the_payload_is_made_of_what_the_filters_left(directive: Mapping[str, Any]) -> None:
    async with world() as to:
        source_id, _ = await to.source("shop")
        destination_id = await destination(to, source_id)
        await subscribe(to, destination_id, ORDERS, settings={**POST, "data": directive})
        fields = {"properties": ["email"]}
        await add_filter(to, source_id, destination_id, 'type = "track"', type="DROP_PROPERTIES", fields=fields)
        answer = await ask(to, destination_id=destination_id)
        assert "a@shop.example" not in str(answer["subscriptions"])
        assert answer["filtered"] is True
        assert answer["filters"] == ['Filter "Not these" drops some fields.']


async def test_a_filter_that_drops_the_event_lets_nothing_leave() -> None:
    async with world() as to:
        source_id, _ = await to.source("shop")
        destination_id = await destination(to, source_id)
        await subscribe(to, destination_id, ORDERS)
        await add_filter(to, source_id, destination_id, "properties.total > 100")
        answer = await ask(to, destination_id=destination_id)
        assert (answer["outcome"], answer["code"]) == ("kept", "FILTERED_BY_RULES")
        assert answer["subscriptions"][0]["leaves"] == "no"


async def test_a_required_field_that_comes_out_empty_is_named() -> None:
    async with world() as to:
        destination_id = await hook(to, MIXPANEL)
        settings = {"event": {"@path": "$.properties.label"}}
        await subscribe(to, destination_id, ORDERS, actionId=MIXPANEL_TRACK, settings=settings)
        answer = await ask(to, destination_id=destination_id)
        (kept,) = answer["subscriptions"]
        assert (kept["missing"], kept["leaves"]) == (["event"], "no")
        assert answer["code"] == "FILTERED_AT_MAPPING"


async def test_one_subscription_is_rendered_even_if_it_would_not_fire() -> None:
    async with world() as to:
        destination_id = await hook(to)
        await subscribe(to, destination_id, ORDERS)
        off = await subscribe(to, destination_id, ORDERS, enabled=False, settings={**POST, "data": {"a": 1}})
        answer = await ask(to, destination_id=destination_id, subscription_id=off)
        (entry,) = answer["subscriptions"]
        assert (entry["id"], entry["fires"], entry["leaves"]) == (off, "no", "no")
        assert entry["request"]["body"] == {"a": 1}
        assert not any("subscriptions" in path and not path.endswith(off) for path in to.asked[-3:])


@pytest.mark.parametrize(
    ("metadata", "more", "outcome", "leaves"),
    [
        (None, {"enabled": False}, "kept", "no"),
        (COMMANDBAR, {}, "unseen", "unseen"),
    ],
)
async def test_where_the_destination_does_not_send_nothing_is_said_to_leave(
    metadata: str | None, more: Mapping[str, Any], outcome: str, leaves: str
) -> None:
    async with world() as to:
        destination_id = await hook(to, metadata, **more)
        browser = {"actionId": IDENTIFY_USER, "settings": {"userId": {"@path": "$.userId"}}}
        await subscribe(to, destination_id, 'type = "identify"', **(browser if metadata else {}))
        answer = await ask(to, IDENTIFY, destination_id=destination_id)
        assert (answer["outcome"], answer["subscriptions"][0]["leaves"]) == (outcome, leaves)


async def test_a_classic_destination_has_no_mappings() -> None:
    async with world() as to:
        answer = await ask(to, destination_id=await hook(to, INTERCOM))
        assert (answer["outcome"], answer["subscriptions"]) == ("sent", [])


@pytest.mark.parametrize(
    ("event", "data", "properties"),
    [
        (IDENTIFY, {"@path": "$."}, {"plan": "pro", "seats": 3}),
        (ORDER, {"@path": "$."}, {}),
        (
            ORDER,
            {
                "userId": {"@path": "$.userId"},
                "user_property.last total": {"@path": "$.properties.total"},
                "user_property_event": {"@path": "$.event"},
            },
            {"last total": 120, "Order Completed": True},
        ),
    ],
)
async def test_command_ai_records_user_properties(
    event: Mapping[str, Any], data: Mapping[str, Any], properties: Mapping[str, Any]
) -> None:
    async with world() as to:
        destination_id = await hook(to)
        await subscribe(to, destination_id, "userId != null", settings={**POST, "data": data})
        answer = await ask(to, event, destination_id=destination_id, command_ai=True)
        recorded = answer["subscriptions"][0]["commandAi"]
        assert recorded["userProperties"] == properties
        assert "nudges" in recorded["note"]
        assert "ignored" not in recorded


async def test_what_is_no_webhook_is_nothing_to_command_ai() -> None:
    async with world() as to:
        destination_id = await hook(to, MIXPANEL)
        await subscribe(to, destination_id, ORDERS, actionId=MIXPANEL_TRACK, settings={"event": {"@path": "$.event"}})
        answer = await ask(to, destination_id=destination_id, command_ai=True)
        assert "commandAi" not in answer["subscriptions"][0]
        assert "Command AI's webhook" in answer["summary"]


async def test_command_ai_ignores_what_names_no_user() -> None:
    given = {"user_property.plan": {"@path": "$.traits.plan"}}
    answer = await literal(given, {**IDENTIFY, "userId": None, "anonymousId": "a-1"}, command_ai=True)
    assert answer["commandAi"]["userProperties"] == {}
    assert "userId" in answer["commandAi"]["ignored"]
    assert "ignores" in answer["summary"]


async def test_a_destination_or_a_mapping_is_needed() -> None:
    async with world() as to:
        with pytest.raises(InvalidArguments):
            await ask(to)


@pytest.mark.parametrize("about", [{"destination_id": "nowhere"}, {"subscription_id": "nothing"}])
async def test_what_is_named_and_not_there_is_not_found(about: Mapping[str, Any]) -> None:
    async with world() as to:
        with pytest.raises(NotFound):
            await ask(to, **{"destination_id": await hook(to), **about})


@pytest.mark.parametrize(("operation", "named"), [("getDestination", False), ("getSubscriptionFromDestination", True)])
async def test_without_what_was_named_there_is_no_answer(operation: str, named: bool) -> None:  # noqa: FBT001
    async with world() as to:
        destination_id = await hook(to)
        subscription_id = await subscribe(to, destination_id, ORDERS)
        await to.fault(operation, status=403)
        with pytest.raises(SegmentMcpError):
            await ask(to, destination_id=destination_id, subscription_id=subscription_id if named else None)


@pytest.mark.parametrize("fault", [{"status": 500}, {"status": 403}, {"body": "html"}, {"delaySeconds": 60}], ids=str)
@pytest.mark.parametrize("operation", ["listSubscriptionsFromDestination", "listFiltersFromDestination"])
async def test_what_cant_be_read_makes_the_outcome_unknown(operation: str, fault: Mapping[str, Any]) -> None:
    async with world() as to:
        destination_id = await hook(to)
        await subscribe(to, destination_id, ORDERS)
        await to.fault(operation, **fault)
        answer = await ask(to, destination_id=destination_id)
        assert {each["operation"] for each in answer["gaps"]} == {operation}
        assert answer["outcome"] == "unknown"
        assert "unknown" in answer["summary"]
        if operation == "listFiltersFromDestination":
            assert answer["filters"] is None
            assert answer["subscriptions"][0]["leaves"] == "unknown"
        else:
            assert answer["subscriptions"] is None


async def test_payloads_beyond_the_bound_are_counted() -> None:
    async with world() as to:
        destination_id = await hook(to)
        for number in range(mapping.MOST_RENDERED + 1):
            await subscribe(to, destination_id, ORDERS, name=f"Copy {number}")
        answer = await ask(to, destination_id=destination_id)
        assert (len(answer["subscriptions"]), answer["more"]) == (mapping.MOST_RENDERED, 1)
        assert f"{mapping.MOST_RENDERED + 1} would send" in answer["summary"]
