"""Events as bytes: what is written, what is read, and that a line is vouched for only where that is true."""

import json
import math
import random
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segment_mcp.events.checks import LARGEST_EVENT, LONGEST_MESSAGE_ID, problems_of
from segment_mcp.events.wire import (
    decode,
    decode_screened,
    encode,
    new_message_id,
    screen,
    vouch,
)
from segment_mcp.sandbox import incoming, ingest
from segment_mcp.timing import timestamp_of
from tests.events.documents import DOCUMENTS, VALID

STRIPPED = ("writeKey", "sentAt")
"""What the import takes out of archived events, and what no event may have besides."""


def refusal(line: bytes) -> str | None:
    """Why the event of a line can't be sent, found out the long way; what the import takes out does not count."""
    try:
        event = decode(line)
    except ValueError as error:
        return str(error)
    told = [problem.message for problem in problems_of(event) if problem.field.split(".")[0] not in STRIPPED]
    return told[0] if told else None


def holds(line: bytes) -> None:
    """Assert that the line is vouched for only if it is right, and is then read as it would be the long way."""
    if screen(line) is None:
        return
    assert refusal(line) is None
    event = decode(line)
    assert repr(decode_screened(line)) == repr(event)  # the same numbers of the same types, names in the same order
    assert repr(incoming.parse(line)) == repr(event)  # and the sandbox reads it so
    assert ingest.failure(event) is None


def track(**members: str) -> bytes:
    """A track event's line, its further members spelled as they are given."""
    more = "".join(f',"{name}":{text}' for name, text in members.items())
    return f'{{"type":"track","userId":"u","event":"E"{more}}}'.encode("utf-8", "surrogatepass")


def with_value(text: str | bytes) -> list[bytes]:
    """Lines with this text as a value at several places."""
    value = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    return [
        b'{"type":"track","userId":"u","event":"E",%s}' % (place % value)
        for place in (
            b'"properties":{"x":%s}',
            b'"properties":{"a":[0,{"b":[%s]}]}',
            b'"properties":{"a":[0,%s,0]}',
            b'"properties":{"x" \t: %s }',
            b'"else":%s',
            b'"context":{"page":%s}',
            b'"traits":{"x":%s}',
            b'"integrations":{"x":%s}',
            b'"projectId":%s',
            b'"receivedAt":%s',
        )
    ]


# Vouching for a line: never wrongly

BROKEN = {
    "not a number": "NaN", "infinity": "Infinity", "minus infinity": "-Infinity", "too large a float": "1e999",
    "below every float": "-1e999", "too large with sign": "1E+309", "leading zeros of an exponent": "1e00309",
    "long mantissa": "1" + "0" * 400 + ".0", "long mantissa and exponent": "1" * 300 + "e99",
    "nought with a large exponent and more": "0." + "0" * 70 + "1e400",
    "2^53 + 1": "9007199254740993", "-(2^53 + 1)": "-9007199254740993", "30 digits": "1" * 30,
    "5000 digits": "1" * 5_000,
    "leading zero": "01", "bare minus": "-", "plus": "+1", "bare point": "1.", "no whole part": ".5",
    "empty exponent": "1e", "signed empty exponent": "1e+", "two points": "1.2.3", "two minuses": "--1", "hex": "0x10",
    "underscore": "1_000", "lone high surrogate": r'"\ud800"', "lone low surrogate": r'"\udfff"',
    "wrong way round": r'"\udc00\ud800"', "high and text": r'"\uD83Dx"', "high and another escape": r'"\ud83d\n"',
    "two highs": r'"\ud83d\ud83d\ude00"', "name with a surrogate": r'{"\ud800":1}', "surrogate in UTF-8": '"\ud800"',
    "unknown escape": r'"\x41"', "short escape": r'"\u12"', "escape that is no hex": r'"\u12g4"', "open escape": '"\\"',
    "control character": '"\x01"', "NUL": '"\x00"', "line break in a text": '"\n"', "tab in a text": '"\t"',
    "control character in a name": '{"\x1f":1}', "single quotes": "'a'", "open text": '"a', "open list": "[1",
    "open object": '{"a":1', "trailing comma in a list": "[1,]", "trailing comma in an object": '{"a":1,}',
    "name alone": '{"a"}', "number as a name": "{1:2}", "no comma": "[1 2]", "no colon": '{"a" 1}', "word": "nul",
    "longer word": "nullx", "capital word": "True", "comment": "/**/1", "line comment": "1//", "form feed": "1\f",
    "no-break space": "1\u00a0", "byte order mark": "\ufeff1", "undefined": "undefined",
}  # fmt: skip
BROKEN_BYTES = {
    "byte of no character": b'"\xff"', "overlong NUL": b'"\xc0\x80"', "cut-off character": b'"\xe4\xbd"',
    "continuation alone": b'"\x80"', "beyond Unicode": b'"\xf4\x90\x80\x80"', "outside of a text": b"\xff",
    "in a name": b'{"\xe4":1}',
}  # fmt: skip


