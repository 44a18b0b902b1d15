"""A clock that stands still until a test moves it, for several callers who wait at the same time."""

from dataclasses import dataclass, field
from datetime import timedelta

import anyio

from segment_mcp.timing import Timing
from tests.adapter.clockwork import START

_ROUNDS = 30


async def settle() -> None:
    """Let everybody do what they can do without time."""
    for _ in range(_ROUNDS):
        await anyio.lowlevel.checkpoint()


@dataclass(slots=True)
class Alarms:
    """Time that a test hands out.

    Attributes:
        passed: seconds since the start.
    """

    passed: float = 0.0
    _set: list[tuple[float, anyio.Event]] = field(default_factory=list)

    async def sleep(self, seconds: float) -> None:
        """Wait until the clock has been moved so far."""
        alarm = (self.passed + seconds, anyio.Event())
        self._set.append(alarm)
        await alarm[1].wait()

    async def move(self, seconds: float) -> None:
        """Move the clock, waking everybody in the order in which they wanted to be woken."""
        end = self.passed + seconds
        await settle()
        while due := [alarm for alarm in self._set if alarm[0] <= end]:
            alarm = min(due, key=lambda one: one[0])
            self._set.remove(alarm)
            self.passed = max(self.passed, alarm[0])
            alarm[1].set()
            await settle()
        self.passed = end

    def timing(self) -> Timing:
        """As the adapter takes it."""
        return Timing(
            now=lambda: START + timedelta(seconds=self.passed),
            monotonic=lambda: self.passed,
            sleep=self.sleep,
            chance=lambda: 0.5,
        )
