"""The error tree: what its docstring draws is what the classes are."""

import inspect
import re
from typing import Any

import pytest

from segment_mcp import errors
from segment_mcp.errors import EventInvalid, InvalidArguments, NotConfigured, SegmentMcpError, UpstreamError

DRAWN = re.compile(r"^(?P<lead>[ │├└─]*)(?P<name>[A-Z]\w+)(?: {2,}(?P<code>[a-z_]+)(?= {2,}))?")

CLASSES = {
    name: kind
    for name, kind in vars(errors).items()
    if inspect.isclass(kind) and issubclass(kind, Exception) and kind.__module__ == errors.__name__
}
LEAVES = [kind for kind in CLASSES.values() if issubclass(kind, SegmentMcpError) and not kind.__subclasses__()]


def drawing() -> dict[str, tuple[str, str | None]]:
    """`{name: (parent, code)}` as the module's docstring draws it."""
    found: dict[str, tuple[str, str | None]] = {}
    above: list[tuple[int, str]] = []
    for line in (errors.__doc__ or "").splitlines():
        match = DRAWN.match(line)
        if match is None or not match["lead"]:
            continue
        depth = len(match["lead"])
        above = [(other, name) for other, name in above if other < depth]
        found[match["name"]] = (above[-1][1] if above else "Exception", match["code"])
        above.append((depth, match["name"]))
    return found


def made(kind: type[SegmentMcpError]) -> SegmentMcpError:
    if issubclass(kind, InvalidArguments):
        return kind([{"field": "sourceId", "message": "is required"}])
    if issubclass(kind, NotConfigured):
        return kind("SEGMENT_API_TOKEN", "reading sources")
    if issubclass(kind, EventInvalid):
        return kind([{"index": 0, "code": "event_not_defined", "field": "event", "message": "event is required"}])
    if issubclass(kind, UpstreamError):
        return kind("It answered.", host="api.segmentapis.com", status=400, requestId="r-1")
    return kind("It happened.", setting="SEGMENT_MCP_MODE")


def test_the_drawing_is_found() -> None:
    assert drawing()["SegmentMcpError"] == ("Exception", None)
    assert drawing()["RateLimited"] == ("UpstreamError", "rate_limited")


def test_the_drawing_and_the_classes_agree() -> None:
    classes = {name: (kind.__bases__[0].__name__, vars(kind).get("code")) for name, kind in CLASSES.items()}
    assert classes == drawing()


@pytest.mark.parametrize("kind", LEAVES)
def test_a_leaf_has_a_code_of_its_own(kind: type[SegmentMcpError]) -> None:
    assert [other for other in LEAVES if other.code == kind.code] == [kind]


@pytest.mark.parametrize("kind", LEAVES)
def test_data_begins_with_the_code(kind: type[SegmentMcpError]) -> None:
    assert next(iter(made(kind).data().items())) == ("code", kind.code)


@pytest.mark.parametrize("kind", LEAVES)
def test_every_message_says_what_to_do_next(kind: type[SegmentMcpError]) -> None:
    said = str(made(kind))
    assert said.endswith(kind.remedy or "Set it in the MCP server's configuration and restart the server.")
    assert said.endswith(".")
    assert ".." not in said


@pytest.mark.parametrize(
    ("error", "details"),
    [
        (
            made(InvalidArguments),
            {"code": "invalid_arguments", "problems": [{"field": "sourceId", "message": "is required"}]},
        ),
        (made(NotConfigured), {"code": "not_configured", "setting": "SEGMENT_API_TOKEN"}),
        (
            made(EventInvalid),
            {
                "code": "event_invalid",
                "events": [{"index": 0, "code": "event_not_defined", "field": "event", "message": "event is required"}],
            },
        ),
        (errors.NotAllowed("No.", setting="SEGMENT_MCP_MODE"), {"code": "not_allowed", "setting": "SEGMENT_MCP_MODE"}),
        (
            errors.RateLimited("Too many.", host="h", status=429, requestId="r", retryAfterSeconds=0),
            {"code": "rate_limited", "host": "h", "status": 429, "requestId": "r", "retryAfterSeconds": 0},
        ),
        (
            errors.RateLimited("Too many.", host="h", status=429, retryAfterSeconds=None),
            {"code": "rate_limited", "host": "h", "status": 429},
        ),
        (errors.NetworkFailed("Gone.", host="h"), {"code": "network", "host": "h"}),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_data_carries_what_is_known_and_nothing_else(error: SegmentMcpError, details: dict[str, Any]) -> None:
    assert error.data() == details


def test_a_fourth_invalid_event_is_counted_in_the_sentence_and_listed_in_the_data() -> None:
    events = [{"index": i, "code": "id_required", "field": "groupId", "message": "groupId is required"}
              for i in range(5)]  # fmt: skip
    error = EventInvalid(events)
    assert "event 2" in str(error)
    assert "event 3" not in str(error)
    assert "and 2 more" in str(error)
    assert error.data()["events"] == events


def test_a_fault_of_the_batch_as_a_whole_names_no_event() -> None:
    error = EventInvalid([{"code": "empty_batch", "field": "batch", "message": "batch has no event"}])
    assert "the batch, empty_batch" in str(error)


def test_details_are_copies_that_later_changes_do_not_reach() -> None:
    problem = {"field": "name", "message": "is required"}
    error = InvalidArguments([problem])
    problem["message"] = "changed"
    assert error.data()["problems"] == [{"field": "name", "message": "is required"}]
