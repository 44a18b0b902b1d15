"""What does a mapping make of an event? The payload that would leave, per subscription, and whether it leaves at all.

Secrets that stand in a mapping are never shown: of a request's URL neither user nor query, of its headers no value, and
of the rest what looks like a secret by its name or form.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import SplitResult, urlsplit, urlunsplit

from segment_mcp.errors import InvalidArguments
from segment_mcp.mappings import paths, problems
from segment_mcp.mappings.command_ai import user_properties
from segment_mcp.ports import Data
from segment_mcp.questions import routes
from segment_mcp.questions.reading import Reading, called
from segment_mcp.questions.routes import Fate, Known, Triggered
from segment_mcp.questions.wiring import Wired, wired
from segment_mcp.redact import MASK, clean, mask_answer, mask_settings
from segment_mcp.timing import timestamp_of

WEBHOOK_ACTION = "nFPnRozhz1mh4Gbx4MLvT5"
"""The action `Send` of Webhooks (Actions): its payload is a request, and what leaves is the request's `data`."""
MOST_RENDERED = 10
"""Payloads of one answer."""
MOST_LISTED = 40
"""Subscriptions of one answer that don't fire."""
NO_NUDGES = "These are user properties only: what comes by webhook is no event to Command AI and can't trigger nudges."


async def ask(  # noqa: PLR0913 - as its tool is called
    reading: Reading,
    *,
    event: Mapping[str, Any],
    destination_id: str | None,
    subscription_id: str | None,
    mapping: Mapping[str, Any] | None,
    command_ai: bool,
) -> Data:
    """Render mappings over a sample event.

    Args:
        reading: the question's.
        event: whole; what Segment itself adds on receipt is added where it is missing.
        destination_id: render the mappings of this destination's subscriptions, after its filters.
        subscription_id: only this one of them, also if it would not fire.
        mapping: or render this one, and read nothing.
        command_ai: tell the user properties that Command AI's webhook would record: of requests of the Webhooks
            destination, or of the given mapping.

    Returns:
        Of a destination `{summary, destination, outcome, because, code?, filters?, subscriptions: [{id, name, fires,
        because, problems?, missing?, failure?, leaves, request? or payload?, commandAi?}], others?, ...}`; of a mapping
        `{summary, problems?, failure?, request? or payload?, commandAi?, ...}`.

    Raises:
        InvalidArguments: neither a destination nor a mapping is given.
        NotFound: there is no such destination or subscription.
        UpstreamError: the destination, or the one subscription, could not be read.
    """
    known = routes.sample(event, timestamp_of(reading.timing.now()))
    if mapping is not None:
        return _of_mapping(reading, known, mapping, command_ai=command_ai)
    if destination_id is None:
        raise InvalidArguments([{"field": "destinationId", "message": "is required where there is no mapping"}])
    destination = (await reading.need("getDestination", {"destinationId": destination_id}))["destination"]
    if subscription_id is not None:
        asked = {"destinationId": destination_id, "id": subscription_id}
        only = (await reading.need("getSubscriptionFromDestination", asked))["subscription"]
        found = await wired(reading, destination, subscriptions=[only], always=True)
    else:
        found = await wired(reading, destination, always=True)
    return _of_destination(reading, known, found, named=subscription_id is not None, command_ai=command_ai)


def _of_mapping(reading: Reading, known: Known, mapping: Mapping[str, Any], *, command_ai: bool) -> Data:
    triggered = routes.rendered(known, mapping, {})
    is_request = "url" in mapping and "data" in mapping
    shown = _rendered(triggered, is_request=is_request, command_ai=command_ai)
    trouble = len(shown.get("problems", ()))
    if triggered.failure is not None:
        summary = f"The mapping can't be rendered: {triggered.failure}."
    elif trouble:
        summary = f"The mapping is rendered, and has {trouble} problems that Segment may trip over."
    else:
        summary = "The mapping is rendered without problems."
    unread = "Nothing was read of Segment, so trigger, filters and required fields play no part."
    return reading.answer(f"{summary} {unread}{_said(shown)}", shown)


def _of_destination(reading: Reading, known: Known, found: Wired, *, named: bool, command_ai: bool) -> Data:
    fate = found.fate(known)
    chosen = [each for each in fate.subscriptions if named or each.fires]
    others = [each for each in fate.subscriptions if not named and not each.fires]
    entries = [
        _subscription(each, fate, named=named, known=known, command_ai=command_ai) for each in chosen[:MOST_RENDERED]
    ]
    destination = found.destination
    body = {
        "destination": {
            "id": found.id,
            **({"name": called(destination)} if destination.get("name") else {}),
            "type": called(destination.get("metadata") or {}),
        },
        "outcome": fate.outcome,
        **({} if fate.code is None else {"code": fate.code}),
        "because": fate.because,
        **_filters(found, fate),
        "subscriptions": None if found.subscriptions is None else entries,
        **({"more": len(chosen) - MOST_RENDERED} if len(chosen) > MOST_RENDERED else {}),
        **({"others": [_brief(each) for each in others[:MOST_LISTED]]} if others else {}),
    }
    said = [f"{called(destination)}: {_OUTCOMES[fate.outcome]} ({fate.because.rstrip('.')})"]
    if found.subscriptions is None:
        said.append("Its subscriptions could not be read")
    else:
        said.append(f"Of {len(fate.subscriptions)} subscriptions {_leaving(fate)}")
    if command_ai and not any("commandAi" in entry for entry in entries):
        said.append("Nothing of it is a request that Command AI's webhook could get")
    return reading.answer(". ".join(said) + ".", body)


