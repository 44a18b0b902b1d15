"""A bad day on purpose: imports and single calls, while Segment fails in every way and their processes are killed.

    python -m tests.chaos [--kills N] [--seed N] [--events N]

`segment-mcp sandbox` stands for Segment and lives through the day; its faults change by the second. Three
sorts of processes work on one state folder and are killed with SIGKILL, at random moments and at those that
hurt: the importer, started again until its file is done, and then with the next file; the MCP server, called by
several callers at once; and `outbox flush`. In the evening the faults end, and the same commands finish the
work. The proof then compares what was meant to arrive, and what callers were told, with what the sandbox has.

The seed decides the files, the faults and the moments; how far each process is by then, it can't decide.
"""

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path

import anyio

from tests.chaos.day import Day, Script
from tests.chaos.proof import complaints, summary


def main() -> int:
    """Live through one day; 0 if nothing is to be complained of."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.chaos", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=50, help="at least; 50 unless given")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    parser.add_argument("--events", type=int, default=2_000, help="lines of each file, of about 12 KB; 2000")
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="chaos-"))
    sys.stdout.write(f"seed {given.seed}, in {folder}\n")
    sys.stdout.flush()
    day = Day(Script(given.kills, given.seed, given.events, call_seconds=2.0), folder)
    anyio.run(day.live)
    found = complaints(day)
    sys.stdout.write("\n".join([summary(day), *found, "all is well" if not found else f"{folder} is kept", ""]))
    if not found:
        shutil.rmtree(folder)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
