"""Subspace clustering: rows that share a subspace, found without labels, with `predict`."""

from sksubspace.cluster._auto import AutoSubspaceClustering
from sksubspace.cluster._elastic_net import ElasticNetSubspaceClustering
from sksubspace.cluster._ensemble import EnsembleKSubspaces
from sksubspace.cluster._k_subspaces import KSubspaces
from sksubspace.cluster._least_squares import LeastSquaresSubspaceClustering
from sksubspace.cluster._manifold_linearizing import ManifoldLinearizingClustering
from sksubspace.cluster._mixture import MixtureOfLowRankGaussians
from sksubspace.cluster._multilayer import MultilayerGraphClustering
from sksubspace.cluster._omp import SparseSubspaceClusteringOMP
from sksubspace.cluster._thresholded import ThresholdedSubspaceClustering

__all__ = [
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
]
