"""Features along a graph: dense powers, rows that join, graphs of the caller, and bad input."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from scipy.spatial.distance import cdist
from sklearn import config_context
from sklearn.datasets import load_iris, make_moons
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

import sksubspace
from sksubspace.neighbors import GraphFeatureExpansion

# with a little added, so that no two distances are equal
IRIS = load_iris().data + np.random.RandomState(1).uniform(0, 0.01, (150, 4))
NEW = IRIS[::7] + np.random.RandomState(0).uniform(0.01, 0.05, IRIS[::7].shape)


def dense_graph(X, k):
    """1 where one of two rows is among the k nearest of the other, by sorting all distances."""
    distances = cdist(X, X)
    np.fill_diagonal(distances, np.inf)
    A = np.zeros_like(distances)
    order = np.argsort(distances, axis=1)[:, :k]
    np.put_along_axis(A, order, 1, axis=1)
    return np.maximum(A, A.T)


def dense_matrix(A):
    loops = A + np.eye(len(A))
    scale = loops.sum(axis=1) ** -0.5
    return scale[:, None] * loops * scale


def scaled(block):
    return block / np.linalg.norm(block, axis=1).mean()


def joined_by_hand(model, X, x):
    """Powers of one more row, as powers of one larger matrix, whose last row alone is new."""
    n, k, w = len(X), model.n_neighbors, model.edge_weight_
    larger = np.zeros((n + 1, n + 1))
    larger[:n, :n] = dense_matrix(model.adjacency_.toarray())
    near = np.argsort(cdist([x], X)[0])[:k]
    degree = 1 + k * w
    larger[n, near] = w / np.sqrt(degree * model.degrees_[near])
    larger[n, n] = 1 / degree
    rows = np.vstack([X, x])
    return [np.linalg.matrix_power(larger, p)[n] @ rows for p in model.powers], larger[n]


def test_columns_are_dense_powers_of_the_matrix():
    model = GraphFeatureExpansion(6, powers=(0, 3, 1))
    Z = model.fit_transform(IRIS)
    S = dense_matrix(dense_graph(IRIS, 6))
    expected = [IRIS, S @ S @ S @ IRIS, S @ IRIS]
    assert_allclose(Z, np.hstack([scaled(block) for block in expected]), atol=1e-12)
    assert_allclose(model.degrees_, dense_graph(IRIS, 6).sum(axis=1) + 1)
    assert model.adjacency_.nnz == dense_graph(IRIS, 6).sum()
    names = [f"x{j}{end}" for end in ("", ".S3", ".S1") for j in range(4)]
    assert model.get_feature_names_out().tolist() == names


def test_blocks_have_rows_of_mean_length_one():
    Z = GraphFeatureExpansion(n_structural=3).fit_transform(IRIS)
    for block in np.split(Z, [4, 8, 12, 16], axis=1):
        assert np.linalg.norm(block, axis=1).mean() == pytest.approx(1)


def test_structural_columns_are_the_leading_eigenvectors():
    model = GraphFeatureExpansion(12, powers=(0,), n_structural=5).fit(IRIS)
    S = dense_matrix(dense_graph(IRIS, 12))
    values = np.linalg.eigvalsh(S)[::-1][:5]
    assert_allclose(model.eigenvalues_, values, atol=1e-12)
    U = model.structural_
    assert_allclose(S @ U, U * values, atol=1e-10)
    assert_allclose(U.T @ U, np.eye(5), atol=1e-10)
    assert_allclose(model.fit_transform(IRIS)[:, 4:], scaled(U))
    assert model.get_feature_names_out()[-2:].tolist() == ["structural3", "structural4"]


def test_large_graphs_have_the_same_eigenvectors():
    X, _ = make_moons(1300, noise=0.05, random_state=0)
    model = GraphFeatureExpansion(8, n_structural=4).fit(X)
    S = dense_matrix(model.adjacency_.toarray())
    assert_allclose(model.eigenvalues_, np.linalg.eigvalsh(S)[::-1][:4], atol=1e-9)
    assert_allclose(S @ model.structural_, model.structural_ * model.eigenvalues_, atol=1e-8)


def test_new_rows_join_by_edges_that_lead_one_way():
    model = GraphFeatureExpansion(5, powers=(0, 1, 2, 4), n_structural=3)
    fitted = model.fit_transform(IRIS)
    Z = model.transform(NEW)
    for x, z in zip(NEW, Z, strict=True):
        powers, weights = joined_by_hand(model, IRIS, x)
        for block, power, scale in zip(np.split(z[:16], 4), powers, model.scales_, strict=False):
            assert_allclose(block * scale, power, atol=1e-10)
        u = z[16:] * model.scales_[-1]
        around = weights[:-1] @ model.structural_ + weights[-1] * u
        assert_allclose(around, model.eigenvalues_ * u, atol=1e-10)
    assert_array_equal(model.transform(IRIS), fitted)


def test_rows_of_the_fit_find_themselves_and_copies_are_one():
    order = np.random.RandomState(0).permutation(len(IRIS))
    X = np.vstack([IRIS[order], IRIS[::3], IRIS[::3]])
    model = GraphFeatureExpansion(4, n_structural=2)
    Z = model.fit_transform(X)
    assert model.propagated_.shape == (5, len(IRIS), 4)
    assert_array_equal(model.transform(X), Z)
    alone = GraphFeatureExpansion(4, n_structural=2).fit_transform(IRIS[order])
    assert_array_equal(Z[: len(IRIS)], alone)
    assert_array_equal(Z[len(IRIS) : -len(IRIS[::3])], Z[-len(IRIS[::3]) :])


def test_a_row_next_to_one_of_the_fit_is_a_new_row():
    model = GraphFeatureExpansion(4).fit(IRIS)
    near = IRIS[:1] + 1e-12
    _, weights = joined_by_hand(model, IRIS, near[0])
    assert weights[0] > 0  # the row next to it is one of its neighbours
    assert np.abs(model.transform(near) - model.transform(IRIS[:1])).max() > 1e-3


def test_few_labels_go_far_along_two_moons():
    X, y = make_moons(400, noise=0.05, random_state=0)
    few = np.r_[np.flatnonzero(y == 0)[:3], np.flatnonzero(y == 1)[:3]]
    scores = []
    model = GraphFeatureExpansion(5, powers=(0, 4), n_structural=2)
    for Z in (X, model.fit_transform(X - X.mean(axis=0))):
        scores.append(LogisticRegression(C=100).fit(Z[few], y[few]).score(Z, y))
    assert scores[0] < 0.9 < 0.97 < scores[1]


@pytest.mark.parametrize("kind", [np.array, sparse.csr_matrix, sparse.coo_array, pd.DataFrame])
def test_a_graph_of_ones_own_counts_the_larger_direction_and_no_loops(kind):
    rng = np.random.RandomState(0)
    given = rng.uniform(size=(20, 20)) * (rng.uniform(size=(20, 20)) < 0.2)
    X, before = rng.randn(20, 3), given.copy()
    A = np.maximum(given, given.T)
    np.fill_diagonal(A, 0)
    model = GraphFeatureExpansion(4, powers=(2,))
    Z = model.fit_transform(X, adjacency=kind(given))
    assert_allclose(Z, scaled(dense_matrix(A) @ dense_matrix(A) @ X), atol=1e-12)
    assert_array_equal(given, before)
    assert_array_equal(model.transform(X), Z)
    assert model.edge_weight_ == pytest.approx(A[A > 0].mean())
    x = X[3] + 0.01
    expected = joined_by_hand(model, X, x)[0][0] / model.scales_[0]
    assert_allclose(model.transform([x])[0], expected)


def test_a_sparse_graph_of_the_caller_is_not_written_to():
    A = sparse.csr_matrix(dense_graph(IRIS, 3) + np.eye(len(IRIS)))
    before = A.copy()
    GraphFeatureExpansion().fit(IRIS, adjacency=A)
    assert (A != before).nnz == 0 and A.nnz == before.nnz


def test_a_graph_with_names_is_put_in_the_order_of_the_rows():
    names = [f"row {i}" for i in range(len(IRIS))]
    X = pd.DataFrame(IRIS, index=names)
    X.columns = list("abcd")
    A = pd.DataFrame(dense_graph(IRIS, 5), index=names, columns=names)
    order = np.random.RandomState(0).permutation(len(names))
    model = GraphFeatureExpansion()
    expected = model.fit_transform(X, adjacency=A)
    assert_array_equal(model.fit_transform(X, adjacency=A.iloc[order, order[::-1]]), expected)
    assert model.get_feature_names_out()[:5].tolist() == ["a", "b", "c", "d", "a.S1"]


def test_nodes_without_a_neighbour_stay_as_they_are():
    A = np.zeros((6, 6))
    A[0, 1] = A[1, 2] = 1
    X = np.random.RandomState(0).randn(6, 2)
    model = GraphFeatureExpansion(2, powers=(0, 1, 3)).fit(X, adjacency=A)
    assert_array_equal(model.propagated_[3][3:], X[3:])
    assert np.abs(model.propagated_[3][:3] - X[:3]).min() > 1e-3
    empty = GraphFeatureExpansion(2, powers=(0, 1), n_structural=0)
    assert_array_equal(
        np.split(empty.fit_transform(X, adjacency=A * 0), 2, axis=1), [scaled(X)] * 2
    )
    # an edge of weight zero leads nowhere
    assert_allclose(empty.transform(X + 1)[:, :2], empty.transform(X + 1)[:, 2:])


def test_equal_rows_of_a_graph_of_ones_own_are_told_apart_by_fit_transform_alone():
    X = np.array([[0.0], [0.0], [1.0], [2.0]])
    A = sparse.csr_matrix(([1.0], ([1], [3])), shape=(4, 4))
    model = GraphFeatureExpansion(1, powers=(1,))
    Z = model.fit_transform(X, adjacency=A)
    assert Z[0] == 0 < Z[1]
    assert_array_equal(model.transform(X)[[0, 1]], Z[[0, 0]])
    assert_array_equal(model.transform(X)[2:], Z[2:])


def test_a_graph_is_routed_through_a_pipeline():
    A = dense_graph(IRIS, 3)
    y = (IRIS[:, 0] > 5.8).astype(int)
    with config_context(enable_metadata_routing=True):
        expansion = GraphFeatureExpansion(3).set_fit_request(adjacency=True)
        pipeline = make_pipeline(expansion, LogisticRegression()).fit(IRIS, y, adjacency=A)
    assert (pipeline[0].adjacency_ != sparse.csr_matrix(A)).nnz == 0
    assert pipeline.score(IRIS, y) > 0.9


def test_more_neighbours_than_rows_are_all_of_them_with_a_warning():
    X = IRIS[:5]
    with pytest.warns(UserWarning, match="n_neighbors=10 is more than the 4 other rows of X"):
        model = GraphFeatureExpansion().fit(X)
    assert model.n_neighbors_ == 4
    assert_array_equal(model.adjacency_.toarray(), 1 - np.eye(5))
    with pytest.warns(UserWarning, match="the 0 other rows"):
        model = GraphFeatureExpansion(powers=(0, 2)).fit(np.ones((4, 3)))
    assert_allclose(model.transform(np.ones((2, 3))), np.ones((2, 6)) / np.sqrt(3))
    assert np.isfinite(model.transform([[1.0, 2, 3]])).all()


def test_more_structural_columns_than_new_rows_can_have_are_left_out_with_a_warning():
    with pytest.warns(UserWarning, match="n_structural=140 is more than the .. eigenvectors"):
        model = GraphFeatureExpansion(5, n_structural=140).fit(IRIS)
    own = 1 / 6
    assert (model.eigenvalues_ > own + 0.04).all()
    assert np.abs(model.transform(NEW)).max() < 100


@pytest.mark.parametrize(
    ("params", "fit", "message"),
    [
        ({"powers": ()}, {}, "powers must be a sequence of at least one int, .* got \\(\\)"),
        ({"powers": (1, -1)}, {}, "powers must be .* not negative, got \\(1, -1\\)"),
        ({"powers": (1, 1)}, {}, "powers must be .* each different"),
        ({"powers": (0.5,)}, {}, "powers must be"),
        ({"n_neighbors": 0}, {}, "'n_neighbors' parameter"),
        ({"n_structural": -1}, {}, "'n_structural' parameter"),
        ({}, {"adjacency": np.eye(3)}, r"adjacency must be of shape \(20, 20\), .* got \(3, 3\)"),
        ({}, {"adjacency": -np.ones((20, 20))}, "adjacency must not have negative weights, got -1"),
        ({}, {"adjacency": np.full((20, 20), np.nan)}, "adjacency must hold finite weights"),
        ({}, {"adjacency": "kNN"}, "adjacency must be a matrix of numbers, got 'kNN'"),
    ],
)
def test_bad_input_is_one_clear_error(params, fit, message):
    with pytest.raises(ValueError, match=message):
        GraphFeatureExpansion(**params).fit(IRIS[:20], **fit)


def test_settings_that_change_after_the_fit_do_no_harm():
    model = GraphFeatureExpansion(5).fit(IRIS)
    expected = model.transform(NEW)
    model.set_params(powers=(7,), n_neighbors=2, n_structural=9)
    assert_array_equal(model.transform(NEW), expected)
    assert model.get_feature_names_out().shape == expected.shape[1:]


def test_a_saved_graph_says_the_same(tmp_path):
    pytest.importorskip("skops.io")
    model = GraphFeatureExpansion(5, n_structural=2).fit(IRIS.astype(np.float32))
    again = sksubspace.load(sksubspace.save(model, tmp_path / "graph.sksubspace"))
    found = again.transform(NEW.astype(np.float32))
    assert found.dtype == np.float32
    assert_array_equal(found, model.transform(NEW.astype(np.float32)))
