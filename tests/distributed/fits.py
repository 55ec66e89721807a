"""The fits that are sums over rows, each with rows for it and what it finds."""

import numpy as np
from sklearn.datasets import load_digits

from sksubspace import TLDR, SteinSubspace
from sksubspace.cluster import (
    ElasticNetSubspaceClustering,
    KSubspaces,
    LeastSquaresSubspaceClustering,
    MixtureOfLowRankGaussians,
    MultilayerGraphClustering,
    SparseSubspaceClusteringOMP,
    ThresholdedSubspaceClustering,
)
from sksubspace.erasure import ConceptEraser


def near_subspaces(n=600, d=15, k=4, noise=0.2):
    """Rows near four subspaces of three dimensions, and which."""
    rng = np.random.RandomState(0)
    bases, y = rng.randn(k, 3, d), rng.randint(k, size=n)
    X = np.einsum("nr,nrd->nd", rng.randn(n, 3), bases[y]) + noise * rng.randn(n, d)
    return X + 0.5, y


def with_responses():
    X, _ = near_subspaces()
    return X, np.c_[X[:, 0] ** 2 + X[:, 1], np.tanh(X[:, 2])]


def digits():
    X, y = load_digits(return_X_y=True)
    return X[:700] + 0.01 * np.random.RandomState(0).randn(700, 64), y[:700]


def with_copies():
    """Rows that come twice, and rows of zeros."""
    X, y = digits()
    return np.vstack([X, X[100:180], X[120:140], np.zeros((3, 64))]), np.r_[y, y[:103]]


def in_pieces():
    """Five heaps far apart in either view, so that landmarks must be tied together."""
    rng = np.random.RandomState(0)
    y = rng.randint(5, size=400)
    heaps = [30 * rng.randn(5, 4)[y] + rng.randn(400, 4) for _ in range(2)]
    return np.hstack(heaps), y


_CLUSTERS = {"n_clusters": 4, "random_state": 0}
_LANDMARKS = {**_CLUSTERS, "n_landmarks": 80}
_KINDS = {
    "eraser-leace": (lambda: ConceptEraser(), near_subspaces),
    "eraser-sal": (lambda: ConceptEraser("sal"), with_responses),
    "stein-1": (lambda: SteinSubspace(2), with_responses),
    "stein-2": (lambda: SteinSubspace(2, order=2, svd_solver="full"), with_responses),
    "stein-both": (lambda: SteinSubspace(3, order="both", svd_solver="full"), near_subspaces),
    "k-subspaces": (lambda: KSubspaces(**_CLUSTERS), near_subspaces),
    "k-subspaces-affine": (
        lambda: KSubspaces(subspace_dim=3, affine=True, normalize=False, n_init=2, **_CLUSTERS),
        near_subspaces,
    ),
    "mixture": (
        lambda: MixtureOfLowRankGaussians(rank=3, init_params="ensemble", **_CLUSTERS),
        near_subspaces,
    ),
    "mixture-unit": (
        lambda: MixtureOfLowRankGaussians(
            init_params="ensemble", normalize=True, n_init=2, **_CLUSTERS
        ),
        near_subspaces,
    ),
    "least-squares": (lambda: LeastSquaresSubspaceClustering(**_LANDMARKS), near_subspaces),
    "least-squares-two-draws": (
        lambda: LeastSquaresSubspaceClustering(n_landmark_draws=2, subspace_dim=3, **_LANDMARKS),
        near_subspaces,
    ),
    "thresholded": (lambda: ThresholdedSubspaceClustering(**_LANDMARKS), near_subspaces),
    "omp": (lambda: SparseSubspaceClusteringOMP(**_LANDMARKS), near_subspaces),
    "elastic-net": (lambda: ElasticNetSubspaceClustering(**_LANDMARKS), near_subspaces),
    "multilayer": (
        lambda: MultilayerGraphClustering(views=[range(10), range(5, 15)], **_LANDMARKS),
        near_subspaces,
    ),
    "multilayer-pieces": (
        lambda: MultilayerGraphClustering(
            3,
            views=[range(4), range(4, 8)],
            n_landmarks=30,
            normalize=False,
            alpha=0.2,
            weights=[1, 2],
            random_state=0,
        ),
        in_pieces,
    ),
    "multilayer-zeros": (
        lambda: MultilayerGraphClustering(
            10, views=[range(32), range(32, 64)], n_landmarks=90, random_state=0
        ),
        with_copies,
    ),
    "tldr": (lambda: TLDR(6, encoder="linear"), digits),
    "tldr-anchors": (
        lambda: TLDR(6, encoder="linear", n_anchors=0.4, metric="euclidean", random_state=0),
        with_copies,
    ),
    "tldr-twin": (lambda: TLDR(6, encoder="linear", solver="lbfgs"), with_copies),
}
NAMES = [*_KINDS]
# one of each class
ONE_EACH = (
    "eraser-leace", "stein-both", "k-subspaces-affine", "mixture-unit", "least-squares",
    "thresholded", "omp", "elastic-net", "multilayer", "tldr-anchors",
)  # fmt: skip


def make(name):  # -> estimator, (n, d), (n,) or (n, L)
    """An estimator yet to be fitted, and rows for it."""
    estimator, rows = _KINDS[name]
    return estimator(), *rows()


def found(estimator, X):
    """All that a fit has found, as arrays."""
    result = {
        "new": getattr(
            estimator, "transform", estimator.predict if hasattr(estimator, "predict") else None
        )(X[:40])
    }
    for name in ("labels_", "components_", "eigenvalues_", "inertia_", "lower_bounds_",
                 "weights_", "variances_", "cluster_means_", "mean_", "singular_values_",
                 "embedding_", "explained_variance_", "n_iter_"):  # fmt: skip
        if hasattr(estimator, name):
            result[name] = np.asarray(getattr(estimator, name))
    return result
