"""Linear readers of a concept: what an eraser works against, and what it is scored by."""

import warnings

import numpy as np
from scipy.special import log_softmax
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, KFold

from sksubspace._linalg import r_squared
from sksubspace._student._groups import groups_of_equal_rows

__all__ = [
    "advantage_of",
    "read_anew",
    "constant_reader",
    "least_squares_reader",
    "loss_of",
    "read_classes",
    "trained_reader",
]

_MAX_STEPS = 300


def trained_reader(X, target, alpha):  # (n, d), (n,) or (n, k) -> (k, d), (k,)
    """The best linear reader of centred rows, of classes by their numbers or of columns."""
    if target.ndim == 1:
        return _logistic_reader(X, target, alpha)
    mean = target.mean(axis=0)
    return least_squares_reader(X.T @ X, X.T @ (target - mean), len(X), alpha), mean


def read_anew(X, target, alpha, cv, random_state):  # (n, d), (n,) or (n, k) -> as target
    """What readers of the other folds read off the rows of each; equal rows are in one fold."""
    copies = groups_of_equal_rows(X)
    n_kinds = int(copies.max()) + 1
    if n_kinds < cv:
        raise ValueError(
            f"X must have different rows for each of the cv={cv} folds, got {n_kinds}."
        )
    folds = (KFold if n_kinds == len(X) else GroupKFold)(
        cv, shuffle=True, random_state=random_state
    )
    read = np.empty(target.shape, target.dtype)
    for fitted, held in folds.split(X, groups=None if n_kinds == len(X) else copies):
        mean = X[fitted].mean(axis=0)
        if target.ndim == 2:
            W, b = trained_reader(X[fitted] - mean, target[fitted], alpha)
            read[held] = (X[held] - mean) @ W.T + b
            continue
        known, codes = np.unique(target[fitted], return_inverse=True)
        if len(known) == 1:
            read[held] = known[0]
            continue
        W, b = trained_reader(X[fitted] - mean, codes, alpha)
        read[held] = known[read_classes(X[held] - mean, W, b)]
    return read


def loss_of(X, W, b, target):  # -> float, (n, k)
    """Mean loss of a reader, and its gradient in what is read: cross entropy, or half squares."""
    read = X @ W.T + b
    if target.ndim == 2:
        return np.square(read - target).sum() / (2 * len(X)), (read - target) / len(X)
    logs, rows = log_softmax(read, axis=1), np.arange(len(X))
    residual = np.exp(logs)
    residual[rows, target] -= 1
    return -logs[rows, target].mean(), residual / len(X)


def advantage_of(X, W, b, target):  # -> float
    """Accuracy of a reader less the share of the largest class, or R2 of all columns."""
    if target.ndim == 1:
        return np.mean(read_classes(X, W, b) == target) - np.bincount(target).max() / len(X)
    total = np.square(target - target.mean(axis=0)).sum()
    return r_squared(2 * len(X) * loss_of(X, W, b, target)[0], total)


def _logistic_reader(X, codes, alpha):  # (n, d), (n,) -> (K, d), (K,)
    """Weights and offsets of a logistic regression with the penalty alpha ||W||^2 / 2.

    Of two classes the first has weight zero. Rows are taken in units of their root mean variance,
    in which the penalty is meant.
    """
    scale = np.sqrt(np.var(X, axis=0).mean()) or 1.0
    model = LogisticRegression(C=1 / alpha, max_iter=_MAX_STEPS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(X / scale, codes)
    W, b = model.coef_ / scale, model.intercept_
    if len(W) == 1:
        W, b = np.vstack([np.zeros_like(W), W]), np.r_[0.0, b]
    return W, b


def constant_reader(n_features, counts):  # int, (K,) -> (K, d), (K,)
    """The best linear reader of rows whose class means are equal: always the largest class."""
    return np.zeros((len(counts), n_features)), np.log(np.maximum(counts, 1e-9) / counts.sum())


def least_squares_reader(G_xx, G_xz, n, alpha):  # (d, d), (d, k), int -> (k, d)
    """Weights of a ridge regression of the concept on n rows, by sums over them.

    The penalty is that of one row, as it is beside the sum of losses of `_logistic_reader`: by n
    rows the reader would be too weak to find what is there.
    """
    penalty = alpha * max(np.trace(G_xx) / len(G_xx) / n, np.finfo(float).tiny)
    return np.linalg.solve(G_xx + penalty * np.eye(len(G_xx)), G_xz).T


def read_classes(X, W, b):  # (n, d), (K, d), (K,) -> (n,)
    return (X @ W.T + b).argmax(axis=1)
