"""Rows that are in the data twice: rows held out choose what they choose of each row once."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator, ClusterMixin

from sksubspace import SteinSubspace
from sksubspace._trained import split_rows
from sksubspace.autoencoder import Autoencoder
from sksubspace.cluster import AutoSubspaceClustering
from sksubspace.metrics import embedding_score

RNG = np.random.RandomState(0)
X = RNG.randn(80, 2) @ RNG.randn(2, 6) + 0.5 * RNG.randn(80, 6)
TWICE = np.repeat(np.arange(80), 2)
SCATTERED = RNG.permutation(160)  # copies are not side by side


def test_no_copy_of_a_row_held_out_is_fitted_on():
    rows = X[TWICE][SCATTERED]
    fitted, held = split_rows(rows, 0.1, np.random.RandomState(0))
    assert_array_equal(np.sort(np.r_[fitted, held]), np.arange(160))
    assert len(held) == 16
    assert not {row.tobytes() for row in rows[fitted]} & {row.tobytes() for row in rows[held]}


@pytest.mark.parametrize("n_blank", [3, 60, 99, 100])
def test_groups_that_are_too_large_to_hold_out_stay(n_blank):
    """A third of the rows blank, as patches of images are; and all of them."""
    rows = np.vstack([np.zeros((n_blank, 2)), np.random.RandomState(1).randn(100 - n_blank, 2)])
    fitted, held = split_rows(rows, 0.1, np.random.RandomState(0))
    assert 1 <= len(held) <= 19 and len(fitted) + len(held) == 100


def test_training_ends_with_the_same_epoch():
    settings = {"max_iter": 200, "batch_size": 200, "learning_rate": 0.02, "random_state": 0}
    once, twice = (
        Autoencoder(2, n_iter_no_change=3, **settings).fit(rows) for rows in (X, X[TWICE])
    )
    assert twice.n_iter_ == once.n_iter_ < 200
    assert_allclose(twice.validation_loss_curve_, once.validation_loss_curve_, rtol=1e-6)


class OfAngle(ClusterMixin, BaseEstimator):
    """Pie slices of the first two features: as many clusters as told."""

    def __init__(self, n_slices=2):
        self.n_slices = n_slices

    def fit_predict(self, X, y=None):
        angles = np.arctan2(X[:, 1], X[:, 0]) / (2 * np.pi) + 0.5
        return np.minimum((angles * self.n_slices).astype(int), self.n_slices - 1)


@pytest.mark.parametrize("validation_fraction", [None, 0.3])
def test_the_same_clustering_is_best(validation_fraction):
    """Without care the most and smallest clusters win: each has the copies of its rows."""
    rows = np.random.RandomState(3).randn(80, 6)
    found = [
        AutoSubspaceClustering(
            16,
            {str(k): OfAngle(k) for k in (2, 4, 8, 16)},
            subspace_dim=4,
            normalize=False,
            validation_fraction=validation_fraction,
            random_state=0,
        ).fit(data)
        for data in (rows, rows[TWICE])
    ]
    assert found[0].best_name_ == found[1].best_name_
    assert list(found[0].scores_["name"]) == list(found[1].scores_["name"])
    assert_allclose(found[1].scores_["score"], found[0].scores_["score"], rtol=1e-9)


def test_the_same_number_of_directions_explains_most():
    """With its copy beside it each row is known, the better the more directions there are."""
    rng = np.random.RandomState(4)
    rows = rng.randn(280, 6)
    y = rows[:, 0] + 0.5 * rng.randn(280)
    new, told = rows[200:], y[200:]
    scores = []
    for k in (1, 2, 3, 4):
        model = SteinSubspace(k, order="both").fit(rows[:200], y[:200])
        scores.append([model.score(new, told), model.score(new[TWICE], told[TWICE])])
    once, twice = np.transpose(scores)
    assert once.argmax() == twice.argmax()
    assert_allclose(twice, once, rtol=1e-6)


@pytest.mark.parametrize("noise", [0.0, 0.003], ids=["equal", "nearly equal"])
@pytest.mark.parametrize("times", [2, 3, 5])
def test_a_random_map_does_not_score_however_often_rows_are_there(times, noise):
    """Of three copies next door one was forgotten, and the others named the row: R2 .9."""
    rng = np.random.RandomState(0)
    rows, places = rng.randn(120, 3), rng.randn(120, 2)
    which = rng.permutation(np.repeat(np.arange(120), times))
    near = rows[which] + noise * rng.randn(len(which), 3)
    with pytest.warns(UserWarning, match="rows are equal or nearly equal to another row"):
        assert abs(embedding_score(near, places[which]).r2) < 0.1


def test_copies_within_a_donor_do_not_name_it():
    rng = np.random.RandomState(0)
    donors = np.repeat(np.arange(10), 36)
    which = np.repeat(np.arange(120), 3)
    found = embedding_score(rng.randn(120, 3)[which], rng.randn(120, 2)[which], groups=donors)
    assert abs(found.r2) < 0.1
