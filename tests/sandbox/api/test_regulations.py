"""Deletion and suppression in the sandbox."""

from datetime import timedelta
from typing import Any

import httpx2
import pytest

from tests.sandbox.conftest import Clock
from tests.sandbox.world import source_id

from .asking import data, refused

FINISHED, OF_WEBSITE, OPEN = "2rGkq8sVbNn4x1hY0cWzTfPmLdA", "2sTz6DqYw3KpUe9RjXa5oVbHcMn", "2tLw1FvJh8QsZy4GmNc7kBtXeRd"


def body(type_: str, *subjects: str, kind: str = "USER_ID") -> dict[str, Any]:
    return {"regulationType": type_, "subjectType": kind, "subjectIds": list(subjects)}


async def create(client: httpx2.AsyncClient, path: str, asked: dict[str, Any]) -> str:
    return str(data(await client.post(f"/regulations{path}", json=asked))["regulateId"])


async def get(client: httpx2.AsyncClient, regulation_id: str) -> dict[str, Any]:
    found: dict[str, Any] = data(await client.get(f"/regulations/{regulation_id}"))["regulation"]
    return found


async def ids(client: httpx2.AsyncClient, path: str = "", **asked: str) -> list[str]:
    answer = data(await client.get(f"/regulations{path}", params=asked))
    return [each["id"] for each in answer["regulations"]]


async def suppressed(client: httpx2.AsyncClient) -> set[tuple[str, str]]:
    found = data(await client.get("/suppressions"))["suppressed"]
    return {(each["subjectType"], subject) for each in found for subject in each["subjectIds"]}


@pytest.mark.parametrize("path", ["/sources/unknown", "/cloudsources/unknown"])
async def test_an_unknown_source_is_not_found(client: httpx2.AsyncClient, path: str) -> None:
    kind = "OBJECT_ID" if "cloud" in path else "USER_ID"
    asked = {**body("DELETE_ONLY", "u", kind=kind), **({"collection": "c"} if "cloud" in path else {})}
    assert (await client.post(f"/regulations{path}", json=asked)).status_code == 404
    if "cloud" not in path:
        assert (await client.get(f"/regulations{path}")).status_code == 404


async def test_an_unknown_regulation_is_not_found(client: httpx2.AsyncClient) -> None:
    assert (await client.get("/regulations/unknown")).status_code == 404


@pytest.mark.parametrize(
    ("asked", "fields"),
    [
        (body("DELETE_ONLY"), ["subjectIds"]),
        (body("DELETE_ONLY", *map(str, range(5_001))), ["subjectIds"]),
        (body("DELETE_ARCHIVE_ONLY", "u"), ["regulationType"]),
        (body("DELETE_ONLY", "u", kind="ANONYMOUS_ID"), ["subjectType"]),
        ({"subjectIds": ["u"], "subjectType": "USER_ID"}, ["regulationType"]),
    ],
)
async def test_what_breaks_the_rules_of_the_workspace_is_refused(
    client: httpx2.AsyncClient, asked: dict[str, Any], fields: list[str]
) -> None:
    before = await ids(client)
    assert refused(await client.post("/regulations", json=asked)) == (422, fields)
    assert await ids(client) == before


async def test_a_source_that_clients_send_to_is_no_cloud_source(client: httpx2.AsyncClient) -> None:
    asked = {**body("DELETE_ONLY", "o", kind="OBJECT_ID"), "collection": "charges"}
    website, stripe = await source_id(client, "website"), await source_id(client, "stripe")
    assert refused(await client.post(f"/regulations/cloudsources/{website}", json=asked)) == (422, ["sourceId"])
    created = await create(client, f"/cloudsources/{stripe}", asked)
    assert await ids(client, f"/sources/{stripe}") == [created]


async def test_a_new_one_waits_for_its_turn(client: httpx2.AsyncClient) -> None:
    created = await create(client, "", body("DELETE_ONLY", "u", "v", "u"))
    found = await get(client, created)
    assert (found["overallStatus"], found["createdAt"]) == ("INITIALIZED", "2026-05-20T12:00:30.000Z")
    assert "finishedAt" not in found
    sources = data(await client.get("/sources"))["sources"]
    assert [each["id"] for each in found["streamStatus"]] == [each["id"] for each in sources]
    fed = {each["id"] for each in data(await client.get("/destinations"))["destinations"]}
    asked = [each for stream in found["streamStatus"] for each in stream["destinationStatus"]]
    assert {each["id"] for each in asked} == fed
    assert {each["status"] for each in asked} == {"INITIALIZED"}
    (entry,) = [each for each in data(await client.get("/regulations"))["regulations"] if each["id"] == created]
    assert (entry["subjects"], entry["subjectType"], entry["regulationType"]) == (["u", "v"], "USER_ID", "DELETE_ONLY")


