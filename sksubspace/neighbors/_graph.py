"""The nearest-neighbour graph of a table, exact or approximate, in shards or in one piece."""

from collections.abc import Iterable
from itertools import pairwise
from typing import Literal

import numpy as np
from joblib import Parallel, delayed
from scipy import sparse

from sksubspace._dask import is_collection, refuse_collection
from sksubspace._parameters import check_choice, check_integer
from sksubspace._typing import ArrayLike, Device, Floats, Ints, Matrix, Seed
from sksubspace.neighbors._approximate import approximate_nearest
from sksubspace.neighbors._distances import first_by_distance
from sksubspace.neighbors._exact import k_nearest
from sksubspace.neighbors._input import check_queries, check_table, rows_for_cosine
from sksubspace.neighbors._shards import collection_neighbors

# multiplications; beyond, compiling the approximate search pays off
_LARGEST_EXACT = 1e12


def nearest_neighbors(
    X: Matrix,
    n_neighbors: int = 20,
    *,
    metric: Literal["cosine", "euclidean"] = "cosine",
    queries: Matrix | None = None,
    method: Literal["auto", "exact", "approximate"] = "auto",
    n_shards: int = 1,
    shard: Literal["queries", "index"] = "queries",
    n_jobs: int | None = None,
    device: Device | None = None,
    random_state: Seed = None,
) -> tuple[Floats, Ints]:
    r"""Find the nearest other rows of each row, or of some rows.

    Parameters
    ----------
    X : {array-like, CSR matrix, dask collection} of shape (n_samples, n_features)
        Rows, at least two. Sparse ones are never made dense as a whole, and are searched exactly.
        So are those of a dask array or frame, by a task for each pair of its blocks; the results
        are then dask arrays too.

    n_neighbors : int, default=20
        Rows to find for each, from 1 to ``n_samples - 1``.

    metric : {"cosine", "euclidean"}, default="cosine"
        Distance between rows. A row of zeros is at cosine distance 1 from all others, and 0 from
        other rows of zeros.

    queries : array-like of shape (n_queries,), default=None
        Numbers of the rows whose neighbours are wanted; None for all rows, in order.

    method : {"auto", "exact", "approximate"}, default="auto"
        "exact" compares the queries with all rows by matrix products. "approximate" is
        nearest-neighbour descent, which misses some neighbours; the distances of those that it
        finds are exact. "auto" is exact for sparse rows, for several shards, and while
        ``n_queries * n_samples * n_features`` is at most 1e12, because the approximate search has
        to be compiled first in each process.

    n_shards : int, default=1
        Pieces of an exact search that can be worked on at the same time. They change nothing in
        the result.

    shard : {"queries", "index"}, default="queries"
        What is cut into `n_shards` pieces: the queries, or the rows to be found.

    n_jobs : int or None, default=None
        Shards worked on at the same time, through joblib, whose ``parallel_config`` may send them
        to a cluster; threads for the approximate search, which finds somewhat other neighbours
        with another number of them. None means 1, -1 all processors.

    device : str, torch.device or None, default=None
        Where an exact search forms its matrix products, see :func:`k_nearest`; the distances are
        computed on the CPU. What is found is the same.

    random_state : int, RandomState instance or None, default=None
        Decides the approximate search. None gives another one at every call.

    Returns
    -------
    distances : ndarray of shape (n_queries, n_neighbors)
        Ascending; in units of `X` for "euclidean", from 0 to 2 for "cosine". As float32 if `X` is,
        else float64.

    indices : ndarray of shape (n_queries, n_neighbors)
        Row numbers of the neighbours; never the row itself, though perhaps rows equal to it.
        Equally far ones are in ascending order.

    Raises
    ------
    TypeError
        If `n_neighbors` or `n_shards` is not an integer, or `queries` does not hold integers.

    ValueError
        If `X` is not a table of finite numbers, a number is out of range, a choice is none of those
        offered, or sparse rows or several shards are to be searched approximately.

    See Also
    --------
    k_nearest : Exact neighbours of other rows.
    merge_neighbors : Join the neighbours found in several tables.

    Notes
    -----
    The cosine distance is computed as half the squared Euclidean distance of rows of length 1:

    .. math::
        1 - \frac{x^T y}{\|x\| \|y\|}
        = \frac12 \left\| \frac{x}{\|x\|} - \frac{y}{\|y\|} \right\|^2

    With ``shard="index"`` the first k rows of each piece by (distance, index) are merged into the
    first k of all. As no distance depends on the other rows, and ties are broken by index, the
    graph is the same for any number of shards and jobs.

    References
    ----------
    .. [1] W. Dong, M. Charikar and K. Li, "Efficient k-nearest neighbor graph construction for
       generic similarity measures", WWW (2011), https://doi.org/10.1145/1963405.1963487

    Examples
    --------
    >>> import numpy as np
    >>> from sksubspace.neighbors import nearest_neighbors
    >>> X = np.array([[3.0, 0.0], [4.0, 0.0], [0.0, 2.0], [1.0, 1.0]])
    >>> distances, indices = nearest_neighbors(X, 2, queries=[0, 3])
    >>> indices
    array([[1, 3],
           [0, 1]])
    >>> distances.round(3)
    array([[0.   , 0.293],
           [0.293, 0.293]])
    """
    if is_collection(X):
        if method == "approximate":
            refuse_collection(X, "X", "with method='approximate'")
        if device is not None:
            refuse_collection(X, "X", f"with device={device!r}")
        check_choice(metric, "metric", ("cosine", "euclidean"))
        return collection_neighbors(X, n_neighbors, metric, queries)
    X = check_table(X)
    check_integer(n_neighbors, "n_neighbors", 1, X.shape[0] - 1, "the other rows of X")
    check_integer(n_shards, "n_shards", 1)
    check_choice(metric, "metric", ("cosine", "euclidean"))
    check_choice(shard, "shard", ("queries", "index"))
    queries = check_queries(queries, X.shape[0])
    rows = rows_for_cosine(X) if metric == "cosine" else X
    if _is_exact(method, X, len(queries), n_shards):
        search = _by_query_blocks if shard == "queries" else _by_index_shards
        squared, indices = search(rows, queries, n_neighbors, n_shards, n_jobs, device)
    else:
        squared, indices = approximate_nearest(
            rows, queries, n_neighbors, n_jobs=n_jobs, random_state=random_state
        )
    distances = squared / 2 if metric == "cosine" else np.sqrt(squared)
    return distances.astype(X.dtype, copy=False), indices


