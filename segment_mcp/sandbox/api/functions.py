"""Functions, their versions, and instances of insert functions. An instance is there as long as what it runs at."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from segment_mcp.sandbox import audit, bodies, functions, refusals, windows
from segment_mcp.sandbox.api.frame import Call, Data, Handler, State, page
from segment_mcp.sandbox.functions import Function, Instance, Version
from segment_mcp.sandbox.settings import merged

_LONGEST_INSERT_NAME = 120  # documented for insert functions only
_SETTING = ("name", "label", "description", "type", "required", "sensitive")


def _list_functions(state: State, call: Call) -> Data:
    asked, workspace_name = call.arguments["resourceType"], state.workspace.info["name"]
    found = [each for each in state.functions.by_id.values() if each.resource_type == asked]
    return page("functions", [functions.item(each, workspace_name) for each in found], call)


def _create_function(state: State, call: Call) -> Data:
    """Add a function with its first version, which is not deployed."""
    now, type_ = windows.iso(call.now), call.body["resourceType"]
    _refuse_texts(call, type_)
    function = Function(
        id=f"{functions.PREFIXES[type_]}{state.new_id()}",
        resource_type=type_,
        display_name=call.body["displayName"],
        description=call.body.get("description"),
        logo_url=call.body.get("logoUrl"),
        settings=_settings_of(call.body.get("settings", ())),
        created_at=now,
        created_by=audit.ACTOR,
        catalog_id=state.new_id(),
        preview_webhook_url=f"https://fn.segmentapis.com/?b={state.new_write_key()}" if type_ == "SOURCE" else "",
        versions=(Version(state.new_id(), call.body["code"], audit.ACTOR, now),),
    )
    return _put(state, function)


def _get_function(state: State, call: Call) -> Data:
    """The reference lets the answer be null; that a function that does not exist is 404 is the choice here."""
    return {"function": functions.answer(_function_of(state, call), state.workspace.info["name"])}


def _update_function(state: State, call: Call) -> Data:
    """Change what the body names; `settings` replace all. Other code than the latest is a new version, not deployed."""
    function = _function_of(state, call)
    _refuse_texts(call, function.resource_type)
    changed = replace(
        function,
        display_name=call.body.get("displayName", function.display_name),
        description=call.body.get("description", function.description),
        logo_url=call.body.get("logoUrl", function.logo_url),
        settings=_settings_of(call.body.get("settings", function.settings)),
    )
    code = call.body.get("code", function.latest.code)
    return _put(state, changed if code == function.latest.code else _with_version(state, call, changed, code))


def _delete_function(state: State, call: Call) -> Data:
    state.functions.delete(_function_of(state, call))
    return {"status": "SUCCESS"}


def _create_deployment(state: State, call: Call) -> Data:
    """Have the latest version run. Documented for source functions only, so another kind is 422."""
    function = _function_of(state, call)
    if function.resource_type != "SOURCE":
        raise refusals.invalid([refusals.problem("functionId", "is not a source function")])
    deployed = replace(function.latest, deployed_at=windows.iso(call.now))
    _put(state, replace(function, versions=(*function.versions[:-1], deployed), deployed=deployed.id))
    return {"functionDeployment": {"status": "SUCCESS"}}


def _list_versions(state: State, call: Call) -> Data:
    """The latest version first, as Segment's app shows them."""
    function = _function_of(state, call)
    return page("versions", [functions.version_answer(function, each) for each in reversed(function.versions)], call)


def _get_version(state: State, call: Call) -> Data:
    function = _function_of(state, call)
    version = function.version(call.arguments["versionId"])
    if version is None:
        raise refusals.not_found("Version")
    return {"version": functions.version_answer(function, version)}


def _restore_version(state: State, call: Call) -> Data:
    """Add a version with the code of an earlier one, as Segment documents it; it is not deployed by that."""
    function = _function_of(state, call)
    version = function.version(call.body["versionId"])
    if version is None:
        raise refusals.invalid([refusals.problem("versionId", "is not a version of this function")])
    restored = _with_version(state, call, function, version.code)
    _put(state, restored)
    return {"version": functions.version_answer(restored, restored.latest)}


def _list_instances(state: State, call: Call) -> Data:
    """The instances of an insert function, which the query names without the prefix of its ID."""
    function = state.functions.of_class(call.arguments["functionId"])
    if function is None:
        raise refusals.not_found("Function")
    found = [
        functions.instance_answer(each, function)
        for each in state.functions.instances.values()
        if each.class_id == function.class_id and _is_there(state, each)
    ]
    return page("instances", found, call)


def _create_instance(state: State, call: Call) -> Data:
    """Put an insert function before a source or destination; it is enabled only if the body says so.

    Documented: a destination takes one insert function, and only where Segment's servers deliver to it. The sandbox
    lets a source have only one, too; a second one is 409.
    """
    body, now = call.body, windows.iso(call.now)
    _refuse_blanks(body, "name")
    function, settings = _insert_function_of(state, body), merged({}, body["settings"])
    _refuse_integration(state, function, body["integrationId"])
    _refuse_settings(function, settings)
    if any(each.integration_id == body["integrationId"] for each in state.functions.instances.values()):
        raise refusals.conflict("The integration already has an insert function", "integrationId")
    instance = Instance(
        id=state.new_id(),
        name=body["name"],
        integration_id=body["integrationId"],
        class_id=function.class_id,
        enabled=body.get("enabled", False),
        settings=settings,
        created_at=now,
        updated_at=now,
    )
    return _put_instance(state, instance)


