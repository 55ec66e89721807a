"""Clusterings that express each row by the others, and the solvers of their problems."""

from sksubspace.cluster._self_expression._elastic_net import ElasticNetSubspaceClustering
from sksubspace.cluster._self_expression._least_squares import LeastSquaresSubspaceClustering
from sksubspace.cluster._self_expression._omp import SparseSubspaceClusteringOMP
from sksubspace.cluster._self_expression._thresholded import ThresholdedSubspaceClustering

__all__ = [
    "ElasticNetSubspaceClustering",
    "LeastSquaresSubspaceClustering",
    "SparseSubspaceClusteringOMP",
    "ThresholdedSubspaceClustering",
]
