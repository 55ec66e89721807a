"""The pairs of rows that an estimator learns from: its parameters, put into effect."""

from numbers import Integral

import numpy as np

from sksubspace.manifold._pair_graph import check_pairs, pair_weights
from sksubspace.neighbors import nearest_neighbors


def find_pairs(params, scores, random_state):  # (n, r) -> (n, n)
    """Search the neighbours of rows, or of the anchors among them, and weigh the pairs."""
    n_rows = len(scores)
    anchors = draw_anchors(params.n_anchors, n_rows, random_state)
    _, indices = nearest_neighbors(
        scores,
        min(params.n_neighbors, n_rows - 1),
        metric=params.metric,
        queries=anchors,
        method=params.search,
        n_jobs=params.n_jobs,
        random_state=random_state,
    )
    mutual = params.mutual and anchors is None
    return pair_weights(indices, n_rows, queries=anchors, mutual=mutual)


def given_pairs(params, graph, n_rows):  # -> (n, n)
    """Weigh the pairs of a graph that the caller knows."""
    return check_pairs(graph, n_rows, params.mutual)


def draw_anchors(wanted, n_rows, random_state):  # -> (m,) or None
    """Rows whose neighbours are looked up: a number or a share of them, None for all."""
    if wanted is None:
        return None
    n_anchors = wanted if isinstance(wanted, Integral) else max(1, round(wanted * n_rows))
    return np.sort(random_state.choice(n_rows, min(n_anchors, n_rows), replace=False))
