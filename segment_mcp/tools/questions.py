"""The tools that answer questions: each joins what several operations tell into one answer; see `questions`."""

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BeforeValidator, Field

from segment_mcp.errors import InvalidArguments
from segment_mcp.ports import Data, EventSink, Reader, WriteKeys
from segment_mcp.tools.args import Args, DestinationId, Id, JsonObject, SourceId, decoded
from segment_mcp.tools.tool import tool
from segment_mcp.tools.tracking import WriteKey

if TYPE_CHECKING:
    from segment_mcp.questions.reading import Reading

LONGEST_WAIT = 300
"""Seconds that a test event is watched for, at most."""
MOST_DAYS = 29
"""Segment's counters keep thirty days, and the oldest is not whole any more."""

Event = Annotated[JsonObject, Field(description="An event as segment_batch takes it.")]
OneSource = Annotated[SourceId, Field(description="Only this source.")]
Hours = Annotated[int, Field(ge=1, le=720, description="So far back.")]
Days = Annotated[int, Field(ge=1, le=MOST_DAYS, description="So far back.")]
After = Annotated[Id, Field(description="next of the answer before.")]


class ValidateEvent(Args):
    """Arguments of `segment_validate_event`."""

    source_id: SourceId
    event: Event


class SendTestEvent(Args):
    """Arguments of `segment_send_test_event`."""

    source_id: SourceId
    event: Annotated[JsonObject, Field(description="Default: a track event.")] | None = None
    deliver: bool = Field(default=False, description="Destinations get it, too.")
    seconds: int = Field(default=60, ge=0, le=LONGEST_WAIT, description="How long to watch.")
    write_key: WriteKey | None = None


class TraceEvent(Args):
    """Arguments of `segment_trace_event`."""

    event: Annotated[str, Field(min_length=1, description="Event name, or a type such as identify.")]
    source_id: OneSource | None = None
    hours: Hours = 24
    sample: Annotated[JsonObject, Field(description="A whole event, for triggers and filters.")] | None = None


class AuditEventRouting(Args):
    """Arguments of `segment_audit_event_routing`."""

    source_id: OneSource | None = None
    days: Days = 7
    after: After | None = None


class CheckDeliveryHealth(Args):
    """Arguments of `segment_check_delivery_health`."""

    source_id: OneSource | None = None
    destination_id: Annotated[DestinationId, Field(description="Only this destination.")] | None = None
    hours: Hours = 24
    after: After | None = None


class FindStaleSources(Args):
    """Arguments of `segment_find_stale_sources`."""

    days: Annotated[int, Field(ge=1, le=MOST_DAYS, description="Stale after so many quiet days.")] = 7
    after: After | None = None


class FindUngovernedSources(Args):
    """Arguments of `segment_find_ungoverned_sources`."""

    source_id: OneSource | None = None
    days: Days = 7
    after: After | None = None


class DiffTrackingPlan(Args):
    """Arguments of `segment_diff_tracking_plan`."""

    tracking_plan_id: Annotated[Id, Field(description="The plan's ID.")]
    other_plan_id: Annotated[Id, Field(description="The plan to become like.")] | None = None
    rules: (
        Annotated[
            list[dict[str, Any]],
            BeforeValidator(decoded),
            Field(description="Or all wanted rules: type, key, version, jsonSchema."),
        ]
        | None
    ) = None


class PreviewMapping(Args):
    """Arguments of `segment_preview_mapping`."""

    event: Event
    destination_id: Annotated[DestinationId, Field(description="Its subscriptions' mappings.")] | None = None
    subscription_id: Annotated[Id, Field(description="Only this one of them.")] | None = None
    mapping: Annotated[JsonObject, Field(description="Or this one.")] | None = None
    command_ai: bool = Field(default=False, description="Show Command AI's user properties.")


@tool(title="Validate an event", safety="read", toolset="questions", idempotent=True, open_world=False)
async def segment_validate_event(args: ValidateEvent, reader: Reader) -> Data:
    """Tell what Segment would do with an event: ingest rules, the source's tracking plan and schema settings.

    Use this when an event is written, changed or blocked.
    """
    from segment_mcp.questions import validate

    return await validate.ask(_reading(reader), source_id=args.source_id, event=args.event)


