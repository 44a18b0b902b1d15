"""What does a mapping make of an event? The payload that would leave, per subscription, and whether it leaves at all.

Secrets that stand in a mapping are never shown: of a request's URL its host only, of its headers no value, and of the
rest what looks like a secret by its name or form, whatever made it.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from segment_mcp.errors import InvalidArguments
from segment_mcp.mappings import problems
from segment_mcp.mappings.command_ai import user_properties
from segment_mcp.ports import Data
from segment_mcp.questions import routes
from segment_mcp.questions.reading import Reading, called
from segment_mcp.questions.routes import Fate, Known, Triggered
from segment_mcp.questions.wiring import Wired, wired
from segment_mcp.redact import MASK, Scrubber, clean, mask_answer, mask_settings
from segment_mcp.timing import timestamp_of

WEBHOOK_ACTION = "nFPnRozhz1mh4Gbx4MLvT5"
"""The action `Send` of Webhooks (Actions): its payload is a request, and what leaves is the request's `data`."""
MOST_RENDERED = 10
"""Payloads of one answer."""
MOST_LISTED = 40
"""Subscriptions of one answer that don't fire."""
_PLACEHOLDER = re.compile(r"\{\{[^}]*\}+")
_URL = re.compile(r"://([^\s/?#]*@)?([^\s/?#]*)([/?#]\S*)?")
_CREDENTIAL = re.compile(r"\b((?i:bearer)|(?i:basic)(?!\s+[A-Za-z]?[a-z]+(?![\w+/=-])))(\s+)\S+")
"""A scheme of HTTP and what it is given. A plan called `Basic monthly` is none: no credentials are one plain word."""
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
    shown = _shown(settings, payload)
    body = shown
    if is_request and isinstance(shown, Mapping):
        body = shown.get("data")
        told["request"] = _request(payload.get("url"), shown)
    else:
        told["payload"] = shown
    if command_ai:
        told["commandAi"] = _command_ai(body)
    return told


def _shown(mapping: Any, payload: Any) -> Any:
    """A payload as it may be shown: what stands in the mapping may be a secret, under the name that it has there too.

    Names count at every level, whatever made the value.
    """
    try:
        shown = _Hiding(Scrubber(_secrets(mapping))).value(mapping, payload)
        return mask_settings({"payload": mask_answer(shown)})["payload"]
    except RecursionError:
        return MASK


@dataclass(frozen=True, slots=True)
class _Hiding:
    """Takes the secrets out of the texts of a payload.

    Attributes:
        named: knows what stands in the mapping under a secret's name; it may come out under another one.
    """

    named: Scrubber

    def value(self, mapping: Any, value: Any) -> Any:
        """A rendered value, next to the part of the mapping that made it."""
        if isinstance(mapping, Mapping) and isinstance(value, Mapping) and not _has_directive(mapping):
            return {key: self.value(mapping.get(key), member) for key, member in value.items()}
        if isinstance(mapping, list) and isinstance(value, list) and len(mapping) == len(value):
            return [self.value(inner, item) for inner, item in zip(mapping, value, strict=True)]
        return self._made(value, own=any(text.strip() for text in _texts(mapping)))

    def _made(self, value: Any, *, own: bool) -> Any:
        if isinstance(value, Mapping):
            return {key: self._made(member, own=own) for key, member in value.items()}
        if isinstance(value, list):
            return [self._made(item, own=own) for item in value]
        return self._text(value, own=own) if isinstance(value, str) else value

    def _text(self, text: str, *, own: bool) -> str:
        """A text; the path of a URL that is the mapping's own may be its permission, as in incoming webhooks."""
        inner = _decoded(text)
        if inner is not None:
            hidden = mask_settings({"json": self._made(inner, own=own)})["json"]
            return text if hidden == inner else json.dumps(hidden, ensure_ascii=False, separators=(",", ":"))
        hidden = _CREDENTIAL.sub(rf"\1\2{MASK}", self.named.text(text))
        return _URL.sub(_host, hidden) if own else hidden


def _decoded(text: str) -> Any:
    """The object or list that a text is as JSON; None for any other text."""
    if not text.lstrip().startswith(("{", "[")):
        return None
    try:
        return json.loads(text)
    except ValueError:
        return None


def _has_directive(mapping: Mapping[str, Any]) -> bool:
    return any(key.startswith("@") for key in mapping)


def _texts(mapping: Any) -> Iterator[str]:
    """What stands in a mapping as text of its own: neither paths nor the placeholders of templates."""
    if isinstance(mapping, str):
        yield from _PLACEHOLDER.split(mapping)
    elif isinstance(mapping, Mapping):
        for name, inner in mapping.items():
            if name != "@path" or not isinstance(inner, str):
                yield from _texts(inner)
    elif isinstance(mapping, list):
        for item in mapping:
            yield from _texts(item)


def _secrets(mapping: Any) -> Iterator[str]:
    """The texts that stand in a mapping under a secret's name."""
    if isinstance(mapping, Mapping):
        for name, inner in mapping.items():
            yield from (text.strip() for text in _texts(inner)) if _is_secret(name) else _secrets(inner)
    elif isinstance(mapping, list):
        for item in mapping:
            yield from _secrets(item)


def _is_secret(name: str) -> bool:
    return mask_settings({name: "plain"}) != {name: "plain"}


def _request(url: Any, shown: Mapping[str, Any]) -> Data:
    """A request of the Webhooks destination; header values and what a URL carries may be credentials."""
    headers = shown.get("headers")
    return {
        "method": shown.get("method"),
        "url": masked_url(url),
        **({"headers": dict.fromkeys(headers, MASK)} if isinstance(headers, Mapping) and headers else {}),
        "body": shown.get("data"),
    }


def masked_url(url: Any) -> str | None:
    """A URL with its scheme and host only: all else may be what permits its use. None for what is no URL."""
    if not isinstance(url, str):
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    if not parts.scheme or not parts.netloc:
        return None
    user, _, host = parts.netloc.rpartition("@")
    more = parts.path.strip("/") or parts.query or parts.fragment
    return clean(f"{parts.scheme}://{f'{MASK}@' if user else ''}{host}{f'/{MASK}' if more else parts.path}", 300)


def _host(url: re.Match[str]) -> str:
    user, host, rest = url.groups()
    return f"://{f'{MASK}@' if user else ''}{host}{rest or '' if rest in {None, '/'} else f'/{MASK}'}"


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
