"""All of Segment's Public API in five tools: find an operation, read about it, and a door for each kind of effect."""

from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from typing import Annotated, Any, Literal

from pydantic import Field

from segment_mcp.errors import InvalidArguments, SegmentMcpError, UnknownOperation
from segment_mcp.operations import OPERATIONS, Operation, Safety, area_of, get
from segment_mcp.operations.catalog import PUBLIC_AREAS
from segment_mcp.ports import Data, Facts, Segment, WriteKeys
from segment_mcp.redact import clean, mask_write_key
from segment_mcp.tools.args import Args, JsonObject
from segment_mcp.tools.selecting import Selection, select, select_of_done
from segment_mcp.tools.tool import tool

TOOL_OF: Mapping[Safety, str] = {
    "read": "segment_api_read",
    "write": "segment_api_write",
    "destroy": "segment_api_destroy",
}
MOST_MATCHES = 5

OperationName = Annotated[str, Field(min_length=1, max_length=100, description="Its name, e.g. listFunctions.")]
Arguments = Annotated[JsonObject, Field(description="As segment_api_describe shows.")]
Select = Annotated[Selection, Field(description="JMESPath on data, e.g. sources[].id.")]


class Search(Args):
    """Arguments of `segment_api_search`."""

    query: Annotated[str, Field(min_length=1, max_length=1000, description="What is to be done, in plain words.")]
    area: Annotated[str, Field(max_length=40, description="Only this area, e.g. audiences.")] | None = None
    safety: Annotated[Literal["read", "write", "destroy"], Field(description="Only these.")] | None = None


class Describe(Args):
    """Arguments of `segment_api_describe`."""

    operation: OperationName


class Change(Args):
    """Arguments of `segment_api_write` and `segment_api_destroy`."""

    operation: OperationName
    arguments: Arguments | None = None
    select: Select | None = None


class Read(Change):
    """Arguments of `segment_api_read`."""

    all: bool = Field(default=False, description="Every page of the list, within bounds.")


@tool(title="Search the Public API", safety="read", toolset="api", idempotent=True, open_world=False)
async def segment_api_search(args: Search, facts: Facts) -> Data:
    """Find operations of Segment's Public API: functions, audiences, users, transformations, deliveries and all else.

    Use this when no other tool fits; then segment_api_describe.
    """
    from segment_mcp.operations import search

    if args.area is not None and args.area not in PUBLIC_AREAS:
        raise InvalidArguments([{"field": "area", "message": f"must be one of {', '.join(PUBLIC_AREAS)}"}])
    public = _public()
    wanted = {row.name for row in public if args.area in {None, area_of(row)} and args.safety in {None, row.safety}}
    allowed = {name for name in wanted if facts.mode != "read" or get(name).safety == "read"}
    hits = [hit.operation for hit in search.find(args.query, public, limit=len(public))]
    found: Data = {"matches": [_match(row, facts) for row in hits if row.name in allowed][:MOST_MATCHES]}
    if not found["matches"]:
        found["areas"] = list(PUBLIC_AREAS)
    if allowed != wanted:
        found["hidden"] = "Operations that change something are left out: SEGMENT_MCP_MODE is read."
    return found


@tool(title="Describe an operation", safety="read", toolset="api", idempotent=True, open_world=False)
async def segment_api_describe(args: Describe, facts: Facts) -> Data:
    """Read an operation's parameters, example call, limits, harm and answer.

    Use this when you are about to call one.
    """
    from segment_mcp.operations import examples, signature

    row = _row(args.operation)
    limits = {"perMinute": row.per_minute, "quota": row.quota or None}
    needs = {"feature": row.feature or None, "anyRole": list(row.roles) or None, "onlyFor": row.only_for or None}
    told = {
        "operation": row.name,
        "area": area_of(row),
        "tool": TOOL_OF[row.safety],
        "excluded": _exclusion(row, facts),
        "summary": row.summary,
        "harm": row.harm or None,
        "stability": row.stability,
        "sunset": row.sunset or None,
        "limits": _given(limits) or None,
        "needs": _given(needs) or None,
        "pages": row.pagination is not None or None,
        "parameters": signature.parameters(row),
        "example": {"operation": row.name, "arguments": _shown(examples.example(row))},
        "answer": signature.answer(row),
    }
    return _given(told)


@tool(title="Read by the Public API", safety="read", toolset="api", idempotent=True, open_world=False)
async def segment_api_read(args: Read, segment: Segment, facts: Facts) -> Data:
    """Run an operation that only reads; select picks what is needed, all walks the pages.

    Use this when segment_api_search names it.
    """
    row, given = _checked(args, "read", facts)
    if not args.all:
        return select(await segment.call(row, given), args.select)
    if row.pagination in {None, "two"}:
        raise InvalidArguments([{"field": "all", "message": f"{row.name} does not answer one list in pages"}])
    walk = await segment.walk(row, given)
    found = {row.answer[0]: walk.items, **walk.beside, "pagination": walk.pagination, "truncated": walk.truncated}
    return select(found, args.select)


