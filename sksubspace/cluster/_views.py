"""The views of a data set: their weights and their graphs."""

import numpy as np
from scipy import sparse
from sklearn.base import clone
from sklearn.preprocessing import normalize

from sksubspace.neighbors import k_nearest

__all__ = [
    "check_weights",
    "codes_of_estimator",
    "graph_of_estimator",
    "nearest_neighbors_graph",
    "takes_landmarks",
]


def check_weights(weights, n_views):  # -> (n_views,) float64
    """Turn the parameter `weights` into weights that sum to one; None is the same for all.

    A ValueError if there is not one a view, if one is negative or not finite, or if all are zero.
    """
    weights = np.ones(n_views) if weights is None else np.asarray(weights, dtype=np.float64)
    if weights.shape != (n_views,):
        raise ValueError(
            f"weights must have one number for each of the {n_views} views, got an array of shape "
            f"{weights.shape}."
        )
    if not np.isfinite(weights).all() or weights.min() < 0 or weights.max() == 0:
        raise ValueError(
            f"weights must be finite, not negative and not all zero, got {weights.tolist()}."
        )
    return weights / weights.sum()


def nearest_neighbors_graph(view, n_neighbors, skip_zeros):  # (n, d) -> csr (n, n)
    """Tie each row to its nearest neighbours, at most all others.

    1 for rows that are neighbours of each other, 1/2 for a neighbour on one side only. With
    `skip_zeros`, rows of zeros, which have no direction, are tied to none.
    """
    n = len(view)
    rows = np.flatnonzero(view.any(axis=1)) if skip_zeros else np.arange(n)
    k = min(n_neighbors, len(rows) - 1)
    if k < 1:
        return sparse.csr_matrix((n, n), dtype=view.dtype)
    _, indices = k_nearest(view[rows], view[rows], k, exclude_self=True)
    ones = np.ones(indices.size, dtype=view.dtype)
    G = sparse.csr_matrix((ones, (np.repeat(rows, k), rows[indices.ravel()])), shape=(n, n))
    return (0.5 * (G + G.T)).tocsr()


def graph_of_estimator(estimator, view, n_clusters, random_state):  # -> csr (n, n)
    """Fit a clone of an estimator to a view (n, d) and take its `affinity_matrix_`.

    The clone is given the number of clusters, and a seed if it has none of its own. A ValueError if
    there is no such symmetric graph of all rows that is not negative.
    """
    fitted = _fitted(estimator, view, n_clusters, random_state, None)
    A = getattr(fitted, "affinity_matrix_", None)
    if A is None or A.shape != (len(view), len(view)):
        raise ValueError(
            f"base={estimator!r} has no affinity_matrix_ of all rows after fit; estimators with "
            "landmarks have one with n_landmarks=None."
        )
    A = sparse.csr_matrix(A)
    if A.nnz and A.data.min() < 0:
        raise ValueError(f"The affinity_matrix_ of base={estimator!r} has negative entries.")
    return (0.5 * (A + A.T)).tocsr()


def codes_of_estimator(estimator, view, n_clusters, n_landmarks, random_state):
    """Fit a clone of an estimator with landmarks to a view (n, d).

    Returns the sizes of its coefficients at unit length or its shares, csr (n, m), and the
    landmarks (m,). A ValueError if it has neither.
    """
    fitted = _fitted(estimator, view, n_clusters, random_state, n_landmarks)
    if hasattr(fitted, "representation_matrix_"):
        codes = normalize(abs(fitted.representation_matrix_))
    elif hasattr(fitted, "co_association_"):
        codes = fitted.co_association_
    else:
        raise ValueError(
            f"base={estimator!r} has no coefficients on landmarks after fit; use n_landmarks=None."
        )
    landmarks = fitted.landmark_indices_
    return codes, np.arange(len(view)) if landmarks is None else landmarks


def takes_landmarks(estimator):
    """Whether an estimator leaves to others whether it uses landmarks, and can."""
    params = estimator.get_params()
    whole = params.get("affinity", "auto") not in ("auto", "symmetrize")
    return params.get("n_landmarks") == "auto" and not whole


def _fitted(estimator, view, n_clusters, random_state, n_landmarks):
    params = estimator.get_params()
    changes = {"n_clusters": n_clusters} if "n_clusters" in params else {}
    if params.get("random_state", 0) is None:
        changes["random_state"] = random_state.randint(2**31 - 1)
    if params.get("n_landmarks") == "auto":
        changes["n_landmarks"] = n_landmarks
    if "store_representation" in params:
        changes["store_representation"] = True
    return clone(estimator).set_params(**changes).fit(view)
