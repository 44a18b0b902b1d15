"""What a mapping may cost, and how it fails. Segment sets no such bounds on most of this; they are ours."""

from dataclasses import dataclass

DEEPEST_MAPPING = 64
"""Objects and lists within each other in a mapping."""
DEEPEST_VALUE = 100
"""Objects and lists within each other in what a mapping reads or makes."""
MOST_STEPS = 100_000
"""Values that one rendering may visit or make."""
MOST_TEXT = 2_000_000
"""Characters that one rendering may read as paths and templates, or make."""
LONGEST_NAME = 60
"""Characters of a mapping's key that an error repeats."""


class MappingError(Exception):
    """Segment would fail to render the mapping, or what it makes of it can't be told here.

    Attributes:
        field: where in the mapping, in dots, directives included: `traits.@if.then`; empty for the mapping itself.
        message: what happened, and what to mend.
        certain: whether Segment would fail too. It may not where a rendering costs more than is allowed here, and
            where a Liquid template is rendered.
    """

    def __init__(self, field: str, message: str, *, certain: bool = True) -> None:
        super().__init__(f"{field}: {message}" if field else message)
        self.field = field
        self.message = message
        self.certain = certain


def named(key: str) -> str:
    """A mapping's key as an error may repeat it: printable, and not long."""
    if len(key) <= LONGEST_NAME and key.isprintable():
        return key
    shown = "".join(character if character.isprintable() else "?" for character in key[: LONGEST_NAME + 1])
    return shown if len(shown) <= LONGEST_NAME else f"{shown[: LONGEST_NAME - 1]}…"


@dataclass(slots=True)
class Budget:
    """What one rendering may still spend."""

    steps: int = MOST_STEPS
    text: int = MOST_TEXT


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a mapping that is being rendered, and the budget of the rendering.

    Attributes:
        field: where, in dots.
        budget: shared by all places of one rendering.
    """

    field: str
    budget: Budget

    def under(self, key: str | int) -> "Place":
        """The place of what stands under a key, or at a position of a list."""
        return self.under_path(named(str(key)))

    def under_path(self, path: str) -> "Place":
        """The place at a path from here."""
        return Place(f"{self.field}.{path}" if self.field else path, self.budget)

    def error(self, message: str) -> MappingError:
        """What to raise where Segment would fail."""
        return MappingError(self.field, message)

    def untold(self, message: str) -> MappingError:
        """What to raise where Segment may not fail, but what it makes can't be told."""
        return MappingError(self.field, message, certain=False)

    def step(self, depth: int = 0) -> None:
        """Count one value.

        Args:
            depth: how deep it stands in the value that is being read or made.

        Raises:
            MappingError: too many, or too deep.
        """
        if depth > DEEPEST_VALUE:
            raise self.too_deep()
        self.budget.steps -= 1
        if self.budget.steps < 0:
            raise self.untold(f"rendering takes more than {MOST_STEPS} steps; make the mapping or the event smaller")

    def text(self, characters: int) -> None:
        """Count characters, before they are made.

        Raises:
            MappingError: too many.
        """
        self.budget.text -= characters
        if self.budget.text < 0:
            raise self.untold(f"rendering makes more than {MOST_TEXT} characters; make the mapping smaller")

    def too_deep(self) -> MappingError:
        """What to raise for a value that is nested deeper than is followed."""
        return self.untold(f"values may be nested {DEEPEST_VALUE} deep; make the event or the mapping flatter")
