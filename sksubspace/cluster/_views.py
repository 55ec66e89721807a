"""The views of a data set: their weights and their graphs."""

from functools import partial

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import LinearOperator, aslinearoperator
from sklearn.base import clone
from sklearn.preprocessing import normalize

from sksubspace.cluster._spectral import connected, nearest_bridges, normalized_eigenvectors
from sksubspace.neighbors import k_nearest

__all__ = [
    "check_weights",
    "codes_of_estimator",
    "connected_graph",
    "graph_of_estimator",
    "merged_operator",
    "nearest_neighbors_graph",
    "off_nearest",
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


def merged_operator(graphs, weights, alpha, n_clusters):
    r"""Apply :math:`I - L_{mod} = \sum_l w_l (S_l + \alpha U_l U_l^T)` without forming it.

    :math:`S_l = D_l^{-1/2} A_l D_l^{-1/2} = I - L_l`, whose largest eigenvectors are the smallest
    of the Laplacian.
    """
    merged = sum(w * normalized_graph(A) for w, A in zip(weights, graphs, strict=True))
    if alpha == 0:
        return aslinearoperator(merged)
    own = [normalized_eigenvectors(A, n_clusters)[1] for A in graphs]
    U = np.hstack([np.sqrt(alpha * w) * V for w, V in zip(weights, own, strict=True)])

    def apply(v):
        return merged @ v + U @ (U.T @ v)

    return LinearOperator(merged.shape, matvec=apply, matmat=apply, dtype=np.float64)


def normalized_graph(A):  # csr (n, n) -> csr (n, n)
    """D^-1/2 A D^-1/2; rows without ties stay empty."""
    degrees = np.asarray(A.sum(axis=1)).ravel()
    scale = sparse.diags(np.where(degrees > 0, 1 / np.sqrt(np.maximum(degrees, 1e-300)), 0))
    return (scale @ A @ scale).tocsr()


def connected_graph(A, view, n_clusters):  # csr (n, n), (n, d) -> csr (n, n)
    """Tie components weakly where there are more of them than clusters; zero rows stay alone."""
    A = A.astype(np.float64)
    tied = np.flatnonzero(np.asarray(A.sum(axis=1)).ravel())
    bridges = partial(nearest_bridges, normalize(view[tied]))
    joined = connected(A[tied][:, tied], n_clusters, bridges)
    spread = sparse.identity(A.shape[0], format="csr")[:, tied]
    return (spread @ joined @ spread.T).tocsr()


def off_nearest(rows, means, bases):  # (n, d) -> (n, d)
    """Residual of each row on the subspace that is nearest."""
    smallest = np.full(len(rows), np.inf)
    residuals = np.empty_like(rows)
    for mean, basis in zip(means, bases, strict=True):
        centred = rows - mean
        off = centred - (centred @ basis.T) @ basis
        squared = np.einsum("nd,nd->n", off, off)
        nearer = squared < smallest
        smallest[nearer], residuals[nearer] = squared[nearer], off[nearer]
    return residuals
