"""An event loop in which nobody waits for time alone: when nothing else happens, its clock leaps to the next timer.

What takes time otherwise takes none by that clock, so that times come out as they were planned.
"""

import asyncio
import selectors
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from queue import Queue
from types import FrameType
from typing import Any

import anyio

from segment_mcp.timing import Timing

START = datetime(2026, 5, 20, 12, 0, 0, 123_000, tzinfo=UTC)
GRACE = 0.001
"""Real seconds in which something else may happen."""

_WORKER = "AnyIO worker thread"


def _threads_are_idle() -> bool:
    """Whether all of anyio's worker threads wait for work, and none is on its way to them."""
    frames = sys._current_frames()
    workers = [frames.get(thread.ident or 0) for thread in threading.enumerate() if thread.name == _WORKER]
    return all(frame is None or _waits(frame) for frame in workers)


def _waits(frame: FrameType) -> bool:
    getting = frame.f_back
    if frame.f_code.co_name != "wait" or getting is None or getting.f_code.co_name != "get":
        return False
    queue = getting.f_locals.get("self")
    return isinstance(queue, Queue) and queue.empty()


class _Impatient(selectors.DefaultSelector):
    """Waits for a moment where it was to wait long, and counts all of it as passed."""

    leapt = 0.0

    def select(self, timeout: float | None = None) -> Any:
        if timeout is None or timeout <= 0:
            return super().select(timeout)
        while True:
            idle = _threads_are_idle()
            ready = super().select(GRACE)
            if ready:
                return ready
            if idle:
                self.leapt += timeout
                return ready


class LeapingLoop(asyncio.SelectorEventLoop):
    """See the module."""

    def __init__(self) -> None:
        self._impatient = _Impatient()
        super().__init__(self._impatient)

    def time(self) -> float:
        """The loop's clock, which timers go by."""
        return self._impatient.leapt


LEAPING: tuple[str, dict[str, Any]] = ("asyncio", {"loop_factory": LeapingLoop})
"""For the fixture `anyio_backend`."""


class Clock:
    """The running loop's time as a wall clock; threads may ask it as well."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()

    def passed(self) -> float:
        """Seconds since the start."""
        return self._loop.time() - self._began

    def now(self) -> datetime:
        """The wall clock."""
        return START + timedelta(seconds=self.passed())

    def timing(self) -> Timing:
        """As the adapter takes it, with chance that is none."""
        return Timing(now=self.now, monotonic=self._loop.time, sleep=anyio.sleep, chance=lambda: 0.5)


async def until(happened: Callable[[], Any], *, within: float = 3600.0, look: float = 5.0) -> None:
    """Let time pass until something happened."""
    with anyio.fail_after(within):
        while not happened():  # noqa: ASYNC110 - what others do sends no word
            await anyio.sleep(look)
