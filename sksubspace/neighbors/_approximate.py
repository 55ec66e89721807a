"""Neighbours proposed by nearest-neighbour descent, with exact distances."""

import warnings

import numpy as np
from joblib import effective_n_jobs

from sksubspace._parameters import isolated_random_state
from sksubspace._threads import kept_threads
from sksubspace.neighbors._candidates import centered_single
from sksubspace.neighbors._distances import first_by_distance, squared_distances
from sksubspace.neighbors._exact import k_nearest

# more than asked for, as the descent misses some
_SPARE_CANDIDATES = 6


def approximate_nearest(X, queries, n_neighbors, *, n_jobs=None, random_state=None):
    """Find most of the nearest rows of some rows, in Euclidean distance.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        All rows.

    queries : ndarray of shape (n_queries,)
        Numbers of the rows to look up.

    n_neighbors : int
        Rows to find for each; at most ``n_samples - 1``.

    n_jobs : int or None, default=None
        Threads.

    random_state : int, RandomState instance or None, default=None
        Decides the descent; None draws a seed from the operating system.

    Returns
    -------
    squared_distances : ndarray of shape (n_queries, n_neighbors)
        Ascending, as float64.

    indices : ndarray of shape (n_queries, n_neighbors)
        Rows of `X`. Where the descent proposed too few, the exact ones.
    """
    n_candidates = min(n_neighbors + 1 + _SPARE_CANDIDATES, len(X))
    candidates = _descend(X, n_candidates, n_jobs, random_state)[queries]
    missing = candidates < 0
    squared = squared_distances(X[queries], X, np.where(missing, queries[:, None], candidates))
    squared[missing] = np.inf
    itself = candidates == queries[:, None]
    squared, indices = first_by_distance(squared, candidates, n_neighbors, itself)
    short = np.flatnonzero(np.isinf(squared[:, -1]))
    if len(short):
        rows = queries[short]
        squared[short], indices[short] = k_nearest(X[rows], X, n_neighbors, exclude_self=rows)
    return squared, indices


def _descend(X, n_candidates, n_jobs, random_state):  # (n, d) -> (n, c), -1 for none
    mean = X.mean(axis=0, dtype=np.float64)
    scale = float(np.abs(np.stack([X.max(axis=0), X.min(axis=0)]) - mean).max()) or 1.0
    with kept_threads(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Failed to correctly find")
        from numba import config
        from pynndescent import NNDescent

        descent = NNDescent(
            centered_single(X, mean, scale),
            n_neighbors=n_candidates,
            random_state=isolated_random_state(random_state),
            n_jobs=min(effective_n_jobs(n_jobs), config.NUMBA_NUM_THREADS),
        )
        return descent.neighbor_graph[0].astype(np.intp)
