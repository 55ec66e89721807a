"""The parts of the objective that all solvers of supervised dictionaries share, and its rows."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy import linalg, sparse
from scipy.optimize import minimize
from scipy.special import expit
from sklearn.utils.extmath import safe_sparse_dot

from sksubspace._linalg import total_squares

__all__ = [
    "CentredRows",
    "Problem",
    "Solution",
    "as_targets",
    "cross_entropy",
    "fit_head",
    "largest_square",
    "randomised_directions",
    "unit_side",
]

# of L-BFGS: so small that it stops by the decrease of the objective
_SMALLEST_GRADIENT = 1e-12
# columns beyond those asked for, and iterations, of the randomised directions
_OVERSAMPLING = 10
_POWER_ITERATIONS = 7
# share of the squared norm of the rows below which centred rows are zero
_ROUNDING = 1e-14


class CentredRows:
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
            squares = total_squares(self.matrix, self.mean)
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


def randomised_directions(rows, n_components, rng):  # (n, d) -> (d, k)
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


class Solution(NamedTuple):
    """What a solver finds.

    Parameters
    ----------
    W : ndarray of shape (n_features, n_components)
        Dictionary, atoms in columns.
    b : ndarray of shape (n_components, n_outputs)
        Coefficients of the components.
    h : ndarray of shape (1 + n_aux, n_outputs)
        Intercepts, and coefficients of the scaled auxiliary covariates.
    losses : list of float
        Objective after every iteration.
    converged : bool
        Whether the search ended before ``max_iter``.
    """

    W: np.ndarray
    b: np.ndarray
    h: np.ndarray
    losses: list
    converged: bool


@dataclass(frozen=True)
class Problem:
    """CentredRows, targets and weights of the terms.

    Parameters
    ----------
    rows : CentredRows
        The matrix Z.
    target : ndarray of shape (n_samples, n_outputs)
        Indicators of classes; one column, of the second class, where there are two.
    shares : ndarray of shape (n_samples,)
        Weights of the rows in the cross-entropy, with sum one.
    side : ndarray of shape (n_samples, 1 + n_aux)
        A column of ones and scaled auxiliary covariates.
    weight : float
        Weight of the unexplained share of ||Z||^2.
    alpha : float
        Weight of squared coefficients.
    """

    rows: CentredRows
    target: np.ndarray
    shares: np.ndarray
    side: np.ndarray
    weight: float
    alpha: float

    @property
    def curvature(self):
        """Upper bound of the second derivatives of cross-entropy by activations."""
        return 0.25 if self.target.shape[1] == 1 else 0.5

    @property
    def per_square(self):
        """Weight of one unit of squared residuals."""
        return self.weight / self.rows.squares

    def classify(self, activations):  # (n, L) -> (), (n, L)
        """Cross-entropy and its derivatives by activations."""
        return cross_entropy(activations, self.target, self.shares)

    def penalty(self, b, h):  # (r, L), (1 + p, L) -> ()
        """Alpha (||b||^2 + ||g||^2), without the intercepts."""
        return self.alpha * (np.vdot(b, b) + np.vdot(h[1:], h[1:]))

    def head_gradient(self, F, residual, b, h):  # (n, r), (n, L) -> (r, L), (1 + p, L)
        """Derivatives of cross-entropy of ``F b + side h`` and of the penalty."""
        by_side = self.side.T @ residual
        by_side[1:] += 2 * self.alpha * h[1:]
        return F.T @ residual + 2 * self.alpha * b, by_side

    def empty_head(self, n_components):  # -> (r, L), (1 + p, L)
        """Coefficients that are zero."""
        n_outputs = self.target.shape[1]
        return np.zeros((n_components, n_outputs)), np.zeros((self.side.shape[1], n_outputs))


def as_targets(codes, n_classes):  # (n,) of int -> (n, L)
    """Indicators; two classes need one column."""
    return np.eye(n_classes)[codes][:, 1 if n_classes == 2 else 0 :]


def cross_entropy(activations, target, shares):  # (n, L), (n, L), (n,) -> (), (n, L)
    """Weighted mean of -log p(class), and its derivatives by activations.

    With one column, p is the logistic function of the activation, else the softmax of all.
    """
    if activations.shape[1] == 1:
        log_norm = np.logaddexp(0, activations[:, 0])
        chances = expit(activations)
    else:
        largest = activations.max(axis=1)
        chances = np.exp(activations - largest[:, None])
        total = chances.sum(axis=1)
        log_norm, chances = largest + np.log(total), chances / total[:, None]
    losses = log_norm - np.einsum("nl,nl->n", activations, target)
    return float(shares @ losses), shares[:, None] * (chances - target)


def unit_side(X_aux, n_samples):  # (n, p) or None -> (n, 1 + p), (p,), (p,)
    """Column of ones, covariates of mean zero and unit variance; the means and units."""
    X_aux = np.zeros((n_samples, 0)) if X_aux is None else X_aux.astype(np.float64)
    mean, unit = X_aux.mean(axis=0), X_aux.std(axis=0)
    unit = np.where(unit > 10 * np.finfo(np.float64).eps * np.abs(mean), unit, 1.0)
    return np.column_stack([np.ones(n_samples), (X_aux - mean) / unit]), mean, unit


def fit_head(problem, F, b, h, *, max_iter, tol):  # (n, r), (r, L), (1 + p, L) -> b, h, ()
    """Logistic regression on F and the side columns from a start, by L-BFGS.

    Columns of F have unit mean square inside. The last value is cross-entropy plus penalty.
    """
    unit = np.sqrt(np.einsum("nr,nr->r", F, F) / len(F))
    unit = np.where(unit > 0, unit, 1.0)[:, None]
    n_inner = b.size

    def objective(packed):
        b, h = packed[:n_inner].reshape(unit.size, -1) / unit, packed[n_inner:].reshape(shape)
        loss, residual = problem.classify(F @ b + problem.side @ h)
        by_b, by_h = problem.head_gradient(F, residual, b, h)
        return loss + problem.penalty(b, h), np.r_[(by_b / unit).ravel(), by_h.ravel()]

    shape = h.shape
    result = minimize(
        objective,
        np.r_[(b * unit).ravel(), h.ravel()],
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": max_iter, "ftol": tol, "gtol": _SMALLEST_GRADIENT},
    )
    found = result.x[:n_inner].reshape(b.shape) / unit, result.x[n_inner:].reshape(shape)
    return *found, float(result.fun)
