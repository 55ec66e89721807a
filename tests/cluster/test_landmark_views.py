"""Views tied to landmarks, against dense matrices of all rows."""

from functools import partial

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from scipy.linalg import eigh
from sklearn.metrics import adjusted_rand_score
from sklearn.preprocessing import normalize

from sksubspace.cluster import (
    EnsembleKSubspaces,
    LeastSquaresSubspaceClustering,
    MultilayerGraphClustering,
    ThresholdedSubspaceClustering,
)
from sksubspace.cluster import _multilayer as multilayer
from sksubspace.cluster._landmark_views import (
    ViewCodes,
    ViewProducts,
    bridged,
    landmark_ties,
    merged_landmark_vectors,
)

RNG = np.random.RandomState(0)


def blobs(n_each=40, n_clusters=3, d=6, spread=0.3, seed=0):
    rng = np.random.RandomState(seed)
    y = np.repeat(np.arange(n_clusters), n_each)
    return rng.randn(n_clusters, d)[y] + spread * rng.randn(len(y), d), y


def affinity(W):
    """Dr^-1/2 W Dc^-1 W' Dr^-1/2, dense."""
    W = W.toarray()
    half = W / np.sqrt(W.sum(axis=1))[:, None]
    return half @ np.diag(1 / W.sum(axis=0)) @ half.T


def same_space(U, V):
    return np.linalg.svd(np.linalg.qr(U)[0].T @ np.linalg.qr(V)[0])[1].min()


@pytest.mark.parametrize("alpha", [0.0, 0.5, 2.0])
@pytest.mark.parametrize("dense_rows", [0, 600], ids=["lanczos", "dense"])
def test_it_is_the_merged_affinity_of_all_rows(alpha, dense_rows, monkeypatch):
    monkeypatch.setattr("sksubspace.cluster._spectral._DENSE_ROWS", dense_rows)
    X, _ = blobs(spread=1.0)
    views, drawn, weights = [X[:, :3], X[:, 3:]], np.arange(0, 120, 3), np.array([0.7, 0.3])
    codes = [landmark_ties(view, view[drawn], 4, False) for view in views]
    merged = 0
    for W, weight in zip(codes, weights, strict=True):
        S = affinity(W)
        U = eigh(S)[1][:, -3:]
        merged = merged + weight * (S + alpha * U @ U.T)
    expected, vectors = eigh(merged)
    rows = ViewCodes(codes)
    values, scaled = merged_landmark_vectors(rows.products(), (40, 40), weights, alpha, 3)
    found = rows.embedded(scaled)
    assert_allclose(values, expected[::-1][:4], atol=1e-8)
    assert same_space(found, vectors[:, ::-1][:, :3]) > 1 - 1e-8
    assert_allclose(found.T @ found, np.eye(3), atol=1e-8)


def test_ties_are_the_nearest_landmarks():
    X = RNG.randn(50, 4)
    W = landmark_ties(X, X[:20], 3, False).toarray()
    squared = np.square(X[:, None] - X[None, :20]).sum(axis=2)
    expected = np.zeros((50, 20))
    np.put_along_axis(expected, squared.argsort(axis=1)[:, :3], 1, axis=1)
    assert_array_equal(W, expected)


def test_rows_of_zeros_are_tied_to_none_and_none_to_them():
    X = RNG.randn(30, 4)
    X[[3, 20]] = 0
    W = landmark_ties(X, X[:10], 9, True).toarray()
    assert_array_equal(np.flatnonzero(W.sum(axis=1) == 0), [3, 20])
    assert_array_equal(np.flatnonzero(W.sum(axis=0) == 0), [3])


