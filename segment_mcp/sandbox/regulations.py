"""Regulations: requests to delete or suppress the data of people, and who is suppressed by them.

A request stays `INITIALIZED`: in Segment the work takes up to 30 days. As there, none is kept for more than 90 days.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from importlib.resources import files
from typing import Any, Literal

KEPT = timedelta(days=90)

Status = Literal["INITIALIZED", "FINISHED", "FAILED"]
Subject = tuple[str, str]
"""Type and ID."""


@dataclass(frozen=True, slots=True)
class Regulation:
    """One request.

    Attributes:
        source_id: the source that it is limited to; None: the whole workspace.
        finished: None as long as it is under way.
    """

    id: str
    type: str
    subject_type: str
    subject_ids: tuple[str, ...]
    created: datetime
    source_id: str | None = None
    status: Status = "INITIALIZED"
    finished: datetime | None = None

    @property
    def reaches_destinations(self) -> bool:
        """Whether destinations are asked to delete, too, and not Segment alone."""
        return self.type in {"DELETE_ONLY", "SUPPRESS_WITH_DELETE"}


@dataclass(slots=True)
class Regulations:
    """Every request, and the suppressions that they led to."""

    _requests: dict[str, Regulation] = field(default_factory=dict)
    _suppressed: dict[tuple[str | None, Subject], None] = field(default_factory=dict)

    def add(self, regulation: Regulation) -> None:
        """Take a request. A source cannot lift what the workspace suppresses: see `is_suppressed`."""
        self._requests[regulation.id] = regulation
        for subject_id in regulation.subject_ids:
            key = (regulation.source_id, (regulation.subject_type, subject_id))
            if regulation.type == "UNSUPPRESS":
                self._suppressed.pop(key, None)
            elif regulation.type.startswith("SUPPRESS_"):
                self._suppressed[key] = None

    def get(self, regulation_id: str, now: datetime) -> Regulation | None:
        """The request with that ID; None if there is none, or no longer."""
        found = self._requests.get(regulation_id)
        return found if found is not None and _is_kept(found, now) else None

    def of(self, source_id: str | None, now: datetime) -> Iterator[Regulation]:
        """The requests of a source, or of the workspace as a whole; newest first."""
        return (
            each for each in reversed(self._requests.values()) if each.source_id == source_id and _is_kept(each, now)
        )

    def is_suppressed(self, subject: Subject) -> bool:
        """Whether the whole workspace suppresses them."""
        return (None, subject) in self._suppressed

    def suppressed(self) -> list[Subject]:
        """Whoever is suppressed, in the workspace or in a source, each once."""
        return list(dict.fromkeys(subject for _, subject in self._suppressed))


def seeded(now: datetime) -> Regulations:
    """What people asked for before now."""
    found = Regulations()
    text = files("segment_mcp.sandbox").joinpath("regulations.json").read_text(encoding="utf-8")
    entries: list[Mapping[str, Any]] = json.loads(text)
    for entry in entries:
        created = now - timedelta(days=entry["daysAgo"])
        finished = None if entry["finishedAfterDays"] is None else created + timedelta(days=entry["finishedAfterDays"])
        found.add(
            Regulation(
                id=entry["id"],
                type=entry["regulationType"],
                subject_type=entry["subjectType"],
                subject_ids=tuple(entry["subjectIds"]),
                created=created,
                source_id=entry["sourceId"],
                status="INITIALIZED" if finished is None else "FINISHED",
                finished=finished,
            )
        )
    return found


def _is_kept(regulation: Regulation, now: datetime) -> bool:
    return now - regulation.created <= KEPT
