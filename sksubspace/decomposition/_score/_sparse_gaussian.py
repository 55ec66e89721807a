"""A Gaussian score of sparse rows, which stay sparse: their centring has rank one."""

import warnings

import numpy as np
from scipy.sparse.linalg import LinearOperator, cg
from sklearn.exceptions import ConvergenceWarning

from sksubspace.decomposition._score._base import Term, intensity
from sksubspace.decomposition._score._gaussian import GaussianScore, score_of_moments

# up to so many features the covariance and its inverse are made, 32 MiB each
_MOST_FEATURES = 2000
# 2^22 products of rows are 32 MiB
_MAX_ENTRIES = 2**22


def fit_sparse_gaussian(X, weights, shrinkage):  # CSR (n, d), (n,) -> GaussianScore, Term
    """Fit the score; the term's rows P (x - m) are an operator of shape (n, d).

    Above 2,000 features the covariance is not made: P is then an operator, by conjugate gradients,
    and ``precision_`` of the score is None.
    """
    share = weights / weights.sum()
    mean = X.T @ share
    squares = np.asarray(X.multiply(X).sum(axis=1)).ravel() - 2 * (X @ mean) + mean @ mean
    fourth = share @ np.square(squares)
    total = weights.sum()
    if X.shape[1] <= _MOST_FEATURES:
        second = (X.T @ X.multiply(share[:, None]).tocsr()).toarray()
        covariance = second - np.outer(mean, mean)
        model = score_of_moments(mean, covariance, fourth, total, shrinkage=shrinkage)
        precision = model.precision_
    else:
        trace, norm = share @ squares, squared_norm_of_covariance(X, share, mean)
        alpha = intensity(trace, norm, X.shape[1], fourth, total, shrinkage)
        model = GaussianScore(shrinkage=shrinkage)
        model.n_features_in_ = X.shape[1]
        model.mean_, model.precision_, model.shrinkage_ = mean, None, alpha
        precision = iterative_precision(X, share, mean, alpha, alpha * trace / X.shape[1])
    one = np.ones(X.shape[0])
    return model, Term(centred_rows(X, mean, precision), one, one, precision)


def centred_rows(X, mean, precision):  # -> operator (n, d)
    r"""The rows :math:`P (x_i - m)`, as :math:`X P - 1 m^T P`."""

    def times(V):
        W = precision @ V
        return X @ W - mean @ W

    def transposed_times(W):
        return precision @ (X.T @ W - np.outer(mean, W.sum(axis=0)))

    return LinearOperator(
        X.shape, matvec=times, matmat=times, rmatmat=transposed_times, dtype=np.float64,
        # a single column comes as it is, (n,) or (n, 1), and not to rmatmat
        rmatvec=lambda w: transposed_times(w.reshape(-1, 1))[:, 0],
    )  # fmt: skip


def squared_norm_of_covariance(X, share, mean):  # CSR (n, d), (n,), (d,) -> float
    r"""Sum of :math:`p_i p_j ((x_i - m)^T (x_j - m))^2` over pairs of rows, block by block."""
    along, square = X @ mean, mean @ mean
    size, total = max(_MAX_ENTRIES // X.shape[0], 1), 0.0
    for start in range(0, X.shape[0], size):
        rows = slice(start, start + size)
        gram = (X[rows] @ X.T).toarray() - along[rows, None] - along + square
        total += share[rows] @ np.square(gram) @ share
    return float(total)


def iterative_precision(X, share, mean, alpha, ridge):  # -> operator (d, d)
    r"""Inverse of :math:`(1 - \alpha) S + r I` by conjugate gradients, column by column."""
    d = X.shape[1]

    def covariance_times(v):
        projected = share * (X @ v - mean @ v)
        return (1 - alpha) * (X.T @ projected - mean * projected.sum()) + ridge * v

    covariance = LinearOperator((d, d), matvec=covariance_times, dtype=np.float64)

    def solve(v):
        with np.errstate(divide="ignore", invalid="ignore"):
            solution, code = cg(covariance, np.ravel(v), rtol=1e-12, maxiter=2000)
        if code:
            warnings.warn(
                f"The equations for the scores were not solved to 1e-12 at shrinkage={alpha:g}; "
                "use a larger shrinkage.",
                ConvergenceWarning,
                stacklevel=6,
            )
        return solution

    return LinearOperator((d, d), matvec=solve, rmatvec=solve, dtype=np.float64)
