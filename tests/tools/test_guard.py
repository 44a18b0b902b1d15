"""What stands before Segment: no mask is written over a secret, none is got around by `select`, and who may do what."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest
from mcp import Client

from segment_mcp.operations import OPERATIONS, examples, get
from segment_mcp.operations.arguments import schema_of
from segment_mcp.redact import MASK, mask_settings
from segment_mcp.sandbox import API_TOKEN, WRITE_KEYS, create_app
from segment_mcp.server import build_server
from segment_mcp.tools.api import TOOL_OF
from tests.consent.parties import Clock, Frozen, Person, said, working
from tests.workbench import QUIET, QUIET_DESTINATION, WEBSITE, Wire, client, fields, refused, toolbox

UNATTENDED = {"SEGMENT_MCP_MODE": "unattended"}
BULLETS = "\u2022" * 4
MASKS = [
    BULLETS, "\u2022" * 2, "\u2022" * 40, f"{BULLETS}abcd", f"shop-{BULLETS}", f"a {BULLETS} b",
    MASK, f"{MASK}a1B2", f"{MASK}x",
]  # fmt: skip
DESTINATION_SECRETS = [
    "shop-amplitude-api-key", "shop-amplitude-secret-key", "shop-webhook-shared-secret", "shop-mixpanel-project-token",
    "shop-mixpanel-api-secret", "shop-braze-api-key", "shop-intercom-api-key", "shop-customerio-api-key",
]  # fmt: skip


async def call(tool: str, arguments: Mapping[str, Any], **settings: str) -> tuple[dict[str, Any], Wire]:
    wire = Wire()
    async with toolbox({**UNATTENDED, **settings}, wire) as opened:
        envelope = await opened.invoke(tool, arguments)
    return envelope.as_dict(), wire


def problem_fields(envelope: Mapping[str, Any]) -> list[str]:
    assert envelope["data"]["code"] == "invalid_arguments", envelope
    return fields(envelope["data"]["problems"])


# Masks on their way to Segment


@pytest.mark.parametrize("mask", MASKS, ids=ascii)
async def test_a_mask_in_settings_is_refused_by_its_path(mask: str) -> None:
    settings = {
        "plain": "text",
        "apiKey": mask,
        "nested": {"more": [{"name": "Authorization", "value": mask}, "text", mask]},
    }
    wanted = ["settings.apiKey", "settings.nested.more.0.value", "settings.nested.more.2"]
    for tool, arguments in (
        ("segment_update_source", {"sourceId": QUIET, "settings": settings}),
        ("segment_update_source", {"sourceId": QUIET, "settings": json.dumps(settings)}),
        ("segment_api_write", {"operation": "updateSource", "arguments": {"sourceId": QUIET, "settings": settings}}),
    ):
        envelope, wire = await call(tool, arguments)
        assert problem_fields(envelope) == wanted
        assert mask not in json.dumps(envelope["data"], ensure_ascii=False)
        assert wire.requests == []


async def test_a_mask_is_found_however_deep_it_is() -> None:
    settings: Any = BULLETS
    for depth in range(60):
        settings = {"a": settings} if depth % 2 else [settings]
    envelope, wire = await call("segment_update_source", {"sourceId": QUIET, "settings": {"top": settings}})
    (found,) = problem_fields(envelope)
    assert found == "settings.top" + ".a.0" * 30
    assert wire.requests == []


MAPS = {"settings", "connectionSettings"}


def takers() -> Iterator[tuple[str, str]]:
    """Every operation that writes a map of settings, and what it calls them."""
    for row in OPERATIONS.values():
        if row.api == "public" and row.safety != "read":
            for name, schema in schema_of(row)["properties"].items():
                if name in MAPS and schema.get("type", "object") == "object":
                    yield row.name, name


def with_mask(value: Any, mask: str) -> Any:
    """An example call with a mask in everything that is called settings, where its schema takes one."""
    if not isinstance(value, dict):
        return value
    return {
        name: {**inner, "secret": {"deep": [mask]}}
        if name in MAPS and isinstance(inner, dict)
        else with_mask(inner, mask)
        for name, inner in value.items()
    }


@pytest.mark.parametrize(("operation", "settings"), list(takers()))
async def test_every_operation_that_takes_settings_refuses_masks_before_anybody_is_asked(
    operation: str, settings: str
) -> None:
    row = get(operation)
    arguments = with_mask({settings: {}, **examples.example(row)}, BULLETS)
    wire = Frozen()
    async with working(wire, Clock(), {}) as opened:
        envelope = await opened.invoke(TOOL_OF[row.safety], {"operation": operation, "arguments": arguments})
    assert problem_fields(envelope.as_dict()) == [f"{settings}.secret.deep.0"]
    assert wire.requests == []


async def test_a_mask_in_settings_that_stand_deeper_is_refused() -> None:
    row = get("updateSubscriptionForDestination")
    arguments = {"destinationId": "d", "id": "i", "input": {"settings": {"apiKey": BULLETS}}}
    envelope, wire = await call(TOOL_OF[row.safety], {"operation": row.name, "arguments": arguments})
    assert problem_fields(envelope) == ["input.settings.apiKey"]
    assert wire.requests == []


async def test_a_header_that_was_shown_as_a_mask_is_not_written_back() -> None:
    shown = mask_settings({"url": "https://shop.example/in", "headers": {"X-Shop": "canary", "X-Id": {"@path": "$.a"}}})
    called = {
        "operation": "updateSubscriptionForDestination",
        "arguments": {"destinationId": "d", "id": "i", "input": {"settings": shown}},
    }
    envelope, wire = await call("segment_api_write", called)
    assert problem_fields(envelope) == ["input.settings.headers.X-Shop"]
    assert wire.requests == []


@pytest.mark.parametrize(
    "name",
    [f"Sales {BULLETS} 2026", f"{BULLETS} Sales", "**** four stars", "the key ****abcd of ours", "\u2022 one", "***"],
)
async def test_a_mask_within_ordinary_text_is_ordinary_text(name: str) -> None:
    envelope, wire = await call("segment_update_source", {"sourceId": QUIET, "name": name})
    assert envelope["successful"], envelope
    assert json.loads(wire.requests[-1].content) == {"name": name}


@pytest.mark.parametrize("value", ["\u2022", "a \u2022 b", "***", "a **** hotel", "**", "4*4", "", None, 4, True])
async def test_settings_that_only_look_a_little_like_masks_are_written(value: Any) -> None:
    envelope, wire = await call("segment_update_source", {"sourceId": QUIET, "settings": {"website_url": value}})
    assert envelope["successful"], envelope
    assert json.loads(wire.requests[-1].content) == {"settings": {"website_url": value}}


@pytest.mark.parametrize("mask", [BULLETS, MASK, f"{MASK}a1B2"], ids=ascii)
async def test_what_is_nothing_but_a_mask_is_refused_anywhere(mask: str) -> None:
    envelope, wire = await call("segment_update_source", {"sourceId": QUIET, "name": mask})
    assert problem_fields(envelope) == ["name"]
    assert wire.requests == []


async def test_what_a_tool_showed_can_not_be_written_back_over_a_secret() -> None:
    wire = Wire()
    async with toolbox(UNATTENDED, wire) as opened:

        async def stored() -> list[Any]:
            """As Segment has it: what went over the wire, before anything is masked."""
            answer = await wire.handle_async_request(
                httpx2.Request(
                    "GET",
                    "https://api.segmentapis.com/destinations?pagination.count=200",
                    headers={"Authorization": f"Bearer {API_TOKEN}"},
                )
            )
            return [each["settings"] for each in json.loads(await answer.aread())["data"]["destinations"]]

        before = await stored()
        listed = (await opened.invoke("segment_list_destinations", {})).data["destinations"]
        codes = set()
        for destination in listed:
            arguments = {"destinationId": destination["id"], "settings": destination["settings"]}
            envelope = await opened.invoke(
                "segment_api_write", {"operation": "updateDestination", "arguments": arguments}
            )
            shown = str(destination["settings"])
            codes.add((MASK in shown or BULLETS in shown, envelope.data.get("code")))
        assert await stored() == before
    assert codes == {(True, "invalid_arguments"), (False, None)}


# Secrets on their way from Segment


SELECTIONS = [
    ("getSource", {"sourceId": WEBSITE}, "source.writeKeys[0]"),
    ("getSource", {"sourceId": WEBSITE}, "{a: source.writeKeys, b: values(source)}"),
    ("getSource", {"sourceId": WEBSITE}, "reverse(source.writeKeys[0])"),
    ("getSource", {"sourceId": WEBSITE}, "to_string(source)"),
    ("getSource", {"sourceId": WEBSITE}, "join(' ', source.writeKeys)"),
    ("listSources", {"pagination": {"count": 100}}, "sources[].writeKeys[]"),
    ("listSources", {"pagination": {"count": 100}}, "sources[].{x: reverse(to_string(@))}"),
    ("getDestination", {"destinationId": QUIET_DESTINATION}, "{plain: destination.settings.apiKey}"),
    ("getDestination", {"destinationId": QUIET_DESTINATION}, "values(destination.settings)"),
    ("getDestination", {"destinationId": QUIET_DESTINATION}, "reverse(to_string(destination))"),
    ("listDestinations", {"pagination": {"count": 100}}, "destinations[].settings"),
    ("listDestinations", {"pagination": {"count": 100}}, "destinations[].merge(settings, `{}`)"),
    ("listWarehouses", {"pagination": {"count": 100}}, "warehouses[].values(settings)[]"),
]


@pytest.mark.parametrize(("operation", "arguments", "selection"), SELECTIONS, ids=[row[2] for row in SELECTIONS])
@pytest.mark.parametrize("reveal", ["0", "1"])
async def test_no_selection_brings_a_secret_to_light(
    operation: str, arguments: dict[str, Any], selection: str, reveal: str
) -> None:
    called = {"operation": operation, "arguments": arguments, "select": selection}
    envelope, wire = await call("segment_api_read", called, SEGMENT_MCP_REVEAL_WRITE_KEYS=reveal)
    assert envelope["successful"], envelope
    assert wire.sent()
    keys = [] if reveal == "1" else [*WRITE_KEYS.values()]
    secrets = [*DESTINATION_SECRETS, "shop-bigquery-service-account", "shop-postgres-password", API_TOKEN, *keys]
    text = json.dumps(envelope)
    assert [secret for secret in secrets if secret in text or secret[::-1] in text] == []


@pytest.mark.parametrize("selection", ["reverse(source.writeKeys[-1])", "source.writeKeys[-1]"])
async def test_what_a_write_answers_is_masked_before_it_is_selected(selection: str) -> None:
    called = {"operation": "createWriteKeyForSource", "arguments": {"sourceId": QUIET}}
    (plain, _), (picked, _) = [
        await call("segment_api_write", {**called, **more}) for more in ({}, {"select": selection})
    ]
    assert plain["successful"], plain
    assert picked["successful"], picked
    assert MASK in str(picked["data"])
    assert len(picked["data"]["selected"]) == len(MASK) + 4


@dataclass(slots=True)
class Echo(httpx2.AsyncBaseTransport):
    """Answers a request with its own headers, as Segment's echo says it does."""

    requests: list[httpx2.Request] = field(default_factory=list)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        data = {"method": "GET", "message": "hello", "headers": dict(request.headers)}
        return httpx2.Response(200, json={"data": data})


