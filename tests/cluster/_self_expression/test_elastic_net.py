"""Elastic net subspace clustering: what theory says of its codes, and its parameters."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

from sksubspace.cluster import ElasticNetSubspaceClustering, SparseSubspaceClusteringOMP
from sksubspace.datasets import make_union_of_subspaces
from sksubspace.metrics import clustering_accuracy, subspace_preserving_error


def independent(n=150, noise=0.0, seed=0):
    return make_union_of_subspaces(
        n, n_features=30, n_subspaces=5, subspace_dim=4, noise=noise, random_state=seed
    )


@pytest.mark.parametrize("l1_ratio", [1.0, 0.9, 0.3])
def test_independent_subspaces_are_preserved_exactly(l1_ratio):
    """Theory: with independent subspaces and no noise every coefficient is of the own subspace."""
    X, y = independent()
    ensc = ElasticNetSubspaceClustering(5, gamma=200.0, l1_ratio=l1_ratio, random_state=0).fit(X)
    error = subspace_preserving_error(ensc.representation_matrix_, y)
    assert error < {1.0: 1e-12, 0.9: 1e-3, 0.3: 0.2}[l1_ratio]
    assert clustering_accuracy(y, ensc.labels_) == 1
    assert_array_equal(ensc.predict(X), ensc.labels_)


def test_intersecting_subspaces_are_told_apart_where_the_greedy_choice_fails():
    X, y = make_union_of_subspaces(1000, random_state=0)
    ssc = ElasticNetSubspaceClustering(5, gamma=500.0, l1_ratio=1.0, random_state=0).fit(X)
    greedy = SparseSubspaceClusteringOMP(5, n_nonzero=6, random_state=0).fit(X)
    assert clustering_accuracy(y, ssc.labels_) > 0.95
    assert clustering_accuracy(y, ssc.labels_) > clustering_accuracy(y, greedy.labels_) + 0.05


def test_a_smaller_l1_ratio_is_denser():
    X, _ = independent(noise=0.02)
    sizes = [
        ElasticNetSubspaceClustering(5, l1_ratio=l1_ratio, random_state=0)
        .fit(X)
        .representation_matrix_.nnz
        for l1_ratio in (1.0, 0.9, 0.5, 0.1)
    ]
    assert sizes == sorted(sizes)
    assert sizes[-1] > 2 * sizes[0]


def test_a_larger_gamma_fits_better():
    X, _ = independent(noise=0.02)
    unit = X / np.linalg.norm(X, axis=1, keepdims=True)
    left = []
    for gamma in (2, 10, 50, 500):
        ensc = ElasticNetSubspaceClustering(5, gamma=gamma, random_state=0).fit(X)
        left.append(np.square(unit - ensc.representation_matrix_ @ unit).sum())
    assert left == sorted(left, reverse=True)
    assert left[0] > 3 * left[-1]


def test_scale_of_rows_does_not_matter():
    X, _ = independent()
    scaled = X * np.random.RandomState(0).uniform(0.1, 10, size=(len(X), 1))
    first, second = (
        ElasticNetSubspaceClustering(5, random_state=0).fit(rows) for rows in (X, scaled)
    )
    difference = first.representation_matrix_ - second.representation_matrix_
    assert abs(difference).max() < 1e-9


def test_landmarks_are_the_columns_and_do_not_express_themselves():
    X, y = independent(300, noise=0.01)
    ensc = ElasticNetSubspaceClustering(5, n_landmarks=60, random_state=0).fit(X)
    C, landmarks = ensc.representation_matrix_, ensc.landmark_indices_
    assert C.shape == (300, 60)
    assert (C[landmarks].diagonal() == 0).all()
    assert clustering_accuracy(y, ensc.labels_) == 1


def test_sparse_rows_give_the_same():
    X, _ = independent()
    X[np.abs(X) < 0.05] = 0
    dense, thin = (
        ElasticNetSubspaceClustering(5, random_state=0).fit(rows)
        for rows in (X, sparse.csr_matrix(X))
    )
    assert_allclose(
        thin.representation_matrix_.toarray(), dense.representation_matrix_.toarray(), atol=1e-9
    )
    assert_array_equal(thin.labels_, dense.labels_)
    assert_array_equal(thin.predict(sparse.csr_matrix(X)), thin.labels_)


def test_single_precision_stays_single():
    X, y = independent()
    ensc = ElasticNetSubspaceClustering(5, random_state=0).fit(X.astype(np.float32))
    assert ensc.representation_matrix_.dtype == np.float32
    assert ensc.transform(X.astype(np.float32)).dtype == np.float32
    assert clustering_accuracy(y, ensc.labels_) == 1


@pytest.mark.parametrize(
    "params", [{"gamma": 1.0}, {"gamma": 0.5}, {"l1_ratio": 0.0}, {"l1_ratio": 1.1}]
)
def test_parameters_that_mean_nothing_raise(params):
    name = next(iter(params))
    with pytest.raises(ValueError, match=f"The {name!r} parameter"):
        ElasticNetSubspaceClustering(5, **params).fit(independent()[0])


def test_unknown_devices_raise():
    with pytest.raises(ValueError, match="device must be"):
        ElasticNetSubspaceClustering(5, device="abacus").fit(independent()[0])
