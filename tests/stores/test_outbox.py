"""The store of events: lanes in order, leases that exclude others, dead letters with their reasons; nothing lost."""

import json
import signal
from collections.abc import Sequence
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from segment_mcp.errors import StoreError
from segment_mcp.events.batches import ROOM
from segment_mcp.events.checks import MOST_EVENTS
from segment_mcp.events.outbox import Held, Lease, Refusal
from segment_mcp.redact import mask_write_key
from segment_mcp.stores.outbox import SqliteOutbox
from tests.stores.conftest import Open
from tests.stores.processes import process

US, EU = "https://api.segment.io", "https://events.eu1.segmentapis.com"
BOTH = (US, EU)
KEY, OTHER_KEY = "wK4nArY0" * 4, "oTh3rK3y" * 4
NOW, LATER, MUCH_LATER = 1_000_000.0, 1_000_035.0, 1_000_070.0
NO = Refusal("rejected", 400, "api.segment.io answered 400.")


def held(*names: str, size: int = 50) -> list[Held]:
    return [Held(name, f'{{"type":"page","messageId":"{name}"}}'.ljust(size).encode()) for name in names]


def put(store: SqliteOutbox, *names: str, route: str = US, key: str = KEY, now: float = NOW) -> None:
    store.put(route, key, held(*names), "unavailable: It was down.", now)


def claim(
    store: SqliteOutbox, owner: str = "me", *, routes: Sequence[str] = BOTH, now: float = NOW, until: float = LATER
) -> Lease:
    lease = store.claim(routes, owner, now, until)
    assert lease is not None
    return lease


def ids(lease: Lease) -> list[str]:
    return [event.message_id for event in lease.events]


def pending(store: SqliteOutbox) -> list[str]:
    return [event["messageId"] for event in store.listed(dead=False, limit=10_000)]


def dead(store: SqliteOutbox) -> list[str]:
    return [event["messageId"] for event in store.listed(dead=True, limit=10_000)]


# Keeping


def test_an_event_comes_back_as_it_was_kept(store: SqliteOutbox) -> None:
    body = b'{"messageId":"m1","n":1.0,"t":"\xe4\xbd\xa0\\u0000"}'
    store.put(US, KEY, [Held("m1", body)], "why", NOW)
    lease = claim(store)
    assert (lease.route, lease.write_key, lease.owner, lease.attempts) == (US, KEY, "me", 0)
    assert [(event.message_id, event.body) for event in lease.events] == [("m1", body)]


def test_events_are_kept_all_or_none(store: SqliteOutbox) -> None:
    unfit: Any = None
    with pytest.raises(StoreError):
        store.put(US, KEY, [*held("m1", "m2"), Held("m3", unfit), *held("m4")], "why", NOW)
    assert store.summary() == {"pending": 0, "deadLetters": 0}


def test_a_message_is_kept_once_for_a_source(store: SqliteOutbox) -> None:
    put(store, "m1", "m2", "m1")
    put(store, "m2", "m3")
    put(store, "m1", key=OTHER_KEY)
    assert ids(claim(store)) == ["m1", "m2", "m3"]
    assert ids(claim(store)) == ["m1"]


# Leases


def test_a_lane_is_one_owners_at_a_time(store: SqliteOutbox, open_store: Open) -> None:
    put(store, "m1")
    claim(store, "me")
    assert open_store().claim(BOTH, "you", NOW, LATER) is None
    assert store.claim(BOTH, "me", NOW, LATER) is None


@pytest.mark.parametrize(("now", "free"), [(LATER - 0.001, False), (LATER, True), (LATER + 0.001, True)])
def test_a_lease_ends_at_its_time(store: SqliteOutbox, now: float, *, free: bool) -> None:
    put(store, "m1")
    claim(store, "me", until=LATER)
    assert (store.claim(BOTH, "you", now, MUCH_LATER) is not None) is free


def test_a_renewed_lease_ends_later(store: SqliteOutbox) -> None:
    put(store, "m1")
    assert store.renew(claim(store, "me", until=LATER), MUCH_LATER)
    assert store.claim(BOTH, "you", LATER, MUCH_LATER) is None
    assert store.claim(BOTH, "you", MUCH_LATER, MUCH_LATER + 1) is not None


