"""The search: what people say, and the operation that they mean."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segment_mcp.operations.catalog import OPERATIONS
from segment_mcp.operations.search import find

INTENTS = Path(__file__).parent / "intents"
ROWS = tuple(OPERATIONS.values())


def names(query: str, limit: int = 5) -> list[str]:
    return [hit.operation.name for hit in find(query, ROWS, limit=limit)]


def intents_of(half: str) -> list[dict[str, Any]]:
    loaded: list[dict[str, Any]] = json.loads((INTENTS / f"{half}.json").read_text(encoding="utf-8"))
    return loaded


def rates(intents: list[dict[str, Any]]) -> tuple[float, float]:
    """How many of the intents find what they mean at the first place, and among five, in percent."""
    first = five = 0
    for one in intents:
        found, meant = names(one["intent"]), {one["operation"], *one["also"]}
        first += bool(meant & {*found[:1]})
        five += bool(meant & {*found})
    return 100 * first / len(intents), 100 * five / len(intents)


@pytest.mark.parametrize(("half", "first", "five"), [("tuning", 85, 99), ("kept", 66, 93)])
def test_most_intents_find_what_they_mean(half: str, first: int, five: int) -> None:
    at_first, among_five = rates(intents_of(half))
    assert at_first >= first
    assert among_five >= five


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_exact_name_comes_first_in_any_case(name: str) -> None:
    assert [names(spelt)[0] for spelt in (name, name.upper(), name.lower())] == [name] * 3


@pytest.mark.parametrize("name", [name for name in OPERATIONS if name != name.lower()])
def test_an_exact_name_within_a_sentence_comes_first(name: str) -> None:
    assert names(f"how do I call {name}, please?")[0] == name


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("update_source", "updateSource"),
        ("update source", "updateSource"),
        ("List Tracking Plans", "listTrackingPlans"),
        ("auditEv", "listAuditEvents"),
        ("restoreFunction", "restoreFunctionVersion"),
        ("dbtModelSync", "createDbtModelSyncTrigger"),
    ],
)
def test_a_name_in_other_words_or_in_part_comes_first(query: str, name: str) -> None:
    assert names(query)[0] == name


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("get rid of a source", "deleteSource"),
        ("kill a source", "deleteSource"),
        ("pause a source", "updateSource"),
        ("turn a destination off", "updateDestination"),
        ("make a new label", "createLabel"),
        ("set up a warehouse", "createWarehouse"),
        ("which integrations do we have?", "listDestinations"),
        ("remove a teammate from the workspace", "deleteUsers"),
        ("list all teams", "listUserGroups"),
        ("drop a mapping", "removeSubscriptionFromDestination"),
        ("delete a spec", "deleteTrackingPlan"),
        ("add a cohort", "createAudience"),
        ("erase a person everywhere under GDPR", "createWorkspaceRegulation"),
        ("who deleted the source?", "listAuditEvents"),
        ("deploy a function", "createFunctionDeployment"),
        ("run a linked audience now", "forceExecuteAudienceRun"),
    ],
)
def test_ordinary_words_stand_for_the_words_of_operations(query: str, name: str) -> None:
    assert name in names(query, limit=3)


@pytest.mark.parametrize(
    ("many", "one"),
    [
        (("which sources do we have?", "listSources"), ("the source with id q1w2e3", "getSource")),
        (("show all audiences", "listAudiences"), ("show me this audience", "getAudience")),
        (("what transformations are there?", "listTransformations"), ("read transformation t_4", "getTransformation")),
        (("how many functions do we have?", "listFunctions"), ("details of function dfn_3", "getFunction")),
    ],
)
def test_a_question_for_many_lists_and_a_question_for_one_gets(many: tuple[str, str], one: tuple[str, str]) -> None:
    (several, lists), (single, gets) = many, one
    found = names(several, limit=201)
    assert found.index(lists) < found.index(gets)
    found = names(single, limit=201)
    assert found.index(gets) < found.index(lists)


@pytest.mark.parametrize(
    ("misspelt", "name"),
    [
        ("list wharehouses", "listWarehouses"),
        ("delete an audiance", "removeAudienceFromSpace"),
        ("create a destinaton", "createDestination"),
        ("lables in the workspace", "listLabels"),
        ("list transformat", "listTransformations"),
    ],
)
def test_a_misspelt_or_unfinished_word_is_understood(misspelt: str, name: str) -> None:
    assert name in names(misspelt)


@pytest.mark.parametrize(
    ("bare", "full"),
    [
        ("rename the source", 'rename the source 5GFhvtz8fha42Cm4B4E1L8 to "Berlin"'),
        ("delete the tracking plan", "delete the tracking plan tp_2Nk4"),
        ("pause the destination", "pause the destination of Peter and Maria (no. 4711)"),
        ("pause the destination", "pause Mixpanel"),
        ("connect a new warehouse", "connect a new Snowflake"),
    ],
)
def test_ids_numbers_and_names_of_people_and_products_do_not_hurt(bare: str, full: str) -> None:
    assert names(bare)[0] in names(full, limit=3)


@pytest.mark.parametrize(
    "query", ["", " ", "\x00\x01\x7f", "?!", '""', "🙂", "удали источник", "删除来源", "qwrtz plmkn", "12345"]
)
def test_nothing_is_found_where_nothing_fits(query: str) -> None:
    assert names(query) == []


@pytest.mark.parametrize(
    "query", ["delete\x00the\x1bsource", "\uff44\uff45\uff4c\uff45\uff54\uff45 the source", "delete the source\n" * 600]
)
def test_odd_input_is_read_as_far_as_it_can_be(query: str) -> None:
    assert "deleteSource" in names(query)


@given(st.text(max_size=300))
@settings(max_examples=100, deadline=None)
def test_no_text_is_too_odd(text: str) -> None:
    assert len(names(text)) <= 5


def test_equal_wishes_have_equal_answers() -> None:
    assert find("stop a source", ROWS) == find("stop a source", list(ROWS))


def test_only_the_given_rows_are_found() -> None:
    reading = [row for row in ROWS if row.safety == "read"]
    assert {hit.operation.safety for hit in find("delete a source", reading)} == {"read"}
    assert find("delete a source", []) == []


@pytest.mark.parametrize("limit", [0, 1, 3, 1000])
def test_no_more_is_found_than_was_asked_for(limit: int) -> None:
    found = find("delete a source", ROWS, limit=limit)
    assert len(found) <= limit
    assert [hit.score for hit in found] == sorted((hit.score for hit in found), reverse=True)
