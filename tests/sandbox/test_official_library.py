"""Segment's own Python library, sending to the sandbox over a real port."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

import httpx2
import uvicorn
from segment.analytics import request as library_request  # type: ignore[import-untyped]  # it ships no types
from segment.analytics.client import Client  # type: ignore[import-untyped]  # it ships no types
from starlette.applications import Starlette

from segment_mcp.sandbox import API_TOKEN, WRITE_KEYS

from .reference import hold
from .world import calls_today


@contextmanager
def served(app: Starlette) -> Iterator[str]:
    """The app's address while it is served; it listens before it runs, so nobody has to wait for it."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off", ws="none"))
        thread = Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


def send_a_hundred(host: str, *, gzip: bool) -> None:
    failures: list[object] = []
    library = Client(
        WRITE_KEYS["http"],
        host=host,
        gzip=gzip,
        upload_interval=0.05,
        max_retries=0,
        on_error=lambda *e: failures.append(e),
    )
    for number in range(17):
        user = f"user-{number}"
        library.identify(user, {"plan": "pro"})
        library.track(user, "Paid", {"amount": number})
        library.page(user, "Docs", "Home", {"url": "/"})
        library.screen(user, "App", "Home")
        library.group(user, f"group-{number}", {"name": "G"})
        if number < 15:
            library.alias(f"anonymous-{number}", user)
    library.shutdown()
    library_request._session.close()
    assert failures == []


async def test_a_hundred_events_of_all_kinds_are_counted(app: Starlette) -> None:
    with served(app) as host:
        async with httpx2.AsyncClient(
            base_url=host,
            headers={"Authorization": f"Bearer {API_TOKEN}"},
            event_hooks={"response": [hold]},
            trust_env=False,
        ) as client:
            send_a_hundred(host, gzip=False)
            assert await calls_today(client, "agent-events") == 100
            send_a_hundred(host, gzip=True)
            assert await calls_today(client, "agent-events") == 200
