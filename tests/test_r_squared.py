"""One rule of R2, also where there is nothing to explain: that of scikit-learn's `r2_score`."""

from functools import partial

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.metrics import r2_score

from sksubspace import MEDAL, Autoencoder, SteinPCA
from sksubspace._linalg import match_r_squared, r_squared
from sksubspace._trained import reconstruction_score
from sksubspace.cluster import KSubspaces
from sksubspace.cluster._auto._scores import Outcome, score_table
from sksubspace.cluster._linearizing._stages import explained
from sksubspace.model_selection._intervals import ratio_r2

X = np.random.RandomState(0).randn(40, 3) @ np.diag([3.0, 1.0, 0.1])


@pytest.mark.parametrize(
    ("squared_error", "total", "expected"),
    [(0, 4, 1), (1, 4, 0.75), (4, 4, 0), (8, 4, -1), (0, 0, 1), (1, 0, 0)],
)
def test_r_squared(squared_error, total, expected):
    assert r_squared(squared_error, total) == expected


def of_reconstruction(target, placed):
    return reconstruction_score(target, lambda rows: placed[: len(rows)], target.mean(axis=0))


def of_candidate(target, placed):
    """A mean of the middle half of the rows; errors and squares are those of the rows in full."""
    errors = np.full(len(target), np.square(target - placed).mean())
    squares = np.full(len(target), np.square(target - target.mean()).mean())
    table = score_table({"one": Outcome(residuals=errors)}, squares, np.arange(len(target)))
    assert table["standard_error"][0] == 0
    return table["score"][0]


def of_rows(target, placed):
    errors, squares = (np.square(target - one).T for one in (placed, target.mean(axis=0)))
    score, standard_error = ratio_r2(errors, squares)
    assert standard_error >= 0 and (target.any() or standard_error == 0)
    return score


@pytest.mark.parametrize(
    "score", [lambda y, p: match_r_squared(p, y), of_reconstruction, of_candidate, of_rows]
)
@pytest.mark.parametrize("size", [0.0, 2.0])
@pytest.mark.parametrize("wrong_by", [0.0, 0.5])
@pytest.mark.filterwarnings("error")
def test_all_ways_to_an_r_squared_are_that_of_scikit_learn(score, size, wrong_by):
    target = size * np.arange(12.0)[:, None]
    placed = target + wrong_by * np.resize([1.0, -1.0], (12, 1))
    assert score(target, placed) == pytest.approx(r2_score(target, placed), abs=1e-12)


@pytest.mark.filterwarnings("error")
def test_equal_rows_in_clusters_have_nothing_to_explain():
    assert explained(np.ones((9, 2)), np.arange(9) % 3) == 1.0


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (partial(SteinPCA, 1, decoder="linear"), 1.0),  # a line through the mean
        (partial(Autoencoder, 1, hidden_layer_sizes=(4,), max_iter=2), 0.0),
        (partial(MEDAL, PCA(1), encoder="linear"), 0.0),
    ],
)
def test_rows_that_are_the_mean_of_the_training_rows(make, expected):
    model = make(random_state=0).fit(X)
    mean = X.mean(axis=0)[None] if expected == 0 else model.mean_[None]
    assert model.score(mean) == expected


def test_clusterings_refuse_rows_without_a_spread():
    model = KSubspaces(2, subspace_dim=1, random_state=0).fit(X)
    with pytest.raises(ValueError, match="there is no R2"):
        model.score(X.mean(axis=0)[None])


def test_match_is_about_the_teachers_mean():
    target = np.array([[0.0, 10], [2, 10], [4, 16]])
    placed = target + np.array([[1, 0], [0, 0], [0, -1]])
    assert match_r_squared(placed, target) == pytest.approx(1 - 2 / (8 + 24))
    assert match_r_squared(np.broadcast_to(target.mean(0), (3, 2)), target) == 0
