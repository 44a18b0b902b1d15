"""What the importer is compared with: processes that send the same events to the sink as fast as they can.

    python -m bench.events_senders SENDER FILE COUNT ORIGIN

`raw`, `ready` and `dicts` send from memory, and go round the first `POOL` events of the file. The others read
the file's first COUNT lines as they send them.
"""

import asyncio
import socket
import sys
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import cycle, islice
from pathlib import Path
from threading import Thread
from typing import Any

import httpx2
import orjson

from bench.events_made import CONNECTIONS, POOL, WRITE_KEY
from bench.sink import Sink
from segment_mcp.events.checks import LARGEST_REQUEST, MOST_EVENTS

Sender = Callable[[Path, int, str], None]
_HEAD = b'{"writeKey":"%s","sentAt":"%s","batch":[' % (
    WRITE_KEY.encode(),
    datetime.now(UTC).isoformat(timespec="milliseconds").encode(),
)
_HEADERS = {
    "Authorization": f"Basic {b64encode(f'{WRITE_KEY}:'.encode()).decode()}",
    "Content-Type": "application/json",
}


def bodies(events: Iterable[bytes]) -> Iterator[bytes]:
    """Serialised events as bodies of requests, each as full as Segment takes them."""
    batch: list[bytes] = []
    size = len(_HEAD) + 1
    for event in events:
        if size + len(event) + 1 > LARGEST_REQUEST or len(batch) == MOST_EVENTS:
            yield _HEAD + b",".join(batch) + b"]}"
            batch, size = [], len(_HEAD) + 1
        batch.append(event)
        size += len(event) + 1
    yield _HEAD + b",".join(batch) + b"]}"


def first_lines(file: Path, count: int) -> Iterator[bytes]:
    with file.open("rb") as lines:
        for line in islice(lines, count):
            yield line.rstrip(b"\n")


def pool_bodies(file: Path, count: int) -> Sequence[bytes]:
    """Bodies of so many events out of the pool, joined beforehand; a body stands in several places."""
    pool = list(first_lines(file, POOL))
    rounds, rest = divmod(count, len(pool))
    whole = list(bodies(pool))
    return whole * rounds + (list(bodies(pool[:rest])) if rest else [])


async def post(contents: Iterable[bytes], origin: str) -> None:
    """Post each, over as many connections as the importer has."""
    waiting = iter(contents)
    limits = httpx2.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS)
    async with httpx2.AsyncClient(headers=_HEADERS, limits=limits, timeout=60) as client:

        async def keep_busy() -> None:
            for content in waiting:
                response = await client.post(f"{origin}/v1/batch", content=content)
                assert response.json()["success"], response.text

        async with asyncio.TaskGroup() as group:
            for _ in range(CONNECTIONS):
                group.create_task(keep_busy())


def send_raw(file: Path, count: int, origin: str) -> None:
    """Bare sockets and bodies joined beforehand: what the sink itself can take."""
    waiting = iter(pool_bodies(file, count))
    host, port = origin.removeprefix("http://").split(":")

    def keep_busy() -> None:
        with socket.create_connection((host, int(port))) as connection:
            for content in waiting:
                connection.sendall(b"POST /v1/batch HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(content))
                connection.sendall(content)
                assert connection.recv(4096).endswith(b'{"success": true}')

    threads = [Thread(target=keep_busy) for _ in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def send_ready(file: Path, count: int, origin: str) -> None:
    asyncio.run(post(pool_bodies(file, count), origin))


def send_dicts(file: Path, count: int, origin: str) -> None:
    pool = [orjson.loads(line) for line in first_lines(file, POOL)]
    asyncio.run(post(bodies(map(orjson.dumps, islice(cycle(pool), count))), origin))


def send_lines(file: Path, count: int, origin: str) -> None:
    events = map(orjson.loads, first_lines(file, count))
    asyncio.run(post(bodies(map(orjson.dumps, events)), origin))


def send_with_library(file: Path, count: int, origin: str) -> None:
    """segment-analytics-python, told to fill its batches; its queue has no bound, or it would drop events.

    More threads than one send no faster: they share the interpreter with the one that adds events. Adding
    begins long before the first batch leaves, so the clock starts with it.
    """
    from segment.analytics.client import (  # type: ignore[import-untyped]  # noqa: PLC0415 - not in the others' memory
        Client,
    )

    client = Client(
        WRITE_KEY, host=origin, max_queue_size=0, upload_size=MOST_EVENTS, upload_interval=0.1, thread=1, timeout=60
    )
    Sink(origin).start()
    for line in first_lines(file, count):
        event: dict[str, Any] = orjson.loads(line)
        shared = {
            "user_id": event["userId"],
            "context": event["context"],
            "timestamp": datetime.fromisoformat(event["timestamp"]),
            "message_id": event["messageId"],
        }
        if event["type"] == "track":
            client.track(event=event["event"], properties=event["properties"], **shared)
        else:
            client.identify(traits=event["traits"], **shared)
    client.shutdown()


SENDERS: dict[str, Sender] = {
    "raw": send_raw,
    "ready": send_ready,
    "dicts": send_dicts,
    "lines": send_lines,
    "library": send_with_library,
}


def main() -> None:
    sender, file, count, origin = sys.argv[1:]
    SENDERS[sender](Path(file), int(count), origin)


if __name__ == "__main__":
    main()
