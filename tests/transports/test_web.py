"""Over a port, as a process: Streamable HTTP in both eras, SSE in the one that has it, and who is let in."""

import re
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import anyio
import httpx2
import pytest
from mcp import Client, ClientSession
from mcp.client.sse import sse_client

from segment_mcp.tools.catalog import TOOLS
from segment_mcp.transports import web
from tests.transports.process import HANDSHAKE, environment
from tests.workbench import ERAS, QUIET, data_of, refused


@contextmanager
def serving(transport: str) -> Iterator[str]:
    """A server on a free port of this machine; yields its URL."""
    process = subprocess.Popen(
        [sys.executable, "-m", "segment_mcp", "serve", "--transport", transport, "--port", "0"],
        stderr=subprocess.PIPE,
        env=environment(),
    )
    with process:
        try:
            assert process.stderr is not None
            line = process.stderr.readline().decode()
            found = re.search(r"listening on (http://127\.0\.0\.1:\d+/\w+)$", line.strip())
            assert found, line
            yield found[1]
            process.terminate()
            process.wait(timeout=10)
            assert "Traceback" not in process.stderr.read().decode()
        finally:
            process.kill()


@asynccontextmanager
async def sse_session(url: str) -> AsyncIterator[ClientSession]:
    """A client over HTTP+SSE, which only the older era has."""
    async with sse_client(url) as (reader, writer), ClientSession(reader, writer) as session:
        await session.initialize()
        yield session


def test_streamable_http_lists_and_calls_in_both_eras() -> None:
    with serving("http") as url:
        for era in ERAS:
            run_client(url, era)


def run_client(url: str, era: str) -> None:
    async def walk() -> None:
        async with Client(url, mode=era) as client:
            await check(client)

    anyio.run(walk)


async def check(client: Any) -> None:
    listed = await client.list_tools()
    found = data_of(await client.call_tool("segment_list_sources", {"name": "agent"}))
    failed = refused(await client.call_tool("segment_delete_source", {"sourceId": QUIET}))
    unknown = refused(await client.call_tool("segment_nothing", {}))
    assert len(listed.tools) == len(TOOLS)
    assert [source["id"] for source in found["sources"]] == [QUIET]
    assert failed["code"] == "confirmation_required"
    assert unknown["code"] == "unknown_tool"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
async def test_sse_lists_and_calls() -> None:
    with serving("sse") as url:
        async with sse_session(url) as session:
            await check(session)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Host": "evil.example"}, 421),
        ({"Origin": "http://evil.example"}, 403),
    ],
    ids=["own name", "foreign host", "foreign origin"],
)
def test_only_this_machines_names_are_let_in(headers: dict[str, str], status: int) -> None:
    body = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": HANDSHAKE}
    accept = {"Accept": "application/json, text/event-stream", **headers}
    with serving("http") as url, httpx2.Client() as client:
        assert client.post(url, json=body, headers=accept).status_code == status


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.0.0.1", True), ("127.8.8.8", True), ("::1", True), ("localhost", True), ("0.0.0.0", False),  # noqa: S104
     ("192.0.2.1", False), ("example.com", False)],
)  # fmt: skip
def test_what_counts_as_this_machine(host: str, *, loopback: bool) -> None:
    assert web.is_loopback(host) is loopback


def test_another_address_needs_the_names_under_which_clients_call_it() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "segment_mcp", "serve", "--transport", "http", "--host", "0.0.0.0", "--port", "0"],  # noqa: S104
        capture_output=True, env=environment(), check=False, timeout=20,
    )  # fmt: skip
    assert run.returncode == 2
    assert b"--allowed-host" in run.stderr


def test_allowed_hosts_are_let_in_with_and_without_a_port() -> None:
    security = web.security_for("0.0.0.0", ["mcp.example"])  # noqa: S104
    assert security.allowed_hosts == ["mcp.example", "mcp.example:*"]
    assert "https://mcp.example" in security.allowed_origins
