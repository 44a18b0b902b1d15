"""Command AI with Segment, three ways: as a source, as a destination, and through the Webhooks destination.

Segment's catalogue calls it CommandBar. IDs and mappings are those of the catalogue and of Segment's public
action-destinations; what Command AI records is from its own page on the integration.
"""

from collections.abc import Mapping
from typing import Any

from segment_mcp.prompts.guide import Guide, call, operation, person
from segment_mcp.prompts.prompt import Argument, Prompt

SOURCE_METADATA = "QHndBw5kGO"
DESTINATION_METADATA = "638f843c4520d424f63c9e51"
WEBHOOKS_METADATA = "614a3c7d791c91c41bae7599"
SEND_ACTION = "nFPnRozhz1mh4Gbx4MLvT5"

_PRESETS: tuple[tuple[str, str, str, Mapping[str, Any]], ...] = (
    (
        "Identify User",
        "pvLKevrkEtiUZX3ej5FX8j",
        'type = "identify"',
        {
            "userId": {"@path": "$.userId"},
            "hmac": {"@path": "$.context.CommandBar.hmac"},
            "formFactor": {"@path": "$.context.CommandBar.formFactor"},
            "traits": {"@path": "$.traits"},
        },
    ),
    (
        "Track Event",
        "5cVhYfBJYs4sCSvLLoahGc",
        'type = "track"',
        {"event_name": {"@path": "$.event"}, "event_metadata": {"@path": "$.properties"}},
    ),
)
"""Name, action, trigger and mapping of the destination's two presets."""

_SAMPLE = {
    "type": "identify",
    "userId": "segment-mcp-test",
    "traits": {"plan": "trial", "email": "test@example.com"},
}


def source(arguments: Mapping[str, str]) -> Guide:
    """Command AI sends its events to Segment."""
    name = arguments.get("name", "Command AI")
    slug = "-".join("".join(letter if letter.isalnum() else " " for letter in name.lower()).split()) or "command-ai"
    return Guide(
        "Set up Command AI as a Segment source, so that what users do in it arrives in Segment.",
        (
            call(
                "segment_connection_status",
                "Look at region.answered: Segment offers this source in the region us only. If it is eu, stop.",
            ),
            operation(
                "getSourceMetadata",
                "Segment's catalogue calls Command AI CommandBar: check that this entry is it.",
                sourceMetadataId=SOURCE_METADATA,
            ),
            operation(
                "createSource",
                "Ask the user first whether the workspace's warehouses may load the new source; if not, add "
                "disconnectAllWarehouses: true. Then create it; note says which warehouses have it already.",
                slug=slug,
                enabled=True,
                metadataId=SOURCE_METADATA,
            ),
            call(
                "segment_update_source",
                "Give it its nickname: a new source has none of its own.",
                sourceId="<3.source.id>",
                name=name,
            ),
            operation(
                "getSource",
                "Look at source.writeKeys. If the list is empty, the token lacks the role source admin: the key then "
                "stands in Segment's app only.",
                sourceId="<3.source.id>",
            ),
            call(
                "segment_send_test_event",
                "The outcome must be received: the source takes events with its write key.",
                sourceId="<3.source.id>",
            ),
            person(
                "Copy the write key from the source's settings in Segment's app (it is masked here on purpose), log in "
                "to Command AI, open its Segment integration page, paste the key and click Connect. Then click Send "
                "test event on that page."
            ),
            call(
                "segment_audit_event_routing",
                "Within a minute or two the source shows an event beside Segment MCP Test: Command AI's own. If it "
                "does not, wait a minute and look again; then let the user check the key.",
                sourceId="<3.source.id>",
                days=1,
            ),
        ),
        "step 6 proves that the source receives events with its key. Step 8 proves that Command AI sends: an event "
        "that this server did not send stands among the source's events.",
    )


def destination(arguments: Mapping[str, str]) -> Guide:
    """Segment's browser library tells Command AI of users and their events."""
    source_id = arguments["sourceId"]
    settings = {"orgId": arguments["orgId"], "deploy": False}
    subscriptions = [
        operation(
            "createDestinationSubscription",
            f"Only if step 5 listed no subscription called {name}: create it. Segment opens this operation to chosen "
            "workspaces and allows 5 calls a minute; if it is forbidden, the user adds the mapping in Segment's app.",
            destinationId="<4.destination.id>",
            name=name,
            actionId=action,
            trigger=trigger,
            enabled=True,
            settings=mapping,
        )
        for name, action, trigger, mapping in _PRESETS
    ]
    return Guide(
        "Set up Command AI as a Segment destination, so that it knows users' attributes and events for its targeting.",
        (
            call("segment_connection_status", "Make sure that this is the workspace that the user means."),
            operation(
                "getSource",
                "Look at source.metadata.slug: it must be javascript, Segment's library for browsers. Command AI's "
                "destination runs in the browser only, so events of other sources never reach it: stop then, and offer "
                "the set-up through Webhooks instead.",
                select="source.{id: id, name: name, enabled: enabled, library: metadata.slug}",
                sourceId=source_id,
            ),
            operation(
                "getDestinationMetadata",
                "Segment's catalogue calls Command AI CommandBar: supportedPlatforms says browser, and not server.",
                select="destinationMetadata.{name: name, platforms: supportedPlatforms, presets: presets[].name}",
                destinationMetadataId=DESTINATION_METADATA,
            ),
            operation(
                "createDestination",
                "Create it switched off. deploy stays false: Command AI recommends to install it directly. Set it to "
                "true only if the user wants Segment to load Command AI on the site, and then removes the own snippet.",
                sourceId=source_id,
                metadataId=DESTINATION_METADATA,
                name="Command AI",
                enabled=False,
                settings=settings,
            ),
            operation(
                "listSubscriptionsFromDestination",
                "See whether Segment added the presets by itself: it does not document whether it does.",
                destinationId="<4.destination.id>",
            ),
            *subscriptions,
            call(
                "segment_preview_mapping",
                "Show the user what Command AI would get for a person.",
                destinationId="<4.destination.id>",
                event=_SAMPLE,
            ),
            operation(
                "updateDestination",
                "Once the user agrees: switch it on. From now on the site's visitors are told to Command AI.",
                destinationId="<4.destination.id>",
                enabled=True,
            ),
            call(
                "segment_audit_event_routing",
                "The matrix shows the source's events for Command AI as unseen: that is right, no server sees them.",
                sourceId=source_id,
            ),
            person(
                "Open the site in a browser, log in as some user, and look the user up in Command AI: the traits of "
                "the last identify call stand there as user attributes, and track calls as events."
            ),
        ),
        "Segment can't prove this set-up. The destination runs in the browser, so no counter, debugger or Event Tester "
        "of Segment sees what it delivers; only what Command AI shows in the last step proves it.",
    )


