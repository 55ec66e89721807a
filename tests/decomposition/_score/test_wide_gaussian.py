"""A Gaussian of fewer rows than features, against the one with all matrices."""

import tracemalloc

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import linalg

from sksubspace import SteinSubspace, _machine
from sksubspace.decomposition import GaussianScore
from sksubspace.decomposition._score._wide_gaussian import fit_wide_gaussian
from sksubspace.decomposition._stein import _checks
from sksubspace.decomposition._stein._moments import RowHessians
from sksubspace.decomposition._stein._solvers import by_both, by_second_moments, roots
from sksubspace.metrics import subspace_distance

RNG = np.random.RandomState(0)
X = RNG.randn(40, 90) @ np.diag(np.linspace(2, 0.3, 90)) + 5
Y = RNG.randn(40, 3)
WEIGHTS = RNG.uniform(0.5, 2, size=40)
SHRINKAGES = ["auto", 0.3, 1.0]


@pytest.mark.parametrize("shrinkage", [*SHRINKAGES, 0.0])
def test_it_is_the_gaussian_of_all_matrices(shrinkage):
    dense = GaussianScore(shrinkage=shrinkage).fit(X, sample_weight=WEIGHTS)
    wide, term = fit_wide_gaussian(X, WEIGHTS, shrinkage)
    assert_allclose(wide.shrinkage_, dense.shrinkage_, rtol=1e-10)
    assert_allclose(wide.mean_, dense.mean_, rtol=1e-12)
    scale = np.abs(dense.precision_).max()
    assert_allclose(term.precision @ np.eye(90) / scale, dense.precision_ / scale, atol=1e-9)
    scores = dense.score_function(X)
    assert_allclose(term.rows @ np.eye(90), scores, atol=1e-8 * np.abs(scores).max())
    assert_allclose(term.rows.T @ Y, scores.T @ Y, atol=1e-8 * np.abs(scores).max())


@pytest.mark.parametrize("shrinkage", [*SHRINKAGES, 0.0])
def test_its_roots_are_those_of_the_matrix(shrinkage):
    precision = fit_wide_gaussian(X, WEIGHTS, shrinkage)[1].precision
    for ours, exact in zip(roots(precision), roots(precision @ np.eye(90)), strict=True):
        assert_allclose(ours @ np.eye(90), exact, atol=1e-7 * np.abs(exact).max())


@pytest.mark.parametrize("shrinkage", SHRINKAGES)
@pytest.mark.parametrize("white", [False, True])
def test_products_are_those_of_the_matrices(white, shrinkage):
    """K V = sum_j H_j (H_j V) to 1e-8, with the matrices H_j row by row."""
    term = fit_wide_gaussian(X, WEIGHTS, shrinkage)[1]
    precision = term.precision @ np.eye(90)
    S = (X - np.average(X, axis=0, weights=WEIGHTS)) @ precision
    H = np.einsum("nl,nd,ne->lde", Y, S, S) - Y.sum(axis=0)[:, None, None] * precision
    hessians = RowHessians([term], Y)
    if white:
        W = linalg.inv(linalg.sqrtm(precision).real)
        H, hessians = W @ H @ W, hessians.whitened(roots(term.precision)[1])
    V = RNG.randn(90, 4)
    expected = sum(h @ (h @ V) for h in H)
    found = hessians.operator()(V)
    assert_allclose(found, expected, atol=1e-8 * np.abs(expected).max())


def test_directions_are_those_of_the_matrices():
    term = fit_wide_gaussian(X, WEIGHTS, 0.3)[1]
    dense = GaussianScore(shrinkage=0.3).fit(X, sample_weight=WEIGHTS)
    explicit, operator = RowHessians(dense.terms(X), Y), RowHessians([term], Y)
    rng = np.random.RandomState(0)
    for ours, exact in [
        (by_second_moments(operator, True, 2, rng=rng), by_second_moments(explicit, False, 2)),
        (
            by_both(term.rows.T @ Y, operator, True, term.precision, 2, rng=rng),
            by_both(dense.score_function(X).T @ Y, explicit, False, dense.precision_, 2),
        ),
    ]:
        assert subspace_distance(ours[0], exact[0]) < 2e-3
        assert_allclose(ours[1], exact[1], rtol=1e-4)


@pytest.mark.parametrize("order", [1, 2, "both"])
def test_few_rows_of_many_features_have_the_directions_of_the_matrices(order, monkeypatch):
    rows = RNG.randn(60, 400) * np.linspace(3, 0.5, 400)
    y = np.column_stack([rows[:, 0] ** 2, np.tanh(rows[:, 1])])
    model = SteinSubspace(2, order=order, random_state=0)
    with_matrices = model.fit(rows, y).components_
    assert model.score_model_.precision_.shape == (400, 400)
    monkeypatch.setattr(_checks, "_MOST_PRECISION", 399)
    without = model.fit(rows, y)
    assert without.score_model_.precision_ is None
    assert subspace_distance(without.components_, with_matrices) < 5e-3
    assert without.transform(rows).shape == (60, 2)
    with pytest.raises(ValueError, match="no precision matrix is kept"):
        without.score_model_.score_function(rows)


@pytest.mark.parametrize("order", [1, 2, "both"])
def test_no_matrix_of_all_features_is_made(order):
    rows = RNG.randn(30, 6000)
    y = np.column_stack([rows[:, 0] ** 2, rows[:, 1]])
    tracemalloc.start()
    SteinSubspace(1, order=order, random_state=0).fit(rows, y)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * 6000**2 / 8


def test_rows_that_do_not_fit_are_refused(monkeypatch):
    monkeypatch.setattr(_machine, "free_memory", lambda: 1e6)
    with pytest.raises(MemoryError, match="30 rows of 6,000 features needs about"):
        SteinSubspace(1, order=2).fit(RNG.randn(30, 6000), RNG.randn(30))


def test_matrices_stay_where_they_are_asked_for():
    assert not _checks.is_wide(SteinSubspace(order=2, svd_solver="full"), 30, 6000)
    assert _checks.is_wide(SteinSubspace(order=2), 30, 6000)
    assert not _checks.is_wide(SteinSubspace(order=2, score_model="student_t"), 30, 6000)
    assert not _checks.is_wide(SteinSubspace(order=2), 6000, 6000)
    assert not _checks.is_wide(SteinSubspace(order=2), 30, 5000)
