"""Neighbours of a table that are searched once, and read off for its parts."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone

from sksubspace.neighbors import _table as module
from sksubspace.neighbors import k_nearest
from sksubspace.neighbors._table import NeighborTable, PartNeighbors


def rows(n=200, d=5, seed=0):
    X = np.random.RandomState(seed).randn(n, d).round(1)  # many equal distances
    X[10] = X[11] = X[12]
    return X


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_matrix])
@pytest.mark.parametrize("share", [1.0, 0.8, 0.3, 0.1])
def test_a_part_has_the_neighbours_of_a_search_of_its_own(share, form):
    """Ties in the same order; where the table is too short, the part is searched."""
    X = form(rows())
    table = NeighborTable.of(X, 7, 0.8)
    part = np.sort(np.random.RandomState(1).choice(200, int(share * 200), replace=False))
    squared, indices = table.within(part, 7)
    wanted, places = k_nearest(X[part], X[part], 7, exclude_self=True)
    np.testing.assert_array_equal(indices, places)
    np.testing.assert_array_equal(squared, wanted)


def test_most_rows_of_a_usual_fold_are_read_off(monkeypatch):
    X = np.random.RandomState(0).randn(500, 4)
    table = NeighborTable.of(X, 15, 0.8)
    part = np.sort(np.random.RandomState(1).choice(500, 400, replace=False))
    searched = []

    def search(queries, *args, **kwargs):
        searched.append(len(queries))
        return k_nearest(queries, *args, **kwargs)

    monkeypatch.setattr(module, "k_nearest", search)
    table.within(part, 15)
    assert sum(searched) < 40


def test_what_is_too_large_for_one_search_is_left_to_the_teachers(monkeypatch):
    X = rows()
    monkeypatch.setattr(module, "_LARGEST_SEARCH", 200**2 * 5 - 1)
    assert NeighborTable.of(X, 3) is None
    assert NeighborTable.of(sparse.random(200, 5, 0.01, "csr", random_state=0), 3) is not None
    monkeypatch.setattr(module, "_LARGEST_SEARCH", 1e12)
    monkeypatch.setattr(module, "_LARGEST_TABLE", 16 * 200 * 3 - 1)
    assert NeighborTable.of(X, 3) is None and NeighborTable.of(X, 2) is not None


def test_a_part_is_not_copied_with_what_holds_it():
    X = rows()
    part = PartNeighbors(NeighborTable.of(X, 3), np.arange(200))
    assert clone(part) is part
    held_out = X[:150]
    np.testing.assert_array_equal(
        part.nearest(held_out, 3)[1], k_nearest(held_out, held_out, 3, exclude_self=True)[1]
    )
