"""What the statistic and the largest angle are where the null hypothesis is true, by draws."""

import numpy as np

from sksubspace.inference._geometry import (
    degrees_of_freedom,
    grassmann_log,
    outside_of,
    sandwich_covariance,
    wald_statistic,
)

__all__ = ["drawn_angles", "resampled"]

# 2^24 doubles are 128 MiB: matrices that are decomposed at a time, and counts of rows
_BLOCK_ELEMENTS = 2**24
# draws of a normal distribution, which cost next to nothing
_N_NORMAL = 2_000


def drawn_angles(C, m, q, rng):  # (m q, m q), int, int -> (B,)
    """Largest angles, in radians, of subspaces whose T is normal with a covariance."""
    values, vectors = np.linalg.eigh(C)
    draws = rng.standard_normal((_N_NORMAL, m * q)) * np.sqrt(np.maximum(values, 0)) @ vectors.T
    T = draws.reshape(_N_NORMAL, m, q)
    small = T.swapaxes(1, 2) @ T if q <= m else T @ T.swapaxes(1, 2)
    return np.sqrt(np.linalg.eigvalsh(small)[:, -1])


def resampled(Y, insides, n_resamples, rng):  # (n, r), list of (q,) -> (s, B), (s, B)
    """Statistics and largest angles of resamples, with the subspace of all rows as the true one.

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

    angles : ndarray of shape (n_subspaces, n_resamples)
        Largest principal angles between the subspace of a resample and that of all rows, in
        radians.
    """
    n, r = Y.shape
    at_once = max(1, _BLOCK_ELEMENTS // (n + r * r))
    statistics, angles = np.empty((2, len(insides), n_resamples))
    for start in range(0, n_resamples, at_once):
        drawn = slice(start, min(start + at_once, n_resamples))
        counts = [
            np.bincount(rng.randint(n, size=n), minlength=n) for _ in range(n_resamples)[drawn]
        ]
        means = np.array(counts) @ Y / n
        S = np.stack([(Y.T * w) @ Y for w in counts]) / n - means[:, :, None] * means[:, None, :]
        values, vectors = np.linalg.eigh(S)
        values, vectors = values[:, ::-1], vectors[:, :, ::-1]
        T = [_seen_from(vectors, inside) for inside in insides]
        angles[:, drawn] = [np.linalg.norm(one, 2, axis=(1, 2)) for one in T]
        for b, w in enumerate(counts):
            scores = (Y[w > 0] - means[b]) @ vectors[b]
            statistics[:, start + b] = [
                _statistic(one[b], scores, w[w > 0], values[b], inside)
                for one, inside in zip(T, insides, strict=True)
            ]
    return statistics, angles


def _seen_from(vectors, inside):  # (b, r, r), (q,) -> (b, m, q)
    """The matrices T of the subspace of the axes `inside`, in the frames of resamples."""
    axes = vectors[:, inside].swapaxes(1, 2)
    return grassmann_log(axes[:, inside], axes[:, outside_of(inside, vectors.shape[1])])


def _statistic(T, scores, weights, values, inside):
    """Compute n vec(T)' C^{-1} vec(T) with the covariance of a resample."""
    if len(scores) <= degrees_of_freedom(len(inside), len(values)):
        return np.inf
    with np.errstate(divide="ignore", invalid="ignore"):  # tied eigenvalues: no finite covariance
        C = sandwich_covariance(scores, weights, values, inside)
    return weights.sum() * wald_statistic(T, C)
