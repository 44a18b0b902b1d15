"""Completion as clients see it: IDs and names of the workspace in templates, and in the arguments of prompts."""

from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import mcp_types as types
import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError

from segment_mcp.operations import OPERATIONS
from segment_mcp.prompts.prompt import Argument, Prompt
from segment_mcp.resources.completing import LIFETIME
from segment_mcp.server import build_server
from segment_mcp.timing import Timing
from tests.adapter.clockwork import Clockwork
from tests.resources.reading import MODERN, UNATTENDED, read, timed
from tests.workbench import ERAS, NOW, QUIET, WEBSITE, Wire, client, data_of, toolbox

NAMES = ("sourceId", "destinationId", "trackingPlanId", "operation", "connection", "goal")
PROMPT = Prompt(
    "set_up",
    "Set up",
    "Sets up.",
    tuple(Argument(name, f"The {name}.", required=False) for name in NAMES),
    lambda given: f"Do {given}.",
)


def template(path: str) -> types.ResourceTemplateReference:
    return types.ResourceTemplateReference(uri=f"segment://{path}")


async def fitting(connected: Client, path: str, typed: str, **chosen: str) -> list[str]:
    """The values that complete the only variable of a template."""
    variable = path[path.index("{") + 1 : path.index("}")]
    argument = {"name": variable, "value": typed}
    found = await connected.complete(template(path), argument, context_arguments=chosen or None)
    return found.completion.values


def listings(wire: Wire, path: str) -> int:
    return len([target for _, target in wire.sent() if target.startswith(f"/{path}?")])


@pytest.mark.parametrize("era", ERAS)
async def test_ids_are_found_by_their_beginning_and_by_name(era: str) -> None:
    async with client(era=era) as connected:
        plan = (await read(connected, "segment://tracking-plans"))["trackingPlans"][0]
        destination = (await read(connected, "segment://destinations"))["destinations"][0]
        assert await fitting(connected, "sources/{sourceId}", WEBSITE[:6]) == [WEBSITE]
        assert await fitting(connected, "sources/{sourceId}", "wEbSi") == [WEBSITE]
        assert destination["id"] in await fitting(
            connected, "destinations/{destinationId}", destination["name"].upper()
        )
        for path in ("tracking-plans/{trackingPlanId}", "tracking-plans/{trackingPlanId}/rules"):
            assert plan["id"] in await fitting(connected, path, plan["name"][1:])
        assert "createSource" in await fitting(connected, "operations/{operation}", "source")
        assert (await fitting(connected, "operations/{operation}", "createsource"))[0] == "createSource"
        assert await fitting(connected, "sources/{sourceId}", "nothing is called so") == []


@pytest.mark.parametrize("era", ERAS)
async def test_nothing_typed_offers_everything_there_is_up_to_a_hundred(era: str) -> None:
    async with client(era=era) as connected:
        sources = (await read(connected, "segment://sources"))["sources"]
        argument = {"name": "sourceId", "value": ""}
        few = (await connected.complete(template("sources/{sourceId}"), argument)).completion
        argument = {"name": "operation", "value": ""}
        many = (await connected.complete(template("operations/{operation}"), argument)).completion
    public = [row for row in OPERATIONS.values() if row.api == "public"]
    assert few.values == [source["id"] for source in sources]
    assert (few.total, few.has_more) == (len(sources), False)
    assert (len(many.values), many.total, many.has_more) == (100, len(public), True)


async def test_an_import_is_found_by_its_id_and_its_file() -> None:
    event = {"type": "track", "event": "Paid", "userId": "u", "messageId": "m", "timestamp": "2026-03-01T00:00:00Z"}
    async with client() as connected:
        assert await fitting(connected, "imports/{importId}", "") == []
        made = data_of(await connected.call_tool("segment_import_historical_data", {"events": [event]}))
        assert await fitting(connected, "imports/{importId}", made["importId"][:4]) == [made["importId"]]
        assert await fitting(connected, "imports/{importId}", made["file"]) == [made["importId"]]


@pytest.mark.parametrize("era", ERAS)
async def test_the_arguments_of_prompts_are_completed_by_the_same_lists(era: str) -> None:
    async with (
        toolbox() as opened,
        Client(build_server(opened, [PROMPT]), mode=era, raise_exceptions=False) as connected,
    ):
        found = {}
        for name in NAMES:
            argument = {"name": name, "value": ""}
            result = await connected.complete(types.PromptReference(name="set_up"), argument)
            found[name] = result.completion.values
        unknown = await connected.complete(types.PromptReference(name="set_up"), {"name": "id", "value": ""})
        assert found["sourceId"] == await fitting(connected, "sources/{sourceId}", "")
        assert found["operation"] == await fitting(connected, "operations/{operation}", "")
    assert WEBSITE in found["sourceId"]
    assert found["destinationId"]
    assert found["trackingPlanId"]
    assert found["connection"] == ["sandbox"]
    assert found["goal"] == []
    assert unknown.completion.values == []