@tool(title="Send a test event", safety="write", toolset="questions", idempotent=False, open_world=True)
async def segment_send_test_event(
    args: SendTestEvent, reader: Reader, events: EventSink, write_keys: WriteKeys
) -> Data:
    """Send one marked event, then watch Segment's counters until it is received, failed, or not seen in time.

    Use this when a set-up needs proof, as the source debugger gives it.
    """
    from segment_mcp.questions import send_test
    from segment_mcp.questions.send_test import TestOrder

    order = TestOrder(args.source_id, args.event, args.write_key, deliver=args.deliver, seconds=args.seconds)
    reading = _reading(reader, watching=args.seconds)
    return await send_test.ask(reading, events, write_keys, order)


@tool(title="Trace an event", safety="read", toolset="questions", idempotent=True, open_world=False)
async def segment_trace_event(args: TraceEvent, reader: Reader) -> Data:
    """Follow an event from source through plan, schema settings, filters and mappings to destinations.

    Use this when an event does not arrive.
    """
    from segment_mcp.questions import trace

    return await trace.ask(
        _reading(reader),
        event=args.event,
        source_id=args.source_id,
        hours=args.hours,
        sample=args.sample,
    )


@tool(title="Audit event routing", safety="read", toolset="questions", idempotent=True, open_world=False)
async def segment_audit_event_routing(args: AuditEventRouting, reader: Reader) -> Data:
    """Show which events go to which destinations, as a matrix, and what reaches nothing.

    Use this when asked where events go.
    """
    from segment_mcp.questions import routing

    reading = _reading(reader)
    return await routing.ask(reading, source_id=args.source_id, days=args.days, after=args.after)


@tool(title="Check delivery health", safety="read", toolset="questions", idempotent=True, open_world=False)
async def segment_check_delivery_health(args: CheckDeliveryHealth, reader: Reader) -> Data:
    """Show destinations' successes, retries, discards, failures with reasons and latency; silent failures first.

    Use this when a destination may be failing.
    """
    from segment_mcp.questions import delivery

    return await delivery.ask(
        _reading(reader),
        source_id=args.source_id,
        destination_id=args.destination_id,
        hours=args.hours,
        after=args.after,
    )


@tool(title="Find stale sources", safety="read", toolset="questions", idempotent=True, open_world=False)
async def segment_find_stale_sources(args: FindStaleSources, reader: Reader) -> Data:
    """Find sources without data, never used, dropping or disabled, with API calls and MTU.

    Use this when cleaning up, or cutting cost.
    """
    from segment_mcp.questions import stale

    return await stale.ask(_reading(reader), days=args.days, after=args.after)


@tool(title="Find ungoverned sources", safety="read", toolset="questions", idempotent=True, open_world=False)
async def segment_find_ungoverned_sources(args: FindUngovernedSources, reader: Reader) -> Data:
    """Find sources without an effective tracking plan, blocked events that are lost, unplanned and never seen events.

    Use this when asked what is governed.
    """
    from segment_mcp.questions import ungoverned

    reading = _reading(reader)
    return await ungoverned.ask(reading, source_id=args.source_id, days=args.days, after=args.after)


@tool(title="Compare tracking plans", safety="read", toolset="questions", idempotent=True, open_world=False)
async def segment_diff_tracking_plan(args: DiffTrackingPlan, reader: Reader) -> Data:
    """Compare a tracking plan with another, or with rules: the effect on live events, and the calls to get there.

    Use this when a plan is to change.
    """
    from segment_mcp.questions import diff

    if (args.other_plan_id is None) == (args.rules is None):
        raise InvalidArguments([{"field": "arguments", "message": "pass one of otherPlanId and rules"}])
    return await diff.ask(
        _reading(reader),
        tracking_plan_id=args.tracking_plan_id,
        other_plan_id=args.other_plan_id,
        rules=args.rules,
    )


@tool(title="Preview a mapping", safety="read", toolset="questions", idempotent=True, open_world=False)
async def segment_preview_mapping(args: PreviewMapping, reader: Reader) -> Data:
    """Render a destination's mappings over an event: the payload that would leave.

    Use this when a mapping is made or doubted.
    """
    from segment_mcp.questions import mapping

    if (args.destination_id is None) == (args.mapping is None):
        raise InvalidArguments([{"field": "arguments", "message": "pass one of destinationId and mapping"}])
    return await mapping.ask(
        _reading(reader),
        event=args.event,
        destination_id=args.destination_id,
        subscription_id=args.subscription_id,
        mapping=args.mapping,
        command_ai=args.command_ai,
    )


def _reading(reader: Reader, *, watching: float = 0) -> "Reading":
    """What the question reads with, in the time that it has and for as long as it watches."""
    from segment_mcp.questions.reading import SECONDS, Reading

    return Reading(reader.segment, reader.timing, reader.progress, SECONDS + watching)
