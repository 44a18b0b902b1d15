"""What goes wrong at Segment: an era's faults, drawn by chance, and the count of what they did."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

from segment_mcp.sandbox import WRITE_KEYS

CALLS_KEY, IMPORTS_KEY = WRITE_KEYS["http"], WRITE_KEYS["server"]
LONGEST_ERA = 3.0
SPARED = "X-Spared"
"""The header by which the fault is known that does no harm, and counts what the others spare."""


@dataclass(slots=True)
class Strikes:
    """What became of the requests, by write key.

    Attributes:
        requests: all of them, but for those that came while an era changed.
        spoiled: those that a fault spoiled.
        doubtful: those that the sandbox acted upon without the sender knowing.
        eras: how often the faults changed.
    """

    requests: Counter[str] = field(default_factory=Counter)
    spoiled: Counter[str] = field(default_factory=Counter)
    doubtful: Counter[str] = field(default_factory=Counter)
    eras: int = 0

    def count(self, faults: Iterable[Mapping[str, Any]]) -> None:
        """Add what the faults of an era did, as the sandbox lists them."""
        self.eras += 1
        for fault in faults:
            key, used = fault["writeKey"], fault["used"]
            self.requests[key] += used
            if SPARED not in fault.get("headers", {}):
                self.spoiled[key] += used
                self.doubtful[key] += used if fault["act"] else 0


def faults(chance: Random, call_seconds: float) -> list[dict[str, Any]]:
    """The faults of an era, of each key on its own: none, some that share the requests, or one for all of them."""
    drawn: list[dict[str, Any]] = []
    for key in (CALLS_KEY, IMPORTS_KEY):
        if chance.random() < 0.08:  # batches are what the outbox sends, and then buries
            drawn.append({"operation": "batch", "writeKey": key, "status": 401, "times": chance.randint(1, 2)})
        outage = chance.random() < 0.15
        drawn += (
            {"writeKey": key, **fault, **({} if outage else {"share": chance.uniform(0.05, 0.25)})}
            for fault in chance.sample(_sorts(call_seconds), 1 if outage else chance.randrange(7))
        )
        slow = {"delaySeconds": chance.uniform(0.02, 0.25)} if key == IMPORTS_KEY or chance.random() < 0.5 else {}
        drawn.append({"writeKey": key, "headers": {SPARED: "1"}, **slow})
    return drawn


def calm(seconds: float) -> list[dict[str, Any]]:
    """Nothing goes wrong; deliveries of calls' events take so long that two processes are at it at once."""
    return [
        {"writeKey": CALLS_KEY, "headers": {SPARED: "1"}, "delaySeconds": seconds},
        {"writeKey": IMPORTS_KEY, "headers": {SPARED: "1"}, "delaySeconds": 0.05},
    ]


def _sorts(call_seconds: float) -> list[dict[str, Any]]:
    hang = {"delaySeconds": call_seconds + 1}
    acting_or_not: list[dict[str, Any]] = [
        {"reset": "before"},
        {"reset": "middle"},
        {"body": "html"},
        {"body": "truncated"},
        {"body": "empty"},
        {"body": "not-json"},
        {"status": 502, "body": "html"},
        {"status": 503, **hang},
        {"status": 500},
    ]
    return [
        {"status": 429, "headers": {"Retry-After": "1"}},
        {"status": 429},
        {"status": 503, "headers": {"Retry-After": "1"}},
        {"status": 408},
        hang,
        {"dripSeconds": call_seconds / 4},
        *({**fault, "act": acts} for fault in acting_or_not for acts in (True, False)),
    ]
