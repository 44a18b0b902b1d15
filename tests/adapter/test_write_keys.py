"""Write keys: which one is meant, and whose they are."""

from collections.abc import Mapping
from typing import Any

import httpx2
import pytest

from segment_mcp.adapter.client import SegmentClient
from segment_mcp.adapter.http import Http
from segment_mcp.adapter.write_keys import KnownWriteKeys
from segment_mcp.config import Connection
from segment_mcp.errors import InvalidArguments, InvalidResponse, NotConfigured, NotFound
from segment_mcp.redact import mask_write_key
from tests.adapter.clockwork import Clockwork

FIRST, SECOND, THIRD = "f" * 28 + "1111", "s" * 28 + "2222", "t" * 28 + "3333"
TWIN = "x" * 28 + "1111"


def source(name: str, *keys: str, **more: Any) -> dict[str, Any]:
    return {"id": name, "slug": f"{name}-slug", "name": name.title(), "enabled": True, "writeKeys": list(keys), **more}


class Workspace:
    """Lists one source a page and reads one by its id; remembers the paths it was asked for."""

    def __init__(self, *sources: dict[str, Any]) -> None:
        self._sources = sources
        self.paths: list[str] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.paths.append(request.url.path)
        if request.url.path == "/sources":
            number = int(request.url.params.get("pagination.cursor", "0"))
            more = {"next": str(number + 1)} if number + 1 < len(self._sources) else {}
            return httpx2.Response(
                200, json={"data": {"sources": self._sources[number : number + 1], "pagination": more}}
            )
        for one in self._sources:
            if request.url.path == f"/sources/{one['id']}":
                return httpx2.Response(200, json={"data": {"source": one}})
        return httpx2.Response(404)


def known(
    configured: Mapping[str, str], workspace: Workspace | None = None, *, has_token: bool = True
) -> KnownWriteKeys:
    connection = Connection.model_validate({"region": "us"} | ({"api_token": "sgp_token"} if has_token else {}))
    http = Http(lambda: httpx2.MockTransport(workspace or Workspace()))
    return KnownWriteKeys(configured, SegmentClient(connection, http, timing=Clockwork().timing(), call_seconds=25))


@pytest.mark.parametrize(
    ("given", "key"),
    [(None, FIRST), ("default", FIRST), ("web", SECOND), (THIRD, THIRD), ("WEB", "WEB"), (FIRST, FIRST)],
    ids=["none", "default", "name", "literal", "other-case-is-a-key", "configured-literal"],
)
async def test_a_key_is_named_or_given_without_asking_anybody(given: str | None, key: str) -> None:
    workspace = Workspace()
    keys = known({"default": FIRST, "web": SECOND}, workspace)
    assert await keys.resolve(given) == key
    assert workspace.paths == []


async def test_no_key_at_all_is_not_configured() -> None:
    with pytest.raises(NotConfigured, match="SEGMENT_WRITE_KEY"):
        await known({}).resolve(None)


def test_names_are_those_of_the_configuration_the_default_first() -> None:
    assert list(known({"default": FIRST, "web": SECOND}).names()) == ["default", "web"]


@pytest.mark.parametrize(
    ("configured", "sources", "key"),
    [
        ({"default": FIRST, "web": SECOND}, [], SECOND),
        ({}, [source("a", FIRST), source("b", THIRD, SECOND)], SECOND),
        ({"web": SECOND}, [source("a", SECOND)], SECOND),
        ({"web": SECOND, "again": SECOND}, [source("a", SECOND), source("b", SECOND)], SECOND),
    ],
    ids=["configured", "on-a-later-page", "configured-and-listed", "the-same-key-twice"],
)
async def test_a_masked_key_is_found_among_all_that_are_known(
    configured: dict[str, str], sources: list[dict[str, Any]], key: str
) -> None:
    assert await known(configured, Workspace(*sources)).resolve(mask_write_key(key)) == key