def _get_instance(state: State, call: Call) -> Data:
    return _shown(state, _instance_of(state, call))


def _update_instance(state: State, call: Call) -> Data:
    """Change what the body names. `settings` are merged key by key, as those of sources are; null takes one away."""
    instance = _instance_of(state, call)
    _refuse_blanks(call.body, "name")
    changed = replace(
        instance,
        name=call.body.get("name", instance.name),
        enabled=call.body.get("enabled", instance.enabled),
        settings=merged(instance.settings, call.body["settings"]),
    )
    function = state.functions.of_class(instance.class_id)
    if function is not None and changed.settings != instance.settings:
        _refuse_settings(function, changed.settings)
    if changed == instance:
        return _shown(state, instance)
    return _put_instance(state, replace(changed, updated_at=windows.iso(call.now)))


def _delete_instance(state: State, call: Call) -> Data:
    del state.functions.instances[_instance_of(state, call).id]
    return {"status": "SUCCESS"}


def _function_of(state: State, call: Call) -> Function:
    found = state.functions.by_id.get(call.arguments["functionId"])
    if found is None:
        raise refusals.not_found("Function")
    return found


def _instance_of(state: State, call: Call) -> Instance:
    found = state.functions.instances.get(call.arguments["instanceId"])
    if found is None or not _is_there(state, found):
        raise refusals.not_found("Insert function instance")
    return found


def _is_there(state: State, instance: Instance) -> bool:
    return instance.integration_id in state.workspace.sources or instance.integration_id in state.workspace.destinations


def _settings_of(given: Sequence[Mapping[str, Any]]) -> tuple[functions.Setting, ...]:
    return tuple(bodies.only(each, _SETTING) for each in given)


def _with_version(state: State, call: Call, function: Function, code: str) -> Function:
    version = Version(state.new_id(), code, audit.ACTOR, windows.iso(call.now))
    return replace(function, versions=(*function.versions, version))


def _put(state: State, function: Function) -> Data:
    state.functions.by_id[function.id] = function
    return {"function": functions.answer(function, state.workspace.info["name"])}


def _put_instance(state: State, instance: Instance) -> Data:
    state.functions.instances[instance.id] = instance
    return _shown(state, instance)


def _shown(state: State, instance: Instance) -> Data:
    function = state.functions.of_class(instance.class_id)
    return {"insertFunctionInstance": functions.instance_answer(instance, function)}


def _refuse_blanks(body: Mapping[str, Any], *names: str) -> None:
    found = bodies.blanks(body, names)
    if found:
        raise refusals.invalid(found)


def _refuse_texts(call: Call, resource_type: str) -> None:
    _refuse_blanks(call.body, "code", "displayName")
    if resource_type.startswith("INSERT_") and len(call.body.get("displayName", "")) > _LONGEST_INSERT_NAME:
        predicate = f"length must be less than or equal to {_LONGEST_INSERT_NAME} characters long"
        raise refusals.invalid([refusals.problem("displayName", predicate)])


def _refuse_settings(function: Function, settings: Mapping[str, Any]) -> None:
    found = list(functions.settings_problems(function.settings, settings))
    if found:
        raise refusals.invalid(found)


def _insert_function_of(state: State, body: Mapping[str, Any]) -> Function:
    found = state.functions.of_class(body["functionId"])
    if found is None:
        predicate = "is not an existing insert function, named without the ifnd_ or ifns_ of its ID"
        raise refusals.invalid([refusals.problem("functionId", predicate)])
    return found


def _refuse_integration(state: State, function: Function, integration_id: str) -> None:
    destination = state.workspace.destinations.get(integration_id)
    if function.resource_type == "INSERT_SOURCE":
        predicate = "" if integration_id in state.workspace.sources else "is not an existing source"
    elif destination is None:
        predicate = "is not an existing destination"
    else:
        predicate = "" if destination.cloud else "is not a destination that Segment's servers deliver to"
    if predicate:
        raise refusals.invalid([refusals.problem("integrationId", predicate)])


HANDLERS: Mapping[str, Handler] = MappingProxyType(
    {
        "listFunctions": _list_functions,
        "createFunction": _create_function,
        "getFunction": _get_function,
        "updateFunction": _update_function,
        "deleteFunction": _delete_function,
        "createFunctionDeployment": _create_deployment,
        "listFunctionVersions": _list_versions,
        "getFunctionVersion": _get_version,
        "restoreFunctionVersion": _restore_version,
        "listInsertFunctionInstances": _list_instances,
        "createInsertFunctionInstance": _create_instance,
        "getInsertFunctionInstance": _get_instance,
        "updateInsertFunctionInstance": _update_instance,
        "deleteInsertFunctionInstance": _delete_instance,
    }
)
