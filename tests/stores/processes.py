"""Other processes that work on the same files: what one process can't show of locks, crashes and limits."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PRELUDE = """
import os, signal, sys, time
from pathlib import Path
from segment_mcp.errors import StoreError
from segment_mcp.events.outbox import Held, Refusal
from segment_mcp.stores.imports import SqliteJournal
from segment_mcp.stores.outbox import SqliteOutbox

def say(*words):
    print(*words, flush=True)

path = Path(sys.argv[1])
"""


@dataclass(slots=True)
class Other:
    """A process at work.

    Attributes:
        process: the process.
    """

    process: subprocess.Popen[str]

    def line(self) -> str:
        """The next line that it says."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def go(self) -> None:
        """Let its `input()` return."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def lines(self) -> list[str]:
        """Wait for its good end: what it said until then."""
        said, complaints = self.process.communicate(timeout=30)
        assert self.process.returncode == 0, complaints
        return said.splitlines()


@contextmanager
def process(script: str, path: Path, *arguments: object) -> Iterator[Other]:
    """A process that runs the script, with `path` and what the prelude has; killed at the end."""
    started = subprocess.Popen(
        [sys.executable, "-c", PRELUDE + script, str(path), *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    with started:
        try:
            yield Other(started)
        finally:
            started.kill()


def elsewhere(script: str, path: Path, *arguments: object) -> list[str]:
    """What a process said that ran the script to its end."""
    with process(script, path, *arguments) as other:
        return other.lines()
