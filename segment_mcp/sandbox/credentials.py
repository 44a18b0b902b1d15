"""The credentials the sandbox knows: recognisably fake, and the same in every run."""

from collections.abc import Mapping
from types import MappingProxyType

API_TOKEN = "sandbox-api-token-opens-nothing-else"  # noqa: S105 -- the fake token that this module is for
PROFILE_TOKEN = "sandbox-profile-token-opens-nothing-else"  # noqa: S105 -- likewise
PROFILE_SPACE_ID = "spa_bAmBVqBZlvdBOMAZIJBDdK"

WRITE_KEYS: Mapping[str, str] = MappingProxyType(
    {
        "server": "sandboxserverGPcTGoYSJAS7h2Grvzj",
        "web": "sandboxwebTkOMjvRZH2IlzOZgF5Wm3T",
        "ios": "sandboxiosDu5Gn6SBEY4fIv8e2gc24G",
        "http": "sandboxhttp22ycs9a52F0c9zLwbZ8YQ",
        "android": "sandboxandroidbtrTFFDR49nwH7pfYW",
        "kotlin": "sandboxkotlinYK0fFWqcajQLE9WVxuX",
        "newsletter": "sandboxnewsletterbrFZmU3A6IIRgmK",
        "returns": "sandboxreturnsJSZUqQZNRf2BvfxZAZ",
    }
)