def webhook(arguments: Mapping[str, str]) -> Guide:
    """Segment's servers tell Command AI of users, without anything on the site."""
    source_id, event = arguments["sourceId"], arguments.get("event")
    mapping, trigger, sample, said = _mapping(event)
    return Guide(
        "Send users' attributes from Segment to Command AI by the Webhooks destination, without a library on the site.",
        (
            operation(
                "getSource",
                "Make sure that this is the source that the user means, and that it is enabled.",
                select="source.{id: id, name: name, enabled: enabled}",
                sourceId=source_id,
            ),
            call(
                "segment_preview_mapping",
                f"Show the user which user properties Command AI would record: {said} Events without a userId are "
                "ignored. What comes this way can't trigger nudges.",
                mapping=mapping,
                event=sample,
                commandAi=True,
            ),
            operation(
                "createDestination",
                "Create the Webhooks destination, switched off.",
                sourceId=source_id,
                metadataId=WEBHOOKS_METADATA,
                name="Command AI (webhook)",
                enabled=False,
                settings={},
            ),
            operation(
                "createDestinationSubscription",
                "Add the mapping that sends to Command AI's address. If it is forbidden, the operation is not opened "
                "to this workspace: the user then adds the same mapping in Segment's app.",
                destinationId="<3.destination.id>",
                name="To Command AI",
                actionId=SEND_ACTION,
                trigger=trigger,
                enabled=True,
                settings={"url": arguments["url"], "method": "POST", "data": mapping},
            ),
            operation(
                "updateDestination",
                "Once the user agrees: switch it on. From now on users of this source are told to Command AI.",
                destinationId="<3.destination.id>",
                enabled=True,
            ),
            call(
                "segment_send_test_event",
                "The outcome must be received, and the new destination must show delivered. Other destinations of the "
                "source get this event, too: ask the user first.",
                sourceId=source_id,
                event=sample,
                deliver=True,
                seconds=120,
            ),
            person("Look the user segment-mcp-test up in Command AI: the properties of step 2 stand there."),
        ),
        "step 6 proves that Segment delivered to Command AI's address and that the address took it. What Command AI "
        "made of it, only Command AI shows: the properties of step 2, in the last step.",
    )


def _mapping(event: str | None) -> tuple[Mapping[str, Any], str, Mapping[str, Any], str]:
    """Mapping, trigger, sample and what is recorded: of identify, or of one track event."""
    if event is None:
        return {"@path": "$."}, 'type = "identify"', _SAMPLE, "every trait of an identify call becomes one."
    mapping = {"userId": {"@path": "$.userId"}, "user_property_event": {"@path": "$.event"}}
    sample = {"type": "track", "event": event, "userId": "segment-mcp-test", "properties": {}}
    said = (
        "the event's name becomes one that is true. For another field add a key such as user_property.plan with "
        '{"@path": "$.properties.plan"}.'
    )
    return mapping, f'type = "track" and event = {_quoted(event)}', sample, said


def _quoted(text: str) -> str:
    """A text as FQL writes it, which has two kinds of quotes and takes everything between them as it stands."""
    quote = "'" if '"' in text else '"'
    return f"{quote}{text}{quote}"


PROMPTS = (
    Prompt(
        "set_up_command_ai_source",
        "Set up Command AI as a source",
        "Create a source for Command AI (CommandBar in Segment's catalogue), connect it, and prove that events arrive.",
        (Argument("name", "The source's nickname; Command AI unless given.", required=False),),
        lambda arguments: source(arguments).text(),
    ),
    Prompt(
        "set_up_command_ai_destination",
        "Set up Command AI as a destination",
        "Let Segment's browser library tell Command AI of users and events, for its targeting.",
        (
            Argument("sourceId", "The source of the site, which uses Analytics.js.", required=True),
            Argument("orgId", "Organization ID: in Command AI, click the organization's name.", required=True),
        ),
        lambda arguments: destination(arguments).text(),
    ),
    Prompt(
        "set_up_command_ai_webhook",
        "Set up Command AI through Webhooks",
        "Send users' attributes from any source to Command AI's webhook address, with the custom mapping if wanted.",
        (
            Argument("sourceId", "The source whose users Command AI is to know.", required=True),
            Argument("url", "Command AI's webhook address, from its Segment integration page.", required=True),
            Argument("event", "A track event to record as a user property, instead of identify.", required=False),
        ),
        lambda arguments: webhook(arguments).text(),
    ),
)
