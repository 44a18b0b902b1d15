"""Functions: code of the workspace with its versions, and the instances that put insert functions to work.

The code is kept and shown, never run. A function's versions are never changed: what was deployed is told apart by
its time.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final

from segment_mcp.sandbox import refusals, settings

PREFIXES: Final = MappingProxyType(
    {
        "SOURCE": "sfnc_",
        "DESTINATION": "dfnc_",
        "INSERT_SOURCE": "ifns_",
        "INSERT_DESTINATION": "ifnd_",
        "INSERT_TRANSFORMATION": "ifnt_",
    }
)
"""How IDs of functions begin, by resource type. The reference shows those of sources and names two of the inserts'."""

_TYPES: Final = MappingProxyType(
    {
        "ARRAY": (list, "must be an array"),
        "BOOLEAN": (bool, "must be a boolean"),
        "STRING": (str, "must be a string"),
        "TEXT_MAP": (dict, "must be of type object"),
    }
)
_NAMED_FOR_THE_WORKSPACE: Final = frozenset({"DESTINATION", "INSERT_DESTINATION", "INSERT_SOURCE"})

Setting = Mapping[str, Any]
Settings = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Version:
    """One state of a function's code.

    Attributes:
        deployed_at: when it was last deployed; None if it never was.
    """

    id: str
    code: str
    author: str
    created_at: str
    deployed_at: str | None = None


@dataclass(frozen=True, slots=True)
class Function:
    """Code of the workspace, and what people call it.

    Attributes:
        resource_type: what it does: one of `PREFIXES`.
        display_name: as it was written; see `shown_name`.
        settings: the settings that an instance gives values to.
        preview_webhook_url: where a source function takes requests to try it out; empty for others.
        versions: oldest first, at least one.
        deployed: the ID of the version that runs; None if none does.
    """

    id: str
    resource_type: str
    display_name: str
    description: str | None
    logo_url: str | None
    settings: tuple[Setting, ...]
    created_at: str
    created_by: str
    catalog_id: str
    preview_webhook_url: str
    versions: tuple[Version, ...]
    deployed: str | None = None

    @property
    def class_id(self) -> str:
        """What an instance knows its function by: the ID without its prefix."""
        return self.id.partition("_")[2]

    @property
    def inserted(self) -> bool:
        """Whether it runs in an instance before something else."""
        return self.resource_type.startswith("INSERT_")

    @property
    def latest(self) -> Version:
        """The version that was saved last."""
        return self.versions[-1]

    def version(self, version_id: str) -> Version | None:
        """The version with that ID, if it has one."""
        return next((each for each in self.versions if each.id == version_id), None)


@dataclass(frozen=True, slots=True)
class Instance:
    """An insert function at one source or destination.

    Attributes:
        integration_id: the source or destination.
        class_id: its function's.
        settings: values of the function's settings, secrets included.
    """

    id: str
    name: str
    integration_id: str
    class_id: str
    enabled: bool
    settings: Settings
    created_at: str
    updated_at: str


@dataclass(slots=True)
class Functions:
    """The workspace's functions by ID, and the instances of its insert functions by theirs."""

    by_id: dict[str, Function]
    instances: dict[str, Instance]

    def of_class(self, class_id: str) -> Function | None:
        """The insert function that instances know by this ID."""
        return next((each for each in self.by_id.values() if each.inserted and each.class_id == class_id), None)

    def delete(self, function: Function) -> None:
        """Remove a function with its versions and its instances."""
        del self.by_id[function.id]
        self.instances = {
            key: each
            for key, each in self.instances.items()
            if not (function.inserted and each.class_id == function.class_id)
        }


def seeded() -> Functions:
    """The functions and instances that every sandbox starts with."""
    text = files("segment_mcp.sandbox").joinpath("functions.json").read_text(encoding="utf-8")
    data = json.loads(text)
    return Functions(
        {entry["id"]: _function(entry) for entry in data["functions"]},
        {entry["id"]: _instance(entry) for entry in data["instances"]},
    )