@pytest.mark.parametrize("text", [*BROKEN.values(), *BROKEN_BYTES.values()], ids=[*BROKEN, *BROKEN_BYTES])
def test_a_line_with_something_that_cannot_be_sent_is_not_vouched_for(text: str | bytes) -> None:
    for line in with_value(text):
        assert screen(line) is None, line
        assert refusal(line) is not None, line


AROUND = {
    "nothing": b"", "text": b'"text"', "list": b"[]", "number": b"7", "null": b"null", "garbage behind": track() + b"x",
    "brace behind": track() + b"}", "another event behind": track() + track(), "NUL behind": track() + b"\x00",
    "comma behind": track() + b",", "byte order mark": b"\xef\xbb\xbf" + track(),
    "UTF-16": track().decode().encode("utf-16"),
    "cut off": track()[:-1], "comma inside": track()[:-1] + b",}", "list around": b"[" + track() + b"]",
}  # fmt: skip


@pytest.mark.parametrize("line", AROUND.values(), ids=AROUND)
def test_a_line_that_is_no_object_alone_is_not_vouched_for(line: bytes) -> None:
    assert screen(line) is None
    assert refusal(line) is not None


EVENT_PROBLEMS = {
    "no type": '{"userId":"u","event":"E"}',
    "null type": '{"type":null,"userId":"u","event":"E"}',
    "unknown type": '{"type":"import","userId":"u","event":"E"}',
    "nobody": '{"type":"track","event":"E"}',
    "nobody but null": '{"type":"track","event":"E","userId":null,"anonymousId":null}',
    "empty user": '{"type":"track","event":"E","userId":"","anonymousId":"a"}',
    "user that is a number": '{"type":"track","event":"E","userId":7}',
    "no event": '{"type":"track","userId":"u"}',
    "empty event": '{"type":"track","userId":"u","event":""}',
    "event that is a number": '{"type":"track","userId":"u","event":7}',
    "properties in a list": '{"type":"track","userId":"u","event":"E","properties":[]}',
    "traits in a text": '{"type":"identify","userId":"u","traits":"t"}',
    "empty name": '{"type":"page","userId":"u","name":""}',
    "category that is a number": '{"type":"screen","userId":"u","category":7}',
    "no group": '{"type":"group","userId":"u"}',
    "group that is null": '{"type":"group","userId":"u","groupId":null}',
    "alias without previous": '{"type":"alias","userId":"u"}',
    "alias without user": '{"type":"alias","anonymousId":"u","previousId":"p"}',
    "context in a text": '{"type":"page","userId":"u","context":"c"}',
    "integrations in a list": '{"type":"page","userId":"u","integrations":[]}',
    "advertising id": '{"type":"page","userId":"u","context":{"device":{"advertisingId":7}}}',
    "consent version": '{"type":"page","userId":"u","context":{"consent":{"version":"7"}}}',
    "consent version that is true": '{"type":"page","userId":"u","context":{"consent":{"version":true}}}',
    "consent event": '{"type":"track","userId":"u","event":"Segment Consent Preference Updated"}',
    "consent event, escaped": r'{"type":"track","userId":"u","event":"Segment Consent Preference\u0020Updated"}',
    "empty messageId": '{"type":"page","userId":"u","messageId":""}',
    "long messageId": '{"type":"page","userId":"u","messageId":"' + "\u4f60" * 100 + '"}',
    "messageId that is a number": '{"type":"page","userId":"u","messageId":7}',
    "timestamp without zone": '{"type":"page","userId":"u","timestamp":"2026-01-31T08:00:00"}',
    "timestamp that is a number": '{"type":"page","userId":"u","timestamp":1767859200}',
    "type that is another at its end": '{"type":"page","userId":"u","type":"group"}',
    "user that is null at its end": '{"type":"page","userId":"u","userId":null}',
    "event that is empty at its end": r'{"type":"track","userId":"u","event":"E","\u0065vent":""}',
    "second context": '{"type":"page","userId":"u","context":{},"context":{"device":{"advertisingId":7}}}',
    "second device": '{"type":"page","userId":"u","context":{"device":{},"device":{"advertisingId":7}}}',
    "second advertising id": (
        r'{"type":"page","userId":"u","context":{"device":{"advertisingId":"","advertisin\u0067Id":7}}}'
    ),
    "second timestamp": '{"type":"page","userId":"u","timestamp":"2026-01-31T08:00:00Z","timestamp":"soon"}',
}  # fmt: skip


