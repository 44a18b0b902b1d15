"""What may not be read by others: write keys, secrets in settings, and the configured credentials.

Three tools for three places: `mask_answer` for Segment's answers, `Scrubber` for every text that
leaves (results, errors, logs), `clean` for words that somebody else wrote.
"""

import base64
import json
import logging
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

MASK = "****"
"""Stands for a secret. A write key keeps its last four characters behind it: `****a1B2`."""

SEGMENT_MASK = "\u2022"
"""Segment masks secrets in its own answers with these bullets."""

_SHOWN = 4
_SHORTEST_PARTLY_SHOWN = 12
_SHORTEST_SCRUBBED = 6
_SECRET_NAME = re.compile(
    r"secret|passw|passphrase|pwd|token|credential|api_?key|access_?key|private_?key|write_?key|account_?key|auth_?key"
    r"|signing_?key|encryption_?key|service_?account|connection_?string|authorization|cookie|bearer"
    r"|(^|_)(key|dsn|hmac|jwt|headers)$"
)
_ABOUT_A_SECRET = re.compile(r"_(url|uri|name|header|type|enabled)$|(^|_)(public|primary|foreign|sort|partition)_key$")
_NOT_ALPHANUMERIC = re.compile(r"[^a-z0-9]+")
_CAMEL_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY")
_WORD = re.compile(r"\S+")
_LONGEST_URL = 8_192
_USER = re.compile(r"[^/?#@\s]+@")
_SECRET_PARAMETER = re.compile(r"token|key|secret|signature|credential|^sig$", re.IGNORECASE)
_MAPS_OF_SETTINGS = frozenset({"settings", "connectionSettings", "hashPropertiesConfiguration"})
_SECRET_MEMBERS = frozenset({"previewWebhookUrl", "encryptedSettings"})
"""Members that are a secret as a whole: whoever knows that URL can send to a function without a key."""
_MAPPINGS_OWN_WORDS = frozenset({"lower", "upper", "encode", "decode", "left", "right"})
"""What directives of a mapping take for an argument: without it the mapping looks as if it would fail."""
_INVISIBLE = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e"
    r"\u2060-\u206f\u2800\u3164\ud800-\udfff\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U000e0000-\U000e0fff]+"
)


def mask_write_key(key: str) -> str:
    """The key with all but its last four characters hidden; a short one is hidden whole."""
    return MASK + key[-_SHOWN:] if len(key) >= _SHORTEST_PARTLY_SHOWN else MASK


def is_masked(text: str) -> bool:
    """Whether the text is a masked write key as `mask_write_key` shows it."""
    return text.startswith(MASK)


def mask_answer(value: Any, *, reveal_write_keys: bool = False) -> Any:
    """A copy of a Segment answer without its secrets.

    Write keys (`writeKeys`, `writeKey`) keep their last four characters unless they are to be revealed.
    In maps of settings (of sources, destinations, warehouses, functions) values that look like secrets, by name or by
    form, are always masked. Of a URL that carries its own permission, everything behind the `?` is. Segment's own masks
    stay as they are.
    """
    if isinstance(value, dict):
        return {name: _mask_member(name, member, reveal_write_keys=reveal_write_keys) for name, member in value.items()}
    if isinstance(value, list):
        return [mask_answer(item, reveal_write_keys=reveal_write_keys) for item in value]
    return _mask_urls(value) if isinstance(value, str) and "://" in value else value


def _mask_member(name: str, member: Any, *, reveal_write_keys: bool) -> Any:
    if name in _MAPS_OF_SETTINGS and isinstance(member, dict):
        return mask_settings(member)
    if name in _SECRET_MEMBERS:
        return _mask_setting(member, secret=True)
    if not reveal_write_keys:
        if name == "writeKeys" and isinstance(member, list):
            return [mask_write_key(key) if isinstance(key, str) else key for key in member]
        if name == "writeKey" and isinstance(member, str):
            return mask_write_key(member)
    return mask_answer(member, reveal_write_keys=reveal_write_keys)


def mask_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """A settings map whose secret-looking values are `****`.

    A name that tells of a secret covers everything below it, and so does `headers`: any of them may be a credential.
    `{key: "Authorization", value: ...}` counts as a value of that name. Where a mapping reads an event (`@path`) is
    no secret.
    """
    masked = {name: _mask_setting(value, secret=_is_secret(name)) for name, value in settings.items()}
    for label in ("key", "name"):
        named = settings.get(label)
        if "value" in settings and isinstance(named, str):
            masked[label] = named
            masked["value"] = _mask_setting(settings["value"], secret=_is_secret(named))
    return masked


