import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import sparse

from sksubspace.cluster._linearizing import _stages as stages
from sksubspace.cluster._linearizing._stages import explained, graphs_of
from sksubspace.datasets import make_union_of_subspaces


def unit_rows(n=90, d=5, seed=0):
    Z = np.random.RandomState(seed).randn(n, d)
    return Z / np.linalg.norm(Z, axis=1, keepdims=True)


def test_graphs_have_half_as_many_neighbors_as_many_and_twice_as_many():
    codes = unit_rows()
    graphs = graphs_of(codes, 3, 10, 0.1)
    similarity = codes @ codes.T
    np.fill_diagonal(similarity, -np.inf)
    order = np.argsort(-similarity, axis=1)
    for A, k in zip(graphs, (5, 10, 20), strict=True):
        nearest = np.zeros((90, 90), dtype=bool)
        nearest[np.arange(90)[:, None], order[:, :k]] = True
        assert ((A.toarray() > 0) == (nearest | nearest.T)).all()
        assert_allclose(A.sum(axis=0), 1, atol=1e-3)
        assert_allclose(A.sum(axis=1), 1, atol=1e-3)
        assert abs(A - A.T).max() < 1e-12


def test_weights_are_the_scaled_kernel():
    codes = unit_rows(30)
    (A,) = graphs_of(codes, 3, 29, 0.3)[1:]  # 14 neighbours, then all
    kernel = np.exp((codes @ codes.T) / 0.3)
    np.fill_diagonal(kernel, 0)
    left = np.ones(30)
    for _ in range(3000):
        left = np.sqrt(left / (kernel @ left))
    assert_allclose(A.toarray(), left[:, None] * kernel * left, atol=1e-5)


def test_graphs_in_pieces_are_not_tried_where_there_are_whole_ones(monkeypatch):
    n_pieces = {2: 7, 5: 3, 10: 1}
    tried = []

    def graph(codes, n_neighbors, temperature):
        tried.append(n_neighbors)
        number = np.arange(180) % n_pieces[n_neighbors]
        return sparse.csr_matrix((number[:, None] == number).astype(float))

    monkeypatch.setattr(stages, "_graph", graph)
    assert len(graphs_of(np.zeros((180, 6)), 3, 5, 0.1)) == 2
    assert tried == [2, 5, 10]
    n_pieces.update({5: 5, 10: 4})
    (only,) = graphs_of(np.zeros((180, 6)), 3, 5, 0.1)
    assert only.nnz == 4 * 45**2


def test_numbers_of_neighbors_are_cut_to_the_rows():
    assert len(graphs_of(unit_rows(4), 2, 50, 0.1)) == 1
    assert len(graphs_of(unit_rows(4), 2, 1, 0.1)) >= 1


def test_far_rows_keep_a_tie():
    (*_, A) = graphs_of(unit_rows(), 3, 5, 1e-5)
    assert (np.diff(A.tocsr().indptr) >= 10).all()
    assert np.isfinite(A.data).all()


def test_explained_is_one_for_rows_on_the_subspaces_and_falls_with_wrong_labels():
    X, y = make_union_of_subspaces(200, n_subspaces=3, subspace_dim=3, random_state=0)
    assert explained(X, y) == pytest.approx(1, abs=1e-12)
    assert explained(X, 10 * y + 1) == pytest.approx(1, abs=1e-12)
    shuffled = np.random.RandomState(0).permutation(y)
    assert explained(X, shuffled) < 0.9
    wide, y = make_union_of_subspaces(200, n_subspaces=2, subspace_dim=5, random_state=0)
    assert explained(wide, y) < 0.99  # three dimensions are counted