def _leaving(fate: Fate) -> str:
    """How many subscriptions send a payload, and of how many that is open."""
    leaves = [_leaves(each, fate) for each in fate.subscriptions]
    sure, possible = leaves.count("yes"), leaves.count("unknown") + leaves.count("depends")
    return f"{sure} would send a payload" if sure or not possible else f"{possible} may send a payload"


_OUTCOMES: Mapping[str, str] = {
    "sent": "the event is sent",
    "kept": "the event is not sent",
    "depends": "it is not certain that the event is sent",
    "unseen": "only the browser or the app sends it, and Segment's servers don't see that",
    "unknown": "whether the event is sent is unknown",
}


def _filters(found: Wired, fate: Fate) -> Data:
    if found.filters is None:
        return {"filters": None}
    applied = [each.because for each in fate.filters if each.applies is not False]
    return {"filters": applied, "filtered": fate.filtered} if applied else {}


def _subscription(each: Triggered, fate: Fate, *, named: bool, known: Known, command_ai: bool) -> Data:
    subscription, action = each.subscription, each.action
    is_request = subscription.get("actionId") == WEBHOOK_ACTION
    drawn = each
    if named and not each.fires:
        drawn = routes.rendered(known, subscription.get("settings") or {}, action)
    return {
        **_brief(each),
        "enabled": subscription.get("enabled"),
        "action": {"id": subscription.get("actionId"), **({"name": called(action)} if action else {})},
        "trigger": clean(str(subscription.get("trigger")), 300),
        **_rendered(drawn, is_request=is_request, command_ai=command_ai and is_request),
        "leaves": _leaves(each, fate),
    }


def _brief(each: Triggered) -> Data:
    return {
        "id": each.subscription.get("id"),
        "name": called(each.subscription),
        "fires": "yes" if each.fires else "no",
        "because": each.because,
    }


def _leaves(each: Triggered, fate: Fate) -> str:
    """Whether Segment's servers send this payload: `yes`, `no`, or as the outcome of the event is called."""
    if not each.delivers or fate.outcome == "kept":
        return "no"
    return "unseen" if each.on_device else "yes" if fate.outcome == "sent" else fate.outcome


def _rendered(triggered: Triggered, *, is_request: bool, command_ai: bool) -> Data:
    """What the mapping makes of the event, without its secrets: problems, and a request or a payload."""
    settings = triggered.subscription.get("settings") or {}
    found = [{"field": clean(each.field, 120), "message": each.message} for each in problems(settings)]
    told: Data = {
        **({"problems": found} if found else {}),
        **({"missing": list(triggered.missing)} if triggered.missing else {}),
        **({} if triggered.failure is None else {"failure": triggered.failure}),
    }
    if triggered.failure is not None:
        return told
    payload = triggered.payload
    shown = (
        {name: _shown(settings.get(name), value, name) for name, value in payload.items()}
        if isinstance(payload, Mapping)
        else payload
    )
    body = shown
    if is_request and isinstance(shown, Mapping):
        body = shown.get("data")
        told["request"] = _request(payload, body)
    else:
        told["payload"] = shown
    if command_ai:
        told["commandAi"] = _command_ai(body)
    return told


def _shown(mapping: Any, value: Any, name: str) -> Any:
    """A rendered value as it may be shown: what stands in the mapping itself may be a secret."""
    if isinstance(mapping, Mapping) and isinstance(value, Mapping) and not any(key.startswith("@") for key in mapping):
        shown = {key: _shown(mapping.get(key), member, key) for key, member in value.items()}
        return mask_settings({name: shown})[name] if _is_secret(name) else shown
    if isinstance(mapping, list) and isinstance(value, list) and len(mapping) == len(value):
        return [_shown(inner, item, name) for inner, item in zip(mapping, value, strict=True)]
    if _is_secret(name) or not paths(mapping):
        return _constant(name, value)
    return mask_answer(value)


def _is_secret(name: str) -> bool:
    return mask_settings({name: "plain"}) != {name: "plain"}


def _constant(name: str, value: Any) -> Any:
    """What stands in the mapping: the path of a URL there may be its permission, as in incoming webhooks."""
    shown = mask_settings({name: value})[name]
    parts = _split(shown) if isinstance(shown, str) and "://" in shown else None
    return shown if parts is None or not parts.path.strip("/") else f"{parts.scheme}://{parts.netloc}/{MASK}"


def _request(payload: Mapping[str, Any], body: Any) -> Data:
    """A request of the Webhooks destination; header values and what a URL carries may be credentials."""
    headers = payload.get("headers")
    return {
        "method": payload.get("method"),
        "url": masked_url(payload.get("url")),
        **({"headers": dict.fromkeys(headers, MASK)} if isinstance(headers, Mapping) and headers else {}),
        "body": body,
    }


def masked_url(url: Any) -> str | None:
    """A URL without its user, its query and its fragment; None for what is no URL."""
    parts = _split(url) if isinstance(url, str) else None
    if parts is None:
        return None
    host = parts.netloc.rpartition("@")[2]
    user = f"{MASK}@" if "@" in parts.netloc else ""
    return clean(urlunsplit((parts.scheme, user + host, parts.path, MASK if parts.query else "", "")), 300)


def _split(url: str) -> SplitResult | None:
    try:
        return urlsplit(url)
    except ValueError:
        return None


def _command_ai(body: Any) -> Data:
    found = user_properties(body)
    return {
        **({} if found.ignored is None else {"ignored": found.ignored}),
        "userProperties": found.properties,
        "note": NO_NUDGES,
    }


def _said(shown: Data) -> str:
    command_ai = shown.get("commandAi")
    if command_ai is None:
        return ""
    ignored = command_ai.get("ignored")
    return (
        f" {ignored}" if ignored else f" Command AI would record {len(command_ai['userProperties'])} user properties."
    )
