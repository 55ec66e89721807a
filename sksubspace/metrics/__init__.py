"""Measures of how well a map keeps the distances, neighbours and labels of the data."""

from sksubspace.metrics._co_ranking import auc_q_nx, q_nx
from sksubspace.metrics._distance_correlation import distance_correlation
from sksubspace.metrics._embedding_score import EmbeddingScore, embedding_score
from sksubspace.metrics._neighborhood_hit import neighborhood_hit
from sksubspace.metrics._stress import normalized_stress
from sksubspace.metrics._trustworthiness import continuity, trustworthiness

__all__ = [
    "embedding_score",
    "EmbeddingScore",
    "trustworthiness",
    "continuity",
    "neighborhood_hit",
    "q_nx",
    "auc_q_nx",
    "normalized_stress",
    "distance_correlation",
]
