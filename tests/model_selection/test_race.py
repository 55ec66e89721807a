"""Candidates that are behind beyond chance are spared the splits that are left."""

import numpy as np
import pytest
from scipy import stats
from sklearn.base import BaseEstimator
from sklearn.decomposition import PCA
from sklearn.exceptions import FitFailedWarning

from sksubspace._comparison import dimensions, remarks
from sksubspace.model_selection import _run as run
from sksubspace.model_selection._candidates import Candidate
from sksubspace.model_selection._evaluate import Evaluation, Split
from sksubspace.model_selection._race import lower_bound, still_running
from sksubspace.model_selection._summary import Rule, honest_score, relate, summarize_all
from tests.model_selection.toys import Broken, Scribe, Seeded, calls, compare, digits, row

X, y = digits()


class Poor(BaseEstimator):
    """Two pixels, and a count of its fits."""

    def __init__(self, path=None):
        self.path = path

    def fit_transform(self, X, y=None):
        with open(self.path, "a") as file:
            file.write("fit\n")
        return X[:, [20, 43]]


def test_the_bound_is_that_of_a_one_sided_t_test():
    d = 0.1 + np.random.RandomState(0).randn(40)
    wanted = stats.ttest_1samp(d, 0, alternative="greater").confidence_interval(0.95).low
    assert lower_bound(d, np.arange(40)) == pytest.approx(wanted)


def test_copies_of_a_difference_are_no_evidence():
    """Each entry three times, in a group: the bound of the entries once, and not a higher one."""
    d = 0.1 + np.random.RandomState(0).randn(40)
    once = lower_bound(d, np.arange(40))
    assert lower_bound(np.repeat(d, 3), np.repeat(np.arange(40), 3)) == pytest.approx(once)
    assert lower_bound(np.repeat(d, 3), np.arange(120)) > once
    assert lower_bound(d, np.zeros(40, dtype=int)) == -np.inf


def evaluations(errors, scores=None):
    return [
        Evaluation(score=1 - one.mean() if scores is None else scores[i], distortion=one)
        for i, one in enumerate(errors)
    ]


def test_who_is_behind_beyond_chance_stops_and_who_may_be_the_best_goes_on():
    rng = np.random.RandomState(0)
    base = rng.rand(2, 60)
    splits = [Split(np.arange(0), np.arange(60) + 60 * i, 0) for i in range(2)]
    found = {
        "leader": evaluations(base),
        "close": evaluations(base + 0.1 * rng.randn(2, 60)),
        "behind": evaluations(base + 0.1 + 0.1 * rng.randn(2, 60)),
        "failed": [Evaluation(error="no map")],
    }
    groups, alike = np.arange(120), lambda name, leader: False
    assert still_running(found, list(found), splits, groups, alike) == ["leader", "close"]
    # as one group all of it is a single piece of evidence
    assert "behind" in still_running(found, list(found), splits, np.zeros(120, dtype=int), alike)
    assert still_running({"failed": found["failed"]}, ["failed"], splits, groups, alike) == []


@pytest.mark.parametrize(("gap", "stays"), [(0.03, True), (0.09, False)])
def test_a_simpler_candidate_stays_until_it_is_far_behind(gap, stays):
    """The rule may prefer it though its errors are larger; errors and R2 differ by a factor 2."""
    rng = np.random.RandomState(0)
    base = 1 + rng.rand(1, 400)
    later = base + 2 * base.mean() * gap + 0.01 * rng.randn(1, 400)
    found = {"leader": evaluations(base, [0.5]), "simple": evaluations(later, [0.5 - gap])}
    splits, groups = [Split(np.arange(0), np.arange(400), 0)], np.arange(400)
    for simpler, expected in [(True, stays), (False, False)]:
        running = still_running(
            found, list(found), splits, groups,
            lambda name, leader, simpler=simpler: simpler and name == "simple",
        )  # fmt: skip
        assert ("simple" in running) == expected


def test_a_race_spares_fits_and_keeps_the_choice(tmp_path):
    """A poor map is fitted once; PCA, which all are set beside, three times."""
    params = {"controls": False, "metrics": ()}
    raced = compare(X, {"P": PCA(2), "poor": Poor(tmp_path / "a")}, **params)
    whole = compare(X, {"P": PCA(2), "poor": Poor(tmp_path / "b")}, race=False, **params)
    assert (calls(tmp_path / "a"), calls(tmp_path / "b")) == (1, 3)
    assert raced.best_name_ == whole.best_name_ == "P"
    assert row(raced, "P").split_scores == row(whole, "P").split_scores
    poor, full = row(raced, "poor"), row(whole, "poor")
    assert poor.dropped_after == 1 and full.dropped_after == 0
    assert poor.split_scores == full.split_scores[:1]
    # the best of all folds, less the difference on the one that both have
    gap = poor.split_scores[0] - row(raced, "P").split_scores[0]
    assert poor.score == pytest.approx(row(raced, "P").score + gap)
    assert poor.difference == pytest.approx(gap)
    assert np.isnan(poor.difference_interval).all() and np.isnan(poor.standard_error)
    assert not poor.tied and not poor.within_one_standard_error
    assert remarks(poor, raced.results) == ["dropped"] and "dropped:" in str(raced)
    assert raced.best_score_ == whole.best_score_