@pytest.mark.parametrize(
    "ref",
    [
        template("nothing/{id}"), template("sources"), template("sources/{sourceId}{?connection}"),
        template("sources/{destinationId}"), template(f"sources/{WEBSITE}"), types.PromptReference(name="nothing"),
        types.ResourceTemplateReference(uri=""), types.ResourceTemplateReference(uri="https://example.com/{sourceId}"),
    ],
    ids=str,
)  # fmt: skip
async def test_what_is_no_template_or_prompt_of_this_server_is_an_error(
    ref: types.ResourceTemplateReference | types.PromptReference,
) -> None:
    async with client() as connected:
        with pytest.raises(MCPError) as caught:
            await connected.complete(ref, {"name": "sourceId", "value": ""})
    assert caught.value.code == types.INVALID_PARAMS


@pytest.mark.parametrize(
    ("path", "variable"),
    [
        ("results/{id}{?page}", "id"),
        ("results/{id}{?page}", "page"),
        ("destinations/{destinationId}", "sourceId"),
        ("sources/{sourceId}", "connection"),
        ("sources/{sourceId}", ""),
    ],
)
async def test_a_variable_that_a_template_does_not_have_is_completed_by_nothing(path: str, variable: str) -> None:
    wire = Wire()
    async with client(wire=wire) as connected:
        found = await connected.complete(template(path), {"name": variable, "value": ""})
    assert found.completion.values == []
    assert wire.requests == []


@dataclass(slots=True)
class Clock:
    """Seconds that pass when they are told to."""

    seconds: float = 1_000.0

    def __call__(self) -> float:
        return self.seconds


async def test_typing_reads_a_list_once_and_again_when_its_time_is_over() -> None:
    wire, clock = Wire(), Clock()
    async with timed(Timing(now=lambda: NOW, monotonic=clock), wire) as connected:
        for typed in ("", "w", "we", "web", "web", "webs"):
            await fitting(connected, "sources/{sourceId}", typed)
        assert listings(wire, "sources") == 1
        clock.seconds += LIFETIME
        await fitting(connected, "sources/{sourceId}", "w")
    assert listings(wire, "sources") == 2


async def test_what_this_server_changed_is_completed_by_its_new_name_at_once() -> None:
    wire = Wire()
    async with client(UNATTENDED, wire) as connected:
        assert await fitting(connected, "sources/{sourceId}", "brand new") == []
        renamed = {"sourceId": WEBSITE, "name": "Brand New"}
        data_of(await connected.call_tool("segment_update_source", renamed))
        assert await fitting(connected, "sources/{sourceId}", "brand new") == [WEBSITE]
        data_of(await connected.call_tool("segment_delete_source", {"sourceId": QUIET}))
        assert QUIET not in await fitting(connected, "sources/{sourceId}", "")
    assert listings(wire, "sources") == 3


class Broken(httpx2.AsyncBaseTransport):
    """A Segment that fails, or a defect of ours."""

    def __init__(self, error: Exception | None) -> None:
        self._error = error

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if self._error is not None:
            raise self._error
        return httpx2.Response(401, json={"errors": [{"type": "unauthorized", "message": f"{request.headers}"}]})


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(
    "error", [None, httpx2.ConnectError("no route"), RuntimeError("a defect: secret")], ids=["401", "network", "defect"]
)
async def test_where_nothing_can_be_read_nothing_is_offered(error: Exception | None, era: str) -> None:
    real = {"SEGMENT_MCP_SANDBOX": "0", "SEGMENT_API_TOKEN": "token", "SEGMENT_REGION": "us"}
    async with timed(Clockwork().timing(), Broken(error), real, era) as connected:
        assert await fitting(connected, "sources/{sourceId}", "") == []


# Several connections


FILE = """
[connections.production]
region = "eu"
api_token = "production-token"

[connections.staging]
region = "us"
api_token = "staging-token"
"""


@dataclass(slots=True)
class Regions(httpx2.AsyncBaseTransport):
    """Stands for both regions: lists a source that is named for the connection."""

    requests: list[httpx2.Request] = field(default_factory=list)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        owner = request.headers["authorization"].removeprefix("Bearer ").removesuffix("-token")
        data = {"sources": [{"id": owner, "slug": owner}], "pagination": {"current": "MA=="}}
        return httpx2.Response(200, json={"data": data})


async def test_a_connection_that_was_chosen_already_says_where_to_look(tmp_path: Path) -> None:
    path = tmp_path / "segment.toml"
    path.write_text(FILE, encoding="utf-8")
    settings = {"SEGMENT_MCP_SANDBOX": "0", "SEGMENT_MCP_CONFIG": str(path)}
    way, sources = Regions(), "sources/{sourceId}{?connection}"
    async with client(settings, way, MODERN) as connected:
        for _ in range(2):
            assert await fitting(connected, sources, "") == ["production"]
            assert await fitting(connected, sources, "", connection="staging") == ["staging"]
        assert await fitting(connected, sources, "", connection="nope") == []
        choices = await connected.complete(template(sources), {"name": "connection", "value": "st"})
    assert choices.completion.values == ["staging"]
    assert len(way.requests) == 2
