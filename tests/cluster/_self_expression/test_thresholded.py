"""TSC against its definition, written with loops."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.metrics import adjusted_rand_score
from sklearn.preprocessing import normalize

from sksubspace.cluster import ThresholdedSubspaceClustering


def union(n_each=40, d=12, dim=2, n_subspaces=3, seed=0, noise=0.0):
    rng = np.random.RandomState(seed)
    rows = [rng.randn(n_each, dim) @ rng.randn(dim, d) for _ in range(n_subspaces)]
    X = normalize(np.vstack(rows))
    return X + noise * rng.randn(*X.shape), np.repeat(np.arange(n_subspaces), n_each)


def by_loops(X, n_neighbors):
    Z = np.zeros((len(X), len(X)))
    for i in range(len(X)):
        cosine = [-1 if i == j else min(abs(float(X[i] @ X[j])), 1) for j in range(len(X))]
        for j in sorted(range(len(X)), key=lambda j: (-round(cosine[j], 12), j))[:n_neighbors]:
            if cosine[j] > 1e-12:
                Z[i, j] = np.exp(-2 * np.arccos(cosine[j]))
    return Z


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_matrix], ids=["dense", "csr"])
@pytest.mark.parametrize("batch_size", [1, 9, "auto"])
def test_it_is_the_definition(make, batch_size):
    X, _ = union(n_each=20)
    tsc = ThresholdedSubspaceClustering(
        3, n_neighbors=4, batch_size=batch_size, random_state=0
    ).fit(make(X))
    assert_allclose(tsc.representation_matrix_.toarray(), by_loops(X, 4), atol=1e-7)
    assert_array_equal(np.diff(tsc.representation_matrix_.indptr), 4)


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_matrix], ids=["dense", "csr"])
def test_ties_go_to_the_first_row(make):
    """Rows of zeros and ones have few different angles."""
    X = (np.random.RandomState(0).rand(120, 10) < 0.4).astype(float)
    X = normalize(X[X.any(axis=1)])
    tsc = ThresholdedSubspaceClustering(n_neighbors=5)
    Z = tsc._represent(make(X), make(X), np.arange(len(X)))
    assert_array_equal(Z.toarray() > 0, by_loops(X, 5) > 0)


def test_rows_at_a_right_angle_are_not_tied():
    X = np.zeros((9, 6))
    for k in range(3):
        X[3 * k : 3 * k + 3, 2 * k : 2 * k + 2] = [[1, 0], [1, 1], [1, 2]]
    tsc = ThresholdedSubspaceClustering(3, n_neighbors=5, random_state=0).fit(X)
    block = np.kron(np.eye(3), np.ones((3, 3))).astype(bool)
    assert tsc.affinity_matrix_.toarray()[~block].max() == 0
    assert adjusted_rand_score(np.repeat([0, 1, 2], 3), tsc.labels_) == 1


def test_the_sum_is_the_graph_of_the_paper():
    X, _ = union()
    tsc = ThresholdedSubspaceClustering(3, affinity="sum", random_state=0).fit(X)
    Z = tsc.representation_matrix_
    assert_allclose(tsc.affinity_matrix_.toarray(), (Z + Z.T).toarray())


def test_neither_sign_nor_length_of_rows_matters():
    X, _ = union()
    factors = np.random.RandomState(1).choice([-3.0, -1.0, 0.5, 2.0], size=(len(X), 1))
    fits = [
        ThresholdedSubspaceClustering(3, normalize=n, random_state=0).fit(rows)
        for rows, n in ((X, True), (factors * X, True), (factors * X, False))
    ]
    codes = [fit.representation_matrix_.toarray() for fit in fits]
    assert_allclose(codes[0], codes[1], atol=1e-7)
    assert_allclose(codes[0], codes[2], atol=1e-7)


@pytest.mark.parametrize(("n", "expected"), [(6, 3), (20, 3), (120, 4), (400, 5)])
def test_the_number_of_neighbors_grows_with_the_logarithm(n, expected):
    X = np.random.RandomState(0).randn(n, 7)
    tsc = ThresholdedSubspaceClustering(2, random_state=0).fit(X)
    assert_array_equal(np.diff(tsc.representation_matrix_.indptr), expected)


def test_without_a_number_of_clusters_all_rows_count_as_one():
    X = np.random.RandomState(0).randn(400, 7)
    tsc = ThresholdedSubspaceClustering("auto", random_state=0).fit(X)
    assert_array_equal(np.diff(tsc.representation_matrix_.indptr), 5)


@pytest.mark.parametrize("n_subspaces", [2, 4, 7])
def test_the_number_of_clusters_is_seen_in_the_graph(n_subspaces):
    X, y = union(n_each=80, d=30, dim=5, n_subspaces=n_subspaces, noise=0.02)
    tsc = ThresholdedSubspaceClustering("auto", random_state=0).fit(X)
    assert tsc.n_clusters_ == n_subspaces
    assert adjusted_rand_score(y, tsc.labels_) == 1


def test_noise_that_grows_with_rows_does_no_harm():
    X, y = union(n_each=400, d=30, dim=5, n_subspaces=5, noise=0.02)
    tsc = ThresholdedSubspaceClustering(5, random_state=0).fit(X)
    assert adjusted_rand_score(y, tsc.labels_) > 0.98


def test_landmarks_are_not_tied_to_themselves():
    X, y = union(n_each=80, noise=0.01)
    tsc = ThresholdedSubspaceClustering(3, n_landmarks=60, random_state=0).fit(X)
    Z = tsc.representation_matrix_
    assert Z.shape == (240, 60)
    assert Z[tsc.landmark_indices_].diagonal().max() == 0
    assert adjusted_rand_score(y, tsc.labels_) == 1


def test_twins_are_tied_with_full_weight():
    X, _ = union()
    X[7] = -2 * X[3]
    Z = ThresholdedSubspaceClustering(3, random_state=0).fit(X).representation_matrix_
    assert_allclose([Z[3, 7], Z[7, 3]], 1, atol=1e-6)


def test_more_neighbors_than_rows_are_all_rows():
    X = np.random.RandomState(0).randn(6, 4)
    with pytest.warns(UserWarning, match="n_neighbors=6 is more than the 5 other rows"):
        tsc = ThresholdedSubspaceClustering(2, n_neighbors=6, random_state=0).fit(X)
    assert_array_equal(np.diff(tsc.representation_matrix_.indptr), 5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ThresholdedSubspaceClustering(2, n_neighbors=5, random_state=0).fit(X)


def test_single_precision_stays():
    X, y = union(noise=0.01)
    tsc = ThresholdedSubspaceClustering(3, random_state=0).fit(X.astype(np.float32))
    assert tsc.representation_matrix_.dtype == np.float32
    assert adjusted_rand_score(y, tsc.labels_) == 1
    assert tsc.transform(X.astype(np.float32)).dtype == np.float32
