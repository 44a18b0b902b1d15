"""Answers made to fit: never over the limit, cut between items and never silently; and the whole of them in pages."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from segment_mcp.tools.fitting import MOST_CUTS, fit, pages, size
from tests.tools.rebuilding import entries_of, rebuilt

LIMIT = 2_000
"""The least that an operator may set."""
USUAL = 24_000

NAMES = st.text("abcXYZ_0 -é漢", min_size=1, max_size=12).filter(lambda name: not name[0].isdecimal())
TEXTS = st.text(max_size=30) | st.builds(lambda text, times: text * times, st.text(min_size=1, max_size=3),
                                         st.integers(1, 1_500))  # fmt: skip
LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.builds(lambda item, times: [item] * times, LEAVES, st.integers(0, 60))
        | st.dictionaries(NAMES, inner, max_size=4)
    ),
    max_leaves=8,
)
ANSWERS = st.dictionaries(NAMES, VALUES, max_size=5)

unhurried = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def strictly(value: Any) -> str:
    """The value as JSON; fails where JSON can't carry it."""
    return json.dumps(value, allow_nan=False, ensure_ascii=False)


def differences(path: str, whole: Any, shown: Any) -> list[dict[str, Any]]:
    """What was cut, as `fit` has to tell it; fails where something was changed in another way."""
    if whole == shown and type(whole) is type(shown):
        return []
    assert type(whole) is type(shown), f"{path}: {whole!r:.60} became {shown!r:.60}"
    if isinstance(whole, dict):
        assert list(whole)[: len(shown)] == list(shown), path
        left = [{"path": path, "shown": len(shown), "of": len(whole)}] if len(shown) < len(whole) else []
        return left + [
            one
            for name, member in shown.items()
            for one in differences(f"{path}.{name}" if path else name, whole[name], member)
        ]
    cut = {"path": path, "shown": len(shown), "of": len(whole)}
    if isinstance(whole, list):
        part = len(shown) == 1 and shown[0] != whole[0]
        assert part or whole[: len(shown)] == shown, path
        return [*(differences(f"{path}[0]", whole[0], shown[0]) if part else []), cut]
    assert isinstance(whole, str), f"{path}: {whole!r:.60} became {shown!r:.60}"
    assert whole.startswith(shown), path
    return [cut]


