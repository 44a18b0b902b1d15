"""The page of questions: what users ask, the call, and the real answer on the embedded Segment's example workspace.

The clock stands at one moment and waits take no time, so that the page comes out the same each time. What is made by
chance, such as a message's ID, is shown as `...`.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import anyio
import httpx2

from segment_mcp.app import open_app
from segment_mcp.config import load
from segment_mcp.sandbox import create_app
from segment_mcp.timing import Timing, timestamp_of

MOMENT = datetime(2026, 3, 14, 9, 26, 53, tzinfo=UTC)
MOST_ITEMS = 3
MOST_MEMBERS = 12
"""How much the page shows of a list, or of an object within an answer."""
WIDTH = 110
"""Characters of a line in which a list or an object stands whole."""
LEFT_OUT = "more, left out on this page"

WEBSITE, BACKEND, AGENTS = "GFIYTOxHfOu2H5ySDDAXac", "EOxa2ax67HUhmSOZPCLWRL", "zkVjMbYaWxMhIAo9gRFfFP"
BRAZE, WEBHOOKS = "J9smV1ZC97OhjyRpo8tbnx", "IO9xpPBAXWjbcurMVNGL3z"
STOREFRONT_PLAN, BACKEND_PLAN = "tp_plndQ9upUles0BZknTNGVvg9BJj", "tp_SzuqA77Vk99psLamzC1QMBDkchI"

INTRODUCTION = f"""# Questions

Segment has no screen and no endpoint for most of these. Each tool here joins what several calls tell into one answer.

The answers are real: the sandbox's example workspace gave them at {timestamp_of(MOMENT)}, and `scripts/generate.py` \
wrote this page. The same commands answer on your machine, with the numbers of your moment; without `--sandbox`, and \
with IDs of yours, they answer about your workspace. The page shortens: "(5 {LEFT_OUT})" stands for what an answer has \
besides.

Every answer has

- `summary`: one to three sentences, true by themselves;
- `evidence`: the operations that it rests on, how often each was read, and when;
- `gaps`: what could not be read, or what nothing tells, and why; what hangs on it is unknown, and not guessed;
- `truncated`: whether there is more than the answer tells; where one can go on, pass its `next` as `after`.\
"""

_BY_CHANCE = re.compile(r"(segment-mcp-test-)[0-9a-f]{8}\b|\b[0-9a-f]{32}\b")
"""A test event's mark, and the ID that a message is given."""


@dataclass(frozen=True, slots=True)
class Example:
    """A question with its call.

    Attributes:
        asked: as a user puts it.
        reading: how to read the answer, in one sentence or two.
        forbidden: an operation that the token may not read; empty: it may read all.
    """

    asked: str
    tool: str
    arguments: Mapping[str, Any]
    reading: str
    forbidden: str = ""


def _track(event: str, **properties: Any) -> dict[str, Any]:
    return {"type": "track", "event": event, "userId": "u-1001", "properties": properties}


EXAMPLES: Sequence[Example] = (
    Example(
        "Is a destination failing, and nobody notices?",
        "segment_check_delivery_health",
        {"hours": 24},
        "What nobody notices comes first: Braze refuses nearly everything, as it no longer accepts the credentials,"
        " while its source looks as busy as ever; and Google Analytics gets nothing, since no trigger of it fits.",
    ),
    Example(
        "And if the token may not read all of it?",
        "segment_check_delivery_health",
        {"destinationId": BRAZE},
        "What nobody could count is not there, and what hangs on it is unknown: neither failing nor healthy.",
        forbidden="getEgressSuccessMetricsFromDeliveryOverview",
    ),
    Example(
        "My orders don't show up in Google Analytics. Where do they stop?",
        "segment_trace_event",
        {"event": "Order Completed", "sourceId": WEBSITE},
        "`stopsAt` goes from source to destination; each cause says whether it is proven, likely or unknown. Here a "
        "mapping matches nothing: its trigger says `Order Complete`, and the event is called `Order Completed`.",
    ),
    Example(
        "Would Segment take this event of our backend?",
        "segment_validate_event",
        {"sourceId": BACKEND, "event": _track("Invoice Reminder Sent", invoiceId="in-7")},
        "Segment answers 200 to it and then blocks it, and as blocked events are forwarded to no source it is lost.",
    ),
    Example(
        "Which of our sources are governed by nothing, and what do we lose?",
        "segment_find_ungoverned_sources",
        {},
        "`noPlan` begins with the source that sends most ungoverned, the Android app; `blockedLost` counts what a plan "
        "blocks and nobody forwards; `unseenEvents` are rules that nobody triggers, `unplannedEvents` the opposite.",
    ),
    Example(
        "Which sources can we clean up?",
        "segment_find_stale_sources",
        {"days": 7},
        "The newsletter fell silent, the agents' source was never used, and the Android app drops. Of Stripe nothing is"
        " known, since no operation counts what a source of objects syncs: that is its gap.",
    ),
    Example(
        "Which events of the backend go where?",
        "segment_audit_event_routing",
        {"sourceId": BACKEND},
        "The codes of `to` stand in the order of the source's `destinations`, and `legend` explains them; `unreachable`"
        " has the events that nothing gets and the subscriptions that nothing triggers.",
    ),
    Example(
        "Does an event sent to this source arrive?",
        "segment_send_test_event",
        {"sourceId": AGENTS},
        "One event with a mark of its own was sent, and Segment's counters were watched for that mark: the answer never"
        " says more than they do. `deliver` would let it through to destinations.",
    ),
    Example(
        "What would leave for our webhook?",
        "segment_preview_mapping",
        {"destinationId": WEBHOOKS, "event": _track("Invoice Paid", invoiceId="in-7", amount=49)},
        "The destination's filters and triggers are applied, and then the mapping of each subscription that fires; "
        "nothing is sent, and secrets in a mapping are never shown.",
    ),
    Example(
        "Which user properties would Command AI's webhook record of it?",
        "segment_preview_mapping",
        {
            "event": {"type": "identify", "userId": "u-1001", "traits": {"plan": "plus", "seats": 3}},
            "mapping": {"url": "https://hooks.example/in", "method": "POST", "data": {"@path": "$."}},
            "commandAi": True,
        },
        "A mapping can be tried before it is anywhere: then nothing of Segment is read, and `commandAi` says what would"
        " become of the request.",
    ),
    Example(
        "What would change if the backend's plan became like the storefront's?",
        "segment_diff_tracking_plan",
        {"trackingPlanId": BACKEND_PLAN, "otherPlanId": STOREFRONT_PLAN},
        "`effects` says which events of the last days are concerned, and `calls` are the exact operations that get "
        "there; they change and add before they remove, and replace nothing.",
    ),
    Example(
        "What does Unify know of this person?",
        "segment_lookup_profile",
        {"id": "u-1001"},
        "Personal data is masked unless the operator set `SEGMENT_MCP_REVEAL_PII`; a part that can't be read is null.",
    ),
)


