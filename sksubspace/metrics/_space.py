"""Distances and neighbour orders of many rows, a block at a time.

Squared distances come from a matrix product, which is fast but rounds: by at most a known margin.
Wherever two of them are closer than that, the order is decided by distances computed directly.
"""

import numpy as np
from scipy import sparse
from sklearn.utils.extmath import row_norms, safe_sparse_dot

from sksubspace.metrics._input import (
    check_pair,
    check_reference,
    check_same_length,
    check_together,
)
from sksubspace.neighbors._distances import paired_distances

# 2^21 distances are 16 MiB
_BLOCK_ELEMENTS = 2**21


def paired_spaces(X, Z, X_train=None, Z_train=None):
    """Check the input of a metric that compares distances before and after mapping.

    Parameters
    ----------
    X : {array-like, CSR matrix} of shape (n_samples, n_features)
        Data.

    Z : array-like of shape (n_samples, n_components)
        Map.

    X_train : {array-like, CSR matrix} of shape (n_train, n_features), default=None
        Data that held-out rows are compared with; None compares the rows with one another.

    Z_train : array-like of shape (n_train, n_components), default=None
        Map of the training data.

    Returns
    -------
    data : Space
        Distances before mapping.

    map : Space
        Distances after mapping.
    """
    X, Z = check_pair(X, Z)
    check_together(X_train, Z_train, "X_train", "Z_train")
    if X_train is None:
        if X.shape[0] < 2:
            raise ValueError(
                f"X must have at least 2 rows, or X_train and Z_train be given, got {X.shape[0]}."
            )
        return Space(X), Space(Z)
    X_train = check_reference(X, X_train, "X", accept_sparse=True)
    Z_train = check_reference(Z, Z_train, "Z")
    check_same_length(X_train, Z_train, "X_train", "Z_train")
    return Space(X, X_train), Space(Z, Z_train)


def numbers_in_blocks(rows, n_columns):
    """Split row numbers so that a matrix of a block by all columns stays small.

    Parameters
    ----------
    rows : ndarray of shape (n_rows,)
        Row numbers.

    n_columns : int
        Columns of the matrix.

    Returns
    -------
    list of ndarray of shape (n_block,)
        The row numbers in order.
    """
    step = max(1, _BLOCK_ELEMENTS // n_columns)
    return [rows[start : start + step] for start in range(0, len(rows), step)]


class Space:
    """Rows to score, and the rows they are compared with.

    Parameters
    ----------
    queries : {ndarray, CSR matrix} of shape (n_queries, n_features)
        Rows to score.

    reference : {ndarray, CSR matrix} of shape (n_reference, n_features), default=None
        Rows to compare with. None takes `queries`, and no row is its own neighbour.
    """

    def __init__(self, queries, reference=None):
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

    def distances(self, rows):
        """Distances of some rows to all reference rows, up to rounding.

        Parameters
        ----------
        rows : ndarray of shape (n_rows,)
            Numbers of rows to score.

        Returns
        -------
        ndarray of shape (n_rows, n_reference)
            In units of the input; exactly 0 between a row and itself.
        """
        squared = self._squared(rows)
        if self.within:
            squared[np.arange(len(rows)), rows] = 0
        return np.sqrt(squared, out=squared)

    def order(self, rows):
        """Reference rows by (distance, index) from some rows.

        Parameters
        ----------
        rows : ndarray of shape (n_rows,)
            Numbers of rows to score.

        Returns
        -------
        ndarray of shape (n_rows, n_candidates)
            Row numbers, the nearest first, without the row itself.
        """
        squared = self._squared(rows)
        if self.within:
            squared[np.arange(len(rows)), rows] = np.inf
        order = np.argsort(squared, axis=1)
        squared = np.take_along_axis(squared, order, axis=1)
        close = np.diff(squared, axis=1) <= self._margin(rows)[:, None]
        self._settle(rows, order, close)
        return order[:, : self.n_candidates]

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
        """Sort, in place, each run of neighbours that are too close to call."""
        unsure = np.zeros(order.shape, dtype=bool)
        unsure[:, :-1] |= close
        unsure[:, 1:] |= close
        row, place = np.nonzero(unsure)
        begins = (place == 0) | ~close[row, place - 1]
        columns = order[row, place]
        exact = paired_distances(self.queries, self.reference, rows[row], columns)
        by_run = np.lexsort((columns, exact, np.cumsum(begins)))
        order[row, place] = columns[by_run]


def _centered(rows, mean):
    rows = rows.astype(np.float64)
    return rows if sparse.issparse(rows) else rows - mean
