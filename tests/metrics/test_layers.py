"""Directions that the layers of a network use, and the network without the others."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier, MLPRegressor

from sksubspace.metrics import FactoredWeights, compress_layers, utilized_rank

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
X, y = load_digits(return_X_y=True)
X = X[:500] / 16


def network(kind=MLPClassifier, sizes=(40, 30), **params):
    return kind(hidden_layer_sizes=sizes, max_iter=30, random_state=0, **params).fit(X, y[:500])


def known(rank):
    """A network of one linear layer whose weights have a rank, on rows of ten columns."""
    rng = np.random.RandomState(0)
    rows = rng.randn(200, 10)
    mlp = MLPRegressor(hidden_layer_sizes=(8,), activation="identity", max_iter=1)
    mlp.fit(rows, rng.randn(200, 3))
    mlp.coefs_[0] = rng.randn(10, rank) @ rng.randn(rank, 8)
    return mlp, rows


@pytest.mark.parametrize("rank", [1, 3, 8])
def test_the_rank_of_weights_is_found(rank):
    mlp, rows = known(rank)
    assert utilized_rank(mlp, rows, energy=1.0).tolist() == [rank, min(rank, 3)]


def test_rows_of_few_directions_use_few():
    mlp, rows = known(8)
    plane = rows[:, :2] @ np.random.RandomState(1).randn(2, 10)
    assert utilized_rank(mlp, plane, energy=1.0).tolist() == [2, 2]


def test_the_rank_is_that_of_projected_weights():
    mlp, energy = network(), 0.9
    a, expected = X, []
    for W, b in zip(mlp.coefs_, mlp.intercepts_, strict=True):
        z = a @ W + b
        projectors = []
        for table in (a, z):
            values, vectors = np.linalg.eigh(np.cov(table.T))
            values, vectors = values[::-1], vectors[:, ::-1]
            k = 1 + int((np.cumsum(values) < energy * values.sum()).sum())
            projectors.append(vectors[:, :k] @ vectors[:, :k].T)
        expected.append(np.linalg.matrix_rank(projectors[0] @ W @ projectors[1], tol=1e-8))
        a = np.maximum(z, 0)
    assert utilized_rank(mlp, X, energy=energy).tolist() == expected


@pytest.mark.parametrize("activation", ["relu", "tanh", "logistic", "identity"])
def test_with_all_energy_the_function_stays(activation):
    mlp = network(activation=activation)
    small = compress_layers(mlp, X, energy=1.0)
    assert_allclose(small.predict_proba(X), mlp.predict_proba(X), atol=1e-6)
    regressor = network(MLPRegressor, (20,), activation=activation)
    assert_allclose(
        compress_layers(regressor, X, energy=1.0).predict(X), regressor.predict(X), atol=1e-6
    )


def test_less_energy_is_fewer_weights_and_nearly_the_same_answers():
    mlp = network(sizes=(256, 64))
    before = pickle.dumps(mlp)
    small = compress_layers(mlp, X)
    sizes = [sum(W.size for W in one.coefs_) for one in (small, mlp)]
    assert sizes[0] < 0.9 * sizes[1]
    ranks = utilized_rank(mlp, X)
    for W, rank, dense in zip(small.coefs_, ranks, mlp.coefs_, strict=True):
        assert W.shape == dense.shape
        if isinstance(W, FactoredWeights):
            assert W.left.shape[1] == rank and W.size == rank * sum(W.shape)
    assert abs(small.score(X, y[:500]) - mlp.score(X, y[:500])) < 0.02
    assert pickle.dumps(mlp) == before
    again = pickle.loads(pickle.dumps(small))
    np.testing.assert_array_equal(again.predict_proba(X), small.predict_proba(X))


def test_units_that_are_dead_use_nothing():
    mlp = network(sizes=(6,))
    mlp.intercepts_[0][:] = -1e3
    assert utilized_rank(mlp, X)[1] == 0
    assert_allclose(compress_layers(mlp, X).predict_proba(X), mlp.predict_proba(X), atol=1e-9)


@pytest.mark.parametrize("function", [utilized_rank, compress_layers])
def test_bad_input(function):
    mlp = network(sizes=(6,))
    for energy in (0, 1.1, -1):
        with pytest.raises(ValueError, match="energy must be above 0 and at most 1"):
            function(mlp, X, energy=energy)
    with pytest.raises(ValueError, match="64 columns of the training, got 63"):
        function(mlp, X[:, 1:])
    with pytest.raises(TypeError, match="mlp must be an MLPClassifier"):
        from sklearn.linear_model import LogisticRegression

        function(LogisticRegression().fit(X, y[:500]), X)
    with pytest.raises(ValueError, match="X must be a table of finite"):
        function(mlp, np.where(X > 0.99, np.nan, X))
