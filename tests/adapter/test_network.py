"""Real sockets, on loopback only: proxies, a private certificate authority, and servers that misbehave."""

import base64
import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx2
import pytest

from segment_mcp.adapter.client import SegmentClient
from segment_mcp.adapter.http import Http
from segment_mcp.config import Connection
from segment_mcp.errors import UpstreamError
from segment_mcp.operations import get
from tests.adapter.clockwork import Clockwork
from tests.adapter.sockets import (
    Authority,
    Server,
    authority,
    babbling,
    dripping,
    resetting,
    resetting_in_the_body,
    saying,
    serving,
    tunnelling,
)
from tests.transports.process import environment

TOKEN = "sgp_cAnArY9f8e7d6c5b4a"
PASSWORD = "pRoXyPaSsWoRd1234"
SECRETS = (TOKEN, PASSWORD, base64.b64encode(f"mallory:{PASSWORD}".encode()).decode().rstrip("="))
SOURCES = json.dumps({"data": {"sources": [], "pagination": {"current": "MA=="}}}).encode()
OK = saying("200 OK\r\nContent-Type: application/json", SOURCES)


def clean_environment(settings: Mapping[str, str]) -> dict[str, str]:
    inherited = environment({"SEGMENT_MCP_SANDBOX": "", "SEGMENT_API_TOKEN": TOKEN, "SEGMENT_REGION": "us"})
    own = {name: value for name, value in inherited.items() if not re.match("SSL_CERT_", name)}
    return {**own, **settings}


