"""Reverse ETL models and their syncs, dbt, and the credentials that sources and warehouses share."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from segment_mcp.consent import diffs
from segment_mcp.consent.families.connections import DESTINATIONS_OF_SOURCE, SOURCE, SOURCE_OF_IT, of_source
from segment_mcp.consent.families.showing import changing, described, phrase, showing
from segment_mcp.consent.reading import Arguments, Part, Reader, Recipe, Sight, Step, Thing
from segment_mcp.consent.steps import beside, identity_of, name_and_id, name_of, names, one
from segment_mcp.ports import Data

MODEL = one("getReverseEtlModel", "reverseEtlModel")
CREDENTIAL = one("getCredential", "credential")

MOST_DESTINATIONS = 10
"""Destinations whose mappings are looked through."""
MOST_PAGES = 10

_MODEL = ("enabled", "description", "query")


async def _last_sync(reader: Reader, _: Thing) -> Part:
    """The newest sync of a model by a mapping."""
    asked = {name: reader.arguments[name] for name in ("modelId", "subscriptionId")}
    row = "listReverseETLSyncStatusesFromModelAndSubscriptionId"
    statuses = (await reader.call(row, {**asked, "count": 1}))["syncStatuses"]
    return Part(counts={"lastSync": sync_facts(statuses[0]) if statuses else None})


def sync_facts(sync: Mapping[str, Any]) -> Data:
    """How a sync of a model is going, or went."""
    found_: Data = {name: sync[name] for name in ("syncStatus", "startedAt", "finishedAt") if sync.get(name)}
    phases = (
        ("extractPhase", "extractCount"),
        ("loadPhase", "deliverSuccessCount"),
        ("loadPhase", "deliverFailureCount"),
    )
    for phase, count in phases:
        inner = sync.get(phase)
        if isinstance(inner, Mapping) and inner.get(count) is not None:
            found_[count] = inner[count]
    return found_


def _sync(model: Thing, _: Arguments) -> Sight:
    sync = model["syncNow"]
    facts = {"model": described(model, "enabled"), "sync": sync.get("syncId")}
    return Sight(phrase(model, "model"), facts, {"progress": sync_facts(sync)})


async def _mapping(reader: Reader, model: Thing) -> Part:
    """The mapping that a sync is by, among those of the destinations of the model's source."""
    source_id, wanted = model.get("sourceId"), reader.arguments["subscriptionId"]
    walk = await reader.walk("listConnectedDestinationsFromSource", {"sourceId": source_id})

    async def read(destination: Data) -> list[tuple[Data, Data]]:
        asked = {"destinationId": destination.get("id")}
        mappings = await reader.walk("listSubscriptionsFromDestination", asked, lambda each: each.get("id") == wanted)
        return [(destination, mapping) for mapping in mappings.items]

    for pairs in await reader.together([partial(read, each) for each in walk.items[:MOST_DESTINATIONS]]):
        for destination, mapping in pairs:
            facts = {"mapping": described(mapping, "actionSlug", "enabled"), "sendsTo": name_and_id(destination)}
            return Part(facts)
    reader.gaps["mapping and destination"] = "unknown (not among the destinations of the model's source)"
    return Part()


async def _consumers(reader: Reader, _: Thing) -> Part:
    """The sources and warehouses that use a credential: two lists, each with pages of its own."""
    users: dict[str, list[Data]] = {"sources": [], "warehouses": []}
    cursors: dict[str, Any] = dict.fromkeys(users)
    unread = set(users)
    for _page in range(MOST_PAGES):
        asked = {f"{name}Pagination": _page_of(cursors[name]) for name in users}
        credential = {"credentialId": reader.arguments["credentialId"]}
        answer = await reader.call("listCredentialConsumers", {**credential, **asked})
        for name in sorted(unread):
            users[name] += answer[name]
            cursors[name] = (answer.get(f"{name}Pagination") or {}).get("next")
        unread = {name for name in unread if cursors[name]}
        if not unread:
            break
    else:
        reader.cut("consumers")
    facts = {f"{name}ThatUseIt": diffs.listing(map(name_of, listed)) for name, listed in users.items()}
    return Part(facts, basis=[sorted(map(identity_of, listed)) for listed in users.values()])


def _page_of(cursor: Any) -> Data:
    return {"count": 200} if cursor is None else {"count": 200, "cursor": cursor}


CONSUMERS_OF_CREDENTIAL = Step("consumers", _consumers)

RECIPES: Mapping[str, Recipe] = {
    "deleteReverseEtlModel": Recipe(MODEL, showing("model", *_MODEL), SOURCE_OF_IT),
    "cancelReverseETLSyncForModel": Recipe(
        beside(MODEL, syncNow=one("getReverseETLSyncStatus", "reverseETLSyncStatus")), _sync, SOURCE_OF_IT
    ),
    "createReverseETLManualSync": Recipe(
        MODEL,
        showing("model", *_MODEL),
        SOURCE_OF_IT,
        Step("mapping and destination", _mapping),
        Step("last sync", _last_sync),
    ),
    "updateCredential": Recipe(CREDENTIAL, changing("credential"), CONSUMERS_OF_CREDENTIAL),
    "deleteCredential": Recipe(CREDENTIAL, showing("credential"), CONSUMERS_OF_CREDENTIAL),
    "createDbtModelSyncTrigger": Recipe(
        SOURCE,
        of_source(),
        names("models", "listReverseEtlModels", keep=lambda model, _, said: model.get("sourceId") == said["sourceId"]),
        DESTINATIONS_OF_SOURCE,
    ),
}
