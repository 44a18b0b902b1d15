"""What Segment checks of an event on ingest, and how it reads one: decisions without state.

Codes are Segment's own for events that failed on ingest (its delivery overview lists them). An answer
never carries them: Segment says 200 and keeps the code for its own counters.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any

from segment_mcp.sandbox import windows

KINDS = frozenset({"identify", "track", "page", "screen", "group", "alias"})
MAX_CALL_BYTES = 32 * 1024
MAX_BATCH_BYTES = 500 * 1024
MAX_BATCH_EVENTS = 2_500
CONSENT_UPDATED = "Segment Consent Preference Updated"
"""The one track event that must say what the person consented to."""

_REQUIRED_IDS = MappingProxyType({"group": ("groupId",), "alias": ("previousId", "userId")})
_IDS = ("userId", "anonymousId", "groupId", "previousId")
_OBJECT = MappingProxyType(
    {
        "identify": ("traits", "traits_not_object"),
        "group": ("traits", "traits_not_object"),
        "track": ("properties", "properties_not_object"),
        "page": ("properties", "properties_not_object"),
        "screen": ("properties", "properties_not_object"),
    }
)


def failure(event: Any) -> str | None:
    """The code with which an event fails on ingest; None if it is valid.

    Args:
        event: one event with its `type`, after a batch's `context` and `integrations` were merged in.
            An absent field and null are the same.
    """
    if not isinstance(event, dict):
        return "bad_request"
    kind = event.get("type")
    if kind is None:
        return "missing_type"
    if not isinstance(kind, str) or kind not in KINDS:
        return "invalid_type"
    return _id_failure(event, kind) or _field_failure(event, kind) or _context_failure(event, kind)


def _id_failure(event: Mapping[str, Any], kind: str) -> str | None:
    if kind != "alias" and event.get("userId") is None and event.get("anonymousId") is None:
        return "no_user_anon_id"
    for name in _REQUIRED_IDS.get(kind, ()):
        if event.get(name) is None:
            return "id_required"
    for name in _IDS:
        value = event.get(name)
        if value is not None and not (isinstance(value, str) and value):
            return "id_not_string"
    return None


def _field_failure(event: Mapping[str, Any], kind: str) -> str | None:
    if kind == "track":
        name = event.get("event")
        if name is None or name == "":
            return "event_not_defined"
        if not isinstance(name, str):
            return "event_not_string"
    elif kind in {"page", "screen"}:
        for field in ("name", "category"):
            value = event.get(field)
            if value is not None and not (isinstance(value, str) and value):
                return f"{field}_not_string"
    field, code = _OBJECT.get(kind, ("", ""))
    value = event.get(field)
    return None if value is None or isinstance(value, dict) else code


def _context_failure(event: Mapping[str, Any], kind: str) -> str | None:
    context = event.get("context")
    if not isinstance(context, dict):
        context = {}
    device, consent = context.get("device"), context.get("consent")
    if isinstance(device, dict) and not isinstance(device.get("advertisingId") or "", str):
        return "device_advertisingid_should_be_string"
    if not isinstance(consent, dict):
        consent = {}
    version = consent.get("version")
    if version is not None and (isinstance(version, bool) or not isinstance(version, int | float)):
        return "consent_version_should_be_number"
    if kind == "track" and event["event"] == CONSENT_UPDATED:
        return _preferences_failure(consent.get("categoryPreferences"))
    return None


def _preferences_failure(preferences: Any) -> str | None:
    if preferences is None:
        return "consent_categorypreferences_should_exist"
    if not isinstance(preferences, dict):
        return "consent_categorypreferences_fields_should_be_object"
    if not all(isinstance(consented, bool) for consented in preferences.values()):
        return "consent_categorypreferences_fields_should_be_bool"
    return None


def merged(event: Any, context: Any, integrations: Any) -> Any:
    """A batch's item with the batch's `context` and `integrations` under its own, key by key."""
    if not isinstance(event, dict) or not (context or integrations):
        return event
    together = dict(event)
    for name, shared in (("context", context), ("integrations", integrations)):
        if shared and isinstance(shared, dict):
            own = event.get(name)
            together[name] = {**shared, **own} if isinstance(own, dict) else shared
    return together


def happened(received: datetime, sent_at: Any, timestamp: Any) -> datetime:
    """When an event happened: `receivedAt - (sentAt - originalTimestamp)`, which corrects the sender's clock.

    Args:
        received: when Segment took it.
        sent_at: the sender's clock when it sent; without one the timestamp is taken as it is.
        timestamp: the sender's clock when it happened; without one it happened on receipt.
    """
    original = windows.parse(timestamp) if isinstance(timestamp, str) else None
    if original is None:
        return received
    sent = windows.parse(sent_at) if isinstance(sent_at, str) else None
    if sent is None:
        return original
    try:
        return received - (sent - original)
    except OverflowError:  # clocks centuries apart leave the calendar
        return received


def wanted(names: Sequence[str], integrations: Any) -> bool:
    """Whether an event's `integrations` let it go to a destination.

    Args:
        names: what the destination is called; keys are case-sensitive.
        integrations: `{"All": bool, NAME: bool or options}`; a destination's own key beats `All`.
    """
    if not isinstance(integrations, dict):
        return True
    for name in names:
        if name in integrations:
            return integrations[name] is not False
    return integrations.get("All") is not False
