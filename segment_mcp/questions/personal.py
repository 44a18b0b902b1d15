"""Masks personal data in what Unify tells of a person: by a field's name, by a value's shape, and by known identifiers.

Names are Segment's reserved traits (connections/spec/identify, connections/spec/group) and their usual spellings. What
is about nobody by itself stays: plans, counts, audiences, dates, a product's name in an event.
"""

import ipaddress
import re
from collections.abc import Iterable, Mapping
from typing import Any

from segment_mcp.redact import MASK

_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_OTHER = re.compile(r"[^a-z0-9]+")

_ANYWHERE = re.compile(
    r"(^|_)(e_?mails?|phones?|(phone|mobile)_?numbers?|telephone|mobile|msisdn|fax|address(es)?|street|postal_?code|post_?code|zip(_?code)?|ip"
    r"|birthday|birth_?date|date_of_birth|dob|age|gender|ssn|passport|iban|tax_id|latitude|longitude|lat|lng|lon"
    r"|(first|middle|last|full|given|family|maiden|nick|user|contact|recipient|customer)_?name|surname"
    r"|user_?id|anonymous_?id|external_?ids?|idfa|idfv|advertising_?id|push_?token|device_?id)$"
)
"""Ends of names whose values are personal wherever they stand."""
_IN_TRAITS = frozenset({"name", "id", "avatar", "description", "website", "title", "display_name"})
"""Names that are personal as traits: elsewhere they are a page's title, a product's name."""

_PART = r"[^\s@\"'<>()\[\],;:/?&=%]"
_EMAIL = re.compile(rf"{_PART}{{1,100}}(?:@|%40){_PART}{{1,200}}\.\w{{2,24}}")
_PHONE = re.compile(r"\+?\(?\d[\d\s().\-/]{5,22}\d")
_DAY_OR_AMOUNT = re.compile(r"\d{4}-\d\d-\d\d|\d{1,2}[./]\d{1,2}[./]\d{2,4}|\d+\.\d{1,2}")
_FEWEST_DIGITS, _FEWEST_PLAIN_DIGITS, _MOST_DIGITS = 7, 10, 19
_LONGEST_IP = 45
_SHORTEST_WITHIN = 6
"""Characters of an identifier that is also masked within a longer text."""


class Mask:
    """Masks personal data.

    Args:
        identifiers: values that are known to lead to somebody.
        are_all: whether there are no others; if there may be, no text that might be one is shown.
    """

    def __init__(self, identifiers: Iterable[str], *, are_all: bool = True) -> None:
        self._are_all = are_all
        known = {each.casefold() for each in identifiers if each}
        self._whole = frozenset(known)
        long = sorted((each for each in known if len(each) >= _SHORTEST_WITHIN), key=len, reverse=True)
        self._within = re.compile("|".join(map(re.escape, long)), re.IGNORECASE) if long else None

    def traits(self, traits: Mapping[str, Any]) -> dict[str, Any]:
        """A map of traits without personal data."""
        return self._members(traits, are_traits=True)

    def data(self, value: Any) -> Any:
        """Other JSON values, such as an event's properties, without personal data."""
        return self._value(value, are_traits=False)

    def _value(self, value: Any, *, are_traits: bool) -> Any:
        if isinstance(value, Mapping):
            return self._members(value, are_traits=are_traits)
        if isinstance(value, list | tuple):
            return [self._value(item, are_traits=are_traits) for item in value]
        if isinstance(value, str):
            return self.text(value) if self._are_all or not value else MASK
        return value

    def _members(self, members: Mapping[str, Any], *, are_traits: bool) -> dict[str, Any]:
        shown: dict[str, Any] = {}
        for name, value in members.items():
            inner_traits = are_traits or name == "traits"
            masked = _is_personal(name, are_traits=are_traits)
            shown[self.text(name)] = _covered(value) if masked else self._value(value, are_traits=inner_traits)
        return shown

    def text(self, text: str) -> str:
        """A text without e-mail addresses and known identifiers; one that is nothing but a phone number or an IP."""
        if text.casefold() in self._whole or _is_phone(text) or _is_ip(text):
            return MASK
        plain = self._within.sub(MASK, text) if self._within is not None else text
        return _EMAIL.sub(MASK, plain) if "@" in plain or "%40" in plain else plain


def _is_personal(name: str, *, are_traits: bool) -> bool:
    words = _OTHER.sub("_", _HUMP.sub("_", name).lower()).strip("_")
    return _ANYWHERE.search(words) is not None or (are_traits and words in _IN_TRAITS)


def _covered(value: Any) -> Any:
    """What a masked value shows: that it is there. Whether something is so tells nobody's name."""
    return value if value is None or isinstance(value, bool) or value in ("", [], {}) else MASK


def _is_phone(text: str) -> bool:
    """Whether a text may be a phone number: digits as people write them, or so many without any sign between them."""
    if not _PHONE.fullmatch(text) or _DAY_OR_AMOUNT.fullmatch(text):
        return False
    digits = sum(map(str.isdigit, text))
    return (_FEWEST_PLAIN_DIGITS if text.isdigit() else _FEWEST_DIGITS) <= digits <= _MOST_DIGITS


def _is_ip(text: str) -> bool:
    if len(text) > _LONGEST_IP or not ("." in text or ":" in text):
        return False
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
