"""A guided tour: starts this server over stdio on the embedded Segment, and walks through it as a client would.

Every step says what it expects; the tour ends well only if all of it came true.
"""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from tempfile import TemporaryDirectory
from typing import Any

from mcp import Client, StdioServerParameters
from mcp_types import ElicitResult
from rich.console import Console
from rich.syntax import Syntax
from rich.text import Text

Answer = dict[str, Any]

LINES_SHOWN = 24
SOURCE_NAME = "Agent events"


class NotAsTold(Exception):
    """A step ended otherwise than the tour says."""


@dataclass(slots=True)
class Tour:
    """Calls tools, shows each call and its envelope, and checks what is told.

    Attributes:
        client: an MCP client that is connected to the server.
        console: where it is shown.
        steps: how many calls were made.
    """

    client: Client
    console: Console
    steps: int = 0

    async def call(
        self, told: str, tool: str, arguments: Answer, holds: Callable[[Answer], bool], *, succeeds: bool = True
    ) -> Answer:
        """Make one call and return the envelope's `data`.

        Raises:
            NotAsTold: the call succeeded or failed otherwise than expected, or `holds` is false of its data.
        """
        self.steps += 1
        self.console.print()
        self.console.print(Text(f"{self.steps}. {told}", style="bold"))
        self.console.print(Text(f"   {tool} {json.dumps(arguments, ensure_ascii=False)}", style="cyan"))
        result = await self.client.call_tool(tool, arguments)
        envelope = result.structured_content
        if not isinstance(envelope, dict):
            raise NotAsTold(f"{tool} answered no envelope")
        self.console.print(Syntax(_shortened(envelope), "json", background_color="default", word_wrap=True))
        data: Answer = envelope["data"]
        if envelope["successful"] is not succeeds or result.is_error is succeeds or not holds(data):
            raise NotAsTold(f"step {self.steps} ({tool}) did not end as told")
        return data


@dataclass(slots=True)
class Person:
    """Stands in for the user whom a client asks: shows the form, and answers as the tour says.

    Attributes:
        console: where it is shown.
        agrees: what is said to the next form.
    """

    console: Console
    agrees: bool = False

    async def answer(self, context: Any, params: Any) -> ElicitResult:  # noqa: ARG002 - as the client calls it
        """What the person says to a form."""
        self.console.print(Text("   The client shows its user a form:", style="magenta"))
        self.console.print(Text("\n".join(f"   | {line}" for line in params.message.splitlines()), style="magenta"))
        (field,) = params.requested_schema["properties"].values()
        typed = field["description"].removeprefix("Type exactly: ")
        self.console.print(Text(f"   The user {f'types {typed!r}' if self.agrees else 'declines'}.", style="magenta"))
        if not self.agrees:
            return ElicitResult(action="decline")
        return ElicitResult(action="accept", content=dict.fromkeys(params.requested_schema["properties"], typed))


async def run_demo() -> bool:
    """Run the tour; true if everything went as told."""
    console = Console()
    with TemporaryDirectory(prefix="segment-mcp-") as state:
        settings = {"SEGMENT_MCP_SANDBOX": "1", "SEGMENT_MCP_MODE": "confirm", "SEGMENT_MCP_STATE_DIR": state}
        server = StdioServerParameters(command=sys.executable, args=["-m", "segment_mcp"], env=settings)
        return await _run(console, server)


async def _run(console: Console, server: StdioServerParameters) -> bool:
    console.print(Text("segment-mcp on its embedded Segment: no account, no network.", style="bold"))
    person = Person(console)
    async with Client(server, elicitation_callback=person.answer) as client:
        tour = Tour(client, console)
        try:
            await _walk(tour, person)
        except NotAsTold as failure:
            console.print(Text(f"\nThe tour stopped: {failure}.", style="bold red"))
            return False
    console.print(Text(f"\nAll {tour.steps} calls went as told.", style="bold green"))
    return True


