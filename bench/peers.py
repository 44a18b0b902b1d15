"""What both benchmarks share: a client that is nothing but two pipes, and figures as they are printed."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any, Self

ROOT = Path(__file__).parent.parent
BARE = (sys.executable, str(ROOT / "bench" / "bare_server.py"))
OURS = (sys.executable, "-m", "segment_mcp")


class Peer:
    """A server behind two pipes, asked one request at a time.

    Args:
        command: starts it.
        environment: added to this process's own.
    """

    def __init__(self, command: Sequence[str], environment: dict[str, str] | None = None) -> None:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("SEGMENT_")}
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**inherited, "PYTHONPATH": str(ROOT), **(environment or {})},
        )
        self._last_id = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def greet(self) -> None:
        """The handshake."""
        client = {"name": "bench", "version": "1"}
        self.ask("initialize", {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client})
        self._write({"jsonrpc": "2.0", "method": "notifications/initialized"})

    def ask(self, method: str, params: dict[str, Any]) -> Any:
        """A request's result."""
        self._last_id += 1
        self._write({"jsonrpc": "2.0", "id": self._last_id, "method": method, "params": params})
        assert self._process.stdout is not None
        answer = json.loads(self._process.stdout.readline())
        return answer["result"]

    def _write(self, message: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(message).encode() + b"\n")
        self._process.stdin.flush()


def report(title: str, unit: str, ours: Sequence[float], bare: Sequence[float]) -> None:
    """Print medians, ranges and the ratio of the medians, and of each pair."""
    pairs = sorted(one / other for one, other in zip(ours, bare, strict=True))
    print(title)
    for name, values in (("segment-mcp", ours), ("bare low-level server", bare)):
        print(f"  {name:22} median {median(values):8.3f} {unit}   {min(values):.3f} to {max(values):.3f}")
    print(f"  ratio of the medians   {median(ours) / median(bare):.3f}   of the pairs: median {median(pairs):.3f}")
