"""How the Public API says no: `{"errors": [{"type", "message", "field"?, "data"?}]}` and a status.

Statuses and the envelope are documented; of the `type` strings only `input-validation` and
`RequestError` are, and Segment's own pages disagree on others, so a client must not match on them.
"""

from collections.abc import Iterable, Mapping
from typing import Any

Problem = Mapping[str, Any]


class RefusalError(Exception):
    """The request ends here with a status and the errors of the envelope.

    Attributes:
        status: HTTP status.
        problems: entries of `errors`, as Segment's RequestError has them.
        headers: headers that the answer carries besides the usual ones.
    """

    def __init__(self, status: int, problems: Iterable[Problem], headers: Mapping[str, str] | None = None) -> None:
        self.status = status
        self.problems = tuple(problems)
        self.headers = dict(headers or {})
        super().__init__(f"{status}: {self.problems}")


def not_found(what: str = "Resource") -> RefusalError:
    """404, documented for every operation."""
    return RefusalError(404, [{"type": "NotFound", "message": f"{what} not found"}])


def unauthorized() -> RefusalError:
    """401, documented for a missing or invalid token and for one without permission alike."""
    return RefusalError(401, [{"type": "Unauthorized", "message": "The token is missing or not valid"}])


def conflict(message: str, field: str) -> RefusalError:
    """409, for a value that something else already has."""
    return RefusalError(409, [{"type": "Conflict", "message": message, "field": field}])


def malformed() -> RefusalError:
    """400, for a body that is not JSON."""
    return RefusalError(400, [{"type": "RequestError", "message": "The request body is not valid JSON"}])


def read_only() -> RefusalError:
    """400, documented for an update that names nothing but read-only properties."""
    return RefusalError(400, [{"type": "RequestError", "message": "Only read-only properties were given"}])


def too_large() -> RefusalError:
    """413, documented for bodies beyond what the API takes."""
    return RefusalError(413, [{"type": "RequestError", "message": "The request body is too large"}])


def invalid(problems: Iterable[Problem]) -> RefusalError:
    """422 with one error for each field."""
    return RefusalError(422, problems)


def problem(field: str, predicate: str) -> Problem:
    """A documented-style entry: `"count" must be a number`, with the dotted path in `field`."""
    return {"type": "input-validation", "message": f'"{field.rpartition(".")[2]}" {predicate}', "field": field}


def too_many(points: int, milliseconds: int) -> RefusalError:
    """429 as documented: `Retry-After` in whole seconds, and what is left in `data`.

    Args:
        points: calls made in this window, this one included.
        milliseconds: until the window ends.
    """
    data = {"remainingPoints": 0, "msBeforeNext": milliseconds, "consumedPoints": points}
    return RefusalError(
        429,
        [{"type": "RequestError", "message": "Too many requests", "data": data}],
        {"Retry-After": str(-(-milliseconds // 1000))},
    )
