"""The same GET by bare httpx2 and through the adapter: CPU and median latency, one by one and 64 at a time.

    python -m bench.adapter [ROUNDS]

One process, one upstream on loopback, in turn and in an order that changes with each round; both parse the
JSON of the 2 KB answer. The first round warms up and is not counted. Target: at most 1.15 of bare httpx2.
"""

import json
import subprocess
import sys
from collections.abc import Awaitable, Callable
from statistics import median
from time import perf_counter, process_time

import anyio
import httpx2

from bench.peers import ROOT
from segment_mcp.adapter.client import SegmentClient
from segment_mcp.adapter.http import Http
from segment_mcp.config import Connection
from segment_mcp.operations import get

ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 20
CALLS = 640
DESTINATION = "5GFhvtz8fha42Cm4B4E5L6"
Get = Callable[[], Awaitable[object]]
Figures = tuple[float, float]


async def measured(call: Get, at_a_time: int) -> Figures:
    """CPU milliseconds a call, and median latency in milliseconds."""
    taken: list[float] = []

    async def caller() -> None:
        for _ in range(CALLS // at_a_time):
            begin = perf_counter()
            await call()
            taken.append((perf_counter() - begin) * 1000)

    cpu = process_time()
    async with anyio.create_task_group() as group:
        for _ in range(at_a_time):
            group.start_soon(caller)
    return (process_time() - cpu) * 1000 / CALLS, median(taken)


async def in_turn(ours: Get, bare: Get, at_a_time: int, *, ours_first: bool) -> tuple[Figures, Figures]:
    """Both figures of a round, ours before the bare client's whatever the order."""
    if ours_first:
        return await measured(ours, at_a_time), await measured(bare, at_a_time)
    bare_figures = await measured(bare, at_a_time)
    return await measured(ours, at_a_time), bare_figures


async def compare(origin: str) -> None:
    connection = Connection.model_validate({"api_token": "token-of-the-benchmark", "public_api_url": origin})
    http = Http()
    segment = SegmentClient(connection, http, call_seconds=25)
    row = get("getDestination")
    headers = {"Authorization": "Bearer token-of-the-benchmark", "Accept": "application/json"}
    async with httpx2.AsyncClient(headers=headers) as client:

        async def bare() -> object:
            response = await client.get(f"{origin}/destinations/{DESTINATION}")
            return json.loads(response.content)["data"]

        async def ours() -> object:
            return await segment.call(row, {"destinationId": DESTINATION})

        for at_a_time in (1, 64):
            rounds = [await in_turn(ours, bare, at_a_time, ours_first=number % 2 == 0) for number in range(ROUNDS + 1)]
            pairs = rounds[1:]
            print(f"{at_a_time} at a time, {ROUNDS} rounds of {CALLS} calls")
            for index, what in enumerate(("CPU a call", "median latency")):
                our_figures, bare_figures = ([pair[side][index] for pair in pairs] for side in (0, 1))
                ratio = median(our_figures) / median(bare_figures)
                print(
                    f"  {what:15} adapter {median(our_figures):.3f} ms   bare httpx2 {median(bare_figures):.3f} ms"
                    f"   ratio {ratio:.3f}"
                )
    await http.aclose()


def main() -> None:
    upstream = subprocess.Popen([sys.executable, str(ROOT / "bench" / "upstream.py")], stdout=subprocess.PIPE)
    assert upstream.stdout is not None
    try:
        anyio.run(compare, f"http://127.0.0.1:{int(upstream.stdout.readline())}")
    finally:
        upstream.terminate()
        upstream.wait()


if __name__ == "__main__":
    main()
