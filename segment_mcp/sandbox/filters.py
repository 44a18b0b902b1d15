"""Destination filters at work: what of a message they let through to a destination.

Facts are of Segment's docs (connections/destinations/destination-filters), of the reference (`fields`, `percent` and
`path`), and of Segment's own evaluator for browsers (segmentio/tsub-js): the order is
sample, drop, drop properties, allow properties; an empty path means the message itself; at a list it means each of its
objects; allowing works only where the path leads; a share by `path` hangs on the MD5 of the value's JSON, and is always
the same for the same value. A filter that can't be read lets nothing through.

Choices of ours where those are silent: whether a filter's condition holds is asked once, of the message as it came to
the destination, so that no filter hides from the next what that one asks for; within one kind of action the filters'
order is that in which they were made.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from segment_mcp.fql import FqlError, Query, parse

__all__ = ["Action", "Dice", "Filter", "FqlError", "Message", "compiled", "passed"]

_ORDER: Final = ("SAMPLE", "DROP", "DROP_PROPERTIES", "ALLOW_PROPERTIES")

Message = Mapping[str, Any]
Dice = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Action:
    """What a filter does.

    Attributes:
        fields: names by the path of what has them.
        percent: the share that passes, from 0 to 1.
        path: to the value that the share hangs on; empty: on chance.
    """

    type: Literal["ALLOW_PROPERTIES", "DROP", "DROP_PROPERTIES", "SAMPLE"]
    fields: Mapping[str, frozenset[str]]
    percent: float
    path: str


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter that was read."""

    condition: Query
    actions: tuple[Action, ...]


def compiled(condition: str, actions: Sequence[Mapping[str, Any]]) -> Filter:
    """The filter that a condition and actions mean: as the Public API has them, and each with what it works with.

    Raises:
        FqlError: the condition is no query.
    """
    return Filter(parse(condition), tuple(_action(action) for action in actions))


def passed(filters: Sequence[Filter], message: Message, dice: Dice) -> Message | None:
    """What the filters leave of a message; None if it is not sent. The message itself is not changed.

    Args:
        filters: those that are enabled.
        message: as it came to the destination.
        dice: from 0 up to but not including 1.
    """
    actions = [action for each in filters if each.condition.matches(message) for action in each.actions]
    for action in sorted(actions, key=lambda each: _ORDER.index(each.type)):
        match action.type:
            case "DROP":
                return None
            case "SAMPLE":
                if not (_share(_value(message, action.path)) if action.path else dice()) < action.percent:
                    return None
            case _:
                for path, names in action.fields.items():
                    message = _narrowed(message, _steps(path), names, keep=action.type == "ALLOW_PROPERTIES")
    return message


def _action(action: Mapping[str, Any]) -> Action:
    fields = {path: frozenset(names) for path, names in action.get("fields", {}).items()}
    return Action(action["type"], fields, action.get("percent", 1), action.get("path", "").removeprefix("$."))


def _steps(path: str) -> tuple[str, ...]:
    return tuple(path.split(".")) if path else ()


def _narrowed(value: Any, steps: tuple[str, ...], names: frozenset[str], *, keep: bool) -> Any:
    """The value with only the names, or without them, where the steps lead."""
    if isinstance(value, list) and not steps:
        return [_narrowed(inner, steps, names, keep=keep) if isinstance(inner, dict) else inner for inner in value]
    if not isinstance(value, Mapping):
        return value
    if not steps:
        return {name: inner for name, inner in value.items() if (name in names) is keep}
    if steps[0] not in value:
        return value
    return {**value, steps[0]: _narrowed(value[steps[0]], steps[1:], names, keep=keep)}


def _value(message: Message, path: str) -> Any:
    value: Any = message
    for step in _steps(path):
        value = value.get(step) if isinstance(value, Mapping) else None
    return value


def _share(value: Any) -> float:
    """A number from 0 up to 1 that hangs on a value alone; 1 for one that is too deep to be written."""
    try:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    except RecursionError:
        return 1
    digest = hashlib.md5(text.encode("utf-8", "surrogatepass"), usedforsecurity=False).digest()
    return int.from_bytes(digest[:8]) / 2**64
