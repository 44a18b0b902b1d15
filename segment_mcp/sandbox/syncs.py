"""Warehouse syncs: which tables of a source go into a warehouse, and which runs brought them there.

Tables come from what the source sent, as far back as it was counted, and from `syncs.json` where Segment fetches
objects. Choices of ours: every connection runs twice a day, whatever is scheduled or left out; some warehouses of
`syncs.json` miss a run now and then, and the next one brings what was missed; of columns the sandbox knows those that
every event has.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import Any

from segment_mcp.sandbox import windows
from segment_mcp.sandbox.ledger import Series, Stored
from segment_mcp.sandbox.workspace import Selection, Source

EVERY = timedelta(hours=12)
KEPT = timedelta(days=14)
SORT_KEY = "received_at"  # syncs fail without that column, says Segment's documentation

_ROWS_PER_SECOND = 400
_COLUMNS = (
    "id",
    SORT_KEY,
    "sent_at",
    "timestamp",
    "original_timestamp",
    "uuid_ts",
    "anonymous_id",
    "user_id",
    "context_ip",
    "context_library_name",
    "context_library_version",
)
_TABLES = {
    "alias": ("aliases",),
    "group": ("groups", "accounts"),
    "identify": ("identifies", "users"),
    "page": ("pages",),
    "screen": ("screens",),
    "track": ("tracks",),
}
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


@cache
def _seeds() -> Mapping[str, Any]:
    loaded: Mapping[str, Any] = json.loads(
        files("segment_mcp.sandbox").joinpath("syncs.json").read_text(encoding="utf-8")
    )
    return loaded


def table_of(event: str) -> str:
    """The table that a track event's name becomes: `Order Completed` is `order_completed`."""
    return re.sub(r"\W+", "_", _CAMEL.sub("_", event)).strip("_").lower() or "_"


def collections(stored: Iterable[Stored], source: Source) -> dict[str, tuple[str, ...]]:
    """The source's tables and their columns, by name in alphabetical order."""
    found: dict[str, tuple[str, ...]] = {
        name: tuple(columns) for name, columns in _seeds()["objects"].get(source.metadata["slug"], {}).items()
    }
    for _, series, _ in stored:
        if series.source_id == source.id:
            for table in _tables(series):
                found[table] = (*_COLUMNS, "event", "event_text") if series.type == "track" else _COLUMNS
    return dict(sorted(found.items()))


def items(
    tables: Mapping[str, Sequence[str]], selections: Mapping[Selection, bool], whole: Selection
) -> list[dict[str, Any]]:
    """What goes into a warehouse, table by table, each `{sourceId, collection, warehouseId, enabled, properties}`.

    Args:
        tables: of the source, with their columns.
        selections: what was chosen; the narrower choice holds, and what nobody chose goes.
        whole: the connection that is asked about.
    """
    listed: list[dict[str, Any]] = []
    for table, columns in tables.items():
        own = whole._replace(collection=table)
        chosen: dict[str | None, bool] = {
            key.property: value for key, value in selections.items() if key._replace(property=None) == own
        }
        listed.append(
            {
                "sourceId": whole.source_id,
                "collection": table,
                "warehouseId": whole.warehouse_id,
                "enabled": chosen.pop(None, selections.get(whole, True)),
                "properties": {**dict.fromkeys(columns, True), **chosen},
            }
        )
    return listed


def choose(selections: Mapping[Selection, bool], what: Selection, *, enabled: bool) -> dict[Selection, bool]:
    """The choices with this one made. Of a whole source, it ends the narrower ones; without effect, it is not kept."""
    source = what._replace(collection=None, property=None)
    if what == source:
        kept = {key: value for key, value in selections.items() if key[:2] != source[:2]}
    else:
        kept = {key: value for key, value in selections.items() if key != what}
    inherited = kept.get(source, True) if what.property is None else True
    return kept if enabled == inherited else {**kept, what: enabled}


def reports(
    stored: Iterable[Stored], source_id: str, warehouse_id: str, connected: datetime, now: datetime
) -> list[dict[str, Any]]:
    """The finished runs of one connection over the last `KEPT`, newest first, as the Public API shows them."""
    rows = _rows_by_run(stored, source_id)
    failure = _seeds()["failures"].get(warehouse_id)
    made: list[dict[str, Any]] = []
    carried = 0
    first = -((windows.EPOCH - max(connected, now - KEPT)) // EVERY)
    for number in range(first, (now - windows.EPOCH) // EVERY + 1):
        carried += rows.get(number, 0)
        failed = failure is not None and number % failure["every"] == 0
        seconds = 20 + (0 if failed else carried // _ROWS_PER_SECOND)
        start = windows.EPOCH + number * EVERY
        end = start + timedelta(seconds=seconds)
        if end > now:
            break
        notice = {"level": failure["level"], "message": failure["message"]} if failure is not None and failed else None
        made.append(
            {
                "sourceId": source_id,
                "start": windows.iso(start),
                "end": windows.iso(end),
                "status": "FAILURE" if failed else "SUCCESS",
                "duration": seconds,
                "humanDuration": _human(seconds),
                "count": 0 if failed else carried,
                "notices": [] if notice is None else [{**notice, "createdAt": windows.iso(end)}],
            }
        )
        carried = carried if failed else 0
    return made[::-1]


def _rows_by_run(stored: Iterable[Stored], source_id: str) -> dict[int, int]:
    """Rows of a source by the number, counted from 1970, of the run that comes first after they arrived."""
    found: dict[int, int] = {}
    for minute, series, count in stored:
        if series.source_id == source_id:
            number = minute * windows.MINUTE // EVERY + 1
            found[number] = found.get(number, 0) + count * len(list(_tables(series)))
    return found


def _tables(series: Series) -> Iterator[str]:
    yield from _TABLES.get(series.type, ())
    if series.name is not None:
        yield table_of(series.name)


def newest_first(runs: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The runs of several connections in one list."""
    return sorted(runs, key=lambda run: run["start"], reverse=True)


def _human(seconds: int) -> str:
    minutes, rest = divmod(seconds, 60)
    parts = [(minutes, "minute"), (rest, "second")]
    return " ".join(f"{count} {unit}{'' if count == 1 else 's'}" for count, unit in parts if count)
