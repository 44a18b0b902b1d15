"""A file of events to Segment: the importer against bare httpx2, and against Segment's own libraries.

    python -m bench.events [SIZES ...] [--rounds N] [--only SENDERS]

Sizes are numbers of events of about 1 KB: 10000 and 100000 if not given; the file of 1000000 takes 1 GB of
the temporary folder. Every sender is a process of its own and sends to the same sink on loopback, in turn
and in an order that changes with each round; httpx2 has as many connections as the importer, and bodies are
as large as Segment takes. The sink parses everything, and each event has to arrive exactly once. For `node`,
BENCH_NODE_MODULES names a folder in whose node_modules @segment/analytics-node is.

Events a second are the sink's, from the first byte to the last answer; the libraries' clock starts when the
first event is added. What a process does besides shows `by wall`. That, CPU (user and system) and memory
(peak) are what a process takes less what the same command takes to send one event, so that its start and
what it holds ready don't count; - where starts differ by as much. `raw`, `ready` and `dicts` send from
memory, and go round a pool of 10,000 events.

Targets: the importer sends at least 0.8 of `dicts`, at least 10 times as much as `python`, and takes at
most 60 MB above idle at every size; one event through `segment_track` at most 1.10 of the adapter alone.
"""

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path
from statistics import median
from time import perf_counter

from bench.events_made import CONNECTIONS, POOL, WRITE_KEY, write
from bench.peers import ROOT
from bench.sink import Sink, running

SIZES = (10_000, 100_000)
ROUNDS = 3
MOST_OF_A_LIBRARY = 100_000
"""Events: a library's rate is known by then, and it would take minutes for more."""
NODE_MODULES = os.environ.get("BENCH_NODE_MODULES", "")


@dataclass(frozen=True, slots=True)
class Task:
    """What a sender has to send.

    Attributes:
        file: of events.
        count: of them, from the file's beginning.
        origin: of the sink.
    """

    file: Path
    count: int
    origin: str


@dataclass(frozen=True, slots=True)
class Sender:
    """One of those compared.

    Attributes:
        key: its short name.
        title: what it is.
        command: that sends.
        most: events that it is given.
        distinct: events that it has.
    """

    key: str
    title: str
    command: Callable[[Task], Sequence[str]]
    most: float = inf
    distinct: float = inf


@dataclass(frozen=True, slots=True)
class Run:
    """What one process took.

    Attributes:
        rate: events a second.
        wall: seconds of the whole process.
        cpu: seconds of the process.
        peak: megabytes.
        sink: how much of a processor the sink was busy with, 0 to 1.
    """

    rate: float
    wall: float
    cpu: float
    peak: float
    sink: float


def in_python(name: str) -> Callable[[Task], Sequence[str]]:
    return lambda task: (
        sys.executable, "-m", "bench.events_senders", name, str(task.file), str(task.count), task.origin,
    )  # fmt: skip


def importing(task: Task) -> Sequence[str]:
    return (
        sys.executable, "-m", "segment_mcp", "import", str(task.file if task.count > 1 else one_event_of(task.file)),
        "--rate", "0", "--write-key", WRITE_KEY, "--connections-open", str(CONNECTIONS),
    )  # fmt: skip


def in_node(task: Task) -> Sequence[str]:
    return ("node", str(ROOT / "bench" / "events_node.cjs"), str(task.file), str(task.count), task.origin)


SENDERS = (
    Sender("raw", "      bare sockets, joined beforehand: the sink", in_python("raw"), distinct=POOL),
    Sender("ready", "(a)   httpx2, joined beforehand, from memory", in_python("ready"), distinct=POOL),
    Sender("dicts", "(a')  httpx2, each event serialised, from memory", in_python("dicts"), distinct=POOL),
    Sender("lines", "(a')  httpx2, each parsed and serialised, file", in_python("lines")),
    Sender("import", "(b)   segment-mcp import", importing),
    Sender("python", "(c)   segment-analytics-python", in_python("library"), most=MOST_OF_A_LIBRARY),
    Sender("node", "(d)   @segment/analytics-node", in_node, most=MOST_OF_A_LIBRARY),
)
RATIOS = (("import", "dicts", 0.8), ("import", "lines", 0.8), ("import", "python", 10.0), ("import", "node", None))


def one_event_of(file: Path) -> Path:
    first = file.with_suffix(".first.ndjson")
    if not first.exists():
        with file.open("rb") as lines:
            first.write_bytes(lines.readline())
    return first


