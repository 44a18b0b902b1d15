"""Tracked users: how many different people the events of a month came from, counted day by day.

A person is known by a `userId`, an `anonymousId` or both. IDs are not kept, only marks of them, and of no more than
`MOST` in a month: beyond that, further people are not counted. Numbers are those of the month so far.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date

MOST = 300_000
WORKSPACE = ""
"""Counted beside the sources: somebody whom two sources saw is one person here."""


@dataclass(slots=True)
class Counted:
    """How many different people.

    Attributes:
        identified: different `userId`s.
        anonymous: different `anonymousId`s.
        anonymous_identified: those of them that came with a `userId`, too.
    """

    identified: int = 0
    anonymous: int = 0
    anonymous_identified: int = 0

    @property
    def never_identified(self) -> int:
        """Anonymous ones of whom no `userId` is known."""
        return self.anonymous - self.anonymous_identified

    def add(self, other: "Counted") -> None:
        """Count the others, who are none of these."""
        self.identified += other.identified
        self.anonymous += other.anonymous
        self.anonymous_identified += other.anonymous_identified


class Users:
    """The people of every month, and whom the present one has seen.

    Args:
        most: how many marks of a month are kept.
    """

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._new: dict[date, dict[str, Counted]] = {}
        self._day = self._month = date.min
        self._seen: set[int] = set()

    def see(self, day: date, source_id: str, user_id: str | None, anonymous_id: str | None) -> None:
        """Count the person of an event, if this month has not seen them yet."""
        if day != self._day:
            self._day, month = day, day.replace(day=1)
            if month != self._month:
                self._month = month
                self._seen.clear()
        for place in (source_id, WORKSPACE):
            if user_id is not None and self._is_new(place, "identified", user_id):
                self._of(day, place).identified += 1
            if anonymous_id is not None and self._is_new(place, "anonymous", anonymous_id):
                self._of(day, place).anonymous += 1
            if None not in {user_id, anonymous_id} and self._is_new(place, "both", anonymous_id):
                self._of(day, place).anonymous_identified += 1

    def add(self, day: date, source_id: str, people: Counted) -> None:
        """Count people of the past, of whom no other source knows."""
        for place in (source_id, WORKSPACE):
            self._of(day, place).add(people)

    def copy(self) -> "Users":
        """The same people of the past; whom the present month has seen is not known to it."""
        other = Users(self._most)
        other._new = {day: {place: replace(people) for place, people in places.items()}
                      for day, places in self._new.items()}  # fmt: skip
        return other

    def until(self, day: date, place: str) -> Counted:
        """The people of the day's month up to and including that day, of a source or of the workspace."""
        found = Counted()
        for people in self._days(day, place):
            found.add(people)
        return found

    def _days(self, day: date, place: str) -> Iterator[Counted]:
        for past in range(1, day.day + 1):
            people = self._new.get(day.replace(day=past), {}).get(place)
            if people is not None:
                yield people

    def _of(self, day: date, place: str) -> Counted:
        return self._new.setdefault(day, {}).setdefault(place, Counted())

    def _is_new(self, place: str, kind: str, identity: str | None) -> bool:
        mark = hash((place, kind, identity))
        if mark in self._seen or len(self._seen) >= self._most:
            return False
        self._seen.add(mark)
        return True