def told(cuts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The first cuts one by one, and how many more there are."""
    shown = [{**cut, "path": cut["path"][:100]} for cut in cuts[:MOST_CUTS]]
    return [*shown, {"more": len(cuts) - MOST_CUTS}] if len(cuts) > MOST_CUTS else shown


@given(ANSWERS, st.sampled_from([LIMIT, 3_000, 10_000]))
@unhurried
def test_what_is_shown_fits_and_every_cut_is_told(answer: dict[str, Any], limit: int) -> None:
    shown, cuts = fit(answer, limit)
    assert json.loads(strictly(shown)) == shown
    assert size(shown) <= limit
    assert cuts == told(differences("", answer, shown))
    assert bool(cuts) == (size(answer) > limit)


@given(ANSWERS)
@unhurried
def test_what_fits_is_left_as_it_is(answer: dict[str, Any]) -> None:
    assert fit(answer, size(answer)) == (answer, [])


@given(ANSWERS)
@unhurried
def test_fitting_leaves_the_answer_itself_alone(answer: dict[str, Any]) -> None:
    before = strictly(answer)
    fit(answer, LIMIT)
    pages(answer, LIMIT)
    assert strictly(answer) == before


def test_one_character_over_the_limit_is_cut_and_one_under_is_not() -> None:
    answer = {"items": ["x" * 97] * 300}
    assert fit(answer, size(answer)) == (answer, [])
    shown, cuts = fit(answer, size(answer) - 1)
    assert 250 < len(shown["items"]) < 300
    assert cuts == [{"path": "items", "shown": len(shown["items"]), "of": 300}]


@pytest.mark.parametrize(
    "beside",
    [{"pagination": {"current": "MA==", "next": "Mjw="}}, {"note": "short", "truncated": True}, {"total": None}],
    ids=["cursor", "note", "null"],
)
def test_what_is_small_is_kept_whole_beside_a_long_list(beside: dict[str, Any]) -> None:
    shown, cuts = fit({"items": [{"id": number} for number in range(9_000)], **beside}, USUAL)
    assert {name: shown[name] for name in beside} == beside
    assert [cut["path"] for cut in cuts] == ["items"]


def test_two_long_lists_share_the_room() -> None:
    items = [{"id": number} for number in range(9_000)]
    shown, _ = fit({"one": items, "other": items}, USUAL)
    assert min(len(shown["one"]), len(shown["other"])) > 500


def test_of_an_item_that_is_too_large_alone_a_part_is_shown() -> None:
    shown, cuts = fit({"functions": [{"id": "f", "code": "x" * 90_000}, {"id": "g", "code": ""}]}, USUAL)
    assert shown["functions"][0]["id"] == "f"
    assert len(shown["functions"][0]["code"]) > 20_000
    assert [cut["path"] for cut in cuts] == ["functions[0].code", "functions"]


@pytest.mark.parametrize("count", [21, 60, 500])
def test_many_long_texts_are_all_told_of(count: int) -> None:
    answer = {f"text{number}": "x" * 5_000 for number in range(count)}
    shown, cuts = fit(answer, USUAL)
    assert cuts == told(differences("", answer, shown))


MANY_NAMES: dict[str, Any] = {
    "numbers": {f"k{number:04}": number for number in range(3_000)},
    "texts": {f"k{number:04}": "x" * 40 for number in range(3_000)},
    "a schema": {f"property{number}": {"type": ["string", "null"], "required": True} for number in range(1_000)},
    "mixed": {"list": list(range(9_000)), **{f"k{number:04}": None for number in range(2_000)}},
    "one long name": {"n" * 60_000: 1},
}


@pytest.mark.parametrize("kind", MANY_NAMES)
def test_a_map_of_many_names_fits_too(kind: str) -> None:
    shown, cuts = fit({"map": MANY_NAMES[kind]}, USUAL)
    assert size(shown) <= USUAL
    assert cuts


@pytest.mark.parametrize("kind", MANY_NAMES)
def test_what_a_map_of_many_names_still_shows_is_what_is_there(kind: str) -> None:
    whole = MANY_NAMES[kind]
    shown, _ = fit({"map": whole}, USUAL)
    changed = [name for name, value in shown["map"].items() if type(value) is not type(whole[name])]
    assert changed == []


def test_a_deep_answer_fits_too() -> None:
    answer: dict[str, Any] = {"text": "x" * 50_000}
    for _ in range(90):
        answer = {"inner": answer, "beside": "y" * 400}
    shown, cuts = fit(answer, USUAL)
    assert size(shown) + size(cuts) <= USUAL


# Pages


@given(ANSWERS, st.sampled_from([LIMIT, 3_000]))
@unhurried
def test_the_pages_put_together_are_the_answer(answer: dict[str, Any], limit: int) -> None:
    made = pages(answer, limit)
    assert rebuilt(made) == answer
    assert max(map(len, made)) <= limit
    places = [(str(entry["path"]), entry.get("from")) for page in made for entry in entries_of(page)]
    assert len(set(places)) == len(places)


HUGE = "x" * (2 * LIMIT)
WHOLE: dict[str, dict[str, Any]] = {
    "nothing": {},
    "empty containers": {"a": {}, "b": [], "c": [[], {}], "d": "", "e": HUGE},
    "empty containers in a long list": {"a": [[], {}, "", None] * LIMIT},
    "a text of escapes": {"code": '\x00\x1f"\\/\u2028\x7f\n' * LIMIT},
    "a text of wide characters": {"code": "𝒳漢é👩‍👩‍👧" * LIMIT},
    "a text beside its like": {"a": HUGE, "b": HUGE, "c": [HUGE, HUGE]},
    "a list of lists": {"a": [[[number] * 30] * 30 for number in range(30)]},
    "an item as long as a page": {"a": ["x" * LIMIT, "y" * (LIMIT - 230), "z" * (LIMIT - 200)]},
    "numbers": {"a": [0.1, -0.0, 1e300, 2**70, True, None] * LIMIT},
}


@pytest.mark.parametrize("kind", WHOLE)
def test_the_pages_of_it_put_together_are_it(kind: str) -> None:
    made = pages(WHOLE[kind], LIMIT)
    assert rebuilt(made) == WHOLE[kind]
    assert max(map(len, made)) <= LIMIT


def test_a_deep_answer_is_paged_too() -> None:
    answer: dict[str, Any] = {"text": HUGE}
    for _ in range(90):
        answer = {"inner": answer, "beside": ["y" * 300]}
    made = pages(answer, LIMIT)
    assert rebuilt(made) == answer
    assert max(map(len, made)) <= LIMIT


def test_what_fits_a_page_is_not_taken_apart() -> None:
    answer = {"head": {"a": 1}, "items": [{"id": number, "tags": ["a", "b"]} for number in range(LIMIT)]}
    made = pages(answer, LIMIT)
    entries = [entry for page in made for entry in entries_of(page)]
    assert entries[0] == {"path": ["head"], "value": {"a": 1}}
    assert [item for entry in entries[1:] for item in entry["items"]] == answer["items"]
    assert all(len(page) > LIMIT / 2 for page in made[1:-1])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a.b": HUGE}, {"a": {"b": HUGE}}),
        ({"a[0]": HUGE}, {"a": [HUGE]}),
        ({"": {"a": HUGE}}, {"a": HUGE}),
        ({"a": {"": {"b": HUGE}}}, {"a.": {"b": HUGE}}),
    ],
    ids=["dot", "bracket", "no-name", "no-name-within"],
)
def test_answers_that_differ_have_pages_that_differ(one: dict[str, Any], other: dict[str, Any]) -> None:
    alike = pages(one, LIMIT) == pages(other, LIMIT)
    assert not alike


@pytest.mark.parametrize(
    "answer", [{"n" * 3 * LIMIT: 1}, {"n" * LIMIT: {"m" * LIMIT: HUGE}}, {"漢" * LIMIT: ["x"] * LIMIT}],
    ids=["a name", "names below", "a name of a list"],
)  # fmt: skip
def test_a_page_is_only_longer_where_a_name_is(answer: dict[str, Any]) -> None:
    made = pages(answer, LIMIT)
    assert rebuilt(made) == answer
    assert max(map(len, made)) <= 4 * LIMIT


# Five megabytes

LARGE: dict[str, Callable[[], dict[str, Any]]] = {
    "sources": lambda: {"sources": [{"id": str(n), "name": "x" * 80, "labels": [1, 2, 3]} for n in range(40_000)]},
    "a text": lambda: {"code": "x" * 5_000_000},
    "a text of escapes": lambda: {"code": '\x01\n"' * 500_000},
    "a text of wide characters": lambda: {"code": "漢" * 1_600_000},
    "numbers": lambda: {"numbers": [1] * 2_500_000},
    "a map": lambda: {"map": {str(n): "x" * 40 for n in range(100_000)}},
    "nested": lambda: {"a": {"b": {"c": {"d": [{"e": {"f": ["x" * 1_000] * 10}}] * 500}}}},
}


@pytest.mark.parametrize(("kind", "limit"), [*((kind, USUAL) for kind in LARGE), ("a text", LIMIT)])
def test_five_megabytes_are_fitted_and_paged(kind: str, limit: int) -> None:
    answer = LARGE[kind]()
    shown, cuts = fit(answer, limit)
    assert size(shown) <= limit
    assert cuts
    assert len(pages(answer, limit)) > 1