@pytest.mark.parametrize(
    "selection",
    [None, "headers", "headers.authorization", "reverse(headers.authorization)", "reverse(to_string(@))"],
    ids=str,
)
async def test_no_selection_gets_a_configured_credential_past_the_scrubber(selection: str | None) -> None:
    token = "sgp_canary-token-of-the-operator"
    settings = {"SEGMENT_MCP_SANDBOX": "0", "SEGMENT_REGION": "us", "SEGMENT_API_TOKEN": token}
    called = {"operation": "echo", "arguments": {"message": "hello"}, **({"select": selection} if selection else {})}
    async with toolbox(settings, Echo()) as opened:
        envelope = await opened.invoke("segment_api_read", called)
    assert envelope.successful
    text = envelope.as_json()
    assert (token in text, token[::-1] in text) == (False, False)


async def test_no_selection_tells_a_right_guess_of_a_credential_from_a_wrong_one() -> None:
    settings = {"SEGMENT_MCP_SANDBOX": "0", "SEGMENT_REGION": "us", "SEGMENT_API_TOKEN": "sgp_canary-token"}
    told = []
    async with toolbox(settings, Echo()) as opened:
        for guess in ("sgp_canary", "sgp_wrong"):
            selection = f"starts_with(headers.authorization, 'Bearer {guess}')"
            called = {"operation": "echo", "arguments": {"message": "hello"}, "select": selection}
            told.append((await opened.invoke("segment_api_read", called)).data)
    assert told[0] == told[1]


