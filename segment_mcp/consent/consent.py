"""The three ways to agree: a form of the client's, a code that a person approves in a terminal, a code passed back."""

import secrets
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

import anyio

from segment_mcp.consent.ledger import Asked, Ledger, Subject, Way
from segment_mcp.consent.preview import Preview
from segment_mcp.errors import ConfirmationDeclined, ConfirmationRequired, StoreError
from segment_mcp.ports import Caller, Question, Reply
from segment_mcp.timing import timestamp_of

LIFETIME = 600.0
"""Seconds for which a question and its answer count."""
MOST_ROUNDS = 3
"""Times that one call is asked again because the preview changed meanwhile."""

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # no letters that people take for others
_CODE_LENGTH = 8

T = TypeVar("T")
Look = Callable[[], Awaitable[Preview]]

_REFUSAL_OF = {"accept": None, "decline": "declined", "cancel": "cancelled"}
_REFUSALS = {
    "unknown": "This consent is not known here.",
    "other": "This consent was given for another call, another client or another connection.",
    "used": "This consent was used already; each counts once.",
    "expired": "This consent is older than ten minutes.",
    "declined": "The user declined.",
    "cancelled": "The user closed the question without an answer.",
    "name": "What was typed is not the name that was asked for.",
}


class Consent:
    """Lets a call through once a person agreed to it.

    Args:
        ledger: keeps the questions.
        now: the time, aware.
    """

    def __init__(self, ledger: Ledger, now: Callable[[], datetime]) -> None:
        self._ledger = ledger
        self._now = now

    async def by_form(self, subject: Subject, look: Look, caller: Caller) -> None:
        """Ask with a form of the client's; return once the person agreed to what is still so.

        Args:
            subject: who wants to do what.
            look: reads the preview.
            caller: who can be asked.

        Raises:
            ConfirmationDeclined: the person did not agree, or the answer is not one to this question.
            AnswerNeeded: the client has to come again with the answer.
        """
        reply = caller.reply()
        preview = await look()
        for _ in range(MOST_ROUNDS):
            if reply is None:
                asked = await self._ask(subject, preview, "form")
                reply = await caller.ask(Question(preview.text(), preview.phrase, asked.code))
                preview = await look()
            if await self._agreed(subject, preview, reply):
                return
            reply = None
        raise _declined("other", "What would be changed keeps changing.")

    async def by_code(self, subject: Subject, preview: Preview, way: Way, given: str | None) -> None:
        """Answer with a code that is approved in a terminal, or passed back; return once it was.

        Args:
            subject: who wants to do what.
            preview: as it was just read.
            way: `terminal` or `token`.
            given: the code that the call passed back.

        Raises:
            ConfirmationRequired: it was not yet.
            ConfirmationDeclined: the person declined, or the code is not one for this call.
        """
        asked = await (self._newest(subject, way) if given is None else self._valid(given, subject, way))
        if asked is None:
            raise self._required(preview, await self._ask(subject, preview, way), changed=False)
        if asked.state == "declined":
            await self._do(lambda ledger: ledger.close_all(subject, way))
            raise _declined("declined")
        if asked.seen != preview.digest():
            await self._settle(asked, "used")
            raise self._required(preview, await self._ask(subject, preview, way), changed=True)
        if asked.state == "agreed" or given is not None:
            if not await self._settle(asked, "used"):
                raise _declined("used")
            return
        raise self._required(preview, asked, changed=False)

    async def _agreed(self, subject: Subject, preview: Preview, reply: Reply) -> bool:
        """Whether the person agreed to this; False where what they saw has changed."""
        asked = await self._valid(reply.state, subject, "form")
        refusal = _REFUSAL_OF.get(reply.action, "cancelled")
        if refusal is None and (reply.typed or "").strip() != asked.phrase:
            refusal = "name"
        if not await self._settle(asked, "used"):
            raise _declined("used")
        if refusal is not None:
            raise _declined(refusal)
        return asked.seen == preview.digest()

    async def _newest(self, subject: Subject, way: Way) -> Asked | None:
        return await self._do(lambda ledger: ledger.newest(subject, way, self._seconds()))

    async def _valid(self, code: str, subject: Subject, way: Way) -> Asked:
        """The question of a code, if it is one that this call may answer.

        Raises:
            ConfirmationDeclined: it is not.
        """
        asked = await self._do(lambda ledger: ledger.get(code)) if code.isascii() else None
        if asked is None or asked.way != way:
            raise _declined("unknown")
        if asked.subject != subject:
            raise _declined("other")
        if asked.state == "used":
            raise _declined("used")
        if asked.expires <= self._seconds():
            raise _declined("expired")
        return asked

    async def _ask(self, subject: Subject, preview: Preview, way: Way) -> Asked:
        now = self._seconds()
        code = secrets.token_urlsafe(24) if way == "form" else _readable_code()
        asked = Asked(code, way, subject, preview.digest(), preview.phrase, preview.text(), now + LIFETIME)
        await self._do(lambda ledger: ledger.add(asked, now))
        return asked

    async def _settle(self, asked: Asked, after: Any) -> bool:
        return await self._do(lambda ledger: ledger.settle(asked.code, asked.state, after, self._seconds()))

    async def _do(self, work: Callable[[Ledger], T]) -> T:
        try:
            return await anyio.to_thread.run_sync(lambda: work(self._ledger))
        except StoreError as error:
            raise ConfirmationRequired(
                f"A person has to agree, and what they agree to can't be kept: {error}. The operator has to mend that.",
                setting="SEGMENT_MCP_STATE_DIR",
            ) from None

    def _required(self, preview: Preview, asked: Asked, *, changed: bool) -> ConfirmationRequired:
        expires = timestamp_of(datetime.fromtimestamp(asked.expires, UTC))
        told = "What it would change is not what it was, so it has to be confirmed again. " if changed else ""
        details: dict[str, Any] = {"preview": preview.shown(), "expires": expires}
        if asked.way == "terminal":
            return ConfirmationRequired(
                f"{told}{preview.operation.name} needs a person. Show the user the preview and ask them to run "
                f"`segment-mcp approve {asked.code}` in a terminal themselves; then make the same call again.",
                approve=f"segment-mcp approve {asked.code}",
                **details,
            )
        return ConfirmationRequired(
            f"{told}{preview.operation.name} has to be confirmed. Show the user the preview; only if they agree, make "
            "the same call again with this code as confirmation.",
            confirmation=asked.code,
            **details,
        )

    def _seconds(self) -> float:
        return self._now().timestamp()


def _declined(reason: str, sentence: str | None = None) -> ConfirmationDeclined:
    return ConfirmationDeclined(sentence or _REFUSALS[reason], reason=reason)


def _readable_code() -> str:
    letters = "".join(secrets.choice(_ALPHABET) for _ in range(_CODE_LENGTH))
    return f"{letters[:4]}-{letters[4:]}"
