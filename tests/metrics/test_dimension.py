"""How many dimensions rows need, beside formulas written out and rows of known dimension."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import sparse
from scipy.sparse.csgraph import minimum_spanning_tree
from scipy.spatial.distance import cdist

from sksubspace.metrics import (
    intrinsic_dimension,
    local_intrinsic_dimension,
    minimum_spanning_tree_length,
)

METHODS = ("mst", "mle", "two_nn", "participation")


def plane(n_dimensions, n_rows=800, n_columns=30, seed=0):
    """Gaussian rows of few dimensions, turned into many columns."""
    rng = np.random.RandomState(seed)
    Q = np.linalg.qr(rng.randn(n_columns, n_dimensions))[0]
    return rng.randn(n_rows, n_dimensions) @ Q.T


def test_local_estimates_are_those_of_the_formula():
    X = plane(3, 60)
    found = local_intrinsic_dimension(X, n_neighbors=5)
    for i in range(60):
        r = np.sort(np.linalg.norm(X - X[i], axis=1))[1:6]
        assert found[i] == pytest.approx(4 / np.log(r[-1] / r[:-1]).sum(), rel=1e-9)


def test_mle_is_their_harmonic_mean_and_two_nn_the_slope():
    X = plane(4, 200)
    local = local_intrinsic_dimension(X, n_neighbors=20)
    assert intrinsic_dimension(X, method="mle") == pytest.approx(1 / np.mean(1 / local))
    r = np.sort(cdist(X, X), axis=1)[:, 1:3]
    x = np.sort(np.log(r[:, 1] / r[:, 0]))[:180]
    y = -np.log(1 - np.arange(1, 181) / 200)
    slope = np.linalg.lstsq(x[:, None], y, rcond=None)[0][0]
    assert intrinsic_dimension(X, method="two_nn") == pytest.approx(slope)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("n_dimensions", [1, 2, 5])
def test_known_dimensions(method, n_dimensions):
    found = intrinsic_dimension(plane(n_dimensions), method=method)
    assert found == pytest.approx(n_dimensions, rel=0.15)


def test_a_curve_in_the_plane_has_one_dimension_and_two_straight_ones():
    t = np.random.RandomState(0).rand(600) * 2 * np.pi
    circle = np.column_stack([np.cos(t), np.sin(t)])
    for method in ("mst", "mle", "two_nn"):
        assert intrinsic_dimension(circle, method=method) == pytest.approx(1, rel=0.1)
    assert intrinsic_dimension(circle, method="participation") == pytest.approx(2, rel=0.1)


@pytest.mark.parametrize("method", METHODS)
def test_neither_place_nor_scale_nor_copies_change_it(method):
    X = plane(3, 300)
    Q = np.linalg.qr(np.random.RandomState(1).randn(30, 30))[0]
    once = intrinsic_dimension(X, method=method)
    assert intrinsic_dimension(100 * X @ Q + 1, method=method) == pytest.approx(once, rel=1e-6)
    assert intrinsic_dimension(np.repeat(X, 4, axis=0), method=method) == pytest.approx(once)
    assert intrinsic_dimension(sparse.csr_matrix(X), method=method) == pytest.approx(once, rel=1e-6)


def test_copies_of_a_row_have_its_dimension():
    X = plane(2, 100)
    found = local_intrinsic_dimension(np.vstack([X, X[:10], X[:10]]), n_neighbors=8)
    assert np.isfinite(found).all()
    assert_allclose(found[100:], np.tile(found[:10], 2))
    assert_allclose(found[:100], local_intrinsic_dimension(X, n_neighbors=8))


def test_the_tree_is_the_shortest():
    X = plane(3, 150)
    expected = minimum_spanning_tree(sparse.csr_matrix(cdist(X, X))).sum()
    assert minimum_spanning_tree_length(X, normalize=False) == pytest.approx(expected)
    spread = np.sqrt(np.square(X - X.mean(axis=0)).sum(axis=1).mean())
    length = minimum_spanning_tree_length(X)
    assert length == pytest.approx(expected / 149 / spread)
    assert minimum_spanning_tree_length(7 * X + 3) == pytest.approx(length)
    assert minimum_spanning_tree_length(np.ones((5, 2))) == 0


def test_a_draw_decides_by_its_seed():
    X = plane(3, 500)
    draws = [intrinsic_dimension(X, max_samples=100, random_state=seed) for seed in (0, 0, 1)]
    assert draws[0] == draws[1] != draws[2]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: intrinsic_dimension(plane(2), method="pca"), "method must be one of 'mst'"),
        (lambda: intrinsic_dimension(np.ones((40, 3))), "at least 16 rows that differ, got 1"),
        (
            lambda: local_intrinsic_dimension(plane(2, 9)),
            "n_neighbors must be .* at most 8",
        ),
        (lambda: intrinsic_dimension([[1.0, np.nan]] * 20), "X must be a table of finite"),
        (lambda: minimum_spanning_tree_length([[1.0]]), "X must have at least 2 rows, got 1"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
