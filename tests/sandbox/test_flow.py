"""What the flow remembers of events, whatever they look like."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from segment_mcp.sandbox import WRITE_KEYS, seed, windows
from segment_mcp.sandbox.arrivals import Event, Question
from segment_mcp.sandbox.flow import Flow, Receipt
from segment_mcp.sandbox.ledger import Failure, Ledger

NOW = datetime(2026, 5, 20, 12, 0, tzinfo=UTC)
HTTP = Receipt(NOW, WRITE_KEYS["http"])
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
    minute = windows.minute_of(NOW)
    return [key for _, key, _ in ledger.failed.within(range(minute, minute + 1))]


def arrived(ledger: Ledger) -> list[Event]:
    return [event for event, _ in ledger.arrivals.ask(Question()).shown]


def fresh() -> tuple[Flow, Ledger]:
    ledger = Ledger()
    return Flow(seed.workspace(), ledger), ledger


@settings(deadline=None)  # a busy machine is no bug
@given(events=st.lists(EVENTS, max_size=5))
def test_every_event_is_accepted_or_failed_for_a_reason_and_never_breaks_the_sandbox(events: list[Any]) -> None:
    flow, ledger = fresh()
    flow.take(HTTP, events)
    accepted = sum(sum(calls.values()) for calls in ledger.daily.values())
    totals = ledger.arrivals.totals
    assert accepted == totals.accepted == sum(event.code is None for event in arrived(ledger))
    assert totals.failed == len(arrived(ledger)) - totals.accepted
    assert totals.accepted + totals.failed + totals.repeated == len(events)
    assert totals.repeated == sum(repeats for _, repeats in ledger.arrivals.ask(Question()).shown)


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
    flow.take(Receipt(NOW, WRITE_KEYS["web"], sent_at="2026-05-20T09:00:10Z"), [event])
    (kept,) = arrived(ledger)
    assert kept.timestamp == NOW - timedelta(seconds=10)
    assert kept.received == NOW
    assert kept.message_id
    assert len(kept.destinations) == 1  # of the website's three, one is device-mode and one is disabled