def merge_neighbors(
    parts: Iterable[tuple[ArrayLike, ArrayLike]], n_neighbors: int
) -> tuple[Floats, Ints]:
    """Join the neighbours that the same queries have in several pieces of a table.

    Parameters
    ----------
    parts : sequence of pairs of ndarray of shape (n_queries, n_found)
        From each piece, distances and row numbers. The pieces may have found different numbers of
        neighbours; the row numbers are those of the whole table, so that no two pieces share one.

    n_neighbors : int
        Neighbours to keep; at most as many as all pieces found together.

    Returns
    -------
    distances : ndarray of shape (n_queries, n_neighbors)
        Ascending.

    indices : ndarray of shape (n_queries, n_neighbors)
        Row numbers. Equally far ones are in ascending order.

    Raises
    ------
    TypeError
        If `n_neighbors` is not an integer.

    ValueError
        If there are no parts, their shapes do not fit, or `n_neighbors` is out of range.

    See Also
    --------
    nearest_neighbors : Which does this with ``shard="index"``.

    Notes
    -----
    If every piece gives its first k rows by (distance, index), the first k of the joined table are
    among them.

    Examples
    --------
    >>> import numpy as np
    >>> from sksubspace.neighbors import k_nearest, merge_neighbors
    >>> X, query = np.array([[0.0], [3.0], [5.0], [2.0]]), np.array([[2.5]])
    >>> first, second = k_nearest(query, X[:2], 2), k_nearest(query, X[2:], 2)
    >>> merge_neighbors([first, (second[0], second[1] + 2)], 3)
    (array([[0.25, 0.25, 6.25]]), array([[1, 3, 0]]))
    """
    parts = [(np.asarray(distances), np.asarray(indices)) for distances, indices in parts]
    shapes = [array.shape for part in parts for array in part]
    if not _of_one_shape(shapes):
        raise ValueError(
            "parts must hold, for each piece, distances and row numbers of one shape "
            f"(n_queries, n_found), with the same n_queries in all, got shapes {shapes}."
        )
    distances, indices = (np.concatenate(arrays, axis=1) for arrays in zip(*parts, strict=True))
    check_integer(n_neighbors, "n_neighbors", 1, indices.shape[1], "the neighbours in all parts")
    return first_by_distance(distances, indices, n_neighbors)


def _of_one_shape(shapes):
    return (
        len(shapes) > 0
        and {len(shape) for shape in shapes} == {2}
        and shapes[::2] == shapes[1::2]
        and len({n_queries for n_queries, _ in shapes}) == 1
    )


def _is_exact(method, X, n_queries, n_shards):
    check_choice(method, "method", ("auto", "exact", "approximate"))
    must_be = sparse.issparse(X) or n_shards > 1
    if method == "approximate" and must_be:
        came = "sparse rows" if sparse.issparse(X) else f"n_shards={n_shards}"
        raise ValueError(
            f"method='approximate' searches dense rows in one piece, got {came}; "
            "method must be 'auto' or 'exact'."
        )
    if method == "auto":
        return must_be or float(n_queries) * X.shape[0] * X.shape[1] <= _LARGEST_EXACT
    return method == "exact"


def _by_query_blocks(rows, queries, n_neighbors, n_shards, n_jobs, device):
    blocks = np.array_split(queries, min(n_shards, len(queries)))
    parts = Parallel(n_jobs=n_jobs)(
        delayed(k_nearest)(rows[block], rows, n_neighbors, exclude_self=block, device=device)
        for block in blocks
    )
    squared, indices = zip(*parts, strict=True)
    return np.concatenate(squared), np.concatenate(indices)


def _by_index_shards(rows, queries, n_neighbors, n_shards, n_jobs, device):
    n_shards = min(n_shards, rows.shape[0])
    edges = np.linspace(0, rows.shape[0], n_shards + 1).astype(int)
    found = rows[queries]
    parts = Parallel(n_jobs=n_jobs)(
        delayed(_nearest_in_shard)(found, rows[start:stop], start, n_neighbors + 1, device)
        for start, stop in pairwise(edges)
    )
    squared, indices = merge_neighbors(parts, n_neighbors + 1)
    return first_by_distance(squared, indices, n_neighbors, indices == queries[:, None])


def _nearest_in_shard(queries, reference, start, n_first, device):
    """Also the query itself, where it is in the shard: it is left out after the merge."""
    n_first = min(n_first, reference.shape[0])
    squared, indices = k_nearest(queries, reference, n_first, device=device)
    return squared, indices + start
