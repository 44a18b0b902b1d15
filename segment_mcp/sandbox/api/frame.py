"""What the handlers of the Public API share: the sandbox's state, one call, pages, and finding what a call names.

A handler takes the state and a call that already kept the operation's schema, changes the state, and returns
the `data` that it answers. Shapes come from the reference; where it is silent about behaviour, the choice is named
at the handler.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from segment_mcp.operations import Operation
from segment_mcp.sandbox import (
    catalog,
    engage,
    functions,
    pages,
    people,
    refusals,
    tracking_plans,
    transformations,
    windows,
)
from segment_mcp.sandbox.audit import AuditTrail, Note
from segment_mcp.sandbox.engage import Engage
from segment_mcp.sandbox.functions import Functions
from segment_mcp.sandbox.ledger import Ledger
from segment_mcp.sandbox.people import People
from segment_mcp.sandbox.profiles import Profiles
from segment_mcp.sandbox.regulations import Regulations
from segment_mcp.sandbox.tracking_plans import TrackingPlan
from segment_mcp.sandbox.transformations import Transformation
from segment_mcp.sandbox.workspace import Destination, Source, Warehouse, Workspace

Data = dict[str, Any]


@dataclass(frozen=True, slots=True)
class State:
    """What handlers read and change.

    Attributes:
        new_write_key: makes the 32 characters of a new key.
        new_id: makes the ID of a new thing.
        people: users, invitations, user groups and roles.
        engage: spaces, their audiences and messaging subscriptions.
        tracking_plans: by ID; which of them a source has stands at the source.
        transformations: by ID.
        functions: functions of the workspace, and instances of its insert functions.
        regulations: requests to delete or suppress data, and who is suppressed.
        profiles: what Unify knows of people and accounts.
    """

    workspace: Workspace
    ledger: Ledger
    new_write_key: Callable[[], str]
    new_id: Callable[[], str]
    audit: AuditTrail = field(default_factory=AuditTrail)
    people: People = field(default_factory=people.seeded)
    engage: Engage = field(default_factory=engage.seeded)
    tracking_plans: dict[str, TrackingPlan] = field(default_factory=tracking_plans.seeded)
    transformations: dict[str, Transformation] = field(default_factory=transformations.seeded)
    functions: Functions = field(default_factory=functions.seeded)
    regulations: Regulations = field(default_factory=Regulations)
    profiles: Profiles = field(default_factory=Profiles)


@dataclass(slots=True)
class Wishes:
    """How a call wants to be answered, where it may say so: seconds to wait, and the status of its success."""

    delay: float = 0
    status: int | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """One call.

    Attributes:
        operation: its row.
        arguments: of path and query, by Segment's names, such as `pagination.count`.
        body: its body; None where it has none.
        now: the clock.
        headers: as they were sent, by names in lower case.
        wishes: set by the handler.
        notes: what the audit trail is to say of it, by `note`.
    """

    operation: Operation
    arguments: Mapping[str, Any]
    body: Any
    now: datetime
    headers: Mapping[str, str] = field(default_factory=dict)
    wishes: Wishes = field(default_factory=Wishes)
    notes: list[Note] = field(default_factory=list)

    def note(self, type_: str, resource_type: str, resource_id: str, resource_name: str) -> None:
        """Have the audit trail say that this happened; the type is one that the row names."""
        self.notes.append(Note(type_, resource_type, resource_id, resource_name))


Handler = Callable[[State, Call], Data]


def page(key: str, items: Sequence[Any], call: Call) -> Data:
    """One page of a list, as the call asks for it: `{key: [...], pagination}`."""
    shown, pagination = pages.page(
        items, call.arguments.get("pagination.count"), call.arguments.get("pagination.cursor")
    )
    return {key: list(shown), "pagination": pagination}


def source_of(state: State, call: Call) -> Source:
    """The source that the call names.

    Raises:
        RefusalError: 404.
    """
    found = state.workspace.sources.get(call.arguments["sourceId"])
    if found is None:
        raise refusals.not_found("Source")
    return found


def destination_of(state: State, call: Call) -> Destination:
    """The destination that the call names.

    Raises:
        RefusalError: 404.
    """
    found = state.workspace.destinations.get(call.arguments["destinationId"])
    if found is None:
        raise refusals.not_found("Destination")
    return found


def warehouse_of(state: State, call: Call) -> Warehouse:
    """The warehouse that the call names.

    Raises:
        RefusalError: 404.
    """
    found = state.workspace.warehouses.get(call.arguments["warehouseId"])
    if found is None:
        raise refusals.not_found("Warehouse")
    return found


def metadata_of(kind: catalog.Kind, call: Call) -> catalog.Metadata:
    """The catalog's entry that the body names by `metadataId`.

    Raises:
        RefusalError: 422, a value of the body that is not valid.
    """
    found = catalog.metadata(kind, call.body["metadataId"])
    if found is None:
        raise refusals.invalid([refusals.problem("metadataId", "is not in the catalog")])
    return found


def tracking_plan_of(state: State, call: Call) -> TrackingPlan:
    """The tracking plan that the call names.

    Raises:
        RefusalError: 404.
    """
    found = state.tracking_plans.get(call.arguments["trackingPlanId"])
    if found is None:
        raise refusals.not_found("Tracking plan")
    return found


def moment(arguments: Mapping[str, Any], name: str) -> datetime | None:
    """A parameter that names a moment; None where it was not given."""
    return windows.parse(arguments[name].upper()) if name in arguments else None