async def test_one_that_is_segments_own_business_asks_no_destination(client: httpx2.AsyncClient) -> None:
    found = await get(client, await create(client, "", body("DELETE_INTERNAL", "u")))
    assert all(stream["destinationStatus"] == [] for stream in found["streamStatus"])


async def test_one_of_a_source_is_listed_there_and_not_in_the_workspace(client: httpx2.AsyncClient) -> None:
    backend = await source_id(client, "backend")
    created = await create(client, f"/sources/{backend}", body("DELETE_ARCHIVE_ONLY", "a", kind="ANONYMOUS_ID"))
    assert await ids(client, f"/sources/{backend}") == [created]
    assert await ids(client) == [OPEN, FINISHED]
    assert [each["id"] for each in (await get(client, created))["streamStatus"]] == [backend]


async def test_lists_come_newest_first_filtered_and_in_pages(client: httpx2.AsyncClient, clock: Clock) -> None:
    clock.pass_by(timedelta(minutes=1))
    newest = await create(client, "", body("UNSUPPRESS", "x"))
    for asked, expected in [
        ({}, [newest, OPEN, FINISHED]),
        ({"status": "FINISHED"}, [FINISHED]),
        ({"status": "RUNNING"}, []),
        ({"regulationTypes.0": "DELETE_ONLY"}, [OPEN]),
        ({"regulationTypes.0": "DELETE_ONLY", "regulationTypes.1": "UNSUPPRESS"}, [newest, OPEN]),
        ({"regulationTypes.0": "UNSUPPRESS", "status": "FINISHED"}, []),
        ({"pagination.count": "2"}, [newest, OPEN]),
        ({"pagination.count": "2", "pagination.cursor": "Mg=="}, [FINISHED]),
    ]:
        assert await ids(client, **asked) == expected, asked
    website = await source_id(client, "website")
    assert await ids(client, f"/sources/{website}", **{"pagination.count": "1"}) == [OF_WEBSITE]


async def test_after_ninety_days_it_is_gone(client: httpx2.AsyncClient, clock: Clock) -> None:
    assert (await get(client, FINISHED))["overallStatus"] == "FINISHED"
    clock.pass_by(timedelta(days=51))
    assert (await client.get(f"/regulations/{FINISHED}")).status_code == 404
    assert await ids(client) == [OPEN]


async def test_suppressions_are_built_from_what_was_asked(client: httpx2.AsyncClient) -> None:
    before = await suppressed(client)
    assert before == {("USER_ID", "user_1042"), ("USER_ID", "user_2310"), ("ANONYMOUS_ID", "anon_7d1f0c")}
    for type_ in ("SUPPRESS_ONLY", "SUPPRESS_WITH_DELETE", "SUPPRESS_WITH_DELETE_INTERNAL"):
        await create(client, "", body(type_, type_))
    await create(client, "", body("DELETE_ONLY", "deleted"))
    new = {"SUPPRESS_ONLY", "SUPPRESS_WITH_DELETE", "SUPPRESS_WITH_DELETE_INTERNAL"}
    assert await suppressed(client) == before | {("USER_ID", each) for each in new}
    await create(client, "", body("UNSUPPRESS", "SUPPRESS_ONLY", "user_1042", "unknown"))
    assert await suppressed(client) == {
        ("USER_ID", "SUPPRESS_WITH_DELETE"),
        ("USER_ID", "SUPPRESS_WITH_DELETE_INTERNAL"),
        ("USER_ID", "user_2310"),
        ("ANONYMOUS_ID", "anon_7d1f0c"),
    }


async def test_suppressions_come_in_pages(client: httpx2.AsyncClient) -> None:
    answer = data(await client.get("/suppressions", params={"pagination.count": "2"}))
    assert len(answer["suppressed"]) == 2
    assert answer["pagination"]["totalEntries"] == 3


async def test_a_source_can_not_release_whom_the_workspace_suppresses(client: httpx2.AsyncClient) -> None:
    backend = await source_id(client, "backend")
    created = await create(client, f"/sources/{backend}", body("UNSUPPRESS", "user_1042"))
    assert (await get(client, created))["overallStatus"] == "FAILED"
    assert ("USER_ID", "user_1042") in await suppressed(client)
    await create(client, f"/sources/{backend}", body("SUPPRESS_ONLY", "here"))
    assert (await get(client, await create(client, f"/sources/{backend}", body("UNSUPPRESS", "here"))))[
        "overallStatus"
    ] == "INITIALIZED"
    assert ("USER_ID", "here") not in await suppressed(client)
