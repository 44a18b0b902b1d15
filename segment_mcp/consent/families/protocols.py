"""Tracking plans and their rules, transformations, functions, live plugins."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from segment_mcp.consent import diffs
from segment_mcp.consent.families.connections import SOURCE, SOURCE_OF_IT, of_source
from segment_mcp.consent.families.showing import changing, described, phrase, showing
from segment_mcp.consent.preview import phrase_of
from segment_mcp.consent.reading import Arguments, Part, Reader, Recipe, Sight, Step, Thing
from segment_mcp.consent.steps import (
    EVENTS,
    absent,
    beside,
    events,
    every,
    first_of,
    found,
    its,
    name_and_id,
    name_of,
    named,
    names,
    numbers,
    one,
    one_of,
    volume,
)
from segment_mcp.errors import NotFound
from segment_mcp.ports import Data

PLAN = one("getTrackingPlan", "trackingPlan")
RULES = every("rules now", "listRulesFromTrackingPlan")
PLAN_AND_RULES = beside(PLAN, rulesNow=RULES)
FUNCTION = one("getFunction", "function")
SOURCES_OF_PLAN = names("sources", "listSourcesFromTrackingPlan")

_TRANSFORMATION = (
    "enabled", "if", "drop", "newEventName", "propertyRenames", "propertyValueTransformations", "fqlDefinedProperties",
    "allowProperties", "destinationMetadataId",
)  # fmt: skip
_FUNCTION = ("resourceType", "description", "deployedAt", "isLatestVersion")
_INSERTED = "INSERT_"
_PREFIXES = ("ifnd_", "ifns_", "ifnt_", "")

RuleKey = tuple[Any, Any, Any]


def rule_key(rule: Mapping[str, Any]) -> RuleKey:
    """What makes a rule the same one: Segment matches type, key and version."""
    return rule.get("type"), rule.get("key") or None, rule.get("version")


def rule_name(rule: Mapping[str, Any]) -> str:
    """`TRACK Order Completed`, with its version where that isn't the first."""
    kind, key, version = rule_key(rule)
    named_ = str(kind) if key is None else f"{kind} {key}"
    return named_ if version in {None, 1} else f"{named_} (version {version})"


def _rules(rules: Sequence[Mapping[str, Any]]) -> diffs.Entries:
    return {rule_key(rule): (rule_name(rule), rule.get("jsonSchema")) for rule in rules}


def _plan(plan: Thing, _: Arguments) -> Sight:
    return Sight(phrase(plan, "tracking plan"), {"trackingPlan": described(plan, "type", "description")})


def _plan_and_its_rules(plan: Thing, arguments: Arguments) -> Sight:
    shown = _plan(plan, arguments)
    listed = diffs.listing(map(rule_name, plan["rulesNow"]))
    return Sight(shown.phrase, {**shown.facts, "rules": listed}, basis=_basis(plan))


def _replacement(plan: Thing, arguments: Arguments) -> Sight:
    before, after = _rules(plan["rulesNow"]), _rules(arguments["rules"])
    diff = diffs.lists(before, after)
    return Sight(
        phrase(plan, "tracking plan"),
        {
            **diffs.warning(len(before), len(after), len(diff.removed), "rule"),
            "trackingPlan": described(plan, "type"),
            "rules": diff.shown(),
        },
        removes=len(diff.removed),
        basis=_basis(plan),
    )


def _update(plan: Thing, arguments: Arguments) -> Sight:
    """Rules are made or overwritten, and renamed by `newKey`; none is removed."""
    before = _rules(plan["rulesNow"])
    diff = diffs.lists(before, _rules(arguments["rules"]))
    renamed = {
        rule_name(rule): f"{rule_name(rule)} -> {rule['newKey']}"
        for rule in arguments["rules"]
        if rule.get("newKey") not in {None, rule.get("key")} and rule_key(rule) in before
    }
    return Sight(
        phrase(plan, "tracking plan"),
        {
            "trackingPlan": described(plan, "type"),
            "rulesAdded": diffs.listing(diff.added),
            "rulesOverwritten": diffs.listing(diff.changed),
            "rulesRenamed": diffs.listing(renamed.values()),
            "rulesLeftAsTheyAre": len(before) - len({*diff.changed, *renamed}),
        },
        basis=_basis(plan),
    )


