"""Weights and graphs of views."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.cluster import KMeans, SpectralClustering
from sklearn.neighbors import kneighbors_graph

from sksubspace.cluster import ThresholdedSubspaceClustering
from sksubspace.cluster._views import (
    check_weights,
    graph_of_estimator,
    nearest_neighbors_graph,
)


def test_weights_sum_to_one():
    assert_allclose(check_weights(None, 4), 0.25)
    assert_allclose(check_weights((3, 0, 1), 3), [0.75, 0, 0.25])


@pytest.mark.parametrize("weights", [(1,), (1, 2, 3), ((1, 2),), (1, -1), (0, 0), (1, np.inf)])
def test_weights_that_are_none(weights):
    with pytest.raises(ValueError, match="weights must"):
        check_weights(weights, 2)


def test_the_graph_of_nearest_neighbors():
    X = np.random.RandomState(0).randn(50, 4)
    G = kneighbors_graph(X, 5).toarray()
    assert_array_equal(nearest_neighbors_graph(X, 5, True).toarray(), (G + G.T) / 2)
    assert nearest_neighbors_graph(X[:4], 5, True).nnz == 12


def test_rows_of_zeros_are_tied_where_they_are_points():
    X = np.random.RandomState(0).randn(30, 4)
    X[[3, 8]] = 0
    apart = nearest_neighbors_graph(X, 4, True).toarray()
    assert apart[[3, 8]].sum() == apart[:, [3, 8]].sum() == 0
    others = np.delete(np.arange(30), [3, 8])
    expected = nearest_neighbors_graph(X[others], 4, True).toarray()
    assert_array_equal(apart[np.ix_(others, others)], expected)
    assert nearest_neighbors_graph(X, 4, False).toarray()[3, 8] == 1


def test_the_graph_of_an_estimator():
    X = np.random.RandomState(0).randn(40, 5)
    tsc = ThresholdedSubspaceClustering(random_state=3)
    A = graph_of_estimator(tsc, X, 4, np.random.RandomState(0))
    expected = ThresholdedSubspaceClustering(4, random_state=3).fit(X).affinity_matrix_
    assert_allclose(A.toarray(), expected.toarray())
    assert not hasattr(tsc, "labels_")
    rbf = graph_of_estimator(SpectralClustering(), X, 3, np.random.RandomState(0))
    assert_allclose(rbf.toarray()[0, 1], np.exp(-np.square(X[0] - X[1]).sum()))


@pytest.mark.parametrize(
    "base", [KMeans(n_init=1), ThresholdedSubspaceClustering(n_landmarks=20)], ids=["km", "marks"]
)
def test_an_estimator_without_a_graph(base):
    X = np.random.RandomState(0).randn(40, 5)
    with pytest.raises(ValueError, match="has no affinity_matrix_ of all rows"):
        graph_of_estimator(base, X, 3, np.random.RandomState(0))
