"""What the answer of each question claims, by what it is about: see `sweeping`."""

from collections.abc import Mapping, Sequence
from typing import Any

from segment_mcp.questions.reasons import reasons
from segment_mcp.redact import MASK
from tests.tools.sweeping import Claims, leaves

Answer = Mapping[str, Any]

_QUIET_SOURCES = frozenset({"agent-events", "android-app", "android-legacy", "fresh", "newsletter", "stripe"})
"""Sources of which an answer tells more than that they have data."""
_BUSY_SOURCES = frozenset({"backend", "ios-app", "returns-service", "website"})
_SAID_BY_CODES = frozenset(reason.meaning for reason in reasons().values())
"""What a counted reason says of itself: it hangs on the counter alone."""
_TALLIES = ("failedOnIngest", "filteredAtSource", "filteredAtDestination", "failedDelivery")
_OUTCOMES = ("outcome", "otherwise", "planned", "rule", "code", "omitted", "forwardedTo", "violations", "problems")


def of_delivery(answer: Answer) -> Claims:
    claims: Claims = {}
    for each in answer["destinations"]:
        own = _but(each, "id", "name", "type", "sourceId", "why")
        for kind in ("reasons", "filteredFor"):
            own |= {f"{kind}.{reason['code']}": reason["events"] for reason in own.pop(kind, ())}
        claims |= dict(leaves(each["id"], own))
    return claims


def of_stale_sources(answer: Answer) -> Claims:
    claims = dict(leaves("cost", _but(answer["cost"], "month")))
    listed = {each["slug"]: each for each in answer["sources"]}
    for slug, each in listed.items():
        kept = _but(each, "id", "name", "slug", "status", "why") if slug in _QUIET_SOURCES else {}
        claims |= dict(leaves(slug, kept | _state(each)))
    left_out = _BUSY_SOURCES - listed.keys()
    if answer["counts"].get("active", 0) == len(left_out):
        claims |= {f"{slug}.status": "active" for slug in left_out}
    return claims


def _state(source: Answer) -> Claims:
    """A source that is too young to tell has no data either; of one without data it may be unknown if it is new."""
    if source["status"] not in {"never_used", "too_young"}:
        return {"status": source["status"]}
    return {"status": "without data", "isNew": None if "why" in source else source["status"] == "too_young"}


def of_ungoverned_sources(answer: Answer) -> Claims:
    claims: Claims = {}
    for kind in ("noPlan", "letsEverythingThrough", "blockedLost", "unplannedEvents"):
        for each in answer[kind]:
            own = _but(each, "id", "name", "enabled", "trackingPlan", "events", "more")
            own |= {f"events.{seen['event']}": seen["count"] for seen in each.get("events", ())}
            claims |= dict(leaves(f"{kind}.{each['id']}", own))
    for each in answer["unseenEvents"]:
        about = f"unseenEvents.{each['trackingPlan']['id']}"
        claims |= {
            f"{about}.sources": each["sources"],
            **dict.fromkeys(_under(about, each["events"]), each["certainty"]),
        }
    return claims


def of_routing(answer: Answer) -> Claims:
    claims: Claims = {}
    for source in answer["sources"]:
        for row in source["rows"]:
            seen = row["events"] if isinstance(row["events"], dict) else {row["type"]: row["events"]}
            for event, count in seen.items():
                claims[f"seen.{event}"] = count
                for column, cell in zip(source["destinations"] or (), row["to"], strict=True):
                    claims[f"cell.{event}.{column['id']}"] = cell.partition(":")[0]
    unreachable = answer["unreachable"]
    claims |= {f"unreached.{each.get('event', each['type'])}": True for each in unreachable["events"]["items"]}
    for kind in ("destinations", "subscriptions"):
        claims |= {f"idle.{each['id']}": True for each in unreachable[kind]["items"]}
    return claims


def of_trace(answer: Answer) -> Claims:
    claims: Claims = {}
    for stop in answer["stopsAt"]:
        about = f"{stop['stage']}.{stop.get('destinationId', '')}"
        claims[f"stop.{about}"] = stop["events"]
        for cause in stop["causes"]:
            if cause["what"] not in _SAID_BY_CODES:
                claims[f"cause.{about}.{cause['what']}"] = cause["certainty"]
    for source in answer["sources"]:
        claims |= dict(leaves("source", _with_totals(_but(source, "id", "name", "destinations"))))
        for each in source["destinations"] or ():
            own = _but(each, "id", "name", "type", "because", "subscriptions", "otherSubscriptions", "filters")
            own |= {f"fires.{one['id']}": one["fires"] for one in each.get("subscriptions", ())}
            claims |= dict(leaves(f"at.{each['id']}", _with_totals(own)))
    return claims | {f"similar.{each['name']}": each["events"] for each in answer.get("similar", ())}


def _with_totals(own: Answer) -> dict[str, Any]:
    """Counts by reason, and that there is no other: that none was counted is a claim, too."""
    totals = {name: None if own[name] is None else sum(own[name].values()) for name in _TALLIES if name in own}
    return {**own, **{f"{name}.all": total for name, total in totals.items()}}


def of_validation(answer: Answer) -> Claims:
    return dict(leaves("event", {name: answer[name] for name in _OUTCOMES if name in answer}))


def of_diff(answer: Answer) -> Claims:
    if "counts" not in answer:
        return {}
    claims = dict(leaves("counts", answer["counts"]))
    claims["calls"] = answer["calls"]
    claims["sources"] = answer["effects"]["sources"]
    for each in answer["effects"]["events"]:
        claims |= dict(leaves(f"effect.{each['event']}", _but(each, "event", "type")))
    return claims


def of_mapping(answer: Answer) -> Claims:
    claims: Claims = {name: answer.get(name) for name in ("outcome", "code", "filtered")}
    for each in answer["subscriptions"] or ():
        claims |= dict(leaves(each["id"], _but(each, "id")))
    return claims | {f"{each['id']}.fires": each["fires"] for each in answer.get("others", ())}


def of_sending(answer: Answer) -> Claims:
    outcome = answer["outcome"]
    known = {"received": True, "blocked": outcome == "blocked" or None} if outcome in {"received", "blocked"} else {}
    claims = {"status": answer.get("status"), **(known or {outcome: None if outcome == "unknown" else True})}
    claims |= {f"reason.{each['code']}": True for each in answer.get("reasons", ())}
    if answer.get("destinations") is not None:
        claims["destinations"] = len(answer["destinations"])
        for each in answer["destinations"]:
            claims |= dict(leaves(each["id"], _but(each, "id", "name")))
    return claims


def of_profile(answer: Answer) -> Claims:
    parts = ("metadata", "traits", "externalIds", "links", "events")
    return {about: claim for part in parts for about, claim in leaves(part, answer[part]) if claim != MASK}


def _but(given: Answer, *names: str) -> dict[str, Any]:
    return {name: value for name, value in given.items() if name not in names}


def _under(about: str, names: Sequence[str]) -> list[str]:
    return [f"{about}.{name}" for name in names]
