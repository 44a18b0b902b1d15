"""Stores that are closed at the end, whatever a test did to them."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from segment_mcp.stores.outbox import SqliteOutbox

Open = Callable[[], SqliteOutbox]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "kept.sqlite3"


@pytest.fixture
def open_store(path: Path) -> Iterator[Open]:
    """Opens the outbox at `path`, as another process would."""
    with ExitStack() as stack:

        def opened() -> SqliteOutbox:
            store = SqliteOutbox(path)
            stack.callback(store.close)
            return store

        yield opened


@pytest.fixture
def store(open_store: Open) -> SqliteOutbox:
    return open_store()
