"""Neighbours and penalty by leave-one-out: each row predicted from the others."""

from typing import NamedTuple

import numpy as np

from sksubspace._linalg import r_squared
from sksubspace._student._groups import groups_of_equal_rows, nearest_of_other_groups
from sksubspace.local._fits import tricube

_SEED = 0
# numbers of neighbours and penalties among which "loo" chooses
NEIGHBORS = (10, 20, 40, 80, 160, 320)
PENALTIES = tuple(10.0**power for power in range(-2, 7))


class Choice(NamedTuple):
    """What was chosen, and how it does on rows left out."""

    n_neighbors: int
    alpha: float
    score: float
    std_scale: np.ndarray  # (q,), root mean squared error over that of the local residuals


class Others(NamedTuple):
    """Rows that are left out, and their neighbours among the rows that are not equal to them."""

    rows: np.ndarray  # (m,)
    squared: np.ndarray  # (m, k)
    near: np.ndarray  # (m, k)


def nearest_others(X, n_neighbors, most):  # (n, d), int, int -> Others
    """Draw at most so many rows, always the same, and find the nearest of the others.

    Copies of a row would vouch for it, and are left out with it; all of them must leave as many
    neighbours, so that the most frequent row may leave fewer.
    """
    rows = np.arange(len(X))
    if len(X) > most:
        rows = np.sort(np.random.RandomState(_SEED).choice(len(X), most, replace=False))
    groups = groups_of_equal_rows(X)
    if groups.max() == 0:  # nothing else is there: copies have to do
        groups = np.arange(len(X))
    return Others(rows, *nearest_of_other_groups(X[rows], X, n_neighbors, rows, groups))


def numbers_to_try(wanted, available):  # -> tuple of int
    """Numbers of neighbours, none above what is available, which is tried where it is less."""
    if not isinstance(wanted, str):
        return (min(wanted, available),)
    most = min(NEIGHBORS[-1], available)
    return (*(k for k in NEIGHBORS if k < most), most)


def choose_by_others(X, Y, numbers, alphas, others, predict):  # -> Choice
    """Take the number of neighbours and the penalty of the best mean R2 of rows left out.

    ``predict(queries, near, weights, alphas)`` -> predictions, squares of shape (a, m, q).
    """
    true = Y[others.rows]
    total = np.square(true - true.mean(axis=0)).sum(axis=0)
    best = None
    for k in numbers:
        near, weights = others.near[:, :k], tricube(others.squared[:, :k])
        predictions, squares = predict(X[others.rows], near, weights, alphas)
        errors, own = np.square(predictions - true).sum(axis=1), squares.sum(axis=1)
        for alpha, missed, local in zip(alphas, errors, own, strict=True):
            score = np.mean([r_squared(*both) for both in zip(missed, total, strict=True)])
            if best is None or score > best.score:
                ratio = np.divide(missed, local, out=np.ones_like(missed), where=local > 0)
                best = Choice(int(k), float(alpha), float(score), np.sqrt(ratio))
    return best
