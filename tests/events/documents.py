"""Events for tests: one of each kind that Segment takes, and documents of every sort that may or may not be one."""

from typing import Any

from hypothesis import strategies as st

VALID: dict[str, dict[str, Any]] = {
    "identify": {"userId": "u"},
    "track": {"userId": "u", "event": "Order Completed"},
    "page": {"userId": "u"},
    "screen": {"userId": "u"},
    "group": {"userId": "u", "groupId": "g"},
    "alias": {"userId": "u", "previousId": "p"},
}
"""The least that each kind needs."""

EXACT = 2**53
NUMBERS = (
    st.integers()
    | st.floats()
    | st.sampled_from([EXACT, -EXACT, EXACT + 1, -EXACT - 1, 10**30, 1e16, -1e300, 5e-324, -0.0, 1e15, 0.1 + 0.2])
)
TEXTS = st.text(max_size=6) | st.text(st.characters(), max_size=4)  # the second has lone surrogates too
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=5,
)
"""JSON values as Python reads them, and those that only look so: NaN, infinities, lone surrogates."""

OBJECTS = st.dictionaries(TEXTS, VALUES, max_size=3)
CONTEXTS = st.fixed_dictionaries(
    {},
    optional={
        "device": VALUES | st.fixed_dictionaries({}, optional={"advertisingId": VALUES}),
        "consent": VALUES
        | st.fixed_dictionaries(
            {},
            optional={
                "version": VALUES,
                "categoryPreferences": VALUES | st.dictionaries(TEXTS, st.booleans(), max_size=2),
            },
        ),
        "page": VALUES,
    },
)
IDS = st.sampled_from(["u", "\u4f60", "x" * 99, "x" * 100, ""])
MOMENTS = st.sampled_from(["2026-01-31T08:00:00Z", "2026-01-31T08:00:00.123+01:00", "2026-01-31", "2026-01-31T08:00"])
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "type": st.sampled_from([*VALID, "import", ""]) | VALUES,
    "userId": IDS | VALUES,
    "anonymousId": IDS | VALUES,
    "groupId": IDS | VALUES,
    "previousId": IDS | VALUES,
    "messageId": IDS | VALUES,
    "event": st.sampled_from(["E", "Segment Consent Preference Updated", ""]) | VALUES,
    "name": IDS | VALUES,
    "category": IDS | VALUES,
    "timestamp": MOMENTS | VALUES,
    "properties": OBJECTS | VALUES,
    "traits": OBJECTS | VALUES,
    "context": CONTEXTS | VALUES,
    "integrations": OBJECTS | VALUES,
    "writeKey": VALUES,
    "sentAt": VALUES,
}


@st.composite
def _almost_right(draw: st.DrawFn) -> dict[str, Any]:
    kind = draw(st.sampled_from(list(VALID)))
    event = {"type": kind, **VALID[kind]}
    for name in draw(st.lists(st.sampled_from(list(FIELDS)), max_size=2)):
        event[name] = draw(FIELDS[name])
    for name in draw(st.lists(st.sampled_from(["type", "userId", "event", "groupId", "previousId"]), max_size=1)):
        event.pop(name, None)
    return event


DOCUMENTS = _almost_right() | VALUES
"""Anything that somebody may take for an event: some are right, most are not."""
