"""Runs things beside others, and ends them before the end."""

from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import anyio

Spawn = Callable[[Callable[[], Coroutine[Any, Any, None]]], object]
"""Runs something in the background; it must not raise."""


@asynccontextmanager
async def background() -> AsyncIterator[Spawn]:
    """What was spawned is cancelled at the end. What the body raises comes out as it is, in no group."""
    failure: BaseException | None = None
    async with anyio.create_task_group() as group:
        try:
            yield group.start_soon
        except BaseException as error:  # noqa: BLE001 - raised again below, outside of the group
            failure = error
        group.cancel_scope.cancel()
    if failure is not None:
        raise failure
