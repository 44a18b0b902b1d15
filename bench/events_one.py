"""One event through the tool `segment_track` and through the adapter alone: CPU and median latency.

    python -m bench.events_one [ROUNDS]

One process, one sink on loopback, one call at a time and in turn, in an order that changes with each pair;
the adapter gets the event serialised already. The first round warms up and is not counted. Target: at most
1.10 of the adapter alone.
"""

import sys
from collections.abc import Awaitable, Callable, Mapping
from statistics import mean, median
from time import perf_counter, process_time
from typing import Any

import anyio
import orjson

from bench.events_made import WRITE_KEY, events
from bench.sink import running
from segment_mcp.adapter.client import SegmentClient
from segment_mcp.adapter.http import Http
from segment_mcp.app import open_app
from segment_mcp.config import load

ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 10
PAIRS = 500
Send = Callable[[], Awaitable[object]]


class Meter:
    """Milliseconds of each call.

    Args:
        send: sends one event.
    """

    def __init__(self, send: Send) -> None:
        self._send = send
        self.taken: list[float] = []
        self.cpu: list[float] = []

    async def measure(self) -> None:
        """One call."""
        begin, cpu = perf_counter(), process_time()
        await self._send()
        self.cpu.append((process_time() - cpu) * 1000)
        self.taken.append((perf_counter() - begin) * 1000)


async def a_round(tool: Send, adapter: Send) -> tuple[Meter, Meter]:
    meters = Meter(tool), Meter(adapter)
    for number in range(PAIRS):
        for meter in meters if number % 2 else reversed(meters):
            await meter.measure()
    return meters


async def compare(origin: str, event: Mapping[str, Any]) -> None:
    settings = load({"SEGMENT_TRACKING_URL": origin, "SEGMENT_REGION": "us", "SEGMENT_WRITE_KEY": WRITE_KEY})
    http = Http()
    (connection,) = settings.connections.values()
    client = SegmentClient(connection, http, call_seconds=25)
    body = orjson.dumps(event)
    arguments = {name: value for name, value in event.items() if name not in ("type", "messageId")}

    async def adapter() -> object:
        return await client.send("track", [body], WRITE_KEY)

    async with open_app(settings) as toolbox:

        async def tool() -> object:
            envelope = await toolbox.invoke("segment_track", arguments)
            assert envelope.successful, envelope
            return envelope

        rounds = [await a_round(tool, adapter) for _ in range(ROUNDS + 1)][1:]
    await http.aclose()
    print(f"one event of {len(body):,} bytes, {ROUNDS} rounds of {PAIRS} pairs")
    show("median latency", [(median(ours.taken), median(alone.taken)) for ours, alone in rounds])
    show("CPU a call", [(mean(ours.cpu), mean(alone.cpu)) for ours, alone in rounds])


def show(what: str, pairs: list[tuple[float, float]]) -> None:
    """The medians, their ratio, and the range of the rounds' ratios."""
    tool, adapter = (median(pair[side] for pair in pairs) for side in (0, 1))
    ratios = [ours / alone for ours, alone in pairs]
    print(
        f"  {what:15} segment_track {tool:.3f} ms   adapter alone {adapter:.3f} ms   ratio {tool / adapter:.3f}"
        f"   {min(ratios):.3f} to {max(ratios):.3f}   (target: at most 1.10)"
    )


def main() -> None:
    event = next(event for event in events(2) if event["type"] == "track")
    with running() as sink:
        anyio.run(compare, sink.origin, event)


if __name__ == "__main__":
    main()
