r"""What a linear map needs to know of neighbour pairs: their mean, S and G.

Over pairs (x, x') let the mean be that of both sides together, S the covariance of both sides and
G = sym E[x x'^T] less the mean's outer product. Sums over pairs are kept in a plain dict, so that
batches of pairs can be added and a fitted estimator holds nothing but arrays.
"""

import numpy as np
from scipy import sparse

from sksubspace._linalg import row_blocks

_PAIR_ROWS = 2048
_ROUNDING = 1e-14


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
        added["second"] += (_dense(left.T @ left) + _dense(right.T @ right)) / 2
        added["cross"] += _dense(left.T @ right)
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
        sums["second"] += _dense(block.T @ weighted)
        sums["cross"] += _dense(block.T @ _neighbor_sums(X, W[rows], origin))
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


def _dense(product):
    return product.toarray() if sparse.issparse(product) else product
