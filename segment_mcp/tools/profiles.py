"""The tool for one person or account: what Unify knows of them."""

import re
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from segment_mcp.ports import Data, Facts, Profiles, Reader
from segment_mcp.tools.args import Args, Id, Line, decoded
from segment_mcp.tools.tool import tool

MOST_EVENTS = 1_000

_TYPE = re.compile(r"\w[\w.-]{0,99}", re.ASCII)


def _names(value: list[str]) -> list[str]:
    """Refuse a name that no list with commas can carry.

    Raises:
        ValueError: it has a comma.
    """
    if any("," in name for name in value):
        raise ValueError("has a name with a comma, which Segment can't be asked for; leave include out")
    return value


def _type(value: str) -> str:
    """Refuse what is no type of an ID.

    Raises:
        ValueError: it has other characters than letters, digits, _ . and -
    """
    if not _TYPE.fullmatch(value):
        raise ValueError("must be a type such as user_id, anonymous_id, email or group_id")
    return value


def _number(value: int) -> int:
    """Refuse more events than are read at once.

    Raises:
        ValueError: it is out of bounds.
    """
    if not 0 <= value <= MOST_EVENTS:
        raise ValueError(f"must be 0 to {MOST_EVENTS}")
    return value


class LookupProfile(Args):
    """Arguments of `segment_lookup_profile`."""

    id: Annotated[Id, Field(description="The ID.")]
    id_type: Annotated[str, AfterValidator(_type), Field(description="Default user_id; email, group_id")] = "user_id"
    include: (
        Annotated[list[Line], BeforeValidator(decoded), AfterValidator(_names), Field(description="Only these traits.")]
        | None
    ) = None
    events: Annotated[int, AfterValidator(_number), Field(description="How many.")] = 20


@tool(title="Look up a profile", safety="read", toolset="profiles", idempotent=True, open_world=False)
async def segment_lookup_profile(args: LookupProfile, profiles: Profiles, reader: Reader, facts: Facts) -> Data:
    """Read what Unify knows of a person or account: traits, external IDs, events, links.

    Use this when asked about one.
    """
    from segment_mcp.questions import profile
    from segment_mcp.questions.profile import ProfileOrder
    from segment_mcp.questions.reading import Reading

    order = ProfileOrder(args.id_type, args.id, args.include or (), args.events, reveal=facts.reveal_pii)
    return await profile.ask(Reading(profiles, reader.timing, reader.progress), order)
