"""Sources, destinations and their filters, labels, warehouses and what is synced to them."""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from segment_mcp.consent import diffs
from segment_mcp.consent.families.showing import changing, described, phrase, showing, told, type_of
from segment_mcp.consent.preview import phrase_of
from segment_mcp.consent.reading import Arguments, Part, Reader, Recipe, Show, Sight, Step, Thing
from segment_mcp.consent.steps import (
    WEEK,
    absent,
    beside,
    events,
    every,
    found,
    given,
    its,
    name_of,
    named,
    names,
    numbers,
    one,
)
from segment_mcp.ports import Data
from segment_mcp.redact import is_masked, mask_write_key
from segment_mcp.timing import timestamp_of

SOURCE = one("getSource", "source")
DESTINATION = one("getDestination", "destination")
WAREHOUSE = one("getWarehouse", "warehouse")
DESTINATIONS_OF_SOURCE = names(
    "connectedDestinations", "listConnectedDestinationsFromSource", sourceId=given("sourceId")
)
WAREHOUSES_OF_SOURCE = names("connectedWarehouses", "listConnectedWarehousesFromSource", sourceId=given("sourceId"))
PLAN_OF_SOURCE = named("trackingPlan", "getTrackingPlan", "trackingPlan", trackingPlanId=its("trackingPlanId"))
SOURCE_OF_IT = named("source", "getSource", "source", sourceId=its("sourceId"))

_FILTER = ("enabled", "if", "actions", "description")


def label_of(label: Mapping[str, Any]) -> str:
    """`key:value`."""
    return f"{label.get('key')}:{label.get('value')}"


def source_facts(source: Thing) -> Data:
    """What is told of a source wherever it is the thing itself."""
    keys = source.get("writeKeys") or ()
    return {
        **described(source, "slug"),
        "type": type_of(source),
        "enabled": source.get("enabled"),
        "labels": sorted(map(label_of, source.get("labels", ()))),
        "writeKeys": len(keys) or "none that this token sees",
    }


def of_source(said: str | None = None) -> Show:
    """Show a source, and under a heading what the call says beside."""

    def show(source: Thing, arguments: Arguments) -> Sight:
        more = {} if said is None else {said: told(arguments)}
        return Sight(phrase(source, "source"), {"source": source_facts(source), **more})

    return show


def _labels(source: Thing, arguments: Arguments) -> Sight:
    before = diffs.by(source.get("labels", ()), label_of)
    after = diffs.by(arguments["labels"], label_of)
    diff = diffs.lists(before, after)
    return Sight(
        phrase(source, "source"),
        {
            **diffs.warning(len(before), len(after), len(diff.removed), "label"),
            "source": source_facts(source),
            "labels": diff.shown(),
        },
        removes=len(diff.removed),
        basis=sorted(before),
    )


def _schema_settings(source: Thing, arguments: Arguments) -> Sight:
    settings = source["settingsNow"]
    changes = diffs.fields(settings, arguments)
    basis = {name: settings.get(name) for name in arguments}
    return Sight(
        phrase(source, "source"), {"source": described(source, "slug"), "changes": changes or None}, basis=basis
    )


async def _write_key(reader: Reader) -> Data:
    source = await SOURCE(reader)
    wanted = shown_key(reader.arguments["writeKey"])
    keys = [shown_key(key) for key in source.get("writeKeys") or ()]
    if not keys:
        reader.gaps["write keys"] = "not_visible (this token sees none of the source's write keys)"
    elif wanted not in keys:
        raise absent("writeKey", "is not a write key of the source")
    return {**source, "removed": wanted, "keys": len(keys)}


def shown_key(key: str) -> str:
    """A write key as it may be shown, also where it was masked already."""
    return key if is_masked(key) else mask_write_key(key)


def _key_removal(source: Thing, _: Arguments) -> Sight:
    facts: Data = {"source": source_facts(source), "writeKey": source["removed"]}
    if source["keys"]:
        facts["keysLeft"] = source["keys"] - 1
    if source["keys"] == 1:
        facts = {"warning": "It is the source's only write key: nothing could send to it any more.", **facts}
    return Sight(phrase(source, "source"), facts)


def _destination(said: str | None = None) -> Show:
    def show(destination: Thing, arguments: Arguments) -> Sight:
        facts: Data = {"destination": {**described(destination, "enabled"), "type": type_of(destination)}}
        if said is not None:
            facts[said] = told(arguments)
        return Sight(phrase(destination, "destination"), facts)

    return show


