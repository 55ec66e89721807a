"""Linear encoder: least squares from the data to the embedding, with closed-form leave-one-out."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.linalg import eigh
from sklearn.linear_model import Ridge
from sklearn.model_selection import KFold, cross_val_predict

from sksubspace._linalg import in_blocks

_PENALTIES = 10.0 ** np.arange(-8, 3)
_SMALLEST_EIGENVALUE = 1e-10
_MAX_GRAM = 2000
_CHUNK = 4096


@dataclass(frozen=True)
class LinearEncoder:
    """z(x) = x @ coef + intercept."""

    coef: np.ndarray  # (d, q)
    intercept: np.ndarray  # (q,)

    def __call__(self, X):  # (n, d) -> (n, q)
        """Place the rows of X."""
        if sparse.issparse(X):
            return X @ self.coef + self.intercept
        return in_blocks(lambda rows: rows @ self.coef, X) + self.intercept


@dataclass(frozen=True)
class LinearFit:
    """A linear encoder and what it does to rows left out.

    Attributes
    ----------
    encoder : LinearEncoder
        Fitted on all rows.
    Z_loo : ndarray of shape (n, q)
        Where a fit without the row places it.
    influence : ndarray of shape (n, r) or None
        W such that the hat matrix is H = W W' + 1/n; None for the iterative solver.
    """

    encoder: LinearEncoder
    Z_loo: np.ndarray
    influence: np.ndarray | None


def fit_linear(X, Z):  # (n, d), (n, q) -> LinearFit
    """Fit by least squares and place every row by a fit without it.

    A ridge penalty a, of the leave-one-out's choice, keeps the problem determined. With the
    centred data Xc = U diag(sqrt(l)) V' the hat matrix is H = 1/n + U diag(l / (l + a)) U', and the
    leave-one-out residual of a row is e_i / (1 - h_ii).

    Where neither side of X is below 2,000, an iterative solver and two halves take its place.
    """
    if min(X.shape) > _MAX_GRAM:
        return _fit_iteratively(X, Z)
    mean, centre = np.asarray(X.mean(axis=0), dtype=np.float64).ravel(), Z.mean(axis=0)
    decompose = _primal if X.shape[1] <= X.shape[0] else _dual
    left, eigenvalues = decompose(X, mean)
    penalty, residuals = _choose(left, eigenvalues, Z - centre)
    moment = left.T @ (Z - centre)
    weights = left @ (moment / (eigenvalues + penalty)[:, None])  # coef = Xc' weights
    coef = _transposed_product(X, mean, weights)
    influence = left * np.sqrt(eigenvalues / (eigenvalues + penalty))
    return LinearFit(LinearEncoder(coef, centre - mean @ coef), Z - residuals, influence)


def _primal(X, mean):  # (n, d), (d,) -> (n, r), (r,)
    """Left singular vectors and eigenvalues through the (d, d) covariance."""
    gram = np.zeros((X.shape[1],) * 2)
    for rows in _chunks(X.shape[0]):
        centred = _dense(X[rows]) - mean
        gram += centred.T @ centred
    eigenvalues, vectors = _significant(*eigh(gram))
    left = np.empty((X.shape[0], len(eigenvalues)))
    for rows in _chunks(X.shape[0]):
        left[rows] = (_dense(X[rows]) - mean) @ (vectors / np.sqrt(eigenvalues))
    return left, eigenvalues


def _dual(X, mean):  # (n, d), (d,) -> (n, r), (r,)
    """The same through the (n, n) Gram matrix, for fewer rows than features."""
    centred = _dense(X) - mean
    eigenvalues, left = _significant(*eigh(centred @ centred.T))
    return left, eigenvalues


def _significant(eigenvalues, vectors):
    keep = eigenvalues > _SMALLEST_EIGENVALUE * max(eigenvalues[-1], 1e-300)
    return eigenvalues[keep], vectors[:, keep]


def _choose(left, eigenvalues, Z):  # (n, r), (r,), (n, q) -> float, (n, q)
    """Penalty with the least leave-one-out error, and its leave-one-out residuals."""
    squares, moment = np.square(left), left.T @ Z
    outside = 1 - 1 / len(Z) - squares.sum(axis=1)  # of the unit vector of row i, outside of U
    outside[outside < 1e-9] = 0
    beyond = Z - left @ moment
    best = (np.inf, 1.0, Z)
    for penalty in _PENALTIES * max(eigenvalues, default=1.0):
        kept_out = penalty / (eigenvalues + penalty)  # of 1 - H, without cancellation
        residuals = beyond + left @ (kept_out[:, None] * moment)
        residuals /= np.maximum(outside + squares @ kept_out, 1e-12)[:, None]
        error = np.square(residuals).sum()
        if error < best[0]:
            best = (error, penalty, residuals)
    return best[1:]


def _transposed_product(X, mean, weights):  # (n, d), (d,), (n, q) -> (d, q)
    """Xc' weights; the weights add up to zero, so that the mean drops out."""
    return np.asarray(X.T @ weights) - np.outer(mean, weights.sum(axis=0))


def _fit_iteratively(X, Z):
    squared_norm = X.multiply(X).sum() if sparse.issparse(X) else np.square(X).sum()
    penalty = 1e-4 * float(squared_norm) / min(X.shape)
    model = Ridge(alpha=max(penalty, 1e-300), solver="lsqr", tol=1e-8, max_iter=300)
    placed = cross_val_predict(model, X, Z, cv=KFold(2, shuffle=True, random_state=0))
    model.fit(X, Z)
    encoder = LinearEncoder(np.atleast_2d(model.coef_).T, np.atleast_1d(model.intercept_))
    return LinearFit(encoder, placed.reshape(Z.shape), None)


def _dense(X):
    return X.toarray().astype(np.float64) if sparse.issparse(X) else np.asarray(X, np.float64)


def _chunks(n_rows):
    return (slice(start, start + _CHUNK) for start in range(0, n_rows, _CHUNK))