def test_a_lost_lease_is_neither_renewed_nor_given_back(store: SqliteOutbox) -> None:
    put(store, "m1")
    lost = claim(store, "me", until=LATER)
    claim(store, "you", now=LATER, until=MUCH_LATER)
    assert not store.renew(lost, MUCH_LATER + 100)
    store.release(lost, None, None)
    store.release(lost, NOW, "busy")
    assert store.claim(BOTH, "me", LATER, MUCH_LATER) is None
    assert claim(store, "me", now=MUCH_LATER, until=MUCH_LATER + 1).attempts == 0


def test_a_lease_that_was_given_back_is_lost(store: SqliteOutbox) -> None:
    put(store, "m1")
    lease = claim(store)
    store.release(lease, None, None)
    assert not store.renew(lease, MUCH_LATER)
    assert store.claim(BOTH, "you", NOW, LATER) is not None


def test_what_the_old_holder_delivered_late_is_delivered_once(store: SqliteOutbox) -> None:
    put(store, "m1", "m2")
    lost = claim(store, "me", until=LATER)
    mine = claim(store, "you", now=LATER, until=MUCH_LATER)
    store.delivered(lost.events)
    store.delivered(mine.events)
    assert store.summary() == {"pending": 0, "deadLetters": 0}


def test_what_the_old_holder_gives_up_after_the_new_one_delivered_it_is_no_dead_letter(store: SqliteOutbox) -> None:
    put(store, "m1", "m2")
    lost = claim(store, "me", until=LATER)
    store.delivered(claim(store, "you", now=LATER, until=MUCH_LATER).events[:1])
    store.bury(lost.events[:1], NO, LATER)
    assert dead(store) == []
    assert pending(store) == ["m2"]


def test_an_event_that_comes_while_its_lane_is_held_waits_behind_it(store: SqliteOutbox, open_store: Open) -> None:
    put(store, "m1")
    lease = claim(store)
    put(open_store(), "m2")
    store.delivered(lease.events)
    store.release(lease, None, None)
    assert ids(claim(store)) == ["m2"]


# Lanes


def test_a_lane_is_in_the_order_in_which_its_events_came(store: SqliteOutbox, open_store: Open) -> None:
    other = open_store()
    for number in range(0, 20, 2):
        put(store, f"m{number}", now=NOW - number)
        put(other, f"m{number + 1}", now=NOW + number)
    assert ids(claim(store)) == [f"m{number}" for number in range(20)]


def test_lanes_are_apart_by_key_and_by_route(store: SqliteOutbox) -> None:
    put(store, "m1", "m2")
    put(store, "m3", key=OTHER_KEY)
    put(store, "m4", route=EU)
    put(store, "m5")
    leases = [claim(store) for _ in range(3)]
    assert [(lease.route, lease.write_key, ids(lease)) for lease in leases] == [
        (US, KEY, ["m1", "m2", "m5"]),
        (US, OTHER_KEY, ["m3"]),
        (EU, KEY, ["m4"]),
    ]
    assert store.claim(BOTH, "me", NOW, LATER) is None


def test_lanes_on_a_route_that_is_not_known_here_are_left_alone(store: SqliteOutbox) -> None:
    put(store, "m1", route="https://elsewhere.example")
    put(store, "m2", route=EU)
    assert store.claim([US], "me", NOW, LATER) is None
    assert store.next_due([US], NOW) is None
    assert store.claim([], "me", NOW, LATER) is None
    assert store.next_due([], NOW) is None
    assert ids(claim(store, routes=[US, EU])) == ["m2"]
    assert store.routes() == {EU, "https://elsewhere.example"}


def test_a_failed_lane_waits_and_counts_and_the_others_go_on(store: SqliteOutbox) -> None:
    put(store, "m1")
    put(store, "m2", key=OTHER_KEY)
    store.release(claim(store), NOW + 2, "rate_limited: Slow down.")
    assert ids(claim(store)) == ["m2"]
    assert store.claim(BOTH, "me", NOW + 1.999, LATER) is None
    again = claim(store, now=NOW + 2)
    assert (ids(again), again.attempts) == (["m1"], 1)
    store.release(again, NOW + 6, None)
    assert store.summary()["lastFailure"] == "rate_limited: Slow down."
    third = claim(store, now=NOW + 6)
    assert third.attempts == 2
    store.release(third, None, None)
    assert claim(store, now=NOW + 6).attempts == 0


def test_the_lane_whose_time_came_first_goes_first(store: SqliteOutbox) -> None:
    put(store, "m1")
    put(store, "m2", key=OTHER_KEY)
    store.release(claim(store), NOW + 20, None)
    store.release(claim(store), NOW + 10, None)
    assert ids(claim(store, now=LATER)) == ["m2"]


