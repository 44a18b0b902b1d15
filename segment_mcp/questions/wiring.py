"""What decides over events: a source's plan and schema settings; a destination's subscriptions and filters."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import anyio

from segment_mcp.questions import governance, routes
from segment_mcp.questions.governance import Rule, Verdict
from segment_mcp.questions.reading import Reading
from segment_mcp.questions.routes import Fate, Known, Truth

Things = Sequence[Mapping[str, Any]]
VIOLATION = "Violation Generated"
"""The track event as which a source gets the violations of others (protocols/validate/forward-violations). As all that
is forwarded, it bypasses the plan of the source that gets it.
"""


@dataclass(frozen=True, slots=True)
class Governed:
    """What governs a source, as far as it was read.

    Attributes:
        by_plan: whether a plan does; None: could not be read.
        rules: all of the plan's; None: could not be read, or there is no plan.
        settings: the schema settings; None: could not be read.
    """

    by_plan: bool | None
    rules: Sequence[Rule] | None
    settings: Mapping[str, Any] | None

    def verdict(self, known: Known) -> Verdict | None:
        """What becomes of an event at its source, as far as that is certain; None where it is not.

        Of an event that is known by name only that is: nothing is checked; or it is unplanned, and therefore blocked.
        """
        if self.by_plan is None or self.settings is None or (self.by_plan and self.rules is None):
            return None
        kind, name = str(known.fields.get("type")), known.fields.get("event")
        if name == VIOLATION:
            return None
        if known.whole or self.rules is None:
            return governance.verdict(known.fields, self.rules, self.settings)
        if governance.rule_for(self.rules, kind, name) is not None:
            return None
        # a name tells nothing of common rules
        found = governance.verdict(
            known.fields, [each for each in self.rules if each.get("type") != "COMMON"], self.settings
        )
        return found if found.code is not None else None

    def lets_out(self, known: Known) -> Truth:
        """Whether an event leaves its source, as far as its name tells: only unplanned track events may not."""
        kind, name = str(known.fields.get("type")), known.fields.get("event")
        if kind != "track" or self.by_plan is False or name == VIOLATION:
            return True
        if self.settings is not None and governance.verdict(known.fields, [], self.settings).code is None:
            return True
        if self.rules is None:
            return None
        planned = governance.rule_for(self.rules, kind, name) is not None
        return True if planned else None if self.settings is None else False


UNREAD = Governed(None, None, None)


@dataclass(frozen=True, slots=True)
class Wired:
    """A destination as far as it was read.

    Attributes:
        destination: as Segment shows it.
        subscriptions: all of them; None where they could not be read. Empty where they don't matter.
        filters: likewise.
    """

    destination: Mapping[str, Any]
    subscriptions: Things | None = ()
    filters: Things | None = ()

    @property
    def id(self) -> str:
        """The destination's."""
        return str(self.destination.get("id"))

    def fate(self, known: Known) -> Fate:
        """What becomes of an event here."""
        return routes.fate(known, self.destination, self.subscriptions, self.filters)


async def wired(
    reading: Reading, destination: Mapping[str, Any], *, subscriptions: Things | None = None, always: bool = False
) -> Wired:
    """Read what decides over a destination's events.

    One that is off gets none, a classic one has no subscriptions, and filters of one that only runs on the device
    apply where its source says so, which nothing tells: none of that is read, unless `always`.

    Args:
        reading: the question's.
        destination: as Segment shows it.
        subscriptions: those to look at, which are read already; None: read all.
        always: read it all the same.
    """
    matters = always or bool(destination.get("enabled"))
    found: dict[str, Things | None] = {"subscriptions": subscriptions or (), "filters": ()}

    async def read(what: str, operation: str) -> None:
        listed = await reading.list(operation, {"destinationId": destination["id"]})
        found[what] = listed.items if listed is not None and listed.complete else None

    async with anyio.create_task_group() as group:
        if matters and subscriptions is None and routes.has_actions(destination):
            group.start_soon(read, "subscriptions", "listSubscriptionsFromDestination")
        if matters and (always or not routes.on_device(destination)):
            group.start_soon(read, "filters", "listFiltersFromDestination")
    return Wired(destination, found["subscriptions"], found["filters"])
