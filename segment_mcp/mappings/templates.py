"""Templates: what they read. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

from segment_mcp.mappings.javascript import trimmed

LONGEST_LIQUID = 1_000
"""UTF-16 units of a Liquid template, as Segment has it."""
TRIPLE, DOUBLE = 3, 2
"""The braces around a placeholder. Segment fills those in three first, then those in two, and escapes neither."""


@dataclass(frozen=True, slots=True)
class Placeholder:
    """A placeholder in a template.

    Attributes:
        start: of its first brace.
        end: after its last one.
        path: what is between them.
    """

    start: int
    end: int
    path: str


def placeholders(template: str, braces: int) -> Iterator[Placeholder]:
    """The placeholders in so many braces, from left to right: anything but a closing brace, and not nothing."""
    opening, closing = "{" * braces, "}" * braces
    opened = template.find(opening)
    while opened >= 0:
        first = opened + braces
        closed = template.find("}", first)
        if closed < 0:
            return
        end = closed + 1
        if closed > first and template.startswith(closing, closed):
            end = closed + braces
            yield Placeholder(opened, end, trimmed(template[first:closed]))
        opened = template.find(opening, end)