def item(function: Function, workspace_name: str) -> dict[str, Any]:
    """The function as lists show it."""
    optional = {"description": function.description, "logoUrl": function.logo_url}
    return {
        "id": function.id,
        "resourceType": function.resource_type,
        "createdAt": function.created_at,
        "createdBy": function.created_by,
        "displayName": shown_name(function, workspace_name),
        **{name: value for name, value in optional.items() if value is not None},
        "catalogId": function.catalog_id,
    }


def answer(function: Function, workspace_name: str) -> dict[str, Any]:
    """The function as it is shown by itself: its code is what was saved last, deployed or not."""
    running = function.version(function.deployed) if function.deployed else None
    return {
        **item(function, workspace_name),
        "code": function.latest.code,
        "deployedAt": running.deployed_at if running else None,
        "isLatestVersion": function.deployed == function.latest.id,
        "settings": list(function.settings),
        "previewWebhookUrl": function.preview_webhook_url,
        "batchMaxCount": 0,
    }


def shown_name(function: Function, workspace_name: str) -> str:
    """The display name. Segment appends the workspace's to that of a destination or insert function."""
    named = function.resource_type in _NAMED_FOR_THE_WORKSPACE
    return f"{function.display_name} ({workspace_name})" if named else function.display_name


def version_answer(function: Function, version: Version) -> dict[str, Any]:
    """The version as the Public API shows it."""
    deployed = {} if version.deployed_at is None else {"deployedAt": version.deployed_at}
    return {
        "id": version.id,
        "author": version.author,
        "code": version.code,
        "isDeployed": version.id == function.deployed,
        "createdAt": version.created_at,
        "updatedAt": version.deployed_at or version.created_at,
        **deployed,
    }


def instance_answer(instance: Instance, function: Function | None) -> dict[str, Any]:
    """The instance as the Public API shows it: values of sensitive settings stand apart, as bullets."""
    sensitive = {each["name"] for each in function.settings if each["sensitive"]} if function else set()
    return {
        "id": instance.id,
        "name": instance.name,
        "integrationId": instance.integration_id,
        "classId": instance.class_id,
        "enabled": instance.enabled,
        "createdAt": instance.created_at,
        "updatedAt": instance.updated_at,
        "settings": {name: value for name, value in instance.settings.items() if name not in sensitive},
        "encryptedSettings": {name: settings.MASK for name in instance.settings if name in sensitive},
    }


def settings_problems(declared: Sequence[Setting], given: Settings) -> Iterator[refusals.Problem]:
    """Why an instance can't have these settings: they are not its function's, of another type, or one is missing."""
    known = {each["name"]: each for each in declared}
    for name, value in given.items():
        if name not in known:
            yield refusals.problem(f"settings.{name}", "is not allowed")
            continue
        type_, predicate = _TYPES[known[name]["type"]]
        if not isinstance(value, type_):
            yield refusals.problem(f"settings.{name}", predicate)
    for name, each in known.items():
        if each["required"] and name not in given:
            yield refusals.problem(f"settings.{name}", "is required")


def _function(entry: Mapping[str, Any]) -> Function:
    return Function(
        id=entry["id"],
        resource_type=entry["resourceType"],
        display_name=entry["displayName"],
        description=entry["description"],
        logo_url=entry["logoUrl"],
        settings=tuple(entry["settings"]),
        created_at=entry["versions"][0]["createdAt"],
        created_by=entry["versions"][0]["author"],
        catalog_id=entry["catalogId"],
        preview_webhook_url=entry["previewWebhookUrl"],
        versions=tuple(_version(version) for version in entry["versions"]),
        deployed=entry["deployed"],
    )


def _version(entry: Mapping[str, Any]) -> Version:
    code = "\n".join(entry["code"])
    return Version(entry["id"], code, entry["author"], entry["createdAt"], entry.get("deployedAt"))


def _instance(entry: Mapping[str, Any]) -> Instance:
    return Instance(
        id=entry["id"],
        name=entry["name"],
        integration_id=entry["integrationId"],
        class_id=entry["classId"],
        enabled=entry["enabled"],
        settings=entry["settings"],
        created_at=entry["createdAt"],
        updated_at=entry["createdAt"],
    )
