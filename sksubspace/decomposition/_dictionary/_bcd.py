r"""Supervised dictionaries by block coordinate descent over atoms, codes and the classifier.

Lee, Lyu and Yao. The objective of atoms W, codes H and the classifier is

.. math::
    \mathrm{CE}(F b + S h) + \xi \|Z - H W^T\|^2 / \|Z\|^2 + \alpha (\|b\|^2 + \|g\|^2),

with F = Z W for filters and F = H for features. Atoms have length one and no negative entries, or
they are orthonormal; without such a constraint the penalty of b would be void.
"""

import numpy as np
from scipy import linalg
from sklearn.decomposition import non_negative_factorization

from sksubspace.decomposition._dictionary._codes import (
    code_sweep,
    nonnegative_codes,
    orthonormal_columns,
    unit_columns,
)
from sksubspace.decomposition._dictionary._problem import (
    Solution,
    fit_head,
    largest_square,
    randomised_directions,
)

__all__ = ["solve_bcd"]

# of the factorisation that the search starts from
_NMF_ITERATIONS = 30
# of each block in one round
_CODE_STEPS = 5
_ATOM_STEPS = 3
_HEAD_ITERATIONS = 5
# of the classifier, relative to its objective
_HEAD_TOLERANCE = 1e-10


def solve_bcd(problem, n_components, *, variant, nonnegative, max_iter, tol, rng):
    """Alternate over blocks from a factorisation that does not know the labels.

    No step raises the objective. In the end the classifier is fitted to what new rows will
    have: responses of the filters, or codes that do not know the labels.

    Parameters
    ----------
    problem : Problem
        CentredRows, targets and weights.

    n_components : int
        Number of atoms.

    variant : {"filter", "feature"}
        What is classified: responses of filters, or codes.

    nonnegative : bool
        Whether atoms and codes are not negative; else atoms are orthonormal.

    max_iter : int
        Rounds over all blocks, at most.

    tol : float
        Decrease of the objective below which the search ends, as a share of its size or of one.

    rng : RandomState instance
        Draws the start of the factorisation.

    Returns
    -------
    solution : Solution
        With atoms of length one.
    """
    move = _filter_round if variant == "filter" else _feature_round
    W, H = _first_factors(problem, n_components, nonnegative, rng)
    steepness = problem.curvature * largest_square(problem.rows, problem.shares, rng)
    b, h = problem.empty_head(n_components)
    losses, converged = [], False
    while not converged and len(losses) < max_iter:
        W, H, b, h = move(problem, W, H, b, h, nonnegative, steepness)
        features = problem.rows.project(W) if variant == "filter" else H
        losses.append(objective(problem, W, H, b, h, features))
        converged = len(losses) > 1 and losses[-2] - losses[-1] <= tol * max(1.0, losses[-1])
    features = problem.rows.project(W)
    if variant == "feature" and nonnegative:
        features = nonnegative_codes(features, W.T @ W)
    b, h, _ = fit_head(problem, features, b, h, max_iter=1000, tol=_HEAD_TOLERANCE)
    return Solution(W, b, h, losses, converged)


def objective(problem, W, H, b, h, features):
    """Cross-entropy, squared residuals and penalty."""
    loss, _ = problem.classify(features @ b + problem.side @ h)
    cross = np.vdot(problem.rows.project(W), H)
    squares = problem.rows.squares - 2 * cross + np.vdot(W.T @ W, H.T @ H)
    return float(loss + problem.per_square * squares + problem.penalty(b, h))


def _first_factors(problem, n_components, nonnegative, rng):  # -> (d, r), (n, r)
    """Principal directions, or non-negative matrix factorisation."""
    if not nonnegative:
        W = randomised_directions(problem.rows, n_components, rng)
        return W, problem.rows.project(W)
    H, atoms, _ = non_negative_factorization(
        problem.rows.matrix,
        n_components=n_components,
        init="nndsvda",
        max_iter=_NMF_ITERATIONS,
        tol=0.0,
        random_state=rng,
    )
    return unit_columns(atoms.T), H * linalg.norm(atoms, axis=1)


def _filter_round(problem, W, H, b, h, nonnegative, steepness):
    """Codes by least squares, classifier, atoms."""
    F = problem.rows.project(W)
    H = _swept_codes(H, F, W) if nonnegative else F
    b, h, _ = fit_head(problem, F, b, h, max_iter=_HEAD_ITERATIONS, tol=_HEAD_TOLERANCE)
    if nonnegative:
        return _filter_atoms(problem, W, H, b, h, F, steepness), H, b, h
    ascent = 2 * problem.per_square * problem.rows.gather(H)
    steepness = steepness * np.square(linalg.norm(b, 2))
    for _ in range(_ATOM_STEPS):
        _, residual = problem.classify(problem.rows.project(W) @ b + problem.side @ h)
        slope = problem.rows.gather(residual) @ b.T
        W = orthonormal_columns(steepness * W - slope + ascent)
    return W, H, b, h


def _swept_codes(H, F, W):
    G = W.T @ W
    for _ in range(_CODE_STEPS):
        H = code_sweep(H, F, G)
    return H


def _filter_atoms(problem, W, H, b, h, F, steepness):
    """Sweep over atoms: cross-entropy by a Lipschitz step, the squared residuals exactly.

    Squared residuals are linear in an atom w of length one: -2 w'(Z - H W' + h w')'h. So is the
    upper bound l ||w - w_old||^2 / 2 of cross-entropy, with l = steepness ||b_j||^2.
    """
    W, inner, moments = W.copy(), H.T @ H, problem.rows.gather(H)
    activations = F @ b + problem.side @ h
    for j in range(W.shape[1]):
        residual = problem.classify(activations)[1]
        slope = problem.rows.gather(residual @ b[j, :, None])[:, 0]
        pull = moments[:, j] - W @ inner[:, j] + inner[j, j] * W[:, j]
        atom = steepness * np.vdot(b[j], b[j]) * W[:, j] - slope + 2 * problem.per_square * pull
        atom = unit_columns(atom[:, None])
        activations += problem.rows.project(atom - W[:, [j]]) * b[j]
        W[:, j] = atom[:, 0]
    return W


def _feature_round(problem, W, H, b, h, nonnegative, steepness):
    """Codes by Lipschitz steps, classifier, atoms by least squares; `steepness` is not needed."""
    F, G = problem.rows.project(W), W.T @ W
    step = problem.curvature * problem.shares.max() * np.square(linalg.norm(b, 2))
    step = 1 / (step + 2 * problem.per_square * linalg.norm(G, 2) or 1.0)
    for _ in range(_CODE_STEPS):
        _, residual = problem.classify(H @ b + problem.side @ h)
        H = H - step * (residual @ b.T + 2 * problem.per_square * (H @ G - F))
        H = np.maximum(H, 0) if nonnegative else H
    b, h, _ = fit_head(problem, H, b, h, max_iter=_HEAD_ITERATIONS, tol=_HEAD_TOLERANCE)
    moments = problem.rows.gather(H)
    return _atoms(W, H.T @ H, moments) if nonnegative else orthonormal_columns(moments), H, b, h


def _atoms(W, inner, moments):  # (d, r), (r, r), (d, r) -> (d, r)
    """Least squares over each atom in turn, of length one and not negative."""
    W = W.copy()
    for j in range(W.shape[1]):
        pull = moments[:, j] - W @ inner[:, j] + inner[j, j] * W[:, j]
        if inner[j, j] > 0:
            W[:, j] = unit_columns(pull[:, None])[:, 0]
    return W
