"""Rows to cluster: their lengths, and blocks of them with sums."""

from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from sksubspace._linalg import column_means
from sksubspace._validation import check_block

__all__ = [
    "MemberSums",
    "RowSums",
    "mean_of_block",
    "row_norms",
    "row_sums",
    "training_block",
    "unit_by_norms",
]


def row_norms(X):  # (n, d) -> (n,)
    """Euclidean length of each row, in the dtype of X, computed row by row."""
    if sparse.issparse(X):
        squares = X.multiply(X).sum(axis=1)
        return np.sqrt(np.asarray(squares).reshape(-1)).astype(X.dtype)
    return np.sqrt(np.einsum("nd,nd->n", X, X, dtype=np.float64)).astype(X.dtype)


def unit_by_norms(X, norms):  # (n, d), (n,) -> (n, d), in place
    """Divide rows by their norms; rows of zeros stay."""
    safe = np.where(norms > 0, norms, 1).astype(X.dtype)
    if sparse.issparse(X):
        X.data /= np.repeat(safe, np.diff(X.indptr))
    else:
        X /= safe[:, None]
    return X


def training_block(rows, normalize):  # (b, d) -> (b, d)
    """Copy the rows of a block, at unit length with ``normalize``."""
    X = np.array(check_block(rows), order="C")
    return unit_by_norms(X, row_norms(X)) if normalize else X


@dataclass(frozen=True)
class RowSums:
    """Sums of rows less an origin.

    Attributes
    ----------
    n, n_zero : int
        Number of rows, and of those that are zero.
    given : ndarray of shape (n_features,)
        Sum of the rows as they were given, less an origin of their own.
    origin : ndarray of shape (n_features,)
        Near the mean of the rows to fit, so that squares lose no digits.
    total, gram : ndarrays of shape (n_features,) and (n_features, n_features)
        Sum and products of the rows to fit less `origin`.
    """

    n: int
    n_zero: int
    given: np.ndarray
    origin: np.ndarray
    total: np.ndarray
    gram: np.ndarray

    def add(self, other):
        """Sums of both sets of rows."""
        names = ("n", "n_zero", "given", "total", "gram")
        both = {name: getattr(self, name) + getattr(other, name) for name in names}
        return replace(self, **both)

    @property
    def mean(self):
        """Mean of the rows to fit."""
        return self.origin + self.total / self.n


def row_sums(rows, given_origin, origin, normalize):  # -> RowSums
    """Sums of the rows of a block."""
    X = check_block(rows)
    units = training_block(X, normalize) - origin
    n_zero = int((row_norms(X) == 0).sum())
    given = (X - given_origin).sum(axis=0)
    return RowSums(len(X), n_zero, given, origin, units.sum(axis=0), units.T @ units)


def mean_of_block(rows, normalize):  # -> (d,)
    """Mean of the rows of a block as they are fitted."""
    return column_means(training_block(rows, normalize))


@dataclass(frozen=True)
class MemberSums:
    """Sums over the members of each cluster, of rows less a point of its own.

    Attributes
    ----------
    counts : ndarray of shape (n_clusters,)
        Members.
    totals, grams : ndarrays of shape (n_clusters, n_features) and (..., n_features)
        Sums and products.
    """

    counts: np.ndarray
    totals: np.ndarray
    grams: np.ndarray

    @classmethod
    def of(cls, X, labels, points):  # (b, d), (b,), (K, d)
        """Sums of rows; those with a negative label belong to none."""
        totals, grams = np.zeros(points.shape), np.zeros((*points.shape, points.shape[1]))
        for k, point in enumerate(points):
            members = X[labels == k].astype(np.float64) - point
            totals[k], grams[k] = members.sum(axis=0), members.T @ members
        return cls(np.bincount(labels[labels >= 0], minlength=len(points)), totals, grams)

    def add(self, other):
        """Sums of both sets of rows."""
        return MemberSums(
            self.counts + other.counts, self.totals + other.totals, self.grams + other.grams
        )
