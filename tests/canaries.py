"""Secrets that are recognised wherever they turn up, and the calls that carry them.

Run as a program (`python -m tests.canaries`), it makes every call meet every fault through an MCP client, logs
everything at debug level to stderr, and prints a JSON line for each envelope and each span.
"""

import base64
import json
import logging
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import anyio
import httpx2
from mcp import Client
from opentelemetry import trace

from segment_mcp import logs
from segment_mcp.app import log_scrubber, open_app
from segment_mcp.config import load
from segment_mcp.redact import mask_write_key
from segment_mcp.server import build_server
from tests.adapter.clockwork import Clockwork
from tests.adapter.faults import FAULTS, Fault, Faulty, Incident

CANARIES: Mapping[str, str] = {
    "API token": "sgp_tOkEnCaNaRy0a1b2c3d4e5f6g7h8",
    "default write key": "dEfAuLtCaNaRy9i8j7k6l5m4n3o2AAAA",
    "named write key": "nAmEdCaNaRy1p2q3r4s5t6u7v8w9BBBB",
    "write key as an argument": "aRgUmEnTcAnArY/z1+y2w3v4u5t6CCCC",
    "listed write key": "lIsTeDcAnArY5x6y7z8a9b0c1d2eDDDD",
    "secret in settings": "sEtTiNgCaNaRy3f4g5h6i7j8k9l0m1n2",
    "profile token": "pRoFiLeCaNaRy6p5o4i3u2y1t0r9e8w7",
    "somebody's ID": "someone+canary7c1e5b2d84603f9a@x.example",
}
TOKEN, DEFAULT_KEY, NAMED_KEY, ARGUMENT_KEY, LISTED_KEY, SECRET, PROFILE_TOKEN, SOMEBODY = CANARIES.values()
ENVIRONMENT = {
    "SEGMENT_API_TOKEN": TOKEN,
    "SEGMENT_WRITE_KEY": DEFAULT_KEY,
    "SEGMENT_WRITE_KEYS": f"web={NAMED_KEY}",
    "SEGMENT_PROFILE_TOKEN": PROFILE_TOKEN,
    "SEGMENT_PROFILE_SPACE_ID": "spa_jx5TXF1X",
    "SEGMENT_REGION": "us",
    "SEGMENT_MCP_MODE": "unattended",
}

_PIECE, _STEP = 8, 4
"""A piece of a secret is a secret: of eleven characters in a row, eight begin at a multiple of four."""


def _forms(canary: str) -> set[str]:
    basic = base64.b64encode(f"{canary}:".encode()).decode().rstrip("=")
    return {canary, quote(canary, safe=""), basic}


def _pieces(canary: str) -> set[str]:
    return {
        form[start : start + _PIECE] for form in _forms(canary) for start in range(0, len(form) - _PIECE + 1, _STEP)
    }


_PIECES = {name: _pieces(canary) for name, canary in CANARIES.items()}


