"""A sandbox with a clock of its own, and a client whose every answer is held against the reference."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import httpx2
import pytest
from starlette.applications import Starlette

from segment_mcp.sandbox import API_TOKEN, create_app

from .reference import hold
from .scenery import Scenery


@dataclass
class Clock:
    """Stands still until it is moved."""

    moment: datetime

    def __call__(self) -> datetime:
        return self.moment

    def pass_by(self, span: timedelta) -> None:
        self.moment += span


@pytest.fixture
def clock() -> Clock:
    return Clock(datetime(2026, 5, 20, 12, 0, 30, tzinfo=UTC))


@pytest.fixture
def app(clock: Clock) -> Starlette:
    return create_app(now=clock)


@pytest.fixture
async def client(app: Starlette) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=app),
        base_url="https://api.segmentapis.com",
        headers={"Authorization": f"Bearer {API_TOKEN}"},
        event_hooks={"response": [hold]},
    ) as opened:
        yield opened


@pytest.fixture
async def scenery(client: httpx2.AsyncClient, app: Starlette, clock: Clock) -> Scenery:
    return await Scenery(client, app, clock).build()
