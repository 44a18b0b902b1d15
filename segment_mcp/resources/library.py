"""Every resource over every connection: listed, read, completed, and told of when this server changed one."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from segment_mcp.envelope import Envelope
from segment_mcp.errors import UnknownConnection
from segment_mcp.ports import Caller, Data
from segment_mcp.redact import clean
from segment_mcp.resources.changes import can_change, touched
from segment_mcp.resources.completing import Choice, Choices, Completer, Completion, completion
from segment_mcp.resources.resource import CONNECTION, MIME_TYPE, SCHEME, Address, Resource, address_of, uri_of
from segment_mcp.tools.changes import Change
from segment_mcp.tools.invoke import Toolbox

logger = logging.getLogger(__name__)

LONGEST_URI = 1_024
"""Characters of a URI whose changes can be told: it is kept as long as somebody listens."""

_QUERY = f"{{?{CONNECTION}}}"


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read.

    Attributes:
        envelope: the data, or why there is none.
        lifetime: seconds for which it may be taken for fresh.
        public: whether everybody who reads it gets the same.
    """

    envelope: Envelope
    lifetime: float
    public: bool


@dataclass(frozen=True, slots=True)
class News:
    """What a change means to those who read resources.

    Attributes:
        uris: that may have to be read again.
        listed: whether a resource came or went.
    """

    uris: tuple[str, ...]
    listed: bool


class Library:
    """The resources of those toolsets that are on.

    Args:
        resources: all of them, in their order.
        toolbox: has the connections, and stands before all that is read.
    """

    def __init__(self, resources: Sequence[Resource], toolbox: Toolbox) -> None:
        self._resources = tuple(known for known in resources if toolbox.has(known.toolset))
        self._paths = {known.path: known for known in self._resources}
        self._toolbox = toolbox
        self._completer = Completer()
        toolbox.changes.follow(lambda _: self._completer.forget())

    def listed(self) -> list[Data]:
        """The resources without variables, as `resources/list` answers them: one for each connection."""
        shown: list[Data] = []
        for known in self._resources:
            if known.variables:
                continue
            shown.append({"uri": uri_of(known.path, {}), **_told(known)})
            others = self._toolbox.connections[1:] if known.of_connection else ()
            for name in others:
                more = {"name": f"{known.name}.{name}", "title": f"{known.title} ({name})"}
                shown.append({"uri": uri_of(known.path, {}, name), **_told(known), **more})
        return shown

    def templates(self) -> list[Data]:
        """The resources with variables, as `resources/templates/list` answers them."""
        return [{"uriTemplate": self._template(known), **_told(known)} for known in self._resources if known.variables]

    async def read(self, uri: str, caller: Caller) -> Reading | None:
        """Read a resource, behind the same guard as a tool; None where no resource has that URI.

        Args:
            uri: as the client gave it.
            caller: who reads; a long answer's pages are kept for them.
        """
        address = address_of(uri, self._resources)
        if address is None:
            return None
        known = address.resource

        async def run() -> Data:
            ports = self._toolbox.ports(self._connection(address), caller)
            return await known.read(address.variables, ports)

        envelope = await self._toolbox.answer(known.name, caller, run)
        if "shortened" in envelope.data:  # its pages are this caller's, and not for long
            return Reading(envelope, 0.0, public=False)
        return Reading(envelope, known.lifetime, known.public)

    def variables(self, template: str) -> tuple[str, ...] | None:
        """What can be completed in a template, as `templates` lists it; None where it is none of ours."""
        for known in self._resources:
            if known.variables and self._template(known) == template:
                return (*known.variables, CONNECTION) if self._chooses(known) else known.variables
        return None

    async def complete(
        self, variable: str, typed: str, caller: Caller, chosen: Mapping[str, str] | None = None
    ) -> Completion:
        """What could stand in a template's variable, or in a prompt's argument of that name.

        Args:
            variable: `sourceId`, `destinationId`, `trackingPlanId`, `operation`, `connection` and the like; nothing
                fits another one.
            typed: so far.
            caller: who types.
            chosen: other variables that are filled in already; `connection` among them says where to look.
        """
        names = self._toolbox.connections
        if variable == CONNECTION:
            return completion(Choices([Choice(name, (name.casefold(),)) for name in names]), typed)
        wanted = (chosen or {}).get(CONNECTION) or names[0]
        if wanted not in names:
            return completion(Choices(), typed)
        try:
            found = await self._completer.choices(variable, wanted, lambda: self._toolbox.ports(wanted, caller))
        except Exception:
            logger.exception("completing %s failed", variable)
            found = Choices()
        return completion(found, typed)

    def can_change(self, uri: str) -> bool:
        """Whether changes of a resource are told under exactly this URI; of one that is too long they are not."""
        if len(uri) > LONGEST_URI:
            return False
        address = address_of(uri, self._resources)
        if address is None or not can_change(address.resource.path):
            return False
        named = address.connection
        spelled = uri_of(address.resource.path, address.variables, named)
        return uri == spelled and (named is None or named in self._toolbox.connections)

    def news(self, change: Change) -> News:
        """What a change means: the URIs of its own connection's resources, or of this server's."""
        means = touched(change)
        resources = [self._paths[path] for path in means.paths if path in self._paths]
        shown = [known for known in resources if all(name in change.arguments for name in known.variables)]
        uris = tuple(uri for known in shown for uri in self._uris(known, change))
        return News(uris, means.listed and bool(resources))

    def _uris(self, known: Resource, change: Change) -> list[str]:
        """Every URI under which somebody may have read a resource."""
        bare = uri_of(known.path, change.arguments)
        if not known.of_connection:
            return [bare]
        named = uri_of(known.path, change.arguments, change.connection)
        return [bare, named] if change.connection == self._toolbox.connections[0] else [named]

    def _connection(self, address: Address) -> str:
        names = self._toolbox.connections
        wanted = address.connection or names[0]
        if wanted not in names:
            raise UnknownConnection(f"There is no connection {clean(wanted, 64)!r}.", connections=list(names))
        return wanted

    def _template(self, known: Resource) -> str:
        return f"{SCHEME}{known.path}{_QUERY if self._chooses(known) else ''}"

    def _chooses(self, known: Resource) -> bool:
        """Whether its URI may say which connection is meant."""
        return known.of_connection and len(self._toolbox.connections) > 1


def _told(known: Resource) -> Data:
    return {
        "name": known.name,
        "title": known.title,
        "description": known.description,
        "mimeType": MIME_TYPE,
    }
