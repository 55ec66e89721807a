"""Which row comes where, which one is chosen, what can be tuned, and what is said."""

import numpy as np
import pytest

from sksubspace._comparison import (
    MEAN,
    PERMUTED,
    CandidateResult,
    best,
    choose,
    explanations,
    is_torn,
    ranked,
    remarks,
    tunable,
)


def row(name, score, evidence="held-out", role="candidate", **fields):
    return CandidateResult(name, name, {}, role=role, score=score, evidence=evidence, **fields)


def controls(permuted, evidence="held-out"):
    return [
        row(MEAN, 0.0, "definition", "control"),
        row(PERMUTED, permuted, evidence, "control"),
    ]


def names(rows):
    return [one.name for one in ranked(rows, chosen="good")]


def test_rows_of_one_kind_are_ranked_by_score_and_failures_last():
    rows = [row("failed", np.nan), row("bad", 0.2), row("good", 0.6), *controls(0.01)]
    assert names(rows) == ["good", "bad", PERMUTED, MEAN, "failed"]
    assert [one.rank for one in ranked(rows, "good")] == [1, 2, 3, 4, 5]
    assert [one.name for one in ranked(rows, "good") if one.selected] == ["good"]


def test_a_permuted_map_that_beats_a_confirmed_one_is_shown_above_it():
    rows = [row("good", 0.6), row("bad", -0.2), *controls(-0.1)]
    assert names(rows) == ["good", MEAN, PERMUTED, "bad"]
    assert names([row("good", 0.02), *controls(0.05)]) == [PERMUTED, "good", MEAN]


def test_what_was_only_screened_comes_after_what_was_confirmed_and_before_a_lower_control():
    screened = row("screened", 0.7, "leave-one-out")
    linear = row("PCA (control)", 0.4, role="control")
    rows = [screened, *controls(0.0), linear, row("good", 0.6)]
    assert names(rows) == ["good", "PCA (control)", "screened", MEAN, PERMUTED]


def test_screening_alone_ranks_everything_by_score():
    rows = [*controls(0.01, "leave-one-out"), row("good", 0.6, "leave-one-out")]
    assert names([*rows, row("bad", -0.1, "leave-one-out")]) == ["good", PERMUTED, MEAN, "bad"]


def map_(name, score, share, tied=True, **fields):
    """A confirmed candidate with a standard error of .01."""
    return row(name, score, standard_error=0.01, continuous=share * score, tied=tied, **fields)


ORDER = ("simple", "whole", "torn", "far")


@pytest.mark.parametrize("select", ["one_std_err", "best"])
def test_a_torn_map_gives_way_to_a_whole_one_that_is_tied_with_it(select):
    rows = [map_("torn", 0.60, 0.5), map_("whole", 0.55, 0.9)]
    assert choose(rows, select, ORDER) == "whole"
    assert best(rows).name == "torn"
    assert remarks(rows[0], rows) == ["best", "torn"] and remarks(rows[1], rows) == ["tie"]


@pytest.mark.parametrize("select", ["one_std_err", "best"])
def test_a_torn_map_is_chosen_where_every_whole_one_is_worse(select):
    rows = [map_("torn", 0.60, 0.5), map_("whole", 0.40, 0.9, tied=False)]
    assert choose(rows, select, ORDER) == "torn"


def test_a_torn_map_is_not_chosen_for_being_simple():
    rows = [map_("simple", 0.595, 0.3), map_("whole", 0.60, 0.8)]
    assert choose(rows, "one_std_err", ORDER) == "whole"


def test_among_whole_maps_the_simplest_within_one_standard_error_is_taken():
    rows = [map_("torn", 0.60, 0.5), map_("whole", 0.55, 0.9), map_("simple", 0.545, 0.9)]
    assert choose(rows, "one_std_err", ORDER) == "simple"
    assert choose(rows, "best", ORDER) == "whole"


def test_a_whole_map_that_was_only_screened_does_not_replace_a_confirmed_one():
    rows = [map_("torn", 0.60, 0.5), map_("whole", 0.59, 0.9, evidence="leave-one-out")]
    assert choose(rows, "best", ORDER) == "torn"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"score": 0.5, "continuous": 0.37}, True),
        ({"score": 0.5, "continuous": 0.38}, False),
        ({"score": 0.5}, False),
        ({"score": -0.1, "continuous": -0.5}, False),
        ({"score": 0.5, "continuous": 0.1, "role": "control"}, False),
    ],
)
def test_torn_is_below_three_quarters_and_said_of_candidates_that_are_known(fields, expected):
    assert is_torn(CandidateResult("m", "m", {}, **fields)) == expected


def test_the_best_is_confirmed_before_screened_never_a_control_and_never_a_failure():
    rows = [row("failed", np.nan), row("screened", 0.9, "leave-one-out"), row("good", 0.6)]
    rows += [row("PCA (control)", 0.7, role="control"), row("worse", 0.5)]
    assert best(rows).name == "good"
    assert best(rows[:2]).name == "screened"
    assert best(rows[:1]) is None


def test_a_group_can_be_tuned_by_the_number_that_varies_most_among_maps_with_a_score():
    def setting(score=0.5, **params):
        return CandidateResult("", "T", params, score=score)

    rows = [setting(k=1, d=0.1), setting(k=2, d=0.1), setting(k=3, d=0.2)]
    assert tunable(rows) == {"T": (rows, "k")}
    assert tunable([*rows[:1], setting(np.nan, k=2)])["T"][1] is None
    assert tunable([setting(k="a"), setting(k=2)])["T"][1] is None
    assert tunable([setting(k=True), setting(k=False)])["T"][1] is None
    assert tunable([setting(k=1), setting()])["T"][1] is None
    assert tunable([row("PCA", 0.5, role="control")]) == {}


def test_only_what_occurs_is_explained():
    assert explanations([map_("whole", np.nan, np.nan)]) == []
    rows = [map_("torn", 0.60, 0.5), row("far", 0.1, "leave-one-out", global_share=0.5)]
    assert [line.split(":")[0] for line in explanations(rows)] == [
        "continuous", "global", "loo only", "torn",
    ]  # fmt: skip
    assert [line.split(":")[0] for line in explanations(rows[1:])] == ["global"]
