"""Which host serves which API in which region.

From Segment's documentation: guides/regional-segment (Tracking API), unify/profile-api, and the Public API's Getting
Started.
"""

from collections.abc import Mapping
from typing import Literal
from urllib.parse import urlsplit

Region = Literal["us", "eu"]

REGIONS: tuple[Region, ...] = ("us", "eu")
PUBLIC_API: Mapping[Region, str] = {"us": "https://api.segmentapis.com", "eu": "https://eu1.api.segmentapis.com"}
TRACKING_API: Mapping[Region, str] = {"us": "https://api.segment.io", "eu": "https://events.eu1.segmentapis.com"}
PROFILE_API: Mapping[Region, str] = {
    "us": "https://profiles.segment.com",
    "eu": "https://profiles.euw1.segment.com",
}


def other_region(region: Region) -> Region:
    """The region that the given one is not."""
    return "eu" if region == "us" else "us"


def host_of(origin: str) -> str:
    """The host, and the port where one is given, of a base URL."""
    return urlsplit(origin).netloc
