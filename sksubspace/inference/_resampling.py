"""The bootstrap of the robust statistic: what it is where the null hypothesis is true."""

import numpy as np

from sksubspace.inference._geometry import (
    degrees_of_freedom,
    grassmann_log,
    outside_of,
    sandwich_covariance,
    wald_statistic,
)

__all__ = ["resampled_statistics"]

# 2^24 doubles are 128 MiB: matrices that are decomposed at a time, and counts of rows
_BLOCK_ELEMENTS = 2**24


def resampled_statistics(Y, insides, n_resamples, rng):  # (n, r), list of (q,) -> (s, B)
    """Statistics of resamples, with the subspace of all rows as the true one.

    Parameters
    ----------
    Y : ndarray of shape (n_samples, r)
        Rows less their mean, in the coordinates of their own principal frame.

    insides : list of ndarray of int
        The axes that span each subspace, by descending variance.

    n_resamples : int
        Draws of n_samples rows with replacement.

    rng : RandomState
        Draws them.

    Returns
    -------
    statistics : ndarray of shape (n_subspaces, n_resamples)
        Infinite for a resample with too few different rows.
    """
    n, r = Y.shape
    at_once = max(1, _BLOCK_ELEMENTS // (n + r * r))
    found = np.empty((len(insides), n_resamples))
    for start in range(0, n_resamples, at_once):
        drawn = range(start, min(start + at_once, n_resamples))
        counts = np.stack([np.bincount(rng.randint(n, size=n), minlength=n) for _ in drawn])
        means = counts @ Y / n
        S = np.stack([(Y.T * w) @ Y for w in counts]) / n - means[:, :, None] * means[:, None, :]
        values, vectors = np.linalg.eigh(S)
        values, vectors = values[:, ::-1], vectors[:, :, ::-1]
        for b, one in enumerate(drawn):
            rows = np.flatnonzero(counts[b])
            scores = (Y[rows] - means[b]) @ vectors[b]
            for s, inside in enumerate(insides):
                found[s, one] = _statistic(scores, counts[b][rows], values[b], vectors[b], inside)
    return found


def _statistic(scores, weights, values, vectors, inside):
    """Compute n vec(T)' C^{-1} vec(T) of a resample, of the axes `inside` of all rows' frame."""
    outside = outside_of(inside, len(values))
    if len(scores) <= degrees_of_freedom(len(inside), len(values)):
        return np.inf
    A, B = vectors[np.ix_(inside, inside)].T, vectors[np.ix_(inside, outside)].T
    with np.errstate(divide="ignore", invalid="ignore"):  # tied eigenvalues: no finite covariance
        C = sandwich_covariance(scores, weights, values, inside)
    return weights.sum() * wald_statistic(grassmann_log(A, B), C)
