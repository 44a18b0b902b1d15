"""What could stand in a variable: ranked by how it fits, never more than MCP allows, and read from Segment seldom."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import anyio
import pytest

from segment_mcp.errors import Unavailable
from segment_mcp.operations import Operation
from segment_mcp.ports import Bounds, Data, Reader, Walk
from segment_mcp.resources.completing import (
    LIFETIME,
    MOST_VALUES,
    Choice,
    Choices,
    Completer,
    choices_of,
    completion,
)
from segment_mcp.timing import Timing
from segment_mcp.tools.invoke import silent

SHOPS = Choices(
    choices_of(
        [
            {"id": "aWeb", "name": "Shop", "slug": "shop"},
            {"id": "bApp", "name": "Web shop", "slug": "web_shop"},
            {"id": "webX", "name": "Other", "slug": "other"},
            {"id": "cNone", "metadata": {"name": "Webhooks"}},
            {"id": "dIos", "name": "My web app", "slug": None, "metadata": {"name": "Swift"}},
            {"id": "Stra\u00dfe", "name": "STRASSE"},
        ]
    )
)


@pytest.mark.parametrize(
    ("typed", "values"),
    [
        ("", ["aWeb", "bApp", "webX", "cNone", "dIos", "Stra\u00dfe"]),
        ("web", ["webX", "bApp", "cNone", "dIos"]),
        ("WEB", ["webX", "bApp", "cNone", "dIos"]),
        ("aW", ["aWeb"]),
        ("shop", ["aWeb", "bApp"]),
        ("_shop", ["bApp"]),
        ("hook", ["cNone"]),
        ("swift", ["dIos"]),
        ("strasse", ["Stra\u00dfe"]),
        ("stra\u00df", ["Stra\u00dfe"]),
        ("Web ", ["bApp", "dIos"]),
        (".*", []),
        ("none of these", []),
    ],
)
def test_ids_that_begin_so_come_before_names_that_do_and_these_before_names_that_contain_it(
    typed: str, values: list[str]
) -> None:
    found = completion(SHOPS, typed)
    assert list(found.values) == values
    assert (found.total, found.more) == (len(values), False)


@pytest.mark.parametrize(("count", "more"), [(0, False), (99, False), (100, False), (101, True), (5_000, True)])
def test_no_more_than_mcp_allows_are_shown_and_all_are_counted(count: int, *, more: bool) -> None:
    found = completion(Choices([Choice(f"s{number}") for number in range(count)]), "s")
    assert len(found.values) == min(count, MOST_VALUES)
    assert (found.total, found.more) == (count, more)


def test_a_list_that_could_not_be_read_to_its_end_has_more_and_no_total() -> None:
    found = completion(Choices([Choice("s1")], more=True), "s")
    assert (found.values, found.total, found.more) == (["s1"], None, True)


@pytest.mark.parametrize("item", [None, "text", 5, [], {}, {"id": None}, {"id": 5, "name": "x"}])
def test_what_is_no_item_is_left_out(item: Any) -> None:
    assert choices_of([item, {"id": "s", "name": 5, "metadata": "x"}]) == [Choice("s")]


# What is kept


@dataclass
class Segment:
    """Lists one source for each time that it is asked.

    Attributes:
        asked: the operations.
        fails: whether it does.
        gate: nobody is answered before it is open.
    """

    asked: list[str] = field(default_factory=list)
    fails: bool = False
    gate: anyio.Event | None = None

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
        assert arguments is None
        assert keep({"id": "x"})
        assert bounds.seconds <= 5
        self.asked.append(operation.name)
        count = len(self.asked)
        if self.gate is not None:
            await self.gate.wait()
        if self.fails:
            raise Unavailable("api.segmentapis.com answered 500.", host="api.segmentapis.com", status=500)
        return Walk([{"id": f"{operation.name}{count}"}], {}, truncated=False)

    async def region(self) -> str | None:
        raise NotImplementedError


@dataclass
class Desk:
    """A completer, and what it reads with.

    Attributes:
        seconds: that the clock shows.
    """

    segment: Segment = field(default_factory=Segment)
    completer: Completer = field(default_factory=Completer)
    seconds: float = 50.0

    async def values(self, variable: str = "sourceId", connection: str = "default") -> list[str]:
        reader = Reader(self.segment, Timing(monotonic=lambda: self.seconds), silent)
        found = await self.completer.choices(variable, connection, lambda: {"reader": reader})
        return [choice.value for choice in found.all]


async def test_a_list_is_read_once_for_its_time_and_then_again() -> None:
    desk = Desk()
    assert await desk.values() == ["listSources1"]
    desk.seconds += LIFETIME - 0.1
    assert await desk.values() == ["listSources1"]
    desk.seconds += 0.1
    assert await desk.values() == ["listSources2"]


async def test_each_list_and_each_connection_has_its_own() -> None:
    desk = Desk()
    variables = ["sourceId", "destinationId", "trackingPlanId"]
    found = [await desk.values(variable, connection) for variable in variables for connection in ("eu", "us")]
    again = [await desk.values(variable, connection) for variable in variables for connection in ("eu", "us")]
    assert len({value for (value,) in found}) == 6
    assert again == found


async def test_a_change_makes_it_read_again() -> None:
    desk = Desk()
    await desk.values()
    desk.completer.forget()
    assert await desk.values() == ["listSources2"]


async def test_many_who_type_at_once_wait_for_one_reading() -> None:
    desk = Desk(Segment(gate=anyio.Event()))
    found: list[list[str]] = []

    async def typing() -> None:
        found.append(await desk.values())

    async with anyio.create_task_group() as group:
        for _ in range(10):
            group.start_soon(typing)
        await anyio.wait_all_tasks_blocked()
        assert desk.segment.gate is not None
        desk.segment.gate.set()
    assert found == [["listSources1"]] * 10


async def test_what_was_being_read_when_something_changed_is_not_kept() -> None:
    desk = Desk(Segment(gate=anyio.Event()))
    async with anyio.create_task_group() as group:
        group.start_soon(desk.values)
        await anyio.wait_all_tasks_blocked()
        desk.completer.forget()
        assert desk.segment.gate is not None
        desk.segment.gate.set()
    assert await desk.values() == ["listSources2"]


async def test_whoever_stops_waiting_leaves_the_list_to_be_read_by_the_next() -> None:
    desk = Desk(Segment(gate=anyio.Event()))
    async with anyio.create_task_group() as group:
        group.start_soon(desk.values)
        await anyio.wait_all_tasks_blocked()
        group.cancel_scope.cancel()
    assert desk.segment.gate is not None
    desk.segment.gate.set()
    assert await desk.values() == ["listSources2"]


async def test_a_list_that_cannot_be_read_offers_nothing_and_is_not_asked_for_at_each_letter() -> None:
    desk = Desk(Segment(fails=True))
    assert await desk.values() == []
    assert await desk.values() == []
    assert desk.segment.asked == ["listSources"]
    desk.segment.fails = False
    desk.seconds += LIFETIME
    assert await desk.values() == ["listSources2"]


@pytest.mark.parametrize("variable", ["", "id", "page", "nothing", "sourceid", "writeKey"])
async def test_nothing_is_read_for_a_variable_that_is_none_of_ours(variable: str) -> None:
    desk = Desk()
    assert await desk.values(variable) == []
    assert desk.segment.asked == []
