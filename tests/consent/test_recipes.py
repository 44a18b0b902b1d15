"""What a person is shown before something is destroyed: read from the sandbox, and only read."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import anyio
import pytest

from segment_mcp.consent import reading
from segment_mcp.consent.recipes import RECIPES
from segment_mcp.errors import Forbidden, InvalidArguments, NotFound, RateLimited, SegmentMcpError, Unavailable
from segment_mcp.operations import OPERATIONS, get
from segment_mcp.operations.examples import example
from segment_mcp.sandbox import WRITE_KEYS
from tests.consent.looking import Script, World
from tests.workbench import BACKEND, NOW, QUIET, QUIET_KEY, WEBSITE

DESTROYING = sorted(row.name for row in OPERATIONS.values() if row.safety == "destroy")
PLAN = "tp_plndQ9upUles0BZknTNGVvg9BJj"
IOS = "mUKOhdxnZrEGXQugaGCxWZ"
AMPLITUDE = "oI0b1gdvkqtbWrKvtxeDt5"
LAKE = "EaYlYxz38FfCHWrgk2xGU9"
SHOP = "spa_bAmBVqBZlvdBOMAZIJBDdK"
FREQUENT_BUYERS = "aud_BgoaJSgMLDKjDhkMEfQLJa1sJcf"
BRAZE = "J9smV1ZC97OhjyRpo8tbnx"
GROWTH = "HbPlP87lLANc4eguboFM4i"
ANA, BEN, CHIARA, FARID = (
    "bO9Boiy9wEAra0KbhWVED4",
    "oHYYY6k5Yiccu1W3SG0Zbo",
    "Am5aOK7fi581zf8sqGlke3",
    "Pyh1XV7Uvz4ZMrYyI0IF6r",
)
HOSTILE = "Web\nsite\u202e \u200b" + "x" * 10_000

READ_BY_POST = f"/spaces/{SHOP}/messaging-subscriptions/batch"

LISTED = {
    "updateActivationForAudience": ("id", "listActivationsFromAudience"),
    "removeActivationFromAudience": ("id", "listActivationsFromAudience"),
    "updateComputedTraitForSpace": ("id", "listComputedTraits"),
    "removeComputedTraitFromSpace": ("id", "listComputedTraits"),
    "addActivationToAudience": ("connectionId", "listDestinationsFromAudience"),
    "updateDestinationForAudience": ("destinationId", "listDestinationsFromAudience"),
    "removeDestinationFromAudience": ("destinationId", "listDestinationsFromAudience"),
    "removeProfilesWarehouseFromSpace": ("warehouseId", "listProfilesWarehouseInSpace"),
    "updateSelectiveSyncForWarehouseAndSpace": ("warehouseId", "listProfilesWarehouseInSpace"),
}
"""What is taken from a list of the sandbox, instead of the example: the argument that names it, and the list."""


async def arguments_for(world: World, name: str) -> dict[str, Any]:
    arguments = example(get(name), NOW)
    if name in LISTED:
        argument, listing = LISTED[name]
        listed = await world.connection.walk(get(listing), arguments)
        arguments[argument] = listed.items[0]["id"]
        world.wire.requests.clear()
    return arguments


def names(*shown: str, count: int | None = None) -> dict[str, Any]:
    return {"count": len(shown) if count is None else count, "names": list(shown)}


def texts_in(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for name, member in value.items():
            yield from texts_in(name)
            yield from texts_in(member)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from texts_in(item)


def test_every_operation_that_destroys_has_a_recipe_and_no_other() -> None:
    assert sorted(RECIPES) == DESTROYING


@pytest.mark.parametrize("name", DESTROYING)
async def test_a_preview_is_whole_is_stable_and_only_reads(name: str) -> None:
    world = World()
    arguments = await arguments_for(world, name)
    seen = await world.look(name, **arguments)
    assert seen.phrase
    assert seen.phrase == " ".join(seen.phrase.split())
    assert seen.facts
    assert seen.gaps == () or name == "createReverseETLManualSync"  # whose mapping the sandbox makes up
    shown = json.dumps(seen.shown()) + seen.text()
    assert not any(key in shown for key in WRITE_KEYS.values())
    for method, target in world.wire.sent():
        assert method == "GET" or (method == "POST" and target == READ_BY_POST), (method, target)
    assert (await world.look(name, **arguments)).digest() == seen.digest()


async def test_deleting_a_source_shows_what_hangs_on_it() -> None:
    seen = await World().look("deleteSource", sourceId=WEBSITE)
    assert seen.phrase == "Website"
    assert seen.facts == {
        "source": {
            "name": "Website",
            "id": WEBSITE,
            "slug": "website",
            "type": "Javascript",
            "enabled": True,
            "labels": ["environment:prod", "team:growth"],
            "writeKeys": 1,
        },
        "connectedDestinations": names(
            "Amplitude production", "CommandBar", "Google Analytics purchases", "Sales channel"
        ),
        "connectedWarehouses": names("Analytics lake"),
        "trackingPlan": f"Storefront ({PLAN})",
        "hasRecentEvents": True,
    }
    assert seen.counts == {"eventsInLastWeek": 41464}
    assert seen.gaps == ()
    assert seen.text().splitlines()[:4] == [
        "deleteSource: Delete a source; its write keys stop working and it can't be restored.",
        get("deleteSource").harm,
        "",
        "Source:",
    ]
    assert (
        "Connected destinations: Amplitude production, CommandBar, Google Analytics purchases, Sales channel"
        in seen.text()
    )


async def test_deleting_a_destination_shows_its_source_and_what_it_delivers() -> None:
    seen = await World().look("deleteDestination", destinationId=AMPLITUDE)
    assert seen.phrase == "Amplitude production"
    assert seen.facts == {
        "destination": {
            "name": "Amplitude production",
            "id": AMPLITUDE,
            "enabled": True,
            "type": "Amplitude (Actions)",
        },
        "source": f"Website ({WEBSITE})",
        "subscriptions": seen.facts["subscriptions"],
        "filters": names("No phone numbers", "Without the office"),
        "hasRecentDeliveries": True,
    }
    assert seen.counts == {"deliveredInLastWeek": 40271}


async def test_a_shorter_list_of_rules_says_first_how_many_would_be_gone() -> None:
    world = World()
    rules = (await world.connection.walk(get("listRulesFromTrackingPlan"), {"trackingPlanId": PLAN})).items
    kept = next(rule for rule in rules if rule.get("key") == "Signed Up")
    changed = next(rule for rule in rules if rule.get("key") == "Product Added")
    new = {"type": "TRACK", "key": "Gift Card Redeemed", "version": 1, "jsonSchema": {}}
    seen = await world.look(
        "replaceRulesInTrackingPlan", trackingPlanId=PLAN, rules=[kept, {**changed, "jsonSchema": {}}, new]
    )
    gone = len(rules) - 2
    assert seen.phrase == "Storefront"
    assert next(iter(seen.facts.items())) == (
        "warning",
        f"Replaces {len(rules)} rules by 3: {gone} would be gone.",
    )
    assert seen.removes == gone
    assert seen.facts["rules"]["added"] == names("TRACK Gift Card Redeemed")
    assert seen.facts["rules"]["changed"] == names("TRACK Product Added")
    assert seen.facts["rules"]["removed"]["count"] == gone
    assert seen.facts["rules"]["unchanged"] == 1
    assert seen.facts["sources"] == names("iOS app", "Website")
    assert seen.facts["eventsStillSeen"] == names("Order Completed", "Product Viewed")
    assert "Warning: Replaces" in seen.text()


async def test_the_same_rules_again_warn_of_nothing() -> None:
    world = World()
    rules = (await world.connection.walk(get("listRulesFromTrackingPlan"), {"trackingPlanId": PLAN})).items
    seen = await world.look("replaceRulesInTrackingPlan", trackingPlanId=PLAN, rules=list(reversed(rules)))
    assert "warning" not in seen.facts
    assert seen.removes == 0
    assert seen.facts["rules"]["unchanged"] == len(rules)


async def test_rules_that_are_updated_are_overwritten_or_renamed_and_never_removed() -> None:
    world = World()
    rules = (await world.connection.walk(get("listRulesFromTrackingPlan"), {"trackingPlanId": PLAN})).items
    signed_up = next(rule for rule in rules if rule.get("key") == "Signed Up")
    seen = await world.look(
        "updateRulesInTrackingPlan",
        trackingPlanId=PLAN,
        rules=[
            {**signed_up, "newKey": "Account Created"},
            {"type": "TRACK", "key": "Product Added", "version": 1, "jsonSchema": {}},
            {"type": "TRACK", "key": "Gift Card Redeemed", "version": 1, "jsonSchema": {}},
        ],
    )
    assert seen.facts["rulesAdded"] == names("TRACK Gift Card Redeemed")
    assert seen.facts["rulesOverwritten"] == names("TRACK Product Added")
    assert seen.facts["rulesRenamed"] == names("TRACK Signed Up -> Account Created")
    assert seen.facts["rulesLeftAsTheyAre"] == len(rules) - 2
    assert seen.removes == 0


async def test_removing_rules_says_which_of_their_events_still_come() -> None:
    rules = [{"type": "TRACK", "key": key, "version": 1} for key in ("Product Added", "Coupon Applied")]
    seen = await World().look("removeRulesFromTrackingPlan", trackingPlanId=PLAN, rules=rules)
    assert seen.phrase == "2 rules"
    assert seen.facts["rulesRemoved"] == names("TRACK Coupon Applied", "TRACK Product Added")
    assert seen.facts["eventsStillSeen"] == names("Product Added")
    assert seen.counts == {"eventsInLastWeek": ["Product Added: 3648"]}


async def test_replacing_labels_is_a_diff() -> None:
    new = [{"key": "environment", "value": "prod"}, {"key": "team", "value": "platform"}]
    seen = await World().look("replaceLabelsInSource", sourceId=WEBSITE, labels=new)
    assert seen.phrase == "Website"
    assert seen.removes == 1
    assert list(seen.facts) == ["warning", "source", "labels"]
    assert seen.facts["warning"] == "Replaces 2 labels by 2: 1 would be gone."
    assert seen.facts["labels"] == {
        "added": names("team:platform"),
        "removed": names("team:growth"),
        "changed": names(),
        "unchanged": 1,
    }


async def test_no_labels_at_all_removes_them_all() -> None:
    seen = await World().look("replaceLabelsInSource", sourceId=WEBSITE, labels=[])
    assert seen.facts["warning"] == "Replaces 2 labels by 0: 2 would be gone."


@pytest.mark.parametrize("given", [QUIET_KEY, f"****{QUIET_KEY[-4:]}"])
async def test_the_only_write_key_of_a_source_is_warned_of_and_never_shown(given: str) -> None:
    seen = await World().look("removeWriteKeyFromSource", sourceId=QUIET, writeKey=given)
    assert seen.phrase == "Agent events"
    assert list(seen.facts) == ["warning", "source", "writeKey", "keysLeft", "hasRecentEvents"]
    assert seen.facts["writeKey"] == f"****{QUIET_KEY[-4:]}"
    assert seen.facts["keysLeft"] == 0
    assert seen.facts["hasRecentEvents"] is False
    assert QUIET_KEY not in json.dumps(seen.shown()) + seen.text()


async def test_one_of_two_write_keys_leaves_one() -> None:
    world = World()
    await world.do("createWriteKeyForSource", sourceId=QUIET)
    seen = await world.look("removeWriteKeyFromSource", sourceId=QUIET, writeKey=QUIET_KEY)
    assert "warning" not in seen.facts
    assert seen.facts["keysLeft"] == 1


async def test_a_token_that_sees_no_write_keys_leaves_a_gap() -> None:
    source = {"id": "s", "name": "S", "slug": "s", "writeKeys": []}
    answers = {"getSource": {"source": source}, "getEventsVolumeFromWorkspace": {"result": []}}
    seen = await Script(answers).look("removeWriteKeyFromSource", sourceId="s", writeKey=QUIET_KEY)
    assert seen.facts["source"]["writeKeys"] == "none that this token sees"
    assert seen.gaps == ("write keys: not_visible (this token sees none of the source's write keys)",)


async def test_deleting_users_shows_their_permissions_and_groups() -> None:
    seen = await World().look("deleteUsers", userIds=[CHIARA, FARID, CHIARA])
    assert seen.phrase == "2 users"
    assert seen.facts == {
        "users": names("Chiara Rossi (chiara@shop.example)", "Farid Haddad (farid@shop.example)"),
        "permissions": names(
            "Chiara Rossi (chiara@shop.example): Source Read-only on the workspace with team:growth",
        ),
        "groups": names("Growth: Chiara Rossi (chiara@shop.example)", "Growth: Farid Haddad (farid@shop.example)"),
    }


async def test_deleting_the_last_owner_is_warned_of() -> None:
    seen = await World().look("deleteUsers", userIds=[ANA])
    assert seen.phrase == "Ana Ferreira"
    assert next(iter(seen.facts)) == "warning"
    assert "Workspace Owner" in seen.facts["warning"]


async def test_a_regulation_says_whom_it_reaches_and_where() -> None:
    seen = await World().look(
        "createSourceRegulation",
        sourceId=WEBSITE,
        regulationType="SUPPRESS_WITH_DELETE",
        subjectType="USER_ID",
        subjectIds=["u2", "u1", "u2"],
    )
    assert seen.phrase == "SUPPRESS_WITH_DELETE 2 users"
    assert seen.facts == {
        "regulationType": "SUPPRESS_WITH_DELETE",
        "subjectType": "USER_ID",
        "subjects": names("u1", "u2"),
        "deletes": True,
        "suppresses": True,
        "passedOnToDestinations": True,
        "source": seen.facts["source"],
        "connectedDestinations": names(
            "Amplitude production", "CommandBar", "Google Analytics purchases", "Sales channel"
        ),
    }


@pytest.mark.parametrize(
    ("kind", "deletes", "suppresses", "passed_on"),
    [
        ("DELETE_ONLY", True, False, True),
        ("DELETE_INTERNAL", True, False, False),
        ("SUPPRESS_ONLY", False, True, False),
        ("SUPPRESS_WITH_DELETE_INTERNAL", True, True, False),
        ("UNSUPPRESS", False, False, False),
    ],
)
async def test_each_kind_of_regulation_says_what_it_does(
    kind: str, *, deletes: bool, suppresses: bool, passed_on: bool
) -> None:
    seen = await World().look(
        "createWorkspaceRegulation", regulationType=kind, subjectType="USER_ID", subjectIds=["u1"]
    )
    assert seen.phrase == f"{kind} 1 user"
    told = [seen.facts[name] for name in ("deletes", "suppresses", "passedOnToDestinations")]
    assert told == [deletes, suppresses, passed_on]


async def test_a_new_member_list_says_who_leaves() -> None:
    seen = await World().look(
        "replaceUsersInUserGroup", userGroupId=GROWTH, emails=["CHIARA@shop.example", "ben@shop.example"]
    )
    assert seen.facts["warning"] == "Replaces 3 members by 2: 2 would be gone."
    assert seen.facts["members"] == {
        "added": names("ben@shop.example"),
        "removed": names("Farid Haddad (farid@shop.example)", "grace@shop.example (invited)"),
        "changed": names(),
        "unchanged": 1,
    }
    assert seen.removes == 2


async def test_permissions_are_replaced_role_by_role_and_resource_by_resource() -> None:
    world = World()
    user = (await world.do("getUser", userId=BEN))["user"]
    admin = next(each for each in user["permissions"] if each["roleName"] == "Source Admin")
    kept = {"roleId": admin["roleId"], "resources": [{"id": WEBSITE, "type": "SOURCE"}]}
    seen = await world.look("replacePermissionsForUser", userId=BEN, permissions=[kept])
    assert seen.facts["warning"] == "Replaces 3 permissions by 1: 2 would be gone."
    assert seen.facts["permissions"]["removed"] == names(
        f"Source Admin on source {IOS}", "Tracking Plan Admin on the workspace"
    )
    assert seen.facts["groups"] == names("Data platform")
    assert seen.facts["resources"] == names(f"source {WEBSITE}: Website", f"source {IOS}: iOS app")


async def test_invites_tell_who_is_here_already() -> None:
    invites = [{"email": email} for email in ("Ben@shop.example", "henry@agency.example", "new@shop.example")]
    seen = await World().look("createInvites", invites=invites)
    assert seen.phrase == "3 invites"
    assert seen.facts["areUsersAlready"] == names("ben@shop.example")
    assert seen.facts["areInvitedAlready"] == names("henry@agency.example")


async def test_a_new_schedule_says_which_hours_go() -> None:
    schedule = {"timezone": "UTC", "times": [{"hourOfDay": 12, "enabled": True}, {"hourOfDay": 0, "enabled": False}]}
    seen = await World().look(
        "replaceAdvancedSyncScheduleForWarehouse", warehouseId=LAKE, enabled=True, schedule=schedule
    )
    assert seen.facts["warning"] == "Replaces 2 sync times by 1: 1 would be gone."
    assert list(seen.facts["changes"]) == ["times"]
    assert seen.facts["changes"]["times"]["removed"] == names("00:00")


async def test_what_is_synced_to_a_warehouse_is_told_apart_by_what_is_so_already() -> None:
    overrides = [
        {"sourceId": WEBSITE, "collection": "product_viewed", "property": "context_ip", "enabled": False},
        {"sourceId": WEBSITE, "collection": "pages", "enabled": False},
    ]
    seen = await World().look("updateSelectiveSyncForWarehouse", warehouseId=LAKE, syncOverrides=overrides)
    assert seen.facts["switchedOff"] == names(f"pages of source {WEBSITE}")
    assert seen.facts["switchedOn"] == names()
    assert seen.facts["alreadySo"] == 1
    assert seen.facts["sources"] == names(f"Website ({WEBSITE})")


async def test_tables_of_several_sources_are_not_read_as_segment_allows_too_few_reads() -> None:
    world = World()
    overrides = [{"sourceId": each, "collection": "pages", "enabled": False} for each in (WEBSITE, BACKEND)]
    seen = await world.look("updateSelectiveSyncForWarehouse", warehouseId=LAKE, syncOverrides=overrides)
    assert "alreadySo" not in seen.facts
    assert seen.gaps[0].startswith("tables synced now: too_many")
    assert not any("selective-syncs" in target for _, target in world.wire.sent())


async def test_an_update_shows_each_field_before_and_after() -> None:
    seen = await World().look("updateSchemaSettingsInSource", sourceId=WEBSITE, track={"allowUnplannedEvents": False})
    assert seen.facts["changes"] == {"track.allowUnplannedEvents": {"before": True, "after": False}}
    assert "Track.allow unplanned events: true -> false" in seen.text()


async def test_an_update_that_changes_nothing_says_so() -> None:
    seen = await World().look("updateSchemaSettingsInSource", sourceId=WEBSITE, track={"allowUnplannedEvents": True})
    assert seen.facts["changes"] is None
    assert "Changes: none" in seen.text()


async def test_a_new_secret_of_a_credential_is_not_shown() -> None:
    arguments = example(get("updateCredential"), NOW)
    arguments["settings"] = {"authentication": {"privateKey": "-----BEGIN PRIVATE KEY-----\nsecret"}, "username": "new"}
    seen = await World().look("updateCredential", **arguments)
    assert seen.facts["changes"]["settings.authentication.privateKey"]["after"] == "****"
    assert "BEGIN" not in json.dumps(seen.shown()) + seen.text()


async def test_a_run_of_an_audience_shows_its_size_which_may_change_meanwhile() -> None:
    arguments = example(get("forceExecuteAudienceRun"), NOW)
    seen = await World().look("forceExecuteAudienceRun", **arguments)
    assert seen.phrase == "Open orders"
    assert seen.counts["size"] == 312
    assert "size" not in seen.facts["audience"]


async def test_disconnecting_an_audience_shows_the_activations_that_send_by_it() -> None:
    seen = await World().look(
        "removeDestinationFromAudience", spaceId=SHOP, audienceId=FREQUENT_BUYERS, destinationId=BRAZE
    )
    assert seen.phrase == "Braze"
    assert seen.facts["activations"] == names("Frequent buyers to Braze")
    assert seen.facts["audience"]["name"] == "Frequent buyers"
    assert seen.counts["size"] == 1240


async def test_new_identifiers_of_an_audience_replace_the_old_ones() -> None:
    seen = await World().look(
        "updateDestinationForAudience",
        spaceId=SHOP,
        audienceId=FREQUENT_BUYERS,
        destinationId=BRAZE,
        idSyncConfiguration=[{"externalId": "email", "strategy": "last"}],
        connectionSettings={},
    )
    assert list(seen.facts["changes"]) == ["idSyncConfiguration"]
    assert seen.facts["changes"]["idSyncConfiguration"]["removed"] == names("externalId user_id, strategy last")
    assert seen.removes == 1


async def test_a_resync_of_an_activation_is_warned_of() -> None:
    world = World()
    asked = {"spaceId": SHOP, "audienceId": FREQUENT_BUYERS}
    listed = await world.connection.walk(get("listActivationsFromAudience"), asked)
    activation = listed.items[0]["id"]
    seen = await world.look(
        "updateActivationForAudience",
        **asked,
        id=activation,
        performResync=True,
        personalization={"profile": {"properties": []}},
    )
    assert seen.facts["warning"] == "Everybody in the audience is sent again."
    assert list(seen.facts["changes"]) == ["personalization.profile.properties"]
    quiet = await world.look("updateActivationForAudience", **asked, id=activation, enabled=False)
    assert "warning" not in quiet.facts
    assert quiet.facts["changes"] == {"enabled": {"before": True, "after": False}}


async def test_consumers_of_a_credential_come_from_two_lists_of_pages() -> None:
    def consumers(asked: Mapping[str, Any]) -> Any:
        more = "cursor" not in asked["sourcesPagination"]
        return {
            "sources": [{"id": "s1", "name": "One"}] if more else [{"id": "s2", "name": "Two"}],
            "sourcesPagination": {"current": "x", "next": "p2" if more else None},
            "warehouses": [{"id": "w", "name": "Lake"}],
            "warehousesPagination": {"current": "x"},
        }

    answers = {
        "getCredential": {"credential": {"id": "c", "name": "Prod"}},
        "listCredentialConsumers": consumers,
    }
    seen = await Script(answers).look("deleteCredential", credentialId="c")
    assert seen.facts["sourcesThatUseIt"] == names("One", "Two")
    assert seen.facts["warehousesThatUseIt"] == names("Lake")


@pytest.mark.parametrize(
    ("function", "heading", "used"),
    [
        ({"resourceType": "DESTINATION", "catalogId": "m1"}, "destinations", names("Mine")),
        ({"resourceType": "SOURCE", "catalogId": "m2"}, "sources", names("Hook")),
        ({"id": "ifnd_c1", "resourceType": "INSERT_DESTINATION"}, "insertedIn", names("Hash on d1")),
    ],
)
async def test_where_a_function_is_used_depends_on_its_kind(
    function: dict[str, Any], heading: str, used: dict[str, Any]
) -> None:
    def instances(asked: Mapping[str, Any]) -> Any:
        return [{"id": "i", "name": "Hash", "integrationId": "d1"}] if asked["functionId"] == "c1" else []

    answers = {
        "getFunction": {"function": {"id": "f", "displayName": "Function", **function}},
        "listDestinations": [{"id": "d", "name": "Mine", "metadata": {"id": "m1"}}, {"id": "e", "name": "Other"}],
        "listSources": [{"id": "s", "name": "Hook", "metadata": {"id": "m2"}}, {"id": "e", "name": "Other"}],
        "listInsertFunctionInstances": instances,
    }
    seen = await Script(answers).look("deleteFunction", functionId="f")
    assert seen.facts[heading] == used
    assert seen.gaps == ()


async def test_a_function_without_a_catalog_id_leaves_a_gap() -> None:
    answers = {"getFunction": {"function": {"id": "f", "displayName": "Function", "resourceType": "SOURCE"}}}
    seen = await Script(answers).look("deleteFunction", functionId="f")
    assert seen.gaps == ("where it is used: unknown (the function has no catalog ID)",)


@pytest.mark.parametrize("works_on", ["source", "destination"])
async def test_an_insert_function_is_found_by_what_its_id_leaves_out(works_on: str) -> None:
    missing = NotFound("h answered 404.", host="h", status=404)

    def function(asked: Mapping[str, Any]) -> Any:
        if asked["functionId"] != "ifns_c1":
            raise missing
        return {"function": {"id": "ifns_c1", "displayName": "Hash"}}

    instance = {"id": "i", "name": "Hash here", "classId": "c1", "integrationId": "x"}
    answers = {
        "getInsertFunctionInstance": {"insertFunctionInstance": instance},
        "getFunction": function,
        "getSource": {"source": {"id": "x", "name": "Backend"}},
        "getDestination": missing if works_on == "source" else {"destination": {"id": "x", "name": "Backend"}},
    }
    seen = await Script(answers).look("deleteInsertFunctionInstance", instanceId="i")
    assert seen.phrase == "Hash here"
    assert seen.facts["function"] == "Hash (ifns_c1)"
    assert seen.facts[works_on] == "Backend (x)"
    assert seen.gaps == ()


async def test_a_manual_sync_says_where_rows_go() -> None:
    def mappings(asked: Mapping[str, Any]) -> Any:
        return [{"id": "m", "name": "Upsert", "enabled": True}] if asked["destinationId"] == "d2" else []

    sync = {"syncStatus": "SUCCESS", "extractPhase": {"extractCount": "42"}}
    answers = {
        "getReverseEtlModel": {"reverseEtlModel": {"id": "r", "name": "Customers", "sourceId": "s"}},
        "getSource": {"source": {"id": "s", "name": "Snowflake"}},
        "listConnectedDestinationsFromSource": [{"id": "d1", "name": "CRM"}, {"id": "d2", "name": "Mailer"}],
        "listSubscriptionsFromDestination": mappings,
        "listReverseETLSyncStatusesFromModelAndSubscriptionId": {"syncStatuses": [sync]},
    }
    seen = await Script(answers).look("createReverseETLManualSync", modelId="r", sourceId="s", subscriptionId="m")
    assert seen.phrase == "Customers"
    assert seen.facts["mapping"] == {"name": "Upsert", "id": "m", "enabled": True}
    assert seen.facts["sendsTo"] == "Mailer (d2)"
    assert seen.counts == {"lastSync": {"syncStatus": "SUCCESS", "extractCount": "42"}}


async def test_messages_that_can_not_be_looked_up_are_a_gap() -> None:
    answers = {
        "getSpace": {"space": {"id": "p", "name": "Shop"}},
        "batchQueryMessagingSubscriptionsForSpace": Forbidden("h answered 403.", host="h", status=403),
    }
    wanted = [{"key": "jane@shop.example", "type": "EMAIL", "status": "UNSUBSCRIBED"}]
    seen = await Script(answers).look("replaceMessagingSubscriptionsInSpaces", spaceId="p", subscriptions=wanted)
    assert seen.phrase == "1 subscription"
    assert seen.facts["subscriptions"] == names("EMAIL jane@shop.example: UNSUBSCRIBED")
    assert seen.gaps == ("subscriptions now: forbidden (h answered 403.)",)
    assert seen.removes == 0


async def test_a_space_that_segment_answers_null_for_is_not_there() -> None:
    with pytest.raises(InvalidArguments, match="spaceId"):
        await Script({"getSpace": {"space": None}, "batchQueryMessagingSubscriptionsForSpace": {}}).look(
            "replaceMessagingSubscriptionsInSpaces", spaceId="p", subscriptions=[]
        )


async def test_too_many_to_look_up_one_by_one_are_a_gap() -> None:
    users = [{"id": str(number), "email": f"{number}@shop.example"} for number in range(30)]
    script = Script({"listUsers": users})
    seen = await script.look("deleteUsers", userIds=[user["id"] for user in users])
    assert seen.phrase == "30 users"
    assert seen.gaps == ("groups: too_many (30 users)",)
    assert script.asked == ["listUsers"]


async def test_a_first_live_plugin_replaces_nothing() -> None:
    answers = {
        "getSource": {"source": {"id": "s", "name": "App"}},
        "getLatestFromLivePlugins": NotFound("h answered 404.", host="h", status=404),
    }
    seen = await Script(answers).look("createLivePlugin", sourceId="s", code="a\nb")
    assert seen.facts["runsNow"] is None
    assert seen.facts["newCode"] == {"codeLines": 2, "codeBegins": "a b"}
    assert seen.gaps == ()


@pytest.mark.parametrize(
    ("name", "arguments", "error"),
    [
        ("deleteSource", {"sourceId": "gone"}, NotFound),
        ("deleteDestination", {"destinationId": "gone"}, NotFound),
        ("replaceRulesInTrackingPlan", {"trackingPlanId": "gone", "rules": []}, NotFound),
        ("replaceUsersInUserGroup", {"userGroupId": "gone", "emails": []}, NotFound),
        ("deleteLabel", {"key": "environment", "value": "gone"}, InvalidArguments),
        ("deleteUsers", {"userIds": [FARID, "gone"]}, InvalidArguments),
        ("deleteInvites", {"emails": ["gone@shop.example"]}, InvalidArguments),
        ("removeUsersFromUserGroup", {"userGroupId": GROWTH, "emails": ["ben@shop.example"]}, InvalidArguments),
        ("removeSourceFromTrackingPlan", {"trackingPlanId": PLAN, "sourceId": QUIET}, InvalidArguments),
        ("removeSourceConnectionFromWarehouse", {"warehouseId": LAKE, "sourceId": QUIET}, InvalidArguments),
        ("removeWriteKeyFromSource", {"sourceId": WEBSITE, "writeKey": QUIET_KEY}, InvalidArguments),
        (
            "removeRulesFromTrackingPlan",
            {"trackingPlanId": PLAN, "rules": [{"type": "TRACK", "key": "Gone", "version": 1}]},
            InvalidArguments,
        ),
    ],
)
async def test_there_is_nothing_to_agree_to_where_the_thing_is_not_there(
    name: str, arguments: dict[str, Any], error: type[SegmentMcpError]
) -> None:
    with pytest.raises(error):
        await World().look(name, **arguments)


async def test_who_is_not_there_is_named_by_the_argument() -> None:
    with pytest.raises(InvalidArguments, match=r"userIds\.1: is no user of the workspace"):
        await World().look("deleteUsers", userIds=[FARID, "gone"])


async def test_a_thing_that_may_not_be_read_may_not_be_agreed_to() -> None:
    world = World()
    await world.fail("getSource", status=403)
    with pytest.raises(Forbidden):
        await world.look("deleteSource", sourceId=WEBSITE)
    await world.fail("listRulesFromTrackingPlan", status=403)
    with pytest.raises(Forbidden):
        await world.look("replaceRulesInTrackingPlan", trackingPlanId=PLAN, rules=[])


async def test_what_hangs_on_it_and_may_not_be_read_is_a_gap() -> None:
    world = World()
    await world.fail("listConnectedWarehousesFromSource", status=403)
    await world.fail("getEventsVolumeFromWorkspace", body="html")
    seen = await world.look("deleteSource", sourceId=WEBSITE)
    assert seen.facts["connectedDestinations"]["count"] == 4
    assert "connectedWarehouses" not in seen.facts
    assert "hasRecentEvents" not in seen.facts
    assert seen.counts == {}
    assert [gap.partition(" (")[0] for gap in seen.gaps] == [
        "connected warehouses: forbidden",
        "recent events: invalid_response",
    ]
    assert "Could not be read: connected warehouses: forbidden (" in seen.text()
    assert seen.digest() != (await World().look("deleteSource", sourceId=WEBSITE)).digest()


async def test_what_takes_too_long_is_a_gap_and_holds_nothing_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "PATIENCE", 0.5)
    world = World()
    await world.fail("listConnectedDestinationsFromSource", delaySeconds=60)
    with anyio.fail_after(5):
        seen = await world.look("deleteSource", sourceId=WEBSITE)
    assert seen.gaps == ("connected destinations: timeout (not read within 0.5 seconds)",)
    assert seen.facts["connectedWarehouses"] == names("Analytics lake")


def source_answers(**more: Any) -> dict[str, Any]:
    return {
        "getSource": {"source": {"id": "s", "name": "Shop"}, "trackingPlanId": None},
        "listConnectedDestinationsFromSource": [],
        "listConnectedWarehousesFromSource": [],
        "getEventsVolumeFromWorkspace": {"result": [{"total": 0}]},
        **more,
    }


@pytest.mark.parametrize(
    "error",
    [
        Unavailable("h answered 503.", host="h", status=503),
        RateLimited("h answered 429.", host="h", status=429, wait=7.0),
    ],
)
async def test_the_words_of_a_failure_do_not_change_what_was_seen(error: SegmentMcpError) -> None:
    answers = source_answers(listConnectedWarehousesFromSource=error)
    before = await Script(answers).look("deleteSource", sourceId="s")
    error.message = "h answered again, and this time it says request 4711."
    after = await Script(answers).look("deleteSource", sourceId="s")
    assert before.gaps != after.gaps
    assert before.digest() == after.digest()


@pytest.mark.parametrize("answer", [[None], [3], [{"id": "d", "metadata": 3}, []], {}, None])
async def test_an_answer_of_another_shape_is_a_gap(answer: Any) -> None:
    seen = await Script(source_answers(listConnectedDestinationsFromSource=answer)).look("deleteSource", sourceId="s")
    if answer != {}:
        assert seen.gaps == ("connected destinations: invalid_response (Segment answered in another shape)",)
    assert seen.facts["connectedWarehouses"] == names()


async def test_a_list_that_goes_on_is_told() -> None:
    script = Script(source_answers(), truncated=frozenset({"listConnectedDestinationsFromSource"}))
    seen = await script.look("deleteSource", sourceId="s")
    assert seen.gaps == ("connected destinations: truncated (the list is longer than what was read of it)",)


async def test_four_reads_are_under_way_at_once_at_most() -> None:
    users = [{"id": str(number), "name": f"User {number}", "email": f"{number}@shop.example"} for number in range(10)]
    script = Script({"listUsers": users, "listUserGroupsFromUser": []}, pace=0.01)
    await script.look("deleteUsers", userIds=[user["id"] for user in users])
    assert script.asked.count("listUserGroupsFromUser") == 10
    assert script.most == reading.AT_A_TIME


async def test_a_long_list_is_shown_in_part_and_counts_as_a_whole() -> None:
    many = [{"id": f"d{number}", "name": f"Destination {number:02}"} for number in range(30)]
    answers = source_answers(listConnectedDestinationsFromSource=many)
    before = await Script(answers).look("deleteSource", sourceId="s")
    assert before.facts["connectedDestinations"]["count"] == 30
    assert len(before.facts["connectedDestinations"]["names"]) == 20
    assert "and 10 more" in before.text()
    many[29] = {"id": "other", "name": "Destination 29b"}
    after = await Script(answers).look("deleteSource", sourceId="s")
    assert before.facts == after.facts
    assert before.digest() != after.digest()


async def test_traffic_and_the_order_of_members_void_no_consent() -> None:
    listed = [{"id": "d1", "name": "B"}, {"id": "d2", "name": "A"}]
    some, more = {"result": [{"total": 5}]}, {"result": [{"total": 9}]}
    before = await Script(
        source_answers(listConnectedDestinationsFromSource=listed, getEventsVolumeFromWorkspace=some)
    ).look("deleteSource", sourceId="s")
    after = await Script(
        source_answers(
            getSource={"trackingPlanId": None, "source": {"name": "Shop", "id": "s"}},
            listConnectedDestinationsFromSource=[dict(reversed(each.items())) for each in reversed(listed)],
            getEventsVolumeFromWorkspace=more,
        )
    ).look("deleteSource", sourceId="s")
    assert before.counts != after.counts
    assert before.digest() == after.digest()


@pytest.mark.parametrize(
    "change",
    [
        {"getSource": {"source": {"id": "s", "name": "Shop 2"}, "trackingPlanId": None}},
        {"listConnectedWarehousesFromSource": [{"id": "w", "name": "Lake"}]},
        {"getEventsVolumeFromWorkspace": {"result": [{"total": 1}]}},
    ],
)
async def test_a_new_name_a_new_connection_or_first_events_void_a_consent(change: dict[str, Any]) -> None:
    before = await Script(source_answers()).look("deleteSource", sourceId="s")
    after = await Script(source_answers(**change)).look("deleteSource", sourceId="s")
    assert before.digest() != after.digest()


async def test_a_rule_that_somebody_else_edits_meanwhile_voids_a_consent() -> None:
    def answers(schema: Any) -> dict[str, Any]:
        return {
            "getTrackingPlan": {"trackingPlan": {"id": "p", "name": "Plan", "type": "LIVE"}},
            "listRulesFromTrackingPlan": [{"type": "TRACK", "key": "A", "version": 1, "jsonSchema": schema}],
            "listSourcesFromTrackingPlan": [],
            "getEventsVolumeFromWorkspace": {"result": []},
        }

    before = await Script(answers({})).look("replaceRulesInTrackingPlan", trackingPlanId="p", rules=[])
    after = await Script(answers({"type": "object"})).look("replaceRulesInTrackingPlan", trackingPlanId="p", rules=[])
    assert before.facts == after.facts
    assert before.digest() != after.digest()


async def test_hostile_names_are_cleaned_wherever_they_stand() -> None:
    answers = source_answers(
        getSource={"source": {"id": "s", "name": HOSTILE, "slug": HOSTILE, "metadata": {"name": HOSTILE}}},
        listConnectedDestinationsFromSource=[{"id": "d", "name": HOSTILE}],
    )
    seen = await Script(answers).look("deleteSource", sourceId="s")
    assert seen.phrase.startswith("Web site xxx")
    assert len(seen.phrase) <= 120
    for text in (seen.phrase, *texts_in(seen.shown())):
        assert len(text) <= 400
        assert not any(sign in text for sign in "\n\u202e\u200b")


@pytest.mark.parametrize("name", ["", "\u200b\u202e", None])
async def test_a_thing_without_a_name_still_has_something_to_type(name: str | None) -> None:
    answers = source_answers(getSource={"source": {"id": "s-1", "name": name, "slug": ""}, "trackingPlanId": None})
    assert (await Script(answers).look("deleteSource", sourceId="s-1")).phrase == "s-1"


async def test_what_only_reads_can_be_read_with_and_nothing_else() -> None:
    script = Script(source_answers())
    reader = reading.Reader(script, get("deleteSource"), {"sourceId": "s"}, NOW)
    for name in ("deleteSource", "updateSource"):
        with pytest.raises(RuntimeError, match=name):
            await reader.call(name, {"sourceId": "s"})
        with pytest.raises(RuntimeError, match=name):
            await reader.walk(name, {"sourceId": "s"})
    assert script.asked == []
