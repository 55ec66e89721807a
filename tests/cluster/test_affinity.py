"""Graphs from coefficients, against their formulas on dense matrices."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.neighbors import kneighbors_graph
from sklearn.preprocessing import normalize

from sksubspace.cluster import SparseSubspaceClusteringOMP, _affinity
from sksubspace.cluster._affinity import (
    AFFINITIES,
    coefficients_to_affinity,
    nearest_ties,
    with_nearest_ties,
)
from sksubspace.datasets import make_union_of_subspaces
from sksubspace.metrics import clustering_accuracy


def codes(n=40, density=0.3, seed=0):
    C = sparse.random(n, n, density, random_state=seed, format="csr")
    C.data -= 0.5
    C.setdiag(0)
    C.eliminate_zeros()
    return C


@pytest.mark.parametrize("method", AFFINITIES)
@pytest.mark.parametrize("density", [0.04, 0.3])
def test_a_graph_is_symmetric_and_not_negative(method, density):
    C = codes(density=density)
    before = C.copy()
    A = coefficients_to_affinity(C, method, n_clusters=3)
    assert A.format == "csr"
    assert_allclose((A - A.T).toarray(), 0, atol=1e-12)
    assert A.data.min() >= 0
    assert_array_equal(C.toarray(), before.toarray())


def test_symmetrize_and_sum():
    C = codes()
    absolute = np.abs(C.toarray())
    unit = normalize(absolute)
    assert_allclose(coefficients_to_affinity(C).toarray(), (unit + unit.T) / 2)
    assert_allclose(coefficients_to_affinity(C, "sum").toarray(), absolute + absolute.T)


@pytest.mark.parametrize(("n", "density"), [(300, 0.045), (60, 0.6)])
def test_knn_ties_the_nearest_codes(n, density):
    C = codes(n, density)
    graph = kneighbors_graph(normalize(C.toarray()), 3)
    expected = (graph + graph.T).toarray() / 2
    assert_array_equal(coefficients_to_affinity(C, "knn").toarray(), expected)


def test_knn_is_the_same_in_blocks(monkeypatch):
    whole = coefficients_to_affinity(codes(50), "knn").toarray()
    monkeypatch.setattr(_affinity, "_BLOCK_ELEMENTS", 350)
    assert_array_equal(coefficients_to_affinity(codes(50), "knn").toarray(), whole)


def test_angular_is_its_formula():
    C = codes(30)
    U, S, _ = np.linalg.svd(C.toarray())
    unit = normalize(U[:, :11] * np.sqrt(S[:11]))
    expected = np.maximum(unit @ unit.T, 0) ** 4
    expected[expected < 1e-3] = 0
    assert_allclose(coefficients_to_affinity(C, "angular", n_clusters=2).toarray(), expected)


def test_doubly_stochastic_sums_to_one_and_only_scales():
    C = codes(density=0.5)
    A = coefficients_to_affinity(C, "doubly_stochastic").toarray()
    assert_allclose(A.sum(axis=0), 1, atol=1e-5)
    weights = np.abs(C.toarray()) + np.abs(C.toarray()).T
    assert_array_equal(A > 0, weights > 0)
    rows, columns = np.nonzero(weights)
    design = np.eye(40)[rows] + np.eye(40)[columns]
    logs = np.log(A[rows, columns] / weights[rows, columns])
    scale = np.linalg.lstsq(design, logs)[0]
    assert_allclose(design @ scale, logs, atol=1e-8)


def test_rows_without_coefficients_stay_without_ties():
    C = codes(density=0.5).tolil()
    C[7, :] = 0
    C[:, 7] = 0
    for method in ("symmetrize", "sum", "doubly_stochastic"):
        A = coefficients_to_affinity(C.tocsr(), method)
        assert A[[7]].sum() == 0
        assert np.isfinite(A.data).all()


def unit_rows(n=50, d=6):
    return normalize(np.random.RandomState(0).randn(n, d))


@pytest.mark.parametrize("as_given", [np.asarray, sparse.csr_matrix])
def test_ties_are_the_three_smallest_angles(as_given, monkeypatch):
    monkeypatch.setattr(_affinity, "_BLOCK_ELEMENTS", 700)
    X = unit_rows()
    cosines = np.abs(X @ X.T)
    np.fill_diagonal(cosines, -1)
    expected = np.zeros((50, 50))
    for i, row in enumerate(cosines):
        nearest = np.argsort(-row)[:3]
        expected[i, nearest] = np.exp(-2 * np.arccos(row[nearest]))
    found = nearest_ties(as_given(X)).toarray()
    assert_allclose(found, (expected + expected.T) / 2, rtol=1e-7)


def test_the_weight_is_in_units_of_the_mean_weight():
    X = unit_rows()
    A = nearest_ties(X)
    A.data = A.data * 70 + 3
    added = with_nearest_ties(A, X, 0.5) - A
    ties = nearest_ties(X)
    assert_allclose(added.toarray(), (0.5 * A.data.mean() / ties.data.mean() * ties).toarray())
    assert_array_equal(with_nearest_ties(A, X, 0).toarray(), A.toarray())


def test_ties_hold_the_graph_of_matching_pursuit_together():
    """Five intersecting subspaces without noise, where few coefficients leave loose pieces."""
    X, y = make_union_of_subspaces(500, n_features=9, n_subspaces=5, subspace_dim=6, random_state=0)
    tied, loose = (
        SparseSubspaceClusteringOMP(5, n_nonzero=6, neighbor_weight=w, random_state=0).fit(X)
        for w in (0.3, 0)
    )
    assert_array_equal(
        tied.representation_matrix_.toarray(), loose.representation_matrix_.toarray()
    )
    assert clustering_accuracy(y, tied.labels_) > clustering_accuracy(y, loose.labels_)
