"""Routes by the path as it was sent, not as it decodes."""

import httpx2
import pytest

from segment_mcp.sandbox import API_TOKEN, create_app
from tests.workbench import QUIET

TOKEN = {"Authorization": f"Bearer {API_TOKEN}"}


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"/sources/{QUIET}", 200),
        (f"/sources/%{ord(QUIET[0]):x}{QUIET[1:]}", 200),
        (f"/sources/{QUIET}/settings", 200),
        (f"/sources/{QUIET}%2Fsettings", 404),
        (f"/sources/..%2Fsources%2F{QUIET}", 404),
        ("/sources/%C3%BC", 404),
    ],
)
async def test_an_encoded_slash_leads_to_no_other_operation(path: str, status: int) -> None:
    transport = httpx2.ASGITransport(app=create_app())
    async with httpx2.AsyncClient(transport=transport, base_url="https://api.segmentapis.com") as client:
        answer = await client.get(path, headers=TOKEN)
    assert answer.status_code == status
    assert ("errors" in answer.json()) is (status == 404)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/spaces/spa_bAmBVqBZlvdBOMAZIJBDdK/audiences/previews/schedules", "Audience preview not found"),
        ("/spaces/spa_bAmBVqBZlvdBOMAZIJBDdK/audiences/previews", "Audience not found"),
        ("/warehouses/validation", "Warehouse not found"),
        ("/regulations/sources/validation", "Source not found"),
        ("/regulations/sources", "Regulation not found"),
        ("/catalog/sources/destinations", "Source metadata not found"),
        ("/destinations/unknown/filters", "Resource not found"),
        ("/destination/unknown/filters", "Destination not found"),
    ],
)
async def test_a_literal_step_wins_over_an_id(path: str, message: str) -> None:
    transport = httpx2.ASGITransport(app=create_app())
    async with httpx2.AsyncClient(transport=transport, base_url="https://api.segmentapis.com") as client:
        answer = await client.get(path, headers=TOKEN)
    assert (answer.status_code, answer.json()["errors"][0]["message"]) == (404, message)
