"""Exact neighbours of rows in a dask collection: a task for each pair of blocks, then a merge."""

from functools import partial

import numpy as np

from sksubspace._dask import Blocks, in_a_tree
from sksubspace._parameters import check_integer
from sksubspace.neighbors._distances import first_by_distance
from sksubspace.neighbors._exact import k_nearest
from sksubspace.neighbors._input import check_queries, check_table, rows_for_cosine

__all__ = ["collection_neighbors", "neighbors_in_shards", "prepared_block"]


def prepared_block(rows, metric, kept=None):  # (b, d) -> (b', d) or (b', d + 1)
    """Rows of a block as they are compared; `kept` are the numbers of some."""
    X = check_table(rows, min_samples=1)
    X = X if kept is None else X[kept]
    return rows_for_cosine(X, flag=True) if metric == "cosine" else X


def neighbors_in_shards(shards, sizes, n_neighbors, metric, queries=None):
    """Nearest other rows of all rows, or of the numbers `queries` (m,).

    Parameters
    ----------
    shards : list of Delayed
        Rows as `prepared_block` has them.
    sizes : list of int
        Their numbers.

    Returns
    -------
    found : list of Delayed
        Distances and row numbers (b, n_neighbors), one for each shard whose rows are asked for.
    wanted : list of ndarray of shape (b,)
        Numbers of these rows.
    """
    from dask import delayed

    starts = np.cumsum([0, *sizes])
    numbers = np.arange(starts[-1]) if queries is None else queries
    search, finish = delayed(_in_shard), delayed(_without_self)
    merge = partial(_merged, n_first=n_neighbors + 1)
    found, wanted = [], []
    for i, shard in enumerate(shards):
        own = numbers[(numbers >= starts[i]) & (numbers < starts[i + 1])]
        if not len(own):
            continue
        asked = delayed(_chosen)(shard, own - starts[i]) if len(own) < sizes[i] else shard
        parts = [search(asked, other, starts[j], n_neighbors + 1) for j, other in enumerate(shards)]
        found.append(finish(in_a_tree(parts, merge), own, n_neighbors, metric))
        wanted.append(own)
    return found, wanted


def collection_neighbors(X, n_neighbors, metric, queries):  # -> two dask arrays
    """`nearest_neighbors` of the rows of a dask collection."""
    import dask.array as da
    from dask import delayed

    blocks = Blocks.of_table(X)
    check_integer(n_neighbors, "n_neighbors", 1, blocks.n_rows - 1, "the other rows of X")
    shards = blocks.each(prepared_block, metric)
    queries = None if queries is None else check_queries(queries, blocks.n_rows)
    asked, back = (None, None) if queries is None else np.unique(queries, return_inverse=True)
    found, wanted = neighbors_in_shards(shards, blocks.sizes, n_neighbors, metric, asked)
    halves = [
        da.concatenate(
            [
                da.from_delayed(delayed(_half)(one, half), (len(rows), n_neighbors), dtype)
                for one, rows in zip(found, wanted, strict=True)
            ]
        )
        for half, dtype in ((0, np.float64), (1, np.intp))
    ]
    distances, indices = halves if back is None else (half[back] for half in halves)
    return distances.astype(blocks.dtype), indices


def _in_shard(queries, reference, start, n_first):  # -> (m, k), (m, k)
    """Also the query itself, where it is in the shard: it is left out after the merge."""
    squared, indices = k_nearest(queries, reference, min(n_first, reference.shape[0]))
    return squared, indices + start


def _merged(first, second, n_first):
    squared, indices = (np.concatenate(both, axis=1) for both in zip(first, second, strict=True))
    return first_by_distance(squared, indices, n_first)


def _without_self(found, own, n_neighbors, metric):
    squared, indices = found
    squared, indices = first_by_distance(
        squared.copy(), indices, n_neighbors, indices == own[:, None]
    )
    return squared / 2 if metric == "cosine" else np.sqrt(squared), indices


def _chosen(rows, numbers):
    return rows[numbers]


def _half(found, half):
    return found[half]
