"""Spaces: their audiences with destinations and activations, traits, filters, warehouses, and people's consent."""

from collections.abc import Callable, Mapping
from typing import Any

from segment_mcp.consent import diffs
from segment_mcp.consent.families.connections import selection
from segment_mcp.consent.families.showing import changing, described, phrase, showing, told, type_of
from segment_mcp.consent.preview import phrase_of
from segment_mcp.consent.reading import Arguments, Look, Part, Reader, Recipe, Show, Sight, Step, Thing
from segment_mcp.consent.steps import (
    Given,
    beside,
    every,
    found,
    given,
    its,
    maybe,
    name_of,
    named,
    names,
    one,
    one_of,
)
from segment_mcp.ports import Data

AUDIENCE = one("getAudience", "audience")
AUDIENCE_OF_IT = one("getAudience", "audience", id=given("audienceId"))
ACTIVATION = one("getActivationFromAudience", "activation")
TRAIT = one("getComputedTrait", "computedTrait")
FILTER = one("getFilterById", "filter")
SPACE_OF_IT = named("space", "getSpace", "space")

_AUDIENCE = ("key", "audienceType", "enabled", "description")
_ACTIVATION = ("activationType", "enabled", "connectionId")
_FILTER = ("enabled", "if", "drop", "description", "integrationId")


def destinations_of(audience_id: Given) -> Step:
    """The destinations that an audience is connected to."""
    return names("destinations", "listDestinationsFromAudience", audienceId=audience_id)


def activations_of(audience_id: Given) -> Step:
    """The activations of an audience."""
    return names("activations", "listActivationsFromAudience", audienceId=audience_id)


CONSUMERS = names("audiencesThatUseIt", "listAudienceConsumersFromSpaceAndAudience")


async def _schedules(reader: Reader, _: Thing) -> Part:
    asked = {"spaceId": reader.arguments["spaceId"], "id": reader.arguments["id"]}
    schedules = (await reader.call("listAudienceSchedulesFromSpaceAndAudience", asked))["audienceSchedules"]
    return Part({"schedules": diffs.listing(map(schedule_name, schedules))})


def schedule_name(schedule: Mapping[str, Any]) -> str:
    """`PERIODIC: interval 1h`."""
    config = schedule.get("config")
    return f"{schedule.get('strategy')}: {diffs.words(config)}" if config else str(schedule.get("strategy"))


def audience_facts(audience: Thing) -> Data:
    """What is told of an audience."""
    definition = audience.get("definition")
    return {
        **described(audience, *_AUDIENCE),
        "query": definition.get("query") if isinstance(definition, Mapping) else None,
    }


def _size(audience: Thing) -> Data:
    """How many are in it, and how far it is worked out: both change by themselves."""
    size = audience.get("size")
    counts = {"status": audience.get("status")} if audience.get("status") else {}
    return {**counts, "size": size.get("count")} if isinstance(size, Mapping) else counts


def _audience(audience: Thing, _: Arguments) -> Sight:
    return Sight(phrase(audience, "audience"), {"audience": audience_facts(audience)}, _size(audience))


def _audience_change(audience: Thing, arguments: Arguments) -> Sight:
    changes = changing("audience")(audience, arguments)
    facts = {"audience": described(audience, *_AUDIENCE), "changes": changes.facts["changes"]}
    return Sight(changes.phrase, facts, _size(audience), basis=changes.basis)


def _of_audience(look: Look) -> Look:
    """Read a thing of an audience, and the audience."""
    return beside(look, audienceNow=AUDIENCE_OF_IT)


def _with_audience(show: Show) -> Show:
    def shown(thing: Thing, arguments: Arguments) -> Sight:
        audience = thing["audienceNow"]
        sight = show(thing, arguments)
        resync = {"warning": "Everybody in the audience is sent again."} if arguments.get("performResync") else {}
        facts = {**resync, **sight.facts, "audience": audience_facts(audience)}
        return Sight(sight.phrase, facts, _size(audience), sight.removes, sight.basis)

    return shown


def _activation_change(activation: Thing, arguments: Arguments) -> Sight:
    """A profile, entities or a mapping that is given replaces the old one; a resync is no state but a deed."""
    lasting = {name: value for name, value in arguments.items() if name != "performResync"}
    show = changing("activation", *_ACTIVATION, whole=("personalization.profile", "destinationMapping"))
    return show(activation, lasting)