@dataclass(slots=True)
class Canned(httpx2.AsyncBaseTransport):
    """Answers everything with the same data."""

    data: Mapping[str, Any]

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        del request
        return httpx2.Response(200, json={"data": self.data})


@pytest.mark.parametrize("settings", ["settings", "connectionSettings", "encryptedSettings"])
@pytest.mark.parametrize("inner", [{"apiKey": "canary-secret"}, {"deep": [{"password": "canary-secret"}]}], ids=str)
async def test_every_map_of_settings_is_masked(settings: str, inner: Mapping[str, Any]) -> None:
    data = {"destinations": [{"id": "d", settings: inner}], "pagination": {"current": "MA=="}}
    environment = {"SEGMENT_MCP_SANDBOX": "0", "SEGMENT_REGION": "us", "SEGMENT_API_TOKEN": "token"}
    async with toolbox(environment, Canned(data)) as opened:
        envelope = await opened.invoke("segment_api_read", {"operation": "listDestinations"})
    assert envelope.successful
    assert MASK in envelope.as_json()
    assert "canary-secret" not in envelope.as_json()


@pytest.mark.parametrize(
    ("tool", "called"),
    [
        (
            "segment_api_destroy",
            {"operation": "deleteSource", "arguments": {"sourceId": QUIET}, "select": "abs(status)"},
        ),
        (
            "segment_api_write",
            {
                "operation": "updateSource",
                "arguments": {"sourceId": QUIET, "name": "Renamed"},
                "select": "abs(source.name)",
            },
        ),
    ],
    ids=["destroy", "write"],
)
async def test_what_was_done_is_not_denied_because_of_a_selection(tool: str, called: Mapping[str, Any]) -> None:
    envelope, wire = await call(tool, called)
    assert [method for method, _ in wire.sent() if method != "GET"] != []
    assert "Nothing was sent" not in str(envelope.get("error"))
    assert envelope["data"].get("code") != "invalid_arguments"


