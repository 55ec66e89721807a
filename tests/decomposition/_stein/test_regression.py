"""The score of directions: responses of rows from the places of the other rows."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import sparse

from sksubspace import SteinSubspace
from sksubspace.datasets import make_multi_index
from sksubspace.decomposition._stein import _regression
from sksubspace.decomposition._stein._regression import (
    explained_by,
    left_out_means,
    mean_r_squared,
    whitened,
)

RNG = np.random.RandomState(0)
Z = RNG.randn(60, 2) @ [[2.0, 1.0], [0.0, 0.3]] + 5
Y = np.column_stack([np.sin(Z[:, 0]), 7 + 100 * Z[:, 1] ** 2]) + 0.1 * RNG.randn(60, 2)
WEIGHTS = RNG.uniform(0.5, 2, size=60)


def plain(Z, Y, weights):
    """Leave each row out, one bandwidth after the other, by loops."""
    best, found = np.inf, None
    for bandwidth in 2.0 ** np.arange(-3, 2.5, 0.5) * len(Z) ** (-1 / (Z.shape[1] + 4)):
        predicted = []
        for i in range(len(Z)):
            others = np.arange(len(Z)) != i
            far = np.square(Z[others] - Z[i]).sum(axis=1) / (2 * bandwidth**2)
            kernel = weights[others] * np.exp(far.min() - far)
            predicted.append(kernel @ Y[others] / kernel.sum())
        error = weights @ np.square(Y - predicted).sum(axis=1)
        if error < best:
            best, found = error, np.array(predicted)
    return found


@pytest.mark.parametrize("elements", [2**21, 200])
def test_predictions_are_those_of_the_other_rows(elements, monkeypatch):
    monkeypatch.setattr(_regression, "_BLOCK_ELEMENTS", elements)
    assert_allclose(left_out_means(Z, Y, WEIGHTS, np.arange(60)), plain(Z, Y, WEIGHTS), rtol=1e-8)


def test_the_score_is_r2_by_the_definition():
    places = whitened(Z, WEIGHTS)
    share = WEIGHTS / WEIGHTS.sum()
    assert_allclose(places.T @ (share[:, None] * places), np.eye(2), atol=1e-12)
    scaled = Y / np.abs(Y - Y.mean(axis=0)).max(axis=0)
    predicted = plain(places, scaled, WEIGHTS)
    expected = [
        1 - WEIGHTS @ (y - p) ** 2 / (WEIGHTS @ (y - share @ y) ** 2)
        for y, p in zip(scaled.T, predicted.T, strict=True)
    ]
    assert explained_by(Z, Y, WEIGHTS, "numbers") == pytest.approx(np.mean(expected), rel=1e-9)


def test_basis_units_and_place_do_not_matter():
    expected = explained_by(Z, Y, WEIGHTS, "numbers")
    for places in (Z @ [[1.0, 2.0], [3.0, -1.0]], 1e-9 * Z, Z + 1e4, np.c_[Z, Z[:, 0]]):
        assert explained_by(places, Y, WEIGHTS, "numbers") == pytest.approx(expected, rel=1e-6)
    changed = Y * [1e-6, 1e3] + 4
    assert explained_by(Z, changed, WEIGHTS, "numbers") == pytest.approx(expected, rel=1e-6)


def test_responses_that_do_not_vary_are_left_out():
    both = np.column_stack([Y[:, 0], np.full(60, 7.0)])
    predicted = plain(Z, both, WEIGHTS)
    alone = mean_r_squared(Y[:, :1], predicted[:, :1], WEIGHTS)
    assert mean_r_squared(both, predicted, WEIGHTS) == pytest.approx(alone)
    with pytest.raises(ValueError, match="y is constant on these rows"):
        mean_r_squared(both[:, 1:], predicted[:, 1:], WEIGHTS)


@pytest.mark.parametrize(("link", "order"), [("odd", 1), ("even", 2), ("mixed", "both")])
def test_it_chooses_the_number_of_directions_and_the_order(link, order):
    X, y = make_multi_index(1600, n_features=10, n_components=2, link=link, random_state=0)

    def score(k, order):
        return SteinSubspace(k, order=order, random_state=0).fit(X[:1000], y[:1000]).score(
            X[1000:], y[1000:]
        )  # fmt: skip

    scores = [score(k, order) for k in (1, 2, 3, 4)]
    assert np.argmax(scores) == 1
    assert score(2, order) > max(score(2, other) for other in (1, 2, "both")) - 0.02


def test_classes_are_told():
    X = RNG.randn(600, 5)
    y = np.where(X[:, 0] + 0.1 * RNG.randn(600) > 0.8, "high", "low")
    model = SteinSubspace(1).fit(X[:300], y[:300])
    assert model.score(X[300:], y[300:]) > 0.9
    assert model.score(X[300:], RNG.permutation(y[300:])) < 0.85
    with pytest.raises(ValueError, match=r"y holds .'middle'., which is not among the classes"):
        model.score(X, np.where(X[:, 0] > 0, "low", "middle"))
    with pytest.raises(ValueError, match="minimum of 3"):
        model.score(X[:2], y[:2])


def test_sparse_rows_batches_and_draws(monkeypatch):
    X = RNG.randn(400, 4)
    y = X[:, 0] + 0.1 * RNG.randn(400)
    model = SteinSubspace(1).partial_fit(X[:200], y[:200])
    expected = model.score(X[200:], y[200:])
    assert expected > 0.9
    assert model.score(sparse.csr_matrix(X[200:]), y[200:]) == pytest.approx(expected, rel=1e-9)
    once = model.score(X[200:], y[200:], sample_weight=np.r_[np.ones(150), np.zeros(50)])
    assert once == pytest.approx(model.score(X[200:350], y[200:350]), rel=1e-9)
    monkeypatch.setattr(_regression, "_MOST_ROWS", 100)
    drawn = model.score(X[200:], y[200:])
    assert drawn == model.score(X[200:], y[200:]) != expected
    assert drawn == pytest.approx(expected, abs=0.05)