@tool(title="Write by the Public API", safety="write", toolset="api", idempotent=False, open_world=False)
async def segment_api_write(args: Change, segment: Segment, facts: Facts) -> Data:
    """Run an operation that makes or changes something and can be taken back.

    Use this when segment_api_search names it.
    """
    row, given = _checked(args, "write", facts)
    data = await segment.call(row, given)
    if row.name == "createSource":
        data = {**data, **await _warehouses_of(data["source"], segment)}
    return select_of_done(data, args.select)


@tool(title="Destroy by the Public API", safety="destroy", toolset="api", idempotent=False, open_world=True)
async def segment_api_destroy(args: Change, segment: Segment, write_keys: WriteKeys, facts: Facts) -> Data:
    """Run an operation that deletes, replaces, triggers or reaches people; a person sees a preview and agrees first.

    Use this when segment_api_search names it.
    """
    row, given = _checked(args, "destroy", facts)
    if "{writeKey}" in row.path:
        given["writeKey"] = await write_keys.resolve(given["writeKey"], source_id=given["sourceId"])
    return select_of_done(await segment.call(row, given), args.select)


async def _warehouses_of(source: Any, segment: Segment) -> Data:
    """A new source may load into warehouses by itself, so the answer says which."""
    if not isinstance(source, dict) or not isinstance(source.get("id"), str):
        return {"connectedWarehouses": None, "note": "Segment's answer names no source to read the warehouses of."}
    try:
        walk = await segment.walk(get("listConnectedWarehousesFromSource"), {"sourceId": source["id"]})
    except SegmentMcpError as error:
        note = f"Which warehouses the new source loads into by itself could not be read: {error}"
        return {"connectedWarehouses": None, "note": note}
    found = [{"id": one["id"], "name": (one.get("metadata") or {}).get("name")} for one in walk.items]
    if not found:
        return {"connectedWarehouses": [], "note": "No warehouse gets the new source's data."}
    note = "These warehouses get the new source's data already: Segment connects them by itself."
    return {"connectedWarehouses": found, "note": note}


def _checked(args: Change, safety: Safety, facts: Facts) -> tuple[Operation, dict[str, Any]]:
    """The row, and arguments that fit it; nothing was sent so far.

    Raises:
        UnknownOperation: there is none of that name.
        InvalidArguments: another tool has it, or the arguments don't fit its schema.
    """
    from segment_mcp.operations import arguments

    row = _row(args.operation)
    if row.safety != safety:
        excluded = _exclusion(row, facts)
        says = f"{row.name} is of the kind {row.safety}: {TOOL_OF[row.safety]} has it, with the same arguments"
        but = "" if excluded is None else f"; but {excluded}"
        raise InvalidArguments([{"field": "operation", "message": f"{says}{but}"}])
    given = arguments.given_of(row, args.arguments or {})
    problems = arguments.problems_of(row, given)
    if problems:
        raise InvalidArguments(problems)
    return row, given


def _row(name: str) -> Operation:
    row = OPERATIONS.get(name)
    if row is None or row.api != "public":
        names = {known.name.lower(): known.name for known in _public()}
        near = [names[one] for one in get_close_matches(name.lower(), names, n=3)]
        raise UnknownOperation(f"There is no operation {clean(name, 80)!r} in Segment's Public API.", nearest=near)
    return row


def _match(row: Operation, facts: Facts) -> Data:
    from segment_mcp.operations import signature

    match = {
        "call": signature.one_line(row),
        "summary": row.summary,
        "safety": row.safety,
        "tool": TOOL_OF[row.safety],
    }
    return _given({**match, "excluded": _exclusion(row, facts)})


def _exclusion(row: Operation, facts: Facts) -> str | None:
    """Which of the operator's settings keeps the operation from running; None: none."""
    if facts.mode == "read" and row.safety != "read":
        return "SEGMENT_MCP_MODE is read"
    return "SEGMENT_MCP_REGULATIONS is off" if row.regulates and not facts.regulations else None


def _shown(example: Mapping[str, Any]) -> Data:
    """An example's arguments with the write key masked, as it can be passed."""
    keys = {"writeKey": mask_write_key(example["writeKey"])} if "writeKey" in example else {}
    return {**example, **keys}


def _given(members: Mapping[str, Any]) -> Data:
    return {name: value for name, value in members.items() if value is not None}


@cache
def _public() -> tuple[Operation, ...]:
    return tuple(row for row in OPERATIONS.values() if row.api == "public")