# Who may do what


PUBLIC = [row for row in OPERATIONS.values() if row.api == "public"]


async def test_each_operation_goes_through_the_door_of_its_kind_alone() -> None:
    wire = Wire()
    async with toolbox({**UNATTENDED, "SEGMENT_MCP_REGULATIONS": "on"}, wire) as opened:
        for row in PUBLIC:
            for tool in {*TOOL_OF.values()} - {TOOL_OF[row.safety]}:
                envelope = await opened.invoke(tool, {"operation": row.name, "arguments": examples.example(row)})
                assert problem_fields(envelope.as_dict()) == ["operation"], (row.name, tool)
                assert TOOL_OF[row.safety] in str(envelope.error)
    assert wire.requests == []


@pytest.mark.parametrize(
    "name",
    ["deletesource", "DeleteSource", "deleteSource ", " deleteSource", "deleteSource\x00", "delete\u200bSource",
     "deleteSource\n", "track", "batch", "segment_delete_source", "DELETE /sources/{sourceId}", "__class__"],
    ids=ascii,
)  # fmt: skip
@pytest.mark.parametrize("tool", TOOL_OF.values())
async def test_what_is_no_operation_is_none_by_any_spelling(tool: str, name: str) -> None:
    envelope, wire = await call(tool, {"operation": name, "arguments": {"sourceId": QUIET}})
    assert envelope["data"]["code"] == "unknown_operation"
    assert wire.requests == []