@dataclass(slots=True)
class _Still:
    """A clock that moves only when somebody waits, which then takes no time."""

    passed: float = field(default=0.0)

    def timing(self) -> Timing:
        return Timing(now=self.now, monotonic=lambda: self.passed, sleep=self.sleep, chance=lambda: 0.5)

    def now(self) -> datetime:
        return MOMENT + timedelta(seconds=self.passed)

    async def sleep(self, seconds: float) -> None:
        self.passed += seconds
        await anyio.lowlevel.checkpoint()


def questions_page() -> str:
    """The page, as Markdown."""
    return "\n\n".join([INTRODUCTION, *map(_section, EXAMPLES, anyio.run(_answers))]) + "\n"


async def _answers() -> list[Mapping[str, Any]]:
    """The data of each example's answer, each on a workspace that nobody has touched.

    Raises:
        RuntimeError: a question has no answer.
    """
    answers = []
    for example in EXAMPLES:
        clock = _Still()
        sandbox = httpx2.ASGITransport(create_app(now=clock.now))
        if example.forbidden:
            async with httpx2.AsyncClient(transport=sandbox, base_url="http://sandbox") as client:
                await client.post("/_sandbox/faults", json={"operation": example.forbidden, "status": 403})
        settings = load({"SEGMENT_MCP_SANDBOX": "1"})
        async with open_app(settings, transport=partial(_same, sandbox), timing=clock.timing()) as toolbox:
            envelope = await toolbox.invoke(example.tool, dict(example.arguments))
        if not envelope.successful:
            raise RuntimeError(f"{example.tool}: {envelope.error}")
        answers.append(envelope.data)
    return answers


def _same(sandbox: httpx2.ASGITransport) -> httpx2.ASGITransport:
    return sandbox


def _section(example: Example, answer: Mapping[str, Any]) -> str:
    arguments = json.dumps(example.arguments, ensure_ascii=False)
    shown = _written({name: _shortened(value) for name, value in answer.items()})
    return "\n\n".join(
        [
            f"## {example.asked}",
            f"```sh\nsegment-mcp call --sandbox {example.tool} '{arguments}'\n```",
            *([f"While `{example.forbidden}` answers 403:"] if example.forbidden else []),
            f"```json\n{_without_chance(shown)}\n```",
            example.reading,
        ]
    )


def _shortened(value: Any) -> Any:
    """A JSON value with the beginnings of its lists and objects, and how much is left out."""
    if isinstance(value, list):
        shown = [_shortened(item) for item in value[:MOST_ITEMS]]
        return shown if len(shown) == len(value) else [*shown, f"({len(value) - len(shown)} {LEFT_OUT})"]
    if isinstance(value, Mapping):
        members = {name: _shortened(member) for name, member in list(value.items())[:MOST_MEMBERS]}
        return (
            members if len(members) == len(value) else {**members, "...": f"({len(value) - len(members)} {LEFT_OUT})"}
        )
    return value


def _written(value: Any, indent: str = "", name: str = "") -> str:
    """JSON, in which what fits a line stands on one."""
    line = json.dumps(value, ensure_ascii=False)
    if len(indent) + len(name) + len(line) <= WIDTH or not isinstance(value, list | Mapping) or not value:
        return f"{name}{line}"
    deeper = indent + "  "
    if isinstance(value, Mapping):
        inner = [_written(member, deeper, f"{json.dumps(key, ensure_ascii=False)}: ") for key, member in value.items()]
        begin, end = "{", "}"
    else:
        inner = [_written(item, deeper) for item in value]
        begin, end = "[", "]"
    between = f",\n{deeper}"
    return f"{name}{begin}\n{deeper}{between.join(inner)}\n{indent}{end}"


def _without_chance(text: str) -> str:
    return _BY_CHANCE.sub(lambda found: f"{found[1] or ''}...", text)