def run(sender: Sender, task: Task, sink: Sink) -> Run:
    """Let a sender send.

    Raises:
        SystemExit: it failed, or an event did not arrive, or not once.
    """
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("SEGMENT_")}
    sink.reset()
    with tempfile.TemporaryDirectory() as state, tempfile.TemporaryFile() as said:
        own = {"SEGMENT_TRACKING_URL": sink.origin, "SEGMENT_REGION": "us", "SEGMENT_MCP_STATE_DIR": state}
        environment = {**inherited, **own, "PYTHONPATH": str(ROOT)}
        begin = perf_counter()
        process = subprocess.Popen(sender.command(task), env=environment, stdout=said, stderr=said)
        _, status, used = os.wait4(process.pid, 0)
        wall = perf_counter() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        if process.returncode:
            raise SystemExit(f"{sender.key} failed: {said.read().decode()[-2000:]}")
        count = sink.count()
        if (count.events, count.distinct) != (task.count, min(task.count, sender.distinct)):
            raise SystemExit(f"{sender.key} sent {task.count} events; {count} arrived: {said.read().decode()[-2000:]}")
    # A process starts with the peak of the one that started it, which therefore has to stay the smaller one.
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < used.ru_maxrss
    rate, busy = task.count / count.seconds, count.cpu_seconds / count.seconds
    return Run(rate, wall, used.ru_utime + used.ru_stime, megabytes(used.ru_maxrss), busy)


def megabytes(peak: int) -> float:
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


def compare(senders: Sequence[Sender], file: Path, size: int, rounds: int, sink: Sink) -> None:
    """Run all of them as often as wanted, and print the medians."""
    idle: dict[str, list[Run]] = {sender.key: [] for sender in senders}
    full: dict[str, list[Run]] = {sender.key: [] for sender in senders}
    for number in range(rounds):
        first = number % len(senders)
        for sender in (*senders[first:], *senders[:first]):
            count = int(min(size, sender.most))
            idle[sender.key].append(run(sender, Task(file, 1, sink.origin), sink))
            full[sender.key].append(run(sender, Task(file, count, sink.origin), sink))
    print(f"\n{size:,} events of {file.stat().st_size // size:,} bytes, {rounds} rounds, medians")
    print(f"  {'':52}{'events/s':>9}{'from':>9}{'to':>9}{'by':>9}{'CPU s':>8}{'MB':>6}{'MB':>7}{'sink':>6}")
    print(f"  {'':79}{'wall':>9}{'/100k':>8}{'idle':>6}{'above':>7}{'busy':>6}")
    for sender in senders:
        runs, before, count = full[sender.key], idle[sender.key], int(min(size, sender.most))
        rates = [one.rate for one in runs]
        wall, cpu, peak = (above(runs, before, figure) for figure in ("wall", "cpu", "peak"))
        print(
            f"  {sender.title + (f', {count:,} events' if count < size else ''):52}{median(rates):9,.0f}"
            f"{min(rates):9,.0f}{max(rates):9,.0f}{f'{count / wall:,.0f}' if wall else '-':>9}"
            f"{f'{cpu / count * 100_000:.2f}' if cpu else '-':>8}{median(one.peak for one in before):6.0f}"
            f"{peak:7.0f}{median(one.sink for one in runs):6.2f}"
        )
    for ours, other, target in RATIOS:
        if ours in full and other in full:
            ratio = median(one.rate for one in full[ours]) / median(one.rate for one in full[other])
            pairs = [one.rate / another.rate for one, another in zip(full[ours], full[other], strict=True)]
            print(
                f"  {ours} / {other}: {ratio:.2f}   of the pairs: {median(pairs):.2f}, "
                f"{min(pairs):.2f} to {max(pairs):.2f}" + (f"   (target: at least {target:g})" if target else "")
            )


def above(runs: Sequence[Run], before: Sequence[Run], figure: str) -> float:
    """How much more the runs took than those of one event; 0 where those differ by as much among themselves."""
    resting = [getattr(one, figure) for one in before]
    more = median(getattr(one, figure) for one in runs) - median(resting)
    return more if more > max(resting) - min(resting) else 0.0


def skipped() -> dict[str, str]:
    """Why a sender can't run here."""
    if not shutil.which("node"):
        return {"node": "there is no node on PATH"}
    if not (Path(NODE_MODULES) / "node_modules" / "@segment" / "analytics-node").is_dir():
        return {"node": "BENCH_NODE_MODULES names no folder in whose node_modules @segment/analytics-node is"}
    return {}


def main() -> None:
    keys = [sender.key for sender in SENDERS]
    parser = argparse.ArgumentParser(prog="python -m bench.events")
    parser.add_argument("sizes", nargs="*", type=int, default=SIZES, metavar="SIZES")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--only", default=",".join(keys), help=f"Some of {','.join(keys)}.")
    given = parser.parse_args()
    unable = skipped()
    wanted = [sender for sender in SENDERS if sender.key in given.only.split(",")]
    for sender in wanted:
        if sender.key in unable:
            print(f"{sender.title} skipped: {unable[sender.key]}")
    with tempfile.TemporaryDirectory() as folder, running() as sink:
        for size in given.sizes:
            file = write(Path(folder) / f"{size}.ndjson", size)
            compare([sender for sender in wanted if sender.key not in unable], file, size, given.rounds, sink)
            file.unlink()
    print(flush=True)
    subprocess.run([sys.executable, "-m", "bench.events_one"], check=True, cwd=ROOT)


if __name__ == "__main__":
    main()
