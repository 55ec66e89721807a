"""Where K-subspaces starts."""

import warnings

import numpy as np
from sklearn.cluster import KMeans

from sksubspace.cluster._k_subspaces._ensemble import EnsembleOptions, cluster_by_votes
from sksubspace.cluster._k_subspaces._runs import auto_candidate_dim, random_labels
from sksubspace.cluster._subspaces import fit_subspaces

__all__ = ["auto_dim", "has_rows_to_vote", "labels_by_votes", "rows_of_start", "start_labels"]

# rows a cluster below which the start is random
_FEWEST_ROWS = 3
# the ensemble of a start: fewer rows and runs than `EnsembleKSubspaces` has
_START_ROWS = 3_000
_START_RUNS = 60
_START_ITER = 3
_START_NEIGHBORS = 12


def start_labels(X, n_clusters, init, random_state):  # (n, d) -> (n,)
    """Labels to start from, by `init` of `KSubspaces`.

    From 0; -1 for rows that are left out: zero rows and, for "ensemble", all but 3,000. With fewer
    than three rows a cluster the start is random.
    """
    if init == "k-means":
        seed = random_state.randint(2**31 - 1)
        return KMeans(n_clusters, n_init=1, random_state=seed).fit_predict(X)
    n_nonzero = np.count_nonzero(X.any(axis=1))
    if init == "random" or not has_rows_to_vote(n_nonzero, n_clusters):
        return random_labels(X, n_clusters, auto_candidate_dim(X, n_clusters), random_state)
    rows = rows_of_start(len(X), n_clusters, random_state)
    labels = np.full(len(X), -1)
    labels[rows] = labels_by_votes(X[rows], n_clusters, random_state)
    return labels


def has_rows_to_vote(n_nonzero, n_clusters):
    """Whether the start "ensemble" is one by votes."""
    return n_nonzero >= _FEWEST_ROWS * n_clusters


def rows_of_start(n_rows, n_clusters, random_state):  # -> (m,)
    """Numbers of the rows that vote, drawn and in order."""
    return np.sort(random_state.permutation(n_rows)[: max(_START_ROWS, 20 * n_clusters)])


def labels_by_votes(X, n_clusters, random_state):  # (m, d) -> (m,)
    """Labels of the rows that vote."""
    options = EnsembleOptions(
        n_clusters,
        auto_candidate_dim(X, n_clusters),
        _START_RUNS,
        _START_ITER,
        _START_NEIGHBORS,
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The affinity graph has")
        return cluster_by_votes(X, n_clusters, options, random_state).spectral.labels


def auto_dim(X, labels):  # (n, d), (n,) -> int
    """The dimension that holds 99 % of the energy of a cluster about its mean: the median.

    From 1 to 15, less than the number of features; rows with a negative label are left out.
    """
    found, numbers = np.unique(labels[labels >= 0], return_inverse=True)
    _, bases = fit_subspaces(X[labels >= 0], numbers, len(found))
    return max(1, int(np.median([len(basis) for basis in bases])))
