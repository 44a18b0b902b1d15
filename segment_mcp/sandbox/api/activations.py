"""Where audiences go: their connections to destinations, and what they send by them.

A connection whose destination was deleted is gone, and its activations with it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from segment_mcp.sandbox import refusals, windows
from segment_mcp.sandbox.api.audiences import LINKED, audience_of
from segment_mcp.sandbox.api.frame import Call, Data, Handler, State, page
from segment_mcp.sandbox.bodies import blanks, only
from segment_mcp.sandbox.engage import Activation, Audience, Connection

RESYNCING = timedelta(minutes=1)
"""How long it takes here to send everybody again."""
BOTH_WAYS = "Audience Membership Changed"
TYPES = ("Audience Entered", "Audience Exited", BOTH_WAYS, "All Events")
TYPES_OF_LINKED = (*TYPES, "Entity Added", "Entity Removed", "Entity Values Changed")
STRATEGIES = ("first", "last", "all")
DEFAULT_IDS = ({"externalId": "user_id", "strategy": "last"}, {"externalId": "email", "strategy": "last"})


def _list_destinations(state: State, call: Call) -> Data:
    connections = _connections(state, audience_of(state, call, "audienceId"))
    return page("connections", [_connection_answer(state, each) for each in connections], call)


def _add_destination(state: State, call: Call) -> Data:
    """Connect an audience to a destination of the workspace, once: a second time is 409.

    Segment wants the destination to be added to Engage in its app first; here all are. Nothing is sent so far.
    """
    audience, given, moment = audience_of(state, call, "audienceId"), call.body, windows.iso(call.now)
    destination_id = given["destination"]["id"]
    if destination_id not in state.workspace.destinations:
        raise refusals.invalid([refusals.problem("destination.id", "is not an existing destination")])
    id_sync = _id_sync(given) or DEFAULT_IDS
    if any(each.destination_id == destination_id for each in _connections(state, audience)):
        raise refusals.conflict("The audience is connected to this destination already", "destination.id")
    made = Connection(
        id=f"ii_{state.new_id()}",
        audience_id=audience.id,
        destination_id=destination_id,
        id_sync=id_sync,
        settings=given.get("connectionSettings"),
        created_at=moment,
        updated_at=moment,
    )
    state.engage.connections[made.id] = made
    return {"connection": {"id": made.id}, **_configuration(made)}


def _update_destination(state: State, call: Call) -> Data:
    """Replace the identifiers, the settings or both; an empty list or object leaves them, as documented."""
    connection, given = _connection_to(state, call), call.body
    settings = given.get("connectionSettings")
    changed = replace(
        connection,
        id_sync=_id_sync(given) or connection.id_sync,
        settings=connection.settings if settings in (None, {}) else settings,
    )
    if changed != connection:
        changed = replace(changed, updated_at=windows.iso(call.now))
        state.engage.connections[changed.id] = changed
    return {"destination": {"id": changed.destination_id}, **_configuration(changed)}


def _remove_destination(state: State, call: Call) -> Data:
    """Disconnect an audience from a destination. Activations must be gone before: 409, as documented."""
    connection = _connection_to(state, call)
    if state.engage.activations_of(connection.id):
        raise refusals.conflict("The destination still has activations", "destinationId")
    del state.engage.connections[connection.id]
    return {"status": "SUCCESS"}


def _list_activations(state: State, call: Call) -> Data:
    audience = audience_of(state, call, "audienceId")
    found = _activations(state, audience)
    return page("activations", [_answer(state, audience, each, call.now) for each in found], call)


def _get_activation(state: State, call: Call) -> Data:
    audience = audience_of(state, call, "audienceId")
    return {"activation": _answer(state, audience, _activation(state, audience, call), call.now)}


def _add_activation(state: State, call: Call) -> Data:
    """Add an activation, enabled unless the body says otherwise. A display name is for warehouses, and is dropped."""
    audience, given = audience_of(state, call, "audienceId"), call.body
    connection = next(
        (each for each in _connections(state, audience) if each.id == call.arguments["connectionId"]), None
    )
    if connection is None:
        raise refusals.not_found("Connection")
    _no_problems(blanks(given, ["activationName"]))
    _allow("activationType", given["activationType"], TYPES_OF_LINKED if audience.type == LINKED else TYPES)
    made = Activation(
        id=f"act_{state.new_id()}",
        connection_id=connection.id,
        type=given["activationType"],
        name=given["activationName"],
        enabled=given.get("enabled", True),
        personalization=_personalization(state, audience, given, {}, given["activationType"]),
        mapping=_mapping(state, connection, given, None),
        resynced_at=call.now if given["performResync"] else None,
    )
    state.engage.activations[made.id] = made
    return {"activation": _answer(state, audience, made, call.now)}


def _update_activation(state: State, call: Call) -> Data:
    """Change what the body names; a profile, entities or a mapping that it names replace those before.

    An empty name is ignored, as documented.
    """
    audience, given = audience_of(state, call, "audienceId"), call.body
    before = _activation(state, audience, call)
    connection = state.engage.connections[before.connection_id]
    changed = replace(
        before,
        name=given.get("activationName") or before.name,
        enabled=given.get("enabled", before.enabled),
        personalization=_personalization(state, audience, given, before.personalization, before.type),
        mapping=_mapping(state, connection, given, before.mapping),
        resynced_at=call.now if given.get("performResync") else before.resynced_at,
    )
    state.engage.activations[changed.id] = changed
    return {"activation": _answer(state, audience, changed, call.now)}


def _remove_activation(state: State, call: Call) -> Data:
    del state.engage.activations[_activation(state, audience_of(state, call, "audienceId"), call).id]
    return {"status": "SUCCESS"}


def _connections(state: State, audience: Audience) -> list[Connection]:
    return [
        each
        for each in state.engage.connections.values()
        if each.audience_id == audience.id and each.destination_id in state.workspace.destinations
    ]


def _connection_to(state: State, call: Call) -> Connection:
    """The audience's connection to the destination in the path.

    The parameter is called a destination's ID, and the reference's examples show a connection's: either is understood.
    """
    wanted = call.arguments["destinationId"]
    found = _connections(state, audience_of(state, call, "audienceId"))
    connection = next((each for each in found if wanted in {each.destination_id, each.id}), None)
    if connection is None:
        raise refusals.not_found("Destination")
    return connection


def _activations(state: State, audience: Audience) -> list[Activation]:
    return [
        activation
        for connection in _connections(state, audience)
        for activation in state.engage.activations_of(connection.id)
    ]


def _activation(state: State, audience: Audience, call: Call) -> Activation:
    found = next((each for each in _activations(state, audience) if each.id == call.arguments["id"]), None)
    if found is None:
        raise refusals.not_found("Activation")
    return found


def _id_sync(given: Mapping[str, Any]) -> Sequence[Data]:
    asked = given.get("idSyncConfiguration", ())
    for index, each in enumerate(asked):
        _allow(f"idSyncConfiguration.{index}.strategy", each["strategy"], STRATEGIES)
    return [only(each, ("externalId", "strategy", "mapTo")) for each in asked]


def _mapping(
    state: State, connection: Connection, given: Mapping[str, Any], before: Mapping[str, Any] | None
) -> Mapping[str, Any] | None:
    """The mapping in a body, or else the one before. That the destination must have its action is our choice."""
    if "destinationMapping" not in given:
        return before
    mapping = only(given["destinationMapping"], ("actionId", "settings"))
    actions = state.workspace.destinations[connection.destination_id].metadata.get("actions", ())
    if all(each["id"] != mapping["actionId"] for each in actions):
        raise refusals.invalid([refusals.problem("destinationMapping.actionId", "is not an action of the destination")])
    return mapping


def _personalization(
    state: State, audience: Audience, given: Mapping[str, Any], before: Mapping[str, Any], kind: str
) -> Data:
    """The personalization in a body, over the one before.

    Entities of an audience that is not linked are 400, as documented; one that the space does not have is 422.
    """
    asked = given.get("personalization", {})
    if "entities" in asked and audience.type != LINKED:
        raise refusals.RefusalError(400, [refusals.problem("personalization.entities", "is only for linked audiences")])
    known = state.engage.spaces[audience.space_id].entities
    for index, each in enumerate(asked.get("entities", ())):
        _allow(f"personalization.entities.{index}.relationshipSlug", each["relationshipSlug"], known)
    if asked.get("syncEntityPropertyChanges") and kind != BOTH_WAYS:
        _no_problems([refusals.problem("personalization.syncEntityPropertyChanges", f'is only for "{BOTH_WAYS}"')])
    found = {**before, **only(asked, ("syncEntityPropertyChanges",))}
    if "entities" in asked:
        found["entities"] = [only(each, ("relationshipSlug", "properties")) for each in asked["entities"]]
    if "profile" in asked or "profile" not in before:
        found["profile"] = {"properties": [], **only(asked.get("profile", {}), ("properties", "mapping"))}
    return found


def _allow(field: str, value: str, allowed: Sequence[str]) -> None:
    if value not in allowed:
        _no_problems([refusals.problem(field, f"must be one of [{', '.join(allowed)}]")])


def _no_problems(problems: Iterable[refusals.Problem]) -> None:
    found = list(problems)
    if found:
        raise refusals.invalid(found)


def _configuration(connection: Connection) -> Data:
    settings = {} if connection.settings is None else {"connectionSettings": connection.settings}
    return {"idSyncConfiguration": list(connection.id_sync), **settings}


def _connection_answer(state: State, connection: Connection) -> Data:
    destination = state.workspace.destinations[connection.destination_id].answer
    return {
        "id": connection.id,
        "destinationId": connection.destination_id,
        **only(destination, ("name", "sourceId", "enabled", "settings")),
        "metadata": only(destination["metadata"], ("id", "name", "slug")),
        "createdAt": connection.created_at,
        "updatedAt": connection.updated_at,
        **_configuration(connection),
    }


def _answer(state: State, audience: Audience, activation: Activation, now: datetime) -> Data:
    resynced = activation.resynced_at
    return {
        "id": activation.id,
        "enabled": activation.enabled,
        "workspaceId": state.workspace.info["id"],
        "spaceId": audience.space_id,
        "audienceId": audience.id,
        "connectionId": activation.connection_id,
        "activationType": activation.type,
        "activationName": activation.name,
        "personalization": activation.personalization,
        **({} if activation.mapping is None else {"destinationMapping": activation.mapping}),
        "performResync": resynced is not None and now - resynced < RESYNCING,
    }


HANDLERS: Mapping[str, Handler] = MappingProxyType(
    {
        "listDestinationsFromAudience": _list_destinations,
        "addDestinationToAudience": _add_destination,
        "updateDestinationForAudience": _update_destination,
        "removeDestinationFromAudience": _remove_destination,
        "listActivationsFromAudience": _list_activations,
        "getActivationFromAudience": _get_activation,
        "addActivationToAudience": _add_activation,
        "updateActivationForAudience": _update_activation,
        "removeActivationFromAudience": _remove_activation,
    }
)
