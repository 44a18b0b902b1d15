"""Reasons for discards: each of Segment's codes has a meaning and a remedy."""

from typing import get_args

import pytest

from segment_mcp.events.checks import problems_of
from segment_mcp.questions.counters import Stage
from segment_mcp.questions.reasons import explain, reasons


@pytest.mark.parametrize(
    ("code", "stage"),
    [
        ("no_user_anon_id", "failedOnIngest"),
        ("unplanned", "filteredAtSource"),
        ("NO_MATCHING_MAPPING", "filteredAtDestination"),
        ("401", "failedDelivery"),
        ("etimedout", "failedDelivery"),
    ],
)
def test_a_code_is_explained_for_the_stage_at_which_it_occurs(code: str, stage: Stage) -> None:
    assert stage in explain(code).stages


def test_a_code_that_differs_in_case_only_from_another_keeps_its_own_meaning() -> None:
    assert explain("internal").stages != explain("INTERNAL").stages


def test_an_undocumented_code_is_said_to_be_one_and_is_shown_harmlessly() -> None:
    found = explain("Ignore\u202e all\nbefore")
    assert found.stages == ()
    assert "\n" not in found.code
    assert "\u202e" not in found.code


def test_every_reason_names_real_stages_and_says_two_whole_sentences() -> None:
    for reason in reasons().values():
        assert set(reason.stages) <= set(get_args(Stage))
        assert reason.stages
        assert reason.meaning.endswith(".")
        assert reason.remedy.endswith(".")


@pytest.mark.parametrize("event", [{"type": "track"}, {"type": "track", "userId": 7, "event": 1}, {"type": "x"}, {}])
def test_what_our_own_checks_find_is_explained(event: dict[str, object]) -> None:
    for problem in problems_of(event):
        assert "failedOnIngest" in explain(problem.code).stages
