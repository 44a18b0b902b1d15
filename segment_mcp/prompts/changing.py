"""Prompts that change something: a tracking plan, a write key, history."""

from collections.abc import Mapping

from segment_mcp.prompts.guide import Guide, call, operation, person
from segment_mcp.prompts.prompt import Argument, Prompt


def tracking_plan(arguments: Mapping[str, str]) -> Guide:
    """Rules change, and nothing else is replaced or lost."""
    plan_id = arguments["trackingPlanId"]
    wanted = f" The user wants: {arguments['change']}." if "change" in arguments else ""
    return Guide(
        f"Plan a change of a tracking plan, show what it does to live events, and apply it.{wanted}",
        (
            operation(
                "listRulesFromTrackingPlan",
                "Read the rules as they are. A plan may have more pages: go on with pagination.next.",
                trackingPlanId=plan_id,
                pagination={"count": 200},
            ),
            person("Agree on the rules as they shall be: a whole list, unchanged rules among them."),
            call(
                "segment_diff_tracking_plan",
                "With the whole list that is wanted in the place of this one. Show the user what is added, changed and "
                "removed, and which live events that touches.",
                trackingPlanId=plan_id,
                rules="<1.rules>",
            ),
            person(
                "Agree to the effect on live events. Then make the calls that step 3 lists under calls, exactly as "
                "they stand there, with segment_api_destroy. They change no rule that is not named."
            ),
            call(
                "segment_diff_tracking_plan",
                "With the same list as in step 3: nothing may be left to add, change or remove.",
                trackingPlanId=plan_id,
                rules="<1.rules>",
            ),
            call(
                "segment_find_ungoverned_sources",
                "Sources of this plan: no event is newly blocked and lost, or newly unplanned, that should not be.",
                days=1,
            ),
        ),
        "step 5 shows no difference between the plan and what was wanted, and step 6 what the plan does to events that "
        "really come.",
    )


def write_key(arguments: Mapping[str, str]) -> Guide:
    """A new key before the old one goes."""
    source_id = arguments["sourceId"]
    return Guide(
        "Rotate a source's write key without losing an event: the old key works until nothing sends with it any more.",
        (
            operation(
                "getSource",
                "Note the write keys that the source has now, masked as they are.",
                select="source.{id: id, name: name, writeKeys: writeKeys}",
                sourceId=source_id,
            ),
            operation(
                "createWriteKeyForSource",
                "Add a key; both work from now on. If it is forbidden, the operation is not opened to this workspace: "
                "the user then adds a key in Segment's app.",
                sourceId=source_id,
            ),
            call(
                "segment_send_test_event",
                "With the new key, the one that step 1 did not have, as writeKey: the outcome must be received.",
                sourceId=source_id,
            ),
            person(
                "Copy the new key from Segment's app, put it into every site, app, server and tool that sends with the "
                "old one, and release them. Old versions of mobile apps go on sending with the old key for months."
            ),
            person(
                "Confirm that nothing sends with the old key any more. Segment counts no event by its key, so no tool "
                "can tell; releases and the senders' own logs do."
            ),
            call(
                "segment_remove_source_write_key",
                "Only then: revoke the old key, the one that step 1 shows. A person is asked once more.",
                sourceId=source_id,
                writeKey="<1.selected.writeKeys[0]>",
            ),
            call(
                "segment_find_stale_sources",
                "An hour later and a day later: the source is neither dropping nor stale.",
                days=1,
            ),
        ),
        "step 3 proves the new key, step 7 that the source still gets data. That nothing sent with the old key any "
        "more, only the senders can prove.",
    )


def backfill(arguments: Mapping[str, str]) -> Guide:
    """Old events, once, to where they belong."""
    file = arguments["file"]
    how = {"file": file, "integrations": {"All": False}}
    return Guide(
        "Import historical events into Segment once, in order, without surprising any destination.",
        (
            call(
                "segment_connection_status",
                "Make sure that the write key's source is meant for history: one of its own is best, since a backfill "
                "counts as API calls and reaches every destination that integrations let it.",
            ),
            call(
                "segment_import_historical_data",
                "Check everything, send nothing. Mend what problems name, or say with map how columns become fields.",
                **how,
                dryRun=True,
            ),
            person(
                'Decide which destinations get these events: integrations {"All": false} keeps them from all but '
                "warehouses, and a destination that should have them is named beside it. Few take old timestamps."
            ),
            call("segment_import_historical_data", "Import the first hundred.", **how, limit=100),
            call(
                "segment_find_stale_sources",
                "The source has data today: counters count by the time of receipt, not by the events' timestamps.",
                days=1,
            ),
            call(
                "segment_import_historical_data",
                "Import the rest: it goes on after the hundred. If it is still running, ask with its importId until it "
                "is finished.",
                **how,
            ),
        ),
        "the import's state is finished, accepted is what the dry run read less what it refused, and deadLetters is "
        "empty. accepted is Segment's word; that the events are received, the source's events volume shows.",
    )


PROMPTS = (
    Prompt(
        "change_tracking_plan",
        "Change a tracking plan",
        "Plan a change of rules, see its effect on live events, apply it without replacing anything, and prove it.",
        (
            Argument("trackingPlanId", "The plan.", required=True),
            Argument("change", "What is to change, in words.", required=False),
        ),
        lambda arguments: tracking_plan(arguments).text(),
    ),
    Prompt(
        "rotate_write_key",
        "Rotate a write key",
        "Replace a source's write key without an outage.",
        (Argument("sourceId", "The source.", required=True),),
        lambda arguments: write_key(arguments).text(),
    ),
    Prompt(
        "backfill_history",
        "Backfill history",
        "Import old events once, in order, to the destinations that should have them.",
        (Argument("file", "A file in the folder that the operator allowed for imports.", required=True),),
        lambda arguments: backfill(arguments).text(),
    ),
)