def _connection_change(connection: Thing, arguments: Arguments) -> Sight:
    """Identifiers and settings that are given replace the old ones; Segment leaves them where empty ones are given."""
    said = {name: value for name, value in arguments.items() if value}
    return changing("destination", "enabled", "destinationId", whole=("connectionSettings",))(connection, said)


def _schedule(thing: Thing, _: Arguments) -> Sight:
    return Sight(
        phrase(thing["audienceNow"], "audience"), {"schedule": {"id": thing.get("id"), "runs": schedule_name(thing)}}
    )


def _connection(argument: str) -> Look:
    return found(
        "destinations of the audience",
        "listDestinationsFromAudience",
        argument,
        lambda item, arguments: arguments[argument] in {item.get("id"), item.get("destinationId")},
    )


def _adding(heading: str, said: str) -> Show:
    """Show what something is added to, and what."""

    def show(thing: Thing, arguments: Arguments) -> Sight:
        facts = {
            heading: {**described(thing, "enabled", "destinationId"), "type": type_of(thing)},
            said: told(arguments),
        }
        return Sight(phrase(thing, heading), facts)

    return show


def _new_destination(audience: Thing, arguments: Arguments) -> Sight:
    sight = _audience(audience, arguments)
    return Sight(sight.phrase, {**sight.facts, "connects": told(arguments)}, sight.counts)


async def _outside(reader: Reader, _: Thing) -> Part:
    """The destination that an audience would be connected to."""
    asked = {"destinationId": reader.arguments["destination"].get("id")}
    destination = await one_of(reader, "getDestination", "destination", asked)
    facts = {**described(destination, "enabled"), "type": type_of(destination)}
    return Part({"destination": facts})


def _in_use(connection: Mapping[str, Any], thing: Thing, _: Arguments) -> bool:
    return connection.get("connectionId") == thing.get("id")


async def _mentions(reader: Reader, trait: Thing) -> Part:
    """The audiences whose definition names a trait."""
    asked = {"spaceId": reader.arguments["spaceId"], "search": {"type": "DEFINITION", "query": trait.get("key")}}
    walk = await reader.walk("listAudiences", asked)
    if walk.truncated:
        reader.cut("audiences that mention it")
    return Part({"audiencesThatMentionIt": diffs.listing(map(name_of, walk.items))})


MENTIONS = Step("audiences that mention it", _mentions)


def _subscription_entries(subscriptions: Any) -> diffs.Entries:
    """Every choice of every address: overall, and for each group."""
    entries: dict[Any, tuple[str, Any]] = {}
    for each in subscriptions:
        key = (each.get("type"), str(each.get("key")).lower())
        name = f"{each.get('type')} {each.get('key')}"
        if each.get("status"):
            entries[key] = (name, each["status"])
        for group in each.get("groups") or ():
            entries[*key, group.get("name")] = (f"{name}, {group.get('name')}", group.get("status"))
    return entries


async def _subscriptions_now(reader: Reader) -> list[Any]:
    asked = [{"key": each["key"], "type": each["type"]} for each in reader.arguments["subscriptions"]]
    arguments = {"spaceId": reader.arguments["spaceId"], "subscriptions": asked}
    answer = await reader.call("batchQueryMessagingSubscriptionsForSpace", arguments)
    if answer["failures"]:
        reader.gaps["subscriptions now"] = f"failed (Segment knows no such address: {len(answer['failures'])})"
    return list(answer["successes"])


def _subscriptions(space: Thing, arguments: Arguments) -> Sight:
    now = space["subscriptionsNow"]
    before, after = _subscription_entries(now or ()), _subscription_entries(arguments["subscriptions"])
    diff = diffs.lists(before, after)
    facts: Data = {"space": described(space)}
    if now is None:
        facts["subscriptions"] = diffs.listing(diffs.lists({}, after).added)
    else:
        warned = diffs.warning(len(before), len(after), len(diff.removed), "choice")
        facts = {**warned, **facts, "subscriptions": diff.shown()}
    count = len({(each["type"], each["key"]) for each in arguments["subscriptions"]})
    return Sight(
        diffs.counted(count, "subscription"), facts, removes=len(diff.removed), basis=sorted(map(str, before.items()))
    )


def _new_filter(_: Thing, arguments: Arguments) -> Sight:
    return Sight(phrase_of(arguments.get("name"), "filter"), {"filter": told(arguments)})


