from functools import partial

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.model_selection import GridSearchCV

from sksubspace import MEDAL
from sksubspace.model_selection import one_standard_error


def results(*scores, metric="score"):
    scores = np.array(scores, dtype=float)
    columns = {f"split{i}_test_{metric}": column for i, column in enumerate(scores.T)}
    return {"params": [{"size": k} for k in range(len(scores))], **columns}


def test_the_standard_error_is_that_of_the_mean_of_the_best():
    best = [0.6, 0.7, 0.8, 0.9]  # mean .75, s = .1291, s sqrt(1/4 + 1/3) = .09860
    assert one_standard_error(results([0.65] * 4, [0.66] * 4, best)) == 1
    assert one_standard_error(results([0.652] * 4, best)) == 0


def test_spread_of_the_others_does_not_matter():
    assert one_standard_error(results([0.0, 1.0], [0.7, 0.7])) == 1


def test_order_of_simplicity():
    tied = results([0.70, 0.76], [0.71, 0.77], [0.69, 0.75])
    assert one_standard_error(tied) == 0
    assert one_standard_error(tied, order=lambda params: -params["size"]) == 2


def test_candidates_that_failed_are_left_out():
    assert one_standard_error(results([0.9, np.nan], [0.5, 0.6])) == 1


def test_a_metric_of_several():
    several = results([0.1, 0.2], [0.3, 0.4], metric="r2") | results([0.9, 0.9], [0.1, 0.1])
    assert one_standard_error(several, metric="r2") == 1
    assert one_standard_error(several) == 0


@pytest.mark.parametrize(
    ("cv_results", "metric", "message"),
    [
        (results([0.5], [0.6]), "score", "at least 2 splits, got 1"),
        (results([0.5, 0.6]), "r2", "'r2' on at least 2 splits, got 0"),
        (results([np.nan, 0.6]), "score", "No candidate"),
    ],
)
def test_bad_input(cv_results, metric, message):
    with pytest.raises(ValueError, match=message):
        one_standard_error(cv_results, metric=metric)


def test_in_a_search():
    rng = np.random.RandomState(0)
    X = rng.standard_normal((60, 2)) @ rng.standard_normal((2, 6))
    X += 0.3 * rng.standard_normal(X.shape)
    refit = partial(one_standard_error, order=lambda p: p["teacher__n_components"])
    grid = {"teacher__n_components": [3, 2, 1]}
    search = GridSearchCV(MEDAL(PCA(), random_state=0), grid, cv=3, refit=refit).fit(X)
    assert search.best_index_ == one_standard_error(
        search.cv_results_, order=lambda p: p["teacher__n_components"]
    )
    assert search.best_estimator_.n_components_ == search.best_params_["teacher__n_components"]


def test_repeats_do_not_narrow_the_choice():
    """Eight times the same folds: what was within one standard error still is."""
    folds = {"params": ["simple", "best"], "split0_test_score": [0.605, 0.61]}
    folds |= {"split1_test_score": [0.63, 0.64], "split2_test_score": [0.64, 0.65]}
    names = [name for name in folds if name != "params"]
    again = {f"split{i}_test_score": folds[names[i % 3]] for i in range(24)}
    repeated = {"params": folds["params"]} | again
    assert one_standard_error(folds) == one_standard_error(repeated, n_repeats=8) == 0
    with pytest.raises(ValueError, match="n_repeats must divide the number of splits, 24, got 5"):
        one_standard_error(repeated, n_repeats=5)
