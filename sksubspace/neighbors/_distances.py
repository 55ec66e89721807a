"""Distances of given pairs of rows, their order, and all near pairs where there are many."""

import numpy as np
from scipy import sparse
from sklearn.utils.extmath import row_norms, safe_sparse_dot

from sksubspace.neighbors._candidates import double_rounding, moved

# 2^22 doubles are 32 MiB
_BLOCK_ELEMENTS = 2**22


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


def squared_distances(queries, reference, candidates):  # (m, d), (n, d), (m, k) -> (m, k)
    """Squared distances to some reference rows, the same whatever other pairs there are.

    Parameters
    ----------
    queries : {ndarray, CSR matrix} of shape (n_queries, n_features)
        Rows.

    reference : {ndarray, CSR matrix} of shape (n_reference, n_features)
        Other rows.

    candidates : ndarray of shape (n_queries, n_candidates)
        Reference rows of each query.

    Returns
    -------
    ndarray of shape (n_queries, n_candidates)
        In squared units of the input, as float64.
    """
    squared = np.empty(candidates.shape)
    rows_per_block = max(1, _BLOCK_ELEMENTS // (candidates.shape[1] * reference.shape[1]))
    for start in range(0, len(candidates), rows_per_block):
        block = slice(start, start + rows_per_block)
        squared[block] = _squares_of_block(queries[block], reference, candidates[block])
    return squared


def paired_distances(queries, reference, row, column):  # (m, d), (n, d), (p,), (p,) -> (p,)
    """Squared distances of pairs, the same whatever other pairs there are.

    Parameters
    ----------
    queries : {ndarray, CSR matrix} of shape (n_queries, n_features)
        Rows.

    reference : {ndarray, CSR matrix} of shape (n_reference, n_features)
        Other rows.

    row, column : ndarray of shape (n_pairs,)
        The query and the reference row of each pair.

    Returns
    -------
    ndarray of shape (n_pairs,)
        In squared units of the input, as float64.
    """
    squared = np.empty(len(row))
    step = max(1, _BLOCK_ELEMENTS // reference.shape[1])
    for start in range(0, len(row), step):
        pairs = slice(start, start + step)
        found = squared_distances(queries[row[pairs]], reference, column[pairs, None])
        squared[pairs] = found[:, 0]
    return squared


def _squares_of_block(queries, reference, candidates):
    if sparse.issparse(reference):
        repeated = np.repeat(np.arange(len(candidates)), candidates.shape[1])
        difference = queries[repeated] - reference[candidates.ravel()]
        return np.asarray(difference.multiply(difference).sum(axis=1)).reshape(candidates.shape)
    difference = reference[candidates].astype(np.float64)
    difference -= queries[:, None, :]
    return np.einsum("mkd,mkd->mk", difference, difference)


def compare_all(queries, reference, bounds, n_first):  # (m, d), (n, d), (m,) -> 2 x (m, k)
    """Compare each query with every row that may be within its bound. Equal queries go together.

    Parameters
    ----------
    queries : {ndarray, CSR matrix} of shape (n_queries, n_features)
        Rows to look up.

    reference : {ndarray, CSR matrix} of shape (n_reference, n_features)
        Rows to find.

    bounds : ndarray of shape (n_queries,)
        Squared distances.

    n_first : int
        Rows to find for each query.

    Returns
    -------
    squared : ndarray of shape (n_queries, n_first)
        Squared distances, ascending; infinity where fewer rows are within the bound.

    candidates : ndarray of shape (n_queries, n_first)
        Rows of `reference`; -1 where fewer are within the bound.
    """
    distinct, group = _distinct(queries)
    queries = queries[distinct]
    bound = np.zeros(len(distinct))
    np.maximum.at(bound, group, bounds)
    squared = np.full((len(distinct), n_first), np.inf)
    candidates = np.full((len(distinct), n_first), -1, dtype=np.intp)
    near = _Near(reference)
    step = max(1, _BLOCK_ELEMENTS // reference.shape[0])
    for start in range(0, len(distinct), step):
        block = slice(start, start + step)
        row, column = near.pairs(queries[block], bound[block])
        exact = paired_distances(queries[block], reference, row, column)
        order = np.lexsort((column, exact, row))
        place = np.arange(len(row)) - np.searchsorted(row, row)
        kept = place < n_first
        found = start + row[kept], place[kept]
        squared[found], candidates[found] = exact[order][kept], column[order][kept]
    return squared[group], candidates[group]


def _distinct(rows):  # (m, d) -> (u,), (m,)
    """Number of a row of each kind, and the kind of each row."""
    kinds, first = {}, []
    kind = np.empty(rows.shape[0], dtype=np.intp)
    for number, key in enumerate(_keys(rows)):
        if key not in kinds:
            kinds[key] = len(first)
            first.append(number)
        kind[number] = kinds[key]
    return np.array(first), kind


def _keys(rows):
    if not sparse.issparse(rows):
        return (row.tobytes() for row in rows)
    spans = zip(rows.indptr[:-1], rows.indptr[1:], strict=True)
    return ((rows.indices[a:b].tobytes(), rows.data[a:b].tobytes()) for a, b in spans)


class _Near:
    """Pairs of a query and a row that may be within the query's bound, by matrix products."""

    def __init__(self, reference):
        self.mean = 0.0 if sparse.issparse(reference) else reference.mean(axis=0, dtype=np.float64)
        self.reference = moved(reference, self.mean).astype(np.float64, copy=False)
        self.norms = row_norms(self.reference, squared=True)

    def pairs(self, queries, bound):  # (b, d), (b,) -> (p,), (p,)
        queries = moved(queries, self.mean).astype(np.float64, copy=False)
        norms = row_norms(queries, squared=True)
        squared = safe_sparse_dot(queries, self.reference.T, dense_output=True)
        squared *= -2
        squared += self.norms
        rounding = 6 * double_rounding(queries.shape[1]) * (norms + bound)
        return np.nonzero(squared <= (bound + rounding - norms)[:, None])
