"""Rows of X, centred or not, seen only through their products with thin matrices."""

import numpy as np
from scipy import linalg, sparse
from sklearn.utils.extmath import safe_sparse_dot

__all__ = ["Rows", "largest_square", "leading_directions"]

_OVERSAMPLING = 10
_POWER_ITERATIONS = 7
_ROUNDING = 1e-14


class Rows:
    """The matrix Z = X - 1 m', never formed where X is sparse.

    ``squares`` is ||Z||^2, and one where Z is zero, whose share of anything is zero.

    Parameters
    ----------
    X : {ndarray, sparse matrix} of shape (n_samples, n_features)
        Rows. They are not written to.

    centre : bool
        Whether m is the mean of the rows; else it is zero.
    """

    def __init__(self, X, *, centre):
        n, d = X.shape
        self.shape = (n, d)
        mean = np.asarray(X.mean(axis=0, dtype=np.float64)).reshape(-1)
        self.mean = mean if centre else np.zeros(d)
        self._sparse = sparse.issparse(X)
        if self._sparse:
            self.matrix = X.astype(np.float64)
            squares = np.square(self.matrix.data).sum() - n * self.mean @ self.mean
        else:
            self.matrix = X - self.mean
            squares = np.vdot(self.matrix, self.matrix)
        smallest = (_ROUNDING if self._sparse else _ROUNDING**2) * (squares + n * mean @ mean)
        self.squares = float(squares) if squares > smallest else 1.0

    def project(self, V):  # (d, k) -> (n, k)
        """Z V."""
        found = safe_sparse_dot(self.matrix, V)
        return found - self.mean @ V if self._sparse else found

    def gather(self, E):  # (n, k) -> (d, k)
        """Z' E."""
        found = safe_sparse_dot(self.matrix.T, E)
        return found - np.outer(self.mean, E.sum(axis=0)) if self._sparse else found


def leading_directions(rows, n_components, rng):  # (n, d) -> (d, k)
    """Leading right singular vectors of Z by subspace iteration from random directions.

    Halko, Martinsson and Tropp (2011). Exact where ten columns more than asked for are all.
    """
    n_columns = min(n_components + _OVERSAMPLING, *rows.shape)
    basis = linalg.qr(rng.standard_normal((rows.shape[1], n_columns)), mode="economic")[0]
    for _ in range(_POWER_ITERATIONS):
        basis = linalg.qr(rows.gather(rows.project(basis)), mode="economic")[0]
    scores = rows.project(basis)
    return basis @ linalg.eigh(scores.T @ scores)[1][:, ::-1][:, :n_components]


def largest_square(rows, shares, rng, n_iter=30):  # (n, d), (n,) -> ()
    """Largest eigenvalue of Z' diag(shares) Z by power iteration of a block, and 5 % more.

    Power iteration comes from below; steps that rest on the value need it from above.
    """
    vectors = rng.standard_normal((rows.shape[1], min(4, *rows.shape)))
    value = 0.0
    for _ in range(n_iter):
        vectors = linalg.qr(vectors, mode="economic")[0]
        vectors = rows.gather(shares[:, None] * rows.project(vectors))
        value = linalg.svdvals(vectors)[0]
    return 1.05 * float(value)