@pytest.mark.parametrize("line", EVENT_PROBLEMS.values(), ids=EVENT_PROBLEMS)
def test_a_line_whose_event_segment_would_drop_is_not_vouched_for(line: str) -> None:
    assert screen(line.encode()) is None
    assert refusal(line.encode()) is not None


@pytest.mark.parametrize(
    "line",
    [
        r'{"\u0074ype":"page","userI\u0064":"u"}',
        '{"type":"group","type":"page","userId":"u"}',
        '{"type":"page","userId":null,"userId":"u"}',
        '{"type":"page","userId":"u","properties":{"a":1,"a":2,"b":3,"a":4}}',
        '{"type":"page","userId":"u","context":{"device":{"advertisingId":7}},"context":{}}',
        '{"type":"page","userId":"u","timestamp":"soon","timestamp":"2026-01-31T08:00:00Z"}',
        '{"type":"page","userId":"u","messageId":"a","messageId":"b"}',
    ],
)
def test_where_a_name_stands_twice_the_last_one_counts_for_all_who_read_it(line: str) -> None:
    assert refusal(line.encode()) is None
    holds(line.encode())


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}"), ('[{"a":', "}]")])
def test_however_deep_a_line_is_it_is_vouched_for_only_if_it_can_be_read(opening: str, closing: str) -> None:
    for depth in [10, 100, *range(450, 1_050, 5), *range(980, 1_001), 2_000, 5_000]:
        holds(track(properties='{"x":' + opening * depth + "0" + closing * depth + "}"))


def test_a_line_of_over_32_kilobytes_is_not_vouched_for() -> None:
    empty = track(properties='{"x":""}')
    fitting = track(properties='{"x":"' + "x" * (LARGEST_EVENT - len(empty)) + '"}')
    assert len(fitting) == LARGEST_EVENT
    assert screen(fitting) is not None
    assert screen(fitting.replace(b"xx", b"xxx", 1)) is None


# Vouching for a line: any text

BLANKS = st.sampled_from(["", "", "", "", " ", "\t", "\r\n", " \n ", "\f", "\u00a0", "\ufeff", "\x00"])
CHARACTERS = st.sampled_from(
    ["a", "1", "0000000000000000", "1e999", "-", ":", ",", "[", "\u4f60", "\U0001f600", "\x7f", "\u2028", r"\n", r"\"",
     r"\\", r"\/", r"\u0000", r"\u00e9", r"\ud83d\ude00", r"\uD83D\uDE00", r"\ud800", r"\udc00", r"\u12", r"\x", "\x00",
     "\x1f", "\n", "\ud800"]
)  # fmt: skip
STRINGS = st.lists(CHARACTERS, max_size=4).map(lambda parts: '"' + "".join(parts) + '"')
DIGITS = st.sampled_from(["0", "1", "9", "12", "9007199254740991", "9007199254740993", "0" * 16, "1" * 15, "9" * 70])
NUMBERS = st.builds(
    "".join,
    st.tuples(
        st.sampled_from(["", "", "-", "+", "--"]),
        st.lists(DIGITS, min_size=1, max_size=2).map("".join),
        st.sampled_from(["", ".", ".0", ".5", "." + "0" * 16 + "1", ".1234567890123456789", ". 5"]),
        st.sampled_from(["", "", "e0", "E5", "e16", "e22", "e99", "e100", "e308", "e+309", "e-999", "E0309", "e"]),
    ),
) | (st.integers() | st.floats()).map(json.dumps)  # fmt: skip
WORDS = st.sampled_from(["null", "true", "false", "NaN", "-Infinity", "nul", "", "[]", "{}", "{]"])


