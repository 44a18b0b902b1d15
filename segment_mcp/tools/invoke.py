"""The one door to every tool: name, policy, connection, arguments, consent, handler, redaction, envelope."""

import difflib
import logging
from collections.abc import Mapping, Sequence
from typing import Any

from segment_mcp.envelope import Envelope
from segment_mcp.errors import Internal, InvalidArguments, SegmentMcpError, UnknownConnection, UnknownTool
from segment_mcp.ports import Ports, Progress
from segment_mcp.redact import Scrubber, clean, mask_answer
from segment_mcp.tools.policy import Policy
from segment_mcp.tools.tool import Tool

logger = logging.getLogger(__name__)

CONNECTION = "connection"
"""The argument that every tool gets where the operator configured more than one connection."""


async def silent(done: float, total: float | None, message: str) -> None:
    """Progress that nobody asked for."""


class Toolbox:
    """Every tool over every connection, under one policy.

    Args:
        tools: all of them, listed or not, in their order.
        connections: ports by the connection's name, the default one first.
        policy: what the operator allows.
        scrubber: knows what may not stand in a result.
        reveal_write_keys: show write keys unmasked.
    """

    def __init__(
        self,
        tools: Sequence[Tool[Any]],
        connections: Mapping[str, Ports],
        policy: Policy,
        scrubber: Scrubber,
        *,
        reveal_write_keys: bool = False,
    ) -> None:
        self._tools = {tool.name: tool for tool in tools}
        self._connections = connections
        self._policy = policy
        self._scrubber = scrubber
        self._reveal_write_keys = reveal_write_keys

    def listed(self) -> list[Tool[Any]]:
        """The tools that clients see."""
        return [tool for tool in self._tools.values() if self._policy.lists(tool)]

    def offered(self, schema: Mapping[str, Any]) -> dict[str, Any]:
        """A tool's input schema with the connections to choose from, where there is a choice."""
        if len(self._connections) == 1:
            return dict(schema)
        names = list(self._connections)
        choice = {"type": "string", "enum": names, "description": f"Which connection. Default: {names[0]}."}
        return {**schema, "properties": {**schema["properties"], CONNECTION: choice}}

    async def invoke(self, name: str, arguments: Mapping[str, Any], progress: Progress = silent) -> Envelope:
        """Run a tool and answer the envelope, whatever happens.

        Args:
            name: the tool's name.
            arguments: as the client sent them, unchecked.
            progress: tells the caller how far it is, where it takes long.
        """
        try:
            return self._scrubbed(Envelope.success(await self._run(name, arguments, progress)))
        except SegmentMcpError as error:
            return self._scrubbed(Envelope.failure(error))
        except Exception:
            logger.exception("%s failed", clean(name, 80))
            return Envelope.failure(Internal("The server failed on its own account; its log says where."))

    def _scrubbed(self, envelope: Envelope) -> Envelope:
        """The envelope without any configured credential: a net below all that should have kept it out."""
        if not self._scrubber.finds_in(envelope.as_json()):
            return envelope
        error = None if envelope.error is None else self._scrubber.text(envelope.error)
        return Envelope(envelope.successful, self._scrubber.data(envelope.data), error)

    async def _run(self, name: str, arguments: Mapping[str, Any], progress: Progress) -> dict[str, Any]:
        tool = self._tools.get(name)
        if tool is None:
            nearest = difflib.get_close_matches(name[:100], [tool.name for tool in self.listed()], n=3)
            raise UnknownTool(f"There is no tool {clean(name, 80)!r}.", nearest=nearest)
        if (exclusion := self._policy.exclusion(tool)) is not None:
            raise exclusion
        own, ports = self._choose(arguments)
        checked = tool.args.check(own)
        if (objection := self._policy.objection(tool)) is not None:
            raise objection
        data = await tool.run(checked, ports, progress)
        answer: dict[str, Any] = mask_answer(data, reveal_write_keys=self._reveal_write_keys)
        return answer

    def _choose(self, arguments: Mapping[str, Any]) -> tuple[Mapping[str, Any], Ports]:
        """The tool's own arguments, and the ports of the connection that the call names."""
        names = list(self._connections)
        if len(names) == 1:
            return arguments, self._connections[names[0]]
        own = dict(arguments)
        wanted = own.pop(CONNECTION, None) or names[0]
        if not isinstance(wanted, str):
            raise InvalidArguments([{"field": CONNECTION, "message": "must be a string"}])
        if wanted not in names:
            raise UnknownConnection(f"There is no connection {clean(wanted, 64)!r}.", connections=names)
        return own, self._connections[wanted]
