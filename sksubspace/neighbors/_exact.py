"""Exact k-nearest neighbours whose answer for a row does not depend on its batch."""

import numpy as np
from scipy import sparse
from sklearn.neighbors import NearestNeighbors

_SPARE_CANDIDATES = 6
_MOST_CANDIDATES = 1024
_ROUNDING = 1e-6
_SINGLE_ROUNDING = 2e-6
_MANY_ROWS = 2000
_CHUNK_ELEMENTS = 2**22


def k_nearest(queries, reference, n_neighbors, *, exclude_self=False):
    r"""Find the nearest reference rows of each query, in Euclidean distance.

    A blocked matrix-product search proposes a few more candidates than asked for; their squared
    distances are then computed anew as :math:`\sum_j (q_j - r_j)^2`, which is exactly zero for
    equal rows and the same number whatever other rows are in the batch, and the candidates are
    ordered by (distance, index). Where the last neighbour is no nearer than the last candidate,
    more candidates are taken, up to 1,024.

    Parameters
    ----------
    queries : {ndarray, CSR matrix} of shape (n_queries, n_features)
        Rows to look up.

    reference : {ndarray, CSR matrix} of shape (n_reference, n_features)
        Rows to find.

    n_neighbors : int
        Neighbours a query; at most ``n_reference`` (less one with ``exclude_self``).

    exclude_self : bool or ndarray of shape (n_queries,), default=False
        Whether ``queries`` is ``reference`` itself and row i must not be its own neighbour; or,
        for queries that are some rows of ``reference``, the number of each. Other rows equal to it
        still count.

    Returns
    -------
    squared_distances : ndarray of shape (n_queries, n_neighbors)
        Ascending, in squared units of the input, as float64.

    indices : ndarray of shape (n_queries, n_neighbors)
        Rows of ``reference``.

    Raises
    ------
    ValueError
        If ``n_neighbors`` is larger than the number of rows to choose from.

    Examples
    --------
    >>> import numpy as np
    >>> from sksubspace.neighbors import k_nearest
    >>> X = np.array([[0.0], [1.0], [3.0]])
    >>> k_nearest(X, X, 1, exclude_self=True)
    (array([[1.],
           [1.],
           [4.]]), array([[1],
           [0],
           [1]]))
    """
    own = _own_rows(exclude_self, queries.shape[0])
    n_reference, n_excluded = reference.shape[0], int(own is not None)
    available = n_reference - n_excluded
    if not 1 <= n_neighbors <= available:
        raise ValueError(
            f"n_neighbors must be between 1 and the {available} rows to choose from, "
            f"got {n_neighbors}."
        )
    search = _Candidates(queries, reference)
    squared = np.empty((queries.shape[0], n_neighbors))
    indices = np.empty((queries.shape[0], n_neighbors), dtype=np.intp)
    rows = np.arange(queries.shape[0])
    n_candidates = min(n_neighbors + n_excluded + _SPARE_CANDIDATES, n_reference)
    while len(rows):
        candidates = search.propose(rows, n_candidates)
        distances = _squared_distances(queries[rows], reference, candidates)
        furthest = distances.max(axis=1)
        if own is not None:
            distances[candidates == own[rows, None]] = np.inf
        order = np.lexsort((candidates, distances), axis=1)[:, :n_neighbors]
        squared[rows] = np.take_along_axis(distances, order, axis=1)
        indices[rows] = np.take_along_axis(candidates, order, axis=1)
        if n_candidates >= min(n_reference, _MOST_CANDIDATES):
            break
        certain = squared[rows, -1] + search.uncertainty(rows) < furthest * (1 - _ROUNDING)
        rows = rows[~certain]
        search.single_precision = False
        n_candidates = min(4 * n_candidates, n_reference, _MOST_CANDIDATES)
    return squared, indices


def _own_rows(exclude_self, n_queries):  # -> (n_queries,) or None
    if isinstance(exclude_self, np.ndarray):
        return exclude_self
    return np.arange(n_queries) if exclude_self else None


class _Candidates:
    """Blocked search by matrix products, on data moved to the mean, where they round least.

    Many dense float32 rows are searched in single precision first.
    """

    def __init__(self, queries, reference):
        if not sparse.issparse(reference):
            mean = reference.mean(axis=0, dtype=np.float64)
            dtype = reference.dtype
            queries, reference = (queries - mean).astype(dtype), (reference - mean).astype(dtype)
        self.queries, self.reference = queries, reference
        self.single_precision = (
            isinstance(reference, np.ndarray)
            and reference.dtype == np.float32
            and len(reference) >= _MANY_ROWS
        )

    def propose(self, rows, n_candidates):
        """Indices of about the nearest reference rows of these queries."""
        queries = self.queries[rows]
        if self.single_precision and n_candidates < _MOST_CANDIDATES:
            return _propose_in_single_precision(queries, self.reference, n_candidates)
        search = NearestNeighbors(algorithm="brute").fit(self.reference)
        return search.kneighbors(queries, n_candidates, return_distance=False)

    def uncertainty(self, rows):  # -> (m,) or 0
        """By how much a rejected row may be nearer than the furthest candidate."""
        if not self.single_precision:
            return 0.0
        norms = np.square(self.queries[rows]).sum(axis=1)
        largest = np.square(self.reference).sum(axis=1).max()
        return _SINGLE_ROUNDING * (norms + largest).astype(np.float64)


def _propose_in_single_precision(queries, reference, n_candidates):
    """Rows with the smallest ||r||^2 - 2 q'r, by blocks of queries."""
    import torch

    queries, reference = torch.tensor(queries), torch.tensor(reference)
    norms = reference.square().sum(dim=1)
    step = min(len(queries), max(64, 2 * _CHUNK_ELEMENTS // len(reference)))
    buffer = torch.empty(step, len(reference))
    nearest = np.empty((len(queries), n_candidates), dtype=np.intp)
    for start in range(0, len(queries), step):
        block = queries[start : start + step]
        distances = torch.addmm(norms, block, reference.T, alpha=-2, out=buffer[: len(block)])
        indices = distances.topk(n_candidates, largest=False, sorted=False).indices
        nearest[start : start + step] = indices.numpy()
    return nearest


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
