"""`segment-mcp sandbox`: someone else's client sends to it, and the server's own tools see what arrived."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from segment_mcp.sandbox import API_TOKEN, WRITE_KEYS
from tests.sandbox.test_official_library import send_a_hundred
from tests.transports.process import environment
from tests.workbench import QUIET


@contextmanager
def serving() -> Iterator[str]:
    """The sandbox on a free port of this machine; yields its address."""
    process = subprocess.Popen(
        [sys.executable, "-m", "segment_mcp", "sandbox", "--port", "0"], stderr=subprocess.PIPE, env=environment()
    )
    with process:
        try:
            assert process.stderr is not None
            said = [process.stderr.readline().decode() for _ in range(len(WRITE_KEYS) + 3)]
            found = re.search(r"listening on (\S+)", said[-1])
            assert found, said
            assert API_TOKEN in said[0]
            yield found[1]
            process.terminate()
            process.wait(timeout=10)
        finally:
            process.kill()


def call(tool: str, arguments: dict[str, str], origin: str) -> dict[str, list[dict[str, str]]]:
    settings = {
        "SEGMENT_MCP_SANDBOX": "0",
        "SEGMENT_PUBLIC_API_URL": origin,
        "SEGMENT_TRACKING_URL": origin,
        "SEGMENT_API_TOKEN": API_TOKEN,
    }
    ended = subprocess.run(
        [sys.executable, "-m", "segment_mcp", "call", tool, json.dumps(arguments)],
        capture_output=True, env=environment(settings), check=False, timeout=30,
    )  # fmt: skip
    envelope = json.loads(ended.stdout)
    assert envelope["successful"], envelope
    data: dict[str, list[dict[str, str]]] = envelope["data"]
    return data


def test_events_of_segments_own_library_show_in_the_usage_tool() -> None:
    with serving() as origin:
        send_a_hundred(origin, gzip=False)
        call("segment_track", {"event": "Ours", "userId": "u", "writeKey": WRITE_KEYS["http"]}, origin)
        period = f"{datetime.now(UTC):%Y-%m}-01"
        data = call("segment_get_daily_per_source_api_calls_usage", {"period": period}, origin)
    counted = [int(day["apiCalls"]) for day in data["dailyPerSourceAPICallsUsage"] if day["sourceId"] == QUIET]
    assert sum(counted) == 101
