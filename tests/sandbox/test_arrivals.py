"""What is remembered of the events that came: which of them, for how long, and what a follower sees of them."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segment_mcp.sandbox.arrivals import Arrivals, Event, Question, Totals

NOW = datetime(2026, 5, 20, 12, 0, tzinfo=UTC)


def arrive(arrivals: Arrivals, *messages: str, source: str = "s", hours: int = 0) -> None:
    """Messages come in; those whose name ends in an exclamation mark fail."""
    received = NOW + timedelta(hours=hours)
    for message in messages:
        code = "no_user_anon_id" if message.endswith("!") else None
        message_id = message.rstrip("!")
        if code or not arrivals.is_repeat(message_id, received):
            number = arrivals.newest + 1
            arrivals.add(Event(number, message_id, source, "page", None, received, received, code))


def shown(arrivals: Arrivals, question: Question) -> str:
    """The events that are answered, each as it was given to `arrive`; and how many were forgotten."""
    answer = arrivals.ask(question)
    events = [f"{event.message_id}{'!' if event.code else ''}" for event, _ in answer.shown]
    return " ".join([*events, *([f"({answer.forgotten})"] if answer.forgotten else [])])


@pytest.mark.parametrize(
    ("question", "events"),
    [
        (Question(), "a b! c b"),
        (Question(count=2), "a b!"),
        (Question(after=0), "a b! c b"),
        (Question(after=2), "c b"),
        (Question(after=2, count=1), "c"),
        (Question(after=4), ""),
        (Question(message_id="b"), "b! b"),
        (Question(message_id="b", count=1), "b!"),
        (Question(message_id="b", after=2), "b"),
        (Question(message_id="z"), ""),
        (Question(source_id="s"), "a b! c b"),
        (Question(source_id="z"), ""),
        (Question(source_id="z", message_id="b"), ""),
    ],
)
def test_a_question_is_answered_with_the_oldest_first(question: Question, events: str) -> None:
    arrivals = Arrivals()
    arrive(arrivals, "a", "b!", "c", "b")
    assert shown(arrivals, question) == events


@pytest.mark.parametrize(
    ("question", "events"),
    [
        (Question(), "c d f! g! (3)"),
        (Question(after=0), "c d f! g! (3)"),
        (Question(after=1), "c d f! g! (2)"),
        (Question(after=3), "d f! g! (1)"),
        (Question(after=5), "f! g!"),
        (Question(after=1, count=1), "c (1)"),
        (Question(after=3, count=1), "d"),
        (Question(after=4, count=1), "f! (1)"),
        (Question(message_id="a"), "(3)"),
        (Question(message_id="d"), "d (3)"),
        (Question(source_id="z"), "(3)"),
    ],
)
def test_what_is_forgotten_is_told(question: Question, events: str) -> None:
    arrivals = Arrivals(max_accepted=2, max_failed=2)
    arrive(arrivals, "a", "b", "c", "d", "e!", "f!", "g!")
    assert shown(arrivals, question) == events


def test_a_flood_of_failures_makes_no_repeat_look_new() -> None:
    arrivals = Arrivals(max_accepted=2, max_failed=2)
    arrive(arrivals, "a", *["a!", "x!"] * 50, "a")
    assert arrivals.totals == Totals(accepted=1, failed=100, repeated=1)
    assert shown(arrivals, Question(message_id="a")) == "a a! (98)"


def test_repeats_are_counted_with_the_event_that_they_repeat() -> None:
    arrivals = Arrivals()
    arrive(arrivals, "a", "b", "a", "a!", "a")
    assert [(event.message_id, event.code is None, repeats) for event, repeats in arrivals.ask(Question()).shown] == [
        ("a", True, 2),
        ("b", True, 0),
        ("a", False, 0),
    ]
    assert arrivals.totals == Totals(accepted=2, failed=1, repeated=2)


def test_a_message_that_comes_a_day_later_is_another_event_with_repeats_of_its_own() -> None:
    arrivals = Arrivals()
    arrive(arrivals, "a", "a")
    arrive(arrivals, "a", hours=23)
    arrive(arrivals, "a", "a", hours=24)
    assert [repeats for _, repeats in arrivals.ask(Question(message_id="a")).shown] == [2, 1]


def test_a_message_that_was_forgotten_is_new_again() -> None:
    arrivals = Arrivals(max_accepted=2)
    arrive(arrivals, "a", "a", "b", "c", "a")
    assert [(event.message_id, repeats) for event, repeats in arrivals.ask(Question()).shown] == [("c", 0), ("a", 0)]


def test_clearing_begins_the_list_and_the_totals_anew_and_keeps_messages_known() -> None:
    arrivals = Arrivals()
    arrive(arrivals, "a", "b!")
    arrivals.clear()
    assert shown(arrivals, Question()) == ""
    assert arrivals.totals == Totals()
    arrive(arrivals, "a", "c")
    assert arrivals.totals == Totals(accepted=1, repeated=1)
    assert shown(arrivals, Question()) == "c"
    assert shown(arrivals, Question(after=1)) == "c (1)"  # who followed from before misses one and is told
    assert shown(arrivals, Question(message_id="a")) == "a"


@given(
    messages=st.lists(st.sampled_from(["a", "b", "c", "d", "!", "a!", "b!"]), max_size=40),
    steps=st.lists(st.tuples(st.integers(0, 6), st.integers(1, 4)), max_size=20),
)
def test_a_follower_sees_each_event_once_or_is_told_that_it_was_forgotten(
    messages: list[str], steps: list[tuple[int, int]]
) -> None:
    arrivals = Arrivals(max_accepted=3, max_failed=2)
    seen: list[int] = []
    missed, after = 0, 0
    for coming, count in [*steps, (len(messages), 100)]:
        arrive(arrivals, *messages[:coming])
        del messages[:coming]
        answer = arrivals.ask(Question(after, count))
        seen += [event.number for event, _ in answer.shown]
        missed += answer.forgotten
        after = answer.until
    assert seen == sorted(set(seen))
    assert len(seen) + missed == after == arrivals.newest
