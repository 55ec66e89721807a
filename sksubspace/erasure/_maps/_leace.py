"""The least change of rows after which no linear reader finds a concept, in closed form.

Belrose, Schneider-Joseph, Ravfogel, Cotterell, Raff and Biderman, "LEACE: perfect linear concept
erasure in closed form", NeurIPS 2023.
"""

import numpy as np
from scipy import linalg, sparse

from sksubspace._linalg import dense, leading_eigenpairs
from sksubspace.erasure._maps._spectral import concept_span

__all__ = ["leace_directions", "solved_by_covariance", "solved_by_rows"]

# of the largest squared pivot of a Cholesky factor: with smaller ones digits are lost
_SMALLEST_PIVOT = 1e-10


def leace_directions(S_xz, Q, most, n_components=None):  # -> (d, q), (d, q)
    r"""Columns A along which rows are moved, and B by which they are read: r(x) = x - A B'(x - m).

    With W = S^{-1/2} and U the left singular vectors of W S_xz, LEACE is A = W^{-1} U and B = W U.
    Neither root is needed: with Q = S^{-1} S_xz and S_zx Q = H diag(s^2) H', these are
    A = S_xz H / s and B = Q H / s. All of S_xz lies in the span of A, so that class means become
    equal up to rounding, however ill the covariance is conditioned.

    Both are (d, k); `most` is that of `concept_span`.
    """
    U, s, V = concept_span(S_xz, most)
    M, Q = U * s, Q @ V
    H = np.linalg.eigh((M.T @ Q + Q.T @ M) / 2)[1][:, ::-1][:, :n_components]
    A, B = M @ H, Q @ H
    length = np.sqrt(np.abs(np.einsum("dq,dq->q", A, B)))
    A, B = A / length, B / length
    # B'A is the identity but for the error of the solution; the map is a projection without it
    return A @ np.linalg.inv(B.T @ A), B


def solved_by_covariance(S, S_xz, shrinkage):  # (d, d), (d, k) -> (d, k)
    """Q = S^{-1} S_xz, by the covariance shrunk towards a multiple of the identity."""
    d = len(S)
    shrunk = (1 - shrinkage) * S
    shrunk[np.diag_indices(d)] += shrinkage * np.trace(S) / d
    return _inverse_times(shrunk, S_xz)


def solved_by_rows(X, mean, Z, shrinkage):  # (n, d), (d,), (n, k) -> (d, k)
    """The same for fewer rows than features: S^{-1} X'Z/n = X'((1 - g) XX' + n g t I)^{-1} Z."""
    n, d = X.shape
    Z = Z - Z.mean(axis=0)
    if sparse.issparse(X):
        G = (X @ X.T).toarray().astype(np.float64)
        G = G - G.mean(axis=0) - G.mean(axis=1, keepdims=True) + G.mean()
    else:
        X, mean = np.asarray(X, np.float64) - mean, np.zeros(d)
        G = X @ X.T
    mean_variance = np.trace(G) / (n * d)
    G *= 1 - shrinkage
    G[np.diag_indices(n)] += shrinkage * mean_variance * n
    G += G.trace() / n**2  # centred rows add up to zero, as Z does: a direction without a say
    weights = _inverse_times(G, Z)
    return dense(X.T @ weights) - np.outer(mean, weights.sum(axis=0))


def _inverse_times(S, M):  # (d, d), (d, k) -> (d, k)
    """S^{-1} M by Cholesky; by eigenvalues that are not rounding where S is nearly singular."""
    S = S.copy()
    variances = np.diag(S)
    constant = variances <= 0
    S[constant, constant] = variances.mean()  # such columns are zero in M too
    try:
        factor = linalg.cho_factor(S)
        pivots = np.square(np.diag(factor[0]))
        if pivots.min() > _SMALLEST_PIVOT * pivots.max():
            return linalg.cho_solve(factor, M)
    except linalg.LinAlgError:
        pass
    values, vectors = leading_eigenpairs(S)
    return vectors @ ((vectors.T @ M) / values[:, None])
