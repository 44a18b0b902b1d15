"""Whoever types is not kept waiting by a Segment that does not answer."""

from collections.abc import Callable, Mapping
from typing import Any

import anyio
import pytest

from segment_mcp.operations import Operation
from segment_mcp.ports import Bounds, Data, Reader, Walk
from segment_mcp.resources.completing import PATIENCE, Choices, Completer
from segment_mcp.timing import Timing
from segment_mcp.tools.invoke import silent
from tests.leaping import LEAPING


@pytest.fixture(scope="module")
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return LEAPING


class Silent:
    """Never answers."""

    async def call(self, operation: Operation, arguments: Mapping[str, Any]) -> Data:
        raise NotImplementedError

    async def walk(
        self,
        operation: Operation,
        arguments: Mapping[str, Any] | None = None,
        *,
        keep: Callable[[Any], bool] = bool,
        bounds: Bounds = Bounds(),  # noqa: B008 - frozen
    ) -> Walk:
        assert (operation.name, arguments, keep({})) == ("listSources", None, False)
        await anyio.sleep(1_000 * bounds.seconds)
        raise NotImplementedError

    async def region(self) -> str | None:
        raise NotImplementedError


async def test_nothing_is_offered_once_patience_is_over() -> None:
    reader = Reader(Silent(), Timing(monotonic=anyio.current_time), silent)
    began = anyio.current_time()
    found = await Completer().choices("sourceId", "default", lambda: {"reader": reader})
    assert found == Choices()
    assert PATIENCE <= anyio.current_time() - began < PATIENCE + 1
