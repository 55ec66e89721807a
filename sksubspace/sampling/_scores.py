"""How much a row may count in a linear regression: leverage, Lewis weights, sensitivities.

Rows a_i stand in A (n, d), with the constant and the target where they count. All scores are the
same for A B with any invertible B, which is why they are computed in coordinates T in which the
columns of A T are orthonormal.
"""

import numpy as np
from scipy import sparse
from scipy.linalg import solve_triangular
from scipy.optimize import linprog

from sksubspace._linalg import dense, largest_eigenpairs, row_blocks

# of A'A, whose rounding hides half of the digits
_DEPENDENT_SQUARES = 1e-13
# relative changes of Lewis weights below this are the end; the promise is 1e-6
_SMALLEST_CHANGE = 1e-7


def orthonormal_coordinates(A, eps):  # (n, d) -> (d, r)
    """T with (A T)'(A T) = I, of as many columns as A has rank.

    By the R of A, block by block; of sparse rows by A'A. Columns are divided by their length first,
    so that the rank does not depend on units.
    """
    length = _column_lengths(A)
    if sparse.issparse(A):
        gram = dense(A.T @ A) / np.outer(length, length)
        squares, V = largest_eigenpairs(gram, len(gram))
        kept = squares > _DEPENDENT_SQUARES * max(squares[0], 0)
        s, V = np.sqrt(squares[kept]), V[:, kept]
    else:
        _, s, Vt = np.linalg.svd(_triangle(A) / length)
        kept = s > max(A.shape) * eps * s[0]
        s, V = s[kept], Vt[: len(s)][kept].T
    return V / s / length[:, None]


def _column_lengths(A):  # (n, d) -> (d,)
    squares = np.zeros(A.shape[1])
    for rows in row_blocks(A.shape[0]):
        block = A[rows]
        squares += np.asarray((block.multiply(block) if sparse.issparse(A) else block**2).sum(0))
    return np.sqrt(np.where(squares > 0, squares, 1))


def _triangle(A):  # (n, d) -> (min(n, d), d)
    """The R of A = QR."""
    R = np.zeros((0, A.shape[1]))
    for rows in row_blocks(A.shape[0]):
        R = np.linalg.qr(np.vstack([R, A[rows]]), mode="r")
    return R


def scores_by_method(method, A, T, p, max_iter):  # (n, d), (d, r) or None -> (n,), bool
    """Scores of a method, and whether they have come to rest; "uniform" does without T."""
    if method == "uniform":
        return np.ones(A.shape[0]), True
    if method == "sensitivity":
        return sensitivities(A, T), True
    if method == "lewis":
        return lewis_weights(A, T, p, max_iter)
    found = leverages(A, T)
    return found ** (p / 2) if method == "root_leverage" else found, True


def leverages(A, T):  # (n, d), (d, r) -> (n,)
    """a_i' (A'A)^+ a_i = ||a_i' T||^2, which sum to the rank."""
    found = np.empty(A.shape[0])
    for rows in row_blocks(A.shape[0]):
        Q = A[rows] @ T
        found[rows] = np.einsum("nr,nr->n", Q, Q)
    return found


def lewis_weights(A, T, p, max_iter):  # (n, d), (d, r) -> (n,), bool
    """w_i = (a_i' (A' W^{1 - 2/p} A)^{-1} a_i)^{p/2}, by iteration from W = I.

    In terms of g_i = w_i^{2/p} a round is g <- a' M M' a with M M' = (A' G^{p/2 - 1} A)^{-1}. For
    p < 4 each brings log w nearer by the factor |1 - p/2|. Returned beside them is whether they
    have come to rest.
    """
    M, w = T, np.ones(A.shape[0])
    for _ in range(max_iter):
        change, gram = 0.0, np.zeros((T.shape[1], T.shape[1]))
        for rows in row_blocks(A.shape[0]):
            Q = A[rows] @ M
            g = np.einsum("nr,nr->n", Q, Q)
            seen = g > 0  # a row of zeros has no weight, and no say
            new, former = g[seen] ** (p / 2), w[rows][seen]
            change = max(change, np.abs(np.log(new / former)).max(initial=0.0))
            w[rows] = g ** (p / 2)
            Q = Q[seen]
            gram += Q.T @ (Q * (g[seen] ** (p / 2 - 1))[:, None])
        if change <= _SMALLEST_CHANGE:
            return w, True
        # M L^{-T}: the coordinates in which A' G^{p/2 - 1} A is the identity
        M = solve_triangular(np.linalg.cholesky(gram), M.T, lower=True).T
    return w, False


def sensitivities(A, T):  # (n, d), (d, r) -> (n,)
    """max_b |a_i' b| / sum_j |a_j' b|, each by a linear programme.

    The reciprocal is the least sum where a_i' b = 1; its dual, max t with Q'u = t q_i and all
    |u_j| <= 1, has n bounds and r constraints only.
    """
    Q = A @ T
    n, r = Q.shape
    found = np.zeros(n)
    cost, bounds = np.append(np.zeros(n), -1.0), [(-1, 1)] * n + [(0, None)]
    for i in np.flatnonzero(np.abs(Q).max(axis=1) > 0):
        solved = linprog(cost, A_eq=np.column_stack([Q.T, -Q[i]]), b_eq=np.zeros(r), bounds=bounds)
        found[i] = 1 / -solved.fun
    return found
