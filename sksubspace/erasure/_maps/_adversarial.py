"""The orthogonal projection of a given rank after which the best linear reader is worst.

Ravfogel, Twiton, Goldberg and Cotterell, "Linear adversarial concept erasure", ICML 2022.
"""

import numpy as np

from sksubspace.erasure._maps._probe import loss_of, trained_reader

__all__ = ["adversarial_directions", "on_fantope"]

# length of the first step along the gradient, where a projection of rank q has sqrt(q); then less
_STEP = 0.1


def adversarial_directions(X, target, start, alpha, max_iter, tol):  # -> (d, q), int
    """Directions that, taken off the centred rows, leave the largest loss of a reader, and steps.

    A game of two: the reader W is trained to the end on rows (I - P) x; then P takes a step along
    the gradient of the reader's loss and is brought back to the symmetric matrices of trace q
    with eigenvalues from 0 to 1, the convex hull of projections of rank q. Of the `max_iter`
    rounded matrices the one with the largest loss is kept, so that it is never below that of
    `start` (d, q), on these rows. The target is as that of `nullspace_directions`.
    """
    q = start.shape[1]
    X = X / (np.sqrt(np.var(X, axis=0).mean()) or 1.0)
    best, largest = start, _loss_without(X, start, target, alpha)
    P = start @ start.T
    for step in range(1, max_iter + 1):
        gradient = _gradient(X, P, target, alpha)
        length = np.linalg.norm(gradient)
        if length == 0:
            break
        moved = on_fantope(P + _STEP / np.sqrt(step) * gradient / length, q)
        change, P = np.linalg.norm(moved - P), moved
        U = np.linalg.eigh(P)[1][:, ::-1][:, :q]
        loss = _loss_without(X, U, target, alpha)
        if loss > largest:
            best, largest = U, loss
        if change <= tol * np.sqrt(q):
            break
    return best, step


def _loss_without(X, U, target, alpha):
    rows = X - (X @ U) @ U.T
    return loss_of(rows, *trained_reader(rows, target, alpha), target)[0]


def _gradient(X, P, target, alpha):  # -> (d, d)
    """Gradient in P of the loss of the best reader of (I - P) x, which by itself is at rest."""
    rows = X - X @ P
    W, b = trained_reader(rows, target, alpha)
    G = -(X.T @ loss_of(rows, W, b, target)[1]) @ W
    return (G + G.T) / 2


def on_fantope(S, q):  # (d, d), int -> (d, d)
    """The nearest symmetric matrix with eigenvalues in [0, 1] that sum to q, by bisection."""
    values, vectors = np.linalg.eigh(S)
    low, high = values.min() - 1, values.max()
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if np.clip(values - middle, 0, 1).sum() > q else (low, middle)
    return (vectors * np.clip(values - high, 0, 1)) @ vectors.T
