r"""The pairs of rows that a map is learned from: how they are found, weighed, and summed.

Over pairs (x, x') let the mean be that of both sides together, S the covariance of both sides and
G = sym E[x x'^T] less the mean's outer product. Sums over pairs are kept in a plain dict, so that
batches of pairs can be added and a fitted estimator holds nothing but arrays.
"""

import warnings
from numbers import Integral

import numpy as np
from scipy import sparse

from sksubspace._linalg import dense, row_blocks
from sksubspace._student._groups import first_of, groups_of_equal_rows
from sksubspace._validation import validate_rows
from sksubspace.neighbors import nearest_neighbors

# rows that are centred at a time: those of a block and all their neighbours are held at once
_PAIR_ROWS = 2048
# about the spacing of double precision: a variance below that of the mean's square is rounding
_ROUNDING = 1e-14
# with fewer outputs the embedding is a ring, see the warning
_FIRST_USEFUL = 4


def pairs_of(params, X, scores, random_state, graph=None):  # (n, d), (n, r) -> (n, n)
    """Search the neighbours of rows, or of the anchors among them, and weigh the pairs.

    Neighbours are distinct rows: a copy would agree with its row in whatever the map does to it.
    A graph that the caller knows takes the place of the search.
    """
    n_rows = len(scores)
    if graph is not None:
        return check_pairs(graph, n_rows, params.mutual)
    anchors = draw_anchors(params.n_anchors, n_rows, random_state)
    groups = groups_of_equal_rows(X)
    distinct = np.unique(first_of(groups))
    queries = None if anchors is None else np.unique(groups[anchors])
    _, indices = nearest_neighbors(
        scores if len(distinct) == n_rows else scores[distinct],
        min(params.n_neighbors, len(distinct) - 1),
        metric=params.metric,
        queries=queries,
        method=params.search,
        n_jobs=params.n_jobs,
        random_state=random_state,
    )
    W = pair_weights(
        indices, len(distinct), queries=queries, mutual=params.mutual and anchors is None
    )
    heads = np.arange(n_rows) if anchors is None else anchors
    return W if len(distinct) == n_rows else pairs_of_copies(W, groups, heads)


def pairs_of_copies(W, groups, heads):  # (m, m), (n,), (a,) -> csr (n, n)
    """Pairs of distinct rows as pairs of their copies, so that each copy counts as a row.

    The r-th copy of a row is paired with the r-th of its neighbour, begun anew where there are
    fewer. Pairs begin at the rows `heads`.
    """
    copies, sizes = np.argsort(groups, kind="stable"), np.bincount(groups)
    starts = np.cumsum(sizes) - sizes
    place = np.empty(len(groups), dtype=int)
    place[copies] = np.arange(len(groups)) - starts[groups[copies]]
    pairs = W[groups[heads]]
    n_pairs, tails = np.diff(pairs.indptr), pairs.indices
    turn = np.repeat(place[heads], n_pairs) % sizes[tails]
    ends = np.repeat(heads, n_pairs), copies[starts[tails] + turn]
    return sparse.csr_matrix((pairs.data, ends), shape=(len(groups), len(groups)))


def draw_anchors(wanted, n_rows, random_state):  # -> (m,) or None
    """Rows whose neighbours are looked up: a number or a share of them, None for all."""
    if wanted is None:
        return None
    n_anchors = wanted if isinstance(wanted, Integral) else max(1, round(wanted * n_rows))
    return np.sort(random_state.choice(n_rows, min(n_anchors, n_rows), replace=False))


def pair_weights(indices, n_rows, *, queries=None, mutual=True):  # (m, k) -> csr (n, n)
    """Weight 1 for every pair of a row and one of its neighbours.

    `queries` (m,) are the rows that the neighbours belong to; None is all rows. With `mutual` only
    pairs of which each is among the neighbours of the other, if there is one.
    """
    queries = np.arange(n_rows) if queries is None else queries
    heads = np.repeat(queries, indices.shape[1])
    ones = np.ones(indices.size)
    W = sparse.csr_matrix((ones, (heads, indices.ravel())), shape=(n_rows, n_rows))
    W.sum_duplicates()  # a pair that is listed twice is one
    W.data[:] = 1
    return _mutual(W) if mutual else W


def _mutual(W):
    both = W.multiply(W.T).tocsr()
    return both if both.nnz else W


