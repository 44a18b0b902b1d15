"""What was meant to arrive, and what callers were told, against what the sandbox has: each complaint says of what."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from tests.chaos.arrivals import Arrival
from tests.chaos.day import LANES, Day
from tests.chaos.events import CALL, IMPORT, File, Line
from tests.chaos.weather import CALLS_KEY, IMPORTS_KEY

LARGEST_REQUEST = 500 * 1024
SPARE_SECONDS = 3.0
SHOWN = 10

_PROMISES = ("accepted", "deferred")
_OF_NO_FAULT = frozenset({"internal", "invalid_arguments", "event_invalid", "not_configured"})


def complaints(day: Day) -> list[str]:
    """Everything that is missing, double or untrue at the end of the day; empty if all is well."""
    return [
        *_of_kills(day),
        *_of_arrivals(day),
        *(complaint for file in day.files for complaint in (*_of_import(day, file), *_of_letters(day, file))),
        *_of_calls(day),
        *_of_the_outbox(day),
        *_of_repeats(day),
        *_named("a process failed on its own account", day.tracebacks()),
    ]


def summary(day: Day) -> str:
    """What happened, in a few lines."""
    strikes, evening = day.strikes, day.evening
    found = {arrival.name: arrival for arrival in day.arrivals}
    told = Counter(call.told or "nothing" for call in day.calls)
    unpromised = [call for call in day.calls if call.told not in _PROMISES and call.name in found]
    failed = sum(call.told is not None for call in unpromised)
    delivered = [
        found[call.name].received - call.called
        for call in day.calls
        if call.told == "deferred"
        and call.answered is not None
        and call.name in found
        and found[call.name].received > call.answered
    ]
    eras = (
        f"{strikes.eras} eras of faults, {strikes.spoiled.total()} spoiled, {strikes.doubtful.total()} of them acted on"
    )
    kept = f"{len(evening.pending)} waited, {len(evening.dead)} dead, {len(evening.there)} of both at Segment already"
    lines = [
        f"seed {day.script.seed}: {day.kills.total()} kills ({_counts(day.kills)}) in {day.seconds:.0f} s",
        f"requests: {strikes.requests.total()} in {eras}",
        f"repeats of imports: {day.repeats(IMPORT)}, at most {most_repeats(day)} allowed; of calls {day.repeats(CALL)}",
        f"imported again after the last kill: {evening.imported_again}, at most {most_in_the_evening(day)} allowed",
        f"events called for: {len(day.calls)} ({_counts(told)})",
        f"arrived without a promise: {len(unpromised)}, {failed} of them told as failed",
        f"first came out of the outbox: {len(delivered)}, up to {max(delivered, default=timedelta()).seconds} s late",
        f"in the outbox after the last kill: {kept}",
        f"imported: {sum(len(file.valid()) for file in day.files)} events of {len(day.files)} files",
        f"dead letters: {sum(len(file.letters()) for file in day.files)}",
    ]
    return "\n  ".join(lines)


def most_repeats(day: Day) -> int:
    """How many events the imports may have sent again on the whole day: a fault leaves one request unconfirmed."""
    return day.strikes.doubtful[IMPORTS_KEY] * _most_events(day) + day.kills["import"] * _most_after_a_kill(day)


def most_in_the_evening(day: Day) -> int:
    """How many events the imports may send again after the last kills, when there are no faults."""
    return (1 + day.script.has_dusk) * _most_after_a_kill(day)


def _most_after_a_kill(day: Day) -> int:
    """How many events no checkpoint confirms.

    Of each lane one request is under way, and one was answered while the last checkpoint was being written.
    """
    return 2 * LANES * _most_events(day)


def _most_events(day: Day) -> int:
    """How many events of imports a request has at most."""
    return LARGEST_REQUEST // min((len(line.text) for file in day.files for line in file.valid()), default=1)


def _of_kills(day: Day) -> Iterator[str]:
    """The day was bad enough to prove something."""
    for who, quota in day.script.quotas().items():
        if day.kills[who] < quota:
            yield f"{who} was killed {day.kills[who]} times, not {quota}"
    for promise in _PROMISES:
        if not any(call.told == promise for call in day.calls):
            yield f"nobody was told {promise}"


def _of_arrivals(day: Day) -> Iterator[str]:
    """Nothing failed on ingest, nothing came that nobody sent, and each event came once, to its own source."""
    known = {call.name for call in day.calls} | {line.name for file in day.files for line in file.valid()}
    yield from _named("failed on ingest", (f"{each.name} ({each.code})" for each in day.arrivals if each.code))
    yield from _named("arrived, and nobody sent it", (each.name for each in day.arrivals if each.name not in known))
    yield from _named("arrived more than once", _several(each.name for each in day.arrivals))
    yield from _named("accepted more than once by messageId", _several(each.message_id for each in day.arrivals))
    for prefix in (CALL, IMPORT):
        sources = {each.source_id for each in day.arrivals if each.name.startswith(prefix)}
        if len(sources) > 1:
            yield f"events named {prefix}... arrived in several sources: {', '.join(sources)}"


def _of_import(day: Day, file: File) -> Iterator[str]:
    """Every valid line arrived, under its messageId, at its time, in its user's order, and the importer says so."""
    where, spare = file.path.name, _spare(day)
    place = {arrival.name: index for index, arrival in enumerate(day.arrivals)}
    there = [(line, day.arrivals[place[line.name]]) for line in file.valid() if line.name in place]
    lost = (f"{line.name} ({line.message_id})" for line in file.valid() if line.name not in place)
    yield from _named(f"{where}: valid, and never arrived", lost)
    others = (f"{found.message_id} for {line.message_id}" for line, found in there if not line.may_be(found.message_id))
    yield from _named(f"{where}: arrived under another messageId", others)
    astray = (
        f"{line.name} ({found.message_id}): {found.timestamp}, not {line.happened}"
        for line, found in there
        if line.happened is not None and abs(found.timestamp - line.happened) > spare
    )
    yield from _named(f"{where}: arrived with another time", astray)
    yield from _named(f"{where}: came before an earlier event of its user", _out_of_order(there, place))
    counts = f": finished, {len(file.valid()):,} accepted, {len(file.invalid()):,} invalid, 0 refused"
    if counts not in file.said:
        yield f"{where}: the importer should have said {counts[2:]!r}, and said {file.said!r}"