def test_a_bridge_is_a_weak_row():
    """With W' Dr^-1 W the landmarks' graph, what is appended adds the ties that join pieces."""
    rows = normalize(np.vstack([RNG.randn(1, 5) + 0.1 * RNG.randn(10, 5) for _ in range(4)]))
    W = sparse.csr_matrix(np.kron(np.eye(4), np.ones((10, 2))))
    landmarks = rows[[0, 1, 10, 11, 20, 21, 30, 31]]
    before = ViewProducts.of([W, W])
    with pytest.warns(UserWarning, match="4 connected components"):
        after = bridged(before, [landmarks, landmarks], 2)
    assert_array_equal(after.is_tied, np.ones(40, bool))
    added = (after.gram - before.gram).toarray()
    assert_allclose(added[8:, 8:], added[:8, :8])
    assert_allclose(added[:8, 8:], 0, atol=1e-15)
    ties = added[:8, :8]
    assert 0 < ties[~np.eye(8, dtype=bool)].max() < 0.1 * 5
    # each row has the weight 2 t at two landmarks: t beside the diagonal, and 2 t in the sums
    off = ties - np.diag(np.diag(ties))
    assert_allclose(np.diag(ties), off.sum(axis=1), atol=1e-15)
    assert_allclose(after.sums - before.sums, np.tile(2 * off.sum(axis=1), 2))
    assert sparse.csgraph.connected_components(after.gram[:8, :8] > 1e-12)[0] <= 2


def test_products_are_those_of_dense_matrices():
    tied = sparse.diags((np.arange(30) != 3).astype(float))
    codes = [(tied @ sparse.random(30, m, 0.3, random_state=m)).tocsr() for m in (5, 7)]
    half = []
    for W in codes:
        W = W.toarray()
        sums = W.sum(axis=1)
        half.append(W / np.sqrt(np.where(sums > 0, sums, 1))[:, None])
    V = np.hstack(half)
    products = ViewProducts.of([W[:11] for W in codes]).add(
        ViewProducts.of([W[11:] for W in codes])
    )
    assert_allclose(products.gram.toarray(), V.T @ V)
    assert_allclose(products.sums, np.hstack([W.toarray().sum(axis=0) for W in codes]))
    assert_array_equal(products.is_tied, (V > 0).any(axis=1))
    assert not products.is_tied[3]
    assert_allclose(ViewCodes(codes).embedded(np.eye(12)), V)


def test_as_many_landmarks_as_rows_are_the_exact_graph():
    X, _ = blobs(spread=0.8)
    exact = MultilayerGraphClustering(3, n_landmarks=None, random_state=0).fit(X)
    all_rows = MultilayerGraphClustering(3, n_landmarks=120, random_state=0).fit(X)
    assert_array_equal(exact.labels_, all_rows.labels_)
    assert_array_equal(exact.embedding_, all_rows.embedding_)
    assert exact.landmark_indices_ is all_rows.landmark_indices_ is None


def test_landmarks_find_what_the_graph_finds():
    X, y = blobs(n_each=200)
    X = np.hstack([X, blobs(n_each=200, seed=1)[0]])
    params = {"views": [slice(0, 6), slice(6, 12)], "random_state": 0}
    exact = MultilayerGraphClustering(3, **params).fit(X)
    model = MultilayerGraphClustering(3, n_landmarks=60, **params).fit(X)
    assert adjusted_rand_score(exact.labels_, model.labels_) == 1
    assert adjusted_rand_score(y, model.labels_) == 1
    assert model.affinity_matrices_ is None
    assert [len(drawn) for drawn in model.landmark_indices_] == [60, 60]
    assert model.embedding_.shape == (600, 3)
    assert model.eigenvalues_.shape == (4,)
    assert adjusted_rand_score(y, model.predict(X)) == 1


def test_landmarks_are_automatic_above_a_number_of_rows(monkeypatch):
    X, _ = blobs()
    monkeypatch.setattr(multilayer, "_LANDMARKS_ABOVE", 119)
    monkeypatch.setattr(multilayer, "_LANDMARKS", 50)
    model = MultilayerGraphClustering(3, random_state=0).fit(X)
    assert len(model.landmark_indices_[0]) == 60
    monkeypatch.setattr(multilayer, "_LANDMARKS_ABOVE", 120)
    assert MultilayerGraphClustering(3, random_state=0).fit(X).landmark_indices_ is None


