"""Which resources an operation changes: every row that changes something, by what it is expected to be told as."""

import pytest

from segment_mcp.operations import OPERATIONS, examples
from segment_mcp.resources.catalog import RESOURCES
from segment_mcp.resources.changes import GONE_WITH, SHOWN_BY, Touched, can_change, touched
from segment_mcp.resources.resource import Resource
from segment_mcp.tools.changes import IMPORT, OUTBOX, Change

SOURCE, DESTINATION, PLAN = "sources/{sourceId}", "destinations/{destinationId}", "tracking-plans/{trackingPlanId}"
RULES = f"{PLAN}/rules"
EXPECTED: dict[str, tuple[set[str], bool]] = {
    "createSource": ({"sources"}, True),
    "updateSource": ({"sources", SOURCE}, False),
    "deleteSource": ({"sources", SOURCE, "destinations"}, True),
    "addLabelsToSource": ({"sources", SOURCE}, False),
    "replaceLabelsInSource": ({"sources", SOURCE}, False),
    "createWriteKeyForSource": ({SOURCE}, False),
    "removeWriteKeyFromSource": ({SOURCE}, False),
    "deleteLabel": ({"sources"}, False),
    "createDestination": ({"destinations"}, True),
    "updateDestination": ({"destinations", DESTINATION}, False),
    "deleteDestination": ({"destinations", DESTINATION}, True),
    "createTrackingPlan": ({"tracking-plans"}, True),
    "updateTrackingPlan": ({"tracking-plans", PLAN}, False),
    "deleteTrackingPlan": ({"tracking-plans", PLAN, RULES}, True),
    "replaceRulesInTrackingPlan": ({"tracking-plans", PLAN, RULES}, False),
    "updateRulesInTrackingPlan": ({"tracking-plans", PLAN, RULES}, False),
    "removeRulesFromTrackingPlan": ({"tracking-plans", PLAN, RULES}, False),
    "addSourceToTrackingPlan": ({SOURCE}, False),
    "removeSourceFromTrackingPlan": ({SOURCE}, False),
    "createWarehouse": ({"warehouses"}, True),
    "updateWarehouse": ({"warehouses"}, False),
    "deleteWarehouse": ({"warehouses"}, True),
}
"""Every other operation is told as nothing."""

CHANGING = [row.name for row in OPERATIONS.values() if row.api == "public" and row.safety != "read"]


def change(operation: str) -> Change:
    row = OPERATIONS[operation]
    return Change("default", row.method, row.path, examples.example(row))


@pytest.mark.parametrize("operation", CHANGING)
def test_an_operation_is_told_as_the_resources_that_show_what_it_changes(operation: str) -> None:
    told = touched(change(operation))
    paths, listed = EXPECTED.get(operation, (set(), False))
    assert (set(told.paths), told.listed) == (paths, listed)
    assert len(told.paths) == len(paths)


def test_the_expectations_are_about_operations_that_exist() -> None:
    assert set(EXPECTED) <= set(CHANGING)


@pytest.mark.parametrize("operation", EXPECTED)
def test_the_variables_of_what_is_told_are_among_an_operations_arguments(operation: str) -> None:
    made = change(operation)
    by_path = {known.path: known for known in RESOURCES}
    needed = {variable for path in touched(made).paths for variable in by_path[path].variables}
    assert needed <= set(made.arguments)


def test_what_is_the_servers_own_is_told_as_such() -> None:
    assert touched(Change("", "PATCH", OUTBOX, {})) == Touched(("outbox",), listed=False)
    told = touched(Change("", "PATCH", IMPORT, {"importId": "a"}))
    assert told == Touched(("imports", "imports/{importId}"), listed=False)


def test_the_tables_name_resources_and_paths_that_exist() -> None:
    paths = {known.path for known in RESOURCES}
    assert {path for shown in (*SHOWN_BY.values(), *GONE_WITH.values()) for path in shown} <= paths
    assert {*SHOWN_BY, *GONE_WITH} - {row.path for row in OPERATIONS.values()} == {OUTBOX, IMPORT}


@pytest.mark.parametrize("known", RESOURCES, ids=lambda known: str(known.name))
def test_only_what_an_operation_can_change_is_said_to_change(known: Resource) -> None:
    fixed = {"workspace", "operations", "operations/{operation}", "reasons"}
    assert can_change(known.path) is (known.path not in fixed)
