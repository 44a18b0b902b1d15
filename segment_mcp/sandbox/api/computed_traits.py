"""Computed traits: what Unify works out about a profile from its events."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from segment_mcp.sandbox import refusals, windows
from segment_mcp.sandbox.api.computations import free_key, name_of, says_something, status_of
from segment_mcp.sandbox.api.frame import Call, Data, Handler, State, page
from segment_mcp.sandbox.api.spaces import space_of
from segment_mcp.sandbox.bodies import only
from segment_mcp.sandbox.engage import ComputedTrait

KIND = "computed_trait"

_OPTIONS = ("includeHistoricalData", "includeAnonymousUsers", "backfillDurationDays")


def _list_traits(state: State, call: Call) -> Data:
    return page("computedTraits", [_answer(each) for each in state.engage.traits_of(space_of(state, call).id)], call)


def _get_trait(state: State, call: Call) -> Data:
    return {"computedTrait": _answer(_trait(state, call))}


def _create_trait(state: State, call: Call) -> Data:
    """Add a trait, which is live or disabled at once; enabled unless the body says otherwise."""
    space, given, moment = space_of(state, call), call.body, windows.iso(call.now)
    trait_id = f"tra_{state.new_id()}"
    made = ComputedTrait(
        id=trait_id,
        space_id=space.id,
        key=free_key(state, space, given["name"], trait_id),
        name=name_of(given),
        description=given.get("description"),
        enabled=given.get("enabled", True),
        definition=_definition(given["definition"]),
        options=only(given.get("options", {}), _OPTIONS),
        created_by=state.engage.author,
        updated_by=state.engage.author,
        created_at=moment,
        updated_at=moment,
    )
    state.engage.traits[made.id] = made
    call.note("Computed Trait Created", KIND, made.id, made.name)
    return {"computedTrait": _answer(made)}


def _update_trait(state: State, call: Call) -> Data:
    """Change what the body names; the key stays. Segment locks a trait meanwhile; here that takes no time."""
    before, given = _trait(state, call), call.body
    changed = replace(
        before,
        name=name_of(given) if "name" in given else before.name,
        description=given.get("description", before.description),
        enabled=given.get("enabled", before.enabled),
        definition=_definition(given["definition"]) if "definition" in given else before.definition,
    )
    if changed != before:
        changed = replace(changed, updated_by=state.engage.author, updated_at=windows.iso(call.now))
        state.engage.traits[changed.id] = changed
        call.note("Computed Trait Modified", KIND, changed.id, changed.name)
    return {"computedTrait": _answer(changed)}


def _remove_trait(state: State, call: Call) -> Data:
    """Remove a trait. Audiences that build on it stay as they are."""
    trait = _trait(state, call)
    del state.engage.traits[trait.id]
    call.note("Computed Trait Deleted", KIND, trait.id, trait.name)
    return {"status": "SUCCESS"}


def _trait(state: State, call: Call) -> ComputedTrait:
    space = space_of(state, call)
    found = state.engage.traits.get(call.arguments["id"])
    if found is None or found.space_id != space.id:
        raise refusals.not_found("Computed trait")
    return found


def _definition(given: Mapping[str, Any]) -> Data:
    says_something(given["query"])
    return only(given, ("query", "type"))


def _answer(trait: ComputedTrait) -> Data:
    return {
        "id": trait.id,
        "spaceId": trait.space_id,
        "name": trait.name,
        **({} if trait.description is None else {"description": trait.description}),
        "key": trait.key,
        "enabled": trait.enabled,
        "definition": trait.definition,
        "status": status_of(enabled=trait.enabled),
        "createdBy": trait.created_by,
        "updatedBy": trait.updated_by,
        "createdAt": trait.created_at,
        "updatedAt": trait.updated_at,
        "options": trait.options,
    }


HANDLERS: Mapping[str, Handler] = MappingProxyType(
    {
        "listComputedTraits": _list_traits,
        "getComputedTrait": _get_trait,
        "createComputedTrait": _create_trait,
        "updateComputedTraitForSpace": _update_trait,
        "removeComputedTraitFromSpace": _remove_trait,
    }
)
