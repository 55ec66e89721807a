"""Measures of maps, clusters and subspaces."""

from sksubspace.metrics._class_neighbors import neighborhood_hit, retrieval_map
from sksubspace.metrics._cluster_deviance import cluster_deviance_explained
from sksubspace.metrics._clusters import (
    clustering_accuracy,
    coding_rate,
    rate_reduction,
    subspace_connectivity,
    subspace_preserving_error,
)
from sksubspace.metrics._controls import (
    IslandsDealt,
    deal_islands,
    find_islands,
    gaussian_surrogate,
    islands_dealt,
)
from sksubspace.metrics._deviance import deviance_explained
from sksubspace.metrics._diffusion import diffusion_spectral_entropy
from sksubspace.metrics._dimension import (
    intrinsic_dimension,
    local_intrinsic_dimension,
    minimum_spanning_tree_length,
)
from sksubspace.metrics._distances import distance_correlation, normalized_stress
from sksubspace.metrics._embedding_score import EmbeddingScore, embedding_score
from sksubspace.metrics._features import FeatureMatch, match_features
from sksubspace.metrics._global_share import global_share
from sksubspace.metrics._group_loss import GroupLoss, group_loss
from sksubspace.metrics._group_scores import GroupScores, group_scores
from sksubspace.metrics._layers import FactoredWeights, compress_layers, utilized_rank
from sksubspace.metrics._linear_gain import LinearGain, linear_gain
from sksubspace.metrics._marks import EmbeddingReliability
from sksubspace.metrics._neighbor_information import (
    NeighborInformation,
    neighbor_information,
)
from sksubspace.metrics._principal_angles import (
    principal_angles,
    subspace_affinity,
    subspace_distance,
)
from sksubspace.metrics._ranks import auc_q_nx, continuity, q_nx, trustworthiness
from sksubspace.metrics._reliability import embedding_reliability
from sksubspace.metrics._spread import (
    centered_kernel_alignment,
    effective_rank,
    participation_ratio,
)
from sksubspace.metrics._top_and_bottom import (
    ReconstructionAlignment,
    reconstruction_alignment_curve,
)

__all__ = [
    "embedding_score",
    "EmbeddingScore",
    "embedding_reliability",
    "EmbeddingReliability",
    "global_share",
    "group_scores",
    "GroupScores",
    "group_loss",
    "GroupLoss",
    "linear_gain",
    "LinearGain",
    "neighbor_information",
    "NeighborInformation",
    "find_islands",
    "deal_islands",
    "islands_dealt",
    "IslandsDealt",
    "gaussian_surrogate",
    "deviance_explained",
    "cluster_deviance_explained",
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
    "intrinsic_dimension",
    "local_intrinsic_dimension",
    "minimum_spanning_tree_length",
    "participation_ratio",
    "effective_rank",
    "centered_kernel_alignment",
    "diffusion_spectral_entropy",
    "match_features",
    "compress_layers",
    "reconstruction_alignment_curve",
    "utilized_rank",
    "FactoredWeights",
    "ReconstructionAlignment",
    "FeatureMatch",
]