async def _delivered(reader: Reader, thing: Thing) -> Part:
    asked = {
        "destinationId": reader.arguments["destinationId"],
        "sourceId": thing.get("sourceId"),
        "granularity": "DAY",
        "startTime": timestamp_of(reader.now - WEEK),
        "endTime": timestamp_of(reader.now),
    }
    summary = (await reader.call("listDeliveryMetricsSummaryFromDestination", asked))["deliveryMetricsSummary"]
    metrics = summary.get("metrics", ()) if isinstance(summary, Mapping) else ()
    total = sum(numbers(metric.get("total") for metric in metrics if metric.get("metricName") == "successes"))
    return Part({"hasRecentDeliveries": total > 0}, {"deliveredInLastWeek": total})


DELIVERIES = Step("recent deliveries", _delivered)


def _is_label(label: Mapping[str, Any], arguments: Arguments) -> bool:
    return (label.get("key"), label.get("value")) == (arguments["key"], arguments["value"])


def _label(label: Thing, _: Arguments) -> Sight:
    return Sight(
        phrase_of(label_of(label), "label"), {"label": label_of(label), "description": label.get("description")}
    )


def _carries(source: Mapping[str, Any], label: Thing, _: Arguments) -> bool:
    return label_of(label) in map(label_of, source.get("labels", ()))


def _warehouse(warehouse: Thing, _: Arguments) -> Sight:
    facts = {"warehouse": {**described(warehouse, "enabled"), "type": type_of(warehouse)}}
    return Sight(phrase(warehouse, "warehouse"), facts)


def _schedule(warehouse: Thing, arguments: Arguments) -> Sight:
    schedule = warehouse["scheduleNow"]
    before, after = _timetable(schedule), _timetable(arguments)
    changes = diffs.fields(before, after)
    removes = diffs.removed_from(changes)
    return Sight(
        phrase(warehouse, "warehouse"),
        {
            **diffs.warning(len(before["times"]), len(after["times"]), removes, "sync time"),
            "warehouse": described(warehouse, "enabled"),
            "changes": changes or None,
        },
        removes=removes,
        basis=before,
    )


def _timetable(schedule: Mapping[str, Any]) -> Data:
    plan = schedule.get("schedule") or {}
    times = [f"{str(time.get('hourOfDay')).zfill(2)}:00" for time in plan.get("times") or () if time.get("enabled")]
    return {"enabled": schedule.get("enabled"), "timezone": plan.get("timezone"), "times": times}


async def _selections(reader: Reader) -> list[Any] | None:
    """What is synced now, of one source: Segment lets it be read twice a minute."""
    sources = {override.get("sourceId") for override in reader.arguments["syncOverrides"]}
    if len(sources) != 1:
        reader.gaps["tables synced now"] = (
            f"too_many (of {len(sources)} sources; Segment lets it be read twice a minute)"
        )
        return None
    (source_id,) = sources
    read = every(
        "tables synced now",
        "listSelectiveSyncsFromWarehouseAndSource",
        sourceId=lambda _thing, _arguments: source_id,
        pagination=lambda _thing, _arguments: {"count": 1_000},
    )
    return await reader.attempt("tables synced now", partial(read, reader))


def selection(warehouse: Thing, arguments: Arguments) -> Sight:
    """Which tables and columns would be switched off and on, and how many are so already."""
    now = None if warehouse["tablesNow"] is None else dict(_switches(warehouse["tablesNow"]))
    asked = {_place(override): bool(override.get("enabled")) for override in arguments.get("syncOverrides", ())}
    already = {place for place, on in asked.items() if now is not None and now.get(place[1:]) is on}
    off, on = (sorted(_place_name(place) for place in asked if asked[place] is wanted and place not in already)
               for wanted in (False, True))  # fmt: skip
    facts: Data = {
        "warehouse": described(warehouse, "enabled"),
        "switchedOff": diffs.listing(off),
        "switchedOn": diffs.listing(on),
    }
    if now is not None:
        facts["alreadySo"] = len(already)
    if "enableEventTables" in arguments:
        facts["eventTables"] = arguments["enableEventTables"]
    return Sight(phrase(warehouse, "warehouse"), facts, basis=[off, on])


Place = tuple[str | None, str | None, str | None]
"""Source, table and column; None: all of them."""


