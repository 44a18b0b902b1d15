"""Settings of sources, destinations and warehouses: how a change reaches them, and what is shown of them.

What is kept is what was written. What is shown has bullets in place of secrets, so whoever writes back what was
shown has really written bullets: as with Segment.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

MASK: Final = "••••••••••"
_SECRET = re.compile(
    r"^key$|(api|access|account|app|auth|client|private|shared|write)_?key|secret|passw|token|credential", re.IGNORECASE
)

Settings = Mapping[str, Any]


def merged(settings: Settings, changes: Settings) -> dict[str, Any]:
    """The settings with the changes in place: key by key, and null takes a setting away.

    The reference does not say so; Segment's own Terraform provider relies on it for sources and warehouses.
    """
    return {name: value for name, value in {**settings, **changes}.items() if value is not None}


def masked(settings: Settings, metadata: Mapping[str, Any]) -> dict[str, Any]:
    """What is shown: bullets in place of what the catalog calls a password or what is named like a secret."""
    passwords = {option["name"] for option in metadata["options"] if option["type"] == "password"}
    return {
        name: MASK if _says_something(value) and (name in passwords or _SECRET.search(name)) else value
        for name, value in settings.items()
    }


def lacks(settings: Settings, metadata: Mapping[str, Any]) -> list[str]:
    """The settings that the catalog requires and that have neither a value nor a default, or bullets as their value."""
    due = {option["name"]: option.get("defaultValue") for option in metadata["options"] if option["required"]}
    return [name for name, default in due.items() if settings.get(name, default) in (None, "", MASK)]


def _says_something(value: Any) -> bool:
    return not isinstance(value, bool) and value not in (None, "")
