"""The rule of choice among evaluated candidates is that for a grid search."""

import numpy as np
import pytest

from sksubspace._comparison import CandidateResult, choose
from sksubspace.model_selection import one_standard_error
from sksubspace.model_selection._candidates import Candidate
from sksubspace.model_selection._evaluate import Evaluation
from sksubspace.model_selection._summary import Rule, families, honest_score, relate


@pytest.mark.parametrize("seed", range(5))
def test_the_rule_is_that_of_one_standard_error(seed):
    scores = 0.6 + 0.02 * np.random.RandomState(seed).randn(6, 4)
    order = [f"map {i}" for i in range(6)]
    rows = [
        CandidateResult(
            name, name, {}, score=split.mean(),
            split_scores=tuple(split), standard_error=split.std(ddof=1) * np.sqrt(1 / 4 + 1 / 3),
        )
        for name, split in zip(order, scores, strict=True)
    ]  # fmt: skip
    rule = Rule("one_std_err", tuple(order), 0.95, n_test=25, n_train=75, n_repeats=1)
    beside = families(rows, dict.fromkeys(order, ()), {}, rule)
    chosen = choose(relate(rows, beside), "one_std_err", rule.order)
    results = {"params": order} | {f"split{j}_test_score": scores[:, j] for j in range(4)}
    assert chosen == order[one_standard_error(results)]


def test_the_simplest_is_the_first_whose_interval_holds_zero():
    """One notion of a tie: what the table calls so is what the rule looks at."""
    scores = np.array(
        [[0.60, 0.61, 0.59, 0.60], [0.64, 0.66, 0.62, 0.65], [0.65, 0.66, 0.62, 0.66]]
    )
    order = ("poor", "simple", "best")
    rows = [
        CandidateResult(name, name, {}, score=one.mean(), split_scores=tuple(one))
        for name, one in zip(order, scores, strict=True)
    ]
    rule = Rule("simplest", order, 0.95, n_test=25, n_train=75, n_repeats=1)
    related = relate(rows, families(rows, dict.fromkeys(order, ()), {}, rule))
    assert [row.tied for row in related] == [False, True, True]
    assert choose(related, "simplest", order) == "simple"


def test_the_luckiest_of_equal_maps_is_scored_by_rows_it_was_not_chosen_by():
    """Twelve candidates of R2 .5 by five folds: the best looks .04 better than it is."""
    order = tuple(f"map {i}" for i in range(12))
    candidates = [Candidate(name, name, None) for name in order]
    rule = Rule("best", order, 0.95, n_test=40, n_train=160, n_repeats=1)
    rng, best, honest = np.random.RandomState(0), [], []
    for _ in range(40):
        scores = 0.5 + 0.05 * rng.randn(12, 5)
        cv = {
            name: tuple(Evaluation(score=one) for one in row)
            for name, row in zip(order, scores, strict=True)
        }
        best.append(scores.mean(axis=1).max())
        honest.append(honest_score(candidates, cv, {}, rule))
    assert np.mean(best) > 0.53
    assert np.mean(honest) == pytest.approx(0.5, abs=0.01)


def test_by_leave_one_out_the_luckiest_is_scored_by_other_rows():
    order = tuple(f"map {i}" for i in range(12))
    candidates = [Candidate(name, name, None) for name in order]
    rule = Rule("best", order, 0.95, n_test=np.nan, n_train=np.nan, n_repeats=1)
    rng, best, honest = np.random.RandomState(0), [], []
    for _ in range(30):
        squares = np.ones(100)
        errors = rng.gamma(2.0, 0.25, size=(12, 100))
        loo = {
            name: (Evaluation(distortion=one, squares=squares),)
            for name, one in zip(order, errors, strict=True)
        }
        best.append(1 - errors.mean(axis=1).min())
        honest.append(honest_score(candidates, {}, loo, rule))
    assert np.mean(best) > 0.54
    assert np.mean(honest) == pytest.approx(0.5, abs=0.012)
