"""Who calls, and how its user is asked: MCP's two ways of elicitation behind one port."""

import json
import secrets
from contextlib import suppress
from hashlib import sha256
from typing import Any

import anyio
import mcp_types as types
from mcp.server.context import ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import ValidationError

from segment_mcp.ports import AnswerNeeded, Question, Reply

ANSWER = "consent"
"""The key of the question in an `InputRequiredResult`, and the field that the person fills in."""
PATIENCE = 600.0
"""Seconds to wait for a person, where the client is asked in the midst of a call."""


class Callers:
    """Tells the clients of one server apart.

    Over a pipe there is one client, which this process belongs to. Over HTTP it is the session where there is one;
    otherwise who the client says it is, its address and its credentials: what it got is unguessable besides.
    """

    def __init__(self) -> None:
        self._process = secrets.token_hex(16)

    def of(self, context: ServerRequestContext[Any], params: types.CallToolRequestParams | None = None) -> "McpCaller":
        """The caller of one request."""
        return McpCaller(self._id(context), context, params)

    def _id(self, context: ServerRequestContext[Any]) -> str:
        client = context.session.client_params
        who = [] if client is None else [client.client_info.name, client.client_info.version]
        return sha256(json.dumps([*self._place(context), *who]).encode()).hexdigest()

    def _place(self, context: ServerRequestContext[Any]) -> list[str]:
        """Where a request comes from; no kind of place can be taken for another."""
        request = context.request
        if request is None:
            return ["process", self._process]
        if context.protocol_version not in MODERN_PROTOCOL_VERSIONS:  # the SDK has looked whether it is a session
            session = request.headers.get("mcp-session-id") or request.query_params.get("session_id")
            if session:
                return ["session", session]
        address = request.client.host if request.client is not None else ""
        return ["address", address, request.headers.get("authorization", "")]


class McpCaller:
    """One client in one request; see `ports.Caller`."""

    def __init__(
        self, caller_id: str, context: ServerRequestContext[Any], params: types.CallToolRequestParams | None
    ) -> None:
        self.id = caller_id
        self._context = context
        self._params = params

    @property
    def can_be_asked(self) -> bool:
        """Whether the client declared that it shows forms; one that names no mode of elicitation means forms."""
        capabilities = self._context.session.client_capabilities
        elicitation = None if capabilities is None else capabilities.elicitation
        return elicitation is not None and (elicitation.form is not None or elicitation.url is None)

    def reply(self) -> Reply | None:
        """The answer that a client of 2026-07-28 brings along when it comes again."""
        params = self._params
        if params is None or (params.input_responses is None and params.request_state is None):
            return None
        answer = (params.input_responses or {}).get(ANSWER)
        return _reply(params.request_state or "", answer)

    async def ask(self, question: Question) -> Reply:
        """Ask; see `ports.Caller.ask`."""
        if self._context.protocol_version in MODERN_PROTOCOL_VERSIONS:
            raise AnswerNeeded(question)
        answer = None
        with anyio.move_on_after(PATIENCE), suppress(MCPError, ValidationError):  # whatever is no answer is none
            answer = await self._context.session.elicit_form(
                question.text, _form(question), related_request_id=self._context.request_id
            )
        return _reply(question.state, answer)


def input_required(question: Question) -> dict[str, Any]:
    """The result with which a client of 2026-07-28 is asked."""
    params = {"mode": "form", "message": question.text, "requestedSchema": _form(question)}
    return {
        "resultType": "input_required",
        "inputRequests": {ANSWER: {"method": "elicitation/create", "params": params}},
        "requestState": question.state,
    }


def _reply(state: str, answer: Any) -> Reply:
    """What the client says that the person said; whatever is no answer to a form counts as none."""
    if not isinstance(answer, types.ElicitResult):
        return Reply(state, "cancel")
    typed = (answer.content or {}).get(ANSWER)
    return Reply(state, answer.action, typed if isinstance(typed, str) else None)


def _form(question: Question) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {
            ANSWER: {
                "type": "string",
                "title": "To agree, type the name",
                "description": f"Type exactly: {question.phrase}",
            }
        },
        "required": [ANSWER],
    }
