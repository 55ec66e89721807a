"""Subspace clustering: rows that share a subspace, found without labels, with `predict`."""

from sksubspace.cluster._auto import (
    AutoClustering,
    AutoSubspaceClustering,
    default_clusterings,
    subspace_r2,
)
from sksubspace.cluster._k_subspaces import EnsembleKSubspaces, KSubspaces
from sksubspace.cluster._linearizing import ManifoldLinearizingClustering
from sksubspace.cluster._mixture import MixtureOfLowRankGaussians
from sksubspace.cluster._multilayer import MultilayerGraphClustering
from sksubspace.cluster._neighborhood import NeighborhoodClustering
from sksubspace.cluster._self_expression import (
    ElasticNetSubspaceClustering,
    LeastSquaresSubspaceClustering,
    SparseSubspaceClusteringOMP,
    ThresholdedSubspaceClustering,
)

__all__ = [
    "AutoClustering",
    "default_clusterings",
    "subspace_r2",
    "AutoSubspaceClustering",
    "SparseSubspaceClusteringOMP",
    "ElasticNetSubspaceClustering",
    "LeastSquaresSubspaceClustering",
    "ThresholdedSubspaceClustering",
    "KSubspaces",
    "EnsembleKSubspaces",
    "MixtureOfLowRankGaussians",
    "MultilayerGraphClustering",
    "ManifoldLinearizingClustering",
    "NeighborhoodClustering",
]
