"""URIs: what each names, what names nothing, and the one spelling of each."""

from typing import Any

import pytest

from segment_mcp.errors import InvalidArguments
from segment_mcp.resources.catalog import RESOURCES
from segment_mcp.resources.resource import SCHEME, Resource, address_of, uri_of

BY_PATH = {known.path: known for known in RESOURCES}
AWKWARD = ["a/b", "a b", "50%", "%2e%2e", "a?b=c", "a#b", "\u00fc\u0394", "{sourceId}", "a&b=c", "+"]
BAD_IDS = ["%2E%2E", "%2e", "..", ".", "a%00b", "a%0Ab", "a%0D%0AHost:%20x", "%E2%80%AE", "x" * 256]


@pytest.mark.parametrize(
    ("uri", "path", "variables", "connection"),
    [
        ("segment://workspace", "workspace", {}, None),
        ("segment://sources", "sources", {}, None),
        ("segment://sources/s1", "sources/{sourceId}", {"sourceId": "s1"}, None),
        ("segment://sources?connection=eu", "sources", {}, "eu"),
        ("segment://sources/s1?connection=eu%20west", "sources/{sourceId}", {"sourceId": "s1"}, "eu west"),
        ("segment://tracking-plans/t", "tracking-plans/{trackingPlanId}", {"trackingPlanId": "t"}, None),
        ("segment://tracking-plans/t/rules", "tracking-plans/{trackingPlanId}/rules", {"trackingPlanId": "t"}, None),
        ("segment://operations/listSources", "operations/{operation}", {"operation": "listSources"}, None),
        ("segment://imports/0a", "imports/{importId}", {"importId": "0a"}, None),
        ("segment://sources/a%2Fb", "sources/{sourceId}", {"sourceId": "a/b"}, None),
        ("segment://sources/%2e%2e", "sources/{sourceId}", {"sourceId": ".."}, None),
    ],
)  # fmt: skip
def test_a_uri_names_a_resource(uri: str, path: str, variables: dict[str, str], connection: str | None) -> None:
    address = address_of(uri, RESOURCES)
    assert address is not None
    assert (address.resource.path, dict(address.variables), address.connection) == (path, variables, connection)


@pytest.mark.parametrize(
    "uri",
    [
        "", "sources", "segment:", "segment://", "segment:///sources", "SEGMENT://sources", " segment://sources",
        "https://api.segmentapis.com/sources", "file:///etc/passwd", "segment://Sources", "segment://sources/",
        "segment://sources//", "segment://sources/s1/", "segment://sources/s1/labels", "segment://sources#x",
        "segment://sources/s1#x", "segment://sources?", "segment://sources?connection", "segment://sources?connection=",
        "segment://sources?page=2", "segment://sources?connection=a&connection=b", "segment://sources?connection=a&page=2",
        "segment://sources?connection=%ff", "segment://sources/%ff", "segment://sources/a%c3", "segment://nothing",
        "segment://operations?connection=eu", "segment://outbox?connection=eu", "segment://results/x",
        "segment://user@sources", "segment://sources/" + "/".join("a" * 5_000),
    ],
)  # fmt: skip
def test_anything_else_names_nothing(uri: str) -> None:
    assert address_of(uri, RESOURCES) is None


@pytest.mark.parametrize("identifier", AWKWARD)
def test_every_identifier_comes_back_out_of_its_uri(identifier: str) -> None:
    uri = uri_of("sources/{sourceId}", {"sourceId": identifier}, identifier)
    address = address_of(uri, RESOURCES)
    assert uri.isascii()
    assert address is not None
    assert (address.variables["sourceId"], address.connection) == (identifier, identifier)


WITH_IDS = [known for known in RESOURCES if known.variables and known.variables != ("operation",)]
"""An operation's name goes nowhere but into a table."""


@pytest.mark.parametrize("known", WITH_IDS, ids=lambda known: str(known.name))
@pytest.mark.parametrize("identifier", BAD_IDS)
async def test_a_variable_is_held_to_the_rule_of_tools_before_anything_is_asked(
    known: Resource, identifier: str
) -> None:
    (variable,) = known.variables
    address = address_of(SCHEME + known.path.replace(f"{{{variable}}}", identifier), RESOURCES)
    assert address is not None
    assert address.resource is known
    with pytest.raises(InvalidArguments) as caught:
        await known.read(address.variables, dict.fromkeys(known.needs))
    (problem,) = caught.value.details["problems"]
    assert problem["field"] == variable


@pytest.mark.parametrize("known", RESOURCES, ids=lambda known: str(known.name))
def test_a_resource_is_complete(known: Resource) -> None:
    ports = {"segment", "facts", "outbox", "imports"}
    assert known.title
    assert known.description.endswith(".")
    assert set(known.needs) <= ports
    assert known.of_connection is ("segment" in known.needs)
    assert known.lifetime >= 0
    assert (known.args is not None) is bool(known.variables)
    fields: Any = {} if known.args is None else known.args.model_fields
    assert {field.alias or name for name, field in fields.items()} == set(known.variables)


def test_what_is_a_workspaces_is_never_public() -> None:
    assert {known.name for known in RESOURCES if known.public} == {"operations", "operation", "reasons"}


def test_no_two_resources_share_a_name_or_a_path() -> None:
    assert len({known.name for known in RESOURCES}) == len(BY_PATH) == len(RESOURCES)
