"""Nearest rows where too many are equally far for a search to propose them all."""

import numpy as np
from scipy import sparse
from sklearn.utils.extmath import row_norms, safe_sparse_dot

from sksubspace.neighbors._candidates import double_rounding, moved
from sksubspace.neighbors._distances import _squared_distances

_BLOCK_ELEMENTS = 2**22


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
        exact = _pair_distances(queries[block], reference, row, column)
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


def _pair_distances(queries, reference, row, column):  # (p,), (p,) -> (p,)
    squared = np.empty(len(row))
    step = max(1, _BLOCK_ELEMENTS // reference.shape[1])
    for start in range(0, len(row), step):
        pairs = slice(start, start + step)
        squared[pairs] = _squared_distances(queries[row[pairs]], reference, column[pairs, None])[
            :, 0
        ]
    return squared