def test_no_lane_waits_after_it_was_hastened_but_a_lease_stands(store: SqliteOutbox) -> None:
    put(store, "m1")
    put(store, "m2", key=OTHER_KEY)
    store.release(claim(store), NOW + 1000, None)
    claim(store, "you")
    store.hasten()
    assert ids(claim(store)) == ["m1"]
    assert store.claim(BOTH, "me", NOW, LATER) is None


def test_the_next_time_is_told(store: SqliteOutbox) -> None:
    assert store.next_due(BOTH, NOW) is None
    put(store, "m1")
    assert store.next_due(BOTH, NOW) == NOW
    lease = claim(store)
    assert store.next_due(BOTH, NOW) == LATER
    put(store, "m2", key=OTHER_KEY)
    assert store.next_due(BOTH, NOW) == NOW
    store.release(claim(store), NOW + 5, None)
    assert store.next_due(BOTH, NOW) == NOW + 5
    store.delivered(lease.events)
    store.release(lease, None, None)
    assert store.next_due(BOTH, NOW) == NOW + 5


def test_a_clock_that_was_set_back_by_days_holds_nothing_for_days(store: SqliteOutbox) -> None:
    """No lease and no wait is longer than an hour or so: what says otherwise was written by a wrong clock."""
    put(store, "m1")
    put(store, "m2", key=OTHER_KEY)
    days = 10 * 86_400.0
    claim(store, now=NOW + days, until=LATER + days)
    store.release(claim(store, now=NOW + days, until=LATER + days), NOW + days + 300, None)
    assert claim(store, now=NOW + 7_200, until=NOW + 7_235) is not None
    assert claim(store, now=NOW + 7_200, until=NOW + 7_235) is not None


# Requests


@pytest.mark.parametrize(("size", "number"), [(50, MOST_EVENTS), (150, MOST_EVENTS), (32_000, 15), (32_768, 15)])
def test_a_request_is_within_segments_limits_and_as_full_as_they_allow(
    store: SqliteOutbox, size: int, number: int
) -> None:
    total = number + 3
    store.put(US, KEY, held(*(f"m{index}" for index in range(total)), size=size), "why", NOW)
    first = claim(store)
    assert ids(first) == [f"m{index}" for index in range(number)]
    assert sum(len(event.body) + 1 for event in first.events) <= ROOM
    store.delivered(first.events)
    store.release(first, None, None)
    assert ids(claim(store)) == [f"m{index}" for index in range(number, total)]


