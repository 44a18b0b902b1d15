"""What arrived, and the faults that are set: the sandbox's own paths."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

import httpx2

from tests.chaos.weather import Strikes

PAGE = 1_000


@dataclass(frozen=True, slots=True)
class Arrival:
    """An event as `/_sandbox/events` shows it.

    Attributes:
        repeats: how many more of it came, and were dropped.
        code: why it failed on ingest; None: it was accepted.
    """

    message_id: str
    name: str
    source_id: str
    received: datetime
    timestamp: datetime
    repeats: int = 0
    code: str | None = None

    @classmethod
    def shown(cls, event: Mapping[str, Any]) -> Self:
        return cls(
            event["messageId"],
            event.get("event", ""),
            event["sourceId"],
            datetime.fromisoformat(event["receivedAt"]),
            datetime.fromisoformat(event["timestamp"]),
            event.get("repeats", 0),
            event.get("code"),
        )


@dataclass(frozen=True, slots=True)
class Sandbox:
    """Asks the sandbox, and sets its faults."""

    http: httpx2.AsyncClient

    async def change(self, faults: Sequence[Mapping[str, Any]], strikes: Strikes) -> None:
        """Count what the present faults did, and set others."""
        strikes.count((await self._answer("GET", "/_sandbox/faults"))["data"]["faults"])
        await self._answer("DELETE", "/_sandbox/faults")
        for fault in faults:
            await self._answer("POST", "/_sandbox/faults", fault)

    async def accepted(self) -> int:
        """How many events came."""
        counted: int = (await self._answer("GET", "/_sandbox/events?count=1"))["accepted"]
        return counted

    async def arrivals(self) -> list[Arrival]:
        """Everything that came, oldest first."""
        found: list[Arrival] = []
        after = "0"
        while True:
            page = await self._answer("GET", f"/_sandbox/events?count={PAGE}&after={after}")
            assert "forgotten" not in page, "more events came than the sandbox remembers"
            found += map(Arrival.shown, page["events"])
            if "next" not in page:
                return found
            after = page["next"]

    async def _answer(self, method: str, path: str, body: Any = None) -> Any:
        answer = await self.http.request(method, path, json=body)
        assert answer.is_success, (method, path, body, answer.text)
        return answer.json()
