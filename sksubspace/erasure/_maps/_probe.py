"""Linear readers of a concept: what an eraser works against, and what it is scored by."""

import warnings

import numpy as np
from scipy.special import log_softmax
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from sksubspace._linalg import r_squared

__all__ = [
    "advantage_of",
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
    return least_squares_reader(X.T @ X / len(X), X.T @ (target - mean) / len(X), alpha), mean


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


def least_squares_reader(S_xx, S_xz, alpha):  # (d, d), (d, k) -> (k, d)
    """Weights of a ridge regression of the concept on rows, by moments."""
    penalty = alpha * max(np.trace(S_xx) / len(S_xx), np.finfo(float).tiny)
    return np.linalg.solve(S_xx + penalty * np.eye(len(S_xx)), S_xz).T


def read_classes(X, W, b):  # (n, d), (K, d), (K,) -> (n,)
    return (X @ W.T + b).argmax(axis=1)
