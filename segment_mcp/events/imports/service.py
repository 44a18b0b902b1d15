"""Imports by their ids: begun, asked after, stopped; in the background where they take longer than a call."""

import logging
import os
from collections.abc import Callable, Mapping
from functools import partial
from math import ceil
from pathlib import Path
from typing import Any

import anyio

from segment_mcp.background import Spawn
from segment_mcp.errors import ImportStopped, Internal, InvalidArguments, SegmentMcpError, StoreError
from segment_mcp.events.imports import sources
from segment_mcp.events.imports.engine import Import, ImportRefusedError, Journal, Means, Plan, Tally, told
from segment_mcp.events.imports.mapping import Columns, MappingError
from segment_mcp.events.imports.preparing import Shape
from segment_mcp.events.sink import Route
from segment_mcp.ports import Data, ImportOrder, Progress, WriteKeys

logger = logging.getLogger(__name__)

LONGEST_FILE_NAME = 255
"""Bytes, on most file systems."""
MOST_LISTED = 50
"""Imports that are told of at once, the latest."""
LOOK_SECONDS = 0.5
"""How often somebody who waits for an import is told how far it is."""


class Importer:
    """One connection's imports; see `ports.Imports`.

    Args:
        route: where the events go.
        write_keys: resolves the key that an order names.
        means: makes what an import works with.
        folder: from which files may be imported on a model's word; None: from none.
        state: where dead letters go that have no place beside their file.
        spawn: runs something in the background.
        patience: seconds after which a call is answered, whether the import is done or not.
        changed: is told the id of an import that began or ended; it must not raise.
    """

    def __init__(  # noqa: PLR0913 - what it is wired to
        self,
        route: Route,
        write_keys: WriteKeys,
        means: Callable[[], Means],
        *,
        folder: Path | None,
        state: Callable[[], Path],
        spawn: Spawn,
        patience: float,
        changed: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._route = route
        self._write_keys = write_keys
        self._means = means
        self._folder = folder
        self._state = state
        self._spawn = spawn
        self._patience = patience
        self._changed = changed
        self._running: dict[str, _Running] = {}

    async def start(self, order: ImportOrder, progress: Progress) -> Data:
        """See `ports.Imports.start`."""
        source = (
            sources.from_events(order.events)
            if order.events is not None
            else sources.from_folder(self._folder, order.file or "")
        )
        begun = await self.begin(source, order)
        while (known := self._running.get(begun.id)) is not None:
            if not known.is_ending():
                source.file.close()
                return await self._wait(known, progress)
            await known.done.wait()
            self._forget(known)
        running = self._running[begun.id] = _Running(begun, partial(self._changed, begun.id))
        self._spawn(running.run)
        self._changed(begun.id)
        try:
            return await self._wait(running, progress)
        except anyio.get_cancelled_exc_class():
            running.scope.cancel()
            raise

    async def status(self, import_id: str, *, stop: bool) -> Data:
        """See `ports.Imports.status`."""
        running = self._running.get(import_id)
        if running is not None:
            if stop:
                running.scope.cancel()
            if running.is_ending():
                await running.done.wait()
            if running.failure is not None:
                raise running.failure
            return running.work.report()
        journal = self._means().journal

        def look() -> Data | None:
            found = journal.load(import_id)
            return None if found is None else _remembered(import_id, _as_it_is(journal, import_id, found))

        try:
            found = await anyio.to_thread.run_sync(look)
        except StoreError as error:
            raise ImportStopped(f"Its progress can't be read: {error}.") from None
        if found is None:
            raise InvalidArguments([{"field": "importId", "message": "is no import that this server knows"}])
        return found

    async def listed(self) -> list[Data]:
        """See `ports.Imports.listed`."""
        journal = self._means().journal

        def look() -> list[Data]:
            return [
                _remembered(import_id, _as_it_is(journal, import_id, checkpoint))
                for import_id, checkpoint in journal.latest(MOST_LISTED)
            ]

        try:
            kept = await anyio.to_thread.run_sync(look)
        except StoreError as error:
            raise ImportStopped(f"The imports can't be read: {error}.") from None
        running = {known.work.id: known.work.report() for known in self._running.values()}
        begun = [
            report for import_id, report in running.items() if import_id not in {each["importId"] for each in kept}
        ]
        return [*begun, *(running.get(each["importId"], each) for each in kept)][:MOST_LISTED]

    async def begin(self, source: sources.Source, order: ImportOrder) -> Import:
        """An import that is ready to run.

        Raises:
            InvalidArguments: the mapping contradicts itself.
            NotConfigured: no write key.
        """
        try:
            write_key = await self._write_keys.resolve(order.write_key)
            columns = None if order.map is None else Columns.parse(order.map)
        except MappingError as error:
            source.file.close()
            raise InvalidArguments([{"field": "map", "message": str(error)}]) from None
        except BaseException:
            source.file.close()
            raise
        plan = Plan(
            source,
            Shape(write_key, columns, order.type, order.integrations, order.message_ids),
            order.format,
            rate=order.rate,
            connections=order.connections,
            limit=order.limit,
            dry_run=order.dry_run,
            again=order.again,
        )
        import_id = plan.id(self._route.name)
        return Import(import_id, plan, self._means(), self._letters(source, import_id))

    async def _wait(self, running: "_Running", progress: Progress) -> Data:
        """How an import ended, or how far it is when the caller can't wait longer.

        Raises:
            SegmentMcpError: it could not begin, or stopped.
        """
        with anyio.move_on_after(self._patience):
            while not running.done.is_set():
                with anyio.move_on_after(LOOK_SECONDS):
                    await running.done.wait()
                work = running.work
                await progress(work.tally.read, _total(work), f"{work.tally.accepted} events accepted")
        if not running.done.is_set():
            return running.work.report()
        self._forget(running)
        if running.failure is not None:
            raise running.failure
        return outcome(running.work)

    def _forget(self, running: "_Running") -> None:
        """An import that is over; another one with its id may have begun."""
        if self._running.get(running.work.id) is running:
            del self._running[running.work.id]

    def _letters(self, source: sources.Source, import_id: str) -> Path:
        """Beside the file, where that can be written; otherwise in the state folder."""
        beside = source.dead_letters
        name = "" if beside is None else f"{beside.name}.{import_id}.dead.ndjson"
        if beside is not None and os.access(beside.parent, os.W_OK) and len(os.fsencode(name)) <= LONGEST_FILE_NAME:
            return beside.with_name(name)
        return self._state() / f"{import_id}.dead.ndjson"


def outcome(work: Import) -> Data:
    """What an import that is over tells.

    Raises:
        ImportStopped: it is not done, and why.
    """
    report = work.report()
    if work.state != "stopped":
        return report
    report.pop("reason", None)
    raise ImportStopped(f"The import stopped: {(work.reason or '').rstrip('.')}.", **report)


class _Running:
    """An import in the background.

    Args:
        work: the import.
        ended: is told when it is over.
    """

    def __init__(self, work: Import, ended: Callable[[], None]) -> None:
        self.work = work
        self._ended = ended
        self.done = anyio.Event()
        self.scope = anyio.CancelScope()
        self.failure: SegmentMcpError | None = None

    def is_ending(self) -> bool:
        """Whether it is over, or about to be: nobody can join it any more."""
        return self.work.state != "running" or self.scope.cancel_called or self.done.is_set()

    async def run(self) -> None:
        """Import; what stops it stays for whoever asks."""
        try:
            with self.scope:
                await self.work.run()
        except ImportRefusedError as error:
            self.failure = InvalidArguments([{"field": "import", "message": str(error)}])
        except Exception:
            logger.exception("import %s failed", self.work.id)
            self.failure = Internal("The server failed on its own account; its log says where.")
        finally:
            self.done.set()
            self._ended()


def _total(work: Import) -> float | None:
    part = work.progress()
    return None if not part else ceil(work.tally.read / part)


def _as_it_is(journal: Journal, import_id: str, checkpoint: Data) -> Data:
    """A checkpoint; one of an import that runs no more, although it never ended, says so."""
    if checkpoint["state"] != "running":
        return checkpoint
    with journal.hold(import_id) as nobody_has_it:
        return {**checkpoint, "state": "interrupted"} if nobody_has_it else checkpoint


def _remembered(import_id: str, checkpoint: Mapping[str, Any]) -> Data:
    tally = Tally(**checkpoint["tally"])
    letters = {"deadLetters": checkpoint["lettersPath"]} if checkpoint["lettersSize"] else {}
    return {
        "importId": import_id,
        "file": checkpoint["file"],
        **told(checkpoint["state"], checkpoint["reason"], tally, None),
        **letters,
        "at": checkpoint["at"],
    }