def call(settings: Mapping[str, str], tool: str = "segment_list_sources", arguments: str = "{}") -> dict[str, Any]:
    """A tool, called by the command in a process of its own; no secret in anything that it wrote."""
    done = subprocess.run(
        [sys.executable, "-m", "segment_mcp", "call", tool, arguments],
        env=clean_environment(settings), capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    written = done.stdout + done.stderr
    assert not any(secret in written for secret in SECRETS)
    assert "Traceback" not in written
    envelope: dict[str, Any] = json.loads(done.stdout)
    assert done.returncode == (0 if envelope["successful"] else 1)
    return envelope


@pytest.fixture
def dead_port() -> Iterator[int]:
    """A port of this machine that nobody answers."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]


# Proxies


def test_the_proxy_of_the_environment_is_asked_in_the_hosts_place_and_it_alone_gets_its_password(
    dead_port: int,
) -> None:
    with serving(OK) as proxy:
        envelope = call(
            {"HTTP_PROXY": f"http://mallory:{PASSWORD}@127.0.0.1:{proxy.port}",
             "SEGMENT_PUBLIC_API_URL": f"http://127.0.0.1:{dead_port}"}
        )  # fmt: skip
    assert envelope["successful"]
    (head,) = proxy.heads
    assert head.startswith(f"GET http://127.0.0.1:{dead_port}/sources HTTP/1.1\r\n")
    assert f"authorization: bearer {TOKEN}".lower() in head.lower()
    assert f"proxy-authorization: basic {SECRETS[2]}".lower() in head.lower()


def test_a_host_that_no_proxy_names_is_asked_itself() -> None:
    with serving(OK) as proxy, serving(OK) as segment:
        envelope = call(
            {"HTTP_PROXY": f"http://127.0.0.1:{proxy.port}", "NO_PROXY": "127.0.0.1",
             "SEGMENT_PUBLIC_API_URL": f"http://127.0.0.1:{segment.port}"}
        )  # fmt: skip
    assert envelope["successful"]
    assert (len(proxy.heads), len(segment.heads)) == (0, 1)


def test_a_proxy_that_lets_nobody_through_is_told_and_sees_no_token() -> None:
    with serving(saying(f"407 {PASSWORD}")) as proxy:
        envelope = call(
            {"HTTPS_PROXY": f"http://mallory:{PASSWORD}@127.0.0.1:{proxy.port}", "SEGMENT_MCP_CALL_SECONDS": "1"}
        )
    assert envelope["data"]["code"] == "network"
    assert "through the proxy" in envelope["error"]
    assert {head.splitlines()[0] for head in proxy.heads} == {"CONNECT api.segmentapis.com:443 HTTP/1.1"}
    assert not any(TOKEN in head for head in proxy.heads)


def test_a_proxy_that_is_not_there_is_a_network_failure(dead_port: int) -> None:
    proxy = f"http://mallory:{PASSWORD}@127.0.0.1:{dead_port}"
    envelope = call({"HTTPS_PROXY": proxy, "SEGMENT_MCP_CALL_SECONDS": "1"})
    assert envelope["data"] == {"code": "network", "host": "api.segmentapis.com"}
    assert "Nothing was sent" in envelope["error"]


@pytest.mark.parametrize(
    "proxy",
    [
        f"socks9://mallory:{PASSWORD}@127.0.0.1:1",
        f"http://mallory:{PASSWORD}@127.0.0.1:port",
        f"http://mallory:{PASSWORD}#1@127.0.0.1:1",
    ],
    ids=["unknown-scheme", "no-port", "password-not-encoded"],
)
def test_a_proxy_setting_that_is_wrong_is_told_and_not_shown(proxy: str) -> None:
    envelope = call({"HTTPS_PROXY": proxy, "SEGMENT_MCP_CALL_SECONDS": "1"})
    assert envelope["data"]["code"] != "internal"
    assert "proxy" in envelope["error"]


# A private certificate authority


@pytest.fixture(scope="module")
def private(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return authority(tmp_path_factory.mktemp("authority"))


def test_a_private_authority_is_trusted_where_the_environment_names_it(private: Authority) -> None:
    with serving(OK, private.tls) as segment:
        envelope = call(
            {"SSL_CERT_FILE": str(private.file), "SEGMENT_PUBLIC_API_URL": f"https://localhost:{segment.port}"}
        )
    assert envelope["successful"], envelope
    assert segment.heads[0].startswith("GET /sources HTTP/1.1\r\n")


def test_an_authority_that_nobody_named_is_not_trusted_and_sees_no_token(private: Authority) -> None:
    with serving(OK, private.tls) as segment:
        envelope = call(
            {"SEGMENT_PUBLIC_API_URL": f"https://localhost:{segment.port}", "SEGMENT_MCP_CALL_SECONDS": "1"}
        )
    assert envelope["data"] == {"code": "network", "host": f"localhost:{segment.port}"}
    assert segment.heads == []
    assert segment.broken > 0


def test_a_certificate_of_another_host_is_not_trusted(private: Authority) -> None:
    with serving(tunnelling(private.tls)) as impostor:
        envelope = call(
            {"SSL_CERT_FILE": str(private.file), "HTTPS_PROXY": f"http://127.0.0.1:{impostor.port}",
             "SEGMENT_MCP_CALL_SECONDS": "1"}
        )  # fmt: skip
    assert envelope["data"] == {"code": "network", "host": "api.segmentapis.com"}
    assert {head.split()[0] for head in impostor.heads} == {"CONNECT"}


def test_an_authority_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    nowhere = {"SEGMENT_PUBLIC_API_URL": "https://localhost:1", "SEGMENT_MCP_CALL_SECONDS": "1"}
    envelope = call({"SSL_CERT_FILE": str(tmp_path / "gone.pem"), **nowhere})
    assert envelope["data"]["code"] != "internal"
    assert "SSL_CERT_FILE" in envelope["error"]


# Servers that misbehave


def test_a_server_that_drips_forever_is_cut_off_at_the_calls_budget() -> None:
    begin = time.monotonic()
    with serving(dripping) as segment:
        envelope = call({"SEGMENT_PUBLIC_API_URL": f"http://127.0.0.1:{segment.port}", "SEGMENT_MCP_CALL_SECONDS": "1"})
    assert envelope["data"] == {"code": "timeout", "host": f"127.0.0.1:{segment.port}"}
    assert len(segment.heads) == 1
    assert time.monotonic() - begin < 6


@pytest.fixture(params=["public", "tracking"])
def api(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


Serve = Callable[[Server, socket.socket], None]


async def met(serve: Serve, kind: str) -> tuple[Server, Any]:
    """A call that meets such a server, in this process and without its proxies: the server, and what was raised."""
    with serving(serve) as server:
        origin = f"http://127.0.0.1:{server.port}"
        connection = Connection.model_validate(
            {"api_token": TOKEN, "public_api_url": origin, "tracking_url": origin, "region": "us"}
        )
        http = Http(lambda: httpx2.AsyncHTTPTransport(trust_env=False))
        client = SegmentClient(connection, http, timing=Clockwork().timing(), call_seconds=25)
        calls: Mapping[str, Callable[[], Awaitable[Any]]] = {
            "public": lambda: client.call(get("listSources"), {}),
            "change": lambda: client.call(get("updateSource"), {"sourceId": "s", "name": "n"}),
            "tracking": lambda: client.send("track", [b'{"messageId":"m"}'], "k" * 32),
        }
        try:
            with pytest.raises(UpstreamError) as caught:
                await calls[kind]()
        finally:
            await http.aclose()
    return server, caught.value


@pytest.mark.parametrize(
    "serve", [resetting, resetting_in_the_body, babbling], ids=["reset", "reset-in-the-body", "no-http"]
)
async def test_a_connection_that_breaks_is_tried_again_where_that_does_no_harm(serve: Serve, api: str) -> None:
    server, error = await met(serve, api)
    assert error.data() == {"code": "network", "host": f"127.0.0.1:{server.port}"}
    assert len(server.heads) == 10


@pytest.mark.parametrize("serve", [resetting, resetting_in_the_body], ids=["reset", "reset-in-the-body"])
async def test_a_change_whose_connection_breaks_is_sent_once(serve: Serve) -> None:
    server, error = await met(serve, "change")
    assert error.data() == {"code": "network", "host": f"127.0.0.1:{server.port}"}
    assert len(server.heads) == 1
    assert "Nothing was sent" not in str(error)


async def test_a_redirect_of_a_real_server_is_not_followed(api: str) -> None:
    with serving(OK) as elsewhere:
        location = f"http://127.0.0.1:{elsewhere.port}/sources"
        server, error = await met(saying(f"307 Elsewhere\r\nLocation: {location}"), api)
    assert error.data()["kind"] == "redirect"
    assert (len(server.heads), len(elsewhere.heads)) == (1, 0)
