"""Which rows are taken for the same thing: weights of the pairs of a neighbour graph."""

import numpy as np
from scipy import sparse


def pair_weights(indices, n_rows, *, queries=None, mutual=True):
    """Weight 1 for every pair of a row and one of its neighbours.

    Parameters
    ----------
    indices : ndarray of shape (n_queries, n_neighbors)
        Neighbours of each query.

    n_rows : int
        Number of rows.

    queries : ndarray of shape (n_queries,) or None, default=None
        Rows that the neighbours belong to; None for all rows.

    mutual : bool, default=True
        Keep only pairs of which each is among the neighbours of the other, if there is one.

    Returns
    -------
    W : CSR matrix of shape (n_rows, n_rows)
        Zeros and ones.
    """
    queries = np.arange(n_rows) if queries is None else queries
    heads = np.repeat(queries, indices.shape[1])
    ones = np.ones(indices.size)
    W = sparse.csr_matrix((ones, (heads, indices.ravel())), shape=(n_rows, n_rows))
    W.data[:] = 1
    return _mutual(W) if mutual else W


def _mutual(W):
    both = W.multiply(W.T).tocsr()
    return both if both.nnz else W


def check_pairs(graph, n_rows, mutual):
    """Turn the graph of a caller into weights of pairs.

    Parameters
    ----------
    graph : array-like of shape (n_rows, n_neighbors) or sparse of shape (n_rows, n_rows)
        Row numbers of neighbours, or weights.

    n_rows : int
        Number of rows.

    mutual : bool
        Whether one-sided pairs of an index array are left out.

    Returns
    -------
    W : CSR matrix of shape (n_rows, n_rows)
        Weights, without a diagonal.

    Raises
    ------
    ValueError
        If the graph has another shape, or a number is out of range.
    """
    if sparse.issparse(graph):
        return _check_weights(graph, n_rows)
    indices = np.asarray(graph)
    if indices.ndim != 2 or len(indices) != n_rows or indices.dtype.kind not in "iu":
        raise ValueError(
            f"neighbors_graph must be an integer array of shape ({n_rows}, n_neighbors) or a "
            f"sparse matrix of shape ({n_rows}, {n_rows}), got {indices.dtype} values of shape "
            f"{indices.shape}."
        )
    if indices.size == 0 or indices.min() < 0 or indices.max() >= n_rows:
        raise ValueError(
            f"neighbors_graph must hold row numbers from 0 to {n_rows - 1}, got "
            f"{indices.size and f'{indices.min()} to {indices.max()}'}."
        )
    W = _without_loops(pair_weights(indices, n_rows, mutual=False))
    return _mutual(W) if mutual else W


def _check_weights(graph, n_rows):
    if graph.shape != (n_rows, n_rows):
        raise ValueError(
            f"neighbors_graph must be of shape ({n_rows}, {n_rows}), got {graph.shape}."
        )
    W = sparse.csr_matrix(graph, dtype=np.float64, copy=True)
    W.sum_duplicates()
    if not np.isfinite(W.data).all() or (W.data < 0).any():
        raise ValueError("neighbors_graph must hold weights that are finite and not negative.")
    return _without_loops(W)


def _without_loops(W):
    loops = W.diagonal()
    if loops.any():
        W = (W - sparse.diags(loops)).tocsr()
    W.eliminate_zeros()
    if W.nnz == 0:
        raise ValueError("neighbors_graph must have a pair of two different rows, it has none.")
    return W
