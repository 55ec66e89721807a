r"""Supervised dictionaries with filters, by L-BFGS over orthonormal bases.

Given a basis Q of the atoms, the best codes are :math:`Z Q`, so that codes and dictionary need not
be alternated:

.. math::
    L = \mathrm{CE}(Z Q b + S h) + \xi (1 - \|Z Q\|^2 / \|Z\|^2) + \alpha (\|b\|^2 + \|g\|^2),
    \qquad Q R = W .

The search is over W without constraint. The signs of QR are fixed by diag(R) > 0: a Q that jumps
from one sign to the other would not be continuous, and the search would stall.
"""

import numpy as np
from scipy import linalg
from scipy.optimize import minimize

from sksubspace.decomposition._dictionary._problem import Solution, fit_head, randomised_directions

__all__ = ["objective_and_gradient", "positive_qr", "qr_gradient", "solve_over_bases"]

# so small that the search stops by the decrease of the objective
_SMALLEST_GRADIENT = 1e-12
# pairs of steps and gradients that L-BFGS keeps
_MEMORY = 20
_EVALUATIONS_PER_ITERATION = 20
# of the classifier that the search starts from
_HEAD_TOLERANCE = 1e-4
# single steps can be short
_SHARE_OF_TOL = 0.1


def positive_qr(W):  # (d, r) -> (d, r), (r, r)
    """QR with a positive diagonal of R, which makes it unique and smooth."""
    Q, R = linalg.qr(W, mode="economic", check_finite=False)
    signs = np.where(R.diagonal() < 0, -1.0, 1.0)
    return Q * signs, signs[:, None] * R


def qr_gradient(Q, R, by_Q):  # (d, r), (r, r), (d, r) -> (d, r)
    r"""Derivatives by W = QR of a function of Q alone.

    :math:`(\bar Q - Q\, \mathrm{sym}(\bar Q^T Q)) R^{-T}`, where sym copies the lower triangle to
    the upper one.
    """
    lower = np.tril(by_Q.T @ Q)
    mirrored = lower + np.tril(lower, -1).T
    return linalg.solve_triangular(R, (by_Q - Q @ mirrored).T, check_finite=False).T


def objective_and_gradient(problem, W, b, h):  # (d, r), (r, L), (1 + p, L) -> (), three arrays
    """L, and its derivatives by W, b and h."""
    Q, R = positive_qr(W)
    F = problem.rows.project(Q)
    loss, residual = problem.classify(F @ b + problem.side @ h)
    by_b, by_h = problem.head_gradient(F, residual, b, h)
    by_Q = problem.rows.gather(residual @ b.T - 2 * problem.per_square * F)
    unexplained = problem.weight - problem.per_square * np.vdot(F, F)
    value = loss + unexplained + problem.penalty(b, h)
    return value, qr_gradient(Q, R, by_Q), by_b, by_h


def solve_over_bases(problem, n_components, *, max_iter, tol, rng):
    """Search from principal directions and the logistic regression on their scores.

    It ends at a decrease of the objective below a tenth of `tol`, as single steps can be short, as
    a share of its excess over the reconstruction by principal components, or of one if that is
    larger. Atoms are orthonormal.
    """
    W = randomised_directions(problem.rows, n_components, rng)
    F = problem.rows.project(W)
    b, h = problem.empty_head(n_components)
    b, h, _ = fit_head(problem, F, b, h, max_iter=max_iter, tol=_HEAD_TOLERANCE)
    unit = np.sqrt(np.vdot(F, F) / F.size) or 1.0
    best = problem.weight - problem.per_square * np.vdot(F, F)
    cuts, losses = np.cumsum([W.size, b.size]), []

    def unpack(packed):
        W_, b_, h_ = np.split(packed, cuts)
        return W_.reshape(W.shape), b_.reshape(b.shape) / unit, h_.reshape(h.shape)

    def objective(packed):
        value, by_W, by_b, by_h = objective_and_gradient(problem, *unpack(packed))
        return value - best, np.concatenate([by_W.ravel(), by_b.ravel() / unit, by_h.ravel()])

    result = minimize(
        objective,
        np.concatenate([W.ravel(), unit * b.ravel(), h.ravel()]),
        jac=True,
        method="L-BFGS-B",
        callback=lambda intermediate_result: losses.append(float(intermediate_result.fun + best)),
        options={
            "maxiter": max_iter,
            "maxfun": _EVALUATIONS_PER_ITERATION * max_iter,
            "maxcor": _MEMORY,
            "ftol": _SHARE_OF_TOL * tol,
            "gtol": _SMALLEST_GRADIENT,
        },
    )
    W, b, h = unpack(result.x)
    losses = losses or [float(result.fun + best)]
    return Solution(positive_qr(W)[0], b, h, losses, result.status != 1)
