"""The order of neighbours, where a matrix product alone would get it wrong."""

import tracemalloc

import numpy as np
import pytest
from scipy import sparse

from sksubspace.metrics import (
    _space,
    distance_correlation,
    normalized_stress,
    q_nx,
    trustworthiness,
)
from sksubspace.metrics._space import Space, numbers_in_blocks
from tests.metrics import slow_and_plain
from tests.metrics.data import cloud, grid, held_out, sparse_cloud


@pytest.mark.parametrize("make", [cloud, grid])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_matrix, sparse.csr_array])
def test_the_order_is_by_distance_then_index(make, dtype, kind):
    X = make()[0].astype(dtype)
    order = Space(kind(X)).ranked(np.arange(40)).order
    np.testing.assert_array_equal(order, slow_and_plain.neighbors(X.astype(float)))
    order = Space(kind(X[:9]), kind(X[9:])).ranked(np.arange(9)).order
    np.testing.assert_array_equal(
        order, slow_and_plain.neighbors(X[:9].astype(float), X[9:].astype(float))
    )


@pytest.mark.parametrize("offset", [1e4, 1e6, 1e8])
def test_the_order_far_from_the_origin(offset):
    X = cloud()[0] + offset
    np.testing.assert_array_equal(Space(X).ranked(np.arange(40)).order, slow_and_plain.neighbors(X))


def test_the_order_within_clusters_that_are_far_apart():
    """No centre is near both: distances by matrix product have no right digit here."""
    X = cloud()[0] + 1e9 * (np.arange(40) % 2)[:, None]
    np.testing.assert_array_equal(Space(X).ranked(np.arange(40)).order, slow_and_plain.neighbors(X))


def test_equal_rows_are_ordered_by_index():
    X = np.full((6, 3), 0.1)
    assert Space(X).ranked(np.array([2])).order.tolist() == [[0, 1, 3, 4, 5]]


def test_distances_are_those_of_the_definition():
    for X in [cloud()[0], sparse_cloud()[0]]:
        dense = X.toarray() if sparse.issparse(X) else X
        expected = slow_and_plain.distances(dense[[4, 7]], dense)
        result = Space(X).distances(np.array([4, 7]))
        np.testing.assert_allclose(result, expected, atol=1e-12)
        assert result[0, 4] == result[1, 7] == 0


def test_blocks_cover_the_rows_in_order():
    rows = np.arange(3, 60)
    blocks = numbers_in_blocks(rows, 2**18)
    np.testing.assert_array_equal(np.concatenate(blocks), rows)
    assert max(map(len, blocks)) == 8
    assert [len(block) for block in numbers_in_blocks(rows[:3], 2**40)] == [1, 1, 1]


@pytest.mark.parametrize("metric", [trustworthiness, q_nx, normalized_stress, distance_correlation])
def test_memory_stays_below_the_square_of_the_rows(metric, monkeypatch):
    X, Z = cloud(1500, 3)
    monkeypatch.setattr(_space, "_BLOCK_ELEMENTS", 2**14)
    metric(X[:50], Z[:50])
    tracemalloc.start()
    metric(X, Z)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1500 * 1500 * 8 / 4


def test_sparse_and_dense_data_give_the_same():
    X, Z = sparse_cloud()
    assert trustworthiness(X, Z) == trustworthiness(X.toarray(), Z)
    sparse_rows, dense_rows = held_out(X, Z), held_out(X.toarray(), Z)
    assert trustworthiness(**sparse_rows) == trustworthiness(**dense_rows)