def _is_secret(name: str) -> bool:
    words = _NOT_ALPHANUMERIC.sub("_", _CAMEL_HUMP.sub("_", name).lower())
    return _SECRET_NAME.search(words) is not None and _ABOUT_A_SECRET.search(words) is None


def _mask_setting(value: Any, *, secret: bool) -> Any:
    if isinstance(value, dict):
        return (
            {
                name: inner if _is_of_mapping(value, name) else _mask_setting(inner, secret=True)
                for name, inner in value.items()
            }
            if secret
            else mask_settings(value)
        )
    if isinstance(value, list):
        return [_mask_setting(item, secret=secret) for item in value]
    if value is None or isinstance(value, bool) or value == "":
        return value
    if isinstance(value, str) and not value.strip(SEGMENT_MASK + "*"):
        return value
    if secret:
        return MASK
    is_secret = isinstance(value, str) and (_PRIVATE_KEY.search(value) or _mask_urls(value) != value)
    return MASK if is_secret else value


def _is_of_mapping(parent: Mapping[str, Any], name: str) -> bool:
    """Whether a member only tells a mapping what to do: which path of the event to read, or how."""
    value = parent[name]
    if not isinstance(value, str):
        return False
    if name == "@path":
        return len(parent) == 1 and value.startswith("$.")
    return name in {"operator", "mode", "direction"} and value in _MAPPINGS_OWN_WORDS


def _mask_urls(text: str) -> str:
    """A text whose URLs don't carry a permission any more.

    What is long or has several lines is code or a document, and stays as it is: who writes it back must not lose it.
    """
    if len(text) > _LONGEST_URL or "\n" in text:
        return text
    return _WORD.sub(lambda word: _mask_url(word[0]), text)


def _mask_url(text: str) -> str:
    """A URL without the permission that it carries: a user before its host, or everything behind its `?`."""
    scheme, found, rest = text.partition("://")
    if not found:
        return text
    rest = _USER.sub(f"{MASK}@", rest, count=1) if _USER.match(rest) else rest
    place, question, query = rest.partition("?")
    if any(_SECRET_PARAMETER.search(part.partition("=")[0]) for part in query.split("&")):
        query = MASK
    return f"{scheme}://{place}{question}{query}"


def clean(text: str, limit: int = 300) -> str:
    """Somebody else's words, fit to be shown: one line, without invisible characters, shortened.

    Control, zero-width and bidirectional characters become a space, so that a text can't hide or reorder
    what a reader sees.
    """
    plain = " ".join(_INVISIBLE.sub(" ", text[: limit * 4]).split())
    return plain if len(plain) <= limit else plain[: limit - 1].rstrip() + "…"


class Scrubber:
    """Replaces known secrets, in every form in which they travel, wherever they turn up.

    Args:
        secrets: the configured credentials. Those of under six characters are left alone: replacing them
            would garble ordinary text.
    """

    __slots__ = ("_forms",)

    def __init__(self, secrets: Iterable[str]) -> None:
        forms = {form for secret in secrets if len(secret) >= _SHORTEST_SCRUBBED for form in _forms_of(secret)}
        self._forms = tuple(sorted(forms, key=len, reverse=True))

    def text(self, text: str) -> str:
        """The text with each secret replaced by `****`."""
        for form in self._forms:
            if form in text:
                text = text.replace(form, MASK)
        return text

    def finds_in(self, text: str) -> bool:
        """Whether the text has a secret in it."""
        return any(form in text for form in self._forms)

    def data(self, value: Any) -> Any:
        """JSON values with each secret replaced, in names as in values."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.text(name): self.data(member) for name, member in value.items()}
        if isinstance(value, list | tuple):
            return [self.data(item) for item in value]
        return value


def _forms_of(secret: str) -> set[str]:
    """As it is, as in a JSON string, percent-encoded as in a path, and as Basic credentials without a password."""
    basic = base64.b64encode(f"{secret}:".encode()).decode().rstrip("=")
    return {secret, json.dumps(secret)[1:-1], quote(secret, safe=""), basic}


class ScrubbingFormatter(logging.Formatter):
    """Formats a record as ever, then takes the known secrets out, tracebacks included."""

    def __init__(self, fmt: str, scrubber: Scrubber) -> None:
        super().__init__(fmt)
        self._scrubber = scrubber

    def format(self, record: logging.LogRecord) -> str:
        """The record's line without secrets."""
        return self._scrubber.text(super().format(record))
