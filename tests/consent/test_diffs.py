"""Before and after, of lists and of objects."""

from typing import Any

import pytest

from segment_mcp.consent import diffs
from segment_mcp.consent.diffs import Diff

WRITE_KEY = "wK" * 16


def test_a_listing_is_in_alphabetical_order_and_shows_twenty() -> None:
    names = [f"thing {number:02}" for number in range(30)]
    assert diffs.listing(reversed(names)) == {"count": 30, "names": names[:20]}
    assert diffs.listing(["b", "A", "a"]) == {"count": 3, "names": ["A", "a", "b"]}


def test_lists_differ_by_what_makes_an_entry_the_same_one() -> None:
    before = {1: ("one", {"x": 1, "y": 2}), 2: ("two", None), 3: ("three", {"x": 1})}
    after = {1: ("one", {"y": 2, "x": 1}), 3: ("three!", {"x": 2}), 4: ("four", None)}
    assert diffs.lists(before, after) == Diff(("four",), ("two",), ("three!",), 1)


def test_an_entry_that_says_a_text_is_shown_with_it() -> None:
    before = {1: ("jane", "SUBSCRIBED"), 2: ("joe", "SUBSCRIBED")}
    after = {1: ("jane", "UNSUBSCRIBED"), 3: ("ann", "SUBSCRIBED")}
    assert diffs.lists(before, after).shown() == {
        "added": {"count": 1, "names": ["ann: SUBSCRIBED"]},
        "removed": {"count": 1, "names": ["joe: SUBSCRIBED"]},
        "changed": {"count": 1, "names": ["jane: SUBSCRIBED -> UNSUBSCRIBED"]},
        "unchanged": 0,
    }


@pytest.mark.parametrize(
    ("before", "after", "removed", "expected"),
    [
        (14, 2, 12, {"warning": "Replaces 14 rules by 2: 12 would be gone."}),
        (1, 1, 1, {"warning": "Replaces 1 rule by 1: 1 would be gone."}),
        (2, 14, 0, {}),
    ],
)
def test_only_a_replacement_that_drops_something_is_warned_of(
    before: int, after: int, removed: int, expected: dict[str, str]
) -> None:
    assert diffs.warning(before, after, removed, "rule") == expected


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({"name": "A"}, {"name": "A"}, {}),
        ({"name": "A", "slug": "a"}, {"name": "B"}, {"name": {"before": "A", "after": "B"}}),
        ({}, {"enabled": False}, {"enabled": {"before": None, "after": False}}),
        ({"enabled": True}, {"enabled": 1}, {"enabled": {"before": True, "after": 1}}),
        (
            {"track": {"allow": True, "block": True}},
            {"track": {"allow": False}},
            {"track.allow": {"before": True, "after": False}},
        ),
        ({"query": {"a": 1}}, {"query": None}, {"query": {"before": "a 1", "after": None}}),
    ],
)
def test_fields_are_compared_by_their_paths(
    before: dict[str, Any], after: dict[str, Any], expected: dict[str, Any]
) -> None:
    assert diffs.fields(before, after) == expected


def test_lists_in_fields_are_compared_entry_by_entry() -> None:
    before = {"ids": [{"externalId": "email", "strategy": "all"}, {"externalId": "user_id", "strategy": "first"}]}
    changes = diffs.fields(before, {"ids": [{"strategy": "all", "externalId": "email"}]})
    assert changes["ids"] == {
        "added": {"count": 0, "names": []},
        "removed": {"count": 1, "names": ["externalId user_id, strategy first"]},
        "changed": {"count": 0, "names": []},
        "unchanged": 1,
    }
    assert diffs.removed_from(changes) == 1


def test_what_is_replaced_as_a_whole_loses_what_is_not_given() -> None:
    before = {"settings": {"list": "buyers", "deep": {"a": 1, "b": 2}}, "name": "A"}
    after = {"settings": {"deep": {"a": 1}}}
    assert diffs.fields(before, after) == {}
    assert diffs.fields(before, after, ["settings"]) == {
        "settings.list": {"before": "buyers", "after": None},
        "settings.deep.b": {"before": 2, "after": None},
    }
    assert diffs.fields(before, after, ["settings.deep"]) == {"settings.deep.b": {"before": 2, "after": None}}


@pytest.mark.parametrize(
    "after",
    [
        {"settings": {"apiKey": WRITE_KEY}},
        {"settings": {"nested": {"privateKey": WRITE_KEY}}},
        {"settings": {"headers": [{"key": "Authorization", "value": WRITE_KEY}]}},
        {"settings": {"url": f"https://me:{WRITE_KEY}@hooks.example"}},
        {"hashPropertiesConfiguration": {"algorithm": "SHA256", "key": WRITE_KEY}},
    ],
)
def test_a_secret_is_never_shown_and_counts_as_changed(after: dict[str, Any]) -> None:
    before = {"settings": {"apiKey": "••••••••", "nested": {"privateKey": "••••"}}}
    for changes in (diffs.fields(before, after), diffs.fields(after, after)):
        assert any(change["after"] == "****" for change in changes.values() if "after" in change)
        assert WRITE_KEY not in str(changes)


def test_an_old_secret_is_not_shown_either() -> None:
    changes = diffs.fields({"settings": {"apiKey": WRITE_KEY, "a": 1}}, {"settings": {"apiKey": None, "a": 2}})
    assert changes["settings.a"] == {"before": 1, "after": 2}
    assert WRITE_KEY not in str(changes)
