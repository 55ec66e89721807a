r"""How well responses follow from a few coordinates, whatever the links are.

A kernel regression (Nadaraya and Watson, 1964) with a Gaussian kernel, each row predicted by the
others, :math:`\hat y_{(-i)} = \sum_{j \ne i} K_{ij} y_j / \sum_{j \ne i} K_{ij}`, in closed form.
"""

import numpy as np

from sksubspace._linalg import row_blocks
from sksubspace._student._groups import groups_of_equal_rows

# bandwidths that are tried, in units of n^(-1 / (k + 4)), the rate of the best one
_BANDWIDTHS = 2.0 ** np.arange(-3, 2.5, 0.5)
# rows that are compared with one another
_MOST_ROWS = 3_000
# 2^21 distances are 16 MiB
_BLOCK_ELEMENTS = 2**21


def explained_by(Z, Y, weights, kind, X=None):  # (n, k), (n, L), (n,), (n, d) -> float
    """R2 of the responses, or the share of rows whose class is told right, from left-out rows.

    Equal rows of X are left out together; None is each row by itself.
    """
    groups = np.arange(len(Z)) if X is None else groups_of_equal_rows(X)
    groups = groups if groups.any() else np.arange(len(Z))
    if len(Z) > _MOST_ROWS:
        rows = np.sort(np.random.RandomState(0).choice(len(Z), _MOST_ROWS, replace=False))
        Z, Y, weights, groups = Z[rows], Y[rows], weights[rows], groups[rows]
    if kind == "numbers":  # so that the bandwidth does not depend on the units of responses
        sizes = np.abs(Y - Y.mean(axis=0)).max(axis=0)
        Y = Y / np.where(sizes > 0, sizes, 1)
    predicted = left_out_means(whitened(Z.astype(np.float64), weights), Y, weights, groups)
    if kind == "numbers":
        return mean_r_squared(Y, predicted, weights)
    right = predicted.argmax(axis=1) == Y.argmax(axis=1)
    return float(np.average(right, weights=weights))


def whitened(Z, weights):  # (n, k), (n,) -> (n, k)
    """Uncorrelated coordinates of unit variance: what follows depends on the span alone."""
    share = weights / weights.sum()
    centred = Z - share @ Z
    values, vectors = np.linalg.eigh(centred.T @ (share[:, None] * centred))
    kept = values > len(values) * np.finfo(np.float64).eps * values[-1]
    return centred @ (vectors[:, kept] / np.sqrt(values[kept]))


def left_out_means(Z, Y, weights, groups):  # (n, k), (n, L), (n,), (n,) -> (n, L)
    """Predict the responses of each row by other groups, at the bandwidth that does it best."""
    n, k = Z.shape
    sizes = _BANDWIDTHS * len(np.unique(groups)) ** (-1 / (k + 4))
    found = np.empty((len(sizes), *Y.shape))
    squares = np.einsum("nk,nk->n", Z, Z)
    for rows in row_blocks(n, max(1, _BLOCK_ELEMENTS // n)):
        distances = np.maximum(squares[rows, None] + squares - 2 * Z[rows] @ Z.T, 0)
        distances[groups[rows, None] == groups] = np.inf
        distances -= distances.min(axis=1, keepdims=True)  # the nearest row has weight one
        for means, size in zip(found, sizes, strict=True):
            kernel = np.exp(distances / (-2 * size**2)) * weights
            means[rows] = kernel @ Y / kernel.sum(axis=1, keepdims=True)
    errors = np.square(found - Y).sum(axis=2) @ weights
    return found[errors.argmin()]


def mean_r_squared(Y, predicted, weights):  # (n, L), (n, L), (n,) -> float
    """R2 of each response that varies, about its mean; their mean."""
    share = weights / weights.sum()
    totals = share @ np.square(Y - share @ Y)
    varies = totals > 1e-24 * np.square(Y).max(axis=0)
    if not varies.any():
        raise ValueError("y is constant on these rows: there is nothing to explain.")
    return float(np.mean(1 - (share @ np.square(Y - predicted))[varies] / totals[varies]))
