"""Where K-subspaces starts."""

import warnings

import numpy as np
from sklearn.cluster import KMeans

from sksubspace.cluster._k_subspaces._ensemble import EnsembleOptions, cluster_by_votes
from sksubspace.cluster._k_subspaces._runs import auto_candidate_dim, random_labels
from sksubspace.cluster._subspaces import fit_subspaces

__all__ = ["auto_dim", "start_labels"]

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
    if init == "random" or np.count_nonzero(X.any(axis=1)) < _FEWEST_ROWS * n_clusters:
        return random_labels(X, n_clusters, auto_candidate_dim(X, n_clusters), random_state)
    rows = np.sort(random_state.permutation(len(X))[: max(_START_ROWS, 20 * n_clusters)])
    options = EnsembleOptions(
        n_clusters,
        auto_candidate_dim(X[rows], n_clusters),
        _START_RUNS,
        _START_ITER,
        _START_NEIGHBORS,
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The affinity graph has")
        result = cluster_by_votes(X[rows], n_clusters, options, random_state)
    labels = np.full(len(X), -1)
    labels[rows] = result.spectral.labels
    return labels


def auto_dim(X, labels):  # (n, d), (n,) -> int
    """The dimension that holds 99 % of the energy of a cluster about its mean: the median.

    From 1 to 15, less than the number of features; rows with a negative label are left out.
    """
    found, numbers = np.unique(labels[labels >= 0], return_inverse=True)
    _, bases = fit_subspaces(X[labels >= 0], numbers, len(found))
    return max(1, int(np.median([len(basis) for basis in bases])))
