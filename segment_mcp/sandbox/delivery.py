"""Delivery metrics: what a destination was sent from its source, as Segment's summary names it.

Metric names are those of Segment's own example. Choices of ours: times are in milliseconds, their `total`
is the sum over deliveries, and every delivery of the sandbox takes as long as the last.
"""

from typing import Any

from segment_mcp.sandbox.ledger import Delivery, MinuteCounts, Outcome
from segment_mcp.sandbox.workspace import Destination


def metrics(counts: MinuteCounts[Delivery], destination: Destination, minutes: range) -> list[dict[str, Any]]:
    """The six metrics, all zero for a destination that Segment's servers do not deliver to.

    Returns:
        `[{metricName, total, breakdown?: [{metricName, value}]}]`.
    """
    outcomes: dict[Outcome, int] = dict.fromkeys(("first_attempt", "after_retry", "discarded", "expired"), 0)
    for _, key, count in counts.within(minutes):
        if key.destination_id == destination.id:
            outcomes[key.outcome] += count
    first, later = outcomes["first_attempt"], outcomes["after_retry"]
    return [
        {
            "metricName": "successes",
            "total": first + later,
            "breakdown": [
                {"metricName": "successes_on_first_attempt", "value": first},
                {"metricName": "successes_after_retry", "value": later},
            ],
        },
        {"metricName": "expired", "total": outcomes["expired"]},
        {"metricName": "discarded", "total": outcomes["discarded"]},
        {"metricName": "retried", "total": later + outcomes["expired"]},
        _time("time_to_success", first + later, destination.latency),
        _time("time_to_first_attempt", sum(outcomes.values()), destination.latency // 2),
    ]


def _time(name: str, deliveries: int, latency: int) -> dict[str, Any]:
    each = latency if deliveries else 0
    return {
        "metricName": name,
        "total": deliveries * latency,
        "breakdown": [
            {"metricName": f"{name}_average", "value": each},
            {"metricName": f"{name}_p95", "value": each},
        ],
    }
