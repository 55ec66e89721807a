"""Merged graphs, against dense matrices and identities of the theory."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.linalg import eigh
from sklearn.metrics import adjusted_rand_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, normalize

from sksubspace.cluster import MultilayerGraphClustering, ThresholdedSubspaceClustering
from sksubspace.cluster import _spectral as spectral
from sksubspace.cluster._views import merged_operator, normalized_graph


def blobs(n_each=40, n_clusters=3, d=6, spread=0.5, seed=0):
    rng = np.random.RandomState(seed)
    y = np.repeat(np.arange(n_clusters), n_each)
    return rng.randn(n_clusters, d)[y] + spread * rng.randn(len(y), d), y


def noise(n, d=40, seed=7):
    return np.random.RandomState(seed).randn(n, d)


def same_space(U, V):
    """Least cosine of the principal angles between the columns."""
    return np.linalg.svd(np.linalg.qr(U)[0].T @ np.linalg.qr(V)[0])[1].min()


def laplacian(A):
    scale = 1 / np.sqrt(A.sum(axis=1))
    return np.eye(len(A)) - scale[:, None] * A * scale


def by_brute_force(graphs, weights, alpha, k):
    """L_mod = sum_l w_l (L_l - alpha U_l U_l'), dense, and its smallest eigenpairs."""
    L_mod = 0
    for A, w in zip(graphs, weights, strict=True):
        L = laplacian(A.toarray())
        U = eigh(L)[1][:, :k]
        L_mod = L_mod + w * (L - alpha * U @ U.T)
    values, vectors = eigh(L_mod)
    return values, vectors[:, :k]


@pytest.mark.parametrize("alpha", [0.0, 0.5, 2.0])
@pytest.mark.parametrize("dense_rows", [0, 600], ids=["lanczos", "dense"])
def test_it_is_the_formula(alpha, dense_rows, monkeypatch):
    monkeypatch.setattr(spectral, "_DENSE_ROWS", dense_rows)
    X, _ = blobs(spread=1.5)
    X = np.hstack([X, blobs(spread=1.5, seed=1)[0], noise(120)])
    views = [slice(0, 6), slice(6, 12), slice(12, None)]
    weights = [3.0, 2.0, 1.0]
    mlg = MultilayerGraphClustering(
        3, views=views, alpha=alpha, weights=weights, random_state=0
    ).fit(X)
    values, U = by_brute_force(mlg.affinity_matrices_, mlg.weights_, alpha, 3)
    assert_allclose(1 - mlg.eigenvalues_, values[:4], atol=1e-8)
    assert same_space(mlg.embedding_, U) > 1 - 1e-8
    assert_allclose(mlg.weights_, [1 / 2, 1 / 3, 1 / 6])


@pytest.mark.parametrize("alpha", [0.0, 0.5, 3.0])
def test_one_view_is_plain_spectral_clustering(alpha):
    X, _ = blobs(spread=1.5)
    mlg = MultilayerGraphClustering(3, alpha=alpha, random_state=0).fit(X)
    A = mlg.affinity_matrices_[0]
    values, U = spectral.normalized_eigenvectors(A.astype(float), 3)
    assert same_space(mlg.embedding_, U) > 1 - 1e-8
    assert_allclose(mlg.eigenvalues_[:3], values + alpha, atol=1e-8)
    plain = spectral.spectral_labels(A, 3, random_state=np.random.RandomState(0))
    assert adjusted_rand_score(plain.labels, mlg.labels_) == 1


@pytest.mark.parametrize("weights", [None, (1, 5)])
def test_two_copies_of_a_view_are_one_view(weights):
    X, _ = blobs(spread=1.5)
    params = {"subspace_dim": 2, "random_state": 0}
    one = MultilayerGraphClustering(3, **params).fit(X)
    two = MultilayerGraphClustering(
        3, views=[slice(0, 6), slice(0, 6)], weights=weights, **params
    ).fit(X)
    assert_allclose(one.eigenvalues_, two.eigenvalues_, atol=1e-8)
    assert same_space(one.embedding_, two.embedding_) > 1 - 1e-8
    assert adjusted_rand_score(one.labels_, two.labels_) == 1
    distances = [np.sort(fit.transform(X), axis=1) for fit in (one, two)]
    assert_allclose(distances[0], distances[1], atol=1e-6)


def test_without_pull_the_laplacians_are_added_up():
    X, _ = blobs(spread=1.5)
    first, second = (
        MultilayerGraphClustering(3, views=[v], random_state=0).fit(X).affinity_matrices_[0]
        for v in (slice(0, 3), slice(3, 6))
    )
    operator = merged_operator([first, second], [0.5, 0.5], 0, 3)
    expected = np.eye(120) - (laplacian(first.toarray()) + laplacian(second.toarray())) / 2
    assert_allclose(operator @ np.eye(120), expected, atol=1e-12)


def test_the_operator_is_symmetric_and_the_same_for_one_vector_and_many():
    X, _ = blobs(spread=1.5)
    graphs = MultilayerGraphClustering(3, views=[[0, 1, 2], [3, 4, 5]], random_state=0).fit(X)
    operator = merged_operator(graphs.affinity_matrices_, [0.4, 0.6], 0.7, 3)
    dense = operator @ np.eye(120)
    assert_allclose(dense, dense.T, atol=1e-12)
    v = noise(120, 1)[:, 0]
    assert_allclose(operator.matvec(v), dense @ v, atol=1e-12)


def test_a_view_of_weight_zero_does_not_count():
    X, _ = blobs(spread=1.5)
    one = MultilayerGraphClustering(3, random_state=0).fit(X)
    two = MultilayerGraphClustering(
        3, views=[slice(0, 6), slice(6, None)], weights=(1, 0), random_state=0
    ).fit(np.hstack([X, noise(120)]))
    assert same_space(one.embedding_, two.embedding_) > 1 - 1e-8


def test_a_view_of_noise_does_not_destroy_a_good_one():
    """Concatenation loses the clusters; the merged graphs keep what the good view has."""
    X, y = blobs(n_each=60, spread=0.8, d=10)
    both = np.hstack([X, noise(len(X), 400)])
    views = [slice(0, 10), slice(10, None)]
    good = MultilayerGraphClustering(3, random_state=0).fit(X)
    merged = MultilayerGraphClustering(3, views=views, random_state=0).fit(both)
    concatenated = MultilayerGraphClustering(3, random_state=0).fit(both)
    of_good, of_merged, of_concatenated = (
        adjusted_rand_score(y, fit.labels_) for fit in (good, merged, concatenated)
    )
    assert of_good > 0.9
    assert of_merged > of_good - 0.05
    assert of_concatenated < of_merged - 0.3


def test_an_estimator_makes_the_graphs():
    X, y = blobs(spread=0.2)
    base = ThresholdedSubspaceClustering(n_neighbors=6, random_state=1)
    mlg = MultilayerGraphClustering(3, base=base, random_state=0).fit(X)
    expected = ThresholdedSubspaceClustering(3, n_neighbors=6, random_state=1).fit(X)
    assert_allclose(mlg.affinity_matrices_[0].toarray(), expected.affinity_matrix_.toarray())
    assert adjusted_rand_score(y, mlg.labels_) == 1


def test_new_rows_are_seen_through_the_views():
    """A view that is a thousand times larger has no more to say."""
    X, y = blobs(spread=0.3)
    other, _ = blobs(spread=0.3, seed=1)
    views = [slice(0, 6), slice(6, 12)]
    small, large = (
        MultilayerGraphClustering(3, views=views, subspace_dim=1, random_state=0).fit(
            np.hstack([X, scale * other])
        )
        for scale in (1, 1000)
    )
    new = noise(20, 12)
    scaled = np.hstack([new[:, :6], 1000 * new[:, 6:]])
    assert_allclose(small.transform(new), large.transform(scaled), atol=1e-10)
    assert adjusted_rand_score(y, small.predict(np.hstack([X, other]))) == 1


def test_columns_of_no_view_do_not_matter():
    X, _ = blobs()
    both = np.hstack([noise(120), X])
    one = MultilayerGraphClustering(3, random_state=0).fit(X)
    two = MultilayerGraphClustering(3, views=[slice(40, None)], random_state=0).fit(both)
    assert_array_equal(one.labels_, two.labels_)
    assert_allclose(one.transform(X), two.transform(both), atol=1e-10)
    assert_allclose(one.score(X), two.score(both))


@pytest.mark.parametrize("unit", [True, False])
def test_score_is_the_share_of_variance_in_units_of_x(unit):
    X, _ = blobs()
    X = X * np.random.RandomState(3).uniform(0.5, 2, size=(len(X), 1))
    views = [[0, 2, 4], [1, 3, 5]]
    mlg = MultilayerGraphClustering(
        3, views=views, subspace_dim=2, normalize=unit, random_state=0
    ).fit(X)
    new = blobs(seed=5)[0]
    columns = np.concatenate(views)
    parts = [new[:, v] for v in views]
    lengths = [np.linalg.norm(p, axis=1, keepdims=True) * np.sqrt(2) for p in parts]
    scale = np.hstack([np.tile(length, 3) for length in lengths]) if unit else 1
    rows = new[:, columns] / scale
    errors, factors = 0, np.broadcast_to(scale, rows.shape)
    for row, label, factor in zip(rows, mlg.predict(new), factors, strict=True):
        mean, basis = mlg.cluster_means_[label], mlg.cluster_bases_[label]
        residual = (row - mean) - basis.T @ (basis @ (row - mean))
        errors += np.square(factor * residual).sum()
    expected = 1 - errors / np.square(new - X.mean(axis=0)).sum()
    assert_allclose(mlg.score(new), expected)


def test_one_view_scores_as_every_subspace_clustering():
    X, _ = blobs()
    mlg = MultilayerGraphClustering(3, random_state=0).fit(X)
    inherited = super(MultilayerGraphClustering, mlg).score(X)
    assert_allclose(mlg.score(X), inherited)


def test_rows_that_are_zero_in_a_view():
    X, y = blobs(spread=0.2)
    X = np.hstack([X, blobs(spread=0.2, seed=1)[0]])
    X[:5, :6] = 0
    X[60:63, 6:] = 0
    X[100] = 0
    with pytest.warns(UserWarning, match="1 of 120 rows are zero"):
        mlg = MultilayerGraphClustering(3, views=[slice(0, 6), slice(6, 12)], random_state=0).fit(X)
    assert mlg.affinity_matrices_[0][:5].nnz == 0
    some = np.arange(120) != 100
    assert adjusted_rand_score(y[some], mlg.labels_[some]) == 1
    assert np.isfinite(mlg.transform(X)).all()


def test_more_components_than_clusters_are_joined():
    rng = np.random.RandomState(0)
    centres = normalize(rng.randn(2, 8))
    y = np.repeat([0, 1], 60)
    pieces = np.repeat(rng.randn(6, 8) * 0.3, 20, axis=0)
    X = 2 * centres[y] + pieces + 0.01 * rng.randn(120, 8)
    with pytest.warns(UserWarning, match="connected components, more than the 2 clusters"):
        mlg = MultilayerGraphClustering(2, n_neighbors=4, random_state=0).fit(X)
    assert adjusted_rand_score(y, mlg.labels_) == 1


def test_it_works_in_a_pipeline():
    X, y = blobs(spread=0.3)
    pipeline = make_pipeline(
        StandardScaler(), MultilayerGraphClustering(3, views=[[0, 1, 2], [3, 4, 5]], random_state=0)
    )
    assert adjusted_rand_score(y, pipeline.fit_predict(X)) > 0.9


def test_single_precision_stays():
    X, _ = blobs()
    mlg = MultilayerGraphClustering(3, views=[[0, 1], [2, 3, 4]], random_state=0)
    mlg.fit(X.astype(np.float32))
    assert mlg.embedding_.dtype == np.float32
    assert mlg.cluster_means_.dtype == np.float32
    assert mlg.transform(X.astype(np.float32)).dtype == np.float32


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"views": [[0, 6]]}, r"views\[0\] goes to column 6"),
        ({"views": [[0], [1]], "weights": (1, 2, 3)}, "each of the 2 views"),
        ({"alpha": -0.1}, "alpha"),
        ({"base": "rbf"}, "base"),
        ({"n_clusters": "auto"}, "n_clusters"),
    ],
)
def test_errors_name_the_parameter(params, message):
    with pytest.raises(ValueError, match=message):
        MultilayerGraphClustering(**{"n_clusters": 3, **params}).fit(blobs()[0])


def test_a_row_without_ties_has_an_empty_row():
    A = np.array([[0, 1, 0], [1, 0, 0], [0, 0, 0.0]])
    S = normalized_graph(spectral.sparse.csr_matrix(A))
    assert_array_equal(S.toarray(), A)