async def _walk(tour: Tour, person: Person) -> None:
    listed = await tour.client.list_tools()
    tour.console.print(f"The server offers {len(listed.tools)} tools over MCP {tour.client.protocol_version}.")
    await tour.call(
        "What is this server connected to, and what works?",
        "segment_connection_status", {},
        lambda data: bool(data["sandbox"] and data["credentials"]["apiToken"]["works"]),
    )  # fmt: skip
    found = await tour.call(
        "Find a source by name: its ID is needed for everything else, its write key comes masked.",
        "segment_list_sources", {"name": SOURCE_NAME},
        lambda data: len(data["sources"]) == 1,
    )  # fmt: skip
    source = found["sources"][0]
    month = {"period": f"{datetime.now(UTC):%Y-%m}-01"}
    await tour.call(
        "It never sent anything, so no usage is counted for it.",
        "segment_get_daily_per_source_api_calls_usage", month,
        lambda data: _calls(data, source["id"]) == 0,
    )  # fmt: skip
    key = {"writeKey": source["writeKeys"][0]}
    await tour.call(
        "Say who a user is; the masked write key is enough.",
        "segment_identify", {"userId": "u-1", "traits": {"plan": "team"}, **key},
        lambda data: data["status"] == "accepted",
    )  # fmt: skip
    await tour.call(
        "Record what the user did.",
        "segment_track", {"userId": "u-1", "event": "Report Opened", "properties": {"report": "weekly"}, **key},
        lambda data: data["status"] == "accepted",
    )  # fmt: skip
    await tour.call(
        "An event that Segment would accept and then drop is refused before it is sent.",
        "segment_track", {"event": "Report Opened", **key},
        lambda data: data["code"] == "event_invalid",
        succeeds=False,
    )  # fmt: skip
    batch = [{"type": "track", "userId": f"u-{number}", "event": "Report Shared"} for number in range(2, 5)]
    await tour.call(
        "Send several at once; each gets a receipt.",
        "segment_batch", {"batch": batch, **key},
        lambda data: data["accepted"] == len(batch),
    )  # fmt: skip
    history = [
        {"type": "track", "userId": "u-1", "event": "Report Opened", "timestamp": f"2024-05-0{day}T08:00:00Z"}
        for day in range(1, 4)
    ]
    await tour.call(
        "Bring in old events, too; an import is checked, resumable, and tells how far it is.",
        "segment_import_historical_data", {"events": history, "integrations": {"All": False}, **key},
        lambda data: data["state"] == "finished" and data["accepted"] == len(history),
    )  # fmt: skip
    await tour.call(
        "Accepted is not yet received: the usage proves it. Eight calls are counted.",
        "segment_get_daily_per_source_api_calls_usage", month,
        lambda data: _calls(data, source["id"]) == len(batch) + len(history) + 2,
    )  # fmt: skip
    connected = await tour.call(
        "Which destination does the source feed?",
        "segment_list_destinations", {"name": "Customer.io"},
        lambda data: [one["sourceId"] for one in data["destinations"]] == [source["id"]],
    )  # fmt: skip
    destination = {"destinationId": connected["destinations"][0]["id"], "sourceId": source["id"]}
    await tour.call(
        "Did the events arrive there? The delivery metrics count them; the old ones were told to stay away.",
        "segment_list_delivery_metrics_summary_from_destination", destination,
        lambda data: _metric(data, "successes") == len(batch) + 2,
    )  # fmt: skip
    await tour.call(
        "Elsewhere orders miss a destination. One question joins what many calls tell, with what proves it.",
        "segment_trace_event", {"event": "Order Completed"},
        lambda data: "NO_MATCHING_MAPPING" in json.dumps(data["stopsAt"]) and "proven" in json.dumps(data["stopsAt"]),
    )  # fmt: skip
    await tour.call(
        "And is a destination failing, and nobody noticed?",
        "segment_check_delivery_health", {},
        lambda data: data["destinations"][0]["status"] == "failing",
    )  # fmt: skip
    label = {"key": "team", "value": "growth"}
    await tour.call(
        "Label the source.",
        "segment_add_labels_to_source", {"sourceId": source["id"], "labels": [label]},
        lambda data: any(label.items() <= one.items() for one in data["labels"]),
    )  # fmt: skip
    await tour.call(
        "Rename it.",
        "segment_update_source", {"sourceId": source["id"], "name": "Reports"},
        lambda data: data["source"]["name"] == "Reports",
    )  # fmt: skip
    await tour.call(
        "Whatever no tool does, the search finds in Segment's whole Public API.",
        "segment_api_search", {"query": "who changed something in the workspace lately?"},
        lambda data: any("listAuditEvents" in match["call"] for match in data["matches"]),
    )  # fmt: skip
    await tour.call(
        "How is it called?",
        "segment_api_describe", {"operation": "listAuditEvents"},
        lambda data: data["tool"] == "segment_api_read",
    )  # fmt: skip
    await tour.call(
        "Call it, and pick what is needed.",
        "segment_api_read", {"operation": "listAuditEvents", "select": "events[].[type, resourceName]"},
        lambda data: ["Source Modified", "Reports"] in data["selected"],
    )  # fmt: skip
    deletion = {"sourceId": source["id"]}
    await tour.call(
        "Deleting asks a person, whatever the model thinks. This one says no.",
        "segment_delete_source", deletion,
        lambda data: data["code"] == "confirmation_declined",
        succeeds=False,
    )  # fmt: skip
    person.agrees = True
    await tour.call(
        "And once they agree, it happens.",
        "segment_delete_source", deletion,
        lambda data: data["status"] == "SUCCESS",
    )  # fmt: skip
    await tour.call(
        "The source is gone.",
        "segment_list_sources", {"name": "Reports"},
        lambda data: data["sources"] == [],
    )  # fmt: skip


def _calls(usage: Answer, source_id: str) -> int:
    """The source's calls of the month, its days added up."""
    return sum(int(day["apiCalls"]) for day in usage["dailyPerSourceAPICallsUsage"] if day["sourceId"] == source_id)


def _metric(data: Answer, name: str) -> float:
    metrics = data["deliveryMetricsSummary"]["metrics"]
    return float(next((metric["total"] for metric in metrics if metric["metricName"] == name), 0))


def _shortened(envelope: Answer) -> str:
    lines = json.dumps(envelope, indent=2, ensure_ascii=False).splitlines()
    hidden = len(lines) - LINES_SHOWN
    if hidden <= 1:
        return "\n".join(lines)
    return "\n".join([*lines[: LINES_SHOWN - 1], f"… {hidden} more lines", lines[-1]])
