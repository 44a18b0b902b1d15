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
