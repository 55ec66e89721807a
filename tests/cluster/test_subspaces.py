"""Subspaces of given clusters against plain principal components."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.decomposition import PCA

from sksubspace.cluster import _subspaces
from sksubspace.cluster._subspaces import fit_subspaces, squared_residuals


def members(n, d, seed=0, scale=0.6):
    rng = np.random.RandomState(seed)
    return rng.randn(n, d) * scale ** np.arange(d) + rng.randn(d)


def spanned(basis):
    return basis.T @ basis


@pytest.mark.parametrize("shape", [(40, 6), (7, 30), (3000, 20), (150, 4000)])
@pytest.mark.parametrize("as_given", [np.asarray, sparse.csr_matrix])
def test_the_subspace_is_that_of_principal_components(shape, as_given):
    X = members(*shape)
    means, (basis,) = fit_subspaces(as_given(X), np.zeros(len(X), int), 1, 3)
    pca = PCA(3, svd_solver="full").fit(X)
    assert_allclose(means[0], pca.mean_, atol=1e-12)
    assert_allclose(basis @ basis.T, np.eye(3), atol=1e-12)
    assert_allclose(spanned(basis), spanned(pca.components_), atol=1e-8)
    assert_allclose(np.abs(np.sum(basis * pca.components_, axis=1)), 1, atol=1e-8)


def test_large_sparse_members_are_not_made_dense(monkeypatch):
    X = sparse.random(300, 500, density=0.05, random_state=0, format="csr")
    _, (expected,) = fit_subspaces(X, np.zeros(300, int), 1, 4)
    monkeypatch.setattr(_subspaces, "_DENSE_ELEMENTS", 1000)
    monkeypatch.setattr(sparse.csr_matrix, "toarray", None)
    _, (basis,) = fit_subspaces(X, np.zeros(300, int), 1, 4)
    assert_allclose(spanned(basis), spanned(expected), atol=1e-8)


def test_auto_keeps_99_percent_of_the_energy():
    X = members(500, 20, scale=0.75)
    _, (basis,) = fit_subspaces(X, np.zeros(500, int), 1, "auto")
    ratio = np.cumsum(PCA().fit(X).explained_variance_ratio_)
    assert len(basis) == np.searchsorted(ratio, 0.99) + 1
    assert 1 < len(basis) < 15


def test_auto_stops_at_15_and_below_members_and_features():
    flat = np.random.RandomState(0).randn(200, 40)
    assert len(fit_subspaces(flat, np.zeros(200, int), 1)[1][0]) == 15
    assert len(fit_subspaces(flat[:4], np.zeros(4, int), 1)[1][0]) == 3
    assert len(fit_subspaces(flat[:, :3], np.zeros(200, int), 1)[1][0]) == 2


def test_equal_members_have_a_point_as_subspace():
    X = np.tile([[1.0, 2.0, 3.0]], (5, 1))
    means, (basis,) = fit_subspaces(X, np.zeros(5, int), 1)
    assert basis.shape == (0, 3)
    assert_array_equal(squared_residuals(X, means, [basis]), 0)


def test_few_members_get_a_smaller_subspace_and_a_warning():
    X = members(12, 6)
    labels = np.repeat([0, 1], [10, 2])
    with pytest.warns(UserWarning, match="1 of the 2 clusters have too few members"):
        _, bases = fit_subspaces(X, labels, 2, 3)
    assert [len(basis) for basis in bases] == [3, 1]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("as_given", [np.asarray, sparse.csr_matrix])
def test_directions_in_which_members_do_not_vary_are_left_out(as_given, dtype):
    """Else an arbitrary direction would hold part of new rows."""
    line = np.outer(np.linspace(-1, 1, 40), np.arange(1.0, 8.0)).astype(dtype)
    with pytest.warns(UserWarning, match="or vary in too few directions"):
        means, (basis,) = fit_subspaces(as_given(line), np.zeros(40, int), 1, 3)
    assert basis.shape == (1, 7)
    away = np.array([[7.0, 0, 0, 0, 0, 0, -1.0]], dtype)  # at a right angle to the line
    assert_allclose(squared_residuals(away, means, [basis]), [[50]], rtol=1e-5)


def test_rows_without_a_cluster_do_not_count():
    X = members(30, 5)
    labels = np.r_[np.zeros(20, int), np.full(10, -1)]
    means, _ = fit_subspaces(X, labels, 1, 2)
    assert_allclose(means[0], X[:20].mean(axis=0))


def test_residuals_are_distances_from_the_projection():
    X, rng = members(50, 7), np.random.RandomState(1)
    labels = rng.randint(3, size=50)
    means, bases = fit_subspaces(X, labels, 3, 2)
    found = squared_residuals(X, means, bases)
    for k, (mean, basis) in enumerate(zip(means, bases, strict=True)):
        pca = PCA(2).fit(X[labels == k])
        expected = np.square(X - pca.inverse_transform(pca.transform(X))).sum(axis=1)
        assert_allclose(found[:, k], expected, atol=1e-12)
        inside = mean + rng.randn(4, 2) @ basis
        assert_allclose(squared_residuals(inside, means, bases)[:, k], 0, atol=1e-25)


@pytest.mark.parametrize("as_given", [np.asarray, sparse.csr_matrix])
def test_residuals_of_a_row_do_not_depend_on_its_batch(as_given):
    X = members(300, 90)
    means, bases = fit_subspaces(X, np.arange(300) % 4, 4, 5)
    together = squared_residuals(as_given(X), means, bases)
    alone = [squared_residuals(as_given(X[i : i + 1]), means, bases) for i in range(0, 300, 17)]
    assert_array_equal(np.vstack(alone), together[::17])


def test_single_precision_stays_single():
    X = members(60, 8).astype(np.float32)
    means, bases = fit_subspaces(X, np.arange(60) % 2, 2)
    assert means.dtype == np.float32
    assert {basis.dtype for basis in bases} == {np.dtype(np.float32)}