async def _plan_and_doomed(reader: Reader) -> Data:
    plan = await PLAN_AND_RULES(reader)
    known = {rule_key(rule) for rule in plan["rulesNow"]}
    for index, rule in enumerate(reader.arguments["rules"]):
        if rule_key(rule) not in known and "rules now" not in reader.gaps:
            raise absent(f"rules.{index}", "is not a rule of the tracking plan")
    return plan


def _removal(plan: Thing, arguments: Arguments) -> Sight:
    doomed = {rule_key(rule): rule_name(rule) for rule in arguments["rules"]}
    only = next(iter(doomed.values()), "")
    return Sight(
        phrase_of(only, "rule") if len(doomed) == 1 else diffs.counted(len(doomed), "rule"),
        {
            "trackingPlan": described(plan, "type"),
            "rulesRemoved": diffs.listing(doomed.values()),
            "rulesLeft": max(0, len(plan["rulesNow"]) - len(doomed)),
        },
        basis=_basis(plan),
    )


def _basis(plan: Thing) -> Any:
    return sorted(diffs.words([*map(str, rule_key(rule)), rule.get("jsonSchema")]) for rule in plan["rulesNow"])


def _seen(doomed: Callable[[Thing, Arguments], Sequence[Mapping[str, Any]]]) -> Step:
    """Which of the events whose rules would go came in lately, from any source."""

    async def read(reader: Reader, plan: Thing) -> Part:
        rules = doomed(plan, reader.arguments)
        keys = sorted({rule["key"] for rule in rules if rule.get("type") == "TRACK" and rule.get("key")})
        asked = keys[: diffs.MOST_NAMES]
        if not asked:
            return Part()
        rows = await volume(reader, groupBy=["eventName"], eventName=asked)
        totals = {str(row.get("eventName")): sum(numbers([row.get("total")])) for row in rows}
        seen = {name: total for name, total in sorted(totals.items()) if total}
        counts = {EVENTS: [f"{name}: {total}" for name, total in seen.items()]}
        return Part({"eventsStillSeen": diffs.listing(seen)}, counts)

    return Step("recent events of these rules", read)


def _dropped(plan: Thing, arguments: Arguments) -> Sequence[Mapping[str, Any]]:
    kept = set(map(rule_key, arguments["rules"]))
    return [rule for rule in plan["rulesNow"] if rule_key(rule) not in kept]


def _function(function: Thing, _: Arguments) -> Sight:
    code = str(function.get("code") or "")
    facts = {"function": {**described(function, *_FUNCTION), "codeLines": len(code.splitlines())}}
    return Sight(phrase(function, "function"), facts, basis=code)


async def _where_used(reader: Reader, function: Thing) -> Part:
    kind, catalog_id = str(function.get("resourceType")), function.get("catalogId")
    if kind.startswith(_INSERTED):
        return await _INSTANCES.read(reader, function)
    if not catalog_id:
        reader.gaps["where it is used"] = "unknown (the function has no catalog ID)"
        return Part()
    operation, heading = ("listSources", "sources") if kind == "SOURCE" else ("listDestinations", "destinations")
    used = names(heading, operation, keep=lambda item, *_: (item.get("metadata") or {}).get("id") == catalog_id)
    return await used.read(reader, function)


_INSTANCES = names(
    "insertedIn",
    "listInsertFunctionInstances",
    label=lambda instance: f"{name_of(instance)} on {instance.get('integrationId')}",
    functionId=lambda function, _: str(function.get("id")).removeprefix(prefix_of(str(function.get("id")))),
)
WHERE_USED = Step("where it is used", _where_used)


async def _versions(reader: Reader, _: Thing) -> Part:
    function_id = reader.arguments["functionId"]
    versions = await reader.whole("versions", "listFunctionVersions", {"functionId": function_id})
    ordered = sorted(versions, key=lambda version: str(version.get("createdAt")))
    live = [version for version in ordered if version.get("isDeployed")]
    return Part({"newestVersion": _version(ordered), "deployedVersion": _version(live)})


def _version(versions: Sequence[Mapping[str, Any]]) -> Data | None:
    return {name: versions[-1].get(name) for name in ("id", "author", "createdAt")} if versions else None


async def _works_on(reader: Reader, instance: Thing) -> Part:
    """The destination or source that an insert function works on; its ID does not say which of them it is."""
    integration = instance.get("integrationId")
    return await first_of(
        partial(_named_part, reader, "destination", "getDestination", {"destinationId": integration}),
        partial(_named_part, reader, "source", "getSource", {"sourceId": integration}),
    )


