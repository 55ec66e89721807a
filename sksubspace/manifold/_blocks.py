"""Pairs of neighbours among rows in a dask collection, and the moments that a linear map needs.

What is held here is the graph, a few numbers for each row, and matrices of (d, d); rows stay in
their blocks.
"""

from functools import partial
from hashlib import blake2b

import numpy as np

from sksubspace._dask import Blocks, refuse_collection
from sksubspace._linalg import SMALL_SIDE, column_means, gram, leading_eigenpairs, project
from sksubspace._student._groups import first_of
from sksubspace._validation import check_block
from sksubspace.manifold._learning import LinearProblem
from sksubspace.manifold._pairs import (
    check_pairs,
    draw_anchors,
    moments,
    no_pairs,
    pair_weights,
    pairs_of_copies,
    warn_of_few_outputs,
)
from sksubspace.neighbors._shards import neighbors_in_shards, prepared_block

# bytes by which equal rows are told
_KEY = 16


def problem_of_blocks(estimator, X, random_state, graph=None):  # -> LinearProblem, dtype
    """Moments over the pairs of neighbours among the rows of a collection."""
    if estimator.encoder != "linear" or estimator.solver == "sgd":
        refuse_collection(
            X, "X", f"with encoder={estimator.encoder!r} and solver={estimator.solver!r}"
        )
    if estimator.search == "approximate":
        refuse_collection(X, "X", "with search='approximate'")
    blocks = Blocks.of(estimator, X)
    if blocks.n_columns > SMALL_SIDE:
        refuse_collection(X, "X", f"with {blocks.n_columns:,} columns")
    if blocks.n_rows < 2:
        raise ValueError(f"X must have at least 2 rows, got {blocks.n_rows}.")
    warn_of_few_outputs(estimator)
    mean, directions = _principal(blocks, estimator.pca_components)
    if graph is None:
        scores = partial(_scores_of_block, mean=mean, directions=directions)
        W = _graph_of_blocks(estimator, blocks, scores, random_state)
    else:
        W = check_pairs(graph, blocks.n_rows, estimator.mutual)
    return LinearProblem(*moments(_graph_sums(blocks, W, mean)), None), blocks.dtype


def _principal(blocks, n_directions):  # -> (d,), (d, r)
    origin = blocks.first(column_means)
    n, total, products = blocks.total(_first_sums, _added, origin)
    shift = total / n
    S = products / n - np.outer(shift, shift)
    if not np.trace(S) > 0:
        raise ValueError("X must have variance, but all its rows are the same.")
    d = blocks.n_columns
    most = min(n_directions or min(n, d), n, d)
    return origin + shift, leading_eigenpairs(S, most)[1]


def _first_sums(rows, origin):  # (b, d) -> [int, (d,), (d, d)]
    X = check_block(rows)
    return [len(X), (X - origin).sum(axis=0), gram(X, X, origin)]


def _added(one, other):
    return [a + b for a, b in zip(one, other, strict=True)]


def _scores_of_block(rows, mean, directions):  # (b, d) -> (b, r)
    return project(check_block(rows), mean, directions)


def _graph_of_blocks(estimator, blocks, scores, random_state):  # -> (n, n)
    """The graph that `pairs_of` finds."""
    n_rows = blocks.n_rows
    anchors = draw_anchors(estimator.n_anchors, n_rows, random_state)
    groups = _numbers_of_keys(np.concatenate(blocks.gathered(_row_keys)))
    first = first_of(groups) == np.arange(n_rows)
    kept = [np.flatnonzero(part) for part in blocks.cut(first)]
    shards = blocks.each(partial(_shard, scores=scores), estimator.metric, beside=(kept,))
    held = [i for i, numbers in enumerate(kept) if len(numbers)]
    found, _ = neighbors_in_shards(
        [shards[i] for i in held],
        [len(kept[i]) for i in held],
        min(estimator.n_neighbors, first.sum() - 1),
        estimator.metric,
        queries := None if anchors is None else np.unique(groups[anchors]),
    )
    indices = np.concatenate([rows for _, rows in _computed(found)])
    W = pair_weights(
        indices, int(first.sum()), queries=queries, mutual=estimator.mutual and anchors is None
    )
    heads = np.arange(n_rows) if anchors is None else anchors
    return W if first.all() else pairs_of_copies(W, groups, heads)


def _computed(tasks):
    from dask import compute

    return compute(*tasks)


def _shard(rows, kept, metric, scores):
    return prepared_block(scores(rows), metric, kept)


def _row_keys(rows):  # (b, d) -> (b,) of bytes
    X = np.ascontiguousarray(check_block(rows)) + 0.0  # -0 is 0
    keys = b"".join(blake2b(row.tobytes(), digest_size=_KEY).digest() for row in X)
    return np.frombuffer(keys, dtype=f"V{_KEY}")


def _numbers_of_keys(keys):  # (n,) -> (n,)
    """Number rows so that equal ones share a number, in the order in which they come."""
    _, first, inverse = np.unique(
        keys.view("u8").reshape(-1, 2), axis=0, return_index=True, return_inverse=True
    )
    return np.argsort(np.argsort(first))[inverse.ravel()]


def _graph_sums(blocks, W, origin):  # -> dict
    """Sums over the weighted pairs of a graph, as `graph_sums` has them."""
    both = (np.asarray(W.sum(axis=1)).ravel() + np.asarray(W.sum(axis=0)).ravel()) / 2
    first, second = blocks.total(_pair_sums_of_block, _added, origin, beside=(blocks.cut(both),))
    sums = no_pairs(origin) | {"weight": float(both.sum()), "first": first, "second": second}
    return sums | {"cross": blocks.total_of_pairs(_cross, np.add, W, origin)}


def _pair_sums_of_block(rows, weights, origin):  # (b, d), (b,) -> [(d,), (d, d)]
    X = np.asarray(check_block(rows), np.float64) - origin
    weighted = weights[:, None] * X
    return [weighted.sum(axis=0), X.T @ weighted]


def _cross(rows, others, W, origin):  # (b, d), (c, d), (b, c) -> (d, d)
    left, right = (np.asarray(check_block(one), np.float64) - origin for one in (rows, others))
    return left.T @ (W @ right)