def test_a_request_is_full_to_the_byte(store: SqliteOutbox) -> None:
    full = held(*(f"m{index}" for index in range(10)), size=ROOM // 10 - 1)
    rest = ROOM - sum(len(event.body) + 1 for event in full)
    store.put(US, KEY, [*full[:-1], *held("last", size=len(full[-1].body) + rest), *held("next")], "why", NOW)
    lease = claim(store)
    assert ids(lease)[-1] == "last"
    assert sum(len(event.body) + 1 for event in lease.events) == ROOM


def test_an_event_that_is_larger_than_a_request_goes_alone_and_blocks_nothing(store: SqliteOutbox) -> None:
    store.put(US, KEY, [*held("huge", size=ROOM + 1), *held("small")], "why", NOW)
    first = claim(store)
    assert ids(first) == ["huge"]
    store.bury(first.events, NO, NOW)
    store.release(first, None, None)
    assert ids(claim(store)) == ["small"]


# Dead letters


def test_a_dead_letter_says_why(store: SqliteOutbox) -> None:
    put(store, "m1", "m2", "m3")
    lease = claim(store)
    store.bury(lease.events[1:2], NO, NOW + 1)
    store.bury(lease.events[2:], Refusal("unauthorized", None, "No."), NOW + 2)
    assert pending(store) == ["m1"]
    shown = [
        {
            "id": 1,
            "messageId": "m2",
            "type": "page",
            "writeKey": "****ArY0",
            "keptAt": "1970-01-12T13:46:40.000Z",
            "buriedAt": "1970-01-12T13:46:41.000Z",
            "code": "rejected",
            "status": 400,
            "reason": "api.segment.io answered 400.",
        },
        {
            "id": 2,
            "messageId": "m3",
            "type": "page",
            "writeKey": "****ArY0",
            "keptAt": "1970-01-12T13:46:40.000Z",
            "buriedAt": "1970-01-12T13:46:42.000Z",
            "code": "unauthorized",
            "reason": "No.",
        },
    ]
    found = store.listed(dead=True, limit=10)
    assert [{name: event[name] for name in expected} for event, expected in zip(found, shown, strict=True)] == shown
    assert ["status" in event for event in found] == [True, False]
    assert store.summary()["deadLetters"] == 2


def buried(store: SqliteOutbox, *names: str) -> None:
    put(store, *names)
    lease = claim(store)
    store.bury(lease.events, NO, NOW)
    store.release(lease, None, None)


def test_dead_letters_go_back_to_their_lanes(store: SqliteOutbox) -> None:
    buried(store, "m1", "m2", "m3")
    put(store, "m4")
    first, _, third = (event["id"] for event in store.listed(dead=True, limit=10))
    assert store.retry([third, first, 999, 2**80, -1]) == 2
    assert dead(store) == ["m2"]
    assert sorted(ids(claim(store))) == ["m1", "m3", "m4"]
    assert store.retry(None) == 1
    assert store.retry(None) == 0
    assert store.listed(dead=False, limit=10)[0]["keptAt"] == "1970-01-12T13:46:40.000Z"


def test_a_dead_letter_whose_message_is_kept_again_meanwhile_becomes_one_event(store: SqliteOutbox) -> None:
    buried(store, "m1")
    put(store, "m1")
    assert store.retry(None) == 1
    assert (pending(store), dead(store)) == (["m1"], [])


def test_going_back_hastens_its_own_lane_only(store: SqliteOutbox) -> None:
    """Segment said how long the others are to wait."""
    put(store, "m1", key=OTHER_KEY)
    store.release(claim(store), NOW + 1000, "rate_limited: Slow down.")
    buried(store, "m2")
    put(store, "m3")
    store.release(claim(store), NOW + 1000, None)
    store.retry(None)
    again = claim(store)
    assert (again.write_key, again.attempts) == (KEY, 0)
    assert store.claim(BOTH, "me", NOW, LATER) is None
    store.retry(None)
    assert store.claim(BOTH, "me", NOW, LATER) is None


def test_events_and_dead_letters_are_dropped_by_their_ids_or_all(store: SqliteOutbox) -> None:
    buried(store, "d1", "d2", "d3")
    put(store, "m1", "m2", "m3")
    second = store.listed(dead=False, limit=10)[1]["id"]
    assert store.drop([second, 999, 2**80, -1], dead=False) == 1
    assert pending(store) == ["m1", "m3"]
    second = store.listed(dead=True, limit=10)[1]["id"]
    assert store.drop([second], dead=True) == 1
    assert dead(store) == ["d1", "d3"]
    assert store.drop(None, dead=False) == 2
    assert (pending(store), dead(store)) == ([], ["d1", "d3"])
    assert store.drop(None, dead=True) == 2
    assert store.summary() == {"pending": 0, "deadLetters": 0}


def test_an_id_is_never_an_others(store: SqliteOutbox) -> None:
    """Who holds a dropped event and delivers it late takes away none that came after it."""
    put(store, "m1")
    lease = claim(store)
    store.drop(None, dead=False)
    put(store, "m2")
    store.delivered(lease.events)
    assert pending(store) == ["m2"]


# What people see


def test_the_summary_counts_and_dates(store: SqliteOutbox) -> None:
    assert store.summary() == {"pending": 0, "deadLetters": 0}
    put(store, "m1", now=NOW + 5)
    put(store, "m2", now=NOW)
    summary = store.summary()
    assert {name: summary[name] for name in ("pending", "deadLetters", "oldest", "lastFailure")} == {
        "pending": 2,
        "deadLetters": 0,
        "oldest": "1970-01-12T13:46:40.000Z",
        "lastFailure": "unavailable: It was down.",
    }


def test_the_oldest_are_listed_up_to_the_limit(store: SqliteOutbox) -> None:
    put(store, *(f"m{index}" for index in range(5)))
    assert [event["messageId"] for event in store.listed(dead=False, limit=3)] == ["m0", "m1", "m2"]
    assert json.loads(json.dumps(store.listed(dead=False, limit=2**63 - 1)))[4]["messageId"] == "m4"


def test_an_event_is_listed_by_what_it_is_and_not_by_what_it_says(store: SqliteOutbox) -> None:
    body = b'{"type":"track","event":"Paid","userId":"u@example.com","messageId":"m1","properties":{"iban":"DE1"}}'
    store.put(US, KEY, [Held("m1", body)], "why", NOW)
    (event,) = store.listed(dead=False, limit=1)
    assert (event["type"], event["event"]) == ("track", "Paid")
    assert "u@example.com" not in str(event)
    assert "DE1" not in str(event)


def test_write_keys_are_shown_nowhere(path: Path, store: SqliteOutbox) -> None:
    buried(store, "m1")
    put(store, "m2")
    lease = claim(store)
    shown: list[Any] = [
        lease, lease.events, store, store.summary(), store.listed(dead=False, limit=9), store.listed(dead=True, limit=9)
    ]  # fmt: skip
    unfit: Any = None
    with pytest.raises(StoreError) as caught:
        store.put(US, KEY, [Held("m", unfit)], "why", NOW)
    text = repr(shown) + str(shown) + repr(caught.value) + str(path)
    assert KEY not in text
    assert "messageId" in text
    assert '{"type"' not in text, "what was tracked is nobody's to see in a log"


# Several processes


def test_processes_share_a_store_and_each_event_goes_once_and_in_order(path: Path, store: SqliteOutbox) -> None:
    script = """
store, owner = SqliteOutbox(path), sys.argv[2]
say("ready")
input()
while store.summary()["pending"]:
    lease = store.claim(["https://api.segment.io"], owner, time.time(), time.time() + 60)
    if lease is None:
        time.sleep(0.002)
        continue
    for event in lease.events[:7]:
        say(time.monotonic_ns(), event.message_id)
    store.delivered(lease.events[:7])
    store.release(lease, None, None)
    time.sleep(0.003)
"""
    lanes = [[f"k{lane} {number:03}" for number in range(100)] for lane in range(3)]
    for names in zip(*lanes, strict=True):
        for name in names:
            put(store, name, key=name[:2] * 16)
    with ExitStack() as stack:
        others = [stack.enter_context(process(script, path, name)) for name in ("a", "b")]
        assert [other.line() for other in others] == ["ready", "ready"]
        for other in others:
            other.go()
        said = [other.lines() for other in others]
    sent = [line.partition(" ")[2] for line in sorted(chain(*said), key=lambda line: int(line.partition(" ")[0]))]
    assert [[name for name in sent if name.startswith(f"k{lane}")] for lane in range(3)] == lanes


def test_what_is_kept_outlives_a_process_that_is_killed_and_its_lease_ends(path: Path, open_store: Open) -> None:
    script = """
store = SqliteOutbox(path)
store.put("https://api.segment.io", "k" * 32, [Held("m1", b"1"), Held("m2", b"2")], "why", 1.0)
store.claim(["https://api.segment.io"], "killed", 1_000_000.0, 1_000_035.0)
say("claimed")
os.kill(os.getpid(), signal.SIGKILL)
"""
    with process(script, path) as killed:
        assert killed.line() == "claimed"
        assert killed.process.wait(10) == -signal.SIGKILL
    store = open_store()
    assert store.claim(BOTH, "me", LATER - 1, MUCH_LATER) is None
    assert store.next_due(BOTH, NOW) == LATER
    lease = claim(store, now=LATER, until=MUCH_LATER)
    assert [(event.message_id, event.body) for event in lease.events] == [("m1", b"1"), ("m2", b"2")]


# Any interleaving


class Sharing(RuleBasedStateMachine):
    """Two owners with a connection each on one file, a clock, and a model of what must be there.

    While a lease holds, nobody else was ever given its events, so Segment gets none of them a second time.
    """

    LEASE = 35.0
    KEYS = (KEY, OTHER_KEY)
    owners = st.sampled_from(["a", "b"])

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.path = Path(self.folder.name) / "kept.sqlite3"
        self.stores = {owner: SqliteOutbox(self.path) for owner in ("a", "b")}
        self.now = NOW
        self.count = 0
        self.waiting: dict[str, list[str]] = {key: [] for key in self.KEYS}
        self.due = dict.fromkeys(self.KEYS, 0.0)
        self.buried: list[tuple[str, str]] = []
        self.gone: set[int] = set()
        self.taken: set[str] = set()
        self.sent: set[int] = set()
        self.holder: dict[str, tuple[str, float]] = {}
        self.hands: dict[tuple[str, str], tuple[Lease, list[Held]]] = {}

    def teardown(self) -> None:
        for store in self.stores.values():
            store.close()
        self.folder.cleanup()

    def holds(self, owner: str, key: str) -> bool:
        holder, end = self.holder.get(key, ("", 0.0))
        return holder == owner and self.now < end

    def leaves(self, key: str, event: Held) -> bool:
        """Whether it is the first time that the event leaves its lane; one that came back is another one."""
        if event.id in self.gone:
            return False
        self.gone.add(event.id)
        self.waiting[key].remove(event.message_id)
        return True

    def hand(self, data: Any) -> tuple[str, str]:
        drawn: tuple[str, str] = data.draw(st.sampled_from(sorted(self.hands)))
        return drawn

    @rule(owner=owners, key=st.sampled_from(KEYS), number=st.integers(1, 4))
    def keep(self, owner: str, key: str, number: int) -> None:
        names = [f"m{self.count + index}" for index in range(number)]
        self.count += number
        put(self.stores[owner], *names, *self.waiting[key][:2], key=key, now=self.now)
        self.waiting[key] += names

    @rule(owner=owners)
    def claim(self, owner: str) -> None:
        lease = self.stores[owner].claim(BOTH, owner, self.now, self.now + self.LEASE)
        free = [
            key
            for key, names in self.waiting.items()
            if names and self.due[key] <= self.now and self.holder.get(key, ("", 0.0))[1] <= self.now
        ]
        if lease is None:
            assert not free
            return
        assert lease.write_key in free
        assert self.due[lease.write_key] == min(self.due[key] for key in free)
        assert ids(lease) == self.waiting[lease.write_key]
        self.holder[lease.write_key] = (owner, self.now + self.LEASE)
        self.hands[owner, lease.write_key] = (lease, list(lease.events))

    @precondition(lambda self: self.hands)
    @rule(data=st.data(), number=st.integers(1, 3))
    def deliver(self, data: Any, number: int) -> None:
        owner, key = self.hand(data)
        _, events = self.hands[owner, key]
        sent, events[:] = events[:number], events[number:]
        for event in sent:
            if self.holds(owner, key):
                assert event.id not in self.sent
                self.sent.add(event.id)
            if self.leaves(key, event):
                self.taken.add(event.message_id)
        self.stores[owner].delivered(sent)

    @precondition(lambda self: self.hands)
    @rule(data=st.data(), number=st.integers(1, 2))
    def bury(self, data: Any, number: int) -> None:
        owner, key = self.hand(data)
        _, events = self.hands[owner, key]
        refused, events[:] = events[:number], events[number:]
        for event in refused:
            if self.leaves(key, event):
                self.buried.append((key, event.message_id))
        self.stores[owner].bury(refused, NO, self.now)

    @precondition(lambda self: self.hands)
    @rule(data=st.data(), wait=st.sampled_from([None, 0.0, 20.0]))
    def release(self, data: Any, wait: float | None) -> None:
        owner, key = self.hand(data)
        lease, _ = self.hands.pop((owner, key))
        due = None if wait is None else self.now + wait
        self.stores[owner].release(lease, due, None)
        if self.holder.get(key, ("", 0.0))[0] == owner:
            del self.holder[key]
            self.due[key] = due or 0.0

    @precondition(lambda self: self.hands)
    @rule(data=st.data())
    def renew(self, data: Any) -> None:
        owner, key = self.hand(data)
        mine = self.holder.get(key, ("", 0.0))[0] == owner
        assert self.stores[owner].renew(self.hands[owner, key][0], self.now + self.LEASE) is mine
        if mine:
            self.holder[key] = (owner, self.now + self.LEASE)

    @rule(seconds=st.sampled_from([1.0, 20.0, LEASE]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule(owner=owners)
    def die(self, owner: str) -> None:
        """What it had in hand is gone; its leases last."""
        self.hands = {hand: lease for hand, lease in self.hands.items() if hand[0] != owner}
        self.stores[owner].close()
        self.stores[owner] = SqliteOutbox(self.path)

    @rule(owner=owners)
    def retry(self, owner: str) -> None:
        assert self.stores[owner].retry(None) == len(self.buried)
        self.stores[owner].hasten()
        self.due = dict.fromkeys(self.KEYS, 0.0)
        for key, name in self.buried:
            self.waiting[key].append(name)
        self.buried = []

    @invariant()
    def nothing_is_lost(self) -> None:
        shown = [(event["writeKey"], event["messageId"]) for event in self.stores["a"].listed(dead=False, limit=999)]
        for key, names in self.waiting.items():
            assert [name for masked, name in shown if masked == mask_write_key(key)] == names
        assert dead(self.stores["b"]) == [name for _, name in self.buried]
        assert self.count == len(shown) + len(self.buried) + len(self.taken)


Sharing.TestCase.settings = settings(
    max_examples=25, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
test_no_interleaving_loses_an_event_or_gives_it_out_twice = Sharing.TestCase
