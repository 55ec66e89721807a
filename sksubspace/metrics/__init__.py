"""Measures of maps, clusters and subspaces."""

from sksubspace.metrics._clustering_accuracy import clustering_accuracy
from sksubspace.metrics._co_ranking import auc_q_nx, q_nx
from sksubspace.metrics._coding_rate import coding_rate, rate_reduction
from sksubspace.metrics._distance_correlation import distance_correlation
from sksubspace.metrics._embedding_score import EmbeddingScore, embedding_score
from sksubspace.metrics._neighborhood_hit import neighborhood_hit
from sksubspace.metrics._principal_angles import (
    principal_angles,
    subspace_affinity,
    subspace_distance,
)
from sksubspace.metrics._retrieval_map import retrieval_map
from sksubspace.metrics._stress import normalized_stress
from sksubspace.metrics._subspace_graph import subspace_connectivity, subspace_preserving_error
from sksubspace.metrics._trustworthiness import continuity, trustworthiness

__all__ = [
    "embedding_score",
    "EmbeddingScore",
    "trustworthiness",
    "continuity",
    "neighborhood_hit",
    "retrieval_map",
    "q_nx",
    "auc_q_nx",
    "normalized_stress",
    "distance_correlation",
    "clustering_accuracy",
    "subspace_preserving_error",
    "subspace_connectivity",
    "principal_angles",
    "subspace_affinity",
    "subspace_distance",
    "coding_rate",
    "rate_reduction",
]
