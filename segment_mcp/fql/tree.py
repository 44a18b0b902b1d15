"""What a parsed query is made of."""

from dataclasses import dataclass
from typing import TypeAlias

Scalar: TypeAlias = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Constant:
    """A value that stands in the query: text, number, `true`, `false` or `null`."""

    value: Scalar


@dataclass(frozen=True, slots=True)
class Field:
    """A field of the event, by the keys that lead to it: `properties.title` is `("properties", "title")`."""

    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Listing:
    """A list that stands in the query."""

    items: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Call:
    """A function over its arguments; name and number of arguments have been checked."""

    name: str
    arguments: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two values and what is asked of them: `=`, `!=`, `<`, `<=`, `>`, `>=` or `in`."""

    operator: str
    left: "Node"
    right: "Node"


@dataclass(frozen=True, slots=True)
class Negation:
    """`!` and what it negates."""

    operand: "Node"


@dataclass(frozen=True, slots=True)
class Every:
    """Operands joined by `and`."""

    operands: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Some:
    """Operands joined by `or`."""

    operands: tuple["Node", ...]


Node: TypeAlias = Constant | Field | Listing | Call | Comparison | Negation | Every | Some


def inside(node: Node) -> tuple[Node, ...]:
    """The nodes directly below this one."""
    match node:
        case Listing(items=below) | Call(arguments=below) | Every(operands=below) | Some(operands=below):
            return below
        case Comparison(left=left, right=right):
            return left, right
        case Negation(operand=operand):
            return (operand,)
        case _:
            return ()
