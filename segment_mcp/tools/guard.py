"""What stands between every tool and Segment: the operator's policy, a person's consent, and masks in both directions.

Decided on the operation that is really sent, so no tool, and no name of one, gets around it.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from segment_mcp.consent import recipes
from segment_mcp.consent.consent import Consent
from segment_mcp.consent.ledger import Subject
from segment_mcp.consent.preview import Preview, digest_of
from segment_mcp.errors import Internal, InvalidArguments
from segment_mcp.operations import Operation
from segment_mcp.ports import Bounds, Call, Data, Segment, Walk
from segment_mcp.redact import MASK, SEGMENT_MASK, Scrubber, mask_answer
from segment_mcp.tools.policy import Policy

_OWN_MASK = re.compile(rf"{re.escape(MASK)}.{{0,4}}")
_ONLY_BULLETS = re.compile(rf"{SEGMENT_MASK}{{2,}}")
_SETTINGS = frozenset({"settings", "connectionSettings"})

Changed = Callable[[Operation, Mapping[str, Any]], None]
"""Is told of an operation that Segment did, and of its arguments."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What every call is held to.

    Attributes:
        policy: what the operator allows.
        consent: lets through what was agreed to.
        now: the time, aware.
        scrubber: knows what may not stand in a result.
        reveal_write_keys: show write keys unmasked.
    """

    policy: Policy
    consent: Consent
    now: Callable[[], datetime]
    scrubber: Scrubber
    reveal_write_keys: bool


class GuardedSegment:
    """See `ports.Segment`; what it answers is masked, and what destroys goes through only once it was agreed to.

    Args:
        rules: what every call is held to.
        connection: names the connection and its credentials, for consents.
        segment: the connection itself.
        call: the tool's call that this is for.
        changed: is told of each operation that may have changed something, once Segment did it.
    """

    def __init__(self, rules: Rules, connection: str, segment: Segment, call: Call, changed: Changed) -> None:
        self._rules = rules
        self._connection = connection
        self._segment = segment
        self._call = call
        self._changed = changed

    async def call(self, operation: Operation, arguments: Mapping[str, Any]) -> Data:
        """Send one operation; see `ports.Segment.call`.

        Raises:
            NotAllowed: the operator's settings exclude it.
            InvalidArguments: it would write a mask over a secret.
            ConfirmationRequired: a person has to agree first.
            ConfirmationDeclined: nobody agreed.
        """
        if (exclusion := self._rules.policy.excludes(operation)) is not None:
            raise exclusion
        if operation.safety != "read":
            refuse_masks(arguments)
        if operation.safety == "destroy":
            await self._agree(operation, arguments)
        data = await self._segment.call(operation, arguments)
        if operation.safety != "read":
            self._changed(operation, arguments)
        answer: Data = self._masked(data)
        return answer

    async def walk(
        self,
        operation: Operation,
        arguments: Mapping[str, Any] | None = None,
        *,
        keep: Callable[[Any], bool] = lambda _: True,
        bounds: Bounds = Bounds(),  # noqa: B008 - frozen
    ) -> Walk:
        """Everything of a list; see `ports.Segment.walk`."""
        if (exclusion := self._rules.policy.excludes(operation)) is not None or operation.safety != "read":
            raise exclusion or Internal(f"{operation.name} is no list.")
        walk = await self._segment.walk(operation, arguments, keep=keep, bounds=bounds)
        items = [self._masked(item) for item in walk.items]
        return Walk(items, walk.pagination, walk.truncated, self._masked(walk.beside))

    async def region(self) -> str | None:
        """See `ports.Segment.region`."""
        return await self._segment.region()

    async def _agree(self, operation: Operation, arguments: Mapping[str, Any]) -> None:
        """Return once it was agreed to, or needs nobody's consent."""
        given = dict(arguments)
        call = self._call
        subject = Subject(call.caller.id, self._connection, operation.name, digest_of(given))

        async def look() -> Preview:
            return await recipes.preview(operation, given, self, self._rules.now())

        agreement, consent = self._rules.policy.agreement(operation), self._rules.consent
        if agreement is None:
            # Nobody is asked, but whoever calls is told first what a shorter list would drop.
            if operation.method == "PUT" and _may_drop(preview := await look()):
                await consent.by_code(subject, preview, "token", call.confirmation)
        elif call.caller.can_be_asked:
            await consent.by_form(subject, look, call.caller)
        elif agreement == "token":
            await consent.by_code(subject, await look(), "token", call.confirmation)
        else:
            await consent.by_code(subject, await look(), "terminal", None)

    def _masked(self, data: Any) -> Any:
        """Without secrets, before anybody selects or renames a part of it."""
        return self._rules.scrubber.data(mask_answer(data, reveal_write_keys=self._rules.reveal_write_keys))


def _may_drop(preview: Preview) -> bool:
    """Whether replacing would drop something, as far as reading tells; what can't be read may be dropped."""
    return bool(preview.removes or preview.gaps)


def refuse_masks(arguments: Mapping[str, Any]) -> None:
    """Refuse to write a mask where a secret was.

    In settings any text with Segment's bullets in it counts, elsewhere only one that is nothing but a mask.

    Raises:
        InvalidArguments: names each such field.
    """
    message = "is a mask, and would overwrite the real secret: leave it out to keep that"
    try:
        fields = [field for name, value in arguments.items() for field in _masks(name, value, inside=name in _SETTINGS)]
    except RecursionError:
        raise InvalidArguments([{"field": "arguments", "message": "are nested too deep"}]) from None
    found = [{"field": field, "message": message} for field in fields]
    if found:
        raise InvalidArguments(found)


def _masks(field: str, value: Any, *, inside: bool) -> list[str]:
    if isinstance(value, Mapping):
        return [
            deeper
            for name, inner in value.items()
            for deeper in _masks(f"{field}.{name}", inner, inside=inside or name in _SETTINGS)
        ]
    if isinstance(value, list | tuple):
        return [
            deeper for index, inner in enumerate(value) for deeper in _masks(f"{field}.{index}", inner, inside=inside)
        ]
    if not isinstance(value, str):
        return []
    is_mask = _OWN_MASK.fullmatch(value) or _ONLY_BULLETS.fullmatch(value) or (inside and SEGMENT_MASK * 2 in value)
    return [field] if is_mask else []
