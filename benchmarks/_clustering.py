"""Data, methods and accuracy that the clustering benchmarks share."""

import os
from functools import partial
from pathlib import Path

import numpy as np
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import normalize

from sksubspace.cluster import (
    ElasticNetSubspaceClustering,
    EnsembleKSubspaces,
    KSubspaces,
    LeastSquaresSubspaceClustering,
    ManifoldLinearizingClustering,
    MixtureOfLowRankGaussians,
    MultilayerGraphClustering,
    SparseSubspaceClusteringOMP,
    ThresholdedSubspaceClustering,
)
from sksubspace.datasets import make_union_of_subspaces
from sksubspace.metrics import clustering_accuracy as accuracy

__all__ = [
    "accuracy",
    "cluster_data",
    "has_cluster_data",
    "methods",
    "noise_case",
    "planes",
    "synthetic",
]

FILES = {
    "Yale B": "yaleb.npz",
    "COIL-20": "coil20.npz",
    "ORL": "orl.npz",
    "MNIST scattering": "mnist_test_scattering500.npz",
    "USPS": "usps.npz",
}


def has_cluster_data(name):
    """Whether a data set can be read: digits always, others from the folder SKSUBSPACE_DATA."""
    folder = os.environ.get("SKSUBSPACE_DATA")
    return name == "digits" or (folder is not None and (Path(folder) / FILES[name]).exists())


def cluster_data(name, n_rows=None, seed=0):  # -> (n, d) float64, (n,)
    """All rows of a set, or a stratified draw of `n_rows`."""
    X, y = _read(name)
    if n_rows is not None and n_rows < len(X):
        X, _, y, _ = train_test_split(X, y, train_size=n_rows, stratify=y, random_state=seed)
    return np.ascontiguousarray(X, dtype=np.float64), np.unique(y, return_inverse=True)[1]


def _read(name):
    if name == "digits":
        return load_digits(return_X_y=True)
    with np.load(Path(os.environ["SKSUBSPACE_DATA"]) / FILES[name]) as file:
        if name == "USPS":
            return np.vstack([file["X_train"], file["X_test"]]), np.r_[
                file["y_train"], file["y_test"]
            ]
        return file["X"], file["y"]


def synthetic(n, seed):
    """D = 9, d = 6, K = 5, no noise."""
    return make_union_of_subspaces(
        n, n_features=9, n_subspaces=5, subspace_dim=6, random_state=seed
    )


def planes(seed):
    """D = 12, d = 2, K = 3, 300 rows with noise of .02 on each coordinate."""
    return make_union_of_subspaces(
        300, n_features=12, n_subspaces=3, subspace_dim=2, noise=0.02, random_state=seed
    )


def noise_case(n, seed, dtype=np.float64, noise=0.02):
    """D = 30, d = 5, K = 10: unit rows, then noise of .02 (or `noise`) on each coordinate."""
    X, y = make_union_of_subspaces(
        n, n_features=30, n_subspaces=10, subspace_dim=5, noise=noise, random_state=seed
    )
    return X.astype(dtype, copy=False), y


def methods():
    """What the table of methods compares: name -> function of the number of clusters and a seed."""
    kinds = {
        "OMP": partial(SparseSubspaceClusteringOMP),
        "OMP, untied": partial(SparseSubspaceClusteringOMP, neighbor_weight=0),
        "elastic net": partial(ElasticNetSubspaceClustering),
        "elastic net, knn": partial(ElasticNetSubspaceClustering, affinity="knn"),
        "least squares": partial(LeastSquaresSubspaceClustering),
        "least squares, symmetrize": partial(LeastSquaresSubspaceClustering, affinity="symmetrize"),
        "thresholding": partial(ThresholdedSubspaceClustering),
        "K-subspaces": partial(KSubspaces),
        "ensemble of K-subspaces": partial(EnsembleKSubspaces),
        "mixture of low-rank Gaussians": partial(MixtureOfLowRankGaussians),
        "nearest-neighbour graph": partial(MultilayerGraphClustering),
        "manifold linearizing": partial(ManifoldLinearizingClustering),
    }
    made = {name: partial(_make, kind) for name, kind in kinds.items()}
    return made | {"k-means on unit rows": lambda k, seed: _UnitKMeans(k, seed)}


def _make(kind, n_clusters, seed):
    return kind(n_clusters=n_clusters, random_state=seed)


class _UnitKMeans:
    def __init__(self, n_clusters, seed):
        self.kmeans = KMeans(n_clusters, n_init=10, random_state=seed)

    def fit(self, X):
        self.labels_ = self.kmeans.fit_predict(normalize(X))
        return self