@pytest.mark.parametrize(
    "arguments", [{"sourceId": "../sources/x"}, {"sourceId": f"{QUIET}/writekey/x"}, {"sourceId": "x?"}]
)
async def test_no_argument_makes_another_operation_of_it(arguments: dict[str, str]) -> None:
    wire = Wire()
    async with client({}, wire) as agent:
        called = {"operation": "deleteSource", "arguments": arguments}
        assert refused(await agent.call_tool("segment_api_destroy", called))["code"] == "not_found"
    assert {(method, target.count("/")) for method, target in wire.sent()} == {("GET", 2)}


@pytest.mark.parametrize("toolsets", ["sources", "destinations,usage", "tracking"])
async def test_the_door_for_everything_is_closed_with_its_toolset(toolsets: str) -> None:
    wire = Wire()
    async with toolbox({**UNATTENDED, "SEGMENT_MCP_TOOLSETS": toolsets}, wire) as opened:
        for row in PUBLIC:
            envelope = await opened.invoke(
                TOOL_OF[row.safety], {"operation": row.name, "arguments": examples.example(row)}
            )
            assert envelope.data["code"] == "not_allowed", row.name
            assert envelope.data["setting"] == "SEGMENT_MCP_TOOLSETS"
    assert wire.requests == []


async def test_every_operation_that_destroys_waits_for_consent_and_is_sent_once() -> None:
    """Segment refuses each of them here, so that nothing is gone for the next."""
    clock = Clock()
    wire = Frozen(app=create_app(now=clock.now), status=422)
    async with working(wire, clock, {"SEGMENT_MCP_CONFIRM": "token"}) as opened:

        async def came_to(called: Mapping[str, Any]) -> Any:
            clock.pass_by(61)  # some of what is previewed may be read twice a minute
            return (await opened.invoke("segment_api_destroy", called)).data

        for row in PUBLIC:
            if row.safety != "destroy" or row.regulates:
                continue
            wire.requests.clear()
            called = {"operation": row.name, "arguments": examples.example(row)}
            asked = await came_to(called)
            assert (row.name, asked["code"], wire.mutations()) == (row.name, "confirmation_required", [])
            assert asked["preview"]["harm"] == row.harm
            confirmed = {**called, "confirmation": asked["confirmation"]}
            codes = [(await came_to(confirmed))["code"] for _ in range(2)]
            assert (row.name, codes) == (row.name, ["rejected", "confirmation_declined"])
            assert [method for method, _ in wire.mutations()] == [row.method], row.name


async def test_what_only_reads_or_can_be_taken_back_asks_nobody() -> None:
    wire, person = Frozen(), Person()
    async with (
        working(wire, Clock(), {}) as opened,
        Client(build_server(opened), elicitation_callback=person) as agent,
    ):
        for tool, arguments in (
            ("segment_update_source", {"sourceId": QUIET, "name": "Renamed"}),
            ("segment_api_write", {"operation": "createLabel", "arguments": {"label": {"key": "a", "value": "b"}}}),
            ("segment_api_read", {"operation": "listLabels"}),
        ):
            assert said(await agent.call_tool(tool, arguments)) == "done", tool
    assert [method for method, _ in wire.mutations()] == ["PATCH", "POST"]
    assert person.asked == []