def _lists(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.builds("[{}{}]".format, st.lists(values, max_size=3).map(",".join), st.sampled_from(["", "", "", ","]))


def _objects(members: st.SearchStrategy[tuple[str, str]]) -> st.SearchStrategy[str]:
    return st.builds(
        lambda pairs, blank, end: (
            "{" + ",".join(f"{name}{blank}:{blank}{value}" for name, value in pairs) + end + blank + "}"
        ),
        st.lists(members, max_size=4),
        BLANKS,
        st.sampled_from(["", "", "", "", ",", ",{"]),
    )


TEXTS = st.recursive(
    NUMBERS | STRINGS | WORDS,
    lambda inner: _lists(inner) | _objects(st.tuples(STRINGS, inner)),
    max_leaves=5,
)
"""JSON as somebody else's program may write it, and what is not quite JSON."""
NAMES = [
    "type", "userId", "anonymousId", "messageId", "event", "name", "category", "groupId", "previousId", "timestamp",
    "properties", "traits", "context", "integrations", "writeKey", "sentAt", "receivedAt", "version", "other",
    r"\u0065vent", r"user\u0049d", "Type", r"typ\u0065",
]  # fmt: skip
LIKELY = st.sampled_from(
    ['"u"', '"track"', '"page"', '"group"', '"2026-01-31T08:00:00Z"', '"2026-01-31"', "null", "{}", '""',
     '{"device":{"advertisingId":7}}', '{"device":{"advertisingId":null},"consent":{"version":1e22}}', '{"consent":7}',
     '"Segment Consent Preference Updated"', '"' + "x" * LONGEST_MESSAGE_ID + '"', '"' + r"\u4f60" * 99 + '"',
     '"' + r"\ud83d\ude00" * 100 + '"']
)  # fmt: skip
MEMBERS = st.tuples(st.sampled_from(NAMES).map('"{}"'.format), LIKELY | TEXTS)


@st.composite
def _lines(draw: st.DrawFn) -> bytes:
    kind = draw(st.sampled_from(list(VALID)))
    members = [(f'"{name}"', json.dumps(value)) for name, value in ({"type": kind} | VALID[kind]).items()]
    for member in draw(st.lists(MEMBERS, max_size=3)):
        members.insert(draw(st.integers(0, len(members))), member)
    blank = draw(BLANKS)
    text = "{" + f",{blank}".join(f"{name}:{value}" for name, value in members) + "}"
    return text.encode("utf-8", "surrogatepass")


def _spoiled(line: bytes, at: int, cut: int, put: bytes) -> bytes:
    at %= len(line)
    return line[:at] + put + line[at + cut :]


SPOILS = st.sampled_from([b"", b"\xff", b"\x80", b"0", b"e", b"\\", b'"', b"}", b",", b" ", b"\x00", b"\xed\xa0\x80"])
SPOILED = st.builds(_spoiled, _lines(), st.integers(0, 10_000), st.integers(0, 3), SPOILS)


@settings(max_examples=200, deadline=None)
@given(_lines())
def test_whatever_a_line_says_it_is_vouched_for_only_if_it_can_be_sent(line: bytes) -> None:
    holds(line)


@settings(max_examples=100, deadline=None)
@given(SPOILED | st.binary(max_size=40))
def test_a_damaged_line_is_vouched_for_only_if_it_can_be_sent_all_the_same(line: bytes) -> None:
    holds(line)


WRITTEN = st.builds(json.dumps, DOCUMENTS, ensure_ascii=st.booleans())


@settings(max_examples=100, deadline=None)
@given(WRITTEN)
def test_a_document_as_a_library_writes_it_is_vouched_for_only_if_it_can_be_sent(text: str) -> None:
    holds(text.encode("utf-8", "surrogatepass"))


# Vouching for a line: wherever it matters


def ordinary(chance: random.Random) -> dict[str, Any]:
    """An event as libraries make them."""
    kind = chance.choice(list(VALID))
    return {
        "type": kind,
        **VALID[kind],
        "messageId": f"node-next-1767859200000-{uuid.UUID(int=chance.getrandbits(128), version=4)}",
        "anonymousId": str(uuid.UUID(int=chance.getrandbits(128), version=4)),
        "timestamp": "2026-01-31T08:00:00.123Z",
        "properties": {
            "price": chance.random() * 1_000,
            "small": chance.random() / 1_000_000_000,
            "card": str(chance.randrange(10**15, 10**16)),
            "barcode": f"EAN{chance.randrange(10**17, 10**18)}",
            "count": chance.randrange(10**15),
            "millis": 1_767_859_200_000,
            "tags": ["a", "Gr\u00fc\u00dfe", "\U0001f600", None, True],
        },
        "context": {"library": {"name": "analytics-node", "version": "3.1.0"}, "ip": "203.0.113.7"},
    }


@pytest.mark.parametrize("ascii_only", [True, False])
@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": ")], ids=["compact", "spaced"])
def test_ordinary_events_are_vouched_for(separators: tuple[str, str], *, ascii_only: bool) -> None:
    chance = random.Random(20260131)  # noqa: S311 - always the same events
    lines = [json.dumps(ordinary(chance), separators=separators, ensure_ascii=ascii_only).encode() for _ in range(500)]
    looked_at_twice = [line for line in lines if screen(line) is None]
    assert looked_at_twice == []
    for line in lines:
        assert refusal(line) is None
        holds(line)


