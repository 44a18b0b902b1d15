"""Why events don't arrive, by Segment's own codes: what each means, and what to do about it.

The codes are those of Segment's documentation (_includes/content/delivery-overview-discards, and
connections/integration_error_codes); they stand in `reasons.json`, in sentences of ours.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType

from segment_mcp.questions.counters import Stage
from segment_mcp.redact import clean


@dataclass(frozen=True, slots=True)
class Reason:
    """One code.

    Attributes:
        code: as Segment's counters spell it.
        stages: of the delivery overview, at which it occurs; none if nobody documented it.
        meaning: what happened, in a sentence.
        remedy: what to do, in a sentence.
    """

    code: str
    stages: tuple[Stage, ...]
    meaning: str
    remedy: str


@cache
def reasons() -> Mapping[str, Reason]:
    """Every documented code."""
    text = files("segment_mcp.questions").joinpath("reasons.json").read_text(encoding="utf-8")
    return MappingProxyType(
        {entry["code"]: Reason(**{**entry, "stages": tuple(entry["stages"])}) for entry in json.loads(text)}
    )


@cache
def _folded() -> Mapping[str, Reason]:
    return {code.casefold(): reason for code, reason in reversed(list(reasons().items()))}


def explain(code: str) -> Reason:
    """What a code means; one that nobody documented is said to be that. Letters' case does not matter."""
    known = reasons().get(code) or _folded().get(code.casefold())
    return known or Reason(
        clean(code, 80),
        (),
        "Segment's documentation does not have this code; a status is the destination's own answer.",
        "Look at a failed delivery in Segment's app, where the destination's words stand.",
    )
