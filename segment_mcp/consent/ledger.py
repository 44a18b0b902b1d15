"""Every question that was asked, and what became of it."""

from dataclasses import dataclass
from typing import Literal, Protocol

CREDENTIALS = "#"
Way = Literal["form", "terminal", "token"]
State = Literal["asked", "agreed", "declined", "used"]


@dataclass(frozen=True, slots=True)
class Subject:
    """Who wants to do what: a consent to one of these is none to any other.

    Attributes:
        caller: stands for the client, and where it has one for its session.
        connection: the connection's name and, behind `CREDENTIALS`, what stands for its credentials: the same name
            may mean another workspace tomorrow.
        operation: the operation's name.
        arguments: a digest of the exact arguments.
    """

    caller: str
    connection: str
    operation: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Asked:
    """A question.

    Attributes:
        code: names it; nobody guesses it.
        way: how it is to be answered.
        subject: who wants to do what.
        seen: digest of what the preview saw.
        phrase: what is to be typed.
        text: the preview, for a person.
        expires: seconds since 1970 after which it counts for nothing.
        state: `asked`, then `agreed` or `declined` by a person in a terminal; `used` once it counted.
    """

    code: str
    way: Way
    subject: Subject
    seen: str
    phrase: str
    text: str
    expires: float
    state: State = "asked"


class Ledger(Protocol):
    """Where questions are kept. Its methods block, and may be called from any thread.

    Raises:
        StoreError: whatever is called: it can't be read or written.
    """

    def add(self, asked: Asked, now: float) -> None:
        """Keep a question; those that expired long ago are forgotten."""
        ...

    def get(self, code: str) -> Asked | None:
        """The question of that code."""
        ...

    def newest(self, subject: Subject, way: Way, now: float) -> Asked | None:
        """The question on that subject that lives, was not used, and was decided last; else the one asked last."""
        ...

    def settle(self, code: str, before: State, after: State, now: float) -> bool:
        """Bring a question that lives from one state to another; False where it was not in that state any more."""
        ...

    def close_all(self, subject: Subject, way: Way) -> None:
        """Use up every question on that subject: who declined one has declined."""
        ...
