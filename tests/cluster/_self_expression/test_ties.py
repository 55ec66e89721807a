"""Ties between nearest rows."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.preprocessing import normalize

from sksubspace.cluster import SparseSubspaceClusteringOMP
from sksubspace.cluster._self_expression import _ties
from sksubspace.cluster._self_expression._ties import nearest_ties, with_nearest_ties
from sksubspace.datasets import make_union_of_subspaces
from sksubspace.metrics import clustering_accuracy


def unit_rows(n=50, d=6):
    return normalize(np.random.RandomState(0).randn(n, d))


@pytest.mark.parametrize("as_given", [np.asarray, sparse.csr_matrix])
def test_ties_are_the_three_smallest_angles(as_given, monkeypatch):
    monkeypatch.setattr(_ties, "_BLOCK_ELEMENTS", 700)
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
