"""Readers trained one after the other, each on what is orthogonal to all readers before.

Ravfogel, Elazar, Gonen, Twiton and Goldberg, "Null it out: guarding protected attributes by
iterative nullspace projection", ACL 2020.
"""

import numpy as np

from sksubspace.erasure._maps._probe import advantage_of, trained_reader

__all__ = ["nullspace_directions"]

_DEPENDENT_WEIGHTS = 1e-8


def nullspace_directions(X, target, n_components, alpha, max_iter, tol):  # -> (d, q), int
    """Orthonormal directions of at most `max_iter` readers of centred rows, and how many read.

    Ends where a reader is no better on these rows than the largest class, or the mean, by more than
    `tol`, or with `n_components` directions. The target is the number of the class of each row, or
    columns of numbers.
    """
    most = X.shape[1] if n_components is None else min(n_components, X.shape[1])
    U = np.zeros((X.shape[1], 0))
    n_readers = 0
    while n_readers < max_iter and U.shape[1] < most:
        n_readers += 1
        rows = X - (X @ U) @ U.T
        W, b = trained_reader(rows, target, alpha)
        if advantage_of(rows, W, b, target) <= tol:
            break
        U = np.hstack([U, _new_directions(W if target.ndim == 2 else W - W.mean(axis=0), U)])
    return U[:, :most], n_readers


def _new_directions(W, U):  # (k, d), (d, q) -> (d, at most k)
    """The span of the weights of a reader, orthogonal to U."""
    W = W - (W @ U) @ U.T
    _, s, V = np.linalg.svd(W, full_matrices=False)
    V = V[s > _DEPENDENT_WEIGHTS * s[0]]
    return np.linalg.qr(np.hstack([U, V.T]))[0][:, U.shape[1] :]