async def _nothing(_: Reader) -> Data:
    return {}


def _profiles_warehouse() -> Look:
    return found(
        "warehouses of the space",
        "listProfilesWarehouseInSpace",
        "warehouseId",
        lambda item, arguments: item.get("id") == arguments["warehouseId"],
    )


def _sync_settings(heading: str) -> Callable[[Thing, Arguments], Sight]:
    def show(warehouse: Thing, _: Arguments) -> Sight:
        facts = {**described(warehouse, "enabled", "schemaName"), "type": type_of(warehouse)}
        return Sight(phrase(warehouse, heading), {heading: facts})

    return show


RECIPES: Mapping[str, Recipe] = {
    "replaceMessagingSubscriptionsInSpaces": Recipe(
        beside(one("getSpace", "space"), subscriptionsNow=maybe("subscriptions now", _subscriptions_now)),
        _subscriptions,
    ),
    "forceExecuteAudienceRun": Recipe(
        AUDIENCE_OF_IT, _audience, destinations_of(given("audienceId")), activations_of(given("audienceId"))
    ),
    "updateAudienceForSpace": Recipe(
        AUDIENCE, _audience_change, destinations_of(given("id")), activations_of(given("id")), CONSUMERS
    ),
    "removeAudienceFromSpace": Recipe(
        AUDIENCE,
        _audience,
        destinations_of(given("id")),
        activations_of(given("id")),
        CONSUMERS,
        Step("schedules", _schedules),
    ),
    "removeAudienceScheduleFromAudience": Recipe(
        beside(one("getAudienceScheduleFromSpaceAndAudience", "audienceSchedule"), audienceNow=AUDIENCE),
        _with_audience(_schedule),
    ),
    "updateActivationForAudience": Recipe(
        _of_audience(ACTIVATION),
        _with_audience(_activation_change),
        destinations_of(given("audienceId")),
    ),
    "removeActivationFromAudience": Recipe(
        _of_audience(ACTIVATION),
        _with_audience(showing("activation", *_ACTIVATION)),
        destinations_of(given("audienceId")),
    ),
    "addDestinationToAudience": Recipe(
        AUDIENCE_OF_IT,
        _new_destination,
        Step("destination", _outside),
        destinations_of(given("audienceId")),
    ),
    "addActivationToAudience": Recipe(
        _of_audience(_connection("connectionId")),
        _with_audience(_adding("destination", "activation")),
        activations_of(given("audienceId")),
    ),
    "updateDestinationForAudience": Recipe(
        _of_audience(_connection("destinationId")),
        _with_audience(_connection_change),
        names("activations", "listActivationsFromAudience", keep=_in_use),
    ),
    "removeDestinationFromAudience": Recipe(
        _of_audience(_connection("destinationId")),
        _with_audience(showing("destination", "enabled", "destinationId")),
        names("activations", "listActivationsFromAudience", keep=_in_use),
    ),
    "updateComputedTraitForSpace": Recipe(TRAIT, changing("computedTrait", "key", "enabled"), MENTIONS, SPACE_OF_IT),
    "removeComputedTraitFromSpace": Recipe(
        TRAIT, showing("computedTrait", "key", "enabled", "description", "definition"), MENTIONS, SPACE_OF_IT
    ),
    "createFilterForSpace": Recipe(
        _nothing, _new_filter, names("filtersNow", "listFiltersForSpace", integrationId=given("integrationId"))
    ),
    "updateFilterById": Recipe(
        FILTER,
        changing("filter", *_FILTER),
        names("filtersNow", "listFiltersForSpace", integrationId=its("integrationId")),
    ),
    "deleteFilterById": Recipe(
        FILTER,
        showing("filter", *_FILTER),
        names("filtersNow", "listFiltersForSpace", integrationId=its("integrationId")),
    ),
    "removeProfilesWarehouseFromSpace": Recipe(_profiles_warehouse(), _sync_settings("warehouse"), SPACE_OF_IT),
    "updateSelectiveSyncForWarehouseAndSpace": Recipe(
        beside(
            _profiles_warehouse(),
            tablesNow=maybe("tables synced now", every("tables synced now", "listSelectiveSyncsFromWarehouseAndSpace")),
        ),
        selection,
        SPACE_OF_IT,
    ),
}