def test_the_difference_of_a_dropped_one_is_that_of_the_splits_whatever_leave_one_out_says():
    """Screened on all rows, confirmed by folds, dropped: one number, and no interval."""
    X, _ = digits(200)
    # equal by leave-one-out up to a little, so that both are confirmed
    candidates = {"a": Seeded(0.01), "b": Seeded(0.4), "P": PCA(2)}
    result = compare(X, candidates, method="auto", select="best", cv=5, metrics=(), controls=False)
    dropped = [one for one in result.results if one.dropped_after]
    assert dropped and all(np.isfinite(one.loo_score) for one in dropped)
    first = result.results[0]
    for one in dropped:
        assert one.difference == pytest.approx(one.score - first.score) and one.difference < 0
        assert np.isnan(one.difference_interval).all() and not one.tied


def test_what_is_decided_runs_at_once(tmp_path, monkeypatch):
    """Where one candidate is left, its folds need not wait for each other."""
    rounds = []

    class Counting(run.Parallel):
        def __call__(self, calls):
            rounds.append(len(calls))
            return super().__call__(calls)

    monkeypatch.setattr(run, "Parallel", Counting)
    compare(X, {"P": PCA(2), "poor": Poor(tmp_path / "a")}, controls=False, metrics=(), cv=5)
    assert rounds == [2, 4]


def test_pca_runs_to_the_end_wherever_it_stands():
    result = compare(X, {"P1": PCA(1), "P4": PCA(4)}, metrics=())
    assert [len(row(result, name).split_scores) for name in ("P1", "P4")] == [3, 3]


def test_the_dimension_is_warned_of_when_the_smaller_map_is_dropped(tmp_path):
    candidates = {"small": Scribe(tmp_path / "a", 1), "large": Scribe(tmp_path / "b", 6)}
    with pytest.warns(UserWarning, match="maps of 1, 6 dimensions"):
        result = compare(X, candidates, controls=False, metrics=())
    assert row(result, "small").dropped_after == 1 and dimensions(result.results) == [1, 6]


def test_who_fails_in_a_race_is_not_run_again():
    with pytest.warns(FitFailedWarning, match="1 of 2"):
        result = compare(X, {"P": PCA(2), "B": Broken()}, metrics=(), controls=False)
    broken = row(result, "B")
    assert "no map" in broken.error and not np.isfinite(broken.score)
    assert len(broken.split_scores) == 1


def test_a_lucky_first_fold_is_paid_for_in_the_score_of_the_choice():
    """Six equal maps, of which the first fold drops the unlucky: chosen anew, they count again."""
    order = tuple(f"map {i}" for i in range(6))
    candidates = [Candidate(name, name, None) for name in order]
    rule = Rule("best", order, 0.95, n_test=40, n_train=160, n_repeats=1)
    rng, best, honest = np.random.RandomState(0), [], []
    for _ in range(60):
        scores = 0.5 + 0.05 * rng.randn(6, 5)
        kept = scores[:, 0] >= np.sort(scores[:, 0])[-2]
        cv = {
            name: tuple(
                Evaluation(score=one) if stays or i == 0 else None for i, one in enumerate(s)
            )
            for name, s, stays in zip(order, scores, kept, strict=True)
        }
        rows = relate(summarize_all(candidates, cv, {}, rule), ())
        assert [one.dropped_after for one in rows] == [0 if stays else 1 for stays in kept]
        best.append(scores[kept].mean(axis=1).max())
        honest.append(honest_score(candidates, cv, {}, rule))
    assert np.mean(best) > 0.515
    assert abs(np.mean(honest) - 0.5) < 0.5 * (np.mean(best) - 0.5)


def test_repeats_and_groups_are_raced_by_rows_and_groups(tmp_path):
    groups = np.arange(len(X)) // 5
    result = compare(
        X, {"P": PCA(2), "poor": Poor(tmp_path / "a")}, groups=groups, n_repeats=2, metrics=(),
        controls=False,
    )  # fmt: skip
    poor = row(result, "poor")
    assert 1 <= poor.dropped_after < 6 and len(poor.split_scores) == poor.dropped_after
    # on the splits that both have, so that it can be had for a dropped one too
    assert np.isfinite([one.lost_to_groups for one in (poor, row(result, "P"))]).all()
    assert abs(poor.lost_to_groups) < 0.3
