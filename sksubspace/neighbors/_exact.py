"""Exact k-nearest neighbours whose answer for a row does not depend on its batch."""

import numpy as np

from sksubspace.neighbors._candidates import propose
from sksubspace.neighbors._distances import _squared_distances, first_by_distance
from sksubspace.neighbors._near_ties import compare_all

_SPARE_CANDIDATES = 6


def k_nearest(queries, reference, n_neighbors, *, exclude_self=False):
    r"""Find the nearest reference rows of each query, in Euclidean distance.

    A blocked matrix-product search proposes a few more candidates than asked for; their squared
    distances are then computed anew as :math:`\sum_j (q_j - r_j)^2`, which is exactly zero for
    equal rows and the same number whatever other rows are in the batch, and the candidates are
    ordered by (distance, index). Where rounding may have hidden a neighbour from the search, or
    more rows are equally far than were proposed, all rows that may be near enough are compared.

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
    n_candidates = min(n_neighbors + n_excluded + _SPARE_CANDIDATES, n_reference)
    candidates, may_be_nearer = propose(queries, reference, n_candidates)
    distances = _squared_distances(queries, reference, candidates)
    furthest = distances.max(axis=1)
    squared, indices = first_by_distance(distances, candidates, n_neighbors, own)
    if n_candidates < n_reference:
        unsure = np.flatnonzero(~(squared[:, -1] < furthest - may_be_nearer(furthest)))
        if len(unsure):
            n_first = n_neighbors + n_excluded
            found = compare_all(queries[unsure], reference, squared[unsure, -1], n_first)
            unsure_own = None if own is None else own[unsure]
            found = first_by_distance(*found, n_neighbors, unsure_own)
            squared[unsure], indices[unsure] = found
    return squared, indices


def _own_rows(exclude_self, n_queries):  # -> (n_queries,) or None
    if isinstance(exclude_self, np.ndarray):
        return exclude_self
    return np.arange(n_queries) if exclude_self else None
