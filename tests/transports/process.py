"""A server process behind two pipes, spoken to line by line: what no well-behaved client would send."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

MODERN_META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}
HANDSHAKE = {
    "protocolVersion": "2025-11-25",
    "capabilities": {},
    "clientInfo": {"name": "test", "version": "1"},
}


def environment(settings: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's environment without anybody's Segment settings or proxies, and with the given settings."""
    foreign = re.compile(r"SEGMENT_.*|.*_proxy", re.IGNORECASE)
    inherited = {name: value for name, value in os.environ.items() if not foreign.fullmatch(name)}
    return {**inherited, "SEGMENT_MCP_SANDBOX": "1", **(settings or {})}


@dataclass(slots=True)
class Wire:
    """A running server."""

    process: subprocess.Popen[bytes]

    def write(self, line: bytes | Mapping[str, Any]) -> None:
        """Send one line."""
        text = line if isinstance(line, bytes) else json.dumps(line).encode()
        assert self.process.stdin is not None
        self.process.stdin.write(text + b"\n")
        self.process.stdin.flush()

    def request(self, request_id: int, method: str, params: Mapping[str, Any] | None = None) -> None:
        """Send a request."""
        self.write({"jsonrpc": "2.0", "id": request_id, "method": method, "params": params or {}})

    def call(self, request_id: int, tool: str, arguments: Mapping[str, Any]) -> None:
        """Send a tool call."""
        self.request(request_id, "tools/call", {"name": tool, "arguments": arguments})

    def read(self) -> Any:
        """The next line, as JSON."""
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())

    def greet(self) -> Any:
        """The handshake of the older era."""
        self.request(0, "initialize", HANDSHAKE)
        answer = self.read()
        self.write({"jsonrpc": "2.0", "method": "notifications/initialized"})
        return answer

    def finish(self) -> tuple[list[Any], str]:
        """Close the input and wait: the remaining lines, and what the process logged."""
        output, log = self.process.communicate(timeout=10)
        return [json.loads(line) for line in output.splitlines()], log.decode()


@contextmanager
def server(settings: Mapping[str, str] | None = None) -> Iterator[Wire]:
    """A server over stdio, ended at the end."""
    process = subprocess.Popen(
        [sys.executable, "-m", "segment_mcp"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(settings),
    )
    with process:
        try:
            yield Wire(process)
        finally:
            process.kill()
