"""Distances and neighbour orders of many rows, a block at a time.

Squared distances come from a matrix product, which is fast but rounds: by at most a known margin.
Wherever two of them are closer than that, the order is decided by distances computed directly.
Rows that are equally far are known as such: nobody can say which of them is the nearer one, and the
metrics take the mean over all orders of theirs.
"""

import numpy as np
from scipy import sparse
from sklearn.utils.extmath import row_norms, safe_sparse_dot

from sksubspace._validation import in_order_of
from sksubspace.metrics._input import (
    check_pair,
    check_reference,
    check_same_length,
    check_together,
)
from sksubspace.metrics._ties import equally_far, grouped
from sksubspace.neighbors import k_nearest
from sksubspace.neighbors._distances import paired_distances

# 2^21 distances are 16 MiB
_BLOCK_ELEMENTS = 2**21
# of all ranks: it is then faster to search for them than to sort all rows
_FEW = 0.02
_QUERIES_OF_FEW = 4096


def paired_spaces(X, Z, X_train=None, Z_train=None):  # -> two Space
    """Check the input of a metric that compares distances before and after mapping.

    Held-out rows are compared with training rows, others with one another.
    """
    X, Z = check_pair(X, Z)
    check_together(X_train, Z_train, "X_train", "Z_train")
    if X_train is None:
        if X.shape[0] < 2:
            raise ValueError(
                f"X must have at least 2 rows, or X_train and Z_train be given, got {X.shape[0]}."
            )
        return Space(X), Space(Z)
    Z_train = in_order_of(X_train, Z_train, "Z_train", of="X_train")
    X_train = check_reference(X, X_train, "X", accept_sparse=True)
    Z_train = check_reference(Z, Z_train, "Z")
    check_same_length(X_train, Z_train, "X_train", "Z_train")
    return Space(X, X_train), Space(Z, Z_train)


def numbers_in_blocks(rows, n_columns):  # (m,) -> list of (b,)
    """Split row numbers so that a matrix of a block by all columns stays small."""
    step = max(1, _BLOCK_ELEMENTS // n_columns)
    return [rows[start : start + step] for start in range(0, len(rows), step)]


class Space:
    """Rows to score, and the rows that they are compared with, CSR or dense.

    Without `reference` they are compared with one another, and no row is its own neighbour.
    Distances count as equal up to `rounding`, which is that of the rows themselves.
    """

    def __init__(self, queries, reference=None, *, rounding=0.0):
        self.rounding = rounding
        self.within = reference is None
        self.queries, self.reference = queries, queries if self.within else reference
        self.n_queries, self.n_reference = queries.shape[0], self.reference.shape[0]
        self.n_candidates = self.n_reference - self.within
        mean = 0.0
        if not sparse.issparse(queries):
            mean = self.reference.mean(axis=0, dtype=np.float64)
        self._to = _centered(self.reference, mean)
        self._from = self._to if self.within else _centered(queries, mean)
        self._to_norms = row_norms(self._to, squared=True)
        self._from_norms = self._to_norms if self.within else row_norms(self._from, squared=True)

    def distances(self, rows):  # (m,) -> (m, n)
        """Distances of some rows to all reference rows up to rounding, 0 from a row to itself."""
        squared = self._squared(rows)
        if self.within:
            squared[np.arange(len(rows)), rows] = 0
        return np.sqrt(squared, out=squared)

    def ranked(self, rows):  # (m,) -> Ranked of (m, c)
        """Rank the reference rows by their distance from some rows, without the row itself."""
        squared = self._squared(rows)
        if self.within:
            squared[np.arange(len(rows)), rows] = np.inf
        order = np.argsort(squared, axis=1)
        squared = np.take_along_axis(squared, order, axis=1)
        close = np.diff(squared, axis=1) <= self._margin(rows)[:, None]
        tied = self._settle(rows, order, close)
        return grouped(order[:, : self.n_candidates], tied[:, : self.n_candidates - 1])

    def rankings(self, rows, k, chunk_size=None):  # (m,)
        """Rank for some rows, a few at a time, at least the k nearest and what ties with the last.

        Yields
        ------
        rows : ndarray of shape (m,)
            Row numbers.

        ranked : Ranked of shape (m, c)
            With c at least k; no group of equals is cut.
        """
        few = k <= _FEW * self.n_candidates and k < self.n_candidates
        step = chunk_size or (
            _QUERIES_OF_FEW if few else max(1, _BLOCK_ELEMENTS // self.n_reference)
        )
        for start in range(0, len(rows), step):
            whole = rows[start : start + step]
            if few:
                found, ranked, whole = self._nearest(whole, k)
                yield found, ranked
            for block in numbers_in_blocks(whole, self.n_reference):
                yield block, self.ranked(block)

    def _nearest(self, rows, k):
        """The k nearest, where the next one is farther; and the rows where it is not."""
        own = rows if self.within else False
        squared, order = k_nearest(self.queries[rows], self.reference, k + 1, exclude_self=own)
        tied = equally_far(squared, self.rounding)
        whole = ~tied[:, k - 1]
        return rows[whole], grouped(order[whole, :k], tied[whole, : k - 1]), rows[~whole]

    def _squared(self, rows):
        squared = safe_sparse_dot(self._from[rows], self._to.T, dense_output=True)
        squared *= -2
        squared += self._from_norms[rows, None]
        squared += self._to_norms
        return np.maximum(squared, 0, out=squared)

    def _margin(self, rows):
        """Twice the most that a squared distance by matrix product and a direct one differ by."""
        rounding = (8 * self.reference.shape[1] + 32) * np.finfo(np.float64).eps
        return rounding * (self._from_norms[rows] + self._to_norms.max())

    def _settle(self, rows, order, close):
        """Sort, in place, each run of neighbours that are too close to call.

        Returned is whether a place (m, n) is as far as the next one.
        """
        unsure = np.zeros(order.shape, dtype=bool)
        unsure[:, :-1] |= close
        unsure[:, 1:] |= close
        row, place = np.nonzero(unsure)
        begins = (place == 0) | ~close[row, place - 1]
        columns = order[row, place]
        exact = paired_distances(self.queries, self.reference, rows[row], columns)
        by_run = np.lexsort((columns, exact, np.cumsum(begins)))
        order[row, place] = columns[by_run]
        tied = np.zeros(close.shape, dtype=bool)
        same = equally_far(exact[by_run], self.rounding) & ~begins[1:]
        tied[row[:-1][same], place[:-1][same]] = True
        return tied


def _centered(rows, mean):
    rows = rows.astype(np.float64)
    return rows if sparse.issparse(rows) else rows - mean