def leaks(text: str) -> list[str]:
    """The kinds of secret of which the text has at least a piece."""
    return [name for name, pieces in _PIECES.items() if any(piece in text for piece in pieces)]


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call that carries secrets to Segment, or brings some back."""

    tool: str
    arguments: Mapping[str, Any]


EVENT = {"event": "Paid", "userId": "u", "messageId": "m"}
CALLS: Mapping[str, Call] = {
    "list": Call("segment_list_sources", {}),
    "update": Call("segment_update_source", {"sourceId": "s", "name": "Web"}),
    "label": Call("segment_add_labels_to_source", {"sourceId": "s", "labels": [{"key": "k", "value": "v"}]}),
    "delete": Call("segment_delete_source", {"sourceId": "s"}),
    "destination": Call("segment_get_destination", {"destinationId": "d"}),
    "destinations": Call("segment_list_destinations", {}),
    "warehouses": Call("segment_list_connected_warehouses_from_source", {"sourceId": "s", "pagination": {"count": 1}}),
    "status": Call("segment_connection_status", {}),
    "event": Call("segment_track", EVENT),
    "event with a named key": Call("segment_track", {**EVENT, "writeKey": "web"}),
    "event with a given key": Call("segment_track", {**EVENT, "writeKey": ARGUMENT_KEY}),
    "batch with a given key": Call("segment_batch", {"batch": [{"type": "track", **EVENT}], "writeKey": ARGUMENT_KEY}),
    "remove a given key": Call("segment_remove_source_write_key", {"sourceId": "s", "writeKey": ARGUMENT_KEY}),
    "profile of a given person": Call("segment_lookup_profile", {"id": SOMEBODY, "idType": "email"}),
}
SPOKEN = (
    "list",
    "delete",
    "destination",
    "status",
    "event",
    "event with a given key",
    "remove a given key",
    "profile of a given person",
)
"""Those that the program makes: one of a kind."""

SAID_BY_THE_CALLER = [name for name in CALLS if "given" in name]
"""Those whose secret no configuration knows."""

_SETTINGS = {
    "apiKey": SECRET,
    "nested": {"deeper": {"clientSecret": SECRET, "plain": "shown"}},
    "headers": [{"key": "Authorization", "value": f"Bearer {SECRET}"}],
    "endpoint": f"https://user:{SECRET}@hook.example/in",
    "callback": f"https://hook.example/in?token={SECRET}",
    "password": [SECRET],
    "trackingId": "UA-1",
}


def _source(name: str, *keys: str) -> dict[str, Any]:
    return {"id": name, "slug": name, "name": name, "enabled": True, "writeKeys": list(keys), "settings": _SETTINGS}


def workspace(_: Incident) -> httpx2.Response:
    """An answer to any operation, full of secrets."""
    first = _source("s", LISTED_KEY, DEFAULT_KEY)
    data = {
        "source": first,
        "sources": [first, _source("t", NAMED_KEY)],
        "destination": {"id": "d", "settings": _SETTINGS},
        "destinations": [{"id": "d", "settings": _SETTINGS}],
        "warehouses": [{"id": "w", "settings": _SETTINGS}],
        "labels": [],
        "workspace": {"id": "w", "name": "W"},
        "status": "SUCCESS",
        "pagination": {"current": "MA=="},
    }
    profile = {"traits": {"note": f"asked as {SOMEBODY}", "plan": "plus"}, "metadata": {"created_at": "2026-01-31"}}
    return httpx2.Response(200, json={"data": data, "success": True, **profile})


def masked_first(fault: Fault) -> Fault:
    """Reads sources well, so that a masked key is found; everything else meets the fault."""

    def answer(incident: Incident) -> httpx2.Response:
        reads = incident.request.method == "GET" and incident.request.url.path.startswith("/sources")
        return (workspace if reads else fault)(incident)

    return answer


BY_MASK = Call("segment_remove_source_write_key", {"sourceId": "s", "writeKey": mask_write_key(LISTED_KEY)})


def crash(incident: Incident) -> httpx2.Response:
    """A defect, with every secret within its reach."""
    everything = incident.echo()
    raise RuntimeError(f"a defect after {len(everything)} characters")


def talkative_crash(incident: Incident) -> httpx2.Response:
    """A defect that says all that it knows."""
    raise RuntimeError(incident.echo())


class _Span(trace.NonRecordingSpan):
    """Writes down what it is told."""

    def __init__(self, name: str, attributes: Mapping[str, Any] | None) -> None:
        super().__init__(trace.INVALID_SPAN_CONTEXT)
        self._say(name, attributes)

    def _say(self, *words: Any) -> None:
        sys.stdout.write(json.dumps({"span": [repr(word) for word in words]}) + "\n")

    def is_recording(self) -> bool:
        return True

    def set_attributes(self, attributes: Mapping[str, Any]) -> None:
        self._say(attributes)

    def set_attribute(self, key: str, value: Any) -> None:
        self._say(key, value)

    def add_event(self, name: str, attributes: Any = None, timestamp: int | None = None) -> None:
        self._say(name, attributes, timestamp)

    def update_name(self, name: str) -> None:
        self._say(name)

    def set_status(self, status: Any, description: str | None = None) -> None:
        self._say(getattr(status, "description", status), description)

    def record_exception(
        self, exception: BaseException, attributes: Any = None, timestamp: int | None = None, escaped: bool = False  # noqa: FBT001, FBT002 - its signature
    ) -> None:  # fmt: skip
        self._say(exception, attributes, timestamp, escaped)


class _Tracer(trace.NoOpTracer):
    def start_span(self, name: str, *_: Any, attributes: Any = None, **__: Any) -> trace.Span:
        return _Span(name, attributes)

    @contextmanager
    def _current(self, name: str, attributes: Any) -> Iterator[trace.Span]:
        with trace.use_span(self.start_span(name, attributes=attributes), record_exception=True) as span:
            yield span

    def start_as_current_span(self, name: str, *_: Any, attributes: Any = None, **__: Any) -> Any:
        return self._current(name, attributes)


class _Tracers(trace.TracerProvider):
    def get_tracer(self, *_: Any, **__: Any) -> trace.Tracer:
        return _Tracer()


async def _everything() -> None:
    settings = load(ENVIRONMENT)
    logs.configure(log_scrubber(settings), level=logging.DEBUG)
    logging.getLogger(__name__).debug("begins with %s", settings.connections["default"].secrets())
    trace.set_tracer_provider(_Tracers())
    faults = {"no fault": workspace, **FAULTS, "crash": crash, "talkative crash": talkative_crash}
    for fault, answer in faults.items():
        for name in SPOKEN:
            call = CALLS[name]
            if answer is talkative_crash and name in SAID_BY_THE_CALLER:
                continue  # a defect's own words are only cleaned of the secrets that are configured
            clock = Clockwork()
            way = Faulty(answer, clock)
            async with (
                open_app(settings, transport=lambda way=way: way, timing=clock.timing()) as toolbox,  # type: ignore[misc]
                Client(build_server(toolbox)) as client,
            ):
                result = await client.call_tool(call.tool, dict(call.arguments))
                told = {"fault": fault, "call": name, "result": result.model_dump(mode="json")}
                sys.stdout.write(json.dumps(told) + "\n")


def lines_of(output: str) -> Sequence[dict[str, Any]]:
    """What the program printed."""
    return [json.loads(line) for line in output.splitlines()]


if __name__ == "__main__":
    anyio.run(_everything)