@pytest.mark.parametrize(
    "text",
    ['"1234567890123456"', "0.12345678901234567", "-123.45678901234567", "1e5", "1.5e-7", "999999999999999",
     '"9b2-1e23-4"', r'"\u00e9\ud83d\ude00"', "-0", "5e-324"],
)  # fmt: skip
def test_what_many_events_have_costs_no_second_look(text: str) -> None:
    for line in with_value(text):
        assert screen(line) is not None, line


@pytest.mark.parametrize(
    "name",
    ["writeKey", "sentAt", "receivedAt", "projectId", "originalTimestamp", "version", "sent_at", "received_at",
     "project_id", "original_timestamp"],
)  # fmt: skip
def test_what_segment_added_to_an_archived_event_is_seen_and_no_obstacle(name: str) -> None:
    found = screen(track(**{name: '"2026-01-31T08:00:00Z"'}))
    assert found is not None
    assert getattr(found, name) != getattr(screen(track()), name)


def test_what_the_import_asks_for_is_found_in_the_line() -> None:
    found = screen(track(messageId='"m\\u00e9"', anonymousId='"a"', timestamp='"2026-01-31T08:00:00Z"'))
    assert found is not None
    assert (found.type, found.userId, found.anonymousId, found.event) == ("track", "u", "a", "E")
    assert (found.messageId, found.timestamp) == ("m\u00e9", "2026-01-31T08:00:00Z")


# Reading


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"", "is no valid JSON"),
        (b"{", "is no valid JSON"),
        (b'{"a":1} x', "character 9"),
        (b'{"a":NaN}', "NaN is no"),
        (b"\xef\xbb\xbf{}", "is no valid JSON"),
        (b'"\xe4"', "is not UTF-8 (byte 2)"),
        (b"[" * 100_000, "nested too deep"),
        (b'{"a":' * 100_000, "nested too deep"),
    ],
    ids=["nothing", "open", "garbage", "nan", "mark", "latin-1", "deep-list", "deep-object"],
)
def test_what_cannot_be_read_is_told_with_its_reason(text: bytes, said: str) -> None:
    with pytest.raises(ValueError, match=said.replace("(", r"\(").replace(")", r"\)")):
        decode(text)


def test_a_number_that_is_too_long_to_read_is_told_as_that() -> None:
    with pytest.raises(ValueError, match="digits") as caught:
        decode(b'{"a":' + b"1" * 5_000 + b"}")
    assert "sys." not in str(caught.value)  # advice to whoever wrote the server is none to whoever sends an event


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=60) | SPOILED)
def test_any_bytes_are_read_or_told(line: bytes) -> None:
    try:
        decode(line)
    except ValueError as error:
        said = str(error)
    else:
        said = "nothing"
    assert 0 < len(said) < 200


# Writing


@settings(max_examples=100, deadline=None)
@given(DOCUMENTS)
def test_what_has_no_problem_is_written_and_read_again_as_it_was(document: Any) -> None:
    if problems_of(document):
        return
    body, problems = encode(document)
    assert problems == []
    assert repr(decode(body)) == repr(document)
    assert repr(incoming.parse(body)) == repr(document)
    assert b"\n" not in body


@settings(max_examples=150, deadline=None)
@given(DOCUMENTS)
def test_an_event_that_is_vouched_for_has_no_problem_and_says_what_it_would_the_long_way(document: Any) -> None:
    body = vouch(document)
    if body is not None:
        assert problems_of(document) == []
        the_long_way, too_large = encode(document)
        assert too_large == []
        assert decode(body) == decode(the_long_way)


