"""Answers for operations that have no state here: made from the operation's schema and from what the call said.

Such an answer is valid and always the same for the same call, and nothing was changed by it: a header says so. A read
shows every member that the schema has; the answer to a write shows what must be there and what the write said.
"""

import hashlib
import re
import string
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final

from segment_mcp import operations
from segment_mcp.operations import Operation
from segment_mcp.sandbox import checks, pages, settings, windows
from segment_mcp.sandbox.api.frame import Call, Data, State
from segment_mcp.sandbox.references import Schema, resolved

HEADER: Final = {"X-Segment-Sandbox": "made"}

_LONG_AGO: Final = datetime(2026, 1, 1, tzinfo=UTC)
"""When everything happened that a read shows: it must not change from one read to the next."""
_ID_LENGTH = 22
_ALPHABET = string.ascii_letters + string.digits
_EMPTY_LISTS = frozenset({"errors", "failures", "warnings"})
_TEXTS = MappingProxyType(
    {
        re.compile("emails?$"): "someone@shop.example",
        re.compile("count$"): "1",
        re.compile("status$"): "SUCCESS",
        re.compile("^err"): "",
    }
)
"""What a member's text is by its name in lower case; its name as it is if none of these."""
_NOTHING: Final = object()


def answer(state: State, call: Call) -> Data:
    """The `data` of the operation's answer. Of the events that its row names for the audit trail it notes the first."""
    row = call.operation
    area = operations.schemas(operations.area_of(row))
    definitions = area["$defs"]
    envelope = resolved(area["operations"][row.name]["answer"], definitions)
    maker = _Maker(
        row.name,
        definitions,
        _known(state, call),
        call.now if call.body is not None else _LONG_AGO,
        changes=call.body is not None,
    )
    data: Data = maker.value(envelope["properties"]["data"], _said(call), ())
    if row.audit:
        resource = _resource(call, data)
        call.note(row.audit[0], resource[0], resource[1], resource[2])
    return data


def _known(state: State, call: Call) -> Mapping[str, Any]:
    """IDs that mean the same wherever an answer has them: those that the call named, the workspace, a source."""
    known: dict[str, Any] = {"workspaceId": state.workspace.info["id"]}
    if state.workspace.sources:
        known["sourceId"] = next(iter(state.workspace.sources))
    return {**known, **{name: value for name, value in call.arguments.items() if name.endswith("Id")}}


def _said(call: Call) -> Mapping[str, Any]:
    """What the call said of the thing that it is about: `id` is the path's last step, if that names a thing."""
    said = {name: value for name, value in call.arguments.items() if name != "id"}
    last = _last_slot(call.operation)
    if last is not None:
        said["id"] = call.arguments[last]
    return {**said, **call.body} if isinstance(call.body, dict) else said


def _last_slot(row: Operation) -> str | None:
    name = row.path.rpartition("/")[2].strip("{}")
    return name if row.path.endswith("}") and (name == "id" or name.endswith("Id")) else None


def _resource(call: Call, data: Data) -> tuple[str, str, str]:
    """Type, ID and name of what an event of the audit trail is about: what the answer says, or else the path."""
    steps = [step for step in call.operation.path.split("/") if step and not step.startswith("{")]
    thing = next((each for each in data.values() if isinstance(each, dict) and "id" in each), {})
    slots = [name for name in call.arguments if f"{{{name}}}" in call.operation.path]
    identity = str(thing.get("id") or (call.arguments[slots[-1]] if slots else ""))
    return steps[-1].removesuffix("s"), identity, str(thing.get("name") or identity)


