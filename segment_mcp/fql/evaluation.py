"""What a query says about an event, wholly or partly known."""

import operator as order
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from segment_mcp.fql.functions import call
from segment_mcp.fql.glob import Globs
from segment_mcp.fql.tree import Call, Comparison, Constant, Every, Field, Listing, Negation, Node, Some
from segment_mcp.fql.values import UNKNOWN, Unknown, equal, type_of

_ORDER: dict[str, Callable[[Any, Any], bool]] = {"<": order.lt, "<=": order.le, ">": order.gt, ">=": order.ge}


@dataclass(frozen=True, slots=True)
class Scope:
    """What one evaluation goes by.

    Attributes:
        fields: of an event.
        partial: whether top-level fields that it does not have are unknown; else they are missing.
        globs: what was matched so far.
    """

    fields: Mapping[str, Any]
    partial: bool
    globs: Globs = field(default_factory=Globs)


def truth(node: Node, scope: Scope) -> bool | None:
    """Whether a node is true: only `true` itself is. None: that depends on what is unknown.

    Raises:
        TooMuchToMatch: this evaluation has more to match than it may.
    """
    value = _value(node, scope)
    return None if isinstance(value, Unknown) else value is True


def _value(node: Node, scope: Scope) -> Any:
    match node:
        case Constant(value=value):
            return value
        case Field(keys=keys):
            return _found(keys, scope)
        case Listing(items=items):
            return _known([_value(item, scope) for item in items])
        case Call(name=name, arguments=arguments):
            values = _known([_value(argument, scope) for argument in arguments])
            return UNKNOWN if isinstance(values, Unknown) else call(name, values, scope.globs)
        case _:
            return _verdict(node, scope)


def _verdict(node: Comparison | Negation | Every | Some, scope: Scope) -> bool | Unknown:
    match node:
        case Comparison(operator="in", left=left, right=Listing(items=items)):
            return _member(_value(left, scope), [_value(item, scope) for item in items])
        case Comparison(operator=operator, left=left, right=right):
            return _compared(operator, _value(left, scope), _value(right, scope))
        case Negation(operand=operand):
            negated = truth(operand, scope)
            return UNKNOWN if negated is None else not negated
        case Every(operands=operands):
            return _joined(operands, scope, deciding=False)
        case Some(operands=operands):
            return _joined(operands, scope, deciding=True)


def _found(keys: tuple[str, ...], scope: Scope) -> Any:
    """The value of a field, null where nothing is there. Lists are not entered (as the docs of filters say)."""
    if scope.partial and keys[0] not in scope.fields:
        return UNKNOWN
    value: Any = scope.fields
    for key in keys:
        if not isinstance(value, Mapping):
            return None
        value = value.get(key)
    return value


def _known(values: list[Any]) -> list[Any] | Unknown:
    return UNKNOWN if any(isinstance(value, Unknown) for value in values) else values


def _compared(operator: str, left: Any, right: Any) -> bool | Unknown:
    if isinstance(left, Unknown) or isinstance(right, Unknown):
        return UNKNOWN
    if operator == "in":
        return type_of(right) == "list" and _member(left, list(right))
    if operator in _ORDER:
        return type_of(left) == type_of(right) == "number" and _ORDER[operator](left, right)
    return equal(left, right) is (operator == "=")


def _member(value: Any, items: list[Any]) -> bool | Unknown:
    unknown = False
    for item in items:
        if isinstance(value, Unknown) or isinstance(item, Unknown):
            unknown = True
        elif equal(value, item):
            return True
    return UNKNOWN if unknown else False


def _joined(operands: tuple[Node, ...], scope: Scope, *, deciding: bool) -> bool | Unknown:
    """Operands of which one with the `deciding` truth decides (Kleene)."""
    unknown = False
    for operand in operands:
        operands_truth = truth(operand, scope)
        if operands_truth is deciding:
            return deciding
        unknown |= operands_truth is None
    return UNKNOWN if unknown else not deciding
