"""Linear encoder: least squares from the data to the embedding, with closed-form leave-one-out."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.linalg import eigh
from sklearn.linear_model import Ridge
from sklearn.model_selection import KFold, cross_val_predict

_PENALTIES = 10.0 ** np.arange(-10, 3)
_MAX_GRAM = 5000
_CHUNK = 4096


@dataclass(frozen=True)
class LinearEncoder:
    """z(x) = x @ coef + intercept."""

    coef: np.ndarray  # (d, q)
    intercept: np.ndarray  # (q,)

    def __call__(self, X):  # (n, d) -> (n, q)
        """Place the rows of X."""
        return X @ self.coef + self.intercept


def fit_linear(X, Z):  # (n, d), (n, q) -> LinearEncoder, (n, q)
    """Fit by least squares and place every row by a fit without it.

    A small ridge penalty a, of the leave-one-out's choice, keeps the problem determined. With the
    hat matrix H = 1/n + Xc (Xc'Xc + aI)^-1 Xc' the leave-one-out residual is e_i / (1 - h_ii).

    Where neither side of X is below 5,000, an iterative solver and two halves take its place.
    """
    if min(X.shape) > _MAX_GRAM:
        return _fit_iteratively(X, Z)
    mean, centre = np.asarray(X.mean(axis=0), dtype=np.float64).ravel(), Z.mean(axis=0)
    spectral = _primal if X.shape[1] <= X.shape[0] else _dual
    coef, left_out = spectral(X, mean, Z - centre)
    return LinearEncoder(coef, centre - mean @ coef), Z - left_out


def _primal(X, mean, Z):  # (n, d), (d,), (n, q) -> (d, q), (n, q)
    """Through the (d, d) covariance."""
    gram, moment = np.zeros((X.shape[1],) * 2), np.zeros((X.shape[1], Z.shape[1]))
    for rows in _chunks(len(Z)):
        centred = _dense(X[rows]) - mean
        gram += centred.T @ centred
        moment += centred.T @ Z[rows]
    eigenvalues, vectors = eigh(gram)
    eigenvalues, vectors, penalties = _significant(eigenvalues, vectors)
    moment = vectors.T @ moment
    residuals = np.empty((len(penalties), *Z.shape))
    for rows in _chunks(len(Z)):
        scores = (_dense(X[rows]) - mean) @ vectors
        for k, penalty in enumerate(penalties):
            shrunk = scores / (eigenvalues + penalty)
            leverage = 1 / len(Z) + np.einsum("np,np->n", shrunk, scores)
            residuals[k, rows] = _left_out(Z[rows] - shrunk @ moment, leverage)
    best = np.argmin(np.square(residuals).sum(axis=(1, 2)))
    coef = vectors @ (moment / (eigenvalues + penalties[best])[:, None])
    return coef, residuals[best]


def _dual(X, mean, Z):  # (n, d), (d,), (n, q) -> (d, q), (n, q)
    """Through the (n, n) Gram matrix, for fewer rows than features."""
    centred = _dense(X) - mean
    eigenvalues, vectors, penalties = _significant(*eigh(centred @ centred.T))
    moment = vectors.T @ Z
    candidates = []
    for penalty in penalties:
        shrink = eigenvalues / (eigenvalues + penalty)
        leverage = 1 / len(Z) + np.square(vectors) @ shrink
        residual = _left_out(Z - vectors @ (shrink[:, None] * moment), leverage)
        candidates.append((np.square(residual).sum(), penalty, residual))
    _, penalty, residual = min(candidates, key=lambda candidate: candidate[0])
    coef = centred.T @ (vectors @ (moment / (eigenvalues + penalty)[:, None]))
    return coef, residual


def _significant(eigenvalues, vectors):
    """Eigenpairs above rounding, and the penalties in units of the mean eigenvalue."""
    largest = max(eigenvalues.max(), 1e-300)
    keep = eigenvalues > 1e-12 * largest
    return eigenvalues[keep], vectors[:, keep], _PENALTIES * largest / max(keep.sum(), 1)


def _left_out(residual, leverage):
    return residual / np.maximum(1 - leverage, 1e-8)[:, None]


def _fit_iteratively(X, Z):
    model = Ridge(alpha=1e-6, solver="lsqr")
    left_out = cross_val_predict(model, X, Z, cv=KFold(2, shuffle=True, random_state=0))
    model.fit(X, Z)
    coef = np.atleast_2d(model.coef_).T
    return LinearEncoder(coef, np.atleast_1d(model.intercept_)), left_out.reshape(Z.shape)


def _dense(X):
    return X.toarray().astype(np.float64) if sparse.issparse(X) else np.asarray(X, np.float64)


def _chunks(n_rows):
    return (slice(start, start + _CHUNK) for start in range(0, n_rows, _CHUNK))
