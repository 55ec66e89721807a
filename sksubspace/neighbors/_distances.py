"""Distances of given pairs of rows, and their order."""

import numpy as np
from scipy import sparse

_CHUNK_ELEMENTS = 2**22


def first_by_distance(distances, candidates, n_first, left_out=None):  # -> (m, k), (m, k)
    """Take the first candidates of each query by (distance, index).

    Parameters
    ----------
    distances : ndarray of shape (n_queries, n_candidates)
        In any unit. Overwritten where a candidate is left out.

    candidates : ndarray of shape (n_queries, n_candidates)
        Row numbers.

    n_first : int
        Candidates to take.

    left_out : ndarray of bool of shape (n_queries, n_candidates), default=None
        Whether a candidate is none, such as the query's own row: it comes last.

    Returns
    -------
    distances : ndarray of shape (n_queries, n_first)
        Ascending.

    candidates : ndarray of shape (n_queries, n_first)
        Row numbers.
    """
    if left_out is not None:
        distances[left_out] = np.inf
    order = np.lexsort((candidates, distances), axis=1)[:, :n_first]
    return (
        np.take_along_axis(distances, order, axis=1),
        np.take_along_axis(candidates, order, axis=1),
    )


def _squared_distances(queries, reference, candidates):  # (m, d), (n, d), (m, k) -> (m, k)
    squared = np.empty(candidates.shape)
    rows_per_chunk = max(1, _CHUNK_ELEMENTS // (candidates.shape[1] * reference.shape[1]))
    for start in range(0, len(candidates), rows_per_chunk):
        block = slice(start, start + rows_per_chunk)
        squared[block] = _block_squared_distances(queries[block], reference, candidates[block])
    return squared


def _block_squared_distances(queries, reference, candidates):
    if sparse.issparse(reference):
        repeated = np.repeat(np.arange(len(candidates)), candidates.shape[1])
        difference = queries[repeated] - reference[candidates.ravel()]
        return np.asarray(difference.multiply(difference).sum(axis=1)).reshape(candidates.shape)
    difference = reference[candidates].astype(np.float64)
    difference -= queries[:, None, :]
    return np.einsum("mkd,mkd->mk", difference, difference)
