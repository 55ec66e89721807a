r"""Supervised dictionaries with filters, by low-rank projected gradient on the lifted problem.

Lee, Lyu and Yao. With :math:`A = W b` and :math:`M = H W^T` the objective

.. math::
    \mathrm{CE}(Z A + S h) + \xi \|Z - M\|^2 / \|Z\|^2 + \alpha \|A\|^2 + \alpha \|g\|^2

is convex in (A, M, h), and the only constraint is that :math:`[A, M^T]` has rank r. A gradient step
is followed by the projection on rank r. Each block is in units in which its Lipschitz constant is
one; the step then takes M to Z itself, whatever M was, so that M is never formed.
"""

import numpy as np
from scipy import linalg

from sksubspace.decomposition._dictionary._problem import (
    Solution,
    largest_square,
    randomised_directions,
)

__all__ = ["solve_lpgd"]

# columns of the basis beyond the rank
_OVERSAMPLING = 5


def solve_lpgd(problem, n_components, *, max_iter, tol, rng):
    """Projected gradient from A = 0 and M of principal components.

    The singular vectors are those of the last iteration after one step of subspace iteration,
    which cannot make the projection worse than the last ones would, so every iteration lowers the
    objective.

    Parameters
    ----------
    problem : Problem
        CentredRows, targets and weights.

    n_components : int
        Rank, at most the number of features.

    max_iter : int
        Iterations, at most.

    tol : float
        Decrease of the objective below which the search ends, as a share of its size or of one.

    rng : RandomState instance
        Draws the start of the randomised singular value decomposition.

    Returns
    -------
    solution : Solution
        With orthonormal atoms.
    """
    rows, curvature = problem.rows, problem.curvature
    steepest = curvature * largest_square(rows, problem.shares, rng) + 2 * problem.alpha
    steepest = steepest or 1.0
    side = np.sqrt(problem.shares)[:, None] * problem.side
    side_step = 1 / (curvature * linalg.norm(side, 2) ** 2 + 2 * problem.alpha)
    n_columns = min(n_components + _OVERSAMPLING, *rows.shape)
    basis = randomised_directions(rows, n_columns, rng)
    scores = rows.project(basis)
    b, h = problem.empty_head(n_components)
    losses = []
    loss, residual = _value_and_residual(problem, scores[:, :n_components], b, h)
    for _ in range(max_iter):
        Q = basis[:, :n_components]
        gathered = rows.gather(np.column_stack([residual, scores]))
        n_outputs = residual.shape[1]
        step = Q @ b - (gathered[:, :n_outputs] + 2 * problem.alpha * (Q @ b)) / steepest
        basis, scores, b = _nearest_of_rank(
            problem, basis, gathered[:, n_outputs:], step, steepest, n_components
        )
        F = scores[:, :n_components]
        _, residual = _value_and_residual(problem, F, b, h)
        h = h - side_step * problem.head_gradient(F, residual, b, h)[1]
        former, (loss, residual) = loss, _value_and_residual(problem, F, b, h)
        losses.append(loss)
        if former - loss <= tol * max(abs(loss), 1.0):
            return Solution(basis[:, :n_components], b, h, losses, True)
    return Solution(basis[:, :n_components], b, h, losses, False)


def _nearest_of_rank(problem, basis, moved, step, steepest, r):
    r"""Nearest matrix of rank r to the step, by subspace iteration from the last singular vectors.

    The matrix is :math:`P = \ell\, a a^T + (2 \xi / \|Z\|^2) Z^T Z` for the step a of A and its
    Lipschitz constant; `moved` is :math:`Z^T Z` times the basis. Returned are a new basis, which is
    wider than r, the scores of the rows in it, and the coefficients of A in its first r columns.
    """
    per_square = 2 * problem.per_square
    moved = steepest * step @ (step.T @ basis) + per_square * moved
    basis = linalg.qr(moved, mode="economic", check_finite=False)[0]
    scores, lifted = problem.rows.project(basis), step.T @ basis
    small = steepest * lifted.T @ lifted + per_square * scores.T @ scores
    rotation = linalg.eigh(small, check_finite=False)[1][:, ::-1]
    return basis @ rotation, scores @ rotation, (lifted @ rotation)[:, :r].T


def _value_and_residual(problem, F, b, h):  # (n, r), (r, L), (1 + p, L) -> (), (n, L)
    """The objective where M is the projection of Z, and the derivatives of cross-entropy."""
    loss, residual = problem.classify(F @ b + problem.side @ h)
    unexplained = problem.weight - problem.per_square * np.vdot(F, F)
    return float(loss + unexplained + problem.penalty(b, h)), residual