def check_pairs(graph, n_rows, mutual):  # -> csr (n, n)
    """Turn the graph of a caller, row numbers (n, k) or weights (n, n), into weights of pairs.

    Without a diagonal, and with `mutual` without one-sided pairs of row numbers. A ValueError if
    the graph has another shape, or a number is out of range.
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


def no_pairs(origin):  # (d,) -> dict
    """Sums over no pairs; sums are of rows less `origin`, which keeps their digits."""
    d = len(origin)
    return {
        "weight": 0.0,
        "origin": np.array(origin, dtype=np.float64),
        "first": np.zeros(d),
        "second": np.zeros((d, d)),
        "cross": np.zeros((d, d)),
    }


def add_pairs(sums, X, X_neighbors):  # dict, (n, d), (n, d) -> dict
    """Sums with the pairs (X[i], X_neighbors[i]) added."""
    added = {name: np.copy(value) for name, value in sums.items()}
    origin = sums["origin"]
    for rows in row_blocks(X.shape[0], _PAIR_ROWS):
        left, right = _centred(X[rows], origin), _centred(X_neighbors[rows], origin)
        added["first"] += (_total(left) + _total(right)) / 2
        added["second"] += (dense(left.T @ left) + dense(right.T @ right)) / 2
        added["cross"] += dense(left.T @ right)
    added["weight"] = float(sums["weight"] + X.shape[0])
    return added


def graph_sums(X, W, origin):  # (n, d), (n, n), (d,) -> dict
    """Sums over the weighted pairs of a graph: X' diag(w) X and X' W X with w = (W1 + W'1) / 2."""
    sums = no_pairs(origin)
    both = (np.asarray(W.sum(axis=1)).ravel() + np.asarray(W.sum(axis=0)).ravel()) / 2
    for rows in row_blocks(X.shape[0], _PAIR_ROWS):
        block, weights = _centred(X[rows], origin), both[rows]
        weighted = sparse.diags(weights) @ block
        sums["first"] += _total(weighted)
        sums["second"] += dense(block.T @ weighted)
        sums["cross"] += dense(block.T @ _neighbor_sums(X, W[rows], origin))
    sums["weight"] = float(both.sum())
    return sums


def add_graph(sums, X, W):  # dict, (n, d), (n, n) -> dict
    """Sums with the weighted pairs of a graph added."""
    found = graph_sums(X, W, sums["origin"])
    return found | {name: sums[name] + found[name] for name in found if name != "origin"}


def _neighbor_sums(X, W, origin):  # (n, d), (b, n) -> (b, d)
    """Weighted sums of the neighbours of b rows; only rows that are neighbours are read."""
    columns, places = np.unique(W.indices, return_inverse=True)
    narrow = sparse.csr_matrix((W.data, places, W.indptr), shape=(W.shape[0], len(columns)))
    return narrow @ _centred(X[columns], origin)


def moments(sums):  # dict -> (d,), (d, d), (d, d)
    """Mean, covariance S and symmetric cross-covariance G of the pairs; an error without any."""
    mean = sums["first"] / sums["weight"]
    outer = np.outer(mean, mean)
    cross = sums["cross"] / sums["weight"]
    S = sums["second"] / sums["weight"] - outer
    noise = _ROUNDING * (mean @ mean) + np.square(_ROUNDING * sums["origin"]).sum()
    if not np.trace(S) > noise:
        raise ValueError("Rows of neighbour pairs must have variance, but all are the same.")
    return sums["origin"] + mean, S, (cross + cross.T) / 2 - outer


def output_correlation(Z, W):  # (n, q), (n, n) -> (q,)
    """Correlation of each output with that of the neighbours, over the pairs of a graph.

    An output without variance has correlation zero.
    """
    Z = np.asarray(Z, dtype=np.float64)
    weights = (np.asarray(W.sum(axis=1)).ravel() + np.asarray(W.sum(axis=0)).ravel()) / 2
    centred = Z - weights @ Z / weights.sum()
    variance = weights @ np.square(centred)
    cross = np.einsum("nq,nq->q", centred, W @ centred)
    return np.divide(cross, variance, out=np.zeros_like(cross), where=variance > 0)


def _centred(X, origin):
    """Rows less `origin`; sparse ones stay sparse where that is zero."""
    if sparse.issparse(X):
        return X.toarray() - origin if origin.any() else X.astype(np.float64)
    return np.asarray(X, np.float64) - origin


def _total(X):
    return np.asarray(X.sum(axis=0)).ravel()


def check_pair_rows(estimator, X, *, reset=False, min_samples=1):
    """Rows, sparse or not, and at least two in a fit, which warns of too few outputs."""
    X = validate_rows(
        estimator, X, reset=reset, accept_sparse="csr",
        ensure_min_samples=2 if reset else min_samples,
    )  # fmt: skip
    if reset:
        warn_of_few_outputs(estimator, stacklevel=4)
    return X


def warn_of_few_outputs(estimator, stacklevel=4):
    """Say that two or three outputs of TLDR are a ring."""
    if estimator.n_components < _FIRST_USEFUL:
        warnings.warn(
            f"n_components={estimator.n_components} is too few to be looked at or searched: the "
            "outputs of TLDR form a ring in the plane. Use it from 4 components on.",
            UserWarning,
            stacklevel=stacklevel,
        )


def check_partners(estimator, X, X_neighbors):
    """The other rows of pairs."""
    others = check_pair_rows(estimator, X_neighbors)
    if X.shape != others.shape:
        raise ValueError(f"X_neighbors must have the shape of X, {X.shape}, got {others.shape}.")
    return others
