"""Prompts that only look: an event that does not arrive, and a whole workspace."""

from collections.abc import Mapping

from segment_mcp.prompts.guide import Guide, call, person
from segment_mcp.prompts.prompt import Argument, Prompt


def missing_event(arguments: Mapping[str, str]) -> Guide:
    """Where an event stops, and what to mend."""
    event, source_id = arguments["event"], arguments.get("sourceId")
    of_source = source_id or "<2.sources[0].id>"
    return Guide(
        f"Find out where the event {event!r} stops on its way through Segment, and what has to be mended.",
        (
            call(
                "segment_connection_status", "Make sure that this is the workspace and the region that the user means."
            ),
            call(
                "segment_trace_event",
                "Read stopsAt and causes. Take only causes that are proven for true; the others are where to look.",
                event=event,
                sourceId=source_id,
                hours=48,
            ),
            person(
                "Send one such event as the site, app or server really sends it, with all its properties, as JSON. "
                "Without a real one, the next step can't tell what the plan says of it."
            ),
            call(
                "segment_validate_event",
                "With the user's event in the place of this one: does it pass ingest, plan and schema settings?",
                sourceId=of_source,
                event={"type": "track", "event": event, "userId": "segment-mcp-test", "properties": {}},
            ),
            call(
                "segment_check_delivery_health",
                "If the event reaches destinations and fails there: the reasons, and since when.",
                sourceId=of_source,
                hours=48,
            ),
            person("Mend what is proven to be the cause: each cause names its fix. Nothing was changed so far."),
            call(
                "segment_send_test_event",
                "Once it is mended, with the user's event in the place of this one: the outcome must be received. Ask "
                "first: with deliver: true it goes to every destination of the source.",
                sourceId=of_source,
                event={"type": "track", "event": event, "userId": "segment-mcp-test", "properties": {}},
            ),
        ),
        "the last step's outcome is received and, with deliver, the destination shows it as delivered. What a browser "
        "or app delivers by itself is never seen by Segment: look into that tool.",
    )


def workspace(_: Mapping[str, str]) -> Guide:
    """What is wrong, unused or ungoverned."""
    return Guide(
        "Audit this Segment workspace: what fails silently, what is unused, what is not governed, what goes nowhere.",
        (
            call("segment_connection_status", "Say which workspace this is, and in which mode this server runs."),
            call(
                "segment_check_delivery_health",
                "What is failing comes first. Go on with next, if there is one.",
                hours=168,
            ),
            call("segment_find_stale_sources", "Sources without use, and what they cost."),
            call("segment_find_ungoverned_sources", "Sources without an effective plan, and events that are lost."),
            call("segment_audit_event_routing", "Events that reach nothing, and mappings that nothing triggers."),
            person(
                "Decide what is to be done about each finding, in this order: data that is lost now, failures, what is "
                "not governed, what is unused. Name every gap beside what it leaves unknown."
            ),
        ),
        "each finding names the counters that it rests on (evidence) and what could not be read (gaps). Run the same "
        "question again after a change: the finding has to be gone.",
    )


PROMPTS = (
    Prompt(
        "debug_missing_event",
        "Debug a missing event",
        "Follow an event that does not arrive to where it stops, and prove that it arrives once it is mended.",
        (
            Argument("event", "The event's name, or a type such as identify.", required=True),
            Argument("sourceId", "The source that sends it, if it is known.", required=False),
        ),
        lambda arguments: missing_event(arguments).text(),
    ),
    Prompt(
        "audit_workspace",
        "Audit the workspace",
        "Find what fails silently, is unused, ungoverned or goes nowhere, with the evidence.",
        (),
        lambda arguments: workspace(arguments).text(),
    ),
)
