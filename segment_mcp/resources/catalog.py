"""Every resource, in the order in which clients see them."""

from segment_mcp.resources.api import operation, operations
from segment_mcp.resources.reasons import reasons
from segment_mcp.resources.resource import Resource
from segment_mcp.resources.tracking import historical_import, imports, outbox
from segment_mcp.resources.workspace import (
    destination,
    destinations,
    source,
    sources,
    tracking_plan,
    tracking_plan_rules,
    tracking_plans,
    warehouses,
    workspace,
)

RESOURCES: tuple[Resource, ...] = (
    workspace,
    sources,
    source,
    destinations,
    destination,
    tracking_plans,
    tracking_plan,
    tracking_plan_rules,
    warehouses,
    operations,
    operation,
    reasons,
    outbox,
    imports,
    historical_import,
)
