"""A clock that moves only when somebody waits for it, and chance that is none."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import anyio

from segment_mcp.timing import Timing

START = datetime(2026, 5, 20, 12, 0, 0, 123_456, tzinfo=UTC)


@dataclass(slots=True)
class Clockwork:
    """Time as a script.

    Attributes:
        chance: what chance always says.
        passed: seconds since the start.
        waits: each wait, in order.
    """

    chance: float = 0.5
    passed: float = 0.0
    waits: list[float] = field(default_factory=list)

    def now(self) -> datetime:
        """The wall clock."""
        return START + timedelta(seconds=self.passed)

    async def sleep(self, seconds: float) -> None:
        """Let the time pass at once."""
        self.waits.append(seconds)
        self.passed += seconds
        await anyio.lowlevel.checkpoint()

    def timing(self) -> Timing:
        """As the adapter takes it."""
        return Timing(now=self.now, monotonic=lambda: self.passed, sleep=self.sleep, chance=lambda: self.chance)
