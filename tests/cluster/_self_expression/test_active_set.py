"""Elastic net codes: optimality over all atoms, scikit-learn's objective, forms and batches."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import sparse
from sklearn.linear_model import ElasticNet

from sksubspace.cluster._self_expression import _active_set as module
from sksubspace.cluster._self_expression import _residuals as residuals
from sksubspace.cluster._self_expression._active_set import elastic_net


def union(n, d=9, dim=6, n_subspaces=3, seed=0):
    """Unit rows without noise on random subspaces, in turn."""
    rng = np.random.RandomState(seed)
    bases = [np.linalg.qr(rng.randn(d, dim))[0] for _ in range(n_subspaces)]
    X = np.stack([bases[i % n_subspaces] @ rng.randn(dim) for i in range(n)])
    return X / np.linalg.norm(X, axis=1, keepdims=True)


def correlations(X, own):
    products = X @ X.T
    products[own >= 0, own[own >= 0]] = 0
    return products


def violation(X, C, own, gamma, tau):
    """By how much the conditions of optimality are violated, in units of the penalty."""
    c = C.toarray()
    penalty = np.abs(correlations(X, own)).max(axis=1, keepdims=True) / gamma
    a = (X - c @ X) @ X.T - penalty * (1 - tau) / tau * c
    active = np.where(c != 0, np.abs(a - penalty * np.sign(c)), 0)
    passive = np.where(c == 0, np.abs(a) - penalty, 0)
    passive[own >= 0, own[own >= 0]] = 0
    return (np.maximum(active, passive) / penalty).max()


def objective(x, c, X, alpha, tau):
    fit = np.square(x - c @ X).sum()
    return tau * np.abs(c).sum() + (1 - tau) / 2 * np.square(c).sum() + alpha / 2 * fit


@pytest.mark.parametrize(("gamma", "tau"), [(500.0, 1.0), (50.0, 0.9), (5.0, 0.3), (1.01, 0.9)])
@pytest.mark.parametrize("first_atoms", [4, 64])
def test_the_conditions_of_optimality_hold_for_all_atoms(gamma, tau, first_atoms, monkeypatch):
    monkeypatch.setattr(module, "_FIRST_ATOMS", first_atoms)
    X, own = union(150), np.arange(150)
    C = elastic_net(X, X, own, gamma, tau)
    assert violation(X, C, own, gamma, tau) < 1e-8
    assert (C.diagonal() == 0).all()
    assert C.has_sorted_indices
    assert (C.data != 0).all()


@pytest.mark.parametrize(("gamma", "tau"), [(500.0, 1.0), (50.0, 0.9)])
def test_the_objective_is_that_of_scikit_learn(gamma, tau):
    X, own = union(90), np.arange(90)
    C = elastic_net(X, X, own, gamma, tau).toarray()
    for i in range(0, 90, 7):
        others = own != i
        alpha = gamma * tau / np.abs(X[others] @ X[i]).max()
        lasso = ElasticNet(
            1 / alpha / 9, l1_ratio=tau, fit_intercept=False, tol=1e-12, max_iter=100_000
        ).fit(X[others].T, X[i])
        expected = objective(X[i], lasso.coef_, X[others], alpha, tau)
        found = objective(X[i], C[i, others], X[others], alpha, tau)
        assert_allclose(found, expected, rtol=1e-8)


@pytest.mark.parametrize("form", ["gram", "residuals", "sparse", "sparse gram"])
def test_forms_agree(form, monkeypatch):
    X, own = union(60, d=30, dim=4), np.arange(60)
    expected = elastic_net(X, X, own, 50.0, 0.9).toarray()
    monkeypatch.setattr(residuals, "_GRAM_BYTES", 2**30 if "gram" in form else 0)
    monkeypatch.setattr(residuals, "_FEATURES_PER_STEP", 0)
    monkeypatch.setattr(residuals, "_FEW_ATOMS", 0)
    X = sparse.csr_matrix(X) if "sparse" in form else X
    assert_allclose(elastic_net(X, X, own, 50.0, 0.9).toarray(), expected, atol=1e-10)


@pytest.mark.parametrize("batch_size", [1, 7, 59, 1000])
def test_batches_change_nothing_but_rounding(batch_size):
    X, own = union(60), np.arange(60)
    expected = elastic_net(X, X, own, 50.0, 0.9).toarray()
    found = elastic_net(X, X, own, 50.0, 0.9, batch_size=batch_size).toarray()
    assert_allclose(found, expected, atol=1e-10)


def test_a_dictionary_of_its_own():
    X = union(80)
    own = np.where(np.arange(80) < 50, np.arange(80), -1)
    C = elastic_net(X, X[:50], own, 50.0, 0.9)
    assert C.shape == (80, 50)
    for i in [3, 60]:
        others = np.arange(50) != own[i]
        penalty = np.abs(X[:50][others] @ X[i]).max() / 50
        row = C[[i]].toarray()[0]
        a = X[:50] @ (X[i] - row @ X[:50])
        assert_allclose(a[row != 0] - penalty / 9 * row[row != 0], penalty * np.sign(row[row != 0]))
        assert (np.abs(a[(row == 0) & others]) <= penalty * (1 + 1e-9)).all()


@pytest.mark.parametrize(("gamma", "tau"), [(500.0, 1.0), (50.0, 0.9)])
def test_duplicate_rows(gamma, tau):
    X = union(60)
    X = np.vstack([X, X[:20], -X[20:30]])
    own = np.arange(90)
    C = elastic_net(X, X, own, gamma, tau)
    assert violation(X, C, own, gamma, tau) < 1e-6


def test_rows_without_correlation_stay_empty():
    X = np.zeros((4, 5))
    X[0, 0] = X[1, 1] = X[2, 1] = 1
    C = elastic_net(X, X, np.arange(4), 50.0, 0.9)
    assert np.diff(C.indptr).tolist() == [0, 1, 1, 0]
    all_zero = elastic_net(np.eye(3), np.eye(3), np.arange(3), 50.0, 0.9)
    assert all_zero.shape == (3, 3)
    assert all_zero.nnz == 0


def test_single_precision():
    X, own = union(60), np.arange(60)
    single = X.astype(np.float32)
    C = elastic_net(single, single, own, 50.0, 0.9)
    assert C.dtype == np.float32
    expected = elastic_net(X, X, own, 50.0, 0.9)
    assert abs(C - expected).max() < 1e-3


def test_input_is_not_written_to():
    X = union(40)
    X.flags.writeable = False
    before = X.copy()
    elastic_net(X, X, np.arange(40), 50.0, 0.9)
    assert (X == before).all()