@pytest.mark.parametrize(
    "more",
    [
        {"properties": {"x": math.nan}}, {"properties": {"x": [math.inf]}}, {"somethingElse": -math.inf},
        {"properties": {"x": 2**53 + 1}}, {"properties": {"x": -(10**30)}}, {"properties": {"\ud800": 1}},
        {"properties": {"x": "\udfff"}}, {"properties": []}, {"userId": True}, {"event": ""}, {"messageId": "x" * 100},
        {"writeKey": "k"}, {"sentAt": "2026-01-31T08:00:00Z"}, {"timestamp": "2026-01-31"}, {"context": "c"},
        {"event": "Segment Consent Preference Updated"}, {"groupId": 7},
    ],
    ids=repr,
)  # fmt: skip
def test_an_event_with_a_problem_is_not_vouched_for(more: dict[str, Any]) -> None:
    event = {"type": "track", "userId": "u", "event": "E", **more}
    assert problems_of(event)
    assert vouch(event) is None


@pytest.mark.parametrize(("more", "right"), [(0, True), (1, False)], ids=["fits", "over"])
@pytest.mark.parametrize("frame", [0, 512])
def test_an_event_is_vouched_for_up_to_the_byte_with_its_frame(frame: int, more: int, *, right: bool) -> None:
    event = {"type": "page", "userId": "\u4f60"}
    event["name"] = "x" * (LARGEST_EVENT - frame - len(encode({**event, "name": ""})[0]) + more)
    assert (vouch(event, frame) is not None) is right
    assert (encode(event, frame)[1] == []) is right


def test_ordinary_events_are_vouched_for_before_they_are_written() -> None:
    chance = random.Random(20260131)  # noqa: S311 - always the same events
    events = [ordinary(chance) for _ in range(100)]
    for event in events:
        event["properties"]["tags"].remove(None)  # what NaN would be written as, too
    assert all(vouch(event, 512) == encode(event, 512)[0] for event in events)


def test_an_event_is_written_compactly_and_in_utf_8() -> None:
    assert (
        encode({"type": "track", "event": "\u4f60", "n": 1.5})[0] == b'{"type":"track","event":"\xe4\xbd\xa0","n":1.5}'
    )


@pytest.mark.parametrize("frame", [0, 512])
@pytest.mark.parametrize(("more", "right"), [(0, True), (1, False)], ids=["fits", "over"])
def test_what_is_written_is_measured_to_the_byte(more: int, frame: int, *, right: bool) -> None:
    event = {"x": "\u00e9" * 16_000}
    event["x"] += "x" * (LARGEST_EVENT - frame - len(encode(event)[0]) + more)
    body, problems = encode(event, frame)
    assert len(body) + frame == LARGEST_EVENT + more
    assert [problem.code for problem in problems] == ([] if right else ["bad_request"])


@pytest.mark.parametrize("shape", ["object", "list"])
@pytest.mark.parametrize("depth", [900, 5_000, 100_000])
def test_what_is_too_deep_to_be_written_is_told_and_what_is_written_can_be_read(depth: int, shape: str) -> None:
    deep: Any = 0
    for _ in range(depth):
        deep = {"a": deep} if shape == "object" else [deep]
    body, problems = encode({"x": deep})
    if problems:
        assert [problem.code for problem in problems] == ["bad_request"]
    else:
        decode(body)


def test_what_json_has_no_form_for_is_told() -> None:
    for value in (object(), "\ud800", {"\udfff": 1}, 1j):
        body, problems = encode({"x": value})
        assert [problem.code for problem in problems] == ["bad_request"], value
        assert body == b""


# Names and times


def test_message_ids_are_unlike_each_other_and_short_enough() -> None:
    made = {new_message_id() for _ in range(1_000)}
    assert len(made) == 1_000
    assert max(map(len, made)) <= LONGEST_MESSAGE_ID


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2026, 1, 31, 8, 0, 0, tzinfo=UTC), "2026-01-31T08:00:00.000Z"),
        (datetime(2026, 1, 31, 8, 0, 0, 123_999, tzinfo=UTC), "2026-01-31T08:00:00.123Z"),
        (datetime(1, 1, 1, tzinfo=UTC), "0001-01-01T00:00:00.000Z"),
    ],
)
def test_a_moment_is_written_as_segments_libraries_write_it(moment: datetime, text: str) -> None:
    assert timestamp_of(moment) == text
    assert problems_of({"type": "page", "userId": "u", "timestamp": text}) == []
