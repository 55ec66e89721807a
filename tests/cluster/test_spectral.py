"""The spectral step on graphs whose answer is known."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from scipy.sparse.csgraph import connected_components
from sklearn.metrics import adjusted_rand_score

from sksubspace.cluster import _spectral
from sksubspace.cluster._spectral import (
    landmark_labels,
    largest_eigenvectors,
    nearest_bridges,
    normalized_eigenvectors,
    spectral_labels,
)


def ring(n, n_neighbors=4):
    ties = [sparse.eye(n, k=j) + sparse.eye(n, k=n - j) for j in range(1, n_neighbors + 1)]
    graph = sum(ties)
    return graph + graph.T


def graph_of_components(sizes):
    return sparse.block_diag([ring(size) for size in sizes], format="csr")


def labels_of(sizes):
    return np.repeat(np.arange(len(sizes)), sizes)


def noisy_blocks(sizes, rng, p_in=0.3, p_out=0.01):
    y = labels_of(sizes)
    p = np.where(y[:, None] == y, p_in, p_out)
    A = np.triu(rng.uniform(size=p.shape) < p, 1).astype(float)
    return sparse.csr_matrix(A + A.T), y


@pytest.mark.parametrize("sizes", [(30, 40, 50, 60), (300, 300, 300, 300), (2000, 700, 900, 40)])
def test_components_are_found_exactly(sizes):
    """Repeated eigenvalues: a search for four vectors sees fewer copies of the eigenvalue 1."""
    result = spectral_labels(graph_of_components(sizes), 4, random_state=np.random.RandomState(0))
    assert adjusted_rand_score(result.labels, labels_of(sizes)) == 1
    assert_allclose(result.eigenvalues[:4], 1)
    assert result.eigenvalues[4] < 1 - 1e-6


@pytest.mark.parametrize("sizes", [(400, 500), (300, 100, 600)])
def test_lanczos_agrees_with_the_dense_solver(sizes):
    rng = np.random.RandomState(0)
    parts = [noisy_blocks(sizes, rng, p_in=0.1)[0], noisy_blocks((200,), rng)[0]]
    A = sparse.block_diag(parts, format="csr")
    values, vectors = normalized_eigenvectors(A, 7)
    expected, dense = normalized_eigenvectors(A, 7, dense=True)
    assert_allclose(values, expected, atol=1e-12)
    n = len(sizes) + 1
    overlap = np.linalg.svd(vectors[:, :n].T @ dense[:, :n])[1]
    assert_allclose(overlap, 1, atol=1e-8)
    degrees = np.asarray(A.sum(axis=1)).ravel()
    M = A / np.sqrt(np.outer(degrees, degrees))
    assert_allclose(M @ vectors, vectors * values, atol=1e-9)


def test_eigenvectors_of_an_operator():
    rng = np.random.RandomState(0)
    Q = np.linalg.qr(rng.randn(700, 700))[0]
    spectrum = np.r_[[5.0, 5.0, 5.0, 4.0], np.linspace(3, -6, 696)]
    M = (Q * spectrum) @ Q.T
    operator = sparse.linalg.aslinearoperator((M + M.T) / 2)
    values, vectors = largest_eigenvectors(operator, 4)
    assert_allclose(values, [5, 5, 5, 4], atol=1e-8)
    assert_allclose(np.linalg.svd(vectors[:, :3].T @ Q[:, :3])[1], 1, atol=1e-8)
    assert_allclose(largest_eigenvectors(operator, 4)[1], vectors)


def test_auto_takes_the_largest_gap():
    A, y = noisy_blocks((60, 50, 70, 80, 40), np.random.RandomState(0))
    result = spectral_labels(A, "auto", random_state=np.random.RandomState(0))
    assert result.n_clusters == 5
    assert adjusted_rand_score(result.labels, y) == 1
    separate = spectral_labels(pieces((20, 30, 25)), "auto", random_state=np.random.RandomState(0))
    assert separate.n_clusters == 3


def test_rows_without_ties_get_no_label():
    A = sparse.block_diag([ring(20), sparse.csr_matrix((3, 3)), ring(30)], format="csr")
    labels = spectral_labels(A, 2, random_state=np.random.RandomState(0)).labels
    assert_array_equal(labels[20:23], -1)
    assert adjusted_rand_score(np.delete(labels, range(20, 23)), labels_of((20, 30))) == 1


def test_too_few_tied_rows_is_an_error():
    A = sparse.csr_matrix(([1.0, 1.0], ([0, 1], [1, 0])), shape=(9, 9))
    with pytest.raises(ValueError, match=r"Only 2 rows have ties .* n_clusters=3"):
        spectral_labels(A, 3, random_state=np.random.RandomState(0))


def points_on_two_lines(n=60):
    t = np.linspace(-0.2, 0.2, n // 2)
    first = np.stack([np.cos(t), np.sin(t), np.zeros_like(t)], axis=1)
    return np.vstack([first, first[:, [2, 1, 0]]])


def pieces(sizes):
    return sparse.block_diag([np.ones((s, s)) - np.eye(s) for s in sizes], format="csr")


def test_more_components_than_clusters_are_tied_to_the_nearest_rows():
    """Two arcs, cut into pieces by the graph: neighbours along an arc belong together."""
    X = points_on_two_lines()
    with pytest.warns(UserWarning, match="has 6 connected components, more than the 2 clusters"):
        result = spectral_labels(
            pieces([10] * 6), 2, random_state=np.random.RandomState(0),
            bridges=lambda numbers: nearest_bridges(X, numbers),
        )  # fmt: skip
    assert adjusted_rand_score(result.labels, np.repeat([0, 1], 30)) == 1


def test_a_stray_pair_does_not_make_a_cluster_of_its_own():
    rng = np.random.RandomState(0)
    X = rng.randn(102, 3)
    X[:50, 0] += 8
    X[50:, 1] += 8
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    with pytest.warns(UserWarning, match="3 connected components"):
        result = spectral_labels(
            sparse.block_diag(
                [ring(50), ring(50), pieces([2])], format="csr"
            ),
            2, random_state=rng, bridges=lambda numbers: nearest_bridges(X, numbers),
        )  # fmt: skip
    assert adjusted_rand_score(result.labels, np.repeat([0, 1], [50, 52])) == 1


def test_bridges_are_the_smallest_angles_to_other_components():
    X = points_on_two_lines(40)
    numbers = np.r_[np.zeros(10, int), np.ones(10, int), np.full(19, 2), -1]
    ties = nearest_bridges(X, numbers).toarray()
    angles = np.arccos(np.clip(np.abs(X @ X.T), 0, 1))
    angles[numbers[:, None] == numbers] = np.inf
    angles[:, 39] = np.inf
    assert_array_equal(ties, ties.T)
    assert ties[39].sum() == 0
    for c in range(3):
        rows = np.flatnonzero(numbers == c)
        smallest = np.sort(angles[rows].min(axis=1))[:5]
        found = np.sort(ties[rows].max(axis=1))[::-1][:5]
        assert_allclose(found, np.exp(-2 * smallest), rtol=1e-6)
    assert ((ties > 0) <= np.isfinite(angles)).all()


def test_landmark_labels_are_those_of_the_affinity_of_the_rows():
    """W Dc^-1 W^T has the row embedding that the landmarks' graph gives, and the same spectrum."""
    rng = np.random.RandomState(0)
    y, z = rng.randint(3, size=300), np.repeat([0, 1, 2], 20)
    W = rng.uniform(size=(300, 60)) * np.where(y[:, None] == z, 1, 0.05)
    W = sparse.csr_matrix(np.where(rng.uniform(size=W.shape) < 0.3, W, 0))
    result = landmark_labels(W, 3, random_state=np.random.RandomState(0))
    assert adjusted_rand_score(result.labels, y) == 1
    A = W @ sparse.diags(1 / np.asarray(W.sum(axis=0)).ravel()) @ W.T
    values, _ = normalized_eigenvectors(A.tocsr(), 4, dense=True)
    assert_allclose(result.eigenvalues, values, atol=1e-10)


