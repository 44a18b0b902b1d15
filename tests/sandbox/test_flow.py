"""What the flow counts and remembers of events, whatever they look like."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segment_mcp.sandbox import WRITE_KEYS, seed, tracking_plans, windows
from segment_mcp.sandbox.arrivals import Event, Question
from segment_mcp.sandbox.flow import Flow, Receipt
from segment_mcp.sandbox.ledger import Failure, Ledger

NOW = datetime(2026, 5, 20, 12, 0, tzinfo=UTC)
HTTP = Receipt(NOW, WRITE_KEYS["http"])
EVER = range(windows.minute_of(NOW) + 1)
FIELDS = (
    "type", "event", "userId", "anonymousId", "groupId", "previousId", "messageId", "timestamp", "sentAt", "context",
    "integrations", "properties", "traits", "name", "category",
)  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
KINDS = st.sampled_from(["track", "identify", "page", "screen", "group", "alias"])
EVENTS = JSON | st.fixed_dictionaries({"type": KINDS | JSON}, optional=dict.fromkeys(FIELDS[1:], JSON))


def failures(ledger: Ledger) -> list[Failure]:
    return [key for _, key, _ in ledger.failed.within(EVER)]


def arrived(ledger: Ledger) -> list[Event]:
    return [event for event, _ in ledger.arrivals.ask(Question()).shown]


def fresh() -> tuple[Flow, Ledger]:
    ledger = Ledger()
    return Flow(seed.workspace(), ledger, tracking_plans.seeded(), lambda: 0.5), ledger


@pytest.mark.parametrize("key", ["http", "server", "web", "ios"])  # the last three have a plan and destinations
@settings(deadline=None, max_examples=40)  # a busy machine is no bug; four keys try as many each
@given(events=st.lists(EVENTS, max_size=5))
def test_every_event_is_accepted_or_failed_for_a_reason_and_never_breaks_the_sandbox(
    key: str, events: list[Any]
) -> None:
    flow, ledger = fresh()
    flow.take(Receipt(NOW, WRITE_KEYS[key]), events)
    seen, totals = arrived(ledger), ledger.arrivals.totals
    assert totals.accepted == sum(event.code is None for event in seen)
    assert totals.failed == len(seen) - totals.accepted
    assert totals.repeated == sum(repeats for _, repeats in ledger.arrivals.ask(Question()).shown)
    assert sum(event.forwarded_from is None for event in seen) + totals.repeated == len(events)
    blocked = sum(event.blocked is not None for event in seen)
    assert sum(count for _, _, count in ledger.blocked.within(EVER)) == blocked
    assert sum(sum(calls.values()) for calls in ledger.daily.values()) == totals.accepted - blocked
    stopped = sum(len(event.filtered) for event in seen)
    assert sum(count for _, _, count in ledger.filtered.within(EVER)) == stopped


def test_failures_are_kept_with_their_source_and_code() -> None:
    flow, ledger = fresh()
    source = flow._workspace.source_of(HTTP.write_key)
    assert source is not None
    flow.take(HTTP, [{"type": "track", "event": "Paid"}])
    flow.take(Receipt(NOW, "unknown"), [{"type": "track", "event": "Paid", "userId": "u"}])
    flow.take(Receipt(NOW, WRITE_KEYS["android"]), [{"type": "page", "userId": "u"}])
    flow.fail(HTTP, "empty_batch")
    disabled = flow._workspace.source_of(WRITE_KEYS["android"])
    assert disabled is not None
    assert failures(ledger) == [
        Failure(source.id, "track", "Paid", "no_user_anon_id"),
        Failure("", "track", "Paid", "unknown_source"),
        Failure(disabled.id, "page", None, "source_disabled"),
        Failure(source.id, "", None, "empty_batch"),
    ]
    assert [event.code for event in arrived(ledger)] == [failure.code for failure in failures(ledger)]


def test_an_event_knows_when_it_happened_and_where_it_went() -> None:
    flow, ledger = fresh()
    event = {"type": "track", "event": "Paid", "userId": "u", "timestamp": "2026-05-20T09:00:00Z"}
    flow.take(
        Receipt(NOW, WRITE_KEYS["http"], sent_at="2026-05-20T09:00:10Z"), [event, {"type": "page", "userId": "u"}]
    )
    delivered, stopped = arrived(ledger)
    assert delivered.timestamp == NOW - timedelta(seconds=10)
    assert delivered.received == NOW
    assert delivered.message_id
    assert (len(delivered.destinations), delivered.filtered) == (1, ())
    assert (stopped.destinations, [stop.code for stop in stopped.filtered]) == ((), ["NO_MATCHING_MAPPING"])


def test_each_event_at_each_destination_ends_in_one_step_and_each_delivery_is_one() -> None:
    flow, ledger = fresh()
    kinds = ("track", "identify", "page", "screen", "group", "alias")
    ids = {"userId": "u", "groupId": "g", "previousId": "p", "event": "Order Completed"}
    for key in ("http", "server", "web", "ios"):
        flow.take(Receipt(NOW, WRITE_KEYS[key]), [{"type": kind, **ids} for kind in kinds])
    for event in arrived(ledger):
        if event.blocked is None:
            source = flow._workspace.sources[event.source_id]
            reached = {*event.destinations, *(stop.destination_id for stop in event.filtered)}
            assert reached == {each.id for each in flow._workspace.cloud_destinations(source.id)}
    deliveries = sum(count for _, _, count in ledger.delivered.within(EVER))
    assert deliveries == sum(len(ledger.dispatches.of(event.number)) for event in arrived(ledger)) > 0
