"""A resource is one object: its name is the handler's, its description the docstring, its variables the arguments'.

    @resource("sources/{sourceId}", title="A source", toolset="sources", lifetime=30)
    async def source(args: OneSource, segment: Segment) -> Data:
        \"\"\"One source: ...\"\"\"

The handler's parameters but `args` name the ports that it gets, as those of a tool do. One that needs `segment` shows
a connection's workspace; where there are several, `?connection=NAME` says which.
"""

import inspect
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote

from segment_mcp.ports import Data
from segment_mcp.tools.args import Args

SCHEME = "segment://"
CONNECTION = "connection"
"""The query parameter that selects a connection."""
MIME_TYPE = "application/json"

_VARIABLE = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Resource:
    """What a client's application sees, and what is run when it reads.

    Attributes:
        path: what follows the scheme, with variables in braces: `sources/{sourceId}`.
        name: as in `resources/list`.
        title: for people.
        description: one or two sentences.
        toolset: the family that the operator switches on and off; None: always on.
        lifetime: seconds for which a client may take what it read for fresh.
        public: whether everybody who reads it gets the same, whoever they are.
        args: the model that checks the variables; None where there are none.
        handler: takes the arguments and ports, returns what is shown, raises `SegmentMcpError`.
        needs: the ports that the handler names.
    """

    path: str
    name: str
    title: str
    description: str
    toolset: str | None
    lifetime: float
    public: bool
    args: type[Args] | None
    handler: Callable[..., Awaitable[Data]]
    needs: tuple[str, ...]

    @property
    def variables(self) -> tuple[str, ...]:
        """The names in its path; none: it is one resource, not a template."""
        return tuple(_VARIABLE.findall(self.path))

    @property
    def of_connection(self) -> bool:
        """Whether it shows a connection's workspace, not something of this server's own."""
        return "segment" in self.needs

    async def read(self, variables: Mapping[str, str], ports: Mapping[str, Any]) -> Data:
        """Run the handler.

        Args:
            variables: of the URI, decoded.
            ports: of this call, by name.

        Raises:
            InvalidArguments: a variable is none of its kind.
            SegmentMcpError: whatever the handler raises.
        """
        args = () if self.args is None else (self.args.check(variables),)
        return await self.handler(*args, *(ports[port] for port in self.needs))


def resource(
    path: str, *, title: str, toolset: str | None, lifetime: float, public: bool = False
) -> Callable[[Callable[..., Awaitable[Data]]], Resource]:
    """Make a resource of a handler; see `Resource` for the arguments."""

    def make(handler: Callable[..., Awaitable[Data]]) -> Resource:
        parameters = inspect.signature(handler).parameters
        return Resource(
            path=path,
            name=handler.__name__,
            title=title,
            description=" ".join((handler.__doc__ or "").split()),
            toolset=toolset,
            lifetime=lifetime,
            public=public,
            args=parameters["args"].annotation if "args" in parameters else None,
            handler=handler,
            needs=tuple(name for name in parameters if name != "args"),
        )

    return make


@dataclass(frozen=True, slots=True)
class Address:
    """What a URI names.

    Attributes:
        resource: which.
        variables: its variables, decoded but not checked.
        connection: the one that the URI names; None: the default one.
    """

    resource: Resource
    variables: Mapping[str, str]
    connection: str | None


def address_of(uri: str, resources: Iterable[Resource]) -> Address | None:
    """What a URI names; None where it is none of these resources'."""
    rest = uri.removeprefix(SCHEME)
    path, question, query = rest.partition("?")
    if rest == uri or "#" in uri:
        return None
    name, _, value = query.partition("=")
    connection = _decoded(value)
    if question and (name != CONNECTION or not connection or "&" in value):
        return None
    for known in resources:
        variables = _variables(known.path.split("/"), path.split("/"))
        if variables is not None and (known.of_connection or not question):
            return Address(known, variables, connection or None)
    return None


def uri_of(path: str, variables: Mapping[str, Any], connection: str | None = None) -> str:
    """The URI of a resource: the one spelling by which changes of it are told.

    Args:
        path: a resource's, with variables in braces.
        variables: by the names in the path.
        connection: named in the URI unless it is None.
    """
    filled = _VARIABLE.sub(lambda found: quote(str(variables[found[1]]), safe=""), path)
    return f"{SCHEME}{filled}" + ("" if connection is None else f"?{CONNECTION}={quote(connection, safe='')}")


def _variables(template: list[str], segments: list[str]) -> dict[str, str] | None:
    """The variables of a path by their names; None where it does not fit the template."""
    if len(template) != len(segments):
        return None
    found: dict[str, str] = {}
    for pattern, segment in zip(template, segments, strict=True):
        name = _VARIABLE.fullmatch(pattern)
        if name is None:
            if segment != pattern:
                return None
            continue
        value = _decoded(segment)
        if not value:
            return None
        found[name[1]] = value
    return found


def _decoded(text: str) -> str:
    """The text without percent-encoding; empty where what is encoded is no text."""
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        return ""