@pytest.mark.parametrize(
    "kind",
    [
        ThresholdedSubspaceClustering,
        LeastSquaresSubspaceClustering,
        partial(EnsembleKSubspaces, n_estimators=20),
    ],
)
def test_an_estimator_codes_each_view_by_landmarks(kind, monkeypatch):
    monkeypatch.setattr(multilayer, "_LANDMARKS_ABOVE", 100)
    monkeypatch.setattr(multilayer, "_LANDMARKS", 45)
    monkeypatch.setattr(multilayer, "_LANDMARKS_PER_CLUSTER", 1)
    X, _ = blobs()
    base = kind(random_state=1)
    model = MultilayerGraphClustering(3, base=base, alpha=0, random_state=0).fit(X)
    alone = kind(3, n_landmarks=45, random_state=1).fit(X)
    assert_array_equal(model.landmark_indices_[0], alone.landmark_indices_)
    assert_allclose(model.eigenvalues_, alone.eigenvalues_[:4], atol=1e-8)
    assert adjusted_rand_score(alone.labels_, model.labels_) == 1


def test_a_base_without_coefficients_on_landmarks():
    class Other(ThresholdedSubspaceClustering):
        def fit(self, X, y=None):
            super().fit(X)
            del self.representation_matrix_
            return self

    with pytest.raises(ValueError, match="has no coefficients on landmarks"):
        MultilayerGraphClustering(3, base=Other(), n_landmarks=50).fit(blobs()[0])


def test_a_base_without_landmarks_keeps_its_graph(monkeypatch):
    monkeypatch.setattr(multilayer, "_LANDMARKS_ABOVE", 100)
    X, _ = blobs()
    base = ThresholdedSubspaceClustering(affinity="sum")
    model = MultilayerGraphClustering(3, base=base, random_state=0).fit(X)
    assert model.affinity_matrices_[0].shape == (120, 120)
    with pytest.raises(ValueError, match="n_landmarks=50 needs a base"):
        model.set_params(n_landmarks=50).fit(X)


def test_fewer_landmarks_than_clusters():
    with pytest.raises(ValueError, match="n_landmarks=2 must be at least n_clusters=3"):
        MultilayerGraphClustering(3, n_landmarks=2).fit(blobs()[0])


def test_rows_that_are_zero_in_a_view():
    X, y = blobs(spread=0.2)
    X = np.hstack([X, blobs(spread=0.2, seed=1)[0]])
    X[:5, :6] = 0
    X[60:63, 6:] = 0
    X[100] = 0
    views = [slice(0, 6), slice(6, 12)]
    with pytest.warns(UserWarning, match="1 of 120 rows are zero"):
        model = MultilayerGraphClustering(3, views=views, n_landmarks=60, random_state=0).fit(X)
    some = np.arange(120) != 100
    assert adjusted_rand_score(y[some], model.labels_[some]) == 1


def test_pieces_are_joined():
    rng = np.random.RandomState(0)
    centres = normalize(rng.randn(2, 8))
    y = np.repeat([0, 1], 60)
    pieces = np.repeat(rng.randn(6, 8) * 0.3, 20, axis=0)
    X = 2 * centres[y] + pieces + 0.01 * rng.randn(120, 8)
    with pytest.warns(UserWarning, match="connected components, more than the 2 clusters"):
        model = MultilayerGraphClustering(2, n_landmarks=60, random_state=0).fit(X)
    assert adjusted_rand_score(y, model.labels_) == 1


def test_the_landmarks_of_single_precision_stay():
    X, _ = blobs()
    model = MultilayerGraphClustering(3, n_landmarks=40, random_state=0).fit(X.astype(np.float32))
    assert model.embedding_.dtype == model.cluster_means_.dtype == np.float32


def test_models_from_before_there_were_landmarks_open():
    X, _ = blobs()
    model = MultilayerGraphClustering(3, random_state=0).fit(X)
    state = dict(model.__getstate__())
    del state["n_landmarks"]
    again = MultilayerGraphClustering.__new__(MultilayerGraphClustering)
    again.__setstate__(state)
    assert again.get_params() == model.get_params()
    assert_array_equal(again.predict(X), model.predict(X))
