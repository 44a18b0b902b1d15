"""Every operation that acts on real state, with its handler."""

from collections.abc import Mapping
from types import MappingProxyType

from segment_mcp.sandbox.api import (
    activations,
    audience_previews,
    audience_schedules,
    audiences,
    audit_trail,
    catalog,
    computed_traits,
    delivery_overview,
    destination_filters,
    destinations,
    functions,
    iam_groups,
    iam_roles,
    iam_users,
    labels,
    regulations,
    selective_sync,
    sources,
    spaces,
    testing,
    tracking_plans,
    transformations,
    usage,
    warehouses,
    workspaces,
)
from segment_mcp.sandbox.api.frame import Handler

HANDLERS: Mapping[str, Handler] = MappingProxyType(
    {
        name: handler
        for family in (
            workspaces,
            sources,
            destinations,
            destination_filters,
            labels,
            warehouses,
            selective_sync,
            tracking_plans,
            transformations,
            functions,
            usage,
            delivery_overview,
            catalog,
            audit_trail,
            regulations,
            testing,
            iam_users,
            iam_groups,
            iam_roles,
            spaces,
            audiences,
            audience_previews,
            audience_schedules,
            activations,
            computed_traits,
        )
        for name, handler in family.HANDLERS.items()
    }
)
