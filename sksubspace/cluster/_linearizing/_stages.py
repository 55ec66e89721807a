"""What a stage of training has come to: clusters of its features, and an unsupervised score."""

from dataclasses import dataclass
from functools import partial
from operator import itemgetter

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from sksubspace._linalg import r_squared
from sksubspace._torch.inference import batched_forward
from sksubspace._torch.persistence import module_to_arrays
from sksubspace.cluster._affinity import coefficients_to_affinity
from sksubspace.cluster._base import SCORED_DIM
from sksubspace.cluster._spectral import SpectralResult, nearest_bridges, spectral_labels
from sksubspace.cluster._subspaces import fit_subspaces, squared_residuals
from sksubspace.neighbors import k_nearest

__all__ = ["Stage", "assess", "explained", "graphs_of"]

# where exp underflows: a tie of weight zero would drop a neighbour, and with it a row
_SMALLEST_WEIGHT = 1e-12


@dataclass(frozen=True)
class Stage:
    """A trained network and its clusters.

    Attributes
    ----------
    name : str
        The stage of training.
    weights : dict of str to ndarray
        Of the network.
    features : ndarray of shape (n_samples, n_components)
        Of the training rows.
    affinity : CSR matrix of shape (n_samples, n_samples)
        The graph that was clustered.
    spectral : SpectralResult
        Labels and eigenvalues.
    score : float
        R2 of the clusters' subspaces in the space of the rows.
    """

    name: str
    weights: dict
    features: np.ndarray
    affinity: sparse.csr_matrix
    spectral: SpectralResult
    score: float


def assess(name, heads, X, rows, *, n_clusters, n_neighbors, temperature, n_init, seed):
    """Cluster rows by what is learned so far; of the graphs tried, keep the best as a `Stage`.

    `rows` are X (n, d) on the device, `heads` the network as it is now. Graphs have half of
    `n_neighbors`, as many, and twice as many, with weights of this temperature; k-means gets the
    seed for every graph and stage alike. The features of two stages differ, so the criterion is in
    the space of X: the labels are those whose subspaces fit the rows best.
    """
    features, codes = batched_forward(heads, rows, device=rows.device).swapaxes(0, 1)

    def clustered(A):
        result = spectral_labels(
            A,
            n_clusters,
            n_init=n_init,
            random_state=np.random.RandomState(seed),
            bridges=partial(nearest_bridges, codes),
        )
        return explained(X, result.labels), A, result

    candidates = map(clustered, graphs_of(codes, n_clusters, n_neighbors, temperature))
    score, A, result = max(candidates, key=itemgetter(0))
    return Stage(name, module_to_arrays(heads), features.copy(), A, result, score)


def graphs_of(codes, n_clusters, n_neighbors, temperature):  # -> list of csr (n, n)
    """Graphs of half the neighbours, as many and twice as many, symmetric and doubly stochastic.

    The codes (n, q) have length 1, the weights this temperature. Graphs that fall into more pieces
    than clusters are left out; if all do, the one of most neighbours is used.
    """
    sizes = (n_neighbors // 2, n_neighbors, 2 * n_neighbors)
    sizes = sorted({min(max(size, 1), len(codes) - 1) for size in sizes})
    graphs = [_graph(codes, size, temperature) for size in sizes]
    whole = [A for A in graphs if connected_components(A, directed=False)[0] <= n_clusters]
    return whole or graphs[-1:]


def _graph(codes, n_neighbors, temperature):  # (n, p) -> csr (n, n)
    """Doubly stochastic matrix of exp(<c_i, c_j> / temperature) on the nearest neighbours."""
    squared, nearest = k_nearest(codes, codes, n_neighbors, exclude_self=True)
    weights = np.maximum(np.exp(-squared / (2 * temperature)), _SMALLEST_WEIGHT)
    pointers = np.arange(0, nearest.size + 1, n_neighbors)
    C = sparse.csr_matrix((weights.ravel(), nearest.ravel(), pointers), shape=(len(codes),) * 2)
    return coefficients_to_affinity(C, "doubly_stochastic")


def explained(X, labels):  # (n, d), (n,) -> float
    """R2, in sample, of projecting rows on the nearest of the clusters' subspaces.

    With at most three dimensions a subspace.
    """
    found, labels = np.unique(labels, return_inverse=True)
    means, bases = fit_subspaces(X, labels, len(found))
    bases = [basis[:SCORED_DIM] for basis in bases]
    residual = squared_residuals(X, means, bases).min(axis=1).sum(dtype=np.float64)
    total = np.square(X - X.mean(axis=0)).sum(dtype=np.float64)
    return r_squared(residual, total)
