"""What the tests of the families ask most: an answer's data, a refusal's fields, and the audit trail."""

from typing import Any

import httpx2


def data(answer: httpx2.Response) -> Any:
    assert answer.is_success, answer.text
    return answer.json()["data"]


def refused(answer: httpx2.Response) -> tuple[int, list[str | None]]:
    """The status, and the fields that the errors name."""
    return answer.status_code, [error.get("field") for error in answer.json()["errors"]]


async def trail(client: httpx2.AsyncClient) -> list[tuple[str, str, str]]:
    """What the audit trail has, oldest first: type, resource type, resource name."""
    events = data(await client.get("/audit-events?pagination.count=1000"))["events"]
    return [(each["type"], each["resourceType"], each["resourceName"]) for each in reversed(events)]