async def _class(reader: Reader, instance: Thing) -> Part:
    """The function that an instance is of: the instance leaves out what the function's ID begins with."""
    asked = [{"functionId": f"{prefix}{instance.get('classId')}"} for prefix in _PREFIXES]
    return await first_of(*(partial(_named_part, reader, "function", "getFunction", each) for each in asked))


async def _named_part(reader: Reader, member: str, name: str, arguments: Arguments) -> Part:
    return Part({member: name_and_id(await one_of(reader, name, member, arguments))})


def prefix_of(function_id: str) -> str:
    """The part of a function's ID that its instances leave out."""
    return next((prefix for prefix in _PREFIXES if function_id.startswith(prefix)), "")


async def _plugin_now(reader: Reader, _: Thing) -> Part:
    try:
        asked = {"sourceId": reader.arguments["sourceId"]}
        plugin = await one_of(reader, "getLatestFromLivePlugins", "livePlugin", asked)
    except NotFound:
        return Part({"runsNow": None})
    return Part({"runsNow": plugin_facts(plugin)}, basis=plugin.get("code"))


def plugin_facts(plugin: Mapping[str, Any]) -> Data:
    """Version and size of a live plugin's code."""
    told = {name: plugin.get(name) for name in ("version", "createdAt", "createdBy")}
    return {**told, "codeLines": len(str(plugin.get("code") or "").splitlines())}


def _new_plugin(source: Thing, arguments: Arguments) -> Sight:
    shown, code = of_source()(source, arguments), arguments["code"]
    new = {"codeLines": len(code.splitlines()), "codeBegins": code}
    return Sight(shown.phrase, {**shown.facts, "newCode": new})


def _old_plugin(source: Thing, arguments: Arguments) -> Sight:
    shown, plugin = of_source()(source, arguments), source["plugin"]
    return Sight(shown.phrase, {**shown.facts, "livePlugin": plugin_facts(plugin)}, basis=plugin.get("code"))


RECIPES: Mapping[str, Recipe] = {
    "deleteTrackingPlan": Recipe(PLAN_AND_RULES, _plan_and_its_rules, SOURCES_OF_PLAN),
    "replaceRulesInTrackingPlan": Recipe(PLAN_AND_RULES, _replacement, SOURCES_OF_PLAN, _seen(_dropped)),
    "updateRulesInTrackingPlan": Recipe(PLAN_AND_RULES, _update, SOURCES_OF_PLAN),
    "removeRulesFromTrackingPlan": Recipe(
        _plan_and_doomed, _removal, SOURCES_OF_PLAN, _seen(lambda _, arguments: arguments["rules"])
    ),
    "removeSourceFromTrackingPlan": Recipe(
        found(
            "sources of the tracking plan",
            "listSourcesFromTrackingPlan",
            "sourceId",
            lambda source, arguments: source.get("id") == arguments["sourceId"],
        ),
        of_source(),
        named("trackingPlan", "getTrackingPlan", "trackingPlan"),
        events(),
    ),
    "createTransformation": Recipe(SOURCE, of_source("transformation"), events()),
    "updateTransformation": Recipe(
        one("getTransformation", "transformation"),
        changing("transformation", *_TRANSFORMATION),
        SOURCE_OF_IT,
        events(its("sourceId")),
    ),
    "deleteTransformation": Recipe(
        one("getTransformation", "transformation"),
        showing("transformation", *_TRANSFORMATION),
        SOURCE_OF_IT,
        events(its("sourceId")),
    ),
    "deleteFunction": Recipe(FUNCTION, _function, WHERE_USED),
    "createFunctionDeployment": Recipe(FUNCTION, _function, WHERE_USED, Step("versions", _versions)),
    "deleteInsertFunctionInstance": Recipe(
        one("getInsertFunctionInstance", "insertFunctionInstance"),
        showing("instance", "enabled"),
        Step("function", _class),
        Step("what it works on", _works_on),
    ),
    "createLivePlugin": Recipe(SOURCE, _new_plugin, Step("code that runs now", _plugin_now)),
    "deleteLivePluginCode": Recipe(
        beside(SOURCE, plugin=one("getLatestFromLivePlugins", "livePlugin")), _old_plugin, events()
    ),
}
