"""Over a real port: connections that the sandbox resets, and bodies that drip; quietly, and only where asked."""

import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest

from segment_mcp.sandbox import API_TOKEN, WRITE_KEYS
from segment_mcp.sandbox.injector import ABORT
from segment_mcp.transports.abortable import EXTENSION
from tests.transports.process import environment

AUTHORIZED = {"Authorization": f"Bearer {API_TOKEN}"}
GET = f"GET /sources HTTP/1.1\r\nHost: sandbox\r\nAuthorization: Bearer {API_TOKEN}\r\n\r\n".encode()
EVENT = json.dumps({"userId": "u", "event": "Paid", "writeKey": WRITE_KEYS["http"]}).encode()
POST = b"POST /v1/track HTTP/1.1\r\nHost: sandbox\r\nContent-Length: %d\r\n\r\n%s" % (len(EVENT), EVENT)


@dataclass
class Served:
    """A sandbox on a port of this machine."""

    host: str
    port: int
    client: httpx2.Client

    def set(self, **fault: Any) -> None:
        self.client.delete("/_sandbox/faults").raise_for_status()
        self.client.post("/_sandbox/faults", json=fault).raise_for_status()

    def await_a_strike(self) -> None:
        """Return when the fault was used."""
        deadline = time.monotonic() + 10
        while not self.client.get("/_sandbox/faults").json()["data"]["faults"][0]["used"]:
            assert time.monotonic() < deadline

    def connect(self) -> socket.socket:
        connected = socket.create_connection((self.host, self.port), timeout=10)
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connected

    def raw(self, request: bytes) -> tuple[bytes, bool]:
        """What came on a connection of its own until it ended, and whether a reset ended it."""
        with closing(self.connect()) as connected:
            connected.sendall(request)
            received = b""
            try:
                while chunk := connected.recv(65_536):
                    received += chunk
            except ConnectionResetError:
                return received, True
            return received, False


def start() -> tuple[subprocess.Popen[bytes], str, int]:
    process = subprocess.Popen(
        [sys.executable, "-m", "segment_mcp", "sandbox", "--port", "0"], stderr=subprocess.PIPE, env=environment()
    )
    assert process.stderr is not None
    said = [process.stderr.readline().decode() for _ in range(len(WRITE_KEYS) + 3)]
    found = re.search(r"listening on http://(127\.0\.0\.1):(\d+)$", said[-1].strip())
    assert found, said
    return process, found[1], int(found[2])


def end(process: subprocess.Popen[bytes]) -> str:
    """End the process as a person would, and return what it logged."""
    process.terminate()
    _, log = process.communicate(timeout=10)
    return log.decode()


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    process, host, port = start()
    with process:
        try:
            with httpx2.Client(base_url=f"http://{host}:{port}", headers=AUTHORIZED) as client:
                yield Served(host, port, client)
            assert end(process) == ""  # no fault of any test made a noise
        finally:
            process.kill()


def calls(served: Served) -> int:
    period = f"{time.strftime('%Y-%m', time.gmtime())}-01"
    rows = served.client.get("/usage/api-calls/daily", params={"period": period}).json()
    return sum(int(row["apiCalls"]) for row in rows["data"]["dailyWorkspaceAPICallsUsage"])


def test_both_sides_call_the_extension_by_the_same_name() -> None:
    assert EXTENSION == ABORT


@pytest.mark.parametrize("request_", [GET, POST], ids=["read", "write"])
def test_before_the_answer_the_connection_is_reset(served: Served, request_: bytes) -> None:
    served.set(reset="before")
    assert served.raw(request_) == (b"", True)


@pytest.mark.parametrize("request_", [GET, POST], ids=["read", "write"])
def test_in_the_middle_the_head_and_half_of_the_body_arrive_before_the_reset(served: Served, request_: bytes) -> None:
    served.set(reset="middle")
    received, was_reset = served.raw(request_)
    head, _, body = received.partition(b"\r\n\r\n")
    declared = re.search(rb"content-length: (\d+)", head)
    assert was_reset
    assert head.startswith(b"HTTP/1.1 200 OK")
    assert declared
    assert 0 < len(body) == int(declared[1]) // 2


def test_an_http_client_sees_a_read_error_and_goes_on_afterwards(served: Served) -> None:
    for where in ("before", "middle"):
        served.set(reset=where, operation="listSources", times=1)
        with pytest.raises(httpx2.ReadError):
            served.client.get("/sources")
        assert served.client.get("/sources").status_code == 200


@pytest.mark.parametrize("act", [True, False])
def test_a_request_that_was_reset_was_acted_on_if_told(served: Served, *, act: bool) -> None:
    before = calls(served)
    served.set(reset="before", operation="track", act=act)
    assert served.raw(POST) == (b"", True)
    assert calls(served) - before == int(act)


def test_two_requests_on_one_connection_are_spoiled_one_by_one(served: Served) -> None:
    served.set(reset="before", operation="track", times=1)
    received, was_reset = served.raw(GET + POST)
    assert was_reset
    assert received.startswith(b"HTTP/1.1 200 OK") or received == b""  # a reset may overtake the answer before it
    assert served.client.post("/v1/track", content=EVENT).status_code == 200


def test_a_body_drips_in_pieces_and_is_whole(served: Served) -> None:
    whole = served.client.get("/sources").json()
    served.set(dripSeconds=0.005)
    began = time.monotonic()
    assert served.client.get("/sources").json() == whole
    assert time.monotonic() - began >= 9 * 0.005


def test_statuses_without_a_body_keep_the_connection_in_step(served: Served) -> None:
    for status in (204, 205, 304):
        served.set(status=status, times=1)
        assert served.client.get("/sources").status_code == status
        assert served.client.get("/sources").status_code == 200


def test_a_client_that_hangs_up_in_a_delay_leaves_the_sandbox_to_others(served: Served) -> None:
    served.set(delaySeconds=3600, operation="listSources", times=1)
    with closing(served.connect()) as connected:
        connected.sendall(GET)
        served.await_a_strike()
    assert served.client.get("/sources").status_code == 200


def test_the_sandbox_ends_at_once_and_quietly_while_a_client_waits() -> None:
    process, host, port = start()
    with process, httpx2.Client(base_url=f"http://{host}:{port}", headers=AUTHORIZED) as client:
        try:
            served = Served(host, port, client)
            served.set(delaySeconds=3600, operation="listSources")
            with closing(served.connect()) as connected:
                connected.sendall(GET)
                served.await_a_strike()
                assert end(process) == ""
                assert connected.recv(1) == b""
        finally:
            process.kill()