def _out_of_order(there: Sequence[tuple[Line, Arrival]], place: Mapping[str, int]) -> Iterator[str]:
    latest: dict[str, int] = {}
    for line, arrival in there:
        if place[line.name] < latest.get(line.user, -1):
            yield f"{line.name} of {line.user} ({arrival.message_id})"
        latest[line.user] = max(place[line.name], latest.get(line.user, -1))


def _of_letters(day: Day, file: File) -> Iterator[str]:
    """Every invalid line is in the dead letters once, with its code, as it was, and was not sent."""
    where = file.path.name
    letters: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for letter in file.letters():
        letters[letter["line"]].append(letter)
    expected = {line.number: line for line in file.invalid()}
    yield from _named(f"{where}: invalid lines without a dead letter", sorted(expected.keys() - letters.keys()))
    yield from _named(f"{where}: dead letters of lines that are valid", sorted(letters.keys() - expected.keys()))
    doubles = (number for number, found in letters.items() if len(found) > 1)
    yield from _named(f"{where}: lines with several dead letters", doubles)
    sent = {each.message_id for each in day.arrivals} | {each.name for each in day.arrivals}
    invalid = (f"{line.name} ({line.message_id})" for line in expected.values() if {line.name, line.message_id} & sent)
    yield from _named(f"{where}: invalid, and sent all the same", invalid)
    yield from _named(
        f"{where}: dead letters that say something else of their lines",
        (f"{number} ({line.code}): {letters[number][0]}"[:300] for number, line in expected.items()
         if letters[number] and not _says(letters[number][0], line)),
    )  # fmt: skip


def _says(letter: Mapping[str, Any], line: Line) -> bool:
    try:
        event = json.loads(line.text)
    except ValueError:
        event = None
    return {problem["code"] for problem in letter["problems"]} == {line.code} and letter.get("event", event) == event


