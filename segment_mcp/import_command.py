"""The command `segment-mcp import`: files in turn, with a bar on a terminal, and what became of them."""

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import anyio
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from segment_mcp.app import open_wiring
from segment_mcp.background import background
from segment_mcp.config import Settings
from segment_mcp.errors import ImportStopped, SegmentMcpError
from segment_mcp.events.imports import sources
from segment_mcp.events.imports.engine import Import, ImportRefusedError
from segment_mcp.events.imports.service import outcome
from segment_mcp.ports import Data, ImportOrder

LOOK_SECONDS = 0.2
STANDARD_INPUT = "-"
USAGE_ERROR = 2
SHOWN = 5
"""Problems that are printed; the dead letters have them all."""


async def run_import(settings: Settings, connection: str | None, files: Sequence[str], order: ImportOrder) -> int:
    """Import files one after the other, and say of each what became of it.

    Args:
        settings: what the operator decided.
        connection: its name; None: the first.
        files: paths; `-` is standard input.
        order: how.

    Returns:
        0 where every record of every file was accepted (of a dry run: is valid), 1 otherwise; 2 where there is
        no such connection.
    """
    fine = True
    async with open_wiring(settings) as wiring:
        if connection is not None and connection not in wiring.names:
            print(f"segment-mcp: --connection must be one of {', '.join(wiring.names)}", file=sys.stderr)
            return USAGE_ERROR
        importer = wiring.importer(connection or wiring.names[0])
        for name in files:
            try:
                source = await anyio.to_thread.run_sync(_opened, name, abandon_on_cancel=True)
                work = await importer.begin(source, order)
                report = await _watched(work)
            except ImportStopped as error:
                _say(name, str(error), error.details)
                fine = False
            except OSError as error:
                _say(name, f"can't be opened: {error.strerror}", {})
                fine = False
            except (SegmentMcpError, ImportRefusedError) as error:
                _say(name, str(error), {})
                fine = False
            else:
                _say(name, str(report.get("reason", "")), report)
                fine = fine and not report["invalid"] and not report.get("refused")
    return 0 if fine else 1


def _opened(name: str) -> sources.Source:
    """A file, or standard input; a pipe may keep its reader waiting.

    Raises:
        OSError: it can't be opened.
    """
    return sources.from_stream(sys.stdin.buffer) if name == STANDARD_INPUT else sources.from_path(Path(name))


async def _watched(work: Import) -> Data:
    """Run an import and show how far it is.

    Raises:
        ImportRefusedError: it can't begin.
        ImportStopped: it ended before its end.
    """
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[said]}"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
        disable=not sys.stderr.isatty(),
    )
    with bar:
        shown = bar.add_task(work.report()["file"], total=None, said="")
        async with background() as spawn:
            spawn(partial(_show, bar, shown, work))
            await work.run()
    return outcome(work)


async def _show(bar: Progress, shown: TaskID, work: Import) -> None:
    while True:
        part, report = work.progress(), work.report()
        said = f"{work.tally.accepted:,} accepted, {report.get('eventsPerSecond', 0):,} a second"
        waiting = f"; {work.reason}" if work.reason else ""
        bar.update(shown, total=None if part is None else 1.0, completed=part or 0.0, said=said + waiting)
        await anyio.sleep(LOOK_SECONDS)


def _say(name: str, sentence: str, report: Data) -> None:
    """One line of what became of a file, and lines of what needs somebody's attention."""
    counted = ("accepted", "valid", "invalid", "refused")
    counts = ", ".join(f"{report[what]:,} {what}" for what in counted if what in report)
    state = report.get("state")
    print(
        ": ".join(part for part in (name, " ".join(part for part in (state and f"{state},", counts) if part)) if part)
    )
    if sentence:
        print(f"  {sentence}")
    for what in ("codes", "warnings"):
        if report.get(what):
            print(f"  {what}: {', '.join(f'{code} {number:,}' for code, number in sorted(report[what].items()))}")
    for problem in report.get("problems", ())[:SHOWN]:
        where = next(f"{unit} {problem[unit]}" for unit in ("line", "item", "row") if unit in problem)
        print(f"  {where}: {problem['code']}: {problem['field']} {problem['message']}".rstrip())
    if "deadLetters" in report:
        print(f"  dead letters: {report['deadLetters']}")
    if "importId" in report:
        print(f"  import {report['importId']}")