async def test_a_masked_key_is_looked_up_in_the_source_that_is_named_and_nowhere_else() -> None:
    workspace = Workspace(source("a", FIRST), source("b", TWIN))
    keys = known({"default": FIRST}, workspace)
    assert await keys.resolve(mask_write_key(TWIN), source_id="b") == TWIN
    assert workspace.paths == ["/sources/b"]


@pytest.mark.parametrize(
    ("configured", "sources", "masked", "said"),
    [
        ({}, [], "****1111", "fits no write key"),
        ({"default": FIRST}, [source("a", SECOND)], "****9999", "fits no write key"),
        ({"default": FIRST}, [source("a", TWIN)], "****1111", "fits 2 write keys"),
        ({"default": FIRST, "web": TWIN}, [], "****1111", "fits 2 write keys"),
        ({}, [source("a", FIRST, TWIN)], "****1111", "fits 2 write keys"),
        ({}, [source("a", "short"), source("b", "tiny")], "****", "fits 2 write keys"),
    ],
    ids=["nothing-known", "none-fits", "configured-and-listed", "two-configured", "two-of-one-source", "short-ones"],
)
async def test_a_masked_key_that_is_not_exactly_one_key_is_refused(
    configured: dict[str, str], sources: list[dict[str, Any]], masked: str, said: str
) -> None:
    with pytest.raises(InvalidArguments, match=said) as caught:
        await known(configured, Workspace(*sources)).resolve(masked)
    assert [problem["field"] for problem in caught.value.data()["problems"]] == ["writeKey"]
    assert FIRST not in str(caught.value)


async def test_a_masked_key_of_another_source_is_refused() -> None:
    with pytest.raises(InvalidArguments, match="fits no write key"):
        await known({"default": FIRST}, Workspace(source("a", SECOND))).resolve("****1111", source_id="a")


async def test_a_source_that_does_not_exist_is_not_found() -> None:
    with pytest.raises(NotFound):
        await known({"default": FIRST}, Workspace()).resolve("****1111", source_id="gone")


async def test_a_masked_key_that_is_not_configured_needs_the_token() -> None:
    with pytest.raises(NotConfigured, match="SEGMENT_API_TOKEN"):
        await known({"default": FIRST}, has_token=False).resolve("****9999")


async def test_owners_are_told_for_the_configured_keys_and_no_other() -> None:
    workspace = Workspace(source("a", THIRD), source("b", FIRST, SECOND, enabled=False, settings={"x": 1}))
    owners = await known({"default": FIRST, "web": SECOND, "gone": TWIN}, workspace).owners()
    b = {"id": "b", "slug": "b-slug", "name": "B", "enabled": False}
    assert owners == {"default": b, "web": b, "gone": None}


async def test_a_source_without_a_name_is_told_without_one() -> None:
    nameless = source("a", FIRST)
    del nameless["name"]
    owners = await known({"default": FIRST}, Workspace(nameless)).owners()
    assert owners == {"default": {"id": "a", "slug": "a-slug", "enabled": True}}


async def test_owners_need_the_token() -> None:
    with pytest.raises(NotConfigured, match="SEGMENT_API_TOKEN"):
        await known({"default": FIRST}, has_token=False).owners()


@pytest.mark.parametrize(
    "listed",
    [None, "text", [1], [{"id": "a", "enabled": True}], [{"id": "a", "enabled": True, "writeKeys": None}]],
    ids=["null", "text", "no-source", "without-keys", "null-keys"],
)
async def test_a_listing_of_another_form_is_no_answer_of_segments(listed: Any) -> None:
    data = {"sources": listed, "pagination": {}}
    http = Http(lambda: httpx2.MockTransport(lambda _: httpx2.Response(200, json={"data": data})))
    connection = Connection.model_validate({"region": "us", "api_token": "sgp_token"})
    keys = KnownWriteKeys(
        {"default": FIRST}, SegmentClient(connection, http, timing=Clockwork().timing(), call_seconds=25)
    )
    with pytest.raises(InvalidResponse):
        await keys.owners()
    with pytest.raises(InvalidResponse):
        await keys.resolve("****1111")
