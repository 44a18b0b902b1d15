"""What this server changed, told to whoever follows: in this process only, at once, and without waiting for anybody."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

OUTBOX = "/outbox"
"""Stands for the events that are kept."""
IMPORT = "/imports/{importId}"
"""Stands for an import."""


@dataclass(frozen=True, slots=True)
class Change:
    """Something that this server changed.

    Attributes:
        connection: in whose workspace; empty where it is the server's own.
        method: of the operation, such as `DELETE`.
        path: the operation's path template, such as `/sources/{sourceId}`; `OUTBOX` or `IMPORT` for the server's own.
        arguments: by Segment's names.
    """

    connection: str
    method: str
    path: str
    arguments: Mapping[str, Any] = field(repr=False)


Follower = Callable[[Change], None]
"""Is told of each change while the call that made it goes on: it must neither raise nor take long."""


class Changes:
    """Tells its followers of every change, in the order in which they came."""

    def __init__(self) -> None:
        self._followers: list[Follower] = []

    def follow(self, follower: Follower) -> None:
        """Tell it of every change from now on."""
        self._followers.append(follower)

    def tell(self, change: Change) -> None:
        """Something was changed."""
        for follower in self._followers:
            follower(change)
