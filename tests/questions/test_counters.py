"""Events volume says whether it is all of it."""

from datetime import timedelta
from typing import Any

import pytest

from segment_mcp.questions import counters
from segment_mcp.questions.reading import Reading
from tests.questions.asking import LEAPING, world
from tests.questions.counting import Filled

pytestmark = pytest.mark.anyio

VOLUME = "getEventsVolumeFromWorkspace"


@pytest.fixture
def anyio_backend() -> Any:
    return LEAPING


@pytest.mark.parametrize(("rows", "complete"), [(4_999, True), (5_000, False), (5_001, False)])
async def test_as_many_rows_as_segment_counts_at_most_may_not_be_all(rows: int, *, complete: bool) -> None:
    async with world() as here:
        reading = Reading(Filled(here.segment, rows), here.clock.timing())
        within = counters.window(here.clock.now(), timedelta(days=7))
        found = await counters.volume(reading, within, ("source", "eventName", "eventType"))
    assert found is not None
    assert (len(found.rows), found.complete) == (rows, complete)
    assert [(gap.operation, gap.code) for gap in reading.gaps] == ([] if complete else [(VOLUME, "bound")])