def test_landmarks_in_more_components_than_clusters():
    X = points_on_two_lines(60)
    W = sparse.csr_matrix(np.kron(np.eye(6), np.ones((10, 3))))
    W = sparse.vstack([W, sparse.csr_matrix((1, 18))], format="csr")
    marks = X[[10 * i + j for i in range(6) for j in (0, 4, 9)]]
    with pytest.warns(UserWarning, match="6 connected components"):
        result = landmark_labels(
            W, 2, random_state=np.random.RandomState(0),
            bridges=lambda numbers: nearest_bridges(marks, numbers),
        )  # fmt: skip
    assert adjusted_rand_score(result.labels[:60], np.repeat([0, 1], 30)) == 1
    assert result.labels[60] == -1


def test_unused_landmarks_are_left_out():
    W = sparse.csr_matrix(np.kron(np.eye(2), np.ones((10, 2))))
    wide = sparse.hstack([sparse.csr_matrix((20, 1)), W], format="csr")
    labels = landmark_labels(wide, 2, random_state=np.random.RandomState(0)).labels
    assert adjusted_rand_score(labels, np.repeat([0, 1], 10)) == 1


def test_many_rows_are_clustered_from_a_sample(monkeypatch):
    A, y = noisy_blocks((100, 120, 80), np.random.RandomState(0))
    whole = spectral_labels(A, 3, random_state=np.random.RandomState(0)).labels
    monkeypatch.setattr(_spectral, "_KMEANS_ROWS", 90)
    sampled = spectral_labels(A, 3, random_state=np.random.RandomState(0)).labels
    assert adjusted_rand_score(whole, sampled) == adjusted_rand_score(whole, y) == 1


def test_a_connected_graph_warns_of_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        spectral_labels(ring(80).tocsr(), 3, random_state=np.random.RandomState(0))
    assert connected_components(ring(80))[0] == 1
