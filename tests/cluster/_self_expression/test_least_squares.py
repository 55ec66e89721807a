"""LSR against ridge regressions that are solved one by one."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.linear_model import Ridge
from sklearn.metrics import adjusted_rand_score
from sklearn.preprocessing import normalize

from sksubspace.cluster import LeastSquaresSubspaceClustering
from sksubspace.cluster._self_expression import _base as base
from sksubspace.cluster._self_expression import _least_squares as least_squares
from sksubspace.cluster._self_expression._least_squares import (
    ridge_solver,
    ridge_solver_on_device,
)


def union(n_each=30, d=20, dim=4, n_subspaces=3, seed=0):
    rng = np.random.RandomState(seed)
    rows = [rng.randn(n_each, dim) @ rng.randn(dim, d) for _ in range(n_subspaces)]
    return np.vstack(rows), np.repeat(np.arange(n_subspaces), n_each)


def one_by_one(X, dictionary, own, gamma):
    """Solve each row's ridge regression on the atoms that are not the row itself."""
    C = np.zeros((len(X), len(dictionary)))
    for i, x in enumerate(X):
        others = np.arange(len(dictionary)) != own[i]
        ridge = Ridge(1 / gamma, fit_intercept=False, solver="cholesky")
        C[i, others] = ridge.fit(dictionary[others].T, x).coef_
    return C


@pytest.mark.parametrize("shape", [(40, 6), (15, 30), (20, 20)])
@pytest.mark.parametrize("gamma", [0.5, 50.0, 5000.0])
def test_each_row_is_a_ridge_regression_on_the_others(shape, gamma):
    X = normalize(np.random.RandomState(0).randn(*shape))
    own = np.arange(len(X))
    lsr = LeastSquaresSubspaceClustering(gamma=gamma, n_coefficients=len(X), batch_size=7)
    C = lsr._represent(X, X, own).toarray()
    assert_allclose(C, one_by_one(X, X, own, gamma), atol=1e-10)
    assert_array_equal(np.diag(C), 0)


def test_it_is_the_formula_of_the_paper():
    X = normalize(np.random.RandomState(0).randn(25, 8))
    D = np.linalg.inv(X @ X.T + np.eye(25) / 50)
    expected = -D / np.diag(D)[:, None]
    np.fill_diagonal(expected, 0)
    lsr = LeastSquaresSubspaceClustering(n_coefficients=25)
    assert_allclose(lsr._represent(X, X, np.arange(25)).toarray(), expected, atol=1e-10)


@pytest.mark.parametrize("n_atoms", [5, 12])
def test_landmarks_that_are_rows_are_left_out_of_their_own_code(n_atoms):
    X = normalize(np.random.RandomState(0).randn(30, 8))
    drawn = np.arange(0, 2 * n_atoms, 2)
    own = np.full(30, -1)
    own[drawn] = np.arange(n_atoms)
    lsr = LeastSquaresSubspaceClustering(n_coefficients=n_atoms)
    C = lsr._represent(X, X[drawn], own).toarray()
    assert_allclose(C, one_by_one(X, X[drawn], own, 50.0), atol=1e-10)


def test_the_two_forms_of_the_solver_are_one():
    """(A'A + cI)^-1 A' = A' (AA' + cI)^-1: atoms of zeros change the form, not the rest."""
    A = np.random.RandomState(0).randn(6, 9)
    padded = np.vstack([A, np.zeros((5, 9))])
    assert_allclose(ridge_solver(A, 0.3), ridge_solver(padded, 0.3)[:, :6], atol=1e-12)


