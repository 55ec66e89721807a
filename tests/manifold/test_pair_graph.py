"""Weights of pairs against a loop over them."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy import sparse

from sksubspace.manifold._pairs import check_pairs, pair_weights

INDICES = np.array([[1, 2], [0, 3], [0, 1], [2, 4], [0, 1]])


def by_loop(indices, n_rows, mutual):
    listed = {(i, j) for i, row in enumerate(indices) for j in row if i != j}
    kept = {(i, j) for i, j in listed if (j, i) in listed} if mutual else listed
    W = np.zeros((n_rows, n_rows))
    for pair in kept or listed:
        W[pair] = 1
    return W


def random_indices(n, k, seed=0):
    rng = np.random.RandomState(seed)
    return np.array([rng.choice(n, k, replace=False) for _ in range(n)])


@pytest.mark.parametrize("mutual", [True, False])
def test_pairs_of_a_known_table(mutual):
    W = pair_weights(INDICES, 5, mutual=mutual)
    assert_array_equal(W.toarray(), by_loop(INDICES, 5, mutual))
    if mutual:
        assert_array_equal(np.argwhere(W.toarray()), [[0, 1], [0, 2], [1, 0], [2, 0]])


@pytest.mark.parametrize("mutual", [True, False])
@pytest.mark.parametrize("seed", range(4))
def test_pairs_of_random_tables_without_loops(mutual, seed):
    indices = random_indices(12, 4, seed)
    W = check_pairs(indices, 12, mutual)
    assert sparse.isspmatrix_csr(W)
    assert_array_equal(W.toarray(), by_loop(indices, 12, mutual))


def test_a_row_listed_twice_is_one_pair():
    W = pair_weights(np.array([[1, 1], [0, 0]]), 2)
    assert_array_equal(W.toarray(), [[0, 1], [1, 0]])


def test_without_mutual_pairs_the_others_stay():
    cycle = np.array([[1], [2], [0]])
    assert_array_equal(pair_weights(cycle, 3).toarray(), by_loop(cycle, 3, mutual=False))


def test_loops_do_not_pass_for_mutual_pairs():
    cycle = np.array([[0, 1], [1, 2], [2, 0]])
    assert_array_equal(check_pairs(cycle, 3, True).toarray(), by_loop(cycle, 3, mutual=False))


def test_neighbours_of_some_rows():
    W = pair_weights(INDICES[[1, 4]], 5, queries=np.array([1, 4]), mutual=False)
    expected = np.zeros((5, 5))
    expected[[1, 1, 4, 4], [0, 3, 0, 1]] = 1
    assert_array_equal(W.toarray(), expected)


@pytest.mark.parametrize(
    "kind", [sparse.csr_matrix, sparse.csc_matrix, sparse.coo_matrix, sparse.csr_array]
)
def test_weights_are_taken_as_they_are_but_for_loops(kind):
    weights = np.array([[9, 0.5, 0], [0, 0, 2], [0.1, 0, 3]])
    W = check_pairs(kind(weights), 3, True)
    assert_array_equal(W.toarray(), weights - np.diag(weights.diagonal()))
    assert W.nnz == 3


def test_entries_stored_twice_are_added():
    graph = sparse.coo_matrix(([1.0, 2.0, 0.0], ([0, 0, 2], [1, 1, 0])), shape=(3, 3))
    W = check_pairs(graph, 3, False)
    assert_array_equal(W.toarray(), [[0, 3, 0], [0, 0, 0], [0, 0, 0]])
    assert W.nnz == 1


def test_the_graph_of_the_caller_is_not_written_to():
    graph = sparse.csr_matrix(np.array([[1.0, 2.0], [3.0, 4.0]]))
    graph.data.flags.writeable = False
    before = graph.toarray()
    check_pairs(graph, 2, True)
    assert_array_equal(graph.toarray(), before)
    indices = INDICES.copy()
    indices.flags.writeable = False
    check_pairs(indices, 5, True)
    assert_array_equal(indices, INDICES)


def test_a_list_of_lists_will_do():
    expected = check_pairs(INDICES, 5, True).toarray()
    assert_array_equal(check_pairs(INDICES.tolist(), 5, True).toarray(), expected)


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        (INDICES[:4], r"integer array of shape \(5, n_neighbors\).*got int64 values of shape"),
        (INDICES[0], r"got int64 values of shape \(2,\)"),
        (INDICES.astype(float), "got float64 values"),
        (np.where(INDICES == 4, 5, INDICES), "row numbers from 0 to 4, got 0 to 5"),
        (np.where(INDICES == 4, -1, INDICES), "row numbers from 0 to 4, got -1 to 3"),
        (INDICES[:, :0], "row numbers from 0 to 4, got 0"),
        (np.arange(5)[:, None], "must have a pair of two different rows, it has none"),
        (sparse.csr_matrix((5, 4)), r"must be of shape \(5, 5\), got \(5, 4\)"),
        (sparse.csr_matrix((5, 5)), "must have a pair of two different rows"),
        (sparse.identity(5, format="csr"), "must have a pair of two different rows"),
        (-sparse.eye(5, k=1, format="csr"), "finite and not negative"),
        (sparse.eye(5, k=1, format="csr") * np.nan, "finite and not negative"),
    ],
)
def test_bad_graphs(graph, message):
    with pytest.raises(ValueError, match=message):
        check_pairs(graph, 5, True)
