"""What the package promises to whoever imports it."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone

import httpx2

from segment_mcp.sandbox import API_TOKEN, WRITE_KEYS, create_app

from .world import calls_today, send

HEAVY = ("starlette", "jsonschema", "segment_mcp.operations", "segment_mcp.adapter")


def loaded_after(statement: str) -> set[str]:
    found = subprocess.run(
        [sys.executable, "-c", f"{statement}\nimport sys\nprint(*sys.modules)"],
        check=True,
        capture_output=True,
        text=True,
    )
    return set(found.stdout.split())


def test_importing_the_door_imports_nothing_heavy() -> None:
    assert loaded_after("import segment_mcp.sandbox").isdisjoint(HEAVY)


def test_the_sandbox_reads_the_operations_and_two_languages_and_nothing_else_of_the_package() -> None:
    loaded = loaded_after("import segment_mcp.sandbox\nsegment_mcp.sandbox.create_app()")
    ours = {name.split(".")[1] for name in loaded if name.startswith("segment_mcp.")}
    assert ours <= {"fql", "mappings", "operations", "sandbox"}


def test_the_default_write_key_is_a_servers() -> None:
    assert next(iter(WRITE_KEYS)) == "server"


async def test_days_are_utc_whatever_zone_the_clock_is_in() -> None:
    east = timezone(timedelta(hours=14))
    app = create_app(now=lambda: datetime(2026, 5, 21, 2, 0, tzinfo=east))
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=app),
        base_url="https://api.segmentapis.com",
        headers={"Authorization": f"Bearer {API_TOKEN}"},
    ) as client:
        await send(client, "track", {"userId": "u", "event": "Paid"})
        assert await calls_today(client, "agent-events") == 1


async def test_each_app_has_a_state_of_its_own() -> None:
    def fixed() -> datetime:
        return datetime(2026, 5, 20, tzinfo=UTC)

    totals = []
    for _ in range(2):
        app = create_app(now=fixed, new_write_key=lambda: "a" * 32)
        async with httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app=app), base_url="https://api.segmentapis.com",
            headers={"Authorization": f"Bearer {API_TOKEN}"},
        ) as client:  # fmt: skip
            first = (await client.get("/sources")).json()["data"]["sources"][0]["id"]
            made = (await client.post(f"/sources/{first}/writekey")).json()["data"]["source"]["writeKeys"]
            await client.delete(f"/sources/{first}")
            totals.append((made, (await client.get("/sources")).json()["data"]["pagination"]["totalEntries"]))
    assert totals[0] == totals[1]
    assert totals[0][0][-1] == "a" * 32