@pytest.mark.parametrize("shape", [(40, 9), (9, 40)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_solver_of_a_device_is_the_same(shape, dtype):
    A = normalize(np.random.RandomState(0).randn(*shape)).astype(dtype)
    found = ridge_solver_on_device(A, 0.02, "cpu")
    assert found.dtype == torch.float64
    assert_allclose(found.numpy(), ridge_solver(A, 0.02), rtol=1e-10, atol=1e-12)
    same = np.ones((5, 3))
    with pytest.raises(ValueError, match=r"gamma=1e\+17 is too large"):
        ridge_solver_on_device(same, 1e-17, "cpu")


def test_the_largest_coefficients_are_kept():
    X = normalize(np.random.RandomState(0).randn(60, 20))
    own = np.arange(60)
    every = LeastSquaresSubspaceClustering(n_coefficients=60)._represent(X, X, own).toarray()
    kept = LeastSquaresSubspaceClustering(n_coefficients=5)._represent(X, X, own)
    assert_array_equal(np.diff(kept.indptr), 5)
    for i in range(60):
        largest = np.argsort(-np.abs(every[i]))[:5]
        assert_allclose(kept[i].toarray()[0, largest], every[i, largest], atol=1e-12)


def test_blocks_do_not_change_the_coefficients():
    X, _ = union()
    fits = [
        LeastSquaresSubspaceClustering(3, batch_size=size, random_state=0).fit(X)
        for size in (1, 13, "auto")
    ]
    codes = [fit.representation_matrix_.toarray() for fit in fits]
    assert_allclose(codes[0], codes[2], atol=1e-12)
    assert_allclose(codes[1], codes[2], atol=1e-12)


@pytest.mark.parametrize("affinity", ["auto", "symmetrize", "sum", "angular"])
def test_subspaces_are_found(affinity):
    X, y = union()
    lsr = LeastSquaresSubspaceClustering(3, affinity=affinity, random_state=0).fit(X)
    assert adjusted_rand_score(y, lsr.labels_) == 1
    assert_array_equal(lsr.predict(X), lsr.labels_)


def test_the_default_graph_is_of_nearest_codes():
    X, _ = union()
    auto, knn = (
        LeastSquaresSubspaceClustering(3, affinity=a, random_state=0).fit(X).affinity_matrix_
        for a in ("auto", "knn")
    )
    assert_array_equal(auto.toarray(), knn.toarray())


def test_landmarks_find_the_subspaces():
    X, y = union(n_each=60)
    lsr = LeastSquaresSubspaceClustering(3, n_landmarks=40, random_state=0).fit(X)
    assert lsr.representation_matrix_.shape == (180, 40)
    assert adjusted_rand_score(y, lsr.labels_) == 1


@pytest.mark.parametrize("n_draws", [1, 2])
def test_codes_that_are_not_kept_give_the_same_clusters(n_draws, monkeypatch):
    X, _ = union(n_each=60)
    X[7] = 0
    params = {"n_landmarks": 40, "n_landmark_draws": n_draws, "random_state": 0}
    with pytest.warns(UserWarning, match="rows are zero"):
        kept = LeastSquaresSubspaceClustering(3, **params).fit(X)
    monkeypatch.setattr(base, "_CODED_ROWS", 7)
    with pytest.warns(UserWarning, match="rows are zero"):
        lost = LeastSquaresSubspaceClustering(3, store_representation=False, **params).fit(X)
    assert kept.representation_matrix_.shape == (len(X), 40 * n_draws)
    assert lost.representation_matrix_ is lost.affinity_matrix_ is None
    assert_array_equal(lost.labels_, kept.labels_)
    assert_array_equal(lost.landmark_indices_, kept.landmark_indices_)
    assert_allclose(lost.eigenvalues_, kept.eigenvalues_, rtol=1e-10)


def test_few_codes_are_kept_and_many_are_not(monkeypatch):
    X, _ = union(n_each=60)
    model = LeastSquaresSubspaceClustering(
        3, n_landmarks=40, n_coefficients=10, n_landmark_draws=2, random_state=0
    )
    monkeypatch.setattr(least_squares, "_MOST_STORED", 20 * len(X))
    assert model.fit(X).representation_matrix_ is not None
    monkeypatch.setattr(least_squares, "_MOST_STORED", 20 * len(X) - 1)
    assert model.fit(X).representation_matrix_ is None
    assert model.set_params(store_representation=True).fit(X).representation_matrix_ is not None
    assert model.set_params(n_landmarks=None).fit(X).representation_matrix_ is not None


def test_single_precision_stays_and_is_solved_in_double():
    X, _ = union()
    single = LeastSquaresSubspaceClustering(3, gamma=1e6, random_state=0).fit(X.astype(np.float32))
    double = LeastSquaresSubspaceClustering(3, gamma=1e6, random_state=0).fit(
        X.astype(np.float32).astype(np.float64)
    )
    assert single.representation_matrix_.dtype == np.float32
    assert single.transform(X.astype(np.float32)).dtype == np.float32
    difference = single.representation_matrix_ - double.representation_matrix_
    assert abs(difference).max() < 1e-2 * abs(double.representation_matrix_).max()


def test_a_gamma_that_is_lost_in_rounding_is_named():
    X, _ = union(dim=1, d=5)
    with pytest.raises(ValueError, match=r"gamma=1e\+30 is too large"):
        LeastSquaresSubspaceClustering(3, gamma=1e30).fit(X)


@pytest.mark.parametrize("gamma", [0, -1.0])
def test_gamma_is_positive(gamma):
    with pytest.raises(ValueError, match="gamma"):
        LeastSquaresSubspaceClustering(3, gamma=gamma).fit(union()[0])
