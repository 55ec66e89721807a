"""Neighbours of all rows of a table, searched once and read off for every part of it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from sksubspace.neighbors._exact import k_nearest

# so much more is kept than the rows of a part need on average, so that few of them run short
_SPARE = 1.25
# multiplications beyond which a search of one's own is cheaper, and bytes that are too many
_LARGEST_SEARCH, _LARGEST_TABLE = 1e12, 2**30
# a product of sparse rows takes about as long as one of ten times as many dense numbers
_SPARSE = 10


@dataclass(frozen=True)
class NeighborTable:
    """The nearest other rows of each row, exact, and the same for parts of the table.

    Attributes
    ----------
    X : {ndarray, CSR matrix} of shape (n, d)
        The rows.

    squared, indices : ndarray of shape (n, k)
        Squared Euclidean distances, ascending, and row numbers.
    """

    X: Any
    squared: np.ndarray
    indices: np.ndarray

    @classmethod
    def of(cls, X, n_neighbors, least_share=1.0):
        """Search once, for `n_neighbors` within parts of at least this share of the rows.

        None where that would take longer, or more memory, than each teacher's own search.
        """
        n_samples = X.shape[0]
        wanted = n_neighbors if least_share >= 1 else _SPARE * n_neighbors / least_share
        n_found = min(int(np.ceil(wanted)), n_samples - 1)
        width = _SPARSE * X.nnz / n_samples if sparse.issparse(X) else X.shape[1]
        if n_samples**2 * width > _LARGEST_SEARCH or 16 * n_samples * n_found > _LARGEST_TABLE:
            return None
        return cls(X, *k_nearest(X, X, n_found, exclude_self=True))

    def within(self, rows, n_neighbors):  # (m,) ascending -> (m, k), (m, k)
        """Nearest other rows of each of some rows among them, by their place in `rows`.

        What a search of ``X[rows]`` gives, in distance and in order; rows of which too few
        neighbours are known are searched for anew.
        """
        if len(rows) == len(self.indices) and n_neighbors <= self.indices.shape[1]:
            return self.squared[:, :n_neighbors], self.indices[:, :n_neighbors]
        place = np.full(len(self.indices), -1)
        place[rows] = np.arange(len(rows))
        squared, found = self.squared[rows], place[self.indices[rows]]
        missing = found < 0
        first = np.argsort(missing, axis=1, kind="stable")[:, :n_neighbors]
        squared = np.take_along_axis(squared, first, axis=1)
        found = np.take_along_axis(found, first, axis=1)
        short = np.flatnonzero((~missing).sum(axis=1) < n_neighbors)
        if first.shape[1] < n_neighbors or len(short):
            short = np.arange(len(rows)) if first.shape[1] < n_neighbors else short
            part = self.X[rows]
            anew = k_nearest(part[short], part, n_neighbors, exclude_self=short)
            if len(short) == len(rows):
                return anew
            squared[short], found[short] = anew
        return squared, found


@dataclass(frozen=True)
class PartNeighbors:
    """Neighbours within some rows of a table; no copy is made of it, whoever is cloned with it.

    Attributes
    ----------
    table : NeighborTable
        All rows.

    rows : ndarray of shape (m,)
        The part, ascending.
    """

    table: NeighborTable
    rows: np.ndarray

    def __sklearn_clone__(self):
        return self

    def nearest(self, X, n_neighbors):  # (r, d) -> (r, k), (r, k)
        """Neighbours within X, the rows of the part; of other rows they are searched for."""
        if X.shape[0] != len(self.rows):
            return k_nearest(X, X, n_neighbors, exclude_self=True)
        return self.table.within(self.rows, n_neighbors)