def _place(override: Mapping[str, Any]) -> Place:
    return override.get("sourceId"), override.get("collection"), override.get("property")


def _place_name(place: Place) -> str:
    source_id, collection, column = place
    table = collection if column is None else f"{collection}.{column}"
    return f"{table or 'everything'} of source {source_id}" if source_id else str(table)


def _switches(tables: Iterable[Mapping[str, Any]]) -> Iterable[tuple[tuple[str | None, str | None], bool]]:
    for table in tables:
        yield (table.get("collection"), None), bool(table.get("enabled"))
        for column, on in (table.get("properties") or {}).items():
            yield (table.get("collection"), column), bool(on)


def _overridden(what: str) -> Step:
    """The names of the sources that overrides speak of."""

    async def read(reader: Reader, _: Thing) -> Part:
        ids = sorted({each["sourceId"] for each in reader.arguments["syncOverrides"] if each.get("sourceId")})
        if len(ids) > diffs.MOST_NAMES:
            return Part({what: diffs.counted(len(ids), "source")})
        sources = await reader.together(
            [partial(reader.call, "getSource", {"sourceId": source_id}) for source_id in ids]
        )
        return Part(
            {what: diffs.listing(f"{name_of(each['source'])} ({each['source'].get('id')})" for each in sources)}
        )

    return Step(what, read)


RECIPES: Mapping[str, Recipe] = {
    "deleteSource": Recipe(SOURCE, of_source(), DESTINATIONS_OF_SOURCE, WAREHOUSES_OF_SOURCE, PLAN_OF_SOURCE, events()),
    "replaceLabelsInSource": Recipe(SOURCE, _labels),
    "updateSchemaSettingsInSource": Recipe(
        beside(SOURCE, settingsNow=one("listSchemaSettingsInSource", "settings")),
        _schema_settings,
        PLAN_OF_SOURCE,
        events(),
    ),
    "removeWriteKeyFromSource": Recipe(_write_key, _key_removal, events()),
    "deleteDestination": Recipe(
        DESTINATION,
        _destination(),
        SOURCE_OF_IT,
        names("subscriptions", "listSubscriptionsFromDestination"),
        names("filters", "listFiltersFromDestination"),
        DELIVERIES,
    ),
    "removeSubscriptionFromDestination": Recipe(
        one("getSubscriptionFromDestination", "subscription"),
        showing("subscription", "actionSlug", "trigger", "enabled", "modelId"),
        named("destination", "getDestination", "destination"),
    ),
    "createFilterForDestination": Recipe(
        DESTINATION,
        _destination("filter"),
        SOURCE_OF_IT,
        names("filtersNow", "listFiltersFromDestination"),
        DELIVERIES,
    ),
    "updateFilterForDestination": Recipe(
        one("getFilterInDestination", "filter"),
        changing("filter", *_FILTER),
        named("destination", "getDestination", "destination"),
        SOURCE_OF_IT,
        DELIVERIES,
    ),
    "removeFilterFromDestination": Recipe(
        one("getFilterInDestination", "filter"),
        showing("filter", *_FILTER),
        named("destination", "getDestination", "destination"),
        SOURCE_OF_IT,
        DELIVERIES,
    ),
    "deleteLabel": Recipe(
        found("labels", "listLabels", "value", _is_label), _label, names("sources", "listSources", keep=_carries)
    ),
    "deleteWarehouse": Recipe(WAREHOUSE, _warehouse, names("connectedSources", "listConnectedSourcesFromWarehouse")),
    "removeSourceConnectionFromWarehouse": Recipe(
        found(
            "sources connected to the warehouse",
            "listConnectedSourcesFromWarehouse",
            "sourceId",
            lambda source, arguments: source.get("id") == arguments["sourceId"],
        ),
        of_source(),
        named("warehouse", "getWarehouse", "warehouse"),
        events(),
    ),
    "replaceAdvancedSyncScheduleForWarehouse": Recipe(
        beside(
            WAREHOUSE,
            scheduleNow=lambda reader: reader.call(
                "getAdvancedSyncScheduleFromWarehouse", {"warehouseId": reader.arguments["warehouseId"]}
            ),
        ),
        _schedule,
        names("connectedSources", "listConnectedSourcesFromWarehouse"),
    ),
    "updateSelectiveSyncForWarehouse": Recipe(
        beside(WAREHOUSE, tablesNow=_selections), selection, _overridden("sources")
    ),
}