def _of_calls(day: Day) -> Iterator[str]:
    """What was promised arrived, under the messageId that was told, at the time of the call."""
    spare = _spare(day)
    found = {arrival.name: arrival for arrival in day.arrivals}
    for promise in _PROMISES:
        lost = (f"{call.name} ({call.message_id})" for call in day.calls
                if call.told == promise and call.name not in found)  # fmt: skip
        yield from _named(f"told {promise}, and never arrived", lost)
    there = [(call, found[call.name]) for call in day.calls if call.name in found]
    others = (f"{call.name}: {arrival.message_id} for {call.message_id}" for call, arrival in there
              if call.message_id not in {None, arrival.message_id})  # fmt: skip
    yield from _named("arrived under another messageId than was told", others)
    astray = (
        f"{call.name} ({arrival.message_id}), called for at {call.called}: {arrival.timestamp}"
        for call, arrival in there
        if not call.called - spare
        < arrival.timestamp
        < (call.answered or (call.repeated or call.called) + spare) + spare
    )
    yield from _named("arrived with another time than that of the call", astray)
    odd = (f"{call.name}: {call.told}" for call in day.calls if call.told in _OF_NO_FAULT)
    yield from _named("failed, and no fault was the reason", odd)


def _of_the_outbox(day: Day) -> Iterator[str]:
    """After the last kill every promise was at Segment or on disk; the outbox then delivered what it had, once."""
    evening = day.evening
    kept = {*evening.pending, *evening.dead}
    late = kept - evening.there
    at_segment = {arrival.message_id for arrival in day.arrivals} - late
    nowhere = (f"{call.name} ({call.message_id})" for call in day.calls
               if call.told == "deferred" and call.message_id not in kept | at_segment)  # fmt: skip
    yield from _named("told deferred, and after the last kill neither on disk nor at Segment", nowhere)
    unaccounted = (f"{message_id}: {code}" for message_id, code in evening.dead.items() if code != "unauthorized")
    yield from _named("dead letters for which no fault was the reason", unaccounted)
    if evening.left.get("pending") or evening.left.get("deadLetters"):
        yield f"the outbox was not emptied: {evening.left}"
    if evening.repeats != len(evening.there):
        yield (
            f"the outbox had {len(kept)} events, of which Segment had {len(evening.there)}: delivering them without a "
            f"fault should have made as many repeats, and made {evening.repeats}"
        )


def _of_repeats(day: Day) -> Iterator[str]:
    """Nothing was sent again but what was not confirmed."""
    repeats, most = day.repeats(IMPORT), most_repeats(day)
    if repeats > most:
        yield f"the imports repeated {repeats} events; {most} can have been unconfirmed"
    again, most = day.evening.imported_again, most_in_the_evening(day)
    if again > most:
        yield f"after the last kill the imports repeated {again} events; {most} can have been unconfirmed"
    unconfirmed = day.strikes.doubtful[CALLS_KEY] + day.kills["server"] + day.kills["flush"]
    many = (f"{each.name} ({each.repeats} times)" for each in day.arrivals
            if each.name.startswith(CALL) and each.repeats > unconfirmed)  # fmt: skip
    yield from _named(f"repeated more often than {unconfirmed} requests went unconfirmed", many)


def _spare(day: Day) -> timedelta:
    """By how much Segment's idea of an event's time may be off: by as long as its request was under way."""
    return timedelta(seconds=day.script.call_seconds + SPARE_SECONDS)


def _several(names: Iterable[str]) -> Iterator[str]:
    return (f"{name} ({times} times)" for name, times in Counter(names).items() if times > 1)


def _named(what: str, which: Iterable[Any]) -> Iterator[str]:
    """One complaint if there is any: how many, and the first of them."""
    names = [str(each) for each in which]
    if names:
        more = f", and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
        yield f"{what} ({len(names)}): {', '.join(names[:SHOWN])}{more}"


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{what} {number}" for what, number in sorted(counts.items()))
