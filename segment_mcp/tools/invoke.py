"""The one door to every tool: name, policy, connection, arguments, consent, handler, redaction, envelope."""

import difflib
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from segment_mcp.envelope import Envelope
from segment_mcp.errors import Internal, InvalidArguments, SegmentMcpError, UnknownConnection, UnknownTool
from segment_mcp.ports import AnswerNeeded, Call, Caller, Data, Ports, Progress, Question, Reply
from segment_mcp.redact import Scrubber, clean
from segment_mcp.tools.changes import Changes
from segment_mcp.tools.policy import Policy
from segment_mcp.tools.results import Results
from segment_mcp.tools.tool import Tool

logger = logging.getLogger(__name__)

CONNECTION = "connection"
"""The argument that every tool gets where the operator configured more than one connection."""


CONFIRMATION = "confirmation"
"""The argument that destroying tools get where a code may be passed back."""


class Terminal:
    """A person, or a script, that calls without an MCP client; see `ports.Caller`."""

    id = "terminal"
    can_be_asked = False

    def reply(self) -> Reply | None:
        """None: it brings no answer along."""
        return None

    async def ask(self, question: Question) -> Reply:
        """It can't be asked.

        Raises:
            AnswerNeeded: always.
        """
        raise AnswerNeeded(question)


TERMINAL = Terminal()


async def silent(done: float, total: float | None, message: str) -> None:
    """Progress that nobody asked for."""


class Toolbox:
    """Every tool over every connection, under one policy.

    Args:
        tools: all of them, listed or not, in their order.
        connections: ports by the connection's name, the default one first.
        policy: what the operator allows.
        scrubber: knows what may not stand in a result.
        results: keeps answers that are too long.

    Attributes:
        changes: tells whoever follows what was changed by calls, whichever connection they went to.
    """

    def __init__(
        self,
        tools: Sequence[Tool[Any]],
        connections: Mapping[str, Ports],
        policy: Policy,
        scrubber: Scrubber,
        results: Results,
    ) -> None:
        self._tools = {tool.name: tool for tool in tools}
        self._connections = connections
        self._policy = policy
        self._scrubber = scrubber
        self._results = results
        self.changes = Changes()

    @property
    def connections(self) -> tuple[str, ...]:
        """Their names, the default one first."""
        return tuple(self._connections)

    def has(self, toolset: str | None) -> bool:
        """Whether a toolset is on; None stands for what belongs to none."""
        return toolset is None or toolset in self._policy.toolsets

    def ports(self, connection: str, caller: Caller) -> Mapping[str, Any]:
        """The ports of one call that is no tool's, by name, behind the same guard; such a call may only read.

        Raises:
            KeyError: no connection has that name.
        """
        return self._connections[connection].of(Call(caller), silent)

    def listed(self) -> list[Tool[Any]]:
        """The tools that clients see."""
        return [tool for tool in self._tools.values() if self._policy.lists(tool)]

    def offered(self, tool: Tool[Any], schema: Mapping[str, Any]) -> dict[str, Any]:
        """A tool's input schema with what the operator's settings add: a connection to choose, a code to pass back."""
        added: dict[str, Any] = {}
        if tool.safety == "destroy" and self._policy.takes_codes():
            added[CONFIRMATION] = {"type": "string", "description": "Code of a confirmation_required."}
        if len(self._connections) > 1:
            names = list(self._connections)
            description = f"Which connection. Default: {names[0]}."
            added[CONNECTION] = {"type": "string", "enum": names, "description": description}
        return {**schema, "properties": {**schema["properties"], **added}} if added else dict(schema)

    async def invoke(
        self, name: str, arguments: Mapping[str, Any], progress: Progress = silent, caller: Caller = TERMINAL
    ) -> Envelope:
        """Run a tool and answer the envelope, whatever happens.

        Args:
            name: the tool's name.
            arguments: as the client sent them, unchecked.
            progress: tells the caller how far it is, where it takes long.
            caller: who calls.

        Raises:
            AnswerNeeded: the client has to come again with a person's answer.
        """
        return await self.answer(name, caller, lambda: self._run(name, arguments, progress, caller))

    async def answer(self, name: str, caller: Caller, work: Callable[[], Awaitable[Data]]) -> Envelope:
        """Do something and answer the envelope, whatever happens; a long answer's pages are kept for the caller.

        Args:
            name: of what is done, for the log.
            caller: who gets the answer.
            work: does it.

        Raises:
            AnswerNeeded: the client has to come again with a person's answer.
        """
        try:
            data = self._results.fitted(await work(), caller.id)
            return self._scrubbed(Envelope.success(data))
        except SegmentMcpError as error:
            return self._scrubbed(Envelope.failure(error))
        except AnswerNeeded:
            raise
        except Exception:
            logger.exception("%s failed", clean(name, 80))
            return Envelope.failure(Internal("The server failed on its own account; its log says where."))

    def result_page(self, name: str, page: int, caller: Caller) -> str | None:
        """One page, as JSON, of an answer that was too long for its call; None: there is none for this caller."""
        return self._results.page(name, page, caller.id)

    def _scrubbed(self, envelope: Envelope) -> Envelope:
        """The envelope without any configured credential: a net below all that should have kept it out."""
        if not self._scrubber.finds_in(envelope.as_json()):
            return envelope
        error = None if envelope.error is None else self._scrubber.text(envelope.error)
        return Envelope(envelope.successful, self._scrubber.data(envelope.data), error)

    async def _run(self, name: str, arguments: Mapping[str, Any], progress: Progress, caller: Caller) -> Data:
        tool = self._tools.get(name)
        if tool is None:
            nearest = difflib.get_close_matches(name[:100], [tool.name for tool in self.listed()], n=3)
            raise UnknownTool(f"There is no tool {clean(name, 80)!r}.", nearest=nearest)
        if (exclusion := self._policy.exclusion(tool)) is not None:
            raise exclusion
        own = dict(arguments)
        ports = self._connections[self._connection(own)]
        confirmation = self._confirmation(tool, own)
        checked = tool.args.check(own)
        return await tool.run(checked, ports.of(Call(caller, confirmation), progress))

    def _connection(self, arguments: dict[str, Any]) -> str:
        """The connection that a call names; its name is taken out of the arguments."""
        names = list(self._connections)
        if len(names) == 1:
            return names[0]
        wanted = arguments.pop(CONNECTION, None) or names[0]
        if not isinstance(wanted, str):
            raise InvalidArguments([{"field": CONNECTION, "message": "must be a string"}])
        if wanted not in names:
            raise UnknownConnection(f"There is no connection {clean(wanted, 64)!r}.", connections=names)
        return wanted

    def _confirmation(self, tool: Tool[Any], arguments: dict[str, Any]) -> str | None:
        """The code that a call passes back; it is taken out of the arguments."""
        if tool.safety != "destroy" or not self._policy.takes_codes():
            return None
        given = arguments.pop(CONFIRMATION, None)
        if given is None or isinstance(given, str):
            return given
        raise InvalidArguments([{"field": CONFIRMATION, "message": "must be a string"}])