@dataclass(frozen=True, slots=True)
class _Maker:
    """Makes one answer.

    Attributes:
        seed: what the made IDs depend on, besides where they stand.
        definitions: what the schema's references name.
        known: members that have the same value wherever they stand.
        now: the clock.
        changes: whether the call is a write.
    """

    seed: str
    definitions: Mapping[str, Schema]
    known: Mapping[str, Any]
    now: datetime
    changes: bool

    def value(self, schema: Schema, given: Any, path: tuple[str, ...]) -> Any:
        """A value that keeps the schema: what was given if that fits, and else one that is made."""
        agreed = resolved(schema, self.definitions)
        if "anyOf" in agreed:
            return self.value(self._choice(agreed["anyOf"], given), given, path)
        kind = agreed.get("type")
        if kind == "object" and "properties" in agreed:
            return self._object(agreed, given, path)
        if kind == "array":
            return self._list(agreed, given, path)
        if given is not _NOTHING and checks.validator(agreed, self.definitions).is_valid(given):
            return _masked(given) if path[-1] == "settings" and isinstance(given, dict) else given
        if "enum" in agreed:
            return agreed["enum"][0]
        return self._leaf(agreed, path)

    def _choice(self, options: list[Schema], given: Any) -> Schema:
        """The first that what was given fits, or else the first that is more than null."""
        fitting = (each for each in options if checks.validator(each, self.definitions).is_valid(given))
        return next(fitting, options[0]) if given is not _NOTHING else options[0]

    def _object(self, schema: Schema, given: Any, path: tuple[str, ...]) -> Data:
        members: Mapping[str, Schema] = schema["properties"]
        required = schema.get("required", ())
        if {"current", "totalEntries"} <= set(members):
            start = 0 if resolved(members["current"], self.definitions)["type"] == "number" else pages.encode(0)
            return {"current": start, "totalEntries": 1}
        said: Mapping[str, Any] = given if isinstance(given, dict) else {}
        found: Data = {}
        for name, member in members.items():
            value = said.get(name, self.known.get(name, _NOTHING))
            if name in required or value is not _NOTHING or self._shown(name):
                if not path and self._is_object(member):  # the thing that the operation is about
                    value = {**said, **(value if isinstance(value, dict) else {})}
                found[name] = self.value(member, value, (*path, name))
        return found

    def _is_object(self, schema: Schema) -> bool:
        agreed = resolved(schema, self.definitions)
        return "properties" in resolved(agreed.get("anyOf", [agreed])[0], self.definitions)

    def _shown(self, name: str) -> bool:
        """Whether an optional member that the call did not speak of is in the answer."""
        return name == "pagination" or not (self.changes or name.startswith("error"))

    def _list(self, schema: Schema, given: Any, path: tuple[str, ...]) -> list[Any]:
        items: Schema = schema.get("items", {})
        if isinstance(given, list):
            return [self.value(items, each, path) for each in given]
        return [] if path[-1] in _EMPTY_LISTS else [self.value(items, _NOTHING, path)]

    def _leaf(self, schema: Schema, path: tuple[str, ...]) -> Any:
        kind = schema.get("type")
        kinds = kind if isinstance(kind, list) else [kind]
        if "string" in kinds:
            return self._text(schema, path)
        if "boolean" in kinds:
            return True
        if "number" in kinds or "integer" in kinds:
            return schema.get("minimum", 1)
        return {} if "object" in kinds else None

    def _text(self, schema: Schema, path: tuple[str, ...]) -> str:
        name, lower = path[-1], path[-1].lower()
        if schema.get("format") == "date-time" or name.endswith("At"):
            return windows.iso(self.now)
        if name == "id" or name.endswith(("Id", "Ids")):
            return self._id(path)
        if lower.endswith(("url", "urls")):
            return f"https://sandbox.example/{self._id(path)}"
        return next((text for pattern, text in _TEXTS.items() if pattern.search(lower)), name)

    def _id(self, path: tuple[str, ...]) -> str:
        digest = hashlib.sha256(".".join((self.seed, *path)).encode()).digest()
        return "".join(_ALPHABET[byte % len(_ALPHABET)] for byte in digest[:_ID_LENGTH])


def _masked(given: Mapping[str, Any]) -> Data:
    """Settings as Segment shows them, at every depth."""
    shown = settings.masked(given, {"options": ()})
    return {name: _masked(value) if isinstance(value, dict) else value for name, value in shown.items()}
